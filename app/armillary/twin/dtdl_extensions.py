"""The extensions of DTDL as data: the co-types that each context brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from armillary.twin.dtdl_cotypes import VALUED, CoType, Demand, Extra, semantic_types

_PART = r"(?:\{(?:[A-Za-z]+:)?[A-Za-z]+\})"
_TOPIC = rf"(?:(?:[!%-*,-.0-z|~][!$-*,-.0-z|~]*)|{_PART})(?:/(?:(?:[!$-*,-.0-z|~]+)|{_PART}))*"
_LABEL = r"[!$-*,-.0-z|~]+"
_NAME = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"
_SECOND, _THIRD, _FOURTH = 2, 3, 4  # releases of the MQTT extension


def _simple(
    stem: str,
    name: str,
    on: Iterable[str],
    versions: Iterable[int],
    extras: tuple[Extra, ...] = (),
    **more: str,
) -> CoType:
    """Return a co-type of an extension whose ids begin with `stem`."""
    return CoType(
        name=name,
        id=f"{stem}:{name}",
        on=frozenset(on),
        versions=frozenset(versions),
        extras=extras,
        needs=more.get("needs", ""),
        bars=more.get("bars", ""),
    )


def _annotation(release: int) -> list[CoType]:
    stem = f"dtmi:dtdl:extension:annotation:v{release}"
    note = f"{stem}:ValueAnnotation"
    return [
        CoType(
            name="ValueAnnotation",
            id=note,
            on=frozenset({"Property", "Telemetry"}),
            versions=frozenset({3} if release == 1 else {3, 4}),
            extras=(Extra(name="annotates", id=f"{note}:annotates", required=True),),
            refers=True,
        )
    ]


def _overriding(release: int) -> list[CoType]:
    stem = f"dtmi:dtdl:extension:overriding:v{release}"
    return [
        CoType(
            name="Override",
            id=f"{stem}:Override",
            on=frozenset({"Property"}),
            versions=frozenset({3} if release == 1 else {3, 4}),
            extras=(Extra(name="overrides", id=f"{stem}:Override:overrides", kind="member", required=True),),
            needs="ValueAnnotation",
            bars="Initialized",
            overrides=True,
        )
    ]


def _historization(release: int) -> list[CoType]:
    stem = f"dtmi:dtdl:extension:historization:v{release}"
    return [_simple(stem, "Historized", ("Property", "Telemetry"), (3,) if release == 1 else (3, 4))]


def _requirement(release: int) -> list[CoType]:
    stem = f"dtmi:dtdl:extension:requirement:v{release}"
    return [_simple(stem, "Required", ("Field",) if release == 1 else ("Field", "Property"), (3, 4))]


def _mqtt(release: int) -> list[CoType]:
    """Return the co-types of the MQTT extension; each release adds some."""
    stem = f"dtmi:dtdl:extension:mqtt:v{release}"
    versions = (3,) if release == 1 else (3, 4)
    topics = ["commandTopic", "telemetryTopic", *(["propertyTopic"] if release >= _FOURTH else [])]
    groups = ["cmdServiceGroupId", "telemServiceGroupId"] if release >= _SECOND else []
    mqtt = f"{stem}:Mqtt"
    found = [
        _simple(
            stem,
            "Mqtt",
            ("Interface",),
            versions,
            (
                Extra(name="payloadFormat", id=f"{mqtt}:payloadFormat", required=True),
                *(Extra(name=t, id=f"{mqtt}:{t}", pattern=_TOPIC) for t in topics),
                *(Extra(name=g, id=f"{mqtt}:{g}", pattern=_LABEL) for g in groups),
            ),
        ),
        _simple(stem, "Idempotent", ("Command",), versions),
        _simple(
            stem,
            "Cacheable",
            ("Command",),
            versions,
            (Extra(name="ttl", id=f"{stem}:Cacheable:ttl", kind="duration", required=True),),
            needs="Idempotent",
        ),
        _simple(
            stem,
            "Indexed",
            ("EnumValue", "Field", "Telemetry", *(("Property",) if release >= _FOURTH else ())),
            versions,
            (
                Extra(
                    name="index",
                    id=f"{stem}:Indexed:index",
                    kind="integer",
                    required=True,
                    low=1,
                    unique=True,
                ),
            ),
        ),
    ]

    def add(name: str, on: tuple[str, ...], *demands: Demand, bars: str = "", either: str = "") -> None:
        found.append(
            CoType(
                name=name,
                id=f"{stem}:{name}",
                on=frozenset(on),
                versions=frozenset(versions),
                demands=demands,
                bars=bars,
                either=either,
            )
        )

    def inside(*kinds: str, beside: str = "") -> Demand:
        return Demand(member="fields", kinds=kinds, upward=True, alone=True, beside=beside)

    def schema(*kinds: str) -> Demand:
        return Demand(member="schema", kinds=kinds)

    if release >= _SECOND:
        add("Transparent", ("CommandRequest", "CommandResponse"), schema("Object"))
    if release >= _THIRD:
        late = release >= _FOURTH
        results = ("NormalResult", "ErrorResult", *(("ErrorCode", "ErrorInfo") if late else ()))
        add("Result", ("Object",), Demand(member="fields", kinds=results))
        add("NormalResult", ("Field",), inside("Result"), bars="Required")
        add("ErrorResult", ("Field",), inside("Result"), schema("Error"), bars="Required")
        add("Error", ("Object",))
        add("ErrorMessage", ("Field",), inside("Error"), schema("String"))
    if release >= _FOURTH:
        add("ErrorCode", ("Field",), inside("Result", "Error"), schema("Enum"))
        add("ErrorInfo", ("Field",), inside("Result", "Error", beside="ErrorCode"), schema("Object"))
        add("Fragmented", ("Property",), schema("Map"), either="PropertyValue")
        add("Indirect", ("Field",), bars="Required")
        parts = ("PropertyValue", "ReadError", "WriteError")
        add("PropertyResult", ("Object",), Demand(member="fields", kinds=parts))
        add("PropertyValue", ("Field",), inside("PropertyResult"), bars="Required")
        add("ReadError", ("Field",), inside("PropertyResult"), schema("Error"), bars="Required")
        add("WriteError", ("Field",), inside("PropertyResult"), schema("Error"), bars="Required")
    return found


def _iotcentral() -> list[CoType]:
    """Return the co-types of the IoT Central context of language 2."""
    on, versions = frozenset({"Property", "Telemetry"}), frozenset({2})
    unit = "dtmi:dtdl:property:unit;2"

    def one(name: str, demand: Demand, family: str = "") -> CoType:
        extras = (Extra(name="unit", id=unit, kind="unit", family=family),) if family else ()
        return CoType(
            name=name,
            id=f"dtmi:iotcentral:class:{name};2",
            on=on,
            versions=versions,
            extras=extras,
            demands=(demand,),
        )

    vector = Demand(member="schema", values=("vector",))
    places = ("point", "multiPoint", "lineString", "multiLineString", "polygon", "multiPolygon", "geopoint")
    return [
        one("AccelerationVector", vector, "AccelerationUnit"),
        one("VelocityVector", vector, "VelocityUnit"),
        one("Event", Demand(member="schema", kinds=("NumericSchema", "String"))),
        one("Location", Demand(member="schema", values=places)),
        one("State", Demand(member="schema", kinds=("Enum",))),
    ]


def _iotoperations() -> list[CoType]:
    """Return the co-types of the IoT Operations context of language 4."""

    def one(
        name: str,
        on: tuple[str, ...],
        *extras: Extra,
        demands: tuple[Demand, ...] = (),
        bars: str = "",
    ) -> CoType:
        return CoType(
            name=name,
            id=f"dtmi:iotoperations:class:{name};4",
            on=frozenset(on),
            versions=frozenset({4}),
            extras=extras,
            demands=demands,
            bars=bars,
        )

    def extra(name: str, kind: str = "string", **more: object) -> Extra:
        limit = more.get("limit")
        return Extra(
            name=name,
            id=f"dtmi:iotoperations:property:{name};4",
            kind=kind,
            required=bool(more.get("required", True)),
            limit=limit if isinstance(limit, int) else None,
            pattern=str(more.get("pattern", "")),
            follows=str(more.get("follows", "")),
        )

    numeric = (Demand(member="schema", kinds=("NumericSchema",)),)
    bound = {"required": False, "follows": "schema"}
    return [
        one("Composite", ("Interface",), extra("ontology", limit=128), bars="Event"),
        one("Congruence", ("Array", "Enum", "Interface", "Map", "Object"), extra("typeRef", limit=128)),
        one("Detail", ("Object",)),
        one("Event", ("Interface",)),
        one("GroupMember", ("Command",), extra("group", limit=128, pattern=_NAME)),
        one("HasCapability", ("Relationship",), bars="HasComponent"),
        one("HasComponent", ("Relationship",)),
        one(
            "Limited",
            VALUED,
            extra("maximum", "decimal", **bound),
            extra("minimum", "decimal", **bound),
            demands=numeric,
        ),
        one("Precise", VALUED, extra("decimalPlaces", "integer"), demands=numeric),
        one(
            "Qualified",
            ("Command", "Component", "Field", "Property", "Relationship", "Telemetry"),
            extra("namespace", limit=128),
        ),
        one("ScaledStatically", VALUED, extra("scaleFactor", "decimal", follows="schema"), demands=numeric),
        one(
            "Subject",
            ("Field",),
            demands=(Demand(member="fields", kinds=("Detail",), upward=True, alone=True),),
        ),
    ]


EXTENSIONS: Mapping[str, tuple[CoType, ...]] = {
    **{f"dtmi:dtdl:extension:annotation;{r}": tuple(_annotation(r)) for r in (1, 2)},
    **{f"dtmi:dtdl:extension:historization;{r}": tuple(_historization(r)) for r in (1, 2)},
    **{f"dtmi:dtdl:extension:mqtt;{r}": tuple(_mqtt(r)) for r in (1, 2, 3, 4)},
    **{f"dtmi:dtdl:extension:overriding;{r}": tuple(_overriding(r)) for r in (1, 2)},
    **{f"dtmi:dtdl:extension:quantitativeTypes;{r}": tuple(semantic_types(r + 2)) for r in (1, 2, 3)},
    **{f"dtmi:dtdl:extension:requirement;{r}": tuple(_requirement(r)) for r in (1, 2)},
    "dtmi:iotcentral:context;2": tuple(_iotcentral()),
    "dtmi:iotoperations:context;4": tuple(_iotoperations()),
}
"""The co-types by the context that brings them."""
LIMIT_CONTEXTS: Mapping[str, str] = {"dtmi:dtdl:limits:onvif;1": "onvif", "dtmi:dtdl:limits:aio;1": "aio"}
IMPLIED: Mapping[str, int] = {"dtmi:iotcentral:context;2": 2}  # an extension that implies a language
