"""Gprims and curves → triangles: unit templates made once, sized for many prims in one numpy call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from armillary.model.arrays import F4, F8, I4, U1
from armillary.scene.pool import Pool, starts, unit

Affine = tuple[float, float, float, float, float, float]  # u' = a u + b v + c, v' = d u + e v + f
GPRIMS = ("Cube", "Sphere", "Cylinder", "Cone", "Capsule", "Plane", "Cylinder_1", "Capsule_1")
# Segments around, by how many gprims the scene has: a plant has dozens, a generated city many thousands.
SEGMENTS = ((500, 32), (5_000, 20), (50_000, 12))
FEWEST_SEGMENTS = 8
_SLIVER = 1e-6  # area in a shape of radius 1
TUBE_SIDES = 8
CURVE_STEPS = 8  # straight pieces a cubic segment is drawn with
AXES = {"X": (2, 0, 1), "Y": (1, 2, 0), "Z": (0, 1, 2)}  # columns of a template that stands on Z


@dataclass(frozen=True, slots=True)
class Template:
    """A shape of radius 1 from -1 to 1 along Z. `lift` times a straight half height is added to z."""

    point: F4  # (p, 3)
    normal: F4  # (p, 3)
    triangle: I4  # (t, 3)
    lift: F4  # (p,) -1, 0 or 1; all 0 but for the capsule
    tint: F4 | None = None  # (p, 3) linear colours, of curves that have several
    uv: F4 | None = None  # (p, 2) where on an image each point is, of gprims


def segments_for(count: int) -> int:
    """Return into how many segments round shapes are cut when a scene has this many gprims."""
    return next((segments for limit, segments in SEGMENTS if count <= limit), FEWEST_SEGMENTS)


def _grid(rows: int, columns: int) -> I4:
    """Return the triangles of a grid of rows × columns points, counter-clockwise."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    b, d, e = a + 1, a + columns, a + columns + 1
    return np.stack([np.stack([a, b, e], 1), np.stack([a, e, d], 1)], 1).reshape(-1, 3).astype(np.int32)


def _rings(radius: Sequence[float] | F8, z: Sequence[float] | F8, normal: F8, n: int) -> Template:
    """Return a surface of revolution: rings of radius r at height z, `normal` (rings, 2) as (r, z)."""
    angle = np.linspace(0.0, 2 * np.pi, n + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    cos[-1], sin[-1] = cos[0], sin[0]
    r, height = np.asarray(radius, np.float64)[:, None], np.asarray(z, np.float64)[:, None]
    point = np.stack([r * cos, r * sin, np.broadcast_to(height, (len(r), n + 1))], 2)
    normals = np.stack(
        [normal[:, :1] * cos, normal[:, :1] * sin, np.broadcast_to(normal[:, 1:], (len(r), n + 1))], 2
    )
    points = point.reshape(-1, 3).astype(np.float32)
    # once around from +X, counter-clockwise seen from above, and upwards
    around = np.broadcast_to(np.arange(n + 1) / n, (len(r), n + 1))
    up = np.broadcast_to((height + 1) / 2, (len(r), n + 1))
    return Template(
        points,
        normals.reshape(-1, 3).astype(np.float32),
        _no_slivers(points, _grid(len(r), n + 1)),
        np.zeros(len(points), np.float32),
        uv=np.stack([around, up], 2).reshape(-1, 2).astype(np.float32),
    )


def _flat(shape: Template) -> Template:
    """Return a shape of flat faces that each show an image whole, upright seen from outside."""
    n = shape.normal.astype(np.float64)
    lies = np.abs(n[:, 2:]) > 0.5  # noqa: PLR2004 - a cosine: the face looks up or down
    up = np.where(lies, np.eye(3)[1], np.eye(3)[2])
    right = np.cross(up, n)
    at = np.stack([np.einsum("ij,ij->i", shape.point, axis) for axis in (right, up)], 1)
    return replace(shape, uv=((at + 1) / 2).astype(np.float32))


def _no_slivers(points: F4, triangle: I4) -> I4:
    """Return the triangles of some area: the ring of a pole gives half of them none."""
    a, b, c = (points[triangle[:, k]] for k in range(3))
    area: F8 = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return triangle[area > _SLIVER]


def _stacked(parts: Sequence[Template]) -> Template:
    base = starts([len(p.point) for p in parts])
    tints = [p.tint for p in parts if p.tint is not None]
    uvs = [p.uv for p in parts if p.uv is not None]
    return Template(
        np.concatenate([p.point for p in parts]),
        np.concatenate([p.normal for p in parts]),
        np.concatenate([p.triangle + np.int32(b) for p, b in zip(parts, base, strict=False)]),
        np.concatenate([p.lift for p in parts]),
        np.concatenate(tints) if len(tints) == len(parts) else None,
        np.concatenate(uvs) if len(uvs) == len(parts) else None,
    )


def _cap(z: float, n: int) -> Template:
    up = np.array([[0.0, np.sign(z)]] * 2)
    return _flat(_rings([0.0, 1.0] if z < 0 else [1.0, 0.0], [z, z], up, n))


@lru_cache(maxsize=64)
def template(kind: str, segments: int) -> Template:
    """Return the unit template of a gprim type, standing on Z."""
    if kind == "Cube":
        corner = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
        point, normal = [], []
        for axis in range(3):
            for side in (-1.0, 1.0):
                face = np.insert(corner if side > 0 else corner[::-1], axis, side, axis=1)
                point.append(face if axis != 1 else face[::-1])
                normal.append(np.broadcast_to(np.eye(3)[axis] * side, (4, 3)))
        base = np.arange(6)[:, None, None] * 4
        triangle = (base + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
        points = np.concatenate(point).astype(np.float32)
        return _flat(
            Template(
                points,
                np.concatenate(normal).astype(np.float32),
                triangle.astype(np.int32),
                np.zeros(24, np.float32),
            )
        )
    if kind == "Plane":
        return _flat(
            Template(
                np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32),
                np.tile(np.array([(0, 0, 1)], np.float32), (4, 1)),
                np.array([(0, 1, 2), (0, 2, 3)], np.int32),
                np.zeros(4, np.float32),
            )
        )
    wall = np.array([[1.0, 0.0]] * 2)
    if kind == "Cylinder":
        return _stacked(
            [_cap(-1.0, segments), _rings([1.0, 1.0], [-1.0, 1.0], wall, segments), _cap(1.0, segments)]
        )
    if kind == "Cone":
        slope = np.array([[2.0, 1.0]] * 2) / np.sqrt(5.0)
        return _stacked([_cap(-1.0, segments), _rings([1.0, 0.0], [-1.0, 1.0], slope, segments)])
    latitude = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    if kind == "Capsule":  # the equator twice: one ring goes down, one up
        half = latitude[: len(latitude) // 2 + 1]
        latitude = np.concatenate(
            [half, [0.0, 0.0] if half[-1] < 0 else [0.0], -half[::-1][1 if half[-1] == 0 else 0 :]]
        )
    around = np.stack([np.cos(latitude), np.sin(latitude)], 1)
    ball = _rings(around[:, 0], around[:, 1], around, segments)
    if kind == "Capsule":
        rows = len(latitude)
        lift = np.where(np.arange(rows) < rows // 2, -1.0, 1.0)
        lifted = np.repeat(lift, segments + 1).astype(np.float32)
        triangle = _grid(rows, segments + 1)
        tall = ball.point.copy()
        tall[:, 2] += lifted
        return Template(ball.point, ball.normal, _no_slivers(tall, triangle), lifted, uv=ball.uv)
    if ball.uv is None:
        return ball
    degrees = np.repeat(latitude / np.pi + 0.5, segments + 1)  # a map of the world fits a sphere
    return replace(ball, uv=np.column_stack([ball.uv[:, 0], degrees]).astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gprim:
    """One gprim: half sizes along its own axes, Z being its axis of revolution."""

    kind: str  # a template's
    axis: str  # X | Y | Z
    half: tuple[float, float, float]
    lift: float = 0.0  # half of the straight part of a capsule
    ends: tuple[float, float] = (1.0, 1.0)  # share of its radius at the bottom and at the top


def gprims(
    shapes: Sequence[Gprim], segments: int, images: Mapping[int, tuple[Affine, int]] | None = None
) -> Pool:
    """Return the triangles of all shapes, in order; one numpy call a kind and axis.

    images: number of a shape → what is done to its coordinates, and 1 + the row of its image.
    """
    n = len(shapes)
    groups: dict[tuple[str, str], list[int]] = {}
    for i, shape in enumerate(shapes):
        groups.setdefault((shape.kind, shape.axis), []).append(i)
    templates = [template(shape.kind, segments) for shape in shapes]
    point_start = starts([len(t.point) for t in templates])
    triangle_start = starts([len(t.triangle) for t in templates])
    point = np.empty((int(point_start[-1]), 3), np.float32)
    normal = np.empty_like(point)
    triangle = np.empty((int(triangle_start[-1]), 3), np.int32)
    for (kind, axis), rows in groups.items():
        unit_shape = template(kind, segments)
        half = np.array([shapes[i].half for i in rows], np.float32)
        lift = np.array([shapes[i].lift for i in rows], np.float32)
        at = unit_shape.point[None] * half[:, None]
        slope = unit_shape.normal[None] / np.maximum(half, np.float32(1e-30))[:, None]
        ends = np.array([shapes[i].ends for i in rows], np.float32)
        if (ends != 1).any():
            _taper(at, slope, unit_shape, half, lift, ends)
        at[:, :, 2] += unit_shape.lift[None] * lift[:, None]
        facing = unit(slope.reshape(-1, 3).astype(np.float32)).reshape(at.shape)
        columns = list(AXES[axis])
        into = point_start[rows][:, None] + np.arange(len(unit_shape.point))
        point[into] = at[:, :, columns]
        normal[into] = facing[:, :, columns]
        triangle[triangle_start[rows][:, None] + np.arange(len(unit_shape.triangle))] = unit_shape.triangle
    uv = np.zeros((len(point) if images else 0, 3), np.float32)
    for i, (affine, image) in (images or {}).items():
        part = slice(int(point_start[i]), int(point_start[i + 1]))
        uv[part] = applied(_coordinates(templates[i], shapes[i]), affine, image)
    return Pool(
        point=point,
        normal=normal,
        colour=np.zeros((0, 4), np.uint8),
        triangle=triangle,
        point_start=point_start,
        triangle_start=triangle_start,
        coloured=np.zeros(n, np.bool_),
        uv=uv,
    )


def _taper(at: F4, normal: F4 | F8, shape: Template, half: F4, lift: F4, ends: F4) -> None:
    """Give shapes another radius at each end: changes points (n, p, 3), not lifted yet, and normals."""
    if shape.lift.any():  # the half balls of a capsule keep their shape
        share = np.where(shape.lift[None] < 0, ends[:, :1], ends[:, 1:])
        at *= share[:, :, None]
        tall = lift
    else:
        share = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * (shape.point[None, :, 2] + 1) / 2
        at[:, :, :2] *= share[:, :, None]
        tall = half[:, 2]
    lean = half[:, 0] * (ends[:, 0] - ends[:, 1]) / np.maximum(2 * tall, np.float32(1e-30))
    level = np.abs(shape.normal[:, 2]) < 1e-3  # noqa: PLR2004 - a cosine: the wall
    normal[:, level, 2] += lean[:, None] * np.linalg.norm(normal[:, level, :2], axis=2)


def _coordinates(shape: Template, own: Gprim) -> F4:
    """Return where on an image the points of one gprim are, (p, 2): on a capsule by its whole height."""
    if shape.uv is None:
        return np.zeros((len(shape.point), 2), np.float32)
    tall = own.half[2] + own.lift
    if own.kind != "Capsule" or not tall > 0:
        return shape.uv
    height = shape.point[:, 2] * own.half[2] + shape.lift * own.lift
    return np.column_stack([shape.uv[:, 0], (height / tall + 1) / 2]).astype(np.float32)


def applied(uv: F4, affine: Affine, image: int) -> F4:
    """Return coordinates (n, 3) after a transform, with the number of the image; what is no number is 0."""
    a, b, c, d, e, f = affine
    out = np.empty((len(uv), 3), np.float32)
    out[:, 0] = a * uv[:, 0] + b * uv[:, 1] + c
    out[:, 1] = d * uv[:, 0] + e * uv[:, 1] + f
    out[~np.isfinite(out[:, :2]).all(axis=1), :2] = 0.0
    out[:, 2] = image
    return out


# Weights of the four control points of a cubic segment, rows t³, t², t, 1 (formats: curves).
_BASES = {
    "bezier": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 3, 0, 0], [1, 0, 0, 0]], np.float64),
    "bspline": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 0, 3, 0], [1, 4, 1, 0]], np.float64) / 6,
    "catmullRom": np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]], np.float64) / 2,
}
_CUBIC = 4


def sampled(points: F8, kind: str, basis: str, wrap: str) -> F8:
    """Return a curve's control points, shape (n, 3 or more), as a line; `wrap` as in BasisCurves."""
    closed = wrap == "periodic"
    if kind != "cubic" or len(points) < _CUBIC or basis not in _BASES:
        return np.concatenate([points, points[:1]]) if closed and len(points) else points
    step = 3 if basis == "bezier" else 1
    if closed:
        points = np.concatenate([points, points[: 1 if basis == "bezier" else 3]])
    elif wrap == "pinned" and basis != "bezier":
        points = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    begin = np.arange(0, len(points) - 3, step)
    t = np.linspace(0.0, 1.0, CURVE_STEPS + 1)
    weights = np.stack([t**3, t**2, t, np.ones_like(t)], 1) @ _BASES[basis]
    control = points[begin[:, None] + np.arange(_CUBIC)]  # (segments, 4, d)
    line = np.einsum("tk,skd->std", weights, control)
    return np.concatenate([line[:, :-1].reshape(-1, points.shape[1]), line[-1, -1:]])


def tube(line: F8, radius: F8, tint: F8 | None = None, sides: int = TUBE_SIDES) -> Template | None:
    """Return a tube around a line of n corners with a radius, and a tint if any (n, 3), at each.

    None where the line has no length.
    """
    keep = np.concatenate([[True], np.linalg.norm(np.diff(line, axis=0), axis=1) > 0])
    line, radius = line[keep], radius[keep]
    if len(line) < 2 or not np.isfinite(line).all():  # noqa: PLR2004 - a line has two ends
        return None
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-300)[:, None]
    side = np.empty_like(line)
    start = np.eye(3)[int(np.abs(along[0]).argmin())]
    for i, tangent in enumerate(along):  # each frame leans on the one before, so that the tube does not twist
        start = start - tangent * (start @ tangent)
        length = np.linalg.norm(start)
        if length < 1e-9:  # noqa: PLR2004 - the line turned by a right angle exactly onto the old frame
            start = np.eye(3)[int(np.abs(tangent).argmin())]
            start = start - tangent * (start @ tangent)
            length = np.linalg.norm(start)
        start = start / length
        side[i] = start
    other = np.cross(along, side)
    angle = np.linspace(0.0, 2 * np.pi, sides + 1)
    normal = side[:, None] * np.cos(angle)[None, :, None] + other[:, None] * np.sin(angle)[None, :, None]
    point = line[:, None] + normal * radius[:, None, None]
    return Template(
        point.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        _grid(len(line), sides + 1),
        np.zeros(point.shape[0] * point.shape[1], np.float32),
        None if tint is None else np.repeat(tint[keep], sides + 1, axis=0).astype(np.float32),
    )


def tubes(lines: Sequence[tuple[F8, F8, F8 | None]]) -> Template:
    """Return one shape of the tubes around all (line, radius, tint); empty where none has a length."""
    parts = [part for part in (tube(*line) for line in lines) if part is not None]
    if not parts:
        none = np.zeros((0, 3), np.float32)
        return Template(none, none, np.zeros((0, 3), np.int32), np.zeros(0, np.float32))
    return _stacked(parts)


def as_pool(shapes: Sequence[Template], colours: Mapping[int, U1]) -> Pool:
    """Return a pool of shapes that are ready as they are; `colours` (p, 4) of those that have some."""
    none = np.zeros((0, 3), np.float32)
    start = starts([len(s.point) for s in shapes])
    coloured = np.zeros(len(shapes), np.bool_)
    colour = np.zeros((int(start[-1]) if colours else 0, 4), np.uint8)
    for k, rgba in colours.items():
        colour[start[k] : start[k + 1]] = rgba
        coloured[k] = True
    return Pool(
        point=np.concatenate([none, *(s.point for s in shapes)]),
        normal=np.concatenate([none, *(s.normal for s in shapes)]),
        colour=colour,
        triangle=np.concatenate([np.zeros((0, 3), np.int32), *(s.triangle for s in shapes)]),
        point_start=start,
        triangle_start=starts([len(s.triangle) for s in shapes]),
        coloured=coloured,
    )
