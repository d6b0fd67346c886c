"""Water: valves, pipes and pumps solved against their system, quasi-steady and without a clock.

Heads in metres of water, flows in m³/s, elevations in metres above the hall's floor. The last axis of every
array is the members, so that one call does all of an ensemble. Pure: no network, no time of day, no
randomness. Nothing iterates: a member's result cannot depend on how many others there are.
"""

from __future__ import annotations

import math

import numpy as np

from armillary.api import B1, F8

GRAVITY = 9.81  # m/s²
DENSITY = 998.0  # kg/m³, water at 20 °C
BAR_M = 1e5 / (DENSITY * GRAVITY)  # metres of water in one bar
HOUR_S = 3600.0
SHUT = 0.5  # % of stroke below which a valve is tight
KV100 = 350.0  # m³/h at 1 bar of an open valve
STROKE_S = 15.0  # of a valve, from shut to open
_DISCHARGE = 0.62  # sharp-edged orifice
_OPEN_LOSS = BAR_M * (HOUR_S / KV100) ** 2
_STEEPNESS = 2.0 * math.log(20.0)  # of an equal-percentage valve with a rangeability of 20
_STANDING = -1e6  # m; the drive of a pump that stands still: its check valve holds against anything
_TINY = 1e-9  # m³, and m²


def pipe_loss(length_m: float, bore_m: float, bends: float = 0.0, friction: float = 0.021) -> float:
    """Return the loss coefficient k in h = k q², s²/m⁵, after Darcy and Weisbach."""
    factor = friction * length_m / bore_m + bends
    return factor / (2.0 * GRAVITY * (math.pi * bore_m**2 / 4.0) ** 2)


def travelled(position: F8, setpoint: F8, most: F8 | float) -> F8:
    """Return how far actuators move towards their setpoints when they can move `most` %."""
    return np.minimum(np.maximum(setpoint - position, -most), most)


def valve_loss(position: F8) -> F8:
    """Return k of equal-percentage valves at a position in %; whoever is tight is told by SHUT."""
    out: F8 = _OPEN_LOSS * np.exp(_STEEPNESS * (1.0 - position * 0.01))
    return out


def exchange(level_m: F8, area_m2: F8, height_m: float, inflow_m3: F8, wanted_m3: F8) -> tuple[F8, F8, F8]:
    """Return (new level, share given 0…1, volume spilled in m³) of open upright tanks.

    Nothing is made or lost: level × area changes by inflow − share × wanted − spilled.
    """
    available = level_m * area_m2 + inflow_m3
    share = np.minimum(1.0, available / np.maximum(wanted_m3, _TINY))
    left = np.maximum(0.0, available - share * wanted_m3)
    spilled = np.maximum(0.0, left - area_m2 * height_m)
    return (left - spilled) / area_m2, share, spilled


def drive(suction_m: F8, shutoff_m: F8) -> F8:
    """Return the head that a branch gives at no flow; a pump that stands gives none."""
    return np.where(shutoff_m > 0.0, suction_m + shutoff_m, _STANDING)


def operating_point(
    first: F8, second: F8, branch_loss: F8, static_m: F8 | float, system_loss: F8, tight: B1
) -> tuple[F8, F8, F8]:
    """Return (head of the common header, flow of the first, of the second pump) of pairs of pumps.

    `first` and `second` are their drives, `branch_loss` is k of pump and branch, the same for both;
    the system takes `static + system_loss q²`, nothing where `tight`. Solved in closed form: with
    w = (√a + √b)² / 2 of the heads a, b that drive the two branches, the system's curve is quadratic in w.
    Where the weaker pump cannot open its check valve, the stronger is alone and its curve is quadratic in q.
    """
    high, low = np.maximum(first, second), np.minimum(first, second)
    alone_sq = np.maximum(high - static_m, 0.0) / (branch_loss + system_loss)
    alone = np.sqrt(alone_sq)
    head_alone = static_m + system_loss * alone_sq
    half = 0.5 * (high - low)
    mean = high - half - static_m
    a = 4.0 * system_loss / branch_loss + 1.0
    w = np.maximum((mean + np.sqrt(np.maximum(mean * mean - a * (half * half), 0.0))) / a, _TINY)
    root = np.sqrt(2.0 * branch_loss * w)
    both = (low > head_alone) & ~tight
    strong = np.where(both, (w + half) / root, np.where(tight, 0.0, alone))
    weak = np.where(both, np.maximum(w - half, 0.0) / root, 0.0)
    head = np.where(both, static_m + system_loss * (2.0 * w / branch_loss), head_alone)
    head = np.where(tight, np.maximum(high, static_m), head)
    is_first = first >= second
    return head, np.where(is_first, strong, weak), np.where(is_first, weak, strong)


def gravity_flow(head_m: F8, loss: F8, tight: B1) -> F8:
    """Return the flow in m³/s that a head drives through a loss; none backwards, none where tight."""
    return np.where(tight, 0.0, np.sqrt(np.maximum(head_m, 0.0) / loss))


def outlet_flow(level_m: F8, bore_m: float, opening: F8) -> F8:
    """Return Torricelli's flow in m³/s out of an orifice below `level_m` of water, opened 0…1."""
    area = _DISCHARGE * math.pi * bore_m**2 / 4.0
    out: F8 = area * np.maximum(opening, 0.0) * np.sqrt(2.0 * GRAVITY * np.maximum(level_m, 0.0))
    return out
