"""How unlike its own past a value is, in standard deviations: against its fading mean, or the time of day.

`surprise` foretells each sample by an exponentially weighted mean and judges it by the deviation of what was
foretold wrong before; what is farther than 3 deviations counts as 3, so that an outlier is not learnt as
normal (after Gelper, Fried and Croux, Robust forecasting with exponential and Holt-Winters smoothing,
J. Forecasting 29, 2010). `unusual` keeps mean and deviation for each 96th of a period, from whole visits of
it only: what is judged is never part of what it is judged by. `robust` is told by the median and the quarters
of a window, which a quarter of odd values does not move.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import BAD, DERIVED, REASON_MASK, UNCERTAIN, rank
from armillary.twin.past_panes import GAPS, NOT_WARM, NOTHING, Panes
from armillary.twin.past_track import Columns, Steps, Track

KINDS = frozenset({"robust", "surprise", "unusual"})
TO_SIGMA = 1.349  # of a normal distribution, between its quarters
CLIP = 3.0  # deviations
HIGHEST = 1e6  # a score: beyond, it says no more
SMALLEST = 1e-9  # deviation, of the value's size: below, it is rounding
FEWEST = 20  # samples, before which nothing is foretold
BUCKETS, VISITS = 96, 7  # parts of a period; visits after which an older one counts less
POOLED = 2.0  # visits that the deviation of the whole period counts for in that of a part
ENOUGH_VISITS = 3  # before this many the baseline is uncertain
LATEST = 50_000  # samples of one call at once; of a longer record the newest
HOLD_NS = NS
_MEAN, _VAR, _COUNT = range(3)


class Robust(Panes):
    """n scores against median and quarters of a window; what is less than `resolution` is no deviation."""

    def __init__(self, seconds: F8, resolution: F8) -> None:
        super().__init__("percentile", seconds, np.full(len(seconds), 50.0))
        n = len(seconds)
        self._least = np.where(resolution > 0, resolution, 1e-300)
        self._pane: I8 = np.full(n, -1, np.int64)  # when the baseline was worked out last
        self._middle, self._sigma = np.full(n, np.nan), np.full(n, np.nan)
        self._rank, self._why_not = np.zeros(n, np.uint16), np.zeros(n, np.int64)
        self._far = np.full((n, 2), np.nan)  # least and greatest of the last second
        self._far_ns: I8 = np.zeros((n, 2), np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        return {**super().columns(), "far": self._far, "far_ns": self._far_ns}

    def add(self, steps: Steps) -> None:
        """Add what held and what came."""
        super().add(steps)
        rows = np.flatnonzero(steps.ok) if steps.told else np.zeros(0, np.int64)
        if not len(rows):
            return
        member, t = steps.member[rows], steps.t_ns[rows]
        first = np.flatnonzero(np.concatenate(([True], member[1:] != member[:-1])))
        counts = np.diff(np.append(first, len(rows)))
        calls, newest = member[first], t[first + counts - 1]
        recent = t > np.repeat(newest - HOLD_NS, counts)
        for end, best in ((0, np.fmin), (1, np.fmax)):
            came = best.reduceat(np.where(recent, steps.v[rows], np.nan), first)
            before, old = self._far[calls, end], newest - self._far_ns[calls, end] >= HOLD_NS
            further = old | (best(before, came) != before)
            self._far[calls, end] = np.where(further, came, before)
            self._far_ns[calls, end] = np.where(further, newest, self._far_ns[calls, end])

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (score, quality word, why) at their times: the highest of the last second, (c,) each."""
        pane = at_ns // self._width_ns[calls]
        other = pane != self._pane[calls]
        if other.any():
            some = calls[other]
            middle, between, word, why = self.quarters(some, at_ns[other], track)
            self._middle[some], self._sigma[some] = middle, np.maximum(between / TO_SIGMA, self._least[some])
            self._rank[some], self._why_not[some], self._pane[some] = word, why, pane[other]
        far, middle = self._far[calls], self._middle[calls]
        score = np.minimum(np.fmax(far[:, 1] - middle, middle - far[:, 0]) / self._sigma[calls], HIGHEST)
        word, why = self._rank[calls], self._why_not[calls]
        none = ~np.isfinite(score)
        word = np.where(none, np.maximum(word, np.uint16(BAD | DERIVED)), word)
        return np.where(none, np.nan, score), word.astype(np.uint16), np.where(none & (why == 0), GAPS, why)


class Surprise:
    """n scores against a fading mean."""

    def __init__(self, seconds: F8) -> None:
        n = len(seconds)
        self._tau_s = seconds
        self.whole_ns: I8 = (seconds * 3 * NS).astype(np.int64)
        self._mean, self._var = np.full(n, np.nan), np.zeros(n)
        self._count: I8 = np.zeros(n, np.int64)
        self._last_ns: I8 = np.zeros(n, np.int64)
        self._first_ns: I8 = np.zeros(n, np.int64)
        self._peak, self._peak_ns = np.full(n, np.nan), np.zeros(n, np.int64)

    @property
    def step_ns(self) -> I8:
        """A peak is shown for a second, (n,)."""
        return np.full(len(self._tau_s), NS, np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        own = {"mean": self._mean, "var": self._var, "count": self._count, "last_ns": self._last_ns}
        return {**own, "first_ns": self._first_ns, "peak": self._peak, "peak_ns": self._peak_ns}

    def add(self, steps: Steps) -> None:
        """Judge samples one after another, those of all calls side by side, and learn from them."""
        for some in in_turns(steps):
            self._one(steps.member[some], steps.t_ns[some], steps.v[some])

    def _one(self, calls: I8, t_ns: I8, v: F8) -> None:
        """Take one sample of each of some calls."""
        mean, var, count = self._mean[calls], self._var[calls], self._count[calls]
        is_first = count == 0
        mean = np.where(is_first, v, mean)
        floor = np.maximum(np.abs(mean), np.abs(v)) * SMALLEST
        scale = np.maximum(np.sqrt(var), np.maximum(floor, 1e-300))
        wrong = v - mean
        score = np.where(count >= FEWEST, np.minimum(np.abs(wrong) / scale, HIGHEST), np.nan)
        dt_s = np.where(is_first, 0.0, (t_ns - self._last_ns[calls]) / NS)
        # at first the plain mean of what came: a fading one would begin with the first sample's accident
        share = np.maximum(-np.expm1(-dt_s / self._tau_s[calls]), 1.0 / (count + 1.0))
        heard = np.where(count >= FEWEST, np.clip(wrong, -CLIP * scale, CLIP * scale), wrong)
        self._mean[calls] = mean + share * heard
        self._var[calls] = (1.0 - share) * (var + share * heard * heard)
        self._count[calls] = count + 1
        self._first_ns[calls] = np.where(is_first, t_ns, self._first_ns[calls])
        self._last_ns[calls] = t_ns
        peak, old = self._peak[calls], t_ns - self._peak_ns[calls] >= HOLD_NS
        higher = old | ~(score <= peak)
        self._peak[calls] = np.where(higher, score, peak)
        self._peak_ns[calls] = np.where(higher, t_ns, self._peak_ns[calls])

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (score, quality word, why) at their times: the highest of the last second, (c,) each."""
        learnt = (self._last_ns[calls] - self._first_ns[calls]) / NS >= self._tau_s[calls]
        return judged(self._peak[calls], learnt, self._count[calls] > 0, track, calls)


class Unusual:
    """n scores against the same time of earlier periods, counted from 1970 UTC."""

    def __init__(self, period_s: F8) -> None:
        n = len(period_s)
        self._width_ns: I8 = np.maximum((period_s * NS / BUCKETS).astype(np.int64), 1)
        self.whole_ns: I8 = self._width_ns * BUCKETS * VISITS
        self._base = np.zeros((n, BUCKETS, 3))  # mean, variance, visits
        self._visit = np.zeros((n, 3))  # of the part that goes on: n, sum and sum of squares from the level
        self._level = np.zeros(n)
        self._number: I8 = np.full(n, -1, np.int64)  # of that part; -1 = nothing came
        self._pool = np.zeros((n, 2))  # mean square of what all parts foretold wrong, and of how many visits
        self._peak, self._peak_ns = np.full(n, np.nan), np.zeros(n, np.int64)

    @property
    def step_ns(self) -> I8:
        """A peak is shown for a second, (n,)."""
        return np.full(len(self._level), NS, np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        own = {"base": self._base, "visit": self._visit, "level": self._level, "number": self._number}
        own["pool"] = self._pool
        return {**own, "peak": self._peak, "peak_ns": self._peak_ns}

    def add(self, steps: Steps) -> None:
        """Judge samples by the baseline of their part of the period; a part that is over is learnt."""
        rows = np.flatnonzero(steps.ok) if steps.told else np.zeros(0, np.int64)
        if not len(rows):
            return
        member, t, v = steps.member[rows], steps.t_ns[rows], steps.v[rows]
        number = t // self._width_ns[member]
        changes = (member[1:] != member[:-1]) | (number[1:] != number[:-1])
        start = np.flatnonzero(np.concatenate(([True], changes)))  # runs in one part, few of each call
        turn, _ = turns(member[start])
        stop = np.append(start[1:], len(rows))
        for i in range(int(turn.max()) + 1):
            runs = np.flatnonzero(turn == i)
            self._runs(start[runs], stop[runs], member, number, t, v)

    def _runs(self, start: I8, stop: I8, member: I8, number: I8, t: I8, v: F8) -> None:
        """Take one run of each of some calls."""
        calls, now = member[start], number[start]
        self._learn(calls, now, v[start])
        counts = stop - start
        rows = np.repeat(start - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
        begin = np.cumsum(counts) - counts
        own = v[rows] - np.repeat(self._level[calls], counts)
        table = np.stack((np.ones(len(rows)), own, own * own), axis=1)
        self._visit[calls] += np.add.reduceat(table, begin, axis=0)
        base = self._base[calls, now % BUCKETS]
        scale = np.maximum(spread(base, self._pool[calls, 0]), np.abs(base[:, _MEAN]) * SMALLEST)
        scale = np.maximum(scale, SMALLEST * SMALLEST)
        score = np.abs(v[rows] - np.repeat(base[:, _MEAN], counts)) / np.repeat(scale, counts)
        known = (base[:, _COUNT] > 0) & (self._pool[calls, 1] >= FEWEST)
        score = np.where(np.repeat(known, counts), np.minimum(score, HIGHEST), np.nan)
        last_ns = t[stop - 1]
        recent = t[rows] > np.repeat(last_ns - HOLD_NS, counts)
        highest = np.maximum.reduceat(np.where(recent & np.isfinite(score), score, -1.0), begin)
        known = highest >= 0
        keeps = known & (last_ns - self._peak_ns[calls] < HOLD_NS) & (self._peak[calls] > highest)
        self._peak[calls] = np.where(keeps, self._peak[calls], np.where(known, highest, np.nan))
        self._peak_ns[calls] = np.where(keeps, self._peak_ns[calls], last_ns)

    def _learn(self, calls: I8, now: I8, opens: F8) -> None:
        """Add a visit that is over to its part's baseline, and begin the next."""
        other = self._number[calls] != now
        over = calls[other & (self._number[calls] >= 0)]
        if len(over):
            part = self._number[over] % BUCKETS
            n, total, square = self._visit[over].T
            mean, base = total / n, self._base[over, part]
            inner = np.maximum(square / n - mean * mean, 0.0)
            mean = mean + self._level[over]
            share = np.maximum(1.0 / (base[:, _COUNT] + 1.0), 1.0 / VISITS)
            apart = np.where(base[:, _COUNT] > 0, mean - base[:, _MEAN], 0.0)
            self._pool[over] = pooled(self._pool[over], inner + apart * apart, base[:, _COUNT] > 0)
            self._base[over, part] = np.stack(
                (
                    np.where(base[:, _COUNT] > 0, base[:, _MEAN] + share * apart, mean),
                    (1.0 - share) * (base[:, _VAR] + share * apart * apart) + share * inner,
                    base[:, _COUNT] + 1.0,
                ),
                axis=1,
            )
        begins = calls[other]
        self._visit[begins], self._level[begins], self._number[begins] = 0.0, opens[other], now[other]

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (score, quality word, why) at their times: the highest of the last second, (c,) each."""
        part = np.maximum(self._number[calls], 0) % BUCKETS
        learnt = self._base[calls, part, _COUNT] >= ENOUGH_VISITS
        return judged(self._peak[calls], learnt, self._number[calls] >= 0, track, calls)


def spread(base: F8, pool: F8) -> F8:
    """Return the deviation of parts of a period, (c,): their own, and that of all as of `POOLED` visits.

    Of a few visits the own one alone is by chance next to nothing, and any value is then beyond all measure.
    """
    visits = base[:, _COUNT]
    out: F8 = np.sqrt((base[:, _VAR] * visits + pool * POOLED) / (visits + POOLED))
    return out


def pooled(pool: F8, wrong: F8, told: B1) -> F8:
    """Return the mean square of what was foretold wrong, and of how many visits, (c, 2), with visits more."""
    square, count = pool.T
    limit = np.where(count >= FEWEST, CLIP * CLIP * square, np.inf)
    share = np.where(told, np.maximum(1.0 / (count + 1.0), 1.0 / (BUCKETS * VISITS)), 0.0)
    return np.stack((square + share * (np.minimum(wrong, limit) - square), count + told), axis=1)


def judged(score: F8, learnt: B1, begun: B1, track: Track, calls: I8) -> tuple[F8, U2, I8]:
    """Return scores with their quality: none before something was learnt, uncertain until enough was."""
    held = track.held_word[calls]
    word = np.where(rank(held) > UNCERTAIN, UNCERTAIN | (held & REASON_MASK) | DERIVED, held)
    why = np.where(rank(word) > 0, GAPS, 0)
    early = ~learnt & (rank(word) < UNCERTAIN)
    word, why = np.where(early, UNCERTAIN | DERIVED, word), np.where(early, NOT_WARM, why)
    none = ~np.isfinite(score)
    word = np.where(none, BAD | DERIVED, word)
    why = np.where(none, np.where(begun, NOT_WARM, NOTHING), why)
    return np.where(none, np.nan, score), word.astype(np.uint16), why


def in_turns(steps: Steps) -> Iterator[I8]:
    """Yield rows that can be taken at once: one sample of each call, in the order in which they came.

    Of a call with more than LATEST samples only the newest count.
    """
    rows = np.flatnonzero(steps.ok) if steps.told else np.zeros(0, np.int64)
    if not len(rows):
        return
    turn, left = turns(steps.member[rows])
    if int(left.max()) > LATEST:
        rows, turn = rows[left < LATEST], turn[left < LATEST]
    order = np.argsort(turn, kind="stable")
    rows, ends = rows[order], np.append(np.flatnonzero(np.diff(turn[order])) + 1, len(rows))
    begin = 0
    for end in ends.tolist():
        yield rows[begin:end]
        begin = end


def turns(member: I8) -> tuple[I8, I8]:
    """Return of each row the how many-th of its call it is, from 0, and how many follow it there.

    Rows of a call stand together.
    """
    first = np.flatnonzero(np.concatenate(([True], member[1:] != member[:-1])))
    counts = np.diff(np.append(first, len(member)))
    turn: I8 = np.arange(len(member)) - np.repeat(first, counts)
    return turn, np.repeat(counts, counts) - 1 - turn
