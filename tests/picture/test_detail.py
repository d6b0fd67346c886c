"""A scene that takes too long is drawn coarsely while the eye moves, and whole again at rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import picture_scenes as scenes

from armillary.viewport.view import View

ViewOf = Callable[..., View]
_COVERED = 0.6  # of the pixels that the whole mesh covers


def covered(rgba: np.ndarray) -> np.ndarray:
    return (rgba[..., :3] != rgba[0, 0, :3]).any(axis=2)


def slow(view: View, budget: int) -> None:
    """Let the view believe that its scene takes a second, and may have so many triangles."""
    assert view.stage is not None
    view.stage.pace.full_ms = 1_000.0
    view.stage.pace.budget = budget


def test_a_slow_scene_is_coarse_while_the_eye_moves_and_whole_at_rest(view_of: ViewOf) -> None:
    view = view_of(scenes.grid_of_boxes(400))
    view.standard("top")
    whole, pose = view.render().copy(), view.pose
    slow(view, 400 * 4)
    view.orbit(30, 0)
    view.pose = pose
    hasty = view.render(hasty=True).copy()
    assert view.is_coarse
    assert not view.settled
    assert covered(hasty).sum() > _COVERED * covered(whole).sum()
    assert (hasty != whole).any()
    view.render(rest=True)
    assert not view.is_coarse
    assert view.settled
    view.set_options(smooth="off")
    np.testing.assert_array_equal(view.render(), whole)


def test_a_fast_scene_is_never_coarse(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(5))
    whole, pose = view.render().copy(), view.pose
    assert view.stage is not None
    view.stage.pace.full_ms = 1.0
    view.orbit(30, 0)
    view.pose = pose
    np.testing.assert_array_equal(view.render(hasty=True), whole)
    assert not view.is_coarse


def test_a_coarse_picture_follows_the_look(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3))
    view.render()
    slow(view, 12)
    view.orbit(0.001, 0)
    before = view.render(hasty=True).copy()
    assert view.stage is not None
    view.stage.look = scenes.hidden(view.stage.look, 2)
    view.stage.looks.write_state(0, 4)
    view.orbit(-0.001, 0)
    after = view.render(hasty=True)
    assert view.is_coarse
    x, y, _ = view.project(2)
    assert covered(before)[int(y), int(x)]
    assert not covered(after)[int(y), int(x)]


def test_selection_is_outlined_in_a_coarse_picture(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3))
    view.render()
    slow(view, 12)
    view.orbit(0.001, 0)
    before = view.render(hasty=True).copy()
    view.select((2,))
    after = view.render(hasty=True)
    assert (before != after).any()
