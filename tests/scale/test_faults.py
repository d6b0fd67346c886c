"""The rows of the fault matrix that take their time: as promised, not shortened (`make soak`)."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import numpy as np
import psutil
import pytest
from fault_rig import BARE, Hose, Watchmaker, ended, gone, packets, received, up, values
from faultlog import note
from tcp_proxy import proxy

from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.tags import TagSpec

pytestmark = pytest.mark.scale
MIB = 1024**2
FLOOD_HZ, FLOOD_S = 50_000, 60
RETAINED = 100_000


async def test_row_2_a_hanging_broker_with_the_usual_keep_alive(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port)
    await asyncio.to_thread(broker.publish, *values(rig, 0, 100))
    await received(rig, 100)
    broker.send(signal.SIGSTOP)
    found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
    broker.send(signal.SIGCONT)
    await rig.until_state(LinkState.UP)
    ended(rig, 100)
    note("2", "broker hangs (SIGSTOP)", found, 8.0)


async def test_row_6_a_pulled_cable_with_the_usual_keep_alive(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port)
        net.stall()
        found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
        net.flow()
        await rig.until_state(LinkState.UP)
        ended(rig, 0)
        await gone(rig)
    note("6", "packets dropped silently", found, 8.0)


async def test_row_8_two_minutes_of_flapping_are_one_alarm(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port, BARE)
        watch, found, cuts = Watchmaker(rig), None, 0
        while (rig.clock.now_mono_ns() - watch.began) / NS < 120:
            await asyncio.sleep(3)
            net.cut()
            cuts += 1
            await rig.until(lambda: rig.status.state is not LinkState.UP)
            if rig.links.troubles() and found is None:
                found = (rig.clock.now_mono_ns() - watch.began) / NS
            await rig.until_state(LinkState.UP)
        assert tuple(rig.links.troubles()) == ("link:m:unstable",)
        texts = [e.text for e in rig.links.take_events()]
        assert sum("unstable" in text for text in texts) == 1
        assert len(texts) < 20 < cuts
        ended(rig, 0)
        await gone(rig)
    note("8", "connection flaps every 3 s for 2 min", found, 10.0, "what is published meanwhile at QoS 0")


async def test_row_22_a_minute_of_50000_messages_a_second(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port)
    block = b"".join(packets(b"f/%d" % (i % 4), [b'{"v":%d}' % i]) for i in range(FLOOD_HZ))
    process = psutil.Process()
    before = process.memory_info().rss
    watch = Watchmaker(rig)
    hose = Hose(broker.port, block, seconds=1.0, pieces=50, times=FLOOD_S)
    tally = lambda: rig.inbox.tally()["m"]  # noqa: E731
    await watch.until(lambda: tally().messages.received == FLOOD_HZ * FLOOD_S, FLOOD_S + 60.0)
    took = (rig.clock.now_mono_ns() - watch.began) / NS
    hose.close()
    ended(rig, FLOOD_HZ * FLOOD_S)
    grown = (process.memory_info().rss - before) / MIB
    dropped = sum(tally().messages.dropped.values())
    assert set(tally().messages.dropped) <= {"inbox_full"}
    assert grown < 100, grown
    assert rig.table.value.tolist() == [float(FLOOD_HZ - 4 + i) for i in range(4)]
    count = FLOOD_HZ * FLOOD_S
    note("22", f"flood, {count:,} messages in {took:.0f} s", None, None, f"{dropped} of {count:,}, counted")


async def test_row_23_a_storm_of_100000_retained_values(broker: Any, make_rig: Any) -> None:
    topics = [(f"r/{i}", b"%d" % i) for i in range(RETAINED)]
    data = b"".join(b"\x31" + packets(name.encode(), [body])[1:] for name, body in topics)
    hose = Hose(broker.port, data, seconds=2.0, pieces=50)
    await asyncio.to_thread(hose.close)
    tags = [TagSpec(slot=i, name=f"r{i}", link="m", address=f"r/{i}") for i in range(RETAINED)]
    rig = await make_rig(broker.port, tags, subscribe=["r/#"])
    watch = Watchmaker(rig)
    first = await watch.until(lambda: bool(rig.inbox.tally()["m"].samples.done))
    found = await watch.until_state(LinkState.UP, limit_s=30)
    await received(rig, RETAINED)
    ended(rig, RETAINED)
    assert np.array_equal(rig.table.value, np.arange(RETAINED))
    note("23", f"retained storm, {RETAINED:,} topics, until UP", found, 5.0)
    note("23", "… its first values", first, None)


async def test_row_24_half_a_minute_of_one_topic_at_10_khz(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port, _bare(2))
    block = packets(b"f/0", [b"%d" % i for i in range(10_000)])
    hose = Hose(broker.port, block, seconds=1.0, pieces=100, times=30)
    late: list[float] = []
    while hose.thread.is_alive():
        began, i = rig.clock.now_mono_ns(), len(late)
        await asyncio.to_thread(broker.publish, ("f/1", b"%d" % i))
        await rig.until(lambda i=i: rig.table.value[1] == i)
        late.append((rig.clock.now_mono_ns() - began) / NS)
    hose.close()
    await received(rig, 300_000 + len(late))
    ended(rig, 300_000 + len(late))
    note("24", "one topic at 10 kHz: p99 of another, published and seen", float(np.quantile(late, 0.99)), 0.5)


def _bare(count: int) -> list[TagSpec]:
    return [TagSpec(slot=i, name=f"t{i}", link="m", address=f"f/{i}") for i in range(count)]
