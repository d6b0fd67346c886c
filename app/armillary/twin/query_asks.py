"""What a query asks of values as they are now: tags of twins, compared with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1, U2
from armillary.model.quality import GOOD, rank
from armillary.twin.query_now import NO, UNKNOWN, YES, Now

COMPARE: Mapping[str, Callable[[F8, F8], B1]] = {
    ">": lambda value, than: value > than,
    "<": lambda value, than: value < than,
    ">=": lambda value, than: (value >= than) | np.isclose(value, than),
    "<=": lambda value, than: (value <= than) | np.isclose(value, than),
    "=": np.isclose,
    "!=": lambda value, than: ~np.isclose(value, than),
}


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

    def run(self, now: Now) -> U1:
        """Return the comparison; a value that is not GOOD makes it unknown."""
        table = now.table
        value = table.value[self.tags.slots]
        known = (rank(table.quality[self.tags.slots]) == GOOD) & np.isfinite(value)
        yes = np.where(np.isnan(self.than), self.sign == "!=", COMPARE[self.sign](value, self.than))
        if self.most is not None:
            yes &= COMPARE["<="](value, self.most)
        return self.tags.gathered(np.where(known, np.where(yes, YES, NO), UNKNOWN).astype(np.uint8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A text of the twin is a text, without case."""

    tags: Tags
    sign: str
    text: str
    says: str

    def run(self, now: Now) -> U1:
        """Return the comparison; a text that is not GOOD makes it unknown."""
        table = now.table
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

    def run(self, now: Now) -> U1:
        """Return the comparison of ranks."""
        ranks: U2 = rank(now.table.quality[self.tags.slots])
        fits = (ranks >= self.low) & (ranks <= self.high)
        return self.tags.gathered(np.where(fits, YES, NO).astype(np.uint8))
