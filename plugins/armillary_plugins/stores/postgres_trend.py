"""Roll-ups in PostgreSQL, and trends from them: minutes and hours are made once, by the server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from armillary.api import U4, Series, SeriesQuery
from armillary_plugins.stores import buckets
from armillary_plugins.stores.buckets import HOUR, MINUTE, Buckets
from armillary_plugins.stores.postgres_base import Columns, columns
from armillary_plugins.stores.postgres_tables import Connection

ROLL_AFTER = MINUTE  # a minute is rolled up this long after its end: most late samples have come
ROLL_AT_ONCE = HOUR
_NUMBER = "value > '-Infinity' AND value < 'Infinity'"  # NaN is greater than all
_OF_SAMPLES = f"""
    coalesce(min(value) FILTER (WHERE {_NUMBER}), 'NaN') AS low,
    coalesce(max(value) FILTER (WHERE {_NUMBER}), 'NaN') AS high,
    coalesce(sum(value) FILTER (WHERE {_NUMBER}), 0) AS total,
    count(*) FILTER (WHERE {_NUMBER}) AS count,
    max(quality & 255) | (bit_or(quality) & 65280) AS quality"""
_OF_ROLLED = """
    coalesce(min(low) FILTER (WHERE count > 0), 'NaN') AS low,
    coalesce(max(high) FILTER (WHERE count > 0), 'NaN') AS high,
    sum(total) AS total, sum(count)::int8 AS count,
    max(quality & 255) | (bit_or(quality) & 65280) AS quality"""
_INTO = "(id, t, low, high, total, count, quality)"
_MINUTES = f"""
INSERT INTO minute {_INTO} SELECT id, t - t %% {MINUTE}, {_OF_SAMPLES} FROM sample
WHERE t >= %s AND t < %s AND id <> ALL(%s::int4[]) GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""  # noqa: S608 - ours
_MINUTES_ANEW = f"""
INSERT INTO minute {_INTO} SELECT s.id, s.t - s.t %% {MINUTE}, {_OF_SAMPLES}
FROM (SELECT * FROM redo WHERE t < %s) r JOIN sample s ON s.id = r.id AND s.t >= r.t AND s.t < r.t + {MINUTE}
GROUP BY 1, 2
"""  # noqa: S608 - ours
_HOURS = f"""
INSERT INTO hour {_INTO} SELECT id, t - t %% {HOUR}, {_OF_ROLLED} FROM minute
WHERE t >= %s AND t < %s GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""  # noqa: S608 - ours
_HOURS_ANEW = f"""
INSERT INTO hour {_INTO} SELECT m.id, m.t - m.t %% {HOUR}, {_OF_ROLLED}
FROM (SELECT DISTINCT id, t - t %% {HOUR} AS t FROM redo WHERE t < %s) r
JOIN minute m ON m.id = r.id AND m.t >= r.t AND m.t < r.t + {HOUR} GROUP BY 1, 2
"""  # noqa: S608 - ours
_BUCKET = {"t": "i8", "low": "f8", "high": "f8", "total": "f8", "count": "i8", "quality": "i4"}
_ONCE = "SELECT DISTINCT ON (t) t, value, quality FROM sample WHERE id = %s AND t >= %s AND t < %s"


def roll(connection: Connection, rolled: int, hours: int, now_ns: int, marks: U4) -> tuple[int, int, bool]:
    """Roll up what is over, an hour at most; return (rolled until, hours until, whether there is more).

    Minutes that late samples came for are made anew. The caller holds the transaction and keeps the result.
    """
    if connection.execute("SELECT 1 FROM redo LIMIT 1").fetchone() is not None:
        connection.execute("DELETE FROM minute USING redo r WHERE minute.id = r.id AND minute.t = r.t")
        connection.execute(_MINUTES_ANEW, [rolled])
        connection.execute(
            f"DELETE FROM hour USING redo r WHERE hour.id = r.id AND hour.t = r.t - r.t %% {HOUR}",  # noqa: S608
            [],
        )
        connection.execute(_HOURS_ANEW, [hours])
        connection.execute("DELETE FROM redo")
    over = (now_ns - ROLL_AFTER) // MINUTE * MINUTE
    held = columns(connection, "SELECT id FROM tag", [], {"id": "i4"})["id"]
    first = _first(connection, np.setdiff1d(held, marks), rolled)
    if first is None or first >= over:
        return rolled, hours, False
    begin = max(first // MINUTE * MINUTE, rolled)
    end = min(begin + ROLL_AT_ONCE, over)
    connection.execute(_MINUTES, [begin, end, marks.tolist()])
    whole = end // HOUR * HOUR
    if whole > hours:
        connection.execute(_HOURS, [hours, whole])
    return end, max(whole, hours), end < over


def _first(connection: Connection, ids: U4, from_ns: int) -> int | None:
    """Return the time of the first sample from a time on, of some ids: one step down the index for each."""
    row = connection.execute(
        "SELECT min(s.t) FROM unnest(%s::int4[]) AS a(id) CROSS JOIN LATERAL "
        "(SELECT t FROM sample WHERE id = a.id AND t >= %s ORDER BY t LIMIT 1) s",
        [ids.tolist(), from_ns],
    ).fetchone()
    return int(str(row[0])) if row is not None and row[0] is not None else None


def series(connection: Connection, id_: int, query: SeriesQuery, rolled: int, hours: int) -> Series:
    """Return one id's range: samples while they fit the width, else buckets with their extremes."""
    if query.agg == "raw":
        rows = _samples(connection, id_, query.from_ns, query.to_ns)
        return buckets.series(buckets.thinned(rows, buckets.MAX_RAW), id_, 0, query.request)
    step = buckets.width(query.from_ns, query.to_ns, query.width)
    if step < MINUTE:
        rolled = hours = 0
    elif step % HOUR:
        hours = 0
    parts = [
        _bucketed(connection, table, id_, begin, end, step)
        for table, begin, end in _pieces(query.from_ns, query.to_ns, rolled, hours)
        if begin < end
    ]
    rows = buckets.joined(parts) if parts else _samples(connection, id_, 0, 0)
    if int(rows.count.sum()) <= query.width:  # perhaps so few that they are shown as they are
        held = _samples(connection, id_, query.from_ns, query.to_ns, query.width + 1)
        if len(held) <= query.width:
            return buckets.series(held, id_, 0, query.request)
    return buckets.series(buckets.into(rows, step), id_, step, query.request)


def _pieces(from_ns: int, to_ns: int, rolled: int, hours: int) -> Iterator[tuple[str, int, int]]:
    """Yield (table, from, to) that make up a range in order: hours inside, then minutes, then samples."""
    first = min(-(-from_ns // MINUTE) * MINUTE, to_ns)
    last = max(min(rolled, to_ns // MINUTE * MINUTE), first)
    first_hour = min(-(-first // HOUR) * HOUR, last)
    last_hour = max(min(hours, last // HOUR * HOUR), first_hour)
    yield "sample", from_ns, first
    yield "minute", first, first_hour
    yield "hour", first_hour, last_hour
    yield "minute", last_hour, last
    yield "sample", last, to_ns


def _bucketed(connection: Connection, table: str, id_: int, begin: int, end: int, step: int) -> Buckets:
    """Return buckets of one table, made by the server."""
    if table == "sample":
        query = (
            f"SELECT t - t %% {step} AS b, {_OF_SAMPLES} FROM ({_ONCE} ORDER BY t DESC, n DESC) s GROUP BY 1"  # noqa: S608
        )
    else:
        query = (
            f"SELECT t - t %% {step} AS b, {_OF_ROLLED} FROM {table} "  # noqa: S608 - ours
            "WHERE id = %s AND t >= %s AND t < %s GROUP BY 1"
        )
    query = f"SELECT b AS t, low, high, total, count, quality FROM ({query}) g ORDER BY b"  # noqa: S608
    return _of(columns(connection, query, [id_, begin, end], _BUCKET))


def _of(rows: Columns) -> Buckets:
    return Buckets(
        t_ns=rows["t"],
        low=rows["low"],
        high=rows["high"],
        total=rows["total"],
        count=rows["count"],
        quality=rows["quality"].astype(np.uint16),
    )


def _samples(connection: Connection, id_: int, from_ns: int, to_ns: int, most: int | None = None) -> Buckets:
    """Return samples, of equal times the last, ascending; `most`: of them only so many."""
    limit = f" LIMIT {most}" if most is not None else ""
    query = f"SELECT * FROM ({_ONCE} ORDER BY t DESC, n DESC{limit}) s ORDER BY t"  # noqa: S608 - ours
    got = columns(connection, query, [id_, from_ns, to_ns], {"t": "i8", "value": "f8", "quality": "i4"})
    return buckets.of_samples(got["t"], got["value"], got["quality"].astype(np.uint16))
