"""What a flood spares: inputs of counting alarms and of automatic actions, also of derived tags."""

from __future__ import annotations

from typing import Any

from armillary.model.alarm import AlarmSpec
from armillary.model.tags import TagSpec
from armillary.world.guarding import guarded

TAGS = [
    TagSpec(slot=0, name="a.x", link="m", address="a#x"),
    TagSpec(slot=1, name="a.y", link="m", address="a#y"),
    TagSpec(slot=2, name="a.sum", expression="a.x + a.y"),
    TagSpec(slot=3, name="a.twice", expression="a.sum * 2"),
    TagSpec(slot=4, name="b", link="m", address="b"),
]


def alarm(slot: int, **more: Any) -> AlarmSpec:
    return AlarmSpec(id=f"A{slot}", slot=slot, tag=TAGS[slot].name, **more)


def test_a_counting_alarm_spares_its_tag_and_a_level_does_not() -> None:
    assert guarded([alarm(0, kind="count"), alarm(4)], TAGS) == {0}


def test_a_derived_tag_spares_what_it_is_made_of() -> None:
    assert guarded([alarm(3, kind="count")], TAGS) == {0, 1, 2, 3}


def test_what_an_automatic_action_waits_for_is_spared() -> None:
    assert guarded([alarm(4)], TAGS, {"A4"}) == {4}
    assert guarded([alarm(1, action="cool down")], TAGS) == {1}


def test_an_alarm_without_a_tag_spares_nothing() -> None:
    assert guarded([AlarmSpec(id="link:m", slot=-1, tag="", kind="link")], TAGS) == frozenset()
