"""The tick: what arrived → state → stale → derived → frame. One code for every kind of world.

The clocks are arguments; the same inputs give the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import U4
from armillary.model.frame import Frame, WorldKind, empty_frame, frame_of
from armillary.model.sample import SampleBatch, batch_of, joined, taken
from armillary.model.tags import TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.watch import Watch
from armillary.twin import state
from armillary.twin.derive import Derived


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick made: the frame for the desks, and every new sample for the historian."""

    frame: Frame
    samples: SampleBatch


class Core:
    """State of a world and its tick. Owned by one thread."""

    def __init__(
        self,
        *,
        world: str,
        kind: WorldKind,
        tags: int,
        inbox: Inbox,
        intake: Intake,
        watch: Watch,
        derived: Derived,
    ) -> None:
        self.table = TagTable(tags)
        self._base = empty_frame(world, kind)
        self._inbox, self._intake, self._watch, self._derived = inbox, intake, watch, derived
        self._seq = 0

    def tick(self, now_ns: int, now_mono_ns: int) -> Tick:
        """Return what changed since the tick before."""
        batch = self._intake.take()
        applied = state.apply(self.table, batch)
        self._intake.settle(batch, applied.outcome)
        self._watch.look(self.table, self._inbox.signs(), now_mono_ns)
        derived = self._derived.evaluate(self.table, self.table.dirty, now_ns, now_mono_ns)
        self._seq += 1
        base = replace(self._base, seq=self._seq, first_seq=self._seq, t_ns=now_ns, tick_mono_ns=now_mono_ns)
        frame = frame_of(self.table, self.table.take_dirty(), base)
        return Tick(frame=frame, samples=self._history(batch, applied, derived, now_ns, now_mono_ns))

    def _history(
        self, batch: SampleBatch, applied: state.Applied, derived: U4, now_ns: int, now_mono_ns: int
    ) -> SampleBatch:
        """Return what the historian keeps: every sample that said something, and the derived values."""
        kept = batch
        if applied.duplicate or applied.no_binding:
            kept = taken(batch, np.flatnonzero(applied.outcome < state.DUPLICATE))
        if not len(derived):
            return kept
        table = self.table
        own = batch_of(
            derived,
            table.value[derived],
            table.source_ns[derived],
            now_ns,
            now_mono_ns,
            quality=table.quality[derived],
        )
        return joined([b for b in (kept, own) if len(b)])
