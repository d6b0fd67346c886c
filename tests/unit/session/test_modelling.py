"""Types made on the desk, and taken back byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.session.modelling import make_types
from armillary.session.undo import Undo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "plant"
    projects.new(path, "My plant")
    twins = [{"id": "P-2", "properties": {"power": 1}}, {"id": "P-1", "properties": {"power": 2}}]
    (path / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}), "utf-8")
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_types_are_written_and_undo_restores_every_byte(folder: Path) -> None:
    undo, before = Undo(), files(folder)
    told: list[str] = []
    undo.told.connect(told.append)
    assert "1 types for 2 twins" in make_types(projects.read(folder), undo, 0)
    after = files(folder)
    assert set(after) - set(before) == {"model/P.json"}
    undo.undo()
    assert files(folder) == before
    undo.redo()
    assert files(folder) == after
    assert told == ["Undone: Make types from tags.", "Done again: Make types from tags."]


def test_undo_touches_nothing_that_somebody_changed_meanwhile(folder: Path) -> None:
    undo = Undo()
    make_types(projects.read(folder), undo, 0)
    text = (folder / "twins.json").read_text("utf-8").replace("2", "3")
    (folder / "twins.json").write_text(text, "utf-8")
    now = files(folder)
    undo.undo()
    assert files(folder) == now
    assert undo.undoes


def test_where_all_have_types_nothing_is_made(folder: Path) -> None:
    make_types(projects.read(folder), Undo(), 0)
    with pytest.raises(ProjectFault, match="already"):
        make_types(projects.read(folder), Undo(), 0)
