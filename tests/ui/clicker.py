"""A random clicker: runs enabled commands, clicks enabled buttons, chooses rows and parts of a desk.

As a program it is a desk on a project whose LIVE world runs. Lines on stdin say what to show, lines on stdout
(JSON) what was done: `tests/system/test_by_construction.py` writes and reads them.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import select
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QtMsgType, QUrl, Slot, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QToolButton

from armillary.model.clock import NS, WallClock
from armillary.model.frame import RunState, WorldKind
from armillary.session.actions import ACTIONS
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.app import application
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

# Commands that the clicker leaves alone, each with the reason.
LEFT_ALONE = {
    "project.open": "asks for a file; a project that is opened starts its LIVE world",
    "project.close": "the desk would be empty, and all after it would be clicks on nothing",
    "desk.quit": "ends the desk",
    "picture.save": "asks for a file",
    "scene.export": "asks for a file",
    "view.keep": "asks for a name",
    "view.picture": "asks for a size and a file",
}
# …and while the ten minutes are played, what moves the clock or the world away: they would not be played.
CLOCK = ("time.", "world.", "training.", "whatif.", "exercise.")
# These arrange or colour everything anew, a second each: once in a kind of world.
DEAR = ("layout.", "desk.theme", "desk.reset-layout")
_LEAVE_BUTTONS = ("Open", "Close the project")
_MOST_LEFT, _MOST_BUTTONS = 200, 200  # commands of a kind of world, and buttons of a dock
_FEWEST, _LONGEST_S = 20, 10.0  # turns of a phase, and how long free clicking may take
_IGNORED = ("This plugin does not support", "propagateSizeHints")


class Clicker:
    """Clicks on one desk. The same seed on the same desk does the same."""

    def __init__(self, desk: DeskWindow, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)  # noqa: S311  no secret: a seed to repeat
        self.kind = ""  # of the worlds that are counted
        self.enabled: set[str] = set()  # commands that were enabled when looked at
        self.ran: Counter[str] = Counter()
        self.clicked: Counter[str] = Counter()
        self.chosen = 0

    def begin(self, kind: str) -> None:
        """Begin a phase: what is counted is of this kind of world."""
        if kind != self.kind:
            self.kind, self.chosen = kind, 0
            self.enabled, self.ran, self.clicked = set(), Counter(), Counter()

    def turn(self, *, leave: tuple[str, ...] = ()) -> None:
        """Do one thing: most often the command that was run least."""
        roll = self.random.random()
        if roll < 0.55:
            self.command(leave)
        elif roll < 0.8:
            self.button(leave)
        else:
            self.choose()
        self.tidy()

    def commands(self, leave: tuple[str, ...] = ()) -> list[str]:
        """Ids of the commands that may be run now."""
        at = self.desk.workspace
        return [
            entry.id
            for entry in ACTIONS
            if entry.id not in LEFT_ALONE
            and not entry.id.startswith(leave or ("\0",))
            and not entry.why_not(at)
        ]

    def command(self, leave: tuple[str, ...]) -> None:
        names = self.commands(leave)
        self.enabled |= set(names)
        names = [name for name in names if not (self.ran[name] and name.startswith(DEAR))]
        least = min(self.ran[name] for name in names)
        name = self.random.choice([name for name in names if self.ran[name] == least])
        self.desk.menus.refresh()
        self.ran[name] += 1
        _say(f"command {name}")
        self.desk.menus.actions[name].trigger()

    def left(self, leave: tuple[str, ...]) -> list[str]:
        """Commands that may be run now and were not."""
        return [name for name in self.commands(leave) if not self.ran[name]]

    def button(self, leave: tuple[str, ...]) -> None:
        buttons = self.buttons(leave)
        if not buttons:
            return
        least = min(self.clicked[_key(b)] for b in buttons)
        self.click(self.random.choice([b for b in buttons if self.clicked[_key(b)] == least]))

    def buttons(self, leave: tuple[str, ...] = ()) -> list[QAbstractButton]:
        """Buttons that may be clicked now."""
        buttons = [b for b in self.desk.findChildren(QAbstractButton) if self._may_click(b)]
        if leave:  # the clock's own buttons too
            held = self.desk.bars.timebar.findChildren(QAbstractButton)
            held += self.desk.bars.worlds.findChildren(QAbstractButton)
            buttons = [b for b in buttons if b not in held and "live" not in _name(b).lower()]
        return buttons

    def click(self, button: QAbstractButton) -> None:
        self.clicked[_key(button)] += 1
        _say(f"button {_key(button)}")
        button.click()

    def sweep(self, then: Callable[[], None]) -> list[str]:
        """Show dock after dock and click each button that was not clicked; return those that are left.

        `then` runs after each click.
        """
        left: list[str] = []
        for name in self.desk.docks.names:
            self.desk.docks.show(name)
            then()
            for _ in range(_MOST_BUTTONS):
                fresh = [b for b in self.buttons() if not self.clicked[_key(b)]]
                if not fresh:
                    break
                self.click(fresh[0])
                self.tidy()
                then()
            else:
                left += [_key(b) for b in self.buttons() if not self.clicked[_key(b)]]
        # the window's own buttons may have had their turn with a later dock
        return [key for key in dict.fromkeys(left) if not self.clicked[key]]

    def _may_click(self, button: QAbstractButton) -> bool:
        if not button.isVisible() or not button.isEnabled():
            return False
        if isinstance(button, QToolButton):
            action = button.defaultAction()
            if action is not None and action.objectName() in LEFT_ALONE:  # type: ignore[redundant-expr]
                return False
            if button.menu() is not None:
                return False  # it opens a menu of commands, which are run as commands
        return not _name(button).startswith(_LEAVE_BUTTONS)

    def choose(self) -> None:
        """Choose something: a part, a row of a list, an entry of a box."""
        at = self.desk.workspace
        roll = self.random.random()
        if roll < 0.4 and at.scene is not None:
            tagged = [p for s in range(len(at.specs)) if (p := at.prim_of_tag(s)) is not None and p >= 0]
            every = tagged or list(range(len(at.scene)))
            at.select([self.random.choice(every)])
        elif roll < 0.85:
            views = [v for v in self.desk.findChildren(QAbstractItemView) if v.isVisible()]
            views = [v for v in views if v.model() is not None and v.model().rowCount() > 0]
            if views:
                view = self.random.choice(views)
                view.setCurrentIndex(view.model().index(self.random.randrange(view.model().rowCount()), 0))
        else:
            boxes = [
                b for b in self.desk.findChildren(QComboBox) if b.isVisible() and b.isEnabled() and b.count()
            ]
            if boxes:
                box = self.random.choice(boxes)
                box.setCurrentIndex(self.random.randrange(box.count()))
        self.chosen += 1

    def tidy(self) -> None:
        """Close what waits for a person: menus and dialogs."""
        for _ in range(5):
            open_ = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if open_ is None:
                return
            open_.close()
            QApplication.processEvents()


def _name(button: QAbstractButton) -> str:
    return button.accessibleName() or button.text() or button.toolTip() or type(button).__name__


def _key(button: QAbstractButton) -> str:
    """What a button is counted as: its dock and its name, whatever number the name tells just now."""
    at = button.parentWidget()
    while at is not None and not at.inherits("ads::CDockWidget"):
        at = at.parentWidget()
    dock = at.objectName() if at is not None else "window"
    return f"{dock}: {re.sub(r'[0-9][0-9.,:]*', '#', _name(button))}"


def _say(what: str) -> None:
    """Note what is done before it is done: the last line tells what a desk hangs in."""
    sys.stderr.write(f"{WallClock().now_mono_ns() / NS:.1f} {what}\n")


class _Warnings(logging.Handler):
    """All that the desk logs as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(f"{record.name}: {record.getMessage()}")


class _Elsewhere(QObject):
    """Takes what a click would open in another program: nothing is opened by a test."""

    @Slot(QUrl)
    def opened(self, _url: QUrl) -> None: ...


class Program:
    """A desk that does what lines on stdin say: `{"show": "replay", …}`."""

    def __init__(self, project: str, seed: int) -> None:
        self.clock = WallClock()
        self.failures: list[str] = []
        self.warnings = _Warnings()
        logging.getLogger().addHandler(self.warnings)
        sys.excepthook = self._raised
        qInstallMessageHandler(self._qt)
        self.app = application(offscreen=True)
        self.elsewhere = _Elsewhere()
        for scheme in ("file", "http", "https"):
            QDesktopServices.setUrlHandler(scheme, self.elsewhere, "opened")  # type: ignore[arg-type]  # the stub is wrong
        self.workspace = Workspace(self.clock)
        self.window = DeskWindow(self.workspace, self.clock)
        self.clicker = Clicker(self.window, seed)
        self.pulse = Pulse(self.workspace, self.clock)
        self.app.setQuitOnLastWindowClosed(False)
        self.window.resize(1100, 700)  # a small picture is drawn sooner
        self.window.show()
        self.workspace.open(project)

    def _raised(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        self.failures.append(text[-2000:])
        sys.stderr.write(text)

    def _qt(self, level: QtMsgType, _context: object, text: str) -> None:
        if level in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg) and not any(
            i in text for i in _IGNORED
        ):
            self.failures.append(f"Qt: {text}")

    # ------------------------------------------------------------ the loop

    def live(self, seconds: float, holds: Callable[[], bool] = lambda: False) -> bool:
        """Let the desk live until something holds; return whether it did within the time."""
        end = self.clock.now_mono_ns() + int(seconds * NS)
        while not holds():
            if self.clock.now_mono_ns() > end:
                return False
            QTest.qWait(10)
        return True

    def tell(self, **what: object) -> None:
        at = self.workspace
        sys.stdout.write(
            json.dumps(
                {
                    **what,
                    "kind": str(at.kind),
                    "world": at.mirror.world,
                    "state": str(at.world_state),
                    "ran": dict(self.clicker.ran),
                    "enabled": sorted(self.clicker.enabled),
                    "clicked": dict(self.clicker.clicked),
                    "chosen": self.clicker.chosen,
                    "failures": self.failures,
                    "warnings": self.warnings.seen,
                    "events": [f"{e.source}: {e.text}" for e in at.events][-10:],
                }
            )
            + "\n"
        )
        sys.stdout.flush()

    def run(self) -> None:
        """Do what is asked, line by line, until the end of stdin or `{"end": true}`."""
        at = self.workspace
        self.live(20, lambda: at.world_state is WorldState.LIVE and at.scene is not None)
        self.tell(did="opened")
        buffer = b""
        while True:
            self.live(0.02)
            if select.select([0], [], [], 0)[0]:
                chunk = os.read(0, 65536)
                if not chunk:
                    break
                buffer += chunk
            line, found, rest = buffer.partition(b"\n")
            if not found:
                continue
            buffer = rest
            order = json.loads(line)
            if order.get("end"):
                break
            self.clicker.begin(str(order["kind"]))
            self.do(order)
        self.window.close()
        self.pulse.stop()
        at.close()
        self.tell(did="end")
        self.window.shut_down()

    def do(self, order: dict[str, object]) -> None:
        """Show a world, click on it for a while, tell."""
        kind, seconds = WorldKind(str(order["kind"])), float(str(order["seconds"]))
        self.bring(kind, order)
        if order.get("wait"):
            self.tell(did="shown")
            return
        from_ns, to_ns = self.workspace.mirror.t_ns, 0
        if order.get("play"):
            self.workspace.play(float(str(order["play"])))
        end = self.clock.now_mono_ns() + int(seconds * NS)
        done, leave = False, CLOCK if order.get("play") else ()
        speed = 0.0  # the highest that the world told
        begun, turns = self.clock.now_mono_ns(), 0
        while (self.clock.now_mono_ns() < end or turns < _FEWEST) and not done:
            if not order.get("play") and self.clock.now_mono_ns() - begun > _LONGEST_S * NS:
                break
            turns += 1
            self.live(0.03)
            if self.workspace.kind is not kind and self.workspace.coming is None:
                self.bring(kind, order)  # a click has led away
            if self.workspace.kind is kind:
                to_ns = max(to_ns, self.workspace.mirror.t_ns)
                if self.workspace.cursor is not None:
                    speed = max(speed, self.workspace.cursor.asked)
            try:
                self.clicker.turn(leave=leave)
            except Exception:  # noqa: BLE001  what a click raises is told with the rest
                self.failures.append(traceback.format_exc()[-2000:])
            done = bool(order.get("play")) and self.workspace.mirror.run is RunState.ENDED
        if self.workspace.kind is kind:
            to_ns = max(to_ns, self.workspace.mirror.t_ns)
        for _ in range(_MOST_LEFT):  # what chance has not come to
            if not self.clicker.left(leave):
                break
            self.clicker.command(leave)
            self.clicker.tidy()
            self.live(0.03)
            self.bring(kind, order)
        left = self.clicker.left(leave)

        def then() -> None:
            self.live(0.03)
            self.bring(kind, order)

        unclicked = self.clicker.sweep(then) if order.get("sweep") else []
        self.live(0.3)
        self.bring(kind, order)
        self.tell(
            did="clicked",
            from_ns=from_ns,
            to_ns=to_ns,
            ended=done,
            speed=speed,
            left=left,
            unclicked=unclicked,
            turns=turns,
            took_s=(self.clock.now_mono_ns() - begun) / NS,
        )

    def bring(self, kind: WorldKind, order: dict[str, object]) -> None:
        """Show a world of a kind, unless one is."""
        at = self.workspace
        if at.kind is kind:
            return
        known = next((w for w in at.worlds if w.kind is kind), None)
        if order.get("world") or (known is not None and kind is WorldKind.WHATIF):
            at.visit(str(order.get("world") or (known.id if known is not None else "")))
        elif kind is WorldKind.REPLAY:
            at.start_replay(int(str(order["t_ns"])))
        else:
            at.fork(str(order["scenario"]), int(str(order["t_ns"])))
        if not self.live(30, lambda: at.kind is kind and at.world_state is WorldState.LIVE):
            self.failures.append(f"{kind} is not shown: {list(at.events)[-3:]} {at.lost}")


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "system"))
    import telling

    telling.listen()
    Program(sys.argv[1], int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
