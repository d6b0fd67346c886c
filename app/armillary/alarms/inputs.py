"""Inputs of many signals at every reading of a tick: each reading changes one, the rest is as it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.quality import NEVER
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagTable


@dataclass(frozen=True, slots=True)
class Moments:
    """m moments at which a member may have become another, those of one member together and in order."""

    member: I8  # (m,)
    row: I8  # (m,) of the tick's readings
    value: F8  # (k, m)
    word: U2  # (k, m)


class Inputs:
    """n members with k inputs each, and what those were last."""

    def __init__(self, reads: I8) -> None:
        """reads: (k, n) slots of the tags."""
        self.reads = reads
        self._value: F8 = np.full(reads.shape, np.nan)
        self._word: U2 = np.full(reads.shape, NEVER, np.uint16)
        flat = reads.ravel()
        self._order: I8 = np.argsort(flat, kind="stable")
        self._first: I8 = np.searchsorted(flat[self._order], np.arange(int(flat.max(initial=-1)) + 2))

    def at(self, batch: SampleBatch) -> Moments:
        """Return the moments of a tick's readings."""
        k, n = self.reads.shape
        of, row = self._of(batch.slot)
        place, member = of // n, of % n
        order = np.lexsort((row, member))
        place, member, row = place[order], member[order], row[order]
        count = len(member)
        own = np.arange(count)
        begin = np.searchsorted(member, member)  # where each one's member begins
        value, word = np.empty((k, count)), np.empty((k, count), np.uint16)
        for i in range(k):
            newest = np.maximum.accumulate(np.where(place == i, own, -1)) if count else own
            told = newest >= begin
            at = np.where(told, row[newest], 0)
            value[i] = np.where(told, batch.value[at], self._value[i, member])
            word[i] = np.where(told, batch.quality[at], self._word[i, member])
        if count:
            last = np.flatnonzero(np.append(member[1:] != member[:-1], True))
            self._value[:, member[last]], self._word[:, member[last]] = value[:, last], word[:, last]
        return Moments(member, row, value, word)

    def otherwise(self, table: TagTable, slots: I8) -> I8:
        """Return the members of which an input became another without a reading; `slots` may have."""
        of, _ = self._of(slots)
        members = np.unique(of % self.reads.shape[1])
        if not len(members):
            return members
        reads = self.reads[:, members]
        word, value = table.quality[reads], table.value[reads]
        differs: B1 = (word != self._word[:, members]).any(axis=0)
        self._value[:, members], self._word[:, members] = value, word
        out: I8 = members[differs]
        return out

    def now(self, table: TagTable, members: I8) -> tuple[F8, U2]:
        """Return what the inputs of some members are, (k, m) each, and keep it."""
        reads = self.reads[:, members]
        self._value[:, members], self._word[:, members] = table.value[reads], table.quality[reads]
        return self._value[:, members], self._word[:, members]

    def _of(self, slots: I8 | np.ndarray[tuple[int], np.dtype[np.uint32]]) -> tuple[I8, I8]:
        """Return the inputs that these tags are, as place × n + member, and the row of each tag."""
        inside: B1 = slots < len(self._first) - 1
        rows = np.flatnonzero(inside)
        slot = slots[rows].astype(np.int64)
        size = self._first[slot + 1] - self._first[slot]
        row = np.repeat(rows, size)
        inner = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
        return self._order[np.repeat(self._first[slot], size) + inner], row
