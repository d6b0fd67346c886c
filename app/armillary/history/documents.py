"""Documents kept beside samples: what a project was at a time, small, by kind, key and time."""

from __future__ import annotations

import hashlib

import duckdb

from armillary.model.fault import StoreFault

MAX_BYTES = 64 * 1024 * 1024  # of one document


def keep(cursor: duckdb.DuckDBPyConnection, kind: str, key: str, t_ns: int, data: bytes) -> None:
    """Write one document; what is there already, with the same time, is left as it is. Raises StoreFault."""
    if len(data) > MAX_BYTES:
        raise StoreFault(
            f"A document of {len(data) / 1e6:.0f} MB is not kept beside the samples.",
            where=f"{kind} {key}",
            remedy=f"At most {MAX_BYTES / 1e6:.0f} MB are.",
        )
    digest = hashlib.sha256(data).hexdigest()
    if not cursor.execute("SELECT 1 FROM content WHERE digest = $1", [digest]).fetchall():
        cursor.execute("INSERT INTO content VALUES ($1, $2::BLOB)", [digest, data])
    row = [kind, key, t_ns, digest]
    same = "SELECT 1 FROM document WHERE kind = $1 AND key = $2 AND t = $3 AND digest = $4"
    if not cursor.execute(same, row).fetchall():
        cursor.execute("INSERT INTO document VALUES ($1, $2, $3, $4)", row)


def kept(cursor: duckdb.DuckDBPyConnection, kind: str, t_ns: int, key: str) -> tuple[str, int, bytes] | None:
    """Return (key, time, contents) of the newest of a kind at or before a time; `key`: of this key only."""
    row = cursor.execute(
        "SELECT key, t, data FROM document JOIN content USING (digest) "
        "WHERE kind = $1 AND t <= $2 AND ($3 = '' OR key = $3) ORDER BY t DESC, document.rowid DESC LIMIT 1",
        [kind, t_ns, key],
    ).fetchone()
    return (str(row[0]), int(row[1]), bytes(row[2])) if row is not None else None


def listed(cursor: duckdb.DuckDBPyConnection, kind: str, from_ns: int, to_ns: int) -> list[tuple[str, int]]:
    """Return (key, time) of those of a kind from ≤ t < to, in order."""
    rows = cursor.execute(
        "SELECT key, t FROM document WHERE kind = $1 AND t >= $2 AND t < $3 ORDER BY t, rowid",
        [kind, from_ns, to_ns],
    ).fetchall()
    return [(str(key), int(t)) for key, t in rows]
