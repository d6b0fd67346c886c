"""A mesh cut into blocks of bounded size: what is sent, drawn or left out at once.

No step on the way to a picture may hold a thread for long. A block has some ten thousand triangles and, where
the mesh is in order (prim after prim, as it comes from the reader), points of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

from armillary.model.arrays import B1, F4, I4, I8
from armillary.viewport import shader
from armillary.viewport.boxes import Boxes
from armillary.viewport.bridge import shared
from armillary.viewport.merge import Mesh

BLOCK = 32_768  # triangles; a software renderer draws them in about 10 ms
_FULL = 255
_MOST_SHARED = 1.5  # points of all blocks together, over those of the mesh


@dataclass(frozen=True, slots=True)
class Blocks:
    """A mesh in n blocks; block i has triangles first[i] … last[i] - 1 and points low[i] … high[i] - 1.

    data: the same as VTK data. least, most: the first and last prim of each block.
    """

    mesh: Mesh
    first: I8
    last: I8
    low: I8
    high: I8
    least: I8
    most: I8
    data: tuple[vtkPolyData, ...]

    def __len__(self) -> int:
        return len(self.data)

    def with_any(self, prims: B1) -> B1:
        """Tell which blocks may have triangles of one of the prims (M,): shape (n,)."""
        before = np.concatenate([[0], np.cumsum(prims)])
        out: B1 = before[self.most + 1] > before[self.least]
        return out

    def cells(self, rows: I8) -> list[I4]:
        """Return the triangles (k, 3) of each block, in its own points, from rows of all, in that order."""
        block = np.searchsorted(self.first, rows, side="right")
        order = np.argsort(block, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=len(self) + 1)[1:])])
        sorted_rows = rows[order]
        return [
            self.mesh.triangle[sorted_rows[a:b]] - np.int32(low)
            for a, b, low in zip(bounds[:-1], bounds[1:], self.low, strict=True)
        ]

    def parts(self, of: Boxes) -> tuple[I8, I8, I8]:
        """Return what `boxes` needs to know of the mesh's pieces: their order by block, where each starts.

        A piece that lies across a border is there twice, once for each side. True instances are in no block.
        """
        pieces = np.flatnonzero(of.first < len(self.mesh.triangle))
        ends = np.concatenate([of.first[pieces], of.last[pieces] - 1])
        block = np.searchsorted(self.first, ends, side="right") - 1
        order = np.argsort(block, kind="stable")
        there, start = np.unique(block[order], return_index=True)
        return np.tile(pieces, 2)[order], there, start

    def boxes(self, now: F4, parts: tuple[I8, I8, I8]) -> F4:
        """Return the boxes (n, 6) of the blocks from those of the pieces (p, 6) as they are now."""
        order, there, start = parts
        out = np.empty((len(self), 6), np.float32)
        out[:, :3], out[:, 3:] = np.inf, -np.inf
        if len(order):
            out[there, :3] = np.minimum.reduceat(now[order, :3], start)
            out[there, 3:] = np.maximum.reduceat(now[order, 3:], start)
        return out


def blocks(mesh: Mesh, *, point_colours: bool, textured: bool, size: int = BLOCK) -> Blocks:
    """Return a mesh in blocks of at most `size` triangles."""
    t, points = len(mesh.triangle), len(mesh.point)
    first = np.arange(0, t, size)
    last = np.minimum(first + size, t)
    if t == 0:
        none = np.zeros(0, np.int64)
        return Blocks(mesh, none, none, none, none, none, none, ())
    low = np.minimum.reduceat(mesh.triangle.min(axis=1), first).astype(np.int64)
    high = np.maximum.reduceat(mesh.triangle.max(axis=1), first).astype(np.int64) + 1
    corner = mesh.prim[mesh.triangle[:, 0]].astype(np.int64)
    least, most = np.minimum.reduceat(corner, first), np.maximum.reduceat(corner, first)
    if int((high - low).sum()) > _MOST_SHARED * points:
        # triangles in no order: all blocks have the same points, sent once
        low, high = np.zeros_like(low), np.full_like(high, points)
        whole = _points(mesh, 0, points, point_colours, textured)
        data = []
        for a, b in zip(first, last, strict=True):
            one = vtkPolyData()
            one.ShallowCopy(whole)
            one.SetPolys(cells(mesh.triangle[a:b]))
            data.append(one)
    else:
        data = []
        for a, b, c, d in zip(first, last, low, high, strict=True):
            one = _points(mesh, int(c), int(d), point_colours, textured)
            one.SetPolys(cells(mesh.triangle[a:b] - np.int32(c)))
            data.append(one)
    return Blocks(mesh, first, last, low, high, least, most, tuple(data))


def whole(mesh: Mesh, *, point_colours: bool, textured: bool) -> vtkPolyData:
    """Return all points of a mesh as VTK data, without triangles."""
    return _points(mesh, 0, len(mesh.point), point_colours, textured)


def cells(triangle: I4) -> vtkCellArray:
    """Return triangles as VTK cells."""
    out = vtkCellArray()
    out.SetData(3, shared(triangle.reshape(-1)))
    return out


def _points(mesh: Mesh, low: int, high: int, point_colours: bool, textured: bool) -> vtkPolyData:
    """Return points low … high - 1 of a mesh as VTK data that shares its memory."""
    data, part = vtkPolyData(), slice(low, high)
    points = vtkPoints()
    points.SetData(shared(mesh.point[part]))
    data.SetPoints(points)
    columns = [
        (shader.NORMAL, mesh.normal[part]),
        (shader.PRIM, mesh.prim[part]),
        (shader.ROW, mesh.row[part]),
    ]
    if point_colours:
        columns.append((shader.POINT_RGBA, mesh.rgba[part].astype(np.float32) / np.float32(_FULL)))
    if textured:
        columns.append((shader.UV, mesh.uv[part]))
    if len(mesh.slot):
        columns.append((shader.SLOT, mesh.slot[part]))
    for name, column in columns:
        data.GetPointData().AddArray(shared(column, name))
    return data
