"""A shift's report as a paper for people, and as the few lines of its card. Pure data in, data out."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from armillary.alarms.health import BUSY_PERIOD, PERIOD_NS
from armillary.alarms.shift import Gap, ShiftReport, Stand
from armillary.model.alarm import ONE_SHOT_NS, UNACKNOWLEDGED, Presentation
from armillary.model.clock import NS
from armillary.model.logbook import Note
from armillary.model.paper import Block, Paper, Tone, heading, text
from armillary.model.shift import Shift

_WORDS = {
    "UNACK": "active, not acknowledged",
    "ACKED": "active, acknowledged",
    "RTNUN": "returned, not acknowledged",
    "LUNAK": "latched, not acknowledged",
    "LACKD": "latched, waits for a reset",
    "NORM": "normal",
}
_HIDDEN = {
    Presentation.SHELVED: "shelved",
    Presentation.SUPPRESSED: "suppressed by design",
    Presentation.OUT_OF_SERVICE: "out of service",
}
_NONE = "None."
_CARD_GAPS = 3
_HOUR_MIN = 60


class Clock:
    """Times of one shift as people of its zone write them; the day only where it is another."""

    def __init__(self, shift: Shift) -> None:
        self._zone, self._day = ZoneInfo(shift.zone), shift.day

    def at(self, t_ns: int, *, seconds: bool = True) -> str:
        """Return `06:12:04`, or `20 Nov 06:12:04` of another day."""
        moment = datetime.fromtimestamp(t_ns // NS, self._zone)
        clock = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
        return clock if moment.date().isoformat() == self._day else f"{moment.day} {moment:%b} {clock}"

    def span(self, from_ns: int, to_ns: int) -> str:
        """Return `03:11:02 – 03:14:40`."""
        return f"{self.at(from_ns)} – {self.at(to_ns) if to_ns else 'now'}"


def lasted(span_ns: int) -> str:
    """Return how long something lasted: `42 s`, `3 min`, `2 h 05 min`."""
    seconds = max(0, span_ns) // NS
    if seconds < _HOUR_MIN:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < _HOUR_MIN:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"


# ---------------------------------------------------------------- the card


def brief(found: ShiftReport) -> tuple[str, ...]:
    """Return what whoever comes must know, a sentence each; the gravest first."""
    clock, out = Clock(found.shift), list[str]()
    waiting = sum(stand.process in UNACKNOWLEDGED for stand in found.standing)
    if found.open_deeds:
        names = ", ".join(deed.tag for deed in found.open_deeds)
        out.append(f"UNVERIFIED commands still open: {names}.")
    else:
        out.append("No UNVERIFIED command is open.")
    out.append(
        f"{_counted(len(found.standing), 'alarm')} standing, {waiting} not acknowledged."
        if found.standing
        else "No alarm stands."
    )
    periods = found.health.periods
    most = int(periods.max()) if len(periods) else 0
    floods = f", {len(found.health.floods)} floods" if found.health.floods else ""
    out.append(f"{_counted(_total(found), 'alarm')} in the shift, {most} at most in 10 min{floods}.")
    for stand in found.hidden:
        word = _HIDDEN[stand.presentation].capitalize()
        out.append(f"{word}: {stand.id}, {_why(stand, found.at_ns, clock)}.")
    gaps = [f"{_link(gap)} {clock.span(gap.from_ns, gap.to_ns)}" for gap in found.gaps]
    more = f" and {len(gaps) - _CARD_GAPS} more" if len(gaps) > _CARD_GAPS else ""
    out.append(f"Gaps in data: {'; '.join(gaps[:_CARD_GAPS])}{more}." if gaps else "No gaps in data.")
    held = [hand for hand in found.by_hand if not hand.to_ns]
    if held:
        out.append(f"By hand: {', '.join(f'{hand.tag} {hand.said}' for hand in held)}.")
    if found.notes:
        out.append(f"{_counted(len(found.notes), 'note')} in the logbook.")
    return tuple(out)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _total(found: ShiftReport) -> int:
    return sum(found.health.by_priority.values())


def _link(gap: Gap) -> str:
    return f"link {gap.link}" if gap.link else "the world was away"


def _why(stand: Stand, now_ns: int, clock: Clock) -> str:
    """Return why an alarm is hidden, by whom, how long: `known fault WO-1187, by anna, 52 min left`."""
    words = [stand.text or "no reason given"]
    if stand.actor:
        words.append(f"by {stand.actor}")
    if stand.until_ns == ONE_SHOT_NS:
        words.append("until it next returns to normal")
    elif stand.until_ns:
        left = stand.until_ns - now_ns
        words.append(f"until {clock.at(stand.until_ns, seconds=False)}, {lasted(left)} left")
    return ", ".join(words)


# ---------------------------------------------------------------- the paper


def paper(found: ShiftReport, title: str) -> Paper:
    """Return the whole report; `title` names the plant."""
    clock, shift = Clock(found.shift), found.shift
    until = "" if found.is_over else f", as far as {clock.at(found.at_ns)}"
    return Paper(
        title=f"{title}: shift {shift.name}",
        subtitle=f"{shift.day}, {clock.at(shift.from_ns, seconds=False)} to "
        f"{clock.at(shift.to_ns, seconds=False)} ({shift.zone}){until}",
        blocks=(
            *_handed(found, clock),
            heading("In short"),
            *(text(line) for line in brief(found)),
            *_figures(found),
            *_alarms(found, clock),
            *_stands(found, clock),
            *_commands(found, clock),
            *_gaps(found, clock),
            *_notes(found.notes, clock),
            *_happened(found, clock),
        ),
        footer="Alarms, commands and notes are those of the journals of this project's live worlds. What was "
        "raised while hidden is counted apart.",
    )


def _handed(found: ShiftReport, clock: Clock) -> list[Block]:
    given, taken = found.handover, found.taken
    if given is None:
        return [text("This shift was not handed over.", "doubt" if found.is_over else "faint")]
    out = [text(f"Handed over by {_who(given)} at {clock.at(given.written_ns)}.")]
    if given.text:
        out.append(text(given.text))
    if taken is None:
        out.append(text("Nobody has taken it over yet.", "doubt"))
    else:
        said = f" {taken.text}" if taken.text else ""
        out.append(
            text(f"Read and taken over by {_who(taken)} at {clock.at(taken.written_ns)}.{said}", "good")
        )
    return out


def _who(note: Note) -> str:
    return f"{note.name} ({note.author})" if note.name and note.name != note.author else note.author


def _figures(found: ShiftReport) -> list[Block]:
    if not found.figures:
        return []
    rows = tuple((f.title, f"{_amount(f.value)} {f.unit}".strip(), f.note or f.how) for f in found.figures)
    return [heading("Key figures"), Block(kind="keys", rows=rows)]


def _amount(value: float) -> str:
    return "–" if value != value else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"  # noqa: PLR2004


def _alarms(found: ShiftReport, clock: Clock) -> list[Block]:
    one, shift = found.health, found.shift
    whole = max(found.at_ns - shift.from_ns, 1)
    first = -(-shift.from_ns // PERIOD_NS) * PERIOD_NS
    hours = range(0, len(one.periods) + 1, 6)
    out = [
        heading("Alarms"),
        Block(
            kind="bars",
            text=f"Annunciated in each ten minutes; the dashed line is {BUSY_PERIOD}. "
            f"{_counted(one.hidden, 'raise')} while hidden.",
            values=tuple(float(n) for n in one.periods.tolist()),
            limit=float(BUSY_PERIOD),
            spans=tuple(
                ((f.from_ns - shift.from_ns) / whole, (min(f.to_ns, found.at_ns) - shift.from_ns) / whole)
                for f in one.floods
            ),
            marks=tuple(
                (i / max(len(one.periods), 1), clock.at(first + i * PERIOD_NS, seconds=False)) for i in hours
            ),
        ),
        Block(
            kind="table",
            head=("priority", "annunciated", "median time to acknowledge"),
            rows=tuple(
                (str(p), str(n), lasted(int(one.answer_s[p] * NS)) if p in one.answer_s else "–")
                for p, n in sorted(one.by_priority.items())
            ),
            right=(1, 2),
        ),
    ]
    if one.floods:
        floods = tuple((clock.at(f.from_ns), clock.at(f.to_ns), str(f.count)) for f in one.floods)
        table = Block(kind="table", head=("from", "to", "alarms"), rows=floods, right=(2,))
        out += [heading("Floods"), table]
    if one.top:
        rows = tuple(
            (a.id, str(a.priority), str(a.raises), str(a.chatters or "–"), str(a.fleeting or "–"))
            for a in one.top
        )
        head = ("the most frequent", "priority", "raises", "began to chatter", "fleeting")
        out.append(Block(kind="table", head=head, rows=rows, right=(1, 2, 3, 4), wide=(0,)))
    return out


def _stands(found: ShiftReport, clock: Clock) -> list[Block]:
    out = [heading("Standing at the end" if found.is_over else "Standing now")]
    rows = tuple(
        (str(s.priority), s.title, _WORDS[s.process], clock.at(s.raised_ns) if s.raised_ns else "–", s.text)
        for s in found.standing
    )
    tones: tuple[tuple[int, int, Tone], ...] = tuple(
        (i, 2, "bad") for i, s in enumerate(found.standing) if s.process in UNACKNOWLEDGED
    )
    head = ("P", "alarm", "state", "since", "why")
    out.append(_table(head, rows, (1, 4), tones))
    out.append(heading("Shelved, suppressed, out of service"))
    hidden = tuple(
        (s.title, _HIDDEN[s.presentation], _WORDS[s.process], _why(s, found.at_ns, clock))
        for s in found.hidden
    )
    out.append(_table(("alarm", "how", "state", "why"), hidden, (0, 3)))
    return out


def _table(
    head: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
    wide: tuple[int, ...],
    tones: tuple[tuple[int, int, Tone], ...] = (),
) -> Block:
    """Return a table, or the word that there is nothing in it."""
    return Block(kind="table", head=head, rows=rows, wide=wide, tones=tones) if rows else text(_NONE, "faint")


def _commands(found: ShiftReport, clock: Clock) -> list[Block]:
    rows = tuple(
        (clock.at(d.t_ns), d.actor, d.tag, _value(d.value), d.outcome, d.reason) for d in found.deeds
    )
    tone: dict[str, Tone] = {"verified": "good", "unverified": "bad", "failed": "bad"}
    tones = tuple((i, 4, tone.get(d.outcome, "")) for i, d in enumerate(found.deeds))
    out = [
        heading("Commands"),
        _table(("at", "who", "what", "value", "outcome", "reason"), rows, (2, 5), tones),
    ]
    old = tuple(d for d in found.open_deeds if d not in found.deeds)
    if old:
        earlier = tuple((clock.at(d.t_ns), d.actor, d.tag, d.reason) for d in old)
        out += [text("Of earlier shifts, UNVERIFIED and still open:", "bad")]
        out.append(_table(("at", "who", "what", "reason"), earlier, (3,)))
    out.append(heading("Values by hand"))
    held = tuple((clock.span(h.from_ns, h.to_ns), h.actor, h.tag, h.said, h.reason) for h in found.by_hand)
    out.append(_table(("when", "who", "tag", "value", "reason"), held, (2, 4)))
    return out


def _value(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _gaps(found: ShiftReport, clock: Clock) -> list[Block]:
    rows = tuple(
        (
            f"link {gap.link}" if gap.link else "no world ran: nothing was recorded",
            clock.at(gap.from_ns),
            clock.at(gap.to_ns) if gap.to_ns else "goes on",
            lasted((gap.to_ns or found.at_ns) - gap.from_ns),
        )
        for gap in found.gaps
    )
    return [heading("Gaps in data"), _table(("what", "from", "to", "for"), rows, (0,))]


def _notes(notes: tuple[Note, ...], clock: Clock) -> list[Block]:
    rows = tuple(
        (
            clock.span(n.t_ns, n.to_ns) if n.to_ns else clock.at(n.t_ns),
            n.author,
            ("correction: " if n.corrects else "") + n.text,
            n.tag or n.alarm or n.prim,
        )
        for n in notes
    )
    return [heading("Notes"), _table(("at", "who", "note", "about"), rows, (2,))]


def _happened(found: ShiftReport, clock: Clock) -> list[Block]:
    out = [heading("What happened")]
    if found.left_out:
        out.append(
            text(f"The last {len(found.happened)}; {found.left_out} before them are left out.", "faint")
        )
    rows = tuple((clock.at(h.t_ns), str(h.priority or ""), h.what, h.who) for h in found.happened)
    out.append(_table(("at", "P", "what", "who"), rows, (2,)))
    return out
