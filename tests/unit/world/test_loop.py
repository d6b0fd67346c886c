"""What a loop does with its offer when the plant goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from armillary.model import places
from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.clock import ManualClock
from armillary.model.control import Proposal, RunCard
from armillary.model.loop import LoopAction, LoopSpec
from armillary.model.order import OrderState, Receipt
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.world.loop import Loops

PROJECT = projects.read(places.data("scenes/pumping-station"))
HOT = AlarmState(id="TT-111-HH", process=ProcessState.UNACK, occurrence="1")
COLD = AlarmState(id="TT-111-HH", process=ProcessState.LACKD, occurrence="1")
SPEC = LoopSpec(
    id="hot",
    title="Hot",
    detect="TT-111-HH",
    scenario="relieve-bearing",
    actions=(
        LoopAction(variant="slow", title="Slower", tag="P-101A.speed_sp", value=1250.0),
        LoopAction(variant="stop", title="Stop", tag="P-101A.run", value=0.0),
    ),
)


class Simulated(Loops):
    """Its candidates are known at once, or when the test lets them be."""

    wait: asyncio.Event | None = None

    async def _simulate(self, loop: object) -> Sequence[RunCard]:
        if self.wait is not None:
            await self.wait.wait()
        return (
            RunCard(id="baseline", title="Do nothing", state="done", rank=3, score=2.0),
            RunCard(id="slow", title="Slower", state="done", rank=1, score=1.0, reason="lowest cost"),
            RunCard(id="stop", title="Stop", state="done", rank=2, score=1.5),
        )


def made(project: Project = PROJECT) -> Simulated:
    async def send(tag: str, value: float, actor: str, reason: str, template: str) -> Receipt:
        raise AssertionError("nothing may be sent here")

    table = TagTable(len(project.specs))
    return Simulated((SPEC,), project, ManualClock(), table=table, address="", send=send)


def last(loops: Loops) -> Proposal:
    return loops.take()[0][-1]


def by_hand(tag: str) -> Receipt:
    return Receipt(
        order="o", tag=tag, state=OrderState.ACCEPTED, t_ns=1, actor="anna", old=1.0, value=0.0, unit=""
    )


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def offered() -> tuple[Simulated, Proposal]:
    loops = made()
    loops.note((HOT,), ())
    await settled()
    return loops, last(loops)


def test_the_best_action_is_offered_with_its_reason_as_a_sentence() -> None:
    async def story() -> None:
        loops, proposal = await offered()
        assert (proposal.state, proposal.tag) == ("offered", "P-101A.speed_sp")
        assert proposal.reason == "50 % less cost than doing nothing. Lowest cost."
        await loops.close()

    asyncio.run(story())


def test_nothing_is_done_for_what_is_only_predicted_however_the_loop_came_to_be() -> None:
    async def story() -> None:
        alarms = tuple(
            replace(alarm, kind="predicted") if alarm.id == SPEC.detect else alarm for alarm in PROJECT.alarms
        )
        loops = made(replace(PROJECT, alarms=alarms))
        loops.note((HOT,), ())
        await settled()
        assert loops.take()[0] == ()
        assert loops.detecting == frozenset()

    asyncio.run(story())


def test_an_offer_is_withdrawn_when_its_alarm_is_over() -> None:
    async def story() -> None:
        loops, _ = await offered()
        loops.note((COLD,), ())
        proposal = last(loops)
        assert (proposal.state, proposal.is_over, proposal.detail) == (
            "withdrawn",
            True,
            "Its alarm is over.",
        )
        loops.note((HOT,), ())
        await settled()
        assert loops.take() == ((), ()), "the same occurrence is not answered twice"
        await loops.close()

    asyncio.run(story())


def test_an_offer_is_withdrawn_when_a_person_did_one_of_its_actions() -> None:
    async def story() -> None:
        loops, _ = await offered()
        loops.note((), (by_hand("P-101A.run"),))
        assert last(loops).detail == "P-101A.run was changed by anna."
        await loops.close()

    asyncio.run(story())


def test_what_was_simulated_of_a_plant_that_is_no_more_so_is_not_offered() -> None:
    async def story() -> None:
        loops = made()
        loops.wait = asyncio.Event()
        loops.note((HOT,), ())
        await settled()
        loops.note((COLD,), ())
        loops.wait.set()
        await settled()
        assert last(loops).state == "withdrawn"
        await loops.close()

    asyncio.run(story())
