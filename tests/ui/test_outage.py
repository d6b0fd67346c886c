"""What a window shows while live data are away, while history waits, and after an end that was none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from armillary.model.frame import Kept, WorldKind
from armillary.session.feed import WORLD
from armillary.session.settings import Settings
from armillary.session.workspace import WorldState
from armillary.ui.window import DeskWindow


def test_the_bar_of_a_killed_world_counts_until_it_is_back_over_the_whole_width(
    desk: DeskWindow, bench: Any
) -> None:
    ws = desk.workspace
    ws._stopped(ws, bench.clock.now_mono_ns())
    ws._restarts.died(WORLD, bench.clock.now_mono_ns())
    bench.live(False, "Not live: The process world.live was ended by SIGKILL.")
    assert desk.mode.reason.text() == "NOT LIVE · Live data stopped 1 s ago. Restarting…"
    assert desk.mode.banner.width() == desk.mode.width()
    bench.clock.advance(3.0)
    ws._set_world(WorldState.CONNECTING, "Starting the world of the plant anew …")
    ws.frame_arrived.emit(np.zeros(0, np.uint32))
    assert desk.mode.reason.text() == "NOT LIVE · Live data stopped 3 s ago. Restarting…"
    if folder := os.environ.get("ARMILLARY_PICTURES"):
        desk.save_to(Path(folder) / "outage.png")
    ws.stopped_mono_ns = 0
    bench.live(True)
    assert not desk.mode.banner.isVisible()


def test_the_chip_of_the_historian_says_how_much_waits(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    assert desk.status.recording.text() == "Recording"
    full = Kept(offered=9, waiting=9, behind_s=12.0, state="full")
    bench.send(recording="The disk is full: history cannot be written", history=full)
    desk.status.refresh()
    assert desk.status.recording.text() == "History: disk full (spill 12 s)"
    assert "disk is full" in desk.status.recording.toolTip()
    qtbot.wait(20)  # the bar makes room for it
    assert desk.status.recording.width() >= desk.status.recording.sizeHint().width()
    if folder := os.environ.get("ARMILLARY_PICTURES"):
        desk.save_to(Path(folder) / "spill.png")
    bench.send()
    desk.status.refresh()
    assert desk.status.recording.text() == "Recording"
    assert desk.status.recording.isVisible()


def test_a_past_without_a_plant_is_not_called_recording(desk: DeskWindow, bench: Any) -> None:
    desk.workspace.mirror.kind = WorldKind.REPLAY
    desk.status.refresh()
    assert not desk.status.recording.isVisible()


def test_a_desk_that_was_killed_comes_back_with_its_arrangement_and_says_so(
    desk: DeskWindow, bench: Any
) -> None:
    desk.use_layout("author")
    desk.arrangement.keep()
    again = DeskWindow(desk.workspace, desk.clock, Settings(desk.settings.path))
    try:
        assert again.bars.layout == "operate"
        again.workspace.reopened.emit("Reopened after unexpected end: 42 s missed on screen.")
        assert again.bars.layout == "author"
        assert any("42 s missed" in label.text() for label in again.findChildren(QLabel))
    finally:
        again.close()
        again.shut_down()
