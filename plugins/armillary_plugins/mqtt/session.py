"""One connection to a broker, spoken by ourselves: opened, subscribed, kept alive, lost once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from armillary.api import Clock, LinkFault
from armillary_plugins.mqtt import codec, tls
from armillary_plugins.mqtt.faults import dismissal, no_answer, refusal
from armillary_plugins.mqtt.framer import OVERHEAD, Framer
from armillary_plugins.mqtt.link import NS, Hooks
from armillary_plugins.mqtt.receipts import Receipts
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.settings import Settings

ANSWER_S, CLOSE_S = 5.0, 0.5
PING_AFTER_NS, PING_ANSWER_NS = 5 * NS, 2_700_000_000  # with the steps: a half-open link within 8 s
STEP_S = 0.25  # how often life is checked
BREATH_S = 0.02  # while messages come thick, reading rests so long, so that one read brings many
THICK_NS = 40_000_000  # reads closer than this are thick
FULL_READ = 65_536  # a read this large is followed at once by the next
ROOM_S = 0.02  # how soon a full inbox is looked at again
_GREETINGS = frozenset({codec.CONNACK, codec.DISCONNECT})


class Session(asyncio.Protocol):
    """Reads whole socket buffers into batches; `lost` tells when and why it is over."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        version: int,
        client_id: str,
        channels: Channels,
        hooks: Hooks,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.version, self.client_id, self._will = version, client_id, will
        self.receive_maximum = 0xFFFF  # messages that the broker lets us have under way at once
        self.most_bytes = 0  # of a packet that the broker takes; 0 = any
        self.opened_mono_ns = 0  # when CONNACK came; 0 = not yet
        self.session_present = False  # the broker kept our session, and what came meanwhile
        self.peer: dict[str, object] = {}  # the server's certificate, as ssl tells it
        self._settings, self._clock, self._hooks = settings, clock, hooks
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(channels, version, settings)
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[tuple[int, int], asyncio.Future[bytes]] = {}  # (packet type, id) -> its body
        self._packet_id = 0
        self._is_greeted = False  # the first packet came, and it was one that may come first
        self.receipts = Receipts(hooks.receipt, waits=settings.waits_for_disk)
        self._is_narrow = False
        self._is_full = False  # reading rests because there is no room
        self._is_breathing = False  # the read that comes next is the last before a rest
        self._received_mono_ns = self._sent_mono_ns = clock.now_mono_ns()
        self._ping_mono_ns = 0  # when the unanswered ping went out
        self._ping_after_ns = min(PING_AFTER_NS, settings.keep_alive_s * NS // 2)
        self._gone: asyncio.Future[None] = self._loop.create_future()  # the socket is closed
        self.lost: asyncio.Future[LinkFault] = self._loop.create_future()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport; bytes may be sent from now on."""
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)
        self.peer = transport.get_extra_info("peercert") or {}

    def data_received(self, data: bytes) -> None:
        """Take one socket read: both clocks are read once, and what it brought is handed over at once.

        While reads come thick, a rest between them makes one read, one batch and two clock readings
        do for many messages; arrival times are late by at most that rest. Before it comes a second read:
        brokers leave Nagle's algorithm on, so what was published meanwhile waits there until our kernel has
        acknowledged what came before, which it does when we read. Without it that would come a rest later.
        """
        mono = self._clock.now_mono_ns()
        is_thick = mono - self._received_mono_ns < THICK_NS
        self._received_mono_ns = mono
        self._ping_mono_ns = 0
        framer = self._framer
        try:
            if not self._is_greeted:
                self._is_greeted = data[0] & 0xF0 in _GREETINGS
                if not self._is_greeted:
                    raise codec.Malformed(f"its first bytes are {data[:16]!r}")
            for first, body in framer.feed(data, self._clock.now_ns(), mono):
                self._control(first, body, mono)
        except codec.Malformed as error:
            self._end(
                LinkFault(
                    f"The broker sent what is no MQTT: {error}.",
                    where=self._settings.where,
                    remedy="Check that the url names an MQTT broker.",
                )
            )
            return
        self._hand_over()
        if not self._hooks.has_room():
            self._is_full = True
            self._rest(ROOM_S)
        elif is_thick and len(data) < FULL_READ and not self._is_breathing:
            self._is_breathing = True
            self._loop.call_soon(self._loop.call_soon, self._breathe)  # the loop reads once more between

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand over what is left and tell why it is over."""
        self._hand_over()
        if not self._gone.done():
            self._gone.set_result(None)
        if isinstance(exc, ssl.SSLError):  # version 1.3 tells so late that it does not accept us
            self._end(tls.broken(exc, self._settings))
            return
        why = "The broker closed the connection." if exc is None else f"The connection broke: {exc}."
        self._end(LinkFault(why, where=self._settings.where, remedy="It is tried again by itself."))

    # ---- what the owner does

    async def opened(self, password: str) -> None:
        """Send CONNECT and return after a good CONNACK. Raises LinkFault, LinkRefused, VersionRefused."""
        self._send(
            codec.connect(
                self.version,
                self.client_id,
                self._settings.keep_alive_s,
                self._settings.username,
                password,
                self._settings.max_payload + OVERHEAD,
                self._settings.session_expiry_s,
                codec.WIDE_WINDOW if self._settings.waits_for_disk else codec.RECEIVE_MAXIMUM,
                self._will,
            )
        )
        try:
            body = await self._answer(codec.CONNACK, 0)
            answer = codec.connack(body, self.version)
        except codec.Malformed as error:
            raise LinkFault(str(error), where=self._settings.where, remedy="Check the url.") from error
        if answer.code:
            raise refusal(answer.code, self._settings, answer.text(codec.P_SERVER_REFERENCE))
        server_s = int(answer.properties.get(codec.P_SERVER_KEEP_ALIVE, 0))
        if server_s:
            self._ping_after_ns = min(self._ping_after_ns, server_s * NS // 2)
        self.client_id = answer.text(codec.P_ASSIGNED_ID) or self.client_id
        self.receive_maximum = int(answer.properties.get(codec.P_RECEIVE_MAXIMUM, 0)) or 0xFFFF
        self.most_bytes = int(answer.properties.get(codec.P_MAXIMUM_PACKET, 0))
        self.session_present = self._settings.durable and answer.session_present
        self.opened_mono_ns = self._clock.now_mono_ns()

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Subscribe (filter, options) pairs; return (filter, reason code) of those that were refused.

        In a session that went on they are subscribed again, which changes nothing: it shows what is missing.
        """
        refused: list[tuple[str, int]] = []
        if self.session_present:
            filters = codec.again(filters)
        for at in range(0, len(filters), codec.AT_ONCE):
            some = filters[at : at + codec.AT_ONCE]
            packet_id = self._next_id()
            self._send(codec.subscribe(self.version, packet_id, some))
            try:
                codes = codec.reason_codes(await self._answer(codec.SUBACK, packet_id), self.version)
            except codec.Malformed as error:
                raise LinkFault(str(error), where=self._settings.where, remedy="Check the broker.") from error
            except LinkFault:
                if self.lost.done():
                    raise
                # A broker that does not answer one is not asked for more.
                return refused + [(name, codec.NO_ANSWER) for name, _options in filters[at:]]
            for i, (name, _qos) in enumerate(some):
                code = codes[i] if i < len(codes) else codec.FAILED
                if code >= codec.FAILED:
                    refused.append((name, code))
        return refused

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribe some filters; the answer changes nothing and is not waited for."""
        for at in range(0, len(filters), codec.AT_ONCE):
            some = filters[at : at + codec.AT_ONCE]
            self._send(codec.unsubscribe(self.version, self._next_id(), some))

    async def publish(self, topic: str, payload: bytes, told: codec.Told) -> int:
        """Publish at QoS 1 and return the broker's reason code. Raises LinkFault when it does not answer."""
        packet_id = self._next_id()
        self._send(codec.publish(self.version, packet_id, topic, payload, told))
        body = await self._answer(codec.PUBACK, packet_id)
        return body[2] if len(body) > 2 else 0  # noqa: PLR2004  short form: success

    async def ping(self) -> None:
        """Ask for a sign of life and return when it came. Raises LinkFault when it does not."""
        self._send(codec.PINGREQ_PACKET)
        await self._answer(codec.PINGRESP, 0, PING_ANSWER_NS / NS)

    async def until_lost(self) -> NoReturn:
        """Keep the connection alive until it ends; raises the LinkFault that says why."""
        while not self.lost.done():
            await asyncio.wait({self.lost}, timeout=STEP_S)
            self._check_life(self._clock.now_mono_ns())
        raise self.lost.result()

    async def close(self) -> None:
        """Say good-bye and return when the socket is closed, within half a second; nothing read is lost."""
        self._hand_over()
        if self._transport is None:
            return
        if not self._transport.is_closing():
            self._transport.write(codec.disconnect(self.version))
            self._transport.close()
        await asyncio.wait({self._gone}, timeout=CLOSE_S)
        if not self._gone.done():  # a broker that reads no more: what is in the buffer is given up
            self._transport.abort()
            await asyncio.wait({self._gone}, timeout=CLOSE_S)

    # ---- inside

    def _control(self, first: int, body: bytes, mono: int) -> None:
        kind = first & 0xF0
        if kind == codec.PINGRESP:
            self._hooks.alive(mono)
            asked = self._waiting.pop((kind, 0), None)
            if asked is not None and not asked.done():
                asked.set_result(body)
        elif kind == codec.DISCONNECT:
            self._end(dismissal(*codec.dismissed(body), self._settings, self.client_id))
        else:
            packet_id = 0 if kind == codec.CONNACK else codec.acknowledged(body, self.version)[0]
            future = self._waiting.pop((kind, packet_id), None)
            if future is not None and not future.done():
                future.set_result(body)

    def _hand_over(self) -> None:
        """Give the batch away, then acknowledge it: QoS 1 means that we have it, not that we saw it.

        Where we wait for the disk, `stored` acknowledges it.
        """
        framer = self._framer
        batch = framer.taken(self._settings.name)
        waits = self.receipts.waits and bool(framer.to_acknowledge) and batch is not None
        if batch is not None:
            if waits:
                ids, framer.to_acknowledge = framer.to_acknowledge, []
                batch = replace(batch, receipt=self.receipts.given(ids, self._received_mono_ns))
            self._hooks.batch(batch)
        if framer.too_big:
            self._hooks.dropped("too_big", framer.too_big)
            framer.too_big = 0
        if framer.unlisted:
            self._hooks.dropped("filtered", framer.unlisted)
            framer.unlisted = 0
        if framer.expired:
            self._hooks.dropped("expired", framer.expired)
            framer.expired = 0
        if framer.to_acknowledge:
            packet = codec.puback(framer.to_acknowledge)
            framer.to_acknowledge.clear()
            self._hooks.kept(lambda: self._send(packet))

    def stored(self, receipt: int) -> None:
        """Acknowledge what is on disk by now."""
        ids = self.receipts.stored(receipt, self._clock.now_mono_ns())
        if ids:
            self._send(codec.puback(ids))
        if self.receipts.window and not self._is_narrow:
            self._is_narrow = True
            self._hooks.narrow(self.receipts.window)

    def _rest(self, seconds: float) -> None:
        """Stop reading for a while: what comes meanwhile waits in the socket, and then at the broker."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._loop.call_later(seconds, self._resume)

    def _breathe(self) -> None:
        self._is_breathing = False
        if not self._is_full:
            self._rest(BREATH_S)

    def _resume(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if not self._hooks.has_room():
            self._is_full = True
            self._loop.call_later(ROOM_S, self._resume)
            return
        if self._is_full:
            # The silence while we did not listen is ours.
            self._is_full = False
            self._received_mono_ns = self._clock.now_mono_ns()
            self._ping_mono_ns = 0
        self._transport.resume_reading()

    def _check_life(self, mono: int) -> None:
        """Ping when nothing came or went for a while; no answer in time is a loss (half-open link)."""
        if self._is_full or self.lost.done():
            return
        if self._ping_mono_ns:
            if mono - self._ping_mono_ns > PING_ANSWER_NS:
                self._end(no_answer((mono - self._received_mono_ns) / NS, self._settings))
        elif mono - min(self._received_mono_ns, self._sent_mono_ns) > self._ping_after_ns:
            self._send(codec.PINGREQ_PACKET)
            self._ping_mono_ns = mono

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            self._sent_mono_ns = self._clock.now_mono_ns()

    async def _answer(self, kind: int, packet_id: int, limit_s: float = 0.0) -> bytes:
        """Return the body of the packet that answers ours. Raises LinkFault when it does not come."""
        limit_s = limit_s or ANSWER_S
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[(kind, packet_id)] = future
        either: set[asyncio.Future[Any]] = {future, self.lost}  # Any: bytes or a fault, told apart below
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        self._waiting.pop((kind, packet_id), None)
        if self.lost.done():
            raise self.lost.result()
        raise LinkFault(
            f"The broker did not answer within {limit_s:g} s.",
            where=self._settings.where,
            remedy="Check that the url names an MQTT broker.",
        )

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 0xFFFF + 1
        return self._packet_id

    def _end(self, fault: LinkFault) -> None:
        if not self.lost.done():
            self.lost.set_result(fault)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
