"""Whatever a broker, a web server or a certificate sends: a refusal in words, never another error."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.api import LinkSpec
from armillary_plugins.mqtt import certificate, codec
from armillary_plugins.mqtt.framer import Framer
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.settings import settings_of
from armillary_plugins.mqtt.websocket import BadFrame, Frames, judged

SETTINGS = settings_of(
    LinkSpec(
        name="m",
        kind="mqtt",
        url="ws://h",
        settings={"durable": True, "max_payload": 200, "user_properties": {"time": "t", "quality": "q"}},
    )
)
TOPICS = st.sampled_from([b"a", b"a/b", b"", b"\xff", b"c" * 130])
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([first]) + bytes(length) + body


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """PUBLISH and other packets, well formed as packets, with anything inside."""
    out = []
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.sampled_from([0x20, 0x30, 0x31, 0x32, 0x3A, 0x40, 0x90, 0xD0, 0xE0]))
        if first & 0xF0 == 0x30:
            topic = draw(TOPICS)
            properties = draw(st.binary(max_size=20))
            inside = bytes([len(properties)]) + properties if draw(st.booleans()) else b"\0"
            mid = b"\0\x07" if first & 0x06 else b""
            body = len(topic).to_bytes(2, "big") + topic + mid + inside + draw(st.binary(max_size=250))
        else:
            body = draw(st.binary(max_size=12))
        out.append(packet(first, body))
    return b"".join(out)


def fed(data: bytes, cuts: list[int], version: int) -> tuple[bytes, list[int]]:
    """Return the payloads and channels of the messages that came, up to the first refusal."""
    framer, at, i, clock = Framer(Channels(), version, SETTINGS), 0, 0, 1
    with contextlib.suppress(codec.Malformed):
        while at < len(data):
            step = cuts[i % len(cuts)]
            for _first, body in framer.feed(data[at : at + step], clock, clock):
                with contextlib.suppress(codec.Malformed):
                    codec.connack(body, version)
                with contextlib.suppress(codec.Malformed):
                    codec.dismissed(body)
                with contextlib.suppress(codec.Malformed):
                    codec.reason_codes(body, version)
            at, i, clock = at + step, i + 1, clock + 1
    batch = framer.taken("m")
    if batch is None:
        return b"", []
    assert len(batch.flags) == len(batch) == len(batch.arrival_ns)
    assert batch.start[-1] == len(batch.payload)
    return batch.payload, batch.channel.tolist()


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400), cuts=CUTS, version=st.sampled_from([4, 5]))
def test_random_bytes_are_read_or_refused(data: bytes, cuts: list[int], version: int) -> None:
    fed(data, cuts, version)


@settings(max_examples=300, deadline=None)
@given(data=packets(), cuts=CUTS, version=st.sampled_from([4, 5]))
def test_packets_come_out_the_same_however_they_are_cut(data: bytes, cuts: list[int], version: int) -> None:
    assert fed(data, cuts, version) == fed(data, [10**6], version)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300), cuts=CUTS)
def test_random_frames_are_read_or_refused_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    def through(steps: list[int]) -> bytes:
        frames, out, at, i = Frames(), b"", 0, 0
        with contextlib.suppress(BadFrame):
            while at < len(data):
                step = steps[i % len(steps)]
                out += frames.feed(data[at : at + step])[0]
                at, i = at + step, i + 1
        return out

    whole = through([10**6])
    assert through(cuts).startswith(whole)  # in pieces more may come through before the refusal


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_are_no_certificate_and_no_answer_of_a_web_server(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        certificate.read(data)
    assert judged(data, "key", SETTINGS) is not None
