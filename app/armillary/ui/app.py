"""Runs the desk: one QApplication, one window, one queued signal from the wire thread."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, FaultRecord
from armillary.model.quality import GOOD
from armillary.session.loading import SCENE_LOST
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.film import Film
from armillary.ui.interrupts import Interrupts
from armillary.ui.notify import Notice
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

log = logging.getLogger(__name__)

_MS = 1000
_SPARE_BYTES = 1024**3  # free memory below which no idle worlds are kept ready
_IGNORED = (
    "This plugin does not support",
    "propagateSizeHints",
)  # the offscreen platform says so at any menu
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def application(*, offscreen: bool) -> QApplication:
    """Return the one QApplication of this process, made when there is none."""
    if offscreen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    app = QApplication(["armillary"])
    app.setApplicationName("armillary")
    app.setApplicationDisplayName("Armillary")
    app.setDesktopFileName("armillary")
    return app


def run(
    workspace: Workspace,
    *,
    offscreen: bool,
    screenshot: Path | None = None,
    after_s: float | None = None,
    seconds: float | None = None,
    started_mono_ns: int = 0,
    film: tuple[Path, Sequence[int]] | None = None,
    foreign: Path | None = None,
    say: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> int:
    """Show the desk until its window is closed; return the exit status, 0 or 1.

    1: the picture could not be written, or at the end the scene cannot be shown or the world has ended.

    screenshot is written `after_s` seconds after the start, or at the end; `seconds` ends the desk by itself.
    film: a folder or a file, and times of a replay, a picture of each; then the desk ends.
    foreign: a file to import and then open.
    started_mono_ns: when the program started, for the time to the first live picture. say: gets lines for
    a person, e.g. what was seen at the end; warn: what went wrong.
    """
    clock = WallClock()
    interrupts = Interrupts()
    old_messages = qInstallMessageHandler(_qt_message)
    app = application(offscreen=offscreen)
    window = DeskWindow(workspace, clock)
    told = say or log.info
    ending = Ending(window, screenshot, started_mono_ns or clock.now_mono_ns(), told, warn or told)
    pulse = Pulse(workspace, clock)
    interrupts.listen(window.quit)
    old_hook = sys.excepthook
    sys.excepthook = lambda kind, error, trace: _uncaught(window, ending.warn, kind, error, trace)
    if seconds is None and screenshot is not None and after_s is None:
        seconds = 0.0
    ending.plan(after_s, seconds)
    # floating docks are windows too: the main window alone decides when the application ends, and once
    app.setQuitOnLastWindowClosed(False)
    # a timed run shows what is; spares are for a person, where there is memory for them
    workspace.warm = seconds is None and window.settings.get("warm", "on") != "off" and _has_room()
    window.on_closed = app.quit
    window.show()
    window.canvas.view.warm()  # the scene's reader is starting meanwhile
    pulse.pump()
    if foreign is not None:
        window.files.import_from(foreign)
    if film is not None:
        Film(window, clock, *film, ending.filmed, ending.warn)
    try:
        app.exec()
    finally:
        pulse.stop()
        interrupts.restore()
        sys.excepthook = old_hook
        window.shut_down()
        qInstallMessageHandler(old_messages)
    return 1 if ending.failed else 0


class Ending:
    """What a desk that ends by itself has still to do: its picture, what it saw, what was amiss."""

    def __init__(
        self,
        window: DeskWindow,
        screenshot: Path | None,
        start_mono_ns: int,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """start_mono_ns: when the program began. say, warn: get lines for a person."""
        self._window, self._screenshot, self._start_mono_ns = window, screenshot, start_mono_ns
        self._say, self.warn = say, warn
        self._picture_comes = False  # at a time of its own
        self.failed = False

    def plan(self, picture_s: float | None, end_s: float | None) -> None:
        """Take the picture and end after so many seconds from now; None: no time is set for it."""
        self._picture_comes = picture_s is not None
        if self._screenshot is not None and picture_s is not None:
            QTimer.singleShot(round(picture_s * _MS), self._window, self._picture)
        if end_s is not None:
            QTimer.singleShot(round(end_s * _MS), self._window, self.end)

    def end(self) -> None:
        """Say what was seen and close the window."""
        try:
            if not self._picture_comes:
                self._picture()
            at = self._window.workspace
            for line in summary(at, self._window, self._start_mono_ns):
                self._say(line)
            for fault in amiss(at):
                self._fails(fault)
        finally:
            self._window.close()

    def filmed(self, fault: Fault | None) -> None:
        """End when the film is made, or could not be."""
        if fault is not None:
            self._fails(fault)
        self.end()

    def _picture(self) -> None:
        if self._screenshot is not None:
            try:
                self._window.files.save_picture(self._screenshot)
            except Fault as fault:
                self._fails(fault)

    def _fails(self, fault: Fault | FaultRecord) -> None:
        self.failed = True
        self.warn(in_words(fault))


def _has_room() -> bool:
    """Return whether two idle worlds of about 100 MB each find room."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > _SPARE_BYTES


def summary(workspace: Workspace, window: DeskWindow, start_mono_ns: int) -> list[str]:
    """Return what the desk has seen, as lines for a person."""
    lines = []
    if window.first_live.mono_ns:
        lines.append(f"first live picture after {(window.first_live.mono_ns - start_mono_ns) / NS:.2f} s")
    if (scene := workspace.scene) is not None:
        lines.append(
            f"scene: {len(scene)} prims, {len(workspace.bindings)} bindings, {window.canvas.frames} pictures"
        )
    n = len(workspace.specs)
    if n:
        ranks = workspace.mirror.table.quality & 0xFF
        lines.append(f"tags: {n}, of these {int((ranks == GOOD).sum())} good")
    lines += [f"link {row.name}: {row.state}, {row.rate}, {row.delay}" for row in workspace.link_rows()]
    return lines


def amiss(workspace: Workspace) -> list[FaultRecord]:
    """Return why what was opened is not what is seen: a scene that cannot be shown, a world that ended."""
    out = [
        FaultRecord(kind="SceneFault", what=p.what, where=p.where, remedy=p.remedy)
        for p in workspace.problems
        if p.code == SCENE_LOST
    ]
    if workspace.world_state is WorldState.NOT_LIVE:
        remedy = "Read the end of its log file, and open it again."
        out.append(
            FaultRecord(kind="WorldFault", what=workspace.world_text, where=workspace.title, remedy=remedy)
        )
    return out


def in_words(fault: Fault | FaultRecord) -> str:
    """Return a fault as the lines that a terminal shows."""
    return f"armillary: {fault.what}\n  where: {fault.where}\n  do:    {fault.remedy}"


def _uncaught(
    window: DeskWindow,
    warned: Callable[[str], None],
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Log what a slot raised and show it: one fault of ours must not end the watch over a plant."""
    log.error("uncaught in the desk", exc_info=(kind, error, trace))
    if isinstance(error, KeyboardInterrupt):
        window.close()
        return
    what = f"A part of the desk failed: {kind.__name__}: {error}."
    remedy = "Go on; if it comes again, send the log file."
    told = Notice("error", what, str(places.log_file()), remedy, kind.__name__)
    if window.cards.add(told):
        warned(in_words(FaultRecord(kind=kind.__name__, what=what, where=told.where, remedy=remedy)))


def _qt_message(level: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    if not any(text.startswith(known) or known in text for known in _IGNORED):
        log.log(_LEVELS.get(level, logging.WARNING), "Qt: %s", text)
