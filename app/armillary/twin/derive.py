"""Derived tags: evaluated in the order of what they read, many of one shape at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

import numpy as np

from armillary.model import expression
from armillary.model.arrays import B1, F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.expression_past import MOST_WINDOWS, WINDOWS
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, DERIVED, NEVER, RANGE, UNCERTAIN, rank, worst
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable, spec_arrays
from armillary.twin.past import Calls, Pasts

_OUTSIDE = np.uint16(UNCERTAIN | RANGE)
_NO_TIME = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """n derived tags whose expressions differ only in which k tags they read."""

    expression: Expression
    slot: U4  # (n,)
    reads: U4  # (k, n) slots
    factor: F8  # (n,) from the expression's unit to the tag's
    offset: F8
    low: F8
    high: F8
    past: int = -1  # number of its calls over time; -1 = it has none


class Derived:
    """All derived tags of a project. Raises ProjectFault for an expression refused, or a circle."""

    def __init__(
        self, specs: Sequence[TagSpec], zone: str = "UTC", *, waits: bool = False, held: B1 | None = None
    ) -> None:
        """zone: in which days begin. waits: functions over time wait for `past.seed`.

        held: (N,) tags that somebody gives by hand now (`twin.held`); they are not evaluated.
        """
        groups = _groups(specs)
        looking = [group for group in groups if group.expression.past]
        numbers = iter(range(len(looking)))
        self._groups = [replace(g, past=next(numbers)) if g.expression.past else g for g in groups]
        own = np.zeros(max((spec.slot for spec in specs), default=-1) + 1, np.bool_)
        own[[spec.slot for spec in specs if spec.expression]] = True
        _must_be_few(looking)
        calls = [_calls(group, specs, zone) for group in looking]
        self.past = Pasts(groups=calls, own=own, waits=waits and bool(looking)) if looking else None
        self._first = True
        self._held = held
        self._again: I8 = np.zeros(0, np.int64)

    def again(self, slots: I8) -> None:
        """Evaluate some tags the next time whatever has changed."""
        self._again = slots

    def go_on(self, value: F8, now_ns: int) -> None:
        """Begin counters at values (N,) that were recorded, where an expression is nothing but a counter."""
        for group in self._groups:
            if self.past is not None and group.expression.alone is not None:
                [calls] = self.past.groups[group.past]
                calls.go_on((value[group.slot] - group.offset) / group.factor, now_ns)

    def evaluate(
        self,
        table: TagTable,
        dirty: B1 | U4 | I8,
        now_ns: int,
        now_mono_ns: int,
        readings: SampleBatch | None = None,
    ) -> U4:
        """Write what follows from the changed tags into the table; return the slots that changed, ascending.

        dirty: (N,) mask or slots. A derived tag's source time is the oldest of the inputs that have one,
        its quality the worst of those read; it is alive as its oldest input. Changed slots are marked
        dirty. The first call evaluates everything. readings: every sample since the call before, for
        functions over time; None: what the table holds is all there is.
        """
        changed = np.zeros(len(table), np.bool_)
        touched = np.zeros(len(table), np.bool_)
        touched[dirty] = True
        if self.past is not None:
            self.past.begin(readings, now_ns)
        for group in self._groups:
            rows = self._affected(group, touched)
            if self.past is not None and group.past >= 0:
                looked = self.past.look(group.past, table, touched)
                looked[rows] = True
                rows = np.flatnonzero(looked)
            rows = self._free(group, rows)
            if not len(rows):
                continue
            news = _evaluate(group, rows, table, now_ns, now_mono_ns, self.past)
            changed[news] = touched[news] = True
        self._first, self._again = False, self._again[:0]
        table.dirty |= changed
        return np.flatnonzero(changed).astype(np.uint32)

    def _free(self, group: _Group, rows: I8) -> I8:
        """Return of some rows those that nobody holds, and those that nobody holds any more."""
        if len(self._again):
            rows = np.union1d(rows, np.flatnonzero(np.isin(group.slot, self._again)))
        if self._held is None or not self._held.any():
            return rows
        return rows[~self._held[group.slot[rows]]]

    def _affected(self, group: _Group, touched: B1) -> I8:
        if self._first or group.expression.reads_age:
            return np.arange(len(group.slot))
        return np.flatnonzero(touched[group.reads].any(axis=0)) if len(group.reads) else np.zeros(0, np.int64)


def _evaluate(
    group: _Group, rows: I8, table: TagTable, now_ns: int, now_mono_ns: int, past: Pasts | None = None
) -> U4:
    """Evaluate some rows of a group into the table; return the slots whose value, quality or time changed."""
    reads, slot = group.reads[:, rows], group.slot[rows]
    word_in, alive = table.quality[reads], table.alive_mono_ns[reads]
    ages = np.where(alive > 0, (now_mono_ns - alive) / NS, np.inf) if group.expression.reads_age else None
    values_in: Sequence[F8] | F8 = table.value[reads]
    words_in: Sequence[U2] | U2 = word_in
    if past is not None and group.past >= 0:
        looked, of_looked = past.inputs(group.past, rows)
        values_in, words_in = [*table.value[reads], *looked], [*word_in, *of_looked]
        if ages is not None:
            ages = np.vstack((ages, np.zeros((len(looked), len(rows)))))
    value, word = group.expression.evaluate(values_in, words_in, ages)
    is_plain = len(reads) and group.past < 0
    used = group.expression.used(table.value[reads], word_in, ages) if is_plain else None
    value = np.broadcast_to(value, slot.shape) * group.factor[rows] + group.offset[rows]
    word = np.broadcast_to(word, slot.shape).astype(np.uint16)
    outside = (value < group.low[rows]) | (value > group.high[rows])
    word = np.where(outside, worst(word, np.full(slot.shape, _OUTSIDE)), word)
    source, arrival, arrival_mono, alive_out = _times(table, reads, word_in, used, now_ns, now_mono_ns)

    same = (value == table.value[slot]) | (np.isnan(value) & np.isnan(table.value[slot]))
    same &= (word == table.quality[slot]) & (source == table.source_ns[slot])
    news: U4 = slot[~same]
    table.value[slot], table.quality[slot] = value, word
    table.source_ns[slot], table.arrival_ns[slot] = source, arrival
    table.arrival_mono_ns[slot] = arrival_mono
    if past is not None and group.past >= 0:
        _explain(table, slot, word, past.why(group.past, rows))
    else:
        _explain_broken(table, group.expression.text, slot, word, word_in)
    # the proof of life goes out in steps of a second, with frames but not as a new value
    proven = ~same | (alive_out - table.alive_mono_ns[slot] >= NS)
    table.alive_mono_ns[slot[proven]] = alive_out[proven]
    table.dirty[slot[proven]] = True
    table.seq[news] += 1
    return news


def _explain(table: TagTable, slots: U4, words: U2, why: Sequence[str]) -> None:
    """Say of tags that look back why they are not good."""
    for slot, word, text in zip(slots.tolist(), rank(words).tolist(), why, strict=True):
        if word and text:
            table.why[slot] = text
        else:
            table.why.pop(slot, None)


def _explain_broken(table: TagTable, text: str, slots: U4, words: U2, word_in: U2) -> None:
    """Say of tags whose inputs are all there why no number comes of them; few are, so a loop is right."""
    if not table.why and not (rank(words) == BAD).any():
        return
    known = (rank(word_in) < BAD).all(axis=0) if len(word_in) else np.ones(len(slots), np.bool_)
    broken = known & (rank(words) == BAD) & ((words & np.uint16(DERIVED)) != 0)
    for slot in slots[broken].tolist():
        table.why[slot] = no_result(text)
    if table.why:
        for slot in slots[~broken].tolist():
            if table.why.get(slot) in NO_RESULTS:
                del table.why[slot]


_ROOTS = ("sqrt(", "log(", "log10(", "**")
DIVIDED, ROOTED = "division by zero", "a root or logarithm of no number above 0"
BOTH, LARGE = f"{DIVIDED}, or {ROOTED}", "the number is too large"
NO_RESULTS = (DIVIDED, ROOTED, BOTH, LARGE)


def no_result(text: str) -> str:
    """Return why no number can come of an expression though all that it reads is known."""
    divides = "/" in text or "%" in text
    roots = any(sign in text for sign in _ROOTS)
    return BOTH if divides and roots else DIVIDED if divides else ROOTED if roots else LARGE


def _times(
    table: TagTable, reads: U4, word: U2, used: B1 | None, now_ns: int, now_mono_ns: int
) -> tuple[I8, I8, I8, I8]:
    """Return source, arrival, arrival_mono and alive times (n,), each of the oldest input: age propagates.

    Inputs that never came have no time; a constant has that of its evaluation. used: (k, n) inputs that the
    result was made of, None: all.
    """
    n = reads.shape[1]
    if not len(reads):
        return np.full(n, now_ns), np.full(n, now_ns), np.full(n, now_mono_ns), np.full(n, now_mono_ns)
    came: B1 = np.less(rank(word), NEVER)
    constant: B1 = np.zeros(n, np.bool_)
    if used is not None:
        came = np.logical_and(came, used)
        constant = np.asarray(~used.any(axis=0), np.bool_)
    any_came = came.any(axis=0)

    def oldest(times: I8, now: int) -> I8:
        told = np.where(any_came, np.where(came, times, _NO_TIME).min(axis=0), 0)
        return np.where(constant, now, told)

    return (
        oldest(table.source_ns[reads], now_ns),
        oldest(table.arrival_ns[reads], now_ns),
        oldest(table.arrival_mono_ns[reads], now_mono_ns),
        oldest(table.alive_mono_ns[reads], now_mono_ns),
    )


def _groups(specs: Sequence[TagSpec]) -> list[_Group]:
    """Return the groups in an order in which every tag comes after those it reads."""
    slots = {spec.name: spec.slot for spec in specs}
    derived = {spec.slot: spec for spec in specs if spec.expression}
    compiled = {
        slot: expression.compile(spec.expression, slots, spec.origin or spec.name, past=True)
        for slot, spec in derived.items()
    }
    reads = {slot: tuple(slots[name] for name in made.names) for slot, made in compiled.items()}
    sorter = TopologicalSorter({slot: [r for r in reads[slot] if r in derived] for slot in derived})
    try:
        sorter.prepare()
    except CycleError as error:
        names = " → ".join(derived[slot].name for slot in reversed(error.args[1]))
        raise ProjectFault(
            f"Derived tags read each other in a circle: {names}.",
            where=derived[error.args[1][0]].origin,
            remedy="Take one of them out of the circle.",
        ) from None
    out: list[_Group] = []
    while sorter.is_active():
        level = sorter.get_ready()
        shapes: dict[str, list[int]] = defaultdict(list)
        for slot in sorted(level):
            shapes[compiled[slot].shape].append(slot)
        out.extend(_group(compiled[members[0]], members, reads, derived) for members in shapes.values())
        sorter.done(*level)
    return out


def _group(
    made: Expression, members: list[int], reads: dict[int, tuple[int, ...]], derived: dict[int, TagSpec]
) -> _Group:
    columns = spec_arrays([derived[slot] for slot in members])
    return _Group(
        expression=made,
        slot=np.array(members, np.uint32),
        reads=np.array([reads[slot] for slot in members], np.uint32).reshape(len(members), -1).T.copy(),
        factor=columns["factor"],
        offset=columns["offset"],
        low=columns["low"],
        high=columns["high"],
    )


def _must_be_few(groups: Sequence[_Group]) -> None:
    windows = sum(len(g.slot) * sum(call.kind in WINDOWS for call in g.expression.past) for g in groups)
    if windows > MOST_WINDOWS:
        raise ProjectFault(
            f"The project has {windows} windows over the past, more than {MOST_WINDOWS}.",
            where="twins.json",
            remedy="What several tags need can be one derived tag; split the project.",
        )


def _calls(group: _Group, specs: Sequence[TagSpec], zone: str) -> list[Calls]:
    """Return the calls over time of a group's members, those at one place of their expressions together."""
    by_slot = {spec.slot: spec for spec in specs}
    slots = {spec.name: spec.slot for spec in specs}
    made = [
        expression.compile(by_slot[slot].expression, slots, by_slot[slot].origin, past=True).past
        for slot in group.slot.tolist()
    ]
    return [
        Calls([each[i] for each in made], group.reads[list(made[0][i].reads)], zone)
        for i in range(len(made[0]))
    ]
