"""Suggestions for alarms of every kind over a real store; the recorder's process is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS, ManualClock
from armillary.model.message import Append, Enroll
from armillary.model.sample import batch_of
from armillary.project import folder as projects
from armillary.project.rules import RULES_FILE
from armillary.recorder.keeper import Keeper, answer
from armillary.session import alarm_past, suggesting
from armillary.session.limits import text_of

N = 7_200
TWINS = """{"schema": 1, "twins": [{"id": "P", "tags": {
  "run": {"address": "plc!ns=1;i=1"}, "cmd": {"address": "plc!ns=1;i=2"}}}]}"""
RULES = """schema = 1
# of the pump
[[alarm]]
id = "TRIP"
tag = "P.run"
kind = "state"
values = [1]
consequence = "c"
operator_action = "o"
[[alarm]]
id = "FOLLOWS"
tag = "P.run"
kind = "discrepancy"
command = "P.cmd"
travel_time_s = 1
consequence = "c"
operator_action = "o"
"""


@pytest.fixture
def folder(own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = projects.new(tmp_path / "plant", "plant").folder
    with (made / "project.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n')
    (made / "twins.json").write_text(TWINS, "utf-8")
    (made / "rules.toml").write_text(RULES, "utf-8")
    store = Store(tmp_path / "history.duckdb")
    keeper = Keeper(store)
    run = np.zeros(N)
    for begin in range(100, 4_800, 120):
        run[begin : begin + 3] = 1.0  # it flickers
    run[5_000:5_400] = 1.0  # and stands once
    ids = keeper.enroll(b"p", Enroll(tags=("P.run", "P.cmd"))).ids
    t_ns = ManualClock().now_ns() + np.arange(N, dtype=np.int64) * NS
    for seq, (tag, value) in enumerate(zip(ids.tolist(), (run, np.zeros(N)), strict=True), 1):
        rows = batch_of(np.full(N, tag, np.uint32), value, t_ns, t_ns, 0)
        keeper.offer(b"p", seq, Append(seq=seq, batch=rows), 0)
    keeper.commit()

    @contextmanager
    def recorder(_folder: Path, *, read_only: bool) -> Iterator[None]:
        assert read_only
        yield None

    monkeypatch.setattr(suggesting, "recorder", recorder)
    monkeypatch.setattr(
        alarm_past,
        "asked",
        lambda _line, message, _s: (
            keeper.enroll(b"p", message) if isinstance(message, Enroll) else answer(store, message)
        ),
    )
    yield made
    store.close()


def test_states_and_discrepancies_are_tried_over_the_record_and_written_into_the_file(folder: Path) -> None:
    project = projects.read(folder)
    begin = ManualClock().now_ns()
    found = suggesting.trials(project, project.alarms, None, begin, begin + N * NS)
    assert {one.spec.id: one.trial.before for one in found} == {"TRIP": 41, "FOLLOWS": 41}
    assert all(one.trial.suggestions for one in found), [one.trial.why_not for one in found]
    for name in ("TRIP", "FOLLOWS"):
        one, best = suggesting.chosen(found, name)
        assert best.after < 0.7 * best.before
        assert best.kept == 1
        suggesting.apply(project, best, text_of(folder, RULES_FILE))
        [written] = [a for a in projects.read(folder).alarms if a.id == name]
        assert written != one.spec
    assert "# of the pump" in text_of(folder, RULES_FILE)
