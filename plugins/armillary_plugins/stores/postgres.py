"""History in PostgreSQL: everything that the embedded store keeps, with the same meaning.

One schema (`historian.space`) a project; TimescaleDB's hypertables where there are such, else parts by month.
Samples go in by binary COPY and come out as one value a column: nothing is done for each of them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from armillary.api import (
    B1,
    EARLY_NS,
    HISTORICAL,
    LATE_NS,
    U4,
    Declared,
    SampleBatch,
    Series,
    SeriesQuery,
    StoreContext,
    known_ns,
    taken,
)
from armillary_plugins.stores import kit, postgres_tables, postgres_trend
from armillary_plugins.stores import postgres_state as state
from armillary_plugins.stores.buckets import MINUTE
from armillary_plugins.stores.kit import Held, Names
from armillary_plugins.stores.postgres_base import Base, Values, columns
from armillary_plugins.stores.postgres_tables import Connection

SLICE_ROWS = 100_000  # rows that `between` holds at once, about
SECOND, DAY = 1_000_000_000, 86_400_000_000_000
MOST_WORDS = 100_000  # texts whose rows are remembered
_ROW = {
    "id": "i4",
    "t": "i8",
    "value": "f8",
    "lag": "i8",
    "quality": "i4",
    "flags": "i2",
    "status": "i8",
    "word": "i4",
}
_FIELDS = ", ".join(_ROW)
_OF = ", ".join(f"s.{name}" for name in _ROW)
_AMONG = "id = ANY(%s::int4[])"
_FIND = """
SELECT a.row FROM unnest(%s::int8[], %s::int4[], %s::int8[], %s::float8[], %s::bytea[])
    AS a(row, id, t, value, text)
JOIN sample s ON s.id = a.id AND s.t = a.t LEFT JOIN word w ON w.id = s.word
WHERE s.t BETWEEN %s AND %s AND s.value = a.value AND coalesce(w.text, '') = a.text
"""  # PostgreSQL holds one NaN equal to another

DECLARED = Declared(name="PostgreSQL")


def make(context: StoreContext) -> Postgres:
    """Return the store of a space; its tables are made where there are none. Raises StoreFault."""
    return Postgres(context)


class Postgres:
    """A HistoryStore. What the server holds is remembered for the writer, and asked for by readers."""

    def __init__(self, context: StoreContext) -> None:
        self._mark = context.mark
        self._names = Names(ids={}, units={})
        self._received: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._parts: set[str] = set()
        self._next = self._word = self._rolled = self._hours = 0
        self._has_parts = True
        self._marks: U4 = np.zeros(0, np.uint32)
        self._base = Base(context, self._opened)
        try:
            self._declares = self._prepare(context)
        except BaseException:
            self._base.close()
            raise

    def _prepare(self, context: StoreContext) -> Declared:
        """Make or find the tables, learn what is there; return what this server can promise."""
        if context.read_only:
            with self._base.reading() as connection:
                postgres_tables.prepare(connection, context.space, self._base.where, read_only=True)
                self._load(connection)
        else:
            with self._base.lock:
                self._base.writer()
        with self._base.reading() as connection:
            version = connection.info.server_version
            row = connection.execute("SHOW fsync").fetchone()
            with_timescale = " with TimescaleDB" if postgres_tables.has_timescale(connection) else ""
        return replace(
            DECLARED,
            name=f"{DECLARED.name} {version // 10_000}.{version % 10_000}{with_timescale}",
            durable=row is not None and row[0] == "on",
        )

    def _opened(self, connection: Connection) -> None:
        """Begin anew with a connection that writes: what was acknowledged by none may be there after all."""
        with connection.transaction():
            postgres_tables.prepare(connection, self._base.space, self._base.where, read_only=False)
        self._load(connection)

    def _load(self, connection: Connection) -> None:
        self._names = state.names(connection)
        self._marks = self._names.marks(self._mark)
        rows = connection.execute("SELECT session, seq FROM received").fetchall()
        self._received = {str(session): int(str(seq)) for session, seq in rows}
        self._rolled, self._hours, self._next, self._word, *_ = state.state(connection)
        self._parts = state.parts(connection)
        self._has_parts = state.OTHER in self._parts
        self._words = {}

    @property
    def declares(self) -> Declared:
        """Everything; durable unless the server was told not to wait for its disk."""
        return self._declares

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._base.read_only

    # ------------------------------------------------------------ tags
    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4:
        """Return the ids of tags, made when new."""
        with self._base.lock:
            names, changed = kit.entered(self._names, tags, units)
            if changed:
                rows = {id_: (name, names.units[name]) for name, id_ in names.ids.items()}
                given = [changed, [rows[i][0] for i in changed], [rows[i][1] for i in changed]]
                with self._base.writing() as connection:
                    connection.execute(
                        "INSERT INTO tag SELECT * FROM unnest(%s::int4[], %s::text[], %s::text[]) "
                        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, unit = excluded.unit",
                        given,
                    )
                self._names, self._marks = names, names.marks(self._mark)
            return np.array([names.ids[tag] for tag in tags], np.uint32)

    def _known(self) -> Names:
        if not self.read_only:
            return self._names
        with self._base.reading() as connection:  # another process may have entered some
            names = state.names(connection)
        self._marks = names.marks(self._mark)
        return names

    def known(self) -> Mapping[str, int]:
        """Return all tags and their ids."""
        return dict(self._known().ids)

    def units(self) -> Mapping[str, str]:
        """Return all tags and the units of their samples."""
        return dict(self._known().units)

    # ------------------------------------------------------------ write
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None:
        """Keep samples; they are on the server's disk when this returns."""
        kit.check_ids(batch, self._names.next, self._base.where)
        with self._base.lock:
            self._base.writer()  # first of all: what it knows is newer than what we know
            batch = self._without_doubles(batch)
            words, fresh = self._word_rows(batch)
            of_mark = np.isin(batch.slot, self._marks)
            with self._base.writing() as connection:
                self._copy(connection, batch, words)
                if fresh:
                    texts = [text.encode("utf-8", "surrogatepass") for text in fresh]
                    connection.execute(
                        "INSERT INTO word SELECT * FROM unnest(%s::int4[], %s::bytea[])",
                        [list(fresh.values()), texts],
                    )
                self._spoil(connection, batch, of_mark)
                for session, seq in (marks or {}).items():
                    connection.execute(
                        "INSERT INTO received VALUES (%s, %s) ON CONFLICT (session) DO UPDATE "
                        "SET seq = excluded.seq",
                        [session, seq],
                    )
                t = batch.source_ns[~of_mark]
                if len(batch):
                    ends = [int(t.min()), int(t.max())] if len(t) else [None, None]
                    state.advance(connection, len(batch), len(fresh), len(t), *ends)
            self._next += len(batch)
            self._word += len(fresh)
            self._words = {**self._words, **fresh} if len(self._words) < MOST_WORDS else fresh
            self._received.update(marks or {})

    def _copy(self, connection: Connection, batch: SampleBatch, words: npt.NDArray[np.int64]) -> None:
        if not len(batch):
            return
        made: set[str] = set()
        if self._has_parts:
            for name, from_ns, to_ns in postgres_tables.months(batch.source_ns):
                if name not in self._parts:
                    connection.execute(postgres_tables.part(name, from_ns, to_ns))
                    made.add(name)
        told_of_past = (batch.flags & HISTORICAL) != 0
        rows: dict[str, npt.NDArray[Any]] = {
            "id": batch.slot,
            "t": batch.source_ns,
            "n": self._next + np.arange(len(batch)),
            "value": batch.value,
            "lag": batch.arrival_ns - batch.source_ns,
            "quality": batch.quality,
            "flags": batch.flags,
            "status": batch.status,
            "word": words,
            "known": np.where(told_of_past, -1, known_ns(batch)),
        }
        layout = postgres_tables.SAMPLE
        listed = ", ".join(layout.names)
        with connection.cursor().copy(f"COPY sample({listed}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(layout.packed(rows))
        self._parts |= made  # a rollback makes them anew: IF NOT EXISTS, and `_load` after an error

    def _spoil(self, connection: Connection, batch: SampleBatch, of_mark: B1) -> None:
        """Note the minutes that are rolled up already and are no longer right."""
        late = (batch.source_ns < self._rolled) & ~of_mark
        if not late.any():
            return
        minutes = batch.source_ns[late] - batch.source_ns[late] % MINUTE
        pairs = np.unique(np.stack((batch.slot[late].astype(np.int64), minutes)), axis=1)
        connection.execute(
            "INSERT INTO redo SELECT * FROM unnest(%s::int4[], %s::int8[]) ON CONFLICT DO NOTHING",
            [pairs[0].tolist(), pairs[1].tolist()],
        )

    def _without_doubles(self, batch: SampleBatch) -> SampleBatch:
        rows = kit.suspects(batch)
        if not len(rows):
            return batch
        t = batch.source_ns[rows]
        texts = [batch.text.get(row, "").encode("utf-8", "surrogatepass") for row in rows.tolist()]
        listed = [rows.tolist(), batch.slot[rows].tolist(), t.tolist(), batch.value[rows].tolist(), texts]
        with self._base.reading() as connection:
            found = columns(connection, _FIND, [*listed, int(t.min()), int(t.max())], {"row": "i8"})["row"]
        again = kit.repeated(batch, rows)
        again[found] = True
        return taken(batch, np.flatnonzero(~again)) if again.any() else batch

    def _word_rows(self, batch: SampleBatch) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
        """Return the rows of `word` for each sample (0 = none) and the texts that are new."""
        words, fresh = np.zeros(len(batch), np.int64), dict[str, int]()
        for row, text in batch.text.items():
            words[row] = self._words.get(text) or fresh.setdefault(text, self._word + len(fresh) + 1)
        return words, fresh

    def received(self, session: str) -> int:
        """Return the number of the last message of a session that is on disk, -1 for none."""
        return self._received.get(session, -1)

    def tidy(self, now_ns: int) -> bool:
        """Roll up what is over, an hour at most; return whether there is more."""
        with self._base.lock:
            with self._base.writing() as connection:
                rolled, hours, more = postgres_trend.roll(
                    connection, self._rolled, self._hours, now_ns, self._marks
                )
                connection.execute("UPDATE state SET rolled = %s, hours = %s", [rolled, hours])
            self._rolled, self._hours = rolled, hours
        return more

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time, of all tags or of some; return how many."""
        with self._base.lock:
            chosen = np.array(sorted(self._names.ids.values()), np.uint32) if ids is None else ids
            of_mark = np.isin(chosen, self._marks)
            with self._base.writing() as connection:
                gone = state.dropped(connection, before_ns, self._marks) if ids is None else 0
                gone += state.forget(connection, before_ns, chosen[~of_mark], chosen[of_mark], self._rolled)
                held = np.array(list(self._names.ids.values()), np.uint32)
                state.counted(connection, gone, np.setdiff1d(held, self._marks))
            self._parts = state.parts(self._base.writer())
        return gone

    # ------------------------------------------------------------ documents
    def keep(self, kind: str, key: str, t_ns: int, data: bytes) -> None:
        """Keep a document; it is on disk when this returns."""
        with self._base.writing() as connection:
            connection.execute(
                "INSERT INTO document(kind, key, t, data) VALUES (%s, %s, %s, %s)", [kind, key, t_ns, data]
            )

    def kept(self, kind: str, t_ns: int, key: str = "") -> tuple[str, int, bytes] | None:
        """Return (key, time, data) of the newest of a kind, or of one key of it, at or before a time."""
        with self._base.reading() as connection:
            row = connection.execute(
                "SELECT key, t, data FROM document WHERE kind = %s AND t <= %s "
                "AND (%s = '' OR key = %s) ORDER BY t DESC, n DESC LIMIT 1",
                [kind, t_ns, key, key],
            ).fetchone()
        return (str(row[0]), int(str(row[1])), state.bytes_of(row[2])) if row is not None else None

    def kept_list(self, kind: str, from_ns: int, to_ns: int) -> Sequence[tuple[str, int]]:
        """Return (key, time) of the documents of a kind, from ≤ t < to, in that order."""
        with self._base.reading() as connection:
            rows = connection.execute(
                "SELECT key, t FROM document WHERE kind = %s AND t >= %s AND t < %s ORDER BY t, n",
                [kind, from_ns, to_ns],
            ).fetchall()
        return [(str(key), int(str(t))) for key, t in rows]

    # ------------------------------------------------------------ read
    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self._last(ids, "s.t <= %s", [t_ns])

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, by arrival."""
        since_ns = max(since_ns, 0)
        where = "s.t <= %s AND s.t >= %s AND s.known BETWEEN %s AND %s"
        return self._last(ids, where, [t_ns + EARLY_NS, since_ns - LATE_NS, since_ns, t_ns])

    def _last(self, ids: U4, where: str, values: Values) -> SampleBatch:
        query = (
            f"SELECT {_OF} FROM unnest(%s::int4[]) WITH ORDINALITY AS a(id, place) "  # noqa: S608 - ours
            f"CROSS JOIN LATERAL (SELECT * FROM sample s WHERE s.id = a.id AND {where} "
            "ORDER BY s.t DESC, s.n DESC LIMIT 1) s ORDER BY a.place"
        )
        return self._batch(query, [ids.tolist(), *values])

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        chosen, at_ns, step = ids.tolist(), from_ns, 600 * SECOND
        where = f"{_AMONG} AND t >= %s AND t < %s"
        while at_ns < to_ns:
            first = self._first(chosen, at_ns, to_ns)
            if first is None:
                return
            end_ns = min(first + step, to_ns)
            query = f"SELECT {_FIELDS} FROM sample WHERE {where} ORDER BY t, n"  # noqa: S608 - ours
            batch = self._batch(query, [chosen, first, end_ns])
            yield batch
            at_ns = end_ns
            step = max(step // 2, SECOND) if len(batch) > SLICE_ROWS else min(step * 2, DAY)

    def _first(self, ids: list[int], from_ns: int, to_ns: int) -> int | None:
        with self._base.reading() as connection:
            row = connection.execute(
                "SELECT min(s.t) FROM unnest(%s::int4[]) AS a(id) CROSS JOIN LATERAL "
                "(SELECT t FROM sample WHERE id = a.id AND t >= %s AND t < %s ORDER BY t LIMIT 1) s",
                [ids, from_ns, to_ns],
            ).fetchone()
        return int(str(row[0])) if row is not None and row[0] is not None else None

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        where = f"{_AMONG} AND t >= %s AND t < %s AND known >= %s AND known < %s"
        query = f"SELECT {_FIELDS} FROM sample WHERE {where} ORDER BY known, n"  # noqa: S608 - ours
        from_ns = max(from_ns, 0)
        given = [ids.tolist(), from_ns - LATE_NS, to_ns + EARLY_NS, from_ns]
        batch = self._batch(f"{query} LIMIT {limit + 1}", [*given, to_ns])
        if len(batch) <= limit:
            return batch, to_ns
        found, until = kit.by_arrival(batch, from_ns, to_ns, limit)
        if until > int(known_ns(batch)[limit]):  # more than the limit in one instant
            return self._batch(query, [*given, until]), until
        return found, until

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query."""
        with self._base.reading() as connection:
            rolled, hours, *_ = state.state(connection)
            return tuple(postgres_trend.series(connection, id_, query, rolled, hours) for id_ in query.ids)

    def _batch(self, query: str, values: Values) -> SampleBatch:
        with self._base.reading() as connection:
            rows = columns(connection, query, values, _ROW)
            text = state.texts(connection, rows["word"])
        t = rows["t"]
        return SampleBatch(
            slot=rows["id"].astype(np.uint32),
            value=rows["value"],
            source_ns=t,
            arrival_ns=t + rows["lag"],
            arrival_mono_ns=np.zeros(len(t), np.int64),  # of another life of this machine: it says nothing
            quality=rows["quality"].astype(np.uint16),
            flags=rows["flags"].astype(np.uint8),
            status=rows["status"].astype(np.uint32),
            text=text,
        )

    # ------------------------------------------------------------ all of it
    def extent(self) -> Held:
        """Return what the store holds."""
        size = (
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
            "JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = %s AND c.relkind IN ('r', 'm')"
        )
        with self._base.reading() as connection:
            row = connection.execute(size, [self._base.space]).fetchone()
            *_, samples, first, last = state.state(connection)
        return Held(
            tags=tuple(self._known().ids),
            samples=samples,
            bytes=int(str(row[0])) if row is not None else 0,
            first_ns=first,
            last_ns=last,
        )

    def close(self) -> None:
        """Close all connections; everything appended is on the server."""
        self._base.close()
