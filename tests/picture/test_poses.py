"""A prim that stands where a tag says: what the pixels show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import U1
from armillary.model.binding import Binding
from armillary.model.quality import GOOD, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.viewport.theme import DARK
from armillary.viewport.view import View
from armillary_bench.synthetic import scene_of

ViewOf = Callable[..., View]
SPEC = TagSpec(slot=0, name="agv.pose", kind="array")
AGV, COLOUR = 1, (200, 40, 160)


def hall() -> SceneArrays:
    """A vehicle of 2 m by 1 m between two posts that are 20 m apart."""
    local = np.broadcast_to(np.eye(4), (4, 4, 4)).copy()
    local[AGV, :3, :3] = np.diag([2.0, 1.0, 1.0])
    local[AGV, :3, 3] = (0, 0, 0)
    local[2, :3, 3], local[3, :3, 3] = (-10, -10, 0), (10, 10, 0)
    scene = scene_of(["/W", "/W/Agv", "/W/P1", "/W/P2"], [-1, 0, 0, 0], local=local)
    rgba = scene.rgba.copy()
    rgba[AGV, :3] = COLOUR
    box, own = scene.box.copy(), scene.local_box.copy()
    box[0], own[0] = (-10, -10, 0, 11, 11, 1), (-10, -10, 0, 11, 11, 1)
    return replace(scene, rgba=rgba, box=box, local_box=own)


def place_of(picture: U1, colours: set[tuple[int, ...]]) -> tuple[float, float, float, float]:
    """Middle and size, in pixels, of what has one of some colours."""
    y, x = np.nonzero(np.isin(picture[:, :, 0], [c[0] for c in colours]))
    keep = [tuple(picture[j, i, :3].tolist()) in colours for j, i in zip(y, x, strict=True)]
    y, x = y[keep], x[keep]
    assert len(x)
    return float(x.mean()), float(y.mean()), float(np.ptp(x)), float(np.ptp(y))


@pytest.fixture
def show(view_of: ViewOf) -> Callable[..., U1]:
    scene = hall()
    binding = Binding(name="p", prim="/W/Agv", channel="transform", signal="agv.pose")
    program, problems = compiled([binding], scene, [SPEC])
    assert problems == ()
    view = view_of(scene, size=(400, 400))
    view.standard("top")

    def picture(told: object, rank: int = GOOD) -> U1:
        table = TagTable(1)
        table.quality[0] = rank
        table.array[0] = np.array(told, np.float32)
        view.apply(resolve(program, table, Options()))
        return view.render()

    return picture


def test_a_vehicle_drives_to_where_its_pose_is_and_turns(show: Callable[..., U1]) -> None:
    x0, y0, wide0, tall0 = place_of(show([-1.0, -0.5, 0.0]), {COLOUR})
    x1, y1, wide1, tall1 = place_of(show([4.0, -0.5, 0.0]), {COLOUR})
    metre = (x1 - x0) / 5.0
    assert metre > 5.0
    assert abs(y1 - y0) < 2
    assert wide1 == pytest.approx(2.0 * metre, abs=3)
    assert (wide0, tall0) == pytest.approx((wide1, tall1), abs=2)
    x2, y2, wide2, tall2 = place_of(show([4.0, 3.0, 0.0, 90.0]), {COLOUR})
    assert (wide2, tall2) == pytest.approx((tall1, wide1), abs=2)  # it stands across
    assert y2 < y1 - 2 * metre  # farther up in the picture
    assert x2 < x1  # turned about its corner, which is its origin


def test_a_pose_that_is_stale_stays_and_is_hatched(show: Callable[..., U1]) -> None:
    x, y, wide, tall = (round(v) for v in place_of(show([4.0, 3.0, 0.0]), {COLOUR}))
    stale = show([4.0, 3.0, 0.0], STALE)
    part = stale[y - tall // 2 + 2 : y + tall // 2 - 1, x - wide // 2 + 2 : x + wide // 2 - 1, :3]
    assert {tuple(c) for c in part.reshape(-1, 3).tolist()} == {tuple(DARK.equipment), tuple(DARK.ink)}
