"""What becomes of a server's nodes while it runs: browse paths of ours, nodes that go, nodes that are new.

Slow on purpose, and bounded: a server has other things to do, and so has the loop that this runs on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaError

from armillary.api import BrowseItem, Survey
from armillary_plugins.opcua import nodes
from armillary_plugins.opcua.address import NS0, Steps, parse, resolve, text_of, written
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session

log = logging.getLogger(__name__)

EVERY_S = 60.0
REST_S = 0.05  # between two requests
CHUNK, READ_CHUNK = 25, 200  # nodes of one request
WIDE_CHUNK, FEW, MOST_BELOW = (
    10,
    100,
    2_000,
)  # levels at once, each so long; a longer one alone; left out beyond
DEPTH = 32
MOST_PARENTS, MOST_OTHERS = 2_000, 5_000
_OBJECT, _VARIABLE = ua.NodeClass.Object, ua.NodeClass.Variable


class Surveyor:
    """Of one session. `survey` holds what is known; another object whenever that changes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parents: dict[NodeId, tuple[NodeId, tuple[int, str]] | None] = {}  # None: nothing is above
        self._known: dict[str, BrowseItem] = {}  # nodes beside ours that were described
        self._told: set[tuple[str, bool]] = set()
        self.survey = Survey()

    async def run(
        self,
        ours: Mapping[str, NodeId],
        absent: Mapping[str, NodeId],
        paths: Mapping[str, str],
        told: asyncio.Event,
    ) -> bool:
        """Look every minute, and when the server tells of a change; return when nodes of ours come or go.

        ours: nodes that are watched, by address; absent: those that the server does not know; paths: browse
        paths that are known.
        """
        known = dict(paths)
        while True:
            told.clear()
            try:
                known |= await self._paths({a: n for a, n in ours.items() if a not in known})
                others, left_out = await self._others(ours)
                moved = self.survey.moved
                self.survey = Survey(
                    paths=known, moved=moved, others=others, is_whole=True, left_out=left_out
                )
                if await self._came_or_went(ours, absent):
                    return True
            except UaError as error:
                log.info("%s: looking after nodes ended: %s", self._session.settings.where, error)
                return False  # it does not let us look: values come all the same
            try:
                async with asyncio.timeout(EVERY_S):
                    await told.wait()
            except TimeoutError:
                continue

    async def _came_or_went(self, ours: Mapping[str, NodeId], absent: Mapping[str, NodeId]) -> bool:
        """Return whether a node of ours is not there any more, or is again; of each it is told once."""
        rows = [*((a, n, True) for a, n in ours.items()), *((a, n, False) for a, n in absent.items())]
        for some in _chunks(rows, READ_CHUNK):
            answers = await self._session.read([(node, ua.AttributeIds.NodeClass) for _, node, _ in some])
            for (address, _, was_there), answer in zip(some, answers, strict=True):
                is_there = answer.StatusCode is None or answer.StatusCode.name != "BadNodeIdUnknown"
                if is_there != was_there and (address, is_there) not in self._told:
                    self._told.add((address, is_there))
                    self._told.discard((address, was_there))
                    return True
            await asyncio.sleep(REST_S)
        return False

    # ---------------------------------------------------------------- browse paths

    async def _paths(self, ours: Mapping[str, NodeId]) -> dict[str, str]:
        """Return the browse path of each address that is somewhere below the Objects folder."""
        names: dict[str, tuple[int, str]] = {}
        rows = list(ours.items())
        for some in _chunks(rows):
            answers = await self._session.read([(node, ua.AttributeIds.BrowseName) for _, node in some])
            for (address, _), answer in zip(some, answers, strict=True):
                if (name := nodes.value_of(answer)) is not None:
                    names[address] = (name.NamespaceIndex, str(name.Name))
            await asyncio.sleep(REST_S)
        await self._climb(ours.values())
        out: dict[str, str] = {}
        for address, name in names.items():
            steps = self._above(ours[address])
            if steps is not None:
                out[address] = written([*steps, (self._uri(name[0]), name[1])])
        return out

    async def _climb(self, of: Iterable[NodeId]) -> None:
        """Learn what is above some nodes, up to the Objects folder."""
        top = ua.NodeId(ua.ObjectIds.ObjectsFolder)
        level = {node for node in of if node not in self._parents and node != top}
        for _ in range(DEPTH):
            above: set[NodeId] = set()
            for some in _chunks(level):
                hierarchy = ua.ObjectIds.HierarchicalReferences
                found = await self._session.browse(some, hierarchy, inverse=True)
                for node, references in zip(some, found, strict=True):
                    up = next((r for r in references if r.NodeClass in (_OBJECT, _VARIABLE)), None)
                    if up is None:
                        self._parents[node] = None
                        continue
                    parent = nodes.local(up.NodeId)
                    self._parents[node] = parent, (up.BrowseName.NamespaceIndex, str(up.BrowseName.Name))
                    if parent != top and parent not in self._parents:
                        above.add(parent)
                await asyncio.sleep(REST_S)
            level = above
            if not level:
                return

    def _above(self, node: NodeId) -> Steps | None:
        """Return the steps from the Objects folder to what a node is in, None when it is not below it."""
        steps: list[tuple[str, str]] = []
        top, at = ua.NodeId(ua.ObjectIds.ObjectsFolder), node
        while len(steps) < DEPTH:
            above = self._parents.get(at)
            if above is None:
                return None
            at, (index, name) = above
            if at == top:
                return [(NS0, "Objects"), *reversed(steps)]
            steps.append((self._uri(index), name))
        return None

    def _uri(self, index: int) -> str:
        known = self._session.namespaces
        return known[index] if index < len(known) else ""

    # ---------------------------------------------------------------- nodes beside ours

    async def _others(self, ours: Mapping[str, NodeId]) -> tuple[dict[str, BrowseItem], int]:
        """Return the variables beside ours, those in objects beside theirs too; and how many were left out.

        Beside: what a new pump of the same station is to the pumps that have tags.
        """
        await self._climb(ours.values())
        top = ua.NodeId(ua.ObjectIds.ObjectsFolder)
        parents = [up[0] for node in ours.values() if (up := self._parents.get(node)) is not None]
        homes = list(dict.fromkeys(p for p in parents if p != top))
        left_out = max(0, len(homes) - MOST_PARENTS)
        homes = homes[:MOST_PARENTS]
        above = [up[0] for home in homes if (up := self._parents.get(home)) is not None and up[0] != top]
        siblings, wide_left = await self._below(dict.fromkeys(above), _OBJECT)
        left_out += wide_left
        wide = list(dict.fromkeys([*homes, *siblings.values()]))
        left_out += max(0, len(wide) - MOST_PARENTS)
        mine = set(ours.values())
        found, wide_left = await self._below(wide[:MOST_PARENTS], _VARIABLE)
        left_out += wide_left
        found = {address: node for address, node in found.items() if node not in mine}
        left_out += max(0, len(found) - MOST_OTHERS)
        found = dict(list(found.items())[:MOST_OTHERS])
        fresh = {address: node for address, node in found.items() if address not in self._known}
        for some in _chunks(list(fresh.items())):
            self._known |= await nodes.describe(self._session, dict(some))
            await asyncio.sleep(REST_S)
        self._known = {address: self._known[address] for address in found}
        return self._known, left_out

    async def _below(self, homes: Iterable[NodeId], kind: Any) -> tuple[dict[str, NodeId], int]:
        """Return the nodes of a class right below some nodes, by address; and how many levels were left out.

        A level of very many nodes is left out whole: of a part of it nobody could say what is new.
        """
        out: dict[str, NodeId] = {}
        long: list[NodeId] = []
        left_out = 0
        for some in _chunks(homes, WIDE_CHUNK):
            found = await self._session.browse(some, ua.ObjectIds.HierarchicalReferences, FEW)
            for home, references in zip(some, found, strict=True):
                if len(references) >= FEW:
                    long.append(home)
                else:
                    self._take(references, kind, out)
            await asyncio.sleep(REST_S)
        for home in long:
            (references,) = await self._session.browse(
                [home], ua.ObjectIds.HierarchicalReferences, MOST_BELOW
            )
            if len(references) >= MOST_BELOW:
                left_out += 1
            else:
                self._take(references, kind, out)
            await asyncio.sleep(REST_S)
        return out, left_out

    def _take(self, references: Iterable[Any], kind: Any, out: dict[str, NodeId]) -> None:
        for one in references:
            if one.NodeClass == kind and not nodes.is_property(one):
                out[text_of(one.NodeId, self._session.namespaces)] = nodes.local(one.NodeId)


async def described_moves(session: Session, moved: Mapping[str, str]) -> dict[str, BrowseItem]:
    """Return what is at the browse paths of nodes that are gone, by the address that is gone."""
    ids = {}
    for address in dict.fromkeys(moved.values()):
        found = resolve(parse(address, {}), session.namespaces)
        if isinstance(found, NodeId):
            ids[address] = found
    items = await nodes.describe(session, ids) if ids else {}
    return {gone: items[there] for gone, there in moved.items() if there in items}


def _chunks(rows: Iterable[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    held = list(rows)
    return (held[i : i + size] for i in range(0, len(held), size))
