"""Conveyor C-201 with motor M-201: one belt through the oven to the robot, and the units on it. Pure."""

from __future__ import annotations

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.oven import AMBIENT

STOPPED, RUNNING, TRIPPED, RAMPING = 0.0, 1.0, 2.0, 3.0
NOWHERE = -1.0  # position of a tracker that follows no unit
_RAMP = 0.06  # m/s²
_WARM_S = 16.0
_STALL_A, _STALL_S = 9.5, 6.0
_STEADY = 0.005  # m/s


class Conveyor:
    """Positions in m along the belt, -1 where a tracker is free; arrays (TRACKED,)."""

    def __init__(self) -> None:
        self.run, self.sp, self.speed = 1.0, 0.20, 0.20
        self.is_guarded, self.is_tripped, self.jam = True, False, 0.0
        self.position: F8 = np.full(at.TRACKED, NOWHERE)
        self.serial, self.warmth = np.zeros(at.TRACKED), np.full(at.TRACKED, AMBIENT)
        self.travel, self.made, self._next = 0.0, 0, 1
        self.amperes, self.winding, self._stalled_s = 3.4, 52.0, 0.0
        for x in np.arange(0.0, at.PICK_M - 0.4, at.PITCH_M)[::-1]:
            self._enter(float(x))

    def _enter(self, x: float) -> None:
        free = int(np.argmin(self.position))  # a free one is the lowest
        if self.position[free] >= 0.0:
            return
        self.position[free], self.serial[free], self.warmth[free] = x, self._next, AMBIENT + 3.0 * min(x, 8.0)
        self._next += 1

    @property
    def state(self) -> float:
        """0 stopped, 1 running, 2 tripped, 3 changing speed."""
        if self.is_tripped:
            return TRIPPED
        if abs(self.speed - self.goal) > _STEADY:
            return RAMPING
        return RUNNING if self.speed > 0.0 else STOPPED

    @property
    def goal(self) -> float:
        """The speed that its drive runs up or down to."""
        return self.sp if self.run and self.is_guarded and not self.is_tripped else 0.0

    @property
    def waiting(self) -> int:
        """The tracker of the unit at the pick place, -1 when there is none."""
        first = int(np.argmax(self.position))
        return first if self.position[first] >= at.PICK_M - 1e-6 else -1

    def lift(self) -> float:
        """Take the unit at the pick place off the belt; return its temperature."""
        first = int(np.argmax(self.position))
        self.position[first] = NOWHERE
        self.made += 1
        return float(self.warmth[first])

    def guard(self, *, is_closed: bool) -> None:
        """Open or close the guard: open, the drive stops at once, and a person starts it again."""
        self.is_guarded = is_closed
        if not is_closed:
            self.run = 0.0

    def step(self, dt_s: float, zones: F8) -> None:
        """Advance the belt and what lies on it; zones: °C of the oven's four."""
        if not self.is_guarded:
            self.speed = 0.0  # the brake
        self.speed += float(np.clip(self.goal - self.speed, -_RAMP * dt_s, _RAMP * dt_s))
        load = float((self.position >= 0.0).sum())
        stuck = self.jam > 0.0 and self.speed > 0.0
        self.amperes = (1.1 + 8.0 * self.speed + 0.05 * load + (8.0 * self.jam if stuck else 0.0)) * (
            1.0 if self.speed > 0.0 else 0.0
        )
        self.winding += (30.0 + 6.5 * self.amperes - self.winding) * min(1.0, dt_s / 90.0)
        self._stalled_s = self._stalled_s + dt_s if self.amperes > _STALL_A else 0.0
        if self._stalled_s > _STALL_S:
            self.is_tripped = True
        self.travel += self.speed * dt_s
        self._move(self.speed * dt_s)
        self._warm(dt_s, zones)

    def count_on(self) -> None:
        """Let serial numbers go on after the highest one that is on the belt."""
        self._next = int(self.serial.max()) + 1

    def reset(self) -> None:
        """Take a trip back: the stall is over."""
        self.is_tripped, self._stalled_s = False, 0.0

    def _move(self, by: float) -> None:
        """Move each unit with the belt, as far as the one before it and the stop let it."""
        limit = at.PICK_M
        for k in np.argsort(-self.position):  # a few units, first one first
            x = self.position[k]
            if x < 0.0:
                break
            most = min(limit, at.JAM_M) if self.jam and x <= at.JAM_M else limit
            self.position[k] = max(x, min(x + by, most))
            limit = self.position[k] - at.CLOSEST_M
        there = self.position[self.position >= 0.0]
        if by > 0.0 and (not len(there) or there.min() >= at.PITCH_M):
            self._enter(max(0.0, float(there.min()) - at.PITCH_M) if len(there) else 0.0)

    def _warm(self, dt_s: float, zones: F8) -> None:
        zone = np.floor((self.position - at.OVEN_M) / at.ZONE_M).astype(int)
        inside = (zone >= 0) & (zone < len(zones))
        goal = np.where(inside, zones[np.clip(zone, 0, len(zones) - 1)], AMBIENT)
        tau = np.where(inside, _WARM_S, 8.0 * _WARM_S)
        self.warmth = self.warmth + (goal - self.warmth) * np.minimum(1.0, dt_s / tau)
