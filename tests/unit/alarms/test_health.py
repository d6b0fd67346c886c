"""What a journal says of an alarm system, against counts made by hand and a slow twin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.alarms import health as judging
from armillary.alarms.health import Health, Noted, health
from armillary.model.alarm import AlarmEvent, Presentation, ProcessState
from armillary.model.clock import NS

N, U = ProcessState.NORM, ProcessState.UNACK
DAY0 = 1_750_032_000 * NS  # midnight
HOUR, DAY = 3_600, 86_400


def note(
    what: str, t_s: float, id_: str = "A", priority: int = 4, occurrence: str = "", hidden: bool = False
) -> Noted:
    event = AlarmEvent(
        id=id_,
        occurrence=occurrence or f"{id_}#1",
        event=what,
        before=N,
        after=U,
        t_ns=DAY0 + int(t_s * NS),
        priority=priority,
    )
    return Noted(event=event, presentation=Presentation.SHELVED if hidden else Presentation.SHOWN)


def of_day(notes: Sequence[Noted], days: float = 1) -> Health:
    return health(notes, DAY0, DAY0 + int(days * DAY * NS))


def value(found: Health, name: str) -> float:
    return next(metric.value for metric in found.metrics if metric.name == name)


def test_a_silent_day_is_good_and_empty_periods_count() -> None:
    found = of_day([])
    assert len(found.periods) == 144
    assert value(found, "per 10 min, mean") == 0
    assert {m.verdict for m in found.metrics} <= {"good", ""}
    assert found.is_indicative


def test_rates_are_those_of_the_whole_span_not_of_the_busy_part() -> None:
    found = of_day([note("RAISE", 10 * HOUR + 20 * i, occurrence=f"A#{i}") for i in range(12)])
    assert value(found, "per hour, mean") == pytest.approx(0.5)
    assert value(found, "most in 10 min") == 12
    assert value(found, "10 min with more than 10") == pytest.approx(100 / 144)
    verdicts = {m.name: m.verdict for m in found.metrics}
    assert verdicts["per hour, mean"] == "good"
    assert verdicts["most in 10 min"] == "over maximum"
    assert verdicts["10 min with more than 10"] == "good"


def test_a_flood_begins_with_the_eleventh_in_ten_minutes_and_ends_below_five() -> None:
    notes = [note("RAISE", 1000 + 10 * i, id_=f"A{i}") for i in range(11)]
    (flood,) = of_day(notes).floods
    assert (flood.from_ns - DAY0) / NS == 1000
    assert flood.count == 11
    # the seventh to leave the ten minutes leaves four
    assert (flood.to_ns - DAY0) / NS == 1000 + 60 + 600
    assert of_day(notes[:10]).floods == ()


def test_three_raises_in_a_minute_chatter_once_until_ten_quiet_minutes() -> None:
    first = [note("RAISE", t) for t in (0, 20, 40, 60, 80)]
    again = [note("RAISE", t) for t in (2000, 2010, 2020)]
    found = of_day([*first, *again])
    assert found.chattering == ("A",)
    assert found.top[0].chatters == 2
    assert of_day([note("RAISE", t) for t in (0, 40, 80)]).chattering == ()


def test_fleeting_is_over_in_ten_seconds_without_an_answer() -> None:
    notes = [
        note("RAISE", 0),
        note("CLEAR", 9),
        note("RAISE", 100, "B"),
        note("ACK", 101, "B"),
        note("CLEAR", 105, "B"),
        note("RAISE", 200, "C"),
        note("CLEAR", 211, "C"),
    ]
    found = of_day(notes)
    assert value(found, "fleeting") == 1
    assert value(found, "never acknowledged before return") == 2


def test_answers_are_told_by_priority_as_medians() -> None:
    notes = [
        each
        for i, seconds in enumerate((10, 30, 50))
        for each in (
            note("RAISE", 100 * i, priority=2, occurrence=f"A#{i}"),
            note("ACK", 100 * i + seconds, priority=2, occurrence=f"A#{i}"),
        )
    ]
    assert of_day(notes).answer_s == {2: 30.0}


def test_what_was_raised_while_hidden_is_in_its_own_column_only() -> None:
    found = of_day([note("RAISE", 0, hidden=True), note("RAISE", 1, "B")])
    assert (found.hidden, value(found, "annunciated"), found.by_priority[4]) == (1, 1, 1)


def test_what_stood_before_the_span_is_known_to_stand_still() -> None:
    found = of_day([note("RAISE", -HOUR)], days=2)
    assert found.standing == ("A",)
    assert value(found, "annunciated") == 0


def test_late_ones_never_stood() -> None:
    late = note("RAISE", 0)
    from dataclasses import replace

    assert value(of_day([Noted(event=replace(late.event, late=True))]), "annunciated") == 0


@given(st.lists(st.integers(0, 4_000), max_size=60))
def test_floods_and_periods_are_those_of_a_slow_twin(seconds: list[int]) -> None:
    times = sorted(seconds)
    found = of_day([note("RAISE", t, id_=f"A{i}") for i, t in enumerate(times)])
    assert found.periods.sum() == len(times)
    assert found.periods.tolist()[:7] == [sum(600 * k <= t < 600 * (k + 1) for t in times) for k in range(7)]
    most = max((sum(t - 600 < other <= t for other in times) for t in times), default=0)
    assert bool(found.floods) is (most > judging.FLOOD_BEGINS)
    ends = [0, *(flood.to_ns for flood in found.floods)]
    assert all(flood.from_ns < flood.to_ns for flood in found.floods)
    assert ends == sorted(ends)
    assert sum(flood.count for flood in found.floods) <= len(times)
    assert np.all(found.periods >= 0)
