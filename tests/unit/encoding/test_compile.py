import dataclasses

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.model.binding import Binding, ColourMap, MapSpec
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec

SPECS = (
    TagSpec(slot=0, name="tank.temp", unit="°C", link="site", address="t#c", title="Tank"),
    TagSpec(slot=1, name="valve.open", kind="bool", link="plc", address="ns=1;s=V"),
    TagSpec(slot=2, name="tank.mode", kind="text"),
)


def binding(prim: str, signal: str = "tank.temp", **more: object) -> Binding:
    return Binding(name="b", prim=prim, signal=signal, origin=f"bindings.usda:{prim}#b", **more)  # type: ignore[arg-type]


def problems_of(scene: SceneArrays, *bindings: Binding) -> tuple[SceneProblem, ...]:
    return compiled(bindings, scene, SPECS)[1]


def test_colour_on_a_prim_without_geometry_goes_to_its_drawn_descendants(scene: SceneArrays) -> None:
    program, problems = compiled([binding("/Plant/Tank")], scene, SPECS)
    assert problems == ()
    assert program.paint.prim.tolist() == [2, 3]
    assert program.mark_prim.tolist() == [2, 3]


def test_colour_on_a_drawn_prim_stays_with_it(scene: SceneArrays) -> None:
    program, _ = compiled([binding("/Plant/Arm/Hand")], scene, SPECS)
    assert program.paint.prim.tolist() == [5]


def test_targets_are_driven_instead_of_the_prim_that_carries_the_binding(scene: SceneArrays) -> None:
    program, _ = compiled([binding("/Plant", targets=("/Plant/Sign", "/Plant/Tank/Lid"))], scene, SPECS)
    assert program.paint.prim.tolist() == [3, 7]


def test_a_tag_can_be_named_by_its_address(scene: SceneArrays) -> None:
    program, problems = compiled([binding("/Plant/Sign", "", address="plc!ns=1;s=V")], scene, SPECS)
    assert problems == ()
    assert program.binding_slot.tolist() == [1]


@pytest.mark.parametrize(
    ("wrong", "code", "what", "remedy"),
    [
        (binding("/Plant/Tnak"), "B04", "no prim '/Plant/Tnak'", "Did you mean '/Plant/Tank'"),
        (binding("/Plant/Tank", "tank.tmp"), "B05", "'tank.tmp' is not known", "Did you mean 'tank.temp'"),
        (binding("/Plant/Tank", ""), "B05", "names no signal", "twins.json"),
        (binding("/Plant/Tank", colormap="haet"), "B12", "'haet' is not known", "Did you mean 'heat'"),
        (
            binding("/Plant/Tank", channel="georeference"),
            "B07",
            "'georeference' is not drawn",
            "displayColor",
        ),
        (binding("/Plant/Tank", unit="bar"), "B13", "different things", "same dimension"),
        (binding("/Plant/Tank", unit="furlongs_per"), "B13", "not known", "spelling"),
        (binding("/Plant/Tank", ends=(5.0, 5.0)), "B02", "is empty", "two different ends"),
        (binding("/Plant/Tank", map=MapSpec(kind="expr", expr="x +")), "B14", "(in 'x +'", ""),
        (binding("/Plant/Tank", map=MapSpec(kind="expr", expr="nobody * 2")), "B14", "'nobody'", ""),
        (binding("/Plant/Tank", map=MapSpec(kind="expr", expr="__import__('os')")), "B14", "", ""),
        (
            binding(
                "/Plant/Tank", map=MapSpec(kind="states", state_keys=("1", "2"), state_values=("#000000",))
            ),
            "B02",
            "2 keys and 1 values",
            "one value for each key",
        ),
        (
            binding(
                "/Plant/Tank",
                map=MapSpec(kind="steps", state_keys=("5", "1"), state_values=("#000000", "#ffffff")),
            ),
            "B02",
            "ascending",
            "Sort",
        ),
        (
            binding("/Plant/Tank", map=MapSpec(kind="states", state_keys=("1",), state_values=("red",))),
            "B02",
            "neither a colour nor a number",
            "#rrggbb",
        ),
        (binding("/Plant/Tank", map=MapSpec(kind="linear", scale=float("nan"))), "B02", "finite", ""),
        (binding("/Plant/Tank", channel="rotate", axis="xyz"), "B02", "no axis 'xyz'", "x, y or z"),
        (binding("/Plant/Tank", channel="variant"), "B07", "no variant set", "property"),
        (binding("/Plant/Tank", map=MapSpec(kind="cubic")), "B02", "'cubic' is not known", "linear"),
    ],
    ids=lambda v: v.channel + ":" + v.signal if isinstance(v, Binding) else None,
)
def test_a_binding_that_cannot_run_is_named_with_its_place_and_the_rest_goes_on(
    scene: SceneArrays, wrong: Binding, code: str, what: str, remedy: str
) -> None:
    good = Binding(name="good", prim="/Plant/Sign", signal="tank.temp")
    program, problems = compiled([wrong, good], scene, SPECS)
    assert len(problems) == 1
    assert problems[0].code == code
    assert what in problems[0].what
    assert remedy in problems[0].remedy
    assert problems[0].where.startswith("bindings.usda:/Plant/T")
    assert program.bindings == (good,)
    assert program.paint.prim.tolist() == [7]


def test_one_unknown_target_of_several_is_named_and_the_others_are_driven(scene: SceneArrays) -> None:
    program, problems = compiled([binding("/Plant", targets=("/Plant/Gone", "/Plant/Sign"))], scene, SPECS)
    assert [p.code for p in problems] == ["B04"]
    assert program.paint.prim.tolist() == [7]


def test_of_two_bindings_on_one_channel_the_later_wins_with_a_warning(scene: SceneArrays) -> None:
    first = Binding(name="one", prim="/Plant/Sign", signal="tank.temp")
    second = Binding(name="two", prim="/Plant/Sign", signal="valve.open")
    program, problems = compiled([first, second], scene, SPECS)
    assert [(p.code, p.severity) for p in problems] == [("B10", "warning")]
    assert program.ramp.source[program.paint.row].tolist() == [1]


def test_disabled_bindings_and_those_that_are_no_look_are_left_out_in_silence(scene: SceneArrays) -> None:
    out = [binding("/Plant/Sign", enabled=False), binding("/Plant/Sign", intent="command")]
    program, problems = compiled(out, scene, SPECS)
    assert (program.bindings, problems) == ((), ())


def test_units_are_converted_once_when_compiled(scene: SceneArrays) -> None:
    program, _ = compiled([binding("/Plant/Sign", unit="°F", ends=(32.0, 212.0))], scene, SPECS)
    row = program.ramp
    at = [float(c * row.a[0] + row.b[0]) for c in (0.0, 100.0)]
    assert at == pytest.approx([0.0, 255.0])


def test_each_colour_map_and_range_in_use_has_one_legend(scene: SceneArrays) -> None:
    maps = [ColourMap(name="mine", kind="linear", stops=((0.0, "#000000"), (1.0, "#ffffff")))]
    both = [
        binding("/Plant/Sign", colormap="mine", ends=(0.0, 80.0)),
        binding("/Plant/Tank", colormap="mine", ends=(0.0, 80.0)),
    ]
    program, _ = compiled(both, scene, SPECS, maps)
    assert [(each.name, each.low, each.high, each.unit) for each in program.legends] == [
        ("mine", "0", "80", "°C")
    ]


def test_no_bindings_make_an_empty_program(scene: SceneArrays) -> None:
    program, problems = compiled([], scene, ())
    assert problems == ()
    assert program.entries == 0
    assert len(program.moves.moved) == 0


def test_the_arrays_of_a_program_cannot_be_written(scene: SceneArrays) -> None:
    program, _ = compiled([binding("/Plant/Tank"), binding("/Plant/Arm", channel="rotate")], scene, SPECS)
    for field in dataclasses.fields(program):
        value = getattr(program, field.name)
        if isinstance(value, np.ndarray) and value.size:
            assert not value.flags.writeable, field.name
