"""Which prim is under a pixel, by a ray against the pieces of the mesh where they are now.

A ray needs no second drawing and no reading back, and agrees with the picture to the pixel's centre.
"""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.viewport.boxes import Boxes
from armillary.viewport.camera import CameraPose, ray
from armillary.viewport.section import kept
from armillary.viewport.stage import Stage

_BATCH = 12  # pieces tried at once, nearest first
_PARALLEL = 1e-20
_EDGE = 1e-7  # a ray through the edge of two triangles meets one of them


def pick(stage: Stage, pose: CameraPose, x: float, y: float, size: tuple[int, int]) -> int:
    """Return the prim drawn at pixel (x, y), counted from the top left, or -1."""
    return hit(stage, pose, x, y, size)[0]


def hit(stage: Stage, pose: CameraPose, x: float, y: float, size: tuple[int, int]) -> tuple[int, F8]:
    """Return the prim at a pixel, or -1, and the world point (3,) of its surface there (NaN for none)."""
    nothing = -1, np.full(3, np.nan)
    if stage.weight == 0:
        return nothing
    origin, direction = ray(pose, x, y, size)
    origin = origin - stage.origin
    boxes = stage.boxes
    pieces, enter = boxes.along(origin, direction)
    seen = stage.shown(boxes.prim[pieces])
    pieces, enter = pieces[seen], enter[seen]
    best, found = np.inf, -1
    for start in range(0, len(pieces), _BATCH):
        if enter[start] > best:
            break
        piece, at = _nearest(boxes, stage, pieces[start : start + _BATCH], origin, direction)
        if at < best:
            best, found = at, int(boxes.prim[piece])
    return (found, origin + best * direction + stage.origin) if found >= 0 else nothing


def _nearest(boxes: Boxes, stage: Stage, pieces: I8, origin: F8, direction: F8) -> tuple[int, float]:
    """Return the piece whose triangle the ray meets first and the distance; infinity for none."""
    matrix = stage.matrix[boxes.row[pieces]].astype(np.float64)
    count = boxes.last[pieces] - boxes.first[pieces]
    which = np.repeat(np.arange(len(pieces)), count)
    triangle = np.arange(len(which)) + np.repeat(boxes.first[pieces] - np.cumsum(count) + count, count)
    corner = boxes.point[boxes.triangle[triangle]].astype(np.float64)  # (n, 3 corners, 3)
    m = matrix[which]
    corner = np.matmul(corner, m[:, :, :3].transpose(0, 2, 1)) + m[:, None, :, 3]
    # Möller and Trumbore: solve origin + t d = a + u (b - a) + v (c - a)
    a = corner[:, 0]
    ab, ac = corner[:, 1] - a, corner[:, 2] - a
    p = _cross(direction, ac)
    det = np.einsum("ij,ij->i", ab, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        from_a = origin - a
        u = np.einsum("ij,ij->i", from_a, p) / det
        q = _cross(from_a, ab)
        v = (q @ direction) / det
        t = np.einsum("ij,ij->i", ac, q) / det
        met = (np.abs(det) > _PARALLEL) & (u >= -_EDGE) & (v >= -_EDGE) & (u + v <= 1 + _EDGE) & (t > 0)
        if stage.cut is not None:  # what is cut away is not there
            met &= kept(stage.cut, origin + stage.origin + t[:, None] * direction)
    if not met.any():
        return -1, np.inf
    t = np.where(met, t, np.inf)
    first = int(t.argmin())
    return int(pieces[which[first]]), float(t[first])


def _cross(a: F8, b: F8) -> F8:
    """Return a × b row by row; np.cross spends longer on its checks than on the numbers."""
    a, b = np.broadcast_arrays(a, b)
    return np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )
