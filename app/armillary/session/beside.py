"""Home and the worlds beside it, as a desk holds them: which is shown, who is there, how each is left."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from armillary.model import places
from armillary.model.account import LoggedIn, Logout
from armillary.model.alarm import AlarmSpec, AlarmState
from armillary.model.arrays import U4
from armillary.model.clock import NS, Clock
from armillary.model.control import Kill
from armillary.model.fault import FaultRecord, WorldFault
from armillary.model.frame import RunState, WorldKind, empty_frame
from armillary.model.tags import TagSpec
from armillary.session import side as sides
from armillary.session import worlds
from armillary.session.alarmbook import AlarmBook
from armillary.session.boarding import WorldState
from armillary.session.feed import RECORDER, WORLD
from armillary.session.loading import Loading
from armillary.session.orders import Orders
from armillary.session.people import People
from armillary.session.proposals import Proposals
from armillary.session.side import Side
from armillary.session.signal import Signal
from armillary.session.timebar import TimeBar
from armillary.session.timeline import Timeline
from armillary.session.training import Station
from armillary.session.visit import Line, Visit
from armillary.session.worlds import ENTRIES, WorldRow
from armillary.wire import runs

LISTED_NS = NS  # how old the list of worlds may be
ENDING_S = 2.6
_CLOSED = FaultRecord(
    kind="WorldFault", what="That world is no longer visited.", where="desk", remedy="Visit it again."
)
_count = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lost:
    """A world that was shown and ended by itself; it can be started again where it was."""

    kind: WorldKind
    t_ns: int
    address: str  # of one that was not ours
    what: str
    where: str
    can_restart: bool


class Beside(Loading):
    """A standing with home, and visits to other worlds; it shows one of them. `Visiting` goes between."""

    actor: str
    alarms: AlarmBook
    orders: Orders
    timeline: Timeline
    training: Station

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.visited: Signal[()] = Signal()  # another world is shown: everything differs
        self.home_changed: Signal[()] = Signal()  # what `home` says differs, while away
        self.home_alarm: Signal[AlarmSpec, AlarmState] = Signal()  # a new urgent one, while away
        self.refused: Signal[FaultRecord] = Signal()  # what was asked of another world cannot be shown
        self.warm = False  # keep an idle REPLAY and WHAT-IF ready
        self.lost: Lost | None = None  # the world that was shown last died
        self.timebar = TimeBar(
            lambda message, callback, limit_s: self._ask(RECORDER, message, callback, limit_s),
            self.home_ns,
        )
        self._visits: list[Visit] = []
        self._shown: Visit | None = None
        self._home: Side | None = None  # None: home is shown
        self._home_said: tuple[object, ...] = ()
        self._ending: list[threading.Thread] = []
        self._listed: tuple[WorldRow, ...] = ()
        self._listed_mono_ns = 0
        self._ended_ids: set[str] = set()  # worlds that we have ended: they answer nobody while they go
        self._warm_mono_ns = 0  # 0: not decided yet
        self._home_seek_ns: int | None = None  # that a home which replays was last asked for
        self._warm_failed: dict[WorldKind, int] = {}
        self.speed = 1.0  # × real time, of the next *play*
        self.people = People(self._ask_person)
        self.armed_by = self.people.user  # whose orders are in hand
        self.people.changed.connect(self._person_changed)
        self.people.left.connect(self._left)
        self.proposals = Proposals(
            self.ask_home,
            self._home_role,
            self._home_live,
            self._home_specs,
            lambda: self.away and self.kind is WorldKind.REPLAY,
        )

    # ------------------------------------------------------------ what is shown

    @property
    def away(self) -> bool:
        """Whether another world than home is shown."""
        return self._home is not None

    @property
    def kind(self) -> WorldKind:
        """The kind of the world that is shown."""
        return self.mirror.kind

    @property
    def home(self) -> Side | None:
        """Home while another world is shown, else None."""
        return self._home

    @property
    def coming(self) -> WorldKind | None:
        """The kind of the world that will be shown as soon as it is ready."""
        return next((visit.asked_kind for visit in self._visits if visit.wants_show), None)

    @property
    def is_playing(self) -> bool:
        return self.mirror.run is RunState.RUNNING and self.cursor is not None and self.cursor.asked != 0.0

    @property
    def home_kind(self) -> WorldKind:
        """The kind of the world that this desk has opened."""
        return self._home.kind if self._home is not None else self.kind

    def home_ns(self) -> int:
        """Return the present of the home world, ns UTC."""
        mirror = self._home.mirror if self._home is not None else self.mirror
        if mirror.kind in (WorldKind.TRAINING, WorldKind.REPLAY):  # the newest time of its record
            cursor = self._home.cursor if self._home is not None else self.cursor
            return cursor.to_ns if cursor is not None and cursor.to_ns else self._clock.now_ns()
        if not mirror.frames or not mirror.live:
            return self._clock.now_ns()
        return mirror.t_ns + max(0, self._clock.now_mono_ns() - mirror.taken_mono_ns)

    def picture_ns(self) -> int:
        """Return the time that the picture shows, ns UTC, going on as its world's clock does."""
        mirror = self.mirror
        if not mirror.frames:
            return self._clock.now_ns()
        passed = max(0, self._clock.now_mono_ns() - mirror.taken_mono_ns) if mirror.live else 0
        if mirror.kind is WorldKind.LIVE:
            return mirror.t_ns + passed
        speed = self.cursor.speed if self.cursor is not None and mirror.run is RunState.RUNNING else 0.0
        return mirror.t_ns + int(min(passed, NS) * speed)

    def home_text(self) -> str:
        """Return how home stands, for the chip that is shown while away: `Live: 2 unacknowledged · …`."""
        home = self._home
        if home is None:
            return ""
        if home.world_state is not WorldState.LIVE:
            return "Live: not connected"
        n, down = home.unacknowledged, home.links_down
        links = f"{down} live link{'s' if down > 1 else ''} down" if down else "live links ok"
        stopped = " · commands stopped" if home.stopped else ""
        return f"Live: {n} unacknowledged · {links}{stopped}"

    def why_no_replay(self) -> str:
        """Return why the past cannot be shown, "" when it can."""
        if self.project is None or not self.project.saved:
            return "A project with a historian must be open."
        shown_home = self._home is None and self.mirror.frames
        if shown_home and self.kind not in (WorldKind.LIVE, WorldKind.REPLAY):
            return f"This desk was opened on a {self.kind.value} world."
        return ""

    # ------------------------------------------------------------ asking

    def _ask(
        self, peer: str, message: object, callback: Callable[[object], None], timeout_s: float = 10.0
    ) -> None:
        if peer == WORLD and self._shown is not None:
            self._shown.ask(message, callback, timeout_s)
        else:
            super()._ask(peer, message, callback, timeout_s)

    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float = 10.0) -> None:
        """Ask the world that is shown."""
        self._ask(WORLD, message, callback, timeout_s)

    def ask_home(self, message: object, callback: Callable[[object], None], timeout_s: float = 10.0) -> None:
        """Ask the home world, whatever is shown: the kill switch must reach the plant from anywhere."""
        super()._ask(WORLD, message, callback, timeout_s)

    @property
    def worlds(self) -> tuple[WorldRow, ...]:
        """The worlds of this project that run on this machine, home first."""
        now = self._clock.now_mono_ns()
        if not self._listed_mono_ns or now - self._listed_mono_ns > LISTED_NS:
            self._listed_mono_ns = now or 1
            home = self._home.mirror.world if self._home is not None else self.mirror.world
            folder = self.project.folder if self.project is not None else None
            found = runs.all_runs()
            self._ended_ids &= {run.id for run in found}
            alive = [run for run in found if run.id not in self._ended_ids]
            self._listed = worlds.rows(folder, home, self.mirror.world, self._visits, alive)
        shown = self.mirror.world
        return tuple(replace(row, is_shown=row.id == shown) for row in self._listed)

    # ------------------------------------------------------------ who is here

    def tell(self, fault: FaultRecord) -> None:
        """Put something refused among the events."""
        self._tell(fault)

    def _ask_person(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None:
        """Ask the world that is shown who we are; the kill switch is always the plant's."""
        ask = self.ask_home if isinstance(message, Kill) else self.ask_world
        ask(message, callback, timeout_s)

    def _home_role(self) -> str:
        return self._home.role if self._home is not None else self.role

    def _home_live(self) -> bool:
        home = self._home
        return (home.mirror if home is not None else self.mirror).live

    def _left(self) -> None:
        """Log out of every world that is not shown too: who left the desk has left all of it."""

        def told(side: Side, answer: object) -> None:
            if isinstance(answer, LoggedIn):
                side.user, side.name, side.role = answer.user, answer.name, answer.role

        for visit in self._visits:
            if visit is not self._shown and not visit.side.user.startswith("local:") and visit.is_welcomed:
                visit.ask(Logout(), partial(told, visit.side))
        home = self._home
        if home is not None and not home.user.startswith("local:"):
            self.ask_home(Logout(), partial(told, home))

    def _person_changed(self) -> None:
        if self.armed_by != self.people.user:
            self.orders.disarm("somebody else is at this desk.")
        self.armed_by = self.people.user
        if self.role != self.people.role:
            self.role = self.people.role
            self.world_changed.emit()

    def stop_commands(self, stop: bool, reason: str = "") -> None:
        """Stop all commands of the plant at once, whatever is shown, or release them with a reason."""

        def told(fault: FaultRecord | None) -> None:
            if fault is not None:
                self._tell(fault)

        self.people.kill(stop, reason, told)

    @property
    def address(self) -> str:
        """The address of the world that is shown, "" when it is not known."""
        plan = self._plan.address if self._plan is not None and self._home is None else ""
        return self._address_of(self.mirror.world) or plan

    def _address_of(self, world: str) -> str:
        return next((row.address for row in self.worlds if row.id == world), "")

    # ------------------------------------------------------------ visits

    def _new_feed(self) -> Line:
        raise NotImplementedError  # the workspace has the feed's class

    def _home_specs(self) -> tuple[TagSpec, ...]:
        return self._home.specs if self._home is not None else self.specs

    def _add(self, kind: WorldKind) -> Visit:
        visit = Visit(self._new_feed(), kind, self._home_specs())
        visit.begun_mono_ns, visit.actor = self._clock.now_mono_ns(), self.actor
        self._visits.append(visit)
        return visit

    def _start(self, kind: WorldKind, *, idle: bool) -> Visit:
        if self.project is None or self._plan is None:
            raise WorldFault("There is no project.", where=self.title, remedy="Open one.")
        visit = self._add(kind)
        visit.is_idle = idle
        args = {"project": str(self.project.folder), "recorder": self._plan.recorder, "idle": idle}
        log = places.logs() / f"{kind.value.lower()}-{os.getpid()}-{next(_count)}.log"
        visit.launch(ENTRIES[kind], args, log)
        return visit

    def _ours(self, kind: WorldKind, *, idle: bool = False) -> Visit | None:
        """Return a world of that kind which this desk has started."""
        mine = (v for v in self._visits if v.is_ours and v.kind is kind and (v.is_idle or not idle))
        return next(mine, None)

    def _expect(self, visit: Visit) -> None:
        """Show this world as soon as it is ready, and no other."""
        for other in self._visits:
            other.wants_show = other is visit
        visit.begun_mono_ns = self._clock.now_mono_ns()
        self.lost = None
        self.world_changed.emit()

    def _drop(self, visit: Visit) -> None:
        """Leave a world; one of ours ends. Takes no time here."""
        self._visits.remove(visit)
        visit.drop(_CLOSED)
        if visit.is_ours and visit.id:
            self._ended_ids.add(visit.id)
            self._listed_mono_ns = 0
        thread = threading.Thread(target=visit.feed.stop, name="leave", daemon=True)
        thread.start()
        self._ending = [t for t in self._ending if t.is_alive()] + [thread]

    def _drop_all(self) -> None:
        """Leave all worlds: another project is opened, or the desk closes."""
        self._shown, self._home, self.lost, self._home_seek_ns = None, None, None, None
        for visit in tuple(self._visits):
            self._drop(visit)
        self._listed, self._listed_mono_ns = (), 0
        self._warm_mono_ns, self._warm_failed = 0, {}

    def _await_ended(self) -> None:
        """Wait until all that was left has ended, within the time that a closing desk has."""
        end = self._clock.now_mono_ns() + int(ENDING_S * NS)
        for thread in self._ending:
            thread.join(max(0.05, min(ENDING_S, (end - self._clock.now_mono_ns()) / NS)))
        self._ending = []

    # ------------------------------------------------------------ from one to another

    def _show(self, visit: Visit) -> None:
        visit.wants_show, visit.is_idle = False, False
        if self._home is None:
            self._home = self._kept()
        elif self._shown is not None:
            before = self._shown
            before.side = self._kept()
            if not before.is_ours:
                self._drop(before)
        self._shown = visit
        if visit.kind is WorldKind.WHATIF:
            self.timebar.forks.setdefault(visit.id, visit.side.mirror.t_ns)  # its tick on the bar
        self._switch(visit.side)

    def _repen(self, before: tuple[TagSpec, ...]) -> None:
        """Keep the pens of the trends where the tags are others: by name; those that are gone go."""
        if self.specs is before or not self.timeline.slots:
            return
        names = [before[slot].name for slot in self.timeline.slots if slot < len(before)]
        slot_of = {spec.name: spec.slot for spec in self.specs}
        self.timeline.clear()
        self.timeline.add([slot_of[name] for name in names if name in slot_of])

    def _kept(self) -> Side:
        book = self.alarms
        side = sides.keep(self, tuple(book.specs.values()), dict(book.states), book.events)
        side.receipts = dict(self.orders.receipts)
        side.user, side.name, side.accounts = self.people.user, self.people.name, self.people.accounts
        return side

    def _switch(self, side: Side) -> None:
        """Show a side: everything that is drawn follows in this turn."""
        before: tuple[TagSpec, ...] = self.specs
        self.orders.disarm("another world is shown.")
        self.orders.forget()
        sides.show(side, self)
        if self.specs == before:
            self.specs = before  # the same object: the bindings stay compiled
        self._repen(before)
        self.orders.receipts.update(side.receipts)
        self.orders.changed.emit()
        self.paused = False
        self._home_said = ()
        self._listed_mono_ns = 0
        self.alarms.show(side.alarm_events)
        self.alarms.welcome(side.alarm_specs)
        shown = empty_frame(self.mirror.world, self.mirror.kind)
        self.alarms.take(replace(shown, alarms=tuple(side.alarms.values())))
        self.people.visit(side.user, side.name, side.role, side.accounts, self.mirror.kind)
        self.timeline.visit(self.mirror.kind)
        self.training.visited()
        if self.specs is not before:
            self._recompile()
        self.showing.wanted = True
        self.visited.emit()
        self.links_changed.emit()
        self.world_changed.emit()
        every: U4 = np.arange(len(self.mirror), dtype=np.uint32)
        self.frame_arrived.emit(every)
