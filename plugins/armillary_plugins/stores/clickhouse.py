"""History in ClickHouse, over HTTP: everything but exactly once, since it has no transactions.

One database (`historian.space`) a project. Columns go both ways in its Native format. There are no roll-ups:
it reads a month of one tag faster than they could be kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from armillary.api import (
    EARLY_NS,
    HISTORICAL,
    LATE_NS,
    U4,
    Declared,
    SampleBatch,
    Series,
    SeriesQuery,
    StoreContext,
    StoreFault,
    joined,
    known_ns,
    taken,
)
from armillary_plugins.stores import buckets, kit, native
from armillary_plugins.stores import clickhouse_sql as sql
from armillary_plugins.stores.buckets import DAY, HOUR, S
from armillary_plugins.stores.http import Http
from armillary_plugins.stores.kit import Held, Names

PORT = 8123
EXTENT_NS = 60 * S
LOOK_BACK = (HOUR, 30 * DAY, 2**62)
FIRST_SLICE, LAST_SLICE, SLICE_ROWS = 600 * S, DAY, 100_000
SUSPECTS = 5_000  # looked up at once: a statement has a limit

DECLARED = Declared(name="ClickHouse", once=False)


def make(context: StoreContext) -> ClickHouse:
    """Return the store of a space; its tables are made where there are none. Raises StoreFault."""
    return ClickHouse(context)


class ClickHouse:
    """A HistoryStore."""

    def __init__(self, context: StoreContext) -> None:
        self._http = Http(context, "ClickHouse", PORT, "default")
        self._space, self._mark, self._clock = context.space, context.mark, context.clock
        self._is_read_only = context.read_only
        self._lock = threading.RLock()
        self._n = 0
        self._extent: Held | None = None
        self._extent_ns = 0
        self._received: dict[str, int] = {}
        try:
            self._prepare()
            self._load()
        except BaseException:
            self._http.close()
            raise

    def _load(self) -> None:
        version = self._select("SELECT version() AS name", {"name": "String"})["name"][0].decode()
        self._declares = replace(DECLARED, name=f"{DECLARED.name} {version}")
        self._names, self._version = self._listed()
        if not self._is_read_only:
            rows = self._select("SELECT session, max(seq) AS seq FROM {space}.received GROUP BY session",
                                {"session": "String", "seq": "Int64"})  # fmt: skip
            sessions = [session.decode("utf-8", "replace") for session in rows["session"]]
            self._received = dict(zip(sessions, rows["seq"].tolist(), strict=True))

    def _prepare(self) -> None:
        found = self._select(
            f"SELECT name FROM system.tables WHERE database = '{self._space}' AND name LIKE 'schema%'",  # noqa: S608
            {"name": "String"},
        )["name"]
        if found and f"schema_{sql.SCHEMA}".encode() not in found:
            raise StoreFault(
                f"The history in ClickHouse is of version {found[0].decode().rpartition('_')[2]}; "
                f"this Armillary knows {sql.SCHEMA}.",
                where=self._http.where,
                remedy="Update Armillary, or give historian.space another name to begin a new one.",
            )
        if found:
            return
        if self._is_read_only:
            raise StoreFault(
                "There is no history yet.", where=self._http.where, remedy="Record something first."
            )
        self._do(f"CREATE DATABASE IF NOT EXISTS {self._space}")
        for statement in sql.TABLES:
            self._do(statement.format(space=self._space))

    @property
    def declares(self) -> Declared:
        """All but exactly once: samples and the number of their message are written one after the other."""
        return self._declares

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._is_read_only

    # ------------------------------------------------------------ the server
    def _do(self, statement: str) -> None:
        self._http.ask("POST", "/", [("wait_end_of_query", "1")], statement.encode())

    def _select(self, query: str, columns: Mapping[str, str]) -> dict[str, Any]:  # Any: as native gives them
        body = f"{query.replace('{space}', self._space)} FORMAT Native".encode()
        data = self._http.ask("POST", "/", [("wait_end_of_query", "1")], body)
        return native.unpacked(data, columns)

    def _insert(self, table: str, columns: Mapping[str, tuple[str, native.Column]]) -> None:
        statement = f"INSERT INTO {self._space}.{table} ({', '.join(columns)}) FORMAT Native"
        given = [("query", statement), ("max_partitions_per_insert_block", "0"), ("async_insert", "0")]
        self._http.ask("POST", "/", given, native.packed(columns))

    def _writable(self) -> None:
        if self._is_read_only:
            raise StoreFault(
                "The history is open read-only.", where=self._http.where, remedy="Use the recorder."
            )

    # ------------------------------------------------------------ tags
    def _listed(self) -> tuple[Names, int]:
        rows = self._select(
            "SELECT id, argMax(name, version) AS name, argMax(unit, version) AS unit, max(version) AS last "
            "FROM {space}.tag GROUP BY id ORDER BY id",
            {"id": "UInt32", "name": "String", "unit": "String", "last": "UInt64"},
        )
        texts = [[text.decode("utf-8", "replace") for text in rows[name]] for name in ("name", "unit")]
        names = kit.names_of(list(zip(rows["id"].tolist(), *texts, strict=True)))
        return names, int(max(rows["last"].tolist(), default=0))

    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4:
        """Return the ids of tags, made when new."""
        with self._lock:
            names, changed = kit.entered(self._names, tags, units)
            if changed:
                self._writable()
                told = {id_: (name, names.units[name]) for name, id_ in names.ids.items()}
                self._insert(
                    "tag",
                    {
                        "id": ("UInt32", np.array(changed)),
                        "version": ("UInt64", np.full(len(changed), self._version + 1)),
                        "name": ("String", [told[id_][0].encode() for id_ in changed]),
                        "unit": ("String", [told[id_][1].encode() for id_ in changed]),
                    },
                )
                self._names, self._version = names, self._version + 1
            return np.array([names.ids[tag] for tag in tags], np.uint32)

    def _known(self) -> Names:
        if self._is_read_only:  # another process may have entered some
            self._names, _ = self._listed()
        return self._names

    def known(self) -> Mapping[str, int]:
        """Return all tags and their ids."""
        return dict(self._known().ids)

    def units(self) -> Mapping[str, str]:
        """Return all tags and the units of their samples."""
        return dict(self._known().units)

    # ------------------------------------------------------------ write
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None:
        """Keep samples; they are on the server's disk when this returns."""
        self._writable()
        kit.check_ids(batch, self._names.next, self._http.where)
        with self._lock:
            batch = self._without_doubles(batch)
            if len(batch):
                self._n = max(self._n, self._clock.now_ns())  # ascending, also over a restart
                self._insert("sample", self._columns(batch))
                self._n += len(batch)
                self._count(batch)
            if marks:
                sessions = [session.encode() for session in marks]
                seqs = np.array(list(marks.values()), np.int64)
                self._insert("received", {"session": ("String", sessions), "seq": ("Int64", seqs)})
                self._received.update(marks)

    def _columns(self, batch: SampleBatch) -> dict[str, tuple[str, native.Column]]:
        text = [b""] * len(batch)
        for row, said in batch.text.items():
            text[row] = said.encode("utf-8", "surrogatepass")
        told_of_past = (batch.flags & HISTORICAL) != 0
        columns: dict[str, native.Column] = {
            "id": batch.slot,
            "t": batch.source_ns,
            "n": self._n + np.arange(len(batch)),
            "value": batch.value,
            "lag": batch.arrival_ns - batch.source_ns,
            "quality": batch.quality,
            "flags": batch.flags,
            "status": batch.status,
            "known": np.where(told_of_past, -1, known_ns(batch)),
            "text": text,
        }
        return {name: (kind, columns[name]) for name, kind in sql.SAMPLE.items()}

    def _without_doubles(self, batch: SampleBatch) -> SampleBatch:
        rows = kit.suspects(batch)
        if not len(rows):
            return batch
        again = kit.repeated(batch, rows)
        for begin in range(0, len(rows), SUSPECTS):
            asked = rows[begin : begin + SUSPECTS]
            pairs = np.unique(np.stack((batch.slot[asked].astype(np.int64), batch.source_ns[asked])), axis=1)
            listed = ",".join(f"({id_},{t})" for id_, t in zip(*pairs.tolist(), strict=True))
            held = self._select(
                f"SELECT id, t, value, text FROM {{space}}.sample WHERE (id, t) IN ({listed})",  # noqa: S608
                {"id": "UInt32", "t": "Int64", "value": "Float64", "text": "String"},
            )
            bits = np.ascontiguousarray(held["value"]).view(np.int64).tolist()
            there = set(zip(held["id"].tolist(), held["t"].tolist(), bits, held["text"], strict=True))
            value = np.ascontiguousarray(batch.value[asked]).view(np.int64).tolist()
            for row, bit in zip(asked.tolist(), value, strict=True):
                text = batch.text.get(row, "").encode("utf-8", "surrogatepass")
                again[row] |= (int(batch.slot[row]), int(batch.source_ns[row]), bit, text) in there
        return taken(batch, np.flatnonzero(~again)) if again.any() else batch

    def _count(self, batch: SampleBatch) -> None:
        t, held = batch.source_ns[~np.isin(batch.slot, self._names.marks(self._mark))], self._extent
        if held is None or not len(t):
            return
        first, last = int(t.min()), int(t.max())
        self._extent = Held(
            tags=(),
            samples=held.samples + len(t),
            bytes=held.bytes,
            first_ns=min(held.first_ns, first) if held.samples else first,
            last_ns=max(held.last_ns, last) if held.samples else last,
        )

    def received(self, session: str) -> int:
        """Return the number of the last message of a session that is on disk, -1 for none."""
        return self._received.get(session, -1)

    def tidy(self, now_ns: int) -> bool:
        """Do nothing: the server merges by itself."""
        return False

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time, of all tags or of some; return how many."""
        self._writable()
        with self._lock:
            among = "" if ids is None else f" AND {sql.among(ids)}"
            marks = self._names.marks(self._mark)
            tags = f" AND NOT {sql.among(marks)}" if len(marks) else ""
            where = f"t < {before_ns}{among}"
            count = self._select(
                f"SELECT count() AS count FROM {{space}}.sample WHERE {where}{tags}",  # noqa: S608 - ours
                {"count": "UInt64"},
            )["count"]
            self._do(f"ALTER TABLE {self._space}.sample DELETE WHERE {where} SETTINGS mutations_sync = 2")
            self._extent = None
        return int(count[0])

    # ------------------------------------------------------------ documents
    def keep(self, kind: str, key: str, t_ns: int, data: bytes) -> None:
        """Keep a document; it is on disk when this returns."""
        self._writable()
        with self._lock:
            self._n = max(self._n + 1, self._clock.now_ns())
            given: dict[str, tuple[str, native.Column]] = {
                "kind": ("String", [kind.encode()]),
                "key": ("String", [key.encode()]),
                "t": ("Int64", np.array([t_ns])),
                "n": ("Int64", np.array([self._n])),
                "data": ("String", [data]),
            }
            self._insert("document", given)

    def kept(self, kind: str, t_ns: int, key: str = "") -> tuple[str, int, bytes] | None:
        """Return (key, time, data) of the newest of a kind, or of one key of it, at or before a time."""
        of_key = f" AND key = {sql.quoted(key)}" if key else ""
        rows = self._select(
            f"SELECT key, t, data FROM {{space}}.document WHERE kind = {sql.quoted(kind)} "  # noqa: S608 - quoted
            f"AND t <= {t_ns}{of_key} ORDER BY t DESC, n DESC LIMIT 1",
            {"key": "String", "t": "Int64", "data": "String"},
        )
        if not rows["key"]:
            return None
        return rows["key"][0].decode(), int(rows["t"][0]), rows["data"][0]

    def kept_list(self, kind: str, from_ns: int, to_ns: int) -> Sequence[tuple[str, int]]:
        """Return (key, time) of the documents of a kind, from ≤ t < to, in that order."""
        rows = self._select(
            f"SELECT key, t FROM {{space}}.document WHERE kind = {sql.quoted(kind)} "  # noqa: S608 - quoted
            f"AND t >= {from_ns} AND t < {to_ns} ORDER BY t, n",
            {"key": "String", "t": "Int64"},
        )
        return [(key.decode(), t) for key, t in zip(rows["key"], rows["t"].tolist(), strict=True)]

    # ------------------------------------------------------------ read
    def _rows(self, where: str, order: str, limit: str = "") -> SampleBatch:
        query = f"SELECT {sql.FIELDS} FROM {{space}}.sample WHERE {where} ORDER BY {order} {limit}"  # noqa: S608
        return sql.batch_of_rows(self._select(query, sql.ROW))

    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self._newest(ids, t_ns, 0, f"t <= {t_ns}")

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, by arrival."""
        since_ns = max(since_ns, 0)
        where = f"t <= {t_ns + EARLY_NS} AND known >= {since_ns} AND known <= {t_ns}"
        return self._newest(ids, t_ns, since_ns - LATE_NS, where)

    def _newest(self, ids: U4, t_ns: int, floor_ns: int, where: str) -> SampleBatch:
        missing, found = ids, list[SampleBatch]()
        for back in LOOK_BACK:
            if not len(missing):
                break
            begin = max(t_ns - back, floor_ns, -(2**62))
            held = f"{sql.among(missing)} AND t >= {begin} AND {where}"
            found.append(self._rows(held, "id, t DESC, n DESC", "LIMIT 1 BY id"))
            missing = np.setdiff1d(missing, found[-1].slot)
        return kit.newest(joined(found), ids)

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        at_ns, step, among = from_ns, FIRST_SLICE, sql.among(ids)
        while at_ns < to_ns and len(ids):
            first = self._select(
                f"SELECT count() AS count, min(t) AS begin FROM {{space}}.sample "  # noqa: S608 - ours
                f"WHERE {among} AND t >= {at_ns} AND t < {to_ns}",
                {"count": "UInt64", "begin": "Int64"},
            )
            if not int(first["count"][0]):
                return
            at_ns = int(first["begin"][0])
            until = min(at_ns + step, to_ns)
            batch = self._rows(f"{among} AND t >= {at_ns} AND t < {until}", "t, n")
            yield batch
            at_ns = until
            step = max(step // 2, S) if len(batch) > SLICE_ROWS else min(step * 2, LAST_SLICE)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        if not len(ids):
            return joined([]), to_ns
        from_ns = max(from_ns, 0)
        span = f"t >= {from_ns - LATE_NS} AND t < {to_ns + EARLY_NS}"
        where = f"{sql.among(ids)} AND {span} AND known >= {from_ns}"
        batch = self._rows(f"{where} AND known < {to_ns}", "known, n", f"LIMIT {limit + 1}")
        if len(batch) <= limit:
            return batch, to_ns
        found, until = kit.by_arrival(batch, from_ns, to_ns, limit)
        if until > int(known_ns(batch)[limit]):  # more than the limit in one instant
            return self._rows(f"{where} AND known < {until}", "known, n"), until
        return found, until

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets."""
        return tuple(self._series(id_, query) for id_ in query.ids)

    def _series(self, id_: int, query: SeriesQuery) -> Series:
        where = f"id = {id_} AND t >= {query.from_ns} AND t < {query.to_ns}"
        count = self._select(
            f"SELECT uniqExact(t) AS count FROM {{space}}.sample WHERE {where}",  # noqa: S608 - ours
            {"count": "UInt64"},
        )["count"]
        if query.agg == "raw" or int(count[0]) <= query.width:
            batch = self._rows(where, "t, n")
            rows = buckets.of_samples(batch.source_ns, batch.value, batch.quality)
            return buckets.series(buckets.thinned(rows, buckets.MAX_RAW), id_, 0, query.request)
        step = buckets.width(query.from_ns, query.to_ns, query.width)
        once = (
            "SELECT t, argMax(s.value, n) AS value, argMax(s.quality, n) AS quality "  # noqa: S608 - ours
            f"FROM {{space}}.sample AS s WHERE {where} GROUP BY t"
        )
        got = self._select(
            f"SELECT t - t % {step} AS b, {sql.OF_SAMPLES} FROM ({once}) GROUP BY b ORDER BY b",  # noqa: S608
            sql.BUCKET,
        )
        return buckets.series(sql.bucketed(got), id_, step, query.request)

    # ------------------------------------------------------------ all of it
    def extent(self) -> Held:
        """Return what the store holds; a reader's is up to a minute old."""
        now_ns = self._clock.now_ns()
        if self._extent is None or (self._is_read_only and now_ns - self._extent_ns > EXTENT_NS):
            self._extent, self._extent_ns = self._measured(), now_ns
        held = self._extent
        return Held(
            tags=tuple(self._known().ids),
            samples=held.samples,
            bytes=held.bytes,
            first_ns=held.first_ns,
            last_ns=held.last_ns,
        )

    def _measured(self) -> Held:
        marks = self._known().marks(self._mark)
        where = f" WHERE NOT {sql.among(marks)}" if len(marks) else ""
        rows = self._select(
            f"SELECT count() AS count, min(t) AS first, max(t) AS last FROM {{space}}.sample{where}",  # noqa: S608
            {"count": "UInt64", "first": "Int64", "last": "Int64"},
        )
        size = self._select(
            "SELECT sum(bytes_on_disk) AS size FROM system.parts "  # noqa: S608 - a plain name
            f"WHERE active AND database = '{self._space}'",
            {"size": "UInt64"},
        )["size"]
        count, first, last = (int(rows[name][0]) for name in ("count", "first", "last"))
        return Held(tags=(), samples=count, bytes=int(size[0]), first_ns=first, last_ns=last)

    def close(self) -> None:
        """Close all connections; everything appended is on the server."""
        self._http.close()
