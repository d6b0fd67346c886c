"""The queue of runs over worker processes: cards, progress, cancel, what is kept on disk.

One asyncio task for each worker; a worker that dies takes its one run along, never another.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from armillary.model.clock import NS, Clock
from armillary.model.control import RunCard
from armillary.model.fault import Fault, FaultRecord, WorldFault
from armillary.model.scenario import Job, JobNews, StopJob
from armillary.model.simulation import ModelInfo, OpenModel, Trajectory
from armillary.simulate import results
from armillary.wire import child
from armillary.wire.bus import AsyncLine

log = logging.getLogger(__name__)

SILENT_S = 2.0  # a worker tells news four times a second; one this silent is gone or stuck
START_S = 30.0
CANCEL_S = 1.0  # from the wish to the card that says stopped
SCHEMA = 1
FORK_FILE = "fork.json"
FINAL = ("done", "diverged", "failed", "stopped")


@dataclass(slots=True)
class Entry:
    """One run: its card, its job, and what it has given so far."""

    card: RunCard
    job: Job | None = None
    run: Trajectory | None = None  # grows; read from disk when it is asked for after a restart
    warnings: tuple[str, ...] = ()
    residual: Mapping[str, float] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    is_estimated: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Worker:
    child: child.Child
    line: AsyncLine


class Ensemble:
    """All runs of one fork. `changed` is called with the id of a run whose card or result changed."""

    def __init__(
        self,
        folder: Path,
        project: Path,
        logs: Path,
        clock: Clock,
        changed: Callable[[str], None],
        workers: int = 2,
    ) -> None:
        self.folder, self.entries = folder, dict[str, Entry]()
        self._project, self._logs, self._clock, self._changed = project, logs, clock, changed
        self._most = max(1, workers)
        self._spare: list[_Worker] = []
        self._all: list[_Worker] = []
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    # ---------------------------------------------------------------- asked for

    async def model(self, model: OpenModel) -> ModelInfo:
        """Return what a model says of itself. Raises its Fault."""
        worker = await self._take()
        try:
            info = await worker.line.ask(model, START_S)
        except Fault:
            await self._end(worker)
            raise
        self._spare.append(worker)
        if not isinstance(info, ModelInfo):
            raise WorldFault("The worker answered something else.", where=model.kind, remedy="")
        return info

    async def warm(self, workers: int) -> None:
        """Have some workers started."""
        while len(self._all) < min(workers, self._most):
            self._spare.append(await self._start())

    def add(self, card: RunCard, job: Job) -> None:
        """Queue a run. An id that is taken is a ValueError: results are immutable."""
        if card.id in self.entries:
            raise ValueError(card.id)
        self.entries[card.id] = Entry(card, job)
        self._save(card)
        self._queue.put_nowait(card.id)
        self._changed(card.id)

    def keep(self, card: RunCard, job: Job | None = None) -> None:
        """Take a card that was read from disk; its result is read when it is asked for."""
        self.entries[card.id] = Entry(card, job)

    def cancel(self, ids: Iterable[str]) -> None:
        """Stop runs that are queued or under way."""
        for name in ids:
            entry = self.entries.get(name)
            if entry is None or entry.card.state in FINAL:
                continue
            entry.stop.set()
            if entry.card.state == "queued":
                self._set(name, replace(entry.card, state="stopped", detail="It was cancelled."))

    def result(self, name: str) -> Trajectory | None:
        """Return what a run has given so far, None when that is nothing. Raises ProjectFault."""
        entry = self.entries[name]
        if entry.run is None and entry.card.digest:
            entry.run = results.read(self.out(name), entry.card.digest)
        return entry.run

    def final_state(self, name: str) -> bytes:
        """Return the simulator's state at the end of a run, empty where it was not kept."""
        digest = self.entries[name].card.digest
        return results.read_state(self.out(name), digest) if digest else b""

    async def state_at(self, job: Job, row: int) -> bytes:
        """Return the simulator's state at a row of a run's first member, computed again up to there.

        Empty where it cannot be had: the model saves none, or did not get there.
        """
        out = self.folder / f".state-{self._clock.now_ns():x}.npz"
        upto = job.sample_ns[: max(row, 0) + 1]
        again = replace(job, id=out.stem, out=str(out), sample_ns=upto, members=1, spread={})
        worker: _Worker | None = None
        try:
            worker = await self._take()
            digest = await self._digest(worker, again)
        except Fault as fault:
            log.warning("the state at row %d of %s cannot be computed: %s", row, job.id, fault)
            if worker is not None:
                await self._end(worker)
            return b""
        else:
            self._spare.append(worker)
            return results.read_state(out, digest) if digest else b""
        finally:
            out.unlink(missing_ok=True)
            out.with_suffix(results.STATE).unlink(missing_ok=True)

    async def _digest(self, worker: _Worker, job: Job) -> str:
        """Compute a job that has no card; return its digest, empty when it failed. Raises a Fault."""
        await worker.line.send(job)
        while True:
            try:
                _, message = await asyncio.wait_for(worker.line.receive(), SILENT_S)
            except TimeoutError:
                raise self._gone(worker, was_cancelled=False) from None
            if isinstance(message, FaultRecord):
                raise message.fault()
            if isinstance(message, JobNews) and message.id == job.id and message.phase in FINAL:
                return message.digest if message.phase == "done" else ""

    def out(self, name: str) -> Path:
        """Return the file of a run's result."""
        return self.folder / f"{name}.npz"

    def put(self, cards: Iterable[RunCard]) -> None:
        """Replace cards whose figures or ranks changed."""
        for card in cards:
            if self.entries[card.id].card != card:
                self.entries[card.id].card = card
                self._save(card)

    @property
    def cards(self) -> tuple[RunCard, ...]:
        """All cards in the order of their requests."""
        return tuple(entry.card for entry in self.entries.values())

    @property
    def is_idle(self) -> bool:
        """Nothing is queued or under way."""
        return all(card.state in FINAL for card in self.cards)

    # ---------------------------------------------------------------- running

    async def run(self) -> None:
        """Compute what is queued until cancelled."""
        await asyncio.gather(*(self._serve() for _ in range(self._most)))

    async def close(self) -> None:
        """End all workers."""
        for worker in self._all:
            worker.line.close()
        children = [worker.child for worker in self._all]
        self._all, self._spare = [], []
        await asyncio.to_thread(child.stop_all, children, 1.0)

    async def _serve(self) -> None:
        while True:
            name = await self._queue.get()
            entry = self.entries[name]
            if entry.card.state != "queued" or entry.job is None:
                continue
            try:
                worker = await self._take()
            except Fault as fault:
                self._set(name, replace(entry.card, state="failed", detail=f"{fault.what} {fault.remedy}"))
                continue
            begun = self._clock.now_mono_ns()
            self._set(name, replace(entry.card, state="running"))
            try:
                await self._compute(worker, name, entry, entry.job)
            except Fault as fault:
                await self._end(worker)
                words = f"{fault.what} {fault.remedy}"
                await asyncio.to_thread(self._gave_up, name, entry, words)
            else:
                self._spare.append(worker)
            log.info("%s: %s after %.2f s", name, entry.card.state, (self._clock.now_mono_ns() - begun) / NS)

    async def _compute(self, worker: _Worker, name: str, entry: Entry, job: Job) -> None:
        """Follow one run to its end. Raises a Fault when the worker is gone or stuck."""
        await worker.line.send(job)
        stopping: asyncio.Task[bool] | None = asyncio.create_task(entry.stop.wait())
        told = asyncio.create_task(worker.line.receive())
        try:
            while True:
                waiting = {told} | ({stopping} if stopping else set())
                limit = CANCEL_S if stopping is None else SILENT_S
                done, _ = await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                if stopping in done:
                    stopping = None
                    await worker.line.send(StopJob(id=name))
                if told in done:
                    _, message = told.result()
                    told = asyncio.create_task(worker.line.receive())
                    if (
                        isinstance(message, JobNews)
                        and message.id == name
                        and self._news(name, entry, message)
                    ):
                        return
                    if isinstance(message, FaultRecord):
                        raise message.fault()
                elif not done:
                    raise self._gone(worker, stopping is None)
        finally:
            for task in (told, stopping):
                if task is not None:
                    task.cancel()

    def _gone(self, worker: _Worker, was_cancelled: bool) -> Fault:
        if was_cancelled:
            return WorldFault("It was cancelled; its process did not answer any more.", where="", remedy="")
        words = "hangs" if worker.child.alive else worker.child.exit_words()
        return WorldFault(
            f"Its worker process {words}; what was computed until then is kept.",
            where=str(worker.child.log),
            remedy="Run it again; the log of the worker may say why.",
        )

    def _news(self, name: str, entry: Entry, news: JobNews) -> bool:
        """Take news of a run; return whether it is over."""
        card, job = entry.card, entry.job
        if job is None:
            return True
        self._grow(entry, job, news)
        horizon = (int(job.sample_ns[-1]) - job.t_ns) / NS
        share = min(1.0, news.simulated_s / horizon) if horizon > 0 else 1.0
        remaining = news.wall_s * (1.0 - share) / share if share > 0 else float("nan")
        is_over = news.phase in FINAL
        reached = entry.run.t_ns[-1] if entry.run is not None and len(entry.run.t_ns) else job.t_ns
        note = card.note
        if news.detail and news.phase == "done":
            note = f"{note}; {news.detail}".strip("; ")
        entry.warnings, entry.residual = news.warnings, news.residual
        entry.unmapped, entry.is_estimated = news.unmapped, news.is_estimated
        self._set(
            name,
            replace(
                card,
                state=news.phase,
                progress=1.0 if news.phase == "done" else share,
                remaining_s=0.0 if is_over else remaining,
                to_ns=int(reached),
                speed=news.simulated_s * job.members / news.wall_s if is_over and news.wall_s > 0 else 0.0,
                digest=news.digest,
                detail="" if news.phase == "done" else news.detail or self._why(news.phase),
                note=note,
            ),
        )
        return is_over

    @staticmethod
    def _why(phase: str) -> str:
        return "It was cancelled." if phase == "stopped" else ""

    @staticmethod
    def _grow(entry: Entry, job: Job, news: JobNews) -> None:
        if not news.names or not news.values.shape[1]:
            return
        old = entry.run
        before = (
            old.values[:, : news.first] if old is not None else np.zeros((job.members, 0, len(news.names)))
        )
        values = np.concatenate([before, news.values], axis=1)
        entry.run = Trajectory(names=news.names, t_ns=job.sample_ns[: values.shape[1]], values=values)

    def _gave_up(self, name: str, entry: Entry, words: str) -> None:
        """Keep what a run had given when its worker died."""
        state = "stopped" if entry.stop.is_set() else "failed"
        digest = ""
        if entry.run is not None:
            try:
                digest = results.write(self.out(name), entry.run)
            except Fault as fault:
                words = f"{words} {fault.what}"
        card = replace(entry.card, remaining_s=0.0, detail=words.strip(), digest=digest)
        self._set(name, replace(card, state="stopped" if state == "stopped" else "failed"))

    def _set(self, name: str, card: RunCard) -> None:
        entry = self.entries[name]
        is_new = entry.card.state != card.state
        entry.card = card
        if is_new:
            self._save(card)
        self._changed(name)

    def _save(self, card: RunCard) -> None:
        order = list(self.entries).index(card.id)
        document = {"schema": SCHEMA, "order": order, "card": card}
        results.replace(self.folder / f"{card.id}.json", msgspec.json.format(msgspec.json.encode(document)))

    # ---------------------------------------------------------------- workers

    async def _take(self) -> _Worker:
        while self._spare:
            worker = self._spare.pop()
            if worker.child.alive:
                return worker
            await self._end(worker)
        return await self._start()

    async def _start(self) -> _Worker:
        started = child.start(
            "simulate.worker", {"project": str(self._project)}, self._logs / "simulate-worker.log"
        )
        answer = await asyncio.to_thread(started.ready, START_S)
        worker = _Worker(started, AsyncLine(str(answer["address"])))
        self._all.append(worker)
        return worker

    async def _end(self, worker: _Worker) -> None:
        if worker in self._all:
            self._all.remove(worker)
            worker.line.close()
            await asyncio.to_thread(worker.child.stop, 0.3)


def cards_of(folder: Path) -> tuple[tuple[RunCard, ...], tuple[str, ...]]:
    """Return the cards kept in a folder, oldest first, and the names of files that cannot be read."""
    found: list[tuple[int, RunCard]] = []
    broken: list[str] = []
    for path in folder.glob("*.json"):
        if path.name == FORK_FILE:
            continue
        try:
            document = msgspec.json.decode(path.read_bytes())
            if document["schema"] > SCHEMA:
                raise ValueError
            found.append((int(document["order"]), msgspec.convert(_whole(document["card"]), RunCard)))
        except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
            broken.append(path.name)
    return tuple(card for _, card in sorted(found, key=lambda pair: pair[0])), tuple(sorted(broken))


def _whole(card: dict[str, Any]) -> dict[str, Any]:  # Any: parsed JSON
    """Return a card with what JSON cannot hold put back: a missing number is NaN."""
    out = {key: value for key, value in card.items() if value is not None}
    out["measures"] = [
        {"value": math.nan, **{key: value for key, value in measure.items() if value is not None}}
        for measure in card.get("measures", [])
    ]
    return out
