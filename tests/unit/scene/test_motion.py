"""Time samples of transforms and visibility play; parts that do not change are not touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.look import base_look
from armillary.model.motion import Motion, advance, posed
from armillary.model.scene import SceneArrays
from armillary.scene import cache, motion

Load = Callable[..., SceneArrays]
RANGE = "    startTimeCode = 0\n    endTimeCode = 10\n    timeCodesPerSecond = 5\n"
CRANE = """
def Xform "W"
{
    double3 xformOp:translate.timeSamples = {
        0: (0, 0, 0),
        10: (10, 0, 0),
    }
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Xform "arm"
    {
        double xformOp:rotateZ.timeSamples = {
            0: 0,
            10: 180,
        }
        uniform token[] xformOpOrder = ["xformOp:rotateZ"]
        def Xform "hook"
        {
            double3 xformOp:translate = (2, 0, 0)
            uniform token[] xformOpOrder = ["xformOp:translate"]
            def Cube "box"
            {
            }
        }
    }
    def Cube "free"
    {
        double3 xformOp:translate = (0, 5, 0)
        uniform token[] xformOpOrder = ["!resetXformStack!", "xformOp:translate"]
    }
}
def Cube "still"
{
}
"""
LAMPS = """
def Xform "W"
{
    token visibility.timeSamples = {
        0: "inherited",
        5: "invisible",
    }
    def Cube "a"
    {
    }
    def Cube "b"
    {
        token visibility = "invisible"
    }
}
def Cube "c"
{
    token visibility.timeSamples = {
        0: "invisible",
        5: "inherited",
    }
}
"""


def row(scene: SceneArrays, path: str) -> int:
    return scene.prim_path.index(path)


def at(scene: SceneArrays, path: str, time: float) -> list[float]:
    """Return where a prim's origin is at a stage time."""
    look = posed(base_look(scene), scene, Motion.of(scene), time)
    place = dict(zip(look.moved.tolist(), look.matrix, strict=True))
    return place.get(row(scene, path), scene.matrix[row(scene, path)])[:3, 3].round(6).tolist()


def test_what_hangs_on_a_moving_part_moves_with_it(scene_of: Load) -> None:
    scene = scene_of(CRANE, more=RANGE)
    assert at(scene, "/W/arm/hook/box", 0) == [2, 0, 0]
    assert at(scene, "/W/arm/hook/box", 5) == [5, 2, 0]
    assert at(scene, "/W/arm/hook/box", 10) == [8, 0, 0]


def test_parts_that_do_not_follow_or_do_not_move_are_not_touched(scene_of: Load) -> None:
    scene = scene_of(CRANE, more=RANGE)
    moved = {scene.prim_path[r] for r in scene.motion_row.tolist()}
    assert moved == {"/W", "/W/arm", "/W/arm/hook", "/W/arm/hook/box"}
    assert at(scene, "/W/free", 10) == [0, 5, 0]


def test_visibility_plays_down_the_tree(scene_of: Load) -> None:
    scene = scene_of(LAMPS, more=RANGE)

    def seen(time: float) -> list[bool]:
        look = posed(base_look(scene), scene, Motion.of(scene), time)
        return [bool(look.visible[row(scene, p)]) for p in ("/W/a", "/W/b", "/c")]

    assert seen(0) == [True, False, False]
    assert seen(4.9) == [True, False, False]
    assert seen(5) == [False, False, True]


def test_what_a_person_hid_stays_hidden(scene_of: Load) -> None:
    scene = scene_of(LAMPS, more=RANGE)
    look = base_look(scene)
    hidden = look.visible.copy()
    hidden[row(scene, "/W/a")] = False
    assert not posed(replace(look, visible=hidden), scene, Motion.of(scene), 0).visible[row(scene, "/W/a")]


def test_what_a_binding_moves_stays_where_it_is_put(scene_of: Load) -> None:
    scene = scene_of(CRANE, more=RANGE)
    put = np.eye(4)
    put[:3, 3] = 7, 7, 7
    box = row(scene, "/W/arm/hook/box")
    look = replace(base_look(scene), moved=np.array([box], np.uint32), matrix=put[None])
    after = posed(look, scene, Motion.of(scene), 5)
    assert after.moved.tolist() == sorted(after.moved.tolist())
    assert len(after.moved) == 4
    assert after.matrix[after.moved.tolist().index(box), :3, 3].tolist() == [7, 7, 7]


def test_a_stage_whose_time_range_has_no_length_does_not_move(scene_of: Load) -> None:
    assert not Motion.of(scene_of(CRANE, more="    startTimeCode = 5\n    endTimeCode = 5\n"))


def test_a_stage_without_a_time_range_moves_from_its_first_sample_to_its_last(scene_of: Load) -> None:
    scene = scene_of(CRANE)
    assert scene.time_range == (0, 10, 24)
    assert at(scene, "/W/arm/hook/box", 5) == [5, 2, 0]


def test_a_long_animation_keeps_to_its_limit_of_samples(
    scene_of: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motion, "MOST_SAMPLES", 6)
    scene = scene_of(CRANE, more=RANGE)
    assert len(scene.motion_time) == 3
    assert at(scene, "/W", 5) == [5, 0, 0]


def test_a_cached_scene_still_moves(scene_of: Load, tmp_path: Path) -> None:
    scene = replace(scene_of(CRANE, more=RANGE), key="k")
    again = cache.read(cache.write(scene, tmp_path / "c"))
    assert at(again, "/W/arm/hook/box", 5) == [5, 2, 0]


def test_time_goes_on_at_the_stage_s_own_rate_and_begins_anew() -> None:
    assert advance(0.0, 1.0, (0.0, 10.0, 5.0)) == 5.0
    assert advance(8.0, 1.0, (0.0, 10.0, 5.0)) == 3.0
    assert advance(2.0, 1.0, (2.0, 2.0, 5.0)) == 2.0


PAINTED = """
def Xform "W"
{
    color3f[] primvars:displayColor.timeSamples = {
        0: [(1, 0, 0)],
        10: [(0, 0, 1)],
    }
    float[] primvars:displayOpacity.timeSamples = {
        0: [1],
        10: [0],
    }
    def Cube "a"
    {
    }
    def Cube "own"
    {
        color3f[] primvars:displayColor = [(0, 1, 0)]
    }
}
"""


def test_colours_and_opacity_play_down_the_tree(scene_of: Load, tmp_path: Path) -> None:
    scene = scene_of(PAINTED, more=RANGE)
    scene = cache.read(cache.write(replace(scene, key="k"), tmp_path / "c"))

    def colour(path: str, time: float) -> list[int]:
        return posed(base_look(scene), scene, Motion.of(scene), time).rgba[row(scene, path)].tolist()

    assert colour("/W/a", 0) == [255, 0, 0, 255]
    assert colour("/W/a", 10) == [0, 0, 255, 0]
    assert colour("/W/a", 5) == [128, 0, 128, 128]
    assert colour("/W/own", 10) == [0, 255, 0, 255]


def test_what_a_binding_colours_keeps_its_colour(scene_of: Load) -> None:
    scene = scene_of(PAINTED, more=RANGE)
    look = base_look(scene)
    rgba = look.rgba.copy()
    rgba[row(scene, "/W/a")] = (1, 2, 3, 255)
    after = posed(replace(look, rgba=rgba), scene, Motion.of(scene), 10)
    assert after.rgba[row(scene, "/W/a")].tolist() == [1, 2, 3, 255]
