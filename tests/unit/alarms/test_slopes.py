"""Slopes of sliding windows against numpy's own line through the same samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms.slopes import COVERED, FEWEST, PARTS, Slopes, heaps_of
from armillary.model.arrays import F8, I8
from armillary.model.clock import NS

BEGIN = 1_700_000_000 * NS


def fed(slopes: Slopes, series: int, t_ns: int, value: float) -> float:
    one = np.array([series], np.int64)
    found = slopes.add(heaps_of(one, np.array([t_ns], np.int64), np.array([value]), np.zeros(1, np.int64)))
    return float(found[0])


def slow(t_ns: I8, value: F8, window_ns: int) -> float:
    """The rule as prose has it: good samples of the window, at least three, half of it covered."""
    kept = t_ns >= t_ns[-1] - window_ns
    t, v = (t_ns[kept] - t_ns[-1]) / NS, value[kept]
    if len(t) < FEWEST or t[-1] - t[0] < COVERED * window_ns / NS:
        return float("nan")
    return float(np.polyfit(t, v, 1)[0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(170, 9_000), st.floats(-1e3, 1e3)), min_size=1, max_size=40),
    st.sampled_from([0.0, 1e6]),
)
def test_a_slope_is_that_of_the_line_through_the_samples_of_its_window(
    steps: list[tuple[int, float]], level: float
) -> None:
    slopes = Slopes(np.array([99.0, 10.0]))
    t_ns, told_t, told_v = BEGIN, [], []
    for step_ms, value in steps:
        t_ns += step_ms * 1_000_000
        told_t.append(t_ns)
        told_v.append(level + value)
        found = fed(slopes, 1, t_ns, level + value)
        expected = slow(np.array(told_t), np.array(told_v), 10 * NS)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)


def test_a_ramp_has_its_slope_however_fast_it_is_sampled() -> None:
    slopes = Slopes(np.array([10.0]))
    found = [fed(slopes, 0, BEGIN + i * NS // 200, 5.0 + 0.3 * i / 200) for i in range(3_000)]
    assert np.isnan(found[: 5 * 200 - 1]).all()
    assert found[-1] == pytest.approx(0.3, rel=1e-6)


def test_samples_that_share_a_cell_leave_within_a_sixtieth_of_the_window() -> None:
    slopes = Slopes(np.array([10.0]))
    rng = np.random.default_rng(3)
    t_ns = BEGIN + np.arange(2_000) * NS // 100
    value = np.cumsum(rng.normal(size=2_000))
    for t, v in zip(t_ns.tolist(), value.tolist(), strict=True):
        found = fed(slopes, 0, t, v)
    longer = 10 * NS + 10 * NS // PARTS
    spans = [slow(t_ns, value, w) for w in range(10 * NS, longer + 1, NS // 100)]
    assert min(spans) - 1e-9 <= found <= max(spans) + 1e-9


def test_a_heap_of_samples_says_what_its_samples_one_by_one_say() -> None:
    rng = np.random.default_rng(5)
    t_ns = BEGIN + np.sort(rng.integers(0, 20_000, 600)) * 1_000_000
    t_ns = np.unique(t_ns)
    value = rng.normal(size=len(t_ns)) + np.arange(len(t_ns)) * 0.1
    cell = t_ns // (10 * NS // PARTS)
    starts = np.flatnonzero(np.concatenate(([True], cell[1:] != cell[:-1])))
    heaped = Slopes(np.array([10.0]))
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(t_ns)], strict=True):
        zero = np.zeros(end - begin, np.int64)
        found = heaped.add(heaps_of(zero, t_ns[begin:end], value[begin:end], np.zeros(1, np.int64)))
    kept = cell >= cell[t_ns >= t_ns[-1] - 10 * NS].min()
    expected = np.polyfit((t_ns[kept] - t_ns[-1]) / NS, value[kept], 1)[0]
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_a_corrected_sample_takes_the_place_of_the_one_before() -> None:
    slopes, right = Slopes(np.array([10.0])), Slopes(np.array([10.0]))
    for i in range(8):
        fed(slopes, 0, BEGIN + i * NS, 99.0 * i)
        corrected = fed(slopes, 0, BEGIN + i * NS, 2.0 * i)
        told = fed(right, 0, BEGIN + i * NS, 2.0 * i)
    assert corrected == pytest.approx(told) == pytest.approx(2.0)


def test_a_time_that_goes_back_begins_the_window_anew() -> None:
    slopes = Slopes(np.array([10.0]))
    for i in range(11):
        fed(slopes, 0, BEGIN + i * NS, float(i))
    found = [fed(slopes, 0, BEGIN - 3600 * NS + i * NS, -3.0 * i) for i in range(7)]
    assert np.isnan(found[:5]).all()
    assert found[-1] == pytest.approx(-3.0)


def test_a_clock_that_jumps_ahead_empties_the_window() -> None:
    slopes = Slopes(np.array([10.0]))
    for i in range(11):
        fed(slopes, 0, BEGIN + i * NS, float(i))
    assert np.isnan(fed(slopes, 0, BEGIN + 3600 * NS, 12.0))
