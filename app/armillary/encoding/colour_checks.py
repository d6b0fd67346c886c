"""Whether a colour map can be read: by people of every colour vision, in order, and apart from alarms.

Differences are distances in OKLab times 100: 2 is just seen side by side, 8 is told apart at a glance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from armillary.encoding import maps
from armillary.encoding.oklab import oklab
from armillary.model.arrays import F8, U1
from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault
from armillary.model.vision import VISIONS

# operations 2.4; a test holds them against the theme
ALARM_HUES: Mapping[str, str] = {
    "priority 1": "#FF3258",
    "priority 2": "#EE9100",
    "priority 3": "#F3DE6E",
    "priority 4": "#25DBD2",
    "bad quality": "#E24BBE",
}
APART = 8.0  # between two colours that mean different things
STEP = 1.5  # between a tenth of the range and the next
NEAR_ALARM = 9.0
SLACK = 0.006  # of lightness: bytes are rounded
REACH = 25.0  # between the two ends of a range
_PEOPLE = {
    "": "everybody",
    "protan": "people who see no red",
    "deutan": "people who see no green",
    "tritan": "people who see no blue",
}
_KNEE = 0.04045
_TENTHS = 11


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a colour map, in words. `wrong`: it should not be used so."""

    text: str
    wrong: bool = True


def seen(colours: U1, vision: str) -> U1:
    """Return colours (n, 3) as people with a vision of VISIONS see them; "" = as they are."""
    if vision not in VISIONS:
        return colours
    c = colours / 255.0
    linear = np.where(c <= _KNEE, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    turned = np.clip(linear @ np.array(VISIONS[vision]).T, 0.0, 1.0)
    back = np.where(turned <= 0.0031308, turned * 12.92, 1.055 * turned ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    out: U1 = np.rint(back * 255).astype(np.uint8)
    return out


def apart(a: U1, b: U1) -> F8:
    """Return the differences (n, m) of colours (n, 3) and (m, 3)."""
    out: F8 = 100.0 * np.linalg.norm(oklab(a)[:, None, :] - oklab(b)[None, :, :], axis=2)
    return out


def smallest(colourmap: ColourMap, vision: str) -> float:
    """Return the least difference between two colours of steps or states, or two neighbouring tenths."""
    colours = seen(_samples(colourmap), vision)
    if len(colours) < 2:  # noqa: PLR2004  one colour has no other
        return float("inf")
    differences = apart(colours, colours)
    if colourmap.kind == "linear":
        return float(np.diagonal(differences, 1).min())
    return float(differences[np.triu_indices(len(colours), 1)].min())


def rises(colourmap: ColourMap, vision: str = "") -> bool:
    """Return whether the lightness only rises, or only falls, from one end to the other."""
    lightness = oklab(seen(np.ascontiguousarray(maps.table(colourmap)[:, :3]), vision))[:, 0]
    return _one_way(lightness)


def _one_way(lightness: F8) -> bool:
    """Return whether a row of lightness never turns back by more than rounding."""
    up = np.maximum.accumulate(lightness) - lightness
    down = lightness - np.minimum.accumulate(lightness)
    return bool(min(float(up.max()), float(down.max())) < SLACK)


def uneven(colourmap: ColourMap) -> float:
    """Return how much larger the largest tenth of a map looks than the smallest; 1 = even."""
    steps = np.diagonal(apart(_samples(colourmap), _samples(colourmap)), 1)
    return float(steps.max() / max(float(steps.min()), 1e-6))


def _samples(colourmap: ColourMap) -> U1:
    if colourmap.kind == "linear":
        rows = np.linspace(0, maps.ROWS - 1, _TENTHS).round().astype(np.int64)
        return np.ascontiguousarray(maps.table(colourmap)[rows, :3])
    return np.array([maps.rgb(text) for _, text in colourmap.stops], np.uint8)


def check(colourmap: ColourMap) -> tuple[Finding, ...]:
    """Return what is to be said about a colour map; one without a wrong finding can be used as it is."""
    try:
        maps.table(colourmap)
    except ProjectFault as fault:
        return (Finding(f"{fault.what} {fault.remedy}"),)
    out = [*_visions(colourmap), *_alarms(colourmap)]
    if colourmap.kind == "linear":
        out += _order(colourmap)
    if not any(f.wrong for f in out):
        least = min(smallest(colourmap, v) for v in _PEOPLE)
        what = "tenths" if colourmap.kind == "linear" else "colours"
        good = f"Everybody can read it: two {what} differ by {least:.1f} or more in every colour vision."
        out.insert(0, Finding(good, wrong=False))
    return tuple(out)


def _visions(colourmap: ColourMap) -> list[Finding]:
    linear = colourmap.kind == "linear"
    out = []
    for vision, people in _PEOPLE.items():
        least = smallest(colourmap, vision)
        limit = STEP if linear else APART
        if least < limit:
            what = "Two tenths of its range look alike" if linear else "Two of its colours look alike"
            out.append(Finding(f"{what} to {people}: they differ by {least:.1f}, and need {limit:g}."))
        if linear:
            ends = seen(_samples(colourmap)[[0, -1]], vision)
            middle = seen(_samples(colourmap)[[_TENTHS // 2]], vision)
            reach = max(float(apart(ends[:1], ends[1:])[0, 0]), float(apart(ends, middle).max()))
            if reach < REACH and least >= limit:
                text = f"To {people} low and high differ by {reach:.0f} only: take lighter and darker ends."
                out.append(Finding(text))
    return out


def _alarms(colourmap: ColourMap) -> list[Finding]:
    linear = colourmap.kind == "linear"
    colours = np.ascontiguousarray(maps.table(colourmap)[:, :3]) if linear else _samples(colourmap)
    out = []
    for name, text in ALARM_HUES.items():
        near = apart(colours, np.array([maps.rgb(text)], np.uint8))[:, 0]
        at = int(near.argmin())
        if near[at] < NEAR_ALARM:
            where = f"at {at / (maps.ROWS - 1):.0%}" if linear else f"{colourmap.stops[at][1]}"
            out.append(
                Finding(f"Its colour {where} looks like that of {name} ({text}): take less saturation.")
            )
    return out


def _order(colourmap: ColourMap) -> list[Finding]:
    if rises(colourmap):
        return []
    table = oklab(np.ascontiguousarray(maps.table(colourmap)[:, :3]))[:, 0]
    peak = int(table.argmax()) if table[len(table) // 2] > table[0] else int(table.argmin())
    halves = (table[: peak + 1], table[peak:])
    is_diverging = all(len(half) > maps.ROWS // 4 and _one_way(half) for half in halves)
    if is_diverging:
        text = f"Its lightness turns at {peak / (maps.ROWS - 1):.0%}: good for below and above a middle."
        return [Finding(text, wrong=False)]
    return [Finding("Its lightness goes up and down: which value is higher cannot be seen without colour.")]
