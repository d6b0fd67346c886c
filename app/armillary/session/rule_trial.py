"""A rule tried on the record of a project: what is read for it, and what is told of it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch, empty_batch, joined
from armillary.twin.rule_trial import Trial

__all__ = ["RuleRecord", "Trial", "span_text", "times", "told"]
ANSWER_S = 20.0
PAGES = 100  # of about 200,000 samples
MOST_ROWS = 5_000_000
Ask = Callable[[object, Callable[[object], None], float], None]
_HOUR_S, _DAY_S = 3_600, 86_400


class RuleRecord:
    """Reads the record of what a trial needs, page by page, and gives it to the trial."""

    def __init__(self, ask: Ask, trial: Trial, done: Callable[[str], None]) -> None:
        """`ask` sends a message to the recorder; `done` is called once, with "" or with what is missing."""
        self._ask, self.trial, self._done = ask, trial, done
        self._parts: list[SampleBatch] = []
        self._place: U4 = np.zeros(0, np.uint32)
        self._ids: U4 = np.zeros(0, np.uint32)
        self._missing: tuple[str, ...] = ()
        ask(Enroll(tags=trial.inputs, create=False), self._enrolled, ANSWER_S)

    def _enrolled(self, answer: object) -> None:
        if not isinstance(answer, Enrolled):
            self._done("Nothing is recorded yet.")
            return
        known = np.flatnonzero(answer.ids > 0)
        self._missing = tuple(
            name for name, id_ in zip(self.trial.inputs, answer.ids, strict=True) if not id_
        )
        if not len(known):
            self._done(f"Nothing of {_some(self.trial.inputs)} is recorded yet.")
            return
        self._ids = answer.ids[known]
        self._place = np.zeros(int(self._ids.max()) + 1, np.uint32)
        self._place[self._ids] = known
        self._ask(AskAt(ids=self._ids, t_ns=self.trial.warm_from_ns), self._before, ANSWER_S)

    def _before(self, answer: object) -> None:
        if isinstance(answer, Samples):
            self._parts.append(answer.batch)
        self._page(self.trial.warm_from_ns)

    def _page(self, from_ns: int) -> None:
        question = AskSpan(ids=self._ids, from_ns=from_ns, to_ns=self.trial.to_ns)
        self._ask(question, lambda answer: self._answered(from_ns, answer), ANSWER_S)

    def _answered(self, from_ns: int, answer: object) -> None:
        if not isinstance(answer, Samples):
            self._done("The recorder did not answer.")
            return
        self._parts.append(answer.batch)
        rows = sum(map(len, self._parts))
        if from_ns < answer.to_ns < self.trial.to_ns and len(self._parts) < PAGES and rows < MOST_ROWS:
            self._page(answer.to_ns)
            return
        kept = [part for part in self._parts if len(part)]
        batch = joined(kept) if kept else empty_batch()
        self.trial.give(_placed(batch, self._place))
        if answer.to_ns < self.trial.to_ns:
            self._done("There are too many samples: only the first part of the span was read.")
        else:
            self._done(f"Nothing of {_some(self._missing)} is recorded." if self._missing else "")


def _placed(batch: SampleBatch, place: U4) -> SampleBatch:
    return replace(batch, slot=place[batch.slot] if len(batch) else batch.slot)


def told(trial: Trial) -> str:
    """Return in a sentence how often the rule would have fired."""
    span = span_text((trial.to_ns - trial.from_ns) / NS)
    if trial.t_ns and trial.unknown == len(trial.t_ns):
        return f"In {span} nobody could have said: what it needs was not known."
    if not trial.rule.fires:
        value = [v for v in trial.value if v == v]
        if not value:
            return f"In {span} it would have measured nothing."
        return f"In {span} it would have measured {min(value):.4g} to {max(value):.4g}."
    return f"In {span} this rule would have fired {times(len(trial.firings))}."


def times(n: int) -> str:
    """Return `once`, `7 times` or `not once`."""
    return "once" if n == 1 else f"{n} times" if n else "not once"


def span_text(seconds: float) -> str:
    """Return a span in words."""
    if seconds >= 2 * _DAY_S:
        return f"{seconds / _DAY_S:.0f} days"
    if seconds >= 2 * _HOUR_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{max(1, round(seconds / 60))} min"


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown  # noqa: PLR2004
