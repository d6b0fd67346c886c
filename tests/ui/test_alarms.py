"""Alarms on the desk: bar, list, tree and picture say the same, and a key acknowledges what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from armillary.model.alarm import AlarmAct, AlarmActed, AlarmEvent, AlarmSpec, AlarmState, Hiding
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS
from armillary.session.actions import action
from armillary.session.boarding import WorldState
from armillary.ui.panels.alarms import SINCE, TEXT, VALUE
from armillary.ui.shelf import OTHER, ShelfSheet
from armillary.ui.tree_model import ALARM
from armillary.ui.window import DeskWindow

T101, BEARING, PLANT, WATER = 2, 8, 0, 1
RED = np.array([0xFF, 0x32, 0x58])
SPECS = (
    AlarmSpec(
        id="full",
        slot=0,
        tag="T-101.level",
        limit=3.5,
        priority=2,
        title="Raw water tank is nearly full",
        consequence="The yard floods.",
        operator_action="Start the second pump.",
    ),
    AlarmSpec(id="hot", slot=4, tag="P-101.bearing.temp", limit=85.0, priority=1, title="Bearing is hot"),
    AlarmSpec(id="dose", slot=9, tag="skid.dose", limit=20.0, priority=4),
)


class World:
    """The world's side: sends states, keeps what it was asked."""

    def __init__(self, desk: DeskWindow, bench: Any) -> None:
        self.desk, self.bench = desk, bench
        self.acts: list[tuple[object, Callable[[object], None]]] = []
        book = desk.workspace.alarms
        book._ask = lambda message, callback, _limit: self.acts.append((message, callback))
        book.welcome(SPECS)
        book.place(desk.workspace.scene)

    def says(self, **states: State) -> None:
        now = self.bench.clock.now_ns()
        self.bench.send(
            alarms=tuple(
                AlarmState(
                    id=name, process=process, occurrence=f"{name}-1", raised_ns=now - 12 * NS, value=3.6
                )
                for name, process in states.items()
            )
        )


@pytest.fixture
def world(desk: DeskWindow, bench: Any) -> World:
    """A world with three alarms that the desk shows."""
    return World(desk, bench)


def pixels(desk: DeskWindow) -> np.ndarray:
    desk.canvas.draw_now()
    image = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def reds(desk: DeskWindow) -> int:
    return int((np.abs(pixels(desk) - RED).max(axis=2) < 12).sum())


def open_list(desk: DeskWindow) -> None:
    desk.show_panel("alarms")
    desk.alarms.refresh()


def test_the_bar_says_what_needs_a_person_most_and_how_many_there_are(desk: DeskWindow, world: World) -> None:
    assert desk.alarmbar.isVisible()
    assert desk.alarmbar.newest.text() == "No active alarms."
    world.says(full=State.UNACK, hot=State.ACKED, dose=State.UNACK)
    assert desk.alarmbar.newest.text().startswith("Raw water tank is nearly full")
    assert desk.alarmbar.age.text() == "12 s"
    assert [chip.text() for chip in desk.alarmbar.chips.values()] == ["1", "1", "0", "1"]
    assert desk.alarmbar.waiting.text() == "2 not acknowledged"


def test_a_bare_scene_is_not_called_a_silent_world(desk: DeskWindow, world: World) -> None:
    desk.workspace._set_world(WorldState.NONE, "No world: this is a scene without telemetry.")
    desk.workspace.world_changed.emit()
    open_list(desk)
    said = "No alarms: a bare scene has no telemetry."
    assert desk.alarmbar.newest.text() == said
    assert desk.alarms.empty.text == said


def test_a_silent_world_is_not_called_free_of_alarms(desk: DeskWindow, world: World, bench: Any) -> None:
    bench.live(False, "Not live: silent")
    assert "not being evaluated" in desk.alarmbar.newest.text()
    open_list(desk)
    assert "not being evaluated" in desk.alarms.empty.text


def test_a_raised_alarm_outlines_its_part_and_puts_a_badge_there(desk: DeskWindow, world: World) -> None:
    before = reds(desk)
    world.says(hot=State.UNACK)
    assert reds(desk) > before + 100
    x, y, _ = desk.canvas.view.project(BEARING)
    badge = desk.canvas.view.badge_at(x, y)
    assert badge is not None
    assert badge.priority == 1
    world.says(hot=State.NORM)
    assert reds(desk) == before


def test_a_hidden_branch_carries_the_badge_of_what_is_inside(desk: DeskWindow, world: World) -> None:
    world.says(hot=State.UNACK)
    desk.workspace.toggle_visible(6)  # the pump that the bearing belongs to
    desk.canvas.draw_now()
    assert [badge.prims for badge in desk.canvas.view.placed] == [(6,)]


def test_parents_in_the_tree_carry_worst_and_count(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    world.says(full=State.UNACK, hot=State.ACKED)
    model = desk.tree.model
    tip = Qt.ItemDataRole.ToolTipRole
    qtbot.waitUntil(lambda: model.data(model.index_of(PLANT, ALARM)) == "2", timeout=20_000)
    assert model.data(model.index_of(PLANT, ALARM), tip) == "2 alarms, worst that waits: priority 2"
    assert model.data(model.index_of(BEARING, ALARM), tip) == "1 alarm, all acknowledged"
    assert model.data(model.index_of(T101 + 2, ALARM), tip) is None


def test_what_holds_a_hidden_alarm_has_a_dot_in_tree_and_picture(
    desk: DeskWindow, world: World, qtbot: QtBot
) -> None:
    world.says(full=State.UNACK)
    hides = Hiding(until_ns=desk.workspace.mirror.t_ns + NS, shelved_ns=1, shelf_reason="chattering")
    world.bench.send(alarms=(AlarmState(id="hot", process=State.UNACK, occurrence="hot-1", hiding=hides),))
    model = desk.tree.model
    tip, icon = Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.DecorationRole
    pump = 6
    qtbot.waitUntil(lambda: model.data(model.index_of(pump, ALARM), tip) == "1 hidden inside", timeout=20_000)
    assert not model.data(model.index_of(pump, ALARM), icon).isNull()
    said = "1 alarm, worst that waits: priority 2 · 1 hidden inside"
    assert model.data(model.index_of(PLANT, ALARM), tip) == said
    desk.canvas.draw_now()
    assert [(s.prim, s.sign) for s in desk.canvas.view.signed] == [(pump, "hidden")]
    world.says(hot=State.NORM)
    desk.canvas.draw_now()
    assert desk.canvas.view.signed == ()


def test_a_acknowledges_the_chosen_rows_and_only_those(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    world.says(full=State.UNACK, hot=State.UNACK)
    open_list(desk)
    view = desk.alarms.view
    view.selectRow(0)
    assert "not acknowledged" in desk.alarms.detail.text()
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert [message for message, _ in world.acts] == [AlarmAct(action="ack", occurrences=("hot-1",))]
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert world.acts[1][0] == AlarmAct(action="ack", occurrences=("hot-1", "full-1"))
    world.acts[1][1](AlarmActed(results=("", "That occurrence is over; a newer one is active")))
    assert "That occurrence is over" in desk.status.currentMessage()


def test_s_shelves_the_chosen_row_with_why_and_how_long(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    world.says(full=State.UNACK)
    open_list(desk)
    desk.alarms.view.selectRow(0)
    qtbot.keyClick(desk.alarms.view, Qt.Key.Key_S)
    sheet = desk.findChild(ShelfSheet)
    assert sheet is not None
    assert [sheet.time.itemText(i) for i in range(sheet.time.count())] == [  # 8 h are too long for priority 2
        "15 minutes",
        "1 hour",
        "4 hours",
        "until it is normal again",
    ]
    sheet.reason.setCurrentText(OTHER)
    sheet.words.setText("short")
    assert not sheet.go.isEnabled()
    sheet.words.setText("the yard is being paved")
    sheet.go.click()
    assert [message for message, _ in world.acts] == [
        AlarmAct(action="shelve", occurrences=("full",), comment="the yard is being paved", duration_s=3600.0)
    ]


def test_what_is_hidden_is_counted_in_the_bar_and_comes_back_with_s(
    desk: DeskWindow, world: World, qtbot: QtBot
) -> None:
    world.says(full=State.UNACK, hot=State.UNACK)
    before = reds(desk)
    hides = Hiding(until_ns=desk.workspace.mirror.t_ns + NS, shelved_ns=1, shelf_reason="chattering")
    world.bench.send(
        alarms=(AlarmState(id="hot", process=State.UNACK, occurrence="hot-1", hiding=hides),),
    )
    assert reds(desk) < before  # neither outline nor badge
    assert desk.alarmbar.hidden.text() == "Shelved 1"
    assert [chip.text() for chip in desk.alarmbar.chips.values()] == ["0", "1", "0", "0"]
    desk.alarmbar.hidden.click()
    desk.alarms.refresh()
    assert [row.id for row in desk.alarms.model.rows] == ["hot"]
    desk.alarms.view.selectRow(0)
    assert desk.alarms.shelve.text() == "Bring back"
    qtbot.keyClick(desk.alarms.view, Qt.Key.Key_S)
    assert [message for message, _ in world.acts] == [AlarmAct(action="unshelve", occurrences=("hot",))]


def test_a_viewer_is_told_why_nothing_is_acknowledged(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    desk.workspace.role = "viewer"
    world.says(hot=State.UNACK)
    open_list(desk)
    desk.alarms.view.selectRow(0)
    qtbot.keyClick(desk.alarms.view, Qt.Key.Key_A)
    assert world.acts == []
    assert "viewer" in desk.status.currentMessage()
    assert not desk.alarms.acknowledge.isEnabled()


def test_enter_goes_to_the_part_and_n_to_the_next_that_waits(
    desk: DeskWindow, world: World, qtbot: QtBot
) -> None:
    world.says(full=State.UNACK, hot=State.UNACK)
    open_list(desk)
    pose = desk.canvas.view.pose
    desk.alarms.view.selectRow(0)
    qtbot.keyClick(desk.alarms.view, Qt.Key.Key_Return)
    assert desk.workspace.selection == (BEARING,)
    assert desk.canvas.view.pose != pose
    assert 4 in desk.workspace.timeline.slots
    action("alarm.next").run(desk)
    assert desk.workspace.selection == (T101,)
    assert [row.id for row in desk.alarms.chosen()] == ["full"]


def test_a_click_on_a_badge_selects_its_part(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    world.says(full=State.UNACK)
    desk.canvas.draw_now()
    x, y, _ = desk.canvas.view.project(T101)
    qtbot.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert desk.workspace.selection == (T101,)


def test_a_click_on_an_arrow_flies_to_what_is_outside_in_time(
    desk: DeskWindow, world: World, qtbot: QtBot
) -> None:
    canvas, clock = desk.canvas, world.bench.clock
    canvas.frame_ms = 16.0  # pictures are made in time
    canvas.view.focus((T101,))
    world.says(hot=State.UNACK)
    canvas.draw_now()
    (arrow,) = canvas.view.placed
    assert arrow.direction is not None
    assert canvas.accessibleDescription().startswith("1 outside, lower right. ")
    start = canvas.view.pose
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(arrow.x), round(arrow.y)))
    assert desk.workspace.selection == (BEARING,)
    assert canvas.flight.is_flying
    clock.advance(0.3)
    target = canvas.view.framing((BEARING,))
    qtbot.waitUntil(lambda: canvas.view.pose.focus[0] - start.focus[0] > 1.0, timeout=20_000)
    assert canvas.view.pose.focus != target.focus  # on its way
    clock.advance(0.4)
    qtbot.waitUntil(lambda: not canvas.flight.is_flying, timeout=20_000)
    assert canvas.view.pose.position == pytest.approx(target.position)
    canvas.draw_now()
    assert [badge.direction for badge in canvas.view.placed] == [None]


def test_who_moves_the_eye_ends_its_flight_and_without_motion_it_jumps(
    desk: DeskWindow, world: World, qtbot: QtBot
) -> None:
    canvas = desk.canvas
    canvas.frame_ms = 16.0
    canvas.flight.to_prims((BEARING,))
    canvas.view.orbit(30, 0)
    pose = canvas.view.pose
    world.bench.clock.advance(1.0)
    qtbot.waitUntil(lambda: not canvas.flight.is_flying, timeout=20_000)
    assert canvas.view.pose == pose
    action("desk.reduce-motion").run(desk)
    canvas.flight.to_prims((T101,))
    assert not canvas.flight.is_flying
    assert canvas.view.pose.position == pytest.approx(canvas.view.framing((T101,)).position)


def test_a_callout_says_what_it_is_its_value_now_and_the_limit(desk: DeskWindow, world: World) -> None:
    world.says(full=State.UNACK, hot=State.ACKED)
    desk.canvas.draw_now()
    said = desk.canvas.accessibleDescription()
    assert said.startswith("1 alarm waits in view; Raw water tank is nearly full, priority 2. ")
    (told,) = desk.canvas.view.told
    assert (told.callout.title, told.callout.text) == (
        "Raw water tank is nearly full",
        "2.41 m · above 3.5 m",
    )
    world.bench.send(values={0: 3.72})
    desk.canvas._signs._second()
    desk.canvas.draw_now()
    assert [t.callout.text for t in desk.canvas.view.told] == ["3.72 m · above 3.5 m"]
    world.says(full=State.RTNUN)
    desk.canvas.draw_now()
    assert [t.callout.text for t in desk.canvas.view.told] == ["2.41 m, normal again"]
    action("view.callouts").run(desk)
    desk.canvas.draw_now()
    assert desk.canvas.view.told == ()


def test_one_key_leaves_only_what_is_not_normal(desk: DeskWindow, world: World, qtbot: QtBot) -> None:
    def seen(prim: int) -> np.ndarray:
        shown = pixels(desk)
        x, y, _ = desk.canvas.view.project(prim)
        corner = desk.canvas.devicePixelRatioF()
        return shown[round(y / corner) + 14, round(x / corner)]

    desk.canvas.view.standard("front")
    world.says(full=State.UNACK)
    tank, other = seen(T101), seen(T101 + 1)
    desk.canvas.setFocus()
    qtbot.keyClick(desk.canvas, Qt.Key.Key_U)
    assert desk.workspace.ghost_normal
    assert "1 alarm" in desk.status.currentMessage()
    ground = np.array([0x1B, 0x1F, 0x24])
    assert np.abs(seen(T101) - tank).max() <= 2
    assert np.abs(seen(T101 + 1) - other).max() > 25
    assert np.abs(seen(T101 + 1) - ground).max() < 60
    world.says(full=State.NORM, hot=State.ACKED)  # what becomes normal goes faint by itself
    assert np.abs(seen(T101) - tank).max() > 25
    assert action("view.show-all").why_not(desk.workspace) == ""
    action("view.show-all").run(desk)
    assert np.abs(seen(T101) - tank).max() <= 2


def test_a_change_touches_only_its_row(desk: DeskWindow, world: World) -> None:
    world.says(full=State.UNACK, hot=State.UNACK, dose=State.UNACK)
    open_list(desk)
    touched: list[tuple[int, int]] = []
    resets: list[int] = []
    model = desk.alarms.model
    model.dataChanged.connect(lambda a, b: touched.append((a.row(), b.row())))
    model.modelReset.connect(lambda: resets.append(1))
    world.says(dose=State.LUNAK)
    desk.alarms.refresh()
    assert touched == [(2, 2)]
    assert resets == []


def test_rows_say_value_and_age(desk: DeskWindow, world: World) -> None:
    world.says(full=State.UNACK)
    open_list(desk)
    model = desk.alarms.model
    assert [model.data(model.index(0, c)) for c in (TEXT, VALUE, SINCE)] == [
        "Raw water tank is nearly full",
        "3.6 m",
        "12 s",
    ]


def test_the_journal_lists_what_happened_newest_first(desk: DeskWindow, world: World, bench: Any) -> None:
    now = bench.clock.now_ns()
    bench.send(
        alarm_events=tuple(
            AlarmEvent(
                id="hot",
                occurrence="hot-1",
                event=name,
                before=State.NORM,
                after=State.UNACK,
                t_ns=now,
                priority=1,
                text=text,
            )
            for name, text in (("RAISE", "Bearing is hot: 86 °C."), ("ACK", "Acknowledged by anna."))
        )
    )
    open_list(desk)
    desk.alarms.show_journal()
    journal = desk.alarms.journal
    assert [journal.index(row, 2).data() for row in range(journal.rowCount())] == [
        "Acknowledged by anna.",
        "Bearing is hot: 86 °C.",
    ]


def test_silence_stops_the_sound_of_what_is_there_and_acknowledges_nothing(
    desk: DeskWindow, world: World
) -> None:
    beeps: list[int] = []
    desk.alarmbar.beep = lambda: beeps.append(1)
    world.says(dose=State.UNACK)
    assert beeps == []  # a low one makes no sound
    world.says(full=State.UNACK)
    assert len(beeps) == 1
    action("alarm.silence").run(desk)
    assert not desk.alarmbar.silence_button.isEnabled()
    world.says(full=State.UNACK)
    assert len(beeps) == 1
    world.says(hot=State.UNACK)
    assert len(beeps) == 2
    assert world.acts == []


def test_the_filter_keeps_what_waits(desk: DeskWindow, world: World) -> None:
    world.says(full=State.ACKED, hot=State.UNACK)
    open_list(desk)
    desk.alarms.filter.setCurrentIndex(1)
    assert [row.id for row in desk.alarms.model.rows] == ["hot"]
