"""Running the desk: it ends by itself, by Ctrl-C and by its window, writes its picture, survives a slot."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QThread, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from armillary.model.clock import WallClock
from armillary.ui import app
from armillary.ui.interrupts import Interrupts
from armillary.ui.probe import Lateness
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow


def shown() -> DeskWindow:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, DeskWindow) and w.isVisible())


def soon(run: Callable[[], object], ms: int = 150) -> None:
    QTimer.singleShot(ms, run)


def test_the_desk_ends_after_its_time_and_leaves_a_picture(
    qapp: QApplication, bench: Any, tmp_path: Path
) -> None:
    lines: list[str] = []
    file = tmp_path / "desk.png"
    soon(bench.begin, 50)
    status = app.run(bench.workspace, offscreen=True, screenshot=file, seconds=0.6, say=lines.append)
    assert status == 0
    image = QImage(str(file))
    assert (image.width(), image.height()) == (1600, 1000)
    assert any(line.startswith("first live picture after") for line in lines)
    assert "tags: 10, of these 10 good" in lines


def test_a_picture_that_cannot_be_written_is_said_and_is_bad_news(qapp: QApplication, bench: Any) -> None:
    lines: list[str] = []
    file = Path("/no/such/folder/desk.png")
    assert app.run(bench.workspace, offscreen=True, screenshot=file, seconds=0.2, say=lines.append) == 1
    assert any("could not be written" in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_desk_in_order(qapp: QApplication, bench: Any, number: signal.Signals) -> None:
    closed: list[bool] = []
    bench.workspace.close = lambda: closed.append(True)
    before = signal.getsignal(number)
    soon(lambda: os.kill(os.getpid(), number))
    assert app.run(bench.workspace, offscreen=True, seconds=20) == 0
    assert closed
    assert signal.getsignal(number) is before


def test_closing_the_window_ends_the_desk_though_a_dock_floats(qapp: QApplication, bench: Any) -> None:
    def close() -> None:
        window = shown()
        window.docks.float_out("links")
        window.close()

    soon(close)
    clock = WallClock()
    start = clock.now_mono_ns()
    assert app.run(bench.workspace, offscreen=True, seconds=60) == 0
    assert clock.now_mono_ns() - start < 50e9


def test_a_slot_that_raises_is_shown_and_the_desk_goes_on(
    qapp: QApplication, bench: Any, log_guard: Any
) -> None:
    log_guard.announced.append("uncaught in the desk")
    seen: list[str] = []

    def fail() -> None:  # as PySide6 does with what a slot raises
        try:
            raise ValueError("boom")
        except ValueError as error:
            sys.excepthook(type(error), error, error.__traceback__)

    soon(fail)
    soon(lambda: seen.extend(card.notice.what for card in shown().cards.cards), 300)
    assert app.run(bench.workspace, offscreen=True, seconds=0.6) == 0
    assert seen == ["A part of the desk failed: ValueError: boom."]


def test_a_wake_from_the_wire_thread_pumps_on_the_qt_thread(
    qapp: QApplication, bench: Any, qtbot: QtBot
) -> None:
    pumped: list[bool] = []
    bench.workspace.pump = lambda _now, _mono: pumped.append(QThread.currentThread() is qapp.thread())
    pulse = Pulse(bench.workspace, bench.clock)
    thread = threading.Thread(target=bench.workspace.wake)
    thread.start()
    thread.join()
    assert pumped == []
    qtbot.waitUntil(lambda: pumped == [True], timeout=20_000)
    pulse.stop()


def test_what_is_due_is_pumped_though_nobody_wakes(qapp: QApplication, bench: Any, qtbot: QtBot) -> None:
    pumped: list[int] = []
    bench.workspace.pump = lambda _now, _mono: pumped.append(1)
    bench.workspace.due_s = lambda _mono: 0.02
    pulse = Pulse(bench.workspace, bench.clock)
    pulse.pump()
    qtbot.waitUntil(lambda: len(pumped) >= 3, timeout=20_000)
    pulse.stop()


def test_a_signal_while_the_desk_is_made_is_obeyed_once_by_its_loop(qapp: QApplication, qtbot: QtBot) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a script has it ignored
    interrupts = Interrupts()
    try:
        signal.raise_signal(signal.SIGTERM)  # before anybody listens
        interrupts.listen(lambda: came.append(1))
        signal.raise_signal(signal.SIGTERM)  # and before the loop runs, which would not hear a quit
        assert came == []
        qtbot.waitUntil(lambda: came == [1], timeout=20_000)
        qtbot.wait(50)
        assert came == [1]
        signal.raise_signal(signal.SIGINT)
        qtbot.waitUntil(lambda: came == [1, 1], timeout=20_000)
    finally:
        interrupts.restore()
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_was_ignored_stays_ignored(qapp: QApplication, qtbot: QtBot) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts = Interrupts()
    try:
        interrupts.listen(lambda: came.append(1))
        signal.raise_signal(signal.SIGINT)
        qtbot.wait(50)
        assert came == []
    finally:
        interrupts.restore()
        assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN


def test_timer_lateness_is_measured(desk: DeskWindow, qtbot: QtBot) -> None:
    probe = Lateness(WallClock())
    probe.start()
    qtbot.wait(120)
    late = probe.stop()
    assert 1 <= len(late) < 60
    assert (late >= 0).all()
    qtbot.wait(30)
    assert len(probe.stop()) == len(late)
