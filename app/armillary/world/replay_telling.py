"""What had happened by a time of a record, told once that time has been shown for a moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault
from armillary.world.record import Recording
from armillary.world.recorded import EVENTS_AT_ONCE, Passed, passed_of

TELL_S = 0.1  # a time must be shown so long before its events are read: scrubbing reads none
TRIES = 5  # while it plays faster than it can be read, nothing is told: it is told as it is played
TELL_NS = NS  # how often they are read while it runs backwards


class Telling:
    """One at a time: the newest time that was asked for counts."""

    def __init__(
        self,
        clock: Clock,
        recording: Callable[[], Recording | None],
        played_since: Callable[[int], Passed | None],
        played_to_ns: Callable[[], int],
        show: Callable[[Passed], None],
    ) -> None:
        """recording: None while it is away. played_to_ns: where playing forwards is, 0 while it does not.

        played_since: what was played over after a time, None where that is no longer in memory.
        """
        self._clock, self._recording = clock, recording
        self._played_since, self._played_to_ns, self._show = played_since, played_to_ns, show
        self._task: asyncio.Task[None] | None = None
        self._asked_mono_ns = 0

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell again while it runs backwards."""
        return self._clock.now_mono_ns() - self._asked_mono_ns > TELL_NS

    def ask(self, t_ns: int) -> None:
        """Tell what had happened by a time, in a moment."""
        self.cancel()
        self._asked_mono_ns = self._clock.now_mono_ns()
        self._task = asyncio.create_task(self._tell(t_ns))

    def cancel(self) -> None:
        """Tell nothing of the time that was asked for last."""
        if self._task is not None:
            self._task.cancel()

    async def _tell(self, t_ns: int) -> None:
        await asyncio.sleep(TELL_S)
        recording = self._recording()
        if recording is None:
            return
        with contextlib.suppress(Fault):  # the next look at the record says that it cannot be read
            for _ in range(TRIES):
                told = passed_of(await recording.told_until(t_ns, EVENTS_AT_ONCE))
                later = self._played_since(t_ns)  # nothing is awaited from here on until it is shown
                if later is not None:
                    self._show(both(told, later))
                    return
                t_ns = self._played_to_ns()


def both(first: Passed, later: Passed) -> Passed:
    """Return what happened in two spans, one after the other; the newest of it where it is too much."""
    return Passed(
        events=(*first.events, *later.events)[-EVENTS_AT_ONCE:],
        alarm_events=(*first.alarm_events, *later.alarm_events)[-EVENTS_AT_ONCE:],
        orders=(*first.orders, *later.orders)[-EVENTS_AT_ONCE:],
    )
