"""A desk on the demo plant whose processes are killed: what is there to look at, for the fault tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from byhand import Desk

from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.clock import NS
from armillary.model.message import AskBetween, AskHistory, Enroll, Enrolled, HistoryInfo, Samples
from armillary.session.workspace import WorldState
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

PATIENCE = 8  # × what is promised: a busy machine is slow, not wrong


class Faulty:
    """A plant, and a desk that has started its world and recorder."""

    def __init__(self, plant: RunningPlant, desk: Desk) -> None:
        self.plant, self.desk = plant, desk

    @property
    def project(self) -> Path:
        return self.plant.project

    def open(self) -> None:
        at = self.desk.workspace
        at.open(str(self.project))
        self.desk.until(lambda: at.world_state is WorldState.LIVE, 40, "live")
        self.desk.until(lambda: at.mirror.frames > 0 and not at.recording, 40, "recorded")

    def kill(self, peer: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to the process of a peer of the desk; return its id."""
        pid = self.desk.pid(peer)
        os.kill(pid, number)
        return pid

    def law_holds(self) -> bool:
        """Whether history's own law holds in the frame that the desk has."""
        kept = self.desk.workspace.history
        return kept.balanced and kept.offered == kept.stored + kept.waiting + kept.dropped

    def ask(self, message: object) -> object:
        line = Line(recorder_address(self.project))
        try:
            return line.ask(message, timeout_s=10)
        finally:
            line.close()

    def stored(self) -> int:
        """Rows that the recorder has on disk."""
        info = self.ask(AskHistory())
        assert isinstance(info, HistoryInfo)
        return info.samples

    def times(self, tag: str, from_ns: int) -> np.ndarray:
        """Source times of all readings of a tag that are on disk since a time."""
        known = self.ask(Enroll(tags=(tag,), create=False))
        assert isinstance(known, Enrolled)
        got = self.ask(AskBetween(ids=known.ids, from_ns=from_ns, to_ns=2**62))
        assert isinstance(got, Samples)
        return np.sort(got.batch.source_ns)

    def now_ns(self) -> int:
        return self.desk.clock.now_ns()


def longest_gap_s(t_ns: np.ndarray) -> float:
    """Return the longest time between two readings."""
    return float(np.diff(t_ns).max()) / NS if len(t_ns) > 1 else float("inf")


@contextmanager
def faulty(folder: Path) -> Iterator[Faulty]:
    """Run the pumping station with a desk; all is ended afterwards."""
    plant = start_plant("pumping-station", folder / "station")
    desk = Desk()
    try:
        made = Faulty(plant, desk)
        made.open()
        yield made
    finally:
        desk.workspace.close()
        plant.stop()
