"""The journal of a store that does not search by itself: its marks are read, and searched here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from armillary.api.ports import HistoryStore
from armillary.model.arrays import I8, U1
from armillary.model.journal import (
    MOST_LINES,
    MOST_TEXTS,
    AskJournal,
    AskLines,
    JournalIndex,
    JournalWord,
    Lines,
)
from armillary.model.sample import SampleBatch
from armillary.wire import marks

SERIES = {"alarms": marks.ALARM_EVENTS, "events": marks.EVENTS}
_SAID = ("id", "text", "actor", "comment", "source")


def index(store: HistoryStore, ask: AskJournal) -> JournalIndex:
    """Return which lines fit."""
    t: list[I8] = []
    level: list[U1] = []
    for batch in _batches(store, ask.of, ask.from_ns, ask.to_ns):
        said = np.clip(np.nan_to_num(batch.value), 0, 255).astype(np.uint8)
        keep = np.isin(said, ask.levels) if ask.levels else np.ones(len(batch), np.bool_)
        if ask.words:
            for row in np.flatnonzero(keep).tolist():
                keep[row] = _fits(str(batch.text.get(row, "")), ask.words)
        t.append(batch.source_ns[keep])
        level.append(said[keep])
    times: I8 = np.concatenate(t) if t else np.zeros(0, np.int64)
    levels: U1 = np.concatenate(level) if level else np.zeros(0, np.uint8)
    order = np.argsort(times, kind="stable")[-MOST_LINES:]
    return JournalIndex(t_ns=times[order], level=levels[order], is_whole=len(times) <= MOST_LINES)


def lines(store: HistoryStore, ask: AskLines) -> Lines:
    """Return the lines of some times."""
    wanted = np.unique(ask.t_ns[:MOST_TEXTS])
    found: list[tuple[int, str]] = []
    if len(wanted):
        for batch in _batches(store, ask.of, int(wanted[0]), int(wanted[-1]) + 1):
            for row in np.flatnonzero(np.isin(batch.source_ns, wanted)).tolist():
                found.append((int(batch.source_ns[row]), str(batch.text.get(row, ""))))  # noqa: PERF401
    found.sort(key=lambda line: line[0])
    return Lines(t_ns=np.array([at for at, _ in found], np.int64), text=tuple(text for _, text in found))


def _batches(store: HistoryStore, of: str, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
    id_ = store.known().get(SERIES[of], 0)
    return iter(store.between(np.array([id_], np.uint32), from_ns, to_ns)) if id_ else iter(())


def _fits(text: str, words: tuple[JournalWord, ...]) -> bool:
    try:
        record = json.loads(text)
    except ValueError:
        return False
    said = " ".join(str(record.get(key) or "") for key in _SAID).lower()
    return all(
        word.text in said or record.get("id") in word.alarms or record.get("event") in word.events
        for word in words
    )
