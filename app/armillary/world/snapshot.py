"""Snapshot files: the whole state of a world at a moment, with a version and a checksum.

One line of JSON (what it is, how long, SHA-256), then the parts of the record as `wire.codec` packs them.
A file is read as a whole or refused as a whole; writing replaces at once.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from armillary.model import files
from armillary.model.clock import iso
from armillary.model.control import SnapshotInfo, StateAnswer
from armillary.model.fault import Fault, ProjectFault
from armillary.model.quality import GOOD, rank
from armillary.project.record import Project
from armillary.wire.codec import pack, unpack

SCHEMA = 1
FORMAT = "armillary snapshot"
SUFFIX = ".snapshot"
FOLDER = "snapshots"  # in the project's private folder
NOT_GOOD_KEPT = 1_000  # names in the head
_HEAD_MOST = 4_000_000  # bytes
_SIZE = struct.Struct("<Q")
_AGAIN = "Take the snapshot again."


def not_good(state: StateAnswer) -> tuple[str, ...]:
    """Return the tags that were not GOOD, in slot order."""
    return tuple(state.tags[row] for row in np.flatnonzero(rank(state.quality) > GOOD).tolist())


def write(state: StateAnswer, folder: Path, taken_ns: int, title: str = "") -> SnapshotInfo:
    """Write a snapshot into a folder and return what it is. Raises ProjectFault when it cannot be written."""
    body = b"".join(_SIZE.pack(memoryview(part).nbytes) + bytes(part) for part in pack(state))
    stamp = re.sub(r"[^0-9TZ]", "", iso(state.t_ns))
    name = f"{stamp}-{re.sub(r'[^A-Za-z0-9-]+', '-', title or state.world).strip('-')[:60] or 'state'}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}{SUFFIX}"
        count = 1
        while path.exists():  # a snapshot is never overwritten: somebody may have forked from it
            count += 1
            path = folder / f"{name}-{count}{SUFFIX}"
        info = SnapshotInfo(
            path=str(path),
            title=title or f"{state.kind} {iso(state.t_ns)}",
            world=state.world,
            kind=state.kind,
            t_ns=state.t_ns,
            taken_ns=taken_ns,
            not_good=not_good(state)[:NOT_GOOD_KEPT],
            tags=len(state.tags),
            project=state.project,
        )
        head = {
            "format": FORMAT,
            "schema": SCHEMA,
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "info": {**asdict(info), "path": path.name},
        }
        files.replace(path, json.dumps(head, ensure_ascii=False).encode() + b"\n" + body)
    except OSError as error:
        raise ProjectFault(
            f"The snapshot cannot be written: {error.strerror}.",
            where=str(folder),
            remedy="Make the folder writable, or free some space.",
        ) from error
    return info


def read(path: Path) -> tuple[SnapshotInfo, StateAnswer]:
    """Return a snapshot, exactly as it was taken.

    Raises ProjectFault for a file that is none, is of a newer version, half written or changed.
    """
    try:
        with path.open("rb") as stream:
            head = _head(stream.readline(_HEAD_MOST), path)
            body = stream.read()
    except OSError as error:
        raise ProjectFault(
            f"The snapshot cannot be read: {error.strerror}.",
            where=str(path),
            remedy="List those there are: armillary snapshot list.",
        ) from error
    if len(body) != head["bytes"]:
        raise ProjectFault(
            f"The snapshot is half written: {len(body)} of {head['bytes']} bytes are there.",
            where=str(path),
            remedy=_AGAIN,
        )
    if hashlib.sha256(body).hexdigest() != head["sha256"]:
        raise ProjectFault(
            "The snapshot was changed after it was taken: its checksum does not fit.",
            where=str(path),
            remedy=_AGAIN,
        )
    parts: list[bytes] = []
    at = 0
    while at + _SIZE.size <= len(body):
        (size,) = _SIZE.unpack_from(body, at)
        at += _SIZE.size
        parts.append(body[at : at + size])
        at += size
    try:
        state = unpack(parts)
    except Fault as fault:
        raise ProjectFault("The snapshot cannot be read.", where=str(path), remedy=_AGAIN) from fault
    if not isinstance(state, StateAnswer):
        raise ProjectFault("The file holds no state.", where=str(path), remedy=_AGAIN)
    return _info(head, path), state


def read_for(path: Path, project: Project) -> StateAnswer:
    """Return a snapshot's state for a project. Raises ProjectFault, also for one of another project."""
    info, state = read(path)
    is_other = bool(state.project and project.id and state.project != project.id)
    if not is_other and state.tags and project.specs:  # one that does not say it may be of anything
        is_other = {spec.name for spec in project.specs}.isdisjoint(state.tags)
    if is_other:
        raise ProjectFault(
            f"The snapshot is of another project: world '{info.world}' at {iso(info.t_ns)}.",
            where=str(path),
            remedy=f"Take one of '{project.name}': armillary snapshot save.",
        )
    return state


def listed(folder: Path) -> tuple[tuple[SnapshotInfo, ...], tuple[ProjectFault, ...]]:
    """Return the snapshots of a folder, newest first, and a fault for each broken one."""
    found: list[SnapshotInfo] = []
    broken: list[ProjectFault] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            with path.open("rb") as stream:
                line = stream.readline(_HEAD_MOST)
                head = _head(line, path)
            if path.stat().st_size != len(line) + head["bytes"]:
                raise ProjectFault("The snapshot is half written.", where=str(path), remedy=_AGAIN)
            found.append(_info(head, path))
        except OSError:
            continue  # gone since it was listed
        except ProjectFault as fault:
            broken.append(fault)
    return tuple(sorted(found, key=lambda i: -i.taken_ns)), tuple(broken)


def _head(line: bytes, path: Path) -> dict[str, Any]:  # Any: parsed JSON, checked here
    """Return the first line of a snapshot. Raises ProjectFault."""
    try:
        head = json.loads(line)
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise ValueError
        schema = head["schema"]
        if schema < 1:
            raise ValueError
        if schema > SCHEMA:
            raise ProjectFault(
                f"The snapshot was written by a newer Armillary (schema {schema}, known is {SCHEMA}).",
                where=str(path),
                remedy="Update Armillary to use it.",
            )
        if not isinstance(head["bytes"], int) or not isinstance(head["info"], Mapping):
            raise ValueError
        _ = head["sha256"]
    except (ValueError, KeyError, TypeError):
        raise ProjectFault(
            "This is no snapshot, or its beginning is damaged.", where=str(path), remedy=_AGAIN
        ) from None
    return head


def _info(head: Mapping[str, Any], path: Path) -> SnapshotInfo:
    known = {name: head["info"][name] for name in SnapshotInfo.__dataclass_fields__ if name in head["info"]}
    try:
        return SnapshotInfo(**{**known, "path": str(path), "not_good": tuple(known.get("not_good", ()))})
    except TypeError:
        raise ProjectFault("The snapshot's head is damaged.", where=str(path), remedy=_AGAIN) from None
