"""What the packing cell tells of itself: robot, gantry and the machines beside them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.line import Line

_UNIT_KG = 0.62
_CARTON_KG = 0.24
_STEPS_A_SECOND = 10


def status(line: Line) -> Mapping[str, float | str | bool]:
    """Return the values of the cell's tags."""
    out = {**_robot(line), **_gantry(line), **_machines(line)}
    for unit in ("R-301", "PL-301", "CS-301", "CW-301", "LB-301", "CELL-301"):
        out[f"{unit}.beat"] = line.steps // _STEPS_A_SECOND
    return out


def _robot(line: Line) -> dict[str, float | str | bool]:
    robot, out = line.robot, {}
    swing = np.abs(robot.speed)
    for k in range(6):
        out[f"R-301.joint{k + 1}_angle"] = round(float(robot.angle[k]), 3)
        out[f"R-301.joint{k + 1}_speed"] = round(float(robot.speed[k]), 2)
        out[f"R-301.joint{k + 1}_torque"] = round(float((12.0 - 1.6 * k) * (1.0 + 0.01 * swing[k])), 2)
        out[f"R-301.joint{k + 1}_temperature"] = round(41.0 - 1.5 * k + float(line.noise[k % 4]), 2)
    load = _UNIT_KG if robot.holds else 0.0
    reach = at.UPPER_M * math.sin(math.radians(robot.angle[1])) + at.LOWER_M * math.sin(
        math.radians(robot.angle[1] + robot.angle[2])
    )
    height = at.UPPER_M * math.cos(math.radians(robot.angle[1])) + at.LOWER_M * math.cos(
        math.radians(robot.angle[1] + robot.angle[2])
    )
    turn = math.radians(robot.angle[0])
    return {
        **out,
        "R-301.state": int(robot.state),
        "R-301.holds": robot.holds,
        "R-301.placed": robot.placed,
        "R-301.cycle": robot.last_s,
        "R-301.vacuum": round(-62.0 if robot.holds else -4.0, 1),
        "R-301.power": round(line.robot_kw, 3),
        "R-301.hours": round(5_310.0 + line.planned_s / 3600.0, 3),
        "R-301.load": load,
        "R-301.x": round(at.ROBOT[0] + reach * math.cos(turn), 3),
        "R-301.y": round(at.ROBOT[1] + reach * math.sin(turn), 3),
        "R-301.z": round(at.ROBOT_Z + height - at.WRIST_M, 3),
    }


def _gantry(line: Line) -> dict[str, float | str | bool]:
    gantry = line.gantry
    return {
        **{f"PL-301.{axis}": round(float(gantry.place[i]), 3) for i, axis in enumerate("xyz")},
        **{f"PL-301.{axis}_speed": round(float(gantry.speed[i]), 3) for i, axis in enumerate("xyz")},
        **{
            f"PL-301.current_{axis}": round(0.4 + 3.0 * abs(float(gantry.speed[i])), 2)
            for i, axis in enumerate("xyz")
        },
        "PL-301.state": int(gantry.state),
        "PL-301.holds": gantry.holds,
        "PL-301.stacked": gantry.stacked,
        "PL-301.layer": gantry.stacked // at.PER_LAYER,
        "PL-301.pallets": gantry.pallets,
        "PL-301.vacuum": round(-58.0 if gantry.holds else -3.0, 1),
        "PL-301.temperature": round(38.0 + float(line.noise[1]), 2),
        "PL-301.power": round(line.gantry_kw, 3),
        "PL-301.hours": round(4_890.0 + line.planned_s / 3600.0, 3),
    }


def _machines(line: Line) -> dict[str, float | str | bool]:
    noise, done = line.noise, line.good + line.scorched
    used = line.cartons % 100
    weight = at.PER_CARTON * _UNIT_KG + _CARTON_KG + 0.01 * float(noise[2])
    quality = 100.0 * line.good / max(done, 1)
    return {
        "CS-301.filled": line.filled,
        "CS-301.cartons": line.cartons,
        "CS-301.magazine": 100 - used,
        "CS-301.glue_temperature": round(162.0 + float(noise[0]), 2),
        "CS-301.glue_pressure": round(3.4 + 0.02 * float(noise[1]), 3),
        "CS-301.glue_level": round(84.0 - 0.1 * used, 2),
        "CS-301.rejects": line.cartons // 150,
        "CS-301.power": round(1.1 + 0.02 * float(noise[2]), 3),
        "CW-301.weight": round(weight, 4),
        "CW-301.mean": round(at.PER_CARTON * _UNIT_KG + _CARTON_KG, 4),
        "CW-301.deviation": 0.011,
        "CW-301.rate": round(3600.0 * line.belt.speed / at.PITCH_M / at.PER_CARTON, 1),
        "CW-301.rejects": line.cartons // 200,
        "CW-301.zero": round(0.001 * float(noise[3]), 5),
        "LB-301.labels": 2_400 - line.cartons % 2_400,
        "LB-301.printed": line.cartons,
        "LB-301.ribbon": round(71.0 - 0.02 * used, 2),
        "LB-301.verified": 99.8,
        "LB-301.head": round(46.0 + float(noise[0]), 2),
        "MD-301.signal": round(3.0 + abs(float(noise[1])), 2),
        "MD-301.rejects": 0,
        "MD-301.sensitivity": 1.2,
        "MD-301.balance": round(50.0 + float(noise[2]), 2),
        "CELL-301.air": round(6.1 + 0.03 * float(noise[0]), 3),
        "CELL-301.vacuum": round(-71.0 + float(noise[1]), 2),
        "CELL-301.temperature": round(23.0 + float(noise[2]), 2),
        "CELL-301.humidity": round(41.0 + float(noise[3]), 2),
        "CELL-301.fence_closed": True,
        "CELL-301.curtain_clear": True,
        "CELL-301.stop_released": True,
        "CELL-301.vibration": round(0.6 + 0.3 * abs(float(noise[1])), 3),
        "CELL-301.power": round(line.robot_kw + line.gantry_kw + 1.2, 3),
        "CELL-301.energy": round(line.energy_kwh, 3),
        "CELL-301.availability": round(100.0 * line.run_s / line.planned_s, 2),
        "CELL-301.performance": round(100.0 * line.belt.speed / 0.2, 1),
        "CELL-301.quality": round(quality, 2),
        "CELL-301.pallet_label": f"{line.batch}-{line.gantry.pallets + 1:03d}",
    }
