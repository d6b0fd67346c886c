"""Figures of the historian: append beside DuckDB's own insert, bytes a sample, trends over a month."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from armillary.history.store import Store
from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesQuery
from armillary_bench.figure import absolute, figure, plain

T0 = 1_750_000_200 * NS
TAGS = 500
ROWS = 50_000  # a batch
BATCHES = 20
MONTH_S = 30 * 86_400
WIDTH = 1_200  # pixels of a trend
_ZOOM_S = {"1h": 3_600, "1d": 86_400, "30d": MONTH_S}
APPEND_BAR, MOST_BYTES = 1.5, 11.0  # of DuckDB's time; bytes with arrival time and quality
TREND_MS = {"1h": 10.0, "1d": 20.0, "30d": 15.0}
_REPEATS = 7


def measure() -> dict[str, float]:
    """Return µs a sample, bytes a sample and ms a trend. Raises AssertionError when something is missing."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        folder = Path(name)
        batches = _batches()
        figures = _appends(folder, batches)
        figures |= _trends(folder)
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
        absolute("history_bytes", got["bytes_per_sample"], "B a sample", MOST_BYTES, f"{stored}, compacted"),
        plain(
            "history_bytes_lean",
            got["lean_bytes_per_sample"],
            "B a sample",
            "series, time and value in DuckDB",
        ),
        *(
            absolute(f"trend_{name}", got[f"trend_{name}_ms"], "ms", bar, month)
            for name, bar in TREND_MS.items()
        ),
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
    size = store.extent().bytes / store.extent().samples
    store.close()
    peer = _duckdb(folder / "peer.duckdb", batches, lean=False)
    bare = _duckdb(folder / "lean.duckdb", batches, lean=True)
    per = 1_000 / ROWS
    return {
        "append_us": statistics.median(ours) * per,
        "duckdb_us": peer[0] * per,
        "append_ratio": statistics.median(ours) / peer[0],
        "bytes_per_sample": size,
        "lean_bytes_per_sample": bare[1],
    }


def _duckdb(path: Path, batches: list[SampleBatch], lean: bool) -> tuple[float, float]:
    """Return (ms a batch, bytes a sample) of DuckDB's own numpy insert; lean: series, time and value only."""
    connection = duckdb.connect(str(path), config={"threads": 2})
    more = "" if lean else ", lag BIGINT, quality USMALLINT, flags UTINYINT, status UINTEGER, word UINTEGER"
    connection.execute(f"CREATE TABLE s(id UINTEGER, t BIGINT, value DOUBLE{more})")

    def insert(batch: SampleBatch) -> None:
        columns = {"id": batch.slot, "t": batch.source_ns, "value": batch.value}
        if not lean:
            columns |= {
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
    return statistics.median(spent), path.stat().st_size / (ROWS * BATCHES)


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
    while store.tidy(T0 + (MONTH_S + 3_600) * NS):
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
