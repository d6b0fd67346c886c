"""What an importer makes of a foreign description: twins as twins.json has them, and what was not taken.

Nothing is lost silently: what a document says is either taken, under a kind and a name, or left, with why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from armillary.model.fault import ProjectFault

Json = Any  # parsed JSON: checked where it is read
Known = Callable[[str], str | None]
"""The id of a twin that the project has already, by a foreign id."""
MOST_DEEP = 40
_BAD = re.compile(r"[\s!`#'\"]+")
_LONG = 160  # letters of a name in the list

UNECE = {
    "CEL": "°C", "FAH": "°F", "KEL": "K", "BAR": "bar", "MBR": "mbar", "PAL": "Pa", "KPA": "kPa",
    "MPA": "MPa", "MTQ": "m³", "LTR": "l", "MQH": "m³/h", "MQS": "m³/s", "G51": "l/s", "L2": "l/min",
    "E32": "l/h", "KGM": "kg", "GRM": "g", "TNE": "t", "MTR": "m", "MMT": "mm", "CMT": "cm", "KMT": "km",
    "SEC": "s", "C26": "ms", "MIN": "min", "HUR": "h", "MTS": "m/s", "C16": "mm/s", "KMH": "km/h",
    "MSK": "m/s²", "P1": "%", "KWH": "kWh", "WHR": "Wh", "MWH": "MWh", "KWT": "kW", "WTT": "W", "MAW": "MW",
    "JOU": "J", "KJO": "kJ", "VLT": "V", "2Z": "mV", "AMP": "A", "4K": "mA", "HTZ": "Hz", "KHZ": "kHz",
    "RPM": "rpm", "DD": "°", "C81": "rad", "NEW": "N", "NU": "N*m", "LUX": "lx", "2N": "dB", "59": "ppm",
    "OHM": "Ω", "MTK": "m²", "C62": "",
}  # fmt: skip
"""UNECE common codes → our spelling."""


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that was not taken."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWish:
    """A server that addresses of the document lead to."""

    url: str
    kind: str  # mqtt | opcua
    filters: tuple[str, ...] = ()  # of topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was made. Addresses of tags begin with `{url}!` until the project names the source."""

    format: str
    twins: tuple[Mapping[str, Json], ...] = ()
    relationships: tuple[Mapping[str, Json], ...] = ()
    interfaces: tuple[Mapping[str, Json], ...] = ()  # DTDL documents
    sources: tuple[SourceWish, ...] = ()
    taken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind → names
    left: tuple[Left, ...] = ()


def nobody(_foreign: str) -> str | None:
    """Know no twin."""
    return None


def refused(what: str, remedy: str = "Give a file of one of the formats.") -> ProjectFault:
    """Return what to say of a document that is none of a format."""
    return ProjectFault(what, where="import", remedy=remedy)


def clean(name: str) -> str:
    """Return a name as a twin, a tag or a property may have it."""
    return _BAD.sub("_", name.strip()).lstrip("~").strip("_") or "unnamed"


def short(foreign: str) -> str:
    """Return the last part of a foreign id: `urn:ngsi-ld:Pump:P-101` → P-101, `https://x/ids/p` → p."""
    return clean(re.split(r"[/:#]", foreign.rstrip("/:#"))[-1] or foreign)


@dataclass(slots=True)
class Taking:
    """An import in the making."""

    format: str
    twins: dict[str, dict[str, Json]] = field(default_factory=dict)  # our id → twin
    _ids: dict[str, str] = field(default_factory=dict)  # foreign id → ours
    _edges: list[tuple[str, str, str, Mapping[str, Json]]] = field(default_factory=list)  # foreign ids, name
    _taken: dict[str, list[str]] = field(default_factory=dict)
    _left: list[Left] = field(default_factory=list)
    _sources: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    interfaces: list[Mapping[str, Json]] = field(default_factory=list)

    def twin(self, foreign: str, *, name: str = "", model: str = "", title: str = "") -> dict[str, Json]:
        """Return the twin of a foreign id, made when it is new; its id is short and its own."""
        known = self._ids.get(foreign)
        if known is not None:
            return self.twins[known]
        base = clean(name) if name else short(foreign)
        own, n = base, 2
        while own in self.twins:
            own, n = f"{base}-{n}", n + 1
        out: dict[str, Json] = {"id": own}
        if model:
            out["model"] = model
        if title:
            out["title"] = title
        self.twins[own], self._ids[foreign] = out, own
        self.take("twin", foreign)
        return out

    def take(self, kind: str, name: str) -> None:
        """Note that something was taken."""
        self._taken.setdefault(kind, []).append(name[:_LONG])

    def leave(self, kind: str, name: str, why: str) -> None:
        """Note that something was not taken."""
        self._left.append(Left(kind, name[:_LONG], why))

    def put(self, holder: dict[str, Json], name: str, value: Json, told: str) -> None:
        """Give a twin or component a static value; an object becomes its leaves, `address.street`."""
        for path, leaf in leaves(value, clean(name)):
            where = told if path == clean(name) else f"{told}:{path}"
            if isinstance(leaf, bool | str) or (isinstance(leaf, int | float) and abs(leaf) <= 1e300):  # noqa: PLR2004
                given = holder.setdefault("properties", {})
                if path in given:
                    self.leave("property", where, f"There is a property '{path}' already.")
                else:
                    given[path] = leaf
                    self.take("property", where)
            elif leaf is None:
                self.leave("property", where, "It has no value.")
            else:
                self.leave("property", where, "A list or a number without bounds is no property here.")

    def tag(self, holder: dict[str, Json], name: str, facts: Mapping[str, Json], told: str) -> None:
        """Give a twin or component a tag."""
        tags = holder.setdefault("tags", {})
        own = clean(name)
        if own in tags:
            self.leave("signal", told, f"There is a tag '{own}' already.")
            return
        tags[own] = {key: value for key, value in facts.items() if value not in ("", None)}
        self.take("signal" if "address" in facts else "signal without a source", told)

    def source(self, url: str, kind: str, topic: str = "") -> str:
        """Note a server and, for MQTT, a topic of it; return what its addresses begin with."""
        topics = self._sources.setdefault(url, (kind, []))[1]
        if topic and topic not in topics:
            topics.append(topic)
        return f"{{{url}}}!"

    def relate(self, source: str, name: str, target: str, given: Mapping[str, Json] | None = None) -> None:
        """Note a relationship between foreign ids, with properties of its own; `done` tells of lost ends."""
        self._edges.append((source, name, target, given or {}))

    def done(self, known: Known) -> Imported:
        """Return what was made; relationships may lead to twins that are known."""
        edges: list[dict[str, Json]] = []
        seen: set[tuple[str, str, str]] = set()
        for source, name, target, given in self._edges:
            told = f"{source} {name} {target}"
            ends = [self._ids.get(end) or known(end) for end in (source, target)]
            if ends[0] is None or ends[1] is None:
                missing = source if ends[0] is None else target
                self.leave("relationship", told, f"There is no twin '{missing}'.")
                continue
            if (ends[0], name, ends[1]) not in seen:
                seen.add((ends[0], name, ends[1]))
                kept: dict[str, Json] = {}
                for key, value in given.items():
                    self.put(kept, key, value, f"{told}.{key}")
                edges.append({"from": ends[0], "name": name, "to": ends[1]} | kept)
            self.take("relationship", told)
        if not (self._taken or self._left):
            raise refused("There is nothing in it: no twin, no type, no part.")
        return Imported(
            format=self.format,
            twins=tuple(self.twins.values()),
            relationships=tuple(edges),
            interfaces=tuple(self.interfaces),
            sources=tuple(
                SourceWish(url=url, kind=kind, filters=tuple(topics))
                for url, (kind, topics) in self._sources.items()
            ),
            taken={kind: tuple(names) for kind, names in sorted(self._taken.items())},
            left=tuple(self._left),
        )


def leaves(value: Json, path: str, depth: int = 0) -> Iterator[tuple[str, Json]]:
    """Yield (path, value) of what is inside objects; lists are values of their own."""
    if isinstance(value, dict) and value and depth < MOST_DEEP:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{clean(str(key))}", depth + 1)
    else:
        yield path, value


def text_of(value: Json) -> str:
    """Return a text, or that of the best language of a map or a list of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        found = value.get("en") or next((text for text in value.values() if isinstance(text, str)), "")
        return found if isinstance(found, str) else ""
    if isinstance(value, list):
        texts = {one.get("language", ""): one.get("text") for one in value if isinstance(one, dict)}
        return text_of(texts)
    return ""
