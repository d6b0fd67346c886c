"""Levels of a server's tree, page by page: what was read of one is kept, and only new nodes are described.

One continuation point is held at a time, so that a server with few is never asked for more. Bounded by nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaStatusCodeError

from armillary.api import BrowseItem
from armillary_plugins.opcua import nodes
from armillary_plugins.opcua.address import text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session

KEPT_NS = 60_000_000_000  # a level and what is known of its nodes is read anew after so long
MOST_KEPT, MOST_LEVELS = 20_000, 64
SPARE = 8  # references asked for beyond a page: properties are among them


@dataclass(slots=True)
class _Level:
    read_ns: int
    references: dict[str, Any] = field(default_factory=dict)  # address → reference, properties left out
    point: bytes = b""  # where the server goes on
    is_whole: bool = False


class Levels:
    """Of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._levels: dict[str, _Level] = {}
        self._known: dict[str, tuple[int, BrowseItem]] = {}
        self._ids: dict[str, NodeId] = {}
        self._holds = ""  # the level whose continuation point is open

    async def page(self, under: str, limit: int, now_ns: int) -> list[BrowseItem]:
        """Return the first `limit` children of an address, in its order. Raises LinkFault, UaError."""
        level = self._levels.get(under)
        if level is None or now_ns - level.read_ns > KEPT_NS:
            level = await self._begin(under, limit, now_ns)
        while not level.is_whole and len(level.references) < limit:
            if not await self._go_on(under, level, limit):
                level = await self._begin(under, 0, now_ns)  # the server has forgotten: all of it at once
        some = dict(list(level.references.items())[:limit])
        return await self._described(some, now_ns)

    async def peek(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """Return the values of nodes that were listed, as they are now: one request. Raises UaError."""
        ids = {address: self._ids[address] for address in addresses if address in self._ids}
        answers = await self._session.read([(node, ua.AttributeIds.Value) for node in ids.values()])
        return {
            address: nodes.shown(nodes.value_of(answer)) for address, answer in zip(ids, answers, strict=True)
        }

    async def _begin(self, under: str, limit: int, now_ns: int) -> _Level:
        await self._release()
        start = await nodes.find(self._session, under) if under else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        level = _Level(now_ns)
        while len(self._levels) >= MOST_LEVELS:
            del self._levels[next(iter(self._levels))]
        self._levels[under] = level
        found, point = await self._session.browse_first(
            start, ua.ObjectIds.HierarchicalReferences, limit + SPARE if limit else 0
        )
        self._take(under, level, found, point)
        return level

    async def _go_on(self, under: str, level: _Level, limit: int) -> bool:
        """Read more of a level; False when the server does not know where it was."""
        if self._holds != under or not level.point:
            return False
        try:
            found, point = await self._session.browse_more(level.point)
        except UaStatusCodeError:
            self._holds = ""
            return False
        self._take(under, level, found, point)
        return True

    def _take(self, under: str, level: _Level, found: Sequence[Any], point: bytes) -> None:
        for reference in found:
            if not nodes.is_property(reference):
                level.references.setdefault(text_of(reference.NodeId, self._session.namespaces), reference)
        level.point, level.is_whole = point, not point
        self._holds = under if point else ""

    async def _release(self) -> None:
        holds, self._holds = self._holds, ""
        if holds and (level := self._levels.get(holds)) is not None and level.point:
            point, level.point = level.point, b""
            await self._session.browse_more(point, release=True)

    async def _described(self, references: Mapping[str, Any], now_ns: int) -> list[BrowseItem]:
        if len(self._known) > MOST_KEPT:
            self._known.clear()
            self._ids = {address: self._ids[address] for address in references if address in self._ids}
        fresh = {
            address: nodes.local(reference.NodeId)
            for address, reference in references.items()
            if address not in self._known or now_ns - self._known[address][0] > KEPT_NS
        }
        if fresh:
            ids = list(fresh.values())
            below = await self._session.browse(ids, ua.ObjectIds.HierarchicalReferences, nodes.PEEK)
            known = await nodes.describe(self._session, fresh)
            for address, found in zip(fresh, below, strict=True):
                opens = any(not nodes.is_property(r) for r in found)
                self._known[address] = (now_ns, replace(known[address], has_children=opens))
            self._ids |= fresh
        old = [address for address in references if address not in fresh]
        values = await self.peek(old) if old else {}
        items = ((address, self._known[address][1]) for address in references)
        return [replace(item, value=values.get(address, item.value)) for address, item in items]
