"""What an edge takes is acknowledged once it is on disk: also where the disk does not take it at first."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from armillary.edge.service import Edge
from armillary.model.clock import ManualClock
from armillary.model.sample import WireBatch
from armillary.project import folder as projects
from armillary.security.secrets import Secrets

PROJECT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a14"
name = "north"
[[source]]
name = "devices"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
[[source]]
name = "up"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
[forward]
link = "up"
topic = "edge/north"
store_mb = 1
"""
TWINS = """{"schema": 1, "twins": [{"id": "a", "tags": {
  "x": {"address": "devices!d/x#v", "time": "t"}, "s": {"address": "devices!d/s", "kind": "text"}}}]}"""


class Bench:
    """An edge whose links are not started: the test is what brings messages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "project.toml").write_text(PROJECT)
        (folder / "twins.json").write_text(TWINS)
        self.clock = ManualClock()
        self.edge = Edge(projects.read(folder), self.clock, Secrets())
        self.acknowledged: list[int] = []
        self.brought = 0

    def bring(self, topic: str, payload: bytes) -> None:
        self.clock.advance(0.1)
        self.brought += 1
        now, number = np.array([self.clock.now_ns()], np.int64), self.brought
        batch = WireBatch(
            link="devices",
            channel=np.zeros(1, np.uint32),
            channels=(topic,),
            start=np.array([0, len(payload)], np.int64),
            payload=payload,
            arrival_ns=now,
            arrival_mono_ns=now,
            flags=np.zeros(1, np.uint8),
        )
        self.edge._inbox.put("devices", batch)
        self.edge._inbox.kept(lambda: self.acknowledged.append(number))

    def value(self, number: float) -> None:
        self.bring("d/x", b'{"v": %g, "t": %d}' % (number, self.clock.now_ns() // 1_000_000))

    def tick(self) -> None:
        self.edge._tick()


@pytest.fixture
def bench(tmp_path: Path, own_places: Path) -> Iterator[Bench]:
    async def made() -> Bench:
        return Bench(tmp_path / "p")

    it = asyncio.run(made())
    yield it
    it.edge._ring.close()


def queue(bench: Bench) -> dict[str, object]:
    return dict(bench.edge.status["queue"])


def test_what_the_disk_does_not_take_waits_and_nothing_of_it_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, log_guard: Any
) -> None:
    log_guard.announced.append("cannot be written")
    bench.value(1)
    bench.tick()
    assert bench.acknowledged == [1]

    def broken(*_args: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", broken)
        for number in (2, 3, 4):
            bench.value(number)
            bench.tick()
        assert bench.acknowledged == [1], "the broker has the rest still"
        assert any("Input/output error" in text for text in bench.edge.status["problems"])
    bench.tick()
    assert bench.acknowledged == [1, 2, 3, 4]
    assert (queue(bench)["taken"], queue(bench)["balanced"]) == (4, True)
    assert bench.edge.status["problems"] == []


def test_what_can_never_be_kept_is_counted_and_holds_nothing_back(bench: Bench, log_guard: Any) -> None:
    log_guard.announced.append("larger than half")
    bench.value(1)
    bench.bring("d/s", b"x" * 900_000)  # more than half of its file
    bench.value(3)
    bench.tick()
    assert bench.acknowledged == [1, 2, 3]
    assert queue(bench)["taken"] == 2
    assert queue(bench)["dropped"] == {"full": 0, "aged": 0, "unwritten": 1}
