"""Long runs, by hand and nightly (`make soak`): nothing grows, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from stations import Station, family, until

from armillary.wire import runs

pytestmark = [pytest.mark.scale, pytest.mark.system]
MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
KILLS = int(os.environ.get("SOAK_KILLS", "20"))
MIB = 1024**2


def test_no_process_of_a_demo_grows(tmp_path: Path) -> None:
    """After the first minute (caches, history's buffers) no process gains more than 40 MiB."""
    armillary = Path(sys.executable).with_name("armillary")
    seconds = 60 * MINUTES + 90
    log = (tmp_path / "demo.log").open("w")
    demo = subprocess.Popen(
        [armillary, "demo", "--headless", "--seconds", str(seconds), "--screenshot", str(tmp_path / "s.png")],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        until(lambda: len(runs.all_runs()) == 1, 30, "the demo's world runs")
        threading.Event().wait(60)
        processes = family(demo.pid)
        before = {p.pid: p.memory_info().rss for p in processes}
        threading.Event().wait(60 * MINUTES)
        grown = {
            " ".join(p.cmdline()[-4:]): (p.memory_info().rss - before[p.pid]) / MIB
            for p in processes
            if p.is_running() and p.status() != psutil.STATUS_ZOMBIE
        }
        assert len(grown) == len(processes), "a process of the demo died"
        assert max(grown.values()) < 40, grown
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(15)
        log.close()


def test_the_recorder_may_be_killed_again_and_again(station: Station) -> None:
    least = 0
    for _ in range(KILLS):
        until(lambda: not station.welcome().frame.recording, 20, "it is recorded")
        threading.Event().wait(1.0)
        least = max(least, station.history().samples)
        assert station.recorder is not None
        os.kill(station.recorder.pid, signal.SIGKILL)
        station.recorder.stop()
        station.start_recorder()
        assert station.history().samples >= least
    until(lambda: not station.welcome().frame.recording, 20, "it is recorded at the end")
