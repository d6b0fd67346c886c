"""In which order samples count: repeats go, what was overtaken waits for its turn, what is too late is told.

`twin.state` has shown the newest by then. Here is decided what alarms see and what is recorded of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.sample import (
    HISTORICAL,
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    empty_batch,
    joined,
    shown,
    taken,
)
from armillary.model.tags import TagSpec
from armillary.twin.recall import Recall
from armillary.twin.state import COALESCED, DUPLICATE, LATE, Applied

MOST_HELD = 1_000_000  # rows that wait for their turn; beyond, they wait no longer
CONFLICT = np.uint8(0x80)  # added to an outcome: another value for a tag and time told before
_NEVER = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What became of the rows of a tick, and what of them and of earlier ones counts now."""

    outcome: U1  # (n,) of twin.state, plus CONFLICT
    readings: SampleBatch  # for the alarms: in the order of their source times within a tag that waits
    recorded: SampleBatch  # for the historian; what is late is HISTORICAL
    late: SampleBatch  # of those recorded, what was never live


class Turns:
    """Settles order and repeats for a LIVE world; used by the tick thread alone."""

    def __init__(self, specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> None:
        """Tags of a link with a `reorder_window_s` wait that long; the others do not."""
        count = max((s.slot for s in specs), default=-1) + 1
        window = {link.name: int(link.reorder_window_s * NS) for link in links}
        self._window_ns: I8 = np.zeros(count, np.int64)
        for spec in specs:
            self._window_ns[spec.slot] = window.get(spec.link, 0)
        self._waits = bool(self._window_ns.any())
        self._released_ns: I8 = np.full(count, _NEVER, np.int64)  # source time of the newest one let go
        self._held = empty_batch()
        self._recall = Recall()

    def look(self, batch: SampleBatch, applied: Applied, now_mono_ns: int) -> Ordered:
        """Take the rows of a tick and what twin.state made of them."""
        outcome, conflict = self._recall.look(batch, applied.outcome)
        if applied.corrects.any():  # without a time of its own a sample has that of its arrival: no conflict
            conflict = conflict | (applied.corrects & ((batch.flags & SOURCE_TIME_ASSUMED) == 0))
        waiting = np.zeros(len(batch), np.bool_)
        if self._waits and len(batch):
            waiting, outcome = self._in_time(batch, outcome)
        readings, recorded, late = self._now(batch, outcome, ~waiting)
        if self._waits:
            new = taken(batch, np.flatnonzero(waiting))
            self._held = _joined(self._held, new)
            free = self._freed(now_mono_ns)
            recorded = _joined(recorded, free)
            readings = _joined(readings, self._timed(free, now_mono_ns))
        if conflict.any():
            outcome = np.where(conflict, outcome | CONFLICT, outcome).astype(np.uint8)
        return Ordered(outcome=outcome, readings=shown(readings), recorded=recorded, late=late)

    def _now(self, batch: SampleBatch, outcome: U1, now: B1) -> tuple[SampleBatch, SampleBatch, SampleBatch]:
        """Return (for the alarms, for the historian, late) of the rows that do not wait."""
        kept = now & (outcome < DUPLICATE)
        late = np.flatnonzero(kept & (outcome == LATE))
        if not len(late):
            rows = batch if kept.all() else taken(batch, np.flatnonzero(kept))
            return rows, rows, empty_batch()
        flags = batch.flags.copy()
        flags[late] |= np.uint8(HISTORICAL)
        marked = replace(batch, flags=flags)
        live = taken(batch, np.flatnonzero(kept & (outcome < LATE)))
        return live, taken(marked, np.flatnonzero(kept)), taken(marked, late)

    def moved(self, now_ns: int) -> None:
        """Learn that our wall clock went back: nothing of before may count as newer than what comes now."""
        np.minimum(self._released_ns, now_ns, out=self._released_ns)

    def flush(self) -> SampleBatch:
        """Return what still waits, for the historian: the world ends."""
        out, self._held = self._held, empty_batch()
        return taken(out, np.argsort(out.source_ns, kind="stable"))

    def _in_time(self, batch: SampleBatch, outcome: U1) -> tuple[B1, U1]:
        """Return which rows wait for their turn, and outcomes in which those that may are not late."""
        slot = np.minimum(batch.slot, len(self._window_ns) - 1)
        waits = (outcome < DUPLICATE) & (self._window_ns[slot] > 0) & ((batch.flags & HISTORICAL) == 0)
        waits &= batch.source_ns > self._released_ns[slot]
        overtaken = waits & (outcome == LATE)
        if overtaken.any():
            outcome = np.where(overtaken, COALESCED, outcome).astype(np.uint8)
        return waits, outcome

    def _freed(self, now_mono_ns: int) -> SampleBatch:
        """Return the rows whose time is over, and with each all that are older, by source time."""
        held = self._held
        if not len(held):
            return held
        due = held.arrival_mono_ns + self._window_ns[held.slot] <= now_mono_ns
        if len(held) > MOST_HELD:
            due[:] = True
        if not due.any():
            return empty_batch()
        np.maximum.at(self._released_ns, held.slot[due], held.source_ns[due])
        free = held.source_ns <= self._released_ns[held.slot]
        self._held = taken(held, np.flatnonzero(~free))
        rows = np.flatnonzero(free)
        return taken(held, rows[np.argsort(held.source_ns[rows], kind="stable")])

    def _timed(self, free: SampleBatch, now_mono_ns: int) -> SampleBatch:
        """Return the rows as of now: a delay of an alarm must not run out before what ends it was seen."""
        mono = np.minimum(free.arrival_mono_ns + self._window_ns[free.slot], now_mono_ns)
        return replace(free, arrival_mono_ns=mono)


def _joined(*batches: SampleBatch) -> SampleBatch:
    return joined([b for b in batches if len(b)])
