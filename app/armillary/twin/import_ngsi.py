"""NGSI-LD entities (ETSI GS CIM 009), normalised and concise, as twins.

A property that was observed at a time is a signal; one that was not is a value that stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from armillary.twin.export_ngsi import KEPT, OURS
from armillary.twin.imports import UNECE, Imported, Json, Known, Taking, nobody, refused, text_of

_MEMBERS = frozenset(
    ("type", "value", "object", "objects", "languageMap", "vocab", "json", "valueList", "unitCode",
     "observedAt", "datasetId", "createdAt", "modifiedAt", "deletedAt", "instanceId", "previousValue",
     "objectType")
)  # fmt: skip
_SYSTEM = ("createdAt", "modifiedAt", "deletedAt", "scope", "expiresAt")
_CARRIERS = ("value", "json", "vocab", "valueList")
_GEO = frozenset(("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"))
_COORDINATES = ("longitude", "latitude", "altitude")


def is_ngsi(document: Json) -> bool:
    """Return whether a document is an NGSI-LD entity or a list of them."""
    first = document[0] if isinstance(document, list) and document else document
    return (
        isinstance(first, dict)
        and isinstance(first.get("id"), str)
        and "type" in first
        and "modelType" not in first
    )


def imported(document: Json, known: Known = nobody) -> Imported:
    """Return the twins of entities. Raises ProjectFault for what is none."""
    entities = document if isinstance(document, list) else [document]
    if not entities or not is_ngsi(document):
        raise refused("This is no NGSI-LD entity: `id` or `type` is missing.")
    taking = Taking("ngsi-ld")
    for i, entity in enumerate(entities):
        if isinstance(entity, dict) and isinstance(entity.get("id"), str) and entity["id"]:
            _entity(entity, taking)
        else:
            taking.leave("entity", f"number {i + 1}", "It has no id.")
    return taking.done(known)


def _entity(entity: Mapping[str, Json], taking: Taking) -> None:
    foreign = str(entity["id"])
    types = entity.get("type")
    kinds = [str(one) for one in types] if isinstance(types, list) else [str(types or "")]
    title = next((found for key in ("name", "title") if (found := text_of(_plain(entity.get(key))))), "")
    twin = taking.twin(foreign, model=kinds[0], title=title)
    for more in kinds[1:]:
        taking.leave("type", f"{foreign} {more}", "A twin has one type: the first was taken.")
    for name, given in entity.items():
        told = f"{foreign}.{name}"
        if name in ("id", "type"):
            continue
        if name == OURS and _ours(twin, given):
            taking.take("twin of Armillary", told)
            continue
        if name == "@context":
            taking.leave("context", told, "Names are taken as they are written.")
        elif name in _SYSTEM:
            taking.leave("system attribute", told, "The broker keeps it, not the twin.")
        else:
            _attribute(twin, foreign, name, given, taking, told)


def _ours(twin: dict[str, Json], given: Json) -> bool:
    """Take what an export of ours carries besides; it is checked as all of twins.json is."""
    ours = given.get("json") if isinstance(given, dict) else None
    if not isinstance(ours, dict):
        return False
    twin.update({key: ours[key] for key in KEPT if ours.get(key)})
    return True


def _plain(given: Json) -> Json:
    return given.get("value", given.get("languageMap")) if isinstance(given, dict) else given


def _attribute(
    twin: dict[str, Json], foreign: str, name: str, given: Json, taking: Taking, told: str
) -> None:
    if isinstance(given, list) and given and all(isinstance(one, dict) for one in given):
        first = next((one for one in given if "datasetId" not in one), given[0])
        for one in given:
            if one is not first:
                where = f"{told}[{one.get('datasetId', '')}]"
                taking.leave("instance", where, "An attribute has one value: the default one was taken.")
        given = first
    if not isinstance(given, dict):
        taking.put(twin, name, given, told)  # concise: the value alone
        return
    kind = str(given.get("type", ""))
    if kind == "Relationship" or "object" in given:
        _relationship(foreign, name, given, taking, told)
    elif kind in _GEO or kind == "GeoProperty":
        _place(twin, name, given if kind in _GEO else given.get("value"), taking, told)
    elif kind == "LanguageProperty" or "languageMap" in given:
        _languages(twin, name, given.get("languageMap"), taking, told)
    else:
        _property(twin, name, given, taking, told)
    if kind not in _GEO:
        _inner(twin, foreign, name, given, taking, told)


def _property(twin: dict[str, Json], name: str, given: Mapping[str, Json], taking: Taking, told: str) -> None:
    carrier = next((key for key in _CARRIERS if key in given), None)
    if carrier is None:
        if "type" in given:
            taking.leave("property", told, "It has no value.")
        else:
            taking.put(twin, name, dict(given), told)  # concise: an object as it is
        return
    value = given[carrier]
    if isinstance(value, dict) and "@value" in value and set(value) <= {"@value", "@type", "@language"}:
        value = value["@value"]  # of JSON-LD: a time, a text in a language
    if isinstance(value, dict) and value.get("type") in _GEO:  # concise: a place as a value
        _place(twin, name, value, taking, told)
        return
    code = given.get("unitCode")
    unit = UNECE.get(str(code), str(code)) if code is not None else ""
    if "observedAt" in given and isinstance(value, bool | int | float | str):
        kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else ""
        taking.tag(twin, name, {"imported": told, "kind": kind, "unit": unit}, told)
        return
    taking.put(twin, name, value, told)
    if unit:
        taking.put(twin, f"{name}.unit", unit, f"{told}.unitCode")
    if "observedAt" in given:
        taking.leave("time", f"{told}.observedAt", "Only numbers, texts and bools are signals.")


def _relationship(foreign: str, name: str, given: Mapping[str, Json], taking: Taking, told: str) -> None:
    targets = given.get("object", given.get("objects"))
    for target in targets if isinstance(targets, list) else [targets]:
        if isinstance(target, dict):
            target = target.get("object")  # noqa: PLW2901
        if isinstance(target, str) and target:
            taking.relate(foreign, name, target)
        else:
            taking.leave("relationship", told, "It leads to nothing.")


def _place(twin: dict[str, Json], name: str, value: Json, taking: Taking, told: str) -> None:
    at = value.get("coordinates") if isinstance(value, dict) and value.get("type") == "Point" else None
    if not isinstance(at, list) or not 2 <= len(at) <= len(_COORDINATES):  # noqa: PLR2004
        kind = value.get("type") if isinstance(value, dict) else None
        taking.leave("place", told, f"Only points are taken, no {kind or 'such value'}.")
        return
    for part, number in zip(_COORDINATES, at, strict=False):
        taking.put(twin, f"{name}.{part}", number, f"{told}.{part}")


def _languages(twin: dict[str, Json], name: str, texts: Json, taking: Taking, told: str) -> None:
    if not isinstance(texts, dict) or not texts:
        taking.leave("property", told, "It has no text.")
        return
    chosen = "en" if "en" in texts else next(iter(texts))
    taking.put(twin, name, text_of({chosen: texts[chosen]}), told)
    for language in texts:
        if language != chosen:
            taking.leave("language", f"{told}@{language}", "A property has one text.")


def _inner(
    twin: dict[str, Json], foreign: str, name: str, given: Mapping[str, Json], taking: Taking, told: str
) -> None:
    """Take what an attribute says of itself: accuracy, who provided it."""
    if "type" not in given and not any(
        key in given for key in (*_CARRIERS, "object", "objects", "languageMap")
    ):
        return  # an object as it is: all of it was the value
    for key, inner in given.items():
        if key in (
            "createdAt",
            "modifiedAt",
            "instanceId",
            "previousValue",
            "datasetId",
            "deletedAt",
            "objectType",
        ):
            taking.leave("system attribute", f"{told}.{key}", "The broker keeps it, not the twin.")
        elif key == "unitCode" and not any(c in given for c in _CARRIERS):
            taking.leave("unit", f"{told}.{key}", "It belongs to no value.")
        elif key == "observedAt" and "object" in given:
            taking.leave("time", f"{told}.{key}", "A relationship here has no time.")
        elif key not in _MEMBERS:
            _attribute(twin, foreign, f"{name}.{key}", inner, taking, f"{told}.{key}")
