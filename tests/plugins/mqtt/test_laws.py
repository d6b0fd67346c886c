"""Both laws of a link, at every moment of any life: bursts, junk, doubles, cuts, a full inbox, off and on.

Real clients (our own and paho) on a real socket; the other side says what the test wants.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_broker import publish, scripted
from tests.plugins.mqtt.conftest import Rig

from armillary.model.frame import MESSAGE_DROPS, SAMPLE_DROPS
from armillary.model.link import LinkState
from armillary.model.tags import TagSpec

TAGS = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"f/{i}#v", time_path="t") for i in range(3)]
MOST = 120  # messages in the inbox: small, so that it is full soon
STEP = st.one_of(
    st.tuples(st.just("burst"), st.integers(1, 200)),
    st.tuples(st.just("doubles"), st.integers(1, 40)),
    st.tuples(st.just("junk"), st.integers(1, 40)),
    st.tuples(st.just("big"), st.integers(1, 3)),
    st.tuples(st.just("stranger"), st.integers(1, 5)),
    st.tuples(st.just("late"), st.integers(1, 20)),
    st.tuples(st.just("tick"), st.just(1)),
    st.tuples(st.just("cut"), st.just(1)),
    st.tuples(st.just("broken"), st.just(1)),
    st.tuples(st.just("off"), st.just(1)),
)


class Life:
    """One link, driven step by step; what is sent is counted by the sender."""

    def __init__(self, client: str) -> None:
        self.client, self.sent, self.visits = client, 0, 0
        self.writer: asyncio.StreamWriter | None = None
        self.is_exact = True  # all that was sent must have come
        self.number = 0

    async def came(self, writer: asyncio.StreamWriter, visit: int) -> None:
        self.writer, self.visits = writer, visit

    def law(self) -> None:
        for tally in self.rig.inbox.tally().values():
            assert tally.holds, tally
            assert set(tally.messages.dropped) <= set(MESSAGE_DROPS)
            assert set(tally.samples.dropped) <= set(SAMPLE_DROPS)
            assert tally.messages.received <= self.sent
            assert tally.samples.late <= tally.samples.coalesced

    async def until(self, holds: Any, what: str, *, ticks: bool = True) -> None:
        async with asyncio.timeout(30):
            while not holds():
                if ticks:
                    self.rig.tick()
                self.law()
                await asyncio.sleep(0.002)

    async def run(self, steps: list[tuple[str, int]]) -> None:
        async with scripted(self.came) as port:
            more = {"client": self.client} if self.client != "own" else {}
            self.rig = Rig(port, TAGS, version=4, max_payload=100, **more)
            self.rig.inbox._max_messages = MOST
            for connection in self.rig.links._connections.values():
                connection._wait = soon
            await self.rig.start()
            try:
                await self.up(1)
                for kind, count in steps:
                    await self.step(kind, count)
                    self.law()
                if self.is_exact:
                    received = lambda: self.rig.inbox.tally()["m"].messages.received  # noqa: E731
                    await self.until(lambda: received() == self.sent, "all came")
            finally:
                await self.rig.stop()
            self.rig.inbox.close()
            self.rig.tick()
            self.law()
            tally = self.rig.inbox.tally()["m"]
            assert tally.messages.queued == tally.samples.queued == 0

    async def up(self, visit: int) -> None:
        await self.until(lambda: self.visits >= visit, "it is there again")
        await self.until(lambda: self.rig.status.state is LinkState.UP, "it is up")

    async def step(self, kind: str, count: int) -> None:
        writer = self.writer
        assert writer is not None
        visit = self.visits
        if kind == "tick":
            self.rig.tick()
        elif kind in ("cut", "broken"):
            if kind == "broken":  # a packet type that does not exist
                writer.write(b"\xf0\x00" if self.client == "paho" else b"\x30\xff\xff\xff\xff\xff")
                await writer.drain()
            writer.close()
            await self.up(visit + 1)
        elif kind == "off":
            self.is_exact = False  # what is under way then is never read
            self.rig.links.disable("m")
            await self.until(lambda: self.rig.status.state is LinkState.OFF, "it is off")
            self.rig.links.enable("m")
            await self.up(visit + 1)
        else:
            writer.write(b"".join(self.message(kind) for _ in range(count)))
            self.sent += count
            await writer.drain()
            await asyncio.sleep(0.005)

    def message(self, kind: str) -> bytes:
        self.number += kind not in ("doubles", "late")
        now = self.rig.clock.now_ns() // 1_000_000
        topic = b"f/%d" % (self.number % 3)
        if kind == "junk":
            return publish(topic, b'{"v":1,,}')
        if kind == "big":
            return publish(topic, b'{"v":' + b" " * 105 + b"1}")
        if kind == "stranger":
            return publish(b"g/%d" % self.number, b"{}")
        if kind == "late":
            now -= 60_000
        return publish(topic, b'{"v":%d,"t":%d}' % (self.number, now))


async def soon(event: asyncio.Event, _seconds: float) -> None:
    """Wait as little as can be between two tries."""
    await asyncio.sleep(0.001)


@pytest.mark.parametrize(("client", "tries"), [("own", 15), ("paho", 8)])
def test_the_laws_hold_whatever_befalls_a_link(client: str, tries: int) -> None:
    @settings(
        max_examples=tries,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(STEP, min_size=2, max_size=8))
    def lives(steps: list[tuple[str, int]]) -> None:
        asyncio.run(Life(client).run(steps))

    lives()


@pytest.mark.parametrize("client", ["own", "paho"])
def test_each_reason_is_counted_by_its_name(client: str) -> None:
    life = Life(client)
    bursts = [("burst", 200), ("burst", 200)]
    rest = [("tick", 1), ("junk", 5), ("big", 2), ("stranger", 3), ("doubles", 5), ("late", 4), ("tick", 1)]
    asyncio.run(life.run([*bursts, *rest]))
    tally = life.rig.inbox.tally()["m"]
    full = tally.messages.dropped.get("inbox_full", 0)
    assert tally.messages.dropped == {
        "too_big": 2,
        "undecodable": 5,
        "filtered": 3,
        **({"inbox_full": full} if full else {}),
    }
    assert full or client == "paho"  # it may be slow enough to find room
    assert tally.samples.late
