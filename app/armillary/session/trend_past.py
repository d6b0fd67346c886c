"""What the recorder answered for one pen: several ranges at several levels, put together for what is shown.

A coarse answer is no lie (it keeps the extremes) and is there at once; the fine one replaces it when it
comes.
What nobody has answered yet is said to be unknown: it must not look like a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import BAD, STALE, rank
from armillary.model.series import Series

MOST = 8  # answers kept a pen
SETTLE_NS = 10 * NS  # the newest of an answer may lack samples that were on their way
LEVEL_GAP = 2.5  # buckets missing before a line is broken
ENOUGH = 2.5  # named widths of buckets are at most this far apart


@dataclass(frozen=True, slots=True)
class Read:
    """One answer of the recorder for one pen."""

    series: Series
    from_ns: int
    to_ns: int
    settled_ns: int  # complete up to here, once a newer answer is there


@dataclass(frozen=True, slots=True)
class Points:
    """Points to draw, n ascending in time; NaN where there is a gap. `level_s` of the coarsest."""

    t_ns: I8
    low: F8
    high: F8
    quality: U2
    level_s: float


NOTHING = Points(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, np.uint16), 0.0)


class Past:
    """Answers for one pen, newest last."""

    __slots__ = ("reads", "version")

    def __init__(self) -> None:
        self.reads: tuple[Read, ...] = ()
        self.version = 0  # +1 with each answer

    def put(self, series: Series, from_ns: int, to_ns: int, asked_ns: int) -> None:
        """Keep an answer; those that it makes useless go, and beyond `MOST` the oldest."""
        new = Read(series, from_ns, to_ns, min(to_ns, asked_ns - SETTLE_NS))
        kept = [r for r in self.reads if not _covers(new, r)]
        self.reads = (*kept, new)[-MOST:]
        self.version += 1

    @property
    def newest(self) -> Read | None:
        """The newest answer."""
        return self.reads[-1] if self.reads else None

    def suffices(self, from_ns: int, to_ns: int, need_s: float) -> bool:
        """Return whether a range is known at the level of a drawing with buckets of `need_s`."""
        return not self.missing(from_ns, to_ns, need_s)

    def missing(self, from_ns: int, to_ns: int, need_s: float) -> tuple[tuple[int, int], ...]:
        """Return the spans of a range that are not known at that level."""
        fine = [r for r in self.reads if r.series.level_s <= ENOUGH * need_s]
        return _missing(fine, self.newest, from_ns, to_ns)

    def unknown(self, from_ns: int, to_ns: int) -> tuple[tuple[int, int], ...]:
        """Return the spans of a range, ns UTC, that no answer has covered."""
        return _missing(self.reads, self.newest, from_ns, to_ns)

    def points(self, from_ns: int, to_ns: int, limit_ms: int, core: tuple[int, int] | None = None) -> Points:
        """Return what is known of a range, the finest of each part, with a point or so more on either side.

        limit_ms: silence of the tag beyond this is a gap; 0 = it only reports changes. A gap is more than
        two buckets without any, or longer than the tag may be silent. Raw samples of a tag that only
        reports changes have none: its value held. `level_s` is that of the coarsest part in `core`, None:
        of all.
        """
        newest = self.newest
        if newest is None:
            return NOTHING
        chosen: list[tuple[int, int, Read]] = []
        open_spans = [(from_ns, to_ns)]
        newest_first = self.reads[::-1]
        for read in sorted(newest_first, key=lambda r: r.series.level_s):  # stable
            end = read.to_ns if read is newest else read.settled_ns
            rest: list[tuple[int, int]] = []
            for a, b in open_spans:
                c, d = max(a, read.from_ns), min(b, end)
                if c >= d:
                    rest.append((a, b))
                    continue
                chosen.append((c, d, read))
                rest += [(a, c)] * (a < c) + [(d, b)] * (d < b)
            open_spans = rest
        chosen.sort(key=lambda piece: piece[0])
        if not chosen:
            return NOTHING
        parts = [
            _piece(read, a, b, is_first=i == 0, is_last=i == len(chosen) - 1, limit_ms=limit_ms)
            for i, (a, b, read) in enumerate(chosen)
        ]
        if len(parts) == 1:
            return parts[0]
        low, high = core or (from_ns, to_ns)
        seen = [p.level_s for p, (a, b, _) in zip(parts, chosen, strict=True) if a < high and b > low]
        return Points(
            np.concatenate([p.t_ns for p in parts]),
            np.concatenate([p.low for p in parts]),
            np.concatenate([p.high for p in parts]),
            np.concatenate([p.quality for p in parts]),
            max(seen, default=0.0),
        )


def _covers(new: Read, old: Read) -> bool:
    finer = new.series.level_s <= old.series.level_s
    return finer and new.from_ns <= old.from_ns and new.to_ns >= old.to_ns


def _missing(
    reads: list[Read] | tuple[Read, ...], newest: Read | None, from_ns: int, to_ns: int
) -> tuple[tuple[int, int], ...]:
    spans = [(from_ns, to_ns)] if to_ns > from_ns else []
    for read in reads:
        end = read.to_ns if read is newest else read.settled_ns
        rest: list[tuple[int, int]] = []
        for a, b in spans:
            c, d = max(a, read.from_ns), min(b, end)
            rest += [(a, b)] if c >= d else [(a, c)] * (a < c) + [(d, b)] * (d < b)
        spans = rest
    return tuple(spans)


def _piece(read: Read, from_ns: int, to_ns: int, *, is_first: bool, is_last: bool, limit_ms: int) -> Points:
    """Return the points of one answer inside a span; at the ends of the range one more, so that lines reach.

    A bucket that straddles the beginning counts from there on: its extremes must not be lost.
    """
    series = read.series
    level_ns = int(series.level_s * NS)
    first, last = (int(i) for i in np.searchsorted(series.t_ns, [from_ns, to_ns]))
    if first > 0 and (is_first or int(series.t_ns[first - 1]) + level_ns > from_ns):
        first -= 1
    if is_last:
        last += 1
    t = series.t_ns[first:last]
    if not is_first and len(t) and t[0] < from_ns:
        t = t.copy()
        t[0] = from_ns
    ranks = rank(series.quality[first:last])
    bad = ranks >= BAD
    low = np.where(bad, np.nan, series.low[first:last])
    high = np.where(bad, np.nan, series.high[first:last])
    limit = max(series.level_s * LEVEL_GAP * NS, limit_ms * 1e6) if limit_ms else 0.0
    at = np.flatnonzero(np.diff(t) > limit) + 1 if limit else np.zeros(0, np.int64)
    if not len(at):
        return Points(t, low, high, ranks, series.level_s)
    edge = t[at - 1] + level_ns + 1
    return Points(
        np.insert(t, at, edge),
        np.insert(low, at, np.nan),
        np.insert(high, at, np.nan),
        np.insert(ranks, at, np.uint16(STALE)),
        series.level_s,
    )
