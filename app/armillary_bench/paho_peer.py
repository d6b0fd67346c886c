"""The peer of the benches of MQTT: paho with a handler that does nothing but count, or hand on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

LIMIT_S = 60.0


def paho_us(
    port: int,
    version: int,
    count: int,
    publish: Callable[[], AbstractContextManager[object]],
    hand_on_to: str = "",
) -> float:
    """Return µs a message of paho subscribed to `bench/#`, with a handler that only counts.

    publish: gives what sends `count` messages to `bench/…` from its entry on. hand_on_to: a topic where the
    handler publishes each one again at QoS 1; what the broker acknowledges is counted then.
    """
    done, up = threading.Event(), threading.Event()
    seen = 0

    # Any: paho has no type hints
    def count_one(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            done.set()

    def hand_on(client: Any, _data: Any, message: Any) -> None:
        client.publish(hand_on_to, message.payload, qos=1)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version))
    if hand_on_to:
        client.on_message, client.on_publish = hand_on, count_one
    else:
        client.on_message = count_one
    client.on_subscribe = lambda *_: up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("bench/#")
    if not up.wait(LIMIT_S):
        raise AssertionError("paho was not subscribed")
    with publish():
        before = time.process_time()
        if not done.wait(LIMIT_S):
            raise AssertionError(f"paho received {seen} of {count}")
        spent = time.process_time() - before
    client.disconnect()
    client.loop_stop()
    return spent / count * 1e6
