"""A real world and recorder: a shift is handed over, reported, and its worst alarm is quietened by proof."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from stations import until

from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault
from armillary.model.logbook import (
    AskNotes,
    AskShift,
    HandOver,
    Note,
    Notes,
    ShiftAnswer,
    TakeOver,
    WriteNote,
)
from armillary.model.message import Append, Enroll, Enrolled, Hello, Stored, Welcome
from armillary.model.sample import batch_of
from armillary.project import folder as projects
from armillary.security import chain
from armillary.session import shiftwork, suggesting
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system
NOW = WallClock().now_ns()
PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b77"
name = "Shift plant"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"

[[figure]]
tag = "T.level"
how = "highest"

[[shift]]              # all that is recorded is in it, at whatever time this runs
name = "day"
from = "{begins:%H:%M}"
to = "{ends:%H:%M}"
"""
TWINS = """{"schema": 1, "twins": [{"id": "T", "tags": {"level":
 {"address": "site!t/level#v", "unit": "m", "range": [0, 20]}}}]}"""
RULES = """schema = 1
# what must not be lost
[[alarm]]
id = "FT-231"
tag = "T.level"
limit = 10.0          # trembles here
consequence = "c"
operator_action = "o"
time_to_respond_s = 600
"""


class Site:
    """Project, recorder and world of this file."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self.folder, self._logs = folder, logs
        self.recorder = child.start("recorder.service", {"project": str(folder)}, logs / "recorder.log")
        self.recorder.ready()
        self._fill()
        self.start()

    def start(self) -> None:
        self.world = child.start("world.live", {"project": str(self.folder)}, self._logs / "world.log")
        self.line = Line(str(self.world.ready()["address"]))

    def stop(self) -> None:
        self.line.close()
        self.world.stop()

    def _fill(self) -> None:
        """Have an hour recorded in which the level trembles at the limit, and once goes far beyond it."""
        n = 3_600
        value = 9.0 + 0.02 * np.random.default_rng(1).standard_normal(n)
        value[600:1_800] = 10.0 + 0.05 * np.random.default_rng(2).standard_normal(1_200)
        value[3_000:3_300] = 12.5
        source = NOW - (n - np.arange(n)) * NS
        line = Line(recorder_address(self.folder))
        try:
            enrolled = line.ask(Enroll(tags=("T.level",), units=("m",)), 20)
            assert isinstance(enrolled, Enrolled)
            batch = batch_of(np.repeat(enrolled.ids, n), value, source, NOW, 0)
            assert isinstance(line.ask(Append(seq=1, batch=batch), 20), Stored)
        finally:
            line.close()


@pytest.fixture(autouse=True)
def own_places(own_home: Path) -> Path:
    """One place for all tests of this file: they meet one world and one recorder there."""
    return own_home


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shift")
    hours = {
        name: datetime.fromtimestamp(NOW / NS + 3_600 * h, UTC) for name, h in (("begins", -6), ("ends", 6))
    }
    for name, text in (
        ("project.toml", PROJECT.format(**hours)),
        ("twins.json", TWINS),
        ("rules.toml", RULES),
    ):
        (folder / name).write_text(text, "utf-8")
    made = Site(folder, tmp_path_factory.mktemp("logs"))
    yield made
    made.stop()
    made.recorder.stop()


def asked(site: Site, message: object) -> object:
    return site.line.ask(message, 20)


def test_a_shift_is_handed_over_and_read_and_all_of_it_is_on_disk(site: Site) -> None:
    note = asked(site, WriteNote(text="belt cleaned", t_ns=NOW - 60 * NS, tag="T.level"))
    given = asked(site, HandOver(remarks="zone 2 hot", shift="now"))
    assert isinstance(note, Note)
    assert isinstance(given, Note)
    answer = asked(site, AskShift(shift="now"))
    assert isinstance(answer, ShiftAnswer)
    assert answer.handover == given
    assert answer.key == given.shift == answer.now
    words = [cell for block in answer.paper.blocks for row in block.rows for cell in row]
    assert "belt cleaned" in words
    assert "12.5 m" in words, "the key figure comes from the recorder"
    assert isinstance(asked(site, TakeOver(handover=given.id)), Note)
    with pytest.raises(Fault, match="took it over already"):
        asked(site, TakeOver(handover=given.id))
    welcome = asked(site, Hello(actor=f"local:{os.getuid()}", desk="test"))
    assert isinstance(welcome, Welcome)
    site.stop()
    site.start()
    found = asked(site, AskNotes(words="BELT"))
    assert isinstance(found, Notes)
    assert found.notes == (note,)
    private = site.folder / ".armillary"
    assert chain.verify(private / "logbook", pattern="live-*.jsonl").holds
    assert chain.verify(private / "audit").holds
    assert b"shift.taken" in b"".join(path.read_bytes() for path in (private / "audit").glob("*.jsonl"))


def test_the_report_is_written_by_a_terminal(site: Site, tmp_path: Path) -> None:
    page, pdf = tmp_path / "s.html", tmp_path / "s.pdf"
    command = ["report", "shift", str(site.folder), "--shift", "now", "--html", str(page), "--pdf", str(pdf)]
    done = subprocess.run(
        [sys.executable, "-m", "armillary", *command, "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["figures"][0]["value"] == 12.5, (found["figures"], done.stderr)
    assert "No UNVERIFIED command is open." in page.read_text("utf-8")
    assert pdf.read_bytes().startswith(b"%PDF-")


def test_a_trembling_alarm_is_quietened_by_what_was_recorded(site: Site) -> None:
    project = projects.read(site.folder)
    until(lambda: bool(shiftwork.notes(project)), 20, "the logbook is there")
    (found,) = suggesting.trials(project, project.alarms, None, NOW - 7_200 * NS, NOW)
    assert found.trial.before > 50
    one, made = suggesting.chosen([found], "FT-231")
    assert made.after <= 4
    assert made.kept >= 1
    assert one.unit == "m"
    suggesting.apply(project, made, RULES)
    text = (site.folder / "rules.toml").read_text("utf-8")
    assert "# what must not be lost" in text
    assert "# trembles here" in text
    (spec,) = projects.read(site.folder).alarms
    assert dict(made.changes) == {"deadband": spec.deadband}
    with pytest.raises(Fault, match="changed by somebody else"):
        suggesting.apply(project, made, RULES)
