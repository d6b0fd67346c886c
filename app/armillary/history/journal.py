"""The record of what happened, searched inside the store: an index of what fits, and single lines."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np

from armillary.model.journal import (
    MOST_LINES,
    MOST_NAMES,
    MOST_TEXTS,
    AskJournal,
    AskLines,
    JournalIndex,
    Lines,
)
from armillary.wire import marks

SERIES = {"alarms": marks.ALARM_EVENTS, "events": marks.EVENTS}
# What a person may search for. Names of fields are not among it, so `text` alone would be a search for all.
_SAID = "['$.id','$.text','$.actor','$.comment','$.source','$.fault.what','$.fault.remedy']"


def index(cursor: duckdb.DuckDBPyConnection, ask: AskJournal, ids: Mapping[str, int]) -> JournalIndex:
    """Return which lines fit, the newest MOST_LINES of them. `ids`: of all names."""
    tests, values = ["mark.id = ?", "t >= ?", "t < ?"], [ids.get(SERIES[ask.of], 0), ask.from_ns, ask.to_ns]
    given: list[object] = list(values)
    if ask.levels:
        tests.append("value::INTEGER IN (SELECT unnest(?::INTEGER[]))")
        given.append(list(ask.levels))
    for word in ask.words:
        tests.append(
            f"(contains(lower(array_to_string(json_extract_string(text, {_SAID}), ' ')), ?) "
            "OR list_contains(?::VARCHAR[], json_extract_string(text, '$.id')) "
            "OR list_contains(?::VARCHAR[], json_extract_string(text, '$.event')))"
        )
        given += [word.text, list(word.alarms[:MOST_NAMES]), list(word.events)]
    rows = cursor.execute(
        "SELECT t, coalesce(value, 0) AS value FROM mark JOIN word ON word.id = mark.word "  # noqa: S608 - ours
        f"WHERE {' AND '.join(tests)} ORDER BY t DESC LIMIT {MOST_LINES + 1}",
        given,
    ).fetchnumpy()
    t = np.asarray(rows["t"], np.int64)[::-1]
    level = np.clip(np.nan_to_num(np.asarray(rows["value"], np.float64)), 0, 255).astype(np.uint8)[::-1]
    is_whole = len(t) <= MOST_LINES
    return JournalIndex(
        t_ns=np.ascontiguousarray(t[-MOST_LINES:]),
        level=np.ascontiguousarray(level[-MOST_LINES:]),
        is_whole=is_whole,
    )


def lines(cursor: duckdb.DuckDBPyConnection, ask: AskLines, ids: Mapping[str, int]) -> Lines:
    """Return the lines of some times."""
    wanted = np.unique(ask.t_ns[:MOST_TEXTS])
    if not len(wanted):
        return Lines(t_ns=wanted, text=())
    rows = cursor.execute(
        "SELECT t, text FROM mark JOIN word ON word.id = mark.word WHERE mark.id = $1 "
        "AND t >= $2 AND t <= $3 AND t IN (SELECT unnest($4::BIGINT[])) ORDER BY t",
        [ids.get(SERIES[ask.of], 0), int(wanted[0]), int(wanted[-1]), wanted.tolist()],
    ).fetchall()
    return Lines(t_ns=np.array([t for t, _ in rows], np.int64), text=tuple(str(text) for _, text in rows))
