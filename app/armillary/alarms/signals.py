"""What alarms watch and no tag holds: slopes, distances from a reference, whether a condition is true.

Each is a signal: a tag that exists here alone, in a table of its own, with a reading for every reading of
what it is made of. So the conditions of alarms need to know of tags only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from armillary.alarms.inputs import Inputs
from armillary.alarms.readings import starts_of
from armillary.alarms.slopes import Heaps, Slopes, heaps_of
from armillary.model import expression
from armillary.model.alarm import COMPUTED, AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.quality import NEVER, RANK_MASK, STALE, SUBSTITUTED, rank, worst
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.model.tags import TagSpec, TagTable

TRUE_ABOVE = 0.5
FLOOD = 64  # readings of one tag in one tick: beyond, those near each other count together
_UNKNOWN = np.uint16(STALE)


def is_computed(spec: AlarmSpec) -> bool:
    """Return whether an alarm watches a signal; a draft watches nothing."""
    return spec.kind in COMPUTED and not spec.draft


class Signals:
    """S signals of the computed alarms among `specs`, numbered in their order."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        """Raises ProjectFault for an expression that is refused."""
        self.specs = tuple(spec for spec in specs if is_computed(spec))
        self.table = TagTable(len(self.specs))
        self._groups = [*_pairs(self.specs), *_conditions(self.specs, tags)]
        rates = [i for i, spec in enumerate(self.specs) if spec.kind == "rate"]
        self._rates = _Rates(self.specs, np.array(rates, np.int64)) if rates else None
        self._word: U2 = np.full(max((t.slot for t in tags), default=-1) + 1, NEVER, np.uint16)

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> SampleBatch:
        """Return a reading of each signal for every reading of its inputs, and for those that aged.

        The signals' own table is as they are afterwards.
        """
        size = len(self._word)
        changed = np.flatnonzero(table.quality[:size] != self._word)
        self._word[:] = table.quality[:size]
        out: list[SampleBatch] = []
        for group in self._groups:
            out += group.look(table, readings, changed, self.table, now_ns, now_mono_ns)
        if self._rates is not None:
            out += self._rates.look(table, readings, self.table, now_mono_ns)
        found = joined([batch for batch in out if len(batch)])
        if len(found):
            self._keep(found)
        return found

    def resume(self, table: TagTable, now_mono_ns: int) -> None:
        """Go on from tags as they are, without readings; windows of slopes begin anew."""
        self._word[:] = table.quality[: len(self._word)]
        for group in self._groups:
            every = np.arange(group.inputs.reads.shape[1])
            value, word = group.worth(*group.inputs.now(table, every), every, table, now_mono_ns)
            self.table.value[group.signal], self.table.quality[group.signal] = value, word

    def _keep(self, batch: SampleBatch) -> None:
        """Put the last reading of each signal into the table."""
        table, slot = self.table, batch.slot
        table.value[slot], table.quality[slot] = batch.value, batch.quality
        table.source_ns[slot], table.alive_mono_ns[slot] = batch.source_ns, batch.arrival_mono_ns


class _Group:
    """Signals that are worked out in the same way from k inputs each."""

    def __init__(self, signal: Sequence[int], reads: Sequence[Sequence[int]]) -> None:
        self.signal: I8 = np.array(signal, np.int64)
        self.inputs = Inputs(np.array(reads, np.int64).reshape(len(signal), -1).T.copy())
        self.ages = False  # it is another with time alone

    def worth(self, value: F8, word: U2, member: I8, table: TagTable, mono_ns: I8 | int) -> tuple[F8, U2]:
        """Return (value, quality) of members, (m,), whose inputs are (k, m); mono_ns: when, (m,) or one."""
        raise NotImplementedError

    def look(
        self,
        table: TagTable,
        readings: SampleBatch,
        changed: I8,
        own: TagTable,
        now_ns: int,
        now_mono_ns: int,
    ) -> list[SampleBatch]:
        """Return the readings of a tick; `changed`: slots whose quality is another, with or without one."""
        out: list[SampleBatch] = []
        moments = self.inputs.at(readings) if len(readings) else None
        if moments is not None and len(moments.row):
            m = moments
            mono_ns = np.asarray(readings.arrival_mono_ns[m.row])
            value, word = self.worth(m.value, m.word, m.member, table, mono_ns)
            order = np.argsort(m.row, kind="stable")
            out.append(_readings(self.signal[m.member], value, word, readings, m.row, order))
        every = np.arange(len(self.signal)) if self.ages else self.inputs.otherwise(table, changed)
        if len(every):
            value, word = self.worth(*self.inputs.now(table, every), every, table, now_mono_ns)
            signal = self.signal[every]
            was, was_word = own.value[signal].copy(), own.quality[signal].copy()
            for batch in out:
                _last(batch, own, signal, was, was_word)
            differs = ~((value == was) | (np.isnan(value) & np.isnan(was))) | (word != was_word)
            out.append(
                batch_of(
                    signal[differs].astype(np.uint32), value[differs],
                    np.full(int(differs.sum()), now_ns, np.int64), now_ns, now_mono_ns, quality=word[differs],
                )
            )  # fmt: skip
        return out


def _last(batch: SampleBatch, own: TagTable, signal: I8, value: F8, word: U2) -> None:
    """Write what signals were after a batch over what they were before it."""
    newest = np.full(len(own), -1, np.int64)
    newest[batch.slot] = np.arange(len(batch))
    at = newest[signal]
    told = at >= 0
    value[told], word[told] = batch.value[at[told]], batch.quality[at[told]]


def _readings(signal: I8, value: F8, word: U2, source: SampleBatch, row: I8, order: I8) -> SampleBatch:
    """Return signals' readings with the times of the readings that made them."""
    at = row[order]
    return batch_of(
        signal[order].astype(np.uint32), value[order], source.source_ns[at],
        np.asarray(source.arrival_ns[at]), np.asarray(source.arrival_mono_ns[at]), quality=word[order],
    )  # fmt: skip


class _Distances(_Group):
    """|value − reference|, of two tags or of a tag and a number."""

    def __init__(self, signal: Sequence[int], reads: Sequence[Sequence[int]], setpoint: F8) -> None:
        super().__init__(signal, reads)
        self._setpoint = setpoint  # (n,)

    def worth(self, value: F8, word: U2, member: I8, table: TagTable, mono_ns: I8 | int) -> tuple[F8, U2]:
        other = value[1] if len(value) > 1 else self._setpoint[member]
        quality = worst(word[0], word[1]) if len(word) > 1 else word[0]
        known = (quality & RANK_MASK) < STALE
        return np.where(known, np.abs(value[0] - other), np.nan), quality


class _Truths(_Group):
    """Whether expressions of one shape are true: 1, 0, or NaN where that is not known."""

    def __init__(self, signal: Sequence[int], reads: Sequence[Sequence[int]], made: Expression) -> None:
        super().__init__(signal, reads)
        self._made, self.ages = made, made.reads_age

    def worth(self, value: F8, word: U2, member: I8, table: TagTable, mono_ns: I8 | int) -> tuple[F8, U2]:
        return truth(self._made, value, word, table.alive_mono_ns[self.inputs.reads[:, member]], mono_ns)


def truth(made: Expression, value: F8, word: U2, alive_ns: I8, mono_ns: I8 | int) -> tuple[F8, U2]:
    """Return (1, 0 or NaN; quality), (m,), of an expression whose inputs are (k, m)."""
    ages = np.where(alive_ns > 0, np.maximum(mono_ns - alive_ns, 0) / NS, np.inf) if made.reads_age else None
    m = value.shape[1]
    found, quality = made.evaluate(list(value), list(word), list(ages) if ages is not None else None)
    found, quality = np.broadcast_to(found, m), np.broadcast_to(quality, m).astype(np.uint16)
    unknown = np.isnan(found) | (rank(quality) >= STALE)
    return np.where(unknown, np.nan, np.where(found != 0.0, 1.0, 0.0)), quality


class _Rates:
    """How fast tags change."""

    def __init__(self, specs: Sequence[AlarmSpec], signal: I8) -> None:
        mine = [specs[i] for i in signal.tolist()]
        self.signal = signal
        self._inputs = Inputs(np.array([[spec.slot for spec in mine]], np.int64))
        self._two_sided: B1 = np.array([spec.two_sided for spec in mine], np.bool_)
        self._slopes = Slopes(np.array([spec.window_s for spec in mine]))
        self._heard_ns: I8 = np.zeros(len(mine), np.int64)  # monotonic, of the last good reading

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
        silent = now_mono_ns - self._heard_ns > self._slopes.window_ns
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
        slope: F8 = np.full(len(value), np.nan)
        word: U2 = np.where(level >= STALE, m.word[0], _UNKNOWN).astype(np.uint16)
        rows = np.flatnonzero(good)
        told = [bad]
        if len(rows):
            source = readings.source_ns[m.row[rows]]
            starts = self._heaps(m.member[rows], source)
            ends = rows[np.append(starts[1:], len(rows)) - 1]
            found = self._add(heaps_of(m.member[rows], source, value[rows], starts))
            known = ~np.isnan(found)
            slope[ends], word[ends] = found, np.where(known, m.word[0][ends], _UNKNOWN)
            self._heard_ns[m.member[ends]] = readings.arrival_mono_ns[m.row[ends]]
            told.append(ends)
        at = np.concatenate(told)
        both = self._two_sided[m.member[at]]
        worth = np.where(both, np.abs(slope[at]), slope[at])
        order = np.argsort(m.row[at], kind="stable")
        return [_readings(self.signal[m.member[at]], worth, word[at], readings, m.row[at], order)]

    def _heaps(self, member: I8, t_ns: I8) -> I8:
        """Return where heaps begin: with each reading, of a tag in a flood with each cell of its window."""
        new = np.concatenate(([True], member[1:] != member[:-1]))
        flooded = np.bincount(member)[member] > FLOOD
        cell = t_ns // self._slopes.cell_ns[member]
        apart = np.concatenate(([True], (cell[1:] != cell[:-1]) | (t_ns[1:] <= t_ns[:-1])))
        return np.flatnonzero(new | ~flooded | apart)

    def _add(self, heaps: Heaps) -> F8:
        """Give the windows heap after heap, each series' next one at once; return all slopes."""
        starts = starts_of(heaps.series)
        turn = np.arange(len(heaps.series)) - np.repeat(starts, np.diff(np.append(starts, len(heaps.series))))
        if not turn.any():
            return self._slopes.add(heaps)
        out: F8 = np.empty(len(turn))
        by_turn = np.argsort(turn, kind="stable")
        ends = np.cumsum(np.bincount(turn))
        for begin, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            at = by_turn[begin:end]
            out[at] = self._slopes.add(heaps.at(at))
        return out


def _pairs(specs: Sequence[AlarmSpec]) -> list[_Group]:
    """Return the groups of distances: from a tag, and from a number."""
    from_tag: list[int] = []
    from_number: list[int] = []
    for i, spec in enumerate(specs):
        if spec.kind in ("deviation", "discrepancy"):
            (from_tag if spec.reference_slot >= 0 else from_number).append(i)
    out: list[_Group] = []
    if from_tag:
        reads = [[specs[i].slot, specs[i].reference_slot] for i in from_tag]
        out.append(_Distances(from_tag, reads, np.zeros(len(from_tag))))
    if from_number:
        setpoints = np.array([specs[i].setpoint for i in from_number])
        out.append(_Distances(from_number, [[specs[i].slot] for i in from_number], setpoints))
    return out


def _conditions(specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> list[_Group]:
    """Return the groups of expressions that differ only in which tags they read."""
    slots = {tag.name: tag.slot for tag in tags}
    shapes: dict[str, list[tuple[int, Expression]]] = defaultdict(list)
    for i, spec in enumerate(specs):
        if spec.kind == "expression":
            made = expression.compile(spec.expression, slots, spec.origin or spec.id)
            shapes[made.shape].append((i, made))
    return [
        _Truths(
            [i for i, _ in members],
            [[slots[name] for name in made.names] for _, made in members],
            members[0][1],
        )
        for members in shapes.values()
        if members[0][1].names
    ]
