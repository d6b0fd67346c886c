"""Whether what is measured now and then grows: a slope that single outliers do not move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FIRST_MB, LATER_MB_MIN = 10.0, 0.3  # may be gained in all: caches that fill, and what an allocator keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one process gained over the time it was looked at."""

    minutes: float
    first_mb: float  # median of the first tenth
    slope_mb_min: float

    @property
    def gained_mb(self) -> float:
        """MB by the slope over the whole time."""
        return self.slope_mb_min * self.minutes

    @property
    def bound_mb(self) -> float:
        """MB that may be gained in that time."""
        return FIRST_MB + LATER_MB_MIN * self.minutes

    @property
    def is_flat(self) -> bool:
        """True while it gained no more than it may."""
        return self.gained_mb <= self.bound_mb


def growth(seconds: Sequence[float], mb: Sequence[float]) -> Growth:
    """Return the growth by the median of the slopes between all pairs of looks, (n,) each, n ≥ 2.

    Raises ValueError for fewer.
    """
    if len(seconds) < 2:
        raise ValueError("growth needs two looks at least")
    t, y = np.asarray(seconds, np.float64) / 60, np.asarray(mb, np.float64)
    i, j = np.triu_indices(len(t), 1)
    apart = t[j] > t[i]
    slope = float(np.median((y[j] - y[i])[apart] / (t[j] - t[i])[apart]))
    first = y[: max(1, len(y) // 10)]
    return Growth(minutes=float(t[-1] - t[0]), first_mb=float(np.median(first)), slope_mb_min=slope)


def told(name: str, one: Growth) -> str:
    """Return one line for people."""
    return (
        f"{name:<10} {one.first_mb:7.1f} MB at first, {one.slope_mb_min:+7.3f} MB/min, "
        f"{one.gained_mb:+6.1f} MB in {one.minutes:.1f} min (at most {one.bound_mb:+.1f})"
    )
