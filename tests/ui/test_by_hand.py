"""A value by hand from the inspector: the card asks the world, all read whose it is, one click ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.fault import FaultRecord
from armillary.model.message import Done
from armillary.model.quality import MANUAL, SUBSTITUTED
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.session.actions import action
from armillary.ui.hand_card import HandCard
from armillary.ui.window import DeskWindow

T101, MOTOR, LEVEL, RUNNING = 2, 7, 0, 3
WHY = "by hand: Anna Larsen, until 14:30: sensor out"
Asked = list[tuple[object, Callable[[object], None]]]


@pytest.fixture
def asked(bench: Any) -> Asked:
    """What the world is asked."""
    out: Asked = []
    bench.workspace.ask_world = lambda message, callback, _limit=0.0: out.append((message, callback))
    return out


@pytest.fixture
def card(desk: DeskWindow, asked: Asked) -> HandCard:
    desk.workspace.select((T101,))
    asked.clear()
    action("value.substitute").run(desk)
    return desk.inspector.hand


def held(bench: Any) -> None:
    bench.send(qualities={LEVEL: SUBSTITUTED | MANUAL}, values={LEVEL: 3.2}, why=((LEVEL, WHY),))


def test_the_card_wants_value_time_and_reason_and_keeps_a_refusal(
    card: HandCard, asked: Asked, qtbot: QtBot
) -> None:
    assert card.isVisible()
    assert [card.span.itemText(i) for i in range(card.span.count())] == ["15 min", "1 h", "4 h", "8 h"]
    assert (card.hint.text(), card.give.isEnabled()) == ("Type a value, or block it.", False)
    card.entry.setText("3,2")
    assert card.hint.text() == "Say why."
    card.reason.setText("sensor out")
    card.span.setCurrentIndex(card.span.findText("4 h"))
    for _ in range(2):
        qtbot.mouseClick(card.give, Qt.MouseButton.LeftButton)
    ((message, answer),) = asked
    assert message == Substitute(tag="T-101.level", value=3.2, for_s=14_400.0, reason="sensor out")
    answer(FaultRecord(kind="OrderFault", what="It is too high.", where="T-101.level", remedy="Give less."))
    assert card.hint.text() == "Not given: It is too high. Give less."
    card.block.setChecked(True)
    qtbot.mouseClick(card.give, Qt.MouseButton.LeftButton)
    message, answer = asked[-1]
    assert isinstance(message, Substitute)
    assert message.value is None
    answer(Done())
    assert not card.isVisible()


def test_all_read_whose_value_it_is_and_end_it_with_a_click(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot
) -> None:
    desk.workspace.select((T101,))
    held(bench)
    desk.inspector.refresh()
    bar = desk.inspector.by_hand
    assert bar.who.text() == f"T-101.level {WHY}"
    assert desk.inspector.tags.index(0, 1).data() == "3.2 m S"
    asked.clear()
    qtbot.mouseClick(bar.end, Qt.MouseButton.LeftButton)
    assert asked[0][0] == EndSubstitution(tag="T-101.level")
    bench.send()
    desk.inspector.refresh()
    assert not bar.who.isVisible()
    assert not bar.end.isVisible()
    bench.workspace.role = "viewer"
    held(bench)
    desk.inspector.refresh()
    assert bar.who.text().endswith("sensor out")  # who may not give values reads whose they are
    assert not bar.end.isEnabled()
    assert (
        action("value.substitute").why_not(bench.workspace) == "The role viewer may not give values by hand."
    )
