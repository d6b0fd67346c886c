"""Named colour maps as tables of 256 colours, and their legends."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.model.arrays import U1


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour with its meaning; `pattern` is the look of a quality: "" plain, hatch, cross, hollow."""

    rgb: tuple[int, int, int]
    text: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Legend:
    """A colour map explained: continuous maps have `bar`, the others `steps`; `marks` says STALE, BAD, NEVER."""

    name: str
    title: str
    unit: str
    low: str  # text of the low end, `20`
    high: str
    bar: U1  # (256, 3) colours from low to high; (0, 3) for steps and states
    steps: tuple[Swatch, ...]
    under: Swatch
    over: Swatch
    marks: tuple[Swatch, ...]
