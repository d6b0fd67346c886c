"""Shifts by the wall clock of the plant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armillary.model.clock import NS, parse_iso
from armillary.model.fault import Fault
from armillary.model.shift import USUAL, ShiftSpec, last_ended, named, shift_at, shifts

HOUR = 3_600 * NS
NOON = parse_iso("2026-11-22T12:00:00Z")  # a Sunday


def test_a_night_begins_on_one_day_and_ends_on_the_next() -> None:
    night = shift_at(USUAL, parse_iso("2026-11-22T02:00:00Z"))
    assert night is not None
    assert night.key == "night 2026-11-21"
    assert night.to_ns - night.from_ns == 8 * HOUR


def test_a_day_has_no_time_without_a_shift_and_none_with_two() -> None:
    found = shifts(USUAL, NOON - 36 * HOUR, NOON + 36 * HOUR)
    assert [b.from_ns for b in found[1:]] == [a.to_ns for a in found[:-1]]


@pytest.mark.parametrize(("day", "hours"), [("2026-10-24", 9), ("2026-03-28", 7)])
def test_a_night_in_which_the_clock_is_changed_lasts_by_the_wall(day: str, hours: int) -> None:
    night = replace(USUAL[2], zone="Europe/Berlin")
    found = named((night,), f"night {day}", NOON)
    assert found.to_ns - found.from_ns == hours * HOUR


def test_shifts_of_a_weekday_leave_the_weekend_alone() -> None:
    week = ShiftSpec(name="day", from_min=480, to_min=960, days=("mon", "tue", "wed", "thu", "fri"))
    assert shift_at((week,), NOON) is None
    assert named((week,), "last", NOON).day == "2026-11-20"
    assert named((week,), "day", NOON).day == "2026-11-20"


def test_the_last_shift_is_the_one_that_ended_last() -> None:
    last = last_ended(USUAL, NOON)
    assert last is not None
    assert last.key == "night 2026-11-21"
    assert named(USUAL, "", NOON) == last
    assert named(USUAL, "now", NOON).key == "early 2026-11-22"
    assert named(USUAL, "late", NOON).key == "late 2026-11-21"
    assert named(USUAL, "Late 2026-11-20", NOON).key == "late 2026-11-20"
    assert named(USUAL, "2026-11-21T15:00Z", NOON).key == "late 2026-11-21"


@pytest.mark.parametrize("text", ["early 2026-13-99", "lunch", "early noon"])
def test_a_shift_that_is_none_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(Fault, match=r"early|14:03"):
        named(USUAL, text, NOON)
