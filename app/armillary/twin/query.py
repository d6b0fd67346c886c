"""Queries over twins: what they are, how they relate, and what their tags say now.

    pumps feeding tank T-102 with vibration > 4 mm/s

A query is compiled once for a plant (`query_parse.parsed`) and run on any table of its tags, in arrays.
Answers have three values: a value that is not GOOD makes what is asked of it unknown, never false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1, U2
from armillary.model.quality import GOOD, rank
from armillary.model.tags import TagTable
from armillary.twin.graph import Graph
from armillary.twin.vocabulary import Relation

NO, UNKNOWN, YES = 0, 1, 2
_COMPARE: Mapping[str, Callable[[F8, F8], B1]] = {
    ">": lambda value, than: value > than,
    "<": lambda value, than: value < than,
    ">=": lambda value, than: (value >= than) | np.isclose(value, than),
    "<=": lambda value, than: (value <= than) | np.isclose(value, than),
    "=": np.isclose,
    "!=": lambda value, than: ~np.isclose(value, than),
}


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

    def run(self, table: TagTable) -> U1:
        """Return NO, UNKNOWN or YES for every twin (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Are:
    """Twins that do not depend on values: a type, an id, words of a title, a property."""

    verdict: U1
    says: str

    def run(self, table: TagTable) -> U1:
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

    def run(self, table: TagTable) -> U1:
        """Return the least of the parts."""
        return reduce(_least, (part.run(table) for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Any:
    """One part must be so."""

    parts: tuple[Node, ...]

    @property
    def says(self) -> str:
        """Return the parts, joined."""
        return "(" + " or ".join(part.says for part in self.parts) + ")"

    def run(self, table: TagTable) -> U1:
        """Return the most of the parts."""
        return reduce(_most, (part.run(table) for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part must not be so."""

    part: Node

    @property
    def says(self) -> str:
        """Return the part, denied."""
        return f"not {self.part.says}"

    def run(self, table: TagTable) -> U1:
        """Return the opposite; what is unknown stays so."""
        return np.uint8(YES) - self.part.run(table)


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

    def run(self, table: TagTable) -> U1:
        """Return what leads to them; to one of which it is not known whether it is meant: unknown."""
        to = self.to.run(table)
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
class Tags:
    """Tags of twins, k rows; one of those that a twin has must be so."""

    n: int  # twins
    slots: I8
    rows: I8  # their twins

    def gathered(self, verdict: U1) -> U1:
        """Return for every twin (n,) the best of its tags (k,); NO for one without."""
        out = np.zeros(self.n, np.uint8)
        np.maximum.at(out, self.rows, verdict)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A value of the twin compares with numbers, which are in the unit of each tag."""

    tags: Tags
    sign: str
    than: F8  # (k,); NaN where a tag cannot be compared with it
    most: F8 | None = None  # (k,) of `between`, whose sign is >=
    says: str

    def run(self, table: TagTable) -> U1:
        """Return the comparison; a value that is not GOOD makes it unknown."""
        value = table.value[self.tags.slots]
        known = (rank(table.quality[self.tags.slots]) == GOOD) & np.isfinite(value)
        yes = np.where(np.isnan(self.than), self.sign == "!=", _COMPARE[self.sign](value, self.than))
        if self.most is not None:
            yes &= _COMPARE["<="](value, self.most)
        return self.tags.gathered(np.where(known, np.where(yes, YES, NO), UNKNOWN).astype(np.uint8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A text of the twin is a text, without case."""

    tags: Tags
    sign: str
    text: str
    says: str

    def run(self, table: TagTable) -> U1:
        """Return the comparison; a text that is not GOOD makes it unknown."""
        good = rank(table.quality[self.tags.slots]) == GOOD
        same = np.fromiter(
            (str(table.text.get(int(slot), "")).casefold() == self.text for slot in self.tags.slots),
            np.bool_,
            len(self.tags.slots),
        )
        yes = same if self.sign == "=" else ~same
        return self.tags.gathered(np.where(good, np.where(yes, YES, NO), UNKNOWN).astype(np.uint8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """The quality of a value is one of some ranks; that is always known."""

    tags: Tags
    low: int
    high: int
    says: str

    def run(self, table: TagTable) -> U1:
        """Return the comparison of ranks."""
        ranks: U2 = rank(table.quality[self.tags.slots])
        fits = (ranks >= self.low) & (ranks <= self.high)
        return self.tags.gathered(np.where(fits, YES, NO).astype(np.uint8))


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

    def run(self, table: TagTable) -> Found:
        """Return the twins that a table of the plant's tags answers with."""
        verdict = self.node.run(table)
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
    if isinstance(node, Compared | Worded | Rated):
        yield node.tags
    elif isinstance(node, Related):
        yield from _tags(node.to)
    elif isinstance(node, Not):
        yield from _tags(node.part)
    elif isinstance(node, All | Any):
        for part in node.parts:
            yield from _tags(part)
