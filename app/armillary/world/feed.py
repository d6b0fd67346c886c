"""The world's line to the recorder: enrols tags, sends what the spool holds, hears what is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.arrays import U4
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, FaultRecord, StoreFault, WorldFault
from armillary.model.frame import Event, Kept
from armillary.model.message import DISK_FULL, NOT_ENROLLED, Append, Enroll, Enrolled, Stored
from armillary.model.sample import SampleBatch, taken
from armillary.model.tags import TagSpec
from armillary.wire.bus import AsyncLine, served
from armillary.world import spill
from armillary.world.compress import Compressor
from armillary.world.spill import Spill
from armillary.world.spool import WINDOW, Spool

SEND_EVERY_S = 0.5  # about as often as the store commits
NOT_YET = "the recorder has not answered yet"
AWAY = "no recorder answers; start one: armillary recorder PROJECT"
LOOK_S = 0.25  # between two looks whether somebody serves the recorder's address
ANSWER_S = 3.0  # without an acknowledgement for this long, while something is under way, it is away
FOLDER = "spill"
log = logging.getLogger(__name__)


class RecorderFeed:
    """Runs on the world's loop. `trouble` says why nothing is recorded, "" while it is."""

    def __init__(
        self,
        address: str,
        specs: Sequence[TagSpec],
        recorded: Sequence[TagSpec],
        session: str,
        marks: Sequence[str] = (),
        folder: Path | None = None,
        clock: Clock | None = None,
        every_s: float = SEND_EVERY_S,
        thinned: Sequence[TagSpec] = (),
    ) -> None:
        """`marks`: names recorded beside the tags (`world.marking`), in slots from len(specs) on.

        `folder`: where samples are kept that memory has no room for; None: memory alone. `every_s`: how often
        something is sent. `thinned`: tags of which samples may be left out (`world.compress`).
        """
        self._address, self._session, self._folder = address, session, folder
        self._clock, self._every_s = clock or WallClock(), every_s
        self._recorded = tuple(recorded)
        self._tags, self._marks = len(specs), tuple(marks)
        disk = Spill(folder, session, self._names()) if folder is not None else None
        self.spool = Spool(session, spill=disk)
        self._thin = Compressor(thinned, len(specs) + len(self._marks))
        self._taken = 0  # rows, before any was left out
        self.trouble, self._state = NOT_YET, ""
        self._said = NOT_YET
        self._lost = False
        self._line: AsyncLine | None = None
        self._drained = asyncio.Event()
        if disk is not None:
            try:
                disk.prepare()
            except StoreFault as fault:  # read-only, or full: what is recorded needs it only if that fails
                log.info("%s", fault)

    def _names(self) -> list[str]:
        names = [""] * (self._tags + len(self._marks))
        for spec in self._recorded:
            names[spec.slot] = spec.name
        names[self._tags :] = self._marks
        return names

    def offer(self, batch: SampleBatch) -> None:
        """Take a tick's samples; what a line tells well enough goes no farther."""
        self._taken += len(batch)
        self.spool.offer(self._thin.take(batch, self._clock.now_mono_ns()))

    def kept(self) -> Kept:
        """Return what became of everything offered."""
        spool = self.spool
        return Kept(
            offered=self._taken,
            stored=spool.stored,
            waiting=spool.waiting + self._thin.waiting,
            spilled=spool.spilled,
            dropped=spool.dropped,
            compressed=self._thin.compressed,
            behind_s=round(spool.behind_ns(self._clock.now_mono_ns()) / NS, 1),
            state=self._state,
            balanced=self._taken
            == spool.stored + spool.waiting + spool.dropped + self._thin.waiting + self._thin.compressed,
        )

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
        began_ns = self._clock.now_mono_ns()
        while True:
            if not served(self._address):
                self.spool.lost()
                if self.trouble != NOT_YET or self._clock.now_mono_ns() - began_ns > ANSWER_S * NS:
                    self.trouble, self._state = AWAY, "away"
                await asyncio.sleep(LOOK_S)
                continue
            line = AsyncLine(self._address)
            self._line = line
            try:
                self.spool.enrolled(await self._enrolled(line))
                if self._state in ("", "away"):  # else it may fail again: what is stored tells
                    self.trouble = self._state = ""
                await self._pump(line)
            except WorldFault:  # nobody answered
                self.trouble, self._state = AWAY, "away"
                self.spool.lost()
            except Fault as fault:
                if fault.what != NOT_ENROLLED or not self._state:
                    self.trouble = fault.what.rstrip(".")
                    self._state = "full" if fault.what == DISK_FULL else "failed"
                self.spool.lost()
            finally:
                self._line = None
                line.close()
            await asyncio.sleep(SEND_EVERY_S)

    async def adopt(self) -> None:
        """Send what worlds that were killed have left on disk, at half the pace that the recorder has."""
        if self._folder is None:
            return
        try:
            found = await asyncio.to_thread(spill.left_behind, self._folder, self._session)
        except OSError:
            found = []
        for path in found:
            try:
                names = spill.names_of(path)
                count = await self._adopt(path, names)
                path.unlink(missing_ok=True)
                log.info("%d samples that were left in %s are recorded", count, path.name)
            except (Fault, OSError) as fault:
                aside = path.with_suffix(".unread")
                log.info("%s is kept as %s: %s", path.name, aside.name, fault)
                with contextlib.suppress(OSError):
                    path.rename(aside)

    async def flush(self, limit_s: float) -> None:
        """Wait until what was offered is on disk, for a while; what is not then waits for the next world."""
        self.spool.offer(self._thin.flush())
        if self._line is not None and self.spool.waiting:
            self._drained.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), limit_s)
        self.spool.close()

    async def _enrolled(self, line: AsyncLine) -> U4:
        tags = (*(spec.name for spec in self._recorded), *self._marks)
        units = (*(spec.unit for spec in self._recorded), *("" for _ in self._marks))
        answer = await line.ask(Enroll(tags=tags, units=units), ANSWER_S)
        if not isinstance(answer, Enrolled):
            raise Fault("the recorder answered something else", where=self._address, remedy="See its log.")
        ids = np.zeros(self._tags + len(self._marks), np.uint32)
        ids[[spec.slot for spec in self._recorded]] = answer.ids[: len(self._recorded)]
        ids[self._tags :] = answer.ids[len(self._recorded) :]
        return ids

    async def _pump(self, line: AsyncLine) -> None:
        silent_s, before = 0.0, self.spool.waiting
        while True:
            # after an outage one at a time, unless more comes than goes: then as fast as it can
            is_behind, before = self.spool.is_behind and self.spool.waiting <= before, self.spool.waiting
            began_ns = self._clock.now_mono_ns()
            for append in self.spool.due(1 if is_behind else WINDOW):
                await line.send(append)
            try:
                async with asyncio.timeout(self._every_s):
                    while not (is_behind and not self.spool.under_way):
                        _, got = await line.receive()
                        silent_s = 0.0
                        self._hear(got)
            except TimeoutError:
                silent_s += self._every_s if self.spool.under_way else 0.0
                if not served(self._address):  # it was killed: nobody need wait for that
                    silent_s = ANSWER_S + self._every_s
            if silent_s > ANSWER_S:
                raise WorldFault("No answer.", where=self._address, remedy="See its log.")
            if is_behind:  # the recorder has others to serve: half of its time is theirs
                took_s = (self._clock.now_mono_ns() - began_ns) / NS
                await asyncio.sleep(min(took_s, SEND_EVERY_S))

    def _hear(self, got: object) -> None:
        if isinstance(got, Stored):
            self.spool.acknowledged(got.seq)
            self.trouble = self._state = ""
            if not self.spool.waiting:
                self._drained.set()
        elif isinstance(got, FaultRecord):
            raise got.fault()

    async def _adopt(self, path: Path, names: Sequence[str]) -> int:
        """Send one segment; return its samples once all are on disk. Waits for the recorder for ever."""
        wanted = tuple(dict.fromkeys(name for name in names if name))
        records = spill.records_of(path)
        count, waiting = 0, next(records, None)
        while waiting is not None:
            line = AsyncLine(self._address)
            try:
                answer = await line.ask(Enroll(tags=wanted), ANSWER_S)
                if not isinstance(answer, Enrolled):
                    raise StoreFault("The recorder answered something else.", where=self._address, remedy="")
                known = dict(zip(wanted, answer.ids.tolist(), strict=True))
                ids = np.array([known.get(name, 0) for name in names], np.uint32)
                while waiting is not None:
                    began_ns = self._clock.now_mono_ns()
                    slot = ids[waiting.batch.slot]
                    rows = np.flatnonzero(slot)
                    batch = taken(replace(waiting.batch, slot=slot), rows)
                    await line.ask(Append(seq=waiting.seq, batch=batch, session=waiting.session))
                    count += len(batch)
                    waiting = next(records, None)
                    await asyncio.sleep((self._clock.now_mono_ns() - began_ns) / NS)
            except Fault:
                await asyncio.sleep(ANSWER_S)  # it is away, or its disk is full: what was not answered again
            finally:
                line.close()
        return count
