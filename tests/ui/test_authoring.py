"""Binding by drag and drop: preview at once, saved to the binding layer, undone; the scene is not written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from pytestqt.qtbot import QtBot

from armillary.model.fault import Fault, record
from armillary.model.message import Done, SaveBindings
from armillary.scene import author, sidecar
from armillary.session.actions import action
from armillary.ui.mime import TAG_MIME
from armillary.ui.window import DeskWindow

TEMP, FLOW, LEVEL = 4, 6, 0
MOTOR, T101 = 7, 2
SCENE = '#usda 1.0\n\ndef Xform "Plant"\n{\n}\n'


class Files:
    """A project's scene and binding layer on disk, written by the real writer."""

    def __init__(self, folder: Path) -> None:
        self.scene, self.layer = folder / "scene.usda", folder / "bindings.usda"
        self.scene.write_text(SCENE)
        self.layer.write_text("#usda 1.0\n")
        self.broken = False

    def save(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        try:
            path = self.layer.parent / "no.bin" if self.broken else self.layer
            author.save(str(path), message.bindings, message.remove)
        except Fault as fault:
            callback(record(fault))
            return
        callback(Done())

    def bound(self) -> list[tuple[str, str, str]]:
        found, problems = sidecar.read([str(self.layer)])
        assert problems == ()
        return [(b.prim, b.signal, b.channel) for b in found]


@pytest.fixture
def files(desk: DeskWindow, tmp_path: Path) -> Files:
    """Files that the desk saves to."""
    out = Files(tmp_path)
    desk.workspace.save_bindings = out.save  # type: ignore[method-assign]
    desk.workspace.role = "engineer"
    return out


def pixels(desk: DeskWindow) -> np.ndarray:
    desk.canvas.draw_now()
    image = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def colour(desk: DeskWindow, prim: int) -> list[int]:
    look = desk.workspace.look
    assert look is not None
    return look.rgba[prim].tolist()


def drop(target: Any, slot: int, at: QPoint) -> None:
    data = QMimeData()
    data.setData(TAG_MIME, str(slot).encode())
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at, Qt.DropAction.CopyAction, data, left, none)
    target.dragEnterEvent(enter)
    assert enter.isAccepted()
    target.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))


def drop_on(desk: DeskWindow, slot: int, prim: int) -> None:
    desk.canvas.draw_now()
    x, y, _ = desk.canvas.view.project(prim)
    drop(desk.canvas, slot, QPoint(round(x), round(y)))


def test_drop_preview_save_undo_redo(desk: DeskWindow, files: Files, bench: Any) -> None:
    bench.send(values={TEMP: 100.0})
    hashed = hashlib.sha256(files.scene.read_bytes()).hexdigest()
    before, text, plain = colour(desk, MOTOR), files.layer.read_text(), pixels(desk)
    drop_on(desk, TEMP, MOTOR)
    card = desk.bindcard
    assert card.isVisible()
    assert card.title.text() == "P-101.bearing.temp"
    assert card.where.text() == "/Plant/Pumps/P101/Motor"
    shown = colour(desk, MOTOR)
    assert shown != before  # at once
    desk.workspace.select(())
    assert (pixels(desk) != plain).any()
    assert files.layer.read_text() == text  # nothing is saved yet
    card.save.click()
    assert not card.isVisible()
    assert files.bound() == [("/Plant/Pumps/P101/Motor", "P-101.bearing.temp", "displayColor")]
    assert colour(desk, MOTOR) == shown
    saved = files.layer.read_text()
    action("edit.undo").run(desk)
    assert files.bound() == []
    assert colour(desk, MOTOR) == before
    assert "Undone" in desk.status.currentMessage()
    action("edit.redo").run(desk)
    assert files.layer.read_text() == saved
    assert colour(desk, MOTOR) == shown
    assert hashlib.sha256(files.scene.read_bytes()).hexdigest() == hashed


def test_cancel_and_escape_leave_no_trace(desk: DeskWindow, files: Files, qtbot: QtBot) -> None:
    before, text, bindings = colour(desk, MOTOR), files.layer.read_text(), desk.workspace.bindings
    for leave in (
        desk.bindcard.cancel.click,
        lambda: qtbot.keyClick(desk.bindcard, Qt.Key.Key_Escape),
    ):
        drop_on(desk, TEMP, MOTOR)
        assert desk.bindcard.isVisible()
        leave()
        assert not desk.bindcard.isVisible()
        assert colour(desk, MOTOR) == before
    assert desk.workspace.bindings == bindings
    assert files.layer.read_text() == text
    assert desk.workspace.undo.undoes == ""


def test_a_tag_can_be_dropped_on_a_line_of_the_tree(desk: DeskWindow, files: Files) -> None:
    tree = desk.tree
    rect = tree.view.visualRect(tree.model.index_of(MOTOR))
    drop(tree.view, FLOW, rect.center())
    assert desk.bindcard.isVisible()
    assert desk.workspace.selection == (MOTOR,)


def test_another_channel_and_range_are_previewed_and_saved(desk: DeskWindow, files: Files) -> None:
    drop_on(desk, TEMP, MOTOR)
    card = desk.bindcard
    card.channel.setCurrentIndex(card.channel.findData("displayOpacity"))
    card.low.setText("0")
    card.low.textEdited.emit("0")
    card.high.setText("142.4")
    card.high.textEdited.emit("142.4")
    assert colour(desk, MOTOR)[3] == pytest.approx(128, abs=2)  # 71.2 °C is the middle
    card.save.click()
    (binding,) = sidecar.read([str(files.layer)])[0]
    assert binding.channel == "displayOpacity"
    assert binding.map.scale == pytest.approx(1 / 142.4)


def test_a_range_upside_down_is_refused_in_words(desk: DeskWindow, files: Files) -> None:
    drop_on(desk, TEMP, MOTOR)
    before = colour(desk, T101)
    desk.bindcard.low.setText("1000")
    desk.bindcard.low.textEdited.emit("1000")
    assert "below" in desk.bindcard.hint.text()
    assert not desk.bindcard.save.isEnabled()
    assert colour(desk, T101) == before


def test_a_part_that_has_the_channel_already_gets_the_new_one_and_undo_brings_the_old_back(
    desk: DeskWindow, files: Files
) -> None:
    old = next(b for b in desk.workspace.bindings if b.prim == "/Plant/Water/T101")
    author.save(str(files.layer), (old,))
    drop_on(desk, FLOW, T101)
    assert "T-101.level" in desk.bindcard.hint.text()
    desk.bindcard.save.click()
    assert files.bound() == [("/Plant/Water/T101", "P-101.flow", "displayColor")]
    action("edit.undo").run(desk)
    assert files.bound() == [("/Plant/Water/T101", "T-101.level", "displayColor")]
    assert old in desk.workspace.bindings


def test_what_cannot_be_saved_stays_in_hand_and_says_why(desk: DeskWindow, files: Files) -> None:
    files.broken = True
    drop_on(desk, TEMP, MOTOR)
    desk.bindcard.save.click()
    assert desk.bindcard.isVisible()
    assert "text file" in desk.status.currentMessage()
    assert desk.workspace.undo.undoes == ""
    files.broken = False
    desk.bindcard.save.click()
    assert files.bound() != []


def test_an_operator_is_told_who_may_bind(desk: DeskWindow, files: Files) -> None:
    desk.workspace.role = "operator"
    drop_on(desk, TEMP, MOTOR)
    assert not desk.bindcard.isVisible()
    assert "engineer" in desk.status.currentMessage()
    assert action("edit.undo").why_not(desk.workspace) != ""


def test_a_draft_begun_while_an_undo_is_on_its_way_stays_in_hand(desk: DeskWindow, files: Files) -> None:
    old = next(b for b in desk.workspace.bindings if b.prim == "/Plant/Water/T101")
    author.save(str(files.layer), (old,))
    drop_on(desk, TEMP, T101)
    desk.bindcard.save.click()
    late: list[tuple[SaveBindings, Callable[[object], None]]] = []
    desk.workspace.save_bindings = lambda message, done: late.append((message, done))  # type: ignore[method-assign]
    action("edit.undo").run(desk)
    drop_on(desk, FLOW, T101)
    assert "P-101.bearing.temp" in desk.bindcard.hint.text()
    files.save(*late[0])
    assert desk.bindcard.isVisible()
    assert "T-101.level" in desk.bindcard.hint.text(), "the draft knows what is bound now"
    assert desk.workspace.authoring.draft is not None
    desk.bindcard.cancel.click()
    assert old in desk.workspace.bindings
