"""Shapes and who shows them → the runs of triangles that a renderer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1
from armillary.scene.pool import Pool, ranges, starts


@dataclass(frozen=True, slots=True)
class Instance:
    """One shape drawn n times."""

    geometry: int
    rgba: tuple[int, ...]  # colour of its points, where the prim shows the colours of points; else ()
    prim: I8  # (n,) rows
    matrix: F8  # (n, 4, 4) to world
    id: I8  # (n,)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn once (row and shape, ascending by row) and what by instances."""

    row: I8  # (n,)
    geometry: I8  # (n,)
    instances: tuple[Instance, ...]
    drawable: B1  # (M,)
    has_point_rgba: B1  # (M,)


def _runs(drawing: Drawing) -> dict[tuple[int, tuple[int, ...]], int]:
    """Return the number of each run of instances, by shape and colour."""
    runs: dict[tuple[int, tuple[int, ...]], int] = {}
    for instance in drawing.instances:
        if len(instance.prim):
            runs.setdefault((instance.geometry, instance.rgba), len(runs))
    return runs


def order(drawing: Drawing) -> I8:
    """Return the shapes whose points follow each other in the geometry fields of SceneArrays."""
    return np.concatenate([drawing.geometry, np.array([g for g, _ in _runs(drawing)], np.int64)])


def gather(drawing: Drawing, pool: Pool, prim_rgba: U1) -> dict[str, Any]:
    """Return the geometry fields of SceneArrays."""
    runs = _runs(drawing)
    first_prim = [0] * len(runs)
    for instance in reversed(drawing.instances):
        if len(instance.prim):
            first_prim[runs[instance.geometry, instance.rgba]] = int(instance.prim[0])
    geometry = order(drawing)
    owner = np.concatenate([drawing.row, np.array(first_prim, np.int64)])

    lengths = np.diff(pool.point_start)[geometry]
    triangle_lengths = np.diff(pool.triangle_start)[geometry]
    as_it_is = len(geometry) == len(pool) and bool((geometry == np.arange(len(pool))).all())
    base = np.repeat(starts(lengths)[:-1], triangle_lengths).astype(np.int32)
    if as_it_is:
        point, normal, triangle = pool.point, pool.normal, pool.triangle + base[:, None]
        uv, vertex = pool.uv, pool.vertex
    else:
        take = ranges(pool.point_start[:-1][geometry], lengths)
        point, normal = pool.point[take], pool.normal[take]
        uv = pool.uv[take] if len(pool.uv) else pool.uv
        vertex = pool.vertex[take] if len(pool.vertex) else pool.vertex
        triangle = pool.triangle[ranges(pool.triangle_start[:-1][geometry], triangle_lengths)] + base[:, None]
    point_prim = np.repeat(owner, lengths).astype(np.uint32)
    colour = np.zeros((0, 4), np.uint8)
    if drawing.has_point_rgba.any():
        colour = prim_rgba[point_prim]
        own = np.repeat(pool.coloured[geometry], lengths)
        if len(pool.colour):
            take = ranges(pool.point_start[:-1][geometry], lengths)
            colour[own] = pool.colour[take][own]
        begin = starts(lengths)
        for k, (shape, rgba) in enumerate(runs):
            if rgba and not pool.coloured[shape]:
                at = len(drawing.geometry) + k
                colour[begin[at] : begin[at + 1]] = rgba
    vertices = np.zeros(len(prim_rgba) if len(vertex) else 0, np.int32)
    if len(vertices):
        vertices[drawing.row] = pool.vertices[drawing.geometry]
    run_ends = starts(triangle_lengths)[len(drawing.geometry) :]
    placed = [i for i in drawing.instances if len(i.prim)]
    return {
        "point": point,
        "normal": normal,
        "point_prim": point_prim,
        "point_rgba": colour,
        "point_uv": uv,
        "point_vertex": vertex,
        "vertices": vertices,
        "triangle": triangle,
        "proto": run_ends.astype(np.int64),
        "instance_prim": np.concatenate([np.zeros(0, np.uint32), *(i.prim for i in placed)]).astype(
            np.uint32
        ),
        "instance_proto": np.repeat(
            np.array([runs[i.geometry, i.rgba] for i in placed], np.uint32),
            np.array([len(i.prim) for i in placed], np.int64),
        ),
        "instance_matrix": np.concatenate([np.zeros((0, 4, 4)), *(i.matrix for i in placed)]),
        "instance_id": np.concatenate([np.zeros(0, np.int64), *(i.id for i in placed)]).astype(np.int64),
    }
