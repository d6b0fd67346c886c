"""Child entry: a TRAINING world. A simulated plant, an instructor's malfunctions, a trainee, a score.

Nothing of it can reach a plant: orders end at the simulator's inputs. What an instructor knows (malfunctions,
true values, the score) goes to lines that may instruct, never into frames.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from armillary._version import __version__
from armillary.model import message as msg
from armillary.model import places
from armillary.model.account import LoggedIn, Right
from armillary.model.alarm import AlarmAct
from armillary.model.clock import NS, Clock, WallClock, iso, parse_iso
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
    SnapshotInfo,
    StateAnswer,
    Step,
)
from armillary.model.fault import Fault, OrderFault, ProjectFault, record
from armillary.model.frame import Event, Frame, RunState, WorldKind
from armillary.model.lesson import Deed, Lesson
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.sample import batch_of
from armillary.model.simulation import ModelInfo, OpenModel
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.project.record import Project
from armillary.security import accounts
from armillary.simulate.debrief import report
from armillary.simulate.host import SimulatorHost
from armillary.world import snapshot
from armillary.world.drill import Drill
from armillary.world.permit import check_value
from armillary.world.serving import NoAccounts, People, Serving, within

log = logging.getLogger(__name__)

TOKEN_S = 10.0
VERIFY_S = 30.0  # simulated
TOLERANCE = 1e-3  # of the value, at least this much absolutely
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
        _, state = snapshot.read(Path(given))
    elif lesson.start.kind == "snapshot" and Path(project.folder / lesson.start.value).is_file():
        _, state = snapshot.read(project.folder / lesson.start.value)
    elif lesson.start.kind != "steady_state":
        raise ProjectFault(
            f"The exercise starts from {lesson.start.kind} '{lesson.start.value}', which is not given.",
            where=lesson.origin,
            remedy="Give the state as a snapshot file, or start from a steady_state.",
        )
    deeds = read_deeds(Path(args["inputs"])) if args.get("inputs") else ()
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


def read_deeds(path: Path) -> tuple[Deed, ...]:
    """Return recorded deeds, one JSON object a line, by their time. Raises ProjectFault with the line."""
    out = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            "The inputs cannot be read.", where=str(path), remedy="Give a file of JSON lines."
        ) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            value = data.get("value")
            data["value"] = math.nan if value is None else float(value)
            out.append(Deed(**data))
        except (ValueError, TypeError, AttributeError) as error:
            raise ProjectFault(
                f"This is no deed: {error}.",
                where=f"{path}:{number}",
                remedy='Write {"t_s": 1.5, "kind": "command", "what": "P-101B.run", "value": 1}.',
            ) from error
    return tuple(sorted(out, key=lambda deed: deed.t_s))


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
        self._armed: dict[str, tuple[Arm, str, int]] = {}
        self._flying: dict[str, tuple[Receipt, float]] = {}
        self._receipts: list[Receipt] = []
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
        self._verify()
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
        orders, self._receipts = tuple(self._receipts), []
        self.publisher.publish(
            replace(
                frame,
                events=(*early, *frame.events),
                orders=orders,
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

    async def reply(self, peer: bytes, message: object) -> object:
        """Answer what only a TRAINING world can."""
        remembered = self.drill.memory.answer(message)
        if remembered is not None:
            return remembered
        match message:
            case Arm():
                return self._arm(peer, message)
            case Order():
                return self._execute(peer, message)
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
            self._ready.add(self.who(peer).user)
            self._event(f"{self.who(peer).name} is ready.")
            return msg.Done()
        if not isinstance(message, Inject | ClearMalfunction | Exercise | AskExercise | Restore):
            return await super().reply(peer, message)
        who = self.need(peer, Right.INSTRUCT)
        match message:
            case AskExercise():
                people = tuple(dict.fromkeys(self.who(peer).user for peer in self._trainees))
                return replace(
                    self.drill.view(self._state_word(), people, self._report),
                    snapshots=self._moments(),
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
                return next(info for info in self._moments() if info.path == moment.id)
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
        self._flying.clear()
        self._armed.clear()
        self._show(frame)

    def _moments(self) -> tuple[SnapshotInfo, ...]:
        return tuple(
            SnapshotInfo(
                path=m.id,
                title=m.title,
                world=self.id,
                kind=str(self.kind),
                t_ns=self.drill.start_ns + round(m.t_s * NS),
                taken_ns=0,
                tags=len(m.value),
            )
            for m in self.drill.moments.values()
        )

    def _state_word(self) -> str:
        if self.drill.over:
            return "over"
        if self._speed:
            return "running"
        return "frozen" if self.drill.steps else "ready"

    def model_state(self) -> tuple[bytes, Mapping[str, float]]:
        """Return the inputs held; the model's own state is in the moments."""
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

    # ---------------------------------------------------------------- simulated commands

    def _arm(self, peer: bytes, wish: Arm) -> Armed:
        who = self.need(peer, Right.COMMAND)
        spec = next((s for s in self.project.specs if s.name == wish.tag), None)
        if spec is None:
            raise OrderFault("There is no such tag.", where=wish.tag, remedy="Choose a tag of this world.")
        if self.drill.over:
            raise OrderFault("The exercise is over.", where=wish.tag, remedy="Start another.")
        check_value(spec, wish.value, wish.unit)
        token = secrets.token_urlsafe(16)
        expires = self.clock.now_mono_ns() + int(TOKEN_S * NS)
        self._armed[token] = (wish, who.user, expires)
        return Armed(
            token=token,
            tag=spec.name,
            old=float(self.publisher.table.value[spec.slot]),
            new=wish.value,
            unit=spec.unit,
            title=f"{spec.title or spec.name} (simulated)",
            expires_mono_ns=expires,
            expires_s=TOKEN_S,
        )

    def _execute(self, peer: bytes, order: Order) -> Receipt:
        who = self.need(peer, Right.COMMAND)
        slot = next((s.slot for s in self.project.specs if s.name == order.tag), -1)
        old = float(self.publisher.table.value[slot]) if slot >= 0 else math.nan
        receipt = Receipt(
            order=order.id,
            tag=order.tag,
            state=OrderState.SENT,
            t_ns=self.drill.t_ns,
            actor=who.user,
            old=old,
            value=order.value,
            unit=order.unit,
        )
        try:
            self._check(order, who)
            self.drill.command(order.tag, order.value, who.user)
        except OrderFault as fault:
            return self._receipt(replace(receipt, state=OrderState.REFUSED, detail=record(fault)))
        self._flying[order.tag] = (receipt, self.drill.t_s + VERIFY_S)
        self._moved.set()
        return self._receipt(receipt)

    def _check(self, order: Order, who: LoggedIn) -> None:
        wish, user, expires = self._armed.pop(order.token, (None, "", 0))
        same = wish is not None and (wish.tag, wish.value, user) == (order.tag, order.value, who.user)
        if not same or self.clock.now_mono_ns() > expires:
            raise OrderFault(
                "The order is not what was armed, or too late.", where=order.tag, remedy="Arm it again."
            )
        if self.drill.over:
            raise OrderFault("The exercise is over.", where=order.tag, remedy="Start another.")

    def _verify(self) -> None:
        """Compare what was commanded with what the simulated plant shows."""
        table = self.drill.core.table
        slots = {spec.name: spec.slot for spec in self.project.specs} if self._flying else {}
        for tag, (receipt, until_s) in list(self._flying.items()):
            shown = float(table.value[slots[tag]])
            near = abs(shown - receipt.value) <= max(TOLERANCE, TOLERANCE * abs(receipt.value))
            if near or self.drill.t_s > until_s:
                state = OrderState.VERIFIED if near else OrderState.UNVERIFIED
                del self._flying[tag]
                self._receipt(replace(receipt, state=state, t_ns=self.drill.t_ns, read_back=shown))

    def _receipt(self, receipt: Receipt) -> Receipt:
        self._receipts.append(receipt)
        return receipt

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
        folder = self.project.private / "training" / self.id
        attempts = [*self.drill.left, self.drill.attempt()]
        trainee = ", ".join(
            dict.fromkeys(d.actor for d in self.drill.deeds if d.kind in ("command", "ack") and d.actor)
        )
        page = report(
            self.lesson,
            attempts,
            trainee=trainee,
            instructor="",
            when=iso(self.clock.now_ns()),
            versions=f"Armillary {__version__}, model {self.drill.info.name} {self.drill.info.version}",
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "report.html").write_text(page, "utf-8")
            (folder / "log.jsonl").write_text("".join(_line(d) for d in self.drill.deeds), "utf-8")
            (folder / "result.json").write_text(json.dumps(self._result(), indent=1), "utf-8")
            self.drill.memory.save(folder / "track.npz")
            self._report = str(folder / "report.html")
        except OSError as error:
            log.error("the report cannot be written: %s", error)
            self._report = ""
            fault = ProjectFault(
                f"The report cannot be written: {error.strerror}.",
                where=str(folder),
                remedy="Free some space.",
            )
            self.tell(record(fault))
            self._report = "not written"
        self._show(None)

    def _result(self) -> dict[str, object]:
        score = self.drill.exercise.score(self.drill.progress)
        return {
            "schema": 1,
            "scenario": self.lesson.id,
            "scenario_sha256": self.lesson.digest,
            "seed": self.lesson.seed,
            "total": score.total,
            "most": score.most,
            "passed": score.passed,
            "ended": self.drill.progress.ended,
            "failed": self.drill.progress.failed,
            "t_s": self.drill.t_s,
            "stream_sha256": self.drill.digest,
            "branches": len(self.drill.left) + 1,
            "rows": [{"id": r.id, "points": r.points, "most": r.most, "state": r.state} for r in score.rows],
        }


def _line(deed: Deed) -> str:
    data = asdict(deed)
    if math.isnan(deed.value):
        data["value"] = None
    return json.dumps(data, ensure_ascii=False) + "\n"
