"""Where a world's alarms stand in the scene: roll-ups and badges, from the columns of its table.

No Python object is made for an alarm here: in a flood ten thousand change at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from armillary.alarms.rollup import PRIORITIES, Hierarchy, hierarchy, rollup
from armillary.model.alarm import ADVISORY_MARK, Presentation
from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.scene import SceneArrays
from armillary.session.alarm_table import HIDINGS, AlarmTable

ACKNOWLEDGED = 4  # added to a priority in a mark: the same hue, a thinner line
SUPPRESSED = HIDINGS.index(Presentation.SUPPRESSED)


@dataclass(frozen=True, slots=True, eq=False)
class Rollup:
    """Alarms of M prims with all below them, in the scene and among the assets; 0 = none."""

    unacknowledged: U1  # (M,) worst priority not acknowledged
    worst: U1  # (M,) worst priority of all
    count: I8  # (M,)
    mark: U1  # (M,) outline of the prim itself: 1…4 not acknowledged, 5…8 acknowledged
    hidden: I8  # (M,) alarms that bother nobody just now, though somebody may want to know
    waiting: I8  # (M, 4) those not acknowledged, by priority


class Places:
    """Where the alarms of a table stand; reads its columns as they are."""

    def __init__(self, table: AlarmTable) -> None:
        self.over: Hierarchy | None = None
        self._made_for: tuple[object, tuple[tuple[int, int], ...]] = (None, ())
        self.table = table

    def locate(
        self, prims: Mapping[str, int], scene: SceneArrays | None, edges: tuple[tuple[int, int], ...]
    ) -> None:
        """Take where alarms stand, by id, and the hierarchies of scene and assets."""
        self.table.place(prims)
        if scene is None:
            self.over, self._made_for = None, (None, ())
        elif self._made_for[0] is not scene or self._made_for[1] != edges:
            self.over, self._made_for = hierarchy(scene.parent, edges), (scene, edges)

    @property
    def _hidden(self) -> B1:
        """Return which leave a dot: what the plant's state hides only while it is raised.

        A person who shelved an alarm or took it out of service took a decision that others must see; a rule
        hides many alarms of what stands still, and they are nothing while they are normal.
        """
        at = self.table
        out: B1 = (at.hidden > 0) & ((at.hidden != SUPPRESSED) | at.active | at.unacknowledged)
        return out

    def rollup(self) -> Rollup | None:
        """Return what all prims show, None without a scene or without anything to show."""
        hidden = self._hidden
        at = self.table
        rows = np.flatnonzero((at.listed | hidden) & (at.prim >= 0))
        if self.over is None or not len(rows):
            return None
        prim, priority, waits = at.prim[rows].astype(np.int64), at.priority[rows], at.unacknowledged[rows]
        found = rollup(self.over, prim, priority, waits, hidden[rows])
        shown = self.table.listed[rows]
        return Rollup(
            unacknowledged=found.unacked,
            worst=found.worst,
            count=found.count.sum(axis=1, dtype=np.int64),
            mark=_marks(self.over, prim[shown], priority[shown], waits[shown]),
            hidden=found.hidden.astype(np.int64),
            waiting=found.waiting.astype(np.int64),
        )

    def waiting(self, hidden: Set[int]) -> tuple[I8, U1, I8]:
        """Return (prim, worst priority, count) of all prims with alarms that wait, ascending.

        Where nothing is more than predicted the priority is ADVISORY_MARK.
        What is inside a hidden branch stands at the branch itself.
        """
        rows = np.flatnonzero(self.table.listed & self.table.unacknowledged & (self.table.prim >= 0))
        if self.over is None or not len(rows):
            return np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int64)
        at = branches(self.over.ends, self.table.prim[rows].astype(np.int64), hidden)
        prim, inverse = np.unique(at, return_inverse=True)
        worst = np.full(len(prim), ADVISORY_MARK, np.uint8)
        told = np.where(self.table.advisory[rows], ADVISORY_MARK, self.table.priority[rows])
        np.minimum.at(worst, inverse, told.astype(np.uint8))
        return prim, worst, np.bincount(inverse, minlength=len(prim))

    def worst(self, most: int, hidden: Set[int]) -> list[tuple[str, int]]:
        """Return (id, prim) of the worst alarm that waits at each prim, of two as bad the newer one.

        The worst prims come first, at most so many; what is inside a hidden branch stands at the branch.
        """
        rows = np.flatnonzero(self.table.listed & self.table.unacknowledged & (self.table.prim >= 0))
        if self.over is None or not len(rows):
            return []
        rows = rows[np.lexsort((-self.table.raised_ns[rows], self.table.priority[rows]))]
        at = branches(self.over.ends, self.table.prim[rows].astype(np.int64), hidden)
        first = np.sort(np.unique(at, return_index=True)[1])[:most]
        return [(self.table.specs[rows[i]].id, int(at[i])) for i in first.tolist()]

    def holders(self, parent: I4 | None) -> I8:
        """Return the prims right above those of hidden alarms, ascending: they carry the dot.

        parent: (M,) of the scene, None without one.
        """
        prims = self.table.prim[self._hidden & (self.table.prim >= 0)]
        if parent is None or not len(prims):
            return np.zeros(0, np.int64)
        above = parent[prims].astype(np.int64)
        return np.unique(np.where(above >= 0, above, prims))

    def abnormal(self) -> I8:
        """Return the prims with an alarm that is shown, ascending."""
        return np.unique(self.table.prim[self.table.listed & (self.table.prim >= 0)])


def branches(ends: I8, prim: I8, hidden: Set[int]) -> I8:
    """Return where prims (k,) stand when some branches are hidden: at the uppermost hidden one above each."""
    tops: list[int] = []
    end = 0
    for root in sorted(hidden):
        if 0 <= root < len(ends) and root >= end:
            tops.append(root)
            end = int(ends[root])
    if not tops:
        return prim
    roots = np.array(tops, np.int64)
    at = np.searchsorted(roots, prim, side="right") - 1
    top = roots[np.maximum(at, 0)]
    return np.where((at >= 0) & (prim < ends[top]), top, prim)


def _marks(over: Hierarchy, prim: I8, priority: U1, waits: B1) -> U1:
    """Return the outline of each prim, (M,). A mark covers the subtree of its prim."""
    m = len(over.ends)
    mark = np.zeros(m, np.uint8)
    for is_waiting in (False, True):  # what waits for a person outranks what does not, whatever its priority
        for level in reversed(PRIORITIES):  # the worst is written last
            rows = prim[(priority == level) & (waits == is_waiting)]
            if len(rows):
                step = np.bincount(rows, minlength=m + 1) - np.bincount(over.ends[rows], minlength=m + 1)
                mark[np.cumsum(step[:m]) > 0] = level if is_waiting else level + ACKNOWLEDGED
    return mark
