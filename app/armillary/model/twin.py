"""Twins as plain records: instances, relationships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part inside a twin, with the same life; its tags are named `<twin>.<path>.<tag>`."""

    path: str  # inside the twin: `inlet`, `inlet.seal`
    model: str = ""
    prim: str = ""
    title: str = ""
    properties: Mapping[str, float | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinInstance:
    """One twin of twins.json; its tags are named `<id>.<path>`."""

    id: str
    model: str = ""
    prim: str = ""
    title: str = ""
    properties: Mapping[str, float | str | bool] = field(default_factory=dict)
    components: tuple[Component, ...] = ()  # of all levels, outer ones first


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """`source` relates to `target` by `name` (feeds, partOf)."""

    source: str
    name: str
    target: str
