"""Signals that look back over a window of a tag: how fast it changes, and where that leads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.alarms.inputs import Inputs
from armillary.alarms.outlooks import Judge, Quantiles, interval
from armillary.alarms.readings import starts_of
from armillary.alarms.slopes import Heaps, Slopes, heaps_of
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.quality import GOOD, RANK_MASK, STALE, SUBSTITUTED
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagTable

FLOOD = 64  # readings of one tag in one tick: beyond, those near each other count together
_UNKNOWN = np.uint16(STALE)


def readings_of(signal: I8, value: F8, word: U2, source: SampleBatch, row: I8, order: I8) -> SampleBatch:
    """Return signals' readings with the times of the readings that made them."""
    at = row[order]
    return batch_of(
        signal[order].astype(np.uint32), value[order], source.source_ns[at],
        np.asarray(source.arrival_ns[at]), np.asarray(source.arrival_mono_ns[at]), quality=word[order],
    )  # fmt: skip


class Windows:
    """Windows of what tags were, each a signal: what is made of one is its kind's."""

    def __init__(self, specs: Sequence[AlarmSpec], signal: I8) -> None:
        mine = [specs[i] for i in signal.tolist()]
        self.signal = signal
        self._inputs = Inputs(np.array([[spec.slot for spec in mine]], np.int64))
        self.slopes = Slopes(np.array([spec.window_s for spec in mine]))
        self._heard_ns: I8 = np.zeros(len(mine), np.int64)  # monotonic, of the last good reading

    def measured(self, heaps: Heaps) -> F8:
        """Take heaps, at most one of a series, and return what the windows then tell, (k,); NaN = unknown."""
        raise NotImplementedError

    def look(
        self, table: TagTable, readings: SampleBatch, own: TagTable, now_mono_ns: int
    ) -> list[SampleBatch]:
        out = self._seen(readings) if len(readings) else []
        told = np.zeros(len(own), np.bool_)
        for batch in out:
            told[batch.slot] = True
        heard = told[self.signal]
        word = table.quality[self._inputs.reads[0]]
        is_bad = (word & RANK_MASK) >= STALE
        silent = now_mono_ns - self._heard_ns > self.slopes.window_ns
        gone = (is_bad | silent) & ~heard & ((own.quality[self.signal] & RANK_MASK) < STALE)
        own.quality[self.signal[gone]] = np.where(is_bad[gone], word[gone], _UNKNOWN)
        return out

    def _seen(self, readings: SampleBatch) -> list[SampleBatch]:
        m = self._inputs.at(readings)
        if not len(m.row):
            return []
        value, level = m.value[0], m.word[0] & RANK_MASK
        good = (level <= SUBSTITUTED) & np.isfinite(value)
        bad = np.flatnonzero((level >= STALE) | ~np.isfinite(value))
        told_by: F8 = np.full(len(value), np.nan)
        word: U2 = np.where(level >= STALE, m.word[0], _UNKNOWN).astype(np.uint16)
        rows = np.flatnonzero(good)
        told = [bad]
        if len(rows):
            source = readings.source_ns[m.row[rows]]
            starts = self._heaps(m.member[rows], source)
            ends = rows[np.append(starts[1:], len(rows)) - 1]
            found = self._add(heaps_of(m.member[rows], source, value[rows], starts))
            known = ~np.isnan(found)
            told_by[ends], word[ends] = found, np.where(known, m.word[0][ends], _UNKNOWN)
            self._heard_ns[m.member[ends]] = readings.arrival_mono_ns[m.row[ends]]
            told.append(ends)
        at = np.concatenate(told)
        order = np.argsort(m.row[at], kind="stable")
        return [readings_of(self.signal[m.member[at]], told_by[at], word[at], readings, m.row[at], order)]

    def _heaps(self, member: I8, t_ns: I8) -> I8:
        """Return where heaps begin: with each reading, of a tag in a flood with each cell of its window."""
        new = np.concatenate(([True], member[1:] != member[:-1]))
        flooded = np.bincount(member)[member] > FLOOD
        cell = t_ns // self.slopes.cell_ns[member]
        apart = np.concatenate(([True], (cell[1:] != cell[:-1]) | (t_ns[1:] <= t_ns[:-1])))
        return np.flatnonzero(new | ~flooded | apart)

    def _add(self, heaps: Heaps) -> F8:
        """Give the windows heap after heap, each series' next one at once; return what each tells."""
        starts = starts_of(heaps.series)
        turn = np.arange(len(heaps.series)) - np.repeat(starts, np.diff(np.append(starts, len(heaps.series))))
        if not turn.any():
            return self.measured(heaps)
        out: F8 = np.empty(len(turn))
        by_turn = np.argsort(turn, kind="stable")
        ends = np.cumsum(np.bincount(turn))
        for begin, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            at = by_turn[begin:end]
            out[at] = self.measured(heaps.at(at))
        return out


class Rates(Windows):
    """How fast tags change."""

    def __init__(self, specs: Sequence[AlarmSpec], signal: I8) -> None:
        super().__init__(specs, signal)
        self._two_sided: B1 = np.array([specs[i].two_sided for i in signal.tolist()], np.bool_)

    def measured(self, heaps: Heaps) -> F8:
        """Return slopes per second, of those that look at both ways their amount."""
        slope = self.slopes.add(heaps)
        out: F8 = np.where(self._two_sided[heaps.series], np.abs(slope), slope)
        return out


class Foretold(Windows):
    """Where the trend of tags leads; see `outlooks`."""

    def __init__(self, specs: Sequence[AlarmSpec], signal: I8) -> None:
        super().__init__(specs, signal)
        mine = [specs[i] for i in signal.tolist()]
        self.judge = Judge(mine)
        self._quantiles = Quantiles(np.array([spec.confidence for spec in mine]))
        self._over: B1 = np.zeros(len(mine), np.bool_)  # the line itself is beyond the limit
        self._come: B1 = np.zeros(len(mine), np.bool_)

    def measured(self, heaps: Heaps) -> F8:
        """Return the values expected at the horizon, as `Judge` tells them."""
        s = heaps.series
        self.slopes.take(heaps)
        fit = self.slopes.fit(s)
        ahead, half = interval(fit, self.judge.horizon_s[s], s, self._quantiles)
        told = self.judge.see(s, fit.now, ahead, half)
        self._over[s] = self.judge.over(s, fit.now, self._over[s])
        out: F8 = np.where(self._come[s] | self._over[s], self.judge.clear_at[s], told)
        return out

    def foretell(
        self,
        table: TagTable,
        readings: SampleBatch,
        own: TagTable,
        now_ns: int,
        now_mono_ns: int,
        come: B1,
    ) -> list[SampleBatch]:
        """Return the readings of a tick; come: (S,), what was predicted stands as an alarm of its own."""
        mine = come[self.signal]
        changed = mine != self._come
        self._come = mine
        out = self.look(table, readings, own, now_mono_ns)
        if changed.any():
            for batch in out:
                changed[np.isin(self.signal, batch.slot)] = False
            at = np.flatnonzero(changed)
            told = np.where(mine[at] | self._over[at], self.judge.clear_at[at], self.judge.told[at])
            word = np.where(np.isnan(told), _UNKNOWN, np.uint16(GOOD)).astype(np.uint16)
            times = np.full(len(at), now_ns, np.int64)
            out.append(
                batch_of(self.signal[at].astype(np.uint32), told, times, now_ns, now_mono_ns, quality=word)
            )
        return out
