"""What was forked, in the model's names and in ours: from a state to jobs, from results to states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.control import RunRequest, StateAnswer
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, GOOD, NEVER, UNCERTAIN, rank, worst
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.scenario import Job, Scenario
from armillary.model.simulation import ModelInfo, OpenModel, Trajectory, values_of
from armillary.model.tags import TagSpec, TagTable
from armillary.model.units import conversion
from armillary.project.table import nearest
from armillary.simulate import measures, results
from armillary.twin import past_pack
from armillary.twin.derive import Derived
from armillary.world.restoring import by_slot

Columns = Mapping[str, tuple[str, float, float]]
BASELINE = "baseline"


_SHOWN = ("output", "local", "parameter", "input")  # which of a tag's variables says what it is
_SET = ("input", "parameter", "output", "local")  # which of them is what people set


def columns_of(
    scenario: Scenario, info: ModelInfo, specs: Mapping[str, TagSpec], prefer: Sequence[str] = _SHOWN
) -> Columns:
    """Return tag → (variable, factor, offset) with shown = variable × factor + offset.

    A tag may have several variables: a setpoint is an input that is asked for, and an output that a
    controller moves. `prefer` says which counts. The scenario's map is stronger than the tags that the model
    offers, but for a tag that is to be shown and is mapped to an input while the model offers an output.
    Raises ProjectFault for a name that is not known and for units that do not fit.
    """
    taken = set(scenario.map.values())
    variables = {v.name: v for v in info.variables}
    chosen: dict[str, str] = {}
    for v in sorted(info.variables, key=lambda v: -prefer.index(v.causality)):  # the preferred is last
        if v.name not in taken and v.tag in specs and not specs[v.tag].expression:
            chosen[v.tag] = v.name
    for tag, name in scenario.map.items():
        if tag not in specs:
            raise _unknown(f"The project has no tag '{tag}'.", tag, specs, scenario.origin)
        if name not in variables:
            raise _unknown(f"The model has no variable '{name}'.", name, variables, scenario.origin)
        own = variables.get(chosen.get(tag, ""))
        is_worse = own is not None and {variables[name].causality, own.causality} == {"input", "output"}
        if own is None or not is_worse or prefer[0] == variables[name].causality:
            chosen[tag] = name
    return {
        tag: (name, *conversion(variables[name].unit, specs[tag].unit, f"{scenario.origin}: {tag}"))
        for tag, name in chosen.items()
    }


def _unknown(what: str, name: str, known: Mapping[str, object], where: str) -> ProjectFault:
    remedy = nearest(name, sorted(known)).strip() or "Correct the name."
    return ProjectFault(what, where=where, remedy=remedy)


@dataclass(slots=True)
class Forked:
    """One fork: the state it began from, and how that speaks to the model."""

    state: StateAnswer
    scenario: Scenario
    info: ModelInfo
    specs: Sequence[TagSpec]
    project: str  # folder
    zone: str = "UTC"  # in which days begin
    columns: Columns = field(init=False)  # what shows a tag
    settable: Columns = field(init=False)  # what sets one
    value: F8 = field(init=False)  # (N,) by slot, at the fork
    quality: U2 = field(init=False)
    source_ns: I8 = field(init=False)
    arrival_ns: I8 = field(init=False)

    def __post_init__(self) -> None:
        by_name = {spec.name: spec for spec in self.specs}
        self.columns = columns_of(self.scenario, self.info, by_name)
        self.settable = columns_of(self.scenario, self.info, by_name, _SET)
        was = by_slot(self.state, self.specs)
        self.value, self.quality, self.source_ns = was.value, was.quality, was.source_ns
        self.arrival_ns = was.arrival_ns

    @property
    def t_ns(self) -> int:
        """The moment of the fork."""
        return self.state.t_ns

    @property
    def held(self) -> Mapping[str, float]:
        """Each tag's value at the fork."""
        return {spec.name: float(self.value[spec.slot]) for spec in self.specs}

    @property
    def not_good(self) -> tuple[str, ...]:
        """Tags that the model begins from and that were not GOOD."""
        if not self.state.tags:
            return ()
        return tuple(
            s.name for s in self.specs if s.name in self.columns and int(self.quality[s.slot]) & 0xFF > GOOD
        )

    # ---------------------------------------------------------------- to the model

    def job(self, request: RunRequest, out: str) -> Job:
        """Return what a worker is asked for. Raises ProjectFault for a name that is not known."""
        given = self._given()
        causality = {v.name: v.causality for v in self.info.variables}
        parameters = dict(given["parameter"])
        inputs = dict(given["input"])
        state = self.state.simulator
        wished = [(0.0, name, value) for name, value in self.scenario.inputs.items()]
        wished += [(0.0, name, value) for name, value in request.parameters.items()]
        # what was set just at that moment is not in a state that is loaded yet, so all is told anew
        told = [n for n in self.state.model if causality.get(n) == "input"] if state else []
        events: list[tuple[int, str, float]] = [(self.t_ns, n, self.state.model[n]) for n in told]
        for at_s, name, value in [*wished, *request.events]:
            variable, number = self.variable(name, value)
            if causality[variable] == "input" and at_s > 0:
                events.append((self.t_ns + round(at_s * NS), variable, number))
            elif causality[variable] == "input":
                inputs[variable] = number
                if state:  # a state that is loaded brings its own inputs along
                    events.append((self.t_ns, variable, number))
            elif causality[variable] == "parameter" and at_s <= 0:
                parameters[variable] = number
            else:
                is_late = causality[variable] == "parameter"
                kind = "a parameter, which is set at the start only" if is_late else "no input"
                raise ProjectFault(
                    f"'{name}' cannot be set at {at_s:g} s: it is {kind}.",
                    where=self.scenario.origin,
                    remedy="Set an input of the model.",
                )
        recorded = tuple(
            v.name
            for v in self.info.variables
            if v.causality == "input" and (v.name in inputs or any(e[1] == v.name for e in events))
        )
        cells = request.members * (len(self.info.outputs) + len(recorded))
        for name in request.spread:  # what is spread must have a value to be spread from
            spread_of = self.info.named(name)
            if spread_of is not None and spread_of.causality == "parameter":
                parameters.setdefault(name, spread_of.start)
            elif spread_of is not None and spread_of.causality == "input":
                inputs.setdefault(name, spread_of.start)
        return Job(
            id=request.id,
            project=self.project,
            model=self.model,
            out=out,
            t_ns=self.t_ns,
            sample_ns=results.sample_times(self.t_ns, request.horizon_s, self.scenario.sample_s, cells),
            members=request.members,
            seed=request.seed,
            initial=values_of(given["initial"]),
            inputs=values_of(inputs),
            parameters=values_of(parameters),
            events=tuple(sorted(events, key=lambda e: e[0])),
            recorded=recorded,
            spread=dict(request.spread),
            warm_up_s=self.scenario.warm_up_s,
            state=state if parameters == given["parameter"] else b"",  # it has its own parameters
        )

    @property
    def model(self) -> OpenModel:
        """What a worker has to load."""
        return model_of(self.scenario)

    def variable(self, name: str, value: float) -> tuple[str, float]:
        """Return (variable, value in its unit) of a tag or variable. Raises ProjectFault."""
        if name in self.settable:
            variable, factor, offset = self.settable[name]
            return variable, (value - offset) / factor
        if self.info.named(name) is None:
            known = {**{v.name: v for v in self.info.variables}, **self.columns}
            raise _unknown(
                f"Neither the model nor its tags have '{name}'.", name, known, self.scenario.origin
            )
        return name, value

    def _given(self) -> dict[str, dict[str, float]]:
        """Return what the state says, by what the model takes it as."""
        out: dict[str, dict[str, float]] = {"initial": {}, "input": {}, "parameter": {}}
        causality = {v.name: v.causality for v in self.info.variables}
        slots = {spec.name: spec.slot for spec in self.specs}
        both = dict.fromkeys((*self.columns.items(), *self.settable.items()))
        for tag, (variable, factor, offset) in both:
            value, word = float(self.value[slots[tag]]), int(self.quality[slots[tag]]) & 0xFF
            if word < BAD and np.isfinite(value):
                kind = causality[variable]
                into = kind if kind in ("input", "parameter") else "initial"
                out[into][variable] = (value - offset) / factor
        for name, number in self.state.model.items():  # what was asked for; a tag may show what is reached
            if causality.get(name) in ("input", "parameter"):
                out[causality[name]][name] = number
        return out

    # ---------------------------------------------------------------- back from it

    def view(self) -> View:
        """Return how results become states."""
        return View(self)

    def signals(self, run: Trajectory) -> measures.Signals:
        """Return what names mean in a result."""
        return measures.Signals(run, self.columns, {s.name: s for s in self.specs}, self.held)


class View:
    """States of the project's tags out of results; member 0, the nominal one, is what is shown."""

    def __init__(self, fork: Forked) -> None:
        self._fork = fork
        self._derived = Derived(fork.specs, fork.zone)
        self._begins = past_pack.known(fork.state.past) if self._derived.past is not None else []
        self._fed: tuple[Trajectory | None, int] = (None, -1)  # the result, and its rows, that were looked at
        self._slots = np.arange(len(fork.specs), dtype=np.uint32)
        slots = {spec.name: spec.slot for spec in fork.specs}
        self._mapped: list[tuple[str, int, float, float]] = [
            (name, slots[tag], factor, offset) for tag, (name, factor, offset) in fork.columns.items()
        ]
        tags = fork.state.tags
        self._texts = {slots[tags[r]]: text for r, text in fork.state.text.items() if tags[r] in slots}
        own = {slot for _, slot, _, _ in self._mapped} | {s.slot for s in fork.specs if s.expression}
        self._held = np.array([s not in own for s in range(len(fork.specs))], np.bool_)

    def table(self, run: Trajectory | None, row: int, mono_ns: int) -> TagTable:
        """Return all tags at a row of a result; without one, as they were at the fork.

        A tag that the model does not know keeps its value and is UNCERTAIN: nobody computed it.
        """
        fork = self._fork
        table = TagTable(len(fork.specs))
        table.value[:], table.quality[:] = fork.value, fork.quality
        table.source_ns[:], table.arrival_ns[:] = fork.source_ns, fork.arrival_ns
        table.arrival_mono_ns[:] = table.alive_mono_ns[:] = mono_ns
        table.text.update(self._texts)
        if run is None or not len(run.t_ns):
            return table
        held = self._held & (rank(table.quality) < NEVER)
        table.quality[held] = worst(table.quality[held], np.full(int(held.sum()), UNCERTAIN, np.uint16))
        found = [(run.names.index(n), s, f, o) for n, s, f, o in self._mapped if n in run.names]
        if found:
            column, slot, factor, offset = (np.array(each) for each in zip(*found, strict=True))
            values = run.values[0, row, column] * factor + offset
            known = np.isfinite(values)
            table.value[slot] = values
            table.quality[slot] = np.where(known, GOOD, BAD)
            table.source_ns[slot] = table.arrival_ns[slot] = run.t_ns[row]
            for s in slot.tolist():
                table.text.pop(s, None)
        passed = self._passed(run, row, found) if self._derived.past is not None else None
        self._derived.evaluate(table, self._slots, int(run.t_ns[row]), mono_ns, passed)
        return table

    def past(self, run: Trajectory | None, row: int) -> bytes:
        """Return what functions over time know at a row of a result; without one, at the fork."""
        if self._derived.past is None or run is None or row < 0:
            return self._fork.state.past
        self.table(run, row, 0)  # whatever row was shown meanwhile
        saved = self._derived.past.saved()
        return past_pack.packed(saved, int(run.t_ns[row]), past_pack.MOST_BYTES)

    def _passed(
        self, run: Trajectory, row: int, found: Sequence[tuple[int, int, float, float]]
    ) -> SampleBatch | None:
        """Return the rows of a result since the one shown last; whoever goes back begins at the fork."""
        before, last = self._fed
        if self._derived.past is not None and (before is not run or row <= last):
            self._derived.past.forget()
            self._derived.go_on(self._fork.value, self._fork.t_ns)
            self._derived.past.restore(self._begins, self._fork.t_ns)
            last = -1
        self._fed = (run, row)
        if not found:
            return None
        column, slot, factor, offset = (np.array(each) for each in zip(*found, strict=True))
        values = run.values[0, last + 1 : row + 1, column].T * factor + offset
        times = np.repeat(run.t_ns[last + 1 : row + 1], len(slot))
        flat = values.reshape(-1)
        return batch_of(
            np.tile(slot, len(values)).astype(np.uint32),
            flat,
            times,
            times,
            times,
            quality=np.where(np.isfinite(flat), GOOD, BAD).astype(np.uint16),
        )

    def rows(self, table: TagTable) -> SampleBatch:
        """Return a table as one row for each slot that has a value."""
        slot: U4 = self._slots[rank(table.quality) < NEVER]
        kept = {int(s): i for i, s in enumerate(slot.tolist())}
        return batch_of(
            slot,
            table.value[slot],
            table.source_ns[slot],
            table.arrival_ns[slot],
            table.arrival_mono_ns[slot],
            quality=table.quality[slot],
            text={kept[s]: text for s, text in table.text.items() if s in kept},
        )


def model_of(scenario: Scenario) -> OpenModel:
    """Return what a worker has to load for a scenario."""
    return OpenModel(
        kind=scenario.simulator,
        file=scenario.file,
        call_timeout_s=scenario.call_timeout_s,
        step_s=scenario.step_s,
    )


def requests_of(scenario: Scenario) -> tuple[RunRequest, ...]:
    """Return the baseline and each variant of a scenario as requests."""
    common = tuple((e.at_s, name, value) for e in scenario.events for name, value in e.set.items())
    first = RunRequest(
        id=BASELINE,
        title="Do nothing",
        horizon_s=scenario.horizon_s,
        events=common,
        members=scenario.members,
        spread=scenario.spread,
        seed=scenario.seed,
    )
    more = tuple(
        RunRequest(
            id=variant.id,
            title=variant.title or variant.id,
            horizon_s=scenario.horizon_s,
            events=(
                *common,
                *((e.at_s, name, value) for e in variant.events for name, value in e.set.items()),
            ),
            parameters=variant.parameters,
            members=scenario.members,
            spread=scenario.spread,
            seed=scenario.seed,
        )
        for variant in scenario.variants
    )
    return (first, *more)


def empty_state(project_hash: str, t_ns: int) -> StateAnswer:
    """Return a state that says nothing: the model begins from its own steady state."""
    none = np.zeros(0, np.int64)
    return StateAnswer(
        world="",
        kind="",
        project_hash=project_hash,
        seq=0,
        t_ns=t_ns,
        tags=(),
        units=(),
        value=np.zeros(0),
        source_ns=none,
        arrival_ns=none,
        quality=np.zeros(0, np.uint16),
    )
