"""Stripes that go along pipes: bright heads, fading tails, over whatever colour the pipe has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F4, I8, U1, frozen
from armillary.model.look import FLOW

FASTEST = 3.0  # stripes a second: faster ones would seem to stand, or to go back
_LIGHT = (255, 255, 255)
_STRONGEST = 150  # of 255, at the head of a stripe
_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """The stripes of one pipe, V points."""

    prim: I8  # (1,)
    point: I8  # (V,) rows of SceneArrays.point, ascending
    along: F4  # (V,) place on the pipe, in stripes
    tag: I8  # (1,) slot
    source: I8  # (1,) entry of the value vector
    spin: int  # index into the phases: one turn is one stripe
    lines: int = FLOW


def palette() -> U1:
    """Return the colours of one stripe (256, 4): white, over the pipe's own, stronger towards its head."""
    place = np.arange(_ROWS) / _ROWS
    out = np.empty((_ROWS, 4), np.uint8)
    out[:, :3] = _LIGHT
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
