"""Fields as the shader reads them: a value for each point that has one, and the colours of each field."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F4
from armillary.model.look import FieldShape
from armillary.model.scene import SceneArrays
from armillary.viewport import shader
from armillary.viewport.table import Table

_IN_ROW = 4  # values in a row of the table
_LIMIT = 1e6  # of a value: of more stripes than this none is to be seen
_NONE = np.float32(-1e9)  # what the shader knows as no value; NaN has no safe test in all drivers


class Fields:
    """The tables of fields in one shape.

    attribute: (V, 3) for each point of the mesh: 1 + its place among the values (0: no field), the number of
    its field, iso-lines.
    """

    def __init__(self, shape: FieldShape, scene: SceneArrays, points: int) -> None:
        self.shape = shape
        first = int(scene.proto[0])
        row = shape.point
        there: B1 = np.ones(len(row), np.bool_)
        if len(scene.instance_prim):  # the mesh begins with the points that run 0 uses, see `merge`
            drawn = np.zeros(len(scene.point), np.bool_)
            drawn[scene.triangle[:first].reshape(-1)] = True
            used = np.flatnonzero(drawn)
            row = np.minimum(np.searchsorted(used, shape.point), len(used) - 1)
            there = used[row] == shape.point
        self.attribute: F4 = np.zeros((points, 3), np.float32)
        self.attribute[row[there], 0] = 1 + np.flatnonzero(there)
        self.attribute[row[there], 1] = shape.field[there]
        self.attribute[row[there], 2] = shape.lines[shape.field[there]]
        self.value = Table(shader.FIELD_VALUE, -(-len(shape.point) // _IN_ROW), np.float32)
        self.value.array[:] = _NONE
        self.palette = Table(shader.PALETTE, 0, np.uint8)
        self.palette.fill(shape.palette)

    @property
    def tables(self) -> tuple[Table, Table]:
        """What a pass binds."""
        return self.value, self.palette

    def write(self, value: F4) -> bool:
        """Take values (v,), NaN for none, and tell whether any differs; only rows that do will travel."""
        new = np.clip(value, -_LIMIT, _LIMIT)
        if np.isnan(new.sum()):
            new[np.isnan(new)] = _NONE
        held = self.value.array.reshape(-1)[: len(new)]
        differs = new != held
        first, behind = int(differs.argmax()), int(differs[::-1].argmax())
        if not differs[first]:
            return False
        last = len(new) - behind
        held[first:last] = new[first:last]
        self.value.touch(first // _IN_ROW, -(-last // _IN_ROW))
        return True
