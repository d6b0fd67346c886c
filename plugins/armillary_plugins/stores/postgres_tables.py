"""The tables of a history in PostgreSQL: one schema a project, samples in parts by month."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import psycopg

from armillary.api import I8, StoreFault
from armillary_plugins.stores.rows import Layout

SCHEMA = 1
FIRST_YEAR, END_YEAR = 2000, 2100  # what has a month of its own; the rest shares one part
# The widest first: a row has no holes then.
SAMPLE = Layout(
    {
        "t": "i8",
        "n": "i8",
        "value": "f8",
        "lag": "i8",
        "known": "i8",
        "status": "i8",
        "id": "i4",
        "word": "i4",
        "quality": "i4",
        "flags": "i2",
    }
)
# n: order of arrival in the store. lag: arrival − source, ns. word: row of `word`, 0 = none. known: when a
# world knew it (`known_ns`), -1 for what was told of the past. redo: minutes that late samples came for.
_SAMPLE = """
CREATE TABLE sample(
    t int8 NOT NULL, n int8 NOT NULL, value float8 NOT NULL, lag int8 NOT NULL, known int8 NOT NULL,
    status int8 NOT NULL, id int4 NOT NULL, word int4 NOT NULL, quality int4 NOT NULL, flags int2 NOT NULL)
"""
_INDEXES = """
CREATE INDEX sample_of_id ON sample(id, t, n);
CREATE INDEX sample_at ON sample USING brin (t) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX sample_known ON sample USING brin (known) WITH (pages_per_range = 32, autosummarize = on);
"""
_ROLLED = """
    id int4, t int8, low float8 NOT NULL, high float8 NOT NULL, total float8 NOT NULL, count int8 NOT NULL,
    quality int4 NOT NULL, PRIMARY KEY (id, t)
"""
_OTHERS = f"""
CREATE TABLE tag(id int4 PRIMARY KEY, name text NOT NULL, unit text NOT NULL);
CREATE TABLE word(id int4 PRIMARY KEY, text bytea NOT NULL);
CREATE TABLE minute({_ROLLED});
CREATE TABLE hour({_ROLLED});
CREATE TABLE redo(id int4, t int8, PRIMARY KEY (id, t));
CREATE TABLE received(session text PRIMARY KEY, seq int8 NOT NULL);
CREATE TABLE document(kind text, key text, t int8, n bigserial, data bytea NOT NULL);
CREATE INDEX document_of_kind ON document(kind, t, n);
CREATE TABLE state(
    schema int4, rolled int8, hours int8, n int8, word int4, samples int8, first int8, last int8);
INSERT INTO state VALUES ({SCHEMA}, 0, 0, 0, 0, 0, 0, 0);
"""  # noqa: S608 - ours
WEEK_NS = 7 * 86_400 * 1_000_000_000

Connection = psycopg.Connection[tuple[object, ...]]


def has_timescale(connection: Connection) -> bool:
    """Return whether this database has TimescaleDB."""
    found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return found is not None


def making(*, timescale: bool) -> str:
    """Return the statements that make all tables: a hypertable where there are such, else parts by month."""
    if timescale:
        hyper = f"SELECT create_hypertable('sample', 't', chunk_time_interval => {WEEK_NS});"
        return f"{_SAMPLE};{hyper}{_INDEXES}{_OTHERS}"
    other = "CREATE TABLE sample_other PARTITION OF sample DEFAULT;"
    return f"{_SAMPLE} PARTITION BY RANGE (t);{_INDEXES}{other}{_OTHERS}"


def prepare(connection: Connection, space: str, where: str, *, read_only: bool) -> None:
    """Make the tables where there are none; refuse those of a newer version. Raises StoreFault.

    `space` is a plain name, so it needs no quotes. The caller holds the transaction.
    """
    found = connection.execute(
        "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'state'", [space]
    ).fetchone()
    if found is None and read_only:
        raise StoreFault("There is no history yet.", where=where, remedy="Record something first.")
    if found is None:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
        connection.execute(making(timescale=has_timescale(connection)))
    row = connection.execute("SELECT schema FROM state").fetchone()
    schema = int(str(row[0])) if row is not None else 0
    if schema != SCHEMA:
        raise StoreFault(
            f"The history in PostgreSQL is of version {schema}; this Armillary knows {SCHEMA}.",
            where=where,
            remedy="Update Armillary, or give historian.space another name to begin a new one.",
        )


def months(t_ns: I8) -> list[tuple[str, int, int]]:
    """Return (name of the part, from, to) of the months that some times fall into; of odd times none."""
    days = np.unique(t_ns // 86_400_000_000_000).tolist()
    first, end = _start(FIRST_YEAR, 1), _start(END_YEAR, 1)
    found: dict[tuple[int, int], None] = {}
    for day in days:
        ns = int(day) * 86_400_000_000_000
        if first <= ns < end:
            stamp = datetime.fromtimestamp(ns // 1_000_000_000, UTC)
            found[stamp.year, stamp.month] = None
    return [(f"sample_{y}_{m:02}", _start(y, m), month_end(y, m)) for y, m in found]


def _start(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


def month_end(year: int, month: int) -> int:
    """Return the end of a month."""
    return _start(year + month // 12, month % 12 + 1)


def part(name: str, from_ns: int, to_ns: int) -> str:
    """Return the statement that makes the part of a month."""
    return f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF sample FOR VALUES FROM ({from_ns}) TO ({to_ns})"
