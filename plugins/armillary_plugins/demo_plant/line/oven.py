"""Oven O-210: four zones, each held by its own controller, warmed by product and burner. Pure."""

from __future__ import annotations

import numpy as np

from armillary.api import F8

SETPOINT = np.array([66.0, 71.0, 73.0, 69.0])  # °C
AMBIENT = 24.0
_GAIN = 92.0  # K over the hall at full fire, damper at its usual place
_TAU_S = 45.0
_P, _I = 4.0, 0.08  # % per K, % per K and second
USUAL_DAMPER = 30.0  # % open
BURNER = 1  # the zone that BV-212 feeds
_STROKE = 8.0  # % a second


class Oven:
    """Temperatures in °C, outputs and positions in %; arrays (4,) by zone."""

    def __init__(self) -> None:
        self.damper = self.damper_sp = USUAL_DAMPER
        self.sp = SETPOINT.copy()
        self.temperature: F8 = SETPOINT.copy()
        self.output: F8 = (SETPOINT - AMBIENT) / _GAIN * 100.0
        self._whole = self.output.copy()  # of the controllers' integrals
        self.valve = float(self.output[BURNER])
        self.extra = np.zeros(4)  # faults: K that a zone runs hot at once
        self.stuck = 0.0  # BV-212 stands still, the more open the worse
        self.fires = True  # the burner is let

    def step(self, dt_s: float) -> None:
        """Advance by dt, at most a second."""
        error = self.sp - self.temperature
        self._whole = np.clip(self._whole + _I * error * dt_s, 0.0, 100.0)
        self.output = np.clip(self._whole + _P * error, 0.0, 100.0) if self.fires else np.full(4, 8.0)
        wanted = float(self.output[BURNER])
        if self.stuck:
            wanted = 60.0 + 40.0 * self.stuck
        self.valve += float(np.clip(wanted - self.valve, -_STROKE * dt_s, _STROKE * dt_s))
        self.damper += float(np.clip(self.damper_sp - self.damper, -10.0 * dt_s, 10.0 * dt_s))
        fire = self.output.copy()
        fire[BURNER] = self.valve
        lost = 1.0 + 0.9 * (self.damper - USUAL_DAMPER) / 100.0
        side = np.zeros(4)
        side[:-1] += 0.08 * (self.temperature[1:] - self.temperature[:-1])
        side[1:] += 0.08 * (self.temperature[:-1] - self.temperature[1:])
        goal = AMBIENT + _GAIN * fire / 100.0 / lost + side + self.extra
        self.temperature = self.temperature + (goal - self.temperature) * min(1.0, dt_s / _TAU_S)

    def settle(self, zone: int, output: float) -> None:
        """Let a zone's controller stand at an output, so that nothing jumps when it goes on."""
        self.output[zone] = output
        self._whole[zone] = min(max(output - _P * float(self.sp[zone] - self.temperature[zone]), 0.0), 100.0)
