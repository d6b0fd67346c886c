"""What is acknowledged when: on receipt, or once it is on disk, so that a killed process loses nothing.

A broker sends only so many unacknowledged messages. Where that is too few for what comes, waiting for the
disk would fill the broker's queue, which drops without a word: it is noticed, told, and waited for no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

QUICK_NS = 60_000_000  # a window that is full again so soon after an acknowledgement holds messages back
TIMES = 5  # so often in a row
FEW = 1000  # a window at least this large is not complained of: it is what we asked for


class Receipts:
    """The unacknowledged messages of one connection; `waits`: for the disk."""

    def __init__(self, first: int, *, waits: bool) -> None:
        """`first`: the number of the first receipt, beyond those of all connections before."""
        self.waits = waits
        self.next = first
        self.window = 0  # messages that the broker sends at a time, once it turned out to be too few
        self._held: deque[tuple[int, Sequence[int]]] = deque()
        self._count = self._last_full = self._streak = 0
        self._acknowledged_ns = self._grown_ns = 0

    def given(self, ids: Sequence[int], mono_ns: int) -> int:
        """Hold packet ids that a batch brought; return the receipt that the batch must carry."""
        number = self.next
        self.next += 1
        self._held.append((number, ids))
        self._count += len(ids)
        self._grown_ns = mono_ns
        return number

    def stored(self, receipt: int, mono_ns: int) -> list[int]:
        """Return the packet ids to acknowledge now that all up to a receipt is on disk, in their order."""
        if not self._held or self._held[0][0] > receipt:
            return []
        self._look()
        out: list[int] = []
        while self._held and (self.window or self._held[0][0] <= receipt):
            out += self._held.popleft()[1]
        self._count -= len(out)
        self._acknowledged_ns = mono_ns
        return out

    def _look(self) -> None:
        """Notice a window that is full as soon as there is room in it."""
        is_quick = 0 < self._acknowledged_ns <= self._grown_ns < self._acknowledged_ns + QUICK_NS
        is_full = is_quick and 1 < self._count == self._last_full < FEW
        self._streak = self._streak + 1 if is_full else 0
        self._last_full = self._count
        if self._streak >= TIMES:
            self.window, self.waits = self._count, False


def window_words(window: int) -> str:
    """Return what to say of a broker that sends too few messages at a time."""
    return (
        f"The broker sends only {window} messages at a time, too few to wait for the disk: they are "
        "acknowledged on receipt, and what was not on disk yet is lost if this process is killed. "
        "Raise max_inflight_messages of the broker."
    )
