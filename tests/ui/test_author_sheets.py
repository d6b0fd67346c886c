"""Sheets of authoring: a list of tags taken in and undone, bindings made a template and kept up to date."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from armillary.model.message import Done, SaveBindings
from armillary.project import folder as projects
from armillary.scene import author
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui.tag_list_sheet import TagListSheet
from armillary.ui.window import DeskWindow


@pytest.fixture
def project(desk: DeskWindow, tmp_path: Path) -> Path:
    """A project on disk that the desk saves to; an engineer sits there."""
    folder, ws = tmp_path / "plant", desk.workspace
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:1"\n'
    )
    layer = folder / "bindings.usda"
    layer.write_text("#usda 1.0\n")
    twins = [
        {"id": "P-101", "prim": "/Plant/Pumps/P101"},
        {"id": "P-102", "prim": "/Plant/Pumps/P102"},
    ]
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}))
    ws._plan = dataclasses.replace(boarding(str(folder)), starts_world=False)
    ws.role = "engineer"

    def save(message: SaveBindings, callback: Callable[[object], None]) -> None:
        author.save(str(layer), message.bindings, message.remove)
        callback(Done())

    ws.save_bindings = save  # type: ignore[method-assign]
    return folder


def test_a_list_of_tags_is_seen_corrected_taken_in_and_undone(
    desk: DeskWindow, project: Path, tmp_path: Path
) -> None:
    twins = project / "twins.json"
    before = twins.read_bytes()
    file = tmp_path / "list.csv"
    file.write_text("Name;NodeId;Eng;Text\nP-101.speed;ns1;rpm;Speed\nP 102;ns2;;\nP-101.speed;ns3;;\n")
    assert action("edit.import-tags").why_not(desk.workspace) == ""
    desk.author_sheets.take_in(file)
    sheet = desk.author_sheets.sheet
    assert isinstance(sheet, TagListSheet)
    assert sheet.counts.text() == "1 new, 0 changed, 0 as they are, 2 not taken"
    assert [row.texts[:2] for row in sheet.model.rows] == [
        ("3", "not taken"),
        ("4", "not taken"),
        ("2", "new"),
    ]
    assert sheet.fields["unit"].currentText() == "–"
    sheet.fields["unit"].setCurrentText("Eng")
    sheet.fields["unit"].activated.emit(1)
    assert "unit rpm" in sheet.model.rows[2].texts[3]
    assert twins.read_bytes() == before
    sheet.list.write_bad(tmp_path / "bad.csv")
    assert "is in line 2 already" in (tmp_path / "bad.csv").read_text()
    sheet.take.click()
    assert desk.author_sheets.sheet is None
    [spec] = projects.read(project).specs
    assert (spec.name, spec.link, spec.unit, spec.title) == ("P-101.speed", "ua", "rpm", "Speed")
    action("edit.undo").run(desk)
    assert twins.read_bytes() == before
    action("edit.redo").run(desk)
    desk.author_sheets.export(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("P-101.speed,ua!ns1,rpm")
