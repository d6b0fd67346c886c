"""An exercise: triggers fire when they should, deeds are scored by their time, going back restores all."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from armillary.model.control import MalfunctionSpec
from armillary.model.lesson import Band, Deed, Expect, Lesson
from armillary.model.quality import BAD
from armillary.simulate.exercise import Exercise, Progress

NAMES = ("level", "position", "P-101B.run")
LESSON = Lesson(
    id="trip",
    title="Trip",
    minutes=10.0,
    malfunctions=(
        MalfunctionSpec(id="drift", target="tag:level", kind="sensor.drift", at_s=2.0),
        MalfunctionSpec(id="trip", target="twin:P", kind="equipment.trip", when="level < 40", held_s=3.0),
        MalfunctionSpec(id="hand", target="twin:P", kind="equipment.trip"),
    ),
    expects=(
        Expect(
            id="start",
            action="command:P-101B.start",
            after="malfunction:trip",
            ideal_s=10,
            latest_s=30,
            points=50,
        ),
        Expect(id="valve", must_not="position > 80", fail=True, points=20),
    ),
    bands=(Band(id="band", tag="level", low=35, high=75, points=30, loss_per_s=1.0, abort_below=10),),
)


def start(t_s: float, value: float = 1.0) -> Deed:
    return Deed(t_s=t_s, kind="command", what="P-101B.run", value=value)


def run(
    exercise: Exercise, progress: Progress, until_s: float, level: float, position: float = 0.0
) -> tuple[Progress, list[str]]:
    began: list[str] = []
    t = progress.t_s
    while t < until_s - 1e-9:
        t = round(t + 0.5, 3)
        progress, due = exercise.step(progress, t, np.array([level, position, 0.0]), np.zeros(3, np.uint16))
        began += [f"{m.id}@{t:g}" for m in due]
    return progress, began


def test_a_malfunction_begins_at_its_time_once() -> None:
    exercise = Exercise(LESSON, NAMES)
    _, began = run(exercise, Progress(), 10.0, 50.0)
    assert began == ["drift@2"]


def test_a_trigger_fires_after_it_held_long_enough_once() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress, _ = run(exercise, Progress(), 5.0, 50.0)
    progress, began = run(exercise, progress, 20.0, 39.0)
    assert began == ["trip@8.5"], "it held since 5.5"
    assert progress.begun["malfunction:trip"] == 8.5


def test_a_trigger_on_bad_data_does_not_fire() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress, bad = Progress(), np.full(3, BAD, np.uint16)
    for t in np.arange(0.5, 20.0, 0.5):
        progress, due = exercise.step(progress, float(t), np.array([1.0, 0.0, 0.0]), bad)
        assert [m.id for m in due if m.id == "trip"] == []
        progress = replace(progress, ended="")


@pytest.mark.parametrize(
    ("after_s", "points", "state"), [(5.0, 50.0, "done"), (20.0, 25.0, "late"), (31.0, 0.0, "open")]
)
def test_an_action_is_worth_less_the_later_it_comes(after_s: float, points: float, state: str) -> None:
    exercise = Exercise(LESSON, NAMES)
    progress = exercise.happened(Progress(), "malfunction:trip", 100.0)
    progress = exercise.done(progress, start(100.0 + after_s))
    row = exercise.score(progress).rows[0]
    assert (row.points, row.state) == (points, state)


def test_an_action_before_its_cause_or_with_another_value_counts_for_nothing() -> None:
    exercise = Exercise(LESSON, NAMES)
    early = exercise.done(Progress(), start(1.0))
    assert early.met == {}
    begun = exercise.happened(Progress(), "malfunction:trip", 0.0)
    assert exercise.done(begun, start(1.0, 0.0)).met == {}


def test_seconds_outside_the_band_cost_points() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress, _ = run(exercise, Progress(), 8.0, 34.0)
    row = exercise.score(progress).rows[2]
    assert row.points == pytest.approx(22.0)
    assert "8 s outside" in row.text


def test_a_must_not_fails_the_exercise_outright() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress, _ = run(exercise, Progress(), 2.0, 50.0, position=90.0)
    progress = exercise.done(
        exercise.happened(progress, "malfunction:trip", 1.0),
        start(2.0),
    )
    score = exercise.score(replace(progress, ended="the time is over"))
    assert score.passed is False
    assert "happened" in progress.failed


def test_the_exercise_ends_by_time_and_by_abort_limit() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress, _ = run(exercise, Progress(), 600.0, 50.0)
    assert progress.ended == "the time is over"
    aborted, _ = run(exercise, Progress(), 1.0, 9.0)
    assert "level reached 9" in aborted.ended
    assert exercise.score(aborted).passed is False


def test_going_back_restores_the_progress_exactly() -> None:
    exercise = Exercise(LESSON, NAMES)
    kept, _ = run(exercise, Progress(), 5.0, 39.0)
    first = run(exercise, kept, 30.0, 34.0)
    run(exercise, kept, 300.0, 5.0)
    assert run(exercise, kept, 30.0, 34.0) == first


def test_a_perfect_exercise_passes_with_all_points() -> None:
    exercise = Exercise(LESSON, NAMES)
    progress = exercise.happened(Progress(), "malfunction:trip", 0.0)
    progress = exercise.done(progress, start(1.0))
    score = exercise.score(replace(progress, ended="the time is over"))
    assert (score.total, score.most, score.passed) == (100.0, 100.0, True)
    assert math.isclose(score.percent, 100.0)
