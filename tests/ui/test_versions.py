"""The sheets of versions and of a new project: what a person reads there, and what their buttons do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.clock import WallClock
from armillary.project import folder as projects
from armillary.project import starters
from armillary.session import publishing
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui.new_sheet import NewSheet, NextSteps
from armillary.ui.version_sheet import VersionSheet
from armillary.ui.window import DeskWindow

T101 = 2
SLOW_MS = 30_000


@pytest.fixture
def folder(desk: DeskWindow, tmp_path: Path) -> Path:
    """A project whose first version is published, and whose tank has a new unit since."""
    out = tmp_path / "plant"
    project = starters.make(out, name="Plant")
    twins = {"schema": 1, "twins": [{"id": "T-101", "prim": "/Plant/Water/T101", "tags": {}}]}
    (out / "twins.json").write_text(json.dumps(twins))
    publishing.begin(project, WallClock(), "as it came")
    twins["twins"][0]["tags"] = {"twice": {"address": "expr!1 + 1"}}  # type: ignore[index]
    (out / "twins.json").write_text(json.dumps(twins))
    desk.workspace._plan = replace(boarding(str(out)), starts_world=False)
    desk.workspace.role = "engineer"
    desk.workspace._work = lambda job, done: done(job())  # type: ignore[method-assign]
    return out


def sheet(desk: DeskWindow, qtbot: QtBot) -> VersionSheet:
    action("project.versions").run(desk)
    found = desk.findChild(VersionSheet)
    assert found is not None
    qtbot.waitUntil(
        lambda: bool(desk.workspace.version_book.against) and not found.same.text, timeout=SLOW_MS
    )
    qtbot.waitUntil(lambda: found.differs.topLevelItemCount() == 1, timeout=SLOW_MS)
    return found


def test_it_says_what_differs_and_shows_the_part(desk: DeskWindow, folder: Path, qtbot: QtBot) -> None:
    found = sheet(desk, qtbot)
    assert found.words.text() == "On disk: changed since 0.1.0."
    line = found.differs.topLevelItem(0)
    assert line is not None
    assert [line.text(i) for i in range(3)] == ["derived tag", "T-101.twice", "added"]
    found.differs.itemClicked.emit(line, 0)
    assert desk.workspace.selection == (T101,)
    found.paint.click()
    compared = desk.workspace.versions.found
    assert compared is not None
    assert compared.added.tolist() == [T101]
    found.reject()
    assert desk.workspace.versions.found is None, "the colours of the scene are back"


def test_a_version_is_published_and_an_older_one_restored(
    desk: DeskWindow, folder: Path, qtbot: QtBot
) -> None:
    found, book = sheet(desk, qtbot), desk.workspace.version_book
    assert found.form.number.text() == "0.2.0"
    found.form.note.setText("a sum")
    found.form.go.click()
    qtbot.waitUntil(lambda: book.disk is not None, timeout=SLOW_MS)
    assert found.words.text() == "On disk: version 0.2.0, unchanged."
    assert projects.read(folder).version == "0.2.0"
    assert not found.form.go.isEnabled(), "nothing differs any more"
    old = next(
        item for i in range(found.kept.topLevelItemCount())
        if (item := found.kept.topLevelItem(i)) is not None and item.text(0) == "0.1.0"
    )  # fmt: skip
    found.kept.setCurrentItem(old)
    qtbot.waitUntil(lambda: book.against == "0.1.0" and not book.busy, timeout=SLOW_MS)
    found.restore.click()
    qtbot.waitUntil(lambda: book.disk is not None and book.disk.version == "0.1.0", timeout=SLOW_MS)
    assert projects.read(folder).specs == ()


def test_an_operator_reads_what_differs_and_publishes_nothing(
    desk: DeskWindow, folder: Path, qtbot: QtBot
) -> None:
    desk.workspace.role = "operator"
    found = sheet(desk, qtbot)
    assert not found.form.isVisible()
    assert not found.restore.isEnabled()
    assert "Ask an engineer" in found.restore.toolTip()


def test_a_published_version_is_offered_to_operators_too(
    desk: DeskWindow, folder: Path, qtbot: QtBot
) -> None:
    ws = desk.workspace
    project = projects.read(folder)
    publishing.publish(project, publishing.Wish(note="a sum"), WallClock())
    ws.role, ws.disk._runs = "operator", "as before"
    ws.disk._look_at_world(folder)
    qtbot.waitUntil(desk.changed.isVisible, timeout=SLOW_MS)
    assert desk.changed.text.text().startswith("New version 0.2.0, published by local:")
    (folder / "rules.toml").write_text("schema = 1\n# not published\n")
    ws.disk._look_at_world(folder)
    assert not desk.changed.isVisible(), "what nobody published is for engineers"


def test_a_new_project_is_made_of_a_scene_and_a_broker(
    desk: DeskWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(desk.files, "open", opened.append)
    scene = tmp_path / "cad" / "Plant 7.usda"
    scene.parent.mkdir()
    scene.write_text('#usda 1.0\n(\n    defaultPrim = "P"\n)\ndef Xform "P"\n{\n}\n')
    action("project.new").run(desk)
    found = desk.findChild(NewSheet)
    assert found is not None
    assert (found.why.text(), found.go.isEnabled()) == ("Choose a folder for the project.", False)
    found._take_scene(scene)
    assert found.folder.text() == str(tmp_path / "cad" / "Plant-7-twin")
    found.broker.setText("htp://broker")
    assert "is not the address" in found.why.text()
    found.broker.setText("mqtt://127.0.0.1:1883")
    qtbot.mouseClick(found.go, Qt.MouseButton.LeftButton)
    folder = tmp_path / "cad" / "Plant-7-twin"
    assert opened == [str(folder)]
    project = projects.read(folder)
    assert (project.entry, [link.name for link in project.links]) == (scene, ["broker"])
    steps = desk.canvas.findChild(NextSteps)
    assert steps is not None
    assert "Browse" in steps.accessibleName()
