"""`armillary alarms journal`: what happened, listed or as a file, from what the world wrote."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.alarms.evaluate import Evaluator
from armillary.cli.alarms import alarms
from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmAct, AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS, WallClock
from armillary.model.tags import TagSpec
from armillary.world.alarming import Alarming

SPEC = AlarmSpec(id="HI", slot=0, tag="LT-1", limit=9.0)
TAGS = (TagSpec(slot=0, name="LT-1", unit="%"),)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which a world wrote that Anna commented on an alarm and acknowledged it."""
    folder = tmp_path / "project"
    journal = folder / ".armillary" / "journal"
    journal.mkdir(parents=True)
    now = WallClock().now_ns() - 60 * NS
    world = Alarming([SPEC], TAGS, (), folder=journal, kind="live", now_ns=now)
    evaluator: Evaluator = world.evaluator
    stands = AlarmState(id="HI", process=ProcessState.UNACK, occurrence="HI#1", raised_ns=now)
    evaluator.restore([stands], now)
    anna = LoggedIn(user="anna", name="Anna", role="operator")
    for action, words in (("comment", "=valve sticks"), ("ack", "")):
        act = AlarmAct(action=action, occurrences=("HI#1",), comment=words)  # type: ignore[arg-type]
        assert world.act(act, anna, now + NS).results == ("",)
        states, events = evaluator.take()
        world.note(states, events, now + NS)
    world.close()
    return folder


def test_the_journal_is_listed_and_written_with_who_said_what(project: Path, tmp_path: Path) -> None:
    run = CliRunner()
    shown = run.invoke(alarms, ["journal", str(project)])
    assert shown.exit_code == 0, shown.output
    assert "COMMENT" in shown.output
    assert "=valve sticks" in shown.output
    path = tmp_path / "journal.csv"
    wrote = run.invoke(alarms, ["journal", str(project), "HI", "-o", str(path), "--json"])
    assert json.loads(wrote.output)["lines"] == 2
    first, second = csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""))
    assert (first["event"], first["comment"], first["actor"], first["role"]) == (
        "COMMENT",
        "'=valve sticks",
        "anna",
        "operator",
    )
    assert (second["event"], second["to"], second["comment"], second["limit"]) == ("ACK", "ACKED", "", "9.0")
    assert second["hash_prev"] == first["hash"]
    other = run.invoke(alarms, ["journal", str(project), "LO", "--json"])
    assert json.loads(other.output)["lines"] == []


def test_a_journal_that_is_not_there_or_a_form_that_is_not_known_is_said(
    project: Path, tmp_path: Path
) -> None:
    run = CliRunner()
    missing = run.invoke(alarms, ["journal", str(tmp_path / "none")])
    assert "no journal" in f"{missing.output}{missing.exception}"
    odd = run.invoke(alarms, ["journal", str(project), "-o", str(tmp_path / "a.xls")])
    assert "is not written" in f"{odd.output}{odd.exception}"
    assert run.invoke(alarms, ["journal"]).exit_code == 2
