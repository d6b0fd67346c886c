"""Run files: how a command finds the worlds that run on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from armillary.model import files, places
from armillary.model.fault import WorldFault
from armillary.wire.bus import local_address

SCHEMA = 1
HOME = "LIVE"  # the kind of world that a project is meant by
PLANT_FILE = "plant.json"  # written by the starter of a demo's plant


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantPart:
    """One process of a demo's plant."""

    what: str  # broker | opcua | simulator
    pid: int
    port: int  # 0: it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One running world."""

    id: str
    kind: str
    project: str  # folder
    name: str
    address: str
    recorder: str
    pid: int
    started_ns: int
    plant: tuple[PlantPart, ...] = field(default=())
    area: str = ""  # of a LIVE world that does one area of its project


def write(run: Run) -> Path:
    """Write a world's run file atomically; return its path."""
    path = places.runtime() / f"{run.id}.run.json"
    text = json.dumps({"schema": SCHEMA, **asdict(run)}, indent=1) + "\n"
    files.replace(path, text.encode(), synced=False)
    return path


def remove(world: str) -> None:
    """Remove a world's run file; no error when it is gone."""
    (places.runtime() / f"{world}.run.json").unlink(missing_ok=True)


def all_runs() -> tuple[Run, ...]:
    """Return the worlds that run, oldest first; files left by dead processes are removed."""
    found: list[Run] = []
    for path in places.runtime().glob("*.run.json"):
        try:
            document = json.loads(path.read_text("utf-8"))
            document.pop("schema")
            plant = tuple(PlantPart(**part) for part in document.pop("plant"))
            run = Run(**document, plant=plant)
        except (OSError, ValueError, TypeError, KeyError):
            continue  # being written, or of another version
        if alive(run.pid):
            found.append(run)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return tuple(sorted(found, key=lambda r: r.started_ns))


def alive(pid: int) -> bool:
    """Return whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find(project: str = "", address: str = "") -> Run:
    """Return the one running world of a project folder, at an address, or the only one there is.

    A project's LIVE world goes before its replays and forks: who means one of those names its id.
    Raises WorldFault with the list when that does not name exactly one.
    """
    runs: Sequence[Run] = all_runs()
    if address:
        runs = [r for r in runs if r.address == address]
    elif project:
        folder = str(Path(project).resolve())
        named = [r for r in runs if r.id == project]
        runs = named or [r for r in runs if r.project == folder or r.name == project]
    if len(runs) > 1:
        runs = [r for r in runs if r.kind == HOME] or runs
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise WorldFault(
            "No world runs here." if not (project or address) else f"No world of {project or address} runs.",
            where=str(places.runtime()),
            remedy="Start one: armillary demo, or armillary open PROJECT.",
        )
    listed = "; ".join(f"{r.id} ({r.kind}, {r.project})" for r in runs)
    raise WorldFault(
        f"{len(runs)} worlds run: {listed}.", where=str(places.runtime()), remedy="Name one of them."
    )


def plant_of(private: Path) -> tuple[PlantPart, ...]:
    """Return the parts of a demo's plant as its starter noted them in the project's private folder."""
    try:
        parts = json.loads((private / PLANT_FILE).read_text("utf-8"))
        return tuple(PlantPart(**part) for part in parts)
    except (OSError, ValueError, TypeError):
        return ()  # no demo: a plant of its own


def recorder_address(folder: Path) -> str:
    """Return the address of a project's one recorder: the same for whoever starts or asks it."""
    short = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return local_address(places.runtime(), f"recorder-{short}")


def reader_address(folder: Path) -> str:
    """Return the address of a recorder that only reads, while the project's own does not run."""
    short = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return local_address(places.runtime(), f"reader-{short}")
