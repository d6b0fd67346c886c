"""While the eye moves, what is near stays whole, the rest is coarse, and the budget follows the clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_scenes as scenes

from armillary.viewport.boxes import Boxes
from armillary.viewport.camera import CameraPose
from armillary.viewport.detail import MOVING_MS, TETRA, Choice, Pace, choose, coarse
from armillary.viewport.merge import Mesh, merge
from armillary.viewport.stage import Stage

ORIGIN = np.zeros(3)
SQUARE = 1.0


def looking_along_x(x: float) -> CameraPose:
    return CameraPose(position=(x, 0.0, 0.0), focus=(x + 10.0, 0.0, 0.0), up=(0.0, 0.0, 1.0))


def boxes_of(n: int) -> tuple[Mesh, Boxes]:
    scene = scenes.row_of_boxes(n)
    return merge(scene), Stage(scene).boxes


def prims_of(mesh: Mesh, triangle: np.ndarray) -> set[int]:
    return set(mesh.prim[triangle.reshape(-1)].astype(int).tolist())


def far_prims(mesh: Mesh, boxes: Boxes, chosen: Choice) -> set[int]:
    tetra = coarse(mesh, boxes, chosen.far, chosen.grown)
    return prims_of(tetra, tetra.triangle)


def all_coarse(mesh: Mesh, boxes: Boxes) -> Mesh:
    n = len(boxes.prim)
    return coarse(mesh, boxes, np.arange(n), np.ones(n, np.float32))


def test_a_coarse_piece_fills_the_box_of_its_part() -> None:
    mesh, boxes = boxes_of(3)
    tetra = all_coarse(mesh, boxes)
    assert len(tetra.point) == 12
    assert len(tetra.triangle) == 3 * TETRA
    for k in range(3):
        own = tetra.point[4 * k : 4 * k + 4]
        np.testing.assert_allclose(np.r_[own.min(axis=0), own.max(axis=0)], [-0.5] * 3 + [0.5] * 3)
    np.testing.assert_array_equal(tetra.row, tetra.prim)
    np.testing.assert_allclose(np.linalg.norm(tetra.normal, axis=1), 1.0, rtol=1e-5)


def test_the_faces_of_a_coarse_piece_look_outwards() -> None:
    tetra = all_coarse(*boxes_of(1))
    corner = tetra.point[tetra.triangle]
    out = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert (np.einsum("ij,ij->i", out, corner.mean(axis=1)) > 0).all()


def test_what_is_near_is_whole_and_what_is_far_is_coarse() -> None:
    mesh, boxes = boxes_of(100)
    chosen = choose(boxes, looking_along_x(-110.0), ORIGIN, SQUARE, budget=100 * TETRA + 10 * (12 - TETRA))
    assert prims_of(mesh, mesh.triangle[chosen.near]) == set(range(1, 11))
    assert far_prims(mesh, boxes, chosen) == set(range(11, 101))


def test_parts_are_thinned_out_evenly_when_even_coarse_ones_are_too_many() -> None:
    scene = scenes.grid_of_boxes(2_500)
    boxes, mesh = Stage(scene).boxes, merge(scene)
    above = CameraPose(position=(0.0, 0.0, 500.0), focus=(0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0))
    chosen = choose(boxes, above, ORIGIN, SQUARE, budget=500 * TETRA)
    kept = np.array(sorted(far_prims(mesh, boxes, chosen)))
    assert len(kept) == 500
    assert len(chosen.near) == 0
    quarter = np.histogram2d(*scene.matrix[kept, :2, 3].T, bins=2)[0]
    assert quarter.min() > 75, "no corner of the scene is empty"


def test_an_ample_budget_draws_every_triangle_once() -> None:
    mesh, boxes = boxes_of(50)
    chosen = choose(boxes, looking_along_x(-110.0), ORIGIN, SQUARE, budget=10**6)
    assert len(chosen.far) == 0
    np.testing.assert_array_equal(np.sort(chosen.near), np.arange(len(mesh.triangle)))


def test_an_empty_scene_can_be_chosen_from() -> None:
    mesh = merge(scenes.boxes(np.zeros((0, 4, 4))))
    boxes = Boxes(mesh, np.zeros((1, 3, 4), np.float32))
    chosen = choose(boxes, looking_along_x(0.0), ORIGIN, SQUARE, budget=1000)
    assert len(chosen.near) == len(chosen.far) == 0 == len(all_coarse(mesh, boxes).triangle)


def test_a_choice_serves_until_the_eye_went_or_turned_or_the_budget_changed() -> None:
    _, boxes = boxes_of(5)
    pose = looking_along_x(-50.0)
    chosen = choose(boxes, pose, ORIGIN, SQUARE, budget=100_000)
    assert chosen.serves(pose, SQUARE, 110_000)
    assert chosen.serves(looking_along_x(-49.0), SQUARE, 100_000)
    assert not chosen.serves(looking_along_x(-45.0), SQUARE, 100_000)
    assert not chosen.serves(replace(pose, focus=(-50.0, 10.0, 0.0)), SQUARE, 100_000)
    assert not chosen.serves(pose, SQUARE, 50_000)
    assert not chosen.serves(pose, 2 * SQUARE, 100_000), "a wider picture shows more"
    assert not chosen.serves(replace(pose, up=(0.0, 1.0, 0.0)), SQUARE, 100_000)


def test_the_budget_follows_what_pictures_take() -> None:
    pace = Pace(1_000_000)
    assert not pace.is_slow, "before the first picture nothing is left out"
    pace.whole(4 * MOVING_MS)
    assert pace.is_slow
    first = pace.budget
    assert first < 1_000_000 / 4
    pace.coarse(2 * MOVING_MS)
    assert pace.budget < first
    less = pace.budget
    pace.coarse(5.0)
    assert less < pace.budget <= 1.25 * less
    pace.whole(10.0)
    assert not pace.is_slow


ABOVE = CameraPose(position=(0.0, 0.0, 500.0), focus=(0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0))


def test_pieces_that_stay_grow_to_cover_for_those_that_were_left_out() -> None:
    boxes = Stage(scenes.grid_of_boxes(2_500)).boxes
    chosen = choose(boxes, ABOVE, ORIGIN, SQUARE, budget=500 * TETRA)
    covered = float((chosen.grown.astype(np.float64) ** 2).sum())
    assert 0.6 * 2_500 < covered < 1.7 * 2_500
    assert chosen.grown.min() > 1


def test_what_is_marked_stays_and_keeps_its_size() -> None:
    scene = scenes.grid_of_boxes(2_500)
    boxes = Stage(scene).boxes
    marked = np.zeros(2_500, np.bool_)
    marked[[7, 1_203, 2_444]] = True
    chosen = choose(boxes, ABOVE, ORIGIN, SQUARE, budget=100 * TETRA, marked=marked)
    at = np.isin(chosen.far, np.flatnonzero(marked))
    whole = np.isin(boxes.first[np.flatnonzero(marked)], chosen.near)
    assert at.sum() + whole.sum() == 3
    assert (chosen.grown[at] == 1).all()


def test_what_looks_large_is_whole_however_small_the_budget() -> None:
    mesh, boxes = boxes_of(100)
    chosen = choose(boxes, looking_along_x(-110.0), ORIGIN, SQUARE, budget=50 * TETRA)
    assert {1, 2, 3} <= prims_of(mesh, mesh.triangle[chosen.near])
    assert len(chosen.near) <= 50 * TETRA


def test_what_is_behind_the_eye_or_beside_the_picture_is_left_out() -> None:
    mesh, boxes = boxes_of(100)
    chosen = choose(boxes, looking_along_x(0.0), ORIGIN, SQUARE, budget=10**6)
    seen = prims_of(mesh, mesh.triangle[chosen.near])
    assert set(range(53, 101)) <= seen
    assert not seen & set(range(1, 48))


def test_what_is_near_is_drawn_before_what_it_hides() -> None:
    mesh, boxes = boxes_of(40)
    chosen = choose(boxes, looking_along_x(-110.0), ORIGIN, SQUARE, budget=10**6)
    order = mesh.prim[mesh.triangle[chosen.near, 0]].astype(int)
    assert (np.diff(order) >= 0).all()
