"""Figures of the journal: 100,000 transitions of a year, its last thousand lines, all lines of one alarm.

Asked of a recorder's store as the panel asks, answers checked by count; targets are those of operations 1.8.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from armillary.history.store import Store
from armillary.model.alarm import AlarmEvent, ProcessState
from armillary.model.clock import NS
from armillary.model.journal import AskJournal, AskLines, JournalIndex, JournalWord, Lines
from armillary.model.sample import batch_of
from armillary.recorder.keeper import answer
from armillary.wire import marks
from armillary_bench.figure import absolute

T0 = 1_760_000_000 * NS
LINES, ALARMS, YEAR_S = 100_000, 2_000, 365 * 86_400
LAST, LAST_MS, YEAR_MS = 1_000, 50.0, 300.0
TRIES = 7
PAGE = 2_000  # texts of one answer


def benches() -> list[dict[str, object]]:
    """Return the figures; about half a minute. Raises AssertionError when an answer lacks lines."""
    with tempfile.TemporaryDirectory(prefix="armillary-bench-") as name:
        store = Store(Path(name) / "history.duckdb")
        try:
            step_ns = YEAR_S * NS // LINES
            _fill(store, step_ns)
            until = T0 + YEAR_S * NS
            last_ms = _median(lambda: _lines(store, until - LAST * step_ns, until, (), LAST))
            word = (JournalWord(text="no such text", alarms=("a7",)),)
            year_ms = _median(lambda: _lines(store, T0, until, word, LINES // ALARMS))
        finally:
            store.close()
    work = f"{LINES:,} transitions of {ALARMS:,} alarms in a year; index and texts, all lines counted"
    return [
        absolute("journal_last_1000", last_ms, "ms", LAST_MS, work),
        absolute("journal_year_of_one_alarm", year_ms, "ms", YEAR_MS, work),
    ]


def _fill(store: Store, step_ns: int) -> None:
    id_ = int(store.names([marks.ALARM_EVENTS])[0])
    for begin in range(0, LINES, 10_000):
        events = [_event(n, step_ns) for n in range(begin, begin + 10_000)]
        store.append(
            batch_of(
                np.full(len(events), id_, np.uint32),
                np.array([float(event.priority) for event in events]),
                np.array([event.t_ns for event in events], np.int64),
                0,
                0,
                text={n: marks.text_of(event) for n, event in enumerate(events)},
            )
        )


def _event(number: int, step_ns: int) -> AlarmEvent:
    return AlarmEvent(
        id=f"a{number % ALARMS}",
        occurrence=f"a{number % ALARMS}#{number}",
        event=("RAISE", "ACK", "CLEAR")[number % 3],
        before=ProcessState.NORM,
        after=ProcessState.UNACK,
        t_ns=T0 + number * step_ns,
        priority=1 + number % 4,
        text=f"Pump {number % ALARMS} is {number % 97} °C",
    )


def _lines(store: Store, from_ns: int, to_ns: int, words: tuple[JournalWord, ...], count: int) -> None:
    """Ask as the panel does: which lines, then their texts, page by page."""
    index = answer(store, AskJournal(of="alarms", from_ns=from_ns, to_ns=to_ns, words=words))
    if not isinstance(index, JournalIndex) or len(index.t_ns) != count:
        raise AssertionError(f"the journal has not the {count} lines that were written")
    got = 0
    for begin in range(0, count, PAGE):
        lines = answer(store, AskLines(of="alarms", t_ns=index.t_ns[begin : begin + PAGE]))
        got += len(lines.text) if isinstance(lines, Lines) else 0
    if got != count:
        raise AssertionError(f"{got} of {count} lines have a text")


def _median(ask: Callable[[], None]) -> float:
    ask()
    spent = []
    for _ in range(TRIES):
        started = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - started) * 1e3)
    return statistics.median(spent)
