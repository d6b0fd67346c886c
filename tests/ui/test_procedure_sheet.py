"""The sheet of procedures: parts and views from the scene, conditions as they are now, undo byte for byte."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from armillary.project import folder as projects
from armillary.session.boarding import boarding
from armillary.ui.procedure_sheet import NEW, ProcedureSheet
from armillary.viewport.camera import CameraPose

TEXT = """\
schema = 1
id = "swap"   # never change this
title = "Swap the bearing"
role = "operator"

[[step]]
id = "drain"
title = "Drain T-101"
text = "Open the drain."   # the red one
prim = "/Plant/Water/T101"
until = "T-101.level < 1"
held_s = 5

[[step]]
id = "lock"
text = "Hang your lock."
"""


class Eye:
    """Stands in for the picture: where the eye is."""

    pose = CameraPose(position=(1.00049, 2.0, 3.0), focus=(0.0, 0.0, 0.5))

    @property
    def view(self) -> Eye:
        return self


@pytest.fixture
def sheet(bench: Any, qtbot: QtBot, tmp_path: Path) -> ProcedureSheet:
    folder = tmp_path / "plant"
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
    )
    twins = {
        "schema": 1,
        "twins": [{"id": "T-101", "tags": {"level": {"address": "ua!s=L", "unit": "m"}}}],
    }
    (folder / "twins.json").write_text(json.dumps(twins))
    (folder / "procedures").mkdir()
    (folder / "procedures" / "swap.toml").write_text(TEXT)
    ws = bench.workspace
    bench.begin()
    ws._plan = replace(boarding(str(folder)), starts_world=False)
    ws.role = "engineer"
    made = ProcedureSheet(ws, Eye(), lambda _text: None)  # type: ignore[arg-type]
    qtbot.addWidget(made)
    return made


def file_of(bench: Any) -> Path:
    found: Path = bench.workspace.project.folder / "procedures" / "swap.toml"
    return found


def test_each_step_shows_whether_its_condition_holds_now(sheet: ProcedureSheet, bench: Any) -> None:
    bench.send(values={0: 2.5})
    assert [sheet.steps.item(i).text() for i in range(2)] == ["✗  1. Drain T-101", "·  2. lock"]
    assert sheet.now.text() == "✗ T-101.level 2.5 m"
    bench.send(values={0: 0.5})
    assert sheet.steps.item(0).text().startswith("✓")
    assert not sheet.save.isEnabled(), "nothing was changed"


def test_parts_and_view_are_taken_from_the_scene_and_saved_with_the_comments(
    sheet: ProcedureSheet, bench: Any
) -> None:
    ws, path = bench.workspace, file_of(bench)
    ws.select([ws.scene.prim_path.index(p) for p in ("/Plant/Pumps/P102", "/Plant/Floor")])
    sheet.take_parts()
    sheet.keep_view()
    sheet.held.setText("7,5")
    assert sheet.save.isEnabled()
    sheet.save.click()
    text = path.read_text()
    assert 'prim = ["/Plant/Pumps/P102", "/Plant/Floor"]' in text
    assert "position = [1.0, 2.0, 3.0]" in text
    assert "held_s = 7.5" in text
    assert "# the red one" in text
    ws.undo.undo()
    assert path.read_text() == TEXT
    ws.undo.redo()
    assert path.read_text() == text


def test_a_mistake_is_told_while_it_is_typed_and_not_saved(sheet: ProcedureSheet) -> None:
    sheet.until.setText("T-9.level < 1")
    assert "T-9.level" in sheet.why.text()
    assert not sheet.save.isEnabled()
    sheet.until.setText("T-101.level < 1")
    assert sheet.why.isHidden()
    sheet.prims.setText("/Plant/Nowhere")
    assert sheet.findings.text().startswith("P90")
    assert sheet.save.isEnabled(), "the scene may be exported anew"
    sheet.held.setText("long")
    assert not sheet.save.isEnabled()


def test_steps_are_added_copied_moved_and_taken_out(sheet: ProcedureSheet) -> None:
    acts = sheet._acts
    acts["twice"]()
    acts["up"]()
    acts["add"]()
    assert sheet.draft is not None
    assert [step.id for step in sheet.draft.procedure.steps] == ["drain-copy-1", "step-1", "drain", "lock"]
    acts["out"]()
    acts["down"]()
    assert [step.id for step in sheet.draft.procedure.steps] == ["drain-copy-1", "lock", "drain"]
    assert sheet.save.isEnabled()


def test_a_new_procedure_is_saved_walked_through_and_deleted(sheet: ProcedureSheet, bench: Any) -> None:
    folder = file_of(bench).parent
    sheet.choice.setCurrentText(NEW)
    for line, text in ((sheet.id, "grease"), (sheet.title, "Grease it")):
        line.setText(text)
        line.textEdited.emit(text)
    sheet.text.setPlainText("Two strokes.")
    sheet._acts["walk"]()
    card = bench.workspace.guide.card()
    assert card is not None
    assert (card.is_dry, card.text) == (True, "Two strokes.")
    sheet.save.click()
    assert (folder / "grease.toml").exists()
    assert sheet.choice.currentText() == "grease"
    sheet.delete.click()
    assert [path.name for path in folder.iterdir()] == ["swap.toml"]
    bench.workspace.undo.undo()
    assert (folder / "grease.toml").exists()


def test_what_another_desk_has_written_is_not_written_over(sheet: ProcedureSheet, bench: Any) -> None:
    file_of(bench).write_text(TEXT.replace("Open", "Close"))
    sheet.held.setText("9")
    sheet.save.click()
    assert "somebody else" in sheet.why.text()
    assert "Close" in file_of(bench).read_text()
    if os.environ.get("KEEP_PICTURES"):
        sheet.load()
        sheet.grab().save(str(Path(os.environ["KEEP_PICTURES"]) / "procedure.png"))


def test_edits_are_not_dropped_by_another_choice_and_export_takes_what_is_saved(
    sheet: ProcedureSheet, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet.show()
    sheet.title.setText("Mine")
    sheet.title.textEdited.emit("Mine")
    sheet.choice.setCurrentIndex(sheet.choice.count() - 1)
    assert sheet.asks.isVisible()
    assert (sheet.choice.currentText(), sheet.title.text()) == ("swap", "Mine")
    sheet.export.click()
    assert sheet.why.text() == "Save it first: what is exported is what is saved."
    sheet.drop_edits.click()
    assert sheet.choice.currentText() == "New procedure"
    sheet.choice.setCurrentText("swap")
    assert sheet.title.text() != "Mine"
    folder, asked = bench.workspace.project.folder, []

    def hand_out(project: Path, id_: str, into: Path) -> str:
        asked.append((project, id_, into))
        return "Exported: swap.html."

    said: list[str] = []
    monkeypatch.setattr("armillary.session.handing_out.hand_out", hand_out)
    monkeypatch.setattr(bench.workspace, "work", lambda job, then: then(job()))
    sheet._say = said.append
    sheet._hand_out(folder, "swap", folder / "out")
    assert asked == [(folder, "swap", folder / "out")]
    assert said[-1] == "Exported: swap.html."
    assert not sheet.is_unsaved
