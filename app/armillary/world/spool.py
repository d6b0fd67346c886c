"""Samples on their way to the recorder: numbered, kept until acknowledged, bounded and counted.

What the recorder has not acknowledged stays here and is sent again after it comes back; past the limit
the oldest yields and is counted, and the world says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import U4
from armillary.model.message import Append
from armillary.model.sample import SampleBatch, joined, taken

LIMIT_BYTES = 256 * 1024 * 1024
ROW_BYTES = 47  # one row of a SampleBatch
WINDOW = 32  # Appends under way at once
ROWS_AT_ONCE = 50_000  # what the store likes best


@dataclass(slots=True)
class _Waiting:
    seq: int
    batch: SampleBatch
    is_sent: bool = False


class Spool:
    """History's own law: offered == stored + waiting + dropped. One thread."""

    def __init__(self, session: str = "", limit_bytes: int = LIMIT_BYTES) -> None:
        """`session` names this sender, so that the recorder knows again what is sent twice."""
        self._session = session
        self._limit = limit_bytes // ROW_BYTES
        self._queue: deque[_Waiting] = deque()
        self._fresh: list[SampleBatch] = []
        self._ids: U4 | None = None
        self._seq = 0
        self._rows = 0
        self.offered = self.stored = self.dropped = 0

    @property
    def waiting(self) -> int:
        """Rows offered and not yet on disk."""
        return self._rows

    @property
    def settled(self) -> int:
        """Rows of those offered that are on disk, or were given up: compare with `offered` of before."""
        return self.stored + self.dropped

    @property
    def under_way(self) -> bool:
        """True while something was sent and is not acknowledged."""
        return bool(self._queue) and self._queue[0].is_sent

    def enrolled(self, ids: U4) -> None:
        """Note the store's ids by slot (0: not recorded). Called again whenever the recorder came back."""
        self._ids = ids
        for waiting in self._queue:
            waiting.is_sent = False

    def lost(self) -> None:
        """Note that the recorder is away: what was under way will be sent again."""
        for waiting in self._queue:
            waiting.is_sent = False

    def offer(self, batch: SampleBatch) -> None:
        """Take a tick's samples (slots, not ids)."""
        if not len(batch):
            return
        if batch.array:  # of an array only what its text tells is kept: how many, and between which ends
            batch = replace(batch, array={})
        self._fresh.append(batch)
        self.offered += len(batch)
        self._rows += len(batch)
        self._trim()

    def due(self) -> list[Append]:
        """Return what to send now; at most WINDOW are under way."""
        if self._ids is None:
            return []
        self._seal()
        out: list[Append] = []
        for waiting in list(self._queue)[:WINDOW]:
            if not waiting.is_sent:
                waiting.is_sent = True
                out.append(Append(seq=waiting.seq, batch=self._by_id(waiting.batch), session=self._session))
        return out

    def acknowledged(self, seq: int) -> None:
        """Forget what is on disk."""
        while self._queue and self._queue[0].seq <= seq:
            rows = len(self._queue.popleft().batch)
            self.stored += rows
            self._rows -= rows

    def _seal(self) -> None:
        """Make one numbered batch of what has come since the last, when there is room under way."""
        if not self._fresh or len(self._queue) >= WINDOW:
            return
        batch = joined(self._fresh)
        self._fresh.clear()
        for start in range(0, len(batch), ROWS_AT_ONCE):
            self._seq += 1
            part = batch
            if len(batch) > ROWS_AT_ONCE:
                part = taken(batch, np.arange(start, min(start + ROWS_AT_ONCE, len(batch))))
            self._queue.append(_Waiting(self._seq, part))

    def _by_id(self, batch: SampleBatch) -> SampleBatch:
        if self._ids is None:
            return batch
        out = replace(batch, slot=self._ids[batch.slot])
        recorded = np.flatnonzero(out.slot)
        return out if len(recorded) == len(out) else taken(out, recorded)

    def _trim(self) -> None:
        while self._rows > self._limit and (self._queue or self._fresh):
            rows = len(self._queue.popleft().batch if self._queue else self._fresh.pop(0))
            self._rows -= rows
            self.dropped += rows
