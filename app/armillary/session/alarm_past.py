"""The recorded readings of one tag for a trial of its alarms: page by page, only times and values kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from armillary.alarms.trial import Past, past
from armillary.alarms.trial_kinds import Record
from armillary.model.arrays import F8, I8
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch
from armillary.session.recorders import asked
from armillary.session.shiftwork import ANSWER_S
from armillary.wire.bus import Line

MOST_ROWS = 40_000_000  # 640 MB: a month of a tag that comes fifteen times a second

MOST_RECORDED = 10_000_000  # of each tag of an alarm that is no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read; `to_ns` is where it ends, before the end of what was asked where there is too much."""

    past: Past
    to_ns: int


def read(line: Line, tag: str, from_ns: int, to_ns: int, most_rows: int = MOST_ROWS) -> Read:
    """Return the usable readings of a tag in from ≤ t < to, the last one before it first. Raises Fault."""
    t_ns: list[I8] = [np.zeros(0, np.int64)]
    value: list[F8] = [np.zeros(0)]

    def keep(batch: SampleBatch) -> int:
        seen = past(batch.source_ns, batch.value, batch.quality)
        t_ns.append(seen.t_ns)
        value.append(seen.value)
        return len(seen)

    end_ns = _pages(line, tag, from_ns, to_ns, most_rows, keep)
    return Read(past=Past(np.concatenate(t_ns), np.concatenate(value)), to_ns=end_ns)


def record(
    line: Line, tag: str, from_ns: int, to_ns: int, most_rows: int = MOST_RECORDED
) -> tuple[Record, int]:
    """Return all readings of a tag as `read` does, with their qualities, and where they end. Raises Fault."""
    held: list[Record] = [Record(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16))]

    def keep(batch: SampleBatch) -> int:
        order = np.argsort(batch.source_ns, kind="stable")
        held.append(Record(batch.source_ns[order], batch.value[order], batch.quality[order]))
        return len(order)

    end_ns = _pages(line, tag, from_ns, to_ns, most_rows, keep)
    t_ns = np.concatenate([one.t_ns for one in held])
    order = np.argsort(t_ns, kind="stable")
    value, quality = (
        np.concatenate([getattr(one, name) for one in held])[order] for name in ("value", "quality")
    )
    return Record(t_ns[order], value, quality), end_ns


def _pages(
    line: Line, tag: str, from_ns: int, to_ns: int, most_rows: int, keep: Callable[[SampleBatch], int]
) -> int:
    """Give all readings of a tag to `keep`, which returns how many it kept; return where they end."""
    enrolled = asked(line, Enroll(tags=(tag,), create=False), ANSWER_S)
    ids = enrolled.ids if isinstance(enrolled, Enrolled) else np.zeros(0, np.uint32)
    if not np.asarray(ids).any():
        return to_ns
    end_ns, at_ns, rows = to_ns, from_ns, 0
    before = asked(line, AskAt(ids=ids, t_ns=from_ns), ANSWER_S)
    if isinstance(before, Samples):
        rows += keep(before.batch)
    while at_ns < to_ns and rows < most_rows:
        answer = asked(line, AskSpan(ids=ids, from_ns=at_ns, to_ns=to_ns), ANSWER_S)
        if not isinstance(answer, Samples):
            break
        rows += keep(answer.batch)
        if answer.to_ns <= at_ns:
            break
        at_ns = end_ns = min(answer.to_ns, to_ns)
    return end_ns
