"""What the marks of a stretch say at a time: alarms, links, orders and events, as they were live.

All of it is a function of the record and the time. Receipts are history: nothing here can be executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, ServerAlarm, ServerAlarms
from armillary.model.frame import Event
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.order import OrderState, Receipt
from armillary.model.procedure import ProcedureRun, ProcedureRuns
from armillary.world.cursor import NONE
from armillary.world.record import ALARM_EVENT, EVENT, FIRST_ALARM, ORDER, Stretch, read_mark

EVENTS_AT_ONCE = 200  # of one frame: at 1000 × nobody reads more
STATUSES_KEPT = 1_000
_BAD = (OrderState.REFUSED, OrderState.EXPIRED, OrderState.FAILED, OrderState.UNVERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What happened in a span that was played over, oldest first."""

    events: tuple[Event, ...] = ()
    alarm_events: tuple[AlarmEvent, ...] = ()
    orders: tuple[Receipt, ...] = ()


class Recorded:
    """Reads marks; remembers the texts of links that it has read, as each is shown for many frames."""

    def __init__(self, links: Sequence[LinkSpec], alarms: Sequence[AlarmSpec]) -> None:
        self._links, self._alarms = tuple(links), tuple(alarms)
        self._statuses: dict[str, LinkStatus | None] = {}
        self._server_text: tuple[str, dict[str, ServerAlarm]] = ("", {})

    def texts(self, stretch: Stretch, t_ns: int) -> Mapping[int, str]:
        """Return the text of each mark's slot at a time; nothing is carried over a start of the world."""
        row = stretch.marks.rows_at(t_ns)
        started = stretch.outages.started_ns(t_ns)
        came = np.flatnonzero(row != NONE)
        came = came[stretch.marks.at_ns[row[came]] >= started]
        text = stretch.marks.batch.text
        return {int(slot): text.get(int(row[slot]), "") for slot in came}

    def alarms(self, texts: Mapping[int, str], shown: dict[int, str]) -> tuple[AlarmState, ...]:
        """Return the states that differ from those shown before (`shown`: texts by slot, kept up to date)."""
        out = []
        for slot, spec in enumerate(self._alarms, FIRST_ALARM):
            text = texts.get(slot, "")
            if shown.get(slot) != text:
                shown[slot] = text
                out.append(read_mark(text, AlarmState) or AlarmState(id=spec.id))
        return tuple(out)

    def links(self, texts: Mapping[int, str]) -> tuple[LinkStatus, ...]:
        """Return all links of the project."""
        first = FIRST_ALARM + len(self._alarms)
        return tuple(
            self._status(texts.get(first + i, ""))
            or LinkStatus(
                name=link.name,
                kind=link.kind,
                url=link.url,
                state=LinkState.OFF,
                since_ns=0,
                detail="Not recorded at this time.",
            )
            for i, link in enumerate(self._links)
        )

    def procedures(self, texts: Mapping[int, str]) -> tuple[ProcedureRun, ...]:
        """Return the runs of procedures as they stood."""
        last = FIRST_ALARM + len(self._alarms) + len(self._links)
        told = read_mark(texts.get(last, ""), ProcedureRuns)
        return told.runs if told is not None else ()

    def servers(self, texts: Mapping[int, str]) -> dict[str, ServerAlarm]:
        """Return the alarms of servers that stood, by their ids."""
        last = FIRST_ALARM + len(self._alarms) + len(self._links) + 1
        text = texts.get(last, "")
        if text != self._server_text[0]:
            told = read_mark(text, ServerAlarms)
            held = {one.spec.id: one for one in told.alarms} if told is not None else {}
            self._server_text = (text, held)
        return self._server_text[1]

    def order(self, texts: Mapping[int, str]) -> tuple[Receipt, ...]:
        """Return the newest receipt, none before the first."""
        receipt = read_mark(texts.get(ORDER, ""), Receipt)
        return (receipt,) if receipt is not None else ()

    def passed(self, stretch: Stretch, from_ns: int, to_ns: int) -> Passed:
        """Return what happened in from < t ≤ to."""
        window = stretch.marks
        rows = window.passed(from_ns, to_ns)
        rows = rows[window.batch.slot[rows] < FIRST_ALARM][-EVENTS_AT_ONCE:]
        return passed_of([(int(window.batch.slot[r]), str(window.batch.text.get(int(r), ""))) for r in rows])

    def _status(self, text: str) -> LinkStatus | None:
        if text not in self._statuses:
            if len(self._statuses) > STATUSES_KEPT:
                self._statuses.clear()
            self._statuses[text] = read_mark(text, LinkStatus)
        return self._statuses[text]


def passed_of(texts: Sequence[tuple[int, str]]) -> Passed:
    """Return what some marks say: (slot, text), oldest first."""
    events = [read_mark(text, Event) for slot, text in texts if slot == EVENT]
    alarm_events = [read_mark(text, AlarmEvent) for slot, text in texts if slot == ALARM_EVENT]
    orders = tuple(o for slot, text in texts if slot == ORDER and (o := read_mark(text, Receipt)))
    told = [*(e for e in events if e), *(_told(order) for order in orders)]
    return Passed(
        events=tuple(sorted(told, key=lambda event: event.t_ns)),
        alarm_events=tuple(a for a in alarm_events if a),
        orders=orders,
    )


def _told(order: Receipt) -> Event:
    """Return a recorded receipt as a line of the events list."""
    change = f"{order.old:g} → {order.value:g} {order.unit}".rstrip()
    detail = f" {order.detail.what}" if order.detail is not None else ""
    return Event(
        t_ns=order.t_ns,
        level="warning" if order.state in _BAD else "info",
        source=order.tag,
        text=f"Recorded command of {order.actor}: {order.tag} {change}, {order.state.lower()}.{detail}",
    )
