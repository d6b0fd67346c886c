"""Who does an area: one world at a time, by its lease; a standby waits for the lease and takes over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import NoReturn

from armillary.model.alarm import AlarmSpec
from armillary.model.clock import Clock
from armillary.model.fault import FaultRecord, WorldFault
from armillary.project.record import Project
from armillary.wire.lease import BEAT_S, Lease
from armillary.world.part import AREAS

LOOK_S = 0.05  # how often a standby looks whether the area is free: a look is one system call


def lease_of(
    project: Project, area: str, clock: Clock, say: Callable[[Mapping[str, object]], None], *, waits: bool
) -> Lease | None:
    """Return the lease of an area, ours; a standby (`waits`) returns when its holder is gone.

    None without an area: `_only_one` looks after those.

    Raises WorldFault when another world holds it and we do not wait, or the project's folder is read-only.
    """
    if not area:
        if waits:
            raise WorldFault(
                "Only a world of an area has a standby.",
                where=str(project.folder),
                remedy="Share the project out by [area.NAME], and give --area.",
            )
        return None
    try:
        lease = Lease(project.private / AREAS, area)
    except OSError as error:
        raise WorldFault(
            f"The lease of the area '{area}' cannot be written: {error.strerror}.",
            where=str(project.private / AREAS),
            remedy="Make the project's folder writable.",
        ) from error
    if lease.take():
        return lease
    if not waits:
        raise WorldFault(
            f"A world of the area '{area}' runs already (pid {lease.holder()}).",
            where=str(project.folder),
            remedy=f"End it, or stand by for it: armillary world {project.folder} --area {area} --standby.",
        )
    say({"address": "", "standby": area})
    pause = threading.Event()
    while not lease.take():
        lease.end_hung(clock)
        pause.wait(LOOK_S)
    return lease


async def beating(lease: Lease) -> NoReturn:
    """Show that this world works, every second, until cancelled."""
    while True:
        lease.beat()
        await asyncio.sleep(BEAT_S)


def not_evaluated(alarm: AlarmSpec) -> FaultRecord:
    """Return what is told of an alarm on a tag whose source is shared."""
    return FaultRecord(
        kind="ProjectFault",
        what=f"The alarm '{alarm.id}' is not evaluated: the source of {alarm.tag} is shared with other "
        "programs, order not kept, no alarms.",
        where=alarm.origin,
        remedy="Subscribe without $share, in an area of its own, or remove the alarm.",
    )
