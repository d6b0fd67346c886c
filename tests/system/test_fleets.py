"""A real broker and a real world: devices in Browse, presence as quality, newcomers and their tags."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import cbor2
import pytest
from test_session import Desk
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.extend.discover import discover
from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, LinkState
from armillary.model.quality import GOOD, STALE, rank
from armillary.session.browsing import Browsing
from armillary.session.workspace import WorldState

pytestmark = pytest.mark.system

TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a79"
name = "Fleet"
[scene]
entry = "scene.usda"
[[source]]
name = "home"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
profile = "zigbee2mqtt"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
stale_after_s = 60
[decoder.box]
kind = "struct"
format = "<Hf:id,level"
"""
SCENE = (
    '#usda 1.0\n(\n    defaultPrim = "W"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "W"\n{\n}\n'
)
LAMP = {
    "type": "numeric",
    "property": "brightness",
    "unit": "%",
    "value_min": 0,
    "value_max": 100,
    "access": 7,
}
TWINS = {
    "schema": 1,
    "twins": [
        {"id": "lamp", "tags": {"level": {"address": "home!@lamp#brightness", "stale_after_s": 60}}},
        {
            "id": "box",
            "tags": {
                "cbor": {"address": "site!box/cbor#v", "decoder": "cbor"},
                "packed": {"address": "site!box/packed#level", "decoder": "box"},
            },
        },
    ],
    "fleets": [
        {
            "for": {"pump": ["P-1"]},
            "auto": True,
            "tags": {"vibration": {"address": "site!site/{pump}/vibration#v", "unit": "mm/s"}},
        }
    ],
    "relationships": [],
}


def _shown(desk: Desk, name: str) -> tuple[float, int]:
    at = desk.workspace
    slot = next(spec.slot for spec in at.specs if spec.name == name)
    return float(at.mirror.table.value[slot]), int(rank(at.mirror.table.quality[[slot]])[0])


def _browse(desk: Desk, link: str, under: str) -> dict[str, BrowseItem]:
    got: list[tuple[BrowseItem, ...] | FaultRecord] = []
    desk.workspace.browse(link, under, got.append, 200)
    desk.until(lambda: bool(got), 10.0, f"browsed {under!r}")
    assert not isinstance(got[0], FaultRecord), got[0]
    return {item.address: item for item in got[0]}


def _opened(desk: Desk, project: Path) -> None:
    desk.workspace.open(str(project))
    desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 40.0, "live")
    desk.until(
        lambda: [link.state for link in desk.workspace.links] == [LinkState.UP] * 2, 20.0, "both links are up"
    )


def test_devices_are_listed_go_stale_and_newcomers_have_tags_at_the_next_start(
    tmp_path: Path, own_home: Path
) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker, desk = Broker(tmp_path), Desk()
    try:
        broker.start()
        described = [{"friendly_name": "lamp", "definition": {"exposes": [LAMP]}}]
        broker.publish(("zigbee2mqtt/bridge/devices", json.dumps(described).encode()), retain=True)
        project = tmp_path / "project"
        project.mkdir()
        (project / "scene.usda").write_text(SCENE)
        (project / "project.toml").write_text(TOML.format(port=broker.port))
        (project / "twins.json").write_text(json.dumps(TWINS))
        _opened(desk, project)
        broker.publish(("zigbee2mqtt/lamp", b'{"brightness":40}'), ("site/P-1/vibration", b'{"v":1.5}'))
        desk.until(lambda: _shown(desk, "lamp.level") == (40.0, GOOD), 10.0, "the lamp's value")
        desk.until(lambda: _shown(desk, "P-1.vibration") == (1.5, GOOD), 10.0, "the fleet's value")
        if "struct" in discover(["decoders"]).of("decoders"):  # not in an environment that is installed anew
            payloads = (cbor2.dumps({"v": 2.5}), struct.pack("<Hf", 1, 3.5))
            broker.publish(("box/cbor", payloads[0]), ("box/packed", payloads[1]))
            desk.until(lambda: _shown(desk, "box.cbor") == (2.5, GOOD), 10.0, "CBOR's value")
            desk.until(lambda: _shown(desk, "box.packed") == (3.5, GOOD), 10.0, "the packed value")

        item = _browse(desk, "home", "@devices/lamp")["zigbee2mqtt/lamp#brightness"]
        assert (item.unit, item.low, item.high, item.writable) == ("%", 0.0, 100.0, True)
        assert _browse(desk, "home", "")["@devices"].name == "Devices (1)"
        browsing = Browsing(desk.workspace, desk.clock)
        browsing.begin()
        node = browsing._add(browsing.roots[0], "home", item)
        assert browsing.slot_of(node) == 0  # its tag has the short address

        broker.publish(("zigbee2mqtt/lamp/availability", b'{"state":"offline"}'))
        desk.until(lambda: _shown(desk, "lamp.level")[1] == STALE, 10.0, "the lamp is away")
        broker.publish(("zigbee2mqtt/lamp", b'{"brightness":41}'))
        desk.until(lambda: _shown(desk, "lamp.level") == (41.0, GOOD), 10.0, "the lamp is back")

        broker.publish(("site/P-9/vibration", b'{"v":2.5}'))
        noted = project / ".armillary" / "newcomers.json"
        desk.until(noted.exists, 10.0, "the newcomer is written down")
        assert list(_browse(desk, "site", "@coming")) == ["site/P-9/vibration#v"]
        assert "P-9.vibration" not in {spec.name for spec in desk.workspace.specs}
        desk.workspace.close()
        desk = Desk()
        _opened(desk, project)
        broker.publish(("site/P-9/vibration", b'{"v":2.5}'))
        desk.until(lambda: _shown(desk, "P-9.vibration") == (2.5, GOOD), 10.0, "the newcomer's value")
    finally:
        desk.workspace.close()
        broker.end()
