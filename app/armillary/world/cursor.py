"""States between two times, from samples: the state at any moment by one search, in any direction.

REPLAY shows a record this way, WHAT-IF a computed run. A state is a function of the samples and the time
alone, so playing forwards, backwards and jumping cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import B1, I8, U4
from armillary.model.sample import SampleBatch, joined, taken

NONE = -1  # row of a slot that has no sample yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Samples with the time from which each counts: n rows in any order; equal times in order of arrival."""

    batch: SampleBatch
    at_ns: I8  # (n,)
    filed_ns: I8  # (n,) an older one than the newest before it is late and never shown

    def __len__(self) -> int:
        return len(self.at_ns)


def known_from(batch: SampleBatch) -> Known:
    """Return samples that count from their source time on: those of a computed run."""
    return Known(batch=batch, at_ns=batch.source_ns, filed_ns=batch.source_ns)


class Window:
    """What n slots were between `from_ns` and `to_ns`, both included."""

    def __init__(
        self, *, slots: int, base: Known, since: Known, from_ns: int, to_ns: int, epochs_ns: I8 | None = None
    ) -> None:
        """base: what was at `from_ns`; since: samples after it up to `to_ns`; slots below `slots`.

        epochs_ns: times, ascending, at which everything began anew: nothing is late over one of them.
        """
        self.slots, self.from_ns, self.to_ns = slots, from_ns, to_ns
        at = np.concatenate((np.minimum(base.at_ns, from_ns), since.at_ns))
        own_at = np.concatenate((base.at_ns, since.at_ns))
        filed = np.concatenate((base.filed_ns, since.filed_ns))
        batch = joined([base.batch, since.batch])
        order = np.lexsort((at, batch.slot))  # stable: equal times stay in the order of arrival
        epoch = np.searchsorted(np.zeros(0) if epochs_ns is None else epochs_ns, own_at, "right")
        kept = order[~_late(batch.slot[order], epoch[order], filed[order])]
        self.batch = taken(batch, kept)
        self.at_ns: I8 = own_at[kept]
        self.filed_ns: I8 = filed[kept]
        self._times: I8 = np.unique(at[kept])
        self._span = len(self._times) + 1
        place = np.searchsorted(self._times, at[kept]) + 1
        self._key: I8 = self.batch.slot.astype(np.int64) * self._span + place
        self._first: I8 = np.arange(slots, dtype=np.int64) * self._span
        self._has_text: B1 = np.zeros(len(kept), np.bool_)
        self._has_text[list(self.batch.text)] = True

    def __len__(self) -> int:
        return len(self.at_ns)

    def rows_at(self, t_ns: int) -> I8:
        """Return the row that counts for each slot at a time, (slots,); NONE where nothing had come."""
        wanted = self._first + int(np.searchsorted(self._times, t_ns, "right"))
        row = np.searchsorted(self._key, wanted, "right") - 1
        out: I8 = np.where((row >= 0) & (self._key[row] > self._first), row, NONE) if len(self) else row
        return out

    def state_at(self, t_ns: int) -> SampleBatch:
        """Return one row for each slot that had a sample by then, by slot."""
        row = self.rows_at(t_ns)
        return self.rows(row[row != NONE])

    def rows(self, rows: I8) -> SampleBatch:
        """Return the batch of some rows; like `taken`, without a loop over rows that have no text."""
        plain = replace(self.batch, text={})
        text = {int(i): self.batch.text[int(rows[i])] for i in np.flatnonzero(self._has_text[rows])}
        return replace(taken(plain, rows), text=text)

    def passed(self, after_ns: int, to_ns: int) -> I8:
        """Return the rows that began to count in after < t ≤ to, in the order of that."""
        rows = np.flatnonzero((self.at_ns > after_ns) & (self.at_ns <= to_ns))
        out: I8 = rows[np.argsort(self.at_ns[rows], kind="stable")]
        return out

    def end(self) -> Known:
        """Return what was at `to_ns`: the base of the window that follows."""
        row = self.rows_at(self.to_ns)
        row = row[row != NONE]
        return Known(batch=self.rows(row), at_ns=self.at_ns[row], filed_ns=self.filed_ns[row])


def _late(slot: U4, epoch: I8, filed_ns: I8) -> B1:
    """Return which rows, sorted by slot and time, are older than one before them in their slot and epoch.

    A running maximum per group in one pass: ranks of the times (small), lifted by the group's number.
    """
    n = len(slot)
    late = np.zeros(n, np.bool_)
    if n:
        group = np.cumsum(np.concatenate(([0], (slot[1:] != slot[:-1]) | (epoch[1:] != epoch[:-1]))))
        lifted = np.unique(filed_ns, return_inverse=True)[1].astype(np.int64) + group * (n + 1)
        late[1:] = lifted[1:] < np.maximum.accumulate(lifted)[:-1]
    return late
