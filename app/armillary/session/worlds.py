"""The worlds of a project that run on this machine, as the worlds dock lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from armillary.model.fault import Fault, WorldFault
from armillary.model.frame import WorldKind
from armillary.model.message import Stop
from armillary.session.visit import Visit
from armillary.wire.bus import Line
from armillary.wire.runs import Run

STOP_S = 3.0
ENTRIES = {WorldKind.REPLAY: "world.replay", WorldKind.WHATIF: "world.whatif"}  # what a desk starts itself


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRow:
    """One running world."""

    id: str
    kind: WorldKind
    title: str
    state: str  # `shown`, `runs`, `starting`
    pid: int
    address: str
    since_ns: int
    memory: int  # resident bytes; 0 = not known
    is_home: bool  # the LIVE world (or whatever was opened) that one returns to
    is_ours: bool  # ends with this desk
    is_shown: bool
    why_not_close: str = ""


def rows(
    project: Path | None, home: str, shown: str, visits: Sequence[Visit], all_runs: Iterable[Run]
) -> tuple[WorldRow, ...]:
    """Return the worlds of a project, home first; idle spares are nobody's business.

    home, shown: ids of these worlds.
    """
    known = {visit.id: visit for visit in visits if visit.is_welcomed}
    found: list[WorldRow] = []
    for run in all_runs:
        if run.id != home and (project is None or run.project != str(project)):
            continue
        visit = known.get(run.id)
        if visit is not None and visit.is_idle:
            continue
        is_home = run.id == home
        kind = WorldKind(run.kind) if run.kind in set(WorldKind) else WorldKind.LIVE
        about = visit.side.about if visit is not None else ""
        why = ""
        if is_home or kind is WorldKind.LIVE:
            why = "The live world ends with its project, or with its service."
        found.append(
            WorldRow(
                id=run.id,
                kind=kind,
                title=about or run.name,
                state="shown" if run.id == shown else "runs",
                pid=run.pid,
                address=run.address,
                since_ns=run.started_ns,
                memory=memory_of(run.pid),
                is_home=is_home,
                is_ours=visit is not None and visit.is_ours,
                is_shown=run.id == shown,
                why_not_close=why,
            )
        )
    return tuple(sorted(found, key=lambda row: (not row.is_home, row.since_ns)))


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process of this machine, 0 where that cannot be told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * 4096


def end(address: str, line: Callable[[str], Line] = Line) -> None:
    """Ask a world to end in order; for a thread of its own. Raises WorldFault when it does not answer."""
    to = line(address)
    try:
        to.ask(Stop(), STOP_S)
    except Fault as fault:
        raise WorldFault(
            f"The world did not end: {fault.what}", where=address, remedy="End its process."
        ) from fault
    finally:
        to.close()
