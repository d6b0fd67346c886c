"""Snapshots of every kind of world: restored exactly on real processes, or refused in one clear sentence."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from recorded import ALARM, ALARM_ACK_S, project_at, record
from stations import Station, until

from armillary.cli.commands import Commands
from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.clock import NS, iso
from armillary.model.control import (
    AskExercise,
    AskRuns,
    AskState,
    Exercise,
    ExerciseView,
    Runs,
    Seek,
    SnapshotInfo,
    StateAnswer,
    TakeSnapshot,
)
from armillary.model.fault import Fault
from armillary.model.message import Enroll, Enrolled, Hello, Welcome
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.quality import GOOD, rank
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.project import folder as projects
from armillary.simulate.ensemble import FINAL
from armillary.wire import child, runs
from armillary.wire.bus import Line
from armillary.world import forked as forks
from armillary.world import snapshot

START = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z, as the steady state of an exercise
RULES = """
[[alarm]]
id = "SLOW"
tag = "T-101.level"
limit = 1.0
on_delay_s = 30.0
consequence = "none"
operator_action = "none"

[[alarm]]
id = "COUNTED"
tag = "T-102.level"
kind = "count"
limit = 1.0
count = 40
consequence = "none"
operator_action = "none"
"""
LOOKING_BACK = {  # of the tank: a window, a counter, one that knows since when
    "level_mean": "mean(T-102.level, 40)",
    "hours_full": "hours_run(T-102.level > 1)",
    "full_for": "time_since(T-102.level > 1)",
}
CALM = """\
schema = 1
kind = "training"
id = "calm"
title = "Nothing happens"
minutes = 60
[simulator]
kind = "pumping-station"
step_s = 0.5
[inputs]
"V-101.sp" = 50.0
[start]
steady_state = "00:00"
"""
THEN = """\
schema = 1
id = "then"
title = "From a time"
kind = "whatif"
horizon_s = 120
[simulator]
kind = "pumping-station"
step_s = 0.5
[start]
from = "time"
time = "{time}"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station whose last ten minutes are on disk, with alarms that count, and no plant."""
    folder = project_at(tmp_path_factory.mktemp("snapshots") / "station", {"broker": 1, "opcua": 1})
    with (folder / "rules.toml").open("a", encoding="utf-8") as stream:
        stream.write(RULES)
    twins = json.loads((folder / "twins.json").read_text("utf-8"))
    tank = next(twin for twin in twins["twins"] if twin["id"] == "T-102")
    tank["tags"] |= {name: {"expression": text} for name, text in LOOKING_BACK.items()}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    (folder / "scenarios" / "calm.toml").write_text(CALM, "utf-8")
    (folder / "scenarios" / "then.toml").write_text(THEN.format(time=iso(START + 100 * NS)), "utf-8")
    record(folder, START)
    return folder


@contextmanager
def world(entry: str, project: Path, log: Path, **args: object) -> Iterator[Line]:
    """A world as a process, and a line to it that has said Hello."""
    process = child.start(entry, {"project": str(project), **args}, log / f"{entry}.log")
    try:
        line = Line(str(process.ready(30.0)["address"]))
        try:
            assert isinstance(line.ask(Hello(actor=f"local:{os.getuid()}", desk="desk"), 20.0), Welcome)
            yield line
        finally:
            line.close()
    finally:
        process.stop(3.0)


def state(line: Line, t_ns: int = 0) -> StateAnswer:
    answer = line.ask(AskState(t_ns=t_ns), 20.0)
    assert isinstance(answer, StateAnswer)
    return answer


def kept(line: Line, title: str = "") -> StateAnswer:
    """Take a snapshot and read it back."""
    info = line.ask(TakeSnapshot(title=title), 20.0)
    assert isinstance(info, SnapshotInfo)
    head = json.loads(Path(info.path).read_bytes().partition(b"\n")[0])
    assert (head["format"], head["schema"]) == ("armillary snapshot", 1)
    read = snapshot.read(Path(info.path))
    assert read[0] == info
    taken.append(info.path)
    return read[1]


taken: list[str] = []  # paths, newest last

NOT_COMPARED = ("world", "kind", "seq", "project_hash")


def same(a: StateAnswer, b: StateAnswer, *leave: str, rounded: Collection[str] = ()) -> None:
    """Assert that two states are equal bit for bit, but for whose they are; some tags up to rounding."""
    for name in StateAnswer.__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        if name in NOT_COMPARED or name in leave:
            continue
        if isinstance(left, np.ndarray):
            differing = [
                t
                for t, x, y in zip(a.tags, left.tolist(), right.tolist(), strict=True)
                if repr(x) != repr(y) and not (t in rounded and x == pytest.approx(y, rel=1e-12))
            ]
            assert not differing, (name, differing[:5])
        elif name == "alarms":  # one that never was is not told
            assert standing(a) == standing(b)
        else:
            assert repr(left) == repr(right), name  # NaN is in it


def standing(of: StateAnswer) -> list[str]:
    """Every alarm that ever was."""
    return sorted(repr(a) for a in of.alarms if a.changed_ns)


def alarm(of: StateAnswer, name: str) -> AlarmState:
    return next((a for a in of.alarms if a.id == name), AlarmState(id=name))


# ---------------------------------------------------------------- an exercise


def view(line: Line) -> ExerciseView:
    answer = line.ask(AskExercise(), 20.0)
    assert isinstance(answer, ExerciseView)
    return answer


def stepped(line: Line, seconds: float) -> StateAnswer:
    """Let a frozen exercise go on by some simulated seconds; return its state there."""
    until(lambda: view(line).state in ("ready", "frozen"), 20.0, "the exercise can be stepped")
    aim = view(line).t_s + seconds
    line.ask(Exercise(action="step", value=seconds / 0.5), 20.0)
    until(lambda: view(line).t_s >= aim, 60.0, "it was stepped")
    assert view(line).t_s == aim
    return state(line)


def minute(line: Line, tags: tuple[str, ...], t_ns: int) -> list[list[float]]:
    """Every remembered value of all tags in the minute after a time."""
    ids = line.ask(Enroll(tags=tags), 20.0)
    assert isinstance(ids, Enrolled)
    out: list[list[float]] = []
    for some in np.array_split(ids.ids, 8):  # as one message has so many parts at most
        query = SeriesQuery(
            ids=tuple(some.tolist()), from_ns=t_ns, to_ns=t_ns + 60 * NS, width=1_000, request=1
        )
        answer = line.ask(query, 20.0)
        assert isinstance(answer, SeriesAnswer)
        out += [series.mean.tolist() for series in answer.series]
    return out


def command(line: Line, tag: str, value: float) -> None:
    armed = line.ask(Arm(tag=tag, value=value, unit="%", actor="", seen_seq=state(line).seq), 20.0)
    assert isinstance(armed, Armed)
    order = Order(
        id=f"o-{tag}",
        world="",
        tag=tag,
        value=value,
        unit="%",
        actor="",
        token=armed.token,
        not_after_ns=2**62,
        expect_seq=0,
    )
    receipt = line.ask(order, 20.0)
    assert isinstance(receipt, Receipt)
    assert receipt.state is OrderState.SENT


def test_an_exercise_goes_on_from_its_snapshot_as_the_one_it_was_taken_of(
    own_places: Path, project: Path, tmp_path: Path
) -> None:
    with world("world.training", project, tmp_path, scenario="calm") as line:
        stepped(line, 7.0)
        command(line, "V-101.sp", 80.0)  # stronger from here on than what the scenario sets at its start
        stepped(line, 8.5)
        then = kept(line)
        assert then.simulator
        assert then.model["V-101.sp"] == 80.0
        assert {p.id for p in then.pending} >= {"SLOW", "COUNTED"}
        after = stepped(line, 60.0)
        course = minute(line, then.tags, then.t_ns)
    assert alarm(then, "SLOW").process is ProcessState.NORM
    assert alarm(after, "SLOW").raised_ns == START + 30 * NS
    with world("world.training", project, tmp_path, scenario="calm", snapshot=taken[-1]) as line:
        until(lambda: state(line).t_ns == then.t_ns, 20.0, "it has begun")
        same(state(line), then, "pending", "past")
        same(kept(line), then)
        same(stepped(line, 60.0), after)
        assert repr(minute(line, then.tags, then.t_ns)) == repr(course)
    with whatif(project, tmp_path, snapshot=taken[-1]) as line:  # the same future by the other kind
        runs_over(line)
        forked = state(line, then.t_ns)
        assert standing(forked) == standing(then)
        level = then.tags.index("T-102.level")
        assert forked.value[level] == then.value[level]
        line.ask(Seek(t_ns=then.t_ns + 60 * NS), 20.0)
        later = state(line, then.t_ns + 60 * NS)
        assert later.value[level] == pytest.approx(after.value[level], rel=1e-9)
        for name in LOOKING_BACK:  # they go on, too
            row = then.tags.index(f"T-102.{name}")
            assert later.value[row] == pytest.approx(after.value[row], rel=1e-3), name
            assert later.quality[row] == after.quality[row], name


# ---------------------------------------------------------------- a what-if


@contextmanager
def whatif(project: Path, log: Path, **args: object) -> Iterator[Line]:
    with world("world.whatif", project, log, workers=1, scenario="then", **args) as line:
        yield line


def runs_over(line: Line) -> Runs:
    def over() -> Runs | None:
        answer = line.ask(AskRuns(), 20.0)
        assert isinstance(answer, Runs)
        return answer if answer.cards and all(c.state in FINAL for c in answer.cards) else None

    until(lambda: over() is not None, 60.0, "the runs are over")
    answer = over()
    assert answer is not None
    assert [c.state for c in answer.cards] == ["done"] * len(answer.cards)
    return answer


def test_a_what_if_goes_on_from_any_row_as_the_one_it_was_taken_of(
    own_places: Path, project: Path, tmp_path: Path
) -> None:
    with world("world.training", project, tmp_path, scenario="calm") as line:
        stepped(line, 12.5)
        kept(line)
    with whatif(project, tmp_path, snapshot=taken[-1]) as line:
        runs_over(line)
        begin = state(line).t_ns
        line.ask(Seek(t_ns=begin + 10 * NS), 20.0)  # the delay of one alarm runs, another one counts
        then = kept(line)
        assert then.t_ns == begin + 10 * NS
        assert then.simulator, "computed again for the snapshot"
        assert {p.id for p in then.pending} >= {"SLOW", "COUNTED"}
        course = [state(line, then.t_ns + s * NS) for s in range(5, 61, 5)]
        line.ask(Seek(t_ns=then.t_ns + 60 * NS), 20.0)
        after = kept(line)
    assert alarm(after, "SLOW").process is not alarm(then, "SLOW").process
    counted = {f"T-102.{name}" for name in LOOKING_BACK}  # they were told the same rows in other batches
    with whatif(project, tmp_path, snapshot=taken[-2]) as line:
        assert not runs_over(line).is_estimated
        same(kept(line), then)
        for was in course:
            same(state(line, was.t_ns), was, "model", "simulator", rounded=counted)
        line.ask(Seek(t_ns=then.t_ns + 60 * NS), 20.0)
        same(kept(line), after, "past", rounded=counted)


# ---------------------------------------------------------------- a replay, and what is refused


def test_a_replayed_moment_is_kept_exactly_and_forked_twice_to_the_same(
    own_places: Path, project: Path, tmp_path: Path
) -> None:
    at_ns = START + (ALARM_ACK_S + 10) * NS
    with world("world.replay", project, tmp_path, at_ns=at_ns) as line:
        line.ask(Seek(t_ns=at_ns), 20.0)
        then = kept(line)
        same(then, state(line, at_ns), "past")
        assert then.t_ns == at_ns
        assert alarm(then, ALARM).process is ProcessState.ACKED
    digests = []
    for _ in range(2):
        with whatif(project, tmp_path, snapshot=taken[-1]) as line:
            got = runs_over(line)
            forked = state(line, at_ns)
            digests.append([c.digest for c in got.cards])
        assert repr(alarm(forked, ALARM)) == repr(alarm(then, ALARM))
        level = then.tags.index("T-102.level")  # the model begins from what was seen, and says how well
        assert forked.value[level] == pytest.approx(then.value[level], abs=0.05)
        assert max(got.residual.values(), default=0.0) < 0.5
    assert digests[0] == digests[1]


def call(*args: str) -> Result:
    return CliRunner().invoke(Commands(name="armillary"), list(args), standalone_mode=False)


def answer_of(*args: str) -> dict[str, object]:
    got = call(*args, "--json")
    assert got.exception is None, got.output
    answer: dict[str, object] = json.loads(got.stdout)
    return answer


def close(name: object) -> None:
    run = next(r for r in runs.all_runs() if r.id == name)
    try:
        assert call("worlds", "close", run.id).exception is None
        until(lambda: all(r.id != run.id for r in runs.all_runs()), 10.0, "it is closed")
    finally:
        if runs.alive(run.pid):
            os.kill(run.pid, signal.SIGKILL)


def test_a_fork_at_a_time_and_a_scenario_from_one_begin_there(own_places: Path, project: Path) -> None:
    at = iso(START + 200 * NS)
    forked = answer_of("fork", str(project), "--at", at)
    try:
        assert forked["t"] == at
        assert str(forked["forked_from"]).startswith("replay-")
    finally:
        close(forked["id"])
    got = answer_of("whatif", str(project), "then")
    assert got["t"] == iso(START + 100 * NS)
    assert call("fork", str(project), "--at", "noon").exception is not None


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def newer(path: Path) -> None:
    line, _, body = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps(json.loads(line) | {"schema": 2}).encode() + b"\n" + body)


def foreign(path: Path) -> None:
    _, was = snapshot.read(path)
    path.unlink()
    other = replace(was, project="another")
    Path(snapshot.write(other, path.parent, START).path).rename(path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(half, "half written"), (newer, "newer Armillary"), (foreign, "another project")],
)
def test_a_snapshot_that_does_not_fit_is_refused_wherever_it_is_given(
    own_places: Path, project: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    given = tmp_path / "given.snapshot"
    read = projects.read(project)
    one = replace(forks.empty_state(read.hash, START), project=read.id)
    Path(snapshot.write(one, tmp_path, START).path).rename(given)
    assert snapshot.read_for(given, read).project == read.id
    spoil(given)
    for args in (
        ("snapshot", "restore", str(project), str(given)),
        ("fork", str(project), "--snapshot", str(given)),
        ("train", str(project), "calm", "--snapshot", str(given), "--headless"),
    ):
        got = call(*args)
        assert isinstance(got.exception, Fault), args
        assert words in str(got.exception)
        assert got.exception.remedy
    assert runs.all_runs() == (), "nothing was started, or it has ended"


# ---------------------------------------------------------------- a live world


def test_a_live_moment_is_kept_forked_and_trained_from(station: Station, tmp_path: Path) -> None:
    until(lambda: station.ranks().get("T-102.level") == 0, 30, "the station is live")
    project = station.plant.project
    then = kept(station.line)
    assert then.kind == "LIVE"
    assert (rank(then.quality) == GOOD).sum() > 50
    assert then.project
    level = then.tags.index("T-102.level")
    saved = answer_of("snapshot", "list", str(project))["snapshots"]
    assert [s["project"] for s in saved] == [then.project]  # type: ignore[attr-defined, index]
    restored = answer_of("snapshot", "restore", str(project), Path(taken[-1]).name)
    try:
        assert restored["t"] == iso(then.t_ns)
        run = next(r for r in runs.all_runs() if r.id == restored["id"])
        line = Line(run.address)
        try:
            forked = state(line, then.t_ns)
            assert standing(forked) == standing(then)
            assert forked.value[level] == pytest.approx(then.value[level], abs=1.0)
        finally:
            line.close()
    finally:
        close(restored["id"])
    lesson = "pump-trip-with-drift"
    with world("world.training", project, tmp_path, scenario=lesson, snapshot=taken[-1]) as line:
        until(lambda: state(line).t_ns == then.t_ns, 20.0, "it has begun")
        assert state(line).value[level] == pytest.approx(then.value[level], abs=1.0)
