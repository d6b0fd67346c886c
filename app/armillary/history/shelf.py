"""The list of a store's parts: read from its file, made good after a crash, and written with each change."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from armillary.history import sealing
from armillary.history.parts import NAME, Hot, Segment, View, quoted
from armillary.model import files
from armillary.model.clock import NS

TAGS_FILE = "tags.json"  # beside the segments: they are readable without the store's own file
TAGS_SCHEMA = 1
HOUR_NS, DAY_NS = 3_600 * NS, 86_400 * NS
_HALF_DONE = (".*.new", f".{TAGS_FILE}.*", ".backup.duckdb*", ".rewritten.duckdb*")  # what a kill leaves
_SEGMENT = "seq, day_ns, first_ns, last_ns, rows, raw, minutes, crc, minutes_crc"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a folder of segments holds that the store's file does not know."""

    adopted: tuple[Segment, ...]
    removed: tuple[str, ...]  # begun and never finished, or replaced


def read(cursor: duckdb.DuckDBPyConnection, folder: Path, schema: int) -> View:
    """Return the parts that a store's file lists."""
    if schema == 1:  # an old file that may only be read
        return View(folder=folder, hots=(Hot(table="sample"),), rolled=False)
    rows = cursor.execute(f"SELECT {_SEGMENT} FROM segment ORDER BY seq").fetchall()  # noqa: S608 - ours
    names = _SEGMENT.split(", ")
    hots = cursor.execute("SELECT number, floor_ns FROM hot ORDER BY number").fetchall()
    return View(
        folder=folder,
        segments=tuple(Segment(**dict(zip(names, row, strict=True))) for row in rows),
        hots=tuple(Hot(table=f"hot_{number}", floor_ns=int(floor)) for number, floor in hots),
    )


def number_of(hot: Hot) -> int:
    """Return the number of a hot table."""
    return int(hot.table.removeprefix("hot_"))


# ------------------------------------------------------------ changes, within a transaction of the caller
def enter(cursor: duckdb.DuckDBPyConnection, folder: Path, new: Segment) -> None:
    """List a segment, with its hours and days."""
    values = [getattr(new, name) for name in _SEGMENT.split(", ")]
    cursor.execute(
        f"INSERT INTO segment VALUES ({', '.join(f'${i + 1}' for i in range(len(values)))})",  # noqa: S608
        values,
    )
    if not new.minutes:
        return
    table = f"read_parquet({quoted(folder / new.minutes_name)})"
    for name, width in (("hour", HOUR_NS), ("day", DAY_NS)):
        cursor.execute(f"DELETE FROM {name} WHERE seq = $1", [new.seq])  # noqa: S608 - ours
        cursor.execute(
            f"INSERT INTO {name} SELECT {new.seq}, {sealing.ROLLED} "  # noqa: S608 - ours
            f"FROM ({sealing.again(table, width)}) ORDER BY id, t"
        )


def strike(cursor: duckdb.DuckDBPyConnection, old: Segment, *, hours: bool = True) -> None:
    """Take a segment off the list; its files are to be removed. hours: its hours and days go too."""
    cursor.execute("DELETE FROM segment WHERE seq = $1", [old.seq])
    if hours:
        cursor.execute("DELETE FROM hour WHERE seq = $1", [old.seq])
        cursor.execute("DELETE FROM day WHERE seq = $1", [old.seq])
    retire(cursor, old.names)


def retire(cursor: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> None:
    """Note files that are to be removed once nobody reads them."""
    for name in names:
        cursor.execute("INSERT INTO retired VALUES ($1)", [name])


def next_seq(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the next segment: never one that was on the list before."""
    row = cursor.execute("SELECT value FROM about WHERE key = 'next_seq'").fetchone()
    return int(row[0]) if row is not None else 1


def used(cursor: duckdb.DuckDBPyConnection, seq: int) -> None:
    """Note that a number was given."""
    cursor.execute("DELETE FROM about WHERE key = 'next_seq'")
    cursor.execute("INSERT INTO about VALUES ('next_seq', $1)", [str(seq + 1)])


# ------------------------------------------------------------ after a crash
def left(cursor: duckdb.DuckDBPyConnection, view: View) -> Left:
    """Look through the folder of the segments; removes nothing and lists nothing yet."""
    if not view.folder.is_dir():
        return Left(adopted=(), removed=())
    known = {name for segment in view.segments for name in segment.names}
    gone = {str(name) for (name,) in cursor.execute("SELECT name FROM retired").fetchall()}
    limit = next_seq(cursor)
    is_new = bool(cursor.execute("SELECT 1 FROM about WHERE key = 'new'").fetchall())  # the old one was lost
    found: dict[int, dict[str, str]] = {}
    removed = [path.name for pattern in _HALF_DONE for path in view.folder.glob(pattern)]
    for name in sorted(path.name for path in view.folder.iterdir()):
        match = NAME.fullmatch(name)
        if match is None or name in known:
            continue
        if name in gone or (int(match[2]) >= limit and not is_new):
            removed.append(name)
        else:
            found.setdefault(int(match[2]), {})[match[3]] = name
    adopted: list[Segment] = []
    superseded: set[int] = set()
    for seq, names in sorted(found.items(), reverse=True):
        if seq in superseded:
            removed += names.values()
            continue
        try:
            adopted.append(described(cursor, view.folder, seq, names))
            superseded.update(sealing.replaced(cursor, view.folder / min(names.values())))
        except (duckdb.Error, OSError) as error:  # it stays where it is
            _log.info("%s is no segment that can be read: %s", ", ".join(names.values()), error)
    return Left(adopted=tuple(reversed(adopted)), removed=tuple(removed))


def described(cursor: duckdb.DuckDBPyConnection, folder: Path, seq: int, names: dict[str, str]) -> Segment:
    """Return what the files of a segment hold. Raises duckdb.Error, OSError, ValueError."""
    one = next(iter(names.values()))
    day = int(datetime.strptime(one[:10], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * NS
    out = Segment(
        seq=seq, day_ns=day, first_ns=day, last_ns=day + DAY_NS - 1, rows=0, raw=False, minutes=False
    )
    if "samples" in names:
        path = folder / names["samples"]
        rows = cursor.execute(f"SELECT count(*), min(t), max(t) FROM read_parquet({quoted(path)})")  # noqa: S608
        ((count, first, last),) = rows.fetchall()
        out = replace(out, rows=int(count), first_ns=int(first), last_ns=int(last), raw=True)
        out = replace(out, crc=sealing.crc_of(path))
    if "minutes" in names:
        out = replace(out, minutes=True, minutes_crc=sealing.crc_of(folder / names["minutes"]))
    return out


# ------------------------------------------------------------ tags beside the segments
def write_tags(folder: Path, tags: list[tuple[int, str, str]]) -> None:
    """Write which id is which tag beside the segments. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": TAGS_SCHEMA, "tags": tags}, ensure_ascii=False, indent=0)
    files.replace(folder / TAGS_FILE, text.encode())


def read_tags(folder: Path) -> list[tuple[int, str, str]]:
    """Return which id is which tag; nothing where that cannot be read."""
    try:
        held = json.loads((folder / TAGS_FILE).read_bytes())
        if held["schema"] != TAGS_SCHEMA:
            raise ValueError(f"version {held['schema']}")
        return [(int(id_), str(name), str(unit)) for id_, name, unit in held["tags"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.info("%s cannot be read: %s", folder / TAGS_FILE, error)
        return []
