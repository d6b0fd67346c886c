"""What bends with the scene's own time: pixels move, picks follow, and the start comes back exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from armillary.model.look import base_look
from armillary.model.motion import Motion, posed
from armillary.model.scene import SceneArrays
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet
from armillary.viewport.view import View

ViewOf = Callable[..., View]
SCENE = Path(__file__).parent / "fidelity" / "bending.usda"
CAMERA = """
def Camera "eye"
{
    double3 xformOp:translate.timeSamples = {
        0: (2, -12, 0.5),
        20: (4, -12, 0.5),
    }
    float3 xformOp:rotateXYZ = (90, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateXYZ"]
}
"""


def scene_of(tmp_path: Path, *, instancer: bool = True, more: str = "") -> SceneArrays:
    text = SCENE.read_text() + more
    if not instancer:
        text = text.replace('def PointInstancer "parcels"', 'over "parcels"')
    path = tmp_path / "scene.usda"
    path.write_text(text)
    found = check(str(path))
    opened = open_stage(found.root, found.layers)
    with quiet():
        return load(opened.stage)


@pytest.mark.parametrize("instancer", [True, False])
def test_playing_moves_the_pixels_and_the_start_comes_back(
    view_of: ViewOf, tmp_path: Path, instancer: bool
) -> None:
    scene = scene_of(tmp_path, instancer=instancer)
    view, motion, look = view_of(scene), Motion.of(scene), base_look(scene)
    first = view.render()[..., :3].copy()
    pictures = []
    for at in (10.0, 20.0):
        assert view.apply(posed(look, scene, motion, at)) > 0
        pictures.append(view.render()[..., :3].copy())
    changed = [(p != first).any(axis=2).mean() for p in pictures]
    assert 0.01 < changed[0] < changed[1]
    assert view.apply(posed(look, scene, motion, 20.0)) == 0
    view.apply(look)
    assert np.array_equal(view.render()[..., :3], first)


def test_a_pick_meets_a_bent_part_where_it_is_drawn(view_of: ViewOf, tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    view = view_of(scene)
    ground = view.render()[0, 0].copy()
    view.apply(posed(base_look(scene), scene, Motion.of(scene), 20.0))
    rgba = view.render()
    drawn = (rgba != ground).any(axis=2)
    h, w = drawn.shape
    at = [(x, y) for y in range(4, h - 4, 7) for x in range(4, w - 4, 7)]
    # not at edges: there a pixel is the ground's or the part's by a hair
    inner = [(x, y) for x, y in at if np.ptp(drawn[y - 2 : y + 3, x - 2 : x + 3].astype(int)) == 0]
    assert len(inner) > 200
    wrong = [(x, y) for x, y in inner if (view.pick(x, y) >= 0) != drawn[y, x]]
    assert not wrong
    assert 0.05 < np.mean([drawn[y, x] for x, y in inner]) < 0.9


def test_who_looks_through_a_camera_travels_with_it_until_the_eye_is_moved(
    view_of: ViewOf, tmp_path: Path
) -> None:
    scene = scene_of(tmp_path, more=CAMERA)
    view, motion, look = view_of(scene), Motion.of(scene), base_look(scene)
    view.look_through(scene.cameras[0])
    assert view.pose.position == pytest.approx((2, -12, 0.5))
    view.apply(posed(look, scene, motion, 20.0))
    assert view.pose.position == pytest.approx((4, -12, 0.5))
    view.apply(look)
    assert view.pose.position == pytest.approx((2, -12, 0.5))
    view.orbit(30, 0)
    moved = view.pose
    view.apply(posed(look, scene, motion, 20.0))
    assert view.pose == moved
