"""Chattering alarms, the first of a group, floods: what is said beside how alarms stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.alarms.test_kinds import ACKED, NORM, UNACK, Plant

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.nuisance import FLOOD_ID
from armillary.model.alarm import AlarmAct, AlarmSpec, Marks, Suppression
from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable

MANY = 40
TAGS = tuple(TagSpec(slot=i, name=f"T-{i}.value", link="plc" if i % 2 == 0 else "edge") for i in range(MANY))


def spec(i: int, **more: object) -> AlarmSpec:
    return AlarmSpec(id=f"A{i}", slot=i, tag=f"T-{i}.value", limit=50.0, **more)  # type: ignore[arg-type]


class Yard(Plant):
    """The plant of `test_kinds` with many tags of two links."""

    def __init__(self, *specs: AlarmSpec, rules: tuple[Suppression, ...] = ()) -> None:
        super().__init__()
        self.table = TagTable(MANY)
        self.alarms = Evaluator(specs, TAGS, rules, "north")

    def at(self, *rows: tuple[int, float, float]) -> Yard:
        """One tick with readings (slot, value, seconds ago at the plant)."""
        self.clock.advance(1.0)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        batch = batch_of(
            np.array([r[0] for r in rows], np.uint32),
            np.array([r[1] for r in rows]),
            np.array([now - int(r[2] * NS) for r in rows], np.int64),
            now,
            mono,
        )
        self.alarms.look(self.table, batch, now, mono)
        self.events += self.alarms.take()[1]
        return self

    def marks(self, id_: str) -> Marks:
        return self.state(id_).marks or Marks()

    def flaps(self, times: int, slot: int = 0, every_s: float = 10.0) -> None:
        for _ in range(times):
            self.tick((slot, 90.0), after_s=every_s / 2).tick((slot, 10.0), after_s=every_s / 2)


# ---------------------------------------------------------------- chattering


def test_three_raises_in_a_minute_are_chatter() -> None:
    yard = Yard(spec(0))
    yard.flaps(2)
    assert yard.marks("A0").chatter == 0
    yard.flaps(1)
    assert yard.marks("A0").chatter == 3
    assert yard.words.count("CHATTER") == 1
    yard.flaps(4)
    assert yard.marks("A0").chatter == 7
    assert yard.words.count("CHATTER") == 1
    assert yard.words.count("RAISE") == 7  # the journal still holds every transition


def test_three_raises_in_more_than_a_minute_are_none() -> None:
    yard = Yard(spec(0))
    yard.flaps(6, every_s=31.0)
    assert yard.marks("A0").chatter == 0


def test_chatter_ends_ten_minutes_after_the_last_raise() -> None:
    yard = Yard(spec(0))
    yard.flaps(3)
    yard.tick(after_s=590.0)
    assert yard.marks("A0").chatter == 3
    yard.tick(after_s=10.0)
    assert yard.state("A0").marks is None
    assert yard.words[-1] == "CHATTER-END"


def test_an_alarm_that_chatters_does_so_after_a_restart_too() -> None:
    yard = Yard(spec(0))
    yard.flaps(3)
    again = Yard(spec(0))
    again.alarms.restore(yard.alarms.states(), again.clock.now_ns())
    again.flaps(1)
    assert again.marks("A0").chatter == 4


# ---------------------------------------------------------------- first-out


def group(*rows: int) -> tuple[AlarmSpec, ...]:
    return tuple(spec(i, group="pump") for i in rows)


def test_the_first_alarm_of_a_group_is_marked_and_keeps_its_mark() -> None:
    yard = Yard(*group(0, 2, 4), spec(6))
    yard.tick((2, 90.0)).tick((0, 90.0), (4, 90.0), (6, 90.0))
    assert {i: yard.marks(i).first_out for i in ("A0", "A2", "A4", "A6")} == {
        "A0": "", "A2": "first", "A4": "", "A6": "",
    }  # fmt: skip


def test_within_one_tick_the_time_at_the_plant_decides_then_the_priority() -> None:
    yard = Yard(*group(0, 2, 4))
    yard.at((0, 90.0, 0.1), (2, 90.0, 0.3), (4, 90.0, 0.2))
    assert [yard.marks(i).first_out for i in ("A0", "A2", "A4")] == ["", "first", ""]
    urgent = Yard(*(replace(each, priority=p) for each, p in zip(group(0, 2, 4), (3, 3, 1), strict=True)))
    urgent.at((0, 90.0, 0.1), (2, 90.0, 0.1), (4, 90.0, 0.1))
    assert [urgent.marks(i).first_out for i in ("A0", "A2", "A4")] == ["", "", "first"]


def test_equal_times_and_priorities_are_a_tie() -> None:
    yard = Yard(*group(0, 2))
    yard.at((0, 90.0, 0.1), (2, 90.0, 0.1))
    assert yard.marks("A0").first_out == "tie"


@pytest.mark.parametrize(("doubt_s", "mark"), [(0.05, "first"), (0.3, "tie")])
def test_times_of_two_links_are_a_tie_where_their_clocks_are_too_unsure(doubt_s: float, mark: str) -> None:
    yard = Yard(*group(0, 1))
    yard.alarms.doubt({"edge": int(doubt_s * NS)})
    yard.at((0, 90.0, 0.2), (1, 90.0, 0.0))
    assert yard.marks("A0").first_out == mark


def test_the_mark_stays_until_the_group_is_normal_and_acknowledged() -> None:
    yard = Yard(*group(0, 2))
    yard.tick((0, 90.0)).tick((2, 90.0)).tick((0, 10.0))
    yard.act("ack", "A0")
    assert (yard.state("A0").process, yard.marks("A0").first_out) == (NORM, "first")
    yard.tick((2, 10.0))
    assert yard.marks("A0").first_out == "first"
    yard.act("ack", "A2")
    yard.tick()
    assert yard.state("A0").marks is None
    assert yard.words[-1] == "FIRST-OUT-END"
    yard.tick((2, 90.0))
    assert yard.marks("A2").first_out == "first"


def test_a_hidden_alarm_is_not_the_first_and_keeps_no_group_busy() -> None:
    yard = Yard(*group(0, 2, 4))
    act = AlarmAct(action="remove", occurrences=("A0",), comment="WO-7")
    yard.alarms.act(act, "eva", yard.clock.now_ns(), is_engineer=True)
    yard.tick((0, 90.0)).tick((2, 90.0))
    assert [yard.marks(i).first_out for i in ("A0", "A2")] == ["", "first"]


def test_a_mark_goes_on_over_a_restart() -> None:
    yard = Yard(*group(0, 2))
    yard.tick((0, 90.0)).tick((2, 90.0))
    again = Yard(*group(0, 2))
    again.alarms.restore(yard.alarms.states(), again.clock.now_ns())
    again.tick((0, 10.0), (2, 90.0))
    again.act("ack", "A0")
    again.tick((2, 90.0))
    assert again.marks("A0").first_out == "first"
    again.tick((2, 10.0))
    again.act("ack", "A2")
    again.tick()
    assert again.state("A0").marks is None


# ---------------------------------------------------------------- floods


def test_more_than_ten_calls_in_ten_minutes_are_a_flood_until_there_are_fewer_than_five() -> None:
    yard = Yard(*(spec(i) for i in range(MANY)))
    for i in range(10):
        yard.tick((i, 90.0), after_s=30.0)
    assert yard.alarms.flood is None
    yard.tick((10, 90.0), after_s=30.0)
    flood = yard.alarms.flood
    assert flood is not None
    assert (flood.count, flood.area, flood.since_ns) == (11, "north", yard.clock.now_ns())
    assert [(e.event, e.id) for e in yard.events[-1:]] == [("FLOOD-BEGIN", FLOOD_ID)]
    yard.tick(after_s=449.0)
    assert yard.alarms.flood is not None
    yard.tick(after_s=32.0)
    assert yard.alarms.flood is None
    assert yard.words[-1] == "FLOOD-END"


def test_what_is_hidden_makes_no_flood() -> None:
    rule = Suppression(id="off", when="T-39.value == 0", alarms=tuple(f"A{i}" for i in range(30)))
    yard = Yard(*(spec(i) for i in range(30)), rules=(rule,))
    yard.tick((39, 0.0), *((i, 90.0) for i in range(30)))
    assert yard.words.count("RAISE") == 30
    assert yard.alarms.flood is None


def test_an_alarm_that_chatters_is_no_flood() -> None:
    yard = Yard(spec(0))
    yard.flaps(50, every_s=4.0)
    assert yard.words.count("RAISE") == 50
    assert yard.alarms.flood is None


def test_a_clock_that_is_set_neither_begins_nor_ends_a_flood() -> None:
    yard = Yard(*(spec(i) for i in range(MANY)))
    for i in range(11):
        yard.tick((i, 90.0), after_s=1.0)
    yard.clock.jump(7 * 3600.0)
    yard.tick()
    assert yard.alarms.flood is not None


def test_an_acknowledged_alarm_that_asks_again_calls_people() -> None:
    yard = Yard(*(spec(i, re_alarm_s=60.0) for i in range(6)))
    yard.tick(*((i, 90.0) for i in range(6)))
    for i in range(6):
        yard.act("ack", f"A{i}")
    yard.tick(after_s=61.0)
    assert yard.state("A0").process is UNACK
    assert yard.state("A0").process is not ACKED
    assert yard.alarms.flood is not None
