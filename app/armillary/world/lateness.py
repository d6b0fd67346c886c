"""Late data: gathered until no more comes, then told as one event, and written down as what alarms missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from armillary.alarms.late_signals import Known
from armillary.alarms.retrospect import NOT_JUDGED, retrospect
from armillary.model.alarm import AlarmEvent, AlarmSpec
from armillary.model.clock import NS
from armillary.model.frame import Event
from armillary.model.sample import RETAINED, SampleBatch, joined, taken
from armillary.model.tags import TagSpec

QUIET_NS = 3 * NS  # no more for so long: it was all
LONGEST_NS = 60 * NS  # a stream that stays late is told this often
MOST = 500_000  # rows gathered; told early when there are more
SLIGHT_NS = 2 * NS  # overtaken on the way by so little: counted, recorded, not told


class Lateness:
    """Gathers the late samples of a world by link; one thread."""

    def __init__(self, specs: Sequence[TagSpec], alarms: Sequence[AlarmSpec], zone: str = "UTC") -> None:
        self._alarms, self._project = tuple(alarms), Known(specs)
        self._links = tuple(sorted({spec.link for spec in specs if spec.link}))
        number = {name: i for i, name in enumerate(self._links)}
        self._of = np.full(max((spec.slot for spec in specs), default=-1) + 1, -1, np.int64)
        for spec in specs:
            self._of[spec.slot] = number.get(spec.link, -1)
        self._zone = ZoneInfo(zone)
        self._parts: dict[int, list[SampleBatch]] = {}
        self._begun: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def take(self, late: SampleBatch, now_mono_ns: int) -> None:
        """Take the late samples of a tick."""
        if not len(late):
            return
        told = (late.flags & RETAINED) == 0  # a broker's last known value is older by nature
        told &= late.arrival_ns - late.source_ns > SLIGHT_NS
        link = self._of[late.slot]
        for i in np.unique(link[told]).tolist():
            self._parts.setdefault(i, []).append(taken(late, np.flatnonzero(told & (link == i))))
            self._begun.setdefault(i, now_mono_ns)
            self._last[i] = now_mono_ns

    def due(self, now_ns: int, now_mono_ns: int) -> tuple[list[Event], list[AlarmEvent]]:
        """Return what is to be told and what is to be written down by now."""
        events: list[Event] = []
        missed: list[AlarmEvent] = []
        for i in list(self._parts):
            is_over = now_mono_ns - self._last[i] >= QUIET_NS or now_mono_ns - self._begun[i] >= LONGEST_NS
            if is_over or sum(map(len, self._parts[i])) > MOST:
                rows = joined(self._parts.pop(i))
                del self._begun[i], self._last[i]
                found = retrospect(self._alarms, rows, now_ns, self._project)
                missed += found
                events.append(self._event(self._links[i], rows, found, now_ns))
        return events, missed

    def _event(self, link: str, rows: SampleBatch, found: Sequence[AlarmEvent], now_ns: int) -> Event:
        count = sum(event.event == "RAISE" for event in found)
        first, last, now = (
            self._clock(t) for t in (int(rows.source_ns.min()), int(rows.source_ns.max()), now_ns)
        )
        text = f"late data {first}\u2013{last} added at {now} \u00b7 {len(rows)} samples"
        if count:
            text += f" \u00b7 {count} {'alarm' if count == 1 else 'alarms'} would have been raised"
        unknown = sum(event.event == NOT_JUDGED for event in found)
        if unknown:
            text += f" \u00b7 {unknown} {'alarm was' if unknown == 1 else 'alarms were'} not judged"
        span_ns = (int(rows.source_ns.min()), int(rows.source_ns.max()))
        level = "warning" if count else "info"
        return Event(t_ns=now_ns, level=level, source=link, text=text, span_ns=span_ns)

    def _clock(self, t_ns: int) -> str:
        return datetime.fromtimestamp(t_ns / NS, UTC).astimezone(self._zone).strftime("%H:%M:%S")
