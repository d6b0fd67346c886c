"""What the ancestors of prims with alarms show: the worst below them, how many, and what is hidden there.

There are two hierarchies, that of the scene and that of the assets, and an ancestor in either counts an alarm
once. Prims lie in depth-first order, so that what is below one is a run of rows; what an asset holds outside
of its own run is some more runs, found once for a scene. A roll-up is then differences of running counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.alarms.assets import MOST_LEVELS
from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.scene import subtree_ends

NO_PRIORITY = 0
PRIORITIES = (1, 2, 3, 4)
_HIDDEN = 8  # the class of hidden alarms: after four that wait and four that do not
_CLASSES = 9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hierarchy:
    """Scene and assets of M prims, as runs of rows."""

    ends: I8  # (M,) one past the last prim of each subtree
    whole: I8  # (e,) prims that hold more than their subtree:
    first: I8  # (e,) a run of rows that is not below them in the scene
    last: I8  # (e,) one past its end; runs of one prim do not meet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rollup:
    """Per prim, itself included, M rows; priorities 1 (worst) … 4, 0 = none."""

    unacked: U1  # (M,) worst priority that nobody has acknowledged
    worst: U1  # (M,) worst priority of all
    count: I4  # (M, 4) shown alarms by priority
    waiting: I4  # (M, 4) of these, those that nobody has acknowledged
    hidden: I4  # (M,) alarms that bother nobody just now


def hierarchy(parent: I4, edges: Sequence[tuple[int, int]] = ()) -> Hierarchy:
    """Return the hierarchy of M prims in depth-first order.

    parent: (M,) of each prim in the scene, -1 at a root. edges: (prim of a part, prim of its whole) of
    assets; a circle of these is walked once. Raises ValueError where the prims are not in depth-first order.
    """
    rows = np.arange(len(parent))
    if (parent >= rows).any():
        raise ValueError("the prims are not in depth-first order")
    ends = subtree_ends(parent)
    if len(parent) and (ends[parent[parent >= 0]] < ends[parent >= 0]).any():
        raise ValueError("the prims are not in depth-first order")
    above: dict[int, list[int]] = {}
    for part, whole in edges:
        above.setdefault(part, []).append(whole)
    runs: dict[int, list[tuple[int, int]]] = {}
    for part in above:
        for whole in _reached(part, above, parent):
            runs.setdefault(whole, []).append((part, int(ends[part])))
    out = [
        (whole, *run)
        for whole, found in sorted(runs.items())
        for run in _outside(found, whole, int(ends[whole]))
    ]
    table = np.array(out, np.int64).reshape(-1, 3)
    return Hierarchy(ends=ends, whole=table[:, 0], first=table[:, 1], last=table[:, 2])


def _reached(part: int, above: dict[int, list[int]], parent: I4) -> set[int]:
    """Return all prims above the wholes of a part, by scene and by assets, these included."""
    seen: set[int] = set()
    level = above[part]
    for _ in range(MOST_LEVELS):
        following: list[int] = []
        for prim in level:
            at = prim
            while at >= 0 and at not in seen:
                seen.add(at)
                following += above.get(at, ())
                at = int(parent[at])
        level = following
        if not level:
            break
    return seen


def _outside(runs: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Return the rows of runs, nested or apart, that are not between first and last, as runs apart."""
    out: list[tuple[int, int]] = []
    end = 0
    for low, high in sorted(runs, key=lambda run: (run[0], -run[1])):
        if low < end:
            continue  # inside the run before
        end = high
        parts = ((low, min(high, first)), (max(low, last), high))
        out += [(a, b) for a, b in parts if a < b]
    return out


def rollup(over: Hierarchy, prim: I8, priority: U1, unacked: B1, hidden: B1) -> Rollup:
    """Carry k alarms up to all ancestors.

    prim, priority (1…4), unacked, hidden: (k,). One whose prim is -1 is shown nowhere; a hidden one is only
    counted as such. Takes time in proportion to the prims and to how many kinds of alarms there are.
    """
    m = len(over.ends)
    placed = (prim >= 0) & (prim < m)
    kind = np.where(hidden, _HIDDEN, priority.astype(np.int64) - 1 + 4 * ~unacked)[placed]
    at = prim[placed]
    below = np.zeros((_CLASSES, m), np.int32)
    running = np.zeros(m + 1, np.int32)
    for each in np.unique(kind).tolist():
        here = np.bincount(at[kind == each], minlength=m).astype(np.int32)
        np.cumsum(here, dtype=np.int32, out=running[1:])  # nothing is converted on the way
        np.subtract(running[over.ends], running[:-1], out=below[each])
        if len(over.whole):
            np.add.at(below[each], over.whole, running[over.last] - running[over.first])
    waiting, known = below[:4].T, below[4:8].T
    unacknowledged, worst = np.zeros(m, np.uint8), np.zeros(m, np.uint8)
    for level in reversed(PRIORITIES):  # the worst is written last
        some = below[level - 1] > 0
        unacknowledged[some] = level
        worst[some | (below[level + 3] > 0)] = level
    return Rollup(
        unacked=unacknowledged, worst=worst, count=waiting + known, waiting=waiting, hidden=below[_HIDDEN]
    )
