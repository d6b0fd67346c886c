"""Connections to PostgreSQL: one a thread, made anew when lost, and what its errors mean for people."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.conninfo import conninfo_to_dict

from armillary.api import StoreContext, StoreFault
from armillary_plugins.stores.postgres_tables import Connection

CONNECT_S = 5
SILENT_MS = 10_000  # without an answer to what was sent for so long the connection is lost
STATEMENT_MS = 60_000
LOCK_CLASS = 0x41524D  # of advisory locks: ours
LOCAL = ("localhost", "127.0.0.1", "::1", "")
_SEND = {"i2": "int2send", "i4": "int4send", "i8": "int8send", "f8": "float8send"}

# Any: columns of several types by name; parameters of statements
Columns = dict[str, npt.NDArray[Any]]
Values = Sequence[Any]


class Base:
    """The connections of one store. Any thread may use `reading`, one at a time `writing`."""

    def __init__(self, context: StoreContext, opened: Callable[[Connection], None]) -> None:
        """`opened` is called with each new connection of the writer, with its lock held."""
        self.space, self.read_only = context.space, context.read_only
        self.where = shown(context.url)
        self._context, self._opened = context, opened
        self.lock = threading.RLock()
        self._local = threading.local()
        self._made: list[Connection] = []
        self._writer: Connection | None = None

    # ------------------------------------------------------------ connections
    def _connect(self) -> Connection:
        given: dict[str, Any] = {  # Any: as psycopg takes them
            "connect_timeout": CONNECT_S,
            "keepalives_idle": CONNECT_S,
            "tcp_user_timeout": SILENT_MS,
            "application_name": "armillary",
            "autocommit": True,
        }
        secret = self._context.secret()
        said = conninfo_to_dict(self._context.url)
        if secret:
            given["password"] = secret
            if "sslmode" not in said and str(said.get("host", "")) not in LOCAL:
                given["sslmode"] = "require"  # a password never goes in the open
        connection: Connection = psycopg.connect(self._context.url, **given)
        try:
            connection.execute(f"SET search_path TO {self.space}, public")
            connection.execute("SET synchronous_commit = on")
            connection.execute("SET max_parallel_workers_per_gather = 0")  # keeps rows in order
            connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
            connection.execute("SET bytea_output = 'hex'")
            if self.read_only:
                connection.execute("SET default_transaction_read_only = on")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give this thread's connection; an error of the server becomes a StoreFault."""
        held: Connection | None = getattr(self._local, "connection", None)
        try:
            if held is None or held.closed:
                held = self._local.connection = self._connect()
                with self.lock:
                    self._made = [one for one in self._made if not one.closed] + [held]
            yield held
        except psycopg.Error as error:
            raise self._fault(error, "read") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the writer's connection inside one transaction, on disk when this ends; undone on an error."""
        with self.lock:
            try:
                with self.writer().transaction():
                    yield self.writer()
            except psycopg.Error as error:
                raise self._fault(error, "write") from error

    def writer(self) -> Connection:
        """Return the writer's connection: it holds the lock of this space. Raises StoreFault."""
        if self.read_only:
            raise StoreFault("The history is open read-only.", where=self.where, remedy="Use the recorder.")
        if self._writer is not None and not self._writer.closed:
            return self._writer
        try:
            connection = self._connect()
            key = zlib.crc32(self.space.encode()) - (1 << 31)
            row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, key]).fetchone()
            if row is None or row[0] is not True:
                connection.close()
                raise StoreFault(
                    "Another recorder writes to this history.",
                    where=f"{self.where}, space {self.space}",
                    remedy="End it first, or give historian.space another name.",
                )
            try:
                self._opened(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise self._fault(error, "open") from error
        self._writer = connection
        return connection

    def close(self) -> None:
        """Close all connections."""
        with self.lock:
            for one in (*self._made, *([self._writer] if self._writer is not None else [])):
                with contextlib.suppress(psycopg.Error):
                    one.close()

    # ------------------------------------------------------------ what went wrong
    def _fault(self, error: psycopg.Error, doing: str) -> StoreFault:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
        if isinstance(error, psycopg.errors.DiskFull):
            return StoreFault("The server's disk is full.", where=self.where, remedy="Free some space there.")
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            remedy = f"Let the user make and use the schema {self.space}."
            return StoreFault(f"PostgreSQL refuses it: {text}", where=self.where, remedy=remedy)
        if isinstance(error, psycopg.errors.QueryCanceled):
            remedy = "Ask for less, or look what else the server does."
            return StoreFault("PostgreSQL did not answer in time.", where=self.where, remedy=remedy)
        if any(
            words in text for words in ("authentication", "no password", "no pg_hba.conf", "does not exist")
        ):
            remedy = "Correct historian.url, or its secret: armillary secret set NAME."
            return StoreFault(f"PostgreSQL does not let us in: {text}", where=self.where, remedy=remedy)
        if isinstance(error, psycopg.OperationalError):
            remedy = "It is tried again; what is measured meanwhile is kept and sent then."
            return StoreFault(f"PostgreSQL does not answer: {text}", where=self.where, remedy=remedy)
        return StoreFault(f"PostgreSQL failed to {doing}: {text}", where=self.where, remedy="See its log.")


def columns(connection: Connection, query: str, values: Values, types: Mapping[str, str]) -> Columns:
    """Return a query's columns as arrays. Each is made of one value, so nothing is done for each row here."""
    sent = ", ".join(f"coalesce(string_agg({_SEND[kind]}({name}), ''), '')" for name, kind in types.items())
    cursor = connection.cursor(binary=True)
    cursor.execute(f"SELECT {sent} FROM ({query}) AS rows", values)  # noqa: S608 - ours
    row = cursor.fetchone()
    found = row if row is not None else (b"",) * len(types)
    return {
        name: np.frombuffer(data if isinstance(data, bytes) else b"", f">{kind}").astype(f"={kind}")
        for (name, kind), data in zip(types.items(), found, strict=True)
    }


def shown(url: str) -> str:
    """Return where a server is, for people."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'this machine'}:{parts.port or 5432}{parts.path}"
