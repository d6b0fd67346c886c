"""Edges, darker corners and smooth edges are switches, and each does to pixels what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.look import base_look
from armillary.model.quality import STALE
from armillary.viewport.view import View

ViewOf = Callable[..., View]
_HARD = 75  # of 255: a step between neighbours


def stairs(view_of: ViewOf) -> View:
    """Return a view from above the corner of a long box on a wide slab: open faces, an edge, a corner."""
    slab, box = np.diag([12.0, 12.0, 0.5, 1.0]), np.diag([3.0, 3.0, 3.0, 1.0])
    box[:3, 3] = 0.0, 0.0, 1.75
    view = view_of(scenes.boxes(np.array([slab, box])), plain=False)
    view.set_options(grid=False, axes=False, labels=False, legend=False, smooth="off", occlusion="off")
    view.standard("iso")
    return view


def at(view: View, rgba: np.ndarray, x: float, y: float, z: float) -> np.ndarray:
    """Return the brightness of the 5 × 5 pixels around a world point."""
    px, py, _ = view.pixels(np.array([[x, y, z]]))[0]
    i, j = int(py), int(px)
    return rgba[i - 2 : i + 3, j - 2 : j + 3, :3].mean(axis=2)


def hard_steps(rgba: np.ndarray) -> int:
    grey = rgba[..., :3].astype(int).mean(axis=2)
    return int((np.abs(np.diff(grey, axis=0)) > _HARD).sum() + (np.abs(np.diff(grey, axis=1)) > _HARD).sum())


def parallel(view: View) -> None:
    view.orthographic = True


@pytest.mark.parametrize("turned", [lambda _view: None, parallel])
def test_edges_darken_where_a_surface_bends_or_ends_and_nothing_else(
    view_of: ViewOf, turned: Callable[[View], None]
) -> None:
    view = stairs(view_of)
    turned(view)
    without = view.render(rest=True).copy()
    view.set_options(edges=True)
    drawn = view.render(rest=True).copy()
    assert at(view, drawn, 1.5, -1.5, 2.0).min() < 0.7 * at(view, without, 1.5, -1.5, 2.0).min(), (
        "a convex edge"
    )
    assert at(view, drawn, 1.5, 0.0, 0.25).min() < 0.7 * at(view, without, 1.5, 0.0, 0.25).min(), "a corner"
    assert at(view, drawn, 6.0, 0.0, 0.25).min() < 0.7 * at(view, without, 6.0, 0.0, 0.25).max(), "an outline"
    for face in ((0.0, 0.0, 3.25), (4.5, -1.0, 0.25), (1.5, 0.0, 1.75)):
        np.testing.assert_array_equal(at(view, drawn, *face), at(view, without, *face))
    background = without[..., :3] == without[0, 0, :3]
    np.testing.assert_array_equal(drawn[..., :3][background], without[..., :3][background])


def test_a_part_of_a_pixel_or_two_keeps_its_colour(view_of: ViewOf) -> None:
    bar = np.diag([0.12, 12.0, 0.12, 1.0])
    view = view_of(scenes.boxes(np.array([bar])), plain=False)
    view.set_options(grid=False, axes=False, smooth="off")
    view.standard("top")
    without = view.render(rest=True).copy()
    shown = (without[..., :3] != without[0, 0, :3]).any(axis=2)
    assert 1 <= shown[120].sum() <= 3
    view.set_options(edges=True)
    inside = shown.copy()
    inside[: np.flatnonzero(shown.any(axis=1))[0] + 2] = False  # its ends are outlines
    inside[np.flatnonzero(shown.any(axis=1))[-1] - 1 :] = False
    np.testing.assert_array_equal(view.render(rest=True)[inside], without[inside])


def test_an_occluded_corner_is_darker_than_an_open_face(view_of: ViewOf) -> None:
    view = stairs(view_of)
    without = view.render(rest=True).copy()
    view.set_options(occlusion="on")
    shaded = view.render(rest=True)
    corner = at(view, shaded, 1.65, 0.0, 0.25).mean() / at(view, without, 1.65, 0.0, 0.25).mean()
    face = at(view, shaded, 4.5, -1.0, 0.25).mean() / at(view, without, 4.5, -1.0, 0.25).mean()
    top = at(view, shaded, 0.0, 0.0, 3.25).mean() / at(view, without, 0.0, 0.0, 3.25).mean()
    assert corner < 0.9
    assert face > 0.97
    assert top > 0.97


def test_shading_leaves_outlines_patterns_and_exact_colours(view_of: ViewOf) -> None:
    view = stairs(view_of)
    assert view.stage is not None
    look = base_look(view.stage.scene)
    state = look.state.copy()
    state[1] = STALE
    view.apply(replace(look, state=state))
    view.select((2,))
    without = view.render(rest=True).copy()
    view.set_options(edges=True, occlusion="on")
    shaded = view.render(rest=True).copy()
    blue = (without[..., :3] == (0x56, 0x92, 0xFF)).all(axis=2)
    assert blue.sum() > 100
    np.testing.assert_array_equal(shaded[blue], without[blue])
    hatch = at(view, without, 4.5, -1.0, 0.25)
    assert np.ptp(hatch) > 40, "the slab is hatched"
    np.testing.assert_allclose(at(view, shaded, 4.5, -1.0, 0.25), hatch, atol=3)
    view.set_options(lit=False)
    exact = view.render(rest=True).copy()
    view.set_options(edges=False, occlusion="off")
    np.testing.assert_array_equal(exact, view.render(rest=True))


def test_the_grid_has_no_edges(view_of: ViewOf) -> None:
    view = view_of(None, plain=False)
    view.show(scenes.boxes(np.array([scenes.at(0, 0, 40)])))
    view.set_options(smooth="off")
    view.standard("top")
    without = view.render(rest=True).copy()
    view.set_options(edges=True, occlusion="on")
    shaded = view.render(rest=True)
    box = (without[..., :3] > 75).all(axis=2)
    np.testing.assert_array_equal(shaded[~box], without[~box])


def test_smooth_edges_have_fewer_hard_steps_at_rest_or_always_or_never(view_of: ViewOf) -> None:
    view = stairs(view_of)
    seen = {}
    for smooth in ("off", "rest", "always"):
        view.set_options(smooth=smooth)
        seen[smooth] = hard_steps(view.render().copy()), hard_steps(view.render(rest=True).copy())
    hard = seen["off"][1]
    assert seen["off"] == (hard, hard)
    assert seen["rest"][0] == hard
    assert max(seen["rest"][1], *seen["always"]) < 0.8 * hard


def test_by_itself_a_software_renderer_shades_no_corners(view_of: ViewOf) -> None:
    view = stairs(view_of)
    without = view.render(rest=True).copy()
    if not view._picture.is_software:
        pytest.skip("a graphics card draws here")
    view.set_options(occlusion="auto")
    np.testing.assert_array_equal(view.render(rest=True), without)


def test_a_shaded_picture_in_steps_is_the_one_at_once(view_of: ViewOf) -> None:
    view = stairs(view_of)
    view.set_options(edges=True, occlusion="on", smooth="rest")
    at_once, pose = view.render(rest=True).copy(), view.pose
    view.orbit(30, 0)
    view.render()
    view.pose = pose
    assert list(view.steps(rest=True, step_ms=1e-6))[-1]
    np.testing.assert_array_equal(view.rgba, at_once)
