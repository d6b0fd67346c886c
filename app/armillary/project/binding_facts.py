"""A binding as plain facts under the names of card 1.2 (`colormap`, `stateKeys`), and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from armillary.model import binding_names as names
from armillary.model.binding import Binding, MapSpec
from armillary.model.binding_names import MAPPED

Fact = str | float | bool | tuple[float, float] | tuple[str, ...]
_TAKEN = (
    "signal",
    "address",
    "channel",
    "axis",
    "property",
    "range",
    "colormap",
    "unit",
    "targetUnit",
    "interval",
    "staleAfter",
    "onBad",
    "onStale",
    "fallback",
    "enabled",
    "intent",
)
PLAIN = {name: names.PLAIN[name] for name in _TAKEN}
NAMES = (*PLAIN, *MAPPED)
_USUAL = Binding(name="", prim="")
_DEFAULTS: dict[str, Fact] = {name: getattr(_USUAL, field) for name, field in PLAIN.items()}
_DEFAULTS |= {name: getattr(_USUAL.map, field) for name, field in MAPPED.items()}


def facts(binding: Binding) -> dict[str, Fact]:
    """Return what a binding says that is not the default."""
    out: dict[str, Fact] = {name: getattr(binding, field) for name, field in PLAIN.items()}
    out |= {name: getattr(binding.map, field) for name, field in MAPPED.items()}
    return {name: value for name, value in out.items() if value != _DEFAULTS[name]}


def with_facts(binding: Binding, said: Mapping[str, Fact]) -> Binding:
    """Return a binding that says this, and the default where nothing is said; all else as it was.

    Raises TypeError for a fact of another kind than its field.
    """
    whole: dict[str, Fact] = {**_DEFAULTS, **said}
    for name, value in whole.items():
        if not _fits(value, _DEFAULTS[name]):
            raise TypeError(name)
    plain = {field: _as(whole[name], _DEFAULTS[name]) for name, field in PLAIN.items()}
    mapped = {field: _as(whole[name], _DEFAULTS[name]) for name, field in MAPPED.items()}
    spec = replace(MapSpec(), **cast("dict[str, Any]", mapped))  # Any: checked just above
    return replace(binding, map=spec, **cast("dict[str, Any]", plain))


def _fits(value: object, usual: Fact) -> bool:
    if isinstance(usual, bool):
        return isinstance(value, bool)
    if isinstance(usual, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(usual, tuple):
        numbers = bool(usual)  # the lists of states are empty as a rule
        if not isinstance(value, list | tuple) or (numbers and len(value) != len(usual)):
            return False
        kinds = (int, float) if numbers else (str,)
        return all(isinstance(each, kinds) and not isinstance(each, bool) for each in value)
    return isinstance(value, str)


def _as(value: object, usual: Fact) -> Fact:
    if isinstance(usual, tuple) and isinstance(value, list | tuple):
        return (float(value[0]), float(value[1])) if usual else tuple(str(v) for v in value)
    if isinstance(usual, float) and not isinstance(usual, bool) and isinstance(value, int | float):
        return float(value)
    return cast("Fact", value)
