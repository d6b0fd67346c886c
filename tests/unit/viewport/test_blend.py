"""Translucent triangles come farthest first, where their parts are now."""

from __future__ import annotations

import numpy as np
import picture_scenes as scenes

from armillary.viewport import blend
from armillary.viewport.blend import Blend, by_depth
from armillary.viewport.merge import Mesh
from armillary.viewport.stage import Stage

ALONG_X = np.array([1.0, 0.0, 0.0])


def prims_of(mesh: Mesh, triangle: np.ndarray) -> set[int]:
    return set(mesh.prim[triangle.reshape(-1)].astype(int).tolist())


def test_triangles_are_sorted_from_far_to_near_where_their_parts_are_now() -> None:
    scene = scenes.row_of_boxes(9)
    stage = Stage(scene)
    mesh = stage.mesh
    row = mesh.row[mesh.triangle[:, 0]].astype(np.int64)
    order = by_depth(mesh.triangle, mesh.point, row, stage.matrix, ALONG_X)
    world = mesh.point[order].mean(axis=1) + scene.matrix[mesh.prim[order[:, 0]].astype(int), :3, 3]
    assert (np.diff(world[:, 0]) <= 1e-4).all()
    assert len(order) == len(mesh.triangle)
    moved = scene.matrix[[1]].copy()
    moved[0, 0, 3] = 100.0
    stage.move(np.array([1], np.uint32), moved)
    order = by_depth(mesh.triangle, mesh.point, row, stage.matrix, ALONG_X)
    assert prims_of(mesh, order[:12]) == {1}


def test_only_translucent_parts_are_taken_and_only_once() -> None:
    stage = Stage(scenes.row_of_boxes(4))
    order = Blend(stage.mesh, stage.matrix)
    clear = np.array([False, True, False, True, False])
    assert order.take(clear)
    assert not order.take(clear)
    ordered = order.ordered(ALONG_X, rest=False)
    assert ordered is not None
    assert prims_of(stage.mesh, ordered) == {1, 3}
    assert prims_of(stage.mesh, ordered[:12]) == {3}


def test_an_order_is_made_again_only_when_the_eye_or_a_part_moved() -> None:
    stage = Stage(scenes.row_of_boxes(4))
    order = Blend(stage.mesh, stage.matrix)
    order.take(np.ones(5, bool))
    assert order.ordered(ALONG_X, rest=False) is not None
    assert order.ordered(ALONG_X, rest=False) is None
    order.moved()
    assert order.ordered(ALONG_X, rest=False) is not None
    assert order.ordered(-ALONG_X, rest=False) is not None


def test_too_many_triangles_wait_for_rest(monkeypatch) -> None:
    monkeypatch.setattr(blend, "MOST_MOVING", 10)
    stage = Stage(scenes.row_of_boxes(4))
    order = Blend(stage.mesh, stage.matrix)
    order.take(np.ones(5, bool))
    assert order.ordered(ALONG_X, rest=False) is None
    assert order.ordered(ALONG_X, rest=True) is not None
    assert order.ordered(ALONG_X, rest=True) is None
