"""Boxes follow the matrices and are found by rays."""

from __future__ import annotations

import numpy as np
import picture_scenes as scenes

from armillary.viewport.boxes import PIECE, Boxes
from armillary.viewport.merge import merge
from armillary.viewport.stage import Stage


def test_the_box_of_a_prim_is_that_of_its_geometry_where_it_is_now() -> None:
    scene = scenes.row_of_boxes(40)
    stage = Stage(scene)
    for prim in (0, 1, 17, 40):
        np.testing.assert_allclose(stage.box(prim), scene.box[prim], atol=1e-5)
    matrix = scene.matrix[[17]].copy()
    matrix[0, :3, 3] += (0, 0, 50)
    stage.move(np.array([17], np.uint32), matrix)
    assert stage.box(17)[2] == 49.5
    assert stage.box(0)[5] == 50.5
    assert stage.box(18)[5] == 0.5


def test_boxes_of_many_prims_at_once_are_those_of_each_alone() -> None:
    scene = scenes.row_of_boxes(40)
    one = scene.point_prim.copy()
    one[: 24 * 3] = 3  # a prim of several pieces, and two without any
    stage = Stage(scenes.replace_point_prim(scene, one))
    prims = np.array([0, 1, 2, 3, 17, 40])
    each = stage.boxes.of_each(prims, stage.ends[prims])
    for prim, box in zip(prims.tolist(), each, strict=True):
        np.testing.assert_array_equal(box, stage.boxes.of(prim, int(stage.ends[prim])))
    assert np.isnan(each[1]).all()


def test_a_ray_meets_the_pieces_in_its_way_nearest_first() -> None:
    scene = scenes.row_of_boxes(100)
    stage = Stage(scene)
    pieces, enter = stage.boxes.along(np.array([-500.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    assert stage.boxes.prim[pieces].tolist() == list(range(1, 101))
    assert (np.diff(enter) > 0).all()
    pieces, _ = stage.boxes.along(np.array([-500.0, 2.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    assert len(pieces) == 0
    pieces, _ = stage.boxes.along(np.array([500.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    assert len(pieces) == 0


def test_large_prims_are_cut_into_pieces_that_cover_every_triangle_once() -> None:
    scene = scenes.row_of_boxes(60)
    one = scene.point_prim.copy()
    one[one > 3] = 4
    mesh = merge(scenes.replace_point_prim(scene, one))
    boxes = Boxes(mesh, np.tile(np.eye(4, dtype=np.float32)[:3], (len(scene), 1, 1)))
    assert (boxes.last - boxes.first).max() == PIECE
    covered = np.sort(np.concatenate([np.arange(a, b) for a, b in zip(boxes.first, boxes.last, strict=True)]))
    np.testing.assert_array_equal(covered, np.arange(len(mesh.triangle)))


def test_hidden_prims_do_not_count_for_the_whole() -> None:
    scene = scenes.row_of_boxes(3, spacing=10.0)
    stage = Stage(scene)
    shown = np.array([True, True, True, False])
    assert stage.boxes.all(shown)[3] == 0.5
    assert np.isnan(stage.boxes.all(np.zeros(4, bool))).all()


def test_a_scene_without_geometry_has_no_boxes() -> None:
    stage = Stage(scenes.boxes(np.zeros((0, 4, 4))))
    assert np.isnan(stage.box(0)).all()
    assert len(stage.boxes.along(np.zeros(3), np.array([0.0, 0.0, 1.0]))[0]) == 0
