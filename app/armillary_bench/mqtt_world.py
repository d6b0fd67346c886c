"""The whole LIVE world under load, with recorder and alarms on: CPU a message, and how many a second."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armillary.model.alarm import ProcessState
from armillary_bench import hall, load
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.load_of_machine import Load
from armillary_bench.paho_peer import paho_us
from armillary_bench.process import Driven, child_of, cpu_s
from armillary_bench.station import Station, load_job, running
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.settings import MQTT_3

TAGS, ALARMS = 1_000, 1_000
COUNT, PACED, PACED_HZ = 1_000_000, 50_000, 5_000
PEER_COUNT = 60_000
ROUNDS = 3  # of paho and of the broker alone; the best counts
BAR, RATE_BAR = 0.15, 100_000.0
_LIMIT_S, _FOLLOW_S = 120.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a load cost and how fast it went."""

    world_us: float  # of CPU a message
    recorder_us: float
    broker_us: float
    rate_hz: float  # messages decoded a second, from the first sent to the last applied
    stored_s: float  # from the last applied to the last on disk
    machine: str  # what else it did, in words


def benches() -> list[dict[str, object]]:
    """Return the figures of a whole world under load; about a minute."""
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        folder = Path(name)
        with (
            hall.running_broker(folder / "broker") as port,
            running(folder, port, TAGS, alarms=ALARMS, timed=True) as station,
        ):
            fast = loaded(station, port, folder, COUNT, 0)
            paced = loaded(station, port, folder, PACED, PACED_HZ)
        with hall.running_broker(folder / "broker") as port:
            null_hz = max(broker_alone(port, folder, COUNT) for _ in range(ROUNDS))
            peer = min(paho(port, folder, PEER_COUNT, 0) for _ in range(ROUNDS))
            peer_paced = paho(port, folder, PACED // 5, PACED_HZ)
    return _figures(fast, paced, null_hz, peer, peer_paced)


def _figures(
    fast: Run, paced: Run, null_hz: float, peer: float, peer_paced: float
) -> list[dict[str, object]]:
    against = "paho, a handler that only counts"
    done = (
        f"{TAGS} tags, each recorded and with an alarm: every message was received and decoded, none "
        f"dropped, both laws balance, the world holds the last value of every tag, {hall.RAISED} alarms "
        "stand and no other, and as many samples as messages are on disk"
    )
    work = f"{COUNT} messages as fast as they go; {done}; {fast.machine}"
    limit = " The broker is the limit." if fast.rate_hz > 0.9 * null_hz else ""
    return [
        figure(
            "mqtt_world",
            fast.world_us,
            "µs",
            against=against,
            against_value=peer,
            bar=BAR,
            work=f"CPU of the world's process a message; {work}",
        ),
        figure(
            "mqtt_world_recorder",
            fast.recorder_us,
            "µs",
            against=against,
            against_value=peer,
            bar=None,
            work=f"CPU of the recorder's process a message; {work}",
        ),
        figure(
            "mqtt_world_broker",
            fast.broker_us,
            "µs",
            against=against,
            against_value=peer,
            bar=None,
            work=f"CPU of the broker's process a message; {work}",
        ),
        figure(
            "mqtt_world_paced",
            paced.world_us,
            "µs",
            against=against,
            against_value=peer_paced,
            bar=None,
            work=f"{PACED} messages, {PACED_HZ}/s; {done}; {paced.machine}",
        ),
        absolute(
            "mqtt_sustained",
            fast.rate_hz,
            "messages/s",
            RATE_BAR,
            f"{work}; the last sample was on disk {fast.stored_s:.1f} s after it was applied.{limit}",
            better="higher",
        ),
        plain(
            "mqtt_sustained_broker",
            null_hz,
            "messages/s",
            f"{COUNT} messages to one subscriber that reads and throws away; best of {ROUNDS}",
        ),
    ]


# ---------------------------------------------------------------- ours


def loaded(station: Station, port: int, folder: Path, count: int, rate: int) -> Run:
    """Put one load through a station and return what it cost. Raises AssertionError when work is missing."""
    before_done, before_stored = station.books.messages.done, station.history().samples
    broker = child_of(os.getpid(), "mosquitto")
    job = load_job(port, TAGS, count, rate, time.time_ns() // 1_000_000)
    with Driven("armillary_bench.load", [job], folder / "load.log") as source:
        source.line(_LIMIT_S)
        station.look()
        spent, broker_s, machine = station.spent(), cpu_s(broker), Load()
        machine.start()
        begin = time.monotonic()
        source.send("go")
        station.until(
            lambda: station.books.messages.done - before_done >= count, _LIMIT_S, "all is decoded", 0.1
        )
        seconds = time.monotonic() - begin
        applied = time.monotonic()
        _until(lambda: station.history().samples - before_stored >= count, "all is on disk")
        stored_s = time.monotonic() - applied
        world, recorder = (after - was for after, was in zip(station.spent(), spent, strict=True))
        machine.stop()
        json.loads(source.line(_LIMIT_S))
        broker_s = cpu_s(broker) - broker_s
    _check(station, count)
    return Run(
        world_us=world / count * 1e6,
        recorder_us=recorder / count * 1e6,
        broker_us=broker_s / count * 1e6,
        rate_hz=count / seconds,
        stored_s=stored_s,
        machine=machine.words,
    )


def _check(station: Station, count: int) -> None:
    """Raise AssertionError unless the world did all of its work on the last load."""
    station.look()
    books = station.books
    if not (books.messages.balanced and books.samples.balanced):
        raise AssertionError(f"the laws do not balance: {books}")
    if books.messages.dropped or books.samples.dropped:
        raise AssertionError(f"messages were dropped: {books}")
    if not np.array_equal(station.table.value, np.array(load.last_values(count, TAGS))):
        raise AssertionError("the world does not hold the last values sent")
    standing = {name for name, state in station.alarms.items() if state.process is not ProcessState.NORM}
    if standing != {hall.alarm_name(box) for box in range(hall.RAISED)}:
        raise AssertionError(f"{len(standing)} alarms stand, not {hall.RAISED}: {sorted(standing)[:5]}")


def _until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _FOLLOW_S
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"within {_FOLLOW_S:g} s not: {what}")
        time.sleep(0.05)


# ---------------------------------------------------------------- peers


def paho(port: int, folder: Path, count: int, rate: int) -> float:
    """Return µs of CPU a message of paho with a handler that only counts, on the same messages."""
    job = load_job(port, TAGS, count, rate, time.time_ns() // 1_000_000)

    def publish() -> AbstractContextManager[object]:
        source = Driven("armillary_bench.load", [job], folder / "load.log")
        source.line(_LIMIT_S)
        source.send("go")
        return source

    return paho_us(port, MQTT_3, count, publish)


def broker_alone(port: int, folder: Path, count: int) -> float:
    """Return the messages a second that the broker gives to a subscriber that only counts their bytes."""
    t_ms = time.time_ns() // 1_000_000
    size = sum(len(load.packet(i, TAGS, t_ms + i // TAGS)) for i in range(count))
    job = load_job(port, TAGS, count, 0, t_ms)
    with (
        socket.create_connection(("127.0.0.1", port), 10.0) as subscriber,
        Driven("armillary_bench.load", [job], folder / "load.log") as source,
    ):
        subscriber.sendall(codec.connect(MQTT_3, "bench-null", 0, "", "", 0))
        subscriber.recv(64)
        subscriber.sendall(codec.subscribe(MQTT_3, 1, [("bench/#", 0)]))
        subscriber.recv(64)
        source.line(_LIMIT_S)
        buffer, left = bytearray(1 << 20), size
        begin = time.monotonic()
        source.send("go")
        while left > 0:
            read = subscriber.recv_into(buffer)
            if not read:
                raise AssertionError(f"the broker closed with {left} bytes to come")
            left -= read
        return count / (time.monotonic() - begin)
