"""Rules of DTDL that hold for a whole model: inheritance, nesting, siblings, what co-types ask."""

from __future__ import annotations

from collections.abc import Iterator

from armillary.twin.dtdl_cotype_rules import CoTypeRules
from armillary.twin.dtdl_elements import Element, Link, Reading
from armillary.twin.dtdl_heritage import Heritage
from armillary.twin.dtdl_tables import COMPLEX, GEOSPATIAL, VERSIONS, unique
from armillary.twin.dtdl_values import fits

_WIDE = ("elementSchema", "fields", "mapValue", "schema")  # what leads from a schema to the schemas in it
_COUNTED = (
    "contents",
    "fields",
    "enumValues",
    "request",
    "response",
    "properties",
    "schema",
    "elementSchema",
    "mapValue",
)


class Rules:
    """Checks one Reading. Made for one run."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._known = reading.elements
        interfaces = [e for e in reading.elements.values() if e.cls == "Interface"]
        self._interfaces = interfaces
        self._heritage = Heritage(reading, interfaces)

    def check(self) -> None:
        """Report every breach of the language's own rules, then of its extensions'."""
        elements = list(self._known.values())
        heritage = self._heritage
        heritage.check()
        for interface in self._interfaces:
            self._count(interface)
        for element in elements:
            self._unique(element)
            if element.cls in COMPLEX:
                self._nesting(element)
            if element.cls == "Enum":
                self._enum(element)
            elif element.cls == "Component":
                self._component(element)
            elif element.cls == "Property" and element.version == 2:  # noqa: PLR2004 - the language's version
                self._no_array(element)
        CoTypeRules(self.reading).check(
            {i.id: heritage.contents(i) for i in self._interfaces if i.id not in heritage.unsound}
        )

    def _unique(self, element: Element) -> None:
        """Report elements that are referred to and share a value which each must have for itself."""
        for prop in unique(element.cls, element.version):
            links = element.links.get(prop.name, ())
            if all(link.inner is not None for link in links):
                continue  # told where they were read
            for member in prop.unique:
                seen: set[object] = set()
                for link, inner in self._targets(element, prop.name):
                    value = inner.values.get(member)
                    if value in seen:
                        self.reading.report(
                            "nonUniquePropertyValue",
                            link.at,
                            element.id,
                            prop.name,
                            value=value,
                            inner=member,
                        )
                    seen.add(value)

    def _targets(self, element: Element, member: str) -> Iterator[tuple[Link, Element]]:
        return self.reading.targets(element, member)

    # --- size ------------------------------------------------------------------------------------

    def _count(self, interface: Element) -> None:
        """Report an interface that holds, with all it inherits, more elements than its language takes."""
        limit = interface.context.limits.elements
        if limit is None or len(self._known) <= limit:
            return  # there are not that many at all
        seen: set[str] = set()
        rest = [interface]
        while rest and len(seen) <= limit:
            one = rest.pop()
            for member in _COUNTED:
                for _, inner in self._targets(one, member):
                    if inner.id not in seen:
                        seen.add(inner.id)
                        rest.append(inner)
        if len(seen) > limit:
            self.reading.report(
                "excessiveCount", interface.at, interface.id, "contents", count=len(seen), limit=limit
            )

    # --- nesting of schemas -----------------------------------------------------------------------

    def _inside(self, schema: Element) -> Iterator[Element]:
        """Yield the complex schemas that stand one step inside a schema."""
        for member in ("elementSchema", "schema"):
            yield from (inner for _, inner in self._targets(schema, member) if inner.cls in COMPLEX)
        for member in ("fields", "mapValue"):
            for _, part in self._targets(schema, member):
                yield from (inner for _, inner in self._targets(part, "schema") if inner.cls in COMPLEX)

    def _nesting(self, schema: Element) -> None:
        # an inner schema tells only that it is met inside itself: how deep they are, the outermost one tells
        is_inner = schema.parent is not None and schema.parent.cls in COMPLEX | {"Field", "MapValue"}
        limits = schema.context.limits
        rank = [schema]
        seen: dict[str, int] = {schema.id: 1}
        depth = 1
        while rank:
            below: dict[str, Element] = {}
            standard = max((self._standard_depth(one) for one in rank), default=0)
            if standard and depth + standard > limits.schema_depth and not is_inner:
                self._too_deep(schema, depth + standard)
                return
            for one in rank:
                for inner in self._inside(one):
                    if inner.id == schema.id and not limits.again:
                        self.reading.report("recursiveStructureWide", schema.at, schema.id)
                        return
                    if inner.id not in seen:
                        below[inner.id] = inner
            depth += 1
            rank = list(below.values())
            seen.update(dict.fromkeys(below, depth))
            if rank and depth > limits.schema_depth:
                if not is_inner:
                    self._too_deep(schema, depth)
                return

    def _too_deep(self, schema: Element, depth: int) -> None:
        limit = schema.context.limits.schema_depth
        self.reading.report("excessiveDepthWide", schema.at, schema.id, count=depth, limit=limit)

    def _standard_depth(self, schema: Element) -> int:
        """Return how deep the schemas of the language that stand right inside a schema are nested."""
        holders = [schema, *(p for m in ("fields", "mapValue") for _, p in self._targets(schema, m))]
        found = 0
        for holder in holders:
            for member in ("elementSchema", "schema"):
                for link in holder.links.get(member, ()):
                    if link.standard is not None and link.standard.cls == "Object":
                        found = max(found, GEOSPATIAL.get(link.standard.name, 1))
        return found

    def _no_array(self, element: Element) -> None:
        """Report an Array as the value of a property of language 2, however deep."""
        seen: set[str] = set()
        rest = [target for _, target in self._targets(element, "schema")]
        while rest:
            one = rest.pop()
            if one.id in seen:
                continue
            seen.add(one.id)
            if one.cls == "Array":
                self.reading.report("excludedType", element.at, element.id, "schema", kind="Array")
                return
            rest.extend(self._inside(one))
        standards = [link.standard for link in element.links.get("schema", ()) if link.standard is not None]
        if any(one.name in GEOSPATIAL for one in standards):  # their coordinates are Arrays
            self.reading.report("excludedType", element.at, element.id, "schema", kind="Array")

    def _component(self, component: Element) -> None:
        """Report a component whose interface has components itself."""
        for link, interface in self._targets(component, "schema"):
            if interface.cls != "Interface":
                continue
            if any(inner.cls == "Component" for inner in self._heritage.contents(interface).values()):
                self.reading.report(
                    "excludedType", link.at, component.id, "schema", kind="Component", other=interface.id
                )
            if interface.id == component.interface and component.version == VERSIONS[1]:
                self.reading.report("recursiveStructureNarrow", interface.at, interface.id, "contents")

    # --- values -----------------------------------------------------------------------------------

    def _enum(self, enum: Element) -> None:
        """Report values that are not of the Enum's own schema."""
        wanted = next((link.standard.name for link in enum.links.get("valueSchema", ()) if link.standard), "")
        kinds = {"integer": int, "string": str}
        if wanted not in kinds:
            return
        for _, inner in self._targets(enum, "enumValues"):
            value = inner.values.get("enumValue")
            is_wrong = type(value) is not kinds[wanted] or not fits(wanted, value)
            if value is not None and is_wrong:
                at = inner.place("enumValue")
                self.reading.report(
                    "nonConformantDatatype", at, inner.id, "enumValue", value=value, wanted=wanted
                )
