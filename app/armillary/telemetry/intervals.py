"""Learns how often tags come, from the gaps between their arrivals. Once: what is learnt stays.

For tags of which nobody said it. The 95th percentile of the last 200 gaps counts, or of at least 20 where
they took ten minutes. Reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F4, I8, U4
from armillary.model.clock import NS
from armillary.model.sample import HISTORICAL, RETAINED, WAITED, SampleBatch
from armillary.model.tags import TagSpec

GAPS, FEWEST = 200, 20
LONG_NS = 600 * NS  # so long a time of FEWEST gaps is enough
SHARE, USUAL = 0.95, 0.5
AT_ONCE = 500  # tags judged in one tick, so that none is late for it: about 2 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What n tags have taught."""

    slot: U4  # (n,)
    expected_ns: I8  # (n,) 95th percentile of the gaps
    usual_ns: I8  # (n,) their median; far below `expected_ns` where arrivals are irregular

    def __len__(self) -> int:
        return len(self.slot)


class Intervals:
    """The gaps of the tags that still learn; used by the tick thread alone."""

    def __init__(self, specs: Sequence[TagSpec]) -> None:
        own = [s.slot for s in specs if s.interval == "default" and s.link and s.liveness == "tag"]
        count = max((s.slot for s in specs), default=-1) + 1
        self._slot: U4 = np.array(sorted(own), np.uint32)
        self._row: I8 = np.full(count, -1, np.int64)
        self._row[self._slot] = np.arange(len(self._slot))
        n = len(self._slot)
        self._gap: F4 = np.zeros((n, GAPS), np.float32)  # s; memory is taken when a row is first written
        self._count: I8 = np.zeros(n, np.int64)
        self._first: I8 = np.zeros(n, np.int64)
        self._last: I8 = np.zeros(n, np.int64)  # arrival before; 0 = none that counts
        self._ready: I8 = np.zeros(0, np.int64)
        self._left = n

    @property
    def left(self) -> int:
        """How many tags have not taught enough yet."""
        return self._left

    def note(self, batch: SampleBatch) -> None:
        """See the arrivals of a tick. What is retained, late or was kept while we were away tells nothing."""
        if not self._left or not len(batch):
            return
        row = self._row[batch.slot]
        told = (row >= 0) & ((batch.flags & (RETAINED | HISTORICAL | WAITED)) == 0)
        at = np.flatnonzero(told)
        if not len(at):
            return
        at = at[np.argsort(row[at], kind="stable")]
        row, arrival = row[at], batch.arrival_mono_ns[at]
        first = np.concatenate(([True], row[1:] != row[:-1]))
        before = np.where(first, self._last[row], np.concatenate(([0], arrival[:-1])))
        gap = arrival - before
        counts = (gap > 0) & (before > 0)  # what was read at once came at once
        start = np.flatnonzero(first)
        order: I8 = np.cumsum(counts) - counts  # how many counted before, over all rows …
        place = self._count[row] + order - np.repeat(order[start], np.diff(start, append=len(row)))
        self._gap[row[counts], place[counts] % GAPS] = gap[counts] / NS
        begun = row[start][self._first[row[start]] == 0]
        self._first[begun] = arrival[start][self._first[row[start]] == 0]
        self._count[row[start]] += np.add.reduceat(counts.astype(np.int64), start)
        last = np.append(start[1:], len(row)) - 1
        self._last[row[last]] = arrival[last]
        touched = row[start]
        n, since = self._count[touched], arrival[last] - self._first[touched]
        enough = touched[(n >= GAPS) | ((n >= FEWEST) & (since >= LONG_NS))]
        if len(enough):
            self._ready = np.union1d(self._ready, enough)

    def interrupted(self, slots: U4) -> None:
        """Forget the newest arrivals of some tags: their link was lost, and the gap is not theirs."""
        if self._left and len(slots):
            row = self._row[slots]
            self._last[row[row >= 0]] = 0

    def take(self) -> Learnt | None:
        """Return what has been learnt since the last call, None for nothing. Those tags learn no more."""
        if not len(self._ready):
            return None
        row, self._ready = self._ready[:AT_ONCE], self._ready[AT_ONCE:]
        n = np.minimum(self._count[row], GAPS)
        gap = np.where(np.arange(GAPS) < n[:, None], self._gap[row], np.float32(np.inf))
        gap.sort(axis=1)
        slot = self._slot[row]
        self._row[slot] = -1
        self._left -= len(row)
        if not self._left:
            self._gap = np.zeros((0, GAPS), np.float32)
        return Learnt(slot=slot, expected_ns=_nearest(gap, n, SHARE), usual_ns=_nearest(gap, n, USUAL))


def _nearest(ascending: F4, n: I8, share: float) -> I8:
    """Return a percentile of each row by nearest rank, in ns; n (k,) values of each row count."""
    rank = np.ceil(share * n).astype(np.int64) - 1
    out: I8 = (ascending[np.arange(len(n)), rank].astype(np.float64) * NS).astype(np.int64)
    return out
