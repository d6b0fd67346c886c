"""A real broker and a real world: devices that go away are one alarm each, many of them one of their link.

Marked `scale`: an alarm of a device has five seconds to think it over.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_fleets import SCENE, Desk
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.model.alarm import Presentation
from armillary.model.link import LinkState
from armillary.model.quality import GOOD
from armillary.session.workspace import WorldState

pytestmark = [pytest.mark.system, pytest.mark.scale]

TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a79"
name = "Hall"
[scene]
entry = "scene.usda"
[[source]]
name = "home"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
profile = "zigbee2mqtt"
stale_after_s = 600
"""
RULES = """schema = 1
[[alarm]]
id = "LAMP-Q"
tag = "lamp0.level"
kind = "quality"
on_delay_s = 8
consequence = "Its level is not known."
operator_action = "Look at it."
"""
COUNT = 6


def _away(broker: Broker, *lamps: int) -> None:
    broker.publish(*((f"zigbee2mqtt/lamp{i}/availability", b'{"state":"offline"}') for i in lamps))


def _here(broker: Broker, *lamps: int) -> None:
    broker.publish(*((f"zigbee2mqtt/lamp{i}", b'{"brightness":40}') for i in lamps))


def test_a_lamp_that_goes_away_is_an_alarm_and_many_are_one(tmp_path: Path, own_home: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker, desk = Broker(tmp_path), Desk()
    try:
        broker.start()
        project = tmp_path / "project"
        project.mkdir()
        (project / "scene.usda").write_text(SCENE)
        (project / "project.toml").write_text(TOML.format(port=broker.port))
        (project / "rules.toml").write_text(RULES)
        twins = [
            {"id": f"lamp{i}", "tags": {"level": {"address": f"home!@lamp{i}#brightness"}}}
            for i in range(COUNT)
        ]
        (project / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins, "relationships": []}))
        at = desk.workspace
        at.open(str(project))
        desk.until(lambda: at.world_state is WorldState.LIVE, 60.0, "live")
        desk.until(lambda: [link.state for link in at.links] == [LinkState.UP], 30.0, "the link is up")
        _here(broker, *range(COUNT))
        desk.until(lambda: bool((at.mirror.table.quality[:COUNT] == GOOD).all()), 30.0, "all values")

        def text(id_: str) -> str:
            state = at.alarms.states.get(id_)
            return state.text if state is not None and state.active else ""

        _away(broker, 0)
        desk.until(lambda: bool(text("link:home:device:lamp0")), 30.0, "the alarm of a lamp")
        assert text("link:home:device:lamp0").startswith("lamp0 silent for ")
        assert text("link:home:device:lamp0").endswith(" s · 1 tag stale")
        desk.until(
            lambda: (
                (asked := at.alarms.hidden.get("LAMP-Q")) is not None
                and asked.presentation is Presentation.SUPPRESSED
            ),
            30.0,
            "the alarm on its tag's quality is hidden",
        )
        _here(broker, 0)
        desk.until(lambda: not text("link:home:device:lamp0"), 30.0, "the lamp is back")

        _away(broker, *range(COUNT - 1))
        desk.until(lambda: bool(text("link:home:devices")), 30.0, "the alarm of many")
        assert text("link:home:devices").startswith("5 of 6 devices of home silent for ")
        assert not any(text(f"link:home:device:lamp{i}") for i in range(COUNT))
        assert not text("link:home")
    finally:
        desk.workspace.close()
        broker.end()
