"""What a real broker seldom does: a scripted one refuses, falls silent, hangs up, sends junk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from armillary.api import (
    LinkFault,
    LinkRefused,
    LinkSpec,
    LinkState,
    Route,
    SourceContext,
    SubscriptionPlan,
    WallClock,
    WireBatch,
)
from armillary_plugins.mqtt.source import make

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNACK_5, CONNACK_3 = b"\x20\x03\x00\x00\x00", b"\x20\x02\x00\x00"


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    length, shift = size & 0x7F, 7
    while size & 0x80:
        (size,) = await reader.readexactly(1)
        length |= (size & 0x7F) << shift
        shift += 7
    return first, await reader.readexactly(length)


@asynccontextmanager
async def broker(talk: Talk) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            writer.close()
            left.set()

    left = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(3):
            await left.wait()


def answering(connack: bytes, suback: bytes, after: bytes = b"") -> Talk:
    """Answer CONNECT and SUBSCRIBE, send something, then stay until the client leaves."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(connack)
        _, body = await packet(reader)
        writer.write(bytes([0x90, 2 + len(suback)]) + body[:2] + suback + after)
        await reader.read()

    return talk


class Out:
    def __init__(self) -> None:
        self.batches: list[WireBatch] = []
        self.states: list[tuple[LinkState, str]] = []
        self.lost: dict[str, int] = {}
        self.room = True

    def wire(self, batch: WireBatch) -> None:
        self.batches.append(batch)

    samples = wire

    def alive(self, mono_ns: int) -> None:
        pass

    def state(self, state: LinkState, detail: str = "") -> None:
        self.states.append((state, detail))

    def dropped(self, reason: str, count: int) -> None:
        self.lost[reason] = self.lost.get(reason, 0) + count

    @property
    def changed(self) -> Any:
        return self._never()

    async def _never(self) -> Any:
        await asyncio.Event().wait()
        yield None

    def payloads(self) -> list[tuple[str, bytes]]:
        return [
            (b.channels[c], b.payload[b.start[i] : b.start[i + 1]])
            for b in self.batches
            for i, c in enumerate(b.channel.tolist())
        ]


def source(port: int, **settings: Any) -> Any:
    link = LinkSpec(name="m", kind="mqtt", url=f"mqtt://127.0.0.1:{port}", settings=settings)
    return make(SourceContext(link=link, clock=WallClock(), secret={}.__getitem__, project=Path()))


def plan(*topics: str) -> SubscriptionPlan:
    link = LinkSpec(name="m", kind="mqtt", url="")
    routes = tuple(Route(slot=i, tag=t, channel=t) for i, t in enumerate(topics))
    return SubscriptionPlan(link=link, routes=routes)


async def run(it: Any, out: Out, *topics: str, seconds: float = 4.0) -> None:
    async with asyncio.timeout(seconds):
        await it.run(plan(*topics), out)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("version", "connack", "props"), [(5, CONNACK_5, b"\0"), (4, CONNACK_3, b"")])
async def test_refused_subscriptions_degrade_the_link_and_are_named(
    version: int, connack: bytes, props: bytes
) -> None:
    code = b"\x87" if version == 5 else b"\x80"
    async with broker(answering(connack, props + b"\x00" + code)) as port:
        out = Out()
        task = asyncio.create_task(run(source(port, version=version), out, "a", "b"))
        await until(lambda: out.states[-1:] != [] and out.states[-1][0] is LinkState.DEGRADED)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert out.states[-1][1].startswith("1 of 2 subscriptions refused: b (")
    assert [s for s, _ in out.states] == [LinkState.CONNECTING, LinkState.SYNCING, LinkState.DEGRADED]


def v5_publish(topic: bytes, payload: bytes, alias: int = 0) -> bytes:
    props = b"\x03\x23" + alias.to_bytes(2, "big") if alias else b"\x00"
    body = len(topic).to_bytes(2, "big") + topic + props + payload
    return bytes([0x30, len(body)]) + body


async def test_topic_aliases_are_resolved() -> None:
    stream = v5_publish(b"a/b", b"1", 7) + v5_publish(b"", b"2", 7) + v5_publish(b"c", b"3", 7)
    stream += v5_publish(b"", b"4", 7) + v5_publish(b"a/b", b"5")
    async with broker(answering(CONNACK_5, b"\0\0", stream)) as port:
        out = Out()
        task = asyncio.create_task(run(source(port), out, "a"))
        await until(lambda: len(out.payloads()) == 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert out.payloads() == [("a/b", b"1"), ("a/b", b"2"), ("c", b"3"), ("c", b"4"), ("a/b", b"5")]


@pytest.mark.parametrize(
    ("junk", "message"),
    [
        (v5_publish(b"", b"x", 9), "topic alias 9 was never set"),
        (b"\x30\x04\x00\x09ab", "shorter than its topic"),
        (b"\x30\x05\x00\x02\xff\xfe\x00", "not UTF-8"),
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\x06\x00\x01a\x02\x7f\x00", "property 0x7F is unknown"),
    ],
)
async def test_what_is_no_mqtt_ends_the_connection_with_a_fault(junk: bytes, message: str) -> None:
    async with broker(answering(CONNACK_5, b"\0\0", junk)) as port:
        with pytest.raises(LinkFault, match=f"no MQTT: .*{message}"):
            await run(source(port), Out(), "a")


async def test_a_taken_over_session_steps_back() -> None:
    async with broker(answering(CONNACK_5, b"\0\0", b"\xe0\x01\x8e")) as port:
        with pytest.raises(LinkRefused, match="Another client uses the id 'me'"):
            await run(source(port, client_id="me"), Out(), "a")


async def test_a_broker_that_shuts_down_says_why() -> None:
    async with broker(answering(CONNACK_5, b"\0\0", b"\xe0\x01\x8b")) as port:
        with pytest.raises(LinkFault, match="server shutting down") as caught:
            await run(source(port), Out(), "a")
    assert not isinstance(caught.value, LinkRefused)


@pytest.mark.parametrize("refusal", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""])
async def test_an_old_broker_is_tried_by_the_old_version_next(refusal: bytes) -> None:
    levels: list[int] = []

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await packet(reader)
        levels.append(body[6])
        if body[6] == 5:
            writer.write(refusal)
            return
        writer.write(CONNACK_3)
        _, body = await packet(reader)
        writer.write(b"\x90\x03" + body[:2] + b"\x00")
        await reader.read()

    async with broker(old) as port:
        it, out = source(port), Out()
        with pytest.raises(LinkFault):
            await run(it, out, "a")
        task = asyncio.create_task(run(it, out, "a"))
        await until(lambda: out.states[-1][0] is LinkState.UP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert levels == [5, 4]
        assert out.states[-1][1] == "The broker speaks MQTT 3.1.1 only."
        with pytest.raises(LinkFault):
            await run(source(port, version=5), out, "a")
    assert levels == [5, 4, 5]


@pytest.mark.parametrize(
    ("code", "kind"), [(0x85, LinkRefused), (0x8A, LinkRefused), (0x88, LinkFault), (0x89, LinkFault)]
)
async def test_a_busy_broker_is_tried_again_and_a_final_no_is_not(code: int, kind: type[LinkFault]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x03\x00" + bytes([code]) + b"\x00")
        await reader.read()

    async with broker(refuse) as port:
        with pytest.raises(LinkFault, match=f"code 0x{code:02X}") as caught:
            await run(source(port), Out(), "a")
    assert type(caught.value) is kind


async def test_a_server_that_speaks_something_else_is_named() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with broker(web) as port:
        with pytest.raises(LinkFault, match="MQTT broker"):
            await run(source(port), Out(), "a", seconds=2.0)


async def test_messages_cut_anywhere_by_the_network_come_out_whole() -> None:
    stream = b"".join(v5_publish(b"t/%d" % (i % 3), b"x" * (i % 120)) for i in range(200))

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5)
        _, body = await packet(reader)
        writer.write(b"\x90\x04" + body[:2] + b"\0\0")
        for at in range(0, len(stream), 37):
            writer.write(stream[at : at + 37])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with broker(dribble) as port:
        out = Out()
        task = asyncio.create_task(run(source(port), out, "t"))
        await until(lambda: len(out.payloads()) == 200)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert out.payloads() == [(f"t/{i % 3}", b"x" * (i % 120)) for i in range(200)]


async def test_a_qos1_message_is_acknowledged_after_it_was_handed_over() -> None:
    acknowledged: list[bytes] = []
    out = Out()
    handed: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5)
        _, body = await packet(reader)
        writer.write(b"\x90\x04" + body[:2] + b"\0\x01" + b"\x32\x08\x00\x01a\x00\x2a\x00hi")
        first, body = await packet(reader)
        acknowledged.append(bytes([first]) + body)
        handed.append(len(out.payloads()))

    async with broker(talk) as port:
        with pytest.raises(LinkFault):
            await run(source(port, qos=1), out, "a")
    assert acknowledged == [b"\x40\x00\x2a"]
    assert handed == [1]
    assert out.payloads() == [("a", b"hi")]


async def test_the_id_that_a_broker_gives_us_is_the_one_that_is_told() -> None:
    assigned = b"\x12\x00\x04b-17"
    connack = bytes([0x20, 3 + len(assigned), 0, 0, len(assigned)]) + assigned
    async with broker(answering(connack, b"\0\0", b"\xe0\x01\x8e")) as port:
        with pytest.raises(LinkRefused, match="Another client uses the id 'b-17'"):
            await run(source(port), Out(), "a")


@pytest.mark.parametrize("code", [0x9C, 0x9D])
async def test_a_broker_that_sends_us_elsewhere_says_where(code: int) -> None:
    server = b"\x1c\x00\x05b2:83"

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(bytes([0x20, 3 + len(server), 0, code, len(server)]) + server)
        await reader.read()

    async with broker(elsewhere) as port:
        with pytest.raises(LinkRefused, match=r"sends us to another server \(b2:83\)"):
            await run(source(port), Out(), "a")


async def test_a_brokers_own_words_are_passed_on() -> None:
    words = b"\x1f\x00\x07upgrade"
    goodbye = bytes([0xE0, 2 + len(words), 0x8B, len(words)]) + words
    async with broker(answering(CONNACK_5, b"\0\0", goodbye)) as port:
        with pytest.raises(LinkFault, match="server shutting down, code 0x8B: upgrade"):
            await run(source(port), Out(), "a")


async def test_the_messages_before_what_is_no_mqtt_are_kept() -> None:
    async with broker(
        answering(CONNACK_5, b"\0\0", v5_publish(b"a", b"1") + v5_publish(b"", b"x", 9))
    ) as port:
        out = Out()
        with pytest.raises(LinkFault, match="topic alias 9 was never set"):
            await run(source(port), out, "a")
    assert out.payloads() == [("a", b"1")]
    assert len(out.batches[0].arrival_mono_ns) == 1


async def test_a_broker_that_does_not_answer_a_subscription_degrades_the_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("armillary_plugins.mqtt.session.ANSWER_S", 0.2)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5)
        await packet(reader)
        await reader.read()

    async with broker(mute) as port:
        out = Out()
        task = asyncio.create_task(run(source(port), out, "a"))
        await until(lambda: out.states[-1:] != [] and out.states[-1][0] is LinkState.DEGRADED)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert out.states[-1][1].startswith("1 of 1 subscriptions refused: a (no answer).")
