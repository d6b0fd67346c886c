"""Frames out by credit: one merge buffer for each connected desk, so a slow one costs itself only.

A desk says which frame it has taken; only then it gets the next, holding everything that changed since.
A merge buffer is a mask over the slots beside the newest values, so it is bounded by the number of tags.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.arrays import B1, F8, I8, U2, U4, span
from armillary.model.clock import NS
from armillary.model.control import Proposal
from armillary.model.frame import Event, Frame, apply_frame, empty_frame, frame_of
from armillary.model.link import LinkStatus
from armillary.model.order import Receipt
from armillary.model.procedure import ProcedureRun
from armillary.model.quality import RANK_MASK, STALE
from armillary.model.tags import TagTable

HEARTBEAT_NS = NS // 4  # an idle desk hears from us this often, so that its dead-man (1 s) is sure
SILENT_NS = 60 * NS  # a desk that has not asked for this long is forgotten
PROPOSALS_KEPT = 100  # for joiners
EVENTS_KEPT = 1_000  # for joiners, and for a desk that is behind: the oldest yield


@dataclass(slots=True)
class _Desk:
    mask: B1
    has_rows: bool = False  # something is in the mask
    alone: Frame | None = None  # all that is in it came with this one frame: its columns are sent on uncopied
    has_credit: bool = False
    takes: bool = False  # it has asked for a frame: it is somebody's screen, and falls silent only by a fault
    first_seq: int = 0
    sent_mono_ns: int = 0
    heard_mono_ns: int = 0
    links_changed: bool = True
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    orders: dict[str, Receipt] = field(default_factory=dict)
    alarms: dict[str, AlarmState] = field(default_factory=dict)
    alarm_events: deque[AlarmEvent] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    alarm_specs: dict[str, AlarmSpec] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    learnt: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    procedures: tuple[ProcedureRun, ...] | None = None
    clock: tuple[object, ...] = ()  # run state and cursor as last sent
    is_anew: bool = False  # what it was told of events is void: these are all


class Publisher:
    """Keeps the newest state as published and each desk's share that it has not seen. One thread."""

    def __init__(self, base: Frame, tags: int) -> None:
        self.table = TagTable(tags)
        self.last = base
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.orders: dict[str, Receipt] = {}
        self.alarms: dict[str, AlarmState] = {}
        self.alarm_events: deque[AlarmEvent] = deque(maxlen=EVENTS_KEPT)
        self.proposals: dict[str, Proposal] = {}
        self.learnt: dict[int, tuple[int, int, int]] = {}  # by slot
        self.procedures: tuple[ProcedureRun, ...] | None = None
        # Of what is not better than stale now the last value that was, and its source time; 0 = none yet.
        self._good: F8 = np.full(tags, np.nan)
        self._good_ns: I8 = np.zeros(tags, np.int64)
        self._desks: dict[bytes, _Desk] = {}
        self._tags = tags

    @property
    def desks(self) -> int:
        return len(self._desks)

    @property
    def peers(self) -> Set[bytes]:
        """The desks that are known now."""
        return self._desks.keys()

    def join(self, peer: bytes, now_mono_ns: int) -> Frame:
        """Return a full frame for a joiner; from now on it is told of every change."""
        self._desks[peer] = _Desk(np.zeros(self._tags, np.bool_), heard_mono_ns=now_mono_ns)
        self._desks[peer].links_changed = False
        self._desks[peer].clock = (self.last.run, self.last.cursor, self.last.stopped)
        slots = np.arange(self._tags, dtype=np.uint32)
        base = replace(
            self.last,
            first_seq=self.last.seq,
            events=tuple(self.events),
            orders=tuple(self.orders.values()),
            alarms=tuple(self.alarms.values()),
            alarm_events=tuple(self.alarm_events),
            proposals=tuple(self.proposals.values()),
            learnt=tuple(self.learnt.values()),
            procedures=self.procedures or (),
        )
        fresh = _is_fresh(self.table.quality, self.table.value)
        return replace(
            frame_of(self.table, slots, base),
            good=np.where(fresh, self.table.value, self._good),
            good_ns=np.where(fresh, self.table.source_ns, self._good_ns),
        )

    def again(self, peer: bytes, slots: U4) -> None:
        """Tell a desk some slots again with its next frame."""
        if (desk := self._desks.get(peer)) is not None:
            desk.mask[slots] = desk.has_rows = True
            desk.alone = None

    def leave(self, peer: bytes) -> None:
        """Forget a desk."""
        self._desks.pop(peer, None)

    def credit(self, peer: bytes, now_mono_ns: int) -> bool:
        """Note that a desk wants its next frame; False when it never joined (it must say Hello again)."""
        desk = self._desks.get(peer)
        if desk is None:
            return False
        desk.has_credit, desk.takes, desk.heard_mono_ns = True, True, now_mono_ns
        return True

    def silent(self, now_mono_ns: int, for_ns: int) -> frozenset[bytes]:
        """Return the desks that take frames and have asked for none for so long."""
        return frozenset(
            peer
            for peer, desk in self._desks.items()
            if desk.takes and now_mono_ns - desk.heard_mono_ns > for_ns
        )

    def publish(self, frame: Frame) -> None:
        """Merge a frame into every desk's share."""
        self._keep_good(frame)
        apply_frame(self.table, frame)
        self.table.dirty[:] = False
        links_changed = bool(frame.links) and frame.links != self.last.links
        if frame.anew:
            self.events.clear()
            self.alarm_events.clear()
        self.events.extend(frame.events)
        self._note_orders(self.orders, frame.orders)
        self.alarms.update((a.id, a) for a in frame.alarms)
        self.alarm_events.extend(frame.alarm_events)
        self.proposals.update((p.id, p) for p in frame.proposals)
        self.learnt.update((told[0], told) for told in frame.learnt)
        self.procedures = self.procedures if frame.procedures is None else frame.procedures
        while len(self.proposals) > PROPOSALS_KEPT:
            self.proposals.pop(next(iter(self.proposals)))
        self.last = replace(
            _without_rows(frame),
            links=frame.links or self.last.links,
            tally=frame.tally or self.last.tally,
        )
        rows = span(frame.slot)
        for desk in self._desks.values():
            if len(frame.slot):
                desk.mask[rows] = True
                desk.alone, desk.has_rows = (None if desk.has_rows else frame), True
            desk.first_seq = desk.first_seq or frame.seq
            desk.links_changed |= links_changed
            if frame.anew:
                desk.events.clear()
                desk.alarm_events.clear()
                desk.is_anew = True
            desk.events.extend(frame.events)
            self._note_orders(desk.orders, frame.orders)
            desk.alarms.update((a.id, a) for a in frame.alarms)
            desk.alarm_events.extend(frame.alarm_events)
            desk.alarm_specs.update((spec.id, spec) for spec in frame.alarm_specs)
            desk.proposals.update((p.id, p) for p in frame.proposals)
            desk.learnt.update((told[0], told) for told in frame.learnt)
            desk.procedures = desk.procedures if frame.procedures is None else frame.procedures

    def _keep_good(self, frame: Frame) -> None:
        """Keep what is good and is replaced by what is not: of most frames nothing."""
        worse = ~_is_fresh(frame.quality, frame.value)
        if not worse.any():
            return
        slots = frame.slot[worse]
        slots = slots[_is_fresh(self.table.quality[slots], self.table.value[slots])]
        self._good[slots], self._good_ns[slots] = self.table.value[slots], self.table.source_ns[slots]

    def due(self, now_mono_ns: int) -> Iterable[tuple[bytes, Frame]]:
        """Yield (desk, frame) for each desk that has credit and something new, or is due a heartbeat."""
        for peer, desk in list(self._desks.items()):
            if now_mono_ns - desk.heard_mono_ns > SILENT_NS:
                del self._desks[peer]
                continue
            if not desk.has_credit:
                continue
            alone = desk.alone
            slots = alone.slot if alone is not None else np.flatnonzero(desk.mask).astype(np.uint32)
            news = bool(len(slots) or desk.events or desk.orders or desk.links_changed)
            news |= desk.is_anew or bool(desk.alarms or desk.alarm_events or desk.proposals or desk.learnt)
            news |= desk.procedures is not None
            clock = (self.last.run, self.last.cursor, self.last.stopped)
            if not news and clock == desk.clock and now_mono_ns - desk.sent_mono_ns < HEARTBEAT_NS:
                continue
            base = replace(
                self.last,
                first_seq=desk.first_seq or self.last.seq,
                events=tuple(desk.events),
                orders=tuple(desk.orders.values()),
                alarms=tuple(desk.alarms.values()),
                alarm_events=tuple(desk.alarm_events),
                alarm_specs=tuple(desk.alarm_specs.values()),
                proposals=tuple(desk.proposals.values()),
                learnt=tuple(desk.learnt.values()),
                procedures=desk.procedures,
                anew=desk.is_anew,
            )
            desk.clock, desk.is_anew = clock, False
            yield peer, frame_of(self.table, slots, base, alone)
            desk.mask[:] = desk.has_rows = False
            desk.alone = None
            desk.events.clear()
            desk.orders.clear()
            desk.alarms.clear()
            desk.alarm_events.clear()
            desk.alarm_specs.clear()
            desk.proposals.clear()
            desk.learnt.clear()
            desk.procedures = None
            desk.links_changed, desk.has_credit, desk.first_seq = False, False, 0
            desk.sent_mono_ns = now_mono_ns

    @staticmethod
    def _note_orders(into: dict[str, Receipt], orders: tuple[Receipt, ...]) -> None:
        for receipt in orders:
            into[receipt.order] = receipt
        while len(into) > EVENTS_KEPT:
            into.pop(next(iter(into)))


def _is_fresh(quality: U2, value: F8) -> B1:
    """Return which values are better than stale, (n,)."""
    out: B1 = (quality & RANK_MASK) < STALE
    out &= np.isfinite(value)
    return out


def _without_rows(frame: Frame) -> Frame:
    none = empty_frame(frame.world, frame.kind)
    return replace(
        frame,
        slot=none.slot,
        value=none.value,
        source_ns=none.source_ns,
        arrival_ns=none.arrival_ns,
        arrival_mono_ns=none.arrival_mono_ns,
        alive_mono_ns=none.alive_mono_ns,
        quality=none.quality,
        text=(),
        why=(),
        array_slot=none.array_slot,
        array_size=none.array_size,
        array=none.array,
        events=(),
        orders=(),
        alarms=(),
        alarm_events=(),
        alarm_specs=(),
        proposals=(),
        learnt=(),
        procedures=None,
        anew=False,
    )


def statuses_differ(old: tuple[LinkStatus, ...], new: tuple[LinkStatus, ...]) -> bool:
    """Return whether link rows differ in more than their countdown, rate and delay."""
    return tuple(_shape(s) for s in old) != tuple(_shape(s) for s in new)


def _shape(status: LinkStatus) -> tuple[object, ...]:
    told = status.name, status.state, status.detail, status.delivery, status.since_ns, status.certificate_ns
    return *told, status.secured, status.asked
