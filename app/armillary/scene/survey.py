"""Stage → what is authored: one pass over the prims in Python, everything after it in numpy.

A *source* is one prim as composed: a prim of the stage, or of the prototype that native instances share.
A *row* is one prim of the tree; parts of an instance have rows of their own and share their sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from pxr import Tf, Usd, UsdGeom, Vt

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F4, I8, U1
from armillary.model.fault import SceneFault
from armillary.model.scene import PURPOSES, SceneProblem, VariantSet
from armillary.scene.direct import Alike, Direct, Read, composed, singles, transform
from armillary.scene.plan import (
    CAMERA,
    COLOUR,
    CURVES,
    GPRIM,
    INSTANCER,
    LIGHT,
    MESH,
    MESH_ARRAYS,
    OPACITY,
    PLAIN,
    POINTS,
    SCHEME,
    SUBSET,
    Plan,
    plan_of,
)
from armillary.scene.polygons import Mesh
from armillary.scene.problems import FARTHEST, LIMITS, MAX_DEPTH, problem
from armillary.scene.shapes import Gprim, Template
from armillary.scene.sniff import reason
from armillary.scene.values import NO_INDICES, NO_POINTS, Values

SHOWN = Usd.PrimIsActive & Usd.PrimIsDefined & ~Usd.PrimIsAbstract
RUN = 10_000  # prims after which it is told how far reading is
_FAR = f"The transform is not a number, or past {FARTHEST:g}."
_UNREADABLE = (Tf.ErrorException, MemoryError, ValueError, TypeError, IndexError, OverflowError)


@dataclass(slots=True)
class Survey:
    """All sources, S of them, in parallel lists; geometry refers to its source by number."""

    stage: Any  # Usd.Stage; pxr ships no type hints
    time: Any  # Usd.TimeCode
    max_prims: int
    max_points: int = LIMITS["points"]
    max_triangles: int = LIMITS["triangles"]
    values: Values = field(init=False)
    n_points: int = 0  # of meshes and curves that are kept
    n_triangles: int = 0
    path: list[str] = field(default_factory=list)
    prim: list[Any] = field(default_factory=list)
    up: list[int] = field(default_factory=list)  # parent source, -1 at the top of a region
    type_id: list[int] = field(default_factory=list)
    type_number: dict[str, int] = field(default_factory=dict)
    placed: list[int] = field(default_factory=list)  # sources with a transform…
    local: list[Any] = field(default_factory=list)  # …and its Gf.Matrix4d
    reset: list[int] = field(default_factory=list)  # sources that do not follow their parent
    invisible: list[int] = field(default_factory=list)
    with_visibility: list[int] = field(default_factory=list)  # sources that author any
    purpose: dict[int, int] = field(default_factory=dict)
    instance_of: dict[int, str] = field(default_factory=dict)  # source -> path of its prototype
    region: dict[str, tuple[int, int]] = field(default_factory=dict)  # root path -> first source, end
    kind: dict[int, str] = field(default_factory=dict)
    variants: list[VariantSet] = field(default_factory=list)
    has_materials: bool = False
    has_full_materials: bool = False  # bindings of the purpose `full`
    mesh: list[Mesh] = field(default_factory=list)
    mesh_source: list[int] = field(default_factory=list)
    gprim: list[Gprim] = field(default_factory=list)
    gprim_source: list[int] = field(default_factory=list)
    shape: list[Template] = field(default_factory=list)  # curves and other shapes ready as they are
    shape_source: list[int] = field(default_factory=list)
    shape_rgba: dict[int, U1] = field(default_factory=dict)  # colours of the points of a shape (p, 4)
    double_sided: list[int] = field(default_factory=list)
    colour_source: list[int] = field(default_factory=list)  # one colour for the whole prim
    colour: list[F4] = field(default_factory=list)  # (n, 3) linear, the first row counts
    opacity_source: list[int] = field(default_factory=list)
    opacity: list[float] = field(default_factory=list)
    many_colours: dict[int, tuple[F4, str]] = field(default_factory=dict)  # source -> (n, 3) linear, of
    many_opacities: dict[int, tuple[F4, str]] = field(default_factory=dict)
    self_coloured: set[int] = field(default_factory=set)  # sources whose points show their displayColor
    instancers: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    subsets: list[int] = field(default_factory=list)
    cameras: list[int] = field(default_factory=list)
    lights: list[int] = field(default_factory=list)
    problems: list[SceneProblem] = field(default_factory=list)
    number: dict[str, int] = field(default_factory=dict)  # path -> source
    _plans: dict[tuple[str, tuple[str, ...]], Plan] = field(default_factory=dict)
    _direct: Direct | None = None
    read_some: Callable[[Survey, int, int, int], None] | None = None
    """Told of each run of the stage's own sources when it is read: first, end, how many there will be."""

    def __post_init__(self) -> None:
        self.values = Values(self.time)

    def read(self, root: Any, predicate: Any = SHOWN) -> tuple[int, int]:
        """Read a subtree and return its sources as (first, end); a subtree is read once.

        Raises SceneFault when the scene has more prims than allowed or is nested too deeply.
        """
        key = root.GetPath().pathString
        if key in self.region:
            return self.region[key]
        first = len(self.path)
        number, plans, prims = self.number, self._plans, self.prim
        paths, ups, types = self.path, self.up, self.type_id
        instanced = bool(self.stage.GetPrototypes())
        local_of = UsdGeom.XformCache(self.time).GetLocalTransformation
        self._direct = direct = self._direct or Direct(self.stage)
        alone, is_plain = direct.spec, direct.is_plain
        up_to = root.GetPath().pathElementCount
        line = {0: -1}  # depth -> the source last read there: the parent of what comes one deeper
        alike: dict[tuple[Plan, Any], Alike] = {}
        begun = len(self.placed), len(self.mesh)
        told, total, due = first, 0, len(prims) + 10 * self.max_prims
        if self.read_some is not None and not first:
            total, due = sum(1 for _ in Usd.PrimRange(root, predicate)) - 1, RUN
        for prim in Usd.PrimRange(root, predicate):
            at = prim.GetPath()
            depth = at.pathElementCount
            if not depth:
                continue
            source = len(paths)
            if source > first or not up_to:
                up = line[depth - 1]
                path = f"{paths[up]}/{at.name}" if up >= 0 else f"/{at.name}"
            else:
                up, path = -1, at.pathString
            line[depth] = source
            spec = alone(prim, at)
            if spec is not None:
                type_name, names = spec.typeName, tuple(spec.GetInfo("properties"))
            else:
                type_name, names = prim.GetTypeName(), tuple(prim.GetAuthoredPropertyNames())
            plan = plans.get((type_name, names))
            if plan is None:
                plan = plans[(type_name, names)] = self._plan(prim, type_name, names)
            number[path] = source
            paths.append(path)
            prims.append(prim)
            types.append(plan.type_id)
            ups.append(up)
            if spec is None:
                self._read_composed(prim, source, plan, local_of)
            elif plan.reads:
                layer = direct.layer
                group = alike.get((plan, layer))
                if group is None:
                    group = alike[(plan, layer)] = Alike(layer)
                group.source.append(source)
                group.prim.append(prim)
                group.path.append(at if is_plain else spec.path)
            if instanced and prim.IsInstance():
                self.instance_of[source] = prim.GetPrototype().GetPath().pathString
            if spec is None or spec.kind:
                kind = prim.GetKind()
                if kind:
                    self.kind[source] = kind
            if prim.HasVariantSets() if spec is None else spec.HasInfo("variantSetNames"):
                self._read_variants(prim, source)
            if source - first > self.max_prims:
                self._too_many()
            if source >= due:
                due += RUN
                told = self._run_read(alike, local_of, told, total)
        self._run_read(alike, local_of, told, total)
        self._in_order(*begun)
        self.region[key] = (first, len(paths))
        self._check_depth(first)
        return self.region[key]

    def _run_read(self, alike: dict[tuple[Plan, Any], Alike], local_of: Any, first: int, total: int) -> int:
        """Read what waits to be read together, and tell of it; return the end of what was told."""
        for (plan, _), group in alike.items():
            self._read_alike(group, plan, local_of)
        alike.clear()
        if self.read_some is not None and total:
            self.read_some(self, first, len(self.path), total)
        return len(self.path)

    def _read_composed(self, prim: Any, source: int, plan: Plan, local_of: Any) -> None:
        """Read a prim that several layers speak of, or one with time samples."""
        if plan.placed:
            self._place(source, transform(prim, local_of))
        self._read_values(prim, source, plan, composed(prim, self.time))

    def _read_values(self, prim: Any, source: int, plan: Plan, read: Read) -> None:
        try:
            if plan.kind == MESH:
                mesh = self._mesh(source, *(read(name) for name in MESH_ARRAYS))
                if mesh is not None:
                    self._read_extras(prim, source, mesh, plan, read)
            elif plan.kind != PLAIN:
                self._read_other(prim, source, plan, read)
            if plan.looks:
                self._look(prim, source, plan, read)
        except _UNREADABLE as error:  # arrays that the file does not hold, values of other types
            what = f"Its arrays cannot be read: {reason(error)}."
            self.problems.append(problem("S05", self.path[source], what))

    def _read_alike(self, group: Alike, plan: Plan, local_of: Any) -> None:
        """Read prims that author the same properties, one property after the other."""
        if plan.placed:
            for source, found in zip(group.source, group.transforms(local_of), strict=True):
                self._place(source, found)
        if not plan.columns:
            self._read_each(group, plan)
            return
        none = [None] * len(group.source)
        try:
            columns = [group.column(name) if name in plan.names else none for name in MESH_ARRAYS]
            schemes = group.column(SCHEME) if plan.extras else none
            colours = singles(group.column(COLOUR), Vt.Vec3fArray, 3) if plan.looks else None
        except _UNREADABLE:  # one of them, which is found when each is read alone
            self._read_each(group, plan)
            return
        if not self._take_meshes(group.source, columns, schemes):
            for source, points, counts, indices, scheme in zip(group.source, *columns, schemes, strict=True):
                mesh = self._mesh(source, points, counts, indices)
                if mesh is not None and scheme is not None:
                    mesh.smooth = scheme != "none"
        if colours is not None:
            self.colour_source += group.source
            self.colour += list(colours)
        elif plan.looks:
            for k, source in enumerate(group.source):
                self._look(group.prim[k], source, plan, group.reader(k))

    def _take_meshes(self, source: list[int], columns: list[list[Any]], schemes: list[Any]) -> bool:
        """Take in meshes whose arrays have the types of their schema, when there is room for them all."""
        if [set(map(type, column)) for column in columns] != [{Vt.Vec3fArray}, {Vt.IntArray}, {Vt.IntArray}]:
            return False
        points, faces, corners = (sum(map(len, column)) for column in columns)
        # faces of fewer than three corners are left out and counted as less than nothing: the sum may be low
        if self.n_points + points > self.max_points or self.n_triangles + corners > self.max_triangles:
            return False
        self.n_points += points
        self.n_triangles += max(corners - 2 * faces, 0)
        self.mesh_source += source
        # one array of all of them, and views of it: their own memory is free again
        all_points = np.frombuffer(b"".join(columns[0]), np.float32).reshape(-1, 3)
        cut_points = _cut(columns[0], all_points)
        cut_counts, cut_indices = (
            _cut(column, np.frombuffer(b"".join(column), np.int32)) for column in columns[1:]
        )
        self.mesh += [
            Mesh(points=p, counts=c, indices=i, smooth=scheme != "none", typed=True)
            for p, c, i, scheme in zip(cut_points, cut_counts, cut_indices, schemes, strict=True)
        ]
        return True

    def _read_each(self, group: Alike, plan: Plan) -> None:
        for k, (prim, source) in enumerate(zip(group.prim, group.source, strict=True)):
            self._read_values(prim, source, plan, group.reader(k))

    def _place(self, source: int, found: tuple[Any, bool] | None) -> None:
        if found is None:
            self.problems.append(problem("S12", self.path[source], "The transform cannot be worked out."))
            return
        self.placed.append(source)
        self.local.append(found[0])
        if found[1]:
            self.reset.append(source)

    def _in_order(self, placed: int, meshes: int) -> None:
        """Bring what was read group by group into the order of sources; those before the two numbers are."""
        for first, key, other in ((placed, self.placed, self.local), (meshes, self.mesh_source, self.mesh)):
            mine = np.array(key[first:], np.int64)
            if len(mine) and bool((np.diff(mine) < 0).any()):
                order = np.argsort(mine, kind="stable").tolist()
                key[first:] = mine[order].tolist()
                rest = other[first:]
                other[first:] = [rest[k] for k in order]

    def _too_many(self) -> None:
        raise SceneFault(
            f"The scene has more than {self.max_prims:,} prims.",
            where=self.stage.GetRootLayer().realPath,
            remedy="Raise `prims` under [scene] limits of project.toml, or load payloads by need.",
        )

    def _check_depth(self, first: int) -> None:
        deepest = max(self.path[first:], key=lambda path: path.count("/"), default="")
        if deepest.count("/") > MAX_DEPTH:
            raise SceneFault(
                f"The scene is nested more than {MAX_DEPTH} prims deep.",
                where=deepest[:200],
                remedy="Flatten it; no plant is built like that.",
            )

    def _plan(self, prim: Any, type_name: str, names: tuple[str, ...]) -> Plan:
        type_id = self.type_number.setdefault(type_name, len(self.type_number))
        if any(name.startswith("material:binding") for name in names):
            self.has_materials = True
            self.has_full_materials |= any(name.startswith("material:binding:full") for name in names)
        return plan_of(prim, type_name, type_id, frozenset(names))

    def _look(self, prim: Any, source: int, plan: Plan, read: Read) -> None:
        names = plan.names
        if "visibility" in names:
            self.with_visibility.append(source)
            if read("visibility") == "invisible":
                self.invisible.append(source)
        if "purpose" in names:
            token = read("purpose")
            # OpenUSD draws nothing of a purpose that it does not know, as of a guide
            self.purpose[source] = PURPOSES.index(token if token in PURPOSES else "guide")
        if COLOUR in names:
            values, of = self.values.primvar(prim, COLOUR, names, read)
            if values is not None and values.shape[1:] != (3,):
                values = None
            if values is not None and len(values) and of == "constant":
                self.colour_source.append(source)
                self.colour.append(values)
            elif values is not None and len(values):
                self.many_colours[source] = (values, of)
        if OPACITY in names:
            values, of = self.values.primvar(prim, OPACITY, names, read)
            if values is not None and values.ndim != 1:
                values = None
            if values is not None and len(values) and of == "constant":
                self.opacity_source.append(source)
                self.opacity.append(float(values[0]))
            elif values is not None and len(values):
                self.many_opacities[source] = (values, of)

    def has_samples(self) -> bool:
        """Tell whether any layer of the stage holds values over time; after `read`, which opens clips."""
        direct = self._direct or Direct(self.stage)
        return any(not direct.is_timeless(layer) for layer in self.stage.GetUsedLayers())

    def _mesh(self, source: int, points: Any, counts: Any, indices: Any) -> Mesh | None:
        """Take in a mesh; None where it is left out."""
        mesh = Mesh(
            points=NO_POINTS if points is None else np.asarray(points),
            counts=NO_INDICES if counts is None else np.asarray(counts),
            indices=NO_INDICES if indices is None else np.asarray(indices),
        )
        # `size`, as any of them may be of another type than an array of points or numbers
        if not self._room(source, mesh.points.size // 3, mesh.indices.size - 2 * mesh.counts.size):
            return None
        self.mesh.append(mesh)
        self.mesh_source.append(source)
        return mesh

    def _room(self, source: int, points: int, triangles: int) -> bool:
        """Count points and triangles; tell of a shape that is past the limit of either."""
        triangles = max(triangles, 0)
        for n, now, most, what in (
            (points, self.n_points, self.max_points, "points"),
            (triangles, self.n_triangles, self.max_triangles, "triangles"),
        ):
            if now + n > most:
                text = f"Left out: with its {n:,} {what} the scene has more than {most:,}."
                self.problems.append(problem("S19", self.path[source], text))
                return False
        self.n_points += points
        self.n_triangles += triangles
        return True

    def _read_extras(self, prim: Any, source: int, mesh: Mesh, plan: Plan, read: Read) -> None:
        for name in plan.extras:
            if name == "subdivisionScheme":
                mesh.smooth = read(name) != "none"
            elif name == "doubleSided":
                if read(name):
                    self.double_sided.append(source)
            elif name == "orientation":
                mesh.left_handed = read(name) == "leftHanded"
            elif name == "holeIndices":
                holes = self.values.array(prim, name, 1, None)
                mesh.holes = holes if holes is not None and holes.dtype.kind == "i" else None
            elif mesh.normals is None or name == "primvars:normals":
                self._read_normals(prim, name, mesh, plan)

    def _read_normals(self, prim: Any, name: str, mesh: Mesh, plan: Plan) -> None:
        values, of = self.values.primvar(prim, name, plan.names)
        if values is None or values.shape[1:] != (3,) or not len(values):
            return
        attribute = prim.GetAttribute(name)
        if not attribute.HasMetadata("interpolation"):
            of = "vertex"  # the schema's own default for normals
        mesh.normals, mesh.normals_of = values.astype(np.float32, copy=False), of

    def _read_other(self, prim: Any, source: int, plan: Plan, read: Read) -> None:
        if plan.sided and prim.GetAttribute("doubleSided").Get(self.time):
            self.double_sided.append(source)
        if plan.kind == GPRIM:
            self._read_gprim(prim, source, read)
        elif plan.kind == CURVES:
            self._read_curves(prim, source, plan)
        elif plan.kind == INSTANCER:
            self.instancers.append(source)
        elif plan.kind == POINTS:
            self.points.append(source)
        elif plan.kind == SUBSET:
            self.subsets.append(source)
        elif plan.kind == CAMERA:
            self.cameras.append(source)
        elif plan.kind == LIGHT:
            self.lights.append(source)

    def _read_gprim(self, prim: Any, source: int, read: Read) -> None:
        found = self.values.gprim(prim, read)
        if found is None:
            what = f"A size of this shape is not a number, or past {FARTHEST:g}."
            self.problems.append(problem("S07", self.path[source], what))
            return
        self.gprim.append(found)
        self.gprim_source.append(source)

    def _read_curves(self, prim: Any, source: int, plan: Plan) -> None:
        points = len(self.values.array(prim, "points", 2, NO_POINTS))
        if not points and not len(self.values.array(prim, "curveVertexCounts", 1, NO_INDICES)):
            return
        if not self._room(source, points, 0):
            return
        shape = self.values.tubes(prim, plan.names)
        if shape is None:
            self.problems.append(
                problem("S05", self.path[source], "The curves' counts do not add up to their points.")
            )
            return
        if not np.isfinite(shape.point).all():
            self.problems.append(problem("S07", self.path[source], "The curves have no finite place."))
            return
        self.shape.append(shape)
        self.shape_source.append(source)

    def _read_variants(self, prim: Any, source: int) -> None:
        sets = prim.GetVariantSets()
        for name in sets.GetNames():
            chosen = sets.GetVariantSet(name)
            self.variants.append(
                VariantSet(
                    prim=source,
                    name=name,
                    choices=tuple(chosen.GetVariantNames()),
                    selection=chosen.GetVariantSelection(),
                )
            )

    def matrices(self) -> tuple[np.ndarray[tuple[int, int, int], np.dtype[np.float64]], I8]:
        """Return transforms to the parent's space, (k + 1, 4, 4) on column vectors, and which a prim has."""
        which = np.zeros(len(self.path), np.int64)
        which[self.placed] = np.arange(1, len(self.placed) + 1)
        table = np.empty((len(self.placed) + 1, 4, 4))
        table[0] = np.eye(4)
        if self.local:
            # a Gf.Matrix4d is a buffer of 16 doubles, rows first
            table[1:] = np.frombuffer(b"".join(self.local)).reshape(-1, 4, 4).transpose(0, 2, 1)
        bad = ~(np.abs(table) <= FARTHEST).all(axis=(1, 2))  # NaN is not
        if bad.any():
            table[bad] = np.eye(4)
            for k in np.flatnonzero(bad).tolist():
                self.problems.append(problem("S12", self.path[self.placed[k - 1]], _FAR))
        return table, which


def _cut(column: list[Any], flat: Any) -> list[Any]:
    """Return the runs of an array that belong to each of a column, in its order."""
    ends = list(accumulate(map(len, column)))
    return [flat[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def start_time(stage: Any) -> Any:
    """Return the time code whose values are shown: the stage's start, 0 where none is authored."""
    start = stage.GetStartTimeCode() if stage.HasAuthoredTimeCodeRange() else 0.0
    return Usd.TimeCode(start if math.isfinite(start) else 0.0)
