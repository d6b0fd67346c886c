"""What is drawn while the eye moves and the whole mesh takes too long: near pieces whole, the rest coarse.

A coarse piece is the tetrahedron on four corners of its box: seen along an axis it covers the same rectangle,
for four points and four triangles. Which pieces stay whole follows from a budget of triangles, and the budget
from how long pictures took.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8, U1
from armillary.viewport.boxes import GROUP, Boxes
from armillary.viewport.camera import CameraPose, basis
from armillary.viewport.cull import in_sight
from armillary.viewport.merge import NO_UV, Mesh

MOVING_MS = 50.0  # a picture while the eye moves takes no longer
_AIM_MS = 38.0  # what the budget aims at: a picture has more parts than its triangles
_LEAST, _MOST = 30_000, 4_000_000  # triangles; with fewer a scene is not to be recognised
_SLOWER, _FASTER = 0.5, 1.25  # the most that one picture changes the budget
_AGAIN = 0.75  # a choice is made anew when the budget is less than this share of it, or more than 1 / this
_TURNED_DEG, _WENT = 14.0, 0.2  # or when the eye turned by that, or went a fifth of its distance
_TURNED = float(np.cos(np.radians(_TURNED_DEG)))
_LARGE = 0.02  # radius by distance, about 25 pixels: a tetrahedron in its place would disturb
_SHARE_OF_LARGE = 0.6  # of the budget
_MOST_GROWN = 64.0
_MANY = 200_000  # pieces; of more, groups are judged first
_CANDIDATES = 3  # times as many as can stay
_HALVINGS = 40
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
    """What to draw: triangles of the whole mesh, and pieces as tetrahedra; with what it was chosen for."""

    near: I8  # (n,) rows of triangles, what looks largest first: it hides what is behind it
    copies: I8  # (c,) pieces that are true instances, whole
    far: I8  # (k,) pieces that are tetrahedra
    grown: F4  # (k,) how many times larger than the piece, so that those left out leave no holes
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


def coarse(mesh: Mesh, boxes: Boxes, pieces: I8, grown: F4, copies: I8 | None = None) -> Mesh:
    """Return a mesh with one tetrahedron for each of some pieces (n,), that many times larger (n,).

    copies: true instances (c,) that are in it whole, before them.
    """
    tetra = _tetra(mesh, boxes, pieces, grown)
    if copies is None or len(copies) == 0:
        return tetra
    whole = _copied(mesh, boxes, copies)
    return Mesh(
        point=np.concatenate([whole.point, tetra.point]),
        normal=np.concatenate([whole.normal, tetra.normal]),
        prim=np.concatenate([whole.prim, tetra.prim]),
        row=np.concatenate([whole.row, tetra.row]),
        rgba=np.concatenate([whole.rgba, tetra.rgba]),
        triangle=np.concatenate([whole.triangle, tetra.triangle + np.int32(len(whole.point))]),
        simplified=0,
        uv=np.concatenate([whole.uv, tetra.uv]),
    )


def _copied(mesh: Mesh, boxes: Boxes, pieces: I8) -> Mesh:
    """Return a mesh with the triangles of pieces (n,), each with points of its own."""
    count = (boxes.last[pieces] - boxes.first[pieces]).astype(np.int64)
    begin = np.repeat(boxes.first[pieces] - (np.cumsum(count) - count), count)
    corner = boxes.triangle[begin + np.arange(len(begin))].reshape(-1)
    return Mesh(
        point=mesh.point[corner],
        normal=mesh.normal[corner],
        prim=np.repeat(boxes.prim[pieces], 3 * count).astype(np.float32),
        row=np.repeat(boxes.row[pieces], 3 * count).astype(np.float32),
        rgba=mesh.rgba[corner] if len(mesh.rgba) else mesh.rgba,
        triangle=np.arange(len(corner), dtype=np.int32).reshape(-1, 3),
        simplified=0,
        uv=mesh.uv[corner] if len(mesh.uv) else NO_UV,
    )


def _tetra(mesh: Mesh, boxes: Boxes, pieces: I8, grown: F4) -> Mesh:
    local = boxes.local(pieces)
    centre, half = (local[:, :3] + local[:, 3:]) / 2, (local[:, 3:] - local[:, :3]) / 2
    n = len(local)
    reach = half * grown[:, None]
    point: F4 = (centre[:, None] + _SIGN * reach[:, None]).reshape(-1, 3).astype(np.float32)
    # thin across: a plate's normals stand on the plate
    least = np.maximum(half.max(axis=1, initial=0.0, keepdims=True) * 1e-3, np.float32(1e-12))
    normal = _SIGN / np.maximum(half, least)[:, None]
    normal = (normal / np.linalg.norm(normal, axis=2, keepdims=True)).reshape(-1, 3).astype(np.float32)
    first = boxes.triangle[boxes.first[pieces], 0] if n else np.zeros(0, np.int64)
    rgba: U1 = np.repeat(mesh.rgba[first], 4, axis=0) if len(mesh.rgba) else mesh.rgba
    triangle = (_FACES + 4 * np.arange(n, dtype=np.int32)[:, None, None]).reshape(-1, 3)
    return Mesh(
        point=point,
        normal=normal,
        prim=np.repeat(boxes.prim[pieces], 4).astype(np.float32),
        row=np.repeat(boxes.row[pieces], 4).astype(np.float32),
        rgba=rgba,
        triangle=triangle.astype(np.int32),
        simplified=0,
        uv=np.zeros((4 * n, 3), np.float32) if len(mesh.uv) else NO_UV,  # no image
    )


def choose(
    boxes: Boxes, pose: CameraPose, origin: F8, aspect: float, budget: int, marked: B1 | None = None
) -> Choice:
    """Return the triangles of a picture: pieces that look large are whole while the budget lasts.

    Where even the coarse pieces are too many, the largest are whole for a share of the budget, and the others
    are thinned out: small ones more than large ones, and evenly. Those that stay grow by as much as goes, so
    that what is far away still covers what it did. Pieces that are `marked` (n,) stay. What cannot come into
    sight while the choice serves is left out.
    """
    some = _candidates(boxes, pose, origin, aspect, max(budget // TETRA, 1), marked)
    box = boxes.now()[some]
    in_reach = in_sight(box, pose, origin, aspect, turned_deg=_TURNED_DEG, went=_may_go(pose))
    seen = some[in_reach]
    size = _looks(box[in_reach], pose, origin)
    large, budget_left = np.zeros(0, np.int64), budget
    grown = np.ones(len(seen), np.float32)
    if len(seen) * TETRA > budget:
        sure = np.flatnonzero(size > _LARGE)
        sure = sure[np.argsort(-size[sure], kind="stable")]
        cost = np.cumsum(boxes.last[seen[sure]] - boxes.first[seen[sure]])
        sure = sure[cost <= budget * _SHARE_OF_LARGE]
        large = seen[sure]
        budget_left = budget - int(cost[len(sure) - 1]) if len(sure) else budget
        seen, size, grown = np.delete(seen, sure), np.delete(size, sure), np.delete(grown, sure)
        most = max(budget_left // TETRA, 1)
        if most < len(seen):
            # the same ones each time: nothing sparkles
            lot = _lots(seen)
            rank = size.astype(np.float64) ** 2 / lot
            if marked is not None:
                rank[marked[seen]] = np.inf
            kept = np.argpartition(-rank, most)[:most]
            least = float(np.sqrt(rank[kept].min()))  # a piece of this size stays for certain
            seen, size = seen[kept], size[kept]
            grown = np.clip(least / np.maximum(size, 1e-12), 1.0, _MOST_GROWN).astype(np.float32)
            if marked is not None:
                grown[marked[seen]] = 1.0
    order = np.argsort(-size, kind="stable")
    seen, grown = seen[order], grown[order]
    more = np.maximum(boxes.last[seen] - boxes.first[seen] - TETRA, 0)
    whole = (np.cumsum(more) <= budget_left - TETRA * len(seen)) & (grown == 1)
    # a piece of no more triangles than a tetrahedron is always whole
    near = np.concatenate([large, seen[whole]])
    is_instance = boxes.is_instance(near)
    copies, near = near[is_instance], near[~is_instance]
    count = boxes.last[near] - boxes.first[near]
    begin = np.repeat(boxes.first[near] - (np.cumsum(count) - count), count)
    rows = begin + np.arange(len(begin))
    return Choice(rows, copies, seen[~whole], grown[~whole], pose, aspect, budget)


def _candidates(
    boxes: Boxes, pose: CameraPose, origin: F8, aspect: float, most: int, marked: B1 | None
) -> I8:
    """Return the pieces (n,) among which those are that `choose` can take, ascending.

    All, where they are not many. Where they are, whole groups are judged first: one that is out of sight
    gives none, one that looks small gives as many as could stay, by their lots.
    """
    n = len(boxes.prim)
    if n <= _MANY:
        return np.arange(n)
    group, radius = boxes.groups()
    seen = np.flatnonzero(in_sight(group, pose, origin, aspect, turned_deg=_TURNED_DEG, went=_may_go(pose)))
    most_looks = _nearest(group[seen], radius[seen], pose, origin)
    count = _dealt(most_looks.astype(np.float64) ** 2, _CANDIDATES * most)
    count[most_looks > _LARGE] = GROUP
    lot = boxes.by_lot(_lots)
    take = lot[seen][np.arange(GROUP) < count[:, None]]
    taken = np.zeros(n, np.bool_) if marked is None else marked.copy()
    taken[take[take < n]] = True
    return np.flatnonzero(taken)


def _dealt(weight: F8, most: int) -> I8:
    """Return how many of its GROUP pieces each group gives (g,), by weights (g,), about `most` in all."""
    low, high = 1e-30, max(float(weight.max(initial=0.0)), 1e-30) * GROUP * max(len(weight), 1)
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        if np.minimum(weight / middle, 1.0).sum() * GROUP > most:
            low = middle
        else:
            high = middle
    # a golden deal is even to within one piece
    return np.ceil(np.minimum(weight / high, 1.0) * GROUP + 0.5).astype(np.int64)


def _nearest(box: F4, radius: F4, pose: CameraPose, origin: F8) -> F4:
    """Return how large the largest piece of each group (g,) can look."""
    if pose.fov_deg <= 0:
        return radius
    eye = (np.asarray(pose.position) - origin).astype(np.float32)
    away = np.maximum(np.maximum(box[:, :3] - eye, eye - box[:, 3:]), np.float32(0))
    distance = np.sqrt(np.einsum("ij,ij->i", away, away))
    out: F4 = np.nan_to_num(radius / np.maximum(distance, np.float32(1e-9))).astype(np.float32)
    return out


def _lots(pieces: I4 | I8) -> F8:
    """Return the lots (n,) of pieces, in 0…1: the golden ratio deals them out evenly, and always the same."""
    out: F8 = np.asarray(((pieces + 1) * _GOLDEN) % 1.0, np.float64)
    return out


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
