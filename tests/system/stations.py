"""The demo plant with its world and recorder, as real processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from armillary.cli.plant import RunningPlant
from armillary.model.clock import NS, WallClock
from armillary.model.frame import apply_frame
from armillary.model.message import AskHistory, Hello, HistoryInfo, Welcome
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

CLOCK = WallClock()


def until(true: Callable[[], bool], limit_s: float, what: str, every_s: float = 0.05) -> float:
    """Wait for a condition; return after how many seconds it held. Fails the test after the limit."""
    start = CLOCK.now_mono_ns()
    pause = threading.Event()
    while not true():
        passed = (CLOCK.now_mono_ns() - start) / NS
        assert passed < limit_s, f"not within {limit_s} s: {what}"
        pause.wait(every_s)
    return (CLOCK.now_mono_ns() - start) / NS


@dataclass
class Station:
    """A running pumping station with its LIVE world and recorder."""

    plant: RunningPlant
    world: child.Child
    recorder: child.Child | None
    line: Line
    logs: Path

    def welcome(self) -> Welcome:
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(answer, Welcome)
        return answer

    def ranks(self) -> dict[str, int]:
        """Quality rank by tag."""
        welcome = self.welcome()
        table = TagTable(len(welcome.specs))
        apply_frame(table, welcome.frame)
        return {s.name: int(table.quality[s.slot]) & 0xFF for s in welcome.specs}

    def value(self, tag: str) -> float:
        welcome = self.welcome()
        slot = next(s.slot for s in welcome.specs if s.name == tag)
        return float(welcome.frame.value[slot])

    def history(self) -> HistoryInfo:
        """What the recorder has on disk; asked over a line of its own, as the recorder may be a new one."""
        line = Line(recorder_address(self.plant.project))
        try:
            got = line.ask(AskHistory(), timeout_s=20)
        finally:
            line.close()
        assert isinstance(got, HistoryInfo)
        return got

    def start_recorder(self) -> None:
        project = projects.read(self.plant.project)
        args = {"project": str(project.folder)}
        self.recorder = child.start("recorder.service", args, self.logs / "recorder.log")
        self.recorder.ready()

    def close(self) -> None:
        self.line.close()
        self.world.stop()
        if self.recorder is not None:
            self.recorder.stop()
        self.plant.stop()


def family(pid: int) -> list[psutil.Process]:
    """All processes below one, itself included."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
