"""Samples on their way to the recorder: numbered, kept until acknowledged, bounded and counted.

What the recorder has not acknowledged stays here and is sent again after it comes back: in memory first, what
is older than memory holds in a queue on disk (`world.spill`); past that the oldest yields and is counted, and
the world says so.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import U4
from armillary.model.fault import StoreFault
from armillary.model.message import Append
from armillary.model.sample import SampleBatch, joined, taken
from armillary.world.spill import Spill

LIMIT_BYTES = 256 * 1024 * 1024
ROW_BYTES = 47  # one row of a SampleBatch
WINDOW = 32  # Appends under way at once
ROWS_AT_ONCE = 50_000  # what the store likes best
BEHIND = 8  # sealed batches: a full second at 400,000 rows/s, or more at once after an outage
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    seq: int
    batch: SampleBatch
    is_sent: bool = False


class Spool:
    """History's own law: offered == stored + waiting + dropped. One thread.

    In order, oldest first: what may be under way (`_head`), what is on disk, what is sealed, what is fresh.
    """

    def __init__(self, session: str = "", limit_bytes: int = LIMIT_BYTES, spill: Spill | None = None) -> None:
        """`session` names this sender, so that the recorder knows again what is sent twice."""
        self._session = session
        self._limit = limit_bytes // ROW_BYTES
        self._spill = spill
        self._head: deque[_Waiting] = deque()
        self._sealed: deque[_Waiting] = deque()
        self._fresh: list[SampleBatch] = []
        self._fresh_rows = 0
        self._ids: U4 | None = None
        self._seq = 0
        self._rows = 0  # in memory
        self._on_disk = 0
        self._oldest_mono_ns = 0
        self.offered = self.stored = self.dropped = 0
        self.trouble = ""  # why the disk does not help, "" while it does or is not needed

    @property
    def waiting(self) -> int:
        """Rows offered and not yet with the recorder."""
        return self._rows + self._on_disk

    @property
    def spilled(self) -> int:
        """Of these, rows on disk."""
        return self._on_disk

    @property
    def settled(self) -> int:
        """Rows of those offered that are on disk, or were given up: compare with `offered` of before."""
        return self.stored + self.dropped

    @property
    def under_way(self) -> bool:
        """True while something was sent and is not acknowledged."""
        return bool(self._head) and self._head[0].is_sent

    @property
    def is_behind(self) -> bool:
        """True while more waits than some seconds bring: the recorder was away."""
        return bool(self._on_disk) or len(self._sealed) > BEHIND

    def behind_ns(self, now_mono_ns: int) -> int:
        """Return how old the oldest row is that the recorder does not have; 0 when it has all."""
        return max(0, now_mono_ns - self._oldest_mono_ns) if self.waiting and self._oldest_mono_ns else 0

    def enrolled(self, ids: U4) -> None:
        """Note the store's ids by slot (0: not recorded). Called again whenever the recorder came back."""
        self._ids = ids
        self.lost()

    def lost(self) -> None:
        """Note that the recorder is away: what was under way will be sent again."""
        for waiting in self._head:
            waiting.is_sent = False

    def offer(self, batch: SampleBatch) -> None:
        """Take a tick's samples (slots, not ids)."""
        if not len(batch):
            return
        if batch.array or batch.why:  # of an array only what its text tells is kept: how many, which ends
            batch = replace(batch, array={}, why={})
        if not self.waiting:
            self._oldest_mono_ns = _since(batch)
        self._fresh.append(batch)
        self._fresh_rows += len(batch)
        self.offered += len(batch)
        self._rows += len(batch)
        if self._fresh_rows >= ROWS_AT_ONCE:
            self._seal()
        self._trim()

    def due(self, window: int = WINDOW) -> list[Append]:
        """Return what to send now; at most `window` are under way."""
        if self._ids is None:
            return []
        while len(self._head) < window and (following := self._next()) is not None:
            self._head.append(following)
        out: list[Append] = []
        for waiting in list(self._head)[:window]:
            if not waiting.is_sent:
                waiting.is_sent = True
                out.append(Append(seq=waiting.seq, batch=self._by_id(waiting.batch), session=self._session))
        return out

    def acknowledged(self, seq: int) -> None:
        """Forget what is on disk."""
        while self._head and self._head[0].seq <= seq:
            rows = len(self._head.popleft().batch)
            self.stored += rows
            self._rows -= rows
        oldest = self._head or self._sealed
        if oldest:
            self._oldest_mono_ns = _since(oldest[0].batch)
        elif self._fresh:
            self._oldest_mono_ns = _since(self._fresh[0])

    def close(self) -> None:
        """Put what waits where the next world finds it, as far as there is room."""
        if self._spill is None:
            return
        self._seal()
        if not self._on_disk:  # else what was under way would stand behind what is newer
            self._sealed.extendleft(reversed(self._head))
            self._head.clear()
        while self._sealed and self._to_disk():
            pass
        self._spill.close()

    # ---------------------------------------------------------------- inside

    def _next(self) -> _Waiting | None:
        """Return the oldest batch that is not under way: from disk, then from memory."""
        while self._on_disk and self._spill is not None:
            try:
                found = self._spill.take()
            except StoreFault as fault:
                log.warning("%s", fault)
                self.trouble = fault.what
                found = None
            left = self._spill.rows
            if found is None:  # broken from here to the end of its segment
                self.dropped += self._on_disk - left
                self._on_disk = left
                continue
            seq, batch = found
            self._on_disk -= len(batch)
            self._rows += len(batch)
            return _Waiting(seq, batch)
        if not self._sealed:
            self._seal()
        return self._sealed.popleft() if self._sealed else None

    def _seal(self) -> None:
        """Make numbered batches of what has come since the last."""
        if not self._fresh:
            return
        batch = joined(self._fresh)
        self._fresh.clear()
        self._fresh_rows = 0
        for start in range(0, len(batch), ROWS_AT_ONCE):
            self._seq += 1
            part = batch
            if len(batch) > ROWS_AT_ONCE:
                part = taken(batch, np.arange(start, min(start + ROWS_AT_ONCE, len(batch))))
            self._sealed.append(_Waiting(self._seq, part))

    def _by_id(self, batch: SampleBatch) -> SampleBatch:
        if self._ids is None:
            return batch
        out = replace(batch, slot=self._ids[batch.slot])
        recorded = np.flatnonzero(out.slot)
        return out if len(recorded) == len(out) else taken(out, recorded)

    def _trim(self) -> None:
        """Hold the bound of memory: the oldest that is not under way goes to disk, else it is lost."""
        while self._rows > self._limit:
            if not self._sealed:
                self._seal()
            if self._sealed and self._to_disk():
                continue
            oldest = self._head if self._head else self._sealed
            rows = len(oldest.popleft().batch)
            self._rows -= rows
            self.dropped += rows

    def _to_disk(self) -> bool:
        """Move the oldest sealed batch behind what is on disk; return whether it is there."""
        if self._spill is None:
            return False
        first = self._sealed[0]
        try:
            lost = self._spill.put(first.seq, first.batch)
        except StoreFault as fault:
            if fault.what != self.trouble:
                log.warning("%s", fault)
            self.trouble = fault.what
            return False
        self.trouble = ""
        self._sealed.popleft()
        self._rows -= len(first.batch)
        self._on_disk = self._spill.rows
        self.dropped += lost
        return True


def _since(batch: SampleBatch) -> int:
    return int(batch.arrival_mono_ns[0])
