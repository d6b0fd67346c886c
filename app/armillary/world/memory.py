"""What a simulated world remembers of itself, in memory: trends and scrubbing without a recorder.

It answers what a recorder answers of series, under ids that are slots + 1, so a desk asks it the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.message import AskHistory, Enroll, Enrolled, HistoryInfo
from armillary.model.quality import BAD, rank
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagTable

EVERY_NS = NS // 2
FIRST_ROWS = 256


class Memory:
    """Rows of the whole table, ascending in time; grows by doubling. N tags."""

    def __init__(self, names: Sequence[str], every_ns: int = EVERY_NS) -> None:
        self._names = tuple(names)
        self._slot = {name: slot for slot, name in enumerate(names)}
        self._every_ns = every_ns
        self._count = 0
        self._t: I8 = np.zeros(FIRST_ROWS, np.int64)
        self._value: F8 = np.zeros((FIRST_ROWS, len(names)))
        self._quality: U2 = np.zeros((FIRST_ROWS, len(names)), np.uint16)

    def __len__(self) -> int:
        return self._count

    @property
    def t_ns(self) -> I8:
        """Times of the rows, (n,)."""
        return self._t[: self._count]

    def add(self, t_ns: int, table: TagTable, *, now: bool = False) -> None:
        """Keep a row, unless the last one is younger than the interval (`now` keeps it all the same)."""
        if self._count:
            since = t_ns - int(self._t[self._count - 1])
            if since <= 0 or (since < self._every_ns and not now):
                return
        if self._count == len(self._t):
            self._grow()
        self._t[self._count] = t_ns
        self._value[self._count], self._quality[self._count] = table.value, table.quality
        self._count += 1

    def forget_after(self, t_ns: int) -> None:
        """Forget what is later than a time: somebody went back to it."""
        self._count = int(np.searchsorted(self.t_ns, t_ns, "right"))

    def at(self, t_ns: int) -> tuple[F8, U2] | None:
        """Return (values, qualities), (N,) each, of the last row until a time; None if there is none."""
        row = int(np.searchsorted(self.t_ns, t_ns, "right")) - 1
        return (self._value[row].copy(), self._quality[row].copy()) if row >= 0 else None

    def column(self, name: str) -> F8:
        """Return the values of a tag, (n,); NaN where they were bad."""
        slot = self._slot[name]
        value, word = self._value[: self._count, slot], self._quality[: self._count, slot]
        out: F8 = np.where(rank(word) >= BAD, np.nan, value)
        return out

    def answer(self, message: object) -> object | None:
        """Return the answer to a question that a recorder would get; None for any other."""
        match message:
            case Enroll(tags=tags):
                ids = [self._slot.get(tag, -1) + 1 for tag in tags]
                return Enrolled(ids=np.array(ids, np.uint32))
            case SeriesQuery():
                return SeriesAnswer(
                    series=tuple(self._series(message, i) for i in message.ids), request=message.request
                )
            case AskHistory():
                t = self.t_ns
                return HistoryInfo(
                    tags=self._names,
                    samples=self._count * len(self._names),
                    bytes=self._value.nbytes + self._quality.nbytes,
                    first_ns=int(t[0]) if len(t) else 0,
                    last_ns=int(t[-1]) if len(t) else 0,
                )
        return None

    def save(self, path: Path) -> None:
        """Write all rows into an `.npz` file, for a debrief."""
        with path.open("wb") as stream:
            np.savez_compressed(
                stream,
                names=np.array(self._names),
                t_ns=self.t_ns,
                value=self._value[: self._count],
                quality=self._quality[: self._count],
            )

    def _series(self, query: SeriesQuery, id_: int) -> Series:
        first, last = np.searchsorted(self.t_ns, [query.from_ns, query.to_ns])
        t = self._t[first:last]
        value, word = self._value[first:last, id_ - 1], self._quality[first:last, id_ - 1]
        if len(t) <= 2 * query.width:
            return _made(query, id_, t, value, value, value, word, 0.0)
        column = (t - t[0]) * query.width // max(1, int(t[-1] - t[0]) + 1)
        start: U4 = np.flatnonzero(np.diff(column, prepend=-1)).astype(np.uint32)
        known: B1 = rank(word) < BAD
        low = np.minimum.reduceat(np.where(known, value, np.inf), start)
        high = np.maximum.reduceat(np.where(known, value, -np.inf), start)
        count = np.maximum(1, np.add.reduceat(known.astype(np.int64), start))
        mean = np.add.reduceat(np.where(known, value, 0.0), start) / count
        none = ~np.isfinite(low)
        low, high, mean = (np.where(none, np.nan, x) for x in (low, high, mean))
        worst = np.maximum.reduceat(word, start)
        level = float(t[-1] - t[0]) / NS / query.width
        return _made(query, id_, t[start], low, high, mean, worst, level)

    def _grow(self) -> None:
        more = max(FIRST_ROWS, len(self._t))
        self._t = np.concatenate([self._t, np.zeros(more, np.int64)])
        self._value = np.concatenate([self._value, np.zeros((more, self._value.shape[1]))])
        self._quality = np.concatenate([self._quality, np.zeros((more, self._quality.shape[1]), np.uint16)])


def _made(
    query: SeriesQuery, id_: int, t: I8, low: F8, high: F8, mean: F8, word: U2, level_s: float
) -> Series:
    return Series(
        id=id_,
        t_ns=t.copy(),
        low=low.copy(),
        high=high.copy(),
        mean=mean.copy(),
        quality=word.copy(),
        level_s=level_s,
        request=query.request,
    )
