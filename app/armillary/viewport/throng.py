"""True instances on the stage: what a picture draws of them is worked out aside and kept for its eye."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, wait
from threading import Thread

import numpy as np

from armillary.model.arrays import B1, F8, I4, I8
from armillary.viewport.crowd import WEIGHT, Arrangement, Eye, Whereabouts
from armillary.viewport.crowd_passes import BeforeCrowd, CrowdPasses
from armillary.viewport.merge import Crowd, Mesh
from armillary.viewport.passes import Draw
from armillary.viewport.places import Places
from armillary.viewport.shader import MASK, OPAQUE, Text

_MANY = 50_000  # members; of more, what is drawn is worked out in a thread


class Throng:
    """A crowd with its passes. Used on one thread, that of its window, but for what it does itself."""

    def __init__(self, mesh: Mesh, crowd: Crowd, places: Places, text: Text, before: BeforeCrowd) -> None:
        self.crowd, self.where = crowd, Whereabouts(crowd, places.matrix)
        self.passes = CrowdPasses(mesh, crowd, self.where, places.crowd_tables, text, before)
        self.weight = WEIGHT * len(crowd)  # in triangles of a mesh
        self._solid: B1 = np.ones(len(self.where.starts), np.bool_)  # blocks with something to draw
        self._mask: B1 = np.zeros(len(self.where.starts), np.bool_)
        self._clear: B1 | None = None
        self._key: tuple[Eye, int, B1 | None] | None = None

    def prepare(self, solid: B1, clear: B1, masked: B1) -> bool:
        """Find out which blocks would draw nothing, from prims (M,); return whether any is translucent."""
        prim, starts = self.crowd.prim, self.where.starts
        self._solid, self._mask = _any(solid, prim, starts), _any(masked, prim, starts)
        members = clear[prim] if clear.any() else None
        if members is None or not members.any():
            self._clear = None
        elif self._clear is None or not np.array_equal(members, self._clear):
            self._clear = members
        return self._clear is not None

    def arranges(self, eye: Eye, origin: F8, step_ms: float) -> Iterator[None]:
        """Arrange for an eye; yields while a thread does it."""
        clear, version = self._clear, self.where.version
        key = self._key
        if key is not None and key[0] == eye and key[1] == version and key[2] is clear:
            return
        if np.isfinite(step_ms) and len(self.crowd) > _MANY:
            done = Future[Arrangement]()

            def run() -> None:
                try:
                    done.set_result(self.where.arrange(eye, origin, clear))
                except (MemoryError, ValueError, IndexError) as error:  # who waits for it raises it
                    done.set_exception(error)

            Thread(target=run, daemon=True).start()
            while done not in wait([done], step_ms / 1000).done:
                yield
            arranged = done.result()
        else:
            arranged = self.where.arrange(eye, origin, clear)
        self.passes.take(arranged)
        self._key = eye, version, clear

    def opaque(self) -> list[Draw]:
        """Return the draws of the opaque pass."""
        return [*self.passes.large(OPAQUE), *self.passes.sprites(OPAQUE, self._solid)]

    def mask(self) -> list[Draw]:
        """Return the draws of the pass that writes outline codes alone."""
        return [*self.passes.large(MASK), *self.passes.sprites(MASK, self._mask)]

    def moved(self, rows: I8) -> None:
        """Note that the matrices of some rows (ascending) changed."""
        self.where.moved(rows)


def _any(prims: B1, prim: I4, starts: I8) -> B1:
    """Tell which blocks of members (n,), by where they start (b,), show one of some prims (M,)."""
    if not prims.any() or prims.all():  # most often: a million need not be asked
        return np.full(len(starts), bool(prims.any()))
    out: B1 = np.logical_or.reduceat(prims[prim], starts)
    return out
