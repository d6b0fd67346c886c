"""QoS 1 is acknowledged once it is on disk; a broker that sends too few at a time is noticed and told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fault_rig import BARE, TAGS, values

from armillary.model.link import LinkState
from armillary_plugins.mqtt.receipts import TIMES, Receipts

MS = 1_000_000
DURABLE: dict[str, Any] = {"durable": True, "acknowledge": "stored", "client_id": "keeps"}


def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    receipts = Receipts(5, waits=True)
    assert receipts.given([1, 2], 0) == 5
    assert receipts.given([3], 0) == 6
    assert receipts.stored(4, 0) == []
    assert receipts.stored(5, 0) == [1, 2]
    assert receipts.stored(6, 0) == [3]
    assert receipts.stored(6, 0) == []


def test_a_window_that_is_full_at_once_each_time_is_too_narrow() -> None:
    receipts, now = Receipts(1, waits=True), 0
    for round_ in range(TIMES + 2):
        number = receipts.given(list(range(20)), now + 2 * MS)
        now += 300 * MS
        assert len(receipts.stored(number, now)) == 20
        assert receipts.waits is (round_ < TIMES)
    assert receipts.window == 20


def test_bursts_of_one_size_are_not_taken_for_a_narrow_window() -> None:
    receipts, now = Receipts(1, waits=True), 0
    for _ in range(20):
        now += 700 * MS  # they come long after the window was empty
        number = receipts.given(list(range(20)), now)
        now += 300 * MS
        receipts.stored(number, now)
    assert receipts.waits


def test_what_comes_all_the_time_is_not_taken_for_a_narrow_window() -> None:
    receipts, now = Receipts(1, waits=True), 0
    for _ in range(20):
        for _ in range(6):
            now += 50 * MS
            number = receipts.given(list(range(10)), now)
        receipts.stored(number, now)
    assert receipts.waits


@pytest.mark.parametrize("client", ["own", "paho"])
async def test_what_was_not_stored_is_sent_again_to_who_comes_with_the_same_id(
    broker: Any, make_rig: Any, client: str
) -> None:
    first = await make_rig(broker.port, TAGS, **DURABLE)
    await first.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, *values(first, 0, 10), qos=1)
    await first.until(lambda: first.inbox.tally()["m"].messages.received == 10)
    first.links.stored("m", max(first.intake.take_receipts().values()))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(broker.publish, *values(first, 10, 5), qos=1)
    await first.until(lambda: first.inbox.tally()["m"].messages.received == 15)
    await first.stop()  # these five were never stored
    first.task = None
    second = await make_rig(broker.port, TAGS, **DURABLE)
    await second.until(lambda: second.inbox.tally()["m"].messages.received == 5)
    assert sorted(second.table.value.tolist()) == [11.0, 12.0, 13.0, 14.0]


async def test_a_narrow_broker_is_told_and_acknowledged_on_receipt(make_rig: Any) -> None:
    window, count = 4, 60
    unacknowledged: list[int] = []  # how many were under way when an acknowledgement came

    async def packet(reader: asyncio.StreamReader) -> bytes:
        _, length = await reader.readexactly(2)
        return await reader.readexactly(length)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x02\x00\x00")
        writer.write(b"\x90\x03" + (await packet(reader))[:2] + b"\x01")
        for number in range(1, count + 1, window):
            for packet_id in range(number, number + window):
                writer.write(b"\x32\x08\x00\x03f/0" + packet_id.to_bytes(2, "big") + b"7")
            for _ in range(window):
                await packet(reader)
            unacknowledged.append(number)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        rig = await make_rig(
            server.sockets[0].getsockname()[1], BARE, version=3, subscribe=["f/0"], silence_s=0, **DURABLE
        )

        def stores() -> bool:
            for receipt in rig.intake.take_receipts().values():
                rig.links.stored("m", receipt)
            return bool(rig.inbox.tally()["m"].messages.received == count)

        await rig.until(stores)
        await rig.until_state(LinkState.DEGRADED)
        assert "sends only 4 messages at a time" in rig.status.detail
        await rig.until(lambda: len(unacknowledged) == count // window)
        await rig.stop()
        rig.task = None
