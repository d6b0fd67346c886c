"""Time samples of points, widths, instances and cameras play; what does not fit is held and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.arrays import F4
from armillary.model.bending import Bending, camera_at
from armillary.model.scene import SceneArrays
from armillary.scene import bending, cache

Load = Callable[..., SceneArrays]
RANGE = "    startTimeCode = 0\n    endTimeCode = 10\n    timeCodesPerSecond = 5\n"
FLAG = """
def Mesh "W"
{
    int[] faceVertexCounts = [4, 4]
    int[] faceVertexIndices = [0, 1, 2, 3, 1, 4, 5, 2]
    point3f[] points.timeSamples = {
        0: [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (2, 0, 0), (2, 1, 0)],
        10: [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1)],
    }
    MORE
}
"""


def now(scene: SceneArrays, at: float) -> tuple[F4, F4]:
    """Return the points and normals of a scene at a stage time."""
    bends = Bending.of(scene)
    point, normal = scene.point.copy(), scene.normal.copy()
    place, facing = bends.shapes(at)
    point[bends.point], normal[bends.point] = place[bends.slot], facing[bends.slot]
    return point, normal


def area(scene: SceneArrays, at: float) -> float:
    a, b, c = (now(scene, at)[0][scene.triangle[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_points_go_from_sample_to_sample(scene_of: Load) -> None:
    scene = scene_of(FLAG.replace("MORE", ""), more=RANGE)
    assert scene.bend_time.tolist() == [0, 10]
    assert np.array_equal(now(scene, 0)[0], scene.point)
    ends = {tuple(p) for p in now(scene, 10)[0].round(3).tolist()}
    assert ends == {(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1)}
    assert area(scene, 0) == pytest.approx(2.0)
    half = {tuple(p) for p in now(scene, 5)[0].round(3).tolist()}
    assert (1.5, 1.0, 0.5) in half


@pytest.mark.parametrize("scheme", ["none", "catmullClark"])
def test_normals_turn_with_the_faces(scene_of: Load, scheme: str) -> None:
    more = f'uniform token subdivisionScheme = "{scheme}"'
    scene = scene_of(FLAG.replace("MORE", more), more=RANGE)
    assert np.allclose(now(scene, 0)[1], scene.normal, atol=1e-2)
    point, normal = now(scene, 10)
    tip = normal[(point[:, 2] > 0.5)]
    assert np.allclose(tip[:, 1], 0, atol=1e-2)
    assert (tip[:, 0] < -0.7).all()  # the far half stands upright and looks back along -x


def test_authored_normals_play_too(scene_of: Load) -> None:
    more = """
    normal3f[] normals.timeSamples = {
        0: [(0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1)],
        10: [(1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)],
    }
"""
    scene = scene_of(FLAG.replace("MORE", more), more=RANGE)
    assert np.allclose(now(scene, 0)[1], (0, 0, 1))
    assert np.allclose(now(scene, 10)[1], (1, 0, 0))


def test_corners_with_coordinates_of_their_own_keep_their_points(scene_of: Load) -> None:
    more = """
    color3f[] primvars:displayColor = [(1, 0, 0), (0, 1, 0)] (
        interpolation = "uniform"
    )
    uniform token orientation = "leftHanded"
"""
    scene = scene_of(FLAG.replace("MORE", more), more=RANGE)
    assert len(scene.point) == 8
    assert len(scene.bend_point) == 8
    assert area(scene, 10) == pytest.approx(2.0)


def test_copies_of_a_part_bend_alike_from_one_table(scene_of: Load) -> None:
    copy = """
    def "{name}" (
        instanceable = true
        references = </C>
    )
    {{
    }}
"""
    parts = '\ndef Xform "P"\n{' + copy.format(name="a") + copy.format(name="b") + "}\n"
    body = FLAG.replace("MORE", "").replace('def Mesh "W"', 'class Xform "C"\n{\ndef Mesh "W"') + "}\n"
    scene = scene_of(body + parts, more=RANGE)
    assert len(scene.bend_point) == len(scene.point) == 12
    assert scene.bend_place.shape == (2, 6, 3)


def test_a_shape_of_another_number_of_points_is_held_and_told(scene_of: Load) -> None:
    body = FLAG.replace("MORE", "").replace(", (1, 1, 1)],", "],")
    scene = scene_of(body, more=RANGE)
    assert np.allclose(now(scene, 10)[0], scene.point)
    assert [p.where for p in scene.problems if p.code == "S11"] == ["/W"]


def test_a_scene_that_bends_too_much_keeps_fewer_times(
    scene_of: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = "\n".join(f"        {t}: [({t}, 0, 0), (1, 0, 0), (1, 1, 0)]," for t in range(11))
    body = f"""
def Mesh "W"
{{
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    point3f[] points.timeSamples = {{
{samples}
    }}
}}
"""
    assert len(scene_of(body, more=RANGE).bend_time) == 11
    monkeypatch.setattr(bending, "MOST_BYTES", 3 * 3 * 18)
    scene = scene_of(body, more=RANGE)
    assert scene.bend_time.tolist() == [0, 5, 10]
    assert any("too many to keep" in p.what for p in scene.problems)
    monkeypatch.setattr(bending, "MOST_BYTES", 1)
    scene = scene_of(body, more=RANGE)
    assert not len(scene.bend_time)
    assert any("Too much of the scene bends" in p.what for p in scene.problems)


def test_tubes_and_their_widths_play(scene_of: Load) -> None:
    body = """
def BasisCurves "W"
{
    uniform token type = "linear"
    int[] curveVertexCounts = [2]
    point3f[] points = [(0, 0, 0), (0, 0, 1)]
    float[] widths.timeSamples = {
        0: [0.1],
        10: [0.5],
    }
}
"""
    scene = scene_of(body, more=RANGE)
    assert np.ptp(now(scene, 0)[0][:, 0]) == pytest.approx(0.1)
    assert np.ptp(now(scene, 10)[0][:, 0]) == pytest.approx(0.5)


CLOUD = """
def Points "W"
{
    double3 xformOp:translate = (0, 0, 5)
    uniform token[] xformOpOrder = ["xformOp:translate"]
    float[] widths = [2, 2, 2]
    color3f[] primvars:displayColor = [(1, 0, 0), (0, 1, 0), (1, 0, 0)] (
        interpolation = "vertex"
    )
    point3f[] points.timeSamples = {
        0: [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        10: [(0, 0, 1), (1, 0, 1), (2, 0, 1)],
    }
}
def PointInstancer "I"
{
    rel prototypes = [</I/a>, </I/b>]
    int[] protoIndices = [1, 0, 1]
    point3f[] positions.timeSamples = {
        0: [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        10: [(0, 3, 0), (1, 3, 0), (2, 3, 0)],
    }
    def Cube "a"
    {
    }
    def Sphere "b"
    {
    }
}
"""


def test_points_of_a_cloud_and_instances_fly(scene_of: Load) -> None:
    scene = scene_of(CLOUD, more=RANGE)
    bends = Bending.of(scene)
    assert sorted(bends.instance.tolist()) == list(range(6))
    prims = [scene.prim_path[p] for p in scene.instance_prim[bends.instance].tolist()]
    rest = scene.matrix[scene.instance_prim[bends.instance]]
    start, end = rest @ bends.instances(0), rest @ bends.instances(10)
    assert np.allclose(start, scene.instance_matrix[bends.instance])
    went = (end - start)[:, :3, 3].round(6).tolist()
    assert all(w == ([0, 0, 1] if p == "/W" else [0, 3, 0]) for p, w in zip(prims, went, strict=True))


def test_a_camera_that_travels_and_zooms_is_followed(scene_of: Load) -> None:
    body = """
def Xform "W"
{
    double3 xformOp:translate.timeSamples = {
        0: (0, 0, 0),
        10: (10, 0, 0),
    }
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Camera "C"
    {
        float focusDistance = 4
        float focalLength.timeSamples = {
            0: 20,
            10: 50,
        }
    }
}
def Camera "still"
{
}
"""
    scene = scene_of(body, more=RANGE)
    moving, still = scene.cameras
    assert camera_at(scene, moving, 0) == moving
    later = camera_at(scene, moving, 10)
    assert later.position == pytest.approx((10, 0, 0))
    assert later.focus == pytest.approx((10, 0, -4))
    assert later.fov_deg < moving.fov_deg - 5
    assert camera_at(scene, still, 10) is still


def test_samples_without_a_range_in_the_file_give_one(scene_of: Load) -> None:
    scene = scene_of(FLAG.replace("MORE", ""))
    assert scene.time_range == (0, 10, 24)
    assert len(scene.bend_time) == 2
    scene = scene_of(FLAG.replace("MORE", "").replace(" 0: [(", " 4: [("))
    assert scene.time_range[:2] == (4, 10)


def test_a_scene_without_samples_has_nothing_to_play(scene_of: Load) -> None:
    scene = scene_of('def Cube "W"\n{\n}\n')
    assert not len(scene.bend_time)
    assert not len(scene.camera_time)
    assert scene.time_range == (0, 0, 24)


def test_a_cached_scene_still_bends(scene_of: Load, tmp_path: Path) -> None:
    scene = replace(scene_of(FLAG.replace("MORE", "") + CLOUD.replace('"W"', '"V"'), more=RANGE), key="k")
    again = cache.read(cache.write(scene, tmp_path / "c"))
    assert area(again, 10) == pytest.approx(area(scene, 10))
    assert np.array_equal(again.bend_matrix, scene.bend_matrix)


@pytest.mark.parametrize(
    ("kind", "size", "top"), [("Cylinder", "height", 1), ("Cube", "size", 1), ("Sphere", "radius", 2)]
)
def test_sizes_of_shapes_play(scene_of: Load, kind: str, size: str, top: float) -> None:
    body = f"""
def {kind} "W"
{{
    double {size}.timeSamples = {{
        0: 2,
        10: 6,
    }}
}}
"""
    scene = scene_of(body, more=RANGE)
    assert now(scene, 0)[0][:, 2].max() == pytest.approx(top)
    assert now(scene, 5)[0][:, 2].max() == pytest.approx(2 * top)
    assert np.allclose(now(scene, 10)[1], scene.normal, atol=1e-2)
    assert scene.bend_reach[1, :, 2].max() == pytest.approx(3 * top)


def test_more_points_than_a_picture_can_take_are_held(
    scene_of: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bending, "MOST_SLOTS", 5)
    scene = scene_of(FLAG.replace("MORE", ""), more=RANGE)
    assert not len(scene.bend_time)
    assert any("Too much of the scene bends" in p.what for p in scene.problems)
