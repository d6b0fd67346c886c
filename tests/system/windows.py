"""The desk's own window with a real workspace, for tests that open real files with real children."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from armillary.model.clock import WallClock
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.app import Pulse
from armillary.ui.window import DeskWindow


@contextmanager
def shown(folder: Path, width: int = 1000, height: int = 640) -> Iterator[DeskWindow]:
    """Show a window whose settings lie in a folder; close it and what it started afterwards."""
    clock = WallClock()
    workspace = Workspace(clock, actor="anna")
    window = DeskWindow(workspace, clock, Settings(folder / "desk.json"))
    pulse = Pulse(workspace, clock)
    window.resize(width, height)
    window.show()
    try:
        yield window
    finally:
        window.close()
        pulse.stop()
        window.shut_down()
