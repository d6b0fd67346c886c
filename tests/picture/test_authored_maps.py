"""What an engineer sees while a binding is made: a valve that turns by test values, legends of ready maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes

from armillary.encoding.maps import legend
from armillary.encoding.oklab import oklab
from armillary.encoding.perceptual import RISING, SETS
from armillary.model.arrays import U1
from armillary.model.quality import COMM, STALE, SUBSTITUTED
from armillary.model.tags import TagSpec
from armillary.session.draft import Draft
from armillary.session.mirror import Mirror
from armillary.session.scenery import compiled
from armillary.session.showing import Showing
from armillary.session.sweep import planned
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
VALVE = TagSpec(slot=0, name="V-12.ValvePos", link="dosing2-ua", unit="%", low=0.0, high=100.0)
DISC = 1


def disc(rgba: U1) -> tuple[int, int]:
    """Width and height, in pixels, of what is drawn in the middle."""
    y, x = np.nonzero((rgba[:, :, :3] != DARK.ground).any(axis=2))
    return int(np.ptp(x)), int(np.ptp(y))


def test_a_valve_turns_from_0_to_90_degrees_by_test_values_while_its_link_is_off(view_of: ViewOf) -> None:
    long = np.array([4.0, 1.0, 1.0], np.float32)
    scene = scenes.boxes(np.eye(4)[None])
    box = np.tile(np.array([-0.5, -0.5, -0.5, 0.5, 0.5, 0.5]) * np.tile(long, 2), (2, 1))
    scene = replace(scene, point=scene.point * long, box=box, local_box=box.astype(np.float32))
    path = scene.prim_path[DISC]
    draft = Draft(tag=VALVE, prim=path, name="pos", channel="rotate", low=0.0, high=100.0, last=90.0)
    binding = draft.binding()
    assert binding.axis == "z"
    shown, mirror = Showing(), Mirror(1)
    mirror.live = True
    mirror.table.value[0], mirror.table.quality[0] = 0.0, STALE | COMM  # the link is off
    mirror.seq += 1
    shown.show(compiled(scene, (binding,), (), (VALVE,), ()))
    view = view_of(scene, size=(300, 300))
    view.standard("top")
    plan = planned((binding,), {VALVE.name: VALVE})

    def picture(share: float | None) -> U1:
        shown.overlay = None if share is None else (plan.slot, plan.values(share))
        look = shown.resolve(mirror, (), 0)
        assert look is not None
        marks = [label for label in look.label if label.quality == SUBSTITUTED]
        assert [label.prim for label in marks] == ([] if share is None else [DISC]), "the part is marked S"
        view.apply(replace(look, label=()))
        return view.render().copy()

    stale = picture(None)
    shut, half, opened = (picture(s) for s in (0.0, 0.5, 1.0))
    assert disc(shut)[0] > 2.5 * disc(shut)[1]
    assert disc(opened)[1] > 2.5 * disc(opened)[0]
    assert abs(disc(half)[0] - disc(half)[1]) <= 3
    assert hatch(stale) > 0.2
    assert hatch(opened) == 0.0
    assert (picture(None) == stale).all(), "released: what the plant says is shown again"


def hatch(rgba: U1) -> float:
    """Share of the part's box that has the ink of the hatch, which is the colour of the ground."""
    ink = (rgba[:, :, :3] == DARK.ink).all(axis=2)
    y, x = np.nonzero(~ink)
    return float(ink[y.min() : y.max() + 1, x.min() : x.max() + 1].mean())


def test_the_legends_of_ready_maps_rise_in_lightness_and_show_what_is_out_of_range(view_of: ViewOf) -> None:
    view = view_of(None, size=(640, 300))
    for ready in (m for m in SETS if m.name in RISING):
        told = legend(ready, (0.0, 100.0), "m³/h", ready.title)
        view.legends([told])
        rgba = view.render()[..., :3]
        low, high = told.bar[0], told.bar[-1]
        rows = [
            y
            for y in range(300)
            if (rgba[y] == low).all(axis=1).any() and (rgba[y] == high).all(axis=1).any()
        ]
        line = rgba[rows[len(rows) // 2]]
        first = int(np.flatnonzero((line == low).all(axis=1)).max())
        last = int(np.flatnonzero((line == high).all(axis=1)).min())
        assert last > first + 120, ready.name
        lightness = oklab(np.ascontiguousarray(line[first + 3 : last - 3]))[:, 0]
        assert (np.diff(lightness) > -1e-9).all(), ready.name
        assert told.unit == "m³/h"
        assert (tuple(low.tolist()), tuple(high.tolist())) == (told.under.rgb, told.over.rgb)
        assert [mark.text for mark in told.marks] == ["stale", "bad", "no data yet"]
        assert (rgba == DARK.bad).all(axis=2).sum() > 20, "the swatch of BAD has its outline"
