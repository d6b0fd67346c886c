"""Child entry: a TRAINING world. A simulated plant, an instructor's malfunctions, a trainee, a score.

Nothing of it can reach a plant: orders end at the simulator's inputs. What an instructor knows (malfunctions,
true values, the score) goes to lines that may instruct, never into frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import LoggedIn, Right, may
from armillary.model.alarm import AlarmAct, AlarmProgress
from armillary.model.clock import NS, Clock, WallClock, parse_iso
from armillary.model.control import (
    AskBrief,
    AskExercise,
    Brief,
    ClearMalfunction,
    Cursor,
    Exercise,
    Inject,
    Play,
    Restore,
    Seek,
    StateAnswer,
    Step,
)
from armillary.model.fault import Fault, OrderFault, ProjectFault, record
from armillary.model.frame import Event, Frame, RunState, WorldKind
from armillary.model.lesson import Deed, Lesson
from armillary.model.order import Arm, Order
from armillary.model.sample import batch_of
from armillary.model.simulation import ModelInfo, OpenModel
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.project.record import Project
from armillary.security import accounts
from armillary.simulate.host import SimulatorHost
from armillary.world import debriefing, snapshot
from armillary.world.drill import Drill
from armillary.world.drill_view import moments, view
from armillary.world.pretended import Orders
from armillary.world.serving import NoAccounts, People, Serving, within

log = logging.getLogger(__name__)

FRAMES_NS = NS // 20  # desks are told this often at most
SLOWEST, FASTEST = 0.1, 20.0
STEADY_DAY = "2026-01-01"  # when a steady state begins, so that it is always the same
_BEHIND_NS = NS // 4  # of simulated time: past this the model cannot keep up
_TRAINEE = "trainee"


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run one exercise. args: `project`, `scenario`; `snapshot`, `inputs`, `unpaced`, `listen`.

    Raises Fault when it cannot begin.
    """
    project = projects.read(Path(args["project"]))
    tags = [spec.name for spec in project.specs]
    path = lessons.find(project.folder, str(args["scenario"]))
    lesson = lessons.read(path, tags, [alarm.id for alarm in project.alarms])
    state = None
    if given := str(args.get("snapshot") or ""):
        state = snapshot.read_for(Path(given), project)
        lesson = replace(lesson, inputs={})  # as they were there: what the scenario sets is set already
    elif lesson.start.kind == "snapshot" and Path(project.folder / lesson.start.value).is_file():
        state = snapshot.read_for(project.folder / lesson.start.value, project)
    elif lesson.start.kind != "steady_state":
        raise ProjectFault(
            f"The exercise starts from {lesson.start.kind} '{lesson.start.value}', which is not given.",
            where=lesson.origin,
            remedy="Give the state as a snapshot file, or start from a steady_state.",
        )
    deeds = debriefing.read_deeds(Path(args["inputs"])) if args.get("inputs") else ()
    asyncio.run(_serve(args, say, project, lesson, state, deeds))


async def _serve(
    args: Mapping[str, Any],
    say: Callable[[Mapping[str, object]], None],
    project: Project,
    lesson: Lesson,
    state: StateAnswer | None,
    deeds: Sequence[Deed],
) -> None:
    model = OpenModel(
        kind=lesson.simulator, file=lesson.file, call_timeout_s=lesson.call_timeout_s, step_s=lesson.step_s
    )
    host = SimulatorHost(model, places.logs() / f"simulator-{os.getpid()}.log", project=project.folder)
    try:
        info = await host.open()
        world = Training(
            project,
            WallClock(),
            lesson,
            info,
            host,
            state=state,
            deeds=deeds,
            paced=not args.get("unpaced"),
            listen=str(args.get("listen") or ""),
        )
        await world.serve(say)
    finally:
        await host.close()


def steady_ns(of_day: str) -> int:
    """Return when an exercise from a steady state begins, ns UTC: at a time of day, `07:00`, else noon."""
    try:
        return parse_iso(f"{STEADY_DAY}T{of_day or '12:00'}")
    except ValueError:
        return parse_iso(f"{STEADY_DAY}T12:00")


class _Local(NoAccounts):
    """Without accounts whoever starts an exercise here instructs it; a trainee's desk says that it is one."""

    def local(self) -> LoggedIn:
        return replace(super().local(), role="instructor")


class Training(Serving):
    """One TRAINING world."""

    kind = WorldKind.TRAINING

    def __init__(
        self,
        project: Project,
        clock: Clock,
        lesson: Lesson,
        info: ModelInfo,
        host: SimulatorHost,
        *,
        state: StateAnswer | None = None,
        deeds: Sequence[Deed] = (),
        paced: bool = True,
        listen: str = "",
    ) -> None:
        people: People = accounts.read(project.folder) or _Local()
        start_ns = state.t_ns if state is not None else steady_ns(lesson.start.value)
        world = f"training-{clock.now_ns() // 1_000_000:x}"
        super().__init__(
            project,
            clock,
            world=world,
            listen=listen,
            people=people,
            alarms=project.alarms,
            about=f"{lesson.title} · simulated plant",
        )
        self.recorder = self.address  # it answers what a recorder would, of itself
        self.lesson, self._state, self._paced = lesson, state, paced
        self.drill = Drill(project, lesson, info, host, world=world, start_ns=start_ns)
        self.drill.check()
        self._host = host
        self._todo = list(deeds)
        self._speed = 0.0 if paced else math.inf
        self._actual = 0.0
        self._orders = Orders(self.drill, project.specs)
        self._steps = 0  # asked for while frozen
        self._moved = asyncio.Event()
        self._lock = asyncio.Lock()  # the simulator takes one call at a time
        self._report = ""
        self._ready: set[str] = set()
        self._trainees: dict[bytes, str] = {}
        self._cursor_ns = 0  # of the debrief, once it is over
        self._playback = 0.0  # × real time, of the debrief's cursor
        self._note = "Not begun"

    # ---------------------------------------------------------------- life

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return the exercise itself."""
        return (self._run_exercise(),)

    async def ending(self) -> None:
        """Keep what there is of the exercise."""
        await within(self._finish(), 1.0)

    async def _run_exercise(self) -> None:
        try:
            async with self._lock:
                first = await self.drill.begin(self._state)
            self._show(first)
        except Fault as fault:
            self._broke(fault)
        while True:
            try:
                while not self.drill.over:
                    await self._go_on()
            except Fault as fault:
                self._broke(fault)
            await self._finish()
            self._cursor_ns = self.drill.t_ns
            while self.drill.over:  # the debrief; an instructor may still go back from here
                await self._look_on()

    def _broke(self, fault: Fault) -> None:
        """End the exercise because its model cannot go on."""
        log.error("the exercise ended: %s", fault)
        self.tell(record(fault))
        self.drill.end(fault.what)

    async def _look_on(self) -> None:
        """Wait for a wish of the debrief; while it plays, move its cursor on."""
        before = self.clock.now_mono_ns()
        speed = self._playback
        await self._beat(1 / 20 if speed else 0.2)
        if not self._playback or self._playback != speed:
            return
        passed = min(self.clock.now_mono_ns() - before, NS)
        first, last = self.drill.start_ns, self.drill.t_ns
        self._cursor_ns = min(max(self._cursor_ns + int(passed * speed), first), last)
        if self._cursor_ns in (first, last):
            self._playback = 0.0
        self._look_back(self._cursor_ns)

    async def _go_on(self) -> None:
        """Run until frozen or over; while frozen wait for somebody."""
        if self._speed == 0.0 and not self._steps:
            await self._beat()
            return
        due_ns = self.clock.now_mono_ns()
        began_ns, began_s, shown_ns = due_ns, self.drill.t_s, 0
        speed = self._speed
        while not self.drill.over and self._speed == speed and (speed or self._steps):
            await self._one_step()
            self._steps = max(0, self._steps - 1)
            now = self.clock.now_mono_ns()
            if now - shown_ns >= FRAMES_NS:
                shown_ns = now
                self._actual = (self.drill.t_s - began_s) * NS / max(1, now - began_ns)
                self.send_due()
            if math.isinf(speed) or not speed:
                await asyncio.sleep(0)
                continue
            due_ns += int(self.lesson.step_s * NS / speed)
            due_ns = max(due_ns, now - int(_BEHIND_NS / speed))  # what it cannot keep up with is given up
            await asyncio.sleep(max(0.0, (due_ns - now) / NS))
        self._show(None)

    async def _one_step(self) -> None:
        async with self._lock:
            while self._todo and self._todo[0].t_s <= self.drill.t_s + 1e-9:
                deed = self._todo.pop(0)
                try:
                    self.drill.redo(deed)
                except Fault as fault:
                    self.tell(record(fault))
            frame = await self.drill.step()
            if self._paced and self.drill.backtrack_due:
                await self.drill.snapshot(f"{self.drill.t_s:.0f} s", automatic=True)
        self._orders.verify()
        self._publish(frame)

    async def _beat(self, wait_s: float = 0.2) -> None:
        """Let desks hear of us while nothing moves."""
        self._show(None)
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), wait_s)
        except TimeoutError:
            return

    # ---------------------------------------------------------------- frames

    def _show(self, frame: Frame | None) -> None:
        """Publish a frame, or the last one's clock again."""
        self._publish(frame if frame is not None else self._still())
        self.send_due()

    def _still(self) -> Frame:
        empty = np.zeros(0, np.uint32)
        batch = batch_of(empty, np.zeros(0), empty.astype(np.int64), 0, 0)
        last = self.publisher.last
        return self.drill.core.put(batch, last.t_ns or self.drill.t_ns, last.tick_mono_ns)

    def _publish(self, frame: Frame) -> None:
        early, self.early = tuple(self.early), []
        self.publisher.publish(
            replace(
                frame,
                events=(*early, *frame.events),
                orders=self._orders.take(),
                links=self.drill.supply.statuses(self.drill.start_ns),
                run=self._run_state(),
                cursor=self._cursor(),
                recording="",
            )
        )

    def _run_state(self) -> RunState:
        if self.drill.over:
            return RunState.RUNNING if self._playback else RunState.ENDED
        return RunState.RUNNING if self._speed else RunState.PAUSED

    def _cursor(self) -> Cursor:
        asked = 0.0 if math.isinf(self._speed) else self._speed
        speed = round(self._actual, 2) if self._speed else 0.0
        if self.drill.over:
            asked = speed = self._playback
        return Cursor(
            speed=speed,
            asked=asked,
            from_ns=self.drill.start_ns,
            to_ns=self.drill.t_ns,
            note=self._note,
        )

    # ---------------------------------------------------------------- requests

    async def _reply(self, peer: bytes, message: object) -> object:
        """Answer; what the simulator knows is an instructor's only."""
        answer = await super()._reply(peer, message)
        if isinstance(answer, StateAnswer) and not may(self.who(peer).role, Right.INSTRUCT, training=True):
            return replace(answer, simulator=b"", model={}, pending=())
        return answer

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer what only a TRAINING world can."""
        remembered = self.drill.memory.answer(message)
        if remembered is not None:
            return remembered
        match message:
            case Arm():
                who = self.need(peer, Right.COMMAND)
                return self._orders.arm(message, who, self.publisher.table, self.clock.now_mono_ns())
            case Order():
                who = self.need(peer, Right.COMMAND)
                self._moved.set()
                return self._orders.execute(message, who, self.publisher.table, self.clock.now_mono_ns())
            case AlarmAct():
                who = self.need(peer, Right.ACKNOWLEDGE)
                acted = self.drill.act(message, who.user)
                self._moved.set()
                return acted
            case AskBrief():
                lesson = self.lesson
                return Brief(
                    title=lesson.title,
                    text=lesson.brief,
                    minutes=lesson.minutes,
                    objectives=lesson.objectives,
                )
            case Seek(t_ns=t_ns):
                self._need_over()
                self._playback = 0.0
                self._look_back(t_ns)
            case Play(speed=speed):
                self._need_over()
                self._playback = min(max(speed, -FASTEST), FASTEST)
                if speed > 0 and self._cursor_ns >= self.drill.t_ns:
                    self._cursor_ns = self.drill.start_ns  # from the beginning again
                self._moved.set()
            case Step(by=by, count=count):
                self._need_over()
                step_s = self.lesson.step_s if by == "tick" else 1.0
                self._playback = 0.0
                self._look_back(self._cursor_ns + round(count * step_s * NS))
            case _:
                return await self._instructed(peer, message)
        return msg.Done()

    async def _instructed(self, peer: bytes, message: object) -> object:
        if isinstance(message, Exercise) and message.action == "ready":
            trainee = self.need(peer, Right.TRAIN)
            self._ready.add(trainee.user)
            self._event(f"{trainee.name} is ready.")
            return msg.Done()
        if not isinstance(message, Inject | ClearMalfunction | Exercise | AskExercise | Restore):
            return await super().reply(peer, message)
        who = self.need(peer, Right.INSTRUCT)
        match message:
            case AskExercise():
                people = tuple(dict.fromkeys(self.who(peer).user for peer in self._trainees))
                return replace(
                    view(self.drill, self._state_word(), people, self._report),
                    snapshots=moments(self.drill, self.id),
                    ready=tuple(sorted(self._ready)),
                )
            case Inject(malfunction=spec):
                self.drill.begin_malfunction(spec, who.user)
            case ClearMalfunction(id=name):
                if not self.drill.clear(name, f"by {who.user}"):
                    raise OrderFault("It is not active.", where=name, remedy="Choose an active one.")
            case Restore(path=path):
                await self._go_back(path)
            case Exercise():
                return await self._direct(message, who)
        self._moved.set()
        return msg.Done()

    async def _direct(self, wish: Exercise, who: LoggedIn) -> object:
        match wish.action:
            case "run" | "speed":
                self._set_speed(wish.value or 1.0)
            case "freeze":
                self._set_speed(0.0)
                self._note = "Frozen by instructor"
            case "step":
                self._set_speed(0.0)
                self._steps = max(1, min(10_000, round(wish.value or 1)))
            case "end":
                self.drill.end(wish.text or f"ended by {who.name}")
            case "mark":
                self.drill.mark(wish.value, wish.text, who.user)
            case "snapshot":
                async with self._lock:
                    moment = await self.drill.snapshot(wish.text or f"{self.drill.t_s:.0f} s")
                return next(info for info in moments(self.drill, self.id) if info.path == moment.id)
        self._moved.set()
        return msg.Done()

    def _set_speed(self, speed: float) -> None:
        if speed and not SLOWEST <= speed <= FASTEST:
            raise OrderFault(
                f"{speed:g} × is no speed of an exercise.",
                where=self.id,
                remedy=f"Give {SLOWEST:g} to {FASTEST:g}.",
            )
        self._speed, self._note = speed, ""
        self._actual = speed

    async def _go_back(self, name: str) -> None:
        async with self._lock:
            self._set_speed(0.0)
            frame = await self.drill.go_back(name)
        self._note = f"Branch {self.drill.branch}"
        self._report, self._playback = "", 0.0
        self._orders.forget()
        self._show(frame)

    def _state_word(self) -> str:
        if self.drill.over:
            return "over"
        if self._speed:
            return "running"
        return "frozen" if self.drill.steps else "ready"

    async def state_answer(self, t_ns: int = 0) -> StateAnswer:
        """Return the state of this moment with the simulator's own, so that it is restored exactly."""
        async with self._lock:
            model = b""
            if self.drill.moments and (not self.drill.over or self._cursor_ns == self.drill.t_ns):
                with contextlib.suppress(Fault):  # of a model that is gone what was shown is left
                    model = (await self._host.save()).data
            answer = await super().state_answer()
        return replace(answer, simulator=model)

    def pending(self, mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what the alarms were counting; a debrief shows the past, of which that is not kept."""
        return () if self.drill.over else self.drill.alarms.progress(mono_ns)

    def model_state(self) -> tuple[bytes, Mapping[str, float]]:
        """Return the inputs held; a debrief that looks back has no more than what was shown then."""
        return b"", dict(self.drill.held)

    # ---------------------------------------------------------------- who

    def joined(self, peer: bytes, hello: msg.Hello, who: LoggedIn) -> LoggedIn:
        """Make a desk that says it is the trainee's one an operator's, where there are no accounts."""
        if hello.desk == _TRAINEE:
            self._trainees[peer] = who.user
            return replace(who, role="operator") if not who.accounts else who
        return who

    def left(self, peer: bytes, who: LoggedIn, *, is_last: bool) -> None:
        """Forget a trainee that left."""
        self._trainees.pop(peer, None)

    def _event(self, text: str) -> None:
        self.early.append(Event(t_ns=self.drill.t_ns, level="info", source="exercise", text=text))
        self._moved.set()

    # ---------------------------------------------------------------- afterwards

    def _need_over(self) -> None:
        if not self.drill.over:
            raise OrderFault(
                "The exercise runs: its clock is the instructor's.", where=self.id, remedy="End it first."
            )

    def _look_back(self, t_ns: int) -> None:
        """Show the exercise as it was at a time, for the debrief."""
        t_ns = self._cursor_ns = min(max(t_ns, self.drill.start_ns), self.drill.t_ns)
        frame = self.drill.look_back(t_ns)
        if frame is not None:
            self._show(frame)

    async def _finish(self) -> None:
        """Write log, track and report of the exercise, once."""
        if self._report:
            return
        self._report = "being written"
        self._speed, self._note = 0.0, "Exercise over"
        folder = self.project.private / debriefing.FOLDER / self.id
        try:
            self._report = str(debriefing.write(folder, self.lesson, self.drill, self.clock.now_ns()))
        except ProjectFault as fault:
            log.error("%s", fault)
            self.tell(record(fault))
            self._report = "not written"
        self._show(None)
