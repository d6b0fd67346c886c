"""A web server that carries WebSockets to a plain TCP port: mosquitto's own are not built in everywhere.

The frames are made here by the RFC's text; paho's WebSocket client, written by others, speaks with it in the
same tests as ours does.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Bridge:
    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.path = b"/mqtt"
        self.answer = b""  # instead of an upgrade
        self.chop = 0  # bytes in each frame to the client; 0 = as they come
        self.ping_first = False
        self.pongs: list[bytes] = []
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head)
            lines = head.split(b"\r\n")
            fields = {n.lower().strip(): v.strip() for n, _, v in (x.partition(b":") for x in lines[1:])}
            path = lines[0].split()[1]
            if self.answer or path != self.path:
                writer.write(self.answer or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return
            digest = hashlib.sha1(fields[b"sec-websocket-key"] + GUID, usedforsecurity=False).digest()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: "
                + base64.b64encode(digest)
                + b"\r\n\r\n"
            )
            if self.ping_first:
                writer.write(b"\x89\x04ping")
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.target)
            tasks = [
                asyncio.create_task(self._out(reader, inner, writer)),
                asyncio.create_task(self._in(inner_reader, writer)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            inner.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    async def _out(
        self, reader: asyncio.StreamReader, inner: asyncio.StreamWriter, outer: asyncio.StreamWriter
    ) -> None:
        while True:
            first, second = await reader.readexactly(2)
            assert second & 0x80, "a client's frames are masked (RFC 6455, 5.1)"
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await reader.readexactly(8), "big")
            mask = await reader.readexactly(4)
            body = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
            if first & 0x0F == 8:
                outer.write(b"\x88\x00")
                return
            if first & 0x0F == 10:
                self.pongs.append(body)
            elif first & 0x0F in (0, 2):
                inner.write(body)

    async def _in(self, inner: asyncio.StreamReader, outer: asyncio.StreamWriter) -> None:
        while data := await inner.read(65_536):
            step = self.chop or len(data)
            for at in range(0, len(data), step):
                part = data[at : at + step]
                outer.write(_head(0x82, len(part)) + part)
            await outer.drain()


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return bytes([first, size])
    if size < 65_536:
        return bytes([first, 126]) + size.to_bytes(2, "big")
    return bytes([first, 127]) + size.to_bytes(8, "big")


@asynccontextmanager
async def bridge(target: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Bridge]:
    made = Bridge(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
