"""Rows 15, 16 and 21 of the fault matrix at the link: same tick, protocol errors, both clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fault_rig import TAGS, Watchmaker, ended, rank, up
from faultlog import note
from scripted_broker import publish, scripted

from armillary.model.link import LinkState
from armillary.model.quality import BAD, CONFIG, GOOD, NEVER
from armillary.model.tags import TagSpec
from armillary.telemetry.refusals import Refusals

CLIENTS = pytest.mark.parametrize("client", ["own", "paho"])
NO_MQTT = "The broker sent what is no MQTT"


def told(rig: Any, words: str) -> Callable[[], bool]:
    """Return what finds out whether an event said this: a short state may fall between two looks at it."""
    texts: list[str] = []

    def is_told() -> bool:
        texts.extend(event.text for event in rig.links.take_events())
        return any(text.startswith(f"BACKOFF: {NO_MQTT}: {words}") for text in texts)

    return is_told


@CLIENTS
async def test_row_15_junk_is_bad_in_the_tick_that_took_it(broker: Any, make_rig: Any, client: str) -> None:
    rig = await up(make_rig, broker.port)
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":1}'), ("f/1", b'{"v":1}'))
    await rig.until(lambda: rank(rig, 0) == rank(rig, 1) == GOOD)
    watch = Watchmaker(rig)
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":1,,}'))
    seen: list[tuple[int, int]] = []

    def is_dropped() -> bool:
        seen.append((rig.inbox.tally()["m"].messages.dropped.get("undecodable", 0), rank(rig, 0)))
        return seen[-1][0] == 1

    found = await watch.until(is_dropped)
    assert seen[-1] == (1, BAD)  # dropped and shown as bad by one tick
    assert rig.table.why == {0: "not JSON at byte 7"}
    assert rank(rig, 1) == GOOD
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":2}'))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    assert not rig.table.why
    ended(rig, 4)
    note(
        "15", f"malformed JSON: bad in the tick that took it ({client})", found, None, "0; raw in quarantine"
    )


@CLIENTS
async def test_row_16_a_topic_that_is_no_utf_8_ends_the_connection_and_it_is_made_anew(
    make_rig: Any, client: str
) -> None:
    async def act(writer: asyncio.StreamWriter, visit: int) -> None:
        if visit == 1:
            writer.write(publish(b"f/0", b'{"v":1}') + publish(b"f/\xff\xfe", b'{"v":2}'))
        else:
            writer.write(publish(b"f/0", b'{"v":3}'))
        await writer.drain()

    async with scripted(act) as port:
        rig = await make_rig(port, TAGS, version=4)
        watch = Watchmaker(rig)
        found = await watch.until(told(rig, "a topic is not UTF-8."))
        await rig.until_state(LinkState.UP)
        await rig.until(lambda: rig.table.value[0] == 3.0)
        assert rank(rig, 0) == GOOD
        ended(rig, 2)  # what came before the broken topic counts; it is no message itself
        await rig.stop()
        rig.task = None
    note("16", f"topic that is not UTF-8: disconnected, connected anew ({client})", found, 5.0)


@pytest.mark.parametrize(
    ("topic", "why"), [(b"", "a topic is empty."), (b"f/\0", "a topic is empty or holds a NUL.")]
)
async def test_row_16_an_empty_topic_or_one_with_a_nul_ends_the_connection(
    make_rig: Any, topic: bytes, why: str
) -> None:
    async def act(writer: asyncio.StreamWriter, visit: int) -> None:
        writer.write(publish(topic, b'{"v":1}') if visit == 1 else publish(b"f/0", b'{"v":3}'))
        await writer.drain()

    async with scripted(act) as port:
        rig = await make_rig(port, TAGS, version=4)
        await rig.until(told(rig, why))
        await rig.until(lambda: rig.table.value[0] == 3.0)
        ended(rig, 1)
        await rig.stop()
        rig.task = None


async def test_row_21_a_million_fields_are_skipped_by_their_length(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port, version=4)
    watch = Watchmaker(rig)
    body = b"{" + b",".join(b'"%d":1' % i for i in range(1_000_000)) + b"}"
    await asyncio.to_thread(broker.publish, ("f/0", body), ("f/1", b'{"v":1}'))
    found = await watch.until(lambda: rig.inbox.tally()["m"].messages.dropped == {"too_big": 1})
    await rig.until(lambda: rank(rig, 1) == GOOD)
    assert rig.status.state is LinkState.UP
    ended(rig, 2)
    note(
        "21",
        f"JSON with 1 M fields, {len(body) / 1e6:.0f} MB: over the size limit",
        found,
        None,
        "it, counted",
    )


@pytest.mark.parametrize(
    ("version", "code", "why"),
    [
        (4, 0x80, "the broker refuses this topic (unspecified error, code 0x80)"),
        (5, 0x87, "the broker refuses this topic (not authorised, code 0x87)"),
    ],
)
@CLIENTS
async def test_row_10_a_refused_topic_says_so_at_each_tag_that_needs_it(
    make_rig: Any, client: str, version: int, code: int, why: str
) -> None:
    none = b"\0" if version == 5 else b""

    async def act(writer: asyncio.StreamWriter, visit: int) -> None:
        writer.write(publish(b"f/0", none + b'{"v":1}') + publish(b"f/2", none + b'{"v":1}'))
        await writer.drain()
        if visit == 2:
            writer.write(publish(b"f/1", none + b'{"v":4}'))

    def refused(visit: int) -> dict[bytes, int]:
        return {1: {b"f/1": code}, 2: {b"f/2": code, b"f/3": code}}.get(visit, {})

    tags = [*TAGS, TagSpec(slot=4, name="again", link="m", address="f/1#w")]
    async with scripted(act, version, refused) as port:
        rig = await make_rig(port, tags, version=version)
        refusals = Refusals(rig.plans)
        watch = Watchmaker(rig)

        def looked() -> dict[int, str]:
            refusals.look(rig.table, rig.links.refused())
            return rig.table.why

        found = await watch.until(lambda: looked() == {1: why, 4: why})
        assert (rank(rig, 1), rank(rig, 4)) == (NEVER, NEVER)
        await rig.until_state(LinkState.DEGRADED)
        assert rig.status.detail.startswith(
            f"1 of 4 subscriptions refused: f/1 {why.partition('topic ')[2]}."
        )
        await rig.until(lambda: rank(rig, 2) == GOOD)
        rig.links.retry("m")
        await rig.until(lambda: looked() == {2: why, 3: why})  # another one at the next connection
        await rig.until(lambda: rank(rig, 1) == GOOD)
        assert rig.table.quality[2] == BAD | CONFIG  # it had a value: what is shown may be old
        assert rank(rig, 3) == NEVER
        rig.links.retry("m")
        await rig.until(lambda: looked() == {} or looked() == {2: why})
        await rig.until(lambda: rank(rig, 2) == GOOD)
        assert looked() == {}
        await rig.stop()
        rig.task = None
    fault = f"a filter is refused in SUBACK, MQTT {'3.1.1' if version == 4 else '5'}: at its tags ({client})"
    note("10", fault, found, 2.0, "others flow")
