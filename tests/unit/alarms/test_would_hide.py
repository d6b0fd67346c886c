"""What rules would have hidden of the past, and that it is what they then hide."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.alarms.test_suppression import FLOW, LOW, PUMP, STOPPED, TAGS, Line

from armillary.alarms.would_hide import Course, names_of, of_alarm, would_hide
from armillary.model.alarm import AlarmEvent, Presentation, ProcessState, Suppression
from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD

T0 = 1_750_000_000 * NS


def course(*rows: tuple[float, float] | tuple[float, float, int]) -> Course:
    return Course(
        t_ns=np.array([T0 + int(r[0] * NS) for r in rows], np.int64),
        value=np.array([r[1] for r in rows], np.float64),
        quality=np.array([r[2] if len(r) > 2 else GOOD for r in rows], np.uint16),
    )


def raised(at_s: float, id_: str = "FLOW-L", priority: int = 3) -> AlarmEvent:
    return AlarmEvent(
        id=id_, occurrence=f"{id_}#1", event="RAISE", before=ProcessState.NORM, after=ProcessState.UNACK,
        t_ns=T0 + int(at_s * NS), priority=priority,
    )  # fmt: skip


def test_raises_while_the_condition_held_would_have_been_hidden_and_no_others() -> None:
    stopped = course((0, 1.0), (100, 0.0), (200, 1.0))
    events = [raised(50), raised(150), raised(204), raised(206, priority=1), raised(300)]
    found = would_hide(STOPPED, {"P-1.state": stopped}, TAGS, events, T0, T0 + 1000 * NS)
    assert found.spans == ((T0 + 100 * NS, T0 + 205 * NS),)
    assert (found.raises, found.of, found.urgent, found.unknown_ns) == ({"FLOW-L": 2}, 5, 0, 0)


def test_what_was_not_recorded_is_not_known_and_hides_nothing() -> None:
    found = would_hide(STOPPED, {}, TAGS, [raised(50)], T0, T0 + 100 * NS)
    assert (found.spans, found.raises, found.unknown_ns) == ((), {}, 100 * NS)


def test_a_condition_on_an_alarm_is_known_from_the_journal() -> None:
    rule = Suppression(id="t", when="alarm.TRIP and P-1.state < 3", alarms=("FLOW-L",))
    assert names_of(rule, TAGS, ["TRIP"]) == ("alarm.TRIP", "P-1.state")
    events = [raised(10, "TRIP"), raised(20), raised(90)]
    cleared = AlarmEvent(
        id="TRIP", occurrence="TRIP#1", event="CLEAR", before=ProcessState.UNACK, after=ProcessState.RTNUN,
        t_ns=T0 + 50 * NS, priority=3,
    )  # fmt: skip
    courses = {
        "alarm.TRIP": of_alarm("TRIP", [*events, cleared], T0),
        "P-1.state": course((0, 1.0)),
    }
    found = would_hide(rule, courses, TAGS, events, T0, T0 + 100 * NS)
    assert found.spans == ((T0 + 10 * NS, T0 + 55 * NS),)
    assert found.raises == {"FLOW-L": 1}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.sampled_from([0.0, 1.0]), st.sampled_from([GOOD, GOOD, BAD])),
        min_size=1,
        max_size=6,
    )
)
@example([(1, 0.0, GOOD), (1, 0.0, BAD), (65, 0.0, BAD)])
def test_the_past_is_hidden_as_the_present_would_be(steps: list[tuple[int, float, int]]) -> None:
    line = Line((STOPPED,), LOW)
    start = line.clock.now_ns()
    rows: list[tuple[float, float, int]] = []
    hidden: list[int] = []
    line.tick((FLOW, 10.0), after_s=0.0)
    for wait, value, quality in steps:
        for second in range(wait):
            news = [(PUMP, value, quality)] if second == 0 else []
            line.tick(*news)
            if second == 0:
                rows.append(((line.clock.now_ns() - start) / NS, value, quality))
            if line.shown() is Presentation.SUPPRESSED:
                hidden.append(line.clock.now_ns())
    end = line.clock.now_ns() + NS
    told = Course(
        t_ns=np.array([start + int(r[0] * NS) for r in rows], np.int64),
        value=np.array([r[1] for r in rows]),
        quality=np.array([r[2] for r in rows], np.uint16),
    )
    spans = would_hide(STOPPED, {"P-1.state": told}, TAGS, [], start, end).spans
    seconds = range(start + NS, end, NS)
    assert hidden == [t for t in seconds if any(begin <= t < until for begin, until in spans)]
