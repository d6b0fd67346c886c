"""Twins go out as NGSI-LD entities and come back as they were; what has no place there is told."""

from __future__ import annotations

from typing import Any

from armillary.twin import import_ngsi
from armillary.twin.export_ngsi import CONTEXT, exported

TWINS: list[dict[str, Any]] = [
    {
        "id": "P-101",
        "model": "dtmi:acme:Pump;1",
        "title": "Transfer pump",
        "prim": "/Plant/P_101",
        "properties": {"maker": "Acme", "power": 7.5, "power.unit": "kW", "spare": False},
        "tags": {"speed": {"address": "ua!ns=2;s=Speed", "unit": "rpm", "range": [0.0, 3000.0]}},
    },
    {"id": "T-2", "model": "dtmi:acme:Tank;1", "components": {"lid": {"properties": {"open": True}}}},
]
EDGES = [{"from": "P-101", "name": "feeds", "to": "T-2"}]


def test_a_twin_is_an_entity_that_other_brokers_read() -> None:
    made = exported(TWINS, EDGES)
    pump = made.entities[0]
    assert (pump["id"], pump["type"]) == ("urn:ngsi-ld:Pump:P-101", "dtmi:acme:Pump;1")
    assert pump["power"] == {"type": "Property", "value": 7.5, "unitCode": "KWT"}
    assert pump["feeds"] == {"type": "Relationship", "object": "urn:ngsi-ld:Tank:T-2"}
    assert pump["@context"] == CONTEXT
    assert "power.unit" not in pump
    assert made.losses == ()


def test_what_goes_out_comes_back_as_it_was() -> None:
    back = import_ngsi.imported(list(exported(TWINS, EDGES).entities))
    assert [dict(twin) for twin in back.twins] == TWINS
    assert [dict(edge) for edge in back.relationships] == EDGES
    assert {left.kind for left in back.left} == {"context"}


def test_what_has_no_place_is_told() -> None:
    odd = [{"id": "X", "properties": {"type": "a word of theirs"}, "secret": 1}]
    made = exported(odd, [{"from": "X", "name": "is", "to": "Y"}])
    assert made.entities[0]["type"] == "Thing"
    said = " | ".join(made.losses)
    for words in ("X: it has no type", "X.type:", "X.secret:", "relation X is Y: one of its twins"):
        assert words in said


def test_several_targets_and_properties_of_relations() -> None:
    edges = [*EDGES, {"from": "P-101", "name": "feeds", "to": "P-101", "properties": {"since": 1}}]
    made = exported(TWINS, edges)
    assert made.entities[0]["feeds"]["object"] == ["urn:ngsi-ld:Tank:T-2", "urn:ngsi-ld:Pump:P-101"]
    assert made.losses == ("relation P-101 feeds P-101: its properties",)
    back = import_ngsi.imported(list(made.entities))
    assert len(back.relationships) == 2
