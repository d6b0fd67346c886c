"""Remembers which samples came lately, so that one that comes twice counts once, in whatever order.

`twin.state` compares with the newest value alone. What is older than that, sent again after an outage or from
an edge's queue, is found here: by tag and source time, in a table of fixed size in which a newer sample takes
the place of an older one. What was forgotten is found by the historian, which has it.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import B1, I8, U1
from armillary.model.sample import REDATED, SOURCE_TIME_ASSUMED, SampleBatch
from armillary.twin.state import DUPLICATE, LATE

U8 = npt.NDArray[np.uint64]
BITS, WAYS = 16, 4  # 65,536 buckets of four: 262,144 samples, 5 MiB
_SLOT, _TIME, _VALUE = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_FOLD, _TOP = np.uint64(31), np.uint64(64 - BITS)
_WORD = 2**64
MOST_NOTED = WAYS << BITS
MOST_ALIKE = 16  # rows of one bucket in one tick; more are not remembered


class Recall:
    """The newest samples of a world; used by the tick thread alone.

    Samples are known by words of 64 bits: two different ones are taken for one once in 2⁶⁴.
    """

    def __init__(self) -> None:
        self._key: U8 = np.zeros((1 << BITS, WAYS), np.uint64)  # of tag and time; 0 = none
        self._value: U8 = np.zeros((1 << BITS, WAYS), np.uint64)
        self._turn = np.zeros(1 << BITS, np.uint8)  # which of a bucket is overwritten next
        self._row = np.zeros(1 << BITS, np.int64)  # scratch
        self._noted: deque[tuple[SampleBatch, U1]] = deque()  # ticks that are not in the table yet
        self._count = 0  # rows in them

    def look(self, batch: SampleBatch, outcome: U1) -> tuple[U1, B1]:
        """Return outcomes in which a late row that came before is a DUPLICATE, and late rows that conflict.

        A conflict tells another value for a tag and time that were told before. outcome, both results: (n,).
        """
        late = outcome == LATE
        if not late.any():
            self._note(batch, outcome)
            return outcome, late
        for one in self._noted:
            key, value, _ = _words(*one)
            self._keep(key, value)
        self._noted.clear()
        self._count = 0
        key, value, rows = _words(batch, outcome)
        before, known = self._before(key)
        late = late[rows]
        again, differs = late & known & (before == value), late & known & (before != value)
        keep = np.ones(len(rows), np.bool_)
        _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        seen: dict[int, int] = {}
        newest: dict[int, int] = {}
        for i in np.flatnonzero(counts[inverse] > 1).tolist():  # each is judged by the one before it
            name, now = int(key[i]), int(value[i])
            told = seen.get(name, int(before[i]) if known[i] else None)
            again[i] = late[i] and told == now
            differs[i] = late[i] and told is not None and told != now
            keep[newest.get(name, i)], seen[name], newest[name] = False, now, i
            keep[i] = True
        conflict = np.zeros(len(batch), np.bool_)
        conflict[rows] = differs
        if again.any():
            outcome = outcome.copy()
            outcome[rows[again]] = DUPLICATE
        self._keep(key[keep], value[keep])
        return outcome, conflict

    def _note(self, batch: SampleBatch, outcome: U1) -> None:
        """Put a tick aside: as long as nothing comes late, nobody asks what came before."""
        if len(batch):
            self._noted.append((batch, outcome))
            self._count += len(batch)
        while self._count > MOST_NOTED and len(self._noted) > 1:
            self._count -= len(self._noted.popleft()[0])

    def _before(self, key: U8) -> tuple[U8, B1]:
        """Return what was told for tags and times, and for which it is known."""
        place = (key >> _TOP).astype(np.int64)
        hit = self._key[place] == key[:, None]
        return self._value[place, hit.argmax(axis=1)], hit.any(axis=1)

    def _keep(self, key: U8, value: U8) -> None:
        """Remember samples, of one tag and time the last. Those of one bucket go in one after the other."""
        place = (key >> _TOP).astype(np.int64)
        left = np.arange(len(key))
        for _ in range(MOST_ALIKE):
            self._row[place[left[::-1]]] = left[::-1]  # the last one written stays: the first of each bucket
            is_first = self._row[place[left]] == left
            chosen = left[is_first]
            at = place[chosen]
            hit = self._key[at] == key[chosen][:, None]
            known = hit.any(axis=1)
            to = np.where(known, hit.argmax(axis=1), self._turn[at] % WAYS)
            self._key[at, to], self._value[at, to] = key[chosen], value[chosen]
            self._turn[at] += (~known).astype(np.uint8)
            left = left[~is_first]
            if not len(left):
                return


def _words(batch: SampleBatch, outcome: U1) -> tuple[U8, U8, I8]:
    """Return (words of tags and source times, words of values, rows) of what has a time of its own."""
    rows = np.flatnonzero((outcome < DUPLICATE) & ((batch.flags & SOURCE_TIME_ASSUMED) == 0))
    told = batch.source_ns[rows]
    redated = (batch.flags[rows] & REDATED) != 0
    if redated.any():  # what its source said, not when it came
        told = np.where(redated, batch.arrival_ns[rows], told)
    key = (batch.slot[rows].astype(np.uint64) * _SLOT) ^ (told.astype(np.uint64) * _TIME)
    key = (key ^ (key >> _FOLD)) * _VALUE
    number = batch.value[rows] + 0.0  # one zero, not two
    number[np.isnan(number)] = np.nan
    value = number.view(np.uint64) * _VALUE
    if batch.text or batch.array:
        place = np.full(len(batch), -1, np.int64)
        place[rows] = np.arange(len(rows))
        words = {row: hash(text) for row, text in batch.text.items()}
        words |= {row: hash(array.tobytes()) for row, array in batch.array.items()}
        for row, word in words.items():
            if place[row] >= 0:
                value[place[row]] ^= np.uint64(word % _WORD)
    return key | np.uint64(1), value, rows
