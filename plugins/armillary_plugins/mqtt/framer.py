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
from armillary_plugins.mqtt.settings import MQTT_5, Settings

OVERHEAD = 65_536 + 16  # what topic, id and properties may add to a payload
_PLAIN = PUBLISH  # QoS 0, not retained, not a duplicate
_LENGTH_BYTES = 4


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
        known, channel, payload = self._channels.index, self._channel, self._payload
        properties_length = 1 if self._version == MQTT_5 else 0
        self.waiting.look(self._mono_ns)
        plain, most = -1 if self.waiting else _PLAIN, self._max_payload  # what may be larger is measured
        while at + 1 < size:
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
            at = end
            if first == plain and 1 < length <= most:
                # The hot path: topic as bytes, no properties, payload cut out, nothing decoded.
                topic_end = body + 2 + (data[body] << 8 | data[body + 1])
                index = known.get(data[body + 2 : topic_end])
                start = topic_end + properties_length
                if index is not None and start <= end and (not properties_length or data[topic_end] == 0):
                    channel.append(index)
                    payload.append(data[start:end])
                    continue
            if first & 0xF0 == PUBLISH:
                self._publish(first, data, body, end)
            else:
                others.append((first, data[body:end]))
                plain = self._waiting(first, data[body:end])
        self._rest = data[at:]
        return others

    def _waiting(self, first: int, body: bytes) -> int:
        """Note whether what follows waited for us; return the first byte of the messages of the hot path."""
        if first == CONNACK:
            self.waiting.began(self._settings.durable and bool(body and body[0] & 1))
        elif first == SUBACK:
            self.waiting.answered(self._version, self._mono_ns)
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
