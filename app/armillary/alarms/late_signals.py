"""What computed alarms would have watched in late data: slopes, distances, conditions, by source time.

Of each input only what came late is known: the reading before a moment counts until its tag would have been
stale. What needs a tag that sent nothing late is not judged, and says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.alarms.signals import truth
from armillary.alarms.slopes import COVERED, FEWEST
from armillary.model import expression
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import MS_NS, NS
from armillary.model.expression import Expression
from armillary.model.quality import RANK_MASK, STALE, SUBSTITUTED, worst
from armillary.model.tags import TagSpec, stale_after_ms

KINDS = ("rate", "deviation", "discrepancy", "expression")
_SPAN = 64  # windows that are summed together: so far from its beginning a sum is exact enough


@dataclass(frozen=True, slots=True)
class Late:
    """Late readings of one tag, n rows by time."""

    t_ns: I8
    value: F8
    quality: U2


@dataclass(frozen=True, slots=True)
class Signal:
    """What an alarm would have watched: n moments by time, or why nobody knows."""

    t_ns: I8
    value: F8
    needs: str = ""  # what it would have needed


def _needs(what: str) -> Signal:
    return Signal(np.zeros(0, np.int64), np.zeros(0), f"needs {what}")


class Known:
    """The tags of a project, and the expressions of its alarms as they were compiled first."""

    def __init__(self, tags: Sequence[TagSpec]) -> None:
        self.tags: Mapping[str, TagSpec] = {tag.name: tag for tag in tags}
        self._made: dict[str, Expression] = {}

    def made(self, spec: AlarmSpec) -> Expression:
        """Return the condition of an alarm."""
        found = self._made.get(spec.expression)
        if found is None:
            found = expression.compile(spec.expression, self.tags, spec.origin or spec.id)
            self._made[spec.expression] = found
        return found

    def names(self, spec: AlarmSpec) -> tuple[str, ...]:
        """Return the tags that a computed alarm is made of."""
        if spec.kind == "expression":
            return self.made(spec).names
        return (spec.tag, *((spec.reference,) if spec.reference else ()))


def signal(spec: AlarmSpec, late: Mapping[str, Late], project: Known) -> Signal:
    """Return what a computed alarm would have watched. late: by tag; the alarm reads one of them at least."""
    names = project.names(spec)
    missing = [name for name in names if name not in late]
    if missing:
        return _needs(f"{', '.join(missing)}, of which nothing came late")
    if spec.kind == "rate":
        return _rate(spec, late[spec.tag])
    t_ns, value, word, age_s = _together([(late[name], project.tags[name]) for name in names])
    if spec.kind == "expression":
        told, _ = truth(project.made(spec), value, word, t_ns - (age_s * NS).astype(np.int64), t_ns)
    else:
        other = value[1] if len(value) > 1 else np.full(len(t_ns), spec.setpoint)
        quality = worst(word[0], word[1]) if len(word) > 1 else word[0]
        told = np.where((quality & RANK_MASK) < STALE, np.abs(value[0] - other), np.nan)
    known = np.isfinite(told)
    if not known.any():
        return _needs(f"good readings of {', '.join(names)} together")
    return Signal(t_ns[known], told[known])


def _together(inputs: Sequence[tuple[Late, TagSpec]]) -> tuple[I8, F8, U2, F8]:
    """Return moments, and values, qualities and ages in seconds of k inputs at each: (n,), then (k, n)."""
    t_ns = np.unique(np.concatenate([one.t_ns for one, _ in inputs]))
    k, n = len(inputs), len(t_ns)
    value, word, age_s = np.full((k, n), np.nan), np.full((k, n), STALE, np.uint16), np.zeros((k, n))
    for i, (one, tag) in enumerate(inputs):
        at = np.searchsorted(one.t_ns, t_ns, "right") - 1
        told = np.flatnonzero(at >= 0)
        row = at[told]
        age_ns = t_ns[told] - one.t_ns[row]
        limit_ns = stale_after_ms(tag) * MS_NS
        stale = age_ns > limit_ns if limit_ns else np.zeros(len(told), np.bool_)
        value[i, told], age_s[i, told] = one.value[row], age_ns / NS
        old = np.full(len(row), STALE, np.uint16)
        word[i, told] = np.where(stale, worst(one.quality[row], old), one.quality[row])
    return t_ns, value, word, age_s


def _rate(spec: AlarmSpec, late: Late) -> Signal:
    good = ((late.quality & RANK_MASK) <= SUBSTITUTED) & np.isfinite(late.value)
    t_ns, value = late.t_ns[good], late.value[good]
    slope = slopes(t_ns, value, int(spec.window_s * NS))
    known = ~np.isnan(slope)
    if not known.any():
        return _needs(f"{FEWEST} readings of {spec.tag} within {spec.window_s:g} s")
    return Signal(t_ns[known], np.abs(slope[known]) if spec.two_sided else slope[known])


def slopes(t_ns: I8, value: F8, window_ns: int) -> F8:
    """Return the least-squares slope per second of the window that ends at each reading, (n,); NaN = unknown.

    t_ns ascending. Unknown as in a world: fewer than three readings, or less than half the window covered.
    """
    out: F8 = np.full(len(t_ns), np.nan)
    first = np.searchsorted(t_ns, t_ns - window_ns, "left")
    enough = np.arange(len(t_ns)) - first + 1 >= FEWEST
    enough &= t_ns - t_ns[first] >= COVERED * window_ns
    rows = np.flatnonzero(enough)
    at = 0
    while at < len(rows):
        low = int(first[rows[at]])
        end = int(np.searchsorted(t_ns[rows], t_ns[low] + _SPAN * window_ns, "right"))
        end = max(end, at + 1)
        some = rows[at:end]
        out[some] = _sums(t_ns, value, low, some, first[some])
        at = end
    return out


def _sums(t_ns: I8, value: F8, low: int, rows: I8, first: I8) -> F8:
    """Return the slopes of some windows; low: the first row that any of them has."""
    high = int(rows[-1]) + 1
    t = (t_ns[low:high] - t_ns[(low + high) // 2]) / NS
    v = value[low:high] - value[low:high].mean()

    def total(part: F8) -> F8:
        summed = np.concatenate(([0.0], np.cumsum(part)))
        out: F8 = summed[rows + 1 - low] - summed[first - low]
        return out

    n = (rows + 1 - first).astype(np.float64)
    st, sv = total(t), total(v)
    spread = total(t * t) - st * st / n
    out: F8 = np.where(spread > 0, (total(t * v) - st * sv / n) / np.where(spread > 0, spread, 1.0), np.nan)
    return out
