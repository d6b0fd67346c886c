"""The tick: what arrived → state → stale → derived → frame. One code for every kind of world.

The clocks are arguments; the same inputs give the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmState
from armillary.model.arrays import U1, U4
from armillary.model.clock import NS
from armillary.model.frame import Frame, WorldKind, empty_frame, frame_of
from armillary.model.sample import (
    REDATED,
    SampleBatch,
    batch_of,
    empty_batch,
    evaluated,
    joined,
    shown,
    taken,
)
from armillary.model.tags import TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary.twin.held import Held
from armillary.twin.turns import Ordered, Turns

MOST_AHEAD_NS = 5 * NS  # of a sample: beyond, its time of arrival was taken already


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick made: the frame for the desks, and every new sample for the historian."""

    frame: Frame
    samples: SampleBatch
    late: SampleBatch = field(default_factory=empty_batch)
    """Of the samples those that came too late to be live."""


class Supply(Protocol):
    """Where a world's samples come from: links, a record, a simulator. The only thing that differs."""

    def take(self) -> SampleBatch:
        """Return the samples since the last call, in the order of their arrival."""

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Learn what became of each row (`twin.state`, plus CONFLICT of `twin.turns`)."""

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        """Mark what has become stale."""


class Alarms(Protocol):
    """Evaluates the alarms of a world; `alarms.evaluate` does. Absent in a world that reads them back."""

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> None:
        """See every reading of the tick, not only the last: late and repeated ones are left out."""

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        """Return what changed since the last call."""


class Core:
    """State of a world and its tick. Owned by one thread."""

    def __init__(
        self,
        *,
        world: str,
        kind: WorldKind,
        tags: int,
        supply: Supply,
        derived: Derived,
        alarms: Alarms | None = None,
        turns: Turns | None = None,
        held: Held | None = None,
    ) -> None:
        """`turns`: where samples come from a plant, over links that repeat and delay them.

        `held`: values by hand, of a plant too; `derived` leaves the same tags out.
        """
        self.table = TagTable(tags)
        self._base = empty_frame(world, kind)
        self._supply, self._derived, self._alarms, self._turns = supply, derived, alarms, turns
        self._held = held
        self._seq = 0

    def tick(self, now_ns: int, now_mono_ns: int) -> Tick:
        """Return what changed since the tick before."""
        if self._held is not None:
            self._held.lift(self.table)
        batch = self._supply.take()
        if self._turns is not None:
            batch = _not_ahead(batch, now_ns)
        ordered = self._ordered(batch, state.apply(self.table, shown(batch)), now_mono_ns)
        self._supply.settle(batch, ordered.outcome)
        self._supply.age(self.table, now_mono_ns)
        ordered = self._by_hand(ordered, now_ns, now_mono_ns)
        derived = self._own(
            self._derived.evaluate(self.table, self.table.dirty, now_ns, now_mono_ns, ordered.readings),
            now_ns,
            now_mono_ns,
        )
        states: tuple[AlarmState, ...] = ()
        events: tuple[AlarmEvent, ...] = ()
        if self._alarms is not None:
            readings = _joined(ordered.readings, derived)
            self._alarms.look(self.table, readings, now_ns, now_mono_ns)
            states, events = self._alarms.take()
        self._seq += 1
        base = replace(
            self._base,
            seq=self._seq,
            first_seq=self._seq,
            t_ns=now_ns,
            tick_mono_ns=now_mono_ns,
            alarms=states,
            alarm_events=events,
        )
        frame = frame_of(self.table, self.table.take_dirty(), base)
        return Tick(frame=frame, samples=_joined(ordered.recorded, evaluated(derived)), late=ordered.late)

    def flush(self) -> SampleBatch:
        """Return the samples that still wait for their turn, for the historian, at the end."""
        return self._turns.flush() if self._turns is not None else empty_batch()

    def moved(self, now_ns: int) -> None:
        """Learn that our wall clock was set back: what has a time of before must not hold back what comes."""
        later = np.flatnonzero(self.table.source_ns > now_ns)
        self.table.source_ns[later] = now_ns
        self.table.dirty[later] = True
        if self._turns is not None:
            self._turns.moved(now_ns)
        if self._derived.past is not None:
            self._derived.past.moved(now_ns)

    def put(self, batch: SampleBatch, now_ns: int, now_mono_ns: int) -> Frame:
        """Write one row for each slot as it is, whatever was there, and return the frame of what changed.

        For a record (it supplies derived values too), for a restored snapshot, and backwards in time.
        """
        table, s = self.table, batch.slot
        same = (table.value[s] == batch.value) | (np.isnan(table.value[s]) & np.isnan(batch.value))
        same &= (table.quality[s] == batch.quality) & (table.source_ns[s] == batch.source_ns)
        table.value[s], table.quality[s] = batch.value, batch.quality
        table.source_ns[s], table.arrival_ns[s] = batch.source_ns, batch.arrival_ns
        table.arrival_mono_ns[s], table.alive_mono_ns[s] = batch.arrival_mono_ns, batch.arrival_mono_ns
        table.dirty[s[~same]] = True
        for slot in s.tolist() if table.text else ():
            table.text.pop(slot, None)
        for slot in s.tolist() if table.array else ():
            table.array.pop(slot, None)
        for slot in s.tolist() if table.why else ():
            table.why.pop(slot, None)
        table.why.update({int(s[row]): words for row, words in batch.why.items()})
        table.text.update({int(s[row]): text for row, text in batch.text.items()})
        table.array.update({int(s[row]): array for row, array in batch.array.items()})
        self._supply.age(table, now_mono_ns)
        self._seq += 1
        base = replace(self._base, seq=self._seq, first_seq=self._seq, t_ns=now_ns, tick_mono_ns=now_mono_ns)
        return frame_of(table, table.take_dirty(), base)

    def _ordered(self, batch: SampleBatch, applied: state.Applied, now_mono_ns: int) -> Ordered:
        """Return what of the rows counts now; without links each one does, in the order it came."""
        if self._turns is not None:
            return self._turns.look(batch, applied, now_mono_ns)
        outcome = applied.outcome
        return Ordered(
            outcome=outcome,
            readings=_rows(batch, outcome, state.LATE),
            recorded=_rows(batch, outcome, state.DUPLICATE),
            late=empty_batch(),
        )

    def _by_hand(self, ordered: Ordered, now_ns: int, now_mono_ns: int) -> Ordered:
        """Return what counts now where people hold values: what they began or ended, and not what is held."""
        if self._held is None:
            return ordered
        news, again = self._held.lay(self.table, now_ns, now_mono_ns)
        self._derived.again(again)
        return replace(
            ordered,
            readings=_joined(self._held.left(ordered.readings), news),
            recorded=_joined(self._held.left(ordered.recorded), news),
        )

    def _own(self, slots: U4, now_ns: int, now_mono_ns: int) -> SampleBatch:
        """Return the derived values that changed as samples."""
        table = self.table
        return batch_of(
            slots,
            table.value[slots],
            table.source_ns[slots],
            now_ns,
            now_mono_ns,
            quality=table.quality[slots],
        )


def _not_ahead(batch: SampleBatch, now_ns: int) -> SampleBatch:
    """Return samples none of which is later than can be: those were stamped before our clock was set back.

    One of them would hold back all that comes after it.
    """
    ahead = batch.source_ns > now_ns + MOST_AHEAD_NS
    if not ahead.any():
        return batch
    own = ahead & ((batch.flags & REDATED) == 0)
    return replace(
        batch,
        source_ns=np.where(ahead, now_ns, batch.source_ns),
        arrival_ns=np.where(own, now_ns, batch.arrival_ns),
    )


def _rows(batch: SampleBatch, outcome: U1, below: int) -> SampleBatch:
    """Return the rows whose outcome is below a number."""
    kept = np.flatnonzero(outcome < below)
    return batch if len(kept) == len(batch) else taken(batch, kept)


def _joined(*batches: SampleBatch) -> SampleBatch:
    return joined([b for b in batches if len(b)])
