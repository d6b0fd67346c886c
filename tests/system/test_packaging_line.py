"""The rule of the founding document on a real plant: five readings above 85 °C halt the line and say why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from stations import Station, until

from armillary.cli import run
from armillary.cli.plant import start_plant
from armillary.cli.policy import sign_stops
from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.clock import WallClock
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
LIMIT_S = 40.0
HOT = "O210-Z2-HTT"
SIGNERS = (("ravi", "engineer"), ("anna", "operator"))


@pytest.fixture(scope="module")
def line(own_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """The packaging line with its world; no recorder."""
    folder = tmp_path_factory.mktemp("line")
    plant = start_plant("packaging-line", folder / "plant")
    world: child.Child | None = None
    made: Line | None = None
    try:
        patient(plant.project)
        assert sign_stops(plant.project, SIGNERS, WallClock().now_ns()) == ("halt_line_2",)
        plant.confirm()
        world = child.start("world.live", {"project": str(plant.project)}, folder / "world.log")
        made = Line(str(world.ready()["address"]))
        yield Station(plant=plant, world=world, recorder=None, line=made, logs=folder)
    finally:
        if made is not None:
            made.close()
        if world is not None:
            world.stop()
        plant.stop()


def patient(project: Path) -> None:
    """Give the plant longer than the 8 s of operations 4.3 to stop: a busy machine is slow, not wrong."""
    for name, old, new in (
        ("commands.toml", "verify_timeout_s = 8.0", "verify_timeout_s = 60.0"),
        ("loops.toml", "within_s = 8", "within_s = 60"),
    ):
        text = (project / name).read_text("utf-8")
        assert old in text
        (project / name).write_text(text.replace(old, new, 1), "utf-8")


def fault(line: Station, **named: float) -> None:
    """Make something go wrong at the plant, by the broker that its simulator hears."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", line.plant.ports["broker"])
    client.loop_start()
    try:
        client.publish("simulator/fault", json.dumps(named), qos=1).wait_for_publish(LIMIT_S)
    finally:
        client.disconnect()
        client.loop_stop()


def alarm(line: Station, name: str = HOT) -> AlarmState | None:
    return next((state for state in line.welcome().frame.alarms if state.id == name), None)


def audit(line: Station) -> str:
    files = sorted((line.plant.project / ".armillary" / "audit").glob("*.jsonl"))
    return "".join(file.read_text("utf-8") for file in files)


def test_all_tags_come_alive_from_three_links(line: Station) -> None:
    until(lambda: set(line.ranks().values()) == {0}, LIMIT_S, f"all are good: {line.ranks()}", 0.2)
    welcome = line.welcome()
    assert sum(spec.link == "pack-spb" for spec in welcome.specs) == 96
    units = {spec.name: spec.unit for spec in welcome.specs}
    assert (units["TT-212.value"], units["C-201.speed"], units["FT-231.flow"]) == ("°C", "m/s", "l/min")
    assert line.value("C-201.speed") == pytest.approx(0.2, abs=0.01)
    assert line.value("TT-212.value") == pytest.approx(71.0, abs=2.0)


def test_five_readings_above_85_halt_the_line_through_the_gate_and_it_says_why(line: Station) -> None:
    until(lambda: line.value("C-201.speed") > 0.15, LIMIT_S, "the belt runs")
    fault(line, **{"TT-212.forced": 85.4})

    def proposal() -> str:
        return str(line.welcome().frame.proposals)

    until(lambda: (state := alarm(line)) is not None and state.active, LIMIT_S, "the alarm raises", 0.1)
    state = alarm(line)
    assert state is not None
    assert state.process is ProcessState.UNACK
    assert state.value == pytest.approx(85.4)
    until(lambda: line.value("C-201.speed") < 0.02, LIMIT_S, f"the belt stands; {proposal()}", 0.1)
    until(lambda: "Done: C-201.speed < 0.02" in proposal(), LIMIT_S, "the stop is verified", 0.1)
    done = line.welcome().frame.proposals[-1]
    assert (done.title, done.policy, done.state) == ("Halt line 2", "halt_line_2", "verified")
    until(lambda: "C-201.Halt" in audit(line) and "loop:halt_line_2" in audit(line), LIMIT_S, "the audit")
    assert "signed by ravi and anna" in audit(line)
    assert run(["audit", "verify", str(line.plant.project)]) == 0
    log = (line.plant.parts["opcua"].log).read_text("utf-8")
    assert log.count("call C-201.Halt") == 1, "one call, not more"
    assert alarm(line, f"system:halt:{HOT}") is None or not alarm(line, f"system:halt:{HOT}").active  # type: ignore[union-attr]
