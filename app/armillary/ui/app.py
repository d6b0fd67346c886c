"""Runs the desk: one QApplication, one window, one queued signal from the wire thread."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    QSocketNotifier,
    Qt,
    QTimer,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from armillary.model import places
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, FaultRecord
from armillary.model.quality import GOOD
from armillary.session.loading import SCENE_LOST
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.film import Film
from armillary.ui.notify import Notice
from armillary.ui.window import DeskWindow

log = logging.getLogger(__name__)

_MS = 1000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SLOWEST_PUMP_S = 1.0
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


class Pulse(QObject):
    """Calls `workspace.pump` on the Qt thread: when the wire thread wakes it, and when something is due."""

    _woken = Signal()

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace, self._clock = workspace, clock
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setTimerType(Qt.TimerType.PreciseTimer)
        self._due.timeout.connect(self.pump)
        self._woken.connect(self.pump, Qt.ConnectionType.QueuedConnection)
        workspace.wake = self._woken.emit

    def pump(self) -> None:
        """Take what is there and ask when to come again."""
        self._workspace.pump(self._clock.now_ns(), self._clock.now_mono_ns())
        due_s = self._workspace.due_s(self._clock.now_mono_ns())
        if due_s is None:
            self._due.stop()
        else:
            self._due.start(round(min(max(due_s, 0.0), _SLOWEST_PUMP_S) * _MS))

    def stop(self) -> None:
        """Take nothing any more."""
        self._workspace.wake = lambda: None
        self._due.stop()


class Interrupts(QObject):
    """Turns Ctrl-C, SIGTERM and SIGHUP into a call on the Qt thread, at once though Qt waits in C.

    Made before anything of Qt: an exception that a signal throws into the making of a window ends the
    process where it stands. A signal that comes before `listen` is obeyed then.
    """

    def __init__(self) -> None:
        super().__init__()
        self._run: Callable[[], None] | None = None
        self._came = False
        self._notifier: QSocketNotifier | None = None
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        heard = [s for s in _SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        self._old = {s: signal.signal(s, self._handle) for s in heard}

    def listen(self, run: Callable[[], None]) -> None:
        """Call `run` for every signal from now on, and for one that came already, from the event loop."""
        self._run = run
        self._notifier = QSocketNotifier(self._read, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)
        if self._came:
            QTimer.singleShot(0, run)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        if self._run is not None:
            self._run()

    def _drain(self) -> None:
        os.read(self._read, 64)  # the handler itself has run by the time that Python got here

    def restore(self) -> None:
        """Give the signals back to who had them."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._read)
        os.close(self._write)


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
    film: a folder and times of a replay, a picture of each; then the desk ends.
    foreign: a file to import and then open.
    started_mono_ns: when the program started, for the time to the first live picture. say: gets lines for
    a person, e.g. what was seen at the end; warn: what went wrong.
    """
    clock = WallClock()
    start = started_mono_ns or clock.now_mono_ns()
    told = say or log.info
    warned = warn or told
    interrupts = Interrupts()
    old_messages = qInstallMessageHandler(_qt_message)
    app = application(offscreen=offscreen)
    window = DeskWindow(workspace, clock)
    pulse = Pulse(workspace, clock)
    interrupts.listen(window.quit)
    old_hook = sys.excepthook
    sys.excepthook = lambda kind, error, trace: _uncaught(window, warned, kind, error, trace)
    failed = False

    def picture() -> None:
        nonlocal failed
        if screenshot is not None:
            try:
                window.save_to(screenshot)
            except Fault as fault:
                failed = True
                warned(in_words(fault))

    def end() -> None:
        nonlocal failed
        try:
            if after_s is None:
                picture()
            for line in summary(workspace, window, start):
                told(line)
            for fault in amiss(workspace):
                failed = True
                warned(in_words(fault))
        finally:
            window.close()

    def filmed(fault: Fault | None) -> None:
        nonlocal failed
        if fault is not None:
            failed = True
            warned(in_words(fault))
        end()

    if seconds is None and screenshot is not None and after_s is None:
        seconds = 0.0
    if screenshot is not None and after_s is not None:
        QTimer.singleShot(round(after_s * _MS), window, picture)
    if seconds is not None:
        QTimer.singleShot(round(seconds * _MS), window, end)
    # floating docks are windows too: the main window alone decides when the application ends, and once
    app.setQuitOnLastWindowClosed(False)
    # a timed run shows what is; spares are for a person, where there is memory for them
    workspace.warm = seconds is None and window.settings.get("warm", "on") != "off" and _has_room()
    window.on_closed = app.quit
    window.show()
    pulse.pump()
    if foreign is not None:
        window.import_path(foreign)
    if film is not None:
        Film(window, clock, *film, filmed)
    try:
        app.exec()
    finally:
        pulse.stop()
        interrupts.restore()
        sys.excepthook = old_hook
        window.shut_down()
        qInstallMessageHandler(old_messages)
    return 1 if failed else 0


def _has_room() -> bool:
    """Return whether two idle worlds of about 100 MB each find room."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > _SPARE_BYTES


def summary(workspace: Workspace, window: DeskWindow, start_mono_ns: int) -> list[str]:
    """Return what the desk has seen, as lines for a person."""
    lines = []
    if window.first_live_mono_ns:
        lines.append(f"first live picture after {(window.first_live_mono_ns - start_mono_ns) / NS:.2f} s")
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
