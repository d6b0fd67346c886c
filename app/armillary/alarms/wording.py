"""What a transition says to people, in one sentence."""

from __future__ import annotations

import math

from armillary.model import quality
from armillary.model.alarm import COMPUTED, AlarmSpec
from armillary.model.clock import NS
from armillary.model.tags import TagSpec

_NOW_S, _MINUTES_S, _HOURS_S = 3.0, 90.0, 5_400.0
LONGEST = 60  # letters of an expression in a sentence


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, `86.4 °C`."""
    return "no value" if math.isnan(value) else f"{value:.5g} {unit}".rstrip()


def raised(spec: AlarmSpec, tag: TagSpec | None, value: float, word: int, delayed_ns: int) -> str:
    """Return why an alarm raised: `TT-111.value is 86.4 °C, above 85 °C in 5 readings (delayed 40 s)`."""
    late = f" (delayed {delayed_ns / NS:.0f} s)" if delayed_ns else ""
    if spec.kind == "quality":
        return f"{spec.tag} is {quality.word(word)}"
    if spec.kind == "state":
        return f"{spec.tag} is {state_name(tag, value, spec)}{late}"
    if spec.kind == "expression":
        return f"{shortened(spec.expression)} is true{late}"
    unit = tag.unit if tag is not None else ""
    if spec.kind == "rate":
        per = f"{unit}/s"
        way = "changes" if spec.two_sided else "rises" if value > 0 else "falls"
        least = amount(abs(spec.limit), per)
        by = amount(abs(value), per)
        return f"{spec.tag} {way} by {by}, more than {least}, over {spec.window_s:g} s{late}"
    if spec.kind == "deviation":
        other = spec.reference or f"its setpoint {amount(spec.setpoint, unit)}"
        far = amount(value, unit)
        return f"{spec.tag} is {far} away from {other}, more than {amount(spec.limit, unit)}{late}"
    if spec.kind == "discrepancy":
        return f"{spec.tag} has not followed {spec.reference} for {spec.on_delay_s:g} s{late}"
    times = f" in {spec.count} readings" if spec.kind == "count" and spec.count > 1 else ""
    beyond = f"{spec.direction} {amount(spec.limit, unit)}"
    return f"{spec.tag} is {amount(value, unit)}, {beyond}{times}{late}"


def foretold(spec: AlarmSpec, tag: TagSpec | None, left_s: float, delayed_ns: int) -> str:
    """Return what is expected: `TT-212.value will be above 85 °C in 12 min (90 % sure within 30 min)`."""
    late = f" (delayed {delayed_ns / NS:.0f} s)" if delayed_ns else ""
    beyond = f"{spec.direction} {amount(spec.limit, tag.unit if tag is not None else '')}"
    sure = f"{spec.confidence * 100:g} % sure within {left(spec.horizon_s)}"
    if spec.reference and not spec.forecast_error:
        sure = f"by {spec.reference}"
    when = "soon" if math.isnan(left_s) else "now" if left_s < _NOW_S else f"in {left(left_s)}"
    return f"{spec.tag} will be {beyond} {when} ({sure}){late}"


def left(seconds: float) -> str:
    """Return how long something takes as a person says it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < _MINUTES_S:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < _HOURS_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.2g} h"


def cleared(spec: AlarmSpec, tag: TagSpec | None, value: float) -> str:
    """Return how an alarm's condition ended."""
    if spec.kind in ("quality", "link"):
        return f"{spec.tag or spec.title} is good again"
    if spec.kind == "state":
        return f"{spec.tag} is {state_name(tag, value, spec)}"
    if spec.kind == "expression":
        return f"{shortened(spec.expression)} is not true any more"
    if spec.kind == "rate":
        unit = tag.unit if tag is not None else ""
        return f"{spec.tag} changes by {amount(value, unit + '/s')}"
    if spec.is_advisory:
        unit = tag.unit if tag is not None else ""
        return f"{spec.tag} is not expected {spec.direction} {amount(spec.limit, unit)} any more, or is there"
    if spec.kind == "deviation":
        return f"{spec.tag} is near {spec.reference or 'its setpoint'} again"
    if spec.kind == "discrepancy":
        return f"{spec.tag} follows {spec.reference} again"
    return f"{spec.tag} is {amount(value, tag.unit if tag is not None else '')}"


def unknown(spec: AlarmSpec) -> str:
    """Return why nobody knows whether the cause of an alarm is still there."""
    about = {
        "rate": f"how fast {spec.tag} changes is not known",
        "deviation": f"{spec.tag} or {spec.reference or 'its setpoint'} is bad or stale",
        "discrepancy": f"{spec.tag} or {spec.reference} is bad or stale",
        "predicted": f"where {spec.tag} leads is not known",
        "expression": f"whether {shortened(spec.expression)} is not known",
    }.get(spec.kind, f"{spec.tag} is bad or stale")
    return f"{about}: whether the cause is still there is not known"


def known_again(spec: AlarmSpec) -> str:
    """Return that its input is good again."""
    return "its condition is known again" if spec.kind in COMPUTED else f"{spec.tag} is good again"


def shortened(expression: str) -> str:
    """Return an expression as it fits into a sentence."""
    text = " ".join(expression.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def state_name(tag: TagSpec | None, value: float, spec: AlarmSpec | None = None) -> str:
    """Return the name of an enum's value, `unknown state 7` where it has none."""
    states = tag.states if tag is not None else ()
    name = next((name for known, name in states if known == value), "")
    if name:
        return name
    is_known = spec is not None and value in spec.values
    return (
        f"{value:g}"
        if is_known or not (states or (spec is not None and spec.normal))
        else (f"in the unknown state {value:g}")
    )
