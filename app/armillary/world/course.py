"""Alarms along a computed run: evaluated once, forwards, and then shown at any time in any direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmEvent, AlarmProgress, AlarmSpec, AlarmState, Suppression
from armillary.model.clock import NS
from armillary.model.simulation import Trajectory
from armillary.world.forked import Forked, View

MONO_NS = 1_000 * NS  # ages along a run are counted from here


class Course:
    """What alarms do along one run, from how they stood at the fork."""

    def __init__(
        self, specs: Sequence[AlarmSpec], fork: Forked, view: View, rules: Sequence[Suppression] = ()
    ) -> None:
        self._evaluator = Evaluator(specs, fork.specs, rules)
        self._view, self._t0 = view, fork.t_ns
        self._is_given = bool(fork.state.tags)
        self._evaluator.restore(fork.state.alarms, fork.t_ns)
        self._evaluator.take()
        self._evaluator.resume(view.table(None, -1, MONO_NS), fork.state.pending, MONO_NS)
        self._first = {state.id: state for state in self._evaluator.states()}
        self._log: list[tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]] = []
        self._t_ns: list[int] = []

    @property
    def rows(self) -> int:
        """How many rows are evaluated."""
        return len(self._log)

    def follow(self, run: Trajectory, row: int) -> None:
        """Evaluate up to a row."""
        for n in range(len(self._log), min(row, len(run.t_ns) - 1) + 1):
            t = int(run.t_ns[n])
            if t == self._t0 and self._is_given:  # the world that was forked has judged this moment itself
                self._log.append(((), ()))
                self._t_ns.append(t)
                continue
            mono = MONO_NS + t - self._t0
            table = self._view.table(run, n, mono)
            self._evaluator.look(table, self._view.rows(table), t, mono)
            self._log.append(self._evaluator.take())
            self._t_ns.append(t)

    def at(self, row: int) -> Mapping[str, AlarmState]:
        """Return how every alarm stands at a row; -1 = at the fork."""
        out = dict(self._first)
        for states, _ in self._log[: row + 1]:
            out.update((state.id, state) for state in states)
        return out

    def pending(self) -> tuple[AlarmProgress, ...]:
        """Return what the alarms were counting at the row that was followed last."""
        return self._evaluator.progress(MONO_NS + (self._t_ns[-1] - self._t0 if self._t_ns else 0))

    def events(self, after: int, row: int) -> tuple[AlarmEvent, ...]:
        """Return what happened after a row up to another one."""
        return tuple(event for _, events in self._log[max(after + 1, 0) : row + 1] for event in events)

    def event_from(self, t_ns: int, count: int) -> int:
        """Return the time of the next event (count > 0) or one before; the same time when there is none."""
        times = np.array(
            [t for t, (_, events) in zip(self._t_ns, self._log, strict=True) if events], np.int64
        )
        if not len(times) or not count:
            return t_ns
        if count > 0:
            row = int(np.searchsorted(times, t_ns, "right")) + count - 1
        else:
            row = int(np.searchsorted(times, t_ns, "left")) + count
        return int(times[np.clip(row, 0, len(times) - 1)])
