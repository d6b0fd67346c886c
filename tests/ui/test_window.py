"""The window: docks, commands, themes, messages, dropping files, names for screen readers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from armillary.model.fault import SceneFault
from armillary.model.scene import SceneProblem
from armillary.session.actions import ACTIONS, action
from armillary.session.settings import Settings
from armillary.ui.menus import ICONS, TOOLBAR
from armillary.ui.placards import empty_texts
from armillary.ui.window import DeskWindow

T101, BEARING = 2, 8
ENDS = ("desk.quit", "project.close")


def picture(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def is_blank(shown: np.ndarray) -> bool:
    colours, count = np.unique((shown // 16).reshape(-1, 3), axis=0, return_counts=True)
    return bool(count.max() / count.sum() > 0.98 or len(colours) < 30)


def widgets_without_name(root: QWidget) -> list[str]:
    """The interactive widgets below `root` that a screen reader could not name."""
    out = []
    for widget in root.findChildren(QWidget):
        is_interactive = widget.focusPolicy() != Qt.FocusPolicy.NoFocus or isinstance(widget, QToolButton)
        text = getattr(widget, "text", None)
        if is_interactive and not (widget.accessibleName() or (text() if callable(text) else "")):
            out.append(f"{type(widget).__name__} {widget.objectName()}")
    return out


# ---------------------------------------------------------------- docks


# docks of Train and Author only
ELSEWHERE = {"bindings", "exercise", "instructor", "browse", "drift", "model"}


def test_a_closed_dock_can_be_shown_again(desk: DeskWindow) -> None:
    for name in desk.docks.names:
        desk.docks.hide(name)
        assert not desk.docks.is_open(name)
        desk.show_panel(name)
        assert desk.docks.is_open(name)


def test_reset_brings_every_dock_back(desk: DeskWindow) -> None:
    for name in desk.docks.names:
        desk.docks.hide(name)
    desk.docks.show("links")
    desk.docks.float_out("links")
    assert desk.docks.is_floating("links")
    desk.reset_layout()
    assert {n for n in desk.docks.names if not desk.docks.is_open(n)} <= ELSEWHERE
    assert desk.docks.is_open("links")
    assert not desk.docks.is_floating("links")


def test_the_arrangement_of_docks_is_remembered(
    make_window: Callable[[], DeskWindow], settings: Settings
) -> None:
    first = make_window()
    first.docks.hide("events")
    first.close()
    assert settings.window("docks")
    second = make_window()
    assert not second.docks.is_open("events")
    assert second.docks.is_open("tree")


def test_a_dock_is_given_height_in_areas_that_were_arranged_anew(
    make_window: Callable[[], DeskWindow],
) -> None:
    window = make_window()
    window.docks.reset()  # the areas of before are gone
    QApplication.processEvents()
    window.docks.show("whatif")
    area = window.docks._docks["whatif"].dockAreaWidget()
    before = area.height()
    window.docks.give_height("whatif", before + 60)
    QApplication.processEvents()
    assert area.height() >= before + 50
    window.docks.float_out("whatif")
    window.docks.give_height("whatif", 5000)  # nothing to take it from
    window.docks.reset()


def test_a_broken_arrangement_is_ignored(make_window: Callable[[], DeskWindow], settings: Settings) -> None:
    settings.save_window("docks", b"not an arrangement")
    window = make_window()
    assert all(window.docks.is_open(name) for name in window.docks.names if name not in ELSEWHERE)


# ---------------------------------------------------------------- commands


def test_menus_hold_every_command_that_names_a_menu(desk: DeskWindow) -> None:
    for entry in ACTIONS:
        shown = desk.menus.actions[entry.id]
        assert shown.text() == entry.title
        assert shown.shortcut().toString() == entry.shortcut
        assert not entry.menu or shown in desk.menus.menu(entry.menu).actions()


def test_every_button_of_the_toolbar_is_a_command_with_a_drawing(desk: DeskWindow) -> None:
    for name in filter(None, TOOLBAR):
        assert name in desk.menus.actions
        assert name in ICONS
        assert not desk.menus.actions[name].icon().isNull()


def test_a_command_that_may_not_run_says_why_in_its_tooltip(make_window: Callable[[], DeskWindow]) -> None:
    window = make_window()
    window.menus.refresh()
    shown = window.menus.actions["view.frame"]
    assert not shown.isEnabled()
    assert "No scene is shown." in shown.toolTip()


def test_every_command_runs_on_the_desk(desk: DeskWindow, qtbot: QtBot) -> None:
    raised = {}
    for entry in ACTIONS:  # one after another on one window: a window of its own for each costs a minute
        if entry.id in {"desk.quit", "project.close"}:
            continue
        desk.workspace.select((T101,))
        desk.menus.refresh()
        with qtbot.captureExceptions() as caught:
            desk.menus.run(entry)
            for dialog in QApplication.topLevelWidgets():
                if dialog.inherits("QFileDialog"):
                    dialog.close()
            QApplication.processEvents()
        if caught:
            raised[entry.id] = caught
    assert raised == {}


def test_the_palette_finds_a_command_and_runs_it(desk: DeskWindow, qtbot: QtBot) -> None:
    before = desk.colours.name
    desk.menus.run(action("desk.palette"))
    assert desk.commands.isVisible()
    qtbot.keyClicks(desk.commands.field, "dark or light")
    qtbot.waitUntil(
        lambda: bool(desk.commands.model.entries) and desk.commands.model.entries[0].key == "desk.theme"
    )
    qtbot.keyClick(desk.commands.field, Qt.Key.Key_Return)
    assert desk.colours.name != before
    assert not desk.commands.isVisible()


def test_the_palette_finds_parts_and_tags(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.show_palette()
    desk.commands.field.setText("t101")
    desk.commands.search()
    row = [e.key for e in desk.commands.model.entries].index("/Plant/Water/T101")
    for _ in range(row):
        qtbot.keyClick(desk.commands.field, Qt.Key.Key_Down)
    qtbot.keyClick(desk.commands.field, Qt.Key.Key_Return)
    assert desk.workspace.selection == (T101,)
    desk.show_palette()
    desk.commands.field.setText("bearing.temp")
    desk.commands.search()
    assert desk.commands.model.entries[0].key == "P-101.bearing.temp"
    qtbot.keyClick(desk.commands.field, Qt.Key.Key_Return)
    assert desk.workspace.selection == (BEARING,)
    assert desk.tags.chosen() == (4,)


def test_escape_closes_the_palette_and_runs_nothing(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.show_palette()
    qtbot.keyClick(desk.commands.field, Qt.Key.Key_Escape)
    assert not desk.commands.isVisible()
    assert desk.workspace.selection == ()


def test_typing_a_letter_in_a_search_field_is_text_not_a_command(desk: DeskWindow, qtbot: QtBot) -> None:
    desk.workspace.select((T101,))
    desk.tree.search.setFocus()
    qtbot.keyClicks(desk.tree.search, "tig")
    assert desk.tree.search.text() == "tig"
    assert desk.workspace.timeline.slots == ()
    assert desk.workspace.isolated == ()


# ---------------------------------------------------------------- pictures


def test_changing_the_theme_changes_pixels_and_is_remembered(desk: DeskWindow, settings: Settings) -> None:
    desk.canvas.draw_now()
    dark = picture(desk)
    desk.toggle_theme()
    desk.canvas.draw_now()
    light = picture(desk)
    assert light.mean() > dark.mean() + 100
    assert settings.theme == "light"
    corner = picture(desk.canvas)[4, 4].astype(int)
    assert np.abs(corner - [0xE6, 0xE8, 0xEA]).max() <= 3  # the ground of the light theme


def test_the_saved_picture_holds_the_viewport_too(desk: DeskWindow, tmp_path: Path) -> None:
    file = tmp_path / "desk.png"
    desk.files.save_picture(file)
    image = QImage(str(file))
    assert image.width() == desk.width()
    at = desk.canvas.mapTo(desk, desk.canvas.rect().topLeft())
    x, y, _ = desk.canvas.view.project(T101)
    seen = image.pixelColor(int(x) + at.x(), int(y) + at.y())
    assert seen.blue() > seen.red() + 20  # level 2.41 of 4 m on the map «level»


def test_a_picture_that_cannot_be_written_becomes_a_card(desk: DeskWindow) -> None:
    desk.files.tried(lambda: desk.files.save_picture(Path("/no/such/folder/x.png")))
    assert [card.notice.where for card in desk.cards.cards] == ["/no/such/folder/x.png"]


def test_nothing_is_rendered_while_nothing_changes(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: desk.canvas.view.settled, timeout=20_000)
    before = desk.canvas.frames
    for _ in range(5):
        bench.send()  # the same values again
        qtbot.wait(40)
    assert desk.canvas.frames == before
    bench.send(values={0: 0.5})
    qtbot.waitUntil(lambda: desk.canvas.frames > before, timeout=20_000)


def test_a_bound_part_takes_the_colour_of_its_value(desk: DeskWindow, bench: Any) -> None:
    seen = []
    for level in (0.2, 3.8):
        bench.send(values={0: level})
        desk.canvas.draw_now()
        x, y, _ = desk.canvas.view.project(T101)
        seen.append(picture(desk.canvas)[int(y), int(x)].astype(int))
    assert seen[1].sum() > seen[0].sum() + 60


def test_the_window_is_not_blank(desk: DeskWindow) -> None:
    desk.canvas.draw_now()
    assert not is_blank(picture(desk))


# ---------------------------------------------------------------- opening


def drop(desk: DeskWindow, path: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(desk.rect().center(), action, data, button, key)
    enter.ignore()
    QApplication.sendEvent(desk, enter)
    if enter.isAccepted():
        QApplication.sendEvent(desk, QDropEvent(QPointF(desk.rect().center()), action, data, button, key))
    return enter.isAccepted()


@pytest.fixture
def opened(bench: Any) -> list[str]:
    """What the workspace was asked to open; an unknown suffix is a fault."""
    out: list[str] = []

    def take(path: str, progress: object = None) -> None:
        if path.endswith(".txt"):
            raise SceneFault("This is no scene.", where=path, remedy="Open a .usd file or a project folder.")
        out.append(path)

    bench.workspace.open = take
    return out


def test_a_scene_dropped_on_the_window_is_opened(desk: DeskWindow, opened: list[str], tmp_path: Path) -> None:
    scene = tmp_path / "plant.usda"
    scene.write_text("#usda 1.0\n")
    assert drop(desk, scene)
    assert opened == [str(scene)]


def test_a_project_file_opens_its_folder(desk: DeskWindow, opened: list[str], tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text("")
    desk.files.open(str(tmp_path / "project.toml"))
    assert opened == [str(tmp_path)]


def test_a_file_that_is_no_scene_becomes_a_card_and_not_a_dialog(
    desk: DeskWindow, opened: list[str], tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_text("")
    assert drop(desk, tmp_path / "x.txt")
    assert opened == []
    (card,) = desk.cards.cards
    assert card.what.text() == "This is no scene."
    assert card.remedy.text() == "Open a .usd file or a project folder."
    assert QApplication.activeModalWidget() is None


def test_the_same_fault_again_is_counted_not_repeated(desk: DeskWindow) -> None:
    for _ in range(3):
        desk.fault(SceneFault("This is no scene.", where="x", remedy="Open another."))
    (card,) = desk.cards.cards
    assert card.times.text() == "3 times"


def test_a_problem_of_the_scene_is_a_card_until_it_is_dismissed(desk: DeskWindow) -> None:
    wrong = SceneProblem(code="S00", severity="error", where="a.usda", what="It broke.", remedy="Mend it.")
    desk.workspace.problems = (wrong,)
    desk.workspace.problems_changed.emit()
    (card,) = desk.cards.cards
    card.close_button.click()
    assert desk.cards.cards == []
    desk.workspace.problems_changed.emit()
    assert desk.cards.cards == []
    assert desk.status.problems.text() == "1 problem"
    assert desk.events.tabs.tabText(1) == "Problems (1)"


# ---------------------------------------------------------------- the rest


def test_closing_asks_nothing_and_closes_the_workspace(
    make_window: Callable[[], DeskWindow], bench: Any
) -> None:
    window = make_window()
    closed: list[bool] = []
    bench.workspace.close = lambda: closed.append(True)
    window.close()
    assert closed == [True]
    assert not window.isVisible()


def test_no_interactive_widget_is_without_a_name(desk: DeskWindow) -> None:
    desk.trend((0, 4))
    desk.workspace.select((T101,))
    desk.inspector.open_write(1)
    desk.fault(SceneFault("x", where="y", remedy="z"))
    desk.docks.float_out("links")
    desk.toggle_theme()
    desk.trends.draw()
    assert widgets_without_name(desk) == []


def test_buttons_are_large_enough_to_hit(desk: DeskWindow) -> None:
    for panel in (desk.tree, desk.inspector, desk.trends, desk.links, desk.events, desk.menus.toolbar):
        for button in panel.findChildren(QAbstractButton):
            if button.isVisible() and not button.parent().inherits("QLineEdit"):
                assert min(button.width(), button.height()) >= 24, button.accessibleName()


def test_void_calls_of_qt_keep_the_count_of_none() -> None:
    """PySide6 6.12.0 on Python 3.11 lost one reference of None a call and aborted within seconds."""
    thing = QObject()
    action = QAction()
    before = sys.getrefcount(None), sys.getrefcount(True), sys.getrefcount(False)
    for _ in range(2000):
        thing.setObjectName("x")
        action.setEnabled(True)
        action.isEnabled()
        action.isCheckable()
    after = sys.getrefcount(None), sys.getrefcount(True), sys.getrefcount(False)
    assert all(abs(a - b) < 50 for a, b in zip(after, before, strict=True))


def test_the_viewport_says_why_it_is_empty(make_window: Callable[[], DeskWindow], bench: Any) -> None:
    make_window()
    assert empty_texts(bench.workspace) == (
        "No scene.",
        "Open a project or a USD file with Ctrl+O, or drop one here.",
    )
    bench.live(True)
    assert empty_texts(bench.workspace)[0] == "No scene. Telemetry runs."
    bench.workspace.progress = ("Reading the scene", 0.25)
    assert empty_texts(bench.workspace) == ("Reading the scene", "25%")
