"""What rules on streams are made of: expressions of derived tags, and the units of what they give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from armillary.model.expression_area import box
from armillary.model.expression_past import SHORTEST_S
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.units import conversion, over_time

SLIDING = {"mean": "mean", "min": "lowest", "max": "highest", "sum": "sum", "std": "std"}
LONG = 200.0  # lengths over which `novelty` learns how odd a signal usually is
SMALL = 1e-6  # of a range: below, a robust deviation is no noise but none


@dataclass(frozen=True, slots=True)
class Made:
    """An expression, and what leads from its unit to the tag's."""

    text: str
    factor: float = 1.0
    offset: float = 0.0
    span_s: float = 0.0


def quoted(name: str) -> str:
    """Return a tag's name as it may stand in any expression."""
    return f"`{name}`"


def number(value: float) -> str:
    """Return a number as it is written in an expression."""
    return f"{value!r}" if not value.is_integer() or abs(value) >= 1e15 else f"{int(value)}"  # noqa: PLR2004


def alone(text: str, tags: Mapping[str, TagSpec]) -> TagSpec | None:
    """Return the tag that an expression is nothing but; None where it is more."""
    plain = text.strip()
    return tags.get(plain) or tags.get(plain.strip("`")) or tags.get(f"{plain}.value")


def watched(text: str, where: str, tags: Mapping[str, TagSpec]) -> str:
    """Return what a rule watches as an expression: only while a condition holds, if one is given."""
    spec = alone(text, tags)
    plain = quoted(spec.name) if spec is not None else f"({text})"
    return f"{plain} / where({where}, 1, 0)" if where else plain


def windowed(of: str, window: str, aggregate: str, seconds: float, gap_s: float) -> Made:
    """Return the aggregate of a sliding, tumbling or session window."""
    if window == "session":
        return Made(f"session_{aggregate}({of}, {number(gap_s)})", span_s=gap_s)
    length = number(seconds)
    if window == "tumbling":
        return Made(f"tumbling_{aggregate}({of}, {length})", span_s=2 * seconds)
    if aggregate == "count":
        return Made(f"sum({of} * 0 + 1, {length})", span_s=seconds)
    if aggregate == "integral":
        return Made(f"mean({of}, {length}) * {length}", span_s=seconds)
    if aggregate == "last":
        return Made(of)
    return Made(f"{SLIDING[aggregate]}({of}, {length})", span_s=seconds)


def in_unit(source: str, target: str, aggregate: str, where: str) -> tuple[float, float]:
    """Return (factor, offset) from what an aggregate of a unit gives to a unit. Raises ProjectFault."""
    if aggregate == "count" and target:
        what = f"A number of samples is not measured in {target}."
        raise ProjectFault(what, where=where, remedy="Remove 'unit'.")
    if not source or not target:
        return 1.0, 0.0
    if aggregate == "integral":
        return over_time(source, target, 1, where), 0.0
    if aggregate in ("std", "sum"):  # what is added to get from one unit to the other says nothing of them
        return over_time(source, target, 0, where), 0.0
    return conversion(source, target, where)


def limited(value: str, above: float | None, below: float | None, deadband: float) -> str:
    """Return the condition that a value is beyond a limit, and stays so until back by the deadband."""
    width = f", {number(deadband)}" if deadband else ""
    sides = [
        f"{name}({value}, {number(limit)}{width})"
        for name, limit in (("beyond", above), ("below", below))
        if limit is not None
    ]
    return " or ".join(sides)


def rested(condition: str, rest_s: float) -> str:
    """Return that a condition was true in the last seconds: what comes before they passed is the same."""
    return f"highest({condition}, {number(max(rest_s, SHORTEST_S))}) > 0"


def fenced(x: str, y: str, z: str, corners: Sequence[tuple[float, float]], depth: tuple[float, float]) -> str:
    """Return the condition that a position is in a polygon and, with z, between two heights."""
    ends = ", ".join(f"{number(float(a))}, {number(float(b))}" for a, b in corners)
    inside = f"inside({x}, {y}, {ends})"
    if not z:
        return inside
    low, high = depth
    return f"{inside} and {z} >= {number(low)} and {z} <= {number(high)}"


def boxed(low: Sequence[float], high: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return the corners of the box over the ground."""
    return box((low[0], low[1]), (high[0], high[1]))


def correlated(a: TagSpec, b: TagSpec, seconds: float) -> Made:
    """Return how two tags go together, -1 to 1: their covariance by the variances of sum and difference.

    Scaled by their ranges, as of a large and a small one the sum would be the large one alone.
    """
    x, y = (f"{quoted(tag.name)} / {number(_width(tag))}" for tag in (a, b))
    s = number(seconds)
    both = f"(std({x} + {y}, {s}) ** 2 - std({x} - {y}, {s}) ** 2)"
    return Made(f"clip({both} / (4 * std({x}, {s}) * std({y}, {s})), -1, 1)", span_s=seconds)


def _width(tag: TagSpec) -> float:
    width = tag.high - tag.low
    return width if math.isfinite(width) and width > 0 else 1.0


def strange(of: str, method: str, seconds: float, spec: TagSpec | None, resolution: float) -> Made:
    """Return how many deviations a value is from what it should be, by one of three methods."""
    s = number(seconds)
    if method == "fading":
        return Made(f"surprise({of}, {s})", span_s=3 * seconds)
    if method == "seasonal":
        return Made(f"unusual({of}, {s})", span_s=7 * seconds)
    least = resolution or (_width(spec) * SMALL if spec is not None else SMALL)
    return Made(f"robust({of}, {s}, {number(least)})", span_s=seconds)


def novel(of: str, seconds: float, period_s: float, resolution: float) -> Made:
    """Return how odd the last seconds were against how odd the signal usually is."""
    ends = f", {number(resolution)}" if resolution else ""
    span_s = max(LONG * seconds, 7 * period_s)
    return Made(f"novelty({of}, {number(seconds)}, {number(period_s)}{ends})", span_s=span_s)
