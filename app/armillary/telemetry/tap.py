"""A few messages of each topic, kept aside for whoever compares the model with what comes.

The tick thread looks, the loop thread takes. Of a topic that feeds no tag the first three messages are kept,
and one in each round afterwards; of the others three in each round. Bounded by messages and bytes; one look
at an array for a batch of which nothing is wanted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import I8
from armillary.model.sample import WireBatch

LOOKS = 3
MOST_BYTES, MOST_PAYLOAD = 4 * 1024 * 1024, 16_384
MOST_MESSAGES, MOST_STRANGERS = 4_000, 5_000


@dataclass(frozen=True, slots=True)
class Tapped:
    """One message as it came."""

    link: str
    channel: str
    payload: bytes
    arrival_ns: int
    stranger: bool  # its topic feeds no tag


class Tap:
    """Of one link."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._left: I8 = np.zeros(0, np.int64)  # messages wanted, by channel
        self._stranger: list[bool] = []
        self._strangers = 0
        self.left_out = 0  # topics that were too many, and messages that were
        self._came: deque[Tapped] = deque()
        self._bytes = 0
        self._renew = False

    def learn(self, strangers: Sequence[bool], known: int) -> None:
        """Take the channels from number `known` on: whether each feeds no tag."""
        del self._stranger[known:]
        self._strangers = sum(self._stranger)  # another session begins with none
        want = []
        for one in strangers:
            self._strangers += one
            is_one_too_many = one and self._strangers > MOST_STRANGERS
            self.left_out += is_one_too_many
            want.append(0 if is_one_too_many else LOOKS)
            self._stranger.append(one)
        self._left = np.concatenate((self._left[:known], np.array(want, np.int64)))

    @property
    def strangers(self) -> int:
        """How many topics were seen that feed no tag."""
        return self._strangers

    def look(self, batch: WireBatch) -> None:
        """Keep what is wanted of a batch."""
        if self._renew:
            self._renew = False
            again = np.array([1 if one else LOOKS for one in self._stranger], np.int64)
            self._left = np.maximum(self._left, again[: len(self._left)])
            if self._strangers > MOST_STRANGERS:
                self._left[np.flatnonzero(self._stranger)[MOST_STRANGERS:]] = 0
        rows = np.flatnonzero(self._left[batch.channel])
        for row in rows[:MOST_MESSAGES].tolist():
            channel = int(batch.channel[row])
            start, stop = int(batch.start[row]), int(batch.start[row + 1])
            if not self._left[channel]:
                continue
            self._left[channel] -= 1
            if stop - start > MOST_PAYLOAD or self._bytes + stop - start > MOST_BYTES:
                continue
            if len(self._came) >= MOST_MESSAGES:
                self.left_out += 1
                continue
            self._bytes += stop - start
            payload = batch.payload[start:stop]
            self._came.append(
                Tapped(
                    self._link,
                    batch.channels[channel],
                    bytes(payload),
                    int(batch.arrival_ns[row]),
                    self._stranger[channel],
                )
            )

    def take(self) -> list[Tapped]:
        """Return what was kept since the last call, and begin a new round. On the loop's thread."""
        out = [self._came.popleft() for _ in range(len(self._came))]
        self._bytes = 0
        self._renew = True
        return out
