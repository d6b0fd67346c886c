"""Components of twins are read with their types, and travel to desks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.twin import Component, TwinInstance
from armillary.project import folder as projects
from armillary.project.record import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    projects.new(tmp_path / "p", "p")
    motor = {
        "model": "dtmi:x:Motor;1",
        "title": "Motor",
        "properties": {"power": 7.5},
        "components": {"fan": {}},
    }
    twins = {"schema": 1, "twins": [{"id": "S", "components": {"motor": motor, "tank": {"prim": "/T"}}}]}
    (tmp_path / "p" / "twins.json").write_text(json.dumps(twins), "utf-8")
    return projects.read(tmp_path / "p")


def test_components_of_all_levels_are_read_outer_ones_first(project: Project) -> None:
    assert project.twins == (
        TwinInstance(
            id="S",
            components=(
                Component(path="motor", model="dtmi:x:Motor;1", title="Motor", properties={"power": 7.5}),
                Component(path="motor.fan"),
                Component(path="tank", prim="/T"),
            ),
        ),
    )
