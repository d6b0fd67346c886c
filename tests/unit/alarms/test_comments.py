"""A comment on an alarm: nothing of its state changes, the journal has it, and it has words."""

from __future__ import annotations

import pytest

from armillary.alarms.comments import NO_WORDS, NORMAL, commented
from armillary.alarms.evaluate import Evaluator
from armillary.alarms.machine import OVER
from armillary.model.alarm import AlarmAct, AlarmSpec, AlarmState, Hiding, ProcessState
from armillary.model.tags import TagSpec
from armillary.session.alarm_row import alarm_row
from armillary.session.journal import line_of

UNACK, ACKED = ProcessState.UNACK, ProcessState.ACKED
SPEC = AlarmSpec(id="HI", slot=0, tag="LT-1", title="Tank is full", priority=2)
STANDS = AlarmState(
    id="HI", process=UNACK, occurrence="HI#1", raised_ns=5, actor="bob", hiding=Hiding(rule="washing")
)


def test_a_comment_changes_nothing_of_an_alarm_and_is_one_line_of_the_journal() -> None:
    made = commented(STANDS, "HI#1", " fitter is on the way ", "anna", 9, SPEC)
    assert not made.refused
    assert not made.annunciates
    state = made.state
    assert (state.process, state.actor, state.hiding) == (UNACK, "bob", STANDS.hiding)
    assert (state.comment, state.commenter) == ("fitter is on the way", "anna")
    (event,) = made.events
    assert (event.event, event.before, event.after, event.actor) == ("COMMENT", UNACK, UNACK, "anna")
    assert line_of(event, {"HI": SPEC}).text == "commented on “fitter is on the way”"
    assert "“fitter is on the way” anna" in alarm_row(SPEC, state, None, -1).note


@pytest.mark.parametrize(
    ("state", "occurrence", "words", "why"),
    [
        (STANDS, "HI#1", "  ", NO_WORDS),
        (STANDS, "HI#0", "seen", OVER),
        (AlarmState(id="HI"), "HI#1", "seen", NORMAL),
    ],
)
def test_what_cannot_be_commented_on_is_refused(
    state: AlarmState, occurrence: str, words: str, why: str
) -> None:
    made = commented(state, occurrence, words, "anna", 9, SPEC)
    assert (made.refused, made.state, made.events) == (why, state, ())


def test_an_acknowledge_without_words_takes_no_comment_back() -> None:
    alarms = Evaluator([SPEC], (TagSpec(slot=0, name="LT-1"),))
    alarms.restore([AlarmState(id="HI", process=UNACK, occurrence="HI#1", raised_ns=5)], 6)

    def act(action: str, words: str = "") -> AlarmState:
        done = alarms.act(
            AlarmAct(action=action, occurrences=("HI#1",), comment=words),  # type: ignore[arg-type]
            "anna" if action == "comment" else "bob",
            7,
        )
        assert done.results == ("",)
        return next(iter(alarms.states()))

    act("comment", "valve sticks")
    state = act("ack")
    assert (state.process, state.actor, state.comment, state.commenter) == (
        ACKED,
        "bob",
        "valve sticks",
        "anna",
    )
    state = act("comment", "it is open again")
    assert (state.process, state.comment, state.commenter) == (ACKED, "it is open again", "anna")
