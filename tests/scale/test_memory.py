"""Memory of a world, its recorder and a desk under a steady load: flat (`make soak`, SOAK_MINUTES=30)."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from stations import CLOCK, until

from armillary.model.clock import NS
from armillary_bench import hall
from armillary_bench.growth import growth, told
from armillary_bench.process import Driven, entries, own_places, written_mb

pytestmark = [pytest.mark.scale, pytest.mark.system]
MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
BOXES, RATE, PIECE_S = 500, 5_000, 30.0
WARM_S, LOOK_S = 60.0, 5.0  # the first minute is not judged: caches fill, the history makes its first file
PROCESSES = {"world": "world.live", "recorder": "recorder.service"}


def test_no_process_grows_under_a_steady_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds: list[float] = []
    seen: dict[str, list[float]] = {name: [] for name in (*PROCESSES, "desk")}
    pause, published = threading.Event(), 0
    # sockets need a short path
    with (
        tempfile.TemporaryDirectory(prefix="armb-") as places,
        hall.running_broker(tmp_path / "broker") as port,
    ):
        project = hall.write_project(tmp_path / "project", BOXES, port, alarms=BOXES, timed=True)
        environment = own_places(Path(places))
        args = [str(project)]
        with Driven("armillary_bench.desk_child", args, tmp_path / "desk.log", environment) as desk:
            until(lambda: _is_live(desk), 60, "the desk is live", 0.5)
            begin = CLOCK.now_mono_ns()
            while (passed := (CLOCK.now_mono_ns() - begin) / NS) < WARM_S + 60 * MINUTES:
                job = {
                    "port": port,
                    "tags": BOXES,
                    "rate": RATE,
                    "count": int(RATE * PIECE_S),
                    "t": CLOCK.now_ns() // 1_000_000,
                }
                with Driven("armillary_bench.load", [json.dumps(job)], tmp_path / "load.log") as source:
                    source.line(60)
                    source.send("go")
                    end = CLOCK.now_mono_ns() + int(PIECE_S * NS)
                    while CLOCK.now_mono_ns() < end:
                        pause.wait(LOOK_S)
                        passed = (CLOCK.now_mono_ns() - begin) / NS
                        if passed > WARM_S:
                            seconds.append(passed)
                            _look(desk, seen)
                    published += json.loads(source.line(60))["published"]
            until(lambda: _done(desk) == published, 30, "all messages have arrived", 0.5)
            books = desk.ask("state")["tally"][hall.LINK]
    assert books["lost"] == 0
    assert books["balanced"]
    found = {name: growth(seconds, mb) for name, mb in seen.items()}
    with capsys.disabled():
        lines = [f"memory under {RATE} messages/s, {published:,} in all, none lost:"]
        lines += [told(name, one) for name, one in found.items()]
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert all(one.is_flat for one in found.values()), found


def _is_live(desk: Driven) -> bool:
    state = desk.ask("state", 60)
    up = state["links"].get(hall.LINK, "").startswith("UP")
    return bool(state["world"] == "LIVE" and state["bound"] == BOXES and state["scene"] > BOXES and up)


def _done(desk: Driven) -> int:
    books = desk.ask("state")["tally"][hall.LINK]
    return int(books["received"]) - int(books["queued"])


def _look(desk: Driven, seen: dict[str, list[float]]) -> None:
    running = entries(desk.pid)
    for name, entry in PROCESSES.items():
        seen[name].append(written_mb(running[entry]))
    seen["desk"].append(written_mb(desk.pid))
