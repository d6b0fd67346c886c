"""A real world with rules on streams: one fires, tells it, raises its alarm, and the trial says the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion
from stations import CLOCK, until

from armillary.cli.rules import rules
from armillary.model.alarm import ProcessState
from armillary.model.clock import NS, iso
from armillary.model.message import Hello, Welcome
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b71"
name = "Rules"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
"""
TWINS = {
    "schema": 1,
    "twins": [
        {"id": "P", "tags": {name: {"address": f"site!p/{name}#v", "time": "t"} for name in ("on", "flow")}}
    ],
}
RULES = """schema = 1
[[rule]]
id = "flow-after-start"
kind = "sequence"
first = "P.on"
then = "P.flow > 5"
within_s = 10
event = "Flow came after the start"
[[rule]]
id = "flow-mean"
of = "P.flow"
seconds = 20
above = 4.0
[[alarm]]
id = "START"
tag = "flow-after-start"
kind = "state"
values = [1]
consequence = "None: this is a test."
operator_action = "Look."
"""


class Plant:
    """Publishes values with their times."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        until(lambda: self._connects(port), 20, "the broker listens")
        self._client.loop_start()

    def _connects(self, port: int) -> bool:
        try:
            self._client.connect("127.0.0.1", port)
        except OSError:
            return False
        return True

    def says(self, name: str, value: float, t_ns: int) -> None:
        payload = json.dumps({"v": value, "t": t_ns // 1_000_000}).encode()
        self._client.publish(f"p/{name}", payload, qos=1).wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_sequence_fires_is_told_raises_its_alarm_and_the_trial_finds_it(
    broker: int, own_places: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT.format(port=broker))
    (folder / "twins.json").write_text(json.dumps(TWINS))
    (folder / "rules.toml").write_text(RULES)
    args = {"project": str(folder)}
    started: list[child.Child] = []
    plant = Plant(broker)
    line: Line | None = None
    try:
        started.append(child.start("recorder.service", args, tmp_path / "recorder.log"))
        recorder_at = str(started[0].ready()["address"])
        started.append(child.start("world.live", {**args, "recorder": recorder_at}, tmp_path / "world.log"))
        line = Line(str(started[1].ready()["address"]))

        def welcome() -> Welcome:
            answer = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
            assert isinstance(answer, Welcome)
            return answer

        def value(tag: str) -> float:
            told = welcome()
            return float(told.frame.value[next(s.slot for s in told.specs if s.name == tag)])

        def comes() -> bool:
            now_ns = CLOCK.now_ns()
            plant.says("on", 0.0, now_ns)
            plant.says("flow", 0.0, now_ns)
            return value("flow-after-start") == 0.0

        until(comes, 30, "nothing fires")
        start_ns = CLOCK.now_ns()
        plant.says("on", 1.0, start_ns)
        plant.says("flow", 7.0, start_ns + NS // 2)
        until(lambda: value("flow-after-start") == 1.0, 30, "the sequence is seen")
        alarm = next(state for state in welcome().frame.alarms if state.id == "START")
        assert alarm.process is ProcessState.UNACK
        events = [event for event in welcome().frame.events if event.source == "flow-after-start"]
        assert [event.text for event in events] == ["Flow came after the start"]
        tried: dict[str, list[dict[str, str]]] = {}

        def found() -> bool:
            tried.update(trial(folder, "flow-after-start", start_ns - 30 * NS, CLOCK.now_ns()))
            return len(tried["firings"]) > 0

        until(found, 30, "it is recorded, and the trial finds it")
    finally:
        plant.close()
        if line is not None:
            line.close()
        for process in reversed(started):
            process.stop()
    [firing] = tried["firings"]
    assert iso(start_ns)[:18] <= firing["begin"][:18] <= iso(start_ns + 2 * NS)[:18]
    log = (folder / ".armillary" / "journal").glob("live-*.jsonl")
    assert any('"START"' in path.read_text() for path in log)


def trial(folder: Path, rule: str, from_ns: int, to_ns: int) -> dict[str, list[dict[str, str]]]:
    args = ["try", str(folder), rule, "--from", iso(from_ns), "--to", iso(to_ns), "--json"]
    done = CliRunner().invoke(rules, args, catch_exceptions=False)
    out: dict[str, list[dict[str, str]]] = json.loads(done.output)
    return out
