"""Reading of twins.json: twins, their tags and relationships."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from armillary.model.link import LinkSpec
from armillary.model.tags import Interval, Kind, Liveness, Personal, TagSpec
from armillary.model.twin import Component, Relationship, TwinInstance
from armillary.project.settings import EXPRESSION_SOURCE, MAX_SECONDS, converted
from armillary.project.table import PAIR, Table, nearest

NAME = re.compile(r"[^\s!`#'\"]+")
MOST_ARRAYS = 64  # tags: with the longest of them a joiner's frame is 64 MiB
KINDS = ("number", "bool", "enum", "text", "struct", "array")
RESERVED = "~"  # begins the names of marks in the historian; a tag's name begins with its twin's id
MS = 1000
PERSONAL = ("none", "indirect", "direct")
LIVENESS = ("tag", "link", "device")
BY_EXCEPTION = frozenset({"opcua"})
"""Kinds of link that send a value when it changes, and prove themselves alive besides."""


@dataclass(slots=True)
class Twins:
    """What twins.json says, collected while it is read; a tag's slot is its row."""

    links: Mapping[str, LinkSpec]
    history: bool  # what a tag says nothing about its history means
    specs: list[TagSpec] = field(default_factory=list)
    twins: list[TwinInstance] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of the tags
    fleets: Callable[[Table, Twins], None] | None = None  # reads `fleets`, once the twins are known

    def read(self, root: Table) -> None:
        """Collect everything in twins.json; mistakes are noted, the entry left out or set to its default."""
        root.raw("schema")
        ids: set[str] = set()
        for table in root.tables("twins"):
            _twin(table, self, ids)
        if self.fleets is not None:
            self.fleets(root, self)
            ids.update(twin.id for twin in self.twins)
        _relationships(root, self, ids)
        root.done()


def _relationships(root: Table, out: Twins, ids: set[str]) -> None:
    for table in root.tables("relationships"):
        source, target = table.text("from", required=True), table.text("to", required=True)
        out.relationships.append(
            Relationship(source=source, name=table.text("name", required=True), target=target)
        )
        table.table("properties")
        table.done()
        for key, end in (("from", source), ("to", target)):
            if end and end not in ids:
                known = sorted(ids)
                table.wrong(
                    key, f"There is no twin '{end}'.", nearest(end, known).strip() or "Add it.", "P10"
                )


def _twin(table: Table, out: Twins, ids: set[str]) -> None:
    twin = table.text("id", required=True)
    if not NAME.fullmatch(twin) or twin.startswith(RESERVED):
        remedy = f"Use no spaces, quotes, ` ! or #, and no {RESERVED} at its beginning."
        table.wrong("id", f"'{twin}' cannot be the id of a twin.", remedy)
        return
    if twin in ids:
        table.wrong("id", f"There are two twins '{twin}'.", "Rename one of them.", "P08")
    ids.add(twin)
    properties = table.table("properties").data
    for key, value in properties.items():
        if not isinstance(value, (str, int, float, bool)):
            table.wrong(
                "properties", f"The property '{key}' is no number, text or bool.", "Give one of them."
            )
    prim = table.text("prim")
    if prim and not prim.startswith("/"):
        table.wrong("prim", f"'{prim}' is not a prim path.", "Begin it with /.")
    out.twins.append(
        TwinInstance(
            id=twin,
            model=table.text("model"),
            prim=prim,
            title=table.text("title"),
            properties=dict(properties),
            components=tuple(_components(table, "")),
        )
    )
    _members(table, twin, twin, out)
    table.done()


def _components(table: Table, prefix: str) -> Iterator[Component]:
    """Yield what is inside a twin, outer parts first; their tags and mistakes are read by `_members`."""
    inner = table.data.get("components")
    for key, part in inner.items() if isinstance(inner, dict) else ():
        if not isinstance(part, dict):
            continue
        texts = {name: str(part.get(name) or "") for name in ("model", "prim", "title")}
        given = part.get("properties")
        kept = (
            {k: v for k, v in given.items() if isinstance(v, str | int | float)}
            if isinstance(given, dict)
            else {}
        )
        yield Component(path=f"{prefix}{key}", properties=kept, **texts)
        yield from _components(
            Table(table.document, part, (*table.path, "components", key)), f"{prefix}{key}."
        )


def _members(table: Table, prefix: str, twin: str, out: Twins) -> None:
    """Read tags and, inside them, those of the components, in the order of the file."""
    for key, tag in table.named("tags"):
        name = f"{prefix}.{key}"
        if not NAME.fullmatch(key):
            tag.document.wrong(
                tag.path, f"'{key}' cannot be a tag's name.", "Use no spaces, quotes, ` ! or #."
            )
            continue
        if name in out.names:
            tag.document.wrong(tag.path, f"There are two tags '{name}'.", "Rename one of them.", "P08")
            continue
        out.names.add(name)
        out.specs.append(_tag(tag, name, twin, len(out.specs), out))
    for key, component in table.named("components"):
        for known in ("model", "title", "prim"):
            component.text(known)
        component.table("properties")
        _members(component, f"{prefix}.{key}", twin, out)
        component.done()


def add_tags(table: Table, prefix: str, twin: str, out: Twins) -> None:
    """Add the tags of a table as those of a twin."""
    _members(table, prefix, twin, out)


def _source(table: Table, links: Mapping[str, LinkSpec]) -> tuple[str, str, str]:
    """Return (link, address, expression) of a tag; exactly one of address and expression is given."""
    text, expression = table.text("address"), table.text("expression").strip()
    if "imported" in table and not (text or expression):
        return "", "", ""  # only its history is known
    if bool(text) == bool(expression):
        table.document.wrong(
            table.path,
            "A tag needs an address or an expression, and not both.",
            "Give 'address': '<source>!<address>' or 'expression'.",
            "P03",
        )
        return "", "", ""
    if expression:
        return "", "", expression
    link, mark, address = text.partition("!")
    if not mark or not link or not address:
        table.wrong("address", f"The address '{text}' cannot be read.", "Write <source>!<address>.", "B06")
        return "", "", ""
    if link == EXPRESSION_SOURCE:
        return "", "", address.strip()
    if link not in links:
        known = sorted(links)
        near = "" if table.document.findings.is_full("B05", table.document.name) else nearest(link, known)
        remedy = near.strip() or f'Add a [[source]] with name = "{link}" to project.toml.'
        table.wrong("address", f"There is no source '{link}'.", remedy, "B05")
    return link, address, ""


def _states(table: Table) -> tuple[tuple[float, str], ...]:
    """Return (value, name) pairs in ascending order, from an object or a list of pairs."""
    raw = table.raw("states", {})
    pairs: list[Any] = (
        list(raw.items()) if isinstance(raw, dict) else raw if isinstance(raw, list) else [None]
    )
    out: list[tuple[float, str]] = []
    for pair in pairs:
        value = _state(pair)
        if value is None:
            table.wrong("states", f"The state {pair!r} cannot be read.", 'Give {"0": "stopped", …}.')
        else:
            out.append(value)
    if len({value for value, _ in out}) != len(out):
        table.wrong("states", "Two states have the same value.", "Give each value once.")
    return tuple(sorted(out))


def _state(pair: Any) -> tuple[float, str] | None:  # Any: a JSON value that is being checked
    if not isinstance(pair, (tuple, list)) or len(pair) != PAIR or not isinstance(pair[1], str):
        return None
    word = {"false": "0", "true": "1"}.get(str(pair[0]).lower(), str(pair[0]))
    try:
        return float(word), pair[1]
    except ValueError:
        return None


def _stale_ms(table: Table, link: LinkSpec | None, liveness: Liveness) -> tuple[int, int, Interval]:
    """Return (expected, stale after) in ms and who says so.

    A tag that gives neither takes its source's limit; where that is a guess too, the protocol's rate, or
    what its arrivals teach.
    """
    expected = table.number("expected_interval_s", 0.0, 0.0, MAX_SECONDS)
    stale = table.number("stale_after_s", 0.0, 0.0, MAX_SECONDS)
    if "expected_interval_s" in table or "stale_after_s" in table:
        return round(expected * MS), round(stale * MS), "engineer"
    if link is None:
        return 0, 0, ""
    publishing = link.settings.get("publishing_ms") if link.kind in BY_EXCEPTION else None
    own = liveness == "tag" and not link.stale_given
    if own and isinstance(publishing, int | float) and publishing > 0:
        return round(publishing), 0, "model"
    return 0, round(link.stale_after_s * MS), "engineer" if link.stale_given else "default"


def _liveness(table: Table, link: LinkSpec | None) -> tuple[Liveness, str]:
    """Return what proves a tag alive, and the heartbeat of its device.

    A protocol that reports changes only says nothing by silence: its tags live by their link.
    """
    usual = "link" if link is not None and link.kind in BY_EXCEPTION else "tag"
    heartbeat = table.text("heartbeat")
    liveness = table.choice("liveness", LIVENESS, "device" if heartbeat else usual)
    if heartbeat and liveness != "device":
        table.wrong("heartbeat", "Only what lives by its device has a heartbeat.", "Remove one of them.")
    return cast("Liveness", liveness), heartbeat


def _device(link: LinkSpec | None, address: str, liveness: Liveness, asset: str) -> str:
    """Return what behind its link brings a tag: what its address names, or the asset that it lives by."""
    if link is None:
        return ""
    if link.profile and address.startswith("@"):
        return address[1:].partition("#")[0]
    return asset if liveness == "device" else ""


def _check_array(table: Table, expression: str, writable: bool, out: Twins) -> None:
    """Note what a tag that is a list of numbers cannot be."""
    if expression or writable:
        what = "An array cannot be derived or written."
        table.wrong("kind", what, "Give it an address, and no `writable`.")
    if sum(spec.kind == "array" for spec in out.specs) >= MOST_ARRAYS:
        what = f"There are more than {MOST_ARRAYS} arrays."
        table.wrong("kind", what, "Bring several together into one: a frame must hold them all.")


def _tag(table: Table, name: str, twin: str, slot: int, out: Twins) -> TagSpec:
    link, address, expression = _source(table, out.links)
    unit, source_unit = table.text("unit"), table.text("source_unit")
    factor, offset = converted(table, "source_unit", source_unit, unit)
    states = _states(table)
    low, high = table.span("range")
    write_low, write_high = table.span("write_range")
    liveness, heartbeat = _liveness(table, out.links.get(link))
    expected_ms, stale_ms, interval = _stale_ms(table, out.links.get(link), liveness)
    writable = table.flag("writable", False)
    kind = cast("Kind", table.choice("kind", KINDS, "enum" if states else "number"))
    if kind == "array":
        _check_array(table, expression, writable, out)
    if writable and expression:
        table.wrong("writable", "A derived tag cannot be written.", "Remove 'writable' or give an address.")
    spec = TagSpec(
        slot=slot,
        name=name,
        link=link,
        address=address,
        time_path=table.text("time"),
        decoder=table.chain("decoder"),
        required=table.flag("required", False),
        coerce=table.flag("coerce", False),
        unit_path=table.text("unit_path"),
        source_unit=source_unit,
        expression=expression,
        kind=kind,
        unit=unit,
        factor=factor,
        offset=offset,
        low=low,
        high=high,
        expected_ms=expected_ms,
        stale_after_ms=stale_ms,
        interval=interval,
        bad_after_ms=round(table.number("bad_after_s", 0.0, 0.0, MAX_SECONDS) * MS),
        frozen_after_ms=round(table.number("frozen_after_s", 0.0, 0.0, MAX_SECONDS) * MS),
        liveness=liveness,
        heartbeat=heartbeat,
        writable=writable,
        write_low=write_low,
        write_high=write_high,
        states=states,
        history=table.flag("history", out.history),
        twin=twin,
        title=table.text("title"),
        deadband=table.number("deadband", 0.0, 0.0),
        origin=f"{table.document.name}:{name}",
        imported=table.text("imported"),
        personal=cast("Personal", table.choice("personal", PERSONAL, "none")),
        subject=table.text("subject"),
        device=_device(out.links.get(link), address, liveness, twin or name),
    )
    if spec.subject and spec.personal == "none":
        table.wrong("subject", "Only a personal tag has a subject.", 'Add "personal": "direct" or remove it.')
    table.done()
    return spec
