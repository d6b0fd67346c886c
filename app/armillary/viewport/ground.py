"""The ground grid: lines at a round spacing under the scene, with the two axes through the origin."""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from armillary.model.arrays import F8
from armillary.viewport.bridge import shared
from armillary.viewport.theme import Theme

_LINES = 24  # about as many cells across
_ROUND = (1.0, 2.0, 5.0, 10.0)


def spacing(width_m: float) -> float:
    """Return a round cell size in metres, 1, 2 or 5 times a power of ten, for a ground of that width."""
    rough = max(width_m, 1e-3) / _LINES
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(step for step in _ROUND if step * power >= rough * (1 - 1e-9)) * power)


class Ground:
    """Two actors: the grid and the world axes on it."""

    def __init__(self) -> None:
        self.grid, self.axes = vtkActor(), vtkActor()
        for actor in (self.grid, self.axes):
            mapper = vtkPolyDataMapper()
            mapper.SetInputData(vtkPolyData())
            actor.SetMapper(mapper)
            actor.GetProperty().LightingOff()
            actor.PickableOff()
        self.cell_m = 1.0
        self._shown = True

    def lay(self, box: F8, origin: F8) -> None:
        """Lay the grid under a world box (6,); NaN gives 20 m around the origin."""
        if not np.isfinite(box).all():
            box = np.array([-10.0, -10.0, 0.0, 10.0, 10.0, 0.0])
        reach = max(box[3] - box[0], box[4] - box[1], (box[5] - box[2]) / 2, 1e-3)
        self.cell_m = cell = spacing(reach * 1.6)
        low = np.floor((box[:2] - 0.3 * reach) / cell) * cell
        high = np.ceil((box[3:5] + 0.3 * reach) / cell) * cell
        x = low[0] + cell * np.arange(round((high[0] - low[0]) / cell) + 1)
        y = low[1] + cell * np.arange(round((high[1] - low[1]) / cell) + 1)
        # a little lower than what stands on it, so that floors at the same height stay clean
        z = float(box[2]) - 1e-3 * reach
        shift = np.array([origin[0], origin[1], origin[2]])
        lines = np.concatenate(
            [
                _lines(x, np.full_like(x, low[1]), x, np.full_like(x, high[1]), z),
                _lines(np.full_like(y, low[0]), y, np.full_like(y, high[0]), y, z),
            ]
        )
        _fill(self.grid, lines - shift)
        axes = []
        if low[0] <= 0 <= high[0]:
            axes.append(_lines(np.zeros(1), low[1:2], np.zeros(1), high[1:2], z))
        if low[1] <= 0 <= high[1]:
            axes.append(_lines(low[0:1], np.zeros(1), high[0:1], np.zeros(1), z))
        _fill(self.axes, np.concatenate(axes) - shift if axes else np.zeros((0, 3)))

    def paint(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        for actor, colour in ((self.grid, theme.grid), (self.axes, theme.grid_axis)):
            actor.GetProperty().SetColor(*(c / 255 for c in colour))

    def show(self, visible: bool) -> None:
        """Show or hide grid and axes."""
        self._shown = visible
        self.unhide()

    def hide(self) -> None:
        """Leave them out of the steps of a picture in which they are drawn already."""
        self.grid.VisibilityOff()
        self.axes.VisibilityOff()

    def unhide(self) -> None:
        """Draw them again where they are shown."""
        self.grid.SetVisibility(self._shown)
        self.axes.SetVisibility(self._shown)


def _lines(x0: F8, y0: F8, x1: F8, y1: F8, z: float) -> F8:
    """Return the ends of n lines, shape (2 n, 3)."""
    height = np.full_like(x0, z)
    return np.stack([np.stack([x0, y0, height], 1), np.stack([x1, y1, height], 1)], 1).reshape(-1, 3)


def _fill(actor: vtkActor, ends: F8) -> None:
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(shared(ends.astype(np.float32)))
    data.SetPoints(points)
    cells = vtkCellArray()
    cells.SetData(2, shared(np.arange(len(ends), dtype=np.int32)))
    data.SetLines(cells)
    mapper = actor.GetMapper()
    mapper.SetInputDataObject(data)
