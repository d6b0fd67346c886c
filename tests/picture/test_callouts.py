"""What alarms say beside their badges: tied to them, whole, over nothing else, and kept true."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.viewport import badges, callouts
from armillary.viewport.badge_places import place as place_badges
from armillary.viewport.badges import Badge
from armillary.viewport.callouts import MOST, Callout
from armillary.viewport.overlay import Legend, Swatch
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
SAYS = Callout(3, 2, "Bearing is hot", "86.4 °C · above 85 °C")


def meets(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_callouts_lie_over_no_other_and_over_no_badge(scale: float) -> None:
    rng = np.random.default_rng(5)
    size = round(900 * scale), round(600 * scale)
    at = np.column_stack([rng.uniform(0, size[0], 40), rng.uniform(0, size[1], 40), np.ones(40)])
    placed = place_badges([Badge(i, 1 + i % 4, 1 + i) for i in range(40)], at, size, scale)
    blocked = [badges.rect(b, DARK, scale) for b in placed]
    legend = (size[0] - 260, size[1] - 220, *size)
    says = [
        Callout(i, 1 + i % 4, f"Part {i} of the plant is not as it should be", "7 bar") for i in range(40)
    ]
    told = callouts.place(says, placed, size, scale, [*blocked, legend])
    assert len(told) == MOST
    assert [t.callout.priority for t in told] == sorted(t.callout.priority for t in told)
    rects = [callouts.rect(t, scale) for t in told]
    for i, one in enumerate(rects):
        assert min(one[:2]) >= 0
        assert one[2] <= size[0]
        assert one[3] <= size[1]
        assert not any(meets(one, other) for other in [*rects[:i], *blocked, legend])


def test_a_badge_that_points_outside_says_nothing_and_one_of_several_the_first() -> None:
    at = np.array([[300.0, 200.0, 1.0], [302.0, 200.0, 1.0], [2000.0, 200.0, 1.0]])
    placed = place_badges([Badge(1, 3), Badge(2, 1), Badge(3, 1)], at, (640, 400))
    says = [Callout(i, 1, f"part {i}") for i in (1, 2, 3)]
    (told,) = callouts.place(says, placed, (640, 400), 1.0, ())
    assert told.callout.prim == 2


def test_a_callout_is_drawn_beside_its_badge_and_tied_to_it(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    view.badges([Badge(3, 2)])
    bare = view.render().copy()
    assert view.callouts([SAYS])  # drawn into the picture that is there
    rgba = view.render()
    (told,) = view.told
    left, top, right, low = callouts.rect(told, 1.0)
    plate = rgba[top + 2 : low - 2, left + 8 : right - 2, :3].astype(int)
    assert (np.abs(plate - DARK.panel).max(axis=2) < 8).mean() > 0.5
    assert (plate.min(axis=2) > 150).sum() > 60  # words
    stripe = rgba[top + 3 : low - 3, left + 2, :3].astype(int)
    assert np.abs(stripe - DARK.alarms[1]).max() < 30
    reach = slice(told.x + 13, left - 1) if left > told.x else slice(right + 1, told.x - 13)
    between = rgba[told.y - 1 : told.y + 2, reach, :3].astype(int)
    assert (np.abs(between - DARK.alarms[1]).max(axis=2).min(axis=0) < 90).all()
    assert view.callouts([])
    assert (view.render() == bare).all()


def test_a_value_goes_on_in_the_picture_that_is_there_and_is_not_drawn_twice(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    view.badges([Badge(3, 2)])
    view.callouts([SAYS])
    first = view.render().copy()
    later = Callout(3, 2, SAYS.title, "97.8 °C · above 85 °C")
    assert view.callouts([later])
    assert not view.dirty
    assert not view.callouts([later])
    second = view.render().copy()
    assert (second != first).any()
    view.zoom(1.0001)
    assert view.callouts([SAYS]) is False  # the next picture has it
    view.render()
    assert view.told[0].callout == SAYS
    view.blink(0)
    view.switch("callouts", on=False)
    view.render()
    assert view.told == ()


def test_a_label_of_a_value_gives_way_to_what_an_alarm_says(view_of: ViewOf) -> None:
    view = view_of(scenes.row_of_boxes(3), size=(640, 400))
    view.legends([Legend("Heat", "°C", "0", "9", np.zeros((0, 3), np.uint8), (Swatch((9, 9, 9), "cold"),))])
    view.badges([Badge(i, i) for i in (1, 2, 3)])
    view.callouts([Callout(i, i, f"Part {i} is hot", "9 °C") for i in (1, 2, 3)])
    view.render()
    assert len(view.told) == 3


def test_long_words_are_cut_and_a_plate_stays_small() -> None:
    long = Callout(1, 1, "x" * 200, "y" * 200)
    assert callouts.short(long.title).endswith("…")
    assert callouts.size_of(long, 1.0)[0] < 340
