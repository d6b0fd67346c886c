"""Conveyor C-201: frame, belt with slats, drums, motor M-201, guard, cooling water, and the units on it."""

from __future__ import annotations

from pathlib import Path

from authoring.shapes import box, cylinder, merged, pipe, revolve, rod
from authoring.stage import Builder

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.signals import UNITS as TRACKERS
from packaging_line_parts.places import BELT_W, BELT_X, CONVEYOR, LINE, SLAT_M, UNITS, unit


def build(b: Builder) -> None:
    """Write the conveyor and the units."""
    b.xform(CONVEYOR, kind="component")
    _frame(b)
    _belt(b)
    _motor(b)
    _guard(b)
    _tower(b)
    _water(b)
    b.group(UNITS)
    for tag in TRACKERS:
        _unit(b, unit(tag))


def _frame(b: Builder) -> None:
    x0, x1 = BELT_X
    z, side = at.BELT_Z - 0.1, BELT_W / 2 + 0.04
    rails = [box(x1 - x0, 0.05, 0.16).moved(x=(x0 + x1) / 2, y=s * side, z=z - 0.04) for s in (-1, 1)]
    legs = []
    for x in (x0 + 0.25, 0.9, 8.4, 10.0, 11.6, x1 - 0.3):
        legs += [box(0.07, 0.07, z).moved(x=x, y=s * side) for s in (-1, 1)]
        legs.append(box(0.05, 2 * side, 0.05).moved(x=x, z=0.3))
    b.mesh(f"{CONVEYOR}/Frame", merged(*rails, *legs), "SteelFrame")
    rail = [
        rod(
            (x0 + 0.2, s * (side - 0.02), at.BELT_Z + 0.1),
            (at.OVEN_M - 0.1, s * (side - 0.02), at.BELT_Z + 0.1),
            0.014,
        )
        for s in (-1, 1)
    ]
    rail += [
        rod(
            (at.OVEN_END_M + 0.1, s * (side - 0.02), at.BELT_Z + 0.1),
            (x1 - 0.2, s * (side - 0.02), at.BELT_Z + 0.1),
            0.014,
        )
        for s in (-1, 1)
    ]
    b.mesh(f"{CONVEYOR}/GuideRails", merged(*rail), "Machined")


def _belt(b: Builder) -> None:
    x0, x1 = BELT_X
    b.mesh(
        f"{CONVEYOR}/Belt",
        box(x1 - x0 - 0.1, BELT_W, 0.04).moved(x=(x0 + x1) / 2, z=at.BELT_Z - 0.045),
        "Rubber",
    )
    n = int((x1 - x0 - 0.5) / SLAT_M)
    slats = [box(0.05, BELT_W - 0.02, 0.008).moved(x=x0 + 0.1 + SLAT_M * k) for k in range(n)]
    b.mesh(f"{CONVEYOR}/Slats", merged(*slats), "Bolt", at=(0.0, 0.0, at.BELT_Z - 0.006))
    for name, x in (("TailDrum", x0 + 0.06), ("HeadDrum", x1 - 0.06)):
        spokes = [
            box(0.02, 0.06, 0.016).moved(x=0.05).turned("z", 60.0 * k).moved(z=BELT_W / 2 + 0.075)
            for k in range(6)
        ]
        drum = merged(cylinder(0.095, BELT_W + 0.14, 22).moved(z=-BELT_W / 2 - 0.07), *spokes)
        b.mesh(f"{CONVEYOR}/{name}", drum.turned("x", 90), "Machined", at=(x, 0.0, at.BELT_Z - 0.11))


def _motor(b: Builder) -> None:
    path = f"{CONVEYOR}/M_201"
    x = BELT_X[1] - 0.06
    b.xform(path, at=(x, -BELT_W / 2 - 0.12, at.BELT_Z - 0.11), kind="component")
    b.mesh(f"{path}/Gear", box(0.2, 0.2, 0.2).moved(y=-0.1, z=-0.1), "CastIron")
    fins = [
        revolve([(0.1, 0.0), (0.125, 0.0), (0.125, 0.012), (0.1, 0.012)], 18).moved(z=0.05 + 0.04 * k)
        for k in range(7)
    ]
    body = merged(cylinder(0.11, 0.36, 20, bevel=0.01), *fins)
    b.mesh(f"{path}/Body", body.turned("x", 90), "MotorPaint", at=(0.0, -0.2, 0.0))
    b.cube(f"{path}/Box", (0.0, -0.36, 0.15), (0.12, 0.16, 0.09), "DarkPaint")


def _guard(b: Builder) -> None:
    """A hinged polycarbonate hood over the belt between the oven and the robot."""
    path = f"{CONVEYOR}/Guard"
    x, w = 9.6, 1.9
    b.xform(path, at=(x, 0.42, at.BELT_Z + 0.02), kind="component")
    bars = [rod((s * w / 2, 0.0, 0.0), (s * w / 2, 0.0, 0.5), 0.02) for s in (-1, 1)]
    bars += [rod((s * w / 2, 0.0, 0.5), (s * w / 2, -0.84, 0.5), 0.02) for s in (-1, 1)]
    bars += [rod((s * w / 2, -0.84, 0.5), (s * w / 2, -0.84, 0.0), 0.02) for s in (-1, 1)]
    bars += [rod((-w / 2, y, 0.5), (w / 2, y, 0.5), 0.02) for y in (0.0, -0.84)]
    b.mesh(f"{path}/Frame", merged(*bars), "Galvanised")
    b.cube(f"{path}/Pane", (0.0, -0.42, 0.5), (w, 0.82, 0.012), "Glass")
    b.cube(f"{path}/Front", (0.0, -0.84, 0.25), (w, 0.012, 0.46), "Glass")


def _tower(b: Builder) -> None:
    """The signal tower of the line, and its cabinet."""
    path = f"{CONVEYOR}/Tower"
    b.xform(path, at=(8.35, -0.95, 0.0), kind="component")
    b.mesh(f"{path}/Cabinet", box(0.6, 0.4, 1.3), "Cabinet")
    b.cube(f"{path}/Screen", (0.0, -0.207, 1.0), (0.34, 0.012, 0.22), "Screen")
    b.mesh(f"{path}/Pole", cylinder(0.02, 0.3, 10).moved(z=1.3), "Machined")
    for k, name in enumerate(("Green", "Amber", "Red")):
        b.mesh(f"{path}/{name}", cylinder(0.07, 0.13, 18, bevel=0.01).moved(z=1.6 + 0.14 * k), "Lamp")


def _water(b: Builder) -> None:
    """Cooling water FT-231 over the belt behind the oven."""
    path = f"{LINE}/Cooling"
    b.xform(path, kind="component")
    y = 1.25
    b.mesh(
        f"{path}/Supply",
        pipe(
            [
                (6.6, y + 1.2, 0.3),
                (6.6, y + 1.2, 1.9),
                (8.2, y + 1.2, 1.9),
                (8.2, 0.0, 1.9),
                (8.2, 0.0, 1.55),
            ],
            0.045,
        ),
        "Pipe",
    )
    b.mesh(
        f"{path}/Sprays",
        merged(
            *[revolve([(0.09, 0.0), (0.03, 0.12), (0.0, 0.12)], 12).moved(x=0.18 * k) for k in (-1, 0, 1)],
            box(0.6, 0.06, 0.06).moved(z=0.1),
        ),
        "Machined",
        at=(8.2, 0.0, 1.44),
    )
    b.xform(f"{path}/FT_231", at=(7.4, y + 1.2, 1.9), kind="component")
    b.mesh(f"{path}/FT_231/Body", cylinder(0.085, 0.26, 18).turned("y", 90).moved(x=-0.13), "CastIron")
    b.mesh(
        f"{path}/FT_231/Head", merged(cylinder(0.02, 0.14, 8), box(0.16, 0.12, 0.14).moved(z=0.14)), "Cabinet"
    )


def write_parts(folder: Path) -> None:
    """Write one product: a tray with a loaf of crispbread."""
    part = Builder(folder / "unit.usda", "Part")
    part.stage.GetDefaultPrim().SetMetadata("kind", "component")
    sx, sy, sz = at.UNIT_SIZE
    part.mesh("/Part/Tray", box(sx, sy, 0.05), "DarkPaint")
    h = sz - 0.05
    crust = revolve([(0.0, 0.0), (0.5, 0.0), (0.5, 0.55), (0.44, 0.85), (0.3, 1.0), (0.0, 1.0)], 20)
    point = crust.point * [sx * 0.92, sy * 0.92, h]
    loaf = type(crust)(point, crust.normal, crust.count, crust.index).moved(z=0.05)
    part.mesh("/Part/Product", loaf, "White")
    part.save()


def _unit(b: Builder, path: str) -> None:
    """One product on the belt; it moves by its tracker."""
    b.reference(path, "./parts/unit.usda", at=(0.0, 0.0, at.BELT_Z))
