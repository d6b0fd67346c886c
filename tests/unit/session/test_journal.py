"""The journal on a desk: an index of all that fits, the lines that are seen by the page."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history import table_file
from armillary.history.store import Store
from armillary.model.alarm import AlarmEvent, AlarmSpec
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS, iso
from armillary.model.fault import Fault, FaultRecord
from armillary.model.frame import Event, WorldKind
from armillary.model.journal import AskJournal, AskLines, JournalIndex, JournalWord
from armillary.model.sample import SampleBatch, batch_of, taken
from armillary.recorder import journal as by_reading
from armillary.recorder.keeper import answer
from armillary.session.journal import PAGE, Journal, JournalSearch, record_until
from armillary.session.journal_file import ALARMS, ERASED, MOST, OTHER, Export, rows
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


def test_a_replay_has_the_lines_up_to_its_cursor_and_no_others(store: Store) -> None:
    desk = Desk(store)
    journal = desk.journal
    journal.show_until(T0 + 499 * NS)
    journal.read()
    desk.answer()
    assert len(journal) == 500
    assert journal.time(0) == T0 + 499 * NS
    assert journal.line(0) is None
    desk.answer()
    line = journal.line(0)
    assert line is not None
    assert line.text == "number 499 °C"
    told: list[object] = []
    journal.grown.connect(told.append)
    journal.reset.connect(lambda: told.append("reset"))
    journal.show_until(T0 + 502 * NS)
    assert told == [3]
    assert journal.time(0) == T0 + 502 * NS
    assert journal.line_at(T0 + 500 * NS) == 2
    journal.show_until(T0 + 502 * NS + 1)
    assert told == [3], "no line came: nothing is shown anew"
    journal.show_until(T0 + 9 * NS)  # backwards
    assert told == [3, "reset"]
    assert len(journal) == len(journal.times()) == 10
    journal.show_until(0)
    assert len(journal) == 1000


@pytest.mark.parametrize(
    ("kind", "until"),
    [(WorldKind.LIVE, 0), (WorldKind.REPLAY, 70), (WorldKind.WHATIF, 50), (WorldKind.TRAINING, 0)],
)
def test_how_much_of_the_record_a_world_knows(kind: WorldKind, until: int) -> None:
    assert record_until(kind, t_ns=70, from_ns=50) == until


def export(desk: Desk) -> Export:
    def work(job: Callable[[], object], done: Callable[[object], None]) -> None:
        done(job())

    ask = desk.journal._ask
    return Export("alarms", ask, work, lambda: SPECS)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_is_searched_for_is_written_as_a_file(store: Store, tmp_path: Path, form: str) -> None:
    desk = Desk(store)
    journal = desk.journal
    journal.look_for(JournalSearch(text="anna"))
    desk.answer()
    assert len(journal) == 100
    path, got = tmp_path / f"journal.{form}", []
    export(desk).begin(path, journal.times(), got.append)
    desk.answer()
    assert got == [100]
    if form == "csv":
        found = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
        assert found[2]["t_received"] == iso(T0 + 20 * NS)
    elif form == "jsonl":
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        with contextlib.closing(duckdb.connect()) as db:
            db.execute("SET TimeZone = 'UTC'")
            rows = db.read_parquet(str(path))
            names = rows.columns
            found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
            assert str(rows.types[0]) == "TIMESTAMP_NS"
    assert list(found[0]) == list(ALARMS)
    third = found[2]
    assert [third[name] for name in ("alarm_id", "event", "actor", "comment")] == [
        "a20",
        "ACK",
        "anna",
        "seen",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [path.name], "nothing is left beside it"


def test_no_cell_of_an_exported_journal_is_a_formula(tmp_path: Path) -> None:
    bad = dataclasses.replace(event(1), comment='=HYPERLINK("x")', actor="@anna", text="-2 °C")
    path = tmp_path / "journal.csv"
    lines = [(bad.t_ns, marks.text_of(bad)), (bad.t_ns + 1, ""), (bad.t_ns + 2, "{}")]
    assert table_file.write(path, ALARMS, rows("alarms", lines, SPECS)) == 3
    first, second, third = csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""))
    assert (first["comment"], first["actor"], first["text"]) == ('\'=HYPERLINK("x")', "'@anna", "'-2 °C")
    assert first["value"] == ""
    assert (second["text"], third["text"]) == (ERASED, OTHER)


def test_an_export_that_cannot_be_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    desk = Desk(store)
    one = np.array([T0], np.int64)
    with pytest.raises(Fault, match="is not written"):
        export(desk).begin(tmp_path / "a.xls", one, lambda _got: None)
    with pytest.raises(Fault, match="no line"):
        export(desk).begin(tmp_path / "a.csv", one[:0], lambda _got: None)
    with pytest.raises(Fault, match="too many"):
        export(desk).begin(tmp_path / "a.csv", np.arange(MOST + 1), lambda _got: None)
    got: list[object] = []
    export(desk).begin(tmp_path / "a.csv", one, got.append)
    desk.answer(fails=True)
    assert isinstance(got[0], FaultRecord)
    with pytest.raises(Fault, match="cannot be written"):
        table_file.write(tmp_path / "no" / "a.csv", ALARMS, [])
    assert list(tmp_path.iterdir()) == []
