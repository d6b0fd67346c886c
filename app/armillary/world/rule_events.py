"""Events of rules on streams: told when what a rule watches for begins, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.frame import Event, Frame
from armillary.model.quality import STALE, rank
from armillary.model.rule import RuleSpec
from armillary.model.tags import TagSpec

MOST_AT_ONCE = 100  # events of one tick: the rest is told as a number


class RuleEvents:
    """Looks at what changed in each frame. One thread."""

    def __init__(self, rules: Sequence[RuleSpec], specs: Sequence[TagSpec]) -> None:
        self._rules = [rule for rule in rules if rule.fires and (rule.event or rule.event_end)]
        count = max((spec.slot for spec in specs), default=-1) + 1
        self._row = np.full(count, -1, np.int64)
        self._row[[rule.slot for rule in self._rules]] = np.arange(len(self._rules))
        self._was = np.full(len(self._rules), np.nan)  # NaN: not known, so that a start tells nothing anew
        self._unit = {rule.id: specs[rule.value_slot].unit for rule in self._rules if rule.value_slot >= 0}
        self._measured = np.full(count, np.nan)

    def of(self, frame: Frame) -> tuple[Event, ...]:
        """Return what began and ended with a frame, in the order of the rules."""
        if not self._rules or not len(frame.slot):
            return ()
        slots = frame.slot.astype(np.int64)
        self._measured[slots] = frame.value
        at = np.flatnonzero((self._row[slots] >= 0) & (rank(frame.quality) < STALE))
        if not len(at):
            return ()
        rows, now = self._row[slots[at]], frame.value[at]
        was = self._was[rows]
        self._was[rows] = now
        changed = np.flatnonzero(np.isfinite(was) & np.isfinite(now) & ((was != 0.0) != (now != 0.0)))
        out: list[Event] = []
        for i in sorted(changed.tolist(), key=lambda i: int(rows[i])):
            rule = self._rules[int(rows[i])]
            text = rule.event if now[i] != 0.0 else rule.event_end
            if text:
                out.append(
                    Event(
                        t_ns=frame.t_ns,
                        level=rule.level if now[i] != 0.0 else "info",
                        source=rule.id,
                        text=text + self._value(rule),
                    )
                )
        if len(out) > MOST_AT_ONCE:
            more = f"{len(out) - MOST_AT_ONCE} more rules began or ended"
            out[MOST_AT_ONCE:] = [Event(t_ns=frame.t_ns, level="warning", source="rules", text=more)]
        return tuple(out)

    def _value(self, rule: RuleSpec) -> str:
        """Return what is measured, behind the text."""
        if rule.value_slot < 0 or not np.isfinite(self._measured[rule.value_slot]):
            return ""
        return f" ({self._measured[rule.value_slot]:.4g} {self._unit[rule.id]}".rstrip() + ")"
