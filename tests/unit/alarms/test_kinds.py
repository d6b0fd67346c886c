"""Alarms on what no tag holds: slopes, distances, commands not followed, conditions; and several limits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmAct, AlarmEvent, AlarmLevel, AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import ManualClock
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.sample import batch_of, taken
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD = ProcessState
T, SP, CMD, POS, RUN = range(5)
TAGS = (
    TagSpec(slot=T, name="TT-1.value", unit="°C", expected_ms=1000),
    TagSpec(slot=SP, name="TT-1.setpoint", unit="°C"),
    TagSpec(slot=CMD, name="V-1.command"),
    TagSpec(slot=POS, name="V-1.open"),
    TagSpec(slot=RUN, name="P-1.state", kind="enum", states=((0.0, "stopped"), (1.0, "running"))),
)
RATE = AlarmSpec(id="RATE", slot=T, tag="TT-1.value", kind="rate", limit=2.0, deadband=0.5)
DEVIATION = AlarmSpec(
    id="DEV", slot=T, tag="TT-1.value", kind="deviation", limit=5.0, deadband=1.0,
    reference="TT-1.setpoint", reference_slot=SP,
)  # fmt: skip
FOLLOWS = AlarmSpec(
    id="FOL", slot=POS, tag="V-1.open", kind="discrepancy", reference="V-1.command", reference_slot=CMD,
    on_delay_s=4.0,
)  # fmt: skip
DRY = AlarmSpec(id="DRY", slot=-1, tag="", kind="expression", expression="P-1.state == 1 and V-1.open < 0.1")
HIGH = AlarmSpec(
    id="HI", slot=T, tag="TT-1.value", limit=80.0, deadband=2.0, priority=3,
    levels=(
        AlarmLevel(name="H", limit=80.0, priority=3),
        AlarmLevel(name="HH", limit=90.0, priority=1),
        AlarmLevel(name="HHH", limit=95.0, priority=1),
    ),
)  # fmt: skip


class Plant:
    """A table, a clock and an evaluator; `tick` gives readings as the core does."""

    def __init__(self, *specs: AlarmSpec) -> None:
        self.clock = ManualClock()
        self.table = TagTable(len(TAGS))
        self.alarms = Evaluator(specs, TAGS)
        self.events: list[AlarmEvent] = []

    def tick(self, *rows: tuple[int, float] | tuple[int, float, int], after_s: float = 1.0) -> Plant:
        self.clock.advance(after_s)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        batch = batch_of(
            np.array([r[0] for r in rows], np.uint32),
            np.array([r[1] for r in rows], np.float64),
            now + np.arange(len(rows), dtype=np.int64) * 1_000_000,
            now,
            mono,
            quality=np.array([r[2] if len(r) > 2 else GOOD for r in rows], np.uint16),
        )
        kept = applying.apply(self.table, batch).outcome < applying.LATE
        self.alarms.look(self.table, taken(batch, np.flatnonzero(kept)), now, mono)
        self.events += self.alarms.take()[1]
        return self

    def ages(self, slot: int, word: int, after_s: float = 1.0) -> Plant:
        self.table.quality[slot] = word
        return self.tick(after_s=after_s)

    def act(self, action: str, id_: str = "") -> str:
        act = AlarmAct(action=action, occurrences=(self.state(id_).occurrence,))  # type: ignore[arg-type]
        [result] = self.alarms.act(act, "anna", self.clock.now_ns()).results
        self.events += self.alarms.take()[1]
        return result

    def state(self, id_: str = "") -> AlarmState:
        return next(s for s in self.alarms.states() if not id_ or s.id == id_)

    @property
    def words(self) -> list[str]:
        return [e.event for e in self.events]


# ---------------------------------------------------------------- rate of change


def test_a_tag_that_rises_too_fast_raises_by_the_line_through_its_window() -> None:
    plant = Plant(RATE)
    for i in range(11):
        plant.tick((T, 20.0 + 1.9 * i))
    assert plant.words == []
    for i in range(6):
        plant.tick((T, 39.0 + 4.0 * (i + 1)))
    assert plant.words == ["RAISE"]
    assert plant.events[0].text.startswith("TT-1.value rises by ")
    assert "more than 2 °C/s, over 10 s" in plant.events[0].text


def test_one_spike_is_no_slope() -> None:
    plant = Plant(RATE)
    for i in range(20):
        plant.tick((T, 35.0 if i == 12 else 20.0))
    assert plant.words == []


@pytest.mark.parametrize(("samples", "raises"), [(2, False), (5, False), (6, True)])
def test_a_slope_wants_three_samples_and_half_of_its_window(samples: int, raises: bool) -> None:
    plant = Plant(RATE)
    for i in range(samples):
        plant.tick((T, 20.0 + 9.0 * i))
    assert (plant.words == ["RAISE"]) is raises


def test_three_samples_over_half_the_window_are_enough() -> None:
    plant = Plant(RATE)
    for i in range(3):
        plant.tick((T, 20.0 + 9.0 * i), after_s=2.5)
    assert plant.words == ["RAISE"]


def test_bad_and_doubtful_samples_are_not_in_the_line() -> None:
    plant = Plant(RATE)
    for i in range(20):
        plant.tick((T, 900.0, UNCERTAIN) if i % 3 == 1 else (T, 20.0))
    assert plant.words == []


def test_a_fall_counts_where_both_sides_do_and_where_below_is_asked() -> None:
    both = replace(RATE, two_sided=True)
    below = replace(RATE, id="FALL", direction="below", limit=-2.0)
    plant = Plant(RATE, replace(both, id="BOTH"), below)
    for i in range(8):
        plant.tick((T, 90.0 - 3.0 * i))
    assert sorted(e.id for e in plant.events) == ["BOTH", "FALL"]


def test_a_rate_that_nobody_can_tell_any_more_is_unverified_and_stays() -> None:
    plant = Plant(RATE)
    for i in range(7):
        plant.tick((T, 20.0 + 5.0 * i))
    assert plant.words == ["RAISE"]
    for _ in range(12):
        plant.tick()
    assert plant.words == ["RAISE", "UNVERIFIED"]
    assert plant.state().process is UNACK
    for _ in range(7):
        plant.tick((T, 50.0))
    assert plant.words == ["RAISE", "UNVERIFIED", "VERIFIED", "CLEAR"]


def test_every_sample_of_one_tick_is_in_the_line() -> None:
    plant = Plant(RATE)
    for i in range(7):
        rows = [(T, 20.0 + 3.0 * i + 3.0 * n / 200) for n in range(200)]
        plant.tick(*rows)
    assert plant.words == ["RAISE"]


# ---------------------------------------------------------------- deviation


def test_a_value_too_far_from_its_setpoint_raises_and_clears_with_a_deadband() -> None:
    plant = Plant(DEVIATION)
    plant.tick((SP, 50.0), (T, 55.0))
    assert plant.words == []
    plant.tick((T, 44.9))
    assert plant.words == ["RAISE"]
    assert plant.events[0].text == "TT-1.value is 5.1 °C away from TT-1.setpoint, more than 5 °C"
    plant.tick((T, 45.5))
    assert plant.words == ["RAISE"]
    plant.tick((T, 46.0))
    assert plant.words == ["RAISE", "CLEAR"]


def test_a_reference_that_moves_raises_too() -> None:
    plant = Plant(DEVIATION)
    plant.tick((SP, 50.0), (T, 50.0)).tick((SP, 60.0))
    assert plant.words == ["RAISE"]


def test_a_deviation_between_two_readings_of_one_tick_is_seen() -> None:
    plant = Plant(DEVIATION)
    plant.tick((SP, 50.0), (T, 50.0))
    plant.tick((T, 60.0), (SP, 60.0))
    assert plant.words == ["RAISE", "CLEAR"]


@pytest.mark.parametrize("slot", [T, SP])
def test_a_deviation_is_not_evaluated_while_either_side_is_bad(slot: int) -> None:
    plant = Plant(DEVIATION)
    plant.tick((SP, 50.0), (T, 50.0)).ages(slot, STALE)
    other = SP if slot == T else T
    plant.tick((other, 90.0))
    assert plant.words == []
    plant.tick((slot, 50.0))
    assert plant.words == ["RAISE"]


def test_an_active_deviation_with_a_stale_reference_is_unverified_and_has_not_cleared() -> None:
    plant = Plant(DEVIATION)
    plant.tick((SP, 50.0), (T, 90.0)).ages(SP, STALE)
    plant.tick((T, 50.0))
    assert plant.words == ["RAISE", "UNVERIFIED"]
    plant.ages(SP, GOOD)  # a carrier proved it alive: no reading, and the distance is known again
    assert plant.words == ["RAISE", "UNVERIFIED", "VERIFIED", "CLEAR"]


def test_a_constant_setpoint_needs_no_tag() -> None:
    plant = Plant(replace(DEVIATION, reference="", reference_slot=-1, setpoint=40.0))
    plant.tick((T, 44.0)).tick((T, 46.0))
    assert plant.words == ["RAISE"]
    assert "away from its setpoint 40 °C" in plant.events[0].text


# ---------------------------------------------------------------- discrepancy


def test_a_valve_that_follows_within_its_travel_time_is_no_alarm() -> None:
    plant = Plant(FOLLOWS)
    plant.tick((CMD, 0.0), (POS, 0.0)).tick((CMD, 1.0))
    for _ in range(3):
        plant.tick()
    plant.tick((POS, 1.0), after_s=0.9).tick(after_s=10.0)
    assert plant.words == []


def test_a_valve_that_does_not_follow_raises_after_its_travel_time() -> None:
    plant = Plant(FOLLOWS)
    plant.tick((CMD, 0.0), (POS, 0.0)).tick((CMD, 1.0))
    for _ in range(4):
        plant.tick()
    assert plant.words == ["RAISE"]
    assert plant.events[0].text == "V-1.open has not followed V-1.command for 4 s"
    plant.tick((CMD, 0.0))
    assert plant.words == ["RAISE", "CLEAR"]


# ---------------------------------------------------------------- expressions


def test_a_condition_over_several_tags_raises_when_it_becomes_true() -> None:
    plant = Plant(DRY)
    plant.tick((RUN, 1.0), (POS, 1.0))
    assert plant.words == []
    plant.tick((POS, 0.0))
    assert plant.words == ["RAISE"]
    assert plant.events[0].text == "P-1.state == 1 and V-1.open < 0.1 is true"
    plant.tick((RUN, 0.0))
    assert plant.words == ["RAISE", "CLEAR"]


def test_a_condition_that_is_not_known_keeps_its_state_and_says_so() -> None:
    plant = Plant(DRY)
    plant.tick((RUN, 1.0), (POS, 0.0)).tick((POS, 0.0, BAD))
    assert (plant.state().process, plant.state().unverified) == (UNACK, True)
    plant.tick((POS, 0.0))
    assert (plant.state().process, plant.state().unverified) == (UNACK, False)
    assert plant.words == ["RAISE", "UNVERIFIED", "VERIFIED"]


def test_a_condition_true_for_one_reading_within_a_tick_is_seen() -> None:
    plant = Plant(DRY)
    plant.tick((RUN, 1.0), (POS, 1.0))
    plant.tick((POS, 0.0), (POS, 1.0))
    assert plant.words == ["RAISE", "CLEAR"]


def test_a_condition_on_the_quality_of_a_tag_sees_it_age_without_a_reading() -> None:
    spec = AlarmSpec(id="Q", slot=-1, tag="", kind="expression", expression="not good(TT-1.value)")
    plant = Plant(spec)
    plant.tick((T, 20.0)).ages(T, STALE)
    assert plant.words == ["RAISE"]
    plant.ages(T, GOOD)
    assert plant.words == ["RAISE", "CLEAR"]


def test_a_condition_on_the_age_of_a_tag_comes_true_by_time_alone() -> None:
    spec = AlarmSpec(id="AGE", slot=-1, tag="", kind="expression", expression="age(P-1.state) > 5")
    plant = Plant(spec)
    plant.tick((RUN, 1.0))
    for _ in range(5):
        plant.tick()
    assert plant.words == []
    plant.tick()
    assert plant.words == ["RAISE"]
    plant.tick((RUN, 1.0))
    assert plant.words == ["RAISE", "CLEAR"]


def test_a_condition_waits_for_its_delay() -> None:
    plant = Plant(replace(DRY, on_delay_s=3.0))
    plant.tick((RUN, 1.0), (POS, 0.0)).tick().tick((POS, 1.0)).tick((POS, 0.0)).tick().tick()
    assert plant.words == []
    assert plant.tick().words == ["RAISE"]


def test_drafts_of_every_kind_watch_nothing() -> None:
    plant = Plant(*(replace(s, draft=True) for s in (RATE, DEVIATION, FOLLOWS, DRY, HIGH)))
    plant.tick((SP, 0.0), (T, 99.0), (RUN, 1.0), (POS, 0.0)).tick((T, 199.0))
    assert plant.words == []


# ---------------------------------------------------------------- states


def test_a_state_that_is_neither_normal_nor_an_alarm_is_an_unknown_state() -> None:
    spec = AlarmSpec(id="ST", slot=CMD, tag="V-1.command", kind="state", values=(2.0,), normal=(0.0, 1.0))
    plant = Plant(spec)
    plant.tick((CMD, 1.0)).tick((CMD, 7.0))
    assert [e.text for e in plant.events] == ["V-1.command is in the unknown state 7"]
    plant.tick((CMD, 0.0)).tick((CMD, 2.0))
    assert plant.events[-1].text == "V-1.command is 2"


def test_normal_values_alone_make_every_other_one_an_alarm() -> None:
    plant = Plant(AlarmSpec(id="ST", slot=CMD, tag="V-1.command", kind="state", normal=(0.0,)))
    assert plant.tick((CMD, 0.0)).words == []
    assert plant.tick((CMD, 1.0)).words == ["RAISE"]


# ---------------------------------------------------------------- several limits


def test_only_the_most_severe_limit_is_heard_of() -> None:
    plant = Plant(HIGH)
    plant.tick((T, 99.0))
    assert plant.words == ["RAISE"]
    assert (plant.state().level, plant.state().priority) == ("HHH", 1)
    assert plant.events[0].text == "TT-1.value is 99 °C, above 95 °C (HHH)"
    assert plant.events[0].priority == 1


def test_a_farther_limit_asks_again_whoever_has_acknowledged() -> None:
    plant = Plant(HIGH)
    plant.tick((T, 81.0))
    assert (plant.state().level, plant.state().priority) == ("H", 3)
    assert plant.act("ack") == ""
    plant.tick((T, 91.0))
    assert plant.words == ["RAISE", "ACK", "LEVEL-ROSE"]
    assert (plant.state().process, plant.state().level, plant.state().priority) == (UNACK, "HH", 1)


def test_a_nearer_limit_is_written_down_and_nobody_is_asked() -> None:
    plant = Plant(HIGH)
    plant.tick((T, 91.0))
    plant.act("ack")
    plant.tick((T, 88.5))
    assert plant.words == ["RAISE", "ACK"]  # within the deadband of HH
    plant.tick((T, 88.0))
    assert plant.words == ["RAISE", "ACK", "LEVEL-FELL"]
    assert (plant.state().process, plant.state().level, plant.state().priority) == (ACKED, "H", 3)
    plant.tick((T, 70.0))
    assert plant.words == ["RAISE", "ACK", "LEVEL-FELL", "CLEAR"]
    assert (plant.state().level, plant.state().priority) == ("", 0)


def test_an_occurrence_is_one_through_all_its_limits() -> None:
    plant = Plant(HIGH)
    plant.tick((T, 81.0)).tick((T, 96.0)).tick((T, 85.0)).tick((T, 60.0))
    assert plant.words == ["RAISE", "LEVEL-ROSE", "LEVEL-FELL", "CLEAR"]
    assert len({e.occurrence for e in plant.events}) == 1


def test_a_limit_passed_survives_a_restart() -> None:
    plant = Plant(HIGH)
    plant.tick((T, 91.0))
    again = Plant(HIGH)
    again.alarms.restore(plant.alarms.states(), again.clock.now_ns())
    again.tick((T, 91.0))
    assert (again.state().level, again.words) == ("HH", [])
    again.tick((T, 85.0)).tick((T, 60.0))
    assert again.words == ["LEVEL-FELL", "CLEAR"]


def test_a_delay_of_a_farther_limit_goes_on_where_another_world_goes_on() -> None:
    plant = Plant(replace(HIGH, on_delay_s=3.0))
    plant.tick((T, 99.0)).tick().tick()
    assert plant.words == []
    again = Plant(replace(HIGH, on_delay_s=3.0))
    again.clock.advance(3.0)
    again.table = plant.table
    again.alarms.restore(plant.alarms.states(), again.clock.now_ns())
    progress = plant.alarms.progress(plant.clock.now_mono_ns())
    assert {p.level for p in progress} == {0, 1, 2}
    again.alarms.resume(again.table, progress, again.clock.now_mono_ns())
    again.tick()
    assert again.words == ["RAISE"]
    assert again.state().level == "HHH"


# ---------------------------------------------------------------- asking again


def test_the_farther_limit_need_not_wait_for_the_delay_of_the_nearer_and_implies_it() -> None:
    h, hh, hhh = HIGH.levels
    spec = replace(HIGH, levels=(replace(h, on_delay_s=30.0, off_delay_s=5.0), hh, hhh), on_delay_s=0.0)
    plant = Plant(spec).tick((T, 85.0))
    assert plant.state().process is NORM  # the nearer waits
    plant.tick((T, 92.0))
    assert (plant.state().process, plant.state().level) == (UNACK, "HH")
    plant.tick((T, 85.0))  # below the farther: the nearer stands, though its own delay had not run out
    assert (plant.state().process, plant.state().level) == (UNACK, "H")
    plant.tick((T, 70.0)).tick((T, 70.0), after_s=4.0)
    assert plant.state().process is UNACK
    plant.tick((T, 70.0))
    assert plant.state().process is RTNUN


def test_what_still_stands_asks_again_after_its_time() -> None:
    plant = Plant(AlarmSpec(id="HI", slot=T, tag="TT-1.value", limit=80.0, re_alarm_s=30.0))
    plant.tick((T, 90.0))
    plant.act("ack")
    plant.tick((T, 91.0), after_s=29.0)
    assert plant.state().process is ACKED
    plant.tick((T, 91.0), after_s=2.0)
    assert (plant.state().process, plant.words) == (UNACK, ["RAISE", "ACK", "RE-ALARM"])
    plant.tick((T, 91.0), after_s=31.0)
    assert plant.words == ["RAISE", "ACK", "RE-ALARM", "RE-ALARM"]


def test_what_returned_asks_nobody_again() -> None:
    plant = Plant(AlarmSpec(id="HI", slot=T, tag="TT-1.value", limit=80.0, re_alarm_s=30.0))
    plant.tick((T, 90.0)).tick((T, 20.0)).tick(after_s=100.0)
    assert plant.words == ["RAISE", "CLEAR"]


def test_the_time_until_an_alarm_asks_again_goes_on_over_a_restart() -> None:
    spec = AlarmSpec(id="HI", slot=T, tag="TT-1.value", limit=80.0, re_alarm_s=30.0)
    plant = Plant(spec)
    plant.tick((T, 90.0))
    again = Plant(spec)
    again.clock.advance(21.0)
    again.alarms.restore(plant.alarms.states(), again.clock.now_ns())
    again.tick((T, 90.0)).tick((T, 90.0), after_s=8.0)
    assert again.words == []
    again.tick((T, 90.0), after_s=3.0)
    assert again.words == ["RE-ALARM"]


def test_a_value_that_is_no_number_decides_nothing() -> None:
    plant = Plant(DEVIATION, RATE, DRY)
    plant.tick((SP, 50.0), (T, math.nan, BAD), (RUN, math.nan, BAD), (POS, 0.0))
    assert plant.words == []
