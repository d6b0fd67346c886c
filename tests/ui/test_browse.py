"""Browsing what a link has: levels on demand, marks, values, and nodes that become tags on a part."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from pytestqt.qtbot import QtBot

from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, Found
from armillary.model.message import Done, SaveBindings, SearchLink
from armillary.project import folder as projects
from armillary.scene import author, sidecar
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui.browse_model import MORE, NAME, READING, TAG, VALUE, WRITE
from armillary.ui.window import DeskWindow

MOTOR, T101 = 7, 2
Callback = Callable[[Any], None]


def variable(name: str, value: str, unit: str = "", **more: Any) -> BrowseItem:
    return BrowseItem(
        address=f"nsu=urn:x;s={name}",
        name=name.rpartition(".")[2],
        has_children=False,
        kind="Variable",
        data_type="Double",
        value=value,
        unit=unit,
        **more,
    )


class Server:
    """The links of the world, answering when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int, Callback]] = []
        self.flow = "12.5"

    def browse(self, link: str, under: str, callback: Callback, limit: int = 500) -> None:
        self.asked.append((link, under, limit, callback))

    def level(self, under: str) -> tuple[BrowseItem, ...]:
        if under == "":
            return (BrowseItem(address="s=Skid", name="Skid", has_children=True, kind="Object"),)
        return (
            variable("Skid.Flow", self.flow, "l/h", low=0.0, high=20.0),
            variable("Skid.Level", "55", "%", low=0.0, high=100.0, writable=True),
            variable("T-101.TankLevel", "2.41", "m"),
            BrowseItem(address="s=Start", name="Start", has_children=False, kind="Method"),
        )

    def answer(self, with_: Any = None) -> None:
        """Answer all that was asked, or one fault for it."""
        asked, self.asked = self.asked, []
        for _link, under, limit, callback in asked:
            callback(self.level(under)[:limit] if with_ is None else with_)


class Files:
    """A project on disk with a scene, written by the real writers."""

    def __init__(self, folder: Path) -> None:
        projects.new(folder, "Plant")
        self.folder, self.layer = folder, folder / "bindings.usda"
        toml = folder / "project.toml"
        toml.write_text(
            toml.read_text() + '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
        )
        self.layer.write_text("#usda 1.0\n")
        twins = {"schema": 1, "twins": [{"id": "P-101", "prim": "/Plant/Pumps/P101"}]}
        (folder / "twins.json").write_text(json.dumps(twins))

    def save(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        author.save(str(self.layer), message.bindings, message.remove)
        callback(Done())

    def bytes(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted(self.folder.glob("*")) if p.is_file()}

    def bound(self) -> list[tuple[str, str]]:
        return [(b.prim, b.signal) for b in sidecar.read([str(self.layer)])[0]]


@pytest.fixture
def server(desk: DeskWindow) -> Server:
    """An engineer's desk whose link `ua` has a skid; the tag T-101.level is one of its nodes."""
    out = Server()
    ws = desk.workspace
    ws.browse = out.browse  # type: ignore[method-assign]
    ws.role = "engineer"
    ws.specs = tuple(
        replace(s, address="nsu=urn:x;s=T-101.TankLevel") if s.name == "T-101.level" else s for s in ws.specs
    )
    desk.show_panel("browse")
    return out


@pytest.fixture
def files(server: Server, desk: DeskWindow, tmp_path: Path) -> Files:
    """A project that the desk saves to."""
    out = Files(tmp_path / "plant")
    ws = desk.workspace
    ws.save_bindings = out.save  # type: ignore[method-assign]
    ws._plan = replace(boarding(str(out.folder)), starts_world=False)
    return out


def below(desk: DeskWindow, *names: str) -> QModelIndex:
    """Return the index of a node in the view by the names above it."""
    index = QModelIndex()
    for name in names:
        rows = [desk.browse.shown.index(r, NAME, index) for r in range(desk.browse.shown.rowCount(index))]
        index = next(i for i in rows if i.data() == name)
    return index


def texts(desk: DeskWindow, index: QModelIndex) -> list[str]:
    return [index.siblingAtColumn(column).data() for column in range(TAG + 1)]


def opened(desk: DeskWindow, server: Server) -> QModelIndex:
    """Open the link and the skid below it."""
    view = desk.browse.view
    view.expand(below(desk, "ua"))
    server.answer()
    view.expand(below(desk, "ua", "Skid"))
    server.answer()
    return below(desk, "ua", "Skid")


def drop_on(desk: DeskWindow, indexes: list[QModelIndex], prim: int) -> None:
    """Drag lines of the browser onto a part in the picture."""
    data = desk.browse.shown.mimeData(indexes)
    desk.canvas.draw_now()
    x, y, _ = desk.canvas.view.project(prim)
    at = QPoint(round(x), round(y))
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(at, Qt.DropAction.CopyAction, data, left, none)
    desk.canvas.dragEnterEvent(enter)
    assert enter.isAccepted()
    desk.canvas.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, data, left, none))


def dropped(data: QMimeData) -> QDropEvent:
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    return QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, left, none)


def colour(desk: DeskWindow, prim: int) -> list[int]:
    assert desk.workspace.look is not None
    return desk.workspace.look.rgba[prim].tolist()


# ---------------------------------------------------------------- levels


def test_a_level_is_read_when_it_is_opened_and_only_once(desk: DeskWindow, server: Server) -> None:
    assert [desk.browse.shown.index(r, NAME).data() for r in range(desk.browse.shown.rowCount())] == [
        "ua",
        "mqtt",
    ]
    assert server.asked == []
    desk.browse.view.expand(below(desk, "ua"))
    assert [(link, under) for link, under, *_ in server.asked] == [("ua", "")]
    assert below(desk, "ua", READING).isValid(), "it says that it reads"
    server.answer()
    desk.browse.view.collapse(below(desk, "ua"))
    desk.browse.view.expand(below(desk, "ua"))
    assert server.asked == []


def test_a_node_tells_value_unit_type_whether_it_is_written_and_which_tag_it_is(
    desk: DeskWindow, server: Server
) -> None:
    opened(desk, server)
    assert texts(desk, below(desk, "ua", "Skid", "Flow")) == ["Flow", "12.5", "l/h", "Double", "", ""]
    assert texts(desk, below(desk, "ua", "Skid", "Level"))[WRITE] == "yes"
    marked = [i for i in range(4) if desk.browse.shown.index(i, TAG, below(desk, "ua", "Skid")).data()]
    assert len(marked) == 1, "only the node that is a tag is marked"
    assert desk.browse.shown.index(marked[0], TAG, below(desk, "ua", "Skid")).data() == "T-101.level"


def test_values_are_read_anew_and_nothing_closes(desk: DeskWindow, server: Server, bench: Any) -> None:
    skid = opened(desk, server)
    server.flow = "13.0"
    for _ in range(3):
        desk.browse.read_values()
        server.answer()
    assert below(desk, "ua", "Skid", "Flow").siblingAtColumn(VALUE).data() == "13.0"
    assert desk.browse.view.isExpanded(skid)


def test_a_level_that_cannot_be_read_says_why_and_is_asked_again_by_enter(
    desk: DeskWindow, server: Server, qtbot: QtBot
) -> None:
    view = desk.browse.view
    view.expand(below(desk, "ua"))
    server.answer(FaultRecord(kind="LinkFault", what="The server is silent.", where="ua", remedy="Start it."))
    row = desk.browse.shown.index(0, NAME, below(desk, "ua"))
    assert row.data() == "The server is silent. Start it. Press Enter to try again."
    view.setCurrentIndex(row)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    server.answer()
    assert below(desk, "ua", "Skid").isValid()


def test_a_long_level_offers_more(desk: DeskWindow, server: Server, qtbot: QtBot) -> None:
    desk.browse.view.expand(below(desk, "ua"))
    many = tuple(variable(f"N{i}", str(i)) for i in range(300))
    server.answer(many[:200])
    view = desk.browse.view
    view.setCurrentIndex(below(desk, "ua", MORE))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    [(_, _, limit, answer)] = server.asked
    assert limit == 400
    answer(many)
    assert desk.browse.shown.rowCount(below(desk, "ua")) == 300


def test_a_filter_keeps_what_was_opened_and_holds_the_words(desk: DeskWindow, server: Server) -> None:
    opened(desk, server)
    desk.browse.filter("flow")
    assert desk.browse.shown.rowCount(below(desk, "ua", "Skid")) == 1
    desk.browse.filter("nothing like it")
    assert "named like" in desk.browse.empty.text
    desk.browse.filter("")
    assert desk.browse.view.isExpanded(below(desk, "ua", "Skid")), "what was open is open again"


# ---------------------------------------------------------------- nodes become tags


def test_a_node_dropped_on_a_part_is_a_new_tag_with_a_live_preview(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    opened(desk, server)
    before, kept = colour(desk, MOTOR), files.bytes()
    drop_on(desk, [below(desk, "ua", "Skid", "Flow")], MOTOR)
    card = desk.bindcard
    assert card.isVisible()
    assert card.new.text() == "P-101.flow_2", "named after the twin of the part; P-101.flow is taken"
    assert "12.5 l/h" in card.now.text()
    assert (card.low.text(), card.high.text()) == ("0", "20"), "its range is the server's"
    first = colour(desk, MOTOR)
    assert first != before
    server.flow = "1"
    for _ in range(2):
        desk.browse.read_values()
        server.answer()
    assert colour(desk, MOTOR) != first, "the preview follows the server"
    assert files.bytes() == kept, "nothing is saved yet"
    card.save.click()
    [tag] = [s for s in projects.read(files.folder).specs if s.name == "P-101.flow_2"]
    assert (tag.link, tag.address, tag.unit, tag.high) == ("ua", "nsu=urn:x;s=Skid.Flow", "l/h", 20.0)
    assert files.bound() == [("/Plant/Pumps/P101/Motor", "P-101.flow_2")]
    saved = files.bytes()
    action("edit.undo").run(desk)
    assert files.bytes() == kept, "byte for byte"
    action("edit.redo").run(desk)
    assert files.bytes() == saved


def test_several_nodes_make_several_tags_and_one_binding(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    opened(desk, server)
    nodes = [below(desk, "ua", "Skid", name) for name in ("Flow", "Level", "Start")]
    drop_on(desk, nodes[:1] + nodes[1:2], MOTOR)
    assert "Makes 1 more tag: P-101.level" in desk.bindcard.hint.text()
    desk.bindcard.new.setText("P-101.dose")
    desk.bindcard.new.textEdited.emit("P-101.dose")
    desk.bindcard.save.click()
    assert {s.name for s in projects.read(files.folder).specs} == {"P-101.dose", "P-101.level"}
    assert files.bound() == [("/Plant/Pumps/P101/Motor", "P-101.dose")]


def test_a_name_that_is_taken_or_impossible_is_refused_in_words(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    opened(desk, server)
    drop_on(desk, [below(desk, "ua", "Skid", "Flow")], MOTOR)
    card = desk.bindcard
    for name, why in (("P-101.flow", "already"), ("P-101.a b", "no spaces")):
        card.new.setText(name)
        card.new.textEdited.emit(name)
        assert why in card.hint.text()
        assert not card.save.isEnabled()


def test_enter_binds_the_node_to_the_part_that_is_selected(
    desk: DeskWindow, server: Server, files: Files, qtbot: QtBot
) -> None:
    opened(desk, server)
    view = desk.browse.view
    view.setCurrentIndex(below(desk, "ua", "Skid", "Flow"))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert "select a part" in desk.status.currentMessage()
    desk.workspace.select((T101,))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert desk.bindcard.isVisible()
    assert desk.bindcard.new.text() == "T-101.flow"


def test_a_node_that_is_a_tag_already_is_bound_as_that_tag(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    skid = opened(desk, server)
    index = desk.browse.shown.index(2, NAME, skid)
    drop_on(desk, [index], MOTOR)
    assert desk.bindcard.title.text() == "T-101.level"
    assert not desk.bindcard.new.isVisible()


def test_an_operator_browses_and_binds_nothing(desk: DeskWindow, server: Server, files: Files) -> None:
    desk.workspace.role = "operator"
    opened(desk, server)
    drop_on(desk, [below(desk, "ua", "Skid", "Flow")], MOTOR)
    assert not desk.bindcard.isVisible()
    assert "engineer" in desk.status.currentMessage()


# ---------------------------------------------------------------- the test slider


def test_the_slider_shows_a_value_by_hand_marked_s_and_leaving_releases_it(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    opened(desk, server)
    plain = colour(desk, MOTOR)
    drop_on(desk, [below(desk, "ua", "Skid", "Flow")], MOTOR)
    card = desk.bindcard
    card.trial.slider.setValue(0)
    card.trial.slider.setValue(100)
    look = desk.workspace.look
    assert look is not None
    assert [(p.prim, p.text, p.quality) for p in look.label] == [(MOTOR, "10", 1)], "marked as substituted"
    assert card.trial.value.text() == "10 l/h S"
    half = colour(desk, MOTOR)
    card.trial.slider.setValue(200)
    assert colour(desk, MOTOR) != half
    card.trial.release.click()
    assert desk.workspace.look.label == ()
    card.trial.slider.setValue(150)
    card.cancel.click()
    assert desk.workspace.look.label == ()
    assert colour(desk, MOTOR) == plain
    assert desk.workspace.showing.trial is None


def test_a_part_turns_with_the_slider_from_0_to_90_degrees(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    opened(desk, server)
    drop_on(desk, [below(desk, "ua", "Skid", "Level")], MOTOR)
    card = desk.bindcard
    card.channel.setCurrentIndex(card.channel.findData("rotate"))
    assert (card.first.text(), card.last.text()) == ("0", "90")

    def x_axis() -> np.ndarray:
        look = desk.workspace.look
        assert look is not None
        return look.matrix[list(look.moved).index(MOTOR)][:3, 0]

    card.trial.slider.setValue(1)
    start = x_axis()
    card.trial.slider.setValue(200)
    cosine = float(start @ x_axis() / (np.linalg.norm(start) * np.linalg.norm(x_axis())))
    assert abs(cosine) < 0.05, "a quarter turn"


def test_nodes_dropped_on_table_or_trend_become_tags_in_one_step_and_pens_when_the_world_has_them(
    desk: DeskWindow, server: Server, files: Files
) -> None:
    before = files.bytes()
    opened(desk, server)
    data = desk.browse.shown.mimeData([below(desk, "ua", "Skid", name) for name in ("Flow", "Level")])
    desk.tags.dropEvent(dropped(data))
    made = {s.name: s.unit for s in projects.read(files.folder).specs}
    assert made == {"Skid.flow": "l/h", "Skid.level": "%"}
    ws = desk.workspace
    ws.undo.undo()
    assert files.bytes() == before
    desk.trends.dropEvent(dropped(desk.browse.shown.mimeData([below(desk, "ua", "Skid", "Flow")])))
    assert [s.name for s in projects.read(files.folder).specs] == ["Skid.flow"]
    assert not ws.timeline.slots
    ws.specs = (replace(ws.specs[0], name="Skid.flow"), *ws.specs[1:])
    ws.world_changed.emit()
    assert [ws.specs[slot].name for slot in ws.timeline.slots] == ["Skid.flow"]


def test_search_shows_what_all_links_have_below_a_root_of_its_own(desk: DeskWindow, server: Server) -> None:
    ws, asked = desk.workspace, list[tuple[object, Callback]]()
    ws.ask_world = lambda message, callback, _limit=0.0: asked.append((message, callback))  # type: ignore[method-assign]
    panel = desk.browse
    roots = panel.shown.rowCount()
    panel.search.setText("flow")
    panel.filter("flow")
    panel.search_links()
    searches = [(m, c) for m, c in asked if isinstance(m, SearchLink)]
    assert {m.link for m, _ in searches} == {link.name for link in ws.links}
    hit = variable("Plant/Deep.Flow", "7.5", "l/h", description="flow of the dosing line")
    for message, callback in searches:
        callback(Found(items=(hit,) if message.link == "ua" else (), seen=40))
    assert not panel.searching.is_running
    root = panel.shown.index(0, NAME)
    assert root.data().startswith("Found “flow”: 1 found, ")
    row = panel.shown.index(0, NAME, root)
    assert row.data().endswith("Flow")
    assert panel.shown.mimeData([row]).hasFormat("application/x-armillary-nodes")
    assert "flow of the dosing line" in row.data(Qt.ItemDataRole.ToolTipRole)
    panel.search.clear()
    panel.filter("")
    assert panel.shown.rowCount() == roots
