"""A real world and broker: a value by hand names its giver, outlives the world, ends by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from stations import until

from armillary.model.message import Hello, Welcome
from armillary.model.quality import GOOD, MANUAL, SUBSTITUTED
from armillary.model.substitution import Substitute
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b98"
name = "By hand"
version = "1"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
"""
TWINS = {"schema": 1, "twins": [{"id": "T", "tags": {"level": {"address": "site!t/level#v", "unit": "m"}}}]}


class Plant:
    """Says its level when told to, and hears everything that anybody publishes."""

    def __init__(self, port: int) -> None:
        self.heard: list[bytes] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, message: self.heard.append(message.payload)
        until(lambda: self._connects(port), 20, "the broker listens")
        self._client.subscribe("#")
        self._client.loop_start()

    def _connects(self, port: int) -> bool:
        try:
            self._client.connect("127.0.0.1", port)
        except OSError:
            return False
        return True

    def says(self, level: float) -> None:
        self._client.publish("t/level", b'{"v":%g}' % level, qos=1).wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class World:
    """A LIVE world's process and a line to it."""

    def __init__(self, project: Path, log: Path) -> None:
        self.process = child.start("world.live", {"project": str(project)}, log)
        self.line = Line(str(self.process.ready()["address"]))

    def level(self) -> tuple[float, int, str]:
        """Return value, quality and words of the tag."""
        welcome = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(welcome, Welcome)
        frame = welcome.frame
        return float(frame.value[0]), int(frame.quality[0]), dict(frame.why).get(0, "")

    def close(self) -> None:
        self.line.close()
        self.process.stop()


def armillary(*args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "armillary", *args], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_value_by_hand_is_shown_with_its_giver_outlives_the_world_and_ends_by_itself(
    broker: int, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT.format(port=broker))
    (folder / "twins.json").write_text(json.dumps(TWINS))
    plant = Plant(broker)
    world: World | None = None
    try:
        world = World(folder, tmp_path / "world.log")

        def comes(level: float) -> bool:
            plant.says(level)
            return world.level()[:2] == (level, GOOD)

        until(lambda: comes(1.0), 20, "the plant's level is shown")
        armillary("substitute", str(folder), "T.level", "5", "--for", "1h", "--reason", "sensor out")
        until(lambda: world.level()[:2] == (5.0, SUBSTITUTED | MANUAL), 20, "the value by hand is shown")
        (tag,) = json.loads(armillary("state", str(folder), "--json"))["tags"]
        assert (tag["quality"], tag["reasons"], tag["value"]) == ("SUBSTITUTED", ["manual"], 5.0)
        assert tag["why"].startswith("by hand: Local operator, until ")
        assert tag["why"].endswith(": sensor out")
        plant.says(2.0)
        world.close()
        world = World(folder, tmp_path / "world2.log")
        until(lambda: world.level()[:2] == (5.0, SUBSTITUTED | MANUAL), 20, "it outlives the world")
        assert set(plant.heard) == {b'{"v":1}', b'{"v":2}'}  # the plant's own words, and nothing else
        world.line.ask(Substitute(tag="T.level", value=6.0, for_s=1.0, reason="shorter"))
        until(lambda: comes(3.0), 20, "it ends by itself, and the plant is heard")
        assert world.level()[2] == ""
    finally:
        plant.close()
        if world is not None:
            world.close()
    audit = "".join(path.read_text() for path in (folder / ".armillary" / "audit").glob("*.jsonl"))
    assert audit.count('"value.substitute"') == 2
    assert audit.count('"value.substitute.end"') == 1
