"""A desk on the demo plant whose processes are killed: what is there to look at, for the fault tests."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from byhand import Desk
from paho.mqtt.enums import CallbackAPIVersion

from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.clock import NS
from armillary.model.message import AskBetween, AskHistory, Enroll, Enrolled, HistoryInfo, Samples
from armillary.session.workspace import WorldState
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

HOT = "TT-111-HH"  # an alarm of the plant that latches
EACH_SECOND = "DS-201.level"  # a tag that is published every second
FEW = 4  # readings: fewer say nothing of gaps
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
        """Source times of all readings of a tag that are on disk since a time, once there are some."""
        found: list[np.ndarray] = []

        def some() -> bool:
            found[:] = [self._times(tag, from_ns)]
            return len(found[0]) >= FEW

        self.desk.until(some, 60, f"readings of {tag}")
        return found[0]

    def _times(self, tag: str, from_ns: int) -> np.ndarray:
        known = self.ask(Enroll(tags=(tag,), create=False))
        assert isinstance(known, Enrolled)
        got = self.ask(AskBetween(ids=known.ids, from_ns=from_ns, to_ns=2**62))
        assert isinstance(got, Samples)
        return np.sort(got.batch.source_ns)

    def publish(self, topic: str, text: str) -> None:
        """Publish at the plant's broker."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.plant.ports["broker"])
        client.loop_start()
        client.publish(topic, text, qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def raise_alarm(self) -> None:
        """Let a bearing run hot, and wait for its alarm."""
        self.publish("simulator/fault", '{"TT-111": 60}')
        states = self.desk.workspace.alarms.states
        self.desk.until(lambda: HOT in states and states[HOT].active, 60, "the bearing is hot")

    def now_ns(self) -> int:
        return self.desk.clock.now_ns()


def longest_gap_s(t_ns: np.ndarray) -> float:
    """Return the longest time between two readings."""
    return float(np.diff(t_ns).max()) / NS if len(t_ns) > 1 else float("inf")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Give a folder on a disk of its own, e.g. `200m`; skips the test where mounting is not permitted."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting is not permitted")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk of a folder to the last block, whatever others write meanwhile."""
    filler = folder / "filler"
    fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
    step, end = 16 * 2**20, 0
    while step >= 4096:
        try:
            os.posix_fallocate(fd, end, step)
            end += step
        except OSError:
            step //= 2
    os.close(fd)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def own_places_of(home: Path) -> Iterator[None]:
    """Keep settings, logs and run files of a whole module of tests out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            folder = home / variable[4:8].lower()
            folder.mkdir(mode=0o700)
            patch.setenv(variable, str(folder))
        yield


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
