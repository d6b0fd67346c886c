"""Panels show the mirror and send intentions; nothing here looks at a private field of a panel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from armillary.model.alarm import AlarmSpec
from armillary.model.frame import Event, Flow, Tally, WorldKind
from armillary.model.link import LinkState
from armillary.model.quality import BAD, NEVER, STALE, UNCERTAIN
from armillary.ui.tag_model import AGE, NAME, QUALITY, VALUE
from armillary.ui.tree_model import EYE
from armillary.ui.tree_model import NAME as PART
from armillary.ui.tree_model import QUALITY as MARK
from armillary.ui.window import DeskWindow

BEARING, T101, P101, MOTOR, PLANT = 8, 2, 6, 7, 0
LEVEL, SETPOINT, TEMP = 0, 1, 4
FOCUS_BLUE = np.array([0x56, 0x92, 0xFF])


def pixels(desk: DeskWindow) -> np.ndarray:
    """The viewport as it is on the screen, u1 (h, w, 3)."""
    desk.canvas.draw_now()
    image = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def blue(picture: np.ndarray) -> int:
    return int((np.abs(picture.astype(int) - FOCUS_BLUE).max(axis=2) < 40).sum())


def cells(view: QTableView, row: int) -> list[str]:
    model = view.model()
    return [str(model.data(model.index(row, column)) or "") for column in range(model.columnCount())]


# ---------------------------------------------------------------- tree and viewport


def test_selecting_in_the_tree_outlines_the_part_in_the_viewport(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.canvas.clearFocus()
    before = blue(pixels(desk))
    index = desk.tree.model.index_of(T101)
    qtbot.mouseClick(
        desk.tree.view.viewport(), Qt.MouseButton.LeftButton, pos=desk.tree.view.visualRect(index).center()
    )
    assert desk.workspace.selection == (T101,)
    assert blue(pixels(desk)) > before + 100


def test_a_click_in_the_viewport_selects_the_part_in_the_tree(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.canvas.draw_now()
    x, y, depth = desk.canvas.view.project(T101)
    assert depth > 0
    qtbot.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(int(x), int(y)))
    chosen = desk.tree.view.selectionModel().selectedRows()
    assert [desk.tree.model.data(i) for i in chosen] == ["T101"]
    qtbot.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert desk.workspace.selection == ()


def test_ctrl_and_click_adds_and_takes_away(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.workspace.select((MOTOR,))
    desk.canvas.draw_now()
    x, y, _ = desk.canvas.view.project(T101)
    for expected in ((MOTOR, T101), (MOTOR,)):
        qtbot.mouseClick(
            desk.canvas,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.ControlModifier,
            QPoint(int(x), int(y)),
        )
        assert desk.workspace.selection == expected


def test_an_eye_hides_the_part_and_its_pixels(desk: DeskWindow, qtbot: QtBot) -> None:
    x, y, _ = desk.canvas.view.project(T101)
    before = pixels(desk)[int(y), int(x)].astype(int)
    eye = desk.tree.view.visualRect(desk.tree.model.index_of(T101, EYE)).center()
    qtbot.mouseClick(desk.tree.view.viewport(), Qt.MouseButton.LeftButton, pos=eye)
    assert desk.workspace.hidden == {T101}
    assert desk.workspace.selection == ()
    assert np.abs(pixels(desk)[int(y), int(x)].astype(int) - before).max() > 20
    tip = desk.tree.model.data(desk.tree.model.index_of(T101, EYE), Qt.ItemDataRole.ToolTipRole)
    assert tip == "hidden: click to show"


def test_the_search_keeps_matches_and_what_holds_them(desk: DeskWindow) -> None:
    desk.tree.filter("bear")
    model = desk.tree.model
    assert model.index_of(BEARING).isValid()
    assert model.index_of(P101).isValid()
    assert not model.index_of(T101).isValid()
    desk.tree.filter("no such part")
    assert "no such part" in desk.tree.empty.text
    desk.tree.filter("")
    assert model.index_of(T101).isValid()


def test_a_part_above_says_that_something_below_is_bad(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    bench.send({TEMP: BAD})
    model = desk.tree.model
    tips = lambda: [  # noqa: E731  read again until it is so
        model.data(model.index_of(prim, MARK), Qt.ItemDataRole.ToolTipRole)
        for prim in (BEARING, P101, PLANT, T101)
    ]
    qtbot.waitUntil(lambda: tips() == ["bad", "bad below", "bad below", None], timeout=20_000)


def test_the_tree_of_a_model_agrees_with_the_scene(desk: DeskWindow) -> None:
    model, scene = desk.tree.model, desk.workspace.scene
    for prim, path in enumerate(scene.prim_path):
        index = model.index_of(prim)
        assert model.data(index) == path.rsplit("/", 1)[-1]
        assert model.prim(model.parent(index)) == scene.parent[prim]
        assert model.rowCount(index) == int((scene.parent == prim).sum())
        assert model.prim(model.index(index.row(), PART, model.parent(index))) == prim


# ---------------------------------------------------------------- live table


def test_a_stale_row_shows_its_age_and_its_quality_in_words(desk: DeskWindow, bench: Any) -> None:
    bench.send({TEMP: STALE})
    bench.clock.advance(240)
    desk.tags.refresh()
    row = desk.tags.model.row_of(TEMP)
    shown = cells(desk.tags.view, row)
    assert shown[NAME] == "P-101.bearing.temp"
    assert shown[VALUE] == "71.2 °C · 4 min old"
    assert shown[QUALITY] == "stale"
    assert shown[AGE] == "4 min"


def test_each_quality_has_its_words(desk: DeskWindow, bench: Any) -> None:
    bench.send({0: UNCERTAIN, 2: BAD, 4: NEVER})
    desk.tags.refresh()
    model = desk.tags.model
    shown = {slot: cells(desk.tags.view, model.row_of(slot)) for slot in (0, 2, 4, 6)}
    assert shown[0][VALUE] == "2.41 m ?"
    assert shown[2][VALUE].startswith("— bad")
    assert shown[4][VALUE] == "∅ no data yet"
    assert shown[6][VALUE] == "118.4 m³/h"
    assert [shown[s][QUALITY] for s in (0, 2, 4, 6)] == ["uncertain", "bad", "never", "good"]


def test_a_silent_world_makes_every_row_stale(desk: DeskWindow, bench: Any) -> None:
    bench.live(False, "Not live: the world is silent since 14:03:11.")
    desk.tags.refresh()
    assert {cells(desk.tags.view, row)[QUALITY] for row in range(10)} == {"stale"}


def test_the_table_sorts_by_badness_and_finds_by_name(desk: DeskWindow, bench: Any) -> None:
    bench.send({6: BAD, 3: STALE})
    desk.tags.view.sortByColumn(QUALITY, Qt.SortOrder.DescendingOrder)
    desk.tags.refresh()
    assert [cells(desk.tags.view, row)[NAME] for row in range(3)] == [
        "P-101.flow",
        "P-101.running",
        "P-101.bearing.temp",
    ]
    desk.tags.filter("bearing temp")
    assert desk.tags.model.rowCount() == 1
    desk.tags.filter("nothing like it")
    assert "nothing like it" in desk.tags.empty.text or desk.tags.empty.text


def test_sorting_keeps_the_selected_tag_selected(desk: DeskWindow, bench: Any) -> None:
    desk.tags.reveal(TEMP)
    desk.tags.view.sortByColumn(VALUE, Qt.SortOrder.DescendingOrder)
    assert desk.tags.chosen() == (TEMP,)


def test_a_row_dragged_out_carries_slots_and_names(desk: DeskWindow) -> None:
    model = desk.tags.model
    data = model.mimeData([model.index(model.row_of(TEMP), 0), model.index(model.row_of(TEMP), 1)])
    assert data.text() == "P-101.bearing.temp"
    assert bytes(data.data("application/x-armillary-tags").data()) == b"4"


# ---------------------------------------------------------------- inspector and writing


def test_the_inspector_shows_path_twin_values_and_bindings(desk: DeskWindow) -> None:
    desk.workspace.select((BEARING,))
    panel = desk.inspector
    assert panel.path.text() == "/Plant/Pumps/P101/Bearing"
    assert "P-101" in panel.twin.text()
    names = [cells(panel.values, row)[NAME] for row in range(panel.values.model().rowCount())]
    assert "P-101.bearing.temp" in names
    drives, by = (str(panel.bindings.data(panel.bindings.index(0, c))) for c in (0, 1))
    assert drives.splitlines()[0] == "displayColor"
    assert by.splitlines() == ["P-101.bearing.temp", "71.2 °C"]


def test_only_a_writable_tag_offers_a_setpoint(desk: DeskWindow) -> None:
    desk.workspace.select((BEARING,))
    assert not desk.inspector.write_section.isVisibleTo(desk.inspector)
    desk.workspace.select((T101,))
    assert desk.inspector.write_section.isVisibleTo(desk.inspector)


@pytest.mark.parametrize(
    ("typed", "says"), [("9", "outside"), ("four", "number"), ("nan", "finite"), ("-1", "outside")]
)
def test_a_value_that_cannot_be_written_is_refused_before_arming(
    desk: DeskWindow, typed: str, says: str
) -> None:
    desk.workspace.select((T101,))
    desk.inspector.open_write(SETPOINT)
    card = desk.inspector.card
    card.entry.setText(typed)
    assert says in card.hint.text()
    assert not card.arm.isEnabled()


# ---------------------------------------------------------------- links and events


def test_a_lost_link_says_why_and_offers_to_retry(desk: DeskWindow, bench: Any) -> None:
    bench.links(LinkState.BACKOFF)
    desk.show_panel("links")
    desk.links.reload()
    card = desk.links.cards["mqtt"]
    assert card.retry.isVisibleTo(card)
    assert card.retry.text() == "Retry now"
    assert desk.links.cards["ua"].retry.text() == "Reconnect"  # it stands: this hangs up and connects anew
    assert "backoff" in desk.status.chips["mqtt"].text()


def test_both_laws_are_shown_and_drops_are_named(desk: DeskWindow) -> None:
    desk.links.reload()
    texts = [label.text() for label in desk.links.cards["ua"].findChildren(type(desk.tree.count))]
    assert any("10 received · 9 decoded · 1 dropped (undecodable 1)" in text for text in texts)
    assert any(text.startswith("Samples  9 received · 9 applied") for text in texts)


def test_a_wrong_clock_and_corrections_stand_on_the_card_of_their_link(desk: DeskWindow, bench: Any) -> None:
    desk.show_panel("links")
    bench.links()
    desk.links.reload()
    assert not desk.links.cards["mqtt"]._clock.isVisibleTo(desk.links.cards["mqtt"])
    said = "Clock of mqtt is 41 s ahead: receive time is used"
    now = bench.workspace.links
    off = dataclasses.replace(now[1], skew_s=41.0, skew_doubt_s=0.02, clock=said)
    flow = Flow(received=9, done=8, coalesced=1, late=1, conflict=2)
    bench.send(links=(now[0], off), tally={"mqtt": Tally(messages=Flow(), samples=flow)})
    desk.links.reload()
    card = desk.links.cards["mqtt"]
    texts = [label.text() for label in card.findChildren(type(desk.tree.count)) if label.isVisibleTo(card)]
    assert f"{said} (± 0.1 s)" in texts
    assert any("1 coalesced (1 late) · 2 corrected" in text for text in texts)


def test_events_come_newest_first(desk: DeskWindow, bench: Any) -> None:
    for i, text in enumerate(("Link mqtt is lost.", "Link mqtt is UP.")):
        desk.workspace._add_event(
            Event(t_ns=bench.clock.now_ns() + i, level="info", source="mqtt", text=text)
        )
    assert [row.text for row in desk.events.model.rows] == ["Link mqtt is UP.", "Link mqtt is lost."]


# ---------------------------------------------------------------- trends


def test_dropped_tags_become_pens_with_an_axis_for_each_unit(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    desk.trend((LEVEL, TEMP))
    for _ in range(30):
        bench.clock.advance(1)
        bench.send()
    qtbot.waitUntil(lambda: desk.trends.plot.unit_names == ("m", "°C"), timeout=20_000)
    assert [row.name.text() for row in desk.trends.rows.values()] == ["T-101.level", "P-101.bearing.temp"]
    desk.trends.rows[LEVEL].remove.click()
    qtbot.waitUntil(lambda: list(desk.trends.rows) == [TEMP], timeout=20_000)


def test_a_part_dropped_on_the_trends_brings_its_tags(desk: DeskWindow) -> None:
    model = desk.tree.model
    data = model.mimeData([model.index_of(T101)])
    assert set(desk.trends.dropped(data)) >= {LEVEL, SETPOINT}


def test_pausing_holds_the_range(desk: DeskWindow, bench: Any) -> None:
    desk.trend((LEVEL,))
    desk.trends.toggle_pause()
    held = desk.workspace.timeline.view_ns()
    bench.clock.advance(5)
    bench.send()
    assert desk.workspace.timeline.view_ns() == held
    assert desk.trends.pause.accessibleName() == "Follow the time again"
    desk.trends.toggle_pause()
    assert desk.workspace.timeline.following


# ---------------------------------------------------------------- empty states and modes


def test_every_empty_state_says_what_to_do(make_window: Callable[[], DeskWindow]) -> None:
    window = make_window()
    assert "Ctrl+O" in window.tree.empty.text
    assert "Click a part" in window.inspector.empty.text()
    assert "press T" in window.trends.empty.text()
    assert "project.toml" in window.links.empty.text()
    assert "Ctrl+O" in window.tags.empty.text
    assert window.events.empty.text


def test_a_live_world_has_no_frame_and_no_ribbon(desk: DeskWindow) -> None:
    assert not desk.mode.ribbon.isVisible()
    assert not desk.mode.banner.isVisible()
    assert desk.mode.property("mode") == "live"


@pytest.mark.parametrize("kind", [WorldKind.REPLAY, WorldKind.WHATIF, WorldKind.TRAINING])
def test_any_other_world_is_framed_and_named(desk: DeskWindow, kind: WorldKind) -> None:
    desk.workspace.mirror.kind = kind
    desk.workspace.world_changed.emit()
    assert desk.mode.ribbon.isVisible()
    assert desk.mode.ribbon.text().startswith(kind.value)
    picture = desk.grab().toImage()
    edge = picture.pixelColor(1, desk.mode.y() + desk.mode.height() // 2)
    assert edge.saturation() > 60


def test_a_silent_world_is_said_in_a_banner(desk: DeskWindow, bench: Any) -> None:
    bench.live(False, "Not live: the world is silent since 14:03:11.")
    assert desk.mode.banner.isVisible()
    assert desk.mode.reason.text() == "NOT LIVE · The world is silent since 14:03:11."


def test_of_a_silent_world_no_link_is_shown_as_up(desk: DeskWindow, bench: Any) -> None:
    desk.show_panel("links")
    bench.live(False, "Not live: the world is silent since 14:03:11.")
    assert desk.status.chips["ua"].text() == "ua  not known"
    assert not desk.status.recording.isVisible()
    assert not desk.links.cards["ua"].switch.isEnabled()
    bench.live(True)
    assert desk.status.chips["ua"].text() == "ua  42 msg/s · 12 ms"
    assert desk.links.cards["ua"].switch.isEnabled()


def test_what_is_said_under_the_pointer_goes_stale_with_the_value(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    desk.canvas.draw_now()
    x, y, _ = desk.canvas.view.project(T101)
    qtbot.mouseMove(desk.canvas, QPoint(5, 5))
    qtbot.mouseMove(desk.canvas, QPoint(int(x), int(y)))
    qtbot.waitUntil(lambda: "T-101.level  2.41 m" in desk.canvas.hover.text, timeout=20_000)
    assert desk.canvas.hover.text.startswith("/Plant/Water/T101")
    bench.live(False, "Not live: the world is silent since 14:03:11.")
    assert "T-101.level  2.41 m · 0.5 s old" in desk.canvas.hover.text


def test_selecting_a_part_brings_its_legend_to_the_front(desk: DeskWindow) -> None:
    at = desk.workspace
    names = [legend.name for legend in at.legends]
    assert len(names) == 2
    for path, wanted in (("/Plant/Water", "level"), ("/Plant/Pumps", "heat")):
        prim = at.prim_named(path)
        assert prim is not None
        at.select((prim,))
        assert at.legends[0].name == wanted
        assert desk.canvas.view._notes.legends == at.legends
    assert sorted(legend.name for legend in at.legends) == sorted(names)


def test_the_pointer_tells_quality_age_and_limits(desk: DeskWindow) -> None:
    at = desk.workspace
    at.alarms.welcome((AlarmSpec(id="TT-HH", tag="P-101.bearing.temp", slot=4, priority=1, limit=85.0),))
    prim = at.prim_named("/Plant/Pumps/P101/Bearing")
    assert prim is not None
    desk.canvas.hover.show(prim)
    assert "P-101.bearing.temp  71.2 °C · good · 0.5 s ago" in desk.canvas.hover.text
    assert "alarm 1 above 85 °C" in desk.canvas.hover.text
