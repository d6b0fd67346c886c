"""What an importer makes of a foreign file: nodes, meshes, materials, images; `scene.foreign` writes USD.

An importer fills a `TreeBuilder`; what comes of it is checked and mended by `cleaned`, since the file, and so
the importer's arrays, may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, U1
from armillary.model.fault import SceneFault

MAX_NODES = 5_000_000
MAX_POINTS = 100_000_000
MAX_DEPTH = 250  # nodes below each other; a scene may be 256 deep, and a mesh and its root are added
_CORNERS, _AXES = 3, 3  # of the smallest face; of a point
_FARTHEST = 1e37  # of a number that a single float holds, with room for sums
EMPTY_F4 = np.zeros((0, 3), np.float32)
EMPTY_I4 = np.zeros(0, np.int32)
_WIDTH = {"normals": 3, "uv": 2, "colour": 4}
_Drop = Callable[[str, int, str], None]  # what, how many, example


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMesh:
    """A shape in its own space, with p points and f faces. `…_of`: constant, uniform, vertex, faceVarying."""

    name: str
    points: F8  # (p, 3)
    counts: I4 = field(default_factory=lambda: EMPTY_I4)  # (f,) corners of each face, points of each line
    indices: I4 = field(default_factory=lambda: EMPTY_I4)  # (sum of counts,)
    kind: str = "mesh"  # mesh | points | lines
    normals: F4 = field(default_factory=lambda: EMPTY_F4)  # (k, 3)
    normals_of: str = ""  # "" = none
    uv: F4 = field(default_factory=lambda: np.zeros((0, 2), np.float32))  # (k, 2), origin at lower left
    uv_of: str = ""
    colour: F4 = field(default_factory=lambda: np.zeros((0, 4), np.float32))  # (k, 4) linear, with opacity
    colour_of: str = ""
    material: int = -1
    face_material: I4 = field(default_factory=lambda: EMPTY_I4)  # (f,) where faces differ, else empty
    double_sided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMaterial:
    """A surface after UsdPreviewSurface; colours linear, textures by number of the image, -1 for none."""

    name: str
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    opacity: float = 1.0
    opacity_threshold: float = 0.0
    metallic: float = 0.0
    roughness: float = 0.5
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    colour_image: int = -1
    emissive_image: int = -1
    normal_image: int = -1
    rough_image: int = -1  # roughness in its green, metallic in its blue channel
    occlusion_image: int = -1
    wrap: tuple[str, str] = ("repeat", "repeat")  # repeat | mirror | clamp


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeImage:
    """A picture as its file has it; PNG or JPEG."""

    name: str
    data: U1
    suffix: str  # ".png" | ".jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What of a file does not come over: how often, and one example."""

    what: str
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneTree:
    """A foreign scene, n nodes, each parent before its children. A mesh of several nodes is shared."""

    name: tuple[str, ...]  # (n,) as the file has it; need not be unique
    parent: I4  # (n,) -1 at the top
    matrix: F8  # (n, 4, 4) to the parent's space, on column vectors
    mesh: I4  # (n,) -1 for none
    facts: tuple[tuple[int, str, str], ...]  # node, key, value: extras, GlobalId, properties
    meshes: tuple[TreeMesh, ...]
    materials: tuple[TreeMaterial, ...]
    images: tuple[TreeImage, ...]
    up_axis: str  # Y | Z
    meters_per_unit: float
    assumed: tuple[str, ...] = ()  # what the file does not say, in sentences
    dropped: tuple[Dropped, ...] = ()


class TreeBuilder:
    """Collects a SceneTree. Numbers that methods return are used to refer to what was added."""

    def __init__(self) -> None:
        self.meshes: list[TreeMesh] = []
        self.materials: list[TreeMaterial] = []
        self.images: list[TreeImage] = []
        self._name: list[str] = []
        self._parent: list[int] = []
        self._matrix: list[F8] = []
        self._mesh: list[int] = []
        self._facts: list[tuple[int, str, str]] = []
        self._dropped: dict[str, tuple[int, str]] = {}
        self._assumed: dict[str, None] = {}

    def node(
        self,
        name: str,
        parent: int = -1,
        *,
        matrix: F8 | None = None,
        mesh: int = -1,
        facts: Mapping[str, object] | None = None,
    ) -> int:
        """Add a node below one that was added before. Raises SceneFault when there are too many."""
        number = len(self._name)
        if number >= MAX_NODES:
            raise _too_much(f"{MAX_NODES:,} nodes")
        self._name.append(name)
        self._parent.append(parent)
        self._matrix.append(np.eye(4) if matrix is None else np.asarray(matrix, np.float64).reshape(4, 4))
        self._mesh.append(mesh)
        self._facts.extend((number, str(key), str(value)) for key, value in (facts or {}).items())
        return number

    def add_mesh(self, mesh: TreeMesh) -> int:
        self.meshes.append(mesh)
        return len(self.meshes) - 1

    def add_material(self, material: TreeMaterial) -> int:
        self.materials.append(material)
        return len(self.materials) - 1

    def add_image(self, image: TreeImage) -> int:
        self.images.append(image)
        return len(self.images) - 1

    def drop(self, what: str, example: str = "", count: int = 1) -> None:
        """Note what does not come over; the first example of each is kept."""
        if count > 0:
            before, first = self._dropped.get(what, (0, example))
            self._dropped[what] = before + count, first

    def assume(self, sentence: str) -> None:
        """Note what the file does not say, and what was taken instead."""
        self._assumed[sentence] = None

    def built(self, *, up_axis: str, meters_per_unit: float) -> SceneTree:
        """Return what was collected."""
        return SceneTree(
            name=tuple(self._name),
            parent=np.array(self._parent, np.int32),
            matrix=np.array(self._matrix, np.float64).reshape(-1, 4, 4),
            mesh=np.array(self._mesh, np.int32),
            facts=tuple(self._facts),
            meshes=tuple(self.meshes),
            materials=tuple(self.materials),
            images=tuple(self.images),
            up_axis=up_axis,
            meters_per_unit=meters_per_unit,
            assumed=tuple(self._assumed),
            dropped=tuple(Dropped(what=w, count=n, example=e) for w, (n, e) in self._dropped.items()),
        )


def cleaned(tree: SceneTree, where: str) -> SceneTree:
    """Return a tree that can be drawn: sound faces, finite places, numbers that refer to something.

    What is left out for it is counted in `dropped`. Raises SceneFault when nothing is left, or too much.
    """
    n = len(tree.name)
    if n > MAX_NODES:
        raise _too_much(f"{MAX_NODES:,} nodes", where)
    if sum(len(mesh.points) for mesh in tree.meshes) > MAX_POINTS:
        raise _too_much(f"{MAX_POINTS:,} points", where)
    if (tree.parent >= np.arange(n)).any() or (tree.parent < -1).any():
        raise SceneFault(
            "The nodes of the file go round in a circle.", where=where, remedy="Export the file again."
        )
    _check_depth(tree.parent, where)
    found = {d.what: (d.count, d.example) for d in tree.dropped}

    def drop(what: str, count: int, example: str) -> None:
        if count:
            before, first = found.get(what, (0, example))
            found[what] = before + count, first

    meshes = tuple(_sound(mesh, len(tree.materials), drop) for mesh in tree.meshes)
    bad = ~np.asarray(np.isfinite(tree.matrix.reshape(n, 16)).all(axis=1), np.bool_)
    matrix = np.where(bad[:, None, None], np.eye(4), tree.matrix) if bad.any() else tree.matrix
    drop("transforms that are no numbers", int(bad.sum()), tree.name[int(np.argmax(bad))] if n else "")
    drawn = np.array([len(m.points) > 0 if m.kind == "points" else len(m.counts) > 0 for m in meshes], bool)
    mesh = np.where((tree.mesh >= 0) & (tree.mesh < len(meshes)), tree.mesh, -1).astype(np.int32)
    if drawn.size:
        mesh = np.where(mesh >= 0, np.where(drawn[mesh], mesh, -1), -1).astype(np.int32)
    if not (mesh >= 0).any():
        raise SceneFault(
            "The file holds nothing that can be shown.", where=where, remedy="Export it again, with geometry."
        )
    dropped = tuple(Dropped(what=w, count=c, example=e) for w, (c, e) in found.items())
    return replace(tree, meshes=meshes, matrix=matrix, mesh=mesh, dropped=dropped)


def _check_depth(parent: I4, where: str) -> None:
    up, deep = parent, 0
    while len(up) and (live := up >= 0).any():
        deep += 1
        if deep > MAX_DEPTH:
            raise _too_much(f"{MAX_DEPTH} nodes below each other", where)
        up = parent[up[live]]


def _sound(mesh: TreeMesh, materials: int, drop: _Drop) -> TreeMesh:
    """Return a mesh without faces that name no point, or one at no place, and arrays of a wrong length."""
    points = np.asarray(mesh.points, np.float64)
    if points.ndim != _AXES - 1 or points.shape[1] != _AXES:
        points = np.zeros((0, _AXES))
    finite = np.asarray(np.all(np.abs(points) < _FARTHEST, axis=1), np.bool_)  # NaN compares false as well
    material = mesh.material if -1 <= mesh.material < materials else -1
    if mesh.kind == "points":
        drop("points at no place", int((~finite).sum()), mesh.name)
        lengths, masks = {"constant": 1, "vertex": len(points)}, {"vertex": finite}
        normals, uv, colour = (_kept(mesh, name, lengths, masks, drop) for name in _WIDTH)
        counts, indices, faces = EMPTY_I4, EMPTY_I4, np.zeros(0, np.bool_)
        points = points[finite]
    else:
        counts = np.asarray(mesh.counts, np.int32).reshape(-1)
        indices = np.asarray(mesh.indices, np.int32).reshape(-1)
        if (counts < 0).any() or counts.sum(dtype=np.int64) != len(indices):
            drop("meshes whose counts do not add up", 1, mesh.name)
            return replace(mesh, points=points[:0], counts=EMPTY_I4, indices=EMPTY_I4)
        good = (indices >= 0) & (indices < len(points))
        good[good] = finite[indices[good]]
        face = np.repeat(np.arange(len(counts)), counts)
        least = _CORNERS if mesh.kind == "mesh" else 2
        faces = (np.bincount(face[~good], minlength=len(counts)) == 0) & (counts >= least)
        drop("faces with too few corners, or points that are not there", int((~faces).sum()), mesh.name)
        corners = faces[face]
        lengths = {"constant": 1, "uniform": len(counts), "vertex": len(points), "faceVarying": len(indices)}
        masks = {"uniform": faces, "faceVarying": corners}
        normals, uv, colour = (_kept(mesh, name, lengths, masks, drop) for name in _WIDTH)
        points = np.where(finite[:, None], points, 0.0)
        counts, indices = counts[faces], indices[corners]
    own = np.asarray(mesh.face_material, np.int32)
    own = own[faces] if own.shape == faces.shape else EMPTY_I4
    return replace(
        mesh,
        points=points,
        counts=counts,
        indices=indices,
        normals=normals[0],
        normals_of=normals[1],
        uv=uv[0],
        uv_of=uv[1],
        colour=colour[0],
        colour_of=colour[1],
        material=material,
        face_material=np.where((own >= 0) & (own < materials), own, -1).astype(np.int32),
    )


def _kept(
    mesh: TreeMesh, name: str, lengths: Mapping[str, int], masks: Mapping[str, B1], drop: _Drop
) -> tuple[F4, str]:
    """Return what is left of an attribute and its interpolation; nothing when its length is wrong."""
    values = np.asarray(getattr(mesh, name), np.float32)
    of = str(getattr(mesh, f"{name}_of"))
    if of and values.shape == (lengths.get(of, -1), _WIDTH[name]):
        return np.nan_to_num(values[masks[of]] if of in masks else values, posinf=0.0, neginf=0.0), of
    if of:
        drop(f"{name} of a wrong number", 1, mesh.name)
    return np.zeros((0, _WIDTH[name]), np.float32), ""


def triangles(meshes: Sequence[TreeMesh]) -> list[int]:
    """Return how many triangles each mesh is drawn with."""
    return [int((m.counts.astype(np.int64) - 2).sum()) if m.kind == "mesh" else 0 for m in meshes]


def _too_much(what: str, where: str = "") -> SceneFault:
    return SceneFault(
        f"The file was refused: it has more than {what}.", where=where, remedy="Import a part of it."
    )
