"""Figures of a seek: the whole scene of 1,000 tags at any moment of a month at 0.1 Hz.

As many days are written as the time for it allows, 30 at most; how many samples that are is in the figure.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from armillary.history.store import Store
from armillary.model.arrays import F8, I8, U4
from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.series import SeriesQuery
from armillary_bench.figure import absolute, figure, plain

T0 = 1_749_945_600 * NS  # midnight UTC
TAGS, PERIOD_S, DAYS = 1_000, 10, 30
FILL_S = 240.0  # for writing: a month takes about 150 s
DAY_S = 86_400
BATCHES = 24  # a day
SEEKS = 25
SEEK_MS, PENS = 100.0, 20
_WIDTH = 1_200


def measure(days: int = DAYS, fill_s: float = FILL_S) -> dict[str, float]:
    """Return ms of seeks and trends. Raises AssertionError when an answer is not right."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        store = Store(Path(name) / "history.duckdb")
        try:
            written = _fill(store, days, fill_s)
            figures = {"samples": float(written * _rows_a_day()), "days": float(written)}
            figures |= _seeks(store, written) | _trends(store, written)
            figures |= {"bytes": store.extent().bytes / store.extent().samples}
        finally:
            store.close()
        return figures | {"floor_ms": _floor(Path(name) / "floor.duckdb")}


def benches() -> list[dict[str, object]]:
    """Return the figures of a seek."""
    got = measure()
    held = f"{got['samples'] / 1e6:.0f} M samples, {got['days']:.0f} days of {TAGS} tags, sealed by day"
    work = f"{held}; at each of {SEEKS} moments all {TAGS} values are the ones of then"
    return [
        absolute("seek", got["seek_ms"], "ms", SEEK_MS, f"{work}; the median"),
        absolute("seek_worst", got["seek_worst_ms"], "ms", SEEK_MS, f"{work}; the slowest"),
        figure(
            "seek_floor",
            got["seek_ms"],
            "ms",
            against="DuckDB's plainest query for the newest row of each tag in the table of one day",
            against_value=got["floor_ms"],
            bar=None,
            work=work,
        ),
        plain(
            "seek_trends", got["pens_ms"], "ms", f"{held}; {PENS} pens over all days, each extreme is there"
        ),
        plain("seek_bytes", got["bytes"], "B a sample", f"{held}; all files, with roll-ups"),
    ]


def _rows_a_day() -> int:
    return DAY_S // PERIOD_S * TAGS


def _value(day: int) -> F8:
    """Return the values of a day, (samples of a tag, tags): walks, at another height each day."""
    rng = np.random.default_rng(day % 3)
    steps = rng.normal(0, 0.02, (DAY_S // PERIOD_S, TAGS))
    return np.round(np.cumsum(steps, axis=0) + 50 + day, 3)


def _columns(day: int, values: F8) -> list[tuple[U4, I8, F8]]:
    """Return (id, time, value) of a day, in batches."""
    steps = DAY_S // PERIOD_S // BATCHES
    ids = np.tile(np.arange(1, TAGS + 1, dtype=np.uint32), steps)
    out = []
    for part in range(BATCHES):
        at = (part * steps + np.arange(steps)) * PERIOD_S + day * DAY_S
        out.append((ids, np.repeat(T0 + at * NS, TAGS), values[part * steps : (part + 1) * steps].ravel()))
    return out


def _fill(store: Store, days: int, fill_s: float) -> int:
    """Write and seal days until there are all or time is up; return how many."""
    store.names([f"t{i}" for i in range(TAGS)])
    end = time.perf_counter() + fill_s
    for day in range(days):
        for ids, t, values in _columns(day, _value(day)):
            store.append(batch_of(ids, values, t, t + 5_000_000, 0))
        while store.tidy(T0 + (day + 1) * DAY_S * NS + 4 * 3_600 * NS):
            pass
        if time.perf_counter() > end:
            return day + 1
    return days


def _seeks(store: Store, days: int) -> dict[str, float]:
    rng = np.random.default_rng(3)
    ids = np.arange(1, TAGS + 1, dtype=np.uint32)
    spent = []
    for _ in range(SEEKS):
        day, step = int(rng.integers(days)), int(rng.integers(30, DAY_S // PERIOD_S))
        t_ns = T0 + (day * DAY_S + step * PERIOD_S + 5) * NS
        begin = time.perf_counter()
        got = store.known_at(ids, t_ns)
        spent.append((time.perf_counter() - begin) * 1e3)
        right = _value(day)[step][np.asarray(got.slot, np.int64) - 1]
        if len(got) != TAGS or not np.array_equal(got.value, right):
            raise AssertionError("seek: the values of a moment are not right")
    return {"seek_ms": statistics.median(spent), "seek_worst_ms": max(spent)}


def _trends(store: Store, days: int) -> dict[str, float]:
    ids = tuple(range(1, PENS + 1))
    query = SeriesQuery(ids=ids, from_ns=T0, to_ns=T0 + days * DAY_S * NS, width=_WIDTH)
    spent = []
    got = store.read(query)
    for _ in range(5):
        begin = time.perf_counter()
        got = store.read(query)
        spent.append((time.perf_counter() - begin) * 1e3)
    highest = max(float(_value(day)[:, 0].max()) for day in range(days))
    if len(got) != PENS or float(got[0].high.max()) != highest:
        raise AssertionError("seek: an extreme is not in the trend")
    return {"pens_ms": statistics.median(spent)}


def _floor(path: Path) -> float:
    """Return ms of the plainest query on one day of the same samples."""
    connection = duckdb.connect(str(path), config={"threads": 2})
    connection.execute("CREATE TABLE s(id UINTEGER, t BIGINT, value DOUBLE)")
    for ids, t, values in _columns(0, _value(0)):
        connection.register("b", {"id": ids, "t": t, "value": values})
        connection.execute("INSERT INTO s SELECT * FROM b")
        connection.unregister("b")
    connection.execute("CHECKPOINT")
    spent = []
    for part in range(1, 8):
        begin = time.perf_counter()
        rows = connection.execute(
            "SELECT id, arg_max(value, t), max(t) FROM s WHERE t <= ? GROUP BY id",
            [T0 + part * DAY_S // 8 * NS],
        ).fetchnumpy()
        spent.append((time.perf_counter() - begin) * 1e3)
        if len(rows["id"]) != TAGS:
            raise AssertionError("seek: the floor found other rows")
    connection.close()
    return statistics.median(spent)
