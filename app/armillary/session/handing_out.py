"""A saved procedure handed out from a desk, by a process of its own that draws its pictures."""

from __future__ import annotations

from pathlib import Path

from armillary.model import places
from armillary.wire import child

LIMIT_S = 300.0
ENTRY = "cli.handout"


def hand_out(project: Path, procedure: str, folder: Path) -> str:
    """Write the model and the page of a procedure into a folder; returns what to say. Raises Fault.

    Blocks: it is work for another thread. Files that are there are not written over.
    """
    args = {"project": str(project), "procedure": procedure, "folder": str(folder), "force": False}
    process = child.start(ENTRY, args, places.logs() / "handout.log")
    try:
        told = process.ready(LIMIT_S)
    finally:
        process.stop(1.0)
    notes = told.get("notes")
    more = f" {'; '.join(map(str, notes))}" if isinstance(notes, list) and notes else ""
    return f"Exported: {told.get('page')}.{more}"
