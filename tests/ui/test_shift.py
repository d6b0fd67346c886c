"""The last shift at the desk: its card, its pages, a note, the hand-over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event
from armillary.model.logbook import (
    AskNotes,
    AskShift,
    HandOver,
    Note,
    Notes,
    ShiftAnswer,
    TakeOver,
    WriteNote,
)
from armillary.model.paper import Paper, heading
from armillary.session.actions import action
from armillary.ui.shift import ShiftSheet, WordsSheet
from armillary.ui.window import DeskWindow

BRIEF = ("No UNVERIFIED command is open.", "Shelved: FT-231, known fault WO-1187, 52 min left.")
GIVEN = Note(
    id="h1", t_ns=NS, written_ns=NS, author="anna", name="Anna Berg", text="Zone 2 runs hot.",
    kind="handover", shift="night 2026-11-21",
)  # fmt: skip
Asked = list[tuple[object, Callable[[object], None]]]


def answer(given: Note | None = GIVEN, taken: Note | None = None) -> ShiftAnswer:
    paper = Paper(title="Line: shift night", subtitle="2026-11-21", blocks=(heading("In short"),))
    return ShiftAnswer(
        key="night 2026-11-21", from_ns=0, to_ns=NS, paper=paper, brief=BRIEF, handover=given, taken=taken
    )


@pytest.fixture
def asked(bench: Any) -> Asked:
    """What the home world is asked."""
    out: Asked = []
    bench.workspace.people.user = "local:1"
    bench.workspace.ask_home = lambda message, callback, _limit=0.0: out.append((message, callback))
    return out


def refusal(what: str) -> FaultRecord:
    return FaultRecord(kind="OrderFault", what=what, where="", remedy="")


def told(asked: Asked, kind: type, what: object) -> None:
    """Answer the newest question of a kind."""
    next(callback for message, callback in reversed(asked) if isinstance(message, kind))(what)


def test_a_hand_over_that_waits_is_on_a_card_until_it_is_taken(
    desk: DeskWindow, asked: Asked, qtbot: QtBot
) -> None:
    card, book = desk.shift.card, desk.workspace.logbook
    assert not card.isVisible()
    book.look()
    book.told(Event(t_ns=0, level="info", source="logbook", text=""))
    book._reported(answer())
    assert card.isVisible()
    assert "52 min left" in card.told.text()
    assert card.remarks.text() == "Anna Berg hands over: Zone 2 runs hot."
    qtbot.mouseClick(card.take, Qt.MouseButton.LeftButton)
    assert asked[-1][0] == TakeOver(handover="h1")
    told(asked, TakeOver, refusal("bo took it over already."))
    assert card.isVisible()
    assert "bo took it over already." in desk.statusBar().currentMessage()
    told(
        asked,
        TakeOver,
        Note(id="t", t_ns=NS, written_ns=NS, author="bo", text="", kind="taken", answers="h1"),
    )
    assert not card.isVisible()


def test_nobody_is_asked_to_read_what_they_wrote_themselves(desk: DeskWindow, asked: Asked) -> None:
    book = desk.workspace.logbook
    mine = Note(id="h", t_ns=NS, written_ns=NS, author=desk.workspace.people.user, text="", kind="handover")
    book._reported(answer(mine))
    assert not desk.shift.card.isVisible()


def test_a_quiet_shift_takes_no_room_after_a_log_in(desk: DeskWindow, asked: Asked) -> None:
    book = desk.workspace.logbook
    desk.workspace.people.user = "bo"
    book._reported(replace(answer(None), is_quiet=True))
    assert not desk.shift.card.isVisible()
    book._reported(answer(None))
    assert desk.shift.card.isVisible()


def test_the_card_is_put_away_and_its_report_can_be_read(
    desk: DeskWindow, asked: Asked, qtbot: QtBot, tmp_path: Path
) -> None:
    card, book = desk.shift.card, desk.workspace.logbook
    book._reported(answer())
    qtbot.mouseClick(card.read, Qt.MouseButton.LeftButton)
    assert asked[-1][0] == AskShift(shift="last")
    told(asked, AskShift, answer())
    sheet = desk.shift.sheet
    assert isinstance(sheet, ShiftSheet)
    assert len(sheet.pages) == 1
    image = sheet.pages[0].pixmap().toImage()
    assert any(
        image.pixelColor(x, y) != QColor("white") for x in range(60, 300, 3) for y in range(40, 120, 3)
    )
    for name, begins in (("s.pdf", b"%PDF-"), ("s.html", b"<!doctype html>")):
        sheet.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
    sheet.which.setText("late")
    qtbot.keyClick(sheet.which, Qt.Key.Key_Return)
    assert asked[-1][0] == AskShift(shift="late")
    sheet.reject()
    qtbot.mouseClick(card.close_, Qt.MouseButton.LeftButton)
    assert not card.isVisible()


def test_a_note_is_written_on_the_marked_range_and_shown_on_the_time_bar(
    desk: DeskWindow, asked: Asked, qtbot: QtBot
) -> None:
    at = desk.workspace
    now = at.home_ns()
    at.timebar.mark(now - 120 * NS, now - 60 * NS)
    begin, end = at.timebar.marked or (0, 0)
    action("note.write").run(desk)
    sheet = desk.shift.sheet
    assert isinstance(sheet, WordsSheet)
    assert not sheet.go.isEnabled()
    sheet.words.setPlainText("belt cleaned")
    qtbot.mouseClick(sheet.go, Qt.MouseButton.LeftButton)
    wish = asked[-1][0]
    assert wish == WriteNote(text="belt cleaned", t_ns=begin, to_ns=end)
    note = Note(id="n", t_ns=begin, to_ns=end, written_ns=now, author="anna", text="belt cleaned")
    told(asked, WriteNote, note)
    assert desk.shift.sheet is None
    told(asked, AskNotes, Notes(notes=(note,)))
    strip = desk.bars.timebar.strip
    image = strip.grab().toImage()  # it is laid out by that
    x = at.timebar.share_of(begin) * strip.width()
    assert "anna: belt cleaned" in strip._words_at(x, begin)
    assert image.pixelColor(int(x), 4) == QColor(desk.colours.focus)
    (drawn,) = at.logbook.on_trends(begin - NS, end)
    assert (drawn.text, drawn.to_ns) == ("belt cleaned", end)


def test_a_hand_over_that_is_refused_keeps_its_words(desk: DeskWindow, asked: Asked, qtbot: QtBot) -> None:
    action("shift.hand-over").run(desk)
    sheet = desk.shift.sheet
    assert isinstance(sheet, WordsSheet)
    sheet.words.setPlainText("all well")
    qtbot.mouseClick(sheet.go, Qt.MouseButton.LeftButton)
    assert asked[-1][0] == HandOver(remarks="all well")
    told(
        asked,
        HandOver,
        refusal("The logbook cannot be written."),
    )
    assert sheet.isVisible()
    assert sheet.why.text() == "The logbook cannot be written."
    assert sheet.words.toPlainText() == "all well"
    sheet.reject()
