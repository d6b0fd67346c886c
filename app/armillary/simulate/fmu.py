"""One FMU for Co-Simulation, stepped as the standard asks of its importer. `simulate.child` brings fmpy."""

from __future__ import annotations

import ctypes
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from armillary.model.arrays import F8
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, WorldFault
from armillary.model.simulation import ModelInfo, SimStart, SimStarted, SimStepped, Values
from armillary.simulate import states
from armillary.simulate.fmu_info import Description, known

FMI2 = 2
MAX_HALVINGS = 12
MESSAGES = 10
_WARNING, _DISCARD = 1, 2  # fmi2Status, fmi3Status
_LAST_SUCCESSFUL, _TERMINATED = 2, 3  # fmi2StatusKind


class Library(Protocol):
    """The FMU's library by fmpy. One instance at a time."""

    slave: Any  # Any: fmpy ships no types
    error: type[Exception]  # raised by its calls; has a `status`

    def make(self, heard: Callable[[int, str], None]) -> None:
        """Make an instance that says (status, words) to `heard`."""

    def free(self) -> None:
        """Give the instance up."""


class Fmu:
    """An FMU for Co-Simulation, 2.0 or 3.0. Its time is 0 at the start; it steps to multiples of its step."""

    def __init__(self, file: Path, about: Description, library: Library, call_timeout_s: float) -> None:
        self._file, self.about, self._library = file, about, library
        self._slave = library.slave
        self._is_made = False
        self._budget_ns = int(call_timeout_s * NS / 4)  # a long step answers in between
        self._said: deque[tuple[int, str]] = deque(maxlen=MESSAGES)
        self._t0_ns = self._t_ns = 0
        self._h_ns = max(1, round(about.info.step_s * NS))
        self._outputs = self._plan(about.info.outputs)
        self._clock = WallClock()

    def describe(self) -> ModelInfo:
        """Return what the FMU says of itself, and what keeps it apart from us."""
        return self.about.info

    def start(self, start: SimStart) -> SimStarted:
        """Begin a run of one member."""
        if start.members != 1:
            raise self._fault("it was asked for several members.", "Start one process for each.")
        given = {**_row(start.initial), **_row(start.parameters), **_row(start.inputs)}
        self._check(start)
        settable = {n: v for n, v in given.items() if self.about.refs[n].is_settable}
        self._begin(settable)
        self._t0_ns = self._t_ns = start.t_ns
        asked = _row(start.initial)
        there = self._values(self._plan(tuple(asked)))
        residual = {n: abs(v - w) for (n, v), w in zip(asked.items(), there, strict=True)}
        unmapped = tuple(n for n in asked if n not in settable)
        off = any(r > 1e-9 * max(1.0, abs(asked[n])) for n, r in residual.items())
        return SimStarted(
            values=self._read_outputs()[np.newaxis],
            residual=residual,
            unmapped=unmapped,
            is_estimated=bool(asked) and (off or bool(unmapped) or bool(self.about.states - set(settable))),
        )

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step towards a time. May answer before it is reached; an answer without progress is the end."""
        if not self._is_made:
            raise self._fault("it was not started.", "Start it first.")
        self._set_inputs(_row(inputs))
        before = self._clock.now_mono_ns()
        values = None
        while (until := self._next(to_ns)) > self._t_ns:
            self._advance(until)
            self._t_ns = until
            values = self._read_outputs()
            if self._clock.now_mono_ns() - before > self._budget_ns:
                break
        found = values if values is not None else self._read_outputs()
        events = tuple(f"{self._file.name}: {text}" for status, text in self._said if status == _WARNING)
        self._said.clear()
        return SimStepped(t_ns=self._t_ns, values=found[np.newaxis], events=events)

    def save(self) -> bytes:
        """Return the FMU's own state."""
        if not self.about.info.can_save or not self._is_made:
            raise self._fault("it cannot save its state.", "Step it again from the start.")
        state = self._call(self._slave.getFMUState)
        try:
            data = self._call(self._slave.serializeFMUState, state)
        finally:
            self._call(self._slave.freeFMUState, state)
        return states.packed({"t0_ns": self._t0_ns, "t_ns": self._t_ns}, bytes(data))

    def load(self, state: bytes) -> SimStepped:
        """Go on from a state, of this or of another process."""
        head, data = states.unpacked(state)
        if not self._is_made:
            self._begin({})
        made = self._call(self._slave.deserializeFMUState, data)
        try:
            self._call(self._slave.setFMUState, made)
        finally:
            self._call(self._slave.freeFMUState, made)
        self._t0_ns, self._t_ns = int(head["t0_ns"]), int(head["t_ns"])
        return SimStepped(t_ns=self._t_ns, values=self._read_outputs()[np.newaxis])

    def token(self) -> str:
        """Return what a saved state belongs to."""
        return self.about.token

    # ---------------------------------------------------------------- beginning

    def _begin(self, given: Mapping[str, float]) -> None:
        """Make an instance, or the old one new, and initialise it with values."""
        if self._is_made and self.about.is_once:
            self._call(self._slave.reset)
        else:
            if self._is_made:
                self._library.free()
            self._make()
        inputs = {n for n in given if self.about.info.named(n).causality == "input"}  # type: ignore[union-attr]
        if self.about.major == FMI2:
            self._call(self._slave.setupExperiment, startTime=0.0)
        self._set({n: v for n, v in given.items() if n not in inputs})
        self._call(self._slave.enterInitializationMode)
        self._set({n: v for n, v in given.items() if n in inputs})
        self._call(self._slave.exitInitializationMode)

    def _make(self) -> None:
        try:
            self._library.make(lambda status, words: self._said.append((status, words)))
        except Exception as error:
            raise self._fault(
                f"it cannot be made: {error}.{self._last_words()}", "Export it again."
            ) from error
        self._is_made = True

    def _last_words(self) -> str:
        texts = [text for status, text in self._said if status > _WARNING]
        return f" It says: {texts[-1]}" if texts else ""

    # ---------------------------------------------------------------- values

    def _check(self, start: SimStart) -> None:
        name, where = self.about.info.name, str(self._file)
        by = {v.name: v.causality for v in self.about.info.variables}
        parameters = [n for n, c in by.items() if c == "parameter"]
        known(start.parameters.names, parameters, name, where, "parameter")
        known(start.inputs.names, [n for n, c in by.items() if c == "input"], name, where, "input")
        known(start.initial.names, by, name, where, "variable")

    def _set_inputs(self, given: Mapping[str, float]) -> None:
        held = [n for n, ref in self.about.refs.items() if ref.is_held]
        fixed = [n for n in given if n in self.about.refs and n not in held]
        if fixed:
            raise self._fault(f"'{fixed[0]}' can be set at the start only.", "Begin a new run.")
        known(given, held, self.about.info.name, str(self._file), "input")
        self._set(given)

    def _plan(self, names: Sequence[str]) -> list[tuple[str, list[int], list[int]]]:
        """Return by kind: (kind, references, columns): one call for each kind."""
        by: dict[str, tuple[list[int], list[int]]] = {}
        for column, name in enumerate(names):
            ref = self.about.refs[name]
            references, columns = by.setdefault(ref.kind, ([], []))
            references.append(ref.reference)
            columns.append(column)
        return [(kind, references, columns) for kind, (references, columns) in by.items()]

    def _set(self, given: Mapping[str, float]) -> None:
        for name, value in given.items():
            if not math.isfinite(value):
                raise self._fault(f"'{name}' was given the value {value}.", "Give it a number.")
        values = [*given.values()]
        for kind, references, columns in self._plan(tuple(given)):
            chosen = [values[c] for c in columns]
            if kind == "Boolean":
                out: list[float] | list[int] | list[bool] = [v >= 0.5 for v in chosen]  # noqa: PLR2004
            else:
                out = chosen if kind in ("Real", "Float64", "Float32") else [round(v) for v in chosen]
            self._call(getattr(self._slave, f"set{kind}"), references, out)

    def _values(self, plan: list[tuple[str, list[int], list[int]]]) -> F8:
        out = np.empty(sum(len(columns) for _, _, columns in plan))
        for kind, references, columns in plan:
            out[columns] = self._call(getattr(self._slave, f"get{kind}"), references)
        return out

    def _read_outputs(self) -> F8:
        values = self._values(self._outputs)
        if not np.isfinite(values).all():
            worst = int(np.flatnonzero(~np.isfinite(values))[0])
            name = self.about.info.outputs[worst]
            raise WorldFault(
                f"The run of '{self._file.name}' diverged: '{name}' is {values[worst]} at {self._at()}.",
                where=str(self._file),
                remedy="Look at inputs and parameters, or take a smaller step.",
            )
        return values

    # ---------------------------------------------------------------- stepping

    def _next(self, to_ns: int) -> int:
        """Return the next communication point: on the grid from the start, or where the caller stops."""
        grid = self._t0_ns + ((self._t_ns - self._t0_ns) // self._h_ns + 1) * self._h_ns
        if grid <= to_ns:
            return grid
        return max(to_ns, self._t_ns) if self.about.can_vary_step else self._t_ns

    def _advance(self, until_ns: int) -> None:
        """Step to a time; a step that the model discards is halved, where it can vary its step."""
        t, h = self._t_ns, until_ns - self._t_ns
        halvings = 0
        while t < until_ns:
            h = min(h, until_ns - t)
            reached, is_discarded = self._do_step(t, h)
            if not is_discarded:
                t += h
                continue
            if t < reached < t + h:
                t = reached
            halvings += 1
            h //= 2
            if not self.about.can_vary_step or halvings > MAX_HALVINGS or h < 1:
                raise self._fault(
                    f"it discards the step at {self._at()}.{self._last_words()}", "Take a smaller step."
                )

    def _do_step(self, t_ns: int, h_ns: int) -> tuple[int, bool]:
        """Make one step; return (time reached, whether the model discarded it)."""
        at, h = (t_ns - self._t0_ns) / NS, h_ns / NS
        is_ended, last = ctypes.c_bool(), ctypes.c_double(at)
        try:
            if self.about.major == FMI2:
                self._slave.doStep(at, h)
            else:  # fmpy's own wrapper would lose `last` of a step that is discarded
                event, early = ctypes.c_bool(), ctypes.c_bool()
                told = [ctypes.byref(v) for v in (event, is_ended, early, last)]
                self._slave.fmi3DoStep(self._slave.component, at, h, ctypes.c_bool(True), *told)
        except self._library.error as error:
            if getattr(error, "status", None) == _DISCARD:
                if self._is_terminated():
                    raise self._ended() from error
                seconds = self._last_successful() if self.about.major == FMI2 else last.value
                return (self._t0_ns + round(seconds * NS) if math.isfinite(seconds) else t_ns), True
            raise self._told(error) from error
        if is_ended.value:
            raise self._ended()
        return t_ns + h_ns, False

    def _is_terminated(self) -> bool:
        """Return whether a discarded step of FMI 2 means that the model wants to end."""
        try:
            return self.about.major == FMI2 and bool(self._slave.getBooleanStatus(_TERMINATED))
        except self._library.error:  # it need not know
            return False

    def _ended(self) -> Fault:
        return self._fault(f"it ended its run at {self._at()}.{self._last_words()}", "Begin a new run.")

    def _last_successful(self) -> float:
        try:
            return float(self._slave.getRealStatus(_LAST_SUCCESSFUL))
        except self._library.error:  # it need not know
            return math.nan

    # Any: whatever the call of fmpy returns
    def _call(self, call: Callable[..., Any], *args: object, **named: object) -> Any:
        try:
            return call(*args, **named)
        except self._library.error as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> Fault:
        return self._fault(f"{error} It was at {self._at()}.{self._last_words()}", "See the log of the run.")

    def _at(self) -> str:
        return f"{(self._t_ns - self._t0_ns) / NS:g} s"

    def _fault(self, what: str, remedy: str) -> Fault:
        return WorldFault(f"The FMU '{self._file.name}': {what}", where=str(self._file), remedy=remedy)


def _row(values: Values) -> dict[str, float]:
    """Return values by name; of several members the first."""
    return {name: float(values.data[i, 0]) for i, name in enumerate(values.names)}
