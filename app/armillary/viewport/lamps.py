"""Lights of a scene as the shader takes them, exposed so that the whole scene is neither dark nor white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from vtkmodules.vtkRenderingOpenGL2 import vtkShaderProgram

from armillary.model.arrays import F8
from armillary.model.scene import Light
from armillary.viewport.shader import LAMPS

KEY = 0.75  # of all lights together on a surface that faces them
SKY = 0.35  # the most that light from all sides adds
_DARKEST = 0.12  # from all sides, so that nothing is black that an operator must see


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamps:
    """Up to LAMPS lights, n of them, in render space."""

    at: F8  # (n, 4) w 0: unit vector towards it; 1: place
    tint: F8  # (n, 4) strength by colour, and the distance at which it has that
    beam: F8  # (n, 4) w 1: shines along xyz only
    ambient: F8  # (3,)


def lamps(lights: Sequence[Light], origin: F8) -> Lamps:
    """Return lights at one exposure: their strengths, and colours of mean 1, add up to KEY or less."""
    shining = [light for light in lights if light.kind != "dome"]
    domes = [light for light in lights if light.kind == "dome"]
    drawn, left = shining[:LAMPS], shining[LAMPS:]  # the weakest light from all sides
    total = sum(light.strength for light in lights) or 1.0
    ambient = np.full(3, _DARKEST)
    for light in (*domes, *left):
        ambient = ambient + _hue(light) * min(light.strength / total, 1.0) * SKY
    n = len(drawn)
    at, tint, beam = np.zeros((n, 4)), np.zeros((n, 4)), np.zeros((n, 4))
    for i, light in enumerate(drawn):
        is_lamp = light.kind == "lamp"
        at[i] = *(np.asarray(light.at) - (origin if is_lamp else 0.0)), float(is_lamp)
        tint[i] = *(_hue(light) * light.strength / total * KEY), light.distance
        beam[i] = *light.beam, float(any(light.beam))
    return Lamps(at=at, tint=tint, beam=beam, ambient=ambient)


def _hue(light: Light) -> F8:
    """Return a light's colour with a luminance of 1, as far as its channels reach."""
    colour = np.asarray(light.colour, np.float64)
    luminance = float(colour @ (0.2126, 0.7152, 0.0722))
    return np.clip(colour / luminance, 0.0, 3.0) if luminance > 0 else np.zeros(3)


def shine(program: vtkShaderProgram, given: Lamps) -> None:
    """Give the lights to a shader whose text has as many, and one where there is only a sky."""
    n = len(given.at)
    program.SetUniform3f("armAmbient", given.ambient.tolist())
    nothing = np.zeros(4)
    for i in range(max(n, 1)):
        for name, rows in (("At", given.at), ("Tint", given.tint), ("Beam", given.beam)):
            program.SetUniform4f(f"armLamp{name}{i}", (rows[i] if i < n else nothing).tolist())
