"""Connected is not delivering: what a link that brings nothing finds out about itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tcp_proxy import proxy

from armillary.model.link import LinkState
from armillary.model.quality import GOOD, RANK_MASK, STALE
from armillary.model.tags import TagSpec

TAGS = [TagSpec(slot=0, name="t", link="m", address="s/a")]
CLIENTS = pytest.mark.parametrize("client", ["own", "paho"])


def rank(rig: Any) -> int:
    return int(rig.table.quality[0] & RANK_MASK)


async def first_value(broker: Any, make_rig: Any, port: int) -> Any:
    rig = await make_rig(port, TAGS, silence_s=1)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("s/a", b"1"))
    await rig.until(lambda: rank(rig) == GOOD)
    return rig


@CLIENTS
async def test_a_silent_source_is_told_and_the_link_is_not_torn_down(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await first_value(broker, make_rig, net.port)
        await rig.until_state(LinkState.DEGRADED)
        assert rig.status.detail.startswith("The source is silent: the server answers")
        assert rank(rig) == STALE
        await asyncio.to_thread(broker.publish, ("s/a", b"2"))
        await rig.until_state(LinkState.UP)
        await rig.until(lambda: rank(rig) == GOOD)
        assert net.connections == 2  # the link and one probe
        await rig.stop()
        rig.task = None


@CLIENTS
async def test_a_session_that_brings_nothing_while_others_hear_is_connected_anew(
    broker: Any, make_rig: Any
) -> None:
    async with proxy(broker.port) as net:
        rig = await first_value(broker, make_rig, net.port)
        # The broker has forgotten this one: it answers pings and sends no messages.
        net.down = lambda number, data: data if number > 1 or data[:1] in (b"\xd0", b"\xb0") else b""
        stop = asyncio.Event()

        async def others() -> None:
            while not stop.is_set():
                await asyncio.to_thread(broker.publish, ("s/a", b"7"))
                await asyncio.sleep(0.2)

        talk = asyncio.create_task(others())
        try:
            await rig.until(lambda: rig.status.losses == 1)
            causes = [e.fault.what for e in rig.links.take_events() if e.fault]
            assert causes == ["Others get messages and we do not: our session is dead."]
            await rig.until(lambda: rig.table.value[0] == 7.0 and rank(rig) == GOOD)
        finally:
            stop.set()
            await talk
        await rig.stop()
        rig.task = None


@pytest.mark.parametrize("filters", [["s/a"], ["$share/g/s/a"]])
async def test_a_source_that_speaks_while_it_is_probed_loses_nothing_and_no_connection(
    broker: Any, make_rig: Any, filters: list[str]
) -> None:
    async with proxy(broker.port) as net:
        rig = await make_rig(net.port, TAGS, silence_s=1, subscribe=filters)
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(broker.publish, ("s/a", b"1"))
        await rig.until(lambda: rank(rig) == GOOD)
        await rig.until(lambda: rig.status.delivery == "silent" and net.connections == 2)
        await asyncio.sleep(0.3)  # the probe listens
        await asyncio.to_thread(broker.publish, *[("s/a", b"%d" % i) for i in range(20)])
        await rig.until(lambda: rig.inbox.tally()["m"].messages.received == 21)
        await asyncio.sleep(1.0)  # the probe is over
        rig.tick()
        assert rig.status.state is LinkState.UP
        assert rig.status.losses == 0
        assert net.connections == 2
        await rig.stop()
        rig.task = None


async def test_silence_that_nobody_watches_degrades_nothing(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, TAGS, silence_s=0)
    await rig.until_state(LinkState.UP)
    assert not rig.status.silence_watched


async def test_a_name_that_nobody_knows_is_told_as_such(make_rig: Any) -> None:
    rig = await make_rig(1883, TAGS, host="nowhere.invalid")
    await rig.until_state(LinkState.BACKOFF, limit_s=15)
    assert "nowhere.invalid" in rig.status.detail
    assert "name service" in rig.status.detail
    told = [e.text for e in rig.links.take_events()]
    assert not any(text.startswith("CONNECTING") for text in told)  # it never came so far
