"""Alarms of a world: conditions seen by the tick, acts of people, and the states that come of both.

The tick thread looks, the world's loop acts; a lock is between them. Python handles only what changes: a
tick without a transition costs array operations alone.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.alarms import wording
from armillary.alarms.conditions import Hit
from armillary.alarms.lines import Lines
from armillary.alarms.links import LinkWatch
from armillary.alarms.machine import NOTHING, OVER, Facts, Happening, Outcome, step
from armillary.alarms.presentation import Hide, Wish, hide
from armillary.alarms.re_alarm import Timers
from armillary.model.alarm import (
    ONE_SHOT_NS,
    AlarmAct,
    AlarmActed,
    AlarmEvent,
    AlarmProgress,
    AlarmSpec,
    AlarmState,
    ProcessState,
)
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable

GONE = "This alarm is not in the project any more"
ALREADY = "Already so"
JUMP_NS = 60 * NS  # of the wall clock: a shelf's deadline goes with it
_ACTS = {"ack": Happening.ACK, "reset": Happening.RESET}
_HIDES = {
    "shelve": Hide.SHELVE,
    "unshelve": Hide.UNSHELVE,
    "remove": Hide.REMOVE,
    "place": Hide.PLACE,
}
_HAPPENINGS = {
    (True, 0): Happening.RAISE,
    (False, 0): Happening.CLEAR,
    (True, 1): Happening.LEVEL_ROSE,
    (True, -1): Happening.LEVEL_FELL,
}
_CHANGING = ("_conditions", "_links", "_states", "_standing", "_number", "_shelves", "_timers")


class Evaluator:
    """A `world.core.Alarms`. States are kept in the order of the specs."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        """`specs`: those of the project, and `alarms.links.link_alarms` where links are watched."""
        self.specs = tuple(specs)
        self._tags = {tag.slot: tag for tag in tags}
        self._row = {spec.id: row for row, spec in enumerate(self.specs)}
        self._conditions = Lines(self.specs, tags)
        self._links = LinkWatch(self.specs, tags)
        self._states = [AlarmState(id=spec.id) for spec in self.specs]
        self._standing = np.zeros(len(self.specs), np.bool_)  # not NORM: its input's quality matters
        self._timers = Timers(self.specs)
        self._changed: dict[int, None] = {}
        self._gone: list[AlarmState] = []
        self._events: list[AlarmEvent] = []
        self._number = 0
        self._lost: set[int] = set()  # slots with readings that were given up
        self._shelves: dict[int, int] = {}  # row -> deadline in ns, ONE_SHOT_NS
        self._looked_ns = (0, 0)  # wall and monotonic clock of the last look
        self._lock = threading.Lock()

    # ---------------------------------------------------------------- the tick

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> None:
        """See every reading of the tick; late and repeated ones are left out by the core."""
        with self._lock:
            if self._shelves:
                self._end_shelves(now_ns, now_mono_ns)
            self._looked_ns = (now_ns, now_mono_ns)
            links = self._links.look(table, now_mono_ns)
            if self._lost:
                self._begin_anew(now_ns)
            for row in self._timers.due(now_mono_ns):
                self._ask_again(row, now_ns)
            seen = self._conditions.look(table, readings, now_ns, now_mono_ns, links)
            for row in seen.good[self._standing[seen.good]].tolist():
                self._verified(row, now_ns)
            for hit in seen.hits:
                self._apply(hit, table, now_ns, now_mono_ns)
            for row in seen.bad[self._standing[seen.bad]].tolist():
                if self.specs[row].kind != "quality":  # there it is the condition itself
                    self._unverified(row, now_ns)

    def lost(self, slots: U4) -> None:
        """Say that readings of these tags were given up: counts of them begin anew at the next `look`."""
        with self._lock:
            self._lost.update(slots.tolist())

    def tell(self, troubles: Mapping[str, str]) -> None:
        """Say which told alarms of links stand now, as id → sentence; the others do not. From any thread."""
        with self._lock:
            self._links.told = dict(troubles)

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        """Return the states and events since the last call; a state that changed twice comes once."""
        with self._lock:
            if not self._changed and not self._events:
                return (), ()
            states = (*self._gone, *(self._states[row] for row in self._changed))
            events = tuple(self._events)
            self._changed, self._gone, self._events = {}, [], []
            return states, events

    def states(self) -> tuple[AlarmState, ...]:
        """Return how every alarm stands."""
        with self._lock:
            return tuple(self._states)

    # ---------------------------------------------------------------- people

    def act(self, act: AlarmAct, actor: str, now_ns: int, is_engineer: bool = False) -> AlarmActed:
        """Do what a person wants with alarms; each gets its own answer, "" = done."""
        with self._lock:
            if act.action in _HIDES:
                wish = Wish(
                    now_ns=now_ns,
                    why=act.comment,
                    actor=actor,
                    duration_ns=int(act.duration_s * NS),
                    is_engineer=is_engineer,
                )
                results = tuple(self._hide(each, _HIDES[act.action], wish) for each in act.occurrences)
            else:
                results = tuple(self._act(each, act, actor, now_ns) for each in act.occurrences)
            return AlarmActed(results=results)

    def _hide(self, name: str, what: Hide, wish: Wish) -> str:
        row = self._row.get(name.rpartition("#")[0] or name)
        if row is None:
            return GONE
        if what is Hide.SHELVE and not wish.duration_ns:
            what = Hide.SHELVE_ONCE
        wish = replace(wish, priority=self.specs[row].priority, shelved=len(self._shelves))
        outcome = hide(self._states[row], what, wish)
        self._take(row, outcome)
        return outcome.refused or ("" if outcome.events else ALREADY)

    def _end_shelves(self, now_ns: int, now_mono_ns: int) -> None:
        """Bring back what is due. A deadline goes with the clock that it was set by."""
        wall_ns, mono_ns = self._looked_ns
        jump_ns = now_ns - wall_ns - (now_mono_ns - mono_ns) if wall_ns else 0
        for row, deadline_ns in list(self._shelves.items()):
            state = self._states[row]
            if state.hiding is None or deadline_ns == ONE_SHOT_NS:
                continue
            until_ns = deadline_ns
            if abs(jump_ns) > JUMP_NS:
                until_ns += jump_ns
                moved = replace(state.hiding, until_ns=until_ns, shelved_ns=state.hiding.shelved_ns + jump_ns)
                self._set(row, replace(state, hiding=moved))
            if now_ns >= until_ns:
                self._unshelve(row, now_ns)

    def _unshelve(self, row: int, now_ns: int) -> None:
        wish = Wish(now_ns=now_ns, priority=self.specs[row].priority)
        self._take(row, hide(self._states[row], Hide.UNSHELVE, wish))

    def _act(self, occurrence: str, act: AlarmAct, actor: str, now_ns: int) -> str:
        row = self._row.get(occurrence.rpartition("#")[0])
        if row is None:
            return GONE
        state, happening = self._states[row], _ACTS[act.action]
        if state.occurrence != occurrence:
            if state.process is ProcessState.NORM:
                return NOTHING if happening is Happening.ACK else "Not latched"
            return OVER
        facts = Facts(
            now_ns=now_ns,
            priority=state.priority or self.specs[row].priority,
            value=state.value,
            text="acknowledged" if happening is Happening.ACK else "reset",
            actor=actor,
            comment=act.comment,
        )
        outcome = self._happen(row, happening, facts)
        if outcome.refused:
            return outcome.refused
        if not outcome.events:
            return f"already acknowledged by {state.actor}" if state.actor else "already acknowledged"
        return ""

    # ---------------------------------------------------------------- restarts

    def restore(self, states: Iterable[AlarmState], now_ns: int) -> None:
        """Go on from states kept earlier: what waits for a person still does, delays and counts restart.

        An alarm that the project has no more is closed, with an entry. What was active is unverified until
        its tag speaks.
        """
        with self._lock:
            for state in states:
                row = self._row.get(state.id)
                self._number = max(self._number, state.raised_ns)
                if row is not None and not self.specs[row].draft:
                    self._set(row, state)
                    if state.hiding is not None and state.hiding.shelved_ns > now_ns:
                        self._unshelve(row, now_ns)  # the clock went back while nobody looked: fail visible
                elif state.process is not ProcessState.NORM:
                    outcome = step(state, Happening.DISABLE, Facts(now_ns=now_ns))
                    self._events.extend(outcome.events)
                    self._gone.append(outcome.state)
            active = np.array([state.active for state in self._states], np.bool_)
            level = np.array([level_of(*each) for each in zip(self.specs, self._states, strict=True)])
            self._conditions.restore(active, level.astype(np.int64))
            self._timers.restore(enumerate(self._states), now_ns)

    def progress(self, now_mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what every alarm is counting, for `resume` in another world."""
        with self._lock:
            found = self._conditions.progress(now_mono_ns)
            return tuple(replace(one, id=self.specs[row].id) for row, one in found)

    def resume(self, table: TagTable, progress: Iterable[AlarmProgress], now_mono_ns: int) -> None:
        """Go on exactly, after `restore`, from the tags as they were and what was being counted then."""
        with self._lock:
            rows = [(self._row[one.id], one) for one in progress if one.id in self._row]
            self._conditions.resume(table, rows, now_mono_ns)

    def freeze(self) -> object:
        """Return everything that changes, delays and counts included; `thaw` goes on from it exactly."""
        with self._lock:
            return copy.deepcopy(tuple(getattr(self, name) for name in _CHANGING))

    def thaw(self, frozen: object) -> None:
        """Go on from what `freeze` returned; may be done again and again."""
        if not isinstance(frozen, tuple):
            raise TypeError("thaw takes what freeze returned")
        with self._lock:
            for name, held in zip(_CHANGING, copy.deepcopy(frozen), strict=True):
                setattr(self, name, held)
            self._changed, self._gone, self._events = {}, [], []

    # ---------------------------------------------------------------- one alarm

    def _apply(self, hit: Hit, table: TagTable, now_ns: int, now_mono_ns: int) -> None:
        happening = _HAPPENINGS[hit.raised, hit.change]
        none = [0] * len(hit.alarm)
        rows = zip(
            hit.alarm.tolist(),
            hit.value.tolist(),
            hit.source_ns.tolist(),
            hit.quality.tolist(),
            hit.delayed_ns.tolist(),
            hit.level.tolist() if hit.level is not None else none,
            strict=True,
        )
        for row, value, source_ns, word, delayed_ns, number in rows:
            spec, tag = self.specs[row], self._tags.get(self.specs[row].slot)
            level = spec.levels[number] if spec.levels and hit.raised else None
            if level is not None:
                spec = replace(spec, limit=level.limit, priority=level.priority)
            if not hit.raised:
                text = wording.cleared(spec, tag, value)
            elif spec.kind == "link":
                text = self._links.text(row, table, now_mono_ns, spec.id)
            else:
                text = wording.raised(spec, tag, value, word, delayed_ns)
                text += f" ({level.name})" if level is not None else ""
            self._number = max(now_ns, self._number + 1)
            facts = Facts(
                now_ns=now_ns,
                priority=spec.priority,
                latching=spec.latching,
                ack_required=spec.ack_required,
                occurrence=f"{spec.id}#{self._number:x}",
                value=value,
                text=text,
                delayed_s=delayed_ns / NS,
                source_ns=source_ns,
                quality=word,
                level=level.name if level is not None else "",
            )
            self._happen(row, happening, facts)

    def _unverified(self, row: int, now_ns: int) -> None:
        spec = self.specs[row]
        self._happen(row, Happening.BAD, self._facts(row, now_ns, wording.unknown(spec)))

    def _begin_anew(self, now_ns: int) -> None:
        """Forget counts with a gap in them; whether the cause is still there is then not known."""
        rows = self._conditions.forget(np.array(sorted(self._lost), np.int64))
        self._lost.clear()
        for row in rows[self._standing[rows]].tolist():
            spec = self.specs[row]
            text = f"readings of {spec.tag} were dropped in a flood: they are counted anew"
            self._happen(row, Happening.BAD, self._facts(row, now_ns, text))

    def _verified(self, row: int, now_ns: int) -> None:
        text = wording.known_again(self.specs[row])
        self._happen(row, Happening.GOOD, self._facts(row, now_ns, text))

    def _ask_again(self, row: int, now_ns: int) -> None:
        """Call people to what still stands, unless it is hidden from them."""
        state, spec = self._states[row], self.specs[row]
        if state.hiding is None:
            text = f"still so after {spec.re_alarm_s / 60:g} min: {state.text or spec.title or spec.id}"
            self._happen(row, Happening.RE_ALARM, self._facts(row, now_ns, text))

    def _facts(self, row: int, now_ns: int, text: str) -> Facts:
        state = self._states[row]
        return Facts(now_ns=now_ns, priority=state.priority or self.specs[row].priority, text=text)

    def _happen(self, row: int, happening: Happening, facts: Facts) -> Outcome:
        outcome = step(self._states[row], happening, facts)
        self._take(row, outcome)
        if happening is Happening.CLEAR and self._shelves.get(row) == ONE_SHOT_NS:
            self._unshelve(row, facts.now_ns)
        return outcome

    def _take(self, row: int, outcome: Outcome) -> None:
        if outcome.state is not self._states[row]:
            self._set(row, outcome.state)
        self._events.extend(outcome.events)

    def _set(self, row: int, state: AlarmState) -> None:
        self._timers.note(row, self._states[row], state)
        self._states[row] = state
        self._standing[row] = state.process is not ProcessState.NORM
        self._changed[row] = None
        if state.hiding is not None and state.hiding.until_ns:
            self._shelves[row] = state.hiding.until_ns
        else:
            self._shelves.pop(row, None)


def level_of(spec: AlarmSpec, state: AlarmState) -> int:
    """Return the number of the limit that a state names, the nearest where the project has it no more."""
    return next((n for n, each in enumerate(spec.levels) if each.name == state.level), 0)
