"""Where things stand: world metres, z = 0 is the floor of the hall, +x east, +y north."""

from __future__ import annotations

from authoring.shapes import Point

HALL_X, HALL_Y, EAVES = (-8.5, 10.5), (-5.0, 5.0), 5.2
FRAMES_X = (-8.5, -3.75, 1.0, 5.75, 10.5)
PIT_X, PIT_Y, PIT_Z = (-6.6, 6.9), (-2.9, 3.0), -0.8
PUMP_X = {"P_101A": -4.6, "P_101B": -2.2, "P_102A": 1.4, "P_102B": 3.8}
PUMP_SIZE = 1.3  # of the part
SHAFT = PIT_Z + 0.45 * PUMP_SIZE  # elevation of the shafts
SUCTION_Y = 2.25
TRANSFER_Y, TRANSFER_Z = 3.75, 2.0  # the header of P-101A/B, on the north wall
NETWORK_Z = 1.9  # the header of P-102A/B, over the pumps
TANK_R, TANK_H = 2.5, 4.4
T_101: Point = (-15.0, 1.0, 0.0)
T_102: Point = (17.0, 1.0, 5.0)
SKID: Point = (8.7, -3.1, 0.0)
CABINET: Point = (-7.8, -2.6, 0.0)
HALL, STORAGE, INLET = "/Station/PumpHall", "/Station/Storage", "/Station/Inlet"
PIPING = f"{HALL}/Piping"
