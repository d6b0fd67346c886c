"""Questions about the record of what happened: first which lines fit, then the few that are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from armillary.model.arrays import I8, U1

Of = Literal["alarms", "events"]
MOST_LINES = 1_000_000  # in an index
MOST_TEXTS = 2_000  # in one answer
MOST_NAMES = 5_000  # that a word of a search may stand for


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalWord:
    """One word that is searched: in what was written, or as another name of an alarm or of a transition."""

    text: str  # lower case
    alarms: tuple[str, ...] = ()  # ids whose title or tag has it
    events: tuple[str, ...] = ()  # RAISE, ACK, … that are called so


@dataclass(frozen=True, slots=True, kw_only=True)
class AskJournal:
    """Ask the recorder which lines of from ≤ t < to have all the words; answered by JournalIndex."""

    of: Of
    from_ns: int
    to_ns: int
    words: tuple[JournalWord, ...] = ()
    levels: tuple[int, ...] = ()  # priorities of alarms, 0…2 of events (info, warning, error); () = all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JournalIndex:
    """Times of the lines that fit, ascending, (n,) each; no two lines of one world have the same time."""

    t_ns: I8
    level: U1
    is_whole: bool = True  # False: older ones fit too, and are left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AskLines:
    """Ask for the lines of these times, at most MOST_TEXTS; answered by Lines."""

    of: Of
    t_ns: I8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines as their marks have them (`wire.marks`), in the order of time; of a time with two, both."""

    t_ns: I8
    text: tuple[str, ...]
