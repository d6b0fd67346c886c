"""A real world learns how often a tag comes and knows it after a restart; heartbeats keep a device alive."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from stations import CLOCK, until

from armillary.model.message import Hello, Welcome
from armillary.model.quality import GOOD, STALE
from armillary.model.tags import stale_after_ms
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b97"
name = "Learnt"
version = "1"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
"""
TAGS = {
    "pulse": {"address": "site!p/pulse#v"},
    "mode": {"address": "site!p/mode#v", "heartbeat": "p/hb/#", "stale_after_s": 2},
}


class Sender:
    """Sends the pulse forty times a second, and beats while `beats` is set."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        until(lambda: self._connects(port), 10, "the broker listens")
        self._client.loop_start()
        self.beats, self._stop = threading.Event(), threading.Event()
        self.beats.set()
        self._client.publish("p/mode", b'{"v":3}', retain=True)
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _connects(self, port: int) -> bool:
        try:
            self._client.connect("127.0.0.1", port)
        except OSError:
            return False
        return True

    def _send(self) -> None:
        n = 0
        while not self._stop.wait(0.025):
            n += 1
            self._client.publish("p/pulse", b'{"v":%d}' % n)
            if self.beats.is_set() and n % 10 == 0:
                self._client.publish("p/hb/1", b"on")

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._client.loop_stop()


class World:
    """A LIVE world's process and a line to it."""

    def __init__(self, project: Path, log: Path) -> None:
        self.process = child.start("world.live", {"project": str(project)}, log)
        self.line = Line(str(self.process.ready()["address"]))

    def welcome(self) -> Welcome:
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(answer, Welcome)
        return answer

    def rank(self, name: str) -> int:
        welcome = self.welcome()
        slot = next(s.slot for s in welcome.specs if s.name == f"P.{name}")
        return int(welcome.frame.quality[slot]) & 0xFF

    def close(self) -> None:
        self.line.close()
        self.process.stop()


@pytest.mark.scale
def test_a_world_learns_an_interval_and_knows_it_after_a_restart_and_a_heartbeat_keeps_a_device_alive(
    broker: int, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT.format(port=broker))
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "P", "tags": TAGS}]}))
    sender = Sender(broker)
    world: World | None = None
    try:
        world = World(folder, tmp_path / "world.log")
        until(lambda: world.rank("mode") == GOOD, 20, "a retained value is good while its device beats")
        until(lambda: bool(world.welcome().frame.learnt), 60, "200 gaps are learnt")
        ((slot, expected_ms, usual_ms),) = world.welcome().frame.learnt
        assert world.welcome().specs[slot].name == "P.pulse"
        assert 10 <= usual_ms <= expected_ms < 5_000  # a busy machine sends late, too
        assert world.rank("mode") == GOOD  # far longer than 2 s after its only message
        begun = CLOCK.now_mono_ns()
        sender.beats.clear()
        until(lambda: world.rank("mode") == STALE, 30, "without beats the device is dead")
        assert CLOCK.now_mono_ns() - begun > 1_500_000_000
        sender.beats.set()
        until(lambda: world.rank("mode") == GOOD, 20, "with beats it is as it was")
        world.close()
        world = World(folder, tmp_path / "world2.log")
        spec = world.welcome().specs[slot]
        assert (spec.interval, spec.expected_ms) == ("learnt", expected_ms)
        assert stale_after_ms(spec) == max(3 * expected_ms, 2_000)
        assert world.welcome().specs[1 - slot].interval == "engineer"
    finally:
        sender.close()
        if world is not None:
            world.close()
