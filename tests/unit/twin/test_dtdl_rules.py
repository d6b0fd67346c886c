"""Each rule of DTDL by one document that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.twin.dtdl_cases import (
    ANNOTATION,
    MQTT,
    OVERRIDING,
    QUANTITIES,
    Json,
    context,
    interface,
    judged,
    prop,
    rules,
    telemetry,
)

from armillary.twin.dtdl_context import Options
from armillary.twin.dtdl_words import RULES

AIO = "dtmi:iotoperations:context;4"
CENTRAL = "dtmi:iotcentral:context;2"
UNKNOWN = "dtmi:x:flavours;1"


def with_context(value: Json) -> Json:
    return interface(**{"@context": value})


def inner_context(value: Json) -> Json:
    return interface(telemetry(**{"@context": value}))


def schema(value: Json, version: int = 3, **more: Json) -> Json:
    return interface(telemetry(schema=value), version=version, **more)


def relation(**more: Json) -> Json:
    return interface({"@type": "Relationship", "name": "feeds", **more})


def command(**more: Json) -> Json:
    return interface({"@type": "Command", "name": "start", **more})


def enum(*values: Json, kind: str = "integer") -> Json:
    return {"@type": "Enum", "valueSchema": kind, "enumValues": list(values)}


def fields(*of: Json, kinds: tuple[str, ...] = ()) -> Json:
    return {"@type": ["Object", *kinds], "fields": list(of)}


def field(name: str, of: Json = "string", *kinds: str) -> Json:
    return {"@type": ["Field", *kinds], "name": name, "schema": of}


def mapped(key: str = "string") -> Json:
    return {
        "@type": "Map",
        "mapKey": {"name": "key", "schema": key},
        "mapValue": {"name": "value", "schema": "double"},
    }


def warm(*kinds: str, unit: Json = "kelvin", of: str = "double") -> Json:
    return interface(telemetry("t", of, ("Temperature", *kinds), unit=unit), extensions=(QUANTITIES,))


def noted(target: Json, note: Json) -> Json:
    return interface(target, note, extensions=(QUANTITIES, ANNOTATION, OVERRIDING))


def note(annotates: str = "t", *kinds: str, name: str = "n", of: str = "string", **more: Json) -> Json:
    return prop(name, of, ("ValueAnnotation", *kinds), annotates=annotates, **more)


def override(member: str = "unit", of: str = "TemperatureUnit", name: str = "n") -> Json:
    return note("t", "Override", name=name, of=of, overrides=member)


def mqtt(**more: Json) -> Json:
    made: Json = {"payloadFormat": "json", **more}
    made["@type"] = ["Interface", "Mqtt"]
    return interface(telemetry(), extensions=(MQTT,), **{k: v for k, v in made.items() if v is not ...})


def result(*of: Json) -> Json:
    return schema(fields(*of, kinds=("Result",)), extensions=(MQTT,))


TEMP = telemetry("t", "double", ("Temperature",), unit="kelvin")
TWO = "dtmi:t:B;1"
B: Json = interface(**{"@id": TWO})
LONG = "a" * 600
INT = {"name": "a", "enumValue": 1}

# rule, a document that keeps it, one that breaks it
CASES: list[tuple[str, Json, Json]] = [
    # context
    ("missingContext", interface(), interface(**{"@context": ...})),
    ("emptyContext", interface(), with_context([])),
    ("invalidContext", interface(), with_context(["dtmi:dtdl:context;3", 626])),
    ("disallowedLocalContext", interface(), with_context(["dtmi:dtdl:context;3", {"a": "dtmi:x;1"}])),
    ("localContextNotLast", interface(), inner_context([{"a": "dtmi:x;1"}, "dtmi:dtdl:context;3"])),
    ("termDefinitionMissingIdProperty", interface(), inner_context({"a": {}})),
    ("termDefinitionIdPropertyNotString", interface(), inner_context({"a": {"@id": 1}})),
    ("termDefinitionNotStringOrObject", interface(), inner_context({"a": 1})),
    ("missingDtdlContext", interface(), with_context(QUANTITIES)),
    ("nonDtmiContextSpecifier", interface(), inner_context("https://example.org")),
    ("invalidContextSpecifier", interface(), inner_context("dtmi://x")),
    ("invalidContextSpecifierForVersion", interface(), interface(version=2, extensions=("dtmi:x:y;1.1",))),
    ("missingContextVersion", interface(), interface(extensions=("dtmi:x:y",))),
    ("unrecognizedContextVersion", interface(), with_context("dtmi:dtdl:context;9")),
    ("dtdlContextFollowsAffiliate", interface(), inner_context([QUANTITIES, "dtmi:dtdl:context;3"])),
    ("unresolvableContextSpecifier", interface(), interface(extensions=(UNKNOWN,))),
    ("unresolvableContextVersion", interface(), interface(extensions=(QUANTITIES[:-1] + "99",))),
    ("disallowedContextFragment", interface(), with_context(["dtmi:dtdl:context;3#limits"])),
    ("invalidContextFragment", interface(version=4), with_context(["dtmi:dtdl:context;4#none"])),
    ("missingLimitContext", interface(version=4), with_context(["dtmi:dtdl:context;4#limitless"])),
    (
        "misplacedLimitContext",
        with_context(["dtmi:dtdl:context;4#limitless", "dtmi:dtdl:context;4#limits"]),
        with_context(["dtmi:dtdl:context;4", "dtmi:dtdl:context;4#limits"]),
    ),
    (
        "disallowedLimitContext",
        interface(version=4),
        with_context(["dtmi:dtdl:context;4#limitless", "dtmi:dtdl:limits:onvif;1"]),
    ),
    # keywords
    ("topLevelGraphDisallowed", interface(), interface(**{"@graph": {}})),
    ("graphDisallowed", interface(telemetry()), interface(telemetry(**{"@graph": {}}))),
    ("topLevelKeywordDisallowed", interface(version=2, **{"@x": 1}), interface(**{"@x": 1})),
    ("keywordDisallowed", interface(telemetry()), interface(telemetry(**{"@value": 1}))),
    # ids
    ("missingTopLevelId", interface(), interface(**{"@id": ...})),
    ("missingRequiredId", interface(), interface(extends={"@type": "Interface"})),
    ("idNotString", interface(), interface(**{"@id": 5})),
    ("invalidId", interface(**{"@id": "dtmi:a_b:c9;12"}), interface(**{"@id": "dtmi:_a;1"})),
    ("idTooLong", interface(), interface(telemetry(**{"@id": f"dtmi:{'a' * 2050};1"}))),
    ("idTooLongForType", interface(), interface(**{"@id": f"dtmi:{'a' * 130};1"})),
    ("reservedId", interface(), interface(**{"@id": "dtmi:dtdl:mine;1"})),
    ("undefinedReservedId", schema("double"), schema("dtmi:standard:none;1")),
    ("duplicateDefinition", [interface(), B], [interface(), interface()]),
    ("idReference", [interface(extends=TWO), B], [interface(extends={"@id": TWO}), B]),
    ("missingDtmiSegPropertyValue", interface(telemetry()), interface(telemetry(name=...))),
    ("dtmiSegPropertyNotStringOrNumber", interface(telemetry()), interface(telemetry(name={"a": 1}))),
    # types
    ("typeNotRootable", interface(), interface(**{"@type": "Telemetry"})),
    ("badType", interface(telemetry()), interface({"@type": "Field", "name": "a", "schema": "double"})),
    (
        "multipleMaterialTypes",
        interface({"@type": ["Command", "dtmi:dtdl:class:Command;3"], "name": "a"}),
        interface({"@type": ["Command", "Component"], "name": "a"}),
    ),
    (
        "typeUndefinedTerm",
        interface(telemetry(kinds=("Flavour",)), version=2),
        interface(telemetry(kinds=("Flavour",))),
    ),
    ("typeInvalidDtmi", interface(telemetry()), interface(telemetry(kinds=("dtmi:a//b",)))),
    ("typeNotDtmiNorTerm", interface(telemetry()), interface(telemetry(kinds=("http://a/b",)))),
    ("typeIrrelevantDtmiOrTerm", interface(telemetry()), interface(telemetry(kinds=("displayName",)))),
    (
        "invalidCotype",
        warm(),
        interface({"@type": ["Command", "Length"], "name": "a"}, extensions=(QUANTITIES,)),
    ),
    (
        "invalidCotypeVersion",
        warm(),
        interface(
            telemetry(
                **{"@type": ["Telemetry", "Length"], "unit": "metre", "@context": context(2, QUANTITIES)}
            ),
            version=4,
        ),
    ),
    ("abstractSupplementalType", interface(telemetry()), interface(telemetry(kinds=("SemanticType",)))),
    (
        "missingCocotype",
        interface(
            {"@type": ["Command", "Idempotent", "Cacheable"], "name": "a", "ttl": "PT1S"}, extensions=(MQTT,)
        ),
        interface({"@type": ["Command", "Cacheable"], "name": "a", "ttl": "PT1S"}, extensions=(MQTT,)),
    ),
    (
        "disallowedCocotype",
        interface(version=4, extensions=(AIO,), **{"@type": ["Interface", "Event"]}),
        interface(
            version=4, extensions=(AIO,), ontology="x", **{"@type": ["Interface", "Event", "Composite"]}
        ),
    ),
    (
        "conflictingSupplementalTypes",
        warm(),
        interface(
            telemetry("t", "double", ("Length", "Temperature"), unit="kelvin"), extensions=(QUANTITIES,)
        ),
    ),
    # properties
    ("propertyUndefinedTerm", interface(comment="x"), interface(colour="red")),
    ("propertyInvalidDtmi", interface(), interface(**{"dtmi:a//b": 1})),
    ("propertyNotDtmiNorTerm", interface(), interface(**{"http://a/b": 1})),
    ("propertyIrrelevantDtmiOrTerm", interface(), interface(double=1)),
    (
        "noTypeThatAllows",
        interface(version=2, **{"@type": ["Interface", "X"], "a": 1}),
        interface(version=2, a=1),
    ),
    (
        "inferredTypeDoesNotAllow",
        schema({"@type": "Object", "fields": [{"name": "a", "schema": "double"}]}, 2),
        schema({"@type": "Object", "fields": [{"name": "a", "schema": "double", "x": 1}]}, 2),
    ),
    (
        "duplicatePropertyName",
        interface(comment="x"),
        interface(comment="x", **{"dtmi:dtdl:property:comment;3": "y"}),
    ),
    ("missingLiteralProperty", schema(enum(INT)), schema(enum({"name": "a"}))),
    ("missingObjectProperty", interface(telemetry()), interface(telemetry(schema=...))),
    ("missingSupplementalLiteralProperty", mqtt(), mqtt(payloadFormat=...)),
    (
        "missingSupplementalObjectProperty",
        warm(),
        interface(telemetry("t", "double", ("Temperature",)), extensions=(QUANTITIES,)),
    ),
    # literals
    ("stringTooLong", interface(comment="x"), interface(comment=LONG)),
    ("stringInvalid", interface(telemetry("a_b")), interface(telemetry("a-b"))),
    ("stringNotString", interface(comment="x"), interface(comment=5)),
    ("stringMultipleValues", interface(comment=["x"]), interface(comment=["x", "y"])),
    ("stringObjectNoValue", interface(comment={"@value": "x"}), interface(comment={})),
    (
        "stringTypeNotString",
        interface(comment={"@value": "x", "@type": "xsd:string"}),
        interface(comment={"@value": "x", "@type": "xsd:integer"}),
    ),
    ("stringValueNotString", interface(comment={"@value": "x"}), interface(comment={"@value": 5})),
    (
        "literalTypeNotSingular",
        interface(comment="x"),
        interface(comment={"@value": "x", "@type": ["a", "b"]}),
    ),
    ("valueObjectLanguage", interface(comment="x"), interface(comment={"@value": "x", "@language": "en"})),
    ("valueObjectContext", interface(comment="x"), interface(comment={"@value": "x", "@context": "a"})),
    ("valueObjectKeyword", interface(comment="x"), interface(comment={"@value": "x", "@x": "a"})),
    ("valueObjectInvalidProp", interface(comment="x"), interface(comment={"@value": "x", "a": "a"})),
    ("booleanNotBoolean", interface(prop(writable=True)), interface(prop(writable="yes"))),
    ("booleanMultipleValues", interface(prop(writable=[True])), interface(prop(writable=[True, False]))),
    ("integerNotInteger", relation(maxMultiplicity=2.0), relation(maxMultiplicity=2.5)),
    ("literalNotValid", schema(enum(INT)), schema(enum({"name": "a", "enumValue": None}))),
    ("identifierNotDtmi", relation(target=TWO), relation(target="Pump")),
    ("identifierNotString", relation(target=TWO), relation(target=5)),
    ("identifierMultipleValues", relation(target=TWO), relation(target=[TWO, TWO])),
    ("valueNotExact", relation(minMultiplicity=0), relation(minMultiplicity=2)),
    ("valueBelowMin", relation(maxMultiplicity=1), relation(maxMultiplicity=0)),
    (
        "valueBelowRange",
        interface({"@type": "Relationship", "name": "a", "maxMultiplicity": 500}, version=2),
        interface({"@type": "Relationship", "name": "a", "maxMultiplicity": 0}, version=2),
    ),
    (
        "valueAboveRange",
        interface({"@type": "Relationship", "name": "a", "maxMultiplicity": 500}, version=2),
        interface({"@type": "Relationship", "name": "a", "maxMultiplicity": 501}, version=2),
    ),
    (
        "durationInvalid",
        interface(
            {"@type": ["Command", "Idempotent", "Cacheable"], "name": "a", "ttl": "P1D"}, extensions=(MQTT,)
        ),
        interface(
            {"@type": ["Command", "Idempotent", "Cacheable"], "name": "a", "ttl": "1 d"}, extensions=(MQTT,)
        ),
    ),
    # texts
    ("langStringValueTooLong", interface(displayName={"en": "x"}), interface(displayName={"en": LONG})),
    ("langStringElementNotStringOrObject", interface(displayName=["x"]), interface(displayName=[5])),
    ("langStringInvalidCode", interface(displayName={"nb-NO": "x"}), interface(displayName={"Norsk": "x"})),
    ("langStringValueNotString", interface(displayName={"en": "x"}), interface(displayName={"en": 5})),
    ("langMapObjKeyword", interface(displayName={"en": "x"}), interface(displayName={"@id": "x"})),
    (
        "langTagValueInLangMap",
        interface(displayName=[{"@value": "x", "@language": "en"}]),
        interface(displayName={"@value": "x", "@language": "en"}),
    ),
    ("langStringElementCodeNotUnique", interface(displayName=["x"]), interface(displayName=["x", "y"])),
    (
        "langStringElementInvalidCode",
        interface(displayName=[{"@value": "x", "@language": "zh-Hant"}]),
        interface(displayName=[{"@value": "x", "@language": "FOO"}]),
    ),
    (
        "langStringElementNoValue",
        interface(displayName=[{"@value": "x"}]),
        interface(displayName=[{"@language": "en"}]),
    ),
    # what stands inside
    ("refNotStringOrObject", schema("double"), schema(13)),
    ("refObjectNotAllowed", warm(), warm(unit={"@type": "EnumValue", "name": "a", "enumValue": "a"})),
    ("badDtmiOrTerm", schema("double"), schema("doubel")),
    ("incorrectPropertyValue", schema(enum(INT)), schema(enum(INT, kind="double"))),
    ("objectMultipleValues", schema("double"), schema(["double", "string"])),
    ("objectCountBelowMin", schema(fields({"name": "a", "schema": "double"}), 2), schema(fields(), 2)),
    (
        "objectCountAboveMax",
        [interface(version=2, extends=[TWO]), interface(version=2, **{"@id": TWO})],
        [interface(version=2, extends=[TWO, "dtmi:t:C;1", "dtmi:t:D;1"])],
    ),
    ("nonUniquePropertyValue", interface(telemetry("a"), prop("b")), interface(telemetry("a"), prop("a"))),
    (
        "disallowedVersionDefinition",
        interface(telemetry(schema={"@context": "dtmi:dtdl:context;2", **mapped()})),
        interface(schemas=[{"@context": "dtmi:dtdl:context;2", "@id": "dtmi:t:m;1", **mapped()}]),
    ),
    (
        "disallowedVersionReference",
        [interface(extends=TWO), interface(version=2, **{"@id": TWO})],
        [interface(version=2, extends=TWO), B],
    ),
    (
        "crossPartitionReference",
        schema("dtmi:t:m;1", schemas=[{"@id": "dtmi:t:m;1", **mapped()}]),
        [schema("dtmi:t:m;1"), interface(schemas=[{"@id": "dtmi:t:m;1", **mapped()}], **{"@id": TWO})],
    ),
    # rules of a whole model
    ("recursiveStructureNarrow", [interface(extends=TWO), B], interface(extends="dtmi:t:A;1")),
    (
        "recursiveStructureWide",
        schema({"@type": "Array", "elementSchema": "double"}),
        interface(schemas=[{"@id": "dtmi:t:m;1", "@type": "Array", "elementSchema": "dtmi:t:m;1"}]),
    ),
    ("nonConformantDatatype", schema(enum(INT)), schema(enum({"name": "a", "enumValue": 2**31}))),
    ("nonConformantDatatype", schema(enum(INT)), schema(enum({"name": "a", "enumValue": "one"}))),
    (
        "nonConformantPropertyValue",
        interface(telemetry("t", "integer", ("Limited",), maximum=9), version=4, extensions=(AIO,)),
        interface(telemetry("t", "integer", ("Limited",), maximum=9.5), version=4, extensions=(AIO,)),
    ),
    ("notRequiredType", warm(), warm(of="string")),
    (
        "notRequiredValue",
        interface(telemetry("t", "vector", ("VelocityVector",)), version=2, extensions=(CENTRAL,)),
        interface(telemetry("t", "double", ("VelocityVector",)), version=2, extensions=(CENTRAL,)),
    ),
    ("wrongParent", warm(), warm(unit="metre")),
    (
        "parentMissingCotype",
        result(field("a", "double", "NormalResult")),
        schema(fields(field("a", "double", "NormalResult")), extensions=(MQTT,)),
    ),
    (
        "siblingDuplicatesCotype",
        result(field("a", "double", "NormalResult")),
        result(field("a", "double", "NormalResult"), field("b", "double", "NormalResult")),
    ),
    (
        "siblingMissingCotype",
        result(field("a", enum(INT), "ErrorCode"), field("b", fields(), "ErrorInfo")),
        result(field("b", fields(), "ErrorInfo")),
    ),
    ("notSiblingRequiredType", noted(TEMP, note()), noted({"@type": "Command", "name": "t"}, note())),
    (
        "disallowedType",
        noted(TEMP, note()),
        interface(TEMP, note(), note("n", name="m"), extensions=(QUANTITIES, ANNOTATION)),
    ),
    ("noMatchingSupplementalProperty", noted(TEMP, override()), noted(telemetry("t"), override())),
    ("matchingPropertyNotSupplemental", noted(TEMP, override()), noted(TEMP, override("schema", "string"))),
    ("siblingPropertyMismatch", noted(TEMP, override()), noted(TEMP, override(of="LengthUnit"))),
    (
        "multipleReference",
        noted(TEMP, override()),
        interface(TEMP, override(), override(name="m"), extensions=(QUANTITIES, ANNOTATION, OVERRIDING)),
    ),
    ("excludedType", interface(prop(schema="double"), version=2), interface(prop(schema="point"), version=2)),
]


def taken(document: Json) -> list[Json]:
    return document if isinstance(document, list) else [document]


@pytest.mark.parametrize(("rule", "good", "bad"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)])
def test_a_rule_is_kept_by_one_document_and_broken_by_another(rule: str, good: Json, bad: Json) -> None:
    assert rules(*taken(good)) - {"unresolved"} == set()
    verdict = judged(*taken(bad))
    assert rule in {f.rule for f in verdict.findings}
    assert not verdict.valid
    told = next(f for f in verdict.findings if f.rule == rule)
    assert told.message.endswith((".", "…"))
    assert "{" not in told.message.replace('{"en"', "")


def test_an_interface_longer_than_a_mebibyte_is_too_large() -> None:
    many = [telemetry(f"t{i}", comment="x" * 500) for i in range(2200)]
    assert rules(interface(*many)) == {"partitionTooLarge"}
    assert rules(interface(*many[:1000])) == set()
    assert rules(interface(*many[:300], version=2)) == set()


def test_more_than_a_thousand_ancestors_are_too_many() -> None:
    ids = [f"dtmi:t:p{n};1" for n in range(1025)]
    parents = [interface(**{"@id": i}) for i in ids]
    assert rules(interface(extends=ids), *parents) == {"excessiveCount"}
    assert rules(interface(extends=ids[:-1]), *parents) == set()


def test_limits_of_an_extension_hold_when_they_are_accepted() -> None:
    made = interface(**{"@context": ["dtmi:dtdl:context;4#limitless", "dtmi:dtdl:limits:onvif;1"]})
    long = {**made, "description": "x" * 4096}
    accepted = Options(limits=("dtmi:dtdl:limits:onvif",))
    assert rules(long, options=accepted) == set()
    assert rules({**made, "description": "x" * 4097}, options=accepted) == {"langStringValueTooLong"}
    assert rules(long) == {"disallowedLimitContext"}


def test_every_rule_with_words_of_its_own_is_tried() -> None:
    elsewhere: set[Any] = {
        "unreadable", "tooLarge", "notUtf8", "empty", "notJson", "nestedTooDeep", "noDocuments",
        "unresolved", "notJsonObject", "partitionTooLarge", "disallowedContextVersion", "excessiveCount",
        "excessiveDepthNarrow", "excessiveDepthWide", "nonUniqueImportedPropertyValue",
    }  # fmt: skip
    rare = {"identifierTooLong", "propertyValueNull"}
    assert RULES.keys() - {c[0] for c in CASES} - elsewhere - rare == set()
