"""How all alarms of a world stand, and what happened to them: every transition passes here.

The tables say what an event makes of one alarm. Beside that a transition starts timers, ends shelves, calls
people, and may make an alarm chatter or the first of its group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.alarms import nuisance
from armillary.alarms.machine import Facts, Happening, Outcome, step
from armillary.alarms.nuisance import Chatter, FirstOut, Floods, Raised, marked
from armillary.alarms.presentation import Hide, Wish, hide
from armillary.alarms.re_alarm import Timers
from armillary.model.alarm import ONE_SHOT_NS, AlarmEvent, AlarmSpec, AlarmState, Flood, ProcessState
from armillary.model.arrays import B1
from armillary.model.clock import NS

JUMP_NS = 60 * NS  # of the wall clock: a shelf's deadline goes with it


class Standing:
    """The states of A alarms in the order of their specs; used by one thread at a time."""

    def __init__(self, specs: Sequence[AlarmSpec]) -> None:
        self.specs = specs
        self.states = [AlarmState(id=spec.id) for spec in specs]
        self.waits: B1 = np.zeros(len(specs), np.bool_)  # not NORM: its input's quality matters
        self.active: B1 = np.zeros(len(specs), np.bool_)
        self.shelves: dict[int, int] = {}  # row -> deadline in ns, ONE_SHOT_NS
        self._timers = Timers(specs)
        self.chatter, self._first, self.floods = Chatter(), FirstOut(specs), Floods()
        self._changed: dict[int, None] = {}
        self._gone: list[AlarmState] = []
        self._events: list[AlarmEvent] = []
        self._told: set[int] = set()  # rows with an event since the last `take`
        self._mono_ns = 0  # of the last look

    # ---------------------------------------------------------------- what happened

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        """Return the states and events since the last call; a state that changed twice comes once."""
        if not self._changed and not self._events:
            return (), ()
        states = (*self._gone, *(self.states[row] for row in self._changed))
        events = tuple(self._events)
        self.forget_changes()
        return states, events

    def forget_changes(self) -> None:
        """Leave out what was not taken yet."""
        self._changed, self._gone, self._events = {}, [], []
        self._told.clear()

    def flood(self, area: str) -> Flood | None:
        """Return the flood that is, None for none."""
        return self.floods.now(area)

    # ---------------------------------------------------------------- the tick

    def begin(self, now_ns: int, before: tuple[int, int], now_mono_ns: int) -> None:
        """End what is due by time. before: wall and monotonic clock of the last look."""
        self._mono_ns = now_mono_ns
        if self.shelves:
            self._end_shelves(now_ns, before, now_mono_ns)
        for row in self._timers.due(now_mono_ns):
            self._ask_again(row, now_ns)
        for row in self.chatter.calm(now_mono_ns):
            self._mark(row, now_ns, "CHATTER-END", "chatters no more", chatter=0)

    def end(self, raised: Sequence[Raised], idle: set[str], now_ns: int, doubt_ns: Mapping[str, int]) -> None:
        """Say which alarm was the first of its group, and whether there is a flood."""
        for row, mark in self._first.first(raised, idle, now_ns, doubt_ns) if idle else ():
            self._mark(row, now_ns, "FIRST-OUT", "first of its group", first_out=mark)
        if self._first.marked:
            for row in self._first.over(self.states):
                self._mark(row, now_ns, "FIRST-OUT-END", "its group is normal", first_out="")
        text = self.floods.look(now_ns, self._mono_ns)
        if text:
            self._events.append(_of_flood(text, now_ns, begins=self.floods.now("") is not None))

    def idle(self, rows: Iterable[int]) -> set[str]:
        """Return which groups of some alarms are all normal."""
        return self._first.idle(rows, self.states)

    # ---------------------------------------------------------------- one alarm

    def happen(self, row: int, happening: Happening, facts: Facts) -> Outcome:
        """Do what the table of the process says."""
        before = self.states[row]
        outcome = step(before, happening, facts)
        if happening is Happening.RAISE and outcome.annunciates:
            many = self.chatter.raised(row, before, self._mono_ns)
            if many:
                outcome.state = marked(outcome.state, chatter=many)
                if many == nuisance.CHATTER_COUNT:
                    self.note(row, "CHATTER", f"{many} raises in a minute: it chatters", facts)
        self.put(row, outcome)
        if happening is Happening.CLEAR and self.shelves.get(row) == ONE_SHOT_NS:
            self.unshelve(row, facts.now_ns)
        return outcome

    def hide(self, row: int, what: Hide, wish: Wish) -> Outcome:
        """Do what the table of the presentation says."""
        state = self.states[row]
        known = replace(wish, priority=state.priority or self.specs[row].priority, shelved=len(self.shelves))
        outcome = hide(state, what, known)
        self.put(row, outcome)
        return outcome

    def unshelve(self, row: int, now_ns: int) -> None:
        """Bring an alarm back at its time."""
        self.hide(row, Hide.UNSHELVE, Wish(now_ns=now_ns))

    def suppress(self, row: int, rule: str, now_ns: int) -> None:
        """Hide an alarm by a rule, by another one than before, or no longer: rule = ""."""
        state = self.states[row]
        held = state.hiding.rule if state.hiding is not None else ""
        if rule == held or self.specs[row].draft:
            return
        if rule and held and state.hiding is not None:
            self.states[row] = replace(state, hiding=replace(state.hiding, rule=""))
        self.hide(row, Hide.SUPPRESS if rule else Hide.UNSUPPRESS, Wish(now_ns=now_ns, why=rule))

    def facts(self, row: int, now_ns: int, text: str) -> Facts:
        """Return what a transition without a reading is made with."""
        state = self.states[row]
        return Facts(now_ns=now_ns, priority=state.priority or self.specs[row].priority, text=text)

    def note(self, row: int, word: str, text: str, facts: Facts) -> None:
        """Write down what is no transition."""
        state = self.states[row]
        self._told.add(row)
        self._events.append(
            AlarmEvent(
                id=state.id,
                occurrence=state.occurrence,
                event=word,
                before=state.process,
                after=state.process,
                t_ns=facts.now_ns,
                priority=facts.priority,
                value=state.value,
                text=text,
            )
        )

    def put(self, row: int, outcome: Outcome) -> None:
        """Keep what an event made of an alarm."""
        before = self.states[row]
        if outcome.state is not before:
            self.set(row, outcome.state)
        if outcome.events:
            self._told.add(row)
            self._events.extend(outcome.events)
        if outcome.annunciates and outcome.state.hiding is None:
            marks = before.marks
            if marks is None or not marks.chatter:  # one that chatters called people already
                self.floods.called(self._mono_ns)

    def set(self, row: int, state: AlarmState) -> None:
        """Let an alarm stand so."""
        self._timers.note(row, self.states[row], state)
        self.states[row] = state
        self.waits[row] = state.process is not ProcessState.NORM
        self.active[row] = state.active
        self._changed[row] = None
        if state.hiding is not None and state.hiding.until_ns:
            self.shelves[row] = state.hiding.until_ns
        else:
            self.shelves.pop(row, None)

    # ---------------------------------------------------------------- restarts

    def restored(self, now_ns: int) -> None:
        """Go on with the states that were `set`."""
        self._timers.restore(enumerate(self.states), now_ns)
        self.chatter.restore(enumerate(self.states))
        self._first.restore(enumerate(self.states))

    def close(self, state: AlarmState, now_ns: int) -> None:
        """Close an alarm that the project has no more, with an entry."""
        outcome = step(state, Happening.DISABLE, Facts(now_ns=now_ns))
        self._events.extend(outcome.events)
        self._gone.append(replace(outcome.state, marks=None))

    # ---------------------------------------------------------------- by time

    def _end_shelves(self, now_ns: int, before: tuple[int, int], now_mono_ns: int) -> None:
        """Bring back what is due. A deadline goes with the clock that it was set by."""
        wall_ns, mono_ns = before
        jump_ns = now_ns - wall_ns - (now_mono_ns - mono_ns) if wall_ns else 0
        for row, deadline_ns in list(self.shelves.items()):
            state = self.states[row]
            if state.hiding is None or deadline_ns == ONE_SHOT_NS:
                continue
            until_ns = deadline_ns
            if abs(jump_ns) > JUMP_NS:
                until_ns += jump_ns
                moved = replace(state.hiding, until_ns=until_ns, shelved_ns=state.hiding.shelved_ns + jump_ns)
                self.set(row, replace(state, hiding=moved))
            if now_ns >= until_ns:
                self.unshelve(row, now_ns)

    def _ask_again(self, row: int, now_ns: int) -> None:
        """Call people to what still stands, unless it is hidden from them."""
        state, spec = self.states[row], self.specs[row]
        if state.hiding is None:
            text = f"still so after {spec.re_alarm_s / 60:g} min: {state.text or spec.title or spec.id}"
            self.happen(row, Happening.RE_ALARM, self.facts(row, now_ns, text))

    def _mark(self, row: int, now_ns: int, word: str, text: str, **marks: object) -> None:
        """Give an alarm other marks; they are written with what happened to it, else with an entry."""
        self.set(row, marked(self.states[row], **marks))
        if row not in self._told:
            self.note(row, word, text, self.facts(row, now_ns, text))


def _of_flood(text: str, now_ns: int, *, begins: bool) -> AlarmEvent:
    return AlarmEvent(
        id=nuisance.FLOOD_ID,
        occurrence="",
        event="FLOOD-BEGIN" if begins else "FLOOD-END",
        before=ProcessState.NORM,
        after=ProcessState.NORM,
        t_ns=now_ns,
        priority=0,
        text=text,
    )
