"""What the words of a DTDL context mean: one table of terms and ids for each language and extension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from armillary.twin import dtdl_quantities as quantities
from armillary.twin.dtdl_cotypes import CORE, CoType
from armillary.twin.dtdl_extensions import EXTENSIONS, LIMIT_CONTEXTS
from armillary.twin.dtdl_tables import (
    COMMAND_TYPES,
    GEOSPATIAL,
    META_CLASSES,
    META_TERMS,
    PRIMITIVES,
    SINCE,
    VERSIONS,
    classes,
    property_names,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """An element that the language or an extension defines: a schema, a unit, a command type."""

    id: str
    name: str
    cls: str
    family: str = ""  # the family of units that a unit belongs to
    since: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """What a term or an id stands for. One of the fields is set, or none for a word that is only known."""

    id: str
    cls: str = ""  # a class of elements
    prop: str = ""  # a property of elements
    cotype: CoType | None = None
    extra: str = ""  # a property that co-types add, by its id
    element: Standard | None = None


def _first(name: str) -> int:
    return SINCE.get(PRIMITIVES[name], 2)


@cache
def core(version: int) -> tuple[Mapping[str, Sense], Mapping[str, Sense]]:
    """Return what the language's own context defines, by term and by id."""
    terms: dict[str, Sense] = {}
    ids: dict[str, Sense] = {}

    def add(term: str, sense: Sense, *more: str) -> None:
        terms[term] = ids[sense.id] = sense
        for one in more:
            ids[one] = sense

    for cls in classes(version):
        add(cls, Sense(id=f"dtmi:dtdl:class:{cls};{version}", cls=cls))
    for name in sorted(property_names(version)):
        where = f"dtmi:dtdl:property:{name};{version}"
        add(name, Sense(id=where, prop=name))
    for name in (*META_CLASSES[version], *META_TERMS[version]):
        add(name, Sense(id=f"dtmi:dtdl:class:{name};{version}"))
    for name, cls in PRIMITIVES.items():
        if _first(name) <= version:
            stem, first = f"dtmi:dtdl:instance:Schema:{name}", _first(name)
            schema = Standard(id=f"{stem};{first}", name=name, cls=cls)
            # what was there before is an alias of the first of its kind, so that both are one schema
            aliases = [f"{stem};{v}" for v in range(first, version + 1)]
            add(name, Sense(id=f"{stem};{version}", element=schema), *aliases)
    for name in GEOSPATIAL:
        where = f"dtmi:standard:schema:geospatial:{name};{version}"
        add(name, Sense(id=where, element=Standard(id=where, name=name, cls="Object", since=version)))
    if version >= VERSIONS[2]:
        where = f"dtmi:standard:schema:scaledDecimal;{version}"
        scaled = Standard(id=where, name="scaledDecimal", cls="Object", since=version)
        add("scaledDecimal", Sense(id=where, element=scaled))
    for name in COMMAND_TYPES:
        where = f"dtmi:dtdl:instance:CommandType:{name};{version}"
        add(name, Sense(id=where, element=Standard(id=where, name=name, cls="CommandType", since=version)))
    for cotype in CORE[version]:
        add(cotype.name, Sense(id=cotype.id, cotype=cotype))
    if version == VERSIONS[0]:
        _old_units(terms, ids)
    return terms, ids


def _old_units(terms: dict[str, Sense], ids: dict[str, Sense]) -> None:
    """Add the units of language 2, where a family is a class of units and not an Enum."""
    for family, units in quantities.families(2).items():
        sense = Sense(id=f"dtmi:standard:class:{family};2", cls="Unit")
        terms[family] = ids[sense.id] = sense
        for name in units:
            where = f"dtmi:standard:unit:{name};2"
            unit = Standard(id=where, name=name, cls="Unit", family=family)
            terms[name] = ids[where] = Sense(id=where, element=unit)
    for name in quantities.prefixes(2):
        where = f"dtmi:standard:unitprefix:{name};2"
        terms[name] = ids[where] = Sense(id=where, element=Standard(id=where, name=name, cls="UnitAttribute"))
    for name in ("BinaryPrefix", "BinaryUnit", "DecimalPrefix", "DecimalUnit", "RatioUnit"):
        sense = Sense(id=f"dtmi:standard:class:{name};2", cls="UnitAttribute" if "Prefix" in name else "Unit")
        terms[name] = ids[sense.id] = sense
    unit_id = "dtmi:dtdl:property:unit;2"
    terms["unit"] = ids[unit_id] = Sense(id=unit_id, extra=unit_id)


@cache
def extension(context: str) -> tuple[Mapping[str, Sense], Mapping[str, Sense]] | None:
    """Return what an extension's context adds, by term and by id; None for one that nobody knows."""
    if context in LIMIT_CONTEXTS:
        return {}, {}
    cotypes = EXTENSIONS.get(context)
    if cotypes is None:
        return None
    terms: dict[str, Sense] = {}
    for cotype in cotypes:
        terms[cotype.name] = Sense(id=cotype.id, cotype=cotype)
        for extra in cotype.extras:
            terms[extra.name] = Sense(id=extra.id, extra=extra.id)
    if context.startswith("dtmi:dtdl:extension:quantitativeTypes;"):
        _new_units(terms, int(context.partition(";")[2]))
    if context == "dtmi:iotcentral:context;2":
        for name in ("geopoint", "vector"):
            where = f"dtmi:iotcentral:schema:{name};2"
            terms[name] = Sense(id=where, element=Standard(id=where, name=name, cls="Object"))
    return terms, {sense.id: sense for sense in terms.values()}


def _new_units(terms: dict[str, Sense], release: int) -> None:
    """Add the units of the extension, where a family is an Enum and a unit one of its values."""
    stem, edition = f"dtmi:dtdl:extension:quantitativeTypes:v{release}", release + 2
    since = 3 if release == 1 else 4
    for family, units in quantities.families(edition).items():
        where = f"{stem}:enum:{family}"
        terms[family] = Sense(
            id=where, element=Standard(id=where, name=family, cls="Enum", family=family, since=since)
        )
        for name in units:
            place = f"{stem}:unit:{name}"
            unit = Standard(id=place, name=name, cls="EnumValue", family=where, since=since)
            terms[name] = Sense(id=place, element=unit)
    terms["EnergyRateUnit"] = terms["PowerUnit"]
    for name in ("BinaryPrefix", "DecimalPrefix"):
        where = f"{stem}:enum:{name}"
        terms[name] = Sense(id=where, element=Standard(id=where, name=name, cls="Enum", since=since))
    for name in quantities.prefixes(edition):
        where = f"{stem}:unitprefix:{name}"
        terms[name] = Sense(id=where, element=Standard(id=where, name=name, cls="EnumValue", since=since))
    for name in ("BinaryUnit", "DecimalUnit", "RatioUnit", "SymbolicUnit", "UnitPrefix"):
        terms[name] = Sense(id=f"{stem}:class:{name}")
    for name in ("baseUnit", "bottomUnit", "prefix", "topUnit"):
        terms[name] = Sense(id=f"{stem}:property:{name}")
