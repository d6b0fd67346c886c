"""Templates, preconditions and interlocks in the gate; the plant is that of test_gate."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.world.test_gate import FREE, LEVEL, ROLES, SPEED, VALVE, Bench, refused

from armillary.model.clock import NS
from armillary.model.command import Interlock, Parameter, Proof, Template
from armillary.model.fault import OrderFault
from armillary.model.link import LinkState
from armillary.model.order import Arm, Armed, OrderState, Prepare
from armillary.model.quality import BAD, NEVER, STALE, UNCERTAIN
from armillary.world.gate import Gate

SET = Template(
    id="set_speed",
    kind="setpoint",
    title="Speed of P-101",
    link="plc",
    address=SPEED.address,
    tag=SPEED.name,
    parameter=Parameter(name="speed", unit="%", low=20.0, high=80.0),
    preconditions=("good(v12.open)", "v12.open > 0"),
    read_back=Proof(expression="t1.level", tolerance=5.0, verify_timeout_s=10.0),
)
HALT = Template(
    id="halt", kind="stop", title="Halt", link="plc", address=SPEED.address, tag=SPEED.name, value=10.0
)
START = Template(
    id="start",
    kind="method",
    title="Start",
    link="plc",
    address="nsu=urn:x;s=Start",
    role="engineer",
    read_back=Proof(expression="v12.open > 0"),
)
STOP = replace(HALT, id="stop_call", tag="", address="nsu=urn:x;s=Halt", calls=True)
CALL = replace(START, id="call", read_back=None, parameter=Parameter(name="n", low=1.0, high=3.0))
PULSE = Template(
    id="pulse", kind="pulse", link="plc", address=VALVE.address, tag=VALVE.name, value=1.0, pulse_s=0.05
)
TWO = replace(SET, id="two", two_person=True, origin="commands.toml:7")
DRY = Interlock(id="dry", targets=("set_speed", "halt"), blocks_when="t1.level < 0.5", text="Not while dry.")


class Templates(Bench):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = Gate(
            world="w1",
            specs=(SPEED, VALVE, LEVEL, FREE),
            table=self.table,
            sinks={"plc": self.sink},
            links=self.links,
            status=lambda name: self.status,
            role=lambda actor: ROLES.get(actor, ""),
            audit=self.audit,
            clock=self.clock,
            project=folder,
            templates=(SET, HALT, STOP, START, CALL, PULSE, TWO),
            interlocks=(DRY,),
        )
        self.arrives(VALVE, 1.0)
        self.tick(0)

    def use(self, template: str, value: float = math.nan, actor: str = "anna") -> Armed:
        wish = Arm(tag="", value=value, unit="", actor=actor, seen_seq=self.seq, template=template)
        return self.gate.arm(wish, self.clock.now_mono_ns())

    def go(self, armed: Armed, **changes: Any) -> Any:
        return self.execute(self.order(armed, template=armed.template, **changes))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Templates]:
    plant = Templates(tmp_path)
    yield plant
    plant.audit.close()


def test_a_template_is_armed_with_its_conditions_and_sent_in_the_plants_unit(plant: Templates) -> None:
    armed = plant.use("set_speed", 60.0)
    assert (armed.tag, armed.old, armed.new, armed.unit, armed.title) == (
        SPEED.name,
        50.0,
        60.0,
        "%",
        "Speed of P-101",
    )
    assert armed.checks == (
        ("'good(v12.open)' must hold", True, "v12.open is 1"),
        ("'v12.open > 0' must hold", True, "v12.open is 1"),
        ("Not while dry", True, "t1.level is 1 m"),
    )
    assert plant.go(armed).state is OrderState.SENT
    assert plant.sink.writes[0].value == pytest.approx(550.0)


def test_a_template_is_verified_by_its_own_read_back(plant: Templates) -> None:
    plant.go(plant.use("set_speed", 60.0))
    plant.clock.advance(0.2)
    plant.arrives(SPEED, 60.0)  # the tag itself proves nothing here
    plant.tick()
    assert OrderState.VERIFIED not in plant.states()
    plant.arrives(LEVEL, 57.0)
    plant.tick()
    plant.tick()
    (verified,) = plant.gate.take_receipts()
    assert (verified.state, verified.read_back) == (OrderState.VERIFIED, 57.0)


def test_a_read_back_that_stays_away_is_not_confirmed_after_the_templates_own_time(plant: Templates) -> None:
    plant.go(plant.use("set_speed", 60.0))
    plant.tick(9.0)
    assert OrderState.UNVERIFIED not in plant.states()
    plant.arrives(LEVEL, 40.0)
    plant.tick(1.5)
    (receipt,) = plant.gate.take_receipts()
    assert receipt.state is OrderState.UNVERIFIED
    assert "NOT CONFIRMED: 60 % was sent, but t1.level is 40 m" in receipt.detail.what  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("quality", "ago_s", "text"),
    [
        (STALE, 14.0, "v12.open is 14 s old"),
        (BAD, 0.0, "v12.open is BAD"),
        (UNCERTAIN, 0.0, "v12.open is UNCERTAIN"),
        (NEVER, 0.0, "v12.open has no value yet"),
    ],
)
def test_what_is_not_known_blocks_and_says_why(
    plant: Templates, quality: int, ago_s: float, text: str
) -> None:
    plant.table.quality[VALVE.slot] = quality
    plant.tick(ago_s)
    with pytest.raises(OrderFault, match=text):
        plant.use("set_speed", 60.0)


def test_a_precondition_that_does_not_hold_blocks_with_what_it_reads(plant: Templates) -> None:
    plant.arrives(VALVE, 0.0)
    with pytest.raises(OrderFault, match=r"Blocked: 'v12.open > 0' must hold \(v12.open is 0\)"):
        plant.use("set_speed", 60.0)


def test_a_condition_lost_after_arming_refuses_the_execution(plant: Templates) -> None:
    armed = plant.use("set_speed", 60.0)
    plant.arrives(VALVE, 0.0)
    refused(plant.go(armed), "must hold")
    assert plant.sink.writes == []


def test_a_condition_lost_while_the_intent_is_written_sends_nothing(plant: Templates) -> None:
    armed = plant.use("set_speed", 60.0)
    commit = plant.gate._ledger.commit

    async def slow(*args: Any) -> None:
        await commit(*args)
        plant.arrives(VALVE, 0.0)

    plant.gate._ledger.commit = slow  # type: ignore[method-assign]
    refused(plant.go(armed), "must hold")
    assert plant.sink.writes == []


def test_an_interlock_blocks_the_template_and_the_free_write_behind_it(plant: Templates) -> None:
    plant.arrives(LEVEL, 0.2)
    with pytest.raises(OrderFault, match=r"Blocked: Not while dry \(t1.level is 0.2 m\)"):
        plant.use("set_speed", 60.0)
    with pytest.raises(OrderFault, match="Not while dry"):
        plant.arm(60.0)


def test_an_interlock_that_is_not_known_blocks(plant: Templates) -> None:
    plant.table.quality[LEVEL.slot] = STALE
    plant.tick(3.0)
    with pytest.raises(OrderFault, match=r"Not while dry \(t1.level is 3 s old\)"):
        plant.arm(60.0)


def test_a_protective_stop_passes_interlocks_and_sends_its_one_value(plant: Templates) -> None:
    plant.arrives(LEVEL, 0.2)
    with pytest.raises(OrderFault, match="always sends 10"):
        plant.use("halt", 50.0)
    armed = plant.use("halt")
    assert armed.new == 10.0
    assert plant.go(armed).state is OrderState.SENT


@pytest.mark.parametrize(("value", "text"), [(19.0, "outside 20 to 80"), (math.nan, "not a number")])
def test_a_parameter_outside_its_limits_is_refused(plant: Templates, value: float, text: str) -> None:
    with pytest.raises(OrderFault, match=text):
        plant.use("set_speed", value)


@pytest.mark.parametrize(
    ("actor", "may"), [("anna", False), ("erik", True), ("vera", False), ("adam", False), ("ida", False)]
)
def test_a_template_of_level_engineer_is_for_engineers(plant: Templates, actor: str, may: bool) -> None:
    if may:
        assert plant.use("start", actor=actor).new == 1.0
    else:
        with pytest.raises(OrderFault, match="may not write"):
            plant.use("start", actor=actor)


def test_a_method_is_called_with_its_parameter_and_verified_by_its_expression(plant: Templates) -> None:
    armed = plant.use("start", actor="erik")
    assert math.isnan(armed.old)
    assert plant.go(armed, actor="erik").state is OrderState.SENT
    assert (plant.sink.writes[0].is_call, plant.sink.writes[0].arguments) == (True, ())
    plant.tick(0.1)
    assert OrderState.VERIFIED not in plant.states()  # it held before: a proof of life is needed
    plant.arrives(VALVE, 1.0)
    plant.tick(0.1)
    assert plant.states() == [OrderState.VERIFIED]
    plant.tick(3.0)
    plant.go(plant.use("call", 2.0, actor="erik"), actor="erik")
    assert plant.sink.writes[1].arguments == (2.0,)


def test_a_command_that_nothing_shows_is_never_called_a_success(plant: Templates) -> None:
    plant.go(plant.use("call", 2.0, actor="erik"), actor="erik")
    plant.tick()
    assert plant.states()[-1] is OrderState.UNVERIFIED


def test_a_pulse_writes_its_value_and_then_its_rest(plant: Templates) -> None:
    plant.go(plant.use("pulse"))
    assert [write.value for write in plant.sink.writes] == [1.0, 0.0]
    assert len({write.key for write in plant.sink.writes}) == 2
    plant.clock.advance(0.1)
    plant.arrives(VALVE, 0.0)
    plant.tick(0.1)
    assert plant.states()[-1] is OrderState.VERIFIED


def test_a_pulse_whose_link_is_lost_is_not_ended_later(plant: Templates, log_guard: Any) -> None:
    log_guard.announced.append("was not ended")
    plant.sink.answer = lambda: plant.link(LinkState.BACKOFF)
    receipt = plant.go(plant.use("pulse"))
    assert (receipt.state, len(plant.sink.writes)) == (OrderState.SENT, 1)
    assert receipt.detail is not None
    assert "outcome unknown" in receipt.detail.what


def test_what_needs_two_persons_is_refused_in_plain_words(plant: Templates) -> None:
    with pytest.raises(OrderFault, match=r"needs a second person.*commands\.toml:7"):
        plant.use("two", 50.0)


def test_an_order_of_another_template_than_was_armed_is_refused(plant: Templates) -> None:
    armed = plant.use("set_speed", 60.0)
    refused(plant.execute(plant.order(armed, template="")), "not what was armed")


def test_two_operators_do_not_get_one_setpoint(plant: Templates) -> None:
    plant.use("set_speed", 60.0)
    with pytest.raises(OrderFault, match="Held by anna"):
        plant.use("halt", actor="erik")


def test_an_unknown_template_is_named(plant: Templates) -> None:
    with pytest.raises(OrderFault, match="no template 'nope'"):
        plant.use("nope")


def test_an_order_past_its_time_is_expired(plant: Templates) -> None:
    armed = plant.use("set_speed", 60.0)
    order = plant.order(armed, template="set_speed", not_after_ns=plant.clock.now_ns() - NS)
    assert asyncio.run(plant.gate.execute(order)).state is OrderState.EXPIRED
    assert plant.sink.writes == []


def test_what_must_hold_is_told_before_anything_is_armed(plant: Templates) -> None:
    found = plant.gate.prepare(Prepare(tag="", template="set_speed"), "anna")
    assert (found.tag, found.template) == (SPEED.name, "set_speed")
    assert [(what, holds) for what, holds, _ in found.checks] == [
        ("Link 'plc' is up", True),
        (f"{SPEED.name} is known", True),
        ("'good(v12.open)' must hold", True),
        ("'v12.open > 0' must hold", True),
        ("Not while dry", True),
    ]
    plant.arrives(VALVE, 0.0)
    plant.tick()
    missing = plant.gate.prepare(Prepare(tag="", template="set_speed"), "vera").checks
    assert ("'v12.open > 0' must hold", False, "v12.open is 0") in missing
    assert any(what == "Your role may command it" and not holds for what, holds, _ in missing)
    assert plant.sink.writes == []


def test_a_stop_may_call_a_method_without_arguments(plant: Templates) -> None:
    assert plant.go(plant.use("stop_call")).state is OrderState.SENT
    (write,) = plant.sink.writes
    assert (write.is_call, write.arguments, write.address) == (True, (), "nsu=urn:x;s=Halt")
