"""An alarm that names a work instruction or a camera names one that is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.alarm import AlarmSpec
from armillary.project import folder as projects
from armillary.project.alarm_links import findings
from armillary.project.record import Project

PRIMS = ("/Line", "/Line/Cameras/Belt")
PROCEDURE = """schema = 1
id = "clear-jam"
title = "Clear the jam"

[[step]]
id = "halt"
text = "Halt the belt."
"""


@pytest.fixture
def project(own_places: Path, tmp_path: Path) -> Project:
    made = projects.new(tmp_path / "plant", "plant")
    (made.folder / "procedures").mkdir()
    (made.folder / "procedures" / "jam.toml").write_text(PROCEDURE, "utf-8")
    return made


def found(project: Project, prims: tuple[str, ...] = PRIMS, **links: str) -> list[tuple[str, str]]:
    alarm = AlarmSpec(id="JAM", slot=0, tag="C.state", origin="rules.toml:3", **links)  # type: ignore[arg-type]
    return [(f.code, f.remedy) for f in findings(replace(project, alarms=(alarm,)), prims)]


def test_what_is_there_is_no_finding(project: Project) -> None:
    assert found(project, procedure="clear-jam", camera="/Line/Cameras/Belt") == []


def test_a_procedure_that_is_not_there_is_told_with_the_nearest(project: Project) -> None:
    [(code, remedy)] = found(project, procedure="clear-jamm")
    assert code == "P56"
    assert "clear-jam" in remedy


def test_a_camera_that_is_not_in_the_scene_is_told_where_the_scene_is_known(project: Project) -> None:
    [(code, remedy)] = found(project, camera="/Line/Cameras/Bell")
    assert code == "P57"
    assert "/Line/Cameras/Belt" in remedy
    assert found(project, (), camera="/Line/Cameras/Bell") == []
