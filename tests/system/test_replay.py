"""REPLAY as a process on a small record: jumps, both directions, a recorder that dies, one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from stations import CLOCK, until

from armillary.history.store import Store
from armillary.model.clock import NS, iso
from armillary.model.control import AskState, Loop, Play, Seek, ShowVersion, StateAnswer, Step
from armillary.model.frame import Event, Frame, RunState, apply_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import Order, OrderState, Receipt
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.project import version
from armillary.wire import child, marks
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system
T0 = 1_750_000_200 * NS
SECONDS = 900
PROJECT = """
[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a12"
name = "Replayed"

[model]
twins = "twins.json"

[historian]
retention_days = 36500

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
"""
TWINS = """
{"schema": 1, "twins": [{"id": "t", "tags": {
 "level": {"address": "site!a#$.v", "expected_interval_s": 1.0},
 "setpoint": {"address": "site!b#$.v", "expected_interval_s": 0},
 "twice": {"expression": "t.level * 2"}}}]}
"""


def _write(folder: Path) -> Path:
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    (folder / "twins.json").write_text(TWINS, "utf-8")
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names(["t.level", "t.setpoint", "t.twice", "~world", "~link:site"])
    t = T0 + np.arange(SECONDS) * NS
    n = np.full(SECONDS, 1, np.uint32)
    store.append(batch_of(n * ids[0], np.arange(SECONDS, dtype=np.float64), t, t, 0))
    store.append(batch_of(n * ids[2], np.arange(SECONDS) * 2.0, t, t, 0))
    store.append(batch_of(ids[1:2], np.array([7.0]), t[:1], t[:1], 0))
    status = LinkStatus(name="site", kind="mqtt", url="mqtt://127.0.0.1:1", state=LinkState.UP, since_ns=T0)
    store.append(
        batch_of(
            ids[3:],
            np.array([1.0, marks.LINK_CODES[LinkState.UP]]),
            t[[0, 0]] - 1,
            t[[0, 0]] - 1,
            0,
            text={1: marks.text_of(status)},
        )
    )
    store.close()
    return folder


def _write_wide(folder: Path, tags: int, seconds: int) -> Path:
    """Write a record of many tags, each the second of the record plus its number."""
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    rows = {f"x{i}": {"address": f"site!t{i}#$.v", "expected_interval_s": 1.0} for i in range(tags)}
    (folder / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": [{"id": "t", "tags": rows}]}), "utf-8"
    )
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names([f"t.x{i}" for i in range(tags)])
    second = np.repeat(np.arange(seconds), tags)
    number = np.tile(np.arange(tags), seconds)
    t = T0 + second * NS
    store.append(batch_of(ids[number], (second + number).astype(np.float64), t, t, 0))
    store.close()
    return folder


class Desk:
    """A line to a replay with its mirror."""

    def __init__(self, address: str) -> None:
        self.line = Line(address)
        welcome = self.line.ask(Hello(actor="local:1", desk="test"), 10)
        assert isinstance(welcome, Welcome)
        self.welcome, self.last = welcome, welcome.frame
        self.table = TagTable(len(welcome.specs))
        self.frames: list[Frame] = []
        self._take(welcome.frame)

    def _take(self, frame: Frame) -> None:
        apply_frame(self.table, frame)
        self.last = frame
        self.frames.append(frame)

    def look(self, seconds: float = 0.05) -> Frame:
        self.line.send(Credit(seq=self.last.seq))
        for _, got in self.line.poll(seconds):
            if isinstance(got, Welcome):  # the tags are others
                self.welcome, self.table = got, TagTable(len(got.specs))
                self._take(got.frame)
            elif isinstance(got, Frame):
                self._take(got)
        return self.last

    def at(self, t_ns: int) -> Frame:
        self.line.ask(Play(speed=0.0), 10)  # while it runs, the very frame of a time may be passed over
        self.line.ask(Seek(t_ns=t_ns), 10)
        until(lambda: self.look().t_ns == t_ns, 20, "the frame of the time")
        return self.last


@pytest.fixture
def folder(own_places: Path, tmp_path: Path) -> Path:
    return _write(tmp_path)


@pytest.fixture
def replay(folder: Path, tmp_path: Path) -> Iterator[child.Child]:
    process = child.start("world.replay", {"project": str(folder), "idle": True}, tmp_path / "replay.log")
    yield process
    process.stop(5)


@pytest.fixture
def desk(replay: child.Child) -> Iterator[Desk]:
    made = Desk(str(replay.ready()["address"]))
    yield made
    made.line.close()


def test_an_idle_replay_reads_nothing_and_is_small(replay: child.Child, desk: Desk) -> None:
    process = psutil.Process(replay.pid)
    assert not process.children()
    assert process.memory_info().rss < 120e6
    assert (desk.welcome.kind, desk.welcome.run, desk.welcome.about) == ("REPLAY", RunState.PAUSED, "REPLAY")


def test_a_jump_shows_the_whole_state_of_the_time(desk: Desk) -> None:
    for second in (600, 10, 898, 300):
        frame = desk.at(T0 + second * NS + NS // 2)
        assert desk.table.value.tolist() == [second, 7.0, second * 2.0]
        assert desk.table.quality.tolist() == [0, 0, 0]
        assert frame.links == () or frame.links[0].state is LinkState.UP
    assert frame.cursor is not None
    assert (frame.cursor.from_ns, frame.cursor.to_ns) == (T0, T0 + (SECONDS - 1) * NS)


def test_it_runs_forwards_and_backwards_and_steps(desk: Desk) -> None:
    desk.at(T0 + 100 * NS)
    desk.line.ask(Play(speed=100.0), 5)
    until(lambda: desk.look().t_ns > T0 + 400 * NS, 20, "300 s of record at 100 ×")
    assert desk.last.run is RunState.RUNNING
    assert desk.table.value[0] == (desk.last.t_ns - T0) // NS
    desk.line.ask(Play(speed=-100.0), 5)
    until(lambda: desk.look().t_ns < T0 + 50 * NS, 20, "and back")
    desk.line.ask(Play(speed=0.0), 5)
    until(lambda: desk.look().run is RunState.PAUSED, 20, "a pause")
    at_ns = desk.at(T0 + 200 * NS + 7).t_ns
    for by, count, wanted in (
        ("second", -1, at_ns - NS),
        ("sample", 1, T0 + 200 * NS),
        ("sample", -1, T0 + 199 * NS),
    ):
        desk.line.ask(Step(by=by, count=count), 10)  # type: ignore[arg-type]
        until(lambda wanted=wanted: desk.look().t_ns == wanted, 20, f"a step by {by}")  # type: ignore[misc]
        assert desk.table.value[0] == (wanted - T0) // NS


def test_it_ends_at_the_end_of_the_record(desk: Desk) -> None:
    desk.at(T0 + 890 * NS)
    desk.line.ask(Play(speed=1000.0), 5)
    until(lambda: desk.look().run is RunState.ENDED, 10, "the end")
    assert desk.last.t_ns == T0 + (SECONDS - 1) * NS


def test_a_fast_replay_of_a_thousand_tags_keeps_up_or_tells_its_real_speed(
    own_places: Path, tmp_path: Path
) -> None:
    tags, seconds = 1_000, 600
    args = {"project": str(_write_wide(tmp_path / "wide", tags, seconds)), "idle": True}
    replay = child.start("world.replay", args, tmp_path / "replay.log")
    desk = Desk(str(replay.ready()["address"]))
    try:
        for begin_s, speed in ((0, 60.0), (0, 1000.0), (seconds - 1, -1000.0)):
            desk.at(T0 + begin_s * NS)
            desk.line.ask(Play(speed=speed), 5)
            until(lambda: desk.look().run is RunState.RUNNING, 20, "it runs")
            first_ns, from_ns, told = CLOCK.now_mono_ns(), desk.last.t_ns, list[float]()
            while desk.last.run is RunState.RUNNING and CLOCK.now_mono_ns() - first_ns < 2 * NS:
                told.append(desk.look().cursor.speed)  # type: ignore[union-attr]
                second = (desk.last.t_ns - T0) // NS
                assert desk.table.value[[0, tags - 1]].tolist() == [second, second + tags - 1]
            real = (desk.last.t_ns - from_ns) / (CLOCK.now_mono_ns() - first_ns)
            assert real * speed > 0
            assert abs(np.mean(told) - real) < 0.5 * abs(speed), (speed, real, told)
    finally:
        desk.line.close()
        replay.stop(5)


def test_the_state_of_any_time_can_be_asked_without_moving(desk: Desk) -> None:
    desk.at(T0 + 100 * NS)
    answer = desk.line.ask(AskState(t_ns=T0 + 500 * NS), 10)
    assert isinstance(answer, StateAnswer)
    assert (answer.t_ns, answer.value.tolist()) == (T0 + 500 * NS, [500.0, 7.0, 1000.0])
    assert desk.look().t_ns == T0 + 100 * NS


def test_an_order_is_refused(desk: Desk) -> None:
    order = Order(
        id="o1",
        world="w",
        tag="t.setpoint",
        value=1.0,
        unit="",
        actor="x",
        token="",
        not_after_ns=0,
        expect_seq=0,
    )
    got = desk.line.ask(order, 5)
    assert isinstance(got, Receipt)
    assert got.state is OrderState.REFUSED


def test_without_a_recorder_it_has_one_that_only_reads_and_goes_for_a_real_one(
    folder: Path, tmp_path: Path, replay: child.Child, desk: Desk
) -> None:
    desk.at(T0 + 100 * NS)
    assert len(psutil.Process(replay.pid).children()) == 1
    recorder = child.start("recorder.service", {"project": str(folder)}, tmp_path / "recorder.log")
    try:
        recorder.ready()
        until(lambda: any("again" in e.text for e in desk.look().events), 15, "it goes on")
        desk.at(T0 + 700 * NS)
        assert desk.table.value[0] == 700.0
    finally:
        recorder.stop()


def test_a_recorder_that_dies_pauses_the_replay_until_it_is_back(
    folder: Path, tmp_path: Path, own_places: Path
) -> None:
    def recorder() -> child.Child:
        made = child.start("recorder.service", {"project": str(folder)}, tmp_path / "recorder.log")
        assert made.ready()["address"] == recorder_address(folder)
        return made

    first = recorder()
    world = child.start("world.replay", {"project": str(folder), "at_ns": T0 + 10 * NS}, tmp_path / "r.log")
    desk = Desk(str(world.ready()["address"]))
    try:
        until(lambda: desk.look().t_ns == T0 + 10 * NS, 10, "its beginning")
        desk.line.ask(Play(speed=0.5), 5)
        os.kill(first.pid, signal.SIGKILL)
        first.stop()
        until(lambda: desk.look().recording != "" and desk.last.run is RunState.PAUSED, 15, "a pause")
        assert desk.last.cursor is not None
        assert desk.last.cursor.note
        until(lambda: desk.look().run is RunState.RUNNING, 20, "that it goes on")
        assert desk.last.recording == ""
    finally:
        desk.line.close()
        world.stop(5)


def test_no_link_gate_sink_or_source_is_loaded() -> None:
    script = "import armillary.world.replay, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = done.stdout.split()
    bad = (
        "armillary.world.gate",
        "armillary.world.live",
        "armillary.telemetry.links",
        "armillary_plugins",
        "duckdb",
        "asyncua",
        "paho",
        "aiomqtt",
        "PySide6",
    )
    assert not [m for m in loaded if m.startswith(bad)]
    assert "armillary.world.replay" in loaded


def _versioned(folder: Path, change_s: int) -> str:
    """Keep the project as it is as the version from the beginning on; make today's another one."""
    project = projects.read(folder)
    files = {**version.world_part(project), **version.scene_part(project)}
    old = version.key_of(files)
    store = Store(folder / ".armillary" / "history.duckdb")
    store.keep(version.KIND, old, T0, version.packed(files))
    text = TWINS.replace('"setpoint"', '"new": {"address": "site!c#$.v"},\n "setpoint"')
    (folder / "twins.json").write_text(text, "utf-8")
    now = {**files, "twins.json": text}
    store.keep(version.KIND, version.key_of(now), T0 + change_s * NS, version.packed(now))
    store.close()
    return old


def test_a_time_is_shown_as_it_was_authored_then_and_a_replay_changes_over(
    folder: Path, tmp_path: Path
) -> None:
    old = _versioned(folder, 450)
    world = child.start("world.replay", {"project": str(folder), "idle": True}, tmp_path / "replay.log")
    desk = Desk(str(world.ready()["address"]))

    def names() -> list[str]:
        return [spec.name for spec in desk.welcome.specs]

    def at(t_ns: int) -> None:
        desk.line.ask(Seek(t_ns=t_ns), 10)
        until(lambda: desk.look().t_ns == t_ns, 20, "the frame of the time")

    try:
        assert len(names()) == 4
        at(T0 + 100 * NS)
        assert names() == ["t.level", "t.setpoint", "t.twice"]
        assert desk.last.cursor is not None
        assert desk.last.cursor.version == old
        assert desk.last.cursor.note.startswith("as authored ")
        assert desk.table.value.tolist() == [100.0, 7.0, 200.0]
        at(T0 + 800 * NS)
        assert "t.new" in names()
        assert desk.last.cursor.version == ""
        assert desk.last.cursor.note == ""
        at(T0 + 440 * NS)
        desk.line.ask(Play(speed=20.0), 5)
        until(lambda: desk.look().t_ns > T0 + 460 * NS, 20, "it runs over the change")
        assert "t.new" in names()
        assert desk.last.run is RunState.RUNNING
        desk.line.ask(Play(speed=-20.0), 5)
        until(lambda: desk.look().t_ns < T0 + 445 * NS, 20, "and back over it")
        assert "t.new" not in names()
        desk.line.ask(Play(speed=0.0), 5)
        desk.line.ask(ShowVersion(then=False), 10)
        until(lambda: (desk.look(), len(desk.welcome.specs) == 4)[1], 20, "as it is now")
        until(lambda: desk.look().cursor.version == "", 10, "said too")  # type: ignore[union-attr]
    finally:
        desk.line.close()
        world.stop(5)


def test_a_version_that_cannot_be_read_is_told_and_the_time_is_shown_as_the_project_is(
    folder: Path, tmp_path: Path
) -> None:
    store = Store(folder / ".armillary" / "history.duckdb")
    store.keep(version.KIND, "0" * 32, T0, b"no document")
    store.close()
    world = child.start("world.replay", {"project": str(folder), "idle": True}, tmp_path / "replay.log")
    desk = Desk(str(world.ready()["address"]))
    try:
        desk.at(T0 + 100 * NS)
        assert desk.table.value.tolist() == [100.0, 7.0, 200.0]
        told = [event.text for frame in desk.frames for event in frame.events]
        assert any("cannot be read" in text and "as the project is now" in text for text in told), told
    finally:
        desk.line.close()
        world.stop(5)


def test_a_loop_is_played_again_and_again_both_ways(desk: Desk) -> None:
    first, last = T0 + 100 * NS, T0 + 110 * NS
    desk.line.ask(Loop(from_ns=first, to_ns=last), 10)
    until(lambda: first <= desk.look().t_ns <= last, 20, "it is in the span")
    for speed in (50.0, -50.0):
        desk.line.ask(Play(speed=speed), 5)
        seen, turns = desk.look().t_ns, 0
        end_ns = CLOCK.now_mono_ns() + 20 * NS
        while turns < 2 and CLOCK.now_mono_ns() < end_ns:
            t_ns = desk.look().t_ns
            assert first <= t_ns <= last
            turns += (t_ns < seen) == (speed > 0) and t_ns != seen
            seen = t_ns
        assert turns == 2
    assert desk.last.cursor is not None
    assert desk.last.cursor.loop_ns == (first, last)
    desk.line.ask(Loop(), 5)
    until(lambda: desk.look().t_ns < first - 5 * NS, 20, "it leaves the span")


def test_steps_go_to_changes_of_one_tag_and_to_events(folder: Path, tmp_path: Path) -> None:
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names(["t.setpoint", "~events"])
    t = T0 + np.array([200, 300, 400]) * NS
    store.append(batch_of(ids[[0, 0, 0]], np.array([7.0, 8.0, 8.0]), t, t, 0))
    event = Event(t_ns=T0 + 500 * NS, level="info", source="site", text="Somebody came")
    when = np.array([event.t_ns])
    store.append(batch_of(ids[1:], np.array([0.0]), when, when, 0, text={0: marks.text_of(event)}))
    store.close()
    world = child.start("world.replay", {"project": str(folder), "idle": True}, tmp_path / "replay.log")
    desk = Desk(str(world.ready()["address"]))
    try:
        desk.at(T0 + 100 * NS)
        for by, count, second in (
            ("sample", 1, 200),
            ("change", 1, 300),
            ("change", -1, 0),
            ("change", 1, 300),
            ("sample", 1, 400),
            ("event", 1, 500),
        ):
            step = Step(by=by, count=count, tags=("t.setpoint",))  # type: ignore[arg-type]
            desk.line.ask(step, 10)
            until(lambda s=second: desk.look().t_ns == T0 + s * NS, 20, f"{by} {count}")  # type: ignore[misc]
        until(lambda: (desk.look(), any(event in f.events for f in desk.frames if f.anew))[1], 20, "listed")
        desk.frames.clear()
        desk.at(T0 + 499 * NS)
        until(lambda: (desk.look(), any(f.anew for f in desk.frames))[1], 20, "the list of then")
        assert not any(frame.events for frame in desk.frames)
    finally:
        desk.line.close()
        world.stop(5)


def _command(*words: object) -> tuple[int, dict[str, object]]:
    args = [sys.executable, "-m", "armillary", "replay", *map(str, words), "--headless", "--json"]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def test_the_command_plays_a_span_and_writes_its_frames(folder: Path, tmp_path: Path) -> None:
    status, got = _command(folder, "--from", iso(T0), "--to", iso(T0 + 300 * NS), "-o", tmp_path / "out")
    assert (status, got["samples"], got["frames"]) == (0, 600, 300)
    lines = (tmp_path / "out" / "frames.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[-1]) == {"t": iso(T0 + 299 * NS), "not_good": 0, "alarms": []}


def test_computed_anew_a_sound_record_is_the_same_and_a_changed_one_is_told(folder: Path) -> None:
    assert _command(folder, "--recompute")[1]["differences"] == []
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names(["t.twice"])
    t = np.array([T0 + 100 * NS + 7])
    store.append(batch_of(ids, np.array([9.0]), t, t, 0))
    store.close()
    status, got = _command(folder, "--recompute")
    assert status == 1
    (only,) = got["differences"]  # type: ignore[misc]
    assert (only["what"], only["recorded"], only["computed"]) == ("t.twice", "9", "200")


def test_a_span_outside_the_record_is_said_in_words(folder: Path) -> None:
    args = ["--from", iso(T0 + 5000 * NS), "--headless"]
    command = [sys.executable, "-m", "armillary", "replay", str(folder), *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "The record goes from" in done.stderr
