"""Child entry: a LIVE world. Links, tick, gate and recorder feed, and the desks that watch.

Two threads: this one (asyncio) owns links, desks, gate and the recorder's line; the tick thread owns the
state. They share the inbox, and the tick hands its frame over by `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from armillary.alarms.notices import Facts
from armillary.alarms.positions import members
from armillary.alarms.system import area_alarms, halt_alarms, notify_alarms, system_alarms
from armillary.api.ports import SourceContext
from armillary.extend.discover import discover
from armillary.model import message as msg
from armillary.model.account import LoggedIn, Right
from armillary.model.alarm import AlarmAct, AlarmProgress, right_to
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.control import TEST_FIRE, Approve, Kill, NoteTestFire, StateAnswer
from armillary.model.drift import AcceptDefinition, AskDrift, RefuseDrift
from armillary.model.fault import ProjectFault, WorldFault, record
from armillary.model.frame import Event, WorldKind
from armillary.model.link import COUNTERS, BrowseItem, LinkSpec, LinkStatus, link_alarm
from armillary.model.logbook import AskNotes, AskShift, HandOver, Note, TakeOver, WriteNote
from armillary.model.order import Arm, CloseOrder, Order, Prepare
from armillary.model.procedure import ActOnProcedure, AskProcedures, StartProcedure
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.model.trust import DecideTrust, TrustAct
from armillary.project import folder as projects
from armillary.project import published
from armillary.project.record import Project
from armillary.security.audit import Audit
from armillary.security.secrets import Secrets
from armillary.telemetry.links import Links
from armillary.telemetry.plan import problems
from armillary.twin.derive import Derived
from armillary.twin.held import Held
from armillary.twin.turns import Turns
from armillary.wire import runs
from armillary.wire.bus import served
from armillary.wire.lease import Lease
from armillary.world import shiftwork, standby, trusting
from armillary.world.alarming import Alarming
from armillary.world.attending import Attending
from armillary.world.carrying_out import CarryingOut
from armillary.world.core import Core, Tick
from armillary.world.counting import Counting
from armillary.world.deeds import Deeds
from armillary.world.drifting import Drifting
from armillary.world.feed import NOT_YET, SEND_EVERY_S, RecorderFeed
from armillary.world.gate import Gate
from armillary.world.guarding import guard, guarded
from armillary.world.keeping import Keeping
from armillary.world.lateness import Lateness
from armillary.world.logbook import Logbook
from armillary.world.looking_back import LookingBack
from armillary.world.marking import Marking
from armillary.world.mirroring import Mirroring
from armillary.world.neighbours import Neighbours
from armillary.world.notifying import Notifying
from armillary.world.owed import Owed
from armillary.world.part import AREAS, Part, part_of
from armillary.world.publish import statuses_differ
from armillary.world.reception import Reception
from armillary.world.remembered import last_known
from armillary.world.room import Room
from armillary.world.rule_events import RuleEvents
from armillary.world.serving import STOP_S, People, Serving, within
from armillary.world.substitutes import Substitutes
from armillary.world.waking import AfterSleep, Beats, moved_text

log = logging.getLogger(__name__)

STATUS_EVERY_NS = NS  # rates and delays of links are sent this often when nothing else changed
MOST_PEEKED = 500  # values of one request
PROMPT_S = 0.05  # how often samples go to the recorder while servers wait to hear that they are on disk
NONE: Mapping[str, int] = {}
PLUGINS = ("sources", "sinks", "decoders", "notifiers")


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run the LIVE world of a project until asked to stop. Raises a Fault when it cannot start."""
    clock, folder, area = WallClock(), Path(args["project"]), str(args.get("area", ""))
    project = projects.read(folder)
    part_of(project, area)  # an area that is none is told at once
    discover(PLUGINS)  # whoever stands by has read all code when it takes over
    lease = standby.lease_of(project, area, clock, say, waits=bool(args.get("standby", False)))
    project = projects.read(folder)  # whoever stood by may have waited for days
    _only_one(project, area)
    live = Live(
        project,
        clock,
        listen=args.get("listen", ""),
        recorder=args.get("recorder", ""),
        secrets=Secrets(args.get("secret_file", "")),
        area=area,
        lease=lease,
    )
    asyncio.run(live.serve(say))


def _only_one(project: Project, area: str) -> None:
    """Raise WorldFault when a LIVE world of this share runs: it has one plant, one gate, one history."""
    for other in runs.all_runs():
        if other.project != str(project.folder) or other.kind != WorldKind.LIVE or other.area != area:
            continue
        if served(other.address):
            raise WorldFault(
                f"A live world of this project runs already: {other.id} at {other.address}.",
                where=str(project.folder),
                remedy=f"Join it: armillary open --connect {other.address}; or end it: "
                f"armillary worlds close {other.id}.",
            )


class Live(Serving):
    """One LIVE world. `serve` returns after a Stop."""

    kind = WorldKind.LIVE

    def __init__(
        self,
        project: Project,
        clock: Clock,
        *,
        listen: str = "",
        recorder: str = "",
        people: People | None = None,
        secrets: Secrets | None = None,
        area: str = "",
        lease: Lease | None = None,
    ) -> None:
        part = self._part = part_of(project, area)
        self._lease, self._secrets = lease, secrets or Secrets()
        self._alarming = _alarming_of(project, part, area, clock)
        super().__init__(
            project,
            clock,
            world=f"live-{area}-{os.getpid()}" if area else f"live-{os.getpid()}",
            listen=listen,
            recorder=recorder or runs.recorder_address(project.folder),
            people=people,
            alarms=self._alarming.specs,
            about=f"area {part.title}" if area else "",
        )
        self.area, self.own = area, part.slots
        self._registry = discover(PLUGINS)
        self._reception = reception = Reception(
            project,
            part,
            self._registry,
            lost=self._alarming.evaluator.lost,
            refused=lambda: self._links.refused(),  # noqa: PLW0108  they are made below
        )
        self._plans, self._inbox, self._intake = reception.plans, reception.inbox, reception.intake
        self._supply = reception.supply
        self._after_sleep = AfterSleep(self._alarming.evaluator, self._supply.are_up)
        held = Held(len(project.specs), part.specs)
        derived = Derived(part.specs, project.timezone, waits=True, held=held.mask)
        self._back = LookingBack(
            derived.past, part.specs, folder=part.home, recorder=self.recorder, clock=clock
        )
        self._counting = Counting(self._alarming.evaluator, part.home, clock, self._alarming.personal)
        self._core = self._make_core(derived, held)
        self._beats = Beats()
        self._lateness = Lateness(project.specs, project.alarms, project.timezone)
        self._rule_events = RuleEvents(project.rules, project.specs)
        self._certificates = trusting.Certificates(clock, lambda: self._deeds.acts)
        contexts = {plan.link.name: self._context(plan.link) for plan in self._plans}
        self._links = Links(
            self._plans,
            self._registry.of("sources"),
            contexts,
            self._inbox,
            clock,
            clocks=self._intake.clocks,
        )
        self._drifting = self._make_drifting()
        self._marking = Marking(
            len(project.specs),
            (a.id for a in self.alarm_specs),
            (link.name for link in part.links),
            area,
            self._alarming.personal,
        )
        self._feed = self._make_feed()
        leases = project.private / AREAS
        self._neighbours = Neighbours(leases, project.areas, area, clock.now_mono_ns())
        self._room = Room(project.folder, quota_gb=project.historian.quota_gb)
        self._keeping = Keeping(project, self.recorder, clock)
        self._deeds = Deeds(self, part, self._registry, contexts, self._make_gate)
        self._substitutes = Substitutes(
            part.specs,
            held,
            home=part.home,
            clock=clock,
            zone=project.timezone,
            table=self.publisher.table,
            acts=lambda: self._deeds.acts,
        )
        accounts = self.people.local().accounts
        self._logbook = Logbook(part.home, project.shifts, clock, accounts=accounts)
        self._carrying_out = CarryingOut(project, self._logbook, clock, self.spawn, self.tell)
        spared = guarded(self.alarm_specs, project.specs, self._deeds.loops.detecting)
        guard(self._inbox, self._plans, spared)
        self._owed = Owed()
        self._mirroring, self._notifying = self._make_mirroring(), self._make_notifying()
        self._attending = Attending(
            self._alarming,
            self._mirroring,
            self._notifying,
            self._deeds.acts,
            self.tell,
            clock,
            part.audit,
        )
        self._sent_statuses: tuple[LinkStatus, ...] = ()
        self._sent_status_ns = 0
        self._ticking, self._broken = threading.Event(), asyncio.Event()
        self._thread: threading.Thread | None = None
        self._tell_what_is_wrong()

    # ---------------------------------------------------------------- life

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return the links and the line to the recorder."""
        own = (standby.beating(self._lease),) if self._lease is not None else ()
        return (
            self._links.run(),
            self._feed.run(),
            self._feed.adopt(),
            self._room.watch(),
            self._keeping.watch(),
            self._deeds.acts.watch(),
            self._back.run(),
            self._counting.run(),
            *own,
            self._guard(),
        )

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the tick thread; an area begins with what its tags were last."""
        known = last_known(self.recorder, self._part.specs, self.clock) if self.area else None
        if known is not None:
            self.publish(self._core.put(known, self.clock.now_ns(), self.clock.now_mono_ns()))
        self._back.restore()
        self._counting.restore()
        if self._counting.trouble is not None:
            self.tell(self._counting.trouble)
        states = self._alarming.evaluator.states()
        self._feed.offer(self._marking.started(states, self.clock.now_ns(), self.clock.now_mono_ns()))
        self._notifying.start(states)
        self._thread = threading.Thread(target=self._ticks, args=(loop, self._ticking), name="tick")
        self._thread.start()

    async def ending(self) -> None:
        """End ticks, links and command connections; what was taken is on disk before."""
        self._ticking.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        await asyncio.to_thread(self._back.close)
        await asyncio.to_thread(self._counting.keep)
        await asyncio.to_thread(self._counting.keep_windows)
        await asyncio.to_thread(self._notifying.close, STOP_S / 2)
        self._feed.offer(self._core.flush())
        await self._deeds.end_loops()
        await within(self._links.stop(), STOP_S)
        await self._deeds.close()
        self._alarming.close()
        self._logbook.close()
        self._reception.close(self.clock.now_mono_ns())
        self._feed.offer(self._marking.ended(self.clock.now_ns(), self.clock.now_mono_ns()))
        await self._feed.flush(STOP_S / 2)

    # ---------------------------------------------------------------- tick thread

    def _ticks(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        """Tick at the project's rate; a tick that took too long skips the beats it missed."""
        period = NS // self.project.tick_hz
        due = self.clock.now_mono_ns()
        try:
            while not stop.wait(max(0, due - self.clock.now_mono_ns()) / NS):
                tick = self._tick(loop)
                loop.call_soon_threadsafe(self._ticked, tick, self._intake.take_receipts())
                due += period
                late = self.clock.now_mono_ns() - due
                if late > 0:
                    due += (late // period) * period
        except RuntimeError:
            if not loop.is_closed():  # otherwise the loop ended between two ticks
                raise
        except Exception:  # a border: without its tick a world is silent, so it must end and say why
            log.exception("the tick failed; the world ends")
            loop.call_soon_threadsafe(self._broken.set)

    async def _guard(self) -> None:
        """End the world when its tick has failed: a Fault, so that whoever started it starts another."""
        await self._broken.wait()
        raise WorldFault("A tick of the world failed.", where=self.id, remedy="Read the end of its log file.")

    def _tick(self, loop: asyncio.AbstractEventLoop) -> Tick:
        """Tick once; what happened to our own clocks since the last one is settled before."""
        before, wall = self.clock.now_mono_ns(), self.clock.now_ns()
        now_mono = self.clock.now_mono_ns()
        moved, slept = self._beats.look(wall, before, now_mono)
        if moved:
            self._supply.moved()
            self._core.moved(wall)
            loop.call_soon_threadsafe(self._note, "warning", moved_text(moved))
        if slept:
            self._supply.slept(self._core.table, now_mono)
            self._after_sleep.slept(now_mono)
            text = f"This machine slept or was stopped for {slept / NS:.0f} s; all links are connected anew"
            loop.call_soon_threadsafe(self._note, "warning", text)
            loop.call_soon_threadsafe(self._links.wake)
        self._back.tick(wall, now_mono)
        return self._core.tick(wall, now_mono)

    # ---------------------------------------------------------------- loop thread

    def _note(self, level: str, text: str) -> None:
        self.early.append(Event(t_ns=self.clock.now_ns(), level=level, source="world", text=text))

    def _ticked(self, tick: Tick, receipts_of_links: Mapping[str, int] = NONE) -> None:
        """Publish a tick: with the links' states, events and receipts of the moment."""
        now_mono = self.clock.now_mono_ns()
        statuses, tally = self._links.statuses(), self._inbox.tally()
        frame = self._mirroring.merged(tick.frame, statuses, now_mono)
        if frame.alarm_specs:
            known = {spec.id: spec for spec in (*self.alarm_specs, *frame.alarm_specs)}
            self.alarm_specs = tuple(known.values())
        tick = replace(tick, frame=frame)
        self._feed.offer(tick.samples)
        self._acknowledge(receipts_of_links)
        self._attending.keep(tick.frame, now_mono)
        if (trouble := self._back.take_trouble()) is not None:
            self.tell(trouble)
        self._lateness.take(tick.late, now_mono)
        wrong = {
            link_alarm(name, COUNTERS): f"Counters of link {name} do not add up"
            for name, one in tally.items()
            if not one.holds
        }
        kept = self._feed.kept()
        troubles = {**self._links.troubles(), **self._room.troubles(kept), **wrong}
        troubles |= {**self._neighbours.troubles(now_mono), **self._notifying.troubles()}
        troubles |= self._deeds.loops.troubles()
        self._alarming.evaluator.tell(troubles)
        floods = self._alarming.evaluator.floods
        differs = statuses_differ(self._sent_statuses, statuses)
        links: tuple[LinkStatus, ...] = ()
        if differs or now_mono - self._sent_status_ns >= STATUS_EVERY_NS:
            links, self._sent_statuses, self._sent_status_ns = statuses, statuses, now_mono
            for fault in self._reception.take_errors():
                self.tell(fault)
            self._tell_late(now_mono)
            self._drifting.look(statuses, self.publisher.table.quality)
            skews = self._intake.clocks.skews
            self._alarming.evaluator.doubt({name: int(one.doubt_s * NS) for name, one in skews.items()})
            for fault in self._reception.take_warnings(self.publisher.table.why, now_mono):
                self.tell(fault, "warning")
        receipts, stopped, proposals, told = self._deeds.take(tick.frame.alarms)
        learnt, news = self._reception.learn(now_mono)
        self._drifting.see(tick.samples, learnt)
        by_hand = self._substitutes.due(now_mono)
        runs, steps = self._carrying_out.tick(self.publisher.table, tick.frame.t_ns, now_mono)
        for fault in news:
            self.tell(fault, "warning")
        frame = replace(
            tick.frame,
            links=links,
            tally=tally,
            events=(
                *self._links.take_events(),
                *self._feed.take_events(self.clock.now_ns()),
                *told,
                *by_hand,
                *steps,
                *self._rule_events.of(tick.frame),
            ),
            orders=receipts,
            recording=self._feed.trouble,
            history=kept,
            stopped=stopped,
            proposals=proposals,
            loops=self._deeds.loops.states(),
            procedures=runs,
            learnt=learnt,
            floods=floods,
        )
        self._feed.offer(self._marking.of(self.publish(frame)))
        self._deeds.published(frame.seq, now_mono)

    def _acknowledge(self, receipts: Mapping[str, int]) -> None:
        """Tell sources whose server waits for it what is on disk by now.

        While nothing is recorded nobody waits: what comes is kept here and shown, and that is told.
        """
        spool = self._feed.spool
        self._owed.add(spool.offered, receipts)
        for link, receipt in self._owed.due(spool.settled, is_away=self._feed.trouble not in ("", NOT_YET)):
            self._links.stored(link, receipt)

    def _tell_late(self, now_mono_ns: int) -> None:
        """Tell of late data that are all here now, and of clocks that are off."""
        now_ns = self.clock.now_ns()
        events, missed = self._lateness.due(now_ns, now_mono_ns)
        self._alarming.missed(missed, now_ns)
        self.early += [*events, *self._intake.clocks.take_events(self._intake.ahead, now_ns)]

    async def _browse(self, link: str, under: str, limit: int) -> tuple[BrowseItem, ...]:
        """Return what devices told of themselves, beside or in place of what the server lists."""
        told = self._reception.browse(link, under, limit)
        if told is not None:
            return told
        found = await self._links.browse(link, under, limit)
        return (*(self._intake.folders(link) if not under else ()), *found)[:limit]

    def pending(self, mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what the alarms are counting."""
        return self._alarming.evaluator.progress(mono_ns)

    async def state_answer(self, t_ns: int = 0, *, past: bool = False) -> StateAnswer:
        """Return the state of now; with a past it is that of the next tick, both of one moment."""
        return await self._back.state(self.state_now) if past else self.state_now()

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer what only a LIVE world can."""
        match message:
            case msg.Retry(link=link, action=action):
                self.need(peer, Right.ACKNOWLEDGE)
                self._act_on_link(link, action)
            case DecideTrust():
                who = self.need(peer, trusting.right_to(message))
                self.early.append(self._certificates.decide(message, who))
                if message.act is TrustAct.ACCEPT:
                    self._act_on_link(message.link, "retry")
            case msg.Browse(link=link, under=under, limit=limit):
                self.need(peer, Right.VIEW)
                return msg.Browsed(items=await self._browse(link, under, limit))
            case msg.Peek(link=link, addresses=addresses):
                self.need(peer, Right.VIEW)
                seen = await self._links.peek(link, addresses[:MOST_PEEKED])
                return msg.Peeked(values=tuple(seen.items()))
            case msg.SearchLink(link=link):
                self.need(peer, Right.VIEW)
                return await self._links.search(link, message.words, message.token, message.limit)
            case msg.AskQuarantine(link=link):
                self.need(peer, Right.VIEW)
                return msg.Quarantine(items=self._reception.quarantine(link))
            case AskDrift():
                self.need(peer, Right.VIEW)
                return self._drifting.answer(message, self.publisher.table.quality)
            case RefuseDrift() | AcceptDefinition():
                self._decide(message, self.need(peer, Right.AUTHOR))
            case AlarmAct():
                return self._attending.act(self.need(peer, right_to(message)), message)
            case Prepare():
                return self._deeds.need_gate().prepare(message, self.who(peer).user)
            case Arm():
                wish = replace(message, actor=self.who(peer).user)
                return self._deeds.need_gate().arm(wish, self.clock.now_mono_ns())
            case Order():
                return await self._deeds.need_gate().execute(replace(message, actor=self.who(peer).user))
            case CloseOrder():
                self._deeds.close_order(message, self.need(peer, Right.COMMAND))
            case Approve():
                who = self.need(peer, Right.APPROVE)
                self._deeds.answer(message, who)
            case msg.LoadProject():
                # what people published counts as agreed on: an operator may load it
                is_agreed = await asyncio.to_thread(published.is_published, self.project.folder) is not None
                await self._load(self.need(peer, Right.COMMAND if is_agreed else Right.AUTHOR))
            case Substitute():
                self._substitutes.give(message, self.need(peer, Right.SUBSTITUTE))
            case EndSubstitution():
                self._substitutes.end(message, self.need(peer, Right.SUBSTITUTE))
            case AskNotes():
                self.need(peer, Right.VIEW)
                return self._logbook.find(message, self._notes_for(peer))
            case AskShift(shift=shift):
                self.need(peer, Right.VIEW)
                return await shiftwork.answer(
                    self.project, self.alarm_specs, shift, self.recorder, self.clock, self._notes_for(peer)
                )
            case WriteNote() | HandOver() | TakeOver():
                return await self._write_down(message, self.need(peer, Right.ACKNOWLEDGE))
            case AskProcedures():
                return await self._carrying_out.answer(message, self.need(peer, Right.VIEW))
            case StartProcedure() | ActOnProcedure():
                return await self._carrying_out.answer(message, self.need(peer, Right.COMMAND))
            case NoteTestFire():
                who = self.need(peer, Right.COMMAND)
                value = message.value if math.isfinite(message.value) else None
                self._deeds.acts.note(
                    who, TEST_FIRE, message.template, after=value, reason=f"simulator: {message.outcome}"
                )
            case Kill():
                await self._deeds.acts.kill(
                    self.need(peer, Right.KILL if message.stop else Right.RELEASE), message
                )
            case _:
                return await super().reply(peer, message)
        return msg.Done()

    def _decide(self, wish: RefuseDrift | AcceptDefinition, who: LoggedIn) -> None:
        """Keep what a person decided about a difference between model and plant."""
        if isinstance(wish, AcceptDefinition):
            self._drifting.accept_definition(wish)
            self._deeds.acts.note(who, "drift.accept", wish.tag)
            return
        self._drifting.refuse(wish, who)
        action = "drift.unrefuse" if wish.back else "drift.refuse"
        self._deeds.acts.note(who, action, wish.key, reason=wish.why)

    def _notes_for(self, peer: bytes) -> Callable[[Note], Note]:
        """Return what of an entry of the logbook is shown on a line."""
        mask = self._mask()
        return (lambda note: note) if not mask or self._may_see(peer) else mask.note

    async def _write_down(self, wish: WriteNote | HandOver | TakeOver, who: LoggedIn) -> Note:
        """Keep an entry of the logbook; hand-overs are in the audit too."""
        note = await self._logbook.enter(wish, who)
        if note.shift:
            action = "shift.handover" if note.kind == "handover" else "shift.taken"
            self._deeds.acts.note(who, action, note.shift, after=note.id, reason=note.text)
        # all desks and the record get the event: what is written of a person is in the logbook alone
        self.early.append(self._logbook.told(self._mask().note(note)))
        return note

    async def _load(self, who: LoggedIn) -> None:
        """Go on as the world of the project as it is on disk now. Raises ProjectFault, then nothing changes.

        What was armed is taken back; alarms, journal and audit go on; links are made anew.
        """
        project = await asyncio.to_thread(projects.read, self.project.folder)
        self._deeds.acts.note(
            who, "project.load", project.name, before=self.world_hash, after=project.world_hash
        )
        self.heir = lambda: Live(
            projects.read(project.folder),
            self.clock,
            listen=self.address,
            recorder=self.recorder,
            people=self.people,
            secrets=self._secrets,
            area=self.area,
            lease=self._lease,
        )
        await self.warn()
        self.stopping.set()

    def left(self, peer: bytes, who: LoggedIn, *, is_last: bool) -> None:
        """Take back what a person had armed when their last desk is gone."""
        if is_last:
            self._deeds.left(who)

    def noted(self, who: LoggedIn, action: str, reason: str = "") -> None:
        """Write a log-in, a log-out or a refused log-in down."""
        self._deeds.acts.note(who, action, f"user {who.user}", reason=reason)

    def _act_on_link(self, link: str, action: str) -> None:
        if link not in {plan.link.name for plan in self._plans}:
            raise ProjectFault(
                f"There is no link '{link}'.", where=self.project.name, remedy="See the links dock."
            )
        if action == "off":
            self._links.disable(link)
        elif action == "on":
            self._links.enable(link)
        else:
            self._links.retry(link)

    # ---------------------------------------------------------------- parts

    def _make_core(self, derived: Derived, held: Held) -> Core:
        specs = self.project.specs
        return Core(
            world=self.id,
            kind=WorldKind.LIVE,
            tags=len(specs),
            supply=self._supply,
            derived=derived,
            held=held,
            alarms=self._after_sleep,
            turns=Turns(specs, [plan.link for plan in self._plans]),
        )

    def _make_drifting(self) -> Drifting:
        return Drifting(
            self.project,
            self._plans,
            self._intake.taps(),
            described=self._links.described,
            surveys=self._links.surveys,
            tell=self.tell,
            clock=self.clock,
        )

    def _make_mirroring(self) -> Mirroring:
        return Mirroring(
            self._inbox.heard,
            {plan.link.name: plan.link for plan in self._plans},
            self._links,
            self.clock,
            self.spawn,
            lambda who, action, target, why: self._deeds.acts.note(who, action, target, reason=why),
            self.tell,
        )

    def _make_notifying(self) -> Notifying:
        """Return what tells people away from a desk: this module alone may make it."""
        project = self.project
        facts = Facts(
            project=project.name, world=self.id, desk=f"armillary open {project.folder}", area=self.area
        )
        return Notifying(
            project.receivers,
            self._registry,
            self._secrets,
            self.clock,
            specs=self.alarm_specs,
            tags=project.specs,
            facts=facts,
            folder=project.folder,
            home=self._part.home,
        )

    def _make_feed(self) -> RecorderFeed:
        return RecorderFeed(
            self.recorder,
            self.project.specs,
            recorded=self._part.recorded,
            session=f"{self.id}-{self.clock.now_ns()}",
            marks=self._marking.names,
            folder=self._part.home / "spill",
            clock=self.clock,
            every_s=PROMPT_S if self.area else SEND_EVERY_S,
            thinned=() if self.area else self._part.recorded,  # an area acknowledges what is stored
        )

    def _tell_what_is_wrong(self) -> None:
        """Tell of what in project and plugins keeps parts of this world from working."""
        part = self._part
        faults = [record(f) for f in (*problems(part.links, part.specs), *self._intake.problems)]
        plugin_problems = (*self._registry.problems, *self._reception.problems, *self._notifying.problems)
        for fault in (
            *plugin_problems,
            *faults,
            *self._deeds.problems,
            *self._substitutes.problems,
            *self._logbook.problems,
        ):
            self.tell(fault)
        for alarm in part.unordered:
            self.tell(standby.not_evaluated(alarm), "warning")

    def _context(self, link: LinkSpec) -> SourceContext:
        secret = self._secrets.of(link.url)
        trust = self._certificates.of(link)
        return SourceContext(
            link=link, clock=self.clock, secret=secret, project=self.project.folder, trust=trust
        )

    def _make_gate(self, deeds: Deeds, audit: Audit) -> Gate:
        """Return the one gate: this module alone may make it."""
        project = self.project
        return Gate(
            world=self.id,
            specs=project.specs,
            table=self.publisher.table,
            sinks=deeds.sinks,
            seals=deeds.seals,
            links={plan.link.name: plan.link for plan in self._plans},
            status=self._status_of,
            role=deeds.role_of,
            audit=audit,
            clock=self.clock,
            project=project.folder,
            max_age_s=project.commanding.max_age_s,
            switch=deeds.acts.switch,
            templates=project.templates,
            interlocks=project.interlocks,
        )

    def _status_of(self, link: str) -> LinkStatus | None:
        return next((s for s in self._links.statuses() if s.name == link), None)


def _alarming_of(project: Project, part: Part, area: str, clock: Clock) -> Alarming:
    """Return the alarms of a world's share, with those that every LIVE world has."""
    specs = (
        *part.alarms,
        *system_alarms(),
        *area_alarms(project.areas),
        *halt_alarms(part.alarms),
        *notify_alarms(project.receivers),
    )
    return Alarming(
        specs,
        project.specs,
        part.links,
        folder=part.home / "journal",
        kind="live",
        now_ns=clock.now_ns(),
        rules=project.suppressions,
        area=area,
        positions=lambda every: members(
            project.positions, every, project.specs, project.areas, project.relationships
        ),
    )
