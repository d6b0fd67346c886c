"""Where a world's alarms stand in the scene: arrays by alarm, from which roll-ups and badges are made.

No Python object is made for an alarm here: in a flood ten thousand change at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from armillary.alarms.rollup import PRIORITIES, Hierarchy, hierarchy, rollup
from armillary.model.alarm import AlarmSpec, AlarmState, Presentation
from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.scene import SceneArrays

ACKNOWLEDGED = 4  # added to a priority in a mark: the same hue, a thinner line
NOBODY = -1


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
    """Arrays of one world's alarms, in the order of their specs."""

    def __init__(self) -> None:
        self.over: Hierarchy | None = None
        self._made_for: tuple[object, tuple[tuple[int, int], ...]] = (None, ())
        self.welcome(())

    def welcome(self, specs: Sequence[AlarmSpec]) -> None:
        """Take the alarms of a world; none of them is raised and none has a place yet."""
        n = len(specs)
        self._row = {spec.id: row for row, spec in enumerate(specs)}
        self._name = [spec.id for spec in specs]
        self.prim: I8 = np.full(n, NOBODY, np.int64)
        self.priority: U1 = np.array([min(max(spec.priority, 1), 4) for spec in specs], np.uint8)
        self.calm()

    def calm(self) -> None:
        """Know of no raised alarm."""
        n = len(self._row)
        self.shown: B1 = np.zeros(n, np.bool_)  # not normal, and it bothers somebody
        self.waits: B1 = np.zeros(n, np.bool_)  # for an acknowledge
        self.hidden: B1 = np.zeros(n, np.bool_)
        self.raised_ns: I8 = np.zeros(n, np.int64)

    def locate(
        self, prims: Mapping[str, int], scene: SceneArrays | None, edges: tuple[tuple[int, int], ...]
    ) -> None:
        """Take where alarms stand, by id, and the hierarchies of scene and assets."""
        self.prim = np.full(len(self._row), NOBODY, np.int64)
        for name, prim in prims.items():
            if (row := self._row.get(name)) is not None:
                self.prim[row] = prim
        if scene is None:
            self.over, self._made_for = None, (None, ())
        elif self._made_for[0] is not scene or self._made_for[1] != edges:
            self.over, self._made_for = hierarchy(scene.parent, edges), (scene, edges)

    def take(self, states: Iterable[AlarmState]) -> None:
        """Take how some alarms stand now."""
        for state in states:
            row = self._row.get(state.id)
            if row is None:
                continue
            is_shown = state.hiding is None
            self.shown[row] = is_shown and not state.is_plain
            self.waits[row], self.raised_ns[row] = state.unacknowledged, state.raised_ns
            self.hidden[row] = not is_shown and _is_told(state)

    def rollup(self) -> Rollup | None:
        """Return what all prims show, None without a scene or without anything to show."""
        rows = np.flatnonzero((self.shown | self.hidden) & (self.prim >= 0))
        if self.over is None or not len(rows):
            return None
        prim, priority, waits = self.prim[rows], self.priority[rows], self.waits[rows]
        found = rollup(self.over, prim, priority, waits, self.hidden[rows])
        shown = self.shown[rows]
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

        What is inside a hidden branch stands at the branch itself.
        """
        rows = np.flatnonzero(self.shown & self.waits & (self.prim >= 0))
        if self.over is None or not len(rows):
            return np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int64)
        at = branches(self.over.ends, self.prim[rows], hidden)
        prim, inverse = np.unique(at, return_inverse=True)
        worst = np.full(len(prim), max(PRIORITIES), np.uint8)
        np.minimum.at(worst, inverse, self.priority[rows])
        return prim, worst, np.bincount(inverse, minlength=len(prim))

    def worst(self, most: int, hidden: Set[int]) -> list[tuple[str, int]]:
        """Return (id, prim) of the worst alarm that waits at each prim, of two as bad the newer one.

        The worst prims come first, at most so many; what is inside a hidden branch stands at the branch.
        """
        rows = np.flatnonzero(self.shown & self.waits & (self.prim >= 0))
        if self.over is None or not len(rows):
            return []
        rows = rows[np.lexsort((-self.raised_ns[rows], self.priority[rows]))]
        at = branches(self.over.ends, self.prim[rows], hidden)
        first = np.sort(np.unique(at, return_index=True)[1])[:most]
        return [(self._name[rows[i]], int(at[i])) for i in first.tolist()]

    def counts(self) -> tuple[list[int], list[int]]:
        """Return how many are shown, and how many of these wait, by priority; also where no scene is."""
        every = np.bincount(self.priority[self.shown], minlength=5)[1:]
        new = np.bincount(self.priority[self.shown & self.waits], minlength=5)[1:]
        return every.tolist(), new.tolist()

    def holders(self, parent: I4 | None) -> I8:
        """Return the prims right above those of hidden alarms, ascending: they carry the dot.

        parent: (M,) of the scene, None without one.
        """
        prims = self.prim[self.hidden & (self.prim >= 0)]
        if parent is None or not len(prims):
            return np.zeros(0, np.int64)
        above = parent[prims].astype(np.int64)
        return np.unique(np.where(above >= 0, above, prims))

    def abnormal(self) -> I8:
        """Return the prims with an alarm that is shown, ascending."""
        return np.unique(self.prim[self.shown & (self.prim >= 0)])


def _is_told(state: AlarmState) -> bool:
    """Return whether a hidden alarm leaves a dot: what the plant's state hides only while it is raised.

    A person who shelved an alarm or took it out of service took a decision that others must see; a rule hides
    many alarms of what stands still, and they are nothing while they are normal.
    """
    return state.presentation is not Presentation.SUPPRESSED or state.active or state.unacknowledged


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
