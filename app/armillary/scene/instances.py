"""PointInstancers and Points: what their instances show and where, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import Usd

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import B1, F8, I8
from armillary.scene.place import NOTHING, Levels, expand, flags, moved_boxes, shown, subtree
from armillary.scene.problems import FARTHEST, problem
from armillary.scene.survey import Survey

MAX_NESTING = 8  # instancers whose prototypes are instancers whose …
PROTOTYPE = Usd.PrimIsActive  # a prototype may be a class or an over: only instancing shows it


@dataclass(frozen=True, slots=True)
class Part:
    """One shape as an instancer shows it, n times, in the instancer's own space."""

    geometry: int
    source: int  # source that has the shape
    rows: tuple[int, ...]  # sources above it inside the prototype, itself first: what it inherits from
    matrix: F8  # (n, 4, 4)
    id: I8  # (n,) the instance of the outermost instancer


@dataclass(slots=True)
class Instancers:
    """Works out instancers, each once, though many instances may show it."""

    survey: Survey
    table: F8  # (k, 4, 4) transforms to the parent's space
    which: I8  # (S,)
    geometry: I8  # (S,) shape of each source or -1
    purposes: tuple[int, ...]
    most: int  # instances in all
    made: int = 0
    _parts: dict[int, tuple[Part, ...]] = field(default_factory=dict)
    _shown: dict[int, tuple[Part, ...]] = field(default_factory=dict)

    def parts(self, source: int, depth: int = 0) -> tuple[Part, ...]:
        """Return what the instancer at a source shows, in its own space; what cannot be is left out."""
        if source not in self._parts:
            self._parts[source] = self._instances(source, depth)
        return self._parts[source]

    def _instances(self, source: int, depth: int) -> tuple[Part, ...]:
        survey, prim = self.survey, self.survey.prim[source]
        path = survey.path[source]
        index = _array(prim, "protoIndices", survey.time)
        place = _array(prim, "positions", survey.time, 3)
        if index is None or place is None:
            survey.problems.append(problem("S08", path, "The instancer has no protoIndices or no positions."))
            return ()
        if depth > MAX_NESTING:
            survey.problems.append(
                problem("S15", path, f"Instancers are nested more than {MAX_NESTING} deep.")
            )
            return ()
        targets = prototype_sources(survey, prim)
        n = min(len(index), len(place))
        if len(index) != len(place):
            survey.problems.append(
                problem("S08", path, f"{len(index)} protoIndices for {len(place)} positions: {n} are shown.")
            )
        keep = self._kept(prim, n)
        wrong = (index[:n] < 0) | (index[:n] >= len(targets))
        if wrong.any():
            survey.problems.append(
                problem("S08", path, f"{int(wrong.sum())} instances name a prototype that does not exist.")
            )
        matrix = _transforms(prim, survey.time, place[:n])
        finite = (np.abs(matrix) <= FARTHEST).all(axis=(1, 2))  # NaN is not
        if not finite.all():
            survey.problems.append(
                problem("S07", path, f"{int((~finite).sum())} instances have no finite place.")
            )
        keep &= ~wrong & finite
        ids = _ids(prim, survey.time, n)
        out: list[Part] = []
        for k, target in enumerate(targets):
            rows = np.flatnonzero(keep & (index[:n] == k))
            if target is None or not len(rows):
                continue
            for part in self._prototype(target, depth):
                rows = self._allowed(rows, len(part.matrix), path)
                placed = matrix[rows][:, None] @ part.matrix[None]
                out.append(
                    Part(
                        part.geometry,
                        part.source,
                        part.rows,
                        placed.reshape(-1, 4, 4),
                        np.repeat(ids[rows], len(part.matrix)),
                    )
                )
        return tuple(out)

    def _allowed(self, rows: I8, each: int, path: str) -> I8:
        """Return the instances that may still be made, counting them."""
        room = max(self.most - self.made, 0) // max(each, 1)
        if room < len(rows):
            self.survey.problems.append(
                problem(
                    "S15",
                    path,
                    f"The scene has more than {self.most:,} instances; {len(rows) - room:,} are left out.",
                )
            )
            rows = rows[:room]
        self.made += len(rows) * each
        return rows

    def _kept(self, prim: Any, n: int) -> B1:
        """Return which of n instances are neither invisible nor inactive."""
        keep = np.ones(n, np.bool_)
        ids = _ids(prim, self.survey.time, n)
        hidden = _array(prim, "invisibleIds", self.survey.time)
        if hidden is not None:
            keep &= ~np.isin(ids, hidden)
        inactive = prim.GetMetadata("inactiveIds")
        if inactive:
            keep &= ~np.isin(ids, np.array(inactive.GetAppliedItems(), np.int64))
        return keep

    def _prototype(self, target: int, depth: int) -> tuple[Part, ...]:
        """Return the shapes of a prototype in its own parent's space, each once."""
        if target in self._shown:
            return self._shown[target]
        self._shown[target] = ()  # a prototype that holds its own instancer shows nothing more
        survey = self.survey
        first, end = subtree(survey, target)
        block = expand(survey, first, end, survey.path[target])
        source, parent = np.array(block.source, np.int64), np.array(block.parent, np.int32)
        levels = Levels.of(parent)
        reset = flags(len(survey.path), survey.reset)[source]
        reset[0] = False
        matrix = levels.world(self.table, self.which[source], reset, np.eye(4))
        own = np.array([survey.purpose.get(s, NOTHING) for s in block.source], np.int64)
        purpose = np.maximum(levels.inherited(own), 0).astype(np.uint8)
        hidden = flags(len(survey.path), survey.invisible)[source]
        visible = shown(levels, hidden, purpose, self.purposes)
        is_instancer = flags(len(survey.path), survey.instancers)[source]
        inside = levels.any_above(is_instancer) & ~is_instancer
        out: list[Part] = []
        for row in np.flatnonzero(visible & ~inside).tolist():
            above, up = [], row
            while up >= 0:
                above.append(int(source[up]))
                up = int(parent[up])
            if self.geometry[source[row]] >= 0:
                out.append(
                    Part(
                        int(self.geometry[source[row]]),
                        int(source[row]),
                        tuple(above),
                        matrix[row : row + 1],
                        np.zeros(1, np.int64),
                    )
                )
            if is_instancer[row]:
                out.extend(
                    Part(p.geometry, p.source, (*p.rows, *above), matrix[row] @ p.matrix, p.id)
                    for p in self.parts(int(source[row]), depth + 1)
                )
        self._shown[target] = tuple(out)
        return self._shown[target]

    def box(self, source: int, pool_box: F8) -> F8:
        """Return the box (6,) of all that an instancer shows, in its own space; NaN = nothing."""
        boxes = [
            moved_boxes(np.broadcast_to(pool_box[p.geometry], (len(p.matrix), 6)), p.matrix)
            for p in self.parts(source)
        ]
        every = np.concatenate([np.zeros((0, 6)), *boxes])
        every = every[~np.isnan(every[:, 0])]
        if not len(every):
            return np.full(6, np.nan)
        return np.concatenate([every[:, :3].min(axis=0), every[:, 3:].max(axis=0)])


def prototype_sources(survey: Survey, prim: Any) -> list[int | None]:
    """Return the sources of an instancer's prototypes; None where one does not exist."""
    relation = prim.GetRelationship("prototypes")
    targets = relation.GetForwardedTargets() if relation else []
    return [survey.number.get(path.pathString) for path in targets]


def read_prototypes(survey: Survey) -> None:
    """Read everything that instances and instancers show and that is not in the tree itself."""
    done = 0
    regions: set[str] = set()
    while True:
        missing = [p for p in survey.instance_of.values() if p not in survey.region and p not in regions]
        for path in missing:
            regions.add(path)
            survey.read(survey.stage.GetPrimAtPath(path))
        waiting = survey.instancers[done:]
        done = len(survey.instancers)
        for source in waiting:
            prim = survey.prim[source]
            relation = prim.GetRelationship("prototypes")
            for path in relation.GetForwardedTargets() if relation else []:
                if path.pathString in survey.number:
                    continue
                target = survey.stage.GetPrimAtPath(path)
                if target:
                    survey.read(target, PROTOTYPE)
                else:
                    survey.problems.append(
                        problem("S08", survey.path[source], f"The prototype {path} does not exist.")
                    )
        if not missing and not waiting:
            return


def _array(prim: Any, name: str, time: Any, columns: int = 0) -> Any:
    """Return an attribute as an array of numbers, or of rows of `columns`; else None."""
    attribute = prim.GetAttribute(name)
    value = attribute.Get(time) if attribute else None
    array = None if value is None else np.asarray(value)
    shape = (columns,) if columns else ()
    if array is None or array.ndim != 1 + len(shape) or array.shape[1:] != shape:
        return None
    return array if array.dtype.kind in "fiu" else None


def _ids(prim: Any, time: Any, n: int) -> I8:
    ids = _array(prim, "ids", time)
    return ids.astype(np.int64) if ids is not None and len(ids) == n else np.arange(n, dtype=np.int64)


def _transforms(prim: Any, time: Any, place: Any) -> F8:
    """Return instance transforms, shape (n, 4, 4): translate · rotate · scale."""
    n = len(place)
    matrix = np.zeros((n, 4, 4))
    matrix[:, 3, 3] = 1.0
    turn = _array(prim, "orientationsf", time, 4)
    turn = _array(prim, "orientations", time, 4) if turn is None else turn
    if turn is not None and len(turn) == n:
        matrix[:, :3, :3] = rotations(np.asarray(turn, np.float64))
    else:
        matrix[:, :3, :3] = np.eye(3)
    scale = _array(prim, "scales", time, 3)
    if scale is not None and len(scale) == n:
        matrix[:, :3, :3] *= np.asarray(scale, np.float64)[:, None, :]
    matrix[:, :3, 3] = place
    return matrix


def rotations(quaternion: F8) -> F8:
    """Return rotation matrices, shape (n, 3, 3), of quaternions (x, y, z, w); a zero one turns nothing."""
    length = np.linalg.norm(quaternion, axis=1)
    unit = np.where(
        (length > 0)[:, None], quaternion / np.where(length > 0, length, 1)[:, None], (0, 0, 0, 1)
    )
    x, y, z, w = unit.T
    out = np.empty((len(unit), 3, 3))
    out[:, 0] = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], 1)
    out[:, 1] = np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], 1)
    out[:, 2] = np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], 1)
    return out


def point_matrices(survey: Survey, source: int) -> tuple[F8, I8]:
    """Return where points of a Points prim are, shape (n, 4, 4), scaled by their radius, and which (n,)."""
    prim = survey.prim[source]
    place = _array(prim, "points", survey.time, 3)
    if place is None:
        return np.zeros((0, 4, 4)), np.zeros(0, np.int64)
    place = np.asarray(place, np.float64)
    widths = _array(prim, "widths", survey.time)
    finite = (np.abs(place) <= FARTHEST).all(axis=1)
    if not finite.all():
        survey.problems.append(
            problem("S07", survey.path[source], f"{int((~finite).sum())} points have no finite place.")
        )
    extent = float(np.ptp(place[finite], axis=0).max(initial=0.0)) if finite.any() else 0.0
    width = np.full(len(place), extent / 200 or 0.01)
    if widths is not None and len(widths) in {1, len(place)}:
        width[:] = widths
    matrix = np.zeros((len(place), 4, 4))
    matrix[:, [0, 1, 2], [0, 1, 2]] = (width / 2)[:, None]
    matrix[:, :3, 3] = place
    matrix[:, 3, 3] = 1.0
    sound = np.flatnonzero(finite & np.isfinite(width))
    return matrix[sound], sound
