"""How far the clock of a link's source is from ours, from arrivals alone. Reads no clock.

The shortest delay is nearest the true offset, so the estimate is the smallest of (arrival − source time)
over ten minutes. A source that is ahead shows at once: nothing arrives before it was sent. One that is behind
looks like one that is slow, so it must be so evenly; and a step of its clock begins the estimate anew, else a
clock that was put right would count as wrong for ten minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.model.frame import Event
from armillary.model.link import LinkSpec

SPAN_NS, BUCKET_NS = 600 * NS, 2 * NS
KEPT = 16  # delays of a bucket that are kept for the median
STEADY = 3  # buckets that must agree
EVEN_NS = NS // 2  # they agree within this
NOTICE_S, DISTRUST_S = 1.0, 30.0
BACK = 0.9  # of a limit: below it is over, so that a clock at the limit does not come and go
LONGEST_NS = 400 * 86_400 * NS  # a longer delay is a wrong unit, not a clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """What is known of one link's clock."""

    ahead_s: float | None = None  # > 0: the source's clock is ahead of ours; None: not known yet
    doubt_s: float = 0.0
    level: int = 0  # 0 fine, 1 worth a notice, 2 not to be believed

    def text(self, link: str) -> str:
        """Return one sentence for people, "" where nothing is wrong."""
        if not self.level or self.ahead_s is None:
            return ""
        size = abs(self.ahead_s)
        off = f"{size:.1f}" if size < 10 else f"{size:,.0f}".replace(",", "\u202f")  # noqa: PLR2004
        said = f"Clock of {link} is {off} s {'ahead' if self.ahead_s > 0 else 'behind'}"
        return f"{said}: receive time is used" if self.level > 1 else said


@dataclass(slots=True)
class _Bucket:
    start_ns: int  # monotonic
    least_ns: int
    delays: list[int] = field(default_factory=list)


class LinkClock:
    """The clock of one link's source."""

    def __init__(self) -> None:
        self._buckets: deque[_Bucket] = deque()
        self.skew = Skew()

    def note(self, delay_ns: I8, mono_ns: int) -> Skew:
        """Take delays (arrival − source time) of samples that came now; return what is known."""
        delay_ns = delay_ns[np.abs(delay_ns) <= LONGEST_NS]
        if not len(delay_ns):
            return self.skew
        least = int(delay_ns.min())
        if not self._buckets or mono_ns - self._buckets[-1].start_ns >= BUCKET_NS:
            self._buckets.append(_Bucket(mono_ns, least))
            while mono_ns - self._buckets[0].start_ns > SPAN_NS:
                self._buckets.popleft()
            is_new = True
        else:
            is_new = least < self._buckets[-1].least_ns
        bucket = self._buckets[-1]
        bucket.least_ns = min(bucket.least_ns, least)
        if room := KEPT - len(bucket.delays):
            bucket.delays += delay_ns[:: max(1, len(delay_ns) // room)][:room].tolist()
        if is_new:
            self._forget_before_a_step()
            self.skew = self._judged()
        return self.skew

    def begin(self) -> None:
        """Begin anew: our own clock has moved."""
        self._buckets.clear()

    def _forget_before_a_step(self) -> None:
        """Begin anew from the newest buckets where they agree on another offset than those before them."""
        if len(self._buckets) <= STEADY:
            return
        newest = [self._buckets[i].least_ns for i in range(-STEADY, 0)]
        before = min(b.least_ns for b in list(self._buckets)[:-STEADY])
        if min(newest) - before > NOTICE_S * NS and _agree(newest):
            while len(self._buckets) > STEADY:
                self._buckets.popleft()

    def _judged(self) -> Skew:
        least = min(b.least_ns for b in self._buckets)
        delays = np.concatenate([b.delays for b in self._buckets])
        ahead_s = -least / NS
        newest = [b.least_ns for b in self._buckets][-STEADY:]
        if ahead_s < -NOTICE_S and (len(newest) < STEADY or not _agree(newest)):
            return self.skew  # slow or behind: not known yet; a queue is later and later, a clock is not
        doubt_s = max(0.0, (float(np.median(delays)) - least) / NS)
        size, level = abs(ahead_s), self.skew.level
        if size > DISTRUST_S * (BACK if level > 1 else 1.0):
            level = 2
        else:
            level = int(size > NOTICE_S * (BACK if level else 1.0))
        return Skew(ahead_s=ahead_s, doubt_s=doubt_s, level=level)


def _agree(least_ns: Sequence[int]) -> bool:
    """Return whether delays are even enough to be an offset."""
    return max(least_ns) - min(least_ns) <= EVEN_NS


class LinkClocks:
    """The clocks of all links, and what is to be told of them. `note` belongs to the tick thread."""

    def __init__(self, links: Sequence[LinkSpec]) -> None:
        self._clocks = {link.name: LinkClock() for link in links}
        self._told: dict[str, int] = {}
        self._ahead: set[str] = set()  # links of which samples from the future were told

    def note(self, link: str, delay_ns: I8, mono_ns: int) -> Skew:
        """Take the delays of samples with times of their own that came now; return what is known."""
        return self._clocks[link].note(delay_ns, mono_ns)

    def of(self, link: str) -> Skew:
        """Return what is known of one link's clock."""
        return self._clocks[link].skew

    def begin(self) -> None:
        """Begin anew: our own clock has moved."""
        for clock in self._clocks.values():
            clock.begin()

    @property
    def skews(self) -> Mapping[str, Skew]:
        """What is known now; from any thread."""
        return {name: clock.skew for name, clock in self._clocks.items()}

    def take_events(self, future: Mapping[str, int], now_ns: int) -> list[Event]:
        """Return what changed since the last call. `future`: samples from the future so far, by link."""
        out: list[Event] = []
        for link, skew in self.skews.items():
            before = self._told.get(link, 0)
            if skew.level != before:
                self._told[link] = skew.level
                text = skew.text(link) or f"Clock of {link} is right again"
                level = "warning" if skew.level > before else "info"
                out.append(Event(t_ns=now_ns, level=level, source=link, text=text))
            if not skew.level:
                continue
            self._ahead.add(link)  # its clock says it all
        for link, count in future.items():
            if count and link not in self._ahead:
                self._ahead.add(link)
                text = f"Samples of {link} have times in the future: their receive time is used"
                out.append(Event(t_ns=now_ns, level="warning", source=link, text=text))
        return out
