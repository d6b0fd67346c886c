"""Child entry: a WHAT-IF world. A fork of any world, computed by a simulator, shown at a moving cursor.

Runs are computed by worker processes and kept on disk with their cards; this process shows one of them and
answers for all. It has no links, no gate and no sinks.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import Right
from armillary.model.clock import NS, Clock, WallClock, iso
from armillary.model.control import (
    AskModel,
    AskRunFrame,
    AskRuns,
    AskRunSeries,
    CancelRuns,
    Cursor,
    Play,
    Runs,
    SaveScenario,
    Seek,
    ShowRun,
    StartRuns,
    StateAnswer,
    Step,
)
from armillary.model.fault import Fault, ProjectFault, WorldFault, record
from armillary.model.frame import Event, RunState, WorldKind, empty_frame
from armillary.model.scenario import Fork
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.simulate.ensemble import FORK_FILE, Ensemble
from armillary.twin.derive import Derived
from armillary.world import forks
from armillary.world.core import Core
from armillary.world.forked import Forked, model_of, requests_of
from armillary.world.given import Given
from armillary.world.offer import offer
from armillary.world.playhead import Playhead
from armillary.world.runbook import Runbook
from armillary.world.serving import Serving

log = logging.getLogger(__name__)

RUNS = "runs"  # in the project's private folder
TICK_NS = NS // 20
BEGUN_S = 30.0  # a fork takes at most this long, or its failing is told


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run a WHAT-IF world until asked to stop. Raises a Fault when it cannot start.

    args: `project`; `source` (address of a world) or `snapshot` (file), `at_ns`, `scenario`, `fork` (a
    folder of runs: one that is there is opened again), `title`, `listen`, `workers`; or `idle`: it waits
    for a Fork.
    """
    project = projects.read(Path(args["project"]))
    world = WhatIf(
        project,
        WallClock(),
        listen=str(args.get("listen", "")),
        workers=int(args.get("workers") or os.cpu_count() or 1),
    )
    if not args.get("idle", False):
        world.wish = Fork(
            source=str(args.get("source", "")),
            t_ns=int(args.get("at_ns") or 0),
            snapshot=str(args.get("snapshot", "") or args.get("state", "")),
            scenario=str(args.get("scenario", "")),
            fork=str(args.get("fork", "")),
            title=str(args.get("title", "")),
            start=bool(args.get("start", True)),
        )
    world.idle = world.wish is None
    asyncio.run(world.serve(say))


class WhatIf(Serving):
    """One WHAT-IF world. `serve` returns after a Stop."""

    kind = WorldKind.WHATIF

    def __init__(self, project: Project, clock: Clock, *, listen: str = "", workers: int = 1) -> None:
        super().__init__(
            project,
            clock,
            world=f"whatif-{os.getpid()}",
            listen=listen,
            alarms=project.alarms,
            about="not forked yet · not the plant",
        )
        self.wish: Fork | None = None
        self._core = Core(
            world=self.id,
            kind=WorldKind.WHATIF,
            tags=len(project.specs),
            supply=Given(),
            derived=Derived(()),
        )
        logs = places.log_file()
        self._ensemble = Ensemble(
            project.private / RUNS,
            project.folder,
            logs.parent if logs.is_file() else places.logs(),
            clock,
            self._changed,
            workers,
        )
        self._book: Runbook | None = None
        self._head: Playhead | None = None  # both are there from the fork on
        self._forking = asyncio.Lock()
        self._begun = asyncio.Event()  # the fork asked for at the start is there, or cannot be
        self._trouble: Fault | None = None
        self._title = ""

    # ---------------------------------------------------------------- life

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return the ticks, the runs, and the fork that was asked for at the start."""
        return (self._ticks(), self._ensemble.run(), self._begin())

    async def ending(self) -> None:
        """End the workers; what they had told is on disk or computed again."""
        await self._ensemble.close()

    async def _begin(self) -> None:
        if self.wish is None:
            self._begun.set()
            await self._ensemble.warm(1)
            return
        try:
            await self.fork(self.wish)
        except Fault as fault:
            log.error("the fork failed: %s", fault)
            self.about = f"could not be forked: {fault.what}"
            self._trouble = fault
            self.tell(record(fault))
        self._begun.set()

    async def _reply(self, peer: bytes, message: object) -> object:
        """Answer once there is a fork: what comes before would be told of an empty world."""
        if not isinstance(message, msg.Stop):
            async with asyncio.timeout(BEGUN_S):
                await self._begun.wait()
        return await super()._reply(peer, message)

    # ---------------------------------------------------------------- the fork

    async def fork(self, wish: Fork) -> Runs:
        """Begin from what is wished, or open again what was begun. Raises a Fault."""
        async with self._forking:
            if self._head is not None:
                raise WorldFault(
                    "This world has been forked already.", where=self.id, remedy="Fork from a world anew."
                )
            name = wish.fork or f"fork-{self.clock.now_ns() // 1_000_000}-{os.getpid()}"
            if not forks.NAME.fullmatch(name):
                raise ProjectFault(f"'{name}' is no name for a fork.", where=self.id, remedy="Use letters.")
            folder = self.project.private / RUNS / name
            is_old = (folder / FORK_FILE).is_file()
            if is_old:
                wish, state, kept = forks.kept(folder, wish)
            else:
                state, kept = await forks.state_for(self.project, wish), ""
            scenario = forks.scenario_for(self.project.folder, wish, kept)
            info = await self._ensemble.model(model_of(scenario))
            fork = Forked(
                state, scenario, info, self.project.specs, str(self.project.folder), self.project.timezone
            )
            forks.check(fork)
            self._ensemble.folder = folder
            self._book = Runbook(fork, self._ensemble, self.id, self.tell, self._say)
            self._head = Playhead(fork, self._book, self._core, self.alarm_specs, self.project.suppressions)
            self._title = wish.title or (scenario.title if wish.scenario else "What if")
            self.about = f"'{self._title}' · forked {iso(fork.t_ns)[11:16]} UTC · not the plant"
            if is_old:
                self._book.reopen(folder)
            else:
                forks.keep(folder, wish, fork, scenario, self.clock.now_ns())
                self._book.start(requests_of(scenario)[: None if wish.scenario and wish.start else 1])
            self._show()
            self.announce()
            return self._runs()

    def _forked(self) -> tuple[Runbook, Playhead]:
        if self._book is None or self._head is None:
            raise WorldFault("This world is not forked yet.", where=self.id, remedy="Send it a Fork.")
        return self._book, self._head

    def _changed(self, name: str) -> None:
        if self._book is not None:
            self._book.changed(name)

    def _say(self, level: str, text: str) -> None:
        self.early.append(Event(t_ns=self.clock.now_ns(), level=level, source="runs", text=text))

    def _runs(self) -> Runs:
        if self._book is None or self._head is None:
            return Runs(cards=())
        return self._book.runs(self._head.shown)

    # ---------------------------------------------------------------- requests

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer what only a WHAT-IF world can."""
        match message:
            case Fork():
                self.need(peer, Right.FORK)
                return await self.fork(message)
            case AskRuns():
                if self._trouble is not None:
                    raise self._trouble
                return self._runs()
            case AskModel():
                return offer(self._forked()[1].fork)
            case StartRuns() | CancelRuns() | SaveScenario():
                self.need(peer, Right.FORK)
                return await self._compute(message)
            case ShowRun() | AskRunFrame() | AskRunSeries():
                return self._look(message)
            case Seek() | Play() | Step():
                self._move(message)
                return msg.Done()
            case _:
                return await super().reply(peer, message)

    async def _compute(self, message: StartRuns | CancelRuns | SaveScenario) -> object:
        book, _ = self._forked()
        match message:
            case StartRuns(runs=wished):
                book.start(wished)
            case CancelRuns(ids=ids):
                self._ensemble.cancel(ids)
            case SaveScenario(path=path, title=title):
                await asyncio.to_thread(book.save, path, title or self._title, self.project.folder)
                return msg.Done()
        return self._runs()

    def _look(self, message: ShowRun | AskRunFrame | AskRunSeries) -> object:
        book, head = self._forked()
        match message:
            case AskRunSeries():
                return book.series(message)
            case AskRunFrame(id=name, t_ns=t_ns):
                base = empty_frame(self.id, self.kind, RunState.PAUSED)
                return head.frame_of(name, t_ns, base, self.clock.now_mono_ns())
            case ShowRun(id=name):
                head.show(name)
        self._show()
        return self._runs()

    def _move(self, message: Seek | Play | Step) -> None:
        _, head = self._forked()
        match message:
            case Seek(t_ns=t_ns):
                head.t_ns = t_ns
            case Play(speed=speed):
                head.speed = float(speed) if math.isfinite(speed) else 0.0
            case Step(by=by, count=count):
                head.step(by, count)
        self._show()

    # ---------------------------------------------------------------- the cursor

    async def _ticks(self) -> None:
        last = self.clock.now_mono_ns()
        while True:
            await asyncio.sleep(TICK_NS / NS)
            now = self.clock.now_mono_ns()
            if self._head is not None:
                self._head.pass_by(now - last)
                self._head.look_ahead()
            if self._head is not None or self.early:
                self._show()
            else:
                self.send_due()
            last = now

    def _show(self) -> None:
        """Publish the shown run at the cursor, as far as it is computed."""
        if self._head is not None:
            self.publish(self._head.frame(self.clock.now_mono_ns(), self.publisher.alarms))
            return
        seq = self.publisher.last.seq + 1
        cursor = Cursor(speed=0.0, asked=0.0, from_ns=0, to_ns=0, note=self.about)
        frame = replace(empty_frame(self.id, self.kind), seq=seq, first_seq=seq)
        self.publish(replace(frame, run=RunState.PAUSED, cursor=cursor))

    async def state_answer(self, t_ns: int = 0, *, past: bool = False) -> StateAnswer:
        """Return the state of the shown run, now or at a time."""
        answer = self.state_now()
        if self._head is None:
            return answer
        head = self._head
        if past:
            answer = replace(answer, past=head.past_at(t_ns or answer.t_ns))
        if not t_ns or t_ns == answer.t_ns:
            return answer
        start, end = head.extent()
        if not start <= t_ns <= end:
            raise WorldFault(
                f"The run goes from {iso(start)} to {iso(end)}.", where=iso(t_ns), remedy="Give a time in it."
            )
        base = empty_frame(self.id, self.kind, RunState.PAUSED)
        frame = head.frame_of(head.shown, t_ns, base, self.clock.now_mono_ns())
        simulator, model = head.model_state(t_ns)
        return replace(
            answer,
            t_ns=t_ns,
            value=frame.value,
            source_ns=frame.source_ns,
            arrival_ns=frame.arrival_ns,
            quality=np.asarray(frame.quality, np.uint16),
            text=dict(frame.text),
            alarms=head.alarms_at(t_ns),
            simulator=simulator,
            model=model,
        )

    async def state_to_keep(self) -> StateAnswer:
        """Return the shown row exactly: the simulator's state there is computed again where it is not known.

        A run's rows are what there is of it, so a cursor between two of them gives the one that is shown.
        """
        if self._head is None or self._book is None:
            return await self.state_answer(past=True)
        head = self._head
        row = head.row_at(head.t_ns)
        entry, run = self._book.entry(head.shown), head.run
        t_ns = int(run.t_ns[row]) if run is not None and row >= 0 else head.fork.t_ns
        head.speed, head.t_ns = 0.0, t_ns
        self._show()
        answer = await self.state_answer(past=True)
        pending = await asyncio.to_thread(head.pending_at, row)
        answer = replace(answer, pending=pending)
        if answer.simulator or entry is None or entry.job is None:
            return answer
        return replace(answer, simulator=await self._ensemble.state_at(entry.job, row))

    def model_state(self) -> tuple[bytes, Mapping[str, float]]:
        """Return the model of the shown run at the cursor."""
        if self._head is None:
            return b"", {}
        return self._head.model_state(self._head.t_ns)
