"""A world on the wire, of any kind: desks by credit, who is who, requests, run file, orderly end.

A subclass brings the source and the ticks. What is common to all kinds is here, so that a desk cannot tell
them apart but by what they say of themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import LoggedIn, Login, Logout, Right, may
from armillary.model.alarm import AlarmProgress, AlarmSpec
from armillary.model.clock import Clock
from armillary.model.control import AskState, StateAnswer, TakeSnapshot
from armillary.model.fault import Fault, FaultRecord, OrderFault, ProjectFault, WorldFault, record
from armillary.model.frame import Event, Frame, WorldKind, empty_frame
from armillary.model.order import Arm, Order, OrderState, Receipt
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.project.record import Project
from armillary.security import accounts
from armillary.wire import runs
from armillary.wire.bus import AsyncHub, local_address
from armillary.world import snapshot
from armillary.world.masking import Masking
from armillary.world.publish import Publisher

log = logging.getLogger(__name__)

LOCAL_ROLE = "operator"  # a project without users gives a desk on the local socket this role
STOP_S = 2.0
Say = Callable[[Mapping[str, object]], None]


class People(Protocol):
    """Who may log in; `security.accounts` has them. Raises OrderFault for a refusal, after its delay."""

    def local(self) -> LoggedIn:
        """Return who a desk on the local socket is before it logs in."""

    def now(self, who: LoggedIn) -> LoggedIn:
        """Return what somebody who logged in is by now: accounts change while a world runs."""

    async def login(self, login: Login, now_mono_ns: int) -> LoggedIn:
        """Return who somebody is, by a password."""

    def ticket(self, who: LoggedIn, now_ns: int) -> str:
        """Return a ticket for the project's other worlds, "" for none."""

    def admit(self, login: Login, now_ns: int) -> LoggedIn:
        """Return who somebody is, by such a ticket."""


class NoAccounts:
    """A project without users: everybody on the local socket is an operator, named by uid."""

    def local(self) -> LoggedIn:
        """Return the local operator."""
        return LoggedIn(user=f"local:{os.getuid()}", name="Local operator", role=LOCAL_ROLE)

    def now(self, who: LoggedIn) -> LoggedIn:
        """Return the same: nothing changes."""
        return who

    async def login(self, login: Login, now_mono_ns: int) -> LoggedIn:
        """Refuse: there is nobody to be."""
        raise OrderFault(
            "This project has no users.", where=login.user, remedy="Add one: armillary user add PROJECT NAME."
        )

    def ticket(self, who: LoggedIn, now_ns: int) -> str:
        """Return none: there is nobody to be."""
        return ""

    def admit(self, login: Login, now_ns: int) -> LoggedIn:
        """Refuse: there is nobody to be."""
        raise OrderFault(
            "This project has no users.", where=login.user, remedy="Nobody needs to log in here."
        )


def people_of(folder: Path) -> tuple[People, FaultRecord | None]:
    """Return who may log in to a project's worlds, and what is wrong with its accounts.

    Accounts that cannot be read let everybody look on and nobody in: the picture of the plant stays.
    """
    try:
        return accounts.read(folder) or NoAccounts(), None
    except ProjectFault as fault:
        return accounts.Locked(fault), record(fault)


class Serving:
    """Base of all worlds. `serve` returns after a Stop."""

    kind: WorldKind = WorldKind.LIVE

    def __init__(
        self,
        project: Project,
        clock: Clock,
        *,
        world: str,
        listen: str = "",
        recorder: str = "",
        people: People | None = None,
        alarms: Sequence[AlarmSpec] = (),
        about: str = "",
    ) -> None:
        self.id = world
        self.project, self.clock = project, clock
        # now, not when a desk asks: by then the files may be others than those that were read
        self.world_hash = project.world_hash if self.kind is WorldKind.LIVE else ""
        self.address = listen or local_address(places.runtime(), world)
        self.recorder, self.about = recorder, about
        self.alarm_specs = tuple(alarms)
        self.publisher = Publisher(empty_frame(world, self.kind), len(project.specs))
        self.stopping = asyncio.Event()
        self.early: list[Event] = []  # for the next frame
        self.area = ""  # of the project's areas the one that this world does; "" = all
        self.own = np.zeros(0, np.uint32)  # slots of that area
        self.idle = False  # a spare of one desk: it has no run file before `announce`
        self.heir: Callable[[], Serving] | None = None  # makes the world that goes on after this one
        self._who: dict[bytes, LoggedIn] = {}
        self._masking = Masking(project.specs, self.alarm_specs)
        self._saw: dict[bytes, bool] = {}  # whether a line was shown what tells of persons
        self._hub: AsyncHub | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        found, problem = people_of(project.folder) if people is None else (people, None)
        self.people: People = found
        if problem is not None:
            self.tell(problem)

    # ---------------------------------------------------------------- for subclasses

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs while the world does; the world ends when one of them fails."""
        return ()

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do what must be done once desks can knock, before they are told the address."""

    async def ending(self) -> None:
        """Put in order what must be, within STOP_S."""

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer a request that is not common to all kinds. Raises a Fault."""
        raise WorldFault(
            f"A {self.kind.value} world does not answer {type(message).__name__}.",
            where=self.id,
            remedy="Ask another.",
        )

    def joined(self, peer: bytes, hello: msg.Hello, who: LoggedIn) -> LoggedIn:
        """Return who a desk that says Hello is."""
        return who

    def left(self, peer: bytes, who: LoggedIn, *, is_last: bool) -> None:
        """Learn that a desk left or somebody logged out; `is_last`: no other desk is theirs."""

    def noted(self, who: LoggedIn, action: str, reason: str = "") -> None:
        """Learn of a log-in, a log-out or a refused log-in, for an audit."""

    def model_state(self) -> tuple[bytes, Mapping[str, float]]:
        """Return the simulator's state and the model's parameters, for a snapshot."""
        return b"", {}

    def pending(self, mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what the alarms were counting at the last tick; nothing where they are read back."""
        return ()

    async def state_to_keep(self) -> StateAnswer:
        """Return the state for a snapshot; it may take longer than the one for a look."""
        return await self.state_answer(past=True)

    # ---------------------------------------------------------------- life

    async def serve(self, say: Say) -> None:
        """Serve until stopped; `say` tells the address once desks can connect."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        hub = self._hub = self._hub or AsyncHub(self.address)
        if not self.idle:
            runs.write(self._run())
        is_handed_over = False
        try:
            self.started(loop)
            work = [asyncio.create_task(each) for each in (*self.work(), self._requests(hub))]
            say({"address": self.address, "id": self.id, "recorder": self.recorder})
            for peer in self._who:  # of the world before this one
                self.spawn(hub.send(peer, self._welcome(peer)))
            stopped = asyncio.create_task(self.stopping.wait())
            pending = {stopped, *work}
            while not stopped.done():  # some work may be over at once, and the world goes on
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            is_handed_over = self.heir is not None
        finally:
            await self.ending()
            for task in [*asyncio.all_tasks()]:
                if task is not asyncio.current_task():
                    task.cancel()
            if not is_handed_over:
                runs.remove(self.id)
                hub.close()
        if is_handed_over:
            await self._hand_over(hub)

    async def _hand_over(self, hub: AsyncHub) -> None:
        """Let the heir go on at the same address with the same desks, each who it was."""
        try:
            heir = self.heir() if self.heir is not None else self
        except BaseException:
            runs.remove(self.id)
            hub.close()
            raise
        heir.inherit(hub, self._who)
        await heir.serve(lambda _answer: None)

    def inherit(self, hub: AsyncHub, who: dict[bytes, LoggedIn]) -> None:
        """Go on with the lines of the world before this one, and with who is on them."""
        self._hub, self._who = hub, who

    async def warn(self) -> None:
        """Say to all desks that this world comes back on their lines."""
        if self._hub is not None:
            for peer in self._who:
                await self._hub.send(peer, msg.ComingBack())

    def _run(self) -> runs.Run:
        return runs.Run(
            id=self.id,
            kind=str(self.kind),
            project=str(self.project.folder),
            name=self.project.name,
            address=self.address,
            recorder=self.recorder,
            pid=os.getpid(),
            started_ns=self.clock.now_ns(),
            area=self.area,
            plant=runs.plant_of(self.project.private) if self.kind is WorldKind.LIVE else (),
        )

    def announce(self) -> None:
        """Write the run file anew: what the world shows has changed, or a spare came into use."""
        self.idle = False
        runs.write(self._run())

    # ---------------------------------------------------------------- frames

    def publish(self, frame: Frame) -> Frame:
        """Give a frame to all desks that are ready for one; return it with the events that waited for it."""
        early, self.early = tuple(self.early), []
        whole = replace(frame, events=(*early, *frame.events)) if early else frame
        self.publisher.publish(whole)
        self.send_due()
        return whole

    def send_due(self) -> None:
        """Send to the desks that have credit and something new, or are due a heartbeat."""
        if self._hub is not None:
            self._show_again()
            for peer, out in self.publisher.due(self.clock.now_mono_ns()):
                self.spawn(self._hub.send(peer, self._seen_by(peer, out)))
            for peer in self._who.keys() - self.publisher.peers:
                self._leave(peer)  # silent for a minute: whoever it was is nobody here any more

    def let_go(self, peers: Iterable[bytes]) -> None:
        """Forget those of some desks whose process is gone; what hangs stays."""
        for peer in peers:
            if self._hub is not None and not self._hub.reaches(peer):
                self.publisher.leave(peer)
                self._leave(peer)

    def tell(self, fault: FaultRecord, level: str = "error") -> None:
        """Make an event of a fault, for the next frame."""
        self.early.append(
            Event(
                t_ns=self.clock.now_ns(),
                level=level,
                source=fault.where,
                text=f"{fault.what} {fault.remedy}",
                fault=fault,
            )
        )

    def _mask(self) -> Masking:
        """Return what is masked of the project as it is now: a replay may show another version of it."""
        if self._masking.specs is not self.project.specs:
            self._masking = Masking(self.project.specs, self.alarm_specs)
        return self._masking

    def _may_see(self, peer: bytes) -> bool:
        """Return whether what tells of persons is shown on a line."""
        return self.who(peer).sees_until_ns > self.clock.now_ns()

    def _seen_by(self, peer: bytes, frame: Frame) -> Frame:
        mask = self._mask()
        return frame if not mask or self._may_see(peer) else mask.frame(frame)

    def _show_again(self) -> None:
        """Send what is masked anew to desks on whose line somebody else is now, or whose grant is over."""
        if not self._mask():
            return
        for peer in self.publisher.peers:
            sees = self._may_see(peer)
            if self._saw.get(peer, sees) != sees:
                self.publisher.again(peer, self._mask().slots)
            self._saw[peer] = sees

    # ---------------------------------------------------------------- who

    def who(self, peer: bytes) -> LoggedIn:
        """Return who is on a line."""
        who = self._who.get(peer)
        return self.people.local() if who is None else self.people.now(who)

    def people_here(self) -> tuple[LoggedIn, ...]:
        """Return who is on some line now."""
        return tuple(self.people.now(who) for who in self._who.values())

    def need(self, peer: bytes, right: Right) -> LoggedIn:
        """Return who is on a line when their role has a right. Raises OrderFault."""
        who = self.who(peer)
        if not may(who.role, right, training=self.kind is WorldKind.TRAINING):
            raise OrderFault(
                f"The role '{who.role or 'none'}' may not do that ({right.value}).",
                where=who.user,
                remedy="Log in as somebody who may.",
            )
        return who

    # ---------------------------------------------------------------- requests

    async def _requests(self, hub: AsyncHub) -> None:
        while True:
            peer, number, message = await hub.receive()
            self.spawn(self._answer(hub, peer, number, message))

    async def _answer(self, hub: AsyncHub, peer: bytes, number: int, message: object) -> None:
        if isinstance(message, msg.Credit):
            if not self.publisher.credit(peer, self.clock.now_mono_ns()):
                stranger = WorldFault(
                    "This desk is not known here.", where=self.id, remedy="Say Hello again."
                )
                await hub.send(peer, stranger, number)
            return
        try:
            answer = await self._reply(peer, message)
        except Fault as fault:
            await hub.send(peer, fault, number)
        except Exception:  # a border: one bad request must not end the world
            log.exception("a request of kind %s failed", type(message).__name__)
            broken = WorldFault(
                "The world could not carry that out.", where=self.id, remedy="See its log file."
            )
            await hub.send(peer, broken, number)
        else:
            await hub.send(peer, answer, number)

    async def _reply(self, peer: bytes, message: object) -> object:
        match message:
            case msg.Hello():
                if peer not in self._who:  # else it heard nothing for a moment, and is who it was
                    self._become(peer, self.joined(peer, message, self.people.local()))
                return self._welcome(peer)
            case msg.Bye():
                self.publisher.leave(peer)
                self._leave(peer)
            case msg.Stop():
                self.stopping.set()
            case Login():
                return await self._login(peer, message)
            case Logout():
                self.noted(self.who(peer), "person.logout")
                return self._become(peer, self.people.local())
            case AskState():
                state, mask = await self.state_answer(message.t_ns, past=message.past), self._mask()
                return state if not mask or self._may_see(peer) else mask.state(state)
            case TakeSnapshot(title=title, folder=folder):
                self.need(peer, Right.FORK)
                where = Path(folder) if folder else self.project.private / snapshot.FOLDER
                state = await self.state_to_keep()
                return await asyncio.to_thread(snapshot.write, state, where, self.clock.now_ns(), title)
            case FaultRecord():
                raise message.fault()
            case _:
                return await self._special(peer, message)
        return msg.Done()

    async def _special(self, peer: bytes, message: object) -> object:
        """Answer what belongs to one kind; an order that reaches a world without a plant is REFUSED."""
        if self.kind not in (WorldKind.LIVE, WorldKind.TRAINING):
            if isinstance(message, Order):
                return self._refusal(message)
            if isinstance(message, Arm):
                raise self._no_commands(message.tag)
        if self.kind is not WorldKind.LIVE and isinstance(message, Substitute | EndSubstitution):
            raise OrderFault(
                "Values are given by hand in the live world only.",
                where=message.tag,
                remedy="Go back to it.",
            )
        return await self.reply(peer, message)

    def _no_commands(self, tag: str) -> OrderFault:
        return OrderFault(
            f"A {self.kind.value} world takes no commands.", where=tag, remedy="Go back to the live world."
        )

    def _refusal(self, order: Order) -> Receipt:
        return Receipt(
            order=order.id,
            tag=order.tag,
            state=OrderState.REFUSED,
            t_ns=self.clock.now_ns(),
            actor=order.actor,
            old=float("nan"),
            value=order.value,
            unit=order.unit,
            detail=record(self._no_commands(order.tag)),
        )

    async def _login(self, peer: bytes, login: Login) -> LoggedIn:
        if peer not in self._who:
            raise WorldFault("This desk is not known here.", where=self.id, remedy="Say Hello first.")
        try:
            who = await self._checked(login)
        except OrderFault as fault:
            stranger = LoggedIn(user=login.user[:64], name=login.user[:64], role="")
            self.noted(stranger, "person.login.refused", fault.what)
            raise
        if peer in self._who:  # else the desk left while its password was checked
            self._become(peer, who)
        self.noted(who, "person.login")
        is_live = self.kind is WorldKind.LIVE
        return replace(who, ticket=self.people.ticket(who, self.clock.now_ns())) if is_live else who

    async def _checked(self, login: Login) -> LoggedIn:
        """Return who somebody is; whoever commands the plant shows it a password. Raises OrderFault."""
        if not login.ticket:
            return await self.people.login(login, self.clock.now_mono_ns())
        if self.kind is WorldKind.LIVE:
            raise OrderFault(
                "The live world asks for the password.", where=login.user[:64], remedy="Log in with it."
            )
        return self.people.admit(login, self.clock.now_ns())

    def _become(self, peer: bytes, who: LoggedIn) -> LoggedIn:
        """Let a line be somebody else: what was armed before is taken back."""
        before = self._who.get(peer)
        if before is not None and before.user != who.user:
            self._leave(peer)
        self._who[peer] = who
        return who

    def _leave(self, peer: bytes) -> None:
        self._saw.pop(peer, None)
        who = self._who.pop(peer, None)
        if who is not None:
            self.left(peer, who, is_last=all(other.user != who.user for other in self._who.values()))

    def _welcome(self, peer: bytes) -> msg.Welcome:
        now_mono = self.clock.now_mono_ns()
        project, who = self.project, self.who(peer)
        return msg.Welcome(
            world=self.id,
            kind=self.kind,
            run=self.publisher.last.run,
            project=str(project.folder),
            name=project.name,
            role=who.role,
            specs=project.specs,
            twins=project.twins,
            relationships=project.relationships,
            frame=self._seen_by(peer, self.publisher.join(peer, now_mono)),
            recorder=self.recorder,
            now_ns=self.clock.now_ns(),
            now_mono_ns=now_mono,
            alarms=self.alarm_specs,
            about=self.about,
            user=who.user,
            accounts=who.accounts,
            templates=project.templates if self.kind in (WorldKind.LIVE, WorldKind.TRAINING) else (),
            world_hash=self.world_hash,
            area=self.area,
            areas=tuple(area.name for area in project.areas),
            own=self.own,
        )

    async def state_answer(self, t_ns: int = 0, *, past: bool = False) -> StateAnswer:
        """Return the whole state by tag name; a world with a cursor may also answer for another time.

        past: with what functions over time know, where this world has any.
        """
        return self.state_now()

    def state_now(self) -> StateAnswer:
        """Return the state as it was published last."""
        table, last = self.publisher.table, self.publisher.last
        specs = self.project.specs
        simulator, model = self.model_state()
        return StateAnswer(
            world=self.id,
            kind=str(self.kind),
            project_hash=self.project.hash,
            seq=last.seq,
            t_ns=last.t_ns,
            tags=tuple(spec.name for spec in specs),
            units=tuple(spec.unit for spec in specs),
            value=table.value.copy(),
            source_ns=table.source_ns.copy(),
            arrival_ns=table.arrival_ns.copy(),
            quality=np.asarray(table.quality.copy(), np.uint16),
            text=dict(table.text),
            alarms=tuple(self.publisher.alarms.values()),
            simulator=simulator,
            model=model,
            project=self.project.id,
            pending=self.pending(last.tick_mono_ns),
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the rest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def within(work: Coroutine[Any, Any, None], limit_s: float) -> None:
    """Wait for something at the end, but not for longer than a time."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, limit_s)
