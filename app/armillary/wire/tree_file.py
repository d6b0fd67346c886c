"""A SceneTree as one file, from the process that reads a foreign file to the one that writes USD.

A JSON head, then arrays, those of all meshes joined: two processes of ours speak, so it has no schema that
lasts, but the first of them has read a hostile file, and the second believes nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from armillary.model.fault import SceneFault
from armillary.model.tree import Dropped, SceneTree, TreeImage, TreeMaterial, TreeMesh

_ARRAYS: Mapping[str, tuple[str, int]] = {  # of a mesh: dtype, width (0 = one dimension)
    "points": ("<f8", 3),
    "counts": ("<i4", 0),
    "indices": ("<i4", 0),
    "normals": ("<f4", 3),
    "uv": ("<f4", 2),
    "colour": ("<f4", 4),
    "face_material": ("<i4", 0),
}
_PLAIN = ("name", "kind", "normals_of", "uv_of", "colour_of", "material", "double_sided")


def write(tree: SceneTree, path: Path) -> None:
    """Write a tree to a new file."""
    head = {
        "name": tree.name,
        "facts": tree.facts,
        "meshes": [[getattr(mesh, key) for key in _PLAIN] for mesh in tree.meshes],
        "materials": [asdict(material) for material in tree.materials],
        "images": [(image.name, image.suffix) for image in tree.images],
        "up_axis": tree.up_axis,
        "meters_per_unit": tree.meters_per_unit,
        "assumed": tree.assumed,
        "dropped": [asdict(dropped) for dropped in tree.dropped],
    }
    with path.open("xb") as file:
        np.save(file, np.frombuffer(json.dumps(head).encode("utf-8", "surrogatepass"), np.uint8))
        for array, dtype in ((tree.parent, "<i4"), (tree.matrix, "<f8"), (tree.mesh, "<i4")):
            np.save(file, np.ascontiguousarray(array, dtype))
        for key, (dtype, width) in _ARRAYS.items():
            _join(file, [getattr(mesh, key) for mesh in tree.meshes], dtype, width)
        _join(file, [image.data for image in tree.images], "|u1", 0)


def read(path: Path) -> SceneTree:
    """Return the tree of a file. Raises SceneFault when it is not whole."""
    try:
        with path.open("rb") as file:
            head = json.loads(_load(file, "|u1", 0).tobytes().decode("utf-8", "replace"))
            parent, matrix, mesh = _load(file, "<i4", 0), _load(file, "<f8", -1), _load(file, "<i4", 0)
            columns = {key: _parts(file, dtype, width) for key, (dtype, width) in _ARRAYS.items()}
            pictures = _parts(file, "|u1", 0)
        n = len(head["name"])
        if parent.shape != (n,) or mesh.shape != (n,) or matrix.shape != (n, 4, 4):
            raise ValueError("its nodes do not agree")
        meshes = [
            TreeMesh(
                **dict(zip(_PLAIN, plain, strict=True)),
                **{key: columns[key][i] for key in _ARRAYS},
            )
            for i, plain in enumerate(head["meshes"])
        ]
        return SceneTree(
            name=tuple(map(str, head["name"])),
            parent=parent,
            matrix=matrix,
            mesh=mesh,
            facts=tuple((int(node), str(key), str(value)) for node, key, value in head["facts"]),
            meshes=tuple(meshes),
            materials=tuple(TreeMaterial(**_tuples(material)) for material in head["materials"]),
            images=tuple(
                TreeImage(name=str(name), suffix=str(suffix), data=data)
                for (name, suffix), data in zip(head["images"], pictures, strict=True)
            ),
            up_axis=str(head["up_axis"]),
            meters_per_unit=float(head["meters_per_unit"]),
            assumed=tuple(map(str, head["assumed"])),
            dropped=tuple(Dropped(**dropped) for dropped in head["dropped"]),
        )
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SceneFault(
            f"What was imported cannot be read: {error}.", where=str(path), remedy="Import the file again."
        ) from error


# Any: arrays of several dtypes go through here
def _join(file: IO[bytes], arrays: list[Any], dtype: str, width: int) -> None:
    shape = (-1, width) if width else (-1,)
    flat = [np.ascontiguousarray(a, dtype).reshape(shape) for a in arrays]
    np.save(file, np.array([len(a) for a in flat], np.int64))
    np.save(file, np.concatenate(flat) if flat else np.zeros((0, width) if width else 0, dtype))


def _parts(file: IO[bytes], dtype: str, width: int) -> list[Any]:
    lengths, joined = _load(file, "<i8", 0), _load(file, dtype, width)
    if (lengths < 0).any() or lengths.sum() != len(joined):
        raise ValueError("its arrays do not agree")
    return np.split(joined, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _load(file: IO[bytes], dtype: str, width: int) -> Any:
    array = np.load(file, allow_pickle=False)
    if (
        array.dtype != np.dtype(dtype)
        or (width == 0 and array.ndim != 1)
        or (width > 0 and array.shape[1:] != (width,))
    ):
        raise ValueError("an array is of another kind")
    return array


def _tuples(material: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in material.items()}
