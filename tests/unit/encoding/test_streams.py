"""A list of one value for each point of a mesh: from the tag's array to the values of a look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.encoding.surfaces import misfits
from armillary.model.binding import Binding, MapSpec
from armillary.model.look import Look
from armillary.model.quality import BAD, GOOD, NEVER, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench.synthetic import scene_of

# cubes as a loader makes them: 24 drawn points for 8 of the file
SPECS = (
    TagSpec(slot=0, name="shell.temps", kind="array", unit="°C", title="Shell"),
    TagSpec(slot=1, name="plain"),
)
A, B = 1, 2
BIND = Binding(
    name="p", prim="/W/A", channel="primvar", signal="shell.temps", colormap="heat", ends=(0.0, 70.0)
)


@pytest.fixture(scope="module")
def scene() -> SceneArrays:
    made = scene_of(["/W", "/W/A", "/W/B"], [-1, 0, 0], drawable=[False, True, True])
    corner = np.zeros(len(made.point), np.int32)
    for prim in (A, B):
        own = made.point_prim == prim
        corner[own] = np.unique(made.point[own], axis=0, return_inverse=True)[1].reshape(-1)
    return replace(made, point_vertex=corner, vertices=np.array([0, 8, 8], np.int32))


def program_of(scene: SceneArrays, binding: Binding = BIND) -> Program:
    program, problems = compiled([binding], scene, SPECS)
    assert problems == ()
    return program


def look_of(program: Program, values: object, rank: int = GOOD) -> Look:
    table = TagTable(len(SPECS))
    table.quality[:] = rank
    if values is not None:
        table.array[0] = np.array(values, np.float32)
    return resolve(program, table, Options())


def test_every_point_shows_the_value_of_its_place_in_the_file(scene: SceneArrays) -> None:
    program = program_of(scene)
    look = look_of(program, range(0, 80, 10))
    assert look.fields is not None
    assert set(scene.point_prim[look.fields.point]) == {A}
    np.testing.assert_allclose(
        look.field_value, scene.point_vertex[look.fields.point] * 10.0 / 70.0, rtol=1e-6
    )
    assert look.state[A] == GOOD


def test_the_map_and_the_unit_apply_to_every_value(scene: SceneArrays) -> None:
    kelvin = replace(BIND, unit="K", ends=(273.15, 373.15), map=MapSpec(clamp=(0.0, 323.15)))
    look = look_of(program_of(scene, kelvin), [0, 25, 50, 75, 100, 0, 0, 0])
    assert sorted({round(float(v), 3) for v in look.field_value}) == [0.0, 0.25, 0.5]


def test_a_place_without_a_value_is_grey_and_the_others_stay(scene: SceneArrays) -> None:
    look = look_of(program_of(scene), [np.nan, 7, 7, 7, 7, 7, 7, 7])
    assert look.fields is not None
    empty = scene.point_vertex[look.fields.point] == 0
    assert np.isnan(look.field_value[empty]).all()
    np.testing.assert_allclose(look.field_value[~empty], 0.1, rtol=1e-6)


@pytest.mark.parametrize("rank", [STALE, BAD])
def test_a_list_that_is_stale_or_bad_shows_no_value_of_it(scene: SceneArrays, rank: int) -> None:
    look = look_of(program_of(scene), range(8), rank)
    assert np.isnan(look.field_value).all()
    assert look.state[A] == rank
    assert look.state[B] == GOOD


def test_before_a_list_has_come_the_mesh_says_never(scene: SceneArrays) -> None:
    look = look_of(program_of(scene), None)
    assert np.isnan(look.field_value).all()
    assert look.state[A] == NEVER


def test_a_list_of_another_length_is_named_with_both_lengths_and_not_drawn(scene: SceneArrays) -> None:
    program = program_of(scene)
    look = look_of(program, range(7))
    assert np.isnan(look.field_value).all()
    assert look.state[A] == BAD
    [problem] = misfits(program.fields, {0: np.zeros(7, np.float32)}, scene, SPECS)
    assert problem.code == "B22"
    assert problem.what == "/W/A has 8 points, the list shell.temps 7 values."
    assert misfits(program.fields, {0: np.zeros(8, np.float32)}, scene, SPECS) == ()
    assert misfits(program.fields, {}, scene, SPECS) == ()


def test_an_age_limit_of_the_binding_makes_the_list_stale(scene: SceneArrays) -> None:
    program = program_of(scene, replace(BIND, stale_after_s=1.0))
    table = TagTable(len(SPECS))
    table.quality[:] = GOOD
    table.array[0] = np.arange(8, dtype=np.float32)
    look = resolve(program, table, Options(now_mono_ns=3_000_000_000))
    assert look.state[A] == STALE
    assert np.isnan(look.field_value).all()


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"signal": "plain"}, "B07", "no list"),
        ({"channel": "displayColor"}, "B07", "list of numbers"),
        ({"map": MapSpec(kind="steps", state_keys=("1",), state_values=("1",))}, "B07", "no map"),
        ({"ends": (3.0, 3.0)}, "B02", "empty"),
    ],
)
def test_what_a_list_cannot_drive_is_refused(
    scene: SceneArrays, change: dict[str, object], code: str, word: str
) -> None:
    program, [problem] = compiled([replace(BIND, **change)], scene, SPECS)  # type: ignore[arg-type]
    assert program.fields == ()
    assert problem.code == code
    assert word in problem.what


def test_a_shape_that_is_no_mesh_of_the_file_has_no_points_to_colour(scene: SceneArrays) -> None:
    cube = replace(scene, point_vertex=np.full(len(scene.point), -1, np.int32))
    _, [problem] = compiled([BIND], cube, SPECS)
    assert problem.code == "B07"
    assert "no mesh" in problem.what


def test_a_field_and_a_list_on_one_mesh_are_told_and_the_later_one_is_drawn(scene: SceneArrays) -> None:
    twice = replace(BIND, name="q", ends=(0.0, 700.0))
    program, [problem] = compiled([BIND, twice], scene, SPECS)
    assert problem.code == "B10"
    look = look_of(program, [70.0] * 8)
    half = len(look.field_value) // 2
    np.testing.assert_allclose(look.field_value[half:], 0.1, rtol=1e-6)
