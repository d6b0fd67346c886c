"""What people write down beside the machine's own record: notes, hand-overs, and who read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from armillary.model.paper import Paper

NoteKind = Literal["note", "handover", "taken", "procedure"]
LONGEST_NOTE = 2_000  # characters
MOST_NOTES = 1_000  # of one answer
SOURCE = "logbook"  # of the events that tell of a new entry
NOTED: dict[str, str] = {
    "note": "note",
    "handover": "hand-over",
    "taken": "shift taken over",
    "procedure": "procedure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One entry of the logbook; never edited: what was wrong is said by another that `corrects` it."""

    id: str
    t_ns: int  # what it is about; not when it was written
    written_ns: int
    author: str  # account
    text: str
    name: str = ""  # of the author, for people
    role: str = ""
    kind: NoteKind = "note"
    to_ns: int = 0  # of a range; 0 = a moment
    tag: str = ""
    prim: str = ""
    alarm: str = ""
    corrects: str = ""  # id
    shift: str = ""  # key of the shift that is handed or taken over
    answers: str = ""  # of kind `taken`: the hand-over that was read


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteNote:
    """Write a note; answered by Note. Author and the time of writing are the world's to say."""

    text: str
    t_ns: int = 0  # 0 = now
    to_ns: int = 0
    tag: str = ""
    prim: str = ""
    alarm: str = ""
    corrects: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNotes:
    """The entries that are about some of from ≤ t < to, and hold all these words. Answered by Notes."""

    from_ns: int = 0
    to_ns: int = 0  # 0 = up to now
    words: str = ""
    kinds: tuple[str, ...] = ()  # () = all


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Entries by the time they are about; the newest MOST_NOTES of those asked for."""

    notes: tuple[Note, ...]
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Leave a shift to whoever comes, with remarks; answered by Note. `shift` "" = the one of now."""

    remarks: str
    shift: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """Say that a hand-over was read; answered by Note."""

    handover: str  # id of its note
    remarks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskShift:
    """The report of a shift; answered by ShiftAnswer. `shift`: as a person says it, see model.shift.named."""

    shift: str = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftAnswer:
    """A shift as a paper, the few lines of its card, and how its hand-over stands."""

    key: str
    from_ns: int
    to_ns: int
    paper: Paper
    brief: tuple[str, ...] = ()
    handover: Note | None = None
    taken: Note | None = None
    now: str = ""  # key of the shift of now; "" = between two
    is_quiet: bool = False  # nothing happened, nothing stands or is hidden, nothing waits


def is_about(note: Note, from_ns: int, to_ns: int) -> bool:
    """Return whether a note is about some of from ≤ t < to (0 = no end)."""
    return max(note.t_ns, note.to_ns) >= from_ns and (not to_ns or note.t_ns < to_ns)


def holds(note: Note, words: str) -> bool:
    """Return whether a note has all these words, in whatever case."""
    text = " ".join(
        (note.text, note.author, note.name, note.tag, note.prim, note.alarm, note.shift, NOTED[note.kind])
    ).casefold()
    return all(word in text for word in words.casefold().split())
