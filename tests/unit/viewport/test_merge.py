"""One mesh holds what a scene draws, and a broken scene is refused before it reaches the card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.arrays import F8
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneArrays
from armillary.viewport.merge import merge


def with_instances(k: int) -> SceneArrays:
    instances: F8 = np.array([scenes.at(2.0 * i, 0, 3) for i in range(k)])
    return scenes.boxes(np.array([scenes.at(0, 0, 0), scenes.at(3, 0, 0)]), instances)


def test_a_scene_without_instances_is_not_copied() -> None:
    scene = scenes.row_of_boxes(3)
    mesh = merge(scene)
    assert mesh.point is scene.point
    assert np.shares_memory(mesh.triangle, scene.triangle)
    assert (mesh.prim == mesh.row).all()


def test_each_instance_has_its_own_row_and_the_look_of_its_prim() -> None:
    scene = with_instances(5)
    mesh = merge(scene)
    assert len(mesh.triangle) == 12 * (2 + 5)
    assert sorted(set(mesh.row.tolist())) == [1, 2, *range(len(scene), len(scene) + 5)]
    for i in range(5):
        of = mesh.prim[mesh.row == len(scene) + i]
        assert (of == scene.instance_prim[i]).all()
    assert (mesh.row[mesh.triangle] == mesh.row[mesh.triangle[:, :1]]).all()
    assert mesh.simplified == 0


def test_too_many_triangles_of_instances_become_boxes_and_are_counted() -> None:
    scene = with_instances(6)
    triangle = np.concatenate([scene.triangle[:24], np.tile(scene.triangle[24:], (10, 1))])
    scene = replace(scene, triangle=triangle, proto=np.array([24, len(triangle)]))
    assert merge(scene).simplified == 0
    mesh = merge(scene, max_triangles=100)
    assert mesh.simplified == 6
    assert len(mesh.triangle) == 24 + 6 * 12
    drawn = mesh.point[mesh.row >= len(scene)]
    assert drawn.min() == -0.5
    assert drawn.max() == 0.5


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("triangle", np.array([[0, 1, 99999]], np.int32), "triangle"),
        ("triangle", np.array([[0, 1, -1]], np.int32), "triangle"),
        ("point_prim", np.full(48, 77, np.uint32), "prim"),
        ("normal", np.zeros((3, 3), np.float32), "normals"),
        ("proto", np.array([99]), "runs"),
        ("proto", np.zeros(0, np.int64), "runs"),
    ],
)
def test_a_scene_that_points_outside_is_refused_with_a_reason(field: str, value: object, told: str) -> None:
    scene = scenes.row_of_boxes(2)
    changes: dict[str, object] = {field: value}
    if field == "triangle":
        changes["proto"] = np.array([1])
    with pytest.raises(SceneFault, match=told):
        merge(replace(scene, **changes))


def test_an_instance_of_a_prototype_that_does_not_exist_is_refused() -> None:
    scene = with_instances(2)
    with pytest.raises(SceneFault, match="instance"):
        merge(replace(scene, instance_proto=np.array([0, 5], np.uint32)))


def test_of_too_many_instances_the_largest_are_whole() -> None:
    scene = with_instances(6)
    triangle = np.concatenate([scene.triangle[:24], np.tile(scene.triangle[24:], (10, 1))])
    places = scene.instance_matrix.copy()
    places[4, :3, :3] *= 3
    places[1, :3, :3] *= 2
    scene = replace(scene, triangle=triangle, proto=np.array([24, len(triangle)]), instance_matrix=places)
    mesh = merge(scene, max_triangles=6 * 12 + 2 * (120 - 12))
    assert mesh.simplified == 4
    rows = mesh.row[mesh.triangle[:, 0]].astype(int) - len(scene)
    assert [int((rows == i).sum()) for i in range(6)] == [12, 120, 12, 12, 120, 12]


def test_a_scene_of_instances_alone_is_their_copies() -> None:
    places = np.array([scenes.at(2.0 * k, 0, 0) for k in range(5)])
    mesh = merge(scenes.boxes(np.zeros((0, 4, 4)), instances=places))
    assert len(mesh.triangle) == 5 * 12
    assert len(mesh.point) == 5 * 24
    assert mesh.triangle.max() == len(mesh.point) - 1
    np.testing.assert_array_equal(np.unique(mesh.prim), np.arange(1, 6))
    np.testing.assert_array_equal(np.unique(mesh.row), 6 + np.arange(5))
