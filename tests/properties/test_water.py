"""Conservation laws of the demonstration plant's hydraulics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary_plugins.demo_plant.hydraulics import drive, exchange, operating_point, travelled
from armillary_plugins.demo_plant.signals import SETPOINTS
from armillary_plugins.demo_plant.station import Station

volumes = st.floats(0.0, 500.0)
ACTIONS = st.tuples(
    st.sampled_from(sorted(SETPOINTS)), st.floats(0.0, 1.0), st.floats(0.05, 1.0), st.integers(1, 40)
)


@given(st.floats(0.0, 4.0), volumes, volumes)
def test_a_tank_neither_makes_nor_loses_water(level_m: float, inflow_m3: float, wanted_m3: float) -> None:
    row = np.array([level_m])
    level, share, spilled = exchange(row, np.array([19.6]), 4.0, np.array([inflow_m3]), np.array([wanted_m3]))
    assert 0.0 <= share[0] <= 1.0
    assert spilled[0] >= 0.0
    assert -1e-12 <= level[0] <= 4.0 + 1e-12
    left = inflow_m3 - share[0] * wanted_m3 - spilled[0]
    assert 19.6 * level[0] == pytest.approx(19.6 * level_m + left, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.lists(ACTIONS, max_size=8))
def test_all_water_of_the_station_is_accounted_for_whatever_is_done(
    seed: int, actions: list[tuple[str, float, float, int]]
) -> None:
    station = Station(seed)
    before = sum(tank.volume_m3 for tank in station.tank)
    for name, share, dt_s, steps in actions:
        signal = SETPOINTS[name]
        station.set(name, signal.low + share * (signal.high - signal.low))
        for _ in range(steps):
            station.step(dt_s)
    book = station.ledger
    stored = sum(tank.volume_m3 for tank in station.tank) - before
    assert stored == pytest.approx(book.supplied - book.delivered - book.spilled - book.drained, abs=1e-9)
    assert min(book.supplied, book.delivered, book.spilled, book.drained) >= 0.0
    assert all(math.isfinite(v) for v in station.values().values())


@given(
    st.lists(st.tuples(st.floats(-2.0, 8.0), st.floats(0.0, 60.0)), min_size=2, max_size=2),
    st.floats(100.0, 1e5),
    st.floats(-2.0, 40.0),
    st.floats(100.0, 1e12),
)
def test_pumps_give_what_the_system_takes_at_the_head_of_the_header(
    pumps: list[tuple[float, float]], branch: float, static_m: float, loss: float
) -> None:
    ends = [drive(np.array([suction]), np.array([shutoff])) for suction, shutoff in pumps]
    k, system, shut = np.array([branch]), np.array([loss]), np.array([False])
    head, *flows = operating_point(ends[0], ends[1], k, static_m, system, shut)
    assert min(flows[0], flows[1]) >= 0.0
    assert head[0] >= static_m
    assert flows[0] + flows[1] == pytest.approx(np.sqrt((head - static_m) / loss), abs=1e-6)
    for end, flow in zip(ends, flows, strict=True):  # each gives what its curve says, or is held shut
        assert flow == pytest.approx(np.sqrt(np.maximum(end - head, 0.0) / branch), abs=1e-4)


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 20.0))
def test_a_valve_never_passes_its_setpoint_nor_travels_faster_than_its_stroke(
    position: float, setpoint: float, dt_s: float
) -> None:
    start = np.array([position])
    after = float((start + travelled(start, np.array([setpoint]), 100.0 / 15.0 * dt_s))[0])
    assert abs(after - position) <= 100.0 / 15.0 * dt_s + 1e-9
    assert (after - setpoint) * (position - setpoint) >= -1e-9
