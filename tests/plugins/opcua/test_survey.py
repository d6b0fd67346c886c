"""What becomes of nodes while a server runs: their browse paths, those that move, those that are new."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.opcua.plant import URI, Host, PlantServer, context, link, node, plan, until

from armillary.api import NODE_MOVED, Route, quality
from armillary_plugins.opcua import survey
from armillary_plugins.opcua.address import AddressError, resolve_path, written
from armillary_plugins.opcua.source import make
from armillary_plugins.opcua.subscribe import items_of


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "EVERY_S", 0.1)


def rank(host: Host, slot: int) -> int:
    return host.quality.get(slot, 0) & 0xFF


async def test_a_node_that_moved_is_offered_where_its_browse_path_leads(
    own_server: PlantServer, tmp_path: Path
) -> None:
    spec = link(own_server.url)
    host, source = Host(), make(context(spec, tmp_path))
    words: dict[int, str] = {}
    take = host.samples

    def samples(batch: Any) -> None:
        words.update({int(batch.slot[row]): why for row, why in batch.why.items()})
        take(batch)

    host.samples = samples  # type: ignore[method-assign]
    task = asyncio.create_task(source.run(plan(spec, node("Level"), node("Speed")), host))
    try:
        await until(lambda: source.survey().is_whole, 30)
        seen = source.survey()
        assert set(seen.paths) == {node("Level"), node("Speed")}
        assert node("Steps") in seen.others, "a variable beside ours"
        assert node("Level") not in seen.others
        own_server.tell(add="Density")
        await until(lambda: node("Density") in source.survey().others, 30)
        assert source.survey().others[node("Density")].value == "4.5"
        own_server.tell(move=["Level", "Tank1.NewLevel"])
        await until(lambda: bool(source.survey().moved), 30)
        assert source.survey().moved[node("Level")].address == node("NewLevel")
        await until(lambda: words.get(0) == f"{NODE_MOVED}{node('NewLevel')}", 30)
        assert rank(host, 0) == quality.BAD & 0xFF, "never silently"
        assert host.value[1] == 50.0
        own_server.tell(move=["Level", "Tank1.Level"])
        await until(lambda: host.value.get(0) == 1.5 and rank(host, 0) == quality.GOOD, 30)
        await until(lambda: not source.survey().moved, 30)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert source.survey() == survey.Survey()


async def test_a_level_of_very_many_nodes_is_left_out_and_told(
    server: PlantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = link(server.url)
    for few, most, left_out in ((2, 5, 1), (2, 100, 0)):
        monkeypatch.setattr(survey, "FEW", few)
        monkeypatch.setattr(survey, "MOST_BELOW", most)
        host, source = Host(), make(context(spec, tmp_path))
        task = asyncio.create_task(source.run(plan(spec, node("Level")), host))
        await until(lambda source=source: source.survey().is_whole, 30)  # type: ignore[misc]
        assert source.survey().left_out == left_out
        assert (node("Speed") in source.survey().others) == (not left_out)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_world_that_begins_anew_knows_the_paths_of_its_file() -> None:
    route = Route(slot=0, tag="t", channel=node("Level"), browse_path="way")
    assert [item.browse_path for item in items_of([route], 250.0)] == ["way"]


def test_a_path_is_written_with_its_namespaces_and_read_back() -> None:
    steps = [("http://opcfoundation.org/UA/", "Objects"), (URI, "A/B|C"), ("urn:ö", "Level")]
    text = written(steps)
    path = resolve_path(text, ["http://opcfoundation.org/UA/", "urn:x", "urn:ö", URI])
    found = [(e.TargetName.NamespaceIndex, e.TargetName.Name) for e in path.RelativePath.Elements]
    assert found == [(0, "Objects"), (3, "A/B|C"), (2, "Level")]
    with pytest.raises(AddressError, match="no namespace"):
        resolve_path(text, ["http://opcfoundation.org/UA/"])
