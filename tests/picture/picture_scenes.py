"""Scenes made by hand: boxes in rows, with instances where asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8, U4
from armillary.model.look import Look
from armillary.model.scene import SceneArrays
from armillary.viewport.merge import box_triangles

GREY = (120, 130, 138, 255)


def at(x: float, y: float, z: float, scale: float = 1.0) -> F8:
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = x, y, z
    return matrix


def row_of_boxes(n: int, spacing: float = 2.0, side: float = 1.0) -> SceneArrays:
    """Return n unit boxes along x under one Xform (prim 0); box i is prim i + 1."""
    places = np.array([at(spacing * (i - (n - 1) / 2), 0, 0, side) for i in range(n)]).reshape(-1, 4, 4)
    return boxes(places)


def grid_of_boxes(n: int) -> SceneArrays:
    """Return n boxes in a square on the ground under one Xform."""
    side = int(np.ceil(np.sqrt(n)))
    i = np.arange(n)
    places = np.tile(np.diag([0.8, 0.8, 0.8, 1.0]), (n, 1, 1))
    places[:, 0, 3], places[:, 1, 3] = i % side - side / 2, i // side - side / 2
    return boxes(places)


def boxes(places: F8, instances: F8 | None = None, rgba: tuple[int, ...] = GREY) -> SceneArrays:
    """Return boxes of side 1 around the given matrices (n, 4, 4), under an Xform.

    instances: matrices (k, 4, 4) of instances of one more box; each has a prim of its own after the boxes.
    """
    n = len(places)
    k = 0 if instances is None else len(instances)
    m = 1 + n + k
    point, normal, triangle = box_triangles(np.full(3, -0.5, np.float32), np.full(3, 0.5, np.float32))
    runs = n + (1 if k else 0)
    points = np.tile(point, (runs, 1))
    triangles = (triangle[None] + 24 * np.arange(runs, dtype=np.int32)[:, None, None]).reshape(-1, 3)
    prim = np.repeat(1 + np.arange(runs), 24).astype(np.uint32)
    matrix = np.tile(np.eye(4), (m, 1, 1))
    matrix[1 : n + 1] = places
    if instances is not None:
        matrix[n + 1 :] = instances
    half = 0.5 * np.abs(matrix[:, :3, :3]).sum(axis=2)
    box = np.concatenate([matrix[:, :3, 3] - half, matrix[:, :3, 3] + half], axis=1)
    if m > 1:
        box[0] = np.concatenate([box[1:, :3].min(axis=0), box[1:, 3:].max(axis=0)])
    else:
        box[0] = np.nan
    local = np.tile(np.array([-0.5, -0.5, -0.5, 0.5, 0.5, 0.5], np.float32), (m, 1))
    local[0] = box[0]
    return SceneArrays(
        point=points,
        normal=np.tile(normal, (runs, 1)),
        point_prim=prim,
        point_rgba=np.zeros((0, 4), np.uint8),
        triangle=triangles.astype(np.int32),
        proto=np.array([12 * n, 12 * (n + 1)] if k else [12 * n], np.int64),
        instance_prim=np.arange(n + 1, m, dtype=np.uint32),
        instance_proto=np.zeros(k, np.uint32),
        instance_matrix=np.zeros((0, 4, 4)) if instances is None else instances,
        instance_id=np.full(k, -1, np.int64),
        prim_path=("/Plant", *(f"/Plant/Box{i}" for i in range(m - 1))),
        type_names=("Xform", "Mesh"),
        prim_type=np.r_[0, np.ones(m - 1)].astype(np.uint16),
        parent=np.r_[-1, np.zeros(m - 1)].astype(np.int32),
        matrix=matrix,
        local_box=local,
        box=box,
        rgba=np.tile(np.array(rgba, np.uint8), (m, 1)),
        emissive=np.zeros((m, 3), np.uint8),
        metallic=np.zeros(m, np.uint8),
        roughness=np.full(m, 128, np.uint8),
        visible=np.ones(m, np.bool_),
        purpose=np.zeros(m, np.uint8),
        drawable=np.r_[False, np.ones(m - 1, np.bool_)],
        double_sided=np.zeros(m, np.bool_),
        has_point_rgba=np.zeros(m, np.bool_),
        instance_root=np.r_[np.zeros(1 + n, np.bool_), np.ones(k, np.bool_)],
        kind=(),
        root=np.eye(4),
    )


def replace_point_prim(scene: SceneArrays, point_prim: U4) -> SceneArrays:
    """Return the scene with its points given to other prims."""
    return replace(scene, point_prim=point_prim)


def hidden(look: Look, prim: int) -> Look:
    """Return the look with one prim hidden."""
    visible = look.visible.copy()
    visible[prim] = False
    return replace(look, visible=visible)
