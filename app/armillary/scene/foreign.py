"""SceneTree → a new USD layer: what an importer read becomes prims, meshes, materials and instances.

A mesh that several nodes share is written once, below `Prototypes`, and each node is an instance of it. The
file comes into being whole or not at all, and never in the place of another unless that is asked for.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Tf, Vt

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F4, F8
from armillary.model.fault import SceneFault
from armillary.model.tree import SceneTree, TreeMaterial, TreeMesh, triangles

SUFFIXES = (".usda", ".usdc", ".usd")
_MOST_NAME, _MOST_FACT = 100, 4_000  # characters
_COARSE = 1e-5  # rounding of single floats that may show, as a part of a mesh's size
_DEF, _CLASS = Sdf.SpecifierDef, Sdf.SpecifierClass
_TYPES = Sdf.ValueTypeNames
_KINDS = {"mesh": "Mesh", "points": "Points", "lines": "BasisCurves"}


@dataclass(slots=True)
class _Writer:
    """Writes one tree into a layer in memory."""

    tree: SceneTree
    layer: Any  # Sdf.Layer; pxr ships no type hints
    pictures: tuple[str, ...]  # of images, as the layer names them
    prims: int = 0
    instances: int = 0
    _used: dict[str, dict[str, int]] = field(default_factory=dict)  # path → names of its children
    _material: list[str] = field(default_factory=list)  # path of each
    _prototype: dict[int, str] = field(default_factory=dict)  # mesh → path

    def write(self, name: str) -> None:
        tree, layer = self.tree, self.layer
        root = self._prim(layer, "/", name, "Xform")
        root.SetInfo("kind", "component")
        layer.defaultPrim = root.name
        layer.pseudoRoot.SetInfo("upAxis", tree.up_axis)
        layer.pseudoRoot.SetInfo("metersPerUnit", tree.meters_per_unit)
        self._materials(root)
        self._prototypes(root)
        parents = set(tree.parent.tolist())
        facts: dict[int, dict[str, str]] = {}
        for node, key, value in tree.facts:
            facts.setdefault(node, {})[key] = value
        specs: list[Any] = []
        rows = zip(tree.name, tree.parent.tolist(), tree.mesh.tolist(), strict=True)
        plain = (tree.matrix == np.eye(4)).all(axis=(1, 2))
        for number, (named, parent, mesh) in enumerate(rows):
            above = specs[parent] if parent >= 0 else root
            matrix = None if plain[number] else tree.matrix[number]
            specs.append(self._node(above, named, matrix, mesh, number not in parents))
            if number in facts:
                self._say(specs[-1], facts[number])

    def _node(self, above: Any, name: str, matrix: F8 | None, mesh: int, leaf: bool) -> Any:
        path = above.path.pathString
        shared = self._prototype.get(mesh, "")
        if mesh < 0 or not leaf:
            spec = self._prim(above, path, name, "Xform")
            _place(spec, matrix)
            if mesh >= 0:
                self._node(spec, self.tree.meshes[mesh].name, None, mesh, True)
        elif shared:
            spec = self._prim(above, path, name, "Xform")
            _place(spec, matrix)
            spec.SetInfo("instanceable", True)
            spec.referenceList.Prepend(Sdf.Reference("", shared))
            self.instances += 1
        else:
            spec = self._shape(above, name, self.tree.meshes[mesh], matrix)
        return spec

    def _prim(self, parent: Any, path: str, name: str, kind: str, specifier: Any = _DEF) -> Any:
        """Return a new prim of a valid name that no sibling has; the name of the file stays to be shown."""
        used = self._used.setdefault(path, {})
        valid = valid_name(name)
        count = used.get(valid, 0) + 1
        unique = valid if count == 1 else f"{valid}_{count}"
        while count > 1 and unique in used:
            count += 1
            unique = f"{valid}_{count}"
        used[valid] = count
        used.setdefault(unique, 1)
        spec = Sdf.PrimSpec(parent, unique, specifier, kind)
        shown = _clean(name)
        if shown and shown != unique:
            spec.SetInfo("displayName", shown)
        self.prims += 1
        return spec

    def _say(self, spec: Any, facts: Mapping[str, str]) -> None:
        said = {_clean(key).replace(":", "_"): _clean(value, _MOST_FACT) for key, value in facts.items()}
        spec.SetInfo("customData", {"imported": {key: value for key, value in said.items() if key}})

    # ---------------------------------------------------------------- shapes

    def _prototypes(self, root: Any) -> None:
        used = self.tree.mesh[self.tree.mesh >= 0]
        shared = np.flatnonzero(np.bincount(used, minlength=len(self.tree.meshes)) > 1)
        if not len(shared):
            return
        folder = self._prim(root, root.path.pathString, "Prototypes", "Scope", _CLASS)
        for number in shared.tolist():
            mesh = self.tree.meshes[number]
            holder = self._prim(folder, folder.path.pathString, mesh.name, "Xform")
            self._shape(holder, mesh.name, mesh, None)
            self._prototype[number] = holder.path.pathString

    def _shape(self, above: Any, name: str, mesh: TreeMesh, matrix: F8 | None) -> Any:
        spec = self._prim(above, above.path.pathString, name, _KINDS[mesh.kind])
        points, offset = centred(mesh.points)
        if offset is not None:
            moved = np.eye(4)
            moved[:3, 3] = offset
            matrix = moved if matrix is None else matrix @ moved
        _place(spec, matrix)
        low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(3), np.zeros(3))
        size = float(np.linalg.norm(high - low))
        if mesh.kind == "points":
            _width(spec, size / max(len(points), 1) ** 0.5 / 2)
        elif mesh.kind == "lines":
            _attribute(spec, "type", _TYPES.Token, "linear", uniform=True)
            _attribute(spec, "curveVertexCounts", _TYPES.IntArray, Vt.IntArray.FromNumpy(mesh.counts))
            points = points[mesh.indices]
            _width(spec, size / 500)
        else:
            _attribute(spec, "subdivisionScheme", _TYPES.Token, "none", uniform=True)
            _attribute(spec, "faceVertexCounts", _TYPES.IntArray, Vt.IntArray.FromNumpy(mesh.counts))
            _attribute(spec, "faceVertexIndices", _TYPES.IntArray, Vt.IntArray.FromNumpy(mesh.indices))
            if mesh.double_sided:
                _attribute(spec, "doubleSided", _TYPES.Bool, True, uniform=True)
        _attribute(spec, "points", _TYPES.Point3fArray, _vec3(points))
        _attribute(spec, "extent", _TYPES.Float3Array, _vec3(np.array([low, high])))
        if mesh.normals_of:
            made = _attribute(spec, "normals", _TYPES.Normal3fArray, _vec3(mesh.normals))
            made.SetInfo("interpolation", mesh.normals_of)
        if mesh.uv_of:
            st = Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uv, np.float32))
            _attribute(spec, "primvars:st", _TYPES.TexCoord2fArray, st).SetInfo("interpolation", mesh.uv_of)
        self._paint(spec, mesh)
        return spec

    def _paint(self, spec: Any, mesh: TreeMesh) -> None:
        """Bind materials; colours of its points take the place of a material without a picture."""
        own = mesh.face_material
        kinds = np.unique(own).tolist() if len(own) else [mesh.material]
        single = kinds[0] if len(kinds) == 1 else -1
        colour, of = mesh.colour, mesh.colour_of
        if of and single >= 0:
            material = self.tree.materials[single]
            if material.colour_image < 0:
                colour = colour * np.array([*material.colour, material.opacity], np.float32)
                kinds = [-1]
        if of:
            made = _attribute(spec, "primvars:displayColor", _TYPES.Color3fArray, _vec3(colour[:, :3]))
            made.SetInfo("interpolation", of)
            if (colour[:, 3] < 1).any():
                values = Vt.FloatArray.FromNumpy(np.ascontiguousarray(colour[:, 3]))
                made = _attribute(spec, "primvars:displayOpacity", _TYPES.FloatArray, values)
                made.SetInfo("interpolation", of)
        if len(kinds) == 1:
            if kinds[0] >= 0:
                self._bind(spec, kinds[0])
            return
        _attribute(spec, "subsetFamily:materialBind:familyType", _TYPES.Token, "nonOverlapping", uniform=True)
        for kind in (kind for kind in kinds if kind >= 0):
            name = self.tree.materials[kind].name
            subset = self._prim(spec, spec.path.pathString, name, "GeomSubset")
            _attribute(subset, "elementType", _TYPES.Token, "face", uniform=True)
            _attribute(subset, "familyName", _TYPES.Token, "materialBind", uniform=True)
            faces = np.flatnonzero(own == kind).astype(np.int32)
            _attribute(subset, "indices", _TYPES.IntArray, Vt.IntArray.FromNumpy(faces))
            self._bind(subset, kind)

    def _bind(self, spec: Any, material: int) -> None:
        schemas = Sdf.TokenListOp()
        schemas.prependedItems = ["MaterialBindingAPI"]
        spec.SetInfo("apiSchemas", schemas)
        relation = Sdf.RelationshipSpec(spec, "material:binding", custom=False)
        relation.targetPathList.explicitItems = [Sdf.Path(self._material[material])]

    # ---------------------------------------------------------------- materials

    def _materials(self, root: Any) -> None:
        if not self.tree.materials:
            return
        folder = self._prim(root, root.path.pathString, "Materials", "Scope")
        for material in self.tree.materials:
            spec = self._prim(folder, folder.path.pathString, material.name, "Material")
            self._material.append(spec.path.pathString)
            self._surface(spec, material)

    def _surface(self, spec: Any, material: TreeMaterial) -> None:
        surface = self._shader(spec, "Surface", "UsdPreviewSurface")
        values = {
            "metallic": material.metallic,
            "roughness": material.roughness,
            "opacity": material.opacity,
            "opacityThreshold": material.opacity_threshold,
        }
        for name, value in values.items():
            _attribute(surface, f"inputs:{name}", _TYPES.Float, min(max(float(value), 0.0), 1.0))
        for name, colour in (("diffuseColor", material.colour), ("emissiveColor", material.emissive)):
            _attribute(surface, f"inputs:{name}", _TYPES.Color3f, Gf.Vec3f(*(max(v, 0.0) for v in colour)))
        _attribute(surface, "outputs:surface", _TYPES.Token, None)
        link = _attribute(spec, "outputs:surface", _TYPES.Token, None)
        link.connectionPathList.explicitItems = [surface.path.AppendProperty("outputs:surface")]
        self._textures(spec, surface, material)

    def _textures(self, spec: Any, surface: Any, material: TreeMaterial) -> None:
        shown = (
            ("diffuseColor", material.colour_image, "rgb", (*material.colour, 1.0), "sRGB"),
            ("emissiveColor", material.emissive_image, "rgb", (*material.emissive, 1.0), "sRGB"),
            ("normal", material.normal_image, "rgb", (2.0, 2.0, 2.0, 1.0), "raw"),
            ("roughness", material.rough_image, "g", (1.0, material.roughness, 1.0, 1.0), "raw"),
            ("metallic", material.rough_image, "b", (1.0, 1.0, material.metallic, 1.0), "raw"),
            ("occlusion", material.occlusion_image, "r", (1.0, 1.0, 1.0, 1.0), "raw"),
        )
        reader: Any = None
        for name, number, channel, scale, space in shown:
            if not 0 <= number < len(self.pictures):
                continue
            if reader is None:
                reader = self._shader(spec, "Coordinates", "UsdPrimvarReader_float2")
                _attribute(reader, "inputs:varname", _TYPES.String, "st")
                _attribute(reader, "outputs:result", _TYPES.Float2, None)
            texture = self._shader(spec, f"{name}Texture", "UsdUVTexture")
            _attribute(texture, "inputs:file", _TYPES.Asset, Sdf.AssetPath(self.pictures[number]))
            _attribute(texture, "inputs:sourceColorSpace", _TYPES.Token, space)
            for axis, wrap in zip("ST", material.wrap, strict=True):
                _attribute(texture, f"inputs:wrap{axis}", _TYPES.Token, wrap)
            if scale != (1.0, 1.0, 1.0, 1.0):
                _attribute(texture, "inputs:scale", _TYPES.Float4, Gf.Vec4f(*scale))
            if name == "normal":
                _attribute(texture, "inputs:bias", _TYPES.Float4, Gf.Vec4f(-1, -1, -1, 0))
            st = _attribute(texture, "inputs:st", _TYPES.Float2, None)
            st.connectionPathList.explicitItems = [reader.path.AppendProperty("outputs:result")]
            kind = _TYPES.Float3 if channel == "rgb" else _TYPES.Float
            _attribute(texture, f"outputs:{channel}", kind, None)
            given = surface.attributes.get(f"inputs:{name}")
            if given is None:
                given = _attribute(
                    surface, f"inputs:{name}", _TYPES.Normal3f if name == "normal" else _TYPES.Float, None
                )
            given.connectionPathList.explicitItems = [texture.path.AppendProperty(f"outputs:{channel}")]
            if name == "diffuseColor" and (material.opacity < 1 or material.opacity_threshold > 0):
                _attribute(texture, "outputs:a", _TYPES.Float, None)
                seen = surface.attributes["inputs:opacity"]
                seen.connectionPathList.explicitItems = [texture.path.AppendProperty("outputs:a")]

    def _shader(self, spec: Any, name: str, identifier: str) -> Any:
        shader = self._prim(spec, spec.path.pathString, name, "Shader")
        _attribute(shader, "info:id", _TYPES.Token, identifier, uniform=True)
        return shader


def save(tree: SceneTree, output: Path, *, force: bool = False) -> dict[str, object]:
    """Write a tree as a USD layer, with its pictures beside it; return what was written, as numbers.

    Raises SceneFault when the file is there already (without `force`), or cannot be written.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise SceneFault(
            f"'{output.name}' is no name of a USD layer.",
            where=str(output),
            remedy=f"Let it end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.",
        )
    folder = output.parent / f"{output.stem}_textures"
    names = _picture_names(tree)
    there = [path for path in (output, *(folder / name for name in names)) if path.exists()]
    if there and not force:
        raise SceneFault(
            "The file is there already.", where=str(there[0]), remedy="Choose another name, or use --force."
        )
    layer = Sdf.Layer.CreateAnonymous("imported.usda")
    writer = _Writer(tree, layer, tuple(f"./{folder.name}/{name}" for name in names))
    with Sdf.ChangeBlock():
        writer.write(output.stem)
    try:
        if names:
            folder.mkdir(exist_ok=True)
        for name, image in zip(names, tree.images, strict=True):
            _put(folder / name, lambda part, data=image.data: part.write_bytes(data.tobytes()), force)
        _put(output, lambda part: layer.Export(str(part)), force)
    except (OSError, Tf.ErrorException) as error:
        words = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise SceneFault(
            f"The scene could not be written: {words}.",
            where=str(output),
            remedy="Choose a folder that can be written to, with room on its disk.",
        ) from error
    shown = tree.mesh[tree.mesh >= 0]
    drawn = np.array(triangles(tree.meshes), np.int64)
    points = np.array([len(mesh.points) for mesh in tree.meshes], np.int64)
    return {
        "output": str(output),
        "pictures": [str(folder / name) for name in names],
        "prims": writer.prims,
        "meshes": len(np.unique(shown)),
        "instances": writer.instances,
        "triangles": int(drawn[shown].sum()),
        "points": int(points[np.unique(shown)].sum()),
        "materials": len(tree.materials),
        "up_axis": tree.up_axis,
        "meters_per_unit": tree.meters_per_unit,
        "assumed": list(tree.assumed),
        "dropped": [{"what": d.what, "count": d.count, "example": d.example} for d in tree.dropped],
    }


def adjusted(tree: SceneTree, up_axis: str, meters_per_unit: float) -> SceneTree:
    """Return a tree with the axis and unit that a person gave, which stand above what the file says."""
    assumed = tree.assumed
    if up_axis:
        assumed = tuple(text for text in assumed if "--up" not in text)
    if meters_per_unit:
        assumed = tuple(text for text in assumed if "--units" not in text)
    return replace(
        tree,
        up_axis=up_axis or tree.up_axis,
        meters_per_unit=meters_per_unit or tree.meters_per_unit,
        assumed=assumed,
    )


def valid_name(text: str) -> str:
    """Return a prim's name that is as near to a text as USD allows: letters of any script stay."""
    kept = "".join(c if c.isalnum() or c == "_" else "_" for c in unicodedata.normalize("NFC", text))
    name = kept[:_MOST_NAME] or "unnamed"
    if Sdf.Path.IsValidIdentifier(name):
        return name
    return f"_{name}" if Sdf.Path.IsValidIdentifier(f"_{name}") else str(Tf.MakeValidIdentifier(name))


def centred(points: F8) -> tuple[F4, F8 | None]:
    """Return points as single floats; far from the origin, about their own middle, which is returned too."""
    if not len(points):
        return points.astype(np.float32), None
    low, high = points.min(axis=0), points.max(axis=0)
    farthest, size = float(np.abs([low, high]).max()), float((high - low).max())
    if farthest * np.finfo(np.float32).eps <= _COARSE * size or size == 0:
        return points.astype(np.float32), None
    middle = np.round((low + high) / 2)
    return (points - middle).astype(np.float32), middle


def _clean(text: str, most: int = 2 * _MOST_NAME) -> str:
    """Return a text without what a text layer cannot hold."""
    return "".join(c for c in text[:most] if c.isprintable() or c in "\n\t").strip()


def _vec3(rows: F4 | F8) -> Any:
    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(rows, np.float32))


def _attribute(spec: Any, name: str, kind: Any, value: Any, *, uniform: bool = False) -> Any:
    varies = Sdf.VariabilityUniform if uniform else Sdf.VariabilityVarying
    attribute = Sdf.AttributeSpec(spec, name, kind, varies)
    if value is not None:
        attribute.default = value
    return attribute


def _width(spec: Any, width: float) -> None:
    made = _attribute(spec, "widths", _TYPES.FloatArray, Vt.FloatArray([width or 0.01]))
    made.SetInfo("interpolation", "constant")


def _place(spec: Any, matrix: F8 | None) -> None:
    if matrix is None:
        return
    _attribute(spec, "xformOp:transform", _TYPES.Matrix4d, Gf.Matrix4d(*matrix.T.reshape(-1).tolist()))
    _attribute(spec, "xformOpOrder", _TYPES.TokenArray, Vt.TokenArray(["xformOp:transform"]), uniform=True)


def _picture_names(tree: SceneTree) -> list[str]:
    used: set[str] = set()
    out = []
    for number, image in enumerate(tree.images):
        suffix = image.suffix if image.suffix in {".png", ".jpg"} else ".png"
        stem = valid_name(image.name)
        name = f"{stem}{suffix}" if f"{stem}{suffix}" not in used else f"{stem}_{number}{suffix}"
        used.add(name)
        out.append(name)
    return out


def _put(path: Path, write: Any, force: bool) -> None:
    """Write a file beside its place and put it there; without `force` only where none is."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:20]}-", suffix=path.suffix)
    part = Path(name)
    try:
        os.close(handle)
        write(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        if force:
            part.replace(path)
        else:
            os.link(part, path)  # fails where somebody else was faster
    finally:
        part.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        opened = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
