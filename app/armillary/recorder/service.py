"""Child entry: the recorder. One thread for the socket, one that writes, one that tends, two that answer.

The store is opened before the socket: a second recorder of one project finds the file taken and ends,
before it could take the first one's address.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

from armillary.api.ports import HistoryStore, Tends
from armillary.history import aside
from armillary.history.base import StoreDamaged, StoreTaken
from armillary.history.store import Store
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, FaultRecord, StoreFault
from armillary.model.message import Append, Enroll, Erase, Keep, PutBack, Stop, TakeIn
from armillary.project.folder import read
from armillary.recorder import stores
from armillary.recorder.keeper import Answer, Keeper, answer
from armillary.recorder.persons import Persons
from armillary.recorder.tender import Policy, Tender, policy_for
from armillary.security.secrets import Secrets
from armillary.wire.bus import Hub, Line, served
from armillary.wire.lease import Lease
from armillary.wire.runs import reader_address, recorder_address

RETRY_S = 30.0  # after work beside writing that failed
IDLE_S = 0.02  # how long the socket thread sleeps at most: an answer waits no longer
BUSY_S = 0.002  # while a question is being answered
READERS = 2
RELIEF_S = 3.0  # for a reader to let go of the file
MOST_ASIDE = 2  # its log, then the file itself
NO_MEMORY = "The recorder is out of memory."
LAST_S = 1.0  # for questions under way when it is told to stop
_log = logging.getLogger(__name__)

_Work = tuple[bytes, int, object]


def run(args: dict[str, Any], ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve one project's history until told to stop.

    args: `project` (folder) or `path` (of the store's file) and `address`; `read_only`. Raises Fault.
    """
    path, policy = _place(args)
    address = str(args.get("address") or recorder_address(path.parent.parent))
    read_only = bool(args.get("read_only", False))
    told: list[FaultRecord] = []
    store, lease = _server(args, read_only)
    if store is None:
        store = Store(path, True) if read_only else _mended(path, args.get("project"), address, told)
    try:
        hub = Hub(address)
        try:
            service = Service(store, WallClock(), policy, _policy_anew(args))
            if args.get("project") and not read_only:
                service.persons = Persons(Path(args["project"]), store, WallClock())
            _log.info("history (%s) %s at %s", store.declares.name, path, address)
            ready({"address": address, "path": str(path), "told": [asdict(fault) for fault in told]})
            service.serve(hub)
        finally:
            hub.close()
    finally:
        store.close()
        if lease is not None:
            lease.release()


def _place(args: dict[str, Any]) -> tuple[Path, Policy]:
    """Return the store's file and for how long what is kept in it."""
    if args.get("path"):
        return Path(args["path"]), Policy(raw_days=int(args.get("retention_days", 0)))
    project = read(Path(args["project"]))
    return project.history_file, policy_for(project)


def _policy_anew(args: dict[str, Any]) -> Callable[[], Policy] | None:
    """Return what reads the policy of a project again: it may be told to forget sooner while this runs."""
    if args.get("path") or not args.get("project"):
        return None
    folder = Path(args["project"])
    return lambda: policy_for(read(folder))


def _server(args: dict[str, Any], read_only: bool) -> tuple[HistoryStore | None, Lease | None]:
    """Open the store of a plugin where the project names one, (None, None) for the embedded one."""
    project = read(Path(args["project"])) if args.get("project") and not args.get("path") else None
    if project is None or stores.is_embedded(project):
        return None, None
    lease = None if read_only else stores.lease(project)
    try:
        secrets = Secrets(str(args.get("secret_file", "")))
        return stores.opened(project, WallClock(), secrets, read_only=read_only), lease
    except BaseException:
        if lease is not None:
            lease.release()
        raise


def _mended(path: Path, project: str | None, address: str, told: list[FaultRecord]) -> Store:
    """Open the store; what is damaged is moved aside: first its log, then all of it. Raises StoreFault."""
    while True:
        try:
            return _opened(path, project, address)
        except StoreDamaged as fault:
            if len(told) >= MOST_ASIDE:
                raise
            try:
                told.append(aside.move(path, fault.what, WallClock().now_ns() + len(told) * NS))
            except OSError as error:
                raise fault from error
            _log.warning("%s: %s", told[-1].what, fault)


def _opened(path: Path, project: str | None, address: str) -> Store:
    """Open the store to write, past readers that hold it. Raises StoreFault; at once where a recorder serves.

    A reader's socket is gone a moment before its file is, and a replay may have started another meanwhile.
    """
    clock, waiting = WallClock(), threading.Event()
    end = clock.now_mono_ns() + int(RELIEF_S * NS)
    while True:
        if project:
            _relieve(reader_address(Path(project)))
        try:
            return Store(path)
        except StoreTaken:
            if clock.now_mono_ns() > end or served(address):
                raise
            waiting.wait(IDLE_S)


def _relieve(address: str) -> None:
    """End the recorder that a replay started to read the file while nobody recorded; it asks us then."""
    if not served(address):
        return
    line = Line(address)
    try:
        line.ask(Stop(), RELIEF_S)
        for _ in range(int(RELIEF_S / IDLE_S)):
            if not served(address):
                return
            line.poll(IDLE_S)
    except Fault as fault:
        _log.info("the reader at %s does not end: %s", address, fault)
    finally:
        line.close()


class Service:
    """Threads around a store. `serve` owns the socket and returns after a Stop."""

    def __init__(
        self,
        store: HistoryStore,
        clock: Clock,
        policy: Policy | None = None,
        anew: Callable[[], Policy] | None = None,
    ) -> None:
        """policy, anew: for how long what is kept, and how that is read again (`Tender`)."""
        self._store, self._clock = store, clock
        self._keeper = Keeper(store)
        self._tender = Tender(store, policy, anew)
        self._ending = threading.Event()
        self._inbox: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._no_memory = False
        self.persons: Persons | None = None
        self._asked: list[tuple[bytes, int, Future[object]]] = []

    def serve(self, hub: Hub) -> None:
        """Answer until a Stop arrives; what was taken by then is written before this returns."""
        with (
            ThreadPoolExecutor(1, "tender") as tenders,
            ThreadPoolExecutor(1, "writer") as writers,
            ThreadPoolExecutor(READERS, "reader") as readers,
        ):
            writer = writers.submit(self._write)
            tender = tenders.submit(self._tend) if isinstance(self._store, Tends) else None
            try:
                while not self._step(hub, readers) and not writer.done():
                    if self._no_memory or getattr(self._store, "is_exhausted", False):
                        raise StoreFault(NO_MEMORY, where="recorder", remedy="It is started again.")
            finally:  # also when a signal ends the process
                self._ending.set()
                if isinstance(self._store, Tends):
                    self._store.rest()
                self._inbox.put(None)
                writer.result()
                if tender is not None and (error := tender.exception()):
                    _log.error("the history was not tidied", exc_info=error)
                wait([future for _, _, future in self._asked], LAST_S)
                self._send(hub)

    def _step(self, hub: Hub, readers: ThreadPoolExecutor) -> bool:
        """Take what arrived and send what is ready; return whether to stop."""
        stop = False
        for peer, number, message in hub.poll(BUSY_S if self._asked else IDLE_S):
            if isinstance(message, (Enroll, Append, Keep, PutBack, TakeIn)):
                self._inbox.put((peer, number, message))
            elif isinstance(message, FaultRecord):
                hub.send(peer, message, answers=number)
            elif isinstance(message, Erase) and self.persons is not None:
                self._asked.append((peer, number, readers.submit(self.persons.erase, message)))
            else:
                stop = stop or isinstance(message, Stop)
                self._asked.append((peer, number, readers.submit(answer, self._store, message)))
        self._send(hub)
        return stop

    def _send(self, hub: Hub) -> None:
        while not self._outbox.empty():
            peer, number, message = self._outbox.get()
            hub.send(peer, message, answers=number)
        for entry in [entry for entry in self._asked if entry[2].done()]:
            self._asked.remove(entry)
            peer, number, future = entry
            error = future.exception()
            self._no_memory |= isinstance(error, MemoryError)
            if error is not None and not isinstance(error, Fault):
                _log.error("a question could not be answered", exc_info=error)
                error = StoreFault("The question failed.", where="recorder", remedy="See its log file.")
            hub.send(peer, error if error is not None else future.result(), answers=number)

    # ------------------------------------------------------------ the writer's thread
    def _write(self) -> None:
        """Collect and commit until None arrives."""
        keeper, clock = self._keeper, self._clock
        going, due_ns = True, 0
        while going:
            try:
                work = self._inbox.get(timeout=max(keeper.wait_s(clock.now_mono_ns()), BUSY_S))
            except queue.Empty:
                self._answer(keeper.commit())
                if not isinstance(self._store, Tends) and clock.now_mono_ns() >= due_ns:
                    due_ns = clock.now_mono_ns() + int(self._tended() * NS)
                continue
            going = work is not None
            if work is not None:
                self._take(*work)
            if not going or keeper.wait_s(clock.now_mono_ns()) <= 0:
                self._answer(keeper.commit())

    def _take(self, peer: bytes, number: int, message: object) -> None:
        if isinstance(message, Append):
            self._keeper.offer(peer, number, message, self._clock.now_mono_ns())
        elif isinstance(message, (Enroll, Keep, PutBack, TakeIn)):
            try:
                self._outbox.put((peer, number, self._done(peer, message)))
            except Fault as fault:
                self._outbox.put((peer, number, fault))

    def _done(self, peer: bytes, message: Enroll | Keep | PutBack | TakeIn) -> object:
        match message:
            case Keep():
                return self._keeper.keep(message)
            case PutBack():
                self._answer(self._keeper.commit())  # what came before it belongs to what is moved aside
                return self._keeper.put_back(message, self._clock.now_ns())
            case TakeIn():
                return self._keeper.take_in(message)
            case Enroll():
                return self._keeper.enroll(peer, message)

    def _answer(self, answers: list[Answer]) -> None:
        for one in answers:
            self._outbox.put(one)

    # ------------------------------------------------------------ beside writing
    def _tend(self) -> None:
        """Seal, merge and forget until the end, in a thread of its own."""
        wait_s = 0.0
        while not self._ending.wait(wait_s):
            wait_s = self._tended()

    def _tended(self) -> float:
        """Do what is due; return how long nothing is, in seconds."""
        try:
            return self._tender.tend(self._clock.now_ns(), self._clock.now_mono_ns())
        except StoreFault as fault:
            if not self._ending.is_set():
                _log.warning("history could not be tidied: %s", fault)
            return RETRY_S
