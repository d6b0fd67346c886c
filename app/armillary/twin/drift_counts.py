"""What drift is judged by, kept up with every sample of every tag: gaps, time out of range, values in common.

Struct of arrays by slot; no loop over tags or samples. Used by one thread. Reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8
from armillary.model.clock import NS
from armillary.model.sample import HISTORICAL, RETAINED, WAITED, SampleBatch
from armillary.model.tags import TagSpec

GAPS = 16  # of which the median counts
HOURS = 24  # buckets of the time out of range
LONGEST_NS = 600 * NS  # a value is taken to hold for no longer than this
HASHES = 3
FEWEST_CHANGES, FEWEST_VALUES = 20, 10  # below that two tags may be alike by chance
_LATE = HISTORICAL | RETAINED | WAITED
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_TOP = np.uint64(2**64 - 1)


class Counts:
    """The counters of n tags, by slot."""

    def __init__(self, specs: Sequence[TagSpec]) -> None:
        n = max((s.slot for s in specs), default=-1) + 1
        self.last_ns: I8 = np.zeros(n, np.int64)  # monotonic arrival of the newest live sample; 0 = none yet
        self._gap: F4 = np.zeros((n, GAPS), np.float32)  # s
        self._gaps: I8 = np.zeros(n, np.int64)
        self.low: F8 = np.full(n, -np.inf)
        self.high: F8 = np.full(n, np.inf)
        self._was_out: B1 = np.zeros(n, np.bool_)
        self._out: F4 = np.zeros((HOURS, n), np.float32)  # s out of range in each hour
        self._hour = -1
        self.worst: F8 = np.full(n, np.nan)  # the value farthest out of range
        self._hash = np.full((HASHES, n), _TOP, np.uint64)
        self._value: F8 = np.full(n, np.nan)
        self._changes: I8 = np.zeros(n, np.int64)

    def see(self, batch: SampleBatch) -> None:
        """Take the samples of a tick. What is late, retained or was kept for us tells nothing of now."""
        at = np.flatnonzero((batch.flags & _LATE) == 0)
        if not len(at):
            return
        at = at[np.argsort(batch.slot[at], kind="stable")]
        slot, value, mono = batch.slot[at].astype(np.int64), batch.value[at], batch.arrival_mono_ns[at]
        first = np.concatenate(([True], slot[1:] != slot[:-1]))
        start = np.flatnonzero(first)
        last = np.append(start[1:], len(slot)) - 1
        before = np.where(first, self.last_ns[slot], np.concatenate(([0], mono[:-1])))
        gap = np.where(before > 0, mono - before, 0)
        self._note_gaps(slot, gap, start)
        self._note_range(slot, value, gap, first, last)
        self._note_values(slot, value, first, last)
        self.last_ns[slot[last]] = mono[last]

    def _note_gaps(self, slot: I8, gap: I8, start: I8) -> None:
        counts = gap > 0
        order: I8 = np.cumsum(counts) - counts
        lengths = np.diff(start, append=len(slot))
        place = self._gaps[slot] + order - np.repeat(order[start], lengths)
        self._gap[slot[counts], place[counts] % GAPS] = gap[counts] / NS
        self._gaps[slot[start]] += np.add.reduceat(counts.astype(np.int64), start)

    def _note_range(self, slot: I8, value: F8, gap: I8, first: B1, last: I8) -> None:
        with np.errstate(invalid="ignore"):
            out = (value < self.low[slot]) | (value > self.high[slot])
        was = np.where(first, self._was_out[slot], np.concatenate(([False], out[:-1])))
        if was.any():
            np.add.at(self._out[self._hour % HOURS], slot[was], np.minimum(gap[was], LONGEST_NS) / NS)
        if out.any():
            self._note_worst(slot[out], value[out])
        self._was_out[slot[last]] = out[last]

    def _note_worst(self, slot: I8, value: F8) -> None:
        far = np.fmax(self.low[slot] - value, value - self.high[slot])
        order = np.lexsort((far, slot))
        slot, value, far = slot[order], value[order], far[order]
        end = np.append(slot[1:] != slot[:-1], True)
        slot, value, far = slot[end], value[end], far[end]
        held = self.worst[slot]
        with np.errstate(invalid="ignore"):
            known = np.fmax(self.low[slot] - held, held - self.high[slot])
        self.worst[slot] = np.where(far > np.nan_to_num(known, nan=-np.inf), value, held)

    def _note_values(self, slot: I8, value: F8, first: B1, last: I8) -> None:
        before = np.where(first, self._value[slot], np.concatenate(([np.nan], value[:-1])))
        differs = np.isfinite(value) & (value != before) & (value != np.rint(value))  # counters are alike
        self._value[slot[last]] = value[last]
        if not differs.any():
            return
        slot, value = slot[differs], value[differs]
        bits = (value.astype(np.float32) + np.float32(0.0)).view(np.uint32).astype(np.uint64)
        self._changes += np.bincount(slot, minlength=len(self._changes))
        for row, mix in zip(self._hash, _MIX, strict=True):
            mixed = (bits + np.uint64(1)) * mix
            mixed ^= mixed >> np.uint64(29)
            np.minimum.at(row, slot, (mixed * _MIX[0]) ^ (mixed >> np.uint64(32)))

    # ------------------------------------------------------------ what is judged

    def hour(self, now_mono_ns: int) -> None:
        """Begin a new hour where it is one; the one of a day ago is forgotten."""
        hour = now_mono_ns // (3600 * NS)
        if hour != self._hour:
            passed = min(hour - self._hour, HOURS) if self._hour >= 0 else HOURS
            for one in range(passed):
                self._out[(hour - one) % HOURS] = 0.0
            self._hour = hour

    def out_s(self, now_mono_ns: int) -> F8:
        """Return the seconds that each tag was out of its range in the last day, (n,)."""
        held = np.where(self._was_out, np.minimum(now_mono_ns - self.last_ns, LONGEST_NS) / NS, 0.0)
        out: F8 = self._out.sum(axis=0, dtype=np.float64) + held
        return out

    def median_gap_s(self) -> F8:
        """Return the median of the last gaps of each tag in s, NaN where fewer than GAPS are known, (n,)."""
        out: F8 = np.median(self._gap, axis=1).astype(np.float64)
        out[self._gaps < GAPS] = np.nan
        return out

    def alike(self) -> I8:
        """Return a number per tag: those that took the same many values have the same, others -1, (n,)."""
        distinct = self._hash.mean(axis=0, dtype=np.float64) < 2.0**64 / FEWEST_VALUES
        able = np.flatnonzero((self._changes >= FEWEST_CHANGES) & distinct)
        out = np.full(len(self._changes), -1, np.int64)
        if len(able):
            _, out[able] = np.unique(self._hash[:, able], axis=1, return_inverse=True)
        return out
