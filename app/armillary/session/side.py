"""What a desk knows of one world beside the one it shows: kept up to date, so that a switch is at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.command import Template
from armillary.model.control import Cursor
from armillary.model.frame import Event, Frame, Kept, Tally, WorldKind
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Welcome
from armillary.model.order import Receipt
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.session.boarding import WorldState
from armillary.session.mirror import Mirror

EVENTS_KEPT = 2_000
ALARM_EVENTS_KEPT = 1_000
URGENT = (1, 2)  # priorities that are shown in any mode


class Shown(Protocol):
    """The same facts where they are shown: the workspace."""

    mirror: Mirror
    specs: tuple[TagSpec, ...]
    twins: tuple[TwinInstance, ...]
    relationships: tuple[Relationship, ...]
    links: tuple[LinkStatus, ...]
    tally: Mapping[str, Tally]
    events: deque[Event]
    recording: str
    history: Kept
    stopped_mono_ns: int
    world_state: WorldState
    world_text: str
    role: str
    about: str
    cursor: Cursor | None
    stopped: str
    templates: tuple[Template, ...]


class Side:
    """One world, not shown. Everything is as its last frame left it."""

    def __init__(self, specs: tuple[TagSpec, ...] = ()) -> None:
        self.mirror = Mirror(len(specs))
        self.specs = specs
        self.twins: tuple[TwinInstance, ...] = ()
        self.relationships: tuple[Relationship, ...] = ()
        self.links: tuple[LinkStatus, ...] = ()
        self.tally: Mapping[str, Tally] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.recording = ""
        self.history = Kept()
        self.stopped_mono_ns = 0  # since when its data have stopped; 0 = they have not
        self.world_state = WorldState.CONNECTING
        self.world_text = ""
        self.role = ""
        self.about = ""
        self.user, self.name, self.accounts = "", "", False  # who we are there
        self.cursor: Cursor | None = None
        self.stopped = ""
        self.templates: tuple[Template, ...] = ()
        self.alarm_specs: tuple[AlarmSpec, ...] = ()
        self.alarms: dict[str, AlarmState] = {}  # all that were told, by id
        self.alarm_events: deque[AlarmEvent] = deque(maxlen=ALARM_EVENTS_KEPT)
        self.receipts: dict[str, Receipt] = {}  # of orders, by order

    @property
    def kind(self) -> WorldKind:
        return self.mirror.kind

    def welcome(self, welcome: Welcome, now_mono_ns: int) -> None:
        """Begin anew with what a world says of itself; equal tags stay the same object (no recompile)."""
        if welcome.specs != self.specs:
            self.specs = welcome.specs
        self.twins, self.relationships, self.role = welcome.twins, welcome.relationships, welcome.role
        self.about, self.alarm_specs = welcome.about, welcome.alarms
        self.templates = welcome.templates
        self.user, self.name, self.accounts = welcome.user, "", welcome.accounts
        self.alarms = {}
        self.mirror = Mirror(len(self.specs))
        self.mirror.live = True
        self.take(welcome.frame, now_mono_ns)

    def take(self, frame: Frame, now_mono_ns: int) -> tuple[AlarmState, ...]:
        """Take a frame; return the alarms that became urgent with it and nobody has acknowledged."""
        self.mirror.take(frame, now_mono_ns)
        self.recording, self.tally = frame.recording, frame.tally or self.tally
        self.history = frame.history
        self.links = frame.links or self.links
        self.cursor, self.stopped = frame.cursor or self.cursor, frame.stopped
        self.receipts.update((receipt.order, receipt) for receipt in frame.orders)
        if frame.anew:
            self.events.clear()
            self.alarm_events.clear()
        if frame.alarm_events:
            told = set(self.alarm_events)  # a world that greets us again tells them again
            self.alarm_events.extend(event for event in frame.alarm_events if event not in told)
        if frame.events:
            known = set(self.events)  # a world that greets us again tells them again
            self.events.extend(event for event in frame.events if event not in known)
        priority = {spec.id: spec.priority for spec in self.alarm_specs}
        news = tuple(
            state
            for state in frame.alarms
            if state.unacknowledged
            and priority.get(state.id, 0) in URGENT
            and not (state.id in self.alarms and self.alarms[state.id].unacknowledged)
        )
        self.alarms.update((state.id, state) for state in frame.alarms)
        return news

    def set_live(self, live: bool, text: str) -> None:
        """Note that the world is heard, or no longer."""
        self.mirror.live = live
        self.stopped_mono_ns = 0 if live else self.stopped_mono_ns
        self.world_state = WorldState.LIVE if live else WorldState.NOT_LIVE
        self.world_text = text

    @property
    def unacknowledged(self) -> int:
        """How many alarms wait for somebody."""
        return sum(state.unacknowledged for state in self.alarms.values())

    @property
    def links_down(self) -> int:
        """How many links are neither up nor switched off."""
        fine = (LinkState.UP, LinkState.DEGRADED, LinkState.OFF)
        return sum(link.state not in fine for link in self.links)


FIELDS = (
    "mirror",
    "specs",
    "twins",
    "relationships",
    "links",
    "tally",
    "events",
    "recording",
    "history",
    "stopped_mono_ns",
    "world_state",
    "world_text",
    "role",
    "about",
    "cursor",
    "stopped",
    "templates",
)


def keep(
    shown: Shown,
    alarm_specs: tuple[AlarmSpec, ...],
    alarms: dict[str, AlarmState],
    alarm_events: Iterable[AlarmEvent] = (),
) -> Side:
    """Return what is shown as a side of its own."""
    side = Side()
    for name in FIELDS:
        setattr(side, name, getattr(shown, name))
    side.alarm_specs, side.alarms = alarm_specs, alarms
    side.alarm_events.extend(alarm_events)
    return side


def show(side: Side, shown: Shown) -> None:
    """Make a side what is shown; they share their mirror and events from now on."""
    for name in FIELDS:
        setattr(shown, name, getattr(side, name))
