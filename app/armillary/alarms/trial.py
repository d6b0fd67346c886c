"""An alarm run over recorded readings: when it would have been raised and cleared. Pure, by runs not by rows.

Of the kinds `level` and `count`. Readings that are stale, bad or no number say nothing: what was keeps on.
Every reading counts, however many there are. What makes that fast: of each block of readings the lowest and
the highest are known, so only blocks through which a limit goes are looked at reading by reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import STALE, rank

KINDS = ("level", "count")
_BEYOND, _INSIDE, _BETWEEN, _MIXED = 1, -1, 0, 2
_BLOCK = 64  # readings
_MOST_KEPT = 16  # runs of one past: changes of an alarm that differ in delays alone share theirs


@dataclass(frozen=True, slots=True)
class Past:
    """Usable readings of one tag, n rows, ascending in time."""

    t_ns: I8
    value: F8
    low: F8 = field(init=False, repr=False, compare=False)  # of each block
    high: F8 = field(init=False, repr=False, compare=False)
    runs: dict[tuple[str, float, float], _Runs] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        blocks = np.arange(0, len(self.value), _BLOCK)
        some = len(blocks) > 0
        object.__setattr__(self, "low", np.minimum.reduceat(self.value, blocks) if some else self.value)
        object.__setattr__(self, "high", np.maximum.reduceat(self.value, blocks) if some else self.value)

    def __len__(self) -> int:
        return len(self.t_ns)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Stretches of readings that are alike for an alarm, r of them: rows first[i] to after[i]."""

    kind: np.ndarray[tuple[int], np.dtype[np.int8]]
    first: I8
    after: I8
    peak: F8  # farthest beyond the limit


@dataclass(frozen=True, slots=True)
class Raised:
    """Occurrences, k of them; an end of -1: it was active at the last reading."""

    begin_ns: I8
    end_ns: I8

    def __len__(self) -> int:
        return len(self.begin_ns)


@dataclass(frozen=True, slots=True)
class Stories:
    """Stretches beyond a limit, k of them, that belong together: only short returns between."""

    begin_ns: I8
    end_ns: I8
    beyond_s: F8  # time beyond the limit
    peak: F8  # farthest beyond it


def past(t_ns: I8, value: F8, quality: U2) -> Past:
    """Return the usable readings in the order of time."""
    usable = (rank(quality) < STALE) & np.isfinite(value)
    t_ns, value = t_ns[usable], value[usable]
    order = np.argsort(t_ns, kind="stable")
    return Past(t_ns[order], value[order])


def _runs(spec: AlarmSpec, seen: Past) -> _Runs:
    """Return the stretches in which the condition holds, certainly does not, or what was goes on.

    There is a reading at least.
    """
    key = (spec.direction, spec.limit, spec.deadband)
    found = seen.runs.get(key)
    if found is None:
        if len(seen.runs) >= _MOST_KEPT:
            seen.runs.clear()
        found = seen.runs[key] = _found(spec, seen)
    return found


def _found(spec: AlarmSpec, seen: Past) -> _Runs:
    sign = 1.0 if spec.direction == "above" else -1.0
    least, most = (seen.low, seen.high) if sign > 0 else (seen.high, seen.low)
    near, far = sign * (least - spec.limit), sign * (most - spec.limit)
    block = np.select(
        [near > 0, far <= -spec.deadband, (near > -spec.deadband) & (far <= 0)],
        [_BEYOND, _INSIDE, _BETWEEN],
        _MIXED,
    ).astype(np.int8)
    begin = np.arange(len(block)) * _BLOCK
    mixed = block == _MIXED
    size = np.where(mixed, np.minimum(_BLOCK, len(seen) - begin), 1)  # of each block what is looked at
    at = np.repeat(np.cumsum(size) - size, size)
    row = np.repeat(begin, size) + np.arange(int(size.sum())) - at
    one = np.repeat(mixed, size)
    code, peak = np.repeat(block, size), np.repeat(far, size)
    off = sign * (seen.value[row[one]] - spec.limit)
    code[one] = np.where(off > 0, _BEYOND, np.where(off <= -spec.deadband, _INSIDE, _BETWEEN))
    peak[one] = off
    heads = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    first = row[heads]
    return _Runs(code[heads], first, np.append(first[1:], len(seen)), np.maximum.reduceat(peak, heads))


def raised(spec: AlarmSpec, seen: Past) -> Raised:
    """Return when an alarm would have been raised, and cleared."""
    if not len(seen):
        none = np.zeros(0, np.int64)
        return Raised(none, none)
    runs = _runs(spec, seen)
    kind, first, after = runs.kind, runs.first, runs.after
    starts = seen.t_ns[first]
    ends = np.append(starts[1:], seen.t_ns[-1])
    if spec.kind == "count":
        enough = _counted(spec, kind, after - first)
        at = seen.t_ns[
            np.minimum(first + np.where(kind == _BEYOND, spec.count, _clears(spec)) - 1, after - 1)
        ]
    else:
        delay = np.where(kind == _BEYOND, int(spec.on_delay_s * NS), int(spec.off_delay_s * NS))
        enough, at = ends - starts >= delay, starts + delay
    told = np.where(enough, kind, 0)
    told_at = np.flatnonzero(told)
    word, when = told[told_at], at[told_at]
    turns = np.flatnonzero(np.append(True, word[1:] != word[:-1])) if len(word) else np.zeros(0, np.int64)
    word, when = word[turns], when[turns]
    if len(word) and word[0] == _INSIDE:
        word, when = word[1:], when[1:]
    begin, end = when[word == _BEYOND], when[word == _INSIDE]
    out = np.full(len(begin), -1, np.int64)
    out[: len(end)] = end
    return Raised(begin, out)


def _clears(spec: AlarmSpec) -> int:
    return spec.count_clear or spec.count


def _counted(spec: AlarmSpec, kind: np.ndarray[tuple[int], np.dtype[np.int8]], n: I8) -> B1:
    out: B1 = n >= np.where(kind == _BEYOND, spec.count, _clears(spec))
    return out


def stories(spec: AlarmSpec, seen: Past, apart_s: float) -> Stories:
    """Return the stretches beyond the limit; returns shorter than `apart_s` do not part them."""
    none = np.zeros(0, np.int64)
    if not len(seen):
        return Stories(none, none, np.zeros(0), np.zeros(0))
    runs = _runs(spec, seen)
    over = np.flatnonzero(runs.kind == _BEYOND)
    if not len(over):
        return Stories(none, none, np.zeros(0), np.zeros(0))
    first, peak = runs.first[over], runs.peak[over]
    ends = seen.t_ns[np.minimum(runs.after[over], len(seen) - 1)]
    gaps = seen.t_ns[first[1:]] - ends[:-1]
    heads = np.flatnonzero(np.append(True, gaps >= int(apart_s * NS)))
    tails = np.append(heads[1:], len(first)) - 1
    spent = np.add.reduceat(ends - seen.t_ns[first], heads) / NS  # what is inside counts nothing
    return Stories(seen.t_ns[first[heads]], ends[tails], spent, np.maximum.reduceat(peak, heads))
