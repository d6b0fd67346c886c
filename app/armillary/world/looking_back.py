"""Functions over time of a LIVE world across its restarts: their file, and what the record has beyond it.

Two threads: the tick thread owns the functions and gives copies out; the loop reads the record and writes the
file. Until the record was read the functions wait, and say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.arrays import I8, U4
from armillary.model.clock import NS, Clock
from armillary.model.control import StateAnswer
from armillary.model.fault import Fault, FaultRecord, StoreFault, record
from armillary.model.message import AskBetween, AskHistory, Enroll, Enrolled, HistoryInfo, Samples
from armillary.model.sample import EARLY_NS, HISTORICAL, SampleBatch, empty_batch, joined, taken
from armillary.model.tags import TagSpec
from armillary.twin import past_pack
from armillary.twin.past import Pasts, Saved
from armillary.wire.bus import AsyncLine, served
from armillary.world import past_file

EVERY_NS, FIRST_NS = 60 * NS, 2 * NS  # the first time soon: what began now must be known to the next world
WAIT_S = 10.0  # for a recorder to be there; without one they begin with their file alone
ANSWER_S = 10.0
TICK_S = 5.0  # a tick comes within
LONGEST_NS = 7 * 86_400 * NS  # so far back the record is read
MOST_ROWS = 5_000_000
ROWS_AT_ONCE = 200_000
_SPANS = (3600 * NS, 86_400 * NS, LONGEST_NS)  # tags are read together with those that look as far back
_LOOK_S = 0.25
log = logging.getLogger(__name__)


class LookingBack:
    """`restore` before the first tick; `tick` on the tick thread; `run` on the loop; `close` after both."""

    def __init__(
        self, past: Pasts | None, specs: Sequence[TagSpec], *, folder: Path, recorder: str, clock: Clock
    ) -> None:
        self._past, self._recorder, self._clock = past, recorder, clock
        self._names = {spec.slot: spec.name for spec in specs}
        self._path = folder / past_file.FILE
        self._kept_ns = 0  # when the file that was read was written
        self._started_ns = 0
        self._wanted: tuple[I8, I8] | None = None
        self._record: tuple[SampleBatch | None, int] | None = None
        self._copy: tuple[list[Saved], int] | None = None
        self._due_mono_ns = 0
        self._trouble: FaultRecord | None = None
        self._wishes: queue.SimpleQueue[Callable[[list[Saved]], object]] = queue.SimpleQueue()

    async def state(self, now: Callable[[], StateAnswer]) -> StateAnswer:
        """Return a state with what functions over time know then; nothing of it while the record is read.

        now: the state as it was published last. Both are of one moment, between two ticks: what the one
        before has published is there when the copy arrives, and what follows is not.
        """
        if self._past is None:
            return now()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[StateAnswer, list[Saved]]] = loop.create_future()

        def take(saved: list[Saved]) -> None:
            if not answered.done():  # given up meanwhile
                answered.set_result((now(), saved))

        self._wishes.put(lambda saved: loop.call_soon_threadsafe(take, saved))
        try:
            answer, saved = await asyncio.wait_for(answered, TICK_S)
        except TimeoutError:
            return now()  # the ticks have ended
        packed = await asyncio.to_thread(past_pack.packed, saved, answer.t_ns, past_pack.MOST_BYTES)
        return replace(answer, past=packed)

    def restore(self) -> None:
        """Take over what the world before knew."""
        if self._past is None:
            return
        try:
            saved, self._kept_ns = past_file.read(self._path)
        except StoreFault as fault:
            self._trouble, saved = record(fault), []
        self._past.restore(saved)
        self._started_ns = self._clock.now_ns()
        self._wanted = self._past.since_ns(self._started_ns, LONGEST_NS)

    def tick(self, now_ns: int, now_mono_ns: int) -> None:
        """Give the functions the record once it was read, and a copy of them out once a minute."""
        while not self._wishes.empty():
            is_known = self._past is not None and not self._past.waits
            self._wishes.get()(self._past.saved() if self._past is not None and is_known else [])
        if self._past is None:
            return
        if self._record is not None:
            batch, ended_ns = self._record
            self._record = None
            self._past.seed(batch, ended_ns)
        if now_mono_ns >= self._due_mono_ns and not self._past.waits and self._copy is None:
            if self._due_mono_ns:
                self._copy = (self._past.saved(), now_ns)
            self._due_mono_ns = now_mono_ns + (EVERY_NS if self._due_mono_ns else FIRST_NS)

    async def run(self) -> None:
        """Read the record once, then write the file whenever there is a copy; ends when it is cancelled."""
        if self._past is None:
            return
        try:
            self._record = await self._read()
        except Fault as fault:
            log.info("functions over time begin without the record: %s", fault)
            self._record = (None, self._kept_ns)
        while True:
            await asyncio.sleep(1.0)
            if self._copy is not None:
                copy, t_ns = self._copy
                await asyncio.to_thread(self._write, copy, t_ns)
                self._copy = None

    def close(self) -> None:
        """Write the file at the end; while the record was not read the one that is there is better."""
        if self._past is not None and not self._past.waits:
            self._write(self._past.saved(), self._clock.now_ns())

    def take_trouble(self) -> FaultRecord | None:
        """Return what went wrong since the last call."""
        out, self._trouble = self._trouble, None
        return out

    # ---------------------------------------------------------------- inside

    def _write(self, saved: Sequence[Saved], t_ns: int) -> None:
        try:
            past_file.write(self._path, saved, t_ns)
        except StoreFault as fault:
            self._trouble = record(fault)

    async def _read(self) -> tuple[SampleBatch | None, int]:
        """Return (what was recorded since, in our slots; when that ends). Raises Fault."""
        if self._wanted is None or not (self._wanted[1] < self._started_ns).any():
            return None, self._kept_ns
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while not served(self._recorder):  # noqa: ASYNC110  nobody tells when it is there
                    await asyncio.sleep(_LOOK_S)
        line = AsyncLine(self._recorder)
        try:
            return await self._asked(line, *self._wanted)
        finally:
            line.close()

    async def _asked(self, line: AsyncLine, slots: I8, since_ns: I8) -> tuple[SampleBatch | None, int]:
        # a tag that seldom comes says not when the record ends; what this world sends already is not its end
        info = await line.ask(AskHistory(), ANSWER_S)
        last_ns = info.last_ns if isinstance(info, HistoryInfo) else 0
        ended_ns = last_ns if last_ns <= self._started_ns else 0
        names = [self._names[slot] for slot in slots.tolist()]
        enrolled = await line.ask(Enroll(tags=tuple(names), create=False), ANSWER_S)
        if not isinstance(enrolled, Enrolled):
            return None, self._kept_ns
        ids = enrolled.ids.astype(np.int64)
        slot_of = np.zeros(int(ids.max(initial=0)) + 1, np.uint32)
        slot_of[ids] = slots
        span = np.searchsorted(_SPANS, self._started_ns - since_ns)
        parts: list[SampleBatch] = []
        for number in np.unique(span).tolist():
            some = (span == number) & (ids > 0) & (since_ns < self._started_ns)
            if some.any():
                from_ns = int(since_ns[some].min()) - EARLY_NS  # what was counted already is passed over
                parts += await self._between(line, ids[some].astype(np.uint32), from_ns, sum(map(len, parts)))
        rows = joined([part for part in parts if len(part)]) if any(map(len, parts)) else empty_batch()
        kept = np.flatnonzero((rows.flags & HISTORICAL) == 0)
        rows = taken(rows, kept)
        newest = max(int(rows.source_ns.max(initial=0)), ended_ns)
        return replace(rows, slot=slot_of[rows.slot]), max(self._kept_ns, newest)

    async def _between(self, line: AsyncLine, ids: U4, from_ns: int, had: int) -> list[SampleBatch]:
        out: list[SampleBatch] = []
        while from_ns < self._started_ns:
            question = AskBetween(ids=ids, from_ns=from_ns, to_ns=self._started_ns, limit=ROWS_AT_ONCE)
            answer = await line.ask(question, ANSWER_S)
            if not isinstance(answer, Samples) or answer.to_ns <= from_ns:
                break
            out.append(answer.batch)
            had += len(answer.batch)
            from_ns = answer.to_ns
            if had > MOST_ROWS:
                log.info("functions over time have read %d samples of the record, and no more", had)
                break
        return out
