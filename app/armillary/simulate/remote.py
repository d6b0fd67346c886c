"""A model in a process of its own (`simulate.host`), as a Simulator that is called like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    OpenModel,
    SimStart,
    SimStarted,
    SimStepped,
    Values,
)
from armillary.simulate.host import SimulatorHost

_Answer = TypeVar("_Answer")


class RemoteModel:
    """Blocks while the other process answers; the host ends one that hangs. One thread at a time."""

    def __init__(self, model: OpenModel, log: Path, project: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._host = SimulatorHost(model, log, project=project)
        self._info = self._run(self._host.open())

    def describe(self) -> ModelInfo:
        """Return what the model says of itself."""
        return self._info

    def start(self, start: SimStart) -> SimStarted:
        """Begin a run; a process that died or was ended is started anew. Raises a Fault."""
        if self._host.standing not in ("ready", "running"):
            self._info = self._run(self._host.open())
        return self._run(self._host.start(start))

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step towards a time. Raises a Fault: the model failed, hangs, or its process died."""
        return self._run(self._host.step(inputs, to_ns))

    def save(self) -> bytes:
        """Return the run's whole state."""
        return self._run(self._host.save()).data

    def load(self, state: bytes) -> SimStepped:
        """Go on from a state."""
        return self._run(self._host.load(ModelState(data=state, t_ns=0)))

    def close(self) -> None:
        """End the process."""
        self._run(self._host.close())
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        return self._loop.run_until_complete(work)
