"""A picture drawn in steps is the picture drawn at once, and gives way to what happens between its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.look import Look, base_look
from armillary.model.quality import BAD, NEVER, STALE
from armillary.viewport.view import View

ViewOf = Callable[..., View]
_BOXES = 9_000  # 108,000 triangles: four blocks
_SHORT_MS = 1e-6  # a step for each block


def mixed(look: Look) -> Look:
    """Return the look with some prims translucent, some hatched, some outlined, some never seen."""
    rgba, state = look.rgba.copy(), look.state.copy()
    rgba[10:4000:7, 3] = 120
    state[5::11], state[6::31], state[7::41] = STALE, BAD, NEVER
    return replace(look, rgba=rgba, state=state)


def big(view_of: ViewOf) -> View:
    view = view_of(scenes.grid_of_boxes(_BOXES), plain=False)
    assert view.stage is not None
    assert len(view.stage.passes.whole) == 4
    view.apply(mixed(base_look(view.stage.scene)))
    view.select((40, 41))
    return view


@pytest.mark.parametrize("rest", [False, True])
def test_a_picture_in_steps_is_the_picture_at_once(view_of: ViewOf, rest: bool) -> None:
    view = big(view_of)
    at_once, pose = view.render(rest=rest).copy(), view.pose
    view.orbit(40, 10)
    assert (view.render() != at_once).any()
    view.pose = pose
    made = list(view.steps(rest=rest, step_ms=_SHORT_MS))
    assert made[-1]
    assert not any(made[:-1])
    assert len(made) > 8, "opaque, hollow and translucent blocks, each a step"
    np.testing.assert_array_equal(view.render(rest=rest), at_once)
    assert not view.dirty


def test_a_picture_is_given_up_when_the_eye_moves(view_of: ViewOf) -> None:
    view = big(view_of)
    before = view.render().copy()
    view.orbit(10, 0)
    steps = view.steps(step_ms=_SHORT_MS)
    assert [next(steps), next(steps)] == [False, False]
    np.testing.assert_array_equal(view.rgba, before)
    view.orbit(5, 0)
    assert not view.is_drawing
    assert view.dirty
    assert list(steps) == []
    np.testing.assert_array_equal(view.rgba, before)
    after, pose = view.render().copy(), view.pose
    view.orbit(5, 0)
    view.render()
    view.pose = pose
    np.testing.assert_array_equal(view.render(), after)


def test_values_that_change_between_steps_are_shown_together_in_the_next_picture(view_of: ViewOf) -> None:
    view = big(view_of)
    assert view.stage is not None
    view.orbit(10, 0)
    old = view.render().copy()
    view.orbit(1, 0)
    view.orbit(-1, 0)
    steps = view.steps(step_ms=_SHORT_MS)
    next(steps)
    look = view.stage.look
    rgba = look.rgba.copy()
    rgba[:, :3] = (200, 30, 30)
    view.apply(replace(look, rgba=rgba))
    assert view.is_drawing, "values do not keep a picture from being finished"
    assert list(steps)[-1]
    np.testing.assert_array_equal(view.rgba, old)
    assert view.dirty
    new = view.render()
    assert (new != old).any(axis=2).mean() > 0.1


def test_another_scene_gives_up_the_picture_of_the_one_before(view_of: ViewOf) -> None:
    view = big(view_of)
    steps = view.steps(step_ms=_SHORT_MS)
    next(steps)
    view.show(scenes.row_of_boxes(3))
    assert list(steps) == []
    assert (view.render()[..., :3] != view.render()[0, 0, :3]).any()


def test_what_is_out_of_sight_is_left_out_and_nothing_else(view_of: ViewOf) -> None:
    view = big(view_of)
    stage = view.stage
    assert stage is not None
    view.standard("iso")
    view.focus((3,))  # near one corner: most of the scene is beside the picture or behind the eye
    everything = view.render().copy()
    view.pick(10, 10)  # the boxes are made
    stage.pace.full_ms = 1_000.0
    drawn = stage.draws(view.pose, 4 / 3)[0]
    assert 0 < len(drawn) < len(stage.passes.whole)
    view.orbit(1, 0)
    view.orbit(-1, 0)
    np.testing.assert_array_equal(view.render(), everything)
