"""What messages told beside their payloads (MQTT 5 properties): times, qualities, until when they matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import I8, U2
from armillary.model.sample import SampleBuilder, WireBatch
from armillary.telemetry.inbox import cut
from armillary.telemetry.payload import source_ns


def times_and_qualities(batches: Sequence[WireBatch]) -> tuple[I8, U2] | None:
    """Return (source times in ns, 0 = none, and quality words) of all messages, None where none told any."""
    if not any(batch.aside for batch in batches):
        return None
    count = sum(map(len, batches))
    times, words = np.zeros(count, np.int64), np.zeros(count, np.uint16)
    base = 0
    for batch in batches:
        for row, aside in batch.aside.items():
            times[base + row] = source_ns(aside.time) if aside.time else 0
            words[base + row] = aside.quality
        base += len(batch)
    return times, words


def fill(builder: SampleBuilder, batch: WireBatch) -> None:
    """Give samples that a decoder plugin made the times and qualities that their messages told."""
    if not batch.aside:
        return
    for i, row in enumerate(builder.row):
        aside = batch.aside.get(row)
        if aside is None:
            continue
        builder.source_ns[i] = builder.source_ns[i] or (source_ns(aside.time) if aside.time else 0)
        builder.quality[i] = max(builder.quality[i] & 0xFF, aside.quality & 0xFF) | (
            (builder.quality[i] | aside.quality) & 0xFF00
        )


def unexpired(batch: WireBatch, now_mono_ns: int) -> tuple[WireBatch, int]:
    """Return the messages that still matter, and how many do not: they waited here for too long."""
    late = [row for row, aside in batch.aside.items() if 0 < aside.until_mono_ns < now_mono_ns]
    if not late:
        return batch, 0
    keep = np.ones(len(batch), np.bool_)
    keep[late] = False
    left = cut(batch, np.flatnonzero(keep))
    assert isinstance(left, WireBatch)  # noqa: S101  a cut keeps the kind
    return left, len(late)
