"""Profiles: short addresses to values, catalogues to items, presence to quality."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from armillary.model.link import PROFILES as NAMES
from armillary.model.link import BrowseItem, LinkSpec, TopicTemplate
from armillary.model.quality import COMM, GOOD, STALE, rank
from armillary.model.sample import SOURCE_TIME_ASSUMED, WireBatch
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.decode import Decoding
from armillary.telemetry.devices import stale
from armillary.telemetry.plan import plans, problems
from armillary.telemetry.profiles import PROFILES

NOW = 1_750_000_000_000_000_000
CHIRPSTACK = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2022-07-18T09:34:15.775023242+00:00",
    "deviceInfo": {
        "applicationName": "a",
        "deviceName": "d",
        "devEui": "0101010101010101",
        "tags": {"key": "value"},
    },
    "devAddr": "00189440",
    "dr": 1,
    "fPort": 1,
    "data": "qg==",
    "object": {"temperature": 21.5, "door": True},
    "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -48, "snr": 9.0}],
}
TTN = {
    "end_device_ids": {"device_id": "dev1", "dev_eui": "0004A30B001C0530"},
    "received_at": "2020-02-12T15:15:45.787500Z",
    "uplink_message": {
        "frm_payload": "gkHe",
        "decoded_payload": {"temperature": 1.5},
        "received_at": "2020-02-12T15:15:45.787Z",
    },
}
CHIRP_UP = "application/5/device/0101010101010101/event/up"
CHIRP_NS = 1_658_136_855_775_023_000
TASMOTA = {"Time": "2018-06-17T20:12:31", "SI7021": {"Temperature": 21.4, "Humidity": 40}, "TempUnit": "C"}


def wire(*messages: tuple[str, object]) -> WireBatch:
    channels = tuple(dict.fromkeys(name for name, _ in messages))
    payloads = [m if isinstance(m, bytes) else json.dumps(m).encode() for _, m in messages]
    n = len(messages)
    return WireBatch(
        link="m",
        channel=np.array([channels.index(name) for name, _ in messages], np.uint32),
        channels=channels,
        start=np.concatenate(([0], np.cumsum([len(p) for p in payloads]))).astype(np.int64),
        payload=b"".join(payloads),
        arrival_ns=np.full(n, NOW),
        arrival_mono_ns=np.arange(n, dtype=np.int64) + 1,
        flags=np.zeros(n, np.uint8),
    )


def link(profile: str, **settings: str) -> LinkSpec:
    return LinkSpec(name="m", kind="mqtt", url="mqtt://x", profile=profile, profile_settings=settings)


def made(profile: str, *addresses: str, **settings: str) -> Decoding:
    tags = [TagSpec(slot=i, name=f"t{i}", link="m", address=a) for i, a in enumerate(addresses)]
    assert not problems([link(profile, **settings)], tags)
    (plan,) = plans([link(profile, **settings)], tags)
    out = Decoding(plan)
    assert not out.problems
    return out


def test_the_names_that_a_project_may_give_are_those_that_are_known() -> None:
    assert set(NAMES) == set(PROFILES)


@pytest.mark.parametrize(
    ("profile", "address", "topic", "payload", "value", "source_ns"),
    [
        ("chirpstack-v4", "@0101010101010101#temperature",
         CHIRP_UP, CHIRPSTACK, 21.5, CHIRP_NS),
        ("chirpstack-v4", "@0101010101010101#$.rxInfo[0].rssi",
         CHIRP_UP, CHIRPSTACK, -48.0, CHIRP_NS),
        ("ttn-v3", "@dev1#temperature", "v3/app@tenant/devices/dev1/up", TTN, 1.5, 1_581_520_545_787_500_000),
        ("ttn-v3", "@dev1#$.uplink_message.f_port", "v3/app@tenant/devices/dev1/up", TTN, 0.0,
         1_581_520_545_787_500_000),
        ("lwm2m", "@ep1#/3303/0/5700", "lwm2m/ep1/3303/0/5700",
         {"kind": "singleResource", "id": 5700, "type": "FLOAT", "value": 21.3}, 21.3, NOW),
        ("zigbee2mqtt", "@lamp#brightness", "zigbee2mqtt/lamp", {"brightness": 120}, 120.0, NOW),
        ("zigbee2mqtt", "@lamp#brightness", "zigbee2mqtt/lamp",
         {"brightness": 120, "last_seen": "2025-06-15T15:06:40Z"}, 120.0, 1_750_000_000_000_000_000),
        ("homie-5", "@tank#level/value", "homie/5/tank/level/value", b"2.5", 2.5, NOW),
        ("tasmota", "@shed#SI7021.Temperature", "tele/shed/SENSOR", TASMOTA, 21.4, NOW),
        ("tasmota", "@shed#STATE.Wifi.RSSI", "tele/shed/STATE", {"Wifi": {"RSSI": 80}}, 80.0, NOW),
        ("shelly-gen2", "@p-1#switch:0.apower", "p-1/status/switch:0", {"id": 0, "apower": 8.9}, 8.9, NOW),
        ("home-assistant", "any/topic#a.b", "any/topic", {"a": {"b": 3}}, 3.0, NOW),
    ],
)  # fmt: skip
def test_a_short_address_finds_its_value_and_its_time(
    profile: str, address: str, topic: str, payload: object, value: float, source_ns: int
) -> None:
    it = made(profile, address)
    for _ in range(2):
        done = it.decode([wire((topic, payload))])
        assert done.samples.value.tolist() == [value]
        assert done.samples.source_ns.tolist() == [source_ns]
        assumed = source_ns == NOW and "last_seen" not in str(payload)
        assert bool(done.samples.flags[0] & SOURCE_TIME_ASSUMED) == assumed


def test_settings_of_a_profile_move_its_topics() -> None:
    it = made("chirpstack-v4", "@AB#x", prefix="eu868", application="7")
    done = it.decode([wire(("eu868/application/7/device/ab/event/up", {"object": {"x": 4}}))])
    assert done.samples.value.tolist() == [4.0]
    (plan,) = plans([link("zigbee2mqtt", prefix="home/z")], [])
    assert plan.listen == ("home/z/bridge/devices",)


def test_a_value_that_a_decoder_left_out_keeps_while_an_omitted_field_is_zero() -> None:
    it = made("ttn-v3", "@dev1#humidity", "@dev1#$.uplink_message.f_cnt")
    done = it.decode([wire(("v3/a/devices/dev1/up", TTN))])
    assert done.samples.slot.tolist() == [1]
    assert done.samples.value.tolist() == [0.0]


def test_an_address_that_the_profile_cannot_read_is_named() -> None:
    tags = [TagSpec(slot=0, name="t", link="m", address="@device")]
    (problem,) = problems([link("zigbee2mqtt")], tags)
    assert "not one that zigbee2mqtt knows" in problem.what


# ---- catalogues

Z2M = [
    {"friendly_name": "Coordinator", "definition": None},
    {
        "friendly_name": "lamp",
        "definition": {
            "exposes": [
                {
                    "type": "light",
                    "features": [
                        {
                            "type": "binary",
                            "property": "state",
                            "value_on": "ON",
                            "value_off": "OFF",
                            "access": 7,
                        },
                        {
                            "type": "numeric",
                            "property": "brightness",
                            "value_min": 0,
                            "value_max": 254,
                            "access": 7,
                        },
                    ],
                },
                {
                    "type": "numeric",
                    "property": "temperature",
                    "unit": "°C",
                    "access": 1,
                    "label": "Temperature",
                },
                {"type": "enum", "property": "mode", "values": ["eco", "boost"], "access": 3},
                {"type": "composite-nonsense"},
            ]
        },
    },
]


def listed(it: Decoding, device: str) -> dict[str, BrowseItem]:
    items = it.devices.items(f"@devices/{device}", 100)
    assert items is not None
    return {item.address: item for item in items}


def test_zigbee2mqtt_lists_names_units_ranges_and_what_can_be_set() -> None:
    it = made("zigbee2mqtt")
    done = it.decode([wire(("zigbee2mqtt/bridge/devices", Z2M))])
    assert (done.messages, done.dropped) == (1, {})
    assert [(f.address, f.name) for f in it.devices.folders()] == [("@devices", "Devices (1)")]
    assert [f.name for f in it.devices.items("@devices", 10) or ()] == ["lamp"]
    items = listed(it, "lamp")
    brightness = items["zigbee2mqtt/lamp#brightness"]
    assert (brightness.low, brightness.high, brightness.writable) == (0.0, 254.0, True)
    assert items["zigbee2mqtt/lamp#state"].states == ((0.0, "OFF"), (1.0, "ON"))
    temperature = items["zigbee2mqtt/lamp#temperature"]
    assert (temperature.name, temperature.unit, temperature.writable) == ("Temperature", "°C", False)
    assert items["zigbee2mqtt/lamp#mode"].states == ((0.0, "eco"), (1.0, "boost"))


def test_home_assistant_discovery_is_translated_and_an_empty_payload_removes() -> None:
    it = made("home-assistant")
    sensor = {
        "~": "kitchen/sensor",
        "stat_t": "~/state",
        "val_tpl": "{{ value_json.env['temp'] | float }}",
        "unit_of_meas": "°C",
        "name": "Temperature",
        "dev": {"name": "Kitchen", "ids": ["k1"]},
    }
    hard = {"state_topic": "k/x", "value_template": "{{ value_json.a * 2 }}", "device": {"name": "Kitchen"}}
    bundle = {
        "dev": {"name": "Garage"},
        "state_topic": "garage/state",
        "cmps": {
            "door": {
                "p": "binary_sensor",
                "val_tpl": "{{ value_json.door }}",
                "pl_on": "open",
                "pl_off": "shut",
            },
            "light": {"p": "light", "cmd_t": "garage/light/set", "stat_t": "garage/light"},
        },
    }
    it.decode(
        [
            wire(
                ("homeassistant/sensor/kitchen/t/config", sensor),
                ("homeassistant/sensor/kitchen/x/config", hard),
                ("homeassistant/device/garage/config", bundle),
            )
        ]
    )
    kitchen = listed(it, "Kitchen")
    assert kitchen["kitchen/sensor/state#env['temp']"].unit == "°C"
    assert "needs a hand" in kitchen["k/x"].value
    garage = listed(it, "Garage")
    assert garage["garage/state#door"].states == ((0.0, "shut"), (1.0, "open"))
    assert garage["garage/light"].writable
    it.decode([wire(("homeassistant/device/garage/config", b""))])
    assert [f.name for f in it.devices.items("@devices", 10) or ()] == ["Kitchen"]


DESCRIPTION = {
    "homie": "5.0",
    "version": 7,
    "root": "hub",
    "nodes": {
        "level": {
            "properties": {
                "value": {"datatype": "float", "unit": "m", "format": "0:10", "name": "Level"},
                "pump": {"datatype": "enum", "format": "off,on,auto", "settable": True},
            }
        }
    },
}


def test_homie_describes_its_properties() -> None:
    it = made("homie-5")
    it.decode([wire(("homie/5/tank/$description", DESCRIPTION))])
    items = listed(it, "tank")
    value, pump = items["homie/5/tank/level/value"], items["homie/5/tank/level/pump"]
    assert (value.name, value.unit, value.low, value.high) == ("Level", "m", 0.0, 10.0)
    assert pump.states == ((0.0, "off"), (1.0, "on"), (2.0, "auto"))
    assert pump.writable
    assert math.isnan(pump.low)


def test_tasmota_lists_the_sensors_of_its_discovery() -> None:
    it = made("tasmota")
    it.decode(
        [wire(("tasmota/discovery/A1B2/sensors", {"sn": {"Time": "x", "DS18B20": {"Temperature": 4.5}}}))]
    )
    assert list(listed(it, "A1B2")) == ["tele/A1B2/SENSOR#DS18B20.Temperature"]


def test_lwm2m_names_resources_by_the_registry() -> None:
    it = made("lwm2m", "@ep1#/3303/0/5700")
    value = {"kind": "singleResource", "id": 5700, "type": "FLOAT", "value": 21.3}
    messages = [("lwm2m/ep2/3303/1/5700", value), ("lwm2m/ep2/9999/0/5850", {"value": True})]
    done = it.decode([wire(("lwm2m/ep1/3303/0/5700", value), *messages, *messages)])
    assert done.samples.value.tolist() == [21.3]
    assert (done.messages, done.dropped) == (5, {})
    items = listed(it, "ep2")
    temperature = items["lwm2m/ep2/3303/1/5700#value"]
    assert (temperature.name, temperature.unit, temperature.data_type) == (
        "temperature 1 value",
        "°C",
        "number",
    )
    other = items["lwm2m/ep2/9999/0/5850#value"]
    assert (other.name, other.unit, other.data_type) == ("object 9999 0 on/off", "", "bool")


NONSENSE = [
    b"",
    b"\xff",
    b"[]",
    b"null",
    b"7",
    b'{"nodes":[1]}',
    b'[{"definition":{"exposes":[7,{"features":3}]}}]',
    b'{"sn":7}',
    b'{"components":{"a":5},"state_topic":7}',
    b'{"nodes":{"a":{"properties":{"b":3}}}}',
]


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("payload", NONSENSE)
def test_a_catalogue_of_nonsense_is_passed_over(profile: str, payload: bytes) -> None:
    it = made(profile)
    (plan,) = plans([link(profile)], [])
    for pattern in plan.listen:
        done = it.decode([wire((pattern.replace("+", "x"), payload))])
        assert done.messages == 1


# ---- presence


def away(it: Decoding, *messages: tuple[str, object]) -> list[int]:
    it.decode([wire(*messages)])
    return it.devices.take_away().tolist()


@pytest.mark.parametrize(
    ("profile", "topic", "gone", "here"),
    [
        ("zigbee2mqtt", "zigbee2mqtt/d/availability", {"state": "offline"}, {"state": "online"}),
        ("zigbee2mqtt", "zigbee2mqtt/d/availability", b"offline", b"online"),
        ("homie-5", "homie/5/d/$state", b"lost", b"ready"),
        ("tasmota", "tele/d/LWT", b"Offline", b"Online"),
        ("shelly-gen2", "d/online", b"false", b"true"),
    ],
)
def test_a_device_that_says_it_is_away_turns_its_tags_stale(
    profile: str, topic: str, gone: object, here: object
) -> None:
    it = made(profile, "@d#a.b", "@d#c.d", "@other#a.b")
    assert topic in plans([link(profile)], [TagSpec(slot=0, name="t", link="m", address="@d#a.b")])[0].listen
    assert away(it, (topic, here)) == []
    assert away(it, (topic, gone)) == [0, 1]
    assert away(it, (topic, gone), (topic, here)) == []
    table = TagTable(3)
    table.quality[:] = [GOOD, GOOD, GOOD]
    stale(table, np.array([0, 1], np.uint32))
    assert [rank(int(q)) for q in table.quality] == [STALE, STALE, GOOD]
    assert table.quality[0] & COMM
    assert table.dirty.tolist() == [True, True, False]


def test_presence_counts_where_its_topic_is_a_tag_as_well() -> None:
    it = made("zigbee2mqtt", "@d#a", "zigbee2mqtt/d/availability#state")
    done = it.decode([wire(("zigbee2mqtt/d/availability", {"state": "offline"}))])
    assert it.devices.take_away().tolist() == [0]
    assert (done.messages, done.dropped) == (1, {})


def test_a_lost_root_of_homie_takes_its_children_along() -> None:
    it = made("homie-5", "@tank#level/value", "@hub#a/b", "@alone#a/b")
    assert away(it, ("homie/5/tank/$description", DESCRIPTION), ("homie/5/hub/$state", b"lost")) == [0, 1]


# ---- templates


def test_a_topic_that_fits_a_template_and_has_no_tag_is_listed_as_new() -> None:
    spec = LinkSpec(name="m", kind="mqtt", url="mqtt://x")
    tags = [TagSpec(slot=0, name="P-1.v", link="m", address="site/P-1/vibration#v")]
    template = TopicTemplate(
        filter="site/{pump}/vibration",
        pattern="site/+/vibration",
        values=(("v", "number", "mm/s"),),
        link="m",
    )
    (plan,) = plans([spec], tags, [template])
    assert plan.listen == ("site/+/vibration",)
    it = Decoding(plan)
    done = it.decode([wire(("site/P-1/vibration", {"v": 1}), ("site/P-9/vibration", {"v": 2}))])
    assert done.samples.value.tolist() == [1.0]
    assert (done.messages, done.dropped) == (2, {})
    assert it.devices.newcomers == {("site/{pump}/vibration", (("pump", "P-9"),))}
    (item,) = it.devices.items("@coming", 10) or ()
    assert (item.address, item.unit, item.data_type) == ("site/P-9/vibration#v", "mm/s", "number")
    assert [folder.name for folder in it.devices.folders()] == ["New, without a tag (1)"]
