"""Levels, values and searches of a server with 1,000,000 nodes that are made when they are asked for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.opcua.plant import free_port

from armillary.api import LinkSpec, SourceContext, WallClock
from armillary_plugins.opcua import session as sessions
from armillary_plugins.opcua.crawl import Crawl
from armillary_plugins.opcua.levels import KEPT_NS, Levels
from armillary_plugins.opcua.settings import read_settings

CLOCK = WallClock()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    found = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "armillary_plugins.demo_plant.forest", str(found)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    yield found
    process.kill()
    process.communicate(timeout=20)


class Counting:
    """A session that counts what is asked of the server."""

    def __init__(self, session: sessions.Session) -> None:
        self.session, self.asked = session, list[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.session, name)


@pytest.fixture
async def session(port: int, tmp_path: Path) -> AsyncIterator[Counting]:
    link = LinkSpec(name="f", kind="opcua", url=f"opc.tcp://127.0.0.1:{port}")
    context = SourceContext(link=link, clock=CLOCK, secret=lambda _: "", project=tmp_path)
    made = await sessions.open_session(read_settings(link), context, "test")
    yield Counting(made)
    await made.close()


async def top(levels: Levels, name: str) -> str:
    return next(item.address for item in await levels.page("", 50, 1) if item.name == name)


async def test_level_of_100_000_is_read_page_by_page(session: Counting) -> None:
    levels = Levels(session)  # type: ignore[arg-type]  it counts
    under = await top(levels, "Level")
    session.asked.clear()
    first = await levels.page(under, 200, 1)
    assert [first[0].name, first[-1].name, len(first)] == ["Row000000", "Row000199", 200]
    assert session.asked.count("browse_first") == 1
    assert "browse_more" not in session.asked
    second = await levels.page(under, 400, 2)
    assert [i.address for i in second[:200]] == [i.address for i in first]
    assert second[-1].name == "Row000399"
    assert session.asked.count("browse_first") == 1
    assert session.asked.count("browse_more") == 1


@pytest.mark.scale
async def test_another_level_lets_the_point_go_and_the_first_still_goes_on(session: Counting) -> None:
    levels = Levels(session)  # type: ignore[arg-type]  it counts
    under, forest = await top(levels, "Level"), await top(levels, "Forest")
    await levels.page(under, 20, 1)
    await levels.page(forest, 20, 1)
    assert len(await levels.page(under, 60, 1)) == 60
    assert len(await levels.page(under, 1_050, 1)) == 1_050  # more than the server gives at once


async def test_units_ranges_types_and_descriptions_are_shown(session: Counting) -> None:
    levels = Levels(session)  # type: ignore[arg-type]  it counts
    forest = await top(levels, "Forest")
    area = (await levels.page(forest, 200, 1))[3]
    unit = (await levels.page(area.address, 200, 1))[7]
    tags = await levels.page(unit.address, 200, 1)
    assert (area.name, unit.name, len(tags)) == ("Area03", "Unit07", 100)
    assert (area.has_children, tags[1].has_children) == (True, False)
    tag = tags[10]
    assert (tag.unit, tag.low, tag.high, tag.data_type) == ("bar", 0.0, 100.0, "Double")
    assert (tag.type_definition, tag.writable) == ("BaseDataVariableType", False)
    assert tag.description.startswith("number ")
    session.asked.clear()
    again = await levels.page(unit.address, 200, 2)
    assert session.asked == ["read"]  # values alone
    assert [i.value for i in again] != [i.value for i in tags]
    assert set(await levels.peek([tag.address, "nsu=urn:nobody;i=1"])) == {tag.address}
    await levels.page(unit.address, 200, 2 * KEPT_NS)
    assert "browse_first" in session.asked  # after a minute it is read anew


@pytest.mark.scale
async def test_search_goes_on_where_it_was_and_says_what_it_saw(session: Counting) -> None:
    crawl = Crawl(("area02",))
    found, steps, seen = [], 0, 0
    async with asyncio.timeout(60):
        while not found:
            step = await crawl.step(session, 5)  # type: ignore[arg-type]  it counts
            found += step.items
            steps += 1
            assert step.seen > seen
            seen = step.seen
    assert found[0].name == "Forest/Area02"
    assert found[0].has_children
    assert not step.done
    assert step.waiting > 0


@pytest.mark.scale
async def test_search_finds_by_unit_and_description(session: Counting) -> None:
    crawl = Crawl(("row000010", "number"))
    under = await top(Levels(session), "Level")  # type: ignore[arg-type]  it counts
    async with asyncio.timeout(60):
        while not (step := await crawl.step(session, 5)).items:  # type: ignore[arg-type]
            assert not step.done
    assert step.items[0].name == "Level/Row000010"
    assert under
