"""Queries over twins: what they are, how they relate, and what their tags say now.

    pumps feeding tank T-102 with vibration > 4 mm/s

A query is compiled once for a plant (`query_parse.parsed`) and run on any table of its tags, in arrays.
Answers have three values: a value that is not GOOD makes what is asked of it unknown, never false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Protocol

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.twin.graph import Graph
from armillary.twin.query_alarms import Alarmed
from armillary.twin.query_asks import Compared, Rated, Tags, Worded
from armillary.twin.query_now import NO, UNKNOWN, YES, Now
from armillary.twin.query_past import Looked
from armillary.twin.vocabulary import Relation


def _least(a: U1, b: U1) -> U1:
    out: U1 = np.minimum(a, b)
    return out


def _most(a: U1, b: U1) -> U1:
    out: U1 = np.maximum(a, b)
    return out


class Node(Protocol):
    """One part of a query."""

    @property
    def says(self) -> str:
        """What was understood, in words."""

    def run(self, now: Now) -> U1:
        """Return NO, UNKNOWN or YES for every twin (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Are:
    """Twins that do not depend on values: a type, an id, words of a title, a property."""

    verdict: U1
    says: str

    def run(self, now: Now) -> U1:
        """Return the twins."""
        return self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every part must be so."""

    parts: tuple[Node, ...]

    @property
    def says(self) -> str:
        """Return the parts, joined."""
        return " and ".join(part.says for part in self.parts)

    def run(self, now: Now) -> U1:
        """Return the least of the parts."""
        return reduce(_least, (part.run(now) for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Any:
    """One part must be so."""

    parts: tuple[Node, ...]

    @property
    def says(self) -> str:
        """Return the parts, joined."""
        return "(" + " or ".join(part.says for part in self.parts) + ")"

    def run(self, now: Now) -> U1:
        """Return the most of the parts."""
        return reduce(_most, (part.run(now) for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part must not be so."""

    part: Node

    @property
    def says(self) -> str:
        """Return the part, denied."""
        return f"not {self.part.says}"

    def run(self, now: Now) -> U1:
        """Return the opposite; what is unknown stays so."""
        return np.uint8(YES) - self.part.run(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A relation leads from the twin to one of those that are meant."""

    graph: Graph
    relation: Relation
    to: Node

    @property
    def says(self) -> str:
        """Return the relation and where it leads."""
        directly = "directly " if self.relation.most == 1 and not self.relation.is_both else ""
        return f"{directly}{self.relation.says} {self.to.says}"

    def run(self, now: Now) -> U1:
        """Return what leads to them; to one of which it is not known whether it is meant: unknown."""
        to = self.to.run(now)
        out = np.zeros(len(self.graph), np.uint8)
        for verdict in (UNKNOWN, YES):
            start = to >= verdict
            if start.any():
                out[self._leading(start)] = verdict
        return out

    def _leading(self, start: B1) -> B1:
        ways = (True, False) if self.relation.is_both else (not self.relation.is_back,)
        met = np.zeros(len(self.graph), np.bool_)
        for is_back in ways:
            met |= self.graph.reached(start, self.relation.keys, is_back=is_back, most=self.relation.most) > 0
        return met


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a query found: rows of the graph, and those of which it is not known."""

    rows: I8
    unknown: I8
    slots: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # of each, the tags that were asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, compiled for one plant."""

    text: str
    node: Node

    @property
    def says(self) -> str:
        """What was understood, in words."""
        return self.node.says

    @property
    def slots(self) -> I8:
        """The tags whose values the answer depends on, ascending."""
        found = [tags.slots for tags in _tags(self.node)]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)

    @property
    def asks_alarms(self) -> bool:
        """Whether the answer depends on alarms."""
        return any(isinstance(leaf, Alarmed) for leaf in _leaves(self.node))

    @property
    def spans_ns(self) -> tuple[int, ...]:
        """The spans of the past that the answer depends on, ascending."""
        return tuple(sorted({leaf.span_ns for leaf in _leaves(self.node) if isinstance(leaf, Looked)}))

    def looks_back(self, now: Now) -> dict[int, I8]:
        """Return the slots of whose past the answer depends on as things are now, by the span in ns.

        Twins that something else rules out already need no past; behind a relation all that are named do.
        """
        bare = replace(now, past={})
        open_ = self.node.run(bare) == UNKNOWN
        near = [leaf for leaf in _leaves(self.node, through=False) if isinstance(leaf, Looked)]
        out: dict[int, list[I8]] = {}
        for leaf in _leaves(self.node):
            if isinstance(leaf, Looked):
                rows = open_[leaf.tags.rows] if any(leaf is one for one in near) else slice(None)
                out.setdefault(leaf.span_ns, []).append(leaf.tags.slots[rows])
        return {span: np.unique(np.concatenate(slots)) for span, slots in sorted(out.items())}

    def run(self, now: Now) -> Found:
        """Return the twins that the state of the plant answers with."""
        verdict = self.node.run(now)
        rows, unknown = np.flatnonzero(verdict == YES), np.flatnonzero(verdict == UNKNOWN)
        slots: dict[int, list[int]] = {int(row): [] for row in (*rows, *unknown)}
        for tags in _tags(self.node):
            at = np.flatnonzero(verdict[tags.rows] != NO)
            for row, slot in zip(tags.rows[at].tolist(), tags.slots[at].tolist(), strict=True):
                if slot not in slots[row]:
                    slots[row].append(slot)
        return Found(rows=rows, unknown=unknown, slots={row: tuple(one) for row, one in slots.items()})


def _tags(node: Node) -> Iterator[Tags]:
    """Yield the tags that a query asks of the twins that it finds themselves."""
    for leaf in _leaves(node):
        if isinstance(leaf, Compared | Worded | Rated | Looked):
            yield leaf.tags


def _leaves(node: Node, *, through: bool = True) -> Iterator[Node]:
    """Yield what is asked at the ends; `through`: of what relations lead to as well."""
    if isinstance(node, Related):
        if through:
            yield from _leaves(node.to)
    elif isinstance(node, Not):
        yield from _leaves(node.part, through=through)
    elif isinstance(node, All | Any):
        for part in node.parts:
            yield from _leaves(part, through=through)
    else:
        yield node
