"""MQTT inside WebSockets: by a bridge to a real mosquitto, which both our client and paho's speak with."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from web_bridge import bridge

from armillary.api import LinkSpec, ProjectFault
from armillary.model.link import LinkState
from armillary.model.quality import GOOD
from armillary.model.tags import TagSpec
from armillary_plugins.mqtt.settings import settings_of
from armillary_plugins.mqtt.websocket import BadFrame, Frames, frame

TAGS = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"w/{i}") for i in range(20)]
CLIENTS = pytest.mark.parametrize("client", ["own", "paho"])


def all_good(rig: Any) -> bool:
    return bool((rig.table.quality[: len(TAGS)] == GOOD).all())


@CLIENTS
@pytest.mark.parametrize("version", [4, 5])
async def test_values_arrive_through_a_websocket(
    broker: Any, make_rig: Any, version: int, client: str
) -> None:
    async with bridge(broker.port) as web:
        web.ping_first = client == "own"  # paho 2.2 takes a ping before CONNACK for the end
        rig = await make_rig(web.port, TAGS, scheme="ws", version=version)
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(broker.publish, *[(f"w/{i}", b"%d" % i * 40_000) for i in range(1)])
        await asyncio.to_thread(broker.publish, *[(f"w/{i}", b"%d" % i) for i in range(20)])
        await rig.until(lambda: all_good(rig))
        assert rig.table.value.tolist() == [float(i) for i in range(20)]
        assert b"GET /mqtt HTTP/1.1" in web.requests[0]
        assert b"sec-websocket-protocol: mqtt" in web.requests[0].lower()
        assert web.pongs == ([b"ping"] if client == "own" else [])
        await rig.stop()
        rig.task = None


async def test_frames_cut_anywhere_carry_the_same_messages(broker: Any, make_rig: Any) -> None:
    async with bridge(broker.port) as web:
        web.chop = 3
        rig = await make_rig(web.port, TAGS, scheme="ws")
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(broker.publish, *[(f"w/{i % 20}", b"%d" % i) for i in range(2_000)])
        await rig.until(lambda: rig.inbox.tally()["m"].messages.done == 2_000)
        assert rig.table.value.tolist() == [float(1_980 + i) for i in range(20)]
        await rig.stop()
        rig.task = None


@CLIENTS
async def test_a_websocket_may_be_inside_tls(broker: Any, make_rig: Any, tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ca")
    ours.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.folder / "server.pem", ours.folder / "server.key")
    async with bridge(broker.port, context) as web:
        rig = await make_rig(web.port, TAGS, scheme="wss", tls={"ca": str(ours.ca)})
        await rig.until_state(LinkState.UP)
        assert rig.links.certificates()["m"].keys() == {"server"}
        stranger = await make_rig(web.port, TAGS, scheme="wss")
        await stranger.until_state(LinkState.REFUSED)
        assert "nobody here knows 'test authority'" in stranger.status.detail
        for each in (rig, stranger):
            await each.stop()
            each.task = None


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", LinkState.REFUSED, "lets us not in (401 Unauthorized)"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", LinkState.BACKOFF, "has no MQTT at '/mqtt' (404 Not Found)"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", LinkState.BACKOFF, "opens no WebSocket for MQTT: it says 200 OK"),
        (b"\x20\x02\x00\x00\r\n\r\n", LinkState.BACKOFF, "opens no WebSocket for MQTT: its first bytes"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: nonsense\r\n\r\n",
            LinkState.BACKOFF,
            "its answer belongs to another request",
        ),
        (b"x" * 20_000, LinkState.BACKOFF, "its answer has no end"),
        (b"", LinkState.BACKOFF, "has no MQTT at '/mqtt'"),
    ],
)
async def test_a_web_server_without_mqtt_is_told_apart(
    make_rig: Any, answer: bytes, state: LinkState, said: str
) -> None:
    async with bridge(1) as web:
        web.answer, web.path = answer, b"/elsewhere"
        rig = await make_rig(web.port, TAGS, scheme="ws")
        await rig.until_state(state)
        assert said in rig.status.detail
        await rig.stop()
        rig.task = None


def test_a_browser_path_of_the_url_is_kept() -> None:
    made = settings_of(LinkSpec(name="m", kind="mqtt", url="wss://h.example/ws/site?token=a"))
    assert (made.path, made.port, made.is_tls) == ("/ws/site?token=a", 443, True)


@pytest.mark.parametrize("url", ["mqtt://[::1", "http://h", "mqtt://", "ws://h:x", "mqtt://h:99999"])
def test_a_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(ProjectFault, match="The setting url = ") as caught:
        settings_of(LinkSpec(name="m", kind="mqtt", url=url))
    assert "wss://host/mqtt" in caught.value.remedy


def server_frame(first: int, body: bytes) -> bytes:
    size = len(body)
    if size < 126:
        return bytes([first, size]) + body
    if size < 65_536:
        return bytes([first, 126]) + size.to_bytes(2, "big") + body
    return bytes([first, 127]) + size.to_bytes(8, "big") + body


@pytest.mark.parametrize("step", [1, 2, 7, 1_000_000])
def test_frames_of_every_size_come_apart_at_any_cut(step: int) -> None:
    bodies = [b"", b"a", b"b" * 125, b"c" * 126, b"d" * 65_535, b"e" * 70_000]
    stream = b"".join(server_frame(0x02 if i % 2 else 0x82, body) for i, body in enumerate(bodies))
    stream += server_frame(0x89, b"here?") + server_frame(0x82, b"end")
    frames, got, controls = Frames(), b"", []
    for at in range(0, len(stream), step):
        payload, control = frames.feed(stream[at : at + step])
        got += payload
        controls += control
    assert got == b"".join(bodies) + b"end"
    assert controls == [(0x9, b"here?")]


@pytest.mark.parametrize(
    "bad",
    [b"\x82\x81\0\0\0\0a", b"\xc2\x01a", b"\x81\x01a", b"\x83\x01a", b"\x89\x7e\x00\x7e", b"\x09\x01a"],
)
def test_what_is_no_frame_of_a_server_is_refused(bad: bytes) -> None:
    with pytest.raises(BadFrame):
        Frames().feed(bad)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_what_we_send_is_masked_and_comes_out_the_same(size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    sent = frame(2, body)
    more = {126: 2, 127: 8}.get(sent[1] & 0x7F, 0)
    mask, masked = sent[2 + more : 6 + more], sent[6 + more :]
    assert sent[1] & 0x80
    assert bytes(b ^ mask[i % 4] for i, b in enumerate(masked)) == body
