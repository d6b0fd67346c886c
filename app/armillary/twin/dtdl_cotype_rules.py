"""Rules that co-types of DTDL bring: what must stand beside, around and inside them, and what they name."""

from __future__ import annotations

from collections.abc import Mapping

from armillary.twin.dtdl_cotypes import Demand
from armillary.twin.dtdl_elements import Element, Link, Reading
from armillary.twin.dtdl_tables import is_kind
from armillary.twin.dtdl_terms import Standard
from armillary.twin.dtdl_types import stands
from armillary.twin.dtdl_values import fits

_EXACT = frozenset({"Double", "Float", "Decimal"})  # schemas that hold a number of any kind
Contents = Mapping[str, Mapping[str, Element]]
"""By the id of an interface, all its contents by name, inherited ones included."""


class CoTypeRules:
    """Checks the co-types of one Reading. Made for one run."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._known = reading.elements

    def check(self, contents: Contents) -> None:
        """Report every breach."""
        for where, found in contents.items():
            self._siblings(self._known[where], found)
        for element in list(self._known.values()):
            if element.cotypes:
                self._demands(element)
            self._unique_extras(element)

    def _matches(self, link: Link, demand: Demand) -> bool | None:
        """Return whether what a link leads to is what a demand asks for; None when it is not known."""
        standard: Standard | None = link.standard
        target = link.inner or self._known.get(link.target)
        if demand.values:
            return (
                None
                if standard is None and target is None
                else bool(standard and standard.name in demand.values)
            )
        if standard is not None:
            return any(is_kind(standard.cls, kind) for kind in demand.kinds)
        if target is None:
            return None
        return any(is_kind(target.cls, kind) or target.has(kind) for kind in demand.kinds)

    def _demands(self, element: Element) -> None:
        for cotype in element.cotypes:
            if not stands(cotype, element):
                continue
            for demand in cotype.demands:
                if demand.upward:
                    self._upward(element, cotype.name, demand)
                    continue
                for link in element.links.get(demand.member, ()):
                    if self._matches(link, demand) is False:
                        self.reading.report(
                            "notRequiredValue" if demand.values else "notRequiredType",
                            link.at,
                            element.id,
                            demand.member,
                            kind=cotype.name,
                            wanted=" or ".join(demand.values or demand.kinds),
                        )
            for extra in cotype.extras:
                if extra.follows:
                    self._follows(element, extra.id, extra.name, extra.follows)

    def _upward(self, element: Element, name: str, demand: Demand) -> None:
        parent = element.parent
        if parent is None or element.via != demand.member:
            return

        def report(rule: str, other: str) -> None:
            self.reading.report(rule, element.at, element.id, demand.member, kind=name, other=other)

        if not any(parent.has(kind) for kind in demand.kinds):
            report("parentMissingCotype", " or ".join(demand.kinds))
        siblings = [s for _, s in self.reading.targets(parent, demand.member) if s is not element]
        if demand.alone and any(s.has(name) and _after(s, element) for s in siblings):
            report("siblingDuplicatesCotype", name)
        if demand.beside and not any(s.has(demand.beside) for s in siblings):
            report("siblingMissingCotype", demand.beside)

    def _follows(self, element: Element, where: str, member: str, schema: str) -> None:
        """Report a number that the schema of the same element cannot hold."""
        value = element.extras.get(where)
        standard = next((link.standard for link in element.links.get(schema, ()) if link.standard), None)
        if value is None or standard is None or standard.cls in _EXACT:
            return
        if not is_kind(standard.cls, "NumericSchema"):
            return
        if type(value) is not int or not fits(standard.name, value):
            at = element.place(member)
            self.reading.report(
                "nonConformantPropertyValue", at, element.id, member, value=value, wanted=standard.name
            )

    def _unique_extras(self, element: Element) -> None:
        """Report siblings that share a value which each must have for itself."""
        for member in ("contents", "fields", "enumValues"):
            if member not in element.links:
                continue
            seen: dict[tuple[str, object], Element] = {}
            for _, inner in self.reading.targets(element, member):
                for cotype in inner.cotypes:
                    for extra in cotype.extras:
                        value = inner.extras.get(extra.id) if extra.unique else None
                        if value is None:
                            continue
                        if (extra.id, value) in seen:
                            self.reading.report(
                                "nonUniquePropertyValue",
                                inner.place(extra.name),
                                element.id,
                                member,
                                value=value,
                                inner=extra.name,
                            )
                        seen[extra.id, value] = inner

    # --- siblings that refer to each other --------------------------------------------------------

    def _siblings(self, interface: Element, contents: Mapping[str, Element]) -> None:
        """Report annotations of what cannot be annotated, and overrides of what cannot be overridden."""
        notes = [c for c in contents.values() if c.cotypes and any(t.refers for t in c.cotypes)]
        taken: dict[tuple[str, str], Element] = {}
        own = {e.id for _, e in self.reading.targets(interface, "contents")}
        for note in notes:
            name = self._extra(note, "annotates")
            target = contents.get(name)
            if target is None:
                continue
            if note.id not in own and target.id not in own:
                continue  # told at the interface that declares them

            def report(rule: str, note: Element = note, name: str = name, **words: object) -> None:
                at = note.place("annotates")
                self.reading.report(rule, at, note.id, "annotates", value=name, **words)

            if target.cls not in {"Property", "Telemetry"}:
                report("notSiblingRequiredType", kind=target.cls, wanted="Property or Telemetry")
                continue
            if not note.has("Override") and target.has("ValueAnnotation"):
                report("disallowedType", kind="ValueAnnotation")
            if note.has("Override"):
                self._override(note, target)
        for note in notes:
            if not note.has("Override"):
                continue
            key = (self._extra(note, "annotates"), self._extra(note, "overrides"))
            first = taken.setdefault(key, note)
            if first is not note and (first.id in own or note.id in own):
                self.reading.report(
                    "multipleReference",
                    note.at,
                    interface.id,
                    "contents",
                    value=key[0],
                    inner=key[1],
                )

    @staticmethod
    def _extra(element: Element, name: str) -> str:
        for cotype in element.cotypes:
            for extra in cotype.extras:
                if extra.name == name:
                    return str(element.extras.get(extra.id, ""))
        return ""

    def _override(self, note: Element, target: Element) -> None:
        member = self._extra(note, "overrides")
        at = note.place("overrides")
        extra = next((x for c in target.cotypes for x in c.extras if x.name == member), None)
        if extra is None:
            own = member in target.values.keys() | target.links.keys() and not any(
                x.name == member for c in target.cotypes for x in c.extras
            )
            rule = "matchingPropertyNotSupplemental" if own else "noMatchingSupplementalProperty"
            self.reading.report(rule, at, note.id, "annotates", value=target.name, inner=member)
            return
        if extra.kind != "unit":
            return
        link = next(iter(note.links.get("schema", ())), None)
        families = {
            unit.standard.family for unit in target.extra_links.get(extra.id, ()) if unit.standard is not None
        }
        if link is not None and families and link.target not in families:
            place = note.place("schema")
            self.reading.report(
                "siblingPropertyMismatch", place, note.id, "schema", value=link.target, other=target.name
            )


def _after(one: Element, other: Element) -> bool:
    """Return whether `one` stands after `other` in their parent's list."""
    a, b = one.at[-1], other.at[-1]
    return isinstance(a, int) and isinstance(b, int) and a > b
