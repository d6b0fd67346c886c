"""Procedures at this desk: the step that is shown, what may be done with it, a dry run that asks no world.

The runs are the world's (`mirror.procedures`): all desks see the same, a replay shows those of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.model.account import Right, may
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.procedure import (
    ActionOf,
    ActOnProcedure,
    AskProcedures,
    Procedure,
    ProcedureRun,
    Procedures,
    ProcedureStep,
    StartProcedure,
)
from armillary.model.scene import SceneArrays, index_of
from armillary.model.tags import TagSpec
from armillary.session.condition_now import ConditionNow, Conditions
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal

ASK_S = 20.0
DRY = "dry run"  # id of a run that no world knows
CARRIED_OUT_IN = (WorldKind.LIVE, WorldKind.TRAINING)
Answered = Callable[[object], None]
Told = Callable[[str], None]  # "" = done, else why not


class Host(Protocol):
    """What the workspace is for this."""

    mirror: Mirror
    specs: tuple[TagSpec, ...]
    role: str
    frame_arrived: Signal[U4]
    scene_changed: Signal[()]
    visited: Signal[()]
    world_changed: Signal[()]

    @property
    def scene(self) -> SceneArrays | None: ...
    def now_mono_ns(self) -> int: ...
    def ask_world(self, message: object, callback: Answered, timeout_s: float = ...) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideCard:
    """What the card over the picture shows."""

    run: str
    title: str  # of the procedure
    place: str  # `Step 2 of 6`
    step: str  # its title
    text: str
    condition: str  # `until V-101.position < 2`; "" = there is none
    now: ConditionNow | None
    state: str  # a sentence
    tone: str  # waiting | bad | holding | confirm | over
    held: float  # 0…1 of the time that it must hold
    can_confirm: bool
    why_not_skip: str
    why_not_abort: str
    is_dry: bool = False
    is_over: bool = False
    history: tuple[str, ...] = ()  # steps that are over, a line each


class Guide:
    """One thread, the desk's."""

    def __init__(self, host: Host) -> None:
        self.changed: Signal[()] = Signal()
        self.listed = Procedures()
        self.chosen = ""  # id of the run that is shown; "" = the newest under way
        self._host = host
        self._conditions = Conditions()
        self._dry: ProcedureRun | None = None
        self._away: set[str] = set()  # runs that are over, and were put away
        self._told: object = None
        host.frame_arrived.connect(lambda _slots: self._look())
        for signal in (host.scene_changed, host.visited, host.world_changed):
            signal.connect(self.changed.emit)

    # ------------------------------------------------------------ what is shown

    @property
    def run(self) -> ProcedureRun | None:
        """The run that is shown: a dry one, the chosen one, else the newest; one that is over stays."""
        if self._dry is not None:
            return self._dry
        runs = [run for run in self._host.mirror.procedures if run.id not in self._away]
        chosen = next((run for run in runs if run.id == self.chosen), None)
        under_way = [run for run in runs if run.step is not None]
        return chosen or (under_way[-1] if under_way else runs[-1] if runs else None)

    @property
    def others(self) -> tuple[ProcedureRun, ...]:
        """The other runs that are under way."""
        shown = self.run
        return tuple(r for r in self._host.mirror.procedures if r.step is not None and r is not shown)

    def prims(self) -> tuple[int, ...]:
        """Return the prims of the present step, of this scene."""
        run, scene = self.run, self._host.scene
        step = run.step if run is not None else None
        if step is None or scene is None:
            return ()
        known = index_of(scene.prim_path)
        return tuple(known[prim] for prim in step.prims if prim in known)

    def card(self) -> GuideCard | None:
        """Return what the card shows now, None while no procedure is carried out."""
        run = self.run
        if run is None:
            return None
        step, steps = run.step, run.procedure.steps
        history = tuple(_line(run, number) for number in range(len(run.done)))
        if step is None:
            word = "Done" if run.phase == "done" else f"Given up: {run.done[-1].reason}"
            return GuideCard(
                run=run.id,
                title=run.procedure.title,
                place=f"{run.index} of {len(steps)} steps",
                step="",
                text="",
                condition="",
                now=None,
                state=word,
                tone="over",
                held=0.0,
                can_confirm=False,
                why_not_skip="It is over.",
                why_not_abort="It is over.",
                is_dry=run.id == DRY,
                is_over=True,
                history=history,
            )
        host = self._host
        now = None
        if step.until:
            now = self._conditions.now(step.until, host.specs, host.mirror, host.now_mono_ns())
        state, tone = _state(run, step, host.mirror.kind)
        return GuideCard(
            run=run.id,
            title=run.procedure.title,
            place=f"Step {run.index + 1} of {len(steps)}",
            step=step.title or step.id,
            text=step.text,
            condition=f"until {step.until}" if step.until else "",
            now=now,
            state=state,
            tone=tone,
            held=_held(run, step, host.mirror.t_ns),
            can_confirm=run.step_phase == "confirm" and not self.why_not_act(),
            why_not_skip=self._why_not_skip(run, step),
            why_not_abort=self.why_not_act(),
            is_dry=run.id == DRY,
            history=history,
        )

    def why_not_act(self) -> str:
        """Return why nothing can be done with a run from here, "" when it can."""
        if self._dry is not None:
            return ""
        kind = self._host.mirror.kind
        if kind not in CARRIED_OUT_IN:
            return f"A {kind.value} world shows what was done."
        if not self._host.mirror.live:
            return "Not connected to a world."
        if not may(self._host.role, Right.COMMAND, training=kind is WorldKind.TRAINING):
            return f"The role {self._host.role or 'viewer'} carries no procedure out."
        return ""

    def _why_not_skip(self, run: ProcedureRun, step: ProcedureStep) -> str:
        if self._dry is not None:
            return ""
        if step.skip == "nobody":
            return "This step may not be skipped."
        training = self._host.mirror.kind is WorldKind.TRAINING
        right = Right.COMMAND_ENGINEER if step.skip == "engineer" else Right.COMMAND
        if not may(self._host.role, right, training=training):
            return f"Only an {step.skip} may skip this step."
        return self.why_not_act()

    def _look(self) -> None:
        """Tell of what a frame changed: while a step is shown its condition may read otherwise."""
        card = self.card()
        if card != self._told:
            self._told = card
            self.changed.emit()

    # ------------------------------------------------------------ what a person does

    def look_up(self, then: Callable[[], None]) -> None:
        """Ask for the procedures that there are: `listed` follows, then `then` is called."""

        def answered(answer: object) -> None:
            if isinstance(answer, Procedures):
                self.listed = answer
            elif isinstance(answer, FaultRecord):
                self.listed = Procedures(wrong=(f"{answer.what} {answer.remedy}",))
            then()

        self._host.ask_world(AskProcedures(), answered, ASK_S)

    def open(self, id_: str, told: Told) -> None:
        """Show the run of a procedure that is under way, or begin one when there is none."""
        if why := self.why_not_act():
            told(why)
            return
        running = (r for r in self._host.mirror.procedures if r.procedure.id == id_ and r.step is not None)
        if (found := next(running, None)) is not None:
            self._dry, self.chosen = None, found.id
            told(f"{found.procedure.title}: it is under way.")
            self.changed.emit()
            return

        def listed() -> None:
            if any(each.id == id_ for each in self.listed.items):
                self.start(id_, told)
            else:
                told(f"There is no procedure '{id_}' in this project: an engineer adds it.")

        self.look_up(listed)

    def start(self, id_: str, told: Told) -> None:
        """Begin a procedure in the world that is shown."""
        self._dry = None

        def answered(answer: object) -> None:
            if isinstance(answer, ProcedureRun):
                self.chosen = answer.id
            told(_why(answer))
            self.changed.emit()

        self._host.ask_world(StartProcedure(id=id_, tag=self._first_tag(id_)), answered, ASK_S)

    def _first_tag(self, id_: str) -> str:
        """Return the tag that a procedure reads first, "" for one that reads none."""
        for procedure in self.listed.items:
            for step in procedure.steps if procedure.id == id_ else ():
                compiled = self._conditions.compiled(step.until, self._host.specs) if step.until else None
                if isinstance(compiled, Expression) and compiled.names:
                    return compiled.names[0]
        return ""

    def act(self, action: ActionOf, told: Told, reason: str = "") -> None:
        """Confirm or skip the step that is shown, or give the run up."""
        run = self.run
        step = run.step if run is not None else None
        if run is None or step is None:
            told("No procedure is being carried out.")
        elif self._dry is not None:
            self._dry_act(action)
            told("")
        else:
            wish = ActOnProcedure(run=run.id, action=action, step=step.id, reason=reason)
            self._host.ask_world(wish, lambda answer: told(_why(answer)), ASK_S)

    def put_away(self) -> None:
        """Hide a run that is over, or end a dry run."""
        if self._dry is not None:
            self._dry = None
        elif self.run is not None and self.run.step is None:
            self._away.add(self.run.id)
        self.changed.emit()

    def choose(self, run: str) -> None:
        """Show another run."""
        self.chosen = run
        self.changed.emit()

    # ------------------------------------------------------------ dry run

    def try_out(self, procedure: Procedure, index: int = 0) -> None:
        """Walk through a procedure on this desk alone: nothing is asked of a world, nothing is written."""
        at = min(max(index, 0), max(0, len(procedure.steps) - 1))
        self._dry = ProcedureRun(id=DRY, procedure=procedure, index=at, step_phase="confirm")
        self.changed.emit()

    def _dry_act(self, action: ActionOf) -> None:
        run = self._dry
        if run is not None and action == "abort":
            self._dry = None
        elif run is not None:
            index = run.index + 1
            is_over = index >= len(run.procedure.steps)
            self._dry = replace(run, index=index, phase="done" if is_over else "running")
        self.changed.emit()

    def back(self) -> None:
        """Go one step back in a dry run."""
        run = self._dry
        if run is not None and run.index > 0:
            self._dry = replace(run, index=run.index - 1, phase="running")
            self.changed.emit()


def _why(answer: object) -> str:
    return f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else ""


def _held(run: ProcedureRun, step: ProcedureStep, t_ns: int) -> float:
    if run.step_phase == "confirm":
        return 1.0
    if run.step_phase != "holding" or not step.held_s:
        return 0.0
    return min(1.0, max(0.0, (t_ns - run.since_ns) / (step.held_s * NS)))


def _state(run: ProcedureRun, step: ProcedureStep, kind: WorldKind) -> tuple[str, str]:
    if run.id == DRY:
        return "Dry run: nothing is asked of the plant, nothing is written.", "confirm"
    held = f" for {step.held_s:g} s" if step.held_s else ""
    match run.step_phase:
        case "no_data":
            return "Waiting for good data.", "bad"
        case "holding":
            return f"It holds; it must{held}.", "holding"
        case "confirm":
            asked = "It holds. Confirm" if step.until else "Confirm"
            replayed = "A person was asked" if kind is WorldKind.REPLAY else f"{asked} when it is done"
            return f"{replayed}.", "confirm"
        case _:
            return f"Waiting until it holds{held}.", "waiting"


def _line(run: ProcedureRun, number: int) -> str:
    over, steps = run.done[number], run.procedure.steps
    title = next((step.title or step.id for step in steps if step.id == over.step), over.step)
    who = over.name or over.user
    how = {"condition": "by its condition", "confirmed": f"confirmed by {who}"}.get(over.how)
    return f"{title}: {how or f'{over.how} by {who}: {over.reason}'}"
