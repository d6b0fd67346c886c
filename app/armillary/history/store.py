"""The default historian: samples of every tag in one DuckDB file, appended in batches, read by range."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from armillary.history import backup, documents, doubles, shelf
from armillary.history.aside import log_of
from armillary.history.asking import Asking
from armillary.history.backup import Saved
from armillary.history.base import Base
from armillary.history.parts import Hot, Segment
from armillary.history.tags import Tags
from armillary.history.tending import Tending
from armillary.model.arrays import B1, I8, U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord, StoreFault
from armillary.model.journal import AskJournal, AskLines, JournalIndex, Lines
from armillary.model.message import AskDensity, Density
from armillary.model.sample import SampleBatch, Text, taken
from armillary.model.series import Series, SeriesQuery
from armillary.model.storing import Declared

NOBODY_S = 0.1  # for those who read, when the file is made smaller
WASTE_BYTES, WEIGH_EVERY_NS = 64 * 1024 * 1024, 3_600 * NS
LAST_READERS_S = 30.0  # for those who read when a backup is put back
MOST_TEXTS = 100_000  # that are remembered with their numbers
_log = logging.getLogger(__name__)
# DuckDB takes a NaN of numpy for NULL; it is stored as NaN again.
_INSERT = (
    "INSERT INTO {table} SELECT id, t, coalesce(value, 'nan'::DOUBLE), lag, quality, flags, status, word "
    "FROM incoming"
)


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
        if not read_only:
            _take_up(path)
        self._base = Base(path, read_only)
        self._base.reopened = self._load
        self._tags = Tags(self._base)
        self._tending = Tending(self._base, self._tags.listed)
        self._tending.words_went = self._forget_words
        self._asking = Asking(self._base, self._tending, self._tags)
        self._text_ids: dict[Text, int] = {}
        self._weighed_ns = 0
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
            self._words = int(_scalar(cursor, "SELECT coalesce(max(id), 0) FROM word"))
            marks = cursor.execute("SELECT session, max(seq) FROM received GROUP BY session").fetchall()
            base.view = shelf.read(cursor, base.folder, base.schema)
        self._tags.load()
        self._received = {str(session): int(seq) for session, seq in marks}
        self._text_ids = {}
        self._measure()

    def _forget_words(self) -> None:
        self._text_ids = {}

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
    def folder(self) -> Path:
        """The folder of the segments; the store's file lies beside it."""
        return self._base.folder

    @property
    def declares(self) -> Declared:
        """All that a store can keep."""
        return Declared(name="DuckDB")

    # ------------------------------------------------------------ tags
    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4:
        """Return the ids of tags, made when new, permanent from 1.

        A tag whose unit is not what it was gets a new id; the old samples stay under `name [old unit]`.
        """
        return self._tags.names(tags, units)

    def known(self) -> Mapping[str, int]:
        """Return all tags and their ids."""
        return dict(self._tags.ids)

    def units(self) -> Mapping[str, str]:
        """Return all tags and the units of their samples."""
        return dict(self._tags.units)

    # ------------------------------------------------------------ write
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None:
        """Keep samples whose `slot` holds ids of this store; they are on disk when this returns.

        What was delivered twice is kept once: see `doubles`.

        marks: session -> number of its last message in this batch, kept in the same transaction.
        """
        if len(batch) and not (int(batch.slot.min()) > 0 and int(batch.slot.max()) < self._tags.next):
            raise StoreFault(
                "A sample has an id that this store never gave.",
                where=str(self._base.path),
                remedy="Ask the store for the ids of the tags again.",
            )
        batch = self._without_doubles(batch)
        of_mark = np.isin(batch.slot, self._tags.mark_ids)
        with self._base.lock:
            words, fresh = self._word_rows(batch)
            hot = self._base.view.hots[-1].table
            with self._base.writing() as cursor:
                _insert(cursor, _columns(batch, words), ((hot, ~of_mark), ("mark", of_mark)), fresh)
                for session, seq in (marks or {}).items():
                    cursor.execute("DELETE FROM received WHERE session = ?", [session])
                    cursor.execute("INSERT INTO received VALUES (?, ?)", [session, seq])
            self._appended(hot, batch.source_ns[~of_mark], fresh, marks or {})

    def take_in(self, folder: Path, batch: SampleBatch) -> int:
        """Take a whole past that `bulk` wrote to a folder, with its marks; return how many samples.

        In one transaction: all of it is there, or nothing. batch: rows of marks alone, by ids of this store.
        """
        if not np.isin(batch.slot, self._tags.mark_ids).all():
            raise StoreFault(
                "What comes beside the days of a past is its marks alone.",
                where=str(folder),
                remedy="Append samples.",
            )
        with self._tending.busy, self._base.lock:
            words, fresh = self._word_rows(batch)
            every = np.ones(len(batch), np.bool_)
            count = self._tending.take_in(
                folder,
                lambda cursor: _insert(cursor, _columns(batch, words), (("mark", every),), fresh),
            )
            self._appended(self._base.view.hots[-1].table, batch.source_ns[:0], fresh, {})
        return count

    def _without_doubles(self, batch: SampleBatch) -> SampleBatch:
        """Return what of a batch is not here yet."""
        if not len(batch) or not ((batch.flags & doubles.SUSPECT) != 0).any():
            return batch
        again = self._asking.again(lambda: doubles.known(self._base, batch))
        self.doubles += int(again.sum())
        return taken(batch, np.flatnonzero(~again)) if again.any() else batch

    def _appended(self, hot: str, t_ns: I8, fresh: dict[Text, int], marks: Mapping[str, int]) -> None:
        """Remember what is on disk now; marks do not count as samples."""
        self._words += len(fresh)
        self._text_ids = {**self._text_ids, **fresh} if len(self._text_ids) < MOST_TEXTS else fresh
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
        hots = self._base.view.hots
        rows, first_ns, _ = self._hot.get(hots[-1].table, (0, 0, 0))
        more = self._tending.step(now_ns, rows, first_ns)
        if self._base.view.hots != hots:
            with self._base.lock:
                self._measure()
        self._base.shrink()
        if not more and now_ns - self._weighed_ns >= WEIGH_EVERY_NS:
            self._weighed_ns = now_ns
            self._slim()
        return more

    def _slim(self) -> None:
        """Make the file small again where little of it is used, if nobody reads just now."""
        free, used = self._base.waste()
        if free < WASTE_BYTES or used > free:
            return
        try:
            self._base.rewrite(NOBODY_S)
        except StoreFault as fault:
            _log.info("the file stays as large as it is: %s", fault)

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time with their roll-ups, of all tags or of some; return how many."""
        count = self._tending.forget(before_ns, ids)
        if ids is not None and len(ids):  # of just these nothing may stay, not in free blocks either
            self._base.rewrite(LAST_READERS_S)
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
    def sealed(self) -> Sequence[Segment]:
        """The segments that are there."""
        return self._base.view.segments

    @property
    def told(self) -> Sequence[FaultRecord]:
        """What was found damaged and is left out since this was opened."""
        return tuple(self._tending.told)

    # ------------------------------------------------------------ read
    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self._asking.at(ids, t_ns)

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        return self._asking.between(ids, from_ns, to_ns)

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, in no order.

        By arrival (`history.arrived`): this is what a world showed at `t_ns`, started at `since_ns`.
        """
        return self._asking.known_at(ids, t_ns, since_ns)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        return self._asking.known_between(ids, from_ns, to_ns, limit)

    def known_thinned(self, ids: U4, from_ns: int, to_ns: int, every_ns: int) -> tuple[SampleBatch, int]:
        """Return the same, of the samples of an id only the newest of each span of `every_ns`."""
        return self._asking.known_thinned(ids, from_ns, to_ns, every_ns)

    def density(self, ask: AskDensity) -> Density:
        """Return what a time bar shows of a span, one entry a pixel column."""
        extent = self.extent()
        return self._asking.density(ask, (extent.first_ns, extent.last_ns))

    def journal(self, ask: AskJournal) -> JournalIndex:
        """Return which lines of the record of what happened fit a search."""
        return self._asking.journal(ask)

    def journal_lines(self, ask: AskLines) -> Lines:
        """Return lines of that record."""
        return self._asking.journal_lines(ask)

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets.

        Extremes are preserved; a bucket without samples is left out.
        """
        return self._asking.read(query)

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
        hot = [one for one in self._hot.copy().values() if one[0]]  # another thread appends
        return Extent(
            tags=tuple(self._tags.ids),
            samples=view.rows + sum(count for count, _, _ in hot),
            bytes=sum(_size(file) for file in files),
            first_ns=min([*(s.first_ns for s in raw), *(first for _, first, _ in hot)], default=0),
            last_ns=max([*(s.last_ns for s in raw), *(last for _, _, last in hot)], default=0),
        )

    def backup(self, folder: Path, now_ns: int) -> Saved:
        """Write a copy of all that is here to a folder, beside appending; what it has already stays there."""
        extent = self.extent()
        backup.room_for(folder, extent.bytes if not (folder / backup.MANIFEST).exists() else 0)
        with self._tending.busy:
            try:
                with self._base.reading() as (cursor, view):
                    rows = view.rows + sum(_scalar(cursor, _count(hot)) for hot in view.hots)
                    return backup.make(cursor, view, folder, now_ns, rows)
            except OSError as error:
                raise StoreFault(
                    f"The backup cannot be written: {error.strerror}.",
                    where=str(folder),
                    remedy="Check the folder's permissions and the room on its disk.",
                ) from error

    def restore(self, folder: Path, now_ns: int) -> Path:
        """Put a backup in the place of all that is here; return the folder that holds what was here.

        Tags may have other ids then.
        """
        base = self._base
        if base.read_only:
            raise StoreFault(
                "The history is open read-only.", where=str(base.path), remedy="Use the recorder."
            )
        try:
            with self._tending.busy, base.lock:
                backup.stage(folder, base.path)
                aside = backup.plan(base.path, now_ns)
                base.exchange(lambda: _finished(base.path), LAST_READERS_S)
                self._tending.begin()
                self._load()
                with base.reading() as (cursor, _):
                    backup.tags_of(cursor, base.folder)
        except OSError as error:
            raise StoreFault(
                f"The backup cannot be put back: {error.strerror}.",
                where=str(base.path.parent),
                remedy="Check the folder's permissions and the room on its disk.",
            ) from error
        return aside

    def compact(self) -> None:
        """Write what is in the log into the file."""
        self._base.compact()

    def close(self) -> None:
        """Close the file; everything appended is in it."""
        self.rest()
        with self._tending.busy:
            self._base.close()


def _take_up(path: Path) -> None:
    """Finish a restore that was cut off."""
    try:
        backup.finish(path)
    except OSError as error:
        raise StoreFault(
            f"A restore cannot be finished: {error.strerror}.",
            where=str(path.parent),
            remedy="Check the folder's permissions.",
        ) from error


def _finished(path: Path) -> None:
    backup.finish(path)


def _columns(batch: SampleBatch, words: U4) -> dict[str, npt.NDArray[np.generic]]:
    """Return a batch as the columns of a table of samples. words: rows of `word`."""
    return {
        "id": np.ascontiguousarray(batch.slot),
        "t": np.ascontiguousarray(batch.source_ns),
        "value": np.ascontiguousarray(batch.value),
        "lag": batch.arrival_ns - batch.source_ns,
        "quality": np.ascontiguousarray(batch.quality),
        "flags": np.ascontiguousarray(batch.flags),
        "status": np.ascontiguousarray(batch.status),
        "word": words,
    }


def _insert(
    cursor: duckdb.DuckDBPyConnection,
    columns: Mapping[str, npt.NDArray[np.generic]],
    tables: Sequence[tuple[str, B1]],
    fresh: Mapping[Text, int],
) -> None:
    """Write rows into tables, each with a mask of its rows, and texts that are new."""
    for table, rows in tables:
        if rows.any():
            part = dict(columns) if rows.all() else {k: c[rows] for k, c in columns.items()}
            cursor.register("incoming", part)
            cursor.execute(_INSERT.format(table=table))
            cursor.unregister("incoming")
    if fresh:
        cursor.execute(
            "INSERT INTO word SELECT unnest($1::UINTEGER[]), unnest($2::VARCHAR[])",
            [list(fresh.values()), list(fresh)],
        )


def _count(hot: Hot) -> str:
    return f"SELECT count(*) FROM {hot.table} WHERE t >= {hot.floor_ns}"  # noqa: S608 - ours


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
