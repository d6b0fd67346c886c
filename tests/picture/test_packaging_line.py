"""The packaging line in pixels: a zone has its temperature's colour, and a unit is where its tag says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.resolve import Options, resolve
from armillary.model import places
from armillary.model.arrays import U1
from armillary.model.quality import GOOD, STALE
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.scene import sidecar
from armillary.scene.load import load
from armillary.viewport.view import View

FOLDER = places.data("scenes/packaging-line")
Show = Callable[..., U1]


class Line:
    """The shipped scene with its shipped bindings, over a table that a test fills."""

    def __init__(self, view_of: Callable[..., View]) -> None:
        from pxr import Usd  # after sidecar, which registers the schema

        self.scene = load(Usd.Stage.Open(str(FOLDER / "scene.usda")))
        project = projects.read(FOLDER)
        bindings, _ = sidecar.read([str(FOLDER / "bindings.usda")])
        program, problems = compiled(bindings, self.scene, project.specs, project.colormaps)
        assert problems == ()
        self.program = program
        self.slot = {spec.name: spec.slot for spec in project.specs}
        self.table = TagTable(len(project.specs))
        self.table.quality[:] = GOOD
        for name, slot in self.slot.items():
            if name.endswith(".position") and name.startswith("U-"):
                self.table.value[slot] = -1.0
        for name in ("TT-211", "TT-212", "TT-213", "TT-214"):
            self.tell(f"{name}.value", 70.0)
        self.view = view_of(self.scene, size=(1000, 400))
        self.view.standard("front")

    def tell(self, tag: str, value: float, rank: int = GOOD) -> None:
        self.table.value[self.slot[tag]] = value
        self.table.quality[self.slot[tag]] = rank

    def colour(self, prim: str) -> tuple[int, ...]:
        """What the prim is painted in now."""
        look = resolve(self.program, self.table, Options())
        return tuple(look.rgba[self.scene.prim_path.index(prim), :3].tolist())

    def where(self, colour: tuple[int, ...]) -> tuple[float, int]:
        """Mean x and count of the pixels of a colour."""
        self.view.apply(resolve(self.program, self.table, Options()))
        picture = self.view.render()
        _, x = np.nonzero((picture[:, :, :3] == np.array(colour, np.uint8)).all(axis=2))
        return (float(x.mean()) if len(x) else np.nan), len(x)


@pytest.fixture
def line(view_of: Callable[..., View]) -> Line:
    return Line(view_of)


def test_a_zone_has_the_colour_of_its_temperature_and_no_other_zone_has(line: Line) -> None:
    cool = line.colour("/Line/Oven/Zone2/Casing")
    line.tell("TT-212.value", 86.0)
    hot = line.colour("/Line/Oven/Zone2/Casing")
    assert hot != cool
    assert hot[0] > hot[2] + 40, "warm, not one of the hues of an alarm"
    assert line.colour("/Line/Oven/Zone3/Casing") == cool
    of_hot, n_hot = line.where(hot)
    of_cool, n_cool = line.where(cool)
    assert n_hot > 150
    assert 2.5 < n_cool / n_hot < 3.5, "three zones beside it"
    line.tell("TT-212.value", 86.0, STALE)
    assert line.where(hot)[1] < n_hot / 10, "a stale one is hatched"
    assert of_hot < of_cool, "the second of four is left of their middle"


def test_a_unit_rides_along_the_belt_to_where_its_tracker_says(line: Line) -> None:
    line.tell("U-01.temperature", 20.0)
    cold = line.colour("/Line/Units/U_01/Product")
    assert line.where(cold)[1] == 0, "no unit, nothing to be seen"
    line.tell("U-01.position", 0.9)
    before, seen = line.where(cold)
    assert seen > 5
    line.tell("U-01.position", 11.4)
    after, seen = line.where(cold)
    assert seen > 5
    line.tell("U-01.position", 12.4)
    metre = line.where(cold)[0] - after
    assert metre > 10
    assert after - before == pytest.approx(10.5 * metre, rel=0.1)
