"""What bends with the scene's own time: a table of places and normals for the shader, and for picking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.arrays import F4, F8, I8
from armillary.model.bending import Bending
from armillary.model.scene import SceneArrays
from armillary.viewport import shader
from armillary.viewport.boxes import Boxes
from armillary.viewport.merge import Mesh
from armillary.viewport.table import Table


class Bend:
    """The tables of a scene that bends. mesh: a copy whose points are where they are now, after `settle`."""

    def __init__(self, scene: SceneArrays, mesh: Mesh) -> None:
        self.bending = Bending.of(scene)
        self.mesh = replace(mesh, point=mesh.point.copy()) if len(mesh.slot) else mesh
        self._point: I8 = np.flatnonzero(mesh.slot)
        self._slot: I8 = mesh.slot[self._point].astype(np.int64) - 1
        self._place, self._is_settled = self.bending.place[:0], True
        self._at = self._start = float(scene.time_range[0])
        slots = self.bending.place.shape[1]
        self.table = Table(shader.BEND, 2 * slots, np.float32)
        self.size = slots + len(self.bending.instance)
        self._write()

    def take(self, at: float | None) -> bool:
        """Go to a stage time, None for the start, and tell whether anything differs."""
        at = self._start if at is None else at
        if at == self._at:
            return False
        self._at = at
        self._write()
        return True

    def _write(self) -> None:
        slots = self.bending.place.shape[1]
        if not slots:
            return
        place, normal = self.bending.shapes(self._at)
        self.table.array[0 : 2 * slots : 2, :3] = place
        self.table.array[1 : 2 * slots : 2, :3] = normal
        self.table.touch(0, 2 * slots)
        self._place, self._is_settled = place, False

    def settle(self) -> None:
        """Write the points of the mesh as they are now: for what asks the mesh, as the shader does not."""
        if not self._is_settled:
            self.mesh.point[self._point] = self._place[self._slot]
            self._is_settled = True

    def flown(self) -> F8:
        """Return the matrices (J, 4, 4) of the flying instances in their prims' spaces, now."""
        return self.bending.instances(self._at)

    def widen(self, boxes: Boxes) -> None:
        """Give boxes the room of all times: they are made once, not for each picture."""
        if not len(self._point):
            return
        ends: list[F4] = []
        for end in self.bending.reach:
            point = self.mesh.point.copy()
            point[self._point] = end[self._slot]
            ends.append(point)
        boxes.widen(*ends)
