"""Fixtures of the desk's tests: a real workspace around a hand-made plant, in a real window."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from armillary.model.clock import ManualClock
from armillary.model.command import Check
from armillary.model.frame import Flow, Frame, Tally, WorldKind, frame_of
from armillary.model.link import LinkState
from armillary.model.order import Prepare, Prepared
from armillary.session import scenery
from armillary.session.orders import Orders
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import theme
from armillary.ui.window import DeskWindow


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plant = _load("plant")


class Bench:
    """A workspace that nobody feeds but the test."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.workspace = Workspace(self.clock, actor="anna")
        self.asked: list[tuple[object, Callable[[object], None]]] = []  # what the gate was asked
        ws = self.workspace
        ws.orders = Orders(
            self.clock,
            "anna",
            lambda message, callback, _limit: self._ask(message, callback),
            lambda: ws.mirror,
            lambda: ws.specs,
        )
        ws.orders.changed.connect(ws.order_changed.emit)
        self.prepared: tuple[Check, ...] | None = None  # what the gate finds; None: it does not answer
        self.seq = 0

    def _ask(self, message: object, callback: Callable[[object], None]) -> None:
        if not isinstance(message, Prepare):
            self.asked.append((message, callback))
        elif self.prepared is not None:
            tag = next((t.tag for t in self.workspace.templates if t.id == message.template), message.tag)
            callback(Prepared(tag=tag, template=message.template, checks=self.prepared))

    def begin(self) -> None:
        """Open the hand-made plant with all values good."""
        ws = self.workspace
        ws.specs, ws.twins = plant.specs(), plant.TWINS
        ws.mirror = type(ws.mirror)(len(ws.specs))
        ws.showing.show(scenery.compiled(plant.scene(), plant.BINDINGS, (), ws.specs, ()))
        ws.role = "operator"
        self.live(True)
        self.send()
        self.links()
        ws.scene_changed.emit()
        ws.project_changed.emit()
        ws.world_changed.emit()

    def live(self, live: bool, text: str = "Live · plant") -> None:
        """Say whether the world is heard."""
        ws = self.workspace
        ws.mirror.live = live
        ws._set_world(WorldState.LIVE if live else WorldState.NOT_LIVE, text)
        ws.showing.wanted = True
        ws.world_changed.emit()

    def send(
        self, qualities: dict[int, int] | None = None, values: dict[int, float] | None = None, **frame: object
    ) -> None:
        """Deliver a full frame and show what it makes."""
        ws, clock = self.workspace, self.clock
        self.seq += 1
        table = plant.table(clock.now_ns(), clock.now_mono_ns(), qualities)
        for slot, value in (values or {}).items():
            table.value[slot] = value
        base = plant.base_frame(self.seq, clock.now_ns(), clock.now_mono_ns(), WorldKind.LIVE)
        slots = np.arange(len(table), dtype=np.uint32)
        whole: Frame = dataclasses.replace(frame_of(table, slots, base), **frame)
        changed = ws._frame(whole, clock.now_mono_ns())
        ws.showing.wanted = True
        ws.frame_arrived.emit(changed)
        ws._resolve(clock.now_mono_ns())

    def links(self, mqtt: LinkState = LinkState.UP) -> None:
        """Deliver link states and tallies."""
        law = Tally(
            messages=Flow(received=10, done=9, dropped={"undecodable": 1}), samples=Flow(received=9, done=9)
        )
        links = plant.links(self.clock.now_ns(), mqtt)
        self.send(links=links, tally={link.name: law for link in links})


@pytest.fixture
def bench() -> Bench:
    """A workspace with nothing open."""
    return Bench()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings in a folder of the test."""
    return Settings(tmp_path / "desk.json")


@pytest.fixture
def make_window(qtbot: QtBot, bench: Bench, settings: Settings) -> Iterator[Callable[[], DeskWindow]]:
    """Make windows that are shown and, at the end, closed."""
    made: list[DeskWindow] = []

    def make() -> DeskWindow:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setStyleSheet("")  # a window is built twice as fast without; it puts its theme on at the end
        app.setProperty(theme.DRESSED, None)
        window = DeskWindow(bench.workspace, bench.clock, settings)
        made.append(window)
        window.resize(1280, 800)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in made:
        window.close()
        window.shut_down()


@pytest.fixture
def desk(bench: Bench, make_window: Callable[[], DeskWindow]) -> DeskWindow:
    """A window on the hand-made plant."""
    window = make_window()
    bench.begin()
    return window
