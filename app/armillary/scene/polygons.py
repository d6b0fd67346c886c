"""Polygon meshes → triangles and normals, many meshes in one batch of numpy calls.

A mesh may be anything a file can hold: indices out of range, faces of two corners, NaN points. What cannot
be drawn is left out and counted, mesh by mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from armillary.model.arrays import B1, F4, I4, I8, U1
from armillary.scene.pool import NO_UV, Pool, empty_pool, joined, starts, unit
from armillary.scene.problems import FARTHEST

# Faces of a smooth surface that meet at more than CREASE are drawn with an edge: most CAD exporters forget
# to author subdivisionScheme = "none", and a box must not look like a pebble. SHARP is the cheap first test,
# against the mean normal of the point.
CREASE_COS = np.float32(np.cos(np.radians(50.0)))
SHARP_COS = np.float32(np.cos(np.radians(25.0)))
MAX_VALENCE = 64  # a point of more faces (the tip of a fan) keeps the mean of them all
MAX_EARS = 500  # corners of one face up to which a concave outline is cut exactly
BATCH = 60_000  # corners that are worked on at once: arrays that stay in the processor's cache
TRIANGLE, QUAD = 3, 4


@dataclass(slots=True, kw_only=True)
class Mesh:
    """One polygon mesh as read; arrays are not checked yet. Optional arrays are None where not authored."""

    points: F4  # (p, 3)
    counts: I4  # (f,) corners of each face
    indices: I4  # (c,) point of each corner
    left_handed: bool = False
    smooth: bool = True
    normals: F4 | None = None  # (p | c | f | 1, 3), told apart by `normals_of`
    normals_of: str = "vertex"  # vertex | faceVarying | uniform | constant
    holes: I4 | None = None
    colours: U1 | None = None  # (p | c | f, 4)
    colours_of: str = ""  # "" = one colour, not here
    uvs: F4 | None = None  # (p | c | f | 1, 3): u, v, 1 + image
    uvs_of: str = ""
    name: str = ""
    typed: bool = False  # points, counts and indices are known to be of the types above


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaws:
    """What was left out of a batch, per mesh."""

    broken: tuple[int, ...] = ()  # counts and indices do not belong together: nothing is drawn
    bad_index: tuple[tuple[int, int], ...] = ()  # (mesh, faces left out): a corner without a point
    bad_point: tuple[tuple[int, int], ...] = ()  # (mesh, faces left out): NaN or infinite points
    too_big: tuple[int, ...] = ()  # more memory than there is
    bad_count: tuple[tuple[int, int], ...] = ()  # (mesh, faces left out): fewer than three corners
    bad_primvar: tuple[
        tuple[int, str], ...
    ] = ()  # (mesh, "normals" | "colours" | "uvs"): wrong length, ignored


def _cross(a: F4, b: F4) -> F4:
    """Return a × b, shape (n, 3); three times faster than np.cross for many short vectors."""
    out = np.empty_like(a)
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out


def _sums(values: I8, begin: I8) -> I8:
    """Return the sums of runs, empty runs included."""
    total = starts(values)
    sums: I8 = total[begin[1:]] - total[begin[:-1]]
    return sums


@dataclass(slots=True)
class _Faces:
    """The faces of a batch that can be drawn, in order."""

    mesh: I8  # (f,)
    count: I8  # (f,)
    first: I8  # (f,) first corner, an index into `corner_point`
    corner_point: I8  # (c,) point of each corner, an index into all points
    corner_face: I8  # (c,)
    source_face: I8  # (f,) index among all faces of the batch before any was left out
    source_corner: I8  # (c,)


def _faces(
    meshes: Sequence[Mesh], points: F4, point_start: I8, flaws: dict[str, Sequence[tuple[int, Any]]]
) -> _Faces:
    """Return the drawable faces of structurally sound meshes; what is left out goes into `flaws`."""
    n = len(meshes)
    counts = np.concatenate([m.counts for m in meshes]).astype(np.int64)
    indices = np.concatenate([m.indices for m in meshes]).astype(np.int64)
    face_lengths = np.fromiter((len(m.counts) for m in meshes), np.int64, n)
    corner_lengths = np.fromiter((len(m.indices) for m in meshes), np.int64, n)
    face_mesh = np.repeat(np.arange(n), face_lengths)
    corner_mesh = np.repeat(np.arange(n), corner_lengths)
    corner_face = np.repeat(np.arange(len(counts)), counts)
    lengths = np.diff(point_start)

    drop = np.zeros(len(counts), np.bool_)

    def leave_out(kind: str, bad: B1) -> None:
        bad = bad & ~drop
        if bad.any():
            per_mesh = np.bincount(face_mesh[bad], minlength=n)
            flaws[kind] = tuple((int(i), int(per_mesh[i])) for i in np.flatnonzero(per_mesh))
            drop[bad] = True

    leave_out("bad_count", counts < TRIANGLE)
    outside = (indices < 0) | (indices >= lengths[corner_mesh])
    if outside.any():
        bad = np.zeros(len(counts), np.bool_)
        bad[corner_face[outside]] = True
        leave_out("bad_index", bad)
        indices = np.where(outside, 0, indices)
    corner_point = indices + point_start[corner_mesh]
    # a mesh of no points has no legal corner, yet its offset may be the end of all points
    corner_point = np.minimum(corner_point, max(len(points) - 1, 0))
    finite: B1 = np.asarray((np.abs(points) <= FARTHEST).all(axis=1))  # NaN is not
    if not finite.all() and len(corner_point):
        bad = np.zeros(len(counts), np.bool_)
        bad[corner_face[~finite[corner_point]]] = True
        leave_out("bad_point", bad)
    face_start = starts(face_lengths)
    for i, mesh in enumerate(meshes):
        holes = mesh.holes
        if holes is not None:
            inside = holes[np.flatnonzero((holes >= 0) & (holes < len(mesh.counts)))]
            drop[face_start[i] + inside] = True

    source_face = np.arange(len(counts))
    source_corner = np.arange(len(corner_point))
    if drop.any():
        keep = ~drop[corner_face]
        source_face, source_corner = np.flatnonzero(~drop), np.flatnonzero(keep)
        counts, face_mesh, corner_point = counts[~drop], face_mesh[~drop], corner_point[keep]
        corner_face = np.repeat(np.arange(len(counts)), counts)
    return _Faces(
        face_mesh, counts, starts(counts)[:-1], corner_point, corner_face, source_face, source_corner
    )


def _triangles(faces: _Faces, points: F4) -> tuple[I8, F4]:
    """Return triangles as corner indices, shape (t, 3), and area vectors of the faces, shape (f, 3)."""
    per_face = faces.count - 2
    face = np.repeat(np.arange(len(per_face)), per_face)
    first_triangle = starts(per_face)
    step = np.arange(len(face)) - first_triangle[face]
    corner = np.empty((len(face), 3), np.int64)
    corner[:, 0] = faces.first[face]
    corner[:, 1] = corner[:, 0] + step + 1
    corner[:, 2] = corner[:, 1] + 1
    at = points[faces.corner_point]
    origin = at[corner[:, 0]]
    area = _cross(at[corner[:, 1]] - origin, at[corner[:, 2]] - origin)
    normal = area
    if len(face) != len(per_face):
        normal = np.add.reduceat(area, first_triangle[:-1], axis=0) if len(face) else area
        turned = np.einsum("ij,ij->i", area, normal[face]) < 0
        concave_faces = np.unique(face[turned])
        quads = concave_faces[faces.count[concave_faces] == QUAD]
        corner[first_triangle[quads]] = faces.first[quads][:, None] + (1, 2, 3)
        corner[first_triangle[quads] + 1] = faces.first[quads][:, None] + (1, 3, 0)
        ngons = concave_faces[(faces.count[concave_faces] > QUAD) & (faces.count[concave_faces] <= MAX_EARS)]
        for concave in ngons.tolist():
            first, count = int(faces.first[concave]), int(faces.count[concave])
            ears = _ears(at[first : first + count].astype(np.float64), normal[concave].astype(np.float64))
            corner[first_triangle[concave] : first_triangle[concave + 1]] = first + ears
    return corner, normal


def _ears(outline: np.ndarray[tuple[int, int], np.dtype[np.float64]], normal: F4 | np.ndarray) -> I8:
    """Return a concave outline, shape (n, 3), cut into n - 2 triangles of corner numbers."""
    axis = int(np.abs(normal).argmax())
    flat = np.delete(outline, axis, axis=1)
    if (normal[axis] < 0) != (axis == 1):
        flat = flat[:, ::-1]
    ring = list(range(len(flat)))
    out: list[tuple[int, int, int]] = []
    while len(ring) > TRIANGLE:
        for i in range(len(ring)):
            a, b, c = ring[i - 1], ring[i], ring[(i + 1) % len(ring)]
            if _is_ear(flat, ring, a, b, c):
                break
        else:
            i = 0  # an outline that crosses itself has no ear; any cut is as good
            a, b, c = ring[-1], ring[0], ring[1]
        out.append((a, b, c))
        del ring[i]
    return np.array([*out, tuple(ring)], np.int64)


def _is_ear(
    flat: np.ndarray[tuple[int, int], np.dtype[np.float64]], ring: list[int], a: int, b: int, c: int
) -> bool:
    ab, bc, ca = flat[b] - flat[a], flat[c] - flat[b], flat[a] - flat[c]
    if ab[0] * bc[1] - ab[1] * bc[0] <= 0:
        return False
    rest = flat[[k for k in ring if k not in (a, b, c)]]
    inside = np.ones(len(rest), np.bool_)
    for edge, corner in ((ab, a), (bc, b), (ca, c)):
        to = rest - flat[corner]
        inside &= edge[0] * to[:, 1] - edge[1] * to[:, 0] > 0
    return not inside.any()


def _smooth(faces: _Faces, area: F4, corners: B1, n_points: int) -> tuple[F4, B1, F4]:
    """Return mean normals of all points, which corners need a point of their own, and their normals.

    `corners` tells which corners belong to smooth meshes; the normals are of the corners told by the mask.
    """
    point = faces.corner_point[corners]
    face_normal = unit(area)
    weighted = area[faces.corner_face[corners]]
    mean = np.empty((n_points, 3), np.float32)
    for axis in range(3):
        mean[:, axis] = np.bincount(point, weights=weighted[:, axis], minlength=n_points)
    mean = unit(mean)
    own = face_normal[faces.corner_face[corners]]
    edged = np.zeros(n_points, np.bool_)
    edged[point[np.einsum("ij,ij->i", own, mean[point]) < SHARP_COS]] = True
    split = np.zeros(len(corners), np.bool_)
    split[corners] = edged[point]
    rows = np.flatnonzero(split)
    if not len(rows):
        return mean, split, np.zeros((0, 3), np.float32)
    return mean, split, _creased(faces.corner_point[rows], area[faces.corner_face[rows]], mean)


def _creased(point: I8, weighted: F4, mean: F4) -> F4:
    """Return normals of corners at edged points: the mean of the faces that lean alike."""
    order = np.argsort(point, kind="stable")
    _, first, valence = np.unique(point[order], return_index=True, return_counts=True)
    direction = unit(weighted)
    out = mean[point]
    for v in np.unique(valence):
        if v > MAX_VALENCE:
            continue
        rows = order[first[valence == v][:, None] + np.arange(v)]  # (groups, v)
        along = direction[rows]
        near = (np.einsum("gic,gjc->gij", along, along) >= CREASE_COS).astype(np.float32)
        for _ in range(int(v - 1).bit_length()):  # faces that lean alike through others between them
            near = (np.matmul(near, near) > 0).astype(np.float32)
        total = np.einsum("gij,gjc->gic", near, weighted[rows])
        out[rows.ravel()] = unit(total.reshape(-1, 3))
    return out


def _corner_values(
    meshes: Sequence[Mesh], faces: _Faces, what: str, width: int, point_start: I8, bad: list[tuple[int, str]]
) -> tuple[np.ndarray, B1, B1]:
    """Return authored values of each corner, shape (c, width), who has them, who needs own corners."""
    n = len(meshes)
    has, split = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    kind = np.uint8 if what == "colours" else np.float32
    out = np.zeros((len(faces.corner_point), width), kind)
    candidates = [i for i, mesh in enumerate(meshes) if getattr(mesh, what) is not None]
    if not candidates:
        return out, has, split
    face_start = starts([len(m.counts) for m in meshes])
    corner_start = starts([len(m.indices) for m in meshes])
    corner_of = starts(np.bincount(faces.mesh, weights=faces.count, minlength=n).astype(np.int64))
    pieces, where = [], []
    for i in candidates:
        mesh, values = meshes[i], getattr(meshes[i], what)
        rows = slice(int(corner_of[i]), int(corner_of[i + 1]))
        of = getattr(mesh, f"{what}_of")
        if of in {"vertex", "varying"} and len(values) == len(mesh.points):
            piece = values[faces.corner_point[rows] - point_start[i]]
        elif of == "faceVarying" and len(values) == len(mesh.indices):
            piece, split[i] = values[faces.source_corner[rows] - corner_start[i]], True
        elif of == "uniform" and len(values) == len(mesh.counts):
            piece, split[i] = values[faces.source_face[faces.corner_face[rows]] - face_start[i]], True
        elif of == "constant" and len(values) == 1:
            piece = np.broadcast_to(values, (rows.stop - rows.start, width))
        else:
            bad.append((i, what))
            continue
        has[i] = True
        pieces.append(piece)
        where.append(rows)
    for rows, piece in zip(where, pieces, strict=True):
        out[rows] = piece
    return out, has, split


def build(meshes: Sequence[Mesh]) -> tuple[Pool, Flaws]:
    """Return the triangles of all meshes, shape k being mesh k, and what had to be left out.

    A mesh that is broken as a whole, or has no face left, becomes a shape of no points.
    """
    broken = _broken(meshes)
    if broken:
        none3, none = np.zeros((0, 3), np.float32), np.zeros(0, np.int32)
        empty = Mesh(points=none3, counts=none, indices=none)
        meshes = [empty if i in broken else mesh for i, mesh in enumerate(meshes)]
    corners = starts([len(m.indices) for m in meshes])
    batches: list[tuple[int, int]] = []
    first = 0
    while first < len(meshes):
        end = max(int(np.searchsorted(corners, corners[first] + BATCH, "right")) - 1, first + 1)
        batches.append((first, end))
        first = end
    parts = [meshes[first:end] for first, end in batches]
    built = list(map(_tried, parts))
    pools: list[Pool] = []
    found: dict[str, list[tuple[int, Any]]] = {}
    too_big: list[int] = []
    for (first, end), (pool, flaws) in zip(batches, built, strict=True):
        if pool is None:
            too_big.extend(range(first, end))
        pools.append(_nothing(end - first) if pool is None else pool)
        for kind, items in flaws.items():
            found.setdefault(kind, []).extend((first + mesh, what) for mesh, what in items)
    return joined(pools), Flaws(
        broken=tuple(sorted(broken)),
        too_big=tuple(too_big),
        **{kind: tuple(items) for kind, items in found.items()},
    )


def _tried(meshes: Sequence[Mesh]) -> tuple[Pool | None, dict[str, Sequence[tuple[int, Any]]]]:
    """Return what `_build` does; no pool where memory is short: one is big, or they are the last of many."""
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # points may be anything
            return _build(meshes)
    except MemoryError:
        return None, {}


def _nothing(n: int) -> Pool:
    """Return n shapes of no points."""
    none = np.zeros(n + 1, np.int64)
    return replace(empty_pool(), point_start=none, triangle_start=none, coloured=np.zeros(n, np.bool_))


def _build(meshes: Sequence[Mesh]) -> tuple[Pool, dict[str, Sequence[tuple[int, Any]]]]:
    """Return the triangles of one batch of sound meshes, and what was left out by kind of flaw."""
    n = len(meshes)
    point_start = starts([len(m.points) for m in meshes])
    points = np.concatenate([m.points for m in meshes]).astype(np.float32, copy=False)
    found: dict[str, Sequence[tuple[int, Any]]] = {}
    faces = _faces(meshes, points, point_start, found)
    triangle, area = _triangles(faces, points)
    left = np.fromiter((m.left_handed for m in meshes), np.bool_, n)
    if left.any():
        flip = left[faces.mesh]
        area[flip] *= -1
        turn = flip[faces.corner_face[triangle[:, 0]]]
        triangle[turn] = triangle[turn][:, ::-1]

    bad_primvar: list[tuple[int, str]] = []
    normal_at, has_normal, normal_split = _corner_values(
        meshes, faces, "normals", 3, point_start, bad_primvar
    )
    colour_at, has_colour, colour_split = _corner_values(
        meshes, faces, "colours", 4, point_start, bad_primvar
    )
    uv_at, has_uv, uv_split = _corner_values(meshes, faces, "uvs", 3, point_start, bad_primvar)
    smooth = np.fromiter((m.smooth for m in meshes), np.bool_, n)
    flat = ~smooth & ~has_normal
    corner_mesh = faces.mesh[faces.corner_face]
    split = (normal_split | colour_split | uv_split | flat)[corner_mesh]
    normal = normal_at
    flat_corner = flat[corner_mesh]
    if flat_corner.any():
        normal[flat_corner] = unit(area)[faces.corner_face[flat_corner]]
    smooth_corner = (smooth & ~has_normal)[corner_mesh]
    if smooth_corner.any():
        mean, edged, creased = _smooth(faces, area, smooth_corner, len(points))
        normal[smooth_corner] = mean[faces.corner_point[smooth_corner]]
        normal[edged] = creased
        split |= edged
    if has_normal.any():
        authored = has_normal[corner_mesh]
        normal[authored] = unit(normal[authored])
    pool = _gather(
        n,
        points,
        faces,
        corner_mesh,
        triangle,
        split,
        normal,
        colour_at,
        has_colour,
        uv_at if has_uv.any() else None,
        point_start,
    )
    return pool, {**found, "bad_primvar": bad_primvar}


def _broken(meshes: Sequence[Mesh]) -> set[int]:
    """Return the meshes whose face counts do not add up to their corners."""
    if not meshes:
        return set()
    untyped = {
        i
        for i, m in enumerate(meshes)
        if not m.typed
        and (
            m.points.dtype.kind != "f"
            or m.points.shape[1:] != (3,)
            or m.counts.dtype.kind != "i"
            or m.counts.ndim != 1
            or m.indices.dtype.kind != "i"
            or m.indices.ndim != 1
        )
    }
    if untyped:
        sound = [i for i in range(len(meshes)) if i not in untyped]
        return untyped | {sound[k] for k in _broken([meshes[i] for i in sound])}
    counts = np.concatenate([m.counts for m in meshes]).astype(np.int64)
    begin = starts([len(m.counts) for m in meshes])
    corners = np.fromiter((len(m.indices) for m in meshes), np.int64, len(meshes))
    wrong = (_sums(counts, begin) != corners) | (_sums((counts < 0).astype(np.int64), begin) > 0)
    return set(np.flatnonzero(wrong).tolist())


def _gather(
    n: int,
    points: F4,
    faces: _Faces,
    corner_mesh: I8,
    triangle: I8,
    split: B1,
    normal: F4,
    colour: U1,
    has_colour: B1,
    uv: F4 | None,
    first_point: I8,
) -> Pool:
    """Return the pool: corners that are split have a point of their own, the others share theirs."""
    triangle_mesh = corner_mesh[triangle[:, 0]]
    vertices = np.diff(first_point).astype(np.int32)
    vertex = (faces.corner_point - first_point[corner_mesh]).astype(np.int32)  # of each corner
    if split.all():
        point_start = starts(np.bincount(corner_mesh, minlength=n))
        return Pool(
            point=points[faces.corner_point],
            normal=normal,
            colour=colour if has_colour.any() else np.zeros((0, 4), np.uint8),
            uv=NO_UV if uv is None else uv,
            triangle=(triangle - point_start[triangle_mesh][:, None]).astype(np.int32),
            point_start=point_start,
            triangle_start=starts(np.bincount(triangle_mesh, minlength=n)),
            coloured=has_colour,
            vertex=vertex,
            vertices=vertices,
        )
    shared = ~split
    corner_out = np.empty(len(split), np.int64)
    owner_of_shared = np.zeros(0, np.int64)
    shared_corner = np.zeros(0, np.int64)
    if shared.any():
        first_corner = np.full(len(points), -1, np.int64)
        rows = np.flatnonzero(shared)
        first_corner[faces.corner_point[rows[::-1]]] = rows[::-1]
        used = np.flatnonzero(first_corner >= 0)
        shared_corner = first_corner[used]
        owner_of_shared = corner_mesh[shared_corner]
        number = np.empty(len(points), np.int64)
        number[used] = np.arange(len(used))
        corner_out[rows] = number[faces.corner_point[rows]]
    split_corner = np.flatnonzero(split)
    corner_out[split_corner] = len(shared_corner) + np.arange(len(split_corner))
    corner = np.concatenate([shared_corner, split_corner])
    owner = np.concatenate([owner_of_shared, corner_mesh[split_corner]])
    if len(shared_corner) and len(split_corner):  # keep each mesh in one run
        order = np.argsort(owner, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        corner, owner, corner_out = corner[order], owner[order], place[corner_out]
    point_start = starts(np.bincount(owner, minlength=n))
    local = corner_out[triangle] - point_start[triangle_mesh][:, None]
    return Pool(
        point=points[faces.corner_point[corner]],
        normal=normal[corner],
        colour=colour[corner] if has_colour.any() else np.zeros((0, 4), np.uint8),
        uv=NO_UV if uv is None else uv[corner],
        triangle=local.astype(np.int32),
        point_start=point_start,
        triangle_start=starts(np.bincount(triangle_mesh, minlength=n)),
        coloured=has_colour,
        vertex=vertex[corner],
        vertices=vertices,
    )
