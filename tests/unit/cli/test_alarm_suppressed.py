"""`armillary alarms suppressed` on a real store and a real journal; the recorder's process is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from armillary.cli import alarm_suppressed, run
from armillary.history.store import Store
from armillary.model.clock import NS, ManualClock, WallClock
from armillary.model.message import Append, Enroll
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.recorder.keeper import Keeper, answer
from armillary.twin import state as applying
from armillary.world.alarming import Alarming

HOUR = 3_600
PEER = b"p"
TWINS = """{"schema": 1, "twins": [
 {"id": "FT-1", "tags": {"flow": {"address": "plc!ns=1;i=1"}}},
 {"id": "P-1", "tags": {"state": {"address": "plc!ns=1;i=2"}}}]}"""
RULES = """schema = 1
[[alarm]]
id = "FLOW-L"
tag = "FT-1.flow"
limit = 5
direction = "below"
priority = {priority}
consequence = "c"
operator_action = "o"
[[suppress]]
id = "stopped"
when = "P-1.state == 0"
alarms = ["FLOW-L"]
"""


@pytest.fixture
def folder(own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = projects.new(tmp_path / "plant", "plant").folder
    with (made / "project.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n')
    (made / "twins.json").write_text(TWINS, "utf-8")
    (made / ".armillary").mkdir(exist_ok=True)
    store = Store(tmp_path / "history.duckdb")
    keeper = Keeper(store)

    @contextmanager
    def recorder(_folder: Path, *, read_only: bool) -> Iterator[None]:
        assert read_only
        yield None

    def asked(_line: None, message: object, _limit_s: float) -> object:
        return keeper.enroll(PEER, message) if isinstance(message, Enroll) else answer(store, message)

    monkeypatch.setattr(alarm_suppressed, "recorder", recorder)
    monkeypatch.setattr(alarm_suppressed, "asked", asked)
    ids = keeper.enroll(PEER, Enroll(tags=("P-1.state",))).ids
    now = WallClock().now_ns()
    times = now - np.array([3, 2, 1], np.int64) * HOUR * NS  # it stood for an hour
    rows = batch_of(np.full(3, ids[0], np.uint32), np.array([1.0, 0.0, 1.0]), times, times, 0)
    keeper.offer(PEER, 1, Append(seq=1, batch=rows), 0)
    keeper.commit()
    yield made
    store.close()


def ran(folder: Path, priority: int) -> None:
    """Two raises, one of them while the pump stood."""
    (folder / "rules.toml").write_text(RULES.format(priority=priority), "utf-8")
    project = projects.read(folder)
    clock = ManualClock(WallClock().now_ns() - 4 * HOUR * NS)
    run_ = Alarming(
        project.alarms, project.specs, (), folder=project.private / "journal", kind="live",
        now_ns=clock.now_ns(),
    )  # fmt: skip
    table = TagTable(len(project.specs))
    for value, after_s in ((10.0, 60.0), (1.0, 60.0), (10.0, 60.0), (1.0, 2.5 * HOUR), (10.0, 60.0)):
        clock.advance(after_s)
        now, mono = clock.now_ns(), clock.now_mono_ns()
        batch = batch_of(np.zeros(1, np.uint32), np.array([value]), np.array([now]), now, mono)
        applying.apply(table, batch)
        run_.evaluator.look(table, batch, now, mono)
        run_.note(*run_.evaluator.take(), now)
    run_.close()


def test_it_says_which_raises_a_rule_would_have_hidden(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(folder, 3)
    assert run(["alarms", "suppressed", str(folder), "--days", "30", "--json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)["rules"]
    assert (rule["rule"], rule["raises"], rule["of"], rule["urgent"]) == ("stopped", {"FLOW-L": 1}, 2, 0)
    assert rule["hidden_s"] == pytest.approx(HOUR + 5.0)
    assert run(["alarms", "suppressed", str(folder)]) == 0
    assert "1 of 2" in capsys.readouterr().out


def test_a_rule_that_would_have_hidden_something_urgent_is_bad_news(folder: Path) -> None:
    ran(folder, 2)
    assert run(["alarms", "suppressed", str(folder)]) == 1


def test_days_before_the_record_are_told_as_not_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(folder, 3)
    assert run(["alarms", "suppressed", str(folder), "--days", "1", "--json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)["rules"]
    assert rule["unknown_s"] == pytest.approx(21 * HOUR, abs=60)
