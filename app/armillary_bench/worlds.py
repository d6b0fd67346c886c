"""Figures of worlds: going from one to another, and how soon a REPLAY world shows another time.

The latter is held beside the bare query of the same rows.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from armillary.history.store import Store
from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.model.control import Seek
from armillary.model.frame import Frame, apply_frame
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.wire import child
from armillary.wire.bus import Line
from armillary_bench import going, pace
from armillary_bench.figure import absolute, figure

T0 = 1_750_000_200 * NS
TAGS, DAYS = 161, 30
SET_ONCE = 8  # of the tags: set at the beginning and never again, as setpoints are
FULL_RATE_S = 3_600  # at the end, every tag each second
SEEKS = 9
SEEK_MS = 300.0
_WAIT_S = 10.0
_XDG = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


def measure() -> dict[str, float]:
    """Return ms of a seek and of the floor, and speeds. Raises AssertionError when a frame is not right."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        folder = Path(name)
        kept = {variable: os.environ.get(variable) for variable in _XDG}
        try:
            for variable in _XDG:
                place = folder / variable[4:8].lower()
                place.mkdir(mode=0o700)
                os.environ[variable] = str(place)
            project = _project(folder / "project")
            floor = _floor(project / ".armillary" / "history.duckdb")  # first: a recorder seals the table
            return floor | _seeks(project) | pace.measure(folder / "pace")
        finally:
            for variable, value in kept.items():
                if value is None:
                    os.environ.pop(variable, None)
                else:
                    os.environ[variable] = value


def benches() -> list[dict[str, object]]:
    """Return the figures of worlds; about two minutes."""
    got = measure()
    work = f"{SEEKS} jumps in {DAYS} days of {TAGS} tags; each value was that of its time"
    return [
        *going.benches(),
        absolute("seek_demo", got["seek_ms"], "ms", SEEK_MS, work),
        absolute("seek_demo_worst", got["worst_ms"], "ms", SEEK_MS, work),
        figure(
            "seek_demo_floor",
            got["seek_ms"],
            "ms",
            against="DuckDB's own query for the newest row of each tag, in this process",
            against_value=got["floor_ms"],
            bar=None,
            work=work,
        ),
        *pace.figures(got),
    ]


def _project(folder: Path) -> Path:
    """Write a project and its record: a sample a minute of each tag, at the end one a second."""
    folder.mkdir()
    source = '[[source]]\nname = "s"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n'
    (folder / "project.toml").write_text(
        '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a13"\nname = "bench"\n'
        f'[model]\ntwins = "twins.json"\n[historian]\nretention_days = 36500\n{source}',
        "utf-8",
    )
    tags = ",".join(
        f'"x{i}": {{"address": "s!t{i}#$.v", "expected_interval_s": {_interval(i)}}}' for i in range(TAGS)
    )
    (folder / "twins.json").write_text(
        f'{{"schema": 1, "twins": [{{"id": "t", "tags": {{{tags}}}}}]}}', "utf-8"
    )
    store = Store(folder / ".armillary" / "history.duckdb")
    ids = store.names([f"t.x{i}" for i in range(TAGS)])
    minutes: I8 = T0 + np.arange(DAYS * 1440) * 60 * NS
    seconds: I8 = minutes[-1] + np.arange(1, FULL_RATE_S) * NS
    for t in (*np.array_split(minutes, 30), *np.array_split(seconds, 4)):
        when: I8 = np.repeat(t, TAGS)
        slot = np.tile(ids, len(t))
        kept = (slot <= TAGS - SET_ONCE) | (when == T0)
        when, slot = when[kept], slot[kept]
        store.append(batch_of(slot, _value(when, slot), when, when, 0))
    store.compact()
    store.close()
    return folder


def _interval(tag: int) -> int:
    return 60 if tag < TAGS - SET_ONCE else 0


def _value(
    t_ns: I8, id_: np.ndarray[tuple[int], np.dtype[np.uint32]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return ((t_ns - T0) // NS % 100_000 + id_ / 1_000).astype(np.float64)


def _times() -> list[int]:
    """Return times all over the record, none twice near another."""
    rng = np.random.default_rng(3)
    minutes = rng.permutation(DAYS * 1440)[: SEEKS - 2]
    in_hour = T0 + (DAYS * 1440 - 1) * 60 * NS + np.array([600, 3_000]) * NS
    return [*(T0 + minutes * 60 * NS).tolist(), *in_hour.tolist()]


def _seeks(project: Path) -> dict[str, float]:
    log = project.parent / "world.log"
    recorder = child.start("recorder.service", {"project": str(project)}, project.parent / "recorder.log")
    world = child.start("world.replay", {"project": str(project), "idle": True}, log)
    try:
        recorder.ready()
        line = Line(str(world.ready()["address"]))
        try:
            welcome = line.ask(Hello(actor="bench", desk="bench"))
            if not isinstance(welcome, Welcome):
                raise AssertionError("worlds: no welcome")
            table = TagTable(TAGS)
            line.ask(Seek(t_ns=T0 + 3 * NS), _WAIT_S)  # the first one finds the recorder
            spent = [_seek(line, table, t_ns) for t_ns in _times()]
        finally:
            line.close()
    finally:
        world.stop()
        recorder.stop()
    return {"seek_ms": statistics.median(spent), "worst_ms": max(spent)}


def _seek(line: Line, table: TagTable, t_ns: int) -> float:
    """Return ms from the request to the whole right state at the desk's end of the line."""
    begin = time.perf_counter()
    line.send(Credit(seq=0))
    line.send(Seek(t_ns=t_ns))
    while True:
        for _, got in line.poll(_WAIT_S):
            if not isinstance(got, Frame):
                continue
            apply_frame(table, got)
            if got.t_ns == t_ns:
                spent = (time.perf_counter() - begin) * 1e3
                when = np.full(TAGS, t_ns)
                when[TAGS - SET_ONCE :] = T0
                right = _value(when, np.arange(1, TAGS + 1, dtype=np.uint32))
                if not np.array_equal(table.value, right) or (table.quality & 0xFF).any():
                    raise AssertionError("worlds: the state of a time is not right")
                return spent
            line.send(Credit(seq=got.seq))
        if time.perf_counter() - begin > _WAIT_S:
            raise AssertionError("worlds: no frame of the time")


def _floor(path: Path) -> dict[str, float]:
    """Return ms of the plainest query for the newest row of each tag at the same times."""
    connection = duckdb.connect(str(path), read_only=True, config={"threads": 2})
    spent = []
    for t_ns in _times():
        begin = time.perf_counter()
        rows = connection.execute(
            "SELECT id, arg_max(value, t), max(t) FROM hot_1 WHERE t <= ? GROUP BY id", [t_ns]
        ).fetchnumpy()
        spent.append((time.perf_counter() - begin) * 1e3)
        if len(rows["id"]) != TAGS:
            raise AssertionError("worlds: the floor found other rows")
    connection.close()
    return {"floor_ms": statistics.median(spent)}
