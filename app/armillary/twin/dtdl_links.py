"""References of DTDL: to what they lead, and whether they may lead there."""

from __future__ import annotations

from collections.abc import Iterator

from armillary.twin.dtdl_elements import Element, Link, Reading
from armillary.twin.dtdl_tables import Prop, is_kind, properties


def loose(reading: Reading) -> dict[str, tuple[Element, Link, str]]:
    """Return the ids that are named and defined nowhere, each with the first place that names it."""
    found: dict[str, tuple[Element, Link, str]] = {}
    for element in reading.elements.values():
        for member, link in _references(element):
            if link.standard is None and not link.wrong and link.target not in reading.elements:
                found.setdefault(link.target, (element, link, member))
    return found


def _references(element: Element) -> Iterator[tuple[str, Link]]:
    for member, links in element.links.items():
        for link in links:
            if link.inner is None:
                yield member, link
    for cotype in element.cotypes:
        for extra in cotype.extras:
            for link in element.extra_links.get(extra.id, ()):
                yield extra.name, link


def check(reading: Reading) -> None:
    """Report references to what a property does not take. Ids found nowhere are passed over."""
    for element in list(reading.elements.values()):
        known = properties(element.cls, element.version)
        for member, links in element.links.items():
            for link in links:
                if link.inner is None:
                    _check_link(reading, element, known[member], link)
        for cotype in element.cotypes:
            for extra in cotype.extras:
                if extra.kind == "unit":
                    for link in element.extra_links.get(extra.id, ()):
                        _check_unit(reading, element, extra.name, extra.id, extra.family, link)


def _check_link(reading: Reading, element: Element, prop: Prop, link: Link) -> None:
    def report(rule: str, **words: object) -> None:
        reading.report(rule, link.at, element.id, prop.name, value=link.target, **words)

    target = reading.elements.get(link.target)
    if link.wrong:
        report("badType", kind=link.target, wanted=prop.cls)
        return
    cls = link.standard.cls if link.standard else target.cls if target else ""
    if not cls:
        return
    if not is_kind(cls, prop.cls):
        report("badType", kind=cls, wanted=prop.cls)
        return
    if link.standard is not None:
        if prop.values and link.standard.name not in prop.values:
            report("incorrectPropertyValue", wanted=" or ".join(prop.values))
        return
    if target is None:
        return
    if prop.values:
        report("incorrectPropertyValue", wanted=" or ".join(prop.values))
    elif target.version > element.version or (target.version < element.version and not prop.older):
        report("disallowedVersionReference", version=target.version)
    elif target.interface != element.interface and target.cls != "Interface":
        report("crossPartitionReference", other=target.interface)


def _check_unit(reading: Reading, element: Element, member: str, where: str, family: str, link: Link) -> None:
    """Report a unit of another quantity; `where` is the id of the property, whose stem is its release's."""

    def report(rule: str, **words: object) -> None:
        reading.report(rule, link.at, element.id, member, value=link.target, wanted=family, **words)

    unit = link.standard
    if element.version == 2 and where.endswith(";2"):  # noqa: PLR2004 - the language's version
        if unit is None or unit.family != family:
            report("notRequiredType", kind=unit.cls if unit else "")
        return
    stem = where.partition(":property:")[0]
    if unit is None or unit.family != f"{stem}:enum:{family}":
        report("wrongParent")
