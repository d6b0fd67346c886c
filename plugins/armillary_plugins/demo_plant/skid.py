"""The dosing skid DS-201: hypochlorite into the network, in proportion to the flow. Pure; m members."""

from __future__ import annotations

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant.state import State

STRENGTH_G_L = 120.0  # chlorine in the solution
MOST_L_H = 4.0  # of one dosing pump at full speed
DRUM_L = 200.0
_DECAY_H = 9.0  # chlorine lost to the water, first order
_MIX_S = 40.0
_LEAST_FLOW = 1e-4  # m³/s, below which nothing is mixed


def fill(s: State) -> None:
    """Put the skid as it stands on a usual morning."""
    s.drum[:], s.dose_sp[:], s.residual[:] = 148.0, 1.2, 0.62


def step(s: State, line_bar: F8, powered: F8, dt_s: float) -> None:
    """Dose into the delivery for dt; the drum is filled up when it runs low, as the round does every week.

    Dose in mg of chlorine a litre of water: mg/l is g/m³. `powered` is 0 where the pumps have no power.
    """
    hourly = s.delivery * 3600.0
    possible = s.dose_sp * hourly * (powered / STRENGTH_G_L) * (s.drum > 0.0)
    np.minimum(possible, MOST_L_H, out=s.dosing[0])
    np.minimum(possible - s.dosing[0], MOST_L_H, out=s.dosing[1])
    np.add(s.dosing[0], s.dosing[1], out=s.dose)
    s.dosing *= 100.0 / MOST_L_H
    used = np.minimum(s.drum, s.dose * (dt_s / 3600.0))
    s.drum -= used
    s.dosed += used
    np.copyto(s.drum, 0.9 * DRUM_L, where=s.drum < 0.1 * DRUM_L)
    flows = s.delivery > _LEAST_FLOW
    goal = np.where(flows, s.dose * (0.52 * STRENGTH_G_L) / np.maximum(hourly, 3600.0 * _LEAST_FLOW), 0.0)
    s.residual += (goal - s.residual) * min(1.0, dt_s / _MIX_S)
    s.residual -= s.residual * (dt_s / (3600.0 * _DECAY_H))
    np.add(line_bar, np.where(s.dosing[0] > 0.0, 0.6 + 0.012 * s.dosing[0], 0.0), out=s.line)
