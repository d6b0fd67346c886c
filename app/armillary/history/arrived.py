"""Reads samples by when they were known, not by when they were measured: what a replay needs.

A sample is known from its arrival on. Its source time and its arrival differ by the lag; the store is kept in
the order of source time, so the lag counts only between EARLY_NS and LATE_NS: a question then reads a bounded
span, and what came later than that is taken as known LATE_NS after it was measured.
"""

from __future__ import annotations

from typing import Any

import duckdb

from armillary.history.parts import COLUMNS, View, among
from armillary.model.arrays import U4
from armillary.model.sample import EARLY_NS, EVALUATED, HISTORICAL, LATE_NS, REDATED

# An evaluated value is filed under the time of its evaluation; its lag points back at its oldest input. One
# whose source has a wrong clock is filed under its arrival; its lag points at what the source said.
_KNOWN = (
    f"CASE WHEN (flags & {EVALUATED | REDATED}) <> 0 THEN t "
    f"ELSE t + greatest(least(lag, {LATE_NS}), -{EARLY_NS}) END"
)
_LIVE = f"(flags & {HISTORICAL}) = 0"  # what was told of the past was never shown
_NAMES = ("id", "t", "value", "lag", "quality", "flags", "status", "word", "text", "has")  # of COLUMNS
# Any: rows as DuckDB hands them over, one array a column
Rows = dict[str, Any]
MARKS = (
    "(SELECT id, t, value, lag, quality, flags, status, word, NULL::VARCHAR AS text, 0 AS part, rowid AS row "
    "FROM mark)"
)


def at(
    cursor: duckdb.DuckDBPyConnection, view: View | None, ids: list[int], t_ns: int, since_ns: int
) -> list[Rows]:
    """Return for each id the row with the newest source time of those known from `since_ns` to `t_ns`.

    view: of the samples; None: of the marks.
    """
    missing, found = ids, []
    for begin, end in View.back(t_ns + EARLY_NS + 1, t_ns, max(since_ns - LATE_NS, 0)):
        wanted = f"t >= $1 AND t < $2 AND {_LIVE} AND {_KNOWN} BETWEEN $3 AND $4 AND {among(missing)}"
        rows = cursor.execute(
            f"SELECT {COLUMNS} FROM {MARKS if view is None else view.samples(begin, end)} WHERE {wanted} "  # noqa: S608 - ours
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY t DESC, part DESC, row DESC) = 1",
            [begin, end, since_ns, t_ns],
        ).fetchnumpy()
        found.append(rows)
        came = set(rows["id"].tolist())
        missing = [id_ for id_ in missing if id_ not in came]
        if not missing:
            break
    return found


def between(
    cursor: duckdb.DuckDBPyConnection, view: View | None, ids: U4, from_ns: int, to_ns: int, limit: int
) -> tuple[Rows, int]:
    """Return rows that became known from ≤ … < to, in that order, about `limit` at most, and up to when.

    view: of the samples; None: of the marks.
    """
    begin, end = from_ns - LATE_NS, to_ns + EARLY_NS
    table = MARKS if view is None else view.samples(begin, end)
    where = f"t >= $1 AND t < $2 AND {_LIVE} AND {among(ids)} AND {_KNOWN} >= $3 AND {_KNOWN} < $4"
    rows = cursor.execute(
        f"SELECT {COLUMNS}, {_KNOWN} AS known FROM {table} WHERE {where} "  # noqa: S608 - ours
        f"ORDER BY known, t, part, row LIMIT {limit + 1}",
        [begin, end, from_ns, to_ns],
    ).fetchnumpy()
    known = rows.pop("known")
    if len(known) <= limit:
        return rows, to_ns
    cut = int(known[limit])  # the first that is left out: all before its time are whole
    kept = int((known < cut).sum())
    if kept:
        return {name: column[:kept] for name, column in rows.items()}, cut
    rows = cursor.execute(  # more than the limit in one instant
        f"SELECT {COLUMNS} FROM {table} WHERE {where} ORDER BY t, part, row",  # noqa: S608 - ours
        [begin, end, from_ns, cut + 1],
    ).fetchnumpy()
    return rows, cut + 1


def thinned(
    cursor: duckdb.DuckDBPyConnection, view: View, ids: U4, from_ns: int, to_ns: int, every_ns: int
) -> Rows:
    """Return of each id the newest sample of each span of `every_ns` in which one became known.

    That costs a third of all rows in order, as nothing but what is kept is sorted and handed over.
    """
    begin, end = from_ns - LATE_NS, to_ns + EARLY_NS
    row = ", ".join(f"{name} := {name}" for name in _NAMES)
    rows: Rows = cursor.execute(
        f"SELECT unnest(max_by(struct_pack({row}), (t, part, row))) "  # noqa: S608 - ours
        f"FROM (SELECT {COLUMNS}, part, row, {_KNOWN} AS known FROM {view.samples(begin, end)} "
        f"WHERE t >= $1 AND t < $2 AND {_LIVE} AND {among(ids)} AND {_KNOWN} >= $3 AND {_KNOWN} < $4) "
        "GROUP BY id, (known - $3) // $5",
        [begin, end, from_ns, to_ns, every_ns],
    ).fetchnumpy()
    return rows
