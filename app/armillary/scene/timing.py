"""What of a scene has values over time, and over which range of time codes it plays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import Tf, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.plan import COLOUR, OPACITY
from armillary.scene.survey import Survey

CODES_FALLBACK = 24.0
# attributes whose samples are played, by type; transforms and visibility are of every type
PLAYED = {
    "Mesh": ("points", "normals", "primvars:normals"),
    "BasisCurves": ("points", "widths"),
    "Points": ("points", "widths"),
    "PointInstancer": ("positions", "orientations", "orientationsf", "scales"),
    "Cube": ("size",),
    "Sphere": ("radius",),
    "Plane": ("width", "length"),
    **dict.fromkeys(("Cylinder", "Cone", "Capsule"), ("radius", "height")),
    **dict.fromkeys(("Cylinder_1", "Capsule_1"), ("radiusTop", "radiusBottom", "height")),
    "Camera": ("focalLength", "horizontalAperture", "verticalAperture", "focusDistance"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Sources with values over time, by what changes, and the range in time codes: start, end, a second."""

    range: tuple[float, float, float]
    placed: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    shaped: list[int] = field(default_factory=list)  # meshes, gprims, curves, points and instancers
    cameras: list[int] = field(default_factory=list)
    coloured: list[int] = field(default_factory=list)  # one colour or opacity for the whole part


def found(survey: Survey) -> Timed:
    """Return what of a scene plays. Without a range in the file, the samples of what plays give it.

    Prims are asked one by one only where a layer has time samples at all; to be called after the survey,
    which opens the layers of value clips.
    """
    stage = survey.stage
    authored = bool(stage.HasAuthoredTimeCodeRange())
    start, end, codes = _authored(stage)
    if (authored and not end > start) or not survey.has_samples():
        return Timed(range=(start, end, codes))
    placed = [s for s in survey.placed if _may(UsdGeom.Xformable(survey.prim[s]).TransformMightBeTimeVarying)]
    seen = [s for s in survey.with_visibility if _varies(survey.prim[s], ("visibility",))]
    shapes = (survey.mesh_source, survey.gprim_source, survey.shape_source, survey.points, survey.instancers)
    shaped = [
        s
        for sources in shapes
        for s in sources
        if _varies(survey.prim[s], PLAYED.get(str(survey.prim[s].GetTypeName()), ()))
    ]
    cameras = [s for s in survey.cameras if _varies(survey.prim[s], PLAYED["Camera"])]
    one = {*survey.colour_source, *survey.opacity_source}.difference(
        survey.many_colours, survey.many_opacities
    )
    coloured = [s for s in sorted(one) if _varies(survey.prim[s], (COLOUR, OPACITY))]
    if not authored:
        times = sorted(_samples(survey, placed, seen, [*shaped, *cameras], coloured))
        if times and times[-1] > times[0]:
            # the start is what is shown at rest: time 0 where the samples go around it
            start, end = 0.0 if times[0] < 0 < times[-1] else times[0], times[-1]
        if not end > start:
            return Timed(range=(start, end, codes))
    return Timed(
        range=(start, end, codes),
        placed=placed,
        seen=seen,
        shaped=shaped,
        cameras=cameras,
        coloured=coloured,
    )


def attributes(prim: Any) -> list[Any]:
    """Return the attributes of a prim whose samples are played as shapes or by a camera."""
    names = PLAYED.get(str(prim.GetTypeName()), ())
    return [a for a in map(prim.GetAttribute, names) if a and _may(a.ValueMightBeTimeVarying)]


def _samples(
    survey: Survey, placed: list[int], seen: list[int], others: list[int], coloured: list[int]
) -> set[float]:
    out: set[float] = set()
    for s in placed:
        out.update(UsdGeom.Xformable(survey.prim[s]).GetTimeSamples())
    for s in seen:
        out.update(survey.prim[s].GetAttribute("visibility").GetTimeSamples())
    for s in others:
        for attribute in attributes(survey.prim[s]):
            out.update(attribute.GetTimeSamples())
    for s in coloured:
        for attribute in (survey.prim[s].GetAttribute(name) for name in (COLOUR, OPACITY)):
            out.update(attribute.GetTimeSamples() if attribute else ())
    return {t for t in out if np.isfinite(t)}


def _authored(stage: Any) -> tuple[float, float, float]:
    values = (stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond())
    start, end, codes = (float(v) if np.isfinite(v) else 0.0 for v in values)
    if not np.isfinite(end - start):
        start = end = 0.0
    return start, end, codes if codes > 0 else CODES_FALLBACK


def _varies(prim: Any, names: Iterable[str]) -> bool:
    return any(_may(a.ValueMightBeTimeVarying) for a in map(prim.GetAttribute, names) if a)


def _may(vary: Callable[[], bool]) -> bool:
    """Return what OpenUSD says; False where it stumbles: over samples at a time that is not a number."""
    try:
        return bool(vary())
    except Tf.ErrorException:
        return False
