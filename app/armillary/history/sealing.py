"""Makes the files of a segment: samples sorted so that a moment of all tags and a day of one are both near.

Nothing here changes what readers see; the caller does, once both files are on disk under their names.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import replace
from pathlib import Path

import duckdb

from armillary.history.parts import DAY_NS, MINUTE_NS, Segment, quoted
from armillary.model.clock import NS

SLICE_ROWS = 500_000  # of a time slice: a seek reads one, a day of one tag reads its row group of each
ROW_GROUP = 122_880
_SLICES_NS = tuple(s * NS for s in (1, 5, 15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400))
_FORMAT = f"FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE {ROW_GROUP}"
_PIECE = 1 << 20
SAMPLES = "id, t, value, lag, quality, flags, status, text"
ROLLED = "id, t, low, high, total, count, quality, last"


def rolled(source: str, width_ns: int, where: str = "true") -> str:
    """Return the question for the roll-ups of samples by some width; rows as ROLLED, in no order."""
    number = "FILTER (WHERE isfinite(value))"
    return (
        f"SELECT id, t - t % {width_ns} AS t, "  # noqa: S608 - ours
        f"coalesce(min(value) {number}, 'nan'::DOUBLE) AS low, "
        f"coalesce(max(value) {number}, 'nan'::DOUBLE) AS high, "
        f"coalesce(sum(value) {number}, 0) AS total, (count(*) {number})::UINTEGER AS count, "
        "(max(quality & 255) | (bit_or(quality) & 65280))::USMALLINT AS quality, "
        f"coalesce(arg_max(value, t) {number}, 'nan'::DOUBLE) AS last "
        f"FROM {source} WHERE {where} GROUP BY ALL"
    )


def again(source: str, width_ns: int, where: str = "true") -> str:
    """Return the question for the roll-ups of roll-ups."""
    number = "FILTER (WHERE count > 0)"
    return (
        f"SELECT id, t - t % {width_ns} AS t, "  # noqa: S608 - ours
        f"coalesce(min(low) {number}, 'nan'::DOUBLE) AS low, "
        f"coalesce(max(high) {number}, 'nan'::DOUBLE) AS high, "
        "sum(total) AS total, sum(count)::UINTEGER AS count, "
        "(max(quality & 255) | (bit_or(quality) & 65280))::USMALLINT AS quality, "
        f"coalesce(arg_max(last, t) {number}, 'nan'::DOUBLE) AS last FROM {source} WHERE {where} GROUP BY ALL"
    )


def make(
    cursor: duckdb.DuckDBPyConnection,
    folder: Path,
    source: str,
    where: str,
    new: Segment,
    replaces: list[int],
) -> Segment | None:
    """Write the files of one segment from some samples of one day; None where there are none.

    source: rows as `View.samples` gives, with every text in `text`. new: its number and day. replaces: the
    numbers of those that it takes the place of; its file says so too. When this returns both files are on
    disk whole, under names that nobody reads yet. Raises duckdb.Error, OSError; nothing is left then.
    """
    count, first, last = cursor.execute(
        f"SELECT count(*), min(t), max(t) FROM {source} WHERE {where}"  # noqa: S608 - ours
    ).fetchall()[0]
    if not count:
        return None
    made = replace(new, first_ns=int(first), last_ns=int(last), rows=int(count), raw=True, minutes=True)
    folder.mkdir(parents=True, exist_ok=True)
    slice_ns = _slice_ns(int(count), int(last) - int(first))
    samples = f"SELECT {SAMPLES} FROM {source} WHERE {where} ORDER BY t // {slice_ns}, id, t, part, row"  # noqa: S608
    crc = _write(cursor, samples, folder / made.samples_name, replaces)
    try:
        table = f"read_parquet({quoted(folder / made.samples_name)})"
        minutes = f"SELECT {ROLLED} FROM ({rolled(table, MINUTE_NS)}) ORDER BY id, t"  # noqa: S608 - ours
        minutes_crc = _write(cursor, minutes, folder / made.minutes_name, replaces)
    except BaseException:
        (folder / made.samples_name).unlink(missing_ok=True)
        raise
    return replace(made, crc=crc, minutes_crc=minutes_crc)


def make_minutes(
    cursor: duckdb.DuckDBPyConnection, folder: Path, old: Segment, where: str, new: Segment
) -> Segment | None:
    """Write a segment of minutes only from another of that kind, without some; None where none stay."""
    table = f"read_parquet({quoted(folder / old.minutes_name)})"
    (rows,) = cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchall()[0]  # noqa: S608 - ours
    if not rows:
        return None
    question = f"SELECT {ROLLED} FROM {table} WHERE {where} ORDER BY id, t"  # noqa: S608 - ours
    crc = _write(cursor, question, folder / new.minutes_name, [old.seq])
    return replace(new, raw=False, minutes=True, minutes_crc=crc)


def replaced(cursor: duckdb.DuckDBPyConnection, path: Path) -> list[int]:
    """Return the numbers of the segments that a file takes the place of. Raises duckdb.Error."""
    rows = cursor.execute(f"SELECT key, value FROM parquet_kv_metadata({quoted(path)})").fetchall()  # noqa: S608
    held = {bytes(key): bytes(value) for key, value in rows}
    return [int(seq) for seq in json.loads(held.get(b"replaces", b"[]"))]


def _slice_ns(rows: int, span_ns: int) -> int:
    """Return the named width that holds about SLICE_ROWS of some rows."""
    want = max(span_ns, 1) * SLICE_ROWS / rows
    return next((width for width in _SLICES_NS if width >= want), DAY_NS)


def _write(cursor: duckdb.DuckDBPyConnection, question: str, path: Path, replaces: list[int]) -> int:
    """Write the rows of a question to a file that is on disk whole once it has its name; return its CRC."""
    half = path.with_name(f".{path.name}.new")
    name = str(half).replace("'", "''")
    try:
        cursor.execute(f"COPY ({question}) TO '{name}' ({_FORMAT}, KV_METADATA {{replaces: '{replaces}'}})")
        synced(half)
        crc = crc_of(half)
        half.rename(path)
        synced(path.parent)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    return crc


def synced(path: Path) -> None:
    """Have the system write a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def crc_of(path: Path) -> int:
    """Return the CRC-32 of a file's bytes. Raises OSError."""
    crc = 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return crc
