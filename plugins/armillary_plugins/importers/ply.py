"""PLY, text and binary of either byte order → SceneTree: faces of any number of corners, colours, clouds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from armillary.api import F4, ImporterContext, SceneTree, TreeBuilder, TreeMesh
from armillary_plugins.importers import files

_NAMES = "char uchar short ushort int uint float double int8 uint8 int16 uint16 int32 uint32 float32 float64"
_CODES = "i1 u1 i2 u2 i4 u4 f4 f8 i1 u1 i2 u2 i4 u4 f4 f8"
_TYPES = dict(zip(_NAMES.split(), _CODES.split(), strict=True))
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_MOST_HEAD = 1 << 20
_UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
_Column = np.ndarray[tuple[int, ...], np.dtype[Any]]  # Any: of the type that the file says


@dataclass(slots=True)
class _Property:
    name: str
    dtype: str
    length: str = ""  # type of the number of items of a list; "" = one value


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)
    columns: dict[str, _Column] = field(default_factory=dict)
    lengths: dict[str, _Column] = field(default_factory=dict)  # of lists, whose column holds all items


class Importer:
    """Reads .ply."""

    suffixes = (".ply",)

    def read(self, path: Path) -> SceneTree:
        """Return the mesh or the cloud of points of the file."""
        order, elements, body = _head(path, files.whole(path))
        (_text if not order else _binary)(path, elements, body, order)
        out = TreeBuilder()
        found = {element.name: element for element in elements}
        for element in elements:
            if element.name not in {"vertex", "face"}:
                out.drop(f"elements '{element.name[:40]}'", element.name, element.count)
        out.node(path.stem, mesh=out.add_mesh(_mesh(path, found, out)))
        out.assume("PLY has no units; metres are taken (--units).")
        out.assume("PLY has no up axis; Z is taken (--up).")
        return out.built(up_axis="Z", meters_per_unit=1.0)


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer()


def _head(path: Path, data: bytes) -> tuple[str, list[_Element], bytes]:
    if not data.startswith((b"ply\n", b"ply\r")):
        raise files.damaged(path, "it does not begin with 'ply'.")
    end = data.find(b"end_header", 0, _MOST_HEAD)
    line = data.find(b"\n", end)
    if end < 0 or line < 0:
        raise files.damaged(path, "its header has no end.")
    order: str | None = None
    elements: list[_Element] = []
    for text in data[:end].decode("ascii", "replace").splitlines():
        match text.split():
            case ["format", kind, *_]:
                order = _ORDERS.get(kind)
            case ["element", name, count] if count.isdigit():
                if int(count) > len(data):  # an element has a byte at least
                    raise files.damaged(path, f"it promises {int(count):,} of '{name}', and is too short.")
                elements.append(_Element(name, int(count)))
            case ["property", "list", length, kind, name] if length in _TYPES and kind in _TYPES and elements:
                elements[-1].properties.append(_Property(name, _TYPES[kind], _TYPES[length]))
            case ["property", kind, name] if kind in _TYPES and elements:
                elements[-1].properties.append(_Property(name, _TYPES[kind]))
            case ["ply"] | ["comment" | "obj_info", *_] | []:
                pass
            case _:
                raise files.damaged(path, f"the line '{text[:80]}' of its header is not known.")
    if order is None:
        raise files.damaged(path, "its header names no format.")
    return order, elements, data[line + 1 :]


def _binary(path: Path, elements: list[_Element], body: bytes, order: str) -> None:
    at = 0
    for element in elements:
        if all(not p.length for p in element.properties):
            dtype = np.dtype([(p.name, order + p.dtype) for p in element.properties])
            if at + dtype.itemsize * element.count > len(body):
                raise files.damaged(path, f"it ends in the middle of '{element.name}'.")
            rows = np.frombuffer(body, dtype, element.count, at)
            element.columns = {p.name: rows[p.name] for p in element.properties}
            at += dtype.itemsize * element.count
        else:
            at = _lists(path, element, body, at, order)


def _lists(path: Path, element: _Element, body: bytes, at: int, order: str) -> int:
    """Read an element with lists: at one stroke when all lists are as long as the first, else one by one."""
    fields: list[Any] = []  # Any: numpy's descriptions of fields
    here = at
    for p in element.properties:
        if not p.length:
            fields.append((p.name, order + p.dtype))
            here += np.dtype(p.dtype).itemsize
            continue
        kind = np.dtype(order + p.length)
        if element.count and here + kind.itemsize > len(body):
            raise files.damaged(path, f"it ends in the middle of '{element.name}'.")
        n = int(np.frombuffer(body, kind, 1, here)[0]) if element.count else 0
        if n < 0 or n * np.dtype(p.dtype).itemsize > len(body):
            raise files.damaged(path, f"a list of '{element.name}' has {n:,} items.")
        fields += [(f"#{p.name}", order + p.length), (p.name, order + p.dtype, (n,))]
        here += kind.itemsize + n * np.dtype(p.dtype).itemsize
    dtype = np.dtype(fields)
    if at + dtype.itemsize * element.count <= len(body):
        rows = np.frombuffer(body, dtype, element.count, at)
        listed = [p for p in element.properties if p.length]
        if all((rows[f"#{p.name}"] == dtype[p.name].shape[0]).all() for p in listed):
            for p in element.properties:
                element.columns[p.name] = rows[p.name].reshape(-1) if p.length else rows[p.name]
                if p.length:
                    element.lengths[p.name] = rows[f"#{p.name}"]
            return at + dtype.itemsize * element.count
    return _one_by_one(path, element, body, at, order)


def _one_by_one(path: Path, element: _Element, body: bytes, at: int, order: str) -> int:
    """Read an element whose lists differ in length: each begins where the one before it ends."""
    values: dict[str, list[_Column]] = {p.name: [] for p in element.properties}
    kinds = [(p, np.dtype(order + p.dtype), np.dtype(order + p.length) if p.length else None)
             for p in element.properties]  # fmt: skip
    try:
        for _ in range(element.count):
            for p, kind, length in kinds:
                n = 1
                if length is not None:
                    n = int(np.frombuffer(body, length, 1, at)[0])
                    at += length.itemsize
                if n < 0:
                    raise ValueError("a list is shorter than nothing")
                values[p.name].append(np.frombuffer(body, kind, n, at) if n else np.zeros(0, kind))
                at += n * kind.itemsize
    except ValueError as error:
        raise files.damaged(path, f"it ends in the middle of '{element.name}'.") from error
    for p in element.properties:
        found = values[p.name]
        element.columns[p.name] = np.concatenate(found) if found else np.zeros(0, p.dtype)
        if p.length:
            element.lengths[p.name] = np.array([len(v) for v in found], np.int64)
    return at


def _text(path: Path, elements: list[_Element], body: bytes, order: str) -> None:
    """Read the body as numbers: its lines do not count, only how many numbers each element takes."""
    try:
        numbers = np.array(body.split(), "S").astype(np.float64)
    except ValueError as error:
        raise files.damaged(path, f"a value is no number ({error}).") from error
    at = 0
    for element in elements:
        width = len(element.properties)
        if all(not p.length for p in element.properties):
            block = numbers[at : at + width * element.count]
            if len(block) < width * element.count:
                raise files.damaged(path, f"it ends in the middle of '{element.name}'.")
            rows = block.reshape(element.count, width)
            element.columns = {p.name: rows[:, i] for i, p in enumerate(element.properties)}
            at += width * element.count
        else:
            at = _text_lists(path, element, numbers, at)


def _text_lists(path: Path, element: _Element, numbers: _Column, at: int) -> int:
    if len(element.properties) == 1 and at < len(numbers) and 0 < (n := int(numbers[at])) < len(numbers):
        rows = numbers[at : at + (n + 1) * element.count]
        if len(rows) == (n + 1) * element.count and (rows[:: n + 1] == n).all():  # all of one length
            only = element.properties[0].name
            element.columns[only] = rows.reshape(-1, n + 1)[:, 1:].reshape(-1)
            element.lengths[only] = np.full(element.count, n)
            return at + len(rows)
    values: dict[str, list[_Column]] = {p.name: [] for p in element.properties}
    for _ in range(element.count):
        for p in element.properties:
            if at >= len(numbers):
                raise files.damaged(path, f"it ends in the middle of '{element.name}'.")
            n = int(numbers[at]) if p.length else 1
            at += 1 if p.length else 0
            if n < 0 or at + n > len(numbers):
                raise files.damaged(path, f"a list of '{element.name}' has {n:,} items.")
            values[p.name].append(numbers[at : at + n])
            at += n
    for p in element.properties:
        element.columns[p.name] = np.concatenate(values[p.name]) if values[p.name] else np.zeros(0)
        if p.length:
            element.lengths[p.name] = np.array([len(v) for v in values[p.name]], np.int64)
    return at


def _mesh(path: Path, found: dict[str, _Element], out: TreeBuilder) -> TreeMesh:
    vertex = found.get("vertex")
    if vertex is None or not {"x", "y", "z"} <= set(vertex.columns):
        raise files.damaged(path, "it has no vertices with x, y and z.")
    columns = vertex.columns
    points = _stack(columns, ("x", "y", "z"), np.float64)
    face = found.get("face")
    listed = next((n for n in ("vertex_indices", "vertex_index") if face and n in face.lengths), "")
    faces = face is not None and face.count > 0 and bool(listed)
    known = {"x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "alpha", *sum(_UV, ())}
    out.drop(
        "further numbers of each point", ", ".join(sorted(set(columns) - known)), len(set(columns) - known)
    )
    uv_names = next((pair for pair in _UV if set(pair) <= set(columns)), None)
    has_normals = {"nx", "ny", "nz"} <= set(columns)
    colour, colour_of = _colours(vertex), "vertex"
    if not len(colour) and faces and face is not None:
        colour, colour_of = _colours(face), "uniform"
    return TreeMesh(
        name=path.stem,
        kind="mesh" if faces else "points",
        points=points,
        counts=np.asarray(face.lengths[listed], np.int32) if faces and face else np.zeros(0, np.int32),
        indices=np.asarray(face.columns[listed], np.int32) if faces and face else np.zeros(0, np.int32),
        normals=_stack(columns, ("nx", "ny", "nz"), np.float32)
        if has_normals
        else np.zeros((0, 3), np.float32),
        normals_of="vertex" if has_normals else "",
        uv=_stack(columns, uv_names, np.float32) if uv_names else np.zeros((0, 2), np.float32),
        uv_of="vertex" if uv_names else "",
        colour=colour,
        colour_of=colour_of if len(colour) else "",
    )


# Any: float32 or float64, as asked
def _stack(columns: dict[str, _Column], names: tuple[str, ...], dtype: Any) -> Any:
    return np.column_stack([columns[name] for name in names]).astype(dtype)


def _colours(element: _Element) -> F4:
    """Return linear colours: whole numbers of a byte are parts of 255, of two bytes of 65,535."""
    names = [name for name in ("red", "green", "blue", "alpha") if name in element.columns]
    if not {"red", "green", "blue"} <= set(names):
        return np.zeros((0, 4), np.float32)
    kind = next(p.dtype for p in element.properties if p.name == "red")
    scale = 1.0 if kind.startswith("f") else float(np.iinfo(np.dtype(kind)).max)
    return files.rgba((_stack(element.columns, tuple(names), np.float64) / scale).astype(np.float32))
