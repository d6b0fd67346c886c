"""The line's lengths and places, as the plant and its scene both use them. Metres; pure data.

Product rides along +x: belt 0 is the infeed, the robot takes it off at PICK. The floor is z = 0.
"""

from __future__ import annotations

ZONES = ("TT-211", "TT-212", "TT-213", "TT-214")
OVEN_M, ZONE_M = 1.6, 1.5  # where the first zone begins, and how long each is
OVEN_END_M = OVEN_M + len(ZONES) * ZONE_M
PICK_M = 13.0
JAM_M = 10.2
PITCH_M, CLOSEST_M = 0.9, 0.46  # between units as they come in; when they touch
TRACKED = 16  # units that the conveyor's controller follows at once
BELT_Z = 0.95
UNIT_SIZE = (0.36, 0.30, 0.22)
ROBOT = (PICK_M, 1.45)  # its foot, x and y
ROBOT_Z, UPPER_M, LOWER_M, WRIST_M = 1.15, 1.05, 0.95, 0.30  # shoulder height, arms, wrist to grip
CARTON_AT = (PICK_M + 1.55, 1.45)  # the carton that is filled
PER_CARTON = 4
CARTON_SIZE = (0.80, 0.66, 0.26)
PALLET_AT = (PICK_M + 4.4, 1.45)
PALLET_Z = 0.15
PER_LAYER, LAYERS = 4, 4
PER_PALLET = PER_LAYER * LAYERS  # cartons
GANTRY_Z = 2.35  # of its gripper when it is up


def carton_place(index: int) -> tuple[float, float, float]:
    """Return where the middle of a carton's top stands on the pallet."""
    layer, k = divmod(index % PER_PALLET, PER_LAYER)
    x = PALLET_AT[0] + (k % 2 - 0.5) * (CARTON_SIZE[0] + 0.02)
    y = PALLET_AT[1] + (k // 2 - 0.5) * (CARTON_SIZE[1] + 0.02)
    return x, y, PALLET_Z + (layer + 1) * CARTON_SIZE[2]


def unit_place(index: int) -> tuple[float, float, float]:
    """Return where the middle of a unit's top stands in the carton that is filled."""
    k = index % PER_CARTON
    x = CARTON_AT[0] + (k % 2 - 0.5) * (UNIT_SIZE[0] + 0.03)
    y = CARTON_AT[1] + (k // 2 - 0.5) * (UNIT_SIZE[1] + 0.02)
    return x, y, BELT_Z + UNIT_SIZE[2]
