"""What a tag is (TagSpec, per project) and what it is now (TagTable, per tick)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from armillary.model.arrays import F4, U4
from armillary.model.quality import NEVER
from armillary.model.sample import Text

Kind = Literal["number", "bool", "enum", "text", "struct", "array"]
"""array: a list of numbers; its value is NaN, its text says how many there are and between which ends."""
Liveness = Literal["tag", "link", "device"]
Personal = Literal["none", "indirect", "direct"]
"""Whether a tag tells of a person. direct: shown only to whoever was granted it, kept for a shorter time."""
Interval = Literal["", "engineer", "model", "learnt", "default"]
"""Who says how often a tag comes: an engineer (tag or source), the protocol, its own arrivals, nobody."""
IRREGULAR = 4.0  # a 95th percentile of so many medians is no interval
STALE_FACTOR, STALE_FLOOR_MS = 3, 2_000  # stale_after = max(3 × expected, 2 s)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSpec:
    """What a tag is; changes only with the project. An empty link means derived, by `expression`."""

    slot: int
    name: str
    link: str = ""
    address: str = ""  # in the link's own syntax: `topic#path`, `nsu=…;s=…`
    time_path: str = ""  # where the payload keeps its time, in the decoder's language; "" = nowhere
    decoder: str = ""  # "" = the link's; `a|b` is a chain
    required: bool = False  # a message without it makes it BAD; else it keeps its value
    coerce: bool = False  # a text that spells a number counts as one
    unit_path: str = ""  # where the payload keeps its unit, in the decoder's language; "" = nowhere
    source_unit: str = ""  # what the sender is expected to say there; "" = `unit`
    expression: str = ""  # of other tags, for a derived tag
    kind: Kind = "number"
    unit: str = ""  # of the value shown
    factor: float = 1.0  # shown = raw × factor + offset
    offset: float = 0.0
    low: float = float("-inf")  # instrument range in `unit`; outside → UNCERTAIN|RANGE
    high: float = float("inf")
    expected_ms: int = 0  # 0: event-driven, never stale by age of its own
    stale_after_ms: int = 0  # 0: from expected_ms
    interval: Interval = ""  # whose word expected_ms is; "default": it is learnt from arrivals
    usual_ms: int = 0  # learnt: the median of the gaps; 0 = not known
    bad_after_ms: int = 0  # this long after the last proof of life it turns BAD; 0 = never
    frozen_after_ms: int = 0  # a value exactly equal for longer is UNCERTAIN|SENSOR; 0 = not watched
    liveness: Liveness = "tag"  # "link", "device": good while its carrier is proven alive
    heartbeat: str = ""  # of a device: a topic or filter whose messages prove it alive; "" = any of its tags
    writable: bool = False
    write_low: float = float("-inf")  # limits of a setpoint, in `unit`
    write_high: float = float("inf")
    states: tuple[tuple[float, str], ...] = ()  # names of the values of an enum or bool
    history: bool = True
    twin: str = ""  # id of the twin it belongs to
    title: str = ""
    deadband: float = 0.0  # in `unit`: a smaller change than this need not be recorded
    thinning: str = ""  # how its record is thinned out: deadband | line; "" = every sample is recorded
    bound: float = 0.0  # in `unit`: so far may a sample that was left out be from the line of its neighbours
    longest_ms: int = 0  # between two samples that are recorded, while some come
    device: str = ""  # what behind its link brings it: a device or a member of a fleet; "" = none is known
    origin: str = ""  # file and key it came from, for errors
    imported: str = ""  # the signal's name in the files it was imported from: it has no source and no address
    personal: Personal = "none"
    subject: str = ""  # the person or asset that a personal tag tells of


def stale_after_ms(spec: TagSpec) -> int:
    """Return the age in ms past which a tag is STALE; 0 = never by age."""
    if spec.stale_after_ms:
        return spec.stale_after_ms
    return max(STALE_FACTOR * spec.expected_ms, STALE_FLOOR_MS) if spec.expected_ms else 0


def late_ns(spec: TagSpec) -> int:
    """Return the age on arrival in ns beyond which a sample is delayed: 2 × expected + 2 s."""
    return 2 * spec.expected_ms * 1_000_000 + 2_000_000_000


def is_irregular(expected_ms: int, usual_ms: int) -> bool:
    """Return whether gaps (their 95th percentile and median) differ so much that silence says little."""
    return bool(usual_ms) and expected_ms > IRREGULAR * usual_ms


class TagTable:
    """The newest value of each tag, struct of arrays with N rows; mutable, owned by one thread.

    A world's tick thread owns one; a desk's mirror is another, kept equal by frames.
    """

    __slots__ = (
        "alive_mono_ns",
        "array",
        "arrival_mono_ns",
        "arrival_ns",
        "dirty",
        "quality",
        "seq",
        "source_ns",
        "text",
        "value",
        "why",
    )

    def __init__(self, n: int) -> None:
        self.value = np.full(n, np.nan)
        self.source_ns = np.zeros(n, np.int64)
        self.arrival_ns = np.zeros(n, np.int64)
        self.arrival_mono_ns = np.zeros(n, np.int64)
        self.alive_mono_ns = np.zeros(n, np.int64)  # when the sample or its carrier was last proved alive
        self.quality = np.full(n, NEVER, np.uint16)
        self.seq = np.zeros(n, np.uint32)
        self.dirty = np.zeros(n, np.bool_)
        self.text: dict[int, Text] = {}
        self.array: dict[int, F4] = {}  # newest of each array tag, read-only
        self.why: dict[int, str] = {}  # of few slots: why the value is not good, in words

    def __len__(self) -> int:
        return len(self.value)

    def take_dirty(self) -> U4:
        """Return the slots changed since the last call, ascending, and forget them."""
        slots = np.flatnonzero(self.dirty).astype(np.uint32)
        self.dirty[:] = False
        return slots


def spec_arrays(specs: Sequence[TagSpec]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return the numeric columns of the specs as f8 arrays of N: factor, offset, low, high."""
    columns = ("factor", "offset", "low", "high")
    return {c: np.array([getattr(s, c) for s in specs], np.float64) for c in columns}
