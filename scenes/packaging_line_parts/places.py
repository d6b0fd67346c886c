"""Prims of the line. Metres, z = 0 is the floor, product rides along +x; lengths are the plant's own."""

from __future__ import annotations

from armillary_plugins.demo_plant.line import layout as at

LINE = "/Line"
OVEN, CONVEYOR, UNITS, PACKING = f"{LINE}/Oven", f"{LINE}/Conveyor", f"{LINE}/Units", f"{LINE}/Packing"
ROBOT, GANTRY, PALLET = f"{PACKING}/R_301", f"{PACKING}/PL_301", f"{PACKING}/Pallet"
BELT_X = (-0.7, at.PICK_M + 0.45)
BELT_W = 0.62
GANTRY_X, GANTRY_Y = (
    (at.CARTON_AT[0] - 0.55, at.PALLET_AT[0] + 1.25),
    (at.PALLET_AT[1] - 1.35, at.PALLET_AT[1] + 1.35),
)
BRIDGE_Z = 3.35
SLAT_M = 0.3


def zone(number: int) -> str:
    """Return the prim of an oven zone, 1 to 4."""
    return f"{OVEN}/Zone{number}"


def unit(tag: str) -> str:
    """Return the prim of a unit on the belt, of its tracker `U-01`."""
    return f"{UNITS}/{tag.replace('-', '_')}"
