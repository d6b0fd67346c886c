"""The pumping station's physics for m members at once: all state in arrays, equal for equal seeds. Pure.

Water goes main → V-100 → T-101 → P-101A/B → V-101 → V-102 → T-102 → P-102A/B → V-103 → V-104 → network.
The running plant is one member of it (`station`), the simulator as many as are asked for (`model`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant import machines, skid
from armillary_plugins.demo_plant.hydraulics import (
    BAR_M,
    DENSITY,
    GRAVITY,
    HOUR_S,
    SHUT,
    STROKE_S,
    drive,
    exchange,
    gravity_flow,
    operating_point,
    outlet_flow,
    pipe_loss,
    travelled,
    valve_loss,
)
from armillary_plugins.demo_plant.machines import RATED_W, RPM
from armillary_plugins.demo_plant.state import Noise, State

STEP_S = 0.1  # of the running plant
LONGEST_S = 1.0  # a step beyond it is not stable
DAY_S = 86_400.0
MORNING_S = 7.5 * HOUR_S  # time of day at which a station begins
AREA_M2, HEIGHT_M, UPPER_BASE_M = 19.6, 4.4, 5.0  # both tanks; T-102 stands above the hall's floor
NOMINAL_BAR = 4.2
PERCENT = 100.0 / HEIGHT_M  # of level for a metre
BRANCH = pipe_loss(4.0, 0.125, bends=3.2)  # suction, check and isolation valves of one pump
INLET, RISING, OUTGOING = pipe_loss(80.0, 0.15, 5.0), pipe_loss(60.0, 0.15, 6.0), pipe_loss(40.0, 0.15, 4.0)
NOISES = 44  # standard normal numbers of a step: demand, 4 × 2 bearings, 32 instruments, 3 of quality
_BEFORE = 36  # of them before the first step
_SHUTOFF_M = np.array([[24.0], [24.0], [58.0], [58.0]])
_DROOP = np.array([[9600.0], [27_700.0]])  # s²/m⁵, of each pair
_BEST_M3S = np.array([[0.025], [0.025], [0.0215], [0.0215]])
_BEST = np.array([[0.78], [0.78], [0.76], [0.76]])  # efficiency at it
_TOP_101, _STATIC = 4.6, np.array([[9.4], [0.0]])  # elevation of T-101's inlet; of where the pairs lift to
_DRAIN_BORE, _LEAK_BORE = 0.08, 0.08
_BASES = np.array([[[0.0]], [[UPPER_BASE_M]]])  # elevation of the tanks' floors
_BASE_DEMAND = 60.0  # m³/h
_DRY_PERCENT = 4.0  # level of a tank below which the pumps after it are tripped
_GAIN, _INTEGRAL_S = np.array([[4.0], [4.0], [3.0]]), np.array([[120.0], [160.0], [4.0]])
LOW, HIGH = np.array([[0.0], [0.0], [40.0]]), 100.0  # of the controllers' outputs, %
SPAN = np.array([[100.0], [100.0], [6.0]])  # of their transmitters
_QUALITY, _WANDER = np.array([[0.35], [412.0], [7.6]]), np.array([[0.004], [0.3], [0.002]])
_HUNT_S, _HUNT = 25.0, 20.0  # period; % of stroke to each side
_RARE = ("f_stuck", "f_slow", "f_leak", "f_hunting", "f_tank", "f_power", "f_bias", "f_frozen")


class Physics:
    """m stations, one for each seed, as they are at half past seven on a usual morning."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.s = s = State(len(seeds))
        self.noise = Noise(list(seeds), NOISES)
        self.elapsed_s = 0.0
        self.day_s = MORNING_S
        for scale in (s.head_scale, s.droop_scale, s.efficiency_scale, s.friction_scale, s.kv_scale):
            scale[:] = 1.0
        for scale in (s.area_scale, s.demand_scale, s.heat_scale, s.wear_scale, s.sensor_noise):
            scale[:] = 1.0
        s.demand_noise[:], s.main_head[:], s.demand_factor[:] = 0.03, 24.0, 1.0
        s.level[:] = ((2.42,), (3.08,))
        s.position[:] = ((52.0,), (65.0,), (68.0,), (85.0,), (100.0,), (0.0,))
        s.setpoint[:] = s.position
        s.water_c[:] = 11.5
        s.wear[:] = ((0.45,), (0.1,), (0.2,), (0.05,))
        s.target[:] = ((1390.0,), (1390.0,), (2700.0,), (2700.0,))
        s.run[:] = ((1.0,), (0.0,), (1.0,), (0.0,))
        s.hours[:] = ((18_423.0,), (9_120.0,), (12_077.0,), (11_840.0,))
        s.energy[:] = ((96_210.0,), (47_300.0,), (151_800.0,), (148_020.0,))
        s.output[:] = ((52.0,), (68.0,), (93.0,))
        s.sp[:] = ((55.0,), (70.0,), (NOMINAL_BAR,))
        s.auto[:] = 1.0
        s.total[:] = ((412_870.0,), (409_340.0,), (405_122.0,))
        s.quality[:] = _QUALITY
        skid.fill(s)
        s.noise[:] = 0.3 * self.noise.first(_BEFORE)[1:33]
        self.arrange()
        self.rest()

    def rest(self) -> None:
        """Let the pressure controller find its speed, and put the machines where they settle at it."""
        s = self.s
        self.outside()
        for _ in range(200):
            s.speed[:] = machines.wanted(s)
            self.operate()
            self._control(STEP_S)
        machines.settle(s, *self.loads())
        np.add(s.flow[0], s.flow[1], out=s.transfer)
        np.add(s.flow[2], s.flow[3], out=s.delivery)
        self.dose(0.0)

    def arrange(self) -> None:
        """Work out what follows from parameters, inputs and faults; call it after changing any of them."""
        s = self.s
        self.area = np.stack([AREA_M2 * s.area_scale] * 2)
        blocked = 1.0 / (1.0 - 0.98 * s.f_blockage) ** 2
        self._pipes = np.array([[INLET], [RISING], [OUTGOING]]) * s.friction_scale * blocked
        self._droop = _DROOP * s.droop_scale
        self._branch = self._droop + BRANCH * s.friction_scale
        self._shutoff = _SHUTOFF_M * s.head_scale * (1.0 - 0.4 * s.f_fouling)
        self._best = _BEST * s.efficiency_scale * (1.0 - 0.5 * s.f_degraded) * (1.0 - 0.3 * s.f_fouling)
        self._kv_loss = 1.0 / (s.kv_scale * s.kv_scale)
        self._main = s.main_head * (1.0 - s.f_supply) - _TOP_101
        self._powered = 1.0 - s.f_power
        self._tripping = np.maximum(s.f_trip, s.f_power)
        self._is_tripping = bool(self._tripping.any())
        # what nobody has is not worked out; with severity 0 it would change no bit
        self._has = {name: bool(getattr(s, name).any()) for name in _RARE}

    # ---------------------------------------------------------------- time
    def step(self, dt_s: float = STEP_S) -> None:
        """Advance by dt, at most a second."""
        s = self.s
        drawn = self.noise.next()
        self.elapsed_s += dt_s
        s.gust += s.demand_noise * math.sqrt(2.0 * dt_s / 25.0) * drawn[0] - s.gust * (dt_s / 25.0)
        self.outside()
        self._control(dt_s)
        self._move_valves(dt_s)
        machines.ramp(s, dt_s)
        if self._is_tripping:
            np.maximum(s.tripped, s.run * (self._tripping >= 0.5), out=s.tripped)  # noqa: PLR2004
        self.operate()
        self._move_water(dt_s)
        shake = drawn[1:9].reshape(4, 2, s.members).transpose(1, 0, 2)
        machines.load(s, *self.loads(), shake, dt_s)
        dry = s.level * PERCENT < _DRY_PERCENT
        if dry.any():
            pairs, run = s.tripped.reshape(2, 2, s.members), s.run.reshape(2, 2, s.members)
            np.maximum(pairs, run * dry[:, None], out=pairs)
        self.dose(dt_s)
        s.noise *= 0.7
        s.noise += 0.3 * drawn[9:41]
        s.quality += drawn[41:44] * (_WANDER * math.sqrt(dt_s / STEP_S)) + (_QUALITY - s.quality) * (
            dt_s / 300.0
        )

    def dose(self, dt_s: float) -> None:
        """Let the skid dose for dt; no time shows what it would do now."""
        skid.step(self.s, self.s.network * (1.0 / BAR_M), self._powered, dt_s)

    def outside(self) -> None:
        """Set what comes from outside: demand and hall."""
        s = self.s
        day = self.elapsed_s + self.day_s
        np.multiply(s.demand_scale * s.demand_factor, _BASE_DEMAND * daily(day), out=s.demand)
        s.demand *= 1.0 + s.gust
        hall = 19.0 + 2.5 * math.sin(2.0 * math.pi * (day / DAY_S - 0.375))
        np.add(s.ambient_offset + s.ambient_bias, hall, out=s.ambient)

    def measured(self) -> F8:
        """Return what the controllers' transmitters say, (3, m), in their units."""
        s = self.s
        pv = np.empty_like(s.pv)
        np.multiply(s.level, PERCENT, out=pv[:2])
        np.multiply(s.network, 1.0 / BAR_M, out=pv[2])
        if self._has["f_bias"]:
            pv += SPAN * s.f_bias
        if self._has["f_frozen"]:
            pv = np.where(s.f_frozen >= 0.5, s.pv, pv)  # noqa: PLR2004
        return pv

    def _control(self, dt_s: float) -> None:
        """Move the controllers' outputs; velocity form, so a limit never winds up."""
        s = self.s
        s.pv[:] = self.measured()
        error = s.sp - s.pv
        change = _GAIN * (error - s.error + error * (dt_s / _INTEGRAL_S))
        auto = s.auto > 0.0
        np.copyto(s.output, np.minimum(np.maximum(s.output + change, LOW), HIGH), where=auto)
        s.error[:] = error
        np.copyto(s.setpoint[0], s.output[0], where=auto[0])
        np.copyto(s.setpoint[2], s.output[1], where=auto[1])
        np.copyto(s.target[2:], s.output[2] * (0.01 * float(RPM[2, 0])), where=auto[2])

    def switch(self, i: int, auto: F8) -> None:
        """Change a controller's mode (m,); it takes over from where its actuator stands, without a bump."""
        s = self.s
        taken = (auto > 0.0) & (s.auto[i] <= 0.0)
        stands = (s.setpoint[0], s.setpoint[2], s.target[2] * (100.0 / float(RPM[2, 0])))[i]
        np.copyto(s.output[i], stands, where=taken)
        np.copyto(s.error[i], s.sp[i] - self.measured()[i], where=taken)
        s.auto[i] = auto

    def _move_valves(self, dt_s: float) -> None:
        s = self.s
        setpoint, most = s.setpoint, 100.0 / STROKE_S * dt_s
        if self._has["f_hunting"]:
            swing = _HUNT * math.sin(2.0 * math.pi * self.elapsed_s / _HUNT_S)
            setpoint = np.minimum(np.maximum(setpoint + swing * s.f_hunting, 0.0), 100.0)
        if self._has["f_slow"] or self._has["f_stuck"] or self._has["f_power"]:
            held = (s.f_stuck >= 0.5) | (s.f_power >= 0.5)  # noqa: PLR2004  electric: they stay where they are
            s.position += travelled(s.position, setpoint, np.where(held, 0.0, most / (1.0 + 9.0 * s.f_slow)))
        else:
            s.position += travelled(s.position, setpoint, most)

    # ---------------------------------------------------------------- water
    def operate(self) -> None:
        """Find the flows of this instant: two headers with two pumps each."""
        s = self.s
        passing = np.maximum(s.position, 20.0 * s.f_leak) if self._has["f_leak"] else s.position
        tight = passing <= SHUT
        valve = valve_loss(passing) * self._kv_loss
        ratio = s.speed / RPM
        shutoff = self._shutoff * ratio * ratio
        wish = np.maximum(1e-6, s.demand * (1.0 / HOUR_S))
        consumer = (BAR_M * NOMINAL_BAR) / (wish * wish)
        system = np.stack(
            [self._pipes[1] + valve[1] + valve[2], self._pipes[2] + valve[3] + valve[4] + consumer]
        )
        drives = drive(s.level[:, None] + _BASES, shutoff.reshape(2, 2, s.members))
        first, second = drives[:, 0], drives[:, 1]
        shut = np.stack([tight[1] | tight[2], tight[3] | tight[4]])
        head, one, two = operating_point(first, second, self._branch, _STATIC, system, shut)
        s.header[:] = head
        pairs = s.flow.reshape(2, 2, s.members)
        pairs[:, 0], pairs[:, 1] = one, two
        s.inflow[:] = gravity_flow(self._main, self._pipes[0] + valve[0], tight[0])
        s.drain[:] = outlet_flow(s.level[0], _DRAIN_BORE, passing[5] * 0.01)
        if self._has["f_tank"]:
            s.leak[:] = outlet_flow(s.level, _LEAK_BORE, s.f_tank)
        taken = s.flow[2] + s.flow[3]
        np.multiply(consumer, taken * taken, out=s.network)
        droop = (self._droop[:, None] * (pairs * pairs)).reshape(4, s.members)
        np.multiply(shutoff - droop, s.turning, out=s.head)

    def _move_water(self, dt_s: float) -> None:
        """Exchange volumes; what a tank cannot give does not flow."""
        s = self.s
        if not self._has["f_tank"]:
            s.leak[:] = 0.0
        out = s.flow[0] + s.flow[1] + s.drain + s.leak[0]
        level, share, spilled = exchange(s.level[0], self.area[0], HEIGHT_M, s.inflow * dt_s, out * dt_s)
        s.level[0] = level
        s.flow[:2] *= share
        s.drain *= share
        s.leak[0] *= share
        np.add(s.flow[0], s.flow[1], out=s.transfer)
        out = s.flow[2] + s.flow[3] + s.leak[1]
        level, share, above = exchange(s.level[1], self.area[1], HEIGHT_M, s.transfer * dt_s, out * dt_s)
        s.level[1] = level
        s.flow[2:] *= share
        s.leak[1] *= share
        np.add(s.flow[2], s.flow[3], out=s.delivery)
        s.overflow[0], s.overflow[1] = spilled > 0.0, above > 0.0
        s.supplied += s.inflow * dt_s
        s.delivered += s.delivery * dt_s
        s.drained += s.drain * dt_s
        s.leaked += (s.leak[0] + s.leak[1]) * dt_s
        s.spilled += spilled + above
        s.total[0] += s.inflow * dt_s
        s.total[1] += s.transfer * dt_s
        s.total[2] += s.delivery * dt_s

    def loads(self) -> tuple[F8, F8]:
        """Return (shaft power (4, m) W, |q / q_best − 1| (4, m))."""
        s = self.s
        ratio = s.speed / RPM
        share = s.flow / (_BEST_M3S * np.maximum(ratio, 1e-6))
        # a pump that runs down in a flow from above is driven by it; its drive takes nothing then
        water = np.maximum(0.0, (DENSITY * GRAVITY) * s.flow * s.head)
        efficiency = np.maximum(0.05, self._best * share * (2.0 - share))
        shaft = water / efficiency + (0.16 * RATED_W) * (ratio * ratio * ratio)
        return shaft, np.where(ratio > 0.05, np.abs(share - 1.0), 0.0)  # noqa: PLR2004

    # ---------------------------------------------------------------- what the ledger says
    def stored(self) -> F8:
        """Return the water in both tanks, (m,) m³."""
        out: F8 = self.s.level[0] * self.area[0] + self.s.level[1] * self.area[1]
        return out


def daily(day_s: float) -> float:
    """Return demand over its mean at a time of day: low at night, peaks at 07:30 and 19:00; mean 1."""
    hour = (day_s % DAY_S) / HOUR_S
    peaks = sum(
        height * math.exp(-(((hour - at + 12.0) % 24.0 - 12.0) ** 2) / (2.0 * width**2))
        for at, width, height in ((7.5, 1.4, 0.62), (19.0, 2.0, 0.55), (13.0, 2.5, 0.2))
    )
    return 0.7 + peaks
