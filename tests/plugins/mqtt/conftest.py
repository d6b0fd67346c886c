"""A real mosquitto on a free loopback port, and a rig from its socket to the tag table."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from armillary.api import SourceContext, WallClock
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.links import Links
from armillary.telemetry.plan import plans
from armillary.telemetry.watch import Watch
from armillary.twin.state import apply
from armillary_plugins.mqtt import source as mqtt_source

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Broker:
    """A mosquitto of one test's own; started, killed and ended by its pid."""

    def __init__(self, folder: Path, lines: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self.folder = folder
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nmax_queued_messages 0\n"
            f"{'' if 'persistence' in lines else 'persistence false'}\n"
            f"user {getpass.getuser()}\n{lines}\n"  # else root becomes somebody who cannot read tmp_path
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Broker:
        assert MOSQUITTO is not None
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.config)], stdout=log, stderr=log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                try:
                    self.process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
                break
        raise AssertionError((self.folder / "broker.log").read_text())

    def log(self) -> str:
        return (self.folder / "broker.log").read_text()

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            if number != signal.SIGKILL:
                self.process.send_signal(signal.SIGCONT)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(3)
            self.process = None

    def publish(self, *messages: tuple[str, bytes], qos: int = 0, retain: bool = False) -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        up = threading.Event()
        client.on_connect = lambda *_: up.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        assert up.wait(5)
        infos = [client.publish(topic, payload, qos, retain) for topic, payload in messages]
        for info in infos:
            info.wait_for_publish(5)
            assert info.is_published()
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made: list[Broker] = []

    def make(lines: str = "allow_anonymous true") -> Broker:
        folder = tmp_path / f"broker{len(made)}"
        folder.mkdir()
        made.append(Broker(folder, lines))
        return made[-1].start()

    yield make
    for broker in made:
        broker.end()


@pytest.fixture
def broker(make_broker: Callable[..., Broker]) -> Broker:
    return make_broker()


class Rig:
    """One MQTT link from the socket to the tag table, with the real clock; `tick` is what a world does."""

    def __init__(self, port: int, tags: Sequence[TagSpec], scheme: str = "mqtt", **settings: Any) -> None:
        self.clock = WallClock()
        host = settings.pop("host", "127.0.0.1")
        self.link = LinkSpec(name="m", kind="mqtt", url=f"{scheme}://{host}:{port}", settings=settings)
        self.tags = tags
        self.plans = plans([self.link], tags)
        self.inbox = Inbox(["m"])
        self.intake = Intake(self.plans, tags, self.inbox)
        self.table = TagTable(len(tags))
        self.watch = Watch(tags, [self.link])
        self.secrets = {"right": "s3cret", "wrong": "nope"}
        self.context = SourceContext(
            link=self.link, clock=self.clock, secret=self.secrets.__getitem__, project=Path()
        )
        self.links = Links(
            self.plans,
            {"mqtt": mqtt_source.make},
            {"m": self.context},
            self.inbox,
            self.clock,
            jitter=lambda low, _high: low,  # retry quickly: the doubling of waits is tested with the host
        )
        self.applied = 0
        self.task: asyncio.Task[None] | None = None

    def tick(self) -> None:
        batch = self.intake.take(self.clock.now_mono_ns())
        done = apply(self.table, batch)
        self.applied += done.applied
        self.intake.settle(batch, done.outcome)
        self.watch.look(self.table, self.inbox.signs(), self.clock.now_mono_ns())
        tally = self.inbox.tally()["m"]
        assert tally.messages.balanced, tally
        assert tally.samples.balanced, tally

    async def until(self, condition: Callable[[], bool], limit_s: float = 10.0) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    self.tick()
                    if condition():
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {limit_s} s: {self.status} {self.inbox.tally()}") from None

    @property
    def status(self) -> LinkStatus:
        return self.links.statuses()[0]

    async def until_state(self, *states: LinkState, limit_s: float = 10.0) -> None:
        await self.until(lambda: self.status.state in states, limit_s)

    async def start(self) -> None:
        self.task = asyncio.create_task(self.links.run())

    async def stop(self) -> None:
        if self.task is not None:
            await self.links.stop()
            await self.task
            self.tick()


@pytest.fixture
def client() -> str:
    return "own"


@pytest.fixture
async def make_rig(client: str) -> AsyncIterator[Callable[..., Any]]:
    made: list[Rig] = []

    async def make(port: int, tags: Sequence[TagSpec], **settings: Any) -> Rig:
        rig = Rig(port, tags, **({"client": client} if client != "own" else {}), **settings)
        made.append(rig)
        await rig.start()
        return rig

    yield make
    for rig in made:
        await rig.stop()
