"""A lesson's simulated plant being stepped: malfunctions over its values, alarms, deeds and their worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmAction, AlarmEvent, AlarmState
from armillary.model.arrays import F8, U2
from armillary.model.clock import NS
from armillary.model.control import MalfunctionSpec
from armillary.model.fault import OrderFault
from armillary.model.frame import Frame, WorldKind
from armillary.model.lesson import Deed, Lesson
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
from armillary.simulate.malfunctions import Malfunctions
from armillary.twin.derive import Derived
from armillary.world.core import Core
from armillary.world.memory import Memory
from armillary.world.simulated import SimulatedSupply, Wiring

HIDES: Mapping[str, AlarmAction] = {
    "shelve": "shelve",
    "unshelve": "unshelve",
    "remove": "remove",
    "place": "place",
}
MONO_NS = 1_000_000 * NS  # where the simulated monotonic clock begins


class Host(Protocol):
    """What a drill needs of `simulate.host.SimulatorHost`."""

    async def start(self, start: SimStart) -> SimStarted: ...
    async def step(self, inputs: Values, to_ns: int) -> SimStepped: ...
    async def save(self) -> ModelState: ...
    async def load(self, state: ModelState) -> SimStepped: ...


class Stepping:
    """A lesson going forwards. Single-threaded; `world.drill.Drill` begins it and goes back in it."""

    def __init__(
        self, project: Project, lesson: Lesson, info: ModelInfo, host: Host, *, world: str, start_ns: int
    ) -> None:
        self.lesson, self.info, self.start_ns = lesson, info, start_ns
        self.specs = project.specs
        self._host = host
        self.wiring = Wiring(project.specs, info, lesson.names)
        self.supply = SimulatedSupply(project.specs, project.links)
        self.alarms = Evaluator(project.alarms, project.specs, project.suppressions)
        self.derived = derived = Derived(project.specs, project.timezone)
        self.past = derived.past
        self.core = Core(
            world=world,
            kind=WorldKind.TRAINING,
            tags=len(project.specs),
            supply=self.supply,
            derived=derived,
            alarms=self.alarms,
        )
        self.exercise = Exercise(lesson, [spec.name for spec in project.specs])
        self.faults = Malfunctions(project.specs, info, lesson.seed)
        self.memory = Memory([spec.name for spec in project.specs])
        self.progress = Progress()
        self.deeds: list[Deed] = []
        self.left: list[Attempt] = []  # branches that were given up
        self.held: dict[str, float] = {}  # inputs as people and the lesson have set them
        self.steps = 0
        self._sent: dict[str, float] = {}
        self._true: F8 = np.full(len(project.specs), np.nan)
        self._quality: U2 = np.zeros(len(project.specs), np.uint16)
        self._digest = b""
        self._alarm_log: list[tuple[int, AlarmState]] = []
        self._truth_log: dict[str, list[tuple[float, float]]] = {}

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
        mono_ns = MONO_NS + round(t_s * NS)
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

    def act(self, act: AlarmAct, actor: str, is_engineer: bool = False) -> AlarmActed:
        """Do what a person wants with alarms."""
        alarm_of = {state.occurrence: state.id for state in self.alarms.states()}
        acted = self.alarms.act(act, actor, self.t_ns, is_engineer)
        for occurrence, result in zip(act.occurrences, acted.results, strict=True):
            if not result:
                what = alarm_of.get(occurrence, occurrence)
                self.note(
                    Deed(
                        t_s=self.t_s,
                        kind=act.action,
                        what=what,
                        value=act.duration_s if act.action == "shelve" else float("nan"),
                        actor=actor,
                        text=act.comment,
                    )
                )
        return acted

    def redo(self, deed: Deed) -> None:
        """Do again what was recorded. Raises a Fault for what cannot be done now."""
        if deed.kind == "command":
            self.command(deed.what, deed.value, deed.actor)
        elif deed.kind in ("ack", "reset", "comment"):
            wanted = deed.what
            found = tuple(
                s.occurrence for s in self.alarms.states() if s.occurrence and wanted in ("any", s.id)
            )
            if found:
                acts: Mapping[str, AlarmAction] = {"ack": "ack", "reset": "reset", "comment": "comment"}
                action = acts[deed.kind]
                self.act(AlarmAct(action=action, occurrences=found, comment=deed.text), deed.actor)
        elif deed.kind in HIDES:
            duration_s = deed.value if deed.kind == "shelve" else 0.0
            hides = AlarmAct(
                action=HIDES[deed.kind],
                occurrences=(deed.what,),
                comment=deed.text,
                duration_s=duration_s,
            )
            self.act(hides, deed.actor, is_engineer=True)  # whoever did it was allowed to
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

    # ---------------------------------------------------------------- what is seen

    def truth(self) -> Mapping[str, float]:
        """Return the true values of tags whose instruments show something else."""
        table = self.core.table
        with np.errstate(invalid="ignore"):
            differs = np.abs(self._true - table.value) > 1e-9 * np.maximum(1.0, np.abs(self._true))
        slots = np.flatnonzero(differs & np.isfinite(self._true))
        derived = [spec.slot for spec in self.specs if spec.expression]
        return {self.specs[s].name: float(self._true[s]) for s in np.setdiff1d(slots, derived).tolist()}
