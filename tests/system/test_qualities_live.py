"""Each quality from the wire to the eye: a real broker, a real world, and the picture on the screen.

A publisher of our own makes every state come about; what counts is when the pixels tell it.
"""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from PySide6.QtGui import QImage
from pytestqt.exceptions import TimeoutError as TooLate
from pytestqt.qtbot import QtBot
from stations import CLOCK

from armillary.model.clock import NS
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
EVERY_S, LIMIT_S = 0.2, 2.0  # between messages; what makes a part stale or frozen
PATIENCE_S = 30.0  # a busy machine is slow, not wrong: the promise is printed beside what was measured
SEEN_S = 1.0  # a change of a value is seen within
MAGENTA, PILL, INK, GROUND = (0xE2, 0x4B, 0xBE), (0x9F, 0xB3, 0xC8), (0x1B, 0x1F, 0x24), (0x1B, 0x1F, 0x24)
PARTS = ("good", "substituted", "uncertain", "stale", "bad", "never", "frozen", "device_a", "device_b")
SIDE, PITCH = 48, 8

PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b99"
name = "Qualities"
version = "1"
timezone = "UTC"

[scene]
entry = "scene.usda"
bindings = "bindings.usda"

[model]
twins = "twins.json"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
version = 5
user_properties = {{ quality = "quality" }}

[colormap.value]
kind = "linear"
stops = [[0.0, "#fde725"], [1.0, "#f89540"]]

[historian]
record = "all"
"""


def write_project(folder: Path, port: int) -> None:
    """Nine cubes in three rows, each with the colour of its tag."""
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT.format(port=port))
    limit = {"stale_after_s": LIMIT_S}
    patient = {"stale_after_s": 60.0}
    extra: dict[str, dict[str, object]] = {
        "good": limit,
        "substituted": patient,
        "uncertain": {**patient, "range": [0, 10]},
        "stale": limit,
        "bad": patient,
        "never": patient,
        "frozen": {**patient, "frozen_after_s": LIMIT_S},
        "device_a": {**limit, "liveness": "device"},
        "device_b": {**limit, "liveness": "device"},
    }
    tags = {name: {"address": f"site!q/{name}#v", "unit": "°C", **extra[name]} for name in PARTS}
    twins = [
        {"id": "D", "tags": {n: tags[n] for n in PARTS if n.startswith("device")}},
        {"id": "Q", "tags": {n: tags[n] for n in PARTS if not n.startswith("device")}},
    ]
    (folder / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": twins, "relationships": []}, indent=1, ensure_ascii=False)
    )
    cubes, overs = [], []
    for i, name in enumerate(PARTS):
        x, z = 1.3 * (i % 3 - 1), 1.3 * (1 - i // 3)
        cubes.append(
            f'    def Cube "{name}" {{\n        double size = 1\n'
            f"        double3 xformOp:translate = ({x}, 0, {z})\n"
            '        uniform token[] xformOpOrder = ["xformOp:translate"]\n    }'
        )
        signal_name = f"{'D' if name.startswith('device') else 'Q'}.{name}"
        overs.append(
            f'    over "{name}" (\n        prepend apiSchemas = ["TwinBindingAPI:v"]\n    )\n    {{\n'
            '        uniform token twin:v:colormap = "value"\n'
            "        uniform double2 twin:v:range = (0, 10)\n"
            "        uniform int twin:v:schemaVersion = 1\n"
            f'        uniform string twin:v:signal = "{signal_name}"\n'
            '        uniform string twin:v:unit = "°C"\n    }'
        )
    head = '#usda 1.0\n(\n    defaultPrim = "World"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n'
    (folder / "scene.usda").write_text(head + 'def Xform "World"\n{\n' + "\n".join(cubes) + "\n}\n")
    (folder / "bindings.usda").write_text(
        '#usda 1.0\n\nover "World"\n{\n' + "\n\n".join(overs) + "\n}\n", encoding="utf-8"
    )


class Broker:
    """A mosquitto of this test's own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = int(s.getsockname()[1])
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"user {getpass.getuser()}\n"
        )
        assert MOSQUITTO is not None
        with (folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)


class Publisher:
    """Sends every part's value five times a second, until told to do otherwise."""

    def __init__(self, port: int) -> None:
        self.silent: set[str] = {"never"}
        self.payload: dict[str, bytes] = {}  # in place of a value that goes on
        self.said: dict[str, str] = {}  # the quality that a message tells of itself
        self.last_ns: dict[str, int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        up = threading.Event()
        self._client.on_connect = lambda *_: up.set()
        for _ in range(100):
            try:
                self._client.connect("127.0.0.1", port)
                break
            except OSError:
                threading.Event().wait(0.05)
        self._client.loop_start()
        assert up.wait(10)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        step = 0
        while not self._stop.wait(EVERY_S):
            step += 1
            for name in PARTS:
                if name in self.silent:
                    continue
                payload = self.payload.get(name) or b'{"v":%.2f}' % (2 + (step % 50) / 10)
                told = Properties(PacketTypes.PUBLISH)
                if name in self.said:
                    told.UserProperty = [("quality", self.said[name])]
                self._client.publish(f"q/{name}", payload, retain=name == "device_b", properties=told)
                self.last_ns[name] = CLOCK.now_mono_ns()
            if "device_b" not in self.silent:
                self.silent.add("device_b")  # it speaks once, retained; its device goes on for it

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = Broker(tmp_path)
    yield made
    if made.process.poll() is None:
        made.kill()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    made = Publisher(broker.port)
    yield made
    made.close()


@pytest.fixture
def desk(broker: Broker, tmp_path: Path, qtbot: QtBot) -> Iterator[DeskWindow]:
    write_project(tmp_path / "project", broker.port)
    workspace = Workspace(CLOCK)
    window = DeskWindow(workspace, CLOCK)
    qtbot.addWidget(window)
    window.resize(1280, 900)
    pulse = Pulse(workspace, CLOCK)
    workspace.open(str(tmp_path / "project"))
    window.show()
    pulse.pump()
    yield window
    pulse.stop()
    window.close()
    window.shut_down()
    workspace.close()


# ---------------------------------------------------------------- what is seen


def screen(desk: DeskWindow) -> np.ndarray:
    """The canvas as it is on the screen."""
    image = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def share(pixels: np.ndarray, colour: tuple[int, int, int], near: int = 6) -> float:
    return float((np.abs(pixels - colour).max(axis=-1) <= near).mean())


def diagonals(patch: np.ndarray) -> tuple[float, float]:
    """The shares of a patch's energy at the pitch of the hatch along its two diagonals."""
    power = np.abs(np.fft.fft2(patch - patch.mean())) ** 2
    total, k = max(float(power.sum()), 1e-9), SIDE // PITCH
    return (
        float((power[k, k] + power[-k, -k]) / total),
        float((power[k, -k] + power[-k, k]) / total),
    )


def told_by(picture: np.ndarray, x: float, y: float) -> str:
    """The quality that a person reads from the pixels of a part: no state is asked."""
    half = SIDE // 2
    inner = picture[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
    whole = picture[int(y) - 60 : int(y) + 60, int(x) - 60 : int(x) + 60]
    if inner.shape[:2] != (SIDE, SIDE):
        return "not in the picture"
    coloured = float((inner.max(axis=2) - inner.min(axis=2) > 60).mean())
    if coloured > 0.85:
        dots = share(inner, INK)
        if 0.004 < dots < 0.1:
            return "uncertain"
        return "substituted" if share(whole, PILL) > 0.004 else "good"
    along, across = sorted(diagonals(inner.mean(axis=2)))
    if coloured < 0.02 and across > 0.25 and along < 0.1:
        return "stale"
    if coloured < 0.3 and along > 0.1 and share(whole, MAGENTA) > 0.01:
        return "bad"
    if share(inner, GROUND) > 0.9:
        return "never"
    return "something else"


class Eye:
    """Looks at the canvas and remembers when each part first told what was awaited."""

    def __init__(self, desk: DeskWindow, qtbot: QtBot, shot: Path) -> None:
        self.desk, self.qtbot, self.shot = desk, qtbot, shot

    def look(self) -> dict[str, str]:
        picture, ws = screen(self.desk), self.desk.workspace
        out = {}
        for name in PARTS:
            prim = ws.prim_named(f"/World/{name}")
            assert prim is not None
            x, y, _ = self.desk.canvas.view.project(prim)
            out[name] = told_by(picture, x, y)
        return out

    def wait(self, wanted: dict[str, str]) -> dict[str, int]:
        """Wait until each part has told what is wanted once; return when, monotonic ns."""
        seen: dict[str, int] = {}
        last: dict[str, str] = {}

        def all_seen() -> bool:
            nonlocal last
            last, now = self.look(), CLOCK.now_mono_ns()
            for name, quality in wanted.items():
                if last[name] == quality:
                    seen.setdefault(name, now)
            return len(seen) == len(wanted)

        try:
            self.qtbot.waitUntil(all_seen, timeout=int(PATIENCE_S * 1000))
        except TooLate:
            self.desk.grab().save(str(self.shot))
            raise AssertionError(f"wanted {wanted}, {self.shot} shows {last}") from None
        return seen


def test_every_quality_is_seen_within_its_time(
    publisher: Publisher,
    broker: Broker,
    desk: DeskWindow,
    qtbot: QtBot,
    tell_at_end: Callable[[str], None],
    tmp_path: Path,
) -> None:
    ws = desk.workspace
    qtbot.waitUntil(lambda: ws.scene is not None and ws.world_state is WorldState.LIVE, timeout=60_000)
    desk.canvas.view.set_options(lit=False, grid=False, axes=False, legend=False, labels=False)
    desk.canvas.view.standard("front")
    desk.canvas.touch()
    eye = Eye(desk, qtbot, tmp_path / "seen.png")
    eye.wait({name: "never" if name == "never" else "good" for name in PARTS})

    begun = CLOCK.now_mono_ns()
    publisher.said["substituted"] = "substituted"
    publisher.payload["uncertain"] = b'{"v":55}'
    publisher.payload["bad"] = b'{"v":}'
    publisher.payload["frozen"] = b'{"v":4.5}'
    publisher.silent |= {"stale", "device_a"}
    wanted = {
        "substituted": "substituted",
        "uncertain": "uncertain",
        "bad": "bad",
        "stale": "stale",
        "frozen": "uncertain",
        "device_a": "stale",
        "device_b": "stale",
        "good": "good",
        "never": "never",
    }
    seen = eye.wait(wanted)
    since = {**dict.fromkeys(wanted, begun), "stale": publisher.last_ns["stale"]}
    since["device_a"] = since["device_b"] = publisher.last_ns["device_a"]
    promised = {
        **dict.fromkeys(("substituted", "uncertain", "bad"), EVERY_S + SEEN_S),
        **dict.fromkeys(("stale", "device_a", "device_b"), LIMIT_S + SEEN_S),
        "frozen": EVERY_S + LIMIT_S + SEEN_S,
    }
    took = {name: (seen[name] - since[name]) / NS for name in promised}
    for name, limit in promised.items():
        tell_at_end(f"{name:12} seen {wanted[name]:12} after {took[name]:5.2f} s, promised {limit:.1f} s")
    for name in ("stale", "device_a", "device_b", "frozen"):
        assert took[name] > LIMIT_S - 0.3, f"{name} too early"  # a value must not be called old before
    assert max(took[name] - limit for name, limit in promised.items()) < PATIENCE_S

    desk.show_panel("tags")
    desk.tags.refresh()
    model = desk.tags.model
    texts = {
        name: str(model.data(model.index(model.row_of(s.slot), 1)))
        for s in ws.specs
        if (name := s.name.partition(".")[2])
    }
    assert texts["substituted"].endswith(" °C S")
    assert texts["uncertain"] == "55 °C ?"
    assert " old" in texts["stale"]
    assert texts["bad"].startswith("— bad")
    assert texts["never"] == "∅ no data yet"
    assert texts["good"].endswith(" °C")

    begun = CLOCK.now_mono_ns()
    broker.kill()
    seen = eye.wait({"good": "stale", "substituted": "stale", "frozen": "stale"})
    lost = (max(seen.values()) - begun) / NS
    tell_at_end(
        f"{'all others':12} seen stale        after {lost:5.2f} s of the broker's death, promised 3.5 s"
    )
    assert lost > 1.5  # the grace of a short loss
