"""The forwarder near the devices: links and decoders of a world, a ring on disk, one way up.

One thread, one loop. What the links bring is decoded, settled as a world settles it, written into the ring,
and only then acknowledged to its broker and sent up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np

from armillary.api.ports import AnyDecoder, Decoder, Parcel, SourceContext, Uplink, UplinkContext
from armillary.edge import health, pack, recall
from armillary.edge.forward import Forwarder
from armillary.edge.ring import Pack, Ring
from armillary.extend.decoders import made as made_decoders
from armillary.extend.discover import discover
from armillary.model.arrays import I8, U1, U4
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, LinkFault, ProjectFault
from armillary.model.link import LinkSpec, LinkState, SubscriptionPlan
from armillary.model.quality import NEVER, RANK_MASK
from armillary.model.sample import batch_of, taken
from armillary.model.tags import TagTable
from armillary.project.record import Forward, Project
from armillary.security.secrets import Secrets
from armillary.security.trust import TrustStore
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.links import Links
from armillary.telemetry.plan import plans, problems
from armillary.twin.state import DUPLICATE, NO_BINDING, apply

MIB = 1024 * 1024
DAY_S = 86_400
FILE = "edge.ring"
BEAT_S = 0.1  # how often the way up is looked at
ACK_S = 0.01  # a broker waits so long at most for its acknowledgement: it keeps few messages under way
SYNC_S = 1.0
STOP_S = 2.0
_UP = (LinkState.UP, LinkState.DEGRADED)

log = logging.getLogger(__name__)


class HeldInbox(Inbox):
    """An inbox whose messages are acknowledged once they are on disk."""

    def __init__(self, links: list[str], wake: Callable[[], None]) -> None:
        super().__init__(links)
        self._then: list[Callable[[], None]] = []
        self._wake = wake

    def kept(self, then: Callable[[], None]) -> None:
        """Remember what to do."""
        self._then.append(then)
        self._wake()

    def take_then(self) -> list[Callable[[], None]]:
        """Return what waits for that which was put so far."""
        out, self._then = self._then, []
        return out


class Edge:
    """One edge. `run` returns when it is told to stop, or raises what ended it."""

    def __init__(self, project: Project, clock: Clock, secrets: Secrets) -> None:
        """Raises ProjectFault for a project that is none of an edge, StoreFault for its file."""
        self._project, self._clock, self._secrets = project, clock, secrets
        self._forward = forward = _forward_of(project)
        up = next(link for link in project.links if link.name == forward.link)
        links = [link for link in project.links if link is not up]
        self._names = [spec.name for spec in project.specs]
        self._wake = asyncio.Event()
        registry = discover(
            ["sources", "uplinks", "decoders"],
            only={"sources": {link.kind for link in links}, "uplinks": {up.kind}},
        )
        found = plans(links, project.specs, project.topics)
        decoders, decoder_problems = made_decoders(registry, project.decoders, project.folder)
        self._inbox = HeldInbox([plan.link.name for plan in found], self._hasten)
        self._intake = Intake(found, project.specs, self._inbox, decoders)
        self._table = TagTable(len(project.specs))
        self._number: I8 = np.zeros(len(project.specs), np.int64)  # of the pack with its newest, by slot
        self._problems = [f.what for f in (*registry.problems, *decoder_problems)]
        self._problems += [f.what for f in (*problems(links, project.specs), *self._intake.problems)]
        contexts = {link.name: self._context(link) for link in links}
        self._links = Links(found, registry.of("sources"), contexts, self._inbox, clock)
        make_up = registry.make("uplinks", up.kind)
        self._uplink: Uplink | None = None

        def made(context: SourceContext) -> Uplink:
            uplink: Uplink = make_up(context)
            self._uplink = uplink
            return uplink

        words = Parcel(topic=f"{forward.topic}/health", payload=json.dumps(health.OFFLINE).encode())
        context = UplinkContext(
            link=up, clock=clock, secret=secrets.of(up.url), project=project.folder, last_words=words
        )
        self._way = Links(
            [SubscriptionPlan(link=up, routes=())],
            {up.kind: made},
            {up.name: context},
            Inbox([up.name]),
            clock,
        )
        self._ring = Ring(project.private / FILE, forward.store_mb * MIB)
        self._forwarder = Forwarder(
            self._ring,
            self._send,
            clock,
            topic=f"{forward.topic}/data",
            content=pack.CONTENT[forward.format],
            expiry_s=int(forward.store_days * DAY_S),
            late_per_s=forward.late_per_s,
        )
        self._recall(decoders.get("edge"))
        self._file = health.file_of(project.folder)
        self._due: deque[Pack] = deque()  # taken and not on disk yet: it did not take them
        self._due_slots: list[U4] = []
        self._then: list[Callable[[], None]] = []  # acknowledges them
        self._unwritten = 0  # samples of packs that the file is too small for
        self._trouble = ""
        for note in (*self._problems, *self._ring.notes):
            log.warning("%s", note)

    @property
    def status(self) -> dict[str, Any]:  # Any: what JSON holds
        """How it is now."""
        tally = self._inbox.tally()
        (way,) = self._way.statuses()
        told = [*self._problems, *self._ring.notes, *filter(None, (self._trouble, self._forwarder.trouble))]
        queue = health.queue_row(
            self._ring.counts,
            self._forwarder.live,
            self._forwarder.late,
            self._ring.oldest_ns(),
            self._forward.store_mb * MIB,
        )
        if self._unwritten:
            queue["dropped"]["unwritten"] = self._unwritten
        return health.answer(
            self._project.name,
            self._clock.now_ns(),
            health.link_row(way, None),
            [health.link_row(s, tally[s.name]) for s in self._links.statuses()],
            queue,
            told,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Forward until `stop` is set."""
        parts: list[Coroutine[Any, Any, None]] = [
            self._links.run(),
            self._forwarder.run(),
            self._ticks(),
            self._beats(),
            self._syncs(),
            self._tells(),
        ]
        way = asyncio.create_task(self._way.run())
        tasks = [asyncio.create_task(part) for part in parts]
        waits = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({waits, way, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waits}:
                task.result()
        finally:
            await self._links.stop()
            with contextlib.suppress(Fault):
                self._tick()  # what came last is on disk, and acknowledged
            await self._forwarder.drained(STOP_S)
            with contextlib.suppress(Fault, TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._say(dict(health.OFFLINE))
            await self._way.stop()
            for task in (waits, way, *tasks):
                task.cancel()
            await asyncio.gather(waits, way, *tasks, return_exceptions=True)
            self._ring.close()
            self._file.unlink(missing_ok=True)

    # ---------------------------------------------------------------- what goes on

    async def _ticks(self) -> None:
        """Take, keep and acknowledge: at the rate of the project, sooner when a broker waits."""
        while True:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._forward.batch_s):
                    await self._wake.wait()
                    await asyncio.sleep(ACK_S)
            self._tick()

    async def _beats(self) -> None:
        """Follow the way up."""
        while True:
            state = self._way.statuses()[0].state
            is_up = state in _UP
            if is_up != self._forwarder.is_up:
                self._forwarder.carrier(is_up)
                if is_up:
                    self._forwarder.refresh(self._newest())
                    await self._told()
            await asyncio.sleep(BEAT_S)

    async def _syncs(self) -> None:
        """Bring what was written to disk, and give up what is too old."""
        before = (0, 0)
        while True:
            await asyncio.sleep(SYNC_S)
            oldest = self._clock.now_ns() - int(self._forward.store_days * DAY_S * NS)
            self._ring.give_up_before(oldest)
            counts = self._ring.counts
            now = (counts.taken, counts.waiting)
            if now != before:
                committed = self._ring.commit()
                await asyncio.to_thread(self._ring.flush)
                self._ring.synced(committed)
                before = now

    async def _tells(self) -> None:
        """Say how it is: to those on this machine each second, to those above at the project's rate."""
        told_ns, states = 0, ""
        while True:
            held = self.status
            health.write(self._file, held)
            for event in (*self._links.take_events(), *self._way.take_events()):
                log.info("%s: %s", event.source, event.text)
            now = self._clock.now_mono_ns()
            differs = states != (states := str([row["state"] for row in (held["up"], *held["links"])]))
            if self._forwarder.is_up and (differs or now - told_ns >= self._forward.health_s * NS):
                told_ns = now
                await self._told()
            await asyncio.sleep(1.0)

    async def _told(self) -> None:
        with contextlib.suppress(Fault):
            await self._say(self.status)

    # ---------------------------------------------------------------- parts

    def _recall(self, decoder: AnyDecoder | None) -> None:
        """Take the newest values from what waits in the file, so that they go up as such."""
        if not self._ring.counts.waiting_packs or not isinstance(decoder, Decoder):
            return
        batch = recall.newest(self._ring, decoder, self._project.specs, self._clock.now_ns())
        apply(self._table, batch)
        self._number[batch.slot] = self._ring.newest_number

    def _hasten(self) -> None:
        self._wake.set()

    def _tick(self) -> None:
        """Take, keep and acknowledge once; while the disk does not take what is here, take nothing more."""
        if not self._keep():
            return
        self._then += self._inbox.take_then()  # before what they stand for is taken
        batch = self._intake.take(self._clock.now_mono_ns())
        if len(batch):
            outcome: U1 = apply(self._table, batch).outcome
            self._intake.settle(batch, outcome)
            rows = np.flatnonzero((outcome != DUPLICATE) & (outcome != NO_BINDING))
            if len(rows):
                new = taken(batch, rows)
                self._due += pack.packs(new, self._names, self._forward.format)
                self._due_slots.append(new.slot)
        self._keep()

    def _keep(self) -> bool:
        """Write what is due into the ring and offer it to the way up, then acknowledge it.

        Returns whether the disk took it all. What is not acknowledged its broker has still; what can never be
        kept is counted and acknowledged, as its broker would hold back all the rest for it.
        """
        while self._due:
            one = self._due[0]
            try:
                kept = self._ring.append([one], self._clock.now_ns())
            except Fault as fault:
                if fault.what != self._trouble:
                    log.error("%s", fault)
                self._trouble = fault.what
                if not self._ring.fits(one):
                    self._unwritten += one.samples
                    self._due.popleft()
                    continue
                return False
            self._due.popleft()
            self._trouble = ""
            self._forwarder.offer(kept, [one.payload])
        for slots in self._due_slots:
            self._number[slots] = self._ring.newest_number
        self._due_slots.clear()
        then, self._then = self._then, []
        for each in then:
            each()
        return True

    def _newest(self) -> list[bytes]:
        """Return the packs of the newest value of each tag that had one while the way up was cut.

        From the ring they go as late, which never become the value: a tag that seldom changes would stay at
        what it was before the cut.
        """
        table = self._table
        waits = (self._number >= self._ring.head_number) & ((table.quality & RANK_MASK) != NEVER)
        slots = np.flatnonzero(waits)
        out: list[bytes] = []
        for at in range(0, len(slots), pack.MOST_SAMPLES):
            some = slots[at : at + pack.MOST_SAMPLES]
            text = {i: table.text[s] for i, s in enumerate(some.tolist()) if s in table.text}
            array = {i: table.array[s] for i, s in enumerate(some.tolist()) if s in table.array}
            batch = batch_of(
                some.astype(np.uint32), table.value[some], table.source_ns[some], 0, 0, text=text,
                quality=table.quality[some],
            )  # fmt: skip
            some_of = replace(batch, array=array)
            out.append(pack.payload(some_of, self._names, self._forward.format))
        return out

    async def _send(self, parcel: Parcel) -> None:
        if self._uplink is None:
            raise LinkFault("The way up is cut.", where=self._forward.link, remedy="It is tried again.")
        await self._uplink.send(parcel)

    async def _say(self, held: dict[str, Any]) -> None:  # Any: what JSON holds
        """Publish how it is, retained. Raises LinkFault or LinkRefused."""
        await self._send(
            Parcel(
                topic=f"{self._forward.topic}/health",
                payload=json.dumps(held).encode(),
                content_type="application/json",
                retain=True,
            )
        )

    def _context(self, link: LinkSpec) -> SourceContext:
        secret = self._secrets.of(link.url)
        trust = TrustStore(self._clock).of(link.url)
        return SourceContext(
            link=link, clock=self._clock, secret=secret, project=self._project.folder, trust=trust
        )


def _forward_of(project: Project) -> Forward:
    """Return where a project's edge sends to. Raises ProjectFault."""
    if project.forward is None:
        raise ProjectFault(
            "This project does not say where an edge sends to.",
            where=str(project.folder),
            remedy='Add [forward] with link = "<a source>" and topic = "edge/<name>" to project.toml.',
        )
    return project.forward
