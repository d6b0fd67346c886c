"""Which version of its project a replay shows at a time: as it was authored then, or as it is now."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from armillary.model.clock import NS
from armillary.model.fault import Fault, ProjectFault
from armillary.project import version
from armillary.project.record import Project
from armillary.world.keeping import present_key
from armillary.world.record import Recording

log = logging.getLogger(__name__)


class Versions:
    """The versions that history kept. `then` False: all times are shown as the project is now."""

    def __init__(self, now: Project, cache: Path) -> None:
        self.then = True
        self.unread: dict[str, str] = {}  # key → why that version cannot be shown
        self._now, self._cache = now, cache
        self._t_ns: list[int] = []
        self._keys: list[str] = []
        self._present = ""
        self._projects: dict[str, Project] = {}

    async def refresh(self, recording: Recording) -> None:
        """Learn what history kept, and what the project is now. A record without versions has none."""
        self._keys, self._t_ns = await recording.versions()
        self._present = await asyncio.to_thread(present_key, self._now)

    def key_at(self, t_ns: int) -> str:
        """Return the version that a time is shown in, "" for the present one.

        A time before the first version that was kept is shown in that one: nothing older is known.
        """
        if not self.then or not self._keys:
            return ""
        key = self._keys[max(bisect_right(self._t_ns, t_ns) - 1, 0)]
        return "" if key == self._present or key in self.unread else key

    def note(self, key: str) -> str:
        """Return the words of a version for a ribbon: `as authored 12 Mar 09:10`, "" for the present one."""
        if not key or key not in self._keys:
            return ""
        since = self._t_ns[self._keys.index(key)] / NS
        try:
            zone: ZoneInfo | None = ZoneInfo(self._now.timezone)
        except (KeyError, ValueError):
            zone = None
        local = datetime.fromtimestamp(since, UTC).astimezone(zone)
        return f"as authored {local.day} {local:%b %H:%M}"

    async def project(self, recording: Recording, key: str) -> Project:
        """Return the project of a version; "" is the present one. Raises ProjectFault, WorldFault."""
        if not key:
            return self._now
        if key not in self._projects:
            data = await recording.version(key)
            if data is None:
                raise ProjectFault(
                    "History has lost a version of the project.",
                    where=key,
                    remedy="This time is shown as the project is now.",
                )
            self._projects[key] = await asyncio.to_thread(self._read, data, key)
        return self._projects[key]

    def _read(self, data: bytes, key: str) -> Project:
        return version.project_of(version.unfolded(data, key, self._cache), self._now)

    def give_up(self, key: str, fault: Fault) -> None:
        """Show the times of a version as the project is now: it cannot be read."""
        self.unread[key] = fault.what
        log.info("version %s is not shown: %s", key, fault)
