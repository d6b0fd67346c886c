"""A project in two areas on a real broker: worlds, standbys and a recorder as processes, and a publisher."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from stations import CLOCK

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.message import AskBetween, Enroll, Enrolled, Hello, Samples, Welcome
from armillary.model.sample import SampleBatch, joined
from armillary.wire import child, runs
from armillary.wire.bus import Line

AREAS = ("north", "south")
TAGS = 4  # of each area that are published all the time; one more, `set`, is written by commands
TOML = """[project]
schema = 1
id = "7b1d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a80"
name = "Shared"
[scene]
entry = "scene.usda"
[command]
enabled = true
"""
SOURCE = """[[source]]
name = "{area}"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
subscribe = ["site/{area}/#"]
commands = true
stale_after_s = 60
[area.{area}]
sources = ["{area}"]
title = "{title}"
"""
SCENE = (
    '#usda 1.0\n(\n    defaultPrim = "W"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "W"\n{\n}\n'
)
ALARM = """schema = 1
[[alarm]]
id = "north-high"
tag = "north.t0"
limit = 1e9
consequence = "None."
operator_action = "None."
[[alarm]]
id = "south-high"
tag = "south.t0"
limit = 2
consequence = "None."
operator_action = "None."
"""


def make_project(folder: Path, port: int) -> Path:
    folder.mkdir()
    sources = "".join(SOURCE.format(area=a, port=port, title=a.capitalize()) for a in AREAS)
    (folder / "project.toml").write_text(TOML + sources, "utf-8")
    (folder / "scene.usda").write_text(SCENE, "utf-8")
    (folder / "rules.toml").write_text(ALARM, "utf-8")
    names = [*range(TAGS), "set"]
    twins = [
        {"id": area, "tags": {f"t{n}" if n != "set" else n: _tag(area, n) for n in names}} for area in AREAS
    ]
    text = json.dumps({"schema": 1, "twins": twins, "relationships": []})
    (folder / "twins.json").write_text(text, "utf-8")
    return folder


def _tag(area: str, name: object) -> dict[str, Any]:
    return {
        "address": f"{area}!site/{area}/{name}#v",
        "time": "t",
        "stale_after_s": 60,
        "writable": name == "set",
        **({"write_range": [0, 100]} if name == "set" else {}),
    }


class Publisher:
    """Publishes at QoS 1, some messages a second to each tag, and remembers what the broker has taken."""

    def __init__(self, port: int, rate_hz: float = 40.0) -> None:
        self.sent: dict[str, list[float]] = {f"{a}.t{i}": [] for a in AREAS for i in range(TAGS)}
        self._pause_s = 1.0 / rate_hz
        self._end = threading.Event()
        self._infos: list[Any] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.on_message = self._commanded
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("site/+/set/set", 1)
        self._client.loop_start()
        self.commanded: list[str] = []
        for area in AREAS:
            self._tell_set(area, 0)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._end.wait(self._pause_s):
            number += 1
            t_ms = CLOCK.now_ns() // 1_000_000
            for area in AREAS:
                for i in range(TAGS):
                    payload = b'{"v":%d,"t":%d}' % (number, t_ms)
                    self._infos.append(self._client.publish(f"site/{area}/{i}", payload, 1))
                    self.sent[f"{area}.t{i}"].append(float(number))

    def _tell_set(self, area: str, value: float) -> None:
        payload = b'{"v":%g,"t":%d}' % (value, CLOCK.now_ns() // 1_000_000)
        self._infos.append(self._client.publish(f"site/{area}/set", payload, 1))

    def _commanded(self, _client: Any, _data: Any, message: Any) -> None:
        """Be the device: do what is commanded and tell it."""
        self.commanded.append(message.topic)
        self._tell_set(message.topic.split("/")[1], json.loads(message.payload)["v"])

    def end(self) -> None:
        """Stop, and return when the broker has taken all."""
        self._end.set()
        self._thread.join(10)
        for info in self._infos:
            info.wait_for_publish(10)
            assert info.is_published()
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Shared:
    """The running parts."""

    folder: Path
    logs: Path
    children: dict[str, child.Child] = field(default_factory=dict)

    def start(self, name: str, entry: str, **args: Any) -> child.Child:
        made = child.start(entry, {"project": str(self.folder), **args}, self.logs / f"{name}.log")
        self.children[name] = made
        return made

    def run_of(self, area: str) -> runs.Run | None:
        return next((r for r in runs.all_runs() if r.project == str(self.folder) and r.area == area), None)

    def welcome(self, area: str) -> Welcome:
        run = self.run_of(area)
        assert run is not None
        line = Line(run.address)
        try:
            answer = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        finally:
            line.close()
        assert isinstance(answer, Welcome)
        return answer

    def is_up(self, area: str) -> bool:
        """Whether an area has a world whose link is up."""
        if self.run_of(area) is None:
            return False
        return any(link.state is LinkState.UP for link in self.welcome(area).frame.links)

    def stored(self, tags: tuple[str, ...]) -> dict[str, list[float]]:
        """All values of each tag that the recorder has, in order of value."""
        line = Line(runs.recorder_address(self.folder))
        try:
            enrolled = line.ask(Enroll(tags=tags, create=False))
            assert isinstance(enrolled, Enrolled)
            rows = _all(line, enrolled.ids)
        finally:
            line.close()
        return {
            tag: sorted(rows.value[rows.slot == id_].tolist())
            for tag, id_ in zip(tags, enrolled.ids.tolist(), strict=True)
        }

    def close(self) -> None:
        recorder = self.children.pop("recorder", None)
        child.stop_all(self.children.values(), 5.0)
        if recorder is not None:
            recorder.stop(5.0)


def _all(line: Line, ids: U4) -> SampleBatch:
    parts, at, end = [], 0, CLOCK.now_ns() + 3600 * NS
    while at < end:
        answer = line.ask(AskBetween(ids=ids[ids > 0], from_ns=at, to_ns=end), 10)
        assert isinstance(answer, Samples)
        parts.append(answer.batch)
        at = answer.to_ns
    return joined(parts) if any(len(p) for p in parts) else parts[0]


__all__ = ["AREAS", "TAGS", "Publisher", "Shared", "make_project"]
