"""The bounded hand-over from the link thread to the tick thread, and the books of both.

The only object that both threads share. Whatever enters is taken and decoded, dropped with a reason, or
still queued; `tally` holds the two conservation laws (operations: backpressure) at any moment, also while
the tick thread has a batch in hand.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from armillary.model.clock import NS
from armillary.model.frame import MESSAGE_DROPS, Flow, Tally
from armillary.telemetry import yielding
from armillary.telemetry.heard import Heard
from armillary.telemetry.yielding import Batch, Guard, cut

__all__ = ["Batch", "Inbox", "Signs", "cut"]

MAX_MESSAGES, MAX_BYTES = 65_536, 64 * 1024 * 1024
ROOM_SHARE, CUT_SHARE = 0.8, 0.9  # stop reading at; when full, cut down to (so that cutting is rare)
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
    hand_mono_ns: int = 0  # arrival of the oldest of these
    received: int = 0
    decoded: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    samples: int = 0
    samples_in_hand: int = 0
    applied: int = 0
    coalesced: int = 0
    late: int = 0
    conflict: int = 0
    samples_dropped: dict[str, int] = field(default_factory=dict)
    signs: Signs = field(default_factory=Signs)
    gaps: deque[int] = field(default_factory=lambda: deque(maxlen=GAPS))
    delay_s: float = 0.0
    guard: Guard = field(default_factory=Guard)
    lost_channels: set[str] = field(default_factory=set)  # guarded, with rows that had to go all the same
    lost_slots: set[int] = field(default_factory=set)
    taken_lost: tuple[frozenset[str], frozenset[int]] | None = None  # the same, of what was taken since


class Inbox:
    """Keeps batches per link, in order of arrival, until the next tick takes them. Thread-safe."""

    def __init__(self, links: Iterable[str], max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES):
        self._lock = threading.Lock()
        self._books = {name: _Books() for name in links}
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._closed = False
        self.heard = Heard()  # of the alarms that servers own

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
            books.queued_bytes += yielding.size(batch)
            if books.queued > self._max_messages or books.queued_bytes > self._max_bytes:
                self._yield_oldest(books)

    def drop(self, link: str, reason: str, count: int) -> None:
        """Count messages that a source received and gave up before they got here.

        Raises ValueError for a reason that is none of MESSAGE_DROPS: what nobody knows nobody looks for.
        """
        if reason not in MESSAGE_DROPS:
            raise ValueError(f"'{reason}' is no reason to drop a message: {', '.join(MESSAGE_DROPS)}")
        with self._lock:
            books = self._books[link]
            books.received += count
            _count(books.dropped, reason, count)

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

    def guard(self, link: str, channels: frozenset[str], slots: frozenset[int]) -> None:
        """Say which channels and slots of a link yield last of all: they feed actions and counts."""
        with self._lock:
            self._books[link].guard = Guard(channels, slots)

    def lag_s(self, now_mono_ns: int) -> dict[str, float]:
        """Return, by link, for how long the oldest message waits that is not decoded yet."""
        with self._lock:
            return {name: _lag_s(books, now_mono_ns) for name, books in self._books.items()}

    # ---- tick thread

    def take(self) -> dict[str, list[Batch]]:
        """Return everything queued, per link in order of arrival. Report it by `decoded` or the law waits."""
        out: dict[str, list[Batch]] = {}
        with self._lock:
            for name, books in self._books.items():
                if books.lost_channels or books.lost_slots:
                    books.taken_lost = frozenset(books.lost_channels), frozenset(books.lost_slots)
                    books.lost_channels, books.lost_slots = set(), set()
                if books.queue:
                    out[name] = list(books.queue)
                    books.hand_mono_ns = int(books.queue[0].arrival_mono_ns[0])
                    books.queue.clear()
                    books.in_hand += books.queued
                    books.queued = books.queued_bytes = 0
        return out

    def take_lost(self) -> dict[str, tuple[frozenset[str], frozenset[int]]]:
        """Return, by link, the guarded channels and slots of which rows went before what `take` gave."""
        out: dict[str, tuple[frozenset[str], frozenset[int]]] = {}
        with self._lock:
            for name, books in self._books.items():
                if books.taken_lost is not None:
                    out[name], books.taken_lost = books.taken_lost, None
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

    def settled(self, link: str, counts: list[int], conflict: int = 0) -> None:
        """Report what became of samples: counts by outcome of twin.state, in the order of their numbers.

        `conflict`: how many of them told another value for a tag and time that were told before.
        """
        with self._lock:
            books = self._books[link]
            books.samples_in_hand -= sum(counts)
            books.applied += counts[DONE]
            books.coalesced += counts[COALESCED] + counts[LATE]
            books.late += counts[LATE]
            books.conflict += conflict
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
        """Cut the queue to 90 %, in the order of `telemetry.yielding`, and count what went."""
        batches = list(books.queue)
        guarded = [books.guard.rows(batch) for batch in batches]
        stays = yielding.kept(
            batches,
            guarded,
            books.queued - int(CUT_SHARE * self._max_messages),
            books.queued_bytes - int(CUT_SHARE * self._max_bytes),
        )
        for batch, keep, last in zip(batches, stays, guarded, strict=True):
            if last.any() and (lost := last & ~keep).any():
                channels, slots = books.guard.lost(batch, lost)
                books.lost_channels |= channels
                books.lost_slots |= slots
        left = yielding.cut_all(batches, stays)
        queued = sum(len(b) for b in left)
        _count(books.dropped, "inbox_full", books.queued - queued)
        books.queue = deque(left)
        books.queued, books.queued_bytes = queued, sum(yielding.size(b) for b in left)


def _lag_s(books: _Books, now_mono_ns: int) -> float:
    if books.in_hand:
        return (now_mono_ns - books.hand_mono_ns) / NS
    return (now_mono_ns - int(books.queue[0].arrival_mono_ns[0])) / NS if books.queue else 0.0


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
            conflict=books.conflict,
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
