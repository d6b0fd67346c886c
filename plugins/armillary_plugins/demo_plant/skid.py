"""The dosing skid DS-201: hypochlorite into the network, in proportion to the flow. Pure."""

from __future__ import annotations

from dataclasses import dataclass

STRENGTH_G_L = 120.0  # chlorine in the solution
MOST_L_H = 4.0  # of one dosing pump at full speed
DRUM_L = 200.0
_DECAY_H = 9.0  # chlorine lost to the water, first order
_MIX_S = 40.0


@dataclass(slots=True)
class Skid:
    """Drum, two dosing pumps, and the residual they make. Dose in mg of chlorine a litre of water."""

    drum_l: float = 148.0
    dose_sp: float = 1.2
    dose_l_h: float = 0.0
    residual: float = 0.62
    speed_a: float = 0.0  # % of full speed
    speed_b: float = 0.0
    dosed_l: float = 0.0
    pressure_bar: float = 0.0

    def step(self, flow_m3s: float, line_bar: float, dt_s: float) -> None:
        """Dose into a flow for dt; the drum is filled up when it runs low, as the round does every week."""
        wanted = self.dose_sp * flow_m3s * 3600.0 / STRENGTH_G_L  # l/h: mg/l is g/m³
        possible = wanted if self.drum_l > 0.0 else 0.0
        self.speed_a = min(100.0, 100.0 * possible / MOST_L_H)
        rest = max(0.0, possible - MOST_L_H)
        self.speed_b = min(100.0, 100.0 * rest / MOST_L_H)
        self.dose_l_h = (self.speed_a + self.speed_b) / 100.0 * MOST_L_H
        used = min(self.drum_l, self.dose_l_h * dt_s / 3600.0)
        self.drum_l -= used
        self.dosed_l += used
        if self.drum_l < 0.1 * DRUM_L:
            self.drum_l = 0.9 * DRUM_L
        made = self.dose_l_h * STRENGTH_G_L / (flow_m3s * 3600.0) if flow_m3s > 1e-4 else 0.0  # noqa: PLR2004
        goal = 0.52 * made
        self.residual += (goal - self.residual) * min(1.0, dt_s / _MIX_S)
        self.residual -= self.residual * dt_s / (3600.0 * _DECAY_H)
        self.pressure_bar = line_bar + 0.6 + 0.012 * self.speed_a if self.speed_a > 0.0 else line_bar
