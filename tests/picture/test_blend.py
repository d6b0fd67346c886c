"""Of two translucent parts the nearer one is on top, from whichever side they are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.look import base_look
from armillary.viewport.view import View

ViewOf = Callable[..., View]


def red_and_blue(view_of: ViewOf) -> View:
    """Return a view of a red box at y = -2 and a blue one at y = 2, both half transparent."""
    view = view_of(scenes.boxes(np.array([scenes.at(0, -2, 0), scenes.at(0, 2, 0)])))
    assert view.stage is not None
    look = base_look(view.stage.scene)
    rgba = look.rgba.copy()
    rgba[1], rgba[2] = (255, 0, 0, 140), (0, 0, 255, 140)
    view.apply(replace(look, rgba=rgba))
    return view


def middle(view: View) -> tuple[int, int]:
    rgba = view.render()
    r, _, b, _ = rgba[rgba.shape[0] // 2, rgba.shape[1] // 2]
    return int(r), int(b)


@pytest.mark.parametrize(("side", "red_is_near"), [("front", True), ("back", False)])
def test_the_nearer_part_is_on_top(view_of: ViewOf, side: str, red_is_near: bool) -> None:
    view = red_and_blue(view_of)
    view.standard(side)
    red, blue = middle(view)
    assert (red > blue) == red_is_near
    assert min(red, blue) > 30, "the farther part is seen through the nearer one"


def test_parts_that_change_places_change_their_order(view_of: ViewOf) -> None:
    view = red_and_blue(view_of)
    view.standard("front")
    before = middle(view)
    assert view.stage is not None
    look = view.stage.look
    matrix = view.stage.scene.matrix[[2, 1]]
    view.apply(replace(look, moved=np.array([1, 2], np.uint32), matrix=matrix))
    after = middle(view)
    assert before[0] > before[1]
    assert after[0] < after[1]
