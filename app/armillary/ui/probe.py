"""Measures what a person feels: how late timers of the Qt thread fire, when the first live picture stood."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from armillary.model.arrays import F8, U4
from armillary.model.clock import MS_NS, Clock
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import timers

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
        self._timer = timers.every(self, PERIOD_MS, self._tick, is_precise=True)

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


class FirstLive:
    """Notes when the desk first showed live data."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace, self._clock = workspace, clock
        self.mono_ns = 0  # monotonic time of the first picture of live data, 0 before
        workspace.frame_arrived.connect(self._arrived)

    def drawn(self) -> None:
        """A picture was made."""
        live = self._workspace.world_state == WorldState.LIVE and self._workspace.mirror.seq > 0
        if live and not self.mono_ns:
            self.mono_ns = self._clock.now_mono_ns()

    def _arrived(self, _slots: U4) -> None:
        if not self.mono_ns and self._workspace.scene is None and not self._workspace.progress[0]:
            self.drawn()  # a project without a scene is live when its first values are
