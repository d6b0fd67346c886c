"""A pool of shapes: points, normals and triangles of many, each a run; and how runs are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import B1, F4, I4, I8, U1

NO_UV: F4 = np.zeros((0, 3), np.float32)
NO_VERTEX: I4 = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Drawable geometry of G shapes, each a run of points and a run of triangles."""

    point: F4  # (P, 3)
    normal: F4  # (P, 3) unit length
    colour: U1  # (P, 4), or (0, 4) when no shape has colours of its own
    triangle: I4  # (T, 3) point indices in the shape's own run
    point_start: I8  # (G + 1,)
    triangle_start: I8  # (G + 1,)
    coloured: B1  # (G,) shape has colours in `colour`
    uv: F4 = field(default_factory=lambda: NO_UV)  # (P, 3) u, v, 1 + image, or (0, 3) when no shape has any
    vertex: I4 = field(default_factory=lambda: NO_VERTEX)
    """(P,) number of each point among those of its shape as written, -1 for none; (0,) when all are -1."""
    vertices: I4 = field(default_factory=lambda: NO_VERTEX)  # (G,) points as written; (0,) as above

    def __len__(self) -> int:
        return len(self.point_start) - 1


def starts(lengths: Sequence[int] | I8) -> I8:
    """Return the offsets of runs of these lengths, shape (n + 1,)."""
    out = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=out[1:])
    return out


def ranges(first: I8, length: I8) -> I8:
    """Return first[0], first[0]+1, … (length[0] of them), first[1], …: many aranges in one call."""
    total = int(length.sum())
    begin = starts(length)[:-1]
    return np.arange(total, dtype=np.int64) + np.repeat(first - begin, length)


def unit(vectors: F4) -> F4:
    """Return the vectors at unit length, shape (n, 3); a zero or non-finite one becomes +Z."""
    with np.errstate(invalid="ignore", over="ignore"):
        length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        bad = ~((length > 0) & np.isfinite(length))
        out: F4 = (vectors / np.where(bad, 1, length)[:, None]).astype(np.float32, copy=False)
    if bad.any():
        out[bad] = (0.0, 0.0, 1.0)
    return out


def empty_pool() -> Pool:
    """Return a pool of no shapes."""
    return Pool(
        point=np.zeros((0, 3), np.float32),
        normal=np.zeros((0, 3), np.float32),
        colour=np.zeros((0, 4), np.uint8),
        triangle=np.zeros((0, 3), np.int32),
        point_start=np.zeros(1, np.int64),
        triangle_start=np.zeros(1, np.int64),
        coloured=np.zeros(0, np.bool_),
    )


def joined(pools: Sequence[Pool]) -> Pool:
    """Return one pool with the shapes of all, in order."""
    pools = [pool for pool in pools if len(pool)]
    if not pools:
        return empty_pool()
    if len(pools) == 1:
        return pools[0]
    coloured = any(len(pool.colour) for pool in pools)
    return Pool(
        point=np.concatenate([p.point for p in pools]),
        normal=np.concatenate([p.normal for p in pools]),
        colour=np.concatenate(
            [p.colour if len(p.colour) else np.zeros((len(p.point), 4), np.uint8) for p in pools]
        )
        if coloured
        else np.zeros((0, 4), np.uint8),
        triangle=np.concatenate([p.triangle for p in pools]),
        point_start=starts(np.concatenate([np.diff(p.point_start) for p in pools])),
        triangle_start=starts(np.concatenate([np.diff(p.triangle_start) for p in pools])),
        coloured=np.concatenate([p.coloured for p in pools]),
        uv=np.concatenate([p.uv if len(p.uv) else np.zeros((len(p.point), 3), np.float32) for p in pools])
        if any(len(p.uv) for p in pools)
        else NO_UV,
        **_vertices(pools),
    )


def _vertices(pools: Sequence[Pool]) -> dict[str, I4]:
    """Return the vertex numbers of all pools together; none where no pool has any."""
    if not any(len(p.vertices) for p in pools):
        return {}
    vertex = [p.vertex if len(p.vertices) else np.full(len(p.point), -1, np.int32) for p in pools]
    count = [p.vertices if len(p.vertices) else np.zeros(len(p), np.int32) for p in pools]
    return {"vertex": np.concatenate(vertex), "vertices": np.concatenate(count)}
