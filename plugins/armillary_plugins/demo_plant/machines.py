"""Machines: drives that ramp, bearings that warm up and wear, motors that draw power; arrays of n pumps.

Pure: no network, no clock. Temperatures in °C, vibration in mm/s RMS, power in W, energy in kWh.
"""

from __future__ import annotations

import numpy as np

from armillary.api import B1, F8

RAMP_UP, RAMP_DOWN = 220.0, 260.0  # rpm/s
STOPPED, RUNNING, TRIPPED, MOVING = range(4)
RUNNING_RPM = 30.0
MOTOR_EFFICIENCY, POWER_FACTOR, VOLTAGE = 0.92, 0.86, 400.0
AT_SPEED_RPM = 2.0
_BEARING_S, _WINDING_S = 240.0, 420.0  # time constants of the first-order heat models
_WEAR_HOURS = 60.0  # a demonstration plant wears out in days, not in years
_OFFSETS = np.array([1.0, 0.82])  # drive end, non-drive end


class Machines:
    """n pump sets: what turns, warms up, shakes and wears."""

    def __init__(self, rated_rpm: F8, rated_w: F8, wear: F8, ambient_c: float) -> None:
        n = len(rated_rpm)
        self.rated_rpm, self.rated_w = rated_rpm, rated_w
        self.speed = np.zeros(n)
        self.target = np.zeros(n)
        self.run = np.zeros(n, np.bool_)
        self.tripped = np.zeros(n, np.bool_)
        self.wear = wear.astype(np.float64)
        self.vibration = np.zeros((n, 2))  # drive end, non-drive end
        self.bearing = np.full((n, 2), ambient_c)
        self.winding = np.full(n, ambient_c)
        self.power = np.zeros(n)
        self.energy = np.zeros(n)
        self.hours = np.zeros(n)

    @property
    def ratio(self) -> F8:
        """Speed over rated speed, (n,)."""
        return self.speed / self.rated_rpm

    @property
    def turning(self) -> B1:
        """Which pumps turn, (n,)."""
        return self.speed > RUNNING_RPM

    @property
    def state(self) -> F8:
        """0 stopped, 1 running, 2 tripped, 3 changing its speed, (n,)."""
        steady = np.abs(self.wanted - self.speed) <= AT_SPEED_RPM
        moving = np.where(steady, np.where(self.turning, RUNNING, STOPPED), MOVING)
        return np.where(self.tripped, TRIPPED, moving).astype(np.float64)

    @property
    def wanted(self) -> F8:
        """Speed that the drives go for, (n,) rpm."""
        return np.where(self.run & ~self.tripped, self.target, 0.0)

    @property
    def current(self) -> F8:
        """Motor current of each drive, (n,) A."""
        out: F8 = self.power / (np.sqrt(3.0) * VOLTAGE * POWER_FACTOR)
        return out

    def ramp(self, dt_s: float) -> None:
        """Let the drives follow their speed setpoints for dt; a stopped or tripped one runs down."""
        self.tripped &= self.run  # a trip is reset by taking the start command away
        self.speed += np.clip(self.wanted - self.speed, -RAMP_DOWN * dt_s, RAMP_UP * dt_s)

    def load(self, shaft_w: F8, off_best: F8, ambient_c: float, noise: F8, dt_s: float) -> None:
        """Take dt of a shaft power (n,) W, at |q/q_best − 1| (n,); `noise` (n, 2) is standard normal."""
        ratio = self.ratio
        self.power = np.where(self.turning, shaft_w / MOTOR_EFFICIENCY, 0.0)
        self.energy += self.power * dt_s / 3.6e6
        self.hours += self.turning * dt_s / 3600.0
        self.wear += (
            ratio**3 * (1.0 + (self.vibration[:, 0] / 4.5) ** 2) * dt_s / (3600.0 * _WEAR_HOURS) * 0.1
        )
        target = self._shake(ratio, off_best)
        self.vibration += (target - self.vibration) * min(1.0, dt_s / 1.5)
        self.vibration = np.maximum(0.0, self.vibration + 0.02 * ratio[:, None] * noise * np.sqrt(dt_s / 0.1))
        share = min(1.0, dt_s / _BEARING_S)
        self.bearing += (self._bearing_target(ambient_c) - self.bearing) * share
        self.winding += (self._winding_target(ambient_c) - self.winding) * min(1.0, dt_s / _WINDING_S)

    def settle(self, shaft_w: F8, off_best: F8, ambient_c: float) -> None:
        """Put all machines where they would be after hours at this load."""
        self.power = np.where(self.turning, shaft_w / MOTOR_EFFICIENCY, 0.0)
        self.vibration = self._shake(self.ratio, off_best)
        self.bearing = self._bearing_target(ambient_c)
        self.winding = self._winding_target(ambient_c)

    def _shake(self, ratio: F8, off_best: F8) -> F8:
        base = 1.05 * ratio**2 * (1.0 + 1.1 * np.minimum(off_best, 1.5) ** 1.5) * (1.0 + 1.8 * self.wear)
        out: F8 = base[:, None] * _OFFSETS
        return out

    def _bearing_target(self, ambient_c: float) -> F8:
        load = np.minimum(1.5, self.power / self.rated_w)
        rise = 24.0 * self.ratio**1.5 * (0.6 + 0.4 * load) * (1.0 + 0.6 * self.wear)
        out: F8 = ambient_c + rise[:, None] * _OFFSETS + 3.0 * self.vibration
        return out

    def _winding_target(self, ambient_c: float) -> F8:
        load = np.minimum(1.5, self.power / self.rated_w)
        out: F8 = ambient_c + 55.0 * load**1.6 + 6.0 * self.ratio
        return out
