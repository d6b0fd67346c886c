"""A store's copy in another folder, made while it is written, and put back in its place.

A backup is `backup.json` and what it names: the store's file under a name of its own, and the segments, which
never change: those that an earlier backup copied are not copied again. `backup.json` is replaced last, so a
backup that was cut off is the one before it. Putting it back is noted in a file first and finished by whoever
opens the store next, so that a crash leaves the old history or the restored one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from armillary.history import sealing, shelf
from armillary.history.aside import log_of
from armillary.history.parts import View
from armillary.model import files
from armillary.model.clock import NS
from armillary.model.fault import StoreFault

MANIFEST, SCHEMA = "backup.json", 1
SEGMENTS = "segments"
STAGED, PLAN = "restoring", "restoring.json"  # beside the store's file
_COPY = ".backup.duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a backup holds."""

    t_ns: int
    samples: int
    bytes: int
    copied: int  # bytes that this time were copied


# ------------------------------------------------------------ making one
def make(cursor: duckdb.DuckDBPyConnection, view: View, folder: Path, t_ns: int, samples: int) -> Saved:
    """Write a backup of what a reader sees. Raises duckdb.Error, OSError, StoreFault."""
    old = _manifest(folder, missing={})
    if not old and folder.exists() and any(folder.iterdir()):
        raise StoreFault(
            "The folder holds something else than a backup.", where=str(folder), remedy="Give an empty one."
        )
    (folder / SEGMENTS).mkdir(parents=True, exist_ok=True)
    stamp = datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m-%dT%H%M%S.%f")
    held = {f"history-{stamp}.duckdb": _store_file(cursor, view, folder / f"history-{stamp}.duckdb")}
    copied = held[f"history-{stamp}.duckdb"]["bytes"]
    for segment in view.segments:
        crcs = {segment.samples_name: segment.crc, segment.minutes_name: segment.minutes_crc}
        for name in segment.names:
            entry = {"bytes": (view.folder / name).stat().st_size, "crc": crcs[name]}
            held[f"{SEGMENTS}/{name}"] = entry
            if old.get(f"{SEGMENTS}/{name}") != entry or not (folder / SEGMENTS / name).exists():
                _copied(view.folder / name, folder / SEGMENTS / name)
                copied += entry["bytes"]
    out = Saved(t_ns=t_ns, samples=samples, bytes=sum(e["bytes"] for e in held.values()), copied=copied)
    text = json.dumps({"schema": SCHEMA, "t_ns": t_ns, "samples": samples, "files": held}, indent=1)
    files.replace(folder / MANIFEST, text.encode())
    for path in (*folder.glob("history-*.duckdb"), *(folder / SEGMENTS).iterdir()):
        if path.relative_to(folder).as_posix() not in held:
            path.unlink()
    return out


def _store_file(cursor: duckdb.DuckDBPyConnection, view: View, to: Path) -> dict[str, int]:
    """Copy the store's own file as the reader sees it; appends go on meanwhile."""
    view.folder.mkdir(parents=True, exist_ok=True)
    copy = view.folder / _COPY
    copy.unlink(missing_ok=True)
    log_of(copy).unlink(missing_ok=True)
    ((own,),) = cursor.execute("SELECT current_database()").fetchall()
    quoted = str(copy).replace("'", "''")
    try:
        cursor.execute(f"ATTACH '{quoted}' AS backup_copy")
        try:
            cursor.execute(f'COPY FROM DATABASE "{own}" TO backup_copy')
        finally:
            cursor.commit()
            cursor.execute("DETACH backup_copy")
        _copied(copy, to)
    finally:
        copy.unlink(missing_ok=True)
        log_of(copy).unlink(missing_ok=True)
    return {"bytes": to.stat().st_size, "crc": sealing.crc_of(to)}


def _copied(source: Path, to: Path) -> None:
    half = to.with_name(f".{to.name}.new")
    try:
        shutil.copyfile(source, half)
        sealing.synced(half)
        half.replace(to)
    finally:
        half.unlink(missing_ok=True)


def _manifest(folder: Path, missing: Mapping[str, dict[str, int]] | None = None) -> dict[str, dict[str, int]]:
    """Return the files of a backup, with bytes and CRC. Raises StoreFault."""
    try:
        held = json.loads((folder / MANIFEST).read_bytes())
        if held["schema"] > SCHEMA:
            raise StoreFault(
                f"The backup is of version {held['schema']}; this Armillary knows {SCHEMA}.",
                where=str(folder),
                remedy="Update Armillary.",
            )
        return {str(name): dict(entry) for name, entry in held["files"].items()}
    except FileNotFoundError:
        if missing is not None:
            return dict(missing)
        raise StoreFault(
            "There is no backup.", where=str(folder), remedy="Give the folder that a backup was made in."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreFault(
            "The backup cannot be read.", where=str(folder / MANIFEST), remedy="Use another backup."
        ) from error


# ------------------------------------------------------------ putting one back
def stage(folder: Path, path: Path) -> int:
    """Copy a backup beside a store's file, checked; return its bytes. Raises StoreFault, OSError."""
    held = _manifest(folder)
    staged = path.with_name(STAGED)
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        for name, entry in held.items():
            source = folder / name
            if not source.exists() or sealing.crc_of(source) != entry["crc"]:
                raise StoreFault(
                    f"The backup is damaged: {name} is not what was written.",
                    where=str(source),
                    remedy="Use another backup. The history was not changed.",
                )
            inside = name.startswith(f"{SEGMENTS}/")
            to = staged / path.stem / Path(name).name if inside else staged / path.name
            to.parent.mkdir(exist_ok=True)
            _copied(source, to)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return sum(entry["bytes"] for entry in held.values())


def plan(path: Path, t_ns: int) -> Path:
    """Note that what is staged takes the place of the history; return the folder for the present one."""
    stamp = datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    aside = path.with_name(f"{path.stem}.before-restore-{stamp}")
    files.replace(path.with_name(PLAN), json.dumps({"schema": SCHEMA, "aside": aside.name}).encode())
    return aside


def finish(path: Path) -> bool:
    """Put what was planned in place, as far as it is not yet; return whether there was a plan.

    Nobody may have the store open. Raises OSError, StoreFault.
    """
    note, staged = path.with_name(PLAN), path.with_name(STAGED)
    if not note.exists():
        return False
    try:
        aside = path.with_name(str(json.loads(note.read_bytes())["aside"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreFault(
            "A restore was begun and its note cannot be read.", where=str(note), remedy="Remove the note."
        ) from error
    aside.mkdir(exist_ok=True)
    old = (path, log_of(path), path.with_name(path.stem))
    if (staged / path.name).exists():  # else this was done, and what stands there is the restored one
        for one in old:
            if one.exists() and not (aside / one.name).exists():
                one.rename(aside / one.name)
        if (staged / path.stem).exists():
            (staged / path.stem).rename(path.with_name(path.stem))
        (staged / path.name).rename(path)  # the last: until then all of it can be done again
    sealing.synced(path.parent)
    shutil.rmtree(staged, ignore_errors=True)
    note.unlink()
    return True


def tags_of(cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the tags beside the segments anew; a backup does not hold that file."""
    if folder.is_dir():
        rows = cursor.execute("SELECT id, name, unit FROM tag ORDER BY id").fetchall()
        shelf.write_tags(folder, [(int(id_), str(name), str(unit)) for id_, name, unit in rows])


def room_for(folder: Path, size: int) -> None:
    """Raise StoreFault where a disk has no room for some bytes."""
    at = folder
    while not at.exists():
        at = at.parent
    found = os.statvfs(at)
    if found.f_bavail * found.f_frsize < size:
        raise StoreFault(
            f"There is no room for {size / 1e6:.0f} MB.", where=str(folder), remedy="Free some space there."
        )
