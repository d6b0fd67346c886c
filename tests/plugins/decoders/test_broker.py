"""Each decoder once, from a real mosquitto to the tag table: the source, the inbox, the tick."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import cbor2
import msgpack
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.plugins.decoders.feeding import decoders
from tests.plugins.decoders.test_decoders import meter, meter_descriptors
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker, Rig

from armillary.model.link import LinkState, TopicTemplate
from armillary.model.quality import GOOD, STALE, rank
from armillary.model.tags import TagSpec
from armillary.telemetry.intake import Intake
from armillary.telemetry.links import Links
from armillary.telemetry.plan import plans
from armillary_plugins.mqtt import source as mqtt_source

pytestmark = pytest.mark.system
DOCUMENT = {"t": 1_700_000_000, "v": 12.5}
PAYLOADS: dict[str, tuple[str, str, str, bytes]] = {  # topic -> decoder, path, time, payload
    "raw": ("raw", "", "", b"12.5"),
    "json": ("json", "v", "t", json.dumps(DOCUMENT).encode()),
    "cbor": ("cbor", "v", "t", cbor2.dumps(DOCUMENT)),
    "msgpack": ("msgpack", "v", "t", msgpack.packb(DOCUMENT)),
    "protobuf": ("meter", "v", "t", meter(**DOCUMENT)),
    "struct": ("packed", "v", "t", struct.pack("<If", 1_700_000_000, 12.5)),
    "senml": ("senml", "s:v", "", b'[{"bn":"s:","n":"v","v":12.5,"t":1700000000}]'),
    "jsonl": ("jsonl", "v", "t", b'{"v":1,"t":1699999999}\n' + json.dumps(DOCUMENT).encode()),
    "csv": ("csv", "[1]", "[0]", b"1700000000,12.5"),
    "base64": ("base64|cbor", "v", "t", base64.b64encode(cbor2.dumps(DOCUMENT))),
    "hex": ("hex|packed", "v", "t", struct.pack("<If", 1_700_000_000, 12.5).hex().encode()),
    "gzip": ("gzip|json", "v", "t", gzip.compress(json.dumps(DOCUMENT).encode())),
    "auto": ("auto", "v", "t", cbor2.dumps(DOCUMENT)),
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = Broker(tmp_path_factory.mktemp("broker"))
    yield made.start()
    made.end()


@pytest.fixture
async def rig(broker: Broker, tmp_path: Path) -> AsyncIterator[Rig]:
    (tmp_path / "meter.desc").write_bytes(meter_descriptors())
    known, problems = decoders(
        tmp_path,
        meter={"kind": "protobuf", "descriptors": "meter.desc", "message": "acme.Meter"},
        packed={"kind": "struct", "format": "<If:t,v"},
    )
    assert not problems
    tags = [
        TagSpec(slot=i, name=topic, link="m", address=f"d/{topic}#{path}", time_path=time, decoder=decoder)
        for i, (topic, (decoder, path, time, _)) in enumerate(PAYLOADS.items())
    ]
    made = Rig(broker.port, tags)
    made.intake = Intake(made.plans, tags, made.inbox, known)
    assert not made.intake.problems
    await made.start()
    yield made
    await made.stop()


async def test_each_decoder_brings_its_value_and_time_over_a_real_broker(broker: Broker, rig: Rig) -> None:
    await rig.until_state(LinkState.UP)
    messages = [(f"d/{topic}", payload) for topic, (_, _, _, payload) in PAYLOADS.items()]
    await asyncio.to_thread(broker.publish, *messages, *messages)
    count = len(messages)
    await rig.until(lambda: rig.inbox.tally()["m"].messages.done == 2 * count)
    assert rig.table.value.tolist() == [12.5] * count
    assert {rank(int(q)) for q in rig.table.quality} <= {GOOD, STALE}
    own = np.array([time or topic == "senml" for topic, (_, _, time, _) in PAYLOADS.items()], np.bool_)
    assert set(rig.table.source_ns[own].tolist()) == {1_700_000_000_000_000_000}
    assert rig.inbox.tally()["m"].messages.dropped == {}


async def test_a_junk_payload_is_counted_and_kept_for_every_decoder(broker: Broker, rig: Rig) -> None:
    await rig.until_state(LinkState.UP)
    topics = [topic for topic in PAYLOADS if topic not in ("raw", "auto")]
    await asyncio.to_thread(broker.publish, *[(f"d/{topic}", b'\xc1\xff"{') for topic in topics])
    await rig.until(lambda: sum(rig.inbox.tally()["m"].messages.dropped.values()) == len(topics))
    assert rig.inbox.tally()["m"].messages.dropped == {"undecodable": len(topics)}
    assert sorted(q.channel for q in rig.intake.quarantine()) == sorted(f"d/{topic}" for topic in topics)
    assert rig.status.state is LinkState.UP


async def test_a_fleet_with_a_profile_is_listed_goes_stale_and_shows_newcomers(broker: Broker) -> None:
    tags = [
        TagSpec(slot=0, name="lamp.level", link="m", address="@lamp#brightness"),
        TagSpec(slot=1, name="P-1.v", link="m", address="site/P-1/vibration#v"),
    ]
    rig = Rig(broker.port, tags)
    rig.link = replace(rig.link, profile="zigbee2mqtt")
    template = TopicTemplate(
        filter="site/{pump}/vibration", pattern="site/+/vibration", values=(("v", "number", ""),), link="m"
    )
    rig.plans = plans([rig.link], tags, [template])
    rig.intake = Intake(rig.plans, tags, rig.inbox)
    rig.links = Links(rig.plans, {"mqtt": mqtt_source.make}, {"m": rig.context}, rig.inbox, rig.clock)
    described = [
        {"friendly_name": "lamp", "definition": {"exposes": [{"type": "numeric", "property": "brightness"}]}}
    ]
    await asyncio.to_thread(
        broker.publish, ("zigbee2mqtt/bridge/devices", json.dumps(described).encode()), retain=True
    )
    await rig.start()
    try:
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(
            broker.publish,
            ("zigbee2mqtt/lamp", b'{"brightness":7}'),
            ("site/P-1/vibration", b'{"v":1.5}'),
            ("site/P-9/vibration", b'{"v":2.5}'),
        )
        await rig.until(lambda: rig.table.value.tolist() == [7.0, 1.5] and bool(rig.intake.newcomers()))
        assert [item.address for item in rig.intake.browse("m", "@devices/lamp", 9) or ()] == [
            "zigbee2mqtt/lamp#brightness"
        ]
        assert rig.intake.newcomers() == (("site/{pump}/vibration", (("pump", "P-9"),)),)
        await asyncio.to_thread(broker.publish, ("zigbee2mqtt/lamp/availability", b'{"state":"offline"}'))

        def is_stale() -> bool:
            rig.intake.mark_away(rig.table)
            return [rank(int(q)) for q in rig.table.quality] == [STALE, GOOD]

        await rig.until(is_stale)
        assert rig.inbox.tally()["m"].messages.dropped == {}
    finally:
        await rig.stop()
        await asyncio.to_thread(broker.publish, ("zigbee2mqtt/bridge/devices", b""), retain=True)


async def test_the_content_type_of_mqtt_5_chooses_for_a_tag_that_names_no_decoder(broker: Broker) -> None:
    """0x81 begins a CBOR list and a MessagePack map alike; the sender says which it is."""
    known, _ = decoders(Path())
    tags = [TagSpec(slot=0, name="t", link="m", address="said#s:v")]
    rig = Rig(broker.port, tags)
    rig.intake = Intake(rig.plans, tags, rig.inbox, known)
    await rig.start()
    try:
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(_publish_said, broker.port, cbor2.dumps([{0: "s:v", 2: 12.5}]))
        await rig.until(lambda: rig.table.value.tolist() == [12.5])
    finally:
        await rig.stop()


def _publish_said(port: int, payload: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    about = Properties(PacketTypes.PUBLISH)
    about.ContentType = "application/senml+cbor"
    client.publish("said", payload, properties=about).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
