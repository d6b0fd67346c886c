"""Parts moved out from the middle of what holds them, so that one sees what is inside. Arrays only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8
from armillary.model.look import Look
from armillary.model.scene import SceneArrays, depths


def spread(scene: SceneArrays) -> F8:
    """Return how far each prim goes for a share of 1, world metres (M, 3), with all that holds it.

    A prim goes by the way from its parent's middle to its own; what has nothing to draw goes with its parent.
    """
    m = len(scene)
    middle: F8 = (scene.box[:, :3] + scene.box[:, 3:]) / 2
    own = np.zeros((m, 3))
    below = np.flatnonzero(scene.parent >= 0)
    own[below] = np.nan_to_num(middle[below] - middle[scene.parent[below]], posinf=0.0, neginf=0.0)
    depth = depths(scene.parent)
    for level in range(1, int(depth.max(initial=0)) + 1):
        rows = np.flatnonzero(depth == level)
        own[rows] += own[scene.parent[rows]]
    return own


def exploded(look: Look, scene: SceneArrays, way: F8, share: float) -> Look:
    """Return the look with all prims moved by `share` of their way (M, 3); 0 gives it back."""
    if share <= 0 or len(scene) == 0:
        return look
    matrix = scene.matrix.copy()
    matrix[look.moved] = look.matrix
    matrix[:, :3, 3] += share * way
    return replace(look, moved=np.arange(len(scene), dtype=np.uint32), matrix=matrix)
