"""Alarms by their readings: what raises, what must not, and what people may do about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms import conditions
from armillary.alarms.evaluate import Evaluator
from armillary.alarms.links import link_alarms
from armillary.model.alarm import AlarmAct, AlarmEvent, AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, GOOD, NEVER, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.sample import SampleBatch, batch_of, empty_batch
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD = ProcessState
STATES = ((0.0, "stopped"), (1.0, "running"), (2.0, "tripped"))
TAGS = (
    TagSpec(slot=0, name="TT-212.value", link="plc", unit="°C", expected_ms=1000),
    TagSpec(slot=1, name="LT-1.level", link="plc", unit="%"),
    TagSpec(slot=2, name="P-1.state", link="plc", kind="enum", states=STATES),
    TagSpec(slot=3, name="X.value", link="other"),
)
FOUNDING = AlarmSpec(
    id="O210-Z2-HTT",
    slot=0,
    tag="TT-212.value",
    kind="count",
    limit=85.0,
    count=5,
    deadband=1.0,
    priority=1,
    latching=True,
)
LEVEL = AlarmSpec(id="HI", slot=1, tag="LT-1.level", limit=90.0, deadband=5.0)
LOW = AlarmSpec(id="LO", slot=1, tag="LT-1.level", limit=10.0, deadband=2.0, direction="below")
TRIP = AlarmSpec(id="TRIP", slot=2, tag="P-1.state", kind="state", values=(2.0,))
Row = tuple[int, float] | tuple[int, float, int]


class Bench:
    """A table, a clock and an evaluator; `tick` gives readings as the core does."""

    def __init__(self, *specs: AlarmSpec) -> None:
        self.clock = ManualClock()
        self.table = TagTable(len(TAGS))
        self.alarms = Evaluator(specs, TAGS)
        self.events: list[AlarmEvent] = []

    def tick(self, *rows: Row, after_s: float = 1.0, source_s: Sequence[float] = ()) -> Bench:
        """One tick with readings (slot, value, quality); `source_s`: their ages, 0 when left out."""
        self.clock.advance(after_s)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        ages = [*source_s, *[0.0] * (len(rows) - len(source_s))]
        step = np.arange(len(rows)) - len(rows) + 1  # readings of one tick follow each other
        batch = batch_of(
            np.array([r[0] for r in rows], np.uint32),
            np.array([r[1] for r in rows], np.float64),
            np.array([now - int(age * NS) for age in ages], np.int64) + step,
            now,
            mono,
            quality=np.array([r[2] if len(r) > 2 else GOOD for r in rows], np.uint16),
        )
        outcome = applying.apply(self.table, batch).outcome
        return self.look(_kept(batch, outcome))

    def look(self, readings: SampleBatch) -> Bench:
        self.alarms.look(self.table, readings, self.clock.now_ns(), self.clock.now_mono_ns())
        self.events += self.alarms.take()[1]
        return self

    def quality(self, slot: int, word: int, after_s: float = 1.0) -> Bench:
        """A tag ages or comes back without a reading."""
        self.table.quality[slot] = word
        return self.tick(after_s=after_s)

    def act(self, action: str, *occurrences: str, actor: str = "anna") -> tuple[str, ...]:
        act = AlarmAct(action=action, occurrences=occurrences)  # type: ignore[arg-type]
        results = self.alarms.act(act, actor, self.clock.now_ns()).results
        self.events += self.alarms.take()[1]
        return results

    def state(self, id_: str = "") -> AlarmState:
        states = self.alarms.states()
        return next(s for s in states if not id_ or s.id == id_)

    @property
    def words(self) -> list[str]:
        return [e.event for e in self.events]


def _kept(batch: SampleBatch, outcome: np.ndarray) -> SampleBatch:  # type: ignore[type-arg]
    from armillary.model.sample import taken

    return taken(batch, np.flatnonzero(outcome < applying.LATE))


# ---------------------------------------------------------------- the rule of the founding document


def test_four_readings_above_and_one_at_the_limit_do_not_raise() -> None:
    bench = Bench(FOUNDING)
    for value in (85.1, 85.1, 85.1, 85.1, 85.0):
        bench.tick((0, value))
    assert bench.state().process is NORM
    assert bench.words == []


def test_the_fifth_reading_above_raises_once() -> None:
    bench = Bench(FOUNDING)
    for _ in range(4):
        bench.tick((0, 85.1))
    assert bench.words == []
    bench.tick((0, 85.1))
    assert bench.words == ["RAISE"]
    for _ in range(10):
        bench.tick((0, 85.1))
    assert bench.words == ["RAISE"]
    assert bench.events[0].text == "TT-212.value is 85.1 °C, above 85 °C in 5 readings"
    assert bench.state().value == 85.1


def test_one_reading_below_in_between_restarts_the_count() -> None:
    bench = Bench(FOUNDING)
    for value in (85.1, 85.1, 85.1, 85.1, 84.9, 85.1, 85.1, 85.1, 85.1):
        bench.tick((0, value))
    assert bench.words == []
    assert bench.tick((0, 85.1)).words == ["RAISE"]


def test_five_readings_in_one_tick_count_as_five() -> None:
    bench = Bench(FOUNDING)
    bench.tick(*[(0, 85.0 + n / 10) for n in range(1, 6)])
    assert bench.words == ["RAISE"]


def test_a_reading_at_the_limit_between_others_of_the_same_tick_is_seen() -> None:
    bench = Bench(FOUNDING)
    bench.tick((0, 86.0), (0, 86.1), (0, 86.2), (0, 85.0), (0, 86.3), (0, 86.4))
    assert bench.words == []


def test_five_readings_of_one_delayed_batch_raise_an_alarm_that_says_how_late() -> None:
    bench = Bench(FOUNDING).tick((0, 70.0), after_s=1)
    bench.tick(*[(0, 86.0)] * 5, after_s=44.5, source_s=[44, 43, 42, 41, 40])
    assert bench.words == ["RAISE"]
    assert bench.state().delayed_s == pytest.approx(44, abs=0.01)
    assert "(delayed 44 s)" in bench.state().text


def test_readings_far_apart_are_not_in_sequence() -> None:
    bench = Bench(FOUNDING)
    for _ in range(4):
        bench.tick((0, 86.0))
    bench.tick((0, 86.0), after_s=5.5)
    assert bench.words == []


@pytest.mark.parametrize(("on_bad", "raises"), [("reset", []), ("skip", ["RAISE"])])
def test_a_bad_reading_resets_the_count_or_is_skipped(on_bad: str, raises: list[str]) -> None:
    from dataclasses import replace

    bench = Bench(replace(FOUNDING, on_bad=on_bad))  # type: ignore[arg-type]
    for row in [(0, 86.0), (0, 86.0), (0, 86.0), (0, float("nan"), BAD), (0, 86.0), (0, 86.0)]:
        bench.tick(row)  # type: ignore[arg-type]
    assert bench.words == raises


def test_a_tag_that_turns_stale_resets_the_count() -> None:
    bench = Bench(FOUNDING)
    for _ in range(4):
        bench.tick((0, 86.0))
    bench.quality(0, STALE).tick((0, 86.0))
    assert bench.words == []


def test_an_uncertain_reading_neither_counts_nor_resets() -> None:
    bench = Bench(FOUNDING)
    for word in (GOOD, GOOD, UNCERTAIN, GOOD, GOOD, UNCERTAIN):
        bench.tick((0, 86.0, word))
    assert bench.words == []
    assert bench.tick((0, 86.0, SUBSTITUTED)).words == ["RAISE"]


def test_readings_that_a_flood_gave_up_are_not_counted_over() -> None:
    bench = Bench(FOUNDING).tick((0, 86), (0, 86), (0, 86), (0, 86))
    bench.alarms.lost(np.array([0], np.uint32))
    bench.tick((0, 86), (0, 86), (0, 86), (0, 86))
    assert bench.words == []  # four and four with a gap between them are no five in sequence
    bench.tick((0, 86))
    assert bench.words == ["RAISE"]
    assert not bench.state().unverified


def test_an_active_alarm_whose_readings_were_given_up_is_unverified_until_it_has_counted_anew() -> None:
    bench = Bench(FOUNDING).tick(*[(0, 86.0)] * 5)
    bench.alarms.lost(np.array([0], np.uint32))
    bench.tick()
    assert bench.state().unverified
    assert bench.events[-1].text == "readings of TT-212.value were dropped in a flood: they are counted anew"
    bench.tick(*[(0, 86.0)] * 4)
    assert bench.state().unverified
    bench.tick((0, 86))
    assert not bench.state().unverified
    bench.alarms.lost(np.array([0], np.uint32))
    bench.tick(*[(0, 70.0)] * 5)
    assert bench.state().process is LUNAK
    assert not bench.state().unverified
    assert bench.words == ["RAISE", "UNVERIFIED", "VERIFIED", "UNVERIFIED", "VERIFIED", "CLEAR"]


def test_a_tag_of_no_count_loses_readings_without_a_word() -> None:
    bench = Bench(LEVEL).tick((1, 95))
    bench.alarms.lost(np.array([1], np.uint32))
    assert not bench.tick((1, 96)).state().unverified


def test_a_corrected_reading_takes_the_place_of_the_one_before() -> None:
    bench = Bench(FOUNDING)
    for _ in range(4):
        bench.tick((0, 86.0))
    bench.tick((0, 85.5), after_s=0, source_s=[0])  # the same time again: still the fourth
    assert bench.words == []
    bench.tick((0, 80.0)).tick((0, 86.0), after_s=0)  # the fifth was 80 and is corrected to 86
    assert bench.words == ["RAISE"]


def test_a_count_clears_by_as_many_readings_at_or_below_its_deadband() -> None:
    bench = Bench(FOUNDING)
    bench.tick(*[(0, 86.0 + n / 10) for n in range(5)])
    for value in (84.0, 84.0, 84.0, 84.0, 84.5, 84.0, 84.0, 84.0, 84.0):
        bench.tick((0, value))
    assert bench.words == ["RAISE"]
    assert bench.tick((0, 84.0)).words == ["RAISE", "CLEAR"]
    assert bench.state().process is LUNAK


# ---------------------------------------------------------------- levels, delays, states


def test_a_level_raises_strictly_beyond_its_limit_and_clears_inside_its_deadband() -> None:
    bench = Bench(LEVEL, LOW).tick((1, 90.0))
    assert bench.words == []
    assert bench.tick((1, 90.1)).words == ["RAISE"]
    assert bench.tick((1, 85.1)).words == ["RAISE"]
    assert bench.tick((1, 85.0)).words == ["RAISE", "CLEAR"]
    bench.tick((1, 9.9)).tick((1, 11.9))
    assert bench.state("LO").process is UNACK
    assert bench.tick((1, 12.0)).state("LO").process is RTNUN


def test_a_peak_between_two_frames_is_not_hidden() -> None:
    bench = Bench(LEVEL).tick((1, 50.0), (1, 95.0), (1, 50.0))
    assert bench.words == ["RAISE", "CLEAR"]
    assert bench.state().process is RTNUN
    assert bench.events[0].value == 95.0


def test_an_on_delay_waits_and_a_dip_restarts_it() -> None:
    from dataclasses import replace

    bench = Bench(replace(LEVEL, on_delay_s=10.0)).tick((1, 95.0))
    bench.tick(after_s=9).tick((1, 89.0), after_s=0.5).tick((1, 95.0), after_s=0.1).tick(after_s=9.5)
    assert bench.words == []
    assert bench.tick(after_s=0.6).words == ["RAISE"]


def test_an_off_delay_waits_and_a_return_restarts_it() -> None:
    from dataclasses import replace

    bench = Bench(replace(LEVEL, off_delay_s=10.0)).tick((1, 95.0)).tick((1, 50.0))
    bench.tick(after_s=9).tick((1, 87.0), after_s=0.5).tick((1, 50.0), after_s=0.1).tick(after_s=9)
    assert bench.words == ["RAISE"]
    assert bench.tick(after_s=1.1).words == ["RAISE", "CLEAR"]


def test_a_state_raises_by_its_name_and_an_unknown_one_too() -> None:
    bench = Bench(TRIP).tick((2, 1.0)).tick((2, 2.0))
    assert bench.events[0].text == "P-1.state is tripped"
    bench.tick((2, 0.0)).tick((2, 7.0))
    assert bench.events[-1].text == "P-1.state is in the unknown state 7"


def test_a_draft_never_raises() -> None:
    from dataclasses import replace

    assert Bench(replace(LEVEL, draft=True)).tick((1, 99.0)).words == []


# ---------------------------------------------------------------- bad data


def test_a_condition_that_cleared_on_bad_data_has_not_cleared() -> None:
    bench = Bench(LEVEL).tick((1, 95.0)).tick((1, 0.0, BAD))
    assert (bench.state().process, bench.state().unverified) == (UNACK, True)
    bench.tick((1, 95.0))
    assert (bench.state().process, bench.state().unverified) == (UNACK, False)
    assert bench.words == ["RAISE", "UNVERIFIED", "VERIFIED"]


def test_bad_data_restarts_a_delay() -> None:
    from dataclasses import replace

    bench = Bench(replace(LEVEL, on_delay_s=10.0)).tick((1, 95.0)).quality(1, STALE, 6).tick((1, 95.0))
    bench.tick(after_s=6)
    assert bench.words == []
    assert bench.tick(after_s=4).words == ["RAISE"]


def test_a_tag_that_its_carrier_made_good_again_is_evaluated_without_a_new_reading() -> None:
    bench = Bench(LEVEL).tick((1, 50.0)).quality(1, STALE | COMM)
    bench.table.value[1] = 95.0
    assert bench.quality(1, GOOD).words == ["RAISE"]


def test_a_quality_alarm_raises_after_its_delay_and_clears_with_good_data() -> None:
    spec = AlarmSpec(id="Q", slot=1, tag="LT-1.level", kind="quality", on_delay_s=10.0)
    bench = Bench(spec).tick((1, 50.0)).quality(1, STALE).tick(after_s=9)
    assert bench.words == []
    assert bench.tick(after_s=1).events[0].text == "LT-1.level is STALE"
    assert bench.tick((1, 50.0)).words == ["RAISE", "CLEAR"]


# ---------------------------------------------------------------- links


def test_a_silent_link_is_one_alarm_that_counts_its_tags() -> None:
    specs = link_alarms(
        [LinkSpec(name="plc", kind="opcua", url=""), LinkSpec(name="x", kind="a", url="")], TAGS
    )
    kinds = ["", ":unstable", ":overloaded", ":counters", ":clock"]
    assert [s.id for s in specs] == [f"link:plc{kind}" for kind in kinds]  # x has no tags
    bench = Bench(*specs).tick((0, 70.0), (1, 50.0), (2, 1.0))
    bench.table.alive_mono_ns[:3] = bench.clock.now_mono_ns()
    bench.quality(0, STALE).quality(1, STALE | COMM).tick(after_s=10)
    assert bench.words == []  # one tag still lives
    bench.quality(2, STALE | COMM).tick(after_s=5)
    assert bench.words == ["RAISE"]
    assert bench.events[0].text == "plc silent for 18 s · 3 tags stale"
    assert bench.tick((0, 70.0)).words == ["RAISE", "CLEAR"]


def test_a_link_that_brings_nothing_from_the_start_raises_after_a_grace() -> None:
    specs = link_alarms([LinkSpec(name="plc", kind="opcua", url="")], TAGS)
    bench = Bench(*specs)
    for _ in range(14):
        bench.tick()
    assert bench.words == []
    bench.tick().tick()
    assert bench.events[0].text == "plc has brought nothing yet · 3 tags without a value"


def test_broken_sensors_are_not_a_silent_link() -> None:
    specs = link_alarms([LinkSpec(name="plc", kind="opcua", url="")], TAGS)
    bench = Bench(*specs).tick(*[(slot, 1.0, BAD) for slot in range(3)])
    assert bench.tick(after_s=30).tick().words == []


# ---------------------------------------------------------------- people


def test_an_acknowledge_names_an_occurrence_and_says_who() -> None:
    bench = Bench(LEVEL).tick((1, 95.0))
    first = bench.state().occurrence
    assert bench.act("ack", first) == ("",)
    assert (bench.state().process, bench.state().actor) == (ACKED, "anna")
    assert bench.act("ack", first, actor="bo") == ("already acknowledged by anna",)
    assert bench.words == ["RAISE", "ACK"]


def test_an_acknowledge_of_an_occurrence_that_is_over_is_refused() -> None:
    bench = Bench(LEVEL).tick((1, 95.0))
    first = bench.state().occurrence
    bench.tick((1, 50.0)).tick((1, 95.0))
    assert bench.state().occurrence != first
    assert bench.act("ack", first) == ("That occurrence is over; a newer one is active",)
    assert bench.state().process is UNACK
    assert bench.words == ["RAISE", "CLEAR", "CLOSE", "RAISE"]


def test_each_of_many_occurrences_gets_its_own_answer() -> None:
    bench = Bench(LEVEL, LOW, FOUNDING).tick((1, 95.0))
    high = bench.state("HI").occurrence
    assert bench.act("ack", high, "LO#1", "nobody#1", "x") == (
        "",
        "Nothing to acknowledge",
        "This alarm is not in the project any more",
        "This alarm is not in the project any more",
    )
    assert bench.act("reset", high) == ("Still active: the cause is present",)


def test_a_latched_alarm_is_acknowledged_then_reset() -> None:
    bench = Bench(FOUNDING).tick(*[(0, 86.0 + n / 10) for n in range(5)])
    bench.tick(*[(0, 80.0 + n / 10) for n in range(5)])
    name = bench.state().occurrence
    assert bench.act("reset", name) == ("Acknowledge first",)
    assert bench.act("ack", name) == ("",)
    assert bench.state().process is LACKD
    assert bench.act("reset", name) == ("",)
    assert bench.state().process is NORM


# ---------------------------------------------------------------- restarts


def test_what_waits_for_a_person_survives_a_restart() -> None:
    before = Bench(LEVEL, FOUNDING).tick((1, 95.0), *[(0, 86.0 + n / 10) for n in range(5)])
    before.tick((1, 50.0), *[(0, 70.0 + n / 10) for n in range(5)])
    after = Bench(LEVEL, FOUNDING)
    after.alarms.restore(before.alarms.states(), after.clock.now_ns())
    after.tick((1, 50.0), (0, 70.0))
    assert [s.process for s in after.alarms.states()] == [RTNUN, LUNAK]
    assert after.state("HI").occurrence == before.state("HI").occurrence


def test_an_active_alarm_is_unverified_after_a_restart_until_its_tag_speaks() -> None:
    before = Bench(LEVEL).tick((1, 95.0))
    after = Bench(LEVEL)
    after.alarms.restore(before.alarms.states(), after.clock.now_ns())
    assert after.table.quality[1] == NEVER
    assert after.tick().state().unverified
    after.tick((1, 50.0))
    assert (after.state().process, after.state().unverified) == (RTNUN, False)


def test_an_alarm_that_left_the_project_closes_with_a_record() -> None:
    before = Bench(LEVEL).tick((1, 95.0))
    after = Bench(LOW)
    after.alarms.restore(before.alarms.states(), after.clock.now_ns())
    after.tick()
    assert [(e.id, e.event) for e in after.events] == [("HI", "DISABLE")]


def test_a_link_that_was_silent_still_is_after_a_restart_until_it_speaks() -> None:
    specs = link_alarms([LinkSpec(name="plc", kind="opcua", url="")], TAGS)
    before = Bench(*specs).tick(after_s=20).tick(after_s=20).tick(after_s=20)
    assert before.words == ["RAISE"]
    after = Bench(*specs)
    after.alarms.restore(before.alarms.states(), after.clock.now_ns())
    after.tick().tick()
    assert after.state() == before.state()
    assert after.tick((0, 70.0)).words == ["CLEAR"]


# ---------------------------------------------------------------- snapshots

COUNTING = (
    LEVEL,
    LOW,
    FOUNDING,
    TRIP,
    AlarmSpec(id="SLOW", slot=1, tag="LT-1.level", limit=60.0, on_delay_s=4.0, off_delay_s=3.0),
    AlarmSpec(id="LATE", slot=3, tag="X.value", kind="quality", on_delay_s=2.0),
)


@given(
    ticks=st.lists(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from([0.0, 2.0, 40.0, 70.0, 86.0, 95.0]),
                      st.sampled_from([GOOD, GOOD, UNCERTAIN, STALE, BAD])),
            max_size=4,
        ),
        min_size=12,
        max_size=12,
    ),
    at=st.integers(1, 11),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_was_counted_goes_on_from_a_snapshot_as_if_nothing_had_happened(
    ticks: list[list[Row]], at: int
) -> None:
    whole = Bench(*COUNTING)
    for rows in ticks[:at]:
        whole.tick(*rows)
    after = Bench(*COUNTING)
    mono = whole.clock.now_mono_ns()
    after.clock = ManualClock(whole.clock.now_ns(), mono + 500 * NS)  # another process's monotonic clock
    for name in ("value", "quality", "source_ns", "arrival_ns"):
        getattr(after.table, name)[:] = getattr(whole.table, name)
    after.alarms.restore(whole.alarms.states(), whole.clock.now_ns())
    after.alarms.resume(after.table, whole.alarms.progress(mono), after.clock.now_mono_ns())
    after.alarms.take()
    whole.events.clear()
    for rows in ticks[at:]:
        whole.tick(*rows)
        after.tick(*rows)
    assert repr(after.events) == repr(whole.events)
    assert repr(after.alarms.states()) == repr(whole.alarms.states())


# ---------------------------------------------------------------- floods


@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from([2.0, 40.0, 70.0, 86.0, 95.0, float("nan")]),
            st.sampled_from([GOOD, GOOD, UNCERTAIN, STALE, BAD]),
            st.integers(1, 30),
        ),
        min_size=3,
        max_size=8,
    ),
    slot=st.integers(0, 3),
    apart_ns=st.sampled_from([1, 100_000, NS]),
)
@settings(max_examples=80, deadline=None)
def test_a_flood_of_one_tag_means_what_its_readings_mean_one_by_one(
    runs: list[tuple[float, int, int]], slot: int, apart_ns: int
) -> None:
    rows = [(value, word) for value, word, count in runs for _ in range(count)]
    n = len(rows)
    benches = [Bench(*COUNTING), Bench(*COUNTING)]
    limits = (conditions.FLOOD, 10**9)
    for _ in range(3):
        for bench, limit in zip(benches, limits, strict=True):
            bench.clock.advance(1.0)
            now, mono = bench.clock.now_ns(), bench.clock.now_mono_ns()
            batch = batch_of(
                np.full(n, slot, np.uint32),
                np.array([r[0] for r in rows]),
                now + apart_ns * np.arange(n, dtype=np.int64),
                now,
                mono,
                quality=np.array([r[1] for r in rows], np.uint16),
            )
            outcome = applying.apply(bench.table, batch).outcome
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(conditions, "FLOOD", limit)
                bench.look(_kept(batch, outcome))
    thin, whole = benches
    assert repr(thin.events) == repr(whole.events)
    assert repr(thin.alarms.states()) == repr(whole.alarms.states())
    assert [p.over_ns for p in thin.alarms.progress(0)] == [p.over_ns for p in whole.alarms.progress(0)]


def _all_left(_batch: SampleBatch, rows: conditions.I8, _slot: conditions.I8) -> object:
    """Stand in for the shortcut: every reading is judged."""
    return np.ones(len(rows), np.bool_)


def _all_stir(_batch: SampleBatch, rows: conditions.I8, slot: conditions.I8) -> object:
    return rows, slot


@given(
    ticks=st.lists(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from([0.0, 2.0, 40.0, 70.0, 86.0, 95.0, float("nan")]),
                      st.sampled_from([GOOD, GOOD, GOOD, UNCERTAIN, STALE, BAD])),
            max_size=12,
        ),
        min_size=8,
        max_size=8,
    ),
    after_s=st.sampled_from([0.05, 1.0, 7.0]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_readings_that_are_passed_over_would_have_changed_nothing(
    ticks: list[list[Row]], after_s: float
) -> None:
    quick, slow = Bench(*COUNTING), Bench(*COUNTING)
    slow.alarms._conditions.direct._passed = _all_left  # type: ignore[assignment]
    slow.alarms._conditions.direct._stirring = _all_stir  # type: ignore[assignment]
    for rows in ticks:
        quick.tick(*rows, after_s=after_s)
        slow.tick(*rows, after_s=after_s)
        assert repr(quick.events) == repr(slow.events)
        mono = quick.clock.now_mono_ns()
        assert repr(quick.alarms.progress(mono)) == repr(slow.alarms.progress(mono))
        for name in ("value", "_quality", "_lag_ns"):
            mine, other = (getattr(bench.alarms._conditions.direct, name) for bench in (quick, slow))
            assert np.array_equal(mine, other, equal_nan=name == "value")
    assert repr(quick.alarms.states()) == repr(slow.alarms.states())


def test_what_links_are_told_to_suffer_from_raises_their_alarm_with_its_sentence() -> None:
    links = [LinkSpec(name="plc", kind="mqtt", url="mqtts://h")]
    specs = link_alarms(links, TAGS)
    assert [(s.id, s.priority) for s in specs[4:]] == [
        ("link:plc:clock", 3),
        ("link:plc:certificate-30", 4),
        ("link:plc:certificate-7", 3),
        ("link:plc:certificate-1", 2),
    ]
    evaluator, table = Evaluator(specs, TAGS), TagTable(len(TAGS))
    table.quality[:] = GOOD
    table.alive_mono_ns[:] = 100 * NS
    evaluator.tell({"link:plc:unstable": "Link plc is unstable: lost 5 times in 2 min"})
    evaluator.look(table, empty_batch(), 100 * NS, 100 * NS)
    _, events = evaluator.take()
    assert [(e.id, e.event, e.text) for e in events] == [
        ("link:plc:unstable", "RAISE", "Link plc is unstable: lost 5 times in 2 min")
    ]
    evaluator.tell({})
    evaluator.look(table, empty_batch(), 101 * NS, 101 * NS)
    assert [e.event for e in evaluator.take()[1]] == ["CLEAR"]
