"""What alarms late data would have raised, had they come in time: for the journal, never for people at once.

Each alarm is judged on its tags' late samples alone, by source time: levels, counts and states on their own
tag's, slopes, distances and conditions on what their inputs were together (`late_signals`). Delays are kept;
what came in time meanwhile is not looked at again. What cannot be judged so is said to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.alarms import late_signals
from armillary.alarms.late_signals import Known, Late
from armillary.alarms.lines import on_signal
from armillary.alarms.readings import starts_of
from armillary.model.alarm import AlarmEvent, AlarmSpec, ProcessState, of_level
from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary.model.quality import RANK_MASK, STALE
from armillary.model.sample import SampleBatch

KINDS = ("level", "count", "state")
NOT_JUDGED = "NOT-JUDGED"
MOST_UNJUDGED = 50  # alarms that are named in one batch of late data
MOST_TOLD = 1_000  # of one alarm in one batch of late data


@dataclass(frozen=True, slots=True)
class _Found:
    """Occurrences that would have been, k of them; an end of 0 is not among the late samples."""

    begin_ns: I8
    end_ns: I8
    value: F8


def retrospect(
    specs: Sequence[AlarmSpec], late: SampleBatch, now_ns: int, project: Known | None = None
) -> list[AlarmEvent]:
    """Return RAISE and CLEAR events that late samples would have made, by time; all marked `late`.

    late: rows in any order; `now_ns` is when this is written down; project: tags that computed ones read.
    Then NOT_JUDGED events, which say of an alarm what it would have needed.
    """
    of_slot = _by_slot(late)
    if not of_slot:
        return []
    project = project if project is not None else Known(())
    of_name = {tag.name: of_slot[tag.slot] for tag in project.tags.values() if tag.slot in of_slot}
    out: list[AlarmEvent] = []
    needs: list[tuple[AlarmSpec, str]] = []
    for spec in specs:
        mine = of_slot.get(spec.slot)
        nearest = of_level(spec, spec.levels[0]) if spec.levels else spec
        if spec.draft:
            continue
        if spec.kind in KINDS and mine is not None:
            fit = ((mine.quality & RANK_MASK) < STALE) & np.isfinite(mine.value)
            out += _events(nearest, _found(nearest, mine.t_ns[fit], mine.value[fit]), now_ns)
        elif spec.kind in late_signals.KINDS and _reads(spec, of_name, project):
            seen = late_signals.signal(spec, of_name, project)
            if seen.needs:
                needs.append((spec, seen.needs))
            else:
                watched = replace(on_signal(nearest, spec.slot), id=spec.id)
                out += _events(watched, _found(watched, seen.t_ns, seen.value), now_ns)
    begin_ns = int(late.source_ns.min())
    return [*sorted(out, key=lambda event: event.source_ns), *_unjudged(needs, begin_ns, now_ns)]


def _by_slot(late: SampleBatch) -> dict[int, Late]:
    """Return the late readings of each tag by time."""
    rows = np.lexsort((late.source_ns, late.slot))
    slot = late.slot[rows].astype(np.int64)
    if not len(slot):
        return {}
    starts = np.append(starts_of(slot), len(slot))
    pairs = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    return {
        int(slot[a]): Late(late.source_ns[rows[a:b]], late.value[rows[a:b]], late.quality[rows[a:b]])
        for a, b in pairs
    }


def _reads(spec: AlarmSpec, of_name: Mapping[str, Late], project: Known) -> bool:
    """Return whether something that an alarm is made of came late."""
    if not project.tags:
        return False
    names = project.names(spec)
    return all(name in project.tags for name in names) and any(name in of_name for name in names)


def _unjudged(needs: Sequence[tuple[AlarmSpec, str]], begin_ns: int, now_ns: int) -> list[AlarmEvent]:
    """Return what is said of alarms that cannot be judged; of very many only how many more there are."""
    rest = len(needs) - MOST_UNJUDGED
    out = []
    for number, (spec, why) in enumerate(needs[:MOST_UNJUDGED], 1):
        more = f"; {rest} more alarms were not judged" if rest > 0 and number == MOST_UNJUDGED else ""
        out.append(
            AlarmEvent(
                id=spec.id,
                occurrence="",
                event=NOT_JUDGED,
                before=ProcessState.NORM,
                after=ProcessState.NORM,
                t_ns=now_ns,
                priority=spec.priority,
                text=f"late data: not judged: {why}{more}",
                source_ns=begin_ns,
                late=True,
            )
        )
    return out


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
