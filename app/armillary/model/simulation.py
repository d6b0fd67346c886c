"""Simulators as data: what a model offers, how a run is begun, what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from armillary.model.arrays import F8, I8

Causality = Literal["input", "parameter", "output", "local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a model. Inputs may be set between steps, parameters at the start only."""

    name: str
    causality: Causality
    unit: str = ""
    start: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")
    title: str = ""
    tag: str = ""  # the tag that a model offers it for; a project's own map is stronger
    fault: str = ""  # of an input: the kind of malfunction that it is, `equipment.trip`; "" = none


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a simulator says of itself."""

    name: str
    kind: str  # fmu | python | a plugin's id
    version: str = ""
    step_s: float = 0.1  # the step it likes
    variables: tuple[Variable, ...] = ()
    can_save: bool = False  # its whole state is bytes: fork, snapshot and backtrack are exact and quick
    is_batched: bool = False  # many members step as arrays
    needs: tuple[str, ...] = ()  # what it cannot do, in sentences

    def named(self, name: str) -> Variable | None:
        """Return a variable by name."""
        return next((v for v in self.variables if v.name == name), None)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of the arrays that `step` returns."""
        return tuple(v.name for v in self.variables if v.causality == "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Values by variable name; one column for all members, or one for each."""

    names: tuple[str, ...] = ()  # k
    data: F8 = field(default_factory=lambda: np.zeros((0, 1)))  # (k, 1) or (k, m)

    def get(self, name: str) -> F8 | None:
        """Return the row of a variable, None when it is not among them."""
        return self.data[self.names.index(name)] if name in self.names else None


def values_of(values: Mapping[str, float | F8]) -> Values:
    """Return values by name as arrays: (k, 1), or (k, m) when one of them has m."""
    if not values:
        return Values()
    rows = [np.atleast_1d(np.asarray(v, np.float64)) for v in values.values()]
    width = max(len(row) for row in rows)
    return Values(names=tuple(values), data=np.stack([np.broadcast_to(row, (width,)) for row in rows]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimStart:
    """Begin a run of m members."""

    t_ns: int
    members: int = 1
    seed: int = 1
    initial: Values = Values()  # outputs and locals as they stand
    parameters: Values = Values()
    inputs: Values = Values()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimStarted:
    """The state at the start as the model has it, and what it could not take."""

    values: F8  # (m, k) outputs
    residual: Mapping[str, float] = field(default_factory=dict)  # output → |model − asked|, worst member
    unmapped: tuple[str, ...] = ()  # variables of `initial` that the model could not take
    is_estimated: bool = False  # the true inner state is not known from what was given


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenModel:
    """Ask a simulator child to load a model."""

    kind: str  # fmu | a plugin's name
    file: str = ""  # absolute
    call_timeout_s: float = 5.0
    step_s: float = 0.0  # 0 = the model's own


@dataclass(frozen=True, slots=True, kw_only=True)
class SimStep:
    """Step a run to a time with these inputs, held from now on."""

    to_ns: int
    inputs: Values = Values()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimStepped:
    """Where the run stands."""

    t_ns: int
    values: F8  # (m, k) outputs
    events: tuple[str, ...] = ()  # warnings of the model, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveModel:
    """Ask for the run's whole state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A run's whole state; to be loaded into a run of the same model. Answered by SimStepped."""

    data: bytes
    t_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """What a run gave: k variables of m members at n times, ascending."""

    names: tuple[str, ...]  # k, variables
    t_ns: I8  # (n,)
    values: F8  # (m, n, k)
