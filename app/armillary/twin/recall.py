"""Remembers which samples came lately, so that one that comes twice counts once, in whatever order.

`twin.state` compares with the newest value alone. What is older than that, sent again after an outage or from
an edge's queue, is found here: by tag and source time, in a table of fixed size in which a newer sample takes
the place of an older one. What was forgotten is found by the historian, which has it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import B1, I8, U1
from armillary.model.sample import REDATED, SOURCE_TIME_ASSUMED, SampleBatch
from armillary.twin.state import DUPLICATE, LATE

U8 = npt.NDArray[np.uint64]
BITS = 18  # 262,144 samples, 5 MiB
_SLOT, _TIME, _VALUE = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_FOLD, _TOP = np.uint64(31), np.uint64(64 - BITS)
_WORD = 2**64


class Recall:
    """The newest samples of a world; used by the tick thread alone.

    Samples are known by words of 64 bits: two different ones are taken for one once in 2⁶⁴.
    """

    def __init__(self) -> None:
        self._key: U8 = np.zeros(1 << BITS, np.uint64)  # of tag and time; 0 = none
        self._value: U8 = np.zeros(1 << BITS, np.uint64)
        self._row = np.zeros(1 << BITS, np.int32)

    def look(self, batch: SampleBatch, outcome: U1) -> tuple[U1, B1]:
        """Return outcomes in which a late row that came before is a DUPLICATE, and which rows are conflicts.

        A conflict tells another value for a tag and time that were told before. outcome, both results: (n,).
        """
        conflict = np.zeros(len(batch), np.bool_)
        rows = np.flatnonzero((outcome < DUPLICATE) & ((batch.flags & SOURCE_TIME_ASSUMED) == 0))
        if not len(rows):
            return outcome, conflict
        key, value = _words(batch, rows)
        place = (key >> _TOP).astype(np.int64)
        known = self._key[place] == key
        before = self._value[place]
        late = outcome[rows] == LATE
        same = known & (before == value)
        again, differs = late & same, known & ~same
        number = np.arange(len(rows), dtype=np.int32)
        self._row[place] = number
        last = self._row[place]
        twice = (last != number) & (key[last] == key)
        if twice.any():  # the same tag and time more than once in one batch
            seen: dict[int, int] = {}
            for i in np.flatnonzero(np.isin(key, key[twice])).tolist():
                told = seen.get(int(key[i]), int(before[i]) if known[i] else None)
                now = seen[int(key[i])] = int(value[i])
                again[i] = late[i] and told == now
                differs[i] = told is not None and told != now
        conflict[rows] = differs
        if again.any():
            outcome = outcome.copy()
            outcome[rows[again]] = DUPLICATE
        self._key[place[~again]], self._value[place[~again]] = key[~again], value[~again]
        return outcome, conflict


def _words(batch: SampleBatch, rows: I8) -> tuple[U8, U8]:
    """Return (word of tag and source time, word of the value) of some rows."""
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
    return key | np.uint64(1), value
