"""The hall: floor with walkways, back wall, columns, light; and the cameras."""

from __future__ import annotations

from authoring.shapes import beam, box, corrugated, i_section, merged
from authoring.stage import Builder

from armillary_plugins.demo_plant.line import layout as at
from packaging_line_parts.places import LINE

_X, _Y, _EAVES = (-3.2, 21.0), (-4.4, 7.6), 5.2


def build(b: Builder) -> None:
    """Write the hall and the cameras."""
    path = f"{LINE}/Hall"
    b.group(path)
    (x0, x1), (y0, y1) = _X, _Y
    b.cube(f"{path}/Floor", ((x0 + x1) / 2, (y0 + y1) / 2, -0.1), (x1 - x0, y1 - y0, 0.2), "Floor")
    walk = merged(*[box(x1 - x0 - 0.6, 0.09, 0.004).moved(x=(x0 + x1) / 2, y=y) for y in (-3.4, -1.9)])
    b.mesh(f"{path}/Walkway", walk, "Marking")
    wall = corrugated(x1 - x0, 3.4, 44, 0.05).moved(x=(x0 + x1) / 2, y=y1, z=0.9)
    b.mesh(f"{path}/Wall", wall, "Sheet", two_sided=True)
    b.cube(f"{path}/Dado", ((x0 + x1) / 2, y1 + 0.05, 0.45), (x1 - x0, 0.16, 0.9), "Concrete")
    columns = [
        beam((x, y1 - 0.25, 0.0), (x, y1 - 0.25, _EAVES), i_section(0.26, 0.28, 0.02, 0.015))
        for x in range(-3, 22, 6)
    ]
    b.mesh(f"{path}/Columns", merged(*columns), "SteelFrame")
    rail = beam(
        (x0, y1 - 0.25, _EAVES - 0.1), (x1, y1 - 0.25, _EAVES - 0.1), i_section(0.2, 0.3, 0.02, 0.012)
    )
    b.mesh(f"{path}/Beam", rail, "SteelFrame")
    _infeed(b)
    cameras = f"{LINE}/Cameras"
    b.xform(cameras)
    b.camera(f"{cameras}/Overview", (7.6, -13.2, 7.6), (8.5, 0.7, 0.85), 42)
    b.camera(f"{cameras}/Oven", (3.6, -6.2, 3.3), (4.9, 0.1, 1.25), 45)
    b.camera(
        f"{cameras}/Zone2",
        (at.OVEN_M + 1.2 * at.ZONE_M, -3.4, 2.3),
        (at.OVEN_M + 1.5 * at.ZONE_M, 0.0, 1.35),
        45,
    )
    b.camera(f"{cameras}/Conveyor", (8.4, -5.2, 3.1), (10.2, 0.1, 1.0), 45)
    b.camera(f"{cameras}/Packing", (14.4, -5.6, 4.4), (15.0, 1.2, 1.15), 48)


def _infeed(b: Builder) -> None:
    """The depositor that lays product on the belt."""
    path = f"{LINE}/Infeed"
    b.xform(path, at=(0.0, 0.0, 0.0), kind="component")
    legs = [box(0.08, 0.08, 1.55).moved(x=x, y=y) for x in (-0.45, 0.45) for y in (-0.5, 0.5)]
    hopper = box(1.0, 1.1, 0.55).moved(z=1.5)
    b.mesh(f"{path}/Hopper", merged(*legs, hopper, box(0.5, 0.5, 0.12).moved(z=1.38)), "Sheet")
    b.cube(f"{path}/Sign", (0.0, -0.556, 1.78), (0.7, 0.012, 0.28), "Ink")
