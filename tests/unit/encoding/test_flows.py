"""Flow along a pipe: where its points are on the way, how fast stripes go, and which way."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.flows import pipe
from armillary.encoding.resolve import Options, resolve, spin_rates
from armillary.encoding.stripes import FASTEST
from armillary.model.arrays import F8
from armillary.model.binding import Binding, MapSpec
from armillary.model.look import FLOW
from armillary.model.quality import GOOD, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.scene.shapes import tube
from armillary_bench.synthetic import scene_of

SPECS = (
    TagSpec(slot=0, name="speed", unit="m/s"),
    TagSpec(slot=1, name="volume", unit="m³/h"),
    TagSpec(slot=2, name="bare"),
    TagSpec(slot=3, name="heat", unit="°C"),
)
PIPE = 1
RADIUS = 0.1


def along_line(corners: F8, radius: float = RADIUS) -> SceneArrays:
    """A scene with one pipe around a line of corners (n, 3)."""
    steps = [np.linspace(a, b, 20, endpoint=False) for a, b in itertools.pairwise(corners)]
    line = np.concatenate([*steps, corners[-1:]])
    made = tube(line, np.full(len(line), radius))
    assert made is not None
    scene = scene_of(["/W", "/W/Pipe"], [-1, 0])
    n = len(made.point)
    return replace(
        scene,
        point=made.point,
        normal=made.normal,
        point_prim=np.full(n, PIPE, np.uint32),
        triangle=made.triangle.astype(np.int32),
        proto=np.array([len(made.triangle)], np.int64),
    )


STRAIGHT = along_line(np.array([[0.0, 0, 0], [6, 0, 0]]))
BENT = along_line(np.array([[0.0, 0, 0], [4, 0, 0], [4, 3, 0], [0, 3, 0]]))


def bind(signal: str = "speed", **more: object) -> Binding:
    return Binding(name="f", prim="/W/Pipe", channel="flow", signal=signal, **more)  # type: ignore[arg-type]


def rate_of(scene: SceneArrays, binding: Binding, value: float, rank: int = GOOD) -> float:
    """Stripes a second."""
    program, problems = compiled([binding], scene, SPECS)
    assert problems == ()
    table = TagTable(len(SPECS))
    table.value[:], table.quality[:] = value, rank
    [rate] = spin_rates(program, table, Options()).tolist()
    return rate / (2 * np.pi)


def test_a_straight_pipe_is_measured_along_itself_from_where_its_file_begins() -> None:
    found = pipe(STRAIGHT, PIPE)
    assert found is not None
    np.testing.assert_allclose(found.along, STRAIGHT.point[found.point, 0], atol=1e-5)
    assert found.length == pytest.approx(6.0, rel=1e-3)
    assert found.width == pytest.approx(2 * RADIUS, rel=0.05)


def test_a_bent_pipe_is_measured_around_its_bends() -> None:
    found = pipe(BENT, PIPE)
    assert found is not None
    assert found.length == pytest.approx(11.0, rel=0.1)
    assert found.width == pytest.approx(2 * RADIUS, rel=0.3)
    x, y = BENT.point[found.point, 0], BENT.point[found.point, 1]
    third = [found.along[(y < 1)].mean(), found.along[(x > 3.5) & (y > 1) & (y < 2)].mean()]
    third.append(found.along[(y > 2.5) & (x < 3)].mean())
    assert third == sorted(third)


def test_a_pipe_with_a_slight_offset_is_no_thick_straight_one() -> None:
    found = pipe(along_line(np.array([[0.0, 0, 0], [4, 0, 0], [4.5, 1, 0], [9, 1, 0]]), 0.05), PIPE)
    assert found is not None
    assert found.width == pytest.approx(0.1, rel=0.3)
    assert found.length == pytest.approx(9.6, rel=0.1)


def test_an_axis_says_which_end_is_the_beginning() -> None:
    turned = along_line(np.array([[6.0, 0, 0], [0, 0, 0]]))
    forth, back = pipe(STRAIGHT, PIPE, 0), pipe(turned, PIPE, 0)
    assert forth is not None
    assert back is not None
    assert forth.along[STRAIGHT.point[forth.point, 0].argmax()] == pytest.approx(6.0, rel=1e-3)
    assert back.along[turned.point[back.point, 0].argmax()] == pytest.approx(6.0, rel=1e-3)


def test_what_draws_nothing_is_no_pipe() -> None:
    assert pipe(STRAIGHT, 0) is None


def test_stripes_go_as_fast_as_the_fluid_until_they_could_not_be_followed() -> None:
    found = pipe(STRAIGHT, PIPE)
    assert found is not None
    assert rate_of(STRAIGHT, bind(), 0.5) == pytest.approx(0.5 / found.stripe)
    assert rate_of(STRAIGHT, bind(), -0.5) == pytest.approx(-0.5 / found.stripe)
    assert rate_of(STRAIGHT, bind(), 1e6) == pytest.approx(FASTEST)
    assert rate_of(STRAIGHT, bind("bare"), 0.5) == pytest.approx(0.5 / found.stripe)  # m/s


def test_a_volume_flows_through_the_section_of_its_pipe() -> None:
    found = pipe(STRAIGHT, PIPE)
    assert found is not None
    area = np.pi * found.width**2 / 4
    assert rate_of(STRAIGHT, bind("volume"), 36.0) == pytest.approx(0.01 / area / found.stripe)


def test_stripes_stand_still_and_go_when_the_tag_is_stale() -> None:
    assert rate_of(STRAIGHT, bind(), 0.5, STALE) == 0.0
    program, _ = compiled([bind()], STRAIGHT, SPECS)
    table = TagTable(len(SPECS))
    table.value[:], table.quality[:] = 0.5, STALE
    look = resolve(program, table, Options(phase=np.zeros(1)))
    assert np.isnan(look.field_value).all()
    assert look.state[PIPE] == STALE


def test_where_nothing_flows_there_are_no_stripes() -> None:
    program, _ = compiled([bind()], STRAIGHT, SPECS)
    table = TagTable(len(SPECS))
    table.value[:], table.quality[:] = 0.0, GOOD
    assert np.isnan(resolve(program, table, Options(phase=np.zeros(1))).field_value).all()


def test_a_turn_of_the_phase_is_one_stripe_and_the_head_goes_first() -> None:
    program, _ = compiled([bind()], STRAIGHT, SPECS)
    table = TagTable(len(SPECS))
    table.quality[:] = GOOD
    table.value[:] = 0.5
    still = resolve(program, table, Options(phase=np.zeros(1)))
    quarter = resolve(program, table, Options(phase=np.array([np.pi / 2])))
    assert still.fields is not None
    assert still.fields.lines.tolist() == [FLOW]
    assert still.fields.prim.tolist() == []
    assert still.fields.flowing.tolist() == [PIPE]
    np.testing.assert_allclose(still.field_value - quarter.field_value, 0.25, atol=1e-5)
    x = STRAIGHT.point[still.fields.point, 0]
    assert np.corrcoef(x, still.field_value)[0, 1] > 0.99
    table.value[:] = -0.5
    back = resolve(program, table, Options(phase=np.zeros(1)))
    assert np.corrcoef(x, back.field_value)[0, 1] < -0.99


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        (bind("speed", target_unit="degC"), "B13"),
        (replace(bind(), prim="/W", targets=("/W/None",)), "B04"),
        (bind(axis="xyz"), "B02"),
        (bind(map=MapSpec(kind="states", state_keys=("1",), state_values=("fast",))), "B02"),
    ],
)
def test_what_cannot_flow_is_refused_and_leaves_nothing_behind(binding: Binding, code: str) -> None:
    program, problems = compiled([binding], STRAIGHT, SPECS)
    assert [p.code for p in problems] == [code]
    assert program.fields == ()
    assert len(program.spins) == 0


def test_states_of_a_tag_may_say_how_fast_it_flows() -> None:
    spec = MapSpec(kind="states", state_keys=("0", "1"), state_values=("0", "0.4"))
    found = pipe(STRAIGHT, PIPE)
    assert found is not None
    assert rate_of(STRAIGHT, bind("bare", map=spec), 1.0) == pytest.approx(0.4 / found.stripe)
    assert rate_of(STRAIGHT, bind("bare", map=spec), 0.0) == 0.0
