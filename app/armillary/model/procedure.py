"""Procedures: step-by-step work instructions, and how a run of one stands. A run is kept by its world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_STEPS = 64
LONGEST_TEXT = 600  # characters of one step's text
LONGEST_REASON = 300  # … of why one was skipped
SOURCE = "procedure"  # of the events that tell of a run

RunPhase = Literal["running", "done", "aborted"]
# waiting: the condition is false; no_data: not GOOD; holding: true, not yet for held_s; confirm: a person is
# asked
StepPhase = Literal["waiting", "no_data", "holding", "confirm"]
How = Literal["condition", "confirmed", "skipped", "aborted"]
ActionOf = Literal["confirm", "skip", "abort"]
Xyz = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where the eye is, in world metres."""

    position: Xyz
    focus: Xyz
    up: Xyz = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureStep:
    """One `[[step]]`."""

    id: str
    text: str
    title: str = ""
    prims: tuple[str, ...] = ()  # highlighted; the first carries the callout
    camera: str = ""  # prim path of a camera
    look: Look | None = None  # a view kept from the desk; wins over `camera`
    until: str = ""  # expression; "" = only a person ends the step
    unit: str = ""  # of the numbers in `until`; "" = those of the tags that it reads
    held_s: float = 0.0
    confirm: bool = False
    skip: str = "engineer"  # who may skip it: operator | engineer | nobody
    origin: str = ""

    @property
    def needs_person(self) -> bool:
        """Whether a person ends the step: always where nothing else could."""
        return self.confirm or not self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """One `procedures/*.toml`."""

    id: str
    title: str
    role: str = "operator"  # who may run it: operator | engineer
    text: str = ""  # what it is for, before the first step
    steps: tuple[ProcedureStep, ...] = ()
    origin: str = ""  # file name
    digest: str = ""  # SHA-256 of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One step that is over."""

    step: str  # id
    how: How
    t_ns: int
    user: str = ""  # "" = nobody was asked
    name: str = ""  # of the user, for people
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureRun:
    """One procedure being carried out, with the very text it was begun with."""

    id: str
    procedure: Procedure
    phase: RunPhase = "running"
    index: int = 0  # of the present step; the number of steps once all are over
    step_phase: StepPhase = "waiting"
    since_ns: int = 0  # world time: of step_phase
    started_ns: int = 0
    started_by: str = ""
    t_ns: int = 0  # of the last change
    done: tuple[StepDone, ...] = ()

    @property
    def step(self) -> ProcedureStep | None:
        """The present step, None when the run is over."""
        is_open = self.phase == "running" and self.index < len(self.procedure.steps)
        return self.procedure.steps[self.index] if is_open else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureRuns:
    """What is shown of procedures at one time: those under way and the newest that are over."""

    runs: tuple[ProcedureRun, ...] = ()


# ---------------------------------------------------------------- asked of a world


@dataclass(frozen=True, slots=True, kw_only=True)
class AskProcedures:
    """The procedures of the project as its files are now; answered by Procedures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedures:
    """Those that can be read, by title, and what is wrong with the others in a sentence each."""

    items: tuple[Procedure, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartProcedure:
    """Begin a procedure of the project, by its id; answered by ProcedureRun."""

    id: str
    tag: str = ""  # that it reads first: of several areas the one with this tag carries it out


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnProcedure:
    """Confirm or skip the present step, or give the run up; answered by ProcedureRun.

    `step`: the one that the person was looking at; another one by now refuses.
    """

    run: str
    action: ActionOf
    step: str = ""
    reason: str = ""
