"""Sends notices of alarms: a thread and loop of its own, so that no mail server holds a world up.

`world.live` alone may import this: nothing is ever sent from a replay, a what-if or an exercise.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from armillary.alarms.notices import Facts, Notices
from armillary.alarms.outbox import Outbox
from armillary.api.ports import Closes, Notifier, Reflects
from armillary.extend.notifiers import made
from armillary.extend.registry import Registry
from armillary.model import files
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, FaultRecord, LinkFault, LinkRefused, OrderFault, record
from armillary.model.notice import Receiver
from armillary.model.tags import TagSpec
from armillary.security.secrets import Secrets

log = logging.getLogger(__name__)

FILE = "notify.json"
LOOK_S = 1.0
SEND_S = 30.0  # a notifier that has not returned by then is cut off
BASE_S, CAP_S, REFUSED_S = 1.0, 60.0, 300.0  # between tries; a person must act first
ALIVE_S = 10.0  # how often a notifier that reflects is asked whether it still stands
REFLECTED = 500  # standings in one call: SEND_S is for each
CLOSE_S = 0.5
MOST_EVENTS = 200_000  # that wait for this thread; beyond, they are given up and told


class Notifying:
    """All receivers of a LIVE world. `note` and `troubles` may be called from any thread."""

    def __init__(
        self,
        receivers: Sequence[Receiver],
        registry: Registry,
        secrets: Secrets,
        clock: Clock,
        *,
        specs: Sequence[AlarmSpec],
        tags: Sequence[TagSpec],
        facts: Facts,
        folder: Path,
        home: Path,
    ) -> None:
        """`folder`: of the project; `home`: of what is this world's own."""
        self.problems: list[FaultRecord] = []
        self._clock, self._home = clock, home
        self._notices = Notices(receivers, specs, tags, facts)
        self._notifiers: dict[str, Notifier] = {}
        for receiver in receivers:
            if receiver.enabled:
                self._make(receiver, registry, secrets, folder)
        self._dirty: dict[str, set[str] | None] = {  # ids to reflect; None = all
            name: None for name, one in self._notifiers.items() if isinstance(one, Reflects)
        }
        self._lock = threading.Lock()
        self._in: list[tuple[Sequence[AlarmState], Sequence[AlarmEvent], int, Sequence[AlarmSpec]]] = []
        self._waiting_events = self._lost_events = 0
        self._troubles: Mapping[str, str] = {}
        self._told: list[FaultRecord] = []
        self._wake: Callable[[], None] = lambda: None
        self._stop: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._saved, self._is_unwritable = "", False

    def __bool__(self) -> bool:
        return bool(self._notices.outboxes)

    # ---------------------------------------------------------------- any thread

    def start(self, states: Sequence[AlarmState]) -> None:
        """Begin, from how alarms stand and what an earlier world kept; without receivers nothing runs."""
        if not self:
            return
        self._notices.begin(states)
        self._load()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="notify", daemon=True)
        self._thread.start()
        ready.wait(SEND_S)

    def note(
        self,
        states: Sequence[AlarmState],
        events: Sequence[AlarmEvent],
        now_ns: int,
        specs: Sequence[AlarmSpec] = (),
    ) -> None:
        """Take what happened in a tick, of alarms that came to be with their specs; never waits."""
        if self._thread is None or not (states or events):
            return
        with self._lock:
            if self._waiting_events + len(events) > MOST_EVENTS:
                self._lost_events += len(events)
                events = ()
            self._waiting_events += len(events)
            self._in.append((states, events, now_ns, specs))
        self._wake()

    def troubles(self) -> Mapping[str, str]:
        """Return the alarms of receivers that stand now, as id → sentence."""
        return self._troubles

    def take_told(self) -> list[FaultRecord]:
        """Return what went wrong since the last call, once."""
        if not self._told:
            return []
        with self._lock:
            told, self._told = self._told, []
        return told

    def close(self, limit_s: float) -> None:
        """End within a limit; what has not been sent is kept for the next world."""
        if self._thread is not None:
            self._stop()
            self._thread.join(limit_s)

    # ---------------------------------------------------------------- the thread

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._work(ready))
        except Exception as error:  # a border: a world goes on without its notices, and says so
            log.exception("the notifications ended")
            self._tell("The notifications ended", f"{type(error).__name__}: {error}")
        finally:
            ready.set()

    async def _work(self, ready: threading.Event) -> None:
        loop, changed, stop = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._wake = _from_outside(loop, changed)
        self._stop = _from_outside(loop, stop)
        turns = {name: asyncio.Event() for name in self._notifiers}
        work: list[Coroutine[Any, Any, None]] = [self._watch(changed, turns)]
        work += [self._deliver(name, turns[name]) for name in self._notifiers]
        tasks = [asyncio.create_task(one) for one in work]
        ends = asyncio.create_task(stop.wait())
        ready.set()
        try:
            done, _ = await asyncio.wait({ends, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ends}:
                task.result()
        finally:
            for task in (ends, *tasks):
                task.cancel()
            await asyncio.gather(ends, *tasks, return_exceptions=True)
            self._take()
            self._save(self._kept())
            await self._hang_up()

    async def _hang_up(self) -> None:
        closing = [one.close() for one in self._notifiers.values() if isinstance(one, Closes)]
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*closing, return_exceptions=True)
        except TimeoutError:
            log.info("a notifier did not hang up in time")

    async def _watch(self, changed: asyncio.Event, turns: Mapping[str, asyncio.Event]) -> None:
        """Take what happened, and look once a second at what is due."""
        saved_mono = 0
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await changed.wait()
            except TimeoutError:
                pass
            changed.clear()
            self._take()
            mono = self._clock.now_mono_ns()
            self._notices.due(self._clock.now_ns(), mono)
            self._troubles = self._notices.troubles(mono)
            for turn in turns.values():
                turn.set()
            if mono - saved_mono >= NS or not saved_mono:
                saved_mono = mono
                await asyncio.to_thread(self._save, self._kept())

    def _take(self) -> None:
        with self._lock:
            taken, self._in = self._in, []
            self._waiting_events, lost, self._lost_events = 0, self._lost_events, 0
        mono = self._clock.now_mono_ns()
        for states, events, now_ns, specs in taken:
            self._notices.learn(specs)
            self._notices.note(states, events, now_ns, mono)
            for dirty in self._dirty.values():
                if dirty is not None:
                    dirty.update(state.id for state in states)
        if lost:
            self._tell(f"{lost} events of alarms were not looked at for notices", "there were too many")

    async def _deliver(self, name: str, turn: asyncio.Event) -> None:
        """Send what waits for one receiver, one after the other; back off while it cannot be reached."""
        box, notifier = self._notices.outboxes[name], self._notifiers[name]
        failures, asked_mono = 0, self._clock.now_mono_ns()
        while True:
            await turn.wait()
            turn.clear()
            try:
                if isinstance(notifier, Reflects):
                    dirty = self._dirty[name]
                    mono = self._clock.now_mono_ns()
                    if dirty is None or dirty or mono - asked_mono > ALIVE_S * NS:
                        asked_mono, self._dirty[name] = mono, set()
                        standings = self._notices.standings(box.receiver, dirty)
                        for at in range(0, max(1, len(standings)), REFLECTED):
                            await self._tried(notifier.reflect(standings[at : at + REFLECTED]), box)
                while (notice := box.next()) is not None:
                    try:
                        await self._tried(notifier.send(notice), box)
                    except OrderFault as fault:
                        box.refused(notice, fault.what)
                        self._tell(f"{name} did not take a notice of '{notice.title}'", fault.what)
                    else:
                        box.delivered(notice, self._clock.now_ns(), self._clock.now_mono_ns())
                failures, box.trouble = 0, ""
            except LinkFault as fault:
                if name in self._dirty:
                    self._dirty[name] = None
                if fault.what != box.trouble:
                    log.info("notify %s: %s", name, fault)
                box.trouble = fault.what
                wait_s = REFUSED_S if isinstance(fault, LinkRefused) else min(CAP_S, BASE_S * 2**failures)
                failures = min(failures + 1, 10)
                await asyncio.sleep(wait_s)
                turn.set()

    async def _tried(self, sending: Coroutine[Any, Any, None], box: Outbox) -> None:
        """Await one try. Raises LinkFault or OrderFault, whatever goes wrong."""
        where = box.receiver.origin or box.receiver.name
        try:
            async with asyncio.timeout(SEND_S):
                await sending
        except (LinkFault, OrderFault):
            raise
        except Fault as fault:  # a secret that is not there: a person must act
            raise LinkRefused(fault.what, where=fault.where, remedy=fault.remedy) from fault
        except TimeoutError as error:
            raise LinkFault(
                f"No answer within {SEND_S:.0f} s.", where=where, remedy="It is tried again."
            ) from error
        except Exception as error:  # a border: a stranger's code may raise anything
            log.exception("the notifier %s failed", box.receiver.name)
            raise LinkFault(
                f"The plugin '{box.receiver.kind}' failed: {type(error).__name__}: {error}.",
                where=where,
                remedy="It is tried again; the log has the details.",
            ) from error

    # ---------------------------------------------------------------- making, keeping

    def _make(self, receiver: Receiver, registry: Registry, secrets: Secrets, folder: Path) -> None:
        try:
            self._notifiers[receiver.name] = made(receiver, registry, secrets, self._clock, folder)
        except Fault as fault:
            self.problems.append(record(fault))
            self._notices.outboxes[receiver.name].trouble = fault.what

    def _load(self) -> None:
        path = self._home / FILE
        if not path.exists():
            return
        try:
            kept = json.loads(path.read_text("utf-8"))
            self._notices.load(kept, self._clock.now_ns(), self._clock.now_mono_ns())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._tell("What waited to be sent cannot be read", f"{path}: {error}")

    def _kept(self) -> str:
        """Return what waits as text, on the loop's thread: what it is made of changes there."""
        kept = self._notices.dump(self._clock.now_ns(), self._clock.now_mono_ns())
        for one in kept["escalations"]:
            one["due_ns"] = round(one["due_ns"] / NS) * NS  # else it is never twice the same
        return json.dumps(kept, ensure_ascii=False, indent=1)

    def _save(self, text: str) -> None:
        """Write what waits, when it is another than before; a full disk is told once."""
        if text == self._saved:
            return
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            files.replace(self._home / FILE, text.encode("utf-8", "replace"))
            self._saved, self._is_unwritable = text, False
        except OSError as error:
            if not self._is_unwritable:
                self._tell("What waits to be sent cannot be kept", f"{self._home / FILE}: {error.strerror}")
            self._is_unwritable = True

    def _tell(self, what: str, why: str) -> None:
        told = FaultRecord(
            kind="LinkFault",
            what=f"{what}: {why.rstrip('.')}.",
            where="notify.toml",
            remedy="See armillary notify list.",
        )
        with self._lock:
            self._told.append(told)


def _from_outside(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Callable[[], None]:
    """Return what sets an event from another thread; after the loop's end it does nothing."""

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(event.set)
        except RuntimeError:
            if not loop.is_closed():
                raise

    return wake
