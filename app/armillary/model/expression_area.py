"""Whether a position lies in a polygon, for the `inside` of an expression and for whoever draws one."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F8

FEWEST_CORNERS, MOST_CORNERS = 3, 40


def inside(x: F8, y: F8, corners: F8) -> F8:
    """Return 1 where (x, y) lies in a polygon, 0 where not, NaN where a position is none.

    x, y broadcast; corners: (c, 2), the last joined to the first. Even-odd rule: what an outline that
    crosses itself runs round twice is outside. Of two polygons that share a side a position is in one.
    """
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    crossed: B1 = np.zeros(x.shape, np.bool_)
    x0, y0 = corners[-1]
    for x1, y1 in corners:
        spans = (y1 > y) != (y0 > y)
        if y1 != y0:
            crossed ^= spans & (x < (x0 - x1) * ((y - y1) / (y0 - y1)) + x1)
        x0, y0 = x1, y1
    return np.where(np.isfinite(x) & np.isfinite(y), crossed.astype(np.float64), np.nan)


def box(low: tuple[float, float], high: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a rectangle, counter-clockwise."""
    return (low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])


def surface(corners: F8) -> float:
    """Return the area that a polygon (c, 2) encloses, with the sign of its direction taken off."""
    x, y = corners[:, 0] - corners[0, 0], corners[:, 1] - corners[0, 1]
    return abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2.0
