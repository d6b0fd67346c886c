"""Values that do not move: a sensor that says exactly the same for too long is in doubt, where asked so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8, I8, U4
from armillary.model.clock import MS_NS
from armillary.model.quality import RANK_MASK, SENSOR, UNCERTAIN, worst
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable

FROZEN = UNCERTAIN | SENSOR


class Frozen:
    """Since when each watched tag has exactly its value; used by the tick thread alone."""

    def __init__(self, specs: Sequence[TagSpec]) -> None:
        count = max((s.slot for s in specs), default=-1) + 1
        watched = [s for s in specs if s.frozen_after_ms]
        self._slot: U4 = np.array([s.slot for s in watched], np.uint32)
        self._limit_ns: I8 = np.array([s.frozen_after_ms for s in watched], np.int64) * MS_NS
        self._row: I8 = np.full(count, -1, np.int64)
        self._row[self._slot] = np.arange(len(watched))
        self._value: F8 = np.full(len(watched), np.nan)
        self._since: I8 = np.zeros(len(watched), np.int64)  # monotonic arrival of the value's first sample

    def marked(self, batch: SampleBatch) -> SampleBatch:
        """Return a tick's samples, those that repeat a value for too long in doubt: as they are recorded."""
        if not len(self._slot) or not len(batch):
            return batch
        at = np.flatnonzero(self._row[batch.slot] >= 0)
        if not len(at):
            return batch
        at = at[np.argsort(batch.slot[at], kind="stable")]
        row, value, arrival = self._row[batch.slot[at]], batch.value[at], batch.arrival_mono_ns[at]
        first = np.concatenate(([True], row[1:] != row[:-1]))
        before = np.where(first, self._value[row], np.concatenate(([np.nan], value[:-1])))
        moved = (value != before) & ~(np.isnan(value) & np.isnan(before))
        since = np.where(moved, arrival, self._since[row])
        # where it did not move, since when is told by the row before it; the first row of a tag knows itself
        known = np.maximum.accumulate(np.where(moved | first, np.arange(len(row)), 0))
        since = since[known]
        last = np.append(np.flatnonzero(first)[1:], len(row)) - 1
        self._value[row[last]], self._since[row[last]] = value[last], since[last]
        stuck = at[arrival - since > self._limit_ns[row]]
        if not len(stuck):
            return batch
        quality = batch.quality.copy()
        quality[stuck] = worst(quality[stuck], np.full(len(stuck), FROZEN, np.uint16))
        return replace(batch, quality=quality)

    def look(self, table: TagTable, now_mono_ns: int) -> U4:
        """Mark what has become frozen without a sample (its link proves it alive); return those slots."""
        if not len(self._slot):
            return self._slot
        old = (now_mono_ns - self._since > self._limit_ns) & (self._since > 0)
        slots = self._slot[old]
        better = slots[(table.quality[slots] & RANK_MASK) < UNCERTAIN]
        if len(better):
            table.quality[better] = worst(table.quality[better], np.full(len(better), FROZEN, np.uint16))
            table.dirty[better] = True
        return better
