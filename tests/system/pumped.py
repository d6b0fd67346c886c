"""A desk without a window: a workspace with its real children, pumped by hand as Qt would."""

from __future__ import annotations

import threading
from collections.abc import Callable

from armillary.model.clock import WallClock
from armillary.session.workspace import Workspace


class Desk:
    """A workspace and the bell that wakes it."""

    def __init__(self) -> None:
        self.clock = WallClock()
        self.workspace = Workspace(self.clock)
        self.bell = threading.Event()
        self.workspace.wake = self.bell.set

    def until(self, holds: Callable[[], bool], limit_s: float, what: str) -> None:
        """Pump until something holds; fail the test after the limit."""
        started = self.clock.now_mono_ns()
        while not holds():
            passed = (self.clock.now_mono_ns() - started) / 1e9
            assert passed < limit_s, f"{what}: not within {limit_s} s; {self.workspace.world_text}"
            due = self.workspace.due_s(self.clock.now_mono_ns())
            self.bell.wait(0.2 if due is None else min(due, 0.2))
            self.bell.clear()
            self.workspace.pump(self.clock.now_ns(), self.clock.now_mono_ns())
