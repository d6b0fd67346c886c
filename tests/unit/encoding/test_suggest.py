"""What a tag should drive: by what it measures, its unit and kind, and what the part is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armillary.encoding.branches import parts_of, proposed
from armillary.encoding.matching import Leaf, Part
from armillary.encoding.suggest import channels, suggest
from armillary.model.binding import Binding


def part(name: str) -> Part:
    return Part(path=("Plant", name), prim=f"/Plant/{name}")


def made(leaf: Leaf, name: str) -> Binding:
    found = suggest(leaf, part(name), name="b", signal="a.b")
    assert found is not None
    return found.binding


def test_a_position_in_percent_turns_a_valve_a_quarter() -> None:
    binding = made(Leaf(path=("XV-12", "position"), unit="%", low=0, high=100), "XV_12")
    assert (binding.channel, binding.axis, binding.map.clamp) == ("rotate", "z", (0.0, 90.0))
    assert binding.map.scale * 50 + binding.map.offset == pytest.approx(45)


def test_rpm_spins_a_rotor_and_colours_a_pump() -> None:
    leaf = Leaf(path=("P-1", "speed"), unit="rpm", low=0, high=3000)
    rotor = made(leaf, "Impeller")
    assert rotor.channel == "spin"
    assert rotor.map.scale * 60 == pytest.approx(2 * math.pi)  # 60 rpm is a turn a second
    assert made(leaf, "Pump_1").channel == "displayColor"


def test_a_setpoint_moves_nothing() -> None:
    leaf = Leaf(path=("P-1", "speed_sp"), unit="rpm", low=0, high=3000)
    assert made(leaf, "Impeller").channel == "displayColor"


def test_a_level_fills_the_water_and_not_the_tank() -> None:
    leaf = Leaf(path=("T-1", "level"), unit="%", low=0, high=100)
    water = made(leaf, "Water")
    assert (water.channel, water.map.scale) == ("level", 0.01)
    tank = made(leaf, "Tank_1")
    assert (tank.channel, tank.colormap, tank.ends) == ("displayColor", "level", (0.0, 100.0))


def test_temperatures_are_heat_and_a_missing_range_is_said_to_be_guessed() -> None:
    found = suggest(Leaf(path=("TT-1",), unit="°C"), part("Oven"), name="b", signal="t")
    assert found is not None
    assert (found.binding.colormap, found.binding.ends) == ("heat", (0.0, 100.0))
    assert found.says == "colour 'heat', 0…100 °C, guessed"


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("text", "Box", ("label",)),
        ("struct", "Box", ("label",)),
        ("enum", "Box", ("label",)),
        ("array", "Wall", ("primvar", "label")),
        ("bool", "Beacon", ("visibility", "highlight", "label")),
        ("bool", "Motor", ("highlight", "label")),
    ],
)
def test_kinds_have_their_channels(kind: str, name: str, wanted: tuple[str, ...]) -> None:
    assert channels(Leaf(path=("x",), kind=kind), part(name)) == wanted


def test_a_second_tag_of_a_part_takes_another_channel() -> None:
    leaves = [Leaf(path=("XV-12", "position"), unit="%"), Leaf(path=("XV-12", "torque"), unit="Nm")]
    lines = proposed(leaves, ["XV-12.position", "XV-12.torque"], [part("XV_12")], ())
    assert [line.suggestion and line.suggestion.binding.channel for line in lines] == [
        "rotate",
        "displayColor",
    ]
    assert [line.suggestion and line.suggestion.binding.name for line in lines] == [
        "bind_position",
        "bind_torque",
    ]


def test_what_is_bound_already_is_marked_or_left_out() -> None:
    leaves = [Leaf(path=("XV-12", "position"), unit="%")]
    same = Binding(name="old", prim="/Plant/XV_12", signal="XV-12.position", channel="rotate")
    assert proposed(leaves, ["XV-12.position"], [part("XV_12")], (same,)) == ()
    other = Binding(name="old", prim="/Plant/XV_12", signal="other", channel="rotate")
    [line] = proposed(leaves, ["XV-12.position"], [part("XV_12")], (other,))
    assert line.is_bound


def test_lines_without_a_part_come_last() -> None:
    leaves = [Leaf(path=("Zaphod",)), Leaf(path=("XV-12", "position"), unit="%")]
    lines = proposed(leaves, ["Zaphod", "XV-12.position"], [part("XV_12")], ())
    assert [(line.leaf, line.part) for line in lines] == [(1, 0), (0, -1)]


def test_materials_and_cameras_are_no_parts() -> None:
    scene = _Scene()
    branch = parts_of(scene)  # type: ignore[arg-type]  # only what is asked for
    assert [p.prim for p in branch.parts] == ["/A", "/A/B", "/A/B/C"]
    assert [p.above for p in branch.parts] == [-1, 0, 1]
    below = parts_of(scene, 2)  # type: ignore[arg-type]
    assert [(p.path, p.above) for p in below.parts] == [(("B",), -1), (("B", "C"), 0)]


class _Scene:
    """As much of a scene as its branches need."""

    def __init__(self) -> None:
        self.prim_path = ("/A", "/A/Paint", "/A/B", "/A/B/C", "/A/Cam", "/A/Looks")
        self.type_names = ("Xform", "Material", "Mesh", "Camera", "Scope")
        self.prim_type = np.array([0, 1, 0, 2, 3, 4], np.uint16)
        self.parent = np.array([-1, 0, 0, 2, 0, 0], np.int32)
        self.box = np.zeros((6, 6))
        self.box[5] = np.nan

    def __len__(self) -> int:
        return len(self.prim_path)
