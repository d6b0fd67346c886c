"""Readings that stir nothing: most readings of most ticks, so it is asked of tags and not of their alarms."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.quality import RANK_MASK, STALE
from armillary.model.sample import SampleBatch

_NONE = -1


class Quiet:
    """Between which values of each of T tags no alarm at rest begins."""

    def __init__(self, slot: I8, above: I8, below: I8, never: I8, limit: F8, order: I8, first: I8) -> None:
        """Take the alarms: slot and limit, (A,); those with a limit above, one below, and others.

        The others may be stirred by any reading. order: the alarms by tag; those of tag s are from first[s]
        to first[s + 1].
        """
        tags = len(first) - 1
        self._order, self._first = order, first
        self._low, self._high = np.full(tags, -np.inf), np.full(tags, np.inf)
        np.minimum.at(self._high, slot[above], limit[above])
        np.maximum.at(self._low, slot[below], limit[below])
        self._low[slot[never]] = np.inf
        # Where no tag has several alarms: the one of each, -1 = it has none.
        single = len(order) == 0 or int(np.diff(first).max(initial=0)) <= 1
        self._only: I8 | None = np.full(tags, _NONE, np.int64) if single else None
        if self._only is not None:
            self._only[slot[order]] = order

    def alarms_of(self, slots: I8) -> tuple[I8, I8]:
        """Return the alarms of these tags, and for each the row of its tag in `slots`."""
        size = self._first[slots + 1] - self._first[slots]
        row = np.repeat(np.arange(len(slots)), size)
        inner = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
        return self._order[self._first[slots][row] + inner], row

    def split(self, batch: SampleBatch, rows: I8, slot: I8, busy: I8) -> tuple[I8, tuple[I8, F8, U2]]:
        """Return which rows may stir something, and (alarms, values, qualities) to remember of the others.

        busy: tags with an alarm that stands, counts or waits for a delay. Readings of a tag stay together.
        """
        loud: B1 = np.zeros(len(self._first) - 1, np.bool_)
        loud[busy] = True
        value = batch.value if len(rows) == len(batch) else batch.value[rows]
        quality = batch.quality if len(rows) == len(batch) else batch.quality[rows]
        stirs = loud[slot] | ~((value >= self._low[slot]) & (value <= self._high[slot]))
        stirs |= (quality & RANK_MASK) >= STALE
        if not stirs.any():
            return rows[:0], self._remembered(slot, value, quality)
        loud[slot[stirs]] = True
        stirs = loud[slot]
        left, kept = np.flatnonzero(stirs), np.flatnonzero(~stirs)
        left = left[self._first[slot[left] + 1] > self._first[slot[left]]]
        return left, self._remembered(slot[kept], value[kept], quality[kept])

    def _remembered(self, slot: I8, value: F8, quality: U2) -> tuple[I8, F8, U2]:
        if self._only is None:
            alarm, row = self.alarms_of(slot)
            return alarm, value[row], quality[row]
        alarm = self._only[slot]
        if len(alarm) and int(alarm.min()) < 0:
            kept = alarm >= 0
            return alarm[kept], value[kept], quality[kept]
        return alarm, value, quality
