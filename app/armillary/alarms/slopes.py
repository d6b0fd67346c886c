"""Slopes of many series at once: the least-squares line through the samples of a sliding window.

A window is a ring of cells. While samples are a sixtieth of the window apart or more, each has a cell of its
own and the slope is exact; closer ones share a cell, which knows their sums and leaves as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS

PARTS = 60  # of a window: samples nearer than one share a cell
RING = 64  # cells: a window that is full, and the ends of it
FEWEST = 3  # samples
COVERED = 0.5  # of the window, from the oldest sample to the newest
_PAIR = 2  # columns: first and last
_COLUMNS = (
    "_head", "_ends", "_count", "_origin", "_mean_s", "_mean", "_tt", "_tv", "_vv", "_last", "newest_ns"
)  # fmt: skip
Columns = F8 | I8


@dataclass(frozen=True, slots=True)
class Heaps:
    """At most one heap of samples for each series, k of them; one sample is a heap too."""

    series: I8
    count: F8
    first_ns: I8
    last_ns: I8
    mean_s: F8  # of their times, after `first_ns`
    mean: F8
    spread_tt: F8  # Σ (t − mean)²
    spread_tv: F8  # Σ (t − mean)(v − mean)
    spread_vv: F8  # Σ (v − mean)²
    last: F8  # the newest value

    def at(self, rows: I8) -> Heaps:
        """Return some of the heaps."""
        return Heaps(*(getattr(self, field.name)[rows] for field in fields(self)))


def heaps_of(series: I8, t_ns: I8, value: F8, starts: I8) -> Heaps:
    """Return heaps of samples that stand together; heap i is rows starts[i] to starts[i + 1]."""
    if len(starts) == len(series):  # each sample is its own heap
        none = np.zeros(len(series))
        return Heaps(series, none + 1.0, t_ns, t_ns, none, value, none, none, none, value)
    first = t_ns[starts]
    sizes = np.diff(np.append(starts, len(series)))
    count = sizes.astype(np.float64)
    t_s = (t_ns - np.repeat(first, sizes)) / NS
    mean_s = np.add.reduceat(t_s, starts) / count
    mean = np.add.reduceat(value, starts) / count
    dt, dv = t_s - np.repeat(mean_s, sizes), value - np.repeat(mean, sizes)
    ends = starts + sizes - 1
    return Heaps(
        series[starts], count, first, t_ns[ends], mean_s, mean,
        np.add.reduceat(dt * dt, starts), np.add.reduceat(dt * dv, starts), np.add.reduceat(dv * dv, starts),
        value[ends],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """Lines through the windows of k series; what is NaN is not known."""

    slope: F8  # per second
    now: F8  # the line at the newest sample
    count: F8  # samples
    cells: F8
    back_s: F8  # from the newest sample to the mean time
    spread_tt: F8
    rest: F8  # Σ (v − line)²
    echo: F8  # lag-1 autocorrelation of what the cells are off the line, 0 to 1


def _dot(one: F8 | B1, other: F8) -> F8:
    """Return the sums of products, row by row."""
    out: F8 = np.einsum("ij,ij->i", one, other)
    return out


class Slopes:
    """Windows of n series; used by one thread."""

    def __init__(self, window_s: F8) -> None:
        """window_s: (n,) lengths."""
        n = len(window_s)
        self.window_ns: I8 = (window_s * NS).astype(np.int64)
        self.cell_ns: I8 = np.maximum(self.window_ns // PARTS, 1)
        self._head: I8 = np.full(n, RING - 1, np.int64)
        self._ends: I8 = np.zeros((n, RING, _PAIR), np.int64)  # first and last time of each cell
        self._count: F8 = np.zeros((n, RING))  # 0 = the cell is empty
        self._origin: I8 = np.zeros(n, np.int64)  # times are told from here, so that doubles hold them
        self._mean_s: F8 = np.zeros((n, RING))
        self._mean: F8 = np.zeros((n, RING))
        self._tt: F8 = np.zeros((n, RING))
        self._tv: F8 = np.zeros((n, RING))
        self._vv: F8 = np.zeros((n, RING))
        self._last: F8 = np.full(n, np.nan)
        self.newest_ns: I8 = np.zeros(n, np.int64)  # of each series; 0 = none

    def saved(self, series: I8) -> dict[str, Columns]:
        """Return copies of the windows of some series, (k, …) each; `restore` takes them."""
        return {name: getattr(self, name)[series] for name in _COLUMNS}

    def restore(self, series: I8, columns: Mapping[str, Columns]) -> None:
        """Go on with windows as they were; times in them are the plant's. Raises ValueError for others."""
        for name in _COLUMNS:
            held, given = getattr(self, name), columns[name]
            if given.shape[1:] != held.shape[1:] or given.dtype != held.dtype:
                raise ValueError(f"'{name}' is of another shape")
        for name in _COLUMNS:
            getattr(self, name)[series] = columns[name]

    def forget(self, series: I8) -> None:
        """Begin the windows of these series anew."""
        self._count[series] = 0.0
        self.newest_ns[series] = 0

    def add(self, h: Heaps) -> F8:
        """Take heaps, newer than what was taken before, and return the slopes (k,) per second.

        NaN where fewer than three samples are in the window or they cover less than half of it. A heap as
        old as the newest sample corrects it; one that is older begins its window anew.
        """
        self.take(h)
        return self._slope(h.series, h.last_ns)

    def take(self, h: Heaps) -> None:
        """Take heaps as `add` does."""
        s = h.series
        newest = self.newest_ns[s]
        again = (h.first_ns == newest) & (newest > 0) & (h.count == 1.0)
        back = (h.first_ns < newest) & (newest > 0)
        self.forget(s[back])
        fresh = self.newest_ns[s] == 0
        self._origin[s[fresh]] = h.first_ns[fresh]
        self._correct(s[again], h.last[again])
        self._merge(h, ~again)
        self._last[s], self.newest_ns[s] = h.last, h.last_ns

    def _correct(self, s: I8, value: F8) -> None:
        """Put another value in the place of each series' newest one."""
        if not len(s):
            return
        at, by = self._head[s], value - self._last[s]
        newest_s = (self.newest_ns[s] - self._origin[s]) / NS
        was = self._last[s] - self._mean[s, at]
        self._mean[s, at] += by / self._count[s, at]
        self._vv[s, at] += by * (was + value - self._mean[s, at])
        self._tv[s, at] += (newest_s - self._mean_s[s, at]) * by

    def _merge(self, h: Heaps, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        """Put heaps into the newest cell of their series where they are near enough, else into a new one."""
        s = h.series[kept]
        if not len(s):
            return
        first, last, count = h.first_ns[kept], h.last_ns[kept], h.count[kept]
        mean_s = (first - self._origin[s]) / NS + h.mean_s[kept]
        mean, tt, tv, vv = h.mean[kept], h.spread_tt[kept], h.spread_tv[kept], h.spread_vv[kept]
        at = self._head[s]
        joins = (self._count[s, at] > 0) & (last - self._ends[s, at, 0] < self.cell_ns[s])
        at = np.where(joins, at, (at + 1) % RING)
        self._head[s] = at
        had = np.where(joins, self._count[s, at], 0.0)
        total = had + count
        dt, dv = mean_s - self._mean_s[s, at], mean - self._mean[s, at]
        part = had * count / total
        self._tt[s, at] = np.where(joins, self._tt[s, at] + tt + dt * dt * part, tt)
        self._tv[s, at] = np.where(joins, self._tv[s, at] + tv + dt * dv * part, tv)
        self._vv[s, at] = np.where(joins, self._vv[s, at] + vv + dv * dv * part, vv)
        self._mean_s[s, at] = np.where(joins, self._mean_s[s, at] + dt * count / total, mean_s)
        self._mean[s, at] = np.where(joins, self._mean[s, at] + dv * count / total, mean)
        self._count[s, at] = total
        self._ends[s, at, 0] = np.where(joins, self._ends[s, at, 0], first)
        self._ends[s, at, 1] = last

    def fit(self, s: I8) -> Fit:
        """Return the lines of some series, (k,), as they were told last.

        NaN where fewer than three samples are in the window or they cover less than half of it.
        """
        now_ns, every = self.newest_ns[s], np.arange(len(s))
        count, oldest = self._inside(s, now_ns)
        total, inside = count.sum(axis=1), count > 0
        dt, dv = self._mean_s[s], self._mean[s]
        share = 1.0 / np.maximum(total, 1.0)
        middle_s, middle = _dot(count, dt) * share, _dot(count, dv) * share
        dt -= middle_s[:, None]
        dv -= middle[:, None]
        heavy_t, heavy_v = count * dt, count * dv
        tt = _dot(inside, self._tt[s]) + _dot(heavy_t, dt)
        tv = _dot(inside, self._tv[s]) + _dot(heavy_t, dv)
        vv = _dot(inside, self._vv[s]) + _dot(heavy_v, dv)
        enough = (total >= FEWEST) & (now_ns - oldest >= COVERED * self.window_ns[s]) & (tt > 0)
        slope: F8 = np.where(enough, tv / np.where(tt > 0, tt, 1.0), np.nan)
        back_s = (now_ns - self._origin[s]) / NS - middle_s
        off = (dv - np.where(enough, slope, 0.0)[:, None] * dt) * inside
        # cells follow each other round the ring, but for the newest and what comes after it: the oldest
        head = self._head[s]
        beside = _dot(off[:, 1:], off[:, :-1]) + off[:, -1] * off[:, 0]
        beside -= off[every, head] * off[every, (head + 1) % RING]
        square = _dot(off, off)
        echo = np.where(enough, beside, 0.0) / np.where(square > 0, square, 1.0)
        cells = np.count_nonzero(inside, axis=1).astype(np.float64)
        return Fit(
            slope, middle + slope * back_s, total, cells, back_s, tt,
            np.maximum(vv - slope * tv, 0.0), np.clip(echo, 0.0, 1.0),
        )  # fmt: skip

    def _inside(self, s: I8, now_ns: I8) -> tuple[F8, I8]:
        """Return how many samples of each cell, (k, RING), are in the window, and the oldest one's time."""
        ends = self._ends[s]
        inside = (self._count[s] > 0) & (ends[:, :, 1] >= (now_ns - self.window_ns[s])[:, None])
        oldest = np.where(inside, ends[:, :, 0], now_ns[:, None]).min(axis=1)
        return np.where(inside, self._count[s], 0.0), oldest

    def _slope(self, s: I8, now_ns: I8) -> F8:
        count, oldest = self._inside(s, now_ns)
        inside = count > 0
        total = count.sum(axis=1)
        enough = (total >= FEWEST) & (now_ns - oldest >= COVERED * self.window_ns[s])
        weight = count / np.maximum(total, 1.0)[:, None]
        dt = self._mean_s[s] - (weight * self._mean_s[s]).sum(axis=1, keepdims=True)
        dv = self._mean[s] - (weight * self._mean[s]).sum(axis=1, keepdims=True)
        tt = (np.where(inside, self._tt[s], 0.0) + count * dt * dt).sum(axis=1)
        tv = (np.where(inside, self._tv[s], 0.0) + count * dt * dv).sum(axis=1)
        enough &= tt > 0
        out: F8 = np.where(enough, tv / np.where(tt > 0, tt, 1.0), np.nan)
        return out
