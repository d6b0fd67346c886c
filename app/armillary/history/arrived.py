"""Reads samples by when they were known, not by when they were measured: what a replay needs.

A sample is known from its arrival on. Its source time and its arrival differ by the lag; the store is kept in
the order of source time, so the lag counts only between EARLY_NS and LATE_NS: a question then reads a bounded
span, and what came later than that is taken as known LATE_NS after it was measured.
"""

from __future__ import annotations

from typing import Any

import duckdb

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.sample import EARLY_NS, EVALUATED, HISTORICAL, LATE_NS, REDATED

_COLUMNS = "id, t, value, lag, quality, flags, status, word"
# An evaluated value is filed under the time of its evaluation; its lag points back at its oldest input. One
# whose source has a wrong clock is filed under its arrival; its lag points at what the source said.
_KNOWN = (
    f"CASE WHEN (flags & {EVALUATED | REDATED}) <> 0 THEN t "
    f"ELSE t + greatest(least(lag, {LATE_NS}), -{EARLY_NS}) END"
)
_LIVE = f"(flags & {HISTORICAL}) = 0"  # what was told of the past was never shown
LOOK_BACK_NS = (120 * NS, 3_600 * NS, 86_400 * NS, 2**62)

# Any: rows as DuckDB hands them over, one array a column
Rows = dict[str, Any]


def at(cursor: duckdb.DuckDBPyConnection, table: str, ids: list[int], t_ns: int, since_ns: int) -> list[Rows]:
    """Return for each id the row with the newest source time of those known from `since_ns` to `t_ns`."""
    missing, found = ids, []
    floor = max(since_ns - LATE_NS, 0)
    for back in LOOK_BACK_NS:
        begin = max(t_ns - back, floor)
        wanted = (
            f"t <= $1 AND t >= $3 AND id IN (SELECT unnest($2::UINTEGER[])) AND {_LIVE} "
            f"AND {_KNOWN} BETWEEN $4 AND $5"
        )
        rows = cursor.execute(
            f"SELECT {_COLUMNS} FROM {table} JOIN "  # noqa: S608 - ours
            f"(SELECT id, max(t) AS t FROM {table} WHERE {wanted} GROUP BY id) USING (id, t) WHERE {wanted} "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY rowid DESC) = 1",
            [t_ns + EARLY_NS, missing, begin, since_ns, t_ns],
        ).fetchnumpy()
        found.append(rows)
        came = set(rows["id"].tolist())
        missing = [id_ for id_ in missing if id_ not in came]
        if not missing or begin <= floor:
            break
    return found


def between(
    cursor: duckdb.DuckDBPyConnection, table: str, ids: U4, from_ns: int, to_ns: int, limit: int
) -> tuple[Rows, int]:
    """Return rows that became known from ≤ … < to, in that order, about `limit` at most, and up to when."""
    chosen = ids.tolist()
    columns = f"{_COLUMNS}, {_KNOWN} AS known"
    where = f"t >= $1 AND t < $3 AND id IN (SELECT unnest($2::UINTEGER[])) AND {_LIVE}"
    given = [from_ns - LATE_NS, chosen, to_ns + EARLY_NS, from_ns, to_ns]
    rows = cursor.execute(
        f"SELECT {columns} FROM {table} WHERE {where} AND {_KNOWN} >= $4 AND {_KNOWN} < $5 "  # noqa: S608
        f"ORDER BY known, rowid LIMIT {limit + 1}",
        given,
    ).fetchnumpy()
    known = rows.pop("known")
    if len(known) <= limit:
        return rows, to_ns
    cut = int(known[limit])  # the first that is left out: all before its time are whole
    kept = int((known < cut).sum())
    if kept:
        return {name: column[:kept] for name, column in rows.items()}, cut
    rows = cursor.execute(  # more than the limit in one instant
        f"SELECT {_COLUMNS} FROM {table} WHERE {where} AND {_KNOWN} >= $4 AND {_KNOWN} < $5 "  # noqa: S608
        "ORDER BY rowid",
        [*given[:4], cut + 1],
    ).fetchnumpy()
    return rows, cut + 1
