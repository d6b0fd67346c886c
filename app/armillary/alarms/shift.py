"""What happened in a shift, from the lines that worlds wrote: alarms, commands, gaps, notes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from armillary.alarms.health import Health, Noted, health
from armillary.alarms.journal_lines import CHECKPOINT, Line, Standing, event_of, noted
from armillary.alarms.shift_acts import ByHand, Deed, Happened, acts_of
from armillary.model.alarm import AlarmEvent, AlarmSpec, Presentation, ProcessState
from armillary.model.clock import NS, parse_iso
from armillary.model.logbook import Note, is_about
from armillary.model.shift import Shift

MOST_HAPPENED = 300  # lines of the list of what happened
URGENT = 2  # priorities up to this are told one by one
_SILENT = 2  # parts of the id of the alarm of a silent link: link:NAME
_RESUMED = "journal resumed after "
LEAST_DOWN_S = 5.0  # a world that was away for less was only started anew
_ACTS = {
    "ACK": "acknowledged",
    "CONFIRM": "confirmed",
    "RESET": "reset",
    "COMMENT": "commented on",
    "SHELVE": "shelved",
    "UNSHELVE": "unshelved",
    "SHELVE-ONCE": "shelved until it returns to normal",
    "REMOVE-FROM-SERVICE": "taken out of service",
    "PLACE-IN-SERVICE": "put back in service",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One alarm that is not normal, or hidden, at the end."""

    id: str
    title: str
    priority: int
    process: ProcessState
    presentation: Presentation
    raised_ns: int = 0
    text: str = ""  # why it raised, or why it is hidden
    actor: str = ""  # who acknowledged or hid it
    until_ns: int = 0  # of a shelf; -1 = until it next returns to normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time of which a link brought nothing, or nothing was recorded at all."""

    link: str  # "" = the world itself was away
    from_ns: int
    to_ns: int = 0  # 0 = it goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key figure; NaN where nothing was recorded."""

    title: str
    value: float
    unit: str
    how: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftReport:
    """A shift up to `at_ns`: its end, or now."""

    shift: Shift
    at_ns: int
    health: Health
    standing: tuple[Stand, ...]
    hidden: tuple[Stand, ...]
    deeds: tuple[Deed, ...]
    open_deeds: tuple[Deed, ...]  # UNVERIFIED ones of earlier shifts too
    by_hand: tuple[ByHand, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[Note, ...]
    happened: tuple[Happened, ...]
    left_out: int = 0  # of what happened: more than MOST_HAPPENED
    figures: tuple[Figure, ...] = ()
    handover: Note | None = None
    taken: Note | None = None
    is_over: bool = True

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing that whoever comes must know."""
        told = (self.open_deeds, self.standing, self.hidden, self.gaps, self.notes, self.by_hand, self.deeds)
        return not any(told) and self.handover is None and not any(self.health.by_priority.values())


@dataclass(slots=True)
class _Read:
    """What one journal gave."""

    noted: list[Noted] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    states: dict[str, Line] = field(default_factory=dict)


def report(
    shift: Shift,
    now_ns: int,
    journals: Iterable[Iterable[Line]],
    audits: Iterable[Iterable[Line]],
    notes: Sequence[Note],
    specs: Sequence[AlarmSpec],
    figures: Sequence[Figure] = (),
    titles: Mapping[str, str] | None = None,
) -> ShiftReport:
    """Return what is known of a shift; a part of it that is still to come is left out.

    titles: of commands whose target has no tag, by `link!address`. journals, audits: the lines of each world
    of the project, from before the shift on, in their order.
    """
    at_ns = min(shift.to_ns, now_ns)
    of = {spec.id: spec for spec in specs}
    read = [_journal(lines, shift.from_ns, at_ns, of) for lines in journals]
    acted = [acts_of(lines, shift.from_ns, at_ns, titles or {}) for lines in audits]
    stands = sorted(
        (_stand(state, of) for each in read for state in each.states.values()),
        key=lambda stand: (stand.priority, stand.raised_ns, stand.id),
    )
    about = [note for note in notes if is_about(note, shift.from_ns, shift.to_ns)]
    handover = max(
        (n for n in notes if n.kind == "handover" and n.shift == shift.key),
        key=lambda note: note.written_ns,
        default=None,
    )
    taken = next((n for n in notes if n.kind == "taken" and handover and n.answers == handover.id), None)
    happened = sorted(
        (*(h for each in read for h in each.happened), *(h for part in acted for h in part.happened)),
        key=lambda each: each.t_ns,
    )
    deeds = sorted((d for part in acted for d in part.deeds.values()), key=lambda deed: deed.t_ns)
    found = (one for each in read for one in each.noted)
    return ShiftReport(
        shift=shift,
        at_ns=at_ns,
        health=health(
            sorted(found, key=lambda one: one.event.t_ns), shift.from_ns, max(at_ns, shift.from_ns + 1)
        ),
        standing=tuple(
            s for s in stands if s.process is not ProcessState.NORM and s.presentation is Presentation.SHOWN
        ),
        hidden=tuple(s for s in stands if s.presentation is not Presentation.SHOWN),
        deeds=tuple(d for d in deeds if d.t_ns >= shift.from_ns),
        open_deeds=tuple(d for d in deeds if d.is_open),
        by_hand=tuple(hand for part in acted for hand in part.hands if _lasted(hand, shift.from_ns)),
        gaps=tuple(
            sorted((gap for each in read for gap in each.gaps), key=lambda gap: (gap.from_ns, gap.link))
        ),
        notes=tuple(n for n in about if n.kind == "note"),
        happened=tuple(happened[-MOST_HAPPENED:]),
        left_out=max(0, len(happened) - MOST_HAPPENED),
        figures=tuple(figures),
        handover=handover,
        taken=taken,
        is_over=shift.to_ns <= now_ns,
    )


def _lasted(hand: ByHand, from_ns: int) -> bool:
    return not hand.to_ns or hand.to_ns >= from_ns


# ---------------------------------------------------------------- the journal


def _journal(lines: Iterable[Line], from_ns: int, to_ns: int, of: Mapping[str, AlarmSpec]) -> _Read:
    out, standing, silent = _Read(), Standing(), dict[str, int]()
    kept: list[Line] = []
    for line in lines:
        t_ns = parse_iso(str(line["t"]))
        if t_ns >= to_ns:
            break
        standing.take(line)
        if line.get("event") == CHECKPOINT:
            _away(out, str(line.get("text") or ""), t_ns, from_ns)
        elif line.get("alarm_id"):
            kept.append(line)
            _transition(out, event_of(line), from_ns, silent, of)
    out.gaps += [Gap(link=link, from_ns=begun) for link, begun in silent.items()]
    out.noted = list(noted(kept))
    out.states = standing.states
    return out


def _away(out: _Read, text: str, t_ns: int, from_ns: int) -> None:
    if not text.startswith(_RESUMED):
        return
    away_s = float(text.removeprefix(_RESUMED).split(" ", 1)[0])
    if away_s >= LEAST_DOWN_S and t_ns >= from_ns:
        out.gaps.append(Gap(link="", from_ns=t_ns - int(away_s * NS), to_ns=t_ns))


def _transition(
    out: _Read, event: AlarmEvent, from_ns: int, silent: dict[str, int], of: Mapping[str, AlarmSpec]
) -> None:
    if event.late:
        return
    parts = event.id.split(":")
    if parts[0] == "link" and len(parts) == _SILENT:
        if event.event == "RAISE":
            silent[parts[1]] = event.t_ns
        elif event.event in ("CLEAR", "CLOSE", "DISABLE") and parts[1] in silent:
            begun = silent.pop(parts[1])
            if event.t_ns >= from_ns:
                out.gaps.append(Gap(link=parts[1], from_ns=begun, to_ns=event.t_ns))
    if event.t_ns < from_ns:
        return
    spec = of.get(event.id)
    title = (spec.title if spec is not None else "") or event.id
    said = event.text or title
    if event.event == "RAISE" and event.priority <= URGENT:
        what = said if title in said else f"{title}: {said}"
        out.happened.append(Happened(t_ns=event.t_ns, what=what, priority=event.priority))
    elif event.event in _ACTS and event.actor:
        why = f" ({event.comment})" if event.comment else ""
        what = f"{title} {_ACTS[event.event]}{why}"
        out.happened.append(Happened(t_ns=event.t_ns, what=what, who=event.actor))


def _stand(state: Line, of: Mapping[str, AlarmSpec]) -> Stand:
    id_ = str(state["id"])
    spec, hiding = of.get(id_), state.get("hiding") or {}
    ticket, rule = str(hiding.get("ticket") or ""), str(hiding.get("rule") or "")
    until_ns = 0
    if not hiding:
        how, why, who = Presentation.SHOWN, str(state.get("text") or ""), str(state.get("actor") or "")
    elif ticket:
        how, why, who = Presentation.OUT_OF_SERVICE, ticket, str(hiding.get("ticket_actor") or "")
    elif rule:
        how, why, who = Presentation.SUPPRESSED, rule, ""
    else:
        how, until_ns = Presentation.SHELVED, int(hiding.get("until_ns") or 0)
        why, who = str(hiding.get("shelf_reason") or ""), str(hiding.get("shelf_actor") or "")
    return Stand(
        id=id_,
        title=(spec.title if spec is not None else "") or id_,
        priority=int(state.get("priority") or 0) or (spec.priority if spec is not None else 3),
        process=ProcessState(str(state.get("process", "NORM"))),
        presentation=how,
        raised_ns=int(state.get("raised_ns") or 0),
        text=why,
        actor=who,
        until_ns=until_ns,
    )
