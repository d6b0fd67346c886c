"""A sheet that edits something asks before it drops what is changed, and says why it cannot save."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout
from pytestqt.qtbot import QtBot

from armillary.model.fault import ProjectFault
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.pieces import label


class Letter(EditSheet):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.why = QLineEdit("as saved"), label("")
        column = QVBoxLayout(self)
        column.addWidget(self.line)
        column.addWidget(self.why)
        self.mark()

    def edited(self) -> object:
        return self.line.text()


@pytest.fixture
def sheet(qtbot: QtBot) -> Letter:
    made = Letter()
    qtbot.addWidget(made, before_close_func=lambda widget: widget.drop())
    made.show()
    return made


def test_what_is_not_changed_closes_at_once(sheet: Letter) -> None:
    sheet.reject()
    assert not sheet.isVisible()


def test_unsaved_edits_are_asked_for_kept_or_dropped(sheet: Letter) -> None:
    sheet.line.setText("mine")
    sheet.close()  # the window's own cross, and Esc, ask too
    assert sheet.isVisible()
    assert sheet.asks.isVisible()
    sheet.keep_editing.click()
    assert sheet.isVisible()
    assert not sheet.asks.isVisible()
    assert sheet.line.text() == "mine"
    sheet.reject()
    sheet.drop_edits.click()
    assert not sheet.isVisible()


def test_going_to_another_asks_too(sheet: Letter) -> None:
    went: list[str] = []
    assert sheet.ask_first(lambda: went.append("first"))
    sheet.line.setText("mine")
    assert not sheet.ask_first(lambda: went.append("second"))
    assert went == ["first"]
    sheet.drop_edits.click()
    assert went == ["first", "second"]


def test_a_save_says_what_it_did_or_why_not(sheet: Letter) -> None:
    said: list[str] = []
    sheet.line.setText("mine")

    def refuse() -> str:
        raise ProjectFault("The disk is full.", where="x", remedy="Make room.")

    assert not sheet.save_or_say(refuse, said.append)
    assert sheet.why.text() == "Not saved: The disk is full. Make room."
    assert sheet.is_unsaved
    assert sheet.save_or_say(lambda: "Saved.", said.append)
    assert said == ["Saved."]
    assert not sheet.is_unsaved
