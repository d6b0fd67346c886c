"""The plant on its real servers: values move, setpoints act, parts come and go."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil
import pytest
from asyncua import Client, ua
from paho.mqtt.enums import CallbackAPIVersion

from armillary.model.clock import NS, WallClock
from armillary.model.fault import LinkFault
from armillary_plugins.demo_plant import broker
from armillary_plugins.demo_plant.signals import NAMESPACE, SIGNALS

pytestmark = pytest.mark.skipif(broker.find() is None, reason="mosquitto is not installed")
SERVE = """
import sys, pathlib
from armillary_plugins.demo_plant.plant import make
part, folder, broker, opcua = sys.argv[1:]
ports = {"broker": int(broker), "opcua": int(opcua)}
make().serve(part, pathlib.Path(folder), ports, 7, lambda: print("ready", flush=True))
"""
CLOCK = WallClock()


def until(true: Callable[[], bool], limit_s: float, what: str) -> None:
    """Wait for a condition. Fails the test after the limit."""
    end = CLOCK.now_mono_ns() + int(limit_s * NS)
    pause = threading.Event()
    while not true():
        assert CLOCK.now_mono_ns() < end, f"not within {limit_s} s: {what}"
        pause.wait(0.05)


@dataclass
class Parts:
    """The running parts of one plant."""

    folder: Path
    ports: dict[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, part: str) -> subprocess.Popen[bytes]:
        """Start a part and wait until it says that it is ready."""
        arguments = [sys.executable, "-c", SERVE, part, self.folder, *map(str, self.ports.values())]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.running[part] = process
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", process.communicate(timeout=5)[1].decode()
        return process

    def kill(self, part: str) -> None:
        """End a part without asking it."""
        self.running[part].kill()
        self.running[part].communicate(timeout=5)

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.communicate(timeout=5)


def free_ports() -> dict[str, int]:
    """Free ports of the loopback for both servers."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return dict(zip(("broker", "opcua"), numbers, strict=True))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a server that is killed is what is tested
    made = Parts(tmp_path / "plant", free_ports())
    yield made
    made.stop()


class Listener:
    """Everything that the broker says, by topic."""

    def __init__(self, port: int) -> None:
        self.said: dict[str, list[Any]] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.on_message = self._message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("#")
        self.client.loop_start()

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.topic.endswith("/set"):
            self.said.setdefault(message.topic, []).append(json.loads(message.payload))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def plant(parts: Parts) -> Parts:
    for part in ("broker", "opcua", "simulator"):
        parts.start(part)
    return parts


def with_client(port: int, do: Callable[[Client, int], Any]) -> Any:
    """Run something with an anonymous client of the server."""

    async def talk() -> Any:
        async with Client(f"opc.tcp://127.0.0.1:{port}/") as client:
            return await do(client, await client.get_namespace_index(NAMESPACE))

    return asyncio.run(asyncio.wait_for(talk(), 25))


async def wait_for(
    read: Callable[[], Any], true: Callable[[Any], bool], what: str, limit_s: float = 6.0
) -> Any:
    for _ in range(int(limit_s / 0.1)):
        value = await read()
        if true(value):
            return value
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within {limit_s} s: {what}; last {value}")


def node(client: Client, index: int, name: str) -> Any:
    return client.get_node(ua.NodeId(name, index))


def reader(client: Client, index: int, name: str) -> Callable[[], Any]:
    """Return how to read a node's value: NaN as long as it is not good."""

    async def read() -> float:
        got = await node(client, index, name).read_data_value(raise_on_bad_status=False)
        return float(got.Value.Value) if got.StatusCode.is_good() else float("nan")

    return read


def test_all_nodes_are_good_soon_and_a_setpoint_by_opc_ua_moves_speed_then_flow(plant: Parts) -> None:
    async def talk(client: Client, index: int) -> None:
        nodes = [node(client, index, signal.name) for signal in SIGNALS]

        async def bad() -> int:
            got = await client.read_attributes(nodes, ua.AttributeIds.Value)
            return sum(not (value.StatusCode is None or value.StatusCode.is_good()) for value in got)

        await wait_for(bad, lambda n: n == 0, "all nodes GOOD", 5)
        speed, flow = (node(client, index, name) for name in ("P-101A.Speed", "FT-102.Flow"))
        before = await flow.read_value()
        await node(client, index, "P-101A.SpeedSP").write_value(1480.0)
        await wait_for(speed.read_value, lambda v: abs(v - 1480.0) < 2, "the speed follows")
        assert await wait_for(flow.read_value, lambda v: v > 1.05 * before, "the flow follows")
        stamp = (await flow.read_data_value()).SourceTimestamp
        assert stamp is not None

    with_client(plant.ports["opcua"], talk)


def test_measured_values_cannot_be_written_and_describe_themselves(plant: Parts) -> None:
    async def talk(client: Client, index: int) -> None:
        speed = node(client, index, "P-101A.Speed")
        with pytest.raises(ua.UaStatusCodeError):
            await speed.write_value(3.0)
        unit = await (await speed.get_child("0:EngineeringUnits")).read_value()
        assert (unit.DisplayName.Text, unit.UnitId) == ("rpm", int.from_bytes(b"RPM", "big"))
        span = await (await speed.get_child("0:EURange")).read_value()
        assert (span.Low, span.High) == (0.0, pytest.approx(1628.0))
        pump = await client.nodes.objects.get_child([f"{index}:Station", f"{index}:Pumps", f"{index}:P-101A"])
        assert len(await pump.get_children()) == 10

    with_client(plant.ports["opcua"], talk)


def test_a_setpoint_by_mqtt_moves_the_simulation_and_the_server_follows(plant: Parts) -> None:
    listener = Listener(plant.ports["broker"])
    try:
        until(lambda: len(listener.said.get("skid/DS-201/status", [])) >= 1, 6, "the skid says something")
        before = listener.said["skid/DS-201/status"][-1]["flow"]
        listener.client.publish("station/DS-201/set", json.dumps({"dose": 2.4}), qos=1)
        until(lambda: listener.said["skid/DS-201/status"][-1]["flow"] > 1.7 * before, 6, "the dose follows")
        until(lambda: listener.said["station/DS-201"][-1]["dose"] == 2.4, 20, "the setpoint reads back")
        listener.client.publish("station/P-101A/set", b"not a setpoint", qos=1)
        listener.client.publish("station/P-101A/set", json.dumps({"speed": 1200}), qos=1)

        async def talk(client: Client, index: int) -> None:
            for name in ("P-101A.SpeedSP", "P-101A.Speed"):
                await wait_for(reader(client, index, name), lambda v: abs(v - 1200.0) < 2, f"{name} follows")

        with_client(plant.ports["opcua"], talk)
        shaken = [m["de"] for m in listener.said["station/P-101A/vibration"]]
        assert len(set(shaken)) > 3, "values stand still"
        beats = [m["seq"] for m in listener.said["station/site/heartbeat"]]
        assert beats == list(range(beats[0], beats[0] + len(beats)))
    finally:
        listener.close()


def test_the_station_goes_on_when_its_servers_go_away_and_come_back(plant: Parts) -> None:
    async def speed_setpoint(client: Client, index: int, value: float) -> None:
        await wait_for(reader(client, index, "P-101A.SpeedSP"), lambda v: v == v, "the first value")
        await node(client, index, "P-101A.SpeedSP").write_value(value)
        await wait_for(reader(client, index, "P-101A.Speed"), lambda v: abs(v - value) < 2, "speed")

    port = plant.ports["opcua"]
    with_client(port, lambda client, index: speed_setpoint(client, index, 1200.0))
    plant.kill("broker")
    plant.kill("opcua")
    plant.start("broker")
    plant.start("opcua")

    async def kept(client: Client, index: int) -> None:
        read = node(client, index, "P-101A.SpeedSP").read_data_value
        got = await wait_for(
            lambda: read(raise_on_bad_status=False),
            lambda v: v.StatusCode.is_good(),
            "the setpoint is back",
            10,
        )
        assert got.Value.Value == 1200.0

    with_client(port, kept)
    listener = Listener(plant.ports["broker"])
    try:
        until(lambda: len(listener.said) >= 10, 10, "the station publishes again")
    finally:
        listener.close()
    assert plant.running["simulator"].poll() is None


def test_values_become_uncertain_when_the_simulator_stops(plant: Parts) -> None:
    async def talk(client: Client, index: int) -> None:
        read = node(client, index, "P-101A.Speed").read_data_value
        await wait_for(lambda: read(False), lambda v: v.StatusCode.is_good(), "GOOD first")
        plant.kill("simulator")
        doubtful = ua.StatusCodes.UncertainLastUsableValue
        got = await wait_for(lambda: read(False), lambda v: v.StatusCode.value == doubtful, "doubted", 8)
        assert got.Value.Value == pytest.approx(1390.0)

    with_client(plant.ports["opcua"], talk)


def test_a_taken_port_is_named_with_a_remedy(parts: Parts, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", parts.ports["broker"]))
        taken.listen()
        with pytest.raises(LinkFault, match=f"{parts.ports['broker']}.*other ports"):
            broker.serve(tmp_path, parts.ports["broker"], lambda: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", parts.ports["opcua"]))
        taken.listen()
        arguments = [sys.executable, "-c", SERVE, "opcua", tmp_path, *map(str, parts.ports.values())]
        ended = subprocess.run(arguments, check=False, capture_output=True, timeout=20)
        assert ended.returncode != 0
        assert b"cannot listen on port" in ended.stderr


def test_without_any_broker_the_package_to_install_is_named(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "find", lambda: None)
    monkeypatch.setattr(broker.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LinkFault, match="apt-get install mosquitto"):
        broker.serve(tmp_path, parts.ports["broker"], lambda: None)


def test_the_broker_keeps_its_pid_takes_only_the_loopback_and_ends_when_told(parts: Parts) -> None:
    process = parts.start("broker")
    until(lambda: psutil.Process(process.pid).name() == "mosquitto", 20, "mosquitto took the process over")
    until(lambda: bool(psutil.Process(process.pid).net_connections("tcp")), 20, "it listens")
    listening = {c.laddr for c in psutil.Process(process.pid).net_connections("tcp")}
    assert listening == {("127.0.0.1", parts.ports["broker"])}
    os.kill(process.pid, signal.SIGTERM)
    process.wait(3)


def test_the_broker_dies_with_the_process_that_started_it(parts: Parts, tmp_path: Path) -> None:
    host = f"""
import ctypes, os, subprocess, sys
def end_with_parent():
    ctypes.CDLL(None).prctl(1, 15)
child = subprocess.Popen(
    [sys.executable, "-c", {SERVE!r}, "broker", {str(tmp_path)!r}, "{parts.ports["broker"]}", "1"],
    preexec_fn=end_with_parent,
)
print(child.pid, flush=True)
child.wait()
"""
    process = subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE)
    parts.running["host"] = process
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert process.stdout.readline() == b"ready\n"
    until(lambda: psutil.Process(pid).name() == "mosquitto", 20, "mosquitto took the process over")
    process.kill()
    process.wait(3)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", 20, "it died too")
