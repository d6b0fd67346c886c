"""Makes the plain records of a DTDL model out of the elements that were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from armillary.model import dtdl
from armillary.twin.dtdl_elements import Element, Link, Reading
from armillary.twin.dtdl_tables import COMPLEX


def model(reading: Reading, places: Mapping[str, tuple[str, int]] | None = None) -> dtdl.Model:
    """Return all interfaces and named schemas; `places` gives file and line of an interface by its id."""
    return _Builder(reading, places or {}).model()


class _Builder:
    def __init__(self, reading: Reading, places: Mapping[str, tuple[str, int]]) -> None:
        self._known = reading.elements
        self._places = places
        self._schemas: dict[str, dtdl.Schema] = {}
        self._open: set[str] = set()
        self._lineages: dict[str, tuple[str, ...]] = {}
        self._own: dict[str, dict[str, dtdl.Content]] = {}

    def model(self) -> dtdl.Model:
        interfaces = {e.id: self._interface(e) for e in self._known.values() if e.cls == "Interface"}
        for element in self._known.values():
            if element.cls in COMPLEX and element.given:
                self._schema_of(element)
        return dtdl.Model(interfaces=interfaces, schemas=self._schemas)

    def _links(self, element: Element, member: str) -> list[Element]:
        found = (link.inner or self._known.get(link.target) for link in element.links.get(member, ()))
        return [e for e in found if e is not None]

    def _lineage(self, where: str) -> tuple[str, ...]:
        """Return the ids of an interface and its ancestors, each once, nearest and first declared first."""
        found = self._lineages.get(where)
        if found is not None:
            return found
        self._lineages[where] = (where,)  # a loop ends here
        element = self._known.get(where)
        seen = {where: None}
        if element is not None:
            for link in element.links.get("extends", ()):
                seen.update(dict.fromkeys(self._lineage(link.target)))
        self._lineages[where] = tuple(seen)
        return self._lineages[where]

    def _interface(self, element: Element) -> dtdl.Interface:
        lineage = self._lineage(element.id)
        contents: dict[str, dtdl.Content] = {}
        for where in reversed(lineage):
            contents.update(self._contents(where))
        file, line = self._places.get(element.id, ("", 0))
        return dtdl.Interface(
            id=element.id,
            language=element.version,
            title=_texts(element, "displayName"),
            description=_texts(element, "description"),
            comment=str(element.values.get("comment", "")),
            extends=tuple(link.target for link in element.links.get("extends", ())),
            lineage=lineage,
            contents=contents,
            schemas={s.id: self._schema_of(s) for s in self._links(element, "schemas") if s.cls in COMPLEX},
            cotypes=_cotypes(element),
            extras=_extras(element),
            where=file,
            line=line,
        )

    def _contents(self, where: str) -> dict[str, dtdl.Content]:
        found = self._own.get(where)
        if found is None:
            element = self._known.get(where)
            inner = self._links(element, "contents") if element is not None else []
            made = (self._content(one, where) for one in inner)
            found = self._own[where] = {c.name: c for c in made if c is not None}
        return found

    def _content(self, element: Element, origin: str) -> dtdl.Content | None:
        said = _said(element, origin)
        semantic, unit = _quantity(element)
        writable = element.values.get("writable") is True
        if element.cls == "Telemetry":
            return dtdl.Telemetry(
                **said,
                schema=self._schema(element, "schema"),
                semantic=semantic,
                unit=unit,
            )
        if element.cls == "Property":
            return dtdl.Property(
                **said,
                schema=self._schema(element, "schema"),
                semantic=semantic,
                unit=unit,
                writable=writable,
            )
        if element.cls == "Command":
            return dtdl.Command(
                **said,
                request=self._payload(element, "request"),
                response=self._payload(element, "response"),
            )
        if element.cls == "Relationship":
            properties = (self._content(p, origin) for p in self._links(element, "properties"))
            return dtdl.Relationship(
                **said,
                target=str(element.values.get("target", "")),
                least=_integer(element, "minMultiplicity"),
                most=_integer(element, "maxMultiplicity"),
                writable=writable,
                properties=tuple(p for p in properties if isinstance(p, dtdl.Property)),
            )
        if element.cls == "Component":
            link = next(iter(element.links.get("schema", ())), None)
            return dtdl.Component(
                **said,
                schema=link.target if link else "",
            )
        return None

    def _payload(self, element: Element, member: str) -> dtdl.Payload | None:
        for inner in self._links(element, member):
            return dtdl.Payload(
                name=inner.name,
                schema=self._schema(inner, "schema"),
                title=_texts(inner, "displayName"),
                nullable=inner.values.get("nullable") is True,
            )
        return None

    def _schema(self, element: Element, member: str) -> dtdl.Schema:
        for link in element.links.get(member, ()):
            return self._schema_at(link)
        return dtdl.Schema(kind="")

    def _schema_at(self, link: Link) -> dtdl.Schema:
        if link.standard is not None:
            kind = link.standard.name
            if link.standard.cls == "Enum":  # a family of units as the schema of an override
                return dtdl.Schema(kind="Enum", id=link.target, value_schema="string", values=())
            return dtdl.Schema(kind=kind, id=link.standard.id)
        target = link.inner or self._known.get(link.target)
        if target is None or target.cls not in COMPLEX:
            return dtdl.Schema(kind="", id=link.target)
        return self._schema_of(target)

    def _schema_of(self, element: Element) -> dtdl.Schema:
        found = self._schemas.get(element.id)
        if found is not None:
            return found
        title = _texts(element, "displayName")
        if element.id in self._open:
            return dtdl.Schema(kind=element.cls, id=element.id, title=title, again=True)
        self._open.add(element.id)
        key = next(iter(self._links(element, "mapKey")), None)
        value = next(iter(self._links(element, "mapValue")), None)
        found = dtdl.Schema(
            kind=element.cls,
            id=element.id,
            title=title,
            element=self._schema(element, "elementSchema") if element.cls == "Array" else None,
            value_schema=self._schema(element, "valueSchema").kind if element.cls == "Enum" else "",
            values=tuple(_enum_value(v) for v in self._links(element, "enumValues")),
            key=dtdl.MapKey(name=key.name, title=_texts(key, "displayName")) if key else None,
            value=dtdl.MapValue(
                name=value.name, schema=self._schema(value, "schema"), title=_texts(value, "displayName")
            )
            if value
            else None,
            fields=tuple(self._field(f) for f in self._links(element, "fields")),
        )
        self._open.discard(element.id)
        self._schemas[element.id] = found
        return found

    def _field(self, element: Element) -> dtdl.Field:
        semantic, unit = _quantity(element)
        return dtdl.Field(
            name=element.name,
            schema=self._schema(element, "schema"),
            title=_texts(element, "displayName"),
            required=element.has("Required"),
            semantic=semantic,
            unit=unit,
        )


def _enum_value(element: Element) -> dtdl.EnumValue:
    value = element.values.get("enumValue")
    return dtdl.EnumValue(
        name=element.name,
        number=value if isinstance(value, int | str) else str(value),
        title=_texts(element, "displayName"),
    )


def _texts(element: Element, member: str) -> dtdl.Text:
    found = element.values.get(member)
    return found if isinstance(found, dict) else {}


def _integer(element: Element, member: str) -> int:
    found = element.values.get(member)
    return found if isinstance(found, int) else 0


class _Said(TypedDict):
    """What is said of every content alike (`dtdl.Content`)."""

    name: str
    origin: str
    id: str
    title: dtdl.Text
    description: dtdl.Text
    comment: str
    cotypes: tuple[str, ...]
    extras: Mapping[str, object]


def _said(element: Element, origin: str) -> _Said:
    return {
        "name": element.name,
        "origin": origin,
        "id": element.id,
        "title": _texts(element, "displayName"),
        "description": _texts(element, "description"),
        "comment": str(element.values.get("comment", "")),
        "cotypes": _cotypes(element),
        "extras": _extras(element),
    }


def _cotypes(element: Element) -> tuple[str, ...]:
    return (*(c.name for c in element.cotypes), *element.unknown)


def _quantity(element: Element) -> tuple[str, str]:
    """Return the quantity and the unit of an element, each "" for none."""
    for cotype in element.cotypes:
        if cotype.quantity or any(x.kind == "unit" for x in cotype.extras):
            for extra in cotype.extras:
                for link in element.extra_links.get(extra.id, ()):
                    return cotype.name, link.standard.name if link.standard else link.target
            return cotype.name, ""
    return "", ""


def _extras(element: Element) -> dict[str, object]:
    names = {x.id: x.name for c in element.cotypes for x in c.extras}
    return {names[i]: value for i, value in element.extras.items() if i in names} | dict(element.others)
