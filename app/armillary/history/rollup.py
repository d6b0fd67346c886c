"""Levels of a series: the width of a bucket, and what a bucket holds. Bad quality is never averaged away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tsdownsample

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import MS_NS, NS
from armillary.model.quality import RANK_MASK, REASON_MASK
from armillary.model.series import Series

MINUTE_NS = 60 * NS
# Widths that people can name; buckets begin at multiples of them, so that a scrolling trend does not shimmer.
LADDER_NS = tuple(
    unit * step
    for unit, steps in (
        (MS_NS, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (NS, (1, 2, 5, 10, 15, 30)),
        (MINUTE_NS, (1, 2, 5, 10, 15, 30)),
        (60 * MINUTE_NS, (1, 2, 3, 6, 12)),
        (24 * 60 * MINUTE_NS, (1, 2, 7, 14, 28, 56, 112, 364)),
    )
    for step in steps
)
PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What goes into buckets, or came out of them: n rows ascending in time."""

    t_ns: I8  # (n,)
    low: F8  # (n,) NaN where there is no number
    high: F8
    total: F8  # sum of the numbers, 0 where there is none
    count: I8  # of the numbers
    quality: U2  # worst rank, all reasons
    last: F8  # the last of the numbers, NaN where there is none

    def __len__(self) -> int:
        return len(self.t_ns)


def of_samples(t_ns: I8, value: F8, quality: U2) -> Rows:
    """Return samples as rows of one value each."""
    number = np.isfinite(value)
    held = np.where(number, value, np.nan)
    return Rows(
        t_ns=t_ns,
        low=held,
        high=held,
        total=np.where(number, value, 0.0),
        count=number.astype(np.int64),
        quality=quality,
        last=held,
    )


def nothing() -> Rows:
    """Return no rows."""
    return of_samples(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16))


def chosen(rows: Rows, at: I8) -> Rows:
    """Return some of the rows, by their places."""
    return Rows(
        t_ns=rows.t_ns[at],
        low=rows.low[at],
        high=rows.high[at],
        total=rows.total[at],
        count=rows.count[at],
        quality=rows.quality[at],
        last=rows.last[at],
    )


def joined(first: Rows, second: Rows) -> Rows:
    """Return the rows of both, the first before the second."""
    return Rows(
        t_ns=np.concatenate((first.t_ns, second.t_ns)),
        low=np.concatenate((first.low, second.low)),
        high=np.concatenate((first.high, second.high)),
        total=np.concatenate((first.total, second.total)),
        count=np.concatenate((first.count, second.count)),
        quality=np.concatenate((first.quality, second.quality)),
        last=np.concatenate((first.last, second.last)),
    )


def level_ns(from_ns: int, to_ns: int, width: int) -> int:
    """Return the narrowest named width with which a range needs at most `width` buckets."""
    need = max(to_ns - from_ns, 1) / max(width, 1)
    return next((step for step in LADDER_NS if step >= need), LADDER_NS[-1])


def bucketed(rows: Rows, width_ns: int) -> Rows:
    """Return one row a bucket, t_ns its start; a bucket without samples is not there (a gap)."""
    if not len(rows):
        return rows
    start = rows.t_ns - rows.t_ns % width_ns
    first = np.flatnonzero(np.concatenate(([True], start[1:] != start[:-1])))
    rank: U2 = np.maximum.reduceat(rows.quality & RANK_MASK, first)
    reason: U2 = np.bitwise_or.reduceat(rows.quality & REASON_MASK, first)
    worst: U2 = np.bitwise_or(rank, reason)
    return Rows(
        t_ns=start[first],
        low=np.fmin.reduceat(rows.low, first),
        high=np.fmax.reduceat(rows.high, first),
        total=np.add.reduceat(rows.total, first),
        count=np.add.reduceat(rows.count, first),
        quality=worst,
        last=_last(rows, start, start[first]),
    )


def _last(rows: Rows, start: I8, buckets: I8) -> F8:
    """Return the last number of each bucket, NaN where it has none. start: of each row's bucket."""
    numbers = np.flatnonzero(rows.count)
    out = np.full(len(buckets), np.nan)
    out[np.searchsorted(buckets, start[numbers])] = rows.last[numbers]  # of several the last is written last
    return out


def series(rows: Rows, id_: int, level_s: float, request: int) -> Series:
    """Return rows as the series that a trend draws; the mean of a bucket without numbers is NaN."""
    mean = np.divide(rows.total, rows.count, out=np.full(len(rows), np.nan), where=rows.count > 0)
    return Series(
        id=id_,
        t_ns=rows.t_ns,
        low=rows.low,
        high=rows.high,
        mean=mean,
        quality=rows.quality,
        level_s=level_s,
        request=request,
        last=rows.last,
        count=rows.count,
    )


def thinned(rows: Rows, most: int) -> Rows:
    """Return at most about `most` of the samples: those with the extremes, and every one that is not GOOD."""
    if len(rows) <= most or not (numbers := np.flatnonzero(rows.count)).size:
        return rows
    even = max(most - most % PAIR, PAIR)
    keep: B1 = rows.quality != 0
    if len(numbers) > even:
        held = np.ascontiguousarray(rows.low[numbers])
        picked = tsdownsample.MinMaxDownsampler().downsample(held, n_out=even)  # type: ignore[no-untyped-call]
        keep[numbers[picked]] = True
    else:
        keep[numbers] = True
    return chosen(rows, np.flatnonzero(keep))
