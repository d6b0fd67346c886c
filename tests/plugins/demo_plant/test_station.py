"""The station as physics: equal seeds, setpoints that act, machines that warm up, trips."""

from __future__ import annotations

import math

import pytest

from armillary_plugins.demo_plant.machines import RUNNING, STOPPED, TRIPPED
from armillary_plugins.demo_plant.signals import SIGNALS
from armillary_plugins.demo_plant.station import STEP_S, Station, daily


def run(station: Station, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        station.step(STEP_S)


def test_equal_seeds_give_equal_stations_and_others_do_not() -> None:
    one, same, other = Station(7), Station(7), Station(8)
    for station in (one, same, other):
        station.set("P-101A.SpeedSP", 1300.0)
        run(station, 20)
    assert one.values() == same.values()
    assert one.values()["FT-103.Flow"] != other.values()["FT-103.Flow"]


def test_every_node_of_the_server_has_a_value_inside_its_range() -> None:
    station = Station(1)
    for _ in range(3):
        run(station, 30)
        values = station.values()
        assert set(values) == {signal.name for signal in SIGNALS}
        outside = {s.name: values[s.name] for s in SIGNALS if not s.low <= values[s.name] <= s.high}
        assert outside == {}


def test_a_higher_speed_setpoint_raises_speed_then_flow_then_power() -> None:
    station = Station(1)
    run(station, 5)
    before = station.values()
    power = float(station.machines.power[0])
    assert station.set("P-101A.SpeedSP", 1480.0) == 1480.0
    run(station, 5)
    after = station.values()
    assert after["P-101A.Speed"] == pytest.approx(1480.0, abs=1)
    assert after["FT-102.Flow"] > 1.05 * before["FT-102.Flow"]
    assert float(station.machines.power[0]) > 1.05 * power


def test_a_closed_valve_stops_the_flow_and_the_pump_holds_its_shut_off_head() -> None:
    station = Station(1)
    station.set("V-101.SP", 0.0)
    run(station, 20)
    values = station.values()
    assert values["V-101.State"] == 0.0
    assert values["P-101A.Flow"] == 0.0
    assert values["P-101A.Head"] == pytest.approx(24.0 * (1390.0 / 1480.0) ** 2, rel=0.01)


def test_the_second_pump_adds_less_than_its_own_flow() -> None:
    station = Station(1)
    run(station, 2)
    alone = station.values()["FT-102.Flow"]
    station.set("P-101B.Run", 1.0)
    run(station, 10)
    both = station.values()
    assert alone * 1.05 < both["FT-102.Flow"] < 2.0 * alone
    assert both["P-101A.Flow"] == pytest.approx(both["P-101B.Flow"], rel=0.01)


def test_bearings_of_a_started_pump_warm_up_and_those_of_a_stopped_one_cool_down() -> None:
    station = Station(1)
    station.set("P-101B.Run", 1.0)
    station.set("P-101A.Run", 0.0)
    before = station.values()
    run(station, 120)
    after = station.values()
    assert after["TT-121.Value"] > before["TT-121.Value"] + 3
    assert after["TT-111.Value"] < before["TT-111.Value"] - 3
    assert after["P-101A.State"] == STOPPED
    assert after["P-101B.State"] == RUNNING


def test_wear_never_heals_and_shows_as_vibration() -> None:
    station = Station(1)
    worn = station.machines.wear.copy()
    run(station, 60)
    assert (station.machines.wear >= worn).all()
    assert station.machines.vibration[0, 0] > station.machines.vibration[2, 0]  # A has the older bearing


def test_pumps_trip_before_their_tank_runs_dry_and_start_again_only_by_a_new_command() -> None:
    station = Station(1)
    station.set("LIC-101.Auto", 0.0)
    station.set("V-100.SP", 0.0)
    station.tank[0].level_m = 0.2
    run(station, 90)
    assert station.values()["P-101A.State"] == TRIPPED
    assert station.values()["FT-102.Flow"] == pytest.approx(0.0, abs=0.01)
    station.tank[0].level_m = 2.0
    run(station, 5)
    assert station.values()["P-101A.State"] == TRIPPED
    station.set("P-101A.Run", 0.0)
    run(station, 1)
    station.set("P-101A.Run", 1.0)
    run(station, 10)
    assert station.values()["P-101A.State"] == RUNNING


def test_level_and_pressure_are_held_at_their_setpoints() -> None:
    station = Station(3)
    station.set("LIC-101.SP", 58.0)
    station.set("PIC-103.SP", 3.8)
    for _ in range(1800):
        station.step(0.5)
    values = station.values()
    assert values["T-101.Level"] == pytest.approx(58.0, abs=1.5)
    assert values["PT-103.Value"] == pytest.approx(3.8, abs=0.15)


def test_a_controller_in_manual_leaves_its_valve_to_the_operator_and_takes_over_without_a_bump() -> None:
    station = Station(1)
    station.set("LIC-101.Auto", 0.0)
    station.set("V-100.SP", 30.0)
    run(station, 20)
    assert station.values()["V-100.Position"] == 30.0
    station.set("LIC-101.Auto", 1.0)
    run(station, 0.3)
    assert station.setpoints["V-100.SP"] == pytest.approx(30.0, abs=1.0)


def test_the_dose_follows_its_setpoint_and_the_flow() -> None:
    station = Station(1)
    run(station, 1)
    before = station.skid.dose_l_h
    station.set("DS-201.DoseSP", 2.4)
    run(station, 1)
    assert station.skid.dose_l_h == pytest.approx(2.0 * before, rel=0.1)
    run(station, 120)
    assert station.skid.residual == pytest.approx(0.52 * 2.4, rel=0.1)


def test_setpoints_are_cut_to_their_range_and_nonsense_is_refused() -> None:
    station = Station(1)
    assert station.set("V-101.SP", 250.0) == 100.0
    assert station.set("P-101A.SpeedSP", -5.0) == 0.0
    with pytest.raises(ValueError, match="P-101A"):
        station.set("P-101A.SpeedSP", math.nan)
    with pytest.raises(KeyError):
        station.set("P-101A.Speed", 100.0)


def test_demand_over_a_day_has_a_mean_of_one_and_its_low_at_night() -> None:
    day = [daily(60.0 * k) for k in range(1440)]
    assert sum(day) / len(day) == pytest.approx(1.0, abs=0.05)
    assert day.index(min(day)) / 60 < 5


def test_ten_minutes_are_those_of_the_station_as_it_was_computed_pump_by_pump() -> None:
    """The figures were written down from the scalar station with its bisection, before it became arrays."""
    acts = {
        600: {"P-101B.Run": 1.0},
        1800: {"LIC-101.SP": 62.0, "V-101.SP": 45.0},
        3000: {"PIC-103.SP": 3.8, "P-101A.SpeedSP": 1480.0},
        4200: {"LIC-102.Auto": 0.0, "V-102.SP": 80.0, "V-105.SP": 30.0},
        5000: {"P-101B.Run": 0.0},
    }
    station, seen = Station(5), {}
    for step in range(6000):
        for name, value in acts.get(step, {}).items():
            station.set(name, value)
        station.step()
        if (step + 1) in WRITTEN:
            seen[step + 1] = station.values()
    for step, row in WRITTEN.items():
        for name, value in zip(WRITTEN_NAMES, row, strict=True):
            assert seen[step][name] == pytest.approx(value, abs=2e-6), (step, name)


WRITTEN_NAMES = ("T-101.Level", "T-102.Level", "P-101B.Flow", "P-102A.Speed", "P-102A.Head", "P-102A.Current",
                 "V-100.Position", "FT-101.Flow", "FT-103.Flow", "PT-102.Value", "TT-111.Value",
                 "TT-133.Value", "AT-102.Value", "Station.Demand", "PIC-103.Output")  # fmt: skip
WRITTEN = {
    600: (55.465866, 69.989814, 0.0, 2741.51553, 38.348668, 24.593391, 49.569922, 27.906534, 22.084215,
          1.794519, 48.759018, 60.986649, 414.837594, 79.146044, 94.535018),
    3000: (60.143433, 69.793445, 9.303543, 2770.717513, 38.410418, 25.663373, 72.911268, 48.990943, 22.94504,
           2.238575, 49.365015, 61.971775, 405.955242, 82.352657, 95.541983),
    4200: (63.435023, 69.518559, 3.102329, 2587.401558, 33.803844, 20.794805, 59.923103, 36.484355, 21.082403,
           2.33564, 51.33156, 59.988153, 404.42316, 79.867492, 89.220743),
    6000: (64.125479, 69.253102, 0.0, 2568.411163, 33.997786, 20.108512, 45.174472, 24.844163, 20.388641,
           2.219326, 52.857304, 57.335403, 414.45602, 76.627574, 88.565902),
}  # fmt: skip
