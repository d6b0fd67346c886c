"""Whole socket reads → rows of a WireBatch, without decoding topics or touching payloads."""

from __future__ import annotations

import numpy as np

from armillary.api import DUPLICATE, RETAINED, WireBatch
from armillary_plugins.mqtt.codec import (
    DUP_FLAG,
    FAILED,
    P_TOPIC_ALIAS,
    PUBLISH,
    QOS_MASK,
    RETAIN_FLAG,
    Malformed,
    properties,
)
from armillary_plugins.mqtt.settings import MQTT_5

MAX_CHANNELS = 200_000  # topics; more come from a wildcard on a runaway publisher
OVERHEAD = 65_536 + 16  # what topic, id and properties may add to a payload
_PLAIN = PUBLISH  # QoS 0, not retained, not a duplicate
_LENGTH_BYTES = 4


class Channels:
    """Topics of a link and their indices; outlives sessions, only ever grows."""

    def __init__(self) -> None:
        self.index: dict[bytes, int] = {}
        self._names: list[str] = []
        self._frozen: tuple[str, ...] = ()

    def add(self, topic: bytes) -> int:
        """Return the index of a new topic, -1 when there are too many. Raises Malformed (MQTT 1.5.4)."""
        if len(self._names) >= MAX_CHANNELS:
            return -1
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            raise Malformed("a topic is not UTF-8") from None
        if not name or "\0" in name:
            raise Malformed("a topic is empty or holds a NUL")
        self._names.append(name)
        return self.index.setdefault(topic, len(self._names) - 1)

    def names(self) -> tuple[str, ...]:
        """Return all topics in order of their index; the same object as long as none was added."""
        if len(self._frozen) != len(self._names):
            self._frozen = tuple(self._names)
        return self._frozen


class Framer:
    """Splits the bytes of one connection; messages pile up until `taken`, the rest is returned."""

    def __init__(self, channels: Channels, version: int, max_payload: int) -> None:
        self._channels, self._version = channels, version
        self._max_payload = max_payload
        self._max_packet = max_payload + OVERHEAD
        self._rest = b""
        self._skip = 0  # bytes of an over-size packet still to come
        self._aliases: dict[int, int] = {}
        self._channel: list[int] = []
        self._payload: list[bytes] = []
        self._flags: dict[int, int] = {}  # row -> flags, where there are any
        self._reads: list[tuple[int, int, int]] = []  # rows of one read, its wall and monotonic time
        self.to_acknowledge: list[int] = []  # packet ids of QoS 1 messages since the last `taken`
        self.too_big = 0  # over-size packets since the last `taken`
        self.unlisted = 0  # messages on topics beyond the limit, since the last `taken`

    def __len__(self) -> int:
        return len(self._channel)

    def feed(self, data: bytes, now_ns: int, now_mono_ns: int) -> list[tuple[int, bytes]]:
        """Take one socket read; return its packets other than PUBLISH as (first byte, body).

        Raises Malformed for what is no MQTT.
        """
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        if self._rest:
            data = self._rest + data
        before = len(self._channel)
        others: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        known, channel, payload = self._channels.index, self._channel, self._payload
        properties_length = 1 if self._version == MQTT_5 else 0
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
            if first == _PLAIN and length > 1:
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
        self._rest = data[at:]
        if len(channel) > before:
            self._reads.append((len(channel) - before, now_ns, now_mono_ns))
        return others

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
        alias = 0
        packet_id = int.from_bytes(data[topic_end:start], "big")
        if self._version == MQTT_5:
            found, size = properties(data[start:end], 0)
            alias, start = int(found.get(P_TOPIC_ALIAS, 0)), start + size
        index = self._index(data[body + 2 : topic_end], alias)
        if end - start > self._max_payload:
            self.too_big += 1
        elif index < 0:
            self.unlisted += 1
        else:
            flags = (RETAINED if first & RETAIN_FLAG else 0) | (DUPLICATE if first & DUP_FLAG else 0)
            if flags:
                self._flags[len(self._channel)] = flags
            self._channel.append(index)
            self._payload.append(data[start:end])
        if packet_id:
            self.to_acknowledge.append(packet_id)

    def _index(self, topic: bytes, alias: int) -> int:
        if not topic:
            if alias not in self._aliases:
                raise Malformed(f"topic alias {alias} was never set")
            return self._aliases[alias]
        index = self._channels.index.get(topic)
        if index is None:
            index = self._channels.add(topic)
        if alias:
            self._aliases[alias] = index
        return index

    def taken(self, link: str) -> WireBatch | None:
        """Return the messages so far as a batch, None for none, and begin anew."""
        n = len(self._channel)
        if not n:
            return None
        start = np.zeros(n + 1, np.int64)
        np.cumsum(np.fromiter(map(len, self._payload), np.int64, n), out=start[1:])
        counts = [count for count, _, _ in self._reads]
        flags = np.zeros(n, np.uint8)
        for row, word in self._flags.items():
            flags[row] = word
        batch = WireBatch(
            link=link,
            channel=np.array(self._channel, np.uint32),
            channels=self._channels.names(),
            start=start,
            payload=b"".join(self._payload),
            arrival_ns=np.repeat(np.array([now for _, now, _ in self._reads], np.int64), counts),
            arrival_mono_ns=np.repeat(np.array([mono for _, _, mono in self._reads], np.int64), counts),
            flags=flags,
        )
        self._channel, self._payload, self._flags, self._reads = [], [], {}, []
        return batch
