"""Verdicts on DTDL documents: the table of the format card, texts that are no DTDL, what a verdict tells."""

from __future__ import annotations

import json

import pytest
from tests.unit.twin.dtdl_cases import QUANTITIES, Json, interface, judged, prop, rules, telemetry

from armillary.model.dtdl import ContentKind, Telemetry
from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options


def chain(count: int, version: int) -> list[Json]:
    """Return interfaces of which each but the last extends the next."""
    ids = [f"dtmi:t:i{n};1" for n in range(count)]
    return [
        interface(version=version, **{"@id": one, **({"extends": up} if up else {})})
        for one, up in zip(ids, [*ids[1:], ""], strict=True)
    ]


def nested(depth: int) -> Json:
    return {"@type": "Array", "elementSchema": nested(depth - 1)} if depth else "double"


def component(name: str = "part", schema: str = "dtmi:t:B;1") -> Json:
    return {"@type": "Component", "name": name, "schema": schema}


def other(*contents: Json, name: str = "B", **more: Json) -> Json:
    return interface(*contents, **{"@id": f"dtmi:t:{name};1", **more})


@pytest.mark.parametrize(("count", "version", "found"), [(11, 3, set()), (12, 3, {"excessiveDepthNarrow"})])
def test_a_chain_of_ten_extends_is_the_longest_of_version_three(
    count: int, version: int, found: set[str]
) -> None:
    assert rules(*chain(count, version)) == found


@pytest.mark.parametrize(("count", "found"), [(13, set()), (14, {"excessiveDepthNarrow"})])
def test_a_chain_of_twelve_extends_is_the_longest_of_version_four(count: int, found: set[str]) -> None:
    assert rules(*chain(count, 4)) == found


@pytest.mark.parametrize(("depth", "found"), [(5, set()), (6, {"excessiveDepthWide"})])
def test_five_nested_arrays_are_the_deepest_of_version_three(depth: int, found: set[str]) -> None:
    assert rules(interface(telemetry(schema=nested(depth)))) == found


def test_a_component_may_not_have_components_even_inherited_ones() -> None:
    parts = interface(component())
    own = other(component(schema="dtmi:t:C;1"))
    assert rules(parts, own, other(name="C")) == {"excludedType"}
    inherits = other(extends="dtmi:t:D;1")
    above = other(component(schema="dtmi:t:C;1"), name="D")
    assert rules(parts, inherits, above, other(name="C")) == {"excludedType"}
    assert rules(parts, other(telemetry())) == set()


def test_a_name_inherited_and_declared_again_is_an_error() -> None:
    child = interface(telemetry(), extends="dtmi:t:B;1")
    assert rules(child, other(telemetry())) == {"nonUniqueImportedPropertyValue"}
    assert rules(child, other(telemetry("flow"))) == set()


def test_a_name_inherited_on_two_ways_from_one_interface_is_fine() -> None:
    child = interface(extends=["dtmi:t:B;1", "dtmi:t:C;1"])
    left, right = (other(name=n, extends="dtmi:t:D;1") for n in "BC")
    assert rules(child, left, right, other(telemetry(), name="D")) == set()


@pytest.mark.parametrize(("length", "found"), [(128, set()), (129, {"idTooLongForType"})])
def test_an_interface_id_has_at_most_128_characters(length: int, found: set[str]) -> None:
    stem, tail = "dtmi:t:", ";1"
    assert rules(interface(**{"@id": stem + "a" * (length - len(stem + tail)) + tail})) == found


def test_an_id_needs_a_whole_version_in_language_two_only() -> None:
    for name in ("dtmi:t:A", "dtmi:t:A;1.2"):
        assert rules(interface(**{"@id": name})) == set()
        assert rules(interface(version=2, **{"@id": name})) == {"invalidId"}


def test_an_array_cannot_be_a_property_in_language_two() -> None:
    assert rules(interface(prop(schema=nested(1)), version=2)) == {"excludedType"}
    assert rules(interface(prop(schema=nested(1)))) == set()


def test_least_multiplicity_is_nought() -> None:
    def edge(least: int) -> Json:
        return interface({"@type": "Relationship", "name": "feeds", "minMultiplicity": least})

    assert rules(edge(1)) == {"valueNotExact"}
    assert rules(edge(0)) == set()


@pytest.mark.parametrize(("length", "found"), [(512, set()), (513, {"stringTooLong"})])
def test_a_name_has_at_most_512_characters(length: int, found: set[str]) -> None:
    assert rules(interface(telemetry("a" * length))) == found


def test_an_extension_before_the_language_is_an_error() -> None:
    late = interface(**{"@context": [QUANTITIES, "dtmi:dtdl:context;3"]})
    assert rules(late) == {"missingDtdlContext"}


def test_a_quantity_needs_a_unit_of_its_own_and_a_number() -> None:
    def warm(schema: str = "double", **more: Json) -> Json:
        return interface(telemetry("t", schema, ("Temperature",), **more), extensions=(QUANTITIES,))

    assert rules(warm(unit="kelvin")) == set()
    assert rules(warm()) == {"missingSupplementalObjectProperty"}
    assert rules(warm(unit="metre")) == {"wrongParent"}
    assert rules(warm("string", unit="kelvin")) == {"notRequiredType"}


def test_an_unknown_property_is_named_by_the_language_version() -> None:
    assert rules(interface(colour="red")) == {"propertyUndefinedTerm"}
    assert rules(interface(version=2, colour="red")) == {"noTypeThatAllows"}


def test_a_graph_at_the_top_is_not_allowed() -> None:
    assert rules(interface(**{"@graph": []})) == {"topLevelGraphDisallowed"}


def test_an_object_without_fields_is_fine_from_version_three_on() -> None:
    def bare(version: int) -> Json:
        return interface(telemetry(schema={"@type": "Object", "fields": []}), version=version)

    assert rules(bare(3)) == set()
    assert rules(bare(2)) == {"objectCountBelowMin"}


def test_an_id_found_nowhere_leaves_a_document_valid_and_incomplete() -> None:
    verdict = judged(interface(extends="dtmi:t:Elsewhere;1"))
    assert verdict.valid
    assert not verdict.complete
    assert verdict.unresolved == ("dtmi:t:Elsewhere;1",)
    assert [(f.rule, f.pointer) for f in verdict.findings] == [("unresolved", "/extends")]


def test_what_is_missing_is_asked_for_until_nothing_new_is_named() -> None:
    more = {
        "dtmi:t:B;1": other(extends="dtmi:t:C;1"),
        "dtmi:t:C;1": other(telemetry(), name="C"),
    }
    asked: list[str] = []

    def resolve(ids: object) -> list[dtdl.Document]:
        names = list(ids) if isinstance(ids, list) else []
        asked.extend(names)
        return [dtdl.Document(where=n, data=json.dumps(more[n]).encode()) for n in names]

    start = dtdl.Document(where="a", data=json.dumps(interface(extends="dtmi:t:B;1")).encode())
    verdict = dtdl.judge("a", [start], None, resolve)
    assert verdict.valid
    assert verdict.complete
    assert asked == ["dtmi:t:B;1", "dtmi:t:C;1"]
    assert verdict.model is not None
    assert verdict.model.is_a("dtmi:t:A;1", "dtmi:t:C;1")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "notJson"),
        (b'{"a": NaN}', "notJson"),
        (b"\xff\xfe{}", "notUtf8"),
        (b"[" * 100_000, "nestedTooDeep"),
        (b"626", "notJsonObject"),
        (b"null", "notJsonObject"),
        (b"[[5]]", "notJsonObject"),
        (b"1" * 5000, "notJson"),
        (b'{"@id": 1, "@id": 2}', "repeatedIdProperty"),
        (b'{"name": 1, "name": 2}', "duplicatePropertyName"),
    ],
)
def test_a_text_that_is_no_dtdl_gets_a_word_and_never_raises(text: bytes, rule: str) -> None:
    verdict = judged(text)
    assert not verdict.valid
    assert rule in {f.rule for f in verdict.findings}
    assert all(f.message and f.hint for f in verdict.findings)


def test_deep_elements_are_refused_and_never_raise() -> None:
    schema: Json = "double"
    for _ in range(300):
        schema = {"@type": "Array", "elementSchema": schema}
    assert rules(interface(telemetry(schema=schema))) <= {"nestedTooDeep", "excessiveDepthWide"}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert rules(b"\xef\xbb\xbf" + json.dumps(interface()).encode()) == set()


def test_a_finding_names_file_line_and_pointer() -> None:
    text = json.dumps(interface(telemetry(), prop(schema="doubel")), indent=1).encode()
    finding = judged(text).findings[0]
    line = next(n for n, row in enumerate(text.decode().splitlines(), 1) if "doubel" in row)
    assert (finding.where, finding.line, finding.pointer) == ("0.json", line, "/contents/1/schema")
    assert "doubel" in finding.message
    assert finding.primary == "dtmi:t:A:_contents:__setpoint;1"


def test_two_versions_of_a_name_are_found_though_written_differently() -> None:
    twice = interface(telemetry(**{"dtmi:dtdl:property:name;3": "again"}))
    assert rules(twice) == {"duplicatePropertyName"}


def test_a_newer_language_than_wanted_is_refused() -> None:
    assert rules(interface(version=4), options=Options(newest=3)) == {"disallowedContextVersion"}
    assert rules(interface(version=3), options=Options(newest=3)) == set()


def test_unknown_extensions_are_taken_when_allowed() -> None:
    made = interface(telemetry(kinds=("Flavour",), taste=1), extensions=("dtmi:x:flavours;1",))
    assert rules(made) == {"unresolvableContextSpecifier"}
    verdict = judged(made, options=Options(undefined=True))
    assert verdict.valid
    assert verdict.model is not None
    (content,) = verdict.model.interfaces["dtmi:t:A;1"].contents.values()
    assert content.cotypes == ("Flavour",)
    assert content.extras == {"taste": 1}


def test_a_model_holds_what_is_inherited_with_its_origin() -> None:
    child = interface(prop(writable=True), extends="dtmi:t:B;1")
    parent = other(telemetry("t", "double", ("Temperature",), unit="degreeCelsius"), extensions=(QUANTITIES,))
    model = judged(child, parent).model
    assert model is not None
    found = model.interfaces["dtmi:t:A;1"]
    assert found.lineage == ("dtmi:t:A;1", "dtmi:t:B;1")
    warm = found.contents["t"]
    assert isinstance(warm, Telemetry)
    assert (warm.origin, warm.semantic, warm.unit) == ("dtmi:t:B;1", "Temperature", "degreeCelsius")
    assert [p.writable for p in found.properties] == [True]
    assert {c.kind for c in found.contents.values()} == {ContentKind.TELEMETRY, ContentKind.PROPERTY}
    assert model.kinds_of("dtmi:t:B;1") == ("dtmi:t:A;1", "dtmi:t:B;1")


def test_a_schema_met_inside_itself_is_taken_from_version_four_on() -> None:
    def tree(version: int) -> Json:
        inner = {"@type": "Array", "elementSchema": "dtmi:t:Node;1"}
        node = {"@id": "dtmi:t:Node;1", "@type": "Object", "fields": [{"name": "parts", "schema": inner}]}
        return interface(telemetry(schema="dtmi:t:Node;1"), version=version, schemas=[node])

    assert rules(tree(3)) == {"recursiveStructureWide"}
    model = judged(tree(4)).model
    assert model is not None
    node = model.schemas["dtmi:t:Node;1"]
    assert node.fields[0].schema.element is not None
    assert node.fields[0].schema.element.again


def test_long_chains_and_rings_are_judged_in_a_moment() -> None:
    """Work that grows with the square of a document would let one text hold a machine for minutes."""
    count = 1000
    long = rules(chain(count, 3))
    assert long == {"excessiveDepthNarrow"}
    ring = chain(count, 3)
    ring[-1]["extends"] = ring[0]["@id"]
    assert rules(ring) == {"recursiveStructureNarrow"}
    tail = [other(extends=ring[0]["@id"], name="Below"), *ring[:1], other(name="None")]
    tail[1] = {**tail[1], "extends": tail[1]["@id"]}
    assert [f.primary for f in judged(*tail).findings] == [tail[1]["@id"]]
