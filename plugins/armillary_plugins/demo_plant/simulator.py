"""A running demonstration: steps its physics in real time and keeps the servers told.

Writes measured values to the OPC UA server and publishes to the MQTT brokers; reads setpoints from all.
Any server may go away and come back at any time; the physics goes on.
"""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError
from paho.mqtt.enums import CallbackAPIVersion

from armillary.api import Clock
from armillary_plugins.demo_plant.faults import FAULTS, faults
from armillary_plugins.demo_plant.nodes import node_id, stamped, variant
from armillary_plugins.demo_plant.signals import SIMULATOR, Tree

LOG = logging.getLogger("armillary.demo_plant")
_CATCH_UP = 10  # steps after a pause of the machine; the rest is given up
_WRITE_S = 0.25
_RETRY_S = 0.5


class Running(Protocol):
    """A plant of which one second is simulated in a second, and what it says to whom."""

    step_s: float
    tree: Tree
    topics: tuple[str, ...]  # filters of what it hears by MQTT, at the first broker

    def step(self) -> None: ...
    def values(self) -> Mapping[str, float]: ...  # by node, those that can be written too
    def set(self, name: str, value: float) -> float: ...  # KeyError, ValueError
    def fail(self, name: str, value: float) -> None: ...  # KeyError
    def due(self, t_ms: int) -> Iterator[tuple[str, str, bytes]]: ...  # (broker, topic, payload)
    def heard(self, topic: str, payload: bytes) -> Mapping[str, float]: ...  # ValueError in words


class Simulator:
    """One plant between brokers and a server of the loopback."""

    def __init__(self, plant: Running, brokers: Mapping[str, int], opcua_port: int, clock: Clock) -> None:
        self.plant = plant
        self._clock = clock
        self._ports, self._opcua_port = brokers, opcua_port
        self._readable = [signal for signal in plant.tree.signals if not signal.writable]
        self._writable = [signal for signal in plant.tree.signals if signal.writable]
        self._heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()  # from paho's threads
        self._mqtt = {name: self._client(is_first=i == 0) for i, name in enumerate(brokers)}

    def _client(self, *, is_first: bool) -> mqtt.Client:
        out = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=mqtt.MQTTv311)
        out.reconnect_delay_set(min_delay=1, max_delay=2)
        if is_first:
            out.on_connect = self._connected
            out.on_message = self._message
        return out

    async def run(self, ready: Callable[[], None]) -> None:
        """Run until cancelled."""
        for name, client in self._mqtt.items():
            client.connect_async("127.0.0.1", self._ports[name], keepalive=10)
            client.loop_start()
        try:
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._steps())
                tasks.create_task(self._opcua())
        finally:
            for client in self._mqtt.values():
                client.disconnect()
                client.loop_stop()

    # ---------------------------------------------------------------- physics and MQTT
    async def _steps(self) -> None:
        due, step_ns = self._clock.now_mono_ns(), int(self.plant.step_s * 1e9)
        while True:
            behind = (self._clock.now_mono_ns() - due) // step_ns
            if behind > _CATCH_UP:
                due += (behind - _CATCH_UP) * step_ns
            while due <= self._clock.now_mono_ns():
                due += step_ns
                self._hear()
                self.plant.step()
                self._say()
            await asyncio.sleep(max(0.0, (due - self._clock.now_mono_ns()) / 1e9))

    def _say(self) -> None:
        there = {name: client for name, client in self._mqtt.items() if client.is_connected()}
        for broker, topic, payload in self.plant.due(self._clock.now_ns() // 1_000_000):
            if broker in there:  # paho would queue it and deliver it late
                there[broker].publish(topic, payload, qos=0)

    def _hear(self) -> None:
        while True:
            try:
                topic, payload = self._heard.get_nowait()
            except queue.Empty:
                return
            if topic == FAULTS:
                self._fail(payload)
                continue
            try:
                for name, value in self.plant.heard(topic, payload).items():
                    LOG.info("%s set to %g by MQTT", name, self.plant.set(name, value))
            except ValueError as error:
                LOG.warning("setpoint refused: %s", error)

    def _fail(self, payload: bytes) -> None:
        """Make go wrong what whoever shows the demo wants to."""
        try:
            for name, value in faults(payload).items():
                self.plant.fail(name, value)
                LOG.info("fault: %s %g", name, value)
        except (ValueError, KeyError) as error:
            LOG.warning("fault refused: %s", error)

    def _connected(self, client: mqtt.Client, *_args: Any) -> None:
        client.subscribe([(topic, 1) for topic in (*self.plant.topics, FAULTS)])

    def _message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if not message.retain:  # an old command that a broker kept is not a wish of now
            self._heard.put((message.topic, bytes(message.payload)))

    # ---------------------------------------------------------------- OPC UA
    async def _opcua(self) -> None:
        url = f"opc.tcp://127.0.0.1:{self._opcua_port}/"
        while True:
            client = Client(url, timeout=2)
            client.set_user(SIMULATOR)
            client.set_password("")
            try:
                async with client:
                    await self._talk(client)
            except (OSError, TimeoutError, UaError) as error:
                LOG.info("no OPC UA server: %s", error)
            await asyncio.sleep(_RETRY_S)

    async def _talk(self, client: Client) -> None:
        """Exchange with a server until it goes away.

        A setpoint is written only when it was changed here (by a controller or by MQTT), so a client's
        write in the meantime is never overwritten by its old value.
        """
        index = await client.get_namespace_index(self.plant.tree.namespace)
        nodes = {
            signal.name: client.get_node(node_id(signal.name, index)) for signal in self.plant.tree.signals
        }
        held: dict[str, float] = {}
        while True:
            await self._take_setpoints(client, nodes, held)
            values = self.plant.values()
            changed = [s for s in self._writable if held.get(s.name) != values[s.name]]
            held.update({s.name: values[s.name] for s in changed})
            told = [*self._readable, *changed]
            now_ns = self._clock.now_ns()
            await client.write_values(
                [nodes[s.name] for s in told],
                [stamped(variant(s, values[s.name]), now_ns) for s in told],
            )
            await asyncio.sleep(_WRITE_S)

    async def _take_setpoints(self, client: Client, nodes: dict[str, Node], held: dict[str, float]) -> None:
        """Follow what clients wrote; a server that was just started has nothing to say yet."""
        read = await client.read_attributes([nodes[s.name] for s in self._writable], AttributeIds.Value)
        for signal, answer in zip(self._writable, read, strict=True):
            if answer.Value is None or not (answer.StatusCode is None or answer.StatusCode.is_good()):
                continue
            value = float(answer.Value.Value)
            if held.get(signal.name) == value:
                continue
            try:
                self.plant.set(signal.name, value)
            except ValueError as error:
                LOG.warning("setpoint refused: %s", error)
                held[signal.name] = value  # so that the true one is written back
                continue
            held[signal.name] = value


async def serve(
    plant: Running, brokers: Mapping[str, int], opcua_port: int, ready: Callable[[], None], clock: Clock
) -> None:
    """Run a plant between its servers, brokers by name, until the process is ended."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a server that is away is no news here
    await Simulator(plant, brokers, opcua_port, clock).run(ready)
