"""The logbook of a LIVE world: notes and hand-overs, chained like the journal, never edited.

`logbook/live-YYYY-MM.jsonl` in the world's own folder. An entry is on disk before it is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from armillary.alarms.journal_lines import notes_of
from armillary.model.account import LoggedIn
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, FaultRecord, OrderFault, record
from armillary.model.frame import Event
from armillary.model.logbook import (
    LONGEST_NOTE,
    MOST_NOTES,
    NOTED,
    SOURCE,
    AskNotes,
    HandOver,
    Note,
    NoteKind,
    Notes,
    TakeOver,
    WriteNote,
    holds,
    is_about,
)
from armillary.model.procedure import ProcedureRun
from armillary.model.shift import Shift, ShiftSpec, last_ended, named, shift_at
from armillary.security import export
from armillary.world.carried_out import line_of, runs_of
from armillary.world.journal import Journal

FOLDER = "logbook"
PATTERN = "live-*.jsonl"
MOST_KEPT = 20_000  # in memory: years of notes
LATE_NS = 45 * 60 * NS  # into the next shift it is the one before that is handed over, while nobody took it
AHEAD_NS = 366 * 86_400 * NS  # a note may be about what is planned


class Logbook:
    """Notes of one world. One event loop."""

    def __init__(self, home: Path, shifts: tuple[ShiftSpec, ...], clock: Clock, *, accounts: bool) -> None:
        """`accounts`: people log in, so that whoever takes over is another than whoever leaves."""
        self._clock, self._shifts, self._accounts = clock, shifts, accounts
        self._folder = home / FOLDER
        self._guard = asyncio.Lock()
        self._journal: Journal | None = None
        self._trouble: FaultRecord | None = None
        self.notes: list[Note] = []
        self.runs: tuple[ProcedureRun, ...] = ()  # of procedures, as the world before this one left them
        try:
            self._journal = Journal(self._folder, "live", clock.now_ns())
            rows = list(export.rows(self._folder, PATTERN))
            self.notes = notes_of(rows)[-MOST_KEPT:]
            self.runs = runs_of(rows)
        except Fault as fault:
            self._trouble = record(fault)

    @property
    def problems(self) -> tuple[FaultRecord, ...]:
        """Why there is no logbook."""
        return (self._trouble,) if self._trouble is not None else ()

    def close(self) -> None:
        """End; all is on disk already."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # ---------------------------------------------------------------- reading

    def find(self, ask: AskNotes, seen: Callable[[Note], Note] = lambda note: note) -> Notes:
        """Return the entries that are about a span and hold the words asked for.

        seen: what whoever asks sees of an entry; words that they do not see are not found either.
        """
        found = [
            note
            for note in map(seen, self.notes)
            if is_about(note, ask.from_ns, ask.to_ns)
            and (not ask.kinds or note.kind in ask.kinds)
            and holds(note, ask.words)
        ]
        found.sort(key=lambda note: (note.t_ns, note.written_ns))
        return Notes(notes=tuple(found[-MOST_NOTES:]), more=len(found) > MOST_NOTES)

    # ---------------------------------------------------------------- writing

    async def enter(self, wish: WriteNote | HandOver | TakeOver, who: LoggedIn) -> Note:
        """Keep an entry of any kind. Raises OrderFault."""
        match wish:
            case WriteNote():
                return await self.write(wish, who)
            case HandOver():
                return await self.hand_over(wish, who)
            case _:
                return await self.take_over(wish, who)

    async def write(self, wish: WriteNote, who: LoggedIn) -> Note:
        """Keep a note. Raises OrderFault."""
        now = self._clock.now_ns()
        if not wish.text.strip():
            raise OrderFault("The note is empty.", where=SOURCE, remedy="Write something.")
        if wish.to_ns and wish.to_ns < wish.t_ns:
            raise OrderFault(
                "The range ends before it begins.", where=SOURCE, remedy="Turn the two times round."
            )
        if wish.t_ns < 0 or max(wish.t_ns, wish.to_ns) > now + AHEAD_NS:
            raise OrderFault("No note is about that time.", where=SOURCE, remedy="Give one of this century.")
        if wish.corrects and not any(note.id == wish.corrects for note in self.notes):
            raise OrderFault(
                f"There is no note '{wish.corrects}' to correct.", where=SOURCE, remedy="See them in Notes."
            )
        async with self._guard:
            made = self._made(
                "note",
                wish.text,
                who,
                t_ns=wish.t_ns or now,
                to_ns=wish.to_ns,
                tag=wish.tag,
                prim=wish.prim,
                alarm=wish.alarm,
                corrects=wish.corrects,
            )
            return await self._keep(made)

    async def keep_step(self, run: ProcedureRun, who: LoggedIn, words: str) -> Note:
        """Keep what happened in a procedure; a world that starts again goes on from it. Raises OrderFault."""
        step = run.procedure.steps[min(run.index, len(run.procedure.steps) - 1)]
        async with self._guard:
            prim = step.prims[0] if step.prims else ""
            made = self._made("procedure", words, who, t_ns=run.t_ns, prim=prim)
            return await self._keep(made, line_of(run))

    async def hand_over(self, wish: HandOver, who: LoggedIn) -> Note:
        """Leave a shift with remarks; as often as wanted until somebody took it over. Raises OrderFault."""
        shift = self._shift(wish.shift)
        async with self._guard:
            given = self._given(shift.key)
            if given is not None and self._taken(given) is not None:
                raise OrderFault(
                    f"The shift '{shift.key}' was taken over already.",
                    where=SOURCE,
                    remedy="Write a note instead.",
                )
            made = self._made("handover", wish.remarks, who, t_ns=self._clock.now_ns(), shift=shift.key)
            return await self._keep(made)

    async def take_over(self, wish: TakeOver, who: LoggedIn) -> Note:
        """Say that a hand-over was read. Raises OrderFault."""
        async with self._guard:
            given = next((n for n in self.notes if n.id == wish.handover and n.kind == "handover"), None)
            if given is None or self._given(given.shift) is not given:
                raise OrderFault(
                    "That is not what the shift was handed over with last.",
                    where=SOURCE,
                    remedy="Read its newest hand-over.",
                )
            taken = self._taken(given)
            if taken is not None:
                what = f"{taken.author} took it over already."
                raise OrderFault(what, where=SOURCE, remedy="Nothing is to be done.")
            if self._accounts and given.author == who.user:
                raise OrderFault(
                    "Whoever hands a shift over does not take it over too.",
                    where=SOURCE,
                    remedy="Let the next operator log in.",
                )
            now = self._clock.now_ns()
            made = self._made("taken", wish.remarks, who, t_ns=now, shift=given.shift, answers=given.id)
            return await self._keep(made)

    def told(self, note: Note) -> Event:
        """Return the event that tells all desks, and the record, of an entry."""
        about = note.tag or note.alarm or note.prim
        words = " ".join(filter(None, (f"{note.author}: {NOTED[note.kind]}", note.shift, about)))
        text = f"{words}: {note.text}" if note.text else words
        span = (note.t_ns, note.to_ns) if note.to_ns else (0, 0)
        return Event(t_ns=note.written_ns, level="info", source=SOURCE, text=text, span_ns=span)

    # ---------------------------------------------------------------- parts

    def _shift(self, name: str) -> Shift:
        """Return the shift that is meant; none named: the one of now, or the one that has just ended."""
        now = self._clock.now_ns()
        if name:
            return named(self._shifts, name, now)
        current, before = shift_at(self._shifts, now), last_ended(self._shifts, now)
        if before is not None:
            given = self._given(before.key)
            is_open = given is None or self._taken(given) is None
            if current is None or (is_open and now - before.to_ns < LATE_NS):
                return before
        if current is None:
            raise OrderFault("There is no shift to hand over.", where=SOURCE, remedy="Name one.")
        return current

    def _given(self, key: str) -> Note | None:
        return next((n for n in reversed(self.notes) if n.kind == "handover" and n.shift == key), None)

    def _taken(self, given: Note) -> Note | None:
        return next((n for n in self.notes if n.kind == "taken" and n.answers == given.id), None)

    def _made(
        self,
        kind: NoteKind,
        text: str,
        who: LoggedIn,
        *,
        t_ns: int,
        to_ns: int = 0,
        tag: str = "",
        prim: str = "",
        alarm: str = "",
        corrects: str = "",
        shift: str = "",
        answers: str = "",
    ) -> Note:
        now = self._clock.now_ns()
        if self._journal is None:
            raise OrderFault(
                "The logbook cannot be written.",
                where=str(self._folder),
                remedy="Make the folder writable and start the world again.",
            )
        return Note(
            id=f"{now:x}-{len(self.notes)}",
            t_ns=t_ns,
            written_ns=now,
            author=who.user,
            name=who.name,
            role=who.role,
            text=_plain(text),
            kind=kind,
            to_ns=to_ns,
            tag=_plain(tag),
            prim=_plain(prim),
            alarm=_plain(alarm),
            corrects=corrects,
            shift=shift,
            answers=answers,
        )

    async def _keep(self, note: Note, run: Mapping[str, object] | None = None) -> Note:
        """Put an entry on disk: it is answered for only then. Raises OrderFault."""
        try:
            await asyncio.to_thread(self._put, note, run)
        except Fault as fault:
            raise OrderFault(
                "The logbook cannot be written.",
                where=fault.where,
                remedy="Make the folder writable and give the disk room.",
            ) from fault
        self.notes.append(note)
        return note

    def _put(self, note: Note, run: Mapping[str, object] | None = None) -> None:
        if self._journal is not None:
            besides = {"run": run} if run is not None else {}
            self._journal.append([{"event": "NOTE", "note": asdict(note), **besides}], (), note.written_ns)
            self._journal.sync()


def _plain(text: str) -> str:
    """Return a text shortened and without lone surrogates, which no file could hold."""
    return text.strip()[:LONGEST_NOTE].encode("utf-8", "replace").decode("utf-8")
