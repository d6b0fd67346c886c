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
from armillary.model.control import AskState, Play, Seek, StateAnswer, Step
from armillary.model.frame import Frame, RunState, apply_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import Order, OrderState, Receipt
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
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
            if isinstance(got, Frame):
                self._take(got)
        return self.last

    def at(self, t_ns: int) -> Frame:
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
