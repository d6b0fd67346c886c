"""Drift of a real world on a real broker: each rule finds its own, and nothing else is found."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from stations import until

from armillary.cli.model import model
from armillary.model.drift import AskDrift, DriftItem, DriftReport, RefuseDrift
from armillary.model.fault import Fault
from armillary.model.link import Found
from armillary.model.message import Hello, SearchLink, Welcome
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system

TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a83"
name = "Drift"
[scene]
entry = "scene.usda"
[[source]]
name = "m"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
subscribe = [{{ filter = "plant/#" }}]
[drift]
missing_s = 1.0
"""
SCENE = (
    '#usda 1.0\n(\n    defaultPrim = "W"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "W"\n{\n}\n'
)
TAGS = {
    "good": {"address": "m!plant/p#good", "expected_interval_s": 0.05},
    "typed": {"address": "m!plant/p#typed"},
    "mode": {"address": "m!plant/p#mode", "kind": "enum", "states": {"0": "off", "1": "on"}},
    "warm": {"address": "m!plant/p#warm.v", "unit": "°C", "unit_path": "$.warm.u"},
    "slow": {"address": "m!plant/p#slow", "expected_interval_s": 10.0},
    "gone": {"address": "m!plant/gone#v"},
}
MESSAGE = {"good": 1.5, "typed": "ERR7", "mode": "BOOST", "warm": {"v": 77.0, "u": "°F"}, "slow": 3}


class Sender:
    """Sends twenty times a second until it is closed."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        while not self._over.wait(0.05):
            self._client.publish("plant/p", json.dumps(MESSAGE))
            self._client.publish("plant/new", '{"pressure_bar": 2.5}')

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def world(own_places: Path, broker: int, tmp_path: Path) -> Iterator[tuple[Line, Path]]:
    folder = tmp_path / "plant"
    folder.mkdir()
    (folder / "project.toml").write_text(TOML.format(port=broker))
    (folder / "scene.usda").write_text(SCENE)
    twins = {"schema": 1, "twins": [{"id": "p", "tags": TAGS}], "relationships": []}
    (folder / "twins.json").write_text(json.dumps(twins))
    started = child.start("world.live", {"project": str(folder)}, tmp_path / "world.log")
    line = Line(str(started.ready()["address"]))
    sender = Sender(broker)
    try:
        yield line, folder
    finally:
        sender.close()
        line.close()
        started.stop()


def found(line: Line) -> dict[str, DriftItem]:
    report = line.ask(AskDrift(now=True), 20)
    assert isinstance(report, DriftReport)
    return {f"{item.code} {item.tag or item.address}": item for item in report.items}


def test_each_difference_is_found_by_its_code_and_nothing_else(world: tuple[Line, Path]) -> None:
    line, folder = world
    assert isinstance(line.ask(Hello(actor="local:1", desk="test")), Welcome)
    wanted = {
        "D01 plant/new#pressure_bar",
        "D02 p.gone",
        "D03 p.typed",
        "D04 p.mode",
        "D05 p.warm",
        "D07 p.slow",
    }
    until(lambda: wanted <= set(found(line)), 60, "all six are found", 1.05)
    items = found(line)
    assert set(items) == wanted
    assert (items["D05 p.warm"].unit, items["D01 plant/new#pressure_bar"].unit) == ("°F", "bar")

    answer = CliRunner().invoke(model, ["drift", str(folder), "--json"], standalone_mode=False)
    told = json.loads(answer.output)
    assert answer.return_value == 1
    assert told["counts"] == {"D01": 1, "D02": 1, "D03": 1, "D04": 1, "D05": 1, "D07": 1}
    with pytest.raises(Fault, match="may not"):  # who only looks refuses nothing
        line.ask(RefuseDrift(key=items["D02 p.gone"].key, why="in repair"), 20)
    assert not (folder / "drift.json").exists()

    hits: list[str] = []

    def looked() -> bool:
        wish = SearchLink(link="m", words=("pressure",), token="t")  # noqa: S106  tells searches apart
        answer = line.ask(wish, 20)
        assert isinstance(answer, Found)
        hits.extend(item.address for item in answer.items)
        return bool(hits)

    until(looked, 30, "the field is found by a word")
    assert hits == ["plant/new#pressure_bar"]
