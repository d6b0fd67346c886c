"""A field of sensors on a mesh: what the pixels near them show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from armillary.encoding import maps
from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import F8, U1
from armillary.model.binding import Binding, FieldSpec
from armillary.model.look import Look, base_look
from armillary.model.quality import GOOD, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.viewport.section import Section
from armillary.viewport.theme import DARK
from armillary.viewport.view import View
from armillary_bench.fields import sheet
from armillary_bench.synthetic import scene_of

ViewOf = Callable[..., View]
SIZE = (300, 300)
COLD, HOT = (20.0, 50.0), (80.0, 50.0)  # where the two sensors are on a plate of 100 m by 100 m
HEAT = maps.table(maps.named(())["heat"])
SPECS = (TagSpec(slot=0, name="cold", unit="°C"), TagSpec(slot=1, name="hot", unit="°C"))
PLATE = 1


@dataclass(frozen=True)
class Shown:
    """A view of the plate from above, and what it runs."""

    view: View
    program: Program

    def look(self, cold: float = 0.0, hot: float = 100.0, ranks: tuple[int, int] = (GOOD, GOOD)) -> Look:
        table = TagTable(2)
        table.value[:], table.quality[:] = (cold, hot), ranks
        return resolve(self.program, table, Options())

    def at(self, place: tuple[float, float]) -> list[int]:
        (x, y), *_ = pixels_of(self.view, np.array([[*place, 0.0]]))
        return self.view.render()[round(y), round(x), :3].astype(int).tolist()


def pixels_of(view: View, world: F8) -> F8:
    """Return the pixels (n, 2) of points of a plate that fills x and y 0…100 and is seen from above."""
    assert view.stage is not None
    x0, y0, _ = view.project(2)  # a corner marker at 10, 10 and another at 90, 90
    x1, y1, _ = view.project(3)
    share = (world[:, :2] - 10.0) / 80.0
    return np.column_stack([x0 + share[:, 0] * (x1 - x0), y0 + share[:, 1] * (y1 - y0)])


def plate() -> SceneArrays:
    vertex, triangle = sheet(60, 60)
    vertex[:, 2] = 0.0
    paths = ["/W", "/W/Plate", "/W/M1", "/W/M2", "/W/Cold", "/W/Hot"]
    local = np.broadcast_to(np.eye(4), (6, 4, 4)).copy()
    local[2:, :2, 3] = [(10, 10), (90, 90), COLD, HOT]
    scene = scene_of(paths, [-1, 0, 0, 0, 0, 0], local=local, drawable=[False, True] + [False] * 4)
    box = np.array([0.0, 0, 0, 100, 100, 0])
    boxes = np.full((6, 6), np.nan)
    boxes[:2] = box
    boxes[2:, :3] = boxes[2:, 3:] = local[2:, :3, 3]
    own = np.tile(np.zeros(6, np.float32), (6, 1))
    own[:2] = box
    return replace(
        scene,
        point=vertex.astype(np.float32),
        normal=np.tile(np.array([0, 0, 1], np.float32), (len(vertex), 1)),
        point_prim=np.full(len(vertex), PLATE, np.uint32),
        triangle=triangle.astype(np.int32),
        proto=np.array([len(triangle)], np.int64),
        box=boxes,
        local_box=own,
    )


@pytest.fixture
def shown(view_of: ViewOf) -> Callable[..., Shown]:
    def make(**how: object) -> Shown:
        scene = plate()
        spec = FieldSpec(sensors=("/W/Cold", "/W/Hot"), **how)  # type: ignore[arg-type]
        field = Binding(
            name="f", prim="/W/Plate", channel="field", colormap="heat", ends=(0.0, 100.0), field=spec
        )
        tags = [Binding(name="t", prim=f"/W/{s}", signal=s.lower(), channel="label") for s in ("Cold", "Hot")]
        program, problems = compiled([field, *tags], scene, SPECS)
        assert problems == ()
        view = view_of(scene, size=SIZE)
        view.standard("top")
        out = Shown(view, program)
        view.apply(replace(out.look(), label=()))
        return out

    return make


def near(pixel: list[int], colour: U1 | tuple[int, int, int], within: int = 12) -> bool:
    return max(abs(a - int(b)) for a, b in zip(pixel, colour, strict=False)) <= within


def test_pixels_near_a_hot_sensor_are_hot_and_those_near_a_cold_one_are_cold(
    shown: Callable[..., Shown],
) -> None:
    plate = shown()
    assert near(plate.at(HOT), HEAT[255])
    assert near(plate.at(COLD), HEAT[0])
    assert near(plate.at((50.0, 50.0)), HEAT[128])


def test_new_readings_change_the_picture_and_equal_ones_draw_nothing(shown: Callable[..., Shown]) -> None:
    plate = shown()
    plate.view.render()
    assert plate.view.apply(replace(plate.look(), label=())) == 0
    assert plate.view.apply(replace(plate.look(cold=100.0), label=())) == 1
    assert near(plate.at(COLD), HEAT[255])


def test_places_far_from_all_sensors_are_grey(shown: Callable[..., Shown]) -> None:
    plate = shown(max_distance=20.0)
    assert near(plate.at((50.0, 50.0)), DARK.equipment, 2)
    assert near(plate.at((50.0, 90.0)), DARK.equipment, 2)
    assert near(plate.at(HOT), HEAT[255])


def test_an_iso_line_is_drawn_where_the_field_has_its_value(shown: Callable[..., Shown]) -> None:
    plate = shown(iso_lines=1)  # at 50: half-way between the two
    assert near(plate.at((50.0, 50.0)), DARK.ink, 60)
    assert near(plate.at((50.0, 70.0)), DARK.ink, 60)
    assert near(plate.at(HOT), HEAT[255])
    without = shown()
    assert not near(without.at((50.0, 50.0)), DARK.ink, 60)


def test_a_field_that_is_level_at_a_line_is_not_all_line(shown: Callable[..., Shown]) -> None:
    plate = shown(iso_lines=1)
    plate.view.apply(replace(plate.look(cold=50.0, hot=50.0), label=()))
    assert near(plate.at((50.0, 50.0)), HEAT[128])


def test_a_field_whose_sensors_are_all_stale_is_hatched(shown: Callable[..., Shown]) -> None:
    plate = shown()
    plate.view.apply(replace(plate.look(ranks=(STALE, STALE)), label=()))
    around = plate.view.render()[140:160, 140:160, :3].reshape(-1, 3)
    colours = {tuple(c) for c in around.tolist()}
    assert colours == {tuple(DARK.equipment), tuple(DARK.ink)}


def test_without_the_field_the_surface_has_its_own_colour_again(shown: Callable[..., Shown]) -> None:
    plate = shown()
    own = base_look(plate.program.scene)
    plate.view.render()
    assert plate.view.apply(own) == 1
    assert near(plate.at(HOT), own.rgba[PLATE, :3], 1)
    plate.view.apply(replace(plate.look(), label=()))
    assert near(plate.at(HOT), HEAT[255])


def test_a_field_stays_where_the_scene_is_cut_open_and_while_the_eye_moves(
    shown: Callable[..., Shown],
) -> None:
    plate = shown()
    plate.view.section = Section(point=(50.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0))
    assert near(plate.at(COLD), HEAT[0])
    assert not near(plate.at(HOT), HEAT[255], 60)  # cut away
    plate.view.section = None
    assert plate.view.stage is not None
    plate.view.stage.pace.full_ms = 1_000.0  # as if the picture took a second: the eye's turn draws coarsely
    pose = plate.view.pose
    plate.view.orbit(30, 0)
    plate.view.pose = pose
    plate.view.render(hasty=True)
    assert plate.view.is_coarse
    plate.view.apply(replace(plate.look(cold=100.0), label=()))
    (x, y), *_ = pixels_of(plate.view, np.array([[*COLD, 0.0]]))
    hasty = plate.view.render(hasty=True)[round(y), round(x), :3].astype(int).tolist()
    assert near(hasty, HEAT[255])
