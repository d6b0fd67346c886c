"""Figure of a made-up past: thirty days of a demonstration with their alarms, taken into its history."""

from __future__ import annotations

import tempfile
from pathlib import Path

from armillary.extend.discover import discover
from armillary.model.clock import WallClock
from armillary.model.message import AskHistory, HistoryInfo
from armillary.wire import child, runs
from armillary.wire.bus import Line
from armillary_bench.figure import absolute

PLANT, LIMIT_S, BAR_S = "packaging-line", 600.0, 30.0


def benches() -> list[dict[str, object]]:
    """Return how long a demonstration's past takes. Raises AssertionError when something of it is missing."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        told, held = _made(Path(name))
    if held.samples != told["samples"]:
        raise AssertionError("past: not every sample is in the history")
    work = f"{held.samples:,} samples and {told['alarms']} alarms of 30 days are in the history"
    took_s = float(str(told["seconds"]))
    return [absolute("history_made_up_past", took_s, "s", BAR_S, f"{work}; at low priority, one thread")]


def _made(folder: Path) -> tuple[dict[str, object], HistoryInfo]:
    plant = discover(["plants"]).make("plants", PLANT)()
    project = plant.prepare(folder / "line", dict.fromkeys(plant.parts, 1))
    private = project / ".armillary"
    private.mkdir()
    (private / runs.PLANT_FILE).write_text("[]", "utf-8")
    recorder = child.start("recorder.service", {"project": str(project)}, folder / "recorder.log")
    prelude = None
    try:
        recorder.ready(60.0)
        args = {
            "project": str(project),
            "plant": PLANT,
            "seed": 1,
            "before_ns": WallClock().now_ns(),
        }
        prelude = child.start("world.prelude", args, folder / "prelude.log")
        told = prelude.ready(LIMIT_S)
        line = Line(runs.recorder_address(project))
        try:
            held = line.ask(AskHistory(), 30.0)
        finally:
            line.close()
        if not isinstance(held, HistoryInfo):
            raise AssertionError("past: the recorder answered something else")
        return told, held
    finally:
        if prelude is not None:
            prelude.stop(1.0)
        recorder.stop()
