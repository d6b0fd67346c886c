"""A model in a process of its own (`simulate.child`), as a Simulator that may be called like any other."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from armillary.model.fault import Fault, WorldFault
from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    OpenModel,
    SaveModel,
    SimStart,
    SimStarted,
    SimStep,
    SimStepped,
    Values,
)
from armillary.wire import child
from armillary.wire.bus import Line

OPEN_S = 20.0
GRACE_S = 2.0
MEMORY = 2 * 1024**3
_Answer = TypeVar("_Answer")


class RemoteModel:
    """Speaks to a simulator child; one that hangs past the time of a call, or died, fails the call."""

    def __init__(self, model: OpenModel, logs: Path) -> None:
        self._model, self._logs = model, logs
        self._child: child.Child | None = None
        self._line: Line | None = None
        self._info = self._open()

    def describe(self) -> ModelInfo:
        """Return what the model says of itself."""
        return self._info

    def start(self, start: SimStart) -> SimStarted:
        """Begin a run; a child that was ended is started anew."""
        if self._child is None or not self._child.alive:
            self._open()
        return self._ask(start, SimStarted)

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step towards a time."""
        return self._ask(SimStep(to_ns=to_ns, inputs=inputs), SimStepped)

    def save(self) -> bytes:
        """Return the model's whole state."""
        return self._ask(SaveModel(), ModelState).data

    def load(self, state: bytes) -> SimStepped:
        """Go on from a state."""
        return self._ask(ModelState(data=state, t_ns=0), SimStepped)

    def close(self) -> None:
        """End the child."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._child is not None:
            self._child.stop(GRACE_S)
            self._child = None

    def _open(self) -> ModelInfo:
        self.close()
        self._child = child.start(
            "simulate.child", {}, self._logs / "simulate-child.log", memory_bytes=MEMORY
        )
        try:
            self._line = Line(str(self._child.ready(OPEN_S)["address"]))
            return self._ask(self._model, ModelInfo, OPEN_S)
        except Fault:
            self.close()
            raise

    def _ask(self, message: object, kind: type[_Answer], limit_s: float = 0.0) -> _Answer:
        if self._line is None or self._child is None:
            raise WorldFault("The model's process is gone.", where=self._model.file, remedy="Begin anew.")
        try:
            answer = self._line.ask(message, limit_s or self._model.call_timeout_s + GRACE_S)
        except WorldFault as fault:
            if self._child.alive and "No answer" not in fault.what:
                raise  # the model's own words
            words = "hangs" if self._child.alive else self._child.exit_words()
            self.close()
            raise WorldFault(
                f"The model '{Path(self._model.file).name}' {words}: no answer within "
                f"{self._model.call_timeout_s:g} s.",
                where=str(self._logs / "simulate-child.log"),
                remedy="Its process was ended; change the model or its call_timeout_s.",
            ) from fault
        if not isinstance(answer, kind):
            raise WorldFault("The model answered something else.", where=self._model.file, remedy="")
        return answer
