"""Helpers of these tests: the server's process, a host that collects what a source hands over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from armillary.api import (
    LinkSpec,
    LinkState,
    Route,
    SampleBatch,
    SourceContext,
    SubscriptionPlan,
    WallClock,
    WireBatch,
)

URI = "urn:armillary:test"
SERVER = Path(__file__).with_name("server.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PlantServer:
    """A real asyncua server in a child process; ended by its own pid."""

    def __init__(self, port: int, script: Path = SERVER) -> None:
        self.port = port
        self._script = script
        self.index = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def start(self, shift: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(self._script), str(self.port), str(shift)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.index = self._answer()["ready"]

    def tell(self, **order: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()["done"]

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def _answer(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server process ended"
        return json.loads(line)


@dataclass
class Host:
    """Stands in for telemetry.links: keeps the newest value of each slot and all that was said."""

    batches: list[SampleBatch] = field(default_factory=list)
    states: list[tuple[LinkState, str]] = field(default_factory=list)
    value: dict[int, float] = field(default_factory=dict)
    quality: dict[int, int] = field(default_factory=dict)
    status: dict[int, int] = field(default_factory=dict)
    source_ns: dict[int, int] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)
    signs_of_life: int = 0
    has_room: bool = True
    edits: asyncio.Queue[SubscriptionPlan] = field(default_factory=asyncio.Queue)

    def wire(self, batch: WireBatch) -> None:
        raise AssertionError("OPC UA is typed")

    def samples(self, batch: SampleBatch) -> None:
        self.batches.append(batch)
        usable = np.isfinite(batch.value) | (batch.quality & 0xFF >= 4)
        assert all(usable[i] or i in batch.text for i in range(len(batch)))
        for i, slot in enumerate(batch.slot.tolist()):
            self.value[slot] = float(batch.value[i])
            self.quality[slot] = int(batch.quality[i])
            self.status[slot] = int(batch.status[i])
            self.source_ns[slot] = int(batch.source_ns[i])
            if i in batch.text:
                self.text[slot] = batch.text[i]

    def alive(self, mono_ns: int) -> None:
        self.signs_of_life += 1

    def state(self, state: LinkState, detail: str = "") -> None:
        self.states.append((state, detail))

    def dropped(self, reason: str, count: int) -> None:
        raise AssertionError(reason)

    @property
    def room(self) -> bool:
        return self.has_room

    @property
    def changed(self) -> AsyncIterator[SubscriptionPlan]:
        return self._edits()

    async def _edits(self) -> AsyncIterator[SubscriptionPlan]:
        while True:
            yield await self.edits.get()


def no_secret(name: str) -> str:
    raise AssertionError(name)


def link(url: str, **settings: Any) -> LinkSpec:
    return LinkSpec(name="plc", kind="opcua", url=url, commands=True, settings=settings)


def context(spec: LinkSpec, folder: Path) -> SourceContext:
    return SourceContext(link=spec, clock=WallClock(), secret=no_secret, project=folder)


def node(name: str) -> str:
    return f"nsu={URI};s=Tank1.{name}"


def plan(spec: LinkSpec, *channels: str | Route) -> SubscriptionPlan:
    routes = [
        channel if isinstance(channel, Route) else Route(slot=slot, tag=f"t{slot}", channel=channel)
        for slot, channel in enumerate(channels)
    ]
    return SubscriptionPlan(link=spec, routes=tuple(routes))


async def until(true: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Return once a condition holds; fail when it does not within its limit."""
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 — what is waited for is plain data, not an event
            await asyncio.sleep(0.02)
