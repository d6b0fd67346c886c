"""Payloads that could not be read, in the links dock; and why a tag is bad, at the tag."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QGuiApplication

from armillary.model.frame import Flow, Tally
from armillary.model.link import LinkState, Quarantined
from armillary.model.quality import BAD, CONFIG, DECODE, NEVER
from armillary.ui.window import DeskWindow


def kept(number: int, head: bytes, reason: str = "not JSON at byte 7") -> Quarantined:
    return Quarantined(
        link="mqtt",
        channel=f"plant/press/{number}",
        reason=reason,
        offset=7,
        head=head,
        size=len(head),
        arrival_ns=1_750_000_000_000_000_000 + number,
    )


def opened(desk: DeskWindow, monkeypatch: Any, items: list[Quarantined]) -> Any:
    asked: list[str] = []

    def ask(link: str, callback: Any) -> None:
        asked.append(link)
        callback(tuple(items))

    monkeypatch.setattr(desk.workspace, "ask_quarantine", ask)
    desk.show_panel("links")
    desk.links.reload()
    card = desk.links.cards["mqtt"]
    assert card.unreadable.text() == "1 unreadable"
    card.unreadable.click()
    assert asked == ["mqtt"]
    return card


def cells(card: Any) -> list[list[str]]:
    table = card.quarantine.table
    return [[table.item(row, c).text() for c in range(1, 4)] for row in range(table.rowCount())]


def test_unreadable_payloads_are_listed_newest_first_with_their_reason(
    desk: DeskWindow, monkeypatch: Any
) -> None:
    items = [kept(0, b'{"v":1,,}'), kept(1, b"\xff\xfe\x00v", "not UTF-8 at byte 0")]
    card = opened(desk, monkeypatch, items)
    assert cells(card) == [
        ["plant/press/1", "not UTF-8 at byte 0", "4"],
        ["plant/press/0", "not JSON at byte 7", "9"],
    ]
    assert card.quarantine.preview.toPlainText().startswith("0000  ff fe 00 76")
    assert card.quarantine.preview.toPlainText().endswith("...v")
    card.quarantine.table.selectRow(1)
    assert card.quarantine.preview.toPlainText() == '{"v":1,,}'


def test_an_unreadable_payload_is_copied_with_what_is_known_of_it(desk: DeskWindow, monkeypatch: Any) -> None:
    card = opened(desk, monkeypatch, [kept(0, b"\x00" * 300)])
    card.quarantine.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "mqtt · plant/press/0 ·" in copied
    assert "not JSON at byte 7 · 300 bytes" in copied
    assert copied.count("\n") == 19  # sixteen bytes a line, all that is kept


def test_an_open_list_follows_what_comes_and_keeps_what_was_chosen(
    desk: DeskWindow, bench: Any, monkeypatch: Any
) -> None:
    items = [kept(0, b"a"), kept(1, b"b")]
    card = opened(desk, monkeypatch, items)
    card.quarantine.table.selectRow(1)
    items.append(kept(2, b"c"))
    flow = Flow(received=10, done=8, dropped={"undecodable": 2})
    bench.send(tally={"mqtt": Tally(messages=flow, samples=Flow())})
    desk.links.reload()
    assert card.unreadable.text() == "2 unreadable"
    assert [row[0] for row in cells(card)] == ["plant/press/2", "plant/press/1", "plant/press/0"]
    assert card.quarantine.preview.toPlainText() == "a"


def test_a_link_without_unreadable_payloads_offers_no_list(desk: DeskWindow, bench: Any) -> None:
    flow = Flow(received=10, done=10)
    bench.links(LinkState.UP)
    bench.send(tally={"mqtt": Tally(messages=flow, samples=Flow())})
    desk.links.reload()
    assert not desk.links.cards["mqtt"].unreadable.isVisibleTo(desk)


def test_the_table_says_why_a_tag_is_bad_or_doubtful(desk: DeskWindow, bench: Any) -> None:
    why = ((0, "text instead of a number: 'ERR7'"), (1, "the broker refused its topic"))
    bench.send(qualities={0: BAD | DECODE, 1: NEVER}, why=why)
    rows = bench.workspace.tag_rows((0, 1), bench.clock.now_mono_ns())
    assert [row.value for row in rows] == [
        "bad: text instead of a number: 'ERR7'",
        "no data: the broker refused its topic",
    ]
    assert rows[0].note == "bad: text instead of a number: 'ERR7'"
    bench.send(qualities={0: BAD | CONFIG}, why=((0, "unit conflict: it says K, °C is expected"),))
    rows = bench.workspace.tag_rows((0, 1), bench.clock.now_mono_ns())
    assert rows[0].value == "bad: unit conflict: it says K, °C is expected"
    assert rows[1].note == ""  # good again: its words are gone
