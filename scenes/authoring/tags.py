"""Tags of twins.json, out of the signals that a demonstration really serves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from armillary_plugins.demo_plant.signals import Signal

ON_OFF = {"0": "off", "1": "on"}
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_RANGED = ("%", "bar", "°C")
_ORDER = ("id", "model", "prim", "title", "properties", "tags", "components")


def key_of(name: str) -> str:
    """Return the tag's own name for a node's, `SpeedSP` -> `speed_sp`."""
    return _WORDS.sub("_", name).lower()


def opcua(
    source: str, namespace: str, signal: Signal, shown: str, deadband: Mapping[str, float]
) -> dict[str, Any]:
    """Return the tag of a node. shown: its unit; deadband: by unit, for what is measured."""
    tag: dict[str, Any] = {"address": f"{source}!nsu={namespace};s={signal.name}", "title": signal.title}
    if shown:
        tag["unit"] = shown
    if shown != signal.unit:
        tag["source_unit"] = signal.unit
    if signal.kind != "number":
        tag["kind"] = signal.kind
        tag["states"] = ON_OFF if signal.kind == "bool" else dict(signal.states)
    elif signal.unit in _RANGED:
        tag["range"] = [signal.low, signal.high]
    if shown in deadband and not signal.writable:
        tag["deadband"] = deadband[shown]
    tag["liveness"] = "link"
    if signal.writable:
        tag["writable"] = True
        tag["write_range"] = [signal.low, signal.high]
    return tag


def ordered(twin: Mapping[str, Any]) -> dict[str, Any]:
    """Return a twin with its keys in the order of the file."""
    return {key: twin[key] for key in _ORDER if key in twin}
