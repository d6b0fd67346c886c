"""CPU a message from the socket to the state, beside paho with an empty handler on the same broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from armillary.api import SourceContext, WallClock
from armillary.model.link import LinkSpec, LinkState
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans
from armillary.twin.state import apply
from armillary_bench import mqtt_world
from armillary_bench.figure import figure
from armillary_bench.hall import running_broker
from armillary_bench.paho_peer import paho_us
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.settings import MQTT_3, MQTT_5
from armillary_plugins.mqtt.source import make

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPICS = 100
BURST, PACED, PACED_HZ = 40_000, 10_000, 5_000
ROUNDS = 3  # of a burst, taking turns with paho; the best of each counts
BAR = 0.15  # of paho's CPU a message
LIMIT_S = 60.0
TICK_S = 0.05

# The publisher is a process of its own, so that its work is not in our CPU time. It sends bytes encoded
# before the clock starts, in pieces of 10 ms when it is paced.
_PUBLISHER = """
import json, socket, sys, time
job = json.loads(sys.argv[1])
s = socket.create_connection(("127.0.0.1", job["port"]))
s.sendall(bytes.fromhex(job["connect"])); s.recv(64)
packets = []
for i in range(job["count"]):
    topic = b"bench/%d" % (i % job["topics"])
    payload = b'{"t":%d,"c":%d.25}' % (job["t"] + i // job["topics"], i)
    body = len(topic).to_bytes(2, "big") + topic + payload
    packets.append(bytes([0x30, len(body)]) + body)
at, step, begin = 0, job["hz"] // 100 or 500, time.monotonic()
while at < len(packets):
    s.sendall(b"".join(packets[at:at + step])); at += step
    if job["hz"]:
        time.sleep(max(0.0, begin + at / job["hz"] - time.monotonic()))
s.shutdown(socket.SHUT_WR)
while s.recv(4096): pass
"""


def measure() -> dict[str, float]:
    """Return µs of CPU a message by way and version, and the ratios ours / paho (target: at most 0.15).

    burst: as fast as the broker gives; paced: 5,000 messages a second. Raises AssertionError when a
    message was lost or a value is wrong, LinkFault without mosquitto.
    """
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="armb-") as folder, running_broker(Path(folder)) as port:
        for version, name in ((MQTT_3, "v311"), (MQTT_5, "v5")):
            for kind, count, hz in (("burst", BURST, 0), ("paced", PACED, PACED_HZ)):
                turns = [
                    (
                        asyncio.run(_ours(port, version, count, hz)),
                        paho_us(port, version, count, partial(_publisher, port, count, hz)),
                    )
                    for _ in range(1 if hz else ROUNDS)
                ]
                ours, peer = (min(side) for side in zip(*turns, strict=True))
                figures[f"ours_{kind}_{name}_us"] = ours
                figures[f"paho_{kind}_{name}_us"] = peer
                figures[f"ratio_{kind}_{name}"] = ours / peer
    return figures


def benches() -> list[dict[str, object]]:
    """Return the figures of MQTT: CPU a message from the socket to the state, beside paho's; a whole world.

    The bar holds what a message costs; at a pace, when ours mostly waits, the cost of waking is shared by few
    messages, so that ratio is printed without one.
    """
    us = measure()
    work = (
        "every message was received and decoded, none dropped, both laws balance, and the state holds the "
        "last value of every tag; paho received as many"
    )
    intake = [
        figure(
            f"mqtt_to_state_{kind}_{name}",
            us[f"ours_{kind}_{name}_us"],
            "µs",
            against="paho, a handler that only counts",
            against_value=us[f"paho_{kind}_{name}_us"],
            bar=BAR if kind == "burst" else None,
            work=f"{count} messages, {pace}; {work}",
        )
        for name in ("v311", "v5")
        for kind, count, pace in (
            ("burst", BURST, "as fast as the broker gives"),
            ("paced", PACED, f"{PACED_HZ}/s"),
        )
    ]
    return [*intake, *mqtt_world.benches()]


async def _ours(port: int, version: int, count: int, hz: int) -> float:
    """Return µs a message: socket, framing, inbox, JSON, conditions and state, with ticks of 50 ms."""
    clock = WallClock()
    link = LinkSpec(name="m", kind="mqtt", url=f"mqtt://127.0.0.1:{port}", settings={"version": version})
    tags = [
        TagSpec(slot=i, name=f"t{i}", link="m", address=f"bench/{i}#c", time_path="t") for i in range(TOPICS)
    ]
    (plan,) = plans([link], tags)
    inbox, table = Inbox(["m"]), TagTable(TOPICS)
    intake, out = Intake([plan], tags, inbox), _Out(inbox)
    source = make(SourceContext(link=link, clock=clock, secret=str, project=Path()))
    run = asyncio.create_task(source.run(plan, out))
    await asyncio.wait_for(out.up.wait(), LIMIT_S)
    with _publisher(port, count, hz):
        before = time.process_time()
        async with asyncio.timeout(LIMIT_S):
            while (flow := inbox.tally()["m"].messages).done < count:
                await asyncio.sleep(TICK_S)
                batch = intake.take()
                intake.settle(batch, apply(table, batch).outcome)
        spent = time.process_time() - before
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    tally = inbox.tally()["m"]
    if not (tally.messages.balanced and tally.samples.balanced) or flow.dropped:
        raise AssertionError(f"messages were lost: {tally}")
    expected = np.arange(count - TOPICS, count) + 0.25
    if not np.array_equal(table.value, expected):
        raise AssertionError("the state does not hold the last values sent")
    return spent / count * 1e6


class _Out:
    """The smallest SourceOut: everything into the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.up = asyncio.Event()
        self.wire: Callable[[Any], None] = lambda batch: inbox.put("m", batch)
        self.samples: Callable[[Any], None] = self.wire
        self.alive: Callable[[int], None] = lambda mono_ns: inbox.alive("m", mono_ns)
        self.dropped: Callable[[str, int], None] = lambda reason, n: inbox.drop("m", reason, n)

    def state(self, state: LinkState, _detail: str = "") -> None:
        if state is LinkState.UP:
            self.up.set()

    @property
    def room(self) -> bool:
        return self._inbox.room("m")

    @property
    def changed(self) -> Any:
        return self._never()

    async def _never(self) -> Any:
        await asyncio.Event().wait()
        yield None


@contextmanager
def _publisher(port: int, count: int, hz: int) -> Iterator[None]:
    """Run the publisher beside the block; ended with it."""
    job = {
        "port": port,
        "count": count,
        "hz": hz,
        "topics": TOPICS,
        "t": time.time_ns() // 1_000_000,
        "connect": codec.connect(MQTT_3, "bench-publisher", 60, "", "", 0).hex(),
    }
    process = subprocess.Popen([sys.executable, "-c", _PUBLISHER, json.dumps(job)])  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        process.wait(5)


if __name__ == "__main__":
    print(json.dumps({k: round(v, 3) for k, v in measure().items()}, indent=1))
