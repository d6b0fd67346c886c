"""What rules of suppression would have hidden of the past: a rule is reviewed before it is trusted.

A rule's condition is worked out anew from what was recorded of its tags and alarms; the raises are those of
the journal, hidden then or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.alarms.signals import truth
from armillary.alarms.suppression import ALARM, UNKNOWN_NS
from armillary.model import expression
from armillary.model.alarm import ACTIVE, AlarmEvent, Suppression
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import GOOD, NEVER
from armillary.model.tags import TagSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one input of a condition went, n changes ascending in time."""

    t_ns: I8
    value: F8
    quality: U2


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldHide:
    """What one rule would have done in a span."""

    rule: str
    spans: tuple[tuple[int, int], ...]  # in which it would have hidden, ns
    unknown_ns: int  # for how long nobody could have said
    raises: Mapping[str, int]  # by alarm, hidden ones only
    of: int  # raises of its alarms in all
    urgent: int  # hidden ones of priority 1 and 2

    @property
    def hidden_ns(self) -> int:
        return sum(end - begin for begin, end in self.spans)


def names_of(rule: Suppression, tags: Sequence[TagSpec], alarms: Iterable[str]) -> tuple[str, ...]:
    """Return what a rule's condition reads: tags, and alarms as alarm.ID. Raises ProjectFault."""
    known = {tag.name for tag in tags} | {ALARM + id_ for id_ in alarms}
    return expression.compile(rule.when, known, rule.origin).names


def of_alarm(id_: str, events: Iterable[AlarmEvent], from_ns: int) -> Course:
    """Return when an alarm was active, by its transitions in their order."""
    mine = [(event.t_ns, 1.0 if event.after in ACTIVE else 0.0) for event in events if event.id == id_]
    rows = [(from_ns, 0.0), *mine] if not mine or mine[0][0] > from_ns else mine
    return Course(
        t_ns=np.array([t for t, _ in rows], np.int64),
        value=np.array([value for _, value in rows]),
        quality=np.full(len(rows), GOOD, np.uint16),
    )


def would_hide(
    rule: Suppression,
    courses: Mapping[str, Course],
    tags: Sequence[TagSpec],
    events: Sequence[AlarmEvent],
    from_ns: int,
    to_ns: int,
) -> WouldHide:
    """Say what a rule would have hidden of from ≤ t < to.

    courses: of what its condition reads, by name; what is not there was never known. events: of the journal,
    in their order. `age()` in a condition counts as 0 s. Raises ProjectFault for a condition that is refused.
    """
    t_ns, value, unknown = _truth(rule, courses, tags, from_ns, to_ns)
    spans = _spans(t_ns, value, unknown, int(rule.off_delay_s * NS), to_ns)
    begins = np.array([begin for begin, _ in spans], np.int64)
    ends = np.array([end for _, end in spans], np.int64)
    mine = set(rule.alarms)
    hidden: Counter[str] = Counter()
    of = urgent = 0
    for event in events:
        if event.event != "RAISE" or event.id not in mine or not from_ns <= event.t_ns < to_ns:
            continue
        of += 1
        at = int(np.searchsorted(begins, event.t_ns, "right")) - 1
        if at >= 0 and event.t_ns < ends[at]:
            hidden[event.id] += 1
            urgent += event.priority <= 2  # noqa: PLR2004  critical and high
    lasts = np.diff(np.append(t_ns, to_ns))
    return WouldHide(
        rule=rule.id,
        spans=tuple(spans),
        unknown_ns=int(lasts[unknown].sum()),
        raises=dict(hidden.most_common()),
        of=of,
        urgent=urgent,
    )


def _truth(
    rule: Suppression, courses: Mapping[str, Course], tags: Sequence[TagSpec], from_ns: int, to_ns: int
) -> tuple[I8, B1, B1]:
    """Return when a condition may have changed, (m,), whether it was true from then on, and not known."""
    known = {tag.name for tag in tags} | {name for name in courses if name.startswith(ALARM)}
    made = expression.compile(rule.when, known, rule.origin)
    mine = [courses.get(name) for name in made.names]
    times = np.unique(np.concatenate([[from_ns], *(each.t_ns for each in mine if each is not None)]))
    times = times[(times >= from_ns) & (times < to_ns)].astype(np.int64)
    value, word = np.full((len(mine), len(times)), np.nan), np.full((len(mine), len(times)), NEVER, np.uint16)
    for row, each in enumerate(mine):
        if each is None or not len(each.t_ns):
            continue
        at = np.searchsorted(each.t_ns, times, "right") - 1
        told = at >= 0
        value[row, told], word[row, told] = each.value[at[told]], each.quality[at[told]]
    found, _ = truth(made, value, word, np.broadcast_to(times, value.shape), times)
    return times, found == 1.0, np.isnan(found)


def _spans(t_ns: I8, true: B1, unknown: B1, off_ns: int, to_ns: int) -> list[tuple[int, int]]:
    """Return in which spans a rule hides: while true, for its delay, and for a minute while not known."""
    out: list[tuple[int, int]] = []
    begin = until = unknown_ns = -1  # unknown_ns: since when nobody knows; -1 = it is known
    for at, is_true, is_unknown, end in zip(
        t_ns.tolist(), true.tolist(), unknown.tolist(), [*t_ns[1:].tolist(), to_ns], strict=True
    ):
        if begin >= 0 and until <= at:
            out.append((begin, until))
            begin = -1
        unknown_ns = (at if unknown_ns < 0 else unknown_ns) if is_unknown else -1
        if is_true:
            begin, until = (at if begin < 0 else begin), end + off_ns
        elif begin >= 0 and is_unknown:
            until = max(until, min(unknown_ns + UNKNOWN_NS, end) + off_ns)
    if begin >= 0:
        out.append((begin, min(until, to_ns)))
    return out
