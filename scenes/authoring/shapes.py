"""Smooth and sharp surfaces as arrays, made by revolving, sweeping and extruding; metres."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
CREASE_DEG = 38.0  # a sharper turn of a profile is an edge
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Polygons with a normal a point; edges are sharp where points are doubled."""

    point: F8  # (n, 3)
    normal: F8  # (n, 3) unit
    count: I8  # (f,) corners of each face
    index: I8  # (sum of count,)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
        """Return it somewhere else."""
        return Shape(self.point + np.array([x, y, z]), self.normal, self.count, self.index)

    def turned(self, axis: str, degrees: float) -> Shape:
        """Return it turned about an axis of the origin, right-handed."""
        m = rotation(axis, degrees)
        return Shape(self.point @ m.T, self.normal @ m.T, self.count, self.index)


def rotation(axis: str, degrees: float) -> F8:
    """Return the (3, 3) matrix of a right-handed turn about x, y or z."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    m = np.eye(3)
    m[i, i], m[i, j], m[j, i], m[j, j] = c, -s, s, c
    return m


def merged(*shapes: Shape) -> Shape:
    """Return several shapes as one."""
    start = np.cumsum([0, *[len(s.point) for s in shapes[:-1]]])
    return Shape(
        np.concatenate([s.point for s in shapes]),
        np.concatenate([s.normal for s in shapes]),
        np.concatenate([s.count for s in shapes]),
        np.concatenate([s.index + b for s, b in zip(shapes, start, strict=True)]),
    )


def grid(point: F8, normal: F8, wrap: bool = False) -> Shape:
    """Return quads over a (rows, columns, 3) grid; columns are closed to a ring when `wrap`.

    A face looks along rows × columns.
    """
    rows, columns = point.shape[:2]
    at = np.arange(rows * columns).reshape(rows, columns)
    if wrap:
        at = np.concatenate([at, at[:, :1]], axis=1)
    quads = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], axis=-1).reshape(-1, 4)
    return Shape(
        point.reshape(-1, 3), normal.reshape(-1, 3), np.full(len(quads), 4, np.int64), quads.reshape(-1)
    )


def _smooth_runs(profile: F8) -> list[F8]:
    """Return a polyline cut at its edges."""
    runs, start = [], 0
    step = np.diff(profile, axis=0)
    for k in range(1, len(profile) - 1):
        a, b = step[k - 1], step[k]
        cosine = float(a @ b) / (float(np.linalg.norm(a) * np.linalg.norm(b)) or 1.0)
        if cosine < math.cos(math.radians(CREASE_DEG)):
            runs.append(profile[start : k + 1])
            start = k
    return [*runs, profile[start:]]


def revolve(
    profile: Sequence[tuple[float, float]], sides: int = 24, begin: float = 0.0, end: float = 360.0
) -> Shape:
    """Return the surface of a profile [(radius, z), …] turned about z; outside is right of the way up.

    begin, end: degrees from +x towards +y; less than a full turn stays open.
    """
    full = abs(end - begin) >= 360.0
    angle = np.radians(np.linspace(begin, end, sides + 1))[: sides if full else None]
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    parts = []
    for run in _smooth_runs(np.array(profile, np.float64)):
        if full and len(run) == 2 and run[0, 1] == run[1, 1] and not run[:, 0].all():
            parts.append(_lid(direction, float(run[:, 0].max()), float(run[0, 1]), up=run[0, 0] > run[1, 0]))
            continue
        step = np.diff(run, axis=0)
        slope = np.stack([step[:, 1], -step[:, 0]], axis=-1)
        slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
        at = np.concatenate([slope[:1], slope[:-1] + slope[1:], slope[-1:]])
        at /= np.maximum(np.linalg.norm(at, axis=1, keepdims=True), 1e-12)
        point = np.concatenate(
            [run[:, None, :1] * direction[None], np.repeat(run[:, None, 1:], len(angle), axis=1)], axis=-1
        )
        normal = np.concatenate(
            [at[:, None, :1] * direction[None], np.repeat(at[:, None, 1:], len(angle), axis=1)], axis=-1
        )
        parts.append(_turned_round(grid(point, normal, wrap=full)))
    return merged(*parts)


def _lid(direction: F8, radius: float, z: float, up: bool) -> Shape:
    """Return a flat round end as one polygon."""
    n = len(direction)
    point = np.hstack([radius * direction, np.full((n, 1), z)])
    index = np.arange(n) if up else np.arange(n)[::-1]
    return Shape(point, np.tile([0.0, 0.0, 1.0 if up else -1.0], (n, 1)), np.array([n]), index)


def _turned_round(shape: Shape) -> Shape:
    """Return quads wound the other way."""
    index = shape.index.reshape(-1, 4)[:, ::-1].reshape(-1)
    return Shape(shape.point, shape.normal, shape.count, index)


def cylinder(radius: float, height: float, sides: int = 20, bevel: float = 0.0) -> Shape:
    """Return a closed cylinder on z = 0."""
    b = bevel
    rim = (
        [(radius - b, 0.0), (radius, b), (radius, height - b), (radius - b, height)]
        if b
        else [(radius, 0.0), (radius, height)]
    )
    return revolve([(0.0, 0.0), *rim, (0.0, height)], sides)


def tube(outer: float, inner: float, height: float, sides: int = 24) -> Shape:
    """Return a pipe's piece with wall, on z = 0."""
    return revolve([(inner, 0.0), (outer, 0.0), (outer, height), (inner, height), (inner, 0.0)], sides)


def box(x: float, y: float, z: float) -> Shape:
    """Return a box centred on the origin in x and y, standing on z = 0."""
    return extrude([(-x / 2, -y / 2), (x / 2, -y / 2), (x / 2, y / 2), (-x / 2, y / 2)], z)


def extrude(outline: Sequence[tuple[float, float]], height: float) -> Shape:
    """Return a prism over a counter-clockwise outline, from z = 0; all its edges are sharp.

    Over an outline that is not convex it stays open at both ends.
    """
    ring = np.array(outline, np.float64)
    n = len(ring)
    following = np.roll(ring, -1, axis=0)
    out = following - ring
    flat = np.stack([out[:, 1], -out[:, 0], np.zeros(n)], axis=-1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    zero, top = np.zeros((n, 1)), np.full((n, 1), height)
    side = np.stack(
        [
            np.hstack([ring, zero]),
            np.hstack([following, zero]),
            np.hstack([following, top]),
            np.hstack([ring, top]),
        ],
        axis=1,
    )
    walls = Shape(side.reshape(-1, 3), np.repeat(flat, 4, axis=0), np.full(n, 4, np.int64), np.arange(4 * n))
    turn = out[:, 0] * np.roll(out[:, 1], -1) - out[:, 1] * np.roll(out[:, 0], -1)
    if (turn < 0.0).any():
        return walls
    up, down = np.tile([0.0, 0.0, 1.0], (n, 1)), np.tile([0.0, 0.0, -1.0], (n, 1))
    lid = Shape(np.hstack([ring, top]), up, np.array([n]), np.arange(n))
    floor = Shape(np.hstack([ring, zero]), down, np.array([n]), np.arange(n)[::-1])
    return merged(walls, lid, floor)


def rounded(points: Sequence[Point], bend: float, steps: int = 4) -> F8:
    """Return a polyline whose corners are arcs of a radius, as pipe bends are."""
    path = [np.array(p, np.float64) for p in points]
    out = [path[0]]
    for before, corner, after in zip(path, path[1:], path[2:], strict=False):
        a, b = before - corner, after - corner
        la, lb = float(np.linalg.norm(a)), float(np.linalg.norm(b))
        a, b = a / la, b / lb
        half = math.acos(max(-1.0, min(1.0, float(a @ b)))) / 2.0
        if half > math.radians(89.0):
            out.append(corner)
            continue
        reach = min(bend / math.tan(half), 0.49 * la, 0.49 * lb)
        radius = reach * math.tan(half)
        middle = (a + b) / np.linalg.norm(a + b)
        centre = corner + middle * (radius / math.sin(half))
        first, last = corner + a * reach - centre, corner + b * reach - centre
        turn = math.pi - 2.0 * half
        out += [
            centre
            + (math.sin(turn * (1 - k / steps)) * first + math.sin(turn * k / steps) * last) / math.sin(turn)
            for k in range(steps + 1)
        ]
    return np.array([*out, path[-1]])


def sweep(path: F8, radius: float | Sequence[float], sides: int = 16, closed: bool = False) -> Shape:
    """Return a round tube along a polyline, smooth, with flat ends; `radius` may change along it."""
    step = np.diff(np.concatenate([path, path[:1]]) if closed else path, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-12)
    along = (
        step + np.roll(step, 1, axis=0)
        if closed
        else np.concatenate([step[:1], step[:-1] + step[1:], step[-1:]])
    )
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along[0], [0.0, 0.0, 1.0] if abs(along[0, 2]) < 0.9 else [1.0, 0.0, 0.0])
    frames = []
    for direction in along:  # carried along without twist
        side = side - direction * float(side @ direction)
        side = side / np.linalg.norm(side)
        frames.append((side, np.cross(direction, side)))
    angle = np.linspace(0.0, 2.0 * math.pi, sides, endpoint=False)
    normal = np.stack([np.outer(np.cos(angle), u) + np.outer(np.sin(angle), v) for u, v in frames])
    size = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))
    point = path[:, None, :] + normal * size[:, None, None]
    if closed:
        point, normal = np.concatenate([point, point[:1]]), np.concatenate([normal, normal[:1]])
        return _turned_round(grid(point, normal, wrap=True))
    body = _turned_round(grid(point, normal, wrap=True))
    ends = [
        Shape(point[0], np.tile(-along[0], (sides, 1)), np.array([sides]), np.arange(sides)[::-1]),
        Shape(point[-1], np.tile(along[-1], (sides, 1)), np.array([sides]), np.arange(sides)),
    ]
    return merged(body, *ends)


def pipe(points: Sequence[Point], radius: float, bend: float | None = None, sides: int = 12) -> Shape:
    """Return a pipe along corners, with bends of 1.5 diameters unless told."""
    return sweep(rounded(points, 3.0 * radius if bend is None else bend), radius, sides)


def bars(segments: Sequence[tuple[Point, Point]], radius: float, sides: int = 5) -> Shape:
    """Return many straight round bars."""
    return merged(*[rod(a, b, radius, sides) for a, b in segments])


def rod(start: Point, stop: Point, radius: float, sides: int = 8) -> Shape:
    """Return a straight round bar."""
    return sweep(np.array([start, stop], np.float64), radius, sides)


def ring(radius: float, thickness: float, sides: int = 28, tube_sides: int = 8) -> Shape:
    """Return a torus in the xy plane."""
    angle = np.linspace(0.0, 2.0 * math.pi, sides, endpoint=False)
    path = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(sides)], axis=-1)
    return sweep(path, thickness, tube_sides, closed=True)


def beam(start: Point, stop: Point, outline: Sequence[tuple[float, float]]) -> Shape:
    """Return a profile extruded from one point to another, its y as much upwards as it can be."""
    a, b = np.array(start, np.float64), np.array(stop, np.float64)
    length = float(np.linalg.norm(b - a))
    z = (b - a) / length
    up = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 0.95 else np.array([0.0, 1.0, 0.0])
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    m = np.stack([x, np.cross(z, x), z], axis=-1)
    shape = extrude(outline, length)
    return Shape(shape.point @ m.T + a, shape.normal @ m.T, shape.count, shape.index)


def i_section(width: float, height: float, flange: float, web: float) -> list[tuple[float, float]]:
    """Return the outline of a rolled I section, height along y."""
    w, h, t, f = width / 2, height / 2, web / 2, height / 2 - flange
    return [
        (-w, -h),
        (w, -h),
        (w, -f),
        (t, -f),
        (t, f),
        (w, f),
        (w, h),
        (-w, h),
        (-w, f),
        (-t, f),
        (-t, -f),
        (-w, -f),
    ]


def rectangle(width: float, height: float) -> list[tuple[float, float]]:
    """Return the outline of a flat bar."""
    return [
        (-width / 2, -height / 2),
        (width / 2, -height / 2),
        (width / 2, height / 2),
        (-width / 2, height / 2),
    ]


def around(shape: Shape, n: int, radius: float, first: float = 0.0) -> Shape:
    """Return n copies on a circle about z."""
    return merged(*[shape.moved(x=radius).turned("z", first + 360.0 * k / n) for k in range(n)])


def corrugated(width: float, height: float, waves: int, depth: float) -> Shape:
    """Return a trapezoidal sheet in the xz plane, two-sided to look at, waves along x."""
    x0, pitch = -width / 2, width / waves
    line: list[tuple[float, float]] = []
    for k in range(waves):
        left = x0 + k * pitch
        line += [
            (left, 0.0),
            (left + 0.35 * pitch, 0.0),
            (left + 0.5 * pitch, depth),
            (left + 0.85 * pitch, depth),
        ]
    line.append((x0 + width, 0.0))
    parts = []
    for (xa, ya), (xb, yb) in itertools.pairwise(line):
        normal = np.array([yb - ya, -(xb - xa), 0.0])
        normal /= np.linalg.norm(normal)
        corner = np.array([[xa, ya, 0.0], [xb, yb, 0.0], [xb, yb, height], [xa, ya, height]])
        parts.append(Shape(corner, np.tile(normal, (4, 1)), np.array([4]), np.arange(4)))
    return merged(*parts)
