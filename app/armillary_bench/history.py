"""Figures of the historian: append beside DuckDB's own insert, bytes a sample, trends over a month."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from armillary.history.store import Store
from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesQuery
from armillary_bench import past
from armillary_bench.figure import absolute, figure, plain

T0 = 1_750_000_200 * NS
TAGS = 500
ROWS = 50_000  # a batch
BATCHES = 20
DAY_S = 86_400
MONTH_S = 30 * DAY_S
WIDTH = 1_200  # pixels of a trend
_ZOOM_S = {"1h": 3_600, "1d": 86_400, "30d": MONTH_S}
APPEND_BAR, MOST_BYTES, LEAN_BYTES = 1.5, 11.0, 6.0  # of DuckDB's time; with arrival and quality; without
SUSTAINED_S, SUSTAINED_BAR = 60.0, 1_000_000.0
TREND_MS = {"1h": 10.0, "1d": 20.0, "30d": 15.0}
_REPEATS = 7


def measure() -> dict[str, float]:
    """Return µs a sample, bytes a sample and ms a trend. Raises AssertionError when something is missing."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        folder = Path(name)
        batches = _batches()
        figures = _appends(folder, batches)
        figures |= _trends(folder)
        figures |= _sustained(folder, batches)
    return figures


def benches() -> list[dict[str, object]]:
    """Return the figures of the historian."""
    got = measure()
    stored = f"all {ROWS * BATCHES} samples are in the store"
    month = f"a tag of {MONTH_S} samples; the greatest and least value of the span are in the answer"
    return [
        figure(
            "history_append",
            got["append_us"],
            "µs a sample",
            against="DuckDB's own numpy insert of the same columns",
            against_value=got["duckdb_us"],
            bar=APPEND_BAR,
            work=stored,
        ),
        absolute("history_bytes", got["bytes_per_sample"], "B a sample", MOST_BYTES, f"{stored}, sealed"),
        absolute(
            "history_bytes_lean",
            got["lean_bytes_per_sample"],
            "B a sample",
            LEAN_BYTES,
            "series, time and value of the same sealed samples",
        ),
        plain("history_bytes_rolled", got["rolled_bytes_per_sample"], "B a sample", "their minutes, beside"),
        plain(
            "history_bytes_hot",
            got["hot_bytes_per_sample"],
            "B a sample",
            f"{stored}, compacted and not sealed yet",
        ),
        absolute(
            "history_sustained",
            got["sustained"],
            "samples/s",
            SUSTAINED_BAR,
            f"appended for {SUSTAINED_S:.0f} s while {got['sealed_share']:.0%} of them was sealed beside; "
            "all of them are in the store",
            better="higher",
        ),
        *(
            absolute(f"trend_{name}", got[f"trend_{name}_ms"], "ms", bar, month)
            for name, bar in TREND_MS.items()
        ),
        *past.benches(),
    ]


def _batches() -> list[SampleBatch]:
    """Return batches of sensors at 1 Hz: random walks with three decimals, delays of 1 to 20 ms."""
    rng = np.random.default_rng(7)
    seconds = ROWS * BATCHES // TAGS
    walks = np.round(np.cumsum(rng.normal(0, 0.05, (seconds, TAGS)), axis=0) + 50, 3)
    step = ROWS // TAGS
    out = []
    for first in range(0, seconds, step):
        t = np.repeat(T0 + np.arange(first, first + step) * NS, TAGS)
        ids = np.tile(np.arange(1, TAGS + 1, dtype=np.uint32), step)
        lag = rng.integers(1_000_000, 20_000_000, ROWS)
        out.append(batch_of(ids, walks[first : first + step].ravel(), t, t + lag, 0))
    return out


def _appends(folder: Path, batches: list[SampleBatch]) -> dict[str, float]:
    """Return what an append costs, ours with everything that a sample has, DuckDB's of the same columns."""
    store = Store(folder / "ours.duckdb")
    store.names([f"t{i}" for i in range(TAGS)])
    ours = [_ms(partial(store.append, batch)) for batch in batches]
    store.compact()
    _must(store.extent().samples == ROWS * BATCHES, "every sample is stored")
    hot = store.extent().bytes / store.extent().samples
    while store.tidy(T0 + 9 * DAY_S * NS):
        pass
    _must(store.extent().samples == ROWS * BATCHES, "every sample is sealed")
    store.close()
    sealed = folder / "ours"
    size = sum(path.stat().st_size for path in sealed.glob("*.samples.parquet"))
    rolled = sum(path.stat().st_size for path in sealed.glob("*.minutes.parquet"))
    lean = duckdb.execute(
        "SELECT sum(total_compressed_size) FROM parquet_metadata($1) "
        "WHERE path_in_schema IN ('id', 't', 'value')",
        [f"{sealed}/*.samples.parquet"],
    ).fetchall()[0][0]
    peer = _duckdb(folder / "peer.duckdb", batches)
    per, count = 1_000 / ROWS, ROWS * BATCHES
    return {
        "append_us": statistics.median(ours) * per,
        "duckdb_us": peer * per,
        "append_ratio": statistics.median(ours) / peer,
        "bytes_per_sample": size / count,
        "lean_bytes_per_sample": int(lean) / count,
        "rolled_bytes_per_sample": rolled / count,
        "hot_bytes_per_sample": hot,
    }


def _duckdb(path: Path, batches: list[SampleBatch]) -> float:
    """Return ms a batch of DuckDB's own numpy insert."""
    connection = duckdb.connect(str(path), config={"threads": 2})
    more = ", lag BIGINT, quality USMALLINT, flags UTINYINT, status UINTEGER, word UINTEGER"
    connection.execute(f"CREATE TABLE s(id UINTEGER, t BIGINT, value DOUBLE{more})")

    def insert(batch: SampleBatch) -> None:
        columns = {
            "id": batch.slot,
            "t": batch.source_ns,
            "value": batch.value,
            "lag": batch.arrival_ns - batch.source_ns,
            "quality": batch.quality,
            "flags": batch.flags,
            "status": batch.status,
            "word": np.zeros(len(batch), np.uint32),
        }
        connection.register("b", columns)
        connection.execute("INSERT INTO s SELECT * FROM b")
        connection.unregister("b")

    spent = [_ms(partial(insert, batch)) for batch in batches]
    connection.execute("CHECKPOINT")
    connection.close()
    return statistics.median(spent)


def _sustained(folder: Path, batches: list[SampleBatch]) -> dict[str, float]:
    """Return samples a second that are appended for a minute, sealed beside; and which share of them was."""
    store = Store(folder / "sustained.duckdb")
    store.names([f"t{i}" for i in range(TAGS)])
    done, faults = threading.Event(), list[BaseException]()

    def tend() -> None:
        try:
            while not done.wait(0.02):
                while store.tidy(T0) and not done.is_set():
                    pass
        except StoreFault as fault:
            if not done.is_set():
                faults.append(fault)

    beside = threading.Thread(target=tend)
    beside.start()
    begin = time.perf_counter()
    count, span = 0, ROWS * BATCHES // TAGS * NS
    while time.perf_counter() - begin < SUSTAINED_S:
        batch = batches[count % BATCHES]
        shift = count // BATCHES * span
        store.append(replace(batch, source_ns=batch.source_ns + shift, arrival_ns=batch.arrival_ns + shift))
        count += 1
    spent = time.perf_counter() - begin
    done.set()
    store.rest()
    beside.join()
    sealed = sum(segment.rows for segment in store.sealed)
    _must(not faults, f"it was sealed beside: {faults}")
    _must(store.extent().samples == count * ROWS, "every sample is stored")
    store.close()
    return {"sustained": count * ROWS / spent, "sealed_share": sealed / (count * ROWS)}


def _trends(folder: Path) -> dict[str, float]:
    """Return ms of a trend of one tag: a month at 1 Hz (2.6 million samples) seen by hour, day and month."""
    store = Store(folder / "month.duckdb")
    store.names(["a"])
    rng = np.random.default_rng(8)
    value: F8 = np.round(np.cumsum(rng.normal(0, 0.05, MONTH_S)), 3).astype(np.float64)
    ids = np.ones(ROWS * 10, np.uint32)
    for first in range(0, MONTH_S, len(ids)):
        piece = value[first : first + len(ids)]
        t = T0 + (first + np.arange(len(piece))) * NS
        store.append(batch_of(ids[: len(piece)], piece, t, t + 1_000_000, 0))
    while store.tidy(T0 + (MONTH_S + 2 * DAY_S) * NS):
        pass
    figures = {}
    for name, span in _ZOOM_S.items():
        end = T0 + MONTH_S * NS
        query = SeriesQuery(ids=(1,), from_ns=end - span * NS, to_ns=end, width=WIDTH)
        (series,) = store.read(query)
        held = value[MONTH_S - span :]
        kept = (series.low.min(), series.high.max()) == (held.min(), held.max())
        _must(kept, f"the extremes of {name} are kept")
        figures[f"trend_{name}_ms"] = statistics.median(
            _ms(partial(store.read, query)) for _ in range(_REPEATS)
        )
    store.close()
    return figures


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"history: not true that {what}")


def _ms(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1e3
