"""The default historian: samples of every tag in one DuckDB file, appended in batches, read by range."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import numpy.typing as npt

from armillary.history import arrived, density, documents, doubles, shelf, trend
from armillary.history.aside import log_of
from armillary.history.base import Base
from armillary.history.parts import COLUMNS, View, among
from armillary.history.tending import Tending
from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord, StoreFault
from armillary.model.message import AskDensity, Density
from armillary.model.sample import SampleBatch, Text, known_ns, taken
from armillary.model.series import Series, SeriesQuery
from armillary.model.storing import Declared
from armillary.wire import marks as mark

THINNED_MARKS = 200_000  # marks in one answer that thins the samples
SLICE_ROWS = 100_000  # rows that `between` holds at once, about
FIRST_SLICE_NS = 600 * NS
# DuckDB takes a NaN of numpy for NULL; it is stored as NaN again.
_INSERT = (
    "INSERT INTO {table} SELECT id, t, coalesce(value, 'nan'::DOUBLE), lag, quality, flags, status, word "
    "FROM incoming"
)
_FIELDS = ("id", "t", "value", "lag", "quality", "flags", "status", "word", "text", "has")
_log = logging.getLogger(__name__)

_T = TypeVar("_T")
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
        self._tending = Tending(self._base, self._all_tags)
        self._tending.words_went = self._forget_words
        self.doubles = 0  # samples that came again since the start, and were left out
        try:
            self._load()
            self._tending.begin()
            if not read_only:
                self._load()
            self._measure()
        except BaseException:
            self._base.close()
            raise

    def _load(self) -> None:
        """Learn what the file holds: as it is opened, and anew when it had to be opened again."""
        base = self._base
        with base.reading() as (cursor, _):
            rows = cursor.execute("SELECT id, name, unit FROM tag ORDER BY id").fetchall()
            self._words = int(_scalar(cursor, "SELECT coalesce(max(id), 0) FROM word"))
            marks = cursor.execute("SELECT session, max(seq) FROM received GROUP BY session").fetchall()
            base.view = shelf.read(cursor, base.folder, base.schema)
        self._ids = {name: int(id_) for id_, name, _ in rows}
        self._units = {name: str(unit) for _, name, unit in rows}
        self._next = max(self._ids.values(), default=0) + 1
        self._mark_ids = self._marks()
        self._received = {str(session): int(seq) for session, seq in marks}
        self._text_ids: dict[Text, int] = {}
        self._measure()

    def _measure(self) -> None:
        """Count what is hot; what is sealed was counted when it was."""
        with self._base.reading() as (cursor, view):
            self._hot = {
                hot.table: _counted(
                    cursor.execute(
                        f"SELECT count(*), min(t), max(t) FROM {hot.table} WHERE t >= $1",  # noqa: S608
                        [hot.floor_ns],
                    ).fetchone()
                )
                for hot in view.hots
            }

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

    def _all_tags(self) -> list[tuple[int, str, str]]:
        with self._base.lock:
            return sorted((id_, name, self._units[name]) for name, id_ in self._ids.items())

    def _forget_words(self) -> None:
        self._text_ids = {}

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
        columns: dict[str, npt.NDArray[np.generic]] = {
            "id": np.ascontiguousarray(batch.slot),
            "t": np.ascontiguousarray(batch.source_ns),
            "value": np.ascontiguousarray(batch.value),
            "lag": batch.arrival_ns - batch.source_ns,
            "quality": np.ascontiguousarray(batch.quality),
            "flags": np.ascontiguousarray(batch.flags),
            "status": np.ascontiguousarray(batch.status),
        }
        of_mark = np.isin(batch.slot, self._mark_ids)
        with self._base.lock:
            columns["word"], fresh = self._word_rows(batch)
            hot = self._base.view.hots[-1].table
            with self._base.writing() as cursor:
                for table, rows in ((hot, ~of_mark), ("mark", of_mark)):
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
                for session, seq in (marks or {}).items():
                    cursor.execute("DELETE FROM received WHERE session = ?", [session])
                    cursor.execute("INSERT INTO received VALUES (?, ?)", [session, seq])
            self._appended(hot, batch.source_ns[~of_mark], fresh, marks or {})

    def _without_doubles(self, batch: SampleBatch) -> SampleBatch:
        """Return what of a batch is not here yet."""
        if not len(batch) or not ((batch.flags & doubles.SUSPECT) != 0).any():
            return batch
        again = self._again(lambda: doubles.known(self._base, batch))
        self.doubles += int(again.sum())
        return taken(batch, np.flatnonzero(~again)) if again.any() else batch

    def _appended(self, hot: str, t_ns: I8, fresh: dict[Text, int], marks: Mapping[str, int]) -> None:
        """Remember what is on disk now; marks do not count as samples."""
        self._words += len(fresh)
        self._text_ids = {**self._text_ids, **fresh} if len(self._text_ids) < SLICE_ROWS else fresh
        self._received.update(marks)
        if len(t_ns):
            first, last = int(t_ns.min()), int(t_ns.max())
            count, first_ns, last_ns = self._hot.get(hot, (0, first, last))
            self._hot[hot] = (count + len(t_ns), min(first_ns, first) if count else first, max(last_ns, last))

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
        """Do one piece of what is to do beside writing: seal, merge, check; return whether there is more.

        For a thread of its own: writing and reading go on meanwhile.
        """
        rows, first_ns, _ = self._hot[self._base.view.hots[-1].table]
        hots = self._base.view.hots
        more = self._tending.step(now_ns, rows, first_ns)
        if self._base.view.hots != hots:
            with self._base.lock:
                self._measure()
        self._base.shrink()
        return more

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time with their roll-ups, of all tags or of some; return how many."""
        count = self._tending.forget(before_ns, ids)
        with self._base.lock:
            self._measure()
        return count

    def expire(self, raw_before_ns: int, minutes_before_ns: int, hours_before_ns: int) -> int:
        """Let go of samples, of minutes, and of hours and days of before three times; return samples gone.

        By whole segments: what a day holds goes once all of it is older.
        """
        return self._tending.expire(raw_before_ns, minutes_before_ns, hours_before_ns)

    def rest(self) -> None:
        """End the work beside writing at once, and for good: this is to be closed."""
        self._tending.stop()

    @property
    def told(self) -> Sequence[FaultRecord]:
        """What was found damaged and is left out since this was opened."""
        return tuple(self._tending.told)

    # ------------------------------------------------------------ read
    def _again(self, work: Callable[[], _T]) -> _T:
        """Return what some reading gives; where a segment is damaged, what the others give."""
        try:
            return work()
        except StoreFault:
            if self._base.is_broken or not self._tending.check():
                raise
            return work()

    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self._again(lambda: self._at(ids, t_ns))

    def _at(self, ids: U4, t_ns: int) -> SampleBatch:
        missing, found = ids.tolist(), []
        with self._base.reading() as (cursor, view):
            for begin, end in view.back(t_ns + 1, t_ns, -(2**62)):
                rows = cursor.execute(
                    f"SELECT {COLUMNS} FROM {view.samples(begin, end)} "  # noqa: S608 - ours
                    f"WHERE t >= $1 AND t < $2 AND {among(missing)} "
                    "QUALIFY row_number() OVER (PARTITION BY id ORDER BY t DESC, part DESC, row DESC) = 1",
                    [begin, end],
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
        at_ns, step = from_ns, FIRST_SLICE_NS
        while at_ns < to_ns:
            start = self._again(partial(self._first_at, ids, at_ns, to_ns))
            if start is None:
                return
            end_ns = min(start + step, to_ns)
            batch = self._again(partial(self._slice, ids, start, end_ns))
            if len(batch):
                yield batch
            at_ns = end_ns
            step = max(step // 2, NS) if len(batch) > SLICE_ROWS else min(step * 2, 86_400 * NS)

    def _first_at(self, ids: U4, from_ns: int, to_ns: int) -> int | None:
        """Return from when on there may be samples of some ids, None for never."""
        with self._base.reading() as (cursor, view):
            hot = View(folder=view.folder, hots=view.hots).samples(from_ns, to_ns)
            first = cursor.execute(
                f"SELECT min(t) FROM {hot} WHERE t >= $1 AND t < $2 AND {among(ids)}",  # noqa: S608 - ours
                [from_ns, to_ns],
            ).fetchone()
        starts = [at for at in (view.next_ns(from_ns), first[0] if first else None) if at is not None]
        start = min(starts, default=to_ns)
        return int(start) if start < to_ns else None

    def _slice(self, ids: U4, from_ns: int, to_ns: int) -> SampleBatch:
        with self._base.reading() as (cursor, view):
            rows = cursor.execute(
                f"SELECT {COLUMNS} FROM {view.samples(from_ns, to_ns)} "  # noqa: S608 - ours
                f"WHERE t >= $1 AND t < $2 AND {among(ids)} ORDER BY t, part, row",
                [from_ns, to_ns],
            ).fetchnumpy()
            return self._batch(cursor, rows)

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, in no order.

        By arrival (`history.arrived`): this is what a world showed at `t_ns`, started at `since_ns`.
        """
        return self._again(lambda: self._known_at(ids, t_ns, since_ns))

    def _known_at(self, ids: U4, t_ns: int, since_ns: int) -> SampleBatch:
        with self._base.reading() as (cursor, view):
            found: list[Columns] = []
            for is_mark, some in self._kinds(ids):
                found += arrived.at(cursor, None if is_mark else view, some.tolist(), t_ns, since_ns)
            every = {name: np.concatenate([rows[name] for rows in found]) for name in _FIELDS}
            return self._batch(cursor, every)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        return self._again(lambda: self._known_between(ids, from_ns, to_ns, limit))

    def _known_between(
        self, ids: U4, from_ns: int, to_ns: int, limit: int, every_ns: int = 0
    ) -> tuple[SampleBatch, int]:
        with self._base.reading() as (cursor, view):
            parts: list[Columns] = []
            for is_mark, some in self._kinds(ids):  # marks first: they are few
                of = None if is_mark else view
                if of is not None and every_ns:
                    parts.append(arrived.thinned(cursor, of, some, from_ns, to_ns, every_ns))
                    continue
                rows, to_ns = arrived.between(cursor, of, some, from_ns, to_ns, limit)
                parts.append(rows)
            every = {name: np.concatenate([rows[name] for rows in parts]) for name in _FIELDS}
            batch = self._batch(cursor, every)
        known = known_ns(batch)
        order = np.argsort(known, kind="stable")
        return taken(batch, order[: int(np.searchsorted(known[order], to_ns))]), to_ns

    def known_thinned(self, ids: U4, from_ns: int, to_ns: int, every_ns: int) -> tuple[SampleBatch, int]:
        """Return the same, of the samples of an id only the newest of each span of `every_ns`."""
        return self._again(lambda: self._known_between(ids, from_ns, to_ns, THINNED_MARKS, every_ns))

    def density(self, ask: AskDensity) -> Density:
        """Return what a time bar shows of a span, one entry a pixel column."""
        extent = self.extent()

        def work() -> Density:
            with self._base.reading() as (cursor, view):
                return density.of(cursor, view, ask, self._ids, (extent.first_ns, extent.last_ns))

        return self._again(work)

    def _kinds(self, ids: U4) -> list[tuple[bool, U4]]:
        """Return (whether marks, ids), marks first; at least one of them, so that there are columns."""
        of_mark = np.isin(ids, self._mark_ids)
        both = [(True, ids[of_mark]), (False, ids[~of_mark])]
        return [each for each in both if len(each[1])] or both[:1]

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets.

        Extremes are preserved; a bucket without samples is left out.
        """

        def work() -> tuple[Series, ...]:
            with self._base.reading() as (cursor, view):
                return trend.series(cursor, view, query)

        return self._again(work)

    def _batch(self, cursor: duckdb.DuckDBPyConnection, rows: Columns) -> SampleBatch:
        words: U4 = np.asarray(rows["word"], np.uint32)
        text: dict[int, Text] = {}
        for row in np.flatnonzero(rows["has"]).tolist():  # what is sealed has its texts with it
            text[row] = str(rows["text"][row])
        if words.any():
            wanted = np.unique(words[words > 0]).tolist()
            held = dict(
                cursor.execute(
                    "SELECT id, text FROM word WHERE id IN (SELECT unnest($1::UINTEGER[]))", [wanted]
                ).fetchall()
            )
            text |= {int(row): held[int(words[row])] for row in np.flatnonzero(words)}
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
        with self._base.reading() as (cursor, _):
            return documents.kept(cursor, kind, t_ns, key)

    def kept_list(self, kind: str, from_ns: int, to_ns: int) -> list[tuple[str, int]]:
        """Return (key, time) of the documents of a kind from ≤ t < to, in order."""
        if not self._base.has_documents:
            return []
        with self._base.reading() as (cursor, _):
            return documents.listed(cursor, kind, from_ns, to_ns)

    # ------------------------------------------------------------ all of it
    def extent(self) -> Extent:
        """Return what the store holds; quick, as it is kept while appending."""
        base, view = self._base, self._base.view
        files = [base.path, log_of(base.path), *(base.folder / n for s in view.segments for n in s.names)]
        raw = [s for s in view.segments if s.raw]
        hot = [one for one in self._hot.values() if one[0]]
        return Extent(
            tags=tuple(self._ids),
            samples=view.rows + sum(count for count, _, _ in hot),
            bytes=sum(_size(file) for file in files),
            first_ns=min([*(s.first_ns for s in raw), *(first for _, first, _ in hot)], default=0),
            last_ns=max([*(s.last_ns for s in raw), *(last for _, _, last in hot)], default=0),
        )

    def compact(self) -> None:
        """Write what is in the log into the file."""
        self._base.compact()

    def close(self) -> None:
        """Close the file; everything appended is in it."""
        self.rest()
        with self._tending.busy:
            self._base.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there, or just replaced
        return 0


def _counted(row: tuple[int, ...] | None) -> tuple[int, int, int]:
    count, first, last = row if row is not None else (0, None, None)
    return int(count), int(first or 0), int(last or 0)


def _scalar(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0
