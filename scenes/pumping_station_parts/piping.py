"""Pipes with their bends and flanges, and the valves and instruments that stand in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from authoring.shapes import Point, Shape, merged, pipe, revolve, rod
from authoring.stage import Builder

from pumping_station_parts.layout import (
    HALL,
    INLET,
    NETWORK_Z,
    PIPING,
    PIT_Z,
    PUMP_SIZE,
    PUMP_X,
    SHAFT,
    SUCTION_Y,
    T_101,
    T_102,
    TRANSFER_Y,
    TRANSFER_Z,
)
from pumping_station_parts.parts import BRANCH_R, DISCHARGE_Z, PIPE_R, SUCTION_X
from pumping_station_parts.pumps import control_valve, flow_meter, gauge, transmitter


def build(b: Builder) -> None:
    """Write all pipes with what stands in them."""
    b.group(PIPING)
    b.group(f"{HALL}/Valves")
    b.group(f"{HALL}/Instruments")
    b.group(INLET)
    _inlet(b)
    _suctions(b)
    _branches(b)
    _transfer(b)
    _network(b)
    _supports(b)


def _run(b: Builder, path: str, points: Sequence[Point], radius: float = PIPE_R, ends: bool = True) -> None:
    """One pipe with flanges at its ends."""
    b.xform(path)
    b.mesh(f"{path}/Tube", pipe(points, radius), "Pipe")
    if not ends:
        return
    for name, at, other in (("FlangeA", points[0], points[1]), ("FlangeB", points[-1], points[-2])):
        direction = np.abs(np.array(other) - np.array(at))
        turn = ((0.0, 90.0, 0.0), (90.0, 0.0, 0.0), (0.0, 0.0, 0.0))[int(np.argmax(direction))]
        b.instance(f"{path}/{name}", "./parts/flange.usda", at=at, turn=turn, size=round(radius / PIPE_R, 3))


def _inlet(b: Builder) -> None:
    y, z, x = -3.3, 1.1, T_101[0]
    _run(b, f"{INLET}/Main", [(-21.0, y, -0.5), (-21.0, y, z), (-19.95, y, z)])
    flow_meter(b, f"{INLET}/FT_101", (-19.78, y, z))
    _run(b, f"{INLET}/Middle", [(-19.6, y, z), (-17.97, y, z)], ends=False)
    gauge(b, f"{INLET}/PT_104", (-18.8, y, z + 0.33))
    control_valve(b, f"{INLET}/V_100", (-17.8, y, z))
    top = T_101[2] + 5.35
    _run(
        b,
        f"{INLET}/Riser",
        [(-17.63, y, z), (x, y, z), (x, y, top), (x, T_101[1] - 1.75, top), (x, T_101[1] - 1.75, top - 0.45)],
        ends=False,
    )
    drain = T_101[0] - 2.45
    _run(b, f"{INLET}/DrainA", [(drain, 1.6, 0.55), (drain - 0.7, 1.6, 0.55)])
    control_valve(b, f"{INLET}/V_105", (drain - 0.87, 1.6, 0.55))
    _run(
        b, f"{INLET}/DrainB", [(drain - 1.04, 1.6, 0.55), (drain - 1.7, 1.6, 0.55), (drain - 1.7, 1.6, -0.4)]
    )


def _suctions(b: Builder) -> None:
    y, z = SUCTION_Y, SHAFT
    _run(
        b,
        f"{PIPING}/Suction101",
        [
            (T_101[0] + 2.45, 1.0, 0.6),
            (-11.4, 1.0, 0.6),
            (-11.4, y, 0.6),
            (-6.0, y, 0.6),
            (-6.0, y, z),
            (PUMP_X["P_101B"] + 0.5, y, z),
        ],
    )
    low = T_102[0] - 2.9
    _run(
        b,
        f"{PIPING}/Suction102",
        [
            (T_102[0] - 1.2, 1.0, 4.95),
            (T_102[0] - 1.2, 1.0, 2.9),
            (low, 1.0, 2.9),
            (low, 1.0, 0.5),
            (low, y, 0.5),
            (6.2, y, 0.5),
            (6.2, y, z),
            (PUMP_X["P_102A"] - 0.5, y, z),
        ],
    )
    gauge(b, f"{HALL}/Instruments/PT_101", (-5.35, y, z + 0.33))
    transmitter(b, f"{HALL}/Instruments/TT_100", (-3.4, y, z + 0.06))


def _branches(b: Builder) -> None:
    """Suction and discharge of each pump with their isolation valves."""
    b.xform(f"{PIPING}/Branches")
    for name, x in PUMP_X.items():
        path = f"{PIPING}/Branches/{name}"
        b.xform(path)
        suction = SUCTION_X * PUMP_SIZE
        valve_y = suction + 0.5
        reducer = merged(
            rod((x, SUCTION_Y, SHAFT), (x, valve_y + 0.17, SHAFT), BRANCH_R * 1.05, 14),
            rod((x, valve_y - 0.17, SHAFT), (x, suction, SHAFT), BRANCH_R * 1.05, 14),
        )
        b.mesh(f"{path}/Suction", reducer, "Pipe")
        b.instance(f"{path}/SuctionValve", "./parts/gate_valve.usda", at=(x, valve_y, SHAFT), turn=(0, 0, 90))
        base = PIT_Z + DISCHARGE_Z * PUMP_SIZE
        b.mesh(f"{path}/CheckValve", _check(), "CastIron", at=(x, 0.0, base + 0.22))
        b.instance(
            f"{path}/DischargeValve", "./parts/gate_valve.usda", at=(x, 0.0, base + 0.78), turn=(90, -90, 0)
        )
        lower = rod((x, 0, base - 0.02), (x, 0, base + 0.64), BRANCH_R, 14)
        top = base + 0.95
        if name.startswith("P_101"):
            rise = pipe([(x, 0, top), (x, 0, TRANSFER_Z), (x, TRANSFER_Y, TRANSFER_Z)], BRANCH_R)
        else:
            rise = rod((x, 0, top), (x, 0, NETWORK_Z), BRANCH_R, 14)
        b.mesh(f"{path}/Discharge", merged(lower, rise), "Pipe")
        for k, z in enumerate((base + 0.1, base + 0.36)):
            b.instance(
                f"{path}/Flange{k + 1}",
                "./parts/flange.usda",
                at=(x, 0.0, z),
                size=round(BRANCH_R / PIPE_R, 3),
            )


def _check() -> Shape:
    return revolve([(0.06, -0.14), (0.1, -0.1), (0.115, 0.0), (0.1, 0.1), (0.06, 0.14)], 18)


def _transfer(b: Builder) -> None:
    """P-101A/B → V-101 → FT-102 → V-102 → over the rim of T-102."""
    y, z = TRANSFER_Y, TRANSFER_Z
    _run(b, f"{PIPING}/Transfer1", [(-5.2, y, z), (0.33, y, z)])
    gauge(b, f"{HALL}/Instruments/PT_102", (-1.0, y, z + 0.33))
    control_valve(b, f"{HALL}/Valves/V_101", (0.5, y, z))
    _run(b, f"{PIPING}/Transfer2", [(0.67, y, z), (2.63, y, z)], ends=False)
    flow_meter(b, f"{HALL}/Instruments/FT_102", (2.8, y, z))
    _run(b, f"{PIPING}/Transfer3", [(2.97, y, z), (5.03, y, z)], ends=False)
    control_valve(b, f"{HALL}/Valves/V_102", (5.2, y, z))
    x, top = T_102[0] - 3.4, T_102[2] + 5.35
    end_y = T_102[1] - 1.75
    _run(
        b,
        f"{PIPING}/Transfer4",
        [
            (5.37, y, z),
            (x, y, z),
            (x, end_y, z),
            (x, end_y, top),
            (T_102[0], end_y, top),
            (T_102[0], end_y, top - 0.45),
        ],
        ends=False,
    )


def _network(b: Builder) -> None:
    """P-102A/B → V-103 → FT-103 → V-104 → into the ground."""
    z = NETWORK_Z
    _run(b, f"{PIPING}/Network1", [(0.8, 0.0, z), (5.33, 0.0, z)])
    control_valve(b, f"{HALL}/Valves/V_103", (5.5, 0.0, z))
    _run(b, f"{PIPING}/Network2", [(5.67, 0.0, z), (7.43, 0.0, z)], ends=False)
    gauge(b, f"{HALL}/Instruments/PT_103", (6.5, 0.0, z + 0.33))
    flow_meter(b, f"{HALL}/Instruments/FT_103", (7.6, 0.0, z))
    _run(b, f"{PIPING}/Network3", [(7.77, 0.0, z), (11.43, 0.0, z)], ends=False)
    vessel = f"{HALL}/PV_101"  # keeps the network's pressure when a pump trips
    b.xform(vessel, at=(8.15, 1.15, 0.0), kind="component")
    b.round_(f"{vessel}/Shell", "Capsule", (0.0, 0.0, 0.95), 0.26, 0.6, "TankShell")
    legs = merged(*[rod((0.2, 0, 0), (0.2, 0, 0.7), 0.02, 5).turned("z", 120 * k) for k in range(3)])
    b.mesh(f"{vessel}/Legs", legs, "SteelFrame")
    b.round_(f"{vessel}/FillValve", "Sphere", (0.0, -0.22, 1.28), 0.035, 0.0, "Machined")
    _run(b, f"{PIPING}/Vessel", [(8.15, 0.0, z), (8.15, 1.15, z), (8.15, 1.15, 1.45)], 0.04, ends=False)
    transmitter(b, f"{HALL}/Instruments/AT_103", (8.5, 0.0, z + 0.06))
    transmitter(b, f"{HALL}/Instruments/AT_101", (9.1, 0.0, z + 0.06))
    transmitter(b, f"{HALL}/Instruments/AT_102", (9.7, 0.0, z + 0.06))
    control_valve(b, f"{HALL}/Valves/V_104", (11.6, 0.0, z))
    _run(b, f"{PIPING}/Network4", [(11.77, 0.0, z), (12.7, 0.0, z), (12.7, 0.0, -0.5)], ends=False)
    transmitter(b, f"{HALL}/Instruments/TT_001", (-8.3, 4.6, 1.5))


def _supports(b: Builder) -> None:
    """Posts below the long runs; a support is one metre long and scaled."""
    b.xform(f"{PIPING}/Supports")
    feet = [(x, TRANSFER_Y, TRANSFER_Z) for x in (-3.9, -0.3, 1.7, 4.1, 7.2, 11.5)]
    feet += [(x, 0.0, NETWORK_Z) for x in (8.15, 10.7)] + [(x, SUCTION_Y, 0.6) for x in (-10.5, -8.9)]
    feet += [(x, SUCTION_Y, 0.5) for x in (8.2, 11.2)] + [(x, -3.3, 1.1) for x in (-18.4, -16.4)]
    for i, (x, y, z) in enumerate(feet, 1):
        b.instance(
            f"{PIPING}/Supports/Support{i}",
            "./parts/support.usda",
            at=(x, y, z),
            size=(1.0, 1.0, round(z - PIPE_R, 3)),
        )
