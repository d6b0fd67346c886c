"""Alarms that contradict each other are found before an operator meets them."""

from __future__ import annotations

import pytest

from armillary.model.alarm import AlarmSpec
from armillary.project.alarm_lint import findings


def alarm(id_: str, limit: float, **more: object) -> AlarmSpec:
    usual: dict[str, object] = {"slot": 0, "tag": "T-1.level", "priority": 3, "origin": f"rules.toml:{id_}"}
    return AlarmSpec(id=id_, limit=limit, **{**usual, **more})  # type: ignore[arg-type]


def codes(*specs: AlarmSpec) -> list[tuple[str, str]]:
    return [(found.code, found.where.rpartition(":")[2]) for found in findings(specs)]


def test_a_sound_set_of_limits_has_no_finding() -> None:
    assert (
        codes(
            alarm("HH", 95, priority=1, time_to_respond_s=60.0),
            alarm("H", 90, deadband=2),
            alarm("L", 10, direction="below", deadband=2),
            alarm("LL", 5, direction="below", priority=2, time_to_respond_s=60.0),
        )
        == []
    )


def test_two_alarms_that_raise_at_the_same_moment_are_told() -> None:
    assert codes(alarm("A", 90), alarm("B", 90, title="again")) == [("P50", "B")]
    assert codes(alarm("A", 90), alarm("B", 90, tag="T-2.level")) == []
    assert codes(alarm("A", 90), alarm("B", 90, on_delay_s=60.0)) == []


@pytest.mark.parametrize(("direction", "near", "far"), [("above", 90, 95), ("below", 10, 5)])
def test_the_more_urgent_limit_must_be_the_farther_one(direction: str, near: float, far: float) -> None:
    urgent = alarm("U", near, direction=direction, priority=2, time_to_respond_s=60.0)
    mild = alarm("M", far, direction=direction, priority=4)
    assert codes(urgent, mild) == [("P51", "M")]


def test_limits_between_which_nothing_is_normal_are_told() -> None:
    assert codes(alarm("H", 10), alarm("L", 20, direction="below")) == [("P52", "H")]
    wide = alarm("H", 20, deadband=6), alarm("L", 10, direction="below", deadband=4)
    assert codes(*wide) == [("P52", "H")]


def test_an_urgent_alarm_says_how_soon() -> None:
    assert codes(alarm("HH", 95, priority=1)) == [("P53", "HH")]
    assert codes(alarm("HH", 95, priority=1, draft=True)) == []
