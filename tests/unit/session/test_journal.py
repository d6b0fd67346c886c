"""The journal on a desk: an index of all that fits, the lines that are seen by the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.alarm import AlarmEvent, AlarmSpec
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event
from armillary.model.journal import AskJournal, AskLines, JournalIndex, JournalWord
from armillary.model.sample import SampleBatch, batch_of, taken
from armillary.recorder import journal as by_reading
from armillary.recorder.keeper import answer
from armillary.session.journal import PAGE, Journal, JournalSearch
from armillary.wire import marks

T0 = 1_790_000_000 * NS
SPECS = {"hot": AlarmSpec(id="hot", slot=0, tag="P-101.temp", title="Bearing is hot")}


def event(number: int) -> AlarmEvent:
    """One of 1,000 transitions, a second apart; each tenth was acknowledged by Anna."""
    is_ack = number % 10 == 0
    return AlarmEvent(
        id="hot" if number % 2 else f"a{number}",
        occurrence=f"o{number}",
        event="ACK" if is_ack else "RAISE",
        before=State.NORM,
        after=State.UNACK,
        t_ns=T0 + number * NS,
        priority=1 + number % 4,
        text=f"number {number} °C",
        actor="anna" if is_ack else "",
        comment="seen" if number == 20 else "",
    )


def keep(store: Store, numbers: range) -> None:
    told = [marks.text_of(event(n)) for n in numbers]
    id_ = int(store.names([marks.ALARM_EVENTS])[0])
    store.append(
        batch_of(
            np.full(len(told), id_, np.uint32),
            np.array([float(event(n).priority) for n in numbers]),
            np.array([T0 + n * NS for n in numbers], np.int64),
            T0,
            0,
            text=dict(enumerate(told)),
        )
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(tmp_path_factory.mktemp("store") / "h.duckdb")
    keep(made, range(1000))
    event_id = int(made.names([marks.EVENTS])[0])
    said = Event(t_ns=T0, level="warning", source="link north", text="lost")
    made.append(
        batch_of(
            np.array([event_id], np.uint32),
            np.array([1.0]),
            np.array([T0], np.int64),
            T0,
            0,
            text={0: marks.text_of(said)},
        )
    )
    yield made
    made.close()


class Plain:
    """A store that has marks among its samples, as those of plugins have."""

    def __init__(self, store: Store) -> None:
        self.known, self._store = store.known, store

    def between(self, ids: np.ndarray, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        every = self._store.known_between(ids, 0, 2**62, 10_000)[0]
        inside = (every.source_ns >= from_ns) & (every.source_ns < to_ns)
        yield taken(every, np.flatnonzero(inside))


def of_any_store(store: Store, ask: AskJournal) -> JournalIndex:
    return by_reading.index(Plain(store), ask)


def ask_of(
    *words: JournalWord, levels: tuple[int, ...] = (), from_s: int = 0, to_s: int = 2000
) -> AskJournal:
    return AskJournal(of="alarms", from_ns=T0 + from_s * NS, to_ns=T0 + to_s * NS, words=words, levels=levels)


@pytest.mark.parametrize("index", [answer, of_any_store], ids=["store", "reading"])
@pytest.mark.parametrize(
    ("ask", "count"),
    [
        (ask_of(), 1000),
        (ask_of(from_s=990), 10),
        (ask_of(to_s=10), 10),
        (ask_of(levels=(1, 3)), 500),
        (ask_of(JournalWord(text="anna")), 100),
        (ask_of(JournalWord(text="number 7")), 111),
        (ask_of(JournalWord(text="°c"), JournalWord(text="seen")), 1),
        (ask_of(JournalWord(text="bearing", alarms=("hot",))), 500),
        (ask_of(JournalWord(text="acknowledged", events=("ACK",))), 100),
        (ask_of(JournalWord(text="occurrence")), 0),  # the name of a field is not what was said
        (ask_of(JournalWord(text="' or 1=1 --")), 0),
    ],
)
def test_a_store_and_a_reader_find_the_same_lines(
    store: Store, index: Callable[[Store, AskJournal], JournalIndex], ask: AskJournal, count: int
) -> None:
    found = index(store, ask)
    assert len(found.t_ns) == len(found.level) == count
    assert (np.diff(found.t_ns) > 0).all()


def test_lines_are_those_of_the_times(store: Store) -> None:
    ask = AskLines(of="alarms", t_ns=np.array([T0 + 5 * NS, T0 + 3 * NS, T0 + 1], np.int64))
    for found in (answer(store, ask), by_reading.lines(Plain(store), ask)):
        assert [marks.record_of(text, AlarmEvent).occurrence for text in found.text] == ["o3", "o5"]


class Desk:
    """A journal whose questions are answered when the test says so."""

    def __init__(self, store: Store, of: str = "alarms") -> None:
        self.store = store
        self.asked: list[tuple[object, Callable[[object], None]]] = []
        self.journal = Journal(of, lambda m, done, _s: self.asked.append((m, done)), lambda: SPECS)

    def answer(self, *, fails: bool = False) -> int:
        """Answer what was asked so far; return how many questions that were."""
        asked, self.asked[:] = self.asked[:], []
        why = FaultRecord(kind="", what="No recorder runs.", where="", remedy="")
        for message, done in asked:
            done(why if fails else answer(self.store, message))
        return len(asked)


def test_the_newest_line_is_first_and_its_time_is_known_before_its_text(store: Store) -> None:
    desk = Desk(store)
    journal = desk.journal
    journal.read()
    desk.answer()
    assert len(journal) == 1000
    assert journal.time(0) == T0 + 999 * NS
    assert journal.level(0) == 4
    assert journal.line(0) is None
    filled: list[tuple[int, int]] = []
    journal.filled.connect(lambda a, b: filled.append((a, b)))
    desk.answer()
    assert filled == [(0, PAGE - 1)]
    line = journal.line(0)
    assert line is not None
    assert (line.name, line.text, line.change) == (
        "Bearing is hot",
        "number 999 °C",
        "normal → active, not acknowledged",
    )


def test_a_fast_scroll_asks_for_the_page_that_is_looked_at_and_forgets_the_others(store: Store) -> None:
    desk = Desk(store)
    journal = desk.journal
    journal.read()
    desk.answer()
    for line in range(0, 1000, 50):
        journal.line(line)
    assert desk.answer() == 1  # the first page
    assert desk.answer() == 1  # and the last wish
    assert desk.answer() == 0
    assert journal.line(0) is not None
    assert journal.line(999) is not None
    assert journal.line(500) is None


def test_what_comes_is_added_on_top(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    try:
        keep(store, range(300))
        desk = Desk(store)
        journal = desk.journal
        journal.read()
        desk.answer()
        journal.line(0)
        desk.answer()
        grown: list[int] = []
        journal.grown.connect(grown.append)
        journal.look()
        desk.answer()
        assert grown == []
        keep(store, range(300, 305))
        journal.look()
        desk.answer()
        assert grown == [5]
        journal.line(0)
        desk.answer()
        shown = [journal.line(line) for line in (0, 5, 304)]
        desk.answer()
        assert [line.text if line else "" for line in shown[:2]] == ["number 304 °C", "number 299 °C"]
    finally:
        store.close()


def test_a_search_finds_what_the_screen_calls_it(store: Store) -> None:
    desk = Desk(store)
    desk.journal.look_for(JournalSearch(text="Bearing returned"))
    desk.answer()
    assert len(desk.journal) == 0
    desk.journal.look_for(JournalSearch(text="Bearing raised"))
    desk.answer()
    assert len(desk.journal) == 500
    assert desk.journal.line_at(T0 + 500 * NS) == 250
    assert desk.journal.line_at(0) == 500  # below the oldest


def test_an_old_answer_to_another_search_is_not_shown(store: Store) -> None:
    desk = Desk(store)
    desk.journal.look_for(JournalSearch(text="anna"))
    early = desk.asked.pop()
    desk.journal.look_for(JournalSearch(text="number"))
    early[1](answer(store, early[0]))
    assert len(desk.journal) == 0
    desk.answer()
    assert len(desk.journal) == 1000


def test_a_record_that_nobody_reads_says_why(store: Store) -> None:
    desk = Desk(store)
    desk.journal.read()
    desk.answer(fails=True)
    assert desk.journal.trouble == "No recorder runs."


def test_events_have_a_journal_too(store: Store) -> None:
    desk = Desk(store, "events")
    desk.journal.read()
    desk.answer()
    desk.journal.line(0)
    desk.answer()
    line = desk.journal.line(0)
    assert line is not None
    assert (line.name, line.text, line.level) == ("link north", "lost", 1)
