"""Whatever a DTDL document holds, a verdict comes out: mutations of good documents, and texts of any kind."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options

Json = Any  # a JSON document is of no one type
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
EXTENSIONS = [
    "dtmi:dtdl:extension:quantitativeTypes;1",
    "dtmi:dtdl:extension:annotation;2",
    "dtmi:dtdl:extension:overriding;2",
    "dtmi:dtdl:extension:mqtt;4",
]
GOOD: list[Json] = [
    {
        "@context": ["dtmi:dtdl:context;3", *EXTENSIONS],
        "@id": "dtmi:t:Tank;1",
        "@type": ["Interface", "Mqtt"],
        "payloadFormat": "json",
        "displayName": {"en": "Tank", "nb-NO": "Tank"},
        "extends": ["dtmi:t:Vessel;1"],
        "schemas": [
            {
                "@id": "dtmi:t:State;1",
                "@type": "Enum",
                "valueSchema": "integer",
                "enumValues": [{"name": "off", "enumValue": 0}, {"name": "on", "enumValue": 1}],
            }
        ],
        "contents": [
            {"@type": ["Telemetry", "Temperature"], "name": "t", "schema": "double", "unit": "kelvin"},
            {
                "@type": ["Property", "ValueAnnotation", "Override"],
                "name": "tUnit",
                "schema": "TemperatureUnit",
                "annotates": "t",
                "overrides": "unit",
            },
            {"@type": "Property", "name": "state", "schema": "dtmi:t:State;1", "writable": True},
            {
                "@type": ["Command", "Idempotent", "Cacheable"],
                "name": "drain",
                "ttl": "PT1S",
                "request": {"name": "s", "schema": {"@type": "Array", "elementSchema": "point"}},
            },
            {"@type": "Relationship", "name": "feeds", "target": "dtmi:t:Tank;1", "maxMultiplicity": 3},
            {"@type": "Component", "name": "inlet", "schema": "dtmi:t:Vessel;1"},
            {
                "@type": "Telemetry",
                "name": "m",
                "schema": {
                    "@type": "Map",
                    "mapKey": {"name": "k", "schema": "string"},
                    "mapValue": {"name": "v", "schema": {"@type": "Object", "fields": []}},
                },
            },
        ],
    },
    {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:t:Vessel;1", "@type": "Interface"},
]
KEYS = sorted(
    {"name", "schema", "@id", "@type", "@context", "contents", "extends", "unit", "fields", "x", "@value"}
    | {"displayName", "comment", "request", "target", "index", "annotates", "overrides", "schemas", "ttl"}
)
WORDS = [
    "double",
    "Interface",
    "Telemetry",
    "dtmi:t:Tank;1",
    "dtmi:t:Vessel;1",
    "dtmi:x;1",
    "",
    "point",
    "Enum",
]
WORDS += ["dtmi:dtdl:context;2", "dtmi:dtdl:context;4#limitless", *EXTENSIONS, "TemperatureUnit", "Result"]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value: Json) -> list[Json]:
    """Return every object and list in a document."""
    found, rest = [], [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict | list):
            found.append(one)
            rest += one.values() if isinstance(one, dict) else one
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    document = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(places(document)))
        new = draw(st.one_of(VALUES, st.sampled_from(places(GOOD))))
        new = json.loads(json.dumps(new))
        if isinstance(at, dict):
            key = draw(st.sampled_from([*at, *KEYS]))
            if draw(st.booleans()):
                at.pop(key, None)
            else:
                at[key] = new
        elif at and draw(st.booleans()):
            at[draw(st.integers(0, len(at) - 1))] = new
        else:
            at.append(new)
    return document


def judged(data: bytes, undefined: bool | None = None) -> None:
    verdict = dtdl.judge("m", [dtdl.Document(where="m", data=data)], Options(undefined=undefined))
    errors = [f for f in verdict.findings if f.severity == "error"]
    assert verdict.valid == (not errors)
    assert (verdict.model is not None) == verdict.valid
    assert verdict.complete == (not verdict.unresolved)
    for finding in verdict.findings:
        assert finding.rule
        assert finding.message
        assert finding.hint
        assert finding.line >= 1


def test_the_documents_that_are_mutated_are_good_ones() -> None:
    given_ = [dtdl.Document(where="m", data=json.dumps(GOOD).encode())]
    assert [f.rule for f in dtdl.judge("m", given_).findings] == []


@settings(QUICK, max_examples=100)
@given(document=mutated(), undefined=st.sampled_from([None, False, True]))
def test_a_mutated_document_gets_a_verdict_and_never_raises(document: Json, undefined: bool | None) -> None:
    judged(json.dumps(document).encode(), undefined)


@settings(QUICK, max_examples=50)
@given(value=VALUES)
def test_any_json_gets_a_verdict(value: Json) -> None:
    judged(json.dumps(value).encode())


@settings(QUICK, max_examples=50)
@given(data=st.one_of(st.binary(max_size=60), st.text('{}[]",:\\ @a1\n', max_size=60).map(str.encode)))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    judged(data)
