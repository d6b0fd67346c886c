"""The demo plant's model: it begins where the plant is, goes on as the plant does, and forgets nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from armillary.api import Fault, SimStart, SimStepped, Simulator, SimulatorContext, Values, values_of
from armillary.api.ports import Forkable
from armillary.model.places import data
from armillary_plugins.demo_plant.model import Model, make, member_seed
from armillary_plugins.demo_plant.outputs import NODES, TAGS, measured
from armillary_plugins.demo_plant.physics import Physics
from armillary_plugins.demo_plant.start import inverse
from armillary_plugins.demo_plant.station import Station

S = 1_000_000_000
NAMES = Model().describe().outputs


def started(members: int = 1, seed: int = 1, **parameters: float) -> Model:
    model = Model()
    model.start(SimStart(t_ns=0, members=members, seed=seed, parameters=values_of(parameters)))
    return model


def of(stepped: SimStepped, name: str) -> np.ndarray:
    return stepped.values[:, NAMES.index(name)]


def snapshot(station: Station) -> Values:
    """What a live world knows of a station: every tag that it has, in the tag's unit."""
    row = inverse(measured(station.physics))
    known = [i for i, tag in enumerate(TAGS) if not tag.startswith("water.") and "wear" not in tag]
    return Values(names=tuple(TAGS[i] for i in known), data=row[known])


def run(station: Station, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        station.step()


def project_tags() -> dict[str, dict[str, object]]:
    out: dict[str, dict[str, object]] = {}

    def walk(name: str, twin: dict) -> None:
        out.update({f"{name}.{key}": tag for key, tag in twin.get("tags", {}).items()})
        for key, part in twin.get("components", {}).items():
            walk(f"{name}.{key}", part)

    for twin in json.loads((data("scenes/pumping-station") / "twins.json").read_text())["twins"]:
        walk(twin["id"], twin)
    return out


def test_every_measured_tag_of_the_project_is_an_output_in_its_unit() -> None:
    outputs = {v.tag: v for v in Model().describe().variables if v.causality == "output" and v.tag}
    tags = {name: tag for name, tag in project_tags().items() if "expression" not in tag}
    assert set(outputs) == set(tags)
    assert {t: outputs[t].unit for t in tags} == {t: tag.get("unit", "") for t, tag in tags.items()}


def test_every_writable_tag_of_the_project_is_an_input() -> None:
    inputs = {v.tag for v in Model().describe().variables if v.causality == "input" and v.tag}
    assert inputs == {name for name, tag in project_tags().items() if tag.get("writable")}


def test_names_are_unique_and_it_is_a_simulator_that_can_be_forked() -> None:
    model = make(SimulatorContext(project=data("scenes")))
    names = [v.name for v in model.describe().variables]
    assert len(set(names)) == len(names)
    assert isinstance(model, Simulator)
    assert isinstance(model, Forkable)
    assert model.start(SimStart(t_ns=0, members=3)).values.shape == (3, len(NAMES))


def test_the_same_seed_gives_the_same_bits_however_often_it_is_asked() -> None:
    often, once, other = started(), started(), started(seed=2)
    for t in range(1, 61):
        last = often.step(Values(), t * S)
    assert np.array_equal(last.values, once.step(Values(), 60 * S).values)
    assert not np.array_equal(last.values, other.step(Values(), 60 * S).values)


@pytest.mark.parametrize("member", [0, 3, 12])
def test_a_member_of_many_is_the_single_run_of_its_seed_bit_for_bit(member: int) -> None:
    demand = np.linspace(0.6, 1.4, 13)
    many, alone = started(13, seed=9), started(seed=member_seed(9, member))
    for t, speed in ((20, 1480.0), (90, 1200.0)):
        common = {"P-101A.speed_sp": speed, "V-101.slow": 0.5, "T-101.leak": 0.2}
        all_of_them = many.step(values_of({**common, "demand_factor": demand}), t * S)
        one = alone.step(values_of({**common, "demand_factor": demand[member]}), t * S)
    assert np.array_equal(all_of_them.values[member], one.values[0])


def test_members_in_another_order_give_the_same_in_that_order() -> None:
    seeds, order = [3, 1, 4, 15, 9], [4, 2, 0, 3, 1]
    one, other = Physics(seeds), Physics([seeds[i] for i in order])
    for physics in (one, other):
        for _ in range(200):
            physics.step(0.5)
    assert np.array_equal(measured(one)[:, order], measured(other))


def test_it_begins_where_the_plant_is() -> None:
    station = Station(4)
    station.set("P-101B.Run", 1.0)
    station.set("LIC-102.Auto", 0.0)
    run(station, 120)
    begun = Model().start(SimStart(t_ns=5, initial=snapshot(station)))
    assert begun.unmapped == ()
    assert begun.is_estimated
    most = {"flow": 1.0, "value": 0.3, "level": 0.1, "sensor_temperature": 0.1, "ambient": 0.01}
    for name, off in begun.residual.items():
        assert off <= most.get(name.rpartition(".")[2], 1e-3), name
    values = dict(zip(NAMES, begun.values[0], strict=True))
    assert values["Station.heartbeat"] == 1200
    assert values["P-101A.bearing_wear"] == pytest.approx(float(station.machines.wear[0]), abs=0.1)


def test_a_minute_after_the_start_levels_are_those_of_the_plant_that_went_on() -> None:
    station = Station(4)
    run(station, 300)
    model = Model()
    model.start(SimStart(t_ns=0, seed=77, initial=snapshot(station)))
    run(station, 60)
    predicted = model.step(Values(), 60 * S)
    now = dict(zip(NODES, measured(station.physics)[:, 0], strict=True))
    assert of(predicted, "T-101.level")[0] == pytest.approx(now["T-101.Level"], abs=0.4)
    assert of(predicted, "T-102.level")[0] == pytest.approx(now["T-102.Level"], abs=0.4)
    assert of(predicted, "PIC-103.pv")[0] == pytest.approx(now["PIC-103.PV"], abs=0.4)
    assert of(predicted, "TT-111.value")[0] == pytest.approx(now["TT-111.Value"], abs=0.6)
    assert of(predicted, "P-101A.energy")[0] == pytest.approx(float(station.machines.energy[0]), abs=0.05)


@pytest.mark.parametrize("as_inputs", [False, True])
def test_nothing_jumps_when_a_model_takes_over(as_inputs: bool) -> None:
    station = Station(4)
    station.set("LIC-101.SP", 65.0)
    run(station, 200)
    model, now, inputs = Model(0.1), snapshot(station), Values()
    if as_inputs:  # a world that gives setpoints as inputs and the rest as it stands
        own = {v.tag for v in model.describe().variables if v.causality == "input" and v.tag}
        sides = [[i for i, n in enumerate(now.names) if (n in own) == side] for side in (False, True)]
        now, inputs = (Values(names=tuple(now.names[i] for i in k), data=now.data[k]) for k in sides)
    before = model.start(SimStart(t_ns=0, initial=now, inputs=inputs))
    after = model.step(Values(), S // 10)
    for name in ("V-100.sp_now", "V-102.sp_now", "P-102A.speed_sp_now"):
        k = NAMES.index(name)
        assert after.values[0, k] == pytest.approx(before.values[0, k], rel=0.01), name


def test_what_is_not_given_is_guessed_and_what_is_not_known_is_told() -> None:
    given = values_of({"T-101.level": 30.0, "P-101A.efficiency": 61.0, "P-102A.speed": float("nan")})
    begun = Model().start(SimStart(t_ns=0, initial=given))
    assert set(begun.unmapped) == {"P-101A.efficiency", "P-102A.speed"}
    assert begun.is_estimated
    assert begun.residual["T-101.level"] < 0.1  # the noise of one reading
    assert np.isfinite(begun.values).all()


@pytest.mark.parametrize("at_s", [0, 7, 33, 60])
def test_a_saved_run_goes_on_bit_for_bit_in_another_process_s_model(at_s: int) -> None:
    model = started(4, seed=3)
    model.step(values_of({"P-101A.wear": 0.7, "LIC-101.sp": 61.0}), at_s * S)
    saved = model.save()
    went_on = model.step(Values(), 100 * S)
    other = Model()
    assert other.load(saved).t_ns == at_s * S
    assert np.array_equal(other.step(Values(), 100 * S).values, went_on.values)
    assert other.save() == model.save()


def test_a_broken_state_and_one_of_another_version_are_refused() -> None:
    model = started()
    saved = bytearray(model.save())
    for broken in (b"", b"no state", bytes(saved[:-40])):
        with pytest.raises(Fault):
            model.load(broken)
    flipped = bytearray(saved)
    flipped[-100] ^= 1
    with pytest.raises(Fault, match="damaged"):
        model.load(bytes(flipped))
    saved[5] = 9
    with pytest.raises(Fault, match="another version"):
        model.load(bytes(saved))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("P-999.run", 1.0, "no input"),
        ("LIC-101.sp", float("nan"), "no number"),
        ("T-101.level", 5.0, "no input"),
    ],
)
def test_an_input_that_cannot_be_is_refused_by_name(name: str, value: float, why: str) -> None:
    with pytest.raises(Fault, match=why):
        started().step(values_of({name: value}), S)


def test_unknown_parameters_and_steps_back_are_refused() -> None:
    with pytest.raises(Fault, match="no parameter"):
        started(colour=1.0)
    model = started()
    model.step(Values(), S)
    with pytest.raises(Fault, match="forwards"):
        model.step(Values(), 0)


def test_the_coarse_step_of_runs_stays_close_to_the_fine_step_of_the_plant() -> None:
    fine, coarse = Model(0.1), Model()
    ends = []
    for model in (fine, coarse):
        model.start(SimStart(t_ns=0, parameters=values_of({"demand_noise": 0.0, "sensor_noise": 0.0})))
        model.step(values_of({"LIC-101.sp": 62.0, "P-101B.run": 1.0, "demand_factor": 1.2}), 300 * S)
        ends.append(model.step(values_of({"PIC-103.sp": 3.8, "P-101B.run": 0.0}), 600 * S))
    for name, bound in (
        ("T-101.level", 0.1),
        ("T-102.level", 0.1),
        ("PIC-103.pv", 0.01),
        ("TT-111.value", 0.3),
    ):
        assert of(ends[0], name)[0] == pytest.approx(of(ends[1], name)[0], abs=bound), name


def test_no_network_module_is_loaded_with_the_model() -> None:
    code = "import sys; import armillary_plugins.demo_plant.model; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    bad = {"socket", "_socket", "ssl", "asyncio", "paho", "asyncua", "zmq", "amqtt", "armillary.world.live",
           "armillary.world.gate", "armillary.telemetry.links"}  # fmt: skip
    assert loaded & bad == set()
