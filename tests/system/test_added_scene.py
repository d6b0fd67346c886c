"""Another scene added on the desk: seen, undone, and no file of the customer changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import windows
from pytestqt.qtbot import QtBot

from armillary.project import folder as projects
from armillary.project import starters
from armillary.session.actions import action
from armillary.ui.add_sheet import AddSheet
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
LIMIT_MS = 60_000
HALL = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Plant"
{
    def Cube "Hall"
    {
    }
}
"""
SKID = """#usda 1.0
(
    defaultPrim = "Skid"
    metersPerUnit = 0.001
    upAxis = "Y"
)
def Xform "Skid"
{
    def Cube "Tank"
    {
        double size = 2000
        color3f[] primvars:displayColor = [(0.79, 0.033, 0.604)]
    }
}
"""


@pytest.fixture
def desk(qtbot: QtBot, own_places: Path, tmp_path: Path) -> Iterator[DeskWindow]:
    for name, text in (("cad/hall.usda", HALL), ("skids/dosing2.usda", SKID)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    starters.make(tmp_path / "twin", scene=tmp_path / "cad" / "hall.usda")
    with windows.shown(tmp_path, 1000, 700) as window:
        window.files.open(str(tmp_path / "twin"))
        at = window.workspace
        qtbot.waitUntil(lambda: at.scene is not None and not at.progress[0], timeout=LIMIT_MS)
        qtbot.waitUntil(lambda: at.role == "operator", timeout=LIMIT_MS)  # its world is there
        at.role = "engineer"
        yield window


def digest(tmp_path: Path) -> str:
    files = ("cad/hall.usda", "skids/dosing2.usda")
    return hashlib.sha256(b"".join((tmp_path / name).read_bytes() for name in files)).hexdigest()


def test_a_scene_is_looked_at_added_seen_and_undone(desk: DeskWindow, tmp_path: Path, qtbot: QtBot) -> None:
    at, files, twin = desk.workspace, digest(tmp_path), tmp_path / "twin"
    assert action("project.add-scene").why_not(at) == ""
    before = (twin / "project.toml").read_bytes()
    sheet = AddSheet(at, tmp_path / "skids" / "dosing2.usda", "", desk.say, desk)
    sheet.show()
    qtbot.waitUntil(lambda: sheet.looked is not None, timeout=LIMIT_MS)
    assert "2 prims" in sheet.facts.text()
    assert "scaled by 0.001 and turned by 90° about X to fit" in sheet.facts.text()
    assert sheet.place.text() == "/Plant/Dosing2"
    sheet.place.setText("/Plant/Hall")
    assert sheet.why.text() == "There is a prim /Plant/Hall already."
    sheet.place.setText("/Plant/Dosing2")
    sheet.where.setText("4, 0, 0")
    sheet.go.click()
    qtbot.waitUntil(lambda: at.prim_named("/Plant/Dosing2/Tank") is not None, timeout=LIMIT_MS)
    assert at.scene is not None
    tank = at.prim_named("/Plant/Dosing2/Tank")
    assert tank is not None
    box = at.scene.box[tank]
    assert [round(float(v), 3) for v in box] == [3.0, -1.0, -1.0, 5.0, 1.0, 1.0], (
        "in metres, where it was put"
    )
    desk.frame((tank,))
    desk.canvas.draw_now()
    seen = desk.canvas.view.render(rest=False)
    y, x = seen.shape[0] // 2, seen.shape[1] // 2
    red, green, blue = (int(v) for v in seen[y, x, :3])
    assert red > 2 * green < blue, "its own colour in the middle of the picture"
    assert projects.read(twin).roots == (tmp_path / "cad", tmp_path / "skids")
    action("edit.undo").run(desk)
    qtbot.waitUntil(lambda: at.prim_named("/Plant/Dosing2/Tank") is None, timeout=LIMIT_MS)
    assert (twin / "project.toml").read_bytes() == before
    assert not (twin / "composed.usda").exists()
    assert digest(tmp_path) == files, "the customer's files are as they were"
