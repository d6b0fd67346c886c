"""An alarm run over recorded readings: when it would have been raised and cleared. Pure, by runs not by rows.

Of the kinds `level` and `count`. Readings that are stale, bad or no number say nothing: what was keeps on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import STALE, rank

KINDS = ("level", "count")
_BEYOND, _INSIDE = 1, -1


@dataclass(frozen=True, slots=True)
class Past:
    """Usable readings of one tag, n rows, ascending in time."""

    t_ns: I8
    value: F8

    def __len__(self) -> int:
        return len(self.t_ns)


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


def beyond(spec: AlarmSpec, value: F8) -> F8:
    """Return how far values are beyond the limit, negative inside it."""
    sign = 1.0 if spec.direction == "above" else -1.0
    return sign * (value - spec.limit)


def raised(spec: AlarmSpec, seen: Past) -> Raised:
    """Return when an alarm would have been raised, and cleared."""
    if not len(seen):
        none = np.zeros(0, np.int64)
        return Raised(none, none)
    far = beyond(spec, seen.value)
    # codes: the condition holds, certainly does not, or is in the deadband where what was goes on
    code = np.where(far > 0, _BEYOND, np.where(far <= -spec.deadband, _INSIDE, 0)).astype(np.int8)
    first = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    after = np.append(first[1:], len(code))
    starts = seen.t_ns[first]
    ends = np.append(starts[1:], seen.t_ns[-1])
    kind = code[first]
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
    far = beyond(spec, seen.value)
    over = far > 0
    lasts = np.append(np.diff(seen.t_ns), 0)
    edges = np.diff(np.concatenate(([0], over.astype(np.int8), [0])))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    if not len(first):
        return Stories(none, none, np.zeros(0), np.zeros(0))
    ends = seen.t_ns[np.minimum(last + 1, len(seen) - 1)]
    gaps = seen.t_ns[first[1:]] - ends[:-1]
    heads = np.flatnonzero(np.append(True, gaps >= int(apart_s * NS)))
    tails = np.append(heads[1:], len(first)) - 1
    spent = np.add.reduceat(np.where(over, lasts, 0), first[heads]) / NS  # what is inside counts nothing
    peaks = np.maximum.reduceat(far, first[heads])
    return Stories(seen.t_ns[first[heads]], ends[tails], spent, peaks)
