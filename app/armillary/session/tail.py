"""The last minutes of the tags shown in trends: one ring of samples a pen, fed from frames."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.frame import Frame
from armillary.model.quality import BAD, rank

ROOM = 16_384  # samples a pen: 13 minutes at 20 a second


class Ring:
    """The newest samples of one tag, ascending in time; the oldest yield."""

    __slots__ = ("_from", "_n", "quality", "t_ns", "value")

    def __init__(self, room: int = ROOM) -> None:
        self.t_ns: I8 = np.zeros(room, np.int64)
        self.value: F8 = np.zeros(room)
        self.quality: U2 = np.zeros(room, np.uint16)
        self._from = self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def newest_ns(self) -> int:
        """Time of the newest sample, -1 when there is none."""
        return int(self.t_ns[(self._from + self._n - 1) % len(self.t_ns)]) if self._n else -1

    def put(self, t_ns: int, value: float, quality: int) -> None:
        """Add a sample; one that is not later than the newest replaces it when it is of the same time."""
        room = len(self.t_ns)
        if self._n:
            last = (self._from + self._n - 1) % room
            newest = int(self.t_ns[last])
            if t_ns < newest:
                return  # late: history has it, the tail shows what was known when
            if t_ns == newest:
                self.value[last], self.quality[last] = value, quality
                return
        at = (self._from + self._n) % room
        self.t_ns[at], self.value[at], self.quality[at] = t_ns, value, quality
        if self._n == room:
            self._from = (self._from + 1) % room
        else:
            self._n += 1

    def arrays(self) -> tuple[I8, F8, U2]:
        """Return (time, value, quality rank), oldest first; copies."""
        order = (self._from + np.arange(self._n)) % len(self.t_ns)
        return self.t_ns[order], self.value[order], self.quality[order]


class Tail:
    """Rings of the tags shown."""

    def __init__(self) -> None:
        self.rings: dict[int, Ring] = {}
        self._shown: U4 = np.zeros(0, np.uint32)

    def show(self, slots: tuple[int, ...]) -> None:
        """Keep rings for these slots only; what was kept of the others is forgotten."""
        self.rings = {slot: self.rings.get(slot) or Ring() for slot in slots}
        self._shown = np.array(sorted(slots), np.uint32)

    def clear(self) -> None:
        """Forget all samples: another world speaks now."""
        self.rings = {slot: Ring() for slot in self.rings}

    def take(self, frame: Frame) -> bool:
        """Add a frame's samples of the tags shown; return whether there were any."""
        if not len(self._shown) or not len(frame.slot):
            return False
        rows = np.flatnonzero(np.isin(frame.slot, self._shown))
        ranks = rank(frame.quality[rows])
        for row, q in zip(rows.tolist(), ranks.tolist(), strict=True):  # as many as there are pens
            value = float(frame.value[row]) if q < BAD else float("nan")
            # a tag that turned stale or bad has no new source time: it did so at the frame's time
            at = int(frame.source_ns[row])
            ring = self.rings[int(frame.slot[row])]
            is_news = at > ring.newest_ns
            ring.put(at if is_news else max(at, frame.t_ns) if q else at, value, q)
        return len(rows) > 0
