"""Frames: what changed in a world since the frame before; snapshots; tallies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, Flood
from armillary.model.arrays import F4, F8, I8, U2, U4, frozen, span
from armillary.model.control import Cursor, LoopState, Proposal
from armillary.model.fault import FaultRecord
from armillary.model.link import LinkStatus
from armillary.model.order import Receipt
from armillary.model.procedure import ProcedureRun
from armillary.model.sample import Text
from armillary.model.tags import TagTable

_Scalar = TypeVar("_Scalar", bound=np.generic)


class WorldKind(StrEnum):
    """What a world's source is; fixed when its process starts."""

    LIVE = "LIVE"
    REPLAY = "REPLAY"
    WHATIF = "WHAT-IF"
    TRAINING = "TRAINING"


class RunState(StrEnum):
    """What a world's clock does."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SEEKING = "SEEKING"
    ENDED = "ENDED"


MESSAGE_DROPS = (
    "inbox_full", "too_big", "undecodable", "rate_limit", "filtered", "after_close", "expired",
)  # fmt: skip
SAMPLE_DROPS = ("duplicate", "implausible_time", "no_binding", "after_close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One law: received == done + coalesced + queued + the sum of dropped, always."""

    received: int = 0
    done: int = 0  # messages decoded, samples applied
    coalesced: int = 0
    late: int = 0  # of those coalesced
    conflict: int = 0  # of those done and coalesced: another value for a tag and time that were told before
    queued: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)  # reason -> count, reasons closed

    @property
    def balanced(self) -> bool:
        """True when nothing is lost without being counted."""
        return self.received == self.done + self.coalesced + self.queued + sum(self.dropped.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The two conservation laws of one link (operations: backpressure and the conservation laws)."""

    messages: Flow
    samples: Flow

    @property
    def holds(self) -> bool:
        """True when both laws hold, and nothing was dropped for a reason that is not in the closed lists."""
        is_balanced = self.messages.balanced and self.samples.balanced
        is_known = self.messages.dropped.keys() <= set(MESSAGE_DROPS)
        return is_balanced and is_known and self.samples.dropped.keys() <= set(SAMPLE_DROPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The conservation law of history, in rows: offered = stored + waiting + dropped + compressed."""

    offered: int = 0
    stored: int = 0
    waiting: int = 0  # with the world: not yet on the recorder's disk
    spilled: int = 0  # of these, in files
    dropped: int = 0  # the oldest, when neither memory nor disk had room
    compressed: int = 0  # left out: a line between others tells them within the bound of their tag
    behind_s: float = 0.0  # how old the oldest row is that waits
    state: str = ""  # "" = recorded | away: no recorder answers | full: its disk is | failed
    balanced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, for the events list: link changes, faults, orders."""

    t_ns: int
    level: str  # info | warning | error
    source: str  # link, tag, world
    text: str
    fault: FaultRecord | None = None
    span_ns: tuple[int, int] = (0, 0)  # of the plant's time that it is about: late data; (0, 0) = a moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What changed since the frame before; merged frames carry the first sequence number too."""

    world: str
    kind: WorldKind
    run: RunState
    seq: int  # +1 per frame
    first_seq: int
    t_ns: int  # time that the picture shows: wall, cursor or simulated
    tick_mono_ns: int  # monotonic at tick start: a desk shows ages without a clock of its own
    slot: U4  # (k,)
    value: F8  # (k,)
    source_ns: I8  # (k,)
    arrival_ns: I8  # (k,)
    arrival_mono_ns: I8  # (k,)
    alive_mono_ns: I8  # (k,)
    quality: U2  # (k,)
    text: tuple[tuple[int, Text], ...] = ()  # (slot, string)
    array_slot: U4 = field(default_factory=lambda: np.zeros(0, np.uint32))  # (j,) array tags among `slot`
    array_size: I8 = field(default_factory=lambda: np.zeros(0, np.int64))  # (j,) how many values each has
    array: F4 = field(default_factory=lambda: np.zeros(0, np.float32))  # all of them, one after the other
    why: tuple[tuple[int, str], ...] = ()  # (slot, why it is not good), of those among `slot` that say so
    good: F8 = field(default_factory=lambda: np.zeros(0))  # (k,) for a joiner: last value better than stale
    good_ns: I8 = field(default_factory=lambda: np.zeros(0, np.int64))  # (k,) … its source time; 0 = none
    events: tuple[Event, ...] = ()
    orders: tuple[Receipt, ...] = ()
    links: tuple[LinkStatus, ...] = ()  # all links, whenever one changed; empty = as before
    tally: Mapping[str, Tally] = field(default_factory=dict)
    recording: str = ""  # "" = recorded; else why not
    history: Kept = field(default_factory=Kept)
    alarms: tuple[AlarmState, ...] = ()  # those that changed; all of them for a joiner
    alarm_events: tuple[AlarmEvent, ...] = ()
    alarm_specs: tuple[AlarmSpec, ...] = ()  # of alarms that came to be: those of servers
    proposals: tuple[Proposal, ...] = ()  # of loops; those that changed
    floods: tuple[Flood, ...] = ()  # of alarms, those that are; of each area its own, in every LIVE frame
    loops: tuple[LoopState, ...] = ()  # all loops of a LIVE world, in every frame
    procedures: tuple[ProcedureRun, ...] | None = None  # all that are shown; None = as before
    cursor: Cursor | None = None  # of every world but LIVE, in every frame
    stopped: str = ""  # why all commands are stopped; "" = they are not
    silent: str = ""  # of several worlds shown as one those that say nothing, "area North"; "" = all speak
    anew: bool = False  # events and alarm events are all there were by t_ns: what was told before is void
    learnt: tuple[tuple[int, int, int], ...] = ()  # (slot, expected interval, usual one, ms): just learnt

    def __len__(self) -> int:
        return len(self.slot)


def frame_of(table: TagTable, slots: U4, base: Frame, rows: Frame | None = None) -> Frame:
    """Return `base` with the rows of `slots` read from a table (copied).

    rows: a frame of the same slots that has these very numbers; its columns are taken as they are.
    """
    text = tuple((int(s), table.text[int(s)]) for s in slots if int(s) in table.text) if table.text else ()
    arrays = [(s, table.array[s]) for s in slots.tolist() if s in table.array] if table.array else []
    s = span(slots)
    return Frame(
        world=base.world,
        kind=base.kind,
        run=base.run,
        seq=base.seq,
        first_seq=base.first_seq,
        t_ns=base.t_ns,
        tick_mono_ns=base.tick_mono_ns,
        slot=slots,
        value=_rows(table.value, s) if rows is None else rows.value,
        source_ns=_rows(table.source_ns, s) if rows is None else rows.source_ns,
        arrival_ns=_rows(table.arrival_ns, s) if rows is None else rows.arrival_ns,
        arrival_mono_ns=_rows(table.arrival_mono_ns, s) if rows is None else rows.arrival_mono_ns,
        alive_mono_ns=_rows(table.alive_mono_ns, s) if rows is None else rows.alive_mono_ns,
        quality=_rows(table.quality, s) if rows is None else rows.quality,
        text=text,
        array_slot=np.array([s for s, _ in arrays], np.uint32),
        array_size=np.array([len(a) for _, a in arrays], np.int64),
        array=np.concatenate([a for _, a in arrays]) if arrays else np.zeros(0, np.float32),
        why=_words(table, slots) if table.why else (),
        events=base.events,
        orders=base.orders,
        links=base.links,
        tally=base.tally,
        recording=base.recording,
        history=base.history,
        alarms=base.alarms,
        alarm_events=base.alarm_events,
        alarm_specs=base.alarm_specs,
        proposals=base.proposals,
        loops=base.loops,
        procedures=base.procedures,
        cursor=base.cursor,
        stopped=base.stopped,
        silent=base.silent,
        anew=base.anew,
        learnt=base.learnt,
    )


def _words(table: TagTable, slots: U4) -> tuple[tuple[int, str], ...]:
    return tuple((slot, table.why[slot]) for slot in sorted(_explained(table, slots)))


def _explained(table: TagTable, slots: U4) -> list[int]:
    """Return which of some slots, of which there may be very many, have words; few have."""
    having = np.fromiter(table.why, np.int64, len(table.why))
    out: list[int] = having[np.isin(having, slots)].tolist()
    return out


def _rows(column: npt.NDArray[_Scalar], rows: slice | I8) -> npt.NDArray[_Scalar]:
    """Return a copy of some rows."""
    return column[rows].copy() if isinstance(rows, slice) else column[rows]


def apply_frame(table: TagTable, frame: Frame) -> None:
    """Write a frame's rows into a table (a desk's mirror, a merge buffer) and mark them dirty."""
    s = span(frame.slot)
    table.value[s] = frame.value
    table.source_ns[s] = frame.source_ns
    table.arrival_ns[s] = frame.arrival_ns
    table.arrival_mono_ns[s] = frame.arrival_mono_ns
    table.alive_mono_ns[s] = frame.alive_mono_ns
    table.quality[s] = frame.quality
    table.dirty[s] = True
    table.text.update(frame.text)
    if table.why:  # a slot that comes without words has none any more
        for slot in _explained(table, frame.slot):
            del table.why[slot]
    table.why.update(frame.why)
    if table.array or len(frame.array_slot):
        _apply_arrays(table, frame)


def _apply_arrays(table: TagTable, frame: Frame) -> None:
    """Write a frame's arrays; a slot that comes without one has none any more."""
    for slot in table.array.keys() & set(frame.slot.tolist()):
        del table.array[slot]
    last = np.cumsum(frame.array_size)
    for slot, size, end in zip(
        frame.array_slot.tolist(), frame.array_size.tolist(), last.tolist(), strict=True
    ):
        # a copy: a view would keep the whole message that it came with
        table.array[slot] = frozen(frame.array[end - size : end].copy())


def empty_frame(world: str, kind: WorldKind, run: RunState = RunState.RUNNING) -> Frame:
    """Return a frame without rows, sequence number 0."""
    return Frame(
        world=world,
        kind=kind,
        run=run,
        seq=0,
        first_seq=0,
        t_ns=0,
        tick_mono_ns=0,
        slot=np.zeros(0, np.uint32),
        value=np.zeros(0),
        source_ns=np.zeros(0, np.int64),
        arrival_ns=np.zeros(0, np.int64),
        arrival_mono_ns=np.zeros(0, np.int64),
        alive_mono_ns=np.zeros(0, np.int64),
        quality=np.zeros(0, np.uint16),
    )
