"""Alarms in the picture: outline and badge at the part, merged, pointed to, blinking; the value stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.alarm import ADVISORY_MARK
from armillary.model.look import ALARM_SHIFT, base_look
from armillary.viewport.badge_places import MOST, place
from armillary.viewport.badges import APART, EDGE, Badge, Placed, Style, draw, patch, rect
from armillary.viewport.callouts import Callout
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
RED, ORANGE, YELLOW, CYAN = (np.array(c) for c in DARK.alarms)


def near(rgba: np.ndarray, x: float, y: float, colour: np.ndarray, reach: int = 12) -> int:
    """How many pixels around a point have a colour."""
    part = rgba[max(int(y) - reach, 0) : int(y) + reach, max(int(x) - reach, 0) : int(x) + reach, :3]
    return int((np.abs(part.astype(int) - colour).max(axis=2) < 24).sum())


def test_an_alarm_outlines_its_part_and_leaves_the_colour_of_the_value(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene, size=(640, 400))
    look = base_look(scene)
    view.apply(look)
    x, y, _ = view.project(2)
    before = view.render().copy()
    state = look.state.copy()
    counts = {}
    for mark in (1, 5):  # critical: waiting, then acknowledged
        state[2] = mark << ALARM_SHIFT
        view.apply(replace(look, state=state.copy()))
        rgba = view.render()
        counts[mark] = int((rgba[..., :3] == RED).all(axis=2).sum())
        assert (rgba[int(y), int(x)] == before[int(y), int(x)]).all()
    assert counts[1] > 1.6 * counts[5] > 0  # two pixels wide, then one


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("style", ["full", "hollow"])
def test_what_is_only_predicted_has_a_shape_and_no_colour(theme: str, style: Style) -> None:
    def colour(priority: int) -> int:
        pixels = patch(priority, 1, style, theme, 1.0).astype(int)
        drawn = pixels[pixels[..., 3] > 128, :3]
        assert len(drawn) > 60
        return int((drawn.max(axis=1) - drawn.min(axis=1)).max())

    assert colour(ADVISORY_MARK) < 24
    assert all(colour(priority) > 90 for priority in range(1, 5))


def test_a_badge_stands_at_its_part_and_goes_when_the_alarm_does(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    before = view.render().copy()
    view.badges([Badge(3, 2)])
    x, y, _ = view.project(3)
    rgba = view.render()
    assert near(rgba, x, y, ORANGE) > 60
    assert near(rgba, *view.project(1)[:2], ORANGE) == 0
    found = view.badge_at(x, y)
    assert found is not None
    assert found.prims == (3,)
    assert view.badge_at(x + 60, y) is None
    view.badges([])
    assert (view.render() == before).all()


def test_every_priority_has_a_shape_of_its_own(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(4), size=(640, 400))
    view.badges([Badge(i, i) for i in (1, 2, 3, 4)])
    rgba = view.render()
    masks = []
    for prim, colour in enumerate((RED, ORANGE, YELLOW, CYAN), 1):
        x, y, _ = view.project(prim)
        part = rgba[round(y) - 9 : round(y) + 9, round(x) - 9 : round(x) + 9, :3].astype(int)
        masks.append(np.abs(part - colour).max(axis=2) < 24)
    for i, one in enumerate(masks):
        assert one.sum() > 60
        assert all((one != other).sum() > 25 for other in masks[i + 1 :])


def test_badges_that_would_overlap_become_one_with_a_count(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    view.zoom(0.02)
    view.badges([Badge(1, 4), Badge(2, 1, 2), Badge(3, 3)])
    view.render()
    (one,) = view.placed
    assert (one.priority, one.count) == (1, 4)
    assert one.prims[0] == 2


def test_a_part_outside_the_picture_is_pointed_to_from_the_edge(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3, spacing=20.0), size=(640, 400))
    view.focus((2,))
    view.badges([Badge(3, 1)])
    rgba = view.render()
    (one,) = view.placed
    assert one.direction is not None
    assert abs(one.direction) < 0.1  # to the right
    assert one.x > 640 - 2 * EDGE
    assert near(rgba, one.x, one.y, RED) > 60


def test_what_is_behind_the_eye_is_pointed_to_on_its_own_side() -> None:
    (one,) = place([Badge(0, 1)], np.array([[100.0, 200.0, -5.0]]), (640, 400))
    assert one.x > 600  # the projection of what is behind lies on the other side


def test_badges_never_stand_nearer_than_their_distance() -> None:
    rng = np.random.default_rng(7)
    at = np.column_stack([rng.uniform(-200, 840, 300), rng.uniform(-200, 600, 300), np.ones(300)])
    badges = [Badge(i, 1 + i % 4) for i in range(300)]
    placed = place(badges, at, (640, 400))
    xy = np.array([(p.x, p.y) for p in placed])
    gap = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    assert gap[~np.eye(len(xy), dtype=bool)].min() >= APART
    assert sum(p.count for p in placed) == 300
    assert xy.min() >= EDGE - 1e-6


def covered(badge: Placed, size: tuple[int, int], scale: float) -> np.ndarray:
    """Which pixels a badge draws."""
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    draw(canvas, [badge], DARK, scale, 0, still=True)
    return canvas[..., :3].any(axis=2)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_no_badge_reaches_into_another_with_its_count_or_its_arrow(scale: float) -> None:
    rng = np.random.default_rng(11)
    n, size = 160, (640, 400)
    at = np.column_stack([rng.uniform(-300, 940, n), rng.uniform(-200, 600, n), rng.choice([1.0, -1.0], n)])
    badges = [Badge(i, 1 + i % 4, int(rng.choice([1, 7, 88, 901]))) for i in range(n)]
    placed = place(badges, at, size, scale, still=True)
    times = sum(covered(badge, size, scale).astype(int) for badge in placed)
    assert times.max() == 1
    assert sum(p.count for p in placed) == sum(b.count for b in badges)
    assert sorted(prim for p in placed for prim in p.prims) == list(range(n))
    assert len(placed) > 4


def test_a_count_at_the_right_edge_stands_on_the_left_and_is_whole() -> None:
    (one,) = place([Badge(0, 2, 345)], np.array([[615.0, 200.0, 1.0]]), (640, 400))
    assert one.direction is None
    assert rect(one, DARK, 1.0)[2] <= 640


def test_a_flood_is_counted_in_full_and_leaves_the_picture_readable() -> None:
    rng = np.random.default_rng(3)
    at = np.column_stack([rng.uniform(0, 1280, 10_000), rng.uniform(0, 800, 10_000), np.ones(10_000)])
    placed = place([Badge(i, 1 + i % 4) for i in range(10_000)], at, (1280, 800))
    assert sum(p.count for p in placed) == 10_000
    assert 50 < len(placed) <= MOST


def test_what_is_outside_keeps_its_arrow_beside_what_is_in_view_at_the_edge() -> None:
    at = np.array([[630.0, 200.0, 1.0], [2000.0, 201.0, 1.0]])
    (one,) = place([Badge(4, 1), Badge(5, 2)], at, (640, 400))
    assert (one.priority, one.count, one.prims) == (1, 2, (4, 5))
    assert one.direction is not None
    assert abs(one.direction) < 0.1


def test_a_badge_is_never_smaller_than_eighteen_pixels() -> None:
    for priority in (1, 2, 3, 4):
        pixels = patch(priority, 1, "full", "dark", 1.0).astype(int)
        rows, columns = np.nonzero(np.abs(pixels[..., :3] - DARK.alarms[priority - 1]).max(axis=2) < 60)
        assert np.ptp(columns) + 1 >= 18
        assert np.ptp(rows) + 1 >= 18


def test_a_waiting_badge_blinks_by_its_priority_without_drawing_the_scene_again(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(4), size=(640, 400))
    view.badges([Badge(1, 1), Badge(2, 3), Badge(3, 4)])
    first = view.render().copy()
    assert view.blinks
    seen: dict[int, list[int]] = {1: [], 2: [], 3: []}
    for half in range(4):
        assert view.blink(half)
        rgba = view.render()
        for prim, colour in ((1, RED), (2, YELLOW), (3, CYAN)):
            seen[prim].append(near(rgba, *view.project(prim)[:2], colour))
    full, shown = seen[1][0], [n > 0.8 * seen[1][0] for n in seen[1]]
    assert full > 60
    assert shown == [True, False, True, False]  # 1 Hz
    assert [n > 0.8 * seen[2][0] for n in seen[2]] == [True, True, False, False]  # 0.5 Hz
    assert len(set(seen[3])) == 1
    view.blink(0)
    assert (view.render() == first).all()


def test_the_outline_of_a_part_blinks_with_its_badge_and_stays_once_acknowledged(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene, size=(640, 400))
    look = base_look(scene)
    state = look.state.copy()
    state[1], state[3] = 1 << ALARM_SHIFT, 5 << ALARM_SHIFT
    bare = view.render().copy()
    view.apply(replace(look, state=state))
    first = view.render().copy()
    assert view.blinks
    reds = []
    for half in (1, 2, 3):
        assert view.blink(half)
        rgba = view.render()
        reds.append(int((rgba[..., :3] == RED).all(axis=2).sum()))
        if half == 2:
            assert (rgba == first).all()
    own = int((first[:, 320:, :3] == RED).all(axis=2).sum())  # of the acknowledged one
    assert reds[0] == reds[2] == own > 50
    assert reds[1] > 2 * own
    view.blink(1)
    assert (view.render()[:, :200] == bare[:, :200]).all()  # its part, where the line was
    view.set_options(still=True)
    assert int((view.render()[..., :3] == RED).all(axis=2).sum()) > 1.5 * reds[1]
    assert not view.blinks


def test_reduced_motion_stops_the_blink_and_draws_a_double_edge(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    view.badges([Badge(1, 1)])
    plain = view.render().copy()
    view.set_options(still=True)
    rgba = view.render()
    assert not view.blinks
    assert not view.blink(1)
    assert (plain != rgba).any()
    assert near(rgba, *view.project(1)[:2], RED) > 60


def test_a_flood_of_badges_drawn_in_steps_gives_the_picture_drawn_at_once(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(60), size=(900, 500))
    view.render()
    view.badges([Badge(i, 1 + i % 4, 1 + i) for i in range(1, 61)])
    view.callouts([Callout(i, 1 + i % 4, f"Part {i}", "3.0 bar") for i in range(1, 12)])
    at_once = view.render().copy()
    placed = view.placed
    assert len(placed) > 1
    assert len(view.told) > 1
    view.badges([])
    view.render()
    assert not view.takes_long()
    view.badges([Badge(i, 1 + i % 4, 1 + i) for i in range(1, 61)])
    assert view.takes_long(), "so many are placed and drawn in steps"
    assert not view.takes_long(hasty=True), "a turning eye would give each picture up"
    steps = view.steps()
    next(steps)
    assert view.placed == (), "until the last step, what is seen is the picture before"
    assert list(steps)[-1]
    assert view.placed == placed
    np.testing.assert_array_equal(view.rgba, at_once)


def test_callouts_of_a_flood_come_with_the_next_picture(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(60), size=(900, 500))
    view.badges([Badge(i, 2) for i in range(1, 61)])
    before = view.render().copy()
    assert not view.callouts([Callout(1, 2, "Part", "3.0 bar")])
    assert view.dirty
    assert (view.render() != before).any()
    assert len(view.told) == 1
