"""Time samples of points, normals, widths and instances → tables by time of the shapes that bend with them.

The shapes are laid out as at the start: which corners share a point, and how faces are cut, does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pxr import Gf, Usd

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F2, F4, F8, I4, I8
from armillary.model.bending import Bending
from armillary.scene import paint
from armillary.scene.appearance import Appearance
from armillary.scene.direct import composed
from armillary.scene.draw import Drawing, order
from armillary.scene.instances import Instancers, point_matrices
from armillary.scene.place import NOTHING
from armillary.scene.polygons import Mesh, build
from armillary.scene.pool import Pool, ranges, starts, unit
from armillary.scene.problems import problem
from armillary.scene.shapes import Template, gprims, segments_for
from armillary.scene.survey import Survey
from armillary.scene.timing import Timed, attributes

MOST_BYTES = 256 << 20  # of the tables of one scene
MOST_SLOTS = 500_000  # points: more would take longer than a picture may
MOST_READS = 100_000  # values that are asked for: about 2 s on a small machine
_POINT_BYTES, _INSTANCE_BYTES = 18, 48  # of one at one time
_EDGE = 64.0  # normals that differ by less than 1 / this lie on the same smooth surface
_FULL = ("faceVarying", "uniform")


@dataclass(slots=True)
class _Bent:
    """One mesh that bends: which point, corner and face of it each point of its shape is."""

    source: int
    mesh: Mesh
    shape: int
    first: int  # slot of its first point
    ids: I8  # (p, 3)
    has_normals: bool


@dataclass(slots=True)
class _Made:
    """Curves or a gprim: a shape that is made from its values."""

    source: int
    shape: int
    first: int
    length: int


def read(
    survey: Survey,
    timed: Timed,
    pool: Pool,
    geometry: I8,
    drawing: Drawing,
    source: I8,
    instancers: Instancers,
    look: Appearance,
) -> Bending:
    """Return what of a scene bends within its time range; a shape that changes its layout is held and told.

    geometry: (S,) shape of each source. source: (M,) of each row. instancers, look: those of the start.
    """
    if not timed.shaped:
        return Bending()
    meshes, made, slots = _shapes(survey, timed, pool, geometry)
    flying = {*survey.points, *survey.instancers}
    flown = [s for s in timed.shaped if s in flying]
    rows, columns = _flying(survey, drawing, source, flown)
    if not meshes and not made and not len(rows):
        return Bending()
    times = _times(survey, timed, slots, len(rows))
    if not len(times):
        where = survey.path[timed.shaped[0]]
        survey.problems.append(
            problem("S11", where, "Too much of the scene bends; it stays as at the start.")
        )
        return Bending()
    place = np.empty((len(times), slots, 3), np.float32)
    normal: F2 = np.empty((len(times), slots, 3), np.float16)
    matrix = np.empty((len(times), len(rows), 3, 4), np.float32)
    laid = _Laid.of(meshes, pool)
    held: set[int] = set()
    flights = _Flights(instancers, look, columns)
    for k, t in enumerate(times.tolist()):
        now = replace(survey, time=Usd.TimeCode(t), problems=[])
        _bend_meshes(now, meshes, pool, laid, place[k], normal[k], held)
        _bend_made(now, made, pool, place[k], normal[k], held)
        flights.at(now, matrix, k, held)
    for one in sorted(held):
        what = "It has another number of points at other times; it is held where it does not fit."
        survey.problems.append(problem("S11", survey.path[one], what))
    point, slot = _where(drawing, pool, [*meshes, *made])
    reach = np.stack([place.min(axis=0), place.max(axis=0)])
    return Bending(
        time=times,
        point=point,
        slot=slot,
        place=place,
        normal=normal,
        reach=reach,
        instance=rows,
        matrix=matrix,
    )


def _shapes(survey: Survey, timed: Timed, pool: Pool, geometry: I8) -> tuple[list[_Bent], list[_Made], int]:
    """Return what bends by points, and how many points that is."""
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    lengths = np.diff(pool.point_start)
    meshes: list[_Bent] = []
    made: list[_Made] = []
    first = 0
    for source in timed.shaped:
        shape = int(geometry[source])
        if shape == NOTHING:
            continue
        if source in mesh_of:
            mesh = survey.mesh[mesh_of[source]]
            ids = _ids(mesh)
            if len(ids) != lengths[shape]:
                continue
            authored = _fits(mesh, mesh.normals, mesh.normals_of, "vertex", "varying", *_FULL, "constant")
            meshes.append(_Bent(source, mesh, shape, first, ids, authored))
        else:
            made.append(_Made(source, shape, first, int(lengths[shape])))
        first += int(lengths[shape])
    return meshes, made, first


def _fits(mesh: Mesh, values: Any, of: str, *among: str) -> bool:
    sizes = {
        "vertex": len(mesh.points),
        "varying": len(mesh.points),
        "faceVarying": len(mesh.indices),
        "uniform": len(mesh.counts),
        "constant": 1,
    }
    return values is not None and of in among and len(values) == sizes[of]


def _ids(mesh: Mesh) -> I8:
    """Return which point, corner and face each point of the shape of a mesh is, shape (p, 3).

    The mesh is built once more with its numbers in the place of texture coordinates, which travel with
    the points; numbers of corners split what values of corners have split already, and nothing else.
    """
    corners = _fits(mesh, mesh.uvs, mesh.uvs_of, *_FULL) or _fits(mesh, mesh.normals, mesh.normals_of, *_FULL)
    if corners:
        face = np.repeat(np.arange(len(mesh.counts)), mesh.counts)
        numbers = np.column_stack([mesh.indices, np.arange(len(mesh.indices)), face])
    else:
        numbers = np.column_stack([np.arange(len(mesh.points))] * 3)
    of = "faceVarying" if corners else "vertex"
    pool, _ = build([replace(mesh, uvs=numbers.astype(np.float32), uvs_of=of)])
    return pool.uv.astype(np.int64)


def _times(survey: Survey, timed: Timed, slots: int, instances: int) -> F8:
    """Return the times to keep: those of the samples, fewer of them where memory or time would not do."""
    start, end, _ = timed.range
    found = {start, end}
    reads = 0
    for source in timed.shaped:
        every = attributes(survey.prim[source])
        reads += len(every)
        for attribute in every:
            found.update(attribute.GetTimeSamplesInInterval(Gf.Interval(start, end)))
    times = np.array(sorted(found))
    bytes_each = max(slots * _POINT_BYTES + instances * _INSTANCE_BYTES, 1)
    most = min(MOST_BYTES // bytes_each, MOST_READS // max(reads, 1))
    if most < 2 or slots > MOST_SLOTS:  # noqa: PLR2004 - a start and an end
        return np.zeros(0)
    if len(times) > most:
        what = f"{len(times)} times are too many to keep; {most} of them are drawn, straight in between."
        survey.problems.append(problem("S11", survey.path[timed.shaped[0]], what))
        times = np.linspace(start, end, most)
    return times


@dataclass(frozen=True, slots=True)
class _Laid:
    """Triangles of the bent meshes that have no normals of their own, and which points share a normal."""

    triangle: I4  # (t, 3) slots
    slot: I8  # (n,) slots that take a normal
    group: I8  # (slots,)
    groups: int

    @classmethod
    def of(cls, meshes: Sequence[_Bent], pool: Pool) -> _Laid:
        bare = [m for m in meshes if not m.has_normals]
        triangles: list[I4] = [np.zeros((0, 3), np.int32)]
        slots: list[I8] = [np.zeros(0, np.int64)]
        group = np.zeros(max((m.first + len(m.ids) for m in meshes), default=0), np.int64)
        groups = 0
        for bent in bare:
            a, b = pool.triangle_start[bent.shape], pool.triangle_start[bent.shape + 1]
            triangles.append(pool.triangle[a:b] + np.int32(bent.first))
            own = bent.first + np.arange(len(bent.ids))
            slots.append(own)
            if bent.mesh.smooth:
                c, d = pool.point_start[bent.shape], pool.point_start[bent.shape + 1]
                lean = np.rint(pool.normal[c:d] * _EDGE).astype(np.int64)
                _, which = np.unique(np.column_stack([bent.ids[:, 0], lean]), axis=0, return_inverse=True)
            else:
                which = np.arange(len(own))
            group[own] = groups + which.ravel()
            groups += int(which.max(initial=-1)) + 1
        return cls(np.concatenate(triangles), np.concatenate(slots), group, groups)

    def normals(self, place: F4) -> F4:
        """Return the normals (n, 3) of `slot`: of the faces around each point, by their areas."""
        a, b, c = (place[self.triangle[:, i]] for i in range(3))
        area = np.cross(b - a, c - a)
        of = self.group[self.triangle].ravel()
        out = np.empty((self.groups, 3), np.float32)
        for axis in range(3):
            out[:, axis] = np.bincount(of, np.repeat(area[:, axis], 3), minlength=self.groups)
        return unit(out)[self.group[self.slot]]


def _bend_meshes(
    now: Survey, meshes: list[_Bent], pool: Pool, laid: _Laid, place: F4, normal: F2, held: set[int]
) -> None:
    """Write the places (slots, 3) and normals of meshes at the time of a survey."""
    for bent in meshes:
        at = slice(bent.first, bent.first + len(bent.ids))
        value = now.prim[bent.source].GetAttribute("points").Get(now.time)
        points = None if value is None else np.asarray(value, np.float32)
        if points is None or points.shape != bent.mesh.points.shape:
            held.add(bent.source)
            points = np.asarray(bent.mesh.points, np.float32)
        there = points[bent.ids[:, 0]]
        lost = ~np.isfinite(there).all(axis=1)
        if lost.any():
            there[lost] = bent.mesh.points[bent.ids[lost, 0]]
        place[at] = there
        if bent.has_normals:
            normal[at] = unit(_normals(now, bent))
    if len(laid.slot):
        normal[laid.slot] = laid.normals(place)


def _normals(now: Survey, bent: _Bent) -> F4:
    """Return the authored normals of the points of a shape at the time of a survey."""
    prim, mesh = now.prim[bent.source], bent.mesh
    name = "primvars:normals" if prim.GetAttribute("primvars:normals").HasAuthoredValue() else "normals"
    values, _ = now.values.primvar(prim, name)
    if values is None or mesh.normals is None or values.shape != mesh.normals.shape:
        values = mesh.normals
    if values is None:
        return np.zeros((len(bent.ids), 3), np.float32)
    column = {"faceVarying": 1, "uniform": 2}.get(mesh.normals_of, 0)
    which = bent.ids[:, column] if mesh.normals_of != "constant" else np.zeros(len(bent.ids), np.int64)
    out: F4 = values[which].astype(np.float32)
    return out


def _bend_made(now: Survey, made: list[_Made], pool: Pool, place: F4, normal: F2, held: set[int]) -> None:
    for each in made:
        prim = now.prim[each.source]
        shape: Template | Pool | None = None
        if prim.GetTypeName() == "BasisCurves":
            shape = now.values.tubes(prim, frozenset(prim.GetAuthoredPropertyNames()))
        elif (gprim := now.values.gprim(prim, composed(prim, now.values.time))) is not None:
            shape = gprims([gprim], segments_for(len(now.gprim)))
        at = slice(each.first, each.first + each.length)
        if shape is not None and len(shape.point) == each.length:
            place[at], normal[at] = shape.point, shape.normal
        else:
            held.add(each.source)
            begin = int(pool.point_start[each.shape])
            place[at] = pool.point[begin : begin + each.length]
            normal[at] = pool.normal[begin : begin + each.length]


def _where(drawing: Drawing, pool: Pool, bent: Sequence[_Bent | _Made]) -> tuple[I8, I8]:
    """Return the points of the scene that bend and the slot of each."""
    shapes = order(drawing)
    lengths = np.diff(pool.point_start)[shapes]
    begin = starts(lengths)[:-1]
    first = np.full(len(pool), NOTHING, np.int64)
    first[[b.shape for b in bent]] = [b.first for b in bent]
    of = first[shapes]
    runs = np.flatnonzero(of >= 0)
    return ranges(begin[runs], lengths[runs]), ranges(of[runs], lengths[runs])


def _flying(survey: Survey, drawing: Drawing, source: I8, flown: list[int]) -> tuple[I8, dict[int, I8]]:
    """Return the instances that fly, and of each source which of them are its own: (copies, n)."""
    columns: dict[int, I8] = {}
    if not flown:
        return np.zeros(0, np.int64), columns
    prims = np.concatenate([np.zeros(0, np.int64), *(i.prim for i in drawing.instances)]).astype(np.int64)
    rows: list[I8] = [np.zeros(0, np.int64)]
    total = 0
    for of in flown:
        own = [np.flatnonzero(prims == row) for row in np.flatnonzero(source == of).tolist()]
        own = [each for each in own if len(each)]
        if own and len({len(each) for each in own}) == 1:
            rows.extend(own)
            columns[of] = total + np.arange(len(own) * len(own[0])).reshape(len(own), -1)
            total += columns[of].size
    return np.concatenate(rows), columns


@dataclass(slots=True)
class _Flights:
    """Works out where instances are at other times."""

    instancers: Instancers
    look: Appearance
    columns: dict[int, I8]  # of each source which of the flying instances are its own, (copies, n)

    def at(self, now: Survey, matrix: F4, k: int, held: set[int]) -> None:
        """Write matrices (n, 3, 4) of one time; where their number differs, those of the time before."""
        if not self.columns:
            return
        again = replace(self.instancers, survey=now, made=0, _parts={}, _shown={})
        for source, columns in self.columns.items():
            local = self._points(now, source) if source in now.points else _parts(again, source)
            if len(local) == columns.shape[1]:
                matrix[k, columns] = local[None, :, :3]
            else:
                held.add(source)
                matrix[k, columns] = matrix[k - 1, columns] if k else np.eye(4, dtype=np.float32)[:3]

    def _points(self, now: Survey, source: int) -> F8:
        local, kept = point_matrices(now, source)
        runs = paint.by_colour(now, self.look.found, source, kept)
        return local[np.concatenate([which for _, which in runs])] if runs else local


def _parts(instancers: Instancers, source: int) -> F8:
    return np.concatenate([np.zeros((0, 4, 4)), *(p.matrix for p in instancers.parts(source))])
