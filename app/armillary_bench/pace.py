"""How fast a replay really goes: 1,000 tags at 1 Hz, at 60 and at 1000 times; at 10 Hz, at 100 times."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.control import Play, Seek
from armillary.model.frame import Frame, RunState, apply_frame
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.wire import child
from armillary.wire.bus import Line
from armillary_bench.figure import figure

T0 = 1_750_000_200 * NS
TAGS, SECONDS = 1_000, 3_000
PLAYED_S, AFTER_S = 2.0, 0.5  # from then on, when the first reads are done
WITHIN = 0.95  # of what was asked, where it should keep up
_WAIT_S = 10.0
# name → (speed, second of the record to begin at, least share of it that holds)
SPEEDS: dict[str, tuple[float, int, float | None]] = {
    "replay_60": (60.0, 0, WITHIN),
    "replay_1000": (1000.0, 0, None),
    "replay_1000_back": (-1000.0, SECONDS - 1, None),
}
FAST_HZ, FAST_SECONDS = 10, 500
# the same of a record of FAST_HZ; the sooner it is over, the less of the record is needed
FAST: dict[str, tuple[float, int, float | None]] = {
    "replay_100_10hz": (100.0, 0, WITHIN),
    "replay_100_10hz_back": (-100.0, FAST_SECONDS - 1, None),
}


def measure(folder: Path) -> dict[str, float]:
    """Return × real time by figure. Raises AssertionError when a frame is not right."""
    folder.mkdir()
    return _of(folder / "slow", SPEEDS, 1, SECONDS) | _of(folder / "fast", FAST, FAST_HZ, FAST_SECONDS)


def _of(
    folder: Path, speeds: dict[str, tuple[float, int, float | None]], hz: int, seconds: int
) -> dict[str, float]:
    """Return × real time by figure, of one record."""
    project = _project(folder, hz, seconds)
    recorder = child.start("recorder.service", {"project": str(project)}, folder / "recorder.log")
    world = child.start("world.replay", {"project": str(project), "idle": True}, folder / "world.log")
    try:
        recorder.ready()
        line = Line(str(world.ready()["address"]))
        try:
            welcome = line.ask(Hello(actor="bench", desk="bench"))
            if not isinstance(welcome, Welcome):
                raise AssertionError("pace: no welcome")
            table = TagTable(TAGS)
            apply_frame(table, welcome.frame)
            return {name: _played(line, table, *each[:2], hz) for name, each in speeds.items()}
        finally:
            line.close()
    finally:
        world.stop()
        recorder.stop()


def figures(got: dict[str, float]) -> list[dict[str, object]]:
    """Return the figures of what was measured."""
    told = "{} tags at {} Hz; every frame's values were those of its moment"
    return [
        figure(
            name,
            got[name],
            "× real time",
            against="asked",
            against_value=abs(speed),
            bar=bar,
            better="higher",
            work=told.format(TAGS, 1 if name in SPEEDS else FAST_HZ),
        )
        for name, (speed, _, bar) in (SPEEDS | FAST).items()
    ]


def _project(folder: Path, hz: int, seconds: int) -> Path:
    """Write a project and its record: each tag is the number of the moment plus its own."""
    folder.mkdir()
    (folder / "project.toml").write_text(
        '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a14"\nname = "pace"\n'
        '[model]\ntwins = "twins.json"\n[historian]\nretention_days = 36500\n'
        '[[source]]\nname = "s"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n',
        "utf-8",
    )
    tags = {f"x{i}": {"address": f"s!t{i}#$.v", "expected_interval_s": 1} for i in range(TAGS)}
    twins = {"schema": 1, "twins": [{"id": "t", "tags": tags}]}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names([f"t.x{i}" for i in range(TAGS)])
    for moments in np.array_split(np.arange(seconds * hz), 8):
        moment, number = np.repeat(moments, TAGS), np.tile(np.arange(TAGS), len(moments))
        t = T0 + moment * (NS // hz)
        store.append(batch_of(ids[number], (moment + number).astype(np.float64), t, t, 0))
    store.compact()
    store.close()
    return folder


def _played(line: Line, table: TagTable, speed: float, begin_s: int, hz: int) -> float:
    """Return how fast the cursor went."""
    line.ask(Seek(t_ns=T0 + begin_s * NS), _WAIT_S)
    line.ask(Play(speed=speed), _WAIT_S)
    seq, first, last = 0, (0.0, 0), (0.0, 0)
    begun = time.perf_counter()
    limit = begun + _WAIT_S
    while not first[1] or (last[0] - first[0] < PLAYED_S and time.perf_counter() < limit):
        if time.perf_counter() > limit:
            raise AssertionError("pace: the replay does not run")
        line.send(Credit(seq=seq))
        for _, got in line.poll(1.0):
            if not isinstance(got, Frame):
                continue
            apply_frame(table, got)
            seq = got.seq
            if got.run is not RunState.RUNNING:
                continue
            moment = (got.t_ns - T0) // (NS // hz)
            if not np.array_equal(table.value, moment + np.arange(TAGS)):
                raise AssertionError("pace: the state of a time is not right")
            last = (time.perf_counter(), got.t_ns)
            first = first if first[1] or last[0] - begun < AFTER_S else last
    return abs(last[1] - first[1]) / NS / (last[0] - first[0])
