"""How many instances are drawn as what they are, and how many as their boxes: copies cost memory."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import I8
from armillary.model.scene import SceneArrays

MOST_TRIANGLES = 4_000_000  # of instances; past it the smallest of the heaviest are boxes
BOX = 12  # triangles


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
    """Return how many instances are drawn as boxes, and the path of a prim that one of them shows."""
    if not len(scene.instance_prim):
        return 0, ""
    each, whole = np.diff(scene.proto), whole_instances(scene)
    count = np.bincount(scene.instance_proto, minlength=len(each))
    boxed = np.where(each > 0, count - whole, 0)
    if not boxed.any():
        return 0, ""
    one = int(np.flatnonzero(scene.instance_proto == int(boxed.argmax()))[0])
    return int(boxed.sum()), scene.prim_path[int(scene.instance_prim[one])]
