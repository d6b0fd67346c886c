"""The process region of an alarm as a table: what each event does in each state.

`TABLE` is the one of operations 1.1, cell by cell; nothing else decides a transition. `step` reads a cell and
makes the new state and its journal entries. The row LEVEL is two here: the priority rose, or it fell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState

NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD = ProcessState
OVER = "That occurrence is over; a newer one is active"
NOTHING = "Nothing to acknowledge"
NOT_LATCHED = "Not latched"
STILL_ACTIVE = "Still active: the cause is present"
ACK_INSTEAD = "Not latched: acknowledge it"
ACK_FIRST = "Acknowledge first"
NEVER_ACKNOWLEDGED = "returned, never acknowledged"
DISABLED = "disabled while active"


class Happening(StrEnum):
    """What can happen to an alarm."""

    RAISE = "RAISE"
    CLEAR = "CLEAR"
    ACK = "ACK"
    RESET = "RESET"
    RE_ALARM = "RE-ALARM"
    LEVEL_ROSE = "LEVEL-ROSE"
    LEVEL_FELL = "LEVEL-FELL"
    BAD = "UNVERIFIED"  # the quality of the input becomes bad or stale
    GOOD = "VERIFIED"  # … and good again
    DISABLE = "DISABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one event does in one state. Without anything set: nothing happens, nothing is written."""

    to: ProcessState | None = None  # None: stay
    latching: ProcessState | None = None  # instead of `to`, of a latching alarm
    unasked: ProcessState | None = None  # instead of `to`, where nobody has to acknowledge
    refuse: str = ""  # a person's command is answered with this
    is_new: bool = False  # a new occurrence begins
    closes: str = ""  # the old occurrence closes with these words
    again: bool = False  # the same occurrence became active again
    flag: bool | None = None  # "condition unverified" from now on
    annunciates: bool = False
    written: bool = False  # journalled though the state stays

    @property
    def is_idle(self) -> bool:
        """True for a dash of the table."""
        return self is _DASH


_DASH = Cell()
_STAY_FLAGGED = Cell(flag=True, written=True)
_STAY_CLEARED = Cell(flag=False, written=True)
_DISABLED = Cell(to=NORM, closes=DISABLED)
_AGAIN = Cell(to=UNACK, again=True, annunciates=True)
_Row = Mapping[ProcessState, Cell]


def _row(*cells: Cell) -> _Row:
    return dict(zip(ProcessState, cells, strict=True))


TABLE: Mapping[Happening, _Row] = {
    # the columns: NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD
    Happening.RAISE: _row(
        Cell(to=UNACK, is_new=True, annunciates=True),
        _DASH,
        _DASH,
        Cell(to=UNACK, is_new=True, closes=NEVER_ACKNOWLEDGED, annunciates=True),
        _AGAIN,
        _AGAIN,
    ),
    Happening.CLEAR: _row(
        _DASH,
        Cell(to=RTNUN, latching=LUNAK, unasked=NORM),
        Cell(to=NORM, latching=LACKD),
        _DASH,
        _DASH,
        _DASH,
    ),
    Happening.ACK: _row(Cell(refuse=NOTHING), Cell(to=ACKED), _DASH, Cell(to=NORM), Cell(to=LACKD), _DASH),
    Happening.RESET: _row(
        Cell(refuse=NOT_LATCHED),
        Cell(refuse=STILL_ACTIVE),
        Cell(refuse=STILL_ACTIVE),
        Cell(refuse=ACK_INSTEAD),
        Cell(refuse=ACK_FIRST),
        Cell(to=NORM),
    ),
    # Written where the state stays too: what rings must be found in the journal.
    Happening.RE_ALARM: _row(
        _DASH,
        Cell(annunciates=True, written=True),
        Cell(to=UNACK, annunciates=True),
        _DASH,
        Cell(annunciates=True, written=True),
        _DASH,
    ),
    Happening.LEVEL_ROSE: _row(
        _DASH,
        Cell(annunciates=True, written=True),
        Cell(to=UNACK, annunciates=True),
        _DASH,
        _DASH,
        _DASH,
    ),
    Happening.LEVEL_FELL: _row(_DASH, Cell(written=True), Cell(written=True), _DASH, _DASH, _DASH),
    # The flag is of a state that waits for somebody; a normal alarm has nothing to verify.
    Happening.BAD: _row(_DASH, *[_STAY_FLAGGED] * 5),
    Happening.GOOD: _row(_DASH, *[_STAY_CLEARED] * 5),
    Happening.DISABLE: _row(_DASH, *[_DISABLED] * 5),
}


@dataclass(slots=True, kw_only=True)  # not frozen, nor is Outcome: a storm makes ten thousand in a tick
class Facts:
    """What a transition is made with; what does not apply is left out."""

    now_ns: int
    priority: int = 3
    latching: bool = False
    ack_required: bool = True
    occurrence: str = ""  # the name that a new occurrence gets
    value: float = float("nan")
    text: str = ""
    actor: str = ""
    comment: str = ""
    delayed_s: float = 0.0
    source_ns: int = 0
    quality: int = 0
    level: str = ""  # of an alarm with several limits: `priority` is that of this one


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The state afterwards, what goes to the journal, and what a person is told."""

    state: AlarmState
    events: tuple[AlarmEvent, ...] = ()
    refused: str = ""
    annunciates: bool = False


def step(state: AlarmState, happening: Happening, facts: Facts) -> Outcome:
    """Return what an event makes of a state. A refusal changes and writes nothing."""
    cell = TABLE[happening][state.process]
    if cell.refuse:
        return Outcome(state=state, refused=cell.refuse)
    if cell.is_idle or (cell.flag is not None and cell.flag == state.unverified):
        return Outcome(state=state)
    to = _target(cell, state.process, facts)
    after = _after(state, cell, to, happening, facts)
    events: list[AlarmEvent] = []
    if cell.closes:
        closed = replace(facts, text=cell.closes, value=state.value, source_ns=0, quality=0)
        end = NORM if cell.is_new else to
        word = "CLOSE" if cell.is_new else str(happening)
        events.append(_event(state, word, state.occurrence, end, closed))
    if cell.is_new:
        begin = replace(state, process=NORM) if cell.closes else state
        events.append(_event(begin, str(happening), facts.occurrence, to, facts))
    elif not cell.closes and (to is not state.process or cell.written):
        events.append(_event(state, str(happening), state.occurrence, to, facts))
    return Outcome(state=after, events=tuple(events), annunciates=_rings(cell, state, happening, facts))


def _rings(cell: Cell, state: AlarmState, happening: Happening, facts: Facts) -> bool:
    """Return whether people hear of it: of a farther limit that is as urgent nobody who was told is again."""
    is_told = happening is Happening.LEVEL_ROSE and state.process is UNACK
    return cell.annunciates and not (is_told and facts.priority >= (state.priority or facts.priority))


def _target(cell: Cell, now: ProcessState, facts: Facts) -> ProcessState:
    if facts.latching and cell.latching is not None:
        return cell.latching
    if not facts.ack_required and cell.unasked is not None:
        return cell.unasked
    return cell.to or now


def _after(state: AlarmState, cell: Cell, to: ProcessState, happening: Happening, facts: Facts) -> AlarmState:
    if to is NORM:
        return AlarmState(
            id=state.id, hiding=state.hiding, changed_ns=facts.now_ns,
            actor=facts.actor, comment=facts.comment, marks=state.marks,
        )  # fmt: skip
    if cell.is_new:
        return AlarmState(
            id=state.id,
            process=to,
            hiding=state.hiding,
            occurrence=facts.occurrence,
            raised_ns=facts.now_ns,
            changed_ns=facts.now_ns,
            value=facts.value,
            delayed_s=facts.delayed_s,
            text=facts.text,
            level=facts.level,
            priority=facts.priority if facts.level else 0,
            marks=state.marks,
        )
    if cell.again:
        return replace(
            state,
            process=to,
            changed_ns=facts.now_ns,
            value=facts.value,
            delayed_s=facts.delayed_s,
            text=facts.text,
            unverified=False,
            reactivations=state.reactivations + 1,
            level=facts.level,
            priority=facts.priority if facts.level else 0,
        )
    if happening in (Happening.LEVEL_ROSE, Happening.LEVEL_FELL):  # severity and text follow
        return replace(
            state,
            process=to,
            changed_ns=facts.now_ns if to is not state.process else state.changed_ns,
            value=facts.value,
            text=facts.text,
            level=facts.level,
            priority=facts.priority,
        )
    is_ack = happening is Happening.ACK
    return AlarmState(  # field by field: `replace` takes twice as long, and a storm that ends is as large
        id=state.id,
        process=to,
        hiding=state.hiding,
        occurrence=state.occurrence,
        raised_ns=state.raised_ns,
        changed_ns=facts.now_ns if to is not state.process else state.changed_ns,
        value=state.value,
        unverified=state.unverified if cell.flag is None else cell.flag,
        delayed_s=state.delayed_s,
        actor=facts.actor if is_ack else state.actor,
        comment=(facts.comment if is_ack else "") or state.comment,  # an acknowledge takes no word back
        commenter="" if is_ack and facts.comment else state.commenter,
        reactivations=state.reactivations,
        text=state.text,
        level=state.level,
        priority=state.priority,
        marks=state.marks,
    )


def _event(state: AlarmState, word: str, occurrence: str, to: ProcessState, facts: Facts) -> AlarmEvent:
    return AlarmEvent(
        id=state.id,
        occurrence=occurrence,
        event=word,
        before=state.process,
        after=to,
        t_ns=facts.now_ns,
        priority=facts.priority,
        value=facts.value,
        text=facts.text,
        actor=facts.actor,
        comment=facts.comment,
        source_ns=facts.source_ns,
        quality=facts.quality,
    )
