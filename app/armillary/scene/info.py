"""Facts of a scene in its own units: what `armillary info` answers."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import orjson
from pxr import Usd, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F8
from armillary.model.scene import SceneArrays
from armillary.scene.place import moved_boxes
from armillary.scene.survey import start_time

SCHEMA = 1
UNSUPPORTED = {
    "NurbsPatch": "NURBS patches",
    "NurbsCurves": "NURBS curves",
    "HermiteCurves": "Hermite curves",
    "TetMesh": "tetrahedral meshes",
    "Volume": "volumes",
    "SkelRoot": "skinning (the bind pose is drawn)",
    "SkelAnimation": "skeletal animation",
    "DomeLight": "image-based light",
    "DistantLight": "lights of the scene",
    "SphereLight": "lights of the scene",
    "RectLight": "lights of the scene",
    "DiskLight": "lights of the scene",
    "CylinderLight": "lights of the scene",
    "ParticleField3DGaussianSplat": "Gaussian splats",
}
_TEXTURE = "UsdUVTexture"
_EMPTY = 1e300  # OpenUSD's empty range is ±FLT_MAX and beyond


def info(stage: Any, arrays: SceneArrays) -> str:
    """Return the facts as JSON text: counts include the parts of instances, bounds are in stage units.

    `arrays` are those of the same stage: their problems are told, and their boxes where the stage has none.
    """
    types: Counter[str] = Counter()
    unsupported: dict[str, list[Any]] = {}
    points = prims = 0
    counted: dict[str, int] = {}  # a prototype's points are read once
    time = start_time(stage)
    for prim in Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)):
        prims += 1
        name = str(prim.GetTypeName())
        types[name] += 1
        feature = _feature(prim, name)
        if feature:
            unsupported.setdefault(feature, [0, str(prim.GetPath())])[0] += 1
        if prim.HasAttribute("points"):
            source = prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim
            path = source.GetPath().pathString
            if path not in counted:
                value = source.GetAttribute("points").Get(time)
                counted[path] = len(value) if hasattr(value, "__len__") else 0
            points += counted[path]
    start, end, codes = stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()
    answer = {
        "schema": SCHEMA,
        "prims": prims,
        "types": dict(sorted(types.items())),
        "points": points,
        "bounds": bounds(stage, time) or _drawn_bounds(arrays),
        "up_axis": str(UsdGeom.GetStageUpAxis(stage)),
        "meters_per_unit": float(UsdGeom.GetStageMetersPerUnit(stage)),
        "time_range": {"start": start, "end": end, "codes_per_second": codes},
        "problems": [
            {"code": p.code, "severity": p.severity, "where": p.where, "what": p.what, "remedy": p.remedy}
            for p in arrays.problems
        ],
        "unsupported": [
            {"feature": feature, "count": count, "example": example}
            for feature, (count, example) in sorted(unsupported.items())
        ],
    }
    return orjson.dumps(answer).decode()


def _feature(prim: Any, name: str) -> str:
    if name in UNSUPPORTED:
        return UNSUPPORTED[name]
    if name == "Shader":
        identifier = prim.GetAttribute("info:id").Get()
        if identifier == _TEXTURE:
            return "textures"
        if prim.GetAttribute("info:mdl:sourceAsset"):
            return "MDL materials (their plain colours are used)"
        if identifier and str(identifier).startswith("ND_"):
            return "MaterialX materials (their plain colours are used)"
    return ""


def bounds(stage: Any, time: Any) -> list[list[float]] | None:
    """Return [[min], [max]] of purposes default and render in stage units; None when nothing has a size."""
    cache = UsdGeom.BBoxCache(time, [UsdGeom.Tokens.default_, UsdGeom.Tokens.render])
    box = cache.ComputeWorldBound(stage.GetPseudoRoot()).ComputeAlignedRange()
    low, high = [float(v) for v in box.GetMin()], [float(v) for v in box.GetMax()]
    # a damaged extent, lower end above the upper, empties the whole range
    if box.IsEmpty() or not all(math.isfinite(v) and abs(v) < _EMPTY for v in (*low, *high)):
        return None
    return [low, high]


def _drawn_bounds(arrays: SceneArrays) -> list[list[float]] | None:
    """Return the bounds of what is drawn, back in stage units."""
    top = arrays.box[(arrays.parent < 0) & ~np.isnan(arrays.box[:, 0])]
    if not len(top):
        return None
    whole: F8 = np.concatenate([top[:, :3].min(axis=0), top[:, 3:].max(axis=0)])[None]
    low_high = moved_boxes(whole, np.asarray(np.linalg.inv(arrays.root), np.float64)[None])[0].tolist()
    return [low_high[:3], low_high[3:]]
