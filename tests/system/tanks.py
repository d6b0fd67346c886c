"""A small simulator for tests: m tanks that empty through a valve. dh/dt = (q_in − valve·h) / area, exact."""

from __future__ import annotations

import os
import threading

import numpy as np

from armillary.api.ports import SimulatorContext
from armillary.model.arrays import F8
from armillary.model.simulation import ModelInfo, SimStart, SimStarted, SimStepped, Values, Variable

INFO = ModelInfo(
    name="tanks",
    kind="tanks",
    version="1",
    step_s=1.0,
    can_save=True,
    is_batched=True,
    variables=(
        Variable(name="h", causality="output", unit="m", tag="T-1.level"),
        Variable(name="power", causality="output", unit="kW", tag="P-1.power"),
        Variable(name="q", causality="input", unit="m³/s", start=0.0, tag="P-1.flow"),
        Variable(name="valve", causality="input", start=0.1, low=0.0, high=10.0),
        Variable(
            name="trap", causality="input", start=0.0
        ),  # 1: NaN, 2: the process dies, 3: hangs, 4: raises
        Variable(name="area", causality="parameter", start=2.0, low=0.1),
    ),
)


class Tanks:
    """One level for each member."""

    def describe(self) -> ModelInfo:
        return INFO

    def start(self, start: SimStart) -> SimStarted:
        m = start.members
        self.t = start.t_ns
        self.held = {v.name: np.full(m, v.start) for v in INFO.variables if v.causality != "output"}
        self.h = np.full(m, 1.0)
        for values in (start.inputs, start.parameters):
            self._set(values)
        asked = start.initial.get("h")
        if asked is not None:
            self.h = np.broadcast_to(asked, (m,)).astype(np.float64)
        unmapped = tuple(n for n in start.initial.names if n != "h")
        return SimStarted(
            values=self._out(), residual={"h": 0.0} if asked is not None else {}, unmapped=unmapped
        )

    def _set(self, values: Values) -> None:
        for name in values.names:
            self.held[name] = np.broadcast_to(np.asarray(values.get(name)), self.held[name].shape).astype(
                float
            )

    def _out(self) -> F8:
        return np.stack([self.h, 10.0 * self.held["q"]], axis=1)

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        self._set(inputs)
        dt, self.t = (to_ns - self.t) / 1e9, to_ns
        trap = float(self.held["trap"].max())
        if trap == 1:
            self.h = np.full_like(self.h, np.nan)
        elif trap == 2:
            os._exit(9)
        elif trap == 3:
            threading.Event().wait(60)
        elif trap == 4:
            raise ZeroDivisionError("no water")
        elif trap == 5:
            threading.Event().wait(0.05)
        rate, area = self.held["valve"], self.held["area"]
        end = np.where(rate > 0, self.held["q"] / np.where(rate > 0, rate, 1.0), 0.0)
        decay = np.exp(-rate * dt / area)
        self.h = np.where(rate > 0, end + (self.h - end) * decay, self.h + self.held["q"] * dt / area)
        return SimStepped(t_ns=self.t, values=self._out())

    def save(self) -> bytes:
        rows = [self.h, *(self.held[n] for n in sorted(self.held))]
        return np.int64(self.t).tobytes() + np.stack(rows).tobytes()

    def load(self, state: bytes) -> SimStepped:
        self.t = int(np.frombuffer(state[:8], np.int64)[0])
        rows = np.frombuffer(state[8:]).reshape(len(self.held) + 1, -1).copy()
        self.h = rows[0]
        self.held = dict(zip(sorted(self.held), rows[1:], strict=True))
        return SimStepped(t_ns=self.t, values=self._out())


def make(context: SimulatorContext) -> Tanks:
    return Tanks()
