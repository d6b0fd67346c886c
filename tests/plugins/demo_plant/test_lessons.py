"""The training scenarios that ship with the station, run on its own model without a process or a clock."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.api import SimStart, SimStarted, SimStepped, Simulator, SimulatorContext, Values
from armillary.model.alarm import AlarmAct
from armillary.model.fault import OrderFault
from armillary.model.lesson import Deed
from armillary.model.places import data
from armillary.model.simulation import ModelState
from armillary.model.tags import TagSpec
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.project.record import Project
from armillary.world.drill import Drill
from armillary.world.training import steady_ns
from armillary_plugins.demo_plant.model import make

FOLDER = Path(data("scenes/pumping-station"))
PROJECT = projects.read(FOLDER)
LOOKING_BACK = replace(
    PROJECT,
    specs=(
        *PROJECT.specs,
        *(
            TagSpec(slot=len(PROJECT.specs) + i, name=f"back.{i}", expression=expression)
            for i, expression in enumerate(
                (
                    "hours_run(P-101A.speed > 30)",
                    "ewma(P-101A.vibration_de, 60)",
                    "mean(P-101A.power, 60)",
                    "starts(P-101A.speed > 30)",
                )
            )
        ),
    ),
)
TRIP, LEAK = "pump-trip-with-drift", "leak-and-stuck-valve"
GOOD = (
    Deed(t_s=275.0, kind="ack", what="any", actor="anna"),
    Deed(t_s=280.0, kind="command", what="P-101B.run", value=1.0, actor="anna"),
    Deed(t_s=300.0, kind="command", what="P-101A.run", value=0.0, actor="anna"),
)


class InProcess:
    """A simulator host without a process."""

    def __init__(self, model: Simulator) -> None:
        self.model = model

    async def start(self, start: SimStart) -> SimStarted:
        return self.model.start(start)

    async def step(self, inputs: Values, to_ns: int) -> SimStepped:
        return self.model.step(inputs, to_ns)

    async def save(self) -> ModelState:
        return ModelState(data=self.model.save(), t_ns=0)  # type: ignore[attr-defined]

    async def load(self, state: ModelState) -> SimStepped:
        return self.model.load(state.data)  # type: ignore[attr-defined]


async def drill(name: str, project: Project = PROJECT) -> Drill:
    tags = [spec.name for spec in project.specs]
    lesson = lessons.read(lessons.find(FOLDER, name), tags, [a.id for a in project.alarms])
    model = make(SimulatorContext(project=FOLDER))
    one = Drill(
        project, lesson, model.describe(), InProcess(model), world="w", start_ns=steady_ns(lesson.start.value)
    )
    one.check()
    await one.begin(None)
    return one


async def until(one: Drill, t_s: float, deeds: tuple[Deed, ...] = ()) -> Drill:
    waiting = [deed for deed in deeds if deed.t_s >= one.t_s]
    while one.t_s < t_s and not one.over:
        while waiting and waiting[0].t_s <= one.t_s:
            one.redo(waiting.pop(0))
        await one.step()
    return one


def fresh(name: str, deeds: tuple[Deed, ...] = ()) -> Drill:
    async def run() -> Drill:
        one = await drill(name)
        return await until(one, one.lesson.minutes * 60.0 + 1.0, deeds)

    return asyncio.run(run())


whole = functools.cache(fresh)  # a run that several tests look at


def test_a_trainee_who_does_what_is_expected_passes() -> None:
    one = whole(TRIP, GOOD)
    score = one.exercise.score(one.progress)
    assert score.passed, [(row.id, row.points, row.state) for row in score.rows]
    assert score.total >= 95.0
    assert one.progress.ended == "the aim was reached"


@pytest.mark.parametrize("name", [TRIP, LEAK])
def test_a_trainee_who_does_nothing_fails(name: str) -> None:
    one = whole(name)
    score = one.exercise.score(one.progress)
    assert score.passed is False
    assert {row.state for row in score.rows if row.most} >= {"missed"}


def test_feeding_less_gives_a_leaking_tank_time() -> None:
    deeds = (
        Deed(t_s=200.0, kind="command", what="LIC-102.sp", value=55.0, actor="bo"),
        Deed(t_s=260.0, kind="ack", what="any", actor="bo"),
    )
    one, idle = whole(LEAK, deeds), whole(LEAK)
    assert one.memory.column("T-101.level")[-1] > idle.memory.column("T-101.level")[-1] + 5.0
    assert one.exercise.score(one.progress).passed


def test_the_same_deeds_give_the_same_stream_bit_for_bit() -> None:
    first, again = whole(TRIP, GOOD), fresh(TRIP, GOOD)
    assert first.digest == again.digest
    assert first.digest != whole(TRIP).digest


@pytest.mark.parametrize("project", [PROJECT, LOOKING_BACK], ids=["demo", "functions over time"])
def test_going_back_restores_the_exercise_exactly_and_keeps_the_branch(project: Project) -> None:
    async def run() -> None:
        one = await until(await drill(TRIP, project), 240.0)
        moment = await one.snapshot("before trip")
        before = (one.core.table.value.copy(), one.alarms.states(), one.digest, one.progress)
        await until(one, 400.0)
        lost = one.digest
        one.command("V-101.sp", 90.0, "anna")
        await until(one, 430.0)
        await one.go_back(moment.id)
        assert np.array_equal(one.core.table.value, before[0], equal_nan=True)
        assert (one.alarms.states(), one.digest, one.progress) == before[1:]
        assert [attempt.branch for attempt in one.left] == ["A"]
        assert one.left[0].until_s == 430.0
        assert one.branch == "B"
        await until(one, 400.0)
        assert one.digest == lost, "the second time is as the first, bit for bit"

    asyncio.run(run())


def test_the_instructor_sees_the_truth_and_the_trainee_the_instrument() -> None:
    async def run() -> None:
        one = await until(await drill(TRIP), 180.0)
        slot = next(s.slot for s in PROJECT.specs if s.name == "TT-111.value")
        shown, true = float(one.core.table.value[slot]), one.truth()["TT-111.value"]
        assert shown - true == pytest.approx(1.0, abs=0.05), "0.5 K a minute since 60 s"

    asyncio.run(run())


def test_a_lost_link_turns_its_tags_stale_and_raises_one_alarm() -> None:
    async def run() -> None:
        one = await until(await drill(LEAK), 300.0)
        lost = [s.slot for s in PROJECT.specs if s.link == "cond-mqtt"]
        assert (one.core.table.quality[lost] & 0xFF).min() >= 3
        statuses = {s.name: str(s.state) for s in one.supply.statuses(0)}
        assert statuses["cond-mqtt"] != "UP"
        assert statuses["ctl-ua"] == "UP"
        await until(one, 440.0)
        assert (one.core.table.quality[lost] & 0xFF).max() == 0, "it came back"

    asyncio.run(run())


def test_a_command_that_the_model_does_not_have_is_refused() -> None:
    one = asyncio.run(drill(TRIP))
    with pytest.raises(OrderFault, match="does not take"):
        one.command("T-101.level", 5.0, "anna")


def test_acknowledging_nothing_is_no_deed() -> None:
    one = asyncio.run(drill(TRIP))
    acted = one.act(AlarmAct(action="ack", occurrences=("nothing",)), "anna")
    assert acted.results[0]
    assert not [d for d in one.deeds if d.kind == "ack"]


@pytest.mark.parametrize("at_s", [262.0, 300.0, 395.0])  # just lost, lost, nearly back
def test_going_back_with_a_lost_link_repeats_qualities_times_and_alarms(at_s: float) -> None:
    async def run() -> None:
        one = await until(await drill(LEAK), at_s)
        moment = await one.snapshot("here")
        seen = []
        for _ in range(2):
            await until(one, at_s + 150.0)
            table = one.core.table
            shown = (
                one.digest,
                table.source_ns.tolist(),
                table.arrival_ns.tolist(),
                repr(one.alarms.states()),
            )
            seen.append((shown, repr(one.alarms.progress(0))))
            await one.go_back(moment.id)
        assert seen[0] == seen[1]

    asyncio.run(run())
