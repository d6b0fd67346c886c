"""What alarms watch and no tag holds: slopes, distances from a reference, whether a condition is true.

Each is a signal: a tag that exists here alone, in a table of its own, with a reading for every reading of
what it is made of. So the conditions of alarms need to know of tags only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from armillary.alarms.inputs import Inputs
from armillary.alarms.outlooks import Judge, normal_half
from armillary.alarms.slopes import Columns
from armillary.alarms.windows import Foretold, Rates, readings_of
from armillary.model import expression
from armillary.model.alarm import COMPUTED, AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.quality import NEVER, RANK_MASK, STALE, rank, worst
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.model.tags import TagSpec, TagTable

TRUE_ABOVE = 0.5
MOST_KEPT = 5_000  # windows that are written down: 3.5 KiB each
NONE: B1 = np.zeros(0, np.bool_)


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
        self._rates = Rates(self.specs, np.array(rates, np.int64)) if rates else None
        trends = [i for i, spec in enumerate(self.specs) if spec.is_advisory and spec.reference_slot < 0]
        self._trends = Foretold(self.specs, np.array(trends, np.int64)) if trends else None
        self._models = next((group for group in self._groups if isinstance(group, _Models)), None)
        self.left_s: F8 = np.full(len(self.specs), np.nan)  # of `predicted`: until the limit; NaN = never
        self._word: U2 = np.full(max((t.slot for t in tags), default=-1) + 1, NEVER, np.uint16)

    def look(
        self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int, come: B1 = NONE
    ) -> SampleBatch:
        """Return a reading of each signal for every reading of its inputs, and for those that aged.

        The signals' own table is as they are afterwards. come: (S,), what was predicted stands as an alarm of
        its own.
        """
        size = len(self._word)
        changed = np.flatnonzero(table.quality[:size] != self._word)
        self._word[:] = table.quality[:size]
        out: list[SampleBatch] = []
        if self._models is not None:
            self._models.has_come(come)
        for group in self._groups:
            out += group.look(table, readings, changed, self.table, now_ns, now_mono_ns)
        if self._rates is not None:
            out += self._rates.look(table, readings, self.table, now_mono_ns)
        if self._trends is not None:
            out += self._trends.foretell(table, readings, self.table, now_ns, now_mono_ns, come)
        for told in (self._trends, self._models):
            if told is not None:
                self.left_s[told.signal] = told.judge.left_s
        found = joined([batch for batch in out if len(batch)])
        if len(found):
            self._keep(found)
        return found

    def windows(self, without: Collection[str]) -> tuple[tuple[str, ...], dict[str, Columns]]:
        """Return (alarms, columns) of the windows of trends, but those of some alarms."""
        if self._trends is None:
            return (), {}
        ids = [self.specs[i].id for i in self._trends.signal.tolist()]
        kept = [i for i, id_ in enumerate(ids) if id_ not in without][:MOST_KEPT]
        return tuple(ids[i] for i in kept), self._trends.slopes.saved(np.array(kept, np.int64))

    def give_windows(self, ids: Sequence[str], columns: Mapping[str, Columns]) -> None:
        """Go on with windows as they were; alarms that are not here are left out. Raises ValueError."""
        if self._trends is None:
            return
        row = {self.specs[i].id: n for n, i in enumerate(self._trends.signal.tolist())}
        kept = [(n, row[id_]) for n, id_ in enumerate(ids) if id_ in row]
        if kept:
            given, here = np.array(kept, np.int64).T
            self._trends.slopes.restore(here, {name: column[given] for name, column in columns.items()})

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
        self.stirred: I8 = np.zeros(0, np.int64)  # members that are another for a reason of their own

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
            out.append(readings_of(self.signal[m.member], value, word, readings, m.row, order))
        every = np.arange(len(self.signal)) if self.ages else self.inputs.otherwise(table, changed)
        if len(self.stirred):
            every = np.union1d(every, self.stirred)
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


class _Models(_Group):
    """What models say that tags will be: inputs are the tag and its forecast."""

    def __init__(self, signal: Sequence[int], specs: Sequence[AlarmSpec]) -> None:
        super().__init__(signal, [[spec.slot, spec.reference_slot] for spec in specs])
        self.judge, self._half = Judge(specs), normal_half(specs)
        self._over: B1 = np.zeros(len(specs), np.bool_)
        self._come: B1 = np.zeros(len(specs), np.bool_)

    def has_come(self, come: B1) -> None:
        """Learn which predictions stand as alarms of their own, (S,)."""
        mine = come[self.signal]
        self.stirred, self._come = np.flatnonzero(mine != self._come), mine

    def worth(self, value: F8, word: U2, member: I8, table: TagTable, mono_ns: I8 | int) -> tuple[F8, U2]:
        quality = worst(word[0], word[1])
        told = self.judge.see(member, value[0], value[1], self._half[member])
        self._over[member] = self.judge.over(member, value[0], self._over[member])
        told = np.where(self._come[member] | self._over[member], self.judge.clear_at[member], told)
        return np.where((quality & RANK_MASK) < STALE, told, np.nan), quality


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
    models = [i for i, spec in enumerate(specs) if spec.is_advisory and spec.reference_slot >= 0]
    if models:
        out.append(_Models(models, [specs[i] for i in models]))
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
