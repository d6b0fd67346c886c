"""Malfunctions of the demo plant's model: each does what it says, from nothing at 0 to most at 1."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.api import SimStart, values_of
from armillary_plugins.demo_plant.model import Model

S = 1_000_000_000
MODEL = Model().describe()
NAMES = MODEL.outputs
QUIET = values_of({"demand_noise": 0.0, "sensor_noise": 0.0})


def run(seconds: int, inputs: dict[str, float], then: dict[str, float] | None = None) -> dict[str, float]:
    """Values after the inputs were held for a time, and for as long again with `then`."""
    model = Model()
    model.start(SimStart(t_ns=0, parameters=QUIET))
    stepped = model.step(values_of(inputs), seconds * S)
    if then is not None:
        stepped = model.step(values_of(then), 2 * seconds * S)
    return dict(zip(NAMES, stepped.values[0], strict=True))


def test_every_fault_has_a_kind_of_the_scenario_file_and_is_healthy_at_nought() -> None:
    faults = [v for v in MODEL.variables if v.fault]
    assert {v.fault.partition(".")[0] for v in faults} == {"equipment", "actuator", "sensor"}
    assert all(v.start == 0.0 and v.high == 1.0 for v in faults)
    healthy = {v.name: 0.0 for v in faults}
    assert run(30, healthy) == run(30, {})


@pytest.mark.parametrize("fault", [v.name for v in MODEL.variables if v.fault])
def test_every_fault_changes_something_and_leaves_numbers(fault: str) -> None:
    both = {"P-101B.run": 1.0, "P-102B.run": 1.0, "LIC-101.auto": 0.0, "V-105.sp": 10.0}
    moves = {f"{v}.sp": sp for v, sp in (("V-101", 40.0), ("V-103", 60.0), ("V-104", 70.0), ("V-100", 30.0))}
    shut = {"V-105.sp": 0.0, "LIC-101.sp": 58.0, "LIC-102.sp": 72.0, "PIC-103.sp": 4.0}
    if fault.startswith("V-") and fault.endswith(".leak"):  # shows when the valve is shut
        shut |= {"LIC-102.auto": 0.0, f"{fault.removesuffix('.leak')}.sp": 0.0}
    moves |= shut
    healthy = run(20, both, moves)
    faulty = run(20, both, {**moves, fault: 1.0})
    assert faulty != healthy
    assert np.isfinite(list(faulty.values())).all()


def test_a_tripped_pump_stays_off_until_it_is_started_anew() -> None:
    tripped = run(30, {"P-101A.trip": 1.0})
    assert (tripped["P-101A.state"], tripped["P-101A.speed"], tripped["FT-102.flow"]) == (2.0, 0.0, 0.0)
    assert run(30, {"P-101A.trip": 1.0}, {"P-101A.trip": 0.0})["P-101A.state"] == 2.0
    assert (
        run(30, {"P-101A.trip": 1.0, "P-101A.run": 0.0}, {"P-101A.trip": 0.0, "P-101A.run": 1.0})[
            "P-101A.state"
        ]
        == 1.0
    )


def test_a_worn_bearing_is_hot_and_shakes_the_more_the_worse_it_is() -> None:
    values = [run(600, {"P-101A.wear": share}) for share in (0.0, 0.3, 1.0)]
    for tag in ("TT-111.value", "P-101A.vibration_de", "P-101A.sensor_temperature"):
        healthy, worn, worst = (v[tag] for v in values)
        assert healthy * 1.1 < worn < worst, tag
    assert values[2]["P-101A.flow"] == pytest.approx(values[0]["P-101A.flow"], rel=0.02)
    assert values[2]["TT-131.value"] == pytest.approx(values[0]["TT-131.value"], abs=0.5)


def test_a_degraded_pump_takes_more_power_for_the_same_water_and_a_fouled_one_gives_less() -> None:
    healthy, degraded, fouled = (
        run(30, {}),
        run(30, {"P-101A.degraded": 0.6}),
        run(30, {"P-101A.fouling": 0.6}),
    )
    assert degraded["P-101A.flow"] == pytest.approx(healthy["P-101A.flow"], rel=0.01)
    assert degraded["P-101A.power"] > 1.2 * healthy["P-101A.power"]
    assert fouled["P-101A.flow"] < 0.9 * healthy["P-101A.flow"]


def test_a_leak_lowers_its_tank_and_all_of_the_water_is_in_the_book() -> None:
    manual = {"LIC-101.auto": 0.0, "LIC-102.auto": 0.0}
    healthy, leaks = run(120, manual), run(120, {**manual, "T-101.leak": 1.0})
    assert leaks["T-101.level"] < healthy["T-101.level"] - 2.0
    lost = healthy["T-101.volume"] + healthy["T-102.volume"] - leaks["T-101.volume"] - leaks["T-102.volume"]
    drawn = healthy["water.delivered"] - leaks["water.delivered"]
    assert leaks["water.leaked"] == pytest.approx(lost + drawn, abs=1e-9)


def test_a_stuck_valve_stays_and_a_slow_one_comes_late() -> None:
    for share, position in ((1.0, 65.0), (0.0, 20.0)):
        values = run(15, {"V-101.stuck": share, "V-101.sp": 20.0})
        assert values["V-101.position"] == pytest.approx(position)
    slow = run(15, {"V-101.slow": 1.0, "V-101.sp": 20.0})
    assert slow["V-101.position"] == pytest.approx(65.0 - 10.0)
    assert slow["V-101.state"] == 2.0


def test_a_mains_failure_stops_drives_leaves_valves_and_does_not_heal_by_itself() -> None:
    dark = run(30, {"power": 1.0, "V-101.sp": 10.0})
    assert [dark[f"{p}.speed"] for p in ("P-101A", "P-102A")] == [0.0, 0.0]
    assert dark["V-101.position"] == 65.0
    assert dark["DS-201.dose_flow"] == 0.0
    lit = run(30, {"power": 1.0, "V-101.sp": 10.0}, {"power": 0.0})
    assert (lit["P-101A.state"], lit["V-101.position"]) == (2.0, 10.0)


def test_a_blocked_pipe_and_a_weak_main_pass_less() -> None:
    healthy = run(20, {"LIC-101.auto": 0.0})
    assert (
        run(20, {"LIC-101.auto": 0.0, "rising.blockage": 0.9})["FT-102.flow"] < 0.6 * healthy["FT-102.flow"]
    )
    assert run(20, {"LIC-101.auto": 0.0, "inlet.blockage": 0.9})["FT-101.flow"] < 0.6 * healthy["FT-101.flow"]
    assert run(20, {"main.pressure_loss": 1.0})["FT-101.flow"] == 0.0


def test_a_biased_transmitter_misleads_its_controller() -> None:
    values = run(1200, {"LIC-101.pv_bias": 0.1})
    assert values["LIC-101.pv"] == pytest.approx(55.0, abs=1.0)
    assert values["T-101.level"] == pytest.approx(45.0, abs=1.0)
    frozen = run(300, {"LIC-101.pv_stuck": 1.0, "LIC-101.sp": 60.0})
    assert frozen["LIC-101.pv"] == pytest.approx(55.0, abs=0.5)
    assert frozen["LIC-101.output"] > 70.0


def test_demand_and_the_weather_come_from_outside() -> None:
    assert run(60, {"demand_factor": 1.3})["FT-103.flow"] > 1.15 * run(60, {})["FT-103.flow"]
    assert run(60, {"ambient": 10.0})["TT-001.value"] == pytest.approx(run(60, {})["TT-001.value"] + 10.0)


def test_an_overfilled_tank_spills_and_says_so() -> None:
    values = run(600, {"LIC-101.auto": 0.0, "V-100.sp": 100.0, "P-101A.run": 0.0, "P-101B.run": 0.0})
    assert values["T-101.overflow"] == 1.0
    assert values["T-101.level"] == pytest.approx(100.0)
    assert values["water.spilled"] > 4.0
