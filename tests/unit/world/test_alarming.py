"""Alarms of a world over restarts: what stood still stands, and every transition is in a chain."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.cli import alarm_health
from armillary.model.account import ROLES, LoggedIn, may
from armillary.model.alarm import AlarmAct, AlarmSpec, AlarmState, Presentation, ProcessState, right_to
from armillary.model.clock import NS, ManualClock, iso
from armillary.model.fault import Fault
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.security import chain
from armillary.twin import state as applying
from armillary.world import journal as journals
from armillary.world.alarming import Alarming

TAGS = (TagSpec(slot=0, name="LT-1.level", link="plc", unit="%"),)
HIGH = AlarmSpec(id="HI", slot=0, tag="LT-1.level", limit=90.0, latching=True, priority=2)
PLAIN = replace(HIGH, latching=False)
ENGINEER = LoggedIn(user="ravi", name="Ravi", role="engineer")
ANNA = LoggedIn(user="anna", name="Anna", role="operator")
PATTERN = "live-*.jsonl"


class Run:
    """One run of a world's alarms; ended by nobody, like a killed process, unless closed."""

    def __init__(self, folder: Path, clock: ManualClock, *specs: AlarmSpec) -> None:
        self.clock, self.folder = clock, folder
        self.table = TagTable(1)
        self.alarms = Alarming(specs or (HIGH,), TAGS, (), folder=folder, kind="live", now_ns=clock.now_ns())
        self.tick()

    def tick(self, *values: float) -> None:
        self.clock.advance(1)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        n = len(values)
        batch = batch_of(np.zeros(n, np.uint32), np.array(values), np.arange(now - n, now), now, mono)
        applying.apply(self.table, batch)
        evaluator = self.alarms.evaluator
        evaluator.look(self.table, batch, now, mono)
        self.alarms.note(*evaluator.take(), now)
        self.alarms.sync(mono)

    def act(
        self, action: str, comment: str = "seen \ud800", duration_s: float = 0.0, who: LoggedIn = ANNA
    ) -> str:
        names = (self.state.occurrence or self.state.id,)
        act = AlarmAct(action=action, occurrences=names, comment=comment, duration_s=duration_s)  # type: ignore[arg-type]
        (result,) = self.alarms.act(act, who, self.clock.now_ns()).results
        self.tick()
        return result

    @property
    def state(self) -> AlarmState:
        return self.alarms.evaluator.states()[0]

    def lines(self) -> list[dict[str, object]]:
        return [
            orjson.loads(x) for p in sorted(self.folder.glob(PATTERN)) for x in p.read_bytes().splitlines()
        ]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_every_state_that_waits_for_somebody_survives_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock)
    run.tick(95.0)
    first = run.state
    seen = []
    for step in ("unack", "ack", "clear", "reset"):
        if step in ("ack", "reset"):
            assert run.act(step) == ""
        elif step == "clear":
            run.tick(50.0)
        held = run.state
        run = Run(tmp_path, clock)  # the one before was never closed
        assert (run.state.process, run.state.occurrence) == (held.process, held.occurrence)
        seen.append(run.state.process)
    assert seen == [ProcessState.UNACK, ProcessState.ACKED, ProcessState.LACKD, ProcessState.NORM]
    assert first.occurrence.startswith("HI#")
    assert chain.verify(tmp_path, pattern=PATTERN).holds


def test_the_journal_says_who_did_what_to_which_occurrence(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock)
    run.tick(95.0)
    run.act("ack")
    begun, raised, acked = run.lines()
    assert begun["text"] == "journal begun"
    assert (raised["event"], raised["from"], raised["to"], raised["value"]) == (
        "RAISE",
        "NORM",
        "UNACK",
        95.0,
    )
    assert (raised["limit"], raised["unit"], raised["priority"]) == (90.0, "%", 2)
    assert (acked["actor"], acked["role"], acked["comment"]) == ("anna", "operator", "seen ?")
    assert acked["occurrence"] == raised["occurrence"]


def test_a_run_begins_with_how_long_nothing_was_written(tmp_path: Path, clock: ManualClock) -> None:
    Run(tmp_path, clock).tick(95.0)
    clock.advance(60)
    text = str(Run(tmp_path, clock).lines()[2]["text"])
    assert text == "journal resumed after 60 s; 1 alarms re-evaluated"


def test_a_torn_last_line_is_set_aside_and_the_rest_counts(tmp_path: Path, clock: ManualClock) -> None:
    Run(tmp_path, clock).tick(95.0)
    (path,) = tmp_path.glob(PATTERN)
    with path.open("ab") as stream:
        stream.write(b'{"event":"CLE')
    run = Run(tmp_path, clock)
    assert run.state.process is ProcessState.UNACK
    assert chain.verify(tmp_path, pattern=PATTERN).holds
    assert list(tmp_path.glob("*.torn-*"))


def test_a_new_month_goes_on_from_the_head_of_the_old_one_and_stands_alone(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock)
    run.tick(95.0)
    clock.advance(40 * 86_400)
    run.act("ack")
    assert len(list(tmp_path.glob(PATTERN))) == 2
    assert chain.verify(tmp_path, pattern=PATTERN).holds
    (old, _) = sorted(tmp_path.glob(PATTERN))
    old.rename(tmp_path / "elsewhere.old")
    assert Run(tmp_path, clock).state.process is ProcessState.ACKED


def test_long_runs_write_checkpoints_so_that_a_start_reads_little(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "LINES_A_CHECKPOINT", 3)
    monkeypatch.setattr(journals, "STATES_A_LINE", 1)
    specs = tuple(AlarmSpec(id=f"A{n}", slot=0, tag="LT-1.level", limit=90.0 + n) for n in range(3))
    run = Run(tmp_path, clock, *specs)
    for _ in range(4):
        run.tick(99.0)
        run.tick(0.0)
    assert sum(line["event"] == "CHECKPOINT" for line in run.lines()) > 3
    again = Run(tmp_path, clock, *specs)
    assert {s.process for s in again.alarms.evaluator.states()} == {ProcessState.RTNUN}
    assert chain.verify(tmp_path, pattern=PATTERN).holds


def test_an_edited_journal_is_named_and_alarms_go_on(tmp_path: Path, clock: ManualClock) -> None:
    Run(tmp_path, clock).tick(95.0)
    (path,) = tmp_path.glob(PATTERN)
    path.write_bytes(path.read_bytes().replace(b'"to":"UNACK"', b'"to":"ACKED"'))
    run = Run(tmp_path, clock)
    trouble = run.alarms.take_trouble()
    assert trouble is not None
    assert "damaged" in trouble.what
    run.tick(95.0)
    assert run.state.process is ProcessState.UNACK


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_and_alarms_go_on(tmp_path: Path, clock: ManualClock) -> None:
    tmp_path.chmod(0o500)
    try:
        run = Run(tmp_path / "journal", clock)
        run.tick(95.0)
    finally:
        tmp_path.chmod(0o700)
    assert run.state.process is ProcessState.UNACK
    trouble = run.alarms.take_trouble()
    assert trouble is not None
    assert "cannot be written" in trouble.what


def test_nothing_older_than_half_a_second_waits_for_the_disk(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    run = Run(tmp_path, clock)
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(clock.now_ns()), real(fd))[1])
    run.tick(95.0)
    assert synced == [clock.now_ns()]
    run.tick(95.0)  # nothing new: nothing to sync
    assert len(synced) == 1


# ---------------------------------------------------------------- on the shelf, out of service


def test_a_shelf_outlives_a_kill_and_ends_at_its_time(tmp_path: Path) -> None:
    clock = ManualClock()
    run = Run(tmp_path, clock)
    assert run.act("shelve", "chattering", 900.0) == ""
    again = Run(tmp_path, clock)
    assert again.state.presentation is Presentation.SHELVED
    again.tick(95.0)
    assert (again.state.process, again.state.presentation) == (ProcessState.UNACK, Presentation.SHELVED)
    clock.advance(890)
    again.tick()
    assert again.state.presentation is Presentation.SHELVED
    clock.advance(15)
    again.tick()
    assert (again.state.process, again.state.presentation) == (ProcessState.UNACK, Presentation.SHOWN)
    shelf = [line for line in again.lines() if "SHELVE" in str(line["event"])]
    assert [(line["event"], line["actor"], line["comment"]) for line in shelf] == [
        ("SHELVE", "anna", "chattering"),
        ("UNSHELVE", "", ""),
    ]


def test_a_raise_on_the_shelf_is_written_as_hidden(tmp_path: Path) -> None:
    run = Run(tmp_path, ManualClock())
    run.act("shelve", "known fault", 900.0)
    run.tick(95.0)
    raised = next(line for line in run.lines() if line["event"] == "RAISE")
    assert raised["presentation"] == "SHELVED"


def test_a_one_shot_shelf_ends_when_the_alarm_returns_to_normal(tmp_path: Path) -> None:
    run = Run(tmp_path, ManualClock(), PLAIN)
    run.tick(95.0)
    assert run.act("shelve", "maintenance nearby") == ""
    run.clock.advance(86_400)
    run.tick()
    assert run.state.presentation is Presentation.SHELVED
    run.tick(10.0)
    assert (run.state.process, run.state.presentation) == (ProcessState.RTNUN, Presentation.SHOWN)
    run.tick(95.0)
    assert run.state.presentation is Presentation.SHOWN


@pytest.mark.parametrize("jump_s", [3_600, -3_600])
def test_a_shelf_lasts_as_long_as_was_said_whatever_the_clock_does(tmp_path: Path, jump_s: int) -> None:
    clock = ManualClock()
    run = Run(tmp_path, clock)
    run.act("shelve", "chattering", 900.0)
    clock.jump(jump_s)
    run.tick()
    assert run.state.presentation is Presentation.SHELVED
    clock.advance(880)
    run.tick()
    assert run.state.presentation is Presentation.SHELVED
    clock.advance(30)
    run.tick()
    assert run.state.presentation is Presentation.SHOWN


def test_a_shelf_from_the_future_is_ended_at_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    Run(tmp_path, clock).act("shelve", "chattering", 900.0)
    clock.jump(-7_200)
    assert Run(tmp_path, clock).state.presentation is Presentation.SHOWN


def test_out_of_service_outlives_a_kill_until_somebody_places_it_back(tmp_path: Path) -> None:
    clock = ManualClock()
    run = Run(tmp_path, clock)
    assert run.act("remove", "W-17") == ""
    again = Run(tmp_path, clock)
    again.tick(95.0)
    assert again.state.presentation is Presentation.OUT_OF_SERVICE
    assert again.act("shelve", "chattering", 900.0) == "Out of service: W-17"
    assert again.act("place", "") == ""
    assert again.state.presentation is Presentation.SHOWN
    assert again.act("place", "") == "Not out of service"


def test_only_an_engineer_shelves_priority_1(tmp_path: Path) -> None:
    run = Run(tmp_path, ManualClock(), replace(HIGH, priority=1))
    assert run.act("shelve", "chattering", 900.0) == "Priority 1 is shelved by an engineer only"
    assert run.act("shelve", "chattering", 900.0, ENGINEER) == ""


def test_at_most_twenty_alarms_lie_on_the_shelf(tmp_path: Path) -> None:
    specs = tuple(replace(HIGH, id=f"HI-{i}") for i in range(21))
    run = Run(tmp_path, ManualClock(), *specs)
    act = AlarmAct(
        action="shelve", occurrences=tuple(s.id for s in specs), comment="plant state", duration_s=60.0
    )
    results = run.alarms.act(act, ANNA, run.clock.now_ns()).results
    assert results == ("",) * 20 + ("20 alarms are shelved; unshelve one first",)


@given(st.sampled_from(["ack", "reset", "shelve", "unshelve", "remove", "place"]), st.sampled_from(ROLES))
def test_out_of_service_is_an_engineers(action: str, role: str) -> None:
    right = right_to(AlarmAct(action=action, occurrences=()))  # type: ignore[arg-type]
    allowed = {"engineer"} if action in ("remove", "place") else {"operator", "engineer"}
    assert may(role, right) is (role in allowed)


def test_the_journal_is_what_the_health_of_the_alarms_is_judged_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = ManualClock()
    run = Run(tmp_path / ".armillary" / "journal", clock, PLAIN)
    for _ in range(12):
        run.tick(95.0)
        run.tick(10.0)
    run.act("shelve", "chattering", 900.0)
    run.tick(95.0)
    page = tmp_path / "health.html"
    span = (iso(clock.now_ns() - 3_600 * NS), iso(clock.now_ns() + NS))
    assert alarm_health.run(str(tmp_path), *span, page, as_json=True) == 1  # more than ten in ten minutes
    found = orjson.loads(capsys.readouterr().out)
    figures = {metric["name"]: metric["value"] for metric in found["metrics"]}
    assert (figures["annunciated"], figures["raised while hidden"], figures["fleeting"]) == (12, 1, 12)
    assert found["chattering"] == ["HI"]
    assert len(found["floods"]) == 1
    assert "HI" in page.read_text("utf-8")


def test_a_project_that_never_ran_has_no_health(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no journal of alarms"):
        alarm_health.run(str(tmp_path), "", "", None, as_json=False)


def test_what_an_alarm_tells_of_a_person_is_in_no_sealed_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "TAGS", (replace(TAGS[0], personal="direct", unit="1/min"),))
    clock = ManualClock()
    run = Run(tmp_path, clock)
    run.tick(187.25)
    run.act("ack")
    assert run.state.value == 187.25, "who may see it sees it"
    run.alarms.close()
    again = Run(tmp_path, clock)
    assert again.state.process is ProcessState.ACKED, "how it stands is known"
    again.alarms.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob(PATTERN))
    assert b'"RAISE"' in kept
    assert b"187" not in kept
    assert all(not line.get("text") for line in run.lines() if line.get("alarm_id") == "HI")
    assert chain.verify(tmp_path, pattern=PATTERN).holds
