"""Scene load against its floor: opening the stage and reading its arrays, same run, same file."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, Vt

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.clock import NS, WallClock
from armillary.model.message import OpenScene, SceneOpened
from armillary.model.scene import SceneArrays
from armillary.scene import cache
from armillary.scene.child import SceneServer
from armillary.scene.load import load

ROUNDS = 3  # the best of these counts: the machine is shared
_CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
_FACES = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3]
_TYPES = Sdf.ValueTypeNames


def author(prims: int, path: Path) -> None:
    """Write a flat scene: boxes as meshes, each with a place and a colour of its own."""
    layer = Sdf.Layer.CreateNew(str(path))
    points, counts = Vt.Vec3fArray(_CORNERS), Vt.IntArray([4] * 6)
    indices, order = Vt.IntArray(_FACES), Vt.TokenArray(["xformOp:translate"])
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    layer.pseudoRoot.SetInfo("upAxis", "Z")
    with Sdf.ChangeBlock():
        top = Sdf.PrimSpec(layer, "World", Sdf.SpecifierDef, "Xform")
        for i in range(prims):
            box = Sdf.PrimSpec(top, f"Box_{i}", Sdf.SpecifierDef, "Mesh")
            place = Gf.Vec3d(i % 100, i // 100 % 100, i // 10_000)
            colour = Vt.Vec3fArray([Gf.Vec3f(0.1 * (i % 10), 0.5, 0.5)])
            for name, kind, value in (
                ("points", _TYPES.Point3fArray, points),
                ("faceVertexCounts", _TYPES.IntArray, counts),
                ("faceVertexIndices", _TYPES.IntArray, indices),
                ("primvars:displayColor", _TYPES.Color3fArray, colour),
                ("xformOp:translate", _TYPES.Double3, place),
            ):
                Sdf.AttributeSpec(box, name, kind).default = value
            uniform = Sdf.VariabilityUniform
            Sdf.AttributeSpec(box, "xformOpOrder", _TYPES.TokenArray, uniform).default = order
            Sdf.AttributeSpec(box, "subdivisionScheme", _TYPES.Token, uniform).default = "none"
    layer.Save()


def floor(path: Path) -> list[Any]:
    """Open the stage and read what a picture needs at least: points, counts, indices and world matrices."""
    stage = Usd.Stage.Open(str(path))
    places = UsdGeom.XformCache()
    out: list[Any] = [stage]
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            out.append(
                (
                    np.asarray(mesh.GetPointsAttr().Get()),
                    np.asarray(mesh.GetFaceVertexCountsAttr().Get()),
                    np.asarray(mesh.GetFaceVertexIndicesAttr().Get()),
                    np.asarray(places.GetLocalToWorldTransform(prim)),
                )
            )
    return out


def measure(prims: int) -> dict[str, float]:
    """Return seconds of `floor`, `load` (ours, opening included), `cached` (file to arrays), and work.

    `work_prims` and `work_points` are counted in the arrays made; `work_offset` is the greatest distance in
    metres between a box in our arrays and in the floor's, 0 when all are the same.
    """
    clock = WallClock()
    seconds: dict[str, float] = {}

    def timed(name: str, call: Any) -> Any:
        gc.collect()
        begin = clock.now_mono_ns()
        result = call()
        span = (clock.now_mono_ns() - begin) / NS
        seconds[name] = min(span, seconds.get(name, span))
        return result

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "flat.usdc"
        author(prims, path)
        read: list[Any] = []
        arrays: SceneArrays | None = None
        for _ in range(ROUNDS):
            read = []
            read = timed("floor", lambda: floor(path))
            arrays = None
            arrays = timed("load", lambda: load(Usd.Stage.Open(str(path))))
        if arrays is None:
            return seconds
        opened = SceneServer().answer(OpenScene(entry=str(path), cache=name))
        if isinstance(opened, SceneOpened):
            for _ in range(ROUNDS):
                timed("cached", lambda: cache.read(opened.arrays))
        theirs = np.array([np.asarray(matrix)[3, :3] for *_, matrix in read[1:]])
        ours = arrays.matrix[arrays.drawable, :3, 3]
        return {
            **seconds,
            "work_prims": float(len(arrays)),
            "work_points": float(len(arrays.point)),
            "work_offset": float(np.abs(ours - theirs).max()) if len(theirs) == len(ours) else float("inf"),
        }
