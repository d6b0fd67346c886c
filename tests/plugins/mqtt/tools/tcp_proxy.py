"""A network that a test can break: cut, stall, delay, throttle, corrupt; one address for clients to use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

CHUNK = 65_536


class Proxy:
    """Settings take effect on what passes from then on. `up` is from the client to the server.

    `up` and `down` get the number of the connection, from 1, and what passes; they return what goes on.
    """

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.delay_s = 0.0  # each way
        self.bytes_per_s = 0.0  # to the client; 0 = as fast as it goes
        self.up: Callable[[int, bytes], bytes] = lambda _number, data: data
        self.down: Callable[[int, bytes], bytes] = lambda _number, data: data
        self.connections = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def stall(self) -> None:
        """Let nothing pass either way, and close nothing: a pulled cable."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        """Break every connection now."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._writers.add(writer)
        inner: asyncio.StreamWriter | None = None
        try:
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(inner)
            pipes = {
                asyncio.create_task(self._pipe(number, reader, inner, is_up=True)),
                asyncio.create_task(self._pipe(number, inner_reader, writer, is_up=False)),
            }
            self._tasks |= pipes
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            self._tasks -= pipes
        except OSError:
            pass
        finally:
            for each in (writer, inner):
                if each is not None:
                    self._writers.discard(each)
                    each.transport.abort()

    async def _pipe(
        self, number: int, source: asyncio.StreamReader, into: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        """Pass bytes on in order, each after its delay."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        sender = asyncio.create_task(self._send(late, into))
        try:
            while data := await source.read(CHUNK):
                await self._flowing.wait()
                data = (self.up if is_up else self.down)(number, data)
                if data:
                    late.put_nowait((loop.time() + self.delay_s, data))
                if self.bytes_per_s and not is_up:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
        except OSError:
            pass
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, late: asyncio.Queue[tuple[float, bytes]], into: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await late.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._flowing.wait()
            into.write(data)
            await into.drain()

    async def close(self) -> None:
        self._flowing.set()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
        await asyncio.sleep(0.01)
