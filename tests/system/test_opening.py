"""A large scene on a real desk with its real reader: boxes first, progress, cancel, open again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS, WallClock
from armillary.session.opening import CANCELLED
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.placards import empty_texts
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow
from armillary_bench.scene import author

pytestmark = pytest.mark.system

PRIMS = 25_000
LIMIT_MS = 60_000
CANCEL_S = 1.0  # from the key to the end of the reader's process


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.usdc"
    author(PRIMS, path)
    return path


class Desk:
    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.clock = WallClock()
        self.workspace = Workspace(self.clock)
        self.window = DeskWindow(self.workspace, self.clock, Settings(folder / "desk.json"))
        qtbot.addWidget(self.window)
        self.window.resize(1000, 700)
        self.pulse = Pulse(self.workspace, self.clock)
        self.window.show()
        self.texts: list[str] = []
        self.workspace.opening_changed.connect(lambda: self.texts.append(self.workspace.progress[0]))

    def close(self) -> None:
        self.pulse.stop()
        self.window.shut_down()
        self.workspace.close()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qtbot, tmp_path)
    yield made
    made.close()


def test_boxes_come_first_and_cancel_leaves_a_desk_that_opens_again(
    desk: Desk, large: Path, qtbot: QtBot
) -> None:
    ws, window = desk.workspace, desk.window
    ws.open(str(large))
    qtbot.waitUntil(lambda: window.canvas.view.sketched and window.canvas.frames > 0, timeout=LIMIT_MS)
    assert ws.scene is None
    card = window.opening_card
    assert card.isVisible()
    assert "of 25,001 parts" in card.text.text()
    boxes, colours = ws.opening.boxes()
    assert len(boxes) == len(colours) >= 9_999

    begin = desk.clock.now_mono_ns()
    qtbot.keyClick(window.canvas, Qt.Key.Key_Escape)  # nothing on the way up takes it
    assert not card.isVisible()
    assert not window.canvas.view.sketched
    assert empty_texts(ws)[0] == CANCELLED
    took_s = [_gone(desk, qtbot, begin)]
    assert ws.problems == ()

    ws.reload_scene()  # the same again, without another dialog
    qtbot.waitUntil(lambda: ws.scene is not None, timeout=LIMIT_MS)
    assert len(ws.scene or ()) == PRIMS + 1
    assert not card.isVisible()
    whole = ws.scene

    ws.reload_scene()
    assert card.isVisible()
    begin = desk.clock.now_mono_ns()
    qtbot.mouseClick(card.cancel, Qt.MouseButton.LeftButton)
    assert ws.scene is whole  # what was shown before stays
    assert not card.isVisible()
    took_s.append(_gone(desk, qtbot, begin))
    # it is killed, not asked, however long the call of OpenUSD is that it is in
    assert min(took_s) < CANCEL_S
    ws.select((5,))
    got: list[object] = []
    ws.attributes("/World/Box_4", got.append)  # a fresh reader serves it
    qtbot.waitUntil(lambda: bool(got), timeout=LIMIT_MS)
    assert type(got[0]).__name__ == "Attributes"
    assert any("of 25,001 parts" in text for text in desk.texts)


def _gone(desk: Desk, qtbot: QtBot, since_ns: int) -> float:
    """Wait until the reader's process is gone; return the seconds since a time."""
    feed = desk.workspace._feed
    assert feed is not None
    alive: Callable[[], bool] = lambda: feed._peers["scene"].child is not None  # noqa: E731
    qtbot.waitUntil(lambda: not alive(), timeout=20_000)
    return (desk.clock.now_mono_ns() - since_ns) / NS
