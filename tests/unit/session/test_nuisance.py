"""Chattering, floods and first-out as a desk works them out of what happened."""

from __future__ import annotations

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, Flood
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS
from armillary.session.nuisance import Nuisance

T0 = 1_790_000_000 * NS


def of(*names: str, group: str = "") -> Nuisance:
    out = Nuisance()
    specs = [AlarmSpec(id=name, slot=-1, tag="") for name in names]
    out.welcome(specs, lambda _spec: group)
    return out


def raised(name: str, at_s: float, source_ns: int = 0) -> AlarmEvent:
    return AlarmEvent(
        id=name,
        occurrence=f"{name}-{at_s}",
        event="RAISE",
        before=State.NORM,
        after=State.UNACK,
        t_ns=T0 + int(at_s * NS),
        priority=3,
        source_ns=source_ns,
    )


def stands(name: str, process: State = State.UNACK) -> AlarmState:
    return AlarmState(id=name, process=process, occurrence=name)


def test_three_raises_in_a_minute_are_chattering_until_ten_quiet_minutes() -> None:
    found = of("a")
    for at_s in (0, 30):
        found.note(raised("a", at_s), False)
    assert found.chatter("a") == 0
    found.note(raised("a", 60), False)
    assert found.chatter("a") == 3
    found.note(raised("a", 200), False)
    assert found.chatter("a") == 4
    assert found.tick(T0 + 799 * NS) == frozenset()
    assert found.tick(T0 + 800 * NS) == {"a"}
    assert found.chatter("a") == 0


def test_three_raises_in_more_than_a_minute_are_none() -> None:
    found = of("a")
    for at_s in (0, 30, 60.1):
        found.note(raised("a", at_s), False)
    assert found.chatter("a") == 0


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    found = of("a")
    for at_s in range(10):
        found.note(raised("a", at_s * 10), False)
    found.tick(T0 + 100 * NS)
    assert found.flood_text == ""
    found.note(raised("a", 100), False)
    found.tick(T0 + 100 * NS)
    assert found.flood_text == "Alarm flood: 11 in 10 min"
    assert found.flood_since_ns == T0
    found.tick(T0 + (600 + 50) * NS)  # five are left
    assert found.flood_text == "Alarm flood: 5 in 10 min"
    found.tick(T0 + (600 + 60) * NS)
    assert found.flood_text == ""


def test_a_flood_that_the_world_tells_of_is_one_though_the_desk_came_later() -> None:
    found = of("a")
    found.tick(T0, (Flood(since_ns=T0 - NS, count=37),))
    assert found.flood_text == "Alarm flood: 37 in 10 min"
    found.tick(T0 + NS)
    assert found.flood_text == ""


def test_what_is_hidden_or_came_late_makes_no_flood() -> None:
    found = of("a")
    for at_s in range(20):
        found.note(raised("a", at_s), True)
    found.tick(T0 + 20 * NS)
    assert (found.annunciated, found.chatter("a")) == (0, 0)


def test_the_first_of_a_group_is_marked_until_the_group_is_normal() -> None:
    found = of("a", "b", group="pump")
    found.note(raised("a", 0, 5), False)
    found.stand([stands("a")])
    assert found.first_out("a") == ""  # alone it says nothing
    found.note(raised("b", 1, 9), False)
    assert found.stand([stands("b")]) == {"a"}
    assert (found.first_out("a"), found.first_out("b")) == ("first", "")
    found.stand([stands("a", State.NORM)])
    found.stand([stands("b", State.NORM)])
    assert found.firsts() == ()
    found.note(raised("b", 20, 30), False)
    found.note(raised("a", 21, 31), False)
    found.stand([stands("a"), stands("b")])
    assert found.firsts() == ("b",)


def test_equal_source_times_are_a_tie() -> None:
    found = of("a", "b", group="pump")
    found.note(raised("a", 0, 5), False)
    found.note(raised("b", 0, 5), False)
    found.stand([stands("a"), stands("b")])
    assert (found.first_out("a"), found.first_out("b")) == ("tie", "tie")
