"""What is said beside alarms over a kill: limits passed, marks, rules, floods; and on the wire."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from armillary.model.account import LoggedIn
from armillary.model.alarm import (
    AlarmAct,
    AlarmLevel,
    AlarmSpec,
    AlarmState,
    Flood,
    Marks,
    Presentation,
    ProcessState,
    Suppression,
)
from armillary.model.clock import NS, ManualClock
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying
from armillary.wire import codec
from armillary.world.alarming import Alarming

TAGS = tuple(TagSpec(slot=i, name=f"T-{i}.value", link="plc", unit="°C", twin="OVEN") for i in range(20))
LEVELS = (AlarmLevel(name="H", limit=80.0, priority=3), AlarmLevel(name="HH", limit=90.0, priority=1))
HIGH = AlarmSpec(id="HI", slot=0, tag="T-0.value", limit=80.0, levels=LEVELS, group="oven", re_alarm_s=600.0)
RATE = AlarmSpec(id="RATE", slot=1, tag="T-1.value", kind="rate", limit=2.0, group="oven")
SLOW = AlarmSpec(id="SLOW", slot=2, tag="T-2.value", limit=80.0, on_delay_s=30.0)
FLOW = AlarmSpec(id="FLOW", slot=3, tag="T-3.value", limit=5.0, direction="below")
STOPPED = Suppression(id="stopped", when="T-4.value == 0", alarms=("FLOW",))
MANY = tuple(AlarmSpec(id=f"M{i}", slot=i, tag=f"T-{i}.value", limit=80.0) for i in range(5, 20))
ANNA = LoggedIn(user="anna", name="Anna", role="operator")


class Run:
    """One run of a world's alarms; ended by nobody, like a killed process."""

    def __init__(self, folder: Path, clock: ManualClock, *specs: AlarmSpec, rules: bool = True) -> None:
        self.clock, self.folder, self.table = clock, folder, TagTable(len(TAGS))
        self.alarms = Alarming(
            specs, TAGS, (), folder=folder, kind="live", now_ns=clock.now_ns(),
            rules=(STOPPED,) if rules else (), area="north",
        )  # fmt: skip

    def tick(self, *rows: tuple[int, float], after_s: float = 1.0) -> Run:
        self.clock.advance(after_s)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        batch = batch_of(
            np.array([slot for slot, _ in rows], np.uint32), np.array([v for _, v in rows]),
            np.full(len(rows), now, np.int64), now, mono,
        )  # fmt: skip
        applying.apply(self.table, batch)
        self.alarms.evaluator.look(self.table, batch, now, mono)
        self.alarms.note(*self.alarms.evaluator.take(), now)
        return self

    def state(self, id_: str) -> AlarmState:
        return next(state for state in self.alarms.evaluator.states() if state.id == id_)

    def lines(self, *words: str) -> list[dict[str, object]]:
        every = [orjson.loads(x) for p in sorted(self.folder.glob("*")) for x in p.read_bytes().splitlines()]
        return [line for line in every if line["event"] in words]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_limit_passed_is_known_after_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    Run(tmp_path, clock, HIGH).tick((0, 95.0))
    again = Run(tmp_path, clock, HIGH)
    assert (again.state("HI").level, again.state("HI").priority) == ("HH", 1)
    again.tick((0, 95.0))
    assert again.state("HI").process is ProcessState.UNACK
    again.tick((0, 85.0))
    assert again.state("HI").level == "H"
    assert [line["level"] for line in again.lines("RAISE", "LEVEL-FELL")] == ["HH", "H"]
    assert [line["limit"] for line in again.lines("RAISE", "LEVEL-FELL")] == [90.0, 80.0]


def test_a_first_out_and_its_group_go_on_after_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    other = replace(SLOW, on_delay_s=0.0, group="oven")
    Run(tmp_path, clock, HIGH, other).tick((0, 95.0)).tick((2, 95.0))
    again = Run(tmp_path, clock, HIGH, other)
    assert again.state("HI").marks == Marks(first_out="first")
    again.tick((0, 10.0), (2, 95.0))
    assert again.state("HI").marks == Marks(first_out="first")


def test_the_end_of_a_mark_without_a_transition_is_not_forgotten(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, replace(HIGH, ack_required=False), replace(SLOW, on_delay_s=0.0, group="oven"))
    run.tick((0, 95.0)).tick((2, 95.0)).tick((0, 10.0)).tick((2, 10.0))
    act = AlarmAct(
        action="ack",
        occurrences=tuple(run.state(i).occurrence for i in ("HI", "SLOW") if run.state(i).occurrence),
    )
    run.alarms.act(act, ANNA, clock.now_ns())
    run.tick()
    assert run.state("HI").marks is None
    again = Run(tmp_path, clock, HIGH, replace(SLOW, on_delay_s=0.0, group="oven"))
    assert again.state("HI").marks is None


def test_chatter_goes_on_after_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, HIGH)
    for _ in range(3):
        run.tick((0, 85.0)).tick((0, 10.0))
    again = Run(tmp_path, clock, HIGH)
    assert again.state("HI").marks == Marks(chatter=3)
    assert len(again.lines("CHATTER")) == 1


def test_what_a_rule_hid_stays_hidden_over_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, FLOW).tick((4, 0.0), (3, 10.0)).tick((3, 1.0))
    assert run.state("FLOW").presentation is Presentation.SUPPRESSED
    assert [line["presentation"] for line in run.lines("RAISE")] == ["SUPPRESSED"]
    again = Run(tmp_path, clock, FLOW)
    assert again.state("FLOW").presentation is Presentation.SUPPRESSED
    gone = Run(tmp_path, clock, FLOW, rules=False)
    assert gone.state("FLOW").presentation is Presentation.SHOWN


def test_a_delay_and_a_window_begin_anew_after_a_kill_and_nothing_is_lost(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, SLOW, RATE)
    for i in range(20):
        run.tick((2, 95.0), (1, 20.0 + 1.5 * i))
    assert run.lines("RAISE") == []
    again = Run(tmp_path, clock, SLOW, RATE)
    for i in range(29):
        again.tick((2, 95.0), (1, 50.0 + 3.0 * i))
    assert [line["alarm_id"] for line in again.lines("RAISE")] == ["RATE"]
    again.tick((2, 95.0)).tick((2, 95.0))
    assert [line["alarm_id"] for line in again.lines("RAISE")] == ["RATE", "SLOW"]
    killed = Run(tmp_path, clock, SLOW, RATE)
    assert killed.state("RATE").process is ProcessState.UNACK
    killed.tick((1, 140.0))
    assert killed.state("RATE").unverified or killed.state("RATE").process is ProcessState.UNACK


def test_asking_again_goes_by_the_wall_clock_over_a_kill_unless_it_went_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    Run(tmp_path, clock, HIGH).tick((0, 95.0))
    clock.advance(500.0)
    again = Run(tmp_path, clock, HIGH).tick((0, 95.0)).tick((0, 95.0), after_s=50.0)
    assert again.lines("RE-ALARM") == []
    again.tick((0, 95.0), after_s=60.0)
    assert len(again.lines("RE-ALARM")) == 1
    clock.jump(-86_400.0)
    back = Run(tmp_path, clock, HIGH).tick((0, 95.0)).tick((0, 95.0), after_s=590.0)
    assert len(back.lines("RE-ALARM")) == 1
    back.tick((0, 95.0), after_s=20.0)
    assert len(back.lines("RE-ALARM")) == 2


def test_a_flood_is_two_lines_of_the_journal_and_a_word_in_every_frame(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, *MANY)
    run.tick(*((i, 95.0) for i in range(5, 20)))
    begun = clock.now_ns()
    assert run.alarms.evaluator.flood == Flood(since_ns=begun, count=15, area="north")
    run.tick(after_s=601.0)
    assert run.alarms.evaluator.flood is None
    lines = run.lines("FLOOD-BEGIN", "FLOOD-END")
    assert [(line["event"], line["alarm_id"], line["text"]) for line in lines] == [
        ("FLOOD-BEGIN", "system:flood", "alarm flood: 15 in 10 min"),
        ("FLOOD-END", "system:flood", "the alarm flood is over after 10 min"),
    ]
    again = Run(tmp_path, clock, *MANY)  # a journal with lines of no alarm is read back
    assert again.state("M5").process is ProcessState.UNACK


def test_marks_levels_and_floods_cross_the_wire() -> None:
    state = AlarmState(
        id="HI", process=ProcessState.UNACK, occurrence="HI#1", level="HH", priority=1,
        marks=Marks(first_out="tie", chatter=4),
    )  # fmt: skip
    frame = replace(
        empty_frame("w", WorldKind.LIVE), alarms=(state,), floods=(Flood(since_ns=5 * NS, count=12),)
    )
    told = codec.unpack(codec.pack(frame))
    assert isinstance(told, Frame)
    assert told.alarms == (state,) or repr(told.alarms) == repr((state,))  # NaN is not equal to itself
    assert told.floods == frame.floods


def test_a_prediction_is_written_with_its_limit_and_ends_with_the_alarm_itself(
    tmp_path: Path, clock: ManualClock
) -> None:
    soon = AlarmSpec(
        id="SOON", slot=2, tag="T-2.value", kind="predicted", limit=80.0, window_s=60.0, horizon_s=60.0,
        ack_required=False,
    )  # fmt: skip
    high = replace(SLOW, on_delay_s=0.0)
    run = Run(tmp_path, clock, soon, high)
    for i in range(61):
        run.tick((2, 20.5 + i))
    words = [
        (line["event"], line["alarm_id"], line["limit"], line["unit"]) for line in run.lines("RAISE", "CLEAR")
    ]
    assert words == [
        ("RAISE", "SOON", 80.0, "°C"),
        ("RAISE", "SLOW", 80.0, "°C"),
        ("CLEAR", "SOON", 80.0, "°C"),
    ]
    begun = run.lines("RAISE")[0]
    assert begun["text"] == "T-2.value will be above 80 °C in 30 s (90 % sure within 60 s)"
    assert begun["value"] == pytest.approx(110.5, abs=1e-6)  # expected at the horizon
    assert run.state("SOON").process is ProcessState.NORM
    again = Run(tmp_path, clock, soon, high)
    assert (again.state("SOON").process, again.state("SLOW").process) == (
        ProcessState.NORM,
        ProcessState.UNACK,
    )


def test_a_prediction_is_neither_the_first_of_its_group_nor_part_of_a_flood(
    tmp_path: Path, clock: ManualClock
) -> None:
    soon = AlarmSpec(
        id="SOON", slot=2, tag="T-2.value", kind="predicted", limit=80.0, window_s=60.0, horizon_s=60.0,
        group="oven",
    )  # fmt: skip
    run = Run(tmp_path, clock, soon, replace(HIGH, re_alarm_s=0.0), replace(FLOW, group="oven"))
    for i in range(50):
        run.tick((2, 20.5 + i))
    assert run.state("SOON").process is ProcessState.UNACK
    run.tick((0, 95.0)).tick((3, 1.0))
    assert run.state("HI").marks == Marks(first_out="first")
    assert (run.state("SOON").marks, run.state("FLOW").marks) == (None, None)
    several = tuple(replace(soon, id=f"P{i}", limit=80.0 + i) for i in range(15))
    flooded = Run(tmp_path / "b", clock, *several)
    for i in range(58):
        flooded.tick((2, 20.5 + i))
    assert len(flooded.lines("RAISE")) > 10
    assert flooded.lines("FLOOD-BEGIN") == []
