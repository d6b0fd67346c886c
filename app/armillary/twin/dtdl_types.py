"""The @type of a DTDL element: its class, its co-types, and words that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from armillary.twin import dtdl_ids as ids
from armillary.twin.dtdl_context import Context
from armillary.twin.dtdl_cotypes import CoType, Extra
from armillary.twin.dtdl_elements import At, Element, Reading
from armillary.twin.dtdl_tables import COMPLEX, CONTENTS, VERSIONS, Prop, is_kind
from armillary.twin.dtdl_terms import Sense

TOP = Prop(name="", kind="object", cls="Interface")
"""Stands for the property that the top of a document is the value of."""
DEFINABLE = (
    CONTENTS
    | COMPLEX
    | {"Interface", "EnumValue", "MapKey", "MapValue", "Field"}
    | {"CommandPayload", "CommandRequest", "CommandResponse"}
)
"""The classes of which a document can define elements; the others are the language's own."""


_KINDS, _WORDS = 4096, 16  # of @type that are remembered for one context, and how long they may be


@dataclass(frozen=True, slots=True)
class Kind:
    """What @type says. `is_sure` is False when one of the types could not be understood."""

    cls: str
    cotypes: tuple[CoType, ...] = ()
    unknown: tuple[str, ...] = ()
    is_sure: bool = True
    is_clean: bool = True  # all co-types may stand on it, beside each other
    offered: Mapping[str, Extra] = field(default_factory=dict)  # what the co-types add, by id


def sort(word: str, sense: Sense | None, version: int) -> str:
    """Return what is wrong with a word that means nothing where it stands: the tail of a rule's id."""
    if word.startswith(ids.SCHEME):
        return "IrrelevantDtmiOrTerm" if ids.is_id(word, version) else "InvalidDtmi"
    if ":" in word:
        return "NotDtmiNorTerm"
    return "UndefinedTerm" if sense is None else "IrrelevantDtmiOrTerm"


def takes_type(word: str, sense: Sense | None, context: Context) -> bool:
    """Return whether a type that nobody knows may stand: in language 2, or beside an open extension."""
    kind = sort(word, sense, context.version)
    if kind == "InvalidDtmi":
        return False
    if kind == "NotDtmiNorTerm":
        return context.version == VERSIONS[0]
    if kind == "UndefinedTerm" and context.version == VERSIONS[0]:
        return True
    return context.is_open


def takes_property(kind: str, context: Context) -> bool:
    """Return whether a property of this sort may stand beside a type that nobody knows."""
    if context.version == VERSIONS[0]:
        return True
    return context.is_open and kind in {"UndefinedTerm", "IrrelevantDtmiOrTerm"}


def read(
    reading: Reading,
    value: dict[str, object],
    at: At,
    context: Context,
    prop: Prop,
    given: str,
    owner: str,
) -> Kind | None:
    """Return class and co-types; None, after a report, when no class fits the property."""
    place: At = (at, "@type")
    wrong = "typeNotRootable" if prop is TOP else "badType"
    if "@type" not in value:
        if prop.infers:
            return Kind(prop.cls)
        reading.report(wrong, at, owner, prop.name, value=given, kind="no @type", wanted=prop.cls)
        return None
    named = value["@type"]
    key = _key(named, prop)
    known = context.kinds.get(key) if key else None
    if isinstance(known, Kind):
        return known
    listed: list[object] = named if isinstance(named, list) else [named]
    items = [item for item in listed if isinstance(item, str)]
    if not items or len(items) < len(listed):
        reading.report(wrong, place, owner, prop.name, kind=named, wanted=prop.cls)
        return None
    materials: dict[str, None] = {}
    cotypes: dict[str, CoType] = {}
    unknown: list[str] = []
    unclear: list[tuple[str, str]] = []
    for item in items:
        sense = context.sense(item)
        if sense is not None and sense.cls:
            materials[sense.cls] = None
        elif sense is not None and sense.cotype is not None:
            cotypes[sense.cotype.id] = sense.cotype
        elif takes_type(item, sense, context):
            unknown.append(item)
        else:
            unclear.append((f"type{sort(item, sense, context.version)}", item))
    if prop is TOP and not materials:
        reading.report(wrong, place, owner, prop.name, value=given)
        return None
    for rule, item in unclear:
        reading.report(rule, place, given or owner, value=item)
    fit = all(m in DEFINABLE and is_kind(m, prop.cls) for m in materials)
    if len(materials) > 1 and (fit or (prop is TOP and TOP.cls in materials)):
        reading.report("multipleMaterialTypes", place, given or owner, kinds=" and ".join(materials))
        return None
    cls = next(iter(materials), "")
    if not materials or not fit:
        if cls or not unclear:
            kind = cls or " ".join(items)
            reading.report(wrong, place, owner, prop.name, value=given, kind=kind, wanted=prop.cls)
        return None
    found = _kind(cls, tuple(cotypes.values()), tuple(unknown), context.version, is_sure=not unclear)
    if key and found.is_sure and len(context.kinds) < _KINDS:
        context.kinds[key] = found
    return found


def _key(named: object, prop: Prop) -> tuple[str, ...] | None:
    """Return what the words of a short @type are remembered by."""
    if isinstance(named, str):
        return (prop.cls, str(prop is TOP), named)
    if isinstance(named, list) and len(named) < _WORDS and all(isinstance(word, str) for word in named):
        return (prop.cls, str(prop is TOP), *named)
    return None


def _kind(
    cls: str, cotypes: tuple[CoType, ...], unknown: tuple[str, ...], version: int, *, is_sure: bool
) -> Kind:
    names = {c.name for c in cotypes}
    is_clean = all(
        not c.abstract
        and cls in c.on
        and version in c.versions
        and c.needs in {"", *names}
        and not (c.bars and c.bars in names)
        for c in cotypes
    )
    offered = {extra.id: extra for c in cotypes for extra in c.extras}
    return Kind(cls, cotypes, unknown, is_sure, is_clean, offered)


def check_cotypes(reading: Reading, element: Element) -> None:
    """Report the co-types that may not stand on this element."""
    place: At = (element.at, "@type")
    names = {c.name for c in element.cotypes}
    for cotype in element.cotypes:

        def report(rule: str, name: str = cotype.name, **words: object) -> None:
            reading.report(rule, place, element.id, "", kind=name, **words)

        if cotype.abstract:
            report("abstractSupplementalType")
        elif not stands(cotype, element):
            report("invalidCotype", cls=element.cls)
            continue
        elif element.version not in cotype.versions:
            report("invalidCotypeVersion", version=element.version)
        if cotype.needs and cotype.needs not in names:
            report("missingCocotype", other=cotype.needs)
        if cotype.bars and cotype.bars in names:
            report("disallowedCocotype", other=cotype.bars)


def stands(cotype: CoType, element: Element) -> bool:
    """Return whether a co-type may stand on an element of this class, or beside the co-type it may."""
    return element.cls in cotype.on or (bool(cotype.either) and element.has(cotype.either))


def check_required(reading: Reading, element: Element, needed: tuple[Prop, ...], seen: set[str]) -> None:
    """Report the properties that its class or a co-type asks for and that are not there."""
    for prop in needed:
        if prop.name not in seen:
            kind = "Object" if prop.kind == "object" else "Literal"
            reading.report(f"missing{kind}Property", element.at, element.id, prop.name, cls=element.cls)
    families: dict[str, str] = {}
    for cotype in element.cotypes:
        for extra in cotype.extras:
            if families.setdefault(extra.id, extra.family) != extra.family:
                place: At = (element.at, "@type")
                reading.report("conflictingSupplementalTypes", place, element.id, extra.name)
            elif extra.required and extra.id not in seen:
                kind = "Object" if extra.kind in {"unit", "object"} else "Literal"
                rule = f"missingSupplemental{kind}Property"
                reading.report(rule, element.at, element.id, extra.name, kind=cotype.name)
