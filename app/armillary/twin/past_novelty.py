"""How odd the last while was, against how odd this signal usually is: value, change and time of day together.

Each sample is judged three times, in deviations and at most `MOST` of them: its value against a fading mean,
its change against a fading mean of changes, and its value against the same part of earlier periods. The sum
is how odd the sample is. Odd samples come often in some signals and never in others, so neither sum is told:
told is by how many deviations the mean oddness of the last s seconds is above its own long mean, after the
anomaly likelihood of Ahmad, Lavin, Purdy and Agha (Neurocomputing 262, 2017), whose tail of a short mean over
a long one makes a score of any other. Nothing that is odd is learnt whole (see `past_scores`).
"""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.twin.past_scores import (
    BUCKETS,
    CLIP,
    FEWEST,
    HIGHEST,
    HOLD_NS,
    SMALLEST,
    VISITS,
    in_turns,
    judged,
    pooled,
    spread,
)
from armillary.twin.past_track import Columns, Steps, Track

KINDS = frozenset({"novelty"})
MOST = 10.0  # deviations that one judgement adds
LEVEL, LONG = 30.0, 200.0  # memory of mean and change, and of how odd it usually is, in lengths of s
LEAST = 0.1  # deviation of how odd it is: below, a signal that never moved would cry at a trifle
ENOUGH = 100  # samples judged before anything is told
NEVER_NS = np.iinfo(np.int64).max
(
    _MEAN, _VAR, _STEP, _STEP_VAR, _LAST, _COUNT, _POOL, _POOLED, _SHORT, _USUAL, _USUAL_VAR,
    _VISIT, _SUM, _SQUARE, _OPENED,
) = range(15)  # fmt: skip


class Novelty:
    """n scores; a period of 0 is none."""

    def __init__(self, seconds: F8, period_s: F8, resolution: F8) -> None:
        n = len(seconds)
        self._seconds, self._least = seconds, np.maximum(resolution, 1e-300)
        part_ns = np.maximum((period_s * NS / BUCKETS).astype(np.int64), 1)
        self._part_ns: I8 = np.where(period_s > 0, part_ns, NEVER_NS)
        self._learnt_s = np.maximum(seconds * LEVEL, period_s)
        self.whole_ns: I8 = (np.maximum(seconds * LONG, period_s * VISITS) * NS).astype(np.int64)
        self._state = np.zeros((15, n))
        self._base = np.zeros((n, BUCKETS, 3))  # mean, variance, visits of each part of the period
        self._times: I8 = np.zeros((3, n), np.int64)  # first sample, last sample, number of the part
        self._peak, self._peak_ns = np.full(n, np.nan), np.zeros(n, np.int64)

    @property
    def step_ns(self) -> I8:
        """A peak is shown for a second, (n,)."""
        return np.full(len(self._seconds), NS, np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        own = {"state": self._state.T, "base": self._base, "times": self._times.T}
        return {**own, "peak": self._peak, "peak_ns": self._peak_ns}

    def add(self, steps: Steps) -> None:
        """Judge samples one after another, those of all calls side by side, and learn from them."""
        for some in in_turns(steps):
            self._one(steps.member[some], steps.t_ns[some], steps.v[some])

    def _one(self, calls: I8, t_ns: I8, v: F8) -> None:
        """Take one sample of each of some calls."""
        part = t_ns // self._part_ns[calls]
        now, (first_ns, last_ns, number) = self._state[:, calls], self._times[:, calls]
        count = now[_COUNT]
        is_first = count == 0
        other = is_first | (part != number)
        if other.any():
            self._learn(now, calls, np.flatnonzero(other), number, v)
        dt_s = np.where(is_first, 0.0, (t_ns - last_ns) / NS)
        seconds, least = self._seconds[calls], self._least[calls]
        fade = -np.expm1(-dt_s / (seconds * LEVEL))
        for row in (_MEAN, _LAST):
            now[row] = np.where(is_first, v, now[row])
        least = np.maximum(least, np.maximum(np.abs(now[_MEAN]), np.abs(v)) * SMALLEST)
        odd = _judge(now[_MEAN : _VAR + 1], v, count, fade, least)
        odd += _judge(now[_STEP : _STEP_VAR + 1], v - now[_LAST], np.maximum(count - 1.0, 0.0), fade, least)
        odd += self._of_season(now, calls, part, v, least)
        known = count > FEWEST
        score = self._of_score(now, odd, np.maximum(count - FEWEST, 1.0), dt_s, seconds, known)
        now[_LAST], now[_COUNT] = v, count + 1.0
        from_opened = v - now[_OPENED]
        now[_VISIT] += 1.0
        now[_SUM] += from_opened
        now[_SQUARE] += from_opened * from_opened
        self._state[:, calls] = now
        self._times[:, calls] = np.where(is_first, t_ns, first_ns), t_ns, part
        peak, old = self._peak[calls], t_ns - self._peak_ns[calls] >= HOLD_NS
        higher = old | ~(score <= peak)
        self._peak[calls] = np.where(higher, score, peak)
        self._peak_ns[calls] = np.where(higher, t_ns, self._peak_ns[calls])

    def _of_season(self, now: F8, calls: I8, part: I8, v: F8, least: F8) -> F8:
        """Return how far values are from the same part of earlier periods; 0 where there was none."""
        base = self._base[calls, part % BUCKETS]
        apart = np.abs(v - base[:, 0]) / np.maximum(spread(base, now[_POOL]), least)
        return np.where(base[:, 2] > 0, np.minimum(apart, MOST), 0.0)

    def _of_score(self, now: F8, odd: F8, told: F8, dt_s: F8, seconds: F8, known: np.ndarray) -> F8:
        """Take how odd samples are; return how far the short mean is above its long one."""
        share = np.maximum(-np.expm1(-dt_s / seconds), 1.0 / told)
        short = np.where(known, now[_SHORT] + share * (odd - now[_SHORT]), now[_SHORT])
        above, deviation = short - now[_USUAL], np.sqrt(now[_USUAL_VAR])
        score = np.clip(above / np.maximum(deviation, LEAST), -HIGHEST, HIGHEST)
        slow = np.maximum(-np.expm1(-dt_s / (seconds * LONG)), 1.0 / told)
        heard = np.where(told > ENOUGH, np.clip(above, -CLIP * deviation, CLIP * deviation), above)
        now[_SHORT] = short
        now[_USUAL] += np.where(known, slow * heard, 0.0)
        learnt = (1.0 - slow) * (now[_USUAL_VAR] + slow * heard * heard)
        now[_USUAL_VAR] = np.where(known, learnt, now[_USUAL_VAR])
        return np.where(told > ENOUGH, np.maximum(score, 0.0), np.nan)

    def _learn(self, now: F8, calls: I8, some: I8, number: I8, v: F8) -> None:
        """Add visits that are over to their parts' baselines, and begin the next. some: which of `calls`."""
        over = some[now[_VISIT, some] > 0]
        if len(over):
            at = (calls[over], number[over] % BUCKETS)
            base, n = self._base[at], now[_VISIT, over]
            inner = now[_SUM, over] / n
            mean, variance = inner + now[_OPENED, over], np.maximum(now[_SQUARE, over] / n - inner * inner, 0)
            visits = base[:, 2]
            share = np.maximum(1.0 / (visits + 1.0), 1.0 / VISITS)
            apart = np.where(visits > 0, mean - base[:, 0], 0.0)
            pool = np.stack((now[_POOL, over], now[_POOLED, over]), axis=1)
            now[_POOL, over], now[_POOLED, over] = pooled(pool, variance + apart * apart, visits > 0).T
            self._base[at] = np.stack(
                (
                    np.where(visits > 0, base[:, 0] + share * apart, mean),
                    (1.0 - share) * (base[:, 1] + share * apart * apart) + share * variance,
                    visits + 1.0,
                ),
                axis=1,
            )
        for row in (_VISIT, _SUM, _SQUARE):
            now[row, some] = 0.0
        now[_OPENED, some] = v[some]

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (score, quality word, why) at their times: the highest of the last second, (c,) each."""
        first_ns, last_ns, _ = self._times[:, calls]
        learnt = (last_ns - first_ns) / NS >= self._learnt_s[calls]
        return judged(self._peak[calls], learnt, self._state[_COUNT, calls] > 0, track, calls)


def _judge(known: F8, v: F8, count: F8, fade: F8, least: F8) -> F8:
    """Return how far values are from a fading mean, in deviations up to `MOST`, and learn them.

    known: (2, c), mean and variance. count: how many came before.
    """
    wrong, scale = v - known[0], np.maximum(np.sqrt(known[1]), least)
    told = count >= FEWEST
    # at first the plain mean of what came: a fading one would begin with the first sample's accident
    share = np.maximum(fade, 1.0 / (count + 1.0))
    heard = np.where(told, np.clip(wrong, -CLIP * scale, CLIP * scale), wrong)
    known[0] += share * heard
    known[1] = (1.0 - share) * (known[1] + share * heard * heard)
    out: F8 = np.where(told, np.minimum(np.abs(wrong) / scale, MOST), 0.0)
    return out
