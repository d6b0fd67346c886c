"""Areas of a project, and tags whose order is not kept: what may not be watched or mixed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from armillary.model import expression
from armillary.model.alarm import AlarmSpec
from armillary.model.area import AreaSpec
from armillary.model.fault import ProjectFault
from armillary.model.link import SHARED, LinkSpec, filters_of, is_shared
from armillary.model.tags import TagSpec
from armillary.model.topic import overlap
from armillary.project.settings import SOURCE_NAME
from armillary.project.table import Document, Table, nearest

_SHOWN = 3
MQTT = "mqtt"  # the kind whose sources name filters
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class _Given:
    """One `[area.NAME]` as it stands."""

    name: str
    sources: tuple[str, ...]
    title: str


def given(root: Table) -> tuple[_Given, ...]:
    """Return all `[area.NAME]`; what they name is judged by `areas`, when the tags are known."""
    out: list[_Given] = []
    for name, table in root.named("area"):
        if not SOURCE_NAME.fullmatch(name):
            remedy = "Use small letters, digits, _ and -, a letter first."
            table.document.wrong(table.path, f"'{name}' cannot be an area's name.", remedy, "P41")
        sources = table.texts("sources")
        if not sources:
            what = f"The area '{name}' has no sources."
            table.document.wrong(table.path, what, "Name some of the project's sources.", "P41")
        out.append(_Given(name, sources, table.text("title")))
        table.done()
    return tuple(out)


def areas(
    document: Document,
    held: Sequence[_Given],
    links: Sequence[LinkSpec],
    specs: Sequence[TagSpec],
) -> tuple[AreaSpec, ...]:
    """Return the areas with their tags; () where there are none, or where they cannot be told apart."""
    if not held:
        return ()
    before = len(document.findings.errors)
    area_of = _owners(document, held, [link.name for link in links])
    _must_be_apart(document, held, links, specs)
    number = {area.name: i for i, area in enumerate(held)}
    by_tag = {s.name: number[area_of[s.link]] for s in specs if s.link in area_of}
    for spec, read in _derived(specs):
        found = {by_tag[name] for name in read if name in by_tag}
        if len(found) > 1:
            names = ", ".join(held[i].name for i in sorted(found))
            what = f"'{spec.name}' reads tags of several areas ({names}); no world has them all."
            document.findings.add("P43", spec.origin, what, "Read tags of one area only, or join the areas.")
        by_tag[spec.name] = min(found, default=0)
    if len(document.findings.errors) > before:
        return ()
    owner = np.array([by_tag.get(spec.name, 0) for spec in specs], np.int64)
    slots = np.array([spec.slot for spec in specs], np.uint32)
    return tuple(
        AreaSpec(name=area.name, sources=area.sources, title=area.title, slots=np.sort(slots[owner == i]))
        for i, area in enumerate(held)
    )


def _owners(document: Document, held: Sequence[_Given], links: Sequence[str]) -> dict[str, str]:
    """Return the area of each source; one that is named twice, or not at all, is noted."""
    out: dict[str, str] = {}
    for area in held:
        path = ("area", area.name, "sources")
        for name in area.sources:
            if name not in links:
                remedy = nearest(name, links).strip() or "Name one of the project's sources."
                document.wrong(path, f"The area '{area.name}' names no source '{name}'.", remedy, "P41")
            elif name in out:
                what = f"The source '{name}' belongs to two areas: '{out[name]}' and '{area.name}'."
                document.wrong(path, what, "Leave it to one; split its filters over two sources.", "P41")
            else:
                out[name] = area.name
    for name in links:
        if name not in out:
            what = f"The source '{name}' belongs to no area, so no world brings its tags."
            document.wrong(("area",), what, "Name it in one area's 'sources'.", "P41")
    return out


# ---------------------------------------------------------------- filters


def _must_be_apart(
    document: Document, held: Sequence[_Given], links: Sequence[LinkSpec], specs: Sequence[TagSpec]
) -> None:
    """Note filters of two areas that bring the same messages: each would be stored twice."""
    named = {link.name: link for link in links if link.kind == MQTT}
    topics: dict[str, dict[str, None]] = {name: {} for name in named}
    for spec in specs:
        if spec.link in topics and not named[spec.link].profile:
            topics[spec.link][spec.address.partition("#")[0]] = None
    heard = {n: [_plain(f) for f in filters_of(link)] or list(topics[n]) for n, link in named.items()}
    for one, other in itertools.combinations(held, 2):
        pairs = itertools.product(one.sources, other.sources)
        for a, b in ((a, b) for a, b in pairs if a in named and b in named):
            if _server(named[a].url) != _server(named[b].url):
                continue
            both = next(_overlapping(heard[a], heard[b]), None)
            if both is not None:
                what = (
                    f"The areas '{one.name}' and '{other.name}' hear the same messages: "
                    f"{both[0]} of '{a}' and {both[1]} of '{b}'."
                )
                remedy = "Give filters that no topic matches twice."
                document.wrong(("area", other.name), what, remedy, "P42")


def _overlapping(some: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of filters that a topic matches both; plain topics are looked up, not tried."""
    plain = {name for name in others if not set("+#") & set(name)}
    wild = [name for name in others if name not in plain]
    for name in some:
        is_plain = not set("+#") & set(name)
        if is_plain and name in plain:
            yield name, name
        yield from ((name, other) for other in (wild if is_plain else others) if overlap(name, other))


def _plain(name: str) -> str:
    return name.removeprefix(SHARED).partition("/")[2] if name.startswith(SHARED) else name


def _server(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url if "//" in url else f"mqtt://{url}")
        return (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
    except ValueError:
        return (url, 0)  # refused where the source is checked


# ---------------------------------------------------------------- what reads what


def _derived(specs: Sequence[TagSpec]) -> Iterator[tuple[TagSpec, tuple[str, ...]]]:
    """Yield derived tags with what they read, readers after what they read; circles are left out."""
    names = {spec.name: spec for spec in specs}
    reads: dict[str, tuple[str, ...]] = {}
    for spec in specs:
        if spec.expression:
            try:
                made = expression.compile(spec.expression, names, spec.origin, past=True)
                reads[spec.name] = made.names
            except ProjectFault:
                continue  # noted where expressions are
    left = dict(reads)
    while left:
        ready = [name for name, read in left.items() if not left.keys() & set(read)]
        if not ready:
            return
        for name in ready:
            yield names[name], left.pop(name)


def unordered(links: Iterable[LinkSpec], specs: Sequence[TagSpec]) -> Mapping[str, str]:
    """Return tag → source for tags whose samples come in no order: shared sources, and what is derived."""
    shared = {link.name for link in links if is_shared(link)}
    if not shared:
        return {}
    out = {spec.name: spec.link for spec in specs if spec.link in shared}
    for spec, read in _derived(specs):
        source = next((out[name] for name in read if name in out), "")
        if source:
            out[spec.name] = source
    return out


def ordered(
    alarms: Sequence[AlarmSpec], links: Iterable[LinkSpec], specs: Sequence[TagSpec]
) -> tuple[tuple[AlarmSpec, ...], tuple[AlarmSpec, ...]]:
    """Return the alarms that may be evaluated, and those on tags whose order is not kept."""
    loose = unordered(links, specs)
    kept = tuple(alarm for alarm in alarms if alarm.tag not in loose)
    return kept, tuple(alarm for alarm in alarms if alarm.tag in loose)
