"""The engineer's desk: every field of a binding, the table of all, copy and paste, test values, undo list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from armillary.model.fault import Fault, record
from armillary.model.message import Done, SaveBindings
from armillary.model.quality import SUBSTITUTED
from armillary.scene import author, sidecar
from armillary.session.actions import action
from armillary.ui.binding_change import WORDS
from armillary.ui.binding_paste import PasteSheet
from armillary.ui.expression_field import ExpressionField
from armillary.ui.undo_list import UndoList
from armillary.ui.window import DeskWindow

TEMP, FLOW, LEVEL = 4, 6, 0
T101, T102, MOTOR = 2, 3, 7


class Files:
    """The binding layer on disk, written by the real writer."""

    def __init__(self, folder: Path) -> None:
        self.layer = folder / "bindings.usda"
        self.layer.write_text("#usda 1.0\n")

    def save(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        try:
            author.save(str(self.layer), message.bindings, message.remove)
        except Fault as fault:
            callback(record(fault))
            return
        callback(Done())

    def bound(self) -> dict[str, Any]:
        found, problems = sidecar.read([str(self.layer)])
        assert problems == ()
        return {b.where: b for b in found}


@pytest.fixture
def files(desk: DeskWindow, tmp_path: Path) -> Files:
    """A layer that the desk saves to, with the bindings that the scene has."""
    out = Files(tmp_path)
    author.save(str(out.layer), desk.workspace.bindings)
    desk.workspace.save_bindings = out.save  # type: ignore[method-assign]
    desk.workspace.role = "engineer"
    desk.show_panel("bindings")
    desk.author_tools.panel.reload()
    return out


def rows(desk: DeskWindow) -> list[str]:
    table = desk.author_tools.panel.desk.rows
    return [table.binding(i).where for i in range(len(table))]


def choose(desk: DeskWindow, *wheres: str) -> None:
    panel = desk.author_tools.panel
    panel.view.clearSelection()
    panel._choose(set(wheres))
    assert {b.where for b in panel.chosen()} == set(wheres)


def test_all_fields_of_a_saved_binding_are_edited_with_preview_and_words(
    desk: DeskWindow, files: Files, qtbot: QtBot
) -> None:
    ws, card = desk.workspace, desk.bindcard
    before = ws.look.rgba[T101].tolist() if ws.look is not None else []
    assert desk.inspector.on_binding("/Plant/Water/T101", "level")
    assert card.isVisible()
    assert card.low.text() == "0"
    card.form.setCurrentIndex(card.form.findData("states"))
    card.fill.click()
    assert "= #" in card.map_fields.text("states")
    card.form.setCurrentIndex(card.form.findData("expr"))
    assert "P-101.flow" in card.map_fields.editors["expr"].completer_.model().stringList()  # type: ignore[union-attr]
    card.map_fields.type_in("expr", "x / nosuch")
    assert "nosuch" in card.map_fields.errors["expr"].text()
    assert not card.save.isEnabled()
    assert card.map_fields.errors["expr"].isVisible()
    card.map_fields.type_in("expr", "4 - x")
    assert card.save.isEnabled(), card.hint.text()
    assert "→" in card.now.text()
    assert ws.look is not None
    assert ws.look.rgba[T101].tolist() != before  # at once
    card.map_fields.type_in("rangeHigh", "many")
    assert "no number" in card.map_fields.errors["rangeHigh"].text()
    card.map_fields.type_in("rangeHigh", "5")
    card.more_fields.type_in("staleAfter", "7")
    card.more_fields.type_in("unit", "bar")
    assert "different things" in card.more_fields.errors["unit"].text()
    card.more_fields.type_in("unit", "cm")
    assert "read as cm" in card.units.text()
    card.more_fields.type_in("targets", "/Plant/Water/T101 /Plant/Water/T102")
    card.save.click()
    saved = files.bound()["/Plant/Water/T101#level"]
    assert (saved.map.kind, saved.map.expr, saved.ends) == ("expr", "4 - x", (0.0, 5.0))
    assert (saved.stale_after_s, saved.unit) == (7.0, "cm")
    assert saved.targets == ("/Plant/Water/T101", "/Plant/Water/T102")
    action("edit.undo").run(desk)
    assert files.bound()["/Plant/Water/T101#level"].map.kind == "linear"
    assert ws.look.rgba[T101].tolist() == before


def test_expressions_complete_the_word_at_the_cursor(qtbot: QtBot) -> None:
    field = ExpressionField(("sqrt", "max"))
    qtbot.addWidget(field)
    field.set_names(["P-101.bearing.temp", "T-101.level", "4th.floor"], ("x",))
    field.setText("x + P-101.be")
    assert field.proposals() == ["P-101.bearing.temp"]
    field.take("P-101.bearing.temp")
    assert field.text() == "x + P-101.bearing.temp"
    field.setText("x + sq")
    assert field.proposals() == ["sqrt("]
    field.setText("")
    field.take("4th.floor")
    assert field.text() == "`4th.floor`"


def test_many_bindings_change_in_one_step_and_come_back_in_one(desk: DeskWindow, files: Files) -> None:
    panel, ws = desk.author_tools.panel, desk.workspace
    text = files.layer.read_text()
    panel.search.setText("level")
    panel.arrange()
    assert rows(desk) == ["/Plant/Water/T101#level", "/Plant/Water/T102#level"]
    choose(desk, *rows(desk))
    panel.change()
    panel.card.field.setCurrentIndex(panel.card.field.findData("staleAfter"))
    panel.card.value.setEditText("soon")
    panel.card.look()
    assert "no number" in panel.card.preview.text()
    assert not panel.card.apply.isEnabled()
    panel.card.value.setEditText("30")
    panel.card.look()
    assert "2 bindings will change" in panel.card.preview.text()
    panel.card.apply.click()
    assert {b.stale_after_s for w, b in files.bound().items() if "Water" in w} == {30.0}
    assert ws.undo.done == ("Change stale after, s of 2 bindings",)
    action("edit.undo").run(desk)
    assert {b.stale_after_s for b in files.bound().values()} == {0.0}
    panel.reload()
    choose(desk, "/Plant/Water/T102#level")
    panel.card.field.setCurrentIndex(panel.card.field.findData(WORDS))
    panel.card.words.setText("T-102")
    panel.card.value.setEditText("T-101")
    panel.card.look()
    panel.card.apply.click()
    assert files.bound()["/Plant/Water/T102#level"].signal == "T-101.level"
    panel.reload()
    choose(desk, *rows(desk))
    panel.delete()
    assert list(files.bound()) == ["/Plant/Pumps/P101/Bearing#heat"]
    sheet = UndoList(ws.undo, desk.say, desk)
    assert [sheet.list.item(i).text()[:8] for i in range(sheet.list.count())][:2] == ["now: Del", "Replace "]
    sheet.list.setCurrentRow(sheet.list.count() - 1)
    sheet.to.click()
    assert {b.signal for b in files.bound().values()} == {"P-101.bearing.temp", "T-101.level", "T-102.level"}
    assert len(text) > 0
    assert ws.undo.done == ()
    sheet.reject()


def test_bindings_are_copied_to_another_part_with_its_own_tags(desk: DeskWindow, files: Files) -> None:
    ws = desk.workspace
    ws.select((T101,))
    action("edit.copy-bindings").run(desk)
    text = QGuiApplication.clipboard().text()
    assert "T-101.level" in text
    ws.select((T102,))
    panel = desk.author_tools.panel
    sheet = PasteSheet.ask(panel.desk, ws, desk.say, desk)
    assert sheet is not None
    assert "T-101" in sheet.words.text()
    assert sheet.made[0].made.signal == "T-102.level"
    sheet.words.setText("T-101 > T-999")
    assert "no tag" in sheet.made[0].why_not
    assert not sheet.go.isEnabled()
    sheet.words.setText("T-101.level > P-101.flow")
    sheet.go.click()
    assert files.bound()["/Plant/Water/T102#level"].signal == "P-101.flow"
    assert ws.undo.undoes.startswith("Paste 1 binding")
    QGuiApplication.clipboard().setText("hello")
    assert PasteSheet.ask(panel.desk, ws, desk.say, desk) is None
    assert "no bindings" in desk.status.currentMessage()
    # somebody else edits the same binding in the file meanwhile: what was pasted is not taken back over it
    (mine,) = (b for b in ws.bindings if b.prim == "/Plant/Water/T102")
    ws.rebind((*(b for b in ws.bindings if b is not mine), replace(mine, signal="P-101.bearing.temp")))
    action("edit.undo").run(desk)
    assert "changed by somebody else" in desk.status.currentMessage()
    assert files.bound()["/Plant/Water/T102#level"].signal == "P-101.flow"


def test_test_values_are_shown_here_alone_and_end_in_every_way(
    desk: DeskWindow, files: Files, bench: Any, qtbot: QtBot
) -> None:
    ws, bar = desk.workspace, desk.author_tools.bar
    desk.use_layout("author")
    asked: list[object] = []
    ws._ask = lambda peer, message, *_: asked.append((peer, message))  # type: ignore[method-assign]
    live = float(ws.mirror.table.value[LEVEL])

    def begin() -> None:
        ws.select((T101,))
        asked.clear()
        action("edit.sweep").run(desk)
        assert bar.sweep.is_on
        assert bar.isVisible()

    before = ws.look.rgba[T101].tolist() if ws.look is not None else []
    desk.inspector.on_binding("/Plant/Water/T101", "level")
    card = desk.bindcard
    assert next(iter(card.span.found(ws.specs[LEVEL]))).words.startswith("T-101.level has no range")
    card.trial.run.setChecked(True)
    card.trial._at_s = 2.9
    card.trial._step()
    assert ws.showing.trial is not None
    assert ws.showing.trial[0] == pytest.approx(3.95, abs=0.1)
    card.trial.release.click()
    assert ws.showing.trial is None
    card.cancel.click()
    begin()
    bar.slider.setValue(200)
    assert ws.look is not None
    assert ws.look.rgba[T101].tolist() != before
    assert any(label.prim == T101 and label.quality == SUBSTITUTED for label in ws.look.label)
    assert float(ws.mirror.table.value[LEVEL]) == live, "tables and trends see what the plant says"
    bar.escape.activated.emit()
    assert ws.look.rgba[T101].tolist() == before
    ends: tuple[Callable[[], object], ...] = (
        bar.shut.click,
        lambda: desk.use_layout("operate"),
        lambda: bar._left(Qt.ApplicationState.ApplicationInactive),
        lambda: (setattr(ws, "role", "operator"), ws.people.changed.emit(), setattr(ws, "role", "engineer")),
        ws.visited.emit,
    )
    for end in ends:
        begin()
        end()
        assert not bar.sweep.is_on
        assert ws.showing.overlay is None
        assert not bar.isVisible()
        assert {peer for peer, _ in asked} <= {"scene"}, "nothing is asked of the world or the recorder"
        desk.use_layout("author")
