"""Whole socket reads → rows of a WireBatch, without decoding topics or touching payloads."""

from __future__ import annotations

from armillary.api import DUPLICATE, RETAINED
from armillary_plugins.mqtt.codec import (
    CONNACK,
    DUP_FLAG,
    FAILED,
    P_CONTENT_TYPE,
    P_EXPIRY,
    P_TOPIC_ALIAS,
    PUBLISH,
    QOS_MASK,
    RETAIN_FLAG,
    SUBACK,
    Malformed,
    properties,
)
from armillary_plugins.mqtt.rows import Channels, Rows, Waiting, told
from armillary_plugins.mqtt.settings import MQTT_3, MQTT_5, Settings

OVERHEAD = 65_536 + 16  # what topic, id and properties may add to a payload
_PLAIN = PUBLISH  # QoS 0, not retained, not a duplicate
_LENGTH_BYTES = 4
_SHORTEST, _SHORT = (
    4,
    129,
)  # bytes of a PUBLISH: to the end of its topic's length; at most with a length of one
MOST_HEADS = 131_072  # of a connection; a head is what comes before the payload, so topics by lengths


def _text(raw: int | bytes) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


class Framer(Rows):
    """Splits the bytes of one connection; messages pile up until `taken`, the rest is returned."""

    def __init__(self, channels: Channels, version: int, settings: Settings) -> None:
        super().__init__(channels)
        self._version, self._settings = version, settings
        self._max_payload = settings.max_payload
        self._max_packet = settings.max_payload + OVERHEAD
        self._rest = b""
        self._skip = 0  # bytes of an over-size packet still to come
        self._aliases: dict[int, int] = {}
        self._heads: dict[bytes, int] = {}  # what stood before payloads, byte by byte -> channel
        self._mono_ns = 0
        self.waiting = Waiting()
        self.to_acknowledge: list[int] = []  # packet ids of QoS 1 messages since the last `taken`
        self.too_big = 0  # over-size packets since the last `taken`

    def feed(self, data: bytes, now_ns: int, now_mono_ns: int) -> list[tuple[int, bytes]]:
        """Take one socket read; return its packets other than PUBLISH as (first byte, body).

        Raises Malformed for what is no MQTT; the messages before it count.
        """
        self._mono_ns = now_mono_ns
        before = len(self)
        try:
            return self._split(data)
        finally:
            self.mark(before, now_ns, now_mono_ns)

    def _split(self, data: bytes) -> list[tuple[int, bytes]]:
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        if self._rest:
            data = self._rest + data
        others: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        self.waiting.look(self._mono_ns)
        plain, most = -1 if self.waiting else _PLAIN, self._max_payload  # what may be larger is measured
        while at + 1 < size:
            if plain == _PLAIN and at + _SHORT < size:
                at = self._alike(data, at, size - _SHORT)
            first, length, body = data[at], data[at + 1], at + 2
            if length >= FAILED:
                found = self._long_length(data, at + 1)
                if found is None:
                    break
                length, body = found
            end = body + length
            if end > size:
                if length > self._max_packet:
                    self._skip, at = end - size, size
                    self.too_big += 1
                break
            if first == plain and 1 < length <= most:
                self._plain(data, at, body, end)
            elif first & 0xF0 == PUBLISH:
                self._publish(first, data, body, end)
            else:
                others.append((first, data[body:end]))
                plain = self._waiting(first, data[body:end])
            at = end
        self._rest = data[at:]
        return others

    def _alike(self, data: bytes, at: int, until: int) -> int:
        """Take messages as long as each begins as one before did; return where the first other one begins.

        The hot path. A head that is known says all: plain, how long, no properties, which channel.
        """
        known = self._heads.get
        channel, payload = self._channel.append, self._payload.append
        more = _SHORTEST + (self._version == MQTT_5)
        while at < until:
            start = at + more + data[at + 3]
            index = known(data[at:start])
            if index is None:
                break
            at += 2 + data[at + 1]
            channel(index)
            payload(data[start:at])
        return at

    def _plain(self, data: bytes, at: int, body: int, end: int) -> None:
        """Take one message that may be of the plainest kind: no properties, and nothing is read."""
        topic_end = body + 2 + (data[body] << 8 | data[body + 1])
        index = self._channels.index.get(data[body + 2 : topic_end])
        start = topic_end + (self._version == MQTT_5)
        if index is None or start > end or (self._version == MQTT_5 and data[topic_end]):
            self._publish(data[at], data, body, end)
            return
        self._channel.append(index)
        self._payload.append(data[start:end])
        is_short = end - at < _SHORT and data[body] == 0 and body == at + 2
        if is_short and index >= 0 and len(self._heads) < MOST_HEADS:
            self._heads[data[at:start]] = index

    def _waiting(self, first: int, body: bytes) -> int:
        """Note whether what follows waited for us; return the first byte of the messages of the hot path."""
        if first == CONNACK:
            self.waiting.began(self._settings.durable and bool(body and body[0] & 1))
        elif first == SUBACK:
            # what waits comes in pieces where each must be on disk first
            self.waiting.answered(MQTT_3 if self._settings.waits_for_disk else self._version, self._mono_ns)
        return -1 if self.waiting else _PLAIN

    def _long_length(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Return (length, where the body starts), None while the length itself is incomplete."""
        value = 0
        for i in range(_LENGTH_BYTES):
            if at + i >= len(data):
                return None
            value |= (data[at + i] & 0x7F) << 7 * i
            if data[at + i] < FAILED:
                return value, at + i + 1
        raise Malformed("a packet's length has more than four bytes")

    def _publish(self, first: int, data: bytes, body: int, end: int) -> None:
        """Take one PUBLISH of any kind: new topic, QoS 1, retained, properties, alias."""
        topic_end = body + 2 + int.from_bytes(data[body : body + 2], "big")
        start = topic_end + (2 if first & QOS_MASK else 0)
        if start > end:
            raise Malformed("a message is shorter than its topic")
        alias, besides = 0, None
        packet_id = int.from_bytes(data[topic_end:start], "big")
        if self._version == MQTT_5:
            user: list[tuple[bytes, bytes]] = []
            found, size = properties(data[start:end], 0, user)
            alias, start = int(found.get(P_TOPIC_ALIAS, 0)), start + size
            if found or user:
                besides = told(
                    _text(found.get(P_CONTENT_TYPE, b"")),
                    int(found.get(P_EXPIRY, -1)),
                    [(_text(name), _text(value)) for name, value in user],
                    self._settings,
                    self._mono_ns,
                )
        index = self._index(data[body + 2 : topic_end], alias)
        if end - start > self._max_payload:
            self.too_big += 1
        else:
            flags = (RETAINED if first & RETAIN_FLAG else 0) | (DUPLICATE if first & DUP_FLAG else 0)
            self.add(index, data[start:end], flags | self.waiting.flag(), besides)
        if packet_id:
            self.to_acknowledge.append(packet_id)

    def _index(self, topic: bytes, alias: int) -> int:
        if not topic:
            if not alias:
                raise Malformed("a topic is empty")
            if alias not in self._aliases:
                raise Malformed(f"topic alias {alias} was never set")
            return self._aliases[alias]
        index = self._channels.index.get(topic)
        if index is None:
            index = self._channels.add(topic)
        if alias:
            self._aliases[alias] = index
        return index
