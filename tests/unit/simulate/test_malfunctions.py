"""Malfunctions: what instruments show instead of the truth, and what the model is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armillary.model.control import MalfunctionSpec
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, rank
from armillary.model.simulation import ModelInfo, Variable
from armillary.model.tags import TagSpec
from armillary.simulate.malfunctions import Malfunctions

SPECS = (
    TagSpec(slot=0, name="TT-111.value", link="plc", low=0.0, high=150.0, unit="°C"),
    TagSpec(slot=1, name="T-101.level", link="plc", low=0.0, high=100.0, unit="%"),
    TagSpec(slot=2, name="P-101A.power", link="mqtt", unit="kW"),
)
INFO = ModelInfo(
    name="m",
    kind="python",
    variables=(
        Variable(name="P-101A.trip", causality="input", fault="equipment.trip"),
        Variable(name="T-101.leak", causality="input", fault="equipment.leak"),
        Variable(name="P-101A.run", causality="input"),
    ),
)
TRUE = np.array([60.0, 50.0, 12.0])
BEFORE = np.array([61.0, 50.0, 12.0])
LEAK = MalfunctionSpec(id="x", target="twin:T-101", kind="equipment.leak", severity=0.6, ramp_s=10.0)


def drift(rate: float) -> MalfunctionSpec:
    return MalfunctionSpec(id="x", target="tag:TT-111.value", kind="sensor.drift", rate=rate)


def shown(kind: str, t_s: float, target: str = "tag:TT-111.value", **more: float) -> tuple[float, int, bool]:
    faults = Malfunctions(SPECS, INFO, seed=1)
    faults.begin(
        MalfunctionSpec(id="x", target=target, kind=kind, **more), 10.0, np.array([61.0, 50.0, 12.0])
    )
    out = faults.shown(t_s, TRUE, np.zeros(3, np.uint16))
    return float(out.value[0]), int(rank(out.quality)[0]), bool(out.silent[0])


def test_a_drifting_sensor_leaves_the_truth_by_its_rate_a_minute() -> None:
    assert shown("sensor.drift", 10.0, rate=0.5)[0] == 60.0
    assert shown("sensor.drift", 130.0, rate=0.5)[0] == pytest.approx(61.0)


def test_a_frozen_sensor_shows_what_it_showed() -> None:
    assert shown("sensor.frozen", 500.0)[0] == 61.0


def test_a_bias_comes_in_over_its_ramp() -> None:
    assert shown("sensor.bias", 15.0, value=8.0, ramp_s=10.0)[0] == pytest.approx(64.0)
    assert shown("sensor.bias", 60.0, value=8.0, ramp_s=10.0, severity=0.5)[0] == pytest.approx(64.0)


def test_failed_sensors_show_the_end_of_their_range_or_are_bad_or_silent() -> None:
    assert shown("sensor.fail_high", 11.0)[0] == 150.0
    assert shown("sensor.fail_low", 11.0)[0] == 0.0
    assert shown("sensor.open_circuit", 11.0)[1] == BAD
    assert shown("sensor.stale", 11.0)[2]


def test_noise_depends_on_time_and_seed_only() -> None:
    first, again = shown("sensor.noise", 33.3, value=2.0), shown("sensor.noise", 33.3, value=2.0)
    assert first == again
    assert first != shown("sensor.noise", 33.4, value=2.0)


def test_a_lost_link_silences_its_tags_only() -> None:
    faults = Malfunctions(SPECS, INFO, seed=1)
    faults.begin(MalfunctionSpec(id="x", target="link:plc", kind="link.loss"), 0.0, TRUE)
    assert faults.shown(1.0, TRUE, np.zeros(3, np.uint16)).silent.tolist() == [True, True, False]
    assert faults.lost_links() == {"plc"}


def test_equipment_faults_are_inputs_of_the_model_and_end_at_zero() -> None:
    faults = Malfunctions(SPECS, INFO, seed=1)
    faults.begin(
        MalfunctionSpec(id="x", target="twin:T-101", kind="equipment.leak", severity=0.6, ramp_s=10.0),
        0.0,
        TRUE,
    )
    assert faults.inputs(5.0) == {"P-101A.trip": 0.0, "T-101.leak": pytest.approx(0.3)}
    assert faults.clear("x")
    assert faults.inputs(6.0) == {"P-101A.trip": 0.0, "T-101.leak": 0.0}


def test_a_change_of_a_drift_goes_on_from_where_it_is() -> None:
    faults = Malfunctions(SPECS, INFO, seed=1)
    spec = MalfunctionSpec(id="x", target="tag:TT-111.value", kind="sensor.drift", rate=1.0)
    faults.begin(spec, 0.0, TRUE)
    faults.begin(
        MalfunctionSpec(id="x", target="tag:TT-111.value", kind="sensor.drift", rate=2.0), 60.0, TRUE
    )
    assert faults.shown(60.0, TRUE, np.zeros(3, np.uint16)).value[0] == pytest.approx(62.0)


def test_a_malfunction_ends_when_its_time_is_over() -> None:
    faults = Malfunctions(SPECS, INFO, seed=1)
    faults.begin(MalfunctionSpec(id="x", target="link:plc", kind="link.loss", end_s=5.0), 10.0, TRUE)
    assert faults.over(14.9) == ()
    assert faults.over(15.0) == ("x",)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("twin:P-101A", "equipment.leak"),
        ("tag:nothing", "sensor.bias"),
        ("link:nothing", "link.loss"),
        ("model:P-101A.speed", "model.input"),
    ],
)
def test_a_malfunction_that_aims_at_nothing_is_refused(target: str, kind: str) -> None:
    faults = Malfunctions(SPECS, INFO, seed=1)
    with pytest.raises(ProjectFault):
        faults.begin(MalfunctionSpec(id="x", target=target, kind=kind), 0.0, TRUE)
    assert not faults.active
    assert math.isfinite(TRUE.sum())
