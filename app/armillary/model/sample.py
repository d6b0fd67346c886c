"""Batches: what a source hands over, before and after decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import F4, F8, I8, U1, U2, U4, frozen

RETAINED, DUPLICATE, HISTORICAL, SOURCE_TIME_ASSUMED, EVALUATED, WAITED, REDATED = 1, 2, 4, 8, 16, 32, 64
"""EVALUATED: a derived value as it is recorded, filed under the time of its evaluation: `source_ns` holds
that, `arrival_ns` its own source time (that of its oldest input, which may be days before).
WAITED: a server kept the message while we were away, so its arrival says nothing of its age.
REDATED: its source's clock is not believed: `source_ns` holds the arrival, `arrival_ns` what the source said.
HISTORICAL: told of the past: recorded, never shown, whoever found that out (its sender or this world)."""
EARLY_NS, LATE_NS = 60_000_000_000, 600_000_000_000
"""How far a sample's arrival may be before and after its source time and still count in a replay."""

MOST_VALUES = 262_144  # of one array: 1 MiB as it travels; longer ones are refused

Text = str
"""A string value; structures travel as their JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a message told beside its payload (MQTT 5 properties); few messages do."""

    time: str = ""  # its own, in a form that a payload may have; one in the payload goes before it
    unit: str = ""  # that of its values, as the sender spells it
    quality: int = 0  # a quality word, combined with what the payload says
    until_mono_ns: int = 0  # after this moment nobody wants it any more; 0 = no end


@dataclass(frozen=True, slots=True, kw_only=True)
class WireBatch:
    """Messages of a byte-oriented source (MQTT, Kafka, serial), as they came, n rows."""

    link: str
    channel: U4  # (n,) index into `channels`
    channels: tuple[str, ...]  # topic or address, each once per link session; only ever grows
    start: I8  # (n + 1,) payload i is payload[start[i]:start[i + 1]]
    payload: bytes
    arrival_ns: I8  # (n,) wall clock of this machine when read from the socket: display and history only
    arrival_mono_ns: I8  # (n,) the world's monotonic clock: every age and timeout uses this one
    flags: U1  # (n,) RETAINED, DUPLICATE, HISTORICAL, WAITED
    content: U1 | None = None  # (n,) index into `contents`: what the sender says it is; None: nothing
    contents: tuple[str, ...] = ()  # media types; the first is "" = not said
    aside: Mapping[int, Aside] = field(default_factory=dict)  # row -> what its message told besides
    receipt: int = (
        0  # ascending, of the source's own: it is told when all up to it is on disk; 0 = none wanted
    )

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """Values of tags, n rows, in order of arrival; what everything after decode speaks."""

    slot: U4  # (n,)
    value: F8  # (n,) engineering value; bool and enum as number; NaN only with quality BAD, NEVER or text
    source_ns: I8  # (n,) the plant's clock; = arrival_ns when the payload has none (SOURCE_TIME_ASSUMED)
    arrival_ns: I8  # (n,)
    arrival_mono_ns: I8  # (n,)
    quality: U2  # (n,)
    flags: U1  # (n,)
    status: U4  # (n,) the protocol's own status code, 0 where there is none; for the detail panel
    text: Mapping[int, Text] = field(default_factory=dict)  # row -> string, for the few tags that need it
    array: Mapping[int, F4] = field(default_factory=dict)
    """row -> numbers of an array tag, (v,) read-only, NaN where there is none; never sent to a recorder"""
    why: Mapping[int, str] = field(default_factory=dict)
    """row -> why its value is not good, in words for people; of few rows, never sent to a recorder"""

    def __len__(self) -> int:
        return len(self.slot)


def array_of(value: object) -> F4 | None:
    """Return the numbers of a list, nested ones row by row, (v,) read-only; None where it is no such list.

    null and what is beyond single precision is NaN: at that place there is no value.
    """
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    try:
        out = np.asarray(value)
        if out.dtype == object:  # a null among them, or lists of unequal lengths: refused where they are cast
            out = np.array([np.nan if x is None else x for x in out.reshape(-1).tolist()])
    except ValueError:
        return None
    if out.dtype.kind not in "fiu" or not 0 < out.size <= MOST_VALUES:
        return None  # texts are never read as numbers
    with np.errstate(over="ignore"):
        single = out.reshape(-1).astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return frozen(single)


def told(array: F4) -> Text:
    """Return what a table and the history show of an array: `2500 values, 20.1 to 86.4`."""
    known = array[np.isfinite(array)]
    ends = f", {known.min():.4g} to {known.max():.4g}" if len(known) else ", none of them a number"
    return f"{len(array)} values{ends}"


def batch_of(
    slot: U4,
    value: F8,
    source_ns: I8,
    arrival_ns: int | I8,
    arrival_mono_ns: int | I8,
    *,
    quality: U2 | None = None,
    flags: U1 | None = None,
    status: U4 | None = None,
    text: Mapping[int, Text] | None = None,
) -> SampleBatch:
    """Return a SampleBatch with arrivals broadcast and the rest GOOD and unflagged unless given."""
    n = len(slot)
    return SampleBatch(
        slot=slot,
        value=value,
        source_ns=source_ns,
        arrival_ns=np.broadcast_to(np.asarray(arrival_ns, np.int64), (n,)),
        arrival_mono_ns=np.broadcast_to(np.asarray(arrival_mono_ns, np.int64), (n,)),
        quality=np.zeros(n, np.uint16) if quality is None else quality,
        flags=np.zeros(n, np.uint8) if flags is None else flags,
        status=np.zeros(n, np.uint32) if status is None else status,
        text={} if text is None else text,
    )


def empty_batch() -> SampleBatch:
    """Return a batch of no rows."""
    none = np.zeros(0, np.int64)
    return batch_of(np.zeros(0, np.uint32), np.zeros(0), none, none, none)


def joined(batches: tuple[SampleBatch, ...] | list[SampleBatch]) -> SampleBatch:
    """Return one batch with the rows of all, in order."""
    if not batches:
        return empty_batch()
    if len(batches) == 1:
        return batches[0]
    text: dict[int, Text] = {}
    array: dict[int, F4] = {}
    why: dict[int, str] = {}
    base = 0
    for batch in batches:
        text.update({base + row: value for row, value in batch.text.items()})
        array.update({base + row: value for row, value in batch.array.items()})
        why.update({base + row: words for row, words in batch.why.items()})
        base += len(batch)
    return SampleBatch(
        slot=np.concatenate([b.slot for b in batches]),
        value=np.concatenate([b.value for b in batches]),
        source_ns=np.concatenate([b.source_ns for b in batches]),
        arrival_ns=np.concatenate([b.arrival_ns for b in batches]),
        arrival_mono_ns=np.concatenate([b.arrival_mono_ns for b in batches]),
        quality=np.concatenate([b.quality for b in batches]),
        flags=np.concatenate([b.flags for b in batches]),
        status=np.concatenate([b.status for b in batches]),
        text=text,
        array=array,
        why=why,
    )


def taken(batch: SampleBatch, rows: U4 | I8) -> SampleBatch:
    """Return the batch of some rows, in the order given."""
    text, array, why = batch.text, batch.array, batch.why
    return SampleBatch(
        slot=batch.slot[rows],
        value=batch.value[rows],
        source_ns=batch.source_ns[rows],
        arrival_ns=batch.arrival_ns[rows],
        arrival_mono_ns=batch.arrival_mono_ns[rows],
        quality=batch.quality[rows],
        flags=batch.flags[rows],
        status=batch.status[rows],
        text={i: text[r] for i, r in enumerate(rows.tolist()) if r in text} if text else {},
        array={i: array[r] for i, r in enumerate(rows.tolist()) if r in array} if array else {},
        why={i: why[r] for i, r in enumerate(rows.tolist()) if r in why} if why else {},
    )


def known_ns(batch: SampleBatch) -> I8:
    """Return when each stored sample became known, (n,): its arrival, within EARLY_NS and LATE_NS."""
    lag = np.clip(batch.arrival_ns - batch.source_ns, -EARLY_NS, LATE_NS)
    is_filed = (batch.flags & (EVALUATED | REDATED)) != 0
    known: I8 = batch.source_ns + np.where(is_filed, 0, lag)
    return known


def shown(batch: SampleBatch) -> SampleBatch:
    """Return samples as state and alarms take them: what was REDATED came when it was filed."""
    redated = (batch.flags & REDATED) != 0
    if not redated.any():
        return batch
    return replace(batch, arrival_ns=np.where(redated, batch.source_ns, batch.arrival_ns))


def evaluated(batch: SampleBatch) -> SampleBatch:
    """Return derived values as they are recorded, and recorded ones as they were: times swapped, flag set."""
    flags = batch.flags | np.uint8(EVALUATED)
    return replace(batch, source_ns=batch.arrival_ns, arrival_ns=batch.source_ns, flags=flags)


class SampleBuilder:
    """Collects decoded rows of one WireBatch; lists are appended to, arrays made once in `build`."""

    def __init__(self, batch: WireBatch) -> None:
        self.batch = batch
        self.row: list[int] = []  # row of the message each sample came from
        self.slot: list[int] = []
        self.value: list[float] = []
        self.source_ns: list[int] = []  # 0: the payload has no time
        self.quality: list[int] = []
        self.text: dict[int, Text] = {}
        self.array: dict[int, F4] = {}
        self.why: dict[int, str] = {}  # sample -> why it is not good
        self.rejected: dict[int, str] = {}  # message row -> why it could not be decoded
        self.offsets: dict[int, int] = {}  # message row -> byte at which reading failed, where known

    def add(self, row: int, slot: int, value: float, source_ns: int = 0, quality: int = 0) -> None:
        """Add one sample decoded from message `row`."""
        self.row.append(row)
        self.slot.append(slot)
        self.value.append(value)
        self.source_ns.append(source_ns)
        self.quality.append(quality)

    def add_text(self, row: int, slot: int, text: Text, source_ns: int = 0, quality: int = 0) -> None:
        """Add one sample whose value is a string (NaN in the arrays)."""
        self.text[len(self.row)] = text
        self.add(row, slot, float("nan"), source_ns, quality)

    def add_array(self, row: int, slot: int, array: F4, source_ns: int = 0, quality: int = 0) -> None:
        """Add one sample whose value is a list of numbers, as `array_of` makes it."""
        self.array[len(self.row)] = array
        self.add(row, slot, float("nan"), source_ns, quality)

    def reject(self, row: int, reason: str, offset: int = 0) -> None:
        """Say that message `row` could not be decoded; it is counted and quarantined with the reason."""
        self.rejected[row] = reason
        if offset:
            self.offsets[row] = offset

    def build(self) -> SampleBatch:
        """Return the samples; rows without a time of their own get the arrival time and its flag."""
        row = np.array(self.row, np.int64)
        arrival = self.batch.arrival_ns[row]
        source = np.array(self.source_ns, np.int64)
        assumed = source == 0
        flags = self.batch.flags[row] | np.where(assumed, SOURCE_TIME_ASSUMED, 0).astype(np.uint8)
        return SampleBatch(
            slot=np.array(self.slot, np.uint32),
            value=np.array(self.value, np.float64),
            source_ns=np.where(assumed, arrival, source),
            arrival_ns=arrival,
            arrival_mono_ns=self.batch.arrival_mono_ns[row],
            quality=np.array(self.quality, np.uint16),
            flags=flags,
            status=np.zeros(len(row), np.uint32),
            text=self.text,
            array=self.array,
            why=self.why,
        )
