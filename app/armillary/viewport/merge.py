"""All drawn triangles of a scene in one mesh; instances have a matrix row of their own.

Instances of little geometry are copies in the mesh. Where there is more, the mesh has the shape of each
prototype once, behind its own triangles, and a crowd says who shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8, U1, U4
from armillary.model.fault import SceneFault
from armillary.model.instancing import MOST_COPIED, MOST_TRIANGLES, copied, whole_instances
from armillary.model.scene import SceneArrays

NO_UV: F4 = np.zeros((0, 3), np.float32)
NO_SLOT: F4 = np.zeros(0, np.float32)
NO_ROW: I4 = np.zeros(0, np.int32)
NO_TRIANGLE: I4 = np.zeros((0, 3), np.int32)
_MOST_SPARE = 131_072
_BITS = 10  # of a place along each axis, where neighbours are found
_CORNER = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
_FACES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32
)
_FACE_NORMALS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float32)
_BOX_TRIANGLES: I4 = (np.array([[0, 1, 2], [0, 2, 3]], np.int32) + 4 * np.arange(6)[:, None, None]).reshape(
    -1, 3
)


@dataclass(frozen=True, slots=True)
class Crowd:
    """True instances (n,) of shapes (k,): by shape, and within it so that neighbours in space follow."""

    instance: I4  # (n,) which of the scene's
    prim: I4  # (n,) whose look
    shape: I4  # (n,)
    first: I8  # (k,) of its triangles in `Mesh.every`
    last: I8  # (k,)
    box: F4  # (k, 6) in its own space
    is_box: B1  # (k,) whether it is nothing but that box
    rgba: U1  # (k, 4) mean of its points' colours
    first_row: int  # of the matrices: member i has the row that is i behind it
    spare: int  # rows before it, for those that a coarse picture chose

    def __len__(self) -> int:
        return len(self.instance)


@dataclass(frozen=True, slots=True)
class Mesh:
    """V points and T triangles; `row` is the matrix of a point: prim p has row p, instances by `rows`."""

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
    every: I4 = field(default_factory=lambda: NO_TRIANGLE)  # (T + S, 3) those, and behind them the shapes'
    crowd: Crowd | None = None  # who shows the shapes
    row_of: I4 = field(default_factory=lambda: NO_ROW)  # (I,) row of each instance; (0,): M + i

    def rows(self, prims: int, instances: I8) -> I8:
        """Return the matrix rows (n,) of instances in a scene of so many prims."""
        out: I8 = self.row_of[instances].astype(np.int64) if len(self.row_of) else prims + instances
        return out


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


def merge(scene: SceneArrays, max_triangles: int = MOST_TRIANGLES, max_copied: int = MOST_COPIED) -> Mesh:
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
            every=scene.triangle[:first],
        )
    body = _run(scene, slot, 0, first)
    copies = [_Copies(body, 1, body.prim, body.prim)]
    shapes: list[_Run] = []
    members: list[I8] = []
    whole, simplified = whole_instances(scene, max_triangles), 0
    is_copied = copied(scene, max_copied)
    by_proto = np.argsort(scene.instance_proto, kind="stable")
    begin = np.searchsorted(scene.instance_proto[by_proto], np.arange(len(scene.proto)))
    row_of = _rows(scene, is_copied)
    for k in range(len(scene.proto) - 1):
        of = by_proto[begin[k] : begin[k + 1]]
        run = _run(scene, slot, int(scene.proto[k]), int(scene.proto[k + 1]))
        if len(of) == 0 or len(run.triangle) == 0:
            continue
        if not is_copied[k]:
            shapes.append(run)
            members.append(of[_along(scene.instance_matrix[of, :3, 3])])
            continue
        boxed = of[:0]
        if whole[k] < len(of):  # the largest are whole
            size = np.abs(np.linalg.det(scene.instance_matrix[of, :3, :3]))
            order = np.argsort(-size, kind="stable")
            of, boxed = np.sort(of[order[: whole[k]]]), np.sort(of[order[whole[k] :]])
        for some, one in ((of, run), (boxed, _boxed(run) if len(boxed) else run)):
            if len(some):
                looks = scene.instance_prim[some, None]
                rows = row_of[some].astype(np.int64) if len(row_of) else len(scene) + some
                copies.append(_Copies(one, len(some), looks, rows[:, None]))
        simplified += len(boxed)
    mesh = _joined(copies, [_Copies(run, 1, run.prim, run.prim) for run in shapes], simplified)
    if not shapes:
        return mesh
    crowd = _crowd(scene, shapes, members, len(mesh.triangle))
    row_of[crowd.instance] = crowd.first_row + np.arange(len(crowd), dtype=np.int32)
    return replace(mesh, crowd=crowd, row_of=row_of)


def _rows(scene: SceneArrays, is_copied: B1) -> I4:
    """Return the rows (I,) of instances that are copied, in front of all others; (0,) where all are."""
    if is_copied.all():
        return NO_ROW
    alone = is_copied[scene.instance_proto]
    rows: I4 = (len(scene) + np.cumsum(alone) - 1).astype(np.int32)
    return rows


def _crowd(scene: SceneArrays, shapes: list[_Run], members: list[I8], at: int) -> Crowd:
    """Return who shows these shapes, whose triangles begin at that one."""
    last = at + np.cumsum([len(run.triangle) for run in shapes])
    instance = np.concatenate(members).astype(np.int32)
    mean = [
        run.rgba.mean(axis=0).astype(np.uint8) if len(run.rgba) else np.zeros(4, np.uint8) for run in shapes
    ]
    return Crowd(
        instance=instance,
        prim=scene.instance_prim[instance].astype(np.int32),
        shape=np.repeat(np.arange(len(shapes), dtype=np.int32), [len(of) for of in members]),
        first=last - [len(run.triangle) for run in shapes],
        last=last,
        box=np.array(
            [np.concatenate([r.point.min(axis=0), r.point.max(axis=0)]) for r in shapes], np.float32
        ),
        is_box=np.array([_is_box(run) for run in shapes]),
        rgba=np.array(mean, np.uint8).reshape(-1, 4),
        first_row=len(scene) + len(scene.instance_prim) - len(instance) + min(len(instance), _MOST_SPARE),
        spare=min(len(instance), _MOST_SPARE),
    )


def _along(place: F8) -> I8:
    """Return an order of places (n, 3) in which those near each other are near each other (Morton's)."""
    low, high = place.min(axis=0), place.max(axis=0)
    span = np.maximum(np.nan_to_num(high - low), np.finfo(np.float64).tiny)
    cell = np.nan_to_num((place - low) / span * ((1 << _BITS) - 1)).astype(np.uint32)
    code = np.zeros(len(place), np.uint32)
    for bit in range(_BITS):
        for axis in range(3):
            code |= ((cell[:, axis] >> np.uint32(bit)) & np.uint32(1)) << np.uint32(3 * bit + axis)
    return np.argsort(code, kind="stable")


def _is_box(run: _Run) -> bool:
    """Tell whether a shape is nothing but its box: all corners its own, all sides covered once."""
    low, high = run.point.min(axis=0), run.point.max(axis=0)
    at_low, at_high = run.point == low, run.point == high
    if len(run.uv) and run.uv[:, 2].any():
        return False  # it shows an image
    if not (at_low | at_high).all() or (high <= low).any():
        return False
    sides: F4 = high - low
    area = 2 * float(sides[0] * sides[1] + sides[1] * sides[2] + sides[2] * sides[0])
    on_side = at_low[run.triangle].all(axis=1) | at_high[run.triangle].all(axis=1)
    corner = run.point[run.triangle]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    covered = float(np.linalg.norm(across, axis=1).sum()) / 2
    straight = bool(((np.abs(run.normal) > 0.99).sum(axis=1) == 1).all())  # noqa: PLR2004  flat sides
    one_colour = not len(run.rgba) or bool((run.rgba == run.rgba[0]).all())
    is_closed = bool(on_side.any(axis=1).all()) and bool(np.isclose(covered, area, rtol=1e-3))
    return is_closed and straight and one_colour


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


def _joined(copies: list[_Copies], shapes: list[_Copies], simplified: int) -> Mesh:
    """Return all copies in one mesh, shapes behind; each array is written once: there may be much of them."""
    own = sum(c.n * len(c.run.triangle) for c in copies)
    copies = [*copies, *shapes]
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
    return Mesh(point, normal, prim, row, rgba, triangle[:own], simplified, uv, slot, triangle)
