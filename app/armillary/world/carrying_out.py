"""Procedures in a world on the wire: requests, ticks, what is written down. `world.instructing` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from armillary.model.account import LoggedIn
from armillary.model.clock import Clock
from armillary.model.fault import Fault, FaultRecord, OrderFault, record
from armillary.model.frame import Event, WorldKind
from armillary.model.procedure import (
    SOURCE,
    ActOnProcedure,
    AskProcedures,
    Procedure,
    ProcedureRun,
    Procedures,
    StartProcedure,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.project import procedures
from armillary.project.record import Project
from armillary.world.instructing import Instructing, words_of
from armillary.world.logbook import Logbook

Wish = StartProcedure | ActOnProcedure
Spawn = Callable[[Coroutine[Any, Any, None]], None]


def reader(project: Project) -> Callable[[str], Procedure]:
    """Return what reads a procedure of a project as its file is now."""
    specs = _by_name(project)
    return lambda name: procedures.read(procedures.find(project.folder, name), specs)


def listed(project: Project) -> Procedures:
    """Return the procedures of a project as its files are now."""
    found, problems = procedures.examine(project.folder, _by_name(project))
    wrong = tuple(f"{p.where}: {p.what}" for p in problems if p.severity == "error")
    return Procedures(items=tuple(sorted(found, key=lambda each: each.title)), wrong=wrong)


def _by_name(project: Project) -> Mapping[str, TagSpec]:
    return {spec.name: spec for spec in project.specs}


async def looked_on(project: Project, kind: WorldKind, message: object) -> Procedures:
    """Answer in a world that only shows what was done. Raises OrderFault for what would do something."""
    if isinstance(message, AskProcedures):
        return await asyncio.to_thread(listed, project)
    raise OrderFault(
        f"A {kind.value} world carries no procedure out: it shows what was done.",
        where=SOURCE,
        remedy="Go back to the live world.",
    )


class CarryingOut:
    """The procedures of a LIVE world. One event loop."""

    def __init__(
        self,
        project: Project,
        logbook: Logbook,
        clock: Clock,
        spawn: Spawn,
        tell: Callable[[FaultRecord], None],
    ) -> None:
        """`tell`: of what could not be written."""
        self._project, self._logbook, self._clock = project, logbook, clock
        self._spawn, self._tell = spawn, tell
        self._runs = Instructing(project.specs, reader(project), runs=logbook.runs)
        self._told: list[Event] = []

    async def answer(self, message: AskProcedures | Wish, who: LoggedIn) -> object:
        """Answer a person; what they did is on disk before. Raises OrderFault and ProjectFault."""
        if isinstance(message, AskProcedures):
            return await asyncio.to_thread(listed, self._project)
        now = self._clock.now_ns()
        if isinstance(message, StartProcedure):
            run = self._runs.start(message, who, now)
        else:
            run = self._runs.act(message, who, now)
        await self._write()
        return run

    def tick(
        self, table: TagTable, now_ns: int, now_mono_ns: int
    ) -> tuple[tuple[ProcedureRun, ...] | None, tuple[Event, ...]]:
        """Look at the conditions; return the runs for a frame (None: as before) and what happened."""
        self._runs.tick(table, now_ns, now_mono_ns)
        if self._runs.has_news:
            self._spawn(self._write())
        told, self._told = tuple(self._told), []
        return self._runs.changes(), told

    async def _write(self) -> None:
        """Put what happened into the logbook, and tell it."""
        happened = self._runs.take()
        self._told += [
            Event(t_ns=each[0].t_ns, level="info", source=SOURCE, text=words_of(each)) for each in happened
        ]
        for run, who, words in happened:
            try:
                await self._logbook.keep_step(run, who, words)
            except Fault as fault:
                self._tell(record(fault))
