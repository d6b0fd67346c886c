"""Machines: drives that ramp, bearings that warm up and wear, motors that draw power; four pumps, m members.

Pure: no network, no clock. Temperatures in °C, vibration in mm/s RMS, power in W, energy in kWh.
"""

from __future__ import annotations

import math

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.signals import RATED_RPM
from armillary_plugins.demo_plant.state import State

RAMP_UP, RAMP_DOWN = 220.0, 260.0  # rpm/s
STOPPED, RUNNING, TRIPPED, MOVING = range(4)
MOTOR_EFFICIENCY, POWER_FACTOR, VOLTAGE = 0.92, 0.86, 400.0
AT_SPEED_RPM = 2.0
RPM = np.array(RATED_RPM)[:, None]  # (4, 1)
RATED_W = np.array([[7500.0], [7500.0], [18_500.0], [18_500.0]])
AMPERES = 1.0 / (math.sqrt(3.0) * VOLTAGE * POWER_FACTOR)  # for one watt
_BEARING_S, _WINDING_S = 240.0, 420.0  # time constants of the first-order heat models
_WEAR_HOURS = 60.0  # a demonstration plant wears out in days, not in years
_OFFSETS = np.array([1.0, 0.82])[:, None, None]  # drive end, non-drive end
_FAULTY_WEAR, _FAULTY_COOLING = 3.0, 1.5  # what a fault of severity 1 adds


def wanted(s: State) -> F8:
    """Return the speed that the drives go for, (4, m) rpm."""
    return s.target * (s.run * (1.0 - s.tripped))


def condition(s: State) -> F8:
    """Return 0 stopped, 1 running, 2 tripped, 3 changing its speed, (4, m)."""
    steady = np.abs(wanted(s) - s.speed) <= AT_SPEED_RPM
    moving = np.where(steady, np.where(s.turning, RUNNING, STOPPED), MOVING)
    return np.where(s.tripped > 0.0, float(TRIPPED), moving)


def ramp(s: State, dt_s: float) -> None:
    """Let the drives follow their speed setpoints for dt; a stopped or tripped one runs down.

    A trip is reset by taking the start command away, and not while its cause lasts.
    """
    s.tripped *= s.run
    s.speed += np.minimum(np.maximum(wanted(s) - s.speed, -RAMP_DOWN * dt_s), RAMP_UP * dt_s)


def load(s: State, shaft_w: F8, off_best: F8, noise: F8, dt_s: float) -> None:
    """Take dt of a shaft power (4, m) W, at |q/q_best − 1| (4, m); `noise` (2, 4, m) is standard normal."""
    ratio = s.speed / RPM
    turning = s.turning
    np.multiply(shaft_w, turning * (1.0 / MOTOR_EFFICIENCY), out=s.power)
    s.energy += s.power * (dt_s / 3.6e6)
    s.hours += turning * (dt_s / 3600.0)
    shaken = s.vibration[0] * (1.0 / 4.5)
    cube = ratio * ratio * ratio
    s.wear += cube * (1.0 + shaken * shaken) * (s.wear_scale * (0.1 * dt_s / (3600.0 * _WEAR_HOURS)))
    s.vibration += (_shake(s, ratio, off_best) - s.vibration) * min(1.0, dt_s / 1.5)
    s.vibration += noise * (ratio * (0.02 * math.sqrt(dt_s / 0.1)))
    np.maximum(s.vibration, 0.0, out=s.vibration)
    loaded = np.minimum(1.5, s.power / RATED_W)
    s.bearing += (_bearing_target(s, ratio, loaded) - s.bearing) * min(1.0, dt_s / _BEARING_S)
    s.winding += (_winding_target(s, ratio, loaded) - s.winding) * min(1.0, dt_s / _WINDING_S)


def settle(s: State, shaft_w: F8, off_best: F8) -> None:
    """Put all machines where they would be after hours at this load."""
    ratio = s.speed / RPM
    s.power[:] = shaft_w * (s.turning * (1.0 / MOTOR_EFFICIENCY))
    s.vibration[:] = _shake(s, ratio, off_best)
    loaded = np.minimum(1.5, s.power / RATED_W)
    s.bearing[:] = _bearing_target(s, ratio, loaded)
    s.winding[:] = _winding_target(s, ratio, loaded)


def wear_from(s: State, off_best: F8, vibration: F8) -> F8:
    """Return the wear (4, m) that makes drive ends shake like this; where machines stand, theirs."""
    smooth = _smooth(s.speed / RPM, off_best)
    seen = (vibration / np.maximum(smooth, 1e-9) - 1.0) / 1.8 - _FAULTY_WEAR * s.f_wear
    return np.where(s.turning, np.maximum(seen, 0.0), s.wear)


def _smooth(ratio: F8, off_best: F8) -> F8:
    """Return the vibration of a drive end without wear."""
    off = np.minimum(off_best, 1.5)
    out: F8 = 1.05 * ratio * ratio * (1.0 + 1.1 * off * np.sqrt(off))
    return out


def _worn(s: State) -> F8:
    out: F8 = s.wear + _FAULTY_WEAR * s.f_wear
    return out


def _shake(s: State, ratio: F8, off_best: F8) -> F8:
    out: F8 = (_smooth(ratio, off_best) * (1.0 + 1.8 * _worn(s))) * _OFFSETS
    return out


def _bearing_target(s: State, ratio: F8, loaded: F8) -> F8:
    rise = 24.0 * ratio * np.sqrt(ratio) * (0.6 + 0.4 * loaded) * (1.0 + 0.6 * _worn(s)) * s.heat_scale
    out: F8 = s.ambient + rise * _OFFSETS + 3.0 * s.vibration
    return out


def _winding_target(s: State, ratio: F8, loaded: F8) -> F8:
    rise = 55.0 * np.power(loaded, 1.6) * (1.0 + _FAULTY_COOLING * s.f_cooling) * s.heat_scale
    out: F8 = s.ambient + rise + 6.0 * ratio
    return out
