"""`ArmillaryExtra`: what of a binding the draft has no place for, as JSON; untrusted when it comes back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from armillary.model.binding import (
    ASPECTS,
    AXES,
    CHANNELS,
    INTENTS,
    MAPS,
    ON_BAD,
    ON_STALE,
    ROLES,
    Binding,
    FieldSpec,
    MapSpec,
)

SCHEMA = 1
MOST = 65_536  # characters of one
_MOST_TEXT, _MOST_ITEMS = 4_096, 1_024
_TOKENS = {
    "channel": CHANNELS,
    "axis": AXES,
    "map.kind": MAPS,
    "on_bad": ON_BAD,
    "on_stale": ON_STALE,
    "intent": INTENTS,
    "role": ROLES,
    "alarm_aspect": ASPECTS,
    "field.method": ("idw", "surface", "rbf"),
}
_NOT_KEPT = ("origin", "map", "field", "schema_version", "part")  # a part is seen anew when it is saved
Flat = dict[str, Any]  # Any: a number, text, flag or a tuple of them, as the record's field says


def flat(binding: Binding) -> Flat:
    """Return the fields of a binding by name, those of its map and field with a dot."""
    out: Flat = {f.name: getattr(binding, f.name) for f in fields(Binding) if f.name not in _NOT_KEPT}
    out |= {f"map.{f.name}": getattr(binding.map, f.name) for f in fields(MapSpec)}
    return out | {f"field.{f.name}": getattr(binding.field, f.name) for f in fields(FieldSpec)}


def difference(plain: Binding, real: Binding) -> Flat:
    """Return what has to be added to `plain` to get `real`."""
    before, after = flat(plain), flat(real)
    return {key: value for key, value in after.items() if value != before[key]}


def text_of(more: Flat, part_of: str = "") -> str:
    """Return the property's text, "" when there is nothing to add."""
    if not more and not part_of:
        return ""
    document: dict[str, Any] = {"schema": SCHEMA}  # Any: JSON
    if part_of:
        document["partOf"] = part_of
    if more:
        document["fields"] = more
    return json.dumps(document, ensure_ascii=False, sort_keys=True, allow_nan=False)


def read(text: str) -> tuple[Flat, str, str]:
    """Return (fields, id of the binding that this is another target of, what is wrong with it)."""
    if not text:
        return {}, "", ""
    if len(text) > MOST:
        return {}, "", "it is too long"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "", "it is no JSON"
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return {}, "", "its schema is not known"
    found, part_of = document.get("fields", {}), document.get("partOf", "")
    if not isinstance(found, dict) or not isinstance(part_of, str):
        return {}, "", "it is damaged"
    model = flat(Binding(name="x", prim="/x"))
    out: Flat = {}
    for key, value in found.items():
        if key not in model:
            return {}, "", f"it has an unknown field '{key[:64]}'"
        good = _like(model[key], value)
        if good is None or (key in _TOKENS and good not in _TOKENS[key]):
            return {}, "", f"its field '{key}' has an impossible value"
        out[key] = good
    return out, part_of, ""


def _like(model: Any, value: Any) -> Any:  # Any: JSON, checked against the record's own default
    """Return a JSON value as the type of a field, None when it is another."""
    if isinstance(model, bool):
        return value if isinstance(value, bool) else None
    if isinstance(model, str):
        return value if isinstance(value, str) and len(value) <= _MOST_TEXT else None
    if isinstance(model, int):
        return (
            value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31 else None
        )
    if isinstance(model, float):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and math.isfinite(value) else None
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        return None
    if model and len(value) != len(model):  # a pair
        return None
    items = tuple(_like(model[0] if model else "", item) for item in value)
    return None if None in items else items


def applied(binding: Binding, more: Mapping[str, Any]) -> Binding:
    """Return a binding with fields of `read` put in."""
    own = {k: v for k, v in more.items() if "." not in k}
    of_map = {k[4:]: v for k, v in more.items() if k.startswith("map.")}
    of_field = {k[6:]: v for k, v in more.items() if k.startswith("field.")}
    return replace(
        binding, map=replace(binding.map, **of_map), field=replace(binding.field, **of_field), **own
    )
