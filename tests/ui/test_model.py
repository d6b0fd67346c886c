"""The dock Model: types, twins, the drawing, and queries that are marked in the scene."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from armillary.model.twin import Relationship
from armillary.session.marking import MARK
from armillary.ui.panels.model import ModelPanel
from armillary.ui.window import DeskWindow

RELATIONS = tuple(
    Relationship(source=source, name=name, target=target)
    for source, name, target in (
        ("T-101", "feeds", "P-101"),
        ("P-101", "feeds", "T-102"),
        ("P-102", "feeds", "T-102"),
    )
)


@pytest.fixture
def panel(desk: DeskWindow) -> ModelPanel:
    """The dock on the hand-made plant, whose pumps and tanks feed each other."""
    ws = desk.workspace
    ws.relationships = RELATIONS
    ws.world_changed.emit()
    desk.show_panel("model")
    return desk.model


def lines(panel: ModelPanel) -> list[str]:
    return [panel.rows.index(row, 0).data() for row in range(panel.rows.rowCount())]


def ask(panel: ModelPanel, text: str) -> None:
    panel.line.setText(text)
    QTest.keyClick(panel.line, Qt.Key.Key_Return)


def test_types_list_their_twins_and_a_query_lists_its_answer(panel: ModelPanel) -> None:
    tops = [panel.types.topLevelItem(i) for i in range(panel.types.topLevelItemCount())]
    types = {item.text(0): item for item in tops if item is not None}
    assert {name: item.text(1) for name, item in types.items()} == {
        "all twins": "4",
        "Pump": "2",
        "Tank": "2",
    }
    panel.types.setCurrentItem(types["Pump"])
    assert lines(panel) == ["P-101", "P-102"]
    ask(panel, "tanks with level > 2 m")
    assert "1 found" in panel.says.text()
    assert lines(panel) == ["T-101"]
    assert "level" in panel.rows.index(0, 4).data()
    ask(panel, "pumps feedng T-102")
    assert "Letter 7" in panel.says.text()
    assert "feeding" in panel.says.text()
    panel.line.clear()
    QTest.keyClicks(panel.line, "pumps feed")
    words = panel.line.words
    assert words.offered[0] == "feeding"
    assert words.pathFromIndex(words.completionModel().index(0, 0)) == "pumps feeding"
    popup = words.popup()
    assert popup is not None
    popup.hide()


def test_an_answer_is_marked_in_the_scene_and_escape_takes_it_away(
    panel: ModelPanel, desk: DeskWindow
) -> None:
    ws, now = desk.workspace, desk.clock.now_mono_ns()
    assert ws.look is not None
    assert ws.scene is not None
    before = ws.look.rgba.copy()
    ask(panel, "pumps feeding T-102")
    ws._resolve(now)
    pumps = ("/Plant/Pumps/P101", "/Plant/Pumps/P102")
    below = [i for i, path in enumerate(ws.scene.prim_path) if path.startswith(pumps)]
    assert np.flatnonzero((ws.look.rgba != before).any(axis=1)).tolist() == below
    assert np.abs(ws.look.rgba[below, :3].astype(int) - MARK).max() < 70
    QTest.keyClick(panel.line, Qt.Key.Key_Escape)
    ws._resolve(now)
    assert np.array_equal(ws.look.rgba, before)
    assert panel.line.text() == ""
    ask(panel, "pumps feeding T-102")
    QTest.keyClick(desk.canvas, Qt.Key.Key_Escape)  # nothing there takes it
    assert desk.workspace.plant_model.text == ""


def test_a_click_on_a_twin_selects_its_part_and_a_double_click_draws_what_is_around_it(
    panel: ModelPanel, desk: DeskWindow
) -> None:
    ws, row_of = desk.workspace, desk.workspace.plant_model.graph.row_of
    panel.centre_on(row_of["T-102"])
    pump = panel.graph.at_of(row_of["P-102"])
    assert pump is not None
    assert panel.graph.at_of(row_of["T-101"]) is None  # two steps away
    QTest.mouseClick(panel.graph, Qt.MouseButton.LeftButton, pos=pump.toPoint())
    assert ws.selection == (ws.prim_named("/Plant/Pumps/P102"),)
    pump = panel.graph.at_of(row_of["P-101"])
    assert pump is not None
    QTest.mouseDClick(panel.graph, Qt.MouseButton.LeftButton, pos=pump.toPoint())
    assert panel.graph.at_of(row_of["T-101"]) is not None
    assert panel.graph.at_of(row_of["P-102"]) is None
    panel.upstream.click()
    assert panel.line.text() == 'anything upstream of "P-101"'
    assert lines(panel) == ["T-101"]
    tank = ws.prim_named("/Plant/Water/T102")
    assert tank is not None
    ws.select((tank,))  # in the scene
    assert panel.graph.at_of(row_of["P-102"]) is not None
