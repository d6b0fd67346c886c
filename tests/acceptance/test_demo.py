"""`armillary demo` as a person or a script calls it: no display, a picture at the end, nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from stations import CLOCK, family, until

from armillary.model.clock import NS
from armillary.wire import runs

pytestmark = pytest.mark.system
ARMILLARY = Path(sys.executable).with_name("armillary")


def without_display() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}


def start_demo(cwd: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [ARMILLARY, "demo", "--no-history", *options],
        cwd=cwd,
        env=without_display(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_demo_without_a_display_ends_well_and_leaves_a_live_picture(tmp_path: Path) -> None:
    demo = start_demo(tmp_path, "--seconds", "12", "--screenshot", "out.png")
    seen: list[dict[str, object]] = []

    def look() -> None:
        """Ask for the state while it runs, as a check script would."""
        until(lambda: len(runs.all_runs()) == 1, 60, "the demo's world runs")
        threading.Event().wait(5)
        answer = subprocess.run(
            [ARMILLARY, "state", "--json"], capture_output=True, text=True, check=False, env=without_display()
        )
        if answer.returncode == 0:
            seen.append(json.loads(answer.stdout))

    watcher = threading.Thread(target=look)
    watcher.start()
    output, _ = demo.communicate(timeout=120)
    watcher.join()
    assert demo.returncode == 0, output
    assert "out.png" in output
    assert "Traceback" not in output
    [state] = seen
    tags = state["tags"]
    assert isinstance(tags, list)
    assert len(tags) > 100
    assert {t["quality"] for t in tags} == {"GOOD"}
    picture = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
    assert picture.shape[0] >= 700
    assert picture.shape[1] >= 1000
    colours = np.unique((picture // 16).reshape(-1, 3), axis=0)
    assert len(colours) >= 30, "the picture is blank"
    assert runs.all_runs() == ()


def test_ctrl_c_ends_the_desk_and_every_child_within_three_seconds(tmp_path: Path) -> None:
    demo = start_demo(tmp_path, "--seconds", "60")
    try:
        until(lambda: len(runs.all_runs()) == 1, 20, "the demo's world runs")
        processes = family(demo.pid)
        assert len(processes) >= 6
        start = CLOCK.now_mono_ns()
        demo.send_signal(signal.SIGINT)
        until(lambda: not any(_alive(p) for p in processes[1:]), 4, "all children end")
        demo.wait(5)
        assert (CLOCK.now_mono_ns() - start) / NS < 4
    finally:
        demo.kill()
        demo.communicate(timeout=10)


@pytest.mark.scale
def test_two_demos_run_beside_each_other(tmp_path: Path) -> None:
    demos = [start_demo(tmp_path, "--seconds", "60", "--screenshot", f"{i}.png") for i in range(2)]
    try:
        until(lambda: len(runs.all_runs()) == 2, 30, "two worlds run")
        ports = [p.port for run in runs.all_runs() for p in run.plant if p.port]
        assert len(ports) == len(set(ports)) == 4
        answer = subprocess.run([ARMILLARY, "state"], capture_output=True, text=True, check=False)
        assert answer.returncode == 2
        assert "2 worlds run" in answer.stderr
    finally:
        for demo in demos:
            demo.send_signal(signal.SIGTERM)
        for demo in demos:
            demo.communicate(timeout=15)


def test_children_of_a_killed_demo_end_by_themselves(tmp_path: Path) -> None:
    demo = start_demo(tmp_path, "--seconds", "60")
    until(lambda: len(runs.all_runs()) == 1, 20, "the demo's world runs")
    processes = family(demo.pid)[1:]
    demo.kill()
    demo.communicate(timeout=10)
    until(lambda: not any(_alive(p) for p in processes), 10, "the children of a killed demo end")


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
