"""Marks of the LIVE world: alarms, links, orders and events as samples, beside those of the tags.

What changed in a frame becomes rows in slots from the number of tags on, so that the same spool and the same
line to the recorder carry them, with the same promise: acknowledged is on disk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from armillary.alarms.personal import bare_event
from armillary.model.alarm import AlarmSpec, AlarmState, ServerAlarm, ServerAlarms
from armillary.model.clock import NS
from armillary.model.condition import REMOTE
from armillary.model.frame import Frame
from armillary.model.link import LinkStatus
from armillary.model.order import OrderState
from armillary.model.procedure import ProcedureRuns
from armillary.model.sample import SampleBatch, batch_of
from armillary.wire import marks

LEVELS = {"info": 0.0, "warning": 1.0, "error": 2.0}
ORDER_CODES = {state: float(number) for number, state in enumerate(OrderState)}
FIXED = (marks.EVENTS, marks.ORDERS, marks.ALARM_EVENTS, marks.PROCEDURES, marks.SERVER_ALARMS)
RUNNING, ENDED = 1.0, 0.0
SERVERS_EVERY_NS = NS  # the alarms of servers are one text: it is not written for each of them
MOST_OF_SERVERS = 1_000  # in that text, the most urgent ones

_Row = tuple[str, float, str]  # name of the mark, value, text


class Marking:
    """Makes the marks of frames; remembers the links as last written. One thread."""

    def __init__(
        self,
        first_slot: int,
        alarms: Iterable[str],
        links: Iterable[str],
        area: str = "",
        personal: Collection[str] = (),
    ) -> None:
        """`first_slot`: the number of tags; `area`: what its world does of the project, "" = all.

        personal: alarms of tags that tell of persons. Their events are in one series with all others, which
        outlives what is erased of a person, so they say neither value nor words.
        """
        self._personal = frozenset(personal)
        self._world = f"{marks.WORLD}-{area}" if area else marks.WORLD  # others go on when this one ends
        self.names: tuple[str, ...] = (
            self._world,
            *FIXED,
            *(marks.ALARM + each for each in alarms),
            *(marks.LINK + each for each in links),
        )
        self._slot = {name: first_slot + number for number, name in enumerate(self.names)}
        self._links: dict[str, tuple[str, str, str, int]] = {}
        self._last_ns = 0
        self._theirs: dict[str, AlarmSpec] = {}  # alarms of servers
        self._standing: dict[str, AlarmState] = {}  # those of them that are not normal
        self._differ, self._told_ns = False, -SERVERS_EVERY_NS

    def started(self, states: Iterable[AlarmState], now_ns: int, now_mono_ns: int) -> SampleBatch:
        """Return the marks of a start: that the world runs, and how each alarm stands."""
        rows = [(self._world, RUNNING, ""), *(_alarm(state) for state in states)]
        return self._batch(rows, now_ns, now_mono_ns)

    def ended(self, now_ns: int, now_mono_ns: int) -> SampleBatch:
        """Return the mark of an orderly end."""
        return self._batch([(self._world, ENDED, "")], now_ns, now_mono_ns)

    def of(self, frame: Frame) -> SampleBatch:
        """Return a mark for all that changed in a frame, m rows; m is 0 for most frames."""
        rows = [_alarm(state) for state in frame.alarms]
        rows += [_link(status) for status in frame.links if self._differs(status)]
        rows += [(marks.ORDERS, ORDER_CODES[r.state], marks.text_of(r)) for r in frame.orders]
        rows += [(marks.EVENTS, LEVELS.get(e.level, 0.0), marks.text_of(e)) for e in frame.events]
        told = (bare_event(e) if e.id in self._personal else e for e in frame.alarm_events)
        rows += [(marks.ALARM_EVENTS, float(e.priority), marks.text_of(e)) for e in told]
        if frame.procedures is not None:
            under_way = sum(run.step is not None for run in frame.procedures)
            told_runs = marks.text_of(ProcedureRuns(runs=frame.procedures))
            rows.append((marks.PROCEDURES, float(under_way), told_runs))
        rows += self._of_servers(frame)
        return self._batch(rows, frame.t_ns, frame.tick_mono_ns)

    def _of_servers(self, frame: Frame) -> list[_Row]:
        """Return the mark of all alarms of servers where some differ, at most one a second."""
        self._theirs.update((spec.id, spec) for spec in frame.alarm_specs if spec.id.startswith(REMOTE))
        for state in frame.alarms:
            if state.id in self._theirs:
                self._differ = True
                if state.is_plain:
                    self._standing.pop(state.id, None)
                else:
                    self._standing[state.id] = state
        if not self._differ or frame.tick_mono_ns - self._told_ns < SERVERS_EVERY_NS:
            return []
        self._differ, self._told_ns = False, frame.tick_mono_ns
        held = [ServerAlarm(spec=self._theirs[id_], state=state) for id_, state in self._standing.items()]
        held.sort(key=lambda one: (not one.state.unacknowledged, one.spec.priority))
        text = marks.text_of(ServerAlarms(alarms=tuple(held[:MOST_OF_SERVERS])))
        return [(marks.SERVER_ALARMS, float(len(held)), text)]

    def _differs(self, status: LinkStatus) -> bool:
        shape = (str(status.state), status.detail, status.delivery, status.since_ns)
        before, self._links[status.name] = self._links.get(status.name), shape
        return shape != before

    def _batch(self, rows: Sequence[_Row], now_ns: int, now_mono_ns: int) -> SampleBatch:
        """Return rows as samples of this moment.

        No two rows of a series have the same time, not even when the wall clock was set back: a question
        for the newest would lose one of them.
        """
        known = [row for row in rows if row[0] in self._slot]
        start = max(now_ns, self._last_ns + 1)
        if known:
            self._last_ns = start + len(known) - 1
        return batch_of(
            np.array([self._slot[name] for name, _, _ in known], np.uint32),
            np.array([value for _, value, _ in known], np.float64),
            np.arange(start, start + len(known), dtype=np.int64),
            now_ns,
            now_mono_ns,
            text={row: text for row, (_, _, text) in enumerate(known) if text},
        )


def _alarm(state: AlarmState) -> _Row:
    return marks.ALARM + state.id, marks.ALARM_CODES[state.process], marks.text_of(state)


def _link(status: LinkStatus) -> _Row:
    return marks.LINK + status.name, marks.LINK_CODES[status.state], marks.text_of(status)
