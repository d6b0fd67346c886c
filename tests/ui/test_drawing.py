"""Switches of drawing in the menu: they reach the picture and are there again at the next start."""

from __future__ import annotations

from typing import Any

from pytestqt.qtbot import QtBot

from armillary.session.actions import ACTIONS
from armillary.session.settings import Settings
from armillary.ui.window import DeskWindow


def run(desk: DeskWindow, name: str) -> None:
    next(a for a in ACTIONS if a.id == name).run(desk)


def test_edges_are_switched_and_remembered(desk: DeskWindow) -> None:
    picture = desk.canvas.view.drawing
    assert picture == ("rest", False, "auto")
    run(desk, "view.edges")
    assert desk.canvas.view.drawing == ("rest", True, "auto")
    assert desk.settings.get("draw-edges") == "on"
    run(desk, "view.edges")
    assert desk.canvas.view.drawing == ("rest", False, "auto")
    assert desk.settings.get("draw-edges") == "off"


def test_smooth_edges_and_darker_corners_are_chosen_and_remembered(desk: DeskWindow) -> None:
    run(desk, "view.smooth-always")
    run(desk, "view.occlusion-off")
    assert desk.canvas.view.drawing == ("always", False, "off")
    assert [desk.settings.get(f"draw-{name}") for name in ("smooth", "occlusion")] == ["always", "off"]


def test_a_new_window_draws_as_was_set_before(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    run(desk, "view.edges")
    run(desk, "view.smooth-off")
    another = DeskWindow(bench.workspace, bench.clock, Settings(desk.settings.path))
    qtbot.addWidget(another)
    assert another.canvas.view.drawing == ("off", True, "auto")
    another.toggle("edges")
    assert not another.canvas.view.drawing[1], "the switch knows how it stands"
    another.shut_down()
