"""Every plugin and built-in of a kind keeps the promises of its port."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from armillary.api import CommandSink, Fault, LinkSpec, LinkState, Plant, Source, SubscriptionPlan, batch_of
from armillary.api.ports import SourceOut
from armillary.api.testing import Collected, Script, check_store, context
from armillary.extend.discover import discover
from armillary.history.store import Store

URLS = {"mqtt": "mqtt://127.0.0.1:1", "opcua": "opc.tcp://127.0.0.1:1"}


def link(kind: str, **settings: object) -> LinkSpec:
    return LinkSpec(name=kind, kind=kind, url=URLS[kind], settings=settings)


@pytest.mark.parametrize("kind", sorted(URLS))
def test_every_source_and_sink_is_made_from_its_context_alone(kind: str, tmp_path: Path) -> None:
    registry = discover(["sources", "sinks"])
    made = context(link(kind), tmp_path)
    assert isinstance(registry.make("sources", kind)(made), Source)
    assert isinstance(registry.make("sinks", kind)(made), CommandSink)


@pytest.mark.parametrize("kind", sorted(URLS))
def test_a_source_whose_server_is_not_there_raises_a_fault_that_says_what_to_do(
    kind: str, tmp_path: Path
) -> None:
    source = discover(["sources"]).make("sources", kind)(context(link(kind), tmp_path))
    out = Collected()
    plan = SubscriptionPlan(link=link(kind), routes=())
    with pytest.raises(Fault) as caught:
        asyncio.run(asyncio.wait_for(source.run(plan, out), 10))
    assert caught.value.what
    assert caught.value.remedy
    assert LinkState.UP not in [state for state, _ in out.states]


def test_every_plant_has_parts_and_a_project() -> None:
    for make in discover(["plants"]).of("plants").values():
        plant = make()
        assert isinstance(plant, Plant)
        assert plant.parts


def test_the_built_in_store_keeps_its_promises(tmp_path: Path) -> None:
    check_store(lambda: Store(tmp_path / "history.duckdb"))


def test_the_fakes_are_what_they_stand_for() -> None:
    out = Collected()
    assert isinstance(out, SourceOut)
    now = np.array([1], np.int64)
    batch = batch_of(np.array([7], np.uint32), np.array([86.4]), now, 1, 1)
    asyncio.run(Script((batch,)).run(SubscriptionPlan(link=link("mqtt"), routes=()), out))
    assert out.typed == [batch]
    assert out.states == [(LinkState.UP, "")]
