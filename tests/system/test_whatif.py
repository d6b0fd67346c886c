"""A WHAT-IF world as a process: forked, computed, shown at a cursor, killed and opened again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stations import until
from test_workers import install

from armillary.model.clock import NS
from armillary.model.control import (
    AskRunFrame,
    AskRuns,
    AskRunSeries,
    AskState,
    CancelRuns,
    Play,
    RunRequest,
    Runs,
    RunSeries,
    SaveScenario,
    Seek,
    ShowRun,
    SnapshotInfo,
    StartRuns,
    StateAnswer,
    TakeSnapshot,
)
from armillary.model.fault import Fault
from armillary.model.frame import Frame, WorldKind
from armillary.model.message import Hello, Stop, Welcome
from armillary.model.order import Order, OrderState, Receipt
from armillary.model.scenario import Fork
from armillary.project import scenarios
from armillary.simulate.ensemble import FINAL
from armillary.wire import child, runs
from armillary.wire.bus import Line
from armillary.world import snapshot

T = 1_760_000_000 * NS
PROJECT = """\
[project]
schema = 1
id = "7c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b32"
name = "Tanks"
[scene]
entry = "scene.usda"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
"""
SCENARIO = """\
schema = 1
id = "drain"
title = "Drain the tank"
kind = "whatif"
horizon_s = 600
[simulator]
kind = "tanks"
[uncertainty]
members = 20
spread = { valve = 0.1 }
[[event]]
at_s = 60.0
set = { valve = 0.4 }
[[variant]]
id = "more-in"
title = "Pump more"
event = [{ at_s = 120.0, set = { "P-1.flow" = 1.0 } }]
[[variant]]
id = "wide"
set = { area = 8.0 }
[[measure]]
name = "energy"
kind = "energy"
of = "P-1.power"
unit = "kWh"
[[measure]]
name = "low_time"
kind = "time_below"
of = "T-1.level"
limit = 1.0
unit = "s"
[score]
minimise = "low_time + 10 * energy"
constraint = ["T-1.level > 0.2", "max(T-1.level) < 4"]
"""


def tag(address: str, unit: str) -> dict[str, object]:
    return {"address": f"site!{address}#$.v", "unit": unit}


@pytest.fixture
def project(own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path / "site", monkeypatch)
    folder = tmp_path / "tanks"
    (folder / "scenarios").mkdir(parents=True)
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    (folder / "scene.usda").write_text('#usda 1.0\n(\n    upAxis = "Z"\n)\n', "utf-8")
    twins = [
        {"id": "P-1", "tags": {"flow": tag("q", "m³/h"), "power": tag("p", "kW")}},
        {
            "id": "T-1",
            "tags": {
                "level": tag("h", "m"),
                "other": tag("o", ""),
                "twice": {"expression": "T-1.level * 2", "unit": "m"},
            },
        },
    ]
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}), "utf-8")
    (folder / "scenarios" / "drain.toml").write_text(SCENARIO, "utf-8")
    return folder


def state(**more: object) -> StateAnswer:
    fields: dict[str, object] = {
        "world": "live-1",
        "kind": "LIVE",
        "project_hash": "",
        "seq": 3,
        "t_ns": T,
        "tags": ("T-1.level", "P-1.flow", "T-1.other"),
        "units": ("m", "m³/h", ""),
        "value": np.array([2.0, 720.0, 5.0]),
        "source_ns": np.full(3, T - NS, np.int64),
        "arrival_ns": np.full(3, T, np.int64),
        "quality": np.array([0, 3, 0], np.uint16),
    } | more
    return StateAnswer(**fields)  # type: ignore[arg-type]  # a test's own table of fields


class World:
    """A WHAT-IF process of a test."""

    def __init__(self, project: Path, **args: object) -> None:
        self.child = child.start(
            "world.whatif", {"project": str(project), **args}, project.parent / "whatif.log"
        )
        self.line = Line(str(self.child.ready()["address"]))

    def runs(self) -> Runs:
        answer = self.line.ask(AskRuns(), 20)
        assert isinstance(answer, Runs)
        return answer

    def over(self) -> Runs:
        until(lambda: all(c.state in FINAL for c in self.runs().cards), 60, "runs are over")
        return self.runs()

    def values(self) -> dict[str, float]:
        welcome = self.welcome()
        return {s.name: float(welcome.frame.value[s.slot]) for s in welcome.specs}

    def welcome(self) -> Welcome:
        answer = self.line.ask(Hello(actor="test", desk="test"), 20)
        assert isinstance(answer, Welcome)
        return answer

    def close(self) -> None:
        self.line.close()
        self.child.stop()


@pytest.fixture
def forked(project: Path) -> Iterator[World]:
    taken = snapshot.write(state(), project.parent / "snaps", T)
    world = World(project, snapshot=taken.path, scenario="drain", fork="one")
    try:
        yield world
    finally:
        world.close()


def test_baseline_and_variants_are_computed_measured_and_ranked(forked: World) -> None:
    got = forked.over()
    assert [(c.id, c.state, c.members) for c in got.cards] == [
        ("baseline", "done", 20),
        ("more-in", "done", 20),
        ("wide", "done", 20),
    ]
    assert got.not_good == ("P-1.flow", "P-1.power")
    assert got.forked_from == "live-1"
    assert sorted(c.rank for c in got.cards) == [1, 2, 3]
    assert all(c.reason for c in got.cards)
    energy = {c.id: next(m for m in c.measures if m.name == "energy") for c in got.cards}
    assert energy["baseline"].value == pytest.approx(2.0 * 600 / 3600)  # 720 m³/h = 0.2 m³/s, 10 kW each
    assert energy["more-in"].value > energy["baseline"].value or energy["more-in"].is_best
    low = next(m for m in got.cards[0].measures if m.name == "low_time")
    assert low.low <= low.value <= low.high


def test_shown_run_moves_with_the_cursor_and_says_what_nobody_computed(forked: World) -> None:
    forked.over()
    welcome = forked.welcome()
    assert welcome.kind == WorldKind.WHATIF
    assert "not the plant" in welcome.about
    assert "'Drain the tank'" in welcome.about
    at_fork = forked.values()
    assert at_fork["T-1.level"] == 2.0
    assert at_fork["P-1.flow"] == pytest.approx(720.0)
    forked.line.ask(Seek(t_ns=T + 300 * NS))
    later = forked.values()
    level = 2.0 + (2.0 - 2.0) * np.exp(-0.1 * 60 / 2)
    level = 0.5 + (level - 0.5) * np.exp(-0.4 * 240 / 2)
    assert later["T-1.level"] == pytest.approx(level, rel=1e-6)
    assert later["T-1.twice"] == pytest.approx(2 * level, rel=1e-6)
    assert later["T-1.other"] == 5.0
    welcome = forked.welcome()
    ranks = {s.name: int(welcome.frame.quality[s.slot]) & 0xFF for s in welcome.specs}
    assert ranks == {"P-1.flow": 0, "P-1.power": 0, "T-1.level": 0, "T-1.other": 2, "T-1.twice": 0}
    cursor = welcome.frame.cursor
    assert cursor is not None
    assert (cursor.from_ns, cursor.to_ns) == (T, T + 600 * NS)
    assert welcome.frame.t_ns == T + 300 * NS
    forked.line.ask(Play(speed=-100.0))
    until(lambda: forked.welcome().frame.t_ns == T, 10, "played back to the fork")
    assert forked.values()["T-1.level"] == 2.0


def test_other_run_is_shown_and_compared(forked: World) -> None:
    forked.over()
    forked.line.ask(Seek(t_ns=T + 600 * NS))
    before = forked.values()["T-1.level"]
    forked.line.ask(ShowRun(id="more-in"))
    assert forked.values()["T-1.level"] != before
    series = forked.line.ask(AskRunSeries(ids=("baseline", "more-in"), tag="T-1.level", width=100))
    assert isinstance(series, RunSeries)
    assert [s.id for s in series.series] == ["baseline", "more-in"]
    one = series.series[0]
    assert len(one.t_ns) == 100
    assert (one.low <= one.mid).all()
    assert (one.mid <= one.high).all()
    assert one.high[-1] > one.low[-1]
    frame = forked.line.ask(AskRunFrame(id="baseline", t_ns=T + 600 * NS))
    assert isinstance(frame, Frame)
    assert len(frame) == 5
    with pytest.raises(Fault, match="no run"):
        forked.line.ask(ShowRun(id="nope"))


def test_order_is_refused(forked: World) -> None:
    order = Order(
        id="o",
        world="",
        tag="P-1.flow",
        value=1.0,
        unit="m³/h",
        actor="me",
        token="",
        not_after_ns=0,
        expect_seq=0,
    )
    receipt = forked.line.ask(order, 20)
    assert isinstance(receipt, Receipt)
    assert receipt.state == OrderState.REFUSED


def test_killed_world_comes_back_with_its_runs(project: Path, forked: World) -> None:
    before = forked.over()
    os.kill(forked.child.pid, signal.SIGKILL)
    again = World(project, fork="one")
    try:
        after = again.over()
        assert [(c.id, c.digest, c.rank) for c in after.cards] == [
            (c.id, c.digest, c.rank) for c in before.cards
        ]
        again.line.ask(ShowRun(id="wide"))
        again.line.ask(Seek(t_ns=T + 600 * NS))
        assert again.values()["T-1.level"] != 2.0
    finally:
        again.close()


def test_run_of_the_desk_is_computed_saved_and_rerun_to_the_same(project: Path, forked: World) -> None:
    forked.over()
    wish = RunRequest(id="mine", title="Half open", horizon_s=600.0, events=((30.0, "valve", 0.05),), seed=3)
    forked.line.ask(StartRuns(runs=(wish,)), 20)
    first = next(c for c in forked.over().cards if c.id == "mine")
    assert first.note == "single run, no uncertainty"
    forked.line.ask(SaveScenario(path="scenarios/mine.toml", title="Mine"), 20)
    read = scenarios.read(project / "scenarios" / "mine.toml", project)
    assert [v.id for v in read.variants] == ["more-in", "wide", "mine"]
    with pytest.raises(Fault, match="already"):
        forked.line.ask(SaveScenario(path="scenarios/drain.toml", title="Mine"), 20)
    assert (project / "scenarios" / "drain.toml").read_text("utf-8") == SCENARIO
    forked.line.ask(StartRuns(runs=(RunRequest(**{**_fields(wish), "id": "again"}),)), 20)  # type: ignore[arg-type]
    second = next(c for c in forked.over().cards if c.id == "again")
    assert second.digest == first.digest
    with pytest.raises(Fault, match="already"):
        forked.line.ask(StartRuns(runs=(wish,)))
    with pytest.raises(Fault, match="valve") as caught:
        forked.line.ask(
            StartRuns(runs=(RunRequest(id="x", title="x", horizon_s=9.0, events=((1.0, "valv", 1.0),)),))
        )
    assert "valv" in caught.value.what
    with pytest.raises(Fault, match="scenarios"):
        forked.line.ask(SaveScenario(path=str(project.parent / "evil.toml"), title="x"))


def _fields(wish: RunRequest) -> dict[str, object]:
    return {name: getattr(wish, name) for name in wish.__dataclass_fields__}


def test_cancelled_run_keeps_what_it_has(forked: World) -> None:
    forked.over()
    slow = RunRequest(id="slow", title="slow", horizon_s=600.0, events=((0.0, "trap", 5.0),))
    forked.line.ask(StartRuns(runs=(slow,)))
    until(lambda: forked.runs().cards[-1].progress > 0, 10, "it runs")
    forked.line.ask(CancelRuns(ids=("slow",)))
    card = forked.over().cards[-1]
    assert card.state == "stopped"
    assert T < card.to_ns < T + 600 * NS


def test_idle_world_is_unlisted_until_it_is_told_to_fork(project: Path) -> None:
    taken = snapshot.write(state(), project.parent / "snaps", T)
    world = World(project, idle=True)
    try:
        assert runs.all_runs() == ()
        answer = world.line.ask(Fork(snapshot=taken.path, fork="two"), 20)
        assert isinstance(answer, Runs)
        assert [c.id for c in answer.cards] == ["baseline"]
        assert [r.kind for r in runs.all_runs()] == ["WHAT-IF"]
        assert world.over().cards[0].state == "done"
        with pytest.raises(Fault, match="already"):
            world.line.ask(Fork())
    finally:
        world.close()


def test_what_if_is_forked_and_snapshot_like_any_world(project: Path, forked: World) -> None:
    forked.over()
    forked.line.ask(Seek(t_ns=T + 300 * NS))
    at = forked.line.ask(AskState(t_ns=T + 120 * NS))
    assert isinstance(at, StateAnswer)
    assert at.t_ns == T + 120 * NS
    info = forked.line.ask(TakeSnapshot(title="later"), 20)
    assert isinstance(info, SnapshotInfo)
    assert Path(info.path).parent == project / ".armillary" / "snapshots"
    kept = snapshot.read(Path(info.path))[1]
    assert kept.t_ns == T + 300 * NS
    assert kept.model["valve"] == 0.4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('of = "P-1.power"', 'of = "P-1.power.__class__"', "not"),
        ('of = "P-1.power"', "of = \"__import__('os').system('true')\"", "not"),
        ('of = "P-1.power"', 'of = "P-1.pover"', "P-1.power"),
        ("set = { valve = 0.4 }", "set = { valv = 0.4 }", "valve"),
        ("set = { area = 8.0 }", "set = { h = 8.0 }", "cannot be set"),
        ('kind = "tanks"', 'kind = "tnaks"', "tanks"),
        ("minimise = ", "minimize = ", "minimise"),
    ],
)
def test_scenario_with_a_mistake_is_refused_before_anything_runs(
    project: Path, old: str, new: str, words: str
) -> None:
    (project / "scenarios" / "drain.toml").write_text(SCENARIO.replace(old, new, 1), "utf-8")
    world = World(project, scenario="drain")
    try:
        with pytest.raises(Fault) as caught:
            world.runs()
        assert words in str(caught.value)
        assert not (project / ".armillary" / "runs").exists()
        world.line.ask(Stop())
    finally:
        world.close()
