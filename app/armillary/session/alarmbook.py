"""The alarms of one world as a desk keeps them: states, what happened, where they are in the scene."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.alarm import (
    AlarmAct,
    AlarmActed,
    AlarmAction,
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    Presentation,
    ProcessState,
)
from armillary.model.arrays import I8, U1
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec
from armillary.session.alarm_groups import NOWHERE, Place
from armillary.session.alarm_places import Places, Rollup
from armillary.session.alarm_row import AlarmRow, alarm_row, limit_text, text_of
from armillary.session.alarm_table import AlarmTable
from armillary.session.nuisance import Nuisance
from armillary.session.signal import Signal
from armillary.session.stand import Stand

EVENTS_KEPT = 1_000
ACT_S = 10.0
MANY = 200  # alarms listed: from here on the desk shows changes a few times a second, not with each frame
PRIORITIES = (1, 2, 3, 4)
NO_ALARMS: frozenset[str] = frozenset()
NO_PRIMS: frozenset[int] = frozenset()
_HIDDEN: Mapping[Presentation, str] = {
    Presentation.SHELVED: "Shelved",
    Presentation.SUPPRESSED: "Suppressed",
    Presentation.OUT_OF_SERVICE: "Out of service",
}

Ask = Callable[[object, Callable[[object], None], float], None]
"""Send a request to the world; its answer or a FaultRecord comes to the callback within some seconds."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alarms are shown."""

    by_priority: tuple[int, int, int, int]  # all that are not normal
    unacknowledged: tuple[int, int, int, int]

    @property
    def total(self) -> int:
        return sum(self.by_priority)

    @property
    def to_acknowledge(self) -> int:
        return sum(self.unacknowledged)


class AlarmBook:
    """What is known of one world's alarms. One thread. Knows no workspace: it is given what it asks."""

    def __init__(
        self,
        ask: Ask,
        prim_of: Callable[[AlarmSpec], int | None] = lambda _spec: None,
        tags: Callable[[], Sequence[TagSpec]] = lambda: (),
        edges: Callable[[], tuple[tuple[int, int], ...]] = lambda: (),
    ) -> None:
        """`edges` returns (prim of a part, prim of its whole) for the assets of the scene."""
        self._ask, self._prim_of, self._tags, self._edges = ask, prim_of, tags, edges
        self.stand = Stand()
        self.place_of: Callable[[AlarmSpec], Place] = lambda _spec: NOWHERE
        self.changed: Signal[frozenset[str]] = Signal()  # ids; empty: everything may differ
        self.noted: Signal[AlarmEvent] = Signal()
        self.told: Signal[str] = Signal()  # why something was not acknowledged or reset
        self.chosen_changed: Signal[()] = Signal()
        self.placed: Signal[()] = Signal()  # roll-up and marks differ
        self._forget()

    def _forget(self) -> None:
        self.specs: dict[str, AlarmSpec] = {}
        self.table = AlarmTable()
        self.nuisance = Nuisance()
        self.nuisance.post = self.stand
        self._codes: dict[str, tuple[tuple[str, ...], I8]] = {}
        self._texts: dict[int, str] = {}
        self._lines: dict[int, AlarmRow] = {}  # those that were asked for, by row of the table
        self.states: dict[str, AlarmState] = {}  # those that are shown and not normal
        self.hidden: dict[str, AlarmState] = {}  # those that bother nobody, normal ones too
        self.events: deque[AlarmEvent] = deque(maxlen=EVENTS_KEPT)  # newest last
        self.chosen: tuple[str, ...] = ()  # ids, those that A and R act on
        self.prims: dict[str, int] = {}
        self.places = Places(self.table)
        self._scene: SceneArrays | None = None
        self._rollup: Rollup | None = None
        self._rows: tuple[AlarmRow, ...] | None = None
        self._greeted = False

    # ------------------------------------------------------------ world → book

    def forget(self) -> None:
        """Know of no alarm: nothing is open."""
        self._forget()
        self._tell(NO_ALARMS)

    def welcome(self, specs: Sequence[AlarmSpec]) -> None:
        """Take the alarms of a world; their states follow with its first frame. Events are kept."""
        silenced = self.table
        self.specs = {spec.id: spec for spec in specs}
        self.table = AlarmTable(tuple(self.specs.values()))
        self.table.learn_silence(silenced)
        self.nuisance.welcome(self.table.specs, self._group_of)
        self.stand.learn()
        self._lines.clear()
        self._texts.clear()
        self._codes.clear()
        self.states.clear()
        self.hidden.clear()
        self.places.table = self.table
        self._greeted = True
        self._locate()
        self._tell(NO_ALARMS)

    def show(self, events: Iterable[AlarmEvent]) -> None:
        """List what happened to the alarms of another world instead."""
        self.events.clear()
        self.events.extend(events)

    def take(self, frame: Frame) -> None:
        """Take what a frame says of alarms."""
        if frame.alarm_specs:
            frame = self._more(frame)
        if frame.anew:
            self.events.clear()
            self.nuisance.forget()
            self._tell(NO_ALARMS)
        # a world that greets us again tells its events again
        known = {_key(event) for event in self.events} if self._greeted else set()
        self._greeted = False
        fresh = [event for event in frame.alarm_events if not known or _key(event) not in known]
        self.events.extend(fresh)
        for event in fresh:
            self.nuisance.note(event, event.id in self.hidden)
        told = self.nuisance.tick(frame.t_ns, frame.floods)
        if not frame.alarms:
            self._note(fresh)
            if told:
                self._touch(self.table.row_of[name] for name in told if name in self.table.row_of)
                self._tell(told)
            return
        for state in frame.alarms:
            is_hidden, is_listed = state.hiding is not None, state.process is not ProcessState.NORM
            if is_hidden:
                self.hidden[state.id] = state
            else:
                self.hidden.pop(state.id, None)
            if is_listed and not is_hidden:
                self.states[state.id] = state
            else:
                self.states.pop(state.id, None)
        marked = told | self.nuisance.stand(frame.alarms)
        self._touch(self.table.take(frame.alarms))
        self._touch(self.table.row_of[name] for name in marked if name in self.table.row_of)
        self._note(fresh)
        self._tell(frozenset(state.id for state in frame.alarms) | told)

    def _more(self, frame: Frame) -> Frame:
        """Take alarms that came to be, those of servers; return the frame with what stood before them."""
        stood = {state.id: state for state in (*self.states.values(), *self.hidden.values())}
        was_greeted = self._greeted
        self.welcome((*self.specs.values(), *frame.alarm_specs))
        self._greeted = was_greeted
        now = stood | {state.id: state for state in frame.alarms}
        return replace(frame, alarms=tuple(now.values()))

    def _note(self, events: Iterable[AlarmEvent]) -> None:
        """Tell what happened, when it is known how the alarms stand since."""
        for event in events:
            self.noted.emit(event)

    def place(self, scene: SceneArrays | None) -> None:
        """Find out anew where alarms are shown: the scene, its bindings or the tags are others."""
        self._scene = scene
        self._locate()
        self._rollup = self._rows = None
        self.placed.emit()
        self.changed.emit(NO_ALARMS)

    def _locate(self) -> None:
        edges = self._edges() if self._scene is not None else ()
        found = {spec.id: self._prim_of(spec) for spec in self.specs.values()} if self._scene else {}
        self.prims = {name: prim for name, prim in found.items() if prim is not None}
        self.places.locate(self.prims, self._scene, edges)
        self._touch(range(len(self.table)))

    def _touch(self, rows: Iterable[int]) -> None:
        """Make these lines anew when somebody looks at them."""
        for row in rows:
            self._lines.pop(row, None)
            self.table.version[row] += 1

    def _group_of(self, spec: AlarmSpec) -> str:
        if spec.group:
            return spec.group
        tags = self._tags()
        known = 0 <= spec.slot < len(tags)
        if not known:
            return self.place_of(spec).asset
        return tags[spec.slot].twin or tags[spec.slot].name.partition(".")[0]

    def _tell(self, ids: frozenset[str]) -> None:
        self._rollup = self._rows = None
        self.changed.emit(ids)
        self.placed.emit()

    # ------------------------------------------------------------ questions

    def rows(self) -> tuple[AlarmRow, ...]:
        """Return all that are not normal: unacknowledged first, then by priority, newest first."""
        if self._rows is None:
            self._rows = tuple(self.line(row) for row in self.table.order().tolist())
        return self._rows

    def hidden_rows(self) -> tuple[AlarmRow, ...]:
        """Return all that bother nobody: out of service, suppressed, shelved."""
        return tuple(self.line(row) for row in self.table.hidden_order().tolist())

    def line(self, row: int) -> AlarmRow:
        """Return the line of a row of the table. Made when it is asked for, and kept until it differs."""
        made = self._lines.get(row)
        if made is None:
            spec, tags = self.table.specs[row], self._tags()
            tag = tags[spec.slot] if 0 <= spec.slot < len(tags) else None
            state = self.table.state[row] or AlarmState(id=spec.id)
            made = alarm_row(spec, state, tag, int(self.table.prim[row]), self.nuisance)
            self._lines[row] = made
        return made

    def text(self, row: int) -> str:
        """Return what the alarm of a row is, in words: that of its line, without the rest of it."""
        spec = self.table.specs[row]
        if spec.kind == "link" or spec.is_advisory:
            return self.line(row).text
        if row not in self._texts:
            tags = self._tags()
            tag = tags[spec.slot] if 0 <= spec.slot < len(tags) else None
            self._texts[row] = text_of(spec, tag)
        return self._texts[row]

    def codes(self, group: str) -> tuple[tuple[str, ...], I8]:
        """Return the names of assets, areas or links and, of each row of the table, which it is in (N,)."""
        if group not in self._codes:
            found = [getattr(place, group) for place in self._all_places()]
            names = sorted(set(found))
            code = {name: i for i, name in enumerate(names)}
            self._codes[group] = tuple(names), np.array([code[name] for name in found], np.int64)
        return self._codes[group]

    def _all_places(self) -> list[Place]:
        """Return the place of each alarm; those of one tag and class have the same, looked up once."""
        of_tag: dict[tuple[int, str], Place] = {}
        out = []
        for spec in self.table.specs:
            key = spec.slot, spec.category
            place = of_tag.get(key) if spec.kind != "link" else None
            if place is None:
                place = self.place_of(spec)
                if spec.kind != "link" and spec.slot >= 0:
                    of_tag[key] = place
            out.append(place)
        return out

    def first(self) -> AlarmRow | None:
        """Return the alarm that needs a person most."""
        order = self.table.order()
        return self.line(int(order[0])) if len(order) else None

    def hidden_text(self) -> str:
        """Return how many are hidden and why, `Shelved 3 · Out of service 1`; "" for none."""
        found = self.table.hidings()
        return " · ".join(f"{word} {found[at]}" for at, word in _HIDDEN.items() if at in found)

    @property
    def is_many(self) -> bool:
        """Whether so many are listed that showing each change at once would hold the desk."""
        return int(np.count_nonzero(self.table.listed)) > MANY

    def counts(self) -> Counts:
        """Return how many there are by priority."""
        every, new = self.table.counts()
        return Counts((every[0], every[1], every[2], every[3]), (new[0], new[1], new[2], new[3]))

    def limits_of(self, slot: int) -> tuple[str, ...]:
        """Return what raises an alarm of a tag, in words, the most urgent first."""
        tags = self._tags()
        found = [s for s in self.specs.values() if s.slot == slot and not s.draft and s.kind != "quality"]
        found.sort(key=lambda spec: spec.priority)
        return tuple(f"alarm {spec.priority} {limit_text(spec, tags[slot])}" for spec in found)

    def row(self, name: str) -> AlarmRow | None:
        """Return the line of one alarm, None when it is normal."""
        row = self.table.row_of.get(name, -1)
        return self.line(row) if row >= 0 and self.table.listed[row] else None

    def next(self, step: int = 1) -> AlarmRow | None:
        """Return the next (or, with -1, the previous) unacknowledged one after the chosen one."""
        order = self.table.order()
        waiting = order[self.table.unacknowledged[order]]
        if not len(waiting):
            return None
        last = self.table.row_of.get(self.chosen[-1], -1) if self.chosen else -1
        at = np.flatnonzero(waiting == last)
        place = (int(at[0]) + step) % len(waiting) if len(at) else (0 if step > 0 else -1)
        return self.line(int(waiting[place]))

    def rollup(self) -> Rollup | None:
        """Return the alarms of each prim with all below it, None without a scene or without alarms."""
        if self._rollup is None:
            self._rollup = self.places.rollup()
        return self._rollup

    def waiting(self, hidden: Set[int] = NO_PRIMS) -> tuple[I8, U1, I8]:
        """Return (prim, worst priority, count) of all prims with alarms that wait for a person.

        What is inside a hidden branch stands at the branch itself.
        """
        return self.places.waiting(hidden)

    # ------------------------------------------------------------ what a person does

    def stand_at(self, position: str) -> None:
        """Stand at an operator position, "" for none: the list and the flood are its own."""
        self.stand.at(position)
        self.nuisance.count_again(self.events)
        self._tell(NO_ALARMS)

    def outside(self) -> int:
        """Return how many alarms stand outside the position and are not listed here."""
        order = self.table.order()
        return int((~self.stand.shown(self.table, order)).sum())

    def choose(self, ids: Sequence[str]) -> None:
        """Choose the alarms that the next acknowledge or reset is for."""
        chosen = tuple(ids)
        if chosen != self.chosen:
            self.chosen = chosen
            self.chosen_changed.emit()

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> int:
        """Acknowledge the occurrences of these alarms as they are shown now; return how many were asked."""
        return self._act("ack", ids, lambda state: state.unacknowledged, comment)

    def acknowledge_shown(self, rows: Sequence[AlarmRow], comment: str = "") -> int:
        """Acknowledge what these lines showed, in one act; what was raised anew since is not meant."""
        occurrences = tuple(row.occurrence for row in rows if row.unacknowledged and row.occurrence)
        if occurrences:
            act = AlarmAct(action="ack", occurrences=occurrences, comment=comment)
            self._ask(act, self._acted, ACT_S)
        return len(occurrences)

    def comment_on(self, rows: Sequence[AlarmRow], comment: str) -> int:
        """Say something of what these lines showed; nothing is acknowledged."""
        occurrences = tuple(row.occurrence for row in rows if row.occurrence)
        if occurrences:
            self._ask(
                AlarmAct(action="comment", occurrences=occurrences, comment=comment), self._acted, ACT_S
            )
        return len(occurrences)

    def reset(self, ids: Sequence[str], comment: str = "") -> int:
        """Reset latched alarms; the world says why one cannot be."""
        return self._act("reset", ids, lambda _state: True, comment)

    def shelve(self, ids: Sequence[str], reason: str, duration_s: float) -> None:
        """Put alarms on the shelf; 0 s = until they are normal again. The world says why one cannot be."""
        self._hide("shelve", ids, reason, duration_s)

    def unshelve(self, ids: Sequence[str]) -> None:
        """Take alarms off the shelf."""
        self._hide("unshelve", ids)

    def out_of_service(self, ids: Sequence[str], ticket: str) -> None:
        """Take alarms out of service."""
        self._hide("remove", ids, ticket)

    def back_in_service(self, ids: Sequence[str]) -> None:
        """Put alarms back in service."""
        self._hide("place", ids)

    def ask_server(self, action: AlarmAction, name: str, words: str = "") -> None:
        """Ask the server that owns an alarm, by its occurrence or id; the row says what became of it."""
        self._ask(AlarmAct(action=action, occurrences=(name,), comment=words), self._acted, ACT_S)

    def _hide(
        self, action: AlarmAction, ids: Sequence[str], comment: str = "", duration_s: float = 0.0
    ) -> None:
        act = AlarmAct(action=action, occurrences=tuple(ids), comment=comment, duration_s=duration_s)
        self._ask(act, self._acted, ACT_S)

    def _act(
        self,
        action: str,
        ids: Sequence[str],
        wanted: Callable[[AlarmState], bool],
        comment: str,
    ) -> int:
        known = {**self.states, **self.hidden}
        states = [known[name] for name in ids if name in known and known[name].occurrence]
        occurrences = tuple(state.occurrence for state in states if wanted(state))
        if occurrences:
            act = AlarmAct(
                action="ack" if action == "ack" else "reset", occurrences=occurrences, comment=comment
            )
            self._ask(act, self._acted, ACT_S)
        return len(occurrences)

    def _acted(self, answer: object) -> None:
        if isinstance(answer, AlarmActed):
            for sentence in dict.fromkeys(result for result in answer.results if result):
                self.told.emit(sentence)
        elif isinstance(answer, FaultRecord):
            self.told.emit(f"{answer.what} {answer.remedy}".strip())


def _key(event: AlarmEvent) -> tuple[str, str, str, int]:
    return event.id, event.occurrence, event.event, event.t_ns
