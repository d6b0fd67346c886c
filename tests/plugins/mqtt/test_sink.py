"""The MQTT command sink against a real mosquitto."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from armillary.api import CommandSink, LinkSpec, OrderFault, SourceContext, WallClock, Write
from armillary_plugins.mqtt.sink import make

NS = 1_000_000_000
CLOCK = WallClock()


def sink(port: int, **settings: Any) -> CommandSink:
    link = LinkSpec(name="m", kind="mqtt", url=f"mqtt://127.0.0.1:{port}", settings=settings, commands=True)
    return make(SourceContext(link=link, clock=CLOCK, secret={}.__getitem__, project=Path()))


def write(address: str, value: float = 12.5, kind: str = "number", life_s: float = 5.0) -> Write:
    not_after = CLOCK.now_ns() + int(life_s * NS)
    return Write(
        id="0b9f", link="m", address=address, value=value, kind=kind, not_after_ns=not_after, key="k"
    )


@contextmanager
def listening(port: int, topic: str) -> Iterator[list[Any]]:
    """Collect messages of a topic with an MQTT 5 client of its own."""
    got: list[Any] = []
    up = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _c, _u, message: got.append(message)
    client.on_subscribe = lambda *_: up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(topic, 1)
    assert up.wait(3)
    yield got
    client.disconnect()
    client.loop_stop()


async def until(condition: Any) -> None:
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("address", "kind", "value", "settings", "topic", "payload"),
    [
        ("skid/sp#value", "number", 12.5, {}, "skid/sp/set", b'{"value": 12.5}'),
        ("skid/sp#a.b", "number", 3.0, {"command_topic": "cmd/{topic}"}, "cmd/skid/sp", b'{"a": {"b": 3.0}}'),
        ("skid/sp#a", "number", 3.0, {"command_payload": "raw"}, "skid/sp/set", b"3.0"),
        ("skid/run", "bool", 1.0, {}, "skid/run/set", b"true"),
        ("skid/mode", "enum", 2.0, {"version": 4}, "skid/mode/set", b"2"),
        (
            "skid/sp",
            "number",
            3.5,
            {"command_payload": "json", "version": 5},
            "skid/sp/set",
            b'{"value": 3.5}',
        ),
    ],
)
async def test_a_write_reaches_the_device_as_configured(
    broker: Any, address: str, kind: str, value: float, settings: dict[str, Any], topic: str, payload: bytes
) -> None:
    with listening(broker.port, "#") as got:
        await sink(broker.port, **settings).execute(write(address, value, kind))
        await until(lambda: got)
    assert (got[0].topic, got[0].payload, got[0].qos, got[0].retain) == (topic, payload, 1, False)


async def test_a_command_carries_its_expiry_and_its_id(broker: Any) -> None:
    with listening(broker.port, "#") as got:
        await sink(broker.port).execute(write("a#v", life_s=4.2))
        await until(lambda: got)
    assert got[0].properties.MessageExpiryInterval in (4, 5)
    assert got[0].properties.CorrelationData == b"0b9f"


async def test_a_command_to_a_dead_broker_fails_and_is_never_sent_later(broker: Any) -> None:
    it = sink(broker.port)
    broker.end()
    with pytest.raises(OrderFault, match=r"was not sent: Nobody listens.*Start the broker"):
        await it.execute(write("a#v"))
    broker.start()
    with listening(broker.port, "#") as got:
        await asyncio.sleep(1.0)  # the time in which a client library's store would have delivered it
        assert got == []


async def test_a_command_that_nobody_takes_says_so(broker: Any) -> None:
    with pytest.raises(OrderFault, match="Nobody took the command"):
        await sink(broker.port).execute(write("a#v"))


async def test_a_command_past_its_time_is_not_sent(broker: Any) -> None:
    with listening(broker.port, "#") as got:
        with pytest.raises(OrderFault, match="too old and was not sent"):
            await sink(broker.port).execute(write("a#v", life_s=-1.0))
        assert got == []


async def test_a_wrong_command_topic_is_named(broker: Any) -> None:
    for template in ("{nope}/set", "a/#", ""):
        with pytest.raises(OrderFault, match="command topic of 'a#v' cannot be used"):
            await sink(broker.port, command_topic=template).execute(write("a#v"))


async def test_two_writes_at_once_both_arrive(broker: Any) -> None:
    it = sink(broker.port)
    with listening(broker.port, "#") as got:
        await asyncio.gather(it.execute(write("a#v", 1.0)), it.execute(write("b#v", 2.0)))
        await until(lambda: len(got) == 2)
    assert sorted(m.topic for m in got) == ["a/set", "b/set"]


# ---------------------------------------------------------------- a device that answers


@contextmanager
def device(port: int, answer: bytes | None) -> Iterator[list[Any]]:
    """Answer each command on the topic that it names, with its correlation data."""
    got: list[Any] = []
    up = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)

    def on_message(_client: Any, _user: Any, message: Any) -> None:
        got.append(message)
        if answer is not None:
            properties = Properties(PacketTypes.PUBLISH)
            properties.CorrelationData = message.properties.CorrelationData
            client.publish(message.properties.ResponseTopic, answer, qos=1, properties=properties)

    client.on_message = on_message
    client.on_subscribe = lambda *_: up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("+/set", 1)
    assert up.wait(3)
    yield got
    client.disconnect()
    client.loop_stop()


ANSWERS = "answers/{link}/{id}"


@pytest.mark.parametrize("answer", [b'{"ok": true}', b"", b"done"])
async def test_a_device_is_asked_to_answer_and_its_yes_is_waited_for(broker: Any, answer: bytes) -> None:
    with device(broker.port, answer) as got:
        await sink(broker.port, response_topic=ANSWERS).execute(write("a#v"))
    assert got[0].properties.ResponseTopic == "answers/m/0b9f"
    assert got[0].properties.CorrelationData == b"0b9f"


async def test_a_device_that_says_no_is_quoted(broker: Any) -> None:
    said = b'{"ok": false, "reason": "door open"}'
    with device(broker.port, said), pytest.raises(OrderFault, match="Refused by the plant: door open"):
        await sink(broker.port, response_topic=ANSWERS).execute(write("a#v"))


async def test_a_device_that_does_not_answer_leaves_the_outcome_open(broker: Any) -> None:
    with device(broker.port, None) as got:
        with pytest.raises(TimeoutError):
            await sink(broker.port, response_topic=ANSWERS).execute(write("a#v", life_s=0.5))
        assert len(got) == 1


async def test_a_response_topic_without_an_id_is_refused(broker: Any) -> None:
    for template in ("answers", "a/#/{id}", "{nope}/{id}"):
        with pytest.raises(OrderFault, match="response topic cannot be used"):
            await sink(broker.port, response_topic=template).execute(write("a#v"))
