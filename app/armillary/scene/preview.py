"""Boxes of the parts of a scene, as soon as they are read: what a desk shows before the whole is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8, U1
from armillary.model.message import SceneProgress
from armillary.model.scene import PURPOSES
from armillary.scene import paint
from armillary.scene.place import NOTHING, moved_boxes, pool_boxes
from armillary.scene.polygons import Mesh
from armillary.scene.pool import starts
from armillary.scene.shapes import AXES, Gprim
from armillary.scene.survey import Survey

Tell = Callable[[SceneProgress], None]


class Preview:
    """Tells the boxes of one run of sources after the other; used as `Survey.read_some`.

    A first picture, not the truth: colours of materials and parts of instances come with the whole scene.
    """

    def __init__(self, root: F8, purposes: Sequence[str], tell: Tell) -> None:
        """Take the way from stage to world (4, 4) and the purposes that are shown."""
        self._root, self._tell = root, tell
        self._purposes = [PURPOSES.index(p) for p in purposes if p in PURPOSES]
        self._world: F8 = np.zeros((0, 4, 4))  # of all sources so far
        self._hides: B1 = np.zeros(0, np.bool_)  # nothing below is drawn
        self._purpose: I8 = np.zeros(0, np.int64)
        self._colour: I8 = np.zeros(0, np.int64)  # place in `survey.colour`
        self._seen = [0, 0, 0, 0, 0, 0]  # of each list of the survey, how much of it is known here

    def __call__(self, survey: Survey, first: int, end: int, total: int) -> None:
        """Tell the boxes of sources first … end - 1; the calls come in their order."""
        n = end - first
        local = np.broadcast_to(np.eye(4), (n, 4, 4)).copy()
        at, placed = self._new(0, survey.placed)
        if len(placed):
            matrices = np.frombuffer(b"".join(survey.local[at:])).reshape(-1, 4, 4)
            local[placed - first] = matrices.transpose(0, 2, 1)
        hides, reset = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        hides[self._new(1, survey.invisible)[1] - first] = True
        inside = self._new(2, survey.instancers)[1] - first
        reset[[s - first for s in survey.reset if s >= first]] = True
        purpose, colour = np.full(n, NOTHING, np.int64), np.full(n, NOTHING, np.int64)
        for source, number in survey.purpose.items():
            if source >= first:
                purpose[source - first] = number
        at, coloured = self._new(3, survey.colour_source)
        colour[coloured - first] = at + np.arange(len(coloured))
        self._inherit(np.array(survey.up[first:end], np.int64), local, reset, hides, purpose, colour, inside)
        at, meshes = self._new(4, survey.mesh_source)
        begun, shapes = self._new(5, survey.gprim_source)
        rows = np.concatenate([meshes, shapes])
        own = np.concatenate([mesh_boxes(survey.mesh[at:]), shape_boxes(survey.gprim[begun:])])
        box = moved_boxes(own, self._world[rows])
        shown = np.isfinite(box).all(axis=1) & ~self._hides[rows]
        shown &= np.isin(np.maximum(self._purpose[rows], 0), self._purposes)
        self._tell(
            SceneProgress(
                what="reading",
                done=end,
                total=total,
                box=box[shown].astype(np.float32),
                rgba=self._rgba(survey, rows[shown]),
            )
        )

    def _new(self, which: int, sources: list[int]) -> tuple[int, I8]:
        """Return how many of a list were known, and those that were not."""
        known, self._seen[which] = self._seen[which], len(sources)
        return known, np.array(sources[known:], np.int64)

    def _inherit(self, up: I8, local: F8, reset: B1, hides: B1, purpose: I8, colour: I8, inside: I8) -> None:
        """Add a run of sources to what is known, the parents before their children."""
        first, n = len(self._world), len(up)
        self._world = np.concatenate([self._world, local])
        self._hides = np.concatenate([self._hides, hides])
        self._purpose = np.concatenate([self._purpose, purpose])
        self._colour = np.concatenate([self._colour, colour])
        closed = np.zeros(first + n, np.bool_)
        closed[first + inside] = True  # what stands below an instancer is drawn by it alone
        left, done = np.arange(n), np.zeros(n, np.bool_)
        while len(left):
            ready = (up[left] < first) | done[np.maximum(up[left] - first, 0)]
            rows, left = left[ready], left[~ready]
            above, at = up[rows], first + rows
            has = above >= 0
            ways = np.broadcast_to(self._root, (len(rows), 4, 4)).copy()
            follows = has & ~reset[rows]
            ways[follows] = self._world[above[follows]]
            self._world[at] = ways @ local[rows]
            kids, parents = at[has], above[has]
            self._hides[kids] |= self._hides[parents] | closed[parents]
            for each in (self._purpose, self._colour):
                mine = each[kids]
                each[kids] = np.where(mine == NOTHING, each[parents], mine)
            done[rows] = True
        self._hides |= closed

    def _rgba(self, survey: Survey, rows: I8) -> U1:
        out = np.empty((len(rows), 4), np.uint8)
        out[:, :3], out[:, 3] = paint.GREY, 255
        own = self._colour[rows]
        some = own >= 0
        if some.any():
            linear = np.array([survey.colour[k][0] for k in own[some].tolist()], np.float32)
            out[some, :3] = paint.srgb(linear)
        return out


def mesh_boxes(meshes: Sequence[Mesh]) -> F8:
    """Return the boxes (n, 6) of meshes in their own space; NaN for one without points that are numbers."""
    sound = [m.points if m.points.dtype.kind == "f" and m.points.shape[1:] == (3,) else None for m in meshes]
    points = [p for p in sound if p is not None]
    out = np.full((len(meshes), 6), np.nan)
    if points:
        which = np.array([p is not None for p in sound])
        flat: F4 = np.concatenate(points).astype(np.float32, copy=False)
        out[which] = pool_boxes(flat, starts([len(p) for p in points]))
    return out


def shape_boxes(shapes: Sequence[Gprim]) -> F8:
    """Return the boxes (n, 6) of gprims in their own space."""
    out = np.zeros((len(shapes), 6))
    for k, shape in enumerate(shapes):
        reach = np.array([*shape.half[:2], shape.half[2] + shape.lift])[list(AXES[shape.axis])]
        out[k] = [*-reach, *reach]
    return out
