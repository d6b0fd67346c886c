"""What is drawn while the eye moves and the whole mesh takes too long: near pieces whole, the rest coarse.

A coarse piece is the tetrahedron on four corners of its box: seen along an axis it covers the same rectangle,
for four points and four triangles. Which pieces stay whole follows from a budget of triangles, and the budget
from how long pictures took.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F4, F8, I8, U1
from armillary.viewport.boxes import Boxes
from armillary.viewport.camera import CameraPose, basis
from armillary.viewport.cull import in_sight
from armillary.viewport.merge import NO_UV, Mesh

MOVING_MS = 50.0  # a picture while the eye moves takes no longer
_AIM_MS = 38.0  # what the budget aims at: a picture has more parts than its triangles
_LEAST, _MOST = 60_000, 4_000_000  # triangles; with fewer a scene is not to be recognised
_SLOWER, _FASTER = 0.5, 1.25  # the most that one picture changes the budget
_AGAIN = 0.75  # a choice is made anew when the budget is less than this share of it, or more than 1 / this
_TURNED_DEG, _WENT = 14.0, 0.2  # or when the eye turned by that, or went a fifth of its distance
_TURNED = float(np.cos(np.radians(_TURNED_DEG)))
_GOLDEN = 0.6180339887498949
_SIGN = np.array([[-1, -1, -1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]], np.float32)
_FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)
TETRA = len(_FACES)


class Pace:
    """How long pictures take, and how many triangles one may have. Milliseconds in, triangles out."""

    def __init__(self, triangles: int) -> None:
        self._triangles = triangles
        self.full_ms = 0.0  # of the whole mesh; 0: not known yet
        self.budget = _MOST

    @property
    def is_slow(self) -> bool:
        """Whether the whole mesh takes too long while something moves."""
        return self.full_ms > MOVING_MS

    def whole(self, ms: float) -> None:
        """Note what a picture of the whole mesh took."""
        if not self.is_slow and ms > MOVING_MS:
            self.budget = _bounded(self._triangles * _AIM_MS / ms)
        self.full_ms = ms

    def coarse(self, ms: float) -> None:
        """Note what a picture within the budget took."""
        self.budget = _bounded(self.budget * min(max(_AIM_MS / max(ms, 1e-3), _SLOWER), _FASTER))


@dataclass(frozen=True, slots=True)
class Choice:
    """Triangles to draw: of the whole mesh and of the coarse one; with what they were chosen for."""

    near: I8  # (n,) rows of triangles, ascending
    far: I8  # (k,)
    pose: CameraPose
    aspect: float
    budget: int

    def serves(self, pose: CameraPose, aspect: float, budget: int) -> bool:
        """Tell whether another choice would hardly differ, and nothing that it left out came into sight."""
        if not _AGAIN <= budget / self.budget <= 1 / _AGAIN or aspect != self.aspect:
            return False
        if pose.fov_deg != self.pose.fov_deg:
            return False
        if pose.fov_deg <= 0 and not _AGAIN <= pose.ortho_height / self.pose.ortho_height <= 1 / _AGAIN:
            return False
        was, now = basis(self.pose), basis(pose)
        went = np.linalg.norm(np.subtract(pose.position, self.pose.position))
        return min(float(was[k] @ now[k]) for k in (1, 2)) > _TURNED and float(went) < _may_go(self.pose)


def coarse(mesh: Mesh, boxes: Boxes) -> Mesh:
    """Return a mesh with one tetrahedron for each piece of `boxes`, in that order."""
    local = boxes.local
    centre, half = (local[:, :3] + local[:, 3:]) / 2, (local[:, 3:] - local[:, :3]) / 2
    n = len(local)
    point: F4 = (centre[:, None] + _SIGN * half[:, None]).reshape(-1, 3).astype(np.float32)
    # thin across: a plate's normals stand on the plate
    least = np.maximum(half.max(axis=1, initial=0.0, keepdims=True) * 1e-3, np.float32(1e-12))
    normal = _SIGN / np.maximum(half, least)[:, None]
    normal = (normal / np.linalg.norm(normal, axis=2, keepdims=True)).reshape(-1, 3).astype(np.float32)
    first = boxes.triangle[boxes.first, 0] if n else np.zeros(0, np.int64)
    rgba: U1 = np.repeat(mesh.rgba[first], 4, axis=0) if len(mesh.rgba) else mesh.rgba
    triangle = (_FACES + 4 * np.arange(n, dtype=np.int32)[:, None, None]).reshape(-1, 3)
    return Mesh(
        point=point,
        normal=normal,
        prim=np.repeat(boxes.prim, 4).astype(np.float32),
        row=np.repeat(boxes.row, 4).astype(np.float32),
        rgba=rgba,
        triangle=triangle.astype(np.int32),
        simplified=0,
        uv=np.zeros((4 * n, 3), np.float32) if len(mesh.uv) else NO_UV,  # no image
    )


def choose(boxes: Boxes, pose: CameraPose, origin: F8, aspect: float, budget: int) -> Choice:
    """Return the triangles of a picture: pieces that look large are whole while the budget lasts.

    Where even the coarse pieces are too many, they are thinned out: small ones more than large ones, and
    evenly, so that what is far away is still there as a whole. What cannot come into sight while the choice
    serves is left out.
    """
    box = boxes.now()
    sight_of = in_sight(box, pose, origin, aspect, turned_deg=_TURNED_DEG, went=_may_go(pose))
    seen = np.flatnonzero(sight_of)
    size = _looks(box[seen], pose, origin)
    most = max(budget // TETRA, 1)
    if most < len(seen):
        # the golden ratio deals pieces out evenly, and the same ones each time: nothing sparkles
        lot = ((seen + 1) * _GOLDEN) % 1.0
        kept = np.argpartition(-(size.astype(np.float64) ** 2) / lot, most)[:most]
        seen, size = seen[kept], size[kept]
    order = seen[np.argsort(-size, kind="stable")]
    more = np.maximum(boxes.last[order] - boxes.first[order] - TETRA, 0)
    whole = np.cumsum(more) <= budget - TETRA * len(order)
    # a piece of no more triangles than a tetrahedron is always whole
    near, far = order[whole], np.sort(order[~whole])
    near = near[np.argsort(boxes.first[near])]
    count = boxes.last[near] - boxes.first[near]
    begin = np.repeat(boxes.first[near] - (np.cumsum(count) - count), count)
    tetra = (TETRA * far[:, None] + np.arange(TETRA)).reshape(-1)
    return Choice(begin + np.arange(len(begin)), tetra, pose, aspect, budget)


def _looks(box: F4, pose: CameraPose, origin: F8) -> F4:
    """Return how large boxes (n, 6) look (n,)."""
    at = (box[:, :3] + box[:, 3:]) / 2
    half = (box[:, 3:] - box[:, :3]) / 2
    radius = np.sqrt(np.einsum("ij,ij->i", half, half))
    if pose.fov_deg <= 0:
        size: F4 = np.nan_to_num(radius).astype(np.float32)
        return size
    away = at - (np.asarray(pose.position) - origin).astype(np.float32)
    distance = np.sqrt(np.einsum("ij,ij->i", away, away))
    out: F4 = np.nan_to_num(radius / np.maximum(distance, np.float32(1e-9)))
    return out


def _may_go(pose: CameraPose) -> float:
    """Return the metres that an eye may go until a choice is made anew."""
    return _WENT * float(np.linalg.norm(np.subtract(pose.focus, pose.position)))


def sight(pose: CameraPose) -> F8:
    """Return the unit vector (3,) along which an eye looks."""
    way = np.subtract(pose.focus, pose.position).astype(np.float64)
    out: F8 = way / max(float(np.linalg.norm(way)), 1e-30)
    return out


def _bounded(triangles: float) -> int:
    return int(min(max(triangles, _LEAST), _MOST))
