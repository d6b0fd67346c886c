"""From a published message to the changed pixel of the prim that shows it, while others come thick."""

from __future__ import annotations

import json
import random
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from armillary_bench import hall, load
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.load_of_machine import Load
from armillary_bench.process import Driven, own_places
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.settings import MQTT_3

BOXES, RATE = 2_000, 10_000
MARKS, APART_S, SPREAD_S = 100, 0.2, 0.1  # one every 0.2 … 0.3 s, so at any moment between two ticks
TICK_MS = 50.0
MEDIAN_MS, P99_MS = TICK_MS + 20.0, 150.0
_READY_S, _SETTLE_S, _CALM_S = 60.0, 10.0, 1.0
LOOK_S = 0.02  # the desk is asked so often whether it has shown a mark


def benches() -> list[dict[str, object]]:
    """Return the figures of latency; about forty seconds."""
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        calm, _ = measured(Path(name) / "calm", 0)
        loaded, busy = measured(Path(name) / "loaded", RATE)
    work = (
        f"{MARKS} marked messages, each seen once as another colour of its own box in the picture that the "
        f"window was painted with, while {RATE} other messages/s changed {BOXES} boxes; {busy}"
    )
    return [
        absolute("packet_to_pixel_median", float(np.median(loaded)), "ms", MEDIAN_MS, work),
        absolute("packet_to_pixel_p99", float(np.percentile(loaded, 99)), "ms", P99_MS, work),
        figure(
            "packet_to_pixel_calm",
            float(np.median(calm)),
            "ms",
            against="a tick",
            against_value=TICK_MS,
            bar=None,
            work=f"the median of {len(calm)} marked messages with no other messages",
        ),
        plain("packet_to_pixel_worst", float(np.max(loaded)), "ms", work),
    ]


def measured(folder: Path, rate: int) -> tuple[list[float], str]:
    """Return the ms from publishing each mark to its pixel, and what the machine did meanwhile."""
    marks = MARKS if rate else MARKS // 4
    seconds = marks * (APART_S + SPREAD_S + P99_MS / 1e3) + 2 * _CALM_S
    with hall.running_broker(folder / "broker") as port:
        # the last box shows the marks, the load goes to the others
        project = hall.write_project(folder / "project", BOXES + 1, port)
        count = max(round(rate * seconds), BOXES)
        job = json.dumps({"port": port, "tags": BOXES, "rate": rate or BOXES, "count": count})
        with (
            Driven(
                "armillary_bench.desk_child",
                [str(project)],
                folder / "desk.log",
                own_places(folder / "places"),
            ) as desk,
            Driven("armillary_bench.load", [job], folder / "load.log") as source,
        ):
            source.line(_READY_S)
            _until_live(desk)
            source.send("go")
            if not rate:
                source.line(_READY_S)
            time.sleep(_CALM_S)
            with Load() as machine:
                sent, seen = _marked(desk, port, marks)
            _check(desk, source if rate else None, count)
    return [(pixel - mark) / 1e6 for mark, pixel in zip(sent, seen, strict=True)], machine.words


def _marked(desk: Driven, port: int, marks: int) -> tuple[list[int], list[int]]:
    """Publish the marks; return when each was sent and when its pixel changed, monotonic ns."""
    rng = random.Random(1)  # noqa: S311  the same moments in every run
    signal, topic = hall.tag_name(BOXES), load.TOPIC % BOXES
    with socket.create_connection(("127.0.0.1", port), 10.0) as broker:
        broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        broker.sendall(codec.connect(MQTT_3, "bench-marks", 0, "", "", 0))
        broker.recv(64)
        broker.sendall(_packet(topic, 0.0))
        time.sleep(_CALM_S)
        desk.ask("watch", 30.0, signal=signal)
        sent: list[int] = []
        seen: list[int] = []
        for i in range(marks):
            time.sleep(APART_S + SPREAD_S * rng.random())
            sent.append(time.monotonic_ns())
            broker.sendall(_packet(topic, float(1 - i % 2)))
            seen = _seen(desk, len(sent))
    if any(b < a for a, b in zip(sent, seen, strict=True)):
        raise AssertionError("a colour changed before its mark was sent")
    return sent, seen


def _seen(desk: Driven, marks: int) -> list[int]:
    """Return when the pixel changed, once it has so often. Raises AssertionError when it does not."""
    end = time.monotonic() + _SETTLE_S
    while True:
        seen: list[int] = desk.ask("seen")["changed_mono_ns"]
        if len(seen) == marks:
            return seen
        if len(seen) > marks or time.monotonic() > end:
            raise AssertionError(f"after {marks} marks the pixel changed {len(seen)} times")
        time.sleep(LOOK_S)


def _packet(topic: str, value: float) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic.encode() + b'{"v":%.1f}' % value
    return bytes((0x30, len(body))) + body


def _until_live(desk: Driven) -> None:
    end = time.monotonic() + _READY_S
    while True:
        state = desk.ask("state", _READY_S)
        up = state["links"].get(hall.LINK, "").startswith("UP")
        if state["world"] == "LIVE" and state["bound"] == BOXES + 1 and state["scene"] > BOXES and up:
            return
        if time.monotonic() > end:
            raise AssertionError(f"the desk is not live on the boxes: {state}")
        time.sleep(0.1)


def _check(desk: Driven, source: Driven | None, count: int) -> None:
    """Raise AssertionError unless every message of the load arrived."""
    if source is not None:
        source.line(_READY_S)
    end, books = time.monotonic() + _SETTLE_S, dict[str, Any]()
    while time.monotonic() < end:
        books = desk.ask("state")["tally"].get(hall.LINK, {})
        if books.get("received", 0) - books.get("queued", 0) >= count and books["balanced"]:
            break
        time.sleep(0.1)
    if books.get("lost", 1) or books["received"] < count:
        raise AssertionError(f"of {count} messages of the load: {books}")
