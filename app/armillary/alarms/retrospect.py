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
    if spec.kind == "count":
        raise_at, clear_at = _nth(over, spec.count), _nth(under, spec.count_clear or spec.count)
        delay_ns = 0
    else:
        raise_at, clear_at = over, under
        delay_ns = int(spec.on_delay_s * NS)
    sign = np.where(raise_at, 1, np.where(clear_at, -1, 0))
    told = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), -1))
    active = (told >= 0) & (sign[told] > 0)
    begins = np.flatnonzero(active & ~np.concatenate(([False], active[:-1])))
    ends = np.flatnonzero(~active & np.concatenate(([False], active[:-1])))
    end_ns: I8 = np.zeros(len(begins), np.int64)
    end_ns[: len(ends)] = t_ns[ends]
    known_ns = np.where(end_ns > 0, end_ns, t_ns[-1])
    lasted = known_ns - t_ns[begins] >= delay_ns
    if delay_ns:  # a level that was left for a moment does not count from its beginning
        lasted &= _held(over, begins, t_ns, delay_ns)
    return _Found(t_ns[begins][lasted] + delay_ns, end_ns[lasted], value[begins][lasted])


def _signs(spec: AlarmSpec, value: F8) -> tuple[B1, B1]:
    """Return which values are beyond the limit, and which certainly inside it."""
    if spec.kind == "state":
        hit = np.isin(value, spec.values)
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


def _held(over: B1, begins: I8, t_ns: I8, delay_ns: int) -> B1:
    """Return which beginnings were followed by values beyond the limit for the whole delay."""
    number = np.arange(len(over))
    next_miss = np.minimum.accumulate(np.where(over, len(over), number)[::-1])[::-1]
    miss = next_miss[begins]
    until = np.where(miss < len(over), t_ns[np.minimum(miss, len(over) - 1)], t_ns[-1])
    out: B1 = until - t_ns[begins] >= delay_ns
    return out


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
