"""Channels of ours ⇔ what the draft «OPC UA – OpenUSD Bindings» drives: kind, property, type (card 2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.model import units
from armillary.model.binding import Binding
from armillary.model.fault import ProjectFault
from armillary.model.openusd import RENDER_KINDS, Live

_KIND = {name: number for number, name in enumerate(RENDER_KINDS)}
CUSTOM, GEOREFERENCE = _KIND["Custom"], _KIND["Georeference"]
OWN = "userProperties:armillary:"  # of channels that USD has no attribute for
_PLAIN = {  # channel → (kind, property, type)
    "displayColor": (_KIND["DisplayColor"], "primvars:displayColor", "color3f[]"),
    "emissiveColor": (_KIND["EmissiveColor"], "inputs:emissiveColor", "color3f"),
    "displayOpacity": (_KIND["Opacity"], "primvars:displayOpacity", "float[]"),
    "visibility": (_KIND["Visibility"], "visibility", "token"),
    "transform": (_KIND["Transform"], "xformOp:transform", "matrix4d"),
}
_BY_PROPERTY = {
    name: channel for channel, (_, name, _) in _PLAIN.items()
}  # a scalar op and a vector op are told apart by their axis
_OPS = {"translate": "Translation", "rotate": "Rotation", "scale": "Scale"}
_BY_KIND = {
    "Translation": "translate",
    "Rotation": "rotate",
    "Scale": "scale",
    "Transform": "transform",
    "Visibility": "visibility",
    "DisplayColor": "displayColor",
    "EmissiveColor": "emissiveColor",
    "Opacity": "displayOpacity",
    "Georeference": "georeference",
    "Custom": "custom",
}
_AXES = {"X": "x", "Y": "y", "Z": "z", "XYZ": "xyz"}
SEMANTICS = "urn:opcua:openusd:semantic:"
_SEMANTIC = {"rotate": "angle", "translate": "length", "transform": "matrix"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a live binding drives."""

    kind: int
    name: str  # of the property
    type: str
    semantics: str


def target_of(binding: Binding) -> Target:
    """Return what the draft's reader is told to drive for a binding of ours."""
    channel, semantics = binding.channel, SEMANTICS + _SEMANTIC.get(binding.channel, "scalar")
    if channel in _PLAIN:
        kind, name, of_type = _PLAIN[channel]
        return Target(kind, name, binding.value_type or of_type, semantics)
    if channel in _OPS or channel == "spin":
        axis = binding.axis if binding.axis != "none" else "xyz" if channel == "scale" else "z"
        op = "rotate" if channel == "spin" else channel
        is_vector = axis == "xyz"
        name = f"xformOp:{op}" + ("" if is_vector and op != "rotate" else axis.upper())
        of_type = binding.value_type or ("double3" if is_vector else "double")
        return Target(_KIND[_OPS[op]], name, of_type, SEMANTICS + _SEMANTIC.get(op, "scalar"))
    kind = GEOREFERENCE if channel == "georeference" else CUSTOM
    if channel in ("custom", "georeference") and binding.property_name:
        name = binding.property_name
    elif channel == "primvar" and binding.property_name:
        name = f"primvars:{binding.property_name.removeprefix('primvars:')}"
    else:
        name = OWN + channel
    return Target(kind, name, binding.value_type or "double", semantics)


def channel_of(live: Live) -> tuple[str, str, str]:
    """Return (channel, axis, property) that a live binding becomes; the kind is advice, the property rules.

    A speed that drives a rotation becomes `spin`: the angle is integrated, not jumped to.
    """
    name = live.target_property
    if name in _BY_PROPERTY:
        return _BY_PROPERTY[name], "none", ""
    if name.startswith("xformOp:"):
        op = name.split(":")[1]
        for channel in _OPS:
            if op.startswith(channel):
                rest = op.removeprefix(channel)
                axis = _AXES.get(rest, "none" if rest else "xyz")
                if channel == "rotate" and is_speed(live.source_unit):
                    return "spin", "z" if axis in ("none", "xyz") else axis, ""
                return channel, "none" if channel == "rotate" and axis == "xyz" else axis, ""
        return ("rotate", "none", "") if op == "orient" else ("transform", "none", "")
    if name.startswith(OWN):
        return name.removeprefix(OWN), "none", ""
    kind = RENDER_KINDS[live.render_kind] if live.render_kind is not None else "Custom"
    channel = _BY_KIND.get(kind, "custom")
    if channel == "custom" and name.startswith("primvars:"):
        return "primvar", "none", name.removeprefix("primvars:")
    if channel in ("custom", "georeference"):
        return channel, "none", name
    return channel, "none", ""


def is_speed(unit: str) -> bool:
    """Return whether a unit is one of rotation by time."""
    if not unit:
        return False
    try:
        units.conversion(unit, "rad/s", "")
    except ProjectFault:
        return False
    return True
