"""What a replay reads while it plays: the stretch of the record that is needed next, one at a time."""

from __future__ import annotations

import asyncio
import contextlib

from armillary.model.clock import NS
from armillary.world.record import Recording, Stretch

AHEAD_S = 6.0  # wall time that a stretch should last
SHORTEST_NS, LONGEST_NS = 30 * NS, 6 * 3_600 * NS
THIN_FROM = 20.0  # × real time: from then on only what is shown of the record is read
THIN_SHARE = 4  # part of the time ahead that is then read at once
STEADY = 0.02  # a speed that differs less from what was asked is told as that


def every_ns(speed: float, tick_hz: int, *, is_loop: bool) -> int:
    """Return how far apart the times are that are shown at a speed, 0 where it is slow: all of them."""
    if abs(speed) < THIN_FROM or is_loop:  # a loop turns at its very ends
        return 0
    return int(NS // tick_hz * abs(speed) / 2)


def pace(real: float, asked: float, moved_ns: int, passed_ns: int) -> float:
    """Return the speed over about a second: less than asked where the record is read too slowly."""
    share = min(1.0, passed_ns / NS)
    real = real + share * (moved_ns / max(passed_ns, 1) - real)
    return asked if abs(real - asked) <= STEADY * abs(asked) else real


class Ahead:
    """At most one stretch under way. Belongs to the world's loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Stretch] | None = None

    def forget(self) -> None:
        """Give up what is under way: it was for another time or speed."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def entered(self, stretch: Stretch, t_ns: int) -> Stretch:
        """Return the stretch to show a time from: the one that is read, where that is there and goes on.

        Raises Fault when it could not be read.
        """
        if stretch.holds(t_ns) or self._task is None or not self._task.done():
            return stretch
        task, self._task = self._task, None
        following = task.result()
        touches = following.from_ns <= stretch.to_ns and following.to_ns >= stretch.from_ns
        further = (
            following.to_ns > stretch.to_ns if t_ns > stretch.to_ns else following.from_ns < stretch.from_ns
        )
        return following if touches and further else stretch  # else the direction has changed meanwhile

    def fetch(
        self,
        recording: Recording,
        stretch: Stretch,
        *,
        cursor_ns: int,
        speed: float,
        until_ns: int,
        every_ns: int,
    ) -> None:
        """Begin to read what follows, forwards or backwards, once the cursor comes near to its end.

        until_ns: playing forwards pauses there. every_ns: how far apart the times are that will be shown.
        """
        if self._task is not None:
            return
        ahead = int(min(max(abs(speed) * AHEAD_S * NS, SHORTEST_NS), LONGEST_NS))
        is_first = stretch.from_ns == stretch.to_ns  # after a jump: the sooner it runs the better
        span = ahead // (3 * THIN_SHARE if is_first else THIN_SHARE)
        span = span if every_ns else recording.readable(ahead)
        if speed >= 0:
            near = stretch.to_ns - cursor_ns < ahead // 2
            if near and stretch.to_ns < recording.last_ns:
                begin, before = stretch.to_ns, stretch
                until_ns = until_ns if begin < until_ns else recording.last_ns
                to_ns = min(begin + span, recording.last_ns, until_ns)  # an end is always known
                work = recording.stretch(begin, to_ns, before, every_ns=every_ns)
                self._task = asyncio.create_task(work)
        elif cursor_ns - stretch.from_ns < ahead // 2 and stretch.from_ns > recording.first_ns:
            begin = max(stretch.from_ns - span, recording.first_ns)
            work = recording.stretch(begin, stretch.from_ns, is_whole=True, every_ns=every_ns)
            self._task = asyncio.create_task(work)
        if self._task is not None:
            self._task.add_done_callback(_looked_at)


def _looked_at(task: asyncio.Task[Stretch]) -> None:
    """Take a task's error, so that one that nobody waits for is not told as lost."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
