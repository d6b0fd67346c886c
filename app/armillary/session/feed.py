"""The wire thread of a desk, and the mirror of the world that it feeds."""

from __future__ import annotations

from armillary.model.arrays import I8, U2, U4
from armillary.model.frame import Frame, RunState, WorldKind
from armillary.model.tags import TagTable


class Mirror:
    """The newest values of a world's tags on the desk; owned by the Qt thread."""

    def __init__(self, n: int = 0) -> None:
        self.table = TagTable(n)
        self.world = ""
        self.kind = WorldKind.LIVE
        self.run = RunState.RUNNING
        self.seq = 0
        self.t_ns = 0  # time that the picture shows
        self.tick_mono_ns = 0  # the world's monotonic clock at its last tick
        self.taken_mono_ns = 0  # this machine's monotonic clock when that frame was taken
        self.live = False  # False: the world is silent, everything counts as stale

    def take(self, frame: Frame, now_mono_ns: int) -> U4:
        """Write a frame into the mirror; return the slots it changed. A frame older than ours is ignored."""
        raise NotImplementedError

    def world_mono_ns(self, now_mono_ns: int) -> int:
        """Return the world's monotonic time now: that of its last tick plus what passed here since."""
        raise NotImplementedError

    def rank(self, slots: U4) -> U2:
        """Return the quality rank of tags as it must be shown: at least STALE when the world is silent."""
        raise NotImplementedError

    def age_ns(self, slots: U4, now_mono_ns: int) -> I8:
        """Return how long ago each sample arrived, by the world's monotonic clock; -1 = never."""
        raise NotImplementedError
