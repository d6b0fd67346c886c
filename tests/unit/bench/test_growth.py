"""Growth is what stays, not what comes and goes."""

from __future__ import annotations

import numpy as np
import pytest

from armillary_bench.growth import FIRST_MB, growth

T = list(np.arange(0, 1800, 5.0))


def test_a_leak_is_found_below_the_noise_of_single_looks() -> None:
    rng = np.random.default_rng(1)
    found = growth(T, [100 + t / 60 + rng.normal(0, 5) for t in T])
    assert found.slope_mb_min == pytest.approx(1.0, abs=0.1)
    assert found.gained_mb == pytest.approx(30, abs=3)
    assert not found.is_flat


def test_peaks_that_go_away_are_no_growth() -> None:
    found = growth(T, [100 + (80 if i % 7 == 0 else 0) for i in range(len(T))])
    assert found.slope_mb_min == 0
    assert found.is_flat


def test_a_cache_that_fills_once_may_be() -> None:
    found = growth(T[:36], [100 + min(t / 20, FIRST_MB * 0.8) for t in T[:36]])
    assert 0 < found.gained_mb < found.bound_mb
    assert found.is_flat


def test_one_look_is_no_growth() -> None:
    with pytest.raises(ValueError, match="two looks"):
        growth([1.0], [1.0])
