"""Laws of the trend's figures: what holds for any samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.session.trend_maths import Stretch, at_times, histogram, numbers, pairs
from armillary.session.trend_spectrum import WINDOWS, Even, Method, Window, even, spectrum

T0 = 1_750_000_000 * NS
VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=60)


def samples(values: list[float], gaps_ms: list[int], *, is_step: bool, limit_s: float = 0.0) -> Stretch:
    v = np.array(values)
    t = T0 + np.cumsum([0, *gaps_ms[: len(values) - 1]]) * 1_000_000
    return Stretch(
        t_ns=t, mean=v, low=v, high=v, quality=np.zeros(len(v), np.uint16), is_step=is_step, limit_s=limit_s
    )


def gaps(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, 5_000), min_size=n, max_size=n)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.data(), st.booleans())
def test_mean_and_percentiles_lie_between_the_extremes(
    values: list[float], data: st.DataObject, is_step: bool
) -> None:
    one = samples(values, data.draw(gaps(len(values) - 1)), is_step=is_step)
    got = numbers(one, int(one.t_ns[0]), int(one.t_ns[-1]))
    room = 1e-6 * max(1.0, abs(got.low), abs(got.high))
    assert got.count == len(values)
    assert (got.low, got.high) == (min(values), max(values))
    for between in (got.mean, *got.percentiles):
        assert got.low - room <= between <= got.high + room
    assert list(got.percentiles) == sorted(got.percentiles)
    assert 0 <= got.std <= (got.high - got.low) / 2 + room
    assert got.good_share == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.data(), st.floats(-50, 50), st.floats(-1e3, 1e3))
def test_statistics_follow_a_change_of_unit(
    values: list[float], data: st.DataObject, factor: float, offset: float
) -> None:
    spacing = data.draw(gaps(len(values) - 1))
    one = samples(values, spacing, is_step=False)
    other = samples([v * factor + offset for v in values], spacing, is_step=False)
    a, b = (numbers(s, int(s.t_ns[0]), int(s.t_ns[-1])) for s in (one, other))
    room = 1e-6 * max(1.0, abs(b.low), abs(b.high))
    assert b.mean == pytest.approx(a.mean * factor + offset, rel=1e-6, abs=room)
    assert b.std == pytest.approx(abs(factor) * a.std, rel=1e-5, abs=10 * room)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.data(), st.booleans())
def test_the_mean_of_a_range_is_that_of_its_halves(
    values: list[float], data: st.DataObject, is_step: bool
) -> None:
    one = samples(values, data.draw(gaps(len(values) - 1)), is_step=is_step)
    begin, end = int(one.t_ns[0]), int(one.t_ns[-1])
    middle = data.draw(st.integers(begin + 1, end)) if end > begin + 1 else end
    whole, left, right = (numbers(one, *r) for r in ((begin, end), (begin, middle), (middle, end)))
    if middle < end:
        share = (middle - begin) / (end - begin)
        together = share * left.mean + (1 - share) * right.mean
        assert whole.mean == pytest.approx(together, rel=1e-6, abs=1e-6 * max(map(abs, values)) + 1e-9)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.data(), st.integers(1, 40))
def test_a_histogram_shares_out_all_of_the_time(
    values: list[float], data: st.DataObject, classes: int
) -> None:
    one = samples(values, data.draw(gaps(len(values) - 1)), is_step=True)
    got = histogram(one, int(one.t_ns[0]), int(one.t_ns[-1]), classes)
    assert got is not None
    assert len(got.edges) == classes + 1
    assert got.share.sum() == pytest.approx(1.0)
    assert got.known_s == pytest.approx((one.t_ns[-1] - one.t_ns[0]) / NS)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.data())
def test_at_its_own_times_a_stretch_has_its_own_values(values: list[float], data: st.DataObject) -> None:
    one = samples(values, data.draw(gaps(len(values) - 1)), is_step=data.draw(st.booleans()))
    assert at_times(one, one.t_ns).tolist() == values


@settings(deadline=None, max_examples=40)
@given(VALUES, st.data(), st.floats(-20, 20), st.floats(-100, 100))
def test_an_xy_line_of_a_pen_and_its_multiple_is_that_multiple(
    values: list[float], data: st.DataObject, slope: float, offset: float
) -> None:
    spacing = data.draw(gaps(len(values) - 1))
    x = samples(values, spacing, is_step=False)
    y = samples([v * slope + offset for v in values], spacing, is_step=False)
    got = pairs(x, y, int(x.t_ns[0]), int(x.t_ns[-1]), 1000)
    assert len(got.t_ns) == len(values)
    if max(values) - min(values) > 1:
        assert got.slope == pytest.approx(slope, rel=1e-3, abs=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-100, 100, allow_nan=False), min_size=16, max_size=400),
    st.sampled_from([1e-4, 0.1, 60.0]),
)
def test_the_density_of_one_segment_integrates_to_the_variance(values: list[float], step_s: float) -> None:
    """Parseval: with a rectangular window nothing of the variance is lost, whatever the signal."""
    value = np.array(values)[:127]  # below the number that Welch's mean parts into segments
    got = spectrum(Even(from_ns=T0, step_s=step_s, value=value, spread=0.0), "density", "rectangular")
    df = got.hz[1] - got.hz[0]
    assert float(got.value.sum() * df) == pytest.approx(float(value.var()), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(10, 200),
    st.floats(0.1, 1e3),
    st.sampled_from(WINDOWS),
    st.floats(0, 6.28),
    st.floats(-1e3, 1e3),
)
def test_a_sine_reads_its_amplitude_at_its_frequency(
    cycles: int, amplitude: float, window: Window, phase: float, mean: float
) -> None:
    n, step_s = 1000, 0.001
    value = mean + amplitude * np.sin(2 * np.pi * cycles * np.arange(n) / n + phase)
    got = spectrum(Even(from_ns=T0, step_s=step_s, value=value, spread=0.0), "amplitude", window)
    hz, peak = got.peaks[0]
    assert hz == pytest.approx(cycles / (n * step_s), rel=1e-6)
    assert peak == pytest.approx(amplitude, rel=1e-2)


@pytest.mark.parametrize("method", ["amplitude", "density"])
def test_the_frequency_of_uneven_samples_is_found(method: Method) -> None:
    rng = np.random.default_rng(5)
    t = np.sort(rng.uniform(0, 20, 4000))
    value = 3 * np.sin(2 * np.pi * 12.5 * t)
    one = samples(value.tolist(), [1] * 3999, is_step=False)
    one = Stretch(
        t_ns=T0 + (t * NS).astype(np.int64),
        mean=one.mean,
        low=one.low,
        high=one.high,
        quality=one.quality,
        limit_s=1.0,
    )
    made = even(one, int(one.t_ns[0]), int(one.t_ns[-1]))
    assert made is not None
    assert made.spread > 0.5  # and it says that the samples were uneven
    assert spectrum(made, method, "hann").peaks[0][0] == pytest.approx(12.5, abs=0.1)
