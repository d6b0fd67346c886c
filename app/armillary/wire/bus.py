"""Requests, answers and pushed frames between our processes, over ZeroMQ ROUTER/DEALER.

A message is [id (8 bytes), *codec parts]. A request carries its own id (> 0); its answer repeats it; a
pushed message has id 0. Sockets belong to one thread; only `wake` may be called from another.
Nothing is kept for an absent peer: a send to one is dropped by ZeroMQ and noticed by silence.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

import zmq
import zmq.asyncio

from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, FaultRecord, WorldFault, record
from armillary.model.message import Done
from armillary.wire.codec import Part, pack, unpack

_ID = struct.Struct("<q")
_HIGH_WATER = 1_000  # messages a peer may be behind before ZeroMQ drops: credit keeps it far below
_LOCAL = ("ipc://", "inproc://")
_MS = 1_000
_SOCKET_PATH_LIMIT = 107  # sockaddr_un, Linux
_KNOCK_S = 0.5


def local_address(folder: Path, name: str) -> str:
    """Return the address of a local socket in a folder that only this user may enter."""
    path = folder / f"{name}.sock"
    if len(str(path).encode()) > _SOCKET_PATH_LIMIT:
        raise WorldFault(
            "The path of a local socket is too long.",
            where=str(path),
            remedy="Set XDG_RUNTIME_DIR to a short path.",
        )
    return f"ipc://{path}"


def require_local(address: str) -> str:
    """Return the address of a local socket. Raises WorldFault for any other."""
    if not address.startswith(_LOCAL):
        raise WorldFault(
            f"The address {address} is not a local socket.",
            where=address,
            remedy="Give ipc://PATH; across machines a world needs keys and a log-in, which it has not yet.",
        )
    return address


def _options(socket: zmq.Socket[bytes] | zmq.asyncio.Socket) -> None:
    socket.setsockopt(zmq.LINGER, 200)
    socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
    socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)


def _read(parts: Sequence[bytes]) -> tuple[int, object]:
    """Return (id, record); a message that cannot be read becomes the FaultRecord that says so."""
    (number,) = _ID.unpack(parts[0]) if parts and len(parts[0]) == _ID.size else (0,)
    try:
        return number, unpack(parts[1:])
    except Fault as fault:
        return number, record(fault)


def _frames(number: int, message: object) -> list[Part]:
    return [_ID.pack(number), *pack(message)]


def remove_socket(address: str) -> None:
    if address.startswith("ipc://"):
        Path(address.removeprefix("ipc://")).unlink(missing_ok=True)


def _bind(bound: zmq.Socket[bytes] | zmq.asyncio.Socket, address: str) -> None:
    """Bind a socket to an address that nobody serves. Raises WorldFault.

    ZeroMQ itself takes a local address over from whoever serves it, who then is never asked again.
    """
    try:
        if address.startswith("ipc://"):
            _make_free(Path(address.removeprefix("ipc://")), address)
        bound.bind(address)
    except (zmq.ZMQError, OSError) as error:
        raise WorldFault(
            f"The address cannot be served: {os.strerror(error.errno or 0)}.",
            where=address,
            remedy="Give a path in a folder that you may write to.",
        ) from error


def _make_free(path: Path, address: str) -> None:
    """Remove the socket file that a process left behind. Raises WorldFault for one that is served."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise WorldFault(
            "The address is a file of another kind.",
            where=address,
            remedy="Give the path of a file that is not there yet.",
        )
    if served(address):
        raise WorldFault(
            "The address is taken: another process serves it.",
            where=address,
            remedy="End that process, or give another address.",
        )
    path.unlink(missing_ok=True)  # its owner was killed


def served(address: str) -> bool:
    """Return whether a process serves a local address."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(_KNOCK_S)
        try:
            knock.connect(address.removeprefix("ipc://"))
        except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # it is there, but has no time for us
        return True


class Hub:
    """The side that is connected to; blocking. Peers are named by ZeroMQ, not by what they claim."""

    def __init__(self, address: str) -> None:
        self.address = require_local(address)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        _options(self._socket)
        try:
            _bind(self._socket, address)
        except WorldFault:
            self._abandon()
            raise

    def poll(self, timeout_s: float) -> list[tuple[bytes, int, object]]:
        """Return what has arrived within the time: (peer, request id, message); empty when nothing did."""
        out: list[tuple[bytes, int, object]] = []
        wait = int(timeout_s * _MS)
        while self._socket.poll(wait if not out else 0):
            peer, *parts = self._socket.recv_multipart()
            out.append((peer, *_read(parts)))
        return out

    def send(self, peer: bytes, message: object, answers: int = 0) -> None:
        """Send a message to a peer, as the answer to a request or on its own; a Fault goes as its record."""
        body = record(message) if isinstance(message, Fault) else message
        self._socket.send_multipart([peer, *_frames(answers, body)], copy=False)

    def close(self) -> None:
        """Close the socket and remove its file."""
        self._abandon()
        remove_socket(self.address)

    def _abandon(self) -> None:
        self._socket.close()
        self._context.term()


class AsyncHub:
    """The same for an asyncio loop."""

    def __init__(self, address: str) -> None:
        self.address = require_local(address)
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        _options(self._socket)
        try:
            _bind(self._socket, address)
        except WorldFault:
            self._abandon()
            raise

    async def receive(self) -> tuple[bytes, int, object]:
        """Return the next (peer, request id, message)."""
        peer, *parts = await self._socket.recv_multipart()
        return (peer, *_read(parts))

    async def send(self, peer: bytes, message: object, answers: int = 0) -> None:
        """Send a message to a peer; a Fault goes as its record."""
        body = record(message) if isinstance(message, Fault) else message
        await self._socket.send_multipart([peer, *_frames(answers, body)], copy=False)

    def reaches(self, peer: bytes) -> bool:
        """Return whether a peer's end of its line stands still: False once its process is gone.

        It gets a message that says nothing. One that stands and does not read is reached all the same.
        """
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else ZeroMQ keeps to itself that nobody is there
        try:
            plain.send_multipart([peer, *_frames(0, Done())], flags=zmq.DONTWAIT)
        except zmq.Again:
            return True
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return False
        finally:
            self._socket.setsockopt(zmq.ROUTER_MANDATORY, 0)
        return True

    def close(self) -> None:
        """Close the socket and remove its file."""
        self._abandon()
        remove_socket(self.address)

    def _abandon(self) -> None:
        self._socket.close()
        self._context.term()


class Line:
    """The side that connects; blocking, one owner thread. It reconnects by itself when the hub comes back."""

    def __init__(self, address: str) -> None:
        self.address = require_local(address)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        _options(self._socket)
        self._socket.connect(address)
        self._next = 0
        self._early: list[tuple[int, object]] = []
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._wake_read, zmq.POLLIN)

    def send(self, message: object) -> int:
        """Send a request; return its id, which the answer repeats. A full line raises WorldFault at once."""
        self._next += 1
        try:
            self._socket.send_multipart(_frames(self._next, message), copy=False, flags=zmq.DONTWAIT)
        except zmq.Again:
            raise WorldFault(
                "The other process does not take messages.", where=self.address, remedy="See its log file."
            ) from None
        return self._next

    def poll(self, timeout_s: float) -> list[tuple[int, object]]:
        """Return what has arrived within the time: (id it answers or 0, message). `wake` ends it early."""
        out, self._early = self._early, []
        wait = 0 if out else int(timeout_s * _MS)
        ready = dict(self._poller.poll(wait))
        if self._wake_read in ready:
            try:
                os.read(self._wake_read, 4096)
            except BlockingIOError:
                ready.pop(self._wake_read)
        while self._socket.poll(0):
            out.append(_read(self._socket.recv_multipart()))
        return out

    def ask(self, message: object, timeout_s: float = 5.0) -> object:
        """Send a request and return its answer. Raises the other side's Fault, WorldFault after the time.

        Other messages that arrive meanwhile are kept for the next poll.
        """
        number = self.send(message)
        kept: list[tuple[int, object]] = []
        deadline = _Deadline(timeout_s)
        while (left := deadline.left()) > 0:
            came = self.poll(left)
            kept += [each for each in came if each[0] != number]
            for got in (got for answers, got in came if answers == number):
                self._early = kept
                if isinstance(got, FaultRecord):
                    raise got.fault()
                return got
        self._early = kept
        raise WorldFault(
            f"No answer within {timeout_s:g} s.",
            where=self.address,
            remedy="See whether the process runs, and its log.",
        )

    def wake(self) -> None:
        """End a poll of the owner thread at once; may be called from any thread."""
        try:
            os.write(self._wake_write, b"w")
        except (BlockingIOError, OSError):
            return  # already awake, or closed

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._context.term()
        os.close(self._wake_read)
        os.close(self._wake_write)


class Bell:
    """Ends a wait from another thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def ring(self) -> None:
        """End the wait at once; from any thread."""
        try:
            os.write(self._write, b"w")
        except (BlockingIOError, OSError):
            return  # already rung, or closed

    def wait(self, lines: Sequence[Line], timeout_s: float) -> None:
        """Return when one of some lines has something to read, the bell is rung, or the time is over."""
        poller = zmq.Poller()
        poller.register(self._read, zmq.POLLIN)
        for line in lines:
            poller.register(line._socket, zmq.POLLIN)  # noqa: SLF001  our own class
        if self._read in dict(poller.poll(int(timeout_s * _MS))):
            try:
                os.read(self._read, 4096)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read)
        os.close(self._write)


class AsyncLine:
    """The connecting side for an asyncio loop: requests with answers, no pushed messages."""

    def __init__(self, address: str) -> None:
        self.address = require_local(address)
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        _options(self._socket)
        self._socket.connect(address)
        self._next = 0

    async def send(self, message: object) -> int:
        """Send a request; return its id. Raises WorldFault when the other side takes nothing."""
        self._next += 1
        try:
            await self._socket.send_multipart(_frames(self._next, message), copy=False, flags=zmq.DONTWAIT)
        except zmq.Again:
            raise WorldFault(
                "The other process does not take messages.", where=self.address, remedy="See its log file."
            ) from None
        return self._next

    async def receive(self) -> tuple[int, object]:
        """Return the next (id it answers, message)."""
        return _read(await self._socket.recv_multipart())

    async def ask(self, message: object, timeout_s: float = 5.0) -> object:
        """Send a request and return its answer; not to be mixed with `receive` in another task."""
        number = await self.send(message)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answers, got = await self.receive()
                    if answers == number:
                        break
        except TimeoutError:
            raise WorldFault(
                f"No answer within {timeout_s:g} s.", where=self.address, remedy="See its log file."
            ) from None
        if isinstance(got, FaultRecord):
            raise got.fault()
        return got

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._context.term()


class _Deadline:
    """Time left of a blocking request. A timeout of the wire itself, so it reads the clock."""

    def __init__(self, seconds: float) -> None:
        self._clock = WallClock()
        self._end = self._clock.now_mono_ns() + int(seconds * NS)

    def left(self) -> float:
        return max(0.0, (self._end - self._clock.now_mono_ns()) / NS)
