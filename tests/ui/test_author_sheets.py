"""Sheets of authoring: a list of tags taken in and undone, bindings made a template and kept up to date."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from armillary.model.binding import Binding
from armillary.model.fault import Fault, record
from armillary.model.message import Done, SaveBindings
from armillary.project import folder as projects
from armillary.scene import author
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui.binding_template_sheet import TemplateSheet
from armillary.ui.model_import_sheet import ModelImportSheet
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


def test_a_template_is_made_applied_updated_and_made_independent(desk: DeskWindow, project: Path) -> None:
    ws = desk.workspace
    scene = ws.scene
    assert scene is not None
    speed = Binding(
        name="speed", prim="/Plant/Pumps/P101", signal="P-101.speed", colormap="level", ends=(0.0, 9.0)
    )
    author.save(str(project / "bindings.usda"), (speed,))
    ws.rebind((speed,))
    ws.specs = (
        *ws.specs,
        *(
            dataclasses.replace(ws.specs[0], name=f"P-10{i}.speed", slot=len(ws.specs) + i - 1)
            for i in (1, 2)
        ),
    )
    ws.twins = projects.read(project).twins
    ws.select((scene.prim_path.index("/Plant/Pumps/P101"),))
    action("edit.binding-templates").run(desk)
    sheet = desk.author_sheets.sheet
    assert isinstance(sheet, TemplateSheet)
    sheet.name.setText("pump")
    sheet.values.setText("limit=9")
    sheet.make.click()
    assert sheet.template.currentText() == "pump · 1 bindings · 1 places"
    assert ws.binding_templates.mark(ws.bindings[0]) == "of template pump"
    desk.inspector.refresh()
    assert [row.texts[0].split("\n")[0] for row in desk.inspector.bindings.rows] == ["displayColor ⧉"]
    assert "of template pump" in desk.inspector.bindings.rows[0].tip
    assert sheet.counts.text() == "All places are as their templates."
    before = {p.name: p.read_bytes() for p in project.glob("bind*")}
    sheet.all.click()
    assert [row.texts[:3] for row in sheet.model.rows] == [("new", "/Plant/Pumps/P102", "speed")]
    sheet.carry_out.click()
    made = {b.prim: b for b in ws.bindings}
    assert made["/Plant/Pumps/P102"].signal == "P-102.speed"
    # the template changes, one place has a colour of its own
    mine = dataclasses.replace(made["/Plant/Pumps/P102"], colormap="heat")
    author.save(str(project / "bindings.usda"), (mine,))
    ws.rebind((made["/Plant/Pumps/P101"], mine))
    assert ws.binding_templates.mark(mine) == "of template pump, changed here: colormap"
    file = project / "binding-templates.toml"
    file.write_text(file.read_text().replace("limit = 9.0", "limit = 12.0").replace('"level"', '"grey"'))
    ws.binding_templates.read()
    assert [row.texts[3] for row in sheet.model.rows] == [
        "range (0.0, 9.0) → (0.0, 12.0), colormap level → grey",
        "range (0.0, 9.0) → (0.0, 12.0); kept as changed here: colormap",
    ]
    sheet.carry_out.click()
    made = {b.prim: b for b in ws.bindings}
    assert [(b.colormap, b.ends) for _, b in sorted(made.items())] == [("grey", (0, 12)), ("heat", (0, 12))]
    sheet.stands.setCurrentRow(0)
    assert sheet.own.text() == "limit=12"
    sheet.own.setText("limit=15")
    sheet.own.returnPressed.emit()
    assert sorted(b.ends for b in ws.bindings) == [(0, 12), (0, 15)]
    action("edit.undo").run(desk)
    assert sorted(b.ends for b in ws.bindings) == [(0, 12), (0, 12)]
    sheet.unlink.click()
    assert ws.binding_templates.mark(made["/Plant/Pumps/P101"]) == ""
    assert 'unlinked = ["speed"]' in file.read_text()
    for _ in range(2):
        action("edit.undo").run(desk)
    assert {b.colormap for b in ws.bindings} == {"level", "heat"}
    sheet.reject()
    assert set(before) == {"bindings.usda", "binding-templates.toml", "binding-templates.made.json"}


def test_a_template_takes_alarms_and_a_trend_to_twins_and_bare_parts(desk: DeskWindow, project: Path) -> None:
    ws = desk.workspace
    twins = [
        {"id": id_, "tags": {"speed": {"address": f"ua!ns1;s={id_}", "unit": "rpm"}}}
        for id_ in ("P-101", "P-102", "P-103")
    ]
    twins[0]["prim"], twins[1]["prim"] = "/Plant/Pumps/P101", "/Plant/Pumps/P102"
    (project / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}))
    rules = project / "rules.toml"
    rules.write_text(
        'schema = 1\n[[alarm]]\nid = "P-101-FAST"\ntag = "P-101.speed"\nlimit = 9.0\n'
        'consequence = "P-101 wears"\noperator_action = "Slow P-101 down"\n'
    )
    first = rules.read_bytes()
    scene, read = ws.scene, projects.read(project)
    assert scene is not None
    slot = len(ws.specs)
    ws.specs = (*ws.specs, *(dataclasses.replace(s, slot=slot + i) for i, s in enumerate(read.specs)))
    ws.twins, ws.mirror = read.twins, type(ws.mirror)(len(ws.specs))
    ws.select((scene.prim_path.index("/Plant/Pumps/P101"),))
    action("edit.binding-templates").run(desk)
    sheet = desk.author_sheets.sheet
    assert isinstance(sheet, TemplateSheet)
    sheet.name.setText("guard")
    sheet.values.setText("fast=9")
    sheet.alarms.setChecked(True)
    ws.timeline.slots = (slot,)
    sheet.trend.setChecked(True)
    sheet.make.click()
    assert "1 alarms, 1 trends · 1 places" in sheet.template.currentText()
    assert [pens.name for pens in ws.trends.book.offered] == ["guard: P-101"]
    floor = next(p for p in scene.prim_path if p == "/Plant/Floor")
    ws.select((scene.prim_path.index(floor),))
    sheet.tags.setText("P-103")
    sheet.add.click()
    for row in range(sheet.stands.count()):
        if sheet.stands.item(row).text().startswith("P-102"):
            sheet.stands.item(row).setCheckState(Qt.CheckState.Checked)
    rows = [row.texts[:3] for row in sheet.model.rows if row.texts[2].startswith("alarm")]
    assert sorted(rows) == [
        ("new", "/Plant/Floor", "alarm P-103-FAST"),
        ("new", "/Plant/Pumps/P102", "alarm P-102-FAST"),
    ]
    sheet.carry_out.click()
    text = rules.read_text()
    assert 'consequence = "P-102 wears"' in text
    assert 'tag = "P-103.speed"' in text
    assert [p.name for p in ws.trends.book.offered] == ["guard: P-101", "guard: P-102", "guard: P-103"]
    action("edit.undo").run(desk)
    assert rules.read_bytes() == first
    sheet.reject()


def test_a_model_is_seen_taken_in_and_undone_as_one_step(
    desk: DeskWindow, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.workspace, "work", _at_once)
    entities = [
        {"id": "urn:ngsi-ld:Pump:P-9", "type": "Pump", "head": {"type": "Property", "value": 4.0},
         "feeds": {"type": "Relationship", "object": "urn:ngsi-ld:Tank:T-9"},
         "createdAt": "2026-01-01T00:00:00Z"},
        {"id": "urn:ngsi-ld:Tank:T-9", "type": "Tank"},
        {"id": "urn:ngsi-ld:Pump:P-101", "type": "Pump"},
    ]  # fmt: skip
    file = tmp_path / "plant.jsonld"
    file.write_text(json.dumps(entities))
    before = {p.name: p.read_bytes() for p in project.iterdir() if p.is_file()}
    assert action("edit.import-model").menu == "File"
    assert action("edit.import-model").why_not(desk.workspace) == ""
    desk.author_sheets.import_model(file)
    sheet = desk.author_sheets.sheet
    assert isinstance(sheet, ModelImportSheet)
    assert "2 twins of 2 types to come, 1 relation, 1 twin there already, 1 thing lost." in sheet.words.text()
    rows = {row.texts[:3] for row in sheet.model.rows}
    assert {
        ("comes", "twin", "P-9"),
        ("is there", "twin", "P-101"),
        ("comes", "relation", "P-9 feeds T-9"),
    } <= rows
    assert any(row.texts[0] == "is lost" and "broker keeps it" in row.texts[3] for row in sheet.model.rows)
    assert {p.name: p.read_bytes() for p in project.iterdir() if p.is_file()} == before
    sheet.take.click()
    twins = json.loads((project / "twins.json").read_text())
    assert [twin["id"] for twin in twins["twins"]] == ["P-101", "P-102", "P-9", "T-9"]
    assert desk.workspace.undo.undoes == "Take in 2 twins of plant.jsonld"
    action("edit.undo").run(desk)
    assert {p.name: p.read_bytes() for p in project.iterdir() if p.is_file()} == before
    action("edit.redo").run(desk)
    assert json.loads((project / "twins.json").read_text()) == twins
    file.write_text("{}")
    desk.author_sheets.import_model(file)
    sheet = desk.author_sheets.sheet
    assert isinstance(sheet, ModelImportSheet)
    assert "It is not plain what this file describes." in sheet.why.text()
    assert not sheet.take.isEnabled()
    sheet.reject()


def _at_once(job: Callable[[], object], then: Callable[[object], None]) -> None:
    try:
        then(job())
    except Fault as fault:
        then(record(fault))
