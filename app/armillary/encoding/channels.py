"""What each channel, map and unit means: one binding → the numbers of its row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.encoding import maps
from armillary.encoding.moves import AXIS, Motion
from armillary.encoding.program import Words
from armillary.encoding.rows import LAST, colour, literal
from armillary.model import units
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault, ProjectFault
from armillary.model.tags import TagSpec

RESULT = -1_000_000_000  # sources below this are results of expressions, not yet numbered

CHANNELS: Mapping[str, str] = {
    "displayColor": "colour",
    "emissiveColor": "colour",
    "displayOpacity": "number",
    "visibility": "number",
    "highlight": "number",
    "translate": "number",
    "rotate": "number",
    "scale": "number",
    "level": "number",
    "spin": "number",
    "label": "words",
    "variant": "words",
    "transform": "pose",
    "flow": "flow",
    "field": "surface",
    "primvar": "surface",
}
MOTIONS = ("translate", "rotate", "spin", "scale", "level")
WHOLE = (*MOTIONS, "visibility", "variant", "label")  # reach all drawn descendants, also of a drawn prim
PAIR_OF = {"displayOpacity": "fade", "visibility": "show", "highlight": "lit"}
PAIRED = ("paint", "glow", "lit_colour", "lit", "fade", "show")
_NATURAL = {"translate": "m", "rotate": "degree", "spin": "rad/s"}
_FREQUENCIES = ("Hz", "1/s", "rps")  # of a rotation: turns, though pint reads them as radians
_DEFAULT_AXIS = {"translate": "z", "rotate": "z", "spin": "z", "level": "z", "scale": "xyz"}
_PERCENT = 0.01

Line = tuple[float, float, float, float]  # a, b, low, high
_NO_LINE: Line = (0.0, 0.0, 0.0, 0.0)
_X: Line = (1.0, 0.0, -math.inf, math.inf)  # x as it is
Table = tuple[list[float], list[float], bool, Line]  # keys, picks and otherwise, exact, line of x


def code_of(fault: Fault) -> str:
    """Return the linter code of a fault met while compiling: units B13, expressions B14, the rest B02."""
    if "unit" in fault.what:
        return "B13"
    return "B14" if "(in '" in fault.what else "B02"


def channel_key(binding: Binding) -> str:
    """Return what two bindings of one prim may not share."""
    if binding.channel in MOTIONS:
        return f"{binding.channel}:{axis_of(binding)}"
    if binding.channel in ("field", "primvar", "flow"):
        return "field"
    return f"{binding.channel}:{binding.property_name}" if binding.channel == "variant" else binding.channel


def axis_of(binding: Binding) -> int:
    """Return 0, 1, 2 or 3 (xyz). Raises ProjectFault for an axis that the channel cannot have."""
    name = binding.axis if binding.axis != "none" else _DEFAULT_AXIS.get(binding.channel, "z")
    if name not in AXIS or (name == "xyz" and binding.channel in ("rotate", "spin", "level", "flow")):
        raise ProjectFault(
            f"The channel '{binding.channel}' has no axis '{binding.axis}'.",
            where=binding.origin or binding.where,
            remedy="Give x, y or z.",
        )
    return AXIS[name]


def check_map(binding: Binding) -> None:
    """Raise ProjectFault for a map that does not hold together."""
    where, spec = binding.origin or binding.where, binding.map
    if spec.kind in ("steps", "states"):
        if len(spec.state_keys) != len(spec.state_values) or not spec.state_keys:
            raise ProjectFault(
                f"There are {len(spec.state_keys)} keys and {len(spec.state_values)} values.",
                where=where,
                remedy="Give one value for each key.",
            )
        if spec.kind == "steps":
            keys = [literal(k) for k in spec.state_keys if k != "*"]
            if any(math.isnan(k) for k in keys) or keys != sorted(keys):
                raise ProjectFault(
                    "The keys of a stepped map are no ascending numbers.",
                    where=where,
                    remedy="Sort the thresholds.",
                )
    elif spec.kind not in ("none", "linear", "range", "expr"):
        raise ProjectFault(
            f"The map '{spec.kind}' is not known.",
            where=where,
            remedy="Use none, linear, range, steps, states or expr.",
        )
    if not all(map(math.isfinite, (spec.scale, spec.offset, *binding.ends))):
        raise ProjectFault(
            "Scale, offset or range is not a finite number.", where=where, remedy="Correct it."
        )


def keeps_unit(binding: Binding) -> bool:
    """Return whether y is x: a map that changes nothing keeps the unit too."""
    spec = binding.map
    return spec.kind == "none" or (
        spec.kind in ("linear", "range") and spec.scale == 1.0 and spec.offset == 0.0
    )


def straight(binding: Binding, is_result: bool) -> Line:
    """Return (a, b, low, high) of y = a·x + b with its clamp; an expression's result is y already."""
    spec = binding.map
    through = is_result or spec.kind in ("none", "steps", "states")
    a, b = (1.0, 0.0) if through else (spec.scale, spec.offset)
    return a, b, spec.clamp[0], spec.clamp[1]


def key_number(key: str, spec: TagSpec, row: int) -> float:
    """Return the number that a state's key stands for: its row for a text tag, an enum's value, a literal."""
    if spec.kind == "text":
        return float(row)
    return next((x for x, name in spec.states if name == key), literal(key))


def text_rows(binding: Binding) -> dict[str, float]:
    """Return text → row for the states of a text tag, as `key_number` numbers them."""
    return {key: float(row) for row, key in enumerate(k for k in binding.map.state_keys if k != "*")}


# ---------------------------------------------------------------- colours


def colour_row(
    binding: Binding, spec: TagSpec, colourmap: ColourMap, is_result: bool
) -> tuple[Line, Table | None]:
    """Return a ramp's (a, b, low, high) in rows of the map, or a table of packed colours instead."""
    a, b, low, high = straight(binding, is_result)
    first, last = binding.ends
    if binding.map.kind in ("steps", "states"):
        return _NO_LINE, _colour_table(binding, spec, colourmap)
    if colourmap.kind != "linear":
        keys = maps.positions(colourmap)
        if colourmap.kind == "steps":
            keys = first + keys * (last - first)
        colours = [float(c or 0) for c in (colour(text) for _, text in colourmap.stops)]
        exact = colourmap.kind == "states"
        # below the first step its colour still holds; a state that is not listed has none
        return _NO_LINE, (keys.tolist(), [*colours, 0.0 if exact else colours[0]], exact, (a, b, low, high))
    if last == first:
        raise ProjectFault(
            f"The colour range {first:g} to {last:g} is empty.",
            where=binding.origin or binding.where,
            remedy="Give two different ends in `range`.",
        )
    per = LAST / (last - first)
    # no np.clip: called 100,000 times it takes longer than all else here
    ends = sorted(min(max((end - first) * per, 0.0), float(LAST)) for end in (low, high))
    return (a * per, (b - first) * per, ends[0], ends[1]), None


def _colour_table(binding: Binding, spec: TagSpec, colourmap: ColourMap) -> Table:
    keys: list[float] = []
    picks: list[float] = []
    otherwise = 0.0
    for key, text in zip(binding.map.state_keys, binding.map.state_values, strict=True):
        packed_colour = float(_colour_of(text, binding, colourmap))
        if key == "*":
            otherwise = packed_colour
        else:
            keys.append(key_number(key, spec, len(keys)))
            picks.append(packed_colour)
    exact = binding.map.kind == "states"
    return keys, [*picks, otherwise], exact, _X


def _colour_of(text: str, binding: Binding, colourmap: ColourMap) -> int:
    """Return the packed colour of a state's value: a #rrggbb, else a number on the colour map."""
    direct = colour(text)
    if direct is not None:
        return direct
    y, (first, last) = literal(text), binding.ends
    if math.isnan(y):
        raise ProjectFault(
            f"'{text}' is neither a colour nor a number.",
            where=binding.origin or binding.where,
            remedy="Write #rrggbb, or a number within `range`.",
        )
    if colourmap.kind == "states":
        stops = [c for position, c in colourmap.stops if position == y]
        return (colour(stops[0]) or 0) if stops else 0
    low, high = binding.map.clamp
    t = 0.0 if last == first else (min(max(y, low), high) - first) / (last - first)
    row = maps.table(colourmap)[int(np.clip(t * LAST + 0.5, 0, LAST))]
    return int(np.ascontiguousarray(row).view(np.uint32)[0])


# ---------------------------------------------------------------- numbers


def number_row(binding: Binding, spec: TagSpec, is_result: bool) -> tuple[Line, Table | None]:
    """Return (a, b, low, high) of a line, or a table of numbers instead; before the natural unit."""
    line = straight(binding, is_result)
    if binding.map.kind not in ("steps", "states"):
        return line, None
    keys: list[float] = []
    picks: list[float] = []
    otherwise = math.nan
    low, high = binding.map.clamp
    for key, text in zip(binding.map.state_keys, binding.map.state_values, strict=True):
        y = literal(text)
        if math.isnan(y):
            raise ProjectFault(
                f"'{text}' is no number.",
                where=binding.origin or binding.where,
                remedy="Write a number, true or false.",
            )
        y = min(max(y, low), high)
        if key == "*":
            otherwise = y
        else:
            keys.append(key_number(key, spec, len(keys)))
            picks.append(y)
    return line, (keys, [*picks, otherwise], binding.map.kind == "states", _X)


def natural(binding: Binding, x_unit: str, metres_per_unit: float, where: str) -> tuple[float, float]:
    """Return (factor, offset) from y's unit to the channel's own: stage units, degrees, rad/s, shares.

    y's unit is `target_unit`; where that is empty and the map changes nothing, the unit of x.
    Raises ProjectFault when `target_unit` is of another dimension.
    """
    unit = binding.target_unit or (x_unit if keeps_unit(binding) else "")
    wanted = _NATURAL.get(binding.channel, "")
    if not wanted:
        return (_PERCENT if unit == "%" else 1.0), 0.0
    if binding.channel == "spin" and (not unit or unit in _FREQUENCIES):
        return (2 * math.pi if unit else 2 * math.pi / 60), 0.0
    if not unit:
        return 1.0, 0.0
    try:
        factor, offset = units.conversion(unit, wanted, where)
    except ProjectFault:
        if binding.target_unit:
            raise
        return (2 * math.pi / 60 if binding.channel == "spin" else 1.0), 0.0
    return (factor / metres_per_unit, offset) if binding.channel == "translate" else (factor, offset)


def last_of_each(motions: Sequence[Motion]) -> list[Motion]:
    """Return the last motion of each (prim, channel, axis)."""
    return list({(m.prim, m.what, m.axis): m for m in motions}.values())


# ---------------------------------------------------------------- words


def word_table(
    binding: Binding, spec: TagSpec
) -> tuple[tuple[float, ...], tuple[str, ...], Mapping[str, str], str | None, bool]:
    """Return (keys, texts, texts by text, otherwise, exact): of the map, else of the tag's own states."""
    named = {name: x for x, name in spec.states}
    if binding.map.kind in ("steps", "states"):
        table = list(zip(binding.map.state_keys, binding.map.state_values, strict=True))
        otherwise = next((text for key, text in table if key == "*"), None)
        rows = [(named.get(k, literal(k)), t) for k, t in table if k != "*"]
        return (
            tuple(k for k, _ in rows),
            tuple(t for _, t in rows),
            dict(table),
            otherwise,
            binding.map.kind == "states",
        )
    if spec.states and keeps_unit(binding):
        return tuple(x for x, _ in spec.states), tuple(n for _, n in spec.states), {}, None, True
    return (), (), {}, None, True


def with_source(words: Words, source: int) -> Words:
    """Return the same words reading another entry of the value vector."""
    return replace(words, source=source)
