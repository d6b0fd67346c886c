"""The order of the translucent pass: only its own triangles, the farthest first, as blending needs them."""

from __future__ import annotations

from concurrent.futures import Future, wait
from functools import partial
from threading import Thread

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8
from armillary.viewport.merge import Mesh

MOST_MOVING = 50_000  # triangles that are sorted again for every picture; more are, once the eye rests


class Blend:
    """Which triangles are translucent, and in what order they are drawn.

    matrix: the stage's live table (rows, 3, 4), to render space.
    """

    def __init__(self, mesh: Mesh, matrix: F4) -> None:
        self._mesh, self._matrix = mesh, matrix
        self._clear: B1 = np.zeros(0, np.bool_)
        self._triangle: I4 = mesh.triangle[:0]
        self._row: I8 = np.zeros(0, np.int64)
        self._sight: F8 = np.zeros(3)
        self._is_sorted = True

    def moved(self) -> None:
        """Note that matrices changed: the order may have."""
        self._is_sorted = False

    def take(self, clear: B1) -> bool:
        """Take the prims (M,) that have translucent triangles; return whether they are others than before."""
        if np.array_equal(clear, self._clear):
            return False
        self._clear = clear.copy()
        mesh = self._mesh
        of = mesh.prim[mesh.triangle[:, 0]].astype(np.int64)
        self._triangle = mesh.triangle[clear[of]]
        self._row = mesh.row[self._triangle[:, 0]].astype(np.int64)
        self._is_sorted = False
        return True

    def ordered(self, sight: F8, rest: bool) -> I4 | None:
        """Return the triangles (t, 3), the farthest along `sight` first; None when nothing need change.

        rest: nothing moves, so that many triangles may take their time too.
        """
        sorting = self.sorting(sight, rest)
        return None if sorting is None else self.sorted(sorting)

    def sorting(self, sight: F8, rest: bool) -> Sorting | None:
        """Return the work of `ordered`, which may be done in a thread; None when there is none."""
        if self._is_sorted and np.array_equal(sight, self._sight):
            return None
        if len(self._triangle) > MOST_MOVING and not rest:
            self._is_sorted = False
            return None
        self._is_sorted = True  # unless something moves meanwhile
        return Sorting(self._triangle, self._mesh.point, self._row, self._matrix, sight)

    def sorted(self, sorting: Sorting) -> I4 | None:
        """Take what was sorted and return it; None when other triangles are translucent by now."""
        if sorting.triangle is not self._triangle:
            return None
        self._sight = sorting.sight
        return sorting.result()

    def give_up(self) -> None:
        """Note that work was begun and not taken."""
        self._is_sorted = False

    @property
    def triangle(self) -> I4:
        """The translucent triangles (t, 3), in no order."""
        return self._triangle


class Sorting:
    """Triangles on their way into an order; `begin` lets a thread do it, `result` does it or waits."""

    def __init__(self, triangle: I4, point: F4, row: I8, matrix: F4, sight: F8) -> None:
        self.triangle, self.sight = triangle, sight
        self._work = partial(by_depth, triangle, point, row, matrix, sight)
        self._done: Future[I4] | None = None

    @property
    def is_long(self) -> bool:
        """Whether it takes so long that nobody should wait for it."""
        return len(self.triangle) > MOST_MOVING

    def begin(self) -> None:
        """Let a thread do it."""
        self._done = done = Future[I4]()

        def run() -> None:
            try:
                done.set_result(self._work())
            except (MemoryError, ValueError, IndexError) as error:  # who waits for it raises it
                done.set_exception(error)

        Thread(target=run, daemon=True).start()

    def is_done(self, wait_s: float) -> bool:
        """Wait so long at most, and tell whether it is done."""
        if self._done is None:
            return True
        return self._done in wait([self._done], wait_s).done

    def result(self) -> I4:
        """Return the triangles (t, 3) in order."""
        return self._work() if self._done is None else self._done.result()


def by_depth(triangle: I4, point: F4, row: I8, matrix: F4, sight: F8) -> I4:
    """Return triangles (t, 3) with those farthest along `sight` first; the same depth keeps its order.

    point: (V, 3) prim-local. row: (t,) the matrix of each triangle. matrix: (rows, 3, 4) to render space.
    """
    if len(triangle) == 0:
        return triangle
    centre = (point[triangle[:, 0]] + point[triangle[:, 1]] + point[triangle[:, 2]]) / np.float32(3.0)
    # only the part of a place that lies along the sight is asked: one row of four numbers a matrix
    along = np.einsum("i,nij->nj", sight.astype(np.float32), matrix)[row]
    depth = np.einsum("ij,ij->i", along[:, :3], centre) + along[:, 3]
    out: I4 = triangle[np.argsort(-depth, kind="stable")]
    return out
