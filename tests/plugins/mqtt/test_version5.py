"""What MQTT 5 tells beside payloads, and sessions that outlive a connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from armillary.api import LinkSpec
from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.quality import GOOD, RANK_MASK, STALE, UNCERTAIN
from armillary.model.sample import WAITED
from armillary.model.tags import TagSpec
from armillary.telemetry.aside import unexpired
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.framer import Framer
from armillary_plugins.mqtt.rows import REST_NS, Channels
from armillary_plugins.mqtt.settings import settings_of

CLIENTS = pytest.mark.parametrize("client", ["own", "paho"])
TAGS = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"d/{i}") for i in range(3)]


class Sender:
    """A publisher that can say things beside its payloads."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        up = threading.Event()
        self.client.on_connect = lambda *_: up.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert up.wait(5)

    def send(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, **said: Any) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        for name, value in said.items():
            setattr(properties, name, value)
        info = self.client.publish(topic, payload, qos, retain, properties)
        info.wait_for_publish(5)
        assert info.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def sender(broker: Any) -> Iterator[Sender]:
    made = Sender(broker.port)
    yield made
    made.close()


def rank(rig: Any, slot: int) -> int:
    return int(rig.table.quality[slot] & RANK_MASK)


@CLIENTS
async def test_user_properties_give_a_message_its_time_and_quality(
    broker: Any, make_rig: Any, sender: Sender
) -> None:
    rig = await make_rig(broker.port, TAGS, user_properties={"time": "ts", "quality": "q"})
    await rig.until_state(LinkState.UP)
    now_ms = rig.clock.now_ns() // 1_000_000 - 700
    said = {"UserProperty": [("ts", str(now_ms)), ("site", "north"), ("q", "uncertain")]}
    await asyncio.to_thread(sender.send, "d/0", b"5", **said)
    await asyncio.to_thread(sender.send, "d/1", b"6", UserProperty=[("q", "odd"), ("ts", "yesterday")])
    await asyncio.to_thread(sender.send, "d/2", b"7", UserProperty=[("q", "GOOD")])
    await rig.until(lambda: rank(rig, 2) == GOOD)
    assert rig.table.value.tolist() == [5.0, 6.0, 7.0]
    assert rig.table.source_ns[0] == now_ms * 1_000_000
    assert rig.table.source_ns[1] == rig.table.arrival_ns[1]  # a time that cannot be read is none
    assert [rank(rig, i) for i in range(3)] == [UNCERTAIN, UNCERTAIN, GOOD]


@CLIENTS
async def test_a_message_that_says_it_is_of_the_past_never_becomes_the_value(
    broker: Any, make_rig: Any, sender: Sender
) -> None:
    rig = await make_rig(broker.port, TAGS)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(sender.send, "d/0", b"5", UserProperty=[("historical", "1")])
    await asyncio.to_thread(sender.send, "d/1", b"6", UserProperty=[("historical", "0")])
    await asyncio.to_thread(sender.send, "d/2", b"7")
    await rig.until(lambda: rank(rig, 2) == GOOD)
    assert rig.table.value.tolist()[1:] == [6.0, 7.0]
    assert np.isnan(rig.table.value[0])
    assert rig.inbox.tally()["m"].samples.late == 1


@CLIENTS
@pytest.mark.parametrize("version", [4, 5])
async def test_a_durable_session_brings_what_was_missed_as_stale_until_a_live_value_comes(
    broker: Any, make_rig: Any, version: int
) -> None:
    settings = {"version": version, "durable": True}
    await asyncio.to_thread(broker.publish, ("d/2", b"9"), retain=True)
    first = await make_rig(broker.port, TAGS, **settings)
    await first.until_state(LinkState.UP)
    await first.until(lambda: rank(first, 2) == STALE)
    await first.stop()
    first.task = None
    await asyncio.to_thread(broker.publish, *[("d/0", b"%d" % i) for i in range(50)], qos=1)
    rig = await make_rig(broker.port, TAGS, **settings)
    await rig.until_state(LinkState.UP)
    await rig.until(lambda: rig.inbox.tally()["m"].messages.done >= 50)
    assert rig.table.value[0] == 49.0
    assert rank(rig, 0) == STALE  # nobody knows how old it is
    if version == 5:  # 3.1.1 always sends retained values again
        assert rig.inbox.tally()["m"].messages.received == 50
    if version == 4:  # whether all of it has come cannot be known: for a while everything counts as old
        await rig.until(lambda: rig.clock.now_mono_ns() > rig.inbox.signs()["m"].arrival_mono_ns + REST_NS)
    await asyncio.to_thread(broker.publish, ("d/0", b"60"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    assert any("The session went on; the history may have a gap." in e.text for e in rig.links.take_events())


async def test_a_filter_may_ask_for_no_retained_values(broker: Any, make_rig: Any) -> None:
    await asyncio.to_thread(broker.publish, ("d/0", b"1"), ("d/1", b"2"), retain=True)
    rig = await make_rig(
        broker.port, TAGS, subscribe=[{"filter": "d/0", "retained": "never"}, {"filter": "d/1"}]
    )
    await rig.until(lambda: rank(rig, 1) == STALE)
    await asyncio.to_thread(broker.publish, ("d/2", b"3"))
    assert rig.inbox.tally()["m"].messages.received == 1


@CLIENTS
async def test_members_of_a_shared_filter_share_the_messages_and_say_what_that_costs(
    broker: Any, make_rig: Any
) -> None:
    rigs = [await make_rig(broker.port, TAGS, subscribe=["$share/g/d/#"]) for _ in range(2)]
    for rig in rigs:
        await rig.until_state(LinkState.UP)
        assert rig.status.detail.endswith("shared with other clients: order not kept, no alarms")
    await asyncio.to_thread(broker.publish, *[("d/0", b"%d" % i) for i in range(100)], qos=1)

    def counts() -> list[int]:
        for rig in rigs:
            rig.tick()
        return [rig.inbox.tally()["m"].messages.received for rig in rigs]

    await rigs[0].until(lambda: sum(counts()) == 100)
    assert min(counts()) > 0


# ---- without a broker


def framer(version: int = 5, **settings: Any) -> Framer:
    made = settings_of(LinkSpec(name="m", kind="mqtt", url="mqtt://h", settings=settings))
    return Framer(Channels(), version, made)


def publish(topic: bytes, payload: bytes, properties: bytes = b"") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + bytes([len(properties)]) + properties + payload
    return bytes([0x30, len(body)]) + body


def text(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def test_content_types_are_told_with_their_messages() -> None:
    it = framer()
    it.feed(publish(b"a", b"1") + publish(b"a", b"2", text(3, b"application/cbor")), 1, 1)
    batch = it.taken("m")
    assert batch is not None
    assert batch.content is not None
    assert [batch.contents[i] for i in batch.content] == ["", "application/cbor"]
    it.feed(publish(b"a", b"3"), 2, 2)
    plain = it.taken("m")
    assert plain is not None
    assert plain.content is None


def test_a_message_without_life_left_is_dropped_and_counted_and_a_short_life_ends_in_the_inbox() -> None:
    it = framer()
    lives = [b"\x02" + s.to_bytes(4, "big") for s in (0, 2, 3_600)]
    it.feed(b"".join(publish(b"a", b"%d" % i, life) for i, life in enumerate(lives)), 1, 10 * NS)
    assert it.expired == 1
    batch = it.taken("m")
    assert batch is not None
    assert batch.payload == b"12"
    assert unexpired(batch, 11 * NS) == (batch, 0)
    left, gone = unexpired(batch, 13 * NS)
    assert (left.payload, gone) == (b"2", 1)
    assert unexpired(left, 10_000 * NS) == (left, 0)  # an hour: nothing waits here for so long


def test_repeated_subscription_ids_and_unnamed_user_properties_are_passed_over() -> None:
    it = framer(user_properties={"time": "ts"})
    said = b"\x0b\x07\x0b\xc8\x01" + b"\x26\x00\x01x\x00\x01y"
    it.feed(publish(b"a", b"1", said), 1, 1)
    batch = it.taken("m")
    assert batch is not None
    assert batch.payload == b"1"
    assert not batch.aside


def test_what_comes_between_a_resumed_session_and_its_first_answer_waited_at_the_broker() -> None:
    it = framer(durable=True)
    present, suback = b"\x20\x03\x01\x00\x00", b"\x90\x04\x00\x01\x00\x00"
    it.feed(present + publish(b"a", b"1") + publish(b"a", b"2") + suback + publish(b"a", b"3"), 1, 1)
    batch = it.taken("m")
    assert batch is not None
    assert batch.flags.tolist() == [WAITED, WAITED, 0]
    other = framer()  # a clean session has nothing that waited, whatever a broker says
    other.feed(present + publish(b"a", b"1"), 1, 1)
    batch = other.taken("m")
    assert batch is not None
    assert batch.flags.tolist() == [0]


def test_a_connect_says_how_much_we_take_and_how_long_a_session_lasts() -> None:
    clean = codec.connect(5, "me", 10, "", "", 2_000)
    assert clean[9] & 0x02  # clean start
    assert b"\x21" + (1000).to_bytes(2, "big") in clean  # receive maximum
    assert b"\x27" + (2_000).to_bytes(4, "big") in clean  # maximum packet size
    assert b"\x22" + (1000).to_bytes(2, "big") in clean  # topic alias maximum
    kept = codec.connect(5, "me", 10, "", "", 2_000, 3_600)
    assert not kept[9] & 0x02
    assert b"\x11" + (3_600).to_bytes(4, "big") in kept


def test_a_durable_link_has_the_same_client_id_at_every_start(tmp_path: Any) -> None:
    link = LinkSpec(name="m", kind="mqtt", url="mqtt://h", settings={"durable": True})
    ids = {settings_of(link, tmp_path).client_id for _ in range(2)}
    assert len(ids) == 1
    assert ids != {settings_of(link, tmp_path / "other").client_id}
    assert settings_of(link, tmp_path).qos == 1
