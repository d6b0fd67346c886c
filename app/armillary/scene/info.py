"""Facts of a scene in its own units: what `armillary info` answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from pxr import Tf, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.fault import SceneFault
from armillary.model.instancing import boxed_instances
from armillary.model.scene import TEXTURE_TILED, SceneArrays
from armillary.scene import facts, features
from armillary.scene.place import moved_boxes
from armillary.scene.problems import MAX_DEPTH
from armillary.scene.samples import has_samples
from armillary.scene.skinning import NOT_POSED
from armillary.scene.space import stated_metres, stated_up_axis
from armillary.scene.survey import start_time

SCHEMA = 1
_TOLD = {"S17": features.IMAGES_MEAN, NOT_POSED: features.SKINNING}  # features that the problems count
_EMPTY = 1e300  # OpenUSD's empty range is ±FLT_MAX and beyond


def info(stage: Any, arrays: SceneArrays, documents: Sequence[str] = ()) -> str:
    """Return the facts as JSON text: counts include the parts of instances, bounds are in stage units.

    `arrays` are those of the same stage: their problems are told, and their boxes where the stage has none.
    `documents` are MaterialX files that it refers to.
    """
    types: Counter[str] = Counter()
    unsupported: dict[str, list[Any]] = {}
    points = prims = 0
    counted: dict[str, int] = {}  # a prototype's points are read once
    time = start_time(stage)
    animated, played = (
        any(map(has_samples, stage.GetUsedLayers())),
        arrays.time_range[1] > arrays.time_range[0],
    )
    for prim in features.traversed(stage):
        prims += 1
        if prim.GetPath().pathElementCount > MAX_DEPTH:
            raise SceneFault(
                f"The scene is nested more than {MAX_DEPTH} prims deep.",
                where=str(prim.GetPath())[:200],
                remedy="Look for an instance that holds itself.",
            )
        name = str(prim.GetTypeName())
        types[name] += 1
        for feature in features.of_prim(prim, name, animated=animated, played=played):
            unsupported.setdefault(feature, [0, str(prim.GetPath())])[0] += 1
        if prim.IsA(UsdGeom.PointBased):
            source = prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim
            path = source.GetPath().pathString
            if path not in counted:
                value = source.GetAttribute("points").Get(time)
                counted[path] = len(value) if hasattr(value, "__len__") else 0
            points += counted[path]
    if documents:
        unsupported.setdefault(features.MATERIALX, [0, documents[0]])[0] += len(documents)
    for item in arrays.problems:
        if item.code in _TOLD:
            unsupported.setdefault(_TOLD[item.code], [0, item.where])[0] += 1
    boxed, example = boxed_instances(arrays)
    if boxed:
        unsupported[features.BOXED] = [boxed, example]
    start, end, codes = stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()
    answer = {
        "schema": SCHEMA,
        "prims": prims,
        "types": dict(sorted(types.items())),
        "points": points,
        "bounds": bounds(stage, time) or _drawn_bounds(arrays),
        "up_axis": stated_up_axis(stage),
        "meters_per_unit": stated_metres(stage),
        "cameras": [camera.path for camera in arrays.cameras],
        "lights": [light.path for light in arrays.lights],
        "plays": any(
            len(t) for t in (arrays.motion_time, arrays.bend_time, arrays.camera_time, arrays.tint_time)
        ),
        "textures": int(((arrays.texture[:, 3] & TEXTURE_TILED == 0) & (arrays.texture[:, 1] > 0)).sum()),
        "stage": facts.facts(stage),
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


def bounds(stage: Any, time: Any) -> list[list[float]] | None:
    """Return [[min], [max]] of purposes default and render in stage units; None when nothing has a size."""
    cache = UsdGeom.BBoxCache(time, [UsdGeom.Tokens.default_, UsdGeom.Tokens.render])
    try:
        box = cache.ComputeWorldBound(stage.GetPseudoRoot()).ComputeAlignedRange()
    except Tf.ErrorException:  # e.g. a transform operation that OpenUSD does not know
        return None
    low, high = [float(v) for v in box.GetMin()], [float(v) for v in box.GetMax()]
    # a damaged extent, lower end above the upper, empties the whole range
    if box.IsEmpty() or not all(math.isfinite(v) and abs(v) < _EMPTY for v in (*low, *high)):
        return None
    return [low, high]


def _drawn_bounds(arrays: SceneArrays) -> list[list[float]] | None:
    """Return the bounds of what is shown, back in stage units; None when nothing is."""
    shown = (
        arrays.local_box[arrays.visible & arrays.drawable],
        arrays.matrix[arrays.visible & arrays.drawable],
    )
    boxes = moved_boxes(shown[0], np.asarray(np.linalg.inv(arrays.root) @ shown[1], np.float64))
    boxes = boxes[~np.isnan(boxes[:, 0])]
    if not len(boxes):
        return None
    return [boxes[:, :3].min(axis=0).tolist(), boxes[:, 3:].max(axis=0).tolist()]
