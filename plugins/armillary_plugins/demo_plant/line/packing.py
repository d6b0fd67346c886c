"""The packing cell: robot R-301 takes product off the belt, gantry PL-301 stacks cartons. Pure."""

from __future__ import annotations

import math

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.line import layout as at

IDLE, PICKING, PLACING, WAITING = 0.0, 1.0, 2.0, 3.0
_CYCLE_S, _TRIP_S = 3.4, 7.0
_GRIP, _SWUNG, _LET_GO = 0.28, 0.6, 0.72  # shares of the robot's cycle
_LIFT, _LAY = 0.2, 0.6  # … and of the gantry's
_CLEAR = 0.45  # m that a load is lifted
_HOME = (at.ROBOT[0] - 0.2, at.ROBOT[1] - 0.95, at.BELT_Z + 0.75)


def joints(x: float, y: float, z: float) -> F8:
    """Return the six angles in degrees that put the grip at a point, pointing down.

    1 turns about z; 2 and 3 lift the arms (0: upright and in line); 5 keeps the wrist upright.
    """
    dx, dy = x - at.ROBOT[0], y - at.ROBOT[1]
    turn = math.degrees(math.atan2(dy, dx))
    reach, height = math.hypot(dx, dy), z + at.WRIST_M - at.ROBOT_Z
    far = min(math.hypot(reach, height), 0.999 * (at.UPPER_M + at.LOWER_M))
    fold = math.acos((at.UPPER_M**2 + at.LOWER_M**2 - far**2) / (2.0 * at.UPPER_M * at.LOWER_M))
    lean = math.atan2(reach, height)
    ahead = math.acos((at.UPPER_M**2 + far**2 - at.LOWER_M**2) / (2.0 * at.UPPER_M * far))
    shoulder, elbow = math.degrees(lean - ahead), 180.0 - math.degrees(fold)
    return np.array([turn, shoulder, elbow, 0.0, 180.0 - shoulder - elbow, -turn])


def smooth(share: float) -> float:
    """Return 0…1 with no jerk at the ends."""
    s = min(max(share, 0.0), 1.0)
    return s * s * (3.0 - 2.0 * s)


class Robot:
    """R-301. `holds` while a unit hangs on its grip."""

    def __init__(self) -> None:
        self.angle, self.speed = joints(*_HOME), np.zeros(6)
        self.state, self.holds = IDLE, False
        self.placed, self.last_s = 0, _CYCLE_S
        self._phase = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it can take the next unit."""
        return self.state == IDLE

    def take(self) -> None:
        """Begin to fetch what lies at the pick place."""
        self.state, self._phase = PICKING, 0.0

    def step(self, dt_s: float, unit: int) -> tuple[bool, bool]:
        """Advance; return (it took the unit off the belt, it put it into the carton)."""
        before = self.angle
        took = put = False
        if self.state != IDLE:
            old, self._phase = self._phase, self._phase + dt_s / _CYCLE_S
            took, put = old < _GRIP <= self._phase, old < _LET_GO <= self._phase
            self.holds = _GRIP <= self._phase < _LET_GO
            self.state = PICKING if self._phase < _GRIP else PLACING
            self.angle = joints(*self._path(unit))
            if self._phase >= 1.0:
                self.state, self.holds = IDLE, False
                self.placed += 1
        self.speed = (self.angle - before) / dt_s
        return took, put

    def _path(self, unit: int) -> tuple[float, float, float]:
        """Return the grip's place at this share of the cycle."""
        pick = (at.PICK_M, 0.0, at.BELT_Z + at.UNIT_SIZE[2])
        place = at.unit_place(unit)
        over_pick, over_place = (*pick[:2], pick[2] + _CLEAR), (*place[:2], place[2] + _CLEAR)
        way = ((0.0, _HOME), (0.18, over_pick), (_GRIP, pick), (0.38, over_pick), (_SWUNG, over_place),
               (_LET_GO, place), (0.82, over_place), (1.0, _HOME))  # fmt: skip
        k = next((i for i in range(1, len(way)) if self._phase <= way[i][0]), len(way) - 1)
        (a, from_), (b, to) = way[k - 1], way[k]
        s = smooth((self._phase - a) / (b - a))
        # around its own foot, not through it
        if b == _SWUNG:
            r0, r1 = (math.hypot(p[0] - at.ROBOT[0], p[1] - at.ROBOT[1]) for p in (from_, to))
            t0, t1 = (math.atan2(p[1] - at.ROBOT[1], p[0] - at.ROBOT[0]) for p in (from_, to))
            r, t = r0 + (r1 - r0) * s, t0 + (t1 - t0) * s
            z = from_[2] + (to[2] - from_[2]) * s
            return at.ROBOT[0] + r * math.cos(t), at.ROBOT[1] + r * math.sin(t), z
        return tuple(p + (q - p) * s for p, q in zip(from_, to, strict=True))  # type: ignore[return-value]


class Palletiser:
    """PL-301: a gantry over the carton place and the pallet; x, y, z of its grip."""

    def __init__(self, stacked: int) -> None:
        self.stacked, self.pallets = stacked, 0
        self.state, self.holds = IDLE, False
        self.place = np.array([*at.CARTON_AT, at.GANTRY_Z])
        self.speed = np.zeros(3)
        self._phase = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it can take a full carton away."""
        return self.state == IDLE

    def take(self) -> None:
        """Begin to take the full carton away."""
        self.state, self._phase = PICKING, 0.0

    def step(self, dt_s: float) -> None:
        """Advance; a full pallet is driven away."""
        before = self.place
        if self.state != IDLE:
            self._phase += dt_s / _TRIP_S
            self.place = self._path()
            if self.holds and self._phase >= _LAY:
                self.stacked += 1
            self.holds = _LIFT <= self._phase < _LAY
            self.state = PICKING if self._phase < _LIFT else PLACING
            if self._phase >= 1.0:
                self.state = IDLE
                if self.stacked >= at.PER_PALLET:
                    self.stacked, self.pallets = 0, self.pallets + 1
        self.speed = (self.place - before) / dt_s

    def _path(self) -> F8:
        carton = np.array([*at.CARTON_AT, at.BELT_Z + at.CARTON_SIZE[2]])
        place = np.array(at.carton_place(self.stacked if self._phase < _LAY else self.stacked - 1))
        up = np.array([0.0, 0.0, 1.0])
        high = (carton * (1 - up) + up * at.GANTRY_Z, place * (1 - up) + up * at.GANTRY_Z)
        way = ((0.0, high[0]), (_LIFT, carton), (0.3, high[0]), (0.45, high[1]), (_LAY, place),
               (0.7, high[1]), (1.0, high[0]))  # fmt: skip
        k = next((i for i in range(1, len(way)) if self._phase <= way[i][0]), len(way) - 1)
        (a, from_), (b, to) = way[k - 1], way[k]
        out: F8 = from_ + (to - from_) * smooth((self._phase - a) / (b - a))
        return out
