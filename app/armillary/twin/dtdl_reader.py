"""Reads DTDL elements out of JSON: contexts, ids, types, properties, each checked where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from armillary.twin import dtdl_context as contexts
from armillary.twin import dtdl_ids as ids
from armillary.twin import dtdl_scalars as scalars
from armillary.twin import dtdl_types as types
from armillary.twin.dtdl_context import Context, Options
from armillary.twin.dtdl_cotypes import Extra
from armillary.twin.dtdl_elements import At, Element, Link, Reading
from armillary.twin.dtdl_tables import VERSIONS, Prop, properties, required
from armillary.twin.dtdl_terms import Sense


class Failed:
    """Stands for an element that is there but could not be read: it counts, but there is none of it."""


FAILED = Failed()


class Reader:
    """Reads documents into one Reading. One reader, one set of options."""

    def __init__(self, reading: Reading, options: Options) -> None:
        self.reading, self.options = reading, options

    def document(self, value: object, at: At) -> None:
        """Read one document: an interface, or a list of them."""
        for item, place in _items(value, at):
            self._top(item, place)

    def _top(self, value: object, at: At) -> None:
        if not isinstance(value, dict):
            self.reading.report("notJsonObject", at)
            return
        found = self._element(value, at, None, types.TOP, None)
        if isinstance(found, Element):
            self.reading.tops.append(found)

    # --- one element ------------------------------------------------------------------------------

    def _element(
        self, value: dict[str, object], at: At, above: Context | None, prop: Prop, parent: Element | None
    ) -> Element | Failed | None:
        """Return the element; None when it is of no kind that the property takes."""
        report = self.reading.report
        owner = parent.id if parent else ""
        context = self._context(value, at, above)
        if context is None:
            return FAILED
        if parent is None and "@graph" in value:
            report("topLevelGraphDisallowed", (at, "@graph"))
            return FAILED
        if parent is not None:
            self._keywords(value, at, context, parent, prop)
        if parent is not None and value.keys() == {"@id"}:
            report("idReference", at, owner, prop.name, value=value["@id"])
            return None
        given = self._given_id(value, at, context, parent, prop)
        if given is None:
            return FAILED
        if not given and (parent is None or prop.needs_id):
            report("missingTopLevelId" if parent is None else "missingRequiredId", at, owner, prop.name)
            return FAILED
        if parent is None:
            self._keywords(value, at, context, parent, prop)
        above_version = parent.version if parent else context.version
        if context.version > above_version or (context.version < above_version and not prop.older):
            report("disallowedVersionDefinition", at, owner, prop.name, value=context.version)
        where = given or self._made_id(value, at, context, prop, owner)
        if not where:
            return FAILED
        kind = types.read(self.reading, value, at, context, prop, where, owner)
        if kind is None:
            return None
        if not kind.is_sure:
            return None  # what it holds cannot be judged: the unknown type may be what allows it
        cls = kind.cls
        if cls == "Interface" and len(given) > context.limits.interface_id:
            limit = context.limits.interface_id
            report("idTooLongForType", (at, "@id"), value=given, count=len(given), limit=limit)
        element = Element(
            id=where,
            cls=cls,
            context=context,
            at=at,
            parent=parent,
            via=prop.name,
            interface=where if cls == "Interface" or parent is None else parent.interface,
            given=bool(given),
            cotypes=kind.cotypes,
            unknown=kind.unknown,
        )
        if not self._register(element):
            return FAILED
        if not kind.is_clean:
            types.check_cotypes(self.reading, element)
        self._properties(element, value, kind, inferred="@type" not in value)
        return element

    def _context(self, value: dict[str, object], at: At, above: Context | None) -> Context | None:
        if "@context" not in value:
            if above is None:
                self.reading.report("missingContext", at)
            return above
        place = (at, "@context")
        return contexts.read(
            value["@context"],
            above,
            self.options,
            lambda rule, text: self.reading.report(rule, place, value=text),
        )

    def _keywords(
        self, value: dict[str, object], at: At, context: Context, parent: Element | None, prop: Prop
    ) -> None:
        """Report keywords of JSON-LD that DTDL does not take; language 2 minds only @graph."""
        for key in value:
            if key[:1] != "@" or key in {"@id", "@type", "@context"}:
                continue
            if key == "@graph":
                rule = "graphDisallowed"
            elif context.version == VERSIONS[0]:
                continue
            else:
                rule = "keywordDisallowed" if parent else "topLevelKeywordDisallowed"
            owner = parent.id if parent else ""
            self.reading.report(rule, (at, key), owner, prop.name, value=key)

    def _given_id(
        self, value: dict[str, object], at: At, context: Context, parent: Element | None, prop: Prop
    ) -> str | None:
        """Return the id that the author gave, "" for none, None after a report."""
        if "@id" not in value:
            return ""
        given, place, report = value["@id"], (at, "@id"), self.reading.report
        if not isinstance(given, str) or not given:
            report("idNotString", place)
            return None
        if not ids.is_id(given, context.version):
            report("invalidId", place, value=given)
            return None
        if len(given) > context.limits.id:
            report("idTooLong", place, value=given, count=len(given), limit=context.limits.id)
            return None
        owners = [c for prefix, c in ids.RESERVED_BY.items() if given.startswith(prefix)]
        if ids.is_reserved(given) or set(owners) & set(context.extensions):
            report("reservedId", place, value=given)
            return None
        return given

    def _made_id(self, value: dict[str, object], at: At, context: Context, prop: Prop, owner: str) -> str:
        if not prop.named:
            return ids.made(owner, prop.name, None)
        name: object = value.get("name", value.get(f"dtmi:dtdl:property:name;{context.version}", ""))
        while isinstance(name, list) and len(name) == 1:
            name = name[0]
        if isinstance(name, dict):
            name = name.get("@value")
        if name != "" and isinstance(name, str | int | float) and not isinstance(name, bool):
            return ids.made(owner, prop.name, str(name))
        rule = "missingDtmiSegPropertyValue" if name == "" else "dtmiSegPropertyNotStringOrNumber"
        self.reading.report(rule, at, owner, prop.name, value="name")
        return ""

    def _register(self, element: Element) -> bool:
        """Return whether the element is the first of its id; two made ids are told by their names."""
        known = self.reading.elements.setdefault(element.id, element)
        if known is element or not (element.given or known.given):
            return True
        self.reading.report("duplicateDefinition", element.at, element.id)
        return False

    # --- properties ---------------------------------------------------------------------------------

    def _properties(
        self, element: Element, value: dict[str, object], kind: types.Kind, inferred: bool
    ) -> None:
        known = properties(element.cls, element.version)
        offered = kind.offered
        seen: set[str] = set()
        for key, inner in value.items():
            if key[:1] == "@":
                continue
            sense = element.context.sense(key)
            place = (element.at, key)
            if sense is not None and sense.prop in known:
                name = sense.prop
                if name in seen:
                    self.reading.report("duplicatePropertyName", place, element.id, name)
                    continue
                seen.add(name)
                if known[name].kind == "object":
                    element.links[name] = self._objects(element, known[name], inner, place)
                else:
                    scalars.read(self.reading, element, known[name], inner, place)
            elif sense is not None and sense.id in offered:
                if sense.id in seen:
                    self.reading.report("duplicatePropertyName", place, element.id, offered[sense.id].name)
                    continue
                seen.add(sense.id)
                self._extra(element, offered[sense.id], inner, place)
            else:
                self._unknown_property(element, key, inner, sense, inferred)
        types.check_required(self.reading, element, required(element.cls, element.version), seen)

    def _unknown_property(
        self, element: Element, key: str, inner: object, sense: Sense | None, inferred: bool
    ) -> None:
        sort = types.sort(key, sense, element.version)
        report, place = self.reading.report, (element.at, key)
        if not types.takes_property(sort, element.context):
            report(f"property{sort}", place, element.id, key, cls=element.cls)
        elif element.unknown:
            element.others = {**element.others, key: inner}
        elif inferred:
            report("inferredTypeDoesNotAllow", place, element.id, key, cls=element.cls)
        else:
            report("noTypeThatAllows", place, element.id, key, cls=element.cls)

    # --- elements inside elements, and references ---------------------------------------------------

    def _objects(self, element: Element, prop: Prop, value: object, at: At) -> list[Link]:
        report = self.reading.report
        items = list(_items(value, at))
        links: list[Link] = []
        count = 0
        for item, place in items:
            if isinstance(item, str):
                link = self.reference(element, prop.name, item, place)
                count += link is not None
                if link is not None and link.target:
                    links.append(link)
            elif isinstance(item, dict):
                found = self._element(item, place, element.context, prop, element)
                count += found is not None
                if isinstance(found, Element):
                    links.append(Link(found.id, place, inner=found))
            else:
                report("refNotStringOrObject", place, element.id, prop.name, value=item)
        if not prop.plural and len(items) > 1:
            report("objectMultipleValues", at, element.id, prop.name)
        if count < prop.fewest:
            report("objectCountBelowMin", at, element.id, prop.name, count=count, limit=prop.fewest)
        if prop.most is not None and count > prop.most:
            report("objectCountAboveMax", at, element.id, prop.name, count=count, limit=prop.most)
        self._unique(element, prop, links)
        return links

    def reference(self, element: Element, member: str, word: str, at: At) -> Link | None:
        """Return the link that a term or an id makes; None, or one to nowhere, after a report."""
        sense = element.context.sense(word)
        if sense is not None and sense.element is not None:
            return Link(sense.element.id, at, standard=sense.element)
        if sense is not None and not word.startswith(ids.SCHEME):
            return Link(sense.id, at, wrong=True)
        if not ids.is_id(word, element.version):
            self.reading.report("badDtmiOrTerm", at, element.id, member, value=word)
            return None
        if ids.is_reserved(word) or word.startswith(tuple(ids.RESERVED_BY)):
            self.reading.report("undefinedReservedId", at, element.id, member, value=word)
            return Link("", at)
        return Link(word, at)

    def _unique(self, element: Element, prop: Prop, links: list[Link]) -> None:
        """Report inner elements that share a value which each must have for itself."""
        for member in prop.unique:
            seen: set[object] = set()
            for link in links:
                inner = link.inner
                value = inner.values.get(member) if inner else None
                if inner is None or value is None:
                    continue
                key = (type(value), value)
                if key in seen:
                    self.reading.report(
                        "nonUniquePropertyValue", link.at, element.id, prop.name, value=value, inner=member
                    )
                seen.add(key)

    def _extra(self, element: Element, extra: Extra, value: object, at: At) -> None:
        if extra.kind not in {"unit", "object"}:
            scalars.read_extra(self.reading, element, extra, value, at)
            return
        links = self._extra_objects(element, extra, value, at)
        if links:
            element.extra_links = {**element.extra_links, extra.id: links}

    def _extra_objects(self, element: Element, extra: Extra, value: object, at: At) -> list[Link]:
        report = self.reading.report
        items = list(_items(value, at))
        links = []
        count = 0
        for item, place in items:
            if isinstance(item, str):
                link = self.reference(element, extra.name, item, place)
                count += link is not None
                if link is not None and link.target:
                    links.append(link)
            elif isinstance(item, dict):
                report("refObjectNotAllowed", place, element.id, extra.name)
            else:
                report("refNotStringOrObject", place, element.id, extra.name, value=item)
        if len(items) > 1:
            report("objectMultipleValues", at, element.id, extra.name)
        if extra.required and count < 1:
            report("objectCountBelowMin", at, element.id, extra.name, count=count, limit=1)
        return links


def _items(value: object, at: At) -> Iterator[tuple[object, At]]:
    """Yield what a value holds, with its place; lists in lists are one list, as in all JSON-LD."""
    if not isinstance(value, list):
        yield value, at
        return
    for index, item in enumerate(value):
        yield from _items(item, (at, index))
