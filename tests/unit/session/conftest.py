"""A scripted world on a fake wire: the feed is stepped by hand, no thread, no socket."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from armillary.model.clock import ManualClock
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.message import Welcome
from armillary.model.tags import TagSpec
from armillary.session.feed import WORLD, Feed

SPECS = (
    TagSpec(slot=0, name="tank.temp", unit="°C", link="site", expected_ms=500, title="Tank"),
    TagSpec(slot=1, name="tank.level", unit="m", link="site"),
    TagSpec(slot=2, name="tank.setpoint", unit="m", link="plc", writable=True, write_low=0, write_high=5),
)


class FakeLine:
    """A line whose other side is the test."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.sent: list[object] = []
        self.inbox: list[tuple[int, object]] = []
        self.closed = False
        self.woken = 0

    def send(self, message: object) -> int:
        self.sent.append(message)
        return len(self.sent)

    def poll(self, timeout_s: float) -> list[tuple[int, object]]:
        out, self.inbox = self.inbox, []
        return out

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        self.closed = True

    def of(self, kind: type) -> list[object]:
        return [m for m in self.sent if isinstance(m, kind)]


class FakeChild:
    """A child whose life the test decides."""

    def __init__(self, entry: str, log: object) -> None:
        self.entry, self.log = entry, log
        self.alive = True
        self.answer: dict[str, object] | None = None
        self.stopped = False

    def poll_ready(self, timeout_s: float = 0.0) -> dict[str, object] | None:
        return self.answer

    def exit_words(self) -> str:
        return "was ended by SIGSEGV"

    def stop(self, timeout_s: float = 2.0) -> int:
        self.stopped, self.alive = True, False
        return 0

    def kill(self) -> None:
        self.stopped, self.alive = True, False


def frame(seq: int, clock: ManualClock, values: dict[int, float], quality: int = 0, **more: Any) -> Frame:
    """Return a frame of the world `w` at the clock's time."""
    n = len(values)
    at, mono = clock.now_ns(), clock.now_mono_ns()
    return replace(
        empty_frame("w", WorldKind.LIVE),
        seq=seq,
        first_seq=seq,
        t_ns=at,
        tick_mono_ns=mono,
        slot=np.array(list(values), np.uint32),
        value=np.array(list(values.values()), np.float64),
        source_ns=np.full(n, at),
        arrival_ns=np.full(n, at),
        arrival_mono_ns=np.full(n, mono),
        alive_mono_ns=np.full(n, mono),
        quality=np.full(n, quality, np.uint16),
        **more,
    )


def welcome(clock: ManualClock, seq: int = 1, specs: tuple[TagSpec, ...] = SPECS, **more: Any) -> Welcome:
    """Return the answer of the world `w` to Hello, all tags 1.0."""
    kept: dict[str, Any] = {
        "world": "w",
        "kind": WorldKind.LIVE,
        "run": empty_frame("w", WorldKind.LIVE).run,
        "project": "/nowhere",
        "name": "Tanks",
        "role": "operator",
        "specs": specs,
        "twins": (),
        "relationships": (),
        "frame": frame(seq, clock, {s.slot: 1.0 for s in specs}),
    }
    return Welcome(**(kept | more))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


class Stand:
    """A feed with its fake lines and children."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.lines: list[FakeLine] = []
        self.children: list[FakeChild] = []
        self.wakes = 0
        self.feed = Feed(clock, self._wake, actor="me", line=self._line, start_child=self._child)

    def _wake(self) -> None:
        self.wakes += 1

    def _line(self, address: str) -> FakeLine:
        self.lines.append(FakeLine(address))
        return self.lines[-1]

    def _child(self, entry: str, args: object, log: Path, memory_bytes: int = 0) -> Any:
        self.children.append(FakeChild(entry, log))
        return self.children[-1]

    @property
    def line(self) -> FakeLine:
        return self.lines[-1]

    def join(self, seq: int = 1) -> None:
        self.feed.connect(WORLD, "ipc://w")
        self.feed.step()
        self.say(self.welcome(seq), 1)

    def say(self, message: object, answers: int = 0) -> None:
        self.line.inbox.append((answers, message))
        self.feed.step()

    def frame(self, seq: int, values: dict[int, float], quality: int = 0, **more: Any) -> Frame:
        return frame(seq, self.clock, values, quality, **more)

    def welcome(self, seq: int = 1, **more: Any) -> Welcome:
        return welcome(self.clock, seq, **more)


@pytest.fixture
def stand(clock: ManualClock) -> Stand:
    return Stand(clock)
