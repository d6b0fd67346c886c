"""Messages of one link → samples: by channel to its routes, by decoder to values.

Built in: `raw` (one bare value), `json` (paths into a document), `auto` (by path, else by first byte).
Others come by name as `Decoder` plugins. Payload content never raises: a message that cannot be read is
dropped as `undecodable`, kept in the quarantine list, and its tags turn BAD|DECODE, so that nobody takes
the value before it for the present one. A place that a document does not have keeps its value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from armillary.api.ports import Decoder
from armillary.model.arrays import F4, F8, I8, U2
from armillary.model.link import SubscriptionPlan
from armillary.model.quality import worst
from armillary.model.sample import (
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    SampleBuilder,
    Text,
    WireBatch,
    empty_batch,
    joined,
)
from armillary.telemetry import aside
from armillary.telemetry.parts import ChannelPlan, Part, channel_plans
from armillary.telemetry.path import ABSENT
from armillary.telemetry.payload import (
    EPOCH_MS,
    EPOCH_S,
    EPOCH_US,
    MAX_DEPTH,
    TOO_LATE,
    UNREADABLE,
    Undecodable,
    converted,
    document,
    epoch_unit,
    is_suspect,
    scalar,
    source_ns,
)

KEPT, KEPT_BYTES = 100, 4096  # payloads in quarantine, and how much of each
_UNCHECKED = 2 * MAX_DEPTH  # payloads up to this size cannot break the limits on depth and fields
_NUMBERS = frozenset({int, float})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that could not be decoded."""

    link: str
    channel: str
    reason: str
    offset: int  # byte of the payload at which reading failed
    head: bytes  # the first bytes
    size: int
    arrival_ns: int


@dataclass(slots=True, kw_only=True)
class Decoded:
    """Samples of some messages; messages = len of the batches = done + the sum of dropped."""

    samples: SampleBatch
    messages: int
    dropped: dict[str, int] = field(default_factory=dict)


class Decoding:
    """Decodes the messages of one link. Keeps what it learns of channels between calls."""

    def __init__(self, plan: SubscriptionPlan, decoders: Mapping[str, Decoder] | None = None) -> None:
        self._link = plan.link.name
        self._by_channel, self.problems = channel_plans(plan.routes, decoders or {})
        self._channels: tuple[str, ...] = ()
        self._plans: list[ChannelPlan | None] = []
        self.quarantine: deque[Quarantined] = deque(maxlen=KEPT)
        self.time_units: dict[str, str] = {}  # channel -> the unit its first epoch time was taken to be in

    def decode(self, batches: Sequence[WireBatch]) -> Decoded:
        """Return the samples of some batches in order of arrival, before units, ranges and time checks."""
        if not batches:
            return Decoded(samples=empty_batch(), messages=0)
        heap = _Heap()
        base = 0
        for batch in batches:
            self._learn(batch.channels)
            self._read(batch, base, heap)
            base += len(batch)
        done = base - sum(heap.dropped.values())
        samples = heap.build(batches)
        if heap.foreign:
            samples = joined([samples, *heap.foreign])
        return Decoded(samples=samples, messages=done, dropped=heap.dropped)

    def _learn(self, channels: tuple[str, ...]) -> None:
        """Bring the list of plans in line with a batch's channel table, which only grows in a session."""
        if channels is self._channels:
            return
        known = len(self._channels)
        if channels[:known] != self._channels:
            self._plans.clear()
            known = 0
        self._plans.extend(self._by_channel.get(name) for name in channels[known:])
        self._channels = channels

    def _read(self, batch: WireBatch, base: int, heap: _Heap) -> None:
        """Decode one batch. The short way is for plain JSON documents with their numbers at plain keys.

        Anything unusual in a message sends that message the long way, which judges each field alone.
        """
        plans, payload, loads = self._plans, batch.payload, orjson.loads
        starts = batch.start.tolist()
        values, slots, times, hits, widths = heap.values, heap.slots, heap.times, heap.hits, heap.widths
        foreign: dict[int, list[int]] = {}
        filtered = 0
        begin = starts[0]
        for row, (channel, end) in enumerate(zip(batch.channel.tolist(), starts[1:], strict=True)):
            data, begin, plan = payload[begin:end], end, plans[channel]
            if plan is None:
                filtered += 1
                continue
            if plan.is_foreign:
                foreign.setdefault(channel, []).append(row)
                continue
            if plan.is_plain and plan.seen and (len(data) <= _UNCHECKED or not is_suspect(data)):
                try:
                    found = loads(data)
                    got = plan.keys(found)
                    time = None if plan.time is None else plan.time(found)
                except (ValueError, KeyError, TypeError):
                    self._long_way(batch, base, row, plan, data, heap)
                    continue
                if plan.width == 1:
                    values.append(got)
                else:
                    values.extend(got)
                slots.extend(plan.slots)
                times.append(time)
                hits.append(base + row)
                widths.append(plan.width)
            else:
                self._long_way(batch, base, row, plan, data, heap)
        if filtered:
            heap.drop("filtered", filtered)
        for channel, rows in foreign.items():
            self._by_plugin(batch, np.array(rows, np.int64), channel, heap)

    def _long_way(
        self, batch: WireBatch, base: int, row: int, plan: ChannelPlan, data: bytes, heap: _Heap
    ) -> None:
        """Decode one message field by field; what cannot be read at all goes to quarantine."""
        try:
            for part in plan.parts:
                self._part(part, base + row, data, heap, batch.channels[batch.channel[row]])
            plan.seen = True
        except Undecodable as error:
            self._reject(batch, row, error.reason, error.offset, data)
            heap.drop("undecodable", 1)
            for part in plan.parts:
                heap.add(
                    base + row, None, [(r.route.slot, float("nan"), UNREADABLE, None) for r in part.readers]
                )

    def _part(self, part: Part, at: int, data: bytes, heap: _Heap, channel: str) -> None:
        """Decode the routes of one part (same decoder, same time path) from one payload."""
        if part.is_raw(data):
            bare = [(r.route.slot, *scalar(data, r.route.kind, r.route.states)) for r in part.readers]
            heap.add(at, None, bare)
            return
        whole = document(data)
        found: list[tuple[int, float, int, Text | F4 | None]] = []
        for reader in part.readers:
            value = reader.path(whole)
            if value is not ABSENT:
                found.append((reader.route.slot, *converted(value, reader.route.kind, reader.route.states)))
        time = part.time_path(whole) if part.time_path is not None else None
        if time is ABSENT:
            time = None
        if channel not in self.time_units and isinstance(time, int | float | str):
            self.time_units[channel] = "text" if isinstance(time, str) else epoch_unit(time)
        heap.add(at, time, found)

    def _by_plugin(self, batch: WireBatch, rows: I8, channel: int, heap: _Heap) -> None:
        """Decode the rows of one channel by its plugin; a plugin that raises rejects them all."""
        plan = self._plans[channel]
        if plan is None or plan.decoder is None:
            return
        builder = SampleBuilder(batch)
        try:
            plan.decoder.decode(batch, rows, plan.routes, builder)
            aside.fill(builder, batch)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; the rows say so
            builder = SampleBuilder(batch)
            for row in rows.tolist():
                builder.reject(row, f"the decoder failed: {type(error).__name__}: {error}")
        for row, reason in builder.rejected.items():
            self._reject(batch, row, reason, 0, batch.payload[batch.start[row] : batch.start[row + 1]])
            for route in plan.routes:
                builder.add(row, route.slot, float("nan"), 0, UNREADABLE)
        if builder.rejected:
            heap.drop("undecodable", len(builder.rejected))
        heap.foreign.append(builder.build())

    def _reject(self, batch: WireBatch, row: int, reason: str, offset: int, data: bytes) -> None:
        self.quarantine.append(
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


class _Heap:
    """Decoded rows of several batches, as lists; arrays are made once, in `build`."""

    def __init__(self) -> None:
        self.values: list[object] = []  # per sample; the short way puts in whatever stood there
        self.slots: list[int] = []  # per sample
        self.times: list[object] = []  # per message, raw
        self.hits: list[int] = []  # per message with samples: its row over all batches
        self.widths: list[int] = []  # per message: how many samples
        self.quality: dict[int, int] = {}  # sample -> quality, where not GOOD
        self.text: dict[int, Text] = {}
        self.array: dict[int, F4] = {}
        self.dropped: dict[str, int] = {}
        self.foreign: list[SampleBatch] = []

    def drop(self, reason: str, count: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, at: int, time: object, found: Sequence[tuple[int, float, int, Text | F4 | None]]) -> None:
        """Add the samples (slot, number, quality, text or array) of the message at row `at`."""
        if not found:
            return
        for slot, number, quality, text in found:
            if quality:
                self.quality[len(self.values)] = quality
            if isinstance(text, str):
                self.text[len(self.values)] = text
            elif text is not None:
                self.array[len(self.values)] = text
            self.values.append(number)
            self.slots.append(slot)
        self.times.append(time)
        self.hits.append(at)
        self.widths.append(len(found))

    def build(self, batches: Sequence[WireBatch]) -> SampleBatch:
        """Return the samples as arrays."""
        if not self.values:
            return empty_batch()
        value, quality = self._numbers()
        row = np.repeat(np.array(self.hits, np.int64), self.widths)
        own = np.repeat(_source_times(self.times), self.widths)
        told = aside.times_and_qualities(batches)
        if told is not None:
            own = np.where(own == 0, told[0][row], own)
            quality = worst(quality, told[1][row])
        arrival = _column(batches, "arrival_ns")[row]
        assumed = own == 0
        flags = _column(batches, "flags")[row] | np.where(assumed, SOURCE_TIME_ASSUMED, 0).astype(np.uint8)
        return SampleBatch(
            slot=np.array(self.slots, np.uint32),
            value=value,
            source_ns=np.where(assumed, arrival, own),
            arrival_ns=arrival,
            arrival_mono_ns=_column(batches, "arrival_mono_ns")[row],
            quality=quality,
            flags=flags.astype(np.uint8),
            status=np.zeros(len(row), np.uint32),
            text=self.text,
            array=self.array,
        )

    def _numbers(self) -> tuple[F8, U2]:
        """Return values and qualities; what the short way took up and is no number becomes BAD."""
        quality = np.zeros(len(self.values), np.uint16)
        if not set(map(type, self.values)) <= _NUMBERS:
            for i, value in enumerate(self.values):
                if type(value) not in _NUMBERS:
                    self.values[i] = float("nan")
                    self.quality[i] = UNREADABLE
        for i, word in self.quality.items():
            quality[i] = word
        return np.array(self.values, np.float64), quality


def _column(batches: Sequence[WireBatch], name: str) -> I8:
    out: I8 = np.concatenate([getattr(b, name) for b in batches])
    return out


def _source_times(times: list[object]) -> I8:
    """Return ns of the raw times of some messages, 0 for none. One array operation for plain integers."""
    kinds = set(map(type, times))
    if kinds == {type(None)}:
        return np.zeros(len(times), np.int64)
    if kinds == {int}:
        try:
            return _epochs(np.array(times, np.int64))
        except OverflowError:
            pass  # an integer beyond 64 bits: one by one below
    return np.fromiter(map(source_ns, times), np.int64, len(times))


def _epochs(raw: I8) -> I8:
    """Return ns of integer epoch times by magnitude; agrees with payload.source_ns."""
    size = np.abs(raw)
    scale = np.select([size < EPOCH_S, size < EPOCH_MS, size < EPOCH_US], [10**9, 10**6, 10**3], 1).astype(
        np.int64
    )
    bounded = np.minimum(raw, TOO_LATE // scale)
    return np.maximum(bounded * scale, 1)
