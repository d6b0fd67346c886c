from __future__ import annotations

from pathlib import Path

import pytest

from armillary.api.ports import CommandSink, SourceContext
from armillary.extend.registry import Plugin, Registry
from armillary.model.clock import WallClock
from armillary.model.fault import ProjectFault
from armillary.model.link import LinkSpec
from armillary.world import plugins
from armillary.world.seal import Seals


def good(_context: SourceContext) -> object:
    return object()


def refusing(_context: SourceContext) -> CommandSink:
    raise ProjectFault("The setting url cannot be used.", where="b", remedy="Correct it.")


def broken(*_args: object) -> CommandSink:
    raise KeyError("oops")


def contexts(*kinds: str) -> dict[str, SourceContext]:
    def secret(_name: str) -> str:
        return ""

    return {
        kind: SourceContext(
            link=LinkSpec(name=kind, kind=kind, url="", commands=True),
            clock=WallClock(),
            secret=secret,
            project=Path(),
        )
        for kind in kinds
    }


def registry(kind: str, **makers: object) -> Registry:
    made = Registry()
    for name, make in makers.items():
        made.add(Plugin(kind=kind, name=name, package="test", make=make))  # type: ignore[arg-type]
    return made


def test_a_sink_that_cannot_be_made_is_named_and_the_others_are_there(
    log_guard: pytest.FixtureRequest,
) -> None:
    log_guard.announced.append("could not be made")  # type: ignore[attr-defined]
    found = registry("sinks", a=good, b=refusing, c=broken)
    made, problems = plugins.sinks(found, contexts("a", "b", "c", "unknown"), Seals())
    assert set(made) == {"a"}
    assert [p.what for p in problems] == [
        "The setting url cannot be used.",
        "The plugin 'c' failed: KeyError: 'oops'.",
    ]
    assert problems[1].where == "c"
