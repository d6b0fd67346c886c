"""Works on a store beside those that write and read: seals what is over, merges, checks, removes, forgets.

One thread at a time (`busy`). Each step makes new files first, which nobody reads, and then, in one
transaction, puts them in the place of the old: after a crash there is the one or the other.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np

from armillary.history import aside, bulk, sealing, shelf
from armillary.history.base import SCHEMA, Base
from armillary.history.parts import DAY_NS, MINUTE_NS, Hot, Segment, View, among
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord, StoreFault

HOT_ROWS = 4_000_000  # then a hot table is closed, whatever its age
SEAL_ROWS = 6_000_000  # at once
MERGE_ROWS = 10_000_000  # at once
SMALL_ROWS = 1_000_000
GRACE_NS = 600 * NS  # a day is over this long after its end: most late samples have come
CLOSE_EVERY_NS = 3_600 * NS  # a few late samples alone close no table more often
MERGE_AFTER_NS = 3_600 * NS
_NOTHING_LEFT = shelf.Left(adopted=(), removed=())
_log = logging.getLogger(__name__)


class Tending:
    """The background work on one store."""

    def __init__(self, base: Base, tags: Callable[[], list[tuple[int, str, str]]]) -> None:
        """tags: (id, name, unit) of all tags."""
        self._base, self._tags = base, tags
        self.busy = threading.RLock()
        self.told: list[FaultRecord] = []  # what was moved aside, for whoever asks
        self.words_went: Callable[[], None] = lambda: None  # called under the base's lock
        self._closed_ns = -(2**62)
        self._written_tags: list[tuple[int, str, str]] = []
        self._to_check: list[Segment] = []
        self.stopping = False
        self._working: duckdb.DuckDBPyConnection | None = None

    # ------------------------------------------------------------ at the start
    def begin(self) -> None:
        """Take up what a crash left, and the tags too where the store's own file is a new one."""
        base = self._base
        with base.reading() as (cursor, view):
            held = shelf.left(cursor, view) if base.schema == SCHEMA else _NOTHING_LEFT
        tags = shelf.read_tags(view.folder) if held.adopted else []
        if not base.read_only:
            new = tuple(sorted((*view.segments, *held.adopted), key=lambda s: s.seq))
            with base.writing(lambda: replace(base.view, segments=new)) as cursor:
                for segment in held.adopted:
                    shelf.enter(cursor, view.folder, segment)
                    shelf.used(cursor, max(shelf.next_seq(cursor) - 1, segment.seq))
                if tags and not cursor.execute("SELECT 1 FROM tag LIMIT 1").fetchall():
                    cursor.executemany("INSERT INTO tag VALUES ($1, $2, $3)", tags)
                cursor.execute("DELETE FROM about WHERE key = 'new'")
        elif held.adopted:
            base.view = replace(
                view, segments=tuple(sorted((*view.segments, *held.adopted), key=lambda s: s.seq))
            )
        if not base.read_only:
            for name in held.removed:
                (view.folder / name).unlink(missing_ok=True)
        self._to_check = list(base.view.segments)

    def stop(self) -> None:
        """End what is worked on now, with an error there, and begin nothing more."""
        self.stopping = True
        if (working := self._working) is not None:
            with contextlib.suppress(duckdb.Error):
                working.interrupt()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Let one thread work at a time, and none after `stop`."""
        with self.busy:
            if self.stopping:
                raise StoreFault(
                    "The history is being closed.", where=str(self._base.path), remedy="Ask again later."
                )
            self._working = self._base.cursor()
            try:
                yield
            finally:
                self._working = None

    # ------------------------------------------------------------ now and then
    def step(self, now_ns: int, hot_rows: int, hot_first_ns: int) -> bool:
        """Do one piece of work; return whether there is more. hot_*: of the table that is written."""
        with self._at_work():
            self._remove()
            if self._is_due(now_ns, hot_rows, hot_first_ns):
                self._closed_ns = now_ns
                self._close()
            if len(self._base.view.hots) > 1:
                self._seal()
                return True
            if self._merge(now_ns):
                return True
            self._check_one()
            return bool(self._to_check)

    def _is_due(self, now_ns: int, rows: int, first_ns: int) -> bool:
        if rows >= HOT_ROWS:
            return True
        is_over = rows > 0 and now_ns >= first_ns // DAY_NS * DAY_NS + DAY_NS + GRACE_NS
        return is_over and now_ns - self._closed_ns >= CLOSE_EVERY_NS

    def _close(self) -> None:
        """Have what comes from now on go to a new hot table."""
        view = self._base.view
        number = shelf.number_of(view.hots[-1]) + 1
        new = Hot(table=f"hot_{number}")
        with self._base.writing(
            lambda: replace(self._base.view, hots=(*self._base.view.hots, new))
        ) as cursor:
            cursor.execute(f"CREATE TABLE {new.table} AS SELECT * FROM {view.hots[-1].table} LIMIT 0")  # noqa: S608
            cursor.execute("INSERT INTO hot VALUES ($1, $2)", [number, new.floor_ns])

    # ------------------------------------------------------------ sealing
    def _seal(self) -> None:
        """Seal the next piece of the oldest hot table: of one day, and not too much at once."""
        hot = self._base.view.hots[0]
        with self._base.reading() as (cursor, view):
            minutes = cursor.execute(
                f"SELECT t // {MINUTE_NS} AS m, count(*) AS n FROM {hot.table} "  # noqa: S608 - ours
                f"WHERE t >= {hot.floor_ns} GROUP BY m ORDER BY m"
            ).fetchnumpy()
            begin, count = minutes["m"], minutes["n"]
            if not len(begin):
                self._commit_seal(hot, None, None)
                return
            day = int(begin[0]) * MINUTE_NS // DAY_NS
            of_day = int(np.searchsorted(begin, (day + 1) * DAY_NS // MINUTE_NS))
            most = max(int(np.searchsorted(np.cumsum(count[:of_day]), SEAL_ROWS, "right")), 1)
            low_ns, high_ns = int(begin[0]) * MINUTE_NS, (int(begin[min(most, of_day) - 1]) + 1) * MINUTE_NS
            is_last = min(most, of_day) == len(begin)
            only = View(folder=view.folder, hots=(hot,))
            new = Segment(
                seq=shelf.next_seq(cursor), day_ns=day * DAY_NS, first_ns=0, last_ns=0, rows=0, raw=False
            )
            made = self._made(cursor, only, f"t >= {low_ns} AND t < {high_ns}", new, [])
        self._commit_seal(hot, made, None if is_last else high_ns)

    def _made(
        self, cursor: duckdb.DuckDBPyConnection, view: View, where: str, new: Segment, replaces: list[int]
    ) -> Segment | None:
        """Write the files of one segment from some samples of a view. Raises StoreFault."""
        try:
            tags = self._tags()
            if tags != self._written_tags:
                shelf.write_tags(view.folder, tags)
                self._written_tags = tags
            return sealing.make(cursor, view.folder, _worded(view), where, new, replaces)
        except OSError as error:
            raise _os_fault(error, view.folder) from error

    def _commit_seal(self, hot: Hot, made: Segment | None, floor_ns: int | None) -> None:
        """Put a segment in the place of what it was made of; floor_ns None: nothing is left in the table."""
        base, number = self._base, shelf.number_of(hot)

        def after() -> View:
            old = base.view
            hots = old.hots[1:] if floor_ns is None else (replace(hot, floor_ns=floor_ns), *old.hots[1:])
            return replace(old, hots=hots, segments=old.segments if made is None else (*old.segments, made))

        with self._undone_by_failure(made), base.writing(after) as cursor:
            if made is not None:
                shelf.enter(cursor, base.folder, made)
                shelf.used(cursor, made.seq)
            if floor_ns is not None:
                cursor.execute("UPDATE hot SET floor_ns = $1 WHERE number = $2", [floor_ns, number])
                return
            cursor.execute(f"DROP TABLE {hot.table}")
            cursor.execute("DELETE FROM hot WHERE number = $1", [number])
            self._clear_words(cursor, base.view.hots[1:])

    def _undone_by_failure(self, made: Segment | None) -> _Undo:
        return _Undo(self._base.folder, made)

    def _clear_words(self, cursor: duckdb.DuckDBPyConnection, hots: tuple[Hot, ...]) -> None:
        """Remove the texts that only sealed samples had: the segments have their own."""
        if not cursor.execute("SELECT 1 FROM word LIMIT 1").fetchall():
            return
        used = " UNION ".join(
            f"SELECT DISTINCT word FROM {table}"  # noqa: S608 - ours
            for table in ("mark", *(hot.table for hot in hots))
        )
        cursor.execute(f"DELETE FROM word WHERE id NOT IN ({used})")  # noqa: S608 - ours
        self.words_went()

    # ------------------------------------------------------------ merging
    def _merge(self, now_ns: int) -> bool:
        """Make one of the segments of a day that is over; return whether there was such a day."""
        days: dict[int, list[Segment]] = {}
        for segment in self._base.view.segments:
            if segment.raw and segment.minutes and segment.day_ns + DAY_NS + MERGE_AFTER_NS <= now_ns:
                days.setdefault(segment.day_ns, []).append(segment)
        for day_ns, several in sorted(days.items()):
            few = _to_merge(several)
            if len(few) > 1:
                _log.debug("merging %d parts of %s", len(few), few[0].day)
                self._rewrite(few, "true", day_ns)
                return True
        return False

    def _rewrite(self, olds: list[Segment], where: str, day_ns: int) -> int:
        """Put one segment with some of the samples of several in their place; return how many went."""
        with self._base.reading() as (cursor, view):
            new = Segment(seq=shelf.next_seq(cursor), day_ns=day_ns, first_ns=0, last_ns=0, rows=0, raw=False)
            seqs = [s.seq for s in olds]
            if olds[0].raw:
                only = View(folder=view.folder, segments=tuple(olds))
                made = self._made(cursor, only, where, new, seqs)
            else:
                span = replace(new, first_ns=olds[0].first_ns, last_ns=olds[0].last_ns)
                try:
                    made = sealing.make_minutes(cursor, view.folder, olds[0], where, span)
                except OSError as error:
                    raise _os_fault(error, view.folder) from error
        self.exchange(olds, made)
        return sum(s.rows for s in olds if s.raw) - (made.rows if made is not None else 0)

    def exchange(self, olds: list[Segment], made: Segment | None) -> None:
        """Put a segment, or nothing, in the place of others."""
        base, gone = self._base, {s.seq for s in olds}

        def after() -> View:
            stay = tuple(s for s in base.view.segments if s.seq not in gone)
            return replace(base.view, segments=stay if made is None else (*stay, made))

        with self._undone_by_failure(made), base.writing(after) as cursor:
            for old in olds:
                shelf.strike(cursor, old)
            if made is not None:
                shelf.enter(cursor, base.folder, made)
                shelf.used(cursor, made.seq)

    # ------------------------------------------------------------ a past that was written elsewhere
    def take_in(self, folder: Path, also: Callable[[duckdb.DuckDBPyConnection], None]) -> int:
        """Take the segments that `bulk` left in a folder, in one transaction with `also`; return the rows."""
        base = self._base
        with self._at_work():
            shelf.write_tags(base.folder, self._tags())  # makes the folder too
            with base.reading() as (cursor, _):
                try:
                    new = bulk.moved(cursor, folder, base.folder, shelf.next_seq(cursor))
                except OSError as error:
                    raise _os_fault(error, folder) from error
            try:
                with base.writing(lambda: replace(base.view, segments=(*base.view.segments, *new))) as cursor:
                    for segment in new:
                        shelf.enter(cursor, base.folder, segment)
                        shelf.used(cursor, segment.seq)
                    also(cursor)
            except BaseException:
                for name in (name for segment in new for name in segment.names):
                    (base.folder / name).unlink(missing_ok=True)
                raise
        return sum(segment.rows for segment in new)

    # ------------------------------------------------------------ forgetting
    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Remove samples before a time with their roll-ups, of all tags or some; return how many."""
        with self._at_work():
            which = "true" if ids is None else among(ids)
            with self._base.writing(lambda: self._base.view) as cursor:
                count = 0
                for hot in self._base.view.hots:
                    where = f"t < {before_ns} AND t >= {hot.floor_ns} AND {which}"
                    count += _scalar(cursor, f"SELECT count(*) FROM {hot.table} WHERE {where}")  # noqa: S608
                    cursor.execute(f"DELETE FROM {hot.table} WHERE t < {before_ns} AND {which}")  # noqa: S608
                cursor.execute(f"DELETE FROM mark WHERE t < {before_ns} AND {which}")  # noqa: S608 - ours
                self._clear_words(cursor, self._base.view.hots)
            for segment in [s for s in self._base.view.segments if s.first_ns < before_ns]:
                if self.stopping:
                    break
                if ids is None and segment.last_ns < before_ns:
                    count += segment.rows if segment.raw else 0
                    self.exchange([segment], None)
                elif ids is None or self._holds(segment, ids):
                    keep = f"NOT (t < {before_ns} AND {which})"
                    count += self._rewrite([segment], keep, segment.day_ns)
            with self._base.writing() as cursor:  # of segments whose files are gone already
                for table in ("hour", "day"):
                    cursor.execute(
                        f"DELETE FROM {table} WHERE t < {before_ns} AND {which} "  # noqa: S608 - ours
                        "AND seq NOT IN (SELECT seq FROM segment WHERE minutes)"
                    )
            self._remove()
            return count

    def _holds(self, segment: Segment, ids: U4) -> bool:
        """Return whether a segment has something of some ids."""
        with self._base.reading() as (cursor, _):
            found = cursor.execute(
                f"SELECT 1 FROM day WHERE seq = $1 AND {among(ids)} LIMIT 1",  # noqa: S608 - ours
                [segment.seq],
            ).fetchall()
        return bool(found)

    def expire(self, raw_before_ns: int, minutes_before_ns: int, hours_before_ns: int) -> int:
        """Let go of samples, minutes, and hours and days that are wholly before a time; return samples gone.

        What is coarser stays.
        """
        with self._at_work():
            count = 0
            for old in self._base.view.segments:
                raw = old.raw and old.last_ns >= raw_before_ns
                minutes = old.minutes and old.last_ns >= minutes_before_ns
                if (raw, minutes) != (old.raw, old.minutes):
                    count += old.rows if old.raw and not raw else 0
                    self._thin(old, replace(old, raw=raw, minutes=minutes))
            with self._base.writing() as cursor:
                cursor.execute(  # what stood when the samples begin is known by its last mark
                    "DELETE FROM mark WHERE t < $1 AND (id, t) NOT IN "
                    "(SELECT (id, max(t)) FROM mark WHERE t < $1 GROUP BY id)",
                    [raw_before_ns],
                )
                self._clear_words(cursor, self._base.view.hots)
                for table in ("hour", "day"):
                    cursor.execute(f"DELETE FROM {table} WHERE t < {hours_before_ns}")  # noqa: S608 - ours
                for old in self._base.view.segments:
                    if not old.raw and not old.minutes and old.last_ns < hours_before_ns:
                        self._base.view = replace(
                            self._base.view,
                            segments=tuple(s for s in self._base.view.segments if s.seq != old.seq),
                        )
                        cursor.execute("DELETE FROM segment WHERE seq = $1", [old.seq])
            self._remove()
            return count

    def _thin(self, old: Segment, new: Segment) -> None:
        """List a segment with fewer files."""
        base = self._base

        def after() -> View:
            return replace(
                base.view, segments=tuple(new if s.seq == old.seq else s for s in base.view.segments)
            )

        with base.writing(after) as cursor:
            cursor.execute(
                "UPDATE segment SET raw = $1, minutes = $2 WHERE seq = $3", [new.raw, new.minutes, new.seq]
            )
            shelf.retire(cursor, tuple(set(old.names) - set(new.names)))

    def _remove(self) -> None:
        """Remove files that were replaced, if nobody reads."""
        base = self._base
        with base.lock, base.gate:
            if base.readers:
                return
            names = [str(name) for (name,) in base.cursor().execute("SELECT name FROM retired").fetchall()]
            if not names:
                return
            for name in names:
                try:
                    (base.folder / name).unlink(missing_ok=True)
                except OSError as error:
                    _log.info("%s stays for now: %s", name, error)
                    return
            with base.writing() as cursor:
                cursor.execute("DELETE FROM retired WHERE name IN (SELECT unnest($1::VARCHAR[]))", [names])

    # ------------------------------------------------------------ what is damaged
    def check(self) -> bool:
        """Move every segment aside whose files are not what was written; return whether there was one."""
        with self.busy:
            bad = [s for s in self._base.view.segments if not _is_whole(self._base.folder, s)]
            for segment in bad:
                self._set_aside(segment)
            return bool(bad)

    def _check_one(self) -> None:
        while self._to_check:
            segment = self._to_check.pop()
            if segment in self._base.view.segments:
                if not _is_whole(self._base.folder, segment):
                    self._set_aside(segment)
                return

    def _set_aside(self, segment: Segment) -> None:
        """Take a damaged segment out of what is read; its files are moved aside, its hours and days stay."""
        base = self._base

        def after() -> View:
            return replace(base.view, segments=tuple(s for s in base.view.segments if s.seq != segment.seq))

        if base.read_only:
            with base.swap:
                base.view = after()
            self.told.append(aside.segment_left(base.folder, segment))
            return
        with base.writing(after) as cursor:
            cursor.execute("DELETE FROM segment WHERE seq = $1", [segment.seq])
        self.told.append(aside.move_segment(base.folder, segment))
        _log.warning("%s %s", self.told[-1].what, self.told[-1].where)


class _Undo:
    """Removes the files of a segment when it could not be listed."""

    def __init__(self, folder: Path, made: Segment | None) -> None:
        self._paths = [folder / name for name in made.names] if made is not None else []

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for path in self._paths:
                path.unlink(missing_ok=True)


def _to_merge(several: list[Segment]) -> list[Segment]:
    """Return which segments of a day to make one of, () for none; as many as sort at once.

    Those that overlap in time, since a question then reads both; and small ones, since there may be many.
    """
    untidy = {s.seq for s in several if s.rows < SMALL_ROWS}
    last: Segment | None = None  # which reaches farthest of those before
    for segment in sorted(several, key=lambda s: s.first_ns):
        if last is not None and segment.first_ns <= last.last_ns:
            untidy |= {last.seq, segment.seq}
        if last is None or segment.last_ns > last.last_ns:
            last = segment
    if len(untidy) == 1:  # a small one alone: with the smallest of the others
        untidy |= {
            min((s for s in several if s.seq not in untidy), key=lambda s: s.rows, default=several[0]).seq
        }
    out: list[Segment] = []
    for segment in sorted((s for s in several if s.seq in untidy), key=lambda s: s.rows):
        if sum(s.rows for s in out) + segment.rows > MERGE_ROWS:
            break
        out.append(segment)
    return sorted(out, key=lambda s: s.seq)


def _worded(view: View) -> str:
    """Return the samples of a view as `View.samples` does, with every text in `text`."""
    samples = view.samples(-(2**62), 2**62)
    if not view.hots:
        return samples
    return (
        "(SELECT s.id, s.t, s.value, s.lag, s.quality, s.flags, s.status, coalesce(s.text, w.text) AS text, "  # noqa: S608
        f"s.part, s.row FROM {samples} s LEFT JOIN word w ON w.id = s.word)"
    )


def _is_whole(folder: Path, segment: Segment) -> bool:
    try:
        return all(
            sealing.crc_of(folder / name) == crc
            for name, crc in zip(
                (segment.samples_name, segment.minutes_name), (segment.crc, segment.minutes_crc), strict=True
            )
            if name in segment.names
        )
    except OSError:
        return False


def _os_fault(error: OSError, folder: Path) -> StoreFault:
    return StoreFault(
        f"A part of the history cannot be written: {error.strerror}.",
        where=str(folder),
        remedy="Check the folder's permissions and the room on its disk.",
    )


def _scalar(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0
