"""The score of a time of day, where the visits of its parts are few."""

from __future__ import annotations

import numpy as np

from armillary.twin.past_scores import Unusual, pooled
from armillary.twin.past_track import Steps

NS = 1_000_000_000
PART_S = 100  # of a period of 9,600 s


def steps(t_s: np.ndarray, v: np.ndarray) -> Steps:
    n = len(v)
    ok = np.ones(n, np.bool_)
    t = (t_s * NS).astype(np.int64)
    return Steps(
        member=np.zeros(n, np.int64), first=np.zeros(1, np.int64), t0_ns=t, t_ns=t, v0=v, v=v,
        ok0=ok, good0=ok, ok=ok, good=ok, was=v, told=True,
    )  # fmt: skip


def peaks(x: np.ndarray) -> np.ndarray:
    """Return what is shown behind each sample, one sample in each part."""
    unusual = Unusual(np.array([96.0 * PART_S]))
    out = []
    for i, v in enumerate(x):
        unusual.add(steps(np.array([i * PART_S + 1.0]), np.array([v])))
        out.append(float(unusual.columns()["peak"][0]))
    return np.array(out)


def test_one_sample_a_visit_is_judged_by_what_other_parts_foretold_wrong() -> None:
    rng = np.random.default_rng(4)
    cycle = 50 + 10 * np.sin(2 * np.pi * np.arange(96 * 5) / 96)
    score = peaks(cycle + rng.normal(0, 1, len(cycle)))
    assert np.isnan(score[: 96 + 20]).all()  # of the first period nothing is foretold, of 20 parts too little
    assert np.isfinite(score[96 + 21 :]).all()
    # a part with two like visits has no deviation of its own; by it alone half of all would be beyond 2
    assert score[96 + 21 :].max() < 6
    cycle[96 * 4 + 30] += 15
    again = peaks(cycle + np.random.default_rng(4).normal(0, 1, len(cycle)))
    assert again[96 * 4 + 30] > 6


def test_what_was_far_off_is_pooled_no_farther_than_three_deviations() -> None:
    known = np.array([[1.0, 50.0]])
    [[square, count]] = pooled(known, np.array([1e6]), np.array([True]))
    assert count == 51
    assert square == 1.0 + (9.0 - 1.0) / 51.0
    assert (pooled(known, np.array([1e6]), np.array([False])) == known).all()
