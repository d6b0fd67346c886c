"""One exercise with its simulated plant: steps, malfunctions, deeds, moments to go back to, branches.

No wire and no clock of its own: `world.training` paces it, tests drive it step by step. The same lesson, seed
and deeds give the same stream of values, bit for bit; `digest` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.alarm import AlarmState
from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.control import StateAnswer
from armillary.model.fault import Fault, OrderFault
from armillary.model.frame import Frame
from armillary.model.lesson import Deed, Lesson
from armillary.model.quality import STALE, UNCERTAIN, rank
from armillary.model.sample import batch_of
from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    SimStart,
    values_of,
)
from armillary.project.record import Project
from armillary.simulate.debrief import Attempt
from armillary.simulate.exercise import Progress
from armillary.simulate.malfunctions import Active
from armillary.twin import past_pack
from armillary.world.restoring import by_slot
from armillary.world.stepping import MONO_NS, Host, Stepping
from armillary.world.tracks import tracks

__all__ = ["Drill", "Host", "Moment"]

BACKTRACK_S = 30.0
BACKTRACKS = 40
_HOUR = "time_of_day"  # a parameter that a model may have, in hours
_HOUR_NS = 3_600 * NS
_DAY_NS = 24 * _HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything that an exercise is made of at one time: going back restores it exactly."""

    id: str
    title: str
    t_s: float
    model: ModelState
    progress: Progress
    active: Mapping[str, Active]
    held: Mapping[str, float]
    value: F8
    quality: U2
    source_ns: I8
    arrival_ns: I8
    arrival_mono_ns: I8
    alive_mono_ns: I8
    true: F8
    alarms: object  # of Evaluator.freeze
    supply: object  # of SimulatedSupply.freeze
    past: object  # of Pasts.freeze; None: no tag looks back
    deeds: int
    digest: bytes
    automatic: bool


class Drill(Stepping):
    """A lesson being run. Single-threaded; every method belongs to the world's loop."""

    def __init__(
        self, project: Project, lesson: Lesson, info: ModelInfo, host: Host, *, world: str, start_ns: int
    ) -> None:
        super().__init__(project, lesson, info, host, world=world, start_ns=start_ns)
        self.moments: dict[str, Moment] = {}
        self._number = 0

    # ---------------------------------------------------------------- beginning

    async def begin(self, state: StateAnswer | None) -> Frame:
        """Start the model, from a state where there is one; return the first frame."""
        initial: dict[str, float] = {}
        wished = {self._input(tag): value for tag, value in self.lesson.inputs.items()}
        inputs = dict(wished)
        if state is not None:
            known = {tag: float(v) for tag, v in zip(state.tags, state.value.tolist(), strict=True)}
            initial = {
                variable: known[tag]
                for tag, variable in self.wiring.variable_of.items()
                if math.isfinite(known.get(tag, math.nan))
            }
            taken = {
                variable: known[tag]
                for tag, variable in self.wiring.input_of.items()
                if math.isfinite(known.get(tag, math.nan))
            }
            inputs = {**taken, **wished}
            was = by_slot(state, self.specs)
            self._true[:] = was.value
            own = np.array([spec.slot for spec in self.wiring.unmapped(self.specs)], np.int64)
            word = was.quality[own]  # nobody computes these: they are as good as they were
            self._quality[own] = np.where(rank(word) == STALE, UNCERTAIN, word)
        self.held = dict(inputs)
        self._sent = {**inputs, **self.faults.inputs(0.0)}
        hour = self.info.named(_HOUR)
        of_day = {_HOUR: self.start_ns % _DAY_NS / _HOUR_NS} if hour is not None else {}
        started = await self._host.start(
            SimStart(
                t_ns=self.start_ns,
                seed=self.lesson.seed,
                parameters=values_of(of_day),
                initial=values_of(initial),
                inputs=values_of(self._sent),
            )
        )
        outputs = started.values[0]
        loaded = await self._loaded(state, wished) if state is not None and state.simulator else None
        if state is not None:
            self.alarms.restore(state.alarms, state.t_ns)
            self._remember(state)
        if state is not None and loaded is not None:
            frame = self._resumed(state, loaded)
        else:
            frame = self._show(outputs)
        self.keep("start", automatic=False, model=await self._host.save())
        return frame

    def _remember(self, state: StateAnswer) -> None:
        """Let functions over time go on from where they were; those it does not know begin anew."""
        if self.past is None:
            return
        was = by_slot(state, self.specs)
        self.derived.go_on(was.value, state.t_ns)
        self.past.restore(past_pack.known(state.past), state.t_ns)

    def _resumed(self, state: StateAnswer, outputs: F8) -> Frame:
        """Go on from a state exactly: what was told when, what alarms were counting."""
        self.wiring.spread(outputs, self._true)
        was = by_slot(state, self.specs)
        told = np.where(was.arrival_ns > 0, MONO_NS + was.arrival_ns - state.t_ns, -(2**62))
        arrived = np.maximum(told, 0)
        batch = batch_of(
            np.arange(len(self.specs), dtype=np.uint32),
            was.value,
            was.source_ns,
            was.arrival_ns,
            arrived,
            quality=was.quality,
        )
        self.supply.resume(was.value, was.quality, told, MONO_NS)
        frame = self.core.put(batch, self.start_ns, MONO_NS)
        self.alarms.resume(self.core.table, state.pending, MONO_NS)
        _, events = self.alarms.take()
        return self._took(
            replace(frame, alarms=self.alarms.states(), alarm_events=events), self.start_ns, 0.0
        )

    async def _loaded(self, state: StateAnswer, wished: Mapping[str, float]) -> F8 | None:
        """Return the outputs of a saved state; None when it is of another model: the start is an estimate.

        It brings its inputs along, another exercise's malfunctions too: the first step tells all anew.
        """
        try:
            loaded = await self._host.load(ModelState(data=state.simulator, t_ns=state.t_ns))
        except Fault as fault:
            self.note(Deed(t_s=0.0, kind="instructor", what="model", text=f"Start estimated: {fault.what}"))
            return None
        known = {name: value for name, value in state.model.items() if name in self.wiring.inputs}
        self.held = {**known, **wished}
        self._sent = {}
        shown: F8 = loaded.values[0]
        return shown

    # ---------------------------------------------------------------- moments and branches

    @property
    def backtrack_due(self) -> bool:
        """Whether the automatic moment of this time is still to be kept."""
        last = max((m.t_s for m in self.moments.values()), default=-BACKTRACK_S)
        return self.t_s - last >= BACKTRACK_S

    async def snapshot(self, title: str, *, automatic: bool = False) -> Moment:
        """Keep this moment; the oldest automatic ones yield."""
        return self.keep(title, automatic=automatic, model=await self._host.save())

    def keep(self, title: str, *, automatic: bool, model: ModelState) -> Moment:
        self._number += 1
        table = self.core.table
        moment = Moment(
            id=f"moment-{self._number}",
            title=title,
            t_s=self.t_s,
            model=model,
            progress=self.progress,
            active=dict(self.faults.active),
            held=dict(self.held),
            value=table.value.copy(),
            quality=table.quality.copy(),
            source_ns=table.source_ns.copy(),
            arrival_ns=table.arrival_ns.copy(),
            arrival_mono_ns=table.arrival_mono_ns.copy(),
            alive_mono_ns=table.alive_mono_ns.copy(),
            true=self._true.copy(),
            alarms=self.alarms.freeze(),
            supply=self.supply.freeze(),
            past=self.past.freeze() if self.past is not None else None,
            deeds=len(self.deeds),
            digest=self._digest,
            automatic=automatic,
        )
        self.moments[moment.id] = moment
        old = [m.id for m in self.moments.values() if m.automatic]
        for name in old[: max(0, len(old) - BACKTRACKS)]:
            del self.moments[name]
        return moment

    async def go_back(self, name: str) -> Frame:
        """Go back to a moment; what came since is kept as a branch. Raises OrderFault for none such."""
        moment = self.moments.get(name)
        if moment is None:
            raise OrderFault("There is no such moment.", where=name, remedy="Choose one of the list.")
        await self._host.load(moment.model)
        self.left.append(self.attempt())
        self.progress, self.held = moment.progress, dict(moment.held)
        self.faults.active = dict(moment.active)
        self.deeds = self.deeds[: moment.deeds]
        self.steps = round(moment.t_s / self.lesson.step_s)
        self._sent = {}  # everything is told to the model again
        self._true, self._digest = moment.true.copy(), moment.digest
        self.memory.forget_after(self.t_ns)
        self._alarm_log = [entry for entry in self._alarm_log if entry[0] <= self.t_ns]
        self._truth_log = {
            tag: [p for p in points if p[0] <= moment.t_s] for tag, points in self._truth_log.items()
        }
        self.moments = {k: m for k, m in self.moments.items() if m.t_s <= moment.t_s}
        self.supply.thaw(moment.supply)
        self.alarms.thaw(moment.alarms)
        frame = self._put(moment)
        if self.past is not None:
            self.past.thaw(moment.past)
        return frame

    def _put(self, was: Moment) -> Frame:
        """Show a moment as it was, with the times of its samples; return the frame."""
        batch = batch_of(
            np.arange(len(self.specs), dtype=np.uint32),
            was.value,
            was.source_ns,
            was.arrival_ns,
            was.arrival_mono_ns,
            quality=was.quality,
        )
        frame = self.core.put(batch, self.t_ns, MONO_NS + round(self.t_s * NS))
        self.core.table.alive_mono_ns[:] = was.alive_mono_ns
        return replace(frame, alarms=self.alarms.states())

    def look_back(self, t_ns: int) -> Frame | None:
        """Return the frame that shows this exercise as it was at a time; None where nothing is remembered.

        It is for a debrief: the core shows the past from then on.
        """
        row = self.memory.at(t_ns)
        if row is None:
            return None
        value, quality = row
        mono_ns = MONO_NS + (t_ns - self.start_ns)
        slots = np.arange(len(value), dtype=np.uint32)
        times = np.full(len(value), t_ns, np.int64)
        self.supply.restart()  # a link lost at the end was not lost then: qualities are as remembered
        frame = self.core.put(batch_of(slots, value, times, t_ns, mono_ns, quality=quality), t_ns, mono_ns)
        was = {state.id: state for state in self.alarms_at(t_ns)}
        states = (was.get(s.id, replace(s, process=type(s.process).NORM)) for s in self.alarms.states())
        return replace(frame, alarms=tuple(states))

    def attempt(self) -> Attempt:
        """Return this branch as the debrief shows it."""
        return Attempt(
            branch=self.branch,
            deeds=tuple(self.deeds),
            tracks=tracks(
                self.lesson,
                {spec.name: spec.unit for spec in self.specs},
                self.deeds,
                self.memory,
                self._truth_log,
                self.start_ns,
            ),
            score=self.exercise.score(self.progress),
            ended=self.progress.ended,
            failed=self.progress.failed,
            digest=self.digest,
            until_s=self.t_s,
        )

    def alarms_at(self, t_ns: int) -> tuple[AlarmState, ...]:
        """Return the alarm states as they were."""
        out: dict[str, AlarmState] = {}
        for at, state in self._alarm_log:
            if at > t_ns:
                break
            out[state.id] = state
        return tuple(out.values())
