"""NAB's scoring against windows worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary_bench.detection_score import (
    PROFILES,
    Series,
    best,
    fired,
    judged,
    of_hundred,
    probation,
    raw_of,
    sigmoid,
    swept,
    told,
)

STANDARD, LOW_FP, LOW_FN = PROFILES
LAST = 2 / (1 + math.exp(5)) - 1  # of the sigmoid, a window's width behind it


def series(windows: list[tuple[int, int]], rows: int = 100) -> Series:
    t_ns = np.arange(rows, dtype=np.int64) * 60 * NS
    ends = np.array(windows, np.int64).reshape(-1, 2)
    return Series(name="g/s", group="g", t_ns=t_ns, value=np.zeros(rows), windows=ends)


def score_of(rows: list[int], n: int = 100) -> np.ndarray:
    out = np.zeros(n)
    out[rows] = 1.0
    return out


def at(one: Series, rows: list[int], profile: object = STANDARD) -> float:
    """The raw score of detections at rows and of nothing else."""
    thresholds, raw = swept([one], [score_of(rows, len(one))], profile)  # type: ignore[arg-type]
    return float(raw[thresholds == 1.0][0])


def test_the_sigmoid_has_the_papers_values() -> None:
    wanted = [0.98661, 0.84828, 0.0, -0.98661, -1.0]
    assert sigmoid(np.array([-1.0, -0.5, 0.0, 1.0, 3.5])) == pytest.approx(wanted, abs=1e-5)


def test_the_first_rows_are_not_judged_up_to_750() -> None:
    assert [probation(n) for n in (100, 4032, 4999, 5000, 22695)] == [15, 604, 749, 750, 750]
    one = series([(40, 49)])
    assert at(one, [3, 14, 40]) == pytest.approx(1.0)
    assert at(one, [15, 40]) == pytest.approx(1.0 - 0.11)


def test_the_earlier_in_its_window_the_more_it_is_worth_and_only_once() -> None:
    one = series([(40, 49)])
    assert at(one, [40]) == pytest.approx(1.0)
    middle = (2 / (1 + math.exp(-5 * 0.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert at(one, [45]) == pytest.approx(middle)
    assert at(one, [45, 46, 49]) == pytest.approx(middle)
    assert at(one, [49]) == pytest.approx((2 / (1 + math.exp(-5 * 0.1)) - 1) / (2 / (1 + math.exp(-5)) - 1))


def test_a_false_alarm_costs_the_more_the_farther_behind_a_window() -> None:
    one = series([(40, 49)])
    assert at(one, [40, 58]) == pytest.approx(1.0 + 0.11 * LAST)  # a width, 9 rows, behind its end
    assert at(one, [40, 90]) == pytest.approx(1.0 - 0.11)  # far behind
    assert at(one, [20, 40]) == pytest.approx(1.0 - 0.11)  # before the first window
    assert at(one, [40, 90], LOW_FP) == pytest.approx(1.0 - 0.22)


def test_nothing_told_is_0_and_every_first_row_told_is_100() -> None:
    two = [series([(40, 49), (70, 79)]), series([(30, 39)])]
    for profile in PROFILES:
        thresholds, raw = swept(two, [score_of([40, 70]), score_of([30])], profile)
        assert np.isinf(thresholds[0])
        assert of_hundred(float(raw[0]), two, profile) == 0.0
        top = best(two, [score_of([40, 70]), score_of([30])], profile)
        assert (top.threshold, top.score) == (1.0, pytest.approx(100.0))


def test_a_miss_costs_twice_where_misses_are_what_is_feared() -> None:
    one = series([(40, 49), (70, 79)])
    assert at(one, [40]) == pytest.approx(0.0)
    assert at(one, [40], LOW_FN) == pytest.approx(-1.0)


def test_one_threshold_is_chosen_for_all_series() -> None:
    quiet, loud = score_of([40]), score_of([60])
    quiet[90] = 0.5  # a false alarm, if what the other series needs were the threshold
    loud[60] = 0.5
    two = [series([(40, 49)]), series([(60, 69)])]
    top = best(two, [quiet, loud], STANDARD)
    assert (top.threshold, top.raw) == (0.5, pytest.approx(2.0 - 0.11))


def test_what_a_rule_fires_is_worth_what_a_sweep_of_the_same_rows_says() -> None:
    rng = np.random.default_rng(5)
    one = series([(40, 49), (70, 84)])
    for _ in range(20):
        rows = np.sort(rng.choice(100, 6, replace=False))
        outcome = told([rows], [judged(one)], [2])
        for profile in PROFILES:
            assert raw_of(outcome, profile) == pytest.approx(at(one, rows.tolist(), profile))


def test_a_rule_fires_anew_only_after_its_rest() -> None:
    t_ns = np.arange(20, dtype=np.int64) * NS
    score = np.zeros(20)
    score[[2, 3, 6, 12]] = 9.0
    assert fired(score, t_ns, 5.0, 0).tolist() == [2, 6, 12]
    assert fired(score, t_ns, 5.0, 3 * NS).tolist() == [2, 12]
    assert fired(score, t_ns, 9.0, 0).tolist() == []
