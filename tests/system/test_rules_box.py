"""`armillary rules box`: the volume of a prim becomes that of a geofence, read by a real scene child."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.rules import rules
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.lint import findings

pytestmark = pytest.mark.system

SCENE = """#usda 1.0
(
    metersPerUnit = 0.01
    upAxis = "Y"
)
def Xform "World"
{
    def Cube "Cell"
    {
        double size = 200
        double3 xformOp:translate = (300, 100, -400)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    def Xform "Empty"
    {
    }
}
"""
TWINS = """{"schema": 1, "twins": [{"id": "AGV", "tags": {
 "x": {"address": "plc!ns=1;i=1", "unit": "m"}, "y": {"address": "plc!ns=1;i=2", "unit": "m"},
 "z": {"address": "plc!ns=1;i=3", "unit": "m"}}}]}"""
RULES = """schema = 1
# who may be here
[[rule]]
id = "in-cell"          # the packing cell
kind = "geofence"
x = "AGV.x"
y = "AGV.y"
z = "AGV.z"
prim = "/World/Cell"

[[rule]]
id = "nowhere"
kind = "geofence"
x = "AGV.x"
y = "AGV.y"
prim = "/World/Empty"
low = [0, 0]
high = [1, 1]

[[rule]]
id = "gone"
kind = "geofence"
x = "AGV.x"
y = "AGV.y"
prim = "/World/Cel"
low = [0, 0]
high = [1, 1]
"""


def box(folder: Path, rule: str) -> str:
    done = CliRunner().invoke(rules, ["box", str(folder), rule], standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    assert done.return_value == 0
    return done.output


@pytest.fixture
def folder(own_places: Path, tmp_path: Path) -> Path:
    made = projects.new(tmp_path / "plant", "plant").folder
    text = (made / "project.toml").read_text("utf-8")
    text += '\n[scene]\nentry = "scene.usda"\n' if "[scene]" not in text else ""
    text += '\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
    (made / "project.toml").write_text(text, "utf-8")
    (made / "scene.usda").write_text(SCENE, "utf-8")
    (made / "twins.json").write_text(TWINS, "utf-8")
    (made / "rules.toml").write_text(RULES, "utf-8")
    return made


def test_a_prims_volume_is_written_in_metres_z_up_and_nothing_else_changes(folder: Path) -> None:
    said = box(folder, "in-cell")

    after = (folder / "rules.toml").read_text("utf-8")
    added = [line for line in after.splitlines() if line not in RULES.splitlines()]
    # 200 cm about (300, 100, -400) cm, Y up: Y of the scene is Z here, -Z is Y
    assert added == ["low = [2.0, 3.0, 0.0]", "high = [4.0, 5.0, 2.0]"]
    assert "the volume of /World/Cell" in said
    assert (folder / "scene.usda").read_text("utf-8") == SCENE
    project, problems = projects.examine(folder)
    assert project is not None
    assert [p for p in problems if p.where.startswith("rules.toml")] == []
    assert [p for p in findings(project) if p.where.startswith("rules.toml") and p.severity == "error"] == []
    with pytest.raises(ProjectFault, match="names no prim"):
        box(folder, "unheard")
    assert (folder / "rules.toml").read_text("utf-8") == after


@pytest.mark.scale  # two more scene children
def test_a_prim_without_a_volume_and_one_that_is_not_there_are_told(folder: Path) -> None:
    with pytest.raises(ProjectFault, match="/World/Empty has no volume"):
        box(folder, "nowhere")
    with pytest.raises(ProjectFault, match="There is no prim '/World/Cel'") as near:
        box(folder, "gone")
    assert "/World/Cell" in near.value.remedy
    assert (folder / "rules.toml").read_text("utf-8") == RULES
