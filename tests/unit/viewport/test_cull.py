"""What an eye can see: never less than what has pixels."""

from __future__ import annotations

import time

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.viewport.camera import CameraPose, corners, project
from armillary.viewport.cull import in_sight
from armillary.viewport.stage import Stage

SIZE = (320, 200)
ASPECT = SIZE[0] / SIZE[1]


def some_boxes(n: int = 4_000) -> np.ndarray:
    rng = np.random.default_rng(5)
    at, half = rng.uniform(-40, 40, (n, 3)), rng.uniform(0.05, 2.0, (n, 3))
    return np.concatenate([at - half, at + half], axis=1).astype(np.float32)


def some_poses() -> list[CameraPose]:
    rng = np.random.default_rng(6)
    made = []
    for k in range(12):
        eye = tuple(rng.uniform(-30, 30, 3).tolist())
        focus = tuple(rng.uniform(-30, 30, 3).tolist())
        fov = 0.0 if k % 3 == 2 else 35.0
        made.append(CameraPose(position=eye, focus=focus, fov_deg=fov, ortho_height=20.0))
    return made


def has_a_corner_in(box: np.ndarray, pose: CameraPose) -> np.ndarray:
    points = np.concatenate([corners(one) for one in box.astype(np.float64)])
    x, y, depth = project(pose, points, SIZE).T.reshape(3, -1, 8)
    ahead = (depth > 0) | (pose.fov_deg <= 0)
    return ((x >= 0) & (x <= SIZE[0]) & (y >= 0) & (y <= SIZE[1]) & ahead).any(axis=1)


@pytest.mark.parametrize("pose", some_poses())
def test_no_box_with_a_corner_in_the_picture_is_left_out(pose: CameraPose) -> None:
    box = some_boxes()
    seen = in_sight(box, pose, np.zeros(3), ASPECT)
    inside = has_a_corner_in(box, pose)
    assert not (inside & ~seen).any()
    assert seen.mean() < 0.75, "something was left out"


def test_a_margin_holds_what_a_turn_and_a_step_bring_into_sight() -> None:
    box, origin = some_boxes(), np.zeros(3)
    pose = CameraPose(position=(0.0, 0.0, 0.0), focus=(10.0, 0.0, 0.0))
    wide = in_sight(box, pose, origin, ASPECT, turned_deg=14.0, went=2.0)
    assert wide.sum() > in_sight(box, pose, origin, ASPECT).sum()
    angle = np.radians(13.5)
    for aside, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7)):
        focus = (10 * np.cos(angle), 10 * np.sin(angle) * aside, 10 * np.sin(angle) * up)
        turned = CameraPose(position=(0.0, 1.1, -1.1), focus=(focus[0], focus[1] + 1.1, focus[2] - 1.1))
        assert not (has_a_corner_in(box, turned) & ~wide).any()


def test_places_are_asked_in_render_space() -> None:
    origin = np.array([50_000.0, 0.0, 0.0])
    pose = CameraPose(position=(49_990.0, 0.0, 0.0), focus=(50_000.0, 0.0, 0.0))
    box = np.array([[-1, -1, -1, 1, 1, 1], [-21, -1, -1, -19, 1, 1]], np.float32)
    assert in_sight(box, pose, origin, ASPECT).tolist() == [True, False]


def test_a_box_without_numbers_counts_as_seen() -> None:
    pose = CameraPose(position=(0.0, 0.0, 0.0), focus=(10.0, 0.0, 0.0))
    assert in_sight(np.full((1, 6), np.nan, np.float32), pose, np.zeros(3), ASPECT).all()


def test_what_was_made_aside_leaves_out_the_same_blocks() -> None:
    scene = scenes.grid_of_boxes(9_000)
    pose = CameraPose(position=(-40.0, -40.0, 1.0), focus=(-60.0, -60.0, 0.0))
    drawn = []
    for is_aside in (False, True):
        stage = Stage(scene)
        if is_aside:
            stage.get_ready()
            limit = time.monotonic() + 10
            while stage._parts is None and time.monotonic() < limit:
                stage.boxes.now()
        else:
            stage.boxes.now()
        stage.pace.full_ms = 1_000.0
        stage.prepare()
        drawn.append(len(stage.draws(pose, ASPECT)[0]))
    assert drawn[0] == drawn[1] < 4
