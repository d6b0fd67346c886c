"""The journal of an invented past: the project's own alarms over its samples, and what people did then."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmAct, AlarmAction, AlarmEvent, AlarmSpec, AlarmState, ProcessState
from armillary.model.arrays import B1, F8, I8, U4
from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.project.record import Project
from armillary.wire import marks
from armillary.world.alarming import Alarming

BEFORE, AFTER = 2, 8  # moments around those that matter to an alarm: counts and delays end in them
ANSWERS_S = {1: (15, 60), 2: (30, 150), 3: (60, 400), 4: (90, 900)}  # until somebody acknowledges
RESETS_S = (120, 600)
ONE_VALUE = ("level", "count", "state")  # kinds of which one value tells whether they may be raised
_EARLY, _LATE = range(6, 14), "bo"  # hours of the one who is on the early shift; the other has the rest
_LATCHED = (ProcessState.LUNAK, ProcessState.LACKD)
Row = tuple[str, float, str, int]  # name of a mark, value, text, time


class Watch:
    """Looks at a past in the order of time. `rows` are the marks that a world would have written."""

    def __init__(
        self, project: Project, folder: Path, from_ns: int, every_s: int, offset_s: int, seed: int
    ) -> None:
        """folder: of the journal; every_s: between two moments; offset_s: local time less UTC."""
        self.alarming = Alarming(
            project.alarms,
            [_paced(spec, every_s) for spec in project.specs],
            (),
            folder=folder,
            kind="live",
            now_ns=from_ns,
            rules=project.suppressions,
        )
        self.rows: list[Row] = []
        self.raised = np.zeros(5, np.int64)  # by priority
        self._table = TagTable(len(project.specs))
        self._offset_s, self._random = offset_s, np.random.default_rng(seed)
        self._due: list[tuple[int, AlarmAction, str]] = []
        self._last_ns = from_ns
        for state in self.alarming.evaluator.states():
            self._mark(_of_state(state), from_ns)

    def look(self, t_ns: I8, slots: U4, value: F8) -> None:
        """See n moments of k tags, (k, n), where an alarm may come or go."""
        matters = mattering(self.alarming.evaluator.specs, slots, value)
        for i in np.flatnonzero(matters).tolist():
            now_ns = int(t_ns[i])
            self._people(now_ns)
            self._see(now_ns, slots, value[:, i])
        self._people(int(t_ns[-1]))

    def end(self, to_ns: int) -> None:
        """Let people answer what is left, and close the journal."""
        self._people(to_ns)
        self.alarming.close()

    # ---------------------------------------------------------------- inside

    def _see(self, now_ns: int, slots: U4, value: F8) -> None:
        table = self._table
        table.value[slots], table.quality[slots] = value, 0
        for column in (table.source_ns, table.arrival_ns, table.arrival_mono_ns, table.alive_mono_ns):
            column[slots] = now_ns
        readings = batch_of(slots, value, np.full(len(slots), now_ns), now_ns, now_ns)
        self.alarming.evaluator.look(table, readings, now_ns, now_ns)
        self._take(now_ns)

    def _people(self, until_ns: int) -> None:
        """Let those acts happen whose time has come."""
        while self._due and self._due[0][0] <= until_ns:
            at_ns, action, occurrence = heapq.heappop(self._due)
            hour = (at_ns // NS + self._offset_s) // 3_600 % 24
            user = "anna" if hour in _EARLY else _LATE
            who = LoggedIn(user=user, name=user.capitalize(), role="operator", accounts=True)
            self.alarming.act(AlarmAct(action=action, occurrences=(occurrence,)), who, at_ns)
            self._take(at_ns)

    def _take(self, now_ns: int) -> None:
        states, events = self.alarming.evaluator.take()
        if not states and not events:
            return
        self.alarming.note(states, events, now_ns)
        for state in states:
            self._mark(_of_state(state), now_ns)
        for event in events:
            self._mark((marks.ALARM_EVENTS, float(event.priority), marks.text_of(event)), now_ns)
            self._answer(event, now_ns)

    def _answer(self, event: AlarmEvent, now_ns: int) -> None:
        """Plan what somebody will do about it."""
        if event.event == "RAISE":
            self.raised[event.priority] += 1
            self._plan(now_ns, ANSWERS_S[event.priority], "ack", event.occurrence)
        if event.after in _LATCHED and event.before != event.after:
            self._plan(now_ns, RESETS_S, "reset", event.occurrence)

    def _plan(self, now_ns: int, within_s: tuple[int, int], action: AlarmAction, occurrence: str) -> None:
        heapq.heappush(self._due, (now_ns + int(self._random.uniform(*within_s) * NS), action, occurrence))

    def _mark(self, row: tuple[str, float, str], now_ns: int) -> None:
        self._last_ns = max(now_ns, self._last_ns + 1)  # no two of a series have the same time
        self.rows.append((*row, self._last_ns))


def _paced(spec: TagSpec, every_s: int) -> TagSpec:
    """Return a tag whose readings are so far apart: between two of them none is missing."""
    if spec.expression:
        return spec
    return replace(spec, expected_ms=every_s * 1_000, stale_after_ms=3_000 * every_s)


def _of_state(state: AlarmState) -> tuple[str, float, str]:
    return marks.ALARM + state.id, marks.ALARM_CODES[state.process], marks.text_of(state)


def mattering(specs: Sequence[AlarmSpec], slots: U4, value: F8) -> B1:
    """Return at which of n moments some alarm may come, stand or go, (n,). value: (k, n) of tags `slots`.

    Where that cannot be told from one value against a limit it is every moment.
    """
    row = {slot: i for i, slot in enumerate(slots.tolist())}
    out: B1 = np.zeros(value.shape[1], np.bool_)
    for spec in specs:
        if spec.draft or spec.kind == "quality":  # all of it is GOOD
            continue
        if spec.kind not in ONE_VALUE:
            out[:] = True
            continue
        if spec.slot not in row:
            continue
        line = value[row[spec.slot]]
        if spec.kind != "state":
            nearest = spec.levels[0].limit if spec.levels else spec.limit
            up = spec.direction == "above"
            out |= line >= nearest - spec.deadband if up else line <= nearest + spec.deadband
        else:
            out |= np.isin(line, spec.values)
            if spec.normal:
                out |= ~np.isin(line, spec.normal)
    near = np.flatnonzero(out)
    for shift in range(-BEFORE, AFTER + 1):
        at = near + shift
        out[at[(at >= 0) & (at < len(out))]] = True
    return out
