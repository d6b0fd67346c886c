"""The picture while the eye moves: coarse where the whole takes too long, whole at rest."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.ui.window import DeskWindow


def believed_slow(desk: DeskWindow) -> None:
    stage = desk.canvas.view.stage
    assert stage is not None
    stage.pace.full_ms, stage.pace.budget = 1_000.0, 60_000


def frames_of(desk: DeskWindow) -> list[bool]:
    """Return a list that gets, for each picture from now on, whether it was coarse."""
    seen: list[bool] = []
    before = desk.canvas.on_frame

    def drawn() -> None:
        seen.append(desk.canvas.view.is_coarse)
        before()

    desk.canvas.on_frame = drawn
    return seen


def test_a_slow_scene_is_coarse_while_the_eye_moves_and_whole_once_it_rests(
    desk: DeskWindow, qtbot: QtBot
) -> None:
    view = desk.canvas.view
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    believed_slow(desk)
    seen = frames_of(desk)
    view.orbit(20, 0)
    desk.canvas.touch()
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)
    assert seen[0]
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    assert not seen[-1]


def test_values_that_change_while_the_eye_is_still_leave_the_detail(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: desk.canvas.view.settled, timeout=5000)
    bench.clock.advance(0.4)  # longer than a turn lasts
    believed_slow(desk)
    seen = frames_of(desk)
    bench.send(values={0: 0.5})
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)
    assert not any(seen)


def test_a_turn_is_served_before_a_picture_in_steps_is_finished(desk: DeskWindow, qtbot: QtBot) -> None:
    canvas, view = desk.canvas, desk.canvas.view
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    believed_slow(desk)
    view.set_options(grid=False)  # another picture is due, and nothing turned
    canvas.touch()
    qtbot.waitUntil(lambda: view.is_drawing, timeout=5000)
    seen = frames_of(desk)
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert not view.is_drawing, "the picture was given up"
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)
    assert seen[0], "the turn was drawn, coarsely"
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    assert not seen[-1]


def test_values_that_keep_coming_do_not_keep_a_picture_from_being_finished(
    desk: DeskWindow, bench: Any, qtbot: QtBot
) -> None:
    view = desk.canvas.view
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    bench.clock.advance(0.4)
    believed_slow(desk)
    seen = frames_of(desk)
    for k in range(3):
        bench.send(values={0: 0.1 + 0.2 * k})
        qtbot.waitUntil(lambda: view.is_drawing or bool(seen), timeout=5000)
        bench.send(values={0: 0.2 + 0.2 * k})
        qtbot.waitUntil(lambda k=k: len(seen) > k, timeout=5000)
    qtbot.waitUntil(lambda: view.settled, timeout=5000)


def test_the_picture_at_rest_of_a_fast_scene_gives_way_too(desk: DeskWindow, qtbot: QtBot) -> None:
    canvas, view = desk.canvas, desk.canvas.view
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
    assert view.stage is not None
    if not view._picture.is_software:
        pytest.skip("a graphics card smooths edges in no time")
    view.stage.pace.full_ms = 40.0  # fast enough for a turn, but not with smooth edges on top
    assert not view.takes_long()
    assert view.takes_long(rest=True)
    view.orbit(5, 0)
    canvas.touch()
    qtbot.waitUntil(lambda: view.is_drawing, timeout=5000)
    before = canvas.frames
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert not view.is_drawing
    qtbot.waitUntil(lambda: canvas.frames > before, timeout=5000)
    qtbot.waitUntil(lambda: view.settled, timeout=5000)
