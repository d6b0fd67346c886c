"""Lengths, angles and areas between points of the scene, in the units that its file states."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8

NEEDS = {"distance": 2, "angle": 3, "area": 3}  # points, of an area at least
_NAMES = {0.001: "mm", 0.01: "cm", 0.1: "dm", 1.0: "m", 1000.0: "km", 0.0254: "in", 0.3048: "ft"}
_NEAR = 1e-6
_UNEVEN = 0.02  # share of a polygon's extent that its corners may be off a plane without a word


def unit_of(metres_per_unit: float) -> str:
    """Return the name of a unit, "units" where it has none."""
    near = (name for size, name in _NAMES.items() if abs(size - metres_per_unit) <= _NEAR * size)
    return next(near, "units")


def distance(points: F8) -> float:
    """Return the metres along a line of points (n, 3)."""
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def angle(points: F8) -> float:
    """Return the degrees at the second of three points (3, 3); NaN where two of them are the same."""
    a, b = points[0] - points[1], points[2] - points[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b) or np.nan)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def area(points: F8) -> float:
    """Return the square metres in a polygon of points (n, 3); one that is not flat as seen along its mean."""
    if len(points) < NEEDS["area"]:
        return 0.0
    spokes = points - points[0]
    return float(np.linalg.norm(np.cross(spokes[1:-1], spokes[2:]).sum(axis=0)) / 2)


def unevenness(points: F8) -> float:
    """Return how many metres corners (n, 3) are off the plane through their middle, at most."""
    middle = points - points.mean(axis=0)
    normal = np.linalg.svd(middle, full_matrices=False)[2][-1]
    return float(np.abs(middle @ normal).max())


def _span(points: F8) -> float:
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def told(kind: str, points: F8, metres_per_unit: float) -> str:
    """Return what points (n, 3) in world metres measure, "" while there are too few. kind: of NEEDS."""
    if len(points) < NEEDS[kind]:
        return ""
    unit, size = unit_of(metres_per_unit), metres_per_unit
    if kind == "angle":
        degrees = angle(points)
        return f"{degrees:.2f}°" if np.isfinite(degrees) else "no angle: two points are the same"
    if kind == "area":
        off = unevenness(points)
        note = (
            f"  (corners up to {off / size:.3g} {unit} off a plane)" if off > _UNEVEN * _span(points) else ""
        )
        return f"{area(points) / size**2:.4g} {unit}²{note}"
    across, up = points[-1] - points[0], abs(points[-1, 2] - points[0, 2])
    flat = float(np.hypot(across[0], across[1]))
    return f"{distance(points) / size:.5g} {unit}  (level {flat / size:.4g}, height {float(up) / size:.4g})"
