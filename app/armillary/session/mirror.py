"""The mirror of a world on the desk: the newest values, their quality and age as they must be shown."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.frame import Frame, RunState, WorldKind, apply_frame
from armillary.model.procedure import ProcedureRun
from armillary.model.quality import BAD, NEVER, STALE, rank
from armillary.model.tags import TagTable


class Mirror:
    """The newest values of a world's tags on the desk; owned by the Qt thread."""

    def __init__(self, n: int = 0) -> None:
        self.table = TagTable(n)
        self.held: F8 = np.full(n, np.nan)  # last value of each tag that was not bad
        self.good: F8 = np.full(n, np.nan)  # last value better than stale, as far as the world knows …
        self.good_ns: I8 = np.zeros(n, np.int64)  # … its source time; 0 = none yet
        self.learnt: dict[int, tuple[int, int]] = {}  # by slot: expected and usual interval in ms
        self.world = ""
        self.kind = WorldKind.LIVE
        self.run = RunState.RUNNING
        self.procedures: tuple[ProcedureRun, ...] = ()  # being carried out, and the newest that are over
        self.seq = 0
        self.t_ns = 0  # time that the picture shows
        self.tick_mono_ns = 0  # the world's monotonic clock at its last tick
        self.taken_mono_ns = 0  # this machine's monotonic clock when that frame was taken
        self.live = False  # False: the world is silent, everything counts as stale
        self.frames = 0
        self.out_of_order = 0  # frames older than ours, or for other tags: not written

    def __len__(self) -> int:
        return len(self.table)

    def take(self, frame: Frame, now_mono_ns: int) -> U4:
        """Write a frame into the mirror; return the slots it changed.

        A frame older than ours, of another world, or with a slot that we do not have is counted, not written.
        """
        slots = frame.slot
        if (
            (self.world and frame.world != self.world)
            or (self.frames and frame.seq < self.seq)
            or (len(slots) and int(slots.max()) >= len(self.table))
        ):
            self.out_of_order += 1
            return np.zeros(0, np.uint32)
        apply_frame(self.table, frame)
        fine = (rank(frame.quality) < BAD) & np.isfinite(frame.value)
        self.held[slots[fine]] = frame.value[fine]
        if len(frame.good_ns):  # we join: the world was there before
            self.good[slots], self.good_ns[slots] = frame.good, frame.good_ns
        fresh = fine & (rank(frame.quality) < STALE)
        self.good[slots[fresh]], self.good_ns[slots[fresh]] = frame.value[fresh], frame.source_ns[fresh]
        self.learnt.update((slot, (expected, usual)) for slot, expected, usual in frame.learnt)
        self.procedures = self.procedures if frame.procedures is None else frame.procedures
        self.world, self.kind, self.run = frame.world, frame.kind, frame.run
        self.seq, self.t_ns, self.tick_mono_ns = frame.seq, frame.t_ns, frame.tick_mono_ns
        self.taken_mono_ns = now_mono_ns
        self.frames += 1
        return slots

    def world_mono_ns(self, now_mono_ns: int) -> int:
        """Return the world's monotonic time now: that of its last tick plus what passed here since."""
        return self.tick_mono_ns + max(0, now_mono_ns - self.taken_mono_ns) if self.frames else 0

    def quality(self, slots: U4) -> U2:
        """Return the quality words of tags as they must be shown: at least STALE when the world is silent."""
        words = self.table.quality[slots]
        if not self.live:
            words = np.where(rank(words) < STALE, (words & np.uint16(0xFF00)) | np.uint16(STALE), words)
        return words

    def rank(self, slots: U4) -> U2:
        """Return the quality rank of tags as it must be shown, 0 (GOOD) to 5 (NEVER)."""
        return rank(self.quality(slots))

    def age_ns(self, slots: U4, now_mono_ns: int) -> I8:
        """Return how long ago each sample arrived, by the world's monotonic clock; -1 = never."""
        age = self.world_mono_ns(now_mono_ns) - self.table.arrival_mono_ns[slots]
        never = rank(self.table.quality[slots]) >= NEVER
        return np.where(never, np.int64(-1), np.maximum(age, 0))
