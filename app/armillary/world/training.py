"""Child entry: a TRAINING world. A simulated plant, an instructor's malfunctions, a trainee, a score.

Nothing of it can reach a plant: orders end at the simulator's inputs. What an instructor knows (malfunctions,
true values, the score) goes to lines that may instruct, never into frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import LoggedIn, Right, may
from armillary.model.alarm import AlarmAct, AlarmProgress, right_to
from armillary.model.clock import NS, WallClock
from armillary.model.control import (
    AskBrief,
    AskExercise,
    Brief,
    ClearMalfunction,
    Exercise,
    Inject,
    Play,
    Restore,
    Seek,
    StateAnswer,
    Step,
)
from armillary.model.fault import Fault, OrderFault, ProjectFault
from armillary.model.frame import Event
from armillary.model.lesson import Deed, Lesson
from armillary.model.order import Arm, Order, Prepare
from armillary.model.procedure import ActOnProcedure, AskProcedures, ProcedureRun, StartProcedure
from armillary.model.simulation import OpenModel
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.project.record import Project
from armillary.project.testbench import bench_of
from armillary.simulate.host import SimulatorHost
from armillary.twin import past_pack
from armillary.world import debriefing, snapshot
from armillary.world.carrying_out import looked_on
from armillary.world.drill_view import moments, view
from armillary.world.exercising import Exercising, steady_ns

__all__ = ["Training", "run", "steady_ns"]

SLOWEST, FASTEST = 0.1, 20.0
_TRAINEE = "trainee"


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Run one exercise. args: `project`, `scenario`; `snapshot`, `inputs`, `unpaced`, `listen`.

    Or `bench`: only to try commands on, with `commands` in place of the text of commands.toml.

    Raises Fault when it cannot begin.
    """
    project = projects.read(Path(args["project"]))
    if args.get("commands") is not None:
        project = projects.with_commands(project.folder, str(args["commands"]))  # as they are being edited
    if args.get("bench"):
        asyncio.run(_serve(args, say, project, bench_of(project), None, ()))
        return
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
            is_bench=bool(args.get("bench")),
        )
        await world.serve(say)
    finally:
        await host.close()


class Training(Exercising):
    """One TRAINING world."""

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
            case Prepare():
                return self._orders.prepare(message, self.need(peer, Right.VIEW))
            case Arm():
                who = self.need(peer, Right.COMMAND)
                return self._orders.arm(message, who, self.publisher.table, self.clock.now_mono_ns())
            case Order():
                who = self.need(peer, Right.COMMAND)
                self._moved.set()
                return self._orders.execute(message, who, self.publisher.table, self.clock.now_mono_ns())
            case AlarmAct():
                who = self.need(peer, right_to(message))
                acted = self.drill.act(message, who.user, is_engineer=may(who.role, Right.AUTHOR))
                self._moved.set()
                return acted
            case AskProcedures():
                self.need(peer, Right.VIEW)
                return await looked_on(self.project, self.kind, message)
            case StartProcedure() | ActOnProcedure():
                return self._carry_out(message, self.need(peer, Right.COMMAND))
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

    def _carry_out(self, wish: StartProcedure | ActOnProcedure, who: LoggedIn) -> ProcedureRun:
        if self.drill.over:
            raise OrderFault("The exercise is over.", where=self.id, remedy="Start another.")
        self._moved.set()
        if isinstance(wish, StartProcedure):
            return self._steps_of.start(wish, who, self.drill.t_ns)
        return self._steps_of.act(wish, who, self.drill.t_ns)

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
        self._steps_of.rewind(self.drill.t_ns)
        self._show(frame)

    def _state_word(self) -> str:
        if self.drill.over:
            return "over"
        if self._speed:
            return "running"
        return "frozen" if self.drill.steps else "ready"

    async def state_answer(self, t_ns: int = 0, *, past: bool = False) -> StateAnswer:
        """Return the state of this moment with the simulator's own, so that it is restored exactly."""
        known = b""
        async with self._lock:
            model = b""
            if self.drill.moments and (not self.drill.over or self._cursor_ns == self.drill.t_ns):
                with contextlib.suppress(Fault):  # of a model that is gone what was shown is left
                    model = (await self._host.save()).data
            answer = self.state_now()
            if past and self.drill.past is not None and not self.drill.over:  # a debrief shows the past
                known = past_pack.packed(self.drill.past.saved(), answer.t_ns, past_pack.MOST_BYTES)
        return replace(answer, simulator=model, past=known)

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
