"""Which points of a look go into an export with a colour of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.encoding.maps import EQUIPMENT_GREY
from armillary.model.look import FLOW, FieldShape, Look
from armillary.session.exporting import point_colours

RAMP = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
SHAPE = FieldShape(
    point=np.array([5, 6, 7, 8]),
    field=np.array([0, 0, 1, 2]),
    prim=np.array([1, 2]),
    palette=np.concatenate([RAMP, RAMP // 2, RAMP]),
    lines=np.array([0, 3, FLOW]),
    flowing=np.array([3]),
)
LOOK = Look(
    seq=1,
    rgba=np.zeros((4, 4), np.uint8),
    state=np.zeros(4, np.uint8),
    visible=np.ones(4, np.bool_),
    emissive=np.zeros((4, 4), np.uint8),
    moved=np.zeros(0, np.uint32),
    matrix=np.zeros((0, 4, 4)),
    fields=SHAPE,
    field_value=np.array([1.0, np.nan, 2.0, 0.5], np.float32),
)


def test_points_have_the_colour_of_their_place_on_the_palette_and_stripes_are_left_out() -> None:
    point, colour = point_colours(LOOK)
    assert point.tolist() == [5, 6, 7]
    assert colour.tolist() == [[255] * 3, list(EQUIPMENT_GREY), [127] * 3]


def test_a_look_without_values_on_meshes_has_none() -> None:
    point, colour = point_colours(replace(LOOK, fields=None, field_value=np.zeros(0, np.float32)))
    assert (len(point), colour.shape) == (0, (0, 3))
