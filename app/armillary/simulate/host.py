"""The world's side of a simulator: starts its process, asks it with a limit, kills it, brings it back.

    host = SimulatorHost(OpenModel(kind="fmu", file=…), log)
    info = await host.open()
    began = await host.start(SimStart(t_ns=…))
    now = await host.step(inputs, to_ns)

What is asked of a run is kept, so that a run that died is stepped again to where it stood (`again`), and a
model that cannot save its state forks all the same: `save` then gives the inputs instead of the state.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, WorldFault
from armillary.model.message import Stop
from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    OpenModel,
    SaveModel,
    SimStart,
    SimStarted,
    SimStep,
    SimStepped,
    Values,
)
from armillary.simulate import states
from armillary.simulate.states import Course
from armillary.wire import child
from armillary.wire.bus import AsyncLine, local_address

MEMORY_BYTES = 2 << 30
OPEN_S = 30.0  # to unpack and load: a large FMU on a slow disk
LOOK_S = 0.1  # how soon a crash is seen
CHECKPOINT_STEPS = 1_000  # a model that saves its state is saved so often, so that what is kept stays small
PREFIX = "armillary-sim-"

Standing = Literal["new", "ready", "running", "diverged", "failed", "hung", "crashed", "closed"]
Answer = TypeVar("Answer")


class SimulatorHost:
    """One model in one child process. Not to be used by two tasks at once."""

    def __init__(
        self,
        model: OpenModel,
        log: Path,
        *,
        project: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        cpu_s: int = 0,
    ) -> None:
        self.model, self.log = model, log
        self.standing: Standing = "new"
        self.info = ModelInfo(name="", kind=model.kind)
        self.t_ns = 0
        self._project, self._memory, self._cpu = project, memory_bytes, cpu_s
        self._child: child.Child | None = None
        self._line: AsyncLine | None = None
        self._folder: Path | None = None
        self._start: SimStart | None = None
        self._state: ModelState | None = None  # that the steps below follow; None: the start
        self._steps: list[int] = []
        self._changes: list[tuple[int, Values]] = []
        self._held: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
        self._first_ns = 0

    @property
    def pid(self) -> int:
        """Return the child's process id, 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    # ---------------------------------------------------------------- the run

    async def open(self) -> ModelInfo:
        """Start the process and load the model. Raises WorldFault: no model of that kind, or it is broken."""
        await self._end()
        sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        try:
            args: dict[str, object] = {
                "address": local_address(self._folder, "sim"),
                "folder": str(self._folder),
                "project": str(self._project or ""),
                "memory_bytes": self._memory,
            }
            self._child = child.start("simulate.child", args, self.log, cpu_s=self._cpu)
            ready = await asyncio.to_thread(self._child.ready)
            self._line = AsyncLine(str(ready["address"]))
            self.info = await self._ask(self.model, ModelInfo, OPEN_S)
        except BaseException:
            await self._end()
            raise
        self.standing = "ready"
        return self.info

    async def start(self, start: SimStart) -> SimStarted:
        """Begin a run. Raises WorldFault for a name that the model does not have."""
        began = await self._ask(start, SimStarted)
        self._start, self._state = start, None
        self._forget()
        self._held = {n: start.inputs.data[i] for i, n in enumerate(start.inputs.names)}
        self.t_ns = self._first_ns = start.t_ns
        self.standing = "running"
        return began

    async def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step to a time, with inputs that are held until they are set again. Raises WorldFault.

        A model that cannot cut its step may stand a little before `to_ns`.
        """
        new = self._changed(inputs)
        stepped = await self._step(new, to_ns)
        if new.names:
            self._changes.append((len(self._steps), new))
            self._held.update({n: new.data[i] for i, n in enumerate(new.names)})
        self._steps.append(to_ns)
        if self.info.can_save and len(self._steps) >= CHECKPOINT_STEPS:
            self._state = await self._ask(SaveModel(), ModelState)
            self._forget()
        return stepped

    async def save(self) -> ModelState:
        """Return the run's state as bytes: the model's own, or its course for a model that cannot save."""
        if self.info.can_save:
            return await self._ask(SaveModel(), ModelState)
        if self._start is None:
            raise self._fault("It was not started.", "Start it first.")
        course = Course(start=self._start, to_ns=self._steps, changes=self._changes)
        head = {"how": "replay", **self._replay_head(), "t_ns": self.t_ns, "steps": len(self._steps)}
        data = await asyncio.to_thread(states.packed, head, states.course_packed(course))
        return ModelState(data=data, t_ns=self.t_ns)

    async def load(self, state: ModelState) -> SimStepped:
        """Go on from a state, of this run or of another of the same model.

        A course is stepped through again, which takes as long as the run did: see `steps_of`.
        """
        head, payload = states.unpacked(state.data)
        if head.get("how") != "replay":
            stepped = await self._ask(state, SimStepped)
            self._state, self._start = state, self._start or SimStart(t_ns=state.t_ns)
            self._forget()
            self._held = {}
            self.t_ns = stepped.t_ns
            self._first_ns = self._first_ns or state.t_ns
            self.standing = "running"
            return stepped
        states.fits(head, self._replay_head())
        course = states.course_unpacked(payload)
        began = await self.start(course.start)
        changes = dict(course.changes)
        last = SimStepped(t_ns=course.start.t_ns, values=began.values)
        for at, to_ns in enumerate(course.to_ns):
            last = await self.step(changes.get(at, Values()), to_ns)
        return last

    async def again(self) -> SimStepped:
        """Start the process anew after it died, and step it to where it stood."""
        start, state, steps, changes = self._start, self._state, [*self._steps], dict(self._changes)
        if start is None:
            raise self._fault("It was not started.", "Start it first.")
        held = dict(self._held)
        await self.open()
        began = await self.start(start)
        last = SimStepped(t_ns=start.t_ns, values=began.values)
        if state is not None:
            last = await self.load(state)
        for at, to_ns in enumerate(steps):
            last = await self.step(changes.get(at, Values()), to_ns)
        self._held = held
        return last

    async def close(self) -> None:
        """End the process and remove its folder. May be called in any state, again and again."""
        if self._line is not None and self._child is not None and self._child.alive:
            with contextlib.suppress(Fault):
                await self._ask(Stop(), object, 0.5)
        await self._end()
        if self.standing in ("new", "ready", "running"):
            self.standing = "closed"

    # ---------------------------------------------------------------- asking

    async def _step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Ask until the time is reached: a long step answers in between, and only a silent one hangs."""
        events: list[str] = []
        while True:
            before = self.t_ns
            stepped = await self._ask(SimStep(to_ns=to_ns, inputs=inputs), SimStepped)
            events += stepped.events
            self.t_ns, inputs = stepped.t_ns, Values()
            if stepped.t_ns >= to_ns or stepped.t_ns == before:
                return SimStepped(t_ns=stepped.t_ns, values=stepped.values, events=tuple(events))

    async def _ask(self, message: object, kind: type[Answer], limit_s: float = 0.0) -> Answer:
        line, process = self._line, self._child
        if line is None or process is None:
            raise self._fault("Its process does not run.", "Start it again.")
        limit_s = limit_s or self.model.call_timeout_s
        clock = WallClock()
        end = clock.now_mono_ns() + int(limit_s * NS)
        task = asyncio.create_task(line.ask(message, limit_s + 1.0))
        try:
            while not (await asyncio.wait({task}, timeout=LOOK_S))[0]:
                if not process.alive:
                    words = process.exit_words()
                    await self._gone("crashed")
                    raise self._fault(
                        f"Its process {words} {self._at()}.", "Start the run again; see its log."
                    )
                if clock.now_mono_ns() > end:
                    words = f"It hung {self._at()}: no answer within {limit_s:g} s. Its process was killed."
                    await self._gone("hung")
                    raise self._fault(
                        words,
                        "Give it more time (call_timeout_s), or export the model again.",
                    )
            answer = task.result()
        except Fault as told:
            if self.standing == "running":
                self.standing = "diverged" if " diverged: " in told.what else "failed"
            raise
        finally:
            task.cancel()
        if not isinstance(answer, kind):
            raise self._fault("It answered something else.", "Install one version of Armillary.")
        return answer

    async def _gone(self, standing: Standing) -> None:
        await self._end()
        self.standing = standing

    async def _end(self) -> None:
        process, line, folder = self._child, self._line, self._folder
        self._child = self._line = self._folder = None
        if line is not None:
            line.close()
        if process is not None:
            await asyncio.to_thread(process.kill)
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    # ---------------------------------------------------------------- small things

    def _changed(self, inputs: Values) -> Values:
        """Return the inputs that differ from what is held: a fork must see the same calls as its parent."""
        new = [
            i
            for i, name in enumerate(inputs.names)
            if name not in self._held or not np.array_equal(inputs.data[i], self._held[name])
        ]
        if len(new) == len(inputs.names):
            return inputs
        return Values(names=tuple(inputs.names[i] for i in new), data=inputs.data[new])

    def _forget(self) -> None:
        self._steps, self._changes = [], []

    def _replay_head(self) -> dict[str, str | int]:
        return {"kind": self.model.kind, "model": self.info.name, "version": self.info.version}

    def _at(self) -> str:
        if self.standing in ("new", "ready"):
            return "while it began"
        return f"after {(self.t_ns - self._first_ns) / NS:g} s of simulated time"

    def _fault(self, what: str, remedy: str) -> Fault:
        name = Path(self.model.file).name or self.model.kind
        return WorldFault(f"The simulator '{name}': {what}", where=str(self.log), remedy=remedy)


def steps_of(state: ModelState) -> int:
    """Return how many steps loading this state takes: 0 when it is the model's own state."""
    head, _ = states.unpacked(state.data)
    return int(head.get("steps", 0))


def sweep() -> None:
    """Remove the folders of hosts that were killed: their name holds the process that made them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).split("-", 1)[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
