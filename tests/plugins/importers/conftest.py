"""Files of foreign formats, read by their importers and written as USD in this process."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdShade

from armillary.api import ImporterContext
from armillary.extend import importer
from armillary.model.tree import SceneTree, cleaned
from armillary.scene import foreign
from armillary.scene.stage import quiet
from armillary.wire import tree_file

COMPONENT = {"<f4": 5126, "<u4": 5125, "<u2": 5123, "|u1": 5121}
KIND = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


@dataclass
class Gltf:
    """A document under construction, and the bytes of its one buffer."""

    document: dict[str, Any] = field(
        default_factory=lambda: {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": []}
    )
    blob: bytes = b""

    def view(self, data: bytes, **more: object) -> int:
        self.blob += b"\0" * (-len(self.blob) % 4)
        self.document["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data), **more}
        )
        self.blob += data
        return len(self.document["bufferViews"]) - 1

    def accessor(self, values: Any, dtype: str, **more: object) -> int:
        array = np.array(values, dtype)
        width = 1 if array.ndim == 1 else array.shape[1]
        self.document["accessors"].append(
            {
                "bufferView": self.view(array.tobytes()),
                "componentType": COMPONENT[array.dtype.str],
                "count": len(array),
                "type": KIND[width],
                **more,
            }
        )
        return len(self.document["accessors"]) - 1

    def glb(self, path: Path) -> Path:
        self.document["buffers"] = [{"byteLength": len(self.blob)}]
        head = json.dumps(self.document).encode()
        head += b" " * (-len(head) % 4)
        blob = self.blob + b"\0" * (-len(self.blob) % 4)
        chunks = struct.pack("<II", len(head), 0x4E4F534A) + head
        chunks += struct.pack("<II", len(blob), 0x004E4942) + blob
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path


TRIANGLE = ((0, 0, 0), (1, 0, 0), (0, 1, 0))


def triangle(**more: Any) -> Gltf:
    """Return a document with one triangle as mesh 0, not yet in a node."""
    made = Gltf()
    given = {"POSITION": made.accessor(TRIANGLE, "<f4")}
    made.document["meshes"] = [{"name": "Tri", "primitives": [{"attributes": given}]}]
    made.document.update(more)
    return made


@dataclass(frozen=True)
class Imported:
    """What came of a file."""

    tree: SceneTree
    report: Mapping[str, Any]
    stage: Any

    def prims(self, kind: str) -> list[Any]:
        return [p for p in Usd.PrimRange.Stage(self.stage, Usd.TraverseInstanceProxies()) if p.IsA(kind)]

    def paths(self) -> list[str]:
        every = Usd.PrimRange.Stage(self.stage, Usd.TraverseInstanceProxies())
        return [str(p.GetPath()) for p in every]

    def world(self, path: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return the points of a mesh in the world, in units of the stage."""
        prim = self.stage.GetPrimAtPath(path)
        assert prim, f"{path} is not among {self.paths()}"
        placed = UsdGeom.XformCache().GetLocalToWorldTransform(prim)
        return np.array(
            [placed.Transform(Gf.Vec3d(*map(float, p))) for p in prim.GetAttribute("points").Get()]
        )

    def colour(self, path: str) -> tuple[float, ...]:
        """Return the base colour of the material that is bound to a prim."""
        prim = self.stage.GetPrimAtPath(path)
        surface = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0].ComputeSurfaceSource()[0]
        return tuple(round(float(v), 4) for v in surface.GetInput("diffuseColor").Get())

    def dropped(self) -> dict[str, int]:
        return {d["what"]: d["count"] for d in self.report["dropped"]}


Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Import]:
    """Return a function that imports a file the way the two children do, in this process."""

    def run(path: Path, up_axis: str = "", meters: float = 0.0, suffix: str = ".usda") -> Imported:
        reader = importer.chosen(path, ImporterContext())
        kept = tmp_path / "tree"
        kept.unlink(missing_ok=True)
        tree_file.write(cleaned(importer.read(reader, path), str(path)), kept)
        tree = tree_file.read(kept)
        out = tmp_path / "out" / f"Plant{suffix}"
        out.parent.mkdir(exist_ok=True)
        with quiet() as said:
            report = foreign.save(foreign.adjusted(tree, up_axis, meters), out, force=True)
            stage = Usd.Stage.Open(str(out))
            stage.Reload()
        assert said == []
        assert stage.GetCompositionErrors() == []
        return Imported(tree, report, stage)

    return run


def close(found: Any, wanted: Sequence[Sequence[float]]) -> bool:
    """Tell whether two sets of points are the same, in any order."""
    a, b = (np.unique(np.round(np.array(rows, np.float64), 4) + 0.0, axis=0) for rows in (found, wanted))
    return a.shape == b.shape and bool(np.allclose(a, b, atol=1e-3))


@pytest.fixture
def kit() -> Any:
    """Return what tests of one format build their files with."""
    return type("Kit", (), {"Gltf": Gltf, "triangle": staticmethod(triangle), "close": staticmethod(close)})
