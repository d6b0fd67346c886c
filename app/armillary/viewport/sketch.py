"""A first picture of a scene that is still being read: boxes of its parts, coloured as they are known.

No looks, no picking, no outlines: it is replaced by the stage as soon as that is there.
"""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from armillary.model.arrays import F4, F8, I8, U1
from armillary.viewport.bridge import shared

MOST = 6_000  # boxes drawn: with more a picture takes a processor that draws longer than 50 ms
_FAR_M = 10_000.0
_GOLDEN = 0.6180339887498949
# low and high of each corner's x, y, z among the six columns of a box
_CORNERS = np.array([[0, 1, 2], [3, 1, 2], [3, 4, 2], [0, 4, 2], [0, 1, 5], [3, 1, 5], [3, 4, 5], [0, 4, 5]])
_FACES = np.array(
    [
        *([0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4]),
        *([1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7]),
    ]
)


class Sketch:
    """Boxes as one actor. Used on one thread, that of its window."""

    def __init__(self, box: F4, rgba: U1) -> None:
        """Take boxes (n, 6) in world metres and their colours (n, 4); too many are thinned out."""
        self.rest_box: F8 = _union(box)
        centre = (self.rest_box[:3] + self.rest_box[3:]) / 2
        far = bool(np.isfinite(centre).all() and np.abs(centre).max() > _FAR_M)
        self.origin: F8 = np.round(centre) if far else np.zeros(3)
        kept = drawn(box, MOST)
        corners = box[kept].astype(np.float64) - np.tile(self.origin, 2)
        self._points = corners[:, _CORNERS.ravel()].reshape(-1, 3).astype(np.float32)
        base = 8 * np.arange(len(kept))[:, None, None]
        self._triangles = (_FACES + base).reshape(-1, 3).astype(np.int32)
        self._colours = np.repeat(rgba[kept], 8, axis=0)
        data = vtkPolyData()
        points = vtkPoints()
        points.SetData(shared(self._points, "points"))
        data.SetPoints(points)
        cells = vtkCellArray()
        cells.SetData(3, shared(self._triangles.reshape(-1)))
        data.SetPolys(cells)
        data.GetPointData().SetScalars(shared(self._colours, "colours"))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.ForceOpaqueOn()  # a see-through part is a box as any for now
        self.actor.GetProperty().BackfaceCullingOn()
        self.actor.GetProperty().SetAmbient(0.25)
        self.actor.GetProperty().SetDiffuse(0.75)

    def bounds(self) -> F8:
        """Return the world box (6,) of all parts known so far."""
        return self.rest_box


def drawn(box: F4, most: int) -> I8:
    """Return which boxes are drawn, ascending: the large ones, and of small ones some, evenly."""
    if len(box) <= most:
        return np.arange(len(box))
    size = np.linalg.norm(box[:, 3:].astype(np.float64) - box[:, :3], axis=1)
    # the golden ratio deals them out evenly, and the same ones each time
    lot = (np.arange(1, len(box) + 1) * _GOLDEN) % 1.0
    return np.sort(np.argpartition(-(size**2) / lot, most)[:most])


def _union(box: F4) -> F8:
    if not len(box):
        return np.full(6, np.nan)
    return np.concatenate([box[:, :3].min(axis=0), box[:, 3:].max(axis=0)]).astype(np.float64)
