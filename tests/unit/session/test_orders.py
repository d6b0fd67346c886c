import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from armillary.model.clock import ManualClock
from armillary.model.command import Template
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.tags import TagSpec
from armillary.session.mirror import Mirror
from armillary.session.orders import Orders

SPECS = (
    TagSpec(slot=0, name="tank.level", unit="m"),
    TagSpec(slot=1, name="tank.setpoint", unit="m", title="Setpoint", writable=True),
)


class Gate:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, Callable[[object], None]]] = []

    def ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.asked.append((message, callback))


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror(2)
    mirror.live, mirror.world, mirror.seq = True, "w", 42
    mirror.table.value[:] = [1.0, 2.5]
    return mirror


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def orders(clock: ManualClock, gate: Gate, mirror: Mirror) -> Orders:
    return Orders(clock, "anna", gate.ask, lambda: mirror, lambda: SPECS)


def armed(new: float = 3.0) -> Armed:
    return Armed(
        token="t",  # noqa: S106  no password
        tag="tank.setpoint",
        old=2.5,
        new=new,
        unit="m",
        title="Setpoint",
        expires_mono_ns=0,
        expires_s=10,
    )


def receipt(order: str, state: OrderState, t_ns: int = 1, read_back: float | None = None) -> Receipt:
    return Receipt(
        order=order,
        tag="tank.setpoint",
        state=state,
        t_ns=t_ns,
        actor="anna",
        old=2.5,
        value=3.0,
        unit="m",
        read_back=read_back,
    )


def card(orders: Orders, clock: ManualClock) -> Any:
    found = orders.card(clock.now_mono_ns())
    assert found is not None
    return found


def arm(orders: Orders, gate: Gate) -> None:
    """Arm the second tag and let the world grant it."""
    orders.arm(1, 3.0)
    gate.asked[0][1](armed())


def execute(orders: Orders, gate: Gate) -> None:
    arm(orders, gate)
    orders.execute()


def test_an_order_is_armed_executed_once_and_verified(orders: Orders, gate: Gate, clock: ManualClock) -> None:
    orders.arm(1, 3.0, "higher")
    wish = gate.asked[0][0]
    assert isinstance(wish, Arm)
    assert (wish.tag, wish.value, wish.unit, wish.actor, wish.seen_seq) == (
        "tank.setpoint",
        3.0,
        "m",
        "anna",
        42,
    )
    gate.asked[0][1](armed())
    assert card(orders, clock).change == "2.5 m → 3 m"
    assert card(orders, clock).tone == "armed"
    clock.advance(2)
    assert card(orders, clock).state == "Armed: execute within 8 s"
    orders.execute()
    orders.execute()
    assert len(gate.asked) == 2
    order = gate.asked[1][0]
    assert isinstance(order, Order)
    assert (order.token, order.world, order.not_after_ns - clock.now_ns()) == ("t", "w", 5_000_000_000)
    gate.asked[1][1](receipt(order.id, OrderState.SENT))
    assert card(orders, clock).tone == "running"
    orders.take([receipt(order.id, OrderState.VERIFIED, 2, 3.0)])
    assert (card(orders, clock).state, card(orders, clock).tone) == ("Verified: reads 3 m", "good")


def test_a_template_is_armed_by_its_id_and_executed_as_what_the_gate_settled(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    template = Template(id="fill", kind="stop", title="Fill", tag="tank.setpoint", value=3.0)
    orders.arm_template(template, reason="low")
    wish = gate.asked[0][0]
    assert isinstance(wish, Arm)
    assert (wish.tag, wish.template, math.isnan(wish.value), wish.reason) == ("", "fill", True, "low")
    gate.asked[0][1](replace(armed(), template="fill"))
    assert (card(orders, clock).title, card(orders, clock).change) == ("Fill", "2.5 m → 3 m")
    orders.execute()
    order = gate.asked[1][0]
    assert isinstance(order, Order)
    assert (order.template, order.tag, order.value) == ("fill", "tank.setpoint", 3.0)


def test_an_older_answer_does_not_undo_what_a_frame_has_told(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    execute(orders, gate)
    order = gate.asked[1][0]
    orders.take([receipt(order.id, OrderState.VERIFIED, 9, 3.0)])
    gate.asked[1][1](receipt(order.id, OrderState.SENT, 5))
    assert card(orders, clock).tone == "good"


def test_execute_takes_no_key_in_the_first_half_second(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    arm(orders, gate)
    assert not card(orders, clock).can_execute
    clock.advance(0.6)
    assert card(orders, clock).can_execute


def test_an_armed_order_that_nobody_executes_expires_and_is_not_sent(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    arm(orders, gate)
    clock.advance(10.1)
    orders.execute()
    assert len(gate.asked) == 1
    assert card(orders, clock).state.startswith("Expired: nothing was sent")
    assert (card(orders, clock).tone, card(orders, clock).can_execute) == ("bad", False)


def test_a_refusal_is_shown_with_its_reason(orders: Orders, gate: Gate, clock: ManualClock) -> None:
    fault = FaultRecord(
        kind="OrderFault", what="The value is above 5 m.", where="tank.setpoint", remedy="Less."
    )
    orders.arm(1, 9.0)
    gate.asked[0][1](fault)
    assert (card(orders, clock).state, card(orders, clock).fault) == ("The value is above 5 m.", fault)
    orders.execute()
    assert len(gate.asked) == 1


def test_what_is_armed_is_taken_back_when_the_world_falls_silent(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    arm(orders, gate)
    orders.disarm("the world is silent.")
    orders.execute()
    assert len(gate.asked) == 1
    assert card(orders, clock).state == "Disarmed: the world is silent."


def test_an_answer_to_a_cancelled_order_changes_nothing(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    orders.arm(1, 3.0)
    orders.cancel()
    gate.asked[0][1](armed())
    assert orders.card(clock.now_mono_ns()) is None
    orders.execute()
    assert len(gate.asked) == 1


def test_an_unconfirmed_order_tells_to_check_the_plant(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    execute(orders, gate)
    orders.take([receipt(gate.asked[1][0].id, OrderState.UNVERIFIED, 2, 2.5)])
    assert card(orders, clock).state == "NOT CONFIRMED: check the plant, it reads 2.5 m"
    assert card(orders, clock).tone == "bad"


def test_where_nothing_can_be_written_the_reason_is_said(orders: Orders, mirror: Mirror) -> None:
    assert "not writable" in orders.why_not(0)
    assert orders.why_not(1) == ""
    assert "Select" in orders.why_not(7)
    mirror.live = False
    assert "Not connected" in orders.why_not(1)
    mirror.kind = WorldKind.REPLAY
    assert orders.why_not(1) == "A REPLAY world takes no commands."


def up_since(t_ns: int, state: LinkState = LinkState.UP) -> tuple[LinkStatus, ...]:
    return (LinkStatus(name="plc", kind="opcua", url="", state=state, since_ns=t_ns),)


@pytest.mark.parametrize("news", [up_since(1, LinkState.BACKOFF), up_since(2)])
def test_what_is_armed_is_taken_back_when_its_link_was_lost_also_if_it_is_back(
    orders: Orders,
    gate: Gate,
    clock: ManualClock,
    news: tuple[LinkStatus, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders, "_specs", lambda: (SPECS[0], replace(SPECS[1], link="plc")))
    arm(orders, gate)
    orders.watch(up_since(1))
    orders.watch(up_since(1))
    assert card(orders, clock).tone == "armed"
    orders.watch(news)
    assert card(orders, clock).state == "Disarmed: link lost, the command was not sent."
    orders.execute()
    assert len(gate.asked) == 1


def test_an_order_that_nobody_answered_says_that_its_outcome_is_unknown(
    orders: Orders, gate: Gate, clock: ManualClock
) -> None:
    execute(orders, gate)
    order = gate.asked[1][0]
    doubt = FaultRecord(kind="OrderFault", what="The plant did not answer.", where="", remedy="")
    orders.take([replace(receipt(order.id, OrderState.SENT), detail=doubt)])
    assert card(orders, clock).state == "Outcome unknown: reading back…"
