"""Working in the picture: section, measures, walking, exploding and kept views, as a person does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from armillary.model.fault import Fault
from armillary.session.actions import action
from armillary.ui.scene_tools import sized
from armillary.ui.window import DeskWindow

T101, MOTOR = 2, 7
LEFT = Qt.MouseButton.LeftButton


def run(desk: DeskWindow, *names: str) -> None:
    for name in names:
        assert not action(name).why_not(desk.workspace), name
        action(name).run(desk)
    desk.canvas.draw_now()


def click(qtbot: QtBot, desk: DeskWindow, prim: int) -> None:
    x, y, _ = desk.canvas.view.project(prim)
    qtbot.mouseClick(desk.canvas, LEFT, pos=QPoint(round(x), round(y)))


def test_the_arrow_of_the_section_is_dragged_and_moves_the_plane(desk: DeskWindow, qtbot: QtBot) -> None:
    run(desk, "view.front", "view.section", "view.section-turn")
    section = desk.canvas.view.section
    assert section is not None
    held = desk.tools.section.handle()
    assert held is not None
    pose = desk.canvas.view.pose
    start = QPoint(*(round(float(v)) for v in held[0]))
    qtbot.mousePress(desk.canvas, LEFT, pos=start)
    qtbot.mouseMove(desk.canvas, start + QPoint(0, -40))
    qtbot.mouseRelease(desk.canvas, LEFT, pos=start + QPoint(0, -40))
    after = desk.canvas.view.section
    assert after is not None
    assert after.point != section.point
    assert after.normal == section.normal
    assert desk.canvas.view.pose == pose
    run(desk, "view.section-flip")
    flipped = desk.canvas.view.section
    assert flipped is not None
    assert np.allclose(flipped.normal, -np.array(after.normal))
    run(desk, "view.section-clear")
    assert desk.canvas.view.section is None


def test_two_clicks_measure_and_escape_gives_the_mouse_back(desk: DeskWindow, qtbot: QtBot) -> None:
    run(desk, "view.front", "view.measure-distance")
    click(qtbot, desk, T101)
    click(qtbot, desk, MOTOR)
    assert desk.workspace.selection == ()
    measured = desk.tools.measure.done
    assert len(measured) == 1
    assert np.isfinite(measured[0].points).all()
    assert measured[0].text
    qtbot.keyClick(desk.canvas, Qt.Key.Key_Escape)
    assert desk.tools.measure.kind == ""
    click(qtbot, desk, T101)
    assert desk.workspace.selection == (T101,)
    run(desk, "view.measure-clear")
    assert desk.tools.measure.done == []


def test_an_area_is_closed_by_enter_and_a_point_taken_back(desk: DeskWindow, qtbot: QtBot) -> None:
    run(desk, "view.front", "view.measure-area")
    for prim in (T101, 3, MOTOR, 4):
        click(qtbot, desk, prim)
    qtbot.keyClick(desk.canvas, Qt.Key.Key_Backspace)
    qtbot.keyClick(desk.canvas, Qt.Key.Key_Return)
    assert [len(m.points) for m in desk.tools.measure.done] == [3]


def test_walking_keeps_the_height_and_flying_goes_where_one_looks(desk: DeskWindow, qtbot: QtBot) -> None:
    for name, keeps in (("view.walk", True), ("view.fly", False)):
        run(desk, "view.iso", name)
        before = desk.canvas.view.pose.position
        qtbot.keyPress(desk.canvas, Qt.Key.Key_W)
        desk.clock.advance(50_000_000)
        qtbot.keyRelease(desk.canvas, Qt.Key.Key_W)
        after = desk.canvas.view.pose.position
        assert np.linalg.norm(np.subtract(after, before)) > 0.01
        assert (abs(after[2] - before[2]) < 1e-9) is keeps
        desk.workspace.select(())
        click(qtbot, desk, T101)
        assert desk.workspace.selection == (T101,)
        qtbot.keyClick(desk.canvas, Qt.Key.Key_Escape)
        assert desk.tools.walk.mode == ""


def test_the_slider_moves_parts_out_and_done_puts_them_back(desk: DeskWindow) -> None:
    run(desk, "view.explode")
    rest = desk.canvas.view.project(T101)[:2]
    desk.tools.explode.slider.setValue(500)
    desk.canvas.draw_now()
    assert np.linalg.norm(np.subtract(desk.canvas.view.project(T101)[:2], rest)) > 5
    desk.tools.explode.done.click()
    assert np.allclose(desk.canvas.view.project(T101)[:2], rest)
    assert not desk.tools.explode.isVisible()


def test_a_kept_view_is_gone_to_with_its_section_and_projection(desk: DeskWindow) -> None:
    run(desk, "view.iso", "view.parallel", "view.section")
    pose, cut = desk.canvas.view.pose, desk.canvas.view.section
    desk.tools.keep("Tanks, cut open")
    run(desk, "view.section-clear", "view.parallel", "view.top")
    run(desk, "view.next-kept")
    assert desk.canvas.view.pose == pose
    assert desk.canvas.view.section == cut
    menu = desk.menus.menu("View/Kept views")
    menu.aboutToShow.emit()
    assert "Tanks, cut open" in [a.text() for a in menu.actions()]
    run(desk, "view.top", "view.update-kept", "view.delete-kept")
    assert desk.workspace.views.listed() == ()
    assert action("view.delete-kept").why_not(desk.workspace)


def test_all_parts_that_fit_a_word_are_selected_and_outlined_at_once(desk: DeskWindow) -> None:
    found = desk.finder.find("cylinder")
    all_of_them = next(entry for entry in found if entry.kind == "parts")
    assert "all 3" in all_of_them.text
    before = desk.canvas.view.render(rest=True).copy()
    desk.finder.take(all_of_them)
    assert desk.workspace.selection == (2, 3, 8)
    assert (desk.canvas.view.render(rest=True) != before).any()
    assert not [entry for entry in desk.finder.find("bearing") if entry.kind == "parts"]


def test_parts_are_found_by_type_tag_and_name_together(desk: DeskWindow) -> None:
    def select(text: str) -> tuple[int, ...]:
        entry = desk.finder.find(text)[0]
        assert entry.kind == "query"
        desk.finder.take(entry)
        return desk.workspace.selection

    paths = desk.workspace.scene.prim_path if desk.workspace.scene is not None else ()
    assert select("type:cylinder") == (2, 3, 8)
    name = paths[2].rpartition("/")[2]
    assert select(f"type:cylinder name:{name}") == (2,)
    tag = desk.workspace.specs[0].name
    shown = select(f"tag:{tag}")
    assert shown
    assert desk.workspace.prim_of_tag(0) in shown
    assert desk.finder.find("type:nothing") == []


def test_kept_views_are_found_in_the_palette(desk: DeskWindow) -> None:
    desk.tools.keep("Tank from the left")
    desk.view("top")
    entry = next(e for e in desk.finder.find("left tank") if e.kind == "view")
    kept = desk.workspace.views.named("Tank from the left")
    desk.finder.take(entry)
    assert kept is not None
    assert desk.canvas.view.pose.position == pytest.approx(kept.position)


def test_a_scene_that_changed_on_disk_is_offered_and_not_read_by_itself(
    desk: DeskWindow, tmp_path: Path
) -> None:
    entry = tmp_path / "plant.usda"
    entry.write_text("a")
    files = desk.workspace.scene_files
    files.opened((str(entry),))
    assert desk.scene_changed_card.isHidden()
    entry.write_text("other")
    files.look(desk.clock.now_mono_ns() + 10**10)
    assert not desk.scene_changed_card.isHidden()
    assert "plant.usda" in desk.scene_changed_card.text.text()
    files.reloading()
    assert desk.scene_changed_card.isHidden()


def test_a_picture_of_the_scene_has_the_size_that_was_asked_for(desk: DeskWindow, tmp_path: Path) -> None:
    shown, path = desk.canvas.view.size, tmp_path / "large.png"
    desk.tools.save_picture(path, *sized("1000 × 400"))
    assert QImage(str(path)).size().toTuple() == (1000, 400)
    assert desk.canvas.view.size == shown
    for text in ("", "12", "1000x", "99999x10", "16000x16000"):
        with pytest.raises(Fault, match="no size"):
            sized(text)
    with pytest.raises(Fault, match="could not be written"):
        desk.tools.save_picture(tmp_path / "nowhere" / "x.png", 100, 100)


def test_a_view_of_another_role_is_not_replaced_by_an_operator(desk: DeskWindow) -> None:
    desk.workspace.role = "engineer"
    desk.tools.keep("Cabinet")
    desk.workspace.role = "operator"
    with pytest.raises(Fault, match="not replaced"):
        desk.tools.keep("Cabinet")
    assert "engineer" in action("view.update-kept").why_not(desk.workspace)


def test_a_film_of_the_scene_turning_ends_where_it_began_and_can_be_stopped(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    table, pose = desk.tools.turntable, desk.canvas.view.pose
    film = tmp_path / "turn.gif"
    table.start(film, 4)
    qtbot.waitUntil(lambda: not table.is_running, timeout=20_000)
    with Image.open(film) as made:
        assert getattr(made, "n_frames", 1) == 4
    assert desk.canvas.view.pose == pose
    table.start(tmp_path / "stopped.ogv", 500)
    qtbot.waitUntil(lambda: desk.canvas.view.pose != pose, timeout=20_000)
    action("view.turntable").run(desk)
    assert not table.is_running
    assert desk.canvas.view.pose == pose
    assert [p.name for p in tmp_path.iterdir() if "stopped" in p.name] == []
    table.start(tmp_path / "turn.avi")
    assert any("no name of a film" in card.notice.what for card in desk.cards.cards)
