"""Counts of binding states for the links panel."""

from __future__ import annotations

import numpy as np

from armillary.model.binding import Binding
from armillary.model.quality import BAD, GOOD, NEVER, STALE
from armillary.model.tags import TagSpec
from armillary.session.binding_states import BindingStates
from armillary.session.scenery import Scenery, compiled
from armillary_bench.synthetic import scene_of

SPECS = (
    TagSpec(slot=0, name="A.x", link="plc", address="i=1"),
    TagSpec(slot=1, name="A.y", link="plc", address="i=2"),
    TagSpec(slot=2, name="B.x", link="site", address="t"),
)
BINDINGS = (
    Binding(name="a", prim="/P/A", signal="A.x"),
    Binding(name="b", prim="/P/A", signal="A.y", channel="visibility"),
    Binding(name="c", prim="/P/None", signal="A.x"),
    Binding(name="d", prim="/P/A", signal="A.x", channel="label", enabled=False),
    Binding(name="e", prim="/P/A", intent="command", signal="A.x", channel="custom"),
)


def made() -> Scenery:
    scene = scene_of(["/P", "/P/A"], [-1, 0], drawable=[False, True])
    return compiled(scene, BINDINGS, (), SPECS, ())


def quality(*ranks: int) -> np.ndarray:
    return np.array(ranks, np.uint16)


def test_states_are_counted_by_what_the_tags_show_and_the_last_error_is_told() -> None:
    scenery, told = made(), BindingStates()
    line = told.line(scenery, quality(GOOD, STALE, GOOD), "plc")
    assert line.startswith("Bindings: 1 active, 1 ready, 1 degraded, 1 unresolved, 1 disabled")
    assert "B04" in line
    assert "/P/None" in line
    assert "2 ready" in told.line(scenery, quality(NEVER, STALE, GOOD), "plc")
    assert "1 error" in told.line(scenery, quality(BAD, STALE, GOOD), "plc")


def test_a_link_without_bindings_and_a_desk_without_a_scene_say_nothing() -> None:
    told = BindingStates()
    assert told.line(made(), quality(GOOD, GOOD, GOOD), "site") == ""
    assert told.line(None, quality(), "plc") == ""
