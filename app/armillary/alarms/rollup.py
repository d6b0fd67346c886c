"""What the ancestors of prims with alarms show: the worst below them, and how many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I4, U1

NO_PRIORITY = 0
_FAR = 255  # above every priority: 1 is the worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Per prim, itself included, M rows; priorities 1 (worst) … 4, 0 = none."""

    unacked: U1  # (M,) worst priority that nobody has acknowledged
    worst: U1  # (M,) worst priority of all
    count: I4  # (M,)


def rollup(parent: I4, prim: I4, priority: U1, unacked: B1) -> Rollup:
    """Carry k alarms up to all ancestors.

    parent: (M,) row of each prim's parent, -1 at a root; prim, priority, unacked: (k,). An alarm whose
    prim is -1 is shown nowhere. One pass for each level of depth, over the rows that still have a parent.
    """
    m = len(parent)
    placed = (prim >= 0) & (prim < m)
    at, prio = prim[placed].astype(np.int64), priority[placed]
    waits = np.where(unacked[placed], prio, _FAR).astype(np.uint8)
    open_ = np.full(m, _FAR, np.uint8)
    worst = np.full(m, _FAR, np.uint8)
    count = np.zeros(m, np.int32)
    steps = 0
    while len(at):
        if steps > m:
            raise ValueError("the parents form a circle")
        np.minimum.at(open_, at, waits)
        np.minimum.at(worst, at, prio)
        count += np.bincount(at, minlength=m).astype(np.int32)
        up = parent[at]
        kept = up >= 0
        at, prio, waits = up[kept].astype(np.int64), prio[kept], waits[kept]
        steps += 1
    open_[open_ == _FAR] = NO_PRIORITY
    worst[worst == _FAR] = NO_PRIORITY
    return Rollup(unacked=open_, worst=worst, count=count)
