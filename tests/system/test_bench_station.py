"""What the benches and the soak run: a LIVE world and a recorder on the hall of boxes, under a small load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from armillary_bench import hall, mqtt_world
from armillary_bench.station import Station, running

pytestmark = pytest.mark.system
TAGS, COUNT = 60, 3_000


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="armb-") as name:  # sockets need a short path
        yield Path(name)


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with hall.running_broker(folder / "broker") as port:
        yield port


@pytest.fixture(scope="module")
def station(folder: Path, port: int) -> Iterator[Station]:
    with running(folder, port, TAGS, alarms=TAGS, timed=True) as station:
        yield station


def test_every_message_of_a_load_is_decoded_recorded_and_watched(
    station: Station, port: int, folder: Path
) -> None:
    run = mqtt_world.loaded(station, port, folder, COUNT, 0)  # asserts all of it
    assert run.world_us > 0
    assert run.rate_hz > 0
    assert station.books.messages.done == COUNT


def test_a_load_that_is_not_what_was_sent_is_no_figure(station: Station) -> None:
    with pytest.raises(AssertionError, match="last values sent"):
        mqtt_world._check(station, COUNT - 1)


def test_the_broker_alone_is_measured_by_the_bytes_that_come_back(port: int, folder: Path) -> None:
    assert mqtt_world.broker_alone(port, folder, COUNT) > 0
