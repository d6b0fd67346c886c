"""Where the values of fields go on the merged mesh."""

from __future__ import annotations

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.arrays import F4
from armillary.model.look import FieldShape
from armillary.model.scene import SceneArrays
from armillary.viewport.fields import Fields
from armillary.viewport.merge import merge

BOX = 2  # the prim that has a field


def shape_of(scene: SceneArrays) -> FieldShape:
    point = np.flatnonzero(scene.point_prim == BOX)
    return FieldShape(
        point=point,
        field=np.zeros(len(point), np.int64),
        prim=np.array([BOX]),
        palette=np.zeros((256, 4), np.uint8),
        lines=np.array([3]),
    )


@pytest.mark.parametrize("copies", [0, 2])
def test_each_point_of_the_mesh_reads_the_value_of_its_own_point(copies: int) -> None:
    places = np.array([scenes.at(x, 0, 0) for x in (-2.0, 0.0, 2.0)])
    turned = np.array([scenes.at(0, 0, z) for z in range(1, 1 + copies)]) if copies else None
    scene = scenes.boxes(places, turned)
    mesh = merge(scene)
    fields = Fields(shape_of(scene), scene, len(mesh.point))
    slot = fields.attribute[:, 0].astype(int)
    assert (slot[mesh.prim != BOX] == 0).all()
    assert sorted(slot[mesh.prim == BOX].tolist()) == list(range(1, 25))
    assert (fields.attribute[slot > 0, 2] == 3).all()
    of = fields.shape.point[slot[slot > 0] - 1]
    assert (mesh.point[slot > 0] == scene.point[of]).all()


def test_only_rows_with_other_values_travel() -> None:
    scene = scenes.row_of_boxes(3)
    fields = Fields(shape_of(scene), scene, len(scene.point))
    value: F4 = np.linspace(0, 1, 24, dtype=np.float32)
    assert fields.write(value)
    assert not fields.write(value.copy())
    other = value.copy()
    other[[9, 14]] = np.nan, np.inf
    assert fields.write(other)
    told = fields.value.array.reshape(-1)
    assert told[9] < -1e8
    assert np.isfinite(told).all()
    assert told[:9].tolist() == value[:9].tolist()
