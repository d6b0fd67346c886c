"""The record of what happened as a desk lists it: an index of all that fits, and the few lines that are seen.

The index is two arrays, so a hundred thousand lines cost a desk nothing; texts are asked for by the page, one
question at a time, the page that is looked at first. Qt-free.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmSpec, ProcessState
from armillary.model.arrays import I8, U1
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, WorldKind
from armillary.model.journal import MOST_LINES, AskJournal, AskLines, JournalIndex, JournalWord, Lines, Of
from armillary.session.alarm_row import WORDS
from armillary.session.signal import Signal
from armillary.wire import marks

PAGE = 200  # lines
PAGES_KEPT = 100
ANSWER_S = 20.0
EVER_NS = 2**62
HAPPENED: Mapping[str, str] = {
    "RAISE": "raised",
    "CLEAR": "returned to normal",
    "ACK": "acknowledged",
    "RESET": "reset",
    "CLOSE": "closed, never acknowledged",
    "UNVERIFIED": "not verified: the input is bad or stale",
    "VERIFIED": "verified again",
    "DISABLE": "switched off",
    "SHELVE": "shelved",
    "SHELF-ENDS": "the shelf ends in 5 min",
    "UNSHELVE": "taken off the shelf",
    "SUPPRESS": "suppressed by design",
    "UNSUPPRESS": "no longer suppressed",
    "REMOVE": "taken out of service",
    "PLACE": "put back in service",
    "REMOVE-FROM-SERVICE": "taken out of service",
    "PLACE-IN-SERVICE": "put back in service",
    "CONFIRM": "confirmed",
    "SHELVE-ONCE": "shelved until it returns to normal",
    "COMMENT": "commented on",
}
Ask = Callable[[object, Callable[[object], None], float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line as it is read. `alarm` is an id, "" of an event."""

    t_ns: int
    level: int  # priority of an alarm; 0 info, 1 warning, 2 error of an event
    name: str
    text: str
    change: str = ""
    who: str = ""
    alarm: str = ""
    advisory: bool = False  # of an alarm that is only predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSearch:
    """What a person looks for; times are ns UTC, 0 = open."""

    text: str = ""
    from_ns: int = 0
    to_ns: int = 0
    levels: tuple[int, ...] = ()


class Journal:
    """Of one kind of record. One thread. Lines count from the newest: 0 is what happened last."""

    def __init__(self, of: Of, ask: Ask, specs: Callable[[], Mapping[str, AlarmSpec]]) -> None:
        self.of: Of = of
        self.search = JournalSearch()
        self.trouble = "The record has not been read yet."
        self.is_whole = True
        self.reset: Signal[()] = Signal()  # another index
        self.grown: Signal[int] = Signal()  # so many lines came on top
        self.filled: Signal[int, int] = Signal()  # lines first … last have their texts now
        self._ask, self._specs = ask, specs
        self._t: I8 = np.zeros(0, np.int64)  # ascending
        self._until_ns = 0  # later lines are not there: of a replay what is still to come; 0 = no bound
        self._shown = 0  # lines up to that time
        self._level: U1 = np.zeros(0, np.uint8)
        self._pages: OrderedDict[int, tuple[JournalLine | None, ...]] = OrderedDict()  # from the oldest line
        self._request = 0
        self._is_asking = False
        self._page_asked = -1
        self._page_next = -1

    def __len__(self) -> int:
        return self._shown

    @property
    def until_ns(self) -> int:
        """Up to which time lines are there, 0 = all."""
        return self._until_ns

    def show_until(self, until_ns: int) -> None:
        """Have the lines up to a time only, 0 = all: a replay knows nothing of what is still to come."""
        if until_ns == self._until_ns:
            return
        before = self._shown
        self._until_ns = until_ns
        self._count()
        if self._shown > before:
            self.grown.emit(self._shown - before)
        elif self._shown < before:
            self.reset.emit()

    def times(self) -> I8:
        """Return the times of the lines that are there, ascending."""
        return self._t[: self._shown]

    def _count(self) -> None:
        n = len(self._t)
        self._shown = int(np.searchsorted(self._t, self._until_ns, "right")) if self._until_ns else n

    # ------------------------------------------------------------ the index

    def begin(self) -> None:
        """Know nothing: something else is open."""
        self._request += 1
        self._is_asking, self._page_asked, self._page_next = False, -1, -1
        self.trouble = "The record has not been read yet."
        self._replace(np.zeros(0, np.int64), np.zeros(0, np.uint8))

    def look_for(self, search: JournalSearch) -> None:
        """Search anew."""
        self.search = search
        self.read()

    def read(self) -> None:
        """Read the index anew."""
        self._request += 1
        self._is_asking = True
        request, words = self._request, self._words()
        ask = self._question(self.search.from_ns, words)
        self._ask(ask, lambda answer: self._indexed(request, answer), ANSWER_S)

    def look(self) -> None:
        """Ask for what has come since; call it about once a second while the list is seen."""
        if self._is_asking or self.search.to_ns:
            return
        if not len(self._t):
            self.read()
            return
        self._is_asking = True
        request, words = self._request, self._words()
        ask = self._question(int(self._t[-1]) + 1, words)
        self._ask(ask, lambda answer: self._grown(request, answer), ANSWER_S)

    def _question(self, from_ns: int, words: tuple[JournalWord, ...]) -> AskJournal:
        search = self.search
        return AskJournal(
            of=self.of, from_ns=from_ns, to_ns=search.to_ns or EVER_NS, words=words, levels=search.levels
        )

    def _words(self) -> tuple[JournalWord, ...]:
        """Return the words of the search with what an alarm or a transition is called on the screen."""
        specs = self._specs() if self.of == "alarms" else {}
        out = []
        for word in self.search.text.lower().split():
            named = tuple(s.id for s in specs.values() if word in s.title.lower() or word in s.tag.lower())
            events = tuple(key for key, text in HAPPENED.items() if word in text) if specs else ()
            out.append(JournalWord(text=word, alarms=named, events=events))
        return tuple(out)

    def _indexed(self, request: int, answer: object) -> None:
        if request != self._request:
            return
        self._is_asking = False
        if isinstance(answer, JournalIndex):
            self.trouble, self.is_whole = "", answer.is_whole
            if not np.array_equal(answer.t_ns, self._t):
                self._replace(answer.t_ns, answer.level)
            else:
                self.reset.emit()
        else:
            self.trouble = answer.what if isinstance(answer, FaultRecord) else "Nobody answered."
            self.reset.emit()

    def _grown(self, request: int, answer: object) -> None:
        if request != self._request:
            return
        self._is_asking = False
        if not isinstance(answer, JournalIndex) or not len(answer.t_ns):
            return
        self._pages.pop(len(self._t) // PAGE, None)  # the newest page was not full
        self._t = np.concatenate([self._t, answer.t_ns])
        self._level = np.concatenate([self._level, answer.level])
        if len(self._t) > MOST_LINES:
            self.read()
            return
        before = self._shown
        self._count()
        if self._shown > before:
            self.grown.emit(self._shown - before)

    def _replace(self, t_ns: I8, level: U1) -> None:
        self._t, self._level = t_ns, level
        self._count()
        self._pages.clear()
        self._page_asked = self._page_next = -1
        self.reset.emit()

    # ------------------------------------------------------------ lines

    def time(self, line: int) -> int:
        """Return when a line was written, which is known before its text."""
        return int(self._t[self._shown - 1 - line])

    def level(self, line: int) -> int:
        """Return the priority or level of a line, which is known before its text."""
        return int(self._level[self._shown - 1 - line])

    def line_at(self, t_ns: int) -> int:
        """Return the newest line up to a time, the oldest where all are later."""
        return max(self._shown - int(np.searchsorted(self._t, t_ns, "right")), 0)

    def line(self, line: int) -> JournalLine | None:
        """Return a line; None while its text is on its way: `filled` tells when it is there."""
        row = self._shown - 1 - line
        page = self._pages.get(row // PAGE)
        if page is None:
            self._want(row // PAGE)
            return None
        self._pages.move_to_end(row // PAGE)
        return page[row % PAGE] if row % PAGE < len(page) else None

    def _want(self, page: int) -> None:
        """Ask for a page; while one is under way the newest wish waits, and older ones are forgotten."""
        if page == self._page_asked:
            return
        if self._page_asked >= 0:
            self._page_next = page
            return
        self._page_asked = page
        times = self._t[page * PAGE : (page + 1) * PAGE]
        request = self._request
        ask = AskLines(of=self.of, t_ns=times)
        self._ask(ask, lambda answer: self._filled(request, page, times, answer), ANSWER_S)

    def _filled(self, request: int, page: int, times: I8, answer: object) -> None:
        if request != self._request or page != self._page_asked:
            return
        self._page_asked = -1
        if isinstance(answer, Lines):
            held = dict(zip(answer.t_ns.tolist(), answer.text, strict=True))
            levels = self._level[page * PAGE : page * PAGE + len(times)].tolist()
            self._pages[page] = tuple(
                self._read(held.get(t, ""), t, level) for t, level in zip(times.tolist(), levels, strict=True)
            )
            while len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
            newest = self._shown - 1 - page * PAGE
            if newest >= 0:
                self.filled.emit(max(newest - PAGE + 1, 0), newest)
        following, self._page_next = self._page_next, -1
        if following >= 0 and following not in self._pages:
            self._want(following)

    def _read(self, text: str, t_ns: int, level: int) -> JournalLine:
        if not text:
            return JournalLine(t_ns=t_ns, level=level, name="", text="erased, or kept no longer")
        try:
            if self.of == "events":
                return line_of_event(marks.record_of(text, Event), level)
            return line_of(marks.record_of(text, AlarmEvent), self._specs())
        except ValueError:
            return JournalLine(
                t_ns=t_ns, level=level, name="", text="written by another version of Armillary"
            )


def line_of(event: AlarmEvent, specs: Mapping[str, AlarmSpec]) -> JournalLine:
    """Return the line of a transition of an alarm."""
    spec = specs.get(event.id)
    words = event.text or HAPPENED.get(event.event, event.event.lower())
    comment = f" “{event.comment}”" if event.comment else ""
    moved = event.before != event.after
    return JournalLine(
        t_ns=event.t_ns,
        level=event.priority,
        name=(spec.title or spec.tag or event.id) if spec is not None else event.id,
        text=words + comment + (" (from late data)" if event.late else ""),
        change=f"{WORDS[ProcessState(event.before)]} → {WORDS[ProcessState(event.after)]}" if moved else "",
        who=event.actor,
        alarm=event.id,
        advisory=spec is not None and spec.is_advisory,
    )


def line_of_event(event: Event, level: int) -> JournalLine:
    """Return the line of an event."""
    remedy = event.fault.remedy if event.fault is not None else ""
    return JournalLine(t_ns=event.t_ns, level=level, name=event.source, text=event.text, change=remedy)


def record_until(kind: WorldKind, t_ns: int, from_ns: int) -> int:
    """Return up to which time a world knows the record, 0 = all of it.

    kind, t_ns: of the world that is shown, and its time. from_ns: since when it runs. A replay knows what had
    happened by its cursor. A what-if knows what had happened when it was forked: what the plant did since
    is another future than its own. An exercise remembers itself.
    """
    if kind is WorldKind.REPLAY:
        return t_ns
    return from_ns if kind is WorldKind.WHATIF else 0
