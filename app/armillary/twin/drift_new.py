"""D01 and D11: fields and topics that come though no tag names them, and the tags that they resemble."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from armillary.model.drift import DriftItem
from armillary.model.leaves import Leaf, guessed_unit, leaves
from armillary.model.link import BrowseItem, Route
from armillary.model.tags import TagSpec

DEBOUNCE, MOST, MOST_FIELDS = 3, 2_000, 64
READ = ("", "auto", "json", "raw")  # decoders whose documents are looked at
_ASIDE = frozenset((
    "t", "ts", "time", "timestamp", "datetime", "date", "received", "received_at", "seq", "sequence", "id",
    "uuid", "unit", "units", "u", "uom", "quality", "q", "status", "version", "schema",
))  # fmt: skip
"""Names of what goes along with a value."""
_PLAIN = re.compile(r"(?:[\w]+|`[^`]*`|\[\d+\])(?:\.(?:\w+|`[^`]*`)|\[\d+\])*")
_TAGS = {"number": "number", "bool": "bool", "text": "text", "array": "array"}


@dataclass(slots=True)
class _Seen:
    leaf: Leaf
    count: int = 0


class NewFields:
    """What came of topics, by link; bounded. Knows what the routes of the links name."""

    def __init__(self, routes: Mapping[str, Sequence[Route]], specs: Sequence[TagSpec]) -> None:
        self._paths: dict[tuple[str, str], set[str]] = {}
        self._closed: set[tuple[str, str]] = set()  # topics of which nothing can be said
        for link, found in routes.items():
            for route in found:
                self._know(link, route)
        self._meant: dict[str, list[TagSpec]] = {}
        for spec in specs:
            if spec.link:
                key = spec.name.removeprefix(f"{spec.twin}.") if spec.twin else spec.name
                self._meant.setdefault(_norm(key), []).append(spec)
        self._seen: dict[tuple[str, str, str], _Seen] = {}
        self.left_out = 0

    def _know(self, link: str, route: Route) -> None:
        at = (link, route.channel)
        if (route.decoder or "auto") not in READ:
            self._closed.add(at)
        for text in (route.path, route.time_path, route.unit_path):
            path = text.removeprefix("$.").removeprefix("$")
            if path and not _PLAIN.fullmatch(path):
                self._closed.add(at)
            self._paths.setdefault(at, set()).add(path)

    def take(self, link: str, channel: str, document: object, *, stranger: bool) -> None:
        """Take one message's document, or its bare value."""
        at = (link, channel)
        if at in self._closed or not (stranger or at in self._paths):
            return
        known = self._paths.get(at, set())
        for leaf in _values(document):
            if _is_named(leaf.path, known):
                continue
            key = (link, channel, leaf.path)
            if key not in self._seen:
                if len(self._seen) >= MOST:
                    self.left_out += 1
                    continue
                self._seen[key] = _Seen(leaf)
            seen = self._seen[key]
            seen.leaf, seen.count = leaf, seen.count + 1

    def items(self) -> Iterator[DriftItem]:
        """Return what came three times and no tag names."""
        for (link, channel, path), seen in self._seen.items():
            if seen.count >= DEBOUNCE:
                yield self._item(link, channel, path, seen.leaf)

    def _item(self, link: str, channel: str, path: str, leaf: Leaf) -> DriftItem:
        address = f"{channel}#{path}" if path else channel
        name = (path or channel).replace("`", "").rpartition("/")[2].rpartition(".")[2]
        unit = leaf.unit or (guessed_unit(channel.rpartition("/")[2]) if leaf.kind == "number" else "")
        item = BrowseItem(
            address=address,
            name=name,
            has_children=False,
            kind="field" if path else "topic",
            data_type=leaf.kind,
            unit=unit,
            value=leaf.text,
        )
        meant = self._tag_like(address, name)
        unit_words = f" {unit}" if unit and leaf.told else ""
        seen = f"{leaf.kind}, last {leaf.text}{unit_words}"
        if meant is not None and meant.link != link:
            what = f"{link}!{address} seems a second source of {meant.name}, which comes from {meant.link}."
            return DriftItem(
                code="D11",
                key=f"D11 {link}!{address}",
                what=what,
                link=link,
                address=address,
                model=meant.link,
                plant=seen,
                other=meant.name,
                item=item,
            )
        return DriftItem(
            code="D01",
            key=f"D01 {link}!{address}",
            what=f"{link}!{address} comes ({seen}), and no tag names it.",
            level="note",
            link=link,
            address=address,
            plant=seen,
            other=meant.name if meant is not None else "",
            item=item,
            kind=_TAGS.get(leaf.kind, "text"),
            unit=unit,
        )

    def _tag_like(self, address: str, name: str) -> TagSpec | None:
        """Return the tag whose key is the name, and whose twin is named on the way to it."""
        way = _norm(address)
        found = (s for s in self._meant.get(_norm(name), ()) if s.twin and _norm(s.twin) in way)
        return next(found, None)


def _values(document: object) -> Iterable[Leaf]:
    """Return the values of a document that may become tags; a bare one has no path."""
    if isinstance(document, dict):
        found = list(leaves(document, MOST_FIELDS))
        return [leaf for leaf in found if _last(leaf.path) not in _ASIDE and leaf.kind != "null"]
    if isinstance(document, bool | int | float | str):
        kind = "bool" if isinstance(document, bool) else "text" if isinstance(document, str) else "number"
        return (Leaf("", kind, str(document)[:80]),)
    return ()


def _is_named(path: str, known: Iterable[str]) -> bool:
    """Return whether a tag names a path, a group that it is in, or a part of what it is."""
    return any(
        path == one or path.startswith((f"{one}.", f"{one}[")) or one.startswith((f"{path}.", f"{path}["))
        for one in known
        if one or not path
    )


def _last(path: str) -> str:
    return path.rpartition(".")[2].strip("`").lower()


def _norm(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
