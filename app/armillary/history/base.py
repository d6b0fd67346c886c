"""The historian's file: opening it, its tables, one cursor a thread, and what its errors mean."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from armillary.history.aside import log_of
from armillary.history.parts import MIN_NS, View
from armillary.history.sealing import synced
from armillary.model.fault import StoreFault
from armillary.model.message import DISK_FULL

SCHEMA = 2
_SAMPLE = (
    "(id UINTEGER, t BIGINT, value DOUBLE, lag BIGINT, quality USMALLINT, flags UTINYINT, status UINTEGER, "
    "word UINTEGER)"
)
_ROLLED = (
    "(seq INTEGER, id UINTEGER, t BIGINT, low DOUBLE, high DOUBLE, total DOUBLE, count UINTEGER, "
    "quality USMALLINT, last DOUBLE)"
)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS about(key VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS tag(id UINTEGER, name VARCHAR, unit VARCHAR);
CREATE TABLE IF NOT EXISTS word(id UINTEGER, text VARCHAR);
CREATE TABLE IF NOT EXISTS received(session VARCHAR, seq BIGINT);
CREATE TABLE IF NOT EXISTS mark{_SAMPLE};
CREATE TABLE IF NOT EXISTS document(kind VARCHAR, key VARCHAR, t BIGINT, digest VARCHAR);
CREATE TABLE IF NOT EXISTS content(digest VARCHAR, data BLOB);
CREATE TABLE IF NOT EXISTS hot(number INTEGER, floor_ns BIGINT);
CREATE TABLE IF NOT EXISTS hot_1{_SAMPLE};
CREATE TABLE IF NOT EXISTS segment(
    seq INTEGER, day_ns BIGINT, first_ns BIGINT, last_ns BIGINT, rows BIGINT, raw BOOLEAN, minutes BOOLEAN,
    crc UINTEGER, minutes_crc UINTEGER);
CREATE TABLE IF NOT EXISTS retired(name VARCHAR);
CREATE TABLE IF NOT EXISTS hour{_ROLLED};
CREATE TABLE IF NOT EXISTS day{_ROLLED};
"""
# From version 1, where all samples were in one table, with minutes beside it.
_MIGRATE = """
ALTER TABLE sample RENAME TO hot_1;
DROP TABLE IF EXISTS minute;
DROP TABLE IF EXISTS redo;
DELETE FROM about WHERE key IN ('schema', 'rolled_until_ns');
"""
# Marks (`wire.marks`) are few beside samples and asked for over all time: they have a table of their own.
# Documents (`Store.keep`) with equal contents are there once. hot: the tables `hot_N` of samples, in the
# order in which they came; what is before the floor is in a segment already (`history.parts`). hour, day: of
# segments. retired: files of segments that were replaced or forgotten, and are still to be removed.
# lag: arrival − source, ns. word: row of `word`, 0 = none.
# There is no index on purpose: it would make an append three times as long, and scans skip by time anyway.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


KEPT_MB, SHRUNK_MB = 64, 48  # of the file, in memory: from where on it is let go of, and down to where
_log = logging.getLogger(__name__)


Reading = tuple[duckdb.DuckDBPyConnection, View]


class StoreTaken(StoreFault):
    """Another process holds the file."""


class StoreDamaged(StoreFault):
    """The file is not what was written."""


# Only what is certain: a file of a newer version, or one that memory does not suffice for, is a good one.
_DAMAGE = ("corrupt", "not a valid duckdb", "could not read enough bytes")


def translated(error: duckdb.Error, path: Path, doing: str) -> StoreFault:
    """Return what a person must know of an error of the store."""
    text = str(error).splitlines()[0]
    lowered = str(error).lower()
    if "lock" in lowered and "conflicting" in lowered:
        return StoreTaken(
            "Another process has the historian's file open.",
            where=str(path),
            remedy="Ask the recorder that runs already, or end it first.",
        )
    if "no space" in lowered or "file too large" in lowered or "disk quota" in lowered:
        return StoreFault(
            DISK_FULL,
            where=str(path),
            remedy="Free some space; samples are kept until then and sent again.",
        )
    if "permission denied" in lowered or "read-only file system" in lowered:
        return StoreFault(
            "The historian's file may not be written here.",
            where=str(path),
            remedy="Check the folder's permissions.",
        )
    is_damaged = any(words in lowered for words in _DAMAGE)
    if doing == "open" or is_damaged:
        kind = StoreDamaged if is_damaged else StoreFault
        return kind(
            f"The historian's file cannot be read: {text}.",
            where=str(path),
            remedy="Move it aside (with its .wal) to begin a new one, or put a backup in its place.",
        )
    return StoreFault(
        f"The historian failed to {doing}: {text}.", where=str(path), remedy="See its log file."
    )


def _counted(
    reading: Callable[[Base], AbstractContextManager[Reading]],
) -> Callable[[Base], AbstractContextManager[Reading]]:
    """Return `reading` so that `Base.shrink` knows whether anybody reads, and they wait while it works."""

    @contextlib.contextmanager
    def counted(base: Base) -> Iterator[Reading]:
        with base.gate:
            base.readers += 1
        try:
            with reading(base) as got:
                yield got
        finally:
            with base.gate:
                base.readers -= 1

    return counted


class Base:
    """An open file. Writing is for one thread at a time (`writing`), reading for any (`reading`)."""

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path, self.read_only = path, read_only
        self.folder = path.absolute().with_name(path.stem)  # of the segments; made when there is one
        self.view = View(
            folder=self.folder
        )  # replaced under `swap`, together with the commit that makes it so
        self.swap = threading.Lock()
        self.lock = threading.RLock()
        self.reopened: Callable[[], None] = lambda: None  # called, under the lock, when it was
        self._is_invalid = False
        self.gate, self.readers = threading.Lock(), 0
        self.is_exhausted = False  # the process has no memory left: only another one helps
        self._local = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        if read_only and not path.exists():
            raise StoreFault("There is no history yet.", where=str(path), remedy="Record something first.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(str(path), read_only=read_only, config=_CONFIG)
        except duckdb.Error as error:
            raise translated(error, path, "open") from error
        except OSError as error:
            raise StoreFault(
                f"The historian's folder cannot be used: {error.strerror}.",
                where=str(path.parent),
                remedy="Check its permissions.",
            ) from error
        try:
            self._confine()
            self._check()
        except BaseException:
            self._connection.close()
            raise

    def _confine(self) -> None:
        """Let the library reach its own folder and nothing else."""
        folder = f"{self.folder}/".replace("'", "''")
        self._connection.execute(f"SET allowed_directories = ['{folder}']")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute(
            "SET parquet_metadata_cache = true"
        )  # a segment's is asked for again and again

    def _check(self) -> None:
        """Make the tables of a new file; refuse one that is not ours or newer. Raises StoreFault."""
        tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}
        if tables and "about" not in tables:
            raise StoreFault(
                "The file is a database of something else.",
                where=str(self.path),
                remedy="Move it aside, or give the recorder another file.",
            )
        if not tables and self.read_only:
            raise StoreFault("The history is empty.", where=str(self.path), remedy="Record something first.")
        self.schema = SCHEMA
        if tables:
            row = self._connection.execute("SELECT value FROM about WHERE key = 'schema'").fetchone()
            self.schema = int(row[0]) if row is not None else 0
        if not 1 <= self.schema <= SCHEMA:
            raise StoreFault(
                f"The historian's file is of version {self.schema}; this Armillary knows {SCHEMA}.",
                where=str(self.path),
                remedy="Update Armillary, or move the file aside to begin a new one.",
            )
        self.has_documents = "document" in tables or not self.read_only
        if not self.read_only and (self.schema < SCHEMA or not tables):
            self._make(bool(tables))

    def _make(self, migrates: bool) -> None:
        """Make the tables, or those that an older version had not; all or nothing."""
        cursor = self._connection.cursor()
        cursor.begin()
        try:
            if migrates:
                cursor.execute(_MIGRATE)
            cursor.execute(_TABLES)
            cursor.execute("INSERT INTO about VALUES ('schema', $1)", [str(SCHEMA)])
            if not migrates:  # until it is known what an earlier file left beside it
                cursor.execute("INSERT INTO about VALUES ('new', '')")
            cursor.execute(f"INSERT INTO hot VALUES (1, {MIN_NS})")  # noqa: S608 - ours
            cursor.commit()
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                cursor.rollback()
            raise
        finally:
            cursor.close()
        self.schema = SCHEMA

    def _failed(self, error: duckdb.Error) -> None:
        """Note an error after which the library answers nothing: a checkpoint that found no room is one."""
        if isinstance(error, duckdb.FatalException) or "has been invalidated" in str(error):
            self._is_invalid = True
        if "bad allocation" in str(error):  # and not the library's own limit, which one question may reach
            self.is_exhausted = True

    def _mend(self) -> None:
        """Open the file anew after such an error. Raises StoreFault while that cannot be done."""
        with self.lock:
            if not self._is_invalid:
                return
            for cursor in self._cursors:
                with contextlib.suppress(duckdb.Error):
                    cursor.close()
            with contextlib.suppress(duckdb.Error):
                self._connection.close()
            self._cursors, self._local = [], threading.local()
            try:
                self._connection = duckdb.connect(str(self.path), read_only=self.read_only, config=_CONFIG)
                self._confine()
            except duckdb.Error as error:
                raise translated(error, self.path, "open") from error
            self._is_invalid = False
            self.reopened()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return this thread's own cursor."""
        held: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if held is None:
            held = self._connection.cursor()
            self._local.cursor = held
            with self.lock:
                self._cursors.append(held)
        return held

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> View:
        """Begin to read with a cursor: it sees the parts that are returned until it is rolled back."""
        with self.swap:
            cursor.begin()
            cursor.execute(
                "SELECT 1 FROM about LIMIT 1"
            ).fetchall()  # the library begins at its first question
            return self.view

    @_counted
    @contextlib.contextmanager
    def reading(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, View]]:
        """Give this thread's cursor and what it sees; an error of the store becomes a StoreFault."""
        if self._is_invalid:
            self._mend()
        seen: View | None = getattr(self._local, "seen", None)
        if seen is not None:  # within another of this thread
            yield self.cursor(), seen
            return
        cursor = None
        try:
            cursor = self.cursor()
            self._local.seen = self.begin(cursor)
            yield cursor, self._local.seen
        except duckdb.Error as error:
            self._failed(error)
            raise translated(error, self.path, "read") from error
        finally:
            self._local.seen = None
            if cursor is not None:
                with contextlib.suppress(duckdb.Error):
                    cursor.rollback()

    @contextlib.contextmanager
    def writing(self, view: Callable[[], View] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a cursor inside one transaction, which is on disk when this ends; undone after an error.

        view: what readers see from then on, where it is another.
        """
        if self.read_only:
            raise StoreFault(
                "The history is open read-only.", where=str(self.path), remedy="Use the recorder."
            )
        with self.lock:
            if self._is_invalid:
                self._mend()
            cursor = self.cursor()
            try:
                cursor.begin()
                yield cursor
                with self.swap if view is not None else contextlib.nullcontext():
                    cursor.commit()
                    if view is not None:
                        self.view = view()
            except duckdb.Error as error:
                self._failed(error)
                with contextlib.suppress(duckdb.Error):  # an error may have ended the transaction already
                    cursor.rollback()
                raise translated(error, self.path, "write") from error
            except BaseException:
                cursor.rollback()
                raise

    def compact(self) -> None:
        """Write what is in the log into the file, so that it is small and opens at once."""
        with self.lock:
            try:
                self.cursor().execute("CHECKPOINT")
            except duckdb.Error as error:
                self._failed(error)
                raise translated(error, self.path, "write") from error

    def shrink(self) -> bool:
        """Let go of what is kept in memory of the file beyond SHRUNK_MB; return whether there was so much.

        The library keeps all that it wrote or read until its limit is reached, which would take days; what
        is asked for again comes from the file, most often from the system's cache. Its only way to let go is
        a low limit for a moment, so nobody may read then: while somebody does, it is left to the next time.
        """
        with self.lock, self.gate:
            if self.readers:
                return False
            cursor = self.cursor()
            try:
                row = cursor.execute("SELECT sum(memory_usage_bytes) / 1e6 FROM duckdb_memory()").fetchone()
                if row is None or (row[0] or 0.0) <= KEPT_MB:
                    return False
                cursor.execute(f"SET memory_limit = '{SHRUNK_MB}MB'")
                cursor.execute(f"SET memory_limit = '{_CONFIG['memory_limit']}'")
            except duckdb.Error as error:  # more than that is in use: the limit stays as it was
                _log.info("the store keeps its memory: %s", error)
                return False
            return True

    @property
    def is_broken(self) -> bool:
        """Whether the trouble is with the file itself, or the memory, and not with a segment."""
        return self._is_invalid or self.is_exhausted

    def exchange(self, work: Callable[[], None], limit_s: float) -> None:
        """Close the file, have it exchanged, and open what is there then. Raises StoreFault.

        Nobody may read meanwhile: who does has `limit_s` to end.
        """
        with self.lock:
            end = threading.Event()
            for _ in range(int(limit_s / 0.05)):
                with self.gate:
                    if not self.readers:
                        for cursor in self._cursors:
                            cursor.close()
                        self._connection.close()
                        self._is_invalid = True  # whoever comes opens it
                        work()
                        break
                end.wait(0.05)
            else:
                raise StoreFault(
                    "Somebody reads the history all the time.", where=str(self.path), remedy="Try again."
                )
            self._mend()

    def rewrite(self, limit_s: float) -> None:
        """Put a copy of the file without what was removed in its place: free blocks keep what they held.

        Writing waits meanwhile. Raises StoreFault; the file is then as it was.
        """
        copy = self.folder / ".rewritten.duckdb"
        with self.lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            try:
                self.copy_to(copy)
                self.exchange(lambda: self._take(copy), limit_s)
            finally:
                copy.unlink(missing_ok=True)

    def _take(self, copy: Path) -> None:
        if log_of(self.path).exists():  # it was not all written into the file: the copy stays a copy
            return
        synced(copy)
        copy.replace(self.path)
        synced(self.path.parent)

    def copy_to(self, path: Path) -> None:
        """Write a copy of the file, as it is now, into the folder of the segments. Raises StoreFault."""
        with self.reading() as (cursor, _):
            ((own,),) = cursor.execute("SELECT current_database()").fetchall()
            quoted = str(path).replace("'", "''")
            cursor.execute(f"ATTACH '{quoted}' AS copied")
            try:
                cursor.execute(f'COPY FROM DATABASE "{own}" TO copied')
            finally:
                cursor.commit()
                cursor.execute("DETACH copied")

    def waste(self) -> tuple[int, int]:
        """Return the bytes of the file that nothing uses, and those that are used."""
        with self.reading() as (cursor, _):
            rows = cursor.execute(
                "SELECT block_size * free_blocks, block_size * used_blocks FROM pragma_database_size()"
            ).fetchall()
        return int(rows[0][0]), int(rows[0][1])

    def close(self) -> None:
        """Close the file. Whoever still reads gets an error."""
        with self.lock:
            for cursor in self._cursors:
                cursor.close()
            self._connection.close()
