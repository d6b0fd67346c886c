"""Labels, legends and the triad stay readable and where they belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes

from armillary.encoding.maps import MARKS, legend, named
from armillary.model.look import Label, base_look
from armillary.model.quality import BAD, SUBSTITUTED
from armillary.viewport.overlay import Legend, Plate, Swatch, blend, labels
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
RAMP = np.stack([np.arange(256), np.full(256, 40), 255 - np.arange(256)], axis=1).astype(np.uint8)


def test_a_legend_shows_its_bar_from_low_to_high_and_the_looks_of_lost_quality(view_of: ViewOf) -> None:
    view = view_of(None, size=(640, 400))
    before = view.render().copy()
    view.legends(
        [Legend("Bearing", "°C", "20", "90", RAMP, (), (Swatch((122, 130, 138), "stale", "hatch"),))]
    )
    rgba = view.render()
    changed = (before != rgba).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert xs.min() > 320
    assert ys.min() > 200
    rows = [y for y in range(400) if (rgba[y, :, :3] == RAMP[0]).all(axis=1).any()]
    line = rgba[rows[len(rows) // 2], :, :3]
    first, last = (int(np.flatnonzero((line == RAMP[i]).all(axis=1)).mean()) for i in (0, -1))
    assert last > first + 150
    red = line[first:last, 0].astype(int)
    assert (np.diff(red) >= 0).all()
    assert (rgba[..., :3] == DARK.equipment).all(axis=2).sum() > 50
    view.legends([])
    assert (view.render() == before).all()


def test_the_legends_of_the_encoding_are_taken_as_they_are(view_of: ViewOf) -> None:
    view = view_of(None, size=(640, 400))
    told = legend(named(())["heat"], (20, 90), "°C", "Bearing")
    view.legends([told])
    rgba = view.render()
    assert (rgba[..., :3] == told.bar[128]).all(axis=2).sum() >= 10
    assert len(told.marks) == len(MARKS)
    assert (rgba[..., :3] == DARK.bad).all(axis=2).sum() > 20


def test_a_label_stands_over_its_prim_and_goes_with_it(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(3)
    view = view_of(scene, size=(640, 400))
    look = base_look(scene)
    view.apply(look)
    before = view.render().copy()
    view.apply(replace(look, label=(Label(prim=1, text="71.2 °C", quality=SUBSTITUTED),)))
    ys, xs = np.nonzero((view.render() != before).any(axis=2))
    x, y, _ = view.project(1)
    assert abs((xs.min() + xs.max()) / 2 - x) < 3
    assert ys.max() < y
    assert len(xs) > 500
    hidden = scene.visible.copy()
    hidden[1] = False
    view.apply(replace(look, visible=hidden, label=(Label(prim=1, text="71.2 °C"),)))
    assert (view.render()[:, : int(x) + 40, :3] == DARK.ground).all()


def test_labels_never_cover_each_other_and_the_nearest_wins() -> None:
    rgba = np.zeros((200, 300, 4), np.uint8)
    plates = [Plate(f"value {i}", BAD, 150.0 + i, 100.0, 5.0 + i) for i in range(30)]
    drawn = labels(rgba, plates, DARK, 1.0)
    assert 3 <= drawn < 30
    assert labels(rgba, [Plate("behind", 0, 150.0, 100.0, -1.0)], DARK, 1.0) == 0
    assert labels(rgba, [Plate("outside", 0, 900.0, 100.0, 1.0)], DARK, 1.0) == 0


def test_labels_can_be_switched_off(view_of: ViewOf) -> None:
    scene = scenes.row_of_boxes(1)
    view = view_of(scene)
    view.apply(replace(base_look(scene), label=(Label(prim=1, text="on"),)))
    with_label = view.render().copy()
    view.set_options(labels=False)
    assert (view.render() != with_label).any()


def test_a_patch_over_the_edge_is_cut() -> None:
    rgba = np.zeros((10, 10, 4), np.uint8)
    patch = np.full((6, 6, 4), 255, np.uint8)
    blend(rgba, patch, -3, 7)
    assert rgba[7:, :3, :3].min() == 255
    assert rgba[:7].max() == 0
    blend(rgba, patch, 20, 20)


def test_the_triad_shows_z_upwards_from_the_front(view_of: ViewOf) -> None:
    view = view_of(None)
    view.set_options(axes=True)
    view.standard("front")
    rgba = view.render()
    blue = np.argwhere((rgba[..., :3] == (0x6A, 0x90, 0xC8)).all(axis=2))
    red = np.argwhere((rgba[..., :3] == (0xC0, 0x6A, 0x6A)).all(axis=2))
    assert blue[:, 0].mean() < red[:, 0].mean() - 5
    assert red[:, 1].mean() > blue[:, 1].mean() + 5


def test_a_label_stands_beside_a_legend_and_never_under_it() -> None:
    picture = np.zeros((200, 400, 4), np.uint8)
    plates = [Plate(text="Chlorine 0.6 mg/l", rank=0, x=300, y=100, depth=5.0)]
    assert labels(picture, plates, DARK, 1.0, blocked=[(290, 0, 400, 200)]) == 1
    drawn = picture.any(axis=2)
    assert drawn[:, :285].any(), "it found room on the left"
    assert not drawn[:, 305:].any(), "only the leader may reach its prim"
    assert labels(np.zeros((200, 400, 4), np.uint8), plates, DARK, 1.0, blocked=[(0, 0, 400, 200)]) == 0
