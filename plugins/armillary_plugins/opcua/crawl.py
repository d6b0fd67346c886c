"""Looking for nodes by words: breadth first from the Objects folder, a little at each call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from asyncua.ua import NodeId

from armillary.api import Found
from armillary_plugins.opcua import nodes
from armillary_plugins.opcua.address import text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session

FEWEST, MOST_AT_ONCE, STEP_S = 4, 64, 0.2
LONG_S, SHORT_S = 0.08, 0.02  # of one batch: decoding it holds up what else the world does
MOST_SEEN, MOST_WAITING, MOST_BELOW = 200_000, 100_000, 5_000
_CLASSES = (ua.NodeClass.Object, ua.NodeClass.Variable)


class Crawl:
    """One search: what was seen, what waits. A loop in the address space is met once."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(word.lower() for word in words)
        self._waiting: deque[tuple[NodeId, str, str, Any]] = deque()  # node, address, path, its class
        self._met: set[str] = set()
        self._seen = 0
        self._left_out, self._at_once = "", 16
        self._waiting.append((ua.NodeId(ua.ObjectIds.ObjectsFolder), "", "", ua.NodeClass.Object))

    async def step(self, session: Session, limit: int) -> Found:
        """Look on for about 0.2 s, or until `limit` were found. Raises UaError."""
        hits: dict[str, tuple[NodeId, str]] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + STEP_S
        while self._waiting and len(hits) < limit and loop.time() < end:
            some = [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]
            begun = loop.time()
            await self._look(session, some, hits)
            took = loop.time() - begun
            if took > LONG_S:
                self._at_once = max(FEWEST, self._at_once // 2)
            elif took < SHORT_S:
                self._at_once = min(MOST_AT_ONCE, self._at_once * 2)
        items = []
        if hits:
            ids = {address: node for address, (node, _) in hits.items()}
            known = await nodes.describe(session, ids)
            below = await session.browse(list(ids.values()), ua.ObjectIds.HierarchicalReferences, nodes.PEEK)
            for (address, (_, path)), found in zip(hits.items(), below, strict=True):
                opens = any(not nodes.is_property(r) for r in found)
                items.append(replace(known[address], name=path, has_children=opens))
        return Found(
            items=tuple(items),
            seen=self._seen,
            waiting=len(self._waiting),
            done=not self._waiting,
            left_out=self._left_out,
        )

    async def _look(
        self, session: Session, some: list[tuple[NodeId, str, str, Any]], hits: dict[str, tuple[NodeId, str]]
    ) -> None:
        ids = [node for node, _, _, _ in some]
        rows = await session.browse(ids, ua.ObjectIds.HierarchicalReferences, MOST_BELOW)
        told = await session.read([(node, ua.AttributeIds.Description) for node in ids])
        units = await self._units(session, rows)
        for (node, address, path, kind), found, description, unit in zip(
            some, rows, told, units, strict=True
        ):
            self._seen += 1
            text = f"{path} {address} {getattr(nodes.value_of(description), 'Text', '') or ''} {unit}".lower()
            if address and kind in _CLASSES and all(word in text for word in self.words):
                hits[address] = (node, path)
            if len(found) >= MOST_BELOW:
                self._left_out = f"levels of more than {MOST_BELOW} nodes are not looked at to their end"
            self._meet(session, found, path)

    def _meet(self, session: Session, found: list[Any], path: str) -> None:
        for reference in found:
            if nodes.is_property(reference) or reference.NodeClass not in _CLASSES:
                continue
            address = text_of(reference.NodeId, session.namespaces)
            if address in self._met:
                continue
            if len(self._met) >= MOST_SEEN or len(self._waiting) >= MOST_WAITING:
                self._left_out = f"more than {MOST_SEEN} nodes: the rest was not looked at"
                return
            self._met.add(address)
            name = str(reference.DisplayName.Text or reference.BrowseName.Name)
            below = f"{path}/{name}" if path else name
            self._waiting.append((nodes.local(reference.NodeId), address, below, reference.NodeClass))

    async def _units(self, session: Session, rows: list[list[Any]]) -> list[str]:
        at = [
            (row, nodes.local(r.NodeId))
            for row, found in enumerate(rows)
            for r in found
            if nodes.is_property(r) and r.BrowseName.Name == "EngineeringUnits"
        ]
        out = [""] * len(rows)
        if at:
            values = await session.read([(node, ua.AttributeIds.Value) for _, node in at])
            for (row, _), value in zip(at, values, strict=True):
                out[row] = nodes.unit(nodes.value_of(value))
        return out
