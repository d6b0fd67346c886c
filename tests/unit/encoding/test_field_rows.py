"""A field binding: from its sensors to the values of a look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.binding import Binding, FieldSpec, MapSpec
from armillary.model.look import Look
from armillary.model.quality import BAD, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench.synthetic import scene_of

# three cubes of 1 m in a row, 10 m apart, and two sensors without a body: beside the first and the last
PATHS = ["/W", "/W/A", "/W/B", "/W/C", "/W/S1", "/W/S2"]
SPECS = (
    TagSpec(slot=0, name="s1.temp", unit="°C", title="Deck temperature"),
    TagSpec(slot=1, name="s2.temp", unit="K"),
    TagSpec(slot=2, name="s2.strain"),
    TagSpec(slot=3, name="mode", kind="text"),
)
SENSORS = (
    Binding(name="t", prim="/W/S1", signal="s1.temp", channel="label"),
    Binding(name="t", prim="/W/S2", signal="s2.temp", channel="label"),
)
A, B, C = 1, 2, 3


@pytest.fixture(scope="module")
def scene() -> SceneArrays:
    local = np.broadcast_to(np.eye(4), (6, 4, 4)).copy()
    local[:, 0, 3] = [0, 0, 10, 20, 0, 20]
    return scene_of(PATHS, [-1, 0, 0, 0, 0, 0], local=local, drawable=[False, True, True, True, False, False])


def field(**how: object) -> Binding:
    spec = FieldSpec(**{"sensors": ("/W/S1", "/W/S2"), **how})  # type: ignore[arg-type]
    return Binding(name="f", prim="/W", channel="field", ends=(0.0, 100.0), field=spec)


def program_of(scene: SceneArrays, binding: Binding, *more: Binding) -> Program:
    program, problems = compiled([binding, *(more or SENSORS)], scene, SPECS)
    assert problems == ()
    return program


def look_of(program: Program, *, values: tuple[float, float], ranks: tuple[int, int] = (GOOD, GOOD)) -> Look:
    table = TagTable(len(SPECS))
    table.value[:2], table.quality[:] = values, GOOD
    table.quality[:2] = ranks
    return resolve(program, table, Options())


def of(program: Program, look: Look, prim: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    assert look.fields is not None
    return look.field_value[program.scene.point_prim[look.fields.point] == prim]


def test_parts_near_a_sensor_show_its_reading_and_those_between_a_mixture(scene: SceneArrays) -> None:
    program = program_of(scene, field())
    look = look_of(program, values=(20.0, 353.15))  # 80 °C: each reading in its own unit
    assert of(program, look, A) == pytest.approx(0.2, abs=0.01)
    assert of(program, look, C) == pytest.approx(0.8, abs=0.01)
    assert of(program, look, B) == pytest.approx(0.5, abs=0.1)


def test_beyond_the_greatest_distance_there_is_no_value(scene: SceneArrays) -> None:
    program = program_of(scene, field(max_distance=5.0))
    look = look_of(program, values=(20.0, 300.0))
    assert np.isnan(of(program, look, B)).all()
    assert not np.isnan(of(program, look, A)).any()


def test_lengths_are_in_units_of_the_stage(scene: SceneArrays) -> None:
    centimetres = replace(scene, meters_per_unit=0.01)
    program = program_of(centimetres, field(max_distance=500.0))
    assert np.isnan(of(program, look_of(program, values=(20.0, 300.0)), B)).all()


@pytest.mark.parametrize(
    ("ranks", "shown"),
    [
        ((GOOD, GOOD), GOOD),
        ((GOOD, UNCERTAIN), UNCERTAIN),
        ((GOOD, STALE), UNCERTAIN),
        ((BAD, GOOD), UNCERTAIN),
        ((STALE, NEVER), STALE),
        ((NEVER, NEVER), NEVER),
    ],
)
def test_a_lost_sensor_makes_a_field_uncertain_and_only_all_of_them_make_it_stale(
    scene: SceneArrays, ranks: tuple[int, int], shown: int
) -> None:
    look = look_of(program_of(scene, field()), values=(20.0, 300.0), ranks=ranks)
    assert look.state[[A, B, C]].tolist() == [shown] * 3


def test_the_others_speak_for_a_sensor_that_is_stale(scene: SceneArrays) -> None:
    program = program_of(scene, field())
    look = look_of(program, values=(20.0, 999.0), ranks=(GOOD, STALE))
    assert (look.field_value == np.float32(0.2)).all()


def test_a_stricter_age_limit_of_the_field_takes_a_sensor_out(scene: SceneArrays) -> None:
    program = program_of(scene, replace(field(), stale_after_s=1.0))
    table = TagTable(len(SPECS))
    table.value[:2], table.quality[:] = (20.0, 300.0), GOOD
    table.alive_mono_ns[:2] = (10_000_000_000, 1)
    look = resolve(program, table, Options(now_mono_ns=10_000_000_001))
    assert (look.field_value == np.float32(0.2)).all()


def test_readings_beyond_the_clamp_stay_at_it(scene: SceneArrays) -> None:
    program = program_of(scene, replace(field(), map=MapSpec(clamp=(0.0, 50.0))))
    assert look_of(program, values=(90.0, 400.0)).field_value == pytest.approx(0.5)


def test_of_several_signals_of_a_sensor_one_is_named(scene: SceneArrays) -> None:
    strain = Binding(name="strain", prim="/W/S2", signal="s2.strain", channel="translate")
    _, problems = compiled([field(), *SENSORS, strain], scene, SPECS)
    assert [(p.code, "strain, t" in p.what) for p in problems] == [("B05", True)]
    named = field(sensors=("/W/S1", "/W/S2.twin:strain:signal"))
    program, problems = compiled([named, *SENSORS, strain], scene, SPECS)
    assert problems == ()
    assert program.fields[0].tag.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("wrong", "code", "what"),
    [
        (field(sensors=()), "B05", "no sensor"),
        (field(sensors=("/W/S1", "/W/S9")), "B04", "no prim '/W/S9'"),
        (field(sensors=("/W/S1", "/W/A")), "B05", "no binding with a signal"),
        (field(method="rbf"), "B02", "needs a radius"),
        (
            replace(field(), map=MapSpec(kind="steps", state_keys=("0",), state_values=("1",))),
            "B07",
            "no map",
        ),
        (replace(field(), colormap="haet"), "B12", "not known"),
        (replace(field(), ends=(1.0, 1.0)), "B02", "empty"),
        (replace(field(), targets=("/W/S1",)), "B07", "no mesh"),
        (replace(field(), unit="bar"), "B13", "different things"),
    ],
)
def test_a_field_that_cannot_run_is_named(scene: SceneArrays, wrong: Binding, code: str, what: str) -> None:
    _, problems = compiled([wrong, *SENSORS], scene, SPECS)
    assert code in [p.code for p in problems]
    assert any(what in p.what for p in problems), problems


def test_the_legend_tells_the_step_of_the_iso_lines_and_of_places_without_a_sensor(
    scene: SceneArrays,
) -> None:
    (legend,) = program_of(scene, field(iso_lines=4)).legends[:1]
    assert (legend.unit, legend.low, legend.high) == ("°C", "0", "100")
    assert [s.text for s in legend.steps] == ["a line every 20 °C", "no sensor near"]
    dark = (legend.bar.astype(int).sum(axis=1) < 100).nonzero()[0]
    assert dark[::2].tolist() == [51, 102, 153, 204]


def test_weights_are_made_once_for_the_same_field(scene: SceneArrays) -> None:
    one, two = (program_of(scene, field(radius=30.0)) for _ in range(2))
    assert one.fields[0].weights is two.fields[0].weights
    other = program_of(scene, field(radius=31.0))
    assert other.fields[0].weights is not one.fields[0].weights
