"""Which instances are copied, which are true ones, and how an eye has them drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.arrays import B1, I8
from armillary.model.instancing import copied
from armillary.model.scene import SceneArrays
from armillary.viewport.camera import CameraPose
from armillary.viewport.crowd import BLOCK, LARGEST_BOX, Arrangement, Eye, Whereabouts
from armillary.viewport.merge import Crowd, Mesh, merge
from armillary.viewport.stage import Stage

AHEAD = CameraPose(position=(0.0, -50.0, 0.0), focus=(0.0, 0.0, 0.0))
ZERO = np.zeros(3)


def in_rows(n: int, deep: int = 1) -> SceneArrays:
    """Return n by `deep` instances, one behind another along y, and a box of its own."""
    places = np.array([scenes.at(2.0 * i, 2.0 * k, 0) for k in range(deep) for i in range(n)])
    return scenes.boxes(np.array([scenes.at(0, 0, 9)]), places)


def crowd_of(scene: SceneArrays) -> tuple[Mesh, Crowd]:
    mesh = merge(scene, max_copied=0)
    assert mesh.crowd is not None
    return mesh, mesh.crowd


def where_of(scene: SceneArrays) -> Whereabouts:
    stage = Stage(scene, max_copied=0)
    assert stage.mesh.crowd is not None
    return Whereabouts(stage.mesh.crowd, stage.matrix)


def eye(pose: CameraPose = AHEAD, height: int = 800) -> Eye:
    return Eye(pose, 1.6, height)


def small(found: Arrangement, members: int) -> I8:
    """Return the members that are sprites."""
    whole = [np.arange(b * BLOCK, min((b + 1) * BLOCK, members)) for b in found.blocks]
    return np.sort(np.concatenate([[], *whole, *(b * BLOCK + of for b, of in found.some)])).astype(np.int64)


def test_a_few_thousand_plain_instances_are_copied_and_more_are_not() -> None:
    assert copied(in_rows(200)).all()
    assert not copied(in_rows(200), most=200 * 12 - 1).any()


def test_of_several_prototypes_those_with_least_geometry_are_copied() -> None:
    scene = in_rows(10)
    scene = replace(scene, proto=np.array([12, 15, 24]), instance_proto=np.array([0] * 9 + [1], np.uint32))
    assert copied(scene, most=10).tolist() == [False, True]
    mesh = merge(scene, max_copied=10)
    assert mesh.crowd is not None
    assert len(mesh.crowd) == 9
    assert len(mesh.triangle) == 12 + 9
    assert len(mesh.every) == 12 + 9 + 3
    rows = mesh.rows(len(scene), np.arange(10))
    assert rows[9] == len(scene), "copied ones have the rows before those of the crowd"
    assert sorted(rows[:9].tolist()) == list(range(mesh.crowd.first_row, mesh.crowd.first_row + 9))


def test_what_bends_or_lets_light_through_at_its_points_is_copied() -> None:
    scene = in_rows(10)
    last = len(scene.point) - 1
    assert copied(replace(scene, bend_point=np.array([last])), most=0).all()
    rgba = np.full((len(scene.point), 4), 255, np.uint8)
    assert not copied(replace(scene, point_rgba=rgba), most=0).any()
    rgba[last, 3] = 100
    assert copied(replace(scene, point_rgba=rgba), most=0).all()


def test_geometry_is_there_once_whatever_the_number_of_instances() -> None:
    few, _ = crowd_of(in_rows(3))
    mesh, crowd = crowd_of(in_rows(500))
    assert len(crowd) == 500
    assert len(mesh.point) == len(few.point) == 48
    assert len(mesh.triangle) == 12
    assert len(mesh.every) == 24
    assert sorted(crowd.instance.tolist()) == list(range(500))
    np.testing.assert_array_equal(crowd.prim, 2 + crowd.instance)


@pytest.mark.parametrize(("triangles", "is_box"), [(24, True), (18, False)])
def test_a_box_is_known_as_one(triangles: int, is_box: bool) -> None:
    scene = in_rows(5)
    scene = replace(scene, triangle=scene.triangle[:triangles], proto=np.array([12, triangles]))
    assert crowd_of(scene)[1].is_box.tolist() == [is_box]


def test_a_body_in_a_box_is_no_box() -> None:
    scene = in_rows(5)
    point = scene.point.copy()
    point[24:] *= 0.9 + 0.1 * (np.arange(24) % 2)[:, None].astype(np.float32)
    assert crowd_of(replace(scene, point=point))[1].is_box.tolist() == [False]


def test_neighbours_in_space_are_neighbours_in_a_crowd() -> None:
    rng = np.random.default_rng(4)
    places = np.array([scenes.at(*rng.uniform(-100, 100, 3)) for _ in range(2_000)])
    _, crowd = crowd_of(scenes.boxes(np.zeros((0, 4, 4)), places))
    at = places[crowd.instance, :3, 3]
    step = np.linalg.norm(np.diff(at, axis=0), axis=1).mean()
    assert step < 0.4 * np.linalg.norm(np.diff(places[:, :3, 3], axis=0), axis=1).mean()


def test_what_looks_large_is_whole_and_what_looks_small_is_a_sprite() -> None:
    where = where_of(in_rows(1, deep=400))
    n = len(where.crowd)
    found = where.arrange(eye(), ZERO, None)
    near = where.matrices(found.large)[:, 1, 3]
    far = where.matrices(small(found, n))[:, 1, 3]
    assert len(near) + len(far) == n
    assert 0 < near.max() < far.min()
    pixels = np.sqrt(3) * eye().focal_px() / (50 + near.max())
    assert pixels == pytest.approx(LARGEST_BOX, rel=0.05)


def test_an_eye_far_away_sees_sprites_alone_and_one_that_looks_away_nothing() -> None:
    where = where_of(in_rows(300))
    far = where.arrange(eye(CameraPose(position=(0, -9000.0, 0), focus=(0, 0, 0))), ZERO, None)
    assert len(far.large) == 0
    assert len(small(far, 300)) == 300
    away = where.arrange(eye(CameraPose(position=(0, -50.0, 0), focus=(0, -90.0, 0))), ZERO, None)
    assert len(away.large) == len(small(away, 300)) == 0


def test_past_the_bound_those_that_look_smallest_are_sprites_too() -> None:
    where = where_of(in_rows(1, deep=40))
    whole = where.arrange(eye(), ZERO, None)
    assert len(whole.large) == 40
    some = where.arrange(eye(), ZERO, None, most=10 * 12)
    assert len(some.large) == 10
    assert where.matrices(some.large)[:, 1, 3].max() < where.matrices(small(some, 40))[:, 1, 3].min()
    assert sorted([*some.large, *small(some, 40)]) == list(range(40))


def test_moved_members_are_found_where_they_are() -> None:
    scene = in_rows(300)
    stage = Stage(scene, max_copied=0)
    throng = stage._throng
    assert throng is not None
    away = eye(CameraPose(position=(0, -50.0, 0), focus=(0, -90.0, 0)))
    assert len(throng.where.arrange(away, ZERO, None).large) == 0
    before = throng.where.version
    matrix = scene.matrix[[2]].copy()
    matrix[0, :3, 3] = 0, -60.0, 0
    stage.move(np.array([2], np.uint32), matrix)
    assert throng.where.version == before + 1
    assert throng.crowd.prim[throng.where.arrange(away, ZERO, None).large].tolist() == [2]
    np.testing.assert_allclose(stage.box(2)[:3], (-0.5, -60.5, -0.5), atol=1e-4)


def test_translucent_members_come_the_farthest_first() -> None:
    where = where_of(in_rows(1, deep=400))
    clear: B1 = np.arange(400) % 2 == 0
    found = where.arrange(eye(), ZERO, clear)
    for members in (found.clear_small, found.clear_large):
        assert clear[members].all()
        assert (np.diff(where.matrices(members)[:, 1, 3]) < 0).all()
    assert len(found.clear_small) + len(found.clear_large) == 200


def test_a_ray_meets_instances_and_boxes_hold_them() -> None:
    scene = in_rows(100)
    one, other = Stage(scene), Stage(scene, max_copied=0)
    for prim in (0, 1, 2, 50, 101):
        np.testing.assert_allclose(one.box(prim), other.box(prim), atol=1e-5)
    start, way = np.array([-500.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])
    met = [stage.boxes.prim[stage.boxes.along(start, way)[0]].tolist() for stage in (one, other)]
    assert met[0] == met[1] == list(range(2, 102))
