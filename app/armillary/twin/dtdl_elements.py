"""What a DTDL document is read into: elements, links between them, and the findings on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from armillary.twin.dtdl_context import Context
from armillary.twin.dtdl_cotypes import CoType
from armillary.twin.dtdl_terms import Standard

At = tuple[object, ...]
"""A place: (document,) for its root, else (place above, key or index)."""


@dataclass(slots=True, eq=False)
class Link:
    """A property's value that is another element, by its id."""

    target: str
    at: At
    standard: Standard | None = None
    inner: Element | None = None  # the element, where it is defined right here
    wrong: bool = False  # names something of the language that is no element


# most elements have nothing of these: they share it, so that a thousand interfaces are read in less time
_NONE: Mapping[str, object] = MappingProxyType({})
_NO_LINKS: Mapping[str, list[Link]] = MappingProxyType({})


def _none() -> Mapping[str, object]:
    return _NONE


def _no_links() -> Mapping[str, list[Link]]:
    return _NO_LINKS


@dataclass(slots=True, eq=False)
class Element:
    """One element of a document. It is filled while it is read and stays as it is afterwards."""

    id: str
    cls: str
    context: Context
    at: At
    parent: Element | None
    via: str  # the parent's property that holds it
    interface: str  # the id of the interface that it is part of; its own for an interface
    given: bool  # its author gave it the id
    cotypes: tuple[CoType, ...] = ()
    unknown: tuple[str, ...] = ()  # co-types that nobody knows
    values: dict[str, object] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)
    extras: Mapping[str, object] = field(default_factory=_none)  # by the id of the property
    extra_links: Mapping[str, list[Link]] = field(default_factory=_no_links)
    others: Mapping[str, object] = field(default_factory=_none)  # properties that nobody knows

    @property
    def version(self) -> int:
        """The language version it is written in."""
        return self.context.version

    @property
    def name(self) -> str:
        """Its name, "" when it has none."""
        name = self.values.get("name", "")
        return name if isinstance(name, str) else ""

    def place(self, member: str) -> At:
        """Return where a property of it stands."""
        return (self.at, member)

    def has(self, cotype: str) -> bool:
        """Return whether it carries the co-type of this name."""
        return any(c.name == cotype for c in self.cotypes)


@dataclass(slots=True, eq=False)
class Issue:
    """A finding before its place is put into words."""

    rule: str
    at: At
    primary: str = ""
    member: str = ""
    words: Mapping[str, object] = field(default_factory=dict)


class Reading:
    """All elements read so far, by id, and what was found wrong with them."""

    def __init__(self) -> None:
        self.elements: dict[str, Element] = {}
        self.issues: list[Issue] = []
        self.tops: list[Element] = []

    def report(self, rule: str, at: At, primary: str = "", member: str = "", **words: object) -> None:
        """Note a breach of a rule."""
        self.issues.append(Issue(rule, at, primary, member, words))

    def targets(self, element: Element, member: str) -> Iterator[tuple[Link, Element]]:
        """Yield the elements that a property leads to, those that are known."""
        for link in element.links.get(member, ()):
            target = link.inner or self.elements.get(link.target)
            if target is not None:
                yield link, target


def pointer(at: At) -> tuple[object, str]:
    """Return the document of a place and the JSON pointer into it."""
    parts: list[str] = []
    while len(at) > 1:
        parts.append(str(at[1]).replace("~", "~0").replace("/", "~1"))
        above = at[0]
        at = above if isinstance(above, tuple) else (above,)
    return at[0], "".join(f"/{p}" for p in reversed(parts))
