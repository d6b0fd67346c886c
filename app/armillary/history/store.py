"""The default historian: samples of every tag in one DuckDB file, appended in batches, read by range."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from armillary.history import arrived, density, documents, doubles, trend
from armillary.history.base import Base
from armillary.model.arrays import B1, F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.message import AskDensity, Density
from armillary.model.sample import SampleBatch, Text, known_ns, taken
from armillary.model.series import Series, SeriesQuery
from armillary.model.storing import Declared
from armillary.wire import marks as mark

SLICE_ROWS = 100_000  # rows that `between` holds at once, about
FIRST_SLICE_NS = 600 * NS
LOOK_BACK_NS = (60 * NS, 3_600 * NS, 86_400 * NS, 30 * 86_400 * NS, 2**62)
_COLUMNS = "id, t, value, lag, quality, flags, status, word"
# DuckDB takes a NaN of numpy for NULL; it is stored as NaN again.
_INSERT = (
    "INSERT INTO {table} SELECT id, t, coalesce(value, 'nan'::DOUBLE), lag, quality, flags, status, word "
    "FROM incoming"
)
_AMONG = "id IN (SELECT unnest($2::UINTEGER[]))"
_FIELDS = tuple(_COLUMNS.split(", "))
_log = logging.getLogger(__name__)

Columns = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a store holds; times are 0 while it is empty."""

    tags: tuple[str, ...]
    samples: int
    bytes: int
    first_ns: int
    last_ns: int


def make(path: Path) -> Store:
    """Return the store of a file, made when it is not there (entry point `armillary.stores`)."""
    return Store(path)


class Store:
    """A HistoryStore on DuckDB. Append from one thread, read from any. Raises StoreFault."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self._base = Base(path, read_only)
        self._base.reopened = self._load
        self._load()

    def _load(self) -> None:
        """Learn what the file holds: as it is opened, and anew when it had to be opened again."""
        with self._base.reading() as cursor:
            rows = cursor.execute("SELECT id, name, unit FROM tag ORDER BY id").fetchall()
            self._words = int(_scalar(cursor, "SELECT coalesce(max(id), 0) FROM word"))
            self._rolled_ns = trend.rolled_until(cursor)
            marks = cursor.execute("SELECT session, max(seq) FROM received GROUP BY session").fetchall()
            extent = cursor.execute("SELECT count(*), min(t), max(t) FROM sample").fetchone()
        self._ids = {name: int(id_) for id_, name, _ in rows}
        self._units = {name: str(unit) for _, name, unit in rows}
        self._next = max(self._ids.values(), default=0) + 1
        self._mark_ids = self._marks()
        self._received = {str(session): int(seq) for session, seq in marks}
        self._count, first, last = extent if extent is not None else (0, None, None)
        self._first_ns, self._last_ns = int(first or 0), int(last or 0)
        self._text_ids: dict[Text, int] = {}
        self.doubles = 0  # samples that came again since the start, and were left out

    @property
    def is_exhausted(self) -> bool:
        """Whether this process has no memory left, so that it had better end."""
        return self._base.is_exhausted

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._base.read_only

    @property
    def declares(self) -> Declared:
        """All that a store can keep."""
        return Declared(name="DuckDB")

    # ------------------------------------------------------------ tags
    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4:
        """Return the ids of tags, made when new, permanent from 1.

        A tag whose unit is not what it was gets a new id; the old samples stay under `name [old unit]`.
        """
        wanted = dict(zip(tags, units, strict=True)) if units else dict.fromkeys(tags, "")
        with self._base.lock:
            changed = {t: u for t, u in wanted.items() if u and t in self._ids and self._units[t] != u}
            if changed or any(tag not in self._ids for tag in wanted):
                self._enter(wanted, changed)
            return np.array([self._ids[tag] for tag in tags], np.uint32)

    def _enter(self, wanted: Mapping[str, str], changed: Mapping[str, str]) -> None:
        """Write new tags, and those whose unit changed, into the file and remember them."""
        known = {self._ids[name]: (name, unit) for name, unit in self._units.items()}
        rows = dict(known)
        for tag, unit in changed.items():
            id_, old = self._ids[tag], self._units[tag]
            if not old:  # nobody had said what it was
                rows[id_] = (tag, unit)
                continue
            rows[id_] = (f"{tag} [{old}]", old)
            before = self._ids.get(f"{tag} [{unit}]", self._next)  # a unit that returns takes up its samples
            self._next = max(self._next, before + 1)
            rows[before] = (tag, unit)
            _log.info("%s is in %s now; its samples in %s are under '%s [%s]'.", tag, unit, old, tag, old)
        there = {name for name, _ in rows.values()}
        new = [tag for tag in wanted if tag not in there]
        rows |= {self._next + i: (tag, wanted[tag]) for i, tag in enumerate(new)}
        numbers = [id_ for id_, row in rows.items() if known.get(id_) != row]
        with self._base.writing() as cursor:
            cursor.execute("DELETE FROM tag WHERE id IN (SELECT unnest($1::UINTEGER[]))", [numbers])
            cursor.execute(
                "INSERT INTO tag SELECT unnest($1::UINTEGER[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[])",
                [numbers, [rows[id_][0] for id_ in numbers], [rows[id_][1] for id_ in numbers]],
            )
        self._next += len(new)
        self._ids = {name: id_ for id_, (name, _) in rows.items()}
        self._units = dict(rows.values())
        self._mark_ids = self._marks()

    def _marks(self) -> U4:
        """Return the ids of the marks, ascending."""
        return np.array(sorted(i for name, i in self._ids.items() if name.startswith(mark.PREFIX)), np.uint32)

    def known(self) -> Mapping[str, int]:
        """Return all tags and their ids."""
        return dict(self._ids)

    def units(self) -> Mapping[str, str]:
        """Return all tags and the units of their samples."""
        return dict(self._units)

    # ------------------------------------------------------------ write
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None:
        """Keep samples whose `slot` holds ids of this store; they are on disk when this returns.

        What was delivered twice is kept once: see `doubles`.

        marks: session -> number of its last message in this batch, kept in the same transaction.
        """
        if len(batch) and not (int(batch.slot.min()) > 0 and int(batch.slot.max()) < self._next):
            raise StoreFault(
                "A sample has an id that this store never gave.",
                where=str(self._base.path),
                remedy="Ask the store for the ids of the tags again.",
            )
        batch = self._without_doubles(batch)
        words, fresh = self._word_rows(batch)
        columns: dict[str, npt.NDArray[np.generic]] = {
            "id": np.ascontiguousarray(batch.slot),
            "t": np.ascontiguousarray(batch.source_ns),
            "value": np.ascontiguousarray(batch.value),
            "lag": batch.arrival_ns - batch.source_ns,
            "quality": np.ascontiguousarray(batch.quality),
            "flags": np.ascontiguousarray(batch.flags),
            "status": np.ascontiguousarray(batch.status),
            "word": words,
        }
        with self._base.lock:
            of_mark = np.isin(batch.slot, self._mark_ids)
            with self._base.writing() as cursor:
                for table, rows in (("sample", ~of_mark), ("mark", of_mark)):
                    if rows.any():
                        part = columns if rows.all() else {k: c[rows] for k, c in columns.items()}
                        cursor.register("incoming", part)
                        cursor.execute(_INSERT.format(table=table))
                        cursor.unregister("incoming")
                if fresh:
                    cursor.execute(
                        "INSERT INTO word SELECT unnest($1::UINTEGER[]), unnest($2::VARCHAR[])",
                        [list(fresh.values()), list(fresh)],
                    )
                late = batch.source_ns[(batch.source_ns < self._rolled_ns) & ~of_mark]
                if len(late):
                    trend.spoil(cursor, late)
                for session, seq in (marks or {}).items():
                    cursor.execute("DELETE FROM received WHERE session = ?", [session])
                    cursor.execute("INSERT INTO received VALUES (?, ?)", [session, seq])
            self._appended(batch, of_mark, fresh, marks or {})

    def _without_doubles(self, batch: SampleBatch) -> SampleBatch:
        """Return what of a batch is not here yet."""
        if not len(batch) or not ((batch.flags & doubles.SUSPECT) != 0).any():
            return batch
        with self._base.reading() as cursor:
            again = doubles.known(cursor, batch)
        self.doubles += int(again.sum())
        return taken(batch, np.flatnonzero(~again)) if again.any() else batch

    def _appended(
        self, batch: SampleBatch, of_mark: B1, fresh: dict[Text, int], marks: Mapping[str, int]
    ) -> None:
        """Remember what is on disk now; marks do not count as samples."""
        self._words += len(fresh)
        self._text_ids = {**self._text_ids, **fresh} if len(self._text_ids) < SLICE_ROWS else fresh
        self._received.update(marks)
        t_ns = batch.source_ns[~of_mark]
        if len(t_ns):
            first, last = int(t_ns.min()), int(t_ns.max())
            self._first_ns = min(self._first_ns, first) if self._count else first
            self._last_ns = max(self._last_ns, last) if self._count else last
            self._count += len(t_ns)

    def _word_rows(self, batch: SampleBatch) -> tuple[U4, dict[Text, int]]:
        """Return the rows of `word` for each sample (0 = none) and the texts that are new."""
        words = np.zeros(len(batch), np.uint32)
        fresh: dict[Text, int] = {}
        for row, text in batch.text.items():
            known = self._text_ids.get(text) or fresh.setdefault(text, self._words + len(fresh) + 1)
            words[row] = known
        return words, fresh

    def received(self, session: str) -> int:
        """Return the number of the last message of a session that is on disk, -1 for none."""
        return self._received.get(session, -1)

    def tidy(self, now_ns: int) -> bool:
        """Roll up minutes that are over, and again those that late samples came for.

        Returns whether there is more to do: an hour at most at once, so that an append waits little.
        """
        with self._base.lock:
            with self._base.writing() as cursor:
                until, more = trend.roll(cursor, self._rolled_ns, now_ns)
            self._rolled_ns = until
        self._base.shrink()
        return more

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time, of all tags or of some; return how many."""
        chosen = sorted(self._ids.values()) if ids is None else ids.tolist()
        with self._base.writing() as cursor:
            row = cursor.execute(
                f"DELETE FROM sample WHERE t < $1 AND {_AMONG}",  # noqa: S608 - ours
                [before_ns, chosen],
            ).fetchone()
            cursor.execute(f"DELETE FROM minute WHERE t < $1 AND {_AMONG}", [before_ns, chosen])  # noqa: S608
            cursor.execute(f"DELETE FROM mark WHERE t < $1 AND {_AMONG}", [before_ns, chosen])  # noqa: S608
            # the minute that is cut in two is rolled up anew from what is left of it
            trend.spoil(cursor, np.array([before_ns]))
            extent = cursor.execute("SELECT count(*), min(t), max(t) FROM sample").fetchone()
        self._count, first, last = extent if extent is not None else (0, None, None)
        self._first_ns, self._last_ns = int(first or 0), int(last or 0)
        return int(row[0]) if row is not None else 0

    # ------------------------------------------------------------ read
    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        missing, found = ids.tolist(), []
        with self._base.reading() as cursor:
            for back in LOOK_BACK_NS:
                rows = cursor.execute(
                    f"SELECT {_COLUMNS} FROM sample JOIN (SELECT id, max(t) AS t FROM sample "  # noqa: S608
                    f"WHERE t <= $1 AND {_AMONG} AND t >= $3 GROUP BY id) USING (id, t) "
                    "QUALIFY row_number() OVER (PARTITION BY id ORDER BY rowid DESC) = 1",
                    [t_ns, missing, max(t_ns - back, -(2**62))],
                ).fetchnumpy()
                found.append(rows)
                came = set(rows["id"].tolist())
                missing = [id_ for id_ in missing if id_ not in came]
                if not missing:
                    break
            every = {name: np.concatenate([rows[name] for rows in found]) for name in _FIELDS}
            place = {int(id_): i for i, id_ in enumerate(ids.tolist())}
            order = np.argsort([place[int(id_)] for id_ in every["id"]])
            return self._batch(cursor, {name: column[order] for name, column in every.items()})

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        chosen, at_ns, step = ids.tolist(), from_ns, FIRST_SLICE_NS
        while at_ns < to_ns:
            with self._base.reading() as cursor:
                first = cursor.execute(
                    f"SELECT min(t) FROM sample WHERE t >= $1 AND {_AMONG} AND t < $3",  # noqa: S608 - ours
                    [at_ns, chosen, to_ns],
                ).fetchone()
                if first is None or first[0] is None:
                    return
                at_ns = int(first[0])
                end_ns = min(at_ns + step, to_ns)
                rows = cursor.execute(
                    f"SELECT {_COLUMNS} FROM sample WHERE t >= $1 AND {_AMONG} AND t < $3 "  # noqa: S608
                    "ORDER BY t, rowid",
                    [at_ns, chosen, end_ns],
                ).fetchnumpy()
                batch = self._batch(cursor, rows)
            yield batch
            at_ns = end_ns
            step = max(step // 2, NS) if len(batch) > SLICE_ROWS else min(step * 2, 86_400 * NS)

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, in no order.

        By arrival (`history.arrived`): this is what a world showed at `t_ns`, started at `since_ns`.
        """
        with self._base.reading() as cursor:
            found: list[Columns] = []
            for table, some in self._tables(ids):
                found += arrived.at(cursor, table, some.tolist(), t_ns, since_ns)
            every = {name: np.concatenate([rows[name] for rows in found]) for name in _FIELDS}
            return self._batch(cursor, every)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        with self._base.reading() as cursor:
            parts: list[Columns] = []
            for table, some in self._tables(ids):  # marks first: they are few
                rows, to_ns = arrived.between(cursor, table, some, from_ns, to_ns, limit)
                parts.append(rows)
            every = {name: np.concatenate([rows[name] for rows in parts]) for name in _FIELDS}
            batch = self._batch(cursor, every)
        known = known_ns(batch)
        order = np.argsort(known, kind="stable")
        return taken(batch, order[: int(np.searchsorted(known[order], to_ns))]), to_ns

    def density(self, ask: AskDensity) -> Density:
        """Return what a time bar shows of a span, one entry a pixel column."""
        with self._base.reading() as cursor:
            return density.of(cursor, ask, self._ids, (self._first_ns, self._last_ns))

    def _tables(self, ids: U4) -> list[tuple[str, U4]]:
        """Return (table, ids in it), marks first; at least one of them, so that there are columns."""
        of_mark = np.isin(ids, self._mark_ids)
        both = [("mark", ids[of_mark]), ("sample", ids[~of_mark])]
        return [each for each in both if len(each[1])] or both[:1]

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets.

        Extremes are preserved; a bucket without samples is left out.
        """
        with self._base.reading() as cursor:
            return tuple(trend.series(cursor, id_, query, self._rolled_ns) for id_ in query.ids)

    def _batch(self, cursor: duckdb.DuckDBPyConnection, rows: Columns) -> SampleBatch:
        words: U4 = np.asarray(rows["word"], np.uint32)
        text: dict[int, Text] = {}
        if words.any():
            wanted = np.unique(words[words > 0]).tolist()
            held = dict(
                cursor.execute(
                    "SELECT id, text FROM word WHERE id IN (SELECT unnest($1::UINTEGER[]))", [wanted]
                ).fetchall()
            )
            text = {int(row): held[int(words[row])] for row in np.flatnonzero(words)}
        t: I8 = np.asarray(rows["t"], np.int64)
        value: F8 = np.asarray(rows["value"], np.float64)
        quality: U2 = np.asarray(rows["quality"], np.uint16)
        return SampleBatch(
            slot=np.asarray(rows["id"], np.uint32),
            value=value,
            source_ns=t,
            arrival_ns=t + np.asarray(rows["lag"], np.int64),
            arrival_mono_ns=np.zeros(len(t), np.int64),  # of another life of this machine: it says nothing
            quality=quality,
            flags=np.asarray(rows["flags"], np.uint8),
            status=np.asarray(rows["status"], np.uint32),
            text=text,
        )

    # ------------------------------------------------------------ documents
    def keep(self, kind: str, key: str, t_ns: int, data: bytes) -> None:
        """Keep a document beside the samples; it is on disk when this returns."""
        with self._base.writing() as cursor:
            documents.keep(cursor, kind, key, t_ns, data)

    def kept(self, kind: str, t_ns: int, key: str = "") -> tuple[str, int, bytes] | None:
        """Return (key, time, contents) of the newest of a kind at or before a time, None for none."""
        if not self._base.has_documents:
            return None
        with self._base.reading() as cursor:
            return documents.kept(cursor, kind, t_ns, key)

    def kept_list(self, kind: str, from_ns: int, to_ns: int) -> list[tuple[str, int]]:
        """Return (key, time) of the documents of a kind from ≤ t < to, in order."""
        if not self._base.has_documents:
            return []
        with self._base.reading() as cursor:
            return documents.listed(cursor, kind, from_ns, to_ns)

    # ------------------------------------------------------------ all of it
    def extent(self) -> Extent:
        """Return what the store holds; quick, as it is kept while appending."""
        files = (self._base.path, self._base.path.with_name(self._base.path.name + ".wal"))
        return Extent(
            tags=tuple(self._ids),
            samples=self._count,
            bytes=sum(file.stat().st_size for file in files if file.exists()),
            first_ns=self._first_ns,
            last_ns=self._last_ns,
        )

    def compact(self) -> None:
        """Write what is in the log into the file."""
        self._base.compact()

    def close(self) -> None:
        """Close the file; everything appended is in it."""
        self._base.close()


def _scalar(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0
