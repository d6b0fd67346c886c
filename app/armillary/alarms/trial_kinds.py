"""Alarms of every kind run over recorded readings: each becomes a limit on a signal, for `alarms.trial`.

The signals are those of `alarms.signals`, worked out over whole records: how far from a reference, the
slope of a window, whether a condition is true. What is not known says nothing: what was keeps on. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.alarms import trial
from armillary.alarms.signals import TRUE_ABOVE, truth
from armillary.alarms.slopes import COVERED, FEWEST
from armillary.alarms.trial import Past
from armillary.model import expression
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import MS_NS, NS
from armillary.model.quality import NEVER, STALE, SUBSTITUTED, rank, worst
from armillary.model.tags import TagSpec, stale_after_ms

KINDS = (*trial.KINDS, "rate", "deviation", "discrepancy", "state", "expression", "quality")
TRUTHS = ("state", "expression", "quality")  # whose signal is true or false
_BLOCK = 4_096  # samples whose sums are told from one origin, so that doubles hold them
_TRUE, _FALSE = 1.0, 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """All recorded readings of one tag, n rows, ascending in time."""

    t_ns: I8
    value: F8
    quality: U2

    def until(self, end_ns: int) -> Record:
        """Return the readings before a time."""
        n = int(np.searchsorted(self.t_ns, end_ns))
        return Record(self.t_ns[:n], self.value[:n], self.quality[:n])


def inputs(spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> tuple[str, ...]:
    """Return the tags whose records a trial needs, the alarm's own first. Raises ProjectFault."""
    if spec.kind == "expression":
        return tuple(expression.compile(spec.expression, tags, spec.origin or spec.id).names)
    if spec.kind in ("deviation", "discrepancy") and spec.reference:
        return spec.tag, spec.reference
    return (spec.tag,)


def as_level(spec: AlarmSpec) -> AlarmSpec:
    """Return an alarm of any kind as a limit on its signal."""
    if spec.kind in trial.KINDS:
        return spec
    if spec.kind in TRUTHS:
        return replace(spec, kind="level", limit=TRUE_ABOVE, deadband=0.0, direction="above")
    is_one_way = spec.kind == "rate" and not spec.two_sided
    return replace(spec, kind="level", direction=spec.direction if is_one_way else "above")


def signal(spec: AlarmSpec, records: Mapping[str, Record], tags: Mapping[str, TagSpec]) -> Past:
    """Return what an alarm watches, over all of its records; those it lacks are taken as never seen.

    records: by the name of the tag. Raises ProjectFault for an expression that is refused.
    """
    own = records.get(spec.tag)
    if spec.kind == "expression":
        return _condition(spec, records, tags)
    if own is None or not len(own.t_ns):
        return Past(np.zeros(0, np.int64), np.zeros(0))
    match spec.kind:
        case "rate":
            usable = (rank(own.quality) <= SUBSTITUTED) & np.isfinite(own.value)
            t_ns, value = own.t_ns[usable], own.value[usable]
            slope = slopes(t_ns, value, spec.window_s)
            known = np.isfinite(slope)
            return Past(t_ns[known], np.abs(slope[known]) if spec.two_sided else slope[known])
        case "deviation" | "discrepancy":
            return _distance(spec, own, records.get(spec.reference))
        case "state":
            return _states(spec, own, tags.get(spec.tag))
        case "quality":
            return _unusable(own, tags.get(spec.tag))
        case _:
            return trial.past(own.t_ns, own.value, own.quality)


def slopes(t_ns: I8, value: F8, window_s: float) -> F8:
    """Return the least-squares slope per second of the window that ends at each sample, (n,).

    NaN where fewer than three samples are in it, or they cover less than half of it. t_ns: ascending.
    """
    n = len(t_ns)
    out: F8 = np.full(n, np.nan)
    window_ns = int(window_s * NS)
    first = np.searchsorted(t_ns, t_ns - window_ns, side="left")
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        low = int(first[begin])
        t = (t_ns[low:end] - t_ns[low]) / NS
        v = value[low:end] - value[low:end].mean()
        sums = [np.concatenate(([0.0], np.cumsum(each))) for each in (t, v, t * t, t * v)]
        a, b = first[begin:end] - low, np.arange(begin, end) - low + 1
        count = (b - a).astype(np.float64)
        s_t, s_v, s_tt, s_tv = (each[b] - each[a] for each in sums)
        spread = s_tt - s_t * s_t / count
        enough = (count >= FEWEST) & (t[b - 1] - t[a] >= COVERED * window_s) & (spread > 0)
        slope = (s_tv - s_t * s_v / count) / np.where(spread > 0, spread, 1.0)
        out[begin:end] = np.where(enough, slope, np.nan)
    return out


def _at(record: Record | None, t_ns: I8) -> tuple[F8, U2]:
    """Return what a tag was at some times: its last reading until then."""
    if record is None or not len(record.t_ns):
        return np.full(len(t_ns), np.nan), np.full(len(t_ns), NEVER, np.uint16)
    row = np.searchsorted(record.t_ns, t_ns, side="right") - 1
    known = row >= 0
    row = np.maximum(row, 0)
    value = np.where(known, record.value[row], np.nan)
    return value, np.where(known, record.quality[row], NEVER).astype(np.uint16)


def _moments(records: Sequence[Record | None]) -> I8:
    """Return all times at which one of some tags was read, each once."""
    times = [record.t_ns for record in records if record is not None]
    return np.unique(np.concatenate(times)) if times else np.zeros(0, np.int64)


def _distance(spec: AlarmSpec, own: Record, other: Record | None) -> Past:
    if not spec.reference:
        seen = trial.past(own.t_ns, own.value, own.quality)
        return Past(seen.t_ns, np.abs(seen.value - spec.setpoint))
    t_ns = _moments([own, other])
    (value, word), (reference, word_too) = _at(own, t_ns), _at(other, t_ns)
    apart = np.abs(value - reference)
    known = (rank(worst(word, word_too)) < STALE) & np.isfinite(apart)
    return Past(t_ns[known], apart[known])


def _condition(spec: AlarmSpec, records: Mapping[str, Record], tags: Mapping[str, TagSpec]) -> Past:
    made = expression.compile(spec.expression, tags, spec.origin or spec.id)
    mine = [records.get(name) for name in made.names]
    t_ns = _moments(mine)
    if not len(t_ns):
        return Past(t_ns, np.zeros(0))
    pairs = [_at(record, t_ns) for record in mine]
    alive = np.array([_read_at(record, t_ns) for record in mine])
    value, word = np.array([v for v, _ in pairs]), np.array([w for _, w in pairs])
    found, _ = truth(made, value, word, alive, t_ns)
    known = np.isfinite(found)
    return Past(t_ns[known], found[known])


def _read_at(record: Record | None, t_ns: I8) -> I8:
    """Return when a tag was read last; 0 = not yet."""
    if record is None or not len(record.t_ns):
        return np.zeros(len(t_ns), np.int64)
    row = np.searchsorted(record.t_ns, t_ns, side="right") - 1
    return np.where(row >= 0, record.t_ns[np.maximum(row, 0)], 0)


def _states(spec: AlarmSpec, own: Record, tag: TagSpec | None) -> Past:
    seen = trial.past(own.t_ns, own.value, own.quality)
    hit: B1 = np.isin(seen.value, spec.values)
    known = (*spec.values, *spec.normal) if spec.normal else tuple(v for v, _ in tag.states) if tag else ()
    if known:
        hit |= ~np.isin(seen.value, known)
    return Past(seen.t_ns, np.where(hit, _TRUE, _FALSE))


def _unusable(own: Record, tag: TagSpec | None) -> Past:
    """Return whether a tag is stale or worse: by what was recorded, and where nothing came for too long."""
    bad: B1 = rank(own.quality) >= STALE
    t_ns, value = own.t_ns, np.where(bad, _TRUE, _FALSE)
    limit_ns = stale_after_ms(tag) * MS_NS if tag is not None and tag.liveness == "tag" else 0
    if limit_ns and len(t_ns) > 1:
        gaps = np.flatnonzero(np.diff(t_ns) > limit_ns)
        t_ns = np.concatenate((t_ns, t_ns[gaps] + limit_ns))
        value = np.concatenate((value, np.full(len(gaps), _TRUE)))
        order = np.argsort(t_ns, kind="stable")
        t_ns, value = t_ns[order], value[order]
    return Past(t_ns, value)
