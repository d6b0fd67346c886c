"""Spreading sensors over a part without writing a line: chosen in the scene, previewed, saved, undone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.binding import Binding
from armillary.model.message import Done, SaveBindings
from armillary.scene import author, sidecar
from armillary.session.actions import action
from armillary.session.rebinding import Rebinding
from armillary.ui.window import DeskWindow

T101, T102, FLOOR = 2, 3, 10
PATH = "/Plant/Floor"
LEVELS = ("/Plant/Water/T101", "/Plant/Water/T102")


class Files:
    """A binding layer on disk, written by the real writer."""

    def __init__(self, folder: Path) -> None:
        self.layer = folder / "bindings.usda"
        self.layer.write_text("#usda 1.0\n")

    def save(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        author.save(str(self.layer), message.bindings, message.remove)
        callback(Done())


@pytest.fixture
def files(desk: DeskWindow, tmp_path: Path) -> Files:
    """Files that the desk saves to; what is compiled aside is there at once."""
    out, ws = Files(tmp_path), desk.workspace
    ws.save_bindings = out.save  # type: ignore[method-assign]
    ws.role = "engineer"
    ws._rebinding = Rebinding(ws._job_of, lambda job, done: done(job()), ws._rebound)
    return out


def saved(files: Files) -> list[Binding]:
    found, problems = sidecar.read([str(files.layer)])
    assert problems == ()
    return list(found)


def spread_levels(desk: DeskWindow) -> None:
    desk.workspace.select((T101, T102, FLOOR))
    action("edit.spread").run(desk)


def shown(desk: DeskWindow) -> list[float]:
    """The values at the points of the floor, rounded; none without a field."""
    look = desk.workspace.look
    assert look is not None
    return [] if look.fields is None else np.round(look.field_value, 2).tolist()


def test_selected_parts_are_spread_previewed_saved_undone_and_redone(desk: DeskWindow, files: Files) -> None:
    text = files.layer.read_text()
    spread_levels(desk)
    card = desk.fieldcard
    assert card.isVisible()
    assert not desk.bindcard.isVisible()
    assert card.where.text() == PATH
    assert card.sensors.text() == "2 sensors: T-101.level, T-102.level"
    assert (card.low.text(), card.high.text()) == ("1.2", "2.41")  # what they say now: no tag has a range
    preview = shown(desk)
    assert len(set(preview)) > 1  # at once
    assert files.layer.read_text() == text  # nothing is saved yet
    card.lines.setValue(4)
    card.save.click()
    assert not card.isVisible()
    [made] = saved(files)
    assert (made.prim, made.channel, made.field.sensors) == (PATH, "field", LEVELS)
    assert (made.field.method, made.field.iso_lines, made.ends) == ("idw", 4, (1.2, 2.41))
    assert shown(desk) == preview
    action("edit.undo").run(desk)
    assert saved(files) == []
    assert shown(desk) == []
    assert f"Spread 2 sensors over {PATH}" in desk.status.currentMessage()
    action("edit.redo").run(desk)
    assert [b.field for b in saved(files)] == [made.field]
    assert shown(desk) == preview


def test_sensors_are_found_by_a_pattern_and_by_selecting_more(desk: DeskWindow, files: Files) -> None:
    desk.workspace.select((FLOOR,))
    action("edit.spread").run(desk)
    card = desk.fieldcard
    assert card.sensors.text() == "No sensors yet"
    assert "Choose sensors" in card.hint.text()
    assert not card.save.isEnabled()
    assert shown(desk) == []
    card.pattern.setText("t-10?.level")
    card.take.click()
    assert card.sensors.text() == "2 sensors: T-101.level, T-102.level"
    assert card.save.isEnabled()
    card.none.click()
    assert card.sensors.text() == "No sensors yet"
    desk.workspace.select((T102,))
    card.chosen.click()
    assert card.sensors.text() == "1 sensor: T-102.level"
    card.pattern.setText("nothing like it")
    card.take.click()
    assert "no bound tag" in desk.status.currentMessage()


def test_what_cannot_be_drawn_says_why_and_leaves_the_picture(desk: DeskWindow, files: Files) -> None:
    before = shown(desk)
    spread_levels(desk)
    card = desk.fieldcard
    card.method.setCurrentIndex(card.method.findData("rbf"))
    assert "Give a reach" in card.hint.text()
    assert not card.save.isEnabled()
    assert shown(desk) == before
    card.reach.setText("6,5")
    card.reach.textEdited.emit("6,5")
    assert card.save.isEnabled()
    assert shown(desk) != before
    card.high.setText(card.low.text())
    card.high.textEdited.emit("")
    assert "must differ" in card.hint.text()


def test_lengths_are_metres_to_people_and_units_of_the_stage_in_the_layer(
    desk: DeskWindow, files: Files
) -> None:
    scene = desk.workspace.scene
    assert scene is not None
    spread_levels(desk)
    card = desk.fieldcard
    card.farthest.setText("3")
    card.farthest.textEdited.emit("3")
    assert any(np.isnan(shown(desk)))
    card.save.click()
    [made] = saved(files)
    assert made.field.max_distance == pytest.approx(3.0 / scene.meters_per_unit)


def test_a_field_that_is_there_is_taken_in_hand_as_it_is(desk: DeskWindow, files: Files) -> None:
    spread_levels(desk)
    desk.fieldcard.lines.setValue(4)
    desk.fieldcard.save.click()
    desk.workspace.select((FLOOR,))
    action("edit.spread").run(desk)
    card = desk.fieldcard
    assert card.sensors.text() == "2 sensors: T-101.level, T-102.level"
    assert card.lines.value() == 4
    card.lines.setValue(7)
    card.save.click()
    [made] = saved(files)
    assert (made.field.iso_lines, made.field.sensors) == (7, LEVELS)


def test_cancel_and_escape_leave_no_trace(desk: DeskWindow, files: Files, qtbot: QtBot) -> None:
    text, bindings = files.layer.read_text(), desk.workspace.bindings
    leave: tuple[Callable[[], object], ...] = (
        desk.fieldcard.cancel.click,
        lambda: qtbot.keyClick(desk.fieldcard, Qt.Key.Key_Escape),
    )
    for go in leave:
        spread_levels(desk)
        assert shown(desk)
        go()
        assert not desk.fieldcard.isVisible()
        assert shown(desk) == []
    assert desk.workspace.bindings == bindings
    assert files.layer.read_text() == text


def test_who_may_not_author_is_told_why(desk: DeskWindow, files: Files) -> None:
    desk.workspace.role = "operator"
    desk.workspace.select((T101, FLOOR))
    assert action("edit.spread").why_not(desk.workspace)
    assert not desk.fieldcard.begin()
    assert not desk.fieldcard.isVisible()


def test_the_card_and_its_preview_as_a_picture(desk: DeskWindow, files: Files, qtbot: QtBot) -> None:
    spread_levels(desk)
    desk.fieldcard.lines.setValue(5)
    desk.canvas.draw_now()
    qtbot.wait(50)
    picture = desk.grab()
    if folder := os.environ.get("ARMILLARY_PICTURES"):
        picture.save(str(Path(folder) / "field-card.png"))
    assert desk.fieldcard.width() > 200
    assert desk.fieldcard.visibleRegion().boundingRect().height() > 200


def test_the_legend_of_the_part_in_hand_goes_before_another_of_the_same_colours(
    desk: DeskWindow, files: Files
) -> None:
    spread_levels(desk)
    desk.workspace.select((FLOOR,))
    first = desk.workspace.legends[0]
    assert (first.name, first.low, first.high, first.unit) == ("heat", "1.2", "2.41", "m")
