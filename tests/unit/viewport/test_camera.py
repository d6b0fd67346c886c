"""The eye moves as a hand expects."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.scene import Camera
from armillary.viewport import camera
from armillary.viewport.camera import CameraPose

BOX = np.array([-1.0, -2.0, 0.0, 3.0, 2.0, 1.0])
SIZE = (640, 400)
POSE = CameraPose(position=(5.0, -5.0, 3.0), focus=(0.0, 0.0, 0.0))


def test_a_projected_point_lies_on_the_ray_of_its_pixel() -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (20, 3))
    for pose in (POSE, CameraPose(position=(5, -5, 3), focus=(0, 0, 0), fov_deg=0.0, ortho_height=4.0)):
        for point, (x, y, depth) in zip(points, camera.project(pose, points, SIZE), strict=True):
            origin, direction = camera.ray(pose, x, y, SIZE)
            along = (point - origin) @ direction
            np.testing.assert_allclose(origin + along * direction, point, atol=1e-9)
            assert depth > 0


def test_a_pose_between_two_begins_and_ends_at_these_and_nears_by_the_same_factor() -> None:
    for fov, height in ((35.0, 0.0), (0.0, 4.0)):
        start = CameraPose(position=(5.0, -5.0, 3.0), focus=(0.0, 0.0, 0.0), fov_deg=fov, ortho_height=height)
        end = camera.fit(start, BOX * 0.02, 1.5)
        way = [camera.between(start, end, share / 8) for share in range(9)]
        for reached, wanted in ((way[0], start), (way[-1], end)):
            np.testing.assert_allclose(reached.position, wanted.position, atol=1e-9)
            np.testing.assert_allclose(reached.focus, wanted.focus, atol=1e-9)
        size = [camera.view_height(pose) for pose in way]
        np.testing.assert_allclose(np.diff(np.log(size)), np.log(size[-1] / size[0]) / 8, atol=1e-6)
        for pose in way:
            np.testing.assert_allclose(camera.basis(pose)[2], camera.basis(start)[2], atol=1e-9)


def test_what_is_behind_the_eye_has_no_positive_depth() -> None:
    behind = np.asarray(POSE.position) * 2
    assert camera.project(POSE, behind[None], SIZE)[0, 2] < 0


@pytest.mark.parametrize("name", camera.STANDARD)
@pytest.mark.parametrize("aspect", [0.5, 1.6])
def test_a_fitted_box_is_wholly_inside_and_fills_the_picture(name: str, aspect: float) -> None:
    size = (round(400 * aspect), 400)
    pose = camera.standard(name, BOX, aspect)
    at = camera.project(pose, camera.corners(BOX), size)
    assert (at[:, :2] > 0).all()
    assert (at[:, 0] < size[0]).all()
    assert (at[:, 1] < size[1]).all()
    assert max(np.ptp(at[:, 0]) / size[0], np.ptp(at[:, 1]) / size[1]) > 0.6


def test_an_empty_box_leaves_the_pose_and_standard_views_go_home() -> None:
    nothing = np.full(6, np.nan)
    assert camera.fit(POSE, nothing, 1.0) == POSE
    assert camera.standard("front", nothing, 1.0) == camera.HOME
    assert camera.standard("nonsense", BOX, 1.0) == camera.standard("iso", BOX, 1.0)


def test_orbit_keeps_distance_and_upright_and_stops_at_the_pole() -> None:
    pose = POSE
    for _ in range(60):
        pose = camera.orbit(pose, 7.0, 5.0)
        assert camera.distance(pose) == pytest.approx(camera.distance(POSE))
        right, up, _ = camera.basis(pose)
        assert right[2] == pytest.approx(0, abs=1e-9)
        assert up[2] >= 0
    assert pose.position[2] == pytest.approx(camera.distance(POSE), rel=1e-4)


def test_orbit_by_a_full_turn_comes_back() -> None:
    pose = POSE
    for _ in range(36):
        pose = camera.orbit(pose, 10.0, 0.0)
    np.testing.assert_allclose(pose.position, POSE.position, atol=1e-9)


def test_orbit_turns_out_of_the_top_view_without_a_jump() -> None:
    top = camera.standard("top", BOX, 1.0)
    turned = camera.orbit(top, 0.0, -1.0)
    np.testing.assert_allclose(camera.basis(turned)[0], camera.basis(top)[0], atol=1e-9)


def test_a_dragged_point_stays_under_the_pointer() -> None:
    before = camera.project(POSE, np.zeros((1, 3)), SIZE)[0]
    after = camera.project(camera.pan(POSE, 30, -20, SIZE[1]), np.zeros((1, 3)), SIZE)[0]
    np.testing.assert_allclose(after[:2] - before[:2], (30, -20), atol=1e-6)


def test_zoom_keeps_the_point_under_the_pointer() -> None:
    right, up, _ = camera.basis(POSE)
    point = 0.8 * right - 0.5 * up  # in the plane of the focus
    x, y, depth = camera.project(POSE, point[None], SIZE)[0]
    nearer = camera.zoom(POSE, 1.5, (x, y), SIZE)
    x1, y1, depth1 = camera.project(nearer, point[None], SIZE)[0]
    assert (x1, y1) == pytest.approx((x, y), abs=1e-6)
    assert depth1 == pytest.approx(depth / 1.5)


def test_near_and_far_hold_the_scene_from_outside_and_inside() -> None:
    near, far = camera.clipping(POSE, BOX)
    depth = camera.project(POSE, camera.corners(BOX), SIZE)[:, 2]
    assert 0 < near < depth.min()
    assert far > depth.max()
    inside = CameraPose(position=(0.0, 0.0, 0.5), focus=(1.0, 0.0, 0.5))
    near, far = camera.clipping(inside, BOX)
    assert 0 < near < 0.01
    assert far > 3
    away = CameraPose(position=(100.0, 0.0, 0.5), focus=(200.0, 0.0, 0.5))
    near, far = camera.clipping(away, BOX)
    assert 0 < near < far


def test_a_camera_of_the_scene_becomes_a_pose() -> None:
    seen = camera.through(Camera(path="/C", position=(1, 2, 3), focus=(0, 0, 0), up=(0, 0, 1), fov_deg=50.0))
    assert (seen.position, seen.fov_deg) == ((1, 2, 3), 50.0)
