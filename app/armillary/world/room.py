"""How much room history has: free space of the project's disk, and how long what is kept meanwhile lasts."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from armillary.alarms.system import (
    DISK_LOW,
    DISK_SHORT,
    HISTORY,
    HISTORY_COUNTERS,
    HISTORY_DAMAGED,
    HISTORY_FULL,
    HISTORY_QUOTA,
)
from armillary.model.frame import Kept
from armillary.world.spill import LIMIT_BYTES as DISK_BYTES
from armillary.world.spool import LIMIT_BYTES as MEMORY_BYTES
from armillary.world.spool import ROW_BYTES

LOOK_S = 5.0
GIB = 1024**3
LOW_BYTES, SHORT_BYTES = 5 * GIB, GIB
NEARLY = 0.9  # of the quota: an early warning
_HOUR_S, _MINUTE_S = 3600.0, 60.0


def free_bytes(folder: Path) -> int | None:
    """Return what is free for us on the disk of a folder, None when nobody says."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What is seen of the recorder's files from outside."""

    bytes: int = 0
    damaged: tuple[str, ...] = ()  # days that were moved aside


def shelf_of(folder: Path) -> Shelf:
    """Return what a project's folder holds of history; files may come and go meanwhile."""
    private = folder / ".armillary"
    size, damaged = 0, set()
    for path in (*private.glob("history.duckdb*"), *(private / "history").glob("*")):
        with contextlib.suppress(OSError):
            size += path.stat().st_size
        if path.name.endswith(".parquet.damaged"):
            damaged.add(path.name[: len("2026-03-14")])
    return Shelf(bytes=size, damaged=tuple(sorted(damaged)))


class Room:
    """Looks at the disk now and then; `troubles` says what stands, from what was seen last."""

    def __init__(
        self, folder: Path, free: Callable[[Path], int | None] = free_bytes, quota_gb: float = 0.0
    ) -> None:
        """quota_gb: as large as the history may be, 0 = no end."""
        self._folder, self._free, self._quota = folder, free, quota_gb * GIB
        self.free: int | None = None
        self.shelf = Shelf()

    async def watch(self) -> None:
        """Look until cancelled, in a thread: a disk of another machine may take its time."""
        while True:
            self.free = await asyncio.to_thread(self._free, self._folder)
            self.shelf = await asyncio.to_thread(shelf_of, self._folder)
            await asyncio.sleep(LOOK_S)

    def troubles(self, kept: Kept) -> dict[str, str]:
        """Return what the built-in alarms are about, as id → sentence."""
        out: dict[str, str] = {}
        lost = f"; {kept.dropped} samples are lost already" if kept.dropped else ""
        if kept.state == "full":
            out[HISTORY_FULL] = f"Disk full: history is spilling, {self._left(kept)} left{lost}"
        elif kept.state:
            out[HISTORY] = f"No recorder for {kept.behind_s:.0f} s: history is spilling{lost}"
        if not kept.balanced:
            out[HISTORY_COUNTERS] = "Counters of history do not add up"
        if self.free is not None and self.free < LOW_BYTES:
            name = DISK_SHORT if self.free < SHORT_BYTES else DISK_LOW
            out[name] = f"{self.free / GIB:.1f} GiB free on the disk of the project ({self._folder})"
        if self._quota and self.shelf.bytes >= NEARLY * self._quota:
            share = 100 * self.shelf.bytes / self._quota
            out[HISTORY_QUOTA] = f"History is {share:.0f} % of the {self._quota / GIB:g} GiB that it may have"
        if days := self.shelf.damaged:
            more = f" and {len(days) - 1} more days" if len(days) > 1 else ""
            out[HISTORY_DAMAGED] = f"History {days[0]}{more} cannot be read: moved aside"
        return out

    def _left(self, kept: Kept) -> str:
        """Return how long memory and what the disk still gives last at the pace of the outage so far."""
        on_disk = min(DISK_BYTES, (self.free or 0) + kept.spilled * ROW_BYTES)
        rows = (MEMORY_BYTES + on_disk) // ROW_BYTES - kept.waiting
        pace = kept.waiting / kept.behind_s if kept.behind_s > 0 else 0.0
        if rows <= 0:
            return "nothing"
        if not pace:
            return "some time"
        seconds = rows / pace
        if seconds >= _HOUR_S:
            return f"{min(seconds / _HOUR_S, 999):.0f} h"
        return f"{max(1.0, seconds / _MINUTE_S):.0f} min"
