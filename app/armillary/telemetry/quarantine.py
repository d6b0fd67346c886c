"""The last messages of a link that could not be read: what they began with, and why."""

from __future__ import annotations

from collections import deque

from armillary.model.link import Quarantined
from armillary.model.sample import WireBatch

KEPT, KEPT_BYTES = 100, 4096  # messages, and how much of each


class Quarantine(deque[Quarantined]):
    """The newest `KEPT` messages of one link that were refused; the oldest goes when another comes."""

    def __init__(self, link: str) -> None:
        super().__init__(maxlen=KEPT)
        self._link = link

    def put(self, batch: WireBatch, row: int, reason: str, offset: int) -> None:
        """Keep a message that was refused at byte `offset` of its payload."""
        data = payload_of(batch, row)
        self.append(
            Quarantined(
                link=self._link,
                channel=batch.channels[batch.channel[row]],
                reason=reason,
                offset=offset,
                head=data[:KEPT_BYTES],
                size=len(data),
                arrival_ns=int(batch.arrival_ns[row]),
            )
        )


def payload_of(batch: WireBatch, row: int) -> bytes:
    """Return the payload of one message of a batch."""
    return batch.payload[batch.start[row] : batch.start[row + 1]]
