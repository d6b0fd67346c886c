"""The pumping station: everything of it in one state, stepped by time, equal for equal seeds. Pure.

Water goes main → V-100 → T-101 → P-101A/B → V-101 → V-102 → T-102 → P-102A/B → V-103 → V-104 → network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.hydraulics import (
    BAR_M,
    DENSITY,
    GRAVITY,
    HOUR_S,
    Branch,
    Controller,
    Pipe,
    PumpCurve,
    Tank,
    Valve,
    gravity_flow,
    operating_point,
    outlet_flow,
)
from armillary_plugins.demo_plant.machines import Machines
from armillary_plugins.demo_plant.signals import (
    BEARINGS,
    CONTROLLERS,
    PUMPS,
    RATED_RPM,
    SETPOINTS,
    TANKS,
    VALVES,
    WINDINGS,
)
from armillary_plugins.demo_plant.skid import Skid

STEP_S = 0.1
DAY_S = 86_400.0
_TRANSFER = PumpCurve(
    rated_rpm=RATED_RPM[0], shutoff_m=24.0, droop=9600.0, best_m3s=0.025, best_efficiency=0.78
)
_BOOSTER = PumpCurve(
    rated_rpm=RATED_RPM[2], shutoff_m=58.0, droop=27_700.0, best_m3s=0.0215, best_efficiency=0.76
)
_CURVES = [_TRANSFER, _TRANSFER, _BOOSTER, _BOOSTER]
_RATED_W = np.array([7500.0, 7500.0, 18_500.0, 18_500.0])
_BRANCH = Pipe(length_m=4.0, bore_m=0.125, bends=3.2).loss  # suction, check and isolation valves of one pump
_INLET = Pipe(length_m=80.0, bore_m=0.15, bends=5.0).loss
_RISING = Pipe(length_m=60.0, bore_m=0.15, bends=6.0).loss
_OUTGOING = Pipe(length_m=40.0, bore_m=0.15, bends=4.0).loss
_MAIN_M, _TOP_101, _TOP_102 = 24.0, 4.6, 9.4  # head of the inlet main; elevation of both tanks' inlets
_DRAIN_BORE = 0.08
_NOMINAL_BAR = 4.2
_BASE_DEMAND = 60.0  # m³/h
_DRY_PERCENT = 4.0  # level of T-101 below which the transfer pumps are tripped
_SHAKEN = np.zeros((len(PUMPS), 2))


@dataclass(slots=True)
class Ledger:
    """All water that crossed the station's border, m³."""

    supplied: float = 0.0
    delivered: float = 0.0
    spilled: float = 0.0
    drained: float = 0.0


class Station:
    """The state of the station. `day_s` is the local time of day at the start, in seconds."""

    def __init__(self, seed: int, day_s: float = 7.5 * HOUR_S) -> None:
        self._rng = np.random.default_rng(seed)
        self.elapsed_s, self._day_s, self.steps = 0.0, day_s, 0
        self.tank = (Tank(19.6, 4.4, 2.42), Tank(19.6, 4.4, 3.08, 5.0))
        self.valve = {
            tag: Valve(kv100=350.0, position=at, setpoint=at)
            for tag, at in zip(VALVES, (52.0, 65.0, 68.0, 85.0, 100.0, 0.0), strict=True)
        }
        self.ambient_c, self.water_c = 19.0, 11.5
        self.machines = Machines(
            np.array(RATED_RPM), _RATED_W, np.array([0.45, 0.1, 0.2, 0.05]), self.ambient_c
        )
        self.machines.target = np.array([1390.0, 1390.0, 2700.0, 2700.0])
        self.machines.run[:] = (True, False, True, False)
        self.machines.hours[:] = (18_423.0, 9_120.0, 12_077.0, 11_840.0)
        self.machines.energy[:] = (96_210.0, 47_300.0, 151_800.0, 148_020.0)
        self.controller = {
            "LIC-101": Controller(gain=4.0, integral_s=120.0, low=0.0, high=100.0, output=52.0),
            "LIC-102": Controller(gain=4.0, integral_s=160.0, low=0.0, high=100.0, output=68.0),
            "PIC-103": Controller(gain=3.0, integral_s=4.0, low=40.0, high=100.0, output=93.0),
        }
        self.sp = {"LIC-101": 55.0, "LIC-102": 70.0, "PIC-103": _NOMINAL_BAR}
        self.auto = dict.fromkeys(CONTROLLERS, True)
        self._error = dict.fromkeys(CONTROLLERS, 0.0)
        self.skid = Skid()
        self.ledger = Ledger()
        self.total = [412_870.0, 409_340.0, 405_122.0]  # m³ counted by FT-101 … FT-103
        self._gust = 0.0
        self.demand = 0.0  # m³/h that the network would take at its nominal pressure
        self.flow = np.zeros(len(PUMPS))
        self.head = np.zeros(len(PUMPS))
        self.inflow = self.transfer = self.delivery = self.drain = 0.0
        self.header = [0.0, 0.0]
        self.network_m = 0.0
        self.overflow = [False, False]
        self.quality = np.array([0.35, 412.0, 7.6])
        self._noise = np.zeros(32)
        self._weather(0.0)
        for _ in range(200):  # let the pressure controller find its speed
            self.machines.speed[:] = self.machines.wanted
            self._operate()
            self._control(STEP_S)
        self.machines.settle(*self._loads(), self.ambient_c)
        self._measure(0.0)

    # ---------------------------------------------------------------- setpoints
    @property
    def setpoints(self) -> dict[str, float]:
        """All setpoints by name, bool as 0 and 1."""
        out: dict[str, float] = {}
        for i, tag in enumerate(PUMPS):
            out[f"{tag}.SpeedSP"] = float(self.machines.target[i])
            out[f"{tag}.Run"] = float(self.machines.run[i])
        for tag, valve in self.valve.items():
            out[f"{tag}.SP"] = valve.setpoint
        for tag in CONTROLLERS:
            out[f"{tag}.SP"] = self.sp[tag]
            out[f"{tag}.Auto"] = float(self.auto[tag])
        out["DS-201.DoseSP"] = self.skid.dose_sp
        return out

    def set(self, name: str, value: float) -> float:
        """Change one setpoint; return what it became, cut to its range. Raises KeyError, ValueError."""
        signal = SETPOINTS[name]
        if not math.isfinite(value):
            raise ValueError(f"{name} cannot be {value}")
        value = min(signal.high, max(signal.low, value))
        tag, _, key = name.rpartition(".")
        if key == "SpeedSP":
            self.machines.target[PUMPS.index(tag)] = value
        elif key == "Run":
            self.machines.run[PUMPS.index(tag)] = value >= 0.5  # noqa: PLR2004
        elif key == "Auto":
            self._switch(tag, value >= 0.5)  # noqa: PLR2004
        elif key == "DoseSP":
            self.skid.dose_sp = value
        elif tag in self.valve:
            self.valve[tag].setpoint = value
        else:
            self.sp[tag] = value
        return value

    def _switch(self, tag: str, auto: bool) -> None:
        """Change a controller's mode; it takes over from where its actuator stands."""
        if auto and not self.auto[tag]:
            now = {"LIC-101": self.valve["V-100"].setpoint, "LIC-102": self.valve["V-102"].setpoint}
            speed = 100.0 * float(self.machines.target[2]) / RATED_RPM[2]
            self.controller[tag].output = now.get(tag, speed)
            self._error[tag] = self.sp[tag] - self._measured(tag)
        self.auto[tag] = auto

    # ---------------------------------------------------------------- time
    def step(self, dt_s: float = STEP_S) -> None:
        """Advance by dt, at most a second."""
        self.elapsed_s += dt_s
        self.steps += 1
        self._weather(dt_s)
        self._control(dt_s)
        for valve in self.valve.values():
            valve.move(dt_s)
        self.machines.ramp(dt_s)
        self._operate()
        self._move_water(dt_s)
        shaft, off_best = self._loads()
        shake = self._rng.standard_normal(_SHAKEN.shape)
        self.machines.load(shaft, off_best, self.ambient_c, shake, dt_s)
        if self.tank[0].level_percent < _DRY_PERCENT:
            self.machines.tripped[:2] |= self.machines.run[:2]
        if self.tank[1].level_percent < _DRY_PERCENT:
            self.machines.tripped[2:] |= self.machines.run[2:]
        self.skid.step(self.delivery, self.network_m / BAR_M, dt_s)
        self._measure(dt_s)

    def _weather(self, dt_s: float) -> None:
        """Move what comes from outside: demand, hall, water. Noise is an Ornstein-Uhlenbeck process."""
        self._gust += -self._gust * dt_s / 25.0 + 0.03 * math.sqrt(2.0 * dt_s / 25.0) * float(
            self._rng.standard_normal()
        )
        day = self.elapsed_s + self._day_s
        self.demand = _BASE_DEMAND * daily(day) * (1.0 + self._gust)
        self.ambient_c = 19.0 + 2.5 * math.sin(2.0 * math.pi * (day / DAY_S - 0.375))

    def _measured(self, tag: str) -> float:
        if tag == "PIC-103":
            return self.network_m / BAR_M
        return self.tank[0 if tag == "LIC-101" else 1].level_percent

    def _control(self, dt_s: float) -> None:
        for tag, controller in self.controller.items():
            error = self.sp[tag] - self._measured(tag)
            if self.auto[tag]:
                controller.step(error, self._error[tag], dt_s)
            self._error[tag] = error
        if self.auto["LIC-101"]:
            self.valve["V-100"].setpoint = self.controller["LIC-101"].output
        if self.auto["LIC-102"]:
            self.valve["V-102"].setpoint = self.controller["LIC-102"].output
        if self.auto["PIC-103"]:
            self.machines.target[2:] = self.controller["PIC-103"].output / 100.0 * RATED_RPM[2]

    def _operate(self) -> None:
        """Find the flows of this instant: two headers with two pumps each."""
        lower, upper = self.tank
        consumer = BAR_M * _NOMINAL_BAR / max(1e-6, (self.demand) / HOUR_S) ** 2
        v = self.valve
        systems = (
            (lower.surface_m, _TOP_102, _RISING + v["V-101"].loss + v["V-102"].loss),
            (upper.surface_m, 0.0, _OUTGOING + v["V-103"].loss + v["V-104"].loss + consumer),
        )
        for i, (suction, static, loss) in enumerate(systems):
            pair = slice(2 * i, 2 * i + 2)
            speeds = self.machines.speed[pair].tolist()
            shutoff = [c.head(0.0, s) for c, s in zip(_CURVES[pair], speeds, strict=True)]
            branches = [
                Branch(suction, h, c.droop + _BRANCH) for c, h in zip(_CURVES[pair], shutoff, strict=True)
            ]
            self.header[i], flows = operating_point(branches, static, loss)
            self.flow[pair] = flows
        self.inflow = gravity_flow(_MAIN_M - _TOP_101, _INLET + v["V-100"].loss)
        self.drain = outlet_flow(lower.level_m, _DRAIN_BORE, v["V-105"].position / 100.0)
        self.network_m = consumer * float(self.flow[2:].sum()) ** 2
        for i, curve in enumerate(_CURVES):
            self.head[i] = curve.head(float(self.flow[i]), float(self.machines.speed[i]))
        self.head *= self.machines.turning

    def _move_water(self, dt_s: float) -> None:
        """Exchange volumes; what a tank cannot give does not flow."""
        lower, upper = self.tank
        share, spilled = lower.exchange(self.inflow * dt_s, (float(self.flow[:2].sum()) + self.drain) * dt_s)
        self.flow[:2] *= share
        self.drain *= share
        self.transfer = float(self.flow[:2].sum())
        share, spilled_up = upper.exchange(self.transfer * dt_s, float(self.flow[2:].sum()) * dt_s)
        self.flow[2:] *= share
        self.delivery = float(self.flow[2:].sum())
        self.overflow = [spilled > 0.0, spilled_up > 0.0]
        book = self.ledger
        book.supplied += self.inflow * dt_s
        book.delivered += self.delivery * dt_s
        book.drained += self.drain * dt_s
        book.spilled += spilled + spilled_up
        for i, flow in enumerate((self.inflow, self.transfer, self.delivery)):
            self.total[i] += flow * dt_s

    def _loads(self) -> tuple[F8, F8]:
        """Return (shaft power (n,) W, |q / q_best − 1| (n,))."""
        shaft, off = np.zeros(len(PUMPS)), np.zeros(len(PUMPS))
        for i, curve in enumerate(_CURVES):
            speed, flow = float(self.machines.speed[i]), float(self.flow[i])
            ratio = speed / curve.rated_rpm
            # a pump that runs down in a flow from above is driven by it; its drive takes nothing then
            water = max(0.0, DENSITY * GRAVITY * flow * float(self.head[i]))
            shaft[i] = water / curve.efficiency(flow, speed) + 0.16 * _RATED_W[i] * ratio**3
            off[i] = abs(flow / (curve.best_m3s * ratio) - 1.0) if ratio > 0.05 else 0.0  # noqa: PLR2004
        return shaft, off

    def _measure(self, dt_s: float) -> None:
        """Draw the instruments' noise, and let the water's quality wander."""
        self._noise = 0.7 * self._noise + 0.3 * self._rng.standard_normal(len(self._noise))
        drift = self._rng.standard_normal(3) * np.array([0.004, 0.3, 0.002]) * math.sqrt(dt_s / STEP_S)
        self.quality += drift + (np.array([0.35, 412.0, 7.6]) - self.quality) * dt_s / 300.0

    # ---------------------------------------------------------------- what is seen
    def values(self) -> Mapping[str, float]:
        """Return what the control system measures, by node name (signals.SIGNALS), setpoints included."""
        out = {name: value for name, value in self.setpoints.items() if name != "DS-201.DoseSP"}
        self._pump_values(out)
        noise = iter(self._noise.tolist())
        for tag, valve in self.valve.items():
            still = abs(valve.position - valve.setpoint) < 0.5  # noqa: PLR2004
            out[f"{tag}.Position"] = valve.position
            out[f"{tag}.State"] = 2.0 if not still else float(valve.position > 1.0)
        ins, outs = (self.inflow, self.transfer), (self.transfer + self.drain, self.delivery)
        for i, tag in enumerate(TANKS):
            tank = self.tank[i]
            out[f"{tag}.Level"] = tank.level_percent + 0.03 * next(noise)
            out[f"{tag}.Depth"] = tank.level_m + 0.001 * next(noise)
            out[f"{tag}.Volume"] = tank.volume_m3
            out[f"{tag}.Inflow"], out[f"{tag}.Outflow"] = 1000.0 * ins[i], 1000.0 * outs[i]
            out[f"{tag}.Overflow"] = float(self.overflow[i])
        for tag in CONTROLLERS:
            out[f"{tag}.PV"] = self._measured(tag)
            out[f"{tag}.Output"] = self.controller[tag].output
        for i, flow in enumerate((self.inflow, self.transfer, self.delivery)):
            shown = 1000.0 * flow * (1.0 + 0.004 * next(noise))
            out[f"FT-10{i + 1}.Flow"], out[f"FT-10{i + 1}.Total"] = shown, self.total[i]
        heads = (self.tank[0].level_m, self.header[0], self.network_m, _MAIN_M - _INLET * self.inflow**2)
        for i, head in enumerate(heads):
            out[f"PT-10{i + 1}.Value"] = head / BAR_M + 0.004 * next(noise)
        out["TT-001.Value"] = self.ambient_c + 0.03 * next(noise)
        out["TT-100.Value"] = self.water_c + 0.02 * next(noise)
        for i, tag in enumerate(BEARINGS):
            out[f"{tag}.Value"] = float(self.machines.bearing[i // 2, i % 2]) + 0.05 * next(noise)
        for i, tag in enumerate(WINDINGS):
            out[f"{tag}.Value"] = float(self.machines.winding[i]) + 0.08 * next(noise)
        for i in range(3):
            out[f"AT-10{i + 1}.Value"] = float(self.quality[i])
        out["Station.Demand"] = self.demand
        out["Station.Heartbeat"] = float(self.steps)
        return out

    def _pump_values(self, out: dict[str, float]) -> None:
        m = self.machines
        state, current = m.state, m.current
        suction = (self.tank[0].level_m, self.tank[1].surface_m)
        for i, tag in enumerate(PUMPS):
            out[f"{tag}.Speed"] = float(m.speed[i])
            out[f"{tag}.State"] = float(state[i])
            out[f"{tag}.Flow"] = 1000.0 * float(self.flow[i])
            out[f"{tag}.Head"] = float(self.head[i])
            out[f"{tag}.Current"] = float(current[i])
            below = (suction[i // 2] - _BRANCH * float(self.flow[i]) ** 2) / BAR_M
            out[f"{tag}.SuctionPressure"] = below
            out[f"{tag}.DischargePressure"] = below + float(self.head[i]) / BAR_M
            out[f"{tag}.Hours"] = float(m.hours[i])


def daily(day_s: float) -> float:
    """Return demand over its mean at a time of day: low at night, peaks at 07:30 and 19:00; mean 1."""
    hour = (day_s % DAY_S) / HOUR_S
    peaks = sum(
        height * math.exp(-(((hour - at + 12.0) % 24.0 - 12.0) ** 2) / (2.0 * width**2))
        for at, width, height in ((7.5, 1.4, 0.62), (19.0, 2.0, 0.55), (13.0, 2.5, 0.2))
    )
    return 0.7 + peaks
