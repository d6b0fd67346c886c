"""Time bar, top bar, ribbon and sheets, by real clicks and keys; what is asked of worlds is caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from armillary.model.account import LoggedIn, Login
from armillary.model.clock import NS
from armillary.model.control import Cursor, Kill, Loop, Play, Step
from armillary.model.fault import FaultRecord
from armillary.model.frame import RunState, WorldKind
from armillary.model.message import AskDensity, Density
from armillary.project import folder as projects
from armillary.session.actions import action
from armillary.session.boarding import Boarding
from armillary.session.side import Side
from armillary.session.workspace import WorldState
from armillary.ui.login import LoginSheet, ReasonSheet
from armillary.ui.panels.timestrip import tick_step_ns
from armillary.ui.theme import THEMES
from armillary.ui.window import DeskWindow

PROJECT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a77"
name = "Plant"
"""


class Asked:
    """What a desk asked of its worlds, with the callbacks."""

    def __init__(self, desk: DeskWindow, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[tuple[object, Any]] = []
        self.times: list[int] = []
        at = desk.workspace

        def ask(peer: str, message: object, callback: Any, timeout_s: float = 10.0) -> None:
            self.all.append((message, callback))

        monkeypatch.setattr(at, "_ask", ask)
        monkeypatch.setattr(at, "ask_home", lambda message, callback, _limit=0.0: ask("", message, callback))
        monkeypatch.setattr(at, "seek", self.times.append)

    def of(self, kind: type) -> list[Any]:
        return [message for message, _ in self.all if isinstance(message, kind)]


@pytest.fixture
def asked(desk: DeskWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot) -> Asked:
    (tmp_path / "project.toml").write_text(PROJECT)
    at = desk.workspace
    at._plan = Boarding(
        title="Plant",
        path=tmp_path,
        project=projects.read(tmp_path),
        address="",
        recorder="",
        starts_world=True,
    )
    caught = Asked(desk, monkeypatch)
    at.project_changed.emit()
    desk.bars.timebar.refresh()
    qtbot.waitUntil(desk.bars.timebar.isVisible)
    return caught


def go_away(desk: DeskWindow, bench: Any, kind: WorldKind = WorldKind.REPLAY, about: str = "") -> None:
    """Show another world, as if a visit had brought it."""
    at = desk.workspace
    at._home = Side(at.specs)
    at._home.world_state = WorldState.LIVE
    at._home.mirror.t_ns, at._home.mirror.frames = bench.clock.now_ns(), 1
    at.mirror.kind, at.mirror.run = kind, RunState.PAUSED
    at.mirror.t_ns = bench.clock.now_ns() - 250 * NS
    at.cursor, at.about = Cursor(), about
    at.visited.emit()
    at.world_changed.emit()
    desk.menus.refresh()


def pixels(image: QImage) -> np.ndarray:
    whole = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(whole.constBits(), np.uint8).reshape(whole.height(), whole.bytesPerLine())
    return rows[:, : 3 * whole.width()].reshape(whole.height(), whole.width(), 3)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    ("kind", "colour"),
    [(WorldKind.REPLAY, "replay"), (WorldKind.WHATIF, "whatif"), (WorldKind.TRAINING, "training")],
)
def test_a_saved_picture_carries_ribbon_and_frames(
    desk: DeskWindow, bench: Any, asked: Asked, tmp_path: Path, theme: str, kind: WorldKind, colour: str
) -> None:
    desk.set_theme(theme)
    go_away(desk, bench, kind)
    QApplication.processEvents()
    desk.files.save_picture(tmp_path / "kept.png")
    seen = pixels(QImage(str(tmp_path / "kept.png")))
    mode = QColor(str(getattr(THEMES[theme], colour)))
    same = (np.abs(seen.astype(int) - [mode.red(), mode.green(), mode.blue()]).max(axis=2)) < 12
    ribbon = desk.mode.ribbon
    corner = ribbon.mapTo(desk, QPoint(0, 0))
    strip = same[corner.y() : corner.y() + 28, corner.x() : corner.x() + ribbon.width()]
    assert ribbon.height() == 28
    assert strip.mean() > 0.8, "the ribbon is filled with the colour of the mode, words apart"
    edge = desk.mode.mapTo(desk, QPoint(0, desk.mode.height() // 2))
    left = same[desk.mode.y() + 40 : desk.mode.y() + desk.mode.height() - 40, 0:4]
    assert left.mean() > 0.5, "the window is framed"
    assert edge.x() == 0
    canvas = desk.canvas.mapTo(desk, QPoint(0, 0))
    band = same[canvas.y() + 8 : canvas.y() + desk.canvas.height() - 8, canvas.x() : canvas.x() + 4]
    assert band.mean() > 0.4, "and so is the viewport"
    assert desk.windowTitle().startswith(kind.value)


def test_live_has_no_mark_anywhere(desk: DeskWindow, bench: Any, asked: Asked) -> None:
    go_away(desk, bench)
    at = desk.workspace
    at._home, at.mirror.kind = None, WorldKind.LIVE
    at.visited.emit()
    at.world_changed.emit()
    assert not desk.mode.ribbon.isVisible()
    assert not desk.bars.edge.isVisible()
    assert desk.windowTitle() == "Plant – Armillary"


def test_a_dock_outside_the_window_carries_the_ribbon_too(desk: DeskWindow, bench: Any, asked: Asked) -> None:
    desk.docks.float_out("tags")
    go_away(desk, bench, WorldKind.WHATIF, "'Pump B off' · forked 14:03 · not the plant")
    inside, outside = desk.docks._ribboned["tree"], desk.docks._ribboned["tags"]
    assert outside.ribbon.isVisible()
    assert outside.ribbon.text().startswith("WHAT-IF 'Pump B off' · forked 14:03 · not the plant")
    assert not inside.ribbon.isVisible()


def test_a_click_on_the_bar_asks_for_that_time(desk: DeskWindow, asked: Asked, qtbot: QtBot) -> None:
    strip, bar = desk.bars.timebar.strip, desk.workspace.timebar
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 2, 20))
    assert len(asked.times) == 1
    assert abs(bar.share_of(asked.times[0]) - 0.5) < 0.01
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, QPoint(300, 20))
    qtbot.mouseMove(strip, QPoint(400, 20))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, QPoint(400, 20))
    assert len(asked.times) == 1, "with Shift the range moves, not the cursor"
    assert not bar.following


def test_alarms_and_gaps_are_drawn_where_they_were(desk: DeskWindow, asked: Asked) -> None:
    at, strip = desk.workspace, desk.bars.timebar.strip
    at.timebar.show(at.home_ns() - 7200 * NS, at.home_ns() - 3600 * NS)
    question, callback = next((m, c) for m, c in reversed(asked.all) if isinstance(m, AskDensity))
    n = question.width
    worst, gap = np.zeros(n, np.uint8), np.zeros(n, np.bool_)
    worst[n // 4], gap[n // 2 :] = 1, True
    start, end = at.timebar.view_ns()
    callback(Density(from_ns=start, to_ns=end, worst=worst, gap=gap))
    at.timebar.density = Density(from_ns=start, to_ns=end, worst=worst, gap=gap)
    seen = pixels(strip.grab().toImage())[8]
    red = (seen[:, 0] > 200) & (seen[:, 1] < 90)
    assert abs(np.flatnonzero(red).mean() / strip.width() - 0.25) < 0.02
    row = pixels(strip.grab().toImage())[4:19, strip.width() // 2 + 20 : strip.width() - 20]
    assert len(np.unique(row.reshape(-1, 3), axis=0)) > 1, "gaps are hatched"


def test_space_plays_and_brackets_change_the_speed_in_the_past_only(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot
) -> None:
    assert not desk.menus.actions["time.play"].isEnabled()
    go_away(desk, bench)
    desk.menus.actions["time.faster"].trigger()
    desk.menus.actions["time.play"].trigger()
    desk.menus.actions["time.backwards"].trigger()
    desk.menus.actions["time.next"].trigger()
    assert asked.of(Play) == [Play(speed=2.0), Play(speed=-2.0)]
    assert asked.of(Step) == [Step(by="alarm", count=1)]
    assert desk.bars.timebar.live.text() == "Live · 4 min 10 s ago"


def test_a_time_is_typed_and_a_mistake_is_a_card(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot
) -> None:
    entry = desk.bars.timebar.entry
    desk.menus.actions["time.enter"].trigger()
    qtbot.keyClicks(entry, "-10min")
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    assert asked.times == [desk.workspace.home_ns() - 600 * NS]
    qtbot.keyClicks(entry, "soon")
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    assert len(asked.times) == 1
    assert entry.text() == "soon"


def test_the_past_has_no_command_button(desk: DeskWindow, bench: Any, asked: Asked) -> None:
    at = desk.workspace
    prim = at.prim_named("/Plant/Water/T101")
    assert prim is not None
    at.select([prim])

    def buttons() -> list[str]:
        found = desk.inspector.findChildren(QPushButton)
        return [w.text() for w in found if "Write " in w.text()]

    assert buttons() == ["Write T-101.setpoint…"]
    go_away(desk, bench)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert buttons() == []
    assert at.orders.why_not(1) == "A REPLAY world takes no commands."
    at.world_changed.emit()  # as when what is shown was compiled anew
    said = [w for w in desk.inspector.findChildren(QLabel) if w.text() == at.orders.why_not(1)]
    assert said[-1].isVisibleTo(desk.inspector), "before the loop turns"


def test_who_is_here_is_always_seen_and_a_password_is_kept_nowhere(
    desk: DeskWindow, asked: Asked, qtbot: QtBot
) -> None:
    at = desk.workspace
    at.people.accounts = True
    assert "local" in desk.bars.topbar.user.text()
    desk.menus.refresh()
    desk.menus.actions["user.log-in"].trigger()
    sheet = desk.findChild(LoginSheet)
    assert sheet is not None
    qtbot.keyClicks(sheet.user, "ravi")
    qtbot.keyClicks(sheet.password, "long enough it is")
    sheet.go.click()
    message, callback = asked.all[-1]
    assert isinstance(message, Login)
    assert "long" not in repr(message)
    assert sheet.password.text() == ""
    callback(
        FaultRecord(kind="OrderFault", what="Name or password are wrong.", where="", remedy="Try again.")
    )
    assert sheet.why.text() == "Name or password are wrong. Try again."
    qtbot.keyClicks(sheet.password, "long enough it is")
    sheet.go.click()
    asked.all[-1][1](LoggedIn(user="ravi", name="Ravi", role="engineer", accounts=True))
    desk.bars.topbar.refresh()
    assert desk.bars.topbar.user.text() == "Ravi · engineer"


def test_a_key_goes_back_to_live_also_after_a_sheet_was_closed(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[int] = []
    monkeypatch.setattr(desk.workspace, "go_live", lambda: went.append(1))
    desk.workspace.people.accounts = True
    desk.activateWindow()
    go_away(desk, bench)
    qtbot.keyClick(desk, Qt.Key.Key_L)
    assert went == [1]
    for close in (LoginSheet.accept, LoginSheet.reject, LoginSheet.close):
        desk.menus.actions["user.log-in"].trigger()
        sheet = desk.findChild(LoginSheet)
        assert sheet is not None
        qtbot.waitUntil(sheet.isActiveWindow)
        close(sheet)
        qtbot.waitUntil(lambda: not desk.findChildren(LoginSheet))
        qtbot.keyClick(desk, Qt.Key.Key_L)
    assert went == [1, 1, 1, 1]


def test_commands_are_stopped_at_once_and_released_with_a_reason(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot
) -> None:
    at, bar = desk.workspace, desk.bars.topbar
    bar.refresh()
    qtbot.mouseClick(bar.kill, Qt.MouseButton.LeftButton)
    assert asked.of(Kill) == [Kill(stop=True, reason="")]
    at.role = "engineer"
    bench.send(stopped="Commands stopped by anna at 14:03.")
    assert desk.mode.stopped.isVisible()
    bar.refresh()
    assert bar.kill.text() == "Release commands…"
    qtbot.mouseClick(bar.kill, Qt.MouseButton.LeftButton)
    sheet = desk.findChild(ReasonSheet)
    assert sheet is not None
    assert not sheet.go.isEnabled()
    qtbot.keyClicks(sheet.reason, "valve checked")
    sheet.go.click()
    assert asked.of(Kill)[-1] == Kill(stop=False, reason="valve checked")


def test_a_lost_world_is_said_with_a_button(desk: DeskWindow, bench: Any, asked: Asked) -> None:
    from armillary.session.visiting import Lost

    at = desk.workspace
    at.lost = Lost(WorldKind.REPLAY, 5, "", "It was ended by SIGKILL.", "log", True)
    at.world_changed.emit()
    assert desk.mode.lost.isVisible()
    assert "SIGKILL" in desk.mode.lost.reason.text()
    assert desk.mode.lost.button.isVisible()


def test_workspaces_keep_their_own_arrangement(desk: DeskWindow, asked: Asked) -> None:
    desk.menus.actions["layout.author"].trigger()
    desk.docks.hide("events")
    desk.menus.actions["layout.operate"].trigger()
    assert desk.docks.is_open("events")
    desk.menus.actions["layout.author"].trigger()
    assert not desk.docks.is_open("events")
    assert desk.bars.topbar.tabs.currentIndex() == 1


def test_labels_of_the_time_bar_have_room_at_any_range() -> None:
    for span_s in (2, 60, 3600, 86_400, 30 * 86_400, 3650 * 86_400):
        labels = span_s * NS / tick_step_ns(span_s * NS, 900)
        assert labels <= 10.01


def test_all_keys_differ() -> None:
    from armillary.session.actions import ACTIONS

    keys = [a.shortcut for a in ACTIONS if a.shortcut]
    assert len(keys) == len(set(keys))


def answer_density(asked: Asked, desk: DeskWindow) -> None:
    """Answer what the bar asked: an alarm, an error, a gap and late data, each at a tenth of the range."""
    bar = desk.workspace.timebar
    worst, event = np.zeros(100, np.uint8), np.zeros(100, np.uint8)
    gap, late = np.zeros(100, np.bool_), np.zeros(100, np.bool_)
    worst[10:20], event[30:40], gap[50:60], late[70:80] = 1, 3, True, True
    bar.show(bar._now_ns() - 7200 * NS, bar._now_ns() - 3600 * NS)
    while questions := [pair for pair in asked.all if isinstance(pair[0], AskDensity)]:
        asked.all.clear()
        for ask, callback in questions:
            span = {"from_ns": ask.from_ns, "to_ns": ask.to_ns}
            callback(Density(**span, worst=worst, gap=gap, event=event, late=late))


def test_events_and_late_data_are_drawn_below_the_alarms_and_told_by_the_tooltip(
    desk: DeskWindow, asked: Asked
) -> None:
    answer_density(asked, desk)
    strip, colours = desk.bars.timebar.strip, THEMES["dark"]
    seen = pixels(strip.grab().toImage())

    def colour_at(share: float, y: int) -> str:
        return QColor(*(int(c) for c in seen[y, int(share * strip.width())])).name()

    assert colour_at(0.15, 8) == QColor(colours.priority1).name()
    assert colour_at(0.35, 18) == QColor(colours.text).name()
    assert colour_at(0.75, 21) == QColor(colours.focus).name()
    assert colour_at(0.45, 18) == QColor(colours.field).name()
    words = [strip._words_at(share * strip.width(), 0) for share in (0.15, 0.35, 0.55, 0.75)]
    for text, wanted in zip(words, ("priority 1", "error", "not everything", "filled in later"), strict=True):
        assert wanted in text


def test_a_range_is_marked_with_ctrl_kept_by_name_and_repeated(
    desk: DeskWindow, bench: Any, asked: Asked, qtbot: QtBot
) -> None:
    at, strip = desk.workspace, desk.bars.timebar.strip
    assert "No range is marked" in action("range.keep").why_not(at)
    control, left = Qt.KeyboardModifier.ControlModifier, Qt.MouseButton.LeftButton
    width = strip.width()
    qtbot.mousePress(strip, left, control, QPoint(width // 4, 20))
    qtbot.mouseMove(strip, QPoint(width // 2, 20))
    strip.mouseMoveEvent(
        QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(width // 2, 20),
            QPointF(width // 2, 20),
            Qt.MouseButton.NoButton,
            left,
            control,
        )
    )
    qtbot.mouseRelease(strip, left, control, QPoint(width // 2, 20))
    marked = at.timebar.marked
    assert marked is not None
    assert [round(at.timebar.share_of(t), 2) for t in marked] == [0.25, 0.5]
    assert asked.times == [], "marking shows no other time"
    desk.name_range()
    assert desk.range.sheet is not None
    desk.range.sheet.reason.setText("Pump trip")
    desk.range.sheet.go.click()
    assert [m.title for m in at.timebar.bookmarks.ranges] == ["Pump trip"]
    texts = [entry.text() for entry in strip.menu().actions()]
    assert any(text.startswith("Pump trip") for text in texts)
    assert action("range.loop").why_not(at), "live repeats nothing"
    go_away(desk, bench)
    action("range.loop").run(desk)
    assert asked.of(Loop) == [Loop(from_ns=marked[0], to_ns=marked[1])]
    assert asked.of(Play)


def test_steps_by_change_ask_for_the_tags_of_the_selected_part_only(
    desk: DeskWindow, bench: Any, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_away(desk, bench)
    at = desk.workspace
    action("time.change").run(desk)
    monkeypatch.setattr(at, "tags_of_selection", lambda: (1, 0))
    action("time.change-back").run(desk)
    action("time.event").run(desk)
    names = (at.specs[1].name, at.specs[0].name)
    assert asked.of(Step) == [
        Step(by="change", count=1),
        Step(by="change", count=-1, tags=names),
        Step(by="event", count=1),
    ]
