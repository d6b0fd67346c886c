"""The logbook of the plant at this desk: notes on the time axis, the report of a shift, its hand-over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from armillary.alarms.paper_html import html
from armillary.model import files
from armillary.model.account import Right, may
from armillary.model.fault import Fault, FaultRecord
from armillary.model.frame import Event, WorldKind
from armillary.model.logbook import (
    SOURCE,
    AskNotes,
    AskShift,
    HandOver,
    Note,
    Notes,
    ShiftAnswer,
    TakeOver,
    WriteNote,
)
from armillary.model.paper import Paper
from armillary.project.record import Project
from armillary.session import trend_book
from armillary.session.people import People
from armillary.session.signal import Signal

ASK_S = 20.0
Told = Callable[[str], None]  # "" = done, else why not
Answered = Callable[[object], None]


class Host(Protocol):
    """What the workspace is for this."""

    people: People
    role: str

    @property
    def project(self) -> Project | None: ...
    @property
    def home_kind(self) -> WorldKind: ...
    def ask_home(self, message: object, callback: Answered, timeout_s: float = ...) -> None: ...


class LogBook:
    """Notes of the LIVE world, and the last shift for whoever logs in. One thread, the desk's."""

    def __init__(self, host: Host) -> None:
        self.changed: Signal[()] = Signal()
        self.notes: tuple[Note, ...] = ()  # by the time that they are about
        self.last: ShiftAnswer | None = None  # of the shift before, for the card
        self.is_read = False  # somebody put the card away
        self._host = host
        self._user = ""

    def forget(self) -> None:
        """Begin anew: something else is open."""
        self.notes, self.last, self.is_read, self._user = (), None, False, ""
        self.changed.emit()

    def why_not(self) -> str:
        """Return why nothing can be written here and now, "" when it can."""
        if self._host.home_kind is not WorldKind.LIVE or not self._host.people.user:
            return "The logbook is the live world's, and none is open."
        if not may(self._host.role, Right.ACKNOWLEDGE):
            return f"The role {self._host.role or 'viewer'} does not write the logbook."
        return ""

    # ------------------------------------------------------------ what is told

    def greeted(self) -> None:
        """Learn who is at this desk now: for another person the last shift is told anew."""
        project = self._host.project
        people = self._host.people
        if self._host.home_kind is not WorldKind.LIVE or project is None or not project.saved:
            return
        if people.user and people.user != self._user:
            self._user, self.is_read = people.user, False
            self.look()
            self._host.ask_home(AskShift(), self._reported, ASK_S)

    def told(self, event: Event) -> None:
        """Learn from an event that somebody wrote something."""
        if event.source == SOURCE and self._user:
            self.look()
            self._host.ask_home(AskShift(), self._reported, ASK_S)

    def look(self) -> None:
        """Ask for the notes anew."""
        self._host.ask_home(AskNotes(), self._listed, ASK_S)

    def _listed(self, answer: object) -> None:
        if isinstance(answer, Notes):  # a world of an older version answers something else
            self.notes = answer.notes
            self.changed.emit()

    def _reported(self, answer: object) -> None:
        if isinstance(answer, ShiftAnswer):
            self.last = answer
            self.changed.emit()

    # ------------------------------------------------------------ the card

    @property
    def waits(self) -> Note | None:
        """The hand-over of the last shift that nobody has taken yet."""
        if self.last is None or self.last.taken is not None:
            return None
        return self.last.handover

    @property
    def is_shown(self) -> bool:
        """Whether the card of the last shift is for this person: it waits, or they have just logged in."""
        if self.last is None or self.is_read:
            return False
        waits = self.waits is not None and self.waits.author != self._host.people.user
        return waits or (self._host.people.is_logged_in and not self.last.is_quiet)

    def put_away(self) -> None:
        """Show the card no more, until another person comes."""
        self.is_read = True
        self.changed.emit()

    # ------------------------------------------------------------ what is written

    def write(self, wish: WriteNote, told: Told) -> None:
        """Have a note kept."""
        self._host.ask_home(wish, lambda answer: self._written(answer, told), ASK_S)

    def hand_over(self, remarks: str, told: Told) -> None:
        """Leave the shift to whoever comes."""
        self._host.ask_home(HandOver(remarks=remarks), lambda answer: self._written(answer, told), ASK_S)

    def take_over(self, told: Told) -> None:
        """Say that the last shift's hand-over was read."""
        given = self.waits
        if given is None:
            told("No shift waits to be taken over.")
            return
        wish = TakeOver(handover=given.id)
        self._host.ask_home(wish, lambda answer: self._taken(answer, told), ASK_S)

    def _taken(self, answer: object, told: Told) -> None:
        if isinstance(answer, Note):
            self.put_away()
        self._written(answer, told)

    def _written(self, answer: object, told: Told) -> None:
        if isinstance(answer, Note):
            self.look()
            self._host.ask_home(AskShift(), self._reported, ASK_S)
        told("" if isinstance(answer, Note) else _why(answer))

    def ask_shift(self, name: str, take: Callable[[ShiftAnswer], None], told: Told) -> None:
        """Ask for the report of a shift: `last`, `now`, a name, a name and a day, a time."""

        def answered(answer: object) -> None:
            if isinstance(answer, ShiftAnswer):
                take(answer)
            else:
                told(_why(answer))

        self._host.ask_home(AskShift(shift=name), answered, ASK_S)

    # ------------------------------------------------------------ the time axis

    def near(self, from_ns: int, to_ns: int) -> tuple[Note, ...]:
        """Return the notes that are about some of a span."""
        return tuple(n for n in self.notes if n.t_ns <= to_ns and max(n.t_ns, n.to_ns) >= from_ns)

    def on_trends(self, from_ns: int, to_ns: int) -> tuple[trend_book.Note, ...]:
        """Return the same as a trend draws them."""
        return tuple(
            trend_book.Note(t_ns=n.t_ns, text=n.text, to_ns=n.to_ns, tag=n.tag, who=n.author)
            for n in self.near(from_ns, to_ns)
            if n.kind == "note"
        )


def save_page(paper: Paper, path: Path) -> None:
    """Write a paper as an HTML page. Raises Fault."""
    try:
        files.replace(path, html(paper).encode("utf-8"), 0o644)
    except OSError as error:
        raise Fault(
            f"The page cannot be written: {error.strerror}.", where=str(path), remedy="Give another place."
        ) from error


def _why(answer: object) -> str:
    if isinstance(answer, FaultRecord):
        return f"{answer.what} {answer.remedy}".strip()
    return "The world answered something else: it may be of an older version."
