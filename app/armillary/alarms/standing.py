"""How all alarms of a world stand, and what happened to them: every transition passes here.

The tables say what an event makes of one alarm. Beside that a transition starts timers, ends shelves, calls
people, and may make an alarm chatter or the first of its group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from armillary.alarms import nuisance
from armillary.alarms.machine import Facts, Happening, Outcome, step
from armillary.alarms.nuisance import Chatter, FirstOut, Floods, Raised, marked
from armillary.alarms.presentation import Hide, Wish, hide
from armillary.alarms.re_alarm import Timers
from armillary.model.alarm import (
    ONE_SHOT_NS,
    SHELF_ENDS,
    SHELF_NOTICE_NS,
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    Flood,
    ProcessState,
)
from armillary.model.arrays import B1
from armillary.model.clock import NS

NOBODY: Mapping[str, Collection[str]] = MappingProxyType({})
JUMP_NS = 60 * NS  # of the wall clock: a shelf's deadline goes with it


class Standing:
    """The states of A alarms in the order of their specs; used by one thread at a time."""

    def __init__(self, specs: Sequence[AlarmSpec], positions: Mapping[str, Collection[str]] = NOBODY) -> None:
        """`positions`: of operators, each with the ids of its alarms; none: one answers for all."""
        self.specs = specs
        self.states = [AlarmState(id=spec.id) for spec in specs]
        self.waits: B1 = np.zeros(len(specs), np.bool_)  # not NORM: its input's quality matters
        self.active: B1 = np.zeros(len(specs), np.bool_)
        self.shelves: dict[int, int] = {}  # row -> deadline in ns, ONE_SHOT_NS
        self._told_end: dict[int, int] = {}  # row -> the deadline that people were told of
        self._timers = Timers(specs)
        self.chatter, self._first = Chatter(), FirstOut(specs)
        # the last one is of alarms for which no position answers
        self._floods = [*(Floods(name) for name in positions), Floods()]
        alone = (len(positions),)
        self._at = tuple(
            tuple(i for i, ids in enumerate(positions.values()) if spec.id in ids) or alone for spec in specs
        )
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

    @property
    def each_flood(self) -> Mapping[str, Floods]:
        """What counts towards a flood, by position; "" is of alarms for which no position answers."""
        return {each.position: each for each in self._floods}

    def floods(self, area: str) -> tuple[Flood, ...]:
        """Return the floods that are, of each position its own."""
        return tuple(flood for each in self._floods if (flood := each.now(area)) is not None)

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
        for each in self._floods:
            if text := each.look(now_ns, self._mono_ns):
                self._events.append(_of_flood(text, now_ns, begins=each.now("") is not None))

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
        known = replace(
            wish, priority=state.priority or self.specs[row].priority, shelved=self._shelved_beside(row)
        )
        outcome = hide(state, what, known)
        self.put(row, outcome)
        return outcome

    def _shelved_beside(self, row: int) -> int:
        """Return how many alarms are on the shelf at the fullest position that answers for one."""
        return max(sum(at in self._at[other] for other in self.shelves) for at in self._at[row])

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
            is_call = not self.specs[row].is_advisory and (marks is None or not marks.chatter)
            if is_call:  # one that chatters called people already, and what may come is no alarm yet
                for number in self._at[row]:
                    self._floods[number].called(self._mono_ns)

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
            elif now_ns >= until_ns - SHELF_NOTICE_NS and self._told_end.get(row) != until_ns:
                self._tell_end(row, now_ns, until_ns)

    def _tell_end(self, row: int, now_ns: int, until_ns: int) -> None:
        """Tell people that a shelf ends soon; one that was made for no longer needs no word."""
        self._told_end = {at: told for at, told in self._told_end.items() if at in self.shelves}
        self._told_end[row] = until_ns
        hiding = self.states[row].hiding
        if hiding is not None and until_ns - hiding.shelved_ns > SHELF_NOTICE_NS:
            text = f"the shelf ends in {max(1, round((until_ns - now_ns) / (60 * NS)))} min"
            self.note(row, SHELF_ENDS, text, self.facts(row, now_ns, text))

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
