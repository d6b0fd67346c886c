"""Scenes made of arrays alone, for benches and tests that need no file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import F8, frozen
from armillary.model.scene import SceneArrays

GREY = (0x7A, 0x82, 0x8A, 255)
PER_GROUP = 100  # prims of one branch in a flat scene


def scene_of(
    paths: Sequence[str],
    parent: Sequence[int],
    *,
    local: F8 | None = None,
    drawable: Sequence[bool] | None = None,
    meters_per_unit: float = 1.0,
) -> SceneArrays:
    """Return a scene of M prims in depth-first order; drawn ones are unit cubes of 12 triangles.

    local: (M, 4, 4) prim → parent in stage units; identity when not given. drawable: leaves when not given.
    """
    m = len(paths)
    up = np.array(parent, np.int32)
    has_child = np.isin(np.arange(m), up)
    drawn = ~has_child if drawable is None else np.array(drawable, np.bool_)
    root = np.diag([meters_per_unit, meters_per_unit, meters_per_unit, 1.0])
    matrix = np.broadcast_to(np.eye(4), (m, 4, 4)).copy() if local is None else local.copy()
    for i in range(m):
        matrix[i] = (root if up[i] < 0 else matrix[up[i]]) @ matrix[i]
    cubes = np.flatnonzero(drawn)
    corner, face = _cube()
    local_box = np.tile(np.array([0, 0, 0, 1, 1, 1], np.float32), (m, 1))
    world = np.einsum("mij,cj->mci", matrix[:, :3, :3], corner) + matrix[:, None, :3, 3]
    triangle = (face[None] + 8 * np.arange(len(cubes))[:, None, None]).reshape(-1, 3).astype(np.int32)
    return SceneArrays(
        point=frozen(np.tile(corner, (len(cubes), 1)).astype(np.float32)),
        normal=frozen(np.tile(_unit(corner - 0.5), (len(cubes), 1)).astype(np.float32)),
        point_prim=frozen(np.repeat(cubes, 8).astype(np.uint32)),
        point_rgba=np.zeros((0, 4), np.uint8),
        triangle=frozen(triangle),
        proto=np.array([len(triangle)], np.int64),
        instance_prim=np.zeros(0, np.uint32),
        instance_proto=np.zeros(0, np.uint32),
        instance_matrix=np.zeros((0, 4, 4)),
        instance_id=np.zeros(0, np.int64),
        prim_path=tuple(paths),
        type_names=("Xform", "Cube"),
        prim_type=drawn.astype(np.uint16),
        parent=frozen(up),
        matrix=frozen(matrix),
        local_box=frozen(local_box),
        box=frozen(np.concatenate([world.min(axis=1), world.max(axis=1)], axis=1)),
        rgba=frozen(np.tile(np.array(GREY, np.uint8), (m, 1))),
        emissive=np.zeros((m, 3), np.uint8),
        metallic=np.zeros(m, np.uint8),
        roughness=np.full(m, 128, np.uint8),
        visible=np.ones(m, np.bool_),
        purpose=np.zeros(m, np.uint8),
        drawable=frozen(drawn),
        double_sided=np.zeros(m, np.bool_),
        has_point_rgba=np.zeros(m, np.bool_),
        instance_root=np.zeros(m, np.bool_),
        kind=(),
        root=frozen(root),
        meters_per_unit=meters_per_unit,
        key=f"synthetic-{m}",
    )


def flat_scene(m: int) -> SceneArrays:
    """Return a root, one branch for each hundred prims, and m drawn leaves on a grid 2 m apart."""
    paths, parent, places = ["/Plant"], [-1], [(0.0, 0.0, 0.0)]
    branch = 0
    for i in range(m):
        if i % PER_GROUP == 0:
            branch = len(paths)
            paths.append(f"/Plant/Area_{i // PER_GROUP}")
            parent.append(0)
            places.append((0.0, 2.0 * (i // PER_GROUP), 0.0))
        paths.append(f"{paths[branch]}/Part_{i}")
        parent.append(branch)
        places.append((2.0 * (i % PER_GROUP), 0.0, 0.0))
    local = np.broadcast_to(np.eye(4), (len(paths), 4, 4)).copy()
    local[:, :3, 3] = places
    return scene_of(paths, parent, local=local)


def _cube() -> tuple[F8, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    corner = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float64)
    face = [
        (0, 2, 1), (1, 2, 3), (4, 5, 6), (5, 7, 6), (0, 1, 4), (1, 5, 4),
        (2, 6, 3), (3, 6, 7), (0, 4, 2), (2, 4, 6), (1, 3, 5), (3, 7, 5),
    ]  # fmt: skip
    return corner, np.array(face, np.int32)


def _unit(v: F8) -> F8:
    out: F8 = v / np.linalg.norm(v, axis=1, keepdims=True)
    return out
