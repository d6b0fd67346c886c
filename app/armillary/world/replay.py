"""Child entry: a REPLAY world. The record at a moving cursor: any speed, both directions, steps and jumps.

What is shown is a function of the record and the cursor alone (`world.record`), so that every way to a time
shows the same. It has no links, no gate and no sinks; what reads the record is the recorder.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from armillary.alarms.links import link_alarms
from armillary.alarms.system import area_alarms, notify_alarms, system_alarms
from armillary.model import message as msg
from armillary.model import places
from armillary.model.alarm import AlarmSpec, AlarmState, ServerAlarm
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.condition import REMOTE
from armillary.model.control import SPEEDS, Cursor, Loop, Play, Seek, ShowVersion, StateAnswer, Step
from armillary.model.fault import Fault, StoreFault
from armillary.model.frame import Event, Frame, RunState, WorldKind, empty_frame
from armillary.model.link import LinkStatus
from armillary.model.order import Receipt
from armillary.model.procedure import ActOnProcedure, AskProcedures, ProcedureRun, StartProcedure
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.twin.derive import Derived
from armillary.world import carrying_out, replay_steps
from armillary.world.core import Core
from armillary.world.given import Given
from armillary.world.keeping import cache_of
from armillary.world.publish import Publisher
from armillary.world.reading import Reading
from armillary.world.recalling import past_at
from armillary.world.record import Recording, Stretch
from armillary.world.recorded import Passed, Recorded
from armillary.world.replay_ahead import Ahead, every_ns, pace
from armillary.world.replay_telling import Telling
from armillary.world.replay_versions import Versions
from armillary.world.serving import Serving

log = logging.getLogger(__name__)

LOOK_NS = 2 * NS  # how often the extent of the record is asked for
FASTEST = max(SPEEDS)


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run a REPLAY world until asked to stop. Raises a Fault when it cannot start.

    args: `project`; `recorder`, `listen` (addresses), `at_ns`, `speed`, `to_ns` (playing forwards pauses
    there), `idle` (no time until the first Seek), `then` (False: as the project is now, not as it was).
    """
    project = projects.read(Path(args["project"]))
    replay = Replay(
        project,
        WallClock(),
        listen=args.get("listen", ""),
        recorder=args.get("recorder", ""),
        alarms=alarms_of(project),
        idle=bool(args.get("idle", False)),
        then=bool(args.get("then", True)),
    )
    begin_ns = int(args.get("at_ns") or args.get("from_ns") or 0)
    replay.begin_at(begin_ns, float(args.get("speed", 0.0)), int(args.get("to_ns") or 0))
    asyncio.run(replay.serve(say))


def alarms_of(project: Project) -> tuple[AlarmSpec, ...]:
    """Return the alarms that a record of a project has: its own, and those that every world has."""
    return (
        *project.alarms,
        *link_alarms(project.links, project.specs),
        *system_alarms(),
        *area_alarms(project.areas),
        *notify_alarms(project.receivers),
    )


class Replay(Serving):
    """One REPLAY world. `serve` returns after a Stop."""

    kind = WorldKind.REPLAY

    def __init__(
        self,
        project: Project,
        clock: Clock,
        *,
        listen: str = "",
        recorder: str = "",
        alarms: Sequence[AlarmSpec] = (),
        idle: bool = False,
        then: bool = True,
    ) -> None:
        super().__init__(
            project,
            clock,
            world=f"replay-{os.getpid()}",
            listen=listen,
            recorder=recorder,
            alarms=alarms,
            about="REPLAY",
        )
        self.idle = idle
        self._core = self._new_core(project)
        self._versions = Versions(project, cache_of(places.cache()))
        self._versions.then = then
        self._version = ""  # of the project as it is shown; "" = as it is now
        self._seq = 0
        self._way_ns = 0  # where playing is: the cursor is the last time before it whose state is known
        self._loop = (0, 0)
        self._telling = Telling(
            clock,
            lambda: self._recording if not self._trouble else None,
            self._played_since,
            self._played_to,
            self._show_told,
        )
        self._reading = Reading(project.folder, recorder)
        self._recording: Recording | None = None
        self._stretch: Stretch | None = None
        self._ahead = Ahead()
        self._turn = asyncio.Lock()  # one jump at a time; of several that wait the newest counts
        self._finding = asyncio.Lock()
        self._wanted = 0
        self._cursor_ns = 0
        self._asked, self._real = 0.0, 0.0
        self._phase = RunState.PAUSED
        self._trouble = ""
        self._begin = (0, 0.0)
        self._until_ns = 0  # where playing forwards pauses; 0 = nowhere
        self._alarm_texts: dict[int, str] = {}
        self._server_alarms: Mapping[str, ServerAlarm] = {}  # those of servers that were shown last
        self._recorded = Recorded(project.links, self.alarm_specs)
        self._links: tuple[LinkStatus, ...] = ()
        self._orders: tuple[Receipt, ...] = ()
        self._runs: tuple[ProcedureRun, ...] = ()
        self.publisher.last = replace(self.publisher.last, run=RunState.PAUSED)

    def _new_core(self, project: Project) -> Core:
        return Core(
            world=self.id,
            kind=WorldKind.REPLAY,
            tags=len(project.specs),
            supply=Given(),
            derived=Derived(()),
        )

    def begin_at(self, t_ns: int, speed: float, until_ns: int = 0) -> None:
        """Note where to begin (0 = the end of the record) and where playing forwards pauses."""
        self._begin, self._until_ns = (t_ns, speed), until_ns

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return the ticks and the look at the record."""
        return (self._ticks(), self._watch())

    async def ending(self) -> None:
        """End what was started."""
        self._ahead.forget()
        self._telling.cancel()
        if self._recording is not None:
            self._recording.close()
        self._reading.close()

    # ---------------------------------------------------------------- requests

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer what moves the cursor."""
        match message:
            case Seek(t_ns=t_ns):
                await self._seek(t_ns)
            case Play(speed=speed):
                await self._play(speed)
            case Step():
                await self._step(message)
            case Loop(from_ns=from_ns, to_ns=to_ns):
                await self._repeat(from_ns, to_ns)
            case ShowVersion(then=then):
                self._versions.then = then
                if self._stretch is not None:
                    await self._seek(self._cursor_ns)
            case AskProcedures() | StartProcedure() | ActOnProcedure():
                return await carrying_out.looked_on(self.project, self.kind, message)
            case _:
                return await super().reply(peer, message)
        return msg.Done()

    async def state_answer(self, t_ns: int = 0, *, past: bool = False) -> StateAnswer:
        """Return the whole state at a time of the record; 0 = where the cursor is."""
        answer = await self._state_at(t_ns)
        if not past or not answer.t_ns:
            return answer
        return replace(answer, past=await past_at(await self._open(), self.project, answer.t_ns))

    async def _state_at(self, t_ns: int) -> StateAnswer:
        if not t_ns or t_ns == self._cursor_ns:
            return replace(self.state_now(), t_ns=self._cursor_ns)
        recording = await self._open()
        stretch = self._stretch
        if stretch is None or not stretch.is_exact(t_ns):
            stretch = await recording.stretch(t_ns, t_ns)
        state = recording.state(stretch, t_ns)
        alarms = self._recorded.alarms(self._recorded.texts(stretch, t_ns), {})
        return replace(
            self.state_now(),
            t_ns=t_ns,
            value=state.value,
            source_ns=state.source_ns,
            arrival_ns=state.arrival_ns,
            quality=state.quality,
            text=dict(state.text),
            alarms=alarms,
        )

    async def _seek(self, t_ns: int, *, anew: bool = False) -> None:
        """Show a time. Of several jumps that wait only the newest is carried out."""
        self._wanted = t_ns
        if self.idle:
            self.announce()
        async with self._turn:
            if self._wanted != t_ns:
                return
            if anew:
                self._stretch = None  # what is read of it is too little to go on slower
            await self._jump(t_ns)

    async def _go(self, t_ns: int) -> None:
        """Show a time that nobody asked for; where it cannot be read, pause and say so."""
        try:
            await self._seek(t_ns)
        except Fault as fault:
            self._lost(fault)

    async def _jump(self, t_ns: int) -> None:
        before = self._phase if self._phase is not RunState.SEEKING else RunState.PAUSED
        stretch, project, key = self._stretch, None, self._version
        if stretch is None or not stretch.is_exact(t_ns) or self._versions.key_at(t_ns) != self._version:
            self._phase = RunState.SEEKING
            try:
                recording = await self._open()
                self._ahead.forget()
                t_ns = min(max(t_ns, recording.first_ns), max(recording.last_ns, recording.first_ns))
                key, project = await self._author(recording, t_ns)
                if project is not None:
                    recording = recording.of(project, [a.id for a in alarms_of(project)])
                self._stretch = await recording.stretch(t_ns, t_ns)
            finally:
                self._phase = before
            self._version = key
            if project is not None:  # nothing is awaited from here on until desks are greeted
                self._become_project(project, recording)
        self._phase = RunState.RUNNING if self._asked else RunState.PAUSED
        self._cursor_ns, self._way_ns = t_ns, t_ns
        for told in (self.publisher.events, self.publisher.alarm_events, self.publisher.orders):
            told.clear()  # a joiner is not told of another time
        self._orders = ()  # the newest receipt of that time is told anew
        self._show()
        if project is not None:
            self._greet()
        self._telling.ask(t_ns)
        self._fetch()

    async def _repeat(self, from_ns: int, to_ns: int) -> None:
        """Play a span again and again; an empty one ends that."""
        self._loop = (from_ns, to_ns) if from_ns < to_ns else (0, 0)
        self._ahead.forget()
        if self._loop[1]:
            inside = from_ns <= self._cursor_ns < to_ns
            await self._seek(self._cursor_ns if inside else from_ns, anew=True)
        else:
            self._show()

    # ---------------------------------------------------------------- as it was authored

    async def _author(self, recording: Recording, t_ns: int) -> tuple[str, Project | None]:
        """Return a time's version, and its project where tags, alarms or links are others than now."""
        while (key := self._versions.key_at(t_ns)) != self._version:
            try:
                project = await self._versions.project(recording, key)
            except Fault as fault:
                self._versions.give_up(key, fault)
                self._say("warning", f"{fault.what} {fault.remedy}")
                continue
            now = self.project
            same = (project.specs, project.alarms, project.links) == (now.specs, now.alarms, now.links)
            return key, None if same else project
        return key, None

    def _become_project(self, project: Project, recording: Recording) -> None:
        """Go on with the tags, alarms and links of a version."""
        self.project, self.alarm_specs = project, alarms_of(project)
        self._recording = recording
        self._core = self._new_core(project)
        self._recorded = Recorded(project.links, self.alarm_specs)
        self._alarm_texts, self._links, self._runs = {}, (), ()
        self._server_alarms = {}
        self.publisher = Publisher(empty_frame(self.id, self.kind), len(project.specs))
        for peer in self._who:  # they take no frame before they are greeted, and are not forgotten
            self.publisher.join(peer, self.clock.now_mono_ns())

    def _greet(self) -> None:
        """Welcome all desks anew, as the tags are others."""
        if self._hub is not None:
            for peer in self._who:
                self.spawn(self._hub.send(peer, self._welcome(peer)))

    async def _play(self, speed: float) -> None:
        """Run at a speed, 0 pauses; from the end of the record nothing runs forwards."""
        self._asked = self._real = max(-FASTEST, min(FASTEST, speed))
        stretch = self._stretch
        if speed and (stretch is None or self._every_ns() < stretch.every_ns):
            await self._seek(self._wanted if stretch is None else self._cursor_ns, anew=True)
        self._ahead.forget()  # it was read for another speed
        self._phase = RunState.RUNNING if self._asked else RunState.PAUSED
        self._fetch()
        self._show()

    async def _step(self, step: Step) -> None:
        """Move while paused."""
        self._asked, self._phase = 0.0, RunState.PAUSED
        recording = await self._open()
        tick_ns = NS // self.project.tick_hz
        await self._seek(await replay_steps.target(recording, self._cursor_ns, step, tick_ns))

    # ---------------------------------------------------------------- the record

    async def _open(self) -> Recording:
        """Return the line to the recorder, made when it is first needed and when the last one went away."""
        if self._recording is None or self._trouble:
            await self._connect()
        recording = self._recording
        if recording is not None and not recording.last_ns:
            await recording.refresh()
        if recording is None or not recording.last_ns:
            raise StoreFault(
                "Nothing is recorded yet.",
                where=str(self.project.history_file),
                remedy="Run the live world with its recorder for a while.",
            )
        return recording

    async def _connect(self) -> None:
        """Find a recorder, and say so when one was missed."""
        async with self._finding:
            if self._recording is not None and not self._trouble:
                return  # somebody was faster
            address = await self._reading.find()
            own = [spec.id for spec in self.alarm_specs if not spec.id.startswith(REMOTE)]
            recording = Recording(self.project, own, address)
            try:
                await recording.refresh()
                await self._versions.refresh(recording)
            except Fault:
                recording.close()
                raise
            self._ahead.forget()
            held, self._recording, self.recorder = self._recording, recording, address
            if held is not None:
                held.close()
            if self._trouble:
                self._trouble = ""
                self._say("info", "The recorder answers again; the replay goes on.")

    async def _watch(self) -> None:
        """Begin where asked, then look how far the record goes; say when the recorder is away."""
        if not self.idle:
            await self._start()
        while True:
            await asyncio.sleep(LOOK_NS / NS)
            recording = self._recording
            if recording is None and not self._trouble:
                continue
            try:
                if recording is None or self._trouble:
                    await self._again()
                else:
                    await recording.refresh(LOOK_NS / NS)
                    await self._versions.refresh(recording)
            except Fault as fault:
                self._lost(fault)

    async def _start(self) -> None:
        at_ns, speed = self._begin
        try:
            recording = await self._open()
            await self._seek(at_ns or recording.last_ns)
            if speed:
                await self._play(speed)
        except Fault as fault:
            self._lost(fault)

    def _lost(self, fault: Fault) -> None:
        """Pause: the record cannot be read. `_again` goes on."""
        self._ahead.forget()
        if self._trouble:
            return
        self._trouble = fault.what
        self._say("warning", f"The replay waits for its recorder. {fault.what}")
        self._phase = RunState.PAUSED
        self._show()

    async def _again(self) -> None:
        """Find a recorder anew and go on as before."""
        recording = await self._open()
        if self._stretch is None:
            await self._seek(self._wanted or self._begin[0] or recording.last_ns)
        await self._play(self._asked)

    def _say(self, level: str, text: str) -> None:
        self.early.append(Event(t_ns=self.clock.now_ns(), level=level, source="replay", text=text))

    # ---------------------------------------------------------------- the cursor

    async def _ticks(self) -> None:
        period = NS // self.project.tick_hz
        before = due = self.clock.now_mono_ns()
        while True:
            due = max(due + period, self.clock.now_mono_ns())
            await asyncio.sleep((due - self.clock.now_mono_ns()) / NS)
            now = self.clock.now_mono_ns()
            if self._phase is RunState.RUNNING and not self._turn.locked():
                self._advance(now - before)
            else:
                self.send_due()
            before = now

    def _advance(self, passed_ns: int) -> None:
        """Move the cursor by wall time × speed, as far as the record is read."""
        recording, stretch = self._recording, self._stretch
        if recording is None or stretch is None:
            return
        self._way_ns += int(passed_ns * self._asked)
        target = self._way_ns
        first, last = recording.first_ns, max(recording.last_ns, recording.first_ns)
        bounded = min(max(target, min(first, self._cursor_ns)), max(last, self._cursor_ns))
        if self._turns_round(target):
            return
        until = self._until_ns
        is_last = self._cursor_ns < until <= bounded
        if is_last:
            bounded = target = until
        stretch = self._entered(bounded)
        held = min(max(bounded, stretch.from_ns), stretch.to_ns)
        shown = stretch.nearest(held)
        if held != target:
            self._way_ns = held  # it waits for what is read, or has come to an end
        if self._versions.key_at(shown) != self._version:
            self.spawn(self._go(shown))  # a change of version: what is shown from here on was authored then
            return
        before, self._cursor_ns = self._cursor_ns, shown
        self._real = pace(self._real, self._asked, shown - before, passed_ns)
        if is_last and shown == until:
            self._phase, self._asked, self._real = RunState.PAUSED, 0.0, 0.0
        elif bounded != target and shown == bounded:
            self._phase, self._asked, self._real = RunState.ENDED, 0.0, 0.0
        self._show(before if shown > before else None)
        if shown < before and self._telling.is_due:
            self._telling.ask(shown)
        self._fetch()

    def _turns_round(self, target_ns: int) -> bool:
        """Jump to the other end of the loop where it is left; tell whether it is."""
        from_ns, to_ns = self._loop
        if not to_ns or not (from_ns <= self._cursor_ns <= to_ns):
            return False
        if from_ns <= target_ns < to_ns:
            return False
        self.spawn(self._go(from_ns if target_ns >= to_ns else to_ns - 1))
        return True

    def _entered(self, t_ns: int) -> Stretch:
        """Return the stretch to show a time from; goes on to the next when that is there."""
        assert self._stretch is not None  # noqa: S101  the caller has looked
        try:
            self._stretch = self._ahead.entered(self._stretch, t_ns)
        except Fault as fault:
            self._lost(fault)
        return self._stretch

    def _fetch(self) -> None:
        """Have the stretch ready that is needed next, while this one is shown."""
        recording, stretch = self._recording, self._stretch
        if recording is None or stretch is None or self._trouble:
            return
        self._ahead.fetch(
            recording,
            stretch,
            cursor_ns=self._cursor_ns,
            speed=self._asked,
            until_ns=self._until_ns,
            every_ns=self._every_ns(),
        )

    def _every_ns(self) -> int:
        return every_ns(self._asked, self.project.tick_hz, is_loop=bool(self._loop[1]))

    # ---------------------------------------------------------------- frames

    def _show(self, passed_from_ns: int | None = None) -> None:
        """Publish the cursor's time; with the events after `passed_from_ns`, while it plays forwards."""
        stretch, recording, t_ns = self._stretch, self._recording, self._cursor_ns
        if stretch is None or recording is None:
            self.publish(self._clocked(self.publisher.last))
            return
        frame = self._core.put(recording.state(stretch, t_ns), t_ns, t_ns)
        texts = self._recorded.texts(stretch, t_ns)
        passed = Passed()
        if passed_from_ns is not None:
            passed = self._recorded.passed(stretch, passed_from_ns, t_ns)
        links = self._recorded.links(texts)
        newest, carried_out = self._recorded.order(texts), self._recorded.procedures(texts)
        theirs, specs = self._of_servers(texts)
        frame = replace(
            frame,
            alarms=(*self._recorded.alarms(texts, self._alarm_texts), *theirs),
            alarm_specs=specs,
            events=passed.events,
            alarm_events=passed.alarm_events,
            orders=passed.orders or (newest if newest != self._orders else ()),
            links=links if links != self._links else (),
            procedures=carried_out if carried_out != self._runs else None,
            recording=self._trouble,
        )
        self._links, self._orders, self._runs = links, newest, carried_out
        self.publish(self._clocked(frame))

    def _of_servers(self, texts: Mapping[int, str]) -> tuple[list[AlarmState], tuple[AlarmSpec, ...]]:
        """Return how alarms of servers stand otherwise than shown before, and those that were not known."""
        now, before = self._recorded.servers(texts), self._server_alarms
        self._server_alarms = now
        if now is before:
            return [], ()
        states = [one.state for id_, one in now.items() if id_ not in before or before[id_] != one]
        states += [AlarmState(id=id_) for id_ in before if id_ not in now]
        known = {spec.id for spec in self.alarm_specs}
        new = tuple(one.spec for id_, one in now.items() if id_ not in known)
        self.alarm_specs = (*self.alarm_specs, *new)
        return states, new

    def _played_to(self) -> int:
        return self._cursor_ns if self._asked > 0 else 0

    def _played_since(self, t_ns: int) -> Passed | None:
        """Return what was played over after a time; None where the stretch that is shown begins later."""
        stretch, to_ns = self._stretch, self._played_to()
        if to_ns <= t_ns:
            return Passed()
        if stretch is None or not stretch.holds(t_ns):
            return None
        return self._recorded.passed(stretch, t_ns, to_ns)

    def _show_told(self, told: Passed) -> None:
        """Publish what had happened by the time that is shown."""
        frame = replace(self.publisher.last, anew=True, events=told.events, alarm_events=told.alarm_events)
        self.publish(self._clocked(frame))

    def _clocked(self, frame: Frame) -> Frame:
        """Return a frame with the clock, and the next number: not all frames are the core's."""
        recording = self._recording
        self._seq += 1
        return replace(
            frame,
            seq=self._seq,
            first_seq=self._seq,
            run=self._phase,
            cursor=Cursor(
                speed=self._real if self._phase is RunState.RUNNING else 0.0,
                asked=self._asked,
                from_ns=recording.first_ns if recording is not None else 0,
                to_ns=recording.last_ns if recording is not None else 0,
                note=self._trouble or self._versions.note(self._version),
                version=self._version,
                loop_ns=self._loop,
            ),
        )
