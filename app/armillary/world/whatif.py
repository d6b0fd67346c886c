"""Child entry: a WHAT-IF world. A fork of any world, computed by a simulator, shown at a moving cursor.

Runs are computed by worker processes and kept on disk with their cards; this process shows one of them and
answers for all. It has no links, no gate and no sinks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import Right
from armillary.model.arrays import U1
from armillary.model.clock import NS, Clock, WallClock, iso, parse_iso
from armillary.model.control import (
    AskModel,
    AskRunFrame,
    AskRuns,
    AskRunSeries,
    CancelRuns,
    Cursor,
    Play,
    RunCard,
    RunRequest,
    Runs,
    RunSeries,
    RunSeriesOf,
    SaveScenario,
    Seek,
    ShowRun,
    StartRuns,
    StateAnswer,
    Step,
)
from armillary.model.control import AskState as AskStateOf
from armillary.model.fault import Fault, OrderFault, ProjectFault, WorldFault, record
from armillary.model.frame import Event, Frame, RunState, WorldKind, empty_frame, frame_of
from armillary.model.sample import SampleBatch, empty_batch
from armillary.model.scenario import Fork, Scenario, ScenarioEvent, Variant
from armillary.model.simulation import Trajectory
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.project import scenarios
from armillary.project.record import Project
from armillary.simulate import measures, results
from armillary.simulate.ensemble import FINAL, FORK_FILE, Ensemble, cards_of
from armillary.twin.derive import Derived
from armillary.wire import runs
from armillary.wire.bus import AsyncLine
from armillary.world import snapshot
from armillary.world.core import Core
from armillary.world.course import Course
from armillary.world.forked import BASELINE, Forked, View, empty_state, model_of, requests_of
from armillary.world.offer import offer
from armillary.world.serving import Serving

log = logging.getLogger(__name__)

SCHEMA = 1
RUNS = "runs"  # in the project's private folder
TICK_NS = NS // 20
ASK_S = 10.0
MOST_RUNS = 500
MOST_WIDTH = 4_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


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


class _Result:
    """Supply of the core: it is given whole states, so there is nothing to take and nothing to age."""

    def take(self) -> SampleBatch:
        return empty_batch()

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Count nothing."""

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        """Leave it: a computed value does not grow old."""


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
        self._core = self._new_core()
        logs = places.log_file()
        self._ensemble = Ensemble(
            project.private / RUNS,
            project.folder,
            logs.parent if logs.is_file() else places.logs(),
            clock,
            self._changed,
            workers,
        )
        self._fork: Forked | None = None
        self._view: View | None = None
        self._course: Course | None = None
        self._forking = asyncio.Lock()
        self._begun = asyncio.Event()  # the fork asked for at the start is there, or cannot be
        self._trouble: Fault | None = None
        self._name, self._title, self._is_kept = "", "", False
        self._shown = ""
        self._t_ns = 0
        self._speed = 0.0
        self._row = -2  # shown last; -1 = the fork itself
        self._states: dict[str, str] = {}

    def _new_core(self) -> Core:
        return Core(
            world=self.id,
            kind=WorldKind.WHATIF,
            tags=len(self.project.specs),
            supply=_Result(),
            derived=Derived(()),
        )

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
            async with asyncio.timeout(ASK_S * 3):
                await self._begun.wait()
        return await super()._reply(peer, message)

    # ---------------------------------------------------------------- the fork

    async def fork(self, wish: Fork) -> Runs:
        """Begin from what is wished, or open again what was begun. Raises a Fault."""
        async with self._forking:
            if self._fork is not None:
                raise WorldFault(
                    "This world has been forked already.", where=self.id, remedy="Fork from a world anew."
                )
            name = wish.fork or f"fork-{self.clock.now_ns() // 1_000_000}-{os.getpid()}"
            if not _NAME.fullmatch(name):
                raise ProjectFault(f"'{name}' is no name for a fork.", where=self.id, remedy="Use letters.")
            folder = self.project.private / RUNS / name
            is_old = (folder / FORK_FILE).is_file()
            if is_old:
                wish, state, kept = _kept(folder, wish)
            else:
                state, kept = await self._state_for(wish), ""
            scenario = self._scenario(wish, kept)
            info = await self._ensemble.model(model_of(scenario))
            fork = Forked(state, scenario, info, self.project.specs, str(self.project.folder))
            self._check(fork)
            self._ensemble.folder = folder
            self._fork, self._view, self._name = fork, fork.view(), name
            self._title = wish.title or (scenario.title if wish.scenario else "What if")
            self._t_ns, self._shown = fork.t_ns, BASELINE
            self.about = f"'{self._title}' · forked {iso(fork.t_ns)[11:16]} UTC · not the plant"
            if is_old:
                self._reopen(folder)
            else:
                _keep(folder, wish, fork, scenario, self.clock.now_ns())
                self._start(requests_of(scenario)[: None if wish.scenario and wish.start else 1])
            self._show()
            self.announce()
            return self._runs()

    async def _state_for(self, wish: Fork) -> StateAnswer:
        """Return the state that is wished for. Raises a Fault."""
        if wish.snapshot:
            return snapshot.read(Path(wish.snapshot))[1]
        address, t_ns = wish.source, wish.t_ns
        scenario = self._scenario(wish, "") if wish.scenario else None
        if scenario is not None and not address:
            if scenario.start == "snapshot":
                return snapshot.read(Path(scenario.snapshot))[1]
            if scenario.start == "time":
                t_ns = t_ns or parse_iso(scenario.time)
        if not address:
            mine = [r for r in runs.all_runs() if r.project == str(self.project.folder) and r.kind == "LIVE"]
            if not mine:
                return empty_state(self.project.hash, parse_iso("2026-01-01T00:00:00Z"))
            address = mine[0].address
        line = AsyncLine(address)
        try:
            state = await line.ask(AskStateOf(t_ns=t_ns), ASK_S)
        finally:
            line.close()
        if not isinstance(state, StateAnswer):
            raise WorldFault("The world answered something else.", where=address, remedy="Start it anew.")
        if t_ns and abs(state.t_ns - t_ns) > NS:
            raise WorldFault(
                f"That world stands at {iso(state.t_ns)} and does not go back to {iso(t_ns)}.",
                where=address,
                remedy="Fork from a REPLAY world at that time.",
            )
        return state

    def _scenario(self, wish: Fork, kept: str) -> Scenario:
        folder = self.project.folder
        if kept:
            return scenarios.read(Path(kept), folder)
        if wish.scenario:
            return scenarios.read(scenarios.find(folder, wish.scenario), folder)
        found = scenarios.scenarios(folder)
        if not found:
            raise ProjectFault(
                "The project has no what-if scenario, so it is not known which simulator to take.",
                where=str(folder / scenarios.FOLDER),
                remedy="Add one with its [simulator] table.",
            )
        first = scenarios.read(found[0], folder)
        return replace(first, title="What if", events=(), variants=(), members=1, spread={})

    def _check(self, fork: Forked) -> None:
        """Compile what will be asked of every run, before anything is computed. Raises ProjectFault."""
        scenario = fork.scenario
        jobs = [fork.job(request, "") for request in requests_of(scenario)]
        names = tuple(dict.fromkeys((*fork.info.outputs, *(n for job in jobs for n in job.recorded))))
        tried = Trajectory(
            names=names, t_ns=fork.t_ns + np.array([0, NS], np.int64), values=np.ones((1, 2, len(names)))
        )
        measures.check(scenario.measures, scenario.score, self._signals(fork, tried), scenario.origin)

    def _reopen(self, folder: Path) -> None:
        """Take the cards from disk; what was not finished is computed again."""
        cards, broken = cards_of(folder)
        for name in broken:
            fault = ProjectFault("A run's card cannot be read.", where=name, remedy="Compute it again.")
            self.tell(record(fault), "warning")
        for card in cards:
            if card.state in FINAL or card.request is None:
                self._ensemble.keep(card)
            else:
                self._start((card.request,))

    def _start(self, requests: Sequence[RunRequest]) -> None:
        """Queue runs. Raises a Fault before any is queued."""
        fork = self._forked()
        known = {card.id for card in self._ensemble.cards}
        for request in requests:
            if not _NAME.fullmatch(request.id) or request.id in known:
                what = f"There is a run '{request.id}' already, or it is no name for one."
                raise ProjectFault(what, where=self.id, remedy="Results never change: give a new id.")
            if not (math.isfinite(request.horizon_s) and request.horizon_s > 0 and request.members > 0):
                raise ProjectFault(
                    "A run needs a horizon and at least one member.", where=request.id, remedy="Give both."
                )
        if len(known) + len(requests) > MOST_RUNS:
            raise ProjectFault(f"A fork keeps at most {MOST_RUNS} runs.", where=self.id, remedy="Fork anew.")
        jobs = [fork.job(request, str(self._ensemble.out(request.id))) for request in requests]
        for request, job in zip(requests, jobs, strict=True):
            card = RunCard(
                id=request.id,
                title=request.title,
                state="queued",
                members=request.members,
                from_ns=fork.t_ns,
                to_ns=fork.t_ns,
                note="" if request.members > 1 else "single run, no uncertainty",
                request=request,
            )
            self._ensemble.add(card, job)

    def _forked(self) -> Forked:
        if self._fork is None:
            raise WorldFault("This world is not forked yet.", where=self.id, remedy="Send it a Fork.")
        return self._fork

    # ---------------------------------------------------------------- figures

    def _signals(self, fork: Forked, run_: Trajectory) -> measures.Signals:
        return measures.Signals(run_, fork.columns, {s.name: s for s in fork.specs}, fork.held)

    def _changed(self, name: str) -> None:
        """Note that a run got on: its figures are made once it is over."""
        card = self._ensemble.entries[name].card
        if self._states.get(name) == card.state:
            return
        self._states[name] = card.state
        if card.state in FINAL and self._fork is not None:
            self._figures(name)
        self.early.append(
            Event(
                t_ns=self.clock.now_ns(),
                level="info" if card.state in ("queued", "running", "done", "stopped") else "warning",
                source="runs",
                text=f"{card.title}: {card.state}. {card.detail}".strip(),
            )
        )

    def _figures(self, name: str) -> None:
        fork, entry = self._forked(), self._ensemble.entries[name]
        run_, scenario = entry.run, fork.scenario
        if run_ is None or not len(run_.t_ns):
            return
        try:
            signals = self._signals(fork, run_)
            values = measures.figures(scenario.measures, signals, scenario.origin)
            broken = measures.violated(scenario.score, signals, values, scenario.origin)
            cost = measures.cost(scenario.score, signals, values, scenario.origin)
        except Fault as fault:
            self.tell(record(fault))
            return
        several = entry.card.members > 1
        card = replace(
            entry.card,
            measures=measures.measured(scenario.measures, values),
            score=float(np.nanmean(cost)) if np.isfinite(cost).any() else math.nan,
            violations=tuple(
                f"{text} ({share:.0%} of members)" if several else text for text, share in broken.items()
            ),
        )
        self._ensemble.put([card])
        self._ensemble.put(measures.ranked(self._ensemble.cards, scenario.measures))

    def _runs(self) -> Runs:
        fork = self._fork
        if fork is None:
            return Runs(cards=())
        first = self._ensemble.entries.get(BASELINE)
        return Runs(
            cards=self._ensemble.cards,
            shown=self._shown,
            forked_from=fork.state.world,
            forked_ns=fork.t_ns,
            not_good=fork.not_good,
            residual=dict(first.residual) if first else {},
            unmapped=first.unmapped if first else (),
            is_estimated=bool(first and first.is_estimated) or not fork.state.tags,
            scenario=fork.scenario.origin,
        )

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
            case StartRuns(runs=wished):
                self.need(peer, Right.FORK)
                self._start(wished)
                return self._runs()
            case CancelRuns(ids=ids):
                self.need(peer, Right.FORK)
                self._ensemble.cancel(ids)
                return self._runs()
            case ShowRun(id=name):
                self._entry(name)
                self._shown, self._row, self._course = name, -2, None
                self._show()
                return self._runs()
            case AskModel():
                if self._trouble is not None:
                    raise self._trouble
                return offer(self._forked())
            case AskRunFrame(id=name, t_ns=t_ns):
                return self._frame_of(name, t_ns)
            case AskRunSeries():
                return self._series(message)
            case SaveScenario(path=path, title=title):
                self.need(peer, Right.FORK)
                await asyncio.to_thread(self._save, path, title)
            case Seek(t_ns=t_ns):
                self._t_ns = t_ns
                self._show()
            case Play(speed=speed):
                self._speed = float(speed) if math.isfinite(speed) else 0.0
                self._show()
            case Step(by=by, count=count):
                self._step(by, count)
                self._show()
            case _:
                return await super().reply(peer, message)
        return msg.Done()

    def _entry(self, name: str) -> Trajectory | None:
        """Return the result of a run so far. Raises ProjectFault for a run that is not there."""
        if name not in self._ensemble.entries:
            known = ", ".join(self._ensemble.entries) or "none"
            raise ProjectFault(f"There is no run '{name}'.", where=self.id, remedy=f"There are: {known}.")
        return self._ensemble.result(name)

    def _series(self, ask: AskRunSeries) -> RunSeries:
        fork = self._forked()
        out: list[RunSeriesOf] = []
        for name in ask.ids:
            run_ = self._entry(name)
            if run_ is None or not len(run_.t_ns):
                continue
            signals = self._signals(fork, run_)
            if ask.tag not in signals.known:
                continue
            n = len(run_.t_ns)
            rows = np.unique(np.linspace(0, n - 1, min(n, max(2, min(ask.width, MOST_WIDTH)))).astype(int))
            x = signals.of(ask.tag)[:, rows]
            x = x[np.isfinite(x).all(axis=1)] if len(x) > 1 and np.isfinite(x).all(axis=1).any() else x
            low, mid, high = np.percentile(x, (measures.LOW, 50.0, measures.HIGH), axis=0)
            out.append(RunSeriesOf(id=name, t_ns=run_.t_ns[rows], low=low, mid=mid, high=high))
        return RunSeries(tag=ask.tag, series=tuple(out))

    def _save(self, path: str, title: str) -> None:
        fork = self._forked()
        where = Path(path) if Path(path).is_absolute() else self.project.folder / path
        if not where.resolve().is_relative_to(self.project.folder.resolve() / scenarios.FOLDER):
            raise ProjectFault(
                "A scenario is saved in the project's folder scenarios/.", where=path, remedy="Choose it."
            )
        common = {(e.at_s, n, v) for e in fork.scenario.events for n, v in e.set.items()}
        variants = tuple(
            Variant(
                id=card.id,
                title=card.title,
                events=tuple(
                    ScenarioEvent(at_s=at, set={n: v})
                    for at, n, v in card.request.events
                    if (at, n, v) not in common
                ),
                parameters=dict(card.request.parameters),
            )
            for card in self._ensemble.cards
            if card.request is not None and card.id != BASELINE
        )
        base = self._ensemble.entries.get(BASELINE)
        request = base.card.request if base else None
        kept = replace(
            fork.scenario,
            id=where.stem,
            title=title or self._title,
            variants=variants,
            horizon_s=request.horizon_s if request else fork.scenario.horizon_s,
        )
        scenarios.write(kept, where, self.project.folder)

    # ---------------------------------------------------------------- the cursor

    def _extent(self) -> tuple[int, int]:
        """Return from when to when the shown run goes, as far as it is computed."""
        fork = self._fork
        if fork is None:
            return 0, 0
        run_ = self._result()
        return fork.t_ns, int(run_.t_ns[-1]) if run_ is not None and len(run_.t_ns) else fork.t_ns

    def _result(self) -> Trajectory | None:
        entry = self._ensemble.entries.get(self._shown)
        if entry is None:
            return None
        try:
            return self._ensemble.result(self._shown)
        except Fault as fault:
            self.tell(record(fault))
            entry.card = replace(entry.card, digest="", state="failed", detail=fault.what)
            return None

    def _step(self, by: str, count: int) -> None:
        run_ = self._result()
        self._speed = 0.0
        if by == "second":
            self._t_ns += count * NS
        elif by == "alarm" and self._course is not None:
            self._t_ns = self._course.event_from(self._t_ns, count)
        elif run_ is not None and len(run_.t_ns):
            row = int(np.searchsorted(run_.t_ns, self._t_ns, "right")) - 1 + count
            self._t_ns = int(run_.t_ns[np.clip(row, 0, len(run_.t_ns) - 1)])

    async def _ticks(self) -> None:
        last = self.clock.now_mono_ns()
        while True:
            await asyncio.sleep(TICK_NS / NS)
            now = self.clock.now_mono_ns()
            if self._fork is not None:
                if self._speed:
                    self._t_ns += round((now - last) * self._speed)
                    start, _ = self._extent()
                    if self._speed < 0 and self._t_ns <= start:
                        self._speed = 0.0
                self._show()
            elif self.early:
                self._show()
            else:
                self.send_due()
            last = now

    def _show(self) -> None:
        """Publish the shown run at the cursor, as far as it is computed."""
        start, end = self._extent()
        self._t_ns = int(np.clip(self._t_ns, start, end))
        run_, now_mono = self._result(), self.clock.now_mono_ns()
        row = -1
        if run_ is not None and len(run_.t_ns):
            row = int(np.searchsorted(run_.t_ns, self._t_ns, "right")) - 1
        if self._fork is None or self._view is None:
            frame = empty_frame(self.id, self.kind)
            frame = replace(frame, seq=self.publisher.last.seq + 1, first_seq=self.publisher.last.seq + 1)
        elif row != self._row:
            table = self._view.table(run_, row, now_mono)
            frame = self._core.put(self._view.rows(table), self._t_ns, now_mono)
            frame = self._with_alarms(frame, run_, row)
            self._row = row
        else:
            frame = self._core.put(empty_batch(), self._t_ns, now_mono)
        phase = RunState.RUNNING if self._speed else RunState.PAUSED
        cursor = Cursor(speed=self._speed, asked=self._speed, from_ns=start, to_ns=end, note=self._note())
        self.publish(replace(frame, run=phase, cursor=cursor))

    def _note(self) -> str:
        entry = self._ensemble.entries.get(self._shown)
        if entry is None:
            return self.about
        card = entry.card
        return f"run '{card.title}'" if card.state == "done" else f"run '{card.title}' · {card.state}"

    def _with_alarms(self, frame: Frame, run_: Trajectory | None, row: int) -> Frame:
        """Return a frame with the alarms as the run has them: the states that differ from those shown."""
        fork, view = self._forked(), self._view
        if not self.alarm_specs or view is None:
            return frame
        if self._course is None:
            self._course = Course(self.alarm_specs, fork, view)
        if run_ is not None:
            self._course.follow(run_, row)
        states = self._course.at(row)
        shown = self.publisher.alarms
        changed = tuple(s for s in states.values() if repr(shown.get(s.id)) != repr(s))
        events = self._course.events(self._row, row) if row == self._row + 1 or self._speed > 0 else ()
        return replace(frame, alarms=changed, alarm_events=events)

    def _frame_of(self, name: str, t_ns: int) -> Frame:
        """Return a full frame of any run at a time."""
        self._forked()
        run_ = self._entry(name)
        if self._view is None:
            raise OrderFault("There is no fork.", where=self.id, remedy="Fork first.")
        row = -1
        if run_ is not None and len(run_.t_ns):
            row = max(0, int(np.searchsorted(run_.t_ns, t_ns, "right")) - 1)
        table = self._view.table(run_, row, self.clock.now_mono_ns())
        at = int(run_.t_ns[row]) if run_ is not None and row >= 0 else t_ns
        base = replace(empty_frame(self.id, self.kind, RunState.PAUSED), t_ns=at)
        return frame_of(table, np.arange(len(table), dtype=np.uint32), base)

    async def state_answer(self, t_ns: int = 0) -> StateAnswer:
        """Return the state of the shown run, now or at a time."""
        answer = await super().state_answer()
        if not t_ns or self._view is None:
            return answer
        start, end = self._extent()
        if not start <= t_ns <= end:
            raise WorldFault(
                f"The run goes from {iso(start)} to {iso(end)}.", where=iso(t_ns), remedy="Give a time in it."
            )
        frame = self._frame_of(self._shown, t_ns)
        return replace(
            answer,
            t_ns=t_ns,
            value=frame.value,
            source_ns=frame.source_ns,
            arrival_ns=frame.arrival_ns,
            quality=np.asarray(frame.quality, np.uint16),
            text=dict(frame.text),
        )

    def model_state(self) -> tuple[bytes, Mapping[str, float]]:
        """Return the parameters and inputs of the shown run at the cursor; the model itself is a worker's."""
        entry = self._ensemble.entries.get(self._shown)
        if entry is None or entry.job is None:
            return b"", {}
        job = entry.job
        out = {n: float(job.parameters.data[i, 0]) for i, n in enumerate(job.parameters.names)}
        out |= {n: float(job.inputs.data[i, 0]) for i, n in enumerate(job.inputs.names)}
        out |= {name: value for at, name, value in job.events if at <= self._t_ns}
        return b"", out


# ---------------------------------------------------------------- on disk


def _keep(folder: Path, wish: Fork, fork: Forked, scenario: Scenario, now_ns: int) -> None:
    """Keep what was forked, so that the world can be opened again. Raises ProjectFault."""
    info = snapshot.write(fork.state, folder, now_ns, "fork")
    document = {
        "schema": SCHEMA,
        "snapshot": Path(info.path).name,
        "scenario": "scenario.toml",
        "has_scenario": bool(wish.scenario),
        "title": wish.title,
        "model": {"name": fork.info.name, "version": fork.info.version},
        "project_hash": fork.state.project_hash,
    }
    scenarios.write(scenario, folder / "scenario.toml", Path(fork.project))
    results.replace(folder / FORK_FILE, json.dumps(document, indent=1).encode())


def _kept(folder: Path, wish: Fork) -> tuple[Fork, StateAnswer, str]:
    """Return a fork that was kept: the wish, the state, and the path of its scenario. Raises ProjectFault."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads((folder / FORK_FILE).read_text("utf-8"))
        if int(document["schema"]) > SCHEMA:
            raise ProjectFault(
                "The fork was written by a newer Armillary.", where=str(folder), remedy="Update Armillary."
            )
        state = snapshot.read(folder / str(document["snapshot"]))[1]
        has = str(document["scenario"]) if document["has_scenario"] else ""
        again = replace(wish, title=wish.title or str(document["title"]), scenario=has)
        return again, state, str(folder / str(document["scenario"]))
    raise ProjectFault("The fork cannot be read.", where=str(folder), remedy="Fork anew.")
