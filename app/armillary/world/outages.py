"""When links were down and when the world ran, from marks; and what that did to the quality of tags.

Staleness is not recorded: it follows from the arrivals and the links, here as a function of the record and
the time, with the rules of `telemetry.watch`, so that a jump and a backward run show what was live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import MS_NS, NS
from armillary.model.link import LinkSpec, LinkState
from armillary.model.quality import BAD, COMM, RANK_MASK, STALE, worst
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.telemetry.watch import GRACE_NS
from armillary.wire import marks

FOREVER = 2**62
SILENT = '"delivery":"silent"'  # in the text of a link's mark
_UP = (marks.LINK_CODES[LinkState.UP], marks.LINK_CODES[LinkState.DEGRADED])


def _none() -> I8:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Spans begin ≤ t < end, ascending, that do not overlap."""

    begin_ns: I8 = field(default_factory=_none)
    end_ns: I8 = field(default_factory=_none)


def spans(t_ns: I8, holds: B1) -> Spans:
    """Return the spans in which a condition held, told at some times; the last may not have ended."""
    if not len(t_ns):
        return Spans()
    edge = np.flatnonzero(np.diff(holds.astype(np.int8), prepend=0))
    begin, end = t_ns[edge[0::2]], t_ns[edge[1::2]]
    return Spans(begin_ns=begin, end_ns=end if len(end) == len(begin) else np.append(end, FOREVER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """What marks say of the world and of each link of the project, in its order."""

    starts_ns: I8 = field(default_factory=_none)  # of the world
    ended: Spans = field(default_factory=Spans)  # it had ended in order and was not yet started again
    lost: tuple[Spans, ...] = ()
    silent: tuple[Spans, ...] = ()
    pace_ns: I8 = field(default_factory=_none)  # of each start: between two samples of a tag; 0 = all came

    def pace_of(self, t_ns: int) -> int:
        """Return how far apart the samples of a tag are in the record of a time; 0 = as they came."""
        i = int(np.searchsorted(self.starts_ns, t_ns, "right"))
        return int(self.pace_ns[i - 1]) if 0 < i <= len(self.pace_ns) else 0

    def started_ns(self, t_ns: int) -> int:
        """Return when the world of a time was started; 0 = before there were marks."""
        i = int(np.searchsorted(self.starts_ns, t_ns, "right"))
        return int(self.starts_ns[i - 1]) if i else 0

    def is_ended(self, t_ns: int) -> bool:
        i = int(np.searchsorted(self.ended.begin_ns, t_ns, "right"))
        return bool(i) and t_ns < int(self.ended.end_ns[i - 1])


def world_of(t_ns: I8, value: F8) -> tuple[I8, Spans]:
    """Return (starts, spans without a world) of the world's marks, ascending."""
    return t_ns[value > 0], spans(t_ns, value == 0)


def link_of(t_ns: I8, value: F8, is_silent: B1) -> tuple[Spans, Spans]:
    """Return (lost, silent) of one link's marks, ascending. Short losses do not count."""
    lost = spans(t_ns, ~np.isin(value, _UP))
    long = lost.end_ns - lost.begin_ns > GRACE_NS
    return Spans(begin_ns=lost.begin_ns[long] + GRACE_NS, end_ns=lost.end_ns[long]), spans(t_ns, is_silent)


class Ageing:
    """The quality of tags at a time: as it came, or stale by age, by a lost or by a silent link."""

    def __init__(self, specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> None:
        count = len(specs)
        number = {link.name: i for i, link in enumerate(links)}
        self._limit_ns: I8 = np.full(count, FOREVER, np.int64)
        self._bad_ns: I8 = np.full(count, FOREVER, np.int64)
        self._device = _by_device(specs, links)
        of_link: I8 = np.full(count, -1, np.int64)
        by_link: B1 = np.zeros(count, np.bool_)
        for spec in specs:
            of_link[spec.slot] = number.get(spec.link, -1)
            by_link[spec.slot] = spec.liveness != "tag"
            if spec.liveness == "tag" and spec.link in number and stale_after_ms(spec):
                self._limit_ns[spec.slot] = stale_after_ms(spec) * MS_NS
            if spec.bad_after_ms and spec.link in number:
                self._bad_ns[spec.slot] = spec.bad_after_ms * MS_NS
        self._of_link = [np.flatnonzero(of_link == i) for i in range(len(links))]
        self._alone = [slots[~by_link[slots]] for slots in self._of_link]

    def quality(self, t_ns: int, known_ns: I8, quality: U2, outages: Outages) -> U2:
        """Return the quality of all N tags at a time. known_ns, quality: of each one's newest sample."""
        alive_ns = known_ns.copy()
        limit_ns = self._limit_ns.copy()
        for slots, limit in self._device:
            alive_ns[slots], limit_ns[slots] = known_ns[slots].max(), limit
        if pace_ns := outages.pace_of(t_ns):  # what was not recorded is no silence
            limit_ns = np.where(limit_ns < FOREVER, limit_ns + pace_ns, limit_ns)
        by_age = alive_ns + limit_ns
        cut: I8 = np.full(len(quality), FOREVER, np.int64)  # since when its link says it is stale
        for slots, each in zip(self._of_link, outages.lost, strict=False):
            cut[slots] = _since(each, known_ns[slots])
        for slots, each in zip(self._alone, outages.silent, strict=False):
            cut[slots] = np.minimum(cut[slots], _since(each, known_ns[slots]))
        aged = (by_age < t_ns) & (by_age <= cut)
        word = np.where(cut < t_ns, np.uint16(STALE | COMM), np.uint16(0))
        word = np.where(aged, np.uint16(STALE), word)
        if outages.is_ended(t_ns):
            word = np.full(len(quality), STALE | COMM, np.uint16)
        # with its own age a tag turns bad so long after its last sample, with a link after that was lost
        gone = t_ns - np.where(limit_ns < FOREVER, alive_ns, cut) > self._bad_ns
        word = np.where(gone & (word > 0), np.uint16(BAD | COMM), word).astype(np.uint16)
        better = (quality & RANK_MASK) < np.where(gone, BAD, STALE)
        out: U2 = np.where(better, worst(quality, word), quality)
        return out


def _by_device(specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> list[tuple[I8, I8]]:
    """Return (slots, limits in ns) of each device whose tags prove it alive; heartbeats are not recorded."""
    usual = {link.name: int(link.stale_after_s * NS) for link in links}
    found: dict[tuple[str, str], list[TagSpec]] = {}
    for spec in specs:
        if spec.liveness == "device" and spec.link in usual and not spec.heartbeat:
            found.setdefault((spec.link, spec.twin or spec.name), []).append(spec)
    return [
        (
            np.array([s.slot for s in own]),
            np.array([stale_after_ms(s) * MS_NS or usual[s.link] for s in own], np.int64),
        )
        for own in found.values()
    ]


def _since(bad: Spans, known_ns: I8) -> I8:
    """Return from when on samples known at some times are stale: the first bad span not over by then."""
    if not len(bad.end_ns):
        return np.full(len(known_ns), FOREVER, np.int64)
    i = np.searchsorted(bad.end_ns, known_ns, "right")
    begin = np.append(bad.begin_ns, FOREVER)[i]
    out: I8 = np.where(begin == FOREVER, FOREVER, np.maximum(begin, known_ns - 1))
    return out
