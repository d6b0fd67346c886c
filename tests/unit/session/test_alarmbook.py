"""The book of alarms: order, counts, acknowledging, and where alarms stand in the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from armillary.model.alarm import (
    ADVISORY_MARK,
    AlarmAct,
    AlarmActed,
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    Hiding,
    Presentation,
)
from armillary.model.alarm import ProcessState as S
from armillary.model.frame import WorldKind, empty_frame
from armillary.model.tags import TagSpec
from armillary.session.alarmbook import AlarmBook
from armillary.session.journal import line_of

TAGS = (
    TagSpec(slot=0, name="T-101.level", unit="m"),
    TagSpec(slot=1, name="P-101.state", states=((0.0, "off"), (2.0, "tripped"))),
)
SPECS = (
    AlarmSpec(id="high", slot=0, tag="T-101.level", limit=3.5, priority=2, title="Tank is nearly full"),
    AlarmSpec(id="trip", slot=1, tag="P-101.state", kind="state", values=(2.0,), priority=1),
    AlarmSpec(id="low", slot=0, tag="T-101.level", direction="below", limit=0.5, priority=4),
)
SHELF = Hiding(until_ns=2, shelved_ns=1, shelf_reason="chattering", shelf_actor="anna")
FRAME = empty_frame("w", WorldKind.LIVE)


class Door:
    """Stands for the world: keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, Callable[[object], None]]] = []

    def __call__(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.asked.append((message, callback))


def state(name: str, process: S = S.UNACK, at: int = 1, **more: object) -> AlarmState:
    return AlarmState(id=name, process=process, occurrence=f"{name}-{at}", raised_ns=at, **more)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def book(door: Door) -> AlarmBook:
    out = AlarmBook(door, lambda spec: {"high": 2, "trip": 4}.get(spec.id), lambda: TAGS)
    out.welcome(SPECS)
    return out


def give(book: AlarmBook, *states: AlarmState) -> None:
    book.take(replace(FRAME, alarms=states))


def test_what_waits_for_a_person_comes_first_then_priority_then_the_newest(book: AlarmBook) -> None:
    give(book, state("trip", S.ACKED, 9), state("low", at=5), state("high", at=3))
    assert [row.id for row in book.rows()] == ["high", "low", "trip"]
    assert book.counts().by_priority == (1, 1, 0, 1)
    assert book.counts().unacknowledged == (0, 1, 0, 1)
    give(book, state("trip", S.UNACK, 10))
    assert [row.id for row in book.rows()] == ["trip", "high", "low"]


def test_an_alarm_that_is_normal_again_or_hidden_leaves_the_list(book: AlarmBook) -> None:
    give(book, state("high"), state("low"))
    give(book, state("high", S.NORM), state("low", hiding=SHELF))
    assert book.rows() == ()
    give(book, state("low"))
    assert [row.id for row in book.rows()] == ["low"]


def test_hidden_alarms_are_counted_by_why_and_listed_on_their_own(book: AlarmBook) -> None:
    give(book, state("low", hiding=SHELF), state("high", S.NORM, hiding=Hiding(ticket="W-17")), state("trip"))
    assert book.hidden_text() == "Shelved 1 · Out of service 1"
    assert [(row.id, row.presentation) for row in book.hidden_rows()] == [
        ("high", Presentation.OUT_OF_SERVICE),
        ("low", Presentation.SHELVED),
    ]
    assert "by anna: chattering" in book.hidden_rows()[1].note
    assert book.counts().total == 1
    give(book, state("low", S.NORM), state("high", S.NORM))
    assert (book.hidden_text(), book.hidden_rows()) == ("", ())


def test_a_hidden_alarm_can_be_acknowledged(book: AlarmBook, door: Door) -> None:
    give(book, state("low", at=3, hiding=SHELF))
    assert book.acknowledge(["low"]) == 1
    assert door.asked[0][0] == AlarmAct(action="ack", occurrences=("low-3",))


def test_a_shelf_is_asked_for_by_id_with_why_and_how_long(book: AlarmBook, door: Door) -> None:
    book.shelve(["low", "high"], "chattering", 900.0)
    assert door.asked[0][0] == AlarmAct(
        action="shelve", occurrences=("low", "high"), comment="chattering", duration_s=900.0
    )


def test_an_alarm_that_the_world_did_not_announce_is_not_listed(book: AlarmBook) -> None:
    give(book, state("unheard-of"))
    assert book.rows() == ()


def test_an_alarm_that_came_to_be_is_listed_with_what_is_asked_of_its_server(book: AlarmBook) -> None:
    give(book, state("high"))
    theirs = AlarmSpec(id="opcua:plc:T1.High", slot=-1, tag="", title="T1 High", kind="link", priority=1)
    row = state(theirs.id, pending="acknowledging…")
    book.take(replace(FRAME, alarms=(row,), alarm_specs=(theirs,)))
    assert [(r.id, r.note) for r in book.rows()] == [(theirs.id, "acknowledging…"), ("high", "")]
    give(book, state("high", S.NORM))
    assert [r.id for r in book.rows()] == [theirs.id]


def test_a_row_says_what_and_why_in_words(book: AlarmBook) -> None:
    give(book, state("high", value=3.6, unverified=True), state("trip", value=2.0))
    trip, high = book.rows()
    assert (trip.text, trip.value, trip.limit) == ("P-101.state is tripped", "tripped", "is tripped")
    assert (high.text, high.value, high.limit) == ("Tank is nearly full", "3.6 m", "above 3.5 m")
    assert high.note.startswith("not verified")


def test_a_prediction_says_what_the_world_expects_and_has_a_mark_of_its_own(book: AlarmBook) -> None:
    soon = replace(SPECS[0], id="soon", kind="predicted", priority=3, horizon_s=600.0)
    book.welcome((*SPECS, soon))
    told = "T-101.level will be above 3.5 m in 9 min (90 % sure within 10 min)"
    give(book, state("soon", text=told, value=3.9), state("low"))
    row = next(row for row in book.rows() if row.id == "soon")
    assert (row.text, row.limit, row.mark) == (told, "above 3.5 m within 10 min", ADVISORY_MARK)
    give(book, state("soon", text=told.replace("9 min", "6 min"), value=3.9))
    assert next(row for row in book.rows() if row.id == "soon").text.endswith(
        "6 min (90 % sure within 10 min)"
    )
    assert next(row for row in book.rows() if row.id == "low").mark == 4
    event = AlarmEvent(
        id="soon", occurrence="soon#1", event="RAISE", before=S.NORM, after=S.UNACK, t_ns=1, priority=3
    )
    assert line_of(event, {"soon": soon}).advisory
    assert not line_of(replace(event, id="low"), {"low": SPECS[2]}).advisory


def test_acknowledging_names_the_occurrences_that_are_shown_now(book: AlarmBook, door: Door) -> None:
    give(book, state("high", at=3), state("trip", S.ACKED, 4))
    assert book.acknowledge(["high", "trip", "low"], "seen") == 1
    assert door.asked[0][0] == AlarmAct(action="ack", occurrences=("high-3",), comment="seen")
    assert book.acknowledge(["low"]) == 0
    assert len(door.asked) == 1


def test_why_an_alarm_was_not_acknowledged_is_told(book: AlarmBook, door: Door) -> None:
    told: list[str] = []
    book.told.connect(told.append)
    give(book, state("high"))
    book.acknowledge(["high"])
    door.asked[0][1](AlarmActed(results=("", "That occurrence is over; a newer one is active")))
    assert told == ["That occurrence is over; a newer one is active"]


def test_next_goes_round_those_that_wait(book: AlarmBook) -> None:
    assert book.next() is None
    give(book, state("high"), state("low"), state("trip", S.ACKED))
    seen = []
    for step in (1, 1, 1, -1):
        row = book.next(step)
        assert row is not None
        book.choose([row.id])
        seen.append(row.id)
    assert seen == ["high", "low", "high", "low"]


def test_only_what_changed_is_announced(book: AlarmBook) -> None:
    changed: list[frozenset[str]] = []
    book.changed.connect(changed.append)
    give(book, state("high"))
    book.take(FRAME)
    assert changed == [frozenset({"high"})]


def test_events_are_kept_in_order(book: AlarmBook) -> None:
    events = tuple(
        AlarmEvent(id="high", occurrence="o", event=e, before=S.NORM, after=S.UNACK, t_ns=i, priority=2)
        for i, e in enumerate(("RAISE", "ACK"))
    )
    book.take(replace(FRAME, alarm_events=events))
    assert [e.event for e in book.events] == ["RAISE", "ACK"]
    book.welcome(tuple(book.specs.values()))
    book.take(replace(FRAME, alarm_events=events))
    assert [e.event for e in book.events] == ["RAISE", "ACK"], "told again by a world that greets us again"


PARENT = np.array([-1, 0, 1, 1, 0, 4, 4], np.int32)


def test_parents_carry_the_worst_that_waits_and_the_count(book: AlarmBook) -> None:
    book.place(SimpleNamespace(parent=PARENT))  # type: ignore[arg-type]  # only the parents are read
    give(book, state("high"), state("trip", S.ACKED), state("low"))
    rollup = book.rollup()
    assert rollup is not None
    assert rollup.unacknowledged.tolist() == [2, 2, 2, 0, 0, 0, 0]
    assert rollup.worst.tolist() == [1, 2, 2, 0, 1, 0, 0]
    assert rollup.count.tolist() == [2, 1, 1, 0, 1, 0, 0]
    assert rollup.mark.tolist() == [0, 0, 2, 0, 5, 5, 5]
    give(book, state("high", S.NORM), state("trip", S.NORM))
    assert book.rollup() is None
