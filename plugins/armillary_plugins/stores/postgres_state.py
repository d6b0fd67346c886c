"""What a history in PostgreSQL knows of itself: its tags, its extent, its parts, its words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from armillary.api import U4
from armillary_plugins.stores import kit, postgres_tables
from armillary_plugins.stores.buckets import MINUTE
from armillary_plugins.stores.kit import Names
from armillary_plugins.stores.postgres_tables import Connection

OTHER = "sample_other"  # the part of times that have no month of their own
_STATE = "SELECT rolled, hours, n, word, samples, first, last FROM state"


def names(connection: Connection) -> Names:
    """Return ids and units of the tags."""
    rows = connection.execute("SELECT id, name, unit FROM tag ORDER BY id").fetchall()
    return kit.names_of([(int(str(id_)), str(name), str(unit)) for id_, name, unit in rows])


def state(connection: Connection) -> tuple[int, ...]:
    """Return (rolled, hours, n, word, samples, first, last)."""
    row = connection.execute(_STATE).fetchone()
    return tuple(int(str(value)) for value in row) if row is not None else (0,) * 7


def advance(
    connection: Connection, rows: int, words: int, samples: int, first: int | None, last: int | None
) -> None:
    """Count what one append brought. `first`, `last`: of its samples, None for none."""
    connection.execute(
        "UPDATE state SET n = n + %s, word = word + %s, samples = samples + %s, "
        "first = CASE WHEN samples = 0 THEN coalesce(%s::int8, 0) ELSE least(first, %s::int8) END, "
        "last = CASE WHEN samples = 0 THEN coalesce(%s::int8, 0) ELSE greatest(last, %s::int8) END",
        [rows, words, samples, first, first, last, last],
    )


def counted(connection: Connection, gone: int, ids: U4) -> None:
    """Write how many samples are left, and between when: one step down the index for each tag."""
    ends = (
        "SELECT min(f.t), max(l.t) FROM unnest(%s::int4[]) AS a(id) "
        "CROSS JOIN LATERAL (SELECT t FROM sample WHERE id = a.id ORDER BY t LIMIT 1) f "
        "CROSS JOIN LATERAL (SELECT t FROM sample WHERE id = a.id ORDER BY t DESC LIMIT 1) l"
    )
    row = connection.execute(ends, [ids.tolist()]).fetchone()
    first, last = row if row is not None else (None, None)
    connection.execute(
        "UPDATE state SET samples = samples - %s, first = %s, last = %s", [gone, first or 0, last or 0]
    )


def parts(connection: Connection) -> set[str]:
    """Return the names of the parts that samples are in."""
    rows = connection.execute("SELECT relid::text FROM pg_partition_tree('sample') WHERE isleaf").fetchall()
    return {str(row[0]).rpartition(".")[2] for row in rows}


def dropped(connection: Connection, before_ns: int, marks: U4) -> int:
    """Drop the months that end before a time, which costs nothing; return how many samples they had."""
    gone = 0
    if OTHER not in (held := parts(connection)):  # TimescaleDB has chunks of its own
        return 0
    for name in sorted(held - {OTHER}):
        year, month = map(int, name.removeprefix("sample_").split("_"))
        if postgres_tables.month_end(year, month) > before_ns:
            continue
        row = connection.execute(
            f"SELECT count(*) FROM {name} WHERE id <> ALL(%s::int4[])",  # noqa: S608
            [marks.tolist()],
        ).fetchone()
        gone += int(str(row[0])) if row is not None else 0
        connection.execute(f"DROP TABLE {name}")
    return gone


def forget(connection: Connection, before_ns: int, tags: U4, marks: U4, rolled: int) -> int:
    """Remove what is older than a time of some tags and marks; return how many samples went."""
    gone = 0
    for table, ids in (("sample", marks), ("minute", tags), ("hour", tags), ("redo", tags), ("sample", tags)):
        done = connection.execute(
            f"DELETE FROM {table} WHERE t < %s AND id = ANY(%s::int4[])",  # noqa: S608 - ours
            [before_ns, ids.tolist()],
        )
        gone = done.rowcount  # the last ones are the samples
    minute = before_ns - before_ns % MINUTE
    if minute < rolled:  # what is cut in two is made anew of what is left of it
        connection.execute(
            "INSERT INTO redo SELECT id, %s FROM unnest(%s::int4[]) AS a(id) ON CONFLICT DO NOTHING",
            [minute, tags.tolist()],
        )
    return gone


def texts(connection: Connection, words: npt.NDArray[Any]) -> dict[int, str]:
    """Return the texts of rows, by row. `words`: row of `word`, 0 = none."""
    rows = np.flatnonzero(words)
    if not len(rows):
        return {}
    wanted = np.unique(words[rows]).tolist()
    found = connection.execute("SELECT id, text FROM word WHERE id = ANY(%s::int4[])", [wanted]).fetchall()
    held = {int(str(id_)): bytes_of(text).decode("utf-8", "surrogatepass") for id_, text in found}
    return {int(row): held[int(words[row])] for row in rows}


def bytes_of(data: object) -> bytes:
    """Return a bytea as it came."""
    return data if isinstance(data, bytes) else b""
