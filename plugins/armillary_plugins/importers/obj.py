"""Wavefront OBJ with its MTL → SceneTree: objects, groups, faces of any number of corners, materials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from armillary.api import F4, F8, I8, ImporterContext, SceneTree, TreeBuilder, TreeMesh
from armillary_plugins.importers import files, mtl

_COLOURED = 6  # numbers of a vertex with a colour
_FREE_FORM = {b"curv", b"curv2", b"surf", b"cstype", b"vp"}


@dataclass(slots=True)
class _Part:
    """Faces, lines or points of one object and group; bodies are the lines of the file."""

    bodies: list[bytes] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    before: list[tuple[int, int, int]] = field(default_factory=list)  # v, vt, vn that the file had until then


@dataclass(slots=True)
class _Lines:
    """The lines of a file by what they are."""

    v: list[bytes] = field(default_factory=list)
    vt: list[bytes] = field(default_factory=list)
    vn: list[bytes] = field(default_factory=list)
    parts: dict[tuple[str, str, str], _Part] = field(default_factory=dict)  # (object, group, f | l | p)
    libraries: list[str] = field(default_factory=list)
    materials: dict[str, int] = field(default_factory=dict)
    free: int = 0


class Importer:
    """Reads .obj."""

    suffixes = (".obj",)

    def read(self, path: Path) -> SceneTree:
        """Return the objects and groups of the file."""
        lines = _sorted(files.whole(path))
        out = TreeBuilder()
        mtl.read(path, lines.libraries, list(lines.materials), out)
        out.drop("free-form curves and surfaces", "", lines.free)
        points, colours = _points(path, lines.v)
        uv = _rows(path, lines.vt, 2) if lines.vt else np.zeros((0, 2))
        normals = _rows(path, lines.vn, 3) if lines.vn else np.zeros((0, 3))
        nodes: dict[tuple[str, ...], int] = {}
        for (thing, group, kind), part in lines.parts.items():
            names = tuple(name for name in (thing, group) if name) or (path.stem,)
            mesh = out.add_mesh(_mesh(path, names[-1], kind, part, (points, uv, normals), colours))
            if names in nodes:  # lines or points of a part that has faces as well
                out.node(f"{names[-1]}_{kind}", nodes[names], mesh=mesh)
                continue
            parent = -1
            if len(names) > 1:
                parent = nodes.setdefault(names[:1], -2)
                if parent == -2:  # noqa: PLR2004  a mark: this object is new
                    parent = nodes[names[:1]] = out.node(names[0])
            nodes[names] = out.node(names[-1], parent, mesh=mesh)
        out.assume("OBJ has no units; metres are taken (--units).")
        out.assume("OBJ has no up axis; Y is taken (--up).")
        return out.built(up_axis="Y", meters_per_unit=1.0)


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer()


def _sorted(data: bytes) -> _Lines:
    """Return the lines of a file by what they are; one pass, nothing of them is read yet."""
    out = _Lines()
    thing = group = ""
    material = -1
    for line in data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines():
        key, _, body = line.strip().partition(b" ")
        match key:
            case b"v":
                out.v.append(body)
            case b"vt":
                out.vt.append(body)
            case b"vn":
                out.vn.append(body)
            case b"f" | b"l" | b"p":
                part = out.parts.setdefault((thing, group, key.decode()), _Part())
                part.bodies.append(body)
                part.material.append(material)
                part.before.append((len(out.v), len(out.vt), len(out.vn)))
            case b"o":
                thing, group = _name(body), ""
            case b"g":
                group = _name(body)
                group = "" if group == "default" else group
            case b"usemtl":
                material = out.materials.setdefault(_name(body), len(out.materials))
            case b"mtllib":
                out.libraries.append(_name(body))
            case key if key in _FREE_FORM:
                out.free += key in {b"curv", b"curv2", b"surf"}
    return out


def _name(body: bytes) -> str:
    return body.strip().decode("utf-8", "replace")


def _rows(path: Path, bodies: Sequence[bytes], width: int) -> F8:
    """Return the first numbers of each line, (n, width)."""
    try:
        joined = np.array(b" ".join(bodies).split(), "S").astype(np.float64)
        if len(joined) % len(bodies) == 0 and len(bodies[0].split()) == len(joined) // len(bodies):
            table = joined.reshape(len(bodies), -1)
            if table.shape[1] >= width and all(len(body.split()) == table.shape[1] for body in bodies):
                return table[:, : max(width, table.shape[1])]
        return np.array([[float(v) for v in body.split()[:width]] for body in bodies], np.float64)
    except ValueError as error:
        raise files.damaged(path, f"a coordinate is no number ({error}).") from error


def _points(path: Path, bodies: Sequence[bytes]) -> tuple[F8, F4]:
    """Return the points, and their colours where each has one."""
    if not bodies:
        raise files.damaged(path, "it has no vertices.")
    rows = _rows(path, bodies, 3)
    coloured = rows.shape[1] == _COLOURED
    colours = files.rgba(rows[:, 3:].astype(np.float32)) if coloured else np.zeros((0, 4), np.float32)
    return np.ascontiguousarray(rows[:, :3]), colours


def _mesh(path: Path, name: str, kind: str, part: _Part, tables: tuple[F8, F8, F8], colours: F4) -> TreeMesh:
    corners, counts = _corners(path, part)
    at = corners[:, 0]
    ok = (at >= 0) & (at < len(tables[0]))
    used, which = np.unique(at[ok], return_inverse=True)
    indices = np.full(len(at), -1, np.int32)
    indices[ok] = which.reshape(-1)
    uv, uv_of = _values(corners[:, 1], tables[1], 2)
    normals, normals_of = _values(corners[:, 2], tables[2], 3)
    material = np.array(part.material, np.int32)
    return TreeMesh(
        name=name,
        kind={"f": "mesh", "l": "lines", "p": "points"}[kind],
        points=tables[0][used],
        counts=counts,
        indices=indices,
        uv=uv,
        uv_of=uv_of if kind == "f" else "",
        normals=normals,
        normals_of=normals_of if kind == "f" else "",
        colour=colours[used] if len(colours) else colours,
        colour_of="vertex" if len(colours) else "",
        face_material=material,
    )


def _values(at: I8, table: F8, width: int) -> tuple[F4, str]:
    """Return a value for each corner, nothing where a corner has none."""
    if not len(at) or not len(table) or at.min() < 0 or at.max() >= len(table):
        return np.zeros((0, width), np.float32), ""
    return table[at, :width].astype(np.float32), "faceVarying"


def _corners(path: Path, part: _Part) -> tuple[I8, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    """Return (c, 3) indices of point, texture and normal from 0, -1 for none, and corners of each face."""
    words = [body.split() for body in part.bodies]
    counts = np.array([len(face) for face in words], np.int32)
    tokens = [token for face in words for token in face]
    try:
        table = _table(tokens)
    except ValueError as error:
        raise files.damaged(path, f"a corner of a face is no number ({error}).") from error
    before = np.repeat(np.array(part.before, np.int64).reshape(-1, 3), counts, axis=0)
    return np.where(table > 0, table - 1, np.where(table < 0, before + table, -1)), counts


def _table(tokens: Sequence[bytes]) -> I8:
    """Return the numbers of corners `v`, `v/vt`, `v//vn` or `v/vt/vn`, 0 for those that are not there."""
    out = np.zeros((len(tokens), 3), np.int64)
    if not tokens:
        return out
    slashes = tokens[0].count(b"/")
    joined = b" ".join(tokens)
    bare = b"//" in joined
    if joined.count(b"/") == slashes * len(tokens) and joined.count(b"//") in {0, len(tokens)}:
        numbers = np.array(joined.replace(b"/", b" ").split(), "S").astype(np.int64)
        columns = [0] if slashes == 0 else [0, 2] if bare else [0, 1, 2][: slashes + 1]
        if len(numbers) == len(tokens) * len(columns):
            out[:, columns] = numbers.reshape(len(tokens), -1)
            return out
    for row, token in enumerate(tokens):  # corners of several kinds in one part
        for column, text in enumerate(token.split(b"/")[:3]):
            out[row, column] = int(text) if text else 0
    return out
