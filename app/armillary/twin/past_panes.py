"""Windows over the past: each is cut into panes that are added up; no sample is kept, none is read twice.

A window of s seconds has 60 panes of s/60 (more where the oldest cannot count in proportion); what leaves it
does so pane by pane. Memory and cost do not depend on how long it is, or how many samples it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.expression_group import ENOUGH, TOO_LITTLE  # of good time, as of good members
from armillary.model.quality import BAD, DERIVED, GOOD, REASON_MASK, UNCERTAIN
from armillary.twin.past_track import Columns, Steps, Track

PANES = 60
MORE = {"lowest": 120, "highest": 120, "percentile": 240}
NOT_WARM, GAPS, NOTHING = 1, 2, 3  # why an answer is not good
_KNOWN, _GOOD = 0, 1
_HALF = 0.5
_COLUMNS = {  # what is added up besides the time known and the time good
    "mean": ("area",),
    "std": ("area", "square"),
    "sum": ("n", "v"),
    "rate": ("n", "v", "t", "tt", "tv"),
    "delta": (),
    "count": ("rises",),
    "percentile": (),
    "lowest": (),
    "highest": (),
}
KINDS = frozenset(_COLUMNS)
_SAMPLES = frozenset({"sum", "rate", "count"})  # add up samples, not time
_WITH_LAST = frozenset({"delta", "rate", "percentile", "lowest", "highest"})
FEWEST = 3  # samples of a slope


@dataclass(frozen=True, slots=True)
class Pieces:
    """Steps cut at the ends of panes, p rows; `start` begins each run of one pane."""

    row: I8
    member: I8
    slot: I8
    start: I8
    begin_ns: I8  # of the pane
    dt_s: F8
    ends: B1  # the step ends in this pane


class Panes:
    """n windows of one kind."""

    def __init__(self, kind: str, seconds: F8, extra: F8) -> None:
        n = len(seconds)
        self._kind, self._extra = kind, extra
        panes = MORE.get(kind, PANES)
        self._ring = panes + 1
        self._width_ns = np.maximum((seconds * NS / panes).astype(np.int64), 1)
        self.whole_ns: I8 = self._width_ns * panes
        self._head: I8 = np.full(n, -1, np.int64)  # number of the newest pane; -1 = none
        self._begin_ns: I8 = np.zeros(n, np.int64)  # when the first sample came
        self._sums = np.zeros((n, self._ring, 2 + len(_COLUMNS[kind])))
        self._level = np.full((n, self._ring), np.nan)  # values are added up as differences from this
        self._last = np.full((n, self._ring if kind in _WITH_LAST else 0), np.nan)

    @property
    def step_ns(self) -> I8:
        """How often each moves on when nothing comes, (n,)."""
        return np.minimum(self._width_ns, NS)

    def add(self, steps: Steps) -> None:
        """Add what held and what came."""
        if not len(steps.member):
            return
        self._roll(steps)
        pieces = cut(steps, self._width_ns, self._head, self._ring)
        if not len(pieces.row):
            return
        row, at = pieces.row, (pieces.member[pieces.start], pieces.slot[pieces.start])
        came = pieces.ends & steps.ok[row] & steps.told
        holds = steps.ok0[row]
        known = np.where(holds, pieces.dt_s, 0.0)
        opens = np.where(holds, steps.v0[row], np.where(came, steps.v[row], np.nan))[pieces.start]
        level = self._level[at]
        level = np.where(np.isnan(level), np.where(np.isnan(opens), 0.0, opens), level)
        self._level[at] = level
        spread = level if len(pieces.start) == len(row) else np.repeat(level, self._lengths(pieces))
        columns = [known, np.where(steps.good0[row], pieces.dt_s, 0.0)]
        columns += self._columns(steps, pieces, spread, known, came)
        table = np.stack(columns, axis=1)
        if len(pieces.start) < len(row):
            table = np.add.reduceat(table, pieces.start, axis=0)
        self._sums[at] += table
        if self._kind in _WITH_LAST:
            self._end(steps, pieces, holds, came, opens, at)

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (value, quality word, why it is not good) of some windows at their times, (c,) each."""
        everything = len(calls) == len(self._head)
        sums, level = (self._sums, self._level) if everything else (self._sums[calls], self._level[calls])
        level = np.where(np.isnan(level), 0.0, level)
        head, width = self._head[calls], self._width_ns[calls]
        slots = np.arange(self._ring)
        begins = (head[:, None] - (head[:, None] - slots) % self._ring) * width[:, None]
        inside = (begins + width[:, None] - (at_ns - self.whole_ns[calls])[:, None]) / width[:, None]
        weight = np.clip(inside, 0.0, 1.0)
        known = np.einsum("nr,nr->n", sums[:, :, _KNOWN], weight)
        good = np.einsum("nr,nr->n", sums[:, :, _GOOD], weight)
        if self._kind in _SAMPLES:
            weight = np.where(weight >= _HALF, 1.0, 0.0)
        held = np.where(track.ok[calls], track.held[calls], np.nan)
        value = self._value(calls, sums, level, weight, known, held, (begins - at_ns[:, None]) / NS)
        return self._judged(calls, at_ns, value, known, good, track)

    def quarters(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, F8, U2, I8]:
        """Return (median, span of the quarters, quality word, why) of `percentile` windows, (c,) each."""
        sums, head, width = self._sums[calls], self._head[calls], self._width_ns[calls]
        begins = (head[:, None] - (head[:, None] - np.arange(self._ring)) % self._ring) * width[:, None]
        since = (at_ns - self.whole_ns[calls])[:, None]
        weight = np.clip((begins + width[:, None] - since) / width[:, None], 0.0, 1.0)
        last = self._last[calls]
        inside = (weight > 0) & np.isfinite(last)
        order = np.where(inside, last, np.inf).argsort(axis=1)
        time = np.where(inside, sums[:, :, _KNOWN], 0.0)
        values, past = np.take_along_axis(last, order, 1), np.take_along_axis(time, order, 1).cumsum(axis=1)
        found = []
        for per_cent in (25.0, 50.0, 75.0):
            at = (past < (past[:, -1] * per_cent / 100.0)[:, None]).sum(axis=1)
            found.append(np.take_along_axis(values, np.minimum(at, self._ring - 1)[:, None], axis=1)[:, 0])
        known = np.einsum("nr,nr->n", sums[:, :, _KNOWN], weight)
        good = np.einsum("nr,nr->n", sums[:, :, _GOOD], weight)
        middle = np.where(past[:, -1] > 0, found[1], np.nan)
        _, word, why = self._judged(calls, at_ns, middle, known, good, track)
        return middle, found[2] - found[0], word, why

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        return {
            "head": self._head,
            "begin_ns": self._begin_ns,
            "sums": self._sums,
            "level": self._level,
            "last": self._last,
        }

    # ---------------------------------------------------------------- adding

    def _roll(self, steps: Steps) -> None:
        """Move the heads on and empty the panes that begin."""
        calls = steps.calls
        newest = steps.t_ns[steps.last] // self._width_ns[calls]
        before = self._head[calls]
        fresh = self._begin_ns[calls] == 0
        self._begin_ns[calls[fresh]] = steps.t_ns[steps.first[fresh]]
        count = np.where(before < 0, self._ring, np.clip(newest - before, 0, self._ring))
        row = np.repeat(np.arange(len(calls)), count)
        if len(row):
            offset = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
            at = (calls[row], (newest[row] - offset) % self._ring)
            self._sums[at], self._level[at] = 0.0, np.nan
            if self._kind in _WITH_LAST:
                self._last[at] = np.nan
        self._head[calls] = np.maximum(before, newest)

    @staticmethod
    def _lengths(pieces: Pieces) -> I8:
        return np.diff(np.append(pieces.start, len(pieces.row)))

    def _columns(self, steps: Steps, pieces: Pieces, level: F8, known: F8, came: B1) -> list[F8]:
        row, names = pieces.row, _COLUMNS[self._kind]
        if not names:
            return []
        if "area" in names:
            held = np.where(known > 0, steps.v0[row] - level, 0.0)
            area = held * known
            return [area, held * area] if "square" in names else [area]
        if "rises" in names:
            rose = came & (steps.v[row] != 0.0) & (steps.was[row] == 0.0)
            return [rose.astype(np.float64)]
        n = came.astype(np.float64)
        v = np.where(came, steps.v[row] - level, 0.0)
        if "t" not in names:
            return [n, v]
        t = np.where(came, (steps.t_ns[row] - pieces.begin_ns) / NS, 0.0)
        return [n, v, t, t * t, t * v]

    def _end(self, steps: Steps, pieces: Pieces, holds: B1, came: B1, opens: F8, at: tuple[I8, I8]) -> None:
        """Note of each pane what cannot be added up: its opening, least, greatest or last value."""
        row, before = pieces.row, self._last[at]
        if self._kind in ("delta", "rate"):
            self._last[at] = np.where(np.isnan(before), opens, before)
        elif self._kind == "percentile":
            final = np.where(came, steps.v[row], np.where(holds, steps.v0[row], np.nan))
            final = final[np.append(pieces.start[1:], len(row)) - 1]
            self._last[at] = np.where(np.isnan(final), before, final)
        else:
            best = np.fmin if self._kind == "lowest" else np.fmax
            held = np.where(holds & (pieces.dt_s > 0), steps.v0[row], np.nan)
            each = best(held, np.where(came, steps.v[row], np.nan))
            self._last[at] = best(before, best.reduceat(each, pieces.start))

    # ---------------------------------------------------------------- answering

    def _value(self, calls: I8, sums: F8, level: F8, weight: F8, known: F8, held: F8, begin_s: F8) -> F8:
        """Return the values, (c,); NaN where there is none. begin_s: (c, panes), against now."""
        kind = self._kind
        with np.errstate(invalid="ignore", divide="ignore"):
            if kind in ("mean", "std"):
                return self._moments(sums, level, weight, known, held)
            if kind == "count":
                return _f8(np.einsum("nr,nr->n", sums[:, :, 2], weight))
            if kind == "sum":
                return _f8(np.einsum("nr,nr->n", sums[:, :, 3] + level * sums[:, :, 2], weight))
            last = self._last if len(calls) == len(self._last) else self._last[calls]
            inside = (weight > 0) & np.isfinite(last)
            if kind == "percentile":
                time = np.where(inside, sums[:, :, _KNOWN], 0.0)
                return _quantile(np.where(inside, last, np.inf), time, held, self._extra[calls])
            if kind in ("delta", "rate"):
                rows = np.arange(len(held))
                oldest = np.where(inside, begin_s, np.inf).argmin(axis=1)
                ago = np.minimum(-begin_s[rows, oldest], self.whole_ns[calls] / NS)
                change = held - _between(last, weight, begin_s, oldest)
                if kind == "delta":
                    return _f8(change)
                slope = _slope(sums, level, weight, begin_s)
                return np.where(np.isnan(slope), np.where(change == 0.0, 0.0, change / ago), slope)
            if kind == "lowest":
                least = np.where(inside, last, np.inf).min(axis=1)
                return np.where(np.isinf(least), held, np.fmin(least, held))
            most = np.where(inside, last, -np.inf).max(axis=1)
            return np.where(np.isinf(most), held, np.fmax(most, held))

    def _moments(self, sums: F8, level: F8, weight: F8, known: F8, held: F8) -> F8:
        """Return means or deviations, of each pane against its own level: large values cost no digits."""
        time = sums[:, :, _KNOWN] * weight
        area = sums[:, :, 2] * weight
        common = level[np.arange(len(level)), time.argmax(axis=1)]
        apart = level - common[:, None]
        mean = (area + apart * time).sum(axis=1) / known
        if self._kind == "mean":
            return np.where(known > 0, common + mean, held)
        own = np.where(time > 0, area / time, 0.0)  # of each pane, from its level
        inner = sums[:, :, 3] * weight - own * area
        outer = time * (own + apart - mean[:, None]) ** 2
        variance = (inner + outer).sum(axis=1) / known
        return np.where(known > 0, np.sqrt(np.maximum(variance, 0.0)), held * 0.0)

    def _judged(
        self, calls: I8, at_ns: I8, value: F8, known: F8, good: F8, track: Track
    ) -> tuple[F8, U2, I8]:
        whole = self.whole_ns[calls] / NS
        begun = self._begin_ns[calls] > 0
        span = np.minimum(whole, (at_ns - self._begin_ns[calls]) / NS)
        short = span < ENOUGH * whole
        floor = np.maximum(span, 1e-9)
        word = np.where(good >= ENOUGH * floor, GOOD, np.where(known >= TOO_LITTLE * floor, UNCERTAIN, BAD))
        word = np.where(short & ((word == GOOD) | (span <= 0)), UNCERTAIN, word)
        word = np.where(np.isfinite(value) & begun, word, BAD)
        why = np.where(word == GOOD, 0, np.where(short & (word == UNCERTAIN), NOT_WARM, GAPS))
        why = np.where(begun, why, NOTHING)
        reasons = (track.held_word[calls] & REASON_MASK) | np.uint16(DERIVED)
        full: U2 = np.where(word == GOOD, 0, word | reasons).astype(np.uint16)
        return np.where(word == BAD, np.nan, value), full, why


def cut(steps: Steps, width_ns: I8, head: I8, ring: int) -> Pieces:
    """Return steps cut at the ends of panes, of which only the newest `ring` up to the heads (n,) count."""
    member = steps.member
    width, newest = width_ns[member], head[member]
    end = steps.t_ns // width
    first = np.maximum(steps.t0_ns // width, newest - ring + 1)
    count = np.maximum(end - first + 1, 0)
    total = int(count.sum())
    if total == len(member) and (count == 1).all():
        row, pane = np.arange(total), end
    else:
        row = np.repeat(np.arange(len(member)), count)
        pane = first[row] + np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    of, wide = member[row], width[row]
    begin = pane * wide
    dt = np.minimum(steps.t_ns[row], begin + wide) - np.maximum(steps.t0_ns[row], begin)
    changes = np.concatenate(([True], (pane[1:] != pane[:-1]) | (of[1:] != of[:-1])))
    return Pieces(
        row,
        of,
        pane % ring,
        np.flatnonzero(changes[:total]),
        begin,
        np.maximum(dt, 0) / NS,
        pane == end[row],
    )


def _f8(value: npt.ArrayLike) -> F8:
    return np.asarray(value, np.float64)


def _between(opened: F8, weight: F8, begin_s: F8, oldest: I8) -> F8:
    """Return the values at the beginning of windows: between those of the panes around it."""
    rows = np.arange(len(oldest))
    first, after = opened[rows, oldest], opened[rows, (oldest + 1) % opened.shape[1]]
    follows = np.isfinite(after) & (begin_s[rows, (oldest + 1) % opened.shape[1]] > begin_s[rows, oldest])
    gone = 1.0 - weight[rows, oldest]
    return np.where(follows, first + np.where(follows, after - first, 0.0) * gone, first)


def _slope(sums: F8, level: F8, weight: F8, begin_s: F8) -> F8:
    """Return slopes of lines through the samples, least squares; NaN for too few."""
    n = sums[:, :, 2] * weight
    v = sums[:, :, 3] * weight
    t, tt, tv = (sums[:, :, c] * weight for c in (4, 5, 6))
    count = n.sum(axis=1)
    common = level[np.arange(len(level)), n.argmax(axis=1)]
    apart = level - common[:, None]
    at = t + begin_s * n
    all_t, all_v = at.sum(axis=1), (v + apart * n).sum(axis=1)
    all_tt = (tt + 2 * begin_s * t + begin_s**2 * n).sum(axis=1)
    all_tv = (tv + apart * t + begin_s * v + begin_s * apart * n).sum(axis=1)
    below = count * all_tt - all_t**2
    return np.where(
        (count >= FEWEST) & (below > 1e-12 * count * all_tt), (count * all_tv - all_t * all_v) / below, np.nan
    )


def _quantile(values: F8, time: F8, held: F8, per_cent: F8) -> F8:
    """Return the values below which the rest was for a share of the time."""
    order = values.argsort(axis=1)
    past = np.take_along_axis(time, order, axis=1).cumsum(axis=1)
    wanted = past[:, -1] * per_cent / 100.0
    at = (past < wanted[:, None]).sum(axis=1)
    out = np.take_along_axis(
        np.take_along_axis(values, order, axis=1), np.minimum(at, values.shape[1] - 1)[:, None], axis=1
    )[:, 0]
    return np.where(past[:, -1] > 0, out, held)
