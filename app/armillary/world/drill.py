"""One exercise with its simulated plant: steps, malfunctions, deeds, moments to go back to, branches.

No wire and no clock of its own: `world.training` paces it, tests drive it step by step. The same lesson, seed
and deeds give the same stream of values, bit for bit; `digest` says so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmEvent, AlarmState
from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.control import MalfunctionSpec, StateAnswer
from armillary.model.fault import Fault, OrderFault
from armillary.model.frame import Frame, WorldKind
from armillary.model.lesson import Deed, Lesson
from armillary.model.quality import STALE, UNCERTAIN, rank
from armillary.model.sample import batch_of
from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    SimStart,
    SimStarted,
    SimStepped,
    Values,
    values_of,
)
from armillary.project.record import Project
from armillary.simulate.debrief import Attempt
from armillary.simulate.exercise import Exercise, Progress
from armillary.simulate.malfunctions import Active, Malfunctions
from armillary.twin.derive import Derived
from armillary.world.core import Core
from armillary.world.memory import Memory
from armillary.world.restoring import by_slot
from armillary.world.simulated import SimulatedSupply, Wiring
from armillary.world.tracks import tracks

BACKTRACK_S = 30.0
BACKTRACKS = 40
_MONO_NS = 1_000_000 * NS  # where the simulated monotonic clock begins
_HOUR = "time_of_day"  # a parameter that a model may have, in hours
_HOUR_NS = 3_600 * NS
_DAY_NS = 24 * _HOUR_NS


class Host(Protocol):
    """What a drill needs of `simulate.host.SimulatorHost`."""

    async def start(self, start: SimStart) -> SimStarted: ...
    async def step(self, inputs: Values, to_ns: int) -> SimStepped: ...
    async def save(self) -> ModelState: ...
    async def load(self, state: ModelState) -> SimStepped: ...


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
    deeds: int
    digest: bytes
    automatic: bool


class Drill:
    """A lesson being run. Single-threaded; every method belongs to the world's loop."""

    def __init__(
        self, project: Project, lesson: Lesson, info: ModelInfo, host: Host, *, world: str, start_ns: int
    ) -> None:
        self.lesson, self.info, self.start_ns = lesson, info, start_ns
        self.specs = project.specs
        self._host = host
        self.wiring = Wiring(project.specs, info, lesson.names)
        self.supply = SimulatedSupply(project.specs, project.links)
        self.alarms = Evaluator(project.alarms, project.specs)
        self.core = Core(
            world=world,
            kind=WorldKind.TRAINING,
            tags=len(project.specs),
            supply=self.supply,
            derived=Derived(project.specs),
            alarms=self.alarms,
        )
        self.exercise = Exercise(lesson, [spec.name for spec in project.specs])
        self.faults = Malfunctions(project.specs, info, lesson.seed)
        self.memory = Memory([spec.name for spec in project.specs])
        self.progress = Progress()
        self.deeds: list[Deed] = []
        self.moments: dict[str, Moment] = {}
        self.left: list[Attempt] = []  # branches that were given up
        self.held: dict[str, float] = {}  # inputs as people and the lesson have set them
        self.steps = 0
        self._sent: dict[str, float] = {}
        self._true: F8 = np.full(len(project.specs), np.nan)
        self._quality: U2 = np.zeros(len(project.specs), np.uint16)
        self._digest = b""
        self._alarm_log: list[tuple[int, AlarmState]] = []
        self._truth_log: dict[str, list[tuple[float, float]]] = {}
        self._number = 0

    # ---------------------------------------------------------------- time

    @property
    def t_s(self) -> float:
        """Simulated seconds since the start."""
        return self.progress.t_s

    @property
    def t_ns(self) -> int:
        return self.start_ns + round(self.t_s * NS)

    @property
    def branch(self) -> str:
        """`A` for the first attempt, `B` after going back once."""
        return chr(ord("A") + len(self.left) % 26)

    @property
    def over(self) -> bool:
        return bool(self.progress.ended)

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
        if state is not None and loaded is not None:
            frame = self._resumed(state, loaded)
        else:
            frame = self._show(outputs)
        self.keep("start", automatic=False, model=await self._host.save())
        return frame

    def _resumed(self, state: StateAnswer, outputs: F8) -> Frame:
        """Go on from a state exactly: what was told when, what alarms were counting."""
        self.wiring.spread(outputs, self._true)
        was = by_slot(state, self.specs)
        told = np.where(was.arrival_ns > 0, _MONO_NS + was.arrival_ns - state.t_ns, -(2**62))
        arrived = np.maximum(told, 0)
        batch = batch_of(
            np.arange(len(self.specs), dtype=np.uint32),
            was.value,
            was.source_ns,
            was.arrival_ns,
            arrived,
            quality=was.quality,
        )
        self.supply.resume(was.value, was.quality, told, _MONO_NS)
        frame = self.core.put(batch, self.start_ns, _MONO_NS)
        self.alarms.resume(self.core.table, state.pending, _MONO_NS)
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

    async def step(self) -> Frame:
        """Go on by one step; return the frame of what changed."""
        t_s = round((self.steps + 1) * self.lesson.step_s, 9)
        wanted = {**self.held, **self.faults.inputs(t_s)}
        changed = {name: v for name, v in wanted.items() if self._sent.get(name) != v}
        stepped = await self._host.step(values_of(changed), self.start_ns + round(t_s * NS))
        self._sent = wanted
        self.steps += 1
        for words in stepped.events:
            self.note(Deed(t_s=t_s, kind="instructor", what="model", text=words))
        return self._advance(t_s, stepped.values[0])

    def _advance(self, t_s: float, outputs: F8) -> Frame:
        for name in self.faults.over(t_s):
            self.clear(name, "its time is over", t_s)
        frame = self._show(outputs, t_s)
        table = self.core.table
        self.progress, due = self.exercise.step(self.progress, t_s, table.value, table.quality)
        for spec in due:
            self.begin_malfunction(spec, "", t_s)
        if self.progress.ended and not any(d.kind == "end" for d in self.deeds):
            self.note(Deed(t_s=t_s, kind="end", what=self.progress.ended, text=self.progress.failed))
        return frame

    def _show(self, outputs: F8, t_s: float = 0.0) -> Frame:
        """Lay the instruments' faults over the model's values and tick the core."""
        self.wiring.spread(outputs, self._true)
        shown = self.faults.shown(t_s, self._true, self._quality)
        t_ns = self.start_ns + round(t_s * NS)
        mono_ns = _MONO_NS + round(t_s * NS)
        self.supply.offer(shown.value, shown.quality, shown.silent, self.faults.lost_links(), t_ns, mono_ns)
        return self._took(self.core.tick(t_ns, mono_ns).frame, t_ns, t_s)

    def _took(self, frame: Frame, t_ns: int, t_s: float) -> Frame:
        """Remember what is shown now; return it."""
        table = self.core.table
        stream = hashlib.sha256(self._digest)
        for array in (np.array([t_ns]), table.value, table.quality):
            stream.update(np.ascontiguousarray(array).tobytes())
        self._digest = stream.digest()
        self._alarm_log += [(t_ns, state) for state in frame.alarms]
        for event in frame.alarm_events:
            self._heard(event, t_s)
        self.memory.add(t_ns, table)
        if self.faults.active and self.steps % max(1, round(1.0 / self.lesson.step_s)) == 0:
            for tag, true in self.truth().items():
                self._truth_log.setdefault(tag, []).append((t_s, true))
        return frame

    def _heard(self, event: AlarmEvent, t_s: float) -> None:
        if event.event == "RAISE":
            self.progress = self.exercise.happened(self.progress, f"alarm:{event.id}", t_s)
            self.note(Deed(t_s=t_s, kind="alarm", what=event.id, value=event.value, text=event.text))

    @property
    def digest(self) -> str:
        """SHA-256 over the stream of all values and qualities so far."""
        return self._digest.hex()

    # ---------------------------------------------------------------- what people do

    def note(self, deed: Deed) -> None:
        """Write a deed into the log; it may meet an expectation."""
        deed = replace(deed, branch=self.branch)
        self.deeds.append(deed)
        self.progress = self.exercise.done(self.progress, deed)

    def command(self, tag: str, value: float, actor: str) -> None:
        """Set an input of the model, as an operator would command it. Raises OrderFault."""
        if tag not in self.wiring.input_of:
            raise OrderFault(
                "The simulated plant does not take this command.",
                where=tag,
                remedy="Use a setpoint that the model has as an input.",
            )
        self.held[self.wiring.input_of[tag]] = value
        self.note(Deed(t_s=self.t_s, kind="command", what=tag, value=value, actor=actor))

    def act(self, act: AlarmAct, actor: str) -> AlarmActed:
        """Acknowledge or reset alarms."""
        alarm_of = {state.occurrence: state.id for state in self.alarms.states()}
        acted = self.alarms.act(act, actor, self.t_ns)
        for occurrence, result in zip(act.occurrences, acted.results, strict=True):
            if not result:
                what = alarm_of.get(occurrence, occurrence)
                self.note(Deed(t_s=self.t_s, kind=act.action, what=what, actor=actor, text=act.comment))
        return acted

    def redo(self, deed: Deed) -> None:
        """Do again what was recorded. Raises a Fault for what cannot be done now."""
        if deed.kind == "command":
            self.command(deed.what, deed.value, deed.actor)
        elif deed.kind in ("ack", "reset"):
            wanted = deed.what
            found = tuple(
                s.occurrence for s in self.alarms.states() if s.occurrence and wanted in ("any", s.id)
            )
            if found:
                action: Literal["ack", "reset"] = "ack" if deed.kind == "ack" else "reset"
                self.act(AlarmAct(action=action, occurrences=found, comment=deed.text), deed.actor)
        elif deed.kind in ("note", "mark"):
            self.note(replace(deed, t_s=self.t_s))

    def mark(self, points: float, comment: str, actor: str) -> None:
        """Note the instructor's mark."""
        self.progress = replace(self.progress, marks=(*self.progress.marks, (comment, points)))
        self.note(Deed(t_s=self.t_s, kind="mark", what="mark", value=points, actor=actor, text=comment))

    def end(self, why: str) -> None:
        """End the exercise now."""
        if not self.progress.ended:
            self.progress = replace(self.progress, ended=why)
            self.note(Deed(t_s=self.t_s, kind="end", what=why))

    def begin_malfunction(self, spec: MalfunctionSpec, actor: str, t_s: float | None = None) -> None:
        """Begin a malfunction. Raises ProjectFault when it aims at nothing."""
        at = self.t_s if t_s is None else t_s
        self.faults.begin(spec, at, self.core.table.value)
        self.progress = self.exercise.happened(self.progress, f"malfunction:{spec.id}", at)
        text = f"{spec.kind} at {spec.target}"
        self.note(Deed(t_s=at, kind="malfunction", what=spec.id, actor=actor, value=spec.severity, text=text))

    def clear(self, name: str, why: str, t_s: float | None = None) -> bool:
        """End a malfunction; return whether it was there."""
        if not self.faults.clear(name):
            return False
        at = self.t_s if t_s is None else t_s
        self.note(Deed(t_s=at, kind="clear", what=name, text=why))
        return True

    def check(self) -> None:
        """Raise ProjectFault for a malfunction or command of the lesson that the model cannot do."""
        for spec in self.lesson.malfunctions:
            self.faults.check(spec)
        for tag in self.lesson.inputs:
            self._input(tag)

    def _input(self, tag: str) -> str:
        name = self.wiring.input_of.get(tag, tag)
        if name not in self.wiring.inputs:
            raise OrderFault(
                f"The model has no input '{tag}'.",
                where=self.lesson.origin,
                remedy=f"Inputs are: {', '.join(sorted(self.wiring.inputs)[:30])}.",
            )
        return name

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
        return self._put(moment)

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
        frame = self.core.put(batch, self.t_ns, _MONO_NS + round(self.t_s * NS))
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
        mono_ns = _MONO_NS + (t_ns - self.start_ns)
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

    # ---------------------------------------------------------------- what is seen

    def truth(self) -> Mapping[str, float]:
        """Return the true values of tags whose instruments show something else."""
        table = self.core.table
        with np.errstate(invalid="ignore"):
            differs = np.abs(self._true - table.value) > 1e-9 * np.maximum(1.0, np.abs(self._true))
        slots = np.flatnonzero(differs & np.isfinite(self._true))
        derived = [spec.slot for spec in self.specs if spec.expression]
        return {self.specs[s].name: float(self._true[s]) for s in np.setdiff1d(slots, derived).tolist()}

    def alarms_at(self, t_ns: int) -> tuple[AlarmState, ...]:
        """Return the alarm states as they were."""
        out: dict[str, AlarmState] = {}
        for at, state in self._alarm_log:
            if at > t_ns:
                break
            out[state.id] = state
        return tuple(out.values())
