"""Keeps the versions of a project beside its samples: a replay then shows a time as it was authored then.

What a world runs is kept as it read it; bindings count from when they are saved, as desks show them at once.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.model.message import AskKept, Done, Keep, Kept
from armillary.project import version
from armillary.project.record import Project
from armillary.wire.bus import AsyncLine, served

log = logging.getLogger(__name__)

LOOK_S = 2.0  # between two looks at the binding layer
ANSWER_S = 5.0
_Seen = tuple[tuple[str, int, int], ...]


class Keeping:
    """Runs on a LIVE world's loop; a recorder that is away is waited for."""

    def __init__(self, project: Project, recorder: str, clock: Clock) -> None:
        self._project, self._recorder, self._clock = project, recorder, clock
        self._world: dict[str, str] = {}
        self._since_ns = clock.now_ns()  # of the version that is to be kept next
        self._seen: _Seen | None = None  # as it was kept last
        self._noticed: _Seen | None = None  # as it was when `_since_ns` was taken
        self._refused = ""
        try:
            self._world = version.world_part(project)  # now: later the files may be others than what runs
        except (OSError, UnicodeDecodeError) as error:
            log.info("versions of this project are not kept: %s", error)

    async def watch(self) -> None:
        """Look until cancelled; keep each version once it differs from the one before."""
        while self._world:
            seen = await asyncio.to_thread(self._look)
            if seen != self._seen:
                if self._noticed is not None and seen != self._noticed:
                    self._since_ns = self._clock.now_ns()
                self._noticed = seen
                if await self._keep():
                    self._seen = seen
            await asyncio.sleep(LOOK_S)

    def _look(self) -> _Seen:
        out = []
        for path in version.scene_files(self._project):
            try:
                stat = path.stat()
            except OSError:
                continue
            out.append((str(path), stat.st_size, stat.st_mtime_ns))
        return tuple(out)

    async def _keep(self) -> bool:
        """Keep the version as it is now; False: try again, the recorder is away or a file is half written."""
        if not served(self._recorder):
            return False
        try:
            files = {**self._world, **await asyncio.to_thread(version.scene_part, self._project)}
            data, key = version.packed(files), version.key_of(files)
        except (OSError, UnicodeDecodeError, Fault) as error:
            return self._gives_up(str(error))
        line = AsyncLine(self._recorder)
        try:
            held = await line.ask(AskKept(kind=version.KIND, t_ns=self._clock.now_ns()), ANSWER_S)
            if isinstance(held, Kept) and held.found and held.key == key:
                return True  # nothing changed since the world before this one
            wish = Keep(kind=version.KIND, key=key, t_ns=self._since_ns, data=data)
            return isinstance(await line.ask(wish, ANSWER_S), Done)
        except Fault as fault:
            return self._gives_up(str(fault))
        finally:
            line.close()

    def _gives_up(self, why: str) -> bool:
        if why != self._refused:
            self._refused = why
            log.info("the version of the project is not kept yet: %s", why)
        return False


def present_key(project: Project) -> str:
    """Return the key of a project as it is on disk now, "" when it cannot be read."""
    try:
        return version.key_of({**version.world_part(project), **version.scene_part(project)})
    except (OSError, UnicodeDecodeError):
        return ""


def cache_of(base: Path) -> Path:
    """Return where versions are laid out, by key."""
    return base / "versions"
