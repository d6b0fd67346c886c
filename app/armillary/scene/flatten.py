"""Writes the open scene as one flattened layer, with the colours and places that it has at the moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt

from armillary.model.arrays import B1, F8
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneArrays

SUFFIXES = (".usda", ".usdc", ".usd")
LOOK = ("rgba", "visible", "moved", "matrix")  # arrays of the file that holds a look
# and where values colour a mesh: rows of SceneArrays.point (v,), sRGB (v, 3)
POINTS = {"point": np.zeros(0, np.int64), "point_rgb": np.zeros((0, 3), np.uint8)}
_FULL = 255.0
_KNEE, _SLOPE = 0.04045, 12.92  # IEC 61966-2-1


def read_look(file: str, prims: int) -> dict[str, Any]:
    """Return the arrays of a look that the desk has written. Raises SceneFault for what does not fit."""
    try:
        with np.load(file, allow_pickle=False) as held:
            look = {name: held[name] for name in LOOK}
            look |= {name: held.get(name, none) for name, none in POINTS.items()}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise SceneFault(
            f"The colours to export cannot be read ({error}).", where=file, remedy="Export once more."
        ) from error
    n = len(look["moved"])
    fits = look["rgba"].shape == (prims, 4) and look["visible"].shape == (prims,)
    points = look["point"]
    fits &= points.ndim == 1 and look["point_rgb"].shape == (len(points), 3)
    if not fits or look["matrix"].shape != (n, 4, 4) or (n and int(look["moved"].max()) >= prims):
        raise SceneFault("The colours are of another scene.", where=file, remedy="Export once more.")
    return look


def write(
    stage: Any,
    arrays: SceneArrays,
    output: Path,
    look: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
) -> dict[str, int]:
    """Write the stage flattened; `look` bakes colours, visibility and places of its prims. Return counts.

    Files of the scene itself are never written, also not with `force`. Raises SceneFault.
    """
    _refuse(stage, output, force)
    flat = Usd.Stage.Open(stage.Flatten(addSourceFileComment=False))
    told = {"prims": len(arrays), "coloured": 0, "hidden": 0, "moved": 0, "left": 0}
    if look is not None:
        _bake(flat, arrays, look, told)
    part = output.with_name(f".{output.stem}.{os.getpid()}.part{output.suffix}")
    try:
        flat.GetRootLayer().Export(str(part))
        os.replace(part, output)
    except (OSError, Tf.ErrorException) as error:
        words = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise SceneFault(
            f"The scene could not be written: {words}.",
            where=str(output),
            remedy="Choose a folder that can be written to, with room on its disk.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return told


def _refuse(stage: Any, output: Path, force: bool) -> None:
    where = str(output)
    if output.suffix.lower() not in SUFFIXES:
        raise SceneFault(
            f"'{output.name}' is no name of a USD layer.",
            where=where,
            remedy=f"End it in {', '.join(SUFFIXES)}.",
        )
    used = {os.path.realpath(layer.realPath) for layer in stage.GetUsedLayers() if layer.realPath}
    if os.path.realpath(output) in used:
        raise SceneFault(
            "A file of the scene itself is never written over.", where=where, remedy="Choose another name."
        )
    if output.exists() and not force:
        raise SceneFault(
            "The file is there already.", where=where, remedy="Choose another name, or use --force."
        )


def _bake(flat: Any, arrays: SceneArrays, look: Mapping[str, Any], told: dict[str, int]) -> None:
    """Write what differs from the scene as it was authored; parts of native instances cannot be written."""
    # the root of what is hidden, not all that is below it
    hidden: B1 = arrays.visible & ~look["visible"]
    above = np.where(arrays.parent >= 0, hidden[arrays.parent], False)
    coloured = np.flatnonzero((look["rgba"] != arrays.rgba).any(axis=1))
    for row in coloured.tolist():
        prim = _own(flat, arrays.prim_path[row], told)
        if prim is None or not prim.IsA(UsdGeom.Gprim):
            continue
        red, green, blue, alpha = look["rgba"][row].tolist()
        shape = UsdGeom.Gprim(prim)
        shape.CreateDisplayColorPrimvar(UsdGeom.Tokens.constant).Set(
            Vt.Vec3fArray([Gf.Vec3f(*(_linear(c) for c in (red, green, blue)))])
        )
        shape.CreateDisplayOpacityPrimvar(UsdGeom.Tokens.constant).Set(Vt.FloatArray([alpha / _FULL]))
        UsdShade.MaterialBindingAPI.Apply(prim).UnbindAllBindings()
        told["coloured"] += 1
    _bake_points(flat, arrays, look, told)
    for row in np.flatnonzero(hidden & ~above).tolist():
        prim = _own(flat, arrays.prim_path[row], told)
        if prim is not None and prim.IsA(UsdGeom.Imageable):
            UsdGeom.Imageable(prim).CreateVisibilityAttr().Set(UsdGeom.Tokens.invisible)
            told["hidden"] += 1
    _place(flat, arrays, look, told)


def _bake_points(flat: Any, arrays: SceneArrays, look: Mapping[str, Any], told: dict[str, int]) -> None:
    """Write the colours of fields and lists of values at the points that a mesh has in its file."""
    point = look["point"].astype(np.int64)
    if not len(point) or int(point.min()) < 0 or int(point.max()) >= len(arrays.point_vertex):
        return
    owner = arrays.point_prim[point]
    linear = np.array([_linear(c) for c in range(256)], np.float32)
    for row in np.unique(owner).tolist():
        prim, count = _own(flat, arrays.prim_path[row], told), int(arrays.vertices[row])
        if prim is None or not count or not prim.IsA(UsdGeom.Mesh):
            continue
        mine = np.flatnonzero((owner == row) & (arrays.point_vertex[point] < count))
        colour = np.tile(linear[arrays.rgba[row, :3]], (count, 1))  # of points that no face uses
        colour[arrays.point_vertex[point[mine]]] = linear[look["point_rgb"][mine]]
        shape = UsdGeom.Gprim(prim)
        shape.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex).Set(Vt.Vec3fArray.FromNumpy(colour))
        UsdShade.MaterialBindingAPI.Apply(prim).UnbindAllBindings()
        told["coloured"] += 1


def _place(flat: Any, arrays: SceneArrays, look: Mapping[str, Any], told: dict[str, int]) -> None:
    moved = look["moved"].astype(np.int64)
    if len(moved) == 0:
        return
    world: F8 = arrays.matrix.copy()
    world[moved] = look["matrix"]
    parent = arrays.parent[moved]
    over = np.where((parent >= 0)[:, None, None], world[parent], arrays.root)
    then = np.where((parent >= 0)[:, None, None], arrays.matrix[parent], arrays.root)
    with np.errstate(all="ignore"):
        sound = np.abs(np.linalg.det(over[:, :3, :3])) > np.finfo(np.float64).tiny
    rows = np.flatnonzero(sound & (np.abs(np.linalg.det(then[:, :3, :3])) > np.finfo(np.float64).tiny))
    local = np.linalg.inv(over[rows]) @ world[moved[rows]]
    rest = np.linalg.inv(then[rows]) @ arrays.matrix[moved[rows]]
    differs = ~np.isclose(local, rest, rtol=1e-9, atol=1e-9).all(axis=(1, 2))
    for at in np.flatnonzero(differs).tolist():
        prim = _own(flat, arrays.prim_path[int(moved[rows[at]])], told)
        if prim is not None and prim.IsA(UsdGeom.Xformable):
            shape = UsdGeom.Xformable(prim)
            resets = shape.GetResetXformStack()
            for op in shape.GetOrderedXformOps():
                op.GetAttr().Clear()
            shape.ClearXformOpOrder()
            op = shape.MakeMatrixXform()
            op.Set(Gf.Matrix4d(*local[at].T.reshape(-1).tolist()))  # OpenUSD has points as rows
            shape.SetResetXformStack(resets)
            told["moved"] += 1


def _own(flat: Any, path: str, told: dict[str, int]) -> Any:
    """Return a prim that can be written, None for one of a native instance, which is counted as left."""
    prim = flat.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
    if prim and not prim.IsInstanceProxy():
        return prim
    told["left"] += 1
    return None


def _linear(byte: int) -> float:
    share = byte / _FULL
    return share / _SLOPE if share <= _KNEE else float(((share + 0.055) / 1.055) ** 2.4)
