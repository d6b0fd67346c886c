"""What a tag should drive of a part, and how: channel and map from unit, name, kind and the kind of part.

Only a first proposal; a person changes it in a line of the sheet or in the binding's card.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from armillary.encoding.matching import Leaf, Part
from armillary.encoding.naming import IMPLIED, Segment, quantity, whole
from armillary.model.binding import Binding, MapSpec

_RPM = 2 * math.pi / 60  # rad/s
_TURNS = {"rpm": _RPM, "1/min": _RPM, "min⁻¹": _RPM, "rev/min": _RPM, "rad/s": 1.0, "Hz": 2 * math.pi}
_SPINNING = frozenset(
    (*IMPLIED["speed"], "fan", "wheel", "drum", "roller", "agitator", "coupling", "propeller")
)
_FILLED = frozenset(IMPLIED["level"])
_TURNED = frozenset((*IMPLIED["position"], "valve", "damper", "gate", "door", "wing"))
_PIPED = frozenset(("pipe", "hose", "duct", "tube", "pipeline", "piping"))
_SHOWN = frozenset(("flame", "light", "lamp", "beacon", "steam", "smoke", "indicator", "person"))
_USUAL = {  # where nothing says the range: what is usual, in the unit
    "%": (0.0, 100.0),
    "°C": (0.0, 100.0),
    "rpm": (0.0, 3000.0),
    "bar": (0.0, 10.0),
    "Hz": (0.0, 50.0),
    "mm/s": (0.0, 11.0),
}
_QUARTER = 90.0  # degrees: a quarter turn opens a valve
_WORDS = {
    "displayColor": "colour",
    "level": "fill level",
    "rotate": "turn",
    "spin": "spin",
    "flow": "flow",
    "visibility": "visible",
    "highlight": "highlight",
    "label": "label",
    "primvar": "colour of points",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A binding that can be taken, and in words what it does."""

    binding: Binding
    says: str


def suggest(
    leaf: Leaf, part: Part, *, name: str, signal: str, taken: Collection[str] = ()
) -> Suggestion | None:
    """Return the binding proposed for a tag of a part; None where all that would fit is in `taken`.

    name: of the binding. taken: channels of the part that are driven already.
    """
    for channel in channels(leaf, part):
        if channel not in taken:
            return made(leaf, part, channel, name=name, signal=signal)
    return None


def channels(leaf: Leaf, part: Part) -> tuple[str, ...]:
    """Return what a tag may drive, the likeliest first."""
    segments = whole(leaf.path)
    what, own = quantity(segments, leaf.unit), set(_own(part))
    if leaf.kind in ("text", "struct", "enum") or (leaf.states and leaf.kind != "bool"):
        return ("label",)
    if leaf.kind == "array":
        return ("primvar", "label")
    if leaf.kind == "bool" or _is_switch(leaf):
        return ("visibility", "highlight", "label") if own & _SHOWN else ("highlight", "label")
    first: tuple[str, ...] = ()
    if what == "level" and own & _FILLED:
        first = ("level",)
    elif what == "speed" and own & _SPINNING and leaf.unit in _TURNS:
        first = ("spin",)
    elif (what == "position" and own & _TURNED and leaf.unit == "%") or what == "angle":
        first = ("rotate",)
    elif what == "flow" and own & _PIPED:
        first = ("flow",)
    return (*first, "displayColor", "label")


def made(leaf: Leaf, part: Part, channel: str, *, name: str, signal: str) -> Suggestion:
    """Return the binding of a tag that drives a channel of a part."""
    what = quantity(whole(leaf.path), leaf.unit)
    low, high, is_known = _range(leaf)
    unit = f" {leaf.unit}" if leaf.unit else ""
    span = f"{low:g}…{high:g}{unit}{'' if is_known else ', guessed'}"
    word = _WORDS.get(channel, channel)
    out = Binding(name=name, prim=part.prim, signal=signal, channel=channel)
    if channel in ("displayColor", "emissiveColor", "primvar"):
        colours = "heat" if what == "temperature" else "level"
        return Suggestion(
            binding=replace(out, colormap=colours, ends=(low, high)), says=f"{word} '{colours}', {span}"
        )
    if channel in ("visibility", "label", "highlight", "flow", "transform"):
        return Suggestion(binding=replace(out, map=MapSpec(kind="none")), says=word)
    if channel == "spin":
        factor = _TURNS.get(leaf.unit, 1.0)
        return Suggestion(
            binding=replace(out, map=MapSpec(kind="linear", scale=factor), axis="z"),
            says=f"{word} about z by {leaf.unit or 'rad/s'}",
        )
    if channel == "rotate" and what == "angle":
        factor = 180 / math.pi if leaf.unit == "rad" else 1.0
        return Suggestion(
            binding=replace(out, map=MapSpec(kind="linear", scale=factor), axis="z"),
            says=f"{word} by angle",
        )
    last = _QUARTER if channel == "rotate" else 1.0
    scale = last / (high - low)
    linear = MapSpec(kind="linear", scale=scale, offset=-scale * low, clamp=(0.0, last))
    becomes = f"0…{last:g}°" if channel == "rotate" else f"0…{last:g}"
    return Suggestion(binding=replace(out, map=linear, axis="z"), says=f"{word}, {span} → {becomes}")


def _own(part: Part) -> Sequence[str]:
    segments: tuple[Segment, ...] = whole(part.path[-1:])
    return segments[-1].words if segments else ()


def _is_switch(leaf: Leaf) -> bool:
    return (leaf.low, leaf.high) == (0.0, 1.0) and not leaf.unit and leaf.kind == "number"


def _range(leaf: Leaf) -> tuple[float, float, bool]:
    """Return what the colours or the way are spread over, and whether the tag says so."""
    if math.isfinite(leaf.low) and math.isfinite(leaf.high) and leaf.low < leaf.high:
        return leaf.low, leaf.high, True
    low, high = _USUAL.get(leaf.unit, (0.0, 1.0))
    return low, high, False
