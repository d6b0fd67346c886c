"""All drawn triangles of a scene in one mesh; instances are copies with a matrix row of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import F4, I4, I8, U1
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneArrays

NO_UV: F4 = np.zeros((0, 3), np.float32)
NO_SLOT: F4 = np.zeros(0, np.float32)
MAX_TRIANGLES = 4_000_000  # of instances; above it a prototype is drawn as its box
_CORNER = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
_FACES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32
)
_FACE_NORMALS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float32)
_BOX_TRIANGLES: I4 = (np.array([[0, 1, 2], [0, 2, 3]], np.int32) + 4 * np.arange(6)[:, None, None]).reshape(
    -1, 3
)


@dataclass(frozen=True, slots=True)
class Mesh:
    """V points and T triangles; `row` is the matrix of a point: prim p has row p, instance i row M + i."""

    point: F4  # (V, 3) prim-local
    normal: F4  # (V, 3)
    prim: F4  # (V,) whose look; floats, as vertex attributes are (exact to 16.7 million)
    row: F4  # (V,)
    rgba: U1  # (V, 4) or (0, 4)
    triangle: I4  # (T, 3)
    simplified: int  # instances that are drawn as boxes
    uv: F4 = field(default_factory=lambda: NO_UV)  # (V, 3) u, v, 1 + image, or (0, 3)
    slot: F4 = field(
        default_factory=lambda: NO_SLOT
    )  # (V,) 1 + slot of what bends, 0 for what does not; or (0,)


@dataclass(frozen=True, slots=True)
class _Run:
    """Geometry of one run, indices from 0."""

    point: F4
    normal: F4
    rgba: U1
    triangle: I4
    prim: I8
    uv: F4
    slot: F4


def box_triangles(low: F4, high: F4) -> tuple[F4, F4, I4]:
    """Return points (24, 3), normals (24, 3) and triangles (12, 3) of an axis-aligned box."""
    corner = low + _CORNER * (high - low)
    return corner[_FACES].reshape(-1, 3), np.repeat(_FACE_NORMALS, 4, axis=0), _BOX_TRIANGLES


def check(scene: SceneArrays) -> None:
    """Raise SceneFault when indices point outside: the graphics library would crash on them later."""
    p, m = len(scene.point), len(scene)
    triangle, proto = scene.triangle, scene.proto
    bad = ""
    if len(triangle) and (triangle.min() < 0 or triangle.max() >= p):
        bad = "a triangle names a point that does not exist"
    elif p and (len(scene.point_prim) != p or scene.point_prim.max() >= m):
        bad = "a point names a prim that does not exist"
    elif len(scene.normal) != p or len(scene.point_rgba) not in (0, p) or len(scene.point_uv) not in (0, p):
        bad = "normals, colours or texture coordinates are not as many as points"
    elif len(proto) == 0 or proto[-1] != len(triangle) or (np.diff(proto) < 0).any() or proto[0] < 0:
        bad = "the runs of triangles do not add up"
    elif len(scene.instance_prim) and (
        scene.instance_prim.max() >= m or scene.instance_proto.max() >= len(proto) - 1
    ):
        bad = "an instance names a prim or prototype that does not exist"
    if bad:
        raise SceneFault(
            f"The scene cannot be drawn: {bad}.",
            where=scene.key or "scene",
            remedy="Open the scene file again; if it stays, run `armillary check` on it.",
        )


def merge(scene: SceneArrays, max_triangles: int = MAX_TRIANGLES) -> Mesh:
    """Return the mesh of a scene. Copies nothing where there are no instances. Raises SceneFault."""
    check(scene)
    first = int(scene.proto[0])
    slot = _slots(scene)
    prim = scene.point_prim.astype(np.float32)
    if len(scene.instance_prim) == 0:
        return Mesh(
            scene.point,
            scene.normal,
            prim,
            prim,
            scene.point_rgba,
            scene.triangle[:first],
            simplified=0,
            uv=scene.point_uv,
            slot=slot,
        )
    runs = [_run(scene, slot, 0, first)]
    rows = [runs[0].prim]
    prims = [runs[0].prim]
    copies = [1]
    used, simplified = 0, 0
    for k in range(len(scene.proto) - 1):
        of = np.flatnonzero(scene.instance_proto == k)
        run = _run(scene, slot, int(scene.proto[k]), int(scene.proto[k + 1]))
        if len(of) == 0 or len(run.triangle) == 0:
            continue
        if used + len(of) * len(run.triangle) > max_triangles and len(run.triangle) > len(_BOX_TRIANGLES):
            run = _boxed(run)
            simplified += len(of)
        used += len(of) * len(run.triangle)
        n = len(run.point)
        runs.append(run)
        copies.append(len(of))
        rows.append(np.repeat(len(scene) + of, n))
        prims.append(np.repeat(scene.instance_prim[of].astype(np.int64), n))
    return _joined(runs, copies, prims, rows, simplified)


def _slots(scene: SceneArrays) -> F4:
    """Return 1 + the slot of each point that bends, 0 for the others; none where nothing bends."""
    if not len(scene.bend_point):
        return NO_SLOT
    out = np.zeros(len(scene.point), np.float32)
    out[scene.bend_point] = 1 + scene.bend_slot
    return out


def _run(scene: SceneArrays, slot: F4, first: int, last: int) -> _Run:
    used, triangle = np.unique(scene.triangle[first:last], return_inverse=True)
    rgba = scene.point_rgba[used] if len(scene.point_rgba) else scene.point_rgba
    return _Run(
        scene.point[used],
        scene.normal[used],
        rgba,
        triangle.reshape(-1, 3).astype(np.int32),
        scene.point_prim[used].astype(np.int64),
        scene.point_uv[used] if len(scene.point_uv) else scene.point_uv,
        slot[used] if len(slot) else slot,
    )


def _boxed(run: _Run) -> _Run:
    point, normal, triangle = box_triangles(run.point.min(axis=0), run.point.max(axis=0))
    mean = run.rgba.mean(axis=0).astype(np.uint8) if len(run.rgba) else run.rgba
    rgba = np.tile(mean, (len(point), 1)) if len(run.rgba) else run.rgba
    uv = np.zeros((len(point), 3), np.float32) if len(run.uv) else run.uv
    slot = np.zeros(len(point), np.float32) if len(run.slot) else run.slot  # a box does not bend
    return _Run(point, normal, rgba, triangle, np.zeros(len(point), np.int64), uv, slot)


def _joined(runs: list[_Run], copies: list[int], prims: list[I8], rows: list[I8], simplified: int) -> Mesh:
    triangles: list[I4] = []
    base = 0
    for run, n in zip(runs, copies, strict=True):
        shift = base + len(run.point) * np.arange(n, dtype=np.int32)
        triangles.append((run.triangle[None] + shift[:, None, None]).reshape(-1, 3).astype(np.int32))
        base += n * len(run.point)
    return Mesh(
        np.concatenate([np.tile(r.point, (n, 1)) for r, n in zip(runs, copies, strict=True)]),
        np.concatenate([np.tile(r.normal, (n, 1)) for r, n in zip(runs, copies, strict=True)]),
        np.concatenate(prims).astype(np.float32),
        np.concatenate(rows).astype(np.float32),
        np.concatenate([np.tile(r.rgba, (n, 1)) for r, n in zip(runs, copies, strict=True)]),
        np.concatenate(triangles),
        simplified,
        np.concatenate([np.tile(r.uv, (n, 1)) for r, n in zip(runs, copies, strict=True)]),
        np.concatenate([np.tile(r.slot, n) for r, n in zip(runs, copies, strict=True)]),
    )
