"""A pick names the prim whose pixel it is, checked against the picture itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes

from armillary.model.look import base_look
from armillary.viewport import camera as eye
from armillary.viewport.view import View

ViewOf = Callable[..., View]


def numbered(scene: scenes.SceneArrays) -> np.ndarray:
    """Return colours that hold each prim's number."""
    number = np.arange(len(scene))
    rgba = np.full((len(scene), 4), 255, np.uint8)
    rgba[:, 0], rgba[:, 1], rgba[:, 2] = number & 255, number >> 8, 77
    return rgba


def test_picks_agree_with_the_picture_pixel_by_pixel(view_of: ViewOf) -> None:
    rng = np.random.default_rng(3)
    places = np.array([scenes.at(*rng.uniform(-4, 4, 3), rng.uniform(0.2, 1.5)) for _ in range(300)])
    turn = np.eye(4)
    angle = 0.7
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    scene = scenes.boxes(places @ turn, places[:40] @ np.diag([2.0, 0.3, 0.5, 1.0]))
    view = view_of(scene)
    rest = replace(base_look(scene), rgba=numbered(scene))
    moved = np.arange(1, len(scene), 7).astype(np.uint32)
    matrix = scene.matrix[moved].copy()
    matrix[:, :3, 3] += rng.uniform(-2, 2, (len(moved), 3))
    visible = rng.random(len(scene)) > 0.2
    look = replace(rest, visible=visible, moved=moved, matrix=matrix)
    for pose in ("iso", "top"):
        for shown in (rest, look):
            view.standard(pose)
            view.apply(shown)
            rgba = view.render().astype(int)
            prim = np.where(rgba[..., 2] == 77, rgba[..., 0] + 256 * rgba[..., 1], -1)
            at = [
                (int(x), int(y))
                for x, y in zip(rng.integers(0, 320, 300), rng.integers(0, 240, 300), strict=True)
            ]
            agree = [view.pick(x, y) == prim[y, x] for x, y in at]
            # on an edge rounding may decide either way
            assert np.mean(agree) > 0.985
            assert np.mean([prim[y, x] >= 0 for x, y in at]) > 0.1


def test_a_pick_gives_the_point_of_the_surface(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(1)
    view = view_of(scene)
    prim, point = view.hit(*view.project(1)[:2])
    assert prim == 1
    assert abs(point[1] + 0.5) < 1e-6  # the front face
    assert view.hit(1, 1)[0] == -1


def test_picks_work_in_an_orthographic_view(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    view.pose = replace(view.pose, fov_deg=0.0, ortho_height=6.0)
    look = replace(base_look(scene), rgba=numbered(scene))
    view.apply(look)
    for prim in (1, 2, 3):
        x, y, _ = view.project(prim)
        assert view.pick(x, y) == prim
        assert view.render()[int(y), int(x), 0] == prim
    view.pose = eye.zoom(view.pose, 2.0, (160, 120), (320, 240))
    assert view.pose.ortho_height == 3.0
