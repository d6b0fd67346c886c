"""Working on a scene in a real desk with its real child: versions compared, parts found by attribute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import windows
from pytestqt.qtbot import QtBot

from armillary.session.actions import action
from armillary.session.versions import ADDED, CHANGED, MOVED
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
LIMIT_MS = 30_000
CUBE = """    def {kind} "{name}"
    {{
        color3f[] primvars:displayColor = [({colour}, 1, 0)]
        double3 xformOp:translate = ({x}, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}
"""


def scene(*cubes: str) -> str:
    head = '#usda 1.0\n(\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "Plant"\n{\n'
    return head + "".join(cubes) + "}\n"


def cube(name: str, x: float, colour: int = 1, kind: str = "Cube") -> str:
    return CUBE.format(name=name, x=x, colour=colour, kind=kind)


OLD = scene(cube("Tank", 0), cube("Pump", 4), cube("Gone", 8), cube("Same", 12))
NEW = scene(cube("Tank", 0, colour=0), cube("Pump", 4.5), cube("Same", 12), cube("New", 16, kind="Sphere"))


@pytest.fixture
def desk(qtbot: QtBot, own_places: Path, tmp_path: Path) -> Iterator[DeskWindow]:
    with windows.shown(tmp_path, 1200, 800) as window:
        (tmp_path / "old.usda").write_text(OLD)
        (tmp_path / "new.usda").write_text(NEW)
        window.files.open(str(tmp_path / "new.usda"))
        qtbot.waitUntil(
            lambda: window.workspace.scene is not None and not window.workspace.progress[0], timeout=LIMIT_MS
        )
        yield window


def colour_of(desk: DeskWindow, path: str) -> tuple[int, ...]:
    at = desk.workspace
    prim = at.prim_named(path)
    assert prim is not None
    assert at.look is not None
    return tuple(at.look.rgba[prim, :3].tolist())


def test_two_versions_are_compared_in_colours_and_in_a_list_to_click(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    at = desk.workspace
    before = colour_of(desk, "/Plant/Tank")
    assert action("scene.compare").why_not(at) == ""
    desk.files.compare_with(tmp_path / "old.usda")
    assert "Reading old.usda" in desk.versions_card.text.text()
    qtbot.waitUntil(lambda: at.versions.found is not None, timeout=LIMIT_MS)
    assert colour_of(desk, "/Plant/New") == ADDED
    assert colour_of(desk, "/Plant/Pump") == MOVED
    assert colour_of(desk, "/Plant/Tank") == CHANGED
    assert colour_of(desk, "/Plant/Same") == at.showing.grey
    card = desk.versions_card
    texts = [card.list.item(i).text() for i in range(card.list.count())]
    assert texts == [
        "added  /Plant/New",
        "moved  /Plant/Pump",
        "changed  /Plant/Tank",
        "removed  /Plant/Gone",
    ]
    assert "1 added, 1 removed, 1 moved, 1 changed" in card.text.text()
    (legend,) = at.legends
    assert [step.text for step in legend.steps] == ["added 1", "moved 1", "changed 1", "as it was"]
    card.list.itemClicked.emit(card.list.item(1))
    assert at.selection == (at.prim_named("/Plant/Pump"),)
    card.done.click()
    assert card.isHidden()
    assert at.versions.found is None
    assert colour_of(desk, "/Plant/Tank") == before
    desk.files.compare_with(tmp_path / "new.usda")  # itself
    qtbot.waitUntil(lambda: at.versions.found is not None, timeout=LIMIT_MS)
    assert "Nothing differs" in card.text.text()
    (tmp_path / "bad.usda").write_bytes(b"")
    desk.files.compare_with(tmp_path / "bad.usda")
    qtbot.waitUntil(lambda: not at.versions.reading, timeout=LIMIT_MS)
    assert any("empty" in c.notice.what for c in desk.cards.cards)
    assert card.isHidden()


def test_parts_with_an_attribute_are_selected_and_outlined(desk: DeskWindow, qtbot: QtBot) -> None:
    at = desk.workspace
    before = desk.canvas.view.render(rest=True).copy()
    (entry,) = desk.finder.find("type:cube attr:xformOp:translate>4")
    desk.finder.take(entry)
    qtbot.waitUntil(lambda: len(at.selection) > 0, timeout=LIMIT_MS)
    assert at.selection == tuple(at.prim_named(f"/Plant/{name}") for name in ("Pump", "Same"))
    assert (np.asarray(desk.canvas.view.render(rest=True)) != before).any()


def test_a_changed_scene_is_reloaded_by_itself_in_author_only_and_never_over_an_edit(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    at, card, file = desk.workspace, desk.scene_changed_card, tmp_path / "new.usda"
    action("scene.reload-by-itself").run(desk)

    def is_there(name: str) -> bool:
        return at.prim_named(f"/Plant/{name}") is not None

    file.write_text(NEW.replace('"New"', '"Second"'))
    qtbot.waitUntil(lambda: not card.isHidden(), timeout=LIMIT_MS)  # a bare scene is looked at too
    assert is_there("New")  # not in Operate
    desk.use_layout("author")
    qtbot.waitUntil(lambda: is_there("Second"), timeout=LIMIT_MS)
    assert card.isHidden()
    at.authoring.saving = True  # a binding is on its way to the disk
    file.write_text(NEW.replace('"New"', '"Third"'))
    qtbot.waitUntil(lambda: not card.isHidden(), timeout=LIMIT_MS)
    assert "a binding is being edited" in card.text.text()
    qtbot.wait(700)
    assert is_there("Second")
    at.authoring.saving = False
    qtbot.waitUntil(lambda: is_there("Third"), timeout=LIMIT_MS)
