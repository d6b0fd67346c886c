"""One run, computed: a simulator is started, stepped from sample to sample with its events, and read.

Pure but for the simulator itself: the same job gives the same arrays, bit for bit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from armillary.api.ports import Forkable, Simulator
from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.fault import Fault, ProjectFault
from armillary.model.scenario import Job, JobPhase
from armillary.model.simulation import ModelInfo, SimStart, SimStepped, Trajectory, Values, values_of
from armillary.simulate import states

log = logging.getLogger(__name__)

FMU = "fmu"
MOST_STATE = 16 << 20  # bytes of a state that is kept; a longer one is a course to be stepped again
WARM_STEPS = 60
MOST_WARNINGS = 50  # enough for a person


@dataclass(slots=True)
class Work:
    """What one job has given so far; written by the computing thread, read by another one.

    `rows` is raised only after the rows are written, so whoever reads `rows` first sees whole rows.
    """

    job: Job
    names: tuple[str, ...] = ()
    values: F8 = field(default_factory=lambda: np.zeros((0, 0, 0)))  # (m, n, k)
    member: int = 0  # of those that run one after the other
    rows: int = 0  # of all members
    steps: int = 0  # of the member under way
    phase: JobPhase = "running"
    detail: str = ""
    warnings: list[str] = field(default_factory=list)
    residual: dict[str, float] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    is_estimated: bool = False
    state: bytes = b""  # the simulator's at the end of a single run that went well
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def trajectory(self) -> Trajectory:
        """What there is of all members."""
        rows = self.rows
        return Trajectory(
            names=self.names, t_ns=self.job.sample_ns[:rows].copy(), values=self.values[:, :rows].copy()
        )


def compute(work: Work, simulator: Simulator) -> None:
    """Compute a job into `work`; `phase` and `detail` say how it ended, whatever the model does."""
    try:
        info = simulator.describe()
        _prepare(work, info)
        if info.is_batched or work.job.members == 1:
            _march(work, simulator, info, slice(None), work.job.members)
        else:
            for member in range(work.job.members):
                work.member = member
                _march(work, simulator, info, slice(member, member + 1), 1)
                if work.phase != "running":
                    break
        _finish(work, len(info.outputs))
        work.state = _saved(work, simulator, info)
    except Fault as fault:  # an FMU that diverges says so itself
        work.phase = "diverged" if "diverged" in fault.what else "failed"
        work.detail = f"{fault.what} {fault.remedy}"
        work.rows = work.rows or (len(work.job.sample_ns) if work.member else work.steps)
    except Exception as error:  # noqa: BLE001  a stranger's model may raise anything
        work.phase, work.detail = "failed", f"The model failed: {type(error).__name__}: {error}"


def sampled(job: Job, info: ModelInfo) -> Mapping[str, F8]:
    """Return the factor of each spread variable for each member, (m,); member 0 is always the nominal one."""
    rng = np.random.default_rng(job.seed)
    out: dict[str, F8] = {}
    for name in sorted(job.spread):
        factor = 1.0 + job.spread[name] * rng.standard_normal(job.members)
        factor[:1] = 1.0
        if info.named(name) is None:
            raise ProjectFault(
                f"The model has no variable '{name}' to be spread.",
                where=info.name,
                remedy="Name one of its variables.",
            )
        out[name] = factor
    return out


def _spread(values: Values, factors: Mapping[str, F8], info: ModelInfo, columns: slice) -> Values:
    """Return values with a column for each of some members, where any of them is spread."""
    if not any(name in factors for name in values.names):
        return values
    rows: dict[str, float | F8] = {}
    for name in values.names:
        row, variable = values.get(name), info.named(name)
        if row is None:
            continue
        if name in factors:
            low, high = (variable.low, variable.high) if variable else (-np.inf, np.inf)
            row = np.clip(row * factors[name], low, high)[columns]
        rows[name] = row
    return values_of(rows)


def _one(values: Values) -> F8:
    row: F8 = values.data[0]
    return row


def _prepare(work: Work, info: ModelInfo) -> None:
    job = work.job
    work.names = (*info.outputs, *job.recorded)
    work.values = np.full((job.members, len(job.sample_ns), len(work.names)), np.nan)
    given = {*job.inputs.names, *job.parameters.names, *job.initial.names}
    lost = [name for name in job.spread if name not in given]
    if lost:
        raise ProjectFault(
            f"'{lost[0]}' is to be spread, but has no value at the start.",
            where=info.name,
            remedy="Give it a value under [inputs], or take it out of [uncertainty].",
        )


def _march(work: Work, simulator: Simulator, info: ModelInfo, columns: slice, members: int) -> None:
    """Step some members through all samples and events."""
    job = work.job
    factors = sampled(job, info)
    inputs = _spread(job.inputs, factors, info, columns)
    warm = int(job.warm_up_s * NS)
    asked = _spread(job.initial, factors, info, columns)
    start = SimStart(
        t_ns=job.t_ns - warm,
        members=members,
        seed=job.seed,
        initial=asked,
        parameters=_spread(job.parameters, factors, info, columns),
        inputs=inputs,
    )
    begun = simulator.start(start)
    values, outputs = begun.values, len(info.outputs)
    work.residual, work.unmapped = dict(begun.residual), begun.unmapped
    work.is_estimated |= begun.is_estimated
    if job.state and not warm:
        values = _restored(work, simulator, info, values)
    for n in range(WARM_STEPS if warm else 0):
        if work.stop.is_set():
            work.phase = "stopped"
            return
        values = _step(work, simulator, {}, job.t_ns - warm + (n + 1) * warm // WARM_STEPS)
    if warm:
        work.is_estimated = True
        work.residual = _residuals(asked, info.outputs, values)
    held = {name: np.array([v.start]) for name in job.recorded if (v := info.named(name)) is not None}
    held |= {name: np.asarray(inputs.get(name)) for name in inputs.names}
    events = list(job.events)
    change: dict[str, float | F8] = {}
    now = job.t_ns
    for row, until in enumerate(job.sample_ns.tolist()):
        while events and (events[0][0] < until or (not row and events[0][0] <= until)):
            at, name, value = events.pop(0)
            if at > now:  # up to here with what was set before
                values, change, now = _step(work, simulator, change, at), {}, at
            number = _one(_spread(values_of({name: value}), factors, info, columns))  # uncertain as ever
            change[name] = held[name] = number
        if until > now:
            values, change, now = _step(work, simulator, change, until), {}, until
        work.values[columns, row, :outputs] = values
        for k, name in enumerate(job.recorded, outputs):
            work.values[columns, row, k] = held.get(name, np.nan)
        work.steps = row + 1
        if members == job.members:
            work.rows = row + 1
        if not np.isfinite(values).all() and _is_over(work, info, np.asarray(values), row):
            return
        if work.stop.is_set() and row + 1 < len(job.sample_ns):
            work.phase = "stopped"
            return


def _step(work: Work, simulator: Simulator, change: Mapping[str, float | F8], to_ns: int) -> F8:
    """Step to a time; a model may answer before it is there; one that stays has no finer step."""
    inputs, before = values_of(change), -1
    while True:
        stepped = simulator.step(inputs, to_ns)
        for text in stepped.events:
            if text not in work.warnings and len(work.warnings) < MOST_WARNINGS:
                work.warnings.append(text)
        if stepped.t_ns >= to_ns or stepped.t_ns <= before or work.stop.is_set():
            return stepped.values
        inputs, before = Values(), stepped.t_ns


def _head(work: Work, info: ModelInfo) -> states.Head:
    """Return what the state of a plugin's model belongs to, as `simulate.child` says it of its own."""
    return {"how": "state", "kind": work.job.model.kind, "model": info.name, "version": info.version}


def _saved(work: Work, simulator: Simulator, info: ModelInfo) -> bytes:
    """Return the simulator's state, empty where it cannot be had: a fork from there is then estimated."""
    if work.phase != "done" or work.job.members > 1 or not isinstance(simulator, Forkable):
        return b""
    try:
        data = simulator.save()
    except Exception as error:  # noqa: BLE001  a stranger's model may raise anything; its results are whole
        log.info("the model's state at the end of %s cannot be saved: %s", work.job.id, error)
        return b""
    if work.job.model.kind != FMU:  # the process of an FMU has put it in its frame already
        data = states.packed({**_head(work, info), "t_ns": int(work.job.sample_ns[-1])}, data)
    return data if len(data) <= MOST_STATE else b""


def _loaded(work: Work, simulator: Forkable, info: ModelInfo) -> SimStepped:
    """Load the job's state. Raises a Fault when it is of another model."""
    data = work.job.state
    if work.job.model.kind != FMU:
        head, data = states.unpacked(data)
        states.fits(head, _head(work, info))
    return simulator.load(data)


def _restored(work: Work, simulator: Simulator, info: ModelInfo, values: F8) -> F8:
    """Return the outputs of the simulator's saved state; where it cannot be taken the start is estimated."""
    if isinstance(simulator, Forkable) and values.shape[0] == 1:
        try:
            loaded = _loaded(work, simulator, info)
        except Exception:  # noqa: BLE001  a state of another model or version
            work.warnings.append("The saved state is of another model: the start was estimated.")
        else:
            work.is_estimated = False
            return loaded.values
    work.is_estimated = True
    return values


def _residuals(asked: Values, outputs: tuple[str, ...], values: F8) -> dict[str, float]:
    """Return |model − asked| of the worst member for each output that was asked for."""
    out: dict[str, float] = {}
    for name in asked.names:
        row = asked.get(name)
        if name in outputs and row is not None:
            out[name] = float(np.max(np.abs(values[:, outputs.index(name)] - row)))
    return out


def _is_over(work: Work, info: ModelInfo, values: F8, row: int) -> bool:
    """Return whether no member that is stepped has finite outputs; a run that has no other has diverged."""
    if np.isfinite(values).all(axis=1).any():
        return False
    if len(values) == work.job.members:
        at_s = (int(work.job.sample_ns[row]) - work.job.t_ns) / NS
        output = info.outputs[int(np.argwhere(~np.isfinite(values))[0][1])]
        work.phase = "diverged"
        work.detail = f"{output} is no finite number at {at_s:g} s after the fork."
        work.rows = row  # what came before is whole
    return True


def _finish(work: Work, outputs: int) -> None:
    if work.phase != "running":
        if work.rows == 0 and work.member:  # members one after the other: those before are whole
            work.rows = len(work.job.sample_ns)
        elif work.rows == 0 and work.phase == "stopped":
            work.rows = work.steps
        return
    work.rows = len(work.job.sample_ns)
    bad = int((~np.isfinite(work.values[:, :, :outputs]).all(axis=(1, 2))).sum())
    if bad == work.job.members:
        work.phase = "diverged"
        work.detail = work.detail or "The outputs are no finite numbers."
    else:
        work.phase = "done"
        if bad:
            work.detail = f"{bad} of {work.job.members} members diverged and do not count."
