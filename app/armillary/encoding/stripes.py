"""Stripes that go along pipes: bright heads, fading tails, over whatever colour the pipe has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F4, I8, U1, frozen
from armillary.model.look import FLOW

FASTEST = 3.0  # stripes a second: faster ones would seem to stand, or to go back
_LIGHT, _DARK = (255, 255, 255), (12, 30, 46)
_BRIGHT = 128  # mean of red, green and blue from which on a pipe gets dark stripes
_STRONGEST = 170  # of 255, at the head of a stripe
_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """The stripes of one pipe, V points."""

    prim: I8  # (1,)
    point: I8  # (V,) rows of SceneArrays.point, ascending
    along: F4  # (V,) place on the pipe, in stripes
    tag: I8  # (1,) slot
    source: I8  # (1,) entry of the value vector
    is_bright: bool  # the pipe has a colour on which white is not to be seen
    spin: int  # index into the phases: one turn is one stripe
    lines: int = FLOW


def is_bright(rgb: U1) -> bool:
    """Tell whether white stripes could hardly be seen on a colour (3,), sRGB."""
    return float(rgb.mean()) >= _BRIGHT


def palette(flow: Flow) -> U1:
    """Return the colours of one stripe (256, 4): over the pipe's own, stronger towards its head."""
    place = np.arange(_ROWS) / _ROWS
    out = np.empty((_ROWS, 4), np.uint8)
    out[:, :3] = _DARK if flow.is_bright else _LIGHT
    out[:, 3] = np.rint(_STRONGEST * np.clip((place - 0.35) / 0.6, 0.0, 1.0) ** 1.5)
    return frozen(out)


def stripes(flow: Flow, rate: float, phase: float) -> F4:
    """Return the places of a pipe's points in stripes (V,); NaN where nothing flows (rate 0).

    rate: rad/s, of which the sign counts: the head of a stripe goes first. phase: rad.
    """
    if rate == 0.0:
        return np.full(len(flow.along), np.nan, np.float32)
    way = flow.along - np.float32(phase / (2 * np.pi))
    return -way if rate < 0.0 else way
