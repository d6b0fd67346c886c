"""The scoring of the Numenta Anomaly Benchmark, written anew from its paper.

A. Lavin and S. Ahmad, Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark,
ICMLA 2015, arXiv 1510.03336; what the paper leaves open is told by NAB v1.1 (the ends of windows, where what
lies behind one begins to cost in full, and the baselines). `bench detection` scores NAB's own published
results by it, and prints how far it is from the published scoreboard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, I8

PROBATION, LONGEST_PROBATION = 0.15, 750.0  # of a series, and in rows: nothing is judged there
STEEP = 5.0  # of the sigmoid
FAR = 3.0  # widths behind a window: beyond, a false alarm costs all it can
NO_WINDOW = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a hit, a false alarm and a miss are worth (the paper's A_TP, A_FP and A_FN)."""

    name: str
    hit: float
    false_alarm: float
    miss: float


PROFILES = (
    Profile(name="standard", hit=1.0, false_alarm=0.11, miss=1.0),
    Profile(name="low_fp", hit=1.0, false_alarm=0.22, miss=1.0),
    Profile(name="low_fn", hit=1.0, false_alarm=0.11, miss=2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One labelled series of n rows. `windows` (w, 2): first and last row of each, in order, none shared."""

    name: str
    group: str
    t_ns: I8
    value: F8
    windows: I8

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a detection at each row of a series is worth.

    worth: (n,) 0 to 1 of a hit inside a window, -1 to 0 of a false alarm outside. window: (n,) which, or -1.
    counts: (n,) False in the probationary period.
    """

    worth: F8
    window: I8
    counts: B1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A threshold, and what comes of it: the raw score, and that of 100."""

    threshold: float
    raw: float
    score: float


def sigmoid(position: F8) -> F8:
    """Return the paper's scaled sigmoid: -1 is the left end of a window, 0 the right one; -1 far behind."""
    out: F8 = 2.0 / (1.0 + np.exp(STEEP * np.minimum(position, FAR + 1.0))) - 1.0
    return np.where(position > FAR, -1.0, out)


def probation(rows: int) -> int:
    """Return how many rows at the beginning of a series are not judged."""
    return math.ceil(min(math.floor(PROBATION * rows), LONGEST_PROBATION))


def judged(series: Series) -> Judged:
    """Return what a detection at each row is worth."""
    n = len(series)
    row = np.arange(n)
    worth, window = np.full(n, -1.0), np.full(n, NO_WINDOW, np.int64)
    first, last = (series.windows.reshape(-1, 2)[:, i] for i in (0, 1))
    before = np.searchsorted(last, row, "left") - 1  # the last window that is over
    behind = before >= 0
    if behind.any():
        of = before[behind]
        wide = np.maximum(last[of] - first[of], 1)
        worth[behind] = sigmoid((row[behind] - last[of]) / wide)
    for i, (begin, end) in enumerate(series.windows.reshape(-1, 2).tolist()):
        inside = np.arange(begin, end + 1)
        window[inside] = i
        worth[inside] = sigmoid(np.asarray(-(end - inside + 1.0) / (end - begin + 1.0), np.float64))
        worth[inside] /= sigmoid(np.array([-1.0]))
    return Judged(worth=worth, window=window, counts=row >= probation(n))


def perfect(series: Sequence[Series], profile: Profile) -> float:
    """Return the raw score of a detector that tells every window at its first row, and nothing else."""
    return profile.hit * sum(len(each.windows) for each in series)


def null(series: Sequence[Series], profile: Profile) -> float:
    """Return the raw score of a detector that tells nothing."""
    return -profile.miss * sum(len(each.windows) for each in series)


def of_hundred(raw: float, series: Sequence[Series], profile: Profile) -> float:
    """Return a raw score between the null detector's, 0, and the perfect one's, 100."""
    least, most = null(series, profile), perfect(series, profile)
    return 100.0 * (raw - least) / (most - least) if most > least else 0.0


def swept(
    series: Sequence[Series], scores: Sequence[F8], profile: Profile, known: Sequence[Judged] = ()
) -> tuple[F8, F8]:
    """Return (thresholds, descending; raw score of the corpus at each). A score at a threshold is told.

    The first is infinite: nothing is told. All series have one threshold, as NAB wants it.
    """
    level, gain = [], []
    start = 0.0
    for i, (each, score) in enumerate(zip(series, scores, strict=True)):
        what = known[i] if known else judged(each)
        rows = np.flatnonzero(what.counts & np.isfinite(score))
        window = what.window[rows]
        outside = window == NO_WINDOW
        step = np.where(outside, profile.false_alarm * what.worth[rows], 0.0)
        for own in range(len(each.windows)):
            # a window that lies in the probationary period can be neither hit nor missed
            start -= profile.miss if bool((what.counts & (what.window == own)).any()) else 0.0
            inside = np.flatnonzero(window == own)
            inside = inside[np.argsort(-score[rows[inside]], kind="stable")]
            if len(inside):
                best = np.maximum.accumulate(profile.hit * what.worth[rows[inside]])
                step[inside] = np.diff(best, prepend=-profile.miss)
        level.append(score[rows])
        gain.append(step)
    levels, gains = np.concatenate(level), np.concatenate(gain)
    order = np.argsort(-levels, kind="stable")
    total = start + np.cumsum(gains[order])
    ends = np.flatnonzero(np.append(np.diff(levels[order]) != 0, True)) if len(order) else order
    return np.append(np.inf, levels[order][ends]), np.append(start, total[ends])


def best(
    series: Sequence[Series], scores: Sequence[F8], profile: Profile, known: Sequence[Judged] = ()
) -> Outcome:
    """Return the threshold that is best for the corpus, as NAB optimises it, and what it gives."""
    thresholds, raw = swept(series, scores, profile, known)
    at = int(np.argmax(raw))
    total = float(raw[at])
    return Outcome(threshold=float(thresholds[at]), raw=total, score=of_hundred(total, series, profile))


def fired(score: F8, t_ns: I8, limit: float, rest_ns: int) -> I8:
    """Return the rows at which a rule begins to be true: above its limit, after a rest without."""
    over = np.flatnonzero(score > limit)
    if not len(over):
        return over
    # what was above holds until the next sample: from then on it rests
    ends = t_ns[np.minimum(over[:-1] + 1, len(t_ns) - 1)]
    begins: B1 = np.concatenate(([True], t_ns[over[1:]] - ends > rest_ns))
    if not rest_ns:
        begins[1:] = np.diff(over) > 1
    return over[begins]


def told(rows: Sequence[I8], known: Sequence[Judged], windows: Sequence[int]) -> tuple[F8, int, float, int]:
    """Return (worth of each window that was hit, windows missed, cost of false alarms, how many) of rows.

    windows: how many each series has, those in its probationary period too, which can only be missed.
    """
    worth: list[F8] = []
    missed = alarms = 0
    cost = 0.0
    for at, what, count in zip(rows, known, windows, strict=True):
        judged_rows = at[what.counts[at]]
        own = what.window[judged_rows]
        outside = own == NO_WINDOW
        best_of = np.full(count, -1.0)
        np.maximum.at(best_of, own[~outside], what.worth[judged_rows[~outside]])
        worth.append(best_of[best_of >= 0])
        missed += int((best_of < 0).sum())
        cost += float(what.worth[judged_rows[outside]].sum())
        alarms += int(outside.sum())
    return np.concatenate(worth) if worth else np.zeros(0), missed, cost, alarms


def raw_of(outcome: tuple[F8, int, float, int], profile: Profile) -> float:
    """Return the raw score of what `told` counted."""
    worth, missed, cost, _ = outcome
    return profile.hit * float(worth.sum()) - profile.miss * missed + profile.false_alarm * cost
