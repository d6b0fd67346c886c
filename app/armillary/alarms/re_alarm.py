"""Alarms that ask again: what still stands after a time calls whoever has acknowledged it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from armillary.model.alarm import AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS

_RUNS = (ProcessState.UNACK, ProcessState.ACKED, ProcessState.LUNAK)
LOOK_NS = NS // 4  # how often


class Timers:
    """One timer for each alarm that has one and stands; by row of the specs."""

    def __init__(self, specs: Sequence[AlarmSpec]) -> None:
        self._every = {row: int(s.re_alarm_s * NS) for row, s in enumerate(specs) if s.re_alarm_s > 0}
        self._due: dict[int, int] = {}  # row -> monotonic ns
        self._fresh: dict[int, int] = {}  # row -> how much of its time has passed already
        self._looked_ns = self._now_ns = 0

    def note(self, row: int, before: AlarmState, after: AlarmState) -> None:
        """Learn of a transition: each one begins the time anew."""
        if row in self._every and (before.process is not after.process or row not in self._due):
            self._due.pop(row, None)
            self._fresh.pop(row, None)
            if after.process in _RUNS:
                self._fresh[row] = 0

    def restore(self, states: Iterable[tuple[int, AlarmState]], now_ns: int) -> None:
        """Go on after a restart: by the wall clock, unless it went back."""
        for row, state in states:
            if row in self._every and state.process in _RUNS:
                self._fresh[row] = max(0, now_ns - state.changed_ns) % self._every[row]

    def due(self, now_mono_ns: int) -> list[int]:
        """Return the rows whose time is over; it begins anew."""
        begun_ns, self._now_ns = self._now_ns or now_mono_ns, now_mono_ns
        for row, passed_ns in self._fresh.items():  # transitions since the last look
            self._due[row] = begun_ns + self._every[row] - passed_ns
        self._fresh.clear()
        if not self._due or now_mono_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns = now_mono_ns
        out = [row for row, at_ns in self._due.items() if now_mono_ns >= at_ns]
        for row in out:
            self._due[row] = now_mono_ns + self._every[row]
        return out
