"""Measures how late timers of the Qt thread fire: what a person feels as lag."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

from armillary.model.arrays import F8
from armillary.model.clock import MS_NS, Clock

PERIOD_MS = 5
_ROOM = 200_000  # lateness kept: 1,000 s


class Lateness(QObject):
    """A 5 ms timer that notes in ms how much later than asked it came; off until started."""

    def __init__(self, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._late = np.zeros(_ROOM)
        self._n = 0
        self._last_mono_ns = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin anew."""
        self._n = 0
        self._last_mono_ns = self._clock.now_mono_ns()
        self._timer.start()

    def stop(self) -> F8:
        """Stop and return the lateness of every tick in ms, shape (n,)."""
        self._timer.stop()
        return self._late[: self._n].copy()

    def _tick(self) -> None:
        now = self._clock.now_mono_ns()
        if self._n < _ROOM:
            self._late[self._n] = max((now - self._last_mono_ns) / MS_NS - PERIOD_MS, 0.0)
            self._n += 1
        self._last_mono_ns = now
