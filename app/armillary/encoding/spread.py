"""Runs of indices: descendants of many prims at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.scene import SceneArrays, subtree_ends


def runs(start: I8, stop: I8) -> tuple[I8, I8]:
    """Return (row, item): every item of start[i]:stop[i] with its row i, in order; shapes (sum,)."""
    count = np.maximum(stop - start, 0)
    row = np.repeat(np.arange(len(start)), count)
    before = np.concatenate([[0], np.cumsum(count)[:-1]]) if len(count) else count
    item = np.arange(len(row)) - before[row] + start[row]
    return row, item


def covered(start: I8, stop: I8, m: int) -> B1:
    """Return which of m indices lie in any of the ranges start[i]:stop[i]."""
    step = np.zeros(m + 1, np.int64)
    np.add.at(step, start, 1)
    np.add.at(step, stop, -1)
    inside: B1 = np.cumsum(step[:-1]) > 0
    return inside


@dataclass(frozen=True, slots=True)
class Reach:
    """What a binding on a prim reaches."""

    ends: I8  # (M,)
    drawn: I8  # prims that are drawn, ascending
    is_drawn: B1  # (M,)

    def painted(self, prim: I8) -> tuple[I8, I8]:
        """Return (row, prim): a drawn prim itself, else its drawn descendants."""
        own = self.is_drawn[prim]
        return self._drawn(prim, np.where(own, prim + 1, self.ends[prim]))

    def below(self, prim: I8) -> tuple[I8, I8]:
        """Return (row, prim): the prim and its descendants, as far as they are drawn."""
        return self._drawn(prim, self.ends[prim])

    def _drawn(self, start: I8, stop: I8) -> tuple[I8, I8]:
        row, item = runs(np.searchsorted(self.drawn, start), np.searchsorted(self.drawn, stop))
        return row, self.drawn[item]


def reach(scene: SceneArrays) -> Reach:
    """Return the reach of a scene's prims; prims drawn by instances count as drawn."""
    is_drawn = scene.drawable.copy()
    is_drawn[scene.instance_prim] = True
    return Reach(ends=subtree_ends(scene.parent), drawn=np.flatnonzero(is_drawn), is_drawn=is_drawn)
