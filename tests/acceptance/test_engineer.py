"""An engineer adds and binds signals of the station, after operations.md 9.2: steps 1, 4, 7, 8, 10."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from desk import Place, Wire, place
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot
from skimage.color import deltaE_ciede2000, rgb2lab

from armillary.cli.plant import RunningPlant
from armillary.model.quality import GOOD, STALE
from armillary.project import folder as projects
from armillary.session.workspace import WorldState
from armillary.ui.browse_model import NAME, TAG
from armillary.ui.limits_card import LimitsCard
from armillary.ui.mime import TAG_MIME

pytestmark = pytest.mark.system
LINK = "ctl-ua"
TANK, TANK_PARTS = "/Station/Storage/T_102", "/Station/Storage/T_102/Shell"
HANDWHEEL = "/Station/PumpHall/Valves/V_101/Handwheel"
WHEEL = f"{HANDWHEEL}/Wheel"
NEW = "T-102.depth"  # the plant has it, the project does not know it yet
DOSE, NEW_ALARM = "DS-201.dose_flow", "DS-201.dose_flow-A1"
DEUTAN = 12.0  # CIEDE2000 between the ends of a legend, as a deuteranope sees them


def without_the_depth(project: Path) -> None:
    """Take the depth of a tank out of the project: the engineer will find it at the server."""
    twins = project / "twins.json"
    document = json.loads(twins.read_text("utf-8"))
    tank = next(twin for twin in document["twins"] if twin["id"] == "T-102")
    del tank["tags"]["depth"]
    twins.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


@pytest.fixture
def shift(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path, without_the_depth) as made:
        made[0].until_live()
        yield made


def test_an_engineers_day(shift: tuple[Place, RunningPlant, Wire]) -> None:
    ravi, plant, wire = shift
    project = plant.project
    scene = hashlib.sha256((project / "scene.usda").read_bytes()).hexdigest()
    wire.mark()
    begins(ravi)
    finds_a_node(ravi)
    makes_it_a_tag(ravi, project)
    colours_by_level(ravi, project)
    turns_a_valve_by_hand(ravi)
    adds_an_alarm(ravi, project)
    assert hashlib.sha256((project / "scene.usda").read_bytes()).hexdigest() == scene, "never written"
    assert wire.orders == [], "nothing reached the plant"


def files(project: Path) -> dict[str, bytes]:
    """Return what authoring may write, byte for byte."""
    names = ("twins.json", "rules.toml", "bindings.usda", "scene.usda", "project.toml")
    return {name: (project / name).read_bytes() for name in names if (project / name).exists()}


def undo_all(ravi: Place, count: int) -> None:
    undo = ravi.at.undo
    for _ in range(count):
        left = len(undo._done) - 1
        ravi.do("edit.undo")
        ravi.until(lambda left=left: not undo.busy and len(undo._done) == left, 20, "it is undone")


# ---------------------------------------------------------------- step 1


def begins(ravi: Place) -> None:
    ravi.log_in("ravi")
    ravi.do("layout.author")
    seen = ravi.picture("01-begins")
    bar = ravi.window.bars.topbar
    assert "Ravi · engineer" in ravi.texts(bar)
    assert "version 1.4.0, unchanged" in ravi.texts(bar)
    assert bar.tabs.tabText(bar.tabs.currentIndex()) == "Author"
    assert ravi.window.docks.is_open("browse")
    assert ravi.at.undo.undoes == ""
    assert ravi.frame_share(seen, ravi.theme.replay) == 0.0


# ---------------------------------------------------------------- step 4


def below(ravi: Place, index: QModelIndex, name: str) -> QModelIndex:
    """Return the index of a node below another in the browser."""
    shown = ravi.window.browse.shown
    rows = [shown.index(row, NAME, index) for row in range(shown.rowCount(index))]
    found = [row for row in rows if row.data() == name]
    assert found, f"{name} is not among {[row.data() for row in rows]}"
    return found[0]


def opens(ravi: Place, *names: str) -> QModelIndex:
    """Open level after level; return the last one."""
    panel, index = ravi.window.browse, QModelIndex()
    for name in names:
        index = below(ravi, index, name)
        node = panel.model.node(panel.shown.mapToSource(index))
        assert node is not None
        panel.view.expand(index)
        ravi.until(lambda node=node: node.children is not None, 5, f"the level of {name}")
    return index


def finds_a_node(ravi: Place) -> None:
    ravi.window.show_panel("browse")
    ravi.until(lambda: ravi.window.browse.shown.rowCount() == 3, 10, "the three links")
    tank = opens(ravi, LINK, "Station", "Tanks", "T-102")
    level, depth = below(ravi, tank, "Level"), below(ravi, tank, "Depth")
    texts = [depth.siblingAtColumn(column).data() for column in range(TAG + 1)]
    assert texts[2:] == ["m", "Double", "", ""], "unit and type; not written; no tag yet"
    assert float(texts[1]) > 0, "with its live value"
    assert level.siblingAtColumn(TAG).data() == "T-102.level", "what is a tag already is marked"
    writable = below(ravi, opens(ravi, LINK, "Station", "Valves", "V-101"), "SP")
    assert writable.siblingAtColumn(4).data() == "yes"
    ravi.window.browse.view.scrollTo(below(ravi, opens(ravi, LINK, "Station", "Tanks", "T-102"), "Depth"))
    ravi.picture("04-browses")


def drag(ravi: Place, index: QModelIndex, path: str) -> int:
    """Drag a line of the browser onto a part in the picture; return the part."""
    window = ravi.window
    data = window.browse.shown.mimeData([index])
    prim = ravi.look_at(path)
    x, y = ravi.found(prim)
    left, none, at = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y)
    enter = QDragEnterEvent(at, Qt.DropAction.CopyAction, data, left, none)
    window.canvas.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.canvas.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))
    return prim


def makes_it_a_tag(ravi: Place, project: Path) -> None:
    at, window, card = ravi.at, ravi.window, ravi.window.bindcard
    before, subscribed = files(project), len(at.specs)
    index = below(ravi, opens(ravi, LINK, "Station", "Tanks", "T-102"), "Level")
    drag(ravi, index, TANK_PARTS)
    assert card.title.text() == "T-102.level", "a node that is a tag is that tag: not subscribed twice"
    ravi.click(card.cancel)
    index = below(ravi, opens(ravi, LINK, "Station", "Tanks", "T-102"), "Depth")
    shell = drag(ravi, index, TANK_PARTS)
    assert card.new.text() == NEW
    assert "as read from the link" in card.now.text()
    assert ravi.has_its_colour(shell), "the preview shows the server's value"
    ravi.picture("05-new-tag")
    ravi.click(card.save)
    ravi.until(lambda: not card.isVisible(), 20, "it is saved")
    [tag] = [spec for spec in projects.read(project).specs if spec.name == NEW]
    assert (tag.link, tag.unit, tag.kind) == (LINK, "m", "number")
    after = files(project)
    assert [name for name in after if after[name] != before[name]] == ["twins.json", "bindings.usda"]
    ravi.until(window.changed.isVisible, 10, "the project changed")
    assert not window.cards.cards, "a tag that the world will have is no problem"
    assert "version 1.4.0, changed" in ravi.texts(window.bars.topbar)
    ravi.picture("05-project-changed")
    ravi.click(window.changed.load)
    ravi.until(lambda: len(at.specs) == subscribed + 1, 20, "the world has the tag")
    ravi.until(lambda: at.world_state is WorldState.LIVE and ravi.rank(NEW) == GOOD, 20, "it is live")
    ravi.until(lambda: not window.changed.isVisible(), 10, "the world runs what is on disk")
    at.select(())
    ravi.until(lambda: ravi.has_its_colour(ravi.look_at(TANK_PARTS)), 10, "it is coloured by its depth")
    marked = below(ravi, opens(ravi, LINK, "Station", "Tanks", "T-102"), "Depth")
    assert marked.siblingAtColumn(TAG).data() == NEW
    ravi.picture("05-live")
    undo_all(ravi, 1)
    assert files(project) == before, "undo leaves every file as it was, byte for byte"
    ravi.do("edit.redo")
    ravi.until(lambda: not at.undo.busy and files(project) == after, 20, "done again")


# ---------------------------------------------------------------- step 7


def bind(ravi: Place, tag: str, path: str) -> int:
    ravi.drop_tag(tag, path)
    assert ravi.window.bindcard.isVisible()
    return ravi.prim(path)


def fill(field: QLineEdit, text: str) -> None:
    field.setText(text)
    field.textEdited.emit(text)


def colours_by_level(ravi: Place, project: Path) -> None:
    at, card, before = ravi.at, ravi.window.bindcard, files(project)
    shell = bind(ravi, "T-102.level", TANK_PARTS)
    card.colormap.setCurrentText("level")
    fill(card.low, "0")
    fill(card.high, "100")
    assert f"Replaces the binding to {NEW}" in card.hint.text()
    assert ravi.has_its_colour(shell)
    ravi.click(card.save)
    ravi.until(lambda: not card.isVisible(), 20, "it is saved")
    at.select((shell,))
    legend = at.legends[0]
    assert (legend.name, legend.unit, legend.low, legend.high) == ("level", "%", "0", "100")
    assert {"stale", "bad", "no data yet"} <= {mark.text for mark in legend.marks}
    ends = [np.array(legend.bar[i][:3]) for i in (0, -1)]
    plain = ravi.picture("07-level")
    ravi.do("view.vision-deutan")
    simulated = ravi.picture("07-deuteranopia")
    assert (plain != simulated).any(), "the picture is another one"
    view = ravi.window.canvas
    seen = [_as_seen(view, end) for end in ends]
    assert float(deltaE_ciede2000(rgb2lab(seen[0]), rgb2lab(seen[1]))) > DEUTAN, "still distinct"
    ravi.do("view.vision-normal")
    at.select(())
    undo_all(ravi, 1)
    assert files(project) == before, "byte for byte"


def _as_seen(_canvas: object, colour: np.ndarray) -> np.ndarray:
    from armillary.viewport.vision import simulated

    rgba = np.append(colour, 255).astype(np.uint8).reshape(1, 1, 4)
    return simulated(rgba, "deutan")[0, 0, :3] / 255


# ---------------------------------------------------------------- step 8


def plate_seen(ravi: Place, prim: int) -> bool:
    """Whether a plate stands near a part in the picture: what differs once labels are left out."""
    view = ravi.window.canvas.view
    x, y, _ = view.project(prim)
    with_labels = view.render(rest=False).copy()
    view.set_options(labels=False)
    without = view.render(rest=False).copy()
    view.set_options(labels=True)
    ravi.window.canvas.draw_now()
    box = np.s_[max(int(y) - 160, 0) : int(y) + 40, max(int(x) - 80, 0) : int(x) + 80]
    return int((with_labels[box] != without[box]).any(axis=2).sum()) > 100


def drop_in_tree(ravi: Place, tag: str, path: str) -> None:
    """Drag a tag out of the live table onto a line of the tree: the mesh hides what holds it."""
    tree = ravi.window.tree
    prim = ravi.prim(path)
    ravi.at.select((prim,))
    at = tree.view.visualRect(tree.model.index_of(prim)).center()
    data = QMimeData()
    data.setData(TAG_MIME, str(ravi.slot(tag)).encode())
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    tree.view.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))
    assert ravi.window.bindcard.where.text() == path


def turns_a_valve_by_hand(ravi: Place) -> None:
    at, card = ravi.at, ravi.window.bindcard
    at.retry_link(LINK, "off")
    ravi.until(lambda: ravi.rank("V-101.position") >= STALE, 15, "the link is off")
    wheel = ravi.look_at(WHEEL)
    stood = ravi.stands(wheel)
    drop_in_tree(ravi, "V-101.position", HANDWHEEL)
    card.channel.setCurrentIndex(card.channel.findData("rotate"))
    fill(card.low, "0")
    fill(card.high, "100")
    assert (card.first.text(), card.last.text()) == ("0", "90")
    ravi.window.frame((wheel,))
    slider = card.trial.slider
    slider.setFocus()
    slider.setValue(1)
    low = ravi.stands(wheel)
    before = ravi.picture("08-slider-low")
    slider.setValue(slider.maximum())
    high = ravi.stands(wheel)
    assert card.trial.value.text() == "100 % S"
    axes = np.einsum("ij,ij->j", low[:3, :3], high[:3, :3])
    lengths = np.linalg.norm(low[:3, :3], axis=0) * np.linalg.norm(high[:3, :3], axis=0)
    assert sorted(np.round(axes / lengths, 1).tolist()) == [0.0, 0.0, 1.0], "a quarter turn"
    assert at.look is not None
    assert [(p.text, p.quality) for p in at.look.label if p.prim == ravi.prim(HANDWHEEL)] == [("100", 1)]
    assert at.look.state[wheel] & 0x0F == 1, "not stale: by hand"
    assert plate_seen(ravi, wheel), "the plate with the S is in the picture"
    after = ravi.picture("08-slider-high")
    x, y, _ = ravi.window.canvas.view.project(wheel)
    corner = ravi.window.canvas.mapTo(ravi.window, QPoint(0, 0))
    left, top = corner.x() + int(x), corner.y() + int(y)
    box = np.s_[top - 120 : top + 80, left - 60 : left + 60]
    assert (before[box] != after[box]).any(), "seen to turn"
    ravi.click(card.cancel)
    assert at.showing.trial is None, "released on leaving"
    assert all(p.prim != ravi.prim(HANDWHEEL) for p in at.look.label)
    assert np.allclose(ravi.stands(wheel), stood)
    ravi.picture("08-released")
    at.retry_link(LINK, "on")
    ravi.until(lambda: ravi.rank("V-101.position") == GOOD, 20, "the link is on again")


# ---------------------------------------------------------------- step 10


def press(ravi: Place, name: str) -> None:
    [button] = [b for b in ravi.window.inspector.findChildren(QPushButton) if b.accessibleName() == name]
    ravi.window.inspector.area.ensureWidgetVisible(button)
    ravi.click(button)


def write(card: LimitsCard, name: str, text: str) -> None:
    field = card.fields[name]
    if isinstance(field, QLineEdit):
        field.setText(text)
    elif isinstance(field, QPlainTextEdit):
        field.setPlainText(text)
    else:
        field.setCurrentText(text)


def adds_an_alarm(ravi: Place, project: Path) -> None:
    at, window, card = ravi.at, ravi.window, ravi.window.inspector.limits
    before = files(project)
    at.select((ravi.prim("/Station/PumpHall/DS_201"),))
    inspector = window.inspector
    inspector.values.selectRow(inspector.tags.row_of(ravi.slot(DOSE)))
    press(ravi, f"New alarm of {DOSE}")
    write(card, "title", "Dosing nearly stopped")
    write(card, "direction", "below")
    write(card, "limit", "2")
    write(card, "consequence", "The water leaves the station without chlorine.")
    assert "operator action" in card.hint.text()
    assert not card.save.isEnabled(), "refused without an operator action"
    ravi.picture("10-refused")
    write(card, "operator_action", "Start the other dosing pump and look at the drum.")
    write(card, "deadband", "0.1")
    write(card, "on_delay_s", "15")
    ravi.until(lambda: "would have been raised" in card.trial.text(), 10, "it is tried on the record")
    ravi.picture("10-tried")
    ravi.click(card.save)
    assert not card.isVisible()
    [alarm] = [a for a in projects.read(project).alarms if a.id == NEW_ALARM]
    assert (alarm.limit, alarm.deadband, alarm.on_delay_s, alarm.direction) == (2.0, 0.1, 15.0, "below")
    ravi.until(window.changed.isVisible, 10, "the project changed")
    ravi.click(window.changed.load)
    ravi.until(lambda: NEW_ALARM in at.alarms.specs, 20, "the world watches it")
    ravi.until(lambda: at.world_state is WorldState.LIVE, 20, "live again")
    ravi.until(lambda: "Dosing nearly stopped" in ravi.texts(window.inspector), 10, "it stands at the part")
    assert "below 2 l/h" in ravi.texts(window.inspector)
    ravi.picture("10-loaded")
    undo_all(ravi, 1)
    assert files(project) == before, "byte for byte"
