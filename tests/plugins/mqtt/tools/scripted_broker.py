"""A broker of a few lines that says what a test wants, also what no broker would say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

PINGRESP = b"\xd0\x00"
Act = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


def publish(topic: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + payload
    assert len(body) < 128
    return bytes([0x30, len(body)]) + body


def filters_of(body: bytes) -> list[bytes]:
    out, at = [], 0
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        out.append(body[at + 2 : end])
        at = end + 1  # the options
    return out


@asynccontextmanager
async def scripted(
    act: Act, version: int = 4, refused: Callable[[int], dict[bytes, int]] = lambda _visit: {}
) -> AsyncIterator[int]:
    """Serve MQTT to whoever comes: after each SUBSCRIBE `act` says what follows (writer, visit).

    `refused`: reason codes by filter, for a visit; all others are granted.
    """
    none = b"\0" if version == 5 else b""  # properties
    visits = 0
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        visit = visits
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while True:
                kind = (await reader.readexactly(1))[0] & 0xF0
                size = (await reader.readexactly(1))[0]
                if size > 127:
                    size = (size & 0x7F) | (await reader.readexactly(1))[0] << 7
                body = await reader.readexactly(size)
                if kind == 0x10:
                    writer.write(bytes([0x20, 2 + len(none), 0, 0]) + none)
                elif kind == 0x80:
                    codes = bytes(refused(visit).get(name, 0) for name in filters_of(body[2 + len(none) :]))
                    writer.write(bytes([0x90, 2 + len(none) + len(codes)]) + body[:2] + none + codes)
                    await writer.drain()
                    await act(writer, visit)
                elif kind == 0xC0:
                    writer.write(PINGRESP)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            serving.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in [*serving]:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
