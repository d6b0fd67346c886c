"""An exercise that runs in a world: paced, frozen, stepped, looked back on, written down when it is over."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from armillary.model.account import LoggedIn
from armillary.model.clock import NS, Clock, parse_iso
from armillary.model.control import (
    Cursor,
    StateAnswer,
)
from armillary.model.fault import Fault, OrderFault, ProjectFault, record
from armillary.model.frame import Event, Frame, RunState, WorldKind
from armillary.model.lesson import Deed, Lesson
from armillary.model.procedure import SOURCE, ProcedureRun
from armillary.model.sample import batch_of
from armillary.model.simulation import ModelInfo
from armillary.project.record import Project
from armillary.security import accounts
from armillary.simulate.host import SimulatorHost
from armillary.world import debriefing
from armillary.world.carrying_out import reader
from armillary.world.drill import Drill
from armillary.world.instructing import Instructing, shown, words_of
from armillary.world.pretended import Orders
from armillary.world.serving import NoAccounts, People, Serving, within
from armillary.world.stepping import MONO_NS

log = logging.getLogger(__name__)

FRAMES_NS = NS // 20  # desks are told this often at most
BENCH_SPEED = 20.0  # × real time: a read-back of 30 s takes 1.5 s
STEADY_DAY = "2026-01-01"  # when a steady state begins, so that it is always the same
_BEHIND_NS = NS // 4  # of simulated time: past this the model cannot keep up


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


class Tester(NoAccounts):
    """Whoever tries a command on a simulator is its engineer: nobody else is on that line."""

    def local(self) -> LoggedIn:
        """Return the local engineer."""
        return replace(super().local(), role="engineer")


class Exercising(Serving):
    """The part of a TRAINING world that nobody asks anything of. `world.training` answers people."""

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
        is_bench: bool = False,
    ) -> None:
        """`is_bench`: commands are tried on it; it runs by itself, and nothing of it is kept."""
        people: People = Tester() if is_bench else accounts.read(project.folder) or _Local()
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
        self._speed = BENCH_SPEED if is_bench else 0.0 if paced else math.inf
        self._actual = 0.0
        self._orders = Orders(self.drill, project.specs, project.templates, project.interlocks)
        self._steps_of = Instructing(project.specs, reader(project), training=True)
        self._steps = 0  # asked for while frozen
        self._moved = asyncio.Event()
        self._lock = asyncio.Lock()  # the simulator takes one call at a time
        self._report = "of a bench" if is_bench else ""
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
                procedures=self._runs_now(),
                links=self.drill.supply.statuses(self.drill.start_ns),
                run=self._run_state(),
                cursor=self._cursor(),
                recording="",
            )
        )

    def _runs_now(self) -> tuple[ProcedureRun, ...] | None:
        """Return the procedures as they stand; the debrief shows them as they stood."""
        if self.drill.over:
            return shown(self._steps_of.at(self._cursor_ns))
        drill = self.drill
        self._steps_of.tick(drill.core.table, drill.t_ns, MONO_NS + round(drill.t_s * NS))
        for each in self._steps_of.take():
            self.early.append(Event(t_ns=drill.t_ns, level="info", source=SOURCE, text=words_of(each)))
        return self._steps_of.changes()

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
