"""The health of the alarms over a span of the record: read by the page, then judged. Qt-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from armillary.alarms.health import BUSY_PERIOD, SHARES, Actor, Health, Metric, Noted, health
from armillary.alarms.health_page import number
from armillary.model.alarm import AlarmEvent, Presentation
from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.journal import MOST_TEXTS, AskJournal, AskLines, JournalIndex, Lines
from armillary.session.signal import Signal
from armillary.wire import marks

__all__ = ["BUSY_PERIOD", "SHARES", "Actor", "AlarmHealth", "Health", "Judged", "Metric", "bars", "number"]

ANSWER_S = 20.0
MOST_READ = 200_000  # lines: of more the newest are judged, and the page says so
COUNTED = ("RAISE", "CLEAR", "CLOSE", "ACK", "DISABLE")
_HIDES = {
    "SHELVE": Presentation.SHELVED,
    "SHELVE-ONCE": Presentation.SHELVED,
    "SUPPRESS": Presentation.SUPPRESSED,
    "REMOVE-FROM-SERVICE": Presentation.OUT_OF_SERVICE,
    "UNSHELVE": Presentation.SHOWN,
    "UNSUPPRESS": Presentation.SHOWN,
    "PLACE-IN-SERVICE": Presentation.SHOWN,
}
Ask = Callable[[object, Callable[[object], None], float], None]
Work = Callable[[Callable[[], object], Callable[[object], None]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was found, and from when on it was read."""

    health: Health
    from_ns: int
    is_whole: bool


class AlarmHealth:
    """Reads a span and judges it, one at a time. One thread; `work` judges beside it."""

    def __init__(self, ask: Ask, work: Work) -> None:
        self.changed: Signal[()] = Signal()
        self.found: Judged | None = None
        self.trouble = ""
        self.share = 1.0  # of the span that is read, 0…1; 1 = nothing is being read
        self._ask, self._work = ask, work
        self._request = 0
        self._noted: list[Noted] = []
        self._hidden: dict[str, Presentation] = {}

    def begin(self) -> None:
        """Know nothing: something else is open."""
        self._request += 1
        self.found, self.trouble, self.share = None, "", 1.0
        self.changed.emit()

    def read(self, from_ns: int, to_ns: int) -> None:
        """Judge from ≤ t < to; what is shown stays until it is done."""
        self._request += 1
        request = self._request
        self.share, self._noted, self._hidden = 0.0, [], {}
        ask = AskJournal(of="alarms", from_ns=from_ns, to_ns=to_ns)
        self._ask(ask, lambda answer: self._indexed(request, from_ns, to_ns, answer), ANSWER_S)
        self.changed.emit()

    def _indexed(self, request: int, from_ns: int, to_ns: int, answer: object) -> None:
        if request != self._request:
            return
        if not isinstance(answer, JournalIndex):
            self._fail(answer)
            return
        times = answer.t_ns[-MOST_READ:]
        is_whole = answer.is_whole and len(times) == len(answer.t_ns)
        since_ns = from_ns if is_whole else int(times[0])
        self._next(
            request, times, 0, Judged(health=_nothing(since_ns, to_ns), from_ns=since_ns, is_whole=is_whole)
        )

    def _next(self, request: int, times: I8, at: int, plan: Judged) -> None:
        if request != self._request:
            return
        self.share = at / len(times) if len(times) else 1.0
        if at >= len(times):
            self._judge(request, plan)
            return
        self.changed.emit()
        ask = AskLines(of="alarms", t_ns=times[at : at + MOST_TEXTS])

        def answered(answer: object) -> None:
            if request != self._request:
                return
            if not isinstance(answer, Lines):
                self._fail(answer)
                return
            self._work(
                lambda: self._parsed(answer), lambda _done: self._next(request, times, at + MOST_TEXTS, plan)
            )

        self._ask(ask, answered, ANSWER_S)

    def _parsed(self, answer: Lines) -> None:
        """Take lines, beside the desk's thread; one that cannot be read does not count."""
        for text in answer.text:
            try:
                event = marks.record_of(text, AlarmEvent)
            except ValueError:
                continue
            if event.event in _HIDES:
                self._hidden[event.id] = _HIDES[event.event]
            elif event.event in COUNTED:
                hidden = self._hidden.get(event.id, Presentation.SHOWN)
                self._noted.append(Noted(event=event, presentation=hidden))

    def _judge(self, request: int, plan: Judged) -> None:
        noted, of = self._noted, plan.health

        def done(found: object) -> None:
            if request != self._request:
                return
            if isinstance(found, Health):
                self.found, self.trouble = (
                    Judged(health=found, from_ns=plan.from_ns, is_whole=plan.is_whole),
                    "",
                )
                self.share = 1.0
                self.changed.emit()
            else:
                self._fail(found)

        self._work(lambda: health(noted, of.from_ns, of.to_ns), done)

    def _fail(self, answer: object) -> None:
        self.trouble = answer.what if isinstance(answer, FaultRecord) else "Nobody answered."
        self.share = 1.0
        self.changed.emit()


def _nothing(from_ns: int, to_ns: int) -> Health:
    return health((), from_ns, max(to_ns, from_ns + NS))


def bars(periods: I8, most: int) -> I8:
    """Return at most so many bars of a row of counts: the worst of each stretch."""
    if not len(periods):
        return periods
    each = -(-len(periods) // most)
    return np.maximum.reduceat(periods, np.arange(0, len(periods), each))
