"""Transform channels, compiled: movers, their followers, and what is constant about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.encoding.program import Moves, Op
from armillary.encoding.spread import covered
from armillary.model.arrays import F8, I8, U4, frozen
from armillary.model.scene import SceneArrays

ORDER = ("rotate", "spin", "scale", "level")  # local' = translate · local · rotate · spin · scale · level
AXIS = {"x": 0, "y": 1, "z": 2, "xyz": 3}


@dataclass(frozen=True, slots=True)
class Motion:
    """One transform binding on one prim. `row` is its row of numbers, for spin its index of phases."""

    prim: int
    what: str
    axis: int
    row: int


def moves(motions: Sequence[Motion], scene: SceneArrays, ends: I8) -> Moves:
    """Return the compiled motions; at most one of each (prim, what, axis) may be given."""
    prim = np.unique(np.array([m.prim for m in motions], np.int64))
    k = len(prim)
    mover_of = {int(p): i for i, p in enumerate(prim)}
    up, depth = _nesting(prim, ends)
    world = scene.matrix[prim]
    parent = scene.parent[prim]
    above = np.where((parent >= 0)[:, None, None], scene.matrix[np.maximum(parent, 0)], scene.root)
    moved_too = covered(prim, ends[prim], len(scene))
    moved_too[prim] = False
    follower = np.flatnonzero(moved_too)
    owner = _owners(follower, prim, ends, up)
    everything = np.concatenate([prim, follower])
    place = np.argsort(everything, kind="stable")
    shifts = [m for m in motions if m.what == "translate"]
    poses = [m for m in motions if m.what == "pose"]
    pose_mover = np.array([mover_of[m.prim] for m in poses], np.int64)
    shift_mover = np.array([mover_of[m.prim] for m in shifts], np.int64)
    return Moves(
        prim=frozen(prim),
        world=frozen(world),
        inverse=frozen(_inverse(world)),
        up=frozen(up),
        levels=tuple(frozen(np.flatnonzero(depth == d)) for d in range(1, int(depth.max(initial=0)) + 1)),
        shift_mover=frozen(shift_mover),
        shift_row=frozen(np.array([m.row for m in shifts], np.int64)),
        shift=frozen(_directions(above[shift_mover], np.array([m.axis for m in shifts], np.int64))),
        ops=_ops(motions, mover_of, scene),
        pose_mover=frozen(pose_mover),
        pose_row=frozen(np.array([m.row for m in poses], np.int64)),
        pose_above=frozen(above[pose_mover]),
        pose_rest=frozen(_inverse(above[pose_mover]) @ world[pose_mover]),
        follower=frozen(follower),
        owner=frozen(owner),
        follower_world=frozen(scene.matrix[follower]),
        moved=frozen(_u4(everything[place])),
        place=frozen(place if k + len(follower) else np.zeros(0, np.int64)),
    )


def _u4(indices: I8) -> U4:
    return indices.astype(np.uint32)


def _nesting(prim: I8, ends: I8) -> tuple[I8, I8]:
    """Return (nearest mover above, number of movers above) of each mover; prims ascend, so one pass does."""
    up, depth = np.full(len(prim), -1, np.int64), np.zeros(len(prim), np.int64)
    stack: list[tuple[int, int]] = []  # (end of subtree, mover)
    for i, p in enumerate(prim.tolist()):
        while stack and stack[-1][0] <= p:
            stack.pop()
        if stack:
            up[i] = stack[-1][1]
        depth[i] = len(stack)
        stack.append((int(ends[p]), i))
    return up, depth


def _owners(follower: I8, prim: I8, ends: I8, up: I8) -> I8:
    """Return the nearest mover of each follower: the last mover before it whose subtree still holds it."""
    owner = np.searchsorted(prim, follower, "right") - 1
    while (outside := ends[prim[owner]] <= follower).any():
        owner[outside] = up[owner[outside]]
    return owner


def _inverse(world: F8) -> F8:
    """Return inverses; a singular matrix (scaled to nothing) gets the pseudo-inverse, never NaN."""
    flat = np.abs(np.linalg.det(world[:, :3, :3])) == 0 if len(world) else np.zeros(0, np.bool_)
    out = np.empty_like(world)
    out[~flat] = np.linalg.inv(world[~flat])
    out[flat] = np.linalg.pinv(world[flat])
    return out


def _directions(above: F8, axis: I8) -> F8:
    """Return where one stage unit along an axis of the parent leads, world metres; xyz: all three."""
    columns = above[:, :3, :3]
    single = np.take_along_axis(columns, np.minimum(axis, 2)[:, None, None], axis=2)[:, :, 0]
    return np.where((axis == AXIS["xyz"])[:, None], columns.sum(axis=2), single)


def _ops(motions: Sequence[Motion], mover_of: dict[int, int], scene: SceneArrays) -> tuple[Op, ...]:
    out: list[Op] = []
    for what in ORDER:
        for axis in range(4):
            group = [m for m in motions if m.what == what and m.axis == axis]
            if not group:
                continue
            boxes = scene.local_box[[m.prim for m in group]].astype(np.float64)
            base = boxes[:, axis] if axis < AXIS["xyz"] else np.zeros(len(group))
            out.append(
                Op(
                    what=what,
                    axis=axis,
                    mover=frozen(np.array([mover_of[m.prim] for m in group], np.int64)),
                    row=frozen(np.array([m.row for m in group], np.int64)),
                    base=frozen(np.nan_to_num(base)),
                )
            )
    return tuple(out)
