"""What alarms late data would have raised, had they come in time: for the journal, never for people at once.

Each alarm on a level, a count or a state is judged on its tag's late samples alone, by source time. Delays
are kept; what its tag sent in time meanwhile is not looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.alarms.readings import starts_of
from armillary.model.alarm import AlarmEvent, AlarmSpec, ProcessState
from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary.model.quality import RANK_MASK, STALE
from armillary.model.sample import SampleBatch

KINDS = ("level", "count", "state")
MOST_TOLD = 1_000  # of one alarm in one batch of late data


@dataclass(frozen=True, slots=True)
class _Found:
    """Occurrences that would have been, k of them; an end of 0 is not among the late samples."""

    begin_ns: I8
    end_ns: I8
    value: F8


def retrospect(specs: Sequence[AlarmSpec], late: SampleBatch, now_ns: int) -> list[AlarmEvent]:
    """Return RAISE and CLEAR events that late samples would have made, by time; all marked `late`.

    late: rows in any order; `now_ns` is when this is written down.
    """
    fit = (late.quality & RANK_MASK) < STALE
    fit &= np.isfinite(late.value)
    rows = np.flatnonzero(fit)
    rows = rows[np.lexsort((late.source_ns[rows], late.slot[rows]))]
    slot = late.slot[rows].astype(np.int64)
    if not len(slot):
        return []
    starts = np.append(starts_of(slot), len(slot))
    of_slot = {
        int(slot[a]): rows[a:b] for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    }
    out: list[AlarmEvent] = []
    for spec in specs:
        mine = of_slot.get(spec.slot)
        if mine is None or spec.draft or spec.kind not in KINDS:
            continue
        out += _events(spec, _found(spec, late.source_ns[mine], late.value[mine]), now_ns)
    return sorted(out, key=lambda event: event.source_ns)


def _found(spec: AlarmSpec, t_ns: I8, value: F8) -> _Found:
    """Return the occurrences of one alarm; t_ns ascending, values finite."""
    over, under = _signs(spec, value)
    raise_at, clear_at, raised_ns = over, under, t_ns
    if spec.kind == "count":
        raise_at, clear_at = _nth(over, spec.count), _nth(under, spec.count_clear or spec.count)
    elif spec.on_delay_s:
        raise_at, raised_ns = _delayed(over, t_ns, int(spec.on_delay_s * NS))
    sign = np.where(raise_at, 1, np.where(clear_at, -1, 0))
    told = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), -1))
    active = (told >= 0) & (sign[told] > 0)
    before = np.concatenate(([False], active[:-1]))
    begins, ends = np.flatnonzero(active & ~before), np.flatnonzero(~active & before)
    end_ns: I8 = np.zeros(len(begins), np.int64)
    end_ns[: len(ends)] = t_ns[ends]
    return _Found(raised_ns[begins], end_ns, value[begins])


def _signs(spec: AlarmSpec, value: F8) -> tuple[B1, B1]:
    """Return which values are beyond the limit, and which certainly inside it."""
    if spec.kind == "state":
        hit = np.isin(value, spec.values)
        if spec.normal:
            hit |= ~np.isin(value, spec.normal)
        return hit, ~hit
    sign = 1.0 if spec.direction == "above" else -1.0
    clear_at = spec.limit - sign * spec.deadband
    return sign * (value - spec.limit) > 0, sign * (value - clear_at) <= 0


def _nth(hit: B1, count: int) -> B1:
    """Return at which readings at least `count` in sequence were hits."""
    number = np.arange(1, len(hit) + 1)
    last_miss = np.maximum.accumulate(np.where(hit, 0, number))
    out: B1 = number - last_miss >= count
    return out


def _delayed(over: B1, t_ns: I8, delay_ns: int) -> tuple[B1, I8]:
    """Return at which readings a delay ran out before the next one came, and when it did."""
    number = np.arange(len(over))
    before = np.concatenate(([False], over[:-1]))
    start = np.maximum.accumulate(np.where(over & ~before, number, 0))
    next_ns = np.append(t_ns[1:], t_ns[-1])
    return over & (next_ns - t_ns[start] >= delay_ns), t_ns[start] + delay_ns


def _events(spec: AlarmSpec, found: _Found, now_ns: int) -> list[AlarmEvent]:
    out: list[AlarmEvent] = []
    columns = (found.begin_ns.tolist(), found.end_ns.tolist(), found.value.tolist())
    for begin, end, value in list(zip(*columns, strict=True))[:MOST_TOLD]:
        occurrence = f"{spec.id}#late-{begin:x}"
        for event, source_ns, text in (
            ("RAISE", begin, "late data: it would have been raised"),
            ("CLEAR", end, "late data: it would have cleared"),
        ):
            if source_ns:
                out.append(
                    AlarmEvent(
                        id=spec.id,
                        occurrence=occurrence,
                        event=event,
                        before=ProcessState.NORM,
                        after=ProcessState.NORM,
                        t_ns=now_ns,
                        priority=spec.priority,
                        value=value,
                        text=text,
                        source_ns=source_ns,
                        late=True,
                    )
                )
    return out
