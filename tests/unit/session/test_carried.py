"""What bindings in a USD file become in a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.link import LinkSpec
from armillary.project.record import Project
from armillary.session.carried import Found, understood


def project(*links: LinkSpec) -> Project:
    return Project(folder=Path("/p"), saved=True, read_only=False, schema=1, id="", name="p", links=links)


def found(attribute: str, spelling: str, **fields: str) -> Found:
    return Found(prim="/Plant/Oven", attribute=attribute, type="double", spelling=spelling, fields=fields)


MQTT = found("temperature", "mqtt", broker="broker.site:1884", topic="oven/1", jsonPath="$.t", unit="Cel")
NESTED = found("load", "binding", protocol="mqtt", uri="mqtts://broker.site", topic="oven/2", jsonPath="a.b")
FLAT = found("door", "flat", protocol="mqtt", uri="mqtt://broker.site:1884", topic="oven/3")


def test_each_spelling_becomes_a_binding_and_its_broker_a_source() -> None:
    taken = understood(project(), [MQTT, NESTED, FLAT])
    assert [(b.channel, b.property_name, b.signal) for b in taken.bindings] == [
        ("custom", "temperature", "Oven.temperature"),
        ("custom", "load", "Oven.load"),
        ("custom", "door", "Oven.door"),
    ]
    assert taken.sources == (
        ("broker-site", "mqtt://broker.site:1884"),
        ("broker-site-2", "mqtts://broker.site:8883"),
    )
    assert [tag.address for tag in taken.tags] == [
        "broker-site!oven/1#$.t",
        "broker-site-2!oven/2#$.a.b",
        "broker-site!oven/3",
    ]
    assert taken.bindings[0].unit == "°C"


def test_a_source_that_the_project_has_is_used() -> None:
    link = LinkSpec(name="site", kind="mqtt", url="mqtt://broker.site:1884")
    taken = understood(project(link), [MQTT])
    assert taken.sources == ()
    assert taken.tags[0].address.startswith("site!")


@pytest.mark.parametrize(
    "one",
    [
        found("x", "request", endpointTarget="/status"),
        found("x", "event", connectionRef="mqtt_local"),
        found("x", "binding", protocol="kafka", uri="h", topic="t"),
        found("x", "mqtt", broker="", topic="t"),
        found("x", "mqtt", broker="h", topic="a/#"),
        found("x", "mqtt", broker="user:pw@h:99999", topic="t"),
        found("x", "mqtt", broker="h", topic="t", jsonPath="$.a; rm"),
    ],
)
def test_what_is_not_taken_is_told_by_its_place(one: Found) -> None:
    taken = understood(project(), [one])
    assert taken.bindings == ()
    assert [note.code for note in taken.notes] == ["unresolved"]
    assert taken.notes[0].where == "/Plant/Oven.x"


def test_a_password_in_a_broker_never_reaches_the_project() -> None:
    taken = understood(project(), [found("x", "mqtt", broker="mqtt://anna:secret@h:1883", topic="t")])
    assert taken.sources == (("h", "mqtt://h:1883"),)
