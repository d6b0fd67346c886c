"""Stage space → world space: what a stage says of its unit and up axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F8

METRES_FALLBACK = 0.01  # OpenUSD's own, for a stage that says nothing


def stated_up_axis(stage: Any) -> str:
    """Return what the stage calls its up axis, also where that is no axis."""
    return str(UsdGeom.GetStageUpAxis(stage))


def stated_metres(stage: Any) -> float:
    """Return the stage's metres per unit: any number type, as old exporters write a float."""
    value = stage.GetPseudoRoot().GetMetadata("metersPerUnit")
    return float(value) if isinstance(value, int | float) else METRES_FALLBACK


def world_matrix(metres: float, axis: str) -> F8:
    """Return stage space → world: metres, Z up; a Y-up stage is turned by 90° about X."""
    out = np.eye(4)
    if axis == "Y":
        out[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    out[:3, :3] *= metres
    return out
