"""Messages that begin as one before did are cut out at once, and are no others than those judged singly."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.api import LinkSpec
from armillary_plugins.mqtt import codec, framer
from armillary_plugins.mqtt.framer import Framer
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.settings import settings_of

SETTINGS = settings_of(LinkSpec(name="m", kind="mqtt", url="mqtt://h", settings={"max_payload": 150}))
ALL, SHORT = 10**6, 100  # bytes fed at once: too few for the shortcut, which needs the longest of its packets


@st.composite
def streams(draw: st.DrawFn, version: int) -> bytes:
    """Many messages on few topics, some of another kind among them."""
    out = []
    for _ in range(draw(st.integers(8, 40))):
        topic = draw(st.sampled_from([b"a", b"a/b", b"b", b"0" * 48, b""]))
        first = draw(st.sampled_from([0x30] * 12 + [0x31, 0x32, 0xD0, 0x38]))
        if first == 0xD0:
            out.append(b"\xd0\x00")
            continue
        mid = b"\0\x07" if first == 0x32 else b""
        inside = draw(st.sampled_from([b"\0", b"\0", b"\0", b"\x02\x01\x00"])) if version == 5 else b""
        payload = draw(st.sampled_from([b"", b"1", b"2", b"33", b"0\x01a", b"x" * 70, b"y" * 140]))
        size = draw(st.sampled_from([len(topic)] * 9 + [3]))  # now and then a topic's length is a lie
        body = size.to_bytes(2, "big") + topic + mid + inside + payload
        length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 0x80, len(body) // 128])
        out.append(bytes([first]) + length + body)
    return b"".join(out)


def fed(data: bytes, step: int, version: int) -> tuple[list[tuple[str, bytes, int]], list[int], int]:
    """Return the messages (topic, payload, flags) that came, what to acknowledge, and the over-size."""
    it = Framer(Channels(), version, SETTINGS)
    with contextlib.suppress(codec.Malformed):
        for at in range(0, len(data), step):
            it.feed(data[at : at + step], 1, 1)
    batch = it.taken("m")
    if batch is None:
        return [], it.to_acknowledge, it.too_big
    ends = zip(batch.start[:-1].tolist(), batch.start[1:].tolist(), strict=True)
    payloads = [batch.payload[a:b] for a, b in ends]
    topics = [batch.channels[i] for i in batch.channel.tolist()]
    return list(zip(topics, payloads, batch.flags.tolist(), strict=True)), it.to_acknowledge, it.too_big


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([4, 5]))
def test_a_stream_read_at_once_is_the_stream_read_in_pieces(data: st.DataObject, version: int) -> None:
    stream = data.draw(streams(version))
    assert fed(stream, ALL, version) == fed(stream, SHORT, version)


def test_heads_are_remembered_up_to_a_limit_and_messages_go_on() -> None:
    before, framer.MOST_HEADS = framer.MOST_HEADS, 3
    try:
        packets = [bytes([0x30, 5, 0, 2]) + b"%02d" % i + b"v" for i in range(60)] * 2
        messages, _, _ = fed(b"".join(packets), ALL, 4)
    finally:
        framer.MOST_HEADS = before
    assert [topic for topic, _, _ in messages] == [f"{i:02d}" for i in range(60)] * 2
    assert {payload for _, payload, _ in messages} == {b"v"}
