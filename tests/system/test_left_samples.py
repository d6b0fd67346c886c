"""Row 51, the worst case: nobody records, the world ends too, and the next one brings what it left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import faultlog
import numpy as np
import pytest
from stations import CLOCK, Station, until

from armillary.model.clock import NS
from armillary.model.message import AskBetween, Enroll, Enrolled, Hello, Samples, Welcome
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system
EACH_SECOND = "DS-201.level"  # is published every second


def history_of(station: Station) -> np.ndarray:
    line = Line(recorder_address(station.plant.project))
    try:
        known = line.ask(Enroll(tags=(EACH_SECOND,), create=False))
        assert isinstance(known, Enrolled)
        got = line.ask(AskBetween(ids=known.ids, from_ns=0, to_ns=2**62))
        assert isinstance(got, Samples)
        return np.sort(got.batch.source_ns)
    finally:
        line.close()


@pytest.mark.scale
def test_what_a_world_could_not_hand_over_is_stored_by_the_next(station: Station, tmp_path: Path) -> None:
    until(lambda: len(history_of(station)) >= 2, 60, "something is on disk", every_s=0.5)
    assert station.recorder is not None
    os.kill(station.recorder.pid, signal.SIGKILL)
    station.recorder.stop()

    def behind_s() -> float:
        answer = station.line.ask(Hello(actor="local:0", desk="test"))
        assert isinstance(answer, Welcome)
        return answer.frame.history.behind_s

    until(lambda: behind_s() > 5, 60, "samples of some seconds wait", every_s=0.5)
    stopped_ns = CLOCK.now_ns()
    assert station.world.stop(10) == 0
    spill = station.plant.project / ".armillary" / "spill"
    [left] = spill.glob("*.seg")
    assert left.stat().st_size < 5_000_000  # what was set aside and not used is given back

    station.start_recorder()
    before = history_of(station)
    station.world = child.start(
        "world.live", {"project": str(station.plant.project)}, tmp_path / "world2.log"
    )
    station.line.close()
    station.line = Line(str(station.world.ready(60)["address"]))
    took = until(lambda: not left.exists(), 60, "what was left is stored")
    after = history_of(station)
    assert len(after) > len(before)
    assert len(np.unique(after)) == len(after)  # nothing twice
    of_first = np.append(after[after < stopped_ns], stopped_ns)
    assert np.diff(of_first).max() / NS < 2.5  # and no hole up to the end of that world
    faultlog.note("51", "nobody recorded and the world ended: the next stores it", took, None)
