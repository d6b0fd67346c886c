"""When our own time is not what it seems: the wall clock was set, or this process was stopped for a while.

Ages and timers go by the monotonic clock, so a step of the wall touches only what people read. A machine
that slept wakes with values of before its sleep and with connections that are dead without knowing it.
"""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.alarm import AlarmEvent, AlarmState
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, joined
from armillary.model.tags import TagTable
from armillary.world.core import Alarms

STEP_NS = 2 * NS  # the wall went this much further than the monotonic clock: it was set
SURE_NS = NS // 2  # between the two readings of the monotonic clock
SLEPT_NS = 8 * NS  # no tick for so long: we were stopped
SETTLE_NS = 15 * NS  # alarms wait at most so long for the links to be up again


class Beats:
    """Compares the two clocks from tick to tick; used by the tick thread."""

    def __init__(self) -> None:
        self._offset_ns = 0  # wall less monotonic at the last tick
        self._mono_ns = 0

    def look(self, wall_ns: int, before_mono_ns: int, after_mono_ns: int) -> tuple[int, int]:
        """Return (by how much the wall was set, for how long there was no tick), in ns, 0 for not at all.

        The monotonic clock is read before and after the wall: a process that was stopped between them would
        see a step that was none.
        """
        moved = slept = 0
        offset_ns = wall_ns - before_mono_ns
        is_sure = after_mono_ns - before_mono_ns < SURE_NS
        if self._mono_ns:
            if is_sure and abs(offset_ns - self._offset_ns) > STEP_NS:
                moved = offset_ns - self._offset_ns
            if after_mono_ns - self._mono_ns > SLEPT_NS:
                slept = after_mono_ns - self._mono_ns
        if is_sure or not self._mono_ns:  # each tick anew: a slow drift is no step, however far it goes
            self._offset_ns = offset_ns
        self._mono_ns = after_mono_ns
        return moved, slept


class AfterSleep:
    """A `world.core.Alarms` that looks at nothing between a waking and the links being up again.

    What comes meanwhile is looked at then, so nothing is missed; what was only old is no alarm.
    """

    def __init__(self, alarms: Alarms, are_up: Callable[[int], bool]) -> None:
        """`are_up`: whether all links that were up at a time (monotonic ns) came up again after it."""
        self._alarms, self._are_up = alarms, are_up
        self._since_ns = 0
        self._kept: list[SampleBatch] = []

    def slept(self, now_mono_ns: int) -> None:
        """Wait from now on."""
        self._since_ns = now_mono_ns

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> None:
        """See every reading of the tick, now or once the links are up."""
        if self._since_ns:
            if len(readings):
                self._kept.append(readings)
            if not self._are_up(self._since_ns) and now_mono_ns - self._since_ns < SETTLE_NS:
                return
            readings, self._kept, self._since_ns = joined(self._kept), [], 0
        self._alarms.look(table, readings, now_ns, now_mono_ns)

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        """Return what changed since the last call."""
        return self._alarms.take()


def moved_text(moved_ns: int) -> str:
    """Return the sentence for a wall clock that was set."""
    whole = f"{moved_ns / NS:+,.0f}".replace(",", "\u202f").replace("-", "\u2212")
    return f"System clock moved by {whole} s"
