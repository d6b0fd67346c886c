"""What the station says and understands by MQTT."""

from __future__ import annotations

import json

import pytest

from armillary_plugins.demo_plant import faults, messages
from armillary_plugins.demo_plant.station import Station


@pytest.mark.parametrize(
    ("topic", "payload", "wanted"),
    [
        ("station/P-101A/set", b'{"speed": 1200}', {"P-101A.SpeedSP": 1200.0}),
        (
            "station/P-101A/set",
            b'{"SpeedSP": 1200, "Run": true}',
            {"P-101A.SpeedSP": 1200.0, "P-101A.Run": 1.0},
        ),
        ("station/V-101/set", b"42.5", {"V-101.SP": 42.5}),
        ("station/LIC-101/set", b'{"value": 60, "t": 1}', {"LIC-101.SP": 60.0}),
        ("station/DS-201/set", b'{"dose": 1.5}', {"DS-201.DoseSP": 1.5}),
        ("skid/DS-201/set", b'{"dose": 1.5}', {"DS-201.DoseSP": 1.5}),
    ],
)
def test_a_setpoint_is_understood_by_name_word_or_as_a_bare_number(
    topic: str, payload: bytes, wanted: dict[str, float]
) -> None:
    assert messages.setpoints(topic, payload) == wanted


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        ("station/P-999/set", b"1", "no unit"),
        ("station/P-101A/set", b"not json", "neither JSON"),
        ("station/P-101A/set", b'{"colour": 1}', "no setpoint"),
        ("station/P-101A/set", b'{"speed": "fast"}', "no number"),
        ("station/P-101A/set", b'{"speed": NaN}', "no number"),
        ("station/P-101A/set", b'{"t": 1}', "no setpoint"),
        ("set", b"1", "no unit"),
        ("station/P-101A/set", b"\xff\xfe", "neither JSON"),
    ],
)
def test_a_message_that_cannot_be_meant_is_refused_whole(topic: str, payload: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        messages.setpoints(topic, payload)


def test_all_topics_are_published_within_two_seconds_each_at_its_own_rate() -> None:
    station, seen = Station(1), {}
    for step in range(20):
        station.step()
        for topic, payload in messages.due(station, 1_700_000_000_000 + 100 * step):
            seen.setdefault(topic, []).append(json.loads(payload))
    assert len(seen) == 13
    assert len(seen["station/P-101A/vibration"]) == 4
    assert len(seen["station/energy/P-101A"]) == 2
    assert isinstance(seen["station/site/ambient"][0], float)
    assert seen["skid/DS-201/status"][0]["pump"]["a"]["run"] is True
    beats = [beat["seq"] for beat in seen["station/site/heartbeat"]]
    assert beats == [1, 2]


def test_a_fault_message_makes_an_instrument_lie_and_a_pump_trip_and_zero_mends_it() -> None:
    station = Station(1)
    before = station.values()["TT-111.Value"]
    for name, value in faults.faults(b'{"TT-111": 17.5, "P-101A.trip": 1}').items():
        station.fail(name, value)
    station.step()
    assert station.values()["TT-111.Value"] == pytest.approx(before + 17.5, abs=1.0)
    assert station.values()["P-101A.State"] == 2.0
    station.fail("TT-111", 0.0)
    assert station.values()["TT-111.Value"] == pytest.approx(before, abs=1.0)


@pytest.mark.parametrize("payload", [b"nonsense", b"[]", b"{}", b'{"TT-111": "hot"}', b'{"TT-111": NaN}'])
def test_a_fault_message_that_cannot_be_meant_is_refused_whole(payload: bytes) -> None:
    with pytest.raises(ValueError, match="simulator/fault"):
        faults.faults(payload)


def test_nothing_that_is_commanded_can_be_made_to_lie() -> None:
    for name in ("P-101A.SpeedSP", "V-101", "TT-999"):
        with pytest.raises(KeyError):
            Station(1).fail(name, 1.0)
