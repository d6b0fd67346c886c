import math

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD, UNCERTAIN
from armillary.model.series import Series
from armillary.session.trend_maths import Stretch, at_times, histogram, numbers, pairs, stretch_of
from armillary.session.trend_spectrum import Even, even, spectrum

T0 = 1_750_000_000 * NS


def stretch(
    t_s: list[float],
    values: list[float],
    *,
    is_step: bool = False,
    limit_s: float = 0.0,
    quality: list[int] | None = None,
) -> Stretch:
    v = np.array(values)
    return Stretch(
        t_ns=T0 + (np.array(t_s) * NS).astype(np.int64),
        mean=v,
        low=v,
        high=v,
        quality=np.array(quality or [GOOD] * len(v), np.uint16),
        is_step=is_step,
        limit_s=limit_s,
    )


def test_a_burst_of_samples_weighs_no_more_than_its_time() -> None:
    t = [0.0, *np.linspace(9, 10, 101).tolist()]
    held = numbers(stretch(t, [10.0] + [0.0] * 101, is_step=True), T0, T0 + 10 * NS)
    assert held.count == 102
    assert held.mean == pytest.approx(9.0)
    assert held.percentiles[1] == 10.0
    assert numbers(stretch([0, 10], [0, 10]), T0, T0 + 10 * NS).mean == pytest.approx(5.0)


def test_the_deviation_of_a_ramp_is_that_of_a_uniform_spread() -> None:
    got = numbers(stretch([0, 10], [1e6, 1e6 + 12]), T0, T0 + 10 * NS)
    assert got.std == pytest.approx(12 / math.sqrt(12))


def test_silence_lowers_the_good_share_and_carries_no_weight() -> None:
    one = stretch([0, 1, 2, 8, 9, 10], [1, 1, 1, 5, 5, 5], limit_s=2.0)
    got = numbers(one, T0, T0 + 10 * NS)
    assert got.good_share == pytest.approx(0.4)
    assert got.mean == pytest.approx(3.0)


def test_doubtful_values_count_and_are_not_good_and_bad_ones_are_gaps() -> None:
    one = stretch([0, 1, 2, 3, 4], [1, 1, 1, math.nan, 9], quality=[GOOD, UNCERTAIN, GOOD, BAD, GOOD])
    got = numbers(one, T0, T0 + 4 * NS)
    assert (got.low, got.high, got.high_ns - T0) == (1.0, 9.0, 4 * NS)
    assert got.mean == 1.0
    assert got.good_share == pytest.approx(0.25)


def test_a_value_from_before_the_range_still_holds_in_it() -> None:
    got = numbers(stretch([-100], [7.0], is_step=True), T0, T0 + 10 * NS)
    assert (got.count, got.low, got.mean, got.good_share) == (0, 7.0, 7.0, 1.0)


def test_an_empty_range_says_nothing() -> None:
    got = numbers(stretch([], []), T0, T0 + NS)
    assert (got.count, got.good_share) == (0, 0.0)
    assert math.isnan(got.mean)
    assert histogram(stretch([], []), T0, T0 + NS, 5) is None
    assert even(stretch([], []), T0, T0 + NS) is None
    assert len(pairs(stretch([], []), stretch([0], [1]), T0, T0 + NS, 9).t_ns) == 0


def test_buckets_keep_extremes_and_counts_and_say_that_they_are_buckets() -> None:
    one = stretch_of(
        Series(
            id=1,
            t_ns=T0 + np.arange(3) * 60 * NS,
            low=np.array([0.0, 1.0, -9.0]),
            high=np.array([2.0, 3.0, 4.0]),
            mean=np.array([1.0, 2.0, 3.0]),
            quality=np.array([GOOD, GOOD, BAD], np.uint16),
            level_s=60.0,
            count=np.array([60, 30, 60]),
        ),
        is_step=False,
        limit_s=5.0,
    )
    got = numbers(one, T0, T0 + 180 * NS)
    assert not got.exact
    assert (got.count, got.low, got.high, got.mean) == (150, 0.0, 3.0, 1.5)
    assert got.good_share == pytest.approx(2 / 3)
    assert even(one, T0, T0 + 180 * NS) is None  # a bucket has no phase


def test_between_samples_a_number_is_on_the_line_and_a_state_holds() -> None:
    times = T0 + np.array([-1, 0, 5, 10, 11]) * NS
    line = at_times(stretch([0, 10], [0, 20]), times)
    assert line.tolist()[1:4] == [0, 10, 20]
    assert np.isnan(line[[0, 4]]).all()
    assert at_times(stretch([0, 10], [0, 20], is_step=True), times).tolist()[1:] == [0, 0, 20, 20]
    assert np.isnan(at_times(stretch([0, 10], [0, 20], limit_s=5.0), times)[2])


def test_xy_pairs_have_the_times_of_the_quicker_pen_and_leave_gaps_out() -> None:
    slow, quick = stretch([0, 10], [0, 10]), stretch([0, 1, 2, 3, 4], [0, 2, math.nan, 6, 8])
    got = pairs(slow, quick, T0, T0 + 10 * NS, 100)
    assert got.x.tolist() == [0, 1, 3, 4]
    assert got.slope == pytest.approx(2.0)
    assert got.correlation == pytest.approx(1.0)


def test_a_spectrum_uses_the_longest_stretch_without_a_gap_and_says_which() -> None:
    t = [*np.arange(0, 1, 0.01).tolist(), *np.arange(5, 15, 0.01).tolist()]
    value = [math.sin(2 * math.pi * 8 * x) for x in t]
    made = even(stretch(t, value, limit_s=0.5), T0, T0 + 20 * NS)
    assert made is not None
    got = spectrum(made, "amplitude", "hann")
    assert (got.used_ns[0] - T0) / NS == pytest.approx(5, abs=0.02)
    assert got.peaks[0][0] == pytest.approx(8, abs=0.1)
    assert got.spread == pytest.approx(0, abs=1e-3)


def test_welch_lowers_the_scatter_of_noise() -> None:
    rng = np.random.default_rng(3)
    noise = Even(from_ns=T0, step_s=0.01, value=rng.normal(0, 2, 8192), spread=0.0)
    got = spectrum(noise, "density", "hann")
    df = got.hz[1] - got.hz[0]
    assert float(got.value[1:].sum() * df) == pytest.approx(4.0, rel=0.1)
    assert got.value[1:-1].std() / got.value[1:-1].mean() < 0.6  # one FFT alone scatters by its mean
