"""The trends panel: strips, cursors, figures, comparison, sets, notes, files. Its recorder is the test."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.frame import WorldKind, empty_frame
from armillary.model.message import AskAt, AskDensity, AskSpan, Density, Enroll, Enrolled, Samples
from armillary.model.sample import batch_of
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.session.trend_book import TrendBook
from armillary.ui import theme
from armillary.ui.panels.trends import TrendsPanel
from armillary.ui.part_drag import parts_data
from armillary.ui.pointer import Pointer
from armillary.ui.window import DeskWindow
from armillary.viewport.view import View

LEVEL, TEMP = 0, 4
HZ = 10


class Panel:
    """A panel whose recorder knows a sine of each tag, ten samples a second, for an hour."""

    def __init__(self, qtbot: QtBot, bench: Any, tmp_path: Path) -> None:
        self.bench, self.ws = bench, bench.workspace
        self.waiting: list[Callable[[], None]] = []
        self.hold = self.is_late = False
        self.end_ns = bench.clock.now_ns()
        self.t = self.end_ns - 3600 * NS + np.arange(3600 * HZ) * (NS // HZ)
        at = self.ws.trends
        for asker in (self.ws.timeline, at.earlier, at.stretches, at.late):
            asker._ask = self.ask
        self.ws.trends.book = self.book = TrendBook(tmp_path / "plant", tmp_path / "kept")
        self.book.changed.connect(self.ws.trends.changed.emit)
        self.said: list[str] = []
        self.panel = TrendsPanel(self.ws, bench.clock, theme.DARK, self.said.append)
        qtbot.addWidget(self.panel)
        self.panel.resize(1100, 500)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.add((LEVEL, TEMP))
        self.show(600)

    def value(self, id_: int) -> np.ndarray:
        seconds = (self.t - self.end_ns) / NS
        return 10.0 * id_ + 3.0 * np.sin(2 * np.pi * 0.2 * seconds)

    def ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.waiting.append(lambda: callback(self.answer(message)))
        if not self.hold:
            self.release()

    def release(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def answer(self, message: object) -> object:
        if isinstance(message, Enroll):
            names = [spec.name for spec in self.ws.specs]
            return Enrolled(ids=np.array([names.index(t) + 1 for t in message.tags], np.uint32))
        if isinstance(message, AskAt):
            none = np.zeros(0, np.int64)
            return Samples(batch=batch_of(none.astype(np.uint32), np.zeros(0), none, none, 0))
        if isinstance(message, AskDensity):
            late = np.zeros(message.width, np.bool_)
            late[message.width // 2 : message.width // 2 + 60] = self.is_late
            none = np.zeros(message.width, np.uint8)
            return Density(
                from_ns=message.from_ns, to_ns=message.to_ns, worst=none, gap=none.astype(np.bool_), late=late
            )
        if isinstance(message, AskSpan):
            t = np.array([message.from_ns], np.int64)
            return Samples(batch=batch_of(message.ids[:1], np.ones(1), t, t + 900 * NS, 0))
        assert isinstance(message, SeriesQuery)
        found = tuple(self.series(id_, message) for id_ in message.ids)
        return SeriesAnswer(series=found, request=message.request)

    def series(self, id_: int, query: SeriesQuery) -> Series:
        inside = (self.t >= query.from_ns) & (self.t < query.to_ns)
        t, v = self.t[inside], self.value(id_)[inside]
        level = 0.0
        low = high = mean = v
        count = np.ones(len(t), np.int64)
        if query.agg != "raw" and len(t) > query.width:
            k = -(-len(t) // query.width)
            level, edges = k / HZ, np.arange(0, len(t), k)
            low, high = np.minimum.reduceat(v, edges), np.maximum.reduceat(v, edges)
            count = np.diff(np.append(edges, len(t)))
            mean, t = np.add.reduceat(v, edges) / count, t[edges]
        quality = np.zeros(len(t), np.uint16)
        return Series(
            id=id_, t_ns=t, low=low, high=high, mean=mean, quality=quality, level_s=level, count=count
        )

    def show(self, seconds: float, back_s: float = 0.0) -> None:
        end = self.end_ns - int(back_s * NS)
        self.ws.timeline.set_range(end - int(seconds * NS), end, self.panel.plot.width_px)
        self.panel.draw()
        self.panel.draw()

    def at(self, t_ns: int) -> QPointF:
        return QPointF(self.panel.plot.x_of(t_ns), self.panel.plot.rows.area().center().y())

    def mouse(self, kind: QEvent.Type, t_ns: int, *, shift: bool = False, down: bool = True) -> None:
        plot = self.panel.plot
        modifiers = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
        at = self.at(t_ns)
        button = none if kind == QEvent.Type.MouseMove else left
        event = QMouseEvent(kind, at, at, button, left if down else none, modifiers)
        {
            QEvent.Type.MouseButtonPress: plot.mousePressEvent,
            QEvent.Type.MouseMove: plot.mouseMoveEvent,
            QEvent.Type.MouseButtonRelease: plot.mouseReleaseEvent,
        }[kind](event)

    def drag(self, from_ns: int, to_ns: int, *, shift: bool = False) -> None:
        x_to = to_ns
        self.mouse(QEvent.Type.MouseButtonPress, from_ns, shift=shift)
        self.mouse(QEvent.Type.MouseMove, x_to, shift=shift)
        self.mouse(QEvent.Type.MouseButtonRelease, to_ns, shift=shift)

    def click(self, t_ns: int, *, shift: bool = False) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, t_ns, shift=shift)
        self.mouse(QEvent.Type.MouseButtonRelease, t_ns, shift=shift)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.panel.plot.keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, key, modifiers))


@pytest.fixture
def trends(qtbot: QtBot, bench: Any, tmp_path: Path) -> Panel:
    bench.begin()
    return Panel(qtbot, bench, tmp_path)


def test_a_drag_pans_and_shift_draws_a_range_to_zoom_into(trends: Panel) -> None:
    start, end = trends.ws.timeline.view_ns()
    trends.drag(start + 100 * NS, start + 200 * NS)
    moved = trends.ws.timeline.view_ns()
    assert (start - moved[0]) / NS == pytest.approx(100, abs=2)
    assert moved[1] - moved[0] == end - start
    trends.panel.draw()
    trends.drag(moved[0] + 60 * NS, moved[0] + 120 * NS, shift=True)
    zoomed = trends.ws.timeline.view_ns()
    assert (zoomed[1] - zoomed[0]) / NS == pytest.approx(60, abs=2)
    trends.panel.back()
    assert trends.ws.timeline.view_ns()[1] - trends.ws.timeline.view_ns()[0] >= 60 * NS


def test_the_wheel_zooms_about_the_mouse_from_hours_to_milliseconds(trends: Panel) -> None:
    plot = trends.panel.plot
    at_ns = trends.end_ns - 300 * NS
    for _ in range(60):
        at = trends.at(at_ns)
        none = Qt.MouseButton.NoButton
        event = QWheelEvent(
            at, at, at.toPoint(), QPointF(0, 120).toPoint(), none, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        plot.wheelEvent(event)
    start, end = trends.ws.timeline.view_ns()
    assert end - start < NS // 100
    assert start <= at_ns <= end
    trends.panel.draw()
    axis = plot.rows.time
    ((step, ticks),) = axis.tickValues((start - plot.origin_ns) / NS, (end - plot.origin_ns) / NS, 900)
    texts = axis.tickStrings(ticks, 1, step)
    assert len(set(texts)) == len(texts) > 2  # labels that differ in their digits below a second


def test_everything_the_hand_does_can_be_done_by_keys(trends: Panel) -> None:
    start, end = trends.ws.timeline.view_ns()
    trends.key(Qt.Key.Key_Left)
    assert trends.ws.timeline.view_ns()[0] == start - (end - start) // 10
    trends.key(Qt.Key.Key_Plus)
    smaller = trends.ws.timeline.view_ns()
    assert smaller[1] - smaller[0] < end - start
    trends.key(Qt.Key.Key_Return)
    trends.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    trends.key(Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    a, b = trends.panel.plot.hand.cursors
    assert a is not None
    assert b is not None
    assert b > a
    trends.key(Qt.Key.Key_Escape)
    assert trends.panel.plot.hand.cursors == [None, None]


def test_two_cursors_tell_values_difference_and_rate(trends: Panel) -> None:
    trends.show(4, back_s=100)
    start, _ = trends.ws.timeline.view_ns()
    trends.click(start + NS)
    trends.click(start + 2 * NS, shift=True)
    trends.panel.draw()
    lines = trends.panel.legend.rows[LEVEL].cursors.text().splitlines()
    assert [line.split()[0] for line in lines] == ["A", "B", "Δ"]
    assert lines[2].endswith("m/s")
    assert "Δ 1" in trends.panel.when.text()


def test_a_strip_for_each_pen_stands_under_one_time_axis(trends: Panel) -> None:
    trends.panel.toggle_strips()
    trends.panel.draw()
    rows = trends.panel.plot.rows
    assert trends.panel.plot.unit_names == ("m", "°C")
    boxes = [unit.box.sceneBoundingRect() for unit in rows.units.values()]
    assert boxes[0].bottom() <= boxes[1].top() + 1
    assert boxes[0].left() == boxes[1].left()
    trends.panel.toggle_strips()
    trends.panel.draw()
    boxes = [unit.box.sceneBoundingRect() for unit in rows.units.values()]
    assert abs(boxes[0].center().y() - boxes[1].center().y()) < 2
    assert boxes[1].height() > 200


def test_samples_are_dots_when_near_and_none_when_far(trends: Panel) -> None:
    trends.show(600)
    assert len(trends.panel.plot._lines[LEVEL].dots.data) == 0
    trends.show(3, back_s=60)
    assert len(trends.panel.plot._lines[LEVEL].dots.data) == pytest.approx(30, abs=2)


def test_statistics_are_of_the_range_between_the_cursors(trends: Panel) -> None:
    trends.panel.toggle_numbers()
    trends.show(600)
    table = trends.panel.table
    assert (table.item(0, 0).text(), table.item(0, 10).text()) == ("T-101.level", "6 000")
    assert float(table.item(0, 4).text()) == pytest.approx(10.0 * (LEVEL + 1), abs=0.01)
    assert float(table.item(0, 5).text()) == pytest.approx(3 / np.sqrt(2), rel=0.01)
    start, _ = trends.ws.timeline.view_ns()
    trends.panel.plot.hand.cursors = [start + 10 * NS, start + 20 * NS]
    trends.panel.draw()
    trends.panel.draw()
    assert table.item(0, 10).text() == "101"
    assert table.text().splitlines()[1].startswith("T-101.level\tm\t")


def test_a_spectrum_finds_the_frequency_and_says_what_it_is_made_of(trends: Panel) -> None:
    trends.panel.choose_view("spectrum")
    trends.show(60)
    assert trends.panel.analysis.words.text().startswith("Peaks: 0.2 Hz (3")
    assert "every 100 ms, hann window" in trends.panel.analysis.words.text()


def test_histogram_and_xy_say_what_they_show(trends: Panel) -> None:
    trends.panel.choose_view("histogram")
    trends.show(60)
    assert "Time by value, of 59.9 s with a value" in trends.panel.analysis.words.text()
    trends.panel.choose_view("xy")
    trends.panel.draw()
    assert "y = 1 · x" in trends.panel.analysis.words.text()
    assert "r = 1.000" in trends.panel.analysis.words.text()


def test_the_same_pens_of_an_earlier_range_lie_over_these(trends: Panel) -> None:
    trends.panel.compare(900 * NS)
    trends.panel.draw()
    trends.panel.draw()
    assert trends.panel.plot.ghosts == (LEVEL, TEMP)
    ghosts = trends.ws.trends.ghosts(500)
    view = trends.ws.timeline.view_ns()
    assert ((ghosts[0].t_ns >= view[0]) & (ghosts[0].t_ns <= view[1])).sum() > 100
    assert "15 min earlier" in trends.panel.when.text()
    trends.panel.compare(0)
    trends.panel.draw()
    assert trends.panel.plot.ghosts == ()


def test_what_is_not_read_yet_is_hatched_and_never_looks_like_a_gap(trends: Panel) -> None:
    trends.hold = True
    trends.panel.plot.show_ns(trends.end_ns - 3500 * NS, trends.end_ns - 3000 * NS)
    trends.panel.draw()
    trends.panel.plot.grab()
    assert trends.panel.plot.marks.unread
    assert trends.panel.legend.rows[LEVEL].note.text() == "reading …"
    trends.release()
    trends.panel.draw()
    trends.panel.plot.grab()
    assert not trends.panel.plot.marks.unread


def test_in_a_replay_a_held_range_shows_where_the_cursor_stands(trends: Panel) -> None:
    at = trends.ws.timeline
    at.visit(WorldKind.REPLAY)
    at.take(replace(empty_frame("replay", WorldKind.REPLAY), t_ns=trends.end_ns - 300 * NS))
    trends.panel.plot.show_ns(trends.end_ns - 900 * NS, trends.end_ns)
    trends.panel.draw()
    assert trends.panel.plot.marks.shown_ns == trends.end_ns - 300 * NS
    picture = trends.panel.plot.grab().toImage()
    x = round(trends.panel.plot.x_of(trends.end_ns - 300 * NS))
    colour = QColor(theme.DARK.replay)
    assert any(picture.pixelColor(x + dx, picture.height() // 2) == colour for dx in (-1, 0, 1))


def test_a_pen_whose_record_is_thinned_out_says_within_what_it_is_true(trends: Panel) -> None:
    trends.ws.specs = tuple(
        replace(spec, bound=0.5, thinning="line") if spec.slot == TEMP else spec for spec in trends.ws.specs
    )
    trends.panel.draw()
    rows = trends.panel.legend.rows
    assert rows[TEMP].note.text() == "recorded within ± 0.5 °C"
    assert "within 0.5 °C of what is drawn" in rows[TEMP].name.toolTip()
    assert not rows[LEVEL].note.text()
    trends.panel.read_in("°C", "°F")
    trends.panel.draw()
    assert rows[TEMP].note.text() == "recorded within ± 0.9 °F"


def test_pens_are_read_in_another_unit_and_the_axis_says_so(trends: Panel) -> None:
    trends.panel.read_in("°C", "K")
    trends.panel.draw()
    assert trends.panel.plot.unit_names == ("m", "K")
    trends.panel.toggle_numbers()
    trends.panel.draw()
    trends.panel.draw()
    assert trends.panel.table.item(1, 1).text() == "K"
    assert float(trends.panel.table.item(1, 4).text()) == pytest.approx(10.0 * (TEMP + 1) + 273.15, abs=0.1)


def test_a_set_of_pens_is_kept_and_applied_again(trends: Panel) -> None:
    trends.panel.toggle_strips()
    trends.panel.doer.keep_set(False, True, "tank and pump")
    trends.ws.timeline.clear()
    trends.panel.toggle_strips()
    trends.panel.apply_set(trends.book.sets[0])
    assert trends.ws.timeline.slots == (LEVEL, TEMP)
    assert trends.panel.plot.strips
    menu = QMenu()
    trends.panel._menu(menu)
    texts = [action.text() for action in menu.actions()]
    assert {"Compare with", "Sets of pens", "Notes", "Copy table", "Save picture …"} <= set(texts)


def test_a_note_stands_over_the_lines(trends: Panel) -> None:
    before = image(trends)
    trends.panel.doer.keep_note(trends.end_ns - 300 * NS, 0, "Strainer cleaned")
    trends.panel.draw()
    assert [note.who for note in trends.panel.plot.marks.notes] == ["anna"]
    assert image(trends) != before


def image(trends: Panel) -> QImage:
    return trends.panel.plot.grab().toImage()


def test_a_copied_table_is_for_spreadsheets_and_a_picture_has_the_ribbon_of_a_replay(trends: Panel) -> None:
    trends.show(10)
    trends.panel.copy_table()
    data = QGuiApplication.clipboard().mimeData()
    rows = list(csv.reader(io.StringIO(bytes(data.data("text/csv").data()).decode())))
    assert rows[0] == ["time", "T-101.level", "T-101.level.q", "P-101.bearing.temp", "P-101.bearing.temp.q"]
    assert rows[1] == ["#unit", "m", "", "°C", ""]
    assert len(rows) == 3 + 101 - 1
    assert "\t" in data.text().splitlines()[0]
    live = trends.panel.doer.picture()
    trends.ws.mirror.kind = WorldKind.REPLAY
    replay = trends.panel.doer.picture()
    assert replay.height() > live.height()
    assert replay.toImage().pixelColor(replay.width() - 30, 12).name() == theme.DARK.replay.lower()


def test_a_narrow_dock_puts_the_pens_below_and_keeps_all_in_the_menu(trends: Panel, qtbot: QtBot) -> None:
    trends.panel.resize(360, 500)
    qtbot.waitUntil(lambda: trends.panel.split.orientation() == Qt.Orientation.Vertical, timeout=20_000)
    assert not trends.panel.bar.view.isVisible()
    assert trends.panel.bar.more.isVisible()


def test_what_came_late_is_underlined_and_says_when_it_came(trends: Panel) -> None:
    before = image(trends)
    trends.is_late = True
    trends.show(600, back_s=700)
    trends.panel.draw()
    (late,) = trends.panel.plot.marks.late
    start, end = trends.ws.timeline.view_ns()
    assert start < late.from_ns < late.to_ns < end
    assert late.added_ns == late.from_ns + 900 * NS
    foot = trends.panel.plot.rows.area().bottom() - 2
    middle = round(trends.panel.plot.x_of((late.from_ns + late.to_ns) // 2))
    assert image(trends).pixelColor(middle, round(foot)).name() == theme.DARK.focus.lower()
    assert before.pixelColor(middle, round(foot)).name() != theme.DARK.focus.lower()


class Looks:
    """A view in which one part fills the picture."""

    def __init__(self, prim: int) -> None:
        self.prim, self.turned = prim, 0

    def pick(self, _x: int, _y: int) -> int:
        return self.prim

    def orbit(self, _x: float, _y: float) -> None:
        self.turned += 1


@pytest.mark.parametrize("control", [True, False])
def test_a_part_is_dragged_out_of_the_scene_into_the_trends_with_ctrl(trends: Panel, control: bool) -> None:
    ws = trends.ws
    prim = next(i for i, path in enumerate(ws.scene.prim_path) if path == "/Plant/Water/T102")
    trends.ws.timeline.clear()
    looks, canvas = Looks(prim), QWidget()
    pointer = Pointer(canvas, ws, cast("View", looks), [], lambda: None, lambda _prims: None)
    pointer.take_out = lambda prims: trends.panel.add(trends.panel.dropped(parts_data(ws, prims)))
    keys = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, at, button in (
        (QEvent.Type.MouseButtonPress, QPointF(10, 10), left),
        (QEvent.Type.MouseMove, QPointF(60, 10), none),
    ):
        event = QMouseEvent(kind, at, at, button, left, keys)
        (pointer.press if kind == QEvent.Type.MouseButtonPress else pointer.move)(event)
    brought = [ws.specs[slot].name for slot in ws.timeline.slots]
    assert all(name.startswith("T-102.") for name in brought)
    assert bool(brought) == control
    assert looks.turned == (0 if control else 1)
    canvas.deleteLater()


def test_what_cannot_be_kept_is_a_card_on_the_desk(desk: DeskWindow, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file, no folder")
    desk.workspace.trends.book.begin(tmp_path / "plant", tmp_path / "kept")
    desk.trends.doer.tried(lambda: desk.trends.doer.keep_note(1, 0, "Strainer cleaned"))
    assert any("could not be saved" in card.notice.what for card in desk.cards.cards)


def test_a_note_has_a_flag_on_the_time_bar_too(desk: DeskWindow, bench: Any) -> None:
    strip = desk.bars.timebar.strip
    before = strip.grab().toImage()
    desk.trends.doer.keep_note(bench.clock.now_ns() - 1200 * NS, 0, "Strainer cleaned")
    assert strip.grab().toImage() != before


def test_a_low_dock_shows_either_lines_or_statistics_and_no_strips_that_tell_nothing(
    trends: Panel, qtbot: QtBot
) -> None:
    trends.panel.toggle_strips()
    trends.panel.draw()
    assert trends.panel.plot.has_strips
    trends.panel.add(range(len(trends.ws.specs)))
    trends.panel.resize(700, 260)
    qtbot.waitUntil(lambda: trends.panel.height() < 300, timeout=20_000)
    assert trends.panel.plot.height() < 34 * len(trends.ws.timeline.slots)
    trends.panel.draw()
    assert not trends.panel.plot.has_strips
    assert "no room for strips" in trends.panel.when.text()
    trends.panel.toggle_numbers()
    assert not trends.panel.split.isVisible()
    assert trends.panel.table.isVisible()
    trends.panel.toggle_numbers()
    assert trends.panel.split.isVisible()
