"""A broker with devices whose clocks can be set, and a real world and recorder that listen to them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from stations import CLOCK
from tests.plugins.mqtt.conftest import Broker

from armillary.model.alarm import AlarmState
from armillary.model.frame import Event, Flow, apply_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import AskBetween, Enroll, Enrolled, Hello, Samples, Welcome
from armillary.model.sample import SampleBatch
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.model.tags import TagTable
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a80"
name = "Time"
"""
SOURCE = """[[source]]
name = "{name}"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
{more}
"""
RULES = """schema = 1
[[alarm]]
id = "HOT"
tag = "line.v"
kind = "level"
limit = 85.0
deadband = 2.0
priority = 2
consequence = "Product is scorched"
operator_action = "Open the damper"
"""
LINKS = {"line": "", "sorted": "reorder_window_s = 2.0", "gate": "", "slow": "trust_clock = false"}


def make_project(folder: Path, port: int, links: dict[str, str] | None = None) -> Path:
    """Write a project with one tag `<link>.v` for each link."""
    links = LINKS if links is None else links
    folder.mkdir()
    sources = "".join(SOURCE.format(name=name, port=port, more=more) for name, more in links.items())
    (folder / "project.toml").write_text(TOML + sources)
    twins: list[dict[str, Any]] = [
        {
            "id": name,
            "tags": {
                "v": {"address": f"{name}!{name}/v#v", "time": "t", "expected_interval_s": 1.0},
                "bare": {"address": f"{name}!{name}/bare", "expected_interval_s": 1.0},
            },
        }
        for name in links
    ]
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins, "relationships": []}))
    (folder / "rules.toml").write_text(RULES)
    return folder


class Device:
    """Sends its value and its time, ten times a second, by a clock that may be wrong."""

    def __init__(self, port: int, link: str) -> None:
        self.ahead_s, self.value = 0.0, 20.0
        self._link = link
        self._stop, self._quiet = threading.Event(), threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if not self._quiet.is_set():
                t_us = CLOCK.now_ns() // 1_000 + int(self.ahead_s * 1e6)
                self._client.publish(f"{self._link}/v", b'{"v":%f,"t":%d}' % (self.value, t_us))
                self._client.publish(f"{self._link}/bare", b"%f" % self.value)

    def hush(self, is_quiet: bool) -> None:
        """Send nothing, or go on."""
        (self._quiet.set if is_quiet else self._quiet.clear)()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()


class Timely:
    """The broker, the world and the recorder, as processes."""

    def __init__(self, folder: Path) -> None:
        (folder / "broker").mkdir()
        self.broker = Broker(folder / "broker").start()
        self.project = make_project(folder / "project", self.broker.port)
        args = {"project": str(self.project)}
        self.recorder = child.start("recorder.service", args, folder / "recorder.log")
        self.recorder.ready()
        self.world = child.start("world.live", args, folder / "world.log")
        self.line = Line(str(self.world.ready()["address"]))
        self.devices: dict[str, Device] = {}

    def device(self, link: str) -> Device:
        self.devices[link] = self.devices.get(link) or Device(self.broker.port, link)
        return self.devices[link]

    def close(self) -> None:
        for device in self.devices.values():
            device.close()
        self.line.close()
        self.world.stop()
        self.recorder.stop()
        self.broker.end()

    # ---------------------------------------------------------------- what is seen

    def welcome(self) -> Welcome:
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(answer, Welcome)
        return answer

    def up(self) -> bool:
        links = self.welcome().frame.links
        return bool(links) and all(link.state is LinkState.UP for link in links)

    def link(self, name: str) -> LinkStatus:
        return next(link for link in self.welcome().frame.links if link.name == name)

    def samples(self, link: str) -> Flow:
        return self.welcome().frame.tally[link].samples

    def shown(self, tag: str) -> tuple[float, int, int, int]:
        """Value, quality word, source time and arrival of a tag."""
        welcome = self.welcome()
        table = TagTable(len(welcome.specs))
        apply_frame(table, welcome.frame)
        s = next(spec.slot for spec in welcome.specs if spec.name == tag)
        return float(table.value[s]), int(table.quality[s]), int(table.source_ns[s]), int(table.arrival_ns[s])

    def qualities(self) -> list[int]:
        return (self.welcome().frame.quality & 0xFF).tolist()

    def events(self) -> tuple[Event, ...]:
        return self.welcome().frame.events

    def told(self, text: str, source: str = "") -> bool:
        return any(text in e.text and source in ("", e.source) for e in self.events())

    def alarm(self, name: str) -> AlarmState:
        return next((a for a in self.welcome().frame.alarms if a.id == name), AlarmState(id=name))

    def _asked(self, tag: str, question: Callable[[int], object]) -> object:
        line = Line(recorder_address(self.project))
        try:
            ids = line.ask(Enroll(tags=(tag,), create=False), timeout_s=10)
            assert isinstance(ids, Enrolled)
            return line.ask(question(int(ids.ids[0])), timeout_s=10)
        finally:
            line.close()

    def lived(self, tag: str, from_ns: int, to_ns: int) -> SampleBatch:
        """Return the rows of the history that were live, by when they came."""
        got = self._asked(
            tag, lambda n: AskBetween(ids=np.array([n], np.uint32), from_ns=from_ns, to_ns=to_ns)
        )
        assert isinstance(got, Samples)
        return got.batch

    def history(self, tag: str, from_ns: int, to_ns: int) -> list[tuple[int, float]]:
        """Return all (source time, value) of the history, late ones too."""
        got = self._asked(
            tag, lambda n: SeriesQuery(ids=(n,), from_ns=from_ns, to_ns=to_ns, width=100_000, agg="raw")
        )
        assert isinstance(got, SeriesAnswer)
        (series,) = got.series
        return list(zip(series.t_ns.tolist(), series.mean.tolist(), strict=True))

    def journal(self) -> list[dict[str, Any]]:
        files = sorted((self.project / ".armillary" / "journal").glob("live-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
