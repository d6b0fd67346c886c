"""What is asked of REPLAY, WHAT-IF and TRAINING worlds, and of any world's snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from armillary.model.alarm import AlarmProgress, AlarmState
from armillary.model.arrays import F8, I8, U2
from armillary.model.simulation import Causality

TEST_FIRE = "template.test-fire"  # in the audit
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 100.0, 600.0, 1000.0)
StepBy = Literal["tick", "second", "sample", "change", "alarm", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The clock of a world that is not LIVE; rides in every frame."""

    speed: float = 0.0  # × real time; 0 = paused, negative = backwards
    asked: float = 0.0  # speed asked for; a model may not keep up
    from_ns: int = 0  # what there is: the record, or the run so far
    to_ns: int = 0
    note: str = ""  # `Frozen by instructor`, `branch A`, `as authored 12 Mar`
    version: str = ""  # REPLAY: key of the project's version that is shown; "" = as it is now
    loop_ns: tuple[int, int] = (0, 0)  # REPLAY: the span that is played again and again; (0, 0) = none


@dataclass(frozen=True, slots=True, kw_only=True)
class Seek:
    """Show this time (REPLAY, WHAT-IF)."""

    t_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Run at a speed; 0 pauses, negative runs backwards (REPLAY, WHAT-IF)."""

    speed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Step while paused: `count` ticks, seconds, samples, changes, alarm events or events; negative = back.

    A change is a sample with another value or quality than the one before it. `tags`: of these only (samples
    and changes); none: of all.
    """

    by: StepBy = "tick"
    count: int = 1
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Play a span again and again (REPLAY); from ≥ to ends that."""

    from_ns: int = 0
    to_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowVersion:
    """Show each time as it was authored then, or as the project is now (REPLAY)."""

    then: bool = True


# ---------------------------------------------------------------- snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSnapshot:
    """Write a snapshot file of a world; answered by SnapshotInfo."""

    title: str = ""
    folder: str = ""  # "" = the project's private folder


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInfo:
    """A snapshot file."""

    path: str
    title: str
    world: str
    kind: str
    t_ns: int
    taken_ns: int
    not_good: tuple[str, ...] = ()  # tags that were not GOOD
    tags: int = 0
    project: str = ""  # id of the project it is of


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Go on from a snapshot file (TRAINING: what came since is kept as a branch)."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskState:
    """The whole state of a world at a time, for a fork; answered by StateAnswer. t_ns 0 = now."""

    t_ns: int = 0
    past: bool = False  # with what functions over time know: it is long


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAnswer:
    """A world's state by tag name (slots are a world's own business), n rows."""

    world: str
    kind: str
    project_hash: str
    seq: int
    t_ns: int
    tags: tuple[str, ...]  # n
    units: tuple[str, ...]  # n
    value: F8  # (n,)
    source_ns: I8  # (n,)
    arrival_ns: I8  # (n,)
    quality: U2  # (n,)
    text: Mapping[int, str] = field(default_factory=dict)  # row → string
    alarms: tuple[AlarmState, ...] = ()
    simulator: bytes = b""  # its state, where it can be saved
    model: Mapping[str, float] = field(default_factory=dict)  # model parameters and held inputs
    project: str = ""  # its id; "" = not said
    pending: tuple[AlarmProgress, ...] = ()  # what alarms were counting
    past: bytes = b""  # what functions over time know (`twin.past_pack`); empty: not asked for, or not known


# ---------------------------------------------------------------- what-if


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Compute runs of the forked world; a request is one variant, with its members."""

    id: str
    title: str
    horizon_s: float
    events: tuple[tuple[float, str, float], ...] = ()  # (s after the fork, tag or variable, value)
    parameters: Mapping[str, float] = field(default_factory=dict)
    members: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)  # variable → relative standard deviation
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRuns:
    """Queue runs; answered by Runs at once, cards follow in RunsChanged frames' events and AskRuns."""

    runs: tuple[RunRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRuns:
    """Stop runs that are queued or under way; what they have is kept."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRuns:
    """The cards of all runs; answered by Runs."""


RunPhase = Literal["queued", "running", "done", "diverged", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One named measure of a run: energy, overflow, time above a limit."""

    name: str
    value: float
    unit: str = ""
    low: float = float("nan")  # 5 % of the members
    high: float = float("nan")  # 95 %
    is_best: bool = False
    is_worst: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """How one run stands. Results are immutable; changing a parameter makes a new run."""

    id: str
    title: str
    state: RunPhase
    progress: float = 0.0  # 0…1
    remaining_s: float = float("nan")
    members: int = 1
    from_ns: int = 0
    to_ns: int = 0
    speed: float = 0.0  # × real time, when it is over
    digest: str = ""  # SHA-256 of the result: the same request gives the same
    detail: str = ""  # why it failed, in a sentence
    note: str = ""  # `single run, no uncertainty`
    rank: int = 0  # 1 = best; 0 = not ranked
    reason: str = ""  # `cheapest; 3 % chance above 85 °C`
    violations: tuple[str, ...] = ()
    score: float = float("nan")
    measures: tuple[Measure, ...] = ()
    request: RunRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """All cards, and what was forked."""

    cards: tuple[RunCard, ...]
    shown: str = ""  # the run that the world's frames show
    forked_from: str = ""  # world id
    forked_ns: int = 0
    not_good: tuple[str, ...] = ()  # inputs that were not GOOD at the fork
    residual: Mapping[str, float] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    is_estimated: bool = False
    scenario: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRun:
    """Show this run in the world's frames."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRunFrame:
    """A full Frame of a run at a time, for comparing in the scene."""

    id: str
    t_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRunSeries:
    """One tag of several runs; answered by RunSeries."""

    ids: tuple[str, ...]
    tag: str
    width: int = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeriesOf:
    """One tag of one run: median and 5–95 % band of its members."""

    id: str
    t_ns: I8  # (n,)
    low: F8  # (n,)
    mid: F8  # (n,)
    high: F8  # (n,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeries:
    """One series for each run that has the tag."""

    tag: str
    series: tuple[RunSeriesOf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModel:
    """What the model of a forked world lets a person set; answered by ModelOffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settable:
    """One input or parameter of the forked model, in the unit of its tag where it has one."""

    name: str  # what a RunRequest calls it: the tag, else the variable
    variable: str
    causality: Causality  # input: at any time; parameter: from the fork on
    unit: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    now: float = float("nan")  # at the fork
    title: str = ""
    tag: str = ""
    fault: str = ""  # kind of malfunction, of an input that is one


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOffer:
    """What may be asked of a fork, and how its scenario asks."""

    model: str
    version: str = ""
    settable: tuple[Settable, ...] = ()
    begins_from: int = 0  # tags that the model is begun from
    watched: tuple[str, ...] = ()  # tags that the scenario measures or bounds
    horizon_s: float = 3600.0
    members: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveScenario:
    """Write the fork and its runs as a scenario file; answered by Done."""

    path: str
    title: str


# ---------------------------------------------------------------- training


@dataclass(frozen=True, slots=True, kw_only=True)
class MalfunctionSpec:
    """One malfunction: on a tag's instrument, on equipment, on a link."""

    id: str
    target: str  # tag:TT-111 | twin:P-101A | link:ctl-ua | model:<variable>
    kind: str  # sensor.drift, sensor.stuck, equipment.trip, …
    severity: float = 1.0  # 0…1
    rate: float = 0.0  # sensor.drift: unit of the tag per minute
    value: float = float("nan")  # sensor.bias, fail: in the tag's unit
    ramp_s: float = 0.0
    at_s: float = float("nan")  # simulated seconds from the start; NaN = by trigger or by hand
    when: str = ""  # expression
    held_s: float = 0.0
    after: str = ""  # `malfunction:trip`
    end_s: float = float("nan")  # seconds after it began; NaN = until cleared
    repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inject:
    """Begin a malfunction now (instructor); the same id again changes it."""

    malfunction: MalfunctionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearMalfunction:
    """End a malfunction now (instructor)."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """Run, freeze, end, mark (instructor). Speed 0 freezes."""

    action: Literal["run", "freeze", "end", "speed", "mark", "ready", "snapshot", "step"]
    value: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskExercise:
    """What the instructor sees; refused to everybody else. Answered by ExerciseView."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One thing on an exercise's timeline."""

    t_s: float  # simulated seconds from the start; NaN = not yet
    lane: str  # malfunction | alarm | action | expected | mark | limit | snapshot
    id: str
    text: str
    state: str = ""  # planned | active | over | done | late | missed
    until_s: float = float("nan")
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One expectation, limit or mark and what it gave."""

    id: str
    text: str
    points: float
    most: float
    state: str  # open | done | late | missed | violated
    reaction_s: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """An attempt that was given up by going back; it is kept and shown in the debrief."""

    name: str  # `A`
    until_s: float
    total: float
    most: float
    failed: str = ""  # why it was failed outright


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseView:
    """An exercise as its instructor sees it."""

    scenario: str
    title: str
    t_s: float
    state: str  # ready | running | frozen | over
    rows: tuple[TimelineRow, ...] = ()
    score: tuple[ScoreRow, ...] = ()
    total: float = 0.0
    most: float = 0.0
    passed: bool | None = None
    truth: Mapping[str, float] = field(
        default_factory=dict
    )  # tag → true value, where it is not what is shown
    snapshots: tuple[SnapshotInfo, ...] = ()
    branch: str = ""
    trainees: tuple[str, ...] = ()
    report: str = ""  # path of the HTML report, when it is over
    digest: str = ""  # SHA-256 of the stream of values so far
    malfunctions: tuple[MalfunctionSpec, ...] = ()  # of the scenario, for the palette
    active: tuple[MalfunctionSpec, ...] = ()  # as they are now, with their severity
    faults: tuple[MalfunctionSpec, ...] = ()  # what the model offers to fail, at severity 1
    branches: tuple[Branch, ...] = ()  # attempts that were given up by going back, oldest first
    ready: tuple[str, ...] = ()  # users who said so
    pass_mark: float = 70.0  # percent
    minutes: float = 0.0  # that the scenario is meant to take
    debrief: str = ""  # what the scenario wants to be talked about
    step_s: float = 0.0  # of the model


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBrief:
    """What the people of an exercise are told before it; answered to everybody by Brief."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a trainee is told before an exercise."""

    title: str
    text: str
    minutes: float
    objectives: tuple[str, ...] = ()


# ---------------------------------------------------------------- the loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a loop proposes, with its evidence; rides in frames of the LIVE world."""

    id: str
    loop: str
    # thinking, offered, approved, refused, expired, withdrawn, sent, verified, failed,
    # rolled back, stood down
    state: str
    t_ns: int
    title: str
    reason: str  # why this one, in a sentence
    tag: str = ""
    value: float = float("nan")
    old: float = float("nan")
    unit: str = ""
    expires_ns: int = 0
    policy: str = ""  # under which a policy acts; "" = a person approves
    runs: tuple[RunCard, ...] = ()
    detail: str = ""
    variant: str = ""  # of the scenario, whose run this stands for
    fork: str = ""  # address of the WHAT-IF world that holds the evidence
    is_over: bool = False  # nothing more comes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """How far a loop may go by itself now; rides in frames of the LIVE world."""

    id: str
    title: str
    level: str  # advise | approve | auto, as it is now
    wanted: str  # as its file has it
    why: str = ""  # it stood down; or auto, but a person approves
    signed_by: tuple[str, ...] = ()  # of its policy
    detect: str = ""  # id of its alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Approve (or refuse) a proposal of a loop; one action of one person."""

    id: str
    yes: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTestFire:
    """Write into the audit that a template was tried on the simulator; answered by Done."""

    template: str
    value: float
    outcome: str  # `VERIFIED: reads 50 %`, `REFUSED: 250 % is outside 0 to 100 %.`


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Stop all commands at once, or release them again (engineer or admin, with a reason)."""

    stop: bool
    reason: str = ""
