"""Rules, procedures and the default camera follow parts that have other paths; their text stays otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import prim_paths, rebind

RULES = """schema = 1

[[alarm]]  # the belt
id = "belt"
tag = "C.speed"
camera = "/Line/Cameras/Belt"
prim = "/Line/Belt/Motor"   # its motor
"""
PROCEDURE = """schema = 1
id = "jam"

[[step]]
prim = ["/Line/Belt", "/Line/Table"]
camera = "/Line/Cameras/Belt"
text = "Go to /Line/Belt"
"""
TO = {"/Line/Belt": "/Line/Conveyor", "/Line/Cameras/Belt": "/Line/Views/Belt"}


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    made = projects.new(tmp_path / "p", "p").folder
    (made / "scene.usda").write_text("#usda 1.0\n")
    (made / "project.toml").write_text(
        '[project]\nschema = 1\nid = "p"\nname = "P"\n\n'
        '[scene]\nentry = "scene.usda"\ndefault_camera = "/Line/Cameras/Belt"\n'
    )
    (made / "rules.toml").write_text(RULES)
    (made / "procedures").mkdir()
    (made / "procedures" / "jam.toml").write_text(PROCEDURE)
    return made


def test_every_prim_is_named_once(plant: Path) -> None:
    assert prim_paths.named(plant) == ("/Line/Belt", "/Line/Belt/Motor", "/Line/Cameras/Belt", "/Line/Table")


def test_all_follow_with_what_is_below_and_nothing_else_changes(plant: Path) -> None:
    found = {path.name: (before, after) for path, before, after in prim_paths.changed(plant, TO)}
    assert set(found) == {"project.toml", "rules.toml", "jam.toml"}
    assert found["rules.toml"][1] == RULES.replace("/Line/Belt/Motor", "/Line/Conveyor/Motor").replace(
        "/Line/Cameras/Belt", "/Line/Views/Belt"
    )
    assert found["jam.toml"][1] == PROCEDURE.replace('["/Line/Belt"', '["/Line/Conveyor"').replace(
        "/Line/Cameras/Belt", "/Line/Views/Belt"
    )
    before, after = found["project.toml"]
    assert after == before.replace("/Line/Cameras/Belt", "/Line/Views/Belt")


def test_files_that_name_nothing_of_it_are_left_alone(plant: Path) -> None:
    assert list(prim_paths.changed(plant, {"/Line/Be": "/X"})) == []


def test_a_rebind_writes_them_with_the_twins(plant: Path) -> None:
    (plant / "project.toml").write_text(
        (plant / "project.toml").read_text().replace('default_camera = "/Line/Cameras/Belt"', "")
    )
    (plant / "rules.toml").unlink()
    (plant / "procedures" / "jam.toml").write_text(PROCEDURE)
    project = projects.examine(plant)[0]
    assert project is not None
    assert [edit.path.name for edit in rebind.edits(project, TO)] == ["jam.toml"]
    rebind.follow(project, TO)
    assert "/Line/Conveyor" in (plant / "procedures" / "jam.toml").read_text()


def test_a_file_that_cannot_be_read_is_not_written(plant: Path) -> None:
    (plant / "rules.toml").write_text("[[")
    assert "/Line/Table" in prim_paths.named(plant)
    with pytest.raises(ProjectFault, match=r"rules\.toml cannot be edited"):
        list(prim_paths.changed(plant, TO))
