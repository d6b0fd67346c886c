"""A plane that cuts the scene open: what it keeps, where its frame and handle are. World metres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import B1, F8
from armillary.viewport.camera import Xyz, corners

_TINY = 1e-9
_AXES: dict[str, Xyz] = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A plane through `point`; what lies on the side of the unit vector `normal` is cut away."""

    point: Xyz
    normal: Xyz

    @property
    def cut(self) -> tuple[float, float, float, float]:
        """Coefficients a, b, c, d: a world point is kept where a x + b y + c z + d ≥ 0."""
        a, b, c = (-v for v in self.normal)
        return a, b, c, -(a * self.point[0] + b * self.point[1] + c * self.point[2])


def through_middle(box: F8, axis: str) -> Section:
    """Return the plane across `axis` (x, y or z) through the middle of a box (6,); NaN gives the origin."""
    middle = (box[:3] + box[3:]) / 2 if np.isfinite(box).all() else np.zeros(3)
    return Section(point=_xyz(middle), normal=_AXES[axis])


def facing(box: F8, back: F8) -> Section:
    """Return the plane across the world axis that points most to the eye: what is nearer is cut away."""
    axis = int(np.abs(back).argmax())
    found = through_middle(box, "xyz"[axis])
    return found if back[axis] > 0 else flipped(found)


def flipped(section: Section) -> Section:
    """Return the plane that keeps what was cut away."""
    x, y, z = section.normal
    return replace(section, normal=(-x, -y, -z))


def moved(section: Section, metres: float, box: F8) -> Section:
    """Return the plane pushed along its normal, at most to the ends of a box (6,)."""
    normal = np.asarray(section.normal)
    point = np.asarray(section.point) + metres * normal
    if np.isfinite(box).all():
        reach = corners(box) @ normal
        at = float(point @ normal)
        point = point + (min(max(at, float(reach.min())), float(reach.max())) - at) * normal
    return replace(section, point=_xyz(point))


def share(section: Section, box: F8) -> float:
    """Return where the plane is between the ends of a box (6,), 0…1 along its normal."""
    reach = corners(box) @ np.asarray(section.normal)
    low, high = float(reach.min()), float(reach.max())
    at = float(np.dot(section.point, section.normal))
    return (at - low) / (high - low) if high - low > _TINY else 0.5


def kept(cut: tuple[float, float, float, float], points: F8) -> B1:
    """Tell which world points (n, 3) a cut leaves (n,)."""
    out: B1 = points @ np.asarray(cut[:3]) + cut[3] >= 0
    return out


def frame(section: Section, box: F8) -> F8:
    """Return the corners (n, 3), in order, of the polygon in which the plane meets a box; (0, 3) for none.

    An edge of the box is crossed where its ends are on different sides; the crossings are sorted by angle.
    """
    if not np.isfinite(box).all():
        return np.zeros((0, 3))
    normal, point = np.asarray(section.normal), np.asarray(section.point)
    corner = corners(box)
    side = (corner - point) @ normal
    first, second = _EDGES.T
    a, b = side[first], side[second]
    crossed = (a < 0) != (b < 0)
    if np.count_nonzero(crossed) < 3:  # noqa: PLR2004  fewer make no polygon
        return np.zeros((0, 3))
    t = (a / np.where(crossed, a - b, 1.0))[crossed, None]
    at = corner[first[crossed]] + t * (corner[second[crossed]] - corner[first[crossed]])
    across = np.cross(normal, _AXES["x"] if abs(normal[0]) < 0.9 else _AXES["y"])  # noqa: PLR2004
    across /= np.linalg.norm(across)
    middle = at.mean(axis=0)
    angle = np.arctan2((at - middle) @ np.cross(normal, across), (at - middle) @ across)
    out: F8 = at[np.argsort(angle)]
    return out


def _edges() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return the edges (12, 2) of a box as rows of `camera.corners`, whose bits are x, y and z."""
    return np.array([(i, i | bit) for bit in (4, 2, 1) for i in range(8) if not i & bit], np.int64)


_EDGES = _edges()


def _xyz(v: F8) -> Xyz:
    return float(v[0]), float(v[1]), float(v[2])
