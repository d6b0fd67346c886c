"""Both laws of an OPC UA link, whatever befalls it: bursts, bad status, a full inbox, off and on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plugins.opcua.plant import PlantServer, link, no_secret, node

from armillary.api import SourceContext, WallClock
from armillary.model.link import LinkState
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.links import Links
from armillary.telemetry.plan import plans
from armillary.twin.state import apply
from armillary_plugins.opcua.source import make

NAMES = ("Level", "Fast", "Broken", "Word", "Nowhere")
TAGS = [TagSpec(slot=i, name=name, link="plc", address=node(name)) for i, name in enumerate(NAMES)]
MOST = 40  # rows in the inbox: small, so that it is full soon
STEP = st.one_of(
    st.tuples(st.just("burst"), st.integers(1, 60)),
    st.tuples(st.just("write"), st.integers(0, 3)),
    st.tuples(st.just("bad"), st.just(1)),
    st.tuples(st.just("tick"), st.just(1)),
    st.tuples(st.just("again"), st.just(1)),
    st.tuples(st.just("off"), st.just(1)),
)


class Life:
    """One link to a real server, driven step by step."""

    def __init__(self, server: PlantServer) -> None:
        self.server, self.clock = server, WallClock()
        spec = link(server.url)
        self.plans = plans([spec], TAGS)
        self.inbox = Inbox(["plc"], max_messages=MOST)
        self.intake = Intake(self.plans, TAGS, self.inbox)
        self.table = TagTable(len(TAGS))
        context = SourceContext(link=spec, clock=self.clock, secret=no_secret, project=Path())
        self.links = Links(
            self.plans,
            {"opcua": make},
            {"plc": context},
            self.inbox,
            self.clock,
            wait=soon,
            jitter=lambda low, _high: low,
        )

    def law(self) -> None:
        tally = self.inbox.tally()["plc"]
        assert tally.holds, tally

    def tick(self) -> None:
        batch = self.intake.take(self.clock.now_mono_ns())
        self.law()
        self.intake.settle(batch, apply(self.table, batch).outcome)
        self.law()

    def is_up(self) -> bool:
        return self.links.statuses()[0].state in (LinkState.UP, LinkState.DEGRADED)

    async def until_up(self, before: int) -> None:
        async with asyncio.timeout(30):
            while not (self.is_up() and self.inbox.tally()["plc"].messages.received > before):
                self.tick()
                await asyncio.sleep(0.005)

    async def run(self, steps: list[tuple[str, int]]) -> None:
        running = asyncio.create_task(self.links.run())
        try:
            await self.until_up(0)
            for kind, count in steps:
                await self.step(kind, count)
                self.law()
        finally:
            await self.links.stop()
            await running
        self.inbox.close()
        self.tick()
        tally = self.inbox.tally()["plc"]
        assert tally.messages.queued == tally.samples.queued == 0
        assert tally.messages.received >= len(TAGS)  # all were read once; the refused one says so

    async def step(self, kind: str, count: int) -> None:
        before = self.inbox.tally()["plc"].messages.received
        if kind == "tick":
            self.tick()
        elif kind == "burst":
            await asyncio.to_thread(self.server.tell, burst=count)
            await asyncio.sleep(0.01)
        elif kind == "write":
            await asyncio.to_thread(self.server.tell, write=["Level", 1.0 + count])
        elif kind == "bad":
            await asyncio.to_thread(self.server.tell, status=["Broken", 0x808C0000])
        elif kind == "again":
            self.links.retry("plc")
            await self.until_up(before)
        else:
            self.links.disable("plc")
            self.links.enable("plc")
            await self.until_up(before)


async def soon(event: asyncio.Event, _seconds: float) -> None:
    """Wait as little as can be between two tries."""
    await asyncio.sleep(0.001)


def test_the_laws_hold_whatever_befalls_a_link(server: PlantServer) -> None:
    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(STEP, min_size=2, max_size=6))
    def lives(steps: list[tuple[str, int]]) -> None:
        asyncio.run(Life(server).run(steps))

    lives()


def test_a_full_inbox_is_counted_and_the_newest_of_each_node_stays(server: PlantServer) -> None:
    async def flood() -> None:
        life = Life(server)
        running = asyncio.create_task(life.links.run())
        try:
            await life.until_up(0)
            life.tick()
            await asyncio.to_thread(server.tell, burst=MOST)
            await asyncio.to_thread(server.tell, write=["Level", 4.5])
            async with asyncio.timeout(20):
                while life.table.value[1] != MOST or life.table.value[0] != 4.5:
                    life.tick()
                    await asyncio.sleep(0.01)
        finally:
            await life.links.stop()
            await running
        life.tick()

    asyncio.run(flood())
