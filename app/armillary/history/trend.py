"""Ranges for trends: days, hours and minutes rolled up once, samples where they are few, near or new."""

from __future__ import annotations

import duckdb
import numpy as np

from armillary.history import rollup, sealing
from armillary.history.parts import DAY_NS, MINUTE_NS, View, among
from armillary.history.sealing import ROLLED
from armillary.model.arrays import I8, U4
from armillary.model.clock import NS
from armillary.model.series import Series, SeriesQuery

MAX_RAW = 500_000  # samples in one answer of raw data
HOUR_NS = 3_600 * NS
GRAINS_NS = (DAY_NS, HOUR_NS, MINUTE_NS)  # what is rolled up, the coarsest first
_TABLES = {DAY_NS: "day", HOUR_NS: "hour"}

_Found = tuple[U4, rollup.Rows]  # ids (n,), rows in the order of time


def series(cursor: duckdb.DuckDBPyConnection, view: View, query: SeriesQuery) -> tuple[Series, ...]:
    """Return the range of each id: samples while they fit the width, else buckets with their extremes."""
    ids = list(dict.fromkeys(query.ids))
    if query.agg == "raw":
        found = _samples(cursor, view, ids, query.from_ns, query.to_ns)
        return tuple(_as_they_are(rollup.thinned(_of(found, i), MAX_RAW), i, query) for i in query.ids)
    level = rollup.level_ns(query.from_ns, query.to_ns, query.width)
    grain = next((width for width in GRAINS_NS if level % width == 0), 0)
    done: dict[int, Series] = {}
    if grain:
        found = _rolled(cursor, view, ids, query.from_ns, query.to_ns, grain)
        for id_ in ids:
            rows = _of(found, id_)
            if int(rows.count.sum()) > query.width:
                done[id_] = rollup.series(rollup.bucketed(rows, level), id_, level / NS, query.request)
    few = [id_ for id_ in ids if id_ not in done]
    if few:  # so few that they may be shown as they are
        found = _samples(cursor, view, few, query.from_ns, query.to_ns)
        for id_ in few:
            rows = _of(found, id_)
            if len(rows) <= query.width:
                done[id_] = _as_they_are(rows, id_, query)
            else:
                done[id_] = rollup.series(rollup.bucketed(rows, level), id_, level / NS, query.request)
    return tuple(done[id_] for id_ in query.ids)


def _as_they_are(rows: rollup.Rows, id_: int, query: SeriesQuery) -> Series:
    return rollup.series(rows, id_, 0.0, query.request)


def _of(found: _Found, id_: int) -> rollup.Rows:
    return rollup.chosen(found[1], np.flatnonzero(found[0] == id_))


def _samples(
    cursor: duckdb.DuckDBPyConnection, view: View, ids: list[int], from_ns: int, to_ns: int
) -> _Found:
    """Return samples, and minutes (or hours) where retention left nothing finer."""
    got = cursor.execute(
        f"SELECT id, t, value, quality FROM {view.samples(from_ns, to_ns)} "  # noqa: S608 - ours
        f"WHERE {among(ids)} AND t >= $1 AND t < $2 ORDER BY id, t, part, row",
        [from_ns, to_ns],
    ).fetchnumpy()
    id_, t = got["id"], got["t"]
    last = np.append((t[1:] != t[:-1]) | (id_[1:] != id_[:-1]), np.ones(min(len(t), 1), np.bool_))
    rows = rollup.of_samples(
        t[last], got["value"][last], got["quality"][last]
    )  # of equal times the last counts
    found: _Found = (id_[last], rows)
    bare = [s for s in view.within(from_ns, to_ns) if not s.raw]
    if names := [s.minutes_name for s in bare if s.minutes]:
        found = _joined(found, _read(cursor, view.files(names), ids, from_ns, to_ns))
    if seqs := [s.seq for s in bare if not s.minutes]:
        found = _joined(found, _read(cursor, _hours(seqs), ids, from_ns, to_ns))
    return found


def _rolled(
    cursor: duckdb.DuckDBPyConnection, view: View, ids: list[int], from_ns: int, to_ns: int, grain: int
) -> _Found:
    """Return a range in rows of `grain` where they are whole, in finer ones at its two ends."""
    begin = -(-from_ns // grain) * grain
    end = max(to_ns // grain * grain, begin)
    finer = next((width for width in GRAINS_NS if width < grain), 0)

    def edge(a_ns: int, b_ns: int) -> _Found:
        if a_ns >= b_ns:
            return np.zeros(0, np.uint32), rollup.nothing()
        if not finer:
            return _samples(cursor, view, ids, a_ns, b_ns)
        return _rolled(cursor, view, ids, a_ns, b_ns, finer)

    middle = _whole(cursor, view, ids, begin, end, grain) if begin < end else edge(0, 0)
    return _joined(_joined(edge(from_ns, min(begin, to_ns)), middle), edge(max(end, from_ns), to_ns))


def _whole(
    cursor: duckdb.DuckDBPyConnection, view: View, ids: list[int], from_ns: int, to_ns: int, grain: int
) -> _Found:
    """Return the rows of `grain` of every part; several for one time where several parts have some."""
    if grain in _TABLES:
        sealed = _TABLES[grain] if view.rolled else ""
    else:
        names = [s.minutes_name for s in view.within(from_ns, to_ns) if s.minutes]
        sealed = view.files(names) if names else ""
    hot = View(folder=view.folder, hots=view.hots).samples(from_ns, to_ns)
    where = f"{among(ids)} AND t >= {from_ns} AND t < {to_ns}"
    parts = [f"SELECT {ROLLED}, 1 AS part FROM ({sealing.rolled(hot, grain, where)})"]  # noqa: S608 - ours
    if sealed:
        parts.append(f"SELECT {ROLLED}, 0 AS part FROM {sealed} WHERE {where}")  # noqa: S608 - ours
    return _fetched(cursor, f"({' UNION ALL '.join(parts)}) ORDER BY id, t, part", [])


def _hours(seqs: list[int]) -> str:
    return f"(SELECT * FROM hour WHERE seq IN ({', '.join(map(str, seqs))}))"  # noqa: S608 - numbers


def _read(cursor: duckdb.DuckDBPyConnection, table: str, ids: list[int], from_ns: int, to_ns: int) -> _Found:
    where = f"{among(ids)} AND t >= $1 AND t < $2"
    return _fetched(cursor, f"{table} WHERE {where} ORDER BY id, t", [from_ns, to_ns])


def _fetched(cursor: duckdb.DuckDBPyConnection, rest: str, given: list[int]) -> _Found:
    got = cursor.execute(f"SELECT {ROLLED} FROM {rest}", given).fetchnumpy()  # noqa: S608 - ours
    count: I8 = got["count"].astype(np.int64)
    return got["id"], rollup.Rows(
        t_ns=got["t"],
        low=got["low"],
        high=got["high"],
        total=got["total"],
        count=count,
        quality=got["quality"],
        last=got["last"],
    )


def _joined(first: _Found, second: _Found) -> _Found:
    """Return the rows of both in the order of id and time, at equal times the first's first."""
    if not len(second[0]):
        return first
    if not len(first[0]):
        return second
    ids = np.concatenate((first[0], second[0]))
    rows = rollup.joined(first[1], second[1])
    order = np.lexsort((rows.t_ns, ids))
    return ids[order], rollup.chosen(rows, order)
