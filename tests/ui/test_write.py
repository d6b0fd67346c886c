"""A write from the inspector: form, arm, countdown, execute by a second control, outcome in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from armillary.model.command import Parameter, Template
from armillary.model.fault import FaultRecord
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.ui.window import DeskWindow
from armillary.ui.write_card import WriteCard

T101, MOTOR, SETPOINT = 2, 7, 1
REFUSED = FaultRecord(
    kind="OrderFault",
    what="A viewer may not write.",
    where="gate",
    remedy="Ask for the role operator.",
)
ARMED = Armed(
    token="t",  # noqa: S106  a made-up token
    tag="T-101.setpoint",
    old=2.5,
    new=3.0,
    unit="m",
    title="",
    expires_mono_ns=0,
    expires_s=10.0,
)


@pytest.fixture
def card(desk: DeskWindow) -> WriteCard:
    desk.workspace.select((T101,))
    desk.inspector.open_write(SETPOINT)
    return desk.inspector.card


def arm(card: WriteCard, bench: Any, qtbot: QtBot) -> Arm:
    """Type 3 and arm; the gate says yes."""
    card.entry.setText("3")
    qtbot.mouseClick(card.arm, Qt.MouseButton.LeftButton)
    message, answer = bench.asked.pop()
    answer(ARMED)
    return message


def receipt(order: Order, state: OrderState, bench: Any, **more: object) -> Receipt:
    return Receipt(
        order=order.id,
        tag=order.tag,
        state=state,
        t_ns=bench.clock.now_ns(),
        actor="anna",
        old=2.5,
        value=3.0,
        unit="m",
        **more,
    )


def test_the_form_shows_unit_limits_and_the_value_now(card: WriteCard) -> None:
    assert card.unit.text() == "m"
    assert card.hint.text() == "Limits 0 … 4 m"
    assert "now 2.5 m" in card.now.text()
    assert not card.arm.isEnabled()
    assert not card.execute.isVisible()


def test_arming_asks_the_gate_and_shows_old_and_new(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    message = arm(card, bench, qtbot)
    assert isinstance(message, Arm)
    assert (message.tag, message.value) == ("T-101.setpoint", 3.0)
    assert card.change.text() == "2.5 m → 3 m"
    assert card.state.text() == "Armed: execute within 10 s"
    assert card.execute.isVisible()
    assert not card.arm.isVisible()


def test_execute_stands_at_another_place_than_arm(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    card.entry.setText("3")
    where = card.arm.geometry()
    arm(card, bench, qtbot)
    card.grab()  # lays out
    assert not card.execute.geometry().intersects(where)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_no_key_executes_in_the_first_half_second(
    card: WriteCard, bench: Any, qtbot: QtBot, key: Qt.Key
) -> None:
    arm(card, bench, qtbot)
    bench.clock.advance(0.4)
    card.execute.setEnabled(True)  # even then
    qtbot.keyClick(card.execute, key)
    assert bench.asked == []


def test_space_executes_after_the_first_half_second(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    arm(card, bench, qtbot)
    bench.clock.advance(0.6)
    card.refresh()
    qtbot.keyClick(card.execute, Qt.Key.Key_Space)
    assert [type(message) for message, _ in bench.asked] == [Order]


def test_execute_sends_once_and_shows_sent_then_verified(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    arm(card, bench, qtbot)
    bench.clock.advance(1)
    card.refresh()
    for _ in range(2):
        qtbot.mouseClick(card.execute, Qt.MouseButton.LeftButton)
    ((order, answer),) = bench.asked
    assert isinstance(order, Order)
    assert order.token == "t"  # noqa: S105  a made-up token
    answer(receipt(order, OrderState.SENT, bench))
    assert card.state.text() == "Sent: waiting for the read-back"
    bench.send(orders=(receipt(order, OrderState.VERIFIED, bench, read_back=3.0),), values={SETPOINT: 3.0})
    assert card.state.text() == "Verified: reads 3 m"
    assert card.cancel.text() == "Close"


def test_a_refusal_shows_the_reason_and_the_remedy(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    card.entry.setText("3")
    qtbot.mouseClick(card.arm, Qt.MouseButton.LeftButton)
    bench.asked.pop()[1](REFUSED)
    assert card.state.text() == "A viewer may not write."
    assert card.remedy.text() == "Ask for the role operator."
    assert not card.execute.isVisible()


def test_what_was_armed_expires_and_is_not_sent(card: WriteCard, bench: Any, qtbot: QtBot) -> None:
    arm(card, bench, qtbot)
    bench.clock.advance(11)
    card.refresh()
    assert card.state.text().startswith("Expired")
    assert not card.execute.isVisible()
    assert bench.asked == []


def test_selecting_something_else_closes_and_disarms(
    card: WriteCard, desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    arm(card, bench, qtbot)
    desk.workspace.select((MOTOR,))
    assert not card.isVisible()
    assert desk.workspace.orders.armed is None


def test_a_silent_world_offers_no_write(desk: DeskWindow, bench: Any) -> None:
    bench.live(False)
    desk.workspace.select((T101,))
    desk.inspector.open_write(SETPOINT)
    desk.inspector.card.entry.setText("3")
    assert not desk.inspector.card.arm.isEnabled()
    assert "Not connected" in desk.inspector.card.hint.text()


FILL = Template(
    id="fill",
    kind="setpoint",
    title="Fill T-101",
    tag="T-101.setpoint",
    parameter=Parameter(name="level", unit="m", low=1.0, high=3.0),
    effect="T-101 fills up to this level.",
)
DRAIN = Template(id="drain", kind="setpoint", title="Drain T-101", tag="T-101.setpoint", value=0.0)
UP, DRY = ("Link 'ua' is up", True, ""), ("'P-101.flow > 0' must hold", False, "P-101.flow is 0 m³/h")


def test_a_template_is_chosen_at_its_part_and_shows_what_must_hold_before_it_is_armed(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    desk.workspace.templates = (FILL, DRAIN)
    desk.workspace.select((T101,))
    bench.prepared = (UP, DRY)
    titles = [b for b in desk.inspector.findChildren(QPushButton) if b.text().endswith("T-101…")]
    assert [b.text() for b in titles] == ["Fill T-101…", "Drain T-101…"]
    qtbot.mouseClick(titles[0], Qt.MouseButton.LeftButton)
    card = desk.inspector.card
    assert card.title.text() == "Fill T-101"
    assert card.effect.text() == "T-101 fills up to this level."
    card.entry.setText("3.5")
    assert card.hint.text() == "3.5 is outside. Limits 1 … 3 m."
    card.entry.setText("3")
    said = [line.text() for line in card.findings.findChildren(QLabel) if line.isVisible()]
    assert said == ["✓  Link 'ua' is up", "✗  'P-101.flow > 0' must hold · P-101.flow is 0 m³/h"]
    assert not card.arm.isEnabled()
    assert "must hold" in card.arm.toolTip()
    bench.prepared = (UP,)
    for _ in range(5):
        card._ticked()  # a second
    assert card.arm.isEnabled()
    qtbot.mouseClick(card.arm, Qt.MouseButton.LeftButton)
    message, answer = bench.asked.pop()
    assert (message.template, message.tag, message.value) == ("fill", "", 3.0)
    answer(replace(ARMED, template="fill", checks=(UP,), effect=FILL.effect))
    assert card.change.text() == "2.5 m → 3 m"
    assert card.effect.isVisible(), "what it does stands there before Execute"
    assert [check[0] for check in card.findings.checks] == ["Link 'ua' is up"]


def test_a_template_with_its_own_value_asks_for_none(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    desk.workspace.templates = (DRAIN,)
    desk.workspace.select((T101,))
    bench.prepared = (UP,)
    desk.inspector.open_template(DRAIN)
    card = desk.inspector.card
    assert not card.entry.isVisible()
    assert card.hint.text() == "Sends 0 m"
    qtbot.mouseClick(card.arm, Qt.MouseButton.LeftButton)
    message, _ = bench.asked.pop()
    assert (message.template, math.isnan(message.value)) == ("drain", True)
