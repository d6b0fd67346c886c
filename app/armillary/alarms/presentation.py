"""The presentation region of an alarm as a table: who hides it, for how long, and what brings it back.

`TABLE` is the second one of operations 1.1, cell by cell. The process region goes on below it: what comes off
the shelf shows the truth at once, with the time of its raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from armillary.alarms.machine import Outcome
from armillary.model.alarm import (
    LONGEST_SHELF_NS,
    ONE_SHOT_NS,
    SHELF_REASONS,
    SHORTEST_REASON,
    AlarmEvent,
    AlarmState,
    Hiding,
    Presentation,
    ProcessState,
)
from armillary.model.clock import NS

MOST_SHELVED = 20
NO_REASON = f"Say why: {', '.join(SHELF_REASONS)}, or at least {SHORTEST_REASON} letters"
NO_TICKET = "Give the number of the ticket"
ENGINEER_FIRST = "Priority 1 is shelved by an engineer only"
NOT_SHELVED = "Not shelved"
IN_SERVICE = "Not out of service"
FULL = f"{MOST_SHELVED} alarms are shelved; unshelve one first"

SHOWN, SHELVED, SUPPRESSED, OUT_OF_SERVICE = Presentation


class Hide(StrEnum):
    """What can hide an alarm, or end that."""

    SHELVE = "SHELVE"
    SHELVE_ONCE = "SHELVE-ONCE"  # until it next returns to normal
    UNSHELVE = "UNSHELVE"  # by a person, at its time, or when a one-shot shelf's alarm returned
    SUPPRESS = "SUPPRESS"
    UNSUPPRESS = "UNSUPPRESS"
    REMOVE = "REMOVE-FROM-SERVICE"
    PLACE = "PLACE-IN-SERVICE"


class Does(StrEnum):
    """What a cell says."""

    NOTHING = "–"
    SHELVES = "shelve"
    EXTENDS = "extend the shelf"
    UNSHELVES = "unshelve"
    ADDS_RULE = "add the rule"
    ENDS_RULE = "end the rule"
    ADDS_TICKET = "add the ticket"
    ENDS_TICKET = "end the ticket"
    REFUSES = "refuse"


_Row = Mapping[Presentation, Does]


def _row(*cells: Does) -> _Row:
    return dict(zip(Presentation, cells, strict=True))


D = Does
TABLE: Mapping[Hide, _Row] = {
    # the columns: SHOWN, SHELVED, SUPPRESSED, OUT_OF_SERVICE
    Hide.SHELVE: _row(D.SHELVES, D.EXTENDS, D.REFUSES, D.REFUSES),
    Hide.SHELVE_ONCE: _row(D.SHELVES, D.NOTHING, D.REFUSES, D.REFUSES),
    # A shelf below another reason ends all the same: each ends by itself.
    Hide.UNSHELVE: _row(D.NOTHING, D.UNSHELVES, D.UNSHELVES, D.UNSHELVES),
    Hide.SUPPRESS: _row(D.ADDS_RULE, D.ADDS_RULE, D.NOTHING, D.ADDS_RULE),
    Hide.UNSUPPRESS: _row(D.NOTHING, D.NOTHING, D.ENDS_RULE, D.ENDS_RULE),
    Hide.REMOVE: _row(D.ADDS_TICKET, D.ADDS_TICKET, D.ADDS_TICKET, D.NOTHING),
    Hide.PLACE: _row(D.NOTHING, D.NOTHING, D.NOTHING, D.ENDS_TICKET),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants what, and when."""

    now_ns: int
    priority: int = 3
    why: str = ""  # reason, rule or ticket
    actor: str = ""
    duration_ns: int = 0
    is_engineer: bool = False
    shelved: int = 0  # alarms on the shelf already


def hide(state: AlarmState, what: Hide, wish: Wish) -> Outcome:
    """Return what an act on the presentation makes of a state. A refusal changes and writes nothing."""
    hiding = state.hiding or Hiding()
    does = TABLE[what][hiding.presentation]
    refused = _refusal(hiding, what, does, wish)
    after = _after(hiding, does, wish)
    if refused or after == hiding:
        return Outcome(state=state, refused=refused)
    shown = after.presentation is SHOWN
    again = shown and state.process is ProcessState.ACKED  # it is new to whoever had been spared it
    process = ProcessState.UNACK if again else state.process
    changed_ns = wish.now_ns if again else state.changed_ns
    new = replace(state, hiding=None if shown else after, process=process, changed_ns=changed_ns)
    event = AlarmEvent(
        id=state.id,
        occurrence=state.occurrence,
        event=str(what),
        before=state.process,
        after=process,
        t_ns=wish.now_ns,
        priority=wish.priority,
        value=state.value,
        text=_text(what, after, wish),
        actor=wish.actor,
        comment=wish.why,
    )
    return Outcome(state=new, events=(event,), annunciates=shown and state.active)


def _refusal(hiding: Hiding, what: Hide, does: Does, wish: Wish) -> str:
    """Return why a person cannot have it, "" when they can."""
    if does is D.REFUSES:
        return f"Out of service: {hiding.ticket}" if hiding.ticket else f"Suppressed by design: {hiding.rule}"
    if what is Hide.UNSHELVE and not hiding.until_ns:
        return NOT_SHELVED
    if what is Hide.PLACE and does is D.NOTHING:
        return IN_SERVICE
    if does is D.ADDS_TICKET and not wish.why.strip():
        return NO_TICKET
    if does in (D.SHELVES, D.EXTENDS):
        return _no_shelf(hiding, does, wish)
    return ""


def _no_shelf(hiding: Hiding, does: Does, wish: Wish) -> str:
    why = wish.why.strip()
    if why.lower() not in SHELF_REASONS and len(why) < SHORTEST_REASON:
        return NO_REASON
    if wish.priority <= 1 and not wish.is_engineer:
        return ENGINEER_FIRST
    if does is D.SHELVES and wish.shelved >= MOST_SHELVED:
        return FULL
    longest = LONGEST_SHELF_NS[min(max(wish.priority, 1), 4)]
    since_ns = hiding.shelved_ns if does is D.EXTENDS else wish.now_ns
    if wish.now_ns + wish.duration_ns - since_ns > longest:
        return f"Longest shelf is {longest // (3_600 * NS)} h"
    return ""


def _after(hiding: Hiding, does: Does, wish: Wish) -> Hiding:
    match does:
        case D.SHELVES:
            until_ns = wish.now_ns + wish.duration_ns if wish.duration_ns else ONE_SHOT_NS
            return replace(
                hiding,
                until_ns=until_ns,
                shelved_ns=wish.now_ns,
                shelf_reason=wish.why,
                shelf_actor=wish.actor,
            )
        case D.EXTENDS:
            until_ns = wish.now_ns + wish.duration_ns
            return replace(hiding, until_ns=until_ns, shelf_reason=wish.why, shelf_actor=wish.actor)
        case D.UNSHELVES:
            return replace(hiding, until_ns=0, shelved_ns=0, shelf_reason="", shelf_actor="")
        case D.ADDS_RULE:
            return replace(hiding, rule=wish.why)
        case D.ENDS_RULE:
            return replace(hiding, rule="")
        case D.ADDS_TICKET:
            return replace(hiding, ticket=wish.why, ticket_actor=wish.actor)
        case D.ENDS_TICKET:
            return replace(hiding, ticket="", ticket_actor="")
        case _:
            return hiding


def _text(what: Hide, after: Hiding, wish: Wish) -> str:
    match what:
        case Hide.SHELVE:
            return f"shelved for {wish.duration_ns / (60 * NS):.0f} min"
        case Hide.SHELVE_ONCE:
            return "shelved until it next returns to normal"
        case Hide.UNSHELVE:
            return "unshelved" if wish.actor else "the shelf ended"
        case Hide.SUPPRESS:
            return f"suppressed by design: {wish.why}"
        case Hide.UNSUPPRESS:
            return "no longer suppressed"
        case Hide.REMOVE:
            return f"out of service: {wish.why}"
    return "back in service"
