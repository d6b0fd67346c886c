"""What is bound is painted, what was bound is found again, and problems are mended, as engineers do it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.likeness import likeness, text_of
from armillary.model.message import Done, SaveBindings
from armillary.project import coverage
from armillary.project.folder import new
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.session.covering import COLOURS
from armillary.ui.window import DeskWindow


class Saved:
    """A scene child that writes everything."""

    def __init__(self) -> None:
        self.messages: list[SaveBindings] = []

    def save(self, message: SaveBindings, done) -> None:
        self.messages.append(message)
        done(Done())


def author(desk: DeskWindow, tmp_path: Path) -> Saved:
    """Let an engineer author the plant of the test; jobs beside the desk run at once."""
    ws, saved = desk.workspace, Saved()
    ws.role = "engineer"
    ws._plan = replace(boarding(str(new(tmp_path / "plant", "plant").folder)), starts_world=False)
    ws.save_bindings = saved.save  # type: ignore[method-assign]
    ws.refinding._work = lambda job, done: done(job())
    return saved


def run(desk: DeskWindow, name: str) -> None:
    assert not action(name).why_not(desk.workspace), action(name).why_not(desk.workspace)
    action(name).run(desk)


def test_the_scene_is_painted_by_what_is_bound_and_unbound_parts_are_gone_through(desk: DeskWindow) -> None:
    ws = desk.workspace
    before = ws.showing.look.rgba.copy()
    run(desk, "view.coverage")
    desk.workspace._resolve(0)
    desk.canvas.draw_now()
    assert ws.covering.is_on
    look, drawn = ws.showing.look, np.flatnonzero(ws.scene.drawable)
    bound = {COLOURS[coverage.BOUND], COLOURS[coverage.SEVERAL]}
    shown = {tuple(map(int, look.rgba[i, :3])) for i in drawn}
    assert COLOURS[coverage.UNBOUND] in shown
    assert shown & bound
    assert [legend.title for legend in ws.legends] == ["Parts"]
    run(desk, "view.coverage")
    desk.workspace._resolve(0)
    assert np.array_equal(ws.showing.look.rgba, before)
    seen = []
    for _ in range(3):
        run(desk, "edit.next-unbound")
        seen.append(ws.selection)
    assert len(set(seen)) == 3
    assert all(ws.scene.drawable[prims[0]] for prims in seen)


def renamed(desk: DeskWindow) -> str:
    """Let a bound part have another path, as after a new export; return its old one."""
    ws = desk.workspace
    scene = ws.scene
    parts = likeness(scene)
    bindings = tuple(replace(b, part=text_of(parts, scene.prim_path.index(b.prim))) for b in ws.bindings)
    old = bindings[0].prim
    paths = tuple(p.replace(old, "/Anew/Part") if p == old else p for p in scene.prim_path)
    ws.showing.scenery = replace(ws.showing.scenery, scene=replace(scene, prim_path=paths), bindings=bindings)
    ws.scene_changed.emit()
    return old


def test_a_part_that_has_another_name_is_found_again_and_its_binding_goes_there(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    saved, ws = author(desk, tmp_path), desk.workspace
    old = renamed(desk)
    run(desk, "edit.find-again")
    card = desk.refind_card
    assert card.isVisible()
    lines = [card.list.item(i).text() for i in range(card.list.count())]
    assert any(old in line and "/Anew/Part" in line for line in lines), lines
    card.list.setCurrentRow(lines.index(next(line for line in lines if "/Anew/Part" in line)))
    assert ws.scene.prim_path[ws.selection[-1]] == "/Anew/Part"
    assert "shape and place" in card.why.text()
    place, ring = desk.refind_marks.place(), desk.refind_marks.ring()
    assert place is not None
    assert ring is not None
    assert place.contains(ring[0]), "it stands where it stood"
    assert card.why.height() >= card.why.heightForWidth(card.why.width())
    row = card.list.currentRow()
    card.list.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not card.accept.isEnabled()
    ws.select((0,))
    qtbot.mouseClick(card.use, Qt.MouseButton.LeftButton)
    assert ws.refinding.lines[row].to == ws.scene.prim_path[0]
    ws.select((ws.scene.prim_path.index("/Anew/Part"),))
    qtbot.mouseClick(card.use, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(card.accept, Qt.MouseButton.LeftButton)
    assert [b.prim for b in saved.messages[0].bindings if b.prim == "/Anew/Part"]
    assert (old, ws.bindings[0].name) in saved.messages[0].remove or old not in {b.prim for b in ws.bindings}
    assert ws.undo.undoes.startswith("Find ")
    assert not card.isVisible()
    assert not desk.refind_marks.isVisible()


def test_a_part_that_moved_is_seen_with_where_it_was(desk: DeskWindow, tmp_path: Path) -> None:
    author(desk, tmp_path)
    renamed(desk)
    run(desk, "edit.find-again")
    finding = desk.workspace.refinding
    desk.canvas.flight.still = True
    match = finding.lines[0].match
    assert match.was is not None
    x, y, z = match.was
    prim = desk.workspace.scene.prim_path.index(match.new)
    desk.refind_marks.show_match(replace(match, was=(x + 8.0, y, z), moved_m=8.0), prim)
    place, ring = desk.refind_marks.place(), desk.refind_marks.ring()
    assert place is not None
    assert ring is not None
    assert desk.canvas.rect().contains(place.center().toPoint())
    assert desk.canvas.rect().contains(ring[0].toPoint())
    assert not place.contains(ring[0])


def test_problems_are_mended_from_their_list_as_one_step_of_undo(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    saved, ws = author(desk, tmp_path), desk.workspace
    twice = replace(ws.bindings[0], name="later", enabled=True)
    ws.rebind((*ws.bindings, twice))
    panel = desk.events
    panel.tabs.setCurrentIndex(1)
    desk.show_panel("events")
    assert panel.mend.isVisibleTo(panel), [p.code for p in ws.problems]
    qtbot.mouseClick(panel.mend, Qt.MouseButton.LeftButton)
    assert [b.enabled for b in saved.messages[0].bindings] == [False]
    assert ws.undo.undoes == "Mend 1 problem"
    assert not panel.mend.isVisibleTo(panel)
