"""Boxes of small pieces of the mesh, where they are now: what picking, fitting and labels ask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8, U4
from armillary.viewport.merge import Mesh

PIECE = 128  # triangles of one prim in a piece, at most
GROUP = 32  # pieces in a group
_SLOPE = 1e-12
_AT_ONCE = 65_536  # pieces placed at once: of a million, what is needed on the way would be many times more
_NOTHING = np.full(6, np.nan)


class Boxes:
    """Pieces of the mesh, sorted by prim, with their boxes in render space (world less the stage's origin).

    A true instance is one piece; its triangles are those of its shape. `matrix` is the stage's live table
    (rows, 3, 4); `moved` tells which rows changed, and the boxes are brought up to date when they are next
    asked for.
    """

    def __init__(self, mesh: Mesh, matrix: F4) -> None:
        self._matrix = matrix
        self.triangle = mesh.every if mesh.crowd is not None else mesh.triangle
        self.point = mesh.point
        self._drawn = mesh.triangle
        prim, row = mesh.prim, mesh.row
        corner = mesh.triangle[:, 0] if len(mesh.triangle) else np.zeros(0, np.int64)
        of_row = row[corner].astype(np.int32)
        self._starts = starts = _piece_starts(of_row)
        first = starts.astype(np.int32)
        last = np.append(starts[1:], len(of_row)).astype(np.int32)[: len(first)]
        piece_prim, piece_row = prim[corner[starts]].astype(np.int32), of_row[starts]
        self._locals: F4 = _piece_boxes(mesh.triangle, mesh.point, starts)  # (l, 6) prim-local
        which = np.arange(len(first), dtype=np.int32)
        crowd = mesh.crowd
        if crowd is not None:
            piece_prim = np.concatenate([piece_prim, crowd.prim])
            members = np.arange(len(crowd), dtype=np.int32)
            piece_row = np.concatenate([piece_row, np.int32(crowd.first_row) + members])
            which = np.concatenate([which, np.int32(len(which)) + crowd.shape])
            first = np.concatenate([first, crowd.first.astype(np.int32)[crowd.shape]])
            last = np.concatenate([last, crowd.last.astype(np.int32)[crowd.shape]])
            self._locals = np.concatenate([self._locals, crowd.box])
        order = np.argsort(piece_prim, kind="stable")
        self.prim: I4 = piece_prim[order]
        self.row: I4 = piece_row[order]
        self.first: I4 = first[order]
        self.last: I4 = last[order]
        self._which: I4 = which[order]
        self._box = np.empty((len(order), 6), np.float32)
        self._group_first = np.arange(0, len(order), GROUP)
        self._group = np.empty((len(self._group_first), 6), np.float32)
        self._radius: F4 | None = None
        self._by_lot: I4 | None = None
        self._dirty = np.zeros(len(matrix), np.bool_)
        self._any_dirty = False
        self._place(np.arange(len(order)))

    def local(self, pieces: I8) -> F4:
        """Return the boxes (n, 6) of pieces in the space of their matrices."""
        out: F4 = self._locals[self._which[pieces]]
        return out

    def is_instance(self, pieces: I8) -> B1:
        """Tell which pieces (n,) are true instances, whose triangles others show too."""
        out: B1 = self.first[pieces] >= len(self._drawn)
        return out

    def widen(self, low: F4, high: F4) -> None:
        """Let the boxes hold points that are anywhere between two places each, (V, 3) and (V, 3)."""
        n = len(self._starts)
        least, most = (_piece_boxes(self._drawn, points, self._starts) for points in (low, high))
        self._locals[:n, :3] = np.minimum(self._locals[:n, :3], least[:, :3])
        self._locals[:n, 3:] = np.maximum(self._locals[:n, 3:], most[:, 3:])
        self._place(np.arange(len(self.prim)))

    def moved(self, rows: U4 | I8) -> None:
        """Note that the matrices of some rows changed."""
        if len(rows):
            self._dirty[rows] = True
            self._any_dirty = True

    def _place(self, pieces: I8) -> None:
        """Transform the local boxes of some pieces (Arvo: centre by M, half extent by |M|)."""
        if len(self.prim) == 0:
            return
        for at in range(0, len(pieces), _AT_ONCE):
            some = pieces[at : at + _AT_ONCE]
            local, m = self.local(some), self._matrix[self.row[some]]
            centre, half = (local[:, 3:] + local[:, :3]) / 2, (local[:, 3:] - local[:, :3]) / 2
            middle = np.einsum("nij,nj->ni", m[:, :, :3], centre) + m[:, :, 3]
            reach = np.einsum("nij,nj->ni", np.abs(m[:, :, :3]), half)
            self._box[some, :3] = middle - reach
            self._box[some, 3:] = middle + reach
        self._radius = None
        self._group[:, :3] = np.minimum.reduceat(self._box[:, :3], self._group_first)
        self._group[:, 3:] = np.maximum.reduceat(self._box[:, 3:], self._group_first)

    def _refresh(self) -> None:
        if self._any_dirty:
            self._place(np.flatnonzero(self._dirty[self.row]))
            self._dirty[:] = False
            self._any_dirty = False

    def groups(self) -> tuple[F4, F4]:
        """Return the boxes (g, 6) of groups of GROUP pieces, and the largest radius of a piece in each."""
        self._refresh()
        if self._radius is None:
            half = self._box[:, 3:] - self._box[:, :3]
            radius = np.sqrt(np.einsum("ij,ij->i", half, half)) / 2
            self._radius = np.maximum.reduceat(radius, self._group_first) if len(radius) else radius
        return self._group, self._radius

    def by_lot(self, lots: Callable[[I4 | I8], F8]) -> I4:
        """Return the pieces of each group (g, GROUP), the lowest lot first; made once, past the end is n."""
        if self._by_lot is None:
            n, g = len(self.prim), len(self._group_first)
            piece = np.arange(g * GROUP, dtype=np.int32).reshape(g, GROUP)
            lot = lots(piece.reshape(-1)).reshape(g, GROUP)
            lot[piece >= n] = np.inf
            order = np.argsort(lot, axis=1)
            self._by_lot = np.take_along_axis(piece, order, axis=1)
        return self._by_lot

    def now(self) -> F4:
        """Return the boxes (n, 6) of all pieces as they are now; not to be written to."""
        self._refresh()
        return self._box

    def of(self, first: int, last: int) -> F8:
        """Return the box (6,) of all pieces of prims first … last - 1 as they are now; NaN when none."""
        self._refresh()
        a, b = np.searchsorted(self.prim, (first, last))
        if a == b:
            return _NOTHING.copy()
        box = self._box[a:b]
        return np.concatenate([box[:, :3].min(axis=0), box[:, 3:].max(axis=0)]).astype(np.float64)

    def of_each(self, first: I8, last: I8) -> F8:
        """Return the boxes (n, 6) of the pieces of prims first[i] … last[i] - 1; NaN where there are none."""
        self._refresh()
        out = np.full((len(first), 6), np.nan)
        a, b = np.searchsorted(self.prim, first), np.searchsorted(self.prim, last)
        out[b == a + 1] = self._box[a[b == a + 1]]  # most parts are one piece
        some = np.flatnonzero(b > a + 1)
        if len(some):
            cuts = np.stack([a[some], b[some]], axis=1).reshape(-1)
            box = np.concatenate([self._box, np.zeros((1, 6), np.float32)])  # an end may be past the last
            out[some, :3] = np.minimum.reduceat(box[:, :3], cuts)[::2]
            out[some, 3:] = np.maximum.reduceat(box[:, 3:], cuts)[::2]
        return out

    def all(self, shown: B1) -> F8:
        """Return the box (6,) of the pieces of all prims that `shown` (M,) has; NaN when none."""
        self._refresh()
        box = self._box[shown[self.prim]]
        if len(box) == 0:
            return _NOTHING.copy()
        return np.concatenate([box[:, :3].min(axis=0), box[:, 3:].max(axis=0)]).astype(np.float64)

    def along(self, origin: F8, direction: F8) -> tuple[I8, F8]:
        """Return the pieces whose boxes a ray meets and the distances where it enters, nearest first."""
        self._refresh()
        # a ray along an axis gets a slope too small to matter, so that nothing is divided by zero
        inverse = (1.0 / np.where(np.abs(direction) < _SLOPE, _SLOPE, direction)).astype(np.float32)
        start = origin.astype(np.float32)
        groups = np.flatnonzero(_enter(self._group, start, inverse) < np.inf)
        if len(groups) == 0:
            return np.zeros(0, np.int64), np.zeros(0)
        pieces = (groups[:, None] * GROUP + np.arange(GROUP)).reshape(-1)
        pieces = pieces[pieces < len(self.prim)]
        enter = _enter(self._box[pieces], start, inverse)
        met = enter < np.inf
        pieces, enter = pieces[met], enter[met]
        order = np.argsort(enter)
        return pieces[order], enter[order].astype(np.float64)


def _enter(box: F4, origin: F4, inverse: F4) -> F4:
    """Return where a ray enters each box, shape (n,); infinity where it misses or is past it."""
    a = (box[:, :3] - origin) * inverse
    b = (box[:, 3:] - origin) * inverse
    near = np.minimum(a, b).max(axis=1)
    far = np.maximum(a, b).min(axis=1)
    slack = 1e-5 * np.abs(far) + 1e-6  # a flat piece has near == far up to rounding
    out: F4 = np.where((far + slack >= near) & (far >= 0), np.maximum(near, 0), np.float32(np.inf))
    return out


def _piece_starts(of_row: I4) -> I8:
    """Return the first triangle of each piece: a new row, or PIECE triangles of the same."""
    t = len(of_row)
    if t == 0:
        return np.zeros(0, np.int64)
    run = np.flatnonzero(np.r_[True, of_row[1:] != of_row[:-1]])
    within = np.arange(t) - np.repeat(run, np.diff(np.append(run, t)))
    return np.flatnonzero(within % PIECE == 0)


def _piece_boxes(triangle: I4, points: F4, first: I8) -> F4:
    if len(first) == 0:
        return np.zeros((0, 6), np.float32)
    low = np.full((len(first), 3), np.inf, np.float32)
    high = np.full((len(first), 3), -np.inf, np.float32)
    for corner in range(3):
        at = points[triangle[:, corner]]
        np.minimum(low, np.minimum.reduceat(at, first), out=low)
        np.maximum(high, np.maximum.reduceat(at, first), out=high)
    return np.concatenate([low, high], axis=1)
