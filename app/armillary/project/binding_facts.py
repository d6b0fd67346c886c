"""A binding as plain facts under the names of card 1.2 (`colormap`, `stateKeys`), and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from armillary.model.binding import Binding, MapSpec

Fact = str | float | bool | tuple[float, float] | tuple[str, ...]
PLAIN = {
    "signal": "signal",
    "address": "address",
    "channel": "channel",
    "axis": "axis",
    "property": "property_name",
    "range": "ends",
    "colormap": "colormap",
    "unit": "unit",
    "targetUnit": "target_unit",
    "interval": "interval_s",
    "staleAfter": "stale_after_s",
    "onBad": "on_bad",
    "onStale": "on_stale",
    "fallback": "fallback",
    "enabled": "enabled",
    "intent": "intent",
}
MAPPED = {
    "map": "kind",
    "scale": "scale",
    "offset": "offset",
    "clamp": "clamp",
    "stateKeys": "state_keys",
    "stateValues": "state_values",
    "expr": "expr",
}
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
