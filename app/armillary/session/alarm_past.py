"""The recorded readings of one tag for a trial of its alarms: page by page, only times and values kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.alarms.trial import Past, past
from armillary.model.arrays import F8, I8
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.session.recorders import asked
from armillary.session.shiftwork import ANSWER_S
from armillary.wire.bus import Line

MOST_ROWS = 40_000_000  # 640 MB: a month of a tag that comes fifteen times a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read; `to_ns` is where it ends, before the end of what was asked where there is too much."""

    past: Past
    to_ns: int


def read(line: Line, tag: str, from_ns: int, to_ns: int, most_rows: int = MOST_ROWS) -> Read:
    """Return the usable readings of a tag in from ≤ t < to, the last one before it first. Raises Fault."""
    enrolled = asked(line, Enroll(tags=(tag,), create=False), ANSWER_S)
    ids = enrolled.ids if isinstance(enrolled, Enrolled) else np.zeros(0, np.uint32)
    t_ns: list[I8] = []
    value: list[F8] = []

    def keep(answer: object) -> int:
        if not isinstance(answer, Samples):
            return 0
        seen = past(answer.batch.source_ns, answer.batch.value, answer.batch.quality)
        t_ns.append(seen.t_ns)
        value.append(seen.value)
        return answer.to_ns

    end_ns = to_ns
    if np.asarray(ids).any():
        keep(asked(line, AskAt(ids=ids, t_ns=from_ns), ANSWER_S))
        at_ns = from_ns
        while at_ns < to_ns and sum(map(len, t_ns)) < most_rows:
            then_ns = keep(asked(line, AskSpan(ids=ids, from_ns=at_ns, to_ns=to_ns), ANSWER_S))
            if then_ns <= at_ns:
                break
            at_ns = end_ns = min(then_ns, to_ns)
    none: tuple[I8, F8] = (np.zeros(0, np.int64), np.zeros(0))
    return Read(past=Past(np.concatenate([none[0], *t_ns]), np.concatenate([none[1], *value])), to_ns=end_ns)
