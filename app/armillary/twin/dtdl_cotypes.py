"""Co-types as data: what the extensions of DTDL add to an element, and what they ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from armillary.twin import dtdl_quantities as quantities
from armillary.twin.dtdl_tables import ABSTRACT, PARENTS, SINCE, VERSIONS

V2, V3, V4 = VERSIONS
VALUED = ("CommandRequest", "CommandResponse", "Field", "MapValue", "Property", "Telemetry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A property that a co-type adds.

    `kind` is string, integer, duration, decimal, unit, object or member (the name of a property of a
    sibling). `family` is the set of units that `unit` may come from; `unique` forbids two siblings to have
    the same value; `follows` is the property whose schema a number must fit.
    """

    name: str
    id: str
    kind: str = "string"
    required: bool = False
    pattern: str = ""
    limit: int | None = None
    low: int | None = None
    unique: bool = False
    family: str = ""
    follows: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a co-type asks of the element that carries it.

    `member` names a property whose elements must be one of `kinds` (classes or co-types) or one of `values`
    (standard elements). With `upward`, it is the parent, over its property `member`, that must be one of
    `kinds`; `alone` then forbids that a sibling carries the same co-type, `beside` names one that must.
    """

    member: str
    kinds: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    upward: bool = False
    alone: bool = False
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoType:
    """A co-type: on which classes it may stand, and with which other co-types."""

    name: str
    id: str
    on: frozenset[str]
    versions: frozenset[int]
    extras: tuple[Extra, ...] = ()
    demands: tuple[Demand, ...] = ()
    needs: str = ""  # the name of a co-type that must stand beside it
    bars: str = ""  # the name of one that must not
    either: str = ""  # may be replaced as need by this one
    abstract: bool = False
    quantity: bool = False
    refers: bool = False  # annotates a sibling, by its name
    overrides: bool = False  # replaces a property of the sibling it annotates


def _all_classes(version: int) -> frozenset[str]:
    return frozenset(c for c in PARENTS if c not in ABSTRACT and SINCE.get(c, 2) <= version)


def _core(version: int) -> list[CoType]:
    """Return the co-types of the language's own context."""
    base = "dtmi:dtdl:class:"
    semantic = {2: ("Property", "Relationship", "Telemetry")}.get(version, (*VALUED, "Relationship"))
    upto = frozenset(v for v in (2, 3, 4) if v <= version) if version != V3 else frozenset({V3})
    found = [
        CoType(
            name="SemanticType",
            id=f"{base}SemanticType;{version}",
            on=frozenset(semantic),
            versions=upto,
            abstract=True,
        ),
        CoType(
            name="SemanticUnit",
            id=f"{base}SemanticUnit;{version}",
            on=frozenset({"Unit"}),
            versions=frozenset({version}),
            abstract=True,
        ),
    ]
    if version == V2:
        found += semantic_types(2)
    else:
        every = _all_classes(version)
        found.append(
            CoType(
                name="AdjunctType",
                id=f"{base}AdjunctType;{version}",
                on=every,
                versions=frozenset(range(2, version + 1)),
                abstract=True,
            )
        )
        found.append(
            CoType(
                name="Alias",
                id=f"{base}Alias;{version}",
                on=every - {"CommandPayload"},
                versions=frozenset({version}),
                extras=(
                    Extra(
                        name="aliasFor",
                        id=f"dtmi:dtdl:property:aliasFor;{version}",
                        kind="object",
                        required=True,
                    ),
                ),
            )
        )
    return found


def semantic_types(edition: int) -> list[CoType]:
    """Return the semantic types: edition 2 is language 2, then the extension's 1, 2 and 3 as 3, 4 and 5."""
    release = edition - 2
    if edition == V2:
        base, unit, versions = "dtmi:standard:class:{};2", "dtmi:dtdl:property:unit;2", frozenset({2})
        on = frozenset({"Property", "Telemetry"})
    else:
        stem = f"dtmi:dtdl:extension:quantitativeTypes:v{release}"
        base, unit = f"{stem}:class:{{}}", f"{stem}:property:unit"
        versions, on = frozenset({3 if release == 1 else 4}), frozenset(VALUED)
    numeric = (Demand(member="schema", kinds=("NumericSchema",)),)
    found = [
        CoType(
            name=name,
            id=base.format(name),
            on=on,
            versions=versions,
            extras=(Extra(name="unit", id=unit, kind="unit", required=True, family=family),),
            demands=numeric,
            quantity=True,
        )
        for name, family in quantities.types(edition).items()
    ]
    found.append(
        CoType(
            name="QuantitativeType",
            id=base.format("QuantitativeType"),
            on=on,
            versions=versions,
            demands=numeric,
            abstract=True,
            quantity=True,
        )
    )
    return found


CORE: Mapping[int, tuple[CoType, ...]] = {v: tuple(_core(v)) for v in (2, 3, 4)}
