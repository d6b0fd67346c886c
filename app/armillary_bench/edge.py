"""CPU a sample through `armillary edge`, forwarded and stored, beside paho handing each message on."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from armillary.api import WallClock
from armillary.edge.service import Edge
from armillary.project import folder as projects
from armillary.security.secrets import Secrets
from armillary_bench.figure import figure
from armillary_bench.hall import running_broker
from armillary_bench.mqtt import LIMIT_S, TOPICS, _publisher
from armillary_bench.paho_peer import paho_us
from armillary_plugins.mqtt.settings import MQTT_5

COUNT = 40_000
ROUNDS = 3
BAR = 0.15  # of paho's CPU a message
STEP_S = 0.05
_NOBODY = 1  # a port where nobody listens: the way up is cut

_PROJECT = """[project]
schema = 1
id = "3b1c5c1e-7c3f-4a1c-9f5a-5d3f6f1d7a21"
name = "bench"
[[source]]
name = "devices"
kind = "mqtt"
url = "mqtt://127.0.0.1:{a}"
[[source]]
name = "up"
kind = "mqtt"
url = "mqtt://127.0.0.1:{b}"
[forward]
link = "up"
topic = "edge/bench"
store_mb = 64
late_per_s = 1000000
"""


def benches() -> list[dict[str, object]]:
    """Return the figures of an edge: CPU a sample forwarded, and stored while the way up is cut."""
    with tempfile.TemporaryDirectory(prefix="armb-") as folder, running_broker(Path(folder)) as port:
        turns = [
            (
                asyncio.run(_edge(Path(folder), port, port)),
                asyncio.run(_edge(Path(folder), port, _NOBODY)),
                paho_us(port, MQTT_5, COUNT, partial(_publisher, port, COUNT, 0), "again/data"),
            )
            for _ in range(ROUNDS)
        ]
    forwarded, stored, peer = (min(side) for side in zip(*turns, strict=True))
    done = f"{COUNT} samples of {TOPICS} tags as fast as the broker gives, best of {ROUNDS}"
    return [
        figure(
            f"edge_{name}",
            value,
            "µs",
            against="paho, which publishes each message again at QoS 1",
            against_value=peer,
            bar=BAR,
            work=f"{done}; {work}, both laws and the queue's balance",
        )
        for name, value, work in (
            ("forwarded", forwarded, "each was written into the ring and acknowledged by the broker above"),
            ("stored", stored, "each waits in the ring"),
        )
    ]


async def _edge(folder: Path, port: int, up: int) -> float:
    """Return µs a sample from the socket to the acknowledgement, or to the ring."""
    at = Path(tempfile.mkdtemp(dir=folder))
    tags = {f"t{i}": {"address": f"devices!bench/{i}#c", "time": "t"} for i in range(TOPICS)}
    (at / "project.toml").write_text(_PROJECT.format(a=port, b=up))
    (at / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "b", "tags": tags}]}))
    edge = Edge(projects.read(at), WallClock(), Secrets())
    stop = asyncio.Event()
    run = asyncio.create_task(edge.run(stop))
    wanted = "BACKOFF" if up == _NOBODY else "UP"
    await _until(lambda: edge.status["links"][0]["state"] == "UP" and edge.status["up"]["state"] == wanted)
    with _publisher(port, COUNT, 0):
        before = time.process_time()
        where = "waiting" if up == _NOBODY else "live"
        await _until(lambda: _arrived(edge, where) >= COUNT)
        spent = time.process_time() - before
    status = edge.status
    stop.set()
    await run
    link, queue = status["links"][0], status["queue"]
    if not (link["balanced"] and queue["balanced"]) or any(queue["dropped"].values()):
        raise AssertionError(f"samples were lost: {status}")
    return spent / COUNT * 1e6


def _arrived(edge: Edge, where: str) -> int:
    queue = edge.status["queue"]
    late = 0 if where == "waiting" else int(queue["late"])
    return int(queue[where]) + late


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110  the counters of an edge are looked at, as its status does
            await asyncio.sleep(STEP_S)
