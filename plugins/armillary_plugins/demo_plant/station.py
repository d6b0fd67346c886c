"""The running pumping station: one member of the physics, seen and set by the names of its nodes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from armillary.api import B1, F8
from armillary_plugins.demo_plant.inputs import INPUTS
from armillary_plugins.demo_plant.machines import AMPERES
from armillary_plugins.demo_plant.outputs import NODES, measured
from armillary_plugins.demo_plant.physics import MORNING_S, STEP_S, Physics, daily
from armillary_plugins.demo_plant.setpoints import apply
from armillary_plugins.demo_plant.signals import CONTROLLERS, PUMPS, SETPOINTS, SIGNALS, VALVES
from armillary_plugins.demo_plant.state import State

__all__ = ["STEP_S", "Station", "daily"]

# instruments whose error can be set: tag as the project has it → node
_INSTRUMENTS = {
    tag: signal.name
    for signal in SIGNALS
    if signal.kind == "number" and not signal.writable
    for tag in (signal.name, signal.name.removesuffix(".Value"))
}


class Tank:
    """One of the station's tanks."""

    def __init__(self, physics: Physics, i: int) -> None:
        self._physics, self._i = physics, i

    @property
    def level_m(self) -> float:
        """Depth of the water in m."""
        return float(self._physics.s.level[self._i, 0])

    @level_m.setter
    def level_m(self, value: float) -> None:
        self._physics.s.level[self._i] = value

    @property
    def volume_m3(self) -> float:
        """Water in it, m³."""
        return self.level_m * float(self._physics.area[self._i, 0])


class Machines:
    """The four pump sets, arrays (4,) or (4, 2): drive end, non-drive end."""

    def __init__(self, s: State) -> None:
        self._s = s
        self.run, self.target, self.speed = s.run[:, 0], s.target[:, 0], s.speed[:, 0]
        self.power, self.energy, self.hours = s.power[:, 0], s.energy[:, 0], s.hours[:, 0]
        self.wear, self.tripped = s.wear[:, 0], s.tripped[:, 0]
        self.vibration, self.bearing = s.vibration[:, :, 0].T, s.bearing[:, :, 0].T

    @property
    def turning(self) -> B1:
        """Which pumps turn, (4,)."""
        return self._s.turning[:, 0]

    @property
    def current(self) -> F8:
        """Motor current of each drive, (4,) A."""
        return self.power * AMPERES


class Skid:
    """The dosing skid's numbers."""

    def __init__(self, s: State) -> None:
        self._s = s

    drum_l = property(lambda self: float(self._s.drum[0]))
    dose_sp = property(lambda self: float(self._s.dose_sp[0]))
    dose_l_h = property(lambda self: float(self._s.dose[0]))
    residual = property(lambda self: float(self._s.residual[0]))
    dosed_l = property(lambda self: float(self._s.dosed[0]))
    pressure_bar = property(lambda self: float(self._s.line[0]))
    speed_a = property(lambda self: float(self._s.dosing[0, 0]))  # % of full speed
    speed_b = property(lambda self: float(self._s.dosing[1, 0]))


class Ledger:
    """All water that crossed the station's border, m³."""

    def __init__(self, s: State) -> None:
        self._s = s

    supplied = property(lambda self: float(self._s.supplied[0]))
    delivered = property(lambda self: float(self._s.delivered[0]))
    spilled = property(lambda self: float(self._s.spilled[0]))
    drained = property(lambda self: float(self._s.drained[0]))


class Station:
    """The state of the station. `day_s` is the local time of day at the start, in seconds."""

    def __init__(self, seed: int, day_s: float = MORNING_S) -> None:
        self.physics = physics = Physics([seed])
        if day_s != MORNING_S:
            physics.day_s = day_s
            physics.rest()
        self.machines, self.skid, self.ledger = Machines(physics.s), Skid(physics.s), Ledger(physics.s)
        self.tank = (Tank(physics, 0), Tank(physics, 1))
        self._errors: dict[str, float] = {}  # of instruments, node → offset in its unit

    @property
    def steps(self) -> int:
        """Steps of the control system since the start."""
        return round(self.physics.elapsed_s / STEP_S)

    @property
    def ambient_c(self) -> float:
        """Temperature of the hall."""
        return float(self.physics.s.ambient[0])

    @property
    def setpoints(self) -> dict[str, float]:
        """All setpoints by name, bool as 0 and 1."""
        s = self.physics.s
        out: dict[str, float] = {}
        for i, tag in enumerate(PUMPS):
            out[f"{tag}.SpeedSP"], out[f"{tag}.Run"] = float(s.target[i, 0]), float(s.run[i, 0])
        for i, tag in enumerate(VALVES):
            out[f"{tag}.SP"] = float(s.setpoint[i, 0])
        for i, tag in enumerate(CONTROLLERS):
            out[f"{tag}.SP"], out[f"{tag}.Auto"] = float(s.sp[i, 0]), float(s.auto[i, 0])
        out["DS-201.DoseSP"] = self.skid.dose_sp
        return out

    def set(self, name: str, value: float) -> float:
        """Change one setpoint; return what it became, cut to its range. Raises KeyError, ValueError."""
        if name not in SETPOINTS:
            raise KeyError(name)
        if not math.isfinite(value):
            raise ValueError(f"{name} cannot be {value}")
        return float(apply(self.physics, name, np.array([value]))[0])

    def fail(self, name: str, value: float) -> None:
        """Make something go wrong, or mend it with 0. Raises KeyError for a name that means nothing here.

        name: a fault of the model (`P-101A.trip`, `V-101.stuck`: severity 0…1), or an instrument (`TT-111`,
        `PT-103`, `P-101A.Speed`): from now on it tells so much too much, in its node's unit. What an
        instrument tells is what the control system shows; its controllers go by the true value.
        """
        known = INPUTS.get(name)
        if known is not None and known.variable.fault:
            v = known.variable
            self.physics.s.view(known.field, *known.index)[:] = min(max(value, v.low), v.high)
            self.physics.arrange()
        elif name in _INSTRUMENTS:
            self._errors[_INSTRUMENTS[name]] = value
        else:
            raise KeyError(name)

    def step(self, dt_s: float = STEP_S) -> None:
        """Advance by dt, at most a second."""
        self.physics.step(dt_s)

    def values(self) -> Mapping[str, float]:
        """Return what the control system measures, by node name (signals.SIGNALS), setpoints included."""
        values = measured(self.physics)[:, 0].tolist()
        out = {node: value for node, value in zip(NODES, values, strict=True) if node}
        for node, error in self._errors.items():
            out[node] += error
        return out
