"""True instances look, and are picked, as copies do: geometry once, and sprites for what looks small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.arrays import B1, F8, U1
from armillary.model.look import Look, base_look
from armillary.model.quality import BAD, NEVER, STALE, UNCERTAIN
from armillary.model.scene import SceneArrays
from armillary.viewport.section import Section
from armillary.viewport.stage import Stage
from armillary.viewport.view import View

ViewOf = Callable[..., View]
SIZE = (320, 240)
_ALL, _NONE = 10**9, 0  # triangles that are copied
_ALIKE = 0.003  # share of pixels that may differ: where two edges meet on the middle of a pixel


def turned(n: int, spread: float, seed: int = 1) -> F8:
    """Return n places in a flat cloud, each turned and scaled its own way."""
    rng = np.random.default_rng(seed)
    q = rng.normal(size=(n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1)[:, None]).T
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    out = np.tile(np.eye(4), (n, 1, 1))
    out[:, :3, :3] = np.stack(rows, axis=1).reshape(n, 3, 3) * rng.uniform(0.3, 1.0, (n, 1, 3))
    out[:, :3, 3] = rng.uniform(-spread, spread, (n, 3)) * (1, 1, 0.2)
    return out


def cloud(n: int = 1_500, spread: float = 20.0) -> SceneArrays:
    """Return a box of its own and n instances of another, each with a prim, in many colours."""
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0, 2.0)]), turned(n, spread))
    rgba = scene.rgba.copy()
    rgba[1:, :3] = np.random.default_rng(2).integers(40, 250, (len(scene) - 1, 3))
    return replace(scene, rgba=rgba)


def both(view_of: ViewOf, scene: SceneArrays, zoom: float = 1.0, **options: bool) -> tuple[View, View]:
    """Return a view with copies and one with true instances, from the same side."""
    out = []
    for most in (_ALL, _NONE):
        view = view_of(None, plain=False, size=SIZE)
        view.show(scene, stage=Stage(scene, max_copied=most))
        view.set_options(grid=False, axes=False, **options)
        view.standard("iso")
        view.zoom(zoom)
        out.append(view)
    assert out[0].stage is not None
    assert out[0].stage.mesh.crowd is None
    assert out[1].stage is not None
    assert out[1].stage.mesh.crowd is not None
    return out[0], out[1]


def differs(a: U1, b: U1) -> float:
    """Return the share of pixels that differ."""
    return float((np.abs(a.astype(int) - b.astype(int)).max(axis=2) > 4).mean())


def shown(a: U1) -> B1:
    out: B1 = (a[..., :3] > 45).any(axis=2)
    return out


def mixed(scene: SceneArrays) -> Look:
    look = base_look(scene)
    state = look.state.copy()
    state[3::9], state[4::9], state[5::9], state[6::9] = STALE, BAD, NEVER, UNCERTAIN
    emissive = look.emissive.copy()
    emissive[8::9] = (90, 0, 40, 255)[: emissive.shape[1]]
    visible = look.visible.copy()
    visible[7::9] = False
    return replace(look, state=state, emissive=emissive, visible=visible)


@pytest.mark.parametrize("zoom", [0.3, 1.0, 3.0, 12.0])
def test_true_instances_look_like_copies_at_every_distance(view_of: ViewOf, zoom: float) -> None:
    one, other = both(view_of, cloud(), zoom)
    assert shown(one.render()).mean() > 0.02 * min(zoom, 1.0)
    assert differs(one.render(), other.render()) <= _ALIKE


def test_parallel_rays_show_the_same(view_of: ViewOf) -> None:
    one, other = both(view_of, cloud())
    for view in (one, other):
        view.orthographic = True
    assert differs(one.render(), other.render()) <= _ALIKE


def test_patterns_glow_and_hidden_parts_are_the_same(view_of: ViewOf) -> None:
    scene = cloud()
    one, other = both(view_of, scene, 2.0)
    before = other.render().copy()
    for view in (one, other):
        view.apply(mixed(scene))
        view.select((40, 41, 300))
        view.hover(77)
    assert differs(before, other.render()) > 10 * _ALIKE
    assert differs(one.render(), other.render()) <= _ALIKE


def test_colours_by_tag_reach_each_instance_exactly(view_of: ViewOf) -> None:
    scene = cloud(400, 12.0)
    one, other = both(view_of, scene, lit=False)
    rgba = scene.rgba.copy()
    rgba[2:, :3] = np.random.default_rng(5).integers(60, 250, (len(scene) - 2, 3))
    met = 0
    for view in (one, other):
        view.apply(replace(base_look(scene), rgba=rgba))
        picture = view.render()
        for y in range(60, 200, 9):
            for x in range(80, 240, 9):
                prim = view.pick(x, y)
                if prim >= 0:
                    met += 1
                    np.testing.assert_array_equal(picture[y, x, :3], rgba[prim, :3])
    assert met > 60


def test_a_section_cuts_instances_as_it_cuts_copies(view_of: ViewOf) -> None:
    one, other = both(view_of, cloud(), 2.0)
    whole = other.render().copy()
    for view in (one, other):
        view.section = Section(point=(2.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0))
    assert differs(whole, other.render()) > 10 * _ALIKE
    assert differs(one.render(), other.render()) <= _ALIKE


def test_instances_that_move_are_drawn_and_picked_where_they_are(view_of: ViewOf) -> None:
    scene = cloud(600, 8.0)
    one, other = both(view_of, scene)
    before = other.render().copy()
    moved = np.arange(2, len(scene), 3).astype(np.uint32)
    matrix = scene.matrix[moved].copy()
    matrix[:, 2, 3] += 6.0
    for view in (one, other):
        view.apply(replace(base_look(scene), moved=moved, matrix=matrix))
    assert differs(before, other.render()) > 10 * _ALIKE
    assert differs(one.render(), other.render()) <= _ALIKE
    spots = [(x, y) for x in range(20, 300, 20) for y in range(20, 220, 20)]
    assert [one.pick(*spot) for spot in spots] == [other.pick(*spot) for spot in spots]
    assert len({other.pick(*spot) for spot in spots}) > 10
    for view in (one, other):
        view.apply(base_look(scene))
    assert differs(before, other.render()) <= _ALIKE


def test_translucent_instances_let_through_what_is_behind(view_of: ViewOf) -> None:
    small = np.array([scenes.at(x, -1, 0, 0.2) for x in (-1.0, 0.0, 1.0)])
    scene = scenes.boxes(np.array([scenes.at(0, 4, 0, 6.0)]), small)
    rgba = scene.rgba.copy()
    rgba[1], rgba[2:] = (220, 40, 40, 255), (40, 40, 220, 128)
    one, other = both(view_of, replace(scene, rgba=rgba), lit=False)
    for zoom in (1.0, 2.2):  # sprites, and copies
        for view in (one, other):
            view.standard("front")
            view.zoom(zoom)
        x, y, _ = other.project(3)
        red, green, blue = other.render()[int(y), int(x), :3].tolist()
        assert 60 < red < 200
        assert green < 60
        assert 60 < blue < 200
        assert differs(one.render(), other.render()) <= _ALIKE


def test_translucent_instances_are_drawn_the_farthest_first(view_of: ViewOf) -> None:
    behind = np.array([scenes.at(0, y, 0, 0.2) for y in (0.0, 2.0, -2.0, 4.0, -4.0, 1.0)])
    scene = scenes.boxes(np.array([scenes.at(0, 9, 0, 6.0)]), behind)
    rgba = scene.rgba.copy()
    rgba[2:, :3], rgba[2:, 3] = np.random.default_rng(3).integers(0, 250, (6, 3)), 140
    one, other = both(view_of, replace(scene, rgba=rgba), lit=False)
    for view in (one, other):
        view.standard("front")
    assert differs(one.render(), other.render()) <= _ALIKE


def test_what_is_no_box_is_whole_where_it_looks_large(view_of: ViewOf) -> None:
    scene = cloud(300, 6.0)
    scene = replace(scene, triangle=scene.triangle[:18], proto=np.array([12, 18], np.int64))  # half a box
    one, other = both(view_of, scene, 2.0)
    assert shown(one.render()).mean() > 0.05
    assert differs(one.render(), other.render()) <= 0.02  # sprites of three pixels are whole boxes


def test_a_picture_in_steps_shows_the_same_instances(view_of: ViewOf) -> None:
    scene = cloud()
    _, view = both(view_of, scene, 2.0)
    view.apply(mixed(scene))
    at_once, pose = view.render().copy(), view.pose
    view.orbit(30, 5)
    view.render()
    view.pose = pose
    assert list(view.steps(step_ms=1e-6))[-1]
    np.testing.assert_array_equal(view.render(), at_once)


def test_a_coarse_picture_shows_instances_where_they_are(view_of: ViewOf) -> None:
    scene = cloud(4_000, 30.0)
    _, view = both(view_of, scene)
    assert view.stage is not None
    view.stage.pace.full_ms, view.stage.pace.budget = 200.0, 30_000  # as on a slow machine
    whole = shown(view.render(rest=True))
    view.stage.pace.full_ms = 200.0
    view.orbit(0.01, 0)
    coarse = shown(view.render(hasty=True))
    assert view.is_coarse
    assert (coarse & whole).sum() > 0.6 * whole.sum()
    matrix = scene.matrix[2:].copy()
    matrix[:, 0, 3] += 25.0
    view.apply(replace(base_look(scene), moved=np.arange(2, len(scene)).astype(np.uint32), matrix=matrix))
    view.orbit(0.01, 0)
    moved = shown(view.render(hasty=True))
    assert view.is_coarse
    view.stage.pace.full_ms = 0.0
    assert (moved & shown(view.render(rest=True))).sum() > 0.6 * moved.sum()
    assert (moved != coarse).mean() > 0.05
