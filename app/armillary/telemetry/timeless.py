"""A message that could not be read tells no time: it counts as just after what its tag had before it.

By its arrival it would stand beside times of the plant's clock. Where that is behind ours, every good value
after it would be late for as long, and its tag stay bad; where it is ahead, the bad one itself would be late,
and its tag stay good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.link import SubscriptionPlan
from armillary.model.quality import BAD, DECODE
from armillary.model.sample import SOURCE_TIME_ASSUMED, SampleBatch

UNREADABLE = BAD | DECODE


def timed(plans: Iterable[SubscriptionPlan], count: int) -> B1:
    """Return which slots have times of their sender's, (count,)."""
    out = np.zeros(count, np.bool_)
    out[[route.slot for plan in plans for route in plan.routes if route.time_path]] = True
    return out


def placed(batch: SampleBatch, newest_ns: I8, has_time: B1) -> SampleBatch:
    """Return the samples with those that could not be read right after the ones of their tags before them.

    `newest_ns`: source time of what each slot has now, 0 = nothing. Of tags in `has_time` only.
    """
    lost = (batch.quality == UNREADABLE) & ((batch.flags & SOURCE_TIME_ASSUMED) != 0)
    if not lost.any():
        return batch
    lost &= has_time[batch.slot]
    concerned = np.zeros(len(has_time), np.bool_)
    concerned[batch.slot[lost]] = True
    rows = np.flatnonzero(concerned[batch.slot])
    if not len(rows):
        return batch
    order = rows[np.argsort(batch.slot[rows], kind="stable")]
    slot, is_lost = batch.slot[order].astype(np.int64), lost[order]
    begins = np.concatenate(([True], slot[1:] != slot[:-1]))
    segment = np.cumsum(begins) - 1
    known = newest_ns[slot]
    before = _running(np.where(is_lost, known, np.maximum(batch.source_ns[order], known)), segment)
    count = np.cumsum(is_lost)
    first = count[begins] - is_lost[begins]  # lost ones of the slots before
    source = batch.source_ns.copy()
    at = is_lost & (before > 0)
    source[order[at]] = before[at] + (count - first[segment])[at]
    return replace(batch, source_ns=source)


def _running(times: I8, segment: I8) -> I8:
    """Return the greatest so far of each segment, in one pass: ranks, lifted by the segment's number."""
    values, rank = np.unique(times, return_inverse=True)
    lift = segment * len(values)
    out: I8 = values[np.maximum.accumulate(rank + lift) - lift]
    return out
