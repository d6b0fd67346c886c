"""The world's line to the recorder: enrols tags, sends what the spool holds, hears what is on disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np

from armillary.model.fault import Fault, FaultRecord, WorldFault
from armillary.model.frame import Event
from armillary.model.message import Enroll, Enrolled, Stored
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec
from armillary.wire.bus import AsyncLine
from armillary.world.spool import Spool

SEND_EVERY_S = 0.5  # about as often as the store commits
NOT_YET = "the recorder has not answered yet"
AWAY = "no recorder answers; start one: armillary recorder PROJECT"
ANSWER_S = 3.0  # without an acknowledgement for this long, while something is under way, it is away


class RecorderFeed:
    """Runs on the world's loop. `trouble` says why nothing is recorded, "" while it is."""

    def __init__(
        self,
        address: str,
        specs: Sequence[TagSpec],
        recorded: Sequence[TagSpec],
        session: str,
        marks: Sequence[str] = (),
        every_s: float = SEND_EVERY_S,
    ) -> None:
        """`marks`: names recorded beside the tags (`world.marking`), in slots from len(specs) on.

        `every_s`: how often something is sent.
        """
        self._every_s = every_s
        self._address = address
        self._recorded = tuple(recorded)
        self._tags, self._marks = len(specs), tuple(marks)
        self.spool = Spool(session)
        self.trouble = NOT_YET
        self._said = NOT_YET
        self._lost = False
        self._line: AsyncLine | None = None
        self._drained = asyncio.Event()

    def offer(self, batch: SampleBatch) -> None:
        """Take a tick's samples."""
        self.spool.offer(batch)

    def take_events(self, now_ns: int) -> tuple[Event, ...]:
        """Return an event when recording stopped or goes on again."""
        if self.trouble == self._said:
            return ()
        self._said = self.trouble
        if self.trouble and self.trouble != NOT_YET:
            self._lost = True
            text = f"Not recorded: {self.trouble}. Samples are kept and sent when it answers."
            return (Event(t_ns=now_ns, level="warning", source="recorder", text=text),)
        if self.trouble:
            return ()
        text = f"Recording again; {self.spool.waiting} samples follow." if self._lost else "Recording."
        return (Event(t_ns=now_ns, level="info", source="recorder", text=text),)

    async def run(self) -> None:
        """Feed the recorder until cancelled; begins anew whenever it went away."""
        while True:
            line = AsyncLine(self._address)
            self._line = line
            try:
                await self._enroll(line)
                self.trouble = ""
                await self._pump(line)
            except WorldFault:  # nobody answered
                self.trouble = AWAY
                self.spool.lost()
            except Fault as fault:
                self.trouble = fault.what.rstrip(".")
                self.spool.lost()
            finally:
                self._line = None
                line.close()
            await asyncio.sleep(SEND_EVERY_S)

    async def flush(self, limit_s: float) -> None:
        """Wait until what was offered is on disk, for a while."""
        if self._line is None:
            return
        self._drained.clear()
        if self.spool.waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), limit_s)

    async def _enroll(self, line: AsyncLine) -> None:
        tags = (*(spec.name for spec in self._recorded), *self._marks)
        units = (*(spec.unit for spec in self._recorded), *("" for _ in self._marks))
        answer = await line.ask(Enroll(tags=tags, units=units), ANSWER_S)
        if not isinstance(answer, Enrolled):
            raise Fault("the recorder answered something else", where=self._address, remedy="See its log.")
        ids = np.zeros(self._tags + len(self._marks), np.uint32)
        ids[[spec.slot for spec in self._recorded]] = answer.ids[: len(self._recorded)]
        ids[self._tags :] = answer.ids[len(self._recorded) :]
        self.spool.enrolled(ids)

    async def _pump(self, line: AsyncLine) -> None:
        silent_s = 0.0
        while True:
            sent = self.spool.due()
            for append in sent:
                await line.send(append)
            try:
                async with asyncio.timeout(self._every_s):
                    while True:
                        _, got = await line.receive()
                        silent_s = 0.0
                        if isinstance(got, Stored):
                            self.spool.acknowledged(got.seq)
                            if not self.spool.waiting:
                                self._drained.set()
                        elif isinstance(got, FaultRecord):
                            raise got.fault()
            except TimeoutError:
                silent_s += self._every_s if self.spool.under_way else 0.0
            if silent_s > ANSWER_S:
                raise WorldFault("No answer.", where=self._address, remedy="See its log.")
