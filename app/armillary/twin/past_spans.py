"""Windows that begin and end: tumbling ones side by side, and sessions that a silence ends.

A tumbling window answers what the last whole one held; a session what came since the last silence. Both add
up, so memory does not depend on how long they are or how many samples they hold.
"""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.expression_group import ENOUGH, TOO_LITTLE
from armillary.model.expression_past import AGGREGATES
from armillary.model.quality import BAD, DERIVED, GOOD, REASON_MASK, UNCERTAIN, rank
from armillary.twin.past_panes import GAPS, NOT_WARM, NOTHING, Pieces, cut
from armillary.twin.past_track import Columns, Steps, Track

TUMBLING, SESSION = "tumbling_", "session_"
KINDS = frozenset(f"{begins}{name}" for begins in (TUMBLING, SESSION) for name in AGGREGATES)
_KNOWN, _GOOD, _AREA, _SQUARE, _N, _V = range(6)  # what is added up; values against the window's level
_RING = 2  # the window that goes on, and the one before


class Tumbling:
    """n windows of one aggregate, which begin at whole multiples of their length (UTC)."""

    def __init__(self, kind: str, seconds: F8) -> None:
        n = len(seconds)
        self._aggregate = kind.removeprefix(TUMBLING)
        self.whole_ns: I8 = (seconds * NS).astype(np.int64)
        self._head: I8 = np.full(n, -1, np.int64)  # number of the window that goes on; -1 = none
        self._begin_ns: I8 = np.zeros(n, np.int64)
        self._sums = np.zeros((n, _RING, 6))
        self._level = np.full((n, _RING), np.nan)
        self._ends = np.full((n, _RING, 3), np.nan)  # least, greatest, last

    @property
    def step_ns(self) -> I8:
        """How often each moves on when nothing comes, (n,)."""
        return np.minimum(self.whole_ns, NS)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        own = {"head": self._head, "begin_ns": self._begin_ns, "sums": self._sums}
        return {**own, "level": self._level, "ends": self._ends}

    def add(self, steps: Steps) -> None:
        """Add what held and what came."""
        if not len(steps.member):
            return
        self._roll(steps)
        pieces = cut(steps, self.whole_ns, self._head, _RING)
        if not len(pieces.row):
            return
        row, at = pieces.row, (pieces.member[pieces.start], pieces.slot[pieces.start])
        came, holds = pieces.ends & steps.ok[row] & steps.told, steps.ok0[row]
        known = np.where(holds, pieces.dt_s, 0.0)
        some = np.where(holds, steps.v0[row], np.where(came, steps.v[row], np.nan))
        level = self._level[at]
        level = np.where(np.isnan(level), np.nan_to_num(_first(some, pieces)), level)
        self._level[at] = level
        spread = np.repeat(level, np.diff(np.append(pieces.start, len(row))))
        held = np.where(known > 0, steps.v0[row] - spread, 0.0)
        table = np.stack(
            (
                known,
                np.where(steps.good0[row], pieces.dt_s, 0.0),
                held * known,
                held * held * known,
                came.astype(np.float64),
                np.where(came, steps.v[row] - spread, 0.0),
            ),
            axis=1,
        )
        self._sums[at] += np.add.reduceat(table, pieces.start, axis=0)
        self._note(steps, pieces, came, holds, at)

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (value, quality word, why it is not good) of some windows at their times, (c,) each."""
        number = at_ns // self.whole_ns[calls] - 1
        slot = number % _RING
        is_there = (number >= self._head[calls] - 1) & (number <= self._head[calls])
        sums, ends = self._sums[calls, slot], self._ends[calls, slot]
        level = np.nan_to_num(self._level[calls, slot])
        whole_s = self.whole_ns[calls] / NS
        begun = self._begin_ns[calls] > 0
        seen = is_there & begun & (self._begin_ns[calls] < (number + 1) * self.whole_ns[calls])
        value = _aggregate(self._aggregate, sums, level, ends)
        share, good = sums[:, _KNOWN] / whole_s, sums[:, _GOOD] / whole_s
        word = np.where(good >= ENOUGH, GOOD, np.where(share >= TOO_LITTLE, UNCERTAIN, BAD))
        if self._aggregate in (
            "count",
            "sum",
        ):  # of a window in which nothing came they are 0, and that is so
            word = np.where(word == BAD, UNCERTAIN, word)
        word = np.where(seen & np.isfinite(value), word, BAD)
        short = self._begin_ns[calls] > number * self.whole_ns[calls]
        why = np.where(word == GOOD, 0, np.where(short, NOT_WARM, GAPS))
        why = np.where(begun, why, NOTHING)
        reasons = (track.held_word[calls] & REASON_MASK) | np.uint16(DERIVED)
        full: U2 = np.where(word == GOOD, 0, word | reasons).astype(np.uint16)
        return np.where(word == BAD, np.nan, value), full, why

    def _roll(self, steps: Steps) -> None:
        """Begin windows that time has come to."""
        calls = steps.calls
        newest, before = steps.t_ns[steps.last] // self.whole_ns[calls], self._head[calls]
        fresh = self._begin_ns[calls] == 0
        self._begin_ns[calls[fresh]] = steps.t_ns[steps.first[fresh]]
        more = np.where(before < 0, _RING, np.clip(newest - before, 0, _RING))
        for back in range(_RING):
            new = more > back
            at = (calls[new], (newest[new] - back) % _RING)
            self._sums[at], self._level[at], self._ends[at] = 0.0, np.nan, np.nan
        self._head[calls] = np.maximum(before, newest)

    def _note(self, steps: Steps, pieces: Pieces, came: B1, holds: B1, at: tuple[I8, I8]) -> None:
        """Note what cannot be added up."""
        row = pieces.row
        held = np.where(holds & (pieces.dt_s > 0), steps.v0[row], np.nan)
        new = np.where(came, steps.v[row], np.nan)
        least = np.fmin.reduceat(np.fmin(held, new), pieces.start)
        most = np.fmax.reduceat(np.fmax(held, new), pieces.start)
        final = _last(np.where(came, new, np.where(holds, steps.v0[row], np.nan)), pieces.start)
        before = self._ends[at]
        self._ends[at] = np.stack(
            (
                np.fmin(before[:, 0], least),
                np.fmax(before[:, 1], most),
                np.where(np.isnan(final), before[:, 2], final),
            ),
            axis=1,
        )


class Sessions:
    """n sessions of one aggregate: samples that follow each other within `gap` seconds."""

    def __init__(self, kind: str, gap_s: F8) -> None:
        n = len(gap_s)
        self._aggregate = kind.removeprefix(SESSION)
        self._gap_ns: I8 = (gap_s * NS).astype(np.int64)
        self.whole_ns: I8 = self._gap_ns * 2
        self._sums, self._level = np.zeros((n, 6)), np.full(n, np.nan)
        self._ends = np.full((n, 3), np.nan)
        self._last_ns: I8 = np.zeros(n, np.int64)  # of the newest sample; 0 = none came

    @property
    def step_ns(self) -> I8:
        """A silence changes nothing: only the next sample begins a session, (n,)."""
        return np.full(len(self._gap_ns), 2**62, np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        own = {"sums": self._sums, "level": self._level, "ends": self._ends}
        return {**own, "last_ns": self._last_ns}

    def add(self, steps: Steps) -> None:
        """Take samples; time alone adds nothing, as what was told last may be the last of its session."""
        rows = np.flatnonzero(steps.ok) if steps.told else np.zeros(0, np.int64)
        if not len(rows):
            return
        member, t, v = steps.member[rows], steps.t_ns[rows], steps.v[rows]
        start = np.flatnonzero(np.concatenate(([True], member[1:] != member[:-1])))
        counts = np.diff(np.append(start, len(rows)))
        calls = member[start]
        before_ns, before = np.roll(t, 1), np.roll(v, 1)
        before_ns[start], before[start] = self._last_ns[calls], self._ends[calls, 2]
        begins = (before_ns == 0) | (t - before_ns > self._gap_ns[member])
        # of several sessions at once only the newest counts
        newest = np.maximum.reduceat(np.where(begins, np.arange(len(rows)), -1), start)
        anew = newest >= 0
        self._sums[calls[anew]], self._level[calls[anew]] = 0.0, v[newest[anew]]
        self._ends[calls[anew]] = np.nan
        counted = np.arange(len(rows)) >= np.repeat(newest, counts)
        spread = np.repeat(self._level[calls], counts)
        dt_s = np.where(counted & ~begins, (t - before_ns) / NS, 0.0)
        held = np.where(dt_s > 0, before - spread, 0.0)
        own = np.where(counted, v - spread, 0.0)
        n = counted.astype(np.float64)
        table = np.stack((dt_s, dt_s, held * dt_s, held * held * dt_s, n, own), axis=1)
        self._sums[calls] += np.add.reduceat(table, start, axis=0)
        inside = np.where(counted, v, np.nan)
        was = self._ends[calls]
        least = np.fmin(was[:, 0], np.fmin.reduceat(inside, start))
        most = np.fmax(was[:, 1], np.fmax.reduceat(inside, start))
        self._ends[calls] = np.stack((least, most, _last(v, start)), axis=1)
        self._last_ns[calls] = _last_t(t, start)

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (value, quality word, why) of the session that goes on, or of the one before the silence."""
        begun = self._last_ns[calls] > 0
        value = _aggregate(
            self._aggregate, self._sums[calls], np.nan_to_num(self._level[calls]), self._ends[calls]
        )
        held = track.held_word[calls]
        # a session that ended is known, whatever its tag is now
        word = np.where(rank(held) == UNCERTAIN, held, 0)
        none = ~begun | ~np.isfinite(value)
        full: U2 = np.where(none, BAD | DERIVED, word).astype(np.uint16)
        return np.where(none, np.nan, value), full, np.where(none, NOTHING, 0)


def _aggregate(name: str, sums: F8, level: F8, ends: F8) -> F8:
    """Return the values of windows, (c,), from what was added up; NaN where there is none."""
    known, n = sums[:, _KNOWN], sums[:, _N]
    with np.errstate(invalid="ignore", divide="ignore"):
        area = sums[:, _AREA] / known
        mean = np.where(known > 0, level + area, np.where(n > 0, level + sums[:, _V] / n, np.nan))
        match name:
            case "mean":
                out = mean
            case "std":
                variance = np.maximum(sums[:, _SQUARE] / known - area * area, 0.0)
                out = np.where(known > 0, np.sqrt(variance), np.where(n > 0, 0.0, np.nan))
            case "count":
                out = n
            case "sum":
                out = sums[:, _V] + level * n
            case "integral":
                out = sums[:, _AREA] + level * known
            case _:
                out = ends[:, ("min", "max", "last").index(name)]
    return np.asarray(out, np.float64)


def _first(values: F8, pieces: Pieces) -> F8:
    """Return the first number of each run of pieces; NaN where there is none."""
    n = len(values)
    at = np.minimum.reduceat(np.where(np.isfinite(values), np.arange(n), n), pieces.start)
    lengths = np.append(pieces.start[1:], n)
    return np.where(at < lengths, values[np.minimum(at, n - 1)], np.nan)


def _last(values: F8, start: I8) -> F8:
    """Return the last number of each run; NaN where there is none."""
    at = np.maximum.reduceat(np.where(np.isfinite(values), np.arange(len(values)), -1), start)
    return np.where(at >= start, values[np.maximum(at, 0)], np.nan)


def _last_t(t_ns: I8, start: I8) -> I8:
    out: I8 = t_ns[np.append(start[1:], len(t_ns)) - 1]
    return out
