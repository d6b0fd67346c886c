"""The same connection spoken by paho, for brokers that our own loop does not get along with (ADR 45).

It is slower by about ten, so it is never chosen by itself: `client = "paho"`. Its thread only copies bytes;
its own reconnecting is off, because exactly one thing reconnects: the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from armillary.api import DUPLICATE, RETAINED, Clock, LinkFault
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.faults import CONNECT_S, dismissal, no_answer, refusal
from armillary_plugins.mqtt.framer import OVERHEAD
from armillary_plugins.mqtt.link import Hooks
from armillary_plugins.mqtt.receipts import Receipts
from armillary_plugins.mqtt.rows import Channels, Rows, Told, Waiting, told
from armillary_plugins.mqtt.settings import MQTT_3, MQTT_5, Settings

ANSWER_S, CLOSE_S, ROOM_S = 5.0, 2.0, 0.02
KEEP_ALIVE_S = 4  # paho sees a half-open link after up to twice this
PING_FILTER = "armillary/nobody/publishes/here"  # unsubscribing it is what we have for a ping
_KEEP_ALIVE_LOST = 0x8D
_TOLD = frozenset({"ContentType", "MessageExpiryInterval", "UserProperty"})
_IS_PONG = "Received PINGRESP"
_QOS, _RETAIN = 0x03, 4  # of the options of a SUBSCRIBE: the QoS bits, and where retain handling begins


class PahoSession:
    """A `link.Spoken`. Callbacks run on paho's thread; all else on the loop's."""

    def __init__(
        self, settings: Settings, clock: Clock, version: int, channels: Channels, hooks: Hooks
    ) -> None:
        self.version, self.client_id = version, settings.client_id
        self.opened_mono_ns = 0
        self.session_present = False
        self.peer: dict[str, object] = {}
        self._settings, self._clock, self._hooks, self._channels = settings, clock, hooks, channels
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[LinkFault] = self._loop.create_future()
        self._connack: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[list[int]]] = {}
        self.receipts = Receipts(hooks.receipt, waits=settings.waits_for_disk)
        self._qos: dict[int, int] = {}  # of messages that wait for the disk
        self._is_narrow = False
        self._lock = threading.Lock()
        self._rows = Rows(channels)
        self._to_acknowledge: list[tuple[int, int]] = []
        self._too_big = 0
        self._waiting = Waiting()
        self._closing = threading.Event()
        self._client = self._made()

    def _made(self) -> paho.Client:
        settings, is_new = self._settings, self.version == MQTT_5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            clean_session=None if is_new else not settings.durable,
            protocol=paho.MQTTv5 if is_new else paho.MQTTv311,
            transport="websockets" if settings.path else "tcp",
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        if settings.path:
            client.ws_set_options(path=settings.path)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_subscribe = self._on_message, self._on_answer
        client.on_unsubscribe, client.on_log = self._on_answer, self._on_log
        return client

    # ---- what the owner does

    async def opened(self, password: str, context: ssl.SSLContext | None) -> None:
        """Connect and return after a good CONNACK. Raises OSError, LinkFault, LinkRefused."""
        settings, client = self._settings, self._client
        if settings.username:
            client.username_pw_set(settings.username, password or None)
        if context is not None:
            client.tls_set_context(context)
        try:
            await asyncio.to_thread(self._connect)
        except paho.WebsocketConnectionError as error:
            raise LinkFault(
                f"The server opens no WebSocket for MQTT: {error}.",
                where=settings.where,
                remedy="Check host, port and path of the url.",
            ) from error
        client.loop_start()
        either: set[asyncio.Future[Any]] = {self._connack, self.lost}  # Any: an answer or a fault
        await asyncio.wait(either, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if self._connack.done():
            code, server = self._connack.result()
            if code:
                raise refusal(code, settings, server)
        elif self.lost.done():
            raise self.lost.result()
        else:
            raise self._unanswered()
        self.opened_mono_ns = self._clock.now_mono_ns()

    def _connect(self) -> None:
        settings = self._settings
        keep_alive_s = min(settings.keep_alive_s, KEEP_ALIVE_S)
        if self.version != MQTT_5:
            self._client.connect(settings.host, settings.port, keep_alive_s)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = codec.WIDE_WINDOW if settings.waits_for_disk else codec.RECEIVE_MAXIMUM
        properties.MaximumPacketSize = settings.max_payload + OVERHEAD
        if settings.session_expiry_s:
            properties.SessionExpiryInterval = settings.session_expiry_s
        self._client.connect(
            settings.host,
            settings.port,
            keep_alive_s,
            clean_start=not settings.durable,
            properties=properties,
        )

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Subscribe (filter, options) pairs; return (filter, reason code) of those that were refused."""
        if self.session_present:
            filters = codec.again(filters)
        refused: list[tuple[str, int]] = []
        for at in range(0, len(filters), codec.AT_ONCE):
            some = filters[at : at + codec.AT_ONCE]
            try:
                codes = await self._asked(*self._client.subscribe(self._wished(some)))
            except LinkFault:
                if self.lost.done():
                    raise
                # A broker that does not answer one is not asked for more.
                return refused + [(name, codec.NO_ANSWER) for name, _options in filters[at:]]
            for i, (name, _options) in enumerate(some):
                code = codes[i] if i < len(codes) else codec.FAILED
                if code >= codec.FAILED:
                    refused.append((name, code))
        return refused

    def _wished(self, filters: Sequence[tuple[str, int]]) -> list[tuple[str, Any]]:  # Any: int or options
        if self.version == MQTT_3:
            return [(name, options & _QOS) for name, options in filters]
        return [
            (name, SubscribeOptions(qos=options & _QOS, retainHandling=options >> _RETAIN))
            for name, options in filters
        ]

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribe some filters; the answer changes nothing and is not waited for."""
        if filters:
            self._client.unsubscribe(list(filters))

    async def ping(self) -> None:
        """Return when the broker answers. Raises LinkFault when it does not."""
        await self._asked(*self._client.unsubscribe(PING_FILTER))

    async def until_lost(self) -> NoReturn:
        """Wait for the end; raises the LinkFault that says why. paho keeps the connection alive."""
        await asyncio.wait({self.lost})
        raise self.lost.result()

    async def close(self) -> None:
        """Say good-bye and return when paho's thread is gone, within 2 s; nothing read is lost."""
        self._closing.set()
        self._hand_over()
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):  # a thread that hangs is left behind
            async with asyncio.timeout(CLOSE_S):
                await asyncio.to_thread(self._client.loop_stop)
        self._hand_over()

    # ---- paho's thread

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, properties: Any) -> None:  # paho's
        self.session_present = self._settings.durable and bool(flags.session_present)
        self._waiting.began(self.session_present)
        assigned = getattr(properties, "AssignedClientIdentifier", "")
        self.client_id = assigned or self.client_id
        server = getattr(properties, "ServerReference", "")
        self._soon(self._set_connack, int(code.value), str(server))

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, code: Any, properties: Any) -> None:
        self._soon(self._hand_over)
        number, words = int(code.value), str(getattr(properties, "ReasonString", ""))
        if flags.is_disconnect_packet_from_server:
            fault = dismissal(number, words, self._settings, self.client_id)
        elif number == _KEEP_ALIVE_LOST:
            fault = no_answer(2 * KEEP_ALIVE_S, self._settings)
        else:
            fault = LinkFault(
                "The broker closed the connection.",
                where=self._settings.where,
                remedy="It is tried again by itself.",
            )
        self._soon(self._end, fault)

    def _on_answer(self, _client: Any, _data: Any, mid: int, codes: Any, _properties: Any) -> None:
        self._waiting.answered(
            MQTT_3 if self._settings.waits_for_disk else self.version, self._clock.now_mono_ns()
        )
        numbers = [int(code.value) for code in (codes if isinstance(codes, list) else [codes])]
        self._soon(self._answered, mid, numbers)

    def _on_log(self, _client: Any, _data: Any, _level: int, text: str) -> None:
        if text == _IS_PONG:
            self._hooks.alive(self._clock.now_mono_ns())

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        """Copy one message; wait while there is no room, so that paho does not read on."""
        now_ns, mono_ns = self._clock.now_ns(), self._clock.now_mono_ns()
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self._soon(self._end, _not_utf8(self._settings))
            return
        flags = (RETAINED if message.retain else 0) | (DUPLICATE if message.dup else 0)
        with self._lock:
            is_first = not len(self._rows) and not self._to_acknowledge
            before = len(self._rows)
            if len(message.payload) > self._settings.max_payload:
                self._too_big += 1
            else:
                self._waiting.look(mono_ns)
                flags |= self._waiting.flag()
                self._rows.add(
                    self._index(topic), bytes(message.payload), flags, self._told(message, mono_ns)
                )
            self._rows.mark(before, now_ns, mono_ns)
            if message.qos:
                self._to_acknowledge.append((message.mid, message.qos))
        if is_first:
            self._soon(self._hand_over)
        while not self._hooks.has_room() and not self._closing.wait(ROOM_S):
            continue

    def _index(self, topic: str) -> int:
        raw = topic.encode()
        index = self._channels.index.get(raw)
        return self._channels.add(raw) if index is None else index

    def _told(self, message: paho.MQTTMessage, mono_ns: int) -> Told | None:
        found = message.properties
        if found is None or not vars(found).keys() & _TOLD:
            return None
        return told(
            str(getattr(found, "ContentType", "")),
            int(getattr(found, "MessageExpiryInterval", -1)),
            getattr(found, "UserProperty", ()),
            self._settings,
            mono_ns,
        )

    def _soon(self, act: Any, *args: object) -> None:  # Any: any of our methods
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *args)

    # ---- the loop's thread

    def _hand_over(self) -> None:
        """Give the batch away, then acknowledge it: QoS 1 means that we have it, not that we saw it."""
        with self._lock:
            batch = self._rows.taken(self._settings.name)
            acknowledge, self._to_acknowledge = self._to_acknowledge, []
            gone = {"too_big": self._too_big, "filtered": self._rows.unlisted, "expired": self._rows.expired}
            self._too_big = self._rows.unlisted = self._rows.expired = 0
        if batch is not None:
            if self.receipts.waits and acknowledge:
                self._qos |= dict(acknowledge)
                ids, acknowledge = [mid for mid, _ in acknowledge], []
                batch = replace(batch, receipt=self.receipts.given(ids, self._clock.now_mono_ns()))
            self._hooks.batch(batch)
        for reason, count in gone.items():
            if count:
                self._hooks.dropped(reason, count)
        for mid, qos in acknowledge:
            self._client.ack(mid, qos)

    def stored(self, receipt: int) -> None:
        """Acknowledge what is on disk by now."""
        for mid in self.receipts.stored(receipt, self._clock.now_mono_ns()):
            self._client.ack(mid, self._qos.pop(mid, 1))
        if self.receipts.window and not self._is_narrow:
            self._is_narrow = True
            self._hooks.narrow(self.receipts.window)

    def _set_connack(self, code: int, server: str) -> None:
        if not self._connack.done():
            self._connack.set_result((code, server))

    def _answered(self, mid: int, codes: list[int]) -> None:
        future = self._answers.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(codes)

    async def _asked(self, _error: Any, mid: int | None) -> list[int]:
        """Return the reason codes that answer packet `mid`. Raises LinkFault when they do not come."""
        future: asyncio.Future[list[int]] = self._loop.create_future()
        if mid is not None:
            self._answers[mid] = future
            either: set[asyncio.Future[Any]] = {future, self.lost}
            await asyncio.wait(either, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            self._answers.pop(mid, None)
        if future.done():
            return future.result()
        if self.lost.done():
            raise self.lost.result()
        raise self._unanswered()

    def _unanswered(self) -> LinkFault:
        return LinkFault(
            f"The broker did not answer within {ANSWER_S:g} s.",
            where=self._settings.where,
            remedy="Check that the url names an MQTT broker.",
        )

    def _end(self, fault: LinkFault) -> None:
        if not self.lost.done():
            self.lost.set_result(fault)


def _not_utf8(settings: Settings) -> LinkFault:
    return LinkFault(
        "The broker sent what is no MQTT: a topic is not UTF-8.",
        where=settings.where,
        remedy="Check that the url names an MQTT broker.",
    )
