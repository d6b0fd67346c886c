"""How often an alarm would have been raised by recorded readings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.quality import BAD
from armillary.session.limits_trial import raises

ABOVE = AlarmSpec(id="a", slot=0, tag="t", limit=10.0)


def count(spec: AlarmSpec, *values: float, bad: tuple[int, ...] = ()) -> int:
    quality = np.zeros(len(values), np.uint16)
    quality[list(bad)] = BAD
    return raises(spec, np.arange(len(values), dtype=np.int64) * NS, np.array(values), quality)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ((), 0),
        ((9.0, 10.0), 0),  # strictly beyond
        ((9.0, 11.0, 12.0), 1),
        ((11.0, 9.0, 11.0, 9.0, 11.0), 3),
    ],
)
def test_each_crossing_counts_once(values: tuple[float, ...], times: int) -> None:
    assert count(ABOVE, *values) == times


def test_a_deadband_keeps_it_raised_between() -> None:
    assert count(replace(ABOVE, deadband=2.0), 11.0, 9.0, 11.0, 8.0, 11.0) == 2


def test_a_delay_leaves_short_excursions_out() -> None:
    assert count(replace(ABOVE, on_delay_s=2.0), 11.0, 9.0, 11.0, 11.0, 11.0, 9.0) == 1


def test_a_delay_off_bridges_a_short_return() -> None:
    assert count(replace(ABOVE, off_delay_s=3.0), 11.0, 9.0, 11.0, 11.0) == 1


def test_below_is_the_mirror_image() -> None:
    assert count(replace(ABOVE, direction="below"), 11.0, 9.0, 11.0, 9.0) == 2


def test_readings_in_sequence_are_counted_and_bad_ones_say_nothing() -> None:
    five = replace(ABOVE, kind="count", count=3)
    assert count(five, 11.0, 11.0, 9.0, 11.0, 11.0, 11.0) == 1
    assert count(five, 11.0, 11.0, 99.0, 9.0, bad=(2,)) == 0
