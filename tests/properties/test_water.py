"""Conservation laws of the demonstration plant's hydraulics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary_plugins.demo_plant.hydraulics import Branch, Tank, Valve, operating_point
from armillary_plugins.demo_plant.signals import SETPOINTS
from armillary_plugins.demo_plant.station import Station

volumes = st.floats(0.0, 500.0)
ACTIONS = st.tuples(
    st.sampled_from(sorted(SETPOINTS)), st.floats(0.0, 1.0), st.floats(0.05, 1.0), st.integers(1, 40)
)


@given(st.floats(0.0, 4.0), volumes, volumes)
def test_a_tank_neither_makes_nor_loses_water(level_m: float, inflow_m3: float, wanted_m3: float) -> None:
    tank = Tank(19.6, 4.0, level_m)
    before = tank.volume_m3
    share, spilled = tank.exchange(inflow_m3, wanted_m3)
    assert 0.0 <= share <= 1.0
    assert spilled >= 0.0
    assert -1e-12 <= tank.level_m <= 4.0 + 1e-12
    assert tank.volume_m3 == pytest.approx(before + inflow_m3 - share * wanted_m3 - spilled, abs=1e-9)


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
    st.lists(
        st.tuples(st.floats(-2.0, 8.0), st.floats(0.0, 60.0), st.floats(100.0, 1e5)), min_size=1, max_size=4
    ),
    st.floats(-2.0, 40.0),
    st.floats(100.0, 1e7),
)
def test_pumps_give_what_the_system_takes_at_the_head_of_the_header(
    pumps: list[tuple[float, float, float]], static_m: float, loss: float
) -> None:
    branches = [Branch(*pump) for pump in pumps]
    head, flows = operating_point(branches, static_m, loss)
    assert min(flows) >= 0.0
    assert head >= static_m
    taken = math.sqrt((head - static_m) / loss)
    assert sum(flows) == pytest.approx(taken, abs=1e-4)


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 20.0))
def test_a_valve_never_passes_its_setpoint_nor_travels_faster_than_its_stroke(
    position: float, setpoint: float, dt_s: float
) -> None:
    valve = Valve(kv100=350.0, position=position, setpoint=setpoint)
    valve.move(dt_s)
    assert abs(valve.position - position) <= 100.0 / 15.0 * dt_s + 1e-9
    assert (valve.position - setpoint) * (position - setpoint) >= -1e-9
