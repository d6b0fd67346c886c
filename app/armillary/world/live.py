"""Child entry: a LIVE world. Links, tick, gate and recorder feed, and the desks that watch.

Two threads: this one (asyncio) owns links, desks, gate and the recorder's line; the tick thread owns the
state. They share the inbox, and the tick hands its frame over by `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from armillary.api.ports import SourceContext
from armillary.extend.discover import discover
from armillary.model import message as msg
from armillary.model import places
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, FaultRecord, OrderFault, ProjectFault, WorldFault, record
from armillary.model.frame import Event, WorldKind, empty_frame
from armillary.model.link import LinkSpec, LinkStatus
from armillary.model.order import Arm, Order
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.security.audit import Audit
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.links import Links
from armillary.telemetry.plan import plans, problems
from armillary.telemetry.watch import Watch
from armillary.twin.derive import Derived
from armillary.wire import runs
from armillary.wire.bus import AsyncHub, local_address, served
from armillary.world import plugins
from armillary.world.core import Core, Tick
from armillary.world.feed import RecorderFeed
from armillary.world.gate import Gate
from armillary.world.publish import Publisher, statuses_differ

log = logging.getLogger(__name__)

LOCAL_ROLE = "operator"  # a project without users gives a desk on the local socket this role
STATUS_EVERY_NS = NS  # rates and delays of links are sent this often when nothing else changed
STOP_S = 2.0
TOLD_KEPT = 500  # kinds of undecodable messages told as events; the counters go on


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run the LIVE world of a project until asked to stop. Raises a Fault when it cannot start."""
    project = projects.read(Path(args["project"]))
    _only_one(project)
    live = Live(project, WallClock(), listen=args.get("listen", ""), recorder=args.get("recorder", ""))
    asyncio.run(live.serve(say))


def _only_one(project: Project) -> None:
    """Raise WorldFault when a LIVE world of this project runs: it has one plant, one gate, one history."""
    for other in runs.all_runs():
        if other.project == str(project.folder) and other.kind == WorldKind.LIVE and served(other.address):
            raise WorldFault(
                f"A live world of this project runs already: {other.id} at {other.address}.",
                where=str(project.folder),
                remedy=f"Join it: armillary open --connect {other.address}; or end it: "
                f"armillary worlds close {other.id}.",
            )


class Live:
    """One LIVE world. `serve` returns after `stop`."""

    def __init__(self, project: Project, clock: Clock, *, listen: str = "", recorder: str = "") -> None:
        self._project, self._clock = project, clock
        self.id = f"live-{os.getpid()}"
        self._address = listen or local_address(places.runtime(), self.id)
        self._recorder = recorder or runs.recorder_address(project.folder)
        self._registry = discover(["sources", "sinks", "decoders"])
        self._plans = plans(project.links, project.specs)
        self._inbox = Inbox([plan.link.name for plan in self._plans])
        decoders, decoder_problems = plugins.decoders(self._registry)
        self._intake = intake = Intake(self._plans, project.specs, self._inbox, decoders)
        self._core = Core(
            world=self.id,
            kind=WorldKind.LIVE,
            tags=len(project.specs),
            inbox=self._inbox,
            intake=intake,
            watch=Watch(project.specs, [plan.link for plan in self._plans]),
            derived=Derived(project.specs),
        )
        contexts = {plan.link.name: self._context(plan.link) for plan in self._plans}
        self._links = Links(self._plans, self._registry.of("sources"), contexts, self._inbox, clock)
        self._publisher = Publisher(empty_frame(self.id, WorldKind.LIVE), len(project.specs))
        self._feed = RecorderFeed(
            self._recorder, project.specs, recorded=project.recorded, session=f"{self.id}-{clock.now_ns()}"
        )
        self._sinks, sink_problems = plugins.sinks(self._registry, contexts)
        self._actors: dict[bytes, str] = {}  # who said Hello on which line
        self._audit: Audit | None = None
        self._gate, gate_problem = self._make_gate() if project.commanding.enabled else (None, [])
        self._stop = asyncio.Event()
        self._told: set[tuple[str, str, str]] = set()
        self._sent_statuses: tuple[LinkStatus, ...] = ()
        self._sent_status_ns = 0
        self._tasks: set[asyncio.Task[None]] = set()
        faults = [record(f) for f in (*problems(project.links, project.specs), *intake.problems)]
        plugin_problems = (*self._registry.problems, *decoder_problems, *sink_problems)
        self._early = [self._event(f) for f in (*plugin_problems, *faults, *gate_problem)]

    # ---------------------------------------------------------------- life

    async def serve(self, say: Callable[[Mapping[str, object]], None]) -> None:
        """Serve until stopped; `say` tells the address once desks can connect."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        hub = AsyncHub(self._address)
        ticking = threading.Event()
        thread = threading.Thread(target=self._ticks, args=(loop, hub, ticking), name="tick")
        runs.write(self._run())
        try:
            thread.start()
            work = [
                asyncio.create_task(self._links.run(), name="links"),
                asyncio.create_task(self._requests(hub), name="requests"),
                asyncio.create_task(self._feed.run(), name="recorder"),
            ]
            say({"address": self._address, "id": self.id, "recorder": self._recorder})
            stopped = asyncio.create_task(self._stop.wait())
            pending = {stopped, *work}
            while not stopped.done():  # without links their task ends at once, and the world goes on
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            ticking.set()
            thread.join(STOP_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._links.stop(), STOP_S)
            await self._close_commands()
            await self._feed.flush(STOP_S / 2)
            for task in [*asyncio.all_tasks()]:
                if task is not asyncio.current_task():
                    task.cancel()
            runs.remove(self.id)
            hub.close()

    async def _close_commands(self) -> None:
        """Take leave of the command connections and put the audit on disk."""
        for sink in self._sinks.values():
            closing = getattr(sink, "close", None)  # optional in the port
            if closing is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(closing(), STOP_S / 2)
        if self._audit is not None:
            self._audit.close()

    def _run(self) -> runs.Run:
        return runs.Run(
            id=self.id,
            kind=str(WorldKind.LIVE),
            project=str(self._project.folder),
            name=self._project.name,
            address=self._address,
            recorder=self._recorder,
            pid=os.getpid(),
            started_ns=self._clock.now_ns(),
            plant=runs.plant_of(self._project.private),
        )

    # ---------------------------------------------------------------- tick thread

    def _ticks(self, loop: asyncio.AbstractEventLoop, hub: AsyncHub, stop: threading.Event) -> None:
        """Tick at the project's rate; a tick that took too long skips the beats it missed."""
        period = NS // self._project.tick_hz
        due = self._clock.now_mono_ns()
        try:
            while not stop.wait(max(0, due - self._clock.now_mono_ns()) / NS):
                tick = self._core.tick(self._clock.now_ns(), self._clock.now_mono_ns())
                loop.call_soon_threadsafe(self._ticked, tick, hub)
                due += period
                late = self._clock.now_mono_ns() - due
                if late > 0:
                    due += (late // period) * period
        except RuntimeError:
            if not loop.is_closed():  # otherwise the loop ended between two ticks
                raise
        except Exception:  # a border: without its tick a world is silent, so it must end and say why
            log.exception("the tick failed; the world ends")
            loop.call_soon_threadsafe(self._stop.set)

    # ---------------------------------------------------------------- loop thread

    def _ticked(self, tick: Tick, hub: AsyncHub) -> None:
        """Publish a tick: with the links' states, events and receipts of the moment."""
        now_mono = self._clock.now_mono_ns()
        self._feed.offer(tick.samples)
        statuses = self._links.statuses()
        differs = statuses_differ(self._sent_statuses, statuses)
        links: tuple[LinkStatus, ...] = ()
        if differs or now_mono - self._sent_status_ns >= STATUS_EVERY_NS:
            links, self._sent_statuses, self._sent_status_ns = statuses, statuses, now_mono
            self._tell_undecodable()
        early, self._early = tuple(self._early), []
        frame = replace(
            tick.frame,
            links=links,
            tally=self._inbox.tally(),
            events=(*early, *self._links.take_events(), *self._feed.take_events(self._clock.now_ns())),
            orders=self._gate.take_receipts() if self._gate else (),
            recording=self._feed.trouble,
        )
        self._publisher.publish(frame)
        if self._gate is not None:
            self._gate.observe(
                frame.seq, now_mono
            )  # reads the published table; receipts ride in the next frame
        for peer, out in self._publisher.due(now_mono):
            self._spawn(hub.send(peer, out))

    def _tell_undecodable(self) -> None:
        """Make an event of the first payload of each channel that could not be decoded for some reason."""
        for q in self._intake.quarantine():
            kind = (q.link, q.channel, q.reason)
            if kind in self._told or len(self._told) >= TOLD_KEPT:
                continue
            self._told.add(kind)
            start = q.head[:40].decode("utf-8", "replace")
            fault = FaultRecord(
                kind="LinkFault",
                what=f"A message on {q.channel} could not be read: {q.reason} (byte {q.offset}: {start!r}).",
                where=q.link,
                remedy="Correct the sender, or the tag's decoder and path; its tags are bad until then.",
            )
            self._early.append(self._event(fault))

    async def _requests(self, hub: AsyncHub) -> None:
        while True:
            peer, number, message = await hub.receive()
            self._spawn(self._answer(hub, peer, number, message))

    async def _answer(self, hub: AsyncHub, peer: bytes, number: int, message: object) -> None:
        if isinstance(message, msg.Credit):
            if not self._publisher.credit(peer, self._clock.now_mono_ns()):
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
            case msg.Hello(actor=actor):
                self._actors[peer] = actor
                return self._welcome(peer)
            case msg.Bye():
                self._publisher.leave(peer)
                actor = self._actors.pop(peer, "")
                if self._gate is not None and actor not in self._actors.values():
                    self._gate.disarm(actor)
            case msg.Stop():
                self._stop.set()
            case msg.Retry(link=link, action=action):
                self._act_on_link(link, action)
            case msg.Browse(link=link, under=under, limit=limit):
                return msg.Browsed(items=tuple(await self._links.browse(link, under, limit)))
            case Arm():
                return self._need_gate().arm(message, self._clock.now_mono_ns())
            case Order():
                return await self._need_gate().execute(message)
            case FaultRecord():
                raise message.fault()
            case _:
                raise WorldFault(
                    f"A LIVE world does not answer {type(message).__name__}.",
                    where=self.id,
                    remedy="Ask another.",
                )
        return msg.Done()

    def _welcome(self, peer: bytes) -> msg.Welcome:
        now_mono = self._clock.now_mono_ns()
        project = self._project
        return msg.Welcome(
            world=self.id,
            kind=WorldKind.LIVE,
            run=self._publisher.last.run,
            project=str(project.folder),
            name=project.name,
            role=LOCAL_ROLE,
            specs=project.specs,
            twins=project.twins,
            relationships=project.relationships,
            frame=self._publisher.join(peer, now_mono),
            recorder=self._recorder,
            now_ns=self._clock.now_ns(),
            now_mono_ns=now_mono,
        )

    def _act_on_link(self, link: str, action: str) -> None:
        if link not in {plan.link.name for plan in self._plans}:
            raise ProjectFault(
                f"There is no link '{link}'.", where=self._project.name, remedy="See the links dock."
            )
        if action == "off":
            self._links.disable(link)
        elif action == "on":
            self._links.enable(link)
        else:
            self._links.retry(link)

    def _spawn(self, work: Any) -> None:  # Any: coroutines of several kinds
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---------------------------------------------------------------- parts

    def _context(self, link: LinkSpec) -> SourceContext:
        return SourceContext(link=link, clock=self._clock, secret=_no_secret, project=self._project.folder)

    def _make_gate(self) -> tuple[Gate | None, list[FaultRecord]]:
        """Return the gate, or None with the reason: without an audit on disk nothing may be written."""
        project = self._project
        try:
            audit = Audit(
                project.private / "audit", world_kind=str(WorldKind.LIVE), now_ns=self._clock.now_ns()
            )
        except Fault as fault:
            return None, [record(fault)]
        self._audit = audit
        gate = Gate(
            world=self.id,
            specs=project.specs,
            table=self._publisher.table,
            sinks=self._sinks,
            links={plan.link.name: plan.link for plan in self._plans},
            status=self._status_of,
            role=lambda _actor: LOCAL_ROLE,
            audit=audit,
            clock=self._clock,
            project=project.folder,
            max_age_s=project.commanding.max_age_s,
        )
        return gate, []

    def _status_of(self, link: str) -> LinkStatus | None:
        return next((s for s in self._links.statuses() if s.name == link), None)

    def _need_gate(self) -> Gate:
        if not self._project.commanding.enabled:
            raise OrderFault(
                "Commands are switched off in this project.",
                where=str(self._project.folder / "project.toml"),
                remedy="An engineer may set enabled = true under [command].",
            )
        if self._gate is None:
            raise OrderFault(
                "Commands are locked: their audit cannot be written.",
                where=str(self._project.private),
                remedy="Make the project's folder writable and start the world again.",
            )
        return self._gate

    def _event(self, fault: FaultRecord) -> Event:
        return Event(
            t_ns=self._clock.now_ns(),
            level="error",
            source=fault.where,
            text=f"{fault.what} {fault.remedy}",
            fault=fault,
        )


def _no_secret(name: str) -> str:
    raise ProjectFault(
        f"The secret '{name}' is not known here.",
        where="secrets",
        remedy="Secrets come with accounts; use a link without.",
    )
