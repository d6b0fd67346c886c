"""Starting values of a new alarm by what its tag measures: deadband from the span, delay from the quantity.

The deadbands are the widely quoted ones of alarm guidance (EEMUA 191, ISA-18.2), the delays their upper end.
"""

from __future__ import annotations

import math

from armillary.model.tags import TagSpec
from armillary.model.units import quantity

# quantity -> (deadband as a share of the span, delay in s)
USUAL = {
    "flow": (0.05, 15.0),
    "level": (0.05, 60.0),
    "pressure": (0.02, 15.0),
    "temperature": (0.01, 60.0),
    "": (0.02, 5.0),
}
DISCRETE_S = 1.0
READINGS = 5  # in sequence
_DIGITS = 2
_LEVEL_WORDS = ("level", "fill", "stand")
_BANDED = ("level", "count", "deviation")
_DELAYED = ("level", "deviation")


def measured(tag: TagSpec) -> str:
    """Return what a tag measures, `flow`, `level`, `pressure`, `temperature`, or "" for another quantity."""
    found = quantity(tag.unit)
    if found in ("length", "ratio", "volume"):
        words = f"{tag.name} {tag.title}".lower()
        return "level" if any(word in words for word in _LEVEL_WORDS) else ""
    return found if found in USUAL else ""


def starting(tag: TagSpec, kind: str) -> dict[str, float | int]:
    """Return the values that a new alarm of this kind begins with, by their keys in rules.toml."""
    if kind in ("state", "expression"):
        return {"on_delay_s": DISCRETE_S}
    share, delay_s = USUAL[measured(tag)]
    out: dict[str, float | int] = {}
    span = tag.high - tag.low
    if kind in _BANDED and math.isfinite(span) and span > 0:
        out["deadband"] = float(f"{share * span:.{_DIGITS}g}")
    if kind in _DELAYED:
        out["on_delay_s"] = delay_s
    if kind == "count":
        out["count"] = READINGS
    if kind == "quality":
        out["on_delay_s"] = 10.0
    return out
