"""Buckets of a trend: how wide they are, and what they hold. Bad quality is never averaged away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.api import F8, I8, U2, Series, quality

MS, S = 1_000_000, 1_000_000_000
MINUTE, HOUR, DAY = 60 * S, 3_600 * S, 86_400 * S
MAX_RAW = 500_000  # samples in one answer of raw data
# Widths that people can name, as the embedded store has them: a scrolling trend does not shimmer.
LADDER = tuple(
    unit * step
    for unit, steps in (
        (MS, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (S, (1, 2, 5, 10, 15, 30)),
        (MINUTE, (1, 2, 5, 10, 15, 30)),
        (HOUR, (1, 2, 3, 6, 12)),
        (DAY, (1, 2, 7, 14, 28, 56, 112, 364)),
    )
    for step in steps
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """n rows ascending in time; `low` and `high` are NaN where there is no number."""

    t_ns: I8
    low: F8
    high: F8
    total: F8  # sum of the numbers
    count: I8  # of the numbers
    quality: U2  # worst rank, all reasons

    def __len__(self) -> int:
        return len(self.t_ns)


def width(from_ns: int, to_ns: int, most: int) -> int:
    """Return the narrowest named width with which a range needs at most `most` buckets."""
    need = max(to_ns - from_ns, 1) / max(most, 1)
    return next((step for step in LADDER if step >= need), LADDER[-1])


def of_samples(t_ns: I8, value: F8, words: U2) -> Buckets:
    """Return samples, ascending in time, as buckets of one value each; of equal times the last counts."""
    last = np.append(t_ns[1:] != t_ns[:-1], np.ones(min(len(t_ns), 1), np.bool_))
    t_ns, value, words = t_ns[last], value[last], words[last]
    number = np.isfinite(value)
    held = np.where(number, value, np.nan)
    total = np.where(number, value, 0.0)
    return Buckets(t_ns=t_ns, low=held, high=held, total=total, count=number.astype(np.int64), quality=words)


def joined(parts: list[Buckets]) -> Buckets:
    """Return the rows of all, in order."""
    return Buckets(
        t_ns=np.concatenate([part.t_ns for part in parts]),
        low=np.concatenate([part.low for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        total=np.concatenate([part.total for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        quality=np.concatenate([part.quality for part in parts]),
    )


def into(rows: Buckets, step: int) -> Buckets:
    """Return one row a bucket of this width, t_ns its start; a bucket without samples is not there."""
    if not len(rows):
        return rows
    start = rows.t_ns - rows.t_ns % step
    first = np.flatnonzero(np.concatenate(([True], start[1:] != start[:-1])))
    rank: U2 = np.maximum.reduceat(rows.quality & quality.RANK_MASK, first)
    reason: U2 = np.bitwise_or.reduceat(rows.quality & quality.REASON_MASK, first)
    return Buckets(
        t_ns=start[first],
        low=np.fmin.reduceat(rows.low, first),
        high=np.fmax.reduceat(rows.high, first),
        total=np.add.reduceat(rows.total, first),
        count=np.add.reduceat(rows.count, first),
        quality=np.bitwise_or(rank, reason),
    )


def thinned(rows: Buckets, most: int) -> Buckets:
    """Return at most about `most` rows: of each piece those with the extremes, and all that are not GOOD."""
    if len(rows) <= most:
        return rows
    pieces = np.arange(0, len(rows), -(-len(rows) // max(most // 2, 1)))
    keep = rows.quality != 0
    for value, pick in (
        (np.nan_to_num(rows.low, nan=np.inf), 1),
        (np.nan_to_num(rows.high, nan=-np.inf), -1),
    ):
        order = np.lexsort((pick * value, np.searchsorted(pieces, np.arange(len(rows)), "right")))
        keep[order[pieces]] = True  # the first of each piece in the order of its value
    chosen = np.flatnonzero(keep)
    return Buckets(
        t_ns=rows.t_ns[chosen],
        low=rows.low[chosen],
        high=rows.high[chosen],
        total=rows.total[chosen],
        count=rows.count[chosen],
        quality=rows.quality[chosen],
    )


def series(rows: Buckets, id_: int, step: int, request: int) -> Series:
    """Return rows as the series that a trend draws. `step`: width in ns, 0 = samples as they are."""
    mean = np.divide(rows.total, rows.count, out=np.full(len(rows), np.nan), where=rows.count > 0)
    return Series(
        id=id_,
        t_ns=rows.t_ns,
        low=rows.low,
        high=rows.high,
        mean=mean,
        quality=rows.quality,
        level_s=step / S,
        request=request,
        count=rows.count,
        last=np.zeros(0) if step else rows.low,  # of a bucket it is not known
    )
