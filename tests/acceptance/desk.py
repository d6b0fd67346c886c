"""A person's place for the acceptance scripts: real plant, recorder, world and window, and what is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from armillary.cli.cast import Cast
from armillary.cli.plant import RunningPlant, start_plant
from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.frame import WorldKind
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.session.actions import action
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.login import LoginSheet
from armillary.ui.mime import TAG_MIME
from armillary.ui.pulse import Pulse
from armillary.ui.theme import Colours
from armillary.ui.window import DeskWindow
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

CLOCK = WallClock()
SIZE = (1280, 800)
PATIENCE = 6  # × the limits, which are those of a calm machine: a busy one is slow, not wrong
VARIANTS = bool(os.environ.get("ARMILLARY_VARIANTS"))  # to look at: each picture in both themes, two sizes
HATCH = {(0x7A, 0x82, 0x8A), (0x1B, 0x1F, 0x24)}  # equipment grey and ink, the dark theme's
_WRITE = re.compile(r"write (\S+) = (.+): (\S+)$", re.MULTILINE)


class Wire:
    """The recorder of the wire: all that was published at the broker, and the OPC UA server's write log."""

    def __init__(self, plant: RunningPlant) -> None:
        self.messages: list[tuple[str, bytes]] = []  # orders by MQTT
        self._log = places.logs() / "plant-opcua.log"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _client, _data, m: self._heard(m.topic, bytes(m.payload))
        self._client.connect("127.0.0.1", plant.ports["broker"])
        self._client.loop_start()
        self._from = 0

    def _heard(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/set"):  # what a station publishes of itself is no order
            self.messages.append((topic, payload))

    def fault(self, text: str) -> None:
        """Let something go wrong in the plant; returns when the broker has it."""
        self._client.publish("simulator/fault", text, qos=1).wait_for_publish(5)

    def mark(self) -> None:
        """Count from here."""
        self.messages.clear()
        self._from = len(self._writes())

    def _writes(self) -> list[str]:
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return [f"{name} = {value}: {status}" for name, value, status in _WRITE.findall(text)]

    @property
    def orders(self) -> list[str]:
        """What reached the plant since the mark, in words."""
        return self._writes()[self._from :] + [f"{topic} {payload!r}" for topic, payload in self.messages]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Place:
    """One person's desk. `picture` keeps what is seen and returns it."""

    def __init__(self, window: DeskWindow, qtbot: QtBot, folder: Path, password: str) -> None:
        self.window, self.qtbot, self.password = window, qtbot, password
        self.at = window.workspace
        self.pictures = folder
        folder.mkdir(parents=True, exist_ok=True)

    # ------------------------------------------------------------ waiting
    def until(self, true: Callable[[], bool], limit_s: float, what: str) -> float:
        """Let the desk run until something holds; return after how many seconds it did."""
        start = CLOCK.now_mono_ns()
        while not true():
            passed = (CLOCK.now_mono_ns() - start) / NS
            assert passed < limit_s * PATIENCE, f"not within {limit_s} s: {what} ({self.at.world_text})"
            self.qtbot.wait(20)  # turns the event loop
        return (CLOCK.now_mono_ns() - start) / NS

    def frames(self, count: int) -> None:
        """Let the desk run until the world has told something so many times more."""
        wanted = self.at.mirror.seq + count
        self.until(lambda: self.at.mirror.seq >= wanted, 30, f"{count} frames more")

    def until_live(self) -> None:
        at = self.at
        self.until(
            lambda: at.scene is not None and at.look is not None and at.world_state is WorldState.LIVE,
            40,
            "live",
        )

    # ------------------------------------------------------------ acting
    def do(self, name: str) -> None:
        """Choose a command of the menus; fails where it is greyed out."""
        why = action(name).why_not(self.at)
        assert not why, f"{name}: {why}"
        self.window.menus.run(action(name))

    def click(self, button: QPushButton) -> None:
        """Press a button once it can be pressed; fails where a person could not."""
        self.until(button.isVisible, 3, f"{button.text()} is there")
        self.until(button.isEnabled, 5, f"{button.text()} can be pressed: {button.toolTip()}")
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def type(self, field: QLineEdit, text: str) -> None:
        """Type over what stands in a field."""
        field.setFocus()
        field.selectAll()
        self.qtbot.keyClicks(field, text)

    def log_in(self, user: str) -> None:
        """Log in by the sheet; whoever was there before is no longer."""
        self.do("user.log-in")
        sheet = self.window.findChildren(LoginSheet)[-1]
        self.type(sheet.user, user)
        self.type(sheet.password, self.password)
        self.click(sheet.go)
        self.until(lambda: self.at.people.user == user, 15, f"{user} is logged in")
        self.until(lambda: not self.window.findChildren(LoginSheet), 20, "the sheet closes")

    def prim(self, path: str) -> int:
        found = self.at.prim_named(path)
        assert found is not None, path
        return found

    def slot(self, tag: str) -> int:
        return next(s.slot for s in self.at.specs if s.name == tag)

    def value(self, tag: str) -> float:
        return float(self.at.mirror.table.value[self.slot(tag)])

    def rank(self, tag: str) -> int:
        return int(self.at.mirror.table.quality[self.slot(tag)]) & 0xFF

    def drop_tag(self, tag: str, path: str) -> None:
        """Drag a tag out of the live table onto a part in the picture."""
        window = self.window
        x, y = self.found(self.look_at(path))
        data = QMimeData()
        data.setData(TAG_MIME, str(self.slot(tag)).encode())
        left, none, at = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y)
        enter = QDragEnterEvent(at, Qt.DropAction.CopyAction, data, left, none)
        window.canvas.dragEnterEvent(enter)
        assert enter.isAccepted()
        window.canvas.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))

    def look_at(self, path: str) -> int:
        """Go to a part, and around it until it is seen; return it."""
        prim = self.prim(path)
        for side in ("", "iso", "right", "left", "front", "back", "top"):
            if side:
                self.do(f"view.{side}")
            self.window.frame((prim,))
            self.window.canvas.draw_now()
            if len(self.seen(prim)) >= 12:
                return prim
        raise AssertionError(f"{path} is seen from no side")

    # ------------------------------------------------------------ seeing
    def into_the_past(self, t_ns: int, alarm: str) -> None:
        """Narrow the time bar with the wheel, click on a moment, and wait for the alarm as it stood then."""
        at, strip = self.at, self.window.bars.timebar.strip
        while at.timebar.span_s > max(300, 2 * (at.home_ns() - t_ns) / NS):
            spot = QPointF(strip.width() * 0.96, 20)
            wheel = QWheelEvent(
                spot, strip.mapToGlobal(spot), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(strip, wheel)
        x = round(at.timebar.share_of(t_ns + NS) * strip.width()) + 1
        self.qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
        self.until(lambda: at.away and at.kind is WorldKind.REPLAY, 20, "the past is shown")
        self.until(lambda: at.alarms.row(alarm) is not None, 10, "with the alarm as it stood")
        assert abs(at.picture_ns() - t_ns) < 6 * NS
        row = at.alarms.row(alarm)
        assert row is not None
        assert row.state == "active, not acknowledged"

    def picture(self, step: str) -> np.ndarray:
        """Keep the whole window as a file of the test; return its colours (h, w, 3)."""
        self.qtbot.wait(1)  # what was asked to be laid out is
        self.window.canvas.draw_now()
        image = self.window.grab().toImage()
        image.save(str(self.pictures / f"{step}.png"))
        if VARIANTS:
            self._variants(step)
        return rgb(image)

    def _variants(self, step: str) -> None:
        """Keep the same in the other theme and on a larger screen, for a person to look at."""
        if (self.pictures / f"{step}-light-1280.png").exists():
            return
        for theme in ("light", "dark"):
            self.window.set_theme(theme)
            for size in ((1920, 1080), SIZE):
                self.window.resize(*size)
                self.qtbot.wait(50)
                self.window.canvas.draw_now()
                self.window.grab().save(str(self.pictures / f"{step}-{theme}-{size[0]}.png"))

    def texts(self, widget: QWidget) -> str:
        """Return all words that a widget shows."""
        found = [w for w in widget.findChildren(QWidget) if w.isVisible() and hasattr(w, "text")]
        return "\n".join(str(w.text()) for w in found)

    def found(self, prim: int) -> tuple[int, int]:
        """Return a pixel of the viewport at which a click finds a part."""
        return self.pixels(prim)[0]

    def pixels(self, prim: int) -> list[tuple[int, int]]:
        """Return the pixels of a part that is seen, as `seen` does."""
        out = self.seen(prim)
        assert out, "the part is not seen"
        return out

    def seen(self, prim: int, reach: int = 24, every: int = 4) -> list[tuple[int, int]]:
        """Return the pixels around a part's projected point at which a click finds it, the nearest first."""
        view = self.window.canvas.view
        x, y, _ = view.project(prim)
        steps = range(-reach, reach + 1, every)
        near = sorted(((dx, dy) for dx in steps for dy in steps), key=lambda d: d[0] ** 2 + d[1] ** 2)
        w, h = self.window.canvas.width(), self.window.canvas.height()
        all_ = [(int(x) + dx, int(y) + dy) for dx, dy in near]
        return [(a, b) for a, b in all_ if 0 <= a < w and 0 <= b < h and view.pick(a, b) == prim]

    def colours(self, prim: int) -> np.ndarray:
        """Return the colours (k, 3) of a part in the picture, drawn without light so that they are exact."""
        view = self.window.canvas.view
        shown = self.window.drawing._shown
        view.set_options(lit=False, labels=False, legend=False, axes=False)
        try:
            rgba = view.render(rest=False).copy()
            return np.array([rgba[y, x, :3] for x, y in self.pixels(prim)])
        finally:
            options = {k: v for k, v in shown.items() if k != "grid"}
            view.set_options(lit=True, **options)
            self.window.canvas.draw_now()

    def stands(self, prim: int) -> np.ndarray:
        """Return the matrix (4, 4) by which a part is drawn."""
        look, scene = self.at.look, self.at.scene
        assert look is not None
        assert scene is not None
        at = np.searchsorted(look.moved, prim)
        is_moved = at < len(look.moved) and look.moved[at] == prim
        return (look.matrix[at] if is_moved else scene.matrix[prim]).copy()

    def has_its_colour(self, prim: int) -> bool:
        """Whether most of a part is drawn in exactly the colour that its value has in its colour map."""
        look = self.at.look
        assert look is not None
        return bool((self.colours(prim) == look.rgba[prim, :3]).all(axis=1).mean() > 0.6)

    def is_hatched(self, prim: int) -> bool:
        """Whether a part is drawn in grey with ink lines and in nothing else."""
        seen = {tuple(c) for c in self.colours(prim).tolist()}
        return seen >= HATCH and len(seen - HATCH) <= 2

    def badges_at(self, prim: int) -> list[int]:
        """Return the priorities of the badges that stand for a part in the picture."""
        return [b.priority for b in self.window.canvas.view.placed if prim in b.prims]

    def badge_colour(self, prim: int, seen: np.ndarray, colour: tuple[int, int, int]) -> float:
        """Return which share of a part's badge has a colour, in a picture of the whole window."""
        [badge] = [b for b in self.window.canvas.view.placed if prim in b.prims]
        corner = self.window.canvas.mapTo(self.window, QPoint(0, 0))
        x, y = round(badge.x) + corner.x(), round(badge.y) + corner.y()
        box = seen[y - 9 : y + 10, x - 9 : x + 10].astype(int)
        return float((np.abs(box - np.array(colour)).max(axis=2) < 12).mean())

    def ribbon_share(self, seen: np.ndarray, colour: str) -> float:
        """Return which share of the ribbon has a colour (`#rrggbb`); 0 without a ribbon."""
        ribbon = self.window.mode.ribbon
        if not ribbon.isVisible():
            return 0.0
        corner = ribbon.mapTo(self.window, QPoint(0, 0))
        box = seen[corner.y() : corner.y() + 28, corner.x() : corner.x() + ribbon.width()]
        return _share(box, colour)

    def frame_share(self, seen: np.ndarray, colour: str) -> float:
        """Return which share of the window's left edge has a colour."""
        mode = self.window.mode
        top = mode.mapTo(self.window, QPoint(0, 0))
        box = seen[top.y() + 40 : top.y() + mode.height() - 40, top.x() : top.x() + 4]
        return _share(box, colour)

    @property
    def theme(self) -> Colours:
        return self.window.colours


def _share(box: np.ndarray, colour: str) -> float:
    wanted = np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8).astype(int)
    return float((np.abs(box.astype(int) - wanted).max(axis=2) < 12).mean())


def rgb(image: QImage) -> np.ndarray:
    """Return an image as (h, w, 3)."""
    whole = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(whole.constBits(), np.uint8).reshape(whole.height(), whole.bytesPerLine())
    return rows[:, : 3 * whole.width()].reshape(whole.height(), whole.width(), 3).copy()


@contextmanager
def place(
    qtbot: QtBot,
    folder: Path,
    prepare: Callable[[Path], None] = lambda _project: None,
    name: str = "pumping-station",
) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    """Open a demo plant with its people on a desk; all is ended afterwards.

    `prepare` may change the project before it is opened.
    """
    cast = Cast()
    plant = start_plant(name, folder / "station")
    wire = window = pulse = workspace = None
    try:
        cast.move_in(plant.project, CLOCK)
        prepare(plant.project)
        wire = Wire(plant)
        workspace = Workspace(CLOCK)
        window = DeskWindow(workspace, CLOCK)
        qtbot.addWidget(window)
        window.resize(*SIZE)
        pulse = Pulse(workspace, CLOCK)
        workspace.open(str(plant.project))
        window.show()
        pulse.pump()
        keep = Path(os.environ.get("ARMILLARY_PICTURES", "") or folder) / folder.name
        yield Place(window, qtbot, keep / "pictures", cast.password), plant, wire
    finally:
        if pulse is not None:
            pulse.stop()
        if window is not None:
            window.close()
            window.shut_down()
        if workspace is not None:
            workspace.close()
        if wire is not None:
            wire.close()
        plant.stop()


def readings(project: Path, tag: str, from_ns: int, to_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (value, source time in ns) of all readings of a tag that the recorder has of a time."""
    line = Line(recorder_address(project))
    try:
        known = line.ask(Enroll(tags=(tag,), create=False), timeout_s=20)
        assert isinstance(known, Enrolled)
        got = line.ask(AskBetween(ids=known.ids, from_ns=from_ns, to_ns=to_ns), timeout_s=20)
        assert isinstance(got, Samples)
        return got.batch.value.copy(), got.batch.source_ns.copy()
    finally:
        line.close()


def armillary(*words: str) -> tuple[int, str]:
    """Run a command of the product in a terminal; return its status and what it printed."""
    command = [sys.executable, "-m", "armillary", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
