"""Which rows of a full queue yield, and in which order (operations: backpressure). Array operations alone.

First what a newer row of its channel replaces, oldest first, so that every channel keeps its newest; then the
oldest at all. Rows that automatic actions or counting alarms need come last of all, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.model.sample import SampleBatch, WireBatch, taken

SAMPLE_BYTES = 56  # of one row of a SampleBatch
_GUARDED = 2

Batch = WireBatch | SampleBatch


def size(batch: Batch) -> int:
    """Return how much a batch holds, in bytes."""
    if isinstance(batch, WireBatch):
        return len(batch.payload)
    return SAMPLE_BYTES * len(batch) + sum(array.nbytes for array in batch.array.values())


def kept(batches: Sequence[Batch], guarded: Sequence[B1], excess: int, excess_bytes: int) -> list[B1]:
    """Return a mask for each batch: which rows stay, when `excess` rows and as many bytes have to go.

    `guarded`: for each batch which rows yield last of all. Batches are in order of arrival.
    """
    keys = np.concatenate([_keys(batch) for batch in batches])
    row = np.arange(len(keys))
    last = np.zeros(int(keys.max()) + 1, np.int64)
    last[keys] = row  # of equal keys the last one stays
    newest = last[keys] == row
    turn: U1 = newest.astype(np.uint8) + _GUARDED * np.concatenate(guarded).astype(np.uint8)
    order = np.concatenate([np.flatnonzero(turn == each) for each in range(2 * _GUARDED)])
    count = max(excess, 0)
    if excess_bytes > 0:
        lost = np.cumsum(np.concatenate([_sizes(batch) for batch in batches])[order])
        count = max(count, int(np.searchsorted(lost, excess_bytes)) + 1)
    stays = np.ones(len(keys), np.bool_)
    stays[order[:count]] = False
    return np.split(stays, np.cumsum([len(batch) for batch in batches])[:-1])


def _keys(batch: Batch) -> I8:
    """Return what rows replace each other by: channels are even, slots odd."""
    if isinstance(batch, WireBatch):
        return batch.channel.astype(np.int64) * 2
    return batch.slot.astype(np.int64) * 2 + 1


def _sizes(batch: Batch) -> I8:
    if isinstance(batch, WireBatch):
        return np.diff(batch.start)
    out: I8 = np.full(len(batch), SAMPLE_BYTES, np.int64)
    for row, array in batch.array.items():
        out[row] += array.nbytes
    return out


def cut(batch: Batch, keep: I8) -> Batch:
    """Return the batch of the kept rows, which are in ascending order."""
    if isinstance(batch, SampleBatch):
        return taken(batch, keep)
    sizes = np.diff(batch.start)
    stays = np.zeros(len(batch), np.bool_)
    stays[keep] = True
    edge = np.flatnonzero(np.diff(stays.astype(np.int8), prepend=0, append=0))  # where runs begin and end
    runs = zip(batch.start[edge[::2]].tolist(), batch.start[edge[1::2]].tolist(), strict=True)
    payload = b"".join([batch.payload[begin:end] for begin, end in runs])
    row_of = {old: new for new, old in enumerate(keep.tolist())} if batch.aside else {}
    return WireBatch(
        link=batch.link,
        channel=batch.channel[keep],
        channels=batch.channels,
        start=np.concatenate(([0], np.cumsum(sizes[keep]))).astype(np.int64),
        payload=payload,
        arrival_ns=batch.arrival_ns[keep],
        arrival_mono_ns=batch.arrival_mono_ns[keep],
        flags=batch.flags[keep],
        content=batch.content[keep] if batch.content is not None else None,
        contents=batch.contents,
        aside={row_of[row]: aside for row, aside in batch.aside.items() if row in row_of},
        receipt=batch.receipt,
    )


def cut_all(batches: Sequence[Batch], stays: Sequence[B1]) -> list[Batch]:
    """Return what stays of batches, in their order; neighbours that fit become one, so that few are left."""
    out: list[Batch] = []
    at = 0
    while at < len(batches):
        end = at + 1
        while end < len(batches) and _fit(batches[at], batches[end]):
            end += 1
        if end == at + 1:
            if stays[at].all():
                out.append(batches[at])
            elif stays[at].any():
                out.append(cut(batches[at], np.flatnonzero(stays[at])))
        else:
            one = _merged([b for b in batches[at:end] if isinstance(b, WireBatch)])
            keep = np.flatnonzero(np.concatenate(stays[at:end]))
            if len(keep):
                out.append(cut(one, keep))
        at = end
    return out


def _fit(a: Batch, b: Batch) -> bool:
    """Return whether two batches can be one: plain messages with the same table of channels."""
    if not (isinstance(a, WireBatch) and isinstance(b, WireBatch)) or a.channels is not b.channels:
        return False
    return a.content is None and b.content is None and not a.aside and not b.aside


def _merged(batches: Sequence[WireBatch]) -> WireBatch:
    sizes = np.concatenate([np.diff(b.start) for b in batches])
    return WireBatch(
        link=batches[0].link,
        channel=np.concatenate([b.channel for b in batches]),
        channels=batches[0].channels,
        start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        payload=b"".join(b.payload for b in batches),
        arrival_ns=np.concatenate([b.arrival_ns for b in batches]),
        arrival_mono_ns=np.concatenate([b.arrival_mono_ns for b in batches]),
        flags=np.concatenate([b.flags for b in batches]),
    )


class Guard:
    """The channels and slots of one link whose rows yield last of all."""

    def __init__(self, channels: frozenset[str] = frozenset(), slots: frozenset[int] = frozenset()) -> None:
        self._channels, self._slots = channels, np.array(sorted(slots), np.int64)
        self._table: tuple[str, ...] = ()
        self._is_named: B1 = np.zeros(0, np.bool_)  # by index in `_table`

    def rows(self, batch: Batch) -> B1:
        """Return which rows of a batch are guarded."""
        if isinstance(batch, SampleBatch):
            return np.isin(batch.slot, self._slots)
        if not self._channels:
            return np.zeros(len(batch), np.bool_)
        if batch.channels is not self._table:
            self._table = batch.channels
            self._is_named = np.array([name in self._channels for name in batch.channels], np.bool_)
        return self._is_named[batch.channel]

    def lost(self, batch: Batch, rows: B1) -> tuple[set[str], set[int]]:
        """Return the channels and the slots of these rows."""
        if isinstance(batch, SampleBatch):
            return set(), set(np.unique(batch.slot[rows]).tolist())
        return {batch.channels[i] for i in np.unique(batch.channel[rows]).tolist()}, set()
