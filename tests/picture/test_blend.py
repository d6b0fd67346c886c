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


def test_a_great_many_translucent_parts_are_sorted_aside_and_drawn_as_at_once(view_of: ViewOf) -> None:
    view = view_of(scenes.grid_of_boxes(6_000))  # 72,000 triangles: more than are sorted while waiting
    assert view.stage is not None
    look = base_look(view.stage.scene)
    rgba = look.rgba.copy()
    rgba[:, 3] = 90
    rgba[::2, 0] = 230
    view.apply(replace(look, rgba=rgba))
    view.standard("iso")
    at_once, pose = view.render(rest=True).copy(), view.pose
    view.orbit(120, 0)
    view.render(rest=True)
    view.pose = pose
    steps = view.steps(rest=True, step_ms=1e-6)
    next(steps)
    view.orbit(1, 0)  # given up while it is being sorted
    view.pose = pose
    assert list(view.steps(rest=True, step_ms=1e-6))[-1]
    np.testing.assert_array_equal(view.rgba, at_once)
