from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from armillary.extend.discover import discover
from armillary.extend.registry import Plugin, Registry
from armillary.model.fault import ProjectFault


def test_our_own_plugins_come_through_the_same_door() -> None:
    registry = discover(["sources", "sinks", "plants"])
    assert {"mqtt", "opcua"} <= set(registry.of("sources"))
    assert registry.problems == []


def test_a_broken_plugin_is_named_and_skipped() -> None:
    broken = EntryPoint(name="bad", value="no.such.module:make", group="armillary.sources")
    registry = discover(["sources"], [broken])
    assert registry.of("sources") == {}
    assert "bad" in registry.problems[0].what


def test_a_kind_that_was_not_asked_for_is_not_loaded() -> None:
    broken = EntryPoint(name="bad", value="no.such.module:make", group="armillary.sources")
    assert discover(["decoders"], [broken]).problems == []


def test_two_plugins_of_one_name_are_told_apart() -> None:
    registry = Registry()
    for package in ("one 1.0", "two 1.0"):
        registry.add(Plugin(kind="sources", name="x", package=package, make=dict))
    assert "taken by one 1.0" in registry.problems[0].what


def test_an_unknown_plugin_lists_what_there_is() -> None:
    registry = Registry()
    registry.add(Plugin(kind="sources", name="mqtt", package="p", make=dict))
    with pytest.raises(ProjectFault, match="Use one of: mqtt"):
        registry.make("sources", "kafka")


def test_one_that_was_left_out_is_listed_all_the_same() -> None:
    points = [EntryPoint(name=n, value="no.such.module:make", group="armillary.uplinks") for n in "ab"]
    registry = discover(["uplinks"], points, only={"uplinks": {"kafka"}})
    assert registry.problems == []
    with pytest.raises(ProjectFault, match="Use one of: a, b"):
        registry.make("uplinks", "kafka")
