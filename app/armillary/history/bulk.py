"""A whole past written at once: segments in a folder of their own, to be taken into a store in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import numpy as np

from armillary.history import sealing, shelf
from armillary.history.parts import DAY_NS, NAME, Segment
from armillary.model.arrays import F8, I8, U4
from armillary.model.fault import StoreFault

THREADS, MEMORY = 1, "384MB"  # others have the machine
_NUMBERS = (
    "SELECT id, t, coalesce(value, 'nan'::DOUBLE) AS value, 0::BIGINT AS lag, 0::USMALLINT AS quality, "
    "0::UTINYINT AS flags, 0::UINTEGER AS status, NULL::VARCHAR AS text, 0 AS part, row FROM numbers"
)
_TEXTS = (
    "SELECT id, t, 'nan'::DOUBLE AS value, 0::BIGINT AS lag, 0::USMALLINT AS quality, "
    "0::UTINYINT AS flags, 0::UINTEGER AS status, text, 0 AS part, row FROM texts"
)


class Bulk:
    """Writes one segment a UTC day; what is given comes in the order of time. Raises StoreFault."""

    def __init__(self, folder: Path) -> None:
        """folder: empty or not there."""
        self._folder = folder
        self._cursor = duckdb.connect(":memory:", config={"threads": THREADS, "memory_limit": MEMORY})
        self._parts: list[tuple[I8, U4, F8, Mapping[int, Sequence[str]]]] = []
        self._day = -(2**62)
        self.samples = 0
        self.segments: list[Segment] = []

    def __enter__(self) -> Bulk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cursor.close()

    def add(self, t_ns: I8, ids: U4, value: F8, text: Mapping[int, Sequence[str]]) -> None:
        """Take n moments of k tags, GOOD. value: (k, n), NaN for texts; text: (n,) by id."""
        edges = np.flatnonzero(np.diff(t_ns // DAY_NS, prepend=-1)).tolist()
        for a, b in zip(edges, [*edges[1:], len(t_ns)], strict=True):
            day = int(t_ns[a]) // DAY_NS
            if day != self._day:
                self.flush()
                self._day = day
            self._parts.append((t_ns[a:b], ids, value[:, a:b], {i: rows[a:b] for i, rows in text.items()}))

    def flush(self) -> None:
        """Write the day that was begun."""
        if not self._parts:
            return
        try:
            self._write()
        except (duckdb.Error, OSError) as error:
            raise StoreFault(
                f"A day of the history cannot be written: {str(error)[:200]}.",
                where=str(self._folder),
                remedy="Check the folder's permissions and the room on its disk.",
            ) from error
        self._parts = []

    def _write(self) -> None:
        number: list[tuple[U4, I8, F8]] = []
        words: list[tuple[int, I8, Sequence[str]]] = []
        for t_ns, ids, value, text in self._parts:
            plain = ~np.isin(ids, list(text))
            number.append(
                (np.repeat(ids[plain], len(t_ns)), np.tile(t_ns, int(plain.sum())), value[plain].ravel())
            )
            words += [(id_, t_ns, rows) for id_, rows in text.items()]
        columns = {
            "id": np.concatenate([each[0] for each in number]),
            "t": np.concatenate([each[1] for each in number]),
            "value": np.concatenate([each[2] for each in number]),
        }
        columns["row"] = np.arange(len(columns["id"]), dtype=np.int64)
        self._cursor.register("numbers", columns)
        source = _NUMBERS
        if words:
            said = {
                "id": np.concatenate([np.full(len(t), id_, np.uint32) for id_, t, _ in words]),
                "t": np.concatenate([t for _, t, _ in words]),
                "text": np.array([text for _, _, rows in words for text in rows], object),
            }
            said["row"] = np.arange(len(said["id"]), dtype=np.int64)
            self._cursor.register("texts", said)
            source = f"{_NUMBERS} UNION ALL {_TEXTS}"
        new = Segment(
            seq=len(self.segments) + 1, day_ns=self._day * DAY_NS, first_ns=0, last_ns=0, rows=0, raw=False
        )
        made = sealing.make(self._cursor, self._folder, f"({source})", "true", new, [])
        self._cursor.unregister("numbers")
        if words:
            self._cursor.unregister("texts")
        if made is not None:
            self.segments.append(made)
            self.samples += made.rows


def moved(cursor: duckdb.DuckDBPyConnection, given: Path, folder: Path, first: int) -> list[Segment]:
    """Move the segments of a folder of `Bulk` under numbers of a store; return them as they are now.

    Nobody reads them yet. Raises duckdb.Error, OSError; what was moved by then goes away.
    """
    found: dict[int, dict[str, str]] = {}
    for path in given.iterdir():
        if (match := NAME.fullmatch(path.name)) is not None:
            found.setdefault(int(match[2]), {})[match[3]] = path.name
    out: list[Segment] = []
    there: list[Path] = []
    try:
        for seq, (_, names) in enumerate(sorted(found.items()), first):
            now = {}
            for kind, name in names.items():
                now[kind] = f"{name[:10]}.{seq:06}.{kind}.parquet"
                (given / name).rename(folder / now[kind])
                there.append(folder / now[kind])
            out.append(shelf.described(cursor, folder, seq, now))  # the store reads in its own folder only
    except BaseException:
        for path in there:
            path.unlink(missing_ok=True)
        raise
    sealing.synced(folder)
    return out
