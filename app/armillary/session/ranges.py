"""Where the range of a colour map or a binding can come from: the tag, its source, what was recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, U2
from armillary.model.quality import STALE, rank
from armillary.model.tags import TagSpec
from armillary.session.browsing import Browsing

PERCENTILES = (1.0, 99.0)
CLASSES = 48
_FEWEST = 10  # samples of which percentiles say something


@dataclass(frozen=True, slots=True)
class Range:
    """Low and high with where they are from; `why_not` instead where there are none."""

    title: str
    low: float = math.nan
    high: float = math.nan
    why_not: str = ""

    @property
    def words(self) -> str:
        """The range as a person reads it."""
        return self.why_not or f"{self.title}: {self.low:.4g} … {self.high:.4g}"


def of_tag(spec: TagSpec) -> Range:
    """Return the range that the project gives the tag."""
    title = "The tag's range"
    if math.isfinite(spec.low) and math.isfinite(spec.high) and spec.low < spec.high:
        return Range(title, spec.low, spec.high)
    return Range(title, why_not=f"{spec.name} has no range in the project.")


def of_source(browsing: Browsing, spec: TagSpec) -> Range:
    """Return the range that the server gives (EURange), as far as its node was browsed."""
    title = "EURange of the source"
    for node in browsing.nodes:
        item = node.item
        if item is None or item.address != spec.address or node.link != spec.link:
            continue
        if math.isfinite(item.low) and math.isfinite(item.high) and item.low < item.high:
            low, high = sorted(x * spec.factor + spec.offset for x in (item.low, item.high))
            return Range(title, low, high)
        return Range(title, why_not="The source gives no range for this node.")
    return Range(title, why_not="Open its node in Browse first: then the source's range is known.")


def of_past(value: F8, quality: U2, span: str = "last 24 h") -> Range:
    """Return the percentiles of good recorded values: a few strays do not stretch it."""
    title = f"{PERCENTILES[0]:g}–{PERCENTILES[1]:g} % of the {span}"
    good = value[(rank(quality) < STALE) & np.isfinite(value)]
    if len(good) < _FEWEST:
        return Range(title, why_not="Too little is recorded of this tag.")
    low, high = np.percentile(good, PERCENTILES).tolist()
    if not low < high:
        return Range(title, why_not=f"It was {low:.4g} all the time: that makes no range.")
    return Range(title, low, high)


def shares(value: F8, quality: U2, low: float, high: float, classes: int = CLASSES) -> F8:
    """Return how many good recorded values fall into each of `classes` parts of a range, largest = 1."""
    good = value[(rank(quality) < STALE) & np.isfinite(value)]
    if not len(good) or not low < high:
        return np.zeros(classes)
    counts, _ = np.histogram(good, classes, (low, high))
    return counts / max(1, int(counts.max()))


def joined(ranges: Sequence[Range]) -> Range:
    """Return the range that holds all that are known."""
    known = [r for r in ranges if not r.why_not]
    if not known:
        return ranges[0] if ranges else Range("", why_not="No tag uses it.")
    return Range(known[0].title, min(r.low for r in known), max(r.high for r in known))
