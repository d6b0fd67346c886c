"""The running station: steps the physics in real time and keeps the servers told.

Writes measured values to the OPC UA server and publishes to the MQTT broker; reads setpoints from both.
Either server may go away and come back at any time; the physics goes on.
"""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError
from paho.mqtt.enums import CallbackAPIVersion

from armillary.api import Clock
from armillary_plugins.demo_plant import messages
from armillary_plugins.demo_plant.nodes import node_id, stamped, variant
from armillary_plugins.demo_plant.signals import NAMESPACE, SIGNALS, SIMULATOR
from armillary_plugins.demo_plant.station import STEP_S, Station

LOG = logging.getLogger("armillary.demo_plant")
_STEP_NS = int(STEP_S * 1e9)
_CATCH_UP = 10  # steps after a pause of the machine; the rest is given up
_WRITE_S = 0.25
_RETRY_S = 0.5
_READABLE = [signal for signal in SIGNALS if not signal.writable]
_WRITABLE = [signal for signal in SIGNALS if signal.writable]


class Simulator:
    """One station between a broker and a server of the loopback."""

    def __init__(self, seed: int, broker_port: int, opcua_port: int, clock: Clock) -> None:
        self.station = Station(seed)
        self._clock = clock
        self._broker_port, self._opcua_port = broker_port, opcua_port
        self._heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()  # from paho's thread
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=mqtt.MQTTv311)
        self._mqtt.reconnect_delay_set(min_delay=1, max_delay=2)
        self._mqtt.on_connect = self._connected
        self._mqtt.on_message = self._message

    async def run(self, ready: Callable[[], None]) -> None:
        """Run until cancelled."""
        self._mqtt.connect_async("127.0.0.1", self._broker_port, keepalive=10)
        self._mqtt.loop_start()
        try:
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._steps())
                tasks.create_task(self._opcua())
        finally:
            self._mqtt.disconnect()
            self._mqtt.loop_stop()

    # ---------------------------------------------------------------- physics and MQTT
    async def _steps(self) -> None:
        due = self._clock.now_mono_ns()
        while True:
            behind = (self._clock.now_mono_ns() - due) // _STEP_NS
            if behind > _CATCH_UP:
                due += (behind - _CATCH_UP) * _STEP_NS
            while due <= self._clock.now_mono_ns():
                due += _STEP_NS
                self._hear()
                self.station.step()
                self._say()
            await asyncio.sleep(max(0.0, (due - self._clock.now_mono_ns()) / 1e9))

    def _say(self) -> None:
        if not self._mqtt.is_connected():
            return  # paho would queue it and deliver it late
        for topic, payload in messages.due(self.station, self._clock.now_ns() // 1_000_000):
            self._mqtt.publish(topic, payload, qos=0)

    def _hear(self) -> None:
        while True:
            try:
                topic, payload = self._heard.get_nowait()
            except queue.Empty:
                return
            if topic == messages.FAULTS:
                self._fail(payload)
                continue
            try:
                for name, value in messages.setpoints(topic, payload).items():
                    LOG.info("%s set to %g by MQTT", name, self.station.set(name, value))
            except ValueError as error:
                LOG.warning("setpoint refused: %s", error)

    def _fail(self, payload: bytes) -> None:
        """Make go wrong what whoever shows the demo wants to."""
        try:
            for name, value in messages.faults(payload).items():
                self.station.fail(name, value)
                LOG.info("fault: %s %g", name, value)
        except (ValueError, KeyError) as error:
            LOG.warning("fault refused: %s", error)

    def _connected(self, client: mqtt.Client, *_args: Any) -> None:
        client.subscribe([(topic, 1) for topic in messages.COMMANDS])

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
        index = await client.get_namespace_index(NAMESPACE)
        nodes = {signal.name: client.get_node(node_id(signal.name, index)) for signal in SIGNALS}
        held: dict[str, float] = {}
        while True:
            await self._take_setpoints(client, nodes, held)
            values = self.station.values()
            changed = [s for s in _WRITABLE if held.get(s.name) != values[s.name]]
            held.update({s.name: values[s.name] for s in changed})
            told = [*_READABLE, *changed]
            now_ns = self._clock.now_ns()
            await client.write_values(
                [nodes[s.name] for s in told],
                [stamped(variant(s, values[s.name]), now_ns) for s in told],
            )
            await asyncio.sleep(_WRITE_S)

    async def _take_setpoints(self, client: Client, nodes: dict[str, Node], held: dict[str, float]) -> None:
        """Follow what clients wrote; a server that was just started has nothing to say yet."""
        read = await client.read_attributes([nodes[s.name] for s in _WRITABLE], AttributeIds.Value)
        for signal, answer in zip(_WRITABLE, read, strict=True):
            if answer.Value is None or not (answer.StatusCode is None or answer.StatusCode.is_good()):
                continue
            value = float(answer.Value.Value)
            if held.get(signal.name) == value:
                continue
            try:
                self.station.set(signal.name, value)
            except ValueError as error:
                LOG.warning("setpoint refused: %s", error)
                held[signal.name] = value  # so that the true one is written back
                continue
            held[signal.name] = value


async def serve(seed: int, ports: dict[str, int], ready: Callable[[], None], clock: Clock) -> None:
    """Run the station between its servers until the process is ended."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a server that is away is no news here
    await Simulator(seed, ports["broker"], ports["opcua"], clock).run(ready)
