"""The trainer's station of a desk: an exercise in hand, as its instructor sees it, or a trainee's brief.

Nothing here decides what somebody may do: the world does. A trainee's desk asks for the brief and says that
it is ready; all else of this module stays empty there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from armillary.model.account import Right, may
from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.control import (
    AskBrief,
    AskExercise,
    Brief,
    ClearMalfunction,
    Cursor,
    Exercise,
    ExerciseView,
    Inject,
    MalfunctionSpec,
    Play,
    Restore,
    Seek,
    SnapshotInfo,
    Step,
    StepBy,
    TimelineRow,
)
from armillary.model.fault import Fault, FaultRecord, record
from armillary.model.frame import WorldKind
from armillary.model.tags import TagSpec
from armillary.project.record import Project
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal
from armillary.session.training_lessons import LessonRow, rows_of
from armillary.session.training_texts import passed_text

POLL_NS = NS // 4
ASK_S = 5.0
SNAPSHOT_S = 20.0
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
TRUTHS_KEPT = 20_000  # points of a tag's true value: an hour and more at four a second


class Stage(Protocol):
    """What a station needs of the workspace."""

    mirror: Mirror
    role: str
    cursor: Cursor | None
    specs: tuple[TagSpec, ...]

    @property
    def project(self) -> Project | None: ...
    @property
    def kind(self) -> WorldKind: ...
    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None: ...
    def tell(self, fault: FaultRecord) -> None: ...
    def snapshot(self, title: str, done: Callable[[SnapshotInfo | FaultRecord], None]) -> None: ...
    def train(self, scenario: str, snapshot: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A wish to go back, to be confirmed."""

    id: str
    title: str
    text: str  # `The next 4 min 12 s will be kept as branch A.`


class Station:
    """The exercise of the world that is shown. Every method is for the workspace's thread."""

    def __init__(self, stage: Stage) -> None:
        self.changed: Signal[()] = Signal()
        self.begun: Signal[()] = Signal()  # an exercise is shown that this desk directs
        self.ended: Signal[()] = Signal()  # the exercise is over: its record can be looked at
        self._at = stage
        self._lessons: tuple[LessonRow, ...] | None = None
        self._line = 0  # +1 with each world shown: an answer to an older one is nobody's
        self._forget()

    def _forget(self) -> None:
        self.view: ExerciseView | None = None
        self.brief: Brief | None = None
        self.is_ready = False  # this desk's trainee has said so
        self.back: Back | None = None
        self.refused: FaultRecord | None = None  # what the world did not do last, until something is done
        self.truth: dict[str, list[tuple[float, float]]] = {}  # tag → (s since the start, true value)
        self._asked_mono_ns = 0
        self._is_asking = False
        self._has_asked_brief = False
        self._is_seeking = False
        self._seek_ns: int | None = None

    # ------------------------------------------------------------ what is here

    @property
    def is_here(self) -> bool:
        """Whether an exercise is shown."""
        return self._at.kind is WorldKind.TRAINING and self._at.mirror.frames > 0

    @property
    def is_instructor(self) -> bool:
        """Whether the world would let this desk direct; for greying out, never for deciding."""
        return self.is_here and may(self._at.role, Right.INSTRUCT, training=True)

    @property
    def is_over(self) -> bool:
        return self.view is not None and self.view.state == "over"

    @property
    def start_ns(self) -> int:
        """When the exercise begins, of its own clock, ns UTC."""
        return self._at.cursor.from_ns if self._at.cursor is not None else 0

    @property
    def shown_s(self) -> float:
        """The time that the picture shows, in simulated seconds since the start."""
        return max(0.0, (self._at.mirror.t_ns - self.start_ns) / NS) if self.start_ns else 0.0

    @property
    def speed(self) -> float:
        """The speed that was asked for, 0 while frozen."""
        return self._at.cursor.asked if self._at.cursor is not None else 0.0

    def why_not_direct(self) -> str:
        """Return why this desk cannot direct an exercise now, "" when it can."""
        if not self.is_here:
            return "No exercise is shown."
        if not self.is_instructor:
            return "Only the instructor moves the clock of an exercise: log in as one."
        return "" if self._at.mirror.live else "The world is silent."

    def why_not_now(self) -> str:
        """Return why nothing can be done to the running exercise, "" when it can."""
        return self.why_not_direct() or ("The exercise is over." if self.is_over else "")

    @property
    def lessons(self) -> tuple[LessonRow, ...]:
        """The training scenarios of the open project; read once, and again after `forget_lessons`."""
        if self._lessons is None:
            self._lessons = rows_of(self._at.project)
        return self._lessons

    def forget_lessons(self) -> None:
        """Read the scenarios anew when they are next asked for."""
        self._lessons = None
        self.changed.emit()

    def truth_series(self) -> Mapping[int, tuple[I8, F8]]:
        """Return slot → (times in ns UTC, true values), (n,) each, where instruments show others."""
        out = {}
        for spec in self._at.specs if self.truth else ():
            if points := self.truth.get(spec.name):
                at, value = np.array(points, np.float64).T
                out[spec.slot] = (self.start_ns + np.round(at * NS).astype(np.int64), value)
        return out

    # ------------------------------------------------------------ the loop

    def visited(self) -> None:
        """Another world is shown, or this one greeted us anew."""
        self._line += 1
        self._forget()
        self.changed.emit()

    def tick(self, now_mono_ns: int) -> None:
        """Ask what is due; frames come at least four times a second, so nothing else need wake us."""
        if not self.is_here or not self._at.mirror.live:
            return
        if not self._has_asked_brief:
            self._has_asked_brief = True
            self._ask(AskBrief(), self._briefed)
        if self.is_instructor and not self._is_asking and now_mono_ns - self._asked_mono_ns >= POLL_NS:
            self._is_asking, self._asked_mono_ns = True, now_mono_ns
            self._ask(AskExercise(), self._viewed)

    def _ask(self, message: object, callback: Callable[[object], None], limit_s: float = ASK_S) -> None:
        line = self._line

        def answered(answer: object) -> None:
            if line == self._line:
                callback(answer)

        self._at.ask_world(message, answered, limit_s)

    def _briefed(self, answer: object) -> None:
        if isinstance(answer, Brief):
            self.brief = answer
            self.changed.emit()

    def _viewed(self, answer: object) -> None:
        self._is_asking = False
        if not isinstance(answer, ExerciseView):
            return  # not ours to see, or late: asked again while the role says so
        before, self.view = self.view, answer
        if before is None:
            self.begun.emit()
        if answer.state == "over" and (before is None or before.state != "over"):
            self.ended.emit()
        if before is not None and before.branch != answer.branch:
            self.truth = {
                tag: [p for p in points if p[0] <= answer.t_s] for tag, points in self.truth.items()
            }
        if before is None or before.t_s != answer.t_s:
            for tag, value in answer.truth.items():
                points = self.truth.setdefault(tag, [])
                points.append((answer.t_s, value))
                del points[:-TRUTHS_KEPT]
        self.changed.emit()

    # ------------------------------------------------------------ beginning

    def start(self, scenario: str, snapshot: str = "") -> None:
        """Start an exercise, from a state file where one is given. Raises WorldFault when it cannot."""
        self._at.train(scenario, snapshot)

    def start_from_here(self, scenario: str) -> None:
        """Start an exercise from the moment that is shown: its state becomes a file first."""

        def done(answer: SnapshotInfo | FaultRecord) -> None:
            if isinstance(answer, FaultRecord):
                self._refuse(answer)
                return
            try:
                self._at.train(scenario, answer.path)
            except Fault as fault:
                self._refuse(record(fault))

        self._at.snapshot(f"start of {scenario}", done)

    def say_ready(self) -> None:
        """Tell the instructor that this desk's trainee has read the brief."""
        self._do(Exercise(action="ready"), done=self._said_ready)

    def _said_ready(self) -> None:
        self.is_ready = True

    # ------------------------------------------------------------ the clock

    def run(self, speed: float = 1.0) -> None:
        """Let the exercise run at a speed, of those that it can have."""
        self._do(Exercise(action="run", value=min(max(speed, SPEEDS[0]), SPEEDS[-1])))

    def freeze(self) -> None:
        """Hold the clock within one step."""
        self._do(Exercise(action="freeze"))

    def play(self, speed: float) -> None:
        """Run, freeze (0), or once it is over play the record of it, backwards too."""
        if self.is_over:
            self._do(Play(speed=math.copysign(min(abs(speed), SPEEDS[-1]), speed)))
        elif speed > 0:
            self.run(speed)
        else:
            self.freeze()

    def step(self, by: StepBy, count: int) -> None:
        """Step while frozen: `tick` is one step of the model; once it is over, also back."""
        if self.is_over:
            self._do(Step(by=by, count=count))
        elif count > 0 and by in ("tick", "second"):
            seconds = self._step_s()
            steps = count if by == "tick" else max(1, round(count / seconds))
            self._do(Exercise(action="step", value=float(steps)))

    def _step_s(self) -> float:
        view = self.view
        return view.step_s if view is not None and view.step_s > 0 else 0.1

    def seek(self, t_ns: int) -> None:
        """Show another time of an exercise that is over; while one is asked for, the newest wins."""
        self._seek_ns = int(t_ns)
        self._seek()

    def _seek(self) -> None:
        if self._is_seeking or self._seek_ns is None:
            return
        self._is_seeking = True
        wanted, self._seek_ns = self._seek_ns, None
        self._ask(Seek(t_ns=wanted), self._sought)

    def _sought(self, answer: object) -> None:
        self._is_seeking = False
        if isinstance(answer, FaultRecord):
            self._refuse(answer)
        self._seek()

    # ------------------------------------------------------------ what an instructor does

    def inject(self, malfunction: MalfunctionSpec) -> None:
        """Begin a malfunction now; the same id again changes it."""
        self._do(Inject(malfunction=malfunction))

    def begin(self, name: str, severity: float) -> None:
        """Begin one of the scenario's or the model's malfunctions now, or change how bad it is."""
        spec = self.malfunction(name)
        if spec is not None:
            self.inject(replace(spec, severity=min(max(severity, 0.0), 1.0)))

    def clear(self, name: str) -> None:
        """End a malfunction now."""
        self._do(ClearMalfunction(id=name))

    def malfunction(self, name: str) -> MalfunctionSpec | None:
        """Return a malfunction by id: as it is now, as planned, or as the model offers it."""
        view = self.view
        if view is None:
            return None
        known = (*view.active, *view.malfunctions, *view.faults)
        return next((m for m in known if m.id == name), None)

    def mark(self, points: float, comment: str) -> None:
        """Note a mark with its time."""
        self._do(Exercise(action="mark", value=points, text=comment))

    def end(self) -> None:
        """End the exercise; its report is written and it can be looked at."""
        self._do(Exercise(action="end"))

    def keep(self, title: str = "") -> None:
        """Keep this moment, so that one can go back to it."""
        self._do(Exercise(action="snapshot", text=title), limit_s=SNAPSHOT_S)

    # ------------------------------------------------------------ going back

    def wish_back(self, moment: str) -> None:
        """Ask whether to go back to a moment; `go_back` does it, `stay` does not."""
        view = self.view
        row = next((r for r in view.rows if r.lane == "snapshot" and r.id == moment), None) if view else None
        if view is None or row is None:
            return
        self.back = Back(id=row.id, title=row.text, text=back_text(view, row))
        self.changed.emit()

    def stay(self) -> None:
        """Do not go back."""
        self.back = None
        self.changed.emit()

    def go_back(self) -> None:
        """Go back to the moment that was wished for; what came since is kept as a branch."""
        if self.back is not None:
            self._do(Restore(path=self.back.id), limit_s=SNAPSHOT_S)
            self.stay()

    # ------------------------------------------------------------ answers

    def _do(self, message: object, done: Callable[[], None] | None = None, limit_s: float = ASK_S) -> None:
        def answered(answer: object) -> None:
            if isinstance(answer, FaultRecord):
                self._refuse(answer)
                return
            self.refused = None
            if done is not None:
                done()
            self._asked_mono_ns = 0  # the next pump asks how it stands
            self.changed.emit()

        self._ask(message, answered, limit_s)

    def _refuse(self, why: FaultRecord) -> None:
        self.refused = why
        self._at.tell(why)
        self.changed.emit()


def back_text(view: ExerciseView, moment: TimelineRow) -> str:
    """Return what going back costs: `The next 4 min 12 s will be kept as branch A`."""
    return f"The next {passed_text(view.t_s - moment.t_s)} will be kept as branch {view.branch}."
