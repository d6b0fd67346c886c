"""MQTT inside a WebSocket (RFC 6455, client side): bytes in, bytes out, nothing kept that may pass at once.

MQTT packets do not follow WebSocket frames (MQTT 6.0): payloads are handed on as one stream, whatever their
frames, so that the reader behind it reads whole socket buffers as it does without a WebSocket.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Any

from armillary.api import LinkFault, LinkRefused
from armillary_plugins.mqtt.settings import Settings

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_HEAD_LIMIT = 16 * 1024  # of the server's answer
_CONTINUED, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN, _MASKED, _RESERVED = 0x80, 0x80, 0x70
_SHORT, _TWO_BYTES = 126, 127  # lengths from here on stand in more bytes
_CONTROL_LIMIT = 125
_SWITCHED, _NO_RIGHT, _NOT_HERE = 101, (401, 403), (404, 405, 410)


class BadFrame(Exception):
    """Bytes that are no WebSocket: the connection cannot go on."""


class Frames:
    """Takes frames of a server apart; what is inside comes out as it comes in."""

    def __init__(self) -> None:
        self._rest = b""  # of a header or a control frame
        self._left = 0  # bytes of a data frame still to come

    def feed(self, data: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
        """Take one read; return (payload bytes, control frames as (opcode, payload)). Raises BadFrame."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        out: list[bytes] = []
        controls: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        while at < size:
            if self._left:
                taken = min(self._left, size - at)
                out.append(data[at : at + taken])
                self._left -= taken
                at += taken
                continue
            header = _header(data, at)
            if header is None:
                break
            opcode, length, start = header
            if opcode < _CLOSE:
                self._left, at = length, start
                continue
            if start + length > size:
                break
            controls.append((opcode, data[start : start + length]))
            at = start + length
        self._rest = data[at:]
        return (out[0] if len(out) == 1 else b"".join(out)), controls


def _header(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return (opcode, length, where the payload begins), None while incomplete."""
    if len(data) - at < 2:  # noqa: PLR2004  the shortest header
        return None
    first, length, start = data[at], data[at + 1], at + 2
    opcode = first & 0x0F
    if first & _RESERVED or length & _MASKED:
        raise BadFrame("a frame is masked, or has reserved bits")
    if opcode not in (_CONTINUED, _BINARY, _CLOSE, _PING, _PONG):
        raise BadFrame("text instead of binary" if opcode == _TEXT else f"a frame of kind {opcode}")
    if opcode >= _CLOSE and (length > _CONTROL_LIMIT or not first & _FIN):
        raise BadFrame("a control frame is too long, or in parts")
    more = {_SHORT: 2, _TWO_BYTES: 8}.get(length, 0)
    if more:
        if len(data) < start + more:
            return None
        length = int.from_bytes(data[start : start + more], "big")
    return opcode, length, start + more


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a frame as a client must send it: masked."""
    size = len(payload)
    if size < _SHORT:
        head = bytes([_FIN | opcode, _MASKED | size])
    elif size < 1 << 16:
        head = bytes([_FIN | opcode, _MASKED | _SHORT]) + size.to_bytes(2, "big")
    else:
        head = bytes([_FIN | opcode, _MASKED | _TWO_BYTES]) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    pattern = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return head + mask + masked.to_bytes(size, "big")


class WebSocket(asyncio.Protocol):
    """Stands between a socket and the protocol inside; `opened` says when and whether the server agreed."""

    def __init__(self, inner: asyncio.Protocol, settings: Settings) -> None:
        self._inner, self._settings = inner, settings
        self._frames = Frames()
        self._head: bytes | None = b""  # the server's answer so far; None once it is whole
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[LinkFault | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        host = self._settings.server_name
        host = f"[{host}]" if ":" in host else host
        request = (
            f"GET {self._settings.path} HTTP/1.1\r\nHost: {host}:{self._settings.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self._key}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        )
        transport.write(request.encode("ascii", "replace"))

    def data_received(self, data: bytes) -> None:
        """Take one read: the server's answer first, frames from then on."""
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                if len(self._head) > _HEAD_LIMIT:
                    self._refuse(_no_web_socket("its answer has no end", self._settings))
                return
            fault = judged(head, self._key, self._settings)
            if fault is not None:
                self._refuse(fault)
                return
            self._head = None
            if self._transport is not None:
                self._inner.connection_made(_Carrier(self._transport))
            if not self.opened.done():
                self.opened.set_result(None)
        if data:
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            payload, controls = self._frames.feed(data)
        except BadFrame as error:
            self._end(error)
            return
        if payload:
            self._inner.data_received(payload)
        for opcode, body in controls:
            if opcode == _PING and self._transport is not None and not self._transport.is_closing():
                self._transport.write(frame(_PONG, body))
            elif opcode == _CLOSE and self._transport is not None and not self._transport.is_closing():
                self._transport.write(frame(_CLOSE, body[:2]))
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on."""
        if not self.opened.done():
            why = f"it hung up: {exc}" if exc else "it hung up"
            self.opened.set_result(_no_web_socket(why, self._settings))
        if self._head is None:
            self._inner.connection_lost(exc)

    def abort(self) -> None:
        """Give it up before the server agreed."""
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, fault: LinkFault) -> None:
        if not self.opened.done():
            self.opened.set_result(fault)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, error: BadFrame) -> None:
        """Let the protocol inside hear why, before it hears that it is over."""
        self._head = b""  # it hears of the end once
        self._inner.connection_lost(ConnectionError(f"no WebSocket: {error}"))
        if self._transport is not None:
            self._transport.abort()


class _Carrier(asyncio.Transport):
    """What the protocol inside takes for its socket."""

    def __init__(self, outer: asyncio.Transport) -> None:
        super().__init__()
        self._outer = outer

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._outer.write(frame(_BINARY, bytes(data)))

    def close(self) -> None:
        if not self._outer.is_closing():
            self._outer.write(frame(_CLOSE, b"\x03\xe8"))  # 1000: done
        self._outer.close()

    def abort(self) -> None:
        self._outer.abort()

    def is_closing(self) -> bool:
        return self._outer.is_closing()

    def pause_reading(self) -> None:
        self._outer.pause_reading()

    def resume_reading(self) -> None:
        self._outer.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # Any: as asyncio has it
        return self._outer.get_extra_info(name, default)


def judged(head: bytes, key: str, settings: Settings) -> LinkFault | None:
    """Return why a server's answer is no yes, None when it is one."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not lines[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004
        return _no_web_socket(f"its first bytes are {head[:16]!r}", settings)
    code, said = int(words[1]), " ".join(words[1:])
    fields = {name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines[1:])}
    if code in _NO_RIGHT:
        return LinkRefused(
            f"The web server lets us not in ({said}).",
            where=settings.where,
            remedy="Ask for access to it, then retry now.",
        )
    if code in _NOT_HERE:
        return LinkFault(
            f"The web server has no MQTT at '{settings.path}' ({said}).",
            where=settings.where,
            remedy="Correct the path in the url; many brokers have it at /mqtt.",
        )
    if code != _SWITCHED:
        return _no_web_socket(f"it says {said}", settings)
    digest = hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()
    if fields.get("sec-websocket-accept") != base64.b64encode(digest).decode():
        return _no_web_socket("its answer belongs to another request", settings)
    if fields.get("sec-websocket-protocol", "mqtt").lower() != "mqtt":
        return _no_web_socket(f"it speaks '{fields['sec-websocket-protocol']}' inside", settings)
    return None


def _no_web_socket(why: str, settings: Settings) -> LinkFault:
    return LinkFault(
        f"The server opens no WebSocket for MQTT: {why}.",
        where=settings.where,
        remedy="Check host, port and path of the url; ws:// and wss:// are for brokers behind the web.",
    )
