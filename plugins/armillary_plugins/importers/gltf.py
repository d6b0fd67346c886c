"""glTF 2.0 (.gltf, .glb) → SceneTree: nodes, meshes with all attributes, materials, pictures, instances.

Our own reader, on numpy alone (docs/decisions): the libraries that were tried lose groups of primitives,
shared meshes, the files of textures and the count of what they pass over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from armillary.api import (
    F4,
    F8,
    I4,
    I8,
    ImporterContext,
    SceneFault,
    SceneTree,
    TreeBuilder,
    TreeMaterial,
    TreeMesh,
)
from armillary_plugins.importers import files
from armillary_plugins.importers.gltf_buffers import Gltf, Json, opened

_POINTS, _LINES, _LOOP, _LINE_STRIP, _TRIANGLES, _STRIP, _FAN = range(7)
_WRAP = {33071: "clamp", 33648: "mirror", 10497: "repeat"}
_NEEDED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression"}
_KNOWN = {
    "KHR_mesh_quantization",
    "KHR_materials_emissive_strength",
    "KHR_materials_pbrSpecularGlossiness",
    "EXT_mesh_gpu_instancing",
}
_ATTRIBUTES = {"POSITION", "NORMAL", "TEXCOORD_0", "COLOR_0"}
_CORNERS = 3
_MOST_DEPTH = 250


class Importer:
    """Reads .gltf and .glb."""

    suffixes = (".gltf", ".glb")

    def read(self, path: Path) -> SceneTree:
        """Return what the file's scene holds."""
        return _Reader(opened(path)).tree()


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer()


class _Reader:
    def __init__(self, gltf: Gltf) -> None:
        self._gltf = gltf
        self._out = TreeBuilder()
        self._meshes: dict[int, tuple[int, ...]] = {}  # glTF's number -> ours, one or one for each primitive
        self._images: dict[int, int] = {}
        self._sided: list[bool] = []

    def tree(self) -> SceneTree:
        gltf, out = self._gltf, self._out
        self._extensions()
        for number, material in enumerate(gltf.items("materials")):
            self._material(number, material)
        for key, what in (
            ("animations", "animations"),
            ("skins", "skins (the shape at rest comes over)"),
            ("cameras", "cameras"),
        ):
            found = gltf.items(key)
            out.drop(what, str(found[0].get("name", "")) if found else "", len(found))
        self._nodes()
        return out.built(up_axis="Y", meters_per_unit=1.0)

    def _extensions(self) -> None:
        listed = self._gltf.document.get("extensionsRequired", [])
        required = {str(name) for name in listed} if isinstance(listed, list) else set()
        if unread := sorted(required & _NEEDED):
            raise SceneFault(
                f"The file is compressed by {', '.join(unread)}, which is not read.",
                where=str(self._gltf.path),
                remedy="Export it without compression.",
            )
        used = self._gltf.document.get("extensionsUsed", [])
        for name in used if isinstance(used, list) else []:
            if name not in _KNOWN and not str(name).startswith("KHR_lights"):
                self._out.drop(f"extension {str(name)[:60]}", str(name)[:60])
        lights = self._gltf.document.get("extensions", {})
        found = lights.get("KHR_lights_punctual", {}).get("lights", []) if isinstance(lights, dict) else []
        self._out.drop("lights", "", len(found))

    # ---------------------------------------------------------------- nodes

    def _nodes(self) -> None:
        gltf = self._gltf
        nodes, scenes = gltf.items("nodes"), gltf.items("scenes")
        if scenes:
            shown = gltf.whole(gltf.document.get("scene", 0), "scene")
            roots = _numbers(gltf.item("scenes", shown).get("nodes", []))
            self._out.drop("further scenes", str(scenes[-1].get("name", "")), len(scenes) - 1)
        else:
            below = {child for node in nodes for child in _numbers(node.get("children", []))}
            roots = [number for number in range(len(nodes)) if number not in below]
        waiting = [(number, -1, 0) for number in reversed(roots)]
        seen: set[int] = set()
        while waiting:
            number, parent, depth = waiting.pop()
            node = gltf.item("nodes", number)
            if number in seen:
                raise files.damaged(gltf.path, f"nodes[{number}] has two parents, or is its own.")
            if depth > _MOST_DEPTH:
                raise files.damaged(gltf.path, f"its nodes are nested more than {_MOST_DEPTH} deep.")
            seen.add(number)
            own = self._node(number, node, parent)
            waiting += [(child, own, depth + 1) for child in reversed(_numbers(node.get("children", [])))]

    def _node(self, number: int, node: Json, parent: int) -> int:
        meshes = self._mesh(node["mesh"]) if "mesh" in node else ()
        named = node.get("name") or (self._out.meshes[meshes[0]].name if meshes else f"node{number}")
        copies = self._copies(node)
        alone = len(meshes) == 1 and copies is None
        own = self._out.node(
            str(named),
            parent,
            matrix=_matrix(node, self._gltf.path, number),
            mesh=meshes[0] if alone else -1,
            facts=_facts(node.get("extras")),
        )
        if alone:
            return own
        for i, place in enumerate([np.eye(4)] if copies is None else copies):
            for mesh in meshes:
                name = self._out.meshes[mesh].name
                self._out.node(name if copies is None else f"{name}_{i}", own, matrix=place, mesh=mesh)
        return own

    def _copies(self, node: Json) -> F8 | None:
        """Return the places of EXT_mesh_gpu_instancing, None where the node is drawn once."""
        extensions = node.get("extensions")
        found = extensions.get("EXT_mesh_gpu_instancing") if isinstance(extensions, dict) else None
        if not isinstance(found, dict) or not isinstance(found.get("attributes"), dict):
            return None
        given = found["attributes"]
        widths = {"TRANSLATION": 3, "ROTATION": 4, "SCALE": 3}
        arrays = {name: self._gltf.numbers(given[name], w) for name, w in widths.items() if name in given}
        n = min((len(a) for a in arrays.values()), default=0)
        rest = {"TRANSLATION": (0, 0, 0), "ROTATION": (0, 0, 0, 1), "SCALE": (1, 1, 1)}
        full = {
            name: arrays[name][:n] if name in arrays else np.tile(np.array(values, np.float32), (n, 1))
            for name, values in rest.items()
        }
        return _placed(full["TRANSLATION"], full["ROTATION"], full["SCALE"])

    # ---------------------------------------------------------------- meshes

    def _mesh(self, number: object) -> tuple[int, ...]:
        """Return our meshes of one of theirs: one where its primitives can be joined."""
        mesh = self._gltf.item("meshes", number)
        key = int(str(number))
        if key not in self._meshes:
            name = str(mesh.get("name") or f"mesh{number}")
            primitives = mesh.get("primitives", [])
            if not isinstance(primitives, list) or not all(isinstance(p, dict) for p in primitives):
                raise files.damaged(self._gltf.path, f"meshes[{number}] has no primitives.")
            parts = [part for p in primitives if (part := self._primitive(name, p)) is not None]
            self._out.drop("morph targets", name, sum(1 for p in primitives if p.get("targets")))
            alike = {(p.kind, p.normals_of, p.uv_of, p.colour_of, p.double_sided) for p in parts}
            if len(parts) > 1 and len(alike) == 1 and parts[0].kind == "mesh":
                parts = [_joined(parts)]
            self._meshes[key] = tuple(self._out.add_mesh(part) for part in parts)
        return self._meshes[key]

    def _primitive(self, name: str, primitive: Json) -> TreeMesh | None:
        gltf = self._gltf
        given = primitive.get("attributes")
        if not isinstance(given, dict) or "POSITION" not in given:
            self._out.drop("primitives without positions", name)
            return None
        points = gltf.numbers(given["POSITION"], 3).astype(np.float64)
        n = len(points)
        for other in sorted(set(given) - _ATTRIBUTES):
            if not other.startswith(("JOINTS", "WEIGHTS", "TANGENT")):
                self._out.drop(f"attribute {other[:40]}", name)
        mode = primitive.get("mode", _TRIANGLES)
        order = gltf.indices(primitive["indices"]) if "indices" in primitive else np.arange(n)
        kind, counts, indices = _faces(mode, order)
        if kind is None:
            self._out.drop(f"primitives of mode {mode}", name)
            return None
        normals = gltf.numbers(given["NORMAL"], 3) if "NORMAL" in given else np.zeros((0, 3), np.float32)
        uv = gltf.numbers(given["TEXCOORD_0"], 2) if "TEXCOORD_0" in given else np.zeros((0, 2), np.float32)
        material = primitive.get("material", -1)
        return TreeMesh(
            name=name,
            kind=kind,
            points=points,
            counts=counts,
            indices=indices,
            normals=normals,
            normals_of="vertex" if "NORMAL" in given else "",
            uv=np.column_stack((uv[:, 0], 1.0 - uv[:, 1])).astype(np.float32),  # theirs begins at the top
            uv_of="vertex" if "TEXCOORD_0" in given else "",
            colour=self._colours(given.get("COLOR_0")),
            colour_of="vertex" if "COLOR_0" in given else "",
            material=material if isinstance(material, int) and material < len(self._sided) else -1,
            double_sided=self._sided[material] if 0 <= material < len(self._sided) else False,
        )

    def _colours(self, accessor: object) -> F4:
        if accessor is None:
            return np.zeros((0, 4), np.float32)
        width = 4 if self._gltf.item("accessors", accessor).get("type") == "VEC4" else 3
        return files.rgba(self._gltf.numbers(accessor, width), srgb=False)

    # ---------------------------------------------------------------- materials

    def _material(self, number: int, material: Json) -> None:
        extensions = _object(material.get("extensions"))
        base = _object(material.get("pbrMetallicRoughness"))
        name = str(material.get("name") or f"material{number}")
        glossy = _object(extensions.get("KHR_materials_pbrSpecularGlossiness"))
        factor = _floats(base.get("baseColorFactor"), (1.0, 1.0, 1.0, 1.0))
        texture = base.get("baseColorTexture")
        metallic, rough = _float(base.get("metallicFactor"), 1.0), _float(base.get("roughnessFactor"), 1.0)
        if glossy and not base:  # the older way to say it: what it has in common comes over
            factor = _floats(glossy.get("diffuseFactor"), (1.0, 1.0, 1.0, 1.0))
            texture = glossy.get("diffuseTexture")
            metallic, rough = 0.0, 1.0 - _float(glossy.get("glossinessFactor"), 1.0)
            self._out.drop("specular colours", name)
        strength = _float(
            _object(extensions.get("KHR_materials_emissive_strength")).get("emissiveStrength"), 1.0
        )
        red, green, blue = (v * strength for v in _floats(material.get("emissiveFactor"), (0.0, 0.0, 0.0)))
        mode = material.get("alphaMode", "OPAQUE")
        self._sided.append(bool(material.get("doubleSided", False)))
        self._out.add_material(
            TreeMaterial(
                name=name,
                colour=(factor[0], factor[1], factor[2]),
                opacity=1.0 if mode == "OPAQUE" else factor[3],
                opacity_threshold=_float(material.get("alphaCutoff"), 0.5) if mode == "MASK" else 0.0,
                metallic=metallic,
                roughness=rough,
                emissive=(red, green, blue),
                colour_image=self._texture(texture),
                emissive_image=self._texture(material.get("emissiveTexture")),
                normal_image=self._texture(material.get("normalTexture")),
                rough_image=self._texture(base.get("metallicRoughnessTexture")),
                occlusion_image=self._texture(material.get("occlusionTexture")),
                wrap=self._wrap(texture),
            )
        )

    def _texture(self, reference: object) -> int:
        """Return our number of the picture that a texture shows, -1 for none that comes over."""
        if not isinstance(reference, dict):
            return -1
        source = self._gltf.item("textures", reference.get("index")).get("source")
        if reference.get("texCoord", 0) != 0:
            self._out.drop("textures on further texture coordinates", "")
            return -1
        if not isinstance(source, int):
            self._out.drop("textures of a format that is not read", "")
            return -1
        if source not in self._images:
            self._images[source] = self._image(source)
        return self._images[source]

    def _image(self, number: int) -> int:
        image = self._gltf.item("images", number)
        uri = image.get("uri")
        stem = Path(str(uri)).stem if uri and not str(uri).startswith("data:") else f"image{number}"
        name = str(image.get("name") or stem)
        try:
            data = (
                self._gltf.bytes_of(image["bufferView"])
                if "bufferView" in image
                else self._gltf.resource(str(uri or ""))
            )
        except SceneFault:
            self._out.drop("pictures that are not there", name)
            return -1
        made = files.image(name, data)
        if made is None:
            self._out.drop("pictures that are neither PNG nor JPEG", name)
            return -1
        return self._out.add_image(made)

    def _wrap(self, reference: object) -> tuple[str, str]:
        if not isinstance(reference, dict):
            return "repeat", "repeat"
        number = self._gltf.item("textures", reference.get("index")).get("sampler")
        sampler = self._gltf.item("samplers", number) if number is not None else {}
        return _WRAP.get(sampler.get("wrapS", 0), "repeat"), _WRAP.get(sampler.get("wrapT", 0), "repeat")


def _faces(mode: object, order: I8) -> tuple[str | None, I4, I4]:
    """Return (kind, corners of each face, indices) of a primitive; a kind of None is not known."""
    n = len(order)
    match mode:
        case 4:  # triangles
            n -= n % _CORNERS
            return "mesh", np.full(n // _CORNERS, _CORNERS, np.int32), order[:n].astype(np.int32)
        case 5:  # a strip: every second triangle is turned round
            first = np.arange(max(n - 2, 0))[:, None]
            odd = first % 2
            corners = np.hstack((first, first + 1 + odd, first + 2 - odd))
        case 6:  # a fan
            first = np.arange(max(n - 2, 0))[:, None]
            corners = np.hstack((np.zeros_like(first), first + 1, first + 2))
        case 0:
            return "points", np.zeros(0, np.int32), np.zeros(0, np.int32)
        case 1:
            n -= n % 2
            return "lines", np.full(n // 2, 2, np.int32), order[:n].astype(np.int32)
        case 2 | 3:
            closed = np.append(order, order[:1]) if mode == _LOOP else order
            return "lines", np.array([len(closed)], np.int32), closed.astype(np.int32)
        case _:
            return None, np.zeros(0, np.int32), np.zeros(0, np.int32)
    picked = order[corners].astype(np.int32)
    real = (picked != np.roll(picked, 1, axis=1)).all(axis=1)  # strips are stitched by empty triangles
    return "mesh", np.full(int(real.sum()), _CORNERS, np.int32), picked[real].reshape(-1)


def _joined(parts: Sequence[TreeMesh]) -> TreeMesh:
    """Return one mesh of the primitives of a mesh, each face with its material."""
    first = parts[0]
    starts = np.cumsum([0, *(len(p.points) for p in parts[:-1])])
    return TreeMesh(
        name=first.name,
        points=np.concatenate([p.points for p in parts]),
        counts=np.concatenate([p.counts for p in parts]),
        indices=np.concatenate([p.indices + s for p, s in zip(parts, starts, strict=True)]).astype(np.int32),
        normals=np.concatenate([p.normals for p in parts]),
        normals_of=first.normals_of,
        uv=np.concatenate([p.uv for p in parts]),
        uv_of=first.uv_of,
        colour=np.concatenate([p.colour for p in parts]),
        colour_of=first.colour_of,
        face_material=np.concatenate([np.full(len(p.counts), p.material, np.int32) for p in parts]),
        double_sided=first.double_sided,
    )


def _matrix(node: Json, path: Path, number: int) -> F8:
    if "matrix" in node:
        values = _floats(node["matrix"], ())
        if len(values) != 16:  # noqa: PLR2004  of a matrix
            raise files.damaged(path, f"nodes[{number}].matrix has {len(values)} numbers.")
        return np.array(values).reshape(4, 4).T
    moved = np.array([_floats(node.get("translation"), (0.0, 0.0, 0.0))])
    turned = np.array([_floats(node.get("rotation"), (0.0, 0.0, 0.0, 1.0))])
    return np.asarray(_placed(moved, turned, np.array([_floats(node.get("scale"), (1.0, 1.0, 1.0))]))[0])


def _placed(moved: F4 | F8, turned: F4 | F8, scaled: F4 | F8) -> F8:
    """Return (n, 4, 4) matrices of translations, quaternions x y z w and scales."""
    q = np.asarray(turned, np.float64)
    q = q / np.maximum(np.linalg.norm(q, axis=1, keepdims=True), 1e-30)
    x, y, z, w = q.T
    out = np.zeros((len(q), 4, 4))
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    out[:, :3, :3] = np.moveaxis(np.array(rows), 2, 0)
    out[:, :3, :3] *= np.asarray(scaled, np.float64)[:, None, :]
    out[:, :3, 3] = moved
    out[:, 3, 3] = 1.0
    return out


def _facts(extras: object) -> Mapping[str, object]:
    """Return what of the extras is a plain value."""
    if not isinstance(extras, dict):
        return {}
    return {str(k): v for k, v in extras.items() if isinstance(v, str | int | float | bool)}


def _numbers(found: object) -> list[int]:
    return [n for n in found if isinstance(n, int)] if isinstance(found, list) else []


def _object(found: object) -> Json:
    return found if isinstance(found, dict) else {}


def _float(found: object, default: float) -> float:
    usable = isinstance(found, int | float) and math.isfinite(found)
    return float(found) if usable and isinstance(found, int | float) else default


def _floats(found: object, default: tuple[float, ...]) -> tuple[float, ...]:
    if not isinstance(found, list) or not all(isinstance(v, int | float) for v in found):
        return default
    return tuple(float(v) for v in found) if not default or len(found) == len(default) else default
