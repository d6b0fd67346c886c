"""A protective stop: what sends it at once, what holds it ready for a person, what is told when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from armillary.model import places
from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.clock import ManualClock
from armillary.model.control import Approve, Proposal
from armillary.model.fault import OrderFault
from armillary.model.loop import LoopSpec, Policy
from armillary.model.order import OrderState, Receipt
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.world.loop import Loops

PROJECT = projects.read(places.data("scenes/packaging-line"))
HOT = AlarmState(
    id="O210-Z2-HTT", process=ProcessState.UNACK, occurrence="1", text="zone 2 at 85.4 °C (5 readings)"
)
SPEC = LoopSpec(
    id="halt_line_2",
    title="Halt line 2",
    detect="O210-Z2-HTT",
    stop="halt_c201",
    level="auto",
    roll_back=False,
    policy=Policy(max_per_hour=1, expires_ns=10**18 * 9, signed_by=("ravi", "anna")),
)
HALTED = "system:halt:O210-Z2-HTT"


@dataclass
class Gate:
    """Takes what a loop sends; answers as told."""

    state: OrderState = OrderState.VERIFIED
    fault: OrderFault | None = None
    sent: list[tuple[str, float, str, str, str]] = field(default_factory=list)

    async def send(self, tag: str, value: float, actor: str, reason: str, template: str) -> Receipt:
        self.sent.append((tag, value, actor, reason, template))
        if self.fault is not None:
            raise self.fault
        return Receipt(
            order=f"o{len(self.sent)}", tag=tag, state=self.state, t_ns=1, actor=actor, old=1.0, value=value,
            unit="", read_back=0.0,
        )  # fmt: skip


def story(spec: LoopSpec, gate: Gate, tell: Callable[[Loops], None] | None = None) -> tuple[Loops, Proposal]:
    """Let the alarm raise, then whatever `tell` does; return the loops and the newest proposal."""
    clock = ManualClock()
    newest: list[Proposal] = []

    async def run() -> Loops:
        loops = Loops((spec,), PROJECT, clock, table=TagTable(len(PROJECT.specs)), address="", send=gate.send)
        loops.note((HOT,), ())
        await settled()
        newest.extend(loops.take()[0])
        if tell is not None:
            tell(loops)
            await settled()
            newest.extend(loops.take()[0])
        await loops.close()
        return loops

    return asyncio.run(run()), newest[-1]


async def settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def test_a_signed_stop_is_sent_at_once_by_its_template_and_says_why() -> None:
    gate = Gate()
    loops, proposal = story(SPEC, gate)
    assert [(tag, actor, template) for tag, _, actor, _, template in gate.sent] == [
        ("line-ua!nsu=urn:armillary:demo:line;s=C-201.Halt", "loop:halt_line_2", "halt_c201")
    ]
    assert "signed by ravi and anna" in gate.sent[0][3]
    assert (proposal.state, proposal.policy, proposal.is_over) == ("verified", "halt_line_2", True)
    assert proposal.reason == "Zone 2 at 85.4 °C (5 readings)."
    assert proposal.runs == (), "nothing is simulated before"
    assert loops.troubles() == {}


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (replace(SPEC.policy, signed_by=("ravi",)), "not signed by two people"),
        (replace(SPEC.policy, signed_by=("ravi", "ravi")), "not signed by two people"),
        (replace(SPEC.policy, expires_ns=0), "has expired"),
    ],
)
def test_an_unsigned_stop_is_held_ready_for_a_person(policy: Policy, why: str) -> None:
    gate = Gate()
    loops, proposal = story(replace(SPEC, policy=policy), gate)
    assert gate.sent == []
    assert (proposal.state, proposal.title, proposal.policy) == ("offered", "Halt line 2", "")
    assert why in proposal.detail
    assert loops.troubles() == {}, "a person was always meant to send it"


def test_a_person_sends_the_stop_that_was_held_ready() -> None:
    gate = Gate()
    unsigned = replace(SPEC, policy=replace(SPEC.policy, signed_by=()))

    def approve(loops: Loops) -> None:
        asked = loops._loops["halt_line_2"].proposal
        assert asked is not None
        anna = LoggedIn(user="anna", name="Anna", role="operator", accounts=True)
        loops.answer(Approve(id=asked.id), anna, may_release=False)

    _, proposal = story(unsigned, gate, approve)
    assert [(actor, template) for _, _, actor, _, template in gate.sent] == [("anna", "halt_c201")]
    assert proposal.state == "verified"


@pytest.mark.parametrize(
    "gate",
    [
        Gate(fault=OrderFault("The guard is open.", where="C-201", remedy="Close it.")),
        Gate(state=OrderState.UNVERIFIED),
        Gate(state=OrderState.FAILED),
    ],
)
def test_a_stop_that_is_not_known_to_stand_is_an_alarm_until_its_cause_is_over(gate: Gate) -> None:
    loops, proposal = story(SPEC, gate)
    assert proposal.state == "failed"
    assert list(loops.troubles()) == [HALTED]
    over = replace(HOT, process=ProcessState.LACKD)
    loops, _ = story(SPEC, gate, lambda loops: loops.note((over,), ()))
    assert loops.troubles() == {}


def test_a_second_stop_within_the_hour_is_a_persons_and_that_is_told() -> None:
    gate = Gate()
    again = replace(HOT, occurrence="2")
    loops, proposal = story(SPEC, gate, lambda loops: loops.note((again,), ()))
    assert len(gate.sent) == 1
    assert (proposal.state, "1 times within the hour" in proposal.detail) == ("offered", True)
    assert "was not sent" in loops.troubles()[HALTED]


def test_a_stop_that_a_person_sent_by_its_card_is_not_offered_any_longer() -> None:
    unsigned = replace(SPEC, policy=replace(SPEC.policy, signed_by=()))
    tag = "line-ua!nsu=urn:armillary:demo:line;s=C-201.Halt"
    by_hand = Receipt(
        order="x", tag=tag, state=OrderState.ACCEPTED, t_ns=1, actor="anna", old=1.0, value=1.0, unit=""
    )
    _, proposal = story(unsigned, Gate(), lambda loops: loops.note((), (by_hand,)))
    assert (proposal.state, "anna did it by hand" in proposal.detail.lower()) == ("withdrawn", True)


def test_readings_that_came_late_stop_nothing() -> None:
    gate = Gate()

    async def run() -> None:
        table = TagTable(len(PROJECT.specs))
        loops = Loops((SPEC,), PROJECT, ManualClock(), table=table, address="", send=gate.send)
        loops.note((replace(HOT, delayed_s=40.0),), ())
        await settled()
        assert loops.take() == ((), ())
        await loops.close()

    asyncio.run(run())
    assert gate.sent == []
