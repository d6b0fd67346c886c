"""Named colour maps as tables of 256 colours, and their legends as data.

Colours between two stops are mixed in OKLab (Ottosson 2020: a change in the value looks as large at every
place of the map), then stored as sRGB bytes. The built-in maps avoid the hues of alarms at full chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from armillary.encoding.oklab import from_oklab, oklab
from armillary.encoding.perceptual import SETS
from armillary.model.arrays import F8, U1
from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault

ROWS = 256
EQUIPMENT_GREY = (0x7A, 0x82, 0x8A)
_HEX_DIGITS = 6

BUILT_IN = (
    ColourMap(
        name="heat",
        kind="linear",
        stops=(
            (0.0, "#2a3f6b"),
            (0.25, "#655a8f"),
            (0.5, "#a07097"),
            (0.75, "#cf9088"),
            (1.0, "#f0c9a6"),
        ),
        title="Heat",
    ),
    ColourMap(
        name="level",
        kind="linear",
        stops=((0.0, "#25405e"), (0.5, "#4f7fa8"), (1.0, "#bcd7e8")),
        title="Level",
    ),
    ColourMap(name="grey", kind="linear", stops=((0.0, "#3c4248"), (1.0, "#e2e5e8")), title="Grey"),
    *SETS,
)
FALLBACK = BUILT_IN[0]


def rgb(text: str, where: str = "") -> tuple[int, int, int]:
    """Return the sRGB bytes of `#rrggbb`. Raises ProjectFault for anything else."""
    digits = text.strip().removeprefix("#")
    try:
        if len(digits) != _HEX_DIGITS:
            raise ValueError(text)
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise ProjectFault(
            f"'{text}' is no colour.", where=where, remedy="Write it as #rrggbb, e.g. #2b5c8a."
        ) from None
    return red, green, blue


@lru_cache(maxsize=256)
def table(colourmap: ColourMap) -> U1:
    """Return 256 colours (256, 4), sRGB with full opacity; read-only.

    linear: position row / 255. steps: the colour of the last stop at or below that position. states: one
    row a state, in order of the stops, the last repeated (`positions` says which number is which row).
    Raises ProjectFault for a map without stops or with a bad colour.
    """
    if not colourmap.stops:
        raise ProjectFault(
            f"The colour map '{colourmap.name}' has no stops.",
            where=colourmap.origin,
            remedy="Give at least one stop, e.g. [0.0, '#2b5c8a'].",
        )
    at = np.array([position for position, _ in colourmap.stops])
    if (np.diff(at) < 0).any():
        raise ProjectFault(
            f"The stops of the colour map '{colourmap.name}' are not in ascending order.",
            where=colourmap.origin,
            remedy="Sort them by position.",
        )
    colours = np.array([rgb(text, colourmap.origin) for _, text in colourmap.stops], np.uint8)
    out = np.full((ROWS, 4), 255, np.uint8)
    x = np.linspace(0.0, 1.0, ROWS)
    if colourmap.kind == "linear":
        lab = oklab(colours)
        out[:, :3] = from_oklab(np.column_stack([np.interp(x, at, lab[:, i]) for i in range(3)]))
    elif colourmap.kind == "steps":
        out[:, :3] = colours[np.clip(np.searchsorted(at, x, "right") - 1, 0, len(at) - 1)]
    else:
        out[:, :3] = colours[np.minimum(np.arange(ROWS), len(colours) - 1)]
    out.setflags(write=False)
    return out


def positions(colourmap: ColourMap) -> F8:
    """Return the positions of the stops, (k,), ascending."""
    return np.array([position for position, _ in colourmap.stops])


def named(colourmaps: Sequence[ColourMap]) -> dict[str, ColourMap]:
    """Return the colour maps by name: the built-in ones, replaced by those of the project."""
    return {m.name: m for m in (*BUILT_IN, *colourmaps)}


# ---------------------------------------------------------------- legends


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour with its meaning; `pattern` is the look of a quality: "" plain, hatch, cross, hollow."""

    rgb: tuple[int, int, int]
    text: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Legend:
    """A colour map explained: continuous maps have `bar`, the others `steps`; `marks` are qualities."""

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


MARKS = (
    Swatch(EQUIPMENT_GREY, "stale", "hatch"),
    Swatch(EQUIPMENT_GREY, "bad", "cross"),
    Swatch(EQUIPMENT_GREY, "no data yet", "hollow"),
)


def legend(
    colourmap: ColourMap, ends: tuple[float, float] = (0.0, 1.0), unit: str = "", title: str = ""
) -> Legend:
    """Return the legend of a colour map whose two ends stand for the values `ends`, in `unit`."""
    colours = table(colourmap)
    low, high = ends
    unit = unit or colourmap.unit
    steps: list[Swatch] = []
    for row, (position, text) in enumerate(colourmap.stops):
        if colourmap.kind == "linear":
            break
        value = position if colourmap.kind == "states" else low + position * (high - low)
        label = colourmap.labels[row] if row < len(colourmap.labels) else _number(value, unit)
        sign = "" if colourmap.kind == "states" or row < len(colourmap.labels) else "≥ "
        steps.append(Swatch(rgb(text, colourmap.origin), sign + label))
    return Legend(
        name=colourmap.name,
        title=title or colourmap.title or colourmap.name,
        unit=unit,
        low=f"{low:.4g}",
        high=f"{high:.4g}",
        bar=colours[:, :3] if colourmap.kind == "linear" else colours[:0, :3],
        steps=tuple(steps),
        under=Swatch(_triple(colours[0]), f"below {low:.4g}"),
        over=Swatch(_triple(colours[-1]), f"above {high:.4g}"),
        marks=MARKS,
    )


def _triple(row: U1) -> tuple[int, int, int]:
    return int(row[0]), int(row[1]), int(row[2])


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()
