"""Ranges for trends: minutes rolled up once, samples where they are few or new."""

from __future__ import annotations

import duckdb
import numpy as np

from armillary.history import rollup
from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.model.series import Series, SeriesQuery

MAX_RAW = 500_000  # samples in one answer of raw data
ROLL_AFTER_NS = 60 * NS  # a minute is rolled up this long after its end: most late samples have come
ROLL_AT_ONCE_NS = 3_600 * NS
_MINUTE = rollup.MINUTE_NS
_ROLL = """
INSERT INTO minute
SELECT id, t - t % $3,
    coalesce(min(value) FILTER (WHERE isfinite(value)), 'nan'),
    coalesce(max(value) FILTER (WHERE isfinite(value)), 'nan'),
    coalesce(sum(value) FILTER (WHERE isfinite(value)), 0),
    count(*) FILTER (WHERE isfinite(value)),
    max(quality & 255) | (bit_or(quality) & 65280)
FROM sample WHERE t >= $1 AND t < $2 {also} GROUP BY ALL ORDER BY 2, 1
"""


def series(cursor: duckdb.DuckDBPyConnection, id_: int, query: SeriesQuery, rolled_ns: int) -> Series:
    """Return one id's range: samples while they fit the width, else buckets with their extremes.

    rolled_ns: minutes before this time are rolled up.
    """
    if query.agg == "raw":
        rows = _samples(cursor, id_, query.from_ns, query.to_ns)
        return rollup.series(rollup.thinned(rows, MAX_RAW), id_, 0.0, query.request)
    level = rollup.level_ns(query.from_ns, query.to_ns, query.width)
    if level >= _MINUTE and rolled_ns > query.from_ns:
        rows = _minutes(cursor, id_, query, rolled_ns)
        if int(rows.count.sum()) > query.width:
            return rollup.series(rollup.bucketed(rows, level), id_, level / NS, query.request)
    rows = _samples(cursor, id_, query.from_ns, query.to_ns)
    if len(rows) <= query.width:  # so few that they are shown as they are
        return rollup.series(rows, id_, 0.0, query.request)
    return rollup.series(rollup.bucketed(rows, level), id_, level / NS, query.request)


def _samples(cursor: duckdb.DuckDBPyConnection, id_: int, from_ns: int, to_ns: int) -> rollup.Rows:
    got = cursor.execute(
        "SELECT t, value, quality FROM sample WHERE id = $1 AND t >= $2 AND t < $3 ORDER BY t, rowid",
        [id_, from_ns, to_ns],
    ).fetchnumpy()
    t: I8 = got["t"]
    last = np.append(t[1:] != t[:-1], np.ones(min(len(t), 1), np.bool_))  # of equal times the last counts
    return rollup.of_samples(t[last], got["value"][last], got["quality"][last])


def _minutes(cursor: duckdb.DuckDBPyConnection, id_: int, query: SeriesQuery, rolled_ns: int) -> rollup.Rows:
    """Return whole minutes where they are rolled up, samples before and after."""
    begin = -(-query.from_ns // _MINUTE) * _MINUTE
    end = max(min(rolled_ns, query.to_ns // _MINUTE * _MINUTE), begin)
    got = cursor.execute(
        "SELECT t, low, high, total, count, quality FROM minute "
        "WHERE id = $1 AND t >= $2 AND t < $3 ORDER BY t",
        [id_, begin, end],
    ).fetchnumpy()
    middle = rollup.Rows(
        t_ns=got["t"],
        low=got["low"],
        high=got["high"],
        total=got["total"],
        count=got["count"].astype(np.int64),
        quality=got["quality"],
    )
    before = _samples(cursor, id_, query.from_ns, min(begin, query.to_ns))
    after = _samples(cursor, id_, end, query.to_ns)
    return rollup.joined(rollup.joined(before, middle), after)


def rolled_until(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return the time before which every minute is rolled up, 0 for none."""
    row = cursor.execute("SELECT value FROM about WHERE key = 'rolled_until_ns'").fetchone()
    return int(row[0]) if row is not None else 0


def spoil(cursor: duckdb.DuckDBPyConnection, t_ns: I8) -> None:
    """Note the minutes of some times as no longer right, because samples came late or went."""
    minutes = np.unique(t_ns - t_ns % _MINUTE).tolist()
    cursor.execute("INSERT INTO redo SELECT unnest($1::BIGINT[])", [minutes])


def roll(cursor: duckdb.DuckDBPyConnection, rolled_ns: int, now_ns: int) -> tuple[int, bool]:
    """Roll up minutes that are over, an hour at most; return (rolled until, whether there is more).

    Minutes that were spoiled are made anew. The caller holds the transaction.
    """
    redo = cursor.execute("SELECT min(t), max(t) FROM redo").fetchone()
    if redo is not None and redo[0] is not None:
        cursor.execute("DELETE FROM minute WHERE t IN (SELECT t FROM redo)")
        also = "AND t - t % $3 IN (SELECT t FROM redo)"
        end_ns = min(redo[1] + _MINUTE, max(rolled_ns, redo[0]))
        cursor.execute(_ROLL.format(also=also), [redo[0], end_ns, _MINUTE])
        cursor.execute("DELETE FROM redo")
    over_ns = (now_ns - ROLL_AFTER_NS) // _MINUTE * _MINUTE
    first = cursor.execute("SELECT min(t) FROM sample WHERE t >= $1", [rolled_ns]).fetchone()
    if first is None or first[0] is None or first[0] >= over_ns:
        return rolled_ns, False
    begin_ns = max(first[0] // _MINUTE * _MINUTE, rolled_ns)
    end_ns = min(begin_ns + ROLL_AT_ONCE_NS, over_ns)
    cursor.execute(_ROLL.format(also=""), [begin_ns, end_ns, _MINUTE])
    cursor.execute("DELETE FROM about WHERE key = 'rolled_until_ns'")
    cursor.execute("INSERT INTO about VALUES ('rolled_until_ns', $1)", [str(end_ns)])
    return end_ns, end_ns < over_ns
