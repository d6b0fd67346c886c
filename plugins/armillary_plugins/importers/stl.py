"""STL, binary and text → SceneTree. The format has no units, no hierarchy, and points for each corner."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from armillary.api import F4, ImporterContext, SceneTree, TreeBuilder, TreeMesh
from armillary_plugins.importers import files

_HEAD, _COUNT = 80, 84  # bytes of the binary header, and with the number of triangles
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
_SOLID = re.compile(rb"^\s*solid\b[ \t]*([^\r\n]*)", re.MULTILINE)
_VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)")
_COLOURED = 0x8000  # the bit that says that `extra` is a colour of 3 x 5 bits (VisCAM, SolidView)


class Importer:
    """Reads .stl."""

    suffixes = (".stl",)

    def read(self, path: Path) -> SceneTree:
        """Return the solids of the file."""
        data = files.whole(path)
        out = TreeBuilder()
        count = int(np.frombuffer(data, "<u4", 1, _HEAD)[0]) if len(data) >= _COUNT else -1
        if len(data) == _COUNT + count * _TRIANGLE.itemsize or not data.lstrip().startswith(b"solid"):
            _binary(path, data, count, out)
        else:
            _text(path, data, out)
        out.assume("STL has no units; millimetres are taken (--units).")
        out.assume("STL has no up axis; Z is taken (--up).")
        return out.built(up_axis="Z", meters_per_unit=0.001)


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer()


def _binary(path: Path, data: bytes, count: int, out: TreeBuilder) -> None:
    there = (len(data) - _COUNT) // _TRIANGLE.itemsize
    if count < 0 or there < count:
        raise files.damaged(path, f"it promises {count:,} triangles and has {max(there, 0):,}.")
    rows = np.frombuffer(data, _TRIANGLE, count, _COUNT)
    extra = rows["extra"]
    coloured = bool(count) and bool((extra & _COLOURED).all())
    colour = np.zeros((0, 4), np.float32)
    if coloured:
        bits = (extra[:, None] >> np.array([10, 5, 0], np.uint16)) & 31
        colour = files.rgba((bits / 31).astype(np.float32))
    mesh = _mesh(path.stem, rows["corners"].reshape(-1, 3), colour)
    out.node(path.stem, mesh=out.add_mesh(mesh))


def _text(path: Path, data: bytes, out: TreeBuilder) -> None:
    solids = list(_SOLID.finditer(data))
    ends = [solid.start() for solid in solids[1:]] + [len(data)]
    for solid, end in zip(solids, ends, strict=True):
        found = _VERTEX.findall(data, solid.end(), end)
        try:
            corners = np.array(found, "S").astype(np.float64).reshape(-1, 3)
        except ValueError as error:
            raise files.damaged(path, f"a corner is no number ({error}).") from error
        if len(corners) % 3:
            raise files.damaged(path, "a triangle has not three corners.")
        name = solid[1].decode("utf-8", "replace").strip() or path.stem
        if len(corners):
            out.node(name, mesh=out.add_mesh(_mesh(name, corners.astype(np.float32))))


def _mesh(name: str, corners: F4, colour: F4 | None = None) -> TreeMesh:
    """Return a mesh that shares the points which corners have in common."""
    packed = np.ascontiguousarray(corners, "<f4") + np.float32(0)  # no negative zeros
    _, first, which = np.unique(packed.view("V12").reshape(-1), return_index=True, return_inverse=True)
    return TreeMesh(
        name=name,
        points=packed[first].astype(np.float64),
        counts=np.full(len(packed) // 3, 3, np.int32),
        indices=which.reshape(-1).astype(np.int32),
        colour=np.zeros((0, 4), np.float32) if colour is None else colour,
        colour_of="uniform" if colour is not None and len(colour) else "",
    )
