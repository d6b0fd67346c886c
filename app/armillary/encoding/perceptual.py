"""Ready colour maps, made by formula: curves in OKLab whose lightness only rises, walked at even steps.

Each curve is a hue that turns, a chroma and a lightness as functions of 0…1; it is cut into stops at equal
lengths of arc, so that equal steps of the value look equally large. Chroma stays below that of the alarm
hues (operations 2.4). The greys follow ISA-101: a value is a shade, a colour means that something is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from armillary.encoding.oklab import from_oklab
from armillary.model.arrays import F8
from armillary.model.binding import ColourMap

STOPS = 17
_FINE = 2_001
Curve = Callable[[F8], F8]  # t (n,) in 0…1 → OKLab (n, 3)


def _polar(lightness: tuple[float, float], hue: tuple[float, float], chroma: Callable[[F8], F8]) -> Curve:
    """Return a curve whose lightness and hue (degrees) go evenly from one end to the other."""

    def at(t: F8) -> F8:
        angle = np.radians(hue[0] + (hue[1] - hue[0]) * t)
        c = chroma(t)
        level = lightness[0] + (lightness[1] - lightness[0]) * t
        return np.stack([level, c * np.cos(angle), c * np.sin(angle)], axis=1)

    return at


def _straight(lightness: tuple[float, float], first: tuple[float, float], last: tuple[float, float]) -> Curve:
    """Return a straight way from one (hue, chroma) to another, through grey where they are opposite."""
    ends = [(c * math.cos(math.radians(h)), c * math.sin(math.radians(h))) for h, c in (first, last)]

    def at(t: F8) -> F8:
        level = lightness[0] + (lightness[1] - lightness[0]) * t
        a = ends[0][0] + (ends[1][0] - ends[0][0]) * t
        b = ends[0][1] + (ends[1][1] - ends[0][1]) * t
        return np.stack([level, a, b], axis=1)

    return at


def _joined(left: Curve, right: Curve) -> Curve:
    """Return two halves as one curve; they meet in the middle."""

    def at(t: F8) -> F8:
        low = left(np.minimum(t * 2, 1.0))
        high = right(np.maximum(t * 2 - 1, 0.0))
        return np.where((t < 0.5)[:, None], low, high)  # noqa: PLR2004  the middle

    return at


def stops(curve: Curve, count: int = STOPS) -> tuple[tuple[float, str], ...]:
    """Return stops at equal lengths of arc along a curve."""
    t = np.linspace(0.0, 1.0, _FINE)
    lab = curve(t)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    at = np.linspace(0.0, 1.0, count)
    even = np.interp(at * length[-1], length, t)
    colours = from_oklab(curve(even))
    return tuple(
        (round(float(x), 6), "#{:02x}{:02x}{:02x}".format(*rgb))
        for x, rgb in zip(at, colours.tolist(), strict=True)
    )


def _map(name: str, title: str, curve: Curve) -> ColourMap:
    return ColourMap(name=name, kind="linear", title=title, stops=stops(curve))


def _bell(peak: float, ends: float) -> Callable[[F8], F8]:
    return lambda t: ends + (peak - ends) * np.sin(np.pi * t)


_GREY = (250.0, 0.008)
SETS: tuple[ColourMap, ...] = (
    _map("dusk", "Dusk: violet, blue, green", _polar((0.28, 0.88), (300.0, 118.0), _bell(0.070, 0.030))),
    _map("slate-sand", "Slate to sand", _straight((0.28, 0.90), (255.0, 0.080), (88.0, 0.042))),
    _map("ice", "Ice", _polar((0.28, 0.93), (262.0, 235.0), _bell(0.085, 0.02))),
    _map("ember", "Ember", _polar((0.28, 0.90), (20.0, 75.0), _bell(0.070, 0.035))),
    _map(
        "balance",
        "Balance: below and above",
        _joined(
            _straight((0.38, 0.90), (255.0, 0.085), (255.0, 0.004)),
            _straight((0.90, 0.38), (255.0, 0.004), (55.0, 0.075)),
        ),
    ),
    _map("isa-grey", "ISA-101 greys", _straight((0.38, 0.90), _GREY, _GREY)),
    ColourMap(
        name="isa-steps",
        kind="steps",
        title="ISA-101 greys in steps",
        stops=tuple(
            (round(i / 5, 6), colour)
            for i, (_, colour) in enumerate(stops(_straight((0.42, 0.90), _GREY, _GREY), 5))
        ),
    ),
    ColourMap(
        name="isa-on-off",
        kind="states",
        title="ISA-101: stopped, running",
        stops=tuple(
            (float(i), colour)
            for i, (_, colour) in enumerate(stops(_straight((0.50, 0.88), _GREY, _GREY), 2))
        ),
        labels=("stopped", "running"),
    ),
)
"""Those with one way up in lightness are `RISING`; `balance` falls again behind its middle."""
RISING = ("dusk", "slate-sand", "ice", "ember", "isa-grey")
