"""The invented past of a demonstration, as real processes: its recorder, and what writes beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from stations import CLOCK, until

from armillary.extend.discover import discover
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.journal import AskJournal, JournalIndex
from armillary.model.message import AskAt, AskHistory, Enroll, Enrolled, HistoryInfo, Samples, TakeIn
from armillary.model.sample import empty_batch
from armillary.project import folder as projects
from armillary.security import export
from armillary.wire import child, marks, runs
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
DAY_NS = 86_400 * NS


@dataclass
class Demo:
    """The folder of a demonstration with its recorder; no plant and no world run."""

    project: Path
    line: Line
    logs: Path
    started: list[child.Child] = field(default_factory=list)

    def prelude(self, days: int) -> child.Child:
        args = {
            "project": str(self.project),
            "plant": "packaging-line",
            "seed": 1,
            "before_ns": CLOCK.now_ns(),
            "days": days,
        }
        self.started.append(child.start("world.prelude", args, self.logs / "prelude.log"))
        return self.started[-1]

    def history(self) -> HistoryInfo:
        got = self.line.ask(AskHistory(), 20)
        assert isinstance(got, HistoryInfo)
        return got


@pytest.fixture
def demo(own_places: Path, tmp_path: Path) -> Iterator[Demo]:
    plant = discover(["plants"]).make("plants", "packaging-line")()
    project = plant.prepare(tmp_path / "line", dict.fromkeys(plant.parts, 1))
    (project / ".armillary").mkdir()
    (project / ".armillary" / runs.PLANT_FILE).write_text("[]", "utf-8")
    recorder = child.start("recorder.service", {"project": str(project)}, tmp_path / "recorder.log")
    recorder.ready(60)
    line = Line(runs.recorder_address(project))
    made = Demo(project, line, tmp_path)
    try:
        yield made
    finally:
        for process in made.started:
            process.stop(1.0)
        line.close()
        recorder.stop()


def test_a_demonstration_is_given_a_past_and_its_journal_and_nothing_else_is(demo: Demo) -> None:
    told = demo.prelude(days=1).ready(120)
    held = demo.history()
    assert held.samples == told["samples"] > 1_440 * 180
    assert held.last_ns - held.first_ns >= DAY_NS - 60 * NS
    assert told["alarms"] >= 1
    ids = demo.line.ask(Enroll(tags=("TT-212.value", "Line2.oee", marks.WORLD), create=False), 20)
    assert isinstance(ids, Enrolled)
    assert ids.ids.all()
    then = demo.line.ask(AskAt(ids=ids.ids, t_ns=held.last_ns - 1), 20)
    assert isinstance(then, Samples)
    assert np.isfinite(then.batch.value[:2]).all(), "what is derived was recorded too"
    index = demo.line.ask(AskJournal(of="alarms", from_ns=0, to_ns=2**62), 20)
    assert isinstance(index, JournalIndex)
    assert len(index.t_ns) >= 3 * told["alarms"], "raised, acknowledged, cleared"
    journals = export.chains(projects.read(demo.project).homes, "journal", "live-*.jsonl", 0)
    raised = [line for lines in journals for line in lines if line.get("event") == "RAISE"]
    assert len(raised) == told["alarms"], "the shift's report reads the same"
    private = demo.project / ".armillary"
    assert not list(private.glob(".prelude*"))
    (private / runs.PLANT_FILE).unlink()  # somebody's own project
    with pytest.raises(Fault, match="for a demonstration only"):
        demo.line.ask(TakeIn(folder=str(private / "x"), batch=empty_batch()), 20)


@pytest.mark.scale
def test_a_past_that_was_cut_off_leaves_nothing(demo: Demo) -> None:
    process = demo.prelude(days=30)
    private = demo.project / ".armillary"
    until(lambda: bool(list(private.glob(".prelude*/days/*.parquet"))), 60, "it is at work")
    process.stop(0.0)
    assert demo.history().samples == 0
    assert not (private / "areas").exists()
    demo.prelude(days=1).ready(60)
    with pytest.raises(Fault, match="a past already"):
        demo.prelude(days=1).ready(60)
    (private / runs.PLANT_FILE).unlink()
    with pytest.raises(Fault, match="for a demonstration only"):
        demo.prelude(days=1).ready(60)


@pytest.mark.scale
def test_thirty_days_have_alarms_as_a_plant_has_them(demo: Demo) -> None:
    """Appendix A of the operations: about 80, 15 and 5 of a hundred by priority."""
    told = demo.prelude(days=30).ready(300)
    assert told["samples"] > 9_000_000
    by = np.array(told["by_priority"])
    share = by / by.sum()
    assert 0.74 < share[3] < 0.86
    assert 0.10 < share[2] < 0.20
    assert 0.02 < share[0] + share[1] < 0.09
    print(json.dumps(told))  # noqa: T201  how long it took
