"""Routes of a link, compiled per channel: what is read from a payload, and how quickly it may be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from armillary.api.ports import AnyDecoder, Decoder, Navigates, Tabulates
from armillary.model.fault import Fault, ProjectFault
from armillary.model.link import Route
from armillary.telemetry.chain import BUILT_IN, Chain, chain_of, guesses
from armillary.telemetry.path import Path, compiled

__all__ = ["BUILT_IN", "ByTopic", "ChannelPlan", "Part", "Reader", "channel_plans"]

_OPENS_JSON = frozenset(b'{["')
LOOP, PLUGIN, TABLE = 0, 1, 2  # how the messages of a channel are read: one by one, by a plugin, as a table


@dataclass(frozen=True, slots=True)
class Reader:
    """One route with what finds its value in a document."""

    route: Route
    path: Callable[[object], object]
    text: str = ""  # of its path, as written
    key: str | int | None = None  # the one member or element, for a path that is no more than that
    is_many: bool = False
    unit: Callable[[object], object] | None = None  # finds the unit that the document says


@dataclass(frozen=True, slots=True)
class Part:
    """Routes of one channel that share decoder and time path."""

    chain: Chain
    time_path: Callable[[object], object] | None
    readers: tuple[Reader, ...]
    is_document: bool = False  # never a bare value, whatever the first byte is
    time_text: str = ""
    time_key: str | int | None = None

    def is_raw(self, data: bytes) -> bool:
        """Return whether a payload is one bare value; `auto` without a path looks at the first byte."""
        if self.is_document or self.chain.last != "auto":
            return self.chain.last == "raw"
        start = data.lstrip()[:1]
        if start and start[0] in _OPENS_JSON:
            return False
        return not guesses(data) or _is_text(data)


@dataclass(slots=True)
class ChannelPlan:
    """What to do with the messages of one channel."""

    routes: tuple[Route, ...]
    parts: tuple[Part, ...] = ()
    how: int = LOOP
    chain: Chain | None = None  # of a plugin that reads it all
    is_plain: bool = False  # all routes are numbers at plain keys of one document
    checks_itself: bool = False  # `loads` keeps the limits
    is_auto: bool = False
    slots: tuple[int, ...] = ()
    width: int = 0
    # Any: what an itemgetter gives depends on the number of its keys
    loads: Callable[[bytes], Any] = orjson.loads
    keys: Callable[[Any], Any] = itemgetter(0)
    time: Callable[[Any], Any] | None = None
    seen: bool = False  # one message went the long way: its time's unit is known
    by_content: dict[str, tuple[Part, ...]] = field(default_factory=dict)


class ByTopic:
    """Finds the plan of a topic: its own, else that of a route with `+` (only profiles make such routes)."""

    def __init__(self, plans: Mapping[str, ChannelPlan]) -> None:
        self._plans = plans
        shapes: dict[tuple[int, frozenset[int]], None] = {}  # levels of the topic, places of the `+`
        for channel in plans:
            levels = channel.split("/")
            if "+" in levels:
                shapes[len(levels), frozenset(i for i, level in enumerate(levels) if level == "+")] = None
        self._shapes = tuple(shapes)

    def plan(self, topic: str) -> ChannelPlan | None:
        """Return the plan of a topic, None where nothing of the project is in it."""
        if (own := self._plans.get(topic)) is not None:
            return own
        levels = topic.split("/")
        for size, places in self._shapes:
            if size == len(levels):
                key = "/".join("+" if i in places else level for i, level in enumerate(levels))
                if key in self._plans:
                    return self._plans[key]
        return None


def channel_plans(
    routes: Sequence[Route], decoders: Mapping[str, AnyDecoder]
) -> tuple[dict[str, ChannelPlan], tuple[Fault, ...]]:
    """Return the plan of each channel, and a Fault for each route that can never be read."""
    problems: list[Fault] = []
    chains: dict[str, Chain] = {}
    readable: dict[str, list[tuple[Chain, Reader]]] = {}
    for route in routes:
        try:
            name = route.decoder or "auto"
            if name not in chains:
                chains[name] = chain_of(name, decoders, route.tag)
            reader = _reader(route, chains[name])
            readable.setdefault(route.channel, []).append((chains[name], reader))
        except Fault as fault:
            problems.append(fault)
    return {channel: _plan(readers) for channel, readers in readable.items()}, tuple(problems)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _reader(route: Route, chain: Chain) -> Reader:
    where = f"tag {route.tag}"
    if isinstance(chain.last, Tabulates):
        for name in (route.path, route.time_path):
            if name and name not in chain.last.names:
                raise ProjectFault(
                    f"The decoder '{chain.name}' has no field '{name}'.",
                    where=where,
                    remedy=f"Name one of: {', '.join(chain.last.names)}.",
                )
        name = route.path or chain.last.names[0]
        return Reader(route, Path(name, (name,)), name, name)
    if isinstance(chain.last, Navigates):
        if route.time_path:
            chain.last.place(route.time_path)
        unit = chain.last.place(route.unit_path) if route.unit_path else None
        return Reader(route, chain.last.place(route.path), route.path, route.path, unit=unit)
    if isinstance(chain.last, Decoder):
        return Reader(route, _nothing, route.path)
    compiled(route.time_path, where)  # a mistake there is this tag's problem, not its neighbours'
    path = compiled(route.path, where)
    unit_path = compiled(route.unit_path, where) if route.unit_path else None
    return Reader(route, path, route.path, path.key, path.is_many, unit_path)


def _nothing(document: object) -> object:
    return document


def _plan(readers: Sequence[tuple[Chain, Reader]]) -> ChannelPlan:
    routes = tuple(r.route for _, r in readers)
    for chain, _ in readers:
        if isinstance(chain.last, Decoder):  # one channel, one plugin: the first that is named reads it all
            return ChannelPlan(routes=routes, how=PLUGIN, chain=chain)
    groups: dict[tuple[str, str, bool], list[tuple[Chain, Reader]]] = {}
    for chain, reader in readers:
        # A path means a document, whatever the first byte is.
        key = (chain.text, reader.route.time_path, chain.last == "auto" and bool(reader.text))
        groups.setdefault(key, []).append((chain, reader))
    parts = tuple(_part(group[0][0], [r for _, r in group]) for group in groups.values())
    plan = ChannelPlan(routes=routes, parts=parts, is_auto=parts[0].chain.text == "auto")
    if all(part.chain.table is not None for part in parts):
        plan.how = TABLE
        return plan
    if len(parts) == 1:
        _hasten(plan, parts[0])
    return plan


def _part(chain: Chain, readers: Sequence[Reader]) -> Part:
    text = readers[0].route.time_path
    whole = chain.last not in ("auto", "raw") or (chain.last == "auto" and any(r.text for r in readers))
    if not text:
        return Part(chain, None, tuple(readers), whole)
    own = chain.place(text)
    path: Path | None = None
    if own is None:
        path = Path(text, (text,)) if isinstance(chain.last, Tabulates) else compiled(text)
    return Part(chain, own or path, tuple(readers), whole, text, text if path is None else path.key)


def _hasten(plan: ChannelPlan, part: Part) -> None:
    """Give a plan its short way where all its routes are numbers at plain keys of one document."""
    last, readers = part.chain.last, part.readers
    plain = [r for r in readers if r.route.kind == "number" and not r.route.coerce and r.unit is None]
    names = [r.key for r in plain if r.key is not None and not r.is_many]
    if len(names) < len(readers) or last == "raw" or (part.time_path is not None and part.time_key is None):
        return
    keys: Callable[[Any], Any] = itemgetter(*names)
    time: Callable[[Any], Any] | None = None if part.time_key is None else itemgetter(part.time_key)
    if isinstance(last, Navigates):
        own = last.places([str(name) for name in names])
        time = None if part.time_key is None else last.places([str(part.time_key)])
        if own is None or (part.time_key is not None and time is None):
            return
        keys = own
    plan.is_plain, plan.width, plan.slots = True, len(names), tuple(r.route.slot for r in readers)
    plan.keys, plan.time = keys, time
    plan.loads, plan.checks_itself = part.chain.loads(), part.chain.checks_itself
