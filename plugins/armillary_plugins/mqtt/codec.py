"""MQTT packets, both versions: what we send, and the bodies of what comes back other than PUBLISH.

Numbers and names are those of OASIS MQTT 3.1.1 and 5.0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from armillary_plugins.mqtt.settings import MQTT_5

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xB0, 0xD0, 0xE0
PINGREQ_PACKET = b"\xc0\x00"
TOPIC_ALIAS_MAXIMUM, RECEIVE_MAXIMUM = 1000, 1000
WIDE_WINDOW = 0xFFFF  # where each message waits for the disk
AT_ONCE = 200  # filters in one SUBSCRIBE: some brokers limit the packet
NO_ANSWER = -1  # instead of a reason code: the broker said nothing
FAILED = 0x80  # reason codes from here on are failures

RETAIN_FLAG, QOS_MASK, DUP_FLAG = 0x01, 0x06, 0x08
P_EXPIRY, P_CONTENT_TYPE, P_RESPONSE_TOPIC, P_CORRELATION = 0x02, 0x03, 0x08, 0x09
P_SUBSCRIPTION_ID, P_SESSION_EXPIRY, P_ASSIGNED_ID, P_SERVER_KEEP_ALIVE = 0x0B, 0x11, 0x12, 0x13
P_SERVER_REFERENCE, P_REASON, P_TOPIC_ALIAS, P_USER, P_MAXIMUM_PACKET = 0x1C, 0x1F, 0x23, 0x26, 0x27
_BYTE = frozenset({0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A})
_TWO = frozenset({P_SERVER_KEEP_ALIVE, 0x21, 0x22, P_TOPIC_ALIAS})
_FOUR = frozenset({P_EXPIRY, P_SESSION_EXPIRY, 0x18, P_MAXIMUM_PACKET})
_TEXT = frozenset(
    {P_CONTENT_TYPE, 0x08, P_CORRELATION, P_ASSIGNED_ID, 0x15, 0x16, 0x1A, P_SERVER_REFERENCE, P_REASON}
)
_SESSION_PRESENT = 0x01
_WILL = 0x04 | 0x08 | 0x20  # there is one, QoS 1, retained
P_RECEIVE_MAXIMUM = 0x21
OPTIONS_3 = 0x03  # of the options in a SUBSCRIBE what version 3.1.1 knows: the QoS
ONLY_IF_NEW = 0x10  # retain handling: retained messages only for filters that the session has not yet
_RETAIN_HANDLING = 0x30

REASONS = {
    0x01: "unacceptable protocol version", 0x02: "client id rejected", 0x03: "server unavailable",
    0x04: "bad user name or password", 0x05: "not authorised",
    0x10: "nobody subscribes to the topic", 0x80: "unspecified error", 0x81: "malformed packet",
    0x82: "protocol error", 0x83: "implementation specific error", 0x84: "protocol version not supported",
    0x85: "client id not valid", 0x86: "bad user name or password", 0x87: "not authorised",
    0x88: "server unavailable", 0x89: "server busy", 0x8A: "banned", 0x8B: "server shutting down",
    0x8C: "bad authentication method", 0x8D: "keep alive timeout", 0x8E: "session taken over",
    0x8F: "topic filter invalid", 0x90: "topic name invalid", 0x93: "receive maximum exceeded",
    0x94: "topic alias invalid", 0x95: "packet too large", 0x96: "message rate too high",
    0x97: "quota exceeded", 0x98: "administrative action", 0x99: "payload format invalid",
    0x9A: "retain not supported", 0x9B: "QoS not supported", 0x9C: "use another server",
    0x9D: "server moved", 0x9E: "shared subscriptions not supported", 0x9F: "connection rate exceeded",
    0xA0: "maximum connect time", 0xA1: "subscription ids not supported",
    0xA2: "wildcard subscriptions not supported",
}  # fmt: skip


class Malformed(Exception):
    """Bytes that are no MQTT: the connection cannot go on."""


def connect(
    version: int,
    client_id: str,
    keep_alive_s: int,
    username: str,
    password: str,
    max_packet: int,
    session_expiry_s: int = 0,
    window: int = RECEIVE_MAXIMUM,
    will: tuple[str, bytes] | None = None,
) -> bytes:
    """Return a CONNECT, without a will unless given: a reading link publishes nothing.

    `will`: topic and payload of what the broker says for us when we are lost, QoS 1 and retained.
    `session_expiry_s`: 0 begins anew and ends with the connection; above, the session goes on (3.1.1 has no
    number for how long). `window`: how many messages may be under way unacknowledged; 3.1.1 cannot say.
    """
    flags = (0x80 if username else 0) | (0x40 if username and password else 0)
    flags |= 0 if session_expiry_s else 0x02
    flags |= _WILL if will is not None else 0
    body = _text("MQTT") + struct.pack(">BBH", version, flags, keep_alive_s)
    if version == MQTT_5:
        properties = struct.pack(
            ">BHBIBH", 0x21, window, P_MAXIMUM_PACKET, max_packet, 0x22, TOPIC_ALIAS_MAXIMUM
        )
        if session_expiry_s:
            properties += struct.pack(">BI", P_SESSION_EXPIRY, session_expiry_s)
        body += _length(len(properties)) + properties
    body += _text(client_id)
    if will is not None:
        body += (b"\0" if version == MQTT_5 else b"") + _text(will[0]) + _binary(will[1])
    if username:
        body += _text(username) + (_text(password) if password else b"")
    return _packet(0x10, body)


def subscribe(version: int, packet_id: int, filters: Sequence[tuple[str, int]]) -> bytes:
    """Return a SUBSCRIBE of (filter, options) pairs: QoS, and in version 5 retain handling."""
    body = struct.pack(">H", packet_id) + (b"\0" if version == MQTT_5 else b"")
    mask = 0xFF if version == MQTT_5 else OPTIONS_3
    return _packet(0x82, body + b"".join(_text(name) + bytes([each & mask]) for name, each in filters))


def again(filters: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return filters for a session that went on: what it knew already brings no retained messages anew."""
    return [(name, each if each & _RETAIN_HANDLING else each | ONLY_IF_NEW) for name, each in filters]


def unsubscribe(version: int, packet_id: int, filters: Sequence[str]) -> bytes:
    """Return an UNSUBSCRIBE."""
    body = struct.pack(">H", packet_id) + (b"\0" if version == MQTT_5 else b"")
    return _packet(0xA2, body + b"".join(_text(name) for name in filters))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What goes with a message beside topic and payload; all but `retain` exists in version 5 only."""

    retain: bool = False
    expiry_s: int = 0
    correlation: bytes = b""
    response_topic: str = ""  # where there is a correlation
    content_type: str = ""
    user: Sequence[tuple[str, str]] = ()


def publish(version: int, packet_id: int, topic: str, payload: bytes, told: Told) -> bytes:
    """Return a PUBLISH, QoS 1."""
    body = _text(topic) + struct.pack(">H", packet_id)
    if version == MQTT_5:
        properties = struct.pack(">BI", P_EXPIRY, told.expiry_s) if told.expiry_s else b""
        if told.correlation:
            if told.response_topic:
                properties += bytes([P_RESPONSE_TOPIC]) + _text(told.response_topic)
            properties += bytes([P_CORRELATION]) + struct.pack(">H", len(told.correlation)) + told.correlation
        if told.content_type:
            properties += bytes([P_CONTENT_TYPE]) + _text(told.content_type)
        for name, value in told.user:
            properties += bytes([P_USER]) + _text(name) + _text(value)
        body += _length(len(properties)) + properties
    return _packet(PUBLISH | 0x02 | (RETAIN_FLAG if told.retain else 0), body + payload)


def puback(packet_ids: Sequence[int]) -> bytes:
    """Return the acknowledgements of some messages, in one piece."""
    return b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids)


def disconnect(version: int) -> bytes:
    """Return a good-bye."""
    return b"\xe0\x01\x00" if version == MQTT_5 else b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class Connected:
    """A broker's answer to CONNECT."""

    code: int
    session_present: bool
    properties: Mapping[int, int | bytes]

    def text(self, name: int) -> str:
        """Return a property as text, "" when it is not there."""
        raw = self.properties.get(name, b"")
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def connack(body: bytes, version: int) -> Connected:
    """Return the answer. An old broker answers a version 5 CONNECT without properties. Raises Malformed."""
    if len(body) < 2:  # noqa: PLR2004  flags and code
        raise Malformed("CONNACK is too short")
    has_properties = version == MQTT_5 and len(body) > 2  # noqa: PLR2004
    found = properties(body, 2)[0] if has_properties else {}
    return Connected(body[1], bool(body[0] & _SESSION_PRESENT), found)


def acknowledged(body: bytes, version: int) -> tuple[int, bytes]:
    """Return (packet id, reason codes) of a PUBACK, SUBACK or UNSUBACK."""
    if len(body) < 2:  # noqa: PLR2004  the packet id
        raise Malformed("an acknowledgement is too short")
    return int.from_bytes(body[:2], "big"), body[2:]


def reason_codes(body: bytes, version: int) -> bytes:
    """Return one reason code per filter of a SUBACK."""
    return body[properties(body, 2)[1] :] if version == MQTT_5 else body[2:]


def reason(code: int) -> str:
    """Return a reason code in words, with its number."""
    if code == NO_ANSWER:
        return "no answer"
    return f"{REASONS.get(code, 'unknown reason')}, code 0x{code:02X}"


def dismissed(body: bytes) -> tuple[int, str]:
    """Return (reason code, the broker's own words or where it sends us) of a DISCONNECT. Raises Malformed."""
    if len(body) < 2:  # noqa: PLR2004  without properties
        return (body[0] if body else 0), ""
    found = properties(body, 1)[0]
    said = found.get(P_SERVER_REFERENCE) or found.get(P_REASON) or b""
    return body[0], said.decode("utf-8", "replace") if isinstance(said, bytes) else ""


def properties(
    data: bytes, at: int, user: list[tuple[bytes, bytes]] | None = None
) -> tuple[dict[int, int | bytes], int]:
    """Return (properties by id, where they end); of repeated ones the last. Raises Malformed.

    User properties, which may repeat and keep their order, are added to `user` as (name, value).
    """
    size, at = length(data, at)
    end = at + size
    if end > len(data):
        raise Malformed("properties are longer than their packet")
    out: dict[int, int | bytes] = {}
    while at < end:
        name, at = data[at], at + 1
        if name in _BYTE:
            out[name], at = data[at] if at < end else 0, at + 1
        elif name in _TWO:
            out[name], at = int.from_bytes(data[at : at + 2], "big"), at + 2
        elif name in _FOUR:
            out[name], at = int.from_bytes(data[at : at + 4], "big"), at + 4
        elif name == P_SUBSCRIPTION_ID:
            out[name], at = length(data, at)
        elif name in _TEXT:
            out[name], at = _string(data, at)
        elif name == P_USER:
            key, at = _string(data, at)
            value, at = _string(data, at)
            if user is not None:
                user.append((key, value))
        else:
            raise Malformed(f"property 0x{name:02X} is unknown")
    if at != end:
        raise Malformed("a property runs over the end of its packet")
    return out, end


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : end], end


def length(data: bytes, at: int) -> tuple[int, int]:
    """Return (variable byte integer, where it ends). Raises Malformed for more than four bytes."""
    value = shift = 0
    for i in range(at, min(at + 4, len(data))):
        value |= (data[i] & 0x7F) << shift
        shift += 7
        if data[i] < FAILED:
            return value, i + 1
    raise Malformed("a length has more than four bytes")


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (FAILED if value else 0))
        if not value:
            return bytes(out)


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
