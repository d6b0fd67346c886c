"""The bounded hand-over from the link thread to the tick thread, and the books of both.

The only object that both threads share. Whatever enters is taken and decoded, dropped with a reason, or
still queued; `tally` holds the two conservation laws (operations: backpressure) at any moment, also while
the tick thread has a batch in hand.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, I8, U4
from armillary.model.frame import Flow, Tally
from armillary.model.sample import SampleBatch, WireBatch, taken

Batch = WireBatch | SampleBatch

MAX_MESSAGES, MAX_BYTES = 65_536, 64 * 1024 * 1024
ROOM_SHARE, CUT_SHARE = 0.8, 0.9  # stop reading at; when full, cut down to (so that cutting is rare)
SAMPLE_BYTES = 56  # of one row of a SampleBatch
GAPS = 256  # arrivals remembered per link, for what gap is usual
DONE, COALESCED, LATE, DUPLICATE, NO_BINDING = range(5)  # twin.state's outcomes, by their numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs of life of one link, from arrivals and carrier alone (monotonic ns; 0 = never)."""

    arrival_mono_ns: int = 0  # newest message
    alive_mono_ns: int = 0  # newest proof of any kind
    lost_mono_ns: int = 0  # since when it is not up; 0 = it is up
    up_mono_ns: int = 0  # since when it is up
    gap_p99_ns: int = 0  # learnt: 99th percentile of the last gaps between arrivals; 0 = not learnt yet
    received: int = 0  # messages


@dataclass(slots=True)
class _Books:
    """One link's queue and counters; guarded by the inbox's lock."""

    queue: deque[Batch] = field(default_factory=deque)
    queued: int = 0  # messages in `queue`
    queued_bytes: int = 0
    in_hand: int = 0  # messages taken, not yet reported as decoded or dropped
    received: int = 0
    decoded: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    samples: int = 0
    samples_in_hand: int = 0
    applied: int = 0
    coalesced: int = 0
    late: int = 0
    samples_dropped: dict[str, int] = field(default_factory=dict)
    signs: Signs = field(default_factory=Signs)
    gaps: deque[int] = field(default_factory=lambda: deque(maxlen=GAPS))
    delay_s: float = 0.0


class Inbox:
    """Keeps batches per link, in order of arrival, until the next tick takes them. Thread-safe."""

    def __init__(self, links: Iterable[str], max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES):
        self._lock = threading.Lock()
        self._books = {name: _Books() for name in links}
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._closed = False

    # ---- link thread

    def put(self, link: str, batch: Batch) -> None:
        """Queue a batch; when the link's share is full its oldest rows per channel yield, counted."""
        n = len(batch)
        if not n:
            return
        with self._lock:
            books = self._books[link]
            books.received += n
            _note_arrival(books, int(batch.arrival_mono_ns[-1]))
            if self._closed:
                _count(books.dropped, "after_close", n)
                return
            books.queue.append(batch)
            books.queued += n
            books.queued_bytes += _size(batch)
            if books.queued > self._max_messages or books.queued_bytes > self._max_bytes:
                self._yield_oldest(books)

    def drop(self, link: str, reason: str, count: int) -> None:
        """Count messages that a source received and gave up before they got here."""
        with self._lock:
            books = self._books[link]
            books.received += count
            _count(books.dropped, reason, count)

    def kept(self, then: Callable[[], None]) -> None:
        """Call something once all that was put so far is kept: at once here, as a world keeps no queue."""
        then()

    def alive(self, link: str, mono_ns: int) -> None:
        """Note that a link's carrier was proven alive, without a message."""
        with self._lock:
            books = self._books[link]
            if mono_ns > books.signs.alive_mono_ns:
                books.signs = replace(books.signs, alive_mono_ns=mono_ns)

    def carrier(self, link: str, is_up: bool, mono_ns: int) -> None:
        """Note that a link came up or was lost."""
        with self._lock:
            books = self._books[link]
            if is_up:
                signs = books.signs
                alive = max(mono_ns, signs.alive_mono_ns)
                up = signs.up_mono_ns or mono_ns
                books.signs = replace(signs, lost_mono_ns=0, alive_mono_ns=alive, up_mono_ns=up)
            elif not books.signs.lost_mono_ns:
                books.signs = replace(books.signs, lost_mono_ns=mono_ns, up_mono_ns=0)

    def room(self, link: str) -> bool:
        """Return False when a source should stop reading its socket: over 80 % full."""
        books = self._books[link]  # two plain reads: a moment's error is harmless here
        return (
            books.queued < ROOM_SHARE * self._max_messages
            and books.queued_bytes < ROOM_SHARE * self._max_bytes
        )

    def close(self) -> None:
        """Take nothing more; what still comes, and what is still queued, is counted `after_close`."""
        with self._lock:
            self._closed = True
            for books in self._books.values():
                _count(books.dropped, "after_close", books.queued)
                books.queue.clear()
                books.queued = books.queued_bytes = 0

    def add_link(self, link: str) -> None:
        """Make room for a link that was added while the world runs."""
        with self._lock:
            self._books.setdefault(link, _Books())

    # ---- tick thread

    def take(self) -> dict[str, list[Batch]]:
        """Return everything queued, per link in order of arrival. Report it by `decoded` or the law waits."""
        out: dict[str, list[Batch]] = {}
        with self._lock:
            for name, books in self._books.items():
                if books.queue:
                    out[name] = list(books.queue)
                    books.queue.clear()
                    books.in_hand += books.queued
                    books.queued = books.queued_bytes = 0
        return out

    def decoded(self, link: str, messages: int, dropped: Mapping[str, int], samples: int) -> None:
        """Report what became of taken messages, and how many samples came out of them."""
        with self._lock:
            books = self._books[link]
            books.in_hand -= messages + sum(dropped.values())
            books.decoded += messages
            for reason, count in dropped.items():
                _count(books.dropped, reason, count)
            books.samples += samples
            books.samples_in_hand += samples

    def samples_dropped(self, link: str, reason: str, count: int) -> None:
        """Report samples that were given up before the state was touched."""
        with self._lock:
            books = self._books[link]
            books.samples_in_hand -= count
            _count(books.samples_dropped, reason, count)

    def settled(self, link: str, counts: list[int]) -> None:
        """Report what became of samples: counts by outcome of twin.state, in the order of their numbers."""
        with self._lock:
            books = self._books[link]
            books.samples_in_hand -= sum(counts)
            books.applied += counts[DONE]
            books.coalesced += counts[COALESCED] + counts[LATE]
            books.late += counts[LATE]
            _count(books.samples_dropped, "duplicate", counts[DUPLICATE])
            _count(books.samples_dropped, "no_binding", counts[NO_BINDING])

    def delayed(self, link: str, delay_s: float) -> None:
        """Note the median delay of a link's newest batch."""
        with self._lock:
            self._books[link].delay_s = delay_s

    # ---- both

    def tally(self) -> dict[str, Tally]:
        """Return both laws of every link, as they stand at this moment."""
        with self._lock:
            return {name: _tally(books) for name, books in self._books.items()}

    def signs(self) -> dict[str, Signs]:
        """Return the signs of life of every link."""
        with self._lock:
            return {
                name: replace(books.signs, received=books.received, gap_p99_ns=_gap_p99(books.gaps))
                for name, books in self._books.items()
            }

    def delays(self) -> dict[str, float]:
        """Return the median delay in s of each link's newest batch."""
        with self._lock:
            return {name: books.delay_s for name, books in self._books.items()}

    def _yield_oldest(self, books: _Books) -> None:
        """Cut the queue to 90 %: first rows that a newer one of their channel replaces, oldest first."""
        excess = books.queued - int(CUT_SHARE * self._max_messages)
        excess_bytes = books.queued_bytes - int(CUT_SHARE * self._max_bytes)
        batches = list(books.queue)
        replaced = _replaced(batches)
        # The second pass is for a queue in which every channel is already down to its newest.
        for candidates in (replaced, [np.ones(len(b), np.bool_) for b in batches]):
            for i, batch in enumerate(batches):
                if excess <= 0 and excess_bytes <= 0:
                    break
                rows = np.flatnonzero(candidates[i][: len(batch)])
                rows = rows[: _needed(batch, rows, excess, excess_bytes)]
                if not len(rows):
                    continue
                keep = np.ones(len(batch), np.bool_)
                keep[rows] = False
                batches[i] = cut(batch, np.flatnonzero(keep))
                excess -= len(rows)
                excess_bytes -= _size(batch) - _size(batches[i])
        left = [b for b in batches if len(b)]
        queued = sum(len(b) for b in left)
        _count(books.dropped, "inbox_full", books.queued - queued)
        books.queue = deque(left)
        books.queued, books.queued_bytes = queued, sum(_size(b) for b in left)


def _tally(books: _Books) -> Tally:
    return Tally(
        messages=Flow(
            received=books.received,
            done=books.decoded,
            queued=books.queued + books.in_hand,
            dropped=dict(books.dropped),
        ),
        samples=Flow(
            received=books.samples,
            done=books.applied,
            coalesced=books.coalesced,
            late=books.late,
            queued=books.samples_in_hand,
            dropped=dict(books.samples_dropped),
        ),
    )


def _note_arrival(books: _Books, mono_ns: int) -> None:
    if books.signs.arrival_mono_ns:
        books.gaps.append(mono_ns - books.signs.arrival_mono_ns)
    alive = max(mono_ns, books.signs.alive_mono_ns)
    books.signs = replace(books.signs, arrival_mono_ns=mono_ns, alive_mono_ns=alive)


def _gap_p99(gaps: deque[int]) -> int:
    """Return the 99th percentile of the gaps in ns, 0 below 20 of them."""
    enough = 20
    if len(gaps) < enough:
        return 0
    return sorted(gaps)[int(0.99 * (len(gaps) - 1))]


def _count(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + count


def _size(batch: Batch) -> int:
    if isinstance(batch, WireBatch):
        return len(batch.payload)
    return SAMPLE_BYTES * len(batch) + sum(array.nbytes for array in batch.array.values())


def _needed(batch: Batch, rows: I8, excess: int, excess_bytes: int) -> int:
    """Return how many of `rows` must go to lose `excess` messages and `excess_bytes` bytes."""
    if isinstance(batch, WireBatch):
        lost = np.cumsum(batch.start[rows + 1] - batch.start[rows])
    else:
        size = np.full(len(batch), SAMPLE_BYTES, np.int64)
        for row, array in batch.array.items():
            size[row] += array.nbytes
        lost = np.cumsum(size[rows])
    for_bytes = int(np.searchsorted(lost, excess_bytes)) + 1 if excess_bytes > 0 else 0
    return max(excess, for_bytes, 0)


def _replaced(batches: list[Batch]) -> list[B1]:
    """Return for each batch which rows have a newer one of the same channel (or slot) behind them."""
    seen: dict[type, set[int]] = {WireBatch: set(), SampleBatch: set()}
    out: list[B1] = []
    for batch in reversed(batches):
        key: U4 = batch.channel if isinstance(batch, WireBatch) else batch.slot
        newest, last = np.unique(key[::-1], return_index=True)
        mask = np.ones(len(key), np.bool_)
        first_seen = [
            i for k, i in zip(newest.tolist(), last.tolist(), strict=True) if k not in seen[type(batch)]
        ]
        mask[len(key) - 1 - np.array(first_seen, np.int64)] = False
        seen[type(batch)].update(newest.tolist())
        out.append(mask)
    out.reverse()
    return out


def cut(batch: Batch, keep: I8) -> Batch:
    """Return the batch of the kept rows."""
    if isinstance(batch, SampleBatch):
        return taken(batch, keep)
    sizes = batch.start[keep + 1] - batch.start[keep]
    bounds = zip(batch.start[keep].tolist(), batch.start[keep + 1].tolist(), strict=True)
    row_of = {old: new for new, old in enumerate(keep.tolist())} if batch.aside else {}
    return WireBatch(
        link=batch.link,
        channel=batch.channel[keep],
        channels=batch.channels,
        start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        payload=b"".join(batch.payload[a:b] for a, b in bounds),
        arrival_ns=batch.arrival_ns[keep],
        arrival_mono_ns=batch.arrival_mono_ns[keep],
        flags=batch.flags[keep],
        content=batch.content[keep] if batch.content is not None else None,
        contents=batch.contents,
        aside={row_of[row]: aside for row, aside in batch.aside.items() if row in row_of},
    )
