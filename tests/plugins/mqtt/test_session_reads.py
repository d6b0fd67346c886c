"""When our own session reads, and when it rests."""

from __future__ import annotations

import asyncio
import socket

import pytest

from armillary.api import LinkSpec, ManualClock, WireBatch
from armillary_plugins.mqtt import session
from armillary_plugins.mqtt.link import Hooks
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.settings import MQTT_3, settings_of

CONNACK = b"\x20\x02\x00\x00"
LIMIT_S = 20.0


def publish(number: int) -> bytes:
    return b"\x30\x04\x00\x01t%d" % number


async def test_a_session_reads_once_more_before_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a broker held back until the first read was acknowledged comes by the second."""
    monkeypatch.setattr(session, "BREATH_S", 600.0)  # a rest that begins too early would never end
    taken: list[bytes] = []
    lines: list[socket.socket] = []
    second = asyncio.Event()

    def took(batch: WireBatch) -> None:
        """While one message is taken the broker sends the next."""
        taken.append(batch.payload)
        if len(taken) > 1:
            second.set()
        lines[0].sendall(publish(1 + len(taken)))

    link = LinkSpec(name="m", kind="mqtt", url="mqtt://127.0.0.1")
    clock = ManualClock()  # stands still: what comes, comes thick

    def opened() -> session.Session:
        return session.Session(settings_of(link), clock, MQTT_3, "c", Channels(), Hooks(batch=took))

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        transport, _ = await asyncio.get_running_loop().create_connection(opened, "127.0.0.1", port)
        lines.append(server.accept()[0])
        with lines[0]:
            lines[0].sendall(CONNACK + publish(1))
            async with asyncio.timeout(LIMIT_S):
                await second.wait()
            for _ in range(3):  # turns of the loop until it rests
                await asyncio.sleep(0)
            assert not transport.is_reading()
            transport.abort()
    assert taken == [b"1", b"2"]
