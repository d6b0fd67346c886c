"""The training scenario that ships with the line, run on its own model without a process or a clock."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest

from armillary.api import SimStart, SimStarted, SimStepped, Simulator, SimulatorContext, Values
from armillary.model.lesson import Deed
from armillary.model.places import data
from armillary.model.simulation import ModelState
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.world.drill import Drill
from armillary.world.training import steady_ns
from armillary_plugins.demo_plant.line.model import make

FOLDER = Path(data("scenes/packaging-line"))
PROJECT = projects.read(FOLDER)
LESSON = "zone-2-drifts-hot"
ALARM = "O210-Z2-HTT"


class InProcess:
    """A simulator host without a process."""

    def __init__(self, model: Simulator) -> None:
        self.model = model

    async def start(self, start: SimStart) -> SimStarted:
        return self.model.start(start)

    async def step(self, inputs: Values, to_ns: int) -> SimStepped:
        return self.model.step(inputs, to_ns)

    async def save(self) -> ModelState:
        return ModelState(data=b"", t_ns=0)  # the real host keeps its course instead

    async def load(self, state: ModelState) -> SimStepped:
        raise NotImplementedError(state)


async def drill() -> Drill:
    tags = [spec.name for spec in PROJECT.specs]
    lesson = lessons.read(lessons.find(FOLDER, LESSON), tags, [a.id for a in PROJECT.alarms])
    model = make(SimulatorContext(project=FOLDER))
    start = steady_ns(lesson.start.value)
    one = Drill(PROJECT, lesson, model.describe(), InProcess(model), world="w", start_ns=start)
    one.check()
    await one.begin(None)
    return one


def run(deeds: tuple[Deed, ...]) -> Drill:
    async def whole() -> Drill:
        one, waiting = await drill(), list(deeds)
        while one.t_s < one.lesson.minutes * 60.0 + 1.0 and not one.over:
            while waiting and waiting[0].t_s <= one.t_s:
                one.redo(waiting.pop(0))
            await one.step()
        return one

    return asyncio.run(whole())


@functools.cache
def idle() -> Drill:
    return run(())


def raised_s() -> float:
    """Return when the alarm comes of itself: 60 s after the burner is stuck at the soonest."""
    one = idle()
    return next(at for name, at in one.progress.begun.items() if name in (f"alarm:{ALARM}", ALARM))


def good() -> tuple[Deed, ...]:
    at = raised_s()
    return (
        Deed(t_s=at + 15.0, kind="ack", what=ALARM, actor="anna"),
        Deed(t_s=at + 40.0, kind="command", what="C-201.run", value=0.0, actor="anna"),
        Deed(t_s=at + 90.0, kind="note", what="any", actor="anna"),
    )


@pytest.mark.scale
def test_the_zone_drifts_hot_while_nobody_acts() -> None:
    one = idle()
    assert one.memory.column("TT-212.value").max() > 85.0
    assert 90.0 < raised_s() < 300.0, "there is time to see it coming"
    score = one.exercise.score(one.progress)
    assert not score.passed
    assert {row.state for row in score.rows if row.most} >= {"missed"}


@pytest.mark.scale
def test_a_trainee_who_acknowledges_halts_and_hands_over_passes() -> None:
    one = run(good())
    score = one.exercise.score(one.progress)
    assert score.passed, [(row.id, row.points, row.state) for row in score.rows]
    assert score.most == 100.0
    assert score.total >= 95.0


@pytest.mark.scale
def test_who_shuts_the_damper_fails() -> None:
    at = raised_s()
    wrong = Deed(t_s=at - 20.0, kind="command", what="D-210.sp", value=0.0, actor="bo")
    one = run((wrong, *good()))
    assert not one.exercise.score(one.progress).passed


@pytest.mark.scale
def test_the_same_deeds_give_the_same_stream() -> None:
    assert run(()).digest == idle().digest
    assert run(good()).digest != idle().digest


def test_the_lesson_fits_its_project_and_is_worth_100_points() -> None:
    one = asyncio.run(drill())
    assert one.t_s == 0.0
    assert one.exercise.score(one.progress).most == 100.0
