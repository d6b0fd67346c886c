"""What the recorder does with requests, without sockets and threads: collects, commits, answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armillary.api.ports import HistoryStore, KeepsDocuments, Summarises
from armillary.history.store import Store
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, StoreFault
from armillary.model.journal import AskJournal, AskLines
from armillary.model.message import (
    NOT_ENROLLED,
    Append,
    AskAt,
    AskBetween,
    AskDensity,
    AskHistory,
    AskKept,
    AskKeptList,
    AskSpan,
    BackedUp,
    BackUp,
    Done,
    Enroll,
    Enrolled,
    HistoryInfo,
    Keep,
    Kept,
    KeptList,
    PutBack,
    Samples,
    Stop,
    Stored,
    TakeIn,
    ThereAgain,
)
from armillary.model.sample import SampleBatch, joined
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.recorder import journal, strip
from armillary.wire import marks, runs

MOST_ROWS = 500_000  # in one answer of samples: 25 MB
ROWS_AT_ONCE = 50_000  # the store likes large batches
COMMIT_AFTER_NS = NS // 4  # what came is on disk at most this much, and one commit, later

Answer = tuple[bytes, int, object]  # peer, the request's number, a message or a Fault


@dataclass(frozen=True, slots=True)
class _Waiting:
    peer: bytes
    request: int
    append: Append


class Keeper:
    """The writing side: owned by one thread. A sender hears Stored only of what is on disk."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._since_ns = 0
        self._rows = 0
        self._last: dict[bytes, int] = {}  # connection without a session -> last seq on disk
        self._refused: set[bytes] = set()
        self._enrolled: set[bytes] | None = None  # since a backup was put back; None: nobody need to

    # ------------------------------------------------------------ in
    def enroll(self, peer: bytes, message: Enroll) -> Enrolled:
        """Return the ids of tags. A sender that was refused may append again after it."""
        self._refused.discard(peer)
        if self._enrolled is not None:
            self._enrolled.add(peer)
        if not message.create:
            known = self._store.known()
            return Enrolled(ids=np.array([known.get(tag, 0) for tag in message.tags], np.uint32))
        return Enrolled(ids=self._store.names(message.tags, message.units))

    def put_back(self, message: PutBack, now_ns: int) -> ThereAgain:
        """Put a backup in the place of the history. Raises StoreFault; then all is as it was."""
        if not isinstance(self._store, Store):
            raise _no_backups()
        aside = self._store.restore(Path(message.folder), now_ns)
        self._enrolled, self._last = set(), {}  # whoever appends must learn the ids anew
        return ThereAgain(aside=str(aside))

    def take_in(self, message: TakeIn) -> Done:
        """Take a whole past into the history of a running demonstration. Raises StoreFault."""
        store, folder = self._store, Path(message.folder).resolve()
        private = store.folder.parent if isinstance(store, Store) else None
        if (
            not isinstance(store, Store)
            or private is None
            or not (private / runs.PLANT_FILE).is_file()
            or not folder.is_relative_to(private.resolve())
        ):
            raise StoreFault(
                "A past is made up for a demonstration only.",
                where=message.folder,
                remedy="Import samples: armillary history import",
            )
        store.take_in(folder, message.batch)
        return Done()

    def keep(self, message: Keep) -> Done:
        """Write a document; it is on disk when this returns."""
        _documents(self._store).keep(message.kind, message.key, message.t_ns, message.data)
        return Done()

    def offer(self, peer: bytes, request: int, append: Append, now_mono_ns: int) -> None:
        """Take samples; they are answered by a later commit."""
        if not self._waiting:
            self._since_ns = now_mono_ns
        self._waiting.append(_Waiting(peer, request, append))
        self._rows += len(append.batch)

    # ------------------------------------------------------------ out
    def wait_s(self, now_mono_ns: int) -> float:
        """Return how long a commit may wait for more, 0 when it is due."""
        if not self._waiting:
            return COMMIT_AFTER_NS / NS
        if self._rows >= ROWS_AT_ONCE:
            return 0.0
        return max(self._since_ns + COMMIT_AFTER_NS - now_mono_ns, 0) / NS

    def commit(self) -> list[Answer]:
        """Write everything that waits and return the answers; a sender that is refused must enrol again."""
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if not waiting:
            return []
        refused: list[Answer] = []
        fresh: list[_Waiting] = []
        again: list[_Waiting] = []
        newest: dict[tuple[str, bytes], int] = {}
        for one in waiting:
            if one.peer in self._refused or (self._enrolled is not None and one.peer not in self._enrolled):
                refused.append((one.peer, one.request, _not_enrolled()))
            elif one.append.seq <= newest.get(_key(one), self._on_disk(one)):
                again.append(one)
            else:
                newest[_key(one)] = one.append.seq
                fresh.append(one)
        written = self._write(fresh)
        return refused + written + [(one.peer, one.request, self._repeated(one)) for one in again]

    def _repeated(self, one: _Waiting) -> Stored | Fault:
        """Return what a message hears that was sent before: it is on disk, or was refused just now."""
        on_disk = one.append.seq <= self._on_disk(one)
        return Stored(seq=one.append.seq) if on_disk else _not_enrolled()

    def _write(self, fresh: list[_Waiting]) -> list[Answer]:
        """Write in one transaction, or one by one when that fails, so that a bad sender harms nobody else."""
        if not fresh:
            return []
        try:
            self._append(fresh)
        except StoreFault as fault:
            if len(fresh) == 1:
                self._refused.add(fresh[0].peer)
                return [(fresh[0].peer, fresh[0].request, fault)]
            answers: list[Answer] = []
            for one in fresh:
                if one.peer in self._refused:  # what follows a refused message is not acknowledged
                    answers.append((one.peer, one.request, fault))
                else:
                    answers += self._write([one])
            return answers
        return [(one.peer, one.request, Stored(seq=one.append.seq)) for one in fresh]

    def _append(self, fresh: list[_Waiting]) -> None:
        sessions = {one.append.session: one.append.seq for one in fresh if one.append.session}
        self._store.append(joined([one.append.batch for one in fresh]), sessions)
        self._last |= {one.peer: one.append.seq for one in fresh}

    def _on_disk(self, one: _Waiting) -> int:
        session = one.append.session
        return self._store.received(session) if session else self._last.get(one.peer, -1)


def _key(one: _Waiting) -> tuple[str, bytes]:
    return (one.append.session, b"" if one.append.session else one.peer)


def _no_backups() -> Fault:
    return StoreFault(
        "This store is a server's: it has its own way of backups.",
        where="recorder",
        remedy="Use the tools of its server.",
    )


def _not_enrolled() -> Fault:
    return StoreFault(NOT_ENROLLED, where="recorder", remedy="Enrol the tags again.")


def answer(store: HistoryStore, message: object) -> object:
    """Return the answer to a question about what is stored; a Fault for what is no question."""
    match message:
        case SeriesQuery():
            return SeriesAnswer(series=store.read(message), request=message.request)
        case AskAt(ids=ids, t_ns=t_ns, since_ns=since_ns):
            return Samples(batch=store.known_at(ids, t_ns, since_ns), to_ns=t_ns)
        case AskBetween(every_ns=every_ns) if every_ns > 0 and isinstance(store, Store):
            batch, until_ns = store.known_thinned(message.ids, message.from_ns, message.to_ns, every_ns)
            return Samples(batch=batch, to_ns=until_ns)
        case AskBetween(ids=ids, from_ns=from_ns, to_ns=to_ns, limit=limit):
            batch, until_ns = store.known_between(ids, from_ns, to_ns, min(max(limit, 1), MOST_ROWS))
            return Samples(batch=batch, to_ns=until_ns)
        case AskSpan():
            return _span(store, message)
        case AskDensity():
            return store.density(message) if isinstance(store, Summarises) else strip.of(store, message)
        case AskJournal():
            return store.journal(message) if isinstance(store, Store) else journal.index(store, message)
        case AskLines():
            return store.journal_lines(message) if isinstance(store, Store) else journal.lines(store, message)
        case AskKept(kind=kind, t_ns=t_ns, key=key):
            found = _documents(store).kept(kind, t_ns, key)
            return Kept() if found is None else Kept(found=True, key=found[0], t_ns=found[1], data=found[2])
        case AskKeptList(kind=kind, from_ns=from_ns, to_ns=to_ns):
            rows = _documents(store).kept_list(kind, from_ns, to_ns)
            return KeptList(keys=tuple(key for key, _ in rows), t_ns=tuple(t for _, t in rows))
        case AskHistory(session=session):
            extent = store.extent()
            return HistoryInfo(
                tags=tuple(tag for tag in extent.tags if not tag.startswith(marks.PREFIX)),
                samples=extent.samples,
                bytes=extent.bytes,
                first_ns=extent.first_ns,
                last_ns=extent.last_ns,
                store=store.declares.name,
                lacks=store.declares.lacks(),
                stored_seq=store.received(session) if session else -1,
            )
        case BackUp(folder=folder):
            if not isinstance(store, Store):
                raise _no_backups()
            saved = store.backup(Path(folder), WallClock().now_ns())
            return BackedUp(samples=saved.samples, bytes=saved.bytes, copied=saved.copied)
        case Stop():
            return Done()
        case _:
            what = f"The recorder does not know what to do with a {type(message).__name__}."
            return StoreFault(what, where="recorder", remedy="Update Armillary on both sides.")


def _documents(store: HistoryStore) -> KeepsDocuments:
    """Return a store as one of documents. Raises StoreFault where it keeps none."""
    if isinstance(store, KeepsDocuments):
        return store
    raise StoreFault(
        "This store keeps no documents.",
        where="recorder",
        remedy="Choose a store that declares documents: see docs/stores.md.",
    )


def _span(store: HistoryStore, asked: AskSpan) -> Samples:
    """Return samples by source time until there are enough of them."""
    parts: list[SampleBatch] = []
    rows, limit = 0, min(max(asked.limit, 1), MOST_ROWS)
    for batch in store.between(asked.ids, asked.from_ns, asked.to_ns):
        parts.append(batch)
        rows += len(batch)
        if rows >= limit:
            return Samples(batch=joined(parts), to_ns=int(parts[-1].source_ns[-1]) + 1)
    return Samples(batch=joined(parts), to_ns=asked.to_ns)
