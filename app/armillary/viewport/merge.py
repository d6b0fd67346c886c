"""All drawn triangles of a scene in one mesh; instances are copies with a matrix row of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import F4, I4, I8, U1, U4
from armillary.model.fault import SceneFault
from armillary.model.instancing import MOST_TRIANGLES, whole_instances
from armillary.model.scene import SceneArrays

NO_UV: F4 = np.zeros((0, 3), np.float32)
NO_SLOT: F4 = np.zeros(0, np.float32)
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


@dataclass(frozen=True, slots=True)
class _Copies:
    """A run as often as it is drawn; prim and row for each point (p,), or for each copy (n, 1)."""

    run: _Run
    n: int
    prim: I8 | U4
    row: I8


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


def merge(scene: SceneArrays, max_triangles: int = MOST_TRIANGLES) -> Mesh:
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
    body = _run(scene, slot, 0, first)
    copies = [_Copies(body, 1, body.prim, body.prim)]
    whole, simplified = whole_instances(scene, max_triangles), 0
    for k in range(len(scene.proto) - 1):
        of = np.flatnonzero(scene.instance_proto == k)
        run = _run(scene, slot, int(scene.proto[k]), int(scene.proto[k + 1]))
        if len(of) == 0 or len(run.triangle) == 0:
            continue
        boxed = of[:0]
        if whole[k] < len(of):  # the largest are whole
            size = np.abs(np.linalg.det(scene.instance_matrix[of, :3, :3]))
            order = np.argsort(-size, kind="stable")
            of, boxed = np.sort(of[order[: whole[k]]]), np.sort(of[order[whole[k] :]])
        for some, one in ((of, run), (boxed, _boxed(run) if len(boxed) else run)):
            if len(some):
                looks = scene.instance_prim[some, None]
                copies.append(_Copies(one, len(some), looks, len(scene) + some[:, None]))
        simplified += len(boxed)
    return _joined(copies, simplified)


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


def _joined(copies: list[_Copies], simplified: int) -> Mesh:
    """Return all copies in one mesh; each array is written once, as there may be gigabytes of them."""
    v = sum(c.n * len(c.run.point) for c in copies)
    t = sum(c.n * len(c.run.triangle) for c in copies)
    has_rgba, has_uv = any(len(c.run.rgba) for c in copies), any(len(c.run.uv) for c in copies)
    point, normal = np.empty((v, 3), np.float32), np.empty((v, 3), np.float32)
    prim, row = np.empty(v, np.float32), np.empty(v, np.float32)
    rgba = np.empty((v if has_rgba else 0, 4), np.uint8)
    uv = np.empty((v if has_uv else 0, 3), np.float32)
    slot = np.empty(v if any(len(c.run.slot) for c in copies) else 0, np.float32)
    triangle = np.empty((t, 3), np.int32)
    at, face = 0, 0
    for c in copies:
        p, f = len(c.run.point), len(c.run.triangle)
        part, faces = slice(at, at + c.n * p), slice(face, face + c.n * f)
        for out, one in ((point, c.run.point), (normal, c.run.normal), (rgba, c.run.rgba), (uv, c.run.uv)):
            if len(out):
                out[part].reshape(c.n, p, out.shape[1])[:] = one
        if len(slot):
            slot[part].reshape(c.n, p)[:] = c.run.slot
        prim[part].reshape(c.n, p)[:] = c.prim
        row[part].reshape(c.n, p)[:] = c.row
        shift = at + p * np.arange(c.n, dtype=np.int32)
        np.add(c.run.triangle, shift[:, None, None], out=triangle[faces].reshape(c.n, f, 3))
        at, face = part.stop, faces.stop
    return Mesh(point, normal, prim, row, rgba, triangle, simplified, uv, slot)
