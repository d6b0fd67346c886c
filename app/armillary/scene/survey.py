"""Stage → what is authored: one pass over the prims in Python, everything after it in numpy.

A *source* is one prim as composed: a prim of the stage, or of the prototype that native instances share.
A *row* is one prim of the tree; parts of an instance have rows of their own and share their sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import Tf, Usd, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F4, I8, U1
from armillary.model.fault import SceneFault
from armillary.model.scene import PURPOSES, SceneProblem, VariantSet
from armillary.scene import curves
from armillary.scene.polygons import Mesh
from armillary.scene.problems import MAX_DEPTH, problem
from armillary.scene.shapes import GPRIMS, Gprim, Template, template

SHOWN = Usd.PrimIsActive & Usd.PrimIsDefined & ~Usd.PrimIsAbstract
CURVES, MESH, GPRIM, INSTANCER, POINTS, SUBSET, CAMERA, LIGHT, PLAIN = range(1, 10)
LIGHTS = (
    *("DistantLight", "DomeLight", "DomeLight_1"),
    *("SphereLight", "RectLight", "DiskLight", "CylinderLight"),
)
_KIND_OF = {
    "Mesh": MESH,
    "BasisCurves": CURVES,
    "PointInstancer": INSTANCER,
    "Points": POINTS,
    "GeomSubset": SUBSET,
    "Camera": CAMERA,
    **dict.fromkeys(LIGHTS, LIGHT),
    **dict.fromkeys(GPRIMS, GPRIM),
}
_MESH_EXTRAS = (
    "normals",
    "primvars:normals",
    "holeIndices",
    "orientation",
    "doubleSided",
    "subdivisionScheme",
)
COLOUR, OPACITY = "primvars:displayColor", "primvars:displayOpacity"
_NO_POINTS = np.zeros((0, 3), np.float32)
_NO_INDICES = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to read of prims of one type with one set of authored properties; made once for each set."""

    kind: int
    type_id: int
    placed: bool  # has transform operations
    extras: tuple[str, ...]
    sided: bool
    looks: bool  # has any of the properties of `_look`
    names: frozenset[str]


@dataclass(slots=True)
class Survey:
    """All sources, S of them, in parallel lists; geometry refers to its source by number."""

    stage: Any  # Usd.Stage; pxr ships no type hints
    time: Any  # Usd.TimeCode
    max_prims: int
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
    _plans: dict[tuple[str, tuple[str, ...]], _Plan] = field(default_factory=dict)

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
        for prim in Usd.PrimRange(root, predicate):
            path = prim.GetPath().pathString
            if path == "/":
                continue
            source = len(paths)
            type_name = prim.GetTypeName()
            names = tuple(prim.GetAuthoredPropertyNames())
            plan = plans.get((type_name, names))
            if plan is None:
                plan = plans[(type_name, names)] = self._plan(prim, type_name, names)
            number[path] = source
            paths.append(path)
            prims.append(prim)
            types.append(plan.type_id)
            ups.append(number.get(path.rpartition("/")[0], -1) if source > first else -1)
            if plan.placed:
                try:
                    matrix, resets = local_of(prim)
                except Tf.ErrorException:  # operations that OpenUSD does not know
                    self.problems.append(problem("S12", path, "The transform cannot be worked out."))
                else:
                    self.placed.append(source)
                    self.local.append(matrix)
                    if resets:
                        self.reset.append(source)
            if plan.kind == MESH:
                self._read_mesh(prim, source, plan)
            elif plan.kind != PLAIN:
                self._read_other(prim, source, plan)
            if plan.looks:
                self._look(prim, source, plan)
            if instanced and prim.IsInstance():
                self.instance_of[source] = prim.GetPrototype().GetPath().pathString
            kind = prim.GetKind()
            if kind:
                self.kind[source] = kind
            if prim.HasVariantSets():
                self._read_variants(prim, source)
            if source - first > self.max_prims:
                self._too_many()
        self.region[key] = (first, len(paths))
        self._check_depth(first)
        return self.region[key]

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

    def _plan(self, prim: Any, type_name: str, names: tuple[str, ...]) -> _Plan:
        type_id = self.type_number.setdefault(type_name, len(self.type_number))
        # a type that is not known here may name the one it falls back to
        kind = _KIND_OF.get(type_name) or _KIND_OF.get(str(prim.GetPrimTypeInfo().GetSchemaTypeName()), PLAIN)
        every = frozenset(names)
        if any(name.startswith("material:binding") for name in names):
            self.has_materials = True
            self.has_full_materials |= any(name.startswith("material:binding:full") for name in names)
        return _Plan(
            kind=kind,
            type_id=type_id,
            placed="xformOpOrder" in every,
            extras=tuple(name for name in _MESH_EXTRAS if name in every) if kind == MESH else (),
            sided="doubleSided" in every,
            looks=not every.isdisjoint(("visibility", "purpose", COLOUR, OPACITY)),
            names=every,
        )

    def _look(self, prim: Any, source: int, plan: _Plan) -> None:
        names = plan.names
        if "visibility" in names:
            self.with_visibility.append(source)
            if prim.GetAttribute("visibility").Get(self.time) == "invisible":
                self.invisible.append(source)
        if "purpose" in names:
            token = prim.GetAttribute("purpose").Get(self.time)
            # OpenUSD draws nothing of a purpose that it does not know, as of a guide
            self.purpose[source] = PURPOSES.index(token if token in PURPOSES else "guide")
        if COLOUR in names:
            values, of = self._primvar(prim, COLOUR, names)
            if values is not None and values.shape[1:] != (3,):
                values = None
            if values is not None and len(values) and of == "constant":
                self.colour_source.append(source)
                self.colour.append(values)
            elif values is not None and len(values):
                self.many_colours[source] = (values, of)
        if OPACITY in names:
            values, of = self._primvar(prim, OPACITY, names)
            if values is not None and values.ndim != 1:
                values = None
            if values is not None and len(values) and of == "constant":
                self.opacity_source.append(source)
                self.opacity.append(float(values[0]))
            elif values is not None and len(values):
                self.many_opacities[source] = (values, of)

    def _primvar(self, prim: Any, name: str, names: frozenset[str]) -> tuple[F4 | None, str]:
        """Return a primvar's values with indices applied, and its interpolation; a lone value is constant."""
        attribute = prim.GetAttribute(name)
        value = attribute.Get(self.time)
        if value is None:
            return None, ""
        values = np.asarray(value)
        if values.dtype.kind != "f":
            return None, ""
        if not type(value).__name__.endswith("Array"):  # one value instead of an array of one
            values = values[None]
        if len(values) == 1 and f"{name}:indices" not in names:
            return values, "constant"
        of = str(attribute.GetMetadata("interpolation") or "constant")
        if f"{name}:indices" in names:
            indices = prim.GetAttribute(f"{name}:indices").Get(self.time)
            if indices is not None and len(values):
                at = np.asarray(indices)
                values = values[np.clip(at, 0, len(values) - 1)]
        return values, of

    def primvar(self, prim: Any, name: str) -> tuple[F4 | None, str]:
        """Return the values of a primvar, (n, …) with indices applied, and what each belongs to."""
        return self._primvar(prim, name, frozenset(prim.GetAuthoredPropertyNames()))

    def _array(self, prim: Any, name: str, width: int, default: Any) -> Any:
        """Return an attribute as an array, the default where it is absent or of another shape."""
        value = prim.GetAttribute(name).Get(self.time)
        if value is None:
            return default
        array = np.asarray(value)
        return array if array.ndim == width and array.dtype.kind in "fiu" else default

    def _read_mesh(self, prim: Any, source: int, plan: _Plan) -> None:
        time = self.time
        points = prim.GetAttribute("points").Get(time)
        counts = prim.GetAttribute("faceVertexCounts").Get(time)
        indices = prim.GetAttribute("faceVertexIndices").Get(time)
        mesh = Mesh(
            points=_NO_POINTS if points is None else np.asarray(points),
            counts=_NO_INDICES if counts is None else np.asarray(counts),
            indices=_NO_INDICES if indices is None else np.asarray(indices),
        )
        self.mesh.append(mesh)
        self.mesh_source.append(source)
        if plan.extras:
            self._read_extras(prim, source, mesh, plan)

    def _read_extras(self, prim: Any, source: int, mesh: Mesh, plan: _Plan) -> None:
        for name in plan.extras:
            if name == "subdivisionScheme":
                mesh.smooth = prim.GetAttribute(name).Get(self.time) != "none"
            elif name == "doubleSided":
                if prim.GetAttribute(name).Get(self.time):
                    self.double_sided.append(source)
            elif name == "orientation":
                mesh.left_handed = prim.GetAttribute(name).Get(self.time) == "leftHanded"
            elif name == "holeIndices":
                holes = self._array(prim, name, 1, None)
                mesh.holes = holes if holes is not None and holes.dtype.kind == "i" else None
            elif mesh.normals is None or name == "primvars:normals":
                self._read_normals(prim, name, mesh, plan)

    def _read_normals(self, prim: Any, name: str, mesh: Mesh, plan: _Plan) -> None:
        values, of = self._primvar(prim, name, plan.names)
        if values is None or values.shape[1:] != (3,) or not len(values):
            return
        attribute = prim.GetAttribute(name)
        if not attribute.HasMetadata("interpolation"):
            of = "vertex"  # the schema's own default for normals
        mesh.normals, mesh.normals_of = values.astype(np.float32, copy=False), of

    def _read_other(self, prim: Any, source: int, plan: _Plan) -> None:
        if plan.sided and prim.GetAttribute("doubleSided").Get(self.time):
            self.double_sided.append(source)
        if plan.kind == GPRIM:
            self._read_gprim(prim, source)
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

    def _number(self, prim: Any, name: str, default: float) -> float:
        value = prim.GetAttribute(name).Get(self.time)
        return float(value) if isinstance(value, int | float) else default

    def _read_gprim(self, prim: Any, source: int) -> None:
        found = self.shape_of(prim)
        if found is None:
            self.problems.append(problem("S07", self.path[source], "A size of this shape is not a number."))
            return
        self.gprim.append(found)
        self.gprim_source.append(source)

    def shape_of(self, prim: Any) -> Gprim | None:
        """Return the sizes of a gprim, None where one is not a number."""
        kind = prim.GetTypeName()
        if kind not in GPRIMS:  # an unknown type that falls back to a known one
            kind = str(prim.GetPrimTypeInfo().GetSchemaTypeName())
        axis = str(prim.GetAttribute("axis").Get(self.time) or "Z") if kind not in {"Cube", "Sphere"} else "Z"
        axis = axis if axis in {"X", "Y", "Z"} else "Z"
        lift, ends = 0.0, (1.0, 1.0)
        if kind == "Cube":
            half = (self._number(prim, "size", 2.0) / 2,) * 3
        elif kind == "Sphere":
            half = (self._number(prim, "radius", 1.0),) * 3
        elif kind == "Plane":
            width, length = self._number(prim, "width", 2.0) / 2, self._number(prim, "length", 2.0) / 2
            half = (width, length, 1.0) if axis == "Z" else (length, width, 1.0)
        else:
            if kind.endswith("_1"):
                usual = 0.5 if kind.startswith("Capsule") else 1.0
                low, high = (self._number(prim, f"radius{end}", usual) for end in ("Bottom", "Top"))
                radius = max(low, high)
                ends = (low / radius, high / radius) if radius > 0 else ends
            else:
                radius = self._number(prim, "radius", 0.5 if kind == "Capsule" else 1.0)
            tall = self._number(prim, "height", 1.0 if kind.startswith("Capsule") else 2.0) / 2
            is_capsule = kind.startswith("Capsule")
            half, lift = (radius, radius, radius if is_capsule else tall), tall if is_capsule else 0.0
            kind = kind.removesuffix("_1")
        if not all(math.isfinite(v) for v in (*half, lift, *ends)):
            return None
        return Gprim(kind=kind, axis=axis, half=half, lift=lift, ends=ends)

    def _read_curves(self, prim: Any, source: int, plan: _Plan) -> None:
        if not len(self._array(prim, "points", 2, _NO_POINTS)) and not len(
            self._array(prim, "curveVertexCounts", 1, _NO_INDICES)
        ):
            return
        shape = self.tubes(prim, plan.names)
        if shape is None:
            self.problems.append(
                problem("S05", self.path[source], "The curves' counts do not add up to their points.")
            )
            return
        self.shape.append(shape)
        self.shape_source.append(source)

    def tubes(self, prim: Any, names: frozenset[str]) -> Template | None:
        """Return the tubes of a BasisCurves prim, None where its counts do not add up to its points."""
        points = self._array(prim, "points", 2, _NO_POINTS).astype(np.float64)
        counts = self._array(prim, "curveVertexCounts", 1, _NO_INDICES).astype(np.int64)
        token = {n: str(prim.GetAttribute(n).Get(self.time) or "") for n in ("type", "basis", "wrap")}
        widths = self._array(prim, "widths", 1, np.zeros(0))
        colours, of = self._primvar(prim, COLOUR, names) if COLOUR in names else (None, "")
        return curves.shape(points, counts, token, widths, colours, of)

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

    def point_shape(self) -> Template:
        """Return the shape that a point of a Points prim is drawn with."""
        return template("Sphere", 8)

    def matrices(self) -> tuple[np.ndarray[tuple[int, int, int], np.dtype[np.float64]], I8]:
        """Return transforms to the parent's space, (k + 1, 4, 4) on column vectors, and which a prim has."""
        which = np.zeros(len(self.path), np.int64)
        which[self.placed] = np.arange(1, len(self.placed) + 1)
        table = np.empty((len(self.placed) + 1, 4, 4))
        table[0] = np.eye(4)
        if self.local:
            # a Gf.Matrix4d is a buffer of 16 doubles, rows first
            table[1:] = np.frombuffer(b"".join(self.local)).reshape(-1, 4, 4).transpose(0, 2, 1)
        bad = ~np.isfinite(table).all(axis=(1, 2))
        if bad.any():
            table[bad] = np.eye(4)
            for k in np.flatnonzero(bad).tolist():
                self.problems.append(
                    problem("S12", self.path[self.placed[k - 1]], "The transform is not a number.")
                )
        return table, which


def start_time(stage: Any) -> Any:
    """Return the time code whose values are shown: the stage's start, 0 where none is authored."""
    start = stage.GetStartTimeCode() if stage.HasAuthoredTimeCodeRange() else 0.0
    return Usd.TimeCode(start if math.isfinite(start) else 0.0)
