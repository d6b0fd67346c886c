"""Setpoints of m stations, by the names of the control system's nodes. Pure."""

from __future__ import annotations

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.physics import Physics
from armillary_plugins.demo_plant.signals import CONTROLLERS, PUMPS, SETPOINTS, VALVES


def apply(physics: Physics, name: str, value: F8) -> F8:
    """Change one setpoint of every member (m,); return what it became, cut to its range. Raises KeyError."""
    signal, s = SETPOINTS[name], physics.s
    value = np.minimum(np.maximum(value, signal.low), signal.high)
    if signal.kind == "bool":
        value = (value >= 0.5).astype(np.float64)  # noqa: PLR2004
    tag, _, key = name.rpartition(".")
    if key == "SpeedSP":
        s.target[PUMPS.index(tag)] = value
    elif key == "Run":
        s.run[PUMPS.index(tag)] = value
    elif key == "Auto":
        physics.switch(CONTROLLERS.index(tag), value)
    elif key == "DoseSP":
        s.dose_sp[:] = value
    elif tag in VALVES:
        s.setpoint[VALVES.index(tag)] = value
    else:
        s.sp[CONTROLLERS.index(tag)] = value
    return value
