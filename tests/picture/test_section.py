"""A section cuts the scene open, in the picture and for picks; parallel rays keep lengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import picture_scenes as scenes

from armillary.viewport.section import Section, flipped
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]


def drawn(view: View) -> np.ndarray:
    return (view.render()[..., :3] != DARK.ground).any(axis=2)


def test_a_section_takes_away_what_is_beyond_it_and_flipped_the_rest(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3))
    whole = drawn(view)
    view.section = Section(point=(0.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0))
    left = drawn(view)
    view.section = flipped(view.section)
    right = drawn(view)
    middle = whole.shape[1] // 2
    assert left[:, : middle - 2].sum() == whole[:, : middle - 2].sum() > 0
    assert not left[:, middle + 2 :].any()
    assert right[:, middle + 2 :].sum() == whole[:, middle + 2 :].sum()
    assert not right[:, : middle - 2].any()
    view.section = None
    assert (drawn(view) == whole).all()


def test_what_is_cut_away_is_not_picked_and_what_is_behind_it_is(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, -2, 0), scenes.at(0, 2, 0)]))
    view = view_of(scene)
    x, y, _ = view.project(1)
    assert view.pick(x, y) == 1
    view.section = Section(point=(0.0, 0.0, 0.0), normal=(0.0, -1.0, 0.0))
    prim, point = view.hit(x, y)
    assert prim == 2
    assert abs(point[1] - 1.5) < 1e-6


def test_the_inside_of_a_part_that_is_cut_open_is_darker(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(1))
    outside = view.render()[120, 160, :3].astype(int)
    view.section = Section(point=(0.0, 0.0, 0.0), normal=(0.0, -1.0, 0.0))
    inside = view.render()[120, 160, :3].astype(int)
    assert np.abs(inside - 0.6 * outside).max() < 2


def test_a_section_far_from_the_origin_cuts_where_it_is(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(5e5 + x, 0, 0) for x in (-2, 0, 2)]))
    view = view_of(scene)
    whole = drawn(view).sum()
    view.section = Section(point=(5e5, 0.0, 0.0), normal=(1.0, 0.0, 0.0))
    assert 0.4 * whole < drawn(view).sum() < 0.6 * whole


def test_with_parallel_rays_what_is_far_is_as_large_as_what_is_near(view_of: ViewOf) -> None:
    view = view_of(scenes.boxes(np.array([scenes.at(-2, -4, 0), scenes.at(2, 4, 0)])))
    near, far = (drawn(view)[:, half].sum() for half in (slice(0, 160), slice(160, 320)))
    assert near > 1.5 * far
    view.orthographic = True
    near, far = (drawn(view)[:, half].sum() for half in (slice(0, 160), slice(160, 320)))
    assert abs(int(near) - int(far)) < 0.02 * near
    view.standard("right")
    assert view.orthographic
    view.orthographic = False
    assert not view.orthographic


def test_zooming_with_parallel_rays_leaves_nothing_behind_the_eye(view_of: ViewOf) -> None:
    view = view_of(scenes.boxes(np.array([scenes.at(0, -4, 0), scenes.at(0, 4, 0)])))
    view.orthographic = True
    for _ in range(12):
        view.zoom(1.3)
    assert drawn(view).all()
    assert view.pick(160, 120) == 1
