"""What parts look like, in numbers that do not care how a file is written: to find them again in another.

All are integrals over surfaces in world metres: another order of points, another triangulation of flat faces,
a turned or moved part and a mesh cut in pieces under one parent leave them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.scene import SceneArrays, depths, subtree_ends

WORDS = 11  # of a part's text after its type
_TINY, _NOTHING = 1e-300, 1e-9
_BLOCK = 1 << 20  # triangles at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """n parts with all below them; a part without surfaces has area 0 and its place from its matrix."""

    type_name: tuple[str, ...]
    triangles: I8  # (n,)
    area: F8  # (n,) m²
    volume: F8  # (n,) m³, of each mesh about its own middle, of open ones too
    spread: F8  # (n, 3) m, ascending: how far its surface lies around its middle along its own three axes
    place: F8  # (n, 3) m, middle of its surface
    prims: I8  # (n,) it and all below
    alike: I8  # (n,) parts of its scene of this type that look like it, itself too

    def __len__(self) -> int:
        return len(self.type_name)

    def of(self, rows: I8) -> Likeness:
        """Return some of the parts."""
        return Likeness(
            type_name=tuple(self.type_name[i] for i in rows.tolist()),
            triangles=self.triangles[rows],
            area=self.area[rows],
            volume=self.volume[rows],
            spread=self.spread[rows],
            place=self.place[rows],
            prims=self.prims[rows],
            alike=self.alike[rows],
        )


def likeness(scene: SceneArrays) -> Likeness:
    """Return what every prim of a scene looks like at its start; a second for ten million triangles."""
    m = len(scene)
    area, first, own, volume, count = _surfaces(scene)
    parent = scene.parent.astype(np.int64)
    order = _levels(scene)
    whole, moment = area.copy(), first.copy()
    triangles, prims = count.copy(), np.ones(m, np.int64)
    for rows in order:  # children add themselves to their parents, the deepest first
        for values in (whole, moment, triangles, prims):
            np.add.at(values, parent[rows], values[rows])
    has = whole > 0
    place = np.where(has[:, None], moment / np.maximum(whole, _TINY)[:, None], scene.matrix[:, :3, 3])
    middle = np.where((area > 0)[:, None], first / np.maximum(area, _TINY)[:, None], place)
    second = own + _shifted(area, middle - place)
    held = volume.copy()
    for rows in order:
        up = parent[rows]
        np.add.at(second, up, second[rows] + _shifted(whole[rows], place[rows] - place[up]))
        np.add.at(held, up, held[rows])
    tensor = np.where(has[:, None, None], second / np.maximum(whole, _TINY)[:, None, None], 0.0)
    spread: F8 = np.sqrt(np.maximum(np.linalg.eigvalsh(tensor), 0.0))
    types = tuple(scene.type_names[i] for i in scene.prim_type.tolist())
    kinds = _classes(scene.prim_type.astype(np.int64), whole, spread)
    return Likeness(
        type_name=types,
        triangles=triangles,
        area=whole,
        volume=np.abs(held),
        spread=spread,
        place=place,
        prims=subtree_ends(scene.parent) - np.arange(m),
        alike=np.bincount(kinds, minlength=m)[kinds] if m else np.zeros(0, np.int64),
    )


def text_of(parts: Likeness, row: int) -> str:
    """Return a part as one short line; `read` takes it back."""
    numbers = (parts.area[row], parts.volume[row], *parts.spread[row], *parts.place[row])
    measured = " ".join(f"{0.0 if abs(x) < _NOTHING else x:.7g}" for x in numbers)
    counts = f"{parts.triangles[row]} {parts.prims[row]} {parts.alike[row]}"
    return f"{parts.type_name[row] or '-'} {measured} {counts}"


def read(texts: tuple[str, ...]) -> tuple[Likeness, I8]:
    """Return parts from their lines, and which of the lines could be read."""
    rows, types, numbers = [], [], []
    for i, text in enumerate(texts):
        name, *words = text.split()[: WORDS + 1] or [""]
        try:
            values = [float(word) for word in words]
        except ValueError:
            continue
        if len(values) == WORDS and np.isfinite(values).all():
            rows.append(i)
            types.append("" if name == "-" else name)
            numbers.append(values)
    table = np.array(numbers, np.float64).reshape(-1, WORDS)
    counts = table[:, 8:].astype(np.int64)
    parts = Likeness(
        type_name=tuple(types),
        area=table[:, 0],
        volume=table[:, 1],
        spread=table[:, 2:5],
        place=table[:, 5:8],
        triangles=counts[:, 0],
        prims=counts[:, 1],
        alike=counts[:, 2],
    )
    return parts, np.array(rows, np.int64)


def _levels(scene: SceneArrays) -> list[I8]:
    """Return the prims that have a parent, by depth, the deepest first."""
    depth = depths(scene.parent)
    order = np.argsort(depth, kind="stable")
    levels = np.split(order, np.cumsum(np.bincount(depth))[:-1]) if len(depth) else []
    return [rows.astype(np.int64) for rows in reversed(levels[1:])]


def _blocks(scene: SceneArrays) -> Iterator[tuple[F8, I8]]:
    """Yield corners in world metres (t, 3, 3) and the prim of each triangle, a block at a time."""
    ends = scene.proto if len(scene.proto) else np.array([len(scene.triangle)])
    for begin in range(0, int(ends[0]), _BLOCK):
        still = scene.triangle[begin : min(begin + _BLOCK, int(ends[0]))]
        prim = scene.point_prim[still[:, 0]].astype(np.int64)
        yield from _placed(scene.matrix[prim], scene.point[still].astype(np.float64), prim)
    for k in range(len(ends) - 1):
        which = np.flatnonzero(scene.instance_proto == k)
        run = scene.point[scene.triangle[int(ends[k]) : int(ends[k + 1])]].astype(np.float64)
        step = max(1, _BLOCK // max(len(run), 1))
        for begin in range(0, len(which) if len(run) else 0, step):
            some = which[begin : begin + step]
            matrix = np.repeat(scene.instance_matrix[some], len(run), axis=0)
            prim = np.repeat(scene.instance_prim[some].astype(np.int64), len(run))
            yield from _placed(matrix, np.tile(run, (len(some), 1, 1)), prim)


def _placed(matrix: F8, local: F8, prim: I8) -> Iterator[tuple[F8, I8]]:
    world = np.einsum("tij,tkj->tki", matrix[:, :3, :3], local) + matrix[:, None, :3, 3]
    good = np.isfinite(world).all(axis=(1, 2))
    yield world[good], prim[good]


def _surfaces(scene: SceneArrays) -> tuple[F8, F8, F8, F8, I8]:
    """Return of each prim's own surface: area, area × middle, second moments about it, volume, triangles.

    Volume and moments are about the own middle: far from the origin they would drown in rounding.
    """
    m = len(scene)
    area, first, count = np.zeros(m), np.zeros((m, 3)), np.zeros(m, np.int64)
    for corner, prim in _blocks(scene):
        each = np.sqrt((_normals(corner) ** 2).sum(axis=1))
        area += np.bincount(prim, weights=each, minlength=m)
        count += np.bincount(prim, minlength=m)
        centre = corner.mean(axis=1)
        for k in range(3):
            first[:, k] += np.bincount(prim, weights=each * centre[:, k], minlength=m)
    middle = first / np.maximum(area, _TINY)[:, None]
    second, volume = np.zeros((m, 3, 3)), np.zeros(m)
    for world, prim in _blocks(scene):
        corner = world - middle[prim][:, None, :]
        normal, centre = _normals(corner), corner.mean(axis=1)
        each = np.sqrt((normal**2).sum(axis=1)) / 12.0
        volume += np.bincount(prim, weights=(centre * normal).sum(axis=1) / 3.0, minlength=m)
        # ∫ x xᵀ over a triangle = area / 12 · (Σ cᵢ cᵢᵀ + 9 g gᵀ), with its corners c and its middle g
        for i in range(3):
            for j in range(i, 3):
                value = (corner[:, :, i] * corner[:, :, j]).sum(axis=1) + 9.0 * centre[:, i] * centre[:, j]
                second[:, i, j] += np.bincount(prim, weights=each * value, minlength=m)
                second[:, j, i] = second[:, i, j]
    return area, first, second, volume, count


def _normals(corner: F8) -> F8:
    """Return normals as long as each triangle is large (t, 3)."""
    out: F8 = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) / 2.0
    return out


def _shifted(area: F8, by: F8) -> F8:
    """Return what second moments (n, 3, 3) gain about a point that lies `by` away."""
    out: F8 = area[:, None, None] * by[:, :, None] * by[:, None, :]
    return out


def _classes(kind: I8, area: F8, spread: F8) -> I8:
    """Return a number for each part that those which look alike share (n,)."""
    size = np.concatenate([area[:, None], spread], axis=1)
    coarse = np.round(np.log(np.maximum(size, 1e-12)) * 200.0).astype(np.int64)  # half a per cent
    _, out = np.unique(np.concatenate([kind[:, None], coarse], axis=1), axis=0, return_inverse=True)
    return out.reshape(-1)
