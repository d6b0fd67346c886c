"""What a transition says to people, in one sentence."""

from __future__ import annotations

import math

from armillary.model import quality
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.tags import TagSpec


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, `86.4 °C`."""
    return "no value" if math.isnan(value) else f"{value:.5g} {unit}".rstrip()


def raised(spec: AlarmSpec, tag: TagSpec | None, value: float, word: int, delayed_ns: int) -> str:
    """Return why an alarm raised: `TT-111.value is 86.4 °C, above 85 °C in 5 readings (delayed 40 s)`."""
    late = f" (delayed {delayed_ns / NS:.0f} s)" if delayed_ns else ""
    if spec.kind == "quality":
        return f"{spec.tag} is {quality.word(word)}"
    if spec.kind == "state":
        return f"{spec.tag} is {state_name(tag, value)}{late}"
    unit = tag.unit if tag is not None else ""
    times = f" in {spec.count} readings" if spec.kind == "count" and spec.count > 1 else ""
    beyond = f"{spec.direction} {amount(spec.limit, unit)}"
    return f"{spec.tag} is {amount(value, unit)}, {beyond}{times}{late}"


def cleared(spec: AlarmSpec, tag: TagSpec | None, value: float) -> str:
    """Return how an alarm's condition ended."""
    if spec.kind in ("quality", "link"):
        return f"{spec.tag or spec.title} is good again"
    if spec.kind == "state":
        return f"{spec.tag} is {state_name(tag, value)}"
    return f"{spec.tag} is {amount(value, tag.unit if tag is not None else '')}"


def state_name(tag: TagSpec | None, value: float) -> str:
    """Return the name of an enum's value, `unknown state 7` where it has none."""
    states = tag.states if tag is not None else ()
    if not states:
        return f"{value:g}"
    return next((name for known, name in states if known == value), f"in the unknown state {value:g}")
