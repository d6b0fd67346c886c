"""The trainer's station, with a stage that the test answers for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from armillary.model import places
from armillary.model.clock import NS
from armillary.model.control import (
    AskBrief,
    AskExercise,
    Brief,
    ClearMalfunction,
    Cursor,
    Exercise,
    ExerciseView,
    Inject,
    MalfunctionSpec,
    Play,
    Restore,
    ScoreRow,
    Seek,
    SnapshotInfo,
    Step,
    TimelineRow,
)
from armillary.model.fault import FaultRecord, WorldFault
from armillary.model.frame import WorldKind
from armillary.model.message import Done
from armillary.model.tags import TagSpec
from armillary.project import folder as projects
from armillary.session import training_texts as texts
from armillary.session.training import POLL_NS, Station
from armillary.session.training_lessons import rows_of, sensor_malfunction

START_NS = 1_767_250_800 * NS
DRIFT = MalfunctionSpec(id="drift", target="tag:TT-111", kind="sensor.drift", rate=0.5, at_s=60.0)
TRIP = MalfunctionSpec(id="trip", target="twin:P-101A", kind="equipment.trip", when="x > 1", held_s=5.0)
VIEW = ExerciseView(
    scenario="s",
    title="A pump trips",
    t_s=342.0,
    state="running",
    rows=(
        TimelineRow(t_s=0.0, lane="snapshot", id="moment-1", text="start", state="named"),
        TimelineRow(t_s=90.0, lane="snapshot", id="moment-2", text="before trip", state="named"),
    ),
    most=100.0,
    total=72.0,
    branch="A",
    truth={"TT-111": 40.0},
    malfunctions=(DRIFT, TRIP),
    step_s=0.5,
)
NO = FaultRecord(kind="OrderFault", what="No.", where="world", remedy="Ask another.")


class Stage:
    """A workspace's part that a station sees; requests wait until the test answers."""

    def __init__(self) -> None:
        self.kind, self.role = WorldKind.TRAINING, "instructor"
        self.mirror: Any = SimpleNamespace(frames=3, live=True, t_ns=START_NS + 342 * NS)
        self.cursor: Cursor | None = Cursor(from_ns=START_NS, to_ns=START_NS + 342 * NS)
        self.specs = (TagSpec(slot=0, name="TT-111", unit="°C"),)
        self.project = None
        self.asked: list[tuple[Any, Callable[[object], None]]] = []
        self.told: list[FaultRecord] = []
        self.trained: list[tuple[str, str]] = []
        self.shot: SnapshotInfo | FaultRecord = NO

    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None:
        assert timeout_s > 0
        self.asked.append((message, callback))

    def tell(self, fault: FaultRecord) -> None:
        self.told.append(fault)

    def snapshot(self, title: str, done: Callable[[SnapshotInfo | FaultRecord], None]) -> None:
        done(self.shot)

    def train(self, scenario: str, snapshot: str = "") -> None:
        self.trained.append((scenario, snapshot))

    def answer(self, answer: object) -> object:
        """Answer the oldest request; return what it was."""
        message, callback = self.asked.pop(0)
        callback(answer)
        return message

    def messages(self) -> list[Any]:
        return [message for message, _ in self.asked]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def station(stage: Stage) -> Station:
    return Station(stage)


def directed(stage: Stage, station: Station, view: ExerciseView = VIEW, mono_ns: int = NS) -> None:
    """Let a station learn how an exercise stands."""
    station.tick(mono_ns)
    while stage.asked:
        is_brief = isinstance(stage.asked[0][0], AskBrief)
        stage.answer(Brief(title="A pump trips", text="…", minutes=10) if is_brief else view)


def test_an_instructor_asks_how_it_stands_four_times_a_second_and_once_at_a_time(
    stage: Stage, station: Station
) -> None:
    station.tick(NS)
    assert [type(m) for m in stage.messages()] == [AskBrief, AskExercise]
    station.tick(NS + 10 * POLL_NS)
    assert len(stage.asked) == 2, "the first is not answered"
    directed(stage, station, mono_ns=NS)
    station.tick(NS + POLL_NS - 1)
    assert not stage.asked
    station.tick(NS + POLL_NS)
    assert stage.messages() == [AskExercise()]


def test_a_trainee_asks_for_the_brief_and_nothing_that_an_instructor_knows(
    stage: Stage, station: Station
) -> None:
    stage.role = "operator"
    for i in range(8):
        station.tick(NS + i * POLL_NS)
    assert stage.messages() == [AskBrief()]
    stage.answer(Brief(title="t", text="Keep the tank full.", minutes=10))
    assert station.brief is not None
    assert station.why_not_direct().startswith("Only the instructor")
    station.say_ready()
    assert not station.is_ready, "the world has not heard it yet"
    assert stage.answer(Done()) == Exercise(action="ready")
    assert station.is_ready


def test_an_answer_of_the_world_shown_before_is_nobodys(stage: Stage, station: Station) -> None:
    station.tick(NS)
    late = [callback for _, callback in stage.asked]
    stage.asked.clear()
    station.visited()
    for callback in late:
        callback(VIEW)
    assert station.view is None


def test_the_clock_runs_within_the_speeds_that_an_exercise_has(stage: Stage, station: Station) -> None:
    directed(stage, station)
    for asked, sent in ((1.0, 1.0), (600.0, 20.0), (0.01, 0.1)):
        station.play(asked)
        assert stage.answer(Done()) == Exercise(action="run", value=sent)
    station.play(0.0)
    assert stage.answer(Done()) == Exercise(action="freeze")
    station.step("second", 1)
    assert stage.answer(Done()) == Exercise(action="step", value=2.0), "two steps of half a second"
    station.step("tick", -1)
    assert not stage.asked, "a running exercise does not go back by steps"


def test_once_it_is_over_its_record_is_played_stepped_and_sought(stage: Stage, station: Station) -> None:
    ended: list[bool] = []
    station.ended.connect(lambda: ended.append(True))
    directed(stage, station, replace(VIEW, state="over"))
    directed(stage, station, replace(VIEW, state="over"), mono_ns=2 * NS)
    assert ended == [True]
    station.play(-2.0)
    station.step("second", -1)
    assert [stage.answer(Done()), stage.answer(Done())] == [Play(speed=-2.0), Step(by="second", count=-1)]
    for t in (1, 2, 3):
        station.seek(t)
    assert stage.messages() == [Seek(t_ns=1)], "one at a time"
    stage.answer(Done())
    assert stage.messages() == [Seek(t_ns=3)], "the newest wins"


def test_going_back_says_what_it_costs_before_it_is_done(stage: Stage, station: Station) -> None:
    directed(stage, station)
    station.go_back()
    assert not stage.asked, "nothing was wished for"
    station.wish_back("moment-2")
    assert station.back is not None
    assert station.back.text == "The next 4 min 12 s will be kept as branch A."
    station.stay()
    station.go_back()
    assert not stage.asked
    station.wish_back("moment-2")
    station.go_back()
    assert stage.answer(Done()) == Restore(path="moment-2")
    assert station.back is None


def test_a_malfunction_is_begun_changed_and_cleared(stage: Stage, station: Station) -> None:
    directed(stage, station)
    station.begin("drift", 0.4)
    assert stage.answer(Done()) == Inject(malfunction=replace(DRIFT, severity=0.4))
    station.begin("none such", 1.0)
    assert not stage.asked
    station.clear("drift")
    assert stage.answer(NO) == ClearMalfunction(id="drift")
    assert station.refused == NO
    assert stage.told == [NO]
    station.mark(0.0, "good")
    stage.answer(Done())
    assert station.refused is None, "what was refused is forgotten with the next thing that is done"


def test_true_values_are_kept_for_the_trends_and_cut_when_one_goes_back(
    stage: Stage, station: Station
) -> None:
    for i, t_s in enumerate((100.0, 101.0, 101.0, 102.0), 1):
        directed(stage, station, replace(VIEW, t_s=t_s), mono_ns=i * NS)
    t_ns, value = station.truth_series()[0]
    assert ((t_ns - START_NS) / NS).tolist() == [100.0, 101.0, 102.0]
    assert np.array_equal(value, [40.0] * 3)
    directed(stage, station, replace(VIEW, t_s=100.5, branch="B", truth={}), mono_ns=9 * NS)
    assert len(station.truth_series()[0][0]) == 1


def test_an_exercise_begins_from_what_is_shown_by_a_snapshot(stage: Stage, station: Station) -> None:
    station.start_from_here("s")
    assert stage.told == [NO]
    assert not stage.trained
    stage.shot = SnapshotInfo(path="/a.snap", title="", world="w", kind="LIVE", t_ns=1, taken_ns=1)
    station.start_from_here("s")
    assert stage.trained == [("s", "/a.snap")]


def test_scenarios_are_listed_with_their_brief_and_a_broken_one_says_why(tmp_path: Path) -> None:
    assert rows_of(None) == ()
    project = projects.read(places.data("scenes/pumping-station"))
    rows = {row.id: row for row in rows_of(project)}
    assert rows["pump-trip-with-drift"].minutes == 10
    assert rows["pump-trip-with-drift"].brief
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "bad.toml").write_text('schema = 1\nkind = "training"\nid = 7\n', "utf-8")
    broken = rows_of(replace(project, folder=tmp_path))
    assert [row.id for row in broken] == ["bad"]
    assert broken[0].problem


def test_a_sensors_malfunction_has_an_id_that_is_free() -> None:
    made = sensor_malfunction("sensor.drift", "TT-111", 0.0, 120.0, {"drift TT-111"})
    assert (made.id, made.target, made.rate) == ("drift TT-111 2", "tag:TT-111", 6.0)
    assert sensor_malfunction("sensor.stuck", "X", -math.inf, math.inf, ()).rate == 0.0


def test_a_station_without_an_exercise_says_so(stage: Stage, station: Station) -> None:
    stage.kind = WorldKind.LIVE
    station.tick(NS)
    assert not stage.asked
    assert station.why_not_direct() == "No exercise is shown."


def test_the_words_are_those_of_people() -> None:
    assert [texts.passed_text(s) for s in (12, 252, 3900)] == ["12 s", "4 min 12 s", "1 h 5 min"]
    assert [texts.clock_text(s) for s in (7, 750, 3723)] == ["0:07", "12:30", "1:02:03"]
    assert texts.malfunction_title(DRIFT) == "TT-111 drifts"
    assert texts.when_text(DRIFT) == "at 1:00"
    assert texts.when_text(TRIP) == "when x > 1 for 5 s"
    assert texts.when_text(replace(TRIP, when="")) == "by hand"
    assert texts.speed_text(Cursor(asked=10.0, speed=6.4)) == "asked 10 ×, running 6.4 ×"
    assert texts.speed_text(Cursor(asked=10.0, speed=10.4)) == "10 ×"
    assert texts.speed_text(Cursor()) == ""
    assert texts.score_text(VIEW) == "72 of 100, pass mark 70 %"
    assert texts.score_text(replace(VIEW, passed=True)) == "72 of 100: passed"
    assert ScoreRow(id="a", text="", points=0, most=0, state="open").reaction_s != 0
    assert texts.reaction_text(math.nan) == ""


def test_starting_when_it_cannot_be_is_refused_with_a_reason(stage: Stage, station: Station) -> None:
    def refuse(_scenario: str, _snapshot: str = "") -> None:
        raise WorldFault("An exercise runs already.", where="desk", remedy="End it.")

    stage.train = refuse  # type: ignore[method-assign]
    stage.shot = SnapshotInfo(path="/a.snap", title="", world="w", kind="LIVE", t_ns=1, taken_ns=1)
    station.start_from_here("s")
    assert [fault.what for fault in stage.told] == ["An exercise runs already."]
