"""Where prims and instances are: the live matrices as a table that a shader reads, and boxes from them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np

from armillary.model.arrays import F4, F8, I8, U4
from armillary.model.look import Look
from armillary.model.scene import SceneArrays
from armillary.viewport import shader
from armillary.viewport.boxes import Boxes
from armillary.viewport.merge import Mesh
from armillary.viewport.table import Table

_AT_ONCE = 65_536  # matrices worked out at once
PART = 32_768  # instances in a table of a crowd
_FAR_M = 10_000.0  # beyond this from the origin, float32 positions would tremble on the screen


class Places:
    """Live matrices, to render space (world less `origin`).

    origin: world point (3,) that render space has its zero at. rest_box: the world box (6,) of the scene at
    rest. matrix: (rows, 3, 4) rows as in `Mesh`; table: of those before the crowd's; crowd_tables: of the
    crowd, PART to a table. version: another number after each change of a place.
    """

    def __init__(self, scene: SceneArrays, mesh: Mesh, widen: Callable[[Boxes], None] | None = None) -> None:
        """widen: gives new boxes the room that the mesh needs at other times."""
        self._scene, self._mesh, self._widen = scene, mesh, widen
        self.rest_box = union(scene.box[scene.parent < 0])
        centre = (self.rest_box[:3] + self.rest_box[3:]) / 2
        far = bool(np.isfinite(centre).all() and np.abs(centre).max() > _FAR_M)
        self.origin: F8 = np.round(centre) if far else np.zeros(3)
        rows = len(scene) + len(scene.instance_prim) + (mesh.crowd.spare if mesh.crowd is not None else 0)
        self.matrix: F4 = np.zeros((max(rows, 1), 3, 4), np.float32)
        # one table of a million places would hold the thread that makes it for too long
        alone = rows if mesh.crowd is None else mesh.crowd.first_row
        self.table = self._part(0, alone)
        self.crowd_tables = tuple(self._part(at, min(at + PART, rows)) for at in range(alone, rows, PART))
        self._crowd_row = alone
        self._spare = np.zeros(0, np.int64)  # rows of the crowd that have a copy each before it
        self._spare_version = -1
        self.version = 0
        self._boxes: Boxes | None = None
        self._making = Lock()
        self._instance_rest: F4 | None = None
        self.tell_moved: Callable[[I8], None] | None = None  # of rows, ascending
        m = len(scene)
        self.put(np.arange(m), scene.matrix)
        count = len(scene.instance_prim)
        for at in range(0, count, _AT_ONCE):
            some = np.arange(at, min(at + _AT_ONCE, count))
            self.put(mesh.rows(m, some), scene.instance_matrix[some])

    def _part(self, first: int, last: int) -> Table:
        table = Table(shader.MATRIX, 1, np.float32)
        table.fill(self.matrix[first:last].reshape(-1, 4))
        return table

    def put(self, rows: I8 | U4, matrix: F8) -> None:
        """Write world matrices (n, 4, 4) into rows of the tables."""
        if len(rows) == 0:
            return
        self.matrix[rows] = matrix[:, :3, :]
        if self.origin.any():
            self.matrix[rows, :, 3] = matrix[:, :3, 3] - self.origin
        first, last = int(rows.min()), int(rows.max()) + 1
        if first < self._crowd_row:
            self.table.touch(3 * first, 3 * min(last, self._crowd_row))
        for k, table in enumerate(self.crowd_tables):
            at = self._crowd_row + k * PART
            if first < at + PART and last > at:
                table.touch(3 * max(first - at, 0), 3 * min(last - at, PART, len(self.matrix) - at))
        self.version += 1

    def lend(self, rows: I8 | None = None) -> int:
        """Copy the matrices of some rows of the crowd (n,) to where all passes find them.

        None: those of the last time, as they are now. Returns the row of the first; n is at most the crowd's
        `spare`.
        """
        if rows is not None:
            self._spare, self._spare_version = rows, -1
        crowd = self._mesh.crowd
        first = self._crowd_row - (0 if crowd is None else crowd.spare)
        if self._spare_version != self.version and len(self._spare):
            last = first + len(self._spare)
            self.matrix[first:last] = self.matrix[self._spare]
            self.table.touch(3 * first, 3 * last)
        self._spare_version = self.version
        return first

    def move(self, prims: U4, matrix: F8) -> None:
        """Place prims (ascending) by world matrices (n, 4, 4), with the instances that have their looks."""
        if len(prims) == 0:
            return
        self.put(prims, matrix)
        rows: I8 = prims.astype(np.int64)
        scene = self._scene
        if len(scene.instance_prim):
            slot = np.full(len(scene), -1, np.int64)
            slot[prims] = np.arange(len(prims))
            instances = np.flatnonzero(slot[scene.instance_prim] >= 0)
            if len(instances):
                new = matrix[slot[scene.instance_prim[instances]]] @ _square(self._relative()[instances])
                at = self._mesh.rows(len(scene), instances)
                self.put(at, new)
                rows = np.concatenate([rows, np.sort(at)])
        self._tell(rows)

    def fly(self, instances: I8, relative: F8) -> None:
        """Place instances (ascending) by matrices (n, 4, 4) relative to the prims whose looks they have."""
        m = len(self._scene)
        self._relative()[instances] = relative[:, :3]
        of = self._scene.instance_prim[instances].astype(np.int64)
        over = np.zeros((len(of), 4, 4))
        over[:, :3], over[:, 3, 3] = self.matrix[of], 1.0
        over[:, :3, 3] += self.origin
        rows = self._mesh.rows(m, instances)
        self.put(rows, over @ relative)
        self._tell(np.sort(rows))

    def _tell(self, rows: I8) -> None:
        boxes = self._boxes
        if boxes is not None:
            boxes.moved(rows)
        if self.tell_moved is not None:
            self.tell_moved(rows)

    def _relative(self) -> F4:
        """Return the matrices (I, 3, 4) of instances relative to the prims whose looks they have."""
        if self._instance_rest is None:
            scene = self._scene
            out = np.empty((len(scene.instance_prim), 3, 4), np.float32)
            for at in range(0, len(out), _AT_ONCE):
                some = slice(at, at + _AT_ONCE)
                of = scene.matrix[scene.instance_prim[some]]
                # a prim that is scaled to nothing has no inverse: its instances stay where they are
                flat = np.abs(np.linalg.det(of[:, :3, :3])) < np.finfo(np.float64).tiny
                of[flat] = np.eye(4)
                out[some] = (np.linalg.inv(of) @ scene.instance_matrix[some])[:, :3]
            self._instance_rest = out
        return self._instance_rest

    @property
    def boxes(self) -> Boxes:
        """Where the pieces of the mesh are; made when first asked for."""
        with self._making:  # a thread may be at it
            if self._boxes is None:
                before = self.version
                made = Boxes(self._mesh, self.matrix)
                if self._widen is not None:
                    self._widen(made)
                self._boxes = made
                if self.version != before:  # something moved meanwhile, and nobody told the boxes
                    made.moved(np.arange(len(self.matrix)))
            return self._boxes

    @property
    def has_boxes(self) -> bool:
        """Whether `boxes` need not be made first."""
        return self._boxes is not None

    def bounds(self, look: Look) -> F8:
        """Return the world box (6,) of all that can be drawn with a look; NaN for an empty scene."""
        if len(look.moved) == 0:
            return self.rest_box
        local = self._scene.local_box[look.moved].astype(np.float64)
        m = look.matrix
        centre, half = (local[:, 3:] + local[:, :3]) / 2, (local[:, 3:] - local[:, :3]) / 2
        at = np.einsum("nij,nj->ni", m[:, :3, :3], centre) + m[:, :3, 3]
        reach = np.einsum("nij,nj->ni", np.abs(m[:, :3, :3]), half)
        moved = np.concatenate([at - reach, at + reach], axis=1)
        return union(np.vstack([self.rest_box, moved]))


def _square(matrix: F4) -> F8:
    """Return matrices (n, 4, 4) of (n, 3, 4)."""
    out = np.zeros((len(matrix), 4, 4))
    out[:, :3], out[:, 3, 3] = matrix, 1.0
    return out


def union(boxes: F8) -> F8:
    """Return the box around boxes (n, 6), leaving out NaN ones; NaN when none is left."""
    finite = boxes[np.isfinite(boxes).all(axis=1)]
    if len(finite) == 0:
        return np.full(6, np.nan)
    return np.concatenate([finite[:, :3].min(axis=0), finite[:, 3:].max(axis=0)])
