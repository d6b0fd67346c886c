"""What hangs on bones bends with them; the scene itself is as it was."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from armillary.model.arrays import F4
from armillary.model.bending import Bending
from armillary.model.scene import SceneArrays
from armillary.scene import info, skinning
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet

Load = Callable[..., SceneArrays]
RANGE = "    startTimeCode = 0\n    endTimeCode = 10\n"
ARM = """
def SkelRoot "arm" (
    prepend apiSchemas = ["SkelBindingAPI"]
)
{
    rel skel:skeleton = </arm/bones>
    def Skeleton "bones" (
        prepend apiSchemas = ["SkelBindingAPI"]
    )
    {
        rel skel:animationSource = </arm/wave>
        uniform token[] joints = ["root", "root/tip"]
        uniform matrix4d[] bindTransforms = [
            ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
            ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 2, 1))
        ]
        uniform matrix4d[] restTransforms = [
            ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
            ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 2, 1))
        ]
    }
    def SkelAnimation "wave"
    {
        uniform token[] joints = ["root/tip"]
        float3[] translations = [(0, 0, 2)]
        half3[] scales = [(1, 1, 1)]
        quatf[] rotations.timeSamples = {
            0: [(1, 0, 0, 0)],
            10: [(0.70710677, 0, 0.70710677, 0)],
        }
    }
    def Mesh "skin" (
        prepend apiSchemas = ["SkelBindingAPI"]
    )
    {
        int[] faceVertexCounts = [4, 4]
        int[] faceVertexIndices = [0, 1, 3, 2, 2, 3, 5, 4]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 0, 2), (1, 0, 2), (0, 0, 4), (1, 0, 4)]
        int[] primvars:skel:jointIndices = [0, 0, 0, 0, 1, 1] (
            elementSize = 1
            interpolation = "vertex"
        )
        float[] primvars:skel:jointWeights = [1, 1, 1, 1, 1, 1] (
            elementSize = 1
            interpolation = "vertex"
        )
    }
}
"""


def tip(scene: SceneArrays, at: float) -> F4:
    """Return where the last point (1, 0, 4) of the skin is at a stage time."""
    rest = np.flatnonzero((scene.point == (1, 0, 4)).all(axis=1))
    bends = Bending.of(scene)
    row = bends.point.tolist().index(int(rest[0]))
    return bends.shapes(at)[0][bends.slot[row]]


def test_a_skin_follows_its_bones(scene_of: Load) -> None:
    scene = scene_of(ARM, more=RANGE)
    assert np.allclose(tip(scene, 0), (1, 0, 4))
    assert np.allclose(tip(scene, 10), (2, 0, 1), atol=1e-5)  # the upper bone lies down
    assert np.allclose(tip(scene, 5), (2.1213, 0, 2.7071), atol=1e-3)
    assert scene.problems == ()
    assert "SkelRoot" in scene.type_names


def test_a_still_pose_is_drawn_as_it_stands(scene_of: Load) -> None:
    turned = "quatf[] rotations = [(0.70710677, 0, 0.70710677, 0)]"
    a, b = ARM.index("quatf[] rotations.timeSamples"), ARM.index("}", ARM.index("10: [(0.7"))
    scene = scene_of(ARM[:a] + turned + ARM[b + 1 :])
    assert scene.point[:, 0].max() == pytest.approx(2)
    assert scene.problems == ()


def test_the_stage_is_as_before_when_the_scene_was_read(write: Callable[..., str]) -> None:
    found = check(write(ARM, more=RANGE))
    opened = open_stage(found.root, found.layers)
    target = opened.stage.GetEditTarget().GetLayer().identifier
    with quiet():
        scene = load(opened.stage)
        told = json.loads(info.info(opened.stage, scene))
    assert opened.stage.GetPrimAtPath("/arm").GetTypeName() == "SkelRoot"
    assert not opened.stage.GetPrimAtPath("/arm/skin").GetAttribute("points").GetNumTimeSamples()
    assert opened.stage.GetEditTarget().GetLayer().identifier == target
    assert told["types"]["SkelRoot"] == 1
    assert told["plays"] is True
    assert [u["feature"] for u in told["unsupported"]] == [
        "subdivision (the control mesh is drawn, shaded smooth)"
    ]


def test_too_long_an_animation_stands_as_at_the_start_and_says_so(
    scene_of: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skinning, "MOST_POINTS", 20)
    scene = scene_of(ARM, more=RANGE)
    assert not len(scene.bend_time)
    assert [(p.code, p.where) for p in scene.problems] == [("S20", "/arm")]


def test_a_skeleton_inside_an_instance_is_told(scene_of: Load) -> None:
    instance = """
def "copy" (
    instanceable = true
    references = </C>
)
{
}
"""
    scene = scene_of('class Xform "C"\n{\n' + ARM.replace("</arm", "</C/arm") + "}\n" + instance, more=RANGE)
    assert [p.code for p in scene.problems] == ["S20"]
    assert scene.drawable.any()


@pytest.mark.parametrize("joints", ["[0, 0, 0, 0, 7, -1]", "[0, 0]"])
def test_bones_that_do_not_exist_break_nothing(scene_of: Load, joints: str) -> None:
    scene = scene_of(ARM.replace("[0, 0, 0, 0, 1, 1]", joints), more=RANGE)
    assert scene.drawable.any()
    assert np.isfinite(scene.point).all()


@pytest.mark.parametrize(
    ("given", "instead"),
    [("10: [(0.7", "1e308: [(0.7"), ("10: [(0.7", "nan: [(0.7"), ("endTimeCode = 10", "endTimeCode = 1e300")],
)
def test_an_animation_without_end_takes_no_time_without_end(scene_of: Load, given: str, instead: str) -> None:
    more = RANGE.replace(given, instead) if "TimeCode" in given else ""
    scene = scene_of(ARM.replace(given, instead), more=more)
    assert scene.drawable.any()
    empty = ARM[: ARM.index('    def Mesh "skin"')] + "}\n"
    scene_of(empty.replace(given, instead), more=more)
