"""BasisCurves → tubes, with a colour of each point where curves have several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import F4, F8, I8
from armillary.scene.shapes import Template, sampled, tubes

MAX_POINTS = 2_000_000
_XYZ, _WIDTH = 3, 3  # columns of a control point: x, y, z, half width, then red, green, blue


def shape(
    points: F8, counts: I8, token: Mapping[str, str], widths: F4, colours: F4 | None, colours_of: str
) -> Template | None:
    """Return the tubes of curves; None when their counts do not add up to their points, or are too many.

    token: the attributes `type`, `basis` and `wrap`. colours: linear (n, 3), one or many.
    """
    if (counts < 0).any() or counts.sum() != len(points) or len(points) > MAX_POINTS:
        return None
    extent = float(np.ptp(points[np.isfinite(points).all(axis=1)], axis=0).max(initial=0.0))
    width = widths if len(widths) == len(points) else np.full(len(points), _width(widths, extent))
    control = np.column_stack([points, np.where(np.isfinite(width), width, 0.0) / 2])
    tint = _per_point(colours, colours_of, counts)
    if tint is not None:
        control = np.column_stack([control, tint])
    lines: list[tuple[F8, F8, F8 | None]] = []
    for curve in np.split(control, np.cumsum(counts)[:-1]):
        line = sampled(curve, token["type"] or "cubic", token["basis"] or "bezier", token["wrap"])
        lines.append((line[:, :_XYZ], line[:, _WIDTH], None if tint is None else line[:, _WIDTH + 1 :]))
    return tubes(lines)


def _per_point(values: F4 | None, of: str, counts: I8) -> F8 | None:
    """Return colours point by point, shape (n, 3); None where they are one for all, or of a wrong number."""
    if values is None or values.shape[1:] != (3,) or of == "constant" or not len(counts):
        return None
    wide = values.astype(np.float64)
    if of == "uniform" and len(wide) == len(counts):
        return np.repeat(wide, counts, axis=0)
    if of in {"vertex", "varying"} and len(wide) == counts.sum():
        return wide
    if of != "varying" or not len(wide) or len(wide) % len(counts):
        return None
    # as many colours on every curve: spread over its points
    every = wide.reshape(len(counts), -1, 3)
    steps = np.arange(every.shape[1])
    out = [
        np.stack([np.interp(np.linspace(0, steps[-1], n), steps, one[:, c]) for c in range(3)], axis=1)
        for n, one in zip(counts.tolist(), every, strict=True)
    ]
    return np.concatenate(out)


def _width(widths: Sequence[float] | F4, extent: float) -> float:
    """Return one width for curves that author one, or none, for all: 1/200 of their size."""
    if len(widths) and np.isfinite(widths[0]) and widths[0] > 0:
        return float(widths[0])
    return extent / 200 or 0.01
