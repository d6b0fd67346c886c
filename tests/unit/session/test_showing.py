"""When a look differs from the one before: what makes a new picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.look import FieldShape, Look
from armillary.session.showing import same

SHAPE = FieldShape(
    point=np.arange(2),
    field=np.zeros(2, np.int64),
    prim=np.zeros(1, np.int64),
    palette=np.zeros((256, 4), np.uint8),
    lines=np.zeros(1, np.int64),
)
LOOK = Look(
    seq=1,
    rgba=np.zeros((1, 4), np.uint8),
    state=np.zeros(1, np.uint8),
    visible=np.ones(1, np.bool_),
    emissive=np.zeros((1, 4), np.uint8),
    moved=np.zeros(0, np.uint32),
    matrix=np.zeros((0, 4, 4)),
    fields=SHAPE,
    field_value=np.array([0.5, np.nan], np.float32),
)


def test_other_values_of_a_field_alone_make_another_picture() -> None:
    assert not same(LOOK, replace(LOOK, field_value=np.array([0.6, np.nan], np.float32)))
    assert not same(LOOK, replace(LOOK, fields=None, field_value=np.zeros(0, np.float32)))


def test_a_field_that_says_the_same_again_makes_none() -> None:
    assert same(LOOK, replace(LOOK, seq=2, field_value=LOOK.field_value.copy()))
