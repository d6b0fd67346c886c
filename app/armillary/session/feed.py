"""The wire thread of a desk: the only other thread, and the only lock.

It owns the lines to the world, the recorder and the scene child, and the children started for this desk.
What arrives is put into one batch; the Qt thread takes it with `take`. What is asked is put into one list
and sent by the wire thread. At most `FRAMES_AHEAD` frames wait: beyond that the world gets no credit and
merges for us.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, FaultRecord, WorldFault, record
from armillary.model.frame import Frame
from armillary.model.message import Bye, ComingBack, Credit, Hello, SceneProgress, Welcome
from armillary.session.area_lines import line_to
from armillary.session.batch import Asked, Batch, Peer, Wire
from armillary.wire import child as children
from armillary.wire.child import Child, ChildDied

log = logging.getLogger(__name__)

WORLD, RECORDER, SCENE = ASKED = "world", "recorder", "scene"
FRAMES_AHEAD = 4
SILENCE_NS = NS  # no frame for longer: the world is not live (operations: dead-man)
HELLO_AGAIN_NS = 2 * NS
KNOCKS = 3  # greetings on a line that has been welcomed: a new line is a stranger's, logged out
BACK_NS = 10 * NS  # how long a world that said so may be silent before we knock on a new line
STOP_S = 1.2
_BUSY_S, _CALM_S = 0.01, 0.2  # how long one poll may last while something is awaited elsewhere, or not


class Feed:
    """Runs the wire thread. All methods but `_run` and what it calls are for the Qt thread."""

    def __init__(
        self,
        clock: Clock,
        wake: Callable[[], None],
        *,
        actor: str,
        desk: str = "desk",
        line: Callable[[str], Wire] = line_to,
        start_child: Callable[..., Child] = children.start,
    ) -> None:
        self._clock, self._wake, self._actor, self._desk = clock, wake, actor, desk
        self._line, self._start_child = line, start_child
        self._lock = threading.Lock()  # guards the five below
        self._batch = Batch()
        self._woken = False
        self._todo: list[Callable[[], None]] = []
        self._waiting = 0  # frames in the batch
        self._peers: dict[str, Peer] = {name: Peer() for name in ASKED}
        self._bell = threading.Event()
        self._ending = False
        self._number = 0
        self._live = False
        self._welcomed = False
        self._heard_ns = 0  # last sign of life of the world
        self._hello_ns = 0
        self._knocks = 0  # greetings left before the line is made anew
        self._back_ns = 0  # until then the world greets us on this line by itself; 0 = it is not away
        self._hello_id = self._credit_id = 0  # the line's numbers of our last Hello and Credit
        self._owes_credit = -1  # sequence number to be credited when there is room; -1 = none
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    # ------------------------------------------------------------ Qt thread

    def start(self) -> None:
        """Start the wire thread."""
        self._thread.start()

    def take(self) -> Batch:
        """Return what has arrived and begin a new batch."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            self._woken = False
            had_frames, self._waiting = self._waiting > 0, 0
        if had_frames:
            self._ring()  # there is room again: a withheld credit can go
        return batch

    def connect(self, peer: str, address: str) -> None:
        """Connect to a process that runs already (or will soon)."""
        self._do(lambda: self._connect(peer, address))

    def launch(
        self, peer: str, entry: str, args: Mapping[str, object], log_file: Path, memory: int = 0
    ) -> None:
        """Start a child for this desk and connect to the address it says (or `args["address"]`)."""
        self._do(lambda: self._launch(peer, entry, args, log_file, memory))

    def ask(self, peer: str, message: object, timeout_s: float = 10.0) -> int:
        """Send a request; return its number. Its answer, or a FaultRecord after the time, comes with `take`.

        Nothing is kept for a peer that is not there, except while our own child is starting.
        """
        self._number += 1
        ask = Asked(self._number, peer, message, self._clock.now_mono_ns() + int(timeout_s * NS))
        self._do(lambda: self._ask(ask))
        return ask.number

    def work(self, job: Callable[[], object]) -> int:
        """Run a job in a thread of its own; its result or FaultRecord answers the number returned."""
        self._number += 1
        number = self._number
        threading.Thread(target=self._job, args=(number, job), name="desk-job", daemon=True).start()
        return number

    def kill(self, peer: str, why: str) -> None:
        """End our child of a peer at once; what it was asked fails with these words."""
        self._do(lambda: self._kill(peer, why))

    def stop(self, timeout_s: float = 3.0) -> None:
        """Say good-bye, end our children and the thread."""
        self._ending = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _do(self, command: Callable[[], None]) -> None:
        with self._lock:
            self._todo.append(command)
        self._ring()

    def _ring(self) -> None:
        self._bell.set()
        with self._lock:  # a line is closed under the same lock, so it is open here
            for peer in self._peers.values():
                if peer.line is not None:
                    peer.line.wake()

    # ------------------------------------------------------------ any thread

    def _deliver(self, put: Callable[[Batch], None]) -> None:
        with self._lock:
            put(self._batch)
            wake, self._woken = not self._woken, True
        if wake:
            self._wake()

    def _answer(self, number: int, answer: object) -> None:
        self._deliver(lambda batch: batch.answers.append((number, answer)))

    def _job(self, number: int, job: Callable[[], object]) -> None:
        try:
            answer = job()
        except Fault as fault:
            answer = record(fault)
        except Exception as error:  # a border: a defect in a job must be shown, not lost with its thread
            log.exception("a job of the desk failed")
            answer = FaultRecord(
                kind="Fault", what=f"An inner step failed: {error}.", where="desk", remedy="See its log file."
            )
        self._answer(number, answer)

    # ------------------------------------------------------------ wire thread

    def _run(self) -> None:
        try:
            while not self._ending:
                self.step()
        except Exception:  # a border: without this thread the desk is blind and must say so
            log.exception("the wire thread of the desk failed")
            self._deliver(lambda batch: setattr(batch, "live", False))
        finally:
            self._end()

    def step(self) -> None:
        """Run one round of the wire thread: what was asked, children, what has arrived or is overdue."""
        self._bell.clear()
        with self._lock:
            todo, self._todo = self._todo, []
        for command in todo:
            command()
        self._look_after_children()
        self._poll()
        self._watch()

    def _poll(self) -> None:
        """Take what has arrived on all lines; wait on the first, or on the bell when there is none."""
        lines = [(name, peer, peer.line) for name, peer in self._peers.items() if peer.line is not None]
        first_owes = bool(self._todo) or self._bell.is_set()
        awaited = any(p.starting or bool(p.asked and n != WORLD) for n, p in self._peers.items())
        wait = 0.0 if first_owes else _BUSY_S if awaited else _CALM_S
        if not lines:
            self._bell.wait(wait)
        for i, (name, peer, line) in enumerate(lines):
            for answers, message in line.poll(wait if i == 0 else 0.0):
                self._received(name, peer, answers, message)

    def _received(self, name: str, peer: Peer, answers: int, message: object) -> None:
        if name == WORLD:
            self._heard_ns = self._clock.now_mono_ns()
        if isinstance(message, Frame) and not answers:  # else somebody asked for one
            self._frame(message)
        elif isinstance(message, Welcome):
            self._welcome(message)
        elif isinstance(message, ComingBack) and name == WORLD:
            self._back_ns = self._heard_ns + BACK_NS
        elif isinstance(message, SceneProgress) and name == SCENE:
            self._deliver(lambda batch: batch.told.append(message))
        elif (ask := peer.asked.pop(answers, None)) is not None:
            self._answer(ask.number, message)
        elif name == WORLD and isinstance(message, FaultRecord) and answers == self._credit_id:
            self._hello()  # it does not know us: it was started anew, or forgot us
        elif name == WORLD and isinstance(message, FaultRecord) and answers == self._hello_id:
            self._gone(WORLD, message)
        # anything else answers a request that has timed out: it was reported then

    def _frame(self, frame: Frame) -> None:
        if not self._welcomed:
            return  # of an earlier acquaintance
        self._set_live(True)

        def put(batch: Batch) -> None:
            batch.frames.append(frame)
            self._waiting += 1

        self._owes_credit = frame.seq
        self._deliver(put)
        self._pay_credit()

    def _pay_credit(self) -> None:
        with self._lock:
            room = self._waiting < FRAMES_AHEAD
        line = self._peers[WORLD].line
        if self._owes_credit >= 0 and room and line is not None:
            self._credit_id = line.send(Credit(seq=self._owes_credit))
            self._owes_credit = -1

    def _welcome(self, welcome: Welcome) -> None:
        self._welcomed, self._back_ns, self._knocks = True, 0, KNOCKS

        def put(batch: Batch) -> None:
            batch.welcome = welcome
            batch.frames.clear()
            self._waiting = 0

        self._deliver(put)
        self._set_live(True)
        self._owes_credit = welcome.frame.seq
        self._pay_credit()

    def _set_live(self, live: bool) -> None:
        if live != self._live:
            self._live = live
            self._deliver(lambda batch: setattr(batch, "live", live))

    def _watch(self) -> None:
        """Dead-man, overdue answers, withheld credit, and knocking at a world that does not answer."""
        now = self._clock.now_mono_ns()
        world = self._peers[WORLD]
        withheld = self._owes_credit >= 0
        if withheld:
            self._heard_ns = now  # we keep it waiting, not it us
            self._pay_credit()
        if self._live and now - self._heard_ns > SILENCE_NS:
            self._welcomed = False
            self._set_live(False)
            if now > self._back_ns:
                self._hello()  # on the same line first: to the world we are still who we were
        overdue = now - self._hello_ns > HELLO_AGAIN_NS and now > self._back_ns
        if world.line is not None and not self._welcomed and overdue:
            if self._knocks > 0:
                self._hello()  # a busy machine: to be known still is worth some seconds
            else:
                self._connect(WORLD, world.address)
        for peer in self._peers.values():
            for key in [k for k, ask in peer.asked.items() if now > ask.deadline_ns]:
                ask = peer.asked.pop(key)
                self._fail(ask, "There was no answer in time.", peer.address, "See whether the process runs.")

    # ------------------------------------------------------------ wire thread: peers

    def _connect(self, name: str, address: str) -> None:
        peer = self._peers[name]
        self._disconnect(name, "The connection was made anew.")
        try:
            line = self._line(address)
        except Fault as fault:
            self._gone(name, record(fault))
            return
        with self._lock:
            peer.line, peer.address, peer.starting = line, address, False
        if name == WORLD:
            self._heard_ns, self._knocks = self._clock.now_mono_ns(), 0
            self._hello()
        held, peer.held = peer.held, []
        for ask in held:
            self._ask(ask)
        self._deliver(lambda batch: batch.ready.append(name))

    def _hello(self) -> None:
        line = self._peers[WORLD].line
        self._welcomed, self._owes_credit = False, -1
        self._hello_ns = self._clock.now_mono_ns()
        self._knocks -= 1
        if line is not None:
            self._hello_id = line.send(Hello(actor=self._actor, desk=self._desk))

    def _disconnect(self, name: str, why: str) -> None:
        peer = self._peers[name]
        with self._lock:
            line, peer.line = peer.line, None
            if line is not None:
                line.close()
        asked, peer.asked = peer.asked, {}
        for ask in asked.values():
            self._fail(ask, why, peer.address, "Try again.")

    def _launch(self, name: str, entry: str, args: Mapping[str, object], log_file: Path, memory: int) -> None:
        with self._lock:
            peer = self._peers.setdefault(name, Peer())  # an area's world is one that we start and do not ask
        if peer.child is not None:
            peer.child.stop(STOP_S)
            peer.child = None
        if peer.line is not None:  # to one that was joined, and has ended
            self._disconnect(name, "The process is started anew.")
        peer.address = str(args.get("address", ""))
        try:
            peer.child = self._start_child(entry, args, log_file, memory_bytes=memory)
            peer.starting = True
        except (Fault, OSError) as error:
            fault = error if isinstance(error, Fault) else _cannot_start(entry, log_file, error)
            self._gone(name, record(fault))

    def _look_after_children(self) -> None:
        for name, peer in self._peers.items():
            process = peer.child
            if process is None:
                continue
            if peer.starting:
                try:
                    answer = process.poll_ready(0.0)
                except Fault as fault:
                    peer.child, peer.starting = None, False
                    self._gone(name, record(fault), died=isinstance(fault, ChildDied))
                    continue
                if answer is not None:
                    self._notice(name, answer.get("told", ()))
                if answer is not None and name not in ASKED:
                    peer.starting = False
                elif answer is not None:
                    self._connect(name, str(answer.get("address") or peer.address))
            elif not process.alive:
                words, peer.child = process.exit_words(), None
                process.stop(0.1)
                what = f"The process {process.entry} {words}."
                self._gone(name, _fault(what, str(process.log), "Read the end of its log file."), died=True)

    def _notice(self, name: str, told: Sequence[Mapping[str, str]]) -> None:
        """Pass on what a child says of how it began."""
        notices = [(name, FaultRecord(**fault)) for fault in told]
        if notices:
            self._deliver(lambda batch: batch.notices.extend(notices))

    def _gone(self, name: str, why: FaultRecord, *, died: bool = False) -> None:
        """A process of ours is not there: fail what was asked of it and say so."""
        peer = self._peers[name]
        peer.starting = False
        self._disconnect(name, why.what)
        held, peer.held = peer.held, []
        for ask in held:
            self._answer(ask.number, why)
        if name == WORLD:
            self._welcomed = False
            self._set_live(False)

        def put(batch: Batch) -> None:
            batch.ended.append((name, why))
            if died:
                batch.died.add(name)

        self._deliver(put)

    def _kill(self, name: str, why: str) -> None:
        peer = self._peers[name]
        process, peer.child, peer.starting = peer.child, None, False
        if process is not None:
            process.kill()
        self._disconnect(name, why)
        held, peer.held = peer.held, []
        for ask in held:
            self._fail(ask, why, peer.address, "Try again.")

    def _ask(self, ask: Asked) -> None:
        peer = self._peers[ask.peer]
        if peer.line is None:
            if peer.starting:
                peer.held.append(ask)
            else:
                self._fail(ask, f"The {ask.peer} is not connected.", peer.address, "Nothing was sent.")
            return
        if ask.peer == WORLD and not self._welcomed:
            self._fail(ask, "Not connected: nothing was sent.", peer.address, "Wait for the world to answer.")
            return
        try:
            peer.asked[peer.line.send(ask.message)] = ask
        except Fault as fault:
            self._answer(ask.number, record(fault))

    def _fail(self, ask: Asked, what: str, where: str, remedy: str) -> None:
        self._answer(ask.number, _fault(what, where or ask.peer, remedy))

    def _end(self) -> None:
        """Say good-bye and end our children: the recorder last, since the world flushes into it."""
        world = self._peers[WORLD].line
        if world is not None and self._welcomed:
            try:
                world.send(Bye())
            except Fault:
                log.info("the world did not take our good-bye")
        for group in ([name for name in self._peers if name != RECORDER], [RECORDER]):
            ending = [
                threading.Thread(target=process.stop, args=(STOP_S,), name=f"end-{name}")
                for name in group
                if (process := self._peers[name].child) is not None
            ]
            for thread in ending:
                thread.start()
            for thread in ending:
                thread.join()
        for name in self._peers:
            self._disconnect(name, "The desk was closed.")


def _fault(what: str, where: str, remedy: str) -> FaultRecord:
    return FaultRecord(kind="WorldFault", what=what, where=where, remedy=remedy)


def _cannot_start(entry: str, log_file: Path, error: OSError) -> WorldFault:
    return WorldFault(
        f"The process {entry} could not be started: {error.strerror or error}.",
        where=str(log_file),
        remedy="Free memory or processes and try again.",
    )
