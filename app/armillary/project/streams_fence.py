"""Where a geofence is: a polygon in a plane, or a box with heights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from armillary.model.expression_area import FEWEST_CORNERS, MOST_CORNERS, surface
from armillary.project import streams_made as made
from armillary.project.table import PAIR, Table

TRIPLE = 3
Corners = tuple[tuple[float, float], ...]


def corners_of(table: Table, rule: str, prim: str, *, has_z: bool) -> tuple[Corners, tuple[float, float]]:
    """Return the polygon and the heights of a geofence; () where they are none, which is noted."""
    polygon, low_raw, high_raw = table.raw("polygon"), table.raw("low"), table.raw("high")
    if ("polygon" in table) == ("low" in table):
        what, remedy = "A geofence is a polygon or a box.", "Give 'polygon', or 'low' and 'high'."
        if prim and "polygon" not in table:
            what = f"The volume of {prim} is not known to this file yet."
            remedy = f"Run: armillary rules box PROJECT {rule}"
        table.document.wrong(table.path, what, remedy, "P03")
        return (), (0.0, 0.0)
    if "polygon" in table:
        return _polygon(table, polygon, has_z), (0.0, 0.0)
    low, high = point(low_raw), point(high_raw)
    wanted = TRIPLE if has_z else PAIR
    if low is None or high is None or min(len(low), len(high)) < wanted or not _ascend(low, high):
        what = f"'low' and 'high' must be {wanted} numbers each, every one of 'high' the greater."
        table.wrong("low", what, "Give low = [0, 0] and high = [4, 2].")
        return (), (0.0, 0.0)
    return made.boxed(low, high), (low[2], high[2]) if has_z else (0.0, 0.0)


def _polygon(table: Table, raw: Any, has_z: bool) -> Corners:  # Any: parsed TOML
    points = [point(each) for each in raw] if isinstance(raw, list) else []
    corners = tuple((p[0], p[1]) for p in points if p is not None and len(p) == PAIR)
    if len(corners) != len(points) or not FEWEST_CORNERS <= len(corners) <= MOST_CORNERS:
        what = f"'polygon' must be a list of {FEWEST_CORNERS} to {MOST_CORNERS} pairs of numbers."
        table.wrong("polygon", what, "Give polygon = [[0, 0], [4, 0], [4, 3]].")
        return ()
    if surface(np.array(corners, np.float64)) == 0.0:
        table.wrong("polygon", "The polygon encloses nothing.", "Give corners round an area.", "P80")
        return ()
    if has_z:
        table.wrong("z", "A polygon has no heights.", "Remove 'z', or give 'low' and 'high'.", "P80")
    return corners


def point(raw: Any) -> tuple[float, ...] | None:  # Any: parsed TOML
    """Return two or three finite numbers; None for anything else."""
    if not isinstance(raw, list) or not PAIR <= len(raw) <= TRIPLE:
        return None
    fit = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in raw)
    return tuple(float(v) for v in raw) if fit else None


def _ascend(low: tuple[float, ...], high: tuple[float, ...]) -> bool:
    return all(a < b for a, b in zip(low, high, strict=False))
