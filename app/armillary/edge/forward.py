"""What goes up when: what is new first, and beside it at a limited rate what had to wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from armillary.api.ports import Parcel
from armillary.edge.pack import AGAIN, PAST
from armillary.edge.ring import Kept, Ring
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, LinkRefused

MOST_UNDER_WAY = 16
REFUSED_S = 10.0  # after the server refused a message, the next try
STEP_S = 0.05
BURST_S = 0.5  # of the rate for late data: what may go at once
HISTORICAL = (("historical", "1"),)
REPEATED = (("repeated", "1"),)  # it may be there already

Send = Callable[[Parcel], Awaitable[None]]


class Forwarder:
    """Sends the packs of a ring. All methods belong to the loop's thread."""

    def __init__(
        self,
        ring: Ring,
        send: Send,
        clock: Clock,
        *,
        topic: str,
        content: str,
        expiry_s: int,
        late_per_s: float,
    ) -> None:
        """late_per_s: samples that had to wait, at most so many a second."""
        self._ring, self._send, self._clock = ring, send, clock
        self._topic, self._content, self._expiry_s = topic, content, expiry_s
        self._late_per_s = late_per_s
        self._fresh: deque[tuple[Kept, bytes]] = deque()
        self._hold: set[int] = set()  # numbers of packs that are fresh or under way
        self._under_way: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_up = False
        self._allowed = 0.0  # late samples that may go now
        self._since_mono_ns = clock.now_mono_ns()
        self._try_mono_ns = 0  # not before
        self.live = self.late = 0  # samples that the server has
        self.trouble = ""  # why the server refused the last message

    @property
    def is_up(self) -> bool:
        """Whether the way up is there."""
        return self._is_up

    def carrier(self, is_up: bool) -> None:
        """Note that the way up is there, or is cut: what nobody acknowledged waits then, and goes as late."""
        if is_up == self._is_up:
            return
        self._is_up = is_up
        self._forget()
        self._wake.set()

    def offer(self, kept: list[Kept], payloads: list[bytes]) -> None:
        """Take packs that were written just now; while the way up is cut they stay in the ring."""
        if not self._is_up or self._clock.now_mono_ns() < self._try_mono_ns:
            return
        for one, data in zip(kept, payloads, strict=True):
            if len(self._fresh) >= MOST_UNDER_WAY:  # slower than it comes: the ring has it
                break
            self._fresh.append((one, data))
            self._hold.add(one.number)
        self._wake.set()

    def refresh(self, payloads: list[bytes]) -> None:
        """Send what is newest of each tag, once: it is in the ring, too, but from there it goes as late."""
        for data in payloads:
            parcel = Parcel(
                topic=self._topic,
                payload=data,
                content_type=self._content,
                expiry_s=self._expiry_s,
                user=REPEATED,
            )
            task = asyncio.get_running_loop().create_task(self._attempt(parcel))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                self._step()
                self._wake.clear()
                idle = self._is_up and self._ring.counts.waiting_packs > len(self._hold)
                try:
                    async with asyncio.timeout(STEP_S if idle else 1.0):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def drained(self, limit_s: float) -> None:
        """Return when nothing is under way any more, within a limit."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=limit_s)

    def _step(self) -> None:
        now = self._clock.now_mono_ns()
        passed, self._since_mono_ns = (now - self._since_mono_ns) / NS, now
        if not self._is_up or now < self._try_mono_ns:
            return
        while self._fresh and len(self._under_way) < MOST_UNDER_WAY:
            kept, data = self._fresh.popleft()
            self._start(kept, data, is_late=False)
        self._allowed = min(self._allowed + passed * self._late_per_s, self._late_per_s * BURST_S)
        # Late packs leave room for what is new.
        while self._allowed > 0 and not self._fresh and len(self._under_way) < MOST_UNDER_WAY // 2:
            found = self._ring.late(self._hold)
            if found is None:
                return
            self._allowed -= found.samples
            self._hold.add(found.number)
            self._start(found, self._ring.payload(found), is_late=True)

    def _start(self, kept: Kept, data: bytes, *, is_late: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._one(kept, data, is_late=is_late))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()

    async def _attempt(self, parcel: Parcel) -> None:
        with contextlib.suppress(Fault):
            await self._send(parcel)

    async def _one(self, kept: Kept, data: bytes, *, is_late: bool) -> None:
        is_late = is_late or kept.kind == PAST
        user = HISTORICAL if is_late else REPEATED if kept.kind == AGAIN else ()
        parcel = Parcel(
            topic=self._topic, payload=data, content_type=self._content, expiry_s=self._expiry_s, user=user
        )
        try:
            await self._send(parcel)
        except LinkRefused as fault:
            self.trouble = fault.what
            self._try_mono_ns = self._clock.now_mono_ns() + int(REFUSED_S * NS)
            self._forget()
            return
        except Fault:
            # Nobody knows whether it came. It waits in the ring, and goes as late.
            self._hold.discard(kept.number)
            self._ring.rewind()
            return
        self.trouble = ""
        self._hold.discard(kept.number)
        before = self._ring.counts.done
        self._ring.done(kept)
        count = self._ring.counts.done - before
        if is_late:
            self.late += count
        else:
            self.live += count

    def _forget(self) -> None:
        """Leave all that is not acknowledged to the ring; the next look begins at the oldest."""
        self._fresh.clear()
        self._hold.clear()
        self._ring.rewind()
