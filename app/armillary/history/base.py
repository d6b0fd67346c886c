"""The historian's file: opening it, its tables, one cursor a thread, and what its errors mean."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from armillary.model.fault import StoreFault
from armillary.model.message import DISK_FULL

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS about(key VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS tag(id UINTEGER, name VARCHAR, unit VARCHAR);
CREATE TABLE IF NOT EXISTS sample(
    id UINTEGER, t BIGINT, value DOUBLE, lag BIGINT, quality USMALLINT, flags UTINYINT, status UINTEGER,
    word UINTEGER);
CREATE TABLE IF NOT EXISTS word(id UINTEGER, text VARCHAR);
CREATE TABLE IF NOT EXISTS minute(
    id UINTEGER, t BIGINT, low DOUBLE, high DOUBLE, total DOUBLE, count UINTEGER, quality USMALLINT);
CREATE TABLE IF NOT EXISTS redo(t BIGINT);
CREATE TABLE IF NOT EXISTS received(session VARCHAR, seq BIGINT);
"""
# Marks (`wire.marks`) are few beside the samples, and are asked for over all time: they have their own table.
_MARKS = """
CREATE TABLE IF NOT EXISTS mark(
    id UINTEGER, t BIGINT, value DOUBLE, lag BIGINT, quality USMALLINT, flags UTINYINT, status UINTEGER,
    word UINTEGER);
"""
# Documents beside the samples (`Store.keep`); equal contents are there once.
_DOCUMENTS = """
CREATE TABLE IF NOT EXISTS document(kind VARCHAR, key VARCHAR, t BIGINT, digest VARCHAR);
CREATE TABLE IF NOT EXISTS content(digest VARCHAR, data BLOB);
"""
# lag: arrival − source, ns. word: row of `word`, 0 = none. redo: minutes rolled up before a late sample came.
# There is no index on purpose: it would make an append three times as long, and scans skip by time anyway.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


KEPT_MB, SHRUNK_MB = 64, 48  # of the file, in memory: from where on it is let go of, and down to where
_log = logging.getLogger(__name__)


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
    reading: Callable[[Base], AbstractContextManager[duckdb.DuckDBPyConnection]],
) -> Callable[[Base], AbstractContextManager[duckdb.DuckDBPyConnection]]:
    """Return `reading` so that `Base.shrink` knows whether anybody reads, and they wait while it works."""

    @contextlib.contextmanager
    def counted(base: Base) -> Iterator[duckdb.DuckDBPyConnection]:
        with base.gate:
            base.readers += 1
        try:
            with reading(base) as cursor:
                yield cursor
        finally:
            with base.gate:
                base.readers -= 1

    return counted


class Base:
    """An open file. Writing is for one thread at a time (`writing`), reading for any (`reading`)."""

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path, self.read_only = path, read_only
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
            self._connection.execute("SET enable_external_access = false")
            self._check()
        except BaseException:
            self._connection.close()
            raise

    def _check(self) -> None:
        """Make the tables of a new file; refuse one that is not ours or newer. Raises StoreFault."""
        tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}
        if tables and "about" not in tables:
            raise StoreFault(
                "The file is a database of something else.",
                where=str(self.path),
                remedy="Move it aside, or give the recorder another file.",
            )
        if not tables:
            if self.read_only:
                raise StoreFault(
                    "The history is empty.", where=str(self.path), remedy="Record something first."
                )
            self._connection.execute(_TABLES)
            self._connection.execute("INSERT INTO about VALUES ('schema', ?)", [str(SCHEMA)])
        if "mark" not in tables:  # a file of before there were marks; one that is read only has none
            self._connection.execute(_MARKS.replace("TABLE", "TEMP TABLE") if self.read_only else _MARKS)
        self.has_documents = "document" in tables or not self.read_only
        if not self.read_only:
            self._connection.execute(_DOCUMENTS)
        row = self._connection.execute("SELECT value FROM about WHERE key = 'schema'").fetchone()
        schema = int(row[0]) if row is not None else 0
        if schema != SCHEMA:
            raise StoreFault(
                f"The historian's file is of version {schema}; this Armillary knows {SCHEMA}.",
                where=str(self.path),
                remedy="Update Armillary, or move the file aside to begin a new one.",
            )

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
                self._connection.execute("SET enable_external_access = false")
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

    @_counted
    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give this thread's cursor; an error of the store becomes a StoreFault."""
        if self._is_invalid:
            self._mend()
        try:
            yield self.cursor()
        except duckdb.Error as error:
            self._failed(error)
            raise translated(error, self.path, "read") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a cursor inside one transaction, which is on disk when this ends; undone after an error."""
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
                cursor.commit()
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
        with self.lock, self.reading() as cursor:
            cursor.execute("CHECKPOINT")

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

    def close(self) -> None:
        """Close the file. Whoever still reads gets an error."""
        with self.lock:
            for cursor in self._cursors:
                cursor.close()
            self._connection.close()
