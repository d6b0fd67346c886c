"""Units of derived tags that look back: what a function makes of the unit of the tag that it watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from armillary.model import expression
from armillary.model.expression_past import FUNCTIONS
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.units import conversion, over_time

_ALIKE = frozenset(
    {"mean", "lowest", "highest", "percentile", "sum", "ewma", "hold", "metered", "metered_today"}
    | {f"{span}_{name}" for span in ("tumbling", "session") for name in ("mean", "min", "max", "sum", "last")}
)
_APART = frozenset(
    {"std", "delta", "tumbling_std", "session_std"}
)  # differences: what is added to get from one unit to another says nothing
_PER_S, _TIMES_S = (
    frozenset({"rate"}),
    frozenset({"integral", "integral_today", "tumbling_integral", "session_integral"}),
)
_HOURS, _SECONDS = frozenset({"hours_run", "hours_today"}), frozenset({"time_since", "time_since_change"})


def in_units(specs: Sequence[TagSpec]) -> tuple[TagSpec, ...]:
    """Return specs in which a derived tag that is one function over time is shown in its own unit.

    One whose unit does not fit stays as it is: `misfits` tells of it.
    """
    known = {spec.name: spec for spec in specs}
    return tuple(_shown(spec, known) if _may_look(spec) else spec for spec in specs)


def misfits(specs: Sequence[TagSpec]) -> Iterator[tuple[TagSpec, ProjectFault]]:
    """Yield derived tags whose unit is none of what their function makes, each with the fault."""
    known = {spec.name: spec for spec in specs}
    for spec in specs:
        if _may_look(spec):
            try:
                _factor(spec, known)
            except ProjectFault as fault:
                yield spec, fault


def _may_look(spec: TagSpec) -> bool:
    """Return whether an expression may be one function over time: most are not compiled for this."""
    return bool(spec.unit) and spec.expression.partition("(")[0].strip() in FUNCTIONS


def _shown(spec: TagSpec, known: Mapping[str, TagSpec]) -> TagSpec:
    try:
        factor, offset = _factor(spec, known)
    except ProjectFault:
        return spec
    return spec if (factor, offset) == (1.0, 0.0) else replace(spec, factor=factor, offset=offset)


def _factor(spec: TagSpec, known: Mapping[str, TagSpec]) -> tuple[float, float]:
    """Return (factor, offset) to the tag's unit; (1, 0) where the expression's unit is not known."""
    try:
        made = expression.compile(spec.expression, known, spec.origin, past=True)
    except ProjectFault:
        return 1.0, 0.0  # told where expressions are
    call = made.alone
    if call is None or spec.source_unit:
        return 1.0, 0.0
    if call.kind in _HOURS:
        return conversion("h", spec.unit, spec.origin)
    if call.kind in _SECONDS:
        return conversion("s", spec.unit, spec.origin)
    if call.kind != "hold" and call.text != "_0":
        return 1.0, 0.0
    unit = known[made.names[call.reads[0]]].unit
    if call.kind in _ALIKE:
        return conversion(unit, spec.unit, spec.origin)
    power = -1 if call.kind in _PER_S else 1 if call.kind in _TIMES_S else 0
    known_kind = power or call.kind in _APART
    return (over_time(unit, spec.unit, power, spec.origin), 0.0) if known_kind else (1.0, 0.0)
