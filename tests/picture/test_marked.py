"""What answers a query is seen: its pixels change, and no others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import picture_scenes as scenes

from armillary.model.look import base_look
from armillary.model.scene import subtree_ends
from armillary.session.marking import Marked
from armillary.viewport.view import View


def test_only_marked_parts_have_other_pixels_and_unknown_ones_fainter(view_of: Callable[..., View]) -> None:
    scene = scenes.row_of_boxes(4)
    view = view_of(scene)
    look = base_look(scene)
    before = view.render().astype(int)
    marked = Marked(prims=np.array([1, 3]), known=np.array([True, False]))
    view.apply(marked.over(look, subtree_ends(scene.parent)))
    change = np.abs(view.render().astype(int) - before)[..., :3].sum(axis=-1)
    seen = {}
    for prim in range(1, 5):
        x, y, _ = view.project(prim)
        seen[prim] = int(change[int(y), int(x)])
    assert seen[1] > seen[3] > 20
    assert seen[2] == seen[4] == 0
    assert 0 < (change > 0).mean() < 0.5
