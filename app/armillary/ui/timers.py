"""Timers of the desk, made in one line."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer


def once(owner: QObject, ms: int, run: Callable[[], object], *, is_precise: bool = False) -> QTimer:
    """Return a timer that is not started: `ms` after its start it runs once."""
    out = every(owner, ms, run, is_precise=is_precise)
    out.setSingleShot(True)
    return out


def every(owner: QObject, ms: int, run: Callable[[], object], *, is_precise: bool = False) -> QTimer:
    """Return a timer that is not started: from its start on it runs each `ms`."""
    out = QTimer(owner)
    out.setInterval(ms)
    out.timeout.connect(run)
    if is_precise:
        out.setTimerType(Qt.TimerType.PreciseTimer)
    return out
