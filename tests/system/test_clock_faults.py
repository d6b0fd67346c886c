"""Row 28 of the fault matrix: our own wall clock is set. The world runs here, with a clock that can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from authority import Authority
from faultlog import note
from stations import until
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker
from timely import Device, make_project

from armillary.model.clock import NS, WallClock
from armillary.model.frame import Frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.quality import GOOD, RANK_MASK, UNCERTAIN
from armillary.project import folder as projects
from armillary.world.live import Live

pytestmark = pytest.mark.system
HOUR_S = 3_600


class Settable(WallClock):
    """The clock of this machine, whose wall can be set."""

    def __init__(self) -> None:
        self.off_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.off_ns


class Bench:
    """A LIVE world in this thread, and in another one what is done to it."""

    def __init__(self, project: Path) -> None:
        self.clock = Settable()
        self.live = Live(projects.read(project), self.clock)
        self.slot = {spec.name: spec.slot for spec in self.live.project.specs}

    def run(self, act: Callable[[], None]) -> None:
        """Let the world run while `act` does; raise what it raised."""
        begun = threading.Event()

        async def serve() -> None:
            loop = asyncio.get_running_loop()

            def acted() -> None:
                try:
                    assert begun.wait(30)
                    act()
                finally:
                    loop.call_soon_threadsafe(self.live.stopping.set)

            done = pool.submit(acted)
            await self.live.serve(lambda _answer: begun.set())
            done.result(10)

        with ThreadPoolExecutor(1) as pool:
            asyncio.run(serve())

    @property
    def frame(self) -> Frame:
        return self.live.publisher.last

    @property
    def link(self) -> LinkStatus | None:
        return self.frame.links[0] if self.frame.links else None

    def rank(self, tag: str) -> int:
        return int(self.live.publisher.table.quality[self.slot[tag]] & RANK_MASK)

    def value(self, tag: str) -> float:
        return float(self.live.publisher.table.value[self.slot[tag]])

    def told(self, text: str) -> int:
        return sum(text in event.text for event in tuple(self.live.publisher.events))

    def step(self, step_s: float) -> None:
        self.clock.off_ns += int(step_s * NS)


@pytest.fixture
def make_broker(tmp_path: Path, own_places: Path) -> Iterator[Callable[..., Broker]]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made: list[Broker] = []

    def make(*lines: str) -> Broker:
        (tmp_path / "broker").mkdir()
        made.append(Broker(tmp_path / "broker", *lines))
        return made[-1].start()

    yield make
    for broker in made:
        broker.end()


@pytest.mark.parametrize(("step_s", "text"), [(HOUR_S, "+3\u202f600 s"), (-HOUR_S, "\u22123\u202f600 s")])
def test_row_28_our_wall_clock_is_set_and_nothing_ages_or_freezes(
    make_broker: Callable[..., Broker], tmp_path: Path, step_s: int, text: str
) -> None:
    port = make_broker().port
    bench = Bench(make_project(tmp_path / "project", port, {"line": ""}))
    device = Device(port, "line")

    def show(value: float) -> None:
        device.value = value
        until(lambda: bench.value("line.bare") == value == bench.value("line.v"), 30, f"both show {value}")

    def act() -> None:
        until(lambda: bench.rank("line.v") == bench.rank("line.bare") == GOOD, 30, "GOOD")
        bench.step(step_s)
        found = until(lambda: bench.told(f"System clock moved by {text}") > 0, 30, "told", every_s=0.01)
        assert bench.rank("line.bare") == GOOD  # no age is another
        show(77.0)
        source_ns = int(bench.live.publisher.table.source_ns[bench.slot["line.bare"]])
        assert abs(source_ns - bench.clock.now_ns()) < 60 * NS  # the new wall time
        until(lambda: bench.rank("line.v") == UNCERTAIN, 30, "one of the two clocks is an hour off")
        until(lambda: bench.link is not None and "receive time is used" in bench.link.clock, 30, "said")
        bench.step(-step_s)
        show(78.0)
        until(lambda: bench.rank("line.v") == GOOD, 30, "believed again")
        until(lambda: bench.told("System clock moved by") == 2, 30, "told again")
        assert bench.told("slept") == 0
        assert bench.link is not None
        assert bench.link.state is LinkState.UP
        for tally in bench.frame.tally.values():
            assert tally.messages.balanced
            assert tally.samples.balanced
        note("28", f"our wall clock is set by {text.replace(chr(0x202F), ' ')}", found, 1.0)

    try:
        bench.run(act)
    finally:
        device.close()


def test_row_28_certificates_are_looked_at_again(make_broker: Callable[..., Broker], tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ca")
    ours.issue("server")
    folder = make_project(tmp_path / "project", make_broker(ours.listener()).port, {"line": ""})
    toml = (folder / "project.toml").read_text().replace("mqtt://", "mqtts://")
    (folder / "ca.pem").write_bytes(ours.ca.read_bytes())
    (folder / "project.toml").write_text(toml + 'tls = { ca = "ca.pem" }\n')
    bench = Bench(folder)

    def act() -> None:
        until(lambda: bench.link is not None and bench.link.state is LinkState.UP, 30, "up")
        until(lambda: bench.link is not None and bench.link.certificate_ns > 0, 30, "its end is known")
        assert bench.link is not None
        left_s = (bench.link.certificate_ns - bench.clock.now_ns()) / NS
        assert left_s > 0
        bench.step(left_s + HOUR_S)
        found = until(lambda: bench.told("has expired") > 0, 30, "told", every_s=0.01)
        note("28", "… beyond the end of a certificate", found, 2.0)

    bench.run(act)
