"""A LIVE world and its recorder on the hall of boxes, as processes, and what they say of themselves."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from armillary.model.alarm import AlarmState
from armillary.model.fault import Fault
from armillary.model.frame import Frame, Tally, apply_frame
from armillary.model.link import LinkState
from armillary.model.message import AskHistory, Credit, Hello, HistoryInfo, Welcome
from armillary.model.tags import TagTable
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address
from armillary_bench import hall
from armillary_bench.process import cpu_s, own_places

READY_S = 60.0  # to start a process
LOOK_S = 0.25  # a frame is asked for this often, so that looking on costs the world next to nothing


class Station:
    """Two running processes and a desk's line to the world that takes a frame now and then."""

    def __init__(self, project: Path, logs: Path, env: dict[str, str]) -> None:
        """Start both. Raises a Fault when one does not."""
        before = dict(os.environ)
        os.environ.update(env)  # children take over what we have
        try:
            args = {"project": str(project)}
            self._history = recorder_address(project)
            self.recorder = child.start("recorder.service", args, logs / "recorder.log")
            self.recorder.ready(READY_S)
            self.world = child.start("world.live", args, logs / "world.log")
            address = str(self.world.ready(READY_S)["address"])
        finally:
            os.environ.clear()
            os.environ.update(before)
        self._line = Line(address)
        welcome = self._line.ask(Hello(actor=f"local:{os.getuid()}", desk="bench"), READY_S)
        if not isinstance(welcome, Welcome):
            raise AssertionError(f"the world did not greet us: {welcome}")
        self.specs = welcome.specs
        self.table = TagTable(len(welcome.specs))
        self.alarms: dict[str, AlarmState] = {}
        self.frame = welcome.frame
        self._states: dict[str, LinkState] = {}
        self._take(welcome.frame)

    def _take(self, frame: Frame) -> None:
        apply_frame(self.table, frame)
        self.alarms.update((state.id, state) for state in frame.alarms)
        self._states.update((link.name, link.state) for link in frame.links)
        self.frame = frame

    def look(self, seconds: float = LOOK_S) -> Frame:
        """Ask for the next frame and return the newest that came within the time, which is waited for."""
        end = time.monotonic() + seconds
        self._line.send(Credit(seq=self.frame.seq))
        while (left := end - time.monotonic()) > 0:
            for _, got in self._line.poll(left):
                if isinstance(got, Frame):
                    self._take(got)
        return self.frame

    def until(self, is_so: Callable[[], bool], limit_s: float, what: str, every_s: float = LOOK_S) -> None:
        """Look until it is so. Raises AssertionError with the books after the time."""
        end = time.monotonic() + limit_s
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError(f"within {limit_s:g} s not: {what}; {self.frame.tally}")
            self.look(every_s)

    @property
    def books(self) -> Tally:
        """Both laws of the one link."""
        return self.frame.tally[hall.LINK]

    @property
    def is_up(self) -> bool:
        """True when the link is up and samples are recorded."""
        return self._states.get(hall.LINK) is LinkState.UP and not self.frame.recording

    def history(self) -> HistoryInfo:
        """Return what the recorder has on disk."""
        line = Line(self._history)
        try:
            got = line.ask(AskHistory(), READY_S)
        finally:
            line.close()
        if not isinstance(got, HistoryInfo):
            raise AssertionError(f"the recorder answered {got}")
        return got

    def spent(self) -> tuple[float, float]:
        """Return the CPU seconds of the world and of the recorder so far."""
        return cpu_s(self.world.pid), cpu_s(self.recorder.pid)

    def close(self) -> None:
        """End both, the world first: what it still has is recorded."""
        self._line.close()
        self.world.stop(10.0)
        self.recorder.stop(10.0)


@contextmanager
def running(folder: Path, port: int, tags: int, **settings: Any) -> Iterator[Station]:
    """Give a station on a broker's port, its link up; ended with the block. Any: of `hall.write_project`."""
    project = hall.write_project(folder / "project", tags, port, **settings)
    env = own_places(folder / "places")
    logs = folder / "logs"
    try:
        station = Station(project, logs, env)
    except Fault as fault:
        raise AssertionError(f"the station did not start: {fault.what}") from fault
    try:
        station.until(lambda: station.is_up, READY_S, "the link is up and the recorder answers")
        yield station
    finally:
        station.close()


def load_job(port: int, tags: int, count: int, rate: int, start_ms: int = 0) -> str:
    """Return the job of `armillary_bench.load`."""
    return json.dumps({"port": port, "tags": tags, "count": count, "rate": rate, "t": start_ms})
