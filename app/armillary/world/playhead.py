"""The run that a WHAT-IF world shows, at a moving cursor: values, alarms, and what a snapshot of it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.alarm import AlarmProgress, AlarmSpec, AlarmState, Suppression
from armillary.model.clock import NS
from armillary.model.control import Cursor
from armillary.model.frame import Frame, RunState, frame_of
from armillary.model.sample import empty_batch
from armillary.model.simulation import Trajectory
from armillary.world.core import Core
from armillary.world.course import Course
from armillary.world.forked import BASELINE, Forked
from armillary.world.runbook import Runbook

AHEAD = 10  # rows whose alarms are evaluated in a tick, beside those that are shown
NOTHING = -2  # no row was shown yet; -1 is the state at the fork


class Playhead:
    """A cursor over one of the runs of a fork."""

    def __init__(
        self,
        fork: Forked,
        book: Runbook,
        core: Core,
        alarms: Sequence[AlarmSpec],
        rules: Sequence[Suppression] = (),
    ) -> None:
        """rules: what hides alarms by design."""
        self._rules = tuple(rules)
        self.fork, self.book, self._core, self._alarm_specs = fork, book, core, tuple(alarms)
        self._view = fork.view()
        self._course: Course | None = None
        self._row = NOTHING
        self.shown = BASELINE  # id of a run
        self.t_ns = fork.t_ns
        self.speed = 0.0

    # ---------------------------------------------------------------- where

    @property
    def run(self) -> Trajectory | None:
        """The result of the shown run, as far as it is computed."""
        return self.book.sound(self.shown)

    def extent(self) -> tuple[int, int]:
        """Return from when to when the shown run goes, as far as it is computed."""
        run = self.run
        return self.fork.t_ns, int(run.t_ns[-1]) if run is not None and len(run.t_ns) else self.fork.t_ns

    def show(self, name: str) -> None:
        """Show another run at the same time. Raises ProjectFault for none such."""
        self.book.result(name)
        self.shown, self._row, self._course = name, NOTHING, None

    def pass_by(self, passed_ns: int) -> None:
        """Let real time pass: the cursor moves by its speed, and stops at the fork."""
        if not self.speed:
            return
        self.t_ns += round(passed_ns * self.speed)
        if self.speed < 0 and self.t_ns <= self.fork.t_ns:
            self.speed = 0.0

    def look_ahead(self) -> None:
        """Evaluate some more alarms of the shown run, so that a jump to its end does not have to at once."""
        run = self.run
        if run is None or not self._alarm_specs:
            return
        if self._course is None:
            self._course = Course(self._alarm_specs, self.fork, self._view, self._rules)
        self._course.follow(run, self._course.rows - 1 + AHEAD)

    def step(self, by: str, count: int) -> None:
        """Pause, and move by seconds, alarm events or rows of the result."""
        run = self.run
        self.speed = 0.0
        if by == "second":
            self.t_ns += count * NS
        elif by == "alarm" and self._course is not None:
            self.t_ns = self._course.event_from(self.t_ns, count)
        elif run is not None and len(run.t_ns):
            row = int(np.searchsorted(run.t_ns, self.t_ns, "right")) - 1 + count
            self.t_ns = int(run.t_ns[np.clip(row, 0, len(run.t_ns) - 1)])

    # ---------------------------------------------------------------- what is seen there

    def frame(self, now_mono_ns: int, shown: Mapping[str, AlarmState]) -> Frame:
        """Return what changed since the last frame. shown: alarm states as the desks have them."""
        start, end = self.extent()
        self.t_ns = int(np.clip(self.t_ns, start, end))
        run, row = self.run, -1
        if run is not None and len(run.t_ns):
            row = int(np.searchsorted(run.t_ns, self.t_ns, "right")) - 1
        if row != self._row:
            table = self._view.table(run, row, now_mono_ns)
            frame = self._core.put(self._view.rows(table), self.t_ns, now_mono_ns)
            frame = self._with_alarms(frame, run, row, shown)
            self._row = row
        else:
            frame = self._core.put(empty_batch(), self.t_ns, now_mono_ns)
        phase = RunState.RUNNING if self.speed else RunState.PAUSED
        cursor = Cursor(
            speed=self.speed, asked=self.speed, from_ns=start, to_ns=end, note=self.book.words(self.shown)
        )
        return replace(frame, run=phase, cursor=cursor)

    def _with_alarms(
        self, frame: Frame, run: Trajectory | None, row: int, shown: Mapping[str, AlarmState]
    ) -> Frame:
        """Return a frame with the alarms as the run has them: the states that differ from those shown."""
        if not self._alarm_specs:
            return frame
        if self._course is None:
            self._course = Course(self._alarm_specs, self.fork, self._view, self._rules)
        if run is not None:
            self._course.follow(run, row)
        states = self._course.at(row)
        changed = tuple(s for s in states.values() if repr(shown.get(s.id)) != repr(s))
        events = self._course.events(self._row, row) if row == self._row + 1 or self.speed > 0 else ()
        return replace(frame, alarms=changed, alarm_events=events)

    def frame_of(self, name: str, t_ns: int, base: Frame, now_mono_ns: int) -> Frame:
        """Return a full frame of any run at a time. Raises ProjectFault for a run that is not there."""
        run, row = self.book.result(name), -1
        if run is not None and len(run.t_ns):
            row = max(0, int(np.searchsorted(run.t_ns, t_ns, "right")) - 1)
        table = self._view.table(run, row, now_mono_ns)
        at = int(run.t_ns[row]) if run is not None and row >= 0 else t_ns
        return frame_of(table, np.arange(len(table), dtype=np.uint32), replace(base, t_ns=at))

    def alarms_at(self, t_ns: int) -> tuple[AlarmState, ...]:
        """Return how the alarms of the shown run stand at a time, in a course of its own."""
        course, run = Course(self._alarm_specs, self.fork, self._view, self._rules), self.run
        row = -1
        if run is not None and len(run.t_ns):
            row = int(np.searchsorted(run.t_ns, t_ns, "right")) - 1
            course.follow(run, row)
        return tuple(course.at(row).values())

    def past_at(self, t_ns: int) -> bytes:
        """Return what functions over time know of the shown run at a time."""
        return self.fork.view().past(self.run, self.row_at(t_ns))

    def row_at(self, t_ns: int) -> int:
        """Return the row of the shown run that is shown at a time; -1 = the state at the fork."""
        run = self.run
        return int(np.searchsorted(run.t_ns, t_ns, "right")) - 1 if run is not None else -1

    def pending_at(self, row: int) -> tuple[AlarmProgress, ...]:
        """Return what the alarms of the shown run were counting at a row; safe in a thread of its own."""
        course, run = Course(self._alarm_specs, self.fork, self.fork.view(), self._rules), self.run
        if run is not None:
            course.follow(run, row)
        return course.pending()

    def model_state(self, t_ns: int) -> tuple[bytes, Mapping[str, float]]:
        """Return the simulator's state where it is known, and parameters and inputs as they are at a time.

        Known it is at the fork, where that was exact, and at the end of a single run. Between, a worker had
        it and threw it away: a fork from there begins from the values shown, and says that it is estimated;
        for a snapshot it is computed again (`Ensemble.state_at`).
        """
        entry = self.book.entry(self.shown)
        if entry is None or entry.job is None:
            return b"", {}
        job = entry.job
        out = {n: float(job.parameters.data[i, 0]) for i, n in enumerate(job.parameters.names)}
        out |= {n: float(job.inputs.data[i, 0]) for i, n in enumerate(job.inputs.names)}
        out |= {name: value for at, name, value in job.events if at <= t_ns}
        if t_ns == self.fork.t_ns:
            return b"" if job.warm_up_s else job.state, out
        at_end = entry.card.state == "done" and t_ns == self.extent()[1]
        return self.book.final_state(self.shown) if at_end else b"", out
