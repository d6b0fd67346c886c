"""The sheets of colour maps and derived tags: shown at once, checked, saved to the project, undone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from armillary.project import folder as projects
from armillary.session.boarding import boarding
from armillary.ui.colour_sheet import ColourSheet
from armillary.ui.derived_sheet import DerivedSheet
from armillary.ui.window import DeskWindow

T101 = 2
TWINS = """{"schema": 1, "twins": [
  {"id": "P-101", "tags": {"flow": {"expression": "1 + 1"}}}], "relationships": []}
"""
HEAD = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"
name = "Station"
[scene]
entry = "scene.usda"
"""


class Past:
    """What the recorder holds of a tag."""

    is_known = True
    value, quality = np.linspace(1.0, 3.0, 500), np.zeros(500, np.uint16)


def test_a_map_is_dragged_checked_saved_and_undone(desk: DeskWindow, tmp_path: Path, qtbot: QtBot) -> None:
    ws = desk.workspace
    (tmp_path / "project.toml").write_text(HEAD)
    (tmp_path / "scene.usda").write_text("#usda 1.0\n")
    ws._plan = boarding(str(tmp_path))
    ws.role = "engineer"
    ws.specs = tuple(ws.specs)
    assert ws.look is not None
    before = ws.look.rgba[T101].tolist()
    sheet = ColourSheet(ws, desk.colours, desk.say, desk)
    sheet.show()
    sheet._take("level")
    assert "Everybody can read it" in sheet.checks.text()
    sheet._past = Past()  # type: ignore[assignment]
    sheet._known(Past())  # type: ignore[arg-type]
    assert not len(sheet.strip.shares), "an answer for another tag is of no interest"
    sheet._known(sheet._past)  # type: ignore[arg-type]
    assert sheet.strip.shares.max() == 1.0
    strip = sheet.strip
    shown_at = strip.grab().toImage().pixelColor(strip.width() // 2, round(strip._bar().center().y()))
    assert abs(shown_at.blue() - 0xA8) <= 4, "the bar shows the map, also with history behind it"
    assert "1–99 % of the last 24 h: 1.02 … 2.98" in [sheet.range.itemText(i) for i in range(3)]
    sheet._choose(1)
    sheet.hex.setText("#ff3258")
    sheet.hex.textEdited.emit("#ff3258")
    assert "priority 1" in sheet.checks.text()
    assert ws.look.rgba[T101].tolist() != before, "the scene shows it at once"
    sheet.hex.setText("reddish")
    sheet.hex.textEdited.emit("reddish")
    assert "no colour" in sheet.why.text()
    assert not sheet.save.isEnabled()
    sheet.reject()
    assert ws.look.rgba[T101].tolist() == before, "what is not saved leaves no trace"
    assert (tmp_path / "project.toml").read_text() == HEAD

    sheet = ColourSheet(ws, desk.colours, desk.say, desk)
    sheet._take("level")
    sheet._moved(1, 0.9)
    shown = ws.look.rgba[T101].tolist()
    assert shown != before
    sheet.save.click()
    assert "Saved" in desk.status.currentMessage()
    (saved,) = projects.read(tmp_path).colormaps
    assert saved.stops[1][0] == 0.9
    assert ws.look.rgba[T101].tolist() == shown
    ws.undo.undo()
    assert (tmp_path / "project.toml").read_text() == HEAD
    assert ws.look.rgba[T101].tolist() == before

    # a derived tag: its unit is worked out, what cannot be is told at its field
    (tmp_path / "twins.json").write_text(TWINS)
    derived = DerivedSheet(ws, desk.colours, desk.say, desk)
    for key, text in (("name", "P-101.specific"), ("expression", "P-101.flow / T-101.level")):
        derived.fields[key].setText(text)
    assert "The expression gives" in derived.unit_words.text()
    derived.take_unit.click()
    unit = derived.fields["unit"].text()
    assert unit.startswith("m")
    derived.fields["unit"].setText("°C")
    assert "which is no °C" in derived.errors["unit"].text()
    assert not derived.save.isEnabled()
    derived.take_unit.click()
    derived.fields["expression"].setText("P-101.flow / T-101.levl")
    assert "Did you mean" in derived.errors["expression"].text()
    derived.fields["expression"].setText("P-101.flow / 2")
    derived.fields["unit"].setText("")
    derived.save.click()
    assert "Derived tag P-101.specific" in desk.status.currentMessage(), derived.why.text()
    assert json.loads((tmp_path / "twins.json").read_text())["twins"][0]["tags"]["specific"] == {
        "expression": "P-101.flow / 2"
    }
    ws.undo.undo()
    assert (tmp_path / "twins.json").read_text() == TWINS
