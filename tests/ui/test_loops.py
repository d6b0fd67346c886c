"""What a loop proposes, on the desk: the card, one click, a policy's banner, the list, words at the part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.control import Approve, Kill, LoopState, Measure, Proposal, RunCard
from armillary.model.fault import FaultRecord
from armillary.model.message import Done
from armillary.model.order import CloseOrder, OrderState, Receipt
from armillary.ui.login import ReasonSheet
from armillary.ui.proposal_card import CARD_PX, Offer
from armillary.ui.window import DeskWindow

LOOP = LoopState(id="spare", title="T-101 is about to overflow", level="approve", wanted="approve")
RUNS = (
    RunCard(id="baseline", title="Do nothing", state="done", rank=2, violations=("T-101.level > 95 %",)),
    RunCard(
        id="lower",
        title="Lower it to 2 m",
        state="done",
        rank=1,
        reason="cheapest",
        measures=(Measure(name="Energy", value=12.1, unit="kWh", low=11.8, high=12.6),),
    ),
)


def offer(bench: Any, **more: object) -> Proposal:
    now = bench.clock.now_ns()
    base = Proposal(
        id="p1",
        loop="spare",
        state="offered",
        t_ns=now,
        title="Lower it to 2 m",
        reason="Doing nothing breaks T-101.level > 95 %; this does not.",
        tag="T-101.setpoint",
        value=2.0,
        old=2.5,
        unit="m",
        expires_ns=now + 60 * NS,
        variant="lower",
        runs=RUNS,
    )
    return replace(base, **more)


@pytest.fixture
def asked(desk: DeskWindow, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What the home world was asked."""
    out: list[tuple[Any, Any]] = []
    ask = lambda message, callback, _limit=0.0: out.append((message, callback))  # noqa: E731
    desk.workspace.proposals._ask = ask
    monkeypatch.setattr(desk.workspace, "ask_home", ask)
    return out


def put(bench: Any, *proposals: Proposal, loop: LoopState = LOOP) -> None:
    bench.send(proposals=proposals, loops=(loop,))


def read(desk: DeskWindow, bench: Any) -> Offer:
    """The one card, when somebody has had the time to read it."""
    bench.clock.advance(1)
    desk.decisions.offers.refresh()
    [card] = desk.decisions.offers.cards
    return card


def words(card: Offer) -> str:
    cells = [card._grid.itemAt(i).widget() for i in range(card._grid.count())]
    return " | ".join(cell.text() for cell in cells)


def test_an_offer_is_a_card_with_its_evidence_and_blocks_nothing(desk: DeskWindow, bench: Any) -> None:
    put(bench, offer(bench))
    card = read(desk, bench)
    assert card.headline.text() == "T-101 is about to overflow → Lower it to 2 m"
    assert card.change.text() == "T-101.setpoint: 2.5 m → 2 m"
    assert "Doing nothing breaks" in card.reason.text()
    assert "12.1 kWh\n(11.8 … 12.6)" in words(card)
    assert "T-101.level > 95 %" in words(card)
    assert card.state.text().startswith("Offered for another 5")
    assert not card.isWindow()
    assert desk.decisions.offers.width() == CARD_PX


def test_one_click_approves_once(desk: DeskWindow, bench: Any, asked: list[Any], qtbot: QtBot) -> None:
    put(bench, offer(bench))
    card = read(desk, bench)
    for _ in range(2):
        qtbot.mouseClick(card.approve, Qt.MouseButton.LeftButton)
    assert [message for message, _ in asked] == [Approve(id="p1", yes=True)]
    asked[0][1](Done())
    put(bench, offer(bench, state="sent", detail="T-101.setpoint → 2."))
    assert not card.approve.isVisible()
    assert card.state.text() == "Sent, not confirmed yet. T-101.setpoint → 2."


def test_nobody_decides_on_the_plant_while_its_past_is_shown(desk: DeskWindow, bench: Any) -> None:
    put(bench, offer(bench))
    desk.workspace.proposals._in_past = lambda: True
    card = read(desk, bench)
    assert not card.approve.isEnabled()
    assert not card.refuse.isEnabled()
    assert "press L" in card.why.text()
    desk.workspace.proposals._in_past = lambda: False
    assert read(desk, bench).approve.isEnabled()


def test_a_card_that_has_just_come_takes_no_click(
    desk: DeskWindow, bench: Any, asked: list[Any], qtbot: QtBot
) -> None:
    put(bench, offer(bench))
    [card] = desk.decisions.offers.cards
    qtbot.mouseClick(card.approve, Qt.MouseButton.LeftButton)
    assert asked == []


def test_refusing_takes_a_reason(desk: DeskWindow, bench: Any, asked: list[Any], qtbot: QtBot) -> None:
    put(bench, offer(bench))
    card = read(desk, bench)
    qtbot.mouseClick(card.refuse, Qt.MouseButton.LeftButton)
    assert not card.refused.isEnabled()
    qtbot.keyClicks(card.words, "maintenance under way")
    qtbot.mouseClick(card.refused, Qt.MouseButton.LeftButton)
    assert [message for message, _ in asked] == [Approve(id="p1", yes=False, reason="maintenance under way")]


def test_a_viewer_sees_why_approving_is_not_for_them_and_where_to_log_in(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    desk.workspace.role = "viewer"
    desk.workspace.people.accounts = True
    put(bench, offer(bench))
    card = read(desk, bench)
    assert not card.approve.isEnabled()
    assert "may not approve" in card.why.text()
    assert card.login.isVisible()


def test_what_the_world_refuses_is_said_on_the_card(
    desk: DeskWindow, bench: Any, asked: list[Any], qtbot: QtBot
) -> None:
    put(bench, offer(bench))
    card = read(desk, bench)
    qtbot.mouseClick(card.approve, Qt.MouseButton.LeftButton)
    asked[0][1](FaultRecord(kind="OrderFault", what="That proposal is over.", where="p1", remedy="Wait."))
    assert card.why.text() == "That proposal is over. Wait."


def test_an_expired_offer_cannot_be_approved_and_a_failed_one_stays(desk: DeskWindow, bench: Any) -> None:
    put(bench, offer(bench))
    bench.clock.advance(61)
    assert not read(desk, bench).approve.isEnabled()
    put(bench, offer(bench, state="rolled back", is_over=True, detail="It is back at 2.5."))
    bench.clock.advance(600)
    card = read(desk, bench)
    assert card.state.text() == "Taken back. It is back at 2.5."
    card.close_button.click()
    assert not desk.decisions.offers.isVisible()


def test_while_a_policy_acts_a_banner_says_so_with_the_kill_switch_beside_it(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    banner = desk.decisions.acting
    signed = replace(LOOP, level="auto", wanted="auto", signed_by=("ravi", "eva"))
    assert not banner.isVisible()
    put(bench, offer(bench, policy="spare", state="sent"), loop=signed)
    assert banner.isVisible()
    assert banner.reason.text() == (
        "Loop 'T-101 is about to overflow' acts under its policy, "
        "signed by ravi and eva: T-101.setpoint → 2 m"
    )
    put(bench, offer(bench, policy="spare", state="verified", is_over=True), loop=signed)
    assert not banner.isVisible()
    assert Kill(stop=True)


def test_the_list_of_loops_shows_who_stood_down_and_lets_an_engineer_release_it(
    desk: DeskWindow, bench: Any, asked: list[Any], qtbot: QtBot
) -> None:
    down = replace(LOOP, level="advise", why="it had to be taken back")
    put(bench, offer(bench, state="rolled back", is_over=True), loop=down)
    panel = desk.decisions.loops
    cells = [panel.view.item(0, column).text() for column in range(4)]
    assert cells[:3] == [LOOP.title, "advise (wanted: approve)", "watches · It had to be taken back"]
    assert "Taken back" in cells[3]
    assert not panel.again.isEnabled()
    desk.workspace.role = "engineer"
    desk.show_panel("loops")
    panel.reload()
    assert panel.again.isEnabled()
    panel.again.click()
    [sheet] = desk.findChildren(ReasonSheet)
    sheet.reason.setText("pump mended")
    sheet.go.click()
    assert asked[-1][0] == Approve(id="loop:spare", reason="pump mended")


def receipt(bench: Any, state: OrderState, **more: object) -> Receipt:
    return Receipt(
        order="o1",
        tag="T-101.setpoint",
        state=state,
        t_ns=bench.clock.now_ns(),
        actor="anna",
        old=2.5,
        value=3.0,
        unit="m",
        **more,
    )


def test_the_result_of_a_command_stands_at_its_part_for_some_seconds(desk: DeskWindow, bench: Any) -> None:
    pins = desk.decisions.pins
    bench.send(orders=(receipt(bench, OrderState.SENT),))
    assert [pin.text[:9] for pin in pins.pins] == ["3 m · sen"]
    bench.send(orders=(receipt(bench, OrderState.VERIFIED),))
    assert [" · verified " in pin.text for pin in pins.pins] == [True]
    assert pins.place(pins.pins[0]) is not None
    bench.clock.advance(13)
    pins.refresh()
    assert pins.pins == ()


def test_what_was_not_confirmed_stays_until_somebody_says_what_they_found(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    bench.send(orders=(receipt(bench, OrderState.UNVERIFIED, read_back=2.7),))
    bench.clock.advance(3_600)
    bench.send()
    [card] = desk.decisions.unconfirmed.cards
    assert card.isVisible()
    assert "T-101.setpoint: 2.5 m → 3 m, sent by anna" in card.text.text()
    assert "It reads 2.7 m" in card.text.text()
    assert [pin.urgent for pin in desk.decisions.pins.wanted()] == [True]
    assert not card.done.isEnabled()
    qtbot.keyClicks(card.comment, "valve was at 3 m by eye")
    qtbot.mouseClick(card.done, Qt.MouseButton.LeftButton)
    message, answer = bench.asked.pop()
    assert message == CloseOrder(order="o1", comment="valve was at 3 m by eye")
    answer(Done())
    assert desk.decisions.unconfirmed.cards == [card], "the world says when it is closed, for all desks"
    bench.send(orders=(receipt(bench, OrderState.UNVERIFIED, closed="anna: valve was at 3 m by eye"),))
    assert desk.decisions.unconfirmed.cards == []


def test_however_small_the_picture_what_sends_is_in_sight(desk: DeskWindow, bench: Any) -> None:
    many = tuple(replace(RUNS[1], id=f"v{i}", title=f"Candidate {i}", rank=i) for i in range(12))
    desk.resize(1000, 620)
    put(bench, offer(bench, runs=many))
    card = read(desk, bench)
    desk.grab()  # lays out
    below = desk.canvas.mapFromGlobal(card.approve.mapToGlobal(card.approve.rect().bottomLeft())).y()
    assert card.approve.isVisible()
    assert 0 < below < desk.canvas.height()
    assert card.runs.height() < card.table.sizeHint().height(), "the rest of the evidence is scrolled to"


def test_a_notice_stands_clear_of_an_offer_without_room_for_both(desk: DeskWindow, bench: Any) -> None:
    put(bench, offer(bench))
    read(desk, bench)
    notices, offers = desk.cards, desk.decisions.offers
    notices.place()
    wide = desk.canvas.width() >= offers.width() + notices.width() + 40
    assert not notices.geometry().intersects(offers.geometry())
    assert wide or notices.y() > offers.geometry().bottom()


def test_a_desk_without_a_clock_shows_no_endless_time_left(desk: DeskWindow, bench: Any) -> None:
    """As it closes: the time of a world that is gone is none, and the numbers of Qt end somewhere."""
    put(bench, offer(bench))
    card = read(desk, bench)
    desk.workspace.people.forget()
    desk.workspace.mirror.t_ns = 0
    card.refresh()
    assert card.left.maximum() <= 864_000


def test_a_window_closes_while_something_is_offered(desk: DeskWindow, bench: Any) -> None:
    put(bench, offer(bench))
    card = read(desk, bench)
    desk.close()
    assert not card.isVisible()
    desk.workspace.people.forget()  # what the world's end brings afterwards changes nothing
    assert desk.decisions.offers.room() is not None
