"""Line 2: oven, conveyor and packing cell together; equal seeds give equal lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.conveyor import STOPPED, Conveyor
from armillary_plugins.demo_plant.line.oven import BURNER, Oven
from armillary_plugins.demo_plant.line.packing import Palletiser, Robot
from armillary_plugins.demo_plant.line.signals import LINE, UNITS

STEP_S = 0.1
BATCH = at.PER_CARTON * at.PER_PALLET  # units: one pallet
_SCORCHED_C = 84.0
_COARSE_S = 0.5
_BEFORE_S = 70.0  # that it has run when it is made: the belt is full, product is warm where it should be
_RECIPES = ("Rye crisp", "Oat crisp", "Seed crisp")
_USUAL_FLOW = 14.0  # l/min
# name of a fault -> what it does; severities 0…1 unless it says otherwise
FAULTS = {
    **{f"{tag}.hot": "the zone runs hot by so many K" for tag in at.ZONES},
    **{f"{tag}.forced": "the transmitter tells so many °C, whatever the zone has" for tag in at.ZONES},
    "BV-212.stuck": "the burner's valve stands open",
    "FT-231.chatter": "the flow swings about its limit",
    "FT-231.low": "this share of the cooling water is missing",
    "C-201.jam": "units do not pass the middle of the belt",
    "C-201.guard": "the guard is open",
    "M-201.trip": "the motor's protection has tripped",
}
_SET = {told.tag: told for told in LINE if told.writable}


class Line:
    """The state of the line."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.oven, self.belt = Oven(), Conveyor()
        self.robot, self.gantry = Robot(), Palletiser(stacked=6)
        self.filled, self.cartons = 1, 6
        self.good, self.scorched, self.number = 25, 0, 4711  # what the shift has made before
        self.run_s = self.planned_s = 3600.0 * 5.5
        self.energy_kwh = 412.0
        self.gas_kw = 0.0
        self.steps = 0
        self.flow, self.noise = _USUAL_FLOW, np.zeros(4)
        self.faults: dict[str, float] = {}
        for _ in range(round(_BEFORE_S / _COARSE_S)):
            self.step(_COARSE_S)
        self.steps = 0

    # ---------------------------------------------------------------- time

    def step(self, dt_s: float = STEP_S) -> None:
        """Advance by dt."""
        self.steps += 1
        self.noise = 0.9 * self.noise + 0.06 * self.rng.standard_normal(4)
        self.oven.extra = np.array([self.faults.get(f"{tag}.hot", 0.0) for tag in at.ZONES])
        self.oven.stuck = self.faults.get("BV-212.stuck", 0.0)
        self.oven.step(dt_s)
        self.belt.jam = self.faults.get("C-201.jam", 0.0)
        self.belt.step(dt_s, self.oven.temperature)
        self._pack(dt_s)
        self._water(dt_s)
        self.gas_kw = float(self.oven.output.sum() - self.oven.output[BURNER] + self.oven.valve) * 0.9
        self.planned_s += dt_s
        self.run_s += dt_s if self.belt.state != STOPPED and self.belt.speed > 0.0 else 0.0
        self.energy_kwh += (self.robot_kw + self.gantry_kw + 1.2) * dt_s / 3600.0

    def _pack(self, dt_s: float) -> None:
        """Let the robot and the gantry go on."""
        if self.robot.is_free and self.belt.waiting >= 0 and self.filled < at.PER_CARTON:
            self.robot.take()
        took, put = self.robot.step(dt_s, self.filled)
        if took:
            warm = self.belt.lift()
            self.scorched += warm > _SCORCHED_C
            self.good += warm <= _SCORCHED_C
        self.filled += put
        if self.filled >= at.PER_CARTON and self.gantry.is_free:
            self.gantry.take()
        held, pallets = self.gantry.holds, self.gantry.pallets
        self.gantry.step(dt_s)
        if self.gantry.holds and not held:
            self.filled, self.cartons = 0, self.cartons + 1
        if self.gantry.pallets > pallets:
            self.number += 1

    def _water(self, dt_s: float) -> None:
        goal = _USUAL_FLOW * (1.0 - 0.8 * self.faults.get("FT-231.low", 0.0))
        if self.faults.get("FT-231.chatter", 0.0):
            goal = 9.0 + 2.5 * math.sin(2.0 * math.pi * self.steps * STEP_S / 9.0)
        self.flow += (goal - self.flow) * min(1.0, dt_s / 0.8)

    # ---------------------------------------------------------------- what is asked of it

    @property
    def robot_kw(self) -> float:
        """Electrical power of the robot."""
        return 0.35 + 0.004 * float(np.abs(self.robot.speed).sum())

    @property
    def gantry_kw(self) -> float:
        """Electrical power of the gantry."""
        return 0.3 + 0.9 * float(np.abs(self.gantry.speed).sum())

    @property
    def zones(self) -> list[float]:
        """What the transmitters of the zones tell, °C."""
        told = self.oven.temperature + self.noise
        return [self.faults.get(f"{tag}.forced", 0.0) or float(told[i]) for i, tag in enumerate(at.ZONES)]

    @property
    def batch(self) -> str:
        """Id of the batch that is packed."""
        return f"B-{self.number}"

    @property
    def done(self) -> int:
        """Units of the batch on the pallet and in the carton."""
        return self.gantry.stacked * at.PER_CARTON + self.filled

    @property
    def recipe(self) -> str:
        """What is baked."""
        return _RECIPES[self.number % len(_RECIPES)]

    def set(self, name: str, value: float) -> float:
        """Change one setpoint; return what it became, cut to its range. Raises KeyError, ValueError."""
        if not math.isfinite(value):
            raise ValueError(f"{name} cannot be {value}")
        belt = self.belt
        if name == "C-201.Run":
            wants = float(value != 0.0)
            if wants and not belt.run:
                belt.reset()
            belt.run = wants if belt.is_guarded else 0.0
            self.oven.fires = bool(belt.run)  # the burners go to low fire while the belt stands
            return belt.run
        if name == "C-201.SpeedSP":
            belt.sp = min(max(value, 0.0), 0.4)
            return belt.sp
        told = _SET[name]
        value = min(max(value, told.low), told.high)
        if name == "D-210.sp":
            self.oven.damper_sp = value
        else:
            self.oven.sp[int(name[len("O-210.zone")]) - 1] = value
        return value

    def fail(self, name: str, value: float) -> None:
        """Make something go wrong, or mend it with 0. Raises KeyError for a name that means nothing here."""
        if name not in FAULTS:
            raise KeyError(name)
        self.faults[name] = value
        if name == "C-201.guard":
            self.belt.guard(is_closed=not value)
        elif name == "M-201.trip" and value:
            self.belt.is_tripped = True

    def values(self) -> Mapping[str, float]:
        """Return what the conveyor's control measures, by node, setpoints included."""
        belt = self.belt
        out = {
            "C-201.Speed": belt.speed,
            "C-201.SpeedSP": belt.sp,
            "C-201.Run": belt.run,
            "C-201.State": belt.state,
            "C-201.GuardClosed": float(belt.is_guarded),
            "C-201.Travel": belt.travel,
            "C-201.Units": float((belt.position >= 0.0).sum()),
            "C-201.Made": float(belt.made),
            "C-201.EyeBlocked": float(belt.waiting >= 0),
            "M-201.Current": belt.amperes,
            "M-201.Speed": belt.speed * 7_000.0,
            "M-201.Power": 0.55 * belt.amperes,
            "M-201.Winding": belt.winding,
            "M-201.Hours": 8_123.0 + self.run_s / 3600.0,
            "FT-231.Flow": max(0.0, self.flow + 0.3 * float(self.noise[0])),
            "Line.Heartbeat": float(self.steps),
        }
        for k, tag in enumerate(UNITS):
            out[f"{tag}.Position"] = float(belt.position[k])
            out[f"{tag}.Temperature"] = float(belt.warmth[k])
            out[f"{tag}.Serial"] = float(belt.serial[k])
        return out
