"""Water: tanks, valves, pipes and pumps solved against their system, quasi-steady and without a clock.

Heads in metres of water, flows in m³/s, elevations in metres above the hall's floor. Pure: no network, no
time of day, no randomness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

GRAVITY = 9.81  # m/s²
DENSITY = 998.0  # kg/m³, water at 20 °C
BAR_M = 1e5 / (DENSITY * GRAVITY)  # metres of water in one bar
HOUR_S = 3600.0
SHUT = 0.5  # % of stroke below which a valve is tight
CLOSED = math.inf  # the loss coefficient of a tight valve
HALVINGS = 52  # of the head's bracket: to the last bit of a double that matters
_DISCHARGE = 0.62  # sharp-edged orifice


@dataclass(slots=True)
class Tank:
    """An upright open tank. Area m², height m to the overflow, level m, base m above the floor."""

    area_m2: float
    height_m: float
    level_m: float
    base_m: float = 0.0

    @property
    def volume_m3(self) -> float:
        return self.area_m2 * self.level_m

    @property
    def level_percent(self) -> float:
        return 100.0 * self.level_m / self.height_m

    @property
    def surface_m(self) -> float:
        """Elevation of the water's surface."""
        return self.base_m + self.level_m

    def exchange(self, inflow_m3: float, wanted_m3: float) -> tuple[float, float]:
        """Take water in and give out what is wanted; return (share given 0…1, volume spilled in m³).

        Nothing is made or lost: level × area changes by inflow − share × wanted − spilled.
        """
        available = self.volume_m3 + inflow_m3
        share = 1.0 if wanted_m3 <= available else available / wanted_m3
        left = max(0.0, available - share * wanted_m3)
        spilled = max(0.0, left - self.area_m2 * self.height_m)
        self.level_m = (left - spilled) / self.area_m2
        return share, spilled


@dataclass(slots=True)
class Valve:
    """A control valve of equal percentage. Position and setpoint in % of stroke, Kv in m³/h at 1 bar."""

    kv100: float
    position: float
    setpoint: float
    stroke_s: float = 15.0  # from shut to open
    rangeability: float = 20.0

    def move(self, dt_s: float) -> None:
        """Let the actuator travel towards the setpoint for dt."""
        most = 100.0 / self.stroke_s * dt_s
        self.position += min(most, max(-most, self.setpoint - self.position))

    @property
    def loss(self) -> float:
        """Loss coefficient k in h = k q², s²/m⁵; infinite when tight."""
        if self.position <= SHUT:
            return CLOSED
        kv = self.kv100 * self.rangeability ** (self.position / 100.0 - 1.0)
        return float(BAR_M * (HOUR_S / kv) ** 2)


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe with its bends. Length and bore in m; friction after Darcy and Weisbach."""

    length_m: float
    bore_m: float
    bends: float = 0.0  # sum of the loss coefficients of fittings
    friction: float = 0.021

    @property
    def area_m2(self) -> float:
        return math.pi * self.bore_m**2 / 4.0

    @property
    def loss(self) -> float:
        """Loss coefficient k in h = k q², s²/m⁵."""
        factor = self.friction * self.length_m / self.bore_m + self.bends
        return factor / (2.0 * GRAVITY * self.area_m2**2)


@dataclass(frozen=True, slots=True)
class PumpCurve:
    """A centrifugal pump: at rated speed head = shutoff − droop q², efficiency a parabola to its best."""

    rated_rpm: float
    shutoff_m: float
    droop: float  # s²/m⁵
    best_m3s: float
    best_efficiency: float

    def head(self, flow_m3s: float, rpm: float) -> float:
        """Return the head at a flow and a speed, by the affinity laws."""
        ratio = rpm / self.rated_rpm
        return self.shutoff_m * ratio**2 - self.droop * flow_m3s * abs(flow_m3s)

    def efficiency(self, flow_m3s: float, rpm: float) -> float:
        """Return the hydraulic efficiency, 0.05 … best."""
        if rpm <= 0.0:
            return 0.05
        x = flow_m3s / (self.best_m3s * rpm / self.rated_rpm)
        return max(0.05, self.best_efficiency * x * (2.0 - x))


@dataclass(frozen=True, slots=True)
class Branch:
    """One pump with its suction and check valve: what it lifts from and what it loses."""

    suction_m: float  # elevation of the water it draws from
    shutoff_m: float  # head of the pump at no flow and its present speed
    loss: float  # of pump and branch, s²/m⁵

    def flow(self, head_m: float) -> float:
        """Return the flow into a header at a head; the check valve lets none run back."""
        drive = self.suction_m + self.shutoff_m - head_m
        return math.sqrt(drive / self.loss) if drive > 0.0 and self.shutoff_m > 0.0 else 0.0


def operating_point(
    branches: Sequence[Branch], static_m: float, system_loss: float
) -> tuple[float, list[float]]:
    """Return (head of the common header in m, flow of each branch in m³/s).

    The header's head is where the pumps give what the system `static + k q²` takes: one crossing, since
    the pumps' flow falls with the head and the system's rises; found by halving the bracket.
    """
    top = max([b.suction_m + b.shutoff_m for b in branches if b.shutoff_m > 0.0], default=static_m)
    if top <= static_m:
        return static_m, [0.0] * len(branches)
    if math.isinf(system_loss):
        return top, [0.0] * len(branches)
    low, high = static_m, top
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        given = sum(b.flow(middle) for b in branches)
        if given > math.sqrt((middle - static_m) / system_loss):
            low = middle
        else:
            high = middle
    head = 0.5 * (low + high)
    return head, [b.flow(head) for b in branches]


def gravity_flow(head_m: float, loss: float) -> float:
    """Return the flow in m³/s that a head drives through a loss; none backwards."""
    return math.sqrt(head_m / loss) if head_m > 0.0 and not math.isinf(loss) else 0.0


def outlet_flow(level_m: float, bore_m: float, opening: float) -> float:
    """Return Torricelli's flow in m³/s out of an orifice below `level_m` of water, opened 0…1."""
    area = math.pi * bore_m**2 / 4.0 * max(0.0, opening)
    return _DISCHARGE * area * math.sqrt(2.0 * GRAVITY * max(0.0, level_m))


@dataclass(slots=True)
class Controller:
    """A proportional-integral controller with limits, bumpless when it was in manual."""

    gain: float
    integral_s: float
    low: float
    high: float
    output: float

    def step(self, error: float, last_error: float, dt_s: float) -> float:
        """Return the new output; velocity form, so a limit never winds up."""
        change = self.gain * (error - last_error + error * dt_s / self.integral_s)
        self.output = min(self.high, max(self.low, self.output + change))
        return self.output
