"""Browsing a server of 1,000,000 nodes: a level, a page of a level of 100,000, values; and what a desk feels.

The server makes its nodes when they are asked for, in a process of its own. The peer is asyncua itself,
without us: it browses the same level and reads the same attributes in one request. For the long level the
peer is its own listing of all children, which is how it lists a page.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from asyncua import ua as _ua
from asyncua.client.client import Client

from armillary.model.clock import WallClock
from armillary.model.link import BrowseItem, LinkSpec, LinkState, LinkStatus
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.hall import free_port
from armillary_plugins.opcua.levels import Levels
from armillary_plugins.opcua.session import Session, open_session
from armillary_plugins.opcua.settings import read_settings

ua: Any = _ua  # Any: asyncua's field annotations accept no plain values
ROUNDS, LEVEL_MS, BAR, PAGE_BAR = 5, 300.0, 8.0, 0.1
PAGES = (200, 400, 800, 1_600, 3_200)
HELD_MS = 100.0  # the longest that a page may hold a desk's thread: five beats of 20 ms
_ATTRIBUTES = ("DisplayName", "NodeClass", "DataType", "UserAccessLevel", "Value", "Description")


def benches() -> list[dict[str, object]]:
    """Return the figures; about ten seconds."""
    return [*_server(), *_desk()]


def _server() -> list[dict[str, object]]:
    port = free_port()
    command = [sys.executable, "-m", "armillary_plugins.demo_plant.forest", str(port)]
    process = subprocess.Popen(  # noqa: S603  our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None or not process.stdout.readline().startswith("ready"):
            raise AssertionError("the server did not start")
        return asyncio.run(_client(LinkSpec(name="f", kind="opcua", url=f"opc.tcp://127.0.0.1:{port}")))
    finally:
        process.kill()
        process.communicate(timeout=10)


async def _client(link: LinkSpec) -> list[dict[str, object]]:
    context: Any = _Context(link)
    session = await open_session(read_settings(link), context, "bench")
    try:
        return await _measured(session, link.url)
    finally:
        await session.close()


async def _measured(session: Session, url: str) -> list[dict[str, object]]:
    names = {item.name: item.address for item in await Levels(session).page("", 50, 0)}
    areas = await Levels(session).page(names["Forest"], 200, 0)
    units = await Levels(session).page(areas[5].address, 200, 0)
    unit, flat = units[5].address, names["Level"]

    async def level() -> None:
        found = await Levels(session).page(unit, 200, 0)
        if len(found) != 100 or found[0].unit != "bar" or not found[99].value:
            raise AssertionError("the level was not read")

    async def page() -> None:
        if len(await Levels(session).page(flat, 200, 0)) != PAGES[0]:
            raise AssertionError("the page was not read")

    kept = Levels(session)
    shown = [item.address for item in (await kept.page(unit, 200, 0))[:40]]

    async def peek() -> None:
        if len(await kept.peek(shown)) != len(shown):
            raise AssertionError("the values were not read")

    async with Client(url) as client:
        peers = _Peers(client, unit, flat)
        level_ms = await _best(level)
        bare_ms = await _best(peers.level)
        page_ms = await _best(page)
        whole_ms = await _best(peers.whole, 1)
        peek_ms = await _best(peek)
    read = "100 nodes had type, unit, range, value, description and whether they open"
    return [
        figure(
            "browse_opcua_level_100",
            level_ms,
            "ms",
            against="asyncua browsing the level and reading the same attributes",
            against_value=bare_ms,
            bar=BAR,
            work=read,
        ),
        absolute("browse_opcua_level_100_limit", level_ms, "ms", LEVEL_MS, read),
        figure(
            "browse_opcua_page_200_of_100k",
            page_ms,
            "ms",
            against="asyncua listing the level's children",
            against_value=whole_ms,
            bar=PAGE_BAR,
            work="200 of 100,000 nodes were described; the rest was left at the server",
        ),
        absolute("browse_opcua_page_200_limit", page_ms, "ms", LEVEL_MS, "the same page"),
        plain("browse_opcua_peek_40", peek_ms, "ms", "40 values were read anew", "the rows on a screen"),
    ]


class _Context:
    """What a session needs of its host."""

    def __init__(self, link: LinkSpec) -> None:
        self.link, self.clock, self.project = link, WallClock(), Path()

    def secret(self, _name: str) -> str:
        return ""


class _Peers:
    def __init__(self, client: Client, unit: str, flat: str) -> None:
        self._client = client
        self._unit, self._flat = (ua.NodeId(int(a.rpartition("i=")[2]), 2) for a in (unit, flat))

    async def level(self) -> None:
        """Browse a level and read its nodes' attributes, one request each."""
        found = await self._client.get_node(self._unit).get_children_descriptions()
        request = ua.ReadParameters()
        request.NodesToRead = [
            ua.ReadValueId(NodeId=reference.NodeId, AttributeId=getattr(ua.AttributeIds, name))
            for reference in found
            for name in _ATTRIBUTES
        ]
        raw: Any = self._client.uaclient
        if len(await raw.read(request)) != 100 * len(_ATTRIBUTES):
            raise AssertionError("the peer did not read the level")

    async def whole(self) -> None:
        """List all children of the long level."""
        if len(await self._client.get_node(self._flat).get_children_descriptions()) < 1_000:
            raise AssertionError("the peer did not list the level")


async def _best(act: Callable[[], Awaitable[None]], rounds: int = ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        await act()
        best = min(best, (time.perf_counter() - begun) * 1e3)
    return best


# ---------------------------------------------------------------- the desk


def _desk() -> list[dict[str, object]]:
    """Return how long pages hold the thread of a desk that shows them."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from armillary.session.workspace import Workspace
    from armillary.ui import theme
    from armillary.ui.panels.browse import BrowsePanel

    app = QApplication.instance() or QApplication([])
    workspace: Any = Workspace(WallClock(), actor="bench")
    answers: list[tuple[Callable[[object], None], int]] = []
    workspace.links = (LinkStatus(name="f", kind="opcua", url="", state=LinkState.UP, since_ns=0),)
    workspace.browse = lambda _link, _under, callback, limit=0: answers.append((callback, limit))
    panel = BrowsePanel(workspace, theme.LIGHT, lambda *_: None, lambda _text: None)
    panel.resize(800, 600)
    panel.show()
    browsing = workspace.browsing
    browsing.begin()
    root = browsing.roots[0]
    panel.view.expand(panel.shown.mapFromSource(panel.model.index_of(root)))
    app.processEvents()  # fonts and icons are there before the first page
    worst = 0.0
    for limit in PAGES:
        node = browsing.nodes[root]
        if node.children is None:
            browsing.open(root)
        else:
            browsing.more(root)
        callback, asked = answers.pop()
        items = tuple(_item(i) for i in range(asked))
        begun = time.thread_time()  # of this thread alone: other load makes no page slower
        callback(items)
        app.processEvents()
        worst = max(worst, (time.thread_time() - begun) * 1e3)
        if asked != limit or len(node.children or ()) != limit:
            raise AssertionError("a page was not shown")
    panel.close()
    panel.deleteLater()
    work = "pages of 200 to 3,200 nodes stood in the tree and were drawn"
    return [absolute("browse_desk_held", worst, "ms", HELD_MS, work)]


def _item(number: int) -> BrowseItem:
    return BrowseItem(
        address=f"i={number}",
        name=f"Row{number:06d}",
        has_children=False,
        kind="Variable",
        data_type="Double",
        value="1.0",
    )
