"""Which boxes an eye can see: what lies outside its pyramid is not drawn."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F4, F8
from armillary.viewport.camera import CameraPose, basis

_WIDEST = np.radians(85.0)


def in_sight(
    box: F4, pose: CameraPose, origin: F8, aspect: float, *, turned_deg: float = 0.0, went: float = 0.0
) -> B1:
    """Tell which boxes (n, 6) in render space (world less `origin`) may have pixels (n,).

    turned_deg, went: also what an eye would see that is turned by so much, about any axis, or is so many
    metres elsewhere. With parallel rays a turn may bring anything into sight, so then every box counts as
    seen, as does one that is not finite. Near and far are not asked: the picture sets them by what is there.
    """
    if pose.fov_deg <= 0 and turned_deg > 0:
        return np.ones(len(box), np.bool_)
    with np.errstate(invalid="ignore"):
        at = (box[:, :3] + box[:, 3:]) / 2
        half = (box[:, 3:] - box[:, :3]) / 2
        outside = np.zeros(len(box), np.bool_)
        for normal, offset in _planes(pose, origin, aspect, np.radians(turned_deg)):
            n = normal.astype(np.float32)
            outside |= at @ n + half @ np.abs(n) < np.float32(offset - went)
    seen: B1 = ~outside
    return seen


def _planes(pose: CameraPose, origin: F8, aspect: float, turned: float) -> list[tuple[F8, float]]:
    """Return normals (3,) and offsets of planes: what is seen has n · x ≥ offset."""
    right, up, back = basis(pose)
    eye = np.asarray(pose.position) - origin
    if pose.fov_deg <= 0:
        half = pose.ortho_height / 2
        return [
            (sign * side, float(sign * side @ eye) - half * reach)
            for side, reach in ((right, aspect), (up, 1.0))
            for sign in (1.0, -1.0)
        ]
    tan, roll = float(np.tan(np.radians(pose.fov_deg) / 2)), float(np.sin(turned))
    out = []
    for side, reach in ((right, tan * (aspect + roll)), (up, tan * (1.0 + aspect * roll))):
        angle = min(float(np.arctan(reach)) + turned, _WIDEST)
        for sign in (1.0, -1.0):
            # both sides together leave out what is behind the eye
            normal = sign * np.cos(angle) * side - np.sin(angle) * back
            out.append((normal, float(normal @ eye)))
    return out
