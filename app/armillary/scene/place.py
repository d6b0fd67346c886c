"""Sources → rows: the tree with the parts of instances, where each prim is, and what it inherits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8, U1
from armillary.model.fault import SceneFault
from armillary.model.scene import depths
from armillary.scene.problems import problem
from armillary.scene.survey import Survey

NOTHING = -1


@dataclass(frozen=True, slots=True)
class Block:
    """A subtree by sources, n rows in depth-first order."""

    source: list[int]
    parent: list[int]  # row in the block, -1 for its top rows
    suffix: list[str]  # path below the block's root


@dataclass(frozen=True, slots=True)
class Levels:
    """Rows by depth, so that what is inherited takes one numpy call a level."""

    parent: I4  # (M,)
    rows: tuple[I8, ...]  # rows of depth 0, 1, …; ascending

    @classmethod
    def of(cls, parent: I4) -> Levels:
        """Return the levels of a tree given as parent rows."""
        depth = depths(parent)
        order = np.argsort(depth, kind="stable")
        ends = np.cumsum(np.bincount(depth)) if len(depth) else np.zeros(0, np.int64)
        return cls(parent, tuple(np.split(order, ends[:-1])) if len(depth) else ())

    def inherited(self, own: I8, none: int = NOTHING) -> I8:
        """Return the value of the nearest row upwards, itself first, that has one other than `none`."""
        out = own.copy()
        for rows in self.rows[1:]:
            mine = out[rows]
            out[rows] = np.where(mine == none, out[self.parent[rows]], mine)
        return out

    def any_above(self, flag: B1) -> B1:
        """Return which rows, or a row above them, have a flag."""
        out = flag.copy()
        for rows in self.rows[1:]:
            out[rows] |= out[self.parent[rows]]
        return out

    def world(self, local: F8, which: I8, reset: B1, root: F8) -> F8:
        """Return world matrices, shape (M, 4, 4); `local[which[row]]` leads to the parent's space."""
        out = np.empty((len(self.parent), 4, 4))
        for depth, rows in enumerate(self.rows):
            matrix = local[which[rows]]
            if depth:
                above = out[self.parent[rows]]
                above[reset[rows]] = root
            else:
                above = np.broadcast_to(root, (len(rows), 4, 4))
            out[rows] = above @ matrix
        return out


_ITSELF = Block([], [], [])  # stands for a prototype whose parts are just being laid out


def expand(survey: Survey, first: int, end: int, root: str) -> Block:
    """Return the rows of sources first…end, each instance followed by the parts of its prototype.

    `root` is the path that suffixes are relative to. Raises SceneFault when instances make more prims than
    allowed: ten instances of ten instances … are cheap to write and endless to draw.
    """
    if not survey.instance_of:
        parent = [up - first if up >= 0 else NOTHING for up in survey.up[first:end]]
        return Block(list(range(first, end)), parent, [p[len(root) :] for p in survey.path[first:end]])
    blocks: dict[str, Block] = {}
    return _expand(survey, first, end, root, blocks)


def _expand(survey: Survey, first: int, end: int, root: str, blocks: dict[str, Block]) -> Block:
    source: list[int] = []
    parent: list[int] = []
    suffix: list[str] = []
    row_of: dict[int, int] = {}
    for s in range(first, end):
        row = row_of[s] = len(source)
        source.append(s)
        parent.append(row_of.get(survey.up[s], NOTHING))
        name = survey.path[s][len(root) :]
        suffix.append(name)
        prototype = survey.instance_of.get(s)
        if prototype is None:
            continue
        if prototype not in blocks:
            begin, stop = survey.region[prototype]
            blocks[prototype] = _ITSELF
            # the prototype's own root stands for the instance, which is here already
            blocks[prototype] = _expand(survey, begin + 1, stop, prototype, blocks)
        below = blocks[prototype]
        if below is _ITSELF:
            what = "The instance holds itself; it is shown without its parts there."
            survey.problems.append(problem("S02", survey.path[s], what))
        if len(source) + len(below.source) > survey.max_prims:
            raise SceneFault(
                f"With the parts of its instances the scene has more than {survey.max_prims:,} prims.",
                where=survey.path[s],
                remedy="Raise `prims` under [scene] limits of project.toml.",
            )
        base = len(source)
        source.extend(below.source)
        parent.extend([row if p < 0 else base + p for p in below.parent])
        suffix.extend([name + tail for tail in below.suffix])
    return Block(source, parent, suffix)


def subtree(survey: Survey, source: int) -> tuple[int, int]:
    """Return the sources at and below one, as (first, end); they are in one run."""
    prefix = survey.path[source] + "/"
    end = source + 1
    while end < len(survey.path) and survey.path[end].startswith(prefix):
        end += 1
    return source, end


def flags(length: int, which: Sequence[int]) -> B1:
    """Return a mask of a length with some set."""
    out = np.zeros(length, np.bool_)
    out[list(which)] = True
    return out


def moved_boxes(box: F4 | F8, matrix: F8) -> F8:
    """Return boxes (n, 6) seen through matrices (n, 4, 4): the axis-aligned box of the moved one."""
    centre = (box[:, :3] + box[:, 3:]) / 2
    half = (box[:, 3:] - box[:, :3]) / 2
    moved = np.einsum("nij,nj->ni", matrix[:, :3, :3], centre) + matrix[:, :3, 3]
    reach = np.einsum("nij,nj->ni", np.abs(matrix[:, :3, :3]), half)
    return np.concatenate([moved - reach, moved + reach], axis=1)


def united(box: F8, group: I8) -> tuple[I8, F8]:
    """Return the distinct groups of ascending ones, and the union of each one's boxes; NaN = nothing."""
    first = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduceat(box[:, :3], first, axis=0)
        high = np.fmax.reduceat(box[:, 3:], first, axis=0)
    return group[first], np.concatenate([low, high], axis=1)


def subtree_boxes(levels: Levels, own: F8, local: F8 | None, which: I8 | None) -> F8:
    """Return the boxes (M, 6) of whole subtrees from those of the prims alone; NaN = nothing.

    With `local` each level is moved into its parent's space (own space boxes); without, all are in one space.
    """
    out = own.copy()
    for rows in reversed(levels.rows[1:]):
        some = rows[~np.isnan(out[rows, 0])]
        if not len(some):
            continue
        box = out[some]
        if local is not None and which is not None:
            box = moved_boxes(box, local[which[some]])
        parent = levels.parent[some].astype(np.int64)
        above, union = united(box, parent)
        out[above, :3] = np.fmin(out[above, :3], union[:, :3])
        out[above, 3:] = np.fmax(out[above, 3:], union[:, 3:])
    return out


def pool_boxes(point: F4, point_start: I8) -> F8:
    """Return the boxes (G, 6) of runs of points; NaN for a run of none."""
    out = np.full((len(point_start) - 1, 6), np.nan)
    filled = np.flatnonzero(np.diff(point_start))
    if len(filled):
        first = point_start[:-1][filled]
        out[filled, :3] = np.minimum.reduceat(point, first, axis=0)
        out[filled, 3:] = np.maximum.reduceat(point, first, axis=0)
    return out


def shown(levels: Levels, invisible: B1, purpose: U1, purposes: Sequence[int]) -> B1:
    """Return which rows are visible: nothing above is invisible and the purpose is one of those chosen."""
    visible: B1 = ~levels.any_above(invisible) & np.isin(purpose, purposes)
    return visible
