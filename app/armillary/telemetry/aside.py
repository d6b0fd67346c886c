"""What messages told beside their payloads (MQTT 5 properties): times, qualities, media types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.arrays import I8, U2
from armillary.model.quality import worst
from armillary.model.sample import SampleBatch, SampleBuilder, WireBatch
from armillary.telemetry.chain import BY_CONTENT
from armillary.telemetry.inbox import cut
from armillary.telemetry.payload import source_ns
from armillary.telemetry.reasons import CONFLICT, conflict


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


def units(batches: Sequence[WireBatch]) -> dict[int, str]:
    """Return, by row over all batches, the unit that a message told for its values."""
    out: dict[int, str] = {}
    base = 0
    for batch in batches:
        if batch.aside:
            out.update({base + row: aside.unit for row, aside in batch.aside.items() if aside.unit})
        base += len(batch)
    return out


def with_units(
    samples: SampleBatch, row: I8, told: Mapping[int, str], expected: Mapping[int, str]
) -> SampleBatch:
    """Return the samples (sample i is of message row[i]) with those BAD whose message told another unit.

    `expected`: the units of slots.
    """
    if not told:
        return samples
    why, quality = dict(samples.why), samples.quality.copy()
    at = np.flatnonzero(np.isin(row, np.fromiter(told, np.int64, len(told))))
    for i in at.tolist():
        words = conflict(told[int(row[i])], expected.get(int(samples.slot[i]), ""))
        if words:
            why[i] = words
            quality[i : i + 1] = worst(quality[i : i + 1], np.array([CONFLICT], np.uint16))
    return replace(samples, why=why, quality=quality)


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


def decoders(batch: WireBatch) -> list[str] | None:
    """Return the decoder that the sender of each message names by a media type, "" for none it knows."""
    if batch.content is None or not any(batch.contents):
        return None
    names = [BY_CONTENT.get(mime.partition(";")[0].strip().lower(), "") for mime in batch.contents]
    return [names[i] for i in batch.content.tolist()]


def maybe_json(batch: WireBatch) -> I8 | None:
    """Return for each message 0 where its sender says that it is something else, None where none says it."""
    said = decoders(batch)
    return None if said is None else np.array([word in ("", "json") for word in said], np.int64)
