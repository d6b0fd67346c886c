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
TELL_NS = NS  # how often they are read while it runs backwards


class Telling:
    """One at a time: the newest time that was asked for counts."""

    def __init__(
        self,
        clock: Clock,
        recording: Callable[[], Recording | None],
        played_to_ns: Callable[[], int],
        show: Callable[[Passed], None],
    ) -> None:
        """recording: None while it is away. played_to_ns: where playing forwards is, 0 while it does not."""
        self._clock, self._recording = clock, recording
        self._played_to_ns, self._show = played_to_ns, show
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
            told = passed_of(await recording.told_until(t_ns, EVENTS_AT_ONCE))
            if self._played_to_ns() > t_ns:  # what was played over meanwhile was told already
                told = passed_of(await recording.told_until(self._played_to_ns(), EVENTS_AT_ONCE))
            self._show(told)
