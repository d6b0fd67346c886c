"""Where a world's alarms stand in the scene: roll-ups, badges and dots, made from the columns of its table.

No Python object is made for an alarm here: in a flood ten thousand change at once.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from armillary.alarms.rollup import PRIORITIES, Hierarchy, hierarchy, rollup
from armillary.model.alarm import Presentation
from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.scene import SceneArrays
from armillary.session.alarm_table import HIDINGS, AlarmTable

ACKNOWLEDGED = 4  # added to a priority in a mark: the same hue, a thinner line
_BY_DESIGN = HIDINGS.index(Presentation.SUPPRESSED)


@dataclass(frozen=True, slots=True, eq=False)
class Rollup:
    """Alarms of M prims with all below them, in the scene and among the assets; 0 = none."""

    unacknowledged: U1  # (M,) worst priority not acknowledged
    worst: U1  # (M,) worst priority of all
    count: I8  # (M,)
    mark: U1  # (M,) outline of the prim itself: 1…4 not acknowledged, 5…8 acknowledged
    hidden: I8  # (M,) alarms that bother nobody just now, though somebody may want to know
    waiting: I8  # (M, 4) those not acknowledged, by priority


class AlarmScene:
    """The hierarchies of one scene, and what the alarms of a table look like in it."""

    def __init__(self) -> None:
        self.over: Hierarchy | None = None
        self._made_for: tuple[object, tuple[tuple[int, int], ...]] = (None, ())

    def locate(self, scene: SceneArrays | None, edges: tuple[tuple[int, int], ...]) -> None:
        """Take a scene and (prim of a part, prim of its whole) of its assets."""
        if scene is None:
            self.over, self._made_for = None, (None, ())
        elif self._made_for[0] is not scene or self._made_for[1] != edges:
            self.over, self._made_for = hierarchy(scene.parent, edges), (scene, edges)

    def rollup(self, table: AlarmTable) -> Rollup | None:
        """Return what all prims show, None without a scene or without anything to show."""
        is_told = _hidden(table)
        rows = np.flatnonzero((table.listed | is_told) & (table.prim >= 0))
        if self.over is None or not len(rows):
            return None
        prim, priority, waits = (
            table.prim[rows].astype(np.int64),
            table.priority[rows],
            table.unacknowledged[rows],
        )
        found = rollup(self.over, prim, priority, waits, is_told[rows])
        shown = table.listed[rows]
        return Rollup(
            unacknowledged=found.unacked,
            worst=found.worst,
            count=found.count.sum(axis=1, dtype=np.int64),
            mark=_marks(self.over, prim[shown], priority[shown], waits[shown]),
            hidden=found.hidden.astype(np.int64),
            waiting=found.waiting.astype(np.int64),
        )

    def waiting(self, table: AlarmTable, hidden: Set[int]) -> tuple[I8, U1, I8]:
        """Return (prim, worst priority, count) of all prims with alarms that wait, ascending.

        What is inside a hidden branch stands at the branch itself.
        """
        rows, at = self._waits(table, hidden)
        prim, inverse = np.unique(at, return_inverse=True)
        worst = np.full(len(prim), max(PRIORITIES), np.uint8)
        np.minimum.at(worst, inverse, table.priority[rows])
        return prim, worst, np.bincount(inverse, minlength=len(prim))

    def worst(self, table: AlarmTable, most: int, hidden: Set[int]) -> list[tuple[int, int]]:
        """Return (row, prim) of the worst alarm that waits at each prim, of two as bad the newer one.

        The worst prims come first, at most so many; what is inside a hidden branch stands at the branch.
        """
        rows, at = self._waits(table, hidden)
        order = np.lexsort((-table.raised_ns[rows], table.priority[rows]))
        rows, at = rows[order], at[order]
        first = np.sort(np.unique(at, return_index=True)[1])[:most]
        return list(zip(rows[first].tolist(), at[first].tolist(), strict=True))

    def _waits(self, table: AlarmTable, hidden: Set[int]) -> tuple[I8, I8]:
        rows = np.flatnonzero(table.listed & table.unacknowledged & (table.prim >= 0))
        if self.over is None or not len(rows):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return rows, branches(self.over.ends, table.prim[rows].astype(np.int64), hidden)


def holders(table: AlarmTable, parent: I4 | None) -> I8:
    """Return the prims right above those of hidden alarms, ascending: they carry the dot.

    parent: (M,) of the scene, None without one.
    """
    prims = table.prim[_hidden(table) & (table.prim >= 0)].astype(np.int64)
    if parent is None or not len(prims):
        return np.zeros(0, np.int64)
    above = parent[prims].astype(np.int64)
    return np.unique(np.where(above >= 0, above, prims))


def abnormal(table: AlarmTable) -> I8:
    """Return the prims with an alarm that is shown, ascending."""
    return np.unique(table.prim[table.listed & (table.prim >= 0)]).astype(np.int64)


def _hidden(table: AlarmTable) -> B1:
    """Return which hidden alarms (N,) leave a dot: those that the plant's state hides only while raised.

    A person who shelved an alarm or took it out of service took a decision that others must see; a rule hides
    many alarms of what stands still, and they are nothing while they are normal.
    """
    out: B1 = (table.hidden > 0) & ((table.hidden != _BY_DESIGN) | table.active | table.unacknowledged)
    return out


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
