"""Wire to pixel on the real plant: a bound part has its live colour, and a hatch when its broker is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from stations import CLOCK

from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.quality import GOOD, STALE
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow
from armillary.wire import runs

pytestmark = pytest.mark.system
PART = "/Station/PumpHall/P_101A/VibrationDE"
TAG = "P-101A.vibration_de"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RunningPlant]:
    made = start_plant("pumping-station", tmp_path / "station")
    yield made
    made.stop()


@pytest.fixture
def desk(plant: RunningPlant, qtbot: QtBot) -> Iterator[DeskWindow]:
    workspace = Workspace(CLOCK)
    window = DeskWindow(workspace, CLOCK)
    qtbot.addWidget(window)
    window.resize(1280, 900)
    pulse = Pulse(workspace, CLOCK)
    workspace.open(str(plant.project))
    window.show()
    pulse.pump()
    yield window
    pulse.stop()
    window.close()
    window.shut_down()
    workspace.close()


def shown(window: DeskWindow, prim: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The picture without light, and the pixels at which a click finds the prim."""
    view = window.canvas.view
    view.set_options(lit=False, labels=False, legend=False, axes=False)
    rgba = view.render().copy()
    x, y, _ = view.project(prim)
    around = [(int(x) + dx, int(y) + dy) for dx in range(-24, 25, 3) for dy in range(-24, 25, 3)]
    h, w = rgba.shape[:2]
    return rgba, [(a, b) for a, b in around if 0 <= a < w and 0 <= b < h and view.pick(a, b) == prim]


def wait(qtbot: QtBot, true: Callable[[], bool], limit_s: float) -> None:
    qtbot.waitUntil(true, timeout=int(limit_s * 1000))


def test_a_bound_part_shows_its_live_colour_and_a_hatch_once_its_broker_is_gone(
    plant: RunningPlant, desk: DeskWindow, qtbot: QtBot
) -> None:
    ws = desk.workspace
    wait(qtbot, lambda: ws.scene is not None and ws.world_state is WorldState.LIVE, 30)
    prim = ws.prim_named(PART)
    assert prim is not None
    assert ws.look is not None
    slot = next(s.slot for s in ws.specs if s.name == TAG)
    wait(qtbot, lambda: int(ws.mirror.table.quality[slot]) & 0xFF == GOOD and ws.look.state[prim] == GOOD, 15)

    desk.frame((prim,))
    rgba, pixels = shown(desk, prim)
    assert len(pixels) >= 10, "the bound part is not seen"
    expected = ws.look.rgba[prim, :3]
    colours = np.array([rgba[y, x, :3] for x, y in pixels])
    # some pixels belong to the outline of the selection or to an edge; most must be exactly its colour
    assert (colours == expected).all(axis=1).mean() > 0.6, (expected, colours[:10])
    colour_map = next(m for m in ws.colormaps if m.name == "vibration")
    legal = {tuple(bytes.fromhex(stop[1].removeprefix("#"))) for stop in colour_map.stops}
    assert tuple(expected.tolist()) in legal, "the colour is one of its map's"

    opcua = next(s.slot for s in ws.specs if s.name == "P-101A.speed")
    os.kill(plant.parts["broker"].pid, signal.SIGKILL)
    wait(qtbot, lambda: ws.look is not None and ws.look.state[prim] & 0x0F == STALE, 15)
    rgba, pixels = shown(desk, prim)
    colours = np.array([rgba[y, x, :3] for x, y in pixels])
    assert not (colours == expected).all(axis=1).any(), "the colour map must be gone"
    theme = {(0x7A, 0x82, 0x8A), (0x1B, 0x1F, 0x24)}  # equipment grey and ink: a hatch
    assert theme <= {tuple(c) for c in colours.tolist()}
    assert int(ws.mirror.table.quality[opcua]) & 0xFF == GOOD, "OPC UA tags stay good"


def test_the_desk_says_not_live_within_two_seconds_of_its_worlds_silence(
    desk: DeskWindow, qtbot: QtBot
) -> None:
    ws = desk.workspace
    wait(qtbot, lambda: ws.scene is not None and ws.world_state is WorldState.LIVE, 30)
    [run] = runs.all_runs()
    os.kill(run.pid, signal.SIGSTOP)
    try:
        wait(qtbot, lambda: ws.world_state is WorldState.NOT_LIVE, 3)
    finally:
        os.kill(run.pid, signal.SIGCONT)
    wait(qtbot, lambda: ws.world_state is WorldState.LIVE, 10)
