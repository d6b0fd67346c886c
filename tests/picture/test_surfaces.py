"""Values on a mesh beside all else that a picture shows: lists of values, cuts, moves, alarms, lost tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from test_fields import COLD, HEAT, HOT, PLATE, SIZE, SPECS, near, pixels_of, plate

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import F4, F8, U1
from armillary.model.binding import Binding, FieldSpec
from armillary.model.look import ALARM_SHIFT, Look
from armillary.model.quality import GOOD, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.session.explode import exploded, spread
from armillary.viewport.section import Section
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
LIST = TagSpec(slot=2, name="skin", kind="array", unit="°C")
EAST, WEST = (75.0, 50.0), (25.0, 50.0)
NOWHERE = (50.0, 4.0)


@dataclass
class Shown:
    """A plate of 100 m seen from above, its left half cold and its right half hot."""

    view: View
    scene: SceneArrays
    program: Program

    def look(self, *, rank: int = GOOD, priority: int = 0, **options: object) -> Look:
        table = TagTable(3)
        table.value[:2], table.quality[:] = (0.0, 100.0), rank
        table.array[2] = self.halves()
        look = resolve(self.program, table, Options(**options))  # type: ignore[arg-type]
        state = look.state.copy()
        state[PLATE] |= priority << ALARM_SHIFT
        return replace(look, state=state, label=())

    def halves(self) -> F4:
        return np.where(self.scene.point[:, 0] < 50.0, 0.0, 100.0).astype(np.float32)

    def at(self, place: tuple[float, float]) -> list[int]:
        (x, y), *_ = pixels_of(self.view, np.array([[*place, 0.0]]))
        return self.view.render()[round(y), round(x), :3].astype(int).tolist()

    def colours(self) -> set[tuple[int, ...]]:
        return {tuple(c) for c in self.view.render()[:, :, :3].reshape(-1, 3).tolist()}


BINDINGS = {
    "field": Binding(
        name="f",
        prim="/W/Plate",
        channel="field",
        colormap="heat",
        ends=(0.0, 100.0),
        field=FieldSpec(sensors=("/W/Cold", "/W/Hot"), neighbours=1),
    ),
    "primvar": Binding(
        name="p", prim="/W/Plate", channel="primvar", signal="skin", colormap="heat", ends=(0.0, 100.0)
    ),
}


@pytest.fixture(params=["field", "primvar"])
def shown(view_of: ViewOf, request: pytest.FixtureRequest) -> Shown:
    scene = plate()
    tags = [Binding(name="t", prim=f"/W/{s}", signal=s.lower(), channel="label") for s in ("Cold", "Hot")]
    program, problems = compiled([BINDINGS[request.param], *tags], scene, (*SPECS, LIST))
    assert problems == ()
    view = view_of(scene, size=SIZE)
    view.standard("top")
    out = Shown(view, scene, program)
    view.apply(out.look())
    return out


def test_each_half_has_the_colour_of_its_values(shown: Shown) -> None:
    assert near(shown.at(WEST), HEAT[0])
    assert near(shown.at(EAST), HEAT[255])


def test_a_cut_shows_the_values_of_what_is_left_in_their_own_colours(shown: Shown) -> None:
    shown.view.section = Section(point=(50.0, 0.0, 0.0), normal=(-1.0, 0.0, 0.0))
    west, east = shown.at(WEST), shown.at(EAST)
    assert near(east, HEAT[255]) != near(west, HEAT[0])  # one half is cut away, the other is as before
    shown.view.section = None
    assert near(shown.at(WEST), HEAT[0])
    assert near(shown.at(EAST), HEAT[255])


def test_an_alarm_is_an_outline_around_the_values_and_takes_none_of_them_away(shown: Shown) -> None:
    shown.view.apply(shown.look(priority=1))
    assert tuple(DARK.alarms[0]) in shown.colours()
    assert near(shown.at(WEST), HEAT[0])
    assert near(shown.at(EAST), HEAT[255])


def test_what_is_stale_and_in_alarm_is_hatched_inside_its_outline(shown: Shown) -> None:
    shown.view.apply(shown.look(rank=STALE, priority=2))
    picture = shown.view.render()
    inside = {tuple(c) for c in picture[130:170, 130:170, :3].reshape(-1, 3).tolist()}
    assert inside == {tuple(DARK.equipment), tuple(DARK.ink)}
    assert tuple(DARK.alarms[1]) in shown.colours()


def test_a_hidden_mesh_takes_its_values_away_and_brings_them_back(shown: Shown) -> None:
    shown.view.apply(shown.look(hidden=(PLATE,)))
    assert near(shown.at(WEST), DARK.ground, 2)
    shown.view.apply(shown.look())
    assert near(shown.at(WEST), HEAT[0])


def test_sensors_that_are_hidden_still_count(shown: Shown) -> None:
    cold, hot = (shown.scene.prim_path.index(f"/W/{s}") for s in ("Cold", "Hot"))
    shown.view.apply(shown.look(hidden=(cold, hot)))
    assert near(shown.at(COLD), HEAT[0])
    assert near(shown.at(HOT), HEAT[255])


def test_a_mesh_that_moves_takes_its_values_along(shown: Shown) -> None:
    away: F8 = shown.scene.matrix[[PLATE]].copy()
    away[0, 0, 3] += 50.0  # its cold half is where the hot one was
    moved = replace(shown.look(), moved=np.array([PLATE], np.uint32), matrix=away)
    shown.view.apply(moved)
    assert near(shown.at(EAST), HEAT[0])
    assert near(shown.at(WEST), DARK.ground, 2)
    shown.view.apply(shown.look())
    assert near(shown.at(EAST), HEAT[255])


def test_parts_that_are_moved_apart_keep_the_values_that_they_had(shown: Shown) -> None:
    way = 0.0 * spread(shown.scene)  # its neighbours, by which pixels are found, stay
    way[PLATE] = (0.0, 30.0, 0.0)
    shown.view.apply(exploded(shown.look(), shown.scene, way, 1.0))
    assert near(shown.at((25.0, 80.0)), HEAT[0])
    assert near(shown.at((75.0, 80.0)), HEAT[255])
    assert near(shown.at((50.0, 15.0)), DARK.ground, 2)


def test_a_ghost_keeps_the_hue_of_its_values(shown: Shown) -> None:
    corner = shown.scene.prim_path.index("/W/M1")
    shown.view.apply(shown.look(ghost=True, solid=(corner,)))
    west, east = np.array(shown.at(WEST)), np.array(shown.at(EAST))
    ground: U1 = np.array(DARK.ground)
    assert not near(west.tolist(), DARK.ground, 2)
    assert not near(west.tolist(), east.tolist(), 4)
    assert np.abs(west - ground).max() < np.abs(np.array(HEAT[0][:3]).astype(int) - ground).max()
