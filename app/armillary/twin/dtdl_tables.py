"""The DTDL metamodel as data: classes, their properties and limits, for language versions 2, 3 and 4.

Written down from the language's specification; nothing here decides, the reader and the rules do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

VERSIONS = (2, 3, 4)
LENIENT = frozenset({2})  # versions that take undefined extensions when nobody says otherwise

# class -> its parent
PARENTS: Mapping[str, str] = {
    "NamedEntity": "Entity",
    "Interface": "Entity",
    "Content": "NamedEntity",
    "Telemetry": "Content",
    "Property": "Content",
    "Command": "Content",
    "Relationship": "Content",
    "Component": "Content",
    "CommandType": "Entity",
    "Schema": "Entity",
    "PrimitiveSchema": "Schema",
    "NumericSchema": "PrimitiveSchema",
    "TemporalSchema": "PrimitiveSchema",
    "ComplexSchema": "Schema",
    "Array": "ComplexSchema",
    "Enum": "ComplexSchema",
    "Map": "ComplexSchema",
    "Object": "ComplexSchema",
    "EnumValue": "NamedEntity",
    "MapKey": "NamedEntity",
    "SchemaField": "NamedEntity",
    "MapValue": "SchemaField",
    "Field": "SchemaField",
    "CommandPayload": "SchemaField",
    "CommandRequest": "CommandPayload",
    "CommandResponse": "CommandPayload",
    "Unit": "Entity",
    "UnitAttribute": "NamedEntity",
    "LatentType": "Entity",
    "NamedLatentType": "NamedEntity",
    "Boolean": "PrimitiveSchema",
    "Bytes": "PrimitiveSchema",
    "String": "PrimitiveSchema",
    "Uuid": "PrimitiveSchema",
    "Date": "TemporalSchema",
    "DateTime": "TemporalSchema",
    "Duration": "TemporalSchema",
    "Time": "TemporalSchema",
    "Byte": "NumericSchema",
    "Decimal": "NumericSchema",
    "Double": "NumericSchema",
    "Float": "NumericSchema",
    "Integer": "NumericSchema",
    "Long": "NumericSchema",
    "Short": "NumericSchema",
    "UnsignedByte": "NumericSchema",
    "UnsignedInteger": "NumericSchema",
    "UnsignedLong": "NumericSchema",
    "UnsignedShort": "NumericSchema",
}
ABSTRACT = frozenset(
    {
        "Entity",
        "NamedEntity",
        "Content",
        "Schema",
        "PrimitiveSchema",
        "NumericSchema",
        "TemporalSchema",
        "ComplexSchema",
        "SchemaField",
    }
)
# the first version that knows a class; all others are there from 2 on
SINCE: Mapping[str, int] = {
    **dict.fromkeys(("CommandRequest", "CommandResponse", "LatentType", "NamedLatentType"), 3),
    **dict.fromkeys(
        (
            "Byte",
            "Bytes",
            "Decimal",
            "Short",
            "UnsignedByte",
            "UnsignedInteger",
            "UnsignedLong",
            "UnsignedShort",
            "Uuid",
        ),
        4,
    ),
}
CONTENTS = frozenset({"Telemetry", "Property", "Command", "Relationship", "Component"})
COMPLEX = frozenset({"Array", "Enum", "Map", "Object"})

# primitive schema term -> its class
PRIMITIVES: Mapping[str, str] = {
    "boolean": "Boolean",
    "byte": "Byte",
    "bytes": "Bytes",
    "date": "Date",
    "dateTime": "DateTime",
    "decimal": "Decimal",
    "double": "Double",
    "duration": "Duration",
    "float": "Float",
    "integer": "Integer",
    "long": "Long",
    "short": "Short",
    "string": "String",
    "time": "Time",
    "unsignedByte": "UnsignedByte",
    "unsignedInteger": "UnsignedInteger",
    "unsignedLong": "UnsignedLong",
    "unsignedShort": "UnsignedShort",
    "uuid": "Uuid",
}
# geospatial schema -> how deep its complex schemas are nested: an Object of nested Arrays
GEOSPATIAL: Mapping[str, int] = {
    "lineString": 3,
    "multiLineString": 4,
    "multiPoint": 3,
    "multiPolygon": 5,
    "point": 2,
    "polygon": 4,
}
COMMAND_TYPES = ("asynchronous", "synchronous")

# terms of the context that are neither a class of PARENTS nor a property of an element
META_CLASSES: Mapping[int, tuple[str, ...]] = {
    2: ("SemanticType", "SemanticUnit"),
    3: ("SemanticType", "SemanticUnit", "AdjunctType", "Alias"),
    4: ("SemanticType", "SemanticUnit", "AdjunctType", "Alias"),
}
META_PROPERTIES: Mapping[int, tuple[str, ...]] = {
    2: ("exponent", "languageMajorVersion", "symbol", "baseUnit", "bottomUnit", "prefix", "topUnit", "unit"),
    3: ("exponent", "languageMajorVersion", "symbol", "aliasFor"),
    4: ("exponent", "languageMajorVersion", "symbol", "aliasFor"),
}
META_TERMS: Mapping[int, tuple[str, ...]] = {
    2: (),
    3: ("DtdlExtension", "metamodel", "model"),
    4: ("DtdlExtension", "metamodel", "model"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a language version, or a limit extension of version 4, allows."""

    name: int = 512
    title: int = 512  # displayName
    description: int = 512
    comment: int = 512
    interface_id: int = 128
    id: int = 2048
    extends_depth: int = 10
    extends_count: int | None = 1024
    schema_depth: int = 5
    elements: int | None = 100_000
    interface_bytes: int | None = 1 << 20
    again: bool = False  # a schema may be met inside itself


LIMITS: Mapping[tuple[int, str], Limits] = {
    (2, ""): Limits(name=64, title=64, extends_count=None, elements=None, interface_bytes=None),
    (3, ""): Limits(),
    (4, ""): Limits(extends_depth=12, schema_depth=8, again=True),
    (4, "onvif"): Limits(
        description=4096, interface_id=256, id=512, extends_depth=12, schema_depth=24, again=True
    ),
    (4, "aio"): Limits(
        description=2048, interface_id=256, id=512, extends_depth=12, schema_depth=12, again=True
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prop:
    """One property of a class in one language version.

    `kind` is string, lang, boolean, integer, literal, identifier or object; `cls` is the class of objects.
    `older` allows objects of an older language version. `named` says that ids made for elements without one
    hold their name; `unique` names the properties whose values may not repeat among the elements.
    """

    name: str
    kind: str
    cls: str = ""
    required: bool = False
    plural: bool = False
    limit: str = ""  # the field of Limits that bounds its length
    pattern: str = ""
    low: int | None = None
    high: int | None = None
    fewest: int = 0  # elements, when the property is there
    most: int | None = None
    needs_id: bool = False
    infers: bool = False  # @type may be left out
    older: bool = False
    values: tuple[str, ...] = ()
    named: bool = False
    unique: tuple[str, ...] = ()


NAME_PATTERN = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"

_ENTITY = (
    Prop(name="comment", kind="string", limit="comment"),
    Prop(name="description", kind="lang", plural=True, limit="description"),
    Prop(name="displayName", kind="lang", plural=True, limit="title"),
)
_NAME = (Prop(name="name", kind="string", required=True, fewest=1, limit="name", pattern=NAME_PATTERN),)
_SCHEMA = (Prop(name="schema", kind="object", cls="Schema", required=True, fewest=1, older=True),)
_WRITABLE = (Prop(name="writable", kind="boolean"),)


def _own(version: int) -> dict[str, tuple[Prop, ...]]:
    """Return the properties that each class adds to its parent's."""
    v2 = version == VERSIONS[0]
    request, response = ("CommandPayload",) * 2 if v2 else ("CommandRequest", "CommandResponse")
    return {
        "Entity": _ENTITY,
        "NamedEntity": _NAME,
        "Interface": (
            Prop(
                name="contents",
                kind="object",
                cls="Content",
                plural=True,
                older=True,
                most=300 if v2 else None,
                named=True,
                unique=("name",),
            ),
            Prop(
                name="extends",
                kind="object",
                cls="Interface",
                plural=True,
                older=True,
                most=2 if v2 else None,
                needs_id=True,
            ),
            Prop(name="schemas", kind="object", cls="ComplexSchema", plural=True, needs_id=True),
        ),
        "Telemetry": _SCHEMA,
        "Property": _SCHEMA + _WRITABLE,
        "Command": (
            Prop(name="commandType", kind="object", cls="CommandType", needs_id=True, values=COMMAND_TYPES),
            Prop(name="request", kind="object", cls=request, infers=True),
            Prop(name="response", kind="object", cls=response, infers=True),
        ),
        "Relationship": (
            Prop(name="maxMultiplicity", kind="integer", low=1, high=500 if v2 else None),
            Prop(name="minMultiplicity", kind="integer", low=0, high=0),
            Prop(
                name="properties",
                kind="object",
                cls="Property",
                plural=True,
                older=True,
                most=300 if v2 else None,
                named=True,
                unique=("name",),
            ),
            Prop(name="target", kind="identifier"),
            *_WRITABLE,
        ),
        "Component": (
            Prop(
                name="schema",
                kind="object",
                cls="Interface",
                required=True,
                fewest=1,
                older=True,
                needs_id=True,
            ),
        ),
        "SchemaField": _SCHEMA,
        "CommandPayload": (Prop(name="nullable", kind="boolean"),) if version >= VERSIONS[2] else (),
        "Array": (
            Prop(name="elementSchema", kind="object", cls="Schema", required=True, fewest=1, older=True),
        ),
        "Enum": (
            Prop(
                name="enumValues",
                kind="object",
                cls="EnumValue",
                plural=True,
                infers=True,
                required=v2,
                fewest=1 if v2 else 0,
                most=100 if v2 else None,
                named=True,
                unique=("name", "enumValue"),
            ),
            Prop(
                name="valueSchema",
                kind="object",
                cls="PrimitiveSchema",
                required=True,
                fewest=1,
                needs_id=True,
                older=True,
                values=("integer", "string"),
            ),
        ),
        "EnumValue": (Prop(name="enumValue", kind="literal", required=True, fewest=1),),
        "Map": (
            Prop(name="mapKey", kind="object", cls="MapKey", required=True, fewest=1, infers=True),
            Prop(name="mapValue", kind="object", cls="MapValue", required=True, fewest=1, infers=True),
        ),
        "MapKey": (
            Prop(
                name="schema",
                kind="object",
                cls="String",
                required=True,
                fewest=1,
                needs_id=True,
                older=True,
                values=("string",),
            ),
        ),
        "Object": (
            Prop(
                name="fields",
                kind="object",
                cls="Field",
                plural=True,
                infers=True,
                required=v2,
                fewest=1 if v2 else 0,
                most=30 if v2 else None,
                named=True,
                unique=("name",),
            ),
        ),
        "Unit": (Prop(name="symbol", kind="string"),),
    }


@cache
def ancestry(cls: str) -> tuple[str, ...]:
    """Return the class and its ancestors, itself first."""
    found = [cls]
    while found[-1] in PARENTS:
        found.append(PARENTS[found[-1]])
    return tuple(found)


def is_kind(cls: str, ancestor: str) -> bool:
    """Return whether objects of class `cls` are `ancestor`s."""
    return ancestor in ancestry(cls)


@cache
def properties(cls: str, version: int) -> Mapping[str, Prop]:
    """Return the properties of a class in a language version, by name."""
    own = _own(version)
    return {p.name: p for up in reversed(ancestry(cls)) for p in own.get(up, ())}


@cache
def required(cls: str, version: int) -> tuple[Prop, ...]:
    """Return the properties that a class asks for."""
    return tuple(p for p in properties(cls, version).values() if p.required)


@cache
def unique(cls: str, version: int) -> tuple[Prop, ...]:
    """Return the properties whose elements must differ in something."""
    return tuple(p for p in properties(cls, version).values() if p.unique)


@cache
def property_names(version: int) -> frozenset[str]:
    """Return every property name that the version's own context defines, of elements and of the metamodel."""
    return frozenset(p.name for group in _own(version).values() for p in group) | set(
        META_PROPERTIES[version]
    )


def classes(version: int) -> tuple[str, ...]:
    """Return the classes that the version's context names, abstract ones included."""
    return tuple(c for c in ("Entity", *PARENTS) if SINCE.get(c, 2) <= version)
