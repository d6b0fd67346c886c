"""How long a thread works between two turns of its event loop, in its own CPU time.

A timer that fires late tells also of other programs on the machine; this does not.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer

PERIOD_MS = 5


class Held:
    """Notes the CPU milliseconds of the thread between the ticks of a 5 ms timer; off until started."""

    def __init__(self, parent: QObject) -> None:
        self._held: list[float] = []
        self._last_ns = 0
        self._timer = QTimer(parent)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin anew."""
        self._held.clear()
        self._last_ns = time.thread_time_ns()
        self._timer.start()

    def stop(self) -> list[float]:
        """Stop and return the milliseconds of each."""
        self._timer.stop()
        return list(self._held)

    def _tick(self) -> None:
        now = time.thread_time_ns()
        self._held.append((now - self._last_ns) / 1e6)
        self._last_ns = now
