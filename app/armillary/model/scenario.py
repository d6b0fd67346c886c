"""A what-if scenario as data, and the work that is given to a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from armillary.model.arrays import F8, I8
from armillary.model.simulation import OpenModel, Values

MeasureKind = Literal["energy", "integral", "max", "min", "time_above", "time_below", "final", "mean"]
MEASURE_KINDS: tuple[MeasureKind, ...] = (
    "energy", "integral", "max", "min", "time_above", "time_below", "final", "mean",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpec:
    """One `[[measure]]`: a number for each run out of an expression of tags over time."""

    name: str
    kind: MeasureKind  # energy: ∫ of a power in kW, in kWh; integral: ∫ over seconds; time_*: seconds
    of: str  # expression of tags and model variables
    limit: float = float("nan")  # of time_above and time_below, in the expression's unit
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioEvent:
    """Set inputs at a time after the fork; names are tags or model variables."""

    at_s: float
    set: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One candidate: events and parameters on top of the scenario's own."""

    id: str
    title: str = ""
    events: tuple[ScenarioEvent, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How runs are ranked: constraint violations first, then the cost."""

    minimise: str = ""  # of measures, and of max(x), min(x), mean(x), final(x), integral(x) over time
    constraint: tuple[str, ...] = ()  # of tags: must hold all the time; of measures: must hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One `scenarios/*.toml` of kind `whatif`."""

    id: str
    title: str
    horizon_s: float = 3600.0
    seed: int = 1
    simulator: str = ""  # fmu, or a plugin's name
    file: str = ""  # absolute, of an FMU
    step_s: float = 0.0  # 0 = the model's own
    call_timeout_s: float = 5.0
    start: Literal["live", "time", "snapshot"] = "live"
    time: str = ""  # ISO, of start = time
    snapshot: str = ""  # absolute, of start = snapshot
    warm_up_s: float = 0.0
    map: Mapping[str, str] = field(default_factory=dict)  # tag → model variable
    inputs: Mapping[str, float] = field(default_factory=dict)  # held from the fork on, for all variants
    events: tuple[ScenarioEvent, ...] = ()
    variants: tuple[Variant, ...] = ()
    measures: tuple[MeasureSpec, ...] = ()
    score: Score = Score()
    members: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)  # variable → relative standard deviation
    sample_s: float = 0.0  # interval of the result; 0 = by the horizon
    origin: str = ""


# ---------------------------------------------------------------- to and from workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run to compute, in the model's own names. Answered by JobNews until `phase` is final."""

    id: str
    project: str  # folder, absolute
    model: OpenModel
    out: str  # path of the result to be written, absolute
    t_ns: int  # the fork
    sample_ns: I8  # (n,) times to sample at, ascending, the first is the fork
    members: int = 1
    seed: int = 1
    initial: Values = field(default_factory=Values)
    inputs: Values = field(default_factory=Values)
    parameters: Values = field(default_factory=Values)
    events: tuple[tuple[int, str, float], ...] = ()  # (ns, input, value), ascending
    recorded: tuple[str, ...] = ()  # inputs that become columns of the result
    spread: Mapping[str, float] = field(default_factory=dict)
    warm_up_s: float = 0.0
    state: bytes = b""  # the simulator's, where it was saved


JobPhase = Literal["running", "done", "diverged", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNews:
    """How a run gets on: the rows since the last news."""

    id: str
    phase: JobPhase
    first: int  # row of the result that `values` begins with
    names: tuple[str, ...]  # k columns
    values: F8  # (m, rows, k)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    digest: str = ""
    detail: str = ""
    warnings: tuple[str, ...] = ()
    residual: Mapping[str, float] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    is_estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Tell an idle WHAT-IF world what to fork; answered by Runs."""

    source: str = ""  # address of a world
    t_ns: int = 0  # 0 = now
    snapshot: str = ""  # file; instead of `source`
    scenario: str = ""  # id or path; "" = the project's first, for its simulator
    fork: str = ""  # name of the fork's folder of runs; one that is there is opened again
    title: str = ""
    start: bool = True  # run the baseline and the variants at once


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """Stop the run under way; what it has is kept."""

    id: str
