"""What an FMU's description says, as our own records; without fmpy, so that it can be read anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from armillary.model.fault import Fault, WorldFault
from armillary.model.simulation import Causality, ModelInfo, Variable

_MAJORS = (2, 3)  # of the standard
DEFAULT_STEP_S = 0.05  # operations: 20 a second of simulated time
_NUMBERS = frozenset(["Real", "Integer", "Enumeration", "Boolean", "Float32", "Float64"]) | {
    f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)
}
_CAUSALITY: Mapping[str, Causality] = {
    "input": "input",
    "output": "output",
    "parameter": "parameter",
    "calculatedParameter": "local",
    "local": "local",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """How a variable is reached."""

    name: str
    reference: int
    kind: str  # the part of a call's name: Real, Integer, Boolean, Float64, …
    is_settable: bool  # at the start
    is_held: bool  # between steps: inputs and tunable parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An FMU that we can step."""

    info: ModelInfo
    major: int  # of the standard
    token: str
    identifier: str
    library: Path
    refs: Mapping[str, Ref]
    states: frozenset[str]  # names of continuous states
    can_vary_step: bool
    is_once: bool  # one instance per process


# Any: fmpy ships no types
def described(md: Any, folder: Path, file: Path, library: str, step_s: float = 0.0) -> Description:
    """Return what we need of fmpy's ModelDescription, unpacked in `folder`; `library`: binaries/… for here.

    Raises WorldFault for an FMU that we cannot run, with the reason.
    """
    co = md.coSimulation
    major = int(str(md.fmiVersion).split(".", 1)[0])
    if major not in _MAJORS:
        raise fault(file, f"It is of FMI {md.fmiVersion}.", "Export it as FMI 2.0 or 3.0 for Co-Simulation.")
    if co is None:
        kind = "Model Exchange" if md.modelExchange is not None else "Scheduled Execution"
        raise fault(file, f"It offers {kind} only.", "Export it for Co-Simulation.")
    if co.needsExecutionTool:
        tool = md.generationTool or "another program"
        raise fault(file, f"It needs {tool} to run.", "Export it with its solver inside.")
    if not str(co.modelIdentifier).isidentifier():  # it becomes a path
        raise fault(file, f"Its model identifier is {co.modelIdentifier!r}.", "Export it again.")
    binary = folder / "binaries" / library / f"{co.modelIdentifier}.so"
    if not binary.is_file():
        there = sorted(p.name for p in (folder / "binaries").glob("*/"))
        has = f"it has {', '.join(there)}" if there else "it has none"
        raise fault(file, f"It has no binary for this machine ({library}); {has}.", "Export it for Linux.")
    step = step_s or _step(md)
    refs: dict[str, Ref] = {}
    shown: list[Variable] = []
    hidden: dict[str, int] = {}
    numbers = [v for v in md.modelVariables if v.causality in _CAUSALITY]
    settable = {(_call(v, major), v.valueReference) for v in numbers if _is_settable(v)}
    for v in numbers:
        if v.type not in _NUMBERS or v.shape:
            what = "array" if v.shape else str(v.type)
            hidden[what] = hidden.get(what, 0) + 1
            continue
        refs[v.name] = Ref(
            name=v.name,
            reference=v.valueReference,
            kind=_call(v, major),
            is_settable=(_call(v, major), v.valueReference) in settable,
            is_held=v.causality == "input" or (v.causality == "parameter" and v.variability == "tunable"),
        )
        shown.append(_variable(v))
    can_save = bool(co.canGetAndSetFMUstate and co.canSerializeFMUstate)
    needs = [f"{n} variables of the kind {what} are not shown." for what, n in sorted(hidden.items())]
    if not can_save:
        needs.append("It cannot save its state: a fork steps again from the start with the same inputs.")
    if not co.canHandleVariableCommunicationStepSize:
        needs.append(f"It takes steps of {step:g} s only.")
    return Description(
        info=ModelInfo(
            name=md.modelName or file.stem,
            kind="fmu",
            version=md.version or "",
            step_s=step,
            variables=tuple(shown),
            can_save=can_save,
            needs=tuple(needs),
        ),
        major=major,
        token=md.guid or "",
        identifier=co.modelIdentifier,
        library=binary,
        refs=refs,
        states=frozenset(
            u.variable.derivative.name for u in md.derivatives if u.variable.derivative is not None
        ),
        can_vary_step=bool(co.canHandleVariableCommunicationStepSize),
        is_once=bool(co.canBeInstantiatedOnlyOncePerProcess),
    )


def fault(file: Path, what: str, remedy: str) -> Fault:
    """Return the fault of an FMU that cannot be used."""
    return WorldFault(f"The FMU '{file.name}' cannot be run: {what}", where=str(file), remedy=remedy)


def known(names: Iterable[str], all_names: Iterable[str], model: str, where: str, what: str) -> None:
    """Raise a WorldFault for the first of the names that is not among all, with the nearest that is."""
    there = set(all_names)
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, 1)
            hint = (
                f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(sorted(there)[:8]) or 'none'}."
            )
            raise WorldFault(f"The model '{model}' has no {what} '{name}'.", where=where, remedy=hint)


def _step(md: Any) -> float:  # Any: as above
    wished = _number(getattr(md.defaultExperiment, "stepSize", None), DEFAULT_STEP_S)
    fixed = _number(getattr(md.coSimulation, "fixedInternalStepSize", None), 0.0)
    step = wished if math.isfinite(wished) and wished > 0 else DEFAULT_STEP_S
    if not md.coSimulation.canHandleVariableCommunicationStepSize and fixed > 0:
        step = max(1, round(step / fixed)) * fixed
    return step


def _call(v: Any, major: int) -> str:  # Any: as above
    if v.type == "Enumeration":
        return "Integer" if major == _MAJORS[0] else "Int64"
    return str(v.type)


def _is_settable(v: Any) -> bool:  # Any: as above
    if v.variability == "constant" or v.causality == "calculatedParameter":
        return False
    return v.causality in ("input", "parameter") or v.initial in ("exact", "approx")


def _variable(v: Any) -> Variable:  # Any: as above
    declared = v.declaredType

    def of(name: str) -> Any:  # Any: text, or nothing
        own = getattr(v, name, None)
        return own if own is not None else getattr(declared, name, None)

    return Variable(
        name=v.name,
        causality=_CAUSALITY[v.causality],
        unit=of("unit") or "",
        start=_number(v.start, 0.0),
        low=_number(of("min"), float("-inf")),
        high=_number(of("max"), float("inf")),
        title=v.description or "",
    )


def _number(text: object, other: float) -> float:
    if text in ("true", "false", True, False):
        return float(text in ("true", True))
    try:
        return float(str(text)) if text is not None else other
    except ValueError:
        return other
