"""What a query asks of the past: means and extremes over a span, what held all through it or was so once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from armillary.model.arrays import B1, F8, U1
from armillary.twin.query_asks import COMPARE, Compared, Tags
from armillary.twin.query_now import NO, UNKNOWN, YES, Now, Span

How = Literal["mean", "low", "high", "spread", "held", "once"]
FIGURES: dict[str, How] = {
    "mean": "mean", "average": "mean", "avg": "mean",
    "lowest": "low", "minimum": "low", "min": "low",
    "highest": "high", "maximum": "high", "max": "high", "peak": "high",
    "spread": "spread", "range": "spread",
}  # fmt: skip
WHOLE = 0.98  # share of a span that must be GOOD to say that something was so all through it
MOST_OF = 0.5  # and to speak of a mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Tags of the twin compare with numbers over a span of the past that ends now."""

    tags: Tags
    sign: str
    than: F8  # (k,) in the unit of each tag
    most: F8 | None = None  # (k,) of `between`
    how: How
    span_ns: int
    says: str

    def run(self, now: Now) -> U1:
        """Return the comparison; silence and values that were not GOOD leave open what they might change."""
        span = now.past.get(self.span_ns)
        if span is None:
            return self.tags.gathered(np.full(len(self.tags.slots), UNKNOWN, np.uint8))
        at = self.tags.slots
        mine = Span(low=span.low[at], high=span.high[at], mean=span.mean[at], share=span.share[at])
        if self.how in ("held", "once"):
            return self.tags.gathered(self._through(mine))
        return self.tags.gathered(self._figure(mine))

    def _figure(self, span: Span) -> U1:
        of = {"mean": span.mean, "low": span.low, "high": span.high, "spread": span.high - span.low}
        yes = self._is(of[self.how])
        settled = np.isfinite(span.low) & (span.share >= (MOST_OF if self.how == "mean" else WHOLE))
        # what came can only get further: a peak that is passed stays passed whatever was missed
        further = {"high": (">", ">="), "spread": (">", ">="), "low": ("<", "<=")}.get(self.how, ())
        if self.sign in further and self.most is None:
            settled |= yes & np.isfinite(span.low)
        return _verdict(settled, yes)

    def _through(self, span: Span) -> U1:
        """Return where all of the span was so (`held`), or some of it (`once`), as its extremes tell.

        Both extremes were there; what lay between them is not known, nor whether it was there.
        """
        low, high = self._is(span.low), self._is(span.high)
        known, whole = np.isfinite(span.low), span.share >= WHOLE
        inside = low & high
        if self.sign == "=":
            inside &= np.isclose(span.low, span.high)
        elif self.sign == "!=":
            inside &= np.isnan(self.than) | (self.than < span.low) | (self.than > span.high)
        if self.how == "held":
            return _verdict(known & (whole & inside | ~low | ~high), inside)
        return _verdict(known & (low | high | whole & self._missed(span)), low | high)

    def _missed(self, span: Span) -> B1:
        """Return where nothing between the extremes can be so, neither extreme being it."""
        if self.most is not None:
            return (span.high < self.than) | (span.low > self.most)
        if self.sign == "=":
            return np.isnan(self.than) | (self.than < span.low) | (self.than > span.high)
        return np.ones(len(span.low), np.bool_)

    def _is(self, value: F8) -> B1:
        yes = np.where(np.isnan(self.than), self.sign == "!=", COMPARE[self.sign](value, self.than))
        if self.most is not None:
            yes &= COMPARE["<="](value, self.most)
        return yes


def looked(of: Compared, how: How, span_ns: int, says: str) -> Looked:
    """Return what compares now as what compares over a span."""
    return Looked(tags=of.tags, sign=of.sign, than=of.than, most=of.most, how=how, span_ns=span_ns, says=says)


def _verdict(known: B1, yes: B1) -> U1:
    return np.where(known, np.where(yes, YES, NO), UNKNOWN).astype(np.uint8)
