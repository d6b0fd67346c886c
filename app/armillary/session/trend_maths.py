"""Figures of a stretch of one pen: statistics weighted by time, histogram, pairs for an XY plot.

A value holds until the next sample, or a line leads to it (numbers); across a gap neither is so. Silence is
no value: it lowers the share of good time and carries no weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import GOOD, STALE, rank
from armillary.model.series import Series

PERCENTILES = (5.0, 50.0, 95.0)
_BUCKET_GAP = 2.5  # buckets missing before a stretch is broken
_FEWEST = 2


def _none() -> F8:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples, or buckets, of one pen: n of them ascending in time. `low` = `high` = `mean` for samples."""

    t_ns: I8  # (n,) ns UTC
    mean: F8  # (n,) NaN where there is no usable value
    low: F8
    high: F8
    quality: U2  # (n,) rank
    count: F8 = field(default_factory=_none)  # (n,) samples in a bucket; empty = not known
    level_s: float = 0.0  # width of a bucket, 0 = samples
    is_step: bool = False  # the value holds until the next one; else a line leads to it
    limit_s: float = 0.0  # silence beyond this is a gap; 0 = the tag only reports changes

    @property
    def is_exact(self) -> bool:
        """Whether these are the samples themselves."""
        return self.level_s == 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Statistics of a range. NaN where there is nothing to say; `exact` False: from buckets."""

    count: int  # samples in the range; -1 = not known
    low: float = float("nan")
    high: float = float("nan")
    mean: float = float("nan")  # weighted by time
    std: float = float("nan")  # of the value over time
    percentiles: tuple[float, ...] = (float("nan"),) * len(PERCENTILES)  # of the value over time
    good_share: float = 0.0  # of the range, 0…1
    low_ns: int = 0  # when it was lowest, and highest
    high_ns: int = 0
    exact: bool = True


def stretch_of(series: Series, *, is_step: bool, limit_s: float) -> Stretch:
    """Return what the recorder answered as a stretch; a value that cannot be used is NaN."""
    ranks = rank(series.quality)
    bad = ranks >= STALE
    count = series.count
    return Stretch(
        t_ns=series.t_ns,
        mean=np.where(bad, np.nan, series.mean),
        low=np.where(bad, np.nan, series.low),
        high=np.where(bad, np.nan, series.high),
        quality=ranks,
        count=count.astype(np.float64),
        level_s=series.level_s,
        is_step=is_step,
        limit_s=max(limit_s, _BUCKET_GAP * series.level_s) if limit_s or series.level_s else 0.0,
    )


def scaled(stretch: Stretch, factor: float, offset: float) -> Stretch:
    """Return the stretch in another unit: shown = value × factor + offset."""
    low, high = stretch.low * factor + offset, stretch.high * factor + offset
    if factor < 0:
        low, high = high, low
    return Stretch(
        t_ns=stretch.t_ns,
        mean=stretch.mean * factor + offset,
        low=low,
        high=high,
        quality=stretch.quality,
        count=stretch.count,
        level_s=stretch.level_s,
        is_step=stretch.is_step,
        limit_s=stretch.limit_s,
    )


# ---------------------------------------------------------------- statistics


@dataclass(frozen=True, slots=True)
class _Parts:
    """Pieces of time in which the value is known: m of them, each from `a` to `b` within `dt` seconds."""

    dt: F8
    a: F8
    b: F8
    good: B1


def _parts(stretch: Stretch, from_ns: int, to_ns: int) -> _Parts:
    """Return the known pieces inside a range, clipped at its ends."""
    t = stretch.t_ns
    if not len(t):
        return _Parts(_none(), _none(), _none(), np.zeros(0, np.bool_))
    holds = stretch.is_step or not stretch.is_exact
    ends = np.append(t[1:], max(to_ns, int(t[-1])) if holds else t[-1])
    if not stretch.is_exact:  # a bucket speaks for its own width only
        ends = np.minimum(ends, t + int(stretch.level_s * NS))
    a = stretch.mean
    b = a if holds else np.append(a[1:], a[-1])
    known = np.isfinite(a) & np.isfinite(b)
    if stretch.limit_s and stretch.is_exact:
        limit = int(stretch.limit_s * NS)
        if holds:
            ends = np.minimum(ends, t + limit)  # a value holds as long as it is not stale
        else:
            known &= (ends - t) <= limit
    begin, end = np.maximum(t, from_ns), np.minimum(ends, to_ns)
    known &= end > begin
    whole = np.maximum(ends - t, 1)
    slope = (b - a) / whole
    left, right = a + slope * (begin - t), a + slope * (end - t)
    return _Parts((end - begin)[known] / NS, left[known], right[known], (stretch.quality == GOOD)[known])


def numbers(stretch: Stretch, from_ns: int, to_ns: int) -> Numbers:
    """Return the statistics of a range in ns UTC.

    Extremes and count are of the samples in the range. Mean, deviation and percentiles are over time, so
    that a burst of samples weighs no more than the time it took. The good share is of the whole range:
    silence lowers it (operations 2.3).
    """
    first, last = np.searchsorted(stretch.t_ns, [from_ns, to_ns], ("left"))
    if len(stretch.t_ns) > last and stretch.t_ns[last] == to_ns:
        last += 1
    low, high = stretch.low[first:last], stretch.high[first:last]
    usable = np.isfinite(low)
    if stretch.is_exact:
        count = int(last - first)
    else:
        count = int(stretch.count[first:last].sum()) if len(stretch.count) else -1
    parts = _parts(stretch, from_ns, to_ns)
    total = float(parts.dt.sum())
    if not usable.any() and total <= 0:
        return Numbers(count=count, exact=stretch.is_exact)
    mean = std = float("nan")
    shares: tuple[float, ...] = (float("nan"),) * len(PERCENTILES)
    if total > 0:
        a, b, w = parts.a, parts.b, parts.dt / total
        mean = float(np.sum(w * (a + b) / 2))
        da, db = a - mean, b - mean  # about the mean: squares of large values would cancel
        std = float(np.sqrt(max(np.sum(w * (da * da + da * db + db * db) / 3), 0.0)))
        shares = tuple(weighted_percentiles((a + b) / 2, parts.dt, PERCENTILES))
    at = stretch.t_ns[first:last]
    if usable.any():
        least, most = int(np.nanargmin(low)), int(np.nanargmax(high))
        ends = (float(low[least]), float(high[most]), int(at[least]), int(at[most]))
    else:  # nothing came in the range; what held before still holds
        ends = (float(min(parts.a.min(), parts.b.min())), float(max(parts.a.max(), parts.b.max())), 0, 0)
    return Numbers(
        count=count,
        low=ends[0],
        high=ends[1],
        mean=mean,
        std=std,
        percentiles=shares,
        good_share=min(float(parts.dt[parts.good].sum()) * NS / max(to_ns - from_ns, 1), 1.0),
        low_ns=ends[2],
        high_ns=ends[3],
        exact=stretch.is_exact,
    )


def reach(stretch: Stretch, from_ns: int, to_ns: int) -> tuple[float, float]:
    """Return the lowest and highest value that was there in a range, held or sampled; NaN for none."""
    first, last = np.searchsorted(stretch.t_ns, [from_ns, to_ns], "left")
    parts = _parts(stretch, from_ns, to_ns)
    low = np.concatenate([stretch.low[first:last], parts.a, parts.b])
    high = np.concatenate([stretch.high[first:last], parts.a, parts.b])
    if not np.isfinite(low).any():
        return float("nan"), float("nan")
    return float(np.nanmin(low)), float(np.nanmax(high))


def weighted_percentiles(value: F8, weight: F8, wanted: tuple[float, ...]) -> list[float]:
    """Return the values (0…100 %) below which a share of the weight lies; weights are ≥ 0, not all 0."""
    order = np.argsort(value, kind="stable")
    below = np.cumsum(weight[order])
    at = np.searchsorted(below, np.array(wanted) / 100 * below[-1], "left")
    out: list[float] = value[order][np.minimum(at, len(value) - 1)].tolist()
    return out


# ---------------------------------------------------------------- histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Shares of time by value: k classes between k + 1 edges."""

    edges: F8  # (k + 1,)
    share: F8  # (k,) of the time in which a value is known; sums to 1
    known_s: float


def histogram(stretch: Stretch, from_ns: int, to_ns: int, classes: int) -> Histogram | None:
    """Return how the time of a range is spread over `classes` equal classes of value; None: no value."""
    parts = _parts(stretch, from_ns, to_ns)
    total = float(parts.dt.sum())
    if total <= 0:
        return None
    low = float(min(parts.a.min(), parts.b.min()))
    high = float(max(parts.a.max(), parts.b.max()))
    if not high > low:
        half = max(abs(low) * 1e-3, 1e-9) / 2
        low, high = low - half, high + half
    edges = np.linspace(low, high, max(classes, 1) + 1)
    share, _ = np.histogram((parts.a + parts.b) / 2, edges, weights=parts.dt / total)
    return Histogram(edges=edges, share=share, known_s=total)


# ---------------------------------------------------------------- values at times, pairs


def at_times(stretch: Stretch, t_ns: I8) -> F8:
    """Return the values at ascending times (k,), NaN where none is known: in gaps, before, after."""
    out = np.full(len(t_ns), np.nan)
    n = len(stretch.t_ns)
    if not n:
        return out
    left = np.searchsorted(stretch.t_ns, t_ns, "right") - 1
    inside = left >= 0
    left = np.maximum(left, 0)
    right = np.minimum(left + 1, n - 1)
    t0, t1 = stretch.t_ns[left], stretch.t_ns[right]
    v0, v1 = stretch.mean[left], stretch.mean[right]
    exact = t_ns == t0
    limit = int(stretch.limit_s * NS)
    if stretch.is_step or not stretch.is_exact:
        near = (t_ns - t0 <= limit) if limit else np.ones(len(t_ns), np.bool_)
        value, known = v0, near
    else:
        span = np.maximum(t1 - t0, 1)
        value = v0 + (v1 - v0) * ((t_ns - t0) / span)
        known = (t1 > t0) & ((t1 - t0 <= limit) if limit else np.ones(len(t_ns), np.bool_))
        value, known = np.where(exact, v0, value), known | exact
    out[inside & known] = value[inside & known]
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two pens at the same times: m pairs ascending in time, and the straight line through them."""

    t_ns: I8
    x: F8
    y: F8
    slope: float = float("nan")  # of the least squares line y = slope · x + offset
    offset: float = float("nan")
    correlation: float = float("nan")  # −1…1


def pairs(x: Stretch, y: Stretch, from_ns: int, to_ns: int, most: int) -> Pairs:
    """Return pairs of values at the times of the pen that came more often, at most about `most`."""
    dense = x if len(x.t_ns) >= len(y.t_ns) else y
    inside = dense.t_ns[slice(*np.searchsorted(dense.t_ns, [from_ns, to_ns + 1]).tolist())]
    inside = inside[:: max(1, -(-len(inside) // max(most, 1)))]
    a, b = at_times(x, inside), at_times(y, inside)
    both = np.isfinite(a) & np.isfinite(b)
    t, a, b = inside[both], a[both], b[both]
    if len(t) < _FEWEST:
        return Pairs(t_ns=t, x=a, y=b)
    da, db = a - a.mean(), b - b.mean()
    xx, yy, xy = float(da @ da), float(db @ db), float(da @ db)
    if xx <= 0:
        return Pairs(t_ns=t, x=a, y=b)
    slope = xy / xx
    correlation = xy / float(np.sqrt(xx) * np.sqrt(yy)) if yy > 0 else float("nan")
    offset = float(b.mean()) - slope * float(a.mean())
    return Pairs(t_ns=t, x=a, y=b, slope=slope, offset=offset, correlation=max(-1.0, min(correlation, 1.0)))
