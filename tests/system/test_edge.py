"""Devices → broker A → edge → a network that breaks → broker B → LIVE world and recorder: all processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from faultlog import note
from stations import CLOCK
from tcp_proxy import Proxy, proxy
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.edge import health
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.frame import apply_frame
from armillary.model.message import Hello, Welcome
from armillary.model.tags import TagTable
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
TAGS = ("a.x", "a.y", "b.x")
HEAD = '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a{n:02d}"\nname = "{name}"\n'
SOURCE = '[[source]]\nname = "{name}"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:{port}"\n'
EDGE = (
    HEAD.format(n=1, name="north")
    + SOURCE.replace("{name}", "devices").replace("{port}", "{a}")
    + "durable = true\n"
    + SOURCE.replace("{name}", "up").replace("{port}", "{b}")
    + "keep_alive_s = 2\n"
    + '[forward]\nlink = "up"\ntopic = "edge/north"\nstore_mb = 4\n'
)
WORLD = (
    HEAD.format(n=2, name="centre") + SOURCE.replace("{name}", "north") + 'durable = true\ndecoder = "edge"\n'
)
DURABLE = "allow_anonymous true\npersistence true\npersistence_location {folder}/"


def twins(address: Callable[[str], str]) -> str:
    found: dict[str, dict[str, Any]] = {}
    for tag in TAGS:
        twin, _, key = tag.partition(".")
        found.setdefault(twin, {})[key] = {"address": address(tag), "stale_after_s": 60}
    return json.dumps({"schema": 1, "twins": [{"id": i, "tags": tags} for i, tags in found.items()]})


class Devices:
    """Sends one value of each tag 20 times a second, each with its time; all of it must be kept."""

    def __init__(self, port: int) -> None:
        self.sent: Counter[tuple[str, int, float]] = Counter()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            for tag in TAGS:
                number += 1
                now_ms = CLOCK.now_ns() // 1_000_000
                text = json.dumps({"v": number, "t": now_ms})
                self._client.publish(f"d/{tag}", text, qos=1).wait_for_publish(10)
                self.sent[tag, now_ms, float(number)] += 1

    def end(self) -> None:
        self._stop.set()
        self._thread.join(20)
        self._client.disconnect()
        self._client.loop_stop()


class Site:
    """All of it."""

    def __init__(self, folder: Path, net: Proxy, a: Broker, b: Broker) -> None:
        self.net, self.b, self.folder = net, b, folder
        self.edge_at, self.world_at = folder / "edge", folder / "world"
        for at, text, of in (
            (self.edge_at, EDGE.format(a=a.port, b=net.port), lambda tag: f"devices!d/{tag}#v"),
            (self.world_at, WORLD.format(port=b.port), lambda _tag: "north!edge/north/data"),
        ):
            at.mkdir()
            (at / "project.toml").write_text(text)
            (at / "twins.json").write_text(twins(of))
        spec = json.loads((self.edge_at / "twins.json").read_text())
        for twin in spec["twins"]:
            for tag in twin["tags"].values():
                tag["time"] = "t"
        (self.edge_at / "twins.json").write_text(json.dumps(spec))
        self.recorder = child.start("recorder.service", {"project": str(self.world_at)}, folder / "rec.log")
        self.recorder.ready()
        self.world = child.start("world.live", {"project": str(self.world_at)}, folder / "world.log")
        self.line = Line(str(self.world.ready()["address"]))
        self.edge = self.started()
        self.newest = np.zeros(len(TAGS), np.int64)

    def started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "armillary", "edge", str(self.edge_at)]
        with (self.folder / "edge.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def status(self) -> dict[str, Any]:
        try:
            return health.read(self.edge_at)
        except Exception:  # noqa: BLE001  none yet, or no more
            return {"up": {"state": "NONE"}, "queue": {"waiting": -1, "late": -1}, "links": []}

    def look(self) -> None:
        """No tag of the world is ever set back."""
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(answer, Welcome)
        table = TagTable(len(answer.specs))
        apply_frame(table, answer.frame)
        assert (table.source_ns >= self.newest).all(), (table.source_ns, self.newest)
        self.newest = table.source_ns.copy()

    async def until(self, true: Callable[[], bool], limit_s: float, what: str) -> float:
        began = CLOCK.now_mono_ns()
        while not true():
            self.look()
            passed = (CLOCK.now_mono_ns() - began) / NS
            assert passed < limit_s, f"not within {limit_s} s: {what}: {self.status()}"
            await asyncio.sleep(0.1)
        return (CLOCK.now_mono_ns() - began) / NS

    async def is_up(self) -> None:
        """The edge has both its brokers: from now on nothing may be lost."""
        await self.until(lambda: self.status()["up"]["state"] == "UP", 60, "the way up")
        states = lambda: [link["state"] for link in self.status()["links"]]  # noqa: E731
        await self.until(lambda: states() == ["UP"], 60, "the devices' link")

    async def moves_on(self) -> None:
        """The world gets values that are newer than now."""
        now = CLOCK.now_ns()
        await self.until(lambda: bool((self.newest > now).all()), 40, "live values")

    def close(self) -> None:
        if self.edge.poll() is not None:
            return  # once is enough
        self.edge.terminate()
        self.edge.wait(15)
        self.line.close()
        self.world.stop()
        self.recorder.stop()


@pytest.fixture
async def site(own_places: Path, tmp_path: Path) -> AsyncIterator[Site]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    brokers = []
    for name in ("a", "b"):
        at = tmp_path / name
        at.mkdir()
        brokers.append(Broker(at, DURABLE.format(folder=at)).start())
    try:
        async with proxy(brokers[1].port) as net:
            made = await asyncio.to_thread(Site, tmp_path, net, *brokers)
            yield made
            await asyncio.to_thread(made.close)
    finally:
        for broker in brokers:
            broker.end()


async def test_after_cuts_of_the_way_up_and_kills_the_history_has_every_sample_once(site: Site) -> None:
    await site.is_up()
    devices = Devices(site_port(site))
    try:
        await site.moves_on()
        # 1: the network drops everything; nobody hangs up
        site.net.stall()
        found = await site.until(lambda: site.status()["up"]["state"] != "UP", 30, "the cut is seen")
        await site.until(lambda: site.status()["queue"]["waiting"] > 60, 20, "something waits")
        # 2: and the edge is killed meanwhile
        site.edge.send_signal(signal.SIGKILL)
        site.edge.wait()
        await asyncio.sleep(1.0)
        site.edge = site.started()
        await site.until(lambda: site.status()["queue"].get("found", 0) > 60, 30, "what the file holds")
        site.net.flow()
        await site.until(lambda: site.status()["queue"]["late"] > 60, 40, "late data")
        await site.moves_on()
        # 3: the broker above is away for a while
        site.b.end()
        await site.until(lambda: site.status()["up"]["state"] != "UP", 20, "the broker's end is seen")
        await asyncio.sleep(2.0)
        await asyncio.to_thread(site.b.start)
        await site.moves_on()
        # 4: the edge is killed while all is well
        site.edge.send_signal(signal.SIGKILL)
        site.edge.wait()
        site.edge = site.started()
        await site.moves_on()
    finally:
        await asyncio.to_thread(devices.end)
    await all_is_there_once(site, devices)
    note("edge", "way up of the edge cut (keep-alive 2 s), edge and broker killed", found, 8.0)


async def all_is_there_once(site: Site, devices: Devices) -> None:
    """Wait until nothing waits any more, end all, and compare the history with what was sent."""
    sent = devices.sent
    last = max(t for _, t, _ in sent) * 1_000_000
    await site.until(lambda: site.status()["queue"]["waiting"] == 0, 60, "an empty queue")
    await site.until(lambda: int(site.newest.max()) >= last, 40, "the last value")
    status = site.status()
    assert status["queue"]["balanced"]
    assert status["links"][0]["balanced"]
    assert status["queue"]["dropped"] == {"full": 0, "aged": 0}
    await asyncio.to_thread(site.close)
    kept = stored(site.world_at / ".armillary" / "history.duckdb")
    assert not sent - kept, f"a hole of {len(sent - kept)} of {len(sent)}"
    assert not kept - sent, f"{len(kept - sent)} twice: {list((kept - sent).items())[:5]}"


def site_port(site: Site) -> int:
    text = (site.edge_at / "project.toml").read_text()
    return int(text.split("127.0.0.1:", 1)[1].split('"', 1)[0])


def stored(path: Path) -> Counter[tuple[str, int, float]]:
    store = Store(path, read_only=True)
    try:
        ids = {id_: name for name, id_ in store.known().items() if name in TAGS}
        out: Counter[tuple[str, int, float]] = Counter()
        for part in store.between(np.array(list(ids), np.uint32), 0, 2**62):
            for slot, t, value in zip(
                part.slot.tolist(), part.source_ns.tolist(), part.value.tolist(), strict=True
            ):
                assert t % 1_000_000 == 0
                out[ids[slot], t // 1_000_000, value] += 1
        return out
    finally:
        store.close()
