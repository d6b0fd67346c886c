"""Procedures being carried out in one world: all its desks see the same run, whoever began it.

A step with a condition goes on by itself once that is GOOD and true for its time; on stale or bad data it
waits and says so. Pure but for the table it reads: no clock, no wire, no disk. `take` gives what happened,
for whoever writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from armillary.model.account import LoggedIn, Right, may
from armillary.model.clock import NS
from armillary.model.fault import OrderFault, ProjectFault
from armillary.model.procedure import (
    LONGEST_REASON,
    ActOnProcedure,
    How,
    Procedure,
    ProcedureRun,
    ProcedureStep,
    StartProcedure,
    StepDone,
    StepPhase,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.world.interlocks import Senses

MOST_RUNS = 20  # at once
RUNS_KEPT = 100  # with those that are over
OVER_SHOWN = 5
NOBODY = LoggedIn(user="", name="", role="")
_SKIPPED: How = "skipped"
Happened = tuple[ProcedureRun, LoggedIn, str]  # (the run after it, who did it or NOBODY, in words)


class Instructing:
    """The runs of one world. One thread."""

    def __init__(
        self,
        specs: Sequence[TagSpec],
        read: Callable[[str], Procedure],
        *,
        runs: Iterable[ProcedureRun] = (),
        training: bool = False,
    ) -> None:
        """`read`: gives a procedure by id or raises ProjectFault. `runs`: known from before a restart.

        training: an instructor may do what an operator may.
        """
        self._specs, self._read, self._training = specs, read, training
        self._senses: Senses | None = None
        self._table: TagTable | None = None
        self._mono: dict[str, int] = {}  # run → since when its phase is, monotonic
        self._is_changed = True  # a world that starts tells what goes on
        self._happened: list[Happened] = []
        self._log: list[ProcedureRun] = []  # of a training world every state, oldest first: time goes back
        self._number = 0
        self.runs: dict[str, ProcedureRun] = {run.id: run for run in runs}
        for run in list(self.runs.values()):
            if (step := run.step) is not None:  # how long it held is not known: it is held anew
                self.runs[run.id] = replace(run, step_phase="confirm" if not step.until else "waiting")

    @property
    def open(self) -> tuple[ProcedureRun, ...]:
        """The runs that are under way."""
        return tuple(run for run in self.runs.values() if run.step is not None)

    # ---------------------------------------------------------------- what people do

    def start(self, wish: StartProcedure, who: LoggedIn, now_ns: int) -> ProcedureRun:
        """Begin a procedure. Raises ProjectFault and OrderFault."""
        procedure = self._read(wish.id)
        self._must_be(who, procedure.role, f"run '{procedure.title}'")
        if any(run.procedure.id == procedure.id for run in self.open):
            raise OrderFault(
                f"'{procedure.title}' is being carried out already.",
                where=procedure.id,
                remedy="Go on with it, or give it up first.",
            )
        if len(self.open) >= MOST_RUNS:
            raise OrderFault(
                f"{MOST_RUNS} procedures are under way.", where=procedure.id, remedy="End one of them first."
            )
        self._number += 1
        run = ProcedureRun(
            id=f"{procedure.id}-{now_ns:x}-{self._number}",
            procedure=procedure,
            started_ns=now_ns,
            started_by=who.user,
            step_phase=_first_phase(procedure.steps[0]),
            since_ns=now_ns,
            t_ns=now_ns,
        )
        self._note(run, who, f"began '{procedure.title}'")
        return run

    def act(self, wish: ActOnProcedure, who: LoggedIn, now_ns: int) -> ProcedureRun:
        """Confirm or skip the present step, or give a run up. Raises OrderFault."""
        run = self.runs.get(wish.run)
        step = run.step if run is not None else None
        if run is None or step is None:
            raise OrderFault(
                "This procedure is not being carried out.", where=wish.run, remedy="Begin it again."
            )
        if wish.step not in ("", step.id):
            what = f"It is at step '{step.id}' by now, not at '{wish.step}'."
            raise OrderFault(what, where=run.procedure.id, remedy="Read the present step first.")
        reason = " ".join(wish.reason.split())[:LONGEST_REASON]
        self._must_be(who, run.procedure.role, "do that")
        if wish.action == "abort":
            return self._abort(run, step, who, reason, now_ns)
        if wish.action == "skip":
            return self._skip(run, step, who, reason, now_ns)
        if run.step_phase != "confirm":
            raise OrderFault(
                f"Step '{step.id}' cannot be confirmed yet: its condition is not met and held.",
                where=run.procedure.id,
                remedy=f"See that '{step.until}' holds for {step.held_s:g} s.",
            )
        return self._next(run, step, "confirmed", who, reason, now_ns)

    def _skip(
        self, run: ProcedureRun, step: ProcedureStep, who: LoggedIn, reason: str, now_ns: int
    ) -> ProcedureRun:
        if step.skip == "nobody":
            raise OrderFault(
                f"Step '{step.id}' may not be skipped.", where=run.procedure.id, remedy="Carry it out."
            )
        self._must_be(who, step.skip, "skip this step")
        if not reason:
            raise OrderFault("Skipping needs a reason.", where=step.id, remedy="Say why it is left out.")
        return self._next(run, step, _SKIPPED, who, reason, now_ns)

    def _abort(
        self, run: ProcedureRun, step: ProcedureStep, who: LoggedIn, reason: str, now_ns: int
    ) -> ProcedureRun:
        if not reason:
            raise OrderFault("Giving up needs a reason.", where=step.id, remedy="Say why.")
        over = StepDone(step=step.id, how="aborted", t_ns=now_ns, user=who.user, name=who.name, reason=reason)
        run = replace(run, phase="aborted", done=(*run.done, over), t_ns=now_ns)
        self._note(run, who, f"gave '{run.procedure.title}' up at step {run.index + 1}: {reason}")
        return run

    def _must_be(self, who: LoggedIn, role: str, what: str) -> None:
        right = Right.COMMAND_ENGINEER if role == "engineer" else Right.COMMAND
        if not may(who.role, right, training=self._training):
            raise OrderFault(
                f"The role '{who.role or 'none'}' may not {what}.",
                where=who.user,
                remedy=f"Log in as {'an engineer' if role == 'engineer' else 'an operator or engineer'}.",
            )

    # ---------------------------------------------------------------- ticks

    def tick(self, table: TagTable, now_ns: int, now_mono_ns: int) -> None:
        """Look at the conditions of the present steps, once a tick."""
        for run in self.open:
            step = run.step
            if step is not None and step.until:
                self._look(run, step, table, now_ns, now_mono_ns)

    def _look(
        self, run: ProcedureRun, step: ProcedureStep, table: TagTable, now_ns: int, now_mono_ns: int
    ) -> None:
        reading = self._sense(step, table, now_mono_ns)
        phase: StepPhase = "no_data" if reading is None else "holding" if reading else "waiting"
        if phase == "holding":
            is_new = run.step_phase not in ("holding", "confirm") or run.id not in self._mono
            if is_new:
                self._mono[run.id] = now_mono_ns
            if now_mono_ns - self._mono[run.id] >= step.held_s * NS:
                if not step.needs_person:
                    self._next(run, step, "condition", NOBODY, "", now_ns)
                    return
                phase = "confirm"
        else:
            self._mono.pop(run.id, None)
        if phase != run.step_phase:
            # from holding to confirm it goes on being held: only what a person sees has changed
            self._change(replace(run, step_phase=phase, since_ns=now_ns, t_ns=now_ns))

    def _sense(self, step: ProcedureStep, table: TagTable, now_mono_ns: int) -> bool | None:
        """Return whether a condition is true, None when it is not known."""
        if self._senses is None or table is not self._table:
            self._senses, self._table = Senses(self._specs, table), table
        try:
            self._senses.compile(step.until, step.origin)
        except ProjectFault:
            return None  # a run of before a restart, whose tag is no more
        reading = self._senses.read(step.until, now_mono_ns)
        return reading.value != 0.0 if reading.is_known else None

    # ---------------------------------------------------------------- steps

    def _next(
        self, run: ProcedureRun, step: ProcedureStep, how: How, who: LoggedIn, reason: str, now_ns: int
    ) -> ProcedureRun:
        self._mono.pop(run.id, None)
        over = StepDone(step=step.id, how=how, t_ns=now_ns, user=who.user, name=who.name, reason=reason)
        index, steps = run.index + 1, run.procedure.steps
        is_over = index == len(steps)
        run = replace(
            run,
            index=index,
            phase="done" if is_over else "running",
            step_phase="waiting" if is_over else _first_phase(steps[index]),
            since_ns=now_ns,
            t_ns=now_ns,
            done=(*run.done, over),
        )
        did = {"condition": f"'{step.until}' held", "skipped": f"skipped: {reason}"}.get(how, "confirmed")
        words = f"'{run.procedure.title}', step {index} of {len(steps)} ({step.id}): {did}"
        self._note(run, who, words)
        if is_over:
            self._happened.append((run, who, f"'{run.procedure.title}' is done"))
        return run

    def _note(self, run: ProcedureRun, who: LoggedIn, words: str) -> None:
        self._change(run)
        self._happened.append((run, who, words))

    def _change(self, run: ProcedureRun) -> None:
        self.runs[run.id], self._is_changed = run, True
        if self._training:
            self._log.append(run)
        over = [run.id for run in self.runs.values() if run.step is None]
        for name in over[: max(0, len(self.runs) - RUNS_KEPT)]:
            del self.runs[name]

    # ---------------------------------------------------------------- telling

    @property
    def shown(self) -> tuple[ProcedureRun, ...]:
        """The runs under way, and the newest that are over."""
        return shown(self.runs)

    @property
    def has_news(self) -> bool:
        """Whether something happened that is to be written down."""
        return bool(self._happened)

    def changes(self) -> tuple[ProcedureRun, ...] | None:
        """Return all runs that are shown, for a frame; None when nothing changed since the last call."""
        if not self._is_changed:
            return None
        self._is_changed = False
        return self.shown

    def take(self) -> tuple[Happened, ...]:
        """Return what happened since the last call, oldest first."""
        out, self._happened = tuple(self._happened), []
        return out

    # ---------------------------------------------------------------- time that goes back (TRAINING)

    def at(self, t_ns: int) -> Mapping[str, ProcedureRun]:
        """Return the runs as they stood at a time of this world."""
        return {run.id: run for run in self._log if run.t_ns <= t_ns}

    def rewind(self, t_ns: int) -> None:
        """Go on from a time of before; runs that had not begun then are no more."""
        then = dict(self.at(t_ns))
        self._log = [run for run in self._log if run.t_ns <= t_ns]
        self._mono.clear()
        self.runs, self._is_changed = then, True


def _first_phase(step: ProcedureStep) -> StepPhase:
    return "waiting" if step.until else "confirm"


def shown(runs: Mapping[str, ProcedureRun]) -> tuple[ProcedureRun, ...]:
    """Return those under way, and the newest that are over, in the order in which they began."""
    over = sorted((r for r in runs.values() if r.step is None), key=lambda r: r.t_ns)[-OVER_SHOWN:]
    kept = [r for r in runs.values() if r.step is not None] + over
    return tuple(sorted(kept, key=lambda r: r.started_ns))


def words_of(happened: Happened) -> str:
    """Return what happened as a line of the events list."""
    _, who, words = happened
    return f"{who.user}: {words}" if who.user else words
