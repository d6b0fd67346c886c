"""Opening large scenes on a desk: when boxes and the whole are seen, how long its thread is held, its memory.

Each desk is a process of its own, offscreen, on a machine where one ran before. How long it held its thread
is the worst lateness of a 5 ms timer.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Vt

from armillary_bench.figure import absolute, figure, plain
from armillary_bench.process import Driven, own_places

LONGEST_MS = 50.0  # bar of the longest step of the desk's thread
MEMORY = 2.0  # bar of the growth of the desk, in bytes of the scene's arrays
FIRST = 0.6  # bar of the first boxes, as a share of the time to the whole
INSTANCES = 1_000_000
_LARGE, _SMALL, _NONE = 100_000, 1_000, 10  # prims
_ROUNDS = 2
_LIMIT_S = 200.0
_MIB = 1 << 20
_TYPES = Sdf.ValueTypeNames


def benches(author: Callable[[int, Path], None]) -> list[dict[str, object]]:
    """Return the figures; `author` writes a flat scene of so many boxes."""
    with tempfile.TemporaryDirectory(prefix="armo-") as name:
        folder = Path(name)
        opened(author, _NONE, folder / "first")  # a desk that ran before finds programs of the card compiled
        none = opened(author, _NONE, folder / "none")
        small = opened(author, _SMALL, folder / "small")
        fresh = [opened(author, _LARGE, folder / f"large{k}") for k in range(_ROUNDS)]
        cached = [opened(author, _LARGE, folder / "large0") for _ in range(_ROUNDS)]
        many = [opened(instancer, INSTANCES, folder / f"many{k}", prims=None) for k in range(_ROUNDS)]
    if any(each["boxes_s"] <= 0 for each in fresh):
        raise AssertionError("the desk never showed a picture of boxes")
    whole = f"the desk showed all {_LARGE} boxes in their colours"
    large = min(fresh, key=lambda each: float(each["picture_s"]))
    growth = min(float(each["growth"]) for each in fresh) - float(none["growth"])
    arrays = float(large["arrays"])
    ratio = _LARGE / _SMALL
    return [
        figure(
            "scene_first_boxes_100k",
            min(float(each["boxes_s"]) for each in fresh),
            "s",
            against="first picture of the whole",
            against_value=float(large["picture_s"]),
            bar=FIRST,
            work=f"a picture with boxes came before {whole}",
        ),
        *(
            absolute(name, min(float(each["longest_ms"]) for each in runs), "ms", LONGEST_MS, whole)
            for name, runs in (
                ("open_100k_longest_step", fresh),
                ("open_100k_cached_longest_step", cached),
                ("open_1m_instances_longest_step", many),
            )
        ),
        figure(
            "open_100k_memory_growth",
            growth / _MIB,
            "MiB",
            against="the scene's arrays, MiB",
            against_value=arrays / _MIB,
            bar=MEMORY,
            work=f"{whole}; less what a desk with {_NONE} boxes grew by",
        ),
        plain(
            "open_exponent",
            math.log(float(large["picture_s"]) / float(small["picture_s"])) / math.log(ratio),
            "",
            f"first pictures of {_SMALL} and {_LARGE} boxes: seconds grow as prims to this power",
        ),
        plain(
            "open_1m_instances",
            min(float(each["picture_s"]) for each in many),
            "s",
            f"the desk showed a point instancer of {INSTANCES} boxes",
        ),
        figure(
            "open_1m_instances_memory_growth",
            (min(float(each["growth"]) for each in many) - float(none["growth"])) / _MIB,
            "MiB",
            against="the scene's arrays, MiB",
            against_value=float(many[0]["arrays"]) / _MIB,
            bar=MEMORY,
            work=f"after the desk showed {INSTANCES} instances; less what ten boxes took",
        ),
    ]


def opened(
    author: Callable[[int, Path], None], count: int, folder: Path, prims: int | None = 1
) -> dict[str, Any]:
    """Return what a desk said that opened a scene of `count`; a second time from its cache.

    prims: how many the scene has besides. Raises AssertionError when it does not show them all.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "scene.usdc"
    if not path.exists():
        author(count, path)
    env = own_places(folder) | {"MESA_SHADER_CACHE_DIR": str(folder.parent / "programs")}
    with Driven("armillary_bench.opening_child", [str(path)], folder / "desk.log", env) as desk:
        said: dict[str, Any] = json.loads(desk.line(_LIMIT_S))
    there = said["instances"] if prims is None else said["prims"] - prims
    if said["problems"] or there != count or said["coloured"] <= 0:
        raise AssertionError(f"the desk shows {there} of {count}: {said}")
    return said


def instancer(count: int, path: Path) -> None:
    """Write a point instancer of so many boxes, a tenth of a metre each."""
    layer = Sdf.Layer.CreateNew(str(path))
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    layer.pseudoRoot.SetInfo("upAxis", "Z")
    many = Sdf.PrimSpec(layer, "Many", Sdf.SpecifierDef, "PointInstancer")
    box = Sdf.PrimSpec(many, "Box", Sdf.SpecifierDef, "Cube")
    Sdf.AttributeSpec(box, "size", _TYPES.Double).default = 0.1
    colour = Vt.Vec3fArray([Gf.Vec3f(0.1, 0.5, 0.9)])
    Sdf.AttributeSpec(box, "primvars:displayColor", _TYPES.Color3fArray).default = colour
    Sdf.RelationshipSpec(many, "prototypes").targetPathList.explicitItems = [box.path]
    i = np.arange(count)
    at = np.stack([i % 100, i // 100 % 100, i // 10_000], axis=1).astype(np.float32) * 0.2
    Sdf.AttributeSpec(many, "protoIndices", _TYPES.IntArray).default = Vt.IntArray.FromNumpy(
        np.zeros(count, np.int32)
    )
    Sdf.AttributeSpec(many, "positions", _TYPES.Point3fArray).default = Vt.Vec3fArray.FromNumpy(at)
    layer.Save()
