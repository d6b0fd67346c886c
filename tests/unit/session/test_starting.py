"""Starting values of a new alarm by what its tag measures, and the priority that its consequence asks for."""

from __future__ import annotations

import pytest

from armillary.model.tags import TagSpec
from armillary.project.alarm_rating import rated
from armillary.session.starting import measured, starting


def tag(unit: str, name: str = "T.value", low: float = 0.0, high: float = 200.0) -> TagSpec:
    return TagSpec(slot=0, name=name, unit=unit, low=low, high=high)


@pytest.mark.parametrize(
    ("unit", "name", "what", "deadband", "delay"),
    [
        ("m³/h", "FT.flow", "flow", 10.0, 15.0),
        ("kg/h", "FT.mass", "flow", 10.0, 15.0),
        ("m", "T-101.level", "level", 10.0, 60.0),
        ("%", "T-101.level", "level", 10.0, 60.0),
        ("%", "V-1.opening", "", 4.0, 5.0),
        ("bar", "PT.p", "pressure", 4.0, 15.0),
        ("°C", "TT.t", "temperature", 2.0, 60.0),
        ("A", "M.current", "", 4.0, 5.0),
    ],
)
def test_deadband_and_delay_are_those_of_the_quantity(
    unit: str, name: str, what: str, deadband: float, delay: float
) -> None:
    made = tag(unit, name)
    assert measured(made) == what
    assert starting(made, "level") == {"deadband": deadband, "on_delay_s": delay}


def test_without_a_range_there_is_no_deadband_and_states_wait_for_a_second() -> None:
    assert starting(tag("bar", high=float("inf")), "level") == {"on_delay_s": 15.0}
    assert starting(tag(""), "state") == {"on_delay_s": 1.0}
    assert starting(tag("bar"), "count") == {"deadband": 4.0, "count": 5}
    assert starting(tag("bar"), "rate") == {}


@pytest.mark.parametrize(
    ("severity", "respond_s", "priority"),
    [
        ("minor", 0.0, 4), ("minor", 100.0, 3), ("major", 1_900.0, 4), ("major", 700.0, 3),
        ("major", 200.0, 2), ("severe", 0.0, 3), ("severe", 1_800.0, 2), ("severe", 600.0, 1),
        ("severe", 100.0, 1),
    ],
)  # fmt: skip
def test_the_priority_is_that_of_consequence_and_time_to_respond(
    severity: str, respond_s: float, priority: int
) -> None:
    assert rated(severity, respond_s) == priority
