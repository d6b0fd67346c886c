"""Edits that could not be saved, kept beside the user's own files: often another disk than the project's."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from armillary.model import files, places
from armillary.model.fault import Fault
from armillary.model.message import SaveBindings


def _place(project: Path) -> Path | None:
    try:
        folder = places.logs().parent / "kept"
    except Fault:
        return None
    return folder / f"{project.name}-{hashlib.sha256(str(project).encode()).hexdigest()[:12]}.json"


def keep(project: Path, edit: SaveBindings) -> Path | None:
    """Add an edit to those of a project that are kept; return the file, None where it has no room either."""
    path = _place(project)
    if path is None:
        return None
    edits = [*(e for e in kept(project) if e != edit), edit]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, msgspec.json.encode(edits))
    except OSError:
        return None
    return path


def kept(project: Path) -> list[SaveBindings]:
    """Return the edits of a project that are kept, in the order they were made."""
    path = _place(project)
    if path is None:
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[SaveBindings])
    except (OSError, msgspec.MsgspecError):
        return []


def file_of(project: Path) -> Path | None:
    """Return the file of kept edits of a project, None when there is none."""
    path = _place(project)
    return path if path is not None and path.exists() else None


def saved(project: Path, edit: SaveBindings) -> None:
    """Forget an edit: it was saved after all."""
    path = _place(project)
    if path is None or not path.exists():
        return
    left = [e for e in kept(project) if e != edit]
    with contextlib.suppress(OSError):
        if left:
            path.write_bytes(msgspec.json.encode(left))
        else:
            path.unlink()
