"""Lights of a scene: what each throws on the middle of it, as few numbers as a shader can use.

Intensities of a file have no common scale: exporters write 1, 500 or 50,000. What is kept is how strong each
light is against the others, where it comes from and its colour; a renderer sets the exposure.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pxr import Sdf, UsdLux

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import B1, F8, I8
from armillary.model.scene import Light
from armillary.scene.pictures import Pictures
from armillary.scene.problems import problem
from armillary.scene.sampling import resolved
from armillary.scene.survey import Survey

DOMES = ("DomeLight", "DomeLight_1")
LAMPS = ("SphereLight", "RectLight", "DiskLight", "CylinderLight")
_BEAMS = ("RectLight", "DiskLight")  # throw light to one side
_KELVIN = 6500.0


def read(
    survey: Survey, matrix: F8, row_of: I8, visible: B1, box: F8, pictures: Pictures
) -> tuple[Light, ...]:
    """Return the lights that are on, the strongest first; matrices and boxes are of rows, in world metres."""
    out = []
    top = box[~np.isnan(box[:, 0])]
    centre = (top[:, :3].min(axis=0) + top[:, 3:].max(axis=0)) / 2 if len(top) else np.zeros(3)
    for source in survey.lights:
        row = int(row_of[source])
        if row < 0 or not visible[row]:
            continue
        try:
            light = _light(survey, source, matrix[row], centre, pictures)
        except (ValueError, TypeError):
            what = "The light is left out: its values are of other types than a light's."
            survey.problems.append(problem("S11", survey.path[source], what, severity="warning"))
            continue
        if light is not None:
            out.append(light)
    return tuple(sorted(out, key=lambda one: -one.strength))


def _light(survey: Survey, source: int, place: F8, centre: F8, pictures: Pictures) -> Light | None:
    prim, time = survey.prim[source], survey.time
    kind = str(prim.GetTypeName())

    def number(name: str, default: float) -> float:
        value = prim.GetAttribute(f"inputs:{name}").Get(time)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else default

    exposure = min(max(number("exposure", 0.0), -60.0), 60.0)
    radiance = number("intensity", 1.0) * 2.0**exposure * number("diffuse", 1.0)
    colour = _colour(prim, time, number("colorTemperature", _KELVIN))
    if kind in DOMES:
        colour = colour * _sky(prim, time, pictures)
    size = float(np.abs(np.linalg.det(place[:3, :3]))) ** (1 / 3) or 1.0
    axis = place[:3, 2]
    length = float(np.linalg.norm(axis))
    axis = axis / length if length > 0 else np.array([0.0, 0.0, 1.0])
    to = place[:3, 3] - centre
    distance = max(float(np.linalg.norm(to)), 1e-6)
    strength = radiance * math.pi if kind in DOMES else radiance
    if kind in LAMPS:
        normalized = bool(prim.GetAttribute("inputs:normalize").Get(time))
        area = 1.0 if normalized else _area(kind, number) * size**2
        strength = radiance * area / distance**2
    values = np.concatenate([colour, axis, to, place[:3, 3], [strength, distance]])
    if not np.isfinite(values).all() or strength <= 0:
        return None
    return Light(
        path=survey.path[source],
        kind="dome" if kind in DOMES else "lamp" if kind in LAMPS else "distant",
        at=_triple(place[:3, 3] if kind in LAMPS else axis),
        beam=_triple(-axis) if kind in _BEAMS else (0.0, 0.0, 0.0),
        colour=_triple(colour),
        strength=strength,
        distance=distance,
    )


def _area(kind: str, number: Any) -> float:
    radius = number("radius", 0.5)
    if kind == "RectLight":
        return float(number("width", 1.0) * number("height", 1.0))
    if kind == "CylinderLight":
        return float(number("length", 1.0) * 2 * radius)
    return math.pi * float(radius) ** 2


def _colour(prim: Any, time: Any, kelvin: float) -> F8:
    value = prim.GetAttribute("inputs:color").Get(time)
    colour = np.ones(3) if value is None else np.array(value, np.float64)
    if colour.shape != (3,):  # of another type than a colour
        colour = np.ones(3)
    if prim.GetAttribute("inputs:enableColorTemperature").Get(time) and 1000 <= kelvin <= 10_000:  # noqa: PLR2004
        colour = colour * np.array(UsdLux.BlackbodyTemperatureAsRgb(kelvin), np.float64)
    return np.asarray(np.clip(colour, 0.0, None))


def _sky(prim: Any, time: Any, pictures: Pictures) -> F8:
    """Return the mean colour of a dome's image; white where it has none that can be read."""
    attribute = prim.GetAttribute("inputs:texture:file")
    asset = attribute.Get(time) if attribute else None
    if not isinstance(asset, Sdf.AssetPath) or not asset.path:
        return np.ones(3)
    mean = pictures.mean(resolved(attribute, asset, time))
    return np.ones(3) if isinstance(mean, str) else np.array(mean.linear[:3])


def _triple(vector: F8) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return x, y, z
