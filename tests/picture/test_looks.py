"""What a look says is what the pixels show."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes

from armillary.model.arrays import U1
from armillary.model.look import Look, base_look
from armillary.model.quality import BAD, NEVER
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
VIRIDIS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (253, 231, 37)], np.uint8)


def coloured(look: Look, prims: list[int], rgb: U1) -> Look:
    rgba = look.rgba.copy()
    rgba[prims, :3] = rgb
    return replace(look, seq=look.seq + 1, rgba=rgba)


def stated(look: Look, prim: int, state: int) -> Look:
    out = look.state.copy()
    out[prim] = state
    return replace(look, seq=look.seq + 1, state=out)


def pixel(view: View, prim: int) -> list[int]:
    x, y, depth = view.project(prim)
    assert depth > 0
    return view.render()[int(y), int(x), :3].tolist()


def picture(view: View) -> U1:
    return view.render().copy()


def assert_not_blank(rgba: U1) -> None:
    ground = (rgba[..., :3] == rgba[0, 0, :3]).all(axis=2).mean()
    assert ground < 0.98, f"{ground:.1%} of the picture is ground"
    assert (rgba[..., 3] == 255).all()


def test_a_prim_has_exactly_the_colour_of_its_look(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(4)
    view = view_of(scene)
    written = view.apply(coloured(base_look(scene), [1, 2, 3, 4], VIRIDIS))
    assert written == 4
    for prim in range(1, 5):
        assert view.pick(*view.project(prim)[:2]) == prim
        assert pixel(view, prim) == VIRIDIS[prim - 1].tolist()
    assert_not_blank(picture(view))


def test_a_lit_prim_keeps_its_hue(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(4)
    view = view_of(scene)
    view.set_options(lit=True)
    view.orbit(40, 30)
    view.apply(coloured(base_look(scene), [1, 2, 3, 4], VIRIDIS))
    for prim in range(1, 5):
        shown, asked = (
            colorsys.rgb_to_hsv(*(c / 255 for c in rgb)) for rgb in (pixel(view, prim), VIRIDIS[prim - 1])
        )
        assert abs(shown[0] - asked[0]) < 0.02
        assert shown[2] > 0.4 * asked[2]


def test_changing_one_prim_changes_only_its_pixels(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(5)
    view = view_of(scene)
    before_look = base_look(scene)
    view.apply(before_look)
    before = picture(view)
    assert view.apply(coloured(before_look, [3], np.array([250, 10, 10], np.uint8))) == 1
    after = picture(view)
    ys, xs = np.nonzero((before != after).any(axis=2))
    assert len(xs) > 100
    assert all(view.pick(x, y) == 3 for x, y in zip(xs[::37], ys[::37], strict=True))
    assert (after[ys, xs, :3] == (250, 10, 10)).all()


def test_an_equal_look_writes_nothing_and_needs_no_picture(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    look = base_look(scene)
    view.apply(look)
    view.render()
    again = replace(look, rgba=look.rgba.copy(), state=look.state.copy(), visible=look.visible.copy())
    assert view.apply(again) == 0
    assert not view.dirty


def test_a_look_of_another_scene_is_left_alone(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3))
    assert view.apply(base_look(scenes.row_of_boxes(7))) == 0


def test_a_hidden_prim_is_neither_drawn_nor_picked(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    x, y, _ = view.project(2)
    visible = scene.visible.copy()
    visible[2] = False
    view.apply(replace(base_look(scene), visible=visible))
    assert picture(view)[int(y), int(x), :3].tolist() == list(DARK.ground)
    assert view.pick(x, y) == -1
    view.apply(base_look(scene))
    assert picture(view)[int(y), int(x), :3].tolist() == list(scenes.GREY[:3])
    assert view.pick(x, y) == 2


def test_a_moved_prim_is_drawn_and_picked_at_its_new_place_and_returns(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3, spacing=3.0)
    view = view_of(scene)
    red = coloured(base_look(scene), [2], np.array([220, 30, 30], np.uint8))
    view.apply(red)
    x0, y0, _ = view.project(2)
    place = scene.matrix[[2]].copy()
    place[0, 2, 3] += 1.6
    assert view.apply(replace(red, moved=np.array([2], np.uint32), matrix=place)) == 1
    x1, y1, _ = view.project(2)
    assert abs(x1 - x0) < 1e-6
    assert y1 < y0 - 20
    assert pixel(view, 2) == [220, 30, 30]
    assert picture(view)[int(y0), int(x0), :3].tolist() == list(DARK.ground)
    assert (view.pick(x1, y1), view.pick(x0, y0)) == (2, -1)
    assert view.apply(red) == 1
    assert picture(view)[int(y0), int(x0), :3].tolist() == [220, 30, 30]
    assert (view.pick(x1, y1), view.pick(x0, y0)) == (-1, 2)


def test_a_translucent_prim_shows_what_is_behind_it(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0), scenes.at(0, 3, 0)]))
    view = view_of(scene)
    rgba = base_look(scene).rgba.copy()
    rgba[1], rgba[2] = (0, 0, 255, 128), (255, 0, 0, 255)
    view.apply(replace(base_look(scene), rgba=rgba))
    red, green, blue = pixel(view, 1)
    assert red > 40
    assert blue > 100
    assert green < 40
    assert view.pick(*view.project(1)[:2]) == 1


def test_emission_brightens_a_prim(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(2)
    view = view_of(scene)
    emissive = np.zeros((3, 4), np.uint8)
    emissive[1] = (100, 0, 0, 255)
    view.apply(replace(base_look(scene), emissive=emissive))
    assert pixel(view, 1) == [220, 130, 138]
    assert pixel(view, 2) == [120, 130, 138]


def test_instances_have_colours_and_places_of_their_own(view_of: ViewOf) -> None:
    places = np.array([scenes.at(-2, 0, 0)])
    instances = np.array([scenes.at(0, 0, 0, 0.8), scenes.at(2, 0, 0, 0.8)])
    scene = scenes.boxes(places, instances)
    view = view_of(scene)
    look = coloured(base_look(scene), [1, 2, 3], VIRIDIS[:3])
    view.apply(look)
    assert [pixel(view, p) for p in (1, 2, 3)] == VIRIDIS[:3].tolist()
    assert [view.pick(*view.project(p)[:2]) for p in (1, 2, 3)] == [1, 2, 3]
    place = scene.matrix[[3]].copy()
    place[0, 2, 3] += 1.0
    _, y0, _ = view.project(3)
    view.apply(replace(look, moved=np.array([3], np.uint32), matrix=place))
    _, y1, _ = view.project(3)
    assert y1 < y0 - 10
    assert pixel(view, 3) == VIRIDIS[2].tolist()
    assert view.pick(*view.project(3)[:2]) == 3


def test_point_colours_show_until_a_binding_gives_another(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(2)
    point_rgba = np.tile(np.array([10, 200, 30, 255], np.uint8), (len(scene.point), 1))
    has = np.array([False, True, False])
    scene = replace(scene, point_rgba=point_rgba, has_point_rgba=has)
    view = view_of(scene)
    view.apply(base_look(scene))
    assert pixel(view, 1) == [10, 200, 30]
    assert pixel(view, 2) == list(scenes.GREY[:3])
    view.apply(coloured(base_look(scene), [1], np.array([250, 0, 0], np.uint8)))
    assert pixel(view, 1) == [250, 0, 0]


def test_selection_is_outlined_and_keeps_the_value_colour(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    view.select([2])
    rgba = picture(view)
    assert pixel(view, 2) == list(scenes.GREY[:3])
    ys, xs = np.nonzero((rgba[..., :3] == DARK.selected).all(axis=2))
    assert len(xs) > 100
    x, y, _ = view.project(2)
    assert abs(xs.mean() - x) < 2
    assert abs(ys.mean() - y) < 2
    view.select([])
    assert not (picture(view)[..., :3] == DARK.selected).all(axis=2).any()


def test_selecting_a_group_outlines_all_its_parts_and_hover_yields_to_it(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    view.hover(1)
    assert (picture(view)[..., :3] == DARK.hovered).all(axis=2).sum() > 50
    view.select([0])
    rgba = picture(view)
    _, xs = np.nonzero((rgba[..., :3] == DARK.selected).all(axis=2))
    assert xs.min() < 60
    assert xs.max() > 260
    assert not (rgba[..., :3] == DARK.hovered).all(axis=2).any()


def test_a_selected_translucent_prim_is_outlined(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]), rgba=(90, 120, 200, 100))
    view = view_of(scene)
    view.select([1])
    assert (picture(view)[..., :3] == DARK.selected).all(axis=2).sum() > 100


def test_bad_has_a_magenta_outline_and_never_is_hollow(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(2)
    view = view_of(scene)
    view.apply(stated(stated(base_look(scene), 1, BAD), 2, NEVER))
    rgba = picture(view)
    assert (rgba[..., :3] == DARK.bad).all(axis=2).sum() > 100
    assert pixel(view, 2) == list(DARK.ground)
    assert (rgba[..., :3] == DARK.muted).all(axis=2).sum() > 100
    assert view.pick(*view.project(2)[:2]) == 2


def test_an_alarm_is_an_outline_in_its_priority_colour(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(1)
    view = view_of(scene)
    for priority, colour in enumerate(DARK.alarms, start=1):
        view.apply(stated(base_look(scene), 1, priority << 4))
        assert (picture(view)[..., :3] == colour).all(axis=2).sum() > 100
        assert pixel(view, 1) == list(scenes.GREY[:3])


def test_a_scene_far_from_the_origin_is_drawn_as_sharp_as_near_it(view_of: ViewOf) -> None:
    near, far = scenes.row_of_boxes(3), scenes.row_of_boxes(3)
    shift = np.array([4_500_000.0, 5_400_000.0, 300.0])
    matrix, box = far.matrix.copy(), far.box + np.tile(shift, 2)
    matrix[1:, :3, 3] += shift
    far = replace(far, matrix=matrix, box=box)
    pictures = []
    for scene in (near, far):
        view = view_of(scene)
        view.orbit(30, 20)
        view.fit()
        pictures.append(picture(view))
        assert view.pick(*view.project(2)[:2]) == 2
    differs = (pictures[0] != pictures[1]).any(axis=2).mean()
    assert differs < 0.002


def test_smooth_edges_change_edges_only_and_rest_is_drawn_once(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene)
    view.orbit(30, 20)
    rough = picture(view)
    assert not view.settled
    smooth = view.render(rest=True).copy()
    assert view.settled
    changed = (rough != smooth).any(axis=2).mean()
    assert 0 < changed < 0.1
    assert (view.render(rest=True) == smooth).all()


def test_themes_size_and_an_empty_view_give_pictures(view_of: ViewOf) -> None:
    view = view_of(None, plain=False)
    view.set_theme("light")
    view.resize(200, 120)
    rgba = view.render()
    assert rgba.shape == (120, 200, 4)
    assert rgba[0, 0, :3].tolist() == [0xE6, 0xE8, 0xEA]
    assert len(np.unique(rgba.reshape(-1, 4), axis=0)) > 3  # the grid and the axes
    assert view.pick(10, 10) == -1
    view.show(scenes.boxes(np.zeros((0, 4, 4))))
    assert view.render().shape == (120, 200, 4)
    view.fit()
    assert view.pick(100, 60) == -1


def test_showing_another_scene_replaces_the_first(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(1))
    first = picture(view)
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]), rgba=(200, 30, 30, 255))
    view.show(scene)
    view.standard("front")
    assert pixel(view, 1)[0] > 100
    assert (first != picture(view)).any()


def test_faces_that_are_clear_let_through_what_is_behind_and_the_others_hide_it(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, -3, 0), scenes.at(0, 3, 0, 4)]))
    rgba = np.tile(np.array([0, 0, 255, 255], np.uint8), (len(scene.point), 1))
    front = scene.point_prim == 1
    rgba[front] = 255, 0, 0, 255
    rgba[front & (scene.normal[:, 1] < -0.5)] = 255, 0, 0, 128
    rgba[front & (scene.normal[:, 1] > 0.5)] = 255, 0, 0, 0
    own = np.array([False, True, True])
    scene = replace(scene, point_rgba=rgba, has_point_rgba=own, rgba=np.tile(rgba[-1:], (3, 1)))
    view = view_of(scene)
    assert pixel(view, 1) == [128, 0, 127]
    view.standard("right")
    assert pixel(view, 1) == [255, 0, 0]
