"""A stage: samples on their way between the historian and files, held in a database of their own.

It lies in a folder that goes away with it and is bounded in memory: what does not fit is sorted on disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.fault import StoreFault

MEMORY = "512MB"
_TABLES = """
CREATE TABLE signal(id UINTEGER, name VARCHAR, unit VARCHAR);
CREATE TABLE line(
    id UINTEGER, t BIGINT, arr BIGINT, v DOUBLE, s VARCHAR, q USMALLINT, raw UINTEGER);
"""
# v: NULL where there is no number. arr: NULL where the arrival is not known. s: NULL where it is no text.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Samples of signals, n rows; `text` is "" where a value is a number."""

    signal: U4  # (n,) ids of the stage
    t_ns: I8  # (n,) source time
    arrival_ns: I8  # (n,) = t_ns where it is not known
    value: F8  # (n,) NaN where there is no number
    quality: U2  # (n,)
    status: U4  # (n,)
    text: dict[int, str]

    def __len__(self) -> int:
        return len(self.signal)


def quoted(text: str | Path) -> str:
    """Return a text as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def named(text: str) -> str:
    """Return a text as a name of SQL."""
    return '"' + text.replace('"', '""') + '"'


class Stage:
    """Samples and the signals that they are of. One thread. Raises StoreFault when the disk is full."""

    def __init__(self, parent: Path | None = None) -> None:
        """`parent`: a folder with room for all of it; without one the system's for temporary files."""
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="armillary-", dir=parent)
        except OSError as error:
            raise StoreFault(
                f"There is no room to prepare the samples: {error.strerror}.",
                where=str(parent or tempfile.gettempdir()),
                remedy="Free some space, or set TMPDIR to a folder that has some.",
            ) from error
        self.folder = Path(self._folder.name)
        import duckdb

        self.connection = duckdb.connect(
            str(self.folder / "stage.duckdb"),
            config={
                "threads": 2,
                "memory_limit": MEMORY,
                "temp_directory": str(self.folder / "sorting"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self.connection.execute(_TABLES)
        self.twice = 0
        self.connection.execute("SET checkpoint_threshold = '256MB'")

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()
        self._folder.cleanup()

    # ------------------------------------------------------------ signals
    def enter(self, names: Sequence[str], units: Sequence[str]) -> U4:
        """Add signals and return their ids, from 1; each name once."""
        first = self.scalar("SELECT coalesce(max(id), 0) FROM signal") + 1
        ids = list(range(first, first + len(names)))
        self.connection.execute(
            "INSERT INTO signal SELECT unnest($1::UINTEGER[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[])",
            [ids, list(names), list(units)],
        )
        return np.array(ids, np.uint32)

    def signals(self) -> list[tuple[int, str, str]]:
        """Return (id, name, unit) of all signals by name."""
        rows = self.connection.execute("SELECT id, name, unit FROM signal ORDER BY name").fetchall()
        return [(int(i), str(n), str(u)) for i, n, u in rows]

    # ------------------------------------------------------------ samples
    def add(self, rows: Rows) -> None:
        """Add samples. Of two of one signal and time the one that was added last counts."""
        n = len(rows)
        if not n:
            return
        text = np.full(n, None, np.object_)
        for row, words in rows.text.items():
            text[row] = words
        self.connection.register(
            "incoming",
            {
                "id": np.ascontiguousarray(rows.signal),
                "t": np.ascontiguousarray(rows.t_ns),
                "arr": np.ascontiguousarray(rows.arrival_ns),
                "v": np.ascontiguousarray(rows.value),  # DuckDB takes NaN for NULL: what it is to be
                "s": text,
                "q": np.ascontiguousarray(rows.quality),
                "raw": np.ascontiguousarray(rows.status),
            },
        )
        try:
            self.run("INSERT INTO line SELECT id, t, arr, v, s, q, raw FROM incoming")
        finally:
            self.connection.unregister("incoming")

    def in_order(self, most: int) -> Iterator[Rows]:
        """Yield everything by time and signal, at most `most` samples at a time, each time once.

        Of several of one signal and time the one that was added last counts; `twice` counts the others. The
        pieces are the same whenever the same samples were added.
        """
        self.twice = 0
        self.run("CREATE OR REPLACE TABLE sorted AS SELECT * FROM line ORDER BY t, id, rowid")
        total = self.scalar("SELECT count(*) FROM sorted")
        for at in range(0, total, most):
            yield self._rows(at, min(at + most, total))

    def _rows(self, begin: int, end: int) -> Rows:
        """Return rows of the sorted table without those that the next one says again."""
        got = self.connection.execute(
            "SELECT id, t, coalesce(arr, t) AS arr, coalesce(v, 'nan'::DOUBLE) AS v, q, raw FROM sorted "
            "WHERE rowid >= $1 AND rowid <= $2 ORDER BY rowid",
            [begin, end],
        ).fetchnumpy()
        id_, t = np.asarray(got["id"], np.uint32), np.asarray(got["t"], np.int64)
        n = end - begin
        last = np.ones(n, np.bool_)
        again = (id_[1:] == id_[:-1]) & (t[1:] == t[:-1])  # the row after the piece is there, but at the end
        last[: len(again)] = ~again[:n]
        self.twice += int(n - last.sum())
        place = np.cumsum(last) - 1
        texts = self.connection.execute(
            "SELECT rowid - $1, s FROM sorted WHERE rowid >= $1 AND rowid < $2 AND s IS NOT NULL",
            [begin, end],
        ).fetchall()
        return Rows(
            signal=id_[:n][last],
            t_ns=t[:n][last],
            arrival_ns=np.asarray(got["arr"], np.int64)[:n][last],
            value=np.asarray(got["v"], np.float64)[:n][last],
            quality=np.asarray(got["q"], np.uint16)[:n][last],
            status=np.asarray(got["raw"], np.uint32)[:n][last],
            text={int(place[row]): str(words) for row, words in texts if last[row]},
        )

    def extent(self) -> tuple[int, int, int]:
        """Return (samples, first time, last time)."""
        row = self.connection.execute("SELECT count(*), min(t), max(t) FROM line").fetchone()
        return (0, 0, 0) if row is None else (int(row[0]), int(row[1] or 0), int(row[2] or 0))

    def count(self, name: str) -> int:
        """Return how many samples a signal has here."""
        row = self.connection.execute(
            "SELECT count(*) FROM line JOIN signal USING (id) WHERE name = $1", [name]
        ).fetchone()
        return int(row[0]) if row is not None else 0

    def save_rejects(self, path: Path) -> None:
        """Write the rows that were refused, with file, line and reason. Raises StoreFault."""
        import duckdb

        try:
            self.connection.execute(
                "COPY (SELECT file, line, why, cell FROM reject ORDER BY file, line) "  # noqa: S608 - ours
                f"TO {quoted(path)} (FORMAT csv)"
            )
        except duckdb.IOException as error:
            raise StoreFault(
                "The rejected rows cannot be written.",
                where=str(path),
                remedy="Give another path to --rejects.",
            ) from error

    # ------------------------------------------------------------ SQL
    def run(self, sql: str) -> None:
        """Carry out a statement. Raises StoreFault when the disk or the memory does not suffice."""
        import duckdb

        try:
            self.connection.execute(sql)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            if not self._is_room(str(error)):
                raise
            raise StoreFault(
                "There is not enough room to prepare the samples.",
                where=str(self.folder),
                remedy="Free some space, or set TMPDIR to a folder that has some.",
            ) from error

    def scalar(self, sql: str) -> int:
        """Return the one number that a question answers, 0 for none."""
        rows = self.connection.execute(sql).fetchall()
        return int(rows[0][0]) if rows and rows[0][0] is not None else 0

    @staticmethod
    def _is_room(text: str) -> bool:
        lowered = text.lower()
        return any(words in lowered for words in ("no space", "memory", "disk quota", "max_temp_directory"))
