"""The packing cell: robot R-301 joint by joint, carton station, gantry PL-301, pallet, other machines."""

from __future__ import annotations

import itertools

from authoring.shapes import box, cylinder, merged, revolve, rod
from authoring.stage import Builder

from armillary_plugins.demo_plant.line import layout as at
from packaging_line_parts.places import BRIDGE_Z, GANTRY, GANTRY_X, GANTRY_Y, PACKING, PALLET, ROBOT


def build(b: Builder) -> None:
    """Write the cell."""
    b.group(PACKING)
    _robot(b)
    _carton(b)
    _gantry(b)
    _pallet(b)
    _machines(b)
    _fence(b)


def _robot(b: Builder) -> None:
    """Each joint is an Xform that turns about its own origin: 1 z, 2 y, 3 y, 4 z, 5 y, 6 z."""
    x, y = at.ROBOT
    b.xform(ROBOT, at=(x, y, 0.0), kind="component")
    foot = merged(box(0.8, 0.8, 0.05), cylinder(0.3, 0.5, 28, bevel=0.02).moved(z=0.05))
    b.mesh(f"{ROBOT}/Foot", foot, "DarkPaint")
    j1 = f"{ROBOT}/J1"
    b.xform(j1, at=(0.0, 0.0, 0.55))
    turret = merged(cylinder(0.27, 0.3, 28, bevel=0.02), box(0.34, 0.3, 0.5).moved(z=0.25))
    b.mesh(f"{j1}/Turret", turret, "Robot")
    j2 = f"{j1}/J2"
    b.xform(j2, at=(0.0, 0.0, at.ROBOT_Z - 0.55))
    hub = cylinder(0.17, 0.46, 24, bevel=0.015).turned("x", 90).moved(y=0.23)
    b.mesh(f"{j2}/Hub", hub, "DarkPaint")
    upper = merged(
        box(0.2, 0.16, at.UPPER_M), cylinder(0.13, 0.3, 20).turned("x", 90).moved(y=0.15, z=at.UPPER_M)
    )
    b.mesh(f"{j2}/UpperArm", upper, "Robot")
    j3 = f"{j2}/J3"
    b.xform(j3, at=(0.0, 0.0, at.UPPER_M))
    b.mesh(f"{j3}/Elbow", cylinder(0.12, 0.36, 20, bevel=0.01).turned("x", 90).moved(y=0.18), "DarkPaint")
    j4 = f"{j3}/J4"
    b.xform(j4)
    fore = merged(
        revolve(
            [(0.0, 0.0), (0.12, 0.0), (0.08, at.LOWER_M - 0.1), (0.075, at.LOWER_M), (0.0, at.LOWER_M)], 18
        )
    )
    b.mesh(f"{j4}/Forearm", fore, "Robot")
    j5 = f"{j4}/J5"
    b.xform(j5, at=(0.0, 0.0, at.LOWER_M))
    b.mesh(f"{j5}/Wrist", cylinder(0.08, 0.2, 16).turned("x", 90).moved(y=0.1), "DarkPaint")
    j6 = f"{j5}/J6"
    b.xform(j6)
    grip = at.WRIST_M
    cups = [
        cylinder(0.035, 0.07, 10).moved(x=dx, y=dy, z=grip - 0.07)
        for dx in (-0.11, 0.11)
        for dy in (-0.08, 0.08)
    ]
    tool = merged(cylinder(0.045, grip - 0.1, 12), box(0.32, 0.24, 0.03).moved(z=grip - 0.1), *cups)
    b.mesh(f"{j6}/Tool", tool, "Machined")
    sx, sy, sz = at.UNIT_SIZE
    b.mesh(f"{j6}/Load", box(sx, sy, sz).moved(z=grip), "White")


def _carton(b: Builder) -> None:
    """The carton that is filled, on its roller table."""
    path = f"{PACKING}/CS_301"
    x, y = at.CARTON_AT
    b.xform(path, at=(x, y, 0.0), kind="component")
    legs = [
        box(0.07, 0.07, at.BELT_Z - 0.1).moved(x=sx * 0.5, y=sy * 0.4) for sx in (-1, 1) for sy in (-1, 1)
    ]
    b.mesh(f"{path}/Table", merged(*legs, box(1.2, 0.95, 0.06).moved(z=at.BELT_Z - 0.12)), "SteelFrame")
    rollers = [
        cylinder(0.03, 0.86, 10).turned("x", 90).moved(x=-0.5 + 0.125 * k, y=0.43, z=at.BELT_Z - 0.035)
        for k in range(9)
    ]
    b.mesh(f"{path}/Rollers", merged(*rollers), "Machined")
    lx, ly, lz = at.CARTON_SIZE
    walls = [box(lx, 0.015, lz).moved(y=s * ly / 2) for s in (-1, 1)] + [
        box(0.015, ly, lz).moved(x=s * lx / 2) for s in (-1, 1)
    ]
    b.mesh(f"{path}/Carton", merged(*walls, box(lx, ly, 0.012)), "Carton", at=(0.0, 0.0, at.BELT_Z))
    sx, sy, sz = at.UNIT_SIZE
    for k in range(at.PER_CARTON):
        ux, uy, _ = at.unit_place(k)
        b.mesh(
            f"{path}/Inside{k + 1}", box(sx, sy, sz).moved(x=ux - x, y=uy - y, z=at.BELT_Z + 0.01), "White"
        )


def _gantry(b: Builder) -> None:
    """Bridge along x, trolley along y, mast along z; the grip's rest is the plant's own place."""
    b.xform(GANTRY, kind="component")
    (x0, x1), (y0, y1) = GANTRY_X, GANTRY_Y
    columns = [box(0.16, 0.16, BRIDGE_Z - 0.1).moved(x=x, y=y) for x in (x0, x1) for y in (y0, y1)]
    rails = [box(x1 - x0 + 0.2, 0.14, 0.2).moved(x=(x0 + x1) / 2, y=y, z=BRIDGE_Z - 0.2) for y in (y0, y1)]
    ends = [box(0.12, y1 - y0, 0.14).moved(x=x, y=(y0 + y1) / 2, z=BRIDGE_Z - 0.2) for x in (x0, x1)]
    b.mesh(f"{GANTRY}/Frame", merged(*columns, *rails, *ends), "SteelFrame")
    bridge = f"{GANTRY}/Bridge"
    b.xform(bridge, at=(at.CARTON_AT[0], 0.0, BRIDGE_Z))
    middle = (y0 + y1) / 2
    b.mesh(
        f"{bridge}/Beam",
        merged(
            box(0.24, y1 - y0 + 0.2, 0.18).moved(y=middle),
            *[box(0.4, 0.2, 0.12).moved(y=y, z=-0.02) for y in (y0, y1)],
        ),
        "Robot",
    )
    trolley = f"{bridge}/Trolley"
    b.xform(trolley, at=(0.0, at.CARTON_AT[1], 0.0))
    b.mesh(f"{trolley}/Carriage", box(0.42, 0.36, 0.26).moved(z=0.1), "DarkPaint")
    mast = f"{trolley}/Mast"
    b.xform(mast, at=(0.0, 0.0, at.GANTRY_Z - BRIDGE_Z))
    up = 1.55 + BRIDGE_Z - at.GANTRY_Z
    cups = [cylinder(0.04, 0.06, 10).moved(x=dx, y=dy) for dx in (-0.25, 0.25) for dy in (-0.18, 0.18)]
    b.mesh(
        f"{mast}/Column",
        merged(box(0.12, 0.12, up).moved(z=0.1), box(0.7, 0.5, 0.05).moved(z=0.06), *cups),
        "Machined",
    )
    lx, ly, lz = at.CARTON_SIZE
    b.mesh(f"{mast}/Load", box(lx, ly, lz).moved(z=-lz), "Carton")


def _deck(lift: float = 0.0):  # type: ignore[no-untyped-def]
    lx, ly = 2 * at.CARTON_SIZE[0] + 0.06, 2 * at.CARTON_SIZE[1] + 0.06
    boards = [
        box(lx, 0.14, 0.022).moved(y=-ly / 2 + 0.07 + (ly - 0.14) / 5 * k, z=at.PALLET_Z - 0.022)
        for k in range(6)
    ]
    blocks = [
        box(0.12, 0.12, at.PALLET_Z - 0.022).moved(x=dx * (lx / 2 - 0.07), y=dy * (ly / 2 - 0.07))
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    ]
    return merged(*boards, *blocks).moved(z=lift)


def _pallet(b: Builder) -> None:
    """The pallet that is stacked, and two that are done."""
    x, y = at.PALLET_AT
    b.xform(PALLET, at=(x, y, 0.0), kind="component")
    b.mesh(f"{PALLET}/Deck", _deck(), "Wood")
    lx, ly, lz = at.CARTON_SIZE
    for k in range(at.PER_PALLET):
        cx, cy, cz = at.carton_place(k)
        path = f"{PALLET}/Carton{k + 1:02d}"
        carton = merged(box(lx - 0.01, ly - 0.01, lz - 0.008), box(0.06, ly, lz - 0.004))
        b.mesh(path, carton, "Carton", at=(cx - x, cy - y, cz - lz))
    done = f"{PACKING}/Finished"
    b.xform(done, kind="group")
    for i, dy in enumerate((3.2, 5.1), 1):
        stack = [
            box(lx - 0.01, ly - 0.01, lz - 0.008).moved(
                x=at.carton_place(k)[0] - x, y=at.carton_place(k)[1] - y, z=at.carton_place(k)[2] - lz
            )
            for k in range(at.PER_PALLET)
        ]
        b.xform(f"{done}/Pallet{i}", at=(x, y + dy, 0.0), kind="component")
        b.mesh(f"{done}/Pallet{i}/Deck", _deck(), "Wood")
        b.mesh(f"{done}/Pallet{i}/Cartons", merged(*stack), "Carton")
        b.mesh(
            f"{done}/Pallet{i}/Wrap",
            box(2 * lx + 0.05, 2 * ly + 0.05, at.LAYERS * lz + 0.02).moved(z=at.PALLET_Z),
            "Wrap",
        )


def _machines(b: Builder) -> None:
    """Checkweigher, labeller, metal detector and the cell's cabinet."""
    x, y = at.CARTON_AT
    for name, dx, dy, size in (
        ("CW_301", 0.35, 1.55, (0.9, 0.7, 0.95)),
        ("LB_301", 1.6, 1.75, (0.5, 0.45, 1.5)),
        ("MD_301", -0.95, 1.7, (0.5, 0.8, 1.15)),
    ):
        path = f"{PACKING}/{name}"
        b.xform(path, at=(x + dx, y + dy, 0.0), kind="component")
        b.mesh(f"{path}/Body", box(*size), "Cabinet")
        b.cube(f"{path}/Screen", (0.0, -size[1] / 2 - 0.006, size[2] - 0.2), (0.26, 0.012, 0.18), "Screen")
    path = f"{PACKING}/CELL_301"
    b.xform(path, at=(at.ROBOT[0] - 0.9, at.ROBOT[1] + 1.9, 0.0), kind="component")
    b.mesh(f"{path}/Body", merged(box(0.9, 0.45, 1.9), box(0.92, 0.47, 0.08)), "Cabinet")
    b.cube(f"{path}/Lamp", (-0.3, -0.235, 1.6), (0.08, 0.02, 0.08), "Lamp")


def _fence(b: Builder) -> None:
    """The cell's fence along its back and its east side, low enough to look over."""
    x0, x1 = at.ROBOT[0] - 1.7, GANTRY_X[1] + 0.7
    y1, top = GANTRY_Y[1] + 1.5, 1.4
    corners = [(x0, y1), (x1, y1), (x1, GANTRY_Y[0] - 0.3)]
    bars = []
    for (ax, ay), (bx, by) in itertools.pairwise(corners):
        bars += [rod((ax, ay, z), (bx, by, z), 0.015) for z in (0.2, 0.8, top)]
        n = max(1, round(max(abs(bx - ax), abs(by - ay)) / 1.2))
        bars += [
            rod(
                (ax + (bx - ax) * k / n, ay + (by - ay) * k / n, 0.0),
                (ax + (bx - ax) * k / n, ay + (by - ay) * k / n, top),
                0.025,
            )
            for k in range(n + 1)
        ]
    b.mesh(f"{PACKING}/Fence", merged(*bars), "Fence")
