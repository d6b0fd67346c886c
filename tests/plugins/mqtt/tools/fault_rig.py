"""What the tests of the fault matrix share: a stopwatch, the laws, publishers that do not hold back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from armillary.model.clock import NS, WallClock
from armillary.model.link import LinkState
from armillary.model.quality import RANK_MASK
from armillary.model.tags import TagSpec

TAGS = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"f/{i}#v", time_path="t") for i in range(4)]
BARE = [TagSpec(slot=0, name="t0", link="m", address="f/0")]


class Watchmaker:
    """Measures how long a condition takes to come true, while the rig ticks."""

    def __init__(self, rig: Any) -> None:
        self.rig, self.began = rig, rig.clock.now_mono_ns()

    async def until(self, condition: Callable[[], bool], limit_s: float = 12.0) -> float:
        await self.rig.until(condition, limit_s)
        return float((self.rig.clock.now_mono_ns() - self.began) / NS)

    async def until_state(self, *states: LinkState, limit_s: float = 12.0) -> float:
        return await self.until(lambda: self.rig.status.state in states, limit_s)


def rank(rig: Any, slot: int = 0) -> int:
    return int(rig.table.quality[slot] & RANK_MASK)


def ended(rig: Any, published: int | None = None) -> None:
    """Check both laws with nothing under way; with `published` that each message came exactly once."""
    rig.tick()
    tally = rig.inbox.tally()["m"]
    messages, samples = tally.messages, tally.samples
    assert messages.queued == samples.queued == 0
    assert messages.received == messages.done + sum(messages.dropped.values())
    assert samples.received == samples.done + samples.coalesced + sum(samples.dropped.values())
    if published is not None:
        assert messages.received == published


def values(rig: Any, first: int, count: int, topics: int = 4) -> list[tuple[str, bytes]]:
    now = rig.clock.now_ns() // 1_000_000
    return [(f"f/{i % topics}", b'{"v":%d,"t":%d}' % (i, now + i)) for i in range(first, first + count)]


async def received(rig: Any, count: int) -> None:
    await rig.until(lambda: rig.inbox.tally()["m"].messages.received >= count)


async def up(make_rig: Any, port: int, tags: list[TagSpec] = TAGS, **settings: Any) -> Any:
    rig = await make_rig(port, tags, **settings)
    await rig.until_state(LinkState.UP)
    return rig


async def gone(rig: Any) -> None:
    """End a rig before the network that it runs over."""
    await rig.stop()
    rig.task = None


def packets(topic: bytes, payloads: list[bytes]) -> bytes:
    """Return PUBLISH packets of version 3.1.1, QoS 0, ready to be sent."""
    out = []
    for payload in payloads:
        body = len(topic).to_bytes(2, "big") + topic + payload
        assert len(body) < 128
        out.append(bytes([0x30, len(body)]) + body)
    return b"".join(out)


class Hose:
    """A raw publisher in a thread of its own: what it sends was made before."""

    def __init__(self, port: int, data: bytes, seconds: float = 0.0, pieces: int = 1, times: int = 1) -> None:
        """Send `data` `times` over, each time in `pieces` spread over `seconds`."""
        self._pause = threading.Event()
        self._sock = socket.create_connection(("127.0.0.1", port), 5)
        self._sock.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04hose")
        assert self._sock.recv(4)[:1] == b"\x20"
        self._data, self._seconds, self._pieces, self._times = data, seconds, pieces, times
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        step = -(-len(self._data) // self._pieces)
        clock = WallClock()
        due = clock.now_mono_ns()
        for _ in range(self._times):
            for at in range(0, len(self._data), step):
                self._sock.sendall(self._data[at : at + step])
                due += int(self._seconds / self._pieces * NS)
                self._pause.wait(max(0.0, (due - clock.now_mono_ns()) / NS))

    def close(self) -> None:
        self.thread.join(30)
        self._sock.close()
