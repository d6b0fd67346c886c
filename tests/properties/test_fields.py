"""Laws of fields on a mesh, on random sheets and sensors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.encoding.field import METHODS, Weights, interpolate, weights, weld
from armillary.model.arrays import F8, I8

SIDE = 9  # vertices along each edge of a sheet of 8 m


def sheet(side: int = SIDE) -> tuple[F8, I8]:
    x, y = np.meshgrid(np.arange(side, dtype=np.float64), np.arange(side, dtype=np.float64))
    vertex = np.column_stack([x.ravel(), y.ravel(), np.zeros(side * side)])
    at = np.arange(side * side).reshape(side, side)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel()
    return vertex, np.concatenate([np.column_stack([a, b, c]), np.column_stack([b, d, c])])


@st.composite
def fields(draw: st.DrawFn) -> tuple[F8, Weights]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sensor = rng.uniform(-1, SIDE, (draw(st.integers(1, 12)), 3)) * [1, 1, 0.1]
    method = draw(st.sampled_from(METHODS))
    made = weights(
        *sheet(),
        sensor,
        method=method,
        radius=draw(st.sampled_from([1.5, 4.0] if method == "rbf" else [0.0, 2.0, 4.0])),
        neighbours=draw(st.integers(1, 8)),
        max_distance=draw(st.sampled_from([0.0, 3.0])),
        power=draw(st.sampled_from([1.0, 2.0, 3.5])),
    )
    return sensor, made


@given(fields())
@settings(max_examples=80, deadline=None)
def test_weights_are_shares_that_sum_to_one_where_a_sensor_reaches(field: tuple[F8, Weights]) -> None:
    _, made = field
    total = np.asarray(made.matrix.sum(axis=1)).ravel()
    assert (made.matrix.data > 0).all()
    assert total[~made.empty] == pytest.approx(1.0, abs=1e-5)
    assert (total[made.empty] == 0).all()


@given(fields(), st.floats(-1e6, 1e6), st.integers(0, 2**12 - 1))
@settings(max_examples=80, deadline=None)
def test_equal_readings_are_that_reading_everywhere_whichever_sensors_are_lost(
    field: tuple[F8, Weights], reading: float, lost: int
) -> None:
    sensor, made = field
    works = np.array([not lost >> i & 1 for i in range(len(sensor))])
    value = interpolate(made, np.full(len(sensor), reading), works)
    known = ~np.isnan(value)
    assert (value[known] == np.float32(reading)).all()
    assert not known[made.empty].any()
    if works.all():
        assert known[~made.empty].all()


@given(fields(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_field_is_linear_in_its_readings_and_never_beyond_them(
    field: tuple[F8, Weights], seed: int
) -> None:
    sensor, made = field
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-10, 10, (2, len(sensor)))
    works = rng.random(len(sensor)) < 0.8
    one, two = interpolate(made, a, works), interpolate(made, b, works)
    both = interpolate(made, 3 * a - 2 * b, works)
    assert both == pytest.approx(3 * one - 2 * two, abs=1e-3, nan_ok=True)
    if works.any() and not np.isnan(one).all():
        assert np.nanmin(one) >= a[works].min() - 1e-4
        assert np.nanmax(one) <= a[works].max() + 1e-4


@given(st.integers(0, 2**32 - 1), st.sampled_from(["idw", "rbf"]))
@settings(max_examples=40, deadline=None)
def test_a_field_without_a_sensor_is_the_field_of_the_others(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    vertex, triangle = sheet()
    sensor, reading = rng.uniform(0, SIDE - 1, (6, 3)) * [1, 1, 0], rng.uniform(0, 1, 6)
    works = np.arange(6) != 2
    how = {"method": method, "radius": 5.0}
    lost = interpolate(weights(vertex, triangle, sensor, **how), reading, works)  # type: ignore[arg-type]
    never = interpolate(
        weights(vertex, triangle, sensor[works], **how),  # type: ignore[arg-type]
        reading[works],
        np.ones(5, np.bool_),
    )
    known = ~np.isnan(lost) & ~np.isnan(never)
    assert lost[known] == pytest.approx(never[known], abs=2e-3)
    assert known.sum() >= 0.9 * (~np.isnan(never)).sum()
    assert not (np.isnan(never) & ~np.isnan(lost)).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_vertex_out_of_reach_has_no_value(method: str) -> None:
    vertex, triangle = sheet()
    made = weights(vertex, triangle, np.zeros((1, 3)), method=method, radius=3.5)
    value = interpolate(made, np.array([7.0]), np.array([True]))
    far = np.linalg.norm(vertex, axis=1) > 3.5
    assert np.isnan(value[far]).all()
    assert (value[np.linalg.norm(vertex, axis=1) < 2.4] == 7.0).all()


@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_a_reading_that_is_no_number_counts_as_lost(lost: float) -> None:
    vertex, triangle = sheet()
    made = weights(vertex, triangle, np.array([[0.0, 0, 0], [8, 8, 0]]))
    value = interpolate(made, np.array([lost, 5.0]), np.array([True, True]))
    assert (value == 5.0).all()
    assert np.isnan(interpolate(made, np.array([lost, 5.0]), np.array([True, False]))).all()


def test_idw_meets_its_sensors() -> None:
    vertex, triangle = sheet()
    sensor = vertex[[0, 8, 40, 72, 80, 20, 60, 24, 56, 30, 50]]
    reading = np.linspace(0.0, 10.0, len(sensor))
    value = interpolate(weights(vertex, triangle, sensor), reading, np.ones(len(sensor), np.bool_))
    assert value[[0, 8, 40, 72, 80]] == pytest.approx(reading[:5], abs=1e-3)


def test_along_the_surface_nothing_passes_through_the_air() -> None:
    """Two plates, 0.1 m apart, joined only at the far edge: the near sensor is on the other plate."""
    lower, triangle = sheet()
    upper = lower + np.array([0.0, 0.0, 0.1])
    rim = np.arange(SIDE - 1, SIDE * SIDE, SIDE)  # x = 8 m
    bridge = np.column_stack([rim[:-1], rim[1:], rim[:-1] + len(lower)])
    every = np.concatenate([triangle, triangle + len(lower), bridge])
    sensor = np.array(
        [[0.0, 4.0, 0.0], [8.0, 4.0, 0.1]]
    )  # one at the open end of the lower plate, one at the rim
    vertex = np.vstack([lower, upper])
    made = interpolate(
        weights(vertex, every, sensor, method="surface"), np.array([1.0, 2.0]), np.array([True, True])
    )
    above_sensor = len(lower) + 4 * SIDE  # 0.1 m over the first sensor, 16 m of plate away from it
    assert made[4 * SIDE] == 1.0
    assert made[above_sensor] == 2.0
    through = interpolate(weights(vertex, every, sensor), np.array([1.0, 2.0]), np.array([True, True]))
    assert through[above_sensor] < 1.5


def test_points_of_faces_that_meet_are_one_vertex() -> None:
    point = np.array([[0.0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    distinct, which = weld(point)
    assert len(distinct) == 3
    assert (distinct[which] == point).all()
    assert weld(np.ones((4, 3)))[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"method": "rbf"}, "radius"),
        ({"method": "magic"}, "magic"),
        ({"neighbours": 0}, "neighbours"),
        ({"power": -1.0}, "power"),
    ],
)
def test_numbers_that_make_no_field_are_refused(how: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weights(*sheet(), np.zeros((1, 3)), **how)  # type: ignore[arg-type]
