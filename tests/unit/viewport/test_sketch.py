from __future__ import annotations

import numpy as np

from armillary.viewport.sketch import MOST, Sketch, drawn
from armillary.viewport.view import View


def boxes(n: int) -> np.ndarray:
    at = np.arange(n, dtype=np.float32)[:, None]
    return np.concatenate([np.hstack([at, at * 0, at * 0]), np.hstack([at + 0.8, at * 0 + 1, at * 0 + 1])], 1)


def test_of_too_many_boxes_the_large_ones_are_drawn_and_the_others_evenly() -> None:
    many = boxes(5 * MOST)
    many[7, 3:] += 100
    kept = drawn(many, MOST)
    assert len(kept) == MOST
    assert 7 in kept
    share = np.histogram(kept, bins=10, range=(0, len(many)))[0] / MOST
    assert share.min() > 0.08


def test_boxes_are_in_the_picture_with_their_colours_and_give_way_to_the_scene() -> None:
    view = View(width=200, height=150)
    rgba = np.tile(np.array([[255, 0, 0, 255]], np.uint8), (3, 1))
    view.sketch(boxes(3), rgba)
    picture = view.render()
    red = (picture[..., 0] > 90) & (picture[..., 1] < 60) & (picture[..., 2] < 60)
    assert red.mean() > 0.05
    assert view.sketched
    view.show(None)
    assert not view.sketched
    picture = view.render()
    assert not ((picture[..., 0] > 90) & (picture[..., 1] < 60) & (picture[..., 2] < 60)).any()
    view.close()


def test_more_boxes_are_taken_in_until_somebody_turns_the_eye() -> None:
    view = View(width=200, height=150)
    rgba = np.zeros((9, 4), np.uint8)
    view.sketch(boxes(1), rgba[:1])
    near = view.pose
    view.sketch(boxes(9), rgba)
    assert view.pose != near
    view.orbit(30, 0)
    turned = view.pose
    assert view.sketch_turned
    view.sketch(boxes(3), rgba[:3])
    assert view.pose == turned
    view.close()


def test_far_boxes_are_drawn_about_an_origin_of_their_own() -> None:
    sketch = Sketch(boxes(2) + np.float32(1e6), np.zeros((2, 4), np.uint8))
    assert np.abs(sketch.origin).max() > 9e5
    assert np.isfinite(sketch.bounds()).all()


def test_a_window_that_was_warmed_shows_nothing_and_draws_as_before() -> None:
    cold, warmed = View(width=120, height=90), View(width=120, height=90)
    warmed.warm()
    assert warmed.stage is None
    assert not warmed.sketched
    np.testing.assert_array_equal(warmed.render(), cold.render())
    rgba = np.tile(np.array([[0, 200, 0, 255]], np.uint8), (3, 1))
    for view in (cold, warmed):
        view.sketch(boxes(3), rgba)
    np.testing.assert_array_equal(warmed.render(), cold.render())
    warmed.warm()  # something is shown: it stays
    assert warmed.sketched
    cold.close()
    warmed.close()
