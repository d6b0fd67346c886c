from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.history import rollup
from armillary.model.clock import NS
from armillary.model.quality import BAD, COMM, SENSOR, STALE

samples = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)),
        st.sampled_from([0, STALE | COMM, BAD | SENSOR]),
    ),
    max_size=60,
)


def _rows(given_samples: list[tuple[int, float, int]]) -> rollup.Rows:
    ordered = sorted(given_samples, key=lambda s: s[0])
    t, value, quality = zip(*ordered, strict=True) if ordered else ((), (), ())
    return rollup.of_samples(np.array(t, np.int64), np.array(value, float), np.array(quality, np.uint16))


@given(samples, st.integers(1, 5_000))
def test_a_bucket_holds_extremes_mean_and_worst_quality_of_its_samples(
    held: list[tuple[int, float, int]], width: int
) -> None:
    got = rollup.series(rollup.bucketed(_rows(held), width), 1, width / NS, 0)
    assert got.t_ns.tolist() == sorted({t - t % width for t, _, _ in held})
    for i, start in enumerate(got.t_ns.tolist()):
        inside = [(v, q) for t, v, q in held if start <= t < start + width]
        numbers = [v for v, _ in inside if not math.isnan(v)]
        assert int(got.quality[i]) & 0xFF == max(q & 0xFF for _, q in inside)
        assert int(got.quality[i]) >> 8 == np.bitwise_or.reduce([q >> 8 for _, q in inside])
        if numbers:
            assert (got.low[i], got.high[i]) == (min(numbers), max(numbers))
            assert got.mean[i] == pytest.approx(sum(numbers) / len(numbers), abs=1e-6)
        else:
            assert np.isnan([got.low[i], got.high[i], got.mean[i]]).all()


@given(samples, st.sampled_from([10, 100]), st.integers(2, 9))
def test_buckets_of_buckets_are_the_buckets_of_the_samples(
    held: list[tuple[int, float, int]], fine: int, times: int
) -> None:
    direct = rollup.bucketed(_rows(held), fine * times)
    twice = rollup.bucketed(rollup.bucketed(_rows(held), fine), fine * times)
    for column in ("t_ns", "low", "high", "count", "quality"):
        assert np.array_equal(
            getattr(direct, column), getattr(twice, column), equal_nan=column in ("low", "high")
        )
    assert twice.total == pytest.approx(direct.total, abs=1e-6)


def test_the_level_has_at_most_as_many_buckets_as_pixels_and_a_named_width() -> None:
    assert rollup.level_ns(0, 3_600 * NS, 1_000) == 5 * NS
    assert rollup.level_ns(0, 86_400 * NS, 1_000) == 120 * NS
    assert rollup.level_ns(0, 0, 0) == rollup.LADDER_NS[0]
    assert rollup.level_ns(0, 2**62, 1) == rollup.LADDER_NS[-1]
    assert list(rollup.LADDER_NS) == sorted(set(rollup.LADDER_NS))


def test_thinned_samples_keep_extremes_and_everything_that_is_not_good() -> None:
    t = np.arange(10_000)
    value = np.sin(t / 100.0)
    value[4_321], value[77] = 50.0, np.nan
    quality = np.zeros(10_000, np.uint16)
    quality[[77, 9_000]] = BAD, STALE
    rows = rollup.of_samples(t, value, quality)
    thin = rollup.thinned(rows, 200)
    assert len(thin) <= 202
    assert {77, 4_321, 9_000} <= set(thin.t_ns.tolist())
    assert rollup.thinned(rows, 10_000) is rows
