"""An edge with real brokers: its health, its file when it is full, its way up by password and TLS."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from authority import Authority
from faultlog import note
from tests.plugins.mqtt.conftest import Broker

from armillary.edge.service import Edge
from armillary.model.clock import NS, WallClock
from armillary.project import folder as projects
from armillary.security.secrets import Secrets

TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a13"
name = "north"
[[source]]
name = "devices"
kind = "mqtt"
url = "mqtt://127.0.0.1:{a}"
[[source]]
name = "up"
kind = "mqtt"
url = "{scheme}://127.0.0.1:{b}"
{more}
[forward]
link = "up"
topic = "edge/north"
store_mb = 1
late_per_s = 1000000
format = "{form}"
"""
CLOCK = WallClock()
CANARY = "canary-3b77d1"


def project(
    folder: Path, a: int, b: int, *, scheme: str = "mqtt", more: str = "", form: str = "json"
) -> Path:
    folder.mkdir()
    text = TEXT.format(a=a, b=b, scheme=scheme, more=more, form=form)
    (folder / "project.toml").write_text(text)
    tags = {"x": {"address": "devices!d/x#v", "time": "t"}, "s": {"address": "devices!d/s", "kind": "text"}}
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "a", "tags": tags}]}))
    return folder


class Ear:
    """Hears all that an edge says above."""

    def __init__(self, port: int) -> None:
        self.said: list[paho.MQTTMessage] = []
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = lambda _client, _data, message: self.said.append(message)
        self.client.on_connect = lambda client, *_: client.subscribe("edge/#", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def health(self) -> str:
        """The last state that was said."""
        told = [m.payload for m in tuple(self.said) if m.topic == "edge/north/health"]
        return str(json.loads(told[-1])["state"]) if told else ""

    def packs(self) -> list[tuple[bool, list[dict[str, Any]]]]:
        """Each pack: whether it is told as of the past, and its records."""
        out = []
        for message in tuple(self.said):
            if message.topic == "edge/north/data":
                user = dict(getattr(message.properties, "UserProperty", ()))
                out.append((user.get("historical") == "1", json.loads(message.payload)))
        return out

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def hear() -> Iterator[Callable[[int], Ear]]:
    made: list[Ear] = []

    def make(port: int) -> Ear:
        made.append(Ear(port))
        return made[-1]

    yield make
    for ear in made:
        ear.close()


async def until(true: Callable[[], Any], limit_s: float, what: str) -> float:
    began = CLOCK.now_mono_ns()
    while not true():
        passed = (CLOCK.now_mono_ns() - began) / NS
        assert passed < limit_s, f"not within {limit_s} s: {what}"
        await asyncio.sleep(0.05)
    return (CLOCK.now_mono_ns() - began) / NS


def late_broker(folder: Path) -> Broker:
    """A broker that is not started yet."""
    folder.mkdir()
    return Broker(folder)


def passwords(path: Path) -> Path:
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "north", CANARY], check=True)
    path.chmod(0o644)
    return path


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


@asynccontextmanager
async def running(folder: Path, secrets: Secrets | None = None) -> AsyncIterator[Edge]:
    """An edge in this process, from its start to its good-bye."""
    edge, stop = Edge(projects.read(folder), CLOCK, secrets or Secrets()), asyncio.Event()
    run = asyncio.create_task(edge.run(stop))
    try:
        await until(lambda: run.done() or edge.status["links"][0]["state"] == "UP", 20, "the devices' link")
        yield edge
    finally:
        stop.set()
        await run


async def test_health_is_there_at_once_and_says_when_the_edge_is_gone(
    own_places: Path, broker: Broker, hear: Callable[[int], Ear], tmp_path: Path
) -> None:
    ear = hear(broker.port)
    command = [
        sys.executable,
        "-m",
        "armillary",
        "edge",
        str(project(tmp_path / "p", broker.port, broker.port)),
    ]
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = started(command)
        try:
            await until(lambda: ear.health() == "online", 30, "online")
        finally:
            process.send_signal(number)
        found = await until(lambda: ear.health() == "offline", 30, "offline")
        assert process.wait(10) == (-number if number is signal.SIGKILL else 0)
        if number is signal.SIGKILL:
            note("edge", "edge kill -9: its will says offline above", found, None)
    late = hear(broker.port)
    await until(lambda: late.health() == "offline", 10, "what is retained")


async def test_a_full_file_gives_up_the_oldest_counted_and_the_rest_goes_up_in_order(
    own_places: Path, broker: Broker, hear: Callable[[int], Ear], tmp_path: Path
) -> None:
    above = late_broker(tmp_path / "above")
    count, size = 3_000, 600
    async with running(project(tmp_path / "p", broker.port, above.port)) as edge:
        for at in range(0, count, 100):
            texts = [("d/s", b"%06d" % i + b"." * size) for i in range(at, at + 100)]
            await asyncio.to_thread(broker.publish, *texts)
        queue = lambda: edge.status["queue"]  # noqa: E731
        await until(lambda: queue()["taken"] == count, 30, "all taken")
        full = queue()
        assert full["dropped"]["full"] > 0
        assert full["waiting"] + full["dropped"]["full"] == count
        assert full["balanced"]
        assert (tmp_path / "p" / ".armillary" / "edge.ring").stat().st_size == 1024 * 1024
        above.start()
        try:
            ear = hear(above.port)
            await until(lambda: queue()["waiting"] == 0, 60, "an empty queue")
            await until(
                lambda: sum(len(r) for past, r in ear.packs() if past) >= queue()["late"], 40, "heard"
            )
            await asyncio.to_thread(broker.publish, ("d/x", b'{"v":1}'))
            await until(lambda: queue()["live"] == 1, 20, "a live one")
        finally:
            above.end()
        got = [int(r["vs"][:6]) for past, records in ear.packs() if past for r in records]
        assert sorted(set(got)) == list(range(full["dropped"]["full"], count))
        # In order; only one that was not acknowledged in time goes again, after others.
        backwards = sum(b < a for a, b in itertools.pairwise(got))
        assert backwards <= len(got) // 100
        first_past, first = ear.packs()[0]
        assert not first_past  # what is newest went first, so that the world shows it
        assert int(first[0]["vs"][:6]) == count - 1
        assert queue()["balanced"]
    lost = f"the oldest {full['dropped']['full']} of {count}, counted"
    note("edge", "way up cut until the edge's file is full", None, None, lost)


async def test_an_edge_started_anew_sends_the_newest_value_as_live_and_all_of_them_as_late(
    own_places: Path, broker: Broker, hear: Callable[[int], Ear], tmp_path: Path
) -> None:
    above = late_broker(tmp_path / "above")
    folder = project(tmp_path / "p", broker.port, above.port)
    async with running(folder) as edge:
        for i in range(3):
            await asyncio.to_thread(broker.publish, ("d/x", b'{"v":%d}' % i))
            await until(lambda i=i: edge.status["queue"]["taken"] == i + 1, 20, "taken")
    async with running(folder) as edge:
        assert edge.status["queue"]["found"] == 3
        above.start()
        try:
            ear = hear(above.port)
            await until(lambda: edge.status["queue"]["waiting"] == 0, 60, "an empty queue")
            await until(lambda: sum(len(r) for _, r in ear.packs()) == 4, 40, "all of it")
            ear.close()
        finally:
            above.end()
    assert [(past, [r["v"] for r in records]) for past, records in ear.packs()] == [
        (False, [2.0]), (True, [0.0]), (True, [1.0]), (True, [2.0])
    ]  # fmt: skip


async def test_the_way_up_speaks_tls_with_a_password_of_the_secret_store(
    own_places: Path, broker: Broker, make_broker: Any, hear: Callable[[int], Ear], tmp_path: Path
) -> None:
    ours = Authority(tmp_path / "ca")
    ours.issue("server")
    users = passwords(tmp_path / "users")
    above = make_broker(f"{ours.listener()}\nallow_anonymous false\npassword_file {users}")
    folder = tmp_path / "p"
    more = 'username = "north"\nsecret = "way-up"\ntls = { ca = "ca.pem" }'
    project(folder, broker.port, above.port, scheme="mqtts", more=more, form="cbor")
    (folder / "ca.pem").write_bytes(ours.ca.read_bytes())
    given = tmp_path / "given.toml"
    given.write_text('way-up = "wrong"\n')
    given.chmod(0o600)
    async with running(folder, Secrets(str(given))) as edge:
        await until(lambda: edge.status["up"]["state"] == "REFUSED", 20, "the wrong password is refused")
        assert "refused the password or the user name 'north'" in edge.status["up"]["detail"]
    given.write_text(f'way-up = "{CANARY}"\n')
    async with running(folder, Secrets(str(given))) as edge:
        await until(lambda: edge.status["up"]["state"] == "UP", 20, "the way up")
        await asyncio.to_thread(broker.publish, ("d/x", b'{"v":2}'))
        await until(lambda: edge.status["queue"]["live"] == 1, 20, "a live one")
        assert CANARY not in json.dumps(edge.status)


@pytest.mark.parametrize("client", ["own", "paho"])
async def test_a_source_that_waits_for_the_disk_is_acknowledged_by_the_edges_own(
    own_places: Path, broker: Broker, tmp_path: Path, client: str
) -> None:
    folder = project(tmp_path / "p", broker.port, broker.port)
    text = (folder / "project.toml").read_text()
    more = 'version = 3\nacknowledge = "stored"\ndurable = true\n'
    more += f'client_id = "north-{client}"\nclient = "{client}"'
    (folder / "project.toml").write_text(text.replace('name = "devices"\n', f'name = "devices"\n{more}\n'))
    count = 300  # far more than a broker leaves unacknowledged
    async with running(folder) as edge:
        values = [("d/x", b'{"v":%d,"t":%d}' % (i, 1_750_000_000_000 + i)) for i in range(count)]
        await asyncio.to_thread(broker.publish, *values, qos=1)
        await until(lambda: edge.status["queue"]["taken"] == count, 30, "all taken")
        assert edge.status["links"][0]["state"] == "UP"
