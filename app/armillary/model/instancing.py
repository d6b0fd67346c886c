"""How many instances are drawn as what they are, and how many as their boxes: copies cost memory."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.scene import SceneArrays

MOST_TRIANGLES = 4_000_000  # of instances in one picture; past it those that look smallest are boxes
MOST_COPIED = 400_000  # triangles of instances that are copied into the mesh: a few thousand plain parts
BOX = 12  # triangles


def copied(scene: SceneArrays, most: int = MOST_COPIED) -> B1:
    """Return which prototypes (p,) are copied into the mesh for each instance, `most` triangles together.

    The others are true instances: geometry once, and a place, a prototype and a prim for each. What bends is
    always copied, as its points are each other's; so is what has points that let light through.
    """
    each = np.diff(scene.proto).astype(np.int64)
    cost = each * np.bincount(scene.instance_proto, minlength=len(each))
    order = np.argsort(cost, kind="stable")
    out = np.zeros(len(each), np.bool_)
    out[order] = np.cumsum(cost[order]) <= most
    if out.all():
        return out
    odd = np.zeros(len(scene.point), np.bool_)
    odd[scene.bend_point] = True
    if len(scene.point_rgba):
        odd |= scene.point_rgba[:, 3] < 255  # noqa: PLR2004  not opaque
    if odd.any():
        for k in np.flatnonzero(~out):
            out[k] = bool(odd[scene.triangle[scene.proto[k] : scene.proto[k + 1]]].any())
    return out


def whole_instances(scene: SceneArrays, most: int = MOST_TRIANGLES) -> I8:
    """Return of how many instances of each prototype all triangles are drawn (p,), `most` together.

    Those that need least come first; a prototype as simple as a box is always whole.
    """
    each = np.diff(scene.proto).astype(np.int64)
    count = np.bincount(scene.instance_proto, minlength=len(each)).astype(np.int64)
    out, left = count.copy(), most
    for k in np.argsort(each * count, kind="stable"):
        n, t = int(count[k]), int(each[k])
        if n * t > left and t > BOX:
            out[k] = min(max((left - n * BOX) // (t - BOX), 0), n)
        left -= int(out[k]) * t + (n - int(out[k])) * BOX
    return out


def boxed_instances(scene: SceneArrays) -> tuple[int, str]:
    """Return how many instances are boxes at least, were all to look large, and a prim that shows one."""
    if not len(scene.instance_prim):
        return 0, ""
    each, whole = np.diff(scene.proto), whole_instances(scene)
    count = np.bincount(scene.instance_proto, minlength=len(each))
    boxed = np.where(each > 0, count - whole, 0)
    if not boxed.any():
        return 0, ""
    one = int(np.flatnonzero(scene.instance_proto == int(boxed.argmax()))[0])
    return int(boxed.sum()), scene.prim_path[int(scene.instance_prim[one])]
