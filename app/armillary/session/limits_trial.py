"""How often an alarm would have been raised by what was recorded: its limits tried on the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from armillary.alarms.suggest import suggest, told
from armillary.alarms.trial import KINDS, past, raised
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch

SPAN_S = DAY_S = 86_400
ANSWER_S = 10.0
_HOURS = 90  # minutes from which hours are told
MOST_ROWS = 8_000_000  # of a day: 90 a second
Ask = Callable[[object, Callable[[object], None], float], None]


def raises(spec: AlarmSpec, t_ns: I8, value: F8, quality: U2) -> int:
    """Return how often a `level` or `count` alarm is raised by readings in their order.

    t_ns: (n,) of the plant, ascending; value: (n,) in the tag's unit. Readings that are stale, bad or no
    number say nothing.
    """
    return len(raised(spec, past(t_ns, value, quality)))


class Past:
    """The recorded readings of one tag in the last day; asked for once."""

    def __init__(self, ask: Ask, tag: str, now_ns: int, done: Callable[[Past], None]) -> None:
        self._ask, self._done, self._now_ns = ask, done, now_ns
        self._parts: list[SampleBatch] = []
        self.tag = tag
        self.is_known = False
        self.t_ns: I8 = np.zeros(0, np.int64)
        self.value: F8 = np.zeros(0)
        self.quality: U2 = np.zeros(0, np.uint16)
        self._seen = past(np.zeros(0, np.int64), self.value, self.quality)
        self._end_ns = now_ns
        ask(Enroll(tags=(tag,), create=False), self._enrolled, ANSWER_S)

    def _enrolled(self, answer: object) -> None:
        if isinstance(answer, Enrolled) and answer.ids[0]:
            self._ids = answer.ids
            self._page(self._now_ns - SPAN_S * NS)

    def _page(self, from_ns: int) -> None:
        question = AskBetween(ids=self._ids, from_ns=from_ns, to_ns=self._now_ns)
        self._ask(question, lambda answer: self._answered(from_ns, answer), ANSWER_S)

    def _answered(self, from_ns: int, answer: object) -> None:
        if not isinstance(answer, Samples):
            return
        self._parts.append(answer.batch)
        is_whole = not from_ns < answer.to_ns < self._now_ns
        if not is_whole and sum(map(len, self._parts)) < MOST_ROWS:
            self._page(answer.to_ns)
            return
        self._end_ns = self._now_ns if is_whole else answer.to_ns
        t_ns = np.concatenate([part.source_ns for part in self._parts])
        order = np.argsort(t_ns, kind="stable")
        self.value = np.concatenate([part.value for part in self._parts])[order]
        self.quality = np.concatenate([part.quality for part in self._parts])[order]
        self.t_ns = t_ns[order]
        self._seen = past(self.t_ns, self.value, self.quality)
        self._parts = []
        self.is_known = True
        self._done(self)

    def told(self, spec: AlarmSpec | None, old: AlarmSpec | None) -> str:
        """Return in a sentence how often an alarm would have been raised, and how often as it is now."""
        if not self.is_known or spec is None or spec.kind not in KINDS or not len(self._seen):
            return ""
        minutes = min(SPAN_S, (self._now_ns - int(self._seen.t_ns[0])) / NS) / 60
        since = (
            f"last {minutes / 60:.0f} h" if minutes >= _HOURS else f"{max(1, round(minutes))} min recorded"
        )
        if self._end_ns < self._now_ns:
            hours = (self._end_ns - int(self._seen.t_ns[0])) / NS / 3_600
            since = f"first {hours:.1f} h of the {since}"
        new = len(raised(spec, self._seen))
        text = f"In the {since} it would have been raised {_times(new)}"
        if old is None or old.kind not in KINDS:
            return f"{text}."
        return f"{text}, as it is now {_times(len(raised(old, self._seen)))}."

    def suggestion(self, spec: AlarmSpec | None, span: float, unit: str) -> tuple[str, Mapping[str, float]]:
        """Return what would quieten an alarm, proved on this past, and the keys it changes; "" = nothing.

        span: of the tag's range; 0 = not known.
        """
        if not self.is_known or spec is None or spec.kind not in KINDS or spec.levels:
            return "", {}
        found = suggest(spec, self._seen, span).suggestions
        if not found:
            return "", {}
        days = min(SPAN_S, (self._end_ns - int(self._seen.t_ns[0])) / NS) / DAY_S
        return told(found[0], days, unit), dict(found[0].changes)


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times" if n else "not once"
