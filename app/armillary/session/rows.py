"""Texts of rows: what a line of a table shows, made here, drawn by ui."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armillary.model.binding import Binding
from armillary.model.frame import Event, Flow, Tally
from armillary.model.link import LinkStatus
from armillary.model.tags import TagSpec


@dataclass(frozen=True, slots=True)
class TagRow:
    """One line of the tag table."""

    slot: int
    name: str
    value: str  # `71.2 °C`, `71.2 °C ?`, `71.2 °C · 4 min old`, `bad: not a number`, `no data yet`
    quality: int  # rank, for colour and weight
    note: str  # reasons, for the tooltip: `stale, comm`
    age: str  # `0.4 s`, `4 min`, `–`
    link: str
    title: str
    unit: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One line of the links panel."""

    name: str
    kind: str
    url: str
    state: str
    good: bool  # UP and flowing or quiet
    detail: str
    rate: str  # `1 240 msg/s`
    delay: str  # `12 ms`
    since: str
    counts: str  # `12 044 received, 12 040 decoded, 4 dropped (undecodable 4)`


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the events list."""

    time: str  # local, HH:MM:SS
    level: str
    source: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class BindingRow:
    """One binding of a prim in the inspector."""

    name: str
    prim: str
    channel: str
    signal: str
    slot: int  # -1: the tag is not known
    value: str  # live text of the tag
    quality: int
    map: str  # `linear 20…90 °C on heat`
    origin: str
    enabled: bool
