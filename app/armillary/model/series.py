"""Series: what a trend asks of the historian and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from armillary.model.arrays import F8, I8, U2

Aggregate = Literal["minmax", "mean", "raw"]


def _not_known() -> I8:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """One pen's range. `ids` are the store's, never slots; `width` the pixels it is drawn into."""

    ids: tuple[int, ...]
    from_ns: int
    to_ns: int
    width: int
    agg: Aggregate = "minmax"
    request: int = 0  # repeated in the answer; an answer with an old number is discarded


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One tag's range, n buckets (or raw samples), ascending in time; gaps have no bucket."""

    id: int
    t_ns: I8  # (n,) start of the bucket, or the sample's source time
    low: F8  # (n,)
    high: F8  # (n,)
    mean: F8  # (n,)
    quality: U2  # (n,) worst in the bucket
    level_s: float  # width of a bucket in s, 0 = raw samples
    request: int = 0
    count: I8 = field(default_factory=_not_known)  # (n,) numbers in each bucket; empty = not known
    last: F8 = field(default_factory=lambda: np.zeros(0))  # (n,) the bucket's last number; empty = not known


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesAnswer:
    """One Series for each id of the query, in its order."""

    series: tuple[Series, ...]
    request: int
