"""A scene's own time follows the world's as the project says."""

from __future__ import annotations

import pytest

from armillary.model.clock import NS
from armillary.model.motion import SceneTime

RANGE = (10.0, 110.0, 25.0)  # 4 s
START = 1_800_000_000 * NS


@pytest.mark.parametrize(("after_s", "code"), [(-5, 10), (0, 10), (1, 35), (4, 110), (60, 110)])
def test_the_file_s_own_rate_counts_from_the_start(after_s: int, code: float) -> None:
    assert SceneTime(start_ns=START).at(START + after_s * NS, RANGE) == code


def test_a_year_is_spread_over_the_scene_s_range() -> None:
    year = 365 * 86_400 * NS
    time = SceneTime(start_ns=START, end_ns=START + year)
    assert time.at(START + year // 2, RANGE) == pytest.approx(60)
    assert time.at(START + 2 * year, RANGE) == 110


def test_a_scene_that_repeats_begins_anew_at_its_end() -> None:
    time = SceneTime(start_ns=START, repeats=True)
    assert time.at(START + 5 * NS, RANGE) == pytest.approx(35)
    assert time.at(START + 400_000 * NS + NS // 2, RANGE) == pytest.approx(22.5)


def test_a_scene_without_a_range_stays_where_it_is() -> None:
    assert SceneTime(start_ns=START).at(START + 5 * NS, (3.0, 3.0, 24.0)) == 3.0
