"""A desk without a window: a workspace that is pumped by hand, as Qt would."""

from __future__ import annotations

import threading
from collections.abc import Callable

from armillary.model.clock import NS, WallClock
from armillary.model.link import LinkState
from armillary.session.workspace import Workspace

PAUSE_S = 0.1  # between two pumps, at the most


class Desk:
    """A workspace pumped by hand."""

    def __init__(self) -> None:
        self.clock = WallClock()
        self.workspace = Workspace(self.clock)
        self.bell = threading.Event()
        self.workspace.wake = self.bell.set

    def until(self, holds: Callable[[], object], limit_s: float, what: str) -> float:
        """Pump until something holds; return the seconds it took."""
        started, at = self.clock.now_mono_ns(), self.workspace
        while not holds():
            passed = (self.clock.now_mono_ns() - started) / NS
            assert passed < limit_s, f"{what}: not within {limit_s} s; {at.world_text} {list(at.events)[-3:]}"
            due = at.due_s(self.clock.now_mono_ns())
            self.bell.wait(PAUSE_S if due is None else min(due, PAUSE_S))
            self.bell.clear()
            at.pump(self.clock.now_ns(), self.clock.now_mono_ns())
        return (self.clock.now_mono_ns() - started) / NS

    def rest(self, seconds: float) -> None:
        """Go on for a time."""
        end = self.clock.now_mono_ns() + int(seconds * NS)
        self.until(lambda: self.clock.now_mono_ns() >= end, seconds + 5, "time passes")

    def value(self, tag: str) -> float:
        """Return the value of a tag; NaN for one that the world does not have."""
        at = self.workspace
        slot = next((spec.slot for spec in at.specs if spec.name == tag), -1)
        return float(at.mirror.table.value[slot]) if slot >= 0 else float("nan")

    def can_command(self, tag: str) -> bool:
        """Whether a tag's value is good and its link is up, so that the gate lets it be armed."""
        at = self.workspace
        spec = next((each for each in at.specs if each.name == tag), None)
        if spec is None or int(at.mirror.table.quality[spec.slot]) & 0xFF:
            return False
        return any(link.name == spec.link and link.state is LinkState.UP for link in at.links)

    def runs(self, peer: str) -> bool:
        """Whether this desk has a process of its own for a peer."""
        feed = self.workspace._feed
        return feed is not None and feed._peers[peer].child is not None

    def pid(self, peer: str) -> int:
        """Return the process that a peer of the desk runs in."""
        feed = self.workspace._feed
        assert feed is not None
        child = feed._peers[peer].child
        assert child is not None
        return child.pid
