"""Where alarms stand: roll-up with marks, what waits at hidden branches, dots of what is hidden."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from armillary.model.alarm import ADVISORY_MARK, AlarmSpec, AlarmState, Hiding
from armillary.model.alarm import ProcessState as S
from armillary.session.alarm_places import Places
from armillary.session.alarm_table import AlarmTable

# 0 plant ─ 1 pump ─ 2 bearing, 3 motor; 4 tank ─ 5 gauge
SCENE = SimpleNamespace(parent=np.array([-1, 0, 1, 1, 0, 4], np.int32))
SPECS = tuple(
    AlarmSpec(id=name, slot=i, tag=name, priority=priority)
    for i, (name, priority) in enumerate((("hot", 1), ("loud", 3), ("full", 2), ("lost", 4)))
)
AT = {"hot": 2, "loud": 2, "full": 5}


@pytest.fixture
def places() -> Places:
    out = Places(AlarmTable(SPECS))
    out.locate(AT, SCENE, ())
    return out


def give(places: Places, **states: S | AlarmState) -> None:
    places.table.take(
        s if isinstance(s, AlarmState) else AlarmState(id=n, process=s) for n, s in states.items()
    )


def test_the_badge_of_a_part_has_its_worst_that_waits_and_how_many(places: Places) -> None:
    give(places, hot=S.ACKED, loud=S.UNACK, full=S.UNACK, lost=S.UNACK)
    prim, worst, count = places.waiting(set())
    assert (prim.tolist(), worst.tolist(), count.tolist()) == ([2, 5], [3, 2], [1, 1])
    give(places, hot=S.UNACK)
    assert [found.tolist() for found in places.waiting(set())] == [[2, 5], [1, 2], [2, 1]]
    assert places.table.counts() == ([1, 1, 1, 1], [1, 1, 1, 1])


def test_what_is_only_predicted_is_less_than_any_alarm(places: Places) -> None:
    soon = replace(SPECS[1], kind="predicted")
    places = Places(AlarmTable((SPECS[0], soon, *SPECS[2:])))
    places.locate({**AT, "lost": 2}, SCENE, ())
    give(places, loud=S.UNACK)
    assert [found.tolist() for found in places.waiting(set())] == [[2], [ADVISORY_MARK], [1]]
    give(places, lost=S.UNACK)
    assert [found.tolist() for found in places.waiting(set())] == [[2], [4], [2]]


def test_what_is_inside_hidden_branches_stands_at_the_uppermost(places: Places) -> None:
    give(places, hot=S.UNACK, full=S.UNACK)
    assert places.waiting({1})[0].tolist() == [1, 5]
    assert places.waiting({2, 1})[0].tolist() == [1, 5]
    assert places.waiting({0, 5, 99})[0].tolist() == [0]
    assert places.waiting({3})[0].tolist() == [2, 5]


def test_marks_cover_what_is_below_and_waiting_outranks_worse(places: Places) -> None:
    places.locate({"hot": 1, "loud": 2, "full": 4}, SCENE, ())
    give(places, hot=S.ACKED, loud=S.UNACK, full=S.ACKED)
    rollup = places.rollup()
    assert rollup is not None
    assert rollup.mark.tolist() == [0, 5, 3, 5, 6, 6]
    assert rollup.waiting[0].tolist() == [0, 0, 1, 0]


def test_a_persons_shelf_leaves_a_dot_and_a_rule_only_where_it_hides_something(places: Places) -> None:
    shelf, rule = Hiding(until_ns=9, shelved_ns=1, shelf_reason="chattering"), Hiding(rule="pump stands")
    give(places, hot=AlarmState(id="hot", hiding=shelf), full=AlarmState(id="full", hiding=rule))
    rollup = places.rollup()
    assert rollup is not None
    assert rollup.hidden.tolist() == [1, 1, 1, 0, 0, 0]
    assert not rollup.count.any()
    assert not rollup.mark.any()
    assert places.holders(SCENE.parent).tolist() == [1]
    give(places, full=AlarmState(id="full", process=S.UNACK, hiding=rule))
    assert places.holders(SCENE.parent).tolist() == [1, 4]
    assert places.waiting(set())[0].tolist() == []
    give(places, hot=S.NORM, full=S.NORM)
    assert places.rollup() is None


def test_assets_roll_up_too_and_are_found_anew_only_when_they_differ(places: Places) -> None:
    give(places, hot=S.UNACK)
    before = places.over
    places.locate(AT, SCENE, ())
    assert places.over is before
    places.locate(AT, SCENE, ((2, 4),))
    rollup = places.rollup()
    assert rollup is not None
    assert rollup.unacknowledged.tolist() == [1, 1, 1, 0, 1, 0]
    places.locate(AT, None, ())
    assert places.rollup() is None


def test_the_worst_of_each_part_is_told_first_and_of_two_the_newer(places: Places) -> None:
    give(
        places,
        loud=S.UNACK,
        full=AlarmState(id="full", process=S.UNACK, raised_ns=5),
        hot=AlarmState(id="hot", process=S.ACKED, raised_ns=9),
        lost=S.UNACK,
    )
    assert places.worst(9, set()) == [("full", 5), ("loud", 2)]
    give(places, hot=AlarmState(id="hot", process=S.UNACK, raised_ns=9))
    assert places.worst(9, {1}) == [("hot", 1), ("full", 5)]
    assert places.worst(1, set()) == [("hot", 2)]


def test_an_alarm_that_was_not_announced_is_no_place(places: Places) -> None:
    give(places, **{"unheard-of": S.UNACK})
    assert places.table.counts() == ([0] * 4, [0] * 4)
