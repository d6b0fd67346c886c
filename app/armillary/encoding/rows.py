"""Rows of maps while they are collected, and the arrays that they become."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from armillary.encoding import maps
from armillary.encoding.program import CLEAR, KEEP, LITERAL, Choice, Line, Pairs, Policy, Ramp
from armillary.model.arrays import F8, I8, U4, frozen
from armillary.model.binding import Binding, ColourMap

LAST = maps.ROWS - 1
_POLICY = {"mark": KEEP, "skip": KEEP, "holdLast": KEEP, "clearOpinion": CLEAR, "fallback": LITERAL}
_WORDS = {
    "true": 1.0,
    "false": 0.0,
    "on": 1.0,
    "off": 0.0,
    "visible": 1.0,
    "inherited": 1.0,
    "invisible": 0.0,
}


def packed(colour: tuple[int, int, int]) -> int:
    """Return an opaque colour as one u4 whose bytes in memory are r, g, b, 255."""
    return int(np.array([*colour, 255], np.uint8).view(np.uint32)[0])


def literal(text: str) -> float:
    """Return the number of a literal: digits, true/false, on/off, visible/invisible; else NaN."""
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return float(word)
    except ValueError:
        return float("nan")


def colour(text: str) -> int | None:
    """Return a `#rrggbb` literal packed, None for anything else. Raises ProjectFault for a bad one."""
    return packed(maps.rgb(text)) if text.strip().startswith("#") else None


@dataclass(slots=True)
class Policies:
    """Policies of the rows of one group."""

    on_stale: list[int] = field(default_factory=list)
    on_bad: list[int] = field(default_factory=list)
    colour: list[int] = field(default_factory=list)
    number: list[float] = field(default_factory=list)

    def add(self, binding: Binding, unit_factor: float = 1.0) -> None:
        self.on_stale.append(_POLICY.get(binding.on_stale, KEEP))
        self.on_bad.append(_POLICY.get(binding.on_bad, KEEP))
        text = binding.fallback
        self.colour.append((colour(text) or 0) if text else 0)
        self.number.append(literal(text) * unit_factor if text else math.nan)

    def build(self) -> Policy:
        return Policy(
            on_stale=frozen(np.array(self.on_stale, np.uint8)),
            on_bad=frozen(np.array(self.on_bad, np.uint8)),
            colour=frozen(np.array(self.colour, np.uint32)),
            number=frozen(np.array(self.number, np.float64)),
        )


def policy_code(word: str) -> int:
    """Return KEEP, CLEAR or LITERAL of a token."""
    return _POLICY.get(word, KEEP)


@dataclass(slots=True)
class Straight:
    """Rows of (source, a, b, low, high[, base]): ramps and lines."""

    source: list[int] = field(default_factory=list)
    numbers: list[tuple[float, float, float, float]] = field(default_factory=list)
    base: list[int] = field(default_factory=list)
    policies: Policies = field(default_factory=Policies)

    def add(self, source: int, a: float, b: float, low: float, high: float, base: int = 0) -> int:
        """Return the row's number."""
        self.source.append(source)
        self.numbers.append((a, b, low, high))
        self.base.append(base)
        return len(self.source) - 1

    def _columns(self) -> tuple[I8, F8]:
        columns = np.array(self.numbers, np.float64).reshape(-1, 4)
        return frozen(np.array(self.source, np.int64)), columns

    def ramp(self) -> Ramp:
        source, c = self._columns()
        a, b, low, high = (frozen(c[:, i]) for i in range(4))
        base = frozen(np.array(self.base, np.int64))
        return Ramp(source=source, a=a, b=b, low=low, high=high, base=base, policy=self.policies.build())

    def line(self) -> Line:
        source, c = self._columns()
        a, b, low, high = (frozen(c[:, i]) for i in range(4))
        return Line(source=source, a=a, b=b, low=low, high=high, policy=self.policies.build())


@dataclass(slots=True)
class Tables:
    """Rows of tables: `pick` holds one entry a key and «otherwise» last; packed colours or numbers."""

    of_colours: bool
    source: list[int] = field(default_factory=list)
    line: list[tuple[float, float, float, float]] = field(default_factory=list)
    key: list[list[float]] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)
    pick: list[list[float]] = field(default_factory=list)
    policies: Policies = field(default_factory=Policies)

    def add(
        self,
        source: int,
        line: tuple[float, float, float, float],
        key: list[float],
        exact: bool,
        pick: list[float],
    ) -> int:
        """Return the row's number."""
        self.source.append(source)
        self.line.append(line)
        self.key.append(key)
        self.exact.append(exact)
        self.pick.append(pick)
        return len(self.source) - 1

    def choice(self) -> Choice:
        n, k = len(self.key), max((len(key) for key in self.key), default=0)
        keys = np.full((n, k), np.nan)
        picks = np.full((n, k + 1), 0.0 if self.of_colours else np.nan)
        for i, (key, pick, exact) in enumerate(zip(self.key, self.pick, self.exact, strict=True)):
            keys[i, : len(key)] = key
            keys[i, len(key) :] = np.nan if exact else np.inf
            picks[i, : len(key)], picks[i, k] = pick[:-1], pick[-1]
        line = np.array(self.line, np.float64).reshape(-1, 4)
        none = picks[:0]
        return Choice(
            source=frozen(np.array(self.source, np.int64)),
            a=frozen(line[:, 0]),
            b=frozen(line[:, 1]),
            low=frozen(line[:, 2]),
            high=frozen(line[:, 3]),
            key=frozen(keys),
            exact=frozen(np.array(self.exact, np.bool_)),
            colour=frozen((picks if self.of_colours else none).astype(np.uint32)),
            number=frozen(none if self.of_colours else picks),
            policy=self.policies.build(),
        )


@dataclass(slots=True)
class PairList:
    """Pairs while they are collected: targets of a row, expanded to drawn prims in one go at the end."""

    prim: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)

    def add(self, prims: list[int], row: int) -> None:
        self.prim.extend(prims)
        self.row.extend([row] * len(prims))

    def targets(self) -> tuple[I8, I8]:
        return np.array(self.prim, np.int64), np.array(self.row, np.int64)


def pairs(prim: I8, row: I8) -> Pairs:
    """Return pairs where each prim occurs once: the last binding of a prim wins."""
    if len(prim):
        last = len(prim) - 1 - np.unique(prim[::-1], return_index=True)[1]
        prim, row = prim[last], row[last]
    return Pairs(prim=frozen(prim), row=frozen(row))


@dataclass(slots=True)
class Tableau:
    """Colour maps used, stacked into one table of packed colours."""

    base: dict[ColourMap, int] = field(default_factory=dict)

    def first_row(self, colourmap: ColourMap) -> int:
        """Return the first row of a map. Raises ProjectFault for a map that is not well formed."""
        if colourmap not in self.base:
            maps.table(colourmap)
            self.base[colourmap] = len(self.base) * maps.ROWS
        return self.base[colourmap]

    def lut(self) -> U4:
        if not self.base:
            return frozen(np.zeros(maps.ROWS, np.uint32))
        stack = np.ascontiguousarray(np.concatenate([maps.table(m) for m in self.base]))
        return frozen(stack.view(np.uint32)[:, 0])
