"""What the ClickHouse store says in SQL: its tables, its columns, and what comes back of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from armillary.api import U4, SampleBatch
from armillary_plugins.stores import native
from armillary_plugins.stores.buckets import Buckets

SCHEMA = 1
SAMPLE = {
    "id": "UInt32",
    "t": "Int64",
    "n": "Int64",
    "value": "Float64",
    "lag": "Int64",
    "quality": "UInt16",
    "flags": "UInt8",
    "status": "UInt32",
    "known": "Int64",
    "text": native.STRING,
}
ROW = {name: kind for name, kind in SAMPLE.items() if name != "known"}
FIELDS = ", ".join(ROW)
_SYNCED = "fsync_after_insert = 1, fsync_part_directory = 1"
# n: order of arrival in the store. known: when a world knew it (`known_ns`), -1 for what is told of the past.
TABLES = (
    "CREATE TABLE IF NOT EXISTS {space}.sample(id UInt32, t Int64 CODEC(DoubleDelta, ZSTD), "
    "n Int64 CODEC(Delta, ZSTD), value Float64 CODEC(Gorilla, ZSTD), lag Int64 CODEC(ZSTD), "
    "quality UInt16 CODEC(ZSTD), flags UInt8 CODEC(ZSTD), status UInt32 CODEC(ZSTD), "
    "known Int64 CODEC(DoubleDelta, ZSTD), text String CODEC(ZSTD)) ENGINE = MergeTree "
    "PARTITION BY toYYYYMM(toDateTime(intDiv(t, 1000000000), 'UTC')) ORDER BY (id, t, n) SETTINGS " + _SYNCED,
    "CREATE TABLE IF NOT EXISTS {space}.tag(id UInt32, version UInt64, name String, unit String) "
    "ENGINE = ReplacingMergeTree(version) ORDER BY id SETTINGS " + _SYNCED,
    "CREATE TABLE IF NOT EXISTS {space}.received(session String, seq Int64) "
    "ENGINE = ReplacingMergeTree(seq) ORDER BY session SETTINGS " + _SYNCED,
    "CREATE TABLE IF NOT EXISTS {space}.document(kind String, key String, t Int64, n Int64, data String) "
    "ENGINE = MergeTree ORDER BY (kind, t, n) SETTINGS " + _SYNCED,
    f"CREATE TABLE IF NOT EXISTS {{space}}.schema_{SCHEMA}(one UInt8) ENGINE = TinyLog",
)
BUCKET = {
    "b": "Int64",
    "low": "Float64",
    "high": "Float64",
    "total": "Float64",
    "count": "UInt64",
    "rank": "UInt16",
    "reasons": "UInt16",
}
OF_SAMPLES = (
    "minIf(value, isFinite(value)) AS low, maxIf(value, isFinite(value)) AS high, "
    "sumIf(value, isFinite(value)) AS total, countIf(isFinite(value)) AS count, "
    "toUInt16(max(bitAnd(quality, 255))) AS rank, toUInt16(bitAnd(groupBitOr(quality), 65280)) AS reasons"
)


def among(ids: U4) -> str:
    """Return the condition that a row is of some ids; of none where there are none."""
    return f"id IN ({','.join(map(str, ids.tolist())) or '0'})"


def quoted(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def batch_of_rows(rows: Mapping[str, Any]) -> SampleBatch:  # Any: as native gives them
    """Return rows as samples."""
    t: npt.NDArray[np.int64] = rows["t"]
    said = {row: text for row, text in enumerate(rows["text"]) if text} if any(rows["text"]) else {}
    return SampleBatch(
        slot=rows["id"],
        value=rows["value"],
        source_ns=t,
        arrival_ns=t + rows["lag"],
        arrival_mono_ns=np.zeros(len(t), np.int64),  # of another life of this machine: it says nothing
        quality=rows["quality"],
        flags=rows["flags"],
        status=rows["status"],
        text={row: text.decode("utf-8", "surrogatepass") for row, text in said.items()},
    )


def bucketed(got: Mapping[str, Any]) -> Buckets:  # Any: as native gives them
    """Return rows as buckets."""
    has = got["count"] > 0
    return Buckets(
        t_ns=got["b"],
        low=np.where(has, got["low"], np.nan),
        high=np.where(has, got["high"], np.nan),
        total=got["total"],
        count=got["count"].astype(np.int64),
        quality=got["rank"] | got["reasons"],
    )
