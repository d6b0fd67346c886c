"""A historian's file that cannot be read is moved aside, under a name that says when, and never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from armillary.history.parts import Segment
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord

REMEDY = (
    "Nothing in it was changed. What it holds can be shown again when a backup, or the file repaired with "
    "DuckDB, is put in the place of the new one while nothing records."
)


def log_of(path: Path) -> Path:
    """Return the file beside a store's that holds what was not yet written into it."""
    return path.with_name(f"{path.name}.wal")


def move(path: Path, why: str, now_ns: int) -> FaultRecord:
    """Move a damaged store aside, or its log alone where that is what is damaged; return what to say.

    Raises OSError when the folder may not be written.
    """
    log = log_of(path)
    is_log = log.exists() and path.exists() and "wal file" in why.lower()
    stamp = datetime.fromtimestamp(now_ns / NS, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    named = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    if not is_log and path.exists():
        path.rename(named)
    if log.exists():
        log.rename(log_of(named))
    if is_log:
        what = "The newest part of the history cannot be read: moved aside, the rest goes on."
        return FaultRecord(kind="StoreFault", what=what, where=str(log_of(named)), remedy=REMEDY)
    what = "The history cannot be read: moved aside, a new file was begun."
    return FaultRecord(kind="StoreFault", what=what, where=str(named), remedy=REMEDY)


SEGMENT_REMEDY = (
    "Nothing in it was changed. Days before and after it are shown as ever, and its hours stay. "
    "Put its file from a backup beside the others, under its old name, and start the recorder again."
)


def move_segment(folder: Path, segment: Segment) -> FaultRecord:
    """Move the files of a damaged segment aside; return what to say."""
    for name in segment.names:
        path = folder / name
        if path.exists():
            path.rename(path.with_name(f"{name}.damaged"))
    where = folder / f"{segment.names[0]}.damaged"
    what = f"History {segment.day} cannot be read: moved aside, the rest goes on."
    return FaultRecord(kind="StoreFault", what=what, where=str(where), remedy=SEGMENT_REMEDY)


def segment_left(folder: Path, segment: Segment) -> FaultRecord:
    """Return what to say of a damaged segment that may not be moved."""
    what = f"History {segment.day} cannot be read: it is left out."
    where = str(folder / segment.names[0])
    return FaultRecord(kind="StoreFault", what=what, where=where, remedy=SEGMENT_REMEDY)
