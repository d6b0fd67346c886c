"""A branch of a server dropped on a branch of the scene: proposed, corrected, accepted, undone as one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from armillary.model.link import BrowseItem
from armillary.model.message import Done, SaveBindings
from armillary.model.scene import SceneArrays
from armillary.project import folder as projects
from armillary.scene import author, sidecar
from armillary.session import scenery
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui.branch_model import SCORE, TAG
from armillary.ui.mime import NODE_MIME, TAG_MIME
from armillary.ui.window import DeskWindow

Callback = Callable[[Any], None]
SKID = "/Plant/Dosing2"
PUMP = (
    ("Speed", "rpm", ""),
    ("BearingTemp", "°C", "Bearing"),
    ("MotorCurrent", "A", "Motor"),
    ("DischargePressure", "bar", "Discharge"),
)
TANK = (
    ("Level", "%", "Fluid"),
    ("WallTemp", "°C", "Wall"),
    ("InletFlow", "l/h", "Inlet"),
    ("OutletFlow", "l/h", "Outlet"),
)
OBJECTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    **{f"Pump{i}": PUMP for i in range(1, 6)},
    **{f"Valve{i}": (("Position", "%", ""),) for i in range(1, 7)},
    **{f"Tank{i}": TANK for i in range(1, 4)},
}
LONE = ("SerialNumber", "Uptime", "FirmwareBuild")


def parts() -> list[str]:
    out = [SKID, f"{SKID}/Cabinet", f"{SKID}/Frame"]
    for name, members in OBJECTS.items():
        whole = f"{SKID}/{name[:-1]}_{name[-1]}"
        out += [whole, *(f"{whole}/{part}" for _, _, part in members if part)]
    return out


def grown(scene: SceneArrays, paths: list[str]) -> SceneArrays:
    """Return a scene with more prims, without geometry, after its own."""
    m, n = len(scene), len(paths)
    found = (*scene.prim_path, *paths)
    more: dict[str, Any] = {"prim_path": found}
    for field in dataclasses.fields(scene):
        value = getattr(scene, field.name)
        per_prim = field.name in (
            "prim_type", "matrix", "local_box", "box", "rgba", "emissive", "metallic", "roughness",
            "visible", "purpose", "drawable", "double_sided", "has_point_rgba", "instance_root",
        )  # fmt: skip
        if per_prim:
            more[field.name] = np.concatenate([value, np.repeat(value[:1], n, axis=0)])
    more["drawable"][m:] = False
    more["parent"] = np.r_[scene.parent, [found.index(p.rpartition("/")[0]) for p in paths]].astype(np.int32)
    return dataclasses.replace(scene, **more)


class Server:
    """A skid of 120 nodes, read level by level as it is asked for."""

    def __init__(self) -> None:
        self.nodes = 0
        self.asked: list[str] = []

    def browse(self, _link: str, under: str, callback: Callback, limit: int = 500) -> None:
        self.asked.append(under)
        callback(self.level(under)[:limit])

    def level(self, under: str) -> tuple[BrowseItem, ...]:
        if under == "":
            return (self.thing("Dosing2"),)
        if under == "s=Dosing2":
            lone = [
                self.variable("Dosing2", name, "", data_type="String" if name == LONE[0] else "Double")
                for name in LONE
            ]
            return (*map(self.thing, OBJECTS), *lone)
        name = under.removeprefix("s=")
        made = [self.variable(name, tag, unit) for tag, unit, _ in OBJECTS.get(name, ())]
        methods = [
            BrowseItem(address=f"{under}.M{i}", name=f"Method{i}", has_children=False, kind="Method")
            for i in range(3)
        ]
        info = BrowseItem(
            address=f"{under}.Info", name="Info", has_children=False, kind="Variable", data_type="Argument"
        )
        return (*made, *methods, info)

    @staticmethod
    def thing(name: str) -> BrowseItem:
        return BrowseItem(address=f"s={name}", name=name, has_children=True, kind="Object")

    @staticmethod
    def variable(of: str, name: str, unit: str, data_type: str = "Double") -> BrowseItem:
        span = {"low": 0.0, "high": 100.0} if unit else {}
        return BrowseItem(
            address=f"nsu=urn:x;s={of}.{name}", name=name, has_children=False, kind="Variable",
            data_type=data_type, value="1", unit=unit, **span,
        )  # fmt: skip


class Files:
    """A project on disk, written by the real writers."""

    def __init__(self, folder: Path) -> None:
        projects.new(folder, "Plant")
        self.folder, self.layer = folder, folder / "bindings.usda"
        toml = folder / "project.toml"
        toml.write_text(
            toml.read_text() + '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
        )
        self.layer.write_text("#usda 1.0\n")
        (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": []}))
        self.saves = 0

    def save(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        self.saves += 1
        author.save(str(self.layer), message.bindings, message.remove)
        callback(Done())

    def bytes(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted(self.folder.glob("*")) if p.is_file()}

    def bound(self) -> dict[str, str]:
        return {b.signal: b.prim for b in sidecar.read([str(self.layer)])[0]}


@pytest.fixture
def skid(desk: DeskWindow, bench: Any, tmp_path: Path) -> Files:
    """An engineer's desk on a plant with the skid in scene and server."""
    out, server, ws = Files(tmp_path / "plant"), Server(), desk.workspace
    shown = ws.scene
    assert shown is not None
    ws.showing.show(scenery.compiled(grown(shown, parts()), ws.bindings, (), ws.specs, ()))
    ws.browse = server.browse  # type: ignore[method-assign]
    ws.role = "engineer"
    ws.save_bindings = out.save  # type: ignore[method-assign]
    ws._plan = dataclasses.replace(boarding(str(out.folder)), starts_world=False)
    ws.scene_changed.emit()
    desk.show_panel("browse")
    return out


def drop(desk: DeskWindow, data: QMimeData, prim: str) -> None:
    """Drop on a line of the scene tree."""
    scene, tree = desk.workspace.scene, desk.tree
    assert scene is not None
    index = tree.model.index_of(scene.prim_path.index(prim))
    tree.view.scrollTo(index)
    at = tree.view.visualRect(index).center()
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at, Qt.DropAction.CopyAction, data, left, none)
    tree.view.dragEnterEvent(enter)
    assert enter.isAccepted()
    tree.view.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))


def dragged(desk: DeskWindow) -> QMimeData:
    """Return what a drag of the object Dosing2 carries."""
    browse = desk.browse
    browse.view.expand(browse.shown.index(0, 0))
    index = browse.shown.mapToSource(browse.shown.index(0, 0, browse.shown.index(0, 0)))
    assert index.data() == "Dosing2"
    assert browse.model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    return browse.model.mimeData([index])


def test_a_skid_is_bound_by_one_drop_and_undone_by_one_step(desk: DeskWindow, skid: Files) -> None:
    """Script 9.2, steps 5 and 6: 41 parts, 38 proposals, 3 without; one corrected, 39 bindings, one undo."""
    before = skid.bytes()
    drop(desk, dragged(desk), SKID)
    sheet = desk.branching.sheet
    assert sheet is not None
    assert not sheet.isModal()
    assert sheet.model.rowCount() == 41
    assert sheet.state.text() == "38 proposals, 3 without a part, 38 taken"
    assert skid.bytes() == before  # nothing applied yet
    rows = {row.name.partition(".")[2]: row for row in desk.workspace.branch.rows}
    assert {name for name, row in rows.items() if not row.prim} == {
        "serial_number",
        "uptime",
        "firmware_build",
    }
    assert rows["pump4.bearing_temp"].prim == f"{SKID}/Pump_4/Bearing"
    assert rows["tank2.level"].prim == f"{SKID}/Tank_2/Fluid"
    sheet.table.sortByColumn(SCORE, Qt.SortOrder.DescendingOrder)
    shown = [sheet.sorted.index(r, SCORE).data() for r in range(38)]
    assert shown == sorted(shown, key=lambda text: -int(text.rstrip("%")))
    sheet.show_line(next(i for i, r in enumerate(desk.workspace.branch.rows) if r.name.endswith("uptime")))
    sheet.part.setText(f"{SKID}/Cabinet")
    sheet.part.returnPressed.emit()
    scene = desk.workspace.scene
    assert scene is not None
    assert [scene.prim_path[p] for p in desk.workspace.selection] == [
        f"{SKID}/Cabinet"
    ]  # shown in the picture
    assert sheet.accept_lines.text() == "Accept 39"
    sheet.accept_lines.click()
    assert desk.branching.sheet is None
    bound = skid.bound()
    assert len(bound) == 39
    assert bound["Dosing2.uptime"] == f"{SKID}/Cabinet"
    twins = json.loads((skid.folder / "twins.json").read_text())["twins"]
    assert [(t["id"], t["prim"], len(t["tags"])) for t in twins] == [("Dosing2", SKID, 39)]
    changed = {name for name, data in skid.bytes().items() if before.get(name) != data}
    assert changed == {"bindings.usda", "twins.json"}
    assert desk.workspace.undo.undoes.startswith("Bind 39 tags of Dosing2")
    action("edit.undo").run(desk)
    assert skid.bytes() == before
    assert desk.workspace.undo.undoes == ""
    action("edit.redo").run(desk)
    assert len(skid.bound()) == 39


def test_lines_are_refused_taken_above_and_given_up(desk: DeskWindow, skid: Files) -> None:
    before = skid.bytes()
    drop(desk, dragged(desk), SKID)
    sheet = desk.branching.sheet
    assert sheet is not None
    sheet.show_line(0)
    sheet.table.setFocus()
    sheet.model.setData(sheet.model.index(0, TAG), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert sheet.accept_lines.text() == "Accept 37"
    sheet.table.selectAll()
    sheet._tick_chosen(False)
    assert not sheet.accept_lines.isEnabled()
    sheet._tick_chosen(None)
    assert sheet.accept_lines.text() == "Accept 38"
    sheet.above.setValue(100)
    sheet.take_above.click()
    few = len(desk.workspace.branch.chosen())
    assert few < 38
    sheet.above.setValue(0)
    sheet.take_above.click()
    assert len(desk.workspace.branch.chosen()) == 38
    sheet._move("/No/Such/Part")
    assert "There is no part" in sheet.why.text()
    other = desk.workspace.branch.rows[1]
    sheet._move(other.prim)  # two of one channel cannot both be taken: another channel is offered
    first = desk.workspace.branch.rows[0]
    assert first.suggestion is not None
    assert other.suggestion is not None
    assert first.suggestion.binding.channel != other.suggestion.binding.channel
    desk.workspace.branch.drive(0, other.suggestion.binding.channel)
    assert not sheet.accept_lines.isEnabled()
    assert "drive the same of" in sheet.why.text()
    sheet.reject()
    assert skid.bytes() == before
    assert desk.workspace.branch.rows == []


def test_a_line_gets_another_tag_and_rivals_are_a_choice_away(desk: DeskWindow, skid: Files) -> None:
    drop(desk, dragged(desk), SKID)
    sheet, branch = desk.branching.sheet, desk.workspace.branch
    assert sheet is not None
    at = {row.name.split(".", 1)[1]: i for i, row in enumerate(branch.rows)}
    one, two = branch.rows[at["pump1.speed"]], branch.rows[at["pump2.speed"]]
    mine, theirs = one.prim, two.prim
    sheet.show_line(at["pump1.speed"])
    assert sheet.tag.text() == one.name
    sheet.tag.setText(two.name)
    sheet.tag.returnPressed.emit()  # two tags of the branch change places
    assert (one.prim, two.prim) == (theirs, mine)
    assert one.suggestion is not None
    assert one.suggestion.binding.signal == one.name
    assert sheet.tag.text() == two.name  # the line in hand is still that of the part
    sheet.tag.setText("T-102.level")
    sheet.tag.returnPressed.emit()  # a tag of the project that the branch does not hold gets a line
    new = next(row for row in branch.rows if row.name == "T-102.level")
    assert (new.prim, new.new, new.ticked, two.prim, two.suggestion) == (mine, None, True, "", None)
    sheet.tag.setText("No.such")
    sheet.tag.returnPressed.emit()
    assert "There is no tag 'No.such'" in sheet.why.text()
    lone = next(i for i, row in enumerate(branch.rows) if row.name.endswith("uptime"))
    sheet.show_line(lone)
    assert sheet.others.count() == 2  # the thing it lies in is a candidate, with the reason
    assert "its path names Dosing2" in sheet.others.itemText(1)
    sheet.others.activated.emit(1)
    assert branch.rows[lone].prim == SKID
    sheet.reject()


def test_tags_and_the_keyboard_begin_a_branch_and_a_viewer_does_not(desk: DeskWindow, skid: Files) -> None:
    data = QMimeData()
    data.setData(TAG_MIME, ",".join(map(str, range(len(desk.workspace.specs)))).encode())
    drop(desk, data, "/Plant")
    sheet = desk.branching.sheet
    assert sheet is not None
    found = {row.name: row.prim for row in desk.workspace.branch.rows if row.prim}
    assert found.get("T-102.level") == "/Plant/Water/T102" or desk.workspace.branch.bound
    sheet.reject()
    # one tag opens its card
    data.setData(TAG_MIME, b"4")
    drop(desk, data, "/Plant/Floor")
    assert desk.branching.sheet is None
    assert desk.bindcard.isVisible()
    desk.bindcard.cancel.click()
    desk.workspace.role = "viewer"
    node = QMimeData()
    node.setData(NODE_MIME, dragged(desk).data(NODE_MIME))
    drop(desk, node, SKID)
    assert desk.branching.sheet is None
    assert "may not change bindings" in desk.status.currentMessage()
    # and by the keyboard
    desk.workspace.role = "engineer"
    browse, scene = desk.browse, desk.workspace.scene
    assert scene is not None
    browse.view.setCurrentIndex(browse.shown.index(0, TAG, browse.shown.index(0, 0)))
    desk.workspace.select((scene.prim_path.index(SKID),))
    action("edit.bind-branch").run(desk)
    assert desk.branching.sheet is not None
    assert desk.branching.sheet.model.rowCount() == 41
    desk.branching.sheet.reject()
